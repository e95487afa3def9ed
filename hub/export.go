package hub

import (
	"context"
	"fmt"
	"slices"
	"time"

	"homeward/care"
	"homeward/fhir"
	"homeward/policy"
	"homeward/store"
	"homeward/translate"
	"homeward/translate/r4"
)

// ExportTypes lists the resources that a council may export, in the order of the
// files: what is its own. A hospital's stays are not; they are read one by one.
func ExportTypes() []string {
	return []string{"Patient", "ServiceRequest", "Task", "CarePlan", "QuestionnaireResponse", "Communication", "EpisodeOfCare", "Flag", "DeviceRequest"}
}

// The bounds of exports.
const (
	exportLife  = 24 * time.Hour
	mostExports = 10 // of one system at the same time
	exportPage  = 50 // cases read at once: what a stream holds in memory
)

// ExportRequest is what a system wants to have (Bulk Data 2.0).
type ExportRequest struct {
	Types   []string  // none: all
	Since   time.Time // only what changed since then; zero: all
	Request string    // the address that asked
}

// Export is an export that was asked for.
type Export struct {
	ID       string
	At       time.Time // the time of its content
	Types    []string  // of which there are resources
	Request  string
	Expires  time.Time
	Indexing int // cases that must be indexed first; 0: it is ready
}

// BeginExport begins an export of what the asker's council holds.
func (h *Hub) BeginExport(ctx context.Context, by care.Actor, q ExportRequest) (Export, error) {
	if err := h.gate(ctx, by); err != nil {
		return Export{}, err
	}
	types := q.Types
	for _, t := range types {
		if !slices.Contains(ExportTypes(), t) {
			return Export{}, &care.Error{Kind: care.Invalid, Text: "One of the types cannot be exported"}
		}
	}
	if len(types) == 0 {
		types = ExportTypes()
	}
	now := h.now()
	e := Export{ID: newID(), At: now, Types: types, Request: q.Request, Expires: now.Add(exportLife)}
	err := h.update(ctx, func(tx *store.Tx) error {
		a := h.ask(by, policy.SendCase, nil, policy.Operations, "", now)
		a.record.Action = "export"
		if !a.allowed(policy.SendCase) || by.OrgKind != care.Council {
			return a.refuse(tx)
		}
		n, err := tx.ExportsOf(clientOf(by), now)
		if err != nil {
			return err
		}
		if n >= mostExports {
			return &care.Error{Kind: care.Throttled, Text: "This system has too many exports. Delete those that are done"}
		}
		kept := store.Export{ID: e.ID, Client: clientOf(by), Org: by.Org, At: now, Since: q.Since, Types: types, Request: q.Request, Expires: e.Expires}
		if err := tx.AddExport(kept); err != nil {
			return err
		}
		return a.audit(tx, true, fmt.Sprintf("an export of %d types began", len(types)))
	})
	return e, err
}

// ownExport reads an export of the asker's own.
func ownExport(tx *store.Tx, by care.Actor, id string, now time.Time) (store.Export, error) {
	k, err := tx.Export(id)
	if err == nil && (k.Client != clientOf(by) || k.Org != by.Org || !k.Expires.After(now)) {
		err = &care.Error{Kind: care.NotFound, Text: "There is no such export, or not any more"}
	}
	return k, err
}

// Export is how far an export of the asker's own is, with the types of which there
// is anything.
func (h *Hub) Export(ctx context.Context, by care.Actor, id string) (Export, error) {
	if err := h.gate(ctx, by); err != nil {
		return Export{}, err
	}
	return view(ctx, h, func(tx *store.Tx) (Export, error) {
		k, err := ownExport(tx, by, id, h.now())
		if err != nil {
			return Export{}, err
		}
		e := Export{ID: k.ID, At: k.At, Request: k.Request, Expires: k.Expires}
		if e.Indexing, err = tx.UnindexedLeft(); err != nil || e.Indexing > 0 {
			return e, err
		}
		there, err := tx.ResourceTypesOf(k.Org)
		for _, t := range k.Types {
			if slices.Contains(there, t) {
				e.Types = append(e.Types, t)
			}
		}
		return e, err
	})
}

