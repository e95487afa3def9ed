package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// Question is one question of identity that a person must answer.
type Question struct {
	Kind  care.DoubtKind
	Since time.Time
	A, B  PersonCard // B is empty when only one record is in question, or Theirs
	// Theirs is that there is another record, which is not this reader's to see.
	// Owners are the organisations that may settle it; none where even that must
	// not be told.
	Theirs bool
	Owners []care.Org
	Other  care.CaseID // their record's handle
	// Agreed is that this reader's side has said that both are the same person,
	// TheyAgreed that the other side has. When both have, the two are joined.
	Agreed, TheyAgreed bool
	Differs            []Difference // what speaks against joining A and B
}

// PersonCard is what a steward needs to tell people apart.
type PersonCard struct {
	ID         care.CaseID
	Version    int
	Person     care.Person       // without the address where Sensitive
	NHS        string            // spaced; "" not known
	Said       string            // the number that was said and not believed
	IDs        []care.Identifier // only those that the reader's own organisation gave
	Sensitive  bool
	Frozen     bool   // the record itself is in question
	WhereShown bool   // this reader may know where the person is
	Where      string // "" with WhereShown: not in hospital
}

// A Difference is something that makes it unlikely that two records are of one
// person.
type Difference string

// The differences that somebody must have seen before they join two records.
const (
	DifferBorn   Difference = "born"   // both dates of birth are known, and are not the same
	DifferNumber Difference = "number" // each has an NHS number of its own
	DifferPlace  Difference = "place"  // both are in hospital now, and not in the same bed
)

// Say puts the difference into a sentence without its full stop.
func (d Difference) Say() string {
	switch d {
	case DifferBorn:
		return "The dates of birth differ"
	case DifferNumber:
		return "Each record has an NHS number of its own"
	case DifferPlace:
		return "Both are in hospital now, in different beds"
	}
	return string(d)
}

// differences are what speaks against two records being of one person.
func differences(a, b care.Case) []Difference {
	var out []Difference
	if !a.Person.Born.IsZero() && !b.Person.Born.IsZero() && a.Person.Born != b.Person.Born {
		out = append(out, DifferBorn)
	}
	if !a.NHS.IsZero() && !b.NHS.IsZero() && a.NHS != b.NHS {
		out = append(out, DifferNumber)
	}
	if a.Stay != nil && b.Stay != nil {
		x, y := a.Stay.Where, b.Stay.Where
		if a.Stay.Org != b.Stay.Org || x.Ward != y.Ward || x.Bay != y.Bay || x.Bed != y.Bed {
			out = append(out, DifferPlace)
		}
	}
	return out
}

// The most frozen records that are looked through, and the most questions that
// are shown at once.
const doubtedRead, questionsShown = 1000, 200

// Steward refuses whoever may not settle who is who for any record at all.
func (h *Hub) Steward(ctx context.Context, by care.Actor) error {
	return h.stewarding(ctx, by, "who is who", func(*store.Tx, time.Time) error { return nil })
}

// stewarding runs f for somebody who may settle identities, and audits the use
// case as what.
func (h *Hub) stewarding(ctx context.Context, by care.Actor, what string, f func(tx *store.Tx, now time.Time) error) error {
	now := h.now()
	return h.update(ctx, func(tx *store.Tx) error {
		a := h.ask(by, policy.Steward, nil, policy.Operations, "", now)
		if !a.allowed(policy.Steward) {
			return a.refuse(tx)
		}
		err := f(tx, now)
		var told committed
		switch {
		case errors.As(err, &told): // asked, and not shown: the try is kept
			a.record.Sections = nil
			if err := a.audit(tx, false, what+": "+string(told.err.Kind)); err != nil {
				return err
			}
			return err
		case err != nil:
			return err
		}
		return a.audit(tx, true, what)
	})
}

