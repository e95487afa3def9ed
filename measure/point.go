package measure

import (
	"time"

	"homeward/care"
	"homeward/nhs"
)

// Point is one thing that is counted: a stay that ended, a wait that runs, an
// answer. It holds no personal data but the opaque name of the case.
type Point struct {
	Source  string
	Case    care.CaseID
	Subject string // what of the case: a stay, a referral, an invitation
	Group
	From    time.Time // when its clock began
	To      time.Time // when it stopped, and it counts on that local day; zero: it runs
	Since   time.Time // of a span: from when whole days are counted for its value at a midnight; zero: From
	Value   int64     // in the unit of its source; of a span, not used
	Out     string    // code of why it is left out; "" it is counted
	Assumed string    // code of what was assumed to count it; "" nothing
}

// Open reports whether its clock runs.
func (p Point) Open() bool { return p.To.IsZero() }

// Same reports whether two points say the same, to the microsecond, as they are kept.
func (p Point) Same(q Point) bool {
	pt, qt := []*time.Time{&p.From, &p.To, &p.Since}, []*time.Time{&q.From, &q.To, &q.Since}
	for i := range pt {
		if !pt[i].Truncate(time.Microsecond).Equal(qt[i].Truncate(time.Microsecond)) {
			return false
		}
		*pt[i], *qt[i] = time.Time{}, time.Time{}
	}
	return p == q
}

// Group is what a point belongs to: what figures are split by. "" is not known, or
// does not apply.
type Group struct {
	Hospital nhs.ODS // the trust
	Ward     string  // code, of the hospital
	Council  nhs.ODS
	Team     string // id, of the council
	Pathway  string // 0 to 3
	Provider string // care.ProviderCode
	Age      string // a code of AgeBands
	Stage    string // who or what was waited for: a code of Stages
	Holder   nhs.ODS
	Reason   string // code of a list: of delay, of a finding
	Feed     string
}

// Dim is one of the things that figures are split by.
type Dim string

// The dimensions.
const (
	ByHospital Dim = "hospital"
	ByWard     Dim = "ward" // within a hospital
	ByCouncil  Dim = "council"
	ByTeam     Dim = "team" // within a council
	ByPathway  Dim = "pathway"
	ByProvider Dim = "provider"
	ByAge      Dim = "age"
	ByStage    Dim = "stage"
	ByHolder   Dim = "holder"
	ByReason   Dim = "reason"
	ByFeed     Dim = "feed"
)

// Dims lists all dimensions, in the order of the columns of points.
var Dims = []Dim{ByHospital, ByWard, ByCouncil, ByTeam, ByPathway, ByProvider, ByAge, ByStage, ByHolder, ByReason, ByFeed}

// Get is the value of a dimension.
func (g *Group) Get(d Dim) string { return *g.at(d) }

// Set sets the value of a dimension.
func (g *Group) Set(d Dim, v string) { *g.at(d) = v }

func (g *Group) at(d Dim) *string {
	switch d {
	case ByHospital:
		return (*string)(&g.Hospital)
	case ByWard:
		return &g.Ward
	case ByCouncil:
		return (*string)(&g.Council)
	case ByTeam:
		return &g.Team
	case ByPathway:
		return &g.Pathway
	case ByProvider:
		return &g.Provider
	case ByAge:
		return &g.Age
	case ByStage:
		return &g.Stage
	case ByHolder:
		return (*string)(&g.Holder)
	case ByReason:
		return &g.Reason
	}
	return &g.Feed
}

// Source makes points of one kind from the trail of a case.
type Source struct {
	ID    string
	Words string // what one point of it is
	// Span is that a point counts at each local midnight from From up to To, as a census
	// does, and not once on the day of To. Its value there is the whole days since Since.
	Span bool
	Of   func(*Trail) []Point
	// Cuts are the combinations of dimensions by which it is counted ahead, besides the
	// whole; each at most two. What else is asked for is counted from the points.
	Cuts [][]Dim
	// Each is how many points one person gives at most in a count of it that is not split by
	// its own dimensions (Own), and EachOf in one that is; 0: one. Whoever has more is rare,
	// and the count is then taken for that of more people. By it figures are known to be
	// of few people (Figure.Of).
	Each, EachOf int64
	Own          []Dim
	Daily        bool // one person gives a point each day
	// Outside is that its points do not follow from the history of a case: a follower of
	// something else keeps them (hub.CountLooks, hub.CountLoads), and they are not made anew from it.
	Outside bool
}

// each is how many points one person gives at most in a count of these dimensions.
func (s *Source) each(dims []Dim) int64 {
	if len(s.Own) > 0 && containsAll(dims, s.Own) {
		return max(s.EachOf, 1)
	}
	return max(s.Each, 1)
}

// usual are the cuts of most sources. A ward is one of its hospital's, a team one of
// its council's.
var usual = [][]Dim{{ByHospital}, {ByHospital, ByWard}, {ByCouncil}, {ByCouncil, ByTeam}, {ByPathway}, {ByProvider}, {ByAge},
	{ByHospital, ByCouncil}, {ByHospital, ByPathway}, {ByCouncil, ByPathway}, {ByHospital, ByAge}, {ByCouncil, ByAge}}

// and adds cuts to the usual ones.
func and(cuts ...[]Dim) [][]Dim { return append(append([][]Dim(nil), usual...), cuts...) }

// Excluded is one reason for which something is left out of a measure, in words.
// The codes stand on points (Point.Out).
var Excluded = map[string]string{
	"died":             "died in hospital",
	"transferred":      "moved to another hospital",
	"under-16":         "under 16 years old",
	"zero-day":         "admitted and left on the same day",
	"ready-after-left": "discharge-ready date after the day of leaving",
	"joined":           "another record's, of the same person",
	"day-case":         "a planned admission, and home on the same day",
	"cancer":           "cancer care, by its specialty",
	"obstetrics":       "obstetrics or midwifery, by specialty or way of admission",
	"no-referral":      "no referral was made",
	"ref-withdrawn":    "the hospital withdrew the referral before",
	"ref-cancelled":    "the referral was cancelled before",
	"ref-died":         "the person died before",
	"ref-transferred":  "the referral was transferred to another council before",
	"ref-closed":       "the referral was closed before",
	"left-without":     "left hospital before",
	"no-rules":         "the receiving team had not said what it needs",
	"not-waited-for":   "another provider was booked, or the request ended, before it answered",
	"age-unknown":      "date of birth not known",
	"under-65":         "under 65 years old",
	"not-home":         "left for a place to stay, another hospital or a hospice",
	"no-short-term":    "no short-term service known",
}

// Assumptions are what was assumed to count something, in words (Point.Assumed).
var Assumptions = map[string]string{
	"blank":          "no discharge-ready date: counted as leaving on the day",
	"no-method":      "how the next admission came about is not known: counted as not an emergency",
	"no-prediction":  "no date was ever predicted: counted as no change",
	"clamped":        "discharge-ready date before the admission: counted from the admission",
	"no-destination": "where the person went is not recorded: counted as home",
}

// AgeBands are the bands of age, by the years from which each begins.
var AgeBands = []struct {
	From int
	Code string
}{{0, "0-15"}, {16, "16-17"}, {18, "18-64"}, {65, "65-74"}, {75, "75-84"}, {85, "85+"}}

// ageBand is the band of an age on a day; "" where the date of birth is not known.
func ageBand(born, on nhs.Date) string {
	if born.IsZero() {
		return ""
	}
	band, years := "", born.AgeOn(on)
	for _, b := range AgeBands {
		if years >= b.From {
			band = b.Code
		}
	}
	return band
}
