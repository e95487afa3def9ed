package sim

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"homeward/hl7"
	"homeward/mllp"
)

// ErrRejected is that the far side answered AR or CR: sending the same bytes
// again would not help.
var ErrRejected = errors.New("the message was rejected")

// errNotTaken is that the far side could not keep the message this time.
var errNotTaken = errors.New("the message was not taken")

// line is a hospital's connection to whoever reads it. One message goes after
// the other; each is sent, byte for byte the same, until it is acknowledged.
type line struct {
	addr   string
	tls    *tls.Config
	sleep  func(context.Context, time.Duration) error
	jitter *rand.Rand

	conn   *mllp.Conn
	silent atomic.Bool
	queue  []queued // what was to be sent in the silence
	sent   atomic.Int64
	again  atomic.Int64
}

type queued struct {
	control string
	raw     []byte
}

// mostQueued bounds what a silent system keeps, as its disk would.
const mostQueued = 10_000

const (
	firstBackoff = 200 * time.Millisecond
	lastBackoff  = 15 * time.Second
)

// send sends after what is queued, or queues it while the line is silent.
func (l *line) send(ctx context.Context, q queued) error {
	if err := l.flush(ctx); err != nil {
		return err
	}
	err := l.deliver(ctx, q)
	if !errors.Is(err, errSilent) {
		return err
	}
	if len(l.queue) >= mostQueued {
		return fmt.Errorf("queueing message %s: %d wait already", q.control, mostQueued)
	}
	l.queue = append(l.queue, q)
	return nil
}

// errSilent is that the line fell silent before the message was acknowledged.
var errSilent = errors.New("the line is silent")

// flush sends what waits, in order. A message that is rejected is dropped.
func (l *line) flush(ctx context.Context) error {
	for len(l.queue) > 0 {
		err := l.deliver(ctx, l.queue[0])
		if errors.Is(err, errSilent) {
			return nil
		}
		if err != nil && !errors.Is(err, ErrRejected) {
			return err
		}
		l.queue = l.queue[1:]
	}
	return nil
}

// deliver tries until the message is answered with AA, rejected, or ctx ends.
func (l *line) deliver(ctx context.Context, q queued) error {
	for wait := firstBackoff; ; wait = min(2*wait, lastBackoff) {
		if l.silent.Load() {
			_ = l.hangUp() // a line that is given up may well be broken
			return errSilent
		}
		err := l.try(ctx, q)
		if err == nil || errors.Is(err, ErrRejected) || errors.Is(err, mllp.ErrUnframeable) {
			l.sent.Add(1)
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("sending message %s: %w", q.control, ctx.Err())
		}
		l.again.Add(1)
		spread := 0.75 + l.jitter.Float64()/2
		if err := l.sleep(ctx, time.Duration(float64(wait)*spread)); err != nil {
			return fmt.Errorf("sending message %s: %w", q.control, err)
		}
	}
}

func (l *line) try(ctx context.Context, q queued) error {
	if l.conn == nil {
		conn, err := mllp.Dial(ctx, l.addr, mllp.Config{TLS: l.tls})
		if err != nil {
			return err
		}
		l.conn = conn
	}
	reply, err := l.conn.SendMatching(ctx, q.raw, func(reply []byte) bool {
		a, err := hl7.ParseAck(reply)
		return err != nil || q.control == "" || a.ControlID == q.control
	})
	if err != nil {
		_ = l.hangUp()
		return err
	}
	a, err := hl7.ParseAck(reply)
	switch {
	case err != nil:
		return err
	case a.OK():
		return nil
	case a.Code == hl7.AR || a.Code == hl7.CR:
		return fmt.Errorf("sending message %s: %w", q.control, ErrRejected)
	}
	return errNotTaken // AE, CE: not kept, it may be sent again (HL7 v2.4 2.13)
}

func (l *line) hangUp() error {
	if l.conn == nil {
		return nil
	}
	err := l.conn.Close()
	l.conn = nil
	return err
}
