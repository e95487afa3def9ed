package hub

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"strconv"
	"strings"
	"time"

	"homeward/care"
	"homeward/measure"
	"homeward/nhs"
	"homeward/store"
	"homeward/tabular"
)

// writeReport writes a report for a reader, of the time that its period is at one time.
// Whoever may not take figures away is refused, and small numbers are not in it.
func (h *Hub) writeReport(ctx context.Context, by care.Actor, r Report, f ReportFormat, at time.Time) ([]byte, error) {
	err := h.update(ctx, func(tx *store.Tx) error {
		a, err := h.mayReportFigures(tx, by)
		if err != nil {
			return err
		}
		return a.audit(tx, true, fmt.Sprintf("%d measures taken away as %s", len(r.Items), f))
	})
	if err != nil {
		return nil, err
	}
	from, to := r.Period.Days(h.today(at))
	var qs []FigureQuery
	for _, i := range r.Items {
		qs = append(qs, FigureQuery{Measure: i.Measure, Where: i.Where, By: i.By, Every: i.Every, From: from, To: to})
	}
	views, err := h.FiguresAway(ctx, by, qs...)
	if err != nil {
		return nil, err
	}
	if f == ReportPage {
		return h.figurePage(r.Name, views), nil
	}
	var b bytes.Buffer
	err = h.FigureTable("figures", r.Name, views).Write(&b, tabular.Format(f))
	return b.Bytes(), err
}

// Today is the local day of now.
func (h *Hub) Today() nhs.Date { return h.today(h.now()) }

// figureColumns are the columns of figures as a file.
var figureColumns = []tabular.Column{
	{Name: "measure", Words: "Code of the measure", Kind: tabular.Text},
	{Name: "title", Words: "What it measures", Kind: tabular.Text},
	{Name: "of", Words: "The hospitals, councils or others that it is of", Kind: tabular.Text},
	{Name: "part", Words: "The part, where it is split; empty: all", Kind: tabular.Text},
	{Name: "from", Words: "First day", Kind: tabular.Date},
	{Name: "to", Words: "Last day", Kind: tabular.Date},
	{Name: "unit", Words: "What value is in; a share is between 0 and 1", Kind: tabular.Text},
	{Name: "value", Words: "The figure; empty where there is nothing to count, or it is of too few people", Kind: tabular.Decimal},
	{Name: "over", Words: "How many it is made of", Kind: tabular.Integer},
	{Name: "running", Words: "How many still run, and are not in it", Kind: tabular.Integer},
	{Name: "note", Words: "Why there is no figure, or that its time is not over", Kind: tabular.Text},
}

// FigureTable is figures as a table that leaves the service: views must be suppressed.
func (h *Hub) FigureTable(name, title string, views []FigureView) tabular.Table {
	t := tabular.Table{Name: name, Title: title, Columns: figureColumns}
	var rows [][]any
	add := func(v FigureView, part string, from, to time.Time, f measure.Figure) {
		row := []any{string(v.Def.ID), v.Def.Title, h.whereWords(v.Where), part, from, to, string(v.Def.Unit), nil, nil, nil, v.remark(f, to)}
		if f.Known && !f.Few {
			row[7], row[8], row[9] = f.Value, f.Over, f.Open
		}
		rows = append(rows, row)
	}
	steps := func(v FigureView, part string, list []FigureStep) {
		for _, s := range list {
			add(v, part, s.Start.Time(), v.Every.Next(s.Start).Add(-1).Time(), s.Figure)
		}
	}
	for _, v := range views {
		add(v, "", v.From.Time(), v.To.Time(), v.Total)
		steps(v, "", v.Steps)
		for _, g := range v.Groups {
			add(v, g.Name, v.From.Time(), v.To.Time(), g.Figure)
			steps(v, g.Name, g.Steps)
		}
		t.Notes = append(t.Notes, tabular.Note{Head: v.Def.Title, Text: v.Def.Sentence + " " + v.Def.Method + " Laid down in: " + v.Def.Cite})
	}
	if len(views) > 0 {
		t.Notes = append([]tabular.Note{{Head: "As at", Text: views[0].AsAt.In(h.Zone).Format("2006-01-02 15:04 MST")},
			{Head: "Of", Text: h.whereWords(views[0].Where)},
			{Head: "Small numbers", Text: fewWords}}, t.Notes...)
	}
	t.Rows = tabular.Rows(rows)
	return t
}

