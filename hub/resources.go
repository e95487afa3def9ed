package hub

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
	"homeward/translate"
)

// ShowRequest is why a system reads.
type ShowRequest struct {
	Purpose policy.Purpose // "" is discharge planning
	Reason  string         // in words
	Behalf  string         // the member of staff on whose behalf, by their system's name for them; "" for nobody
	Action  string         // what the audit calls it: "read Patient"
	Born    nhs.Date       // of a look-up by number: as the member of staff gave it
}

// Find chooses resources. Empty fields choose all.
type Find struct {
	Types        []string // resource types: "Encounter"
	Case         care.CaseID
	NHS          nhs.Number
	IDs          []care.Identifier // of the person: any of them
	Visit        *care.Identifier  // of the stay, as its hospital names it
	Referral     care.ReferralID   // by our own name for it
	Sent         *care.Identifier  // the referral as the reader's organisation named it
	Family       string            // with Born and Postcode: all three
	Born         nhs.Date
	Postcode     string
	Org          nhs.ODS // organisation that has a part in it
	Status       []string
	Since, Until time.Time // of the last change: from, and before
	After        string    // Page.Next of the page before
	Limit        int       // at most 200; 0 is 50
}

// Page is one page of what was found.
type Page struct {
	Shown []translate.Shown // the cases, each once
	IDs   [][2]string       // type and id of what was found, in order; nil: all of each case's
	Next  string            // for Find.After; "" when there is no more
	Total int               // over all pages; -1: not counted
}

// Directory is the organisations that a reader may know, and what is in them.
type Directory struct {
	Orgs      []care.Org
	Wards     []Ward          // of the reader's own hospital
	Teams     []care.Team     // of the reader's own council
	Providers []care.Provider // of the reader's own council, and of those that share them
	Workers   []care.Who      // of the reader's own council
}

// errNotShown is the answer about a case that is not known, and about one of which
// nothing may be shown: the same, so that nobody can tell which.
func errNotShown() *care.Error {
	return &care.Error{Kind: care.NotFound, Text: "There is no such record, or none that may be shown"}
}

// asks begins a read by a system, or by somebody through one.
func (h *Hub) asks(by care.Actor, q ShowRequest, now time.Time) *asking {
	purpose := q.Purpose
	if purpose == "" {
		purpose = policy.DischargePlanning
	}
	a := h.ask(by, policy.Action(q.Action), nil, purpose, q.Reason, now)
	if q.Action == "" {
		a.record.Action = "read"
	}
	if q.Behalf != "" {
		a.context.OnBehalf, a.declared = true, q.Reason != ""
		a.record.Reason = "for " + q.Behalf + ": " + q.Reason
	}
	return a
}

// reads is one case being read: what was decided, and what comes of it.
type reads struct {
	asked *asking
	shown translate.Shown
	found bool
}

// read decides what a reader sees of a case, and makes it. A stand-in takes the
// place of a case that is not there, so that the policies are asked as often. What
// of before holds for all cases, such as what is agreed, is not asked again.
func (h *Hub) read(tx *store.Tx, by care.Actor, c care.Case, q ShowRequest, now time.Time, before *asking) (reads, error) {
	a := h.asks(by, q, now)
	known := c.ID != ""
	if !known {
		c = care.Case{ID: "unknown", Person: care.Person{Born: q.Born}}
	}
	a.about(c, now)
	if before != nil && by.Role == care.Machine {
		a.terms, a.states = before.terms, before.states
		a.relate()
	} else if err := a.onto(tx, now); err != nil {
		return reads{}, err
	}
	a.decide(shownActions...)
	if a.declared {
		a.decide(policy.Lookup)
	}
	s, err := h.shown(tx, a, c, now)
	if err != nil {
		return reads{}, err
	}
	r := reads{asked: a, shown: s, found: known && a.found(s) && (!a.declared || q.Born == c.Person.Born || a.opens())}
	if !known {
		a.record.Case = "" // what was typed there is nobody's name, and may be anything
	}
	return r, nil
}

// settleReads writes what was decided, before anything of it is given away.
func (h *Hub) settleReads(ctx context.Context, rs ...reads) error {
	return h.update(ctx, func(tx *store.Tx) error {
		rows := make([]store.AuditRecord, len(rs))
		for i, r := range rs {
			row := r.asked.record
			row.Allowed = r.found
			switch {
			case row.Outcome != "": // a policy that could not be decided
			case r.found:
				row.Outcome = "shown"
			default:
				row.Outcome = "denied"
			}
			if !r.found {
				row.Sections = nil
			}
			rows[i] = row
		}
		return tx.Audit(rows...)
	})
}

