// Package fhir reads and writes FHIR resources as a tree that loses nothing:
// members keep their order, numbers their digits, and what nobody here knows is
// still there when the resource is written again. It knows JSON and XML, STU3 and
// R4. It does not know a case or a policy, asks no network, and has no generated
// type for each resource: what a resource must be like is data (Validate).
package fhir

import (
	"fmt"
	"strconv"
	"strings"
)

// Version is a release of FHIR.
type Version uint8

// The releases that we speak.
const (
	STU3 Version = 3 // 3.0.2
	R4   Version = 4 // 4.0.1
)

// Kind is what a Node is.
type Kind uint8

// The kinds of node, as in JSON.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// Member is one named value of an object.
type Member struct {
	Name  string
	Value *Node
}

// Node is one value of a resource. The tree has the shape of FHIR's JSON in every
// format: extensions of a primitive "birthDate" are in "_birthDate". A nil Node
// may be asked anything and has nothing.
type Node struct {
	Kind    Kind
	Text    string // of a String; of a Number, as written; "true" or "false" of a Bool
	Items   []*Node
	Members []Member
}

// Obj makes an object of names and values in turn. Values may be string, bool,
// int, *Node, []*Node, []string or a fmt.Stringer; what is empty (nil, "", no items, an object
// without members) is left out, so that no empty element is ever sent. Any other
// argument is a programmer's mistake and panics.
func Obj(namesAndValues ...any) *Node {
	n := &Node{Kind: Object}
	for i := 0; i < len(namesAndValues); i += 2 {
		if v := value(namesAndValues[i+1]); v != nil {
			n.Members = append(n.Members, Member{namesAndValues[i].(string), v})
		}
	}
	return n
}

// List makes an array of values, as Obj takes them.
func List(values ...any) *Node {
	n := &Node{Kind: Array}
	for _, v := range values {
		if x := value(v); x != nil {
			n.Items = append(n.Items, x)
		}
	}
	return n
}

func value(v any) *Node {
	switch x := v.(type) {
	case nil:
		return nil
	case string:
		if x == "" {
			return nil
		}
		return &Node{Kind: String, Text: x}
	case bool:
		return &Node{Kind: Bool, Text: strconv.FormatBool(x)}
	case int:
		return &Node{Kind: Number, Text: strconv.Itoa(x)}
	case *Node:
		if x.Empty() {
			return nil
		}
		return x
	case []*Node:
		return value(&Node{Kind: Array, Items: some(x)})
	case []string:
		n := &Node{Kind: Array}
		for _, s := range x {
			if s != "" {
				n.Items = append(n.Items, value(s))
			}
		}
		return value(n)
	case fmt.Stringer:
		return value(x.String())
	}
	panic(fmt.Sprintf("fhir: a %T cannot be a value", v))
}

func some(ns []*Node) (out []*Node) {
	for _, n := range ns {
		if !n.Empty() {
			out = append(out, n)
		}
	}
	return out
}

// Empty reports whether there is nothing: nil, or an array or object of nothing.
func (n *Node) Empty() bool {
	return n == nil || n.Kind == Array && len(n.Items) == 0 || n.Kind == Object && len(n.Members) == 0
}

// Type is the resourceType; "" of what is no resource.
func (n *Node) Type() string { return n.Str("resourceType") }

// ID is the logical id of a resource.
func (n *Node) ID() string { return n.Str("id") }

// Member is the value of that name; nil when there is none.
func (n *Node) Member(name string) *Node {
	if n == nil {
		return nil
	}
	for i := range n.Members {
		if n.Members[i].Name == name {
			return n.Members[i].Value
		}
	}
	return nil
}

// All is every value at a path of names with dots between; arrays on the way
// count as each of their items. "name.given" is all given names of all names.
func (n *Node) All(path string) []*Node {
	at := []*Node{n}
	for name := range strings.SplitSeq(path, ".") {
		var next []*Node
		for _, x := range at {
			switch m := x.Member(name); {
			case m == nil:
			case m.Kind == Array:
				next = append(next, m.Items...)
			default:
				next = append(next, m)
			}
		}
		at = next
	}
	return at
}

// Get is the first value at a path; nil when there is none.
func (n *Node) Get(path string) *Node {
	if all := n.All(path); len(all) > 0 {
		return all[0]
	}
	return nil
}

// Str is the text of the first value at a path, "" when there is none.
func (n *Node) Str(path string) string {
	if x := n.Get(path); x != nil && x.Kind != Array && x.Kind != Object {
		return x.Text
	}
	return ""
}

// Set puts a value under a name, in its place where there was one; an empty value
// removes it.
func (n *Node) Set(name string, v any) {
	x := value(v)
	for i := range n.Members {
		if n.Members[i].Name == name {
			if x == nil {
				n.Members = append(n.Members[:i:i], n.Members[i+1:]...)
			} else {
				n.Members[i].Value = x
			}
			return
		}
	}
	if x != nil {
		n.Members = append(n.Members, Member{name, x})
	}
}

// Add appends a value to the array of that name, which it makes.
func (n *Node) Add(name string, v any) {
	x := value(v)
	if x == nil {
		return
	}
	if a := n.Member(name); a != nil && a.Kind == Array {
		a.Items = append(a.Items, x)
		return
	}
	n.Set(name, List(x))
}

// Clone copies a tree.
func (n *Node) Clone() *Node {
	if n == nil {
		return nil
	}
	c := &Node{Kind: n.Kind, Text: n.Text}
	for _, x := range n.Items {
		c.Items = append(c.Items, x.Clone())
	}
	for _, m := range n.Members {
		c.Members = append(c.Members, Member{m.Name, m.Value.Clone()})
	}
	return c
}

// Coding makes a Coding.
func Coding(system, code, display string) *Node {
	return Obj("system", system, "code", code, "display", display)
}

// Concept makes a CodeableConcept; text may be "".
func Concept(text string, codings ...*Node) *Node { return Obj("coding", codings, "text", text) }

// Identifier makes an Identifier.
func Identifier(system, value string) *Node { return Obj("system", system, "value", value) }

// Ref makes a Reference to a resource of ours; display may be "".
func Ref(typ, id, display string) *Node { return Obj("reference", typ+"/"+id, "display", display) }
