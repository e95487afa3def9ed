package hub

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// ReportRequest asks who looked at a person: by the handle of a record, or by
// number and date of birth as the person gave them.
type ReportRequest struct {
	Case     care.CaseID
	Number   nhs.Number
	Born     nhs.Date
	Verified string // how it was made sure who asks; one of Verifications
	Names    bool   // show the names of staff
}

// Verifications are the ways in which it is made sure who asks for a report,
// with their words.
func Verifications() [][2]string {
	return [][2]string{
		{"seen", "They came, and showed who they are"},
		{"papers", "They sent copies of documents, which were checked"},
		{"known", "Staff who know them spoke to them"},
		{"proxy", "Somebody asked for them, and showed that they may"},
		{"internal", "Nobody asked: this is for an investigation"},
	}
}

// ReportRow is one look at a person, or one try, as the person may read of it.
type ReportRow struct {
	At       time.Time
	OrgName  string
	Role     care.Role
	Name     string // "" where names of staff are not shown
	Action   string
	Purpose  string
	Sections []string
	Allowed  bool
	Erased   bool
	Machine  bool // it was nobody of the staff
}

// ReportView is who looked at a person, newest first. It names the person only
// by handle.
type ReportView struct {
	Handle   string // of the report, for a short time
	Case     care.CaseID
	Others   int // records that were joined to it, and are in the report
	Names    bool
	Verified string // in words
	Rows     []ReportRow
	Total    int
	Page     int
	Pages    int
	Bounded  bool // there are older looks than these
	At       time.Time
	Until    time.Time // how long the report can be shown again
}

// reportOfPage is how many looks stand on a page; reportMost is how many a
// report holds, and reportLife how long it can be shown again.
const (
	reportOfPage = 100
	reportMost   = 5_000
	reportLife   = time.Hour
)

// reported is a report as the store keeps it: what was asked and not what was
// found.
type reported struct {
	Report   bool
	Org      nhs.ODS
	Role     care.Role
	Case     care.CaseID
	Names    bool
	Verified string
}

// MayReport reports whether the reader's role can make reports: whether a form to
// do so is of use to them.
func (h *Hub) MayReport(by care.Actor) bool { return h.mayServe(by, policy.ReportAccess) }

// ReportAccess begins a report of who looked at a person, and gives its handle.
// A person in whose record the reader's organisation has no part is answered as
// one who is not known.
func (h *Hub) ReportAccess(ctx context.Context, by care.Actor, q ReportRequest) (string, error) {
	if err := q.check(h.today(h.now())); err != nil {
		return "", err
	}
	handle := newID()
	err := h.update(ctx, func(tx *store.Tx) error {
		now := h.now()
		a := h.ask(by, policy.ReportAccess, nil, policy.Governance, "", now)
		if !a.allowed(policy.ReportAccess) {
			return a.refuse(tx)
		}
		a.record.Sections = nil
		c, err := h.reportOf(tx, by, q, now)
		if err != nil {
			return err
		}
		if c.ID == "" {
			if err := a.audit(tx, false, "nobody of theirs"); err != nil {
				return err
			}
			field := "case"
			if q.Case == "" {
				field = "nhs"
			}
			return committed{&care.Error{Kind: care.Invalid, Field: field, Text: "Nobody is known by these details in whose record your organisation has a part. Check them"}}
		}
		a.record.Case = c.ID
		if err := a.audit(tx, true, "who looked: "+q.Verified); err != nil {
			return err
		}
		doc, err := json.Marshal(reported{Report: true, Org: by.Org, Role: by.Role, Case: c.ID, Names: q.Names, Verified: q.Verified})
		if err != nil {
			return err
		}
		return tx.PutHandle(store.Handle{ID: handle, User: by.ID, Expires: now.Add(reportLife), Doc: doc})
	})
	if err != nil {
		return "", err
	}
	return handle, nil
}

func (q ReportRequest) check(today nhs.Date) error {
	need := func(field, text string) error { return &care.Error{Kind: care.Required, Field: field, Text: text} }
	switch {
	case q.Case == "" && q.Number.IsZero():
		return need("case", "Enter the handle of a record, or an NHS number and a date of birth")
	case q.Case == "" && q.Born.IsZero():
		return need("dob", "Enter a date of birth")
	case verification(q.Verified) == "":
		return need("verified", "Select how it was made sure who asks")
	case today.Before(q.Born):
		return &care.Error{Kind: care.Invalid, Field: "dob", Text: "Date of birth must be in the past"}
	}
	return nil
}

