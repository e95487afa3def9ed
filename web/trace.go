package web

import (
	"errors"
	"net/http"

	"homeward/care"
	"homeward/hub"
	"homeward/policy"
	"homeward/web/ui"
)

// traceRoutes is checking with PDS who somebody is.
func (s *Server) traceRoutes() []route {
	return []route{
		{pattern: "GET /cases/{id}/pds", nav: "tracker", asks: deciding(policy.SeeDemographics), do: s.traced},
		{pattern: "POST /cases/{id}/pds", nav: "tracker", asks: deciding(policy.SeeDemographics), do: s.trace},
	}
}

// traceLink leads there, from where it says who somebody is; nothing where PDS is
// not asked or the reader may not.
func (s *Server) traceLink(c hub.CaseView) ui.Node {
	if !s.Hub.HasPDS() || !c.May[policy.SeeDemographics] || !c.May[policy.Refer] && !c.May[policy.Steward] || c.JoinedTo != "" {
		return nil
	}
	return ui.Para(ui.Link(casePath(c.ID, "/pds"), "Check with the Personal Demographics Service"))
}

// traceAction leads there from a row of the ward list, for people whose NHS number
// is not known.
func (l list) traceAction(r hub.ListRow) ui.Node {
	if !l.pds || !r.Row.NHS.IsZero() || r.Row.Frozen || r.Shut || r.NoRefer || r.MovedAway {
		return nil
	}
	return ui.Para(ui.LinkAbout(casePath(r.Row.Case, "/pds"), "Find the NHS number", "of "+personName(r.Row)))
}

func (s *Server) traced(v *visit) (response, error) {
	p, err := s.Hub.PDS(v.ctx(), v.by, v.id())
	if err != nil {
		return nil, err
	}
	return show(s.tracePage(v, p, "")), nil
}

func (s *Server) trace(v *visit) (response, error) {
	_, err := s.Hub.TracePDS(v.ctx(), v.by, v.id())
	status := map[care.Kind]int{care.Transient: http.StatusServiceUnavailable, care.Required: http.StatusUnprocessableEntity}[care.KindOf(err)]
	var why *care.Error
	if status != 0 && errors.As(err, &why) { // what PDS said before is shown beside it
		p, err := s.Hub.PDS(v.ctx(), v.by, v.id())
		if err != nil {
			return nil, err
		}
		return page{s.tracePage(v, p, why.Text), status}, nil
	}
	if err != nil {
		return nil, err
	}
	return goTo(casePath(v.id(), "/pds")).saying("PDS has answered"), nil
}

// tracePage is what PDS last said, how old that is, and where to ask again. wrong
// is why it could not be asked just now; "" it could.
func (s *Server) tracePage(v *visit, p hub.PDSView, wrong string) ui.Page {
	var failed ui.Node
	if wrong != "" {
		failed = ui.WarningCard(2, "PDS was not asked", ui.P(wrong+"."))
	}
	var last ui.Nodes
	switch {
	case p.Asked.IsZero():
		last = ui.Nodes{ui.P("PDS was not asked about this person yet.")}
	default:
		state := ui.Tag(ui.TagGrey, "Not verified")
		if p.Verified {
			state = ui.Tag(ui.TagGreen, "NHS number verified")
		}
		var words []ui.Node
		for _, w := range p.Words {
			words = append(words, ui.Text(w+"."))
		}
		last = ui.Nodes{ui.Para(state), ui.Bullets(words...), ui.Para(ui.Text("PDS said this "), ui.AgoTime(p.Asked, v.now), ui.Text("."))}
	}
	ask := ui.Nodes{}
	if p.May {
		ask = ui.Nodes{ui.PostForm(casePath(p.Case, "/pds"), ui.ButtonGroup(ui.Button{Text: "Ask PDS now"}, ui.Link(casePath(p.Case, "?tab=identity"), "Go back"))),
			ui.Small("The NHS number is sent, or, where it is not known, the name, the date of birth, the gender and the postcode. That you asked is recorded with your name.")}
	}
	return ui.Page{Title: "Check with PDS", Width: ui.FormPage, Banner: s.caseBanner(p.About, v.now), Back: &ui.NavItem{Href: casePath(p.Case, "?tab=identity"), Text: "Back to the case"}, Main: []ui.Node{ui.TwoThirds(
		ui.H1("Check with the Personal Demographics Service"), failed, last, ask)}, Error: wrong != ""}
}
