// Package governance writes the documents that an information governance lead
// and a clinical safety officer sign, from what the software enforces: a data
// protection impact assessment, the schedule of a sharing agreement, a record of
// processing, a privacy notice, a clinical safety case with its hazard log, and a
// list of evidence for the Data Security and Protection Toolkit.
//
// Each statement in them names what makes it true: a rule, a test or a setting.
// The package writes documents and nothing else: it decides nothing, reads no
// configuration and no store, and is no lawyer. What an organisation must say by
// itself is marked in the documents.
package governance

import (
	"bytes"
	"embed"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/sharing"
)

//go:embed documents/*.md
var documents embed.FS

// A Site is the live configuration, as the documents tell of it.
type Site struct {
	Made       time.Time // when the pack is written
	Today      nhs.Date
	Build      string
	Orgs       []care.Org
	Rules      *policy.Set
	Agreements []sharing.Agreement // every version
	Periods    []Period
	Settings   map[string]string // keys of the configuration and their values, without secrets
	Sources    []Source
	Hazards    Log
}

// A Period is for how long one type of record is kept.
type Period struct {
	Type  string // for people: "What is held about a person"
	Keep  string // such as "8 years"
	From  string // since when it counts: "after the last contact"
	Basis string
	Local bool // a decision of this site, not a rule from outside
}

// A Source is where data comes from.
type Source struct {
	Title, Org, Kind string
}

// A File is one document in one format.
type File struct {
	Name string // such as dpia.html
	Body []byte
}

// pack is the documents in their order, and their titles.
var pack = []struct{ name, title string }{
	{"dpia", "Data protection impact assessment"},
	{"sharing-schedule", "Schedule of what is shared"},
	{"record-of-processing", "Record of processing activities"},
	{"privacy-notice", "Privacy notice"},
	{"clinical-safety-case", "Clinical safety case report and hazard log"},
	{"dspt-evidence", "Evidence for the Data Security and Protection Toolkit"},
}

// Pack writes every document as Markdown and as HTML, and an index of both.
func Pack(s Site) ([]File, error) {
	var out []File
	var index strings.Builder
	fmt.Fprintf(&index, "# Governance pack\n\nMade %s from the live configuration. Build %s, sharing rules %s.\n\n", s.Made.Format("2 January 2006 15:04"), s.Build, s.Rules.Version())
	for _, d := range pack {
		md, err := s.document(d.name)
		if err != nil {
			return nil, err
		}
		out = append(out, File{d.name + ".md", []byte(shown(md))}, File{d.name + ".html", toHTML(d.title, md)})
		fmt.Fprintf(&index, "- [%s](%s.html)\n", d.title, d.name)
	}
	return append(out, File{"index.md", []byte(index.String())}, File{"index.html", toHTML("Governance pack", index.String())}), nil
}

