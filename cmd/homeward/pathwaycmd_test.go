package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"homeward/fhir"
	"homeward/form"
	"homeward/translate/r4"
)

// TestPathwayPreview: every field, group and rule of every form is in the text, and
// the page has a control for each field and asks nothing of a server.
func TestPathwayPreview(t *testing.T) {
	_, forms, err := released()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range forms.All() {
		var text, page bytes.Buffer
		previewText(&text, previewOf(p))
		if err := previewHTML(&page, previewOf(p)); err != nil {
			t.Fatal(err)
		}
		see := func(f form.Field) {
			if !strings.Contains(text.String(), "["+f.ID+", ") {
				t.Errorf("%s %d: the text has no field %s", p.ID, p.Version, f.ID)
			}
			if f.Kind != form.Info && !strings.Contains(page.String(), `id="`+f.ID+`"`) && !strings.Contains(page.String(), `name="`+f.ID+`"`) {
				t.Errorf("%s %d: the page has no control for %s", p.ID, p.Version, f.ID)
			}
		}
		for _, g := range p.Pages {
			for _, f := range g.Fields {
				see(f)
			}
			for _, r := range g.Groups {
				for _, f := range r.Fields {
					see(f)
				}
			}
		}
		for _, r := range p.Rules {
			if !strings.Contains(text.String(), r.Message) {
				t.Errorf("%s %d: the text has no rule %s", p.ID, p.Version, r.ID)
			}
		}
		for _, asks := range []string{"<script", "src=", "href=", "<form", "url("} {
			if strings.Contains(page.String(), asks) {
				t.Errorf("%s %d: the page has %s", p.ID, p.Version, asks)
			}
		}
	}
}

func TestPathwayCheckFiles(t *testing.T) {
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.toml"), filepath.Join(dir, "bad.toml")
	text := "id = \"x\"\nversion = 1\ntitle = \"X\"\n[[pages]]\nid = \"one\"\ntitle = \"One\"\n[[pages.fields]]\nid = \"a\"\nlabel = \"A\"\nkind = \"text\"\n"
	for name, s := range map[string]string{good: text, bad: strings.Replace(text, `"text"`, `"colour"`, 1)} {
		if err := os.WriteFile(name, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := checkForms(&out, []string{good}); err != nil || !strings.Contains(out.String(), "1 pages, 1 fields") {
		t.Errorf("a good form: %v, %s", err, out.String())
	}
	if err := checkForms(&out, []string{good, bad}); err == nil || !strings.Contains(out.String(), `kind "colour" is not known`) {
		t.Errorf("a bad form: %v, %s", err, out.String())
	}
}

func TestPathwayImport(t *testing.T) {
	_, forms, err := released()
	if err != nil {
		t.Fatal(err)
	}
	p, _ := forms.Latest("provider-call")
	for _, c := range []struct {
		name, says, err string
		n               *fhir.Node
	}{
		{"form", "This is form provider-call version 1", "", r4.Questionnaire(p)},
		{"answers", "2 answers to form provider-call version 1", "", r4.Response(p, form.Answers{"provider": {"Invented Care"}, "outcome": {"no-answer"}})},
		{"missing", "outcome: Select what happened", "cannot be used", r4.Response(p, form.Answers{"provider": {"Invented Care"}})},
		{"patient", "", "neither a Questionnaire", fhir.Obj("resourceType", "Patient")},
	} {
		raw, err := fhir.Write(c.n, fhir.JSON, fhir.R4)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		err = importForm(&out, forms, raw, false)
		if !strings.Contains(out.String(), c.says) || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v, %s", c.name, err, out.String())
		}
		if strings.Contains(out.String(), "Invented Care") {
			t.Errorf("%s: an answer is printed", c.name)
		}
	}
}
