package returns

import (
	"cmp"
	"slices"

	"homeward/care"
	"homeward/money"
	"homeward/nhs"
)

// given is a service of the council, from where it is known best: its cost, the booking
// of a provider, or what the council's system tells.
type given struct {
	ref, kind, title string
	referral         care.ReferralID
	provider         string
	start, end       nhs.Date // end: the last day; zero: it goes on
	element          *care.Element
	selfFund         bool
	told             bool // by the council's system
}

// givenBy lists the services of the council that somebody has or had, by their first
// day. The same one that is known from several sides stands once: arranged here before
// what the council's system tells.
func givenBy(b *Building, p care.Case) []given {
	var out []given
	for i, e := range p.Elements {
		if e.Council == b.Org && e.Counts() && e.Began() {
			out = append(out, given{ref: "ELE-" + e.ID, kind: e.Kind, title: e.Title, referral: e.Referral, provider: e.Provider, start: e.Start, end: e.End, element: &p.Elements[i]})
		}
	}
	for _, r := range p.Requests {
		priced := slices.ContainsFunc(p.Elements, func(e care.Element) bool {
			return e.Request == r.ID && e.Counts()
		})
		if r.Council == b.Org && r.Booked != "" && !r.Start.IsZero() && !priced && (r.Ended.IsZero() || r.Start.Before(b.day(r.Ended))) { // ended before it began: it never did
			out = append(out, given{ref: "BKG-" + r.ID, kind: r.Kind, referral: r.Referral, provider: r.Booked, start: r.Start, selfFund: r.SelfFund})
		}
	}
	for _, h := range p.Holdings {
		if h.Council != b.Org {
			continue
		}
		for _, k := range h.Packages {
			if k.End.IsZero() && k.Status == care.PackageFinished {
				k.End = b.day(h.AsAt) // told by then at the latest
			}
			if k.Status == care.PackagePlanned || slices.ContainsFunc(out, func(g given) bool {
				return g.kind == k.Kind && g.provider == k.Provider && g.start == k.Start && !k.Start.IsZero()
			}) {
				continue
			}
			out = append(out, given{ref: "PKG-" + k.Ref, kind: k.Kind, title: k.Title, provider: k.Provider, start: k.Start, end: k.End, told: true})
		}
	}
	if p.Died != nil { // nobody has care after they died, whatever was not ended
		last := nhs.DateOf(p.Died.At.In(b.Zone))
		for i := range out {
			if out[i].end.IsZero() || last.Before(out[i].end) {
				out[i].end = last
			}
		}
	}
	slices.SortStableFunc(out, func(x, y given) int {
		return cmp.Or(x.start.Time().Compare(y.start.Time()), cmp.Compare(x.ref, y.ref))
	})
	return out
}

// services are the services of somebody whose first day is known; a problem of each
// whose is not.
func (c *clientLevel) services(b *Building, p care.Case) []given {
	all := givenBy(b, p)
	return slices.DeleteFunc(all, func(g given) bool {
		if !g.start.IsZero() {
			return false
		}
		if g.end.IsZero() || b.in(g.end) {
			b.field("Event_Start_Date", false, true)
			b.problem(Problem{Row: -1, Case: p.ID, Field: "Event_Start_Date", Text: "A service has no first day: it is not in the return", Mend: "Enter the first day in your own system", Who: "Whoever runs your own system"})
		}
		return true
	})
}

func (c *clientLevel) service(b *Building, p care.Case, s given) {
	f := c.person(b, p)
	k := c.kinds[s.kind]
	f["Event_Type"], f["Event_Reference"] = service, s.ref
	f["Event_Start_Date"] = s.start.String()
	if !s.end.IsZero() && !b.Period.To.Before(s.end) { // one that ends later is open in this period
		f["Event_End_Date"] = s.end.String()
		if p.Died != nil && !s.end.Before(b.day(p.Died.At)) {
			f["Event_Outcome"] = nfaDied
		}
	}
	f["Event_Description"] = cmp.Or(s.title, care.KindSay(s.kind))
	f["Service_Type"], f["Service_Component"], f["Delivery_Mechanism"] = k.Type, k.Component, k.Arrangement
	if s.provider != "" && b.CQC != nil {
		f["Provider_CQC_Location_ID"] = b.CQC(s.provider)
	}
	if s.selfFund {
		f["Client_Funding_Status"] = "Fully client funded"
	}
	if s.element != nil {
		priced(f, figuresAt(*s.element, earlier(b.Period.To, s.end)))
	}
	c.row(b, event{p.ID, f})
}

func earlier(a, b nhs.Date) nhs.Date {
	if !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// figuresAt is an element with the figures that held on a day.
func figuresAt(e care.Element, d nhs.Date) care.Element {
	for _, f := range e.Past {
		if !f.To.Before(d) {
			e.Rate, e.Week, e.Count, e.NHS, e.Contribution = f.Rate, f.Week, f.Count, f.NHS, f.Contribution
			return e
		}
	}
	return e
}

// priced says what a service costs, as CLD R2 asks: what one unit costs, how often, and
// how many a week.
func priced(f map[string]string, e care.Element) {
	f["Unit_Cost"] = e.Rate.Plain()
	f["Cost_Frequency_Unit_Type"] = map[care.Unit]string{care.UnitHour: "Hourly", care.UnitVisit: "Per session", care.UnitDay: "Daily", care.UnitNight: "Daily",
		care.UnitWeek: "Weekly", care.UnitOnce: "One-off"}[e.Unit]
	units := e.Count
	for _, q := range e.Week {
		units += q
	}
	if e.Unit != care.UnitOnce {
		f["Planned_units_per_week"] = plain(units)
	}
	switch {
	case e.NHS > 0: // the list of release 2 that is known has no value for it
	case e.Contribution == 0:
		f["Client_Funding_Status"] = "Fully social care funded"
	default:
		f["Client_Funding_Status"] = "Joint client and social care funded"
	}
}

// plain is a quantity as programs read it, without signs between thousands.
func plain(q money.Quantity) string {
	text := q.String()
	out := make([]byte, 0, len(text))
	for i := range len(text) {
		if text[i] != ',' {
			out = append(out, text[i])
		}
	}
	return string(out)
}

// begins reports whether a service begins in the period.
func (g given) begins(b *Building) bool { return b.in(g.start) }
