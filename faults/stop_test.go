package faults

import (
	"testing"
	"time"
)

// Stopped in the middle of its work, the process ends well, and what it kept it
// has also answered, so that nothing is sent twice.
func TestStoppedUnderLoad(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		s, said := newSite(t, database), newLedger()
		stop := drive(senders(s.mllp, 8, said))
		for round := range 3 {
			s.start()
			time.Sleep(200 * time.Millisecond)
			if code := s.stop(); code != 0 {
				t.Errorf("round %d: exit code %d, want 0", round, code)
			}
			s.verify()
		}
		stop()
		s.checkOnce(said)
		unanswered := 0
		for id := range s.kept() {
			if !said.accepted[id] {
				unanswered++
			}
		}
		if unanswered > 0 {
			t.Errorf("%d messages were kept and not answered", unanswered)
		}
	})
}
