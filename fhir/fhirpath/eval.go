package fhirpath

import (
	"math/big"
	"strings"

	"homeward/fhir"
)

// run is one evaluation.
type run struct {
	root     *fhir.Node // the resource that contains resource, or that itself
	resource *fhir.Node
	context  Item
	work     int
}

// scope is what $this, $index and $total mean.
type scope struct {
	this  Item
	index int
	total []Item
}

func (r *run) spend(n int) error {
	if r.work += n; r.work > maxWork {
		return fail("the expression is too much work for this resource")
	}
	return nil
}

func (r *run) eval(t term, focus []Item, sc scope) ([]Item, error) {
	if err := r.spend(1); err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case literal:
		return t.items, nil
	case member:
		return r.members(t.name, focus)
	case step:
		of, err := r.eval(t.of, focus, sc)
		if err != nil {
			return nil, err
		}
		return r.eval(t.then, of, sc)
	case variable:
		return r.variable(t.name, sc), nil
	case *call:
		return t.fn.do(r, t, focus, sc)
	case index:
		return r.index(t, focus, sc)
	case typeTest:
		of, err := r.eval(t.of, focus, sc)
		if err != nil {
			return nil, err
		}
		if t.op == "as" {
			return ofType(of, t.typ), nil
		}
		return isType(of, t.typ)
	case binary:
		return r.binary(t, focus, sc)
	}
	return nil, fail("the expression cannot be answered")
}

