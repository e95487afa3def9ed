// Package retention says how long each type of record is kept, as data, and
// whether the time of a person's record is over. It is pure: it knows a case and
// the time as it is told them. It erases nothing and decides for nobody: what it
// calls due goes to people, who review it.
package retention

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"homeward/care"
)

// Goes is how a type of record goes when its time is over.
type Goes string

// How records go.
const (
	ByReview Goes = "review" // people review it; nothing goes by itself
	With     Goes = "with"   // with the person whom it is about
	ByItself Goes = "itself" // technical: it goes by itself
	Stays    Goes = "stays"
)

// The types of record that have a period.
const (
	Case        = "case"
	Messages    = "messages"
	Audit       = "audit"
	Drafts      = "drafts"
	Alerts      = "alerts"
	Quarantine  = "quarantine"
	Handles     = "handles"
	Sessions    = "sessions"
	Jobs        = "jobs"
	Imports     = "imports"
	Agreements  = "agreements"
	Checkpoints = "checkpoints"
	Erased      = "erased"

	Worked        = "worked"
	Notifications = "notifications"
	Meetings      = "meetings"
	Workplace     = "workplace"
	Measures      = "measures"
	Reports       = "reports"
)

// types is every type and how it may go: what a person's record holds never
// goes by itself.
var types = map[string][]Goes{
	Case: {ByReview, Stays}, Messages: {With, Stays}, Audit: {With, Stays}, Drafts: {With, Stays}, Alerts: {With, Stays},
	Quarantine: {ByReview, Stays}, Handles: {ByItself}, Sessions: {ByItself}, Jobs: {ByItself, Stays},
	Imports: {Stays}, Agreements: {Stays}, Checkpoints: {Stays}, Erased: {Stays},
	Worked: {With, Stays}, Notifications: {ByItself}, Meetings: {Stays}, Workplace: {Stays},
	Measures: {Stays}, Reports: {Stays},
}

// Rule is how long one type of record is kept.
type Rule struct {
	Type  string `toml:"type"`
	Title string `toml:"title"` // what it is, in words
	Keep  Period `toml:"keep"`
	From  string `toml:"from"` // from when on, in words
	Goes  Goes   `toml:"goes"`
	Basis string `toml:"basis"` // why, in words
	Local bool   `toml:"local"` // a site's own decision
}

// Period is a length of time on the calendar, as in "8 years", "30 days" or
// "15 minutes".
type Period struct {
	N    int
	Unit string
}

var units = []string{"year", "month", "day", "minute"}

// UnmarshalText reads a period.
func (p *Period) UnmarshalText(b []byte) error {
	n, unit, _ := strings.Cut(string(b), " ")
	var err error
	if p.N, err = strconv.Atoi(n); err != nil || p.N < 0 || p.N > 1000 {
		return fmt.Errorf("%q must be like 8 years or 30 days", b)
	}
	p.Unit = strings.TrimSuffix(unit, "s")
	if !slices.Contains(units, p.Unit) {
		return fmt.Errorf("%q must be in years, months, days or minutes", b)
	}
	return nil
}

// String is the period in words.
func (p Period) String() string {
	if p.N == 1 {
		return "1 " + p.Unit
	}
	return strconv.Itoa(p.N) + " " + p.Unit + "s"
}

// After is the end of a period that begins at t.
func (p Period) After(t time.Time) time.Time { return p.move(t, 1) }

// Before is when a period began that ends at t: what is older is due.
func (p Period) Before(t time.Time) time.Time { return p.move(t, -1) }

func (p Period) move(t time.Time, sign int) time.Time {
	switch p.Unit {
	case "year":
		return t.AddDate(sign*p.N, 0, 0)
	case "month":
		return t.AddDate(0, sign*p.N, 0)
	case "day":
		return t.AddDate(0, 0, sign*p.N)
	}
	return t.Add(time.Duration(sign*p.N) * time.Minute)
}

// Schedule is the rules of a site, in the order of its file.
type Schedule []Rule

