package form

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"homeward/nhs"
)

// Clean is the answers as they count: spaces at the ends, control characters
// and empty values are gone, and so are answers to fields that are hidden or
// do not exist, and items of groups where nothing is answered: the items after
// them move up. The argument is not changed. Cleaning twice changes nothing.
func (p *Pathway) Clean(a Answers) Answers {
	out := Answers{}
	for i := range p.Pages {
		for _, f := range p.Pages[i].Fields {
			put(out, f, a[f.ID])
		}
		for _, g := range p.Pages[i].Groups {
			next := 1
			for n, most := 1, items(a, g.ID); n <= most; n++ {
				some := false
				for j, f := range g.Fields {
					some = put(out, g.field(j, next), a[Key(g.ID, n, f.ID)]) || some
				}
				if some {
					next++
				}
			}
		}
	}
	return out
}

// put is one clean answer, where there is one and its field is shown; it reports
// whether there is.
func put(out Answers, f Field, values []string) bool {
	if f.Kind == Info || len(values) == 0 || !f.ShowWhen.holds(out, nil) {
		return false
	}
	var vs []string
	for _, v := range values {
		if v = tidy(v, f.Kind == Paragraph); v != "" && !slices.Contains(vs, v) {
			vs = append(vs, v)
		}
	}
	if vs != nil {
		out[f.ID] = vs
	}
	return vs != nil
}

// tidy removes what nobody meant to type. Browsers send line ends as CR LF.
func tidy(s string, lines bool) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\r\n", "\n")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' && lines:
			return r
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case unicode.IsControl(r) || r == '\ufeff':
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}

// Shown reports whether a field is asked, given the other answers. For a field
// of a group the answers must have no empty items before its own: see Compact.
func (p *Pathway) Shown(field string, a Answers) bool {
	f, ok := p.Field(field)
	return ok && f.ShowWhen.holds(p.Clean(a), nil)
}

// Check is all that must be mended before the answers can be used, in the
// order of the form, at most one problem for each field. Hidden fields are
// ignored. A fact that is not given is not known: rules about it pass.
func (p *Pathway) Check(a Answers, facts Facts) []Problem {
	return p.check(p.Clean(a), facts)
}

// CheckPage is what Check would say about one page.
func (p *Pathway) CheckPage(page string, a Answers, facts Facts) []Problem {
	var out []Problem
	for _, q := range p.Check(a, facts) {
		if q.Page == page {
			out = append(out, q)
		}
	}
	return out
}

// check is Check for answers that are clean.
func (p *Pathway) check(a Answers, facts Facts) []Problem {
	wrong := map[string]string{}
	for _, f := range p.each(a) {
		if text := p.checkField(f, a); text != "" {
			wrong[f.ID] = text
		}
	}
	for _, r := range p.Rules {
		for _, r := range p.rulesOf(r, a) {
			f, _ := p.Field(r.Field)
			if wrong[f.ID] == "" && f.ShowWhen.holds(a, nil) && r.When.holds(a, facts) && !r.Require.holds(a, facts) {
				wrong[f.ID] = r.Message
			}
		}
	}
	p.tooMany(a, wrong)
	var out []Problem
	for page, f := range p.each(a) {
		if text := wrong[f.ID]; text != "" {
			out = append(out, Problem{Field: f.ID, Page: page, Text: p.ofItem(f.ID, text)})
		}
	}
	return out
}

// must reports whether a field is asked and has to be answered.
func must(f Field, a Answers) bool {
	return f.ShowWhen.holds(a, nil) && (f.Required || !f.RequiredWhen.IsZero() && f.RequiredWhen.holds(a, nil))
}

