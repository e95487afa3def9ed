package hub

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"homeward/care"
	"homeward/store"
)

func asks(p somebody) LookRequest {
	return LookRequest{Number: p.nhs, Born: p.birth(), Reason: ReasonCare}
}

func (s *site) look4(by care.Actor, q LookRequest) LookView {
	s.Helper()
	v, err := s.Look(s.ctx(), by, q)
	s.must(err)
	return v
}

// plainly is a result without what differs between any two.
func plainly(v LookView) string {
	v.Handle, v.At = "", time.Time{}
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestLookFound(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.imported(city, "full", held{id: "77", p: nobody(7)})
		s.imported(notts, "full",
			held{id: "10001", p: nobody(1), packages: []string{pack("P1", "HS", "active"), pack("P2", "R", "finished"), pack("P3", "DP", "active")}, equipment: []string{"D1"}},
			held{id: "10002", p: nobody(2), packages: []string{pack("P4", "HS", "onhold")}},
			held{id: "10003", p: nobody(3), packages: []string{pack("P5", "R", "finished")}},
			held{id: "10004", p: nobody(4), concern: "yes"})
		nurse := as(care.AENurse, kings)
		var v LookView
		rows := s.audits(func() { v = s.look4(nurse, asks(nobody(1))) })
		if v.Outcome != LookFound || len(v.Councils) != 1 || v.Person.Family != nobody(1).family || !v.MayCall || v.MayRefer || v.MayOpen {
			t.Fatalf("found %+v", v)
		}
		c := v.Councils[0]
		if len(c.Packages) != 2 || c.Packages[0].Package.Status != care.PackageActive || c.Packages[0].Provider == nil || c.Packages[0].Provider.OutOfHours == "" ||
			c.Safeguarding.Answer != care.AnswerNo || c.Team == nil || c.AsAt.IsZero() || c.Stale {
			t.Errorf("shown %+v", c)
		}
		// Nobody in a hospital sees what a package consists of, or money.
		if whole := plainly(v); strings.Contains(whole, "4 calls a day") || strings.Contains(whole, "Funding\":\"Council") || strings.Contains(whole, "\"DP\"") || len(c.Equipment) > 0 {
			t.Errorf("detail or money is shown: %s", whole)
		}
		if len(rows) != 1 {
			t.Fatalf("%d audit rows", len(rows))
		}
		r := rows[0]
		want := []string{"seeDemographics", "seePackages", "seeProvider", "seeSafeguarding"}
		if !r.Allowed || r.Outcome != "found" || r.Purpose != "direct-care" || r.Relationship != "declared" || r.Case != v.Case || !slices.Equal(r.Sections, want) ||
			!slices.Contains(r.Policies, "shared-hospital") || !slices.Contains(r.Policies, "lookup-hospital") || r.Actor != nurse.ID || r.Address == "" {
			t.Errorf("audited as %+v", r)
		}
		if v = s.look4(nurse, asks(nobody(2))); v.Outcome != LookFound || v.Councils[0].InPlace() != 0 || v.Councils[0].Packages[0].Package.Status != care.PackageOnHold {
			t.Errorf("paused: %+v", v)
		}
		if v = s.look4(nurse, asks(nobody(3))); v.Outcome != LookFound || v.Councils[0].Packages[0].Package.Status != care.PackageFinished {
			t.Errorf("ended: %+v", v)
		}
		// An open enquiry is said where no package is, and the audit says that it was.
		rows = s.audits(func() { v = s.look4(nurse, asks(nobody(4))) })
		if v.Outcome != LookNothing || len(v.Councils) != 1 || v.Person.Family != "" || v.Case != "" {
			t.Errorf("an enquiry: %+v", v)
		}
		if len(rows) != 1 || !rows[0].Allowed || !slices.Equal(rows[0].Sections, []string{"seeSafeguarding"}) {
			t.Errorf("an enquiry was audited as %+v", rows)
		}
		// By name, date of birth and postcode.
		q := asks(nobody(1))
		q.Number, q.Family, q.Given, q.Postcode = somebody{}.nhs, strings.ToUpper(nobody(1).family), "edna", "zz993aa"
		if v = s.look4(nurse, q); v.Outcome != LookFound {
			t.Errorf("by name: %s", v.Outcome)
		}
		q.Given = "Agnes" // a twin
		if v = s.look4(nurse, q); v.Outcome != LookMismatch || len(v.Councils) > 0 {
			t.Errorf("a twin by name: %s", v.Outcome)
		}
		// The council's own staff see what a package consists of.
		v = s.look4(as(care.SocialWorker, notts), asks(nobody(1)))
		if v.Outcome != LookFound || v.Councils[0].Packages[0].Package.Title == "" {
			t.Errorf("to the council: %+v", v)
		}
	})
}

