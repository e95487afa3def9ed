package api

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/fhir"
	"homeward/hub"
	"homeward/translate/stu3"
)

const ncr = "/NottsCareRecord/v1"

// trigger is a trigger task made of the example referral's patient and stay.
func trigger(t testing.TB, id, status string) *fhir.Node {
	t.Helper()
	n, err := fhir.Parse([]byte(shdExample(t, "refer-patient", "json", "")), fhir.JSON, fhir.STU3, fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	contained := n.Member("contained")
	contained.Items = contained.Items[:5] // without the referrer and the council
	contained.Items = append(contained.Items, fhir.Obj("resourceType", "Organization", "id", "hub", "name", "Transfer of Care hub",
		"identifier", fhir.List(fhir.Identifier("https://fhir.nhs.uk/Id/ods-organization-code", "511"))))
	return fhir.Obj("resourceType", "Task", "meta", fhir.Obj("lastUpdated", "2026-11-23T08:30:00Z"), "contained", contained,
		"identifier", fhir.List(fhir.Identifier("https://fhir.kmh.example/task", id)), "status", status, "intent", "order",
		"code", fhir.Concept("", fhir.Coding("http://snomed.info/sct", "718524000", "Referral to discharge planning team")),
		"for", fhir.Obj("reference", "#patient"), "context", fhir.Obj("reference", "#stay"), "authoredOn", "2026-11-23T08:30:00Z", "owner", fhir.Obj("reference", "#hub"))
}

// flagged sends a trigger task and gives its id.
func (s *faceSite) flagged(name string) string {
	s.Helper()
	a := s.call("POST", ncr+"/Task", jsonOf(s, trigger(s, name, "requested")))
	_, id, ok := strings.Cut(a.header.Get("Location"), s.at+ncr+"/Task/")
	if a.status != 201 || !ok {
		s.Fatalf("%d %s %s", a.status, a.raw, s.log)
	}
	return id
}

func planOf(status, intent, description string) string {
	return fmt.Sprintf(`{"resourceType":"CarePlan","identifier":[{"system":"https://fhir.kmh.example/plan","value":"P1"}],"status":"%s","intent":"%s","category":[{"coding":[{"system":"https://fhir.nottscr.nhs.uk/CodeSystem/D2A-ArtifactCode-1","code":"d2a-dischargePlan"}]}],%s`+
		`"subject":{"display":"Edith"},"context":{"identifier":{"system":"http://fhir.nottinghamshire.gov.uk/encounter/identifier","value":"%s"}},"period":{"start":"2026-11-23"},"note":[{"text":"Home with two calls a day"}]}`,
		status, intent, description, edithVisit)
}

func assessmentOf(kind string, pdf []byte) string {
	return fmt.Sprintf(`{"resourceType":"DocumentReference","masterIdentifier":{"system":"https://fhir.kmh.example/doc","value":"D1"},"status":"current","docStatus":"final","type":{"coding":[{"system":"https://fhir.nottscr.nhs.uk/CodeSystem/D2A-ArtifactCode-1","code":"d2a-assessmentFull"}]},`+
		`"indexed":"2026-11-24T10:00:00Z","contained":[{"resourceType":"Binary","id":"pdf","contentType":"application/pdf","content":"%s"}],"content":[{"attachment":{"contentType":"%s","url":"#pdf","title":"D2A assessment"}}],`+
		`"context":{"encounter":{"identifier":{"system":"http://fhir.nottinghamshire.gov.uk/encounter/identifier","value":"%s"}}}}`, base64.StdEncoding.EncodeToString(pdf), kind, edithVisit)
}

// child is what a council says of its work, made from the task as it reads it.
func child(id, status string, more ...any) string {
	n := fhir.Obj("resourceType", "Task", "id", strings.Replace(id, "-trigger", "-child", 1), "partOf", fhir.List(fhir.Obj("reference", "Task/"+strings.Replace(id, "-trigger", "-parent", 1))),
		"status", status, "intent", "order", "code", fhir.Concept("", fhir.Coding("https://fhir.nottscr.nhs.uk/CodeSystem/D2A-ArtifactCode-1", "d2a-childTask", "")),
		"authoredOn", "2026-11-24T09:00:00Z", "lastModified", "2026-11-24T09:00:00Z")
	for i := 0; i < len(more); i += 2 {
		n.Set(more[i].(string), more[i+1])
	}
	b, _ := fhir.Write(n, fhir.JSON, fhir.STU3) // JSON takes everything
	return string(b)
}

// statuses reads the three tasks of a referral.
func (s *faceSite) statuses(id string) (trigger, parent, child string) {
	s.Helper()
	one := func(which string) string {
		a := s.call("GET", ncr+"/Task/"+strings.Replace(id, "-trigger", which, 1), "")
		if a.status == 404 {
			return ""
		}
		if a.status != 200 {
			s.Fatalf("%d %s", a.status, a.raw)
		}
		return a.body.Str("status")
	}
	return one("-trigger"), one("-parent"), one("-child")
}

// TestADischargeByTheNottsCareRecord plays the tasks of one referral, from the flag
// to the end of the council's work.
func TestADischargeByTheNottsCareRecord(t *testing.T) {
	onBothFaces(t, func(t *testing.T, s *faceSite) {
		id := s.flagged("T1")
		want := func(trigger, parent, child string) {
			t.Helper()
			if a, b, c := s.statuses(id); a != trigger || b != parent || c != child {
				t.Fatalf("the tasks are %s, %s, %s; want %s, %s, %s\n%s", a, b, c, trigger, parent, child, s.log)
			}
		}
		want("requested", "requested", "")
		if a := s.call("POST", ncr+"/Task", jsonOf(t, trigger(t, "T1", "requested"))); a.status != 409 {
			t.Errorf("flagged twice: %d %s", a.status, a.raw)
		}
		for _, p := range []struct {
			body   string
			status int
		}{{planOf("draft", "proposal", ""), 201}, {planOf("active", "order", `"description":"Pathway 1",`), 200}, {planOf("draft", "order", ""), 422}, {planOf("draft", "proposal", `"description":"too early",`), 422}} {
			if a := s.call("POST", ncr+"/CarePlan", p.body); a.status != p.status {
				t.Errorf("%d %s, want %d of %s", a.status, a.raw, p.status, p.body)
			}
		}
		a := s.call("POST", ncr+"/DocumentReference", assessmentOf("application/pdf", []byte("%PDF-1.7 invented")))
		if a.status != 201 {
			t.Fatalf("%d %s", a.status, a.raw)
		}
		for _, bad := range []string{assessmentOf("text/plain", []byte("%PDF-1.7")), assessmentOf("application/pdf", []byte("no document"))} {
			if a := s.call("POST", ncr+"/DocumentReference", bad); a.status != 422 {
				t.Errorf("%d %s", a.status, a.raw)
			}
		}
		s.as = "county-mosaic"
		doc := s.call("GET", strings.TrimPrefix(a.header.Get("Location"), s.at), "")
		if doc.status != 200 || doc.body.Str("content.attachment.data") != "" {
			t.Fatalf("%d %s", doc.status, doc.raw)
		}
		if pdf := s.call("GET", strings.TrimPrefix(doc.body.Str("content.attachment.url"), s.at), "", "Accept", "application/pdf, */*"); pdf.status != 200 || pdf.raw != "%PDF-1.7 invented" {
			t.Errorf("%d %s", pdf.status, pdf.raw)
		}
		childAt := ncr + "/Task/" + strings.Replace(id, "-trigger", "-child", 1)
		for range 2 { // said again it is the same
			a := s.call("PUT", childAt, child(id, "in-progress", "note", fhir.List(fhir.Obj("text", "Assessment on Monday")),
				"output", fhir.List(fhir.Obj("type", fhir.Concept("plannedDischargeDate"), "valueDate", "2026-11-30"))))
			if a.status != 200 {
				t.Fatalf("%d %s\n%s", a.status, a.raw, s.log)
			}
		}
		want("requested", "in-progress", "in-progress")
		if c := s.stored(edith); c.Referrals[0].State != care.RefAccepted || len(c.Notes) != 2 {
			t.Errorf("%+v %+v", c.Referrals[0], c.Notes)
		}
		s.as = "kmh-epr"
		all := s.call("GET", ncr+"/Task?patient=Patient/"+string(s.stored(edith).ID)+"&code=d2a-childTask", "")
		if all.status != 200 || all.body.Str("total") != "1" || !strings.Contains(all.raw, "Assessment on Monday") || all.body.Str("entry.resource.businessStatus.text") != "Accepted" {
			t.Errorf("%d %s", all.status, all.raw)
		}
		if a := s.call("PUT", childAt, child(id, "completed")); a.status != 403 {
			t.Errorf("a hospital ends the council's work: %d %s", a.status, a.raw)
		}
		s.as = "county-mosaic"
		if a := s.call("PUT", ncr+"/Task/"+strings.Replace(id, "-trigger", "-parent", 1), strings.Replace(child(id, "completed"), "-child\"", "-parent\"", 1)); a.status != 403 {
			t.Errorf("somebody writes the parent: %d %s", a.status, a.raw)
		}
		if a := s.call("PUT", childAt, child(id, "completed", "statusReason", fhir.Concept("Care at home from Monday"))); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.raw)
		}
		want("completed", "completed", "completed")
		if a := s.call("PUT", childAt, child(id, "in-progress")); a.status != 422 {
			t.Errorf("what is done begins again: %d %s", a.status, a.raw)
		}
	})
}

