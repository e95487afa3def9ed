package care

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"homeward/money"
	"homeward/nhs"
)

// Coded is a code and what it says.
type Coded struct{ Code, Say string }

// Fundings are the funding sources of an element. The list is ours: the client's part
// follows client_funding_status of the Client Level Data collection, and the others
// are the budgets from which care after hospital is paid.
var Fundings = []Coded{
	{"council", "Social care, the council"}, {"joint", "Social care and the person together"}, {"person", "The person, arranged by the council"},
	{"discharge", "Discharge fund or Better Care Fund"}, {"chc", "NHS continuing healthcare"}, {"fnc", "NHS-funded nursing care"},
	{"s117", "Aftercare, Mental Health Act 1983 section 117"},
}

// FundingSay is a funding source in words; the code itself where it is not known.
func FundingSay(code string) string {
	if i := slices.IndexFunc(Fundings, func(f Coded) bool { return f.Code == code }); i >= 0 {
		return Fundings[i].Say
	}
	return code
}

// What is more than this is a slip of the finger: £100,000 for a unit, 10,000 units
// of a one-off, and three people round the clock.
const (
	dearest        money.Amount = 10_000_000
	mostAtOnce                  = 10_000 * money.One
	mostWeekly                  = 100 * money.One
	mostHoursDaily              = 72 * money.One
	mostCallsDaily              = 24 * money.One
	longAgo                     = 366 // days before today, of an element without a referral
)

// Changed is when the figures that a reader sees were last set or proposed: who
// changes or decides them says which they saw.
func (e Element) Changed() time.Time {
	if e.Proposed != nil {
		return e.Proposed.At
	}
	return e.At
}

// Waiting are the figures that a second person must decide; nil when none wait.
func (e Element) Waiting() *Element {
	switch {
	case e.Proposed != nil:
		return e.Proposed
	case e.State == ElementWaiting:
		return &e
	}
	return nil
}

// elementThreads lists the figures that wait for approval, each at its council.
func elementThreads(c Case) []Thread {
	var out []Thread
	for _, e := range c.Elements {
		if w := e.Waiting(); w != nil {
			out = append(out, Thread{Kind: ElementThread, ID: e.ID, Org: e.Council, State: string(ElementWaiting), At: w.At})
		}
	}
	return out
}

// element is one of the actor's own council: what another council pays is not there.
func (d deciding) element(id string) (Element, error) {
	if d.by.OrgKind != Council {
		return Element{}, &Error{Kind: Forbidden, Text: "Only a council prices care"}
	}
	i := slices.IndexFunc(d.c.Elements, func(e Element) bool { return e.ID == id && e.Council == d.by.Org })
	if i < 0 {
		return Element{}, &Error{Kind: NotFound, Text: "There is no such cost"}
	}
	return d.c.Elements[i], nil
}

func (d deciding) elementIs(did ElementDid, e Element) []Event {
	return []Event{ElementChanged{At: d.now, Did: did, By: d.by.Who(), Element: e}}
}

func (x SetElement) decide(d deciding) ([]Event, error) {
	was, err := d.element(x.Element.ID)
	if err != nil && KindOf(err) != NotFound {
		return nil, err
	}
	known := err == nil
	switch {
	case known && x.Was.IsZero() && was.By.ID == d.by.ID:
		return nil, nil // the same form, sent twice
	case known && !was.Changed().Equal(x.Was):
		return nil, &Error{Kind: Conflict, Text: "Somebody else has changed these figures since you opened them. Check what they set"}
	case !known && !x.Was.IsZero():
		return nil, err
	case known && was.State == ElementEnded:
		return nil, notNow("This cost has ended. Set a new one.", "Set a new cost")
	}
	e := x.Element
	e.Of, e.Council, e.At, e.By = "", d.by.Org, d.now, d.by.Who()
	e.Stops, e.Past, e.Proposed, e.Decided, e.DecidedBy, e.Why, e.State = nil, nil, nil, time.Time{}, Who{}, "", ElementWaiting
	if err := d.checkElement(e); err != nil {
		return nil, err
	}
	if known && was.State == ElementApproved {
		return d.changeElement(was, e, x.Limit)
	}
	e.From = nhs.Date{} // nothing held before
	alone, err := d.alone(e, x.Limit)
	if err != nil {
		return nil, err
	}
	if alone {
		e.State, e.Decided, e.DecidedBy = ElementApproved, d.now, d.by.Who()
	}
	return d.elementIs(ElementSet, e), nil
}

