package care

import (
	"strings"
	"testing"

	"homeward/nhs"
)

var (
	numberA, numberB = nhs.Test(1), nhs.Test(2)
	born40           = nhs.Date{Year: 1940, Month: 5, Day: 6}
	born41           = nhs.Date{Year: 1941, Month: 5, Day: 6}
	mrn              = Identifier{"mrn:RK5", "K123"}
)

// known is a case with a number of the hospital's and perhaps an NHS number.
func known(id CaseID, n nhs.Number, family string, born nhs.Date) *Case {
	c := Apply(Case{}, Started{At: day, ID: id}, Identified{At: day, NHS: n, IDs: []Identifier{{"mrn:RK5", string(id)}}},
		PersonTold{At: day, Person: Person{Family: family, Born: born, AsAt: day}})
	return &c
}

func says(n nhs.Number, trace Trace, family string, born nhs.Date, ids ...Identifier) Observation {
	a := About{NHS: n, Trace: trace, IDs: ids}
	if family != "" {
		a.Family = Tell(family)
	}
	if !born.IsZero() {
		a.Born = Tell(born)
	}
	return Observation{At: hour(9), Source: kings, About: a}
}

func TestMatch(t *testing.T) {
	none := nhs.Number{}
	frozen := func(c *Case) *Case {
		f := Apply(*c, Doubted{At: day, Doubt: Doubt{Kind: DoubtShared}})
		return &f
	}
	denied := func(c *Case) *Case {
		f := Apply(*c, Doubted{At: day, Doubt: Doubt{Kind: DoubtChanged, Said: numberB}}, Settled{At: day, Why: "asked them"})
		return &f
	}
	for _, tt := range []struct {
		name        string
		o           Observation
		byID, byNHS *Case
		want        string // case, events, and others with theirs
	}{
		{"nobody is named", says(none, "", "Marsh", born40), nil, nil, "hold"},
		{"nobody known", says(numberA, "", "Marsh", born40, mrn), nil, nil, "new: started identified"},
		{"no number", says(none, "", "Marsh", born40, mrn), nil, nil, "new: started identified"},
		{"hospital number known", says(none, "", "", nhs.Date{}, Identifier{"mrn:RK5", "c1"}), known("c1", none, "Marsh", born40), nil, "c1:"},
		{"learns the NHS number", says(numberA, "", "Marsh", born40, Identifier{"mrn:RK5", "c1"}), known("c1", none, "Marsh", born40), nil, "c1: identified"},
		{"number known, day of birth agrees", says(numberA, "", "Smith", born40, mrn), nil, known("c2", numberA, "Marsh", born40), "c2: identified"},
		{"number known, no day of birth, name agrees", says(numberA, "", "MARSH", nhs.Date{}, mrn), nil, known("c2", numberA, "Marsh", born40), "c2: identified"},
		{"number known, another person", says(numberA, "01", "Marsh", born41, mrn), nil, known("c2", numberA, "Marsh", born40), "new: started identified doubted; c2: doubted"},
		{"number known, nothing to compare", says(numberA, "01", "", nhs.Date{}, mrn), nil, known("c2", numberA, "Marsh", born40), "new: started identified doubted; c2: doubted"},
		{"number known, frozen already", says(numberA, "01", "Marsh", born41, mrn), nil, frozen(known("c2", numberA, "Marsh", born40)), "new: started identified doubted"},
		{"untraced number agrees wholly", says(numberA, "03", "Marsh", born40, mrn), nil, known("c2", numberA, "Marsh", born40), "c2: identified"},
		{"untraced number agrees in part", says(numberA, "03", "Smith", born40, mrn), nil, known("c2", numberA, "Marsh", born40), "new: started identified"},
		{"another case has the number, same person", says(numberA, "", "marsh", born40, Identifier{"mrn:RK5", "c1"}), known("c1", none, "Marsh", born40), known("c2", numberA, "Marsh", born40), "c1: doubted; c2: doubted"},
		{"the same again", says(numberA, "", "marsh", born40, Identifier{"mrn:RK5", "c1"}), frozen(known("c1", none, "Marsh", born40)), frozen(known("c2", numberA, "Marsh", born40)), "c1:"},
		{"another case has the number, another person", says(numberA, "", "Poole", born41, Identifier{"mrn:RK5", "c1"}), known("c1", none, "Poole", born41), known("c2", numberA, "Marsh", born40), "c1: doubted; c2: doubted"},
		{"number superseded", says(numberB, "01", "Marsh", born40, Identifier{"mrn:RK5", "c1"}), known("c1", numberA, "Marsh", born40), nil, "c1: number-changed"},
		{"number changed, not traced", says(numberB, "", "Marsh", born40, Identifier{"mrn:RK5", "c1"}), known("c1", numberA, "Marsh", born40), nil, "c1: doubted"},
		{"number changed, another day of birth", says(numberB, "01", "Marsh", born41, Identifier{"mrn:RK5", "c1"}), known("c1", numberA, "Marsh", born40), nil, "c1: doubted"},
		{"number changed to another's", says(numberB, "01", "Marsh", born40, Identifier{"mrn:RK5", "c1"}), known("c1", numberA, "Marsh", born40), known("c2", numberB, "Marsh", born40), "c1: doubted; c2: doubted"},
		{"number changed, settled before", says(numberB, "", "Marsh", born40, Identifier{"mrn:RK5", "c1"}), denied(known("c1", numberA, "Marsh", born40)), nil, "c1:"},
		{"trace agreed now", says(numberA, "01", "Marsh", born40, Identifier{"mrn:RK5", "c1"}), known("c1", numberA, "Marsh", born40), known("c1", numberA, "Marsh", born40), "c1: identified"},
		{"council number", says(numberA, "", "Marsh", born40, Identifier{"council:511", "9"}), nil, known("c2", numberA, "Marsh", born40), "c2: identified"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := Match(tt.o, tt.byID, tt.byNHS, "fresh")
			if got := verdictWords(v); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if v.Hold == "" && tt.byNHS != nil && v.Case != tt.byNHS.ID {
				if c := Apply(Case{}, v.Events...); c.NHS == tt.byNHS.NHS {
					t.Error("the number of another case was taken")
				}
			}
		})
	}
}

