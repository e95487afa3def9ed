package mllp

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// echo answers with what it was sent.
func echo(_ context.Context, _ ConnInfo, msg []byte) []byte { return append([]byte("ack "), msg...) }

// events collects what a server tells.
type events struct {
	mu   sync.Mutex
	list []Event
	told chan EventKind
}

func (e *events) observe(_ ConnInfo, event Event) {
	e.mu.Lock()
	e.list = append(e.list, event)
	e.mu.Unlock()
	e.told <- event.Kind
}

func watched(s *Server) *events {
	e := &events{told: make(chan EventKind, 10_000)}
	s.Observe = e.observe
	return e
}

// wait returns when an event of that kind has been told.
func (e *events) wait(t *testing.T, kind EventKind) {
	t.Helper()
	for limit := time.After(10 * time.Second); ; {
		select {
		case got := <-e.told:
			if got == kind {
				return
			}
		case <-limit:
			t.Fatalf("no event %q", kind)
		}
	}
}

// start serves on loopback until the test ends, which must be cleanly.
func start(t testing.TB, s *Server) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background(), ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("stopping: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serving: %v", err)
		}
		if n := s.Stats().Open; n != 0 {
			t.Errorf("%d connections are still open", n)
		}
	})
	return ln.Addr().String()
}

func dial(t testing.TB, addr string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	return nc
}

func write(t *testing.T, nc net.Conn, s string) {
	t.Helper()
	if _, err := io.WriteString(nc, s); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, r *bufio.Reader, want string) {
	t.Helper()
	if got, err := ReadFrame(r, 1<<20); err != nil || string(got) != want {
		t.Fatalf("answered %.100q, %v; want %q", got, err, want)
	}
}

func expectClosed(t *testing.T, r *bufio.Reader) {
	t.Helper()
	if got, err := ReadFrame(r, 1<<20); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("still open: %q, %v", got, err)
	}
}

// medplum and simple-hl7 drop the second message in one write; node-hl7-server
// sends every earlier answer again.
func TestManyMessagesInOneWrite(t *testing.T) {
	s := NewServer(Config{}, echo)
	nc := dial(t, start(t, s))
	r := bufio.NewReader(nc)
	write(t, nc, "\x0bone\x1c\r\x0btwo\x1c\r\x0bthr")
	expect(t, r, "ack one")
	expect(t, r, "ack two")
	write(t, nc, "ee\x1c\r")
	expect(t, r, "ack three")
	if got := s.Stats(); got.Frames != 3 || got.Bytes != 11 || got.Open != 1 || got.Accepted != 1 || got.Junk != 0 {
		t.Errorf("%+v", got)
	}
}

func TestByteByByte(t *testing.T) {
	nc := dial(t, start(t, NewServer(Config{}, echo)))
	r := bufio.NewReader(nc)
	for range 3 {
		for _, b := range []byte("\x0bMSH|^~\\&|A\rPID|1\r\x1c\r") {
			write(t, nc, string(b))
		}
		expect(t, r, "ack MSH|^~\\&|A\rPID|1\r")
	}
}

func TestJunkBetweenFrames(t *testing.T) {
	s := NewServer(Config{}, echo)
	e := watched(s)
	nc := dial(t, start(t, s))
	r := bufio.NewReader(nc)
	write(t, nc, "hello\r\n\x0bone\x1c\r\r\n")
	expect(t, r, "ack one")
	e.wait(t, Junk)
	write(t, nc, "\x1c\r\x0btwo\x1c\r")
	expect(t, r, "ack two")
	e.wait(t, Junk)
	if got := s.Stats().Junk; got != 6 {
		t.Errorf("%d bytes of junk, want 6", got)
	}
	write(t, nc, strings.Repeat("j", maxJunk+2*readerSize))
	expectClosed(t, r)
}

