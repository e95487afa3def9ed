package policy

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	cedar "github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func nurse() Actor { return Actor{ID: "a1", Org: "RK5", OrgKind: Trust, Role: AENurse} }

func adult() *Case { return &Case{ID: "c1", Adult: true, AgeKnown: true, Councils: []string{"511"}} }

func looking() Context {
	return Context{Purpose: DirectCare, ReasonGiven: true, Relationship: Declared, Open: Sections()}
}

// without takes one attribute away from a record.
func without(r types.Record, name types.String) types.Record {
	m := maps.Collect(r.All())
	delete(m, name)
	return types.NewRecord(m)
}

// TestMissingFactDenies shows the danger and that it is locked. Cedar skips a
// rule that errs, so a forbid that reads a missing fact vanishes and the answer
// is yes; no missing fact may ever lead Homeward to say yes.
func TestMissingFactDenies(t *testing.T) {
	set := load(t)
	danger := false
	for name := range asked(t, set).resource.Attributes.All() {
		q := asked(t, set)
		q.resource.Attributes = without(q.resource.Attributes, name)
		req := types.Request{
			Principal: q.actor.UID, Action: types.NewEntityUID(actionType, types.String(SeePackages)),
			Resource: q.resource.UID, Context: q.context,
		}
		if allow, found := cedar.Authorize(set.byAction[req.Action], q, req); allow == cedar.Allow && len(found.Errors) > 0 {
			danger = true
			if d := q.decide(nurse(), SeePackages); d.Allow || len(d.Errors) == 0 {
				t.Errorf("without %s: an error in a rule did not deny: %+v", name, d)
			}
		}
	}
	if !danger {
		t.Error("Cedar alone no longer says yes; this test has lost its point")
	}
}

// asked is a question to which the answer is yes.
func asked(t interface {
	Fatal(...any)
	Fatalf(string, ...any)
}, set *Set) *question {
	q, err := set.ask(nurse(), adult(), looking())
	if err != nil {
		t.Fatal(err)
	}
	if d := q.decide(nurse(), SeePackages); !d.Allow {
		t.Fatalf("with every fact the nurse may see packages: %+v", d)
	}
	return q
}

// TestBrokenAttributeDenies breaks any attribute of the actor, of the person or of
// the circumstances in any way: taken away, of another type, or beside one that
// the schema does not have. The question is refused before any rule is asked.
func TestBrokenAttributeDenies(t *testing.T) {
	set := load(t)
	wrong := []types.Value{types.String("x"), types.Long(1), types.Boolean(true), types.NewSet(types.Long(1)), types.NewSet(types.String("x")),
		types.NewEntityUID(roleType, "nobody"), types.NewEntityUID(personType, "p"), types.NewRecord(nil)}
	rapid.Check(t, func(t *rapid.T) {
		q := asked(t, set)
		part := rapid.SampledFrom([]*types.Record{&q.actor.Attributes, &q.resource.Attributes, &q.context}).Draw(t, "part")
		fields := maps.Collect(part.All())
		name := rapid.SampledFrom(slices.Sorted(maps.Keys(fields))).Draw(t, "attribute")
		switch rapid.IntRange(0, 2).Draw(t, "how") {
		case 0:
			delete(fields, name)
		case 1:
			others := slices.DeleteFunc(slices.Clone(wrong), func(v types.Value) bool {
				_, set := v.(types.Set) // of something else
				return !set && fmt.Sprintf("%T", v) == fmt.Sprintf("%T", fields[name])
			})
			v := rapid.SampledFrom(others).Draw(t, "value")
			if strings.HasPrefix(string(name), "teams") {
				v = types.Long(1)
			}
			fields[name] = v
		case 2:
			fields[name+"2"] = types.Boolean(true)
		}
		*part = types.NewRecord(fields)
		invalid := q.valid() != nil
		if d := q.decide(nurse(), SeePackages); !invalid && (d.Allow || len(d.Errors) == 0) {
			t.Fatalf("%s broken, and the answer is %+v", name, d)
		}
	})
}

