package returns

import (
	"fmt"
	"testing"
	"time"

	"homeward/care"
	"homeward/county"
	"homeward/measure"
	"homeward/nhs"
)

// invented is a county's people with their facts, and as returns get them.
func invented(t testing.TB, c county.Config) (people []Person, facts []county.Answer) {
	t.Helper()
	trails := map[care.CaseID]*measure.Trail{}
	seq := int64(0)
	for p := range county.People(c) {
		tr := &measure.Trail{Zone: c.Zone}
		for _, e := range p.Entries(seq) {
			if x, ok := e.Event.(care.Absorbed); ok && trails[x.Other.ID] != nil {
				tr.Knows(x.Other.ID, trails[x.Other.ID])
			}
			tr.Add(e)
			seq = e.Seq
		}
		trails[p.ID] = tr
		x := Person{Case: tr.Case(), Trail: tr}
		for _, pt := range measure.Stays.Of(tr) {
			pt.Source, pt.Case = measure.Stays.ID, p.ID
			x.Points = append(x.Points, pt)
		}
		people, facts = append(people, x), append(facts, p.Answer)
	}
	return people, facts
}

// byHand counts a day's situation report from the facts as they were invented: it is
// written from the definition of the return and asks no part of the program.
func byHand(facts []county.Answer, trust nhs.ODS, day time.Time) (n map[string]int) {
	n = map[string]int{}
	nine, five := day.Add(9*time.Hour), day.Add(17*time.Hour)
	if h := time.Date(day.Year(), day.Month(), day.Day(), 9, 0, 0, 0, day.Location()); !h.Equal(nine) { // the clocks changed
		nine, five = h, h.Add(8*time.Hour)
	}
	midnight := time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, day.Location())
	for _, a := range facts {
		for _, s := range a.Stays {
			if a.JoinedTo != "" || s.Trust != trust || s.Class != "I" || s.In.After(nine) || !s.Out.IsZero() && !s.Out.After(nine) {
				continue
			}
			for _, p := range s.Apart {
				if p.From.After(nine) || !p.To.IsZero() && !p.To.After(nine) {
					continue
				}
				n["all"]++
				nights := int(nhs.DateOf(s.In.In(day.Location())).DaysTo(nhs.DateOf(day)))
				for _, least := range []int{7, 14, 21} {
					if nights >= least {
						n[fmt.Sprint(least)]++
					}
				}
				if r := s.Referral; r != nil {
					n["pathway "+r.Pathway]++
				}
				switch {
				case s.Out.IsZero() || !s.Out.Before(midnight):
					n["remained"]++
					if nights >= 7 {
						n["reasons"]++
					}
				case s.End == county.Home && s.Out.Before(five):
					n["before 17"]++
				case s.End == county.Home:
					n["from 17"]++
				default:
					n["else"]++
				}
				break
			}
		}
	}
	return n
}

func TestCountyByHand(t *testing.T) {
	c := county.Config{Seed: 11, People: 1200, Days: 120, First: on(t, "2026-01-05"), Zone: london(t)}
	people, facts := invented(t, c)
	total := 0
	for _, trust := range county.Trusts() {
		a := asked(t, Acute, care.Trust, "2026-03")
		a.Org, a.OrgName = trust.ODS, "Invented"
		acute, err := built(a, people...)
		if err != nil {
			t.Fatal(err)
		}
		a.Return = Community
		community, err := built(a, people...)
		if err != nil {
			t.Fatal(err)
		}
		for d := 1; d <= 31; d++ {
			day := time.Date(2026, 3, d, 0, 0, 0, 0, c.Zone)
			name, want := day.Format("2006-01-02"), byHand(facts, trust.ODS, day)
			total += want["all"]
			for _, x := range []struct {
				m                   Made
				metric, kind, group string
				want                int
			}{
				{acute, notMeeting, allPeople, everybody, want["all"]}, {acute, notMeeting, byNights, "7 or more", want["7"]}, {acute, notMeeting, byNights, "14 or more", want["14"]},
				{acute, notMeeting, byNights, "21 or more", want["21"]}, {acute, notMeeting, byPathway, "Pathway 1", want["pathway 1"]}, {acute, notMeeting, byPathway, "Pathway 3", want["pathway 3"]},
				{acute, remained, allPeople, everybody, want["remained"]}, {acute, leftElse, allPeople, everybody, want["else"]},
				{community, leftThen, byTime, early, want["before 17"]}, {community, leftThen, byTime, late, want["from 17"]},
			} {
				if got := value(x.m, name, x.metric, x.kind, x.group); got != x.want {
					t.Errorf("%s on %s: %s, %s: %d, by hand %d", trust.ODS, name, x.metric, x.group, got, x.want)
				}
			}
			reasons := 0
			for _, r := range acute.Rows {
				if r.Cells[0] == name && r.Cells[6] == delayed && r.Cells[8] == "7 or more" {
					var n int
					fmt.Sscan(r.Cells[9], &n)
					reasons += n
				}
			}
			if reasons != want["reasons"] {
				t.Errorf("%s on %s: %d have a reason or none known, by hand %d", trust.ODS, name, reasons, want["reasons"])
			}
		}
	}
	if total < 300 {
		t.Errorf("%d person-days tell little", total)
	}
	requestsByHand(t, c, people, facts)
}

// requestsByHand counts the requests of each council that ended in a quarter: on the
// day on which they were accepted, or else on which they ended.
func requestsByHand(t *testing.T, c county.Config, people []Person, facts []county.Answer) {
	t.Helper()
	for _, council := range county.Councils() {
		a := asked(t, CLD, care.Council, "2026-Q1")
		a.Org = council.ODS
		m, err := built(a, people...)
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		for _, f := range facts {
			for _, s := range f.Stays {
				r := s.Referral
				if f.JoinedTo != "" || r == nil || r.Council != council.ODS {
					continue
				}
				end := r.Accepted
				if end.IsZero() {
					end = r.Ended
				}
				if y, mo, _ := end.In(c.Zone).Date(); !end.IsZero() && y == 2026 && mo <= time.March {
					want++
				}
			}
		}
		if got := m.Metrics[0]; got.Name != "Request rows" || int(got.Value) != want || want < 20 {
			t.Errorf("%s: %v requests, by hand %d", council.ODS, got.Value, want)
		}
	}
}
