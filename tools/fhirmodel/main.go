// Command fhirmodel makes fhir/model.txt: which elements each type of FHIR STU3 and
// R4 has, in which order, of which type, which repeat and which must be there. It
// reads two published packages that hold the definitions of HL7 in other forms; it
// does not fetch them and does not read the specification itself.
//
//	npm pack fhir@4.12.0                                  (Apache-2.0: R4, 4.0.1)
//	pip download --no-deps fhir.resources==6.5.0          (BSD-3-Clause: STU3, 3.0.2)
//	go run ./tools/fhirmodel -r4 package/profiles/types.json -stu3 fhir/resources/STU3 -o fhir/model.txt
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
)

// An element is one line of a type.
type element struct {
	name, typ      string
	many, required bool
}

// A structure is a type: a resource, a data type, or an element with elements of
// its own, which is named by its path.
type structure struct {
	name     string
	elements []element
}

const header = `# Elements of FHIR, made by tools/fhirmodel; do not edit.
# R4 (4.0.1) from the npm package fhir 4.12.0 (Apache-2.0); STU3 (3.0.2) from the
# Python package fhir.resources 6.5.0 (BSD-3-Clause, Md Nazrul Islam). Both hold the
# definitions of HL7 FHIR, which HL7 gives to the public domain (CC0).
# A line: type, base (D domain resource, R resource, B backbone, E element), then
# name:type in order; * repeats, ! must be there.
`

func main() {
	r4 := flag.String("r4", "", "types.json of the npm package fhir")
	stu3 := flag.String("stu3", "", "folder STU3 of the Python package fhir.resources")
	out := flag.String("o", "fhir/model.txt", "the file to write")
	flag.Parse()
	if err := run(*r4, *stu3, *out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(r4, stu3, out string) error {
	four, err := readR4(r4)
	if err != nil {
		return fmt.Errorf("reading R4 from %s: %w", r4, err)
	}
	three, err := readSTU3(stu3)
	if err != nil {
		return fmt.Errorf("reading STU3 from %s: %w", stu3, err)
	}
	var b bytes.Buffer
	b.WriteString(header)
	write(&b, "STU3", three)
	write(&b, "R4", four)
	return os.WriteFile(out, b.Bytes(), 0o644)
}

// bases are what types begin with, the longest first.
var bases = []struct{ code, names string }{
	{"D", "id meta implicitRules language text contained extension modifierExtension"},
	{"R", "id meta implicitRules language"},
	{"B", "id extension modifierExtension"},
	{"E", "id extension"},
}

func write(b *bytes.Buffer, release string, types []structure) {
	fmt.Fprintf(b, "= %s\n", release)
	slices.SortFunc(types, func(x, y structure) int { return strings.Compare(x.name, y.name) })
	for _, t := range types {
		base, rest := "-", t.elements
		for _, c := range bases {
			names := strings.Fields(c.names)
			if len(t.elements) >= len(names) && slices.EqualFunc(names, t.elements[:len(names)], func(n string, e element) bool { return n == e.name }) {
				base, rest = c.code, t.elements[len(names):]
				break
			}
		}
		fmt.Fprintf(b, "%s %s", t.name, base)
		for _, e := range rest {
			fmt.Fprintf(b, " %s:%s", e.name, e.typ)
			if e.many {
				b.WriteByte('*')
			}
			if e.required {
				b.WriteByte('!')
			}
		}
		b.WriteByte('\n')
	}
}
