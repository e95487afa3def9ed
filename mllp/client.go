package mllp

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Conn sends messages to a server and waits for the answer to each. It may be
// used from many goroutines; their messages go one after the other.
type Conn struct {
	config Config

	sending sync.Mutex // held for one message and its answer
	net     net.Conn
	frames  framer
	out     []byte
	broken  error
}

// ErrClosed means that the connection was closed, or is of no more use because
// an earlier message failed: its answer may still come and would be taken for
// that of the next.
var ErrClosed = errors.New("mllp: the connection is closed")

// ErrUnanswered means that answers came, but none to the message sent.
var ErrUnanswered = errors.New("mllp: no answer to this message among those that came")

// maxStrangers is how many answers to other messages are dropped before one
// message is given up.
const maxStrangers = 16

// Dial connects to addr ("host:port"), with TLS when config has it. Without
// ServerName in config.TLS the host of addr must be in the server's certificate.
func Dial(ctx context.Context, addr string, config Config) (*Conn, error) {
	config = config.withDefaults()
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("mllp: connecting: %w", err)
	}
	if config.TLS == nil {
		return NewConn(nc, config), nil
	}
	settings := config.TLS.Clone()
	if settings.ServerName == "" {
		settings.ServerName, _, _ = net.SplitHostPort(addr) // Dial has taken it apart already
	}
	secure := tls.Client(nc, settings)
	if config.ReadTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, config.ReadTimeout)
		defer cancel()
	}
	if err := secure.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, fmt.Errorf("mllp: agreeing TLS: %w", err)
	}
	return NewConn(secure, config), nil
}

// NewConn sends over a connection that is open already.
func NewConn(nc net.Conn, config Config) *Conn {
	config = config.withDefaults()
	return &Conn{config: config, net: nc, frames: framer{in: bufio.NewReaderSize(nc, readerSize), limit: config.MaxMessage}}
}

// Send sends msg and returns the answer, which is the caller's own. After any
// error but ErrUnframeable the connection is closed, and whether the far side
// has kept the message is not known.
func (c *Conn) Send(ctx context.Context, msg []byte) (reply []byte, err error) {
	return c.SendMatching(ctx, msg, func([]byte) bool { return true })
}

// SendMatching is Send for far sides that may answer twice or late: answers for
// which ours is false are dropped, up to 16 of them. For HL7, ours compares
// MSA-2 with the MSH-10 of what was sent.
func (c *Conn) SendMatching(ctx context.Context, msg []byte, ours func(reply []byte) bool) (reply []byte, err error) {
	c.sending.Lock()
	defer c.sending.Unlock()
	if c.broken != nil {
		return nil, c.broken
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("mllp: sending: %w", err)
	}
	reply, err = c.send(ctx, msg, ours)
	if err != nil && !errors.Is(err, ErrUnframeable) {
		c.broken = ErrClosed
		c.net.Close()
	}
	return reply, err
}

func (c *Conn) send(ctx context.Context, msg []byte, ours func([]byte) bool) ([]byte, error) {
	// A context that ends makes reads and writes fail at once. The function
	// given to AfterFunc is waited for, so that it cannot touch the next message.
	touched := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		c.net.SetDeadline(time.Unix(1, 0))
		close(touched)
	})
	c.net.SetDeadline(after(c.config.WriteTimeout))
	reply, err := c.converse(ctx, msg, ours)
	if !stop() {
		<-touched
		if err == nil {
			// The answer came first; only the deadline was spoilt.
			return reply, nil
		}
	}
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("mllp: waiting for an answer: %w", ctx.Err())
	}
	return reply, err
}

func (c *Conn) converse(ctx context.Context, msg []byte, ours func([]byte) bool) ([]byte, error) {
	var err error
	if c.out, err = writeFrame(c.net, msg, c.out); err != nil {
		return nil, err
	}
	if cap(c.out) > keepSize {
		c.out = nil
	}
	due := after(c.config.ReadTimeout)
	c.await(ctx, due)
	c.frames.paused = func() { c.await(ctx, after(endPause)) }
	c.frames.went = func() { c.await(ctx, due) }
	for range maxStrangers {
		reply, err := c.frames.next()
		if err != nil {
			return nil, fmt.Errorf("mllp: waiting for an answer: %w", err)
		}
		if ours(reply) {
			return reply, nil
		}
	}
	return nil, ErrUnanswered
}

// await sets when reads fail, unless the context ended before, whose own
// deadline this would undo.
func (c *Conn) await(ctx context.Context, t time.Time) {
	c.net.SetReadDeadline(t)
	if ctx.Err() != nil {
		c.net.SetReadDeadline(time.Unix(1, 0))
	}
}

// Close closes the connection. It waits for a message that is being sent; to
// stop that, end its context.
func (c *Conn) Close() error {
	c.sending.Lock()
	defer c.sending.Unlock()
	if c.broken != nil {
		return nil
	}
	c.broken = ErrClosed
	if err := c.net.Close(); err != nil {
		return fmt.Errorf("mllp: closing: %w", err)
	}
	return nil
}
