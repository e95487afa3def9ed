package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"homeward/hl7"
	"homeward/mllp"
	"homeward/sim"
	"homeward/web/ui"
)

// ear is a pretend system of the demo that is told what happens, over MLLP: the
// council's answers referrals with a number of its own, as HL7 v2.4 11.3.1 has it;
// the hospital's acknowledges how they stand.
type ear struct {
	title  string
	at     net.Listener
	server *mllp.Server
	clock  func() time.Time

	mu      sync.Mutex
	last    []heardMessage // newest first
	numbers map[string]int // of referrals
}

// heardMessage is one message that a pretend system has.
type heardMessage struct {
	at         time.Time
	what, text string
}

// mostHeard is how many messages the demo's page shows of a system.
const mostHeard = 10

// makeEars lets the first hospital's record system and the county's case
// management be told what happens.
func (d *demo) makeEars(cfg *Config) error {
	for _, x := range []struct {
		name, title, org, app, format string
	}{
		{"county-mosaic", "Mosaic (Nottinghamshire)", string(sim.Nottinghamshire), "MOSAIC", ""},
		{"kings-mill-epr", "King's Mill EPR", string(sim.KingsMill), "EPR", "oru"},
	} {
		at, err := listenBeside(cfg.Feeds)
		if err != nil {
			return err
		}
		e := &ear{title: x.title, at: at, clock: d.clock.now, numbers: map[string]int{}}
		e.server = mllp.NewServer(mllp.Config{}, func(_ context.Context, _ mllp.ConnInfo, msg []byte) []byte { return e.hear(msg) })
		d.ears = append(d.ears, e)
		c := destinationDefaults()
		c.Name, c.Title, c.Org, c.Kind, c.Address, c.Receiver, c.Format = x.name, x.title, x.org, "hl7", at.Addr().String(), []string{x.app}, x.format
		c.Process = "T"
		cfg.Destinations = append(cfg.Destinations, c)
	}
	return nil
}

// listenBeside listens at a free port that none of the feeds is to have, which
// listen later.
func listenBeside(feeds []FeedConfig) (net.Listener, error) {
	for {
		at, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil || !slices.ContainsFunc(feeds, func(f FeedConfig) bool { return f.Listen == at.Addr().String() }) {
			return at, err
		}
		defer at.Close() // when another was found: until then it is not given again
	}
}

// serve listens until ctx ends.
func (e *ear) serve(ctx context.Context) error {
	err := e.server.Serve(ctx, e.at)
	if errors.Is(err, net.ErrClosed) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// hear keeps a message and answers it.
func (e *ear) hear(raw []byte) []byte {
	m, err := hl7.Parse(raw)
	if err != nil {
		return hl7.AckUnreadable(raw, "1", e.clock(), "")
	}
	kind, trigger := m.Event()
	e.mu.Lock()
	defer e.mu.Unlock()
	x := heardMessage{at: e.clock(), what: kind + "^" + trigger, text: strings.ReplaceAll(string(raw), "\r", "\n")}
	reply := hl7.Ack(m, hl7.AA, fmt.Sprintf("E%d", len(e.last)+1), e.clock(), "")
	if kind == "REF" {
		ref := m.Get("RF1", 6).String()
		if e.numbers[ref] == 0 {
			e.numbers[ref] = 4471901 + len(e.numbers)
		}
		x.what += fmt.Sprintf(", number %d here", e.numbers[ref])
		reply = e.accepts(m, trigger, ref)
	}
	e.last = append([]heardMessage{x}, e.last[:min(len(e.last), mostHeard-1)]...)
	return reply
}

// accepts is RRI, the answer to a referral with the number that it has here.
func (e *ear) accepts(m hl7.Message, trigger, ref string) []byte {
	b := hl7.NewBuilder(hl7.Header{Sending: "MOSAIC", Receiving: "HOMEWARD", Time: hl7.FormatInstant(e.clock()), Type: "RRI", Trigger: trigger, Structure: "RRI_I12",
		ControlID: fmt.Sprintf("R%d", e.clock().UnixMicro()), Processing: "T", Version: "2.4"})
	b.Segment("MSA").Set(1, string(hl7.AA)).Set(2, m.Get("MSH", 10).String())
	b.Segment("RF1").SetComp(1, 1, "P").SetComp(6, 1, ref).SetComp(6, 2, "HOMEWARD").SetComp(11, 1, fmt.Sprint(e.numbers[ref]))
	out, err := b.Bytes()
	if err != nil {
		return hl7.Ack(m, hl7.AE, "1", e.clock(), "")
	}
	return out
}

// heard shows what the pretend systems were told.
func (d *demo) heard() ui.Node {
	out := ui.Nodes{ui.H2("What other systems were told"),
		ui.P("Sign in as inga to see the same from Homeward’s side, under Destinations.")}
	for _, e := range d.ears {
		e.mu.Lock()
		last := append([]heardMessage(nil), e.last...)
		e.mu.Unlock()
		out = append(out, ui.H3(e.title))
		if len(last) == 0 {
			out = append(out, ui.P("Nothing yet."))
		}
		for _, x := range last {
			out = append(out, ui.RawMessage(ui.Clock(x.at)+", "+x.what, x.text))
		}
	}
	return out
}