// Questions lists the questions about records that this reader may settle, the
// oldest first. Each record that is shown is audited by itself.
func (h *Hub) Questions(ctx context.Context, by care.Actor) ([]Question, error) {
	var out []Question
	err := h.stewarding(ctx, by, "questions of identity", func(tx *store.Tx, now time.Time) error {
		out = nil
		ids, err := tx.Doubted(doubtedRead)
		if err != nil {
			return err
		}
		if _, err := tx.Cases(ids); err != nil { // all at once
			return err
		}
		seen := map[care.CaseID]bool{}
		for _, id := range ids {
			if seen[id] || len(out) == questionsShown {
				continue
			}
			c, o, err := h.sides(tx, id)
			if err != nil {
				return err
			}
			q, ok, err := h.question(tx, by, c, o, now)
			if err != nil {
				return err
			}
			if ok {
				out = append(out, q)
			}
			seen[c.ID] = true
			if o.Doubt != nil && o.Doubt.Other == c.ID { // the same question, asked of the other record
				seen[o.ID] = true
			}
		}
		return nil
	})
	return out, err
}

// Question is the question about a record, and about another where that is
// named. When it is not asked, or not of this reader, it is not found.
func (h *Hub) Question(ctx context.Context, by care.Actor, id, other care.CaseID) (Question, error) {
	var out Question
	err := h.stewarding(ctx, by, "a question of identity", func(tx *store.Tx, now time.Time) error {
		for _, id := range []care.CaseID{id, other} {
			if id == "" {
				continue
			}
			c, o, err := h.sides(tx, id)
			if care.KindOf(err) == care.NotFound {
				continue
			}
			if err != nil {
				return err
			}
			if c.Doubt == nil || other != "" && !pairOf(c, o, id, other) {
				continue
			}
			q, ok, err := h.question(tx, by, c, o, now)
			if err != nil {
				return err
			}
			if ok {
				out = q
				return nil
			}
		}
		return committed{&care.Error{Kind: care.NotFound, Text: "This question is not asked any more. Somebody may have settled it"}}
	})
	return out, err
}

// sides are a record and the other one of its question; the other is empty when
// only one record is in question.
func (h *Hub) sides(tx *store.Tx, id care.CaseID) (c, o care.Case, err error) {
	if c, err = tx.Case(id); err != nil || c.Doubt == nil || c.Doubt.Other == "" {
		return c, care.Case{}, err
	}
	if o, err = h.living(tx, c.Doubt.Other); err != nil || o.ID == c.ID {
		return c, care.Case{}, err
	}
	return c, o, nil
}

// pairOf reports whether the two sides of a question are these two records.
func pairOf(c, o care.Case, id, other care.CaseID) bool {
	return c.ID == id && o.ID == other || c.ID == other && o.ID == id
}

// question is the question of c, and of o where two records are in question, as
// far as this reader may settle either; false: it is none of theirs. Of a record
// that is not theirs it tells whom to ask, and nothing else. What is shown of
// each record is audited.
func (h *Hub) question(tx *store.Tx, by care.Actor, c, o care.Case, now time.Time) (q Question, asked bool, err error) {
	if c.Doubt == nil {
		return q, false, nil
	}
	q = Question{Kind: c.Doubt.Kind, Since: c.Doubt.Since}
	forC := h.card(by, c, now, &q.A)
	if o.ID == "" {
		return q, forC != nil, forC.shown(tx)
	}
	forO := h.card(by, o, now, &q.B)
	mine, theirs := c, o
	switch {
	case forC == nil && forO == nil:
		return q, false, nil
	case forC != nil && forO != nil:
		q.Differs = differences(c, o)
		return q, true, errors.Join(forC.shown(tx), forO.shown(tx))
	case forO != nil:
		mine, theirs, q.A, q.B = o, c, q.B, PersonCard{}
	}
	if q.Owners = h.owners(theirs, now); len(q.Owners) > 0 { // else, to this reader, that record does not exist
		q.Theirs, q.Other, q.Differs = true, theirs.ID, differences(mine, theirs)
		if q.Agreed, err = agreed(tx, mine, theirs, now); err != nil {
			return q, false, err
		}
		if q.TheyAgreed, err = agreed(tx, theirs, mine, now); err != nil {
			return q, false, err
		}
	}
	if mine.Doubt == nil && !q.TheyAgreed { // answered on this side
		return q, false, nil
	}
	return q, true, errors.Join(forC.shown(tx), forO.shown(tx))
}

