package measure

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/nhs"
)

// said is an event and when it was recorded, in hours after the first day began.
type said struct {
	at    float64
	event care.Event
	hand  bool // recorded by a person, not told by a hospital's system
}

var firstDay = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC) // a Monday, in winter time

func hour(h float64) time.Time { return firstDay.Add(time.Duration(h * float64(time.Hour))) }

func trailOf(t *testing.T, history []said) *Trail {
	t.Helper()
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	out := &Trail{Zone: zone}
	out.Add(care.Entry{Seq: 1, N: 1, Case: "one", Recorded: hour(history[0].at), Event: care.Started{At: history[0].event.When(), ID: "one"}})
	for i, x := range history {
		cause := care.Cause{Kind: "message"}
		if x.hand {
			cause.Kind = "person"
		}
		out.Add(care.Entry{Seq: int64(i + 2), N: i + 2, Case: "one", Recorded: hour(x.at), Cause: cause, Event: x.event})
	}
	return out
}

// goodStay is a stay of which nothing is to be found for a day.
func goodStay(change ...func(*care.Stay)) care.Event {
	s := care.Stay{Visit: "V1", Org: "RXX", Source: "feed", Class: "I", Admitted: hour(10), Where: care.Location{Ward: "12", Name: "Ward 12"},
		Expected: []care.Expected{{Date: nhs.DateOf(hour(24 * 300)), Said: hour(10)}}}
	for _, f := range change {
		f(&s)
	}
	return care.Admitted{At: s.Admitted, Stay: s}
}

// goodPerson is somebody of whom nothing is to be found.
func goodPerson(change ...func(*care.Identified, *care.Person)) []said {
	i := care.Identified{At: hour(9), NHS: nhs.Test(1), Trace: "01"}
	p := care.Person{Family: "Example", Born: nhs.Date{Year: 1940, Month: 5, Day: 1}, Address: care.Address{Postcode: "NG1 1AA"}}
	for _, f := range change {
		f(&i, &p)
	}
	return []said{{at: 10, event: i}, {at: 10, event: care.PersonTold{At: hour(9), Person: p}}}
}

func then(person []said, more ...said) []said { return append(slices.Clone(person), more...) }

func left(h float64, destination string) care.Event {
	return care.Discharged{At: hour(h), Visit: "V1", Org: "RXX", Leaving: care.Leaving{At: hour(h), Destination: destination}}
}

func referred(h float64, change ...func(*care.Referral)) said {
	r := care.Referral{ID: "r1", Stay: "V1", From: "RXX", To: "999", Pathway: "1", State: care.RefReceived, Sent: hour(h)}
	for _, f := range change {
		f(&r)
	}
	return said{at: h, hand: true, event: care.ReferralSent{At: hour(h), Referral: r}}
}

// found are the findings of a trail as "code from to", in hours.
func found(t *Trail) []string {
	var out []string
	for _, p := range t.Points() {
		if p.Source != Quality.ID {
			continue
		}
		to := "on"
		if !p.Open() {
			to = hours(p.To)
		}
		out = append(out, p.Reason+" "+hours(p.From)+" "+to)
	}
	return out
}

func hours(t time.Time) string {
	return strconv.Itoa(int(t.Sub(firstDay).Hours()))
}

