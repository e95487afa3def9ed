package returns

import (
	"slices"
	"strconv"
	"time"

	"homeward/care"
	"homeward/codelists"
	"homeward/measure"
	"homeward/nhs"
)

// sitrep counts the situation reports, a day at a time.
type sitrep struct {
	reasons *codelists.DelayReasons
	labels  []string
	places  []codelists.SitrepPlace
	days    map[nhs.Date]map[line]int
}

// line is one number of a day.
type line struct{ metric, kind, group string }

const (
	notMeeting = "People not meeting the criteria to reside"
	leftThen   = "Of those, discharged that day"
	leftElse   = "Of those, died or moved to another hospital that day"
	remained   = "Of those, remained in hospital"
	wentTo     = "Discharges by destination"
	delayed    = "Reasons why people remained"
	additional = "Additional days since not meeting the criteria to reside"
	allPeople  = "People"
	byPathway  = "By pathway"
	byNights   = "By nights in hospital"
	byTime     = "By time of discharge"
	everybody  = "All"
	unknown    = "Not known"
	early      = "Before 17:00"
	late       = "From 17:00"
)

var (
	pathways = []string{"Pathway 0", "Pathway 1", "Pathway 2", "Pathway 3", unknown}
	nights   = []int{7, 14, 21}
)

func newSitrep(b *Building) (*sitrep, error) {
	s := &sitrep{reasons: b.Reasons, days: map[nhs.Date]map[line]int{}}
	if s.reasons == nil {
		s.reasons = new(measure.Trail).ReasonList()
	}
	var err error
	if s.labels, err = codelists.SitrepDestinations(); err != nil {
		return nil, err
	}
	s.places, err = codelists.SitrepPlaces()
	return s, err
}

func (s *sitrep) bump(d nhs.Date, metric, kind, group string, n int) {
	if s.days[d] == nil {
		s.days[d] = map[line]int{}
	}
	s.days[d][line{metric, kind, group}] += n
}

func (s *sitrep) add(b *Building, p Person) {
	for _, x := range stays(p.Case) {
		if x.Org != b.Org {
			continue
		}
		way := unknown
		if w := pathway(p.Case, x); w != "" {
			way = "Pathway " + w
		}
		began := x.Admitted.In(b.Zone)
		for d := later(b.Period.From, nhs.DateOf(began)); !b.Period.To.Before(d); d = d.Add(1) {
			at := b.at(d, b.def.Snapshot)
			if x.Left != nil && !x.Left.At.After(at) {
				break
			}
			if i := slices.IndexFunc(x.Ready, func(r care.Period) bool { return !r.From.After(at) && (r.To.IsZero() || r.To.After(at)) }); i >= 0 && !x.Admitted.After(at) {
				s.counted(b, p, x, d, way, x.Ready[i])
			}
		}
		if x.Left != nil && b.in(b.day(x.Left.At)) && b.def.ID == Acute {
			s.left(b, p, x)
		}
	}
}

func later(a, b nhs.Date) nhs.Date {
	if a.Before(b) {
		return b
	}
	return a
}

// counted counts somebody who did not meet the criteria at the snapshot of a day.
func (s *sitrep) counted(b *Building, p Person, x care.Stay, d nhs.Date, way string, r care.Period) {
	stay := b.day(x.Admitted).DaysTo(d)
	metric := func(name string) {
		s.bump(d, name, allPeople, everybody, 1)
		s.bump(d, name, byPathway, way, 1)
		for _, n := range nights {
			if stay >= n {
				s.bump(d, name, byNights, strconv.Itoa(n)+" or more", 1)
			}
		}
	}
	metric(notMeeting)
	b.field("Pathway of who does not meet the criteria", way != unknown, true)
	if way == unknown {
		b.problem(Problem{Row: -1, Case: p.Case.ID, Field: "Pathway", Text: "No pathway is recorded for the stay", Mend: "Refer the person with the pathway, or record it on the referral", Who: "Ward or coordinator"})
	}
	switch end := b.at(d.Add(1), 0); {
	case x.Left == nil || !x.Left.At.Before(end):
		metric(remained)
		s.stayed(b, p, x, d, r, end)
	case x.Left.Died || x.Left.Moved || gone(p, x, "died", "transferred"):
		metric(leftElse)
	default:
		metric(leftThen)
		when := early
		if x.Left.At.In(b.Zone).Hour() >= 17 {
			when = late
		}
		s.bump(d, leftThen, byTime, when, 1)
	}
}

// gone reports whether measures leave a stay out, for one of some reasons.
func gone(p Person, x care.Stay, why ...string) bool {
	at, ok := pointOf(p, x)
	return ok && slices.Contains(why, at.Out)
}