// document fills one document's template.
func (s Site) document(name string) (string, error) {
	text, err := documents.ReadFile("documents/" + name + ".md")
	if err != nil {
		return "", err
	}
	t, err := template.New(name).Option("missingkey=error").Funcs(template.FuncMap{
		"setting": s.setting, "matrix": s.matrix, "rules": s.rules, "agreements": s.agreements, "flows": s.flows,
		"periods": s.periods, "sources": s.sources, "hazards": s.hazards, "summary": s.Hazards.Summary, "organisations": s.organisations,
	}).Parse(string(text))
	if err != nil {
		return "", fmt.Errorf("reading the document %s: %w", name, err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, s); err != nil {
		return "", fmt.Errorf("writing the document %s: %w", name, err)
	}
	return b.String(), nil
}

// setting is the value of a key, a duration in words; a document that names one
// which is not there is wrong.
func (s Site) setting(key string) (string, error) {
	v, ok := s.Settings[key]
	if !ok {
		return "", fmt.Errorf("there is no setting %q", key)
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < time.Minute {
		return v, nil
	}
	var words []string
	for _, u := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		n := d / u.of
		d %= u.of
		switch {
		case n == 1:
			words = append(words, "1 "+u.name)
		case n > 1:
			words = append(words, fmt.Sprintf("%d %ss", n, u.name))
		}
	}
	return strings.Join(words, " "), nil
}

// table is rows as Markdown; the first row is the head.
func table(rows [][]string) string {
	var b strings.Builder
	for i, row := range rows {
		b.WriteString("|")
		for _, c := range row {
			b.WriteString(" " + strings.NewReplacer("|", "/", "\n", " ").Replace(c) + " |")
		}
		b.WriteString("\n")
		if i == 0 {
			b.WriteString(strings.Repeat("|---", len(row)) + "|\n")
		}
	}
	return b.String()
}

// example is the case that the table of roles and sections is asked of: an adult
// in hospital, referred, supported and the client of a provider, with a reason given.
func (s Site) example() policy.Case {
	c := policy.Case{ID: "example", Adult: true, AgeKnown: true, ClientOf: []string{"example-provider"}}
	for _, o := range s.Orgs {
		switch o.Kind {
		case care.Trust:
			c.Hospitals, c.ReferredBy = append(c.Hospitals, string(o.ODS)), append(c.ReferredBy, string(o.ODS))
		case care.Council:
			c.Councils, c.ReferredTo = append(c.Councils, string(o.ODS)), append(c.ReferredTo, string(o.ODS))
		}
	}
	return c
}

// matrix is who may see what, asked of the rules.
func (s Site) matrix() string {
	m := s.Rules.Matrix(s.example())
	if len(m) == 0 {
		return ""
	}
	rows := [][]string{{"May they"}}
	for _, role := range m {
		rows[0] = append(rows[0], role[0].Role.Title())
	}
	for i, cell := range m[0] {
		row := []string{cell.Action.Title()}
		for _, role := range m {
			row = append(row, map[bool]string{true: "Yes", false: "No"}[role[i].Allow])
		}
		rows = append(rows, row)
	}
	return table(rows)
}

func (s Site) rules() string {
	rows := [][]string{{"Rule", "It", "In words", "Ground"}}
	for _, r := range s.Rules.Rules() {
		rows = append(rows, []string{r.ID, map[bool]string{true: "permits", false: "forbids"}[r.Permits], r.Says, or(r.Basis, "None given")})
	}
	return table(rows)
}

func (s Site) name(ods nhs.ODS) string {
	for _, o := range s.Orgs {
		if o.ODS == ods {
			return o.Name
		}
	}
	return string(ods)
}

func (s Site) organisations() string {
	rows := [][]string{{"Organisation", "ODS code", "Kind"}}
	for _, o := range s.Orgs {
		rows = append(rows, []string{o.Name, string(o.ODS), string(o.Kind)})
	}
	return table(rows)
}

// current are the versions that somebody must know of: not those that are over.
func (s Site) current() []sharing.Agreement {
	return slices.DeleteFunc(slices.Clone(s.Agreements), func(a sharing.Agreement) bool {
		return a.State(s.Today) == sharing.StateOver || a.Status == sharing.Draft
	})
}

func (s Site) agreements() string {
	if len(s.current()) == 0 {
		return "There is no sharing agreement: nothing reaches another organisation.\n"
	}
	rows := [][]string{{"Agreement", "Parties", "Purpose", "Legal basis", "From", "To", "State", "Impact assessment", "Signed by"}}
	for _, a := range s.current() {
		var parties, signed []string
		for _, p := range a.Parties {
			parties = append(parties, p.Name)
		}
		for _, g := range a.Signatories {
			signed = append(signed, g.Name+", "+g.Role)
		}
		rows = append(rows, []string{fmt.Sprintf("%s, version %d", a.Title, a.Version), strings.Join(parties, "; "), a.Purpose, a.Basis, a.From.String(), a.To.String(),
			string(a.State(s.Today)), or(a.DPIA, "None named"), or(strings.Join(signed, "; "), "Nobody named")})
	}
	return table(rows)
}

// flows is the schedule of fields: section by section, in each direction.
func (s Site) flows() string {
	if len(s.current()) == 0 {
		return "Nothing flows.\n"
	}
	rows := [][]string{{"Agreement", "State", "From", "To"}}
	for _, x := range sharing.Sections() {
		rows[0] = append(rows[0], string(x))
	}
	for _, a := range s.current() {
		for _, f := range a.Flows {
			row := []string{fmt.Sprintf("%s, version %d", a.Title, a.Version), string(a.State(s.Today)), s.name(f.From), s.name(f.To)}
			for _, x := range sharing.Sections() {
				row = append(row, map[bool]string{true: "Yes", false: "No"}[slices.Contains(f.Sections, x)])
			}
			rows = append(rows, row)
		}
	}
	return table(rows)
}

func (s Site) periods() string {
	rows := [][]string{{"Type of record", "Kept for", "Counted", "Ground", "Decided"}}
	for _, p := range s.Periods {
		rows = append(rows, []string{p.Type, p.Keep, p.From, p.Basis, map[bool]string{true: "Locally", false: "By the source named"}[p.Local]})
	}
	return table(rows)
}

func (s Site) sources() string {
	rows := [][]string{{"Source", "Of", "Kind"}}
	for _, x := range s.Sources {
		rows = append(rows, []string{x.Title, x.Org, x.Kind})
	}
	return table(rows)
}

func or(s, instead string) string {
	if s == "" {
		return instead
	}
	return s
}
