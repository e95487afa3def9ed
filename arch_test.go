// Package homeward_test holds the repository to the shape that ARCHITECTURE.md
// describes. It reads source and documents only; it builds and runs nothing.
package homeward_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

const module = "homeward"

// A rule looks at the tree and says what breaks it, one sentence a place.
type rule struct {
	name  string
	check func(layout, tree) []string
}

var rules = []rule{
	{"every Go file parses", parses},
	{"imports follow the table", importsFollowTable},
	{"every package is in the table", everyPackageInTable},
	{"only hub and cmd import store", onlyHubImportsStore},
	{"test packages serve tests only", testPackagesServeTests},
	{"pure packages are pure", purePackagesArePure},
	{"no init functions", noInit},
	{"functions fit on two screens", functionsAreShort},
	{"packages say what they are", packagesSayWhatTheyAre},
	{"packages are named for something", packagesAreNamed},
	{"nothing is left open", nothingLeftOpen},
	{"no machine's paths", noMachinePaths},
	{"no Go at the root", noGoAtRoot},
	{"dependencies are acknowledged", dependenciesAcknowledged},
}

func TestArchitecture(t *testing.T) {
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	l, err := readLayout(string(text))
	if err != nil {
		t.Fatal(err)
	}
	files, err := readTree(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			for _, complaint := range r.check(l, files) {
				t.Error(complaint)
			}
		})
	}
}

// A row is one package of ARCHITECTURE.md's table.
type row struct {
	imports []string // own packages, by path from the root; ["all"]
	kind    string   // "pure", "data", "tool", "test" or ""
}

// A layout is the table, by package.
type layout map[string]row

// readLayout finds the table by its heading and reads its rows.
func readLayout(text string) (layout, error) {
	_, after, found := strings.Cut(text, "| package | what it is | may import | kind |\n")
	if !found {
		return nil, fmt.Errorf("ARCHITECTURE.md has no table headed: package, what it is, may import, kind")
	}
	l := layout{}
	for line := range strings.Lines(after) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if strings.HasPrefix(line, "|--") {
			continue
		}
		if len(cells) != 4 {
			return nil, fmt.Errorf("ARCHITECTURE.md: a row of the table has %d cells, not 4: %s", len(cells), line)
		}
		name := strings.Trim(strings.TrimSpace(cells[0]), "`")
		if _, twice := l[name]; twice {
			return nil, fmt.Errorf("ARCHITECTURE.md: the table has %s twice", name)
		}
		r := row{kind: strings.TrimSpace(cells[3])}
		if may := strings.TrimSpace(cells[2]); may != "—" {
			r.imports = strings.Fields(may)
		}
		l[name] = r
	}
	for name, r := range l {
		for _, imp := range r.imports {
			if _, known := l[imp]; !known && imp != "all" {
				return nil, fmt.Errorf("ARCHITECTURE.md: %s may import %s, which has no row", name, imp)
			}
		}
	}
	return l, nil
}

// rowOf gives the row of a package, or of the nearest folder above that has one.
func (l layout) rowOf(pkg string) (name string, r row, ok bool) {
	for name = pkg; name != "." && name != ""; name = path.Dir(name) {
		if r, ok = l[name]; ok {
			return name, r, true
		}
	}
	return "", row{}, false
}

// may reports whether a package may import another one of ours.
func (l layout) may(pkg, imported string) bool {
	name, r, ok := l.rowOf(pkg)
	if !ok {
		return false
	}
	target, _, _ := l.rowOf(imported)
	switch {
	case pkg != name && target == name: // a folder below and the row it lives under
		return true
	case slices.Contains(r.imports, "all"):
		return !strings.HasPrefix(imported, "internal/") || r.kind == "tool"
	default:
		return slices.Contains(r.imports, target)
	}
}

// A file is one file of the repository, and its syntax if it is Go.
type file struct {
	path string // from the root, with slashes
	text string
	pos  *token.FileSet
	ast  *ast.File // nil unless Go that parses
	err  error     // why Go does not parse
}

func (f file) pkg() string  { return path.Dir(f.path) }
func (f file) isGo() bool   { return strings.HasSuffix(f.path, ".go") }
func (f file) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }
func (f file) at(p token.Pos) string {
	return fmt.Sprintf("%s:%d", f.path, f.pos.Position(p).Line)
}

