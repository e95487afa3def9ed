package store

import (
	"testing"
	"time"

	"homeward/care"
	"homeward/nhs"
)

func TestPDSAnswers(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		asked := day.Add(time.Hour)
		update(t, s, func(tx *Tx) error {
			if _, err := tx.PDSAnswer("c1"); !IsNone(err) {
				t.Errorf("an answer that nobody gave: %v", err)
			}
			for _, doc := range []string{`{"state":"not-found"}`, `{"state":"found"}`} {
				if err := tx.PutPDSAnswer(PDSAnswer{"c1", asked, []byte(doc)}); err != nil {
					return err
				}
			}
			return nil
		})
		view(t, s, func(tx *Tx) error {
			a, err := tx.PDSAnswer("c1")
			if err != nil || string(a.Doc) != `{"state":"found"}` || !a.Asked.Equal(asked) {
				t.Errorf("%s at %s: %v", a.Doc, a.Asked, err)
			}
			return nil
		})
	})
}

// Those who were never asked about come first, then the longest ago; who has no
// open referral, or is in question, does not come at all.
func TestPDSDue(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		update(t, s, func(tx *Tx) error {
			for i, id := range []care.CaseID{"fresh", "long", "longest", "never", "unreferred"} {
				events := []care.Event{care.Started{At: day, ID: id}, care.Identified{At: day, NHS: nhs.Test(900 + i)}}
				if id != "unreferred" {
					events = append(events, care.ReferralSent{At: day, Referral: care.Referral{ID: care.ReferralID("r" + id), From: "RK5", To: "511", State: care.RefSent}})
				}
				if _, err := tx.Record(care.Case{}, care.Cause{Kind: "test"}, day, events...); err != nil {
					return err
				}
			}
			for id, at := range map[care.CaseID]time.Time{"fresh": day.Add(10 * time.Hour), "long": day.Add(2 * time.Hour), "longest": day.Add(time.Hour), "unreferred": day} {
				if err := tx.PutPDSAnswer(PDSAnswer{id, at, []byte("{}")}); err != nil {
					return err
				}
			}
			return nil
		})
		view(t, s, func(tx *Tx) error {
			ids, err := tx.PDSDue(day.Add(5*time.Hour), 10)
			if err != nil || len(ids) != 3 || ids[0] != "never" || ids[1] != "longest" || ids[2] != "long" {
				t.Errorf("%v %v", ids, err)
			}
			if ids, err = tx.PDSDue(day.Add(5*time.Hour), 1); err != nil || len(ids) != 1 {
				t.Errorf("%v %v", ids, err)
			}
			return nil
		})
	})
}
