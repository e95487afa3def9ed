// Package sim is a pretend county: three hospitals that send HL7 v2 over MLLP in
// three dialects, and a council that leaves extracts in a folder. Everything it
// does follows from a seed, and from the clock that it is given, so that a demo
// and a test can be had again. Everybody in it is invented.
//
// It knows only the wire: it neither knows who reads what it sends nor what they
// make of it, and it does not check that it was understood.
package sim

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"homeward/nhs"
)

// Config is what a county is made of.
type Config struct {
	Seed      uint64  // the same seed gives the same people and the same events
	Speed     float64 // how fast Play goes; 0 is 1: about one event a second
	Clock     func() time.Time
	Sleep     func(context.Context, time.Duration) error // returns early, with its error, when the context ends
	Zone      *time.Location                             // of the hospitals' clocks
	Hospitals []HospitalConfig                           // see Hospitals for three
	Council   CouncilConfig                              // with no Dir it delivers nothing
	Trouble   func(who string, err error)                // told by Play of what went wrong and goes on; may be nil
}

// The streams of random numbers that come from one seed: those of the hospitals
// are counted on from the last.
const (
	streamPeople = iota + 1
	streamCouncil
	streamHospitals
)

// County is the pretend world. Make one with New; Close it when done.
type County struct {
	Hospitals []*Hospital
	Council   *Council

	config Config
	people []Person
}

// New makes a county where nobody is in hospital yet.
func New(c Config) (*County, error) {
	if c.Clock == nil || c.Sleep == nil || c.Zone == nil {
		return nil, errors.New("a county needs a clock, a way to sleep and a time zone")
	}
	if c.Speed <= 0 {
		c.Speed = 1
	}
	if c.Trouble == nil {
		c.Trouble = func(string, error) {}
	}
	w := &County{config: c, people: population(c.Seed, nhs.DateOf(c.Clock().In(c.Zone)))}
	for i, hc := range c.Hospitals {
		h, err := newHospital(hc, c, uint64(i))
		if err != nil {
			return nil, err
		}
		if w.Hospital(hc.ODS) != nil {
			return nil, fmt.Errorf("hospital %s is there twice", hc.ODS)
		}
		w.Hospitals = append(w.Hospitals, h)
	}
	w.Council = newCouncil(c, w.people)
	return w, nil
}

func (c Config) random(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(c.Seed, stream)) }

// Hospital finds a hospital by its trust's code; nil when there is none.
func (w *County) Hospital(ods nhs.ODS) *Hospital {
	for _, h := range w.Hospitals {
		if h.config.ODS == ods {
			return h
		}
	}
	return nil
}

// People lists everybody who lives here, the cast first.
func (w *County) People() []Person { return append([]Person(nil), w.people...) }

// Close closes the hospitals' connections.
func (w *County) Close() error {
	var errs []error
	for _, h := range w.Hospitals {
		errs = append(errs, h.close())
	}
	return errors.Join(errs...)
}

// WriteGazetteer writes which council is responsible for which address, as CSV
// with the header uprn,postcode,council,address. One postcode lies in two councils:
// there only the houses that are known settle it.
func (w *County) WriteGazetteer(out io.Writer) error {
	cw := csv.NewWriter(out)
	_ = cw.Write([]string{"uprn", "postcode", "council", "address"}) // the error is kept for Error
	for _, p := range w.people {
		_ = cw.Write([]string{p.UPRN, p.Postcode, string(p.Lives), strings.Join(p.Address, ", ")})
	}
	for i, c := range []nhs.ODS{Nottinghamshire, NottinghamCity} {
		_ = cw.Write([]string{fmt.Sprintf("9990009%05d", i), StraddlingPostcode, string(c), fmt.Sprintf("%d Boundary Road, Arnold", i+1)})
	}
	cw.Flush()
	if err := cw.Error(); err != nil {
		return fmt.Errorf("writing the gazetteer: %w", err)
	}
	return nil
}

// Play lets the county live until ctx ends, and then returns nil. In the first
// seconds the hospitals fill, with what happened in the days before; then people
// come, move, get better and leave. The cast is left alone once it is in, for the
// stories. The council delivers at once and then every ten minutes.
func (w *County) Play(ctx context.Context) error {
	var wg sync.WaitGroup
	for i, h := range w.Hospitals {
		wg.Go(func() { w.live(ctx, h, i) })
	}
	if w.Council.config.Dir != "" {
		wg.Go(func() { w.deliver(ctx) })
	}
	wg.Wait()
	return nil
}

const (
	between = 10 * time.Minute // of two extracts
	behind  = 2 * time.Minute  // how old an extract is when it is there
)

func (w *County) deliver(ctx context.Context) {
	for ctx.Err() == nil {
		if _, err := w.Council.Deliver(w.config.Clock().Add(-behind)); err != nil {
			w.config.Trouble(w.Council.config.Name, err)
		}
		w.Council.drift()
		if w.config.Sleep(ctx, time.Duration(float64(between)/w.config.Speed)) != nil {
			return
		}
	}
}
