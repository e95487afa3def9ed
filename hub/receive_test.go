package hub

import (
	"context"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/store"
)

// A message that is longer than the limit leaves a record: its beginning, its
// length, and why it was refused.
func TestReceiveCut(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		p := nobody(1)
		head := s.bytes(kings, says{event: "A01", p: p, ward: "W12/1", visit: "V1", control: "LONG"})
		for range 2 { // a sender may try again
			s.acked(s.ReceiveCut(s.ctx(), "kmh", "test", head, 5_000_000, 1<<20), "AR")
		}
		s.acked(s.ReceiveCut(s.ctx(), "kmh", "test", []byte("no HL7"), 1<<20+1, 1<<20), "AR")
		s.readAll("kmh")
		ms := s.messages("kmh")
		if len(ms) != 2 || ms[1].Control != "LONG" || ms[1].State != store.MessageUnreadable || string(ms[1].Raw) != string(head) ||
			ms[1].Reason != "The message has 4883 KB and is larger than 1024 KB: only its beginning is kept" {
			t.Fatalf("kept %+v", ms)
		}
		x, err := s.ExplainMessage(s.ctx(), as(care.Integration, system), int64(ms[1].ID))
		s.must(err)
		if x.Hold != ms[1].Reason || len(x.Events) > 0 {
			t.Errorf("half a message is explained as %+v", x)
		}
		f, err := s.Feeds(s.ctx(), as(care.Integration, system))
		s.must(err)
		if f[0].Unreadable != 2 || !f[0].Source.Last.IsZero() {
			t.Errorf("the feed's page says %+v", f[0])
		}
	})
}

// AR says that a message was kept. What could not be kept is answered AE, or the
// connection is closed.
func TestNotKeptIsNeverAR(t *testing.T) {
	s := newSite(t, "sqlite")
	m := s.bytes(kings, says{event: "A01", p: nobody(1), ward: "W12/1", visit: "V1"})
	ctx, cancel := context.WithCancel(s.ctx())
	cancel()
	s.acked(s.Receive(ctx, "kmh", "test", m), "AE")
	s.acked(s.ReceiveCut(ctx, "kmh", "test", m, 5_000_000, 1<<20), "AE")
	junk := []byte("no HL7")
	if ack := s.Receive(ctx, "kmh", "test", junk); ack != nil {
		t.Errorf("garbage that was not kept is answered %q", ack)
	}
	if ack := s.ReceiveCut(ctx, "kmh", "test", junk, 5_000_000, 1<<20); ack != nil {
		t.Errorf("long garbage that was not kept is answered %q", ack)
	}
}

// Two numbers of one person, who was admitted under both: wherever the hospital
// says that they are, there they are, and on that ward's list.
func TestJoinedStaysAreInOnePlace(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		p, q := nobody(1), nobody(2)
		s.hear("kmh", says{event: "A01", p: p, ward: "W31/1", visit: "V80"})
		s.pass(time.Minute)
		s.hear("kmh", says{event: "A01", p: q, ward: "W31/2", visit: "V81"})
		s.pass(time.Minute)
		s.hear("kmh", says{event: "A40", p: p, more: map[string]string{"MRG-1": q.mrn + "^^^RK5^MR"}})
		s.pass(time.Minute)
		for _, visit := range []string{"V81", "V80"} {
			ward := "W" + strings.TrimPrefix(visit, "V")
			s.hear("kmh", says{event: "A02", p: p, ward: ward + "/7", visit: visit})
			c := s.find(kings, p.mrn)
			if c.Stay == nil || c.Stay.Where.Ward != ward {
				t.Errorf("moved to %s, and stands at %+v", ward, c.Stay)
			}
			s.view(func(tx *store.Tx) error {
				rows, _, err := tx.Rows(store.RowQuery{Hospital: kings, Ward: ward})
				if err == nil && (len(rows) != 1 || rows[0].Case != c.ID) {
					t.Errorf("%d people on %s", len(rows), ward)
				}
				return err
			})
			s.pass(time.Minute)
		}
	})
}