var fewWords = "Figures of fewer than " + strconv.Itoa(measure.Few) + " people are left out, and others from which those could be worked out"

// remark is what must be said beside a figure whose last day is to.
func (v FigureView) remark(f measure.Figure, to time.Time) string {
	switch {
	case f.Few:
		return "fewer than " + strconv.Itoa(measure.Few) + ", or needed to hide such a number"
	case !f.Known:
		return "nothing to count"
	case v.Whole.Time().Before(to):
		return "not complete yet"
	}
	return ""
}

// sayFigure is a figure with its unit.
func sayFigure(u measure.Unit, f measure.Figure) string {
	number := func(x float64, digits int) string {
		s := strconv.FormatFloat(x, 'f', digits, 64)
		return strings.TrimSuffix(s, ".0")
	}
	switch {
	case f.Few:
		return "fewer than " + strconv.Itoa(measure.Few)
	case !f.Known:
		return "nothing to count"
	case u == measure.Share:
		return number(f.Value*100, 1) + "%"
	case u == measure.Minutes && f.Value >= 48*60:
		return number(f.Value/(24*60), 1) + " days"
	case u == measure.Minutes:
		return number(f.Value/60, 1) + " hours"
	case u == measure.Count:
		return number(f.Value, 1)
	}
	return number(f.Value, 1) + " " + string(u)
}

const reportStyle = `body{font:16px/1.4 Arial,sans-serif;color:#212b32;margin:2em;max-width:60em}h1{font-size:1.6em}h2{font-size:1.2em;margin:1.6em 0 .2em}` +
	`p{margin:.3em 0}.big{font-size:1.5em;font-weight:bold}table{border-collapse:collapse;width:100%;margin:.6em 0}caption{text-align:left}th,td{text-align:left;padding:.3em .8em .3em 0;border-bottom:1px solid #d8dde0}` +
	`td.n,th.n{text-align:right}@media print{body{margin:0;font-size:12px}section{break-inside:avoid}}`

// figurePage is figures as a page that stands alone, for printing: it needs no other
// file, and runs nothing.
func (h *Hub) figurePage(title string, views []FigureView) []byte {
	var b strings.Builder
	text := func(parts ...string) {
		for i, p := range parts {
			if i%2 == 1 {
				p = html.EscapeString(p)
			}
			b.WriteString(p)
		}
	}
	text("<!DOCTYPE html>\n<html lang=\"en-GB\">\n<head><meta charset=\"utf-8\"><title>", title, "</title><meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"><style>"+reportStyle+"</style></head>\n<body><main><h1>", title, "</h1>\n")
	for _, v := range views {
		when := v.From.String() + " to " + v.To.String()
		text("<section><h2>", v.Def.Title, "</h2>\n<p>", h.whereWords(v.Where)+", "+when+". As at "+v.AsAt.In(h.Zone).Format("2 January 2006, 15:04"), "</p>\n<p class=\"big\">", sayFigure(v.Def.Unit, v.Total), "</p>\n<p>", v.Def.Sentence, "</p>\n")
		table := func(head string, rows func(row func(name string, f measure.Figure, to time.Time))) {
			text("<table><thead><tr><th>", head, "</th><th class=\"n\">Figure</th><th class=\"n\">Made of</th><th>Note</th></tr></thead><tbody>\n")
			rows(func(name string, f measure.Figure, to time.Time) {
				over := ""
				if f.Known && !f.Few {
					over = strconv.FormatInt(f.Over, 10)
				}
				text("<tr><td>", name, "</td><td class=\"n\">", sayFigure(v.Def.Unit, f), "</td><td class=\"n\">", over, "</td><td>", v.remark(f, to), "</td></tr>\n")
			})
			text("</tbody></table>\n")
		}
		if len(v.Groups) > 0 {
			table("Part", func(row func(string, measure.Figure, time.Time)) {
				for _, g := range v.Groups {
					row(g.Name, g.Figure, v.To.Time())
				}
			})
		}
		if len(v.Steps) > 0 {
			table("From", func(row func(string, measure.Figure, time.Time)) {
				for _, s := range v.Steps {
					row(s.Start.String(), s.Figure, v.Every.Next(s.Start).Add(-1).Time())
				}
			})
		}
		text("<p>How it is counted: ", v.Def.Method+" Laid down in: "+v.Def.Cite, "</p></section>\n")
	}
	text("<p>", fewWords+".", "</p>\n</main></body>\n</html>\n")
	return []byte(b.String())
}