func verification(key string) string {
	for _, v := range Verifications() {
		if v[0] == key {
			return v[1]
		}
	}
	return ""
}

// reportOf is the case that is meant, if the reader's organisation has a part in
// it; with no ID otherwise.
func (h *Hub) reportOf(tx *store.Tx, by care.Actor, q ReportRequest, now time.Time) (c care.Case, err error) {
	if q.Case != "" {
		c, err = h.living(tx, q.Case)
		if care.KindOf(err) == care.NotFound {
			return care.Case{}, nil
		}
	} else {
		c, _, err = h.findPerson(tx, LookRequest{Number: q.Number, Born: q.Born})
		if c.Person.Born != q.Born {
			c = care.Case{}
		}
	}
	if err != nil || by.OrgKind != care.System && !slices.Contains(h.partsIn(c, now), by.Org) {
		return care.Case{}, err
	}
	return c, nil
}

// AccessReport shows a page of a report that was begun; page 0 is all of it.
func (h *Hub) AccessReport(ctx context.Context, by care.Actor, handle string, page int) (ReportView, error) {
	var v ReportView
	err := h.update(ctx, func(tx *store.Tx) error {
		now := h.now()
		k, until, err := reportAt(tx, by, handle, now)
		if err != nil {
			return err
		}
		a := h.ask(by, policy.ReportAccess, nil, policy.Governance, "", now)
		if !a.allowed(policy.ReportAccess) {
			return a.refuse(tx)
		}
		c, err := h.living(tx, k.Case)
		if err != nil {
			return err
		}
		v = ReportView{Handle: handle, Case: c.ID, Others: len(c.Absorbed), Names: k.Names, Verified: verification(k.Verified), At: now, Until: until, Page: page}
		if err := h.fillReport(tx, c, &v); err != nil {
			return err
		}
		a.record.Case, a.record.Sections = c.ID, nil
		return a.audit(tx, true, "who looked: shown")
	})
	return v, err
}

// reportAt is what was asked under a handle, by this reader in this role.
func reportAt(tx *store.Tx, by care.Actor, handle string, now time.Time) (k reported, until time.Time, err error) {
	kept, err := tx.Handle(handle)
	if err != nil {
		return k, until, err
	}
	if kept.User == by.ID && kept.Expires.After(now) {
		if err := json.Unmarshal(kept.Doc, &k); err != nil {
			return k, until, err
		}
	}
	if !k.Report || k.Role != by.Role || k.Org != by.Org {
		return k, until, &care.Error{Kind: care.NotFound, Text: "This report is no longer shown. Ask for it again"}
	}
	return k, kept.Expires, nil
}

// fillReport reads the looks at a person under each of their records.
func (h *Hub) fillReport(tx *store.Tx, c care.Case, v *ReportView) error {
	var all []store.Audited
	for _, id := range append([]care.CaseID{c.ID}, c.Absorbed...) {
		rows, err := tx.Audits(store.AuditFilter{Case: id, Limit: reportMost + 1})
		if err != nil {
			return err
		}
		all = append(all, rows...)
	}
	slices.SortFunc(all, func(x, y store.Audited) int { return cmp.Compare(y.N, x.N) })
	if v.Bounded = len(all) > reportMost; v.Bounded {
		all = all[:reportMost]
	}
	v.Total, v.Pages = len(all), max(1, (len(all)+reportOfPage-1)/reportOfPage)
	if v.Page > 0 {
		v.Page = min(v.Page, v.Pages)
		from := (v.Page - 1) * reportOfPage
		all = all[from:min(from+reportOfPage, len(all))]
	}
	for _, r := range all {
		v.Rows = append(v.Rows, h.reportRow(r, v.Names))
	}
	return nil
}

func (h *Hub) reportRow(r store.Audited, names bool) ReportRow {
	row := ReportRow{At: r.At, Role: r.Role, Action: r.Action, Purpose: r.Purpose, Allowed: r.Allowed, Erased: r.Erased, Machine: r.Actor == ""}
	if r.Org != "" {
		row.OrgName = h.Org(r.Org).Name
	}
	if names {
		row.Name = r.Name
	}
	for _, s := range r.Sections {
		if name, _, _ := strings.Cut(s, ":"); name != r.Action && !slices.Contains(row.Sections, name) {
			row.Sections = append(row.Sections, name)
		}
	}
	return row
}
