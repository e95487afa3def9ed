package measure

import (
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"homeward/care"
	"homeward/codelists"
	"homeward/nhs"
)

const ballHospital, ballCounty, ballCity = nhs.ODS("RX1"), nhs.ODS("511"), nhs.ODS("512")

// ballWalk is a history that is made a step at a time, and beside it, by the definition
// and not by the code, who had the person for how many minutes.
type ballWalk struct {
	t     *Trail
	now   time.Time
	n     int
	ready bool
	refs  []*ballRef
	want  map[string]int64 // stage and holder to minutes
	total int64
}

type ballRef struct {
	id     care.ReferralID
	to     nhs.ODS
	state  care.RefState // "" it ended
	before care.RefState
}

func newBall() *ballWalk {
	zone, _ := time.LoadLocation("Europe/London")
	w := &ballWalk{t: &Trail{Zone: zone}, now: time.Date(2026, 3, 27, 9, 0, 0, 0, time.UTC), want: map[string]int64{}}
	w.tell(care.Started{At: w.now, ID: "c"}, care.Admitted{At: w.now, Stay: care.Stay{Visit: "V1", Org: ballHospital, Class: "I", Admitted: w.now}})
	return w
}

func (w *ballWalk) tell(es ...care.Event) {
	for _, e := range es {
		w.n++
		w.t.Add(care.Entry{Seq: int64(w.n), Case: "c", N: w.n, Recorded: w.now, Event: e})
	}
}

// has is who has the person now, and what is waited for.
func (w *ballWalk) has() (stage string, holder nhs.ODS) {
	stage, holder = "no-referral", ballHospital
	for _, r := range w.refs { // the one sent last of those that are open
		switch r.state {
		case "":
			if holder == ballHospital && !slices.ContainsFunc(w.refs, func(o *ballRef) bool { return o.state != "" }) {
				stage = "after"
			}
		case care.RefSent:
			stage, holder = "sent", r.to
		case care.RefReturned, care.RefReady:
			stage, holder = string(r.state), ballHospital
		default:
			stage, holder = string(r.state), r.to
		}
	}
	return stage, holder
}

// pass lets time go by.
func (w *ballWalk) pass(d time.Duration) {
	was := w.now
	w.now = was.Add(d)
	if !w.ready {
		return
	}
	n := w.now.Unix()/60 - was.Unix()/60
	stage, holder := w.has()
	w.want[stage+" "+string(holder)] += n
	w.total += n
}

func (w *ballWalk) toggle() {
	if w.ready = !w.ready; w.ready {
		w.tell(care.BecameReady{At: w.now, From: w.now})
		return
	}
	w.tell(care.NoLongerReady{At: w.now})
}

func (w *ballWalk) send(to nhs.ODS, pathway string) *ballRef {
	r := &ballRef{id: care.ReferralID("r" + strconv.Itoa(w.n)), to: to, state: care.RefSent}
	w.refs = append(w.refs, r)
	w.tell(care.ReferralSent{At: w.now, Referral: care.Referral{ID: r.id, Key: string(r.id), Stay: "V1", From: ballHospital, To: to, Pathway: pathway,
		State: care.RefSent, Holder: care.Holder{Org: to}, Sent: w.now, Watching: true}})
	return r
}

func (w *ballWalk) move(r *ballRef, to care.RefState) {
	held := care.Holder{Org: r.to, Team: "hospital-team"}
	switch {
	case to == "":
		w.tell(care.ReferralEnded{At: w.now, ID: r.id, State: care.RefWithdrawn, Why: "12"})
	case to == care.RefReturned:
		w.tell(care.ReferralReturned{At: w.now, ID: r.id, Holder: care.Holder{Org: ballHospital}})
	case to == care.RefOnHold:
		if r.state == care.RefOnHold {
			return
		}
		r.before = r.state
		w.tell(care.ReferralHeld{At: w.now, ID: r.id, Hold: care.Hold{Why: "treatment", Before: r.state}, Holder: held})
	default:
		w.tell(care.ReferralProgressed{At: w.now, ID: r.id, State: to, Holder: held})
	}
	r.state = to
}

