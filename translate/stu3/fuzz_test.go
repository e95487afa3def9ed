package stu3

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"homeward/care"
	"homeward/fhir"
	"homeward/translate"
)

// FuzzRead reads whatever is a resource: every reader answers, with a request or
// with what is wrong, and says nothing of what was sent.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/shd/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	s := sender(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := fhir.Parse(b, fhir.JSON, fhir.STU3, fhir.Limits{Bytes: 1 << 20})
		if err != nil || n.Kind != fhir.Object {
			return
		}
		is := care.Referral{ID: "AB12-CD34-EF56", To: "511", State: care.RefReceived}
		for _, read := range []func() (translate.Request, error){
			func() (translate.Request, error) { return ReadReferral(n, "key", s) },
			func() (translate.Request, error) { return ReadEncounter(n, "a|b", s) },
			func() (translate.Request, error) { return ReadPaper(n, "", s) },
			func() (translate.Request, error) { return ReadNote(n, s) },
			func() (translate.Request, error) { return ReadTrigger(n, "", s) },
			func() (translate.Request, error) { return ReadTrigger(n, is.ID, s) },
			func() (translate.Request, error) { return ReadPlan(n, s) },
			func() (translate.Request, error) { return ReadAssessment(n, s) },
			func() (translate.Request, error) { return ReadChild(n, is, s) },
		} {
			_, err := read()
			var e *fhir.Error
			if err == nil {
				continue
			}
			if !errors.As(err, &e) || len(e.Issues) == 0 {
				t.Fatalf("an error of another kind: %v", err)
			}
			if text := n.Str("name.family"); len(text) > 12 && strings.Contains(err.Error(), text) {
				t.Fatal("an error repeats a name")
			}
		}
	})
}