func TestBadRequestsDeny(t *testing.T) {
	for name, spoil := range map[string]func(*Request){
		"no actor id":           func(r *Request) { r.Actor.ID = "" },
		"no organisation":       func(r *Request) { r.Actor.Org = "" },
		"unknown role":          func(r *Request) { r.Actor.Role = "surgeon" },
		"unknown kind":          func(r *Request) { r.Actor.OrgKind = "charity" },
		"unknown action":        func(r *Request) { r.Action = "seeEverything" },
		"a group as an action":  func(r *Request) { r.Action = "shared" },
		"unknown purpose":       func(r *Request) { r.Context.Purpose = "curiosity" },
		"unknown relationship":  func(r *Request) { r.Context.Relationship = "friend" },
		"unknown audience":      func(r *Request) { r.Context.Audience = "press" },
		"no case":               func(r *Request) { r.Case = nil },
		"case without id":       func(r *Request) { r.Case.ID = "" },
		"blank council":         func(r *Request) { r.Case.Councils = []string{""} },
		"case where none goes":  func(r *Request) { r.Action = ListWard },
		"nothing said at all":   func(r *Request) { *r = Request{} },
		"blank worker":          func(r *Request) { r.Case.Allocated = []string{""} },
		"blank among numbers":   func(r *Request) { r.Case.NumberedBy = []string{""} },
		"unknown section":       func(r *Request) { r.Context.Open = []Section{"gossip"} },
		"blank provider":        func(r *Request) { r.Case.ClientOf = []string{""} },
		"blank glass":           func(r *Request) { r.Case.Glass = []string{""} },
		"blank among hospitals": func(r *Request) { r.Case.Hospitals = []string{"RK5", ""} },
	} {
		r := Request{nurse(), SeePackages, adult(), looking()}
		spoil(&r)
		if d := load(t).Decide(r); d.Allow || len(d.Errors) == 0 || d.Why == "" || len(d.Policies) != 0 {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

func TestDecisionSaysWhy(t *testing.T) {
	set := load(t)
	d := set.Decide(Request{nurse(), SeePackages, adult(), looking()})
	if !d.Allow || !cmp.Equal(d.Policies, []string{"shared-hospital"}) || !strings.HasPrefix(d.Why, "Hospital nurses") {
		t.Errorf("permitted: %+v", d)
	}
	if d := set.Decide(Request{nurse(), SeePackages, adult(), Context{Purpose: DirectCare, ReasonGiven: true, Relationship: Declared}}); d.Allow || !cmp.Equal(d.Policies, []string{"agreement"}) {
		t.Errorf("without an agreement: %+v", d)
	}
	d = set.Decide(Request{nurse(), Accept, adult(), looking()})
	if d.Allow || d.Policies != nil || d.Errors != nil || d.Why != "No rule lets A&E nurse accept a referral here." {
		t.Errorf("default: %+v", d)
	}
	c := adult()
	c.Restricted = true
	d = set.Decide(Request{nurse(), SeePackages, c, looking()})
	if want := []string{"restricted-hospital", "restricted-knowledge", "restricted-outside"}; d.Allow || !cmp.Equal(d.Policies, want) {
		t.Errorf("forbidden: %+v", d)
	}
}

func TestLoadRefuses(t *testing.T) {
	rules, schema := string(read(t, "sharing.cedar")), string(read(t, "sharing.cedarschema"))
	const forbid = "\nforbid (principal, action == Action::\"refer\", resource is Person) when "
	for name, c := range map[string]struct{ rules, schema, want string }{
		"a misspelt fact":                  {rules + `@id("x") @says("It is so.")` + forbid + `{ resource.restrictd };`, schema, "restrictd"},
		"a misspelt role":                  {rules + `@id("x") @says("It is so.")` + forbid + `{ principal.role == Role::"coordinatr" };`, schema, "coordinatr"},
		"a misspelt type":                  {rules + `@id("x") @says("It is so.")` + forbid + `{ principal.role == Rol::"coordinator" };`, schema, "Rol"},
		"a role compared with a kind":      {rules + `@id("x") @says("It is so.")` + forbid + `{ principal.role == OrgKind::"trust" };`, schema, "never"},
		"a role among kinds":               {rules + `@id("x") @says("It is so.")` + forbid + `{ [OrgKind::"trust"].contains(principal.role) };`, schema, "not compatible"},
		"a hospital that is a role":        {rules + `@id("x") @says("It is so.")` + forbid + `{ resource.hospitals.contains(principal.role) };`, schema, "not compatible"},
		"an actor that is an organisation": {rules + `@id("x") @says("It is so.")` + forbid + `{ principal != principal.org };`, schema, "never"},
		"a misspelt action":                {strings.ReplaceAll(rules, `Action::"seeFinance"`, `Action::"seeFinances"`) + `@id("x") @says("It is so.") permit (principal, action == Action::"seeFinances", resource);`, schema, "seeFinances"},
		"an action literal":                {rules + `@id("x") @says("It is so.")` + forbid + `{ action != Action::"reefer" };`, schema, "reefer"},
		"no id":                            {rules + `@says("It is so.")` + forbid + `{ resource.died };`, schema, "@id"},
		"an id twice":                      {rules + `@id("died") @says("It is so.")` + forbid + `{ resource.died };`, schema, "twice"},
		"no says":                          {rules + `@id("x")` + forbid + `{ resource.died };`, schema, "@says"},
		"says no sentence":                 {rules + `@id("x") @says("because")` + forbid + `{ resource.died };`, schema, "@says"},
		"another annotation":               {rules + `@id("x") @says("It is so.") @bases("law")` + forbid + `{ resource.died };`, schema, "@bases"},
		"bad syntax":                       {rules + `permit (principal, action, resource`, schema, "sharing rules"},
		"no rules":                         {"// nothing", schema, "none"},
		"bad schema":                       {rules, schema + "entity ;", "schema"},
		"no schema":                        {rules, "", "schema"},
		"an action too few":                {rules, strings.Replace(schema, "listTracker, ", "", 1), "actions"},
		"an action too many":               {rules, strings.Replace(schema, "listTracker, ", "listTracker, listCats, ", 1), "listCats"},
		"a purpose too many":               {rules, strings.Replace(schema, `"governance"`, `"governance", "research"`, 1), "research"},
		"a role that is text":              {rules, strings.Replace(schema, `entity OrgKind enum ["trust", "council", "provider", "system"]`, "entity OrgKind", 1), "enum"},
	} {
		_, err := Load([]byte(c.rules), []byte(c.schema))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
		}
	}
}

func TestVersionFollowsTheText(t *testing.T) {
	rules, schema := read(t, "sharing.cedar"), read(t, "sharing.cedarschema")
	a, err := Load(rules, schema)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Load(append(slices.Clone(rules), "// more\n"...), schema)
	if err != nil {
		t.Fatal(err)
	}
	if a.Version() == b.Version() || a.Version() != load(t).Version() || len(a.Version()) != 16 {
		t.Errorf("versions %q, %q and %q", a.Version(), b.Version(), load(t).Version())
	}
}

func TestExplainNamesRulesAndFacts(t *testing.T) {
	set := load(t)
	c := adult()
	c.Restricted = true
	got := set.Explain(Request{nurse(), SeePackages, c, looking()})
	for _, want := range []string{"NO: A&E nurse of RK5 (trust)", set.Version(), "restricted-outside (forbids)", "shared-hospital", "restricted yes", "councils 511", "purpose direct-care"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	got = set.Explain(Request{nurse(), ListWard, nil, Context{}})
	for _, want := range []string{"YES", "list-ward (permits)", "about no one person"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if got = set.Explain(Request{}); !strings.Contains(got, "error: the actor has no id") {
		t.Errorf("an empty request is explained as\n%s", got)
	}
}

func TestMatrixCoversAllAndAgreesWithDecide(t *testing.T) {
	set := load(t)
	base := Case{
		ID: "c1", Adult: true, AgeKnown: true, Hospitals: []string{"RK5"}, Councils: []string{"511"},
		ReferredTo: []string{"511"}, ReferredBy: []string{"RK5"}, ClientOf: []string{"V1"}, ConcernTo: []string{"511"},
	}
	m := set.Matrix(base)
	if len(m) != len(Roles()) {
		t.Fatalf("%d rows, want %d", len(m), len(Roles()))
	}
	anyone := map[Action]bool{}
	for i, row := range m {
		if len(row) != len(Actions()) {
			t.Fatalf("row %d has %d cells, want %d", i, len(row), len(Actions()))
		}
		for j, c := range row {
			if c.Role != Roles()[i] || c.Action != Actions()[j] || len(c.Errors) > 0 || c.Why == "" {
				t.Errorf("cell %d %d: %+v", i, j, c)
			}
			anyone[c.Action] = anyone[c.Action] || c.Allow
		}
	}
	for _, a := range Actions() {
		if !anyone[a] {
			t.Errorf("nobody may %s, even of a case that all have to do with", a.Title())
		}
	}
}

// The properties below hold for any actor, any facts and any circumstances.

var orgs = []string{"RK5", "RX1", "511", "512", "V1"}

func drawActor(t *rapid.T) Actor {
	return Actor{
		ID: "a1", Org: rapid.SampledFrom(orgs).Draw(t, "org"),
		OrgKind: rapid.SampledFrom([]OrgKind{Trust, Council, Provider, System}).Draw(t, "kind"),
		Role:    rapid.SampledFrom(Roles()).Draw(t, "role"),
	}
}

func drawCase(t *rapid.T) *Case {
	flag := func(name string) bool { return rapid.Bool().Draw(t, name) }
	list := func(name string) []string {
		return rapid.SliceOfDistinct(rapid.SampledFrom(orgs), rapid.ID).Draw(t, name)
	}
	c := &Case{
		ID: "c1", Adult: flag("adult"), AgeKnown: flag("age known"), Restricted: flag("restricted"),
		Frozen: flag("frozen"), Died: flag("died"), Hospitals: list("hospitals"), Councils: list("councils"),
		ReferredTo: list("referred to"), ReferredBy: list("referred by"), NumberedBy: list("numbered by"),
		CouncilRestricted: flag("restricted by a council"), ClientOf: list("client of"), ConcernTo: list("concern to"),
	}
	if flag("allocated") {
		c.Allocated = []string{"a1"}
	}
	if c.Objected = flag("objected"); flag("broken glass") {
		c.Glass = []string{"a1"}
	}
	return c
}

func drawContext(t *rapid.T) Context {
	return Context{
		Purpose:      rapid.SampledFrom([]Purpose{"", DirectCare, DischargePlanning, OtherPurpose, Operations, Governance}).Draw(t, "purpose"),
		ReasonGiven:  rapid.Bool().Draw(t, "reason"),
		OnBehalf:     rapid.Bool().Draw(t, "on behalf"),
		Relationship: rapid.SampledFrom([]Relationship{"", Stay, Referral, Involvement, Declared, Emergency, NoneRelation}).Draw(t, "relationship"),
		Audience:     rapid.SampledFrom([]Audience{"", ForBoth, ForCouncil, ForHospital}).Draw(t, "audience"),
		Open:         rapid.OneOf(rapid.Just(Sections()), rapid.SliceOfDistinct(rapid.SampledFrom(Sections()), rapid.ID)).Draw(t, "open"),
	}
}

// governs tells what may be asked of anybody by those who settle or govern.
func governs(x Action) bool {
	return x == SeeAudit || x == Steward || x == SeeRawMessage || x == ReportAccess || x == SendCase
}

// allowed draws a question and gives all that is allowed about the case.
func allowed(t *rapid.T, set *Set, bend func(*Actor, *Case, *Context)) (Actor, *Case, Context, []Action) {
	a, c, ctx := drawActor(t), drawCase(t), drawContext(t)
	bend(&a, c, &ctx)
	about, _ := set.byResource()
	var out []Action
	for i, d := range set.DecideMany(a, c, ctx, about...) {
		if len(d.Errors) > 0 {
			t.Fatalf("%s: %v", about[i], d.Errors)
		}
		if d.Allow {
			out = append(out, about[i])
		}
	}
	return a, c, ctx, out
}

func TestHospitalNeverSeesDetailOrMoney(t *testing.T) {
	set := load(t)
	rapid.Check(t, func(t *rapid.T) {
		_, _, _, got := allowed(t, set, func(a *Actor, _ *Case, _ *Context) { a.OrgKind = Trust })
		for _, x := range got {
			if slices.Contains([]Action{SeeFinance, SeePackageDetail, Arrange, SeeArranging, SeeMoney, SetMoney, ApproveMoney, SeeConcern}, x) {
				t.Fatalf("a trust may %s", x.Title())
			}
		}
	})
}

// TestConcernsAreNeverRefused: where somebody may raise a safeguarding concern
// about a person at all, that the record is in question, that the person objects
// or has died, and that nothing is agreed change nothing.
func TestConcernsAreNeverRefused(t *testing.T) {
	set := load(t)
	rapid.Check(t, func(t *rapid.T) {
		a, c, ctx := drawActor(t), drawCase(t), drawContext(t)
		c.Frozen, c.Objected, c.Died = false, false, false
		free := set.Decide(Request{a, RaiseConcern, c, ctx}).Allow
		c.Frozen, c.Objected, c.Died, ctx.Open = rapid.Bool().Draw(t, "in question"), true, rapid.Bool().Draw(t, "dead"), nil
		if d := set.Decide(Request{a, RaiseConcern, c, ctx}); d.Allow != free {
			t.Fatalf("%s may raise a concern: %v, and otherwise %v: %s", a.Role.Title(), d.Allow, free, d.Why)
		}
	})
}

func TestRestrictedDoesNotExistOutside(t *testing.T) {
	set := load(t)
	rapid.Check(t, func(t *rapid.T) {
		a, c, _, got := allowed(t, set, func(_ *Actor, c *Case, _ *Context) { c.Restricted = true })
		holds := has(c.Councils, a.Org)
		touches := holds || has(c.Hospitals, a.Org) || has(c.ReferredTo, a.Org) || has(c.ReferredBy, a.Org)
		for _, x := range got {
			asked := x == SeeConcern && has(c.ConcernTo, a.Org) // a concern was raised to them: only that is theirs
			if !touches && !asked && x != SeeAudit && x != ReportAccess && x != SendCase {
				t.Fatalf("one who has nothing to do with a restricted person may %s", x.Title())
			}
			if !holds && slices.Contains([]Action{Lookup, SeePackages, SeeProvider, SeeSafeguarding, SeePackageDetail, SeeFinance}, x) {
				t.Fatalf("one who does not hold a restricted person may %s", x.Title())
			}
			if x == SeeWhereabouts && !holds && !((a.Role == Coordinator || a.Role == Machine) && has(c.Hospitals, a.Org)) {
				t.Fatalf("%s may see where a restricted person is", a.Role.Title())
			}
		}
	})
}

// TestCouncilRestrictionLimitsOnlyTheCouncil: outside the councils that support
// the person, all that a restriction changes is what comes from a council or
// from a declared interest; nobody can tell it from the rest of a page.
func TestCouncilRestrictionLimitsOnlyTheCouncil(t *testing.T) {
	set := load(t)
	councils := []Action{Lookup, SeePackages, SeeProvider, SeeSafeguarding, SeePackageDetail, SeeFinance, TellProvider}
	rapid.Check(t, func(t *rapid.T) {
		a, c, ctx, got := allowed(t, set, func(_ *Actor, c *Case, _ *Context) { c.CouncilRestricted = true })
		free := *c
		free.CouncilRestricted = false
		about, _ := set.byResource()
		for i, d := range set.DecideMany(a, &free, ctx, about...) {
			x, restricted := about[i], slices.Contains(got, about[i])
			want := d.Allow
			if !has(c.Councils, a.Org) && !governs(x) && (ctx.Relationship == Declared || ctx.Relationship == Emergency || slices.Contains(councils, x)) {
				want = false
			}
			if onlyGlass(set, a, &free, ctx, x) {
				want = false
			}
			if restricted != want {
				t.Fatalf("%s may %s: %v, want %v", a.Role.Title(), x.Title(), restricted, want)
			}
		}
	})
}

// onlyGlass reports whether nothing but a broken glass permits something.
func onlyGlass(set *Set, a Actor, c *Case, ctx Context, x Action) bool {
	return cmp.Equal(set.Decide(Request{a, x, c, ctx}).Policies, []string{"glass-opens"})
}

func TestOnlyOwnRecordsAreSettled(t *testing.T) {
	set := load(t)
	rapid.Check(t, func(t *rapid.T) {
		a, c, _, got := allowed(t, set, func(a *Actor, _ *Case, _ *Context) {
			a.Role = rapid.SampledFrom([]Role{Coordinator, TeamManager, IGLead}).Draw(t, "steward's role")
		})
		own := has(c.Councils, a.Org) || has(c.Hospitals, a.Org) || has(c.ReferredTo, a.Org) || has(c.ReferredBy, a.Org) || has(c.NumberedBy, a.Org)
		if slices.Contains(got, Steward) && !own {
			t.Fatalf("%s settles a record that is not of their organisation", a.Role.Title())
		}
	})
}

func TestLookupOpensNothingUnder18(t *testing.T) {
	set := load(t)
	rapid.Check(t, func(t *rapid.T) {
		a, c, ctx, got := allowed(t, set, func(_ *Actor, c *Case, _ *Context) { c.Adult = c.Adult && !c.AgeKnown })
		shared := []Action{SeePackages, SeeProvider, SeeSafeguarding}
		for _, x := range got {
			if x == Lookup || x == Refer || (ctx.Relationship == Declared && !governs(x)) ||
				(slices.Contains(shared, x) && !has(c.Councils, a.Org)) {
				t.Fatalf("%s may %s under 18", a.Role.Title(), x.Title())
			}
		}
	})
}

func TestDeadAreNotRung(t *testing.T) {
	set := load(t)
	rapid.Check(t, func(t *rapid.T) {
		_, _, _, got := allowed(t, set, func(_ *Actor, c *Case, _ *Context) { c.Died = true })
		for _, x := range []Action{RecordCall, Refer, Transfer, Nudge, SayReady} {
			if slices.Contains(got, x) {
				t.Fatalf("allowed after death: %s", x.Title())
			}
		}
	})
}

func TestThoseWithoutPatientsSeeNone(t *testing.T) {
	set := load(t)
	rapid.Check(t, func(t *rapid.T) {
		a, _, ctx, got := allowed(t, set, func(a *Actor, _ *Case, _ *Context) {
			a.Role = rapid.SampledFrom([]Role{IGLead, Integration, Wallboard, Admin}).Draw(t, "role without patients")
		})
		for _, x := range got {
			ok := a.Role == IGLead && (x == SeeAudit || x == Steward || x == ReportAccess) || a.Role == Integration && x == SeeRawMessage && ctx.ReasonGiven
			if !ok {
				t.Fatalf("%s may %s", a.Role.Title(), x.Title())
			}
		}
	})
}

// TestSystemsSeeTheirOwn: a system sees and does something about a person only
// where its organisation has a part in the case, or for a member of staff whom it
// names; and never breaks a glass, objects for anybody or rings anybody.
func TestSystemsSeeTheirOwn(t *testing.T) {
	set := load(t)
	rapid.Check(t, func(t *rapid.T) {
		a, c, ctx, got := allowed(t, set, func(a *Actor, _ *Case, _ *Context) { a.Role = Machine })
		touches := has(c.Councils, a.Org) || has(c.Hospitals, a.Org) || has(c.ReferredTo, a.Org) || has(c.ReferredBy, a.Org)
		for _, x := range got {
			behalf := a.OrgKind == Trust && ctx.OnBehalf && ctx.ReasonGiven && slices.Contains([]Action{Lookup, SeeDemographics, SeePackages, SeeProvider, SeeSafeguarding}, x)
			switch {
			case x == SendCase:
			case !touches && !behalf, x == Lookup && !behalf:
				t.Fatalf("a system without ties may %s", x.Title())
			case slices.Contains([]Action{BreakGlass, RecordObjection, RecordCall, Steward, SeeAudit}, x):
				t.Fatalf("a system may %s", x.Title())
			case (x == SeeNotes || x == AddNote) && ctx.Audience != ForBoth:
				t.Fatalf("a system may %s for %s", x.Title(), ctx.Audience)
			}
		}
	})
}

func TestOthersBusinessStaysShut(t *testing.T) {
	set := load(t)
	work := []Action{Refer, Withdraw, Accept, Return, Allocate, Progress, CloseReferral, AddNote, SeeNotes, SeeReferral, SeeTimeline, SeeWhereabouts, SeeRisk, SeeAssessments, RecordObjection, SeeFinance, SeePackageDetail,
		Hold, Transfer, SayReady, WriteAssessment, ApproveAssessment, SeeTasks, SetTask, Nudge, TellProvider, RecordOutcome, SeeOutcome, DecideHuddle,
		Arrange, SeeArranging, SeeMoney, SetMoney, ApproveMoney}
	rapid.Check(t, func(t *rapid.T) {
		a, c, _, got := allowed(t, set, func(*Actor, *Case, *Context) {})
		touches := has(c.Councils, a.Org) || has(c.Hospitals, a.Org) || has(c.ReferredTo, a.Org) || has(c.ReferredBy, a.Org)
		for _, x := range got {
			if has(c.Glass, a.ID) && (x == SeeReferral || x == SeeTimeline) {
				continue
			}
			if !touches && slices.Contains(work, x) {
				t.Fatalf("%s of an organisation without ties may %s", a.Role.Title(), x.Title())
			}
			provider := slices.Contains([]Action{SeeClient, AnswerClient, SignAssessment}, x)
			if client := provider && a.Role == CareProvider && has(c.ClientOf, a.Org); a.OrgKind == Provider && !client || provider && a.OrgKind != Provider {
				t.Fatalf("%s of a %s may %s", a.Role.Title(), a.OrgKind, x.Title())
			}
			if x == SeeConcern && !touches && !has(c.ConcernTo, a.Org) {
				t.Fatalf("%s reads a concern raised to others", a.Role.Title())
			}
		}
	})
}

// sees is the section that an action shows.
var sees = map[Action]Section{
	SeeDemographics: Demographics, SeeWhereabouts: Whereabouts, SeePackages: Packages, SeeProvider: ProviderPart, SeePackageDetail: PackageDetail,
	SeeSafeguarding: Safeguarding, SeeAssessments: Assessments, SeeRisk: Risk, SeeFinance: Finance, SeeReferral: ReferralPart, SeeTimeline: Timeline,
}

// TestNothingWithoutAnAgreement: a section that is not open is seen by nobody, in
// no role and in no emergency; and whatever is opened more takes nothing away.
func TestNothingWithoutAnAgreement(t *testing.T) {
	set := load(t)
	rapid.Check(t, func(t *rapid.T) {
		a, c, ctx, got := allowed(t, set, func(*Actor, *Case, *Context) {})
		for _, x := range got {
			if s, ok := sees[x]; ok && !slices.Contains(ctx.Open, s) {
				t.Fatalf("%s may %s, which nobody agreed", a.Role.Title(), x.Title())
			}
			if x == SeeNotes && ctx.Audience == ForBoth && !slices.Contains(ctx.Open, Notes) {
				t.Fatalf("%s reads notes that nobody agreed to share", a.Role.Title())
			}
		}
		ctx.Open = Sections()
		about, _ := set.byResource()
		for i, d := range set.DecideMany(a, c, ctx, about...) {
			if !d.Allow && slices.Contains(got, about[i]) {
				t.Fatalf("%s may %s, until more is agreed", a.Role.Title(), about[i].Title())
			}
		}
	})
}

// TestBrokenGlassOpensNoMore: of nobody who is restricted, under 18 or of unknown
// age, and of no record in question; only to see; and only the bedside's part.
func TestBrokenGlassOpensNoMore(t *testing.T) {
	set := load(t)
	rapid.Check(t, func(t *rapid.T) {
		a, c, ctx, got := allowed(t, set, func(_ *Actor, c *Case, ctx *Context) {
			c.Glass = []string{"a1"}
			if ctx.Relationship == Emergency {
				ctx.Relationship = NoneRelation
			}
		})
		whole := *c
		whole.Glass, whole.Objected = nil, false
		shut := c.Restricted || c.CouncilRestricted || c.Frozen || !c.Adult || !c.AgeKnown
		for _, x := range got {
			without := set.Decide(Request{a, x, &whole, ctx}).Allow
			bedside := slices.Contains([]Action{SeePackages, SeeProvider, SeeSafeguarding, SeeDemographics, SeeReferral, SeeTimeline}, x)
			if !without && (shut || !bedside) {
				t.Fatalf("a broken glass lets %s %s", a.Role.Title(), x.Title())
			}
		}
	})
}

// TestObjectionOnlyCloses: an objection opens nothing; and of what the person's
// council holds it leaves others the safeguarding flag alone.
func TestObjectionOnlyCloses(t *testing.T) {
	set := load(t)
	rapid.Check(t, func(t *rapid.T) {
		a, c, ctx, got := allowed(t, set, func(_ *Actor, c *Case, _ *Context) { c.Objected, c.Glass = true, nil })
		free := *c
		free.Objected = false
		about, _ := set.byResource()
		for i, d := range set.DecideMany(a, &free, ctx, about...) {
			x, may := about[i], slices.Contains(got, about[i])
			switch {
			case may && !d.Allow:
				t.Fatalf("an objection lets %s %s", a.Role.Title(), x.Title())
			case slices.Contains([]Action{TellProvider, SeeClient, AnswerClient, SignAssessment}, x):
				council := a.OrgKind == Council && (c.Died || has(c.ReferredTo, a.Org))
				provider := a.OrgKind == Provider && (c.Died || len(c.ReferredTo) > 0)
				declared := ctx.Relationship == Declared && !has(c.Councils, a.Org) // which opens nothing while they object
				if may != (d.Allow && (council || provider) && !declared) {
					t.Fatalf("although they object %s may %s: %v", a.Role.Title(), x.Title(), may)
				}
			case x == SeeWhereabouts && a.OrgKind == Council && !has(c.ReferredTo, a.Org):
				if may {
					t.Fatalf("although they object %s may %s", a.Role.Title(), x.Title())
				}
			case has(c.Councils, a.Org) || governs(x) || x == SeeSafeguarding || x == RaiseConcern || x == Lookup || x == BreakGlass:
				if may != d.Allow {
					t.Fatalf("an objection keeps %s from %s", a.Role.Title(), x.Title())
				}
			case may && (x == SeePackages || x == SeeProvider || ctx.Relationship == Declared):
				t.Fatalf("although they object %s may %s", a.Role.Title(), x.Title())
			}
		}
	})
}

// TestMemoryForgetsNothing: a question that was asked before has the answer that
// it has when it is asked for the first time, and each fact makes it another one.
func TestMemoryForgetsNothing(t *testing.T) {
	set := load(t)
	about, _ := set.byResource()
	rapid.Check(t, func(t *rapid.T) {
		a, c, ctx := drawActor(t), drawCase(t), drawContext(t)
		x := rapid.SampledFrom(about).Draw(t, "action")
		set.DecideMany(a, c, ctx, x)
		q, err := set.ask(a, c, ctx)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(q.decide(a, x), set.Decide(Request{a, x, c, ctx})); d != "" {
			t.Fatalf("remembered otherwise:\n%s", d)
		}
		a2, c2, ctx2 := drawActor(t), drawCase(t), drawContext(t)
		same := cmp.Equal(a, a2) && cmp.Equal(c, c2) && cmp.Equal(ctx, ctx2)
		if bytes.Equal(factsKey(nil, a, c, ctx), factsKey(nil, a2, c2, ctx2)) != same {
			t.Fatal("two questions are remembered as one, or one as two")
		}
	})
	base := factsKey(nil, nurse(), adult(), looking())
	for i, change := range everyField() {
		a, c, ctx := nurse(), adult(), looking()
		change(&a, c, &ctx)
		if bytes.Equal(base, factsKey(nil, a, c, ctx)) {
			t.Errorf("field %d can change unseen", i)
		}
	}
}

// everyField changes each field of a question but the person's name, found by
// reflection: a new one is in the test without being written here.
func everyField() (out []func(*Actor, *Case, *Context)) {
	bend := func(v reflect.Value) {
		switch v.Kind() {
		case reflect.String:
			v.SetString(v.String() + "x")
		case reflect.Bool:
			v.SetBool(!v.Bool())
		case reflect.Slice:
			v.Set(reflect.Append(v, reflect.ValueOf("x").Convert(v.Type().Elem())))
		default:
			panic("a field of a kind that the test does not know")
		}
	}
	for i := range reflect.TypeFor[Actor]().NumField() {
		out = append(out, func(a *Actor, _ *Case, _ *Context) { bend(reflect.ValueOf(a).Elem().Field(i)) })
	}
	for i := range reflect.TypeFor[Case]().NumField() {
		if reflect.TypeFor[Case]().Field(i).Name != "ID" {
			out = append(out, func(_ *Actor, c *Case, _ *Context) { bend(reflect.ValueOf(c).Elem().Field(i)) })
		}
	}
	for i := range reflect.TypeFor[Context]().NumField() {
		out = append(out, func(_ *Actor, _ *Case, ctx *Context) { bend(reflect.ValueOf(ctx).Elem().Field(i)) })
	}
	return out
}

// TestIndexLeavesNoRuleOut compares with Cedar going through every rule.
func TestIndexLeavesNoRuleOut(t *testing.T) {
	set := load(t)
	rapid.Check(t, func(t *rapid.T) {
		a, c, ctx := drawActor(t), drawCase(t), drawContext(t)
		q, err := set.ask(a, c, ctx)
		if err != nil {
			t.Fatal(err)
		}
		about, _ := set.byResource()
		action := rapid.SampledFrom(about).Draw(t, "action")
		allow, found := cedar.Authorize(ruleList(set.rules), q, types.Request{
			Principal: q.actor.UID, Action: types.NewEntityUID(actionType, types.String(action)),
			Resource: q.resource.UID, Context: q.context,
		})
		var ids []string
		for _, r := range found.Reasons {
			ids = append(ids, string(r.PolicyID))
		}
		slices.Sort(ids)
		d := q.decide(a, action)
		if d.Allow != bool(allow) || !cmp.Equal(d.Policies, ids) || len(found.Errors) > 0 {
			t.Fatalf("%s: %+v, and by all rules %v %v %v", action, d, allow, ids, found.Errors)
		}
	})
}

// BenchmarkDecide is a question that nobody asked before: facts are built and
// checked against the schema, and the rules are evaluated. Budget: 10 us.
func BenchmarkDecide(b *testing.B) {
	set := load(b)
	b.ReportAllocs()
	for b.Loop() {
		q, err := set.ask(nurse(), adult(), looking())
		if err != nil || !q.decide(nurse(), SeePackages).Allow {
			b.Fatal("refused")
		}
	}
}

// BenchmarkDecideAgain is a question that was asked before.
func BenchmarkDecideAgain(b *testing.B) {
	set, r := load(b), Request{nurse(), SeePackages, adult(), looking()}
	b.ReportAllocs()
	for b.Loop() {
		if !set.Decide(r).Allow {
			b.Fatal("refused")
		}
	}
}

// BenchmarkLookup is the sections of one lookup that nobody made before: divide
// by five for one decision.
func BenchmarkLookup(b *testing.B) {
	set, a, c, ctx := load(b), nurse(), adult(), looking()
	b.ReportAllocs()
	for b.Loop() {
		q, err := set.ask(a, c, ctx)
		if err != nil {
			b.Fatal(err)
		}
		for _, x := range []Action{Lookup, SeeDemographics, SeePackages, SeeProvider, SeeSafeguarding} {
			if !q.decide(a, x).Allow {
				b.Fatal("refused")
			}
		}
	}
}

// councilPage asks what a council's page of 100 rows asks: five questions of each
// person, who are of two hospitals, some restricted, some dead, some in question.
func councilPage(set *Set) {
	worker := Actor{ID: "a2", Org: "511", OrgKind: Council, Role: SocialWorker}
	for i := range 100 {
		c := Case{ID: fmt.Sprint("c", i), Adult: true, AgeKnown: true, Restricted: i%10 == 0, Died: i%25 == 0, Frozen: i%20 == 0,
			Hospitals: []string{orgs[i%2]}, ReferredBy: []string{orgs[i%2]}, ReferredTo: []string{"511"}}
		ctx := Context{Purpose: DischargePlanning, Relationship: Relate(worker, &c, false), Open: Sections()}
		set.DecideMany(worker, &c, ctx, SeeDemographics, SeeWhereabouts, SeeTimeline, SeeReferral, Refer)
	}
}

// BenchmarkPage is a page of 100 rows when nothing was asked before. Budget: 500 us.
func BenchmarkPage(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		set := load(b)
		b.StartTimer()
		councilPage(set)
	}
}

// BenchmarkPageAgain is the same page when it is shown again.
func BenchmarkPageAgain(b *testing.B) {
	set := load(b)
	b.ReportAllocs()
	for b.Loop() {
		councilPage(set)
	}
}
