package fhir_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeward/fhir"
)

const head = `<Patient xmlns="http://hl7.org/fhir">`

func mustParse(t *testing.T, text string, f fhir.Format, v fhir.Version) *fhir.Node {
	t.Helper()
	n, err := fhir.Parse([]byte(text), f, v, fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func mustWrite(t *testing.T, n *fhir.Node, f fhir.Format, v fhir.Version) string {
	t.Helper()
	b, err := fhir.Write(n, f, v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestXMLIsJSON(t *testing.T) {
	for name, c := range map[string]struct{ xml, json string }{
		"values": {
			`<id value="a"/><active value="true"/><birthDate value="1938-04-02"/><multipleBirthInteger value="2"/>`,
			`"id":"a","active":true,"birthDate":"1938-04-02","multipleBirthInteger":2`},
		"arrays": {
			`<name id="n"><family value="Example"/><given value="Anna"/><given value="Mary"/></name>`,
			`"name":[{"id":"n","family":"Example","given":["Anna","Mary"]}]`},
		"extensions of a value": {
			`<birthDate id="b" value="1938"><extension url="http://x"><valueDecimal value="1.50"/></extension></birthDate>`,
			`"birthDate":"1938","_birthDate":{"id":"b","extension":[{"url":"http://x","valueDecimal":1.50}]}`},
		"extensions without a value": {
			`<birthDate><extension url="http://x"><valueCode value="unknown"/></extension></birthDate>`,
			`"_birthDate":{"extension":[{"url":"http://x","valueCode":"unknown"}]}`},
		"extensions in an array": {
			`<name><given value="Anna"/><given id="m" value="Mary"/><given value="Jo"/></name>`,
			`"name":[{"given":["Anna","Mary","Jo"],"_given":[null,{"id":"m"},null]}]`},
		"array of nothing but extensions": {
			`<name><given id="a"/><given id="b"/></name>`,
			`"name":[{"_given":[{"id":"a"},{"id":"b"}]}]`},
		"narrative": {
			`<text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml"><p class="x">A &lt; B<br/>&#160;</p></div></text>`,
			`"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p class=\"x\">A &lt; B<br/>&#160;</p></div>"}`},
		"contained": {
			`<contained><Organization><id value="o"/><active value="false"/></Organization></contained>`,
			`"contained":[{"resourceType":"Organization","id":"o","active":false}]`},
		"unknown": {
			`<thing value="1"/><part><x value="true"/><y><z value="1"/></y></part><many value="a"/><many id="i" value="b"/>`,
			`"thing":"1","part":{"x":"true","y":{"z":"1"}},"many":["a","b"],"_many":[null,{"id":"i"}]`},
		"characters": {
			`<language value="&lt;&amp;&quot;&gt;é𝄞&#10;'"/>`,
			`"language":"<&\">é𝄞\n'"`},
		"wrong kinds stay as they are": {
			`<active value="perhaps"/><multipleBirthInteger value="two"/>`,
			`"active":"perhaps","multipleBirthInteger":"two"`},
	} {
		t.Run(name, func(t *testing.T) {
			xml := head + c.xml + `</Patient>`
			json := `{"resourceType":"Patient",` + c.json + `}`
			if got := mustWrite(t, mustParse(t, xml, fhir.XML, fhir.R4), fhir.JSON, fhir.R4); got != json {
				t.Errorf("to JSON\n got %s\nwant %s", got, json)
			}
			if got := mustWrite(t, mustParse(t, json, fhir.JSON, fhir.R4), fhir.XML, fhir.R4); got != xml {
				t.Errorf("to XML\n got %s\nwant %s", got, xml)
			}
		})
	}
}

func TestXMLReleases(t *testing.T) {
	xml := `<Patient xmlns="http://hl7.org/fhir"><animal><species><text value="cat"/></species></animal></Patient>`
	if got := mustParse(t, xml, fhir.XML, fhir.STU3).Str("animal.species.text"); got != "cat" {
		t.Error(got)
	}
	xml = `<Encounter xmlns="http://hl7.org/fhir"><reason><text value="fall"/></reason></Encounter>`
	if n := mustParse(t, xml, fhir.XML, fhir.STU3); n.Member("reason").Kind != fhir.Array {
		t.Error("Encounter.reason of STU3 repeats")
	}
	if n := mustParse(t, xml, fhir.XML, fhir.R4); n.Member("reason").Kind != fhir.Object {
		t.Error("Encounter.reason is no element of R4")
	}
}

func TestXMLOrder(t *testing.T) {
	n := mustParse(t, `{"birthDate":"1938","mine":1,"_active":{"id":"x"},"resourceType":"Patient","id":"a"}`, fhir.JSON, fhir.R4)
	want := head + `<id value="a"/><active id="x"/><birthDate value="1938"/><mine value="1"/></Patient>`
	if got := mustWrite(t, n, fhir.XML, fhir.R4); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestXMLPrefixes(t *testing.T) {
	n := mustParse(t, `<?xml version="1.0" encoding="UTF-8"?>
<!-- a comment -->
<f:Patient xmlns:f="http://hl7.org/fhir" xmlns:h="http://www.w3.org/1999/xhtml" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://hl7.org/fhir patient.xsd">
  <f:text><f:status value='generated'/><h:div><h:p>x</h:p></h:div></f:text>
  <f:id value='a'/><!-- <b/> -->
</f:Patient>
`, fhir.XML, fhir.R4)
	want := `{"resourceType":"Patient","text":{"status":"generated","div":"<h:div xmlns:h=\"http://www.w3.org/1999/xhtml\"><h:p>x</h:p></h:div>"},"id":"a"}`
	if got := mustWrite(t, n, fhir.JSON, fhir.R4); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	mustParse(t, mustWrite(t, n, fhir.XML, fhir.R4), fhir.XML, fhir.R4)
}

func TestXMLRefused(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":              {" \n", "the body is empty"},
		"no XML":             {"{}", "an element was expected"},
		"namespace":          {`<Patient/>`, "namespace"},
		"other namespace":    {head + `<x xmlns="urn:x" value="1"/></Patient>`, "Patient.x this element is not in the namespace"},
		"prefix":             {`<f:Patient/>`, "prefix"},
		"doctype":            {`<!DOCTYPE Patient [<!ENTITY a "b">]>` + head + `</Patient>`, "DOCTYPE"},
		"entity":             {head + `<id value="&a;"/></Patient>`, "Patient an entity"},
		"entity of control":  {head + `<id value="&#0;"/></Patient>`, "entity"},
		"instruction":        {head + `<?php x?></Patient>`, "processing instruction"},
		"CDATA":              {head + `<![CDATA[x]]></Patient>`, "CDATA"},
		"text":               {head + `x</Patient>`, "text stands between elements"},
		"attribute":          {head + `<id value="a" class="b"/></Patient>`, "attribute"},
		"attribute twice":    {head + `<id value="a" value="b"/></Patient>`, "twice"},
		"element twice":      {head + `<id value="a"/><id value="b"/></Patient>`, "Patient.id an element that does not repeat"},
		"value of elements":  {head + `<name value="a"/></Patient>`, "Patient.name this element has elements"},
		"url":                {head + `<name url="a"/></Patient>`, "only an extension"},
		"cut":                {head + `<name><family`, "the text ends too early"},
		"crossed":            {head + `<name><family></name></family></Patient>`, "Patient.name.family an end tag does not fit"},
		"trailing":           {head + `</Patient><Patient/>`, "something follows"},
		"trailing text":      {head + `</Patient>x`, "something follows"},
		"encoding":           {`<?xml version="1.0" encoding="ISO-8859-1"?>` + head + `</Patient>`, "encoding"},
		"quotes":             {head + `<id value=a/></Patient>`, "quotes"},
		"less than":          {head + `<id value="<"/></Patient>`, "a < stands"},
		"comment":            {head + `<!-- -- --></Patient>`, "comment"},
		"control":            {head + "<id value=\"\x01\"/></Patient>", "control character"},
		"narrative entity":   {head + `<text><div xmlns="http://www.w3.org/1999/xhtml">&nbsp;</div></text></Patient>`, "entity"},
		"narrative cut":      {head + `<text><div xmlns="http://www.w3.org/1999/xhtml"><p></div></text></Patient>`, "end tag"},
		"narrative script":   {head + `<text><div xmlns="http://www.w3.org/1999/xhtml"><!DOCTYPE x></div></text></Patient>`, "elements and text only"},
		"two in a container": {head + `<contained><Basic/><Basic/></contained></Patient>`, "the end of an element was expected"},
		"resource with id":   {`<Patient xmlns="http://hl7.org/fhir" id="a"/>`, "no attributes"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := fhir.Parse([]byte(c.text), fhir.XML, fhir.R4, fhir.Limits{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if e, ok := err.(*fhir.Error); !ok || !e.Malformed {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestXMLLimits(t *testing.T) {
	deep := head + strings.Repeat("<a>", 64) + strings.Repeat("</a>", 64) + `</Patient>`
	narrative := head + `<text><div xmlns="http://www.w3.org/1999/xhtml">` + strings.Repeat("<b>", 64) + strings.Repeat("</b>", 64) + `</div></text></Patient>`
	var names strings.Builder
	for i := range 500 {
		names.WriteString("<a" + strings.Repeat("x", i) + "/>")
	}
	for name, c := range map[string]struct {
		text string
		lim  fhir.Limits
	}{
		"depth":     {deep, fhir.Limits{}},
		"narrative": {narrative, fhir.Limits{}},
		"elements":  {head + strings.Repeat("<a/>", 20) + `</Patient>`, fhir.Limits{Nodes: 20}},
		"names":     {head + names.String() + `</Patient>`, fhir.Limits{}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := fhir.Parse([]byte(c.text), fhir.XML, fhir.R4, c.lim)
			if e, ok := err.(*fhir.Error); !ok || !e.TooLarge {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestXMLCannotHold(t *testing.T) {
	for name, text := range map[string]string{
		"no type":             `{"id":"a"}`,
		"type":                `{"resourceType":"a b"}`,
		"name":                `{"resourceType":"Patient","a b":1}`,
		"array in array":      `{"resourceType":"Patient","name":[[1]]}`,
		"value for elements":  `{"resourceType":"Patient","name":["x"]}`,
		"elements for value":  `{"resourceType":"Patient","birthDate":{"a":1}}`,
		"narrative injection": `{"resourceType":"Patient","text":{"div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"></div></text><active value=\"true\"/><text>"}}`,
		"narrative text":      `{"resourceType":"Patient","text":{"div":"hello"}}`,
		"extensions":          `{"resourceType":"Patient","birthDate":"1938","_birthDate":"x"}`,
		"extensions unlike":   `{"resourceType":"Patient","birthDate":"1938","_birthDate":[{"id":"x"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			n := mustParse(t, text, fhir.JSON, fhir.R4)
			if b, err := fhir.Write(n, fhir.XML, fhir.R4); err == nil {
				t.Errorf("written: %s", b)
			}
		})
	}
}

func TestXMLNarrativeOfJSON(t *testing.T) {
	n := mustParse(t, `{"resourceType":"Patient","text":{"div":"<div>a&nbsp;b &amp; c</div>"}}`, fhir.JSON, fhir.R4)
	want := head + "<text><div xmlns=\"http://www.w3.org/1999/xhtml\">a\u00a0b &amp; c</div></text></Patient>"
	if got := mustWrite(t, n, fhir.XML, fhir.R4); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

// The examples of UK Core are read, written as JSON, read, written as XML and read
// again, and nothing changes on the way.
func TestXMLExamples(t *testing.T) {
	files, _ := filepath.Glob("testdata/*/*.xml")
	if len(files) < 10 {
		t.Fatal("the examples are not there")
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			raw, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			first := mustParse(t, string(raw), fhir.XML, fhir.R4)
			json := mustWrite(t, first, fhir.JSON, fhir.R4)
			second := mustParse(t, json, fhir.JSON, fhir.R4)
			if d := cmp.Diff(first, second); d != "" {
				t.Error(d)
			}
			xml := mustWrite(t, second, fhir.XML, fhir.R4)
			if d := cmp.Diff(first, mustParse(t, xml, fhir.XML, fhir.R4)); d != "" {
				t.Error(d)
			}
		})
	}
}
