package codelists_test

import (
	"strings"
	"testing"

	"homeward/codelists"
)

func TestOurListsAreWhole(t *testing.T) {
	for name, want := range map[string]struct {
		n, of   int
		partial bool
	}{codelists.Delay2022: {18, 18, false}, codelists.Delay2024: {7, 37, true}} {
		d, err := codelists.Delay(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(d.Reasons) != want.n || d.Of != want.of || d.Partial() != want.partial {
			t.Errorf("%s has %d reasons of %d, partial %v", name, len(d.Reasons), d.Of, d.Partial())
		}
		for _, r := range d.Reasons {
			if r.Line == 0 {
				t.Errorf("%s: reason %s is on no line", name, r.Code)
			}
		}
	}
}

const good = `id = "x"
title = "X"
source = "somebody"
licence = "ours"
of = 2

[[reason]]
code = "1"
label = "One"
when = [ { stages = ["sent"], pathways = ["1"] } ]

[[reason]]
code = "2"
label = "Two"
`

// TestBadListsSayWhere: whoever completes a list by hand must be told the line and the mend.
func TestBadListsSayWhere(t *testing.T) {
	if _, err := codelists.ParseDelay("x.toml", []byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ name, from, to, line, mend string }{
		{"a code twice", `code = "2"`, `code = "1"`, "line 12", "stands twice. Give each"},
		{"no label", `label = "Two"`, `label = " "`, "line 12", "Add the label"},
		{"a pathway that is none", `"1"] }`, `"9"] }`, "line 7", "Choose from 0, 1"},
		{"a condition of nothing", `stages = ["sent"], `, ``, "line 7", "Add stages"},
		{"an unknown key", `label = "Two"`, `lable = "Two"`, "line 14", "Take it out"},
		{"broken TOML", `label = "One"`, `label = "One`, "line 9", "Mend the TOML"},
		{"more than the whole", "of = 2", "of = 1", "line 1", "Set it"},
		{"no source", `source = "somebody"`, "", "line 1", "Add what is missing"},
		{"a code with spaces", `code = "2"`, `code = "a b"`, "line 12", "Give the reason a code"},
	} {
		_, err := codelists.ParseDelay("x.toml", []byte(strings.Replace(good, x.from, x.to, 1)))
		if err == nil || !strings.Contains(err.Error(), "x.toml, "+x.line+":") || !strings.Contains(err.Error(), x.mend) {
			t.Errorf("%s: %v", x.name, err)
		}
	}
}
