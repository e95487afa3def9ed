package measure

import (
	"slices"
	"testing"
	"time"

	"homeward/care"
	"homeward/nhs"
)

// walk is a story of one person as measures read it: events as of minutes after a
// Monday morning at nine.
type walk struct {
	*testing.T
	trail *Trail
	n     int
}

var walkBegan = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func after(minutes int) time.Time { return walkBegan.Add(time.Duration(minutes) * time.Minute) }

func newWalk(t *testing.T, id care.CaseID) *walk {
	w := &walk{T: t, trail: &Trail{Zone: time.UTC}}
	w.tell(care.Started{At: after(0), ID: id})
	return w
}

func (w *walk) tell(events ...care.Event) *walk {
	for _, e := range events {
		w.n++
		w.trail.Add(care.Entry{Seq: int64(w.n), N: w.n, Recorded: e.When(), Event: e})
	}
	return w
}

// point is the one point of a source; none: nil.
func (w *walk) point(s *Source) *Point {
	w.Helper()
	ps := s.Of(w.trail)
	if len(ps) > 1 {
		w.Fatalf("%s: %d points, want at most one: %+v", s.ID, len(ps), ps)
	}
	if len(ps) == 0 {
		return nil
	}
	return &ps[0]
}

func process(id string) *Source {
	return Process[slices.IndexFunc(clocks, func(k clock) bool { return k.id == id })]
}

const walkHospital, walkCouncil = nhs.ODS("RK9"), nhs.ODS("511")

func walkStay() care.Event {
	return care.Admitted{At: after(-60), Stay: care.Stay{Visit: "V1", Org: walkHospital, Class: "I", Admitted: after(-60), Where: care.Location{Ward: "W12"}}}
}

func walkReferral(id care.ReferralID) care.Referral {
	return care.Referral{ID: id, Stay: "V1", From: walkHospital, To: walkCouncil, Pathway: "1", State: care.RefSent, Sent: after(0),
		Holder: care.Holder{Org: walkCouncil, Team: "hub"}}
}

func walkHeld(team string) care.Holder { return care.Holder{Org: walkCouncil, Team: team} }

// Sent at 0, returned at 30, answered at 90, accepted at 120: 120 minutes less the 60
// with the hospital. Allocated at 200, on hold from 250 to 300, assessed at 400, asked at
// 420, booked at 900 for the next day but one, ready at 1000 (before it: after booking),
// left at 2000, and care began at the midnight after.
func TestProcessClocks(t *testing.T) {
	w := newWalk(t, "one").tell(walkStay(), care.ReferralSent{At: after(0), Referral: walkReferral("r1")})
	for _, k := range clocks {
		if k.fromReady {
			if p := w.point(process(k.id)); p != nil {
				t.Errorf("%s: %+v before anybody was ready", k.id, p)
			}
		} else if p := w.point(process(k.id)); p == nil || !p.Open() || !p.From.Equal(after(0)) {
			t.Errorf("%s: %+v, want one that runs", k.id, p)
		}
	}
	ask := care.Request{ID: "q", Referral: "r1", Council: walkCouncil, At: after(420), Kind: "HS", Invited: []care.Invite{{Provider: "P", At: after(420)}}}
	booked := ask
	booked.Booked, booked.BookedAt, booked.Start = "P", after(900), nhs.DateOf(after(4*24*60))
	w.tell(
		care.ReferralReturned{At: after(30), ID: "r1", Return: care.Return{At: after(30)}, Holder: care.Holder{Org: walkHospital}},
		care.ReferralAnswered{At: after(90), ID: "r1", Holder: walkHeld("hub")},
		care.ReferralAccepted{At: after(120), ID: "r1", Holder: walkHeld("hub")},
		care.ReferralAllocated{At: after(200), ID: "r1", Worker: care.Who{ID: "w"}, Holder: walkHeld("hub")},
		care.ReferralProgressed{At: after(220), ID: "r1", State: care.RefAssessing, Holder: walkHeld("hub")},
		care.ReferralHeld{At: after(250), ID: "r1", Hold: care.Hold{Before: care.RefAssessing}, Holder: walkHeld("hub")},
		care.ReferralResumed{At: after(300), ID: "r1", State: care.RefAssessing, Holder: walkHeld("hub")},
		care.ReferralProgressed{At: after(400), ID: "r1", State: care.RefPlanning, Holder: walkHeld("hub")},
		care.RequestChanged{At: after(420), Did: care.RequestMade, Request: ask},
		care.RequestChanged{At: after(900), Did: care.RequestBooked, Request: booked},
		care.BecameReady{At: after(1000), From: after(1000)},
		care.Discharged{At: after(5000), Visit: "V1", Org: walkHospital, Leaving: care.Leaving{At: after(5000)}})
	started := int(time.Date(2026, 3, 6, 0, 0, 0, 0, time.UTC).Sub(walkBegan) / time.Minute) // 5220
	for id, want := range map[string]int{"to-accepted": 120 - 60, "to-allocated": 200 - 60, "to-assessed": 400 - 60, "to-requested": 420 - 60, "to-sourced": 900 - 60,
		"to-started": started - 60, "ready-to-sourced": 0, "ready-to-started": started - 1000, "ready-to-left": 4000} {
		p := w.point(process(id))
		if p == nil || p.Open() || p.Value != int64(want) || p.Out != "" || p.Ward != "W12" || p.Council != walkCouncil || p.Pathway != "1" {
			t.Errorf("%s: %+v, want %d minutes", id, p, want)
		}
	}
	ps := Paused.Of(w.trail)
	if len(ps) != 2 || ps[0].Value != 60 || ps[0].Holder != walkHospital || ps[0].Stage != "returned" || ps[1].Value != 50 || ps[1].Holder != walkCouncil || ps[1].Stage != "on-hold" {
		t.Errorf("stood still: %+v", ps)
	}
}

