package measure

import (
	"testing"

	"homeward/care"
)

// Three referrals: one returned twice and then accepted, one accepted at once though
// something was missing, one withdrawn without an answer.
func TestBounce(t *testing.T) {
	w := newWalk(t, "one").tell(walkStay())
	twice, anyway, none := walkReferral("a"), walkReferral("b"), walkReferral("c")
	twice.Gate, anyway.Gate, anyway.Missing, anyway.Anyway = 1, 1, []string{"wishes"}, "Leaving today"
	for i, r := range []care.Referral{twice, anyway, none} {
		w.tell(care.ReferralSent{At: after(i), Referral: r})
	}
	back := func(id care.ReferralID, out, in int) {
		w.tell(care.ReferralReturned{At: after(out), ID: id, Return: care.Return{At: after(out)}, Holder: care.Holder{Org: walkHospital}},
			care.ReferralAnswered{At: after(in), ID: id, Holder: walkHeld("hub")})
	}
	back("a", 10, 20)
	back("a", 30, 40)
	w.tell(care.ReferralAccepted{At: after(50), ID: "a", Holder: walkHeld("hub")}, care.ReferralAccepted{At: after(60), ID: "b", Holder: walkHeld("hub")})
	back("a", 70, 80) // after it was accepted: no longer "first time"
	w.tell(care.ReferralEnded{At: after(90), ID: "c", State: care.RefWithdrawn})
	want := map[ID]struct {
		value float64
		over  int64
	}{"bounce": {1.0 / 3, 3}, "returns": {1, 3}, "first-time-right": {0.5, 2}, "sent-anyway": {0.5, 2}}
	for _, m := range bounces {
		h := &Hist{}
		for _, p := range m.Source.Of(w.trail) {
			h.Add(p, p.Value, 1)
		}
		v, over, _ := m.Stat(h)
		if v != want[m.ID].value || over != want[m.ID].over {
			t.Errorf("%s is %v of %d, want %v of %d", m.ID, v, over, want[m.ID].value, want[m.ID].over)
		}
		if m.ID == "first-time-right" && h.Out["ref-withdrawn"] != 1 || m.ID == "sent-anyway" && h.Out["no-rules"] != 1 {
			t.Errorf("%s left out %v", m.ID, h.Out)
		}
	}
	for _, p := range Taken.Of(w.trail) {
		if p.Subject == "a" && p.Value != 2 {
			t.Errorf("returned %d times before it was accepted, want 2", p.Value)
		}
	}
	reasons := map[string]string{}
	for _, p := range Sent.Of(w.trail) {
		reasons[p.Subject] = p.Reason
	}
	if reasons["a"] != sentComplete || reasons["b"] != sentAnyway || reasons["c"] != sentNoRules {
		t.Errorf("sent as %v", reasons)
	}
}