// stayed counts why somebody remained on a day, and how long they have not met the
// criteria.
func (s *sitrep) stayed(b *Building, p Person, x care.Stay, d nhs.Date, r care.Period, end time.Time) {
	stay := b.day(x.Admitted).DaysTo(d)
	if stay < nights[0] {
		return
	}
	code, chosen := reasonAt(p, x, b.at(d, b.def.Snapshot), end)
	if s.reasons.ID == "delay-reasons-2022" && !r.To.IsZero() && r.To.Before(end) {
		code, chosen = "2022-09", false // met again later that day: history says so by itself
	}
	why, known := s.reasons.Find(code)
	label := unknown
	if known {
		label = why.Label
	}
	for _, n := range nights {
		if stay < n {
			continue
		}
		group := strconv.Itoa(n) + " or more"
		if b.def.ID == Acute {
			s.bump(d, delayed, label, group, 1)
		} else if n >= 14 {
			s.bump(d, additional, byNights, group, b.day(r.From).DaysTo(d))
		}
	}
	if b.def.ID != Acute {
		return
	}
	b.field("Reason of who remained with 7 nights or more", known, true)
	if known {
		b.field("Of those, chosen by a person and not only suggested", chosen, true)
	}
	if !known {
		b.problem(Problem{Row: -1, Case: p.Case.ID, Field: "Reason for delay", Text: "On some day no reason for delay is known", Mend: "Choose a reason on the case, under who had the ball", Who: "Coordinator or team manager"})
	}
}

// reasonAt is the reason for delay of a stay at an instant, of the part that had most of
// the time, and whether a person chose it; "" where none is known.
func reasonAt(p Person, x care.Stay, at, now time.Time) (code string, chosen bool) {
	if p.Trail == nil {
		return "", false
	}
	for _, s := range p.Trail.Stays() {
		if s.Org != x.Org || s.Visit != x.Visit || !s.Admitted.Equal(x.Admitted) {
			continue
		}
		for _, seg := range measure.Ball(p.Trail, s, now) {
			if seg.From.After(at) || !seg.To.IsZero() && !seg.To.After(at) {
				continue
			}
			most := -1
			for _, part := range seg.Parts {
				if part.Share > most {
					most, code, chosen = part.Share, part.Reason, part.Chosen
				}
			}
		}
	}
	return code, chosen
}

// left counts where somebody went. Whoever the discharge-ready date guidance leaves out
// is no discharge here either.
func (s *sitrep) left(b *Building, p Person, x care.Stay) {
	if x.Left.Died || x.Left.Moved || gone(p, x, "died", "transferred", "under-16", "zero-day") {
		return
	}
	way, label := pathway(p.Case, x), unknown
	for _, m := range s.places {
		if m.Pathway == way && m.Destination == x.Left.Destination {
			label = m.Label
		}
	}
	s.bump(b.day(x.Left.At), wentTo, allPeople, label, 1)
	b.field("Destination of who was discharged", label != unknown, true)
	b.field("Discharge-ready date of who was discharged", len(x.Ready) > 0, true)
	if label != unknown {
		return
	}
	pr := Problem{Row: -1, Case: p.Case.ID, Field: "Destination", Text: "The destination and the pathway are no label of the list", Mend: "Check the discharge destination in the hospital’s system, and the pathway of the referral", Who: "Ward or coordinator"}
	switch {
	case x.Left.Destination == "":
		pr.Text, pr.Mend = "No discharge destination is recorded", "Record it in the hospital’s system"
	case way == "":
		pr.Text, pr.Mend = "No pathway is recorded for the stay", "Record the pathway on the referral"
	}
	b.problem(pr)
}

// lines are the numbers of every day, in the order of the rows: those that are nought
// too.
func (s *sitrep) lines(id ID) (out []line) {
	some := func(metric string) {
		out = append(out, line{metric, allPeople, everybody})
		for _, w := range pathways {
			out = append(out, line{metric, byPathway, w})
		}
		for _, n := range nights {
			out = append(out, line{metric, byNights, strconv.Itoa(n) + " or more"})
		}
	}
	some(notMeeting)
	some(leftThen)
	if id == Community {
		out = append(out, line{leftThen, byTime, early}, line{leftThen, byTime, late})
	}
	some(leftElse)
	some(remained)
	if id == Community {
		return append(out, line{additional, byNights, "14 or more"}, line{additional, byNights, "21 or more"})
	}
	for _, r := range append(slices.Clone(s.reasons.Reasons), codelists.DelayReason{Label: unknown}) {
		for _, n := range nights {
			out = append(out, line{delayed, r.Label, strconv.Itoa(n) + " or more"})
		}
	}
	for _, l := range append(slices.Clone(s.labels), unknown) {
		out = append(out, line{wentTo, allPeople, l})
	}
	return out
}

func (s *sitrep) end(b *Building) {
	sums := map[line]int{}
	lines := s.lines(b.def.ID)
	for d := b.Period.From; !b.Period.To.Before(d); d = d.Add(1) {
		for _, l := range lines {
			n := s.days[d][l]
			sums[l] += n
			b.made.Rows = append(b.made.Rows, Row{Cells: []string{d.String(), "Provider", "", "", string(b.Org), b.OrgName, l.metric, l.kind, l.group, strconv.Itoa(n)}})
		}
	}
	for _, l := range lines {
		if l.kind == allPeople || l.metric == additional || l.metric == delayed && sums[l] > 0 || l.kind == byTime {
			name := l.metric
			if l.metric == delayed {
				name = l.kind
			}
			if l.group != everybody {
				name += ": " + l.group
			}
			b.count(name, sums[l])
		}
	}
	b.made.Problems = once(b.made.Problems)
}

// once leaves the first of problems that are the same but for the day.
func once(ps []Problem) (out []Problem) {
	type key struct {
		id    care.CaseID
		field string
	}
	seen := map[key]bool{}
	for _, p := range ps {
		if k := (key{p.Case, p.Field}); !seen[k] {
			seen[k] = true
			out = append(out, p)
		}
	}
	return out
}
