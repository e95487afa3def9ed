package form

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// A Gate is what a receiving team wants in a referral, as it published it: the
// referral can be sent without it, with a reason, and is then counted.
type Gate struct {
	Form  string // whose fields the items read
	Title string
	Items []GateItem
}

// A GateItem is one thing that is wanted.
type GateItem struct {
	ID     string
	Say    string // what is missing, to the ward: "Say whether capacity was assessed"
	Need   Cond   // what the answers must be
	When   Cond   // the zero Cond: always
	Must   bool   // without it the team would send the referral back
	Weight int    // 1 to 5, in the score
	Reason string // the coded reason for which the team would return it, "" for none
}

type rawGate struct {
	Form  string    `toml:"form"`
	Title string    `toml:"title"`
	Items []rawItem `toml:"items"`
}

type rawItem struct {
	ID     string `toml:"id"`
	Say    string `toml:"say"`
	Need   string `toml:"need"`
	When   string `toml:"when"`
	Must   bool   `toml:"must"`
	Weight int    `toml:"weight"`
	Reason string `toml:"reason"`
}

// The most items of a gate, and the longest text of one, in characters.
const (
	gateItems = 100
	gateText  = 200
)

// ParseGate reads a gate for a form, as TOML. It refuses what names a field or a
// code that the form does not have, and an item that no answers at all could meet. The
// error says which item, in words for the team that writes it.
func ParseGate(b []byte, p *Pathway) (*Gate, error) {
	var raw rawGate
	meta, err := toml.NewDecoder(bytes.NewReader(b)).Decode(&raw)
	if err != nil {
		return nil, fmt.Errorf("the rules cannot be read: %w", err)
	}
	if more := meta.Undecoded(); len(more) > 0 {
		return nil, fmt.Errorf("the rules have %q, which means nothing", more[0].String())
	}
	g := &Gate{Form: raw.Form, Title: strings.TrimSpace(raw.Title)}
	switch {
	case g.Form != p.ID:
		return nil, fmt.Errorf("the rules must be for the form %q", p.ID)
	case g.Title == "" || len([]rune(g.Title)) > gateText:
		return nil, fmt.Errorf("give the rules a title of at most %d characters", gateText)
	case len(raw.Items) == 0:
		return nil, fmt.Errorf("give the rules at least one item")
	case len(raw.Items) > gateItems:
		return nil, fmt.Errorf("the rules have %d items; the most is %d", len(raw.Items), gateItems)
	}
	for _, r := range raw.Items {
		item, err := p.gateItem(r)
		if err == nil && slices.ContainsFunc(g.Items, func(x GateItem) bool { return x.ID == item.ID }) {
			err = fmt.Errorf("there are two of that name")
		}
		if err != nil {
			return nil, fmt.Errorf("item %q: %w", r.ID, err)
		}
		g.Items = append(g.Items, item)
	}
	return g, nil
}

func (p *Pathway) gateItem(r rawItem) (GateItem, error) {
	x := GateItem{ID: r.ID, Say: strings.TrimSpace(r.Say), Must: r.Must, Weight: r.Weight, Reason: r.Reason}
	var err error
	switch {
	case !isName(r.ID):
		return x, fmt.Errorf("its id must be small letters, digits and underscores")
	case x.Say == "" || len([]rune(x.Say)) > gateText:
		return x, fmt.Errorf("say must tell the ward what to do, in at most %d characters", gateText)
	case r.Need == "":
		return x, fmt.Errorf("need must say what the answers have to be, such as \"capacity is answered\"")
	case x.Weight == 0:
		x.Weight = 1
	case x.Weight < 0 || x.Weight > 5:
		return x, fmt.Errorf("weight must be 1 to 5")
	}
	if x.Need, err = ParseCond(r.Need); err != nil {
		return x, err
	}
	if x.When, err = ParseCond(r.When); err != nil {
		return x, err
	}
	for _, c := range []Cond{x.Need, x.When} {
		if err := p.speaksOf(c); err != nil {
			return x, err
		}
	}
	if !p.possible(x.When, x.Need) {
		return x, fmt.Errorf("no answers could ever meet it: %s", strings.TrimSpace(r.Need+" when "+r.When))
	}
	return x, nil
}

// speaksOf refuses a condition that names what the form does not have, or compares
// dates: what is wanted is that there are answers, not when things were.
func (p *Pathway) speaksOf(c Cond) error {
	for _, all := range c.any {
		for _, t := range all {
			f, ok := p.Field(t.subject)
			switch {
			case t.verb > oneOf:
				return fmt.Errorf("dates cannot be compared here: write \"%s is answered\"", t.subject)
			case !ok:
				return fmt.Errorf("the form has no question %q", t.subject)
			}
			for _, code := range t.codes {
				if _, ok := p.choice(f, code); !ok {
					return fmt.Errorf("question %q has no answer %q", t.subject, code)
				}
			}
		}
	}
	return nil
}

// possible reports whether some answers meet all of the conditions, and show every
// question that they want answered.
func (p *Pathway) possible(cs ...Cond) bool {
	worlds := []map[string]wish{{}}
	for _, c := range cs {
		worlds = p.also(worlds, c, 0)
	}
	return len(worlds) > 0
}

// wish is what must be of the answers to one question, so far.
type wish struct {
	answered, empty bool
	only            []string // one of them must be among the answers; nil: anything
	not             []string
}

// depth is how far questions that show others are followed.
const depth = 8

