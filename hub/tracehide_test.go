package hub

import (
	"testing"

	"homeward/care"
	"homeward/sim/pds"
)

// TestARestrictedNumberHidesWhoeverItIs holds that where somebody lives is hidden
// as soon as PDS restricts the number, although the name differs or a steward has
// still to settle who it is.
func TestARestrictedNumberHidesWhoeverItIs(t *testing.T) {
	onBothWithPDS(t, func(t *testing.T, s *site, d *pds.Service) {
		p := nobody(1)
		id := s.admit(p)
		d.Put(knownToPDS(p, func(r *pds.Record) { r.Family, r.Given, r.Restricted = "Otherwise", "Anna", true }))
		v := s.trace(as(care.Coordinator, kings), id)
		if c := s.read(id); !c.Sensitive || c.Doubt == nil || v.Verified {
			t.Errorf("sensitive %t, doubt %v: %s", c.Sensitive, c.Doubt, said(v))
		}
	})
}

// TestOneWhomPDSCannotTellOfHoldsUpNobody checks people again of whom one has an
// answer that cannot be read.
func TestOneWhomPDSCannotTellOfHoldsUpNobody(t *testing.T) {
	onBothWithPDS(t, func(t *testing.T, s *site, d *pds.Service) {
		for i := range 3 {
			p := nobody(i + 1)
			s.refer(as(care.Coordinator, kings), s.admit(p))
			d.Put(knownToPDS(p))
		}
		d.Set(pds.Strange)
		if n, err := s.Recheck(s.ctx()); n != 0 || err == nil || d.Asked("read") != 3 {
			t.Errorf("%d %v, asked %d times", n, err, d.Asked("read"))
		}
		d.Set(pds.Denied)
		before := d.Asked("read")
		if _, err := s.Recheck(s.ctx()); err == nil || d.Asked("read") > before+1 {
			t.Errorf("who is not let in asked %d times: %v", d.Asked("read")-before, err)
		}
	})
}
