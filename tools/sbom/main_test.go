package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// small is a made-up module.
func small() facts {
	return facts{name: "homeward", toolchain: "1.26.0",
		modules: []module{
			{"example.org/b", "v1.0.0", "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", true},
			{"example.org/a", "v2.0.0", "h1:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", false},
		},
		edges:    map[string][]string{"homeward": {"example.org/b", "example.org/a"}, "example.org/b": {"example.org/a"}},
		licences: map[string]string{"example.org/a": "MIT", "example.org/b": "BSD-3-Clause"},
		copied:   []copied{{"nhsuk-frontend", "10.6.1", "MIT", false}},
	}
}

func TestDocument(t *testing.T) {
	var out bytes.Buffer
	if err := write(&out, small(), "1.2.3"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"specVersion": "1.6"`, `"bom-ref": "pkg:golang/homeward@1.2.3"`, `"purl": "pkg:golang/example.org/b@v1.0.0"`,
		`"purl": "pkg:npm/nhsuk-frontend@10.6.1"`, `"name": "std"`, `"scope": "excluded"`, `"content": "` + "01" + strings.Repeat("00", 31) + `"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is not in it", want)
		}
	}
	var back bom
	if err := json.Unmarshal(out.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(back.Dependencies, func(d dependency) bool { return d.Ref == "pkg:golang/example.org/b@v1.0.0" })
	if i < 0 || !slices.Equal(back.Dependencies[i].On, []string{"pkg:golang/example.org/a@v2.0.0"}) {
		t.Errorf("dependencies %+v", back.Dependencies)
	}
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	f := small()
	delete(f.licences, "example.org/a")
	f.modules[0].sum = ""
	err := write(&bytes.Buffer{}, f, "")
	if err == nil || !strings.Contains(err.Error(), "licence of example.org/a") || !strings.Contains(err.Error(), "sum of example.org/b") {
		t.Errorf("said %v", err)
	}
}

// TestOfThisModule writes the document of Homeward itself twice: the bytes are
// the same, each component has a licence, and every reference leads somewhere.
func TestOfThisModule(t *testing.T) {
	var texts [2]bytes.Buffer
	for i := range texts {
		f, err := gather("../..")
		if err != nil {
			t.Fatal(err)
		}
		if err := write(&texts[i], f, ""); err != nil {
			t.Fatal(err)
		}
	}
	if texts[0].String() != texts[1].String() {
		t.Error("two documents of one tree differ")
	}
	var b bom
	if err := json.Unmarshal(texts[0].Bytes(), &b); err != nil {
		t.Fatal(err)
	}
	refs := map[string]string{b.Metadata.Component.Ref: "required"}
	for _, c := range b.Components {
		if refs[c.Ref] != "" || len(c.Licences) != 1 || c.Licences[0].Licence.ID == "" || c.Version == "" {
			t.Errorf("%s stands twice, or without a licence or a version", c.Ref)
		}
		refs[c.Ref] = c.Scope
	}
	for _, d := range b.Dependencies {
		for _, ref := range append(d.On, d.Ref) {
			if refs[ref] == "" {
				t.Errorf("%s leads nowhere", ref)
			}
		}
	}
	scopes := map[string]string{"modernc.org/sqlite": "required", "std": "required", "nhsuk-frontend": "required", "pgregory.net/rapid": "excluded", "axe-core": "excluded"}
	for _, c := range b.Components {
		if want, ok := scopes[c.Name]; ok && c.Scope != want {
			t.Errorf("%s is %s", c.Name, c.Scope)
		}
		delete(scopes, c.Name)
	}
	if len(scopes) > 0 {
		t.Errorf("missing: %v", scopes)
	}
}
