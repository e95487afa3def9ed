package form

import (
	"reflect"
	"testing"
)

func TestCondHolds(t *testing.T) {
	a := Answers{
		"consent": {"L"}, "roles": {"MC", "KH"}, "edd": {"2026-03-14"}, "admitted": {"2026-03-10"},
		"call": {"2026-03-14T15:30"}, "again": {"2026-03-14T15:31"},
	}
	f := Facts{"today": "2026-03-12", "stay.left": "2026-03-20", "stay.odd": "next week"}
	for _, c := range []struct {
		cond string
		want bool
	}{
		{"", true},
		{"consent is L", true},
		{"consent is Y", false},
		{"consent is not L", false},
		{"consent is not Y", true},
		{"nothing is not Y", true},
		{"nothing is Y", false},
		{"consent is one of Y,L", true},
		{"consent is one of Y, L", true},
		{"consent is not one of Y,L", false},
		{"roles is KH", true},
		{"roles is not one of MC,IC", false},
		{"consent is answered", true},
		{"nothing is answered", false},
		{"nothing is not answered", true},
		{"consent is L and roles is MC", true},
		{"consent is L and roles is IC", false},
		{"consent is Y or roles is MC", true},
		{"consent is L or roles is IC and nothing is answered", true},
		{"consent is Y and roles is MC or roles is IC", false},
		{"edd is after admitted", true},
		{"edd is before admitted", false},
		{"admitted is on or before edd", true},
		{"edd is on or after edd", true},
		{"edd is after edd", false},
		{"edd is on or before today", false},
		{"edd is before stay.left", true},
		{"edd is after stay.odd", true},
		{"edd is after nothing", true},
		{"call is on or after edd", true},
		{"call is after edd", false},
		{"call is before again", true},
		{"consent is Y or edd is on or after admitted", true},
	} {
		k, err := ParseCond(c.cond)
		if err != nil {
			t.Errorf("%q: %v", c.cond, err)
			continue
		}
		if got := k.holds(a, f); got != c.want {
			t.Errorf("%q holds = %v, want %v", c.cond, got, c.want)
		}
	}
}

func TestCondRefused(t *testing.T) {
	for _, s := range []string{
		"consent", "consent is", "consent L", "is L", "consent is L and", "and consent is L", "or", "Consent is L",
		"consent is one of", "consent is one of L,,Y", "consent is L Y", "consent is not", "consent is not before edd",
		"edd is after", "edd is on or after", "edd is after 2026-03-14", "(consent is L)", "consent is and", "a is b or or c is d",
	} {
		if k, err := ParseCond(s); err == nil {
			t.Errorf("%q was read as %v", s, k)
		}
	}
}

func TestCondClauses(t *testing.T) {
	k, err := ParseCond("a is not one of X,Y and b is answered or c is Z")
	if err != nil {
		t.Fatal(err)
	}
	want := [][]Clause{{{"a", true, []string{"X", "Y"}}, {"b", false, nil}}, {{"c", false, []string{"Z"}}}}
	if got := k.Clauses(); !reflect.DeepEqual(got, want) {
		t.Errorf("clauses %v, want %v", got, want)
	}
	if got := k.Fields(); !reflect.DeepEqual(got, []string{"a", "b", "c"}) {
		t.Errorf("fields %v", got)
	}
}

// FuzzCond: a condition that is read is read the same from its own text, and
// can be evaluated.
func FuzzCond(f *testing.F) {
	for _, s := range []string{
		"consent is L", "fit is one of 02,03 and fit_date is answered", "edd is on or after admitted or edd is before today",
		"a is not one of X, Y", "a is on or", "a is on or b is on", "a is after stay.left", " and ", "a is not answered",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		k, err := ParseCond(s)
		if err != nil {
			return
		}
		again, err := ParseCond(k.String())
		if err != nil || !reflect.DeepEqual(k, again) {
			t.Fatalf("%q reads as %v, and again as %v, %v", s, k, again, err)
		}
		k.holds(Answers{"a": {"X"}}, Facts{"today": "2026-03-14"})
		k.Clauses()
	})
}
