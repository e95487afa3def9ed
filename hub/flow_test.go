package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"homeward/care"
	"homeward/store"
)

// next waits for one update of a watch that says something.
func (s *site) next(w *Watch) Update {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.ctx(), 5*time.Second)
	defer cancel()
	u, err := w.Next(ctx)
	s.must(err)
	return u
}

// A stay from beginning to end, as two trusts and a council see it.
func TestStayReachesLists(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		nurse := as(care.WardNurse, kings)
		q := ListQuery{Scope: ScopeWard, Ward: "W12"}
		v, err := s.List(s.ctx(), nurse, q)
		s.must(err)
		w, err := s.Watch(s.ctx(), nurse, q, v.Seq)
		s.must(err)
		elsewhere, err := s.Watch(s.ctx(), as(care.WardNurse, other), q, v.Seq)
		s.must(err)

		p := nobody(1)
		id := s.admit(p)
		u := s.next(w)
		if len(u.Changes) != 1 || !u.Changes[0].New || u.Changes[0].Row.Row.Case != id || u.Counts == nil || u.Counts.Total != 1 {
			t.Fatalf("an admission was told as %+v", u)
		}
		s.hear("kmh", says{event: "A08", p: p, ward: "W12/4", visit: "V" + p.mrn, more: map[string]string{"ZU1-22": "Y", "ZU1-24": "20261124", "PV2-9": "20261127"}})
		u = s.next(w)
		if len(u.Changes) != 1 || u.Changes[0].New || u.Changes[0].Gone || !u.Changes[0].Row.HasWait {
			t.Fatalf("becoming ready was told as %+v", u.Changes)
		}
		s.hear("kmh", says{event: "A02", p: p, ward: "W31/2", visit: "V" + p.mrn})
		u = s.next(w)
		if len(u.Changes) != 1 || u.Changes[0].Gone || !u.Changes[0].Row.MovedAway {
			t.Fatalf("moving away was told as %+v", u.Changes)
		}
		s.pass(3 * time.Hour)
		if v, err = s.List(s.ctx(), nurse, q); err != nil || len(v.Rows) != 0 {
			t.Fatalf("3 hours after moving away the ward still lists %d: %v", len(v.Rows), err)
		}
		s.hear("kmh", says{event: "A03", p: p, ward: "W31/2", visit: "V" + p.mrn, more: map[string]string{"PV1-36": "19", "PV1-45": s.clock().Format("200601021504")}})
		u = s.next(w)
		if len(u.Changes) != 1 || !u.Changes[0].Gone || u.Changes[0].Row.Row.Person.Family != "" {
			t.Fatalf("leaving was told as %+v", u.Changes)
		}
		if u, _, err := elsewhere.look(s.ctx()); err != nil || len(u.Changes) > 0 {
			t.Fatalf("another trust was told %+v %v", u, err)
		}
	})
}

// What happened between making a page and following it is not lost.
func TestWatchFromAnOlderPage(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		nurse, q := as(care.WardNurse, kings), ListQuery{Scope: ScopeWard}
		left := nobody(1)
		gone := s.admit(left)
		v, err := s.List(s.ctx(), nurse, q)
		s.must(err)
		came := s.admit(nobody(2))
		s.hear("kmh", says{event: "A03", p: left, visit: "V" + left.mrn, more: map[string]string{"PV1-36": "19"}})
		w, err := s.Watch(s.ctx(), nurse, q, v.Seq)
		s.must(err)
		got := map[care.CaseID]Change{}
		for _, c := range s.next(w).Changes {
			got[c.Row.Row.Case] = c
		}
		if !got[came].New || !got[gone].Gone {
			t.Fatalf("told %+v", got)
		}
	})
}