// TestAFlagTakenAwayAndSetAgainIsANewTask holds the rules of the trigger task.
func TestAFlagTakenAwayAndSetAgainIsANewTask(t *testing.T) {
	s := newFaceSite(t, "sqlite")
	id := s.flagged("T1")
	put := func(id, status string) said {
		n := trigger(t, "T1", status)
		n.Set("id", id)
		return s.call("PUT", ncr+"/Task/"+id, jsonOf(t, n))
	}
	for range 2 {
		if a := put(id, "cancelled"); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.raw)
		}
	}
	if a, b, _ := s.statuses(id); a != "cancelled" || b != "cancelled" {
		t.Errorf("%s %s", a, b)
	}
	if a := put(id, "requested"); a.status != 422 {
		t.Errorf("%d %s", a.status, a.raw)
	}
	if again := s.flagged("T2"); again == id {
		t.Error("it is the same task")
	}
	s.as = "qmc-epr"
	if a := put(id, "cancelled"); a.status != 404 {
		t.Errorf("another hospital: %d %s", a.status, a.raw)
	}
}

// TestARejectedTaskCancelsItsParent is the rule that ties the two.
func TestARejectedTaskCancelsItsParent(t *testing.T) {
	s := newFaceSite(t, "sqlite")
	id := s.flagged("T1")
	s.as = "county-mosaic"
	at := ncr + "/Task/" + strings.Replace(id, "-trigger", "-child", 1)
	if a := s.call("PUT", at, child(id, "rejected")); a.status != 422 {
		t.Errorf("without a reason: %d %s", a.status, a.raw)
	}
	if a := s.call("PUT", at, child(id, "rejected", "statusReason", fhir.Concept("Lives in another county"))); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.raw)
	}
	s.as = "kmh-epr"
	if _, b, c := s.statuses(id); b != "cancelled" || c != "rejected" {
		t.Errorf("%s %s", b, c)
	}
	if p := s.call("GET", ncr+"/Task/"+strings.Replace(id, "-trigger", "-parent", 1), ""); p.body.Str("statusReason.text") != "Lives in another county" {
		t.Errorf("%s", p.raw)
	}
}

