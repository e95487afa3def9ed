package hub

import (
	"sync/atomic"
	"testing"
	"time"
)

func TestReadingGivesWayToAStorm(t *testing.T) {
	var kept atomic.Int64
	at := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	p := pace{kept: &kept, at: at}
	step := func(n int64) time.Duration {
		kept.Add(n)
		at = at.Add(100 * time.Millisecond)
		return p.rest(at, 5*time.Millisecond)
	}
	if got := step(20); got != 0 || p.most(64) != 64 {
		t.Errorf("at 200 a second: a rest of %s and %d at once; want none, and all", got, p.most(64))
	}
	if got := step(1000); got != 20*time.Millisecond || p.most(64) != rushBatch {
		t.Errorf("at 10,000 a second: a rest of %s and %d at once; want 20ms and %d", got, p.most(64), rushBatch)
	}
	if got := p.rest(at.Add(time.Millisecond), time.Second); got != restMost {
		t.Errorf("after a second's work: a rest of %s, want %s at most", got, restMost)
	}
	if got := step(0); got != 0 {
		t.Errorf("when the storm is over: a rest of %s", got)
	}
}

func TestOneLineASecond(t *testing.T) {
	var s seldom
	at := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	said, lines := int64(0), 0
	for n := range 1000 {
		if m, say := s.line(at.Add(time.Duration(n) * 3 * time.Millisecond)); say {
			said, lines = said+m, lines+1
		}
	}
	if lines != 3 || said != 669 {
		t.Errorf("%d lines for %d messages in 3 seconds; want 3 for 669", lines, said)
	}
}