func TestMessagesAreKept(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		m := s.bytes(kings, says{event: "A01", p: nobody(1), ward: "W12/1", visit: "V1", control: "SAME"})
		for range 3 {
			s.acked(s.Receive(s.ctx(), "kmh", "test", m), "AA")
		}
		s.acked(s.Receive(s.ctx(), "kmh", "test", s.bytes(kings, says{event: "A01", p: nobody(2), ward: "W12/2", visit: "V2", control: "SAME"})), "AA")
		s.acked(s.Receive(s.ctx(), "kmh", "test", []byte("this is no HL7 at all")), "AR")
		s.readAll("kmh")
		s.find(kings, nobody(1).mrn)
		s.find(kings, nobody(2).mrn)
		ms := s.messages("kmh")
		if len(ms) != 3 || !ms[1].Reused || ms[0].State != store.MessageUnreadable || string(ms[0].Raw) != "this is no HL7 at all" {
			t.Fatalf("kept %d: %+v", len(ms), ms)
		}
		f, err := s.Feeds(s.ctx(), as(care.Integration, system))
		s.must(err)
		if f[0].Again != 2 || f[0].Reused != 1 || f[0].Unreadable != 1 || f[0].Waiting != 0 {
			t.Fatalf("the feed's page says %+v", f[0])
		}
		// The answers have ids of their own.
		if a, b := s.Receive(s.ctx(), "kmh", "test", m), s.Receive(s.ctx(), "kmh", "test", m); string(a) == string(b) {
			t.Fatal("two answers have the same control id")
		}
		s.must(s.Store.Close())
		s.acked(s.Receive(s.ctx(), "kmh", "test", s.bytes(kings, says{event: "A01", p: nobody(3)})), "AE")
		s.refused(s.unavailable(s.Store.View(s.ctx(), nil)), care.Transient, "")
	})
}

// Two processes read one feed at once: each message has its effect once and in
// the order in which it was kept.
func TestTwoHubsOneFeed(t *testing.T) {
	s := newSite(t, "postgres")
	second := s.another()
	s.Limits.ReadBatch, second.Limits.ReadBatch = 7, 7 // so that they take turns
	p := nobody(1)
	s.send("kmh", says{event: "A01", p: p, ward: "W12/0", visit: "V1", at: morning.Add(-time.Hour)})
	const moves = 150
	for i := 1; i <= moves; i++ {
		s.send("kmh", says{event: "A02", p: p, ward: fmt.Sprintf("W%d/%d", i%2, i), visit: "V1", at: morning.Add(-time.Hour + time.Duration(i)*time.Second)})
	}
	var wg sync.WaitGroup
	for _, h := range []*Hub{s.Hub, second, s.Hub, second} {
		wg.Go(func() {
			for {
				n, err := h.Read(s.ctx(), "kmh")
				if err != nil || n == 0 {
					if err != nil {
						t.Error(err)
					}
					return
				}
			}
		})
	}
	wg.Wait()
	c := s.find(kings, p.mrn)
	if c.Stay == nil || c.Stay.Where.Bed != fmt.Sprint(moves) || len(c.Stay.Moves) != moves {
		t.Fatalf("ended in %+v after %d moves", c.Stay.Where, len(c.Stay.Moves))
	}
	n := 0
	for _, e := range s.history(c.ID) {
		if e == "Moved" {
			n++
		}
		if e == "ArrivedLate" {
			t.Error("a message was read out of its order")
		}
	}
	if n != moves {
		t.Fatalf("%d moves were recorded of %d", n, moves)
	}
}

