package hub

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// Glass is a glass that the reader broke: what it opens, it opens until Closes.
type Glass struct {
	Broken, Closes time.Time
	id             string // of its alert
}

// glassWords is how much a reason must say at least, and may say, in characters.
const glassWords, glassMost = 10, 500

// forEmergency is the purpose under which a broken glass is audited.
const forEmergency = "emergency"

// glassOpen reports whether this member of staff, in this role, has broken the
// glass of this person and it has not closed again.
func (h *Hub) glassOpen(tx *store.Tx, by care.Actor, id care.CaseID, now time.Time) (bool, error) {
	g, err := h.glassOf(tx, by, id, now)
	return g != nil, err
}

// glassOf is the glass that is open to somebody, in this role; nil when there
// is none.
func (h *Hub) glassOf(tx *store.Tx, by care.Actor, id care.CaseID, now time.Time) (*Glass, error) {
	if id == "" {
		return nil, nil
	}
	gs, err := tx.Glasses(by.ID, now.Add(-h.Limits.Glass))
	for _, g := range gs {
		if g.Case == id && g.Role == by.Role && g.Org == by.Org && !g.Broken.After(now) && g.Closes.After(now) {
			return &Glass{Broken: g.Broken, Closes: g.Closes, id: g.ID}, err
		}
	}
	return nil, err
}

// lookedThrough marks a look-up of somebody whose glass the reader has broken
// already, and gives the breaking, with which the result is over. It is said
// only where somebody was found: that a glass is open of somebody who may not be
// seen all the same would tell that they are known.
func (h *Hub) lookedThrough(tx *store.Tx, a *asking, v *LookView, now time.Time) (string, error) {
	if v.Outcome != LookFound || !a.broke() {
		return "", nil
	}
	g, err := h.glassOf(tx, a.by, v.Case, now)
	if err != nil || g == nil {
		return "", err
	}
	v.Glass = g
	return g.id, nil
}

// Glass is the glass that the reader broke of a case; nil when none is open. It
// is for a line above the case's pages and tells nothing but what they did.
func (h *Hub) Glass(ctx context.Context, by care.Actor, id care.CaseID) (g *Glass, err error) {
	err = h.Store.View(ctx, func(tx *store.Tx) error {
		g, err = h.glassOf(tx, by, id, h.now())
		return err
	})
	return g, h.unavailable(err)
}

// MayBreakGlass reports whether the reader's role can break the glass of
// anybody: whether to offer it. It says nothing of any person, so it is offered
// on every result alike; BreakGlass decides again, and audits.
func (h *Hub) MayBreakGlass(by care.Actor) bool { return h.mayServe(by, policy.BreakGlass) }

// mayServe decides an action that is about nobody, for a menu or an offer.
func (h *Hub) mayServe(by care.Actor, action policy.Action) bool {
	ctx := policy.Context{Purpose: policy.DirectCare, ReasonGiven: true, Relationship: policy.NoneRelation}
	return h.Policies.DecideMany(principal(by), nil, ctx, action)[0].Allow
}

// BreakGlass opens the person of a look-up for an hour, in an emergency, to the
// one who looked, and gives the look-up as it is then, under the same handle.
// What may not be opened even so, and a person who is not known, look as
// before. The leads of the reader's organisation and of those that hold the
// record are alerted in the same transaction.
func (h *Hub) BreakGlass(ctx context.Context, by care.Actor, handle, words string) (LookView, error) {
	words = strings.TrimSpace(words)
	switch n := utf8.RuneCountInString(words); {
	case n < glassWords:
		return LookView{}, &care.Error{Kind: care.Required, Field: "words", Text: "Enter why you must see this record now, in 10 characters or more"}
	case n > glassMost:
		return LookView{}, &care.Error{Kind: care.Invalid, Field: "words", Text: "The reason must be 500 characters or fewer"}
	}
	defer h.evenly(ctx, time.Now())
	var v LookView
	id, now := newID(), h.now()
	err := h.update(ctx, func(tx *store.Tx) error {
		v = LookView{}
		a := h.ask(by, policy.BreakGlass, nil, policy.DirectCare, words, now)
		a.record.Purpose = forEmergency
		if !a.allowed(policy.BreakGlass) {
			return a.refuse(tx)
		}
		k, err := h.lookedAt(tx, by, handle, now)
		var none *care.Error
		if errors.As(err, &none) && none.Kind == care.NotFound {
			a.record.Sections = nil
			if err := a.audit(tx, false, "no such result"); err != nil {
				return err
			}
			return committed{none}
		}
		if err != nil {
			return err
		}
		if k.View.Glass != nil { // sent twice
			v = k.View
			return a.audit(tx, true, "open already")
		}
		if err := h.glassesLeft(tx, a, now); err != nil {
			return err
		}
		v, err = h.breakGlass(tx, a, k, id, now)
		return err
	})
	return v, err
}

