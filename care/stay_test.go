package care

import "testing"

// How a stay ended, and how one began, is read from codes in one place.
func TestHowStaysBeginAndEnd(t *testing.T) {
	for _, x := range []struct {
		leaving           Leaving
		death, toHospital bool
	}{
		{Leaving{Destination: "19"}, false, false}, {Leaving{Died: true}, true, false}, {Leaving{Method: "4"}, true, false}, {Leaving{Method: "5"}, true, false},
		{Leaving{Destination: "79"}, true, false}, {Leaving{Moved: true}, false, true}, {Leaving{Destination: "51"}, false, true}, {Leaving{Destination: "48"}, false, true},
		{Leaving{Destination: "54"}, false, false}, {Leaving{Method: "1", Destination: "99"}, false, false},
	} {
		if x.leaving.Death() != x.death || x.leaving.ToHospital() != x.toHospital {
			t.Errorf("%+v: death %v, to a hospital %v", x.leaving, x.leaving.Death(), x.leaving.ToHospital())
		}
	}
	for method, want := range map[string][2]bool{"21": {true, false}, "2A": {true, false}, "2B": {true, true}, "81": {false, true}, "11": {}, "31": {}, "": {}, "99": {}} {
		if EmergencyAdmission(method) != want[0] || TransferAdmission(method) != want[1] {
			t.Errorf("admission method %q: emergency %v, transfer %v", method, EmergencyAdmission(method), TransferAdmission(method))
		}
	}
	c := Case{Past: []Stay{{Visit: "a"}, {Visit: "b"}}, Stay: &Stay{Visit: "c"}}
	got := c.Stays()
	if got[0].Visit = "z"; len(got) != 3 || got[2].Visit != "c" || c.Past[0].Visit != "a" {
		t.Errorf("stays: %+v", got)
	}
}
