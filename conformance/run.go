package conformance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"homeward/fhir"
)

// RunCouncil plays a hospital against a council's receiver of referrals, by
// Supported Hospital Discharge at Target, by messages at BaRS, and by the other
// addresses of Config. What is "" is not tried.
func RunCouncil(ctx context.Context, c Config) (Report, error) {
	if c.Target+c.BaRS+c.FHIR+c.Lookup+c.Locator == "" {
		return Report{}, errors.New("there is nothing to try: give the address of at least one interface")
	}
	if err := c.Check(); err != nil {
		return Report{}, err
	}
	r := Report{Role: Council, Build: c.Build, Began: time.Now()}
	var at []string
	for _, way := range []struct {
		target string
		checks []Check
	}{{c.Target, CouncilChecks()}, {c.BaRS, BarsChecks()}, {c.FHIR, ReturnedChecks()}, {c.Lookup, LookupChecks()}, {c.Locator, LocatorChecks()}} {
		if way.target == "" {
			continue
		}
		one := c
		one.Target = way.target
		k, err := newKit(one)
		if err != nil {
			return Report{}, err
		}
		at = append(at, k.Target)
		k.people = perWay * (len(at) - 1) // somebody else for each way: one council has both
		r.Results = append(r.Results, run(ctx, k, way.checks)...)
	}
	r.Target, r.Took = strings.Join(at, "; "), time.Since(r.Began)
	return r, ctx.Err()
}

// CouncilChecks are all checks of a council's receiver, in the order of the report.
func CouncilChecks() []Check {
	var all []Check
	for _, some := range [][]Check{useCases(), businessRules(), scenarios(), readBacks(), behaviours(), wrongBodies()} {
		all = append(all, some...)
	}
	return all
}

// A step of a scenario is one call and the status that it must have.
type step struct {
	say     string
	changes func(*patient) []any // of the stay; nil: note
	note    string
	status  []int
	said    time.Duration // meta.lastUpdated, from the referral
}

// A scenario is a day of one person, as a hospital's system tells it.
type scenario struct {
	id, requirement string
	steps           []step
}

func expected(days int) func(*patient) []any {
	return func(p *patient) []any {
		return []any{"period", fhir.Obj("start", p.at(-48*time.Hour), "end", p.at(time.Duration(days)*24*time.Hour))}
	}
}

func ready(code string, since time.Duration) func(*patient) []any {
	return func(p *patient) []any {
		at := ""
		if code == "01" {
			at = p.at(since)
		}
		return []any{"extension", fhir.List(fitness(code, at))}
	}
}

var ok = []int{http.StatusOK}

// days are the scripted scenarios as far as they can be seen on this wire.
var days = []scenario{
	{"edd-storm", "Five predicted dates in one day, two of them out of order, are all taken.", []step{
		{say: "in two days", changes: expected(2), said: time.Minute, status: ok}, {say: "in three", changes: expected(3), said: 2 * time.Minute, status: ok},
		{say: "in five", changes: expected(5), said: 5 * time.Minute, status: ok}, {say: "in four, said before", changes: expected(4), said: 4 * time.Minute, status: ok},
		{say: "in two, said before", changes: expected(2), said: 3 * time.Minute, status: ok}}},
	{"ready-again", "Ready, not ready, and ready again is taken.", []step{
		{say: "ready", changes: ready("01", -3*time.Hour), said: time.Minute, status: ok}, {say: "not ready", changes: ready("02", 0), said: 2 * time.Minute, status: ok},
		{say: "ready again", changes: ready("01", -time.Minute), said: 3 * time.Minute, status: ok}}},
	{"dies", "That somebody died after the referral is taken, and a note after it.", []step{
		{say: "died", changes: func(p *patient) []any { return p.left("4") }, said: time.Minute, status: ok}, {say: "a note", note: "The family has been told.", status: []int{201}}}},
	{"moves", "Three wards in one day are taken.", []step{
		{say: "Ward 31", changes: ward("Ward 31"), said: time.Minute, status: ok}, {say: "Ward 7", changes: ward("Ward 7"), said: 2 * time.Minute, status: ok},
		{say: "Ward 31 again", changes: ward("Ward 31"), said: 3 * time.Minute, status: ok}}},
	{"home", "Ready, a notice's date, and home: a whole stay is taken.", []step{
		{say: "ready", changes: ready("01", -time.Hour), said: time.Minute, status: ok}, {say: "tomorrow", changes: expected(1), said: 2 * time.Minute, status: ok},
		{say: "home", changes: func(p *patient) []any { return p.left("1") }, said: 3 * time.Minute, status: ok}}},
}

