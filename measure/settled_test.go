package measure

import (
	"testing"
	"time"

	"homeward/care"
	"homeward/nhs"
)

func settledReferral(state care.RefState) care.Event {
	return care.ReferralSent{At: after(30), Referral: care.Referral{ID: "r1", Key: "r1", Stay: "V1", From: walkHospital, To: walkCouncil, Pathway: "1",
		State: state, Holder: care.Holder{Org: walkCouncil}, Sent: after(30), Watching: true}}
}

// Who died or was moved did not leave, whether the hospital said so or its codes do; and
// the clock of being ready to leave ends there.
func TestClocksEndWithDeathAndTransfer(t *testing.T) {
	for name, x := range map[string]struct {
		left care.Leaving
		out  string
	}{
		"home":                 {care.Leaving{Destination: "19"}, ""},
		"to another, by code":  {care.Leaving{Destination: "51"}, "transferred"},
		"to another":           {care.Leaving{Moved: true}, "transferred"},
		"dead, by destination": {care.Leaving{Destination: "79"}, "died"},
		"dead, by method":      {care.Leaving{Method: "4"}, "died"},
	} {
		w := newWalk(t, "c")
		x.left.At = after(1440)
		w.tell(walkStay(), care.BecameReady{At: after(20), From: after(20)}, settledReferral(care.RefSent),
			care.Discharged{At: after(1440), Visit: "V1", Org: walkHospital, Leaving: x.left})
		for _, id := range []string{"ready-to-left", "ready-to-sourced", "ready-to-started"} {
			p := w.point(process(id))
			if p == nil || x.out != "" && (p.Out != x.out || p.Open()) || x.out == "" && id == "ready-to-left" && (p.Out != "" || p.Value != 1420) {
				t.Errorf("%s: %s: %+v", name, id, p)
			}
		}
	}
}

// A time of being ready that was told late, and overlaps the one before, is nobody's twice.
func TestBallOfOverlappingTimes(t *testing.T) {
	w := newWalk(t, "c")
	w.tell(walkStay(), care.BecameReady{At: after(20 * 60), From: after(20 * 60)}, care.NoLongerReady{At: after(60 * 60)},
		care.BecameReady{At: after(100 * 60), From: after(40 * 60)}, care.Discharged{At: after(120 * 60), Visit: "V1", Org: walkHospital, Leaving: care.Leaving{At: after(120 * 60)}})
	var days, ball time.Duration
	for _, p := range NotMeeting.Of(w.trail) {
		days += p.To.Sub(p.From)
	}
	for _, p := range BallHolders.Of(w.trail) {
		ball += time.Duration(p.Value) * time.Minute
	}
	if ball != 100*time.Hour || days != ball {
		t.Errorf("the clock has %v, the census %v; want 100 hours", ball, days)
	}
}

// An admission of 1900 is a slip of the keyboard: it counts in the last ten years alone,
// and so costs little. One that ends before it began counts nowhere.
func TestSpansAreBounded(t *testing.T) {
	century := Point{From: time.Date(1900, 3, 10, 10, 0, 0, 0, time.UTC)}
	through := nhs.DateOf(after(0))
	count := func(p Point) (n int, first, last nhs.Date) {
		p.Days(true, time.UTC, through, func(day nhs.Date, _ int64) {
			if n++; n == 1 {
				first = day
			}
			last = day
		})
		return n, first, last
	}
	if n, first, last := count(century); n != spanMost || last != through || first != through.Add(1-spanMost) {
		t.Errorf("%d midnights, %s to %s", n, first, last)
	}
	century.To = after(0)
	if n, _, last := count(century); n != spanMost || last != through.Add(-1) {
		t.Errorf("ended: %d midnights to %s", n, last)
	}
	if n, _, _ := count(Point{From: after(0), To: after(-5000)}); n != 0 {
		t.Errorf("what ended before it began counts %d times", n)
	}
}