// Whoever is not known, pays for all of their care, is restricted, is a child, or
// is no business of the reader's gives the same result, whatever the date of
// birth that is typed.
func TestLookNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		child, unknown := nobody(4), nobody(50)
		child.born = "20150101"
		for _, fresh := range []string{"fresh", "stale"} {
			if fresh == "fresh" {
				s.imported(city, "full", held{id: "77", p: nobody(7), packages: []string{pack("P7", "HS", "active")}})
			}
			s.imported(notts, "full",
				held{id: "10001", p: nobody(1)},
				held{id: "10002", p: nobody(2), restricted: "yes", packages: []string{pack("P2", "HS", "active")}},
				held{id: "10003", p: nobody(3), packages: []string{pack("P3", "DP", "active")}},
				held{id: "10004", p: child, packages: []string{pack("P4", "HS", "active")}},
				held{id: "10005", p: nobody(5), packages: []string{pack("P5", "HS", "active")}})
			sensitive := nobody(6)
			sensitive.sensitive = true
			s.admit(sensitive)
			nurse := as(care.AENurse, other)
			for _, reader := range []care.Actor{nurse, as(care.WardNurse, kings), as(care.SocialWorker, city)} {
				want := plainly(s.look4(reader, asks(unknown)))
				for i, p := range []somebody{nobody(1), nobody(2), nobody(3), child, sensitive} {
					for _, born := range []string{p.born, "19440404"} {
						q := asks(p)
						p.born = born
						q.Born = p.birth()
						var v LookView
						rows := s.audits(func() { v = s.look4(reader, q) })
						if got := plainly(v); got != want {
							t.Errorf("%s: person %d, born %s, to %s:\n%s\nwanted\n%s", fresh, i+1, born, reader.ID, got, want)
						}
						if len(rows) != 1 || rows[0].Allowed || len(rows[0].Sections) > 0 {
							t.Errorf("audited as %+v", rows)
						}
					}
				}
			}
			s.pass(30 * time.Hour) // the city's extract is too old by now
		}
	})
}

