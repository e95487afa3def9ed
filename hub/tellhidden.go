package hub

import (
	"bytes"
	"encoding/json"
	"slices"

	"homeward/care"
	"homeward/connect"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
	"homeward/translate"
)

// allHappened reports whether each of some news of a case changed anything that a
// destination may see, as the rules and agreements are now: neither a message nor
// its time may tell of the rest. Of a referral only updates are asked about: the
// others are the referral's own news, which mayHear knows.
func (h *Hub) allHappened(tx *store.Tx, d Telling, id care.CaseID, news ...told) (bool, error) {
	var entries []care.Entry
	for _, n := range news {
		if n.Referral != "" && n.Kind != connect.Update {
			continue
		}
		if entries == nil {
			var err error
			if entries, err = tx.History(id); err != nil {
				return false, err
			}
		}
		if ok, err := h.happened(tx, d, entries, n.Seq); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

// happened compares a case before and after one entry of its history. Of an entry
// that is not there (the record was joined) nothing can be said: then it did.
func (h *Hub) happened(tx *store.Tx, d Telling, entries []care.Entry, seq int64) (bool, error) {
	var before, after care.Case
	if !slices.ContainsFunc(entries, func(e care.Entry) bool { return e.Seq == seq }) {
		return true, nil
	}
	for _, e := range entries {
		if e.Seq > seq {
			break
		}
		before, after = after, care.Apply(after, e.Event)
	}
	then, err := h.seenBy(tx, d, before)
	if err != nil {
		return false, err
	}
	now, err := h.seenBy(tx, d, after)
	return !bytes.Equal(then, now), err
}

// seenBy is what a destination may see of a case, to be compared.
func (h *Hub) seenBy(tx *store.Tx, d Telling, c care.Case) ([]byte, error) {
	if c.ID == "" {
		return nil, nil
	}
	now := h.now()
	a := h.ask(d.actor(h), policy.SendCase, &c, policy.DischargePlanning, "", now)
	if err := a.onto(tx, now); err != nil {
		return nil, err
	}
	a.decide(shownActions...)
	s, err := h.shown(tx, a, c, now)
	if err != nil {
		return nil, err
	}
	return json.Marshal([]any{s.Sees, s.Case, s.Councils})
}

// speaker is the hospital in whose name something is told of somebody who was not
// referred: the one that said it, or, where that one does not share where people
// are with the destination, the last that does. "" is that none does.
func (a *asking) speaker(n told, s translate.Shown) nhs.ODS {
	if n.Referral != "" || n.From == a.by.Org || a.from(n.From)[policy.SeeWhereabouts] {
		return n.From
	}
	if s.Case.Stay != nil {
		return s.Case.Stay.Org
	}
	if past := s.Case.Past; len(past) > 0 {
		return past[len(past)-1].Org
	}
	return ""
}
