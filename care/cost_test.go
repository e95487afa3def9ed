package care

import (
	"testing"

	"pgregory.net/rapid"

	"homeward/money"
	"homeward/nhs"
)

// on is a day that a test names.
func on(t testing.TB, s string) nhs.Date {
	t.Helper()
	d, err := nhs.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// costly draws an element with figures, days, earlier figures and suspensions of any
// kind, near a leap day and a change of clocks.
func costly(t *rapid.T, first nhs.Date) Element {
	at := func(label string, n int) nhs.Date { return dayAfter(first, rapid.IntRange(0, n).Draw(t, label)) }
	e := Element{ID: "e", Unit: rapid.SampledFrom([]Unit{UnitHour, UnitVisit, UnitNight, UnitWeek, UnitOnce}).Draw(t, "unit"), State: ElementApproved}
	price := func(f *Figures) {
		f.Rate = money.Amount(rapid.Int64Range(1, 250_000).Draw(t, "rate"))
		f.NHS = money.Share(rapid.Int64Range(0, int64(money.All)).Draw(t, "nhs"))
		switch e.Unit {
		case UnitWeek, UnitOnce:
			f.Count = money.Quantity(rapid.Int64Range(1, 3000).Draw(t, "count"))
		default:
			for i := range f.Week {
				f.Week[i] = money.Quantity(rapid.Int64Range(0, 24).Draw(t, "units")) * 125
			}
		}
		if e.Unit != UnitOnce {
			f.Contribution = money.Amount(rapid.Int64Range(0, 60_000).Draw(t, "contribution"))
		}
	}
	var now Figures
	price(&now)
	e.Rate, e.Week, e.Count, e.NHS, e.Contribution = now.Rate, now.Week, now.Count, now.NHS, now.Contribution
	e.Start = at("start", 40)
	if rapid.Bool().Draw(t, "ends") {
		e.End = dayAfter(e.Start, rapid.IntRange(-1, 60).Draw(t, "days"))
	}
	if e.Unit == UnitOnce {
		return e
	}
	to := e.Start
	for range rapid.IntRange(0, 2).Draw(t, "changes") {
		f := Figures{}
		price(&f)
		to = dayAfter(to, rapid.IntRange(0, 20).Draw(t, "held"))
		f.To = to
		e.Past = append(e.Past, f)
		to = dayAfter(to, 1)
		e.From = to
	}
	from := first
	for range rapid.IntRange(0, 3).Draw(t, "stops") {
		from = dayAfter(from, rapid.IntRange(1, 15).Draw(t, "gap"))
		s := Stop{From: from, To: dayAfter(from, rapid.IntRange(0, 12).Draw(t, "stopped"))}
		from = dayAfter(s.To, 1)
		e.Stops = append(e.Stops, s)
	}
	return e
}

// TestMoneyReconciles says that what care costs is the sum of its days, of its weeks,
// of its payers and of any two parts; that no day costs less than nothing to anybody;
// and that a whole week of which nothing is missing is the weekly cost to the penny.
func TestMoneyReconciles(t *testing.T) {
	firsts := []string{"2024-02-10", "2026-03-14", "2025-10-11", "2025-12-20"}
	rapid.Check(t, func(t *rapid.T) {
		first, err := nhs.ParseDate(rapid.SampledFrom(firsts).Draw(t, "first"))
		if err != nil {
			t.Fatal(err)
		}
		e := costly(t, first)
		from := dayAfter(first, rapid.IntRange(0, 30).Draw(t, "from"))
		to := dayAfter(from, rapid.IntRange(0, 70).Draw(t, "for"))
		cut := dayAfter(from, rapid.IntRange(-1, from.DaysTo(to)).Draw(t, "cut"))
		all := costOf(t, e, from, to)
		if all != costOf(t, e, from, cut).and(t, costOf(t, e, dayAfter(cut, 1), to)) {
			t.Fatalf("cut in two at %v it is another sum than %+v", cut, all)
		}
		var days, weeks Cost
		for d := from; !to.Before(d); d = dayAfter(d, 1) {
			one := costOf(t, e, d, d)
			if min(one.Total, one.NHS, one.Person, one.Council) < 0 || one.Total != one.NHS+one.Person+one.Council {
				t.Fatalf("%v costs %+v", d, one)
			}
			if one.Total > 0 && (e.Stopped(d) && e.Unit != UnitOnce || d.Before(e.Start) || !e.End.IsZero() && e.End.Before(d)) {
				t.Fatalf("%v, on which there was no care, costs %+v", d, one)
			}
			days = days.and(t, one)
			if weekday(d) == 6 || d == to {
				week := costOf(t, e, latest(dayAfter(d, -weekday(d)), from), d)
				weeks = weeks.and(t, week)
				wholeWeek(t, e, d, week)
			}
		}
		if days != all || weeks != all {
			t.Fatalf("in all %+v, by days %+v, by weeks %+v", all, days, weeks)
		}
		bill, err := BillOf([]Element{e, e}, cut, to)
		if one := costOf(t, e, e.Start, cut); err != nil || bill.ToDate != one.and(t, one) {
			t.Fatalf("two of %+v are %+v, %v", one, bill, err)
		}
	})
}

// wholeWeek checks a week up to a Sunday of which no day is missing.
func wholeWeek(t *rapid.T, e Element, sunday nhs.Date, cost Cost) {
	monday := dayAfter(sunday, -6)
	if weekday(sunday) != 6 || e.Unit == UnitOnce || monday.Before(latest(e.Start, e.From)) || !e.End.IsZero() && e.End.Before(sunday) {
		return
	}
	for d := monday; !sunday.Before(d); d = dayAfter(d, 1) {
		if e.Stopped(d) {
			return
		}
	}
	if whole := costOf(t, e, monday, sunday); cost == whole {
		if week, err := e.Weekly(); err != nil || week != whole {
			t.Fatalf("a week from %v costs %+v, as planned %+v, %v", monday, whole, week, err)
		}
	}
}

func costOf(t rapid.TB, e Element, from, to nhs.Date) Cost {
	t.Helper()
	c, err := e.Cost(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c Cost) and(t rapid.TB, o Cost) Cost {
	t.Helper()
	sum, err := c.Plus(o)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// TestCostByHand compares with sums done on paper.
func TestCostByHand(t *testing.T) {
	d := func(s string) nhs.Date { return on(t, s) }
	visits := Element{Unit: UnitHour, Rate: 2350, Week: [7]money.Quantity{1500, 1500, 1500, 1500, 1500, 750, 750}, Start: d("2026-03-12"), State: ElementApproved}
	placed := Element{Unit: UnitWeek, Rate: 100_000, Count: money.One, Start: d("2026-03-28"), NHS: 2500, Contribution: 17_333}
	away := visits
	away.Stops = []Stop{{From: d("2026-03-17"), To: d("2026-03-20")}}
	dearer := visits
	dearer.Past, dearer.From, dearer.Rate = []Figures{{To: d("2026-03-17"), Rate: 2350, Week: visits.Week}}, d("2026-03-18"), 2500
	rail := Element{Unit: UnitOnce, Rate: 4999, Count: 3 * money.One, Start: d("2026-03-29"), NHS: 3333}
	for name, x := range map[string]struct {
		e        Element
		from, to string
		want     Cost
	}{
		// 9 hours at £23.50.
		"a whole week": {visits, "2026-03-16", "2026-03-22", Cost{Total: 21150, Council: 21150}},
		// Thursday to Sunday: 1.5 + 1.5 + 0.75 + 0.75 hours = £105.75.
		"a part week at the start": {visits, "2026-03-01", "2026-03-15", Cost{Total: 10575, Council: 10575}},
		// 0.75 hours are £17.625: what Saturday and Sunday share, nobody pays twice.
		"a Saturday":       {visits, "2026-03-21", "2026-03-21", Cost{Total: 1763, Council: 1763}},
		"the Sunday after": {visits, "2026-03-22", "2026-03-22", Cost{Total: 1762, Council: 1762}},
		// Without Tuesday to Friday: 1.5 + 0.75 + 0.75 hours = £70.50.
		"a week with a stay in it": {away, "2026-03-16", "2026-03-22", Cost{Total: 7050, Council: 7050}},
		// 3 hours at £23.50 to Tuesday and 6 at £25 from Wednesday.
		"a week in which the rate rose": {dearer, "2026-03-16", "2026-03-22", Cost{Total: 22050, Council: 22050}},
		// £1,000 a week: two days (the clocks change between them) are £285.71, of which the NHS pays
		// a quarter down, £71.42, and the person 173.33 x 214.29 / 750 = £49.52.
		"two days of a placement": {placed, "2026-03-23", "2026-03-29", Cost{Total: 28571, NHS: 7142, Person: 4952, Council: 16477}},
		"a week of it":            {placed, "2026-03-30", "2026-04-05", Cost{Total: 100000, NHS: 25000, Person: 17333, Council: 57667}},
		// 3 at £49.99; a third of it down.
		"a one-off":    {rail, "2026-03-29", "2026-04-29", Cost{Total: 14997, NHS: 4998, Council: 9999}},
		"not that day": {rail, "2026-03-30", "2026-04-29", Cost{}},
	} {
		if got := costOf(t, x.e, d(x.from), d(x.to)); got != x.want {
			t.Errorf("%s: %+v, want %+v", name, got, x.want)
		}
	}
	visits.ID, visits.Ceiling = "v", 20_000
	waits := placed
	waits.State = ElementWaiting
	bill, err := BillOf([]Element{visits, waits}, d("2026-03-22"), nhs.Date{})
	want := Bill{Today: d("2026-03-22"), Until: d("2026-06-14"), Weekly: Cost{Total: 21150, Council: 21150}, ToDate: Cost{Total: 31725, Council: 31725},
		Ahead: Cost{Total: 12 * 21150, Council: 12 * 21150}}
	if err != nil || bill.Weekly != want.Weekly || bill.ToDate != want.ToDate || bill.Ahead != want.Ahead || bill.Until != want.Until || len(bill.Over) != 1 {
		t.Errorf("the bill is %+v, %v; want %+v", bill, err, want)
	}
}

// TestBillSaysWhatIsToBegin says that care that begins later is not a week of nothing.
func TestBillSaysWhatIsToBegin(t *testing.T) {
	d := func(s string) nhs.Date { return on(t, s) }
	one := Element{ID: "a", Unit: UnitWeek, Rate: 10_00, Count: money.One, Start: d("2026-03-20"), State: ElementApproved}
	two := one
	two.ID, two.Start = "b", d("2026-04-01")
	bill, err := BillOf([]Element{one, two}, d("2026-03-19"), nhs.Date{})
	if err != nil || bill.Weekly.Total != 0 || bill.Next != one.Start || bill.Later.Total != 10_00 {
		t.Errorf("before all: %+v, %v", bill, err)
	}
	if bill, _ = BillOf([]Element{one, two}, d("2026-03-20"), nhs.Date{}); bill.Weekly.Total != 10_00 || bill.Next != two.Start || bill.Later.Total != 20_00 {
		t.Errorf("on the first day: %+v", bill)
	}
	if bill, _ = BillOf([]Element{one, two}, two.Start, nhs.Date{}); bill.Weekly.Total != 20_00 || !bill.Next.IsZero() || bill.Later.Total != 0 {
		t.Errorf("once all has begun: %+v", bill)
	}
}

// TestCostStandsStillWithTheProvider says that what was agreed with a provider stops the
// cost of care that was in place then, and of no other.
func TestCostStandsStillWithTheProvider(t *testing.T) {
	d := func(s string) nhs.Date { return on(t, s) }
	e := Element{Unit: UnitDay, Rate: 100, Week: [7]money.Quantity{1000, 1000, 1000, 1000, 1000, 1000, 1000}, Start: d("2026-03-10"), Stops: []Stop{{From: d("2026-03-12"), To: d("2026-03-13")}}}
	spans := []Standstill{{From: d("2026-03-13"), To: d("2026-03-15")}, {From: d("2026-03-20")}}
	if c := costOf(t, e.StandingStill(spans), d("2026-03-10"), d("2026-03-31")); c.Total != 600 { // 10, 11, and 16 to 19
		t.Errorf("it costs %v", c.Total)
	}
	e.Start = d("2026-03-21") // other care, arranged since
	if c := costOf(t, e.StandingStill(spans), d("2026-03-10"), d("2026-03-31")); c.Total != 1100 {
		t.Errorf("other care costs %v", c.Total)
	}
}
