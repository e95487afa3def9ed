package hub

import (
	"context"
	"strings"

	"homeward/care"
	"homeward/policy"
)

// RecordObjection keeps that a person objects to sharing: who said so, how, and
// in what words. From then on the policies honour it.
func (h *Hub) RecordObjection(ctx context.Context, by care.Actor, id care.CaseID, x care.Object) error {
	x.Words = strings.TrimSpace(x.Words)
	_, err := h.do(ctx, by, id, policy.RecordObjection, "", x)
	return err
}

// TakeBackObjection keeps that a person objects no more.
func (h *Hub) TakeBackObjection(ctx context.Context, by care.Actor, id care.CaseID, x care.TakeBackObjection) error {
	x.Words = strings.TrimSpace(x.Words)
	_, err := h.do(ctx, by, id, policy.RecordObjection, "", x)
	return err
}

// ObjectionView is a person's objection as a reader of the case may know it.
// Its words are for those who may record one: they must know what was said.
type ObjectionView struct {
	care.Objection
	OrgName string // of who recorded it
}

func (h *Hub) objectionView(a *asking, c care.Case) *ObjectionView {
	if c.Objection == nil {
		return nil
	}
	v := &ObjectionView{Objection: *c.Objection, OrgName: h.Org(c.Objection.RecordedBy.Org).Name}
	if !a.may[policy.RecordObjection] {
		v.Words, v.RecordedBy.Name = "", ""
	}
	return v
}