// changeElement changes figures that are approved. What costs nobody more is approved
// at once; else it waits, where it is above the limit, and the old figures stand.
func (d deciding) changeElement(was, e Element, limit money.Amount) ([]Event, error) {
	if e.Unit != was.Unit {
		return nil, invalid("unit", "The unit of approved figures cannot change. End this cost and set a new one")
	}
	if !e.From.IsZero() && (e.From.Before(e.Start) || !e.End.IsZero() && e.End.Before(e.From)) {
		return nil, invalid("from", "Enter a day from the first to the last day of this care")
	}
	if e.Unit == UnitOnce || e.From == e.Start {
		e.From = nhs.Date{}
	}
	next := was.with(e)
	if next.same(was) {
		return nil, nil
	}
	alone, err := d.alone(e, limit)
	if err != nil {
		return nil, err
	}
	if !alone && !was.lowers(e) {
		was.Proposed = &e
		return d.elementIs(ElementSet, was), nil
	}
	next.Decided, next.DecidedBy = d.now, d.by.Who()
	return d.elementIs(ElementSet, next), nil
}

// with is an approved element with other figures, which hold from their own From on.
func (e Element) with(p Element) Element {
	next := p
	next.Of, next.State, next.Stops, next.Proposed = e.Of, e.State, slices.Clone(e.Stops), nil
	next.Decided, next.DecidedBy, next.Why = e.Decided, e.DecidedBy, ""
	switch {
	case p.From.IsZero():
		next.Past = nil
	case p.figures().priced() == e.figures().priced(): // the dates or words alone
		next.Past, next.From = slices.Clone(e.Past), e.From
	default:
		next.Past = nil
		for _, s := range e.spans() {
			if !s.From.Before(p.From) {
				break
			}
			old := s.Figures
			if old.To.IsZero() || !old.To.Before(p.From) {
				old.To = dayAfter(p.From, -1)
			}
			next.Past = append(next.Past, old)
		}
	}
	return next
}

// priced are figures without their days, to compare.
func (f Figures) priced() Figures {
	f.To = nhs.Date{}
	return f
}

// same reports whether nothing that matters differs.
func (e Element) same(o Element) bool {
	return e.figures() == o.figures() && slices.Equal(e.Past, o.Past) && e.Start == o.Start && e.From == o.From && e.Kind == o.Kind && e.Title == o.Title &&
		e.Provider == o.Provider && e.ProviderName == o.ProviderName && e.Funding == o.Funding && e.Ceiling == o.Ceiling && o.Proposed == nil
}

// lowers reports whether other figures cost nobody more, for no longer, so that
// nobody needs to approve them.
func (e Element) lowers(p Element) bool {
	a, err1 := e.AgainstLimit()
	b, err2 := p.AgainstLimit()
	x, err3 := e.Weekly()
	y, err4 := p.Weekly()
	if err := cmp.Or(err1 != nil, err2 != nil, err3 != nil, err4 != nil); err || b > a || y.Council > x.Council || y.NHS > x.NHS || y.Person > x.Person {
		return false
	}
	longer := !e.End.IsZero() && (p.End.IsZero() || e.End.Before(p.End))
	raised := e.Ceiling > 0 && (p.Ceiling == 0 || p.Ceiling > e.Ceiling)
	restated := len(e.Past) > 0 && p.From.Before(e.From)
	return !longer && !raised && !restated && !p.Start.Before(e.Start) && !p.OverCeiling() && e.Funding == p.Funding
}