func (w *ballWalk) step(t *rapid.T) {
	w.pass(time.Duration(rapid.IntRange(0, 100_000).Draw(t, "seconds")) * time.Second)
	var open []*ballRef
	for _, r := range w.refs {
		if r.state != "" {
			open = append(open, r)
		}
	}
	switch n := rapid.IntRange(0, 5).Draw(t, "step"); {
	case n == 0:
		w.toggle()
	case n == 1 && len(w.refs) < 4:
		w.pass(time.Minute) // no two are sent in the same instant
		w.send(rapid.SampledFrom([]nhs.ODS{ballCounty, ballCity}).Draw(t, "to"), "1")
	case len(open) > 0:
		w.move(rapid.SampledFrom(open).Draw(t, "which"), rapid.SampledFrom([]care.RefState{care.RefReturned, care.RefAccepted, care.RefAllocated,
			care.RefAssessing, care.RefPlanning, care.RefSourcing, care.RefReady, care.RefOnHold, ""}).Draw(t, "state"))
	}
}

func (w *ballWalk) leave() {
	w.tell(care.Discharged{At: w.now, Visit: "V1", Org: ballHospital, Leaving: care.Leaving{At: w.now}})
}

func ballSums(segs []Segment) (by map[string]int64, total int64) {
	by = map[string]int64{}
	for _, s := range segs {
		for i, n := range s.PartMinutes() {
			by[s.Parts[i].Stage+" "+string(s.Parts[i].Holder)] += n
		}
		total += s.Minutes()
	}
	maps.DeleteFunc(by, func(_ string, n int64) bool { return n == 0 })
	return by, total
}

// checkBall holds of every clock: its segments touch, do not overlap, and cover just the
// periods of being ready.
func checkBall(t *rapid.T, s StayOf, segs []Segment, now time.Time) {
	i := 0
	for _, p := range s.Ready {
		end := p.To
		if end.IsZero() {
			end = now
		}
		if !p.From.Before(end) {
			continue
		}
		for at := p.From; at.Before(end); i++ {
			if i >= len(segs) || !segs[i].From.Equal(at) || !at.Before(segs[i].To) || segs[i].To.After(end) {
				t.Fatalf("segment %d of %v does not go on at %v within %v", i, segs, at, p)
			}
			at = segs[i].To
		}
	}
	if i != len(segs) {
		t.Fatalf("%d segments are of no period", len(segs)-i)
	}
	for _, seg := range segs {
		sum, share := int64(0), 0
		for j, n := range seg.PartMinutes() {
			sum, share = sum+n, share+seg.Parts[j].Share
		}
		if sum != seg.Minutes() || share != 100 {
			t.Fatalf("the parts of %+v make %d minutes and %d of 100", seg, sum, share)
		}
	}
}

// TestBallByDefinition: whatever happens, each minute is whose the definition says.
func TestBallByDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newBall()
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			w.step(t)
		}
		left := rapid.Bool().Draw(t, "left")
		w.pass(time.Duration(rapid.IntRange(1, 9000).Draw(t, "seconds")) * time.Second)
		if left {
			w.leave()
		}
		s := w.t.Stays()[0]
		segs := Ball(w.t, s, w.now)
		checkBall(t, s, segs, w.now)
		by, total := ballSums(segs)
		maps.DeleteFunc(w.want, func(_ string, n int64) bool { return n == 0 })
		if diff := cmp.Diff(w.want, by); diff != "" || total != w.total {
			t.Fatalf("%d minutes, not %d: %s", total, w.total, diff)
		}
		if left {
			checkBallPoints(t, w)
		}
	})
}

// checkBallPoints holds of what is counted: it is the whole, with the delay measure's
// periods, and the hospital's and the others' sides of it.
func checkBallPoints(t *rapid.T, w *ballWalk) {
	var held, side int64
	seen := map[string]bool{}
	for _, p := range BallKept.Of(w.t) {
		held += p.Value
		if seen[p.Subject] || p.Open() || p.Stage == "" || p.Holder == "" {
			t.Fatalf("a point %+v", p)
		}
		seen[p.Subject] = true
	}
	for source, d := range map[*Source]Dim{BallHolders: ByHolder, BallReasons: ByReason} {
		sum, once := int64(0), map[string]bool{}
		for _, p := range source.Of(w.t) {
			if sum += p.Value; once[p.Get(d)] {
				t.Fatalf("the stay is there twice with one %s: %+v", d, p)
			}
			once[p.Get(d)] = true
		}
		if sum != w.total {
			t.Fatalf("%s: %d minutes of %d", source.ID, sum, w.total)
		}
	}
	for _, p := range sidePoints(w.t) {
		side += max(p.Value, -p.Value)
		if (p.Value > 0) != (p.Subject == "V1/hospital") {
			t.Fatalf("a side %+v", p)
		}
	}
	if held != w.total || side != w.total {
		t.Fatalf("%d minutes are counted, and %d by side, of %d", held, side, w.total)
	}
}

