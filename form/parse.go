package form

import (
	"cmp"
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
		Owner       string    `toml:"owner"`
		Shares      string    `toml:"shares"`
		Steps       []Step    `toml:"steps"`
		PanelWhen   string    `toml:"panel_when"`
		Attachments bool      `toml:"attachments"`
		Review      string    `toml:"review"`
		Pages       []rawPage `toml:"pages"`
		Lists       []rawList `toml:"lists"`
		Rules       []rawRule `toml:"rules"`
	}
	rawPage struct {
		ID        string     `toml:"id"`
		Title     string     `toml:"title"`
		Hint      string     `toml:"hint"`
		StartWhen string     `toml:"start_when"`
		Optional  bool       `toml:"optional"`
		Tells     Telling    `toml:"tells"`
		Fields    []rawField `toml:"fields"`
		Groups    []rawGroup `toml:"groups"`
	}
	rawGroup struct {
		ID       string     `toml:"id"`
		Title    string     `toml:"title"`
		Item     string     `toml:"item"`
		Hint     string     `toml:"hint"`
		Min      int        `toml:"min"`
		Max      int        `toml:"max"`
		ShowWhen string     `toml:"show_when"`
		Standard string     `toml:"standard"`
		Tells    Telling    `toml:"tells"`
		Fields   []rawField `toml:"fields"`
	}
	rawField struct {
		ID           string   `toml:"id"`
		Section      string   `toml:"section"`
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
		MaxWords     int      `toml:"max_words"`
		Prefill      string   `toml:"prefill"`
		Default      string   `toml:"default"`
		Standard     string   `toml:"standard"`
		Audience     Audience `toml:"audience"`
		Tells        Telling  `toml:"tells"`
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
		Group    string `toml:"group"`
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
		Owner: r.Owner, Shares: r.Shares, Steps: r.Steps, Attachments: r.Attachments, Review: r.Review,
		Lists: map[string]List{}, where: map[string]place{}, groups: map[string]place{},
	}}
	for _, k := range md.Undecoded() {
		c.bad("key %q is not known", k.String())
	}
	c.head()
	c.lists(r.Lists)
	c.pages(r.Pages)
	c.rules(r.Rules)
	c.work(r.PanelWhen)
	if len(c.errs) > 0 {
		return nil, fmt.Errorf("reading form %q: %w", r.ID, errors.Join(c.errs...))
	}
	return c.p, nil
}

// A checker builds a pathway and collects what is wrong with it.
type checker struct {
	p    *Pathway
	in   *Group // the group being read, or of the rule being read
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
	for i, r := range pages {
		if _, twice := c.p.Page(r.ID); twice || !isName(r.ID) {
			c.bad("page %q: the id must be a new name", r.ID)
		}
		if r.Title == "" || len(r.Fields)+len(r.Groups) == 0 {
			c.bad("page %q: title or fields are missing", r.ID)
		}
		at := "page " + r.ID
		g := Page{ID: r.ID, Title: r.Title, Hint: r.Hint, Optional: r.Optional, StartWhen: c.cond(at+" start_when", r.StartWhen, false)}
		c.p.Pages = append(c.p.Pages, g)
		for j, rf := range r.Fields {
			rf.Tells = cmp.Or(rf.Tells, r.Tells)
			f := c.field(rf)
			c.p.Pages[i].Fields = append(c.p.Pages[i].Fields, f)
			c.named("field", rf.ID)
			c.p.where[rf.ID] = place{i, j}
		}
		for j, rg := range r.Groups {
			c.named("group", rg.ID)
			rg.Tells = cmp.Or(rg.Tells, r.Tells)
			c.p.Pages[i].Groups = append(c.p.Pages[i].Groups, c.group(rg))
			c.p.groups[rg.ID] = place{i, j}
		}
	}
	c.apart()
}

// named checks that no field or group before has the name.
func (c *checker) named(what, id string) {
	_, field := c.p.where[id]
	_, group := c.p.groups[id]
	if field || group {
		c.bad("%s %q: the id is used twice", what, id)
	}
}

// apart checks that no field of a group has the name of a field outside: a
// condition could mean either.
func (c *checker) apart() {
	for _, page := range c.p.Pages {
		for _, g := range page.Groups {
			for _, f := range g.Fields {
				if _, outside := c.p.where[f.ID]; outside {
					c.bad("group %q: field %q has the id of a field outside", g.ID, f.ID)
				}
			}
		}
	}
}

