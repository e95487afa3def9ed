package measure

import (
	"testing"

	"homeward/care"
)

// Who went home after a look-up counts, unless a feed tells that they were in a bed
// before a day had passed; an attendance at A&E is no admission.
func TestAvoided(t *testing.T) {
	look := func(result care.LookEnd) care.Event {
		return care.LookEnded{At: after(60), Look: care.LookResult{ID: "l1", Org: walkHospital, Looked: after(30), Result: result}}
	}
	admitted := func(minutes int, class string) care.Event {
		return care.Admitted{At: after(minutes), Stay: care.Stay{Visit: "V9", Org: walkHospital, Class: class, Admitted: after(minutes)}}
	}
	gone := func(minutes int) care.Event {
		return care.Discharged{At: after(minutes), Visit: "V9", Org: walkHospital, Leaving: care.Leaving{At: after(minutes)}}
	}
	for name, x := range map[string]struct {
		events         []care.Event
		recorded, home int64
	}{
		"home with care":            {[]care.Event{look(care.LookHomeCare)}, 1, 1},
		"home":                      {[]care.Event{look(care.LookHome)}, 1, 1},
		"admitted":                  {[]care.Event{look(care.LookAdmitted)}, 0, 0},
		"no help":                   {[]care.Event{look(care.LookNoUse)}, 0, 0},
		"corrected":                 {[]care.Event{look(care.LookHome), look(care.LookAdmitted)}, 0, 0},
		"only in A&E":               {[]care.Event{admitted(0, "E"), look(care.LookHome), gone(120)}, 1, 1},
		"in a bed all the time":     {[]care.Event{admitted(0, "I"), look(care.LookHome)}, 1, 0},
		"left before the look-up":   {[]care.Event{admitted(0, "I"), gone(20), look(care.LookHome)}, 1, 1},
		"back the same night":       {[]care.Event{look(care.LookHomeCare), admitted(30+24*60-1, "I")}, 1, 0},
		"back when the day was out": {[]care.Event{look(care.LookHomeCare), admitted(30+24*60, "I")}, 1, 1},
	} {
		w := newWalk(t, "one").tell(x.events...)
		a, b := w.point(LookedUp), w.point(StayedHome)
		if a.Value != x.recorded || b.Value != x.home || !a.To.Equal(after(30)) || a.Hospital != walkHospital {
			t.Errorf("%s: recorded %d and stayed %d, want %d and %d (%+v)", name, a.Value, b.Value, x.recorded, x.home, a)
		}
	}
}
