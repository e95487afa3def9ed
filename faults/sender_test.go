package faults

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"homeward/mllp"
)

// ledger is what senders were told.
type ledger struct {
	mu       sync.Mutex
	accepted map[string]bool // answered AA
	refused  int             // answered AE
}

func newLedger() *ledger { return &ledger{accepted: map[string]bool{}} }

func (l *ledger) counts() (accepted, refused int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.accepted), l.refused
}

// sender is a hospital's system that sends one message at a time, and sends it
// again, with the same control id, until it is answered AA. It goes on where it
// was when it is run again.
type sender struct {
	addr string
	name string
	n    int
	said *ledger
	pace time.Duration
}

func senders(addr string, n int, said *ledger) []*sender {
	var out []*sender
	for i := range n {
		out = append(out, &sender{addr: addr, name: fmt.Sprintf("C%d", i), said: said})
	}
	return out
}

// drive runs senders until stop is called, which waits for them.
func drive(all []*sender) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, s := range all {
		wg.Go(func() { s.run(ctx) })
	}
	return func() { cancel(); wg.Wait() }
}

func (s *sender) run(ctx context.Context) {
	for ctx.Err() == nil {
		nc, err := new(net.Dialer).DialContext(ctx, "tcp", s.addr)
		if err != nil {
			wait(ctx, 10*time.Millisecond)
			continue
		}
		in := bufio.NewReader(nc)
		for ctx.Err() == nil && s.once(nc, in) {
			wait(ctx, s.pace)
		}
		nc.Close()
	}
}

// once sends the present message; false when the connection is of no more use.
func (s *sender) once(nc net.Conn, in *bufio.Reader) bool {
	id := fmt.Sprintf("%s-%d", s.name, s.n)
	code := exchange(nc, in, admission(id), id)
	s.said.mu.Lock()
	defer s.said.mu.Unlock()
	switch code {
	case "AA":
		s.said.accepted[id] = true
		s.n++
	case "AE":
		s.said.refused++
	}
	return code != ""
}

func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// exchange sends a message and gives MSA-1 of its own answer; "" when there was
// none in 20 seconds.
func exchange(nc net.Conn, in *bufio.Reader, msg []byte, id string) (code string) {
	nc.SetDeadline(time.Now().Add(20 * time.Second)) // an error means it is closed: the write says so
	if err := mllp.WriteFrame(nc, msg); err != nil {
		return ""
	}
	reply, err := mllp.ReadFrame(in, 1<<20)
	if err != nil {
		return ""
	}
	_, msa, found := bytes.Cut(reply, []byte("\rMSA|"))
	if !found || len(msa) < 3 || !bytes.HasPrefix(msa[2:], []byte("|"+id)) {
		return "not its own answer"
	}
	return string(msa[:2])
}

// admission is about an invented person who has no NHS number: each id another.
func admission(id string) []byte {
	return []byte("MSH|^~\\&|PAS|RK5|HOMEWARD|511|20261122093000||ADT^A01^ADT_A01|" + id + "|P|2.4\r" +
		"EVN|A01|20261122093000\r" +
		"PID|1||M" + id + "^^^RK5^MR||TESTPATIENT^Barbara^Ann^^Mrs^^L||19420314|F|||14 Orchard Lane^Mapperley^Nottingham^^NG3 5ZZ\r" +
		"PV1|1|I|W12^BAY2^BED4^RK5||||C1234567^Consultant^Priya|||300||||19|||||NA|V" + id + "|||||||||||||||||||||||||20261122093000\r")
}