// TestTheHospitalIsToldWhoHasTheReferral subscribes, and waits for the call that
// says that the council took the referral on.
func TestTheHospitalIsToldWhoHasTheReferral(t *testing.T) {
	onBothFaces(t, func(t *testing.T, _ *faceSite) {
		called := make(chan string, 10)
		epr := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { called <- r.Header.Get("X-Key") }))
		defer epr.Close()
		s := newFaceSite(t, "sqlite", func(c *hub.Config) {
			c.Notify = NewHooks(public, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, time.Now, nil).Notify
		})
		s.faces.Hooks = NewHooks(public, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, s.clock, nil)
		ctx := t.Context()
		go func() { _ = s.hub.Run(ctx) }() // ends with the test
		body := `{"resourceType":"Subscription","status":"requested","reason":"show who has the referral","criteria":"Task?code=d2a-childTask","channel":{"type":"rest-hook","endpoint":"` + epr.URL + `/hook","header":["X-Key: secret"]}}`
		made := s.call("POST", ncr+"/Subscription", body)
		if made.status != 201 || made.body.ID() == "" || strings.Contains(made.raw, "secret") {
			t.Fatalf("%d %s", made.status, made.raw)
		}
		for _, bad := range []string{strings.Replace(body, "Task?", "Patient?", 1), strings.Replace(body, "rest-hook", "email", 1), strings.Replace(body, `"endpoint"`, `"payload":"application/fhir+json","endpoint"`, 1),
			strings.Replace(body, epr.URL, "http://192.0.2.1", 1)} {
			if a := s.call("POST", ncr+"/Subscription", bad); a.status != 422 {
				t.Errorf("%d %s", a.status, a.raw)
			}
		}
		id := s.flagged("T1")
		s.as = "county-mosaic"
		if a := s.call("PUT", ncr+"/Task/"+strings.Replace(id, "-trigger", "-child", 1), child(id, "in-progress")); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.raw)
		}
		select {
		case key := <-called:
			if key != "secret" {
				t.Errorf("called with %q", key)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("nobody was called\n%s", s.log)
		}
		s.as = "kmh-epr"
		if a := s.call("DELETE", ncr+"/Subscription/"+made.body.ID(), ""); a.status != 204 {
			t.Errorf("%d %s", a.status, a.raw)
		}
		if a := s.call("GET", ncr+"/Subscription/"+made.body.ID(), ""); a.status != 404 {
			t.Errorf("%d %s", a.status, a.raw)
		}
	})
}

// TestTheTasksOfAReferralHaveTheirOwnNames reads names back.
func TestTheTasksOfAReferralHaveTheirOwnNames(t *testing.T) {
	for id, want := range map[string]string{"c1.AB12-CD34-EF56-child": "child", "c1.AB12-CD34-EF56-parent": "parent", "c1.AB12-CD34-EF56-trigger": "trigger", "c1.AB12": "", "c1": "", "-child": ""} {
		_, _, which, ok := stu3.TaskReferral(id)
		if ok != (want != "") || ok && which != want {
			t.Errorf("%s: %s %v", id, which, ok)
		}
	}
}