// Each finding is found in a history that has it, from when it is one to when it is
// mended, and nothing else is.
func TestFindings(t *testing.T) {
	person := goodPerson()
	stay := func(change ...func(*care.Stay)) said { return said{at: 10, event: goodStay(change...)} }
	edd := func(at, on float64) said {
		return said{at: at, event: care.ExpectedChanged{At: hour(at), Expected: care.Expected{Date: nhs.DateOf(hour(on)), Said: hour(at)}, Count: 1}}
	}
	whatever := func(at float64) said { // something that mends nothing
		return said{at: at, hand: true, event: care.NoteAdded{At: hour(at)}}
	}
	manyDates := []said{stay()}
	for i := range 21 {
		manyDates = append(manyDates, edd(11+float64(i)/10, 24*float64(100+i)))
	}
	tried := map[string]bool{}
	gone := func(r *care.Referral) { r.State = care.RefDischarged }
	for name, x := range map[string]struct {
		history []said
		want    []string
	}{
		"nothing":                    {then(person, stay(), whatever(60), said{at: 80, event: left(80, "19")}), nil},
		"mended before it is due":    {then(goodPerson(func(i *care.Identified, _ *care.Person) { i.NHS = nhs.Number{} }), stay(), said{at: 20, event: care.Identified{At: hour(20), NHS: nhs.Test(1), Trace: "01"}}), nil},
		"not due yet, and it is one": {then(goodPerson(func(i *care.Identified, _ *care.Person) { i.NHS = nhs.Number{} }), stay()), []string{"number-missing 34 on"}},
		"number-missing": {then(goodPerson(func(i *care.Identified, _ *care.Person) { i.NHS = nhs.Number{} }), stay(), whatever(30), whatever(50),
			said{at: 60, event: care.Identified{At: hour(60), NHS: nhs.Test(1), Trace: "01"}}, whatever(70)), []string{"number-missing 34 60"}},
		"number-unverified": {then(goodPerson(func(i *care.Identified, _ *care.Person) { i.Trace = "03" }), stay(), whatever(50)), []string{"number-unverified 34 on"}},
		"born-missing":      {then(goodPerson(func(_ *care.Identified, p *care.Person) { p.Born = nhs.Date{} }), stay(), said{at: 40, event: left(40, "19")}), []string{"born-missing 34 40"}},
		"address-missing":   {then(goodPerson(func(_ *care.Identified, p *care.Person) { p.Address.Postcode = "" }), stay()), []string{"address-missing 34 on"}},
		"ward-missing": {then(person, stay(func(s *care.Stay) { s.Where = care.Location{} }), said{at: 20, event: care.Moved{At: hour(20), To: care.Location{Ward: "12", Name: "Ward 12"}}}),
			[]string{"ward-missing 11 20"}},
		"ward-unnamed": {then(person, stay(func(s *care.Stay) { s.Where.Name = "" })), []string{"ward-unnamed 10 on"}},
		"expected-missing": {then(person, stay(func(s *care.Stay) { s.Expected = nil }), edd(36, 24*200), whatever(48)),
			[]string{"expected-missing 34 36", "expected-passed 4823 on"}},
		"ready-missing": {then(person, stay(), referred(20), said{at: 24 * 4, event: left(24*4, "19")}, said{at: 97, hand: true, event: care.ReferralEnded{At: hour(97), ID: "r1", State: care.RefClosed}},
			said{at: 98, event: care.BecameReady{At: hour(98), From: hour(90), Past: "V1"}}), []string{"home-overdue 2471 on", "ready-missing 96 98"}},
		"destination-missing": {then(person, stay(), said{at: 40, event: left(40, "")}, whatever(70), said{at: 80, event: left(40, "19")}), []string{"destination-missing 64 80"}},
		"pathway-missing": {then(person, stay(), referred(20, func(r *care.Referral) { r.Pathway = "" }), said{at: 30, hand: true, event: care.ReferralEnded{At: hour(30), ID: "r1", State: care.RefWithdrawn}}),
			[]string{"pathway-missing 20 30"}},
		"council-unsettled": {then(person, stay(), referred(20, func(r *care.Referral) { r.To = "" }), said{at: 30, hand: true, event: care.ReferralRouted{At: hour(30), ID: "r1", To: "999"}}), []string{"council-unsettled 20 30"}},
		"home-overdue": {then(person, stay(), referred(20, gone), said{at: 30, event: left(30, "19")}, said{at: 31, hand: true, event: care.ReferralEnded{At: hour(31), ID: "r1", State: care.RefClosed}}, whatever(24*110),
			said{at: 24 * 111, hand: true, event: care.OutcomeChanged{At: hour(24 * 111), What: "day91", Outcome: care.Outcome{Referral: "r1", At: hour(24 * 111), Day91: &care.AtHome{Answer: "home"}}}}),
			[]string{"home-overdue 2399 2664"}}, // summer time has begun
		"expected-passed":                     {then(person, stay(), edd(20, 48), whatever(80), edd(90, 130), whatever(160)), []string{"expected-passed 72 90", "expected-passed 144 on"}},
		"told-late":                           {then(person, stay(), said{at: 26, event: care.Moved{At: hour(20), To: care.Location{Ward: "3", Name: "Ward 3"}}}, said{at: 30, event: care.Moved{At: hour(29), To: care.Location{Ward: "4", Name: "Ward 4"}}}), []string{"told-late 26 30"}},
		"told with the admission":             {then(person, said{at: 20, event: goodStay()}, said{at: 20, event: care.Moved{At: hour(12), To: care.Location{Ward: "3", Name: "Ward 3"}}}), nil},
		"by hand, and late is not the feed's": {then(person, stay(), said{at: 26, hand: true, event: care.BecameReady{At: hour(20), From: hour(20)}}), nil},
		"referral-lingers": {then(person, stay(), referred(20, gone), said{at: 30, event: left(30, "19")}, said{at: 24 * 50, hand: true, event: care.ReferralEnded{At: hour(24 * 50), ID: "r1", State: care.RefClosed}}),
			[]string{"home-overdue 2399 on", "referral-lingers 1031 1200"}},
		"left-referral-open": {then(person, stay(), referred(20), said{at: 30, event: left(30, "19")}, said{at: 31, event: care.WatchEnded{At: hour(31), ID: "r1"}}), []string{"home-overdue 2399 on", "referral-lingers 1031 on"}},
		"left-referral-open, and it stayed": {then(person, stay(), referred(20), said{at: 30, event: left(30, "19")}, said{at: 150, hand: true, event: care.ReferralEnded{At: hour(150), ID: "r1", State: care.RefClosed}}),
			[]string{"home-overdue 2399 on", "left-referral-open 102 150"}},
		"ready-after-left": {then(person, stay(), said{at: 40, event: left(40, "19")}, said{at: 41, event: care.BecameReady{At: hour(41), From: hour(70), Past: "V1"}}, said{at: 50, event: left(75, "19")}),
			[]string{"ahead 41 on", "ready-after-left 41 50"}},
		"ready-before-admitted": {then(person, stay(), said{at: 12, event: care.BecameReady{At: hour(12), From: hour(5)}}, said{at: 14, event: care.BecameReady{At: hour(14), From: hour(13), Again: true}}), []string{"ready-before-admitted 12 14"}},
		"ready-and-criteria": {then(person, stay(), said{at: 12, event: care.BecameReady{At: hour(12), From: hour(12)}}, said{at: 13, hand: true, event: care.CriteriaTold{At: hour(13), Visit: "V1", Codes: []string{"02"}}},
			said{at: 40, event: care.NoLongerReady{At: hour(40)}}), []string{"ready-and-criteria 37 40"}},
		"left-before-admitted": {then(person, stay(), said{at: 12, event: left(9, "19")}), []string{"left-before-admitted 12 on"}},
		"two-stays": {then(person, stay(), said{at: 20, event: care.Absorbed{At: hour(20), Other: care.Case{ID: "two", Stay: &care.Stay{Visit: "V2", Org: "RYY", Class: "I", Admitted: hour(8), Where: care.Location{Ward: "1", Name: "Ward 1"}}}}}),
			[]string{"two-stays 20 on"}},
		"died-and-there": {then(person, stay(), said{at: 20, event: care.PersonDied{At: hour(20), Death: care.Death{At: hour(19)}}}, said{at: 50, event: left(19, "79")}), []string{"died-and-there 43 50"}},
		"very-old":       {then(goodPerson(func(_ *care.Identified, p *care.Person) { p.Born = nhs.Date{Year: 1899, Month: 1, Day: 1} }), stay()), []string{"very-old 10 on"}},
		"born-later":     {then(goodPerson(func(_ *care.Identified, p *care.Person) { p.Born = nhs.Date{Year: 2030, Month: 1, Day: 1} }), stay()), []string{"born-later 10 on"}},
		"long-stay":      {then(person, stay(), whatever(30)), nil},
		"long-stay, and that is seen": {then(person, said{at: 24 * 200, event: goodStay()}, said{at: 24*200 + 1, event: care.Moved{At: hour(24*200 + 1), To: care.Location{Ward: "3", Name: "Ward 3"}}}),
			[]string{"long-stay 4800 on"}},
		"date-changes": {then(person, manyDates...), []string{"date-changes 13 on", "expected-passed 2903 on"}},
		"ahead":        {then(person, said{at: 5, event: goodStay()}, whatever(12)), []string{"ahead 5 12"}},
	} {
		t.Run(name, func(t *testing.T) {
			trail := trailOf(t, x.history)
			got := found(trail)
			got = slices.DeleteFunc(got, func(s string) bool { return s == "long-stay 4330 on" }) // who has not left is one in 180 days
			got = slices.DeleteFunc(got, func(s string) bool { return strings.HasPrefix(s, "expected-passed 7224 on") })
			slices.Sort(got)
			want := slices.Clone(x.want)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("found %q, want %q", got, want)
			}
			for _, p := range trail.Points() {
				tried[p.Reason] = true
			}
		})
	}
	for _, f := range Findings {
		if !tried[f.Code] {
			t.Errorf("no history has %s", f.Code)
		}
	}
}
