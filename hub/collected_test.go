package hub

import (
	"testing"
	"time"
)

// Of several processes one brings a council's extracts: after a restart the same at
// once, and another when that is gone.
func TestOneCollects(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		two := s.another()
		ask := func(h *Hub, owner string, want bool) {
			t.Helper()
			if mine, err := h.Collect(s.ctx(), notts, owner, 10*time.Minute); err != nil || mine != want {
				t.Errorf("%s: %v %v", owner, mine, err)
			}
		}
		ask(s.Hub, "one", true)
		ask(two, "two", false)
		s.pass(9 * time.Minute)
		ask(s.Hub, "one", true)
		s.pass(9 * time.Minute)
		ask(two, "two", false)
		s.pass(2 * time.Minute)
		ask(two, "two", true)
		ask(s.Hub, "one", false)
		if mine, err := s.Collect(s.ctx(), city, "one", time.Minute); err != nil || !mine {
			t.Errorf("another council: %v %v", mine, err)
		}
	})
}