func verdictWords(v Verdict) string {
	if v.Hold != "" {
		return "hold"
	}
	s := string(v.Case)
	if v.New {
		s = "new"
	}
	s = strings.TrimSpace(s + ": " + names(v.Events))
	for id, es := range v.Other {
		s += "; " + string(id) + ": " + names(es)
	}
	return s
}

func TestNumberChangedKeepsTheOldOne(t *testing.T) {
	c := known("c1", numberA, "Marsh", born40)
	after := Apply(*c, Match(says(numberB, "01", "Marsh", born40, Identifier{"mrn:RK5", "c1"}), c, nil, "x").Events...)
	if after.NHS != numberB || len(after.Formerly) != 1 || after.Formerly[0] != numberA {
		t.Errorf("number and alias are %v and %v", after.NHS, after.Formerly)
	}
	if es := Match(says(numberA, "", "Marsh", born40, Identifier{"mrn:RK5", "c1"}), &after, &after, "x").Events; len(es) > 0 {
		t.Errorf("the old number said again gives %s", names(es))
	}
}

func TestPlainName(t *testing.T) {
	for _, same := range [][]string{
		{"O'Brien", "OBRIEN", "o’brien", "O Brien"}, {"Smith-Jones", "Smith Jones", "SMITHJONES"},
		{"García", "Garcia", "Garci\u0301a"}, {"Łoś", "los"}, {"Åse", "ase"},
	} {
		for _, s := range same {
			if plainName(s) != plainName(same[0]) {
				t.Errorf("%q is compared as %q, %q as %q", s, plainName(s), same[0], plainName(same[0]))
			}
		}
	}
	if plainName("Marsh") == plainName("March") || plainName("李") == "" {
		t.Error("different names are the same, or a name is lost")
	}
}

func TestJoinRefuses(t *testing.T) {
	a, b := *known("a", numberA, "Marsh", born40), *known("b", numberB, "Marsh", born40)
	if es, fs := Join(a, a, day); es != nil || fs != nil {
		t.Error("a case was joined with itself")
	}
	b.JoinedTo = "c"
	if es, _ := Join(a, b, day); es != nil {
		t.Error("a case was joined twice")
	}
	if es, _ := Separate(a, b, Who{}, "", day); es != nil {
		t.Error("separated what was not joined")
	}
}

// A number that a sender gives to everybody must not make one record of all.
func TestOneNumberForEverybodyIsHeld(t *testing.T) {
	c := *known("c1", numberA, "Marsh", born40)
	for n := range 200 {
		id := Identifier{"mrn:RK5", "M" + strings.Repeat("I", n)}
		v := Match(says(numberA, "01", "Marsh", born40, id), nil, &c, "fresh")
		if v.Hold != "" {
			if len(c.IDs) != mostIDs {
				t.Errorf("held at %d identifiers, want %d", len(c.IDs), mostIDs)
			}
			return
		}
		c = Apply(c, v.Events...)
	}
	t.Errorf("one record has %d identifiers", len(c.IDs))
}
