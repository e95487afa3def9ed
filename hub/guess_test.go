package hub

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"homeward/care"
	"homeward/policy"
)

// TestASystemCannotGuessDatesOfBirth tries many dates of one number, of somebody who
// is known and of somebody who is not: both are slowed down alike.
func TestASystemCannotGuessDatesOfBirth(t *testing.T) {
	s := newSite(t, "sqlite", eprs)
	s.imported(notts, "full", held{id: "P1", p: nobody(22), packages: []string{pack("K1", "HS", "active")}})
	by := s.machineOf(other)
	look := func(p somebody, days int) error {
		born := p.birth()
		born.Day += days
		_, err := s.ShowByNumber(s.ctx(), by, p.nhs, ShowRequest{Behalf: "Dr A Vane", Reason: "In A&E now", Purpose: policy.DirectCare, Born: born})
		return err
	}
	for _, p := range []somebody{nobody(22), nobody(23)} {
		for n := range s.Limits.LookMisses {
			if err := look(p, n+1); care.KindOf(err) != care.NotFound {
				t.Fatalf("try %d: %v", n, err)
			}
		}
		if err := look(p, 9); care.KindOf(err) != care.Throttled {
			t.Errorf("a guesser is not slowed down: %v", err)
		}
	}
	if err := look(nobody(24), 0); care.KindOf(err) == care.Throttled {
		t.Error("somebody else's look-up is slowed down")
	}
	s.pass(time.Minute)
	if err := look(nobody(22), 0); err != nil {
		t.Errorf("after the wait: %v", err)
	}
}

// TestGuessesAtOnceAreAllCounted tries many dates at the same moment.
func TestGuessesAtOnceAreAllCounted(t *testing.T) {
	var m misses
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	var let atomic.Int64
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			if _, slow := m.try("x", string(rune('a'+i)), now, 5); !slow {
				let.Add(1)
			}
		})
	}
	all.Wait()
	if let.Load() != 5 {
		t.Errorf("%d of 50 guesses at once were let", let.Load())
	}
	for i := range mostMisses + 10 {
		m.try(care.ActorID(rune('一'+i)), "x", now.Add(2*missWindow), 5)
	}
	if len(m.at) > mostMisses+10 || m.at["x"] != nil {
		t.Error("old tries are not forgotten")
	}
}
