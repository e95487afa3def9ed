package web

import (
	"homeward/care"
	"homeward/hub"
	"homeward/nhs"
	"homeward/sharing"
	"homeward/web/ui"
)

// What a reader is told where a sharing agreement lets nothing flow. It names
// organisations and days, is the same whoever is asked about, and so tells
// nothing of a person. ui.md 7.1, 7.14.

// pausedLines says whose part is not shown, since when and why.
func (s *Server) pausedLines(ps []sharing.Pause) ui.Node {
	return ui.Bullets(ui.Map(s.byOrg(ps), func(p sharing.Pause) ui.Node { return ui.Text(s.pausedLine(p)) })...)
}

// byOrg is one pause an organisation: the first that is listed, which one of
// several agreements came to.
func (s *Server) byOrg(ps []sharing.Pause) (out []sharing.Pause) {
	seen := map[nhs.ODS]bool{}
	for _, p := range ps {
		if !seen[p.With] {
			seen[p.With] = true
			out = append(out, p)
		}
	}
	return out
}

func (s *Server) pausedLine(p sharing.Pause) string {
	name := s.Hub.Org(p.With).Name
	since := ""
	if !p.Since.IsZero() {
		since = " since " + ui.LongDate(p.Since.Time())
	}
	switch p.Why {
	case sharing.StateExpired:
		return name + ": not shown" + since + ", because the sharing agreement has ended"
	case sharing.StateSuspended:
		return name + ": not shown" + since + ", because the sharing agreement is suspended"
	case sharing.StateOver:
		return name + ": not shown" + since + ", because the sharing agreement was withdrawn"
	}
	return name + ": never shown, because there is no sharing agreement with your organisation"
}

// pausedPhones is whom to ring instead.
func (s *Server) pausedPhones(level int, ps []sharing.Pause) ui.Node {
	return ui.Map(s.byOrg(ps), func(p sharing.Pause) ui.Node {
		o := s.Hub.Org(p.With)
		title := ui.H3(o.Name)
		if level == 2 {
			title = ui.H2(o.Name)
		}
		if o.Kind == care.Council {
			return ui.Nodes{title, councilNumbers(o)}
		}
		return ui.Nodes{title, ui.SummaryList(phoneRow("Phone", o.Phone))}
	})
}

// pausedBanner stands above a list: whose people are not in it.
func (s *Server) pausedBanner(ps []sharing.Pause) ui.Node {
	if len(ps) == 0 {
		return nil
	}
	return ui.WarningCard(2, "Access is paused",
		ui.P("The people of these organisations are not in this list. This does not mean that nobody waits there."),
		s.pausedLines(ps),
		ui.Details("Whom to ring instead", s.pausedPhones(3, ps)),
		ui.Small("Your information governance lead can say when access comes back."))
}

// pausedNote stands on a page of which some is shown.
func (s *Server) pausedNote(ps []sharing.Pause) ui.Node {
	if len(ps) == 0 {
		return nil
	}
	return ui.Inset(ui.Strong("Access is paused. "), ui.Text("This page lacks what these organisations hold, whoever it is about:"), s.pausedLines(ps))
}

// pausedParts is the answer to a look-up where nothing is shared with the
// reader's organisation. It is the same whoever was looked up.
func (s *Server) pausedParts(l hub.LookView) []ui.Node {
	return []ui.Node{ui.TwoThirds(
		ui.H1("Access is paused"),
		ui.WarningCard(2, "Social care could not be checked",
			ui.P("Your organisation cannot see social care records now. This is not about this person: it is the same whoever you look up."),
			s.pausedLines(l.Paused),
			ui.P("This does not mean the person has no care. Ring:"),
			lookPhones(l)),
		ui.Para(ui.Link("/lookup", "Find another person")),
		ui.P("Your information governance lead can say when access comes back."),
		ui.Small(lookRecorded))}
}

// pausedRefusal stands on a refusal. Every refusal of a reader has it while
// access is paused, so that it says nothing of the one that was asked about.
func (s *Server) pausedRefusal(err error) ui.Node {
	ps := hub.PausedOf(err)
	if len(ps) == 0 {
		return nil
	}
	return ui.WarningCard(2, "Access is paused",
		ui.P("Your organisation cannot see what these organisations hold. It is the same whatever page you ask for:"),
		s.pausedLines(ps),
		ui.P("If that is why you cannot see this, ring:"), s.pausedPhones(3, ps))
}
