// Package fhirpath answers FHIRPath expressions about resources, as far as
// invariants of profiles and search parameters need them. An expression is
// compiled once and may then be used by many at the same time. It asks no network,
// clock or terminology: today(), memberOf() and the like are refused when compiled,
// and resolve() finds only what is in the resource or its Bundle.
package fhirpath

import (
	"fmt"
	"strings"

	"homeward/fhir"
)

// The bounds of one expression. Whoever writes a profile or a subscription cannot
// make us work without end.
const (
	maxSource = 8 << 10 // bytes of an expression
	maxDepth  = 48      // parentheses and operators within each other
	maxWork   = 200_000 // nodes looked at in one evaluation
)

// Expr is a compiled expression.
type Expr struct {
	source string
	root   term
}

// Item is one thing found. Node is nil of a primitive that has extensions only.
type Item struct {
	Node *fhir.Node
	// Type is the FHIR type where it can be told: of resources, choice elements
	// (value[x]) and literals ("System.String"); "" otherwise.
	Type string
	ext  *fhir.Node // "_name" of a primitive
}

// Compile reads an expression. Errors name the place, counted in bytes from 1.
func Compile(source string) (*Expr, error) {
	if len(source) > maxSource {
		return nil, fmt.Errorf("fhirpath: the expression is longer than %d bytes", maxSource)
	}
	p := &parser{src: source}
	p.next()
	root, err := p.whole()
	if err != nil {
		return nil, err
	}
	return &Expr{source, root}, nil
}

// Must is Compile for expressions of ours; it panics on a mistake.
func Must(source string) *Expr {
	e, err := Compile(source)
	if err != nil {
		panic(err)
	}
	return e
}

// String is the expression as it was written.
func (e *Expr) String() string { return e.source }

// Eval gives all that the expression finds in a resource, in order.
func (e *Expr) Eval(resource *fhir.Node) ([]Item, error) {
	return e.At(resource, Item{Node: resource, Type: resource.Type()})
}

// At evaluates with one element of a resource as $this and %context.
func (e *Expr) At(resource *fhir.Node, focus Item) ([]Item, error) {
	return e.In(resource, resource, focus)
}

// In evaluates within a contained resource: root is the one that contains it
// (%rootResource), in which references such as #id are found.
func (e *Expr) In(root, resource *fhir.Node, focus Item) ([]Item, error) {
	r := &run{root: root, resource: resource, context: focus}
	return r.eval(e.root, []Item{focus}, scope{this: focus})
}

// True reports whether an invariant holds of an element. One value that is no boolean
// counts as true (FHIRPath 2.0 4.5). So does no answer at all: FHIR R4 asks of a period
// that start <= end, which has none where the one is a day and the other a time of that
// day, and of a reference that what it has not does not start with #. root and resource
// are as in In.
func (e *Expr) True(root, resource *fhir.Node, focus Item) (bool, error) {
	found, err := e.In(root, resource, focus)
	if err != nil {
		return false, err
	}
	b, known, err := truth(found)
	return b || !known, err
}

// Of makes the item of a node, with its type where it is known.
func Of(n *fhir.Node, typ string) Item { return Item{Node: n, Type: typ} }

// Primitive makes the item of a primitive with its sibling "_name" of id and
// extensions; either may be nil.
func Primitive(n, sibling *fhir.Node, typ string) Item { return Item{n, typ, sibling} }

// Text is the value of a primitive as written, "" of what has none.
func (i Item) Text() string {
	if !i.HasValue() {
		return ""
	}
	return i.Node.Text
}

// HasValue reports whether the item is a primitive with a value (FHIR R4 2.9.0 hasValue).
func (i Item) HasValue() bool {
	return i.Node != nil && (i.Node.Kind == fhir.String || i.Node.Kind == fhir.Number || i.Node.Kind == fhir.Bool)
}

// Error is why an expression could not be answered.
type Error struct{ Text string }

func (e *Error) Error() string { return "fhirpath: " + e.Text }

func fail(format string, args ...any) error { return &Error{fmt.Sprintf(format, args...)} }

// child gives the elements of that name, in order.
func (r *run) child(out []Item, of Item, name string) ([]Item, error) {
	n := of.Node
	if n == nil || n.Kind != fhir.Object {
		n = of.ext // id and extension of a primitive
	}
	if n == nil || n.Kind != fhir.Object {
		return out, nil
	}
	if err := r.spend(1 + len(n.Members)/8); err != nil {
		return nil, err
	}
	if of.Node == n && name == "resourceType" && n.Type() != "" {
		return out, nil // JSON's, not FHIR's
	}
	before := len(out)
	var value, side *fhir.Node
	for i := range n.Members {
		switch m := &n.Members[i]; {
		case m.Name == name:
			value = m.Value
		case len(m.Name) == len(name)+1 && m.Name[0] == '_' && m.Name[1:] == name:
			side = m.Value
		}
	}
	out = pair(out, value, side, known(name, of))
	if len(out) > before || value != nil || side != nil {
		return out, nil
	}
	return choice(out, n, name), nil
}

