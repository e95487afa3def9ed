package hub

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/policy"
	"homeward/store"
)

// Unnumbered is somebody who is in the reader's hospital without an NHS number, and
// the records that may be of the same person. Only records that the reader may
// settle are among them: of a record of another organisation nothing is said here,
// not even that there is one. When its number is known, it comes up as a question.
type Unnumbered struct {
	Card  PersonCard
	Since time.Time // in hospital
	Near  []NearMatch
}

// NearMatch is a record that may be of the same person. Joining the two, and saying
// that they are two people, is for a person.
type NearMatch struct {
	Card    PersonCard
	Differs []string     // what is not quite the same
	Ticks   []Difference // what must be ticked to join the two
	score   int
}

// The most rows that are compared, people listed and matches shown of each.
const nearRead, nearPeople, nearShown = 2000, 50, 5

// recordDistinct is that a steward has said of two records that they are of two
// people.
const recordDistinct = "distinct"

func distinctID(a, b care.CaseID) string { return string(min(a, b)) + " " + string(max(a, b)) }

// WithoutNumber lists who is in the reader's hospital without an NHS number, the
// longest first. It is for stewards of a hospital; for others the list is empty.
func (h *Hub) WithoutNumber(ctx context.Context, by care.Actor) ([]Unnumbered, error) {
	var out []Unnumbered
	err := h.stewarding(ctx, by, "people without an NHS number", func(tx *store.Tx, now time.Time) error {
		out = nil
		if by.OrgKind != care.Trust {
			return nil
		}
		rows, _, err := tx.Rows(store.RowQuery{Trust: by.Org, PerPage: nearRead})
		if err != nil {
			return err
		}
		for _, r := range rows {
			if !r.NHS.IsZero() || !r.InBed || r.Hospital != by.Org || len(out) == nearPeople {
				continue
			}
			u, ok, err := h.unnumbered(tx, by, r, rows, now)
			if err != nil {
				return err
			}
			if ok {
				out = append(out, u)
			}
		}
		slices.SortFunc(out, func(a, b Unnumbered) int { return a.Since.Compare(b.Since) })
		return nil
	})
	return out, err
}

// Unverified is somebody in the reader's hospital whose NHS number is believed and was
// not traced and agreed with the Personal Demographics Service.
type Unverified struct {
	Card  PersonCard
	Since time.Time // in hospital
	Trace care.Trace
}

// NotVerified lists who is in the reader's hospital with an NHS number that is not
// verified, the longest first; more is that there are more than it lists. It is for
// stewards of a hospital; for others the list is empty. Each that is shown is audited.
func (h *Hub) NotVerified(ctx context.Context, by care.Actor) (out []Unverified, more bool, err error) {
	err = h.stewarding(ctx, by, "people whose NHS number is not verified", func(tx *store.Tx, now time.Time) error {
		out, more = nil, false
		if by.OrgKind != care.Trust {
			return nil
		}
		rows, _, err := tx.Rows(store.RowQuery{Trust: by.Org, PerPage: nearRead})
		if err != nil {
			return err
		}
		var ids []care.CaseID
		for _, r := range rows {
			if !r.NHS.IsZero() && r.InBed && r.Hospital == by.Org {
				ids = append(ids, r.Case)
			}
		}
		cases, err := tx.Cases(ids)
		if err != nil {
			return err
		}
		cases = slices.DeleteFunc(cases, func(c care.Case) bool {
			return c.Stay == nil || c.Stay.Org != by.Org || c.NHS.IsZero() || c.Trace == "" || c.Trace.Verified() || c.JoinedTo != ""
		})
		slices.SortFunc(cases, func(a, b care.Case) int { return a.Stay.Admitted.Compare(b.Stay.Admitted) })
		for _, c := range cases {
			if len(out) == nearPeople {
				more = true
				break
			}
			u := Unverified{Since: c.Stay.Admitted, Trace: c.Trace}
			if a := h.card(by, c, now, &u.Card); a != nil {
				if err := a.shown(tx); err != nil {
					return err
				}
				out = append(out, u)
			}
		}
		return nil
	})
	return out, more, err
}

