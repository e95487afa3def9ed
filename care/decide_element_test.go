package care

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"homeward/money"
	"homeward/nhs"
)

// priced is a case of which the council is asked to arrange care, and what is done with
// its money. Every step is an hour after the one before.
type priced struct {
	testing.TB
	c   Case
	now time.Time
}

const payer, otherPayer nhs.ODS = "511", "512"

func pricing(t *testing.T) *priced {
	sent := time.Date(2026, 3, 12, 10, 42, 0, 0, time.UTC)
	c := Apply(Case{}, Started{At: sent, ID: "c"}, ReferralSent{At: sent, Referral: Referral{ID: "r", From: "RK5", To: payer, State: RefReceived, Sent: sent}})
	return &priced{t, c, sent}
}

func (p *priced) as(id ActorID, org nhs.ODS) Actor {
	return Actor{ID: id, Name: "P " + string(id), Org: org, OrgKind: Council}
}

// do decides and applies; want is the kind of a refusal, "" for none.
func (p *priced) do(by Actor, cmd Command, want Kind, field string) []Event {
	p.Helper()
	p.now = p.now.Add(time.Hour)
	events, err := Decide(p.c, by, cmd, p.now)
	var e *Error
	switch {
	case err != nil && !errors.As(err, &e), want == "" && err != nil, want != "" && (err == nil || e.Kind != want || e.Field != field):
		p.Fatalf("%T: %v; wanted %q of %q", cmd, err, want, field)
	}
	p.c = Apply(p.c, events...)
	return events
}

func (p *priced) element(id string) Element {
	p.Helper()
	for _, e := range p.c.Elements {
		if e.ID == id {
			return e
		}
	}
	p.Fatal("there is no such element")
	return Element{}
}

// homeCare is 9 hours a week at £23.50: £211.50.
func homeCare(t testing.TB) Element {
	return Element{ID: "home", Referral: "r", Kind: "HS", Unit: UnitHour, Rate: 2350, Week: [7]money.Quantity{1500, 1500, 1500, 1500, 1500, 750, 750},
		Start: on(t, "2026-03-14"), Funding: "council"}
}

const brokers, managers money.Amount = 500_00, 2_000_00

