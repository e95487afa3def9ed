package fhir_test

import (
	"strings"
	"testing"

	"homeward/fhir"
)

func TestJSONBytesAreKept(t *testing.T) {
	for _, text := range []string{
		`{"resourceType":"Patient","id":"a","birthDate":"1938-04-02","_birthDate":{"extension":[{"url":"x","valueDecimal":1.50}]}}`,
		`{"resourceType":"X","unknown":{"a":[1,null,-0.0,1e+2,true,false,{},[]]},"t":"é€𝄞 \" \\ \n\t\r /"}`,
	} {
		n, err := fhir.Parse([]byte(text), fhir.JSON, fhir.R4, fhir.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := fhir.Write(n, fhir.JSON, fhir.R4)
		if err != nil || string(got) != text {
			t.Errorf("%v\n got %s\nwant %s", err, got, text)
		}
	}
}

func TestJSONRefused(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":             {"  ", "empty"},
		"array":             {"[]", "begins with {"},
		"no end":            {`{"a":"b`, "a string has no end (line 1, column 6)"},
		"cut":               {`{"a":{"b":[1`, "a.b the text ends too early"},
		"trailing":          {`{} {}`, "something follows the resource (line 1, column 4)"},
		"trailing comma":    {"{\"a\":1,\n}", "the name of an element was expected, in double quotes (line 2, column 1)"},
		"twice":             {`{"a":{"b":1,"c":2,"b":3}}`, "a.b an element stands here twice"},
		"empty name":        {`{"":1}`, "empty name"},
		"bad word":          {`{"a":nul}`, "a a value was expected"},
		"leading zero":      {`{"a":01}`, "a comma or } was expected"},
		"plus":              {`{"a":+1}`, "a a value was expected"},
		"bare point":        {`{"a":1.}`, "not a number"},
		"bare exponent":     {`{"a":1e}`, "not a number"},
		"control":           {"{\"a\":\"x\ny\"}", "control character"},
		"escaped control":   {`{"a":"\u0000"}`, "escape"},
		"lone surrogate":    {`{"a":"\ud83d"}`, "escape"},
		"lone low":          {`{"a":"\ude00"}`, "escape"},
		"wrong pair":        {`{"a":"\ud83d\u0041"}`, "escape"},
		"bad escape":        {`{"a":"\x41"}`, "escape"},
		"not UTF-8":         {"{\"a\":\"\xff\"}", "not UTF-8 (line 1, column 7)"},
		"item":              {`{"a":[{"b":1},{"b":x}]}`, "a[1].b a value was expected"},
		"names tell nobody": {`{"a":{"Mrs B Example":{"c":x}}}`, "a a value was expected"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := fhir.Parse([]byte(c.text), fhir.JSON, fhir.R4, fhir.Limits{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if e := err.(*fhir.Error); !e.Malformed || e.TooLarge {
				t.Errorf("malformed %v, too large %v", e.Malformed, e.TooLarge)
			}
		})
	}
}

func TestJSONLimits(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		lim  fhir.Limits
	}{
		"bytes": {`{"a":1}`, fhir.Limits{Bytes: 6}},
		"depth": {strings.Repeat(`{"a":`, 65) + "1" + strings.Repeat("}", 65), fhir.Limits{}},
		"nodes": {`{"a":[1,2,3]}`, fhir.Limits{Nodes: 4}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := fhir.Parse([]byte(c.text), fhir.JSON, fhir.R4, c.lim)
			if e, ok := err.(*fhir.Error); !ok || !e.TooLarge {
				t.Fatalf("got %v", err)
			}
		})
	}
	ok := strings.Repeat(`{"a":`, 64) + "1" + strings.Repeat("}", 64)
	if _, err := fhir.Parse([]byte(ok), fhir.JSON, fhir.R4, fhir.Limits{}); err != nil {
		t.Error(err)
	}
}

func TestFormatOf(t *testing.T) {
	for said, want := range map[string]struct {
		f  fhir.Format
		v  fhir.Version
		ok bool
	}{
		"application/fhir+json":                  {fhir.JSON, 0, true},
		"application/fhir+json; fhirVersion=4.0": {fhir.JSON, fhir.R4, true},
		"application/fhir+xml; fhirVersion=3.0":  {fhir.XML, fhir.STU3, true},
		"application/fhir+json; version=1.1.0":   {},
		"application/xml+fhir;charset=utf-8":     {fhir.XML, 0, true},
		"application/json+fhir":                  {fhir.JSON, 0, true},
		"Application/JSON":                       {fhir.JSON, 0, true},
		"text/xml":                               {fhir.XML, 0, true},
		"json":                                   {fhir.JSON, 0, true},
		"text/html":                              {},
		"":                                       {},
		"application/fhir+json; fhirVersion=4.3": {fhir.JSON, fhir.R4, false},
		"application/fhir+json; fhirVersion=5.0": {},
		"application/fhir+xml; charset=utf-8;version=3.0.1": {fhir.XML, fhir.STU3, true},
	} {
		f, v, ok := fhir.FormatOf(said)
		if f != want.f || v != want.v || ok != want.ok {
			t.Errorf("%q: %v %v %v", said, f, v, ok)
		}
	}
}