// Garbage in frames goes to the handler each time, and never piles up.
func TestTenThousandGarbageFrames(t *testing.T) {
	s := NewServer(Config{}, func(_ context.Context, _ ConnInfo, msg []byte) []byte { return []byte("AR") })
	nc := dial(t, start(t, s))
	const n = 10_000
	sent := make(chan error, 1)
	go func() {
		w := bufio.NewWriter(nc)
		for i := range n {
			fmt.Fprintf(w, "\x00\xff%d\x0b\xfe\x00%d garbage\x1c\r", i, i)
		}
		sent <- w.Flush()
	}()
	r := bufio.NewReader(nc)
	for range n {
		expect(t, r, "AR")
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if got := s.Stats(); got.Frames != n || got.Junk == 0 {
		t.Errorf("%+v", got)
	}
}

func TestTooLong(t *testing.T) {
	s := NewServer(Config{MaxMessage: 1000}, echo)
	e := watched(s)
	s.Reject = func(_ context.Context, _ ConnInfo, e Event, head []byte) []byte {
		return fmt.Appendf(nil, "%s %d %s", e.Kind, e.Bytes, head[:3])
	}
	nc := dial(t, start(t, s))
	r := bufio.NewReader(nc)
	write(t, nc, "\x0bMSH"+strings.Repeat("x", 5_000_000)+"\x1c\r\x0bnext\x1c\r")
	expect(t, r, "too long 5000003 MSH")
	expect(t, r, "ack next")
	e.wait(t, TooLong)
	if got := s.Stats(); got.TooLong != 1 || got.Frames != 1 {
		t.Errorf("%+v", got)
	}
}

func TestTooLongWithoutReject(t *testing.T) {
	s := NewServer(Config{MaxMessage: 1000}, echo)
	nc := dial(t, start(t, s))
	write(t, nc, "\x0b"+strings.Repeat("x", 2000)+"\x1c\r")
	expectClosed(t, bufio.NewReader(nc))
}

func TestNoReplyCloses(t *testing.T) {
	s := NewServer(Config{}, func(context.Context, ConnInfo, []byte) []byte { return nil })
	e := watched(s)
	nc := dial(t, start(t, s))
	write(t, nc, "\x0bone\x1c\r\x0btwo\x1c\r")
	expectClosed(t, bufio.NewReader(nc))
	e.wait(t, Unanswered)
	if got := s.Stats().Frames; got != 1 {
		t.Errorf("%d messages were handled after one could not be answered", got)
	}
}

func TestConnectionLimit(t *testing.T) {
	s := NewServer(Config{MaxConns: 2}, echo)
	e := watched(s)
	addr := start(t, s)
	var open []net.Conn
	for range 2 {
		nc := dial(t, addr)
		write(t, nc, "\x0bone\x1c\r")
		expect(t, bufio.NewReader(nc), "ack one")
		open = append(open, nc)
	}
	expectClosed(t, bufio.NewReader(dial(t, addr)))
	e.wait(t, Refused)
	if got := s.Stats(); got.Refused != 1 || got.Open != 2 || got.Accepted != 2 {
		t.Errorf("%+v", got)
	}
	open[0].Close()
	for s.Stats().Open > 1 {
		time.Sleep(time.Millisecond) // the server notices the close by itself
	}
	nc := dial(t, addr)
	write(t, nc, "\x0bthree\x1c\r")
	expect(t, bufio.NewReader(nc), "ack three")
}

// Stopping, the message being handled is answered, one that is here whole is
// handled, one that is here in part is not, and idle connections are closed.
func TestShutdownFinishesMessages(t *testing.T) {
	entered, release := make(chan string, 10), make(chan struct{})
	s := NewServer(Config{}, func(ctx context.Context, _ ConnInfo, msg []byte) []byte {
		entered <- string(msg)
		<-release
		if ctx.Err() != nil {
			return nil
		}
		return msg
	})
	addr := start(t, s)
	idle, busy := dial(t, addr), dial(t, addr)
	write(t, busy, "\x0bone\x1c\r\x0btwo\x1c\r\x0bthr")
	if got := <-entered; got != "one" {
		t.Fatalf("handled %q first", got)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- s.Shutdown(context.Background()) }()
	expectClosed(t, bufio.NewReader(idle))
	if late, err := net.Dial("tcp", addr); err == nil {
		// The listener may still be closing; the connection must not be served.
		late.SetDeadline(time.Now().Add(20 * time.Second))
		expectClosed(t, bufio.NewReader(late))
		late.Close()
	}
	select {
	case err := <-stopped:
		t.Fatalf("stopped with a message in hand: %v", err)
	default:
	}
	close(release)
	r := bufio.NewReader(busy)
	expect(t, r, "one")
	expect(t, r, "two")
	expectClosed(t, r)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if got := s.Stats().Frames; got != 2 {
		t.Errorf("%d messages handled, want 2", got)
	}
}

func TestShutdownForced(t *testing.T) {
	entered := make(chan struct{})
	s := NewServer(Config{}, func(ctx context.Context, _ ConnInfo, msg []byte) []byte {
		close(entered)
		<-ctx.Done()
		return nil
	})
	nc := dial(t, start(t, s))
	write(t, nc, "\x0bone\x1c\r")
	<-entered
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("forced: %v", err)
	}
	expectClosed(t, bufio.NewReader(nc))
}

