package store

import (
	"slices"

	"homeward/care"
)

// Matches says of one row what the query's SQL says of all: whether it belongs
// to the list, whatever the page. A live list uses it for a row that changed.
func (q RowQuery) Matches(r care.Row) bool {
	inWard := q.Ward == "" || r.Where.Ward == q.Ward ||
		!q.MovedSince.IsZero() && r.Was.Ward == q.Ward && !r.MovedAt.Before(q.MovedSince)
	switch {
	case !r.Listed(), !inWard,
		q.Hospital != "" && r.Hospital != q.Hospital,
		q.Council != "" && r.Council != q.Council,
		q.From != "" && r.From != q.From,
		q.Senders != nil && !slices.Contains(q.Senders, r.From),
		q.Trust != "" && r.Hospital != q.Trust && r.From != q.Trust,
		q.Worker != "" && r.Worker.ID != q.Worker,
		q.Pathway != "" && r.Pathway != q.Pathway,
		len(q.States) > 0 && !slices.Contains(q.States, r.State):
		return false
	}
	ready := !r.Ready.IsZero()
	switch {
	case !q.ReadyFrom.IsZero() && r.Ready.Before(q.ReadyFrom),
		!q.ReadyBefore.IsZero() && (!ready || !r.Ready.Before(q.ReadyBefore)),
		q.NoWard && r.Where.Ward != "", q.InBed && !r.InBed, q.Open && !r.Open, q.Ready && !ready, q.Unassigned && r.Worker.ID != "",
		q.Unresolved && (!r.Open || r.Council != ""),
		q.ReadyOrOpen && !ready && !r.Open:
		return false
	}
	return true
}
