package fhir

import "strconv"

// maxIssues is how many issues Check gives: a sender mends the first ones first.
const maxIssues = 50

// Check reports what in a resource is not as its release has it: a primitive whose
// text its type does not allow (a date that does not exist), a value where elements
// should be, an array or its absence, and required elements that are missing. What
// the release does not know is left alone. It knows no profile and no invariant.
// Each issue names its element by FHIRPath and repeats no value.
func Check(n *Node, v Version) []Issue {
	c := &checking{types: models()[v]}
	c.resource(n, n.Type())
	return c.issues
}

type checking struct {
	types  map[string]*structure
	issues []Issue
}

func (c *checking) say(code, path, what string) {
	if len(c.issues) < maxIssues {
		c.issues = append(c.issues, Issue{Code: code, Expression: path, Diagnostics: what})
	}
}

func (c *checking) resource(n *Node, path string) {
	st := c.types[n.Type()]
	if st == nil || !st.resource {
		if n.Type() == "" {
			c.say("required", path, "resourceType is missing")
		}
		return
	}
	c.object(n, st, path)
}

func (c *checking) object(n *Node, st *structure, path string) {
	for _, m := range n.Members {
		i, ok := st.find(m.Name)
		if !ok {
			continue
		}
		e := st.elements[i]
		c.element(m.Value, e, path+"."+m.Name)
	}
	for _, e := range st.elements {
		if e.Required && n.Member(e.Name) == nil && underscore(n, e.Name) == nil {
			c.say("required", path+"."+e.Name, "is missing")
		}
	}
}

func (c *checking) element(v *Node, e element, path string) {
	switch {
	case v == nil:
	case e.Many && v.Kind != Array:
		c.say("structure", path, "repeats, so it must be an array")
	case !e.Many && v.Kind == Array:
		c.say("structure", path, "does not repeat, so it must be no array")
	case v.Kind == Array:
		for i, x := range v.Items {
			c.one(x, e, path+"["+strconv.Itoa(i)+"]")
		}
	default:
		c.one(v, e, path)
	}
}

func (c *checking) one(v *Node, e element, path string) {
	switch {
	case v == nil || v.Kind == Null:
	case e.Type == "Resource":
		c.resource(v, path)
	case e.Primitive():
		c.primitive(v, e.Type, path)
	case v.Kind != Object:
		c.say("structure", path, "must have elements, not a value")
	case e.of != nil:
		c.object(v, e.of, path)
	}
}

func (c *checking) primitive(v *Node, typ, path string) {
	kind := kindOf(typ, v.Text)
	switch {
	case v.Kind == Object || v.Kind == Array:
		c.say("structure", path, "must be one value")
	case CheckPrimitive(typ, v.Text) != nil:
		c.say("value", path, CheckPrimitive(typ, v.Text).Error())
	case v.Kind != kind:
		c.say("structure", path, "must be written as "+map[Kind]string{Bool: "true or false without quotes", Number: "a number without quotes", String: "a string"}[kind])
	}
}
