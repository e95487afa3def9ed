package fhir_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"homeward/fhir"
)

// anyTree makes any tree that JSON can hold.
func anyTree(depth int) *rapid.Generator[*fhir.Node] {
	return rapid.Custom(func(t *rapid.T) *fhir.Node {
		kinds := 6
		if depth == 0 {
			kinds = 4
		}
		n := &fhir.Node{Kind: fhir.Kind(rapid.IntRange(0, kinds-1).Draw(t, "kind"))}
		switch n.Kind {
		case fhir.Bool:
			n.Text = strconv.FormatBool(rapid.Bool().Draw(t, "bool"))
		case fhir.Number:
			n.Text = rapid.StringMatching(`-?(0|[1-9][0-9]{0,12})(\.[0-9]{1,6})?([eE][-+]?[0-9]{1,2})?`).Draw(t, "number")
		case fhir.String:
			n.Text = rapid.StringMatching(`[\t\n\r !-\x{d7ff}\x{10000}-\x{10ffff}]{0,12}`).Draw(t, "text")
		case fhir.Array:
			for range rapid.IntRange(0, 4).Draw(t, "items") {
				n.Items = append(n.Items, anyTree(depth-1).Draw(t, "item"))
			}
		case fhir.Object:
			for i := range rapid.IntRange(0, 5).Draw(t, "members") {
				name := rapid.StringMatching(`[_a-z\x{e0}-\x{ff}"]{1,3}`).Draw(t, "name") + strconv.Itoa(i)
				n.Members = append(n.Members, fhir.Member{Name: name, Value: anyTree(depth-1).Draw(t, "value")})
			}
		}
		return n
	})
}

func TestAnyTreeThroughJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := fhir.Obj("resourceType", "X")
		n.Members = append(n.Members, fhir.Member{Name: "x", Value: anyTree(4).Draw(t, "tree")})
		b, err := fhir.Write(n, fhir.JSON, fhir.R4)
		if err != nil || !json.Valid(b) {
			t.Fatalf("%v: %s", err, b)
		}
		back, err := fhir.Parse(b, fhir.JSON, fhir.R4, fhir.Limits{})
		if err != nil {
			t.Fatalf("%v: %s", err, b)
		}
		if d := cmp.Diff(n, back); d != "" {
			t.Fatal(d)
		}
		again, _ := fhir.Write(back, fhir.JSON, fhir.R4)
		if !bytes.Equal(b, again) {
			t.Fatalf("%s\n%s", b, again)
		}
		var indented bytes.Buffer
		_ = json.Indent(&indented, b, " ", "\t")
		if back, err = fhir.Parse(indented.Bytes(), fhir.JSON, fhir.R4, fhir.Limits{}); err != nil || fhir.Hash(back) != fhir.Hash(n) {
			t.Fatalf("with white space: %v", err)
		}
	})
}

