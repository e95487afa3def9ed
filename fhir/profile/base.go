package profile

import (
	"strings"

	"homeward/fhir"
)

// typ is what a release itself asks of one type or of an element with elements of
// its own. The elements are those of package fhir's model.
type typ struct {
	name       string
	known      bool
	resource   bool
	members    map[string]*field
	needed     []*field // required, in order
	choices    []choice
	lists      map[string]*List
	invariants []invariant
}

// field is one element of a type.
type field struct {
	fhir.Element
	of         *typ // nil of a primitive and of any resource
	list       *List
	invariants []invariant // of this element and not of its type
}

func (s *Set) typ(v fhir.Version, name string) *typ {
	t := s.base[v][name]
	if t == nil {
		t = &typ{name: name, lists: map[string]*List{}}
		s.base[v][name] = t
	}
	return t
}

// complete puts the elements of the releases beside their codes and invariants.
func (s *Set) complete() {
	for _, v := range []fhir.Version{fhir.STU3, fhir.R4} {
		for _, name := range fhir.ResourceTypes(v) {
			s.fill(v, name).resource = true
		}
		for _, name := range []string{"Extension", "Meta", "Identifier", "Coding", "CodeableConcept", "Reference", "Period", "Quantity", "HumanName", "Address", "ContactPoint"} {
			s.fill(v, name)
		}
	}
}

func (s *Set) fill(v fhir.Version, name string) *typ {
	t := s.typ(v, name)
	if t.members != nil {
		return t
	}
	t.members = map[string]*field{}
	groups := map[string][]string{}
	for _, e := range fhir.Elements(v, name) {
		f := &field{Element: e, list: t.lists[e.Name]}
		if own := s.base[v][name+"."+e.Name]; own != nil && e.Type != name+"."+e.Name {
			f.invariants = own.invariants
		}
		t.members[e.Name] = f
		t.known = true
		if e.Required {
			t.needed = append(t.needed, f)
		}
		if x, ok := strings.CutSuffix(e.Name, upper(e.Type)); ok && x != "" {
			groups[x] = append(groups[x], e.Name)
		}
		if !e.Primitive() && e.Type != "Resource" {
			f.of = s.fill(v, e.Type)
		}
	}
	for _, x := range sortedKeys(groups) {
		if len(groups[x]) > 1 && t.members[x] == nil {
			t.choices = append(t.choices, choice{x, groups[x]})
		}
	}
	return t
}

// choice is value[x] and the members that it may be.
type choice struct {
	name    string
	members []string
}

func upper(typ string) string {
	if typ == "" {
		return ""
	}
	return strings.ToUpper(typ[:1]) + typ[1:]
}
