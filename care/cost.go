package care

import (
	"slices"
	"time"

	"homeward/money"
	"homeward/nhs"
)

// The rules of what care costs are ours; councils may have others, and this is the
// only place where they stand. docs/design/money.md says them in words.

// ForecastWeeks is how far a forecast looks ahead where nobody says how far.
const ForecastWeeks = 12

// Cost is what something costs and who pays it, in pence. Total is the sum of the
// three others, to the penny.
type Cost struct {
	Total   money.Amount
	NHS     money.Amount
	Person  money.Amount // the contribution
	Council money.Amount // what is left
}

// Plus adds costs; money.ErrTooLarge where the sum does not fit.
func (c Cost) Plus(of ...Cost) (Cost, error) {
	for _, o := range of {
		for _, x := range []struct {
			to  *money.Amount
			add money.Amount
		}{{&c.Total, o.Total}, {&c.NHS, o.NHS}, {&c.Person, o.Person}, {&c.Council, o.Council}} {
			sum, err := money.Sum(*x.to, x.add)
			if err != nil {
				return Cost{}, err
			}
			*x.to = sum
		}
	}
	return c, nil
}

// less is c without o, where o is a part of c.
func (c Cost) less(o Cost) Cost {
	return Cost{c.Total - o.Total, c.NHS - o.NHS, c.Person - o.Person, c.Council - o.Council}
}

// A span is the days, both included, on which figures hold. A zero To is no end.
type span struct {
	Figures
	From nhs.Date
}

// figures are those that stand now.
func (e Element) figures() Figures {
	return Figures{To: e.End, Rate: e.Rate, Week: e.Week, Count: e.Count, NHS: e.NHS, Contribution: e.Contribution}
}

// spans are the days of an element by the figures that held, in order.
func (e Element) spans() []span {
	var out []span
	from := e.Start
	for _, p := range append(slices.Clone(e.Past), e.figures()) {
		to := p.To
		if !e.End.IsZero() && (to.IsZero() || e.End.Before(to)) {
			to = e.End
		}
		if !to.IsZero() && to.Before(from) {
			continue
		}
		s := span{Figures: p, From: from}
		s.To = to
		out = append(out, s)
		if to.IsZero() {
			break
		}
		from = dayAfter(to, 1)
	}
	return out
}

// Weekly is what a whole week costs as planned, by the figures that stand. A one-off
// has no weekly cost.
func (e Element) Weekly() (Cost, error) {
	if e.Unit == UnitOnce {
		return Cost{}, nil
	}
	return e.week(e.figures(), e.whole(e.figures()))
}

// AgainstLimit is what is measured against approval limits: a week as planned, and
// of a one-off the whole cost.
func (e Element) AgainstLimit() (money.Amount, error) {
	if e.Unit == UnitOnce {
		return money.Mul(e.Rate, e.Count)
	}
	c, err := e.Weekly()
	return c.Total, err
}

// OverCeiling reports whether an element costs more a week than was agreed at most.
func (e Element) OverCeiling() bool {
	n, err := e.AgainstLimit()
	return e.Ceiling > 0 && (err != nil || n > e.Ceiling)
}

// Counts reports whether an element's cost is agreed, so that it is part of totals.
func (e Element) Counts() bool { return e.State == ElementApproved || e.State == ElementEnded }

// Began reports whether there is any day of it: what ended before it started has none.
func (e Element) Began() bool { return e.End.IsZero() || !e.End.Before(e.Start) }

// given is how much of a week was given: units of a pattern, or days of seven.
type given struct {
	units money.Quantity
	days  int64
}

// whole is a whole week as planned.
func (e Element) whole(f Figures) given {
	g := given{days: 7}
	for _, q := range f.Week {
		g.units += q
	}
	return g
}

