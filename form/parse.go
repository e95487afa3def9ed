package form

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// maxFile is the most bytes a form may have.
const maxFile = 512 << 10

// The forms as written in TOML. Keys not named here are refused.
type (
	rawPathway struct {
		ID          string    `toml:"id"`
		Version     int       `toml:"version"`
		Title       string    `toml:"title"`
		Description string    `toml:"description"`
		Standard    string    `toml:"standard"`
		Pages       []rawPage `toml:"pages"`
		Lists       []rawList `toml:"lists"`
		Rules       []rawRule `toml:"rules"`
	}
	rawPage struct {
		ID        string     `toml:"id"`
		Title     string     `toml:"title"`
		Hint      string     `toml:"hint"`
		StartWhen string     `toml:"start_when"`
		Fields    []rawField `toml:"fields"`
	}
	rawField struct {
		ID           string   `toml:"id"`
		Label        string   `toml:"label"`
		Name         string   `toml:"name"`
		Hint         string   `toml:"hint"`
		Why          string   `toml:"why"`
		Missing      string   `toml:"missing"`
		Kind         Kind     `toml:"kind"`
		List         string   `toml:"list"`
		Required     bool     `toml:"required"`
		RequiredWhen string   `toml:"required_when"`
		ShowWhen     string   `toml:"show_when"`
		Wanted       bool     `toml:"wanted"`
		MaxLength    int      `toml:"max_length"`
		MaxLines     int      `toml:"max_lines"`
		Prefill      string   `toml:"prefill"`
		Default      string   `toml:"default"`
		Standard     string   `toml:"standard"`
		Audience     Audience `toml:"audience"`
	}
	rawList struct {
		ID       string      `toml:"id"`
		System   string      `toml:"system"`
		Standard string      `toml:"standard"`
		Ours     bool        `toml:"ours"`
		Choices  []rawChoice `toml:"choices"`
	}
	rawChoice struct {
		Code      string `toml:"code"`
		Label     string `toml:"label"`
		Hint      string `toml:"hint"`
		Display   string `toml:"display"`
		Exclusive bool   `toml:"exclusive"`
	}
	rawRule struct {
		ID       string `toml:"id"`
		When     string `toml:"when"`
		Require  string `toml:"require"`
		Field    string `toml:"field"`
		Message  string `toml:"message"`
		Standard string `toml:"standard"`
	}
)

// Parse reads one pathway strictly: unknown keys, repeated ids, unknown kinds,
// lists that do not exist and conditions that name no field or code are
// errors. All that is wrong is reported at once.
func Parse(b []byte) (*Pathway, error) {
	if len(b) > maxFile {
		return nil, fmt.Errorf("reading a form: more than %d bytes", maxFile)
	}
	var r rawPathway
	md, err := toml.Decode(string(b), &r)
	if err != nil {
		return nil, fmt.Errorf("reading a form: %w", err)
	}
	c := &checker{p: &Pathway{
		ID: r.ID, Version: r.Version, Title: r.Title, Description: r.Description, Standard: r.Standard,
		Lists: map[string]List{}, where: map[string]place{},
	}}
	for _, k := range md.Undecoded() {
		c.bad("key %q is not known", k.String())
	}
	c.head()
	c.lists(r.Lists)
	c.pages(r.Pages)
	c.rules(r.Rules)
	if len(c.errs) > 0 {
		return nil, fmt.Errorf("reading form %q: %w", r.ID, errors.Join(c.errs...))
	}
	return c.p, nil
}

// A checker builds a pathway and collects what is wrong with it.
type checker struct {
	p    *Pathway
	errs []error
}

func (c *checker) bad(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf(format, args...))
}

func (c *checker) head() {
	if !isID(c.p.ID) {
		c.bad("id %q must be small letters, digits and dashes", c.p.ID)
	}
	if c.p.Version < 1 {
		c.bad("version must be 1 or more")
	}
	if c.p.Title == "" {
		c.bad("title is empty")
	}
}