// A tree is the repository's text.
type tree []file

// code gives the Go files that parse and are no tests.
func (t tree) code() (out tree) {
	for _, f := range t {
		if f.ast != nil && !f.isTest() {
			out = append(out, f)
		}
	}
	return out
}

// readTree reads all text but what others wrote (testdata, vendored files).
func readTree(root fs.FS) (tree, error) {
	var t tree
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains([]string{".git", "testdata", "vendor", "node_modules", "bin", "dist"}, d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		text, err := fs.ReadFile(root, p)
		if err != nil {
			return fmt.Errorf("reading %s: %w", p, err)
		}
		if !d.Type().IsRegular() || len(text) > 1<<20 || !utf8.Valid(text) {
			return nil
		}
		t = append(t, newFile(filepath.ToSlash(p), string(text)))
		return nil
	})
	return t, err
}

func newFile(p, text string) file {
	f := file{path: p, text: text, pos: token.NewFileSet()}
	if f.isGo() {
		f.ast, f.err = parser.ParseFile(f.pos, p, text, parser.ParseComments)
		if f.err != nil {
			f.ast = nil
		}
	}
	return f
}

// ownImports gives the packages of this module that a file imports.
func (f file) ownImports() (out []string) {
	for _, spec := range f.ast.Imports {
		if own, ok := strings.CutPrefix(importPath(spec), module+"/"); ok {
			out = append(out, own)
		}
	}
	return out
}

func importPath(spec *ast.ImportSpec) string {
	p, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return spec.Path.Value // the parser let it pass, so no rule of ours is about it
	}
	return p
}

func parses(_ layout, t tree) (out []string) {
	for _, f := range t {
		if f.err != nil {
			out = append(out, fmt.Sprintf("%s: %v", f.path, f.err))
		}
	}
	return out
}

func importsFollowTable(l layout, t tree) (out []string) {
	for _, f := range t.code() {
		for _, imp := range f.ownImports() {
			if _, _, known := l.rowOf(f.pkg()); known && !l.may(f.pkg(), imp) {
				out = append(out, fmt.Sprintf("%s: %s may not import %s (the table in ARCHITECTURE.md)", f.path, f.pkg(), imp))
			}
		}
	}
	return out
}

func everyPackageInTable(l layout, t tree) (out []string) {
	for _, pkg := range t.packages() {
		if _, _, known := l.rowOf(pkg); !known {
			out = append(out, fmt.Sprintf("package %s has no row in the table of ARCHITECTURE.md", pkg))
		}
	}
	return out
}

// packages gives the folders that hold Go, but the root.
func (t tree) packages() (out []string) {
	for _, f := range t {
		if f.isGo() && f.pkg() != "." && !slices.Contains(out, f.pkg()) {
			out = append(out, f.pkg())
		}
	}
	return out
}

// onlyHubImportsStore holds even if somebody edits the table.
func onlyHubImportsStore(_ layout, t tree) (out []string) {
	for _, f := range t.code() {
		top, _, _ := strings.Cut(f.pkg(), "/")
		if slices.Contains([]string{"hub", "cmd", "store", "tools"}, top) {
			continue
		}
		for _, imp := range f.ownImports() {
			if imp == "store" || strings.HasPrefix(imp, "store/") {
				out = append(out, fmt.Sprintf("%s imports store; personal data is reached only through hub", f.path))
			}
		}
	}
	return out
}

func testPackagesServeTests(l layout, t tree) (out []string) {
	for _, f := range t.code() {
		if _, r, _ := l.rowOf(f.pkg()); r.kind == "test" || r.kind == "tool" {
			continue
		}
		for _, imp := range f.ownImports() {
			if _, r, _ := l.rowOf(imp); r.kind == "test" || r.kind == "tool" {
				out = append(out, fmt.Sprintf("%s imports %s, which is not part of the product", f.path, imp))
			}
		}
	}
	return out
}

// impureImports are packages through which the world gets in; impureCalls are
// the functions of time that read the clock. mllp is given connections, whose
// deadlines are instants, so it may use net and ask the time.
var (
	impureImports = []string{
		"net", "net/http", "database/sql", "os", "os/exec", "os/signal", "os/user", "syscall",
		"math/rand", "math/rand/v2", "crypto/rand", "log", "runtime", "path/filepath",
		"github.com/jackc/pgx/v5", "modernc.org/sqlite",
	}
	impureCalls   = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer"}
	impureAllowed = map[string][]string{"mllp": {"net", "os", "time.Now", "time.NewTimer"}}
)

