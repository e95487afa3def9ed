package web

import (
	"cmp"
	"slices"
	"time"

	"homeward/care"
	"homeward/hub"
	"homeward/web/ui"
)

// wallLongest is how many of the longest waits fit on a wall.
const wallLongest = 12

// wall is for a screen that everybody in the room can see: initials, place and
// wait, no name and no number. ui.md 6.5.
func (s *Server) wall(v *visit) (response, error) {
	l, err := s.listOf(v, kindWall)
	if err != nil {
		return nil, err
	}
	rows, err := s.Hub.List(v.ctx(), v.by, l.query)
	if err != nil {
		return nil, err
	}
	p := ui.Page{Title: "Wallboard", Width: ui.WorkPage, Dark: true, Main: []ui.Node{ui.WallTop("Ready to leave hospital", rows.At), l.strip(rows), s.pausedBanner(rows.Paused)}}
	p.Main = append(p.Main, l.wallParts(byID(rows.Rows), rows.Hospitals, rows.At)...)
	return show(p), nil
}

// wallParts are all that changes on a wall: the numbers of each hospital and
// the longest waits. They are told whole, because the order matters there and
// nobody reads them with a keyboard.
func (l list) wallParts(rows map[care.CaseID]hub.ListRow, hospitals []care.Org, at time.Time) []ui.Node {
	var waiting []hub.ListRow
	for _, r := range rows {
		if l.shows(r) {
			waiting = append(waiting, r)
		}
	}
	slices.SortFunc(waiting, func(a, b hub.ListRow) int {
		return cmp.Or(a.Row.Ready.Compare(b.Row.Ready), cmp.Compare(a.Row.Case, b.Row.Case))
	})
	var cards []ui.WallCard
	for _, o := range hospitals {
		if l.query.Hospital != "" && l.query.Hospital != o.ODS {
			continue
		}
		c := ui.WallCard{Name: o.Name}
		for _, r := range waiting {
			if r.Row.Hospital != o.ODS {
				continue
			}
			c.Counts[r.Wait]++
			if r.Stale {
				c.Note = "This hospital is not sending"
				if !r.AsAt.IsZero() {
					c.Note = "As at " + ui.ClockOn(r.AsAt, at) + ": this hospital is not sending"
				}
			}
		}
		cards = append(cards, c)
	}
	var longest []ui.WallRow
	for _, r := range waiting[:min(len(waiting), wallLongest)] {
		longest = append(longest, wallRow(r))
	}
	return []ui.Node{ui.WallCards(cards...), ui.Section("app-waits", "Longest waits", ui.WallTable("Initials only", longest...))}
}

func wallRow(r hub.ListRow) ui.WallRow {
	where := r.WardName
	if b := bed(r.Row.Where); b != "" && where != "" {
		where += ", " + b
	}
	if r.Masked {
		where = "Not shown"
	}
	return ui.WallRow{ID: string(r.Row.Case), Initials: ui.Initials(r.Row.Person.Family, r.Row.Person.Given), Where: cmp.Or(where, "Not known"),
		WaitingFor: r.Waiting, RAG: ui.RAG(r.Wait), Days: r.Days}
}
