package sharing

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/BurntSushi/toml"

	"homeward/nhs"
)

// An agreement as a file is TOML 1.0 (https://toml.io/en/v1.0.0): for people to
// read, sign and send, and for another Homeward to take in as a draft.

// MaxFile is the largest file that Read takes, in bytes. An agreement of twenty
// parties is under 32 KB.
const MaxFile = 128 << 10

// fileFormat is the version of the form of a file.
const fileFormat = 1

// A Wrong is one thing that is not right in a file, in words that say the mend.
type Wrong struct {
	Line  int    // counts from 1; 0: of the whole file
	Field string // as the file calls it, such as "flow 2: sections"; "" for the whole
	Text  string
}

// String is the line, the field and the text.
func (w Wrong) String() string {
	s := w.Text
	if w.Field != "" {
		s = w.Field + ": " + s
	}
	if w.Line > 0 {
		s = fmt.Sprintf("line %d: %s", w.Line, s)
	}
	return s
}

// Write gives an agreement as a file, with all that was done to it. Read gives
// the same agreement back.
func Write(a Agreement) []byte {
	w := &fileWriter{}
	w.say("# A sharing agreement, as Homeward keeps it. When it is imported it becomes a draft:\n# its status and its changes are the record of what was done, and are not taken over.\n\n")
	w.say("format = %d\n", fileFormat)
	w.text("id", a.ID)
	w.say("version = %d\n", a.Version)
	w.text("status", string(a.Status))
	w.text("title", a.Title)
	w.text("purpose", a.Purpose)
	w.text("basis", a.Basis)
	w.text("dpia", a.DPIA)
	w.text("owner", a.Owner)
	w.text("contact", a.Contact)
	w.day("from", a.From)
	w.day("to", a.To)
	for _, p := range a.Parties {
		w.say("\n[[party]]\n")
		w.text("ods", string(p.ODS))
		w.text("name", p.Name)
	}
	for _, f := range a.Flows {
		w.say("\n[[flow]]\n")
		w.text("from", string(f.From))
		w.text("to", string(f.To))
		w.say("sections = [")
		for i, s := range f.Sections {
			if i > 0 {
				w.say(", ")
			}
			w.say("%s", quoted(string(s)))
		}
		w.say("]\n")
	}
	for _, s := range a.Signatories {
		w.say("\n[[signatory]]\n")
		w.text("name", s.Name)
		w.text("role", s.Role)
		w.text("ods", string(s.ODS))
		w.day("on", s.On)
	}
	for _, c := range a.Changes {
		w.say("\n[[change]]\nat = %s\n", c.At.UTC().Format(time.RFC3339Nano))
		w.text("by", c.By)
		w.text("who", c.Who)
		w.text("org", string(c.Org))
		w.text("did", c.Did)
		w.text("why", c.Why)
	}
	return []byte(w.String())
}

type fileWriter struct{ strings.Builder }

func (w *fileWriter) say(format string, vs ...any) { fmt.Fprintf(w, format, vs...) }

// text writes a field, and nothing for one that is empty.
func (w *fileWriter) text(key, value string) {
	if value != "" {
		w.say("%s = %s\n", key, quoted(value))
	}
}

func (w *fileWriter) day(key string, d nhs.Date) {
	if !d.IsZero() {
		w.say("%s = %s\n", key, d)
	}
}

// quoted is a TOML basic string, over several lines where the text has some.
func quoted(s string) string {
	var b strings.Builder
	quote := `"`
	if strings.Contains(s, "\n") {
		quote = `"""`
		b.WriteString(quote + "\n") // a newline that follows the quotes is not of the text
	} else {
		b.WriteString(quote)
	}
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteByte('\n')
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r < ' ' || r == 0x7f: // TOML 1.0, string: control characters are escaped
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteString(quote)
	return b.String()
}

// file is what a file may hold. Everything is read as it stands, so that each
// thing that is wrong can be named.
type file struct {
	Format    int             `toml:"format"`
	ID        string          `toml:"id"`
	Version   int             `toml:"version"`
	Status    string          `toml:"status"`
	Title     string          `toml:"title"`
	Purpose   string          `toml:"purpose"`
	Basis     string          `toml:"basis"`
	DPIA      string          `toml:"dpia"`
	Owner     string          `toml:"owner"`
	Contact   string          `toml:"contact"`
	From      any             `toml:"from"`
	To        any             `toml:"to"`
	Party     []fileParty     `toml:"party"`
	Flow      []fileFlow      `toml:"flow"`
	Signatory []fileSignatory `toml:"signatory"`
	Change    []fileChange    `toml:"change"`
}

type fileParty struct {
	ODS  string `toml:"ods"`
	Name string `toml:"name"`
}

