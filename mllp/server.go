package mllp

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Handler answers one message. It is called for one message at a time on each
// connection, in the order of arrival, and for many connections at once. It owns
// msg. A nil reply means that the message could not be kept and cannot be
// answered: nothing is written and the connection is closed, so that the sender
// sends it again. The context ends only when the server is forced to stop.
type Handler func(ctx context.Context, c ConnInfo, msg []byte) (reply []byte)

// ConnInfo says who is at the far end of a connection.
type ConnInfo struct {
	ID     uint64               // counts the connections of this server from 1
	Remote net.Addr             // the far end
	Local  net.Addr             // our end
	TLS    *tls.ConnectionState // nil without TLS
}

// EventKind is something that happened on a connection and that an operator may
// want to know.
type EventKind int

// The kinds of events.
const (
	// Refused: the connection limit was reached and a connection was closed at once.
	Refused EventKind = iota + 1
	// HandshakeFailed: TLS was not agreed, for instance for want of a certificate.
	HandshakeFailed
	// Idle: no frame came for the idle time and the connection was closed.
	Idle
	// Stalled: a frame began and did not end in time; the connection was closed.
	Stalled
	// CutOff: the connection ended within a frame.
	CutOff
	// TooLong: a message was above the limit and was dropped.
	TooLong
	// Junk: bytes that belong to no frame were skipped.
	Junk
	// ReadFailed: the connection broke while nothing or a frame was being read.
	ReadFailed
	// WriteFailed: an answer could not be written. The sender does not know that
	// its message was kept, and will send it again.
	WriteFailed
	// Unanswered: the handler gave no reply and the connection was closed.
	Unanswered
	// AcceptFailed: the listener gave an error and is tried again.
	AcceptFailed
)

var eventNames = [...]string{Refused: "refused", HandshakeFailed: "handshake failed", Idle: "idle", Stalled: "stalled",
	CutOff: "cut off", TooLong: "too long", Junk: "junk", ReadFailed: "read failed", WriteFailed: "write failed",
	Unanswered: "unanswered", AcceptFailed: "accept failed"}

func (k EventKind) String() string {
	if k < Refused || k > AcceptFailed {
		return "unknown"
	}
	return eventNames[k]
}

// Event is told to Server.Observe. It holds counts, never content.
type Event struct {
	Kind  EventKind
	Bytes int64 // how many bytes it concerns, where that means something
	Err   error // the cause, where there is one
}

// Stats counts what a server has done since it began.
type Stats struct {
	Open     int64 // connections open now
	Accepted int64 // connections accepted, without those refused
	Refused  int64 // connections closed because of the limit
	Frames   int64 // messages given to the handler
	Bytes    int64 // bytes of those messages
	TooLong  int64 // messages above the limit
	Timeouts int64 // connections closed because they were idle or stalled
	Broken   int64 // frames that did not end: stalled or cut off
	Junk     int64 // bytes outside frames
}

// Server receives messages on one listener. Make it with NewServer; it serves
// once.
type Server struct {
	// Reject, when set before Serve, answers a message that was dropped because it
	// is too long: e.Bytes is its length. head is its beginning, at most 4 KiB,
	// from which the sender's ids may be made out; it is content and not for logs,
	// and Reject owns it. The context is as in Handler. With a nil reply, or
	// without Reject, the connection is closed.
	Reject func(ctx context.Context, c ConnInfo, e Event, head []byte) (reply []byte)
	// Observe, when set before Serve, is told of events, from many goroutines.
	Observe func(c ConnInfo, e Event)

	config Config
	handle Handler

	stop                chan struct{} // closed when Shutdown begins
	force               chan struct{} // closed when Shutdown gives up waiting
	finished            chan struct{} // closed when Serve has returned
	stopOnce, forceOnce sync.Once
	serving             atomic.Bool

	mu      sync.Mutex
	conns   map[*conn]struct{}
	closing bool

	lastID                                                                       atomic.Uint64
	open, accepted, refused, frames, bytes, tooLong, timeouts, broken, junkBytes atomic.Int64
}

// NewServer makes a server that gives every message to handle.
func NewServer(config Config, handle Handler) *Server {
	return &Server{config: config.withDefaults(), handle: handle, conns: map[*conn]struct{}{},
		stop: make(chan struct{}), force: make(chan struct{}), finished: make(chan struct{})}
}

// ErrServed means that Serve was called a second time.
var ErrServed = errors.New("mllp: a server serves once")

