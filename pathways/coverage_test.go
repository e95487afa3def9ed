package pathways_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"homeward/form"
	"homeward/pathways"
)

// lines are the lines of a file that are not comments.
func lines(t *testing.T, name string) []string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(strings.Split(string(b), "\n"), func(s string) bool { return s == "" || s[0] == '#' })
}

// plain is a path without the levels of the standard that only say "an entry", and
// without a name that repeats the one above it.
func plain(path string) string {
	var out []string
	for _, s := range strings.Split(path, " / ") {
		if !strings.HasSuffix(s, "record entry") && (len(out) == 0 || out[len(out)-1] != s) {
			out = append(out, s)
		}
	}
	return strings.Join(out, " / ")
}

// cited is every item of the standard that a field or a group of the referral
// names.
func cited(p *form.Pathway) map[string]bool {
	out := map[string]bool{}
	put := func(citation string) {
		for _, c := range strings.Split(citation, "; ") {
			if path, ok := strings.CutPrefix(c, "PRSB "); ok {
				out[plain(path)] = true
			}
		}
	}
	for _, g := range p.Pages {
		for _, f := range g.Fields {
			put(f.Standard)
		}
		for _, r := range g.Groups {
			put(r.Standard)
			for _, f := range r.Fields {
				put(f.Standard)
			}
		}
	}
	return out
}

// TestReferralCoversTheStandard: every section, and every element that is
// mandatory or required, is a field of the referral, or is in uncovered.txt with
// the reason why not. A coded value and free text are two ways to say the
// element above them.
func TestReferralCoversTheStandard(t *testing.T) {
	lib, err := form.Load(pathways.Files)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := lib.Latest("d2a")
	has := cited(p)
	type exception struct {
		path string
		used bool
	}
	var except []exception
	for _, l := range lines(t, "testdata/uncovered.txt") {
		path, reason, _ := strings.Cut(l, " | ")
		if len(strings.Fields(reason)) < 3 {
			t.Errorf("uncovered.txt: %s has no reason", path)
		}
		except = append(except, exception{path: path})
	}
	excused := func(path string) bool {
		for i := range except {
			e := &except[i]
			name, anywhere := strings.CutPrefix(e.path, "* / ")
			if path == e.path || strings.HasPrefix(path, e.path+" / ") || anywhere && strings.Contains(path+" / ", " / "+name+" / ") {
				e.used = true
				return true
			}
		}
		return false
	}
	known := map[string]bool{}
	elements := lines(t, "testdata/hospital-referral-1.1.txt")
	parent := func(path string) bool { // some element below it is asked for
		return slices.ContainsFunc(elements, func(l string) bool { return strings.HasPrefix(plain(l[2:]), path+" / ") && has[plain(l[2:])] })
	}
	for _, l := range elements {
		need, path := l[0], plain(l[2:])
		known[path] = true
		section := !strings.Contains(path, " / ")
		base := strings.TrimSuffix(strings.TrimSuffix(path, " / Free text"), " / Coded value")
		if has[path] || has[base] || need == 'O' && !section || parent(path) || excused(path) {
			continue
		}
		t.Errorf("%c %s is no field, and not in uncovered.txt", need, path)
	}
	for c := range has {
		if !known[c] {
			t.Errorf("a field cites %q, which the standard does not have", c)
		}
	}
	for _, e := range except {
		if !e.used {
			t.Errorf("uncovered.txt: %s is not needed", e.path)
		}
	}
}
