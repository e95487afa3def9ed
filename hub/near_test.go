package hub

import (
	"testing"

	"homeward/care"
	"homeward/nhs"
)

// Somebody without an NHS number, whose postcode is of no council that is known, is
// referred, sent to a council by hand, and accepted there.
func TestReferredWithoutANumber(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		ward, boss := as(care.Coordinator, kings), as(care.TeamManager, notts)
		p := nobody(1)
		p.nhs, p.trace, p.post = nhs.Number{}, "", "ZZ99 9ZZ"
		id := s.admit(p)
		r := s.refer(ward, id).Referral
		if r.To != "" || r.Holder.Org != kings {
			t.Fatalf("sent to %q, with %+v", r.To, r.Holder)
		}
		if out, err := s.WithoutNumber(s.ctx(), ward); err != nil || len(out) != 1 || out[0].Card.ID != id {
			t.Errorf("without a number: %+v, %v", out, err)
		}
		s.must(s.Route(s.ctx(), ward, id, r.ID, notts))
		s.must(s.Accept(s.ctx(), boss, id, r.ID))
		if c := s.read(id); !c.NHS.IsZero() || c.Referrals[0].To != notts || c.Referrals[0].Accepted.IsZero() {
			t.Errorf("%+v", c.Referrals[0])
		}
	})
}