func TestFiguresAreChecked(t *testing.T) {
	p := pricing(t)
	broker := p.as("broker", payer)
	for name, x := range map[string]struct {
		change func(*Element)
		kind   Kind
		field  string
	}{
		"no rate":                      {func(e *Element) { e.Rate = 0 }, Invalid, "rate"},
		"given back":                   {func(e *Element) { e.Rate = -1 }, Invalid, "rate"},
		"a slip of the finger":         {func(e *Element) { e.Rate = 100_000_01 }, Invalid, "rate"},
		"no unit":                      {func(e *Element) { e.Unit = "" }, Required, "unit"},
		"a unit that is none":          {func(e *Element) { e.Unit = "month" }, Required, "unit"},
		"hours on no day":              {func(e *Element) { e.Week = [7]money.Quantity{} }, Required, "week"},
		"negative hours":               {func(e *Element) { e.Week[0] = -1 }, Invalid, "week"},
		"more hours than three people": {func(e *Element) { e.Week[0] = 73_000 }, Invalid, "week"},
		"half a visit":                 {func(e *Element) { e.Unit = UnitVisit }, Invalid, "week"},
		"two nights in one":            {func(e *Element) { e.Unit = UnitNight }, Invalid, "week"},
		"hours and a count":            {func(e *Element) { e.Count = 1 }, Invalid, "week"},
		"a week by days":               {func(e *Element) { e.Unit = UnitWeek; e.Count = money.One }, Invalid, "week"},
		"a week without how many":      {func(e *Element) { e.Unit = UnitWeek; e.Week = [7]money.Quantity{} }, Invalid, "count"},
		"no first day":                 {func(e *Element) { e.Start = nhs.Date{} }, Required, "start"},
		"an end before the start":      {func(e *Element) { e.End = on(t, "2026-03-13") }, Invalid, "end"},
		"before the referral":          {func(e *Element) { e.Start = on(t, "2026-03-11") }, Invalid, "start"},
		"another's referral":           {func(e *Element) { e.Referral = "x" }, NotFound, "referral"},
		"nobody pays":                  {func(e *Element) { e.Funding = "" }, Required, "funding"},
		"a fund that is none":          {func(e *Element) { e.Funding = "lottery" }, Required, "funding"},
		"more than all":                {func(e *Element) { e.NHS = 10001 }, Invalid, "nhs"},
		"less than nothing":            {func(e *Element) { e.NHS = -1 }, Invalid, "nhs"},
		"a person who pays too much":   {func(e *Element) { e.Contribution = 211_51 }, Invalid, "contribution"},
		"more than the NHS leaves":     {func(e *Element) { e.NHS = 5000; e.Contribution = 105_76 }, Invalid, "contribution"},
		"of a one-off": {func(e *Element) {
			e.Unit, e.Week, e.Count, e.Contribution = UnitOnce, [7]money.Quantity{}, money.One, 1
		}, Invalid, "contribution"},
		"a one-off of two days": {func(e *Element) {
			e.Unit, e.Week, e.Count, e.End = UnitOnce, [7]money.Quantity{}, money.One, on(t, "2026-03-16")
		}, Invalid, "end"},
		"no kind of care":           {func(e *Element) { e.Kind = "" }, Required, "kind"},
		"as much as the NHS leaves": {func(e *Element) { e.NHS = 5000; e.Contribution = 105_75 }, "", ""},
	} {
		e := homeCare(t)
		x.change(&e)
		if _, err := Decide(p.c, broker, SetElement{Element: e, Limit: brokers}, p.now); KindOf(err) != x.kind {
			t.Errorf("%s: %v", name, err)
		} else if err != nil && err.(*Error).Field != x.field {
			t.Errorf("%s: field %q, want %q", name, err.(*Error).Field, x.field)
		}
	}
	p.do(Actor{ID: "nurse", Org: "RK5", OrgKind: Trust}, SetElement{Element: homeCare(t), Limit: brokers}, Forbidden, "")
}

// TestTwoPeopleAboveALimit says that nobody approves alone what is above their limit,
// what is above the ceiling, or a large package in small parts; and that nobody approves
// their own figures or figures that they did not see.
func TestTwoPeopleAboveALimit(t *testing.T) {
	p := pricing(t)
	broker, manager, chief := p.as("broker", payer), p.as("manager", payer), p.as("chief", payer)
	p.do(broker, SetElement{Element: homeCare(t), Limit: brokers}, "", "")
	if e := p.element("home"); e.State != ElementApproved || e.DecidedBy.ID != broker.ID {
		t.Fatalf("within the limit: %s", e.State)
	}
	// £211.50 and £300 are above £500, though neither is.
	second := Element{ID: "second", Referral: "r", Kind: "DS", Unit: UnitDay, Rate: 100_00, Week: [7]money.Quantity{1000, 1000, 1000}, Start: on(t, "2026-03-20"), Funding: "council"}
	p.do(broker, SetElement{Element: second, Limit: brokers}, "", "")
	waits := p.element("second")
	if waits.State != ElementWaiting || len(elementThreads(p.c)) != 1 || elementThreads(p.c)[0].Org != payer {
		t.Fatalf("in parts: %s, threads %v", waits.State, elementThreads(p.c))
	}
	if bill, err := BillOf(p.c.Elements, on(t, "2026-03-30"), nhs.Date{}); err != nil || bill.Weekly.Total != 211_50 {
		t.Errorf("what waits is part of the bill: %+v, %v", bill, err)
	}
	yes := DecideElement{ID: "second", Yes: true, Limit: managers, Was: waits.At}
	p.do(broker, yes, BusinessRule, "")
	p.do(manager, DecideElement{ID: "second", Yes: true, Limit: managers, Was: p.now}, Conflict, "")
	p.do(manager, DecideElement{ID: "second", Yes: true, Limit: 511_49, Was: waits.At}, BusinessRule, "")
	p.do(manager, DecideElement{ID: "second", Limit: managers, Was: waits.At}, Required, "why")
	p.do(p.as("manager", otherPayer), yes, NotFound, "")
	p.do(manager, yes, "", "")
	if e := p.element("second"); e.State != ElementApproved || e.By.ID != broker.ID || e.DecidedBy.ID != manager.ID || len(elementThreads(p.c)) != 0 {
		t.Fatalf("after two: %+v", e)
	}
	if p.do(manager, yes, "", ""); len(p.do(manager, yes, "", "")) != 0 {
		t.Error("approved twice")
	}
	p.do(chief, yes, Conflict, "")
	// Above the ceiling it waits even where the setter's limit would do, and needs why.
	over := Element{ID: "over", Referral: "r", Kind: "LTRC", Unit: UnitWeek, Rate: 900_00, Count: money.One, Start: on(t, "2026-03-20"), Funding: "council", Ceiling: 899_99}
	p.do(manager, SetElement{Element: over, Limit: managers}, "", "")
	was := p.element("over").At
	p.do(chief, DecideElement{ID: "over", Yes: true, Limit: 100_000_00, Was: was}, Required, "why")
	p.do(chief, DecideElement{ID: "over", Why: "Dearer than the others", Limit: managers, Was: was}, "", "")
	if e := p.element("over"); e.State != ElementRefused || e.Why == "" {
		t.Errorf("refused: %+v", e)
	}
	p.do(broker, EndElement{ID: "over", Why: "Not needed"}, "", "")
	if e := p.element("over"); e.Began() || e.State != ElementEnded {
		t.Errorf("taken back: %+v", e)
	}
}

