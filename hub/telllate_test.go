package hub

import (
	"slices"
	"testing"
	"time"

	"homeward/care"
	"homeward/connect"
	"homeward/store"
)

// deafTo answers all but what is about one referral.
func deafTo(correlation string) func(connect.Message) (connect.Receipt, error) {
	return func(m connect.Message) (connect.Receipt, error) {
		if m.Correlation == correlation {
			return down(m)
		}
		return connect.Receipt{Received: true}, nil
	}
}

// TestEveryReferralThatWaitsLongSaysSo holds "Not delivered to, after an hour"
// for all that wait, and not only for those whose turn it was to be tried.
func TestEveryReferralThatWaitsLongSaysSo(t *testing.T) {
	onBothTold(t, func(t *testing.T, s *toldSite) {
		s.council.says(down)
		var ids []care.CaseID
		for i := range 12 {
			id := s.admit(nobody(i + 1))
			s.refer(as(care.Coordinator, kings), id)
			ids = append(ids, id)
		}
		s.tell()
		s.must(s.warnLate(s.ctx()))
		for _, id := range ids {
			if got := s.lines(id); len(got) != 0 {
				t.Fatalf("at once it says %v", got)
			}
		}
		s.pass(tellWarn + time.Minute)
		s.must(s.warnLate(s.ctx()))
		s.must(s.warnLate(s.ctx()))
		for i, id := range ids {
			if got := s.lines(id); !slices.Equal(got, []string{"Not delivered to Mosaic: the referral"}) {
				t.Fatalf("%d says %v", i, got)
			}
		}
		s.council.says(nil)
		s.must(s.ResumeTelling(s.ctx(), as(care.Integration, system), "mosaic", "They are back"))
		s.tell()
		for i, id := range ids {
			if got := s.lines(id); len(got) != 2 || got[1] != "Received by Mosaic: the referral, reference 4471902" {
				t.Fatalf("%d says %v", i, got)
			}
		}
	})
}

// TestGoOnNowIsNow holds that what waits after tries that did not get through is
// tried when a person says so.
func TestGoOnNowIsNow(t *testing.T) {
	onBothTold(t, func(t *testing.T, s *toldSite) {
		s.council.says(func(connect.Message) (connect.Receipt, error) {
			return connect.Receipt{}, &connect.Later{Text: "The other system answered 503", Wait: 24 * time.Hour}
		})
		s.refer(as(care.Coordinator, kings), s.admit(nobody(1)))
		s.tell()
		s.council.says(nil)
		s.pass(time.Minute)
		s.must(s.ResumeTelling(s.ctx(), as(care.Integration, system), "mosaic", "They are back"))
		s.tell()
		if p := s.page("mosaic"); p.Waiting != 0 || p.State != DestinationWorking {
			t.Errorf("%+v", p.DestinationView)
		}
	})
}

// TestWhatIsNotToldIsNoProbe holds that a system which is back is found out about
// however many news stand before that it may not know.
func TestWhatIsNotToldIsNoProbe(t *testing.T) {
	for what, stop := range map[string]func(*toldSite){
		"may not be told":  func(s *toldSite) { s.suspend("everything") },
		"is not told":      func(s *toldSite) { s.council.deaf = connect.Refer },
		"cannot be told":   func(s *toldSite) { s.council.wrong = &connect.Refused{Text: "The form has no answer to the pathway"} },
		"is told and gets": func(*toldSite) {},
	} {
		t.Run(what, func(t *testing.T) {
			onBothTold(t, func(t *testing.T, s *toldSite) {
				s.council.says(down)
				for i := range 12 {
					s.refer(as(care.Coordinator, kings), s.admit(nobody(i+1)))
					s.pass(time.Second)
				}
				s.tell()
				if s.page("mosaic").State != DestinationOpen {
					t.Fatal("the circuit is not open")
				}
				stop(s)
				s.council.says(nil)
				s.pass(16 * time.Minute)
				for range 4 {
					s.tell()
					s.pass(time.Second)
				}
				if p := s.page("mosaic"); p.Waiting > tellOpen {
					t.Errorf("%d still wait", p.Waiting)
				}
			})
		})
	}
}