// weighs is what is measured against a limit: the element's own cost, and of what is
// weekly with whatever else this council has approved for the person for some of the same
// days. Otherwise a large package in small parts would need nobody.
func (d deciding) weighs(e Element) (money.Amount, error) {
	sum, err := e.AgainstLimit()
	if err != nil || e.Unit == UnitOnce {
		return sum, err
	}
	for _, o := range d.c.Elements {
		if o.ID == e.ID || o.Council != e.Council || !o.Counts() || !o.Began() || o.Unit == UnitOnce || !overlap(latest(e.Start, e.From), e.End, o.Start, o.End) {
			continue
		}
		n, err := o.AgainstLimit()
		if err != nil {
			return 0, err
		}
		if sum, err = money.Sum(sum, n); err != nil {
			return 0, err
		}
	}
	return sum, nil
}

// overlap reports whether two times share a day; a zero last day is no end.
func overlap(a, aEnd, b, bEnd nhs.Date) bool {
	return (aEnd.IsZero() || !aEnd.Before(b)) && (bEnd.IsZero() || !bEnd.Before(a))
}

// alone reports whether one person may settle figures by themselves.
func (d deciding) alone(e Element, limit money.Amount) (bool, error) {
	n, err := d.weighs(e)
	if err != nil {
		return false, invalid("rate", "Enter a smaller rate: the cost is too large to add up")
	}
	return n <= limit && !e.OverCeiling(), nil
}

// checkElement says what is wrong with figures.
func (d deciding) checkElement(e Element) error {
	for _, err := range []error{
		words("title", e.Title, "what it is", false, shortLimit), words("provider", e.ProviderName, "the provider", false, shortLimit),
		words("kind", e.Kind, "the kind of care", true, shortLimit),
	} {
		if err != nil {
			return err
		}
	}
	switch {
	case e.ID == "":
		return missing("key", "The cost has no key. Open the form again")
	case e.Rate <= 0:
		return invalid("rate", "Enter a rate of more than £0.00")
	case e.Rate > dearest:
		return invalid("rate", "Enter a rate of "+dearest.String()+" or less")
	case !slices.ContainsFunc(Fundings, func(f Coded) bool { return f.Code == e.Funding }):
		return missing("funding", "Choose who pays")
	case e.NHS < 0 || e.NHS > money.All:
		return invalid("nhs", "Enter the NHS share from 0% to 100%")
	case e.Ceiling < 0 || e.Contribution < 0:
		return invalid("contribution", "Enter sums that are not negative")
	}
	for _, check := range []func(Element) error{checkPattern, d.checkDays, checkContribution} {
		if err := check(e); err != nil {
			return err
		}
	}
	return nil
}

// checkPattern says whether the units are of the kind that the rate is for.
func checkPattern(e Element) error {
	sum, most := money.Quantity(0), money.Quantity(0)
	for _, q := range e.Week {
		if q < 0 {
			return invalid("week", "Enter quantities that are not negative")
		}
		sum, most = sum+min(q, mostAtOnce), max(most, q)
	}
	limit := map[Unit]money.Quantity{UnitHour: mostHoursDaily, UnitVisit: mostCallsDaily, UnitDay: money.One, UnitNight: money.One}[e.Unit]
	counts := map[Unit]money.Quantity{UnitWeek: mostWeekly, UnitOnce: mostAtOnce}[e.Unit]
	switch {
	case limit == 0 && counts == 0:
		return missing("unit", "Choose what the rate is for")
	case limit > 0 && e.Count != 0 || counts > 0 && sum > 0:
		return invalid("week", "Enter days of the week for a rate by hour, visit, day or night, and one number for a rate by week or a one-off")
	case limit > 0 && sum == 0:
		return missing("week", "Enter how much on at least one day of the week")
	case limit > 0 && most > limit:
		return invalid("week", "Enter at most "+limit.Of(string(e.Unit))+" a day")
	case e.Unit == UnitVisit && slices.ContainsFunc(e.Week[:], func(q money.Quantity) bool { return q%money.One != 0 }):
		return invalid("week", "Enter whole visits")
	case counts > 0 && (e.Count <= 0 || e.Count > counts):
		return invalid("count", "Enter how many, from 0.001 to "+counts.String())
	}
	return nil
}