// TestChangeIsTakenBack says that whoever set figures that wait may take them back, and
// nobody else, nor figures that they did not see.
func TestChangeIsTakenBack(t *testing.T) {
	p := pricing(t)
	broker := p.as("broker", payer)
	p.do(broker, SetElement{Element: homeCare(t), Limit: brokers}, "", "")
	dear := homeCare(t)
	dear.Rate *= 3
	p.do(broker, SetElement{Element: dear, Limit: brokers, Was: p.element("home").Changed()}, "", "")
	was := p.element("home").Changed()
	p.do(p.as("manager", payer), TakeBackElement{ID: "home", Was: was}, BusinessRule, "")
	p.do(broker, TakeBackElement{ID: "home", Was: was.Add(-1)}, Conflict, "")
	p.do(broker, TakeBackElement{ID: "home", Was: was}, "", "")
	if e := p.element("home"); e.Proposed != nil || e.State != ElementApproved || e.Rate != homeCare(t).Rate || len(elementThreads(p.c)) != 0 {
		t.Errorf("taken back: %+v", e)
	}
	p.do(broker, TakeBackElement{ID: "home", Was: was}, Conflict, "")
}

// TestNoCostRunsOnUnseen says that a death, or the end of a referral, asks the council to
// end what still costs, once, and that the task is done with the last cost.
func TestNoCostRunsOnUnseen(t *testing.T) {
	tasks := func(c Case) (open []Task) {
		for _, k := range c.Tasks {
			if k.Kind == TaskCost && k.Open() {
				open = append(open, k)
			}
		}
		return open
	}
	for name, x := range map[string]struct {
		e    Event
		want int
	}{"a death": {PersonDied{}, 1}, "a referral withdrawn": {ReferralEnded{ID: "r", State: RefWithdrawn}, 1}, "a transfer": {ReferralTransferred{ID: "r"}, 1},
		"a referral closed": {ReferralEnded{ID: "r", State: RefClosed}, 0}, "another referral": {ReferralEnded{ID: "x", State: RefWithdrawn}, 0}} {
		p, e := pricing(t), x.e
		broker := p.as("broker", payer)
		p.do(broker, SetElement{Element: homeCare(t), Limit: brokers}, "", "")
		brought := followCosts(p.c, Apply(p.c, e), e, p.now)
		if len(brought) != x.want {
			t.Errorf("%s brought %v", name, brought)
		}
		if len(brought) != 1 {
			continue
		}
		p.c = Apply(Apply(p.c, e), brought[0])
		k := tasks(p.c)
		if len(k) != 1 || k[0].Audience != AudienceCouncil || k[0].Owner.Org != payer {
			t.Fatalf("%s: the tasks are %+v", name, k)
		}
		if again := followCosts(p.c, Apply(p.c, e), e, p.now); len(again) != 0 {
			t.Errorf("%s, told again, brought %v", name, again)
		}
		p.do(broker, EndElement{ID: "home", End: on(t, "2026-03-13"), Why: "Never began"}, "", "")
		if k := tasks(p.c); len(k) != 0 {
			t.Errorf("%s: after the last cost ended there is %+v", name, k)
		}
	}
}

