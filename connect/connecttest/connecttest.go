// Package connecttest is what every connector is held to: Run points it at far
// sides that answer as they should, drop the connection, hang, dawdle, refuse,
// ask for patience, send it elsewhere, lie and quote, and checks what it makes of
// each. It serves tests only, and knows nothing of any one format: whoever tests
// a connector brings the honest answer.
package connecttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"homeward/connect"
)

// Suite is one connector and what it is held to.
type Suite struct {
	// New makes the connector for a far side at an address: "http://127.0.0.1:port"
	// for HTTP, "127.0.0.1:port" for MLLP and other TCP. A connector with a timeout
	// of its own should have one of a few seconds.
	New func(t *testing.T, address string) connect.Connector
	// News is what is told; Sample makes one.
	News connect.News
	// Fars are the far sides: HTTP(...), MLLP(...), or a connector's own.
	Fars []Far
	// Secret are words that must stand in no error, besides Personal: passwords,
	// tokens, names of files.
	Secret []string
}

// Want is what a connector should make of a far side.
type Want int

// What can be wanted.
const (
	Took    Want = iota // no error
	Refused             // a *connect.Refused
	Again               // another error
	NotDone             // any error
	Any                 // only that it ends, and says nothing that it should not
)

func (w Want) String() string {
	return [...]string{"taken", "refused", "tried again", "not done", "anything"}[w]
}

// Far is one way in which a far side behaves.
type Far struct {
	Name string
	// Start starts it, and ends it with the test.
	Start func(t *testing.T) Side
	// Wants is what each try comes to; the same message is sent as often.
	Wants []Want
	// Wait is how long it asks to be left alone (connect.Later); 0: it does not.
	Wait time.Duration
	// Status is what *connect.Refused says; 0: that does not matter.
	Status int
	// Within ends each try: a hanging far side. 0: 10 seconds. The connector must
	// end with it.
	Within time.Duration
}

// Side is a far side that runs.
type Side struct {
	Address string
	// Got is what reached it of each try, in order, byte for byte as far as the
	// connector says that tries are alike; nil where that is not known.
	Got func() [][]byte
	// Quoted are words that it says in its answers and that must not be repeated.
	Quoted []string
}

// Run holds a connector to the suite.
func Run(t *testing.T, s Suite) {
	if len(s.Fars) == 0 || s.New == nil {
		t.Fatal("the suite needs New and far sides")
	}
	t.Run("makes the same again", s.pure)
	for _, far := range s.Fars {
		t.Run(far.Name, func(t *testing.T) { s.far(t, far) })
	}
	t.Run("nobody there", s.nobody)
}

// make writes the message of the suite's news.
func (s Suite) make(t *testing.T, c connect.Connector) connect.Message {
	t.Helper()
	m, err := c.Make(s.News)
	if err != nil {
		t.Fatalf("making the message: %v", err)
	}
	if m.Key == "" || m.Key != s.News.Key {
		t.Fatalf("the message has the key %q, the news have %q", m.Key, s.News.Key)
	}
	return m
}

// pure checks that Make gives the same bytes for the same news: a restart must
// not change what is sent.
func (s Suite) pure(t *testing.T) {
	a, b := s.make(t, s.New(t, "127.0.0.1:9")), s.make(t, s.New(t, "127.0.0.1:9"))
	if !bytes.Equal(a.Body, b.Body) || a.Type != b.Type || !maps.Equal(a.Head, b.Head) || a.Correlation != b.Correlation || a.Kind != b.Kind || !a.At.Equal(b.At) {
		t.Error("the same news gave two different messages")
	}
}

func (s Suite) far(t *testing.T, far Far) {
	side := far.Start(t)
	c := s.New(t, side.Address)
	m := s.make(t, c)
	for i, want := range far.Wants {
		before := clone(m)
		r, err := s.send(t, c, m, far)
		if !same(before, m) {
			t.Error("sending changed the message: the next try would send another")
		}
		s.classed(t, i, want, err)
		if err != nil {
			s.silent(t, err, side)
			s.detailed(t, far, want, err)
			continue
		}
		s.receipt(t, r, side)
	}
	if side.Got == nil {
		return
	}
	got := side.Got()
	for i := 1; i < len(got); i++ {
		if !bytes.Equal(got[0], got[i]) {
			t.Errorf("try %d sent other bytes than the first", i+1)
		}
	}
}

