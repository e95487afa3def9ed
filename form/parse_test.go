package form

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"homeward/pathways"
)

// small is a form that is right; tests break it.
const small = `
id = "small"
version = 1
title = "A small form"
[[pages]]
id = "one"
title = "One"
[[pages.fields]]
id = "consent"
label = "Has the person agreed?"
name = "if the person has agreed"
kind = "choice"
list = "consent"
required = true
[[pages.fields]]
id = "told"
label = "Date told"
kind = "date"
show_when = "consent is Y"
[[pages.fields]]
id = "note"
label = "Note"
kind = "paragraph"
max_lines = 2
max_length = 20
[[pages]]
id = "two"
title = "Two"
start_when = "consent is Y"
[[pages.fields]]
id = "words"
label = "Only words"
kind = "info"
[[pages.fields]]
id = "ward"
label = "Ward"
kind = "text"
required_when = "told is answered"
[[rules]]
id = "past"
require = "told is on or before today"
field = "told"
message = "Check the date told"
[[lists]]
id = "consent"
ours = true
choices = [{ code = "Y", label = "Yes" }, { code = "N", label = "No" }]
`

func TestParseSmall(t *testing.T) {
	p, err := Parse([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	f, ok := p.Field("ward")
	if !ok || f.Name != "the ward" || f.Missing != "Enter the ward" || f.Audience != Partners || p.PageOf("ward") != "two" {
		t.Errorf("ward read as %+v", f)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ name, old, new, says string }{
		{"unknown key", `kind = "text"`, "kind = \"text\"\ncolour = \"red\"", `"pages.fields.colour" is not known`},
		{"unknown key at the top", `version = 1`, "version = 1\nscript = \"x\"", `"script" is not known`},
		{"not TOML", `[[rules]]`, `[[rules`, "reading a form"},
		{"id as a path", `id = "small"`, `id = "../small"`, "small letters"},
		{"no version", "version = 1\n", "", "version must be"},
		{"no title", `title = "A small form"`, "", "title is empty"},
		{"page twice", `id = "two"`, `id = "one"`, `page "one"`},
		{"field twice", `id = "ward"`, `id = "note"`, "used twice"},
		{"field with capitals", `id = "ward"`, `id = "Ward"`, "small letters"},
		{"field named today", `id = "ward"`, `id = "today"`, "small letters"},
		{"kind", `kind = "text"`, `kind = "colour"`, `kind "colour"`},
		{"audience", `kind = "text"`, "kind = \"text\"\naudience = \"all\"", `audience "all"`},
		{"list missing", `list = "consent"`, `list = "other"`, "a list that exists"},
		{"list without choices", `kind = "text"`, "kind = \"text\"\nlist = \"consent\"", "a list that exists"},
		{"list without origin", `ours = true`, ``, "ours = true"},
		{"code twice", `code = "N"`, `code = "Y"`, "new code"},
		{"code of condition", `code = "N"`, `code = "answered"`, "new code"},
		{"label twice", `label = "No"`, `label = "Yes"`, "new label"},
		{"condition on a later field", `consent is Y"`, `ward is answered"`, "comes later"},
		{"condition on no code", `consent is Y"`, `consent is L"`, `"L" is not a choice`},
		{"condition on words", `told is answered`, `words is answered`, "does not exist"},
		{"condition unread", `told is answered`, `told was answered`, "must read like"},
		{"comparison to show", `told is answered`, `told is before today`, "only require"},
		{"comparison of no date", `told is on or before today`, `note is before today`, "not a field with a date"},
		{"rule on no field", "field = \"told\"", "field = \"gone\"", `field "gone"`},
		{"rule without message", `message = "Check the date told"`, "", "message is missing"},
		{"question without a name", `name = "if the person has agreed"`, "", "needs a name"},
		{"required and wanted", `required = true`, "required = true\nwanted = true", "one of required"},
		{"words required", `kind = "info"`, "kind = \"info\"\nrequired = true", "none for info"},
		{"default no answer", `kind = "info"`, "kind = \"date\"\ndefault = \"soon\"", "default"},
		{"prefill", `kind = "text"`, "kind = \"text\"\nprefill = \"ward\"", "dotted"},
		{"lines of no paragraph", `kind = "text"`, "kind = \"text\"\nmax_lines = 2", "max_lines"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad := strings.Replace(small, c.old, c.new, 1)
			if bad == small {
				t.Fatal("the form was not broken")
			}
			_, err := Parse([]byte(bad))
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want one that says %q", err, c.says)
			}
		})
	}
	if _, err := Parse(make([]byte, maxFile+1)); err == nil {
		t.Error("a huge form was read")
	}
}

func TestLoadRefuses(t *testing.T) {
	sum := Sum([]byte(small)) + "  small/1.toml\n"
	file := &fstest.MapFile{Data: []byte(small)}
	sums := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	second := strings.Replace(small, "version = 1", "version = 3", 1)
	for _, c := range []struct {
		name  string
		files fstest.MapFS
		is    error
		says  string
	}{
		{"no sums", fstest.MapFS{"small/1.toml": file}, fs.ErrNotExist, ""},
		{"changed", fstest.MapFS{"small/1.toml": sums(small + "# more\n"), "SUMS": sums(sum)}, ErrSum, "small/1.toml"},
		{"no sum", fstest.MapFS{"small/1.toml": file, "SUMS": sums("")}, ErrSum, "small/1.toml"},
		{"no file", fstest.MapFS{"SUMS": sums(sum)}, fs.ErrNotExist, "small/1.toml"},
		{"bad sums", fstest.MapFS{"SUMS": sums("hello\n")}, nil, "sha256sum"},
		{"sum twice", fstest.MapFS{"small/1.toml": file, "SUMS": sums(sum + sum)}, nil, "sha256sum"},
		{"elsewhere", fstest.MapFS{"other/1.toml": file, "SUMS": sums(strings.Replace(sum, "small", "other", 1))}, nil, "belong to small/1.toml"},
		{"gap", fstest.MapFS{"small/1.toml": file, "small/3.toml": sums(second),
			"SUMS": sums(sum + Sum([]byte(second)) + "  small/3.toml\n")}, nil, "not all there"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(c.files)
			if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v", err)
			}
		})
	}
	l, err := Load(fstest.MapFS{"small/1.toml": file, "SUMS": sums(sum)})
	if err != nil {
		t.Fatal(err)
	}
	if p, ok := l.Latest("small"); !ok || p.Version != 1 || len(l.All()) != 1 {
		t.Error("the small form was not loaded")
	}
	if _, ok := l.Get("small", 2); ok {
		t.Error("a version that does not exist was found")
	}
	if _, ok := l.Latest("other"); ok {
		t.Error("a form that does not exist was found")
	}
}

// FuzzParse: no bytes make Parse panic, and what it reads can be used.
func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	names, err := fs.Glob(pathways.Files, "*/*.toml")
	if err != nil {
		f.Fatal(err)
	}
	for _, n := range names {
		b, err := fs.ReadFile(pathways.Files, n)
		if err != nil {
			f.Fatal(err)
		}
		if len(b) < 8000 { // the big one makes a slow seed and adds nothing
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(b)
		if err != nil {
			return
		}
		a := p.Prefill(nil)
		p.Check(a, nil)
		p.Summary(a)
		p.Score(a)
		for _, g := range p.Pages {
			p.PageStatus(g.ID, a)
		}
	})
}
