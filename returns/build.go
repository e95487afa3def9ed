package returns

import (
	"fmt"
	"slices"
	"time"

	"homeward/care"
	"homeward/codelists"
	"homeward/measure"
	"homeward/nhs"
)

// Asked is which return is made, of whom and when.
type Asked struct {
	Return  ID
	Period  Period
	Org     nhs.ODS
	OrgName string
	Kind    care.OrgKind
	Zone    *time.Location
	Now     time.Time
	Reasons *codelists.DelayReasons // of the situation report: the list by which the histories suggest them
	CQC     func(provider string) string
}

// Person is one case, with its points of who left when (measure.Stays), and its history
// where reasons for delay are asked for: nil where it is not.
type Person struct {
	Case   care.Case
	Points []measure.Point
	Trail  *measure.Trail
}

// Building is a return that is being made: Add each person once, in an order that stays
// the same, and take it with Made.
type Building struct {
	Asked
	def    Return
	maker  maker
	made   Made
	filled map[string]*Filled
	order  []string
}

// maker makes one return: add reads a person, end writes what is counted.
type maker interface {
	add(b *Building, p Person)
	end(b *Building)
}

// New begins a return.
func New(a Asked) (*Building, error) {
	def, ok := Find(a.Return)
	if !ok || !def.IsFor(a.Kind) {
		return nil, &care.Error{Kind: care.NotFound, Text: "There is no such return of your organisation"}
	}
	if err := def.Of(a.Period, nhs.DateOf(a.Now.In(a.Zone))); err != nil {
		return nil, err
	}
	b := &Building{Asked: a, def: def, filled: map[string]*Filled{}}
	var err error
	switch a.Return {
	case Acute, Community:
		b.maker, err = newSitrep(b)
	case CLD:
		b.maker, err = newCLD(b)
	case ASCOF:
		b.maker = &linking{}
	case BCF:
		b.maker = &fund{}
	}
	if err != nil {
		return nil, fmt.Errorf("making the return %s: %w", a.Return, err)
	}
	return b, nil
}

// Add reads a person. One whose record was joined into another is the other's.
func (b *Building) Add(p Person) {
	if p.Case.ID != "" && p.Case.JoinedTo == "" {
		b.maker.add(b, p)
	}
}

// NeedsHistory reports whether a person's history is needed beside the case: for reasons
// for delay, of whoever was in a bed for a week and ready to leave.
func (b *Building) NeedsHistory(c care.Case) bool {
	if b.def.ID != Acute {
		return false
	}
	for _, s := range stays(c) {
		end := b.Period.To
		if s.Left != nil {
			end = earlier(end, b.day(s.Left.At))
		}
		if s.Org == b.Org && len(s.Ready) > 0 && b.day(s.Admitted).DaysTo(end) >= nights[0] {
			return true
		}
	}
	return false
}

// Made is the return of all that were added. Nobody is added after.
func (b *Building) Made() Made {
	b.maker.end(b)
	for _, f := range b.order {
		b.made.Filled = append(b.made.Filled, *b.filled[f])
	}
	return b.made
}

// day is the local day of an instant; zero of a zero time.
func (b *Building) day(at time.Time) nhs.Date {
	if at.IsZero() {
		return nhs.Date{}
	}
	return nhs.DateOf(at.In(b.Zone))
}

// in reports whether a day is in the period.
func (b *Building) in(d nhs.Date) bool {
	return !d.IsZero() && !d.Before(b.Period.From) && !b.Period.To.Before(d)
}

// at is an instant of a local day, some minutes after midnight by the clock.
func (b *Building) at(d nhs.Date, minutes int) time.Time {
	return time.Date(int(d.Year), time.Month(d.Month), int(d.Day), minutes/60, minutes%60, 0, 0, b.Zone)
}

// field counts whether something that should be there is.
func (b *Building) field(name string, have, held bool) {
	f := b.filled[name]
	if f == nil {
		f = &Filled{Field: name, Held: held}
		b.filled[name] = f
		b.order = append(b.order, name)
	}
	f.Of++
	if have {
		f.Have++
	}
}

func (b *Building) problem(p Problem) { b.made.Problems = append(b.made.Problems, p) }

func (b *Building) count(name string, n int) {
	b.made.Metrics = append(b.made.Metrics, Metric{Name: name, Value: float64(n), Known: true, Unit: measure.Count})
}

// stays are the stays in a bed of a case, oldest first; those that a join put away and
// that never ended are not among them.
func stays(c care.Case) []care.Stay {
	out := slices.DeleteFunc(slices.Clone(c.Past), func(s care.Stay) bool { return s.Left == nil })
	if c.Stay != nil {
		out = append(out, *c.Stay)
	}
	out = slices.DeleteFunc(out, func(s care.Stay) bool { return !s.Inpatient() || s.Admitted.IsZero() })
	slices.SortStableFunc(out, func(a, b care.Stay) int { return a.Admitted.Compare(b.Admitted) })
	return out
}

// pathway is the discharge pathway of the last referral of a stay; "" where there is none.
func pathway(c care.Case, s care.Stay) string {
	p := ""
	for _, r := range c.ReferralsOf(s) {
		p = r.Pathway
	}
	return p
}

// pointOf is the point of a stay that ended.
func pointOf(p Person, s care.Stay) (measure.Point, bool) {
	for _, x := range p.Points {
		if x.Source == measure.Stays.ID && x.Hospital == s.Org && !x.Open() && x.From.Truncate(time.Microsecond).Equal(s.Admitted.Truncate(time.Microsecond)) {
			return x, true
		}
	}
	return measure.Point{}, false
}