// Stats reads the counters; each is exact, but they are not read at one instant.
func (s *Server) Stats() Stats {
	return Stats{Open: s.open.Load(), Accepted: s.accepted.Load(), Refused: s.refused.Load(), Frames: s.frames.Load(),
		Bytes: s.bytes.Load(), TooLong: s.tooLong.Load(), Timeouts: s.timeouts.Load(), Broken: s.broken.Load(), Junk: s.junkBytes.Load()}
}

// Serve accepts connections from ln until ctx is done or Shutdown is called, and
// then returns nil when the last connection is closed; it closes ln. Stopping,
// it accepts no more, closes connections that wait for a message, lets handlers
// finish and writes their answers, and handles messages that have been read
// whole. A message that has come in part is dropped: it was not answered, so its
// sender will send it again. A handler that does not heed its context can hold
// Serve up. A listener closed by someone else is an error.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	if !s.serving.CompareAndSwap(false, true) {
		return ErrServed
	}
	defer close(s.finished)
	handling, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var talking, watching sync.WaitGroup
	accepting, ended := make(chan struct{}), make(chan struct{})
	watching.Go(func() { s.watch(ctx, ln, accepting, ended, cancel) })
	err := s.accept(handling, ln, &talking)
	close(accepting)
	talking.Wait()
	close(ended)
	watching.Wait()
	return err
}

// watch waits for the reason to stop and sees that everything does.
func (s *Server) watch(ctx context.Context, ln net.Listener, accepting, ended <-chan struct{}, cancel func()) {
	var grace <-chan time.Time
	select {
	case <-s.stop:
	case <-accepting:
	case <-ctx.Done():
		if s.config.Grace > 0 {
			timer := time.NewTimer(s.config.Grace)
			defer timer.Stop()
			grace = timer.C
		}
	}
	s.drain()
	ln.Close() // Serve's own error says what matters
	select {
	case <-ended:
		return
	case <-grace:
	case <-s.force:
	}
	cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.net.Close()
	}
}

// drain wakes every connection that waits for bytes.
func (s *Server) drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	for c := range s.conns {
		c.wake()
	}
}

// Shutdown stops the server as Serve describes and waits until Serve returns.
// When ctx is done first it cancels the handlers' context, closes their
// connections and returns the context's error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stopOnce.Do(func() { close(s.stop) })
	if s.serving.CompareAndSwap(false, true) {
		close(s.finished) // it never served and never will
	}
	select {
	case <-s.finished:
		return nil
	case <-ctx.Done():
	}
	s.forceOnce.Do(func() { close(s.force) })
	return ctx.Err()
}

// accept runs until the listener is closed.
func (s *Server) accept(ctx context.Context, ln net.Listener, talking *sync.WaitGroup) error {
	const longest = time.Second
	for wait := time.Duration(0); ; {
		nc, err := ln.Accept()
		switch {
		case err == nil:
			wait = 0
			s.admit(ctx, nc, talking)
			continue
		case s.stopped():
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("mllp: accepting connections: %w", err)
		}
		// Such as too many open files: wait for it to pass, as net/http does.
		s.tell(ConnInfo{Local: ln.Addr()}, Event{Kind: AcceptFailed, Err: err})
		wait = min(max(2*wait, 5*time.Millisecond), longest)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-s.stop:
		}
		timer.Stop()
	}
}

func (s *Server) stopped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// admit starts a connection, or refuses it visibly.
func (s *Server) admit(ctx context.Context, nc net.Conn, talking *sync.WaitGroup) {
	c := &conn{server: s, net: nc, info: ConnInfo{ID: s.lastID.Add(1), Remote: nc.RemoteAddr(), Local: nc.LocalAddr()}}
	if s.config.TLS != nil {
		c.net = tls.Server(nc, s.config.TLS)
	}
	s.mu.Lock()
	closing, full := s.closing, len(s.conns) >= s.config.MaxConns
	if !closing && !full {
		s.conns[c] = struct{}{}
		s.open.Store(int64(len(s.conns)))
	}
	s.mu.Unlock()
	if closing || full {
		nc.Close()
		if full {
			s.refused.Add(1)
			s.tell(c.info, Event{Kind: Refused})
		}
		return
	}
	s.accepted.Add(1)
	talking.Go(func() {
		defer s.leave(c)
		c.talk(ctx)
	})
}

func (s *Server) leave(c *conn) {
	c.net.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	s.open.Store(int64(len(s.conns)))
}

func (s *Server) tell(c ConnInfo, e Event) {
	if s.Observe != nil {
		s.Observe(c, e)
	}
}

// conn is one connection of a server.
type conn struct {
	server *Server
	net    net.Conn
	info   ConnInfo

	frames  framer
	inFrame bool      // a frame has begun and is being read
	due     time.Time // when it must have ended
	out     []byte    // for writing frames

	mu     sync.Mutex
	waking bool // the server is stopping: read no more from the network
}

