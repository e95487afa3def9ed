package county

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"homeward/care"
	"homeward/nhs"
)

func london(t testing.TB) *time.Location {
	z, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// What was invented is what the histories fold to, and the same county comes again.
func TestHistoriesFoldToTheFacts(t *testing.T) {
	c := Config{Seed: 7, People: 2000, Zone: london(t)}
	var ends = map[End]int{}
	seen := map[string]int{}
	numbers := map[nhs.Number]int{}
	joined := map[care.CaseID]bool{}
	again := slices.Collect(People(c))
	i := 0
	for p := range People(c) {
		if !reflect.DeepEqual(p.Events, again[i].Events) || !reflect.DeepEqual(p.Answer, again[i].Answer) {
			t.Fatalf("person %d is not the same the second time", p.Number)
		}
		i++
		is := care.Apply(care.Case{}, p.Events...)
		if is.ID != p.ID || (is.JoinedTo != "") != (p.Answer.JoinedTo != "") {
			t.Fatalf("person %d folds to another record", p.Number)
		}
		for k, e := range p.Events {
			if p.Recorded[k].Before(e.When()) || k > 0 && p.Recorded[k].Before(p.Recorded[k-1]) || !p.Recorded[k].Before(c.End()) {
				t.Fatalf("person %d, event %d (%T): recorded %v, was %v", p.Number, k, e, p.Recorded[k], e.When())
			}
			seen[care.NameOf(e)]++
		}
		if p.Answer.JoinedTo != "" {
			joined[care.CaseID(p.Answer.JoinedTo)] = true
			continue
		}
		if !is.NHS.IsZero() {
			if numbers[is.NHS]++; numbers[is.NHS] > 1 {
				t.Fatalf("number of person %d comes twice", p.Number)
			}
		}
		same(t, p, is)
		for _, s := range p.Answer.Stays {
			ends[s.End]++
		}
	}
	for _, e := range []End{StillThere, Home, Dead, Transferred, Moved} {
		if ends[e] == 0 {
			t.Errorf("nobody ends as %q", e)
		}
	}
	for _, name := range []string{"moved", "expected-changed", "became-ready", "no-longer-ready", "referral-returned", "referral-answered", "referral-allocated", "request-changed", "outcome-changed", "died", "absorbed", "separated", "stay-told", "watch-ended"} {
		if seen[name] == 0 {
			t.Errorf("there is no %s", name)
		}
	}
	if len(joined) == 0 {
		t.Error("nobody has joined records")
	}
}

// same compares the stays of a case with the facts.
func same(t *testing.T, p Person, is care.Case) {
	t.Helper()
	stays := map[string]care.Stay{}
	for _, s := range is.Past {
		stays[s.Visit] = s
	}
	if is.Stay != nil {
		stays[is.Stay.Visit] = *is.Stay
	}
	if len(stays) != len(p.Answer.Stays) || is.Person.Born != p.Answer.Born {
		t.Fatalf("person %d has %d stays, invented were %d", p.Number, len(stays), len(p.Answer.Stays))
	}
	for _, f := range p.Answer.Stays {
		s := stays[f.Visit]
		out := time.Time{}
		if s.Left != nil {
			out = s.Left.At
		}
		var ready []care.Period
		for _, a := range f.Apart {
			ready = append(ready, care.Period{From: a.From, To: a.To})
		}
		for i := range s.Ready {
			s.Ready[i].Told = time.Time{}
		}
		if !s.Admitted.Equal(f.In) || !out.Equal(f.Out) || s.Class != f.Class || s.Where.Ward != f.Wards[len(f.Wards)-1] || !reflect.DeepEqual(s.Ready, ready) || len(s.Expected) != len(f.Predicted) {
			t.Fatalf("person %d, stay %s:\n%+v\n%+v", p.Number, f.Visit, s, *f)
		}
	}
	for _, r := range is.Referrals {
		f := stayOf(p, r.Stay).Referral
		if f == nil || !r.Accepted.Equal(f.Accepted) || !r.Ended.Equal(f.Ended) || len(r.Returns) != len(f.Returns) || r.Pathway != f.Pathway {
			t.Fatalf("person %d, referral %s: %+v, %+v", p.Number, r.ID, r, f)
		}
	}
	for _, q := range is.Requests {
		for _, f := range p.Answer.Stays {
			if f.Referral == nil || f.Referral.ID != string(q.Referral) {
				continue
			}
			i := slices.IndexFunc(f.Referral.Requests, func(x *Request) bool { return x.ID == q.ID })
			if x := f.Referral.Requests[i]; x.Booked != q.Booked || !x.Wasted.Equal(q.Wasted) || !x.Ended.Equal(q.Ended) || x.Offers != q.Offers() {
				t.Fatalf("person %d, request %s", p.Number, q.ID)
			}
		}
	}
}

func stayOf(p Person, visit string) *Stay {
	for _, s := range p.Answer.Stays {
		if s.Visit == visit {
			return s
		}
	}
	return &Stay{}
}

// What was known before is the beginning of what is known since.
func TestKnownBefore(t *testing.T) {
	c := Config{Seed: 3, People: 400, Days: 100, Zone: london(t)}
	now := map[care.CaseID]Person{}
	for p := range People(c) {
		now[p.ID] = p
	}
	c.Known = c.End().AddDate(0, 0, -30)
	shorter := 0
	for p := range People(c) {
		n := len(p.Events)
		is := now[p.ID]
		if n > len(is.Events) || !reflect.DeepEqual(p.Events, is.Events[:n]) || !p.Recorded[n-1].Before(c.Known) || n < len(is.Events) && is.Recorded[n].Before(c.Known) {
			t.Fatalf("person %d was known otherwise", p.Number)
		}
		if n < len(is.Events) {
			shorter++
		}
	}
	if shorter == 0 {
		t.Error("nothing happened since")
	}
}

// Nine of each ten numbers are used, each once.
func TestNumbersComeOnce(t *testing.T) {
	seen := map[nhs.Number]bool{}
	for n := range 20_000 {
		x := testNumber(n)
		if x.Digits()[:3] != "999" || seen[x] {
			t.Fatalf("number %d: comes twice or is not of the range", n)
		}
		seen[x] = true
	}
}

func BenchmarkPeople(b *testing.B) {
	c := Config{Seed: 1, People: 10_000, Zone: london(b)}
	for b.Loop() {
		events := 0
		for p := range People(c) {
			events += len(p.Events)
		}
		b.ReportMetric(float64(events)/10_000, "events/person")
	}
}