// Show reads one case as the reader may see it. A case that is not known and one
// of which nothing may be shown are the same care.NotFound. A case that was joined
// into another gives the other.
func (h *Hub) Show(ctx context.Context, by care.Actor, id care.CaseID, q ShowRequest) (translate.Shown, error) {
	return h.show(ctx, by, q, func(tx *store.Tx) (care.Case, error) {
		c, err := h.living(tx, id)
		if care.KindOf(err) == care.NotFound {
			return care.Case{}, nil
		}
		return c, err
	})
}

// ShowByNumber is Show of the person who has an NHS number. Where q says on whose
// behalf, and with what reason, it is a look-up, and takes a whole number of beats:
// a date of birth that is not this person's finds nobody.
func (h *Hub) ShowByNumber(ctx context.Context, by care.Actor, n nhs.Number, q ShowRequest) (translate.Shown, error) {
	if q.Behalf != "" {
		defer h.evenly(ctx, time.Now())
		if err := h.guessing(by, n, q.Born); err != nil {
			return translate.Shown{}, err
		}
	}
	return h.show(ctx, by, q, func(tx *store.Tx) (care.Case, error) {
		c, _, err := h.findPerson(tx, LookRequest{Number: n})
		return c, err
	})
}

// guessing refuses a system that tries many dates of birth of one number. What is
// counted is what was asked and not what came of it, so that being slowed tells
// nothing: most people are looked up once, and have no social care.
func (h *Hub) guessing(by care.Actor, n nhs.Number, born nhs.Date) error {
	now, who := h.now(), by.ID+care.ActorID(" "+n.Digits()) // in memory only
	if until, slow := h.misses.try(who, born.String(), now, h.Limits.LookMisses); slow {
		return &care.Error{Kind: care.Throttled, Field: "birthDate", Text: "Too many dates of birth were tried for one number. Wait until " +
			until.In(h.Zone).Format("15:04:05") + " and check the details"}
	}
	return nil
}

func (h *Hub) show(ctx context.Context, by care.Actor, q ShowRequest, find func(*store.Tx) (care.Case, error)) (translate.Shown, error) {
	now := h.now()
	r, err := view(ctx, h, func(tx *store.Tx) (reads, error) {
		c, err := find(tx)
		if err != nil {
			return reads{}, err
		}
		return h.read(tx, by, c, q, now, nil)
	})
	if err != nil {
		return translate.Shown{}, err
	}
	if err := h.settleReads(ctx, r); err != nil {
		return translate.Shown{}, err
	}
	if !r.found {
		return translate.Shown{}, errNotShown()
	}
	return r.shown, nil
}

// ShowSome reads a page of resources: of the people whom f names, or else of all in
// whom the reader's organisation has a part. Those of which nothing may be shown are
// not there, and the page is as full as if they did not exist.
func (h *Hub) ShowSome(ctx context.Context, by care.Actor, f Find, q ShowRequest) (Page, error) {
	now := h.now()
	gate := h.asks(by, q, now)
	gate.context.OnBehalf, gate.declared = false, false
	if !gate.allowed(policy.SendCase) {
		return Page{}, h.update(ctx, gate.refuse)
	}
	var p Page
	var rs []reads
	err := h.unavailable(h.Store.View(ctx, func(tx *store.Tx) (err error) {
		if f.names() {
			p, rs, err = h.someNamed(tx, by, f, q, now)
		} else {
			p, rs, err = h.someListed(tx, by, f, q, now)
		}
		return err
	}))
	if err != nil {
		return Page{}, err
	}
	gate.record.Outcome, gate.record.Sections = "searched "+strings.Join(f.Types, ", "), nil
	return p, h.settleReads(ctx, append([]reads{{asked: gate, found: true}}, rs...)...)
}

// names reports whether a search says of whom.
func (f Find) names() bool {
	return f.Case != "" || !f.NHS.IsZero() || len(f.IDs) > 0 || f.Visit != nil || f.Referral != "" || f.Sent != nil || f.Family != "" || f.Postcode != ""
}