// checkDays says whether the care is of a time in which it can be.
func (d deciding) checkDays(e Element) error {
	switch {
	case e.Start.IsZero():
		return missing("start", "Enter the first day of this care")
	case !e.End.IsZero() && e.End.Before(e.Start):
		return invalid("end", "Enter a last day that is not before the first")
	case e.Unit == UnitOnce && !e.End.IsZero() && e.End != e.Start:
		return invalid("end", "Leave the last day empty: a one-off has one day")
	case e.Referral == "" && e.Start.DaysTo(nhs.DateOf(d.now)) > longAgo:
		return invalid("start", "Enter a first day within the last year")
	case e.Referral == "":
		return nil
	}
	i := slices.IndexFunc(d.c.Referrals, func(r Referral) bool { return r.ID == e.Referral && r.To == d.by.Org })
	switch {
	case i < 0:
		return &Error{Kind: NotFound, Field: "referral", Text: "There is no such referral"}
	case e.Start.Before(nhs.DateOf(d.c.Referrals[i].Sent)):
		return invalid("start", "Enter a first day that is not before the referral was sent")
	}
	return nil
}

// checkContribution says whether the person pays no more than what the NHS leaves.
func checkContribution(e Element) error {
	if e.Contribution == 0 {
		return nil
	}
	if e.Unit == UnitOnce {
		return invalid("contribution", "Leave the contribution empty: it is paid by the week, and this is a one-off")
	}
	e.Contribution = min(e.Contribution, dearest*1000)
	asked := e.Contribution
	e.Contribution = 0
	week, err := e.Weekly()
	if err != nil {
		return invalid("rate", "Enter a smaller rate: the cost is too large to add up")
	}
	if asked > week.Council {
		return invalid("contribution", "Enter a contribution of "+week.Council.String()+" a week or less: that is what the NHS leaves of the cost")
	}
	return nil
}

func (x DecideElement) decide(d deciding) ([]Event, error) {
	e, err := d.element(x.ID)
	if err != nil {
		return nil, err
	}
	if err := words("why", x.Why, "why", !x.Yes, shortLimit); err != nil {
		return nil, err
	}
	w := e.Waiting()
	switch {
	case w == nil && e.DecidedBy.ID == d.by.ID && x.Yes == (e.State == ElementApproved):
		return nil, nil
	case w == nil:
		return nil, &Error{Kind: Conflict, Text: "Nothing waits for approval here: somebody has decided already"}
	case !w.At.Equal(x.Was):
		return nil, &Error{Kind: Conflict, Text: "Somebody has changed these figures since you opened them. Check what they set"}
	case w.By.ID == d.by.ID:
		return nil, notNow("You set these figures, so somebody else must approve them.", "Change the figures")
	}
	if !x.Yes {
		return d.elementIs(ElementDidRefuse, e.refused(d, x.Why)), nil
	}
	n, err := d.weighs(*w)
	switch {
	case err != nil || n > x.Limit:
		return nil, notNow("This is above what you may approve (" + x.Limit.String() + " a week). Somebody with a higher limit must decide.")
	case w.OverCeiling() && strings.TrimSpace(x.Why) == "":
		return nil, missing("why", "Enter why more may be paid than was agreed at most")
	}
	if e.Proposed != nil {
		e = e.with(*e.Proposed)
	}
	e.State, e.Decided, e.DecidedBy, e.Why = ElementApproved, d.now, d.by.Who(), strings.TrimSpace(x.Why)
	return d.elementIs(ElementDidApprove, e), nil
}

// refused is an element whose new figures were refused: the old ones stand, where
// there are any.
func (e Element) refused(d deciding, why string) Element {
	e.Why = strings.TrimSpace(why)
	if e.Proposed != nil {
		e.Proposed = nil
		return e
	}
	e.State, e.Decided, e.DecidedBy = ElementRefused, d.now, d.by.Who()
	return e
}