// group reads one group. Conditions in it may name its fields before, and
// fields outside before.
func (c *checker) group(r rawGroup) Group {
	at := "group " + r.ID
	g := Group{ID: r.ID, Title: r.Title, Item: r.Item, Hint: r.Hint, Min: r.Min, Max: r.Max, Standard: r.Standard,
		ShowWhen: c.cond(at+" show_when", r.ShowWhen, false)}
	if g.Max == 0 {
		g.Max = 20
	}
	if !isName(r.ID) || slices.Contains(reserved, r.ID) {
		c.bad("%s: the id must be small letters, digits and underscores", at)
	}
	if g.Title == "" || g.Item == "" || len(r.Fields) == 0 {
		c.bad("%s: title, item or fields are missing", at)
	}
	if g.Min < 0 || g.Max < max(1, g.Min) || g.Max > maxItems {
		c.bad("%s: min and max must be 0 to %d, and min no more than max", at, maxItems)
	}
	c.in = &g
	for _, rf := range r.Fields {
		rf.Tells = cmp.Or(rf.Tells, r.Tells)
		f := c.field(rf)
		if slices.ContainsFunc(g.Fields, func(o Field) bool { return o.ID == f.ID }) {
			c.bad("%s: field %q: the id is used twice", at, f.ID)
		}
		if f.Default != "" {
			c.bad("%s: field %q: a field of a group has no default: every new item would be answered", at, f.ID)
		}
		g.Fields = append(g.Fields, f)
	}
	c.in = nil
	if g.Min > 0 && !slices.ContainsFunc(g.Fields, func(f Field) bool { return f.Required }) {
		c.bad("%s: min needs a field that is required", at)
	}
	return g
}

// find is a field by its name in a condition, and whether the name is a group's.
func (c *checker) find(name string) (f Field, group, ok bool) {
	if c.in != nil {
		if i := slices.IndexFunc(c.in.Fields, func(f Field) bool { return f.ID == name }); i >= 0 {
			return c.in.Fields[i], false, true
		}
	}
	if _, group = c.p.groups[name]; group {
		return Field{}, true, true
	}
	f, ok = c.p.Field(name)
	return f, false, ok && isName(name)
}

// work checks what is said of how the form is worked with.
func (c *checker) work(panelWhen string) {
	p := c.p
	if !slices.Contains([]string{"", "trust", "council"}, p.Owner) {
		c.bad("owner %q is not trust or council", p.Owner)
	}
	if !slices.Contains([]string{"", "assessments"}, p.Shares) {
		c.bad("shares %q is not assessments", p.Shares)
	}
	order := []Step{ByWorker, ByManager, ByPanel}
	for i, s := range p.Steps {
		if k := slices.Index(order, s); k < 0 || i > 0 && k <= slices.Index(order, p.Steps[i-1]) {
			c.bad("steps must be worker, manager and panel, in that order, each once or not at all")
			break
		}
	}
	p.PanelWhen = c.cond("panel_when", panelWhen, false)
	if !p.PanelWhen.IsZero() && !slices.Contains(p.Steps, ByPanel) {
		c.bad("panel_when is given, but steps have no panel")
	}
	if f, ok := p.Field(p.Review); p.Review != "" && (!ok || f.Kind != Date) {
		c.bad("review %q is not a field with a date", p.Review)
	}
}

// field reads one field. Its conditions may name only fields before it, so
// that what is shown can be settled in one pass and never in a circle.
func (c *checker) field(r rawField) Field {
	at := "field " + r.ID
	f := Field{
		ID: r.ID, Section: r.Section, Label: r.Label, Name: r.Name, Hint: r.Hint, Why: r.Why, Missing: r.Missing, Kind: r.Kind, List: r.List,
		Required: r.Required, Wanted: r.Wanted, MaxLength: r.MaxLength, MaxLines: r.MaxLines, MaxWords: r.MaxWords,
		Prefill: r.Prefill, Default: r.Default, Standard: r.Standard, Audience: r.Audience, Tells: r.Tells,
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
	if !slices.Contains([]Telling{"", TellsPlace, TellsReach, TellsRisk, TellsAssessment}, f.Tells) {
		c.bad("%s: tells %q is not known", at, f.Tells)
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
	if f.MaxWords < 0 || f.MaxWords > 0 && f.Kind != Text && f.Kind != Paragraph {
		c.bad("%s: max_words is only for text and paragraph", at)
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
		c.in = nil
		if g, ok := c.p.Group(r.Group); ok {
			c.in = &g
		} else if r.Group != "" {
			c.bad("%s: group %q does not exist", at, r.Group)
		}
		f, _, ok := c.find(r.Field)
		if !ok || f.Kind == Info || f.Kind == "" || c.in != nil && !slices.ContainsFunc(c.in.Fields, func(o Field) bool { return o.ID == r.Field }) {
			c.bad("%s: field %q does not exist", at, r.Field)
		}
		if r.Require == "" || r.Message == "" {
			c.bad("%s: require or message is missing", at)
		}
		c.p.Rules = append(c.p.Rules, Rule{
			ID: r.ID, Group: r.Group, Field: r.Field, Message: r.Message, Standard: r.Standard,
			When: c.cond(at+" when", r.When, false), Require: c.cond(at+" require", r.Require, true),
		})
	}
	c.in = nil
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
		for i := range all {
			c.test(at, &all[i], compare)
		}
	}
	return k
}

func (c *checker) test(at string, t *test, compare bool) {
	if t.verb > oneOf {
		if !compare {
			c.bad("%s: only require may compare dates", at)
		}
		c.dated(at, t.subject)
		c.dated(at, t.object)
		return
	}
	f, group, ok := c.find(t.subject)
	if group && t.verb == answered {
		t.group = true
		return
	}
	if !ok || group || f.Kind == Info {
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
	if f, _, ok := c.find(name); !ok || f.Kind != Date && f.Kind != DateTime {
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