// DropExport ends an export of the asker's own.
func (h *Hub) DropExport(ctx context.Context, by care.Actor, id string) error {
	if err := h.gate(ctx, by); err != nil {
		return err
	}
	return h.update(ctx, func(tx *store.Tx) error {
		if _, err := ownExport(tx, by, id, h.now()); err != nil {
			return err
		}
		a := h.ask(by, policy.SendCase, nil, policy.Operations, "", h.now())
		a.record.Action = "export"
		return firstError(tx.DropExport(id), a.audit(tx, true, "an export was dropped"))
	})
}

// ExportPages gives the resources of one type of an export, some at a time: never
// more than exportPage people are in memory. Each page is decided and audited before
// it is given. What changed after the export was asked for is given as it is now, and
// is given again by an export since that time.
func (h *Hub) ExportPages(ctx context.Context, by care.Actor, id, typ string, each func([]*fhir.Node) error) error {
	if err := h.gate(ctx, by); err != nil {
		return err
	}
	k, err := view(ctx, h, func(tx *store.Tx) (store.Export, error) { return ownExport(tx, by, id, h.now()) })
	if err != nil {
		return err
	}
	if by.OrgKind != care.Council || !slices.Contains(k.Types, typ) {
		return &care.Error{Kind: care.NotFound, Text: "There is no such file in this export"}
	}
	var after care.CaseID
	for {
		p, err := h.exportPage(ctx, by, k, typ, after)
		if err != nil {
			return err
		}
		if len(p.resources) > 0 {
			if err := each(p.resources); err != nil {
				return err
			}
		}
		if after = p.last; p.end {
			return nil
		}
	}
}

type exported struct {
	resources []*fhir.Node
	reads     []reads
	last      care.CaseID
	end       bool
}

func (h *Hub) exportPage(ctx context.Context, by care.Actor, k store.Export, typ string, after care.CaseID) (exported, error) {
	now := h.now()
	p, err := view(ctx, h, func(tx *store.Tx) (p exported, err error) {
		ids, err := tx.PartyCases(k.Org, after, k.Since, exportPage)
		if err != nil {
			return p, err
		}
		p.end = len(ids) < exportPage
		var last *asking
		for _, id := range ids {
			p.last = id
			c, err := tx.Case(id)
			if care.KindOf(err) == care.NotFound {
				continue
			}
			if err != nil {
				return p, err
			}
			r, err := h.read(tx, by, c, ShowRequest{Action: "export " + typ}, now, last)
			if err != nil {
				return p, err
			}
			last = r.asked
			if found := exportOf(r, k, typ); len(found) > 0 {
				p.resources, p.reads = append(p.resources, found...), append(p.reads, r)
			}
		}
		return p, nil
	})
	if err == nil && len(p.reads) > 0 {
		err = h.settleReads(ctx, p.reads...)
	}
	return p, err
}

// exportOf are the resources of a type that are the council's own.
func exportOf(r reads, k store.Export, typ string) []*fhir.Node {
	if !r.found {
		return nil
	}
	s := ownOf(r.shown, k)
	return slices.DeleteFunc(r4.Of(s, typ), func(n *fhir.Node) bool {
		at, known := s.Changed[typ+"/"+n.ID()]
		return known && at.Before(k.Since)
	})
}

// ownOf leaves of a case what is the council's own: what it holds, and what was sent
// to it.
func ownOf(s translate.Shown, k store.Export) translate.Shown {
	c := s.Case
	c.Holdings = slices.DeleteFunc(slices.Clone(c.Holdings), func(h care.Holding) bool { return h.Council != k.Org })
	c.Referrals = slices.DeleteFunc(slices.Clone(c.Referrals), func(x care.Referral) bool { return x.To != k.Org })
	c.Papers = slices.DeleteFunc(slices.Clone(c.Papers), func(p care.Paper) bool {
		return !slices.ContainsFunc(c.Referrals, func(x care.Referral) bool { return x.ID == p.Referral })
	})
	s.Councils = slices.DeleteFunc(slices.Clone(s.Councils), func(x translate.ShownCouncil) bool { return x.Council.ODS != k.Org })
	s.Case = c
	return s
}
