package hub

import (
	"context"
	"strings"
	"time"

	"homeward/care"
	"homeward/policy"
	"homeward/store"
)

// Question is one question of identity that a person must answer.
type Question struct {
	Kind  care.DoubtKind
	Since time.Time
	A, B  PersonCard // B is empty when only one record is in question
}

// PersonCard is what a steward needs to tell people apart.
type PersonCard struct {
	ID      care.CaseID
	Version int
	Person  care.Person
	NHS     string // spaced; "" not known
	Said    string // the number that was said and not believed
	IDs     []care.Identifier
	Where   string
}

// Questions lists the frozen records that this reader may settle, oldest first.
func (h *Hub) Questions(ctx context.Context, by care.Actor) ([]Question, error) {
	now := h.now()
	var out []Question
	err := h.update(ctx, func(tx *store.Tx) error {
		out = nil
		a := h.ask(by, policy.Steward, nil, policy.Operations, "", now)
		if !a.allowed(policy.Steward) {
			return a.refuse(tx)
		}
		ids, err := tx.Doubted(200)
		if err != nil {
			return err
		}
		if _, err := tx.Cases(ids); err != nil { // all at once
			return err
		}
		seen := map[care.CaseID]bool{}
		for _, id := range ids {
			q, ok, err := h.question(tx, by, id, seen, now)
			if err != nil {
				return err
			}
			if ok {
				out = append(out, q)
			}
		}
		return a.audit(tx, true, "questions of identity")
	})
	return out, err
}

func (h *Hub) question(tx *store.Tx, by care.Actor, id care.CaseID, seen map[care.CaseID]bool, now time.Time) (Question, bool, error) {
	c, err := tx.Case(id)
	if err != nil || c.Doubt == nil || seen[id] {
		return Question{}, false, err
	}
	card, ok := h.card(by, c, now)
	if !ok {
		return Question{}, false, nil
	}
	seen[id] = true
	q := Question{Kind: c.Doubt.Kind, Since: c.Doubt.Since, A: card}
	if c.Doubt.Other != "" {
		o, err := h.living(tx, c.Doubt.Other)
		if err != nil {
			return q, false, err
		}
		if o.ID != c.ID {
			seen[o.ID] = true
			q.B, _ = h.card(by, o, now) // empty where this reader may not know of them
		}
	}
	return q, true, nil
}

// card is what a steward may see of a record; false: nothing. Where somebody is
// is a section of its own, which not every steward sees.
func (h *Hub) card(by care.Actor, c care.Case, now time.Time) (PersonCard, bool) {
	a := h.ask(by, policy.Steward, &c, policy.Operations, "", now)
	a.decide(policy.Steward, policy.SeeWhereabouts)
	if !a.may[policy.Steward] {
		return PersonCard{}, false
	}
	p := PersonCard{ID: c.ID, Version: c.Version, Person: c.Person, NHS: c.NHS.Spaced(), IDs: c.IDs}
	if c.Doubt != nil {
		p.Said = c.Doubt.Said.Spaced()
	}
	if c.Stay != nil && a.may[policy.SeeWhereabouts] {
		p.Where = h.Org(c.Stay.Org).Name + ", " + c.Stay.Where.Say()
	}
	return p, true
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

// Join merges retired into survivor; Separate reverses it.
func (h *Hub) Join(ctx context.Context, by care.Actor, survivor, retired care.CaseID, why string) error {
	return h.pair(ctx, by, survivor, retired, "join", why, func(s, r care.Case, now time.Time) (forS, forR []care.Event, err error) {
		switch {
		case s.JoinedTo != "" || r.JoinedTo != "" || s.ID == r.ID:
			return nil, nil, &care.Error{Kind: care.Conflict, Text: "These records are joined already"}
		}
		forS, forR = care.Join(s, r, now)
		if s.Doubt != nil && s.Doubt.Other == r.ID { // another question stays open
			forS = append(forS, care.Settled{At: now, By: by.Who(), Why: why})
		}
		return forS, forR, nil
	})
}

// Separate takes a merged record out again, as it stands by now.
func (h *Hub) Separate(ctx context.Context, by care.Actor, survivor, retired care.CaseID, why string) error {
	return h.pair(ctx, by, survivor, retired, "separate", why, func(s, r care.Case, now time.Time) (forS, forR []care.Event, err error) {
		if r.JoinedTo != s.ID {
			return nil, nil, &care.Error{Kind: care.Conflict, Text: "These records are not joined"}
		}
		forS, forR = care.Separate(s, r, by.Who(), why, now)
		return forS, forR, nil
	})
}

func (h *Hub) pair(ctx context.Context, by care.Actor, survivor, retired care.CaseID, what, why string,
	f func(s, r care.Case, now time.Time) (forS, forR []care.Event, err error)) error {
	if strings.TrimSpace(why) == "" {
		return &care.Error{Kind: care.Required, Field: "why", Text: "Enter how you know"}
	}
	now := h.now()
	return h.update(ctx, func(tx *store.Tx) error {
		s, err := tx.Case(survivor)
		if err != nil {
			return err
		}
		r, err := tx.Case(retired)
		if err != nil {
			return err
		}
		var both []*asking
		for _, c := range []care.Case{r, s} {
			a := h.ask(by, policy.Steward, &c, policy.Operations, why, now)
			if !a.allowed(policy.Steward) {
				return a.refuse(tx)
			}
			both = append(both, a)
		}
		for _, a := range both {
			if err := a.audit(tx, true, what); err != nil {
				return err
			}
		}
		forS, forR, err := f(s, r, now)
		if err != nil {
			return err
		}
		cause := care.Cause{Kind: "person", By: by.Who()}
		if what == "join" { // the retired one gives its keys up before the survivor takes them
			if _, err := tx.Record(r, cause, now, forR...); err != nil {
				return err
			}
			_, err = tx.Record(s, cause, now, forS...)
			return err
		}
		if _, err := tx.Record(s, cause, now, forS...); err != nil {
			return err
		}
		_, err = tx.Record(r, cause, now, forR...)
		return err
	})
}
