package main

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

// TestCitationsAreListed reads the whole repository.
func TestCitationsAreListed(t *testing.T) {
	if err := run(io.Discard, os.DirFS(".."), ""); err != nil {
		t.Error(err)
	}
}

const sample = `# A comment.
HL7 v2.4 | Yes | a | x
HL7 UK A.3 | No | b | x
FHIR R4 | Partial | c | x
RFC 6962 | Partial | d | x
DCB0129 | Roadmap | e | x
NHS CUI | Partial | f | x
NIST SP 800-63B | Partial | g | x
BaRS 1.5 | Partial | h | x
BaRS API 1.4 | Partial | i | x
`

func complaints(t *testing.T, comment string) string {
	t.Helper()
	x, err := readIndex(sample)
	if err != nil {
		t.Fatal(err)
	}
	cites, err := x.citations(fstest.MapFS{"a/a.go": {Data: []byte("package a\n\n// HL7 v2.4 2.1\n\n" + comment + "\nvar A int\n")}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(x.wrong(cites)...); err != nil {
		return err.Error()
	}
	return ""
}

func TestWrongCitationsAreFound(t *testing.T) {
	for comment, want := range map[string]string{
		"// HL7 v2.9 3.3.2":                     "a/a.go:5: HL7 v2.9 is cited",
		"/* one\nFHIR R6 Bundle */":             "a/a.go:6: FHIR R6",
		"// HL7 UK A.4":                         "HL7 UK A.4",
		"// see RFC 9999 2.1":                   "RFC 9999",
		"// DCB0161":                            "DCB0161",
		"// NIST SP 800-64 1":                   "NIST SP 800-64",
		"// BaRS 1.3 process-message":           "BaRS 1.3",
		"// BaRS API 1.3 x":                     "BaRS API 1.3",
		"var B int // HL7 v2.4 3, HL7 v2.44 3.": "HL7 v2.44",
	} {
		if got := complaints(t, comment); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", comment, got, want)
		}
	}
}

func TestRightCitationsPass(t *testing.T) {
	for _, comment := range []string{
		"// HL7 v2.4 3.3.2, RFC 6962 2.1 and FHIR R4 Bundle.", "// HL7 v2 in any version", "// NHS CUI PAB-0016",
		"// DCB0129", "// NIST SP 800-63B 5", "// FHIR in general", "// HL7 UK A.3 PV1-2", "// BaRS API 1.4 and BaRS 1.5 4",
		`var B = "FHIR R6"`,
	} {
		if got := complaints(t, comment); got != "" {
			t.Errorf("%s: %s", comment, got)
		}
	}
}

func TestYesNeedsACitation(t *testing.T) {
	x, err := readIndex(sample)
	if err != nil {
		t.Fatal(err)
	}
	if errs := x.wrong(nil); len(errs) != 1 || !strings.Contains(errs[0].Error(), "says Yes to HL7 v2.4") {
		t.Errorf("got %v", errs)
	}
}

func TestIndexRefusesNonsense(t *testing.T) {
	for text, want := range map[string]string{
		"HL7 v2.4 | Yes | a":                         "3 cells",
		"HL7 v2.4 | Perhaps | a | x":                 `status "Perhaps"`,
		"HL7 v2.4 | Yes | | x":                       "cell 3 is empty",
		"FHIR R4 | No | a | x\nFHIR R4 | No | a | x": "index.txt:2: FHIR R4 is listed twice",
	} {
		if _, err := readIndex(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestRunPrintsWhereEachIsCited(t *testing.T) {
	var out strings.Builder
	tree := fstest.MapFS{"a/a.go": {Data: []byte("// Package a follows RFC 6962 2.1.\npackage a\n")}}
	err := run(&out, tree, "rfc 6962")
	if !strings.Contains(out.String(), "a/a.go:1: Package a follows RFC 6962 2.1.") || strings.Contains(out.String(), "HL7") {
		t.Errorf("printed %q, with %v", out.String(), err)
	}
}
