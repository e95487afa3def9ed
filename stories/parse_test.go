//go:build unix

package stories

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A line is a line of a story, with the indented lines below it when it ends in
// a colon.
type line struct {
	file  string
	n     int
	text  string
	block []line
}

func (l line) wrong(format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", l.file, l.n, fmt.Sprintf(format, args...))
}

// A step is a line that has been understood.
type step struct {
	line
	form *form
	args []string
}

// A form is a sentence that a story may use. Words in braces stand for what a
// story fills in.
type form struct {
	text string
	do   func(*run, step) error
	re   *regexp.Regexp
}

// holes are what the words in braces may be.
var holes = map[string]string{
	"who":      `([a-z][a-z0-9]*)`,
	"text":     `"([^"]+)"`,
	"n":        `(\d+)`,
	"clock":    `(\d{1,2}:\d{2})`,
	"date":     `(\d{1,2} [A-Z][a-z]+ \d{4})`,
	"hospital": `(King's Mill|Queen's|Bassetlaw)`,
	"person":   `([A-Z][^":]*?)`,
	"name":     `([A-Z][^,]*?)`,
	"worker":   `([A-Z][A-Za-z. ]*?)`,
	"phone":    `(01632 960 ?\d{3})`,
	"words":    `([^()]+)`,
	"kind":     `(home support|equipment|reablement|day support|residential care|a direct payment)`,
	"place":    `(ward [^,]+(?:, bay [^,]+)?(?:, bed [^,]+)?)`,
}

var hole = regexp.MustCompile(`\{(\w+)\}`)

// pattern makes the regular expression of a sentence.
func pattern(sentence string) *regexp.Regexp {
	var b strings.Builder
	at := 0
	for _, m := range hole.FindAllStringSubmatchIndex(sentence, -1) {
		b.WriteString(regexp.QuoteMeta(sentence[at:m[0]]))
		b.WriteString(holes[sentence[m[2]:m[3]]])
		at = m[1]
	}
	b.WriteString(regexp.QuoteMeta(sentence[at:]))
	return regexp.MustCompile(`^` + b.String() + `$`)
}

// compiled gives the forms their patterns.
func compiled(fs []form) []form {
	for i := range fs {
		fs[i].re = pattern(fs[i].text)
	}
	return fs
}

// lines cuts a story into its lines. What is below a line that ends in a colon
// belongs to it when it is indented.
func lines(file, text string) ([]line, []error) {
	var out []line
	var errs []error
	for i, raw := range strings.Split(text, "\n") {
		l := line{file: file, n: i + 1, text: strings.TrimSpace(raw)}
		switch indented := strings.HasPrefix(raw, " ") || strings.HasPrefix(raw, "\t"); {
		case l.text == "" || strings.HasPrefix(l.text, "#"):
		case !indented:
			out = append(out, l)
		case len(out) == 0 || !strings.HasSuffix(out[len(out)-1].text, ":"):
			errs = append(errs, l.wrong("this line is indented, but the line above it does not end in a colon. Begin it at the margin, or end the line above with a colon"))
		default:
			last := &out[len(out)-1]
			last.block = append(last.block, l)
		}
	}
	for _, l := range out {
		if strings.HasSuffix(l.text, ":") && len(l.block) == 0 {
			errs = append(errs, l.wrong("nothing stands below this line. Write below it, indented, what it announces"))
		}
	}
	return out, errs
}

// parse understands a story. All that is wrong with it is said at once.
func parse(file, text string, forms []form) (title string, steps []step, errs []error) {
	first, _, _ := strings.Cut(text, "\n")
	title, ok := strings.CutPrefix(first, "# ")
	if !ok {
		errs = append(errs, line{file: file, n: 1}.wrong("a story begins with its title: # What happens"))
	}
	ls, wrong := lines(file, text)
	errs = append(errs, wrong...)
	for _, l := range ls {
		s, err := understand(l, forms)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		steps = append(steps, s)
	}
	return strings.TrimSpace(title), steps, errs
}

// understand finds the one form of a line.
func understand(l line, forms []form) (step, error) {
	var found []step
	for i := range forms {
		if m := forms[i].re.FindStringSubmatch(l.text); m != nil {
			found = append(found, step{line: l, form: &forms[i], args: m[1:]})
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return step{}, l.wrong("not understood: %s\n\texpected one of:\n\t  %s", l.text, strings.Join(nearest(l.text, forms), "\n\t  "))
	}
	return step{}, l.wrong("this could be %q or %q", found[0].form.text, found[1].form.text)
}

// nearest gives the forms that begin most like a line.
func nearest(text string, forms []form) []string {
	type guess struct {
		text  string
		alike int
	}
	var all []guess
	for _, f := range forms {
		all = append(all, guess{f.text, alike(text, f.text)})
	}
	slices.SortStableFunc(all, func(a, b guess) int { return b.alike - a.alike })
	var out []string
	for _, g := range all[:min(6, len(all))] {
		if g.alike == all[0].alike || len(out) < 3 {
			out = append(out, g.text)
		}
	}
	return out
}

// alike counts the words of a form that a line has, the first one for more.
func alike(text, form string) int {
	n := 0
	words := strings.Fields(text)
	for i, w := range strings.Fields(form) {
		switch {
		case strings.HasPrefix(w, "{") && i == 0:
			n++
		case slices.Contains(words, w):
			n += 2
			if i == 0 {
				n += 2
			}
		}
	}
	return n
}
