package codelists

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// DelayReasons is a list of national reasons for delay.
type DelayReasons struct {
	ID      string        `toml:"id"`
	Title   string        `toml:"title"`
	Source  string        `toml:"source"`  // where its labels are from
	Licence string        `toml:"licence"` // of them
	Of      int           `toml:"of"`      // how many the whole list has
	Reasons []DelayReason `toml:"reason"`  // in the list's order
}

// DelayReason is one reason for delay.
type DelayReason struct {
	Code   string      `toml:"code"`
	Label  string      `toml:"label"`  // verbatim
	Family string      `toml:"family"` // of the list; "" where it has none
	When   []DelayWhen `toml:"when"`   // it is suggested when one of these holds; empty: never
	Line   int         `toml:"-"`      // of the file, on which it begins
}

// DelayWhen is a condition: all that it names must hold.
type DelayWhen struct {
	Stages   []string `toml:"stages"`   // codes of measure.Stages
	Pathways []string `toml:"pathways"` // 0 to 3, unknown
	Holders  []string `toml:"holders"`  // hospital, council, provider
	Holds    []string `toml:"holds"`    // why a referral was on hold, by the codes of its form
}

// Partial reports whether the list has fewer reasons than the whole one.
func (d *DelayReasons) Partial() bool { return len(d.Reasons) < d.Of }

// Find finds a reason by its code.
func (d *DelayReasons) Find(code string) (DelayReason, bool) {
	i := slices.IndexFunc(d.Reasons, func(r DelayReason) bool { return r.Code == code })
	if i < 0 {
		return DelayReason{}, false
	}
	return d.Reasons[i], true
}

// The lists of reasons that are part of this program.
const (
	Delay2022 = "delay-reasons-2022.toml"
	Delay2024 = "delay-reasons-2024.toml" // in part
)

// Delay reads one of our own lists of reasons.
func Delay(name string) (*DelayReasons, error) {
	b, err := Files.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading the reasons for delay: %w", err)
	}
	return ParseDelay(name, b)
}

// codeShape is what a reason's code may look like: it stands in addresses and files.
var codeShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,19}$`)

// ParseDelay reads a list of reasons for delay. An error names the file, the line, and
// what to do. Which stages there are is not checked here.
func ParseDelay(name string, text []byte) (*DelayReasons, error) {
	var d DelayReasons
	meta, err := toml.Decode(string(text), &d)
	var at toml.ParseError
	switch {
	case errors.As(err, &at):
		return nil, fmt.Errorf("%s, line %d: %s. Mend the TOML", name, at.Position.Line, at.Message)
	case err != nil:
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	lines := strings.Split(string(text), "\n")
	if un := meta.Undecoded(); len(un) > 0 {
		return nil, fmt.Errorf("%s, line %d: %q is not known. Take it out", name, lineOf(lines, un[0][len(un[0])-1]), un[0])
	}
	n := 0
	for i, line := range lines {
		if strings.TrimSpace(line) == "[[reason]]" && n < len(d.Reasons) {
			d.Reasons[n].Line = i + 1
			n++
		}
	}
	if what := d.wrong(); what != "" {
		return nil, fmt.Errorf("%s, line 1: %s", name, what)
	}
	for i, r := range d.Reasons {
		if what := r.wrong(d.Reasons[:i]); what != "" {
			return nil, fmt.Errorf("%s, line %d: %s", name, r.Line, what)
		}
	}
	return &d, nil
}

// lineOf is the first line that sets a key; 1 when none seems to.
func lineOf(lines []string, key string) int {
	for i, l := range lines {
		if before, _, ok := strings.Cut(l, key); ok && !strings.Contains(before, "#") {
			return i + 1
		}
	}
	return 1
}

func (d *DelayReasons) wrong() string {
	switch {
	case d.ID == "" || d.Title == "" || d.Source == "" || d.Licence == "":
		return "the list must say id, title, source and licence. Add what is missing before the first [[reason]]"
	case len(d.Reasons) == 0:
		return "the list has no reasons. Add a [[reason]] for each"
	case d.Of < len(d.Reasons):
		return fmt.Sprintf("of = %d, but there are %d reasons. Set it to how many the whole list has", d.Of, len(d.Reasons))
	}
	return ""
}

func (r DelayReason) wrong(before []DelayReason) string {
	switch {
	case !codeShape.MatchString(r.Code):
		return fmt.Sprintf("the code %q is none. Give the reason a code of up to 20 letters, digits, dots and hyphens", r.Code)
	case strings.TrimSpace(r.Label) == "":
		return fmt.Sprintf("reason %q has no label. Add the label as it is published", r.Code)
	case slices.ContainsFunc(before, func(o DelayReason) bool { return o.Code == r.Code }):
		return fmt.Sprintf("the code %q stands twice. Give each reason its own", r.Code)
	}
	for _, w := range r.When {
		for _, list := range []struct {
			name     string
			has, may []string
		}{{"pathways", w.Pathways, []string{"0", "1", "2", "3", "unknown"}}, {"holders", w.Holders, []string{"hospital", "council", "provider"}}} {
			for _, v := range list.has {
				if !slices.Contains(list.may, v) {
					return fmt.Sprintf("reason %q: %q is none of its %s. Choose from %s", r.Code, v, list.name, strings.Join(list.may, ", "))
				}
			}
		}
		if len(w.Stages) == 0 {
			return fmt.Sprintf("reason %q: a condition names no stage. Add stages to it, or take the condition out", r.Code)
		}
	}
	return ""
}