// samples are texts of primitives.
var samples = map[string][]string{
	"boolean": {"true", "false"}, "integer": {"0", "-7"}, "unsignedInt": {"0", "7"}, "positiveInt": {"1"},
	"decimal": {"1.50", "-0.0", "1e3"}, "date": {"1938", "2026-02-28"}, "dateTime": {"2026-02-28T10:00:00Z"},
	"instant": {"2026-02-28T10:00:00.5+01:00"}, "time": {"10:00:00"}, "id": {"a-1"}, "code": {"final"},
	"oid": {"urn:oid:1.2"}, "uuid": {"urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}, "uri": {"urn:x:<&>"},
	"url": {"https://a.example/?a=1&b=2"}, "canonical": {"http://a.example|1"}, "base64Binary": {"aGVsbG8="},
	"string": {"Anna \"A\" <b> & c\n\td", "é𝄞", " a "}, "markdown": {"# a\r\n* b"},
	"xhtml": {`<div xmlns="http://www.w3.org/1999/xhtml"><p>a &amp; b</p><!-- c --></div>`},
}

// conforming makes a tree of a type, as JSON writes it, with members in their order.
func conforming(t *rapid.T, v fhir.Version, typ string, depth int) *fhir.Node {
	n := &fhir.Node{Kind: fhir.Object}
	if fhir.IsResource(v, typ) {
		n.Members = append(n.Members, fhir.Member{Name: "resourceType", Value: &fhir.Node{Kind: fhir.String, Text: typ}})
	}
	for _, e := range fhir.Elements(v, typ) {
		odds := 4 // one choice of many is enough of an extension
		if len(fhir.Elements(v, typ)) > 30 {
			odds = 30
		}
		if rapid.IntRange(0, odds).Draw(t, e.Name) > 0 && e.Name != "url" || depth == 0 && !e.Primitive() {
			continue
		}
		if e.Primitive() {
			attribute := !fhir.IsResource(v, typ) && e.Name == "id" || typ == "Extension" && e.Name == "url"
			primitives(t, v, n, e, depth, attribute)
			continue
		}
		of := e.Type
		if of == "Resource" {
			of = rapid.SampledFrom([]string{"Patient", "Basic", "Binary", "Parameters"}).Draw(t, "resource")
		}
		value := conforming(t, v, of, depth-1)
		if e.Many {
			value = &fhir.Node{Kind: fhir.Array, Items: []*fhir.Node{value}}
			for range rapid.IntRange(0, 2).Draw(t, "more") {
				value.Items = append(value.Items, conforming(t, v, of, depth-1))
			}
		}
		n.Members = append(n.Members, fhir.Member{Name: e.Name, Value: value})
	}
	return n
}

func primitives(t *rapid.T, v fhir.Version, n *fhir.Node, e fhir.Element, depth int, attribute bool) {
	text := func() *fhir.Node {
		x := &fhir.Node{Kind: fhir.String, Text: rapid.SampledFrom(samples[e.Type]).Draw(t, "text")}
		switch e.Type {
		case "boolean":
			x.Kind = fhir.Bool
		case "integer", "unsignedInt", "positiveInt", "decimal":
			x.Kind = fhir.Number
		}
		return x
	}
	value, extra := text(), (*fhir.Node)(nil)
	extended := depth > 0 && !attribute && e.Type != "xhtml" && rapid.IntRange(0, 3).Draw(t, "extended") == 0
	if extended {
		extra = fhir.Obj("id", "e", "extension", fhir.List(fhir.Obj("url", "u", "valueCode", "x")))
	}
	switch {
	case e.Many && extended:
		null := &fhir.Node{}
		value = &fhir.Node{Kind: fhir.Array, Items: []*fhir.Node{value, null, text()}}
		extra = &fhir.Node{Kind: fhir.Array, Items: []*fhir.Node{null, extra, null}}
	case e.Many:
		value = &fhir.Node{Kind: fhir.Array, Items: []*fhir.Node{value, text()}}
	case extended && rapid.Bool().Draw(t, "absent"):
		value = nil
	}
	if value != nil {
		n.Members = append(n.Members, fhir.Member{Name: e.Name, Value: value})
	}
	if extra != nil {
		n.Members = append(n.Members, fhir.Member{Name: "_" + e.Name, Value: extra})
	}
}

func TestConformingTreesThroughXML(t *testing.T) {
	for _, v := range []fhir.Version{fhir.STU3, fhir.R4} {
		types := fhir.ResourceTypes(v)
		rapid.Check(t, func(t *rapid.T) {
			n := conforming(t, v, rapid.SampledFrom(types).Draw(t, "type"), 4)
			xml, err := fhir.Write(n, fhir.XML, v)
			if err != nil {
				t.Fatal(err)
			}
			back, err := fhir.Parse(xml, fhir.XML, v, fhir.Limits{})
			if err != nil {
				t.Fatalf("%v\n%s", err, xml)
			}
			if fhir.Hash(back) != fhir.Hash(n) { // an extension's url comes before its extensions, since it is an attribute
				got, _ := fhir.Write(back, fhir.JSON, v)
				want, _ := fhir.Write(n, fhir.JSON, v)
				t.Fatalf("\n got %.1000s\nwant %.1000s", got, want)
			}
		})
	}
}

func fuzz(f *testing.F, format fhir.Format, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	files, _ := filepath.Glob("testdata/*/*.xml")
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		if n, err := fhir.Parse(raw, fhir.XML, fhir.R4, fhir.Limits{}); format == fhir.JSON && err == nil {
			raw, _ = fhir.Write(n, fhir.JSON, fhir.R4)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		began := time.Now()
		n, err := fhir.Parse(raw, format, fhir.R4, fhir.Limits{Bytes: 1 << 20})
		if took := time.Since(began); took > 2*time.Second {
			t.Fatalf("%d bytes took %s", len(raw), took)
		}
		if err != nil {
			if e, ok := err.(*fhir.Error); !ok || len(e.Issues) == 0 || e.Error() == "" {
				t.Fatalf("%v", err)
			}
			return
		}
		for _, as := range []fhir.Format{fhir.JSON, fhir.XML} {
			b, err := fhir.Write(n, as, fhir.R4)
			if err != nil {
				if as == fhir.JSON || format == fhir.XML {
					t.Fatalf("%v\n%s", err, raw)
				}
				continue
			}
			back, err := fhir.Parse(b, as, fhir.R4, fhir.Limits{Bytes: 8 << 20})
			if err != nil {
				t.Fatalf("%v\n%s\n%s", err, raw, b)
			}
			if as == fhir.JSON && fhir.Hash(back) != fhir.Hash(n) {
				t.Fatalf("%s\n%s", raw, b)
			}
		}
		for r := range fhir.References(n) {
			_, _ = fhir.ParseRef(r.Text)
		}
	})
}

