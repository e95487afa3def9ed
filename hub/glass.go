package hub

import (
	"time"

	"homeward/care"
	"homeward/store"
)

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
			return &Glass{Broken: g.Broken, Closes: g.Closes}, err
		}
	}
	return nil, err
}

// Glass is a glass that the reader broke.
type Glass struct{ Broken, Closes time.Time }
