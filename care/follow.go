package care

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
	"time"
)

// A following is a rule by which one event brings others: a discharge the tasks
// that ask for its outcome, a moved date the risk to offers. was is the case before
// the event and is after it; now is when it became known here. It is pure, and the
// same event again gives nothing again: what it makes has a name made by followed.
type following func(was, is Case, e Event, now time.Time) []Event

// followings lists the rules. Each stands beside what it is about.
var followings = []following{
	endEscalated, afterLife,
	followDispute,
	followRequests,
	followCosts,
	followOutcomes,
}

// follow gives events with what each brings directly after it, so that no rule sees a
// case in which what another event brought is still to come. What a rule brings may
// itself bring more.
func follow(c Case, events []Event, now time.Time) []Event {
	var out []Event
	for len(events) > 0 {
		e := events[0]
		events = events[1:]
		is := Apply(c, e)
		out = append(out, e)
		var brought []Event
		for _, rule := range followings {
			brought = append(brought, rule(c, is, e, now)...)
		}
		events = append(brought, events...)
		c = is
	}
	return out
}

// followed is the name of what a rule makes: the same for the same facts.
func followed(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:]))[:26]
}
