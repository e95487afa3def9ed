package r4

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"homeward/fhir"
	"homeward/form"
	"homeward/nhs"
	"homeward/pathways"
)

func library(t testing.TB) *form.Library {
	t.Helper()
	l, err := form.Load(pathways.Files)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// parsed writes a resource as JSON and reads it again.
func parsed(t interface{ Fatal(...any) }, n *fhir.Node) *fhir.Node {
	raw, err := fhir.Write(n, fhir.JSON, fhir.R4)
	if err != nil {
		t.Fatal(err)
	}
	back, err := fhir.Parse(raw, fhir.JSON, fhir.R4, fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return back
}

// anAnswer is a value that a field takes.
func anAnswer(p *form.Pathway, f form.Field, r *rand.Rand) []string {
	if cs := p.Choices(f); len(cs) > 0 {
		vs := []string{cs[r.IntN(len(cs))].Code}
		if f.Kind == form.ChooseMany && r.IntN(2) == 0 {
			vs = append(vs, cs[r.IntN(len(cs))].Code)
		}
		return vs
	}
	switch f.Kind {
	case form.Date:
		return []string{"2026-03-0" + string(rune('1'+r.IntN(9)))}
	case form.DateTime:
		return []string{"2026-03-12T15:30"}
	case form.NHSNumber:
		return []string{nhs.Test(r.IntN(1000)).Digits()}
	case form.Postcode:
		return []string{"NG2 7QP"}
	case form.ODS:
		return []string{"A81001"}
	case form.Phone:
		return []string{"01632 960001"}
	case form.Paragraph:
		return []string{"Two\nlines “ü”"}
	}
	return []string{"Y"} // text that looks like another type
}

// TestQuestionnairesRoundTrip: any answers to any form come back as they were,
// and the exported form is the installed one, and right by FHIR R4.
func TestQuestionnairesRoundTrip(t *testing.T) {
	lib := library(t)
	for _, p := range lib.All() {
		n := parsed(t, Questionnaire(p))
		if issues := fhir.Check(n, fhir.R4); len(issues) > 0 {
			t.Errorf("%s %d: %v", p.ID, p.Version, issues[0])
		}
		if _, found, err := ReadQuestionnaire(n, lib.Get); err != nil || len(found) > 0 {
			t.Errorf("%s %d: %v, %v", p.ID, p.Version, found, err)
		}
		seen := links(n)
		if len(seen.text) != len(seen.order) {
			t.Errorf("%s %d: a link is used twice", p.ID, p.Version)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		all := lib.All()
		p := all[rapid.IntRange(0, len(all)-1).Draw(t, "form")]
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		a := form.Answers{}
		for _, g := range p.Pages {
			fields := g.Fields
			for _, rep := range g.Groups {
				for n := 1; n <= r.IntN(3); n++ {
					fields = append(fields[:len(fields):len(fields)], p.ItemFields(rep.ID, n)...)
				}
			}
			for _, f := range fields {
				if f.Kind != form.Info && r.IntN(3) > 0 {
					a[f.ID] = anAnswer(p, f, r)
				}
			}
		}
		a = p.Clean(a)
		n := parsed(t, Response(p, a))
		if issues := fhir.Check(n, fhir.R4); len(issues) > 0 {
			t.Fatal(issues[0])
		}
		q, back, found, err := ReadResponse(n, lib.Get)
		if err != nil || len(found) > 0 || q != p {
			t.Fatal(found, err)
		}
		if d := cmp.Diff(a, back); d != "" {
			t.Fatal(d)
		}
	})
}

func TestReadResponseRefuses(t *testing.T) {
	lib := library(t)
	for _, c := range []struct{ text, want string }{
		{`{"resourceType":"Patient"}`, ErrNotForm.Error()},
		{`{"resourceType":"QuestionnaireResponse","questionnaire":"https://example.org/q|1"}`, ErrUnknownForm.Error()},
		{`{"resourceType":"QuestionnaireResponse","questionnaire":"` + questionnaires + `d2a|99"}`, ErrUnknownForm.Error()},
		{`{"resourceType":"QuestionnaireResponse","questionnaire":"` + questionnaires + `d2a|2","item":[{"linkId":"secret","answer":[{"valueString":"Sam"}]},{"linkId":"consent","answer":[{"valueString":"Y"}]}]}`,
			"secret: The form does not ask this; consent: The answer must be a valueCoding"},
	} {
		n, err := fhir.Parse([]byte(c.text), fhir.JSON, fhir.R4, fhir.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		_, _, found, err := ReadResponse(n, lib.Get)
		var got []string
		for _, f := range found {
			got = append(got, f.Link+": "+f.Text)
		}
		if err != nil {
			got = []string{errors.Unwrap(err).Error()}
		}
		if s := strings.Join(got, "; "); s != c.want {
			t.Errorf("%s:\n %s\nwant\n %s", c.text, s, c.want)
		}
	}
}

// TestReadQuestionnaireTellsDifferences: a file that was changed is not the form.
func TestReadQuestionnaireTellsDifferences(t *testing.T) {
	lib := library(t)
	p, _ := lib.Get("d2a", 2)
	raw, err := fhir.Write(Questionnaire(p), fhir.JSON, fhir.R4)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(raw), `"text":"Family name"`, `"text":"Surname"`, 1)
	text = strings.Replace(text, `"linkId":"contacts.other_name"`, `"linkId":"contacts.nobody"`, 1)
	n, err := fhir.Parse([]byte(text), fhir.JSON, fhir.R4, fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	_, found, err := ReadQuestionnaire(n, lib.Get)
	want := []Finding{{"family", "It is not as in the form"}, {"contacts.other_name", "The file does not have it"}, {"contacts.nobody", "The form does not have it"}}
	if d := cmp.Diff(want, found); err != nil || d != "" {
		t.Error(err, d)
	}
}
