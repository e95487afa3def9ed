package hub

import (
	"fmt"
	"testing"

	"homeward/care"
	"homeward/internal/pgtest"
	"homeward/store"
)

// BenchmarkTell is how long one piece of news takes from its job to its
// settlement, with a far side that answers at once: claim, read, make, keep, send,
// settle.
func BenchmarkTell(b *testing.B) {
	for _, engine := range pgtest.Engines() {
		b.Run(engine, func(b *testing.B) {
			e := &ear{}
			s := &toldSite{council: e, epr: &ear{}}
			s.site = newSite(b, engine, func(c *Config, _ *store.Config) { c.Tellings = s.tellings() })
			s.accounts()
			s.must(s.beginTelling(s.ctx()))
			id := s.admit(nobody(1))
			ref := s.refer(as(care.Coordinator, kings), id).Referral.ID
			s.tell()
			for part := range 1 + b.N/200 {
				s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
					for i := range 200 {
						if err := tx.EnqueueTold(store.Tellings{Payload: fmt.Sprintf(`{"seq":1,"kind":"update","referral":%q}`, ref), Delivery: store.Delivery{
							Destination: "mosaic", Case: id, Referral: ref, Kind: "update", Key: fmt.Sprint(part, "-", i)}}); err != nil {
							return err
						}
					}
					return nil
				}))
			}
			b.ResetTimer()
			for range b.N {
				t, _, _, err := s.nextTurn(s.ctx(), s.Tellings[0], "bench")
				s.must(err)
				s.must(s.takeTurn(s.ctx(), s.Tellings[0], t))
			}
		})
	}
}
