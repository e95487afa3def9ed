package hub

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/sharing"
	"homeward/store"
)

// An accord is what flows between organisations on one day, by the agreements
// that are in force. It does not change once it is made.
type accord struct {
	seq    int64 // of the store: another number, other agreements
	today  nhs.Date
	book   sharing.Book
	open   map[[2]nhs.ODS][]policy.Section
	paused map[nhs.ODS][]sharing.Pause
}

// agreedBook remembers what is agreed, so that the agreements are not read for
// every question. Only what was committed is remembered: the number of a write
// that is rolled back is given again, to another write.
type agreedBook struct {
	mu     sync.Mutex
	last   *accord
	missed atomic.Bool // somebody read agreements that are not remembered
}

// terms is what flows today. It reads the number of the newest write, which
// another process may have made, and the agreements only when that has changed.
func (h *Hub) terms(tx *store.Tx, now time.Time) (*accord, error) {
	today := h.today(now)
	seq, err := tx.AgreementsSeq()
	if err != nil {
		return nil, err
	}
	h.agreements.mu.Lock()
	defer h.agreements.mu.Unlock()
	last := h.agreements.last
	switch {
	case last != nil && last.seq == seq && last.today == today:
		return last, nil
	case last != nil && last.seq == seq:
		h.agreements.last = h.newTerms(seq, today, last.book)
		return h.agreements.last, nil
	}
	book, err := tx.Agreements()
	if err != nil {
		return nil, err
	}
	h.agreements.missed.Store(true)
	return h.newTerms(seq, today, book), nil
}

// rememberAgreed reads what was committed, after somebody missed it.
func (h *Hub) rememberAgreed(ctx context.Context) {
	if !h.agreements.missed.Swap(false) {
		return
	}
	err := h.Store.View(ctx, func(tx *store.Tx) error {
		before, err := tx.AgreementsSeq()
		if err != nil {
			return err
		}
		book, err := tx.Agreements()
		if err != nil {
			return err
		}
		after, err := tx.AgreementsSeq()
		if err != nil || before != after { // the next who misses it tries again
			return err
		}
		h.agreements.mu.Lock()
		defer h.agreements.mu.Unlock()
		h.agreements.last = h.newTerms(after, h.today(h.now()), book)
		return nil
	})
	if err != nil && ctx.Err() == nil {
		h.Log.Warn("reading the sharing agreements again", "err", err)
	}
}

func (h *Hub) newTerms(seq int64, today nhs.Date, book sharing.Book) *accord {
	g := &accord{seq: seq, today: today, book: book, open: map[[2]nhs.ODS][]policy.Section{}, paused: map[nhs.ODS][]sharing.Pause{}}
	for _, a := range book {
		for _, f := range a.Flows {
			pair := [2]nhs.ODS{f.From, f.To}
			if _, done := g.open[pair]; done {
				continue
			}
			var open []policy.Section
			for _, s := range book.Open(f.From, f.To, today) {
				open = append(open, policy.Section(s))
			}
			if len(open) > 0 { // what is only drafted must not look like a change
				g.open[pair] = open
			}
		}
	}
	for _, o := range h.Orgs {
		var others []nhs.ODS
		for _, x := range h.Orgs {
			if o.Kind == care.Trust && x.Kind == care.Council || o.Kind == care.Council && x.Kind == care.Trust {
				others = append(others, x.ODS)
			}
		}
		g.paused[o.ODS] = book.Paused(o.ODS, today, others...)
	}
	return g
}

// flows is what one organisation shares with another. An organisation has all
// that it holds itself.
func (g *accord) flows(from, to nhs.ODS) []policy.Section {
	if from == to {
		return policy.Sections()
	}
	return g.open[[2]nhs.ODS{from, to}]
}

// stamp names these terms: under others it is another.
func (g *accord) stamp() string { return fmt.Sprintf("%d %s", g.seq, g.today) }

