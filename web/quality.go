package web

import (
	"cmp"
	"net/url"
	"strconv"
	"strings"

	"homeward/hub"
	"homeward/measure"
	"homeward/nhs"
	"homeward/policy"
	"homeward/web/ui"
)

// qualityRoutes are the pages of the quality of data: what is missing, late,
// contradictory or improbable, and who can mend it.
func (s *Server) qualityRoutes() []route {
	return []route{
		{pattern: "GET /quality", nav: "quality", asks: deciding(policy.SeeQuality), do: s.quality},
		{pattern: "GET /quality/records", nav: "quality", asks: deciding(policy.SeeQuality), do: s.qualityRecords},
		{pattern: "GET /quality/file", nav: "quality", asks: deciding(policy.ExportFigures), do: s.qualityFile},
	}
}

// kindWords are the kinds of finding, in words and colours.
var kindWords = map[measure.FindingKind]struct {
	say    string
	colour ui.Colour
}{
	measure.Missing: {"Missing", ui.TagYellow}, measure.TooLate: {"Late", ui.TagOrange},
	measure.Contradictory: {"Contradictory", ui.TagRed}, measure.Improbable: {"Improbable", ui.TagPurple},
}

func recordsPath(q hub.QualityQuery) string {
	x := url.Values{}
	for name, value := range map[string]string{"finding": q.Finding, "hospital": string(q.Hospital), "ward": q.Ward, "council": string(q.Council)} {
		if value != "" {
			x.Set(name, value)
		}
	}
	if len(x) == 0 {
		return "/quality/records"
	}
	return "/quality/records?" + x.Encode()
}

func (s *Server) quality(v *visit) (response, error) {
	q, err := s.Hub.Quality(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	counts := "Nothing to put right"
	if n, _ := hub.SayAll(q.OfKind("")...); n != "0" {
		counts = upper(n) + " to put right, as at " + ui.DateTime(q.At)
	}
	main := []ui.Node{ui.WorkHead("Data quality", counts), qualityTiles(q), qualityFindings(q)}
	if len(q.Wards) > 0 {
		main = append(main, ui.H2("By ward"), qualityTable("Things to put right by ward", "Ward", true, q.Wards, func(p hub.QualityPlace) string {
			return recordsPath(hub.QualityQuery{Hospital: p.Org.ODS, Ward: p.Code})
		}, q.MayList))
	}
	if len(q.Feeds) > 0 {
		main = append(main, ui.H2("By feed"), qualityTable("Things to put right by the system that told them", "Feed", true, q.Feeds, nil, false))
	}
	if len(q.Councils) > 0 {
		main = append(main, ui.H2("Referrals, by council"), qualityTable("Things to put right in referrals, by council", "Council", false, q.Councils, func(p hub.QualityPlace) string {
			return recordsPath(hub.QualityQuery{Council: p.Org.ODS})
		}, q.MayList))
	}
	main = append(main, qualityWeeks(q),
		ui.Details("How this is counted",
			ui.P("Each thing to put right counts from when it was recorded, or from when it is due, until something is recorded by which it is so no longer: it was put right, or the person left and it no longer matters."),
			ui.P("Only counts stand here. Of other organisations’ records, fewer than "+strconv.Itoa(measure.Few)+" are not counted exactly: “2 to "+strconv.Itoa(measure.Few)+"” is 1 of yours and fewer than "+strconv.Itoa(measure.Few)+" of others. Restricted people are counted too.")))
	if q.MayTake {
		main = append(main, ui.Para(ui.Link("/quality/file", "Download as CSV")))
	}
	return show(ui.Page{Title: "Data quality", Width: ui.WorkPage, Main: append(main, ui.PrintMeta(v.now, v.by.Name))}), nil
}

func qualityTiles(q hub.QualityView) ui.Node {
	var tiles []ui.StatTile
	for _, k := range measure.FindingKinds {
		n, _ := hub.SayAll(q.OfKind(k)...)
		tiles = append(tiles, ui.StatTile{Label: kindWords[k].say, Value: upper(n)})
	}
	return ui.StatTiles(tiles...)
}

// qualityFindings is each finding: how many, what to do and who can.
func qualityFindings(q hub.QualityView) ui.Node {
	t := ui.Table{Caption: "What to put right", Columns: []ui.Column{{Label: "What"}, {Label: "Kind"}, {Label: "How many"}, {Label: "What to do"}, {Label: "Who can"}},
		Empty: ui.Empty("Nothing to put right", ui.P("Nothing that is looked for was found in any record."))}
	most := int64(0)
	for _, f := range q.Findings {
		most = max(most, f.Sum())
	}
	for _, f := range q.Findings {
		what := ui.Node(ui.Text(f.Words))
		if q.MayList {
			what = ui.LinkAbout(recordsPath(hub.QualityQuery{Finding: f.Code}), f.Words, "whose records")
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{what, ui.Tag(kindWords[f.Kind].colour, kindWords[f.Kind].say),
			ui.Bar(float64(f.Sum()), float64(most), f.Say()), ui.Text(f.Do), ui.Text(f.Mender)}})
	}
	return t
}

