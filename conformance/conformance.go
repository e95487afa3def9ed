// Package conformance is the kit by which a supplier proves that their side
// works. It plays scripted scenarios against a target, over the wire only, and
// says of each requirement whether it is met, with the exchange that shows it.
// All that it sends is invented. It knows nothing of how Homeward is built, and
// holds Homeward to the same checks as anybody else.
package conformance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Role is what the target is.
type Role string

// The roles.
const (
	Council  Role = "council"  // it receives referrals (Supported Hospital Discharge)
	Hospital Role = "hospital" // it sends referrals, and is told what comes of them
	Provider Role = "provider" // it receives webhooks
)

// Verdict is what a check found.
type Verdict string

// The verdicts.
const (
	Pass     Verdict = "pass"
	Fail     Verdict = "fail"
	Warn     Verdict = "warn"      // allowed, and less than what is wished
	NotTried Verdict = "not tried" // what it needs was not given, or came to nothing before
)

// Check is one requirement and how it is tried.
type Check struct {
	ID          string // stable, such as "shd.refer.json"
	Group       string // heading of the report
	Requirement string // a sentence
	Source      string // where it is said
	Try         func(context.Context, *Trial)
}

// Trial is one check at work. It starts as a pass; what Fail says first decides.
type Trial struct {
	verdict  Verdict
	why      string
	evidence []string
	*kit
}

// Failf says that the requirement is not met, and why.
func (t *Trial) Failf(format string, args ...any) { t.say(Fail, format, args...) }

// Warnf says that it is met in the letter only.
func (t *Trial) Warnf(format string, args ...any) { t.say(Warn, format, args...) }

// NotTriedf says that nothing can be said.
func (t *Trial) NotTriedf(format string, args ...any) { t.say(NotTried, format, args...) }

// say keeps the first of the gravest verdicts.
func (t *Trial) say(v Verdict, format string, args ...any) {
	gravity := []Verdict{Pass, NotTried, Warn, Fail}
	if slices.Index(gravity, v) > slices.Index(gravity, t.verdict) {
		t.verdict, t.why = v, fmt.Sprintf(format, args...)
	}
}

// shown is the most characters of one piece of evidence.
const shown = 2000

// Show adds evidence: what was sent or what came.
func (t *Trial) Show(what string) {
	if len(what) > shown {
		what = strings.ToValidUTF8(what[:shown], "") + fmt.Sprintf(" ... (%d bytes in all)", len(what))
	}
	t.evidence = append(t.evidence, what)
}

// failed reports whether the check has failed already.
func (t *Trial) failed() bool { return t.verdict == Fail || t.verdict == NotTried }

// Result is what one check found.
type Result struct {
	ID, Group, Requirement, Source string
	Verdict                        Verdict
	Why                            string
	Evidence                       []string
	Took                           time.Duration
}

// Report is a whole run.
type Report struct {
	Role    Role
	Target  string // its address, without what is secret in it
	Build   string // of the kit
	Began   time.Time
	Took    time.Duration
	Results []Result
}

// Count is how many checks ended so.
func (r Report) Count(v Verdict) (n int) {
	for _, x := range r.Results {
		if x.Verdict == v {
			n++
		}
	}
	return n
}

// run tries checks one after the other. A check that panics has failed: the kit
// goes on, for a report with a hole is worth more than none.
func run(ctx context.Context, k *kit, checks []Check) (out []Result) {
	for _, c := range checks {
		out = append(out, try(ctx, k, c))
	}
	return out
}

// atMost is how long one check may take.
const atMost = 2 * time.Minute

func try(ctx context.Context, k *kit, c Check) (r Result) {
	ctx, stop := context.WithTimeout(ctx, atMost)
	defer stop()
	t := &Trial{verdict: Pass, kit: k}
	began := time.Now()
	defer func() {
		if p := recover(); p != nil {
			t.Failf("the kit could not go on with what the target answered (%v)", p)
		}
		r = Result{ID: c.ID, Group: c.Group, Requirement: c.Requirement, Source: c.Source, Verdict: t.verdict, Why: t.why, Evidence: t.evidence, Took: time.Since(began)}
	}()
	c.Try(ctx, t)
	return r
}