// shown audits that a card was shown; nil: none was.
func (a *asking) shown(tx *store.Tx) error {
	if a == nil {
		return nil
	}
	return a.audit(tx, true, "shown")
}

// card fills in what a steward may see of a record, and gives what is to be
// audited of it; nil: nothing. Where somebody is is a section of its own, which
// not every steward sees, and never of a stay in another trust.
func (h *Hub) card(by care.Actor, c care.Case, now time.Time, p *PersonCard) *asking {
	a := h.ask(by, policy.Steward, &c, policy.Operations, "", now)
	if !a.allowed(policy.Steward) {
		return nil
	}
	a.decide(policy.SeeWhereabouts)
	*p = PersonCard{ID: c.ID, Version: c.Version, Person: c.Person, NHS: c.NHS.Spaced(), Sensitive: c.Sensitive, Frozen: c.Doubt != nil}
	if c.Sensitive {
		p.Person.Address = care.Address{}
	}
	if c.Doubt != nil {
		p.Said = c.Doubt.Said.Spaced()
	}
	for _, id := range c.IDs { // another's number tells who else knows the person
		if _, org, _ := strings.Cut(id.System, ":"); org == string(by.Org) {
			p.IDs = append(p.IDs, id)
		}
	}
	p.WhereShown = a.may[policy.SeeWhereabouts] && (c.Stay == nil || by.OrgKind != care.Trust || c.Stay.Org == by.Org)
	if c.Stay != nil && p.WhereShown {
		p.Where = h.Org(c.Stay.Org).Name + ", " + c.Stay.Where.Say()
	}
	a.record.Action, a.record.Sections = "identityCard", []string{string(policy.SeeDemographics)}
	if p.WhereShown {
		a.record.Sections = append(a.record.Sections, string(policy.SeeWhereabouts))
	}
	return a
}

// owners are the organisations that may settle a record: the hospitals, or the
// councils where there are none. Nobody is told who keeps a sensitive person's
// record, nor that a council keeps one that it restricts.
func (h *Hub) owners(c care.Case, now time.Time) []care.Org {
	f := h.facts(c, now)
	if f.Restricted {
		return nil
	}
	of := func(kind care.OrgKind, lists ...[]string) (out []care.Org) {
		for _, ods := range slices.Concat(lists...) {
			o := h.Org(nhs.ODS(ods))
			if o.Kind == kind && !slices.Contains(out, o) {
				out = append(out, o)
			}
		}
		return out
	}
	if trusts := of(care.Trust, f.Hospitals, f.NumberedBy, f.ReferredBy); len(trusts) > 0 || f.CouncilRestricted {
		return trusts
	}
	return of(care.Council, f.Councils, f.NumberedBy, f.ReferredTo)
}

// Settle answers the question of one record: its number is right ("keep"), is
// another person's ("drop"), or the one that was said instead is right ("take").
func (h *Hub) Settle(ctx context.Context, by care.Actor, id care.CaseID, number, why string) error {
	if strings.TrimSpace(why) == "" {
		return &care.Error{Kind: care.Required, Field: "why", Text: "Enter how you know"}
	}
	switch number {
	case "keep", "drop":
		_, err := h.do(ctx, by, id, policy.Steward, "", care.Settle{Drop: number == "drop", Why: why})
		return err
	case "take":
		return h.settleTaking(ctx, by, id, why)
	}
	return &care.Error{Kind: care.Required, Field: "number", Text: "Select whether the NHS number is this person's"}
}