// week is what a part of a week costs, and who pays it. It is the one place where
// anything is rounded: the cost half up, once for the whole part; then of each payer's
// part down, and the remainder is the council's. A contribution is for a whole week as
// planned: of a part the person pays in proportion, and never more than what the NHS leaves.
func (e Element) week(f Figures, g given) (Cost, error) {
	total := func(g given) (money.Amount, error) {
		if e.Unit == UnitWeek {
			return money.Prorate(f.Rate, f.Count, g.days, 7)
		}
		return money.Mul(f.Rate, g.units)
	}
	c, err := e.shared(total, g, f.NHS)
	if err != nil || f.Contribution == 0 || c.Council <= 0 {
		return c, err
	}
	planned, err := e.shared(total, e.whole(f), f.NHS)
	if err != nil {
		return c, err
	}
	c.Person, err = money.Scale(min(f.Contribution, planned.Council), c.Council, planned.Council)
	c.Council -= c.Person
	return c, err
}

// shared divides a cost between the NHS and whoever pays the rest.
func (e Element) shared(total func(given) (money.Amount, error), g given, share money.Share) (c Cost, err error) {
	if c.Total, err = total(g); err != nil {
		return Cost{}, err
	}
	c.NHS, c.Council, err = money.Split(c.Total, share)
	return c, err
}

// Cost is what an element costs from one day to another, both included. What a day
// costs is what its week (from Monday) has cost with it, less what it had cost before
// it: so days add up to weeks and weeks to any time, and nothing is lost or paid
// twice however a time is divided.
func (e Element) Cost(from, to nhs.Date) (Cost, error) {
	if e.Unit == UnitOnce {
		return e.once(from, to)
	}
	var out Cost
	for _, s := range e.spans() {
		first, last := latest(from, s.From), to
		if !s.To.IsZero() && s.To.Before(last) {
			last = s.To
		}
		for !last.Before(first) {
			monday := dayAfter(first, -weekday(first))
			end := earliest(dayAfter(monday, 6), last)
			begin := latest(monday, s.From)
			through, err := e.week(s.Figures, e.through(s.Figures, begin, end))
			if err != nil {
				return Cost{}, err
			}
			before, err := e.week(s.Figures, e.through(s.Figures, begin, dayAfter(first, -1)))
			if err != nil {
				return Cost{}, err
			}
			if out, err = out.Plus(through.less(before)); err != nil {
				return Cost{}, err
			}
			first = dayAfter(end, 1)
		}
	}
	return out, nil
}

// once is a one-off, on the day on which it starts. Nothing suspends it: it is bought.
func (e Element) once(from, to nhs.Date) (Cost, error) {
	if e.Start.Before(from) || to.Before(e.Start) || !e.Began() {
		return Cost{}, nil
	}
	return e.shared(func(given) (money.Amount, error) { return money.Mul(e.Rate, e.Count) }, given{}, e.NHS)
}

// through is what was given from a day to another of the same week: nothing on days on
// which care stood still.
func (e Element) through(f Figures, from, to nhs.Date) (g given) {
	for d := from; !to.Before(d); d = dayAfter(d, 1) {
		if !e.Stopped(d) {
			g.units += f.Week[weekday(d)]
			g.days++
		}
	}
	return g
}

// Stopped reports whether care stands still on a day.
func (e Element) Stopped(d nhs.Date) bool {
	return slices.ContainsFunc(e.Stops, func(s Stop) bool { return s.holds(d) })
}

// StandingStill is an element whose care also stands still as was agreed with its
// provider when the person came to hospital: days that its own suspensions do not cover
// already. Of care that began after the provider's care stood still nothing stands still.
func (e Element) StandingStill(spans []Standstill) Element {
	e.Stops = slices.Clone(e.Stops)
	for _, s := range spans {
		if s.From.Before(e.Start) || e.Unit == UnitOnce || !overlap(s.From, s.To, e.Start, e.End) {
			continue
		}
		e.Stops = append(e.Stops, Stop{From: s.From, To: s.To, Why: "Agreed with the provider: in hospital"})
	}
	slices.SortStableFunc(e.Stops, func(a, b Stop) int { return a.From.Time().Compare(b.From.Time()) })
	return e
}