// TestOldFiguresStandWhileNewOnesWait tells a change of an approved cost: what is dearer
// waits, the old stands and stays in the bill; once approved it holds from its day on.
func TestOldFiguresStandWhileNewOnesWait(t *testing.T) {
	p := pricing(t)
	broker, manager := p.as("broker", payer), p.as("manager", payer)
	p.do(broker, SetElement{Element: homeCare(t), Limit: brokers}, "", "")
	first := p.element("home").Changed()
	dear := homeCare(t)
	dear.Rate, dear.From = 60_00, on(t, "2026-03-25") // £540
	set := SetElement{Element: dear, Limit: brokers, Was: first}
	p.do(broker, set, "", "")
	e := p.element("home")
	if e.State != ElementApproved || e.Rate != 2350 || e.Proposed == nil || e.Proposed.Rate != 60_00 || len(elementThreads(p.c)) != 1 {
		t.Fatalf("while it waits: %+v", e)
	}
	p.do(manager, set, Conflict, "") // who saw the old ones only
	p.do(manager, DecideElement{ID: "home", Yes: true, Limit: managers, Was: e.Changed()}, "", "")
	e = p.element("home")
	if e.Rate != 60_00 || e.Proposed != nil || len(e.Past) != 1 || e.Past[0].To != on(t, "2026-03-24") || e.Past[0].Rate != 2350 {
		t.Fatalf("once approved: %+v", e)
	}
	// Monday and Tuesday at £23.50, Wednesday to Sunday at £60: 3 x 23.50 + 6 x 60.
	if c := costOf(t, e, on(t, "2026-03-23"), on(t, "2026-03-29")); c.Total != 70_50+360_00 {
		t.Errorf("the week of the change cost %v", c.Total)
	}
	// What costs less needs nobody, and a refusal leaves what stood.
	less := homeCare(t)
	less.Rate, less.From = 50_00, on(t, "2026-04-06")
	p.do(broker, SetElement{Element: less, Limit: brokers, Was: e.Changed()}, "", "")
	if e = p.element("home"); e.Rate != 50_00 || e.Proposed != nil || len(e.Past) != 2 {
		t.Fatalf("less: %+v", e)
	}
	dear.Rate, dear.From = 70_00, on(t, "2026-04-13")
	p.do(broker, SetElement{Element: dear, Limit: brokers, Was: e.Changed()}, "", "")
	p.do(manager, DecideElement{ID: "home", Why: "Too dear", Limit: managers, Was: p.element("home").Changed()}, "", "")
	if e = p.element("home"); e.Rate != 50_00 || e.Proposed != nil || e.State != ElementApproved || len(e.Past) != 2 {
		t.Fatalf("refused: %+v", e)
	}
	if changed := len(p.do(broker, SetElement{Element: func() Element { x := less; return x }(), Limit: brokers, Was: e.Changed()}, "", "")); changed != 0 {
		t.Error("the same figures again are a change")
	}
	unit := less
	unit.Unit, unit.Week = UnitVisit, [7]money.Quantity{1000}
	p.do(broker, SetElement{Element: unit, Limit: brokers, Was: e.Changed()}, Invalid, "unit")
}

