package measure

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"homeward/care"
	"homeward/codelists"
	"homeward/nhs"
)

// Trail is the history of one case as measures read it. Make one with a Zone, Add its
// entries in order, and ask for Points whenever they are wanted: they are what was known
// by then.
type Trail struct {
	Zone     *time.Location          // of local days
	Entries  []care.Entry            // so far; of this record alone
	Reasons  *codelists.DelayReasons // the reasons for delay that are suggested; nil: our own list
	fold     care.Folding
	findings findings // of the quality of what is recorded
	held     once[[]Point]
	legged   once[[]leg]
	stayed   once[[]StayOf]
	others   map[care.CaseID]*Trail
}

// once keeps what was worked out of a trail of so many entries, for all the sources that
// read it.
type once[T any] struct {
	entries int
	v       T
}

// after is it after the entries that the trail has now.
func (o *once[T]) after(t *Trail, work func() T) T {
	if o.entries != len(t.Entries) {
		*o = once[T]{len(t.Entries), work()}
	}
	return o.v
}

// Add adds the next entry.
func (t *Trail) Add(e care.Entry) {
	t.Entries = append(t.Entries, e)
	t.fold.Add(e)
	if x, ok := e.Event.(care.Absorbed); ok {
		if other := t.others[x.Other.ID]; other != nil {
			t.fold.Joined(&other.fold)
		}
	}
	t.findings.see(t, e)
}

// Knows gives a trail that of a record which was joined into this one, up to the join;
// before the join is added.
func (t *Trail) Knows(id care.CaseID, other *Trail) {
	if t.others == nil {
		t.others = map[care.CaseID]*Trail{}
	}
	t.others[id] = other
}

// Case is the case as it is known so far.
func (t *Trail) Case() care.Case { return t.fold.Case() }

// Spells are the spells of a referral so far (care.Folding).
func (t *Trail) Spells(id care.ReferralID) []care.Spell { return t.fold.Spells(id) }

// Day is the local day of an instant; zero of a zero time.
func (t *Trail) Day(at time.Time) nhs.Date {
	if at.IsZero() {
		return nhs.Date{}
	}
	return nhs.DateOf(at.In(t.Zone))
}

// Points are the points of all sources, as known so far, by source and subject. A record
// that was joined into another has none: they are the other's.
func (t *Trail) Points() []Point {
	c := t.Case()
	if c.ID == "" || c.JoinedTo != "" {
		return nil
	}
	var out []Point
	for _, s := range Sources {
		if s.Outside {
			continue
		}
		for _, p := range s.Of(t) {
			p.Source, p.Case = s.ID, c.ID
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b Point) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Subject, b.Subject))
	})
	// A history that tells of the same thing twice, such as of a referral under the same
	// reference, must not stop the counting: the later one counts.
	kept := out[:0]
	for i, p := range out {
		if i+1 < len(out) && out[i+1].Source == p.Source && out[i+1].Subject == p.Subject {
			continue
		}
		kept = append(kept, p)
	}
	return kept
}

// A StayOf is a stay of a case, what it is called among points, and what it belongs to.
type StayOf struct {
	care.Stay
	Subject string
	Group
	Referral *care.Referral // the last one of this stay; nil: none
	// Gone is until when a stay counts that a join put away as it was, not ended: nobody
	// is in two beds, so until the next one began. Zero: the stay is not put away.
	Gone time.Time
}

// Stays are all stays of the case, oldest first; they are not to be changed. One that was
// put away by a join is among them, as not ended.
func (t *Trail) Stays() []StayOf {
	return t.stayed.after(t, t.readStays)
}

func (t *Trail) readStays() []StayOf {
	c := t.Case()
	stays := c.Stays()
	out := make([]StayOf, 0, len(stays))
	names := map[string]int{}
	for _, s := range stays {
		x := StayOf{Stay: s, Subject: cmp.Or(s.Visit, "stay-"+strconv.FormatInt(s.Admitted.Unix(), 10))}
		if names[x.Subject]++; names[x.Subject] > 1 { // two hospitals may use the same number
			x.Subject += "." + strconv.Itoa(names[x.Subject])
		}
		if refs := c.ReferralsOf(s); len(refs) > 0 {
			x.Referral = &refs[len(refs)-1]
		}
		x.Group = t.groupOf(c, s, x.Referral)
		out = append(out, x)
	}
	slices.SortStableFunc(out, func(a, b StayOf) int { return a.Admitted.Compare(b.Admitted) })
	for i := range out {
		if s := &out[i]; s.Left == nil && !isPresent(c, s.Stay) {
			s.Gone = s.Admitted
			for _, next := range out[i+1:] {
				if next.Inpatient() && next.Admitted.After(s.Admitted) {
					s.Gone = next.Admitted
					break
				}
			}
		}
	}
	return out
}

// isPresent reports whether a stay is the one that the person is in.
func isPresent(c care.Case, s care.Stay) bool {
	return c.Stay != nil && c.Stay.Org == s.Org && c.Stay.Visit == s.Visit && c.Stay.Admitted.Equal(s.Admitted) && c.Stay.Of == s.Of
}

// groupOf is what a stay belongs to: its hospital and last ward, and of its referral
// the council, team and pathway.
func (t *Trail) groupOf(c care.Case, s care.Stay, r *care.Referral) Group {
	g := Group{Hospital: s.Org, Ward: s.Where.Ward}
	on := s.Admitted
	if s.Left != nil {
		on = s.Left.At
	}
	g.Age = ageBand(c.Person.Born, t.Day(on))
	if r != nil {
		g.Council, g.Pathway = r.To, r.Pathway
		g.Team, g.Provider = t.teamOf(c, *r), providerOf(c, *r)
	}
	return g
}

// teamOf is the team of the council that had a referral last.
func (t *Trail) teamOf(c care.Case, r care.Referral) string {
	for _, s := range slices.Backward(t.Spells(r.ID)) {
		if s.Org == r.To && s.Team != "" && s.Team != care.Unresolved {
			return s.Team
		}
	}
	return ""
}

// providerOf is the provider that was booked for a referral last.
func providerOf(c care.Case, r care.Referral) string {
	for _, q := range slices.Backward(c.Requests) {
		if q.Referral == r.ID && q.Booked != "" {
			return string(care.ProviderCode(q.Council, q.Booked))
		}
	}
	return ""
}

// GroupOf is what a referral belongs to, by the stay that it is of.
func (t *Trail) GroupOf(r care.Referral) Group {
	for _, s := range t.Stays() {
		if s.Referral != nil && s.Referral.ID == r.ID {
			return s.Group
		}
	}
	c := t.Case()
	return Group{Hospital: r.From, Council: r.To, Pathway: r.Pathway, Team: t.teamOf(c, r), Provider: providerOf(c, r), Age: ageBand(c.Person.Born, t.Day(r.Sent))}
}