type fileFlow struct {
	From     string   `toml:"from"`
	To       string   `toml:"to"`
	Sections []string `toml:"sections"`
}

type fileSignatory struct {
	Name string `toml:"name"`
	Role string `toml:"role"`
	ODS  string `toml:"ods"`
	On   any    `toml:"on"`
}

type fileChange struct {
	At  any    `toml:"at"`
	By  string `toml:"by"`
	Who string `toml:"who"`
	Org string `toml:"org"`
	Did string `toml:"did"`
	Why string `toml:"why"`
}

// Read reads a file that Write or a person wrote. What is wrong is listed, with
// the line where it stands; the agreement is of use only when nothing is. Whether
// it is complete is Check's to say.
func Read(b []byte) (Agreement, []Wrong) {
	switch {
	case len(b) > MaxFile:
		return Agreement{}, []Wrong{{Text: fmt.Sprintf("The file is larger than %d KB. An agreement is smaller: check that it is the right file", MaxFile>>10)}}
	case !utf8.Valid(b):
		return Agreement{}, []Wrong{{Text: "The file is not text in UTF-8. Save it as UTF-8"}}
	}
	if w, deep := tooDeep(string(b)); deep {
		return Agreement{}, []Wrong{w}
	}
	var f file
	meta, err := toml.Decode(string(b), &f)
	if err != nil {
		return Agreement{}, []Wrong{unreadable(err)}
	}
	r := &fileReader{lines: linesOf(string(b))}
	for _, key := range meta.Undecoded() {
		k := shortened(key.String())
		r.wrong(r.lineOf(k), k, "An agreement has no such field. Check its spelling, or remove it")
	}
	if f.Format != fileFormat {
		r.wrong(r.lineOf("format"), "format", fmt.Sprintf("This must be %d: the form of file that this version of Homeward reads", fileFormat))
	}
	a := r.agreement(f)
	slices.SortStableFunc(r.wrongs, func(a, b Wrong) int { return a.Line - b.Line })
	return a, r.wrongs
}

// manyParts is a key of very many parts, which the TOML reader takes seconds for.
var manyParts = regexp.MustCompile(`(?:["'\w-]+\s*\.\s*){20}`)

// tooDeep finds such a key. An agreement's have two parts at most.
func tooDeep(text string) (Wrong, bool) {
	n := 0
	for line := range strings.Lines(text) {
		if n++; manyParts.MatchString(line) {
			return Wrong{Line: n, Text: "This has very many parts with dots between them. An agreement has no such field: remove it"}, true
		}
	}
	return Wrong{}, false
}

// shortened is a name that somebody gave a field, as far as it is worth showing.
func shortened(name string) string {
	if r := []rune(name); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return name
}

// placed is how the TOML reader names the place of something of a wrong type.
var placed = regexp.MustCompile(`^toml: line (\d+) \(last key "(.*?)"\): (.*)$`)

// unreadable is a file that is not TOML, or that has something of a wrong type.
func unreadable(err error) Wrong {
	w := Wrong{Text: err.Error()}
	var p toml.ParseError
	if errors.As(err, &p) {
		w = Wrong{Line: p.Position.Line, Field: p.LastKey, Text: p.Message}
	} else if m := placed.FindStringSubmatch(w.Text); m != nil {
		w.Line, _ = strconv.Atoi(m[1])
		w.Field, w.Text = m[2], m[3]
	}
	w.Field = shortened(w.Field)
	if _, types, ok := strings.Cut(w.Text, "TOML value has type "); ok {
		got, want, _ := strings.Cut(types, "; destination has type ")
		w.Text = "This must be " + kindWord(want) + ", and it is " + kindWord(got)
	}
	return w
}

// kindWord says a type of TOML or Go as a person would.
func kindWord(t string) string {
	switch t = strings.TrimSpace(t); {
	case strings.HasPrefix(t, "string"):
		return "text in quotation marks"
	case strings.HasPrefix(t, "int"), strings.HasPrefix(t, "float"):
		return "a number"
	case strings.HasPrefix(t, "bool"):
		return "yes or no"
	case strings.HasPrefix(t, "["), strings.HasPrefix(t, "array"), strings.HasPrefix(t, "slice"):
		return "a list in [ ]"
	case strings.HasPrefix(t, "time"):
		return "a date"
	}
	return "something else"
}

type fileReader struct {
	lines  map[string]int
	wrongs []Wrong
}

func (r *fileReader) wrong(line int, field, text string) {
	r.wrongs = append(r.wrongs, Wrong{line, field, text})
}

// lineOf finds where a field stands, or else the table that it would stand in.
func (r *fileReader) lineOf(key string) int {
	if n, ok := r.lines[key]; ok {
		return n
	}
	table, _, _ := strings.Cut(key, ".")
	return r.lines[table]
}