// settleTaking gives a record the number that was said and not believed, unless
// another record has it.
func (h *Hub) settleTaking(ctx context.Context, by care.Actor, id care.CaseID, why string) error {
	return h.update(ctx, func(tx *store.Tx) error {
		c, err := tx.Case(id)
		if err != nil {
			return err
		}
		if c.Doubt == nil || c.Doubt.Said.IsZero() {
			return &care.Error{Kind: care.BusinessRule, Text: "No other number was given for this record"}
		}
		owners, err := tx.FindNHS(c.Doubt.Said)
		if err != nil {
			return err
		}
		if len(owners) > 0 && (len(owners) > 1 || owners[0] != id) {
			return &care.Error{Kind: care.BusinessRule, Text: "Another record has that number. Settle the two records together"}
		}
		_, err = h.command(tx, by, id, policy.Steward, "", care.Settle{Number: c.Doubt.Said, Why: why})
		return err
	})
}

// Join merges retired into survivor; Separate reverses it. seen are the
// differences that the reader has seen: a join that others speak against is
// refused. Somebody who may settle only one of two records that are in question
// together agrees for that one, and joined is false; the two are joined when a
// steward of the other one asks for it as well.
func (h *Hub) Join(ctx context.Context, by care.Actor, survivor, retired care.CaseID, why string, seen ...Difference) (joined bool, err error) {
	if strings.TrimSpace(why) == "" {
		return false, &care.Error{Kind: care.Required, Field: "why", Text: "Enter how you know"}
	}
	err = h.update(ctx, func(tx *store.Tx) error {
		joined = false
		p, err := h.pair(tx, by, survivor, retired, why)
		if err != nil {
			return err
		}
		mine, theirs, err := p.join(tx)
		if err != nil {
			return err
		}
		s, r := p.survivor, p.retired
		if s.JoinedTo != "" || r.JoinedTo != "" || s.ID == r.ID {
			return &care.Error{Kind: care.Conflict, Text: "These records are joined already"}
		}
		for _, d := range differences(s, r) {
			if !slices.Contains(seen, d) {
				return &care.Error{Kind: care.BusinessRule, Field: "confirm", Text: d.Say() + ". Tick the box if you have checked that it is one person all the same"}
			}
		}
		if theirs.ID != "" {
			return p.agree(tx, mine, theirs)
		}
		forS, forR := care.Join(s, r, p.now)
		if s.Doubt != nil && s.Doubt.Other == r.ID { // another question stays open
			forS = append(forS, care.Settled{At: p.now, By: by.Who(), Why: why})
		}
		if err := p.audit(tx, "join"); err != nil {
			return err
		}
		joined = true
		// The retired one gives its keys up before the survivor takes them.
		return errors.Join(p.record(tx, r, forR), p.record(tx, s, forS))
	})
	return joined, err
}

// Separate takes a merged record out again, as it stands by now. It is for
// whoever may settle the survivor, which has all that came from the other.
func (h *Hub) Separate(ctx context.Context, by care.Actor, survivor, retired care.CaseID, why string) error {
	if strings.TrimSpace(why) == "" {
		return &care.Error{Kind: care.Required, Field: "why", Text: "Enter how you know"}
	}
	return h.update(ctx, func(tx *store.Tx) error {
		p, err := h.pair(tx, by, survivor, retired, why)
		if err != nil {
			return err
		}
		if !p.forSurvivor.may[policy.Steward] {
			return p.forSurvivor.refuse(tx)
		}
		if p.retired.JoinedTo != p.survivor.ID {
			return &care.Error{Kind: care.Conflict, Text: "These records are not joined"}
		}
		if err := p.audit(tx, "separate"); err != nil {
			return err
		}
		forS, forR := care.Separate(p.survivor, p.retired, by.Who(), why, p.now)
		return errors.Join(p.record(tx, p.survivor, forS), p.record(tx, p.retired, forR))
	})
}

// pairing is a use case on two records, decided for each.
type pairing struct {
	h                       *Hub
	by                      care.Actor
	now                     time.Time
	survivor, retired       care.Case
	forSurvivor, forRetired *asking
}