// send tries once, and fails the test when the try does not end with its context.
func (s Suite) send(t *testing.T, c connect.Connector, m connect.Message, far Far) (connect.Receipt, error) {
	t.Helper()
	within := far.Within
	if within == 0 {
		within = 10 * time.Second
	}
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	type end struct {
		r   connect.Receipt
		err error
	}
	ended := make(chan end, 1)
	go func() { // waited for below; one that does not end has failed the test
		r, err := c.Send(ctx, m)
		ended <- end{r, err}
	}()
	select {
	case e := <-ended:
		return e.r, e.err
	case <-time.After(within + 3*time.Second):
		t.Fatalf("it did not end, though its context ended after %v", within)
	}
	return connect.Receipt{}, nil
}

func (s Suite) classed(t *testing.T, try int, want Want, err error) {
	t.Helper()
	var refused *connect.Refused
	is := Took
	switch {
	case errors.As(err, &refused):
		is = Refused
	case err != nil:
		is = Again
	}
	if want == is || want == Any || want == NotDone && is != Took {
		return
	}
	t.Errorf("try %d is %v, want %v (%v)", try+1, is, want, err)
}

// detailed checks how long to wait, and which status was refused.
func (s Suite) detailed(t *testing.T, far Far, want Want, err error) {
	t.Helper()
	var later *connect.Later
	if far.Wait > 0 && want == Again && (!errors.As(err, &later) || (later.Wait-far.Wait).Abs() > 5*time.Second) {
		t.Errorf("it asked to be left alone for %v: %#v", far.Wait, err)
	}
	var refused *connect.Refused
	if errors.As(err, &refused) && far.Status != 0 && refused.Status != far.Status {
		t.Errorf("refused with %d, which says %d", far.Status, refused.Status)
	}
}

// silent checks that an error tells nothing about the person, none of our
// secrets, and nothing that the far side wrote.
func (s Suite) silent(t *testing.T, err error, side Side) {
	t.Helper()
	s.says(t, "the error", err.Error(), side)
	if err.Error() == "" {
		t.Error("the error says nothing")
	}
}

func (s Suite) says(t *testing.T, who, text string, side Side) {
	t.Helper()
	low := strings.ToLower(text)
	for _, list := range [][]string{Personal, s.Secret, side.Quoted} {
		for _, w := range list {
			if w != "" && strings.Contains(low, strings.ToLower(w)) {
				t.Errorf("%s tells %q", who, w)
			}
		}
	}
}

// receipt checks what goes onto the case.
func (s Suite) receipt(t *testing.T, r connect.Receipt, side Side) {
	t.Helper()
	if utf8.RuneCountInString(r.Reference) > 64 || strings.ContainsFunc(r.Reference, func(c rune) bool { return !unicode.IsPrint(c) }) {
		t.Errorf("the reference has %d bytes or signs that cannot be printed", len(r.Reference))
	}
	s.says(t, "the receipt", r.Detail, side)
}

// nobody checks a far side that is not there, for Send and Check.
func (s Suite) nobody(t *testing.T) {
	address := deadAddress(t)
	for _, form := range []string{"http://" + address, address} {
		if !s.fits(form) {
			continue
		}
		c := s.New(t, form)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := c.Send(ctx, s.make(t, c))
		s.classed(t, 0, Again, err)
		if err != nil {
			s.silent(t, err, Side{})
		}
		if err := c.Check(ctx); err == nil {
			t.Error("Check says that somebody answers")
		} else {
			s.silent(t, err, Side{})
		}
	}
}

// fits reports whether the connector's addresses have this form, which its far
// sides show.
func (s Suite) fits(address string) bool {
	for _, f := range s.Fars {
		if f.Name == honestHTTP {
			return strings.HasPrefix(address, "http://")
		}
	}
	return !strings.HasPrefix(address, "http://")
}

func clone(m connect.Message) connect.Message {
	m.Body, m.Head = bytes.Clone(m.Body), maps.Clone(m.Head)
	return m
}

func same(a, b connect.Message) bool {
	return a.Key == b.Key && a.Correlation == b.Correlation && a.Kind == b.Kind && a.Type == b.Type && bytes.Equal(a.Body, b.Body) && maps.Equal(a.Head, b.Head)
}

// tape keeps what reached a far side.
type tape struct {
	mu  sync.Mutex
	got [][]byte
}

func (l *tape) add(b []byte) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.got = append(l.got, bytes.Clone(b))
	return len(l.got)
}

func (l *tape) all() [][]byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([][]byte(nil), l.got...)
}

// marker is what far sides write into every answer that is no success.
const marker = "QUOTED-BY-THE-FAR-SIDE"

func quoting(body []byte) string { return fmt.Sprintf("%s: %s", marker, body) }
