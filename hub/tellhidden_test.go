package hub

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"homeward/care"
	"homeward/connect"
	"homeward/nhs"
	"homeward/sharing"
	"homeward/store"
)

// TestOfWhatIsHiddenNothingIsHeard changes what a destination may not see: neither
// a message nor its time tells that anything happened.
func TestOfWhatIsHiddenNothingIsHeard(t *testing.T) {
	onBothTold(t, func(t *testing.T, s *toldSite) {
		p := nobody(1)
		id := s.admit(p)
		s.refer(as(care.Coordinator, kings), id)
		s.tell()
		s.pass(time.Minute)
		s.hear("qmc", says{event: "A28", p: p})
		if got := s.find(other, p.mrn).ID; got != id {
			t.Fatal("the other trust told of somebody else")
		}
		rows := s.audits(s.tell)
		if got := s.council.kinds(); !slices.Equal(got, []string{"refer"}) {
			t.Errorf("that another trust knows the person was heard: %v", got)
		}
		if slices.ContainsFunc(rows, func(r store.Audited) bool { return r.Action == "tell" && r.Allowed && r.Org == notts }) {
			t.Error("the audit says that it was told")
		}
		s.move(p, "W31/2")
		s.tell()
		if got := s.council.kinds(); !slices.Equal(got, []string{"refer", "update"}) {
			t.Errorf("what is shown was not told: %v", got)
		}
	})
}

// TestWhatIsHiddenStandsForNothing lets something hidden come after something that
// is shown, while both wait: what is shown is told.
func TestWhatIsHiddenStandsForNothing(t *testing.T) {
	onBothTold(t, func(t *testing.T, s *toldSite) {
		s.council.state = true
		p := nobody(1)
		id := s.admit(p)
		s.refer(as(care.Coordinator, kings), id)
		s.tell()
		for i := range 3 {
			s.move(p, fmt.Sprintf("W31/%d", i))
		}
		s.pass(time.Minute)
		s.hear("qmc", says{event: "A28", p: p})
		s.tell()
		if got := s.council.kinds(); !slices.Equal(got, []string{"refer", "update"}) {
			t.Errorf("the council heard %v", got)
		}
	})
}

// TestAStayThatIsNotSharedIsNotNamed lets a council hear of somebody whom it
// supports, who is in a hospital that shares nothing with it.
func TestAStayThatIsNotSharedIsNotNamed(t *testing.T) {
	var heard []connect.News
	e := &ear{}
	s := newSite(t, "sqlite", func(c *Config, _ *store.Config) {
		c.Tellings = []Telling{{Destination: connect.Destination{Name: "mosaic", Title: "Mosaic", Org: notts, Supported: true}, Connector: noting{e, &heard}, Kind: "test"}}
	})
	s.accounts()
	s.must(s.beginTelling(s.ctx()))
	s.suspend("everything")
	s.agree("K", kings, notts, 90, sharing.Demographics, sharing.Whereabouts)
	tell := func() {
		for n := 1; n > 0; {
			var err error
			n, err = s.FollowNews(s.ctx())
			s.must(err)
		}
		_, err := s.SettleNow(s.ctx(), "mosaic")
		s.must(err)
	}
	p := nobody(1)
	s.extracted(notts, "full", held{id: "7", p: p})
	s.admit(p)
	s.pass(time.Minute)
	s.hear("kmh", says{event: "A03", p: p, visit: "V" + p.mrn})
	tell()
	n := len(heard)
	if n == 0 {
		t.Fatal("nothing was told of the hospital that shares")
	}
	s.pass(time.Hour)
	s.hear("qmc", says{event: "A01", p: p, ward: "B3/1", visit: "Q1"})
	s.pass(time.Minute)
	s.hear("qmc", says{event: "A02", p: p, ward: "B4/1", visit: "Q1"})
	tell()
	for _, x := range heard[n:] {
		t.Errorf("of a stay that is not shared was heard: %s %s", x.Kind, x.What)
	}
	s.pass(time.Minute)
	p.family = "Nightingale-Invented"
	s.hear("qmc", says{event: "A31", p: p, visit: "Q1", ward: "B4/1"})
	tell()
	if len(heard) != n+1 {
		t.Errorf("another name was told %d times", len(heard)-n)
	}
	for _, x := range heard {
		if x.From != kings {
			t.Errorf("%s from %s, which shares nothing", x.Kind, nhs.ODS(x.From))
		}
	}
}

// noting writes down the news that it makes messages of.
type noting struct {
	*ear
	heard *[]connect.News
}

func (n noting) Make(x connect.News) (connect.Message, error) {
	*n.heard = append(*n.heard, x)
	return n.ear.Make(x)
}
