package api

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"homeward/extract"
	"homeward/fhir"
	"homeward/nhs"
)

const scds = "/SocialCareDataService/v1"

// imports reads an extract of a council: nobody, or Edith with a package.
func (s *faceSite) imports(council nhs.ODS, people ...string) {
	s.Helper()
	fsys := fstest.MapFS{}
	var m strings.Builder
	fmt.Fprintf(&m, "format = 1\ncouncil = %q\nas_at = %s\nkind = \"full\"\n", council, s.clock().Format(time.RFC3339))
	var persons, packages, concerns []string
	for _, p := range people {
		persons = append(persons, p)
		id, _, _ := strings.Cut(p, ",")
		packages = append(packages, "P1,"+id+",HS,\"Home care, 4 calls a day\",active,2025-06-01,,V1,Council")
		concerns = append(concerns, id+",no,,")
	}
	for _, t := range []struct {
		name, head string
		rows       []string
	}{
		{"people", "person_id,nhs_number,title,given,family,preferred,born,sex,address1,address2,address3,address4,postcode,uprn,phone,phone_type,died,restricted,team_id,worker,language", persons},
		{"packages", "package_id,person_id,kind,title,status,start,end,provider_id,funding", packages},
		{"providers", "provider_id,name,phone,out_of_hours_phone,out_of_hours_hours,email,cqc_location_id,verified", []string{"V1,Linden Home Care,01632 960201,01632 960202,18:00 to 08:00,,,2026-01-12"}},
		{"teams", "team_id,name,phone,out_of_hours_phone", []string{"T1,North Locality,01632 960301,01632 960399"}},
		{"safeguarding", "person_id,open,opened,ended", concerns},
		{"equipment", "delivery_id,person_id,title,status,delivered", nil},
	} {
		fmt.Fprintf(&m, "[[files]]\nname = \"%s.csv\"\ntable = %q\nrows = %d\n", t.name, t.name, len(t.rows))
		fsys[t.name+".csv"] = &fstest.MapFile{Data: []byte(strings.Join(append([]string{t.head}, t.rows...), "\n") + "\n")}
	}
	fsys[extract.ManifestName] = &fstest.MapFile{Data: []byte(m.String())}
	layout, err := extract.Builtin("homeward")
	s.must(err)
	res, err := s.hub.Import(context.Background(), council, fmt.Sprint("x", s.clock().UnixMicro()), fsys, layout)
	if err != nil || res.State != "done" {
		s.Fatalf("%+v %v", res, err)
	}
}

func councilPerson(id, number, restricted string) string {
	return id + "," + number + ",Mrs,Edith,Ashworth,,1941-03-14,female,7 Mill Lane,Mansfield,,,NG18 1AA,,,,," + restricted + ",T1,Sam Okafor,"
}

func lookFor(number, born, user, reason string) string {
	return fmt.Sprintf(`{"resourceType":"Parameters","parameter":[{"name":"identifier","valueIdentifier":{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"%s"}},`+
		`{"name":"birthDate","valueDate":"%s"},{"name":"purpose","valueCode":"direct-care"},{"name":"user","valueString":"%s"},{"name":"reason","valueString":"%s"}]}`, number, born, user, reason)
}

// record asks for a record.
func (s *faceSite) record(number, born string) said {
	return s.call("POST", scds+"/Patient/$social-care-record", lookFor(number, born, "nina", "Found on the floor at home"))
}

// types counts the resources of a Bundle, those that say that there is nothing by "no ".
func types(n *fhir.Node) map[string]int {
	out := map[string]int{}
	for _, r := range n.All("entry.resource") {
		name := r.Type()
		for _, path := range []string{"type.coding.code", "code.coding.code", "relationship.coding.code"} {
			if strings.HasPrefix(r.Str(path), "DNH-") {
				name = r.Str(path) + " " + r.Type()
			}
		}
		out[name]++
	}
	return out
}

