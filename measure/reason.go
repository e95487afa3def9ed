package measure

import (
	"fmt"
	"slices"
	"strings"

	"homeward/care"
	"homeward/codelists"
)

// The kinds of holder by which a reason is suggested.
const (
	HeldByHospital = "hospital"
	HeldByCouncil  = "council"
	HeldByProvider = "provider"
)

// Waiting is what is known of a time of waiting, from which a reason is suggested.
type Waiting struct {
	Stage   string // a code of Stages
	Pathway string // 0 to 3; "" not known
	Held    string // by whom: HeldByHospital, HeldByCouncil or HeldByProvider
	Hold    string // why the referral was on hold; "" it was not
}

// Suggest is the code of the reason that a list suggests for a time of waiting: the first
// whose conditions hold; "" none. It is only ever a suggestion: a person may choose
// another, and until one has, everything says "suggested".
func Suggest(list *codelists.DelayReasons, w Waiting) string {
	pathway := w.Pathway
	if pathway == "" {
		pathway = "unknown"
	}
	among := func(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }
	for _, r := range list.Reasons {
		for _, c := range r.When {
			if among(c.Stages, w.Stage) && among(c.Pathways, pathway) && among(c.Holders, w.Held) && among(c.Holds, w.Hold) {
				return r.Code
			}
		}
	}
	return ""
}

// ReadReasons reads a list of reasons for delay, and checks its stages too. An error
// names the file, the line, and what to do.
func ReadReasons(name string, text []byte) (*codelists.DelayReasons, error) {
	list, err := codelists.ParseDelay(name, text)
	if err != nil {
		return nil, err
	}
	for _, r := range list.Reasons {
		for _, w := range r.When {
			for _, s := range w.Stages {
				if !slices.Contains(care.ClockStages, s) {
					return nil, fmt.Errorf("%s, line %d: reason %q: %q is no stage. Choose from %s", name, r.Line, r.Code, s, strings.Join(care.ClockStages, ", "))
				}
			}
		}
	}
	return list, nil
}

// ownReasons is the list that is used where a site has none of its own: it is the one
// that is known whole.
var ownReasons = mustReasons(codelists.Delay2022)

func mustReasons(name string) *codelists.DelayReasons {
	list, err := codelists.Delay(name)
	if err != nil {
		panic(err) // part of this program, and tested
	}
	return list
}

// ReasonList is the list of reasons in use.
func (t *Trail) ReasonList() *codelists.DelayReasons {
	if t.Reasons != nil {
		return t.Reasons
	}
	return ownReasons
}