func (h *Hub) someNamed(tx *store.Tx, by care.Actor, f Find, q ShowRequest, now time.Time) (p Page, rs []reads, err error) {
	cs, err := h.findCases(tx, by, f)
	for _, c := range cs {
		r, err := h.read(tx, by, c, q, now, nil)
		if err != nil {
			return p, nil, err
		}
		if rs = append(rs, r); r.found && (f.Org == "" || slices.Contains(care.Parties(r.shown.Case), f.Org)) {
			p.Shown = append(p.Shown, r.shown)
		}
	}
	p.Total = len(p.Shown)
	return p, rs, err
}

// The sizes of a page, and how many rows of the index one search goes through: a
// reader to whom nothing flows must not make us read all there is.
const (
	pageSize  = 50
	pageMost  = 200
	mostRows  = 5000
	batchRows = 256
)

// paging is a search of the index being worked.
type paging struct {
	h     *Hub
	tx    *store.Tx
	by    care.Actor
	find  Find
	q     ShowRequest
	now   time.Time
	cases map[care.CaseID]*reads // nil: nothing of it is shown
	seen  map[care.CaseID]map[string]bool
	page  Page
	reads []reads
	last  *asking
}

func (h *Hub) someListed(tx *store.Tx, by care.Actor, f Find, q ShowRequest, now time.Time) (Page, []reads, error) {
	if f.Limit <= 0 {
		f.Limit = pageSize
	}
	f.Limit = min(f.Limit, pageMost)
	g := paging{h: h, tx: tx, by: by, find: f, q: q, now: now, cases: map[care.CaseID]*reads{}, seen: map[care.CaseID]map[string]bool{}, page: Page{Total: -1}}
	after, err := cursorOf(f.After)
	if err != nil {
		return Page{}, nil, err
	}
	q2 := store.ResourceFilter{Party: by.Org, Other: f.Org, Types: f.Types, Status: f.Status, Since: f.Since, After: after}
	for rows := 0; rows < mostRows; {
		q2.Limit = min(batchRows, f.Limit+1)
		found, err := tx.FindResources(q2)
		if err != nil {
			return Page{}, nil, err
		}
		for _, r := range found {
			full, err := g.take(r)
			if err != nil || full {
				return g.page, g.reads, err
			}
			q2.After = [3]string{string(r.Case), r.Type, r.ID}
		}
		if len(found) < q2.Limit {
			return g.page, g.reads, nil
		}
		rows += len(found)
	}
	g.page.Next = cursor(q2.After)
	return g.page, g.reads, nil
}

// take takes a row of the index into the page, if its resource is shown; full is
// that the page was full before.
func (g *paging) take(r store.ResourceRow) (full bool, err error) {
	got, known := g.cases[r.Case]
	if !known {
		if got, err = g.read(r.Case); err != nil {
			return false, err
		}
		g.cases[r.Case] = got
	}
	if got == nil {
		return false, nil
	}
	key := r.Type + "/" + r.ID
	changed := got.shown.Changed[key]
	switch {
	case !g.seen[r.Case][key],
		!g.find.Since.IsZero() && changed.Before(g.find.Since), !g.find.Until.IsZero() && !changed.Before(g.find.Until):
		return false, nil
	case len(g.page.IDs) == g.find.Limit:
		last := g.page.IDs[len(g.page.IDs)-1]
		g.page.Next = cursor([3]string{string(care.CaseOf(last[1])), last[0], last[1]})
		return true, nil
	}
	if !slices.ContainsFunc(g.page.Shown, func(s translate.Shown) bool { return s.Case.ID == r.Case }) {
		g.page.Shown, g.reads = append(g.page.Shown, got.shown), append(g.reads, *got)
	}
	g.page.IDs = append(g.page.IDs, [2]string{r.Type, r.ID})
	return false, nil
}

func (g *paging) read(id care.CaseID) (*reads, error) {
	c, err := g.tx.Case(id)
	if care.KindOf(err) == care.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r, err := g.h.read(g.tx, g.by, c, g.q, g.now, g.last)
	if err != nil {
		return nil, err
	}
	if g.last = r.asked; !r.found {
		return nil, nil
	}
	g.seen[id] = r.asked.made
	return &r, nil
}

// cursor writes the place after which a search goes on.
func cursor(at [3]string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strings.Join(at[:], "\x00")))
}

