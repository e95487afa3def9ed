package codelists

import (
	"slices"
	"strings"
	"testing"
)

func TestListsOfReturns(t *testing.T) {
	fields, err := CLDFields()
	if err != nil || len(fields) != 46 || fields[0].Name != "LA_Code" {
		t.Fatalf("%d fields: %v", len(fields), err)
	}
	for _, f := range fields {
		if f.Held == "no" && (f.Mend == "" || f.Who == "") {
			t.Errorf("%s is not held, and nobody is said to fill it in", f.Name)
		}
	}
	values, err := CLDValues()
	if err != nil {
		t.Fatal(err)
	}
	of := map[string][]string{}
	for _, v := range values {
		of[v.List] = append(of[v.List], v.Value)
	}
	if n := len(of["event_outcome"]); n != 16 || of["event_outcome"][0] != "Progress to reablement/ST-Max" {
		t.Errorf("%d outcomes, the first %q", n, of["event_outcome"][0])
	}
	kinds, err := CLDKinds()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kinds {
		if !slices.Contains(of["service_type"], k.Type) || !slices.Contains(of["service_component"], k.Component) || k.Arrangement != "" && !slices.Contains(of["delivery_mechanism"], k.Arrangement) {
			t.Errorf("kind %s: %q, %q or %q is in no list", k.Kind, k.Type, k.Component, k.Arrangement)
		}
	}
	labels, err := SitrepDestinations()
	if err != nil || len(labels) != 12 {
		t.Fatalf("%d destinations: %v", len(labels), err)
	}
	places, err := SitrepPlaces()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[[2]string]bool{}
	for _, p := range places {
		if !slices.Contains(labels, p.Label) {
			t.Errorf("%q is no label", p.Label)
		}
		if k := [2]string{p.Pathway, p.Destination}; seen[k] {
			t.Errorf("%v stands twice", k)
		} else {
			seen[k] = true
		}
	}
	times, err := ReturnTimes()
	if err != nil || len(times) != 5 || times[0].Snapshot != 9*60 {
		t.Errorf("%+v: %v", times, err)
	}
}

func TestWrongListsOfReturns(t *testing.T) {
	read := func(r []string) (string, error) { return r[0], nil }
	for _, text := range []string{"", "a,b\n", "a,b\n1\n", "a,b\n1,2,3\n", "a,b\n\"1,2\n"} {
		if got, err := readRows("x.csv", strings.NewReader(text), 2, read); err == nil {
			t.Errorf("%q gives %v", text, got)
		}
	}
}
