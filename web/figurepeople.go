package web

import (
	"strconv"
	"strings"

	"homeward/care"
	"homeward/measure"
	"homeward/web/ui"
)

// figurePeople is whom a figure counts: those whom the reader may see anyway. Whether
// there are others is said, without a number.
func (s *Server) figurePeople(v *visit) (response, error) {
	m, ok := measure.Find(measure.ID(v.path("measure")))
	if !ok {
		return nil, &care.Error{Kind: care.NotFound, Text: "There is no such figure"}
	}
	f, err := s.figureFilters(v)
	if err != nil {
		return nil, err
	}
	page, _ := strconv.Atoi(v.query("page"))
	q := f.query(s, m.ID)
	b, err := s.Hub.Behind(v.ctx(), v.by, q, page)
	if err != nil {
		return nil, err
	}
	t := ui.Table{Caption: "Whom this figure counts", Columns: []ui.Column{{Label: "Person"}, {Label: "Where"}, {Label: "From"}, {Label: "To"}, {Label: "Counted as"}}, Empty: ui.Empty("Nobody whom you may see", ui.P("The figure counts nobody in this time whose case you may open."))}
	for _, r := range b.Rows {
		where := ui.Node(ui.Missing("Not shown"))
		if !r.Masked {
			where = ui.Text(strings.Join(r.Words, ", "))
		}
		to, as := ui.Node(ui.Text("Still open")), ""
		if !r.To.IsZero() {
			to = ui.TimeAt(r.To)
		}
		switch {
		case r.Out != "":
			as = "Left out: " + r.Out
		case timed(m) && !r.To.IsZero():
			as = amountOf(m, float64(r.Value)).say(float64(r.Value))
		case m.Source.Span:
			as = ui.Plural(int(r.Value), "night", "nights")
		default:
			as = "Counted"
		}
		if r.Assumed != "" {
			as += " (" + r.Assumed + ")"
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.PersonCell(casePath(r.Case, ""), ui.Name(r.Person.Family, r.Person.Given, r.Person.Title), ui.Day(r.Person.Born), r.NHS.Spaced()), where, ui.TimeAt(r.From), to, ui.Text(as)}})
	}
	var notes ui.Nodes
	if b.Others {
		notes = append(notes, ui.Inset(ui.P("There are others whom you may not see.")))
	}
	if b.More {
		notes = append(notes, ui.Inset(ui.P("There are more than can be listed. Choose a shorter time or a smaller part.")))
	}
	href := func(n int) string {
		g := f
		g.asked = cloneValues(f.asked)
		g.asked.Set("page", strconv.Itoa(n))
		return g.path(figurePath(m.ID, "/people"))
	}
	return show(ui.Page{Title: "Whom a figure counts", Width: ui.WorkPage, Back: &ui.NavItem{Href: f.path(figurePath(m.ID, "")), Text: m.Title}, Main: []ui.Node{
		ui.WorkHead("Whom this counts: "+m.Title, f.place()+", "+f.when()), ui.Small("Your look at this list is recorded with your name, for each person on it."), s.figureBar(f, figurePath(m.ID, "/people")), notes, t, ui.Pagination{Page: b.Page, Pages: b.Pages, Href: href}}}), nil
}
