package web

import (
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/store"
)

// A number that no one traced says so wherever it stands large: who writes it on
// a form must know. NHS NUMBER STATUS INDICATOR CODE 03 is "trace required".
func TestAnNHSNumberThatWasNotTracedSaysSo(t *testing.T) {
	s := newSite(t)
	s.hear()
	who := s.actor(care.Coordinator, kingsMill, care.Trust)
	for i, c := range []struct {
		trace care.Trace
		want  bool
	}{{"01", false}, {"", false}, {"03", true}, {"02", true}} {
		id := care.CaseID("trace" + string(rune('a'+i)))
		number := nhs.Test(30000 + i)
		s.admitted(id, care.Identified{At: evening, NHS: number, Trace: c.trace})
		said := number.Spaced() + " (not verified)"
		for _, tab := range []string{"", "?tab=identity"} {
			got := s.as("coordinator").get(casePath(id, tab))
			if got.status != 200 || strings.Contains(got.text(), said) != c.want || !strings.Contains(got.text(), number.Spaced()) {
				t.Errorf("trace %q at %q: %d: not verified is to be said: %v\n%s", c.trace, tab, got.status, c.want, got.text())
			}
		}
		if v, err := s.hub.Case(t.Context(), who, id); err != nil || v.Trace != c.trace {
			t.Errorf("trace %q is %q in the view: %v", c.trace, v.Trace, err)
		}
	}
	s.admitted("no-number")
	s.as("coordinator").get(casePath("no-number", "")).says("NHS No. Not known")
}

// admitted records somebody in bed in King's Mill.
func (s *site) admitted(id care.CaseID, more ...care.Event) {
	s.t.Helper()
	from := evening.Add(-48 * time.Hour)
	events := append([]care.Event{
		care.Started{At: from, ID: id},
		care.PersonTold{At: from, First: true, Person: care.Person{Family: "Ivory", Given: "Una", Born: born, Sex: "Female"}},
		care.Admitted{At: from, Stay: care.Stay{Visit: string(id), Org: kingsMill, Source: "kmh", Class: "I", Admitted: from, Where: care.Location{Ward: "W31", Bed: "9"}}},
	}, more...)
	s.must(s.store.Update(s.t.Context(), func(tx *store.Tx) error {
		_, err := tx.Record(care.Case{}, care.Cause{Kind: "system"}, s.clock(), events...)
		return err
	}))
}