// TestCorrectionsLieOverTheClock: the last that was not taken back says whose an instant
// is, what the clock said stands beside it, and the sum stays.
func TestCorrectionsLieOverTheClock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newBall()
		w.toggle()
		for range rapid.IntRange(2, 12).Draw(t, "steps") {
			w.step(t)
		}
		w.pass(time.Hour)
		s := w.t.Stays()[0]
		before := Ball(w.t, s, w.now)
		var ks []care.ClockCorrection
		for i := range rapid.IntRange(1, 5).Draw(t, "corrections") {
			from := s.Admitted.Add(time.Duration(rapid.IntRange(0, 200_000).Draw(t, "from")) * time.Second)
			k := care.ClockCorrection{ID: "k" + strconv.Itoa(i), Hospital: ballHospital, Stay: "V1", From: from, To: from.Add(time.Duration(rapid.IntRange(1, 90_000).Draw(t, "for")) * time.Second)}
			if a := rapid.IntRange(0, 99).Draw(t, "share"); a > 0 {
				k.Parts = []care.ClockPart{{Stage: "ready", Holder: ballHospital, Share: a}, {Stage: "on-hold", Holder: "V42", Share: 100 - a}}
			} else {
				k.Reason = "2022-08"
			}
			if rapid.IntRange(0, 4).Draw(t, "undone") == 0 {
				k.Undone = &care.Undoing{At: w.now}
			}
			ks = append(ks, k)
			w.tell(care.ClockCorrected{At: w.now, Correction: k})
		}
		after := Ball(w.t, s, w.now)
		checkBall(t, s, after, w.now)
		_, was := ballSums(before)
		if _, is := ballSums(after); is != was {
			t.Fatalf("corrections made %d minutes of %d", is, was)
		}
		for _, seg := range after {
			i := slices.IndexFunc(before, func(b Segment) bool { return !seg.From.Before(b.From) && seg.From.Before(b.To) })
			if seg.Clock != before[i].Clock {
				t.Fatalf("the clock's own is %+v, not %+v", seg.Clock, before[i].Clock)
			}
			stands, parts := "", before[i].Parts
			for _, k := range ks {
				if k.Undone == nil && !seg.From.Before(k.From) && seg.From.Before(k.To) {
					if stands = k.ID; len(k.Parts) > 0 {
						parts = nil
						for _, p := range k.Parts {
							parts = append(parts, HeldPart{Stage: p.Stage, Holder: p.Holder, Share: p.Share})
						}
					}
				}
			}
			if seg.Corrected != stands || !slices.EqualFunc(seg.Parts, parts, func(a, b HeldPart) bool { return a.Stage == b.Stage && a.Holder == b.Holder && a.Share == b.Share }) {
				t.Fatalf("at %v stands %q with %+v, not %q with %+v", seg.From, seg.Corrected, seg.Parts, stands, parts)
			}
		}
	})
}

