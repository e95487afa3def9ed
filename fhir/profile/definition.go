package profile

import (
	"encoding/json"
	"fmt"
	"strings"

	"homeward/fhir"
)

// Lines writes a StructureDefinition's differential, or a ValueSet with what it can
// list, as rules that Load reads. Of a value set's whole systems the codes are taken
// from systems (CodeSystem by url); of those that are not there every code is taken.
// What Load has no rule for (documentation, mappings, ordering) is left out; a value
// set that is made of others gives "".
func Lines(n *fhir.Node, systems map[string]*fhir.Node) (string, error) {
	switch n.Type() {
	case "StructureDefinition":
		return profileLines(n)
	case "ValueSet":
		return listLines(n, systems), nil
	}
	return "", fmt.Errorf("a StructureDefinition or ValueSet was expected")
}

func profileLines(n *fhir.Node) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "profile %s %s", n.Str("url"), n.Str("type"))
	if base := n.Str("baseDefinition"); !strings.HasPrefix(base, "http://hl7.org/fhir/StructureDefinition/") {
		b.WriteString(" base=" + base)
	}
	b.WriteByte('\n')
	for _, e := range n.All("differential.element") {
		id := e.Str("id")
		_, path, below := strings.Cut(id, ".")
		if !below {
			path = "."
		}
		words, err := elementWords(e, path)
		if err != nil {
			return "", fmt.Errorf("reading %s of %s: %w", id, n.Str("url"), err)
		}
		if len(words) > 0 {
			b.WriteString(path + " " + strings.Join(words, " ") + "\n")
		}
		for _, c := range e.All("constraint") {
			if len(words) == 0 {
				b.WriteString(path + "\n")
			}
			if x := c.Str("expression"); x != "" {
				fmt.Fprintf(&b, "! %s %s %q %s\n", c.Str("key"), c.Str("severity"), oneLine(c.Str("human")), oneLine(x))
			}
		}
	}
	return b.String(), nil
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func elementWords(e *fhir.Node, path string) (out []string, err error) {
	low, high := e.Str("min"), e.Str("max")
	if path != "." && (low != "" || high != "") {
		out = append(out, low+".."+high)
	}
	if e.Str("mustSupport") == "true" {
		out = append(out, "must")
	}
	for _, m := range e.Members {
		for _, k := range []string{"fixed", "pattern"} {
			if typ, ok := strings.CutPrefix(m.Name, k); ok && typ != "" {
				out = append(out, k+"="+toJSON(m.Value))
			}
		}
	}
	out = append(out, typeWords(e, path)...)
	if b := e.Get("binding"); b != nil {
		switch b.Str("strength") {
		case "required":
			out = append(out, "from="+unversioned(b.Str("valueSet")))
		case "extensible":
			out = append(out, "likely="+unversioned(b.Str("valueSet")))
		}
	}
	if s := e.Get("slicing"); s != nil {
		var by []string
		for _, d := range s.All("discriminator") {
			by = append(by, d.Str("type")+":"+d.Str("path"))
		}
		if len(by) > 0 {
			out = append(out, "by="+strings.Join(by, ","))
		}
		if s.Str("rules") == "closed" {
			out = append(out, "closed")
		}
	}
	return out, nil
}

func typeWords(e *fhir.Node, path string) (out []string) {
	var types, targets []string
	for _, t := range e.All("type") {
		types = append(types, t.Str("code"))
		if t.Str("code") == "Extension" && t.Str("profile") != "" {
			out = append(out, "is="+unversioned(t.Str("profile")))
		}
		for _, p := range t.All("targetProfile") {
			targets = append(targets, resourceOf(p.Text))
		}
	}
	if strings.HasSuffix(path, "[x]") && len(types) > 0 {
		out = append(out, "type="+strings.Join(types, ","))
	}
	if len(targets) > 0 && !in(targets, "") && !in(targets, "Resource") {
		out = append(out, "to="+strings.Join(unique(targets), ","))
	}
	return out
}

func unique(in []string) (out []string) {
	seen := map[string]bool{}
	for _, s := range in {
		if !seen[s] {
			out = append(out, s)
		}
		seen[s] = true
	}
	return out
}

// resourceOf is the type of resource that a profile's name has in it: Patient of
// UKCore-Patient; "" when it cannot be told.
func resourceOf(url string) string {
	name := url[strings.LastIndexByte(url, '/')+1:]
	for part := range strings.SplitSeq(name, "-") {
		if part == "Resource" || fhir.IsResource(fhir.R4, part) || fhir.IsResource(fhir.STU3, part) {
			return part
		}
	}
	return ""
}

func toJSON(n *fhir.Node) string {
	switch n.Kind {
	case fhir.Object:
		var parts []string
		for _, m := range n.Members {
			parts = append(parts, quote(m.Name)+":"+toJSON(m.Value))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case fhir.Array:
		var parts []string
		for _, x := range n.Items {
			parts = append(parts, toJSON(x))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case fhir.String:
		return quote(n.Text)
	}
	return n.Text
}

func quote(s string) string {
	b, _ := json.Marshal(s) // a string can always be written
	return string(b)
}

func listLines(n *fhir.Node, systems map[string]*fhir.Node) string {
	var b strings.Builder
	fmt.Fprintf(&b, "list %s\n", n.Str("url"))
	for _, inc := range n.All("compose.include") {
		system := inc.Str("system")
		if system == "" || inc.Get("valueSet") != nil {
			return ""
		}
		var cs []string
		switch concepts := inc.All("concept"); {
		case len(concepts) > 0:
			for _, c := range concepts {
				cs = append(cs, c.Str("code"))
			}
		case inc.Get("filter") == nil && systems[system] != nil:
			cs = allCodes(nil, systems[system].All("concept"))
		}
		if len(cs) == 0 {
			cs = []string{"*"}
		}
		b.WriteString("+ " + system)
		for _, c := range cs {
			if strings.Contains(c, " ") {
				c = `"` + c + `"`
			}
			b.WriteString(" " + c)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func allCodes(out []string, concepts []*fhir.Node) []string {
	for _, c := range concepts {
		out = allCodes(append(out, c.Str("code")), c.All("concept"))
	}
	return out
}
