package form

import (
	"slices"
	"strings"
	"time"

	"homeward/nhs"
)

// Status is how far a page of the task list is.
type Status string

// The statuses, as the task list shows them.
const (
	Completed   Status = "Completed"
	Incomplete  Status = "Incomplete"
	CannotStart Status = "Cannot start yet"
	NotNeeded   Status = "Optional" // an optional page where nothing is answered
)

// PageStatus is how far a page is: Completed when something is answered there
// and nothing needs mending. A page where nothing must be answered stays
// Incomplete until somebody answers something; so whether a form may be sent
// is for Check to say, not for the statuses.
func (p *Pathway) PageStatus(page string, a Answers) Status {
	g, ok := p.Page(page)
	clean := p.Clean(a)
	if !ok || !g.StartWhen.holds(clean, nil) {
		return CannotStart
	}
	begun := slices.ContainsFunc(g.Fields, func(f Field) bool { return len(clean[f.ID]) > 0 }) ||
		slices.ContainsFunc(g.Groups, func(g Group) bool { return items(clean, g.ID) > 0 })
	if !begun && g.Optional {
		return NotNeeded
	}
	if !begun || len(p.CheckPage(page, clean, nil)) > 0 {
		return Incomplete
	}
	return Completed
}

// Prefill is the answers that facts and defaults give. A fact that is not a
// good answer, or that breaks a rule, is left out, for a person to enter: what
// Prefill gives never has a problem of its own.
func (p *Pathway) Prefill(facts Facts) Answers {
	out := Answers{}
	for i := range p.Pages {
		for _, f := range p.Pages[i].Fields {
			v := tidy(facts[f.Prefill], f.Kind == Paragraph)
			if f.Prefill == "" || v == "" || p.checkValue(f, v) != "" {
				v = f.Default
			}
			if v != "" {
				out[f.ID] = []string{v}
			}
		}
		for _, g := range p.Pages[i].Groups {
			p.prefillGroup(g, facts, out)
		}
	}
	for {
		out = p.Clean(out)
		n := len(out)
		for _, q := range p.check(out, facts) {
			delete(out, q.Field)
		}
		if len(out) == n {
			return out
		}
	}
}

// Score is completeness as the receiving team sees it: of the fields that
// must be answered or are wanted, and are shown, how many are answered, how
// many there are, and which are missing, in order.
func (p *Pathway) Score(a Answers) (have, want int, missing []Field) {
	clean := p.Clean(a)
	for _, f := range p.each(clean) {
		if !must(f, clean) && !(f.Wanted && f.ShowWhen.holds(clean, nil)) {
			continue
		}
		want++
		if len(clean[f.ID]) > 0 {
			have++
		} else {
			missing = append(missing, f)
		}
	}
	return have, want, missing
}

// A Line is one question and its answer in words, for reading back and print.
type Line struct {
	Page, Field string
	Item        string   // "Contact 2" in a group, else ""
	Question    string   // in a group with the item: "Contact 2: name"
	Answers     []string // empty: not answered
	Audience    Audience
}

// Text is the answer on one line; "Not recorded" when there is none.
func (l Line) Text() string {
	if len(l.Answers) == 0 {
		return "Not recorded"
	}
	lines := strings.Split(strings.Join(l.Answers, "; "), "\n")
	for i, s := range lines[:len(lines)-1] {
		if s = strings.TrimSpace(s); s != "" && !strings.ContainsAny(s[len(s)-1:], ".,;:!?") {
			s += ","
		}
		lines[i] = s
	}
	return strings.Join(strings.Fields(strings.Join(lines, " ")), " ")
}

// Summary is every question that is shown, with its answer in words, in the
// order of the form; of optional pages only what is answered. A group without
// items is one line, whose Field is the group's id. Dates read 14-Mar-2026 (NHS CUI), NHS numbers 3-3-4.
func (p *Pathway) Summary(a Answers) []Line {
	clean := p.Clean(a)
	var out []Line
	for i := range p.Pages {
		g := &p.Pages[i]
		for _, f := range g.Fields {
			out = p.line(out, g.ID, "", f, clean)
		}
		for _, r := range g.Groups {
			n := r.items(clean)
			if n == 0 && r.ShowWhen.holds(clean, nil) {
				out = append(out, Line{Page: g.ID, Field: r.ID, Question: r.Title, Audience: Partners})
			}
			for k := 1; k <= n; k++ {
				for j := range r.Fields {
					out = p.line(out, g.ID, r.Name(k), r.field(j, k), clean)
				}
			}
		}
		if g.Optional {
			out = slices.DeleteFunc(out, func(l Line) bool { return l.Page == g.ID && len(l.Answers) == 0 })
		}
	}
	return out
}

// line puts a question that is shown, and its answer, to the lines.
func (p *Pathway) line(out []Line, page, item string, f Field, clean Answers) []Line {
	if f.Kind == Info || !f.ShowWhen.holds(clean, nil) {
		return out
	}
	l := Line{Page: page, Field: f.ID, Item: item, Question: f.Label, Audience: f.Audience}
	if item != "" {
		l.Question = item + ": " + lowerFirst(f.Label)
	}
	for _, v := range clean[f.ID] {
		l.Answers = append(l.Answers, p.say(f, v))
	}
	return append(out, l)
}

// say puts one value into words; a value that is not understood stands as it
// was given.
func (p *Pathway) say(f Field, v string) string {
	switch f.Kind {
	case Choose, ChooseMany, YesNo:
		if c, ok := p.choice(f, v); ok {
			return c.Label
		}
	case Date:
		if t, err := time.Parse(dayLayout, v); err == nil {
			return t.Format("02-Jan-2006")
		}
	case DateTime:
		if t, err := time.Parse(timeLayout, v); err == nil {
			return t.Format("02-Jan-2006 15:04")
		}
	case NHSNumber:
		if n, err := nhs.ParseNumber(v); err == nil {
			return n.Spaced()
		}
	case ODS:
		return strings.ToUpper(v)
	case Postcode:
		if s := strings.ReplaceAll(strings.ToUpper(v), " ", ""); postcode.MatchString(s) {
			return s[:len(s)-3] + " " + s[len(s)-3:]
		}
	}
	return v
}