// wake makes a read that waits for the network return, now and from now on.
// What has been read already can still be used.
func (c *conn) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waking = true
	c.net.SetReadDeadline(time.Unix(1, 0)) // an error means it is closed: as good
}

func (c *conn) woken() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waking
}

// readBy sets when reads fail, unless the server is stopping.
func (c *conn) readBy(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.waking {
		c.net.SetReadDeadline(t) // an error means it is closed: the read will say so
	}
}

// after is the time d from now, or never.
func after(d time.Duration) time.Time {
	if d < 0 {
		return time.Time{}
	}
	return time.Now().Add(d)
}

func (c *conn) talk(ctx context.Context) {
	if !c.handshake(ctx) {
		return
	}
	config := c.server.config
	c.frames = framer{in: bufio.NewReaderSize(c.net, readerSize), limit: config.MaxMessage,
		begun: func() {
			c.inFrame, c.due = true, after(config.ReadTimeout)
			c.readBy(c.due)
		},
		paused: func() {
			pause := after(endPause)
			if !c.due.IsZero() && c.due.Before(pause) {
				pause = c.due
			}
			c.readBy(pause)
		},
		went: func() { c.readBy(c.due) },
	}
	for c.exchange(ctx) {
	}
}

// handshake agrees TLS, where it is used.
func (c *conn) handshake(ctx context.Context) bool {
	secure, ok := c.net.(*tls.Conn)
	if !ok {
		return true
	}
	c.readBy(after(c.server.config.ReadTimeout))
	c.net.SetWriteDeadline(after(c.server.config.ReadTimeout))
	if err := secure.HandshakeContext(ctx); err != nil {
		if !c.woken() {
			c.server.tell(c.info, Event{Kind: HandshakeFailed, Err: err})
		}
		return false
	}
	state := secure.ConnectionState()
	c.info.TLS = &state
	return true
}

// exchange reads one message and answers it; false means that the connection is
// to be closed.
func (c *conn) exchange(ctx context.Context) bool {
	s := c.server
	c.inFrame, c.due = false, time.Time{}
	c.readBy(after(s.config.IdleTimeout))
	msg, err := c.frames.next()
	if c.frames.junk > 0 {
		s.junkBytes.Add(c.frames.junk)
		s.tell(c.info, Event{Kind: Junk, Bytes: c.frames.junk})
	}
	var long *TooLongError
	var reply []byte
	switch {
	case errors.As(err, &long):
		reply = c.tooLong(ctx, long)
	case err != nil:
		c.failed(err)
		return false
	default:
		s.frames.Add(1)
		s.bytes.Add(int64(len(msg)))
		if reply = s.handle(ctx, c.info, msg); reply == nil {
			s.tell(c.info, Event{Kind: Unanswered, Bytes: int64(len(msg))})
		}
	}
	return reply != nil && c.answer(reply)
}

func (c *conn) tooLong(ctx context.Context, e *TooLongError) []byte {
	c.server.tooLong.Add(1)
	event := Event{Kind: TooLong, Bytes: e.Bytes}
	c.server.tell(c.info, event)
	if c.server.Reject == nil {
		return nil
	}
	return c.server.Reject(ctx, c.info, event, e.Head)
}

// failed says why no more is read.
func (c *conn) failed(err error) {
	s := c.server
	if c.woken() {
		return // we ended it
	}
	e := Event{Err: err, Bytes: c.frames.size}
	switch {
	case err == io.EOF:
		return // the far side closed between frames, as it may
	case errors.Is(err, os.ErrDeadlineExceeded) && !c.inFrame:
		e = Event{Kind: Idle}
		s.timeouts.Add(1)
	case errors.Is(err, os.ErrDeadlineExceeded):
		e.Kind = Stalled
		s.timeouts.Add(1)
		s.broken.Add(1)
	case c.inFrame:
		e.Kind = CutOff
		s.broken.Add(1)
	case errors.Is(err, ErrJunk):
		return // told already, with the count
	default:
		e.Kind = ReadFailed
	}
	s.tell(c.info, e)
}

func (c *conn) answer(reply []byte) bool {
	c.net.SetWriteDeadline(after(c.server.config.WriteTimeout))
	var err error
	if c.out, err = writeFrame(c.net, reply, c.out); err != nil {
		c.server.tell(c.info, Event{Kind: WriteFailed, Bytes: int64(len(reply)), Err: err})
		return false
	}
	if cap(c.out) > keepSize {
		c.out = nil
	}
	return true
}
