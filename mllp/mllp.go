// Package mllp carries messages over TCP in MLLP frames, at both ends, with or
// without TLS: Server receives and answers, Conn sends and waits for the answer.
//
// The package does not know what is in a message: it does not read HL7, does not
// acknowledge by itself, does not keep or repeat messages, and never shows
// content to anyone but the handler. Of the byte stream it uses only what MLLP
// needs, and its memory is bounded whatever the far side sends.
//
// A frame is 0x0B, the message, 0x1C, 0x0D (MLLP 1.0). What else is accepted,
// because systems in use send it:
//
//   - bytes between frames are skipped and counted (line ends are not counted);
//   - the last 0x0D may be missing: 0x1C also ends a frame when 0x0B, the end of
//     the stream or half a second of silence follows it;
//   - 0x1C followed by anything else, and 0x0B within a frame, are data.
package mllp

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

const (
	startByte = 0x0b // VT
	endByte   = 0x1c // FS
	lastByte  = 0x0d // CR
)

const (
	readerSize = 16 << 10 // bytes; most messages fit and are copied once
	headSize   = 4 << 10  // bytes kept of a message that is too long
	keepSize   = 64 << 10 // bytes of working memory that a quiet connection keeps
	maxJunk    = 64 << 10 // bytes between two frames before the far side is given up
	endPause   = 500 * time.Millisecond
)

// Config holds the limits of one server or client. Zero values take the
// defaults; a negative time means no limit.
type Config struct {
	// MaxMessage is the longest message taken, in bytes. Default 1 MiB.
	MaxMessage int
	// IdleTimeout is how long a connection may stay without a frame. Default one
	// hour: hospital feeds fall silent at night.
	IdleTimeout time.Duration
	// ReadTimeout is how long a frame may take from its first byte to its end, a
	// TLS handshake may take, and a client waits for a whole answer. Default 30
	// seconds.
	ReadTimeout time.Duration
	// WriteTimeout is how long writing one frame may take. Default 10 seconds.
	WriteTimeout time.Duration
	// Grace is how long handlers may go on after the context given to Serve is
	// done, before their own context is. Default 10 seconds.
	Grace time.Duration
	// MaxConns is how many connections are open at once; those above it are
	// closed at once and counted. Default 64.
	MaxConns int
	// TLS, when set, is used for every connection. A server that is to know its
	// senders sets ClientAuth to tls.RequireAndVerifyClientCert.
	TLS *tls.Config
}

func (c Config) withDefaults() Config {
	c.MaxMessage = orDefault(c.MaxMessage, 1<<20)
	c.IdleTimeout = orDefault(c.IdleTimeout, time.Hour)
	c.ReadTimeout = orDefault(c.ReadTimeout, 30*time.Second)
	c.WriteTimeout = orDefault(c.WriteTimeout, 10*time.Second)
	c.Grace = orDefault(c.Grace, 10*time.Second)
	c.MaxConns = orDefault(c.MaxConns, 64)
	return c
}

func orDefault[T comparable](v, other T) T {
	var zero T
	if v == zero {
		return other
	}
	return v
}

// What can be wrong with a frame.
var (
	// ErrJunk means 64 KiB without the start of a frame: this is not MLLP.
	ErrJunk = errors.New("mllp: no frame begins where one is expected")
	// ErrUnframeable means a message with the bytes that end a frame in it.
	ErrUnframeable = errors.New("mllp: the message contains the end of a frame")
)

// TooLongError means a message above the limit. It has been read to its end and
// dropped, so the next frame can be read.
type TooLongError struct {
	Bytes int64  // the length of the message
	Limit int    // in bytes
	Head  []byte // its first bytes, at most 4 KiB: content, not for logs
}

func (e *TooLongError) Error() string {
	return fmt.Sprintf("mllp: a message of %d bytes is longer than the limit of %d", e.Bytes, e.Limit)
}

// WriteFrame writes msg as one frame, in a single call of w.Write. A message
// that holds the end of a frame is refused with ErrUnframeable, since its reader
// would see two.
func WriteFrame(w io.Writer, msg []byte) error {
	_, err := writeFrame(w, msg, nil)
	return err
}