func ward(name string) func(*patient) []any {
	return func(*patient) []any {
		return []any{"location", fhir.List(fhir.Obj("location", fhir.Obj("display", name), "status", "active"))}
	}
}

func scenarios() (out []Check) {
	for _, s := range days {
		out = append(out, Check{"day." + s.id, "Days", s.requirement, "Homeward's scripted scenarios; " + guide + "use cases", func(ctx context.Context, t *Trial) {
			p := t.somebody(ctx)
			if p == nil {
				return
			}
			for i, st := range s.steps {
				t.Show(fmt.Sprintf("Step %d: %s", i+1, st.say))
				if !t.want(t.step(ctx, p, st), st.status...) {
					return
				}
			}
		}})
	}
	return out
}

// readBacks are what stands at the end of a day, where the target can be asked.
func readBacks() []Check {
	check := func(id, requirement string, try func(context.Context, *Trial, *patient)) Check {
		return Check{"day." + id, "Days", requirement, "Homeward's scripted scenarios; FHIR STU3, read", func(ctx context.Context, t *Trial) {
			if p := t.somebody(ctx); p != nil {
				try(ctx, t, p)
			}
		}}
	}
	told := func(ctx context.Context, t *Trial, p *patient, steps []step) bool {
		for _, s := range steps {
			if !t.want(t.step(ctx, p, s), s.status...) {
				return false
			}
		}
		return true
	}
	return []Check{
		check("newest", "After a day of changes that came out of order, what was said last is what stands.", func(ctx context.Context, t *Trial, p *patient) {
			late := step{say: "Ward 7, said before", changes: ward("Ward 7"), said: 30 * time.Second, status: ok}
			if !told(ctx, t, p, append(slices.Clone(days[0].steps), late)) {
				return
			}
			n := t.reads(ctx, call{method: http.MethodGet, path: stays, query: p.visitQuery()}, "Encounter")
			want := p.now.Add(5 * 24 * time.Hour).Format(time.DateOnly)
			if n != nil && !strings.HasPrefix(n.Str("period.end"), want) {
				t.Failf("the predicted date is not that which was said last")
			}
		}),
		check("ends", "When somebody died, their referral is not active any more.", func(ctx context.Context, t *Trial, p *patient) {
			if !told(ctx, t, p, []step{{say: "died", changes: func(p *patient) []any { return p.left("4") }, said: time.Minute, status: ok}}) {
				return
			}
			if n := t.reads(ctx, call{method: http.MethodGet, path: referrals + "/" + p.id}, "ReferralRequest"); n != nil && n.Str("status") == "active" {
				t.Failf("ReferralRequest.status is active: somebody will ring")
			}
		}),
	}
}

// reads asks for one resource, or the first of a Bundle; nil: the target cannot be
// asked, or the trial has failed. To be asked is not demanded of a receiver.
func (t *Trial) reads(ctx context.Context, c call, typ string) *fhir.Node {
	a := t.send(ctx, c)
	switch {
	case a == nil:
		return nil
	case a.status == http.StatusNotFound || a.status == http.StatusMethodNotAllowed || a.status == http.StatusNotImplemented || a.status == http.StatusForbidden:
		t.NotTriedf("the target cannot be asked what stands")
		return nil
	case !t.want(a, http.StatusOK):
		return nil
	}
	for _, n := range append([]*fhir.Node{a.tree}, a.tree.All("entry.resource")...) {
		if n.Type() == typ {
			return n
		}
	}
	t.Failf("the answer has no %s", typ)
	return nil
}

func (t *Trial) step(ctx context.Context, p *patient, st step) *answer {
	if st.changes == nil {
		return t.send(ctx, call{method: http.MethodPost, path: notes, tree: p.note(st.note)})
	}
	return t.puts(ctx, p, fhir.JSON, append(st.changes(p), "meta", p.said("CareConnect-SHD-Encounter-1", st.said))...)
}