// same reports whether as much flows under both.
func (g *accord) same(o *accord) bool {
	return g.stamp() == o.stamp() || maps.EqualFunc(g.open, o.open, slices.Equal[[]policy.Section])
}

// shares reports whether all of these flow.
func (g *accord) shares(from, to nhs.ODS, sections ...policy.Section) bool {
	open := g.flows(from, to)
	return !slices.ContainsFunc(sections, func(s policy.Section) bool { return !slices.Contains(open, s) })
}

// pauses are those of what does not flow to an organisation that hold back any of
// the sections, by the names of the organisations.
func (g *accord) pauses(to nhs.ODS, sections ...policy.Section) []sharing.Pause {
	return slices.DeleteFunc(slices.Clone(g.paused[to]), func(p sharing.Pause) bool {
		return !slices.ContainsFunc(sections, func(s policy.Section) bool {
			return slices.Contains(p.Sections, sharing.Section(s)) && !g.shares(p.With, to, s)
		})
	})
}

// onto reads what is agreed and whether the glass is broken, for questions about
// a person. It must come after about, and before the first question: until then
// only what the reader's own organisation holds is open.
func (a *asking) onto(tx *store.Tx, now time.Time) (err error) {
	if a.terms, err = a.h.terms(tx, now); err != nil || a.facts == nil {
		return err
	}
	if a.by.Role == care.Machine {
		a.relate()
		return nil // no system breaks a glass
	}
	broken, err := a.h.glassOpen(tx, a.by, care.CaseID(a.facts.ID), now)
	if err != nil {
		return err
	}
	if broken {
		a.facts.Glass = []string{string(a.by.ID)}
	}
	a.relate()
	return nil
}

// relate works out what ties the reader to the person, and what is open to them.
func (a *asking) relate() {
	p := principal(a.by)
	a.context.Relationship = policy.Relate(p, a.facts, a.declared)
	a.record.Relationship = string(a.context.Relationship)
	a.context.Open = policy.Own(p, a.facts)
	clear(a.parts)
	a.tasks = nil
	if a.terms == nil {
		return
	}
	for _, list := range [][]string{a.facts.Hospitals, a.facts.Councils, a.facts.ReferredBy, a.facts.ReferredTo} {
		for _, org := range list {
			if org != string(a.by.Org) {
				a.context.Open = append(a.context.Open, a.terms.flows(nhs.ODS(org), a.by.Org)...)
			}
		}
	}
	a.context.Open = inOrder(a.context.Open)
}

// inOrder is sections each once, in one order: alike questions are then the same.
func inOrder(open []policy.Section) []policy.Section {
	var out []policy.Section
	for _, s := range policy.Sections() {
		if slices.Contains(open, s) {
			out = append(out, s)
		}
	}
	return out
}

// partActions are the actions that are asked of each organisation's part of a
// case by itself.
var partActions = []policy.Action{policy.SeeDemographics, policy.SeeWhereabouts, policy.SeePackages, policy.SeeProvider, policy.SeePackageDetail,
	policy.SeeSafeguarding, policy.SeeFinance, policy.SeeReferral, policy.SeeTimeline, policy.SeeRisk, policy.SeeAssessments,
	policy.Accept, policy.Return, policy.Allocate, policy.Progress, policy.CloseReferral, policy.Hold, policy.Transfer}