// holds reports whether a day is of the stop.
func (s Stop) holds(d nhs.Date) bool {
	return !d.Before(s.From) && (s.To.IsZero() || !s.To.Before(d))
}

// Open reports whether the stop has no last day yet.
func (s Stop) Open() bool { return s.To.IsZero() }

// A Bill is what elements cost together, by what is agreed; what waits for approval is
// no part of it.
type Bill struct {
	Today  nhs.Date
	Weekly Cost     // of a week as planned, of what is given today or stands still
	Next   nhs.Date // the first day after today on which something begins, or costs otherwise; zero: none
	Later  Cost     // of a week as planned on that day
	ToDate Cost     // from the start to today
	Ahead  Cost     // from tomorrow to Until
	Until  nhs.Date // the last day of the forecast
	Over   []string // those above their ceiling
}

// BillOf adds elements up as at a day. The forecast ends on until, or where that is
// zero after ForecastWeeks. A suspension without a last day is taken to last.
func BillOf(elements []Element, today, until nhs.Date) (Bill, error) {
	b := Bill{Today: today, Until: until}
	if until.IsZero() {
		b.Until = dayAfter(today, 7*ForecastWeeks)
	}
	for _, e := range elements {
		if !e.Counts() {
			continue
		}
		if e.State == ElementApproved && e.OverCeiling() {
			b.Over = append(b.Over, e.ID)
		}
		if err := b.add(e); err != nil {
			return Bill{}, err
		}
	}
	return b, b.next(elements)
}

// next is when the cost of a week is first another because something begins, and what
// it is then.
func (b *Bill) next(elements []Element) error {
	for _, e := range elements {
		for _, s := range e.spans() {
			if e.Counts() && e.Unit != UnitOnce && b.Today.Before(s.From) && (b.Next.IsZero() || s.From.Before(b.Next)) {
				b.Next = s.From
			}
		}
	}
	for _, e := range elements {
		if b.Next.IsZero() || !e.Counts() {
			continue
		}
		week, err := e.weekOn(b.Next)
		if err != nil {
			return err
		}
		if b.Later, err = b.Later.Plus(week); err != nil {
			return err
		}
	}
	return nil
}

// weekOn is what a week costs as planned by the figures of a day; nothing where the
// care is not given then, and of a one-off.
func (e Element) weekOn(d nhs.Date) (Cost, error) {
	for _, s := range e.spans() {
		if e.Unit != UnitOnce && !d.Before(s.From) && (s.To.IsZero() || !s.To.Before(d)) {
			return e.week(s.Figures, e.whole(s.Figures))
		}
	}
	return Cost{}, nil
}

func (b *Bill) add(e Element) error {
	done, err := e.Cost(e.Start, b.Today)
	if err != nil {
		return err
	}
	ahead, err := e.Cost(dayAfter(b.Today, 1), b.Until)
	if err != nil {
		return err
	}
	if b.ToDate, err = b.ToDate.Plus(done); err != nil {
		return err
	}
	if b.Ahead, err = b.Ahead.Plus(ahead); err != nil {
		return err
	}
	week, err := e.weekOn(b.Today)
	if err != nil {
		return err
	}
	b.Weekly, err = b.Weekly.Plus(week)
	return err
}

// weekday counts from Monday, 0.
func weekday(d nhs.Date) int { return (int(d.Time().Weekday()) + 6) % 7 }

// dayAfter is the day n days after d. Days are days: no clock changes them.
func dayAfter(d nhs.Date, n int) nhs.Date {
	return nhs.DateOf(d.Time().Add(time.Duration(n) * 24 * time.Hour))
}

func latest(a, b nhs.Date) nhs.Date {
	if a.Before(b) {
		return b
	}
	return a
}

func earliest(a, b nhs.Date) nhs.Date {
	if b.Before(a) {
		return b
	}
	return a
}