// What is not understood is held, explained, and replayed when it is.
func TestHeld(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		p, engineer := nobody(1), as(care.Integration, system)
		s.hear("kmh", says{event: "A99", p: p}, says{event: "A01", p: somebody{family: "Quill"}},
			says{event: "A01", p: p, ward: "W12/1", visit: "V1", more: map[string]string{"ZU1-22": "FIT"}})
		held, err := s.Messages(s.ctx(), engineer, MessageQuery{Feed: "kmh", State: "held"})
		s.must(err)
		if len(held) != 3 {
			t.Fatalf("%d are held", len(held))
		}
		for _, m := range held {
			if m.Reason == "" || strings.Contains(m.Reason, "Quill") {
				t.Errorf("held because %q", m.Reason)
			}
		}
		// The feed learns what FIT means.
		f := s.feeds["kmh"]
		f.Profile.FitYes = []string{"Y", "FIT"}
		s.Hub.feeds["kmh"] = f
		before := s.seq()
		x, err := s.ExplainMessage(s.ctx(), engineer, held[0].ID)
		s.must(err)
		if x.Hold != "" || x.Known != "a new person" || !slices.Contains(x.Events, "Ready to leave hospital") {
			t.Errorf("explained as %+v", x)
		}
		if s.seq() != before {
			t.Error("to explain changed something")
		}
		res, err := s.Replay(s.ctx(), engineer, []int64{held[0].ID, held[0].ID})
		s.must(err)
		if res != (ReplayResult{Tried: 1, Done: 1}) {
			t.Errorf("replayed %+v", res)
		}
		if c := s.find(kings, p.mrn); c.Stay == nil || c.Stay.ReadySince().IsZero() {
			t.Error("the replayed message had no effect")
		}
		if res, err = s.Replay(s.ctx(), engineer, nil); err != nil || res != (ReplayResult{Tried: 2, StillHeld: 2}) {
			t.Errorf("replaying all: %+v %v", res, err)
		}
		_, err = s.Replay(s.ctx(), engineer, []int64{held[0].ID})
		s.refused(err, care.BusinessRule, "")
		fv, err := s.Feeds(s.ctx(), engineer)
		s.must(err)
		if fv[0].Held != 2 || fv[0].Waiting != 0 {
			t.Errorf("the feed's page says %+v", fv[0])
		}
	})
}

// A message on which Homeward itself fails is held, and those behind it are read.
func TestPoison(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		bad, good := nobody(1), nobody(2)
		f := s.feeds["kmh"]
		f.Profile.Zone = nil // a programmer's mistake: reading a time panics
		s.Hub.feeds["kmh"] = f
		s.send("kmh", says{event: "A01", p: bad, ward: "W12/1", visit: "V3"})
		s.readAll("kmh")
		if ms := s.messages("kmh"); ms[0].State != store.MessageHeld || strings.Contains(ms[0].Reason, bad.family) {
			t.Fatalf("it is %s: %s", ms[0].State, ms[0].Reason)
		}
		f.Profile.Zone = s.Zone
		s.Hub.feeds["kmh"] = f
		s.hear("kmh", says{event: "A01", p: good, ward: "W12/1", visit: "V2"})
		s.find(kings, good.mrn)
	})
}

// The loops of Run read what comes without being asked, and end with ctx.
func TestRun(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		ctx, cancel := context.WithCancel(s.ctx())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		for i := range 200 {
			s.send("kmh", says{event: "A01", p: nobody(i + 1), ward: "W12/1", visit: fmt.Sprint(i)})
		}
		deadline := time.Now().Add(20 * time.Second)
		for {
			wake := s.Store.Wait()
			f, err := s.Health(s.ctx())
			s.must(err)
			if f[0].Waiting == 0 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d messages still wait", f[0].Waiting)
			}
			select {
			case <-wake:
			case <-time.After(time.Second):
			}
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	})
}

func TestNewLoadsTheZone(t *testing.T) {
	s := newSite(t, "sqlite", func(c *Config, _ *store.Config) { c.Zone = nil })
	if _, err := s.List(s.ctx(), as(care.Coordinator, kings), ListQuery{Scope: ScopeTracker}); err != nil {
		t.Fatal(err)
	}
}

