package api

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/fhir"
)

// Whatever stands in a search, it is read or refused, in little time; nothing that
// tells who somebody is gets into a link, and no value into what a refusal says.
func FuzzR4Search(f *testing.F) {
	for _, s := range []string{"Patient\nidentifier=https://fhir.nhs.uk/Id/nhs-number|9990700028", "Patient\nfamily=Docherty&birthdate=1941-05-06&address-postalcode=ZZ99 3AA", "Encounter\npatient=a&date=ge2026-01-01&_include=Encounter:subject",
		"Task\n_page=eyJxIjoic3RhdHVzPWEiLCJhIjoieCJ9", "Task\nstatus:not=a,b\\,c&_count=0&_elements=a,b&_sort=-_lastUpdated", "Provenance\ntarget=Encounter/a.b", "Organization\nname:contains=x&_summary=count"} {
		f.Add(s)
	}
	n, err := fhir.Parse([]byte(stay(1, "V1", "Ward 12", "in-progress")), fhir.JSON, fhir.R4, fhir.Limits{})
	if err != nil {
		f.Fatal(err)
	}
	faces := &Faces{FacesConfig: FacesConfig{PublicURL: public, Clock: time.Now}}
	f.Fuzz(func(t *testing.T, s string) {
		typ, query, _ := strings.Cut(s, "\n")
		of := r4TypeOf(typ)
		asked, err := url.ParseQuery(query)
		if of == nil || err != nil {
			return
		}
		began := time.Now()
		c := &call{face: &face{base: r4Base, faces: faces}, r: httptest.NewRequest("POST", "/fhir/R4/x/_search", nil), by: care.Actor{Org: "RK5", OrgKind: care.Trust}}
		q, err := c.r4Query(of, asked)
		if took := time.Since(began); took > time.Second {
			t.Fatalf("it took %s", took)
		}
		if err != nil {
			for name := range asked {
				if v := asked.Get(name); len(v) > 12 && strings.Contains(err.Error(), v) && name != "_format" {
					t.Fatalf("the refusal repeats a value: %v", err)
				}
			}
			return
		}
		q.passes(n, public+r4Base)
		for name := range q.safe {
			bare, _, _ := strings.Cut(name, ":")
			if p, ok := of.param(bare); ok && p.person || r4WhoByIdentifier(name) {
				t.Fatalf("a link would hold %s", name)
			}
		}
		q.wide()
	})
}

func TestR4DatesCompare(t *testing.T) {
	period := fhir.Obj("start", "2026-11-20", "end", "2026-11-22T10:00:00Z")
	open := fhir.Obj("start", "2026-11-20")
	day := &fhir.Node{Kind: fhir.String, Text: "2026-11-20"}
	for _, tt := range []struct {
		on   *fhir.Node
		ask  string
		want bool
	}{
		{day, "2026-11-20", true}, {day, "2026-11", true}, {day, "2026-11-20T10:00:00Z", false}, {day, "ne2026-11-20", false}, {day, "ge2026-11-20", true}, {day, "gt2026-11-20", false},
		{day, "gt2026-11-19", true}, {day, "lt2026-11-21", true}, {day, "le2026-11-20", true}, {day, "lt2026-11-20", false}, {day, "sa2026-11-19", true}, {day, "sa2026-11-20", false},
		{day, "eb2026-11-21", true}, {day, "eb2026-11-20", false}, {period, "2026-11-20", false}, {period, "2026-11", true}, {period, "gt2026-11-21", true}, {period, "lt2026-11-21", true},
		{period, "sa2026-11-19", true}, {period, "eb2026-11-23", true}, {period, "eb2026-11-22", false}, {open, "ge2030", true}, {open, "eb2030", false}, {open, "sa2026-11-19", true},
		{day, "2026-11-20T00:00:00.000+01:00", false}, {fhir.Obj(), "2026", false},
	} {
		if got := dateFits(tt.on, tt.ask); got != tt.want {
			t.Errorf("%+v %s: %v", tt.on, tt.ask, got)
		}
	}
}

func TestR4Alternatives(t *testing.T) {
	for in, want := range map[string]string{"a": "a", "a,b": "a;b", `a\,b,c`: `a\,b;c`, "": "", ",": ";", `a\\,b`: `a\\;b`, `a\`: `a\`} {
		if got := strings.Join(alternatives(in), ";"); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
	if unescaped(`a\,b\|c\\d\$`) != `a,b|c\d$` {
		t.Error(unescaped(`a\,b\|c\\d\$`))
	}
}
