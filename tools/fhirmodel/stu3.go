package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

var (
	classLine = regexp.MustCompile(`(?m)^class (\w+)\((\w+)\.(\w+)\):`)
	fieldLine = regexp.MustCompile(`(?ms)^    (\w+): ([\w.\[\]\s]+) = Field\(\n(.*?)^    \)`)
	aliasPart = regexp.MustCompile(`alias="(\w+)"`)
	sequence  = regexp.MustCompile(`(?s)def elements_sequence\(cls\):.*?return \[(.*?)\]`)
	quoted    = regexp.MustCompile(`"(\w+)"`)
)

// A class is one class of fhir.resources, in which the fields stand in the order of
// the alphabet and the sequence is that of the specification.
type class struct {
	name, base string
	main       bool // the first of its file: a resource or a data type
	fields     map[string]element
	sequence   []string
}

func readSTU3(dir string) ([]structure, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.py"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no Python files there: %w", err)
	}
	classes := map[string]*class{}
	for _, f := range files {
		if base := filepath.Base(f); strings.HasPrefix(base, "fhir") || base == "__init__.py" {
			continue
		}
		text, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		readClasses(string(text), classes)
	}
	return structures(classes)
}

func readClasses(text string, into map[string]*class) {
	at := classLine.FindAllStringSubmatchIndex(text, -1)
	for i, m := range at {
		end := len(text)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		body := text[m[0]:end]
		c := &class{name: text[m[2]:m[3]], base: text[m[6]:m[7]], main: i == 0, fields: map[string]element{}}
		for _, f := range fieldLine.FindAllStringSubmatch(body, -1) {
			alias := aliasPart.FindStringSubmatch(f[3])
			if alias == nil || strings.HasPrefix(alias[1], "_") {
				continue
			}
			typ, many := typeOf(f[2])
			required := strings.HasPrefix(strings.TrimSpace(f[3]), "...") || strings.Contains(f[3], "element_required=True")
			c.fields[alias[1]] = element{alias[1], typ, many, required}
		}
		if s := sequence.FindStringSubmatch(body); s != nil {
			for _, q := range quoted.FindAllStringSubmatch(s[1], -1) {
				if !slices.Contains(c.sequence, q[1]) { // a choice of references stands once for each target
					c.sequence = append(c.sequence, q[1])
				}
			}
		}
		into[c.name] = c
	}
}

// typeOf reads typing.List[typing.Optional[fhirtypes.CodeType]].
func typeOf(hint string) (typ string, many bool) {
	hint = strings.Join(strings.Fields(hint), "")
	many = strings.HasPrefix(hint, "typing.List[")
	typ = strings.TrimRight(hint[max(strings.LastIndexByte(hint, '['), strings.LastIndexByte(hint, '.'))+1:], "]")
	switch {
	case typ == "bool":
		return "boolean", many
	case strings.HasSuffix(typ, "Type"):
		return strings.TrimSuffix(typ, "Type"), many
	}
	return strings.ToLower(typ[:1]) + typ[1:], many
}

// structures names classes by the path at which they are first met.
func structures(classes map[string]*class) ([]structure, error) {
	paths := map[string]string{}
	var order []string
	for name, c := range classes {
		if c.main && name != "MetadataResource" {
			paths[name] = name
			order = append(order, name)
		}
	}
	slices.Sort(order)
	for i := 0; i < len(order); i++ {
		c := classes[order[i]]
		for _, name := range c.sequence {
			e, ok := field(classes, c, name)
			if !ok {
				return nil, fmt.Errorf("%s has no field %s", c.name, name)
			}
			if classes[e.typ] != nil && paths[e.typ] == "" {
				paths[e.typ] = paths[c.name] + "." + name
				order = append(order, e.typ)
			}
		}
	}
	var out []structure
	for _, name := range order {
		c := classes[name]
		s := structure{name: paths[name]}
		for _, n := range c.sequence {
			e, _ := field(classes, c, n)
			if p := paths[e.typ]; p != "" {
				e.typ = p
			}
			s.elements = append(s.elements, e)
		}
		out = append(out, s)
	}
	return out, nil
}

// field is a field of a class or of those that it is made from.
func field(classes map[string]*class, c *class, name string) (element, bool) {
	for ; c != nil; c = classes[c.base] {
		if e, ok := c.fields[name]; ok {
			return e, true
		}
	}
	switch name { // of the root of all classes, whose file is not of the release
	case "id":
		return element{name: "id", typ: "id"}, true
	case "extension":
		return element{name: "extension", typ: "Extension", many: true}, true
	}
	return element{}, false
}