// checkField is what is wrong with one field by itself, or "".
func (p *Pathway) checkField(f Field, a Answers) string {
	vs := a[f.ID]
	if len(vs) == 0 {
		if must(f, a) {
			return f.Missing
		}
		return ""
	}
	if len(vs) > 1 && f.Kind != ChooseMany {
		return "Enter one answer only for " + f.Name
	}
	for _, v := range vs {
		if text := p.checkValue(f, v); text != "" {
			return text
		}
		if c, _ := p.choice(f, v); c.Exclusive && len(vs) > 1 {
			return fmt.Sprintf("Select “%s” by itself, or select the others", c.Label)
		}
	}
	return ""
}

// checkValue is what is wrong with one value, or "". It says how to mend it
// and never repeats it.
func (p *Pathway) checkValue(f Field, v string) string {
	name := upperFirst(f.Name)
	if n := utf8.RuneCountInString(v); n > f.Limit() && f.Kind != Date && f.Kind != DateTime && f.Kind != Choose && f.Kind != ChooseMany && f.Kind != YesNo {
		return fmt.Sprintf("%s must be %d characters or fewer. You entered %d", name, f.Limit(), n)
	}
	if n := len(strings.Fields(v)); f.MaxWords > 0 && n > f.MaxWords {
		return fmt.Sprintf("%s must be %d words or fewer. You entered %d", name, f.MaxWords, n)
	}
	switch f.Kind {
	case Choose, ChooseMany, YesNo:
		if _, ok := p.choice(f, v); !ok {
			return "Select one of the answers shown for " + f.Name
		}
	case Date:
		if !isMoment(v, dayLayout) {
			return name + " must be a real date, like 14 3 2026"
		}
	case DateTime:
		if !isMoment(v, timeLayout) {
			return name + " must be a real date and time, like 14 3 2026 at 15:30"
		}
	case NHSNumber:
		if _, err := nhs.ParseNumber(v); err != nil {
			return err.Error()
		}
	case ODS:
		if _, err := nhs.ParseODS(v); err != nil {
			return name + " must have 3 to 10 letters and digits, like A81001"
		}
	case Postcode:
		if !postcode.MatchString(strings.ToUpper(v)) {
			return name + " must be a full postcode, like NG2 7QP"
		}
	case Phone:
		if !isPhone(v) {
			return name + " must be a phone number, like 01632 960001"
		}
	case PersonName:
		if !strings.ContainsFunc(v, unicode.IsLetter) {
			return name + " must have letters"
		}
	case Paragraph:
		if n := strings.Count(v, "\n") + 1; f.MaxLines > 0 && n > f.MaxLines {
			return fmt.Sprintf("%s must be %d lines or fewer. You entered %d", name, f.MaxLines, n)
		}
	}
	return ""
}

// isMoment accepts only the one way to write a date, and years that people
// alive or to come can have.
func isMoment(v, layout string) bool {
	t, err := time.Parse(layout, v)
	return err == nil && len(v) == len(layout) && t.Year() >= 1880 && t.Year() <= 2200
}

// postcode is the shape of a UK postcode, and of the pseudo postcodes for "no
// fixed abode" and the like. NHS Data Dictionary, POSTCODE.
var postcode = regexp.MustCompile(`^[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2}$`)

// isPhone accepts a UK number of 10 or 11 digits, a number with a country
// code, and an extension after "ext" or "x".
func isPhone(v string) bool {
	v = strings.ToLower(v)
	if i := strings.IndexAny(v, "ex"); i >= 0 {
		ext := strings.TrimLeft(strings.TrimPrefix(strings.TrimPrefix(v[i:], "extension"), "ext"), "x. ")
		if ext == "" || len(ext) > 6 || strings.Trim(ext, "0123456789") != "" {
			return false
		}
		v = v[:i]
	}
	d := strings.NewReplacer(" ", "", "(", "", ")", "", "-", "").Replace(v)
	plus := strings.HasPrefix(d, "+")
	d = strings.TrimPrefix(d, "+")
	if d == "" || strings.Trim(d, "0123456789") != "" {
		return false
	}
	return plus && len(d) >= 8 && len(d) <= 15 || d[0] == '0' && (len(d) == 10 || len(d) == 11)
}