func (h *Hub) pair(tx *store.Tx, by care.Actor, survivor, retired care.CaseID, why string) (p pairing, err error) {
	p.h, p.by, p.now = h, by, h.now()
	if p.survivor, err = tx.Case(survivor); err != nil {
		return p, err
	}
	if p.retired, err = tx.Case(retired); err != nil {
		return p, err
	}
	p.forSurvivor = h.ask(by, policy.Steward, &p.survivor, policy.Operations, why, p.now)
	p.forRetired = h.ask(by, policy.Steward, &p.retired, policy.Operations, why, p.now)
	p.forSurvivor.decide(policy.Steward)
	p.forRetired.decide(policy.Steward)
	return p, nil
}

// join refuses whoever may not have the two joined. theirs is empty where this
// actor may decide for both, or a steward of the other has agreed; else it is
// the record whose steward must agree as well.
func (p pairing) join(tx *store.Tx) (mine, theirs care.Case, err error) {
	s, r := p.survivor, p.retired
	maySettleS, maySettleR := p.forSurvivor.may[policy.Steward], p.forRetired.may[policy.Steward]
	inQuestion := s.Doubt != nil && s.Doubt.Other == r.ID || r.Doubt != nil && r.Doubt.Other == s.ID
	switch {
	case maySettleS && maySettleR:
		return s, care.Case{}, nil
	case maySettleS && inQuestion:
		mine, theirs = s, r
	case maySettleR && inQuestion:
		mine, theirs = r, s
	case maySettleS:
		return mine, theirs, p.forRetired.refuse(tx)
	default:
		return mine, theirs, p.forSurvivor.refuse(tx)
	}
	if len(p.h.owners(theirs, p.now)) == 0 { // to this reader, that record does not exist
		return mine, theirs, p.forSurvivor.refuse(tx)
	}
	if yes, err := agreed(tx, theirs, mine, p.now); err != nil || !yes {
		return mine, theirs, err
	}
	return mine, care.Case{}, nil
}

// audit writes a row for each record.
func (p pairing) audit(tx *store.Tx, what string) error {
	return errors.Join(p.forRetired.audit(tx, true, what), p.forSurvivor.audit(tx, true, what))
}

func (p pairing) record(tx *store.Tx, c care.Case, events []care.Event) error {
	_, err := tx.Record(c, care.Cause{Kind: "person", By: p.by.Who()}, p.now, events...)
	return err
}

// agree notes that a steward of mine says that it is of the same person as theirs.
func (p pairing) agree(tx *store.Tx, mine, theirs care.Case) error {
	a := p.forSurvivor
	if mine.ID == p.retired.ID {
		a = p.forRetired
	}
	if err := tx.PutSetting(agreementName(mine, theirs), agreementOn(mine)+" "+p.now.UTC().Format(time.RFC3339)); err != nil {
		return err
	}
	return a.audit(tx, true, "agreed to join")
}

// agreementLasts is how long the agreement to a join waits for the other side.
const agreementLasts = 30 * 24 * time.Hour

func agreementName(c, other care.Case) string { return "join-" + string(c.ID) + "-" + string(other.ID) }

// agreementOn names the question that was agreed about: once that is settled,
// what was agreed counts for nothing.
func agreementOn(c care.Case) string {
	if c.Doubt == nil {
		return "none"
	}
	return c.Doubt.Since.UTC().Format(time.RFC3339Nano)
}

// agreed reports whether a steward of c has said that it is of the same person
// as the other record, in the question that is still asked.
func agreed(tx *store.Tx, c, other care.Case, now time.Time) (bool, error) {
	value, err := tx.Setting(agreementName(c, other))
	if err != nil || value == "" {
		return false, err
	}
	on, at, _ := strings.Cut(value, " ")
	when, err := time.Parse(time.RFC3339, at)
	if err != nil {
		return false, fmt.Errorf("reading what was agreed about two records: %w", err)
	}
	return on == agreementOn(c) && now.Sub(when) < agreementLasts, nil
}