func (h *Hub) unnumbered(tx *store.Tx, by care.Actor, r care.Row, rows []care.Row, now time.Time) (u Unnumbered, ok bool, err error) {
	c, err := tx.Case(r.Case)
	if err != nil {
		return u, false, err
	}
	since, yes := care.Unnumbered(c)
	a := h.card(by, c, now, &u.Card)
	if !yes || a == nil {
		return u, false, nil
	}
	u.Since = since
	ids, err := tx.FindPerson(c.Person.Family, c.Person.Born, c.Person.Address.Postcode)
	if err != nil {
		return u, false, err
	}
	for _, o := range rows { // what a list knows of a person is enough to leave most out
		if _, near := care.Near(c, care.Case{ID: o.Case, Person: withPostcode(o.Person, c), NHS: o.NHS}); near && !slices.Contains(ids, o.Case) {
			ids = append(ids, o.Case)
		}
	}
	for _, id := range ids {
		m, ok, err := h.nearMatch(tx, by, c, id, now)
		if err != nil {
			return u, false, err
		}
		if ok {
			u.Near = append(u.Near, m)
		}
	}
	slices.SortFunc(u.Near, func(a, b NearMatch) int {
		return cmp.Or(b.score-a.score, strings.Compare(string(a.Card.ID), string(b.Card.ID)))
	})
	u.Near = u.Near[:min(len(u.Near), nearShown)]
	return u, true, a.shown(tx)
}

// withPostcode is a person of a list, as if they lived where c does: lists have no
// addresses.
func withPostcode(p care.Person, c care.Case) care.Person {
	p.Address.Postcode = c.Person.Address.Postcode
	return p
}

// nearMatch is a record as a match of c; false when it is none, or not this
// reader's to know.
func (h *Hub) nearMatch(tx *store.Tx, by care.Actor, c care.Case, id care.CaseID, now time.Time) (m NearMatch, ok bool, err error) {
	o, err := tx.Case(id)
	if err != nil {
		return m, false, err
	}
	n, near := care.Near(c, o)
	if !near {
		return m, false, nil
	}
	if _, err := tx.Kept(recordDistinct, string(by.Org), distinctID(c.ID, o.ID)); !store.IsNone(err) {
		return m, false, err
	}
	a := h.card(by, o, now, &m.Card)
	if a == nil {
		return m, false, nil
	}
	m.Differs, m.Ticks, m.score = n.Differs, differences(c, o), n.Score
	return m, true, a.shown(tx)
}

// distinctDoc is what is kept of that.
type distinctDoc struct {
	By  care.Who
	Why string
}

// Distinct says that two records that are alike are of two people. It changes
// neither; they are not offered as one again to this organisation. Whoever says so
// must be one who may settle both.
func (h *Hub) Distinct(ctx context.Context, by care.Actor, id, other care.CaseID, why string) error {
	if strings.TrimSpace(why) == "" {
		return &care.Error{Kind: care.Required, Field: "why", Text: "Enter how you know"}
	}
	return h.update(ctx, func(tx *store.Tx) error {
		p, err := h.pair(tx, by, id, other, why)
		if err != nil {
			return err
		}
		for _, a := range []*asking{p.forSurvivor, p.forRetired} {
			if !a.may[policy.Steward] {
				return a.refuse(tx)
			}
		}
		if err := p.audit(tx, "two people"); err != nil {
			return err
		}
		_, err = tx.PutRecord(store.Record{Kind: recordDistinct, Org: string(by.Org), ID: distinctID(id, other), Case: id, At: p.now, Doc: store.ToDoc(distinctDoc{by.Who(), why})})
		return err
	})
}