// glassesLeft refuses whoever breaks the glass too often: then a telephone
// call finds out what is needed, and who asks.
func (h *Hub) glassesLeft(tx *store.Tx, a *asking, now time.Time) error {
	gs, err := tx.Glasses(a.by.ID, now.Add(-time.Hour))
	if err != nil || len(gs) < h.Limits.Glasses {
		return err
	}
	a.record.Sections = nil
	if err := a.audit(tx, false, "refused: too often"); err != nil {
		return err
	}
	return committed{&care.Error{Kind: care.Throttled, Field: "words",
		Text: "You have broken the glass too often in the last hour. Ring the council, or your information governance lead"}}
}

// breakGlass keeps that the glass is broken, tells those who must look into it,
// and looks again.
func (h *Hub) breakGlass(tx *store.Tx, a *asking, k looked, id string, now time.Time) (LookView, error) {
	c, _, err := h.findPerson(tx, k.Asked)
	if err != nil {
		return LookView{}, err
	}
	if !k.Asked.agrees(c.Person) {
		c = care.Case{} // whoever does not know the date of birth means nobody
	}
	g := store.Glass{ID: id, Actor: a.by.ID, Role: a.by.Role, Org: a.by.Org, Case: c.ID, Broken: now, Closes: now.Add(h.Limits.Glass)}
	if err := tx.PutGlass(g); err != nil {
		return LookView{}, err
	}
	err = h.raise(tx, store.Alert{ID: id, Kind: store.AlertGlass, At: now, Actor: a.by.ID, Name: a.by.Name, Role: a.by.Role, Org: a.by.Org,
		Case: c.ID, Words: a.record.Reason, Until: g.Closes, Orgs: append(h.partsIn(c, now), a.by.Org)})
	if err != nil {
		return LookView{}, err
	}
	v := LookView{Handle: k.View.Handle, At: now, Reason: k.View.Reason, Glass: &Glass{Broken: g.Broken, Closes: g.Closes}}
	if err := h.look(tx, a, k.Asked, &v, now); err != nil {
		return v, err
	}
	a.opened(c, &v)
	if err := a.audit(tx, true, "broken: "+string(v.Outcome)); err != nil {
		return v, err
	}
	k.View, k.Glass, k.Terms = v, id, a.terms.stamp()
	return v, h.keepLooked(tx, a.by, k, g.Closes)
}

// opened says whether there is a case to read now. Of whom nothing is in place
// with a council, it can still say who they are and what was asked for them.
func (a *asking) opened(c care.Case, v *LookView) {
	shown := a.record.Sections
	a.decide(policy.SeeDemographics, policy.SeeReferral, policy.SeeTimeline)
	a.record.Sections = shown
	if v.MayOpen = c.ID != "" && a.opens(); v.MayOpen {
		v.Case = c.ID
	}
}

// partsIn are the organisations that hold something of a person.
func (h *Hub) partsIn(c care.Case, now time.Time) []nhs.ODS {
	if c.ID == "" {
		return nil
	}
	f := h.facts(c, now)
	var out []nhs.ODS
	for _, list := range [][]string{f.Hospitals, f.Councils, f.ReferredTo, f.ReferredBy, f.NumberedBy} {
		for _, o := range list {
			out = append(out, nhs.ODS(o))
		}
	}
	return out
}

// lookedAt reads a result that the reader may be shown again: their own, in the
// role in which they looked, for a short time, and with a glass only while that
// is open.
func (h *Hub) lookedAt(tx *store.Tx, by care.Actor, handle string, now time.Time) (k looked, err error) {
	over := resultOver()
	kept, err := tx.Handle(handle)
	if err != nil {
		return k, err
	}
	if kept.User != by.ID || !kept.Expires.After(now) {
		return k, over
	}
	if err := json.Unmarshal(kept.Doc, &k); err != nil {
		return k, err
	}
	if k.View.Handle == "" || k.Role != by.Role || k.Org != by.Org {
		return k, over
	}
	g, err := h.terms(tx, now)
	if err != nil {
		return k, err
	}
	if k.Terms != g.stamp() {
		return k, over
	}
	if k.Glass != "" {
		if g, err := tx.Glass(k.Glass); err != nil || !g.Closes.After(now) {
			return k, over
		}
	}
	return k, nil
}

func resultOver() *care.Error {
	return &care.Error{Kind: care.NotFound, Text: "This result is no longer shown. Look the person up again"}
}

// keepLooked keeps a result under its handle until a time.
func (h *Hub) keepLooked(tx *store.Tx, by care.Actor, k looked, until time.Time) error {
	doc, err := json.Marshal(k)
	if err != nil {
		return err
	}
	if err := tx.DropHandle(k.View.Handle); err != nil {
		return err
	}
	return tx.PutHandle(store.Handle{ID: k.View.Handle, User: by.ID, Expires: until, Doc: doc})
}