// TestSuspensionsDoNotOverlap tells suspending, resuming and ending.
func TestSuspensionsDoNotOverlap(t *testing.T) {
	p := pricing(t)
	broker := p.as("broker", payer)
	p.do(broker, SetElement{Element: homeCare(t), Limit: brokers}, "", "")
	stop := func(from, to string, want Kind, field string) {
		t.Helper()
		s := Stop{Why: "In hospital"}
		if from != "" {
			s.From = on(t, from)
		}
		if to != "" {
			s.To = on(t, to)
		}
		p.do(broker, StopElement{ID: "home", Stop: s}, want, field)
	}
	stop("", "", Required, "from")
	stop("2026-03-13", "", Invalid, "from")
	stop("2026-04-10", "2026-04-12", "", "") // known ahead
	stop("2026-03-20", "", Invalid, "from")  // it would run into it
	stop("2026-03-20", "2026-03-22", "", "")
	stop("2026-03-22", "2026-03-23", Invalid, "from")
	stop("2026-03-25", "2026-03-24", Invalid, "to")
	stop("2026-04-20", "", "", "")
	stop("2026-04-25", "2026-04-26", Invalid, "from")
	stop("", "2026-04-18", Invalid, "to")
	stop("", "2026-04-22", "", "")
	stops := p.element("home").Stops
	if !slices.EqualFunc(stops, []string{"2026-03-20 2026-03-22", "2026-04-10 2026-04-12", "2026-04-20 2026-04-22"},
		func(s Stop, want string) bool {
			return s.From.String()+" "+s.To.String() == want && s.By.ID == broker.ID
		}) {
		t.Fatalf("stops %+v", stops)
	}
	stop("2026-05-01", "", "", "")
	stop("", "2026-04-30", "", "") // it never stopped
	if n := len(p.element("home").Stops); n != 3 {
		t.Errorf("%d stops", n)
	}
	end := func(day string, want Kind, field string) {
		t.Helper()
		p.do(broker, EndElement{ID: "home", End: on(t, day), Why: "Moved"}, want, field)
	}
	end("2026-05-03", "", "")
	end("2026-05-04", Invalid, "end")
	end("2026-05-01", "", "")
	stop("2026-04-28", "", BusinessRule, "")
	p.do(broker, SetElement{Element: homeCare(t), Limit: brokers, Was: p.element("home").Changed()}, BusinessRule, "")
	end("2026-03-01", "", "")
	if e := p.element("home"); e.Began() || costOf(t, e, on(t, "2026-03-01"), on(t, "2027-03-01")) != (Cost{}) {
		t.Errorf("it never began: %+v", e)
	}
}

// TestHistoryOfFigures says who changed which figure from what to what.
func TestHistoryOfFigures(t *testing.T) {
	p := pricing(t)
	broker, manager := p.as("broker", payer), p.as("manager", payer)
	var all []Entry
	keep := func(events []Event) {
		for _, e := range events {
			all = append(all, Entry{Event: e, Recorded: p.now})
		}
	}
	keep(p.do(broker, SetElement{Element: homeCare(t), Limit: brokers}, "", ""))
	dear := homeCare(t)
	dear.Rate = 60_00
	keep(p.do(broker, SetElement{Element: dear, Limit: brokers, Was: p.element("home").Changed()}, "", ""))
	keep(p.do(manager, DecideElement{ID: "home", Yes: true, Why: "Agreed", Limit: managers, Was: p.element("home").Changed()}, "", ""))
	changes := FigureChanges(all, payer)
	if len(changes) != 3 || !changes[1].Proposed || len(changes[1].Figures) != 1 || changes[1].Figures[0] != (Figure{"Rate", "£23.50 an hour", "£60.00 an hour"}) {
		t.Fatalf("%+v", changes)
	}
	if c := changes[2]; c.Why != "Agreed" || c.By.ID != manager.ID || len(c.Figures) != 1 || c.Figures[0].To != "£60.00 an hour" {
		t.Errorf("%+v", c)
	}
	if len(changes[0].Figures) < 5 || len(FigureChanges(all, otherPayer)) != 0 {
		t.Errorf("%+v", changes[0])
	}
}