// also narrows each world by a condition; worlds that cannot be are dropped.
func (p *Pathway) also(worlds []map[string]wish, c Cond, deep int) []map[string]wish {
	if c.IsZero() || deep > depth {
		return worlds
	}
	var out []map[string]wish
	for _, w := range worlds {
		for _, all := range c.any {
			next := []map[string]wish{w}
			for _, t := range all {
				next = p.with(next, t, deep)
			}
			out = append(out, next...)
			if len(out) > 1000 { // more ways than can be told apart: then there is one
				return out
			}
		}
	}
	return out
}

// with narrows worlds by one clause.
func (p *Pathway) with(worlds []map[string]wish, t test, deep int) []map[string]wish {
	if t.verb > oneOf {
		return worlds
	}
	var out []map[string]wish
	for _, w := range worlds {
		had := w[t.subject]
		x := had.and(t)
		if !x.can(p, t.subject) {
			continue
		}
		n := map[string]wish{}
		for k, v := range w {
			n[k] = v
		}
		n[t.subject] = x
		next := []map[string]wish{n}
		if f, ok := p.Field(t.subject); ok && x.answered && !had.answered {
			next = p.also(next, f.ShowWhen, deep+1) // only what is shown can be answered
		}
		out = append(out, next...)
	}
	return out
}

func (x wish) and(t test) wish {
	switch {
	case t.verb == answered && !t.not:
		x.answered = true
	case t.verb == answered:
		x.empty = true
	case !t.not:
		x.answered = true
		if x.only == nil {
			x.only = slices.Clone(t.codes)
		} else {
			x.only = slices.DeleteFunc(slices.Clone(x.only), func(c string) bool { return !slices.Contains(t.codes, c) })
		}
	default:
		x.not = append(slices.Clone(x.not), t.codes...)
	}
	return x
}

// can reports whether a question can be answered as wished. In a question of many
// choices two wishes for one of them can be met by two answers: that is not told apart
// from one, so that a rule is refused only when it is sure.
func (x wish) can(p *Pathway, field string) bool {
	if x.answered && x.empty {
		return false
	}
	f, ok := p.Field(field)
	if !ok || !x.answered {
		return ok
	}
	open := func(code string) bool { return !slices.Contains(x.not, code) }
	if x.only != nil {
		return slices.ContainsFunc(x.only, open) || f.Kind == ChooseMany && len(x.only) == 0
	}
	choices := p.Choices(f)
	return len(choices) == 0 || slices.ContainsFunc(choices, func(c Choice) bool { return open(c.Code) })
}

// Weighed is what a gate says of answers.
type Weighed struct {
	Have, Want int        // by weight
	Missing    []GateItem // what must be there first
}

// Percent is how much of what is wanted is there: 0 to 100; 100 when nothing is.
func (w Weighed) Percent() int {
	if w.Want == 0 {
		return 100
	}
	return w.Have * 100 / w.Want
}

// Must reports whether something is missing without which the team would send
// the referral back.
func (w Weighed) Must() bool {
	return slices.ContainsFunc(w.Missing, func(x GateItem) bool { return x.Must })
}

// IDs names what is missing.
func (w Weighed) IDs() []string {
	var out []string
	for _, x := range w.Missing {
		out = append(out, x.ID)
	}
	return out
}

// Weigh says what answers lack of what a gate wants.
func (g *Gate) Weigh(p *Pathway, a Answers) Weighed {
	var w Weighed
	clean := p.Clean(a)
	for _, x := range g.Items {
		if !x.When.holds(clean, nil) {
			continue
		}
		w.Want += x.Weight
		if x.Need.holds(clean, nil) {
			w.Have += x.Weight
		} else {
			w.Missing = append(w.Missing, x)
		}
	}
	slices.SortStableFunc(w.Missing, func(x, y GateItem) int {
		if x.Must == y.Must {
			return 0
		}
		if x.Must {
			return -1
		}
		return 1
	})
	return w
}

// FieldOf is the question that an item is about, where somebody can mend it: the
// first that its need names.
func (x GateItem) FieldOf() string {
	if fs := x.Need.Fields(); len(fs) > 0 {
		return fs[0]
	}
	return ""
}

// WriteGate writes a gate as ParseGate reads it.
func WriteGate(g *Gate) ([]byte, error) {
	raw := rawGate{Form: g.Form, Title: g.Title}
	for _, x := range g.Items {
		raw.Items = append(raw.Items, rawItem{ID: x.ID, Say: x.Say, Need: x.Need.String(), When: x.When.String(), Must: x.Must, Weight: x.Weight, Reason: x.Reason})
	}
	b, err := toml.Marshal(raw)
	if err != nil {
		return nil, fmt.Errorf("writing the rules: %w", err)
	}
	return b, nil
}

// WantField is the item that wants a question answered where it is asked; ok is
// false for a question that the form does not have, or that is none.
func (p *Pathway) WantField(id string, required bool) (x GateItem, ok bool) {
	f, ok := p.Field(id)
	if !ok || f.Kind == Info {
		return x, false
	}
	need, err := ParseCond(id + " is answered")
	if err != nil {
		return x, false
	}
	say := f.Missing
	if say == "" {
		say = "Answer “" + f.Label + "”"
	}
	x = GateItem{ID: id, Say: say, Need: need, When: f.ShowWhen, Must: required, Weight: 1}
	if required {
		x.Weight = 3
	}
	return x, true
}

// Plain reports whether an item only wants a question answered (WantField).
func (x GateItem) Plain() bool { return x.Need.String() == x.ID+" is answered" }