func TestASocialCareRecord(t *testing.T) {
	onBothFaces(t, func(t *testing.T, s *faceSite) {
		s.imports(county, councilPerson("10001", "9990041016", "no"))
		s.imports(city)
		a := s.record("9990041016", "1941-03-14")
		if a.status != 200 || a.body.Str("type") != "collection" {
			t.Fatalf("%d %s\n%s", a.status, a.raw, s.log)
		}
		got := types(a.body)
		for name, n := range map[string]int{"Patient": 1, "EpisodeOfCare": 1, "DNH-SL Condition": 1, "DNH-SL Device": 1, "DNH-IL RelatedPerson": 1, "Flag": 1} {
			if got[name] != n {
				t.Errorf("%d of %s: %v\n%s", got[name], name, got, a.raw)
			}
		}
		for _, want := range []string{"Linden Home Care", "01632 960 201", "No safeguarding enquiry is open", "Home Support", "Ashworth"} {
			if !strings.Contains(a.raw, want) {
				t.Errorf("nothing of %s in %s", want, a.raw)
			}
		}
		if strings.Contains(a.raw, "4 calls a day") || strings.Contains(a.raw, `"Council"`) {
			t.Errorf("what the package consists of, or who pays, is shown to a hospital: %s", a.raw)
		}
		f := s.call("POST", scds+"/Patient/_search", url.Values{"identifier": {"https://fhir.nhs.uk/Id/nhs-number|9990041016"}, "birthdate": {"1941-03-14"}, "user": {"nina"}, "reason": {"Fall"}}.Encode(),
			"Content-Type", "application/x-www-form-urlencoded", "Accept", "application/fhir+xml")
		if f.status != 200 || f.body.Str("type") != "searchset" || f.body.Str("total") != "1" || types(f.body)["EpisodeOfCare"] != 1 {
			t.Errorf("%d %s", f.status, f.raw)
		}
		// Nobody, a wrong date of birth, and somebody whom the council keeps to itself are the same.
		s.pass(time.Minute)
		s.imports(county, councilPerson("10001", "9990041016", "no"), councilPerson("10002", "9990041024", "yes"))
		nobody := s.record("9990041032", "1941-03-14")
		for name, other := range map[string]said{"a wrong date of birth": s.record("9990041016", "1941-03-15"), "a restricted person": s.record("9990041024", "1941-03-14")} {
			if other.status != 200 || strings.NewReplacer("9990041016", "9990041032", "9990041024", "9990041032").Replace(other.raw) != nobody.raw {
				t.Errorf("%s: %d %s\nnobody: %s", name, other.status, other.raw, nobody.raw)
			}
		}
		got = types(nobody.body)
		if got["DNH-IL EpisodeOfCare"] != 1 || got["Patient"] != 0 || got["DNH-IL Flag"] != 1 || len(nobody.body.All("entry")) < 7 {
			t.Errorf("%v", got)
		}
	})
}

// pass lets time pass, after which tokens have ended.
func (s *faceSite) pass(d time.Duration) {
	s.now.Add(d.Microseconds())
	clear(s.tokens)
}

// TestACouncilThatCannotBeAskedIsSaid holds that "nothing" is never said of a council
// that has told nothing for too long.
func TestACouncilThatCannotBeAskedIsSaid(t *testing.T) {
	s := newFaceSite(t, "sqlite")
	s.imports(county)
	s.imports(city)
	if got := types(s.record("9990041032", "1941-03-14").body); got["DNH-SL EpisodeOfCare"] != 0 {
		t.Errorf("%v", got)
	}
	s.pass(49 * time.Hour)
	a := s.record("9990041032", "1941-03-14")
	if got := types(a.body); got["DNH-SL EpisodeOfCare"] != 3 || got["DNH-IL EpisodeOfCare"] != 0 || !strings.Contains(a.raw, "Nottingham City Council") {
		t.Errorf("%v %s", got, a.raw)
	}
}

