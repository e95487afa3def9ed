package policy

import (
	"bytes"
	"strings"
	"testing"

	"homeward/policies"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := policies.Files.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func load(t testing.TB) *Set {
	t.Helper()
	s, err := Load(read(t, "sharing.cedar"), read(t, "sharing.cedarschema"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSignedCases(t *testing.T) {
	set := load(t)
	results, err := RunCases(set, bytes.NewReader(read(t, "cases.txt")))
	if err != nil {
		t.Fatal(err)
	}
	if len(results) < 60 {
		t.Errorf("only %d sentences; an IG lead signs at least 60", len(results))
	}
	named := map[string]bool{}
	for _, r := range results {
		if !r.Pass {
			t.Errorf("line %d: %s\n\t%s", r.Line, r.Text, r.Problem)
		}
		for _, id := range r.Rules {
			named[id] = true
		}
	}
	for _, r := range set.Rules() {
		if !named[r.ID] {
			t.Errorf("no sentence is decided by rule %q", r.ID)
		}
	}
}

func TestCasesRefuseWhatTheyCannotRead(t *testing.T) {
	const head = "RK5 is a trust\n511 is a council\n"
	for _, c := range []struct{ line, want string }{
		{"surgeon of RK5 MAY refer an adult", `"surgeon"`},
		{"ward nurse RK5 MAY refer an adult", `"RK5"`},
		{"ward nurse of RK5 MIGHT refer an adult", `"MIGHT"`},
		{"ward nurse of RK5 MAY gaze at an adult", `"gaze"`},
		{"ward nurse of RK5 MAY refer", "ends after"},
		{"ward nurse of RK5 MAY refer an adult in", "ends after"},
		{"ward nurse of RK5 MAY refer an adult in RX1", "not declared"},
		{"ward nurse of RK5 MAY refer an adult in 511", "a trust is wanted"},
		{"ward nurse of RK5 MAY refer an adult known to RK5", "a council is wanted"},
		{"ward nurse of RK5 MAY refer an adult in RK5 and in RK5", "twice"},
		{"ward nurse of RK5 MAY refer an adult and", `"and"`},
		{"ward nurse of RK5 MAY refer an adult with a reason without a reason", "twice"},
		{"ward nurse of RK5 MAY refer an adult for direct care for operations", "twice"},
		{"ward nurse of RK5 MAY refer an adult in RK5 gladly", `"gladly"`},
		{"ward nurse of RK5 MAY list a ward in RK5", `"in"`},
		{"ward nurse of RK5 MAY refer an adult in RK5 (rule nonesuch)", "no rule"},
		{"ward nurse of RK5 MAY refer an adult in RK5 (because)", "not understood"},
		{"ward nurse of RK5 MAY refer an adult in RK5 under an agreement for gossip", `"gossip"`},
		{"ward nurse of RK5 MAY refer an adult in RK5 under an agreement for risk with nobody's agreement", "twice"},
		{"RK5 is a trust", "same sentence"},
		{"RK5 is a council", "twice"},
		{"RX1 is a hospital", "kind of organisation"},
		{"care provider of RK5 MAY list its clients in RK5", `"in"`},
		{"social worker of 511 MAY see a concern about an adult client of 511", "a provider is wanted"},
	} {
		_, err := RunCases(load(t), strings.NewReader(head+c.line))
		if err == nil || !strings.HasPrefix(err.Error(), "line 3: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\n\tgot  %v\n\twant line 3 and %q", c.line, err, c.want)
		}
	}
}

func TestCasesTellWhenTheRulesDisagree(t *testing.T) {
	const text = `RK5 is a trust
511 is a council
ward nurse of RK5 MAY NOT refer an adult in RK5
ward nurse of RK5 MAY see finance of an adult in RK5
ward nurse of RK5 MAY NOT see finance of an adult in RK5 (no rule)
ward nurse of RK5 MAY NOT see finance of an adult known to 511 (rule died)
`
	results, err := RunCases(load(t), strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 4 {
		t.Fatalf("got %d results, want 4", len(results))
	}
	for _, r := range results {
		if r.Pass || r.Problem == "" {
			t.Errorf("%q passed", r.Text)
		}
	}
}