// TestOneCaseDoesNotOpenTheCircuit holds that a message which the far side fails on
// again and again stops its own case only.
func TestOneCaseDoesNotOpenTheCircuit(t *testing.T) {
	onBothTold(t, func(t *testing.T, s *toldSite) {
		s.refer(as(care.Coordinator, kings), s.admit(nobody(1)))
		poison := ""
		s.council.says(func(m connect.Message) (connect.Receipt, error) { poison = m.Correlation; return down(m) })
		s.tell()
		s.council.says(deafTo(poison))
		for range 10 {
			s.pass(16 * time.Minute)
			s.tell()
		}
		if p := s.page("mosaic"); p.State != DestinationTrouble {
			t.Errorf("it is %q", p.State)
		}
		id := s.admit(nobody(2))
		s.refer(as(care.Coordinator, kings), id)
		s.tell()
		if got := s.lines(id); len(got) != 1 || got[0] != "Received by Mosaic: the referral" {
			t.Errorf("another case says %v", got)
		}
	})
}

// TestWithdrawnBeforeItWasTold holds that a system which never heard of a referral
// is not told that it was withdrawn, nor of it; and that one which did, is.
func TestWithdrawnBeforeItWasTold(t *testing.T) {
	onBothTold(t, func(t *testing.T, s *toldSite) {
		ward := as(care.Coordinator, kings)
		p, q := nobody(1), nobody(2)
		early, late := s.admit(p), s.admit(q)
		known := s.refer(ward, early)
		s.tell()
		s.must(s.PauseTelling(s.ctx(), as(care.Integration, system), "mosaic", "They upgrade"))
		unknown := s.refer(ward, late)
		s.move(q, "W31/2")
		s.must(s.Withdraw(s.ctx(), ward, late, unknown.Referral.ID, "01", ""))
		s.must(s.Withdraw(s.ctx(), ward, early, known.Referral.ID, "01", ""))
		s.must(s.ResumeTelling(s.ctx(), as(care.Integration, system), "mosaic", "Done"))
		s.tell()
		if got := s.council.kinds(); !slices.Equal(got, []string{"refer", "withdraw"}) || s.council.heard[0].Correlation != s.council.heard[1].Correlation {
			t.Errorf("the council heard %v", got)
		}
		not := 0
		for _, d := range s.page("mosaic").Deliveries {
			if d.State == "Not told" {
				not++
			}
		}
		if not < 3 {
			t.Errorf("%d were not told", not)
		}
		if got := s.lines(late); len(got) != 0 {
			t.Errorf("the case says %v", got)
		}
	})
}

// TestItMayHaveHeardOfIt holds that a referral which was sent, and of which it is
// not certain whether it came, is withdrawn like one that did.
func TestItMayHaveHeardOfIt(t *testing.T) {
	onBothTold(t, func(t *testing.T, s *toldSite) {
		ward := as(care.Coordinator, kings)
		s.council.says(down)
		id := s.admit(nobody(1))
		r := s.refer(ward, id)
		s.tell()
		s.must(s.Withdraw(s.ctx(), ward, id, r.Referral.ID, "01", ""))
		s.council.says(nil)
		s.pass(time.Minute)
		s.tell()
		if got := s.council.kinds(); !slices.Equal(got, []string{"refer", "refer", "withdraw"}) {
			t.Errorf("the council heard %v", got)
		}
	})
}

// TestNewsOfAnErasedRecordAreNotSent erases while a message waits for its next try.
func TestNewsOfAnErasedRecordAreNotSent(t *testing.T) {
	onBothTold(t, func(t *testing.T, s *toldSite) {
		s.council.says(down)
		id := s.admit(nobody(1))
		s.refer(as(care.Coordinator, kings), id)
		s.tell()
		tries := len(s.council.heard)
		s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
			_, err := tx.EraseCase(store.Erasure{Case: id})
			return err
		}))
		s.council.says(nil)
		s.pass(time.Hour)
		s.tell()
		if len(s.council.heard) != tries {
			t.Error("an erased person is told of")
		}
		if p := s.page("mosaic"); p.Waiting != 0 || p.Held != 0 {
			t.Errorf("%+v", p.DestinationView)
		}
	})
}

