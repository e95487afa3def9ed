package hub

import (
	"slices"
	"testing"
)

func TestAdmission(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		id := s.admit(nobody(1))
		if got := s.history(id); !slices.Contains(got, "Admitted") {
			t.Fatal(got)
		}
		s.imported(notts, "full", held{id: "10001", p: nobody(1), packages: []string{pack("P1", "HS", "active")}})
		r := s.refer(as("coordinator", kings), id)
		if r.To.ODS != notts {
			t.Fatal(r)
		}
	})
}