func purePackagesArePure(l layout, t tree) (out []string) {
	for _, f := range t.code() {
		name, r, _ := l.rowOf(f.pkg())
		if r.kind != "pure" {
			continue
		}
		for _, spec := range f.ast.Imports {
			imp := importPath(spec)
			if slices.Contains(impureImports, imp) && !slices.Contains(impureAllowed[name], imp) {
				out = append(out, fmt.Sprintf("%s: pure package %s imports %s", f.at(spec.Pos()), f.pkg(), imp))
			}
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, ok := sel.X.(*ast.Ident)
			call := "time." + sel.Sel.Name
			if ok && x.Name == "time" && slices.Contains(impureCalls, sel.Sel.Name) && !slices.Contains(impureAllowed[name], call) {
				out = append(out, fmt.Sprintf("%s: pure package %s uses %s; take the time as an argument", f.at(sel.Pos()), f.pkg(), call))
			}
			return true
		})
	}
	return out
}

// functions gives each function of the code that has a body.
func (t tree) functions(each func(file, *ast.FuncDecl)) {
	for _, f := range t.code() {
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
				each(f, fn)
			}
		}
	}
}

func noInit(_ layout, t tree) (out []string) {
	t.functions(func(f file, fn *ast.FuncDecl) {
		if fn.Recv == nil && fn.Name.Name == "init" {
			out = append(out, fmt.Sprintf("%s: an init function; have its work done by whoever needs it", f.at(fn.Pos())))
		}
	})
	return out
}

const longest = 100 // lines of a function

func functionsAreShort(_ layout, t tree) (out []string) {
	t.functions(func(f file, fn *ast.FuncDecl) {
		lines := f.pos.Position(fn.End()).Line - f.pos.Position(fn.Pos()).Line + 1
		if lines > longest && !isTable(fn) {
			out = append(out, fmt.Sprintf("%s: %s has %d lines, more than %d", f.at(fn.Pos()), fn.Name.Name, lines, longest))
		}
	})
	return out
}

// isTable reports whether a function only returns a literal.
func isTable(fn *ast.FuncDecl) bool {
	if len(fn.Body.List) != 1 {
		return false
	}
	ret, ok := fn.Body.List[0].(*ast.ReturnStmt)
	if !ok || len(ret.Results) != 1 {
		return false
	}
	_, ok = ret.Results[0].(*ast.CompositeLit)
	return ok
}

func packagesSayWhatTheyAre(_ layout, t tree) (out []string) {
	said := map[string]bool{}
	for _, f := range t.code() {
		said[f.pkg()] = said[f.pkg()] || f.ast.Doc != nil && len(strings.Fields(f.ast.Doc.Text())) > 8
	}
	for _, f := range t.code() {
		if !said[f.pkg()] {
			said[f.pkg()] = true
			out = append(out, fmt.Sprintf("package %s has no comment that says what it is and what it does not do", f.pkg()))
		}
	}
	return out
}

var emptyNames = []string{"util", "utils", "common", "helper", "helpers", "manager", "service", "services", "base", "misc", "shared"}

func packagesAreNamed(_ layout, t tree) (out []string) {
	for _, pkg := range t.packages() {
		if slices.Contains(emptyNames, path.Base(pkg)) {
			out = append(out, fmt.Sprintf("package %s is named after nothing; name it after what it holds", pkg))
		}
	}
	return out
}

