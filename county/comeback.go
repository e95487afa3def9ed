package county

import (
	"strings"
)

// readmissions: of those who left, who came back next as an emergency within so many days.
func (q Question) readmissions(people []Answer, out map[string]Figure) {
	left, in30, in28 := 0, 0, 0
	for _, a := range people {
		all := whole(a)
		for i, w := range all {
			last := w[len(w)-1]
			if last.End != Home || !q.in(last.OutDay) || !q.of(a, last) || otherKind(w) {
				continue
			}
			if elective := strings.Contains(" 11 12 13 ", " "+w[0].Method+" "); elective && w[0].InDay == last.OutDay {
				continue // a day case
			}
			left++
			if i+1 == len(all) {
				continue
			}
			next := all[i+1]
			if !strings.Contains(" 21 22 23 24 25 28 2A 2B 2C 2D ", " "+next[0].Method+" ") || otherKind(next) {
				continue
			}
			days := last.OutDay.DaysTo(next[0].InDay)
			if days <= 29 {
				in30++
			}
			if days <= 27 {
				in28++
			}
		}
	}
	out["readmission-30"], out["readmission-28"] = share(in30, left), share(in28, left)
}

// whole puts the stays in a bed together that a move between hospitals only interrupts.
func whole(a Answer) (out [][]*Stay) {
	var before *Stay
	for _, s := range a.Stays {
		if s.Class != "I" {
			continue
		}
		on := before != nil && (before.End == Moved || before.End != StillThere && before.OutDay.DaysTo(s.InDay) <= 2 &&
			(before.End == Transferred || s.Method == "81" || s.Method == "2B"))
		if on {
			out[len(out)-1] = append(out[len(out)-1], s)
		} else {
			out = append(out, []*Stay{s})
		}
		before = s
	}
	return out
}

// otherKind reports whether any part of it is cancer care or obstetrics.
func otherKind(w []*Stay) bool {
	for _, s := range w {
		switch s.Specialty {
		case "370", "800", "501", "560":
			return true
		}
		if s.Method == "31" || s.Method == "32" {
			return true
		}
	}
	return false
}