func (x TakeBackElement) decide(d deciding) ([]Event, error) {
	e, err := d.element(x.ID)
	w := e.Proposed
	switch {
	case err != nil:
		return nil, err
	case w == nil:
		return nil, &Error{Kind: Conflict, Text: "No change waits here any more. Check the figures that stand"}
	case !w.At.Equal(x.Was):
		return nil, &Error{Kind: Conflict, Text: "Somebody has changed these figures since you opened them. Check what they set"}
	case w.By.ID != d.by.ID:
		return nil, notNow("Somebody else set these figures. Who may approve them can refuse them.")
	}
	e.Proposed, e.Why = nil, ""
	return d.elementIs(ElementDidTakeBack, e), nil
}

func (x StopElement) decide(d deciding) ([]Event, error) {
	e, err := d.element(x.ID)
	if err != nil {
		return nil, err
	}
	s := x.Stop
	s.By = d.by.Who()
	if err := words("why", s.Why, "why", false, shortLimit); err != nil {
		return nil, err
	}
	switch {
	case e.State != ElementApproved:
		return nil, notNow("Only care whose cost is approved can be suspended or resumed.")
	case e.Unit == UnitOnce:
		return nil, notNow("A one-off cannot be suspended.", "End it")
	}
	e.Stops = slices.Clone(e.Stops)
	if i := slices.IndexFunc(e.Stops, Stop.Open); i >= 0 && !s.To.IsZero() {
		return d.resume(e, i, s)
	}
	end := s.To
	switch {
	case s.From.IsZero():
		return nil, missing("from", "Enter the first day without care")
	case s.From.Before(e.Start) || !e.End.IsZero() && e.End.Before(s.From):
		return nil, invalid("from", "Enter a day on which this care is planned")
	case !end.IsZero() && end.Before(s.From):
		return nil, invalid("to", "Enter a last day without care that is not before the first")
	case slices.ContainsFunc(e.Stops, func(o Stop) bool { return o.From == s.From && o.To == s.To }):
		return nil, nil
	case slices.ContainsFunc(e.Stops, func(o Stop) bool { return overlap(s.From, end, o.From, o.To) }):
		return nil, invalid("from", "Enter days that are not suspended already")
	}
	e.Stops = append(e.Stops, s)
	slices.SortFunc(e.Stops, func(a, b Stop) int { return a.From.Time().Compare(b.From.Time()) })
	return d.elementIs(ElementDidSuspend, e), nil
}

// resume ends the suspension that is open. A last day that is the day before its first
// says that care never stopped.
func (d deciding) resume(e Element, i int, s Stop) ([]Event, error) {
	open := e.Stops[i]
	switch {
	case !s.From.IsZero() && s.From != open.From:
		return nil, invalid("from", "Care is suspended already. Resume it first")
	case s.To.Before(dayAfter(open.From, -1)):
		return nil, invalid("to", "Enter a day that is not before the suspension began")
	case s.To.Before(open.From):
		e.Stops = slices.Delete(e.Stops, i, i+1)
	default:
		e.Stops[i].To = s.To
	}
	return d.elementIs(ElementDidResume, e), nil
}

func (x EndElement) decide(d deciding) ([]Event, error) {
	e, err := d.element(x.ID)
	if err != nil {
		return nil, err
	}
	if err := words("why", x.Why, "why it ends", true, shortLimit); err != nil {
		return nil, err
	}
	did := ElementDidEnd
	switch {
	case e.State == ElementWaiting || e.State == ElementRefused || e.State == ElementDraft:
		did, x.End = ElementDidWithdraw, dayAfter(e.Start, -1) // it never was agreed
	case x.End.IsZero():
		return nil, missing("end", "Enter the last day of this care")
	case e.State == ElementEnded && e.End == x.End:
		return nil, nil
	case !e.End.IsZero() && e.End.Before(x.End):
		return nil, invalid("end", "Enter a day that is not after "+e.End.Time().Format("2-Jan-2006")+": it ends then already. For longer, change the figures")
	case x.End.Before(e.Start):
		did, x.End = ElementDidWithdraw, dayAfter(e.Start, -1) // it never began
	}
	e.End, e.State, e.Proposed, e.Why = x.End, ElementEnded, nil, strings.TrimSpace(x.Why)
	return d.elementIs(did, e), nil
}