// Who a message is about: no number, one that nobody checked, one that changed,
// and one that two people have.
func TestIdentity(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		absent := nobody(1)
		absent.noNumber = true
		if c := s.read(s.admit(absent)); !c.NHS.IsZero() || c.Doubt != nil {
			t.Fatalf("without a number: %v %v", c.NHS, c.Doubt)
		}
		unverified := nobody(2)
		unverified.trace = "NSTS03"
		if c := s.read(s.admit(unverified)); c.NHS != unverified.nhs || c.Trace.Verified() || c.Doubt != nil {
			t.Fatalf("unverified: %v %v", c.Trace, c.Doubt)
		}

		changed := nobody(3)
		id := s.admit(changed)
		changed.nhs, changed.trace = numbers()[300], ""
		s.hear("kmh", says{event: "A31", p: changed})
		if c := s.read(id); c.Doubt == nil || c.Doubt.Kind != care.DoubtChanged || c.NHS != nobody(3).nhs {
			t.Fatalf("a changed number: %+v", c.Doubt)
		}

		first := s.admit(nobody(4))
		s.imported(notts, "full", held{id: "10004", p: nobody(4), packages: []string{pack("P4", "HS", "active")}})
		thief := nobody(5)
		thief.nhs, thief.born = nobody(4).nhs, "19500101"
		second := s.admit(thief)
		a, b := s.read(first), s.read(second)
		if a.Doubt == nil || b.Doubt == nil || a.Doubt.Kind != care.DoubtShared || a.Doubt.Other != second || !b.NHS.IsZero() {
			t.Fatalf("a shared number: %+v %+v", a.Doubt, b.Doubt)
		}

		nurse, coordinator := as(care.AENurse, other), as(care.Coordinator, kings)
		v, err := s.Look(s.ctx(), nurse, LookRequest{Number: nobody(4).nhs, Born: nobody(4).birth(), Reason: ReasonCare})
		s.must(err)
		if v.Outcome != LookCannot || len(v.Councils) > 0 {
			t.Fatalf("a frozen record is looked up as %s", v.Outcome)
		}
		d, err := s.StartReferral(s.ctx(), coordinator, first)
		s.must(err)
		_, err = s.SaveDraft(s.ctx(), coordinator, first, ReferralForm, answers())
		s.must(err)
		_, err = s.Refer(s.ctx(), coordinator, first, d.Key, false)
		s.refused(err, care.BusinessRule, "")

		qs, err := s.Questions(s.ctx(), coordinator)
		s.must(err)
		if len(qs) != 2 { // the changed one, and one for both of the shared
			t.Fatalf("%d questions", len(qs))
		}
		s.refused(s.Settle(s.ctx(), coordinator, first, "keep", ""), care.Required, "why")
		s.refused(s.Settle(s.ctx(), coordinator, first, "perhaps", "I asked"), care.Required, "number")
		s.refused(s.Settle(s.ctx(), as(care.WardNurse, kings), first, "keep", "I asked"), care.Forbidden, "")
		s.must(s.Settle(s.ctx(), coordinator, first, "keep", "PDS says so"))
		s.must(s.Settle(s.ctx(), coordinator, second, "drop", "PDS says so"))
		if v, err = s.Look(s.ctx(), nurse, LookRequest{Number: nobody(4).nhs, Born: nobody(4).birth(), Reason: ReasonCare}); err != nil || v.Outcome != LookFound {
			t.Fatalf("after settling: %s %v", v.Outcome, err)
		}
	})
}