// A booking that falls through runs the clock again; an approved assessment ends that of
// the assessment before the stage moves; who ends before is left out, and comes back when
// the end is taken back.
func TestProcessRunsAgain(t *testing.T) {
	w := newWalk(t, "two").tell(walkStay(), care.ReferralSent{At: after(0), Referral: walkReferral("r1")},
		care.ReferralAccepted{At: after(10), ID: "r1", Holder: walkHeld("hub")},
		care.ReferralProgressed{At: after(15), ID: "r1", State: care.RefAssessing, Holder: walkHeld("hub")},
		care.PaperShared{At: after(50), Paper: care.Paper{ID: "p1", Kind: care.PaperHospital, Referral: "r1", At: after(40)}},
		care.PaperShared{At: after(70), Again: true, Paper: care.Paper{ID: "p1", Kind: care.PaperHospital, Referral: "r1", At: after(60)}})
	if p := w.point(process("to-assessed")); p.Value != 50 {
		t.Errorf("assessed: %+v, want 50 minutes", p)
	}
	q := care.Request{ID: "q", Referral: "r1", Council: walkCouncil, At: after(80), Booked: "P", BookedAt: after(100)}
	w.tell(care.RequestChanged{At: after(100), Did: care.RequestBooked, Request: q})
	if p := w.point(process("to-sourced")); p.Value != 100 {
		t.Errorf("sourced: %+v, want 100 minutes", p)
	}
	q.Booked, q.BookedAt = "", time.Time{}
	w.tell(care.RequestChanged{At: after(200), Did: care.RequestReopened, Request: q})
	if p := w.point(process("to-sourced")); !p.Open() {
		t.Errorf("sourced after the booking fell through: %+v, want one that runs", p)
	}
	w.tell(care.ReferralEnded{At: after(300), ID: "r1", State: care.RefCancelled})
	if p := w.point(process("to-sourced")); p.Out != "ref-cancelled" || !p.To.Equal(after(300)) {
		t.Errorf("cancelled: %+v", p)
	}
	if p := w.point(process("to-accepted")); p.Out != "" || p.Value != 10 {
		t.Errorf("accepted before it was cancelled: %+v", p)
	}
	w.tell(care.WatchResumed{At: after(400), ID: "r1", Holder: walkHeld("hub")})
	if p := w.point(process("to-sourced")); !p.Open() || p.Out != "" {
		t.Errorf("going on: %+v", p)
	}
	for _, p := range w.trail.Points() {
		if p.Out != "" && Excluded[p.Out] == "" || p.Assumed != "" && Assumptions[p.Assumed] == "" {
			t.Errorf("%s: no words for %q %q", p.Source, p.Out, p.Assumed)
		}
	}
}

// Every code of what measures leave out has words, and every measure of ours says all
// that a reader needs.
func TestMeasuresOfWorkSayWhatTheyAre(t *testing.T) {
	all := works
	seen := map[ID]bool{}
	for _, m := range all {
		if m.Title == "" || m.Sentence == "" || m.Start == "" || m.Stop == "" || m.Method == "" || m.Cite == "" || m.Source == nil || m.Stat == nil || seen[m.ID] {
			t.Errorf("%s is not whole, or is there twice", m.ID)
		}
		seen[m.ID] = true
		for _, code := range m.Leaves {
			if Excluded[code] == "" {
				t.Errorf("%s leaves out %q, which has no words", m.ID, code)
			}
		}
	}
}