func TestLookMismatch(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.imported(city, "full", held{id: "77", p: nobody(7)})
		s.imported(notts, "full", held{id: "10001", p: nobody(1), packages: []string{pack("P1", "HS", "active")}})
		nurse := as(care.AENurse, kings)
		wrong := asks(nobody(1))
		wrong.Born.Day++
		for i := 1; i <= 5; i++ {
			v := s.look4(nurse, wrong)
			if v.Outcome != LookMismatch || v.Case != "" || len(v.Councils) > 0 || v.Person.Family != "" || v.Slow != (i == 5) {
				t.Fatalf("try %d: %+v", i, v)
			}
			again, err := s.Looked(s.ctx(), nurse, v.Handle)
			s.must(err)
			if again.Slow != v.Slow {
				t.Error("the page forgets that the next try waits")
			}
		}
		_, err := s.Look(s.ctx(), nurse, asks(nobody(1)))
		s.refused(err, care.Throttled, "nhs")
		if v := s.look4(as(care.AENurse, other), asks(nobody(1))); v.Outcome != LookFound {
			t.Error("another user is slowed down")
		}
		s.pass(31 * time.Second)
		if v := s.look4(nurse, asks(nobody(1))); v.Outcome != LookFound {
			t.Error("nothing after the wait")
		}
		// Many at once are no way around it.
		guesser := as(care.WardNurse, kings)
		var wg sync.WaitGroup
		var mu sync.Mutex
		let := 0
		for range 20 {
			wg.Go(func() {
				if _, err := s.Look(s.ctx(), guesser, wrong); err == nil {
					mu.Lock()
					let++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if let != 5 {
			t.Errorf("%d of 20 guesses at once were let through", let)
		}
	})
}

func TestLookCannot(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		nurse := as(care.AENurse, kings)
		if v := s.look4(nurse, asks(nobody(1))); v.Outcome != LookCannot {
			t.Errorf("before any extract: %s", v.Outcome)
		}
		s.imported(notts, "full", held{id: "10001", p: nobody(1), packages: []string{pack("P1", "HS", "active")}})
		s.pass(3 * time.Hour) // by day 2 hours are allowed
		s.imported(city, "full", held{id: "c1", p: nobody(2), packages: []string{pack("C1", "HS", "active")}}, held{id: "c2", p: nobody(1), packages: []string{pack("C2", "M", "active")}})
		v := s.look4(nurse, asks(nobody(1)))
		if v.Outcome != LookFound || len(v.Councils) != 2 || !v.Councils[0].Stale || v.Councils[1].Stale {
			t.Errorf("3 hours later: %+v", v)
		}
		s.pass(22 * time.Hour)
		// One council is too old to show: the other's part is shown, and that it is
		// not all is said.
		v = s.look4(nurse, asks(nobody(1)))
		if v.Outcome != LookFound || len(v.Councils) != 2 || !v.Councils[1].Gone || len(v.Councils[1].Packages) > 0 || v.Councils[1].PackagesShown {
			t.Errorf("25 hours later: %+v", v)
		}
		if v = s.look4(nurse, asks(nobody(50))); v.Outcome != LookCannot {
			t.Errorf("somebody unknown while a council cannot be checked: %s", v.Outcome)
		}
		s.pass(24 * time.Hour)
		if v = s.look4(nurse, asks(nobody(1))); v.Outcome != LookCannot || len(v.Councils) > 0 || v.Person.Family != "" {
			t.Errorf("two days later: %+v", v)
		}
	})
}

func TestLookIsCheckedFirst(t *testing.T) {
	s := newSite(t, "sqlite")
	nurse := as(care.AENurse, kings)
	for field, change := range map[string]func(*LookRequest){
		"dob":    func(q *LookRequest) { q.Born.Year = 2030 },
		"reason": func(q *LookRequest) { q.Reason = "" },
		"words":  func(q *LookRequest) { q.Reason = ReasonOther },
		"family": func(q *LookRequest) { q.Number = somebody{}.nhs },
	} {
		q := asks(nobody(1))
		change(&q)
		_, err := s.Look(s.ctx(), nurse, q)
		var e *care.Error
		if !errors.As(err, &e) || e.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, by := range []care.Actor{as(care.IGLead, kings), as(care.Broker, notts), as(care.WallboardRole, kings), as(care.Integration, system), as(care.Admin, system), as(care.AENurse, notts)} {
		rows := s.audits(func() {
			_, err := s.Look(s.ctx(), by, asks(nobody(1)))
			s.refused(err, care.Forbidden, "")
		})
		if len(rows) != 1 || rows[0].Allowed || len(rows[0].Sections) > 0 {
			t.Errorf("%s was audited as %+v", by.ID, rows)
		}
	}
}

// No audit, no data.
func TestNothingWithoutAudit(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.imported(notts, "full", held{id: "10001", p: nobody(1), packages: []string{pack("P1", "HS", "active")}})
		id := s.admit(nobody(2))
		s.must(s.Store.Close())
		v, err := s.Look(s.ctx(), as(care.AENurse, kings), asks(nobody(1)))
		s.refused(err, care.Transient, "")
		if plainly(v) != plainly(LookView{}) {
			t.Error("something was returned")
		}
		c, err := s.Case(s.ctx(), as(care.Coordinator, kings), id)
		s.refused(err, care.Transient, "")
		if c.ID != "" {
			t.Error("a case was returned")
		}
	})
}

