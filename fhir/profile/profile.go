// Package profile checks resources against what FHIR and its profiles ask of them:
// how often an element stands, its type, fixed values, slices, code lists and
// invariants. What is asked is data: the releases' own rules, UK Core, Interweave,
// and those of the Nottinghamshire interfaces. It needs no terminology server or
// network: a code list that it does not have is not checked, and it never changes
// what it checks.
package profile

import (
	"embed"
	"fmt"
	"sync"

	"homeward/fhir"
	"homeward/fhir/fhirpath"
)

//go:embed data
var data embed.FS

// Set is rules to check by. It is made by Load and never changed after.
type Set struct {
	profiles map[string]*Profile
	lists    map[string]*List
	base     map[fhir.Version]map[string]*typ
}

// Profile is what one StructureDefinition asks of a type.
type Profile struct {
	URL     string
	Name    string // the last part of URL, for people
	Version fhir.Version
	Type    string
	Base    string // profile that holds too; "" for none but the type's own rules
	root    *rule
}

// List is a set of codes: a ValueSet.
type List struct {
	URL     string
	systems map[string]codes // "" : codes of any system
}

// codes are the codes of one system; nil: every code of it.
type codes map[string]struct{}

// rule is what is asked of one element within its parent.
type rule struct {
	name       string // of the member; of a choice "value[x]"
	slice      string
	min        int
	max        int // -1: any number
	set        bool
	fixed      *fhir.Node // the whole value
	pattern    *fhir.Node // at least that
	types      []string   // of a choice: the types that may stand
	targets    []string   // of a reference: the types that may be meant
	is         string     // profile of an extension
	list       string     // url of the code list
	strength   strength
	must       bool // mustSupport
	invariants []invariant
	by         []discriminator
	closed     bool
	children   []*rule
	slices     []*rule
}

type strength uint8

const (
	anyCode strength = iota
	extensible
	required
)

// invariant is a constraint (FHIR R4 2.29.0.6).
type invariant struct {
	key, human string
	warning    bool
	expr       *fhirpath.Expr
}

// discriminator tells the slices of an element apart (FHIR R4 5.1.0.14).
type discriminator struct {
	kind string // value, pattern, exists, type, profile
	path []string
}

// Standard gives the rules that come with Homeward.
var Standard = sync.OnceValues(func() (*Set, error) {
	files, err := data.ReadDir("data")
	if err != nil {
		return nil, err
	}
	var texts []string
	for _, f := range files {
		b, err := data.ReadFile("data/" + f.Name())
		if err != nil {
			return nil, err
		}
		texts = append(texts, string(b))
	}
	return Load(texts...)
})

// Load reads rules in the form of data/README.txt. Errors name the line.
func Load(texts ...string) (*Set, error) {
	s := &Set{profiles: map[string]*Profile{}, lists: map[string]*List{}, base: map[fhir.Version]map[string]*typ{fhir.STU3: {}, fhir.R4: {}}}
	for _, t := range texts {
		if err := s.read(t); err != nil {
			return nil, err
		}
	}
	for _, p := range s.profiles {
		if p.Base != "" && s.profiles[p.Base] == nil {
			return nil, fmt.Errorf("profile %s: its base %s is not there", p.URL, p.Base)
		}
	}
	s.complete()
	return s, nil
}