func (c *checker) lists(lists []rawList) {
	for _, r := range lists {
		if _, twice := c.p.Lists[r.ID]; twice || !isName(r.ID) {
			c.bad("list %q: the id must be a new name", r.ID)
			continue
		}
		l := List{ID: r.ID, System: r.System, Standard: r.Standard, Ours: r.Ours}
		if r.Ours == (r.Standard != "") {
			c.bad("list %q: give either standard, or ours = true", r.ID)
		}
		if len(r.Choices) < 2 {
			c.bad("list %q: has fewer than 2 choices", r.ID)
		}
		for _, ch := range r.Choices {
			same := func(o Choice) bool { return o.Code == ch.Code || o.Label == ch.Label }
			if !isCode(ch.Code) || ch.Label == "" || slices.ContainsFunc(l.Choices, same) {
				c.bad("list %q: choice %q must have a new code and a new label", r.ID, ch.Code)
			}
			l.Choices = append(l.Choices, Choice(ch))
		}
		c.p.Lists[r.ID] = l
	}
}

func (c *checker) pages(pages []rawPage) {
	if len(pages) == 0 {
		c.bad("has no pages")
	}
	order := 0
	for i, r := range pages {
		if _, twice := c.p.Page(r.ID); twice || !isName(r.ID) {
			c.bad("page %q: the id must be a new name", r.ID)
		}
		if r.Title == "" || len(r.Fields) == 0 {
			c.bad("page %q: title or fields are missing", r.ID)
		}
		at := "page " + r.ID
		g := Page{ID: r.ID, Title: r.Title, Hint: r.Hint, StartWhen: c.cond(at+" start_when", r.StartWhen, false)}
		c.p.Pages = append(c.p.Pages, g)
		for j, rf := range r.Fields {
			f := c.field(rf)
			c.p.Pages[i].Fields = append(c.p.Pages[i].Fields, f)
			if _, twice := c.p.where[rf.ID]; twice {
				c.bad("field %q: the id is used twice", rf.ID)
			}
			c.p.where[rf.ID] = place{i, j, order}
			order++
		}
	}
}

// field reads one field. Its conditions may name only fields before it, so
// that what is shown can be settled in one pass and never in a circle.
func (c *checker) field(r rawField) Field {
	at := "field " + r.ID
	f := Field{
		ID: r.ID, Label: r.Label, Name: r.Name, Hint: r.Hint, Why: r.Why, Missing: r.Missing, Kind: r.Kind, List: r.List,
		Required: r.Required, Wanted: r.Wanted, MaxLength: r.MaxLength, MaxLines: r.MaxLines,
		Prefill: r.Prefill, Default: r.Default, Standard: r.Standard, Audience: r.Audience,
		RequiredWhen: c.cond(at+" required_when", r.RequiredWhen, false),
		ShowWhen:     c.cond(at+" show_when", r.ShowWhen, false),
	}
	if !isName(r.ID) || slices.Contains(reserved, r.ID) {
		c.bad("%s: the id must be small letters, digits and underscores", at)
	}
	if _, ok := lengths[f.Kind]; !ok {
		c.bad("%s: kind %q is not known", at, f.Kind)
	}
	if f.Audience == "" {
		f.Audience = Partners
	}
	if !slices.Contains([]Audience{Partners, Providers, CouncilOnly, HospitalOnly}, f.Audience) {
		c.bad("%s: audience %q is not known", at, f.Audience)
	}
	if _, ok := c.p.Lists[f.List]; ok != (f.Kind == Choose || f.Kind == ChooseMany) || !ok && f.List != "" {
		c.bad("%s: a field of choices, and no other, names a list that exists", at)
	}
	if f.Prefill != "" && !isFact(f.Prefill) {
		c.bad("%s: prefill %q is not a dotted name", at, f.Prefill)
	}
	c.wording(at, &f)
	if f.Default != "" && (f.Kind == Info || c.p.checkValue(f, f.Default) != "") {
		c.bad("%s: the default is not an answer to it", at)
	}
	return f
}

