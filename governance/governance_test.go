package governance

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"homeward/care"
	"homeward/nhs"
	"homeward/policies"
	"homeward/policy"
	"homeward/safety"
	"homeward/sharing"
)

// tree is what references can point to: everything there is.
type tree struct {
	rules, tests, stories, settings map[string]bool
}

// has reports what is wrong with a reference; "" when it points to something.
func (t tree) has(r Ref) string {
	if err := r.check(); err != nil {
		return err.Error()
	}
	kind, name := r.Split()
	there := true
	switch kind {
	case "rule":
		there = t.rules[name]
	case "test":
		there = t.tests[name]
	case "story":
		there = t.stories[name]
	case "setting":
		there = t.settings[name]
	case "doc":
		_, err := os.Stat(filepath.Join("..", filepath.FromSlash(name)))
		there = err == nil
	}
	if !there {
		return "there is no " + string(r)
	}
	return ""
}

func grow(t *testing.T) tree {
	t.Helper()
	g := tree{rules: map[string]bool{}, tests: map[string]bool{}, stories: map[string]bool{}, settings: map[string]bool{}}
	for _, r := range ruleSet(t).Rules() {
		g.rules[r.ID] = true
	}
	testForm := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)[A-Za-z0-9_]+)\(`)
	err := filepath.WalkDir("..", func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != "..":
			return filepath.SkipDir
		case strings.HasSuffix(path, "_test.go"):
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			dir, err := filepath.Rel("..", filepath.Dir(path))
			if err != nil {
				return err
			}
			for _, m := range testForm.FindAllSubmatch(text, -1) {
				g.tests[filepath.ToSlash(dir)+"."+string(m[1])] = true
			}
		case filepath.Base(filepath.Dir(path)) == "stories" && strings.HasSuffix(path, ".txt"):
			g.stories[strings.TrimSuffix(d.Name(), ".txt")] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	g.readSettings(t)
	if len(g.tests) < 500 || len(g.stories) < 10 || len(g.settings) < 30 {
		t.Fatalf("only %d tests, %d stories and %d settings were found", len(g.tests), len(g.stories), len(g.settings))
	}
	return g
}

// readSettings reads the keys of the configuration from its struct tags.
func (g tree) readSettings(t *testing.T) {
	t.Helper()
	structs := map[string]*ast.StructType{}
	files, err := filepath.Glob("../cmd/homeward/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if ts, ok := n.(*ast.TypeSpec); ok {
				if st, ok := ts.Type.(*ast.StructType); ok {
					structs[ts.Name.Name] = st
				}
			}
			return true
		})
	}
	var walk func(name, prefix string)
	walk = func(name, prefix string) {
		for _, f := range structs[name].Fields.List {
			if f.Tag == nil {
				continue
			}
			key := reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("toml")
			if key == "" {
				continue
			}
			typ := f.Type
			if a, ok := typ.(*ast.ArrayType); ok {
				typ = a.Elt
			}
			if id, ok := typ.(*ast.Ident); ok && structs[id.Name] != nil && strings.HasSuffix(id.Name, "Config") {
				walk(id.Name, prefix+key+".")
				continue
			}
			g.settings[prefix+key] = true
		}
	}
	walk("Config", "")
}

func ruleSet(t *testing.T) *policy.Set {
	t.Helper()
	rules, err := policies.Files.ReadFile("sharing.cedar")
	if err != nil {
		t.Fatal(err)
	}
	schema, err := policies.Files.ReadFile("sharing.cedarschema")
	if err != nil {
		t.Fatal(err)
	}
	set, err := policy.Load(rules, schema)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func hazardLog(t *testing.T) Log {
	t.Helper()
	l, err := ReadLog(safety.Hazards)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestEveryStatementPointsToWhatMakesItTrue(t *testing.T) {
	g := grow(t)
	claims, err := Claims()
	if err != nil {
		t.Fatal(err)
	}
	if len(claims) < 60 {
		t.Fatalf("only %d statements", len(claims))
	}
	for _, c := range claims {
		if len(c.By) == 0 {
			t.Errorf("%s:%d: nothing makes this true: %s", c.Document, c.Line, c.Text)
		}
		for _, r := range c.By {
			if problem := g.has(r); problem != "" {
				t.Errorf("%s:%d: %s", c.Document, c.Line, problem)
			}
		}
	}
}

func TestEveryHazardsControlsAreThere(t *testing.T) {
	g, l := grow(t), hazardLog(t)
	if len(l.Hazards) < 30 {
		t.Errorf("only %d hazards", len(l.Hazards))
	}
	for _, h := range l.Hazards {
		for _, c := range h.Controls {
			for _, r := range c.By {
				if problem := g.has(r); problem != "" {
					t.Errorf("hazard %s: %s", h.ID, problem)
				}
			}
		}
	}
}

// TestSecurityPagesPointToWhatStandsAgainstEachThreat reads the pages for those
// who look after security, which use the same references.
func TestSecurityPagesPointToWhatStandsAgainstEachThreat(t *testing.T) {
	g := grow(t)
	for name, least := range map[string]int{"threats.md": 30, "asvs.md": 200} {
		text, err := os.ReadFile(filepath.Join("..", "docs", "security", name))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for i, line := range strings.Split(string(text), "\n") {
			for _, m := range markForm.FindAllStringSubmatch(line, -1) {
				n++
				for _, f := range strings.Fields(m[1]) {
					if problem := g.has(Ref(f)); problem != "" {
						t.Errorf("%s:%d: %s", name, i+1, problem)
					}
				}
			}
		}
		if n < least {
			t.Errorf("%s has only %d references", name, n)
		}
	}
}

func TestAReferenceToNothingIsFound(t *testing.T) {
	g := grow(t)
	for _, r := range []Ref{"rule:no-such-rule", "test:hub.TestThatNobodyWrote", "story:none", "setting:limits.nothing", "doc:docs/none.md", "promise:ours", "test:TestWithoutAFolder"} {
		if g.has(r) == "" {
			t.Errorf("%s points to something", r)
		}
	}
	for _, r := range []Ref{"rule:hospital-never", "story:barbara", "setting:limits.idle", "doc:README.md", "local", "agreements"} {
		if problem := g.has(r); problem != "" {
			t.Error(problem)
		}
	}
}

func TestHazardLogRefuses(t *testing.T) {
	good := "[matrix]\nseverities=[\"a\"]\nlikelihoods=[\"low\",\"high\"]\nratings=[[1],[3]]\nacceptable=2\n[[hazard]]\nid=\"H1\"\ntitle=\"T\"\nharm=\"H\"\ncauses=[\"c\"]\nseverity=\"a\"\nbefore=\"high\"\nafter=\"low\"\ncontrols=[{says=\"s\",by=[\"local\"]}]\n"
	if _, err := ReadLog([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for change, want := range map[[2]string]string{
		{`severity="a"`, `severity="b"`}:       "words of the matrix",
		{`after="low"`, `after="high"`}:        "accepted",
		{`causes=["c"]`, `causes=[]`}:          "cause",
		{`by=["local"]`, `by=[]`}:              "by what",
		{`by=["local"]`, `by=["us"]`}:          "no reference",
		{`title="T"`, `titel="T"`}:             "not known",
		{`ratings=[[1],[3]]`, `ratings=[[1]]`}: "row of ratings",
		{`before="high"`, `before="low"`}:      "",
	} {
		_, err := ReadLog([]byte(strings.Replace(good, change[0], change[1], 1)))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v: %v", change, err)
		}
	}
}

func site(t *testing.T) Site {
	day := nhs.Date{Year: 2026, Month: 11, Day: 22}
	settings := map[string]string{}
	for k := range grow(t).settings {
		settings[k] = "10m"
	}
	return Site{Made: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), Today: day, Build: "test", Rules: ruleSet(t), Settings: settings, Hazards: hazardLog(t),
		Orgs: []care.Org{{ODS: "RK5", Name: "King’s Mill Hospital", Kind: care.Trust}, {ODS: "511", Name: "Nottinghamshire | County <Council>", Kind: care.Council}},
		Agreements: []sharing.Agreement{{ID: "a", Version: 1, Title: "Home from hospital", Parties: []sharing.Party{{ODS: "RK5", Name: "King’s Mill"}, {ODS: "511", Name: "The council"}},
			Purpose: "Direct care", Basis: "UK GDPR 6(1)(e)", From: nhs.Date{Year: 2026, Month: 1, Day: 1}, To: nhs.Date{Year: 2027, Month: 1, Day: 1}, Status: sharing.Agreed,
			Flows: []sharing.Flow{{From: "511", To: "RK5", Sections: []sharing.Section{sharing.Packages, sharing.Provider}}}}},
		Periods: []Period{{Type: "What is held about a person", Keep: "8 years", From: "after the last contact", Basis: "Records Management Code of Practice", Local: true}},
		Sources: []Source{{Title: "King’s Mill EPR", Org: "King’s Mill Hospital", Kind: "HL7 v2"}}}
}

func TestPackIsWholeInBothForms(t *testing.T) {
	files, err := Pack(site(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 2*(len(pack)+1) {
		t.Errorf("%d files", len(files))
	}
	for _, f := range files {
		text := string(f.Body)
		if strings.Contains(text, "{rule") || strings.Contains(text, "{test") || strings.Contains(text, "{{") || strings.Contains(text, "<no value>") {
			t.Errorf("%s holds what should have been filled in", f.Name)
		}
		if strings.HasSuffix(f.Name, ".html") {
			doc, err := html.Parse(strings.NewReader(text))
			if err != nil || doc == nil {
				t.Error(f.Name, err)
			}
			if strings.Count(text, "<h1>") != 1 || strings.Contains(text, "<Council>") {
				t.Errorf("%s: headings or escaping", f.Name)
			}
		}
	}
	text := func(name string) string {
		for _, f := range files {
			if f.Name == name {
				return string(f.Body)
			}
		}
		t.Fatalf("no %s", name)
		return ""
	}
	for name, want := range map[string][]string{
		"dpia.html":                 {"<strong>Somebody reads about a person", "rule <code>hospital-never</code>", "Home from hospital, version 1", "<td>8 years</td>"},
		"sharing-schedule.md":       {"| Home from hospital, version 1 | in force | Nottinghamshire / County <Council> | King’s Mill Hospital | No | No | Yes | Yes |"},
		"clinical-safety-case.html": {"<h3>H01 The wrong person", "<blockquote>"},
		"index.html":                {`<a href="dpia.html">`},
	} {
		for _, w := range want {
			if !strings.Contains(text(name), w) {
				t.Errorf("%s does not say %q", name, w)
			}
		}
	}
}

func TestTheDocumentsTellWhatIsSwitchedOffHere(t *testing.T) {
	s := site(t)
	for key, words := range map[string][2]string{
		"encryption.at_rest":   {"on", "is switched off at this site"},
		"audit.checkpoints":    {"/mnt/checkpoints", "no folder elsewhere is set"},
		"signin.second_factor": {"required", "no second factor is required"},
	} {
		for value, want := range map[string]bool{words[0]: false, "": true} {
			s.Settings[key] = value
			text, err := s.document("dpia")
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(strings.ToLower(text), words[1]) != want {
				t.Errorf("%s = %q: that %q is said should be %t", key, value, words[1], want)
			}
		}
	}
	s.Settings["limits.absolute"] = "12h30m"
	if text, _ := s.document("dpia"); !strings.Contains(text, "after 12 hours 30 minutes in any case") {
		t.Error("a duration is not in words")
	}
}

func TestADocumentThatNamesNoSettingIsWrong(t *testing.T) {
	s := site(t)
	delete(s.Settings, "limits.idle")
	if _, err := Pack(s); err == nil || !strings.Contains(err.Error(), "limits.idle") {
		t.Error(err)
	}
}
