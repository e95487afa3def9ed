package pathways_test

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"homeward/form"
	"homeward/pathways"
)

// TestSumsAreFresh fails when a released form was changed, and when a new one
// has no sum yet.
func TestSumsAreFresh(t *testing.T) {
	b, err := fs.ReadFile(pathways.Files, "SUMS")
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(pathways.Files, "*/*.toml")
	if err != nil || len(names) < 4 {
		t.Fatalf("forms: %v, %v", names, err)
	}
	for _, name := range names {
		f, err := fs.ReadFile(pathways.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("%s  %s\n", form.Sum(f), name)
		switch {
		case strings.Contains(string(b), line):
		case strings.Contains(string(b), "  "+name+"\n"):
			t.Errorf("%s was changed after its release. Put it back and add the change as the next version, then run\n\tcd pathways && sha256sum */*.toml > SUMS", name)
		default:
			t.Errorf("%s is not in SUMS. Run\n\tcd pathways && sha256sum */*.toml > SUMS", name)
		}
	}
	if !t.Failed() && strings.Count(string(b), "\n") != len(names) {
		t.Error("SUMS has lines that belong to no form. Run\n\tcd pathways && sha256sum */*.toml > SUMS")
	}
}

func TestLoads(t *testing.T) {
	lib, err := form.Load(pathways.Files)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"d2a", "d2a-withdraw", "d2a-return", "provider-call", "hospital-assessment", "care-act-assessment", "carer-conversation", "trusted-assessment"} {
		if _, ok := lib.Latest(id); !ok {
			t.Errorf("no pathway %s", id)
		}
	}
}

// unwanted are words that screens do not use. Hospital wording of a standard
// goes to display, which the people filling in a form do not see.
var unwanted = regexp.MustCompile(`(?i)\b(please|should|invalid|patients?|failed|service user|elderly|frail|e\.g\.|i\.e\.|etc)\b`)

// begins is how an error text tells what to do.
var begins = regexp.MustCompile(`^(Enter|Select|Check|Remove|Clear) | must be `)

func TestWords(t *testing.T) {
	lib, err := form.Load(pathways.Files)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range lib.All() {
		see := func(where, text string) {
			if w := unwanted.FindString(text); w != "" {
				t.Errorf("%s %d: %s: %q is not a word for screens", p.ID, p.Version, where, w)
			}
		}
		see("title", p.Title+" "+p.Description)
		for _, g := range p.Pages {
			see(g.ID, g.Title+" "+g.Hint)
			fields := g.Fields
			for _, r := range g.Groups {
				see(r.ID, r.Title+" "+r.Hint+" "+r.Item)
				fields = append(slices.Clone(fields), r.Fields...)
			}
			for _, f := range fields {
				see(f.ID, strings.Join([]string{f.Label, f.Hint, f.Why, f.Missing, f.Name, f.Default}, " | "))
				if !begins.MatchString(f.Missing) {
					t.Errorf("%s: %s: %q does not tell what to do", p.ID, f.ID, f.Missing)
				}
			}
		}
		for _, r := range p.Rules {
			see(r.ID, r.Message)
			if !begins.MatchString(r.Message) {
				t.Errorf("%s: %s: %q does not tell what to do", p.ID, r.ID, r.Message)
			}
		}
		for _, l := range p.Lists {
			for _, c := range l.Choices {
				see(l.ID, c.Label+" | "+c.Hint)
			}
		}
	}
}
