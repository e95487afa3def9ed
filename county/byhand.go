package county

import (
	"slices"

	"homeward/nhs"
)

// Question is which part of a county a figure is asked of.
type Question struct {
	From, To nhs.Date          // both included
	Today    nhs.Date          // the day that is not over yet
	Where    map[string]string // by hospital, ward, council, team, pathway, age
}

// Figure is a figure worked out by hand: of nobody there is none.
type Figure struct {
	Value float64
	N     int // how many it is of
}

// ByHand works out figures from the facts, each as its definition in words says, by the
// names of the measures. It is the second opinion that tests compare the measures with: it
// is slow, straightforward, and shares nothing with them.
func ByHand(people []Answer, q Question) map[string]Figure {
	out := map[string]Figure{}
	q.delays(people, out)
	q.census(people, out)
	q.pathways(people, out)
	q.changes(people, out)
	q.sourcing(people, out)
	q.readmissions(people, out)
	return out
}

// of reports whether a stay is of the part that is asked of.
func (q Question) of(a Answer, s *Stay) bool {
	for dim, want := range q.Where {
		if Group(a, s, dim) != want {
			return false
		}
	}
	return true
}

// in reports whether a day is in the time that is asked of.
func (q Question) in(d nhs.Date) bool { return !d.IsZero() && !d.Before(q.From) && !q.To.Before(d) }

// Group is what a stay belongs to; "" where that is not known.
func Group(a Answer, s *Stay, dim string) string {
	r := s.Referral
	if r == nil {
		r = &Referral{}
	}
	switch dim {
	case "hospital":
		return string(s.Trust)
	case "ward":
		return s.Wards[len(s.Wards)-1]
	case "council":
		return string(r.Council)
	case "team":
		return r.Team
	case "pathway":
		return r.Pathway
	case "age":
		on := s.InDay
		if !s.OutDay.IsZero() {
			on = s.OutDay
		}
		return band(a.Born, on)
	}
	return ""
}

func band(born, on nhs.Date) string {
	if born.IsZero() {
		return ""
	}
	switch y := years(born, on); {
	case y < 16:
		return "0-15"
	case y < 18:
		return "16-17"
	case y < 65:
		return "18-64"
	case y < 75:
		return "65-74"
	case y < 85:
		return "75-84"
	}
	return "85+"
}

func years(born, on nhs.Date) int {
	y := on.Year - born.Year
	if on.Month < born.Month || on.Month == born.Month && on.Day < born.Day {
		y--
	}
	return y
}

// discharged reports whether a stay in a bed ended with somebody of 16 or over going
// home, or to where they live, after a night or more.
func discharged(a Answer, s *Stay) bool {
	child := !a.Born.IsZero() && !s.OutDay.IsZero() && years(a.Born, s.OutDay) < 16
	return s.Class == "I" && s.End == Home && !child && s.InDay != s.OutDay
}

// delays: the days from the discharge-ready date to leaving (NHS England guidance).
func (q Question) delays(people []Answer, out map[string]Figure) {
	var days, whole []int
	left, usable, died := 0, 0, 0
	for _, a := range people {
		for _, s := range a.Stays {
			if !q.in(s.OutDay) || !q.of(a, s) {
				continue
			}
			if s.Class == "I" && s.End == Dead {
				died++
			}
			if !discharged(a, s) {
				continue
			}
			left++
			delay, all, dated := 0, 0, false
			for _, p := range s.Apart {
				if !p.Wrong {
					all += p.Day.DaysTo(p.Until)
				}
			}
			if n := len(s.Apart); n > 0 {
				last := s.Apart[n-1]
				if s.OutDay.Before(last.Day) {
					continue // no date that can be used
				}
				if !last.To.Before(s.Out) {
					delay, dated = last.Day.DaysTo(s.OutDay), true
				}
			}
			if dated {
				usable++
			}
			days, whole = append(days, delay), append(whole, all)
		}
	}
	var late []int
	for _, d := range days {
		if d > 0 {
			late = append(late, d)
		}
	}
	n := len(days)
	out["delay"], out["delay-delayed"], out["not-meeting-days"] = average(days), average(late), average(whole)
	out["on-the-day"] = share(n-len(late), n)
	out["ready-coverage"] = share(usable, left)
	out["discharges"], out["died-in-hospital"] = Figure{float64(left), left}, Figure{float64(died), died}
	slices.Sort(days)
	if n > 0 {
		out["delay-median"] = Figure{float64(days[(n+1)/2-1]), n}
		out["delay-90"] = Figure{float64(days[(9*n+9)/10-1]), n}
	}
}

