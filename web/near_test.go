package web

import (
	"context"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/store"
)

// Somebody is in hospital without a number; a record is like theirs. A coordinator
// of that hospital compares the two, and nobody else sees either.
func TestWithoutANumber(t *testing.T) {
	s := newSite(t)
	unnumbered := func(id care.CaseID, family string, day int) care.CaseID {
		from := evening.Add(-2 * time.Hour)
		s.must(s.store.Update(context.Background(), func(tx *store.Tx) error {
			_, err := tx.Record(care.Case{}, care.Cause{Kind: "system"}, s.clock(), care.Started{At: from, ID: id},
				care.Identified{At: from, IDs: []care.Identifier{{System: "mrn:RK5", Value: "N" + string(id)}}},
				care.PersonTold{At: from, First: true, Person: care.Person{Family: family, Given: "Barbara", Born: nhs.Date{Year: 1941, Month: 3, Day: day}, Source: "kmh", AsAt: from}},
				care.Admitted{At: from, Stay: care.Stay{Visit: "v-" + string(id), Org: kingsMill, Source: "kmh", Class: "E", Admitted: from, Where: care.Location{Ward: "ED", Name: "A&E"}}})
			return err
		}))
		return id
	}
	one := unnumbered("one-case", "Oakly", 14)
	two := unnumbered("two-case", "Oakley", 15)
	r := s.as("coordinator")
	list := r.get("/identity")
	list.says("In hospital without an NHS number", "OAKLY, Barbara", "Family name: one letter", "Date of birth: one digit")
	for _, login := range []string{"coordinator-rx1", "team-manager"} {
		if p := s.as(login).get("/identity"); strings.Contains(p.text(), "OAKLY") || strings.Contains(p.text(), "without an NHS number") {
			t.Errorf("%s is told of them", login)
		}
		if p := s.as(login).get(pairPath("near", s.barbara, one)); p.status != 404 {
			t.Errorf("%s compares them: %d", login, p.status)
		}
		if p := s.as(login).post("/identity/near", "survivor", string(s.barbara), "retired", string(two), "same", "no", "why", "I say so"); p.status != 403 {
			t.Errorf("%s decides: %d", login, p.status)
		}
	}
	page := r.get(pairPath("near", s.barbara, one))
	page.says("Is this one person or two?")
	if p := r.submit(page, "/identity/near", "same", "", "why", ""); p.status != 422 {
		t.Errorf("nothing chosen: %d", p.status)
	}
	refused := r.submit(page, "/identity/near", "same", "yes", "why", "Rang the ward")
	refused.says("in different beds", "Rang the ward")
	if p := r.submit(page, "/identity/near", "same", "yes", "why", "Rang the ward", "confirm", "place"); p.status != 303 {
		t.Fatalf("%d %s", p.status, p.text())
	}
	if s.caseOf(one).JoinedTo != s.barbara {
		t.Error("not joined")
	}
	page = r.get(pairPath("near", s.barbara, two))
	if p := r.submit(page, "/identity/near", "same", "no", "why", "Her niece"); p.status != 303 {
		t.Fatalf("%d %s", p.status, p.text())
	}
	if p := r.get(pairPath("near", s.barbara, two)); p.status != 404 {
		t.Errorf("compared again: %d", p.status)
	}
	if s.caseOf(two).JoinedTo != "" {
		t.Error("joined all the same")
	}
}

// Whose number is not verified stands on the list of their own hospital's stewards.
func TestNumbersThatAreNotVerified(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.record(s.barbara, care.Identified{At: evening, NHS: number("barbara"), Trace: "02"})
	s.as("coordinator").get("/identity").says("In hospital with an NHS number that is not verified", "OAKLEY, Barbara", "Present, not traced", "Your hospital’s coordinators")
	if p := s.as("coordinator-rx1").get("/identity"); strings.Contains(p.text(), "not verified") {
		t.Error("another hospital is told")
	}
}
