package measure

import (
	"testing"
	"time"

	"homeward/care"
	"homeward/nhs"
)

// A referral is allocated on Monday and closed on Thursday: three midnights. Meanwhile the
// hospital's system tells of four changes; of one before it was sent, of one after the
// person had left and of one that a person typed it does not count.
func TestLoads(t *testing.T) {
	const day = 24 * 60
	w := newWalk(t, "one").tell(walkStay())
	told := func(e care.Event) {
		w.n++
		w.trail.Add(care.Entry{Seq: int64(w.n), N: w.n, Recorded: e.When(), Event: e, Cause: care.Cause{Kind: "message"}})
	}
	moved := func(at int, ward string) care.Event {
		return care.Moved{At: after(at), To: care.Location{Ward: ward}}
	}
	told(moved(-10, "W13"))
	w.tell(care.ReferralSent{At: after(0), Referral: walkReferral("r1")}, care.ReferralAllocated{At: after(30), ID: "r1", Worker: care.Who{ID: "w"}, Holder: walkHeld("hub")})
	told(moved(60, "W14"))
	told(care.BecameReady{At: after(70), From: after(70)})
	w.tell(care.NoLongerReady{At: after(80)})
	told(care.BecameReady{At: after(90), From: after(90)})
	if p := w.point(Carried); !p.Open() || p.Value != 0 {
		t.Errorf("while it is followed: %+v", p)
	}
	left := care.Discharged{At: after(2 * day), Visit: "V1", Org: walkHospital, Leaving: care.Leaving{At: after(2 * day)}}
	told(left)
	w.tell(care.WatchEnded{At: after(2 * day), ID: "r1", Holder: walkHeld("hub")},
		care.ReferralAllocated{At: after(2*day + 5), ID: "r1", Worker: care.Who{ID: "x"}, Holder: walkHeld("hub")})
	told(care.PersonDied{At: after(2*day + 60)})
	w.tell(care.ReferralEnded{At: after(3 * day), ID: "r1", State: care.RefClosed})
	if p := w.point(Carried); p.Value != 4 || !p.To.Equal(after(2*day)) {
		t.Errorf("carried: %+v, want 4 changes until they left", p)
	}
	h := &Hist{}
	w.point(Carried).count(h)
	for _, x := range []struct {
		id   ID
		set  map[string]int64
		want float64
	}{{"changes-carried", nil, 4}, {"time-changes", nil, 4 * 3}, {"time-changes", map[string]int64{perChange: 10}, 40}, {"time-changes", map[string]int64{perLook: 10}, 12}} {
		m, ok := Find(x.id)
		if v, _, _ := m.With(x.set).Stat(h); !ok || v != x.want {
			t.Errorf("%s under %v is %v, want %v", x.id, x.set, v, x.want)
		}
	}
	nights := 0
	p := w.point(Caseload)
	p.Days(true, time.UTC, w.trail.Day(after(9*day)), func(nhs.Date, int64) { nights++ })
	if nights != 3 || p.Team != "hub" {
		t.Errorf("open at %d midnights with team %q, want 3 and hub", nights, p.Team)
	}
}

// Every assumption of a measure can be found, and comes with a value and its ground.
func TestAssumptions(t *testing.T) {
	for _, m := range All {
		for _, id := range m.Assume {
			if a, ok := FindAssumption(id); !ok || a.Minutes <= 0 || a.Words == "" || a.Why == "" {
				t.Errorf("%s assumes %q: %+v", m.ID, id, a)
			}
		}
		if len(m.Assume) == 0 {
			continue
		}
		h := &Hist{Values: map[int64]int64{7: 1}}
		was, _, _ := m.Stat(h)
		if now, _, _ := m.With(nil).Stat(h); now != was {
			t.Errorf("%s is %v as it comes, and %v with nothing set", m.ID, was, now)
		}
	}
}

// count adds a point that has stopped to counts.
func (p *Point) count(h *Hist) { h.Add(*p, p.Value, 1) }

// What nights cost is their number times what one is assumed to cost, not times how long
// anybody had been there.
func TestNightsCost(t *testing.T) {
	m, _ := Find("bed-days-cost")
	h := &Hist{Values: map[int64]int64{7: 2, 30: 1}}
	for want, set := range map[float64]map[string]int64{3 * 395: nil, 300: {perNight: 100}} {
		if v, over, ok := m.With(set).Stat(h); v != want || over != 3 || !ok {
			t.Errorf("three nights cost %v, want %v", v, want)
		}
	}
}