func average(xs []int) Figure {
	sum := 0
	for _, x := range xs {
		sum += x
	}
	return share(sum, len(xs))
}

func share(part, whole int) Figure {
	if whole == 0 {
		return Figure{}
	}
	return Figure{float64(part) / float64(whole), whole}
}

// census: who is in a bed at each midnight without meeting the criteria to reside.
func (q Question) census(people []Answer, out map[string]Figure) {
	end := q.To.Add(1) // the first day that is not asked of
	if q.Today.Before(end) {
		end = q.Today
	}
	beds := map[string]int{}
	for _, a := range people {
		for _, s := range a.Stays {
			if s.Class != "I" || !q.of(a, s) {
				continue
			}
			for _, p := range s.Apart {
				for d := p.Day; d.Before(end) && (p.To.IsZero() || d.Before(p.Until)); d = d.Add(1) {
					if d.Before(q.From) {
						continue
					}
					been := s.InDay.DaysTo(d) + 1
					beds["not-meeting"]++
					for least, name := range map[int]string{7: "not-meeting-7", 14: "not-meeting-14", 21: "not-meeting-21"} {
						if been >= least {
							beds[name]++
						}
					}
				}
			}
		}
	}
	nights := max(0, q.From.DaysTo(end))
	for _, name := range []string{"not-meeting", "not-meeting-7", "not-meeting-14", "not-meeting-21"} {
		out[name] = share(beds[name], nights)
	}
	out["bed-days"] = Figure{float64(beds["not-meeting"]), beds["not-meeting"]}
}

// pathways: how those who left divide among pathways.
func (q Question) pathways(people []Answer, out map[string]Figure) {
	n := map[string]int{}
	for _, a := range people {
		for _, s := range a.Stays {
			if q.in(s.OutDay) && q.of(a, s) && discharged(a, s) {
				n[Group(a, s, "pathway")]++
			}
		}
	}
	known := n["0"] + n["1"] + n["2"] + n["3"]
	for _, p := range []string{"0", "1", "2", "3"} {
		out["pathway-"+p] = share(n[p], known)
	}
	out["pathway-unknown"] = share(n[""], known+n[""])
}

// changes: how often predicted dates and readiness changed in stays that ended.
func (q Question) changes(people []Answer, out map[string]Figure) {
	var dates, turns, both []int
	lost := 0
	for _, a := range people {
		for _, s := range a.Stays {
			if s.Class != "I" || !q.in(s.OutDay) || s.InDay == s.OutDay || !q.of(a, s) {
				continue
			}
			d, t := 0, 0
			for i := 1; i < len(s.Predicted); i++ {
				if s.Predicted[i].Day != s.Predicted[i-1].Day {
					d++
				}
			}
			for i, p := range s.Apart {
				if p.To.Before(s.Out) {
					t++ // lost
				}
				if i > 0 {
					t++ // and found again
				}
			}
			if t > 0 {
				lost++
			}
			dates, turns = append(dates, d), append(turns, t)
			if s.Referral != nil {
				both = append(both, d+t)
			}
		}
	}
	out["predicted-changes"], out["readiness-changes"], out["churn"] = average(dates), average(turns), average(both)
	out["readiness-lost"] = share(lost, len(turns))
}

// sourcing: requests with an offer that are over, and those whose person was not ready
// any more.
func (q Question) sourcing(people []Answer, out map[string]Figure) {
	over, wasted, offers := 0, 0, 0
	for _, a := range people {
		for _, s := range a.Stays {
			if s.Referral == nil || !q.of(a, s) {
				continue
			}
			for _, r := range s.Referral.Requests {
				if r.Offers == 0 {
					continue
				}
				switch {
				case !r.Wasted.IsZero():
					if q.in(r.WastedDay) {
						over, wasted, offers = over+1, wasted+1, offers+r.OffersWhenWasted
					}
				case q.in(r.EndedDay):
					over++
				}
			}
		}
	}
	out["wasted-sourcing"] = share(wasted, over)
	out["wasted-offers"] = Figure{float64(offers), over}
}
