package web

import (
	"time"

	"homeward/care"
	"homeward/hub"
	"homeward/web/ui"
)

// board shows the tracker's people by stage. Nothing is dragged: a stage
// changes on the case. ui.md 7.5, WCAG 2.5.7.
func (s *Server) board(l list, v hub.ListView) ui.Node {
	if len(v.Rows) == 0 {
		return ui.Nodes{l.nobody(), ui.Board(l.columns(nil, v.At)...)}
	}
	more := ui.If(v.Total > len(v.Rows), func() ui.Node {
		return ui.Inset(ui.P("The board shows the longest waits. Use filters to see the others."))
	})
	return ui.Nodes{more, ui.Board(l.columns(v.Rows, v.At)...)}
}

// columns are the stages with their cards, in the order of the rows.
func (l list) columns(rows []hub.ListRow, at time.Time) []ui.BoardColumn {
	var out []ui.BoardColumn
	for _, st := range hub.Stages() {
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

// headings are the columns' headings, for when their counts change.
func (l list) headings(rows map[care.CaseID]hub.ListRow) []ui.Node {
	n := map[string]int{}
	for _, r := range rows {
		n[r.Stage]++
	}
	var out []ui.Node
	for _, st := range hub.Stages() {
		out = append(out, ui.BoardColumn{Key: st[0], Title: st[1], Count: n[st[0]]}.Heading())
	}
	return out
}

// card is one person on the board.
func card(r hub.ListRow, at time.Time) ui.BoardCard {
	c := ui.BoardCard{ID: string(r.Row.Case), Column: r.Stage, Name: personName(r.Row), Href: casePath(r.Row.Case, ""),
		RAG: ui.RAG(r.Wait), Days: r.Days, NoRAG: !r.HasWait || r.Row.Died || !r.Row.InBed}
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