// choice finds value[x] under its name with a type (FHIR R4 2.24.0.1).
func choice(out []Item, n *fhir.Node, name string) []Item {
	for i := range n.Members {
		m := &n.Members[i]
		if len(m.Name) <= len(name) {
			continue
		}
		full, side := m.Name, false
		if full[0] == '_' {
			full, side = full[1:], true
		}
		if !strings.HasPrefix(full, name) {
			continue
		}
		typ, ok := choiceTypes[full[len(name):]]
		if !ok {
			continue
		}
		if side {
			if n.Member(full) == nil {
				out = pair(out, nil, m.Value, typ)
			}
			continue
		}
		var sibling *fhir.Node
		if m.Value != nil && m.Value.Kind != fhir.Object {
			sibling = n.Member("_" + full)
		}
		out = pair(out, m.Value, sibling, typ)
	}
	return out
}

// pair puts values with their siblings: of arrays the one of the same index
// (FHIR R4 2.6.2.2).
func pair(out []Item, value, side *fhir.Node, typ string) []Item {
	if value != nil && value.Kind == fhir.Array || value == nil && side != nil && side.Kind == fhir.Array {
		var vs, ss []*fhir.Node
		if value != nil {
			vs = value.Items
		}
		if side != nil {
			ss = side.Items
		}
		for i := range max(len(vs), len(ss)) {
			var v, s *fhir.Node
			if i < len(vs) {
				v = vs[i]
			}
			if i < len(ss) {
				s = ss[i]
			}
			out = single(out, v, s, typ)
		}
		return out
	}
	return single(out, value, side, typ)
}

func single(out []Item, v, s *fhir.Node, typ string) []Item {
	if v != nil && v.Kind == fhir.Null {
		v = nil
	}
	if s != nil && s.Kind != fhir.Object {
		s = nil
	}
	if v == nil && s == nil {
		return out
	}
	if v != nil && v.Kind == fhir.Object {
		if t := v.Type(); t != "" {
			typ = t
		}
	}
	return append(out, Item{v, typ, s})
}

// children gives every element within an item, in order.
func (r *run) children(out []Item, of Item) ([]Item, error) {
	n := of.Node
	if n == nil || n.Kind != fhir.Object {
		n = of.ext
	}
	if n == nil || n.Kind != fhir.Object {
		return out, nil
	}
	if err := r.spend(1 + len(n.Members)); err != nil {
		return nil, err
	}
	isResource := of.Node == n && n.Type() != ""
	for i := range n.Members {
		m := &n.Members[i]
		switch {
		case isResource && m.Name == "resourceType":
		case strings.HasPrefix(m.Name, "_"):
			if n.Member(m.Name[1:]) == nil {
				out = pair(out, nil, m.Value, "")
			}
		default:
			var side *fhir.Node
			if m.Value != nil && m.Value.Kind != fhir.Object {
				side = n.Member("_" + m.Name)
			}
			out = pair(out, m.Value, side, known(m.Name, of))
		}
	}
	return out, nil
}

// known is the type of an element that has it wherever it stands.
func known(name string, _ Item) string {
	switch name {
	case "extension", "modifierExtension":
		return "Extension"
	case "meta":
		return "Meta"
	}
	return ""
}

// choiceTypes are the types that a choice element's name may end with
// (FHIR R4 2.24.0.1, FHIR STU3 2.24.1).
var choiceTypes = map[string]string{
	"Base64Binary": "base64Binary", "Boolean": "boolean", "Canonical": "canonical", "Code": "code", "Date": "date",
	"DateTime": "dateTime", "Decimal": "decimal", "Id": "id", "Instant": "instant", "Integer": "integer",
	"Markdown": "markdown", "Oid": "oid", "PositiveInt": "positiveInt", "String": "string", "Time": "time",
	"UnsignedInt": "unsignedInt", "Uri": "uri", "Url": "url", "Uuid": "uuid",
	"Address": "Address", "Age": "Age", "Annotation": "Annotation", "Attachment": "Attachment",
	"CodeableConcept": "CodeableConcept", "Coding": "Coding", "ContactPoint": "ContactPoint", "Count": "Count",
	"Distance": "Distance", "Duration": "Duration", "HumanName": "HumanName", "Identifier": "Identifier",
	"Money": "Money", "Period": "Period", "Quantity": "Quantity", "Range": "Range", "Ratio": "Ratio",
	"Reference": "Reference", "SampledData": "SampledData", "Signature": "Signature", "Timing": "Timing",
	"ContactDetail": "ContactDetail", "Contributor": "Contributor", "DataRequirement": "DataRequirement",
	"Expression": "Expression", "ParameterDefinition": "ParameterDefinition", "RelatedArtifact": "RelatedArtifact",
	"TriggerDefinition": "TriggerDefinition", "UsageContext": "UsageContext", "Dosage": "Dosage", "Meta": "Meta",
}

// ChoiceType is the type that a choice element's name ends with: "dateTime" of
// "DateTime"; "" of what is no type.
func ChoiceType(suffix string) string { return choiceTypes[suffix] }