func cursorOf(s string) (at [3]string, err error) {
	if s == "" {
		return at, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	parts := strings.Split(string(b), "\x00")
	if err != nil || len(parts) != 3 {
		return at, &care.Error{Kind: care.Invalid, Field: "page", Text: "This page cannot be found again. Search anew"}
	}
	return [3]string(parts), nil
}

// findCases are the cases that a search names by who they are of.
func (h *Hub) findCases(tx *store.Tx, by care.Actor, f Find) ([]care.Case, error) {
	ids, err := f.find(tx, by)
	if err != nil {
		return nil, err
	}
	var out []care.Case
	for _, id := range ids {
		c, err := h.living(tx, id)
		switch {
		case care.KindOf(err) == care.NotFound:
		case err != nil:
			return nil, err
		case !slices.ContainsFunc(out, func(x care.Case) bool { return x.ID == c.ID }):
			out = append(out, c)
		}
	}
	return out, nil
}

// find is the cases that the first name of f finds, of those that by may name them by.
func (f Find) find(tx *store.Tx, by care.Actor) (found []care.CaseID, err error) {
	one := func(id care.CaseID, cause error) {
		if id != "" && cause == nil {
			found = append(found, id)
		}
		err = errors.Join(err, cause)
	}
	switch {
	case f.Case != "":
		return []care.CaseID{f.Case}, nil
	case !f.NHS.IsZero():
		return tx.FindNHS(f.NHS)
	case len(f.IDs) > 0:
		for _, id := range f.IDs {
			if ownID(by, id) {
				one(tx.FindID(id))
			}
		}
	case f.Visit != nil:
		one(tx.FindVisit(by.Org, f.Visit.Value))
	case f.Referral != "":
		one(tx.FindReferral(f.Referral))
	case f.Sent != nil:
		one(tx.FindSent(by.Org, f.Sent.Value))
		one(tx.FindSent(by.Org, f.Sent.System+"|"+f.Sent.Value))
	case f.Family != "":
		return tx.FindPerson(f.Family, f.Born, f.Postcode)
	}
	return found, err
}

// Directory lists the organisations, wards, teams, providers and workers that a
// system may know: all organisations that are configured, the wards, teams and
// workers of its own, and the providers of the councils that share them.
func (h *Hub) Directory(ctx context.Context, by care.Actor) (Directory, error) {
	var d Directory
	err := h.update(ctx, func(tx *store.Tx) (err error) {
		d = Directory{}
		a := h.ask(by, policy.SendCase, nil, policy.Operations, "", h.now())
		if !a.allowed(policy.SendCase) {
			return a.refuse(tx)
		}
		if a.terms, err = h.terms(tx, h.now()); err != nil {
			return err
		}
		for _, o := range h.Orgs {
			d.Orgs = append(d.Orgs, h.numbered(o))
		}
		if d.Wards, err = h.wards(tx, by, ""); err != nil {
			return err
		}
		for _, c := range h.CouncilOrgs() {
			if err := h.directoryOf(tx, a, c.ODS, &d); err != nil {
				return err
			}
		}
		return a.audit(tx, true, "directory")
	})
	return d, err
}

func (h *Hub) directoryOf(tx *store.Tx, a *asking, council nhs.ODS, d *Directory) error {
	if a.terms.shares(council, a.by.Org, policy.ProviderPart) {
		ps, err := h.providers(tx, council) // with what people corrected
		if err != nil {
			return err
		}
		for _, p := range ps {
			d.Providers = append(d.Providers, p.Provider)
		}
	}
	if council != a.by.Org {
		return nil
	}
	ts, err := tx.Teams(council)
	if err != nil {
		return err
	}
	for _, t := range ts {
		t, _ = h.team(t)
		d.Teams = append(d.Teams, t)
	}
	ws, err := h.workers(tx, a.by)
	for _, w := range ws {
		d.Workers = append(d.Workers, care.Who{ID: w.ID, Name: w.Name, Org: council})
	}
	slices.SortFunc(d.Workers, func(x, y care.Who) int { return strings.Compare(string(x.ID), string(y.ID)) })
	return err
}

// indexAtOnce is how many cases are indexed in one transaction, which other writers
// wait for.
const indexAtOnce = 50

// indexLoop indexes the cases that were there before the index was, and ends.
func (h *Hub) indexLoop(ctx context.Context) {
	for ctx.Err() == nil {
		n := 0
		err := h.Store.Update(ctx, func(tx *store.Tx) (err error) {
			n, err = tx.Unindexed(indexAtOnce)
			return err
		})
		switch {
		case err == nil && n == 0:
			return
		case err != nil && ctx.Err() == nil:
			h.Log.Error("putting records into the index of resources", "err", err)
			pause(ctx, time.Minute)
		}
	}
}