// TestBallStory is one wait with everything in it, in whole hours.
func TestBallStory(t *testing.T) {
	w := newBall()
	hours := func(n int) { w.pass(time.Duration(n) * time.Hour) }
	w.toggle()
	hours(5)
	r := w.send(ballCounty, "2")
	hours(3)
	w.move(r, care.RefReturned)
	hours(2)
	w.move(r, care.RefAccepted)
	hours(20)
	w.move(r, care.RefOnHold)
	hours(10)
	w.tell(care.ReferralTransferred{At: w.now, ID: r.id, To: ballCity, Next: "r9"})
	r.state = ""
	r = w.send(ballCity, "3")
	hours(4)
	w.move(r, care.RefSourcing)
	hours(30)
	w.move(r, care.RefReady)
	hours(6)
	w.move(r, "")
	hours(1)
	w.toggle()
	hours(40)
	w.toggle()
	hours(2)
	w.leave()
	var got []string
	for _, s := range Ball(w.t, w.t.Stays()[0], time.Time{}) {
		p := s.Parts[0]
		got = append(got, p.Stage+" "+string(p.Holder)+" "+strconv.FormatInt(s.Minutes()/60, 10)+" "+p.Reason)
	}
	want := []string{"no-referral RX1 5 2022-06", "sent 511 3 2022-03", "returned RX1 2 2022-06", "accepted 511 20 2022-14", "on-hold 511 10 2022-04",
		"sent 512 4 2022-03", "sourcing 512 30 2022-15", "ready RX1 6 2022-01", "after RX1 1 2022-12", "after RX1 2 2022-12"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	all := Hist{}
	for _, p := range sidePoints(w.t) {
		all.Add(p, p.Value, 1)
	}
	if share, _, _ := positive(&all); share != 16.0/83 {
		t.Errorf("the hospital had %v of it, not 16 of 83 hours", share)
	}
}

// TestStagesAreOneList: what care calls a stage and what is said of it here.
func TestStagesAreOneList(t *testing.T) {
	var here []string
	for _, s := range Stages {
		here = append(here, s.Code)
	}
	if diff := cmp.Diff(care.ClockStages, here); diff != "" {
		t.Error(diff)
	}
}

func TestReasonsAreOnlySuggested(t *testing.T) {
	for _, x := range []struct {
		w    Waiting
		want string
	}{
		{Waiting{"sent", "", HeldByCouncil, ""}, "2022-03"},
		{Waiting{"sourcing", "1", HeldByCouncil, ""}, "2022-13"},
		{Waiting{"sourcing", "", HeldByCouncil, ""}, "2022-12"},
		{Waiting{"on-hold", "1", HeldByCouncil, "infection"}, "2022-16"},
		{Waiting{"on-hold", "1", HeldByCouncil, "other"}, ""},
	} {
		if got := Suggest(ownReasons, x.w); got != x.want {
			t.Errorf("%+v: %q, not %q", x.w, got, x.want)
		}
	}
	// With the site's list of 2024 the same wait has a reason of that.
	w := newBall()
	w.t.Reasons = mustReasons(codelists.Delay2024)
	w.toggle()
	w.send(ballCounty, "1")
	w.pass(time.Hour)
	segs := Ball(w.t, w.t.Stays()[0], w.now)
	if p := segs[0].Parts[0]; p.Reason != "2024-02" || p.Chosen {
		t.Errorf("suggested %+v", p)
	}
	for _, name := range []string{codelists.Delay2022, codelists.Delay2024} {
		text, _ := codelists.Files.ReadFile(name)
		if _, err := ReadReasons(name, text); err != nil {
			t.Error(err)
		}
	}
	bad := "id=\"x\"\ntitle=\"x\"\nsource=\"x\"\nlicence=\"x\"\nof=1\n[[reason]]\ncode=\"1\"\nlabel=\"x\"\nwhen=[{stages=[\"weather\"]}]\n"
	if _, err := ReadReasons("x.toml", []byte(bad)); err == nil || err.Error()[:15] != "x.toml, line 6:" {
		t.Errorf("a stage that is none: %v", err)
	}
}

// TestBallAcrossTheClockChange: the night on which the clocks go forward has 23 hours.
func TestBallAcrossTheClockChange(t *testing.T) {
	w := newBall()
	w.now = time.Date(2026, 3, 28, 12, 0, 0, 0, w.t.Zone)
	w.toggle()
	w.now = time.Date(2026, 3, 29, 12, 0, 0, 0, w.t.Zone)
	w.leave()
	if _, n := ballSums(Ball(w.t, w.t.Stays()[0], w.now)); n != 23*60 {
		t.Errorf("%d minutes", n)
	}
}

// TestBallOfAJoinedRecord: who had somebody before two records were joined is in the
// history of the other, and counts as if it had been one.
func TestBallOfAJoinedRecord(t *testing.T) {
	w := newBall()
	w.toggle()
	w.pass(2 * time.Hour)
	r := w.send(ballCounty, "1")
	w.pass(3 * time.Hour)
	w.move(r, care.RefAccepted)
	w.pass(4 * time.Hour)
	one := &Trail{Zone: w.t.Zone}
	one.Add(care.Entry{Seq: 90, Case: "d", N: 1, Recorded: w.now, Event: care.Started{At: w.now, ID: "d"}})
	one.Knows("c", w.t)
	one.Add(care.Entry{Seq: 91, Case: "d", N: 2, Recorded: w.now, Event: care.Absorbed{At: w.now, Other: w.t.Case()}})
	now := w.now.Add(time.Hour)
	got, _ := ballSums(Ball(one, one.Stays()[0], now))
	if diff := cmp.Diff(map[string]int64{"no-referral RX1": 120, "sent 511": 180, "accepted 511": 300}, got); diff != "" {
		t.Error(diff)
	}
}