func TestJoinAndSeparate(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		a, b := s.admit(nobody(1)), s.admit(nobody(2))
		lead, stranger := as(care.IGLead, kings), as(care.SocialWorker, notts)
		join := func(by care.Actor, a, b care.CaseID, why string, seen ...Difference) error {
			_, err := s.Join(s.ctx(), by, a, b, why, seen...)
			return err
		}
		s.refused(join(stranger, a, b, "seen"), care.Forbidden, "")
		s.refused(join(lead, a, b, " "), care.Required, "why")
		s.refused(join(lead, a, a, "seen"), care.Conflict, "")
		s.refused(join(lead, a, b, "seen"), care.BusinessRule, "confirm") // two NHS numbers
		wasB := s.read(b)
		s.must(join(lead, a, b, "seen both", DifferNumber))
		s.refused(join(lead, a, b, "again", DifferNumber), care.Conflict, "")
		if c := s.find(kings, nobody(2).mrn); c.ID != a || len(c.Absorbed) != 1 {
			t.Fatalf("the number of the retired record leads to %v", c.ID)
		}
		s.refused(s.AddNote(s.ctx(), as(care.Coordinator, kings), b, "", care.AudienceBoth, "to a retired record"), care.BusinessRule, "")
		s.must(s.Separate(s.ctx(), lead, a, b, "two people"))
		if c := s.read(b); c.JoinedTo != "" || c.Stay == nil || c.Stay.Visit != wasB.Stay.Visit {
			t.Fatalf("separated: %+v", c)
		}
		if c := s.find(kings, nobody(2).mrn); c.ID != b {
			t.Fatal("the number did not go back")
		}
		s.refused(s.Separate(s.ctx(), lead, a, b, "again"), care.Conflict, "")
	})
}

// A question about a third record stays open when two others are joined.
func TestJoinLeavesOtherQuestions(t *testing.T) {
	s := newSite(t, "sqlite")
	c := nobody(1)
	a := s.admit(c)
	c.nhs, c.trace = numbers()[99], ""
	s.hear("kmh", says{event: "A31", p: c})
	b := s.admit(nobody(2))
	_, err := s.Join(s.ctx(), as(care.IGLead, kings), a, b, "the same person", DifferNumber)
	s.must(err)
	if s.read(a).Doubt == nil {
		t.Fatal("joining answered a question about something else")
	}
}

func TestMergeMessages(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		merge := func(p somebody, control string, retired ...string) says {
			for i := range retired {
				retired[i] += "^^^RK5^MR"
			}
			return says{event: "A40", p: p, control: control, more: map[string]string{"MRG-1": strings.Join(retired, "~")}}
		}
		// Three are known: two numbers are given up at once.
		a, b, third := s.admit(nobody(1)), s.admit(nobody(2)), s.admit(nobody(3))
		s.hear("kmh", merge(nobody(1), "", nobody(2).mrn, nobody(3).mrn))
		if c := s.read(a); len(c.Absorbed) != 2 || s.read(b).JoinedTo != a || s.read(third).JoinedTo != a {
			t.Fatalf("absorbed %v", c.Absorbed)
		}
		seq := s.seq()
		s.hear("kmh", merge(nobody(1), "", nobody(2).mrn, nobody(3).mrn)) // another id, the same news
		if s.seq() != seq {
			t.Error("a merge that was said again changed something")
		}
		s.must(s.Separate(s.ctx(), as(care.IGLead, kings), a, b, "the sender was wrong"))
		if c := s.find(kings, nobody(2).mrn); c.ID != b {
			t.Error("the merge could not be reversed")
		}

		// One is known.
		one := s.admit(nobody(4))
		s.hear("kmh", merge(nobody(4), "", "OLD4"))
		if c := s.find(kings, "OLD4"); c.ID != one {
			t.Error("the survivor did not learn the retired number")
		}
		retired := s.admit(nobody(5))
		fresh := nobody(5)
		fresh.mrn = "NEW5"
		s.hear("kmh", merge(fresh, "", nobody(5).mrn))
		if c := s.find(kings, "NEW5"); c.ID != retired {
			t.Error("the retired record did not learn the surviving number")
		}

		// None is known.
		s.hear("kmh", merge(nobody(6), "", "OLD6"))
		if c := s.find(kings, "OLD6"); c.ID != s.find(kings, nobody(6).mrn).ID || c.NHS != nobody(6).nhs {
			t.Error("a merge of two unknown numbers is not one record")
		}
	})
}
