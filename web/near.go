package web

import (
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/hub"
	"homeward/web/ui"
)

// withoutNumber lists who is in the reader's hospital without an NHS number, with
// the records that may be of the same person. Nothing is joined by itself.
func withoutNumber(us []hub.Unnumbered, now time.Time) ui.Node {
	if len(us) == 0 {
		return nil
	}
	list := ui.Nodes{ui.P("They can be referred and cared for without one. Look each up on the Personal Demographics Service, and put the number into your hospital’s system: it comes here by itself. Below each are your organisation’s records that may be of the same person.")}
	for _, u := range us {
		part := ui.Nodes{ui.Para(ui.Text("In hospital since "+ui.ClockOn(u.Since, now)+", "), ui.AgoTime(u.Since, now), ui.Text(".")), personCard(3, "Without an NHS number", u.Card, now)}
		if len(u.Near) == 0 {
			part = append(part, ui.P("No record of yours is like this one."))
		}
		for _, m := range u.Near {
			part = append(part, personCard(3, "May be the same person", m.Card, now), differsLine(m),
				ui.Button{Text: "Compare and decide", About: "records " + handle(u.Card.ID) + " and " + handle(m.Card.ID), Kind: ui.Secondary, Href: pairPath("near", m.Card.ID, u.Card.ID)})
		}
		list = append(list, part)
	}
	return ui.Section("without-number", "In hospital without an NHS number", list)
}

// notVerified lists who is in the reader's hospital with a number that nobody has traced
// and agreed, with who has that to do.
func notVerified(us []hub.Unverified, more bool, now time.Time) ui.Node {
	if len(us) == 0 {
		return nil
	}
	t := ui.Table{Caption: "NHS numbers that are not verified", Columns: []ui.Column{{Label: "Person"}, {Label: "NHS number"}, {Label: "Where"}, {Label: "In hospital since"}, {Label: "To do"}}}
	for _, u := range us {
		p := u.Card.Person
		where := ui.Or(u.Card.Where, ui.NotKnown)
		if !u.Card.WhereShown {
			where = ui.Missing("Not shown to your role")
		}
		born := ""
		if !p.Born.IsZero() {
			born = "Born " + ui.Day(p.Born)
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{
			ui.Nodes{ui.LinkAbout(casePath(u.Card.ID, "?tab=identity"), ui.Name(p.Family, p.Given, p.Title), "identity"), ui.Sub(born)},
			ui.Nodes{numberOr(u.Card.NHS), ui.Sub(traceSay(u.Trace))}, where,
			ui.Nodes{ui.TimeAt(u.Since), ui.Sub(ui.Ago(u.Since, now))}, ui.Text("Your hospital’s coordinators: verify the number")}})
	}
	return ui.Section("not-verified", "In hospital with an NHS number that is not verified",
		ui.P("They can be referred and cared for. Look each up on the Personal Demographics Service, and put the result into your hospital’s system: it comes here by itself."), t,
		ui.If(more, func() ui.Node { return ui.P("There are more. The list shows those who have been here longest.") }))
}

// traceSay is how a number stands, in words; NHS NUMBER STATUS INDICATOR CODE of the NHS
// Data Dictionary.
func traceSay(t care.Trace) string {
	if say := map[care.Trace]string{"02": "Present, not traced", "03": "Trace required", "04": "Trace attempted: no match, or several", "05": "Trace needs to be resolved", "06": "Trace in progress", "07": "Not present, no trace needed", "08": "Trace postponed"}[t]; say != "" {
		return say
	}
	return "Not traced: code " + string(t)
}

func differsLine(m hub.NearMatch) ui.Node {
	if len(m.Differs) == 0 {
		return ui.P("Name, date of birth and postcode are the same.")
	}
	return ui.Nodes{ui.P("What differs:"), ui.Bullets(ui.Map(m.Differs, func(d string) ui.Node { return ui.Text(d) })...)}
}

func (s *Server) askNear(v *visit) (response, error) {
	p, err := s.nearPage(v, care.CaseID(v.query("survivor")), care.CaseID(v.query("retired")), nil)
	return show(p), err
}

// nearPage compares somebody without a number with a record that is like theirs.
func (s *Server) nearPage(v *visit, id, without care.CaseID, errs []ui.FieldError) (ui.Page, error) {
	all, err := s.Hub.WithoutNumber(v.ctx(), v.by)
	if err != nil {
		return ui.Page{}, err
	}
	for _, u := range all {
		i := slices.IndexFunc(u.Near, func(m hub.NearMatch) bool { return m.Card.ID == id })
		if u.Card.ID != without || i < 0 {
			continue
		}
		m := u.Near[i]
		return ui.Page{Title: "One person or two", Width: ui.PersonPage, Back: identityBack(), Main: []ui.Node{
			ui.ErrorSummary(errs), ui.H1("Is this one person or two?"),
			ui.Halves(personCard(2, "Without an NHS number", u.Card, v.now), personCard(2, "May be the same person", m.Card, v.now)),
			differsLine(m),
			ui.TwoThirds(ui.PostForm("/identity/near", ui.Hidden("survivor", string(id)), ui.Hidden("retired", string(without)),
				ui.Radios{ID: "same", Legend: "Is it one person?", Value: v.form("same"), Error: ui.ErrorFor(errs, "same"), Items: []ui.Choice{
					{Value: "yes", Label: "Yes, the same person", Hint: "The records become one, with the stays, referrals, notes and packages of both. You can separate them again"},
					{Value: "no", Label: "No, another person", Hint: "Both records stay as they are, and are not shown as alike again"}}},
				confirmField(v, hub.Question{Differs: m.Ticks}, errs), whyField(v, errs),
				ui.ButtonGroup(ui.Submit("Save what you decided"), ui.Link("/identity", "Cancel"))))}}, nil
	}
	return ui.Page{}, &care.Error{Kind: care.NotFound, Text: "These records are not compared any more. Somebody may have decided, or the number is known now"}
}

// settleNear keeps what a person decided, with why.
func (s *Server) settleNear(v *visit) (response, error) {
	id, without := care.CaseID(v.form("survivor")), care.CaseID(v.form("retired"))
	again := func(errs []ui.FieldError) (response, error) {
		p, err := s.nearPage(v, id, without, errs)
		return refuse(p), err
	}
	var wrong wrongs
	if same := v.form("same"); same != "yes" && same != "no" {
		wrong.add("same", "Select whether it is one person")
	}
	wrong.need("why", strings.TrimSpace(v.form("why")), "Enter how you know")
	if wrong = append(wrong, tooLong(v.form("why"))...); len(wrong) > 0 {
		return again(wrong)
	}
	if v.form("same") == "no" {
		err := s.Hub.Distinct(v.ctx(), v.by, id, without, v.form("why"))
		if errs, ok := fieldErrors(err, nil); ok {
			return again(errs)
		}
		if err != nil {
			return nil, err
		}
		return goTo("/identity").saying("Kept: they are two people."), nil
	}
	_, err := s.Hub.Join(v.ctx(), v.by, id, without, v.form("why"), confirmed(v)...)
	if errs, ok := fieldErrors(err, nil); ok {
		return again(errs)
	}
	if err != nil {
		return nil, err
	}
	return goTo(pairPath("joined", id, without)), nil
}