// from is what the reader may see of what one organisation holds of the person:
// the policies are asked with that organisation's agreement alone, so that an
// agreement with one opens nothing of another. Notes and tasks for both sides are
// under seeNotes and seeTasks.
func (a *asking) from(org nhs.ODS) map[policy.Action]bool {
	if may, ok := a.parts[org]; ok {
		return may
	}
	ctx := a.context
	ctx.Open = policy.Own(principal(a.by), a.facts)
	if org == a.by.Org {
		ctx.Open = policy.Sections()
	} else if ctx.Open = nil; a.terms != nil {
		ctx.Open = a.terms.flows(org, a.by.Org)
	}
	may := map[policy.Action]bool{}
	for i, d := range a.h.Policies.DecideMany(principal(a.by), a.facts, ctx, partActions...) {
		may[partActions[i]] = d.Allow
	}
	ctx.Audience = policy.ForBoth
	both := a.h.Policies.DecideMany(principal(a.by), a.facts, ctx, policy.SeeNotes, policy.SeeTasks)
	may[policy.SeeNotes], may[policy.SeeTasks] = both[0].Allow, both[1].Allow
	if a.withheld(org) {
		may[policy.SeeTimeline], may[policy.SeeNotes], may[policy.SeeTasks] = false, false, false
	}
	if a.parts == nil {
		a.parts = map[nhs.ODS]map[policy.Action]bool{}
	}
	a.parts[org] = may
	return may
}

// withheld reports whether a person's objection keeps a hospital's part from the
// reader's council: a council that supports somebody has a timeline and notes of
// its own, so the policies alone, which see the whole case, cannot say it.
func (a *asking) withheld(org nhs.ODS) bool {
	return a.objects() && a.by.OrgKind == care.Council && a.h.Org(org).Kind == care.Trust && !slices.Contains(a.facts.ReferredTo, string(a.by.Org))
}

// PausedError is the cause of a refusal to somebody to whose organisation
// something that once was shared does not flow. It is the same whoever they asked
// about.
type PausedError struct{ Paused []sharing.Pause }

// Error says what it is.
func (*PausedError) Error() string { return "sharing is paused" }

// stopped are those pauses that something once agreed came to, and not those of
// organisations with which nothing ever was agreed.
func stopped(ps []sharing.Pause) []sharing.Pause {
	return slices.DeleteFunc(slices.Clone(ps), sharing.Pause.Never)
}

// pausedSay names the organisations whose part does not come, in words.
func (h *Hub) pausedSay(ps []sharing.Pause) string {
	var names []string
	for _, p := range ps {
		if n := h.Org(p.With).Name; !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return strings.Join(names, ", ")
}

// refusal is the error of a refusal. Every refusal of a reader is the same, and
// says whose part does not come to their organisation at all, if anybody's.
func (a *asking) refusal(tx *store.Tx) error {
	e := &care.Error{Kind: care.Forbidden, Text: "You cannot see this. If you need it for your work, ask your information governance lead"}
	if a.terms == nil {
		var err error
		if a.terms, err = a.h.terms(tx, a.record.At); err != nil {
			return err
		}
	}
	if ps := stopped(a.terms.paused[a.by.Org]); len(ps) > 0 {
		e.Text += ". Sharing is paused with " + a.h.pausedSay(ps)
		e.Err = &PausedError{ps}
	}
	return committed{e}
}

// PausedOf is whose part does not come to the reader's organisation, as a
// refusal says it; nil of any other error.
func PausedOf(err error) []sharing.Pause {
	var p *PausedError
	if errors.As(err, &p) {
		return p.Paused
	}
	return nil
}

// noReferral is why a referral cannot be sent to a council: the trust shares
// neither who people are nor referrals with it. nil where it can, and of a council
// that is not settled yet, which is asked about when it is.
func (a *asking) noReferral(to nhs.ODS) *care.Error {
	if to == "" || a.terms.shares(a.by.Org, to, listParts...) {
		return nil
	}
	council := a.h.Org(to)
	text := "Homeward cannot send this: no sharing agreement in force lets your organisation send referrals to " + council.Name
	if council.Phone != "" {
		text += ". Ring them: " + council.Phone
	}
	return &care.Error{Kind: care.BusinessRule, Field: "council_name", Text: text}
}

// mayRefer refuses, and audits, what noReferral does.
func (h *Hub) mayRefer(tx *store.Tx, a *asking, to nhs.ODS) error {
	no := a.noReferral(to)
	if no == nil {
		return nil
	}
	if err := a.audit(tx, true, "refused: no agreement"); err != nil {
		return err
	}
	return committed{no}
}
