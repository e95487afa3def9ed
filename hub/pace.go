package hub

import (
	"context"
	"sync/atomic"
	"time"
)

// While more than rush messages a second come in, which is a storm and not a
// hospital's day, reading gives way: of the time, it takes one part in
// rushShare, so that senders are answered quickly and the backlog still
// shrinks. A rest is at most restMost, which is how late a storm's end is seen.
const (
	rush      = 500
	rushShare = 5
	rushBatch = 16 // messages in one transaction then: who waits to keep one waits for these
	restMost  = 100 * time.Millisecond
	paceSpan  = 20 * time.Millisecond // over which the rate is taken, at least
)

// pace is one reading loop's view of how fast messages come.
type pace struct {
	kept *atomic.Int64 // messages that this process has kept, ever
	at   time.Time     // when seen was taken
	seen int64
	rate float64 // messages a second, at the last look
}

// rest is how long to leave the writer to others after working for took.
func (p *pace) rest(now time.Time, took time.Duration) time.Duration {
	if span := now.Sub(p.at); span >= paceSpan {
		n := p.kept.Load()
		p.rate = float64(n-p.seen) / span.Seconds()
		p.at, p.seen = now, n
	}
	if p.rate <= rush {
		return 0
	}
	return min((rushShare-1)*took, restMost)
}

// most is how many messages to work in one transaction.
func (p *pace) most(usual int) int {
	if p.rate > rush {
		return min(usual, rushBatch)
	}
	return usual
}

func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// seldom lets one line a second into the log: senders that were refused send
// again at once, and a log that grows with every try fills the disk that is
// perhaps full already.
type seldom struct{ last, since atomic.Int64 }

// line says whether to write the line now, and for how many it stands.
func (s *seldom) line(now time.Time) (n int64, say bool) {
	s.since.Add(1)
	last := s.last.Load()
	if now.UnixNano()-last < int64(time.Second) || !s.last.CompareAndSwap(last, now.UnixNano()) {
		return 0, false
	}
	return s.since.Swap(0), true
}
