package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"homeward/care"
	"homeward/store"
)

// Typed is a form that somebody sent, or was about to send, when their session
// ended. It is kept sealed, for them alone and for a short time, and is never sent
// by itself: they see it again, in the form, when they have signed in.
type Typed struct {
	ID    string      // opaque; "" for one that is not kept yet
	To    string      // the form's action: a path of ours
	From  string      // the page that it stood on, with its query
	Case  care.CaseID // which the action is about; "" none
	Form  map[string][]string
	At    time.Time
	Until time.Time
}

// recordTyped is the kind of record. Its owner is the account.
const recordTyped = "typed"

// typedLife is how long it is kept, and typedMost how many forms of one account.
const (
	typedLife = 30 * time.Minute
	typedMost = 10
)

// typedDoc is what is sealed.
type typedDoc struct {
	Role care.Role
	To   string
	From string
	Form map[string][]string
}

// KeepTyped keeps a form for an account, which had it open in a role. The same form
// again takes the place of the one before. It shows nothing to anybody.
func (h *Hub) KeepTyped(ctx context.Context, account care.ActorID, g care.Grant, t Typed) error {
	return h.update(ctx, func(tx *store.Tx) error {
		now := h.now()
		rs, err := tx.KeptAll(store.RecordQuery{Kind: recordTyped, Owner: string(account)})
		if err != nil {
			return err
		}
		d := typedDoc{Role: g.Role, To: t.To, From: t.From, Form: t.Form}
		r := store.Record{Kind: recordTyped, Org: string(g.Org), ID: newID(), Case: t.Case, Owner: string(account), At: now, Due: now.Add(typedLife), Doc: store.ToDoc(d)}
		for i, old := range rs {
			was, err := typedOf(old)
			if err != nil {
				return err
			}
			if same := was.To == t.To && reflect.DeepEqual(was.Form, t.Form); same || len(rs)-i >= typedMost { // the oldest come first
				if err := tx.DropKept(recordTyped, old.Org, old.ID); err != nil {
					return err
				}
			}
		}
		_, err = tx.PutRecord(r)
		return err
	})
}

func typedOf(r store.Record) (Typed, error) {
	var d typedDoc
	if err := json.Unmarshal(r.Doc, &d); err != nil {
		return Typed{}, fmt.Errorf("reading what somebody typed: %w", err)
	}
	return Typed{ID: r.ID, To: d.To, From: d.From, Case: r.Case, Form: d.Form, At: r.At, Until: r.Due}, nil
}

// TypedBy lists what is kept for somebody in the role that they work in now, the
// last first.
func (h *Hub) TypedBy(ctx context.Context, by care.Actor) (out []Typed, err error) {
	err = h.Store.View(ctx, func(tx *store.Tx) error {
		out = nil
		rs, err := tx.KeptAll(store.RecordQuery{Kind: recordTyped, Org: string(by.Org), Owner: string(by.ID), Newest: true})
		if err != nil {
			return err
		}
		for _, r := range rs {
			var d typedDoc
			if err := json.Unmarshal(r.Doc, &d); err != nil {
				return fmt.Errorf("reading what somebody typed: %w", err)
			}
			if d.Role != by.Role || !h.now().Before(r.Due) {
				continue
			}
			t, err := typedOf(r)
			if err != nil {
				return err
			}
			out = append(out, t)
		}
		return nil
	})
	return out, h.unavailable(err)
}

// TypedAt is one of them; care.NotFound when it is not kept, or is another's.
func (h *Hub) TypedAt(ctx context.Context, by care.Actor, id string) (Typed, error) {
	all, err := h.TypedBy(ctx, by)
	if err != nil {
		return Typed{}, err
	}
	i := slices.IndexFunc(all, func(t Typed) bool { return t.ID == id })
	if i < 0 {
		return Typed{}, &care.Error{Kind: care.NotFound, Text: "What you typed is not kept any more"}
	}
	return all[i], nil
}

// DropTyped forgets what is kept for somebody: the one with that id, or all for one
// action, which has been sent now.
func (h *Hub) DropTyped(ctx context.Context, by care.Actor, id, to string) error {
	return h.update(ctx, func(tx *store.Tx) error {
		rs, err := tx.KeptAll(store.RecordQuery{Kind: recordTyped, Org: string(by.Org), Owner: string(by.ID)})
		if err != nil {
			return err
		}
		for _, r := range rs {
			t, err := typedOf(r)
			if err != nil {
				return err
			}
			if t.ID == id || to != "" && t.To == to {
				if err := tx.DropKept(recordTyped, r.Org, r.ID); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// sweepTyped removes what nobody came back for.
func (h *Hub) sweepTyped(tx *store.Tx) error {
	return tx.DropKeptAll(store.RecordQuery{Kind: recordTyped, DueBefore: h.now()})
}

// Words are the texts of a form that somebody may want back where the form is
// gone: what has a space in it, in the order of the names of the fields.
func (t Typed) Words() (out []string) {
	for _, name := range slices.Sorted(maps.Keys(t.Form)) {
		for _, v := range t.Form[name] {
			if slices.ContainsFunc([]rune(v), func(r rune) bool { return r == ' ' || r == '\n' }) {
				out = append(out, v)
			}
		}
	}
	return out
}
