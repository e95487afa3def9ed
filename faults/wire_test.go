package faults

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"homeward/mllp"
)

func (s *site) dial() (net.Conn, *bufio.Reader) {
	s.t.Helper()
	nc, err := net.Dial("tcp", s.mllp)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		s.t.Fatal(err)
	}
	return nc, bufio.NewReader(nc)
}

// accept sends one message that must be answered AA, in time.
func (s *site) accept(id string) {
	s.t.Helper()
	nc, in := s.dial()
	defer nc.Close()
	began := time.Now()
	if code := exchange(nc, in, admission(id), id); code != "AA" {
		s.t.Fatalf("a good message was answered %q", code)
	}
	if took := time.Since(began); took > 2*time.Second {
		s.t.Errorf("a good message waited %s for its answer", took)
	}
}

// A sender that stops in the middle of a message hinders nobody, is cut off in
// time, and what it sent is not kept.
func TestStalledSender(t *testing.T) {
	s := newSite(t, t.TempDir())
	s.start()
	nc, in := s.dial()
	half := admission("HALF")
	if _, err := nc.Write(append([]byte{0x0b}, half[:len(half)/2]...)); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	s.accept("WHOLE")
	if _, err := in.ReadByte(); err != io.EOF {
		t.Fatalf("the stalled connection ended with %v, want it closed", err)
	}
	if took := time.Since(began); took < time.Second || took > 10*time.Second {
		t.Errorf("the stalled connection was closed after %s; read_timeout is 2s", took)
	}
	if kept := s.kept(); kept["WHOLE"] != 1 || len(kept) != 1 {
		t.Errorf("kept %v", kept)
	}
}

// Garbage in frames is answered AR and kept for the engineer; the memory stays
// as it is, and others are served.
func TestGarbageFrames(t *testing.T) {
	const frames = 10_000
	s := newSite(t, t.TempDir())
	s.start()
	s.accept("BEFORE")
	before := s.resident()
	sent := make(chan error, 1)
	nc, in := s.dial()
	go func() {
		r := rand.New(rand.NewPCG(1, 2))
		w := bufio.NewWriter(nc)
		for i := range frames {
			if _, err := w.Write(garbage(r, i)); err != nil {
				sent <- err
				return
			}
		}
		sent <- w.Flush()
	}()
	for i := range frames {
		reply, err := mllp.ReadFrame(in, 1<<20)
		if err != nil || !bytes.Contains(reply, []byte("MSA|AR")) {
			t.Fatalf("garbage %d was answered %.100q, %v", i, reply, err)
		}
		if i%2000 == 1000 {
			s.accept(fmt.Sprint("AMONG-", i))
		}
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if n := s.metric("homeward_messages_unreadable"); n != frames {
		t.Errorf("%.0f unreadable messages are kept, want %d", n, frames)
	}
	if after := s.resident(); after > before+100 {
		t.Errorf("memory grew from %.0f MB to %.0f MB", before, after)
	}
	s.read()
	s.verify()
}

// garbage is a frame of random bytes, none of which ends it; each is another.
func garbage(r *rand.Rand, i int) []byte {
	b := []byte{0x0b}
	for range 20 + r.IntN(400) {
		c := byte(r.IntN(256))
		if c != 0x1c && c != 0x0b {
			b = append(b, c)
		}
	}
	return append(fmt.Appendf(b, "%d", i), 0x1c, 0x0d)
}

// Connections above the limit are closed at once and counted; with one gone,
// the next is served.
func TestConnectionLimit(t *testing.T) {
	const limit = 12 // as in the configuration
	s := newSite(t, t.TempDir())
	s.start()
	var open []net.Conn
	for i := range limit {
		nc, in := s.dial()
		if code := exchange(nc, in, admission(fmt.Sprint("L", i)), fmt.Sprint("L", i)); code != "AA" {
			t.Fatalf("connection %d was answered %q", i, code)
		}
		open = append(open, nc)
	}
	_, in := s.dial()
	if _, err := in.ReadByte(); err == nil {
		t.Fatal("a connection above the limit was served")
	}
	if n := s.metric("homeward_listener_refused_total"); n != 1 {
		t.Errorf("%.0f refused connections are counted, want 1", n)
	}
	open[0].Close()
	s.eventually("the closed connection is gone", func() bool { return s.metric("homeward_listener_connections") == limit-1 })
	s.accept("NEXT")
}