// anyMoney draws something done to what care costs, sensible or not.
func anyMoney(t *rapid.T, c Case) Command {
	date := func(label string) nhs.Date { return dayAfter(nhs.DateOf(day), rapid.IntRange(-2, 40).Draw(t, label)) }
	var e Element
	if n := len(c.Elements); n > 0 {
		e = c.Elements[rapid.IntRange(0, n-1).Draw(t, "which")]
	}
	switch rapid.IntRange(0, 5).Draw(t, "money") {
	case 0:
		return DecideElement{ID: e.ID, Yes: rapid.Bool().Draw(t, "yes"), Why: "Agreed", Limit: managers, Was: e.Changed()}
	case 1:
		s := Stop{From: date("from")}
		if rapid.Bool().Draw(t, "known") {
			s.To = date("to")
		}
		return StopElement{ID: e.ID, Stop: s}
	case 2:
		return EndElement{ID: e.ID, End: date("end"), Why: "Over"}
	}
	x := SetElement{Element: Element{ID: "e" + itoa(c.Version), Referral: anyReferral(t, c), Kind: "HS", Unit: UnitHour, Funding: "council", Start: date("start"),
		Rate: money.Amount(rapid.Int64Range(0, 9000).Draw(t, "rate")), NHS: money.Share(rapid.Int64Range(0, 10100).Draw(t, "nhs")),
		Contribution: money.Amount(rapid.Int64Range(0, 9000).Draw(t, "contribution"))}, Limit: brokers}
	for i := range x.Element.Week {
		x.Element.Week[i] = money.Quantity(rapid.Int64Range(0, 12).Draw(t, "hours")) * 250
	}
	if e.ID != "" && rapid.Bool().Draw(t, "change") {
		x.Element.ID, x.Was, x.Element.From = e.ID, e.Changed(), date("hold from")
	}
	return x
}

// moneyHolds are the invariants of what care costs: every part of it adds up, nobody
// approved what waits, suspensions do not overlap, and a second person can decide.
func moneyHolds(t *rapid.T, c Case, now time.Time) {
	first, last := dayAfter(nhs.DateOf(day), -10), dayAfter(nhs.DateOf(day), 60)
	var sum Cost
	for _, e := range c.Elements {
		all := costOf(t, e, first, last)
		middle := dayAfter(first, len(c.Elements)*5%60)
		if all != costOf(t, e, first, middle).and(t, costOf(t, e, dayAfter(middle, 1), last)) || all.Total != all.NHS+all.Person+all.Council {
			t.Fatalf("%s costs %+v", e.ID, all)
		}
		for i, s := range e.Stops {
			if i > 0 && overlap(e.Stops[i-1].From, e.Stops[i-1].To, s.From, s.To) {
				t.Fatalf("suspended twice: %+v", e.Stops)
			}
		}
		if e.Counts() && e.Council == manager.Org {
			sum = sum.and(t, all)
		}
		if w := e.Waiting(); w != nil {
			if w.State == ElementApproved {
				t.Fatal("what waits is approved")
			}
			second := Actor{ID: "second", Org: e.Council, OrgKind: Council}
			if es, err := Decide(c, second, DecideElement{ID: e.ID, Why: "No", Was: w.At}, now); len(es) == 0 && KindOf(err) != BusinessRule { // a frozen record
				t.Fatalf("nobody can decide what waits: %v", err)
			}
		}
	}
	mine := slices.DeleteFunc(slices.Clone(c.Elements), func(e Element) bool { return e.Council != manager.Org })
	bill, err := BillOf(mine, dayAfter(first, 30), last)
	if err != nil || bill.ToDate.and(t, bill.Ahead) != sum {
		t.Fatalf("the bill is %+v, %v, and its parts are %+v", bill, err, sum)
	}
}