// Load reads a schedule. Every type of record must have one rule, with words
// that say what it is, from when on, and why.
func Load(text []byte) (Schedule, error) {
	var file struct {
		Record []Rule `toml:"record"`
	}
	meta, err := toml.Decode(string(text), &file)
	if err != nil {
		return nil, fmt.Errorf("reading the retention schedule: %w", err)
	}
	if un := meta.Undecoded(); len(un) > 0 {
		return nil, fmt.Errorf("reading the retention schedule: %s is not known", un[0])
	}
	seen := map[string]bool{}
	for _, r := range file.Record {
		may, known := types[r.Type]
		switch {
		case !known:
			return nil, fmt.Errorf("the retention schedule: there is no type of record %q", r.Type)
		case seen[r.Type]:
			return nil, fmt.Errorf("the retention schedule: %q stands twice", r.Type)
		case r.Title == "" || r.From == "" || r.Basis == "":
			return nil, fmt.Errorf("the retention schedule: %q must have a title, from and basis", r.Type)
		case !slices.Contains(may, r.Goes):
			return nil, fmt.Errorf("the retention schedule: %q may go by %v, not %q", r.Type, may, r.Goes)
		case r.Keep.Unit == "":
			return nil, fmt.Errorf("the retention schedule: %q must say how long it is kept", r.Type)
		case r.Goes == ByReview && r.Keep.move(time.Time{}, 1).Before(time.Time{}.AddDate(1, 0, 0)):
			return nil, fmt.Errorf("the retention schedule: %q must be kept for a year at least", r.Type)
		}
		seen[r.Type] = true
	}
	for t := range types {
		if !seen[t] {
			return nil, fmt.Errorf("the retention schedule: %q is missing", t)
		}
	}
	return file.Record, errors.Join(Schedule(file.Record).check()...)
}

// check holds the types that go with a person to the person's period.
func (s Schedule) check() (errs []error) {
	for _, r := range s {
		if r.Goes == With && r.Keep != s.Rule(Case).Keep {
			errs = append(errs, fmt.Errorf("the retention schedule: %q goes with the person, so it is kept for %s as they are", r.Type, s.Rule(Case).Keep))
		}
	}
	return errs
}

// Rule is the rule of a type; zero when there is none.
func (s Schedule) Rule(kind string) Rule {
	for _, r := range s {
		if r.Type == kind {
			return r
		}
	}
	return Rule{}
}

// Goes reports whether a type of record goes, with a person or by itself.
func (s Schedule) Goes(kind string) bool { return s.Rule(kind).Goes != Stays }

// Held is why a person's record stays, whatever its age; "" when nothing holds
// it. It names nothing of the person.
func Held(c care.Case) string {
	switch {
	case c.Doubt != nil:
		return "it is in question who this is"
	case c.JoinedTo != "" || len(c.Absorbed) > 0 || len(c.Merges) > 0:
		return "the record was joined with another"
	case c.Stay != nil && c.Stay.Left == nil:
		return "there is an open hospital stay"
	case slices.ContainsFunc(c.Past, func(s care.Stay) bool { return s.Left == nil }):
		return "a hospital stay was never ended"
	case len(c.Plans) > 0:
		return "an admission is planned"
	case slices.ContainsFunc(c.Referrals, func(r care.Referral) bool { return r.Open() || r.Watching }):
		return "there is an open referral"
	}
	if slices.ContainsFunc(c.Holdings, func(h care.Holding) bool { return !h.Ended }) {
		return "a council still holds a record, and would send it again"
	}
	return ""
}

// Due reports whether the time of a person's record is over: recorded is when
// anything about them was last recorded. why says it in words.
func (s Schedule) Due(c care.Case, recorded, now time.Time) (due bool, why string) {
	rule := s.Rule(Case)
	last := LastContact(c, recorded)
	switch held := Held(c); {
	case rule.Goes != ByReview:
		return false, "records of people stay"
	case held != "":
		return false, held
	case rule.Keep.After(last).After(now):
		return false, "the last contact was less than " + rule.Keep.String() + " ago"
	}
	return true, "no contact for " + rule.Keep.String() + ", and nothing is open"
}

// LastContact is when a person was last heard of: the newest of what happened
// and of what was recorded.
func LastContact(c care.Case, recorded time.Time) time.Time {
	if c.Updated.After(recorded) {
		return c.Updated
	}
	return recorded
}