// When the transaction of the audit fails after the view was made, nothing of
// the view comes out.
func TestNothingWhenTheCommitFails(t *testing.T) {
	s := newSite(t, "sqlite")
	s.imported(notts, "full", held{id: "10001", p: nobody(1), packages: []string{pack("P1", "HS", "active")}})
	id := s.admit(nobody(2))
	ctx, cancel := context.WithCancel(s.ctx())
	cancel()
	if v, err := s.Look(ctx, as(care.AENurse, kings), asks(nobody(1))); err == nil || v.Outcome != "" {
		t.Error("a view without its audit")
	}
	if v, err := s.Case(ctx, as(care.Coordinator, kings), id); err == nil || v.ID != "" {
		t.Error("a case without its audit")
	}
}

func TestHandles(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.imported(city, "full", held{id: "77", p: nobody(7)})
		s.imported(notts, "full", held{id: "10001", p: nobody(1), packages: []string{pack("P1", "HS", "active")}})
		nurse := as(care.AENurse, kings)
		v := s.look4(nurse, asks(nobody(1)))
		got, err := s.Looked(s.ctx(), nurse, v.Handle)
		s.must(err)
		if plainly(got) != plainly(v) || got.Handle != v.Handle {
			t.Error("the result is another one")
		}
		_, err = s.Looked(s.ctx(), as(care.AENurse, other), v.Handle)
		s.refused(err, care.NotFound, "")
		elsewhere := nurse
		elsewhere.Org, elsewhere.Role = other, care.Coordinator
		_, err = s.Looked(s.ctx(), elsewhere, v.Handle)
		s.refused(err, care.NotFound, "")
		_, err = s.Looked(s.ctx(), nurse, "guess")
		s.refused(err, care.NotFound, "")

		call := care.Call{Council: notts, Provider: "V1", ProviderName: "Linden Home Care", Outcome: "notice"}
		rows := s.audits(func() { s.must(s.RecordCall(s.ctx(), nurse, "", v.Handle, call)) })
		if len(rows) != 1 || rows[0].Relationship != "declared" || !rows[0].Allowed {
			t.Errorf("a call was audited as %+v", rows)
		}
		if c := s.read(v.Case); len(c.Calls) != 1 || c.Calls[0].By.ID != nurse.ID {
			t.Errorf("calls: %+v", c.Calls)
		}
		// Without the look-up, an id alone opens nothing.
		s.refused(s.RecordCall(s.ctx(), nurse, v.Case, "", call), care.Forbidden, "")
		s.pass(16 * time.Minute)
		_, err = s.Looked(s.ctx(), nurse, v.Handle)
		s.refused(err, care.NotFound, "")
		s.refused(s.RecordCall(s.ctx(), nurse, "", v.Handle, call), care.NotFound, "")
	})
}

// A number that somebody gave up is not theirs any more once another has it.
func TestLookBySupersededNumber(t *testing.T) {
	s := newSite(t, "sqlite")
	s.imported(city, "full", held{id: "77", p: nobody(7)})
	was := nobody(1)
	id := s.admit(was)
	now := was
	now.nhs = nobody(2).nhs
	s.hear("kmh", says{event: "A31", p: now})
	if c := s.read(id); c.NHS != now.nhs || len(c.Formerly) != 1 {
		t.Fatalf("the number is %v after %v", c.NHS, c.Formerly)
	}
	s.imported(notts, "full", held{id: "10001", p: now, packages: []string{pack("P1", "HS", "active")}})
	if v := s.look4(as(care.AENurse, kings), asks(was)); v.Outcome != LookFound || v.NHS != now.nhs {
		t.Errorf("by the superseded number: %s", v.Outcome)
	}
	// A steward's error: somebody else has the old number now.
	s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
		_, err := tx.Record(care.Case{}, care.Cause{}, morning, care.Started{At: morning, ID: "newcomer"},
			care.Identified{At: morning, NHS: was.nhs}, care.PersonTold{At: morning, Person: care.Person{Family: "Newcomer", Born: was.birth()}})
		return err
	}))
	if v := s.look4(as(care.AENurse, kings), asks(was)); v.Case == id {
		t.Error("the one who had the number is shown for the one who has it")
	}
}