// wording checks that a field can be asked and its errors can be said, and
// fills in what follows from the label.
func (c *checker) wording(at string, f *Field) {
	if f.Label == "" {
		c.bad("%s: label is empty", at)
	}
	if f.MaxLength < 0 || f.MaxLines < 0 || f.MaxLength > 20000 || f.MaxLines > 0 && f.Kind != Paragraph {
		c.bad("%s: max_length or max_lines do not suit it", at)
	}
	must := f.Required || !f.RequiredWhen.IsZero()
	if f.Required && !f.RequiredWhen.IsZero() || must && f.Wanted || f.Kind == Info && (must || f.Wanted || f.Prefill != "") {
		c.bad("%s: give one of required, required_when and wanted, and none for info", at)
	}
	if f.Name == "" {
		if f.Name = "the " + lowerFirst(f.Label); strings.HasSuffix(f.Label, "?") && f.Kind != Info {
			c.bad("%s: a label that is a question needs a name for its errors", at)
		}
	}
	if f.Missing == "" {
		f.Missing = "Enter " + f.Name
		if f.Kind == Choose || f.Kind == ChooseMany || f.Kind == YesNo {
			f.Missing = "Select " + f.Name
		}
	}
}

func (c *checker) rules(rules []rawRule) {
	for _, r := range rules {
		at := "rule " + r.ID
		if !isName(r.ID) || slices.ContainsFunc(c.p.Rules, func(o Rule) bool { return o.ID == r.ID }) {
			c.bad("%s: the id must be a new name", at)
		}
		f, ok := c.p.Field(r.Field)
		if !ok || f.Kind == Info {
			c.bad("%s: field %q does not exist", at, r.Field)
		}
		if r.Require == "" || r.Message == "" {
			c.bad("%s: require or message is missing", at)
		}
		c.p.Rules = append(c.p.Rules, Rule{
			ID: r.ID, Field: r.Field, Message: r.Message, Standard: r.Standard,
			When: c.cond(at+" when", r.When, false), Require: c.cond(at+" require", r.Require, true),
		})
	}
}

// cond reads a condition and checks it against the fields read so far. Only
// what a rule requires may compare dates, since only there "not known" may
// count as "not wrong".
func (c *checker) cond(at, s string, compare bool) Cond {
	k, err := ParseCond(s)
	if err != nil {
		c.bad("%s: %w", at, err)
		return Cond{}
	}
	for _, all := range k.any {
		for _, t := range all {
			c.test(at, t, compare)
		}
	}
	return k
}

func (c *checker) test(at string, t test, compare bool) {
	if t.verb > oneOf {
		if !compare {
			c.bad("%s: only require may compare dates", at)
		}
		c.dated(at, t.subject)
		c.dated(at, t.object)
		return
	}
	f, ok := c.p.Field(t.subject)
	if !ok || f.Kind == Info {
		c.bad("%s: field %q does not exist, or comes later", at, t.subject)
		return
	}
	for _, code := range t.codes {
		if _, ok := c.p.choice(f, code); !ok {
			c.bad("%s: %q is not a choice of %q", at, code, t.subject)
		}
	}
}

// dated checks that a name stands for a date: a field of dates, a fact, or
// today.
func (c *checker) dated(at, name string) {
	if name == "today" || isFact(name) {
		return
	}
	if f, ok := c.p.Field(name); !ok || f.Kind != Date && f.Kind != DateTime {
		c.bad("%s: %q is not a field with a date", at, name)
	}
}

// isID reports whether s may be the id of a pathway, which is a folder name.
func isID(s string) bool {
	return isName(strings.ReplaceAll(s, "-", "_")) && !strings.Contains(s, "_")
}

// lowerFirst puts a label into the middle of a sentence: "Ward" gives "ward",
// "NHS number" stays.
func lowerFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	next, _ := utf8.DecodeRuneInString(s[n:])
	if unicode.IsUpper(next) {
		return s
	}
	return string(unicode.ToLower(r)) + s[n:]
}

// upperFirst begins a sentence.
func upperFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}