func (r *fileReader) agreement(f file) Agreement {
	a := Agreement{ID: f.ID, Version: f.Version, Title: f.Title, Purpose: f.Purpose, Basis: f.Basis, DPIA: f.DPIA, Owner: f.Owner, Contact: f.Contact,
		Status: Status(f.Status), From: r.day("from", "from", f.From), To: r.day("to", "to", f.To)}
	if known := []Status{"", Draft, Proposed, Agreed, Suspended, Replaced, Withdrawn}; !slices.Contains(known, a.Status) {
		r.wrong(r.lineOf("status"), "status", "There is no such status. Leave it out: what is imported is a draft")
	}
	for i, p := range f.Party {
		at, named := place("party", i)
		a.Parties = append(a.Parties, Party{ODS: r.ods(at+".ods", named+"ods", p.ODS), Name: p.Name})
	}
	for i, w := range f.Flow {
		at, named := place("flow", i)
		a.Flows = append(a.Flows, Flow{From: r.ods(at+".from", named+"from", w.From), To: r.ods(at+".to", named+"to", w.To),
			Sections: r.sections(at+".sections", named+"sections", w.Sections)})
	}
	for i, s := range f.Signatory {
		at, named := place("signatory", i)
		a.Signatories = append(a.Signatories, Signatory{Name: s.Name, Role: s.Role, ODS: r.ods(at+".ods", named+"ods", s.ODS), On: r.day(at+".on", named+"on", s.On)})
	}
	for i, c := range f.Change {
		at, named := place("change", i)
		when, ok := c.At.(time.Time)
		if !ok {
			r.wrong(r.lineOf(at+".at"), named+"at", "Enter a date and time, like 2026-03-02T09:00:00Z")
		}
		a.Changes = append(a.Changes, Change{At: when.UTC(), By: c.By, Who: c.Who, Org: r.ods(at+".org", named+"org", c.Org), Did: c.Did, Why: c.Why})
	}
	return a
}

// place names the i-th table of a kind: as lineOf knows it, and for people.
func place(kind string, i int) (at, named string) {
	return fmt.Sprintf("%s#%d", kind, i), fmt.Sprintf("%s %d: ", kind, i+1)
}

// ods reads the code of an organisation; one that is missing is Check's to find.
func (r *fileReader) ods(at, field, code string) nhs.ODS {
	if code == "" {
		return ""
	}
	ods, err := nhs.ParseODS(code)
	if err != nil {
		r.wrong(r.lineOf(at), field, "Enter the organisation’s ODS code: 3 to 10 capital letters and digits, like RK5")
	}
	return ods
}

func (r *fileReader) sections(at, field string, names []string) (out []Section) {
	for _, n := range names {
		s := Section(n)
		if !slices.Contains(Sections(), s) {
			var known []string
			for _, k := range Sections() {
				known = append(known, string(k))
			}
			r.wrong(r.lineOf(at), field, fmt.Sprintf("There is no section %q. The sections are: %s", n, strings.Join(known, ", ")))
		}
		out = append(out, s)
	}
	return out
}

// day takes a TOML local date, or one in quotation marks.
func (r *fileReader) day(at, field string, v any) nhs.Date {
	switch v := v.(type) {
	case nil:
		return nhs.Date{}
	case time.Time:
		return nhs.DateOf(v)
	case string:
		if d, err := time.Parse(time.DateOnly, v); err == nil {
			return nhs.DateOf(d)
		}
	}
	r.wrong(r.lineOf(at), field, "Enter a date as year, month and day, like 2026-12-31")
	return nhs.Date{}
}

var (
	tableLine = regexp.MustCompile(`^\s*\[\[?\s*([\w-]+)\s*\]\]?`)
	keyLine   = regexp.MustCompile(`^\s*"?([\w-]+)"?\s*=`)
)

// linesOf finds on which line each field begins: "title", "flow#1.sections" in
// the second flow, and "flow.sections" and "flow#1" for the first such line.
func linesOf(text string) map[string]int {
	at := map[string]int{}
	note := func(key string, n int) {
		if _, there := at[key]; !there {
			at[key] = n
		}
	}
	count := map[string]int{}
	table, nth, inside, n := "", "", false, 0
	for line := range strings.Lines(text) {
		n++
		was := inside
		if strings.Count(line, `"""`)%2 == 1 {
			inside = !inside
		}
		if was {
			continue
		}
		if m := tableLine.FindStringSubmatch(line); m != nil {
			table = m[1] + "."
			nth = fmt.Sprintf("%s#%d", m[1], count[m[1]])
			count[m[1]]++
			note(nth, n)
			note(m[1], n)
			nth += "."
		} else if m := keyLine.FindStringSubmatch(line); m != nil {
			note(nth+m[1], n)
			note(table+m[1], n)
		}
	}
	return at
}
