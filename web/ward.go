package web

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"time"

	"homeward/care"
	"homeward/hub"
	"homeward/web/ui"
)

// ward is everybody on one ward, for the board round. ui.md 7.4.
func (s *Server) ward(v *visit) (response, error) {
	l, err := s.listOf(v, kindWard)
	if err != nil {
		return nil, err
	}
	if l.query.Ward == "" {
		return s.chooseWard(v)
	}
	rows, err := s.Hub.List(v.ctx(), v.by, l.query)
	if err != nil {
		return nil, err
	}
	if l.query.Page > rows.Pages { // fewer people than there were
		return goTo(l.path()), nil
	}
	if s := l.query.Sort; s == "" || s == "bed" {
		slices.SortStableFunc(rows.Rows, bedOrder)
	}
	choices := []ui.Choice{}
	for _, w := range rows.Wards {
		choices = append(choices, ui.Choice{Value: w.Code, Label: w.Name})
	}
	p := ui.Page{Title: "Ward list", Width: ui.WorkPage, Main: []ui.Node{
		ui.WorkHead(l.wardName(rows), l.countsText(viewCounts(rows))),
		s.pausedBanner(rows.Paused),
		l.strip(rows),
		ui.Filter{Action: "/ward", Button: "Show ward", Fields: []ui.Node{ui.Select{ID: "filter-ward", Name: "ward", Label: "Ward", Value: l.query.Ward, Items: choices}}},
		ui.PrintMeta(v.now, v.by.Name),
		l.fill(rows, ui.Empty("No one is on this ward", ui.P("The hospital has told of nobody in it. Check the ward, or choose another."))),
		l.pagination(rows),
	}}
	return show(p), nil
}

// wardName is how the hospital calls the ward: in its list of wards, or in its
// messages.
func (l list) wardName(v hub.ListView) string {
	i := slices.IndexFunc(v.Wards, func(w hub.Ward) bool { return w.Code == l.query.Ward })
	if i >= 0 && v.Wards[i].Name != l.query.Ward {
		return v.Wards[i].Name
	}
	for _, r := range v.Rows {
		if r.Row.Where.Ward == l.query.Ward && r.WardName != "" {
			return r.WardName
		}
	}
	return l.query.Ward
}

// bedOrder puts bed 2 before bed 10: numbers by their value, the rest by letter.
func bedOrder(a, b hub.ListRow) int {
	x, y := a.Row.Where, b.Row.Where
	return cmp.Or(natural(x.Bay, y.Bay), natural(x.Bed, y.Bed), cmp.Compare(a.Row.Case, b.Row.Case))
}

func natural(a, b string) int {
	m, err1 := strconv.Atoi(a)
	n, err2 := strconv.Atoi(b)
	if err1 == nil && err2 == nil {
		return cmp.Compare(m, n)
	}
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

func (s *Server) chooseWard(v *visit) (response, error) {
	// the list itself is asked so that the policy decides, before wards are named
	rows, err := s.Hub.List(v.ctx(), v.by, hub.ListQuery{Scope: hub.ScopeWard})
	if err != nil {
		return nil, err
	}
	t := ui.Table{Caption: "Wards with people in them", Stay: true, Columns: []ui.Column{{Label: "Ward"}, {Label: "People", Numeric: true}},
		Empty: ui.Empty("No ward has anyone in it", ui.P("Wards come here when the hospital tells that somebody is in them."))}
	for _, w := range rows.Wards {
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Link("/ward?"+url.Values{"ward": {w.Code}}.Encode(), w.Name), ui.Textf("%d", w.People)}})
	}
	return show(ui.Page{Title: "Choose a ward", Main: []ui.Node{ui.H1("Choose a ward"), ui.TwoThirds(t)}}), nil
}

func (l list) wardColumns() []ui.Column {
	sort := l.query.Sort
	return []ui.Column{
		l.sortable("Bed", "", sort == "" || sort == "bed", ui.Ascending), l.sortable("Person", "name", sort == "name", ui.Ascending),
		l.sortable("Expected discharge", "expected", sort == "expected", ui.Ascending), l.sortable("Discharge-ready since", "wait", sort == "wait", ui.Descending),
		{Label: "Criteria to reside"}, {Label: "Referral"}, {Label: "Waiting for"}, {Label: "Next action", HideOnPrint: true},
	}
}

func (l list) wardCells(r hub.ListRow, at time.Time) []ui.Node {
	place := ui.Nodes{ui.Missing("Not known")}
	if b := r.Row.Where.Bed; b != "" {
		place = ui.Nodes{ui.NoWrap("Bed " + b)}
	}
	if bay := r.Row.Where.Bay; bay != "" {
		place = append(place, ui.Sub("bay "+bay))
	}
	switch {
	case r.MovedAway && r.WardName == "": // PV1-3 was sent as "": the hospital says that the place is no more. HL7 v2.4 2.7.1
		place = ui.Nodes{ui.Text("Place not told"), ui.Sub("moved at " + ui.ClockOn(r.Row.MovedAt, at))}
	case r.MovedAway:
		place = ui.Nodes{ui.Text("Moved to " + r.WardName), ui.Sub("at " + ui.ClockOn(r.Row.MovedAt, at))}
	}
	return []ui.Node{append(place, asAt(r, at)), personCell(r), ui.Or(predicted(r.Row), "Not recorded"), waitCell(r), l.criteriaCell(r, at), referralCell(r, at), l.waitingCell(r, at), ui.Nodes{wardAction(r), l.traceAction(r)}}
}

// referralCell is how far the referral is, as the ward asks it: not sent, sent,
// received, or with whom.
func referralCell(r hub.ListRow, at time.Time) ui.Node {
	row := r.Row
	switch {
	case row.Died:
		return ui.Text("Not needed")
	case row.Referral == "" || !row.Open && row.State != care.RefWithdrawn && row.State != care.RefCancelled:
		return ui.Missing("Not sent")
	case !row.Open:
		return ui.Text(row.State.Say())
	case row.State == care.RefSent && row.Council == "":
		return ui.Nodes{ui.Text("Sent"), ui.Sub("council not settled")}
	case row.State == care.RefSent, row.State == care.RefReceived:
		return ui.Nodes{ui.Text(row.State.Say()), ui.Sub(ui.ClockOn(row.SentAt, at))}
	case row.State == care.RefReturned:
		return ui.Tag(ui.TagYellow, row.State.Say())
	case row.Worker.Name != "":
		return ui.Nodes{ui.Text("Allocated to " + row.Worker.Name), ui.If(row.State != care.RefAllocated, func() ui.Node { return ui.Sub(row.State.Say()) })}
	}
	return ui.Text(row.State.Say())
}

// wardAction is what the ward can do next about somebody.
func wardAction(r hub.ListRow) ui.Node {
	about := "for " + personName(r.Row)
	switch {
	case r.Row.Died || r.Row.Frozen || r.MovedAway:
	case r.Row.Open && r.Row.State == care.RefReturned:
		return ui.LinkAbout(casePath(r.Row.Case, "/refer"), "Send information", about)
	case !r.Row.Open && !r.NoRefer:
		return ui.LinkAbout(casePath(r.Row.Case, "/refer"), "Refer", about)
	}
	return openLink(r, "Open", about)
}