func TestALookUpByASystemNamesSomebody(t *testing.T) {
	s := newFaceSite(t, "sqlite")
	for _, tt := range []struct {
		name, method, path, body, kind string
		status                         int
		expression                     string
	}{
		{"no user", "POST", "/Patient/$social-care-record", lookFor("9990041016", "1941-03-14", "", "Fall"), "application/fhir+json", 422, "Parameters.parameter.where(name = 'user')"},
		{"no reason", "POST", "/Patient/$social-care-record", lookFor("9990041016", "1941-03-14", "nina", ""), "application/fhir+json", 422, "Parameters.parameter.where(name = 'reason')"},
		{"a bad number", "POST", "/Patient/$social-care-record", lookFor("9990041017", "1941-03-14", "nina", "Fall"), "application/fhir+json", 422, "Parameters.parameter.where(name = 'identifier')"},
		{"no date of birth", "POST", "/Patient/$social-care-record", lookFor("9990041016", "", "nina", "Fall"), "application/fhir+json", 422, "Parameters.parameter.where(name = 'birthDate')"},
		{"another resource", "POST", "/Patient/$social-care-record", `{"resourceType":"Patient"}`, "application/fhir+json", 422, ""},
		{"in the address", "GET", "/Patient?identifier=9990041016", "", "", 400, ""},
		{"in the address of the operation", "POST", "/Patient/$social-care-record?identifier=9990041016", lookFor("9990041016", "1941-03-14", "nina", "Fall"), "application/fhir+json", 400, ""},
		{"JSON to a search", "POST", "/Patient/_search", "{}", "application/fhir+json", 415, ""},
	} {
		a := s.call(tt.method, scds+tt.path, tt.body, "Content-Type", tt.kind)
		named := tt.expression == "" || slices.ContainsFunc(a.body.All("issue"), func(i *fhir.Node) bool { return i.Str("expression") == tt.expression })
		if a.status != tt.status || !named || strings.Contains(a.raw, "99900410") {
			t.Errorf("%s: %d %s", tt.name, a.status, a.raw)
		}
	}
	s.as = "county-mosaic"
	if a := s.record("9990041016", "1941-03-14"); a.status != 200 || types(a.body)["Patient"] != 0 {
		t.Errorf("a council's system looks somebody up: %d %s", a.status, a.raw)
	}
}

const locator = "/LocatorService/v2/HealthcareService?_query=responsibleLAfromAddress"

func TestTheLocator(t *testing.T) {
	s := newFaceSite(t, "sqlite")
	ask := func(address, postcode, kind string) said {
		return s.call("GET", locator+"&"+url.Values{"address": {address}, "postcode": {postcode}, "type": {kind}}.Encode(), "")
	}
	for _, tt := range []struct {
		name, address, postcode, kind string
		councils                      []string
		says                          string
	}{
		{"a postcode in one council", `7 Mill Lane\, Sutton`, "NG18 1AA", "acute-d2a", []string{"511"}, ""},
		{"in small letters, without a space", `7 mill lane`, "ng181aa", "acute-d2a", []string{"511"}, ""},
		{"the property, where the postcode is in two", `1 Border Road\, Arnold`, "NG5 6XX", "acute-d2a", []string{"511"}, ""},
		{"the property of the other council", `2 BORDER ROAD`, "NG56XX", serviceSystem + "|mental-health", []string{"512"}, ""},
		{"a property that is not known", `3 Border Road\, Arnold`, "NG5 6XX", "acute-d2a", []string{"511", "512"}, "more than one council"},
		{"nowhere", "1 Elsewhere", "ZZ99 9ZZ", "acute-d2a", nil, "No council is known"},
		{"another service", "7 Mill Lane", "NG18 1AA", "dentist", []string{"511"}, "The type of service is not known"},
	} {
		a := ask(tt.address, tt.postcode, tt.kind)
		var got []string
		endpoints := 0
		for _, r := range a.body.All("entry.resource") {
			if r.Type() == "HealthcareService" {
				got = append(got, r.ID())
			}
			if r.Type() == "Endpoint" && strings.HasSuffix(r.Str("address"), "/ReferralService/v3") {
				endpoints++
			}
		}
		if a.status != 200 || !slices.Equal(got, tt.councils) || endpoints != len(got) || !strings.Contains(a.raw, tt.says) || tt.says == "" && strings.Contains(a.raw, "OperationOutcome") {
			t.Errorf("%s: %d %v %s", tt.name, a.status, got, a.raw)
		}
	}
	for _, q := range []string{"/LocatorService/v2/HealthcareService", locator, locator + "&address=x&postcode=NG18+1AA", locator + "&address=x&postcode=NG18+1AA&type=acute-d2a&more=1"} {
		if a := s.call("GET", q, ""); a.status != 400 {
			t.Errorf("%s: %d %s", q, a.status, a.raw)
		}
	}
	if a := s.call("GET", strings.Replace(locator, "responsibleLAfromAddress", "byGPS", 1)+"&address=x&postcode=NG18+1AA&type=acute-d2a", ""); a.status != 400 {
		t.Errorf("%d %s", a.status, a.raw)
	}
}
