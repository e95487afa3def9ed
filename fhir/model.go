package fhir

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
)

//go:embed model.txt
var modelText string

// Element is what a release of FHIR says of one element of a type. A choice has an
// Element for each of its types: deceasedBoolean and deceasedDateTime.
type Element struct {
	Name     string
	Type     string // "code", "HumanName", "Resource"; "Patient.contact" of an element with elements of its own
	Many     bool   // it is an array in JSON
	Required bool   // it must be there; of a choice, no member is required by itself
}

// Primitive reports whether the element holds one value and no elements but extensions.
func (e Element) Primitive() bool { return e.Type != "" && e.Type[0] >= 'a' && e.Type[0] <= 'z' }

// structure is one type of a release.
type structure struct {
	name     string
	resource bool
	elements []element
	byName   map[string]int
}

type element struct {
	Element
	of *structure // nil of a primitive, of Resource, and of what the release does not know
}

func (s *structure) find(name string) (int, bool) {
	if s == nil {
		return 0, false
	}
	i, ok := s.byName[name]
	return i, ok
}

// models are the releases, read once, when a type is first asked for.
var models = sync.OnceValue(readModels)

func readModels() map[Version]map[string]*structure {
	out := map[Version]map[string]*structure{}
	var types map[string]*structure
	for line := range strings.Lines(modelText) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "= "):
			types = map[string]*structure{}
			out[map[string]Version{"STU3": STU3, "R4": R4}[line[2:]]] = types
		default:
			s := readStructure(line)
			types[s.name] = s
		}
	}
	for _, types := range out {
		for _, s := range types {
			for i := range s.elements {
				s.elements[i].of = types[s.elements[i].Type]
			}
		}
		delete(types, "Resource") // abstract: what stands in its place says what it is
		delete(types, "DomainResource")
	}
	for _, types := range out {
		for _, s := range types {
			for i := range s.elements {
				if s.elements[i].Type == "Resource" {
					s.elements[i].of = nil
				}
			}
		}
	}
	return out
}

// basesOfTypes are what the elements of a type begin with.
var basesOfTypes = map[string]string{
	"D": "id:id meta:Meta implicitRules:uri language:code text:Narrative contained:Resource* extension:Extension* modifierExtension:Extension*",
	"R": "id:id meta:Meta implicitRules:uri language:code",
	"B": "id:string extension:Extension* modifierExtension:Extension*",
	"E": "id:string extension:Extension*",
	"-": "",
}

func readStructure(line string) *structure {
	words := strings.Fields(line)
	s := &structure{name: words[0], resource: words[1] == "D" || words[1] == "R"}
	all := append(strings.Fields(basesOfTypes[words[1]]), words[2:]...)
	s.elements = make([]element, 0, len(all))
	s.byName = make(map[string]int, len(all))
	for _, w := range all {
		name, typ, _ := strings.Cut(w, ":")
		e := Element{Name: name, Required: strings.HasSuffix(typ, "!")}
		typ = strings.TrimSuffix(typ, "!")
		e.Many = strings.HasSuffix(typ, "*")
		e.Type = strings.TrimSuffix(typ, "*")
		s.byName[name] = len(s.elements)
		s.elements = append(s.elements, element{Element: e})
	}
	return s
}

// Elements are the elements of a type in their order: of a resource ("Patient"), a
// data type ("HumanName"), or an element by its path ("Patient.contact"). Of what the
// release does not know there are none.
func Elements(v Version, typ string) []Element {
	s := models()[v][typ]
	if s == nil {
		return nil
	}
	out := make([]Element, len(s.elements))
	for i := range s.elements {
		out[i] = s.elements[i].Element
	}
	return out
}

// ElementOf is one element of a type.
func ElementOf(v Version, typ, name string) (Element, bool) {
	s := models()[v][typ]
	if i, ok := s.find(name); ok {
		return s.elements[i].Element, true
	}
	return Element{}, false
}

// IsResource reports whether a release has a resource of that name.
func IsResource(v Version, typ string) bool {
	s := models()[v][typ]
	return s != nil && s.resource
}

// ResourceTypes are the names of all resources of a release, in the order of the alphabet.
func ResourceTypes(v Version) (out []string) {
	for name, s := range models()[v] {
		if s.resource {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