var openEnd = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b`)

func nothingLeftOpen(_ layout, t tree) (out []string) {
	for _, f := range t {
		if f.ast == nil {
			continue
		}
		for _, group := range f.ast.Comments {
			if word := openEnd.FindString(group.Text()); word != "" {
				out = append(out, fmt.Sprintf("%s: %s in a comment; do it or file it", f.at(group.Pos()), word))
			}
		}
	}
	return out
}

// machinePath is a path that exists on the machine of whoever wrote it. The
// words are cut in two so that this file does not break its own rule.
var machinePath = regexp.MustCompile(`(?m)(?:^|[^\w.-])(/tm` + `p/|/wor` + `k/(?:main|shared|\.)|/far` + `m/|/roo` + `t/|/hom` + `e/[a-z])`)

func noMachinePaths(_ layout, t tree) (out []string) {
	for _, f := range t {
		if at := machinePath.FindStringSubmatchIndex(f.text); at != nil {
			line := 1 + strings.Count(f.text[:at[2]], "\n")
			out = append(out, fmt.Sprintf("%s:%d: %s is a path of one machine", f.path, line, f.text[at[2]:at[3]]))
		}
	}
	return out
}

func noGoAtRoot(_ layout, t tree) (out []string) {
	for _, f := range t {
		if f.isGo() && f.pkg() == "." && f.path != "arch_test.go" {
			out = append(out, fmt.Sprintf("%s: Go files live in packages, not at the root", f.path))
		}
	}
	return out
}

var required = regexp.MustCompile(`(?m)^(?:require )?\s*([a-z0-9.-]+\.[a-z]+(?:/[^\s]*)?) v[0-9]`)

func dependenciesAcknowledged(_ layout, t tree) (out []string) {
	text := map[string]string{}
	for _, f := range t {
		text[f.path] = f.text
	}
	for _, m := range required.FindAllStringSubmatch(text["go.mod"], -1) {
		if !strings.Contains(text["THIRD_PARTY.md"], "| "+m[1]+" |") {
			out = append(out, fmt.Sprintf("THIRD_PARTY.md does not name %s, which go.mod requires", m[1]))
		}
	}
	return out
}

const sampleTable = "| package | what it is | may import | kind |\n|---|---|---|---|\n" +
	"| `nhs` | a | — | pure |\n| `mllp` | b | — | pure |\n| `care` | c | nhs | pure |\n| `store` | d | care | |\n" +
	"| `hub` | e | care store | |\n| `web` | f | hub web/ui | |\n| `web/ui` | g | nhs | |\n| `connect` | h | care | |\n" +
	"| `cmd/homeward` | i | all | |\n| `tools` | j | all | tool |\n| `internal/pgtest` | k | — | test |\n\nMore text.\n"

// good is a small tree that breaks no rule.
var good = map[string]string{
	"nhs/nhs.go":            doc + "package nhs\n\nimport \"time\"\n\nfunc Day(t time.Time) int { return t.Day() }\n",
	"mllp/mllp.go":          doc + "package mllp\n\nimport (\n\t\"net\"\n\t\"time\"\n)\n\nfunc Soon(c net.Conn) error { return c.SetDeadline(time.Now()) }\n",
	"care/care.go":          doc + "package care\n\nimport _ \"homeward/nhs\"\n",
	"care/care_test.go":     "package care\n\nimport _ \"homeward/internal/pgtest\"\n\nfunc init() {}\n",
	"store/store.go":        doc + "package store\n\nimport _ \"homeward/care\"\n",
	"hub/hub.go":            doc + "package hub\n\nimport _ \"homeward/store\"\n",
	"web/web.go":            doc + "package web\n\nimport _ \"homeward/web/ui\"\n",
	"web/ui/ui.go":          doc + "package ui\n\nimport _ \"homeward/nhs\"\n",
	"connect/slow/slow.go":  doc + "package slow\n\nimport (\n\t_ \"homeward/care\"\n\t_ \"homeward/connect\"\n)\n",
	"connect/connect.go":    doc + "package connect\n\nfunc Table() []int {\n\treturn []int{" + strings.Repeat("\n\t\t1,", 120) + "\n\t}\n}\n",
	"cmd/homeward/main.go":  doc + "package main\n\nimport _ \"homeward/store\"\n",
	"tools/load/main.go":    doc + "package main\n\nimport _ \"homeward/internal/pgtest\"\n",
	"internal/pgtest/pg.go": doc + "package pgtest\n",
	"arch_test.go":          "package homeward_test\n",
	"go.mod":                "module homeward\n\ngo 1.26.0\n\nrequire (\n\texample.org/a/v2 v2.0.1\n\texample.org/b v0.1.0 // indirect\n)\n",
	"THIRD_PARTY.md":        "| example.org/a/v2 | x | MIT |\n| example.org/b | y | MIT |\n",
	"README.md":             "See https://example.org/tm" + "p/ and GET /work.\n",
}

const doc = "// Package sample is here so that the rules have something to read.\n"

func sample(changes map[string]string) (t tree) {
	all := map[string]string{}
	for p, text := range good {
		all[p] = text
	}
	for p, text := range changes {
		all[p] = text
	}
	for p, text := range all {
		t = append(t, newFile(p, text))
	}
	return t
}

func TestGoodTreeBreaksNoRule(t *testing.T) {
	l, err := readLayout(sampleTable)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		if got := r.check(l, sample(nil)); len(got) != 0 {
			t.Errorf("%s: %v", r.name, got)
		}
	}
}

// TestEveryRuleCanFail changes one file of the good tree and wants the rule, by
// its name, to say so.
func TestEveryRuleCanFail(t *testing.T) {
	l, err := readLayout(sampleTable)
	if err != nil {
		t.Fatal(err)
	}
	breaks := []struct{ rule, path, text, says string }{
		{"every Go file parses", "nhs/x.go", "package nhs\nfunc {", "expected"},
		{"imports follow the table", "nhs/x.go", "package nhs\nimport _ \"homeward/care\"", "nhs may not import care"},
		{"imports follow the table", "web/ui/x.go", "package ui\nimport _ \"homeward/hub\"", "web/ui may not import hub"},
		{"imports follow the table", "connect/slow/x.go", "package slow\nimport _ \"homeward/nhs\"", "may not import nhs"},
		{"every package is in the table", "billing/x.go", "package billing", "package billing has no row"},
		{"only hub and cmd import store", "web/x.go", "package web\nimport _ \"homeward/store\"", "only through hub"},
		{"test packages serve tests only", "cmd/homeward/x.go", "package main\nimport _ \"homeward/internal/pgtest\"", "not part of the product"},
		{"pure packages are pure", "care/x.go", "package care\nimport \"time\"\nvar a = time.Now", "uses time.Now"},
		{"pure packages are pure", "care/x.go", "package care\nimport _ \"os\"", "imports os"},
		{"pure packages are pure", "care/x.go", "package care\nimport _ \"crypto/rand\"", "imports crypto/rand"},
		{"pure packages are pure", "care/x.go", "package care\nimport _ \"net\"", "imports net"},
		{"pure packages are pure", "mllp/x.go", "package mllp\nimport _ \"database/sql\"", "imports database/sql"},
		{"no init functions", "web/x.go", "package web\nfunc init() {}", "init"},
		{"functions fit on two screens", "web/x.go", "package web\nfunc Long() {" + strings.Repeat("\n\tprintln()", 100) + "\n}", "Long has 102 lines"},
		{"packages say what they are", "hub/hub.go", "// Package hub.\npackage hub", "package hub has no comment"},
		{"packages are named for something", "web/util/x.go", doc + "package util", "named after nothing"},
		{"nothing is left open", "web/x.go", "package web\n// TO" + "DO: later", "do it or file it"},
		{"no machine's paths", "README.md", "Run it in /tm" + "p/x.", "README.md:1"},
		{"no machine's paths", "web/x.go", "package web\nconst a = \"/wor" + "k/main\"", "path of one machine"},
		{"dependencies are acknowledged", "THIRD_PARTY.md", "| example.org/a/v2 | x | MIT |\n", "does not name example.org/b"},
		{"no Go at the root", "main.go", doc + "package main", "not at the root"},
	}
	tried := map[string]bool{}
	for _, b := range breaks {
		tried[b.rule] = true
		i := slices.IndexFunc(rules, func(r rule) bool { return r.name == b.rule })
		if i < 0 {
			t.Fatalf("no rule %q", b.rule)
		}
		got := rules[i].check(l, sample(map[string]string{b.path: b.text}))
		if len(got) != 1 || !strings.Contains(got[0], b.says) {
			t.Errorf("%s, with %s: %q, want one complaint with %q", b.rule, b.path, got, b.says)
		}
	}
	for _, r := range rules {
		if !tried[r.name] {
			t.Errorf("nothing shows that the rule %q can fail", r.name)
		}
	}
}

func TestLayoutRefusesNonsense(t *testing.T) {
	const head = "| package | what it is | may import | kind |\n|---|---|---|---|\n"
	for text, want := range map[string]string{
		"no table":                 "has no table",
		head + "| `a` | x | — |\n": "3 cells",
		head + "| `a` | x | — | |\n| `a` | x | — | |\n": "twice",
		head + "| `a` | x | nowhere | |\n":              "nowhere, which has no row",
	} {
		if _, err := readLayout(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}
