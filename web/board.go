package web

import (
	"cmp"
	"slices"
	"time"

	"homeward/care"
	"homeward/hub"
	"homeward/web/ui"
)

// board shows the tracker's people by stage. Nothing is dragged: a stage
// changes on the case. Who is not referred yet is beside it, and who has gone
// home below. ui.md 7.5, WCAG 2.5.7.
func (s *Server) board(l list, v hub.ListView) ui.Node {
	return ui.Nodes{
		ui.If(len(v.Rows) == 0, l.nobody),
		ui.If(v.Total > len(v.Rows), func() ui.Node {
			return ui.Inset(ui.P("The board shows the longest waits. Use filters to see the others."))
		}),
		notReferred(byID(v.Rows)),
		ui.Board(columns(v.Rows, v.At)...),
	}
}

// boardStages are the columns, with their titles.
func boardStages() [][2]string {
	return slices.DeleteFunc(hub.Stages(), func(st [2]string) bool { return st[0] == "none" || st[0] == "left" })
}

func onBoard(r hub.ListRow) bool {
	return slices.ContainsFunc(boardStages(), func(st [2]string) bool { return st[0] == r.Stage })
}

// columns are the stages with their cards, in the order of the rows.
func columns(rows []hub.ListRow, at time.Time) []ui.BoardColumn {
	var out []ui.BoardColumn
	for _, st := range boardStages() {
		c := ui.BoardColumn{Key: st[0], Title: st[1]}
		for _, r := range rows {
			if r.Stage == c.Key {
				c.Cards = append(c.Cards, card(r, at))
			}
		}
		c.Count = len(c.Cards)
		out = append(out, c)
	}
	return out
}

// besideRows are the parts of a board that follow from its rows: the headings
// with their counts, and who is not referred.
func besideRows(rows map[care.CaseID]hub.ListRow) []ui.Node {
	n := map[string]int{}
	for _, r := range rows {
		n[r.Stage]++
	}
	out := []ui.Node{notReferred(rows)}
	for _, st := range boardStages() {
		out = append(out, ui.BoardColumn{Key: st[0], Title: st[1], Count: n[st[0]]}.Heading())
	}
	return out
}

// notReferred is who is ready to leave and not referred, longest wait first, on
// request.
func notReferred(rows map[care.CaseID]hub.ListRow) ui.Node {
	var out []hub.ListRow
	for _, r := range rows {
		if r.Stage == "none" {
			out = append(out, r)
		}
	}
	if len(out) == 0 {
		return ui.Part("app-notreferred")
	}
	slices.SortFunc(out, func(a, b hub.ListRow) int {
		return cmp.Or(a.Row.Ready.Compare(b.Row.Ready), cmp.Compare(a.Row.Case, b.Row.Case))
	})
	return ui.Part("app-notreferred", ui.Details("Not referred: "+ui.Plural(len(out), "person", "people"),
		ui.List(ui.Map(out, func(r hub.ListRow) ui.Node {
			return ui.Nodes{ui.RAGTag(ui.RAG(r.Wait), r.Days), ui.Text(" "), openLink(r, personName(r.Row), ""), ui.If(!r.Masked && r.WardName != "", func() ui.Node { return ui.Text(", " + r.WardName) })}
		})...)))
}

// card is one person on the board.
func card(r hub.ListRow, at time.Time) ui.BoardCard {
	c := ui.BoardCard{ID: string(r.Row.Case), Column: r.Stage, Name: personName(r.Row), Href: casePath(r.Row.Case, ""),
		RAG: ui.RAG(r.Wait), Days: r.Days, NoRAG: !r.HasWait || r.Row.Died || !r.Row.InBed}
	if r.Shut {
		c.Href = ""
	}
	switch {
	case r.Masked:
	case !r.Row.InBed && !r.Row.Left.IsZero():
		c.Where = r.HospitalName + ", left " + ui.ClockOn(r.Row.Left, at)
	default:
		c.Where = r.HospitalName
		if r.WardName != "" {
			c.Where += ", " + r.WardName
		}
	}
	if r.Stale && !r.AsAt.IsZero() {
		c.Lines = append(c.Lines, "as at "+ui.ClockOn(r.AsAt, at))
	} else if r.Stale {
		c.Lines = append(c.Lines, "not up to date")
	}
	line := r.Waiting
	switch {
	case r.Row.Worker.Name != "":
		line += " · " + r.Row.Worker.Name
	case r.Row.Open:
		line += " · Not allocated"
	}
	c.Lines = append(c.Lines, line)
	return c
}