// TestAllThatWasRefusedIsSentAgain mends one cause of many refusals.
func TestAllThatWasRefusedIsSentAgain(t *testing.T) {
	onBothTold(t, func(t *testing.T, s *toldSite) {
		inga := as(care.Integration, system)
		s.council.says(refusing)
		for i := range 5 {
			s.refer(as(care.Coordinator, kings), s.admit(nobody(i+1)))
		}
		s.tell()
		if n := s.page("mosaic").Held; n != 5 {
			t.Fatalf("%d are refused", n)
		}
		s.council.says(nil)
		_, err := s.RetryRefused(s.ctx(), inga, "mosaic", false, "")
		s.refused(err, care.Required, "why")
		_, err = s.RetryRefused(s.ctx(), as(care.Coordinator, kings), "mosaic", false, "The password is mended")
		s.refused(err, care.Forbidden, "")
		_, err = s.RetryRefused(s.ctx(), inga, "nobody", false, "The password is mended")
		s.refused(err, care.NotFound, "")
		if n, err := s.RetryRefused(s.ctx(), inga, "mosaic", false, "The password is mended"); n != 5 || err != nil {
			t.Fatalf("%d %v", n, err)
		}
		s.tell()
		if p := s.page("mosaic"); p.Held != 0 || p.Waiting != 0 || len(s.council.heard) != 10 {
			t.Errorf("%+v", p.DestinationView)
		}
		for i := range 5 {
			if s.council.heard[i].Key != s.council.heard[i+5].Key {
				t.Error("the same was sent under another key, or in another order")
			}
		}
		s.verify()
	})
}

// TestJoinedWhileItWaits holds that what waited of a record that was joined with
// another comes before what happens to the other afterwards, and by no other way.
func TestJoinedWhileItWaits(t *testing.T) {
	onBothTold(t, func(t *testing.T, s *toldSite) {
		p, q := nobody(1), nobody(1)
		q.mrn, q.noNumber = "M900001", true
		id := s.admit(q)
		s.refer(as(care.Coordinator, kings), id)
		s.council.says(down)
		for range 10 { // until it is tried every quarter of an hour only
			s.pass(20 * time.Minute)
			s.tell()
		}
		s.hear("kmh", says{event: "A28", p: p})
		s.pass(time.Minute)
		s.hear("kmh", says{event: "A40", p: p, more: map[string]string{"MRG-1": q.mrn + "^^^RK5^MR"}})
		left := s.find(kings, p.mrn).ID
		if got := s.read(id); got.JoinedTo != left || len(s.read(left).Referrals) != 1 {
			t.Fatalf("%q is joined to %q", id, got.JoinedTo)
		}
		s.council.says(nil)
		before := len(s.council.heard)
		s.move(p, "W31/7")
		s.hear("kmh", says{event: "A02", p: p, ward: "W31/8", visit: "V" + q.mrn})
		s.tell()
		s.pass(time.Hour)
		s.tell()
		got := s.council.kinds()[before:]
		if len(got) < 2 || got[0] != "refer" || slices.Contains(got[1:], "refer") {
			t.Errorf("after the joining the council heard %v", got)
		}
		if page := s.page("mosaic"); page.Waiting != 0 || page.Held != 0 {
			t.Errorf("%+v", page.DestinationView)
		}
		s.verify()
	})
}

// TestSeparatedWhileItWaits holds that news which came while two records were joined,
// and wait when they are separated again, are told of the record that they are of.
func TestSeparatedWhileItWaits(t *testing.T) {
	onBothTold(t, func(t *testing.T, s *toldSite) {
		p, q := nobody(1), nobody(1)
		q.mrn, q.noNumber = "M900001", true
		id := s.admit(q)
		ref := s.refer(as(care.Coordinator, kings), id).Referral.ID
		s.tell()
		s.must(s.PauseTelling(s.ctx(), as(care.Integration, system), "mosaic", "They upgrade"))
		s.hear("kmh", says{event: "A28", p: p})
		s.pass(time.Minute)
		s.hear("kmh", says{event: "A40", p: p, more: map[string]string{"MRG-1": q.mrn + "^^^RK5^MR"}})
		left := s.find(kings, p.mrn).ID
		s.pass(time.Minute)
		s.must(s.Withdraw(s.ctx(), as(care.Coordinator, kings), left, ref, "01", ""))
		s.tell()
		s.pass(time.Minute)
		s.must(s.Separate(s.ctx(), as(care.IGLead, kings), left, id, "the sender was wrong"))
		if len(s.read(id).Referrals) != 1 || len(s.read(left).Referrals) != 0 {
			t.Fatal("the referral did not go back")
		}
		s.must(s.ResumeTelling(s.ctx(), as(care.Integration, system), "mosaic", "Done"))
		s.tell()
		if got := s.council.kinds(); !slices.Contains(got, "withdraw") {
			t.Errorf("the council heard %v", got)
		}
		if got := s.lines(left); len(got) != 0 {
			t.Errorf("the other record says %v", got)
		}
		if got := s.lines(id); !slices.Contains(got, "Received by Mosaic: that the referral was withdrawn, reference 4471902") {
			t.Errorf("the record says %v", got)
		}
		s.verify()
	})
}