// writeFrame uses and returns buf, to spare an allocation.
func writeFrame(w io.Writer, msg, buf []byte) ([]byte, error) {
	for rest := msg; ; {
		i := bytes.IndexByte(rest, endByte)
		if i < 0 {
			break
		}
		rest = rest[i+1:]
		if len(rest) > 0 && (rest[0] == lastByte || rest[0] == startByte) {
			return buf, ErrUnframeable
		}
	}
	buf = append(append(append(buf[:0], startByte), msg...), endByte, lastByte)
	if _, err := w.Write(buf); err != nil {
		return buf, fmt.Errorf("mllp: writing a frame of %d bytes: %w", len(msg), err)
	}
	return buf, nil
}

// ReadFrame reads the next frame from r and returns its message, which is the
// caller's own. The error is io.EOF when the stream ends between frames,
// io.ErrUnexpectedEOF when it ends within one, ErrJunk, or a *TooLongError when
// the message is longer than limit bytes. A frame without its last 0x0D is only
// known to be at its end when the next byte or the end of the stream comes.
func ReadFrame(r *bufio.Reader, limit int) ([]byte, error) {
	f := framer{in: r, limit: limit}
	return f.next()
}

// framer cuts frames from a stream. It allocates one buffer for each message.
type framer struct {
	in    *bufio.Reader
	limit int

	junk int64  // bytes skipped before the latest frame
	size int64  // bytes of the latest frame that have been taken from in
	long []byte // the beginning of a frame that did not fit in the reader's buffer

	begun  func() // called when a frame has begun and is not all here yet
	paused func() // called before waiting for what may follow 0x1C
	went   func() // called when something did, and the frame goes on
}

// next reads one frame.
func (f *framer) next() ([]byte, error) {
	if err := f.skip(); err != nil {
		return nil, err
	}
	f.size, f.long = 0, f.long[:0]
	if !f.buffered(endByte) {
		call(f.begun)
	}
	for {
		part, err := f.in.ReadSlice(endByte)
		if err != nil {
			f.keep(part)
			if err == bufio.ErrBufferFull {
				continue
			}
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		if f.in.Buffered() == 0 {
			f.keep(part) // looking further would overwrite it
			part = nil
		}
		ended, err := f.ended()
		if err != nil {
			return nil, err
		}
		if ended {
			return f.message(part)
		}
		f.keep(part)
	}
}

// skip reads up to and with the start of a frame.
func (f *framer) skip() error {
	f.junk = 0
	for {
		part, err := f.in.ReadSlice(startByte)
		if err == nil {
			part = part[:len(part)-1]
		}
		for _, b := range part {
			if b != '\r' && b != '\n' {
				f.junk++
			}
		}
		switch {
		case err == nil:
			return nil
		case err != bufio.ErrBufferFull:
			return err
		case f.junk > maxJunk:
			return ErrJunk
		}
	}
}

func (f *framer) buffered(b byte) bool {
	here, _ := f.in.Peek(f.in.Buffered())
	return bytes.IndexByte(here, b) >= 0
}

// keep puts aside a part of a frame that goes on, but never more than the limit.
func (f *framer) keep(part []byte) {
	f.size += int64(len(part))
	if room := f.limit + 1 - len(f.long); len(part) > room { // 1 for the end byte
		part = part[:max(room, 0)]
	}
	f.long = append(f.long, part...)
}

// ended looks at what follows 0x1C.
func (f *framer) ended() (bool, error) {
	wait := f.in.Buffered() == 0
	if wait {
		call(f.paused)
	}
	after, err := f.in.Peek(1)
	switch {
	case err == nil && after[0] == lastByte:
		_, err = f.in.Discard(1)
		return true, err
	case err == nil && after[0] == startByte:
		return true, nil
	case err == nil:
		if wait {
			call(f.went)
		}
		return false, nil
	case err == io.EOF, errors.Is(err, os.ErrDeadlineExceeded):
		return true, nil
	}
	return false, err
}

// message joins what was kept and the last part, without the end byte. A long
// message is handed over as it was collected; a short one is copied, and the
// memory it was collected in is used again.
func (f *framer) message(part []byte) ([]byte, error) {
	f.keep(part)
	n := f.size - 1
	collected := f.long
	if cap(collected) > keepSize {
		f.long = nil
	}
	if n > int64(f.limit) {
		head := collected[:min(len(collected), int(n), headSize)]
		return nil, &TooLongError{n, f.limit, append([]byte(nil), head...)}
	}
	if f.long == nil {
		return collected[:n:n], nil
	}
	return append(make([]byte, 0, n), collected[:n]...), nil
}

func call(f func()) {
	if f != nil {
		f()
	}
}
