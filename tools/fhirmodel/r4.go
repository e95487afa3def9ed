package main

import (
	"encoding/json"
	"os"
	"strings"
)

type r4Type struct {
	Kind       string    `json:"_kind"`
	Properties []r4Field `json:"_properties"`
}

type r4Field struct {
	Name       string    `json:"_name"`
	Type       string    `json:"_type"`
	Choice     string    `json:"_choice"`
	Multiple   bool      `json:"_multiple"`
	Required   bool      `json:"_required"`
	Properties []r4Field `json:"_properties"`
}

// readR4 reads types.json. A type with # is the content of another element.
func readR4(name string) ([]structure, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var types map[string]r4Type
	if err := json.Unmarshal(raw, &types); err != nil {
		return nil, err
	}
	var out []structure
	for typ, t := range types {
		if t.Kind != "primitive-type" {
			out = append(out, r4Structures(typ, t.Properties)...)
		}
	}
	return out, nil
}

func r4Structures(path string, fields []r4Field) []structure {
	s := structure{name: path}
	var below []structure
	for _, f := range fields {
		if strings.HasPrefix(f.Name, "_") {
			continue
		}
		typ := strings.TrimPrefix(f.Type, "#")
		if len(f.Properties) > 0 {
			typ = path + "." + f.Name
			below = append(below, r4Structures(typ, f.Properties)...)
		}
		s.elements = append(s.elements, element{f.Name, typ, f.Multiple, f.Required && f.Choice == ""})
	}
	return append([]structure{s}, below...)
}
