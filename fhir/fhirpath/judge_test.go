package fhirpath

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"homeward/fhir"
	judge "homeward/tools/npm-validate"
)

// tree reads JSON into a tree, for tests.
func tree(t testing.TB, s string) *fhir.Node {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	n, err := readTree(d)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func readTree(d *json.Decoder) (*fhir.Node, error) {
	tok, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch v := tok.(type) {
	case json.Delim:
		if v == '[' {
			n := &fhir.Node{Kind: fhir.Array}
			for d.More() {
				x, err := readTree(d)
				if err != nil {
					return nil, err
				}
				n.Items = append(n.Items, x)
			}
			_, err := d.Token()
			return n, err
		}
		n := &fhir.Node{Kind: fhir.Object}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			x, err := readTree(d)
			if err != nil {
				return nil, err
			}
			n.Members = append(n.Members, fhir.Member{Name: name.(string), Value: x})
		}
		_, err := d.Token()
		return n, err
	case string:
		return &fhir.Node{Kind: fhir.String, Text: v}, nil
	case json.Number:
		return &fhir.Node{Kind: fhir.Number, Text: v.String()}, nil
	case bool:
		return &fhir.Node{Kind: fhir.Bool, Text: strconv.FormatBool(v)}, nil
	}
	return &fhir.Node{Kind: fhir.Null}, nil
}

// plain writes what was found as JSON values without white space and order.
func plain(items []Item) []string {
	out := []string{}
	for _, i := range items {
		switch {
		case i.Node == nil:
			out = append(out, "null")
		case i.Type == "System.Quantity":
			out = append(out, i.Node.Str("value")+" '"+i.Node.Str("code")+"'")
		default:
			out = append(out, canonical(i.Node))
		}
	}
	return out
}

func canonical(n *fhir.Node) string {
	switch n.Kind {
	case fhir.Object:
		var parts []string
		for _, m := range n.Members {
			parts = append(parts, m.Name+":"+canonical(m.Value))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case fhir.Array:
		var parts []string
		for _, x := range n.Items {
			parts = append(parts, canonical(x))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case fhir.String:
		return strconv.Quote(n.Text)
	case fhir.Null:
		return "null"
	}
	return n.Text
}

// TestNPM compares every expression of the table with what the npm package
// fhirpath 3.9.0 answers.
func TestNPM(t *testing.T) {
	j := judge.New(t)
	for _, c := range cases {
		if c.ours {
			continue
		}
		e, err := Compile(c.expr)
		if err != nil {
			t.Errorf("%s: %v", c.expr, err)
			continue
		}
		res := resources[c.on]
		mine, myErr := e.Eval(tree(t, res))
		theirs, theirErr := j.Path(c.expr, []byte(res))
		if (myErr != nil) != (theirErr != nil) {
			t.Errorf("%s: our error %v, theirs %v", c.expr, myErr, theirErr)
			continue
		}
		var want []string
		for _, raw := range theirs {
			want = append(want, canonical(tree(t, string(raw))))
		}
		if got := plain(mine); strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("%s:\n got %v\nwant %v", c.expr, got, want)
		}
	}
}