func (r *run) members(name string, focus []Item) (out []Item, err error) {
	if name[0] >= 'A' && name[0] <= 'Z' { // the name of a type, at the start of a path
		for _, i := range focus {
			if i.is(name) {
				out = append(out, i)
			}
		}
		return out, nil
	}
	for _, i := range focus {
		if out, err = r.child(out, i, name); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r *run) variable(name string, sc scope) []Item {
	switch name {
	case "$this":
		return []Item{sc.this}
	case "$index":
		return []Item{integer(sc.index)}
	case "$total":
		return sc.total
	case "%rootResource":
		return []Item{{Node: r.root, Type: r.root.Type()}}
	case "%resource":
		return []Item{{Node: r.resource, Type: r.resource.Type()}}
	case "%context":
		return []Item{r.context}
	case "%ucum":
		return []Item{text("http://unitsofmeasure.org")}
	case "%sct":
		return []Item{text("http://snomed.info/sct")}
	case "%loinc":
		return []Item{text("http://loinc.org")}
	}
	if s, ok := strings.CutPrefix(name, "%ext-"); ok {
		return []Item{text("http://hl7.org/fhir/StructureDefinition/" + s)}
	}
	return []Item{text("http://hl7.org/fhir/ValueSet/" + strings.TrimPrefix(name, "%vs-"))}
}

func (r *run) index(t index, focus []Item, sc scope) ([]Item, error) {
	of, err := r.eval(t.of, focus, sc)
	if err != nil {
		return nil, err
	}
	at, err := r.integer(t.at, sc)
	if err != nil || at < 0 || at >= len(of) {
		return nil, err
	}
	return of[at : at+1], nil
}

// is reports whether an item is of a type, where that can be told.
func (i Item) is(typ string) bool {
	if i.Type == typ {
		return true
	}
	if i.Node != nil && i.Node.Kind == fhir.Object && i.Node.Type() != "" {
		return typ == "Resource" || typ == "DomainResource" && i.Type != "Bundle" && i.Type != "Parameters" && i.Type != "Binary"
	}
	if sys, ok := strings.CutPrefix(typ, "System."); ok {
		return i.isSystem(sys)
	}
	if t, ok := strings.CutPrefix(i.Type, "System."); ok {
		return t == typ // `1 is Integer`
	}
	if primitive, ok := systemNames[typ]; ok { // `answer is Boolean` of FHIR's own invariants means its boolean
		typ = primitive
	}
	for t := i.Type; t != ""; t = parents[t] {
		if t == typ {
			return true
		}
	}
	if i.Type != "" || i.Node == nil {
		return false
	}
	switch i.Node.Kind {
	case fhir.Bool:
		return typ == "boolean"
	case fhir.Number:
		whole := !strings.ContainsAny(i.Node.Text, ".eE")
		return typ == "decimal" && !whole || typ == "integer" && whole
	case fhir.String:
		return typ == "string"
	}
	return false
}

var systemNames = map[string]string{"Boolean": "boolean", "String": "string", "Integer": "integer", "Decimal": "decimal", "Date": "date", "DateTime": "dateTime", "Time": "time"}

func (i Item) isSystem(typ string) bool {
	if t, ok := strings.CutPrefix(i.Type, "System."); ok {
		return t == typ
	}
	return false
}

// parents are the types that others specialise (FHIR R4 2.24.0).
var parents = map[string]string{
	"code": "string", "id": "string", "markdown": "string", "canonical": "uri", "url": "uri", "uuid": "uri", "oid": "uri",
	"positiveInt": "integer", "unsignedInt": "integer", "Age": "Quantity", "Count": "Quantity", "Distance": "Quantity", "Duration": "Quantity",
}

func ofType(in []Item, typ string) (out []Item) {
	for _, i := range in {
		if i.is(typ) {
			out = append(out, i)
		}
	}
	return out
}

func isType(in []Item, typ string) ([]Item, error) {
	switch len(in) {
	case 0:
		return nil, nil
	case 1:
		return only(in[0].is(typ)), nil
	}
	return nil, fail("one value was needed and %d were found", len(in))
}

func (r *run) binary(t binary, focus []Item, sc scope) ([]Item, error) {
	l, err := r.eval(t.l, focus, sc)
	if err != nil {
		return nil, err
	}
	switch t.op {
	case "and", "or", "xor", "implies":
		return r.logic(t, l, focus, sc)
	}
	right, err := r.eval(t.r, focus, sc)
	if err != nil {
		return nil, err
	}
	if err := r.spend(len(l) + len(right)); err != nil {
		return nil, err
	}
	switch t.op {
	case "=", "!=":
		same, known := equalAll(l, right)
		if !known {
			return nil, nil
		}
		return only(same == (t.op == "=")), nil
	case "~", "!~":
		if err := r.spend(len(l) * len(right)); err != nil {
			return nil, err
		}
		return only(equivalentAll(l, right) == (t.op == "~")), nil
	case "<", ">", "<=", ">=":
		return compare(t.op, l, right)
	case "|":
		return r.distinct(append(l[:len(l):len(l)], right...))
	case "in":
		return r.contains(right, l)
	case "contains":
		return r.contains(l, right)
	}
	out, err := arithmetic(t.op, l, right)
	if err == nil && len(out) == 1 {
		err = r.spend(len(out[0].Node.Text) / 32) // text that grows is work
	}
	return out, err
}

// logic is that of three values; the right side is not asked when the left decides
// (FHIRPath 2.0 6.5).
func (r *run) logic(t binary, l, focus []Item, sc scope) ([]Item, error) {
	a, aKnown, err := truth(l)
	if err != nil {
		return nil, err
	}
	switch {
	case t.op == "and" && aKnown && !a:
		return noOnly, nil
	case t.op == "or" && aKnown && a, t.op == "implies" && aKnown && !a:
		return yesOnly, nil
	}
	right, err := r.eval(t.r, focus, sc)
	if err != nil {
		return nil, err
	}
	b, bKnown, err := truth(right)
	if err != nil {
		return nil, err
	}
	both := aKnown && bKnown
	switch {
	case t.op == "and" && bKnown && !b:
		return noOnly, nil
	case (t.op == "or" || t.op == "implies") && bKnown && b:
		return yesOnly, nil
	case !both:
		return nil, nil
	case t.op == "xor":
		return only(a != b), nil
	case t.op == "or":
		return only(a || b), nil
	}
	return only(b), nil // and: a is true; implies: a is true
}

func equalAll(l, r []Item) (same, known bool) {
	if len(l) == 0 || len(r) == 0 {
		return false, false
	}
	if len(l) != len(r) {
		return false, true
	}
	known = true
	for i := range l {
		s, k := equal(l[i], r[i])
		if k && !s {
			return false, true
		}
		known = known && k
	}
	return true, known
}

func equivalentAll(l, r []Item) bool {
	if len(l) != len(r) {
		return false
	}
	taken := make([]bool, len(r))
	for _, a := range l {
		found := false
		for j, b := range r {
			if !taken[j] && equivalent(a, b) {
				taken[j], found = true, true
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}

func compare(op string, l, r []Item) ([]Item, error) {
	if len(l) == 0 || len(r) == 0 {
		return nil, nil
	}
	if len(l) > 1 || len(r) > 1 {
		return nil, fail("%s compares one value with one", op)
	}
	o, known, err := order(l[0], r[0])
	if err != nil || !known {
		return nil, err
	}
	switch op {
	case "<":
		return only(o < 0), nil
	case ">":
		return only(o > 0), nil
	case "<=":
		return only(o <= 0), nil
	}
	return only(o >= 0), nil
}

func (r *run) contains(all, one []Item) ([]Item, error) {
	if len(one) == 0 {
		return nil, nil
	}
	if len(one) > 1 {
		return nil, fail("in and contains ask about one value")
	}
	return only(has(all, one[0])), r.spend(len(all))
}

func has(all []Item, one Item) bool {
	for _, i := range all {
		if same, known := equal(i, one); same && known {
			return true
		}
	}
	return false
}

func (r *run) distinct(in []Item) (out []Item, err error) {
	var seen map[string]bool // of plain texts, so that many cost no square
	if len(in) > 16 {
		seen = map[string]bool{}
	}
	for _, i := range in {
		if seen != nil && i.isText() {
			if _, moment := asMoment(i); !moment {
				if !seen[i.Node.Text] {
					seen[i.Node.Text] = true
					out = append(out, i)
				}
				continue
			}
		}
		if err := r.spend(1 + len(out)); err != nil {
			return nil, err
		}
		if !has(out, i) {
			out = append(out, i)
		}
	}
	return out, nil
}

func arithmetic(op string, l, r []Item) ([]Item, error) {
	if op == "&" {
		a, err := oneText(l)
		if err != nil {
			return nil, err
		}
		b, err := oneText(r)
		return []Item{text(a + b)}, err
	}
	if len(l) == 0 || len(r) == 0 {
		return nil, nil
	}
	if len(l) > 1 || len(r) > 1 {
		return nil, fail("%s takes one value and one", op)
	}
	a, b := l[0], r[0]
	if op == "+" && a.isText() && b.isText() {
		if len(a.Node.Text)+len(b.Node.Text) > 1<<20 {
			return nil, fail("the text becomes too long")
		}
		return []Item{text(a.Node.Text + b.Node.Text)}, nil
	}
	if a.Node == nil || b.Node == nil || a.Node.Kind != fhir.Number || b.Node.Kind != fhir.Number {
		return nil, fail("%s takes numbers", op)
	}
	return calculate(op, a.Node.Text, b.Node.Text)
}

func calculate(op, left, right string) ([]Item, error) {
	x, ok := numeric(left)
	y, ok2 := numeric(right)
	if !ok || !ok2 {
		return nil, nil
	}
	whole := x.IsInt() && y.IsInt() && !strings.Contains(left+right, ".")
	var z big.Rat
	switch op {
	case "+":
		z.Add(x, y)
	case "-":
		z.Sub(x, y)
	case "*":
		z.Mul(x, y)
	default:
		if y.Sign() == 0 {
			return nil, nil
		}
		z.Quo(x, y)
		if op == "/" {
			whole = false
			break
		}
		q := new(big.Int).Quo(z.Num(), z.Denom())
		if op == "div" {
			return []Item{number(q.String())}, nil
		}
		z.Sub(x, new(big.Rat).Mul(y, new(big.Rat).SetInt(q)))
	}
	if whole || z.IsInt() && op != "/" {
		return []Item{number(z.RatString())}, nil
	}
	s := strings.TrimRight(z.FloatString(8), "0")
	return []Item{number(strings.TrimSuffix(s, "."))}, nil
}

func (i Item) isText() bool { return i.Node != nil && i.Node.Kind == fhir.String }

// oneText is a text, "" for none.
func oneText(c []Item) (string, error) {
	switch {
	case len(c) == 0:
		return "", nil
	case len(c) > 1:
		return "", fail("one text was needed and %d values were found", len(c))
	case !c[0].HasValue():
		return "", fail("a text was needed")
	}
	return c[0].Node.Text, nil
}