func TestServesOnce(t *testing.T) {
	s := NewServer(Config{}, echo)
	if err := s.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(context.Background(), nil); !errors.Is(err, ErrServed) {
		t.Errorf("served after it was stopped: %v", err)
	}
}

// pipes is a listener whose connections are made in memory, so that a test can
// run on synctest's clock.
type pipes struct {
	ch   chan net.Conn
	done chan struct{}
	once sync.Once
}

func newPipes() *pipes { return &pipes{ch: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case nc := <-p.ch:
		return nc, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.ch <- theirs
	return ours
}

// bubble runs a test on a clock of its own with a server that stops by context.
func bubble(t *testing.T, config Config, handle Handler, test func(t *testing.T, s *Server, e *events, p *pipes)) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(config, handle)
		e, p := watched(s), newPipes()
		ctx, cancel := context.WithCancel(context.Background())
		served := make(chan error, 1)
		go func() { served <- s.Serve(ctx, p) }()
		test(t, s, e, p)
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

func TestStalledFrame(t *testing.T) {
	config := Config{ReadTimeout: 30 * time.Second, IdleTimeout: time.Hour}
	bubble(t, config, echo, func(t *testing.T, s *Server, e *events, p *pipes) {
		nc, began := p.dial(), time.Now()
		write(t, nc, "\x0bhalf")
		for range 5 { // bytes now and then do not save it
			time.Sleep(5 * time.Second)
			write(t, nc, ".")
		}
		expectClosed(t, bufio.NewReader(nc))
		if took := time.Since(began); took != 30*time.Second {
			t.Errorf("closed after %s", took)
		}
		synctest.Wait()
		if got := s.Stats(); got.Timeouts != 1 || got.Broken != 1 || got.Frames != 0 {
			t.Errorf("%+v", got)
		}
		if got := e.list; len(got) != 1 || got[0].Kind != Stalled || got[0].Bytes != 9 {
			t.Errorf("told %+v", got)
		}
	})
}

func TestIdleConnection(t *testing.T) {
	bubble(t, Config{IdleTimeout: time.Minute}, echo, func(t *testing.T, s *Server, e *events, p *pipes) {
		nc, r := p.dial(), (*bufio.Reader)(nil)
		r = bufio.NewReader(nc)
		for range 3 {
			time.Sleep(59 * time.Second)
			write(t, nc, "\x0bone\x1c\r")
			expect(t, r, "ack one")
		}
		began := time.Now()
		expectClosed(t, r)
		if took := time.Since(began); took != time.Minute {
			t.Errorf("closed after %s", took)
		}
		synctest.Wait()
		if got := e.list; len(got) != 1 || got[0].Kind != Idle {
			t.Errorf("told %+v", got)
		}
	})
}

// A sender that leaves out the last CR and waits for its answer gets it.
func TestMissingLastByte(t *testing.T) {
	bubble(t, Config{}, echo, func(t *testing.T, s *Server, e *events, p *pipes) {
		nc := p.dial()
		r := bufio.NewReader(nc)
		began := time.Now()
		write(t, nc, "\x0bone\x1c")
		expect(t, r, "ack one")
		if took := time.Since(began); took != endPause {
			t.Errorf("answered after %s", took)
		}
		write(t, nc, "\r\x0btwo\x1c") // the CR came late after all: no junk
		time.Sleep(endPause / 2)
		write(t, nc, "three")
		time.Sleep(10 * endPause) // 0x1C was data, so this is no end
		write(t, nc, "\x1c")
		time.Sleep(endPause / 2)
		write(t, nc, "\r")
		expect(t, r, "ack two\x1cthree")
		if got := s.Stats(); got.Junk != 0 || got.Frames != 2 || len(e.list) != 0 {
			t.Errorf("%+v, told %+v", got, e.list)
		}
	})
}

func TestCutOffFrame(t *testing.T) {
	bubble(t, Config{}, echo, func(t *testing.T, s *Server, e *events, p *pipes) {
		nc := p.dial()
		write(t, nc, "\x0bhalf")
		nc.Close()
		synctest.Wait()
		if got := e.list; len(got) != 1 || got[0].Kind != CutOff || got[0].Bytes != 4 || s.Stats().Broken != 1 {
			t.Errorf("told %+v", got)
		}
	})
}

// The receiver of an answer who does not read it cannot hold a connection.
func TestAnswerNotRead(t *testing.T) {
	bubble(t, Config{WriteTimeout: 10 * time.Second}, echo, func(t *testing.T, s *Server, e *events, p *pipes) {
		nc := p.dial()
		write(t, nc, "\x0bone\x1c\r")
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if got := e.list; len(got) != 1 || got[0].Kind != WriteFailed || s.Stats().Open != 0 {
			t.Errorf("told %+v", got)
		}
	})
}

// When the context of Serve ends, handlers have the grace time and no more.
func TestGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(Config{Grace: 10 * time.Second}, func(ctx context.Context, _ ConnInfo, msg []byte) []byte {
			if string(msg) == "quick" {
				time.Sleep(9 * time.Second)
				return msg
			}
			<-ctx.Done()
			return nil
		})
		p := newPipes()
		ctx, cancel := context.WithCancel(context.Background())
		served := make(chan error, 1)
		go func() { served <- s.Serve(ctx, p) }()
		quick, slow := p.dial(), p.dial()
		write(t, quick, "\x0bquick\x1c\r")
		write(t, slow, "\x0bslow\x1c\r")
		began := time.Now()
		cancel()
		expect(t, bufio.NewReader(quick), "quick")
		expectClosed(t, bufio.NewReader(slow))
		if err := <-served; err != nil || time.Since(began) != 10*time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

func BenchmarkLoopback(b *testing.B) {
	body := bytes.Repeat([]byte("PID|1||9991000038^^^NHS^NH\r"), 35) // 945 bytes
	for _, n := range []int{1, 8, 32} {
		b.Run(fmt.Sprintf("connections=%d", n), func(b *testing.B) {
			reply := []byte("MSA|AA|1\r")
			s := NewServer(Config{}, func(context.Context, ConnInfo, []byte) []byte { return reply })
			addr := start(b, s)
			var wg sync.WaitGroup
			b.ReportAllocs()
			b.ResetTimer()
			for i := range n {
				wg.Go(func() {
					c, err := Dial(context.Background(), addr, Config{})
					if err != nil {
						b.Error(err)
						return
					}
					defer c.Close()
					for range (b.N + n - 1 - i) / n {
						if _, err := c.Send(context.Background(), body); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "frames/s")
		})
	}
}