// qualityTable is how much there is to put right in some places, by kind. list gives
// where to see whose records they are, of places that are the reader's.
func qualityTable(caption, what string, org bool, places []hub.QualityPlace, list func(hub.QualityPlace) string, mayList bool) ui.Node {
	t := ui.Table{Caption: caption, Columns: []ui.Column{{Label: what}}}
	if org {
		t.Columns = append(t.Columns, ui.Column{Label: "Hospital"})
	}
	for _, k := range measure.FindingKinds {
		t.Columns = append(t.Columns, ui.Column{Label: kindWords[k].say, Numeric: true})
	}
	t.Columns = append(t.Columns, ui.Column{Label: "All"}, ui.Column{Label: "Who can"})
	most := int64(0)
	for _, p := range places {
		_, n := hub.SayAll(p.Kinded()...)
		most = max(most, n)
	}
	for _, p := range places {
		name := ui.Node(ui.Text(p.Name))
		if mayList && list != nil && p.Total.Own > 0 && p.Org.ODS != "" {
			name = ui.LinkAbout(list(p), p.Name, "whose records")
		}
		cells := []ui.Node{name}
		if org {
			cells = append(cells, ui.Text(p.Org.Name))
		}
		for _, k := range measure.FindingKinds {
			n := "0"
			if a := p.Kinds[k]; a != nil {
				n = a.Say()
			}
			cells = append(cells, ui.Text(n))
		}
		all, n := hub.SayAll(p.Kinded()...)
		t.Rows = append(t.Rows, ui.TableRow{Cells: append(cells, ui.Bar(float64(n), float64(most), all), ui.Text(p.Mender))})
	}
	return t
}

// qualityWeeks is the course of it, week by week.
func qualityWeeks(q hub.QualityView) ui.Node {
	whose := "all records"
	if q.Whose != "" {
		whose = "records of " + q.Whose
	}
	t := ui.Table{Caption: "Week by week: " + whose, Columns: []ui.Column{{Label: "Week from"}, {Label: "Found", Numeric: true}, {Label: "Put right or over", Numeric: true}, {Label: "To put right at its end"}}}
	most := int64(0)
	for _, w := range q.Weeks {
		most = max(most, w.Open)
	}
	for i := range q.Weeks {
		w := q.Weeks[len(q.Weeks)-1-i]
		few := "fewer than " + strconv.Itoa(measure.Few)
		cells := []ui.Node{ui.Text(ui.Day(w.Start)), ui.Text(figure(w.New)), ui.Text(figure(w.Mended)), ui.Bar(float64(w.Open), float64(most), figure(w.Open))}
		if w.Few {
			cells = []ui.Node{ui.Text(ui.Day(w.Start)), ui.Text(few), ui.Text(few), ui.Text(few)}
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: cells})
	}
	return ui.Nodes{ui.H2("Week by week"), t}
}

// qualityRecords is whose records are to be put right.
func (s *Server) qualityRecords(v *visit) (response, error) {
	l, err := s.Hub.QualityPeople(v.ctx(), v.by, hub.QualityQuery{Finding: v.query("finding"), Hospital: nhs.ODS(v.query("hospital")), Ward: v.query("ward"), Council: nhs.ODS(v.query("council"))})
	if err != nil {
		return nil, err
	}
	t := ui.Table{Caption: "Records to put right", Columns: []ui.Column{{Label: "Person"}, {Label: "What"}, {Label: "Since"}, {Label: "Where"}, {Label: "What to do"}, {Label: "Who can"}},
		Empty: ui.Empty("No records that you may see", ui.P("There is nothing of this to put right in records that you may see."))}
	for _, r := range l.Rows {
		number := "Not known"
		if !r.NHS.IsZero() {
			number = unbroken(r.NHS.Spaced()) // NHS CUI NUM-0001
		}
		born := "not known"
		if !r.Person.Born.IsZero() {
			born = ui.Day(r.Person.Born)
		}
		who := ui.Nodes{ui.Text(r.Mender)}
		if len(r.Names) > 0 {
			who = append(who, ui.Sub(strings.Join(r.Names, ", ")))
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{
			ui.PersonCell(mendPath(r), cmp.Or(ui.Name(r.Person.Family, r.Person.Given, r.Person.Title), "Name not known"), born, number),
			ui.Nodes{ui.Text(r.Finding.Words), ui.Break(), ui.Tag(kindWords[r.Finding.Kind].colour, kindWords[r.Finding.Kind].say)},
			ui.TimeAt(r.Since), ui.Text(r.Place), ui.Text(r.Finding.Do), who}})
	}
	main := []ui.Node{ui.WorkHead(l.Words, ui.Plural(len(l.Rows), "thing", "things")+" to put right"), t}
	if l.Others {
		main = append(main, ui.Small("And others whom you may not see, or more than fit on this page."))
	}
	return show(ui.Page{Title: "Records to put right", Width: ui.WorkPage, Back: &ui.NavItem{Href: "/quality", Text: "Data quality"},
		Main: append(main, ui.Small("That you saw this list is recorded."), ui.PrintMeta(v.now, v.by.Name))}), nil
}

// mendPath is where a finding can be mended, or seen: the referral, who is who, or the
// person's record.
func mendPath(r hub.QualityRow) string {
	switch {
	case r.Finding.Code == "home-overdue":
		return casePath(r.Case, "/outcomes")
	case r.Finding.OfReferral():
		return casePath(r.Case, "/referral")
	case r.Finding.Who == measure.StewardMends && r.MaySteer:
		return "/identity"
	}
	return casePath(r.Case, "")
}

func (s *Server) qualityFile(v *visit) (response, error) {
	counts, at, err := s.Hub.QualityFile(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	local := at.In(s.Zone)
	f := csvFile{name: "data-quality-" + local.Format("2006-01-02-1504") + ".csv", rows: [][]string{{"as_at", "by", "organisation", "name", "kind", "count"}}}
	for _, c := range counts {
		n := strconv.FormatInt(c.Count, 10)
		if c.Few {
			n = "fewer than " + strconv.Itoa(measure.Few)
		}
		f.rows = append(f.rows, []string{local.Format("2006-01-02T15:04:05-07:00"), c.By, c.Org, c.Name, string(c.Kind), n})
	}
	return f, nil
}