func FuzzJSON(f *testing.F) {
	fuzz(f, fhir.JSON, `{"a":[1,-0.1e+5,true,false,null,"\ud83d\ude00\n"],"_a":[null,{"id":"x"}]}`, `{"resourceType":"Patient","text":{"div":"<div>a&nbsp;b</div>"}}`, "\ufeff{}")
}

func FuzzXML(f *testing.F) {
	fuzz(f, fhir.XML, head+`<id value="&#x41;"/></Patient>`, head+`<a/><a value="1" id="b"/><c><Basic/></c></Patient>`)
}

// bundle is a searchset of about size bytes with the patients of UK Core's example.
func bundle(tb testing.TB, size int) *fhir.Node {
	tb.Helper()
	raw, err := os.ReadFile("testdata/ukcore/UKCore-Patient-RichardSmith-Example.xml")
	if err != nil {
		tb.Fatal(err)
	}
	n := fhir.Obj("resourceType", "Bundle", "type", "searchset")
	for i := 0; ; i++ {
		p, err := fhir.Parse(raw, fhir.XML, fhir.R4, fhir.Limits{})
		if err != nil {
			tb.Fatal(err)
		}
		p.Set("id", fmt.Sprintf("p%d", i))
		n.Add("entry", fhir.Obj("fullUrl", fmt.Sprintf("https://a.example/Patient/p%d", i), "resource", p))
		if b, _ := fhir.Write(n, fhir.JSON, fhir.R4); len(b) >= size {
			return n
		}
	}
}

// A round trip of 10 KB takes less than 200 microseconds; the measure beside it is
// encoding/json into any.
func BenchmarkRoundTrip10KB(b *testing.B) {
	n := bundle(b, 10_000)
	for name, f := range map[string]fhir.Format{"JSON": fhir.JSON, "XML": fhir.XML} {
		raw, err := fhir.Write(n, f, fhir.R4)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				x, err := fhir.Parse(raw, f, fhir.R4, fhir.Limits{})
				if err != nil {
					b.Fatal(err)
				}
				if _, err = fhir.Write(x, f, fhir.R4); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	raw, _ := fhir.Write(n, fhir.JSON, fhir.R4)
	b.Run("encoding-json", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			var x any
			if err := json.Unmarshal(raw, &x); err != nil {
				b.Fatal(err)
			}
			if _, err := json.Marshal(x); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// What is wrong or hostile is answered in milliseconds (50 MB is refused unread).
func TestHostileIsQuick(t *testing.T) {
	mb := func(s string, n int) []byte { return []byte(strings.Repeat(s, n<<20/len(s))) }
	for name, c := range map[string]struct {
		raw []byte
		f   fhir.Format
	}{
		"50 MB":       {make([]byte, 50<<20), fhir.JSON},
		"brackets":    {append([]byte(`{"a":`), mb("[", 9)...), fhir.JSON},
		"braces":      {mb(`{"a":`, 9), fhir.JSON},
		"elements":    {append([]byte(head), mb("<a>", 9)...), fhir.XML},
		"backslashes": {append([]byte(`{"a":"`), mb(`\\`, 9)...), fhir.JSON},
		"numbers":     {append([]byte(`{"a":[`), mb(`1,`, 9)...), fhir.JSON},
		"namespaces":  {append([]byte(`<Patient`), mb(` xmlns:a="b"`, 9)...), fhir.XML},
		"attributes":  {append([]byte(head+`<a`), mb(` b="c"`, 9)...), fhir.XML},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			if _, err := fhir.Parse(c.raw, c.f, fhir.R4, fhir.Limits{}); err == nil {
				t.Error("it was taken")
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}
