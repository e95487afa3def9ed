package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"homeward/care"
	"homeward/connect"
	barsout "homeward/connect/bars"
	"homeward/connect/httpsend"
	"homeward/fhir"
	"homeward/form"
	"homeward/hub"
	"homeward/internal/pgtest"
	"homeward/nhs"
	"homeward/pathways"
	"homeward/sim"
	"homeward/store"
	"homeward/translate"
	"homeward/translate/r4"
)

// barsWorld is a hub with the BaRS face, a hospital and a council.
type barsWorld struct {
	*world
	at    string
	token map[string]string
	n     int // of the last request id
}

func onBothBars(t *testing.T, f func(t *testing.T, w *barsWorld)) {
	for _, engine := range pgtest.Engines() {
		t.Run(engine, func(t *testing.T) { f(t, newBars(t, engine)) })
	}
}

func newBars(t testing.TB, engine string) *barsWorld {
	t.Helper()
	ctx := context.Background()
	w := &barsWorld{world: &world{TB: t, log: &bytes.Buffer{}}, token: map[string]string{}}
	w.now.Store(time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC).UnixMicro())
	at := filepath.Join(t.TempDir(), "homeward.db")
	if engine == "postgres" {
		at = pgtest.Start(t)
	}
	db, err := store.Open(ctx, store.Config{URL: at, Clock: w.clock, Row: care.RowOf, Keys: r4Keys})
	w.must(err)
	t.Cleanup(func() { db.Close() })
	_, err = db.Migrate(ctx)
	w.must(err)
	set, err := releasedSet()
	w.must(err)
	forms, err := form.Load(pathways.Files)
	w.must(err)
	scopes := []string{BaRSScope, WriteScope}
	w.hub, err = hub.New(hub.Config{Store: db, Policies: set, Forms: forms, Clock: w.clock,
		Orgs:     []care.Org{{ODS: "RK5", Name: "King's Mill", Kind: care.Trust}, {ODS: "RX1", Name: "Queen's", Kind: care.Trust}, {ODS: "511", Name: "Nottinghamshire", Kind: care.Council}},
		Councils: []hub.CouncilFeed{{Name: "mosaic", Title: "Mosaic", Council: "511", Quiet: hub.Quiet{Day: 2 * time.Hour, Night: 26 * time.Hour}}},
		Systems: []hub.System{{Client: "kmh-epr", Title: "King's Mill EPR", Org: "RK5", Scopes: scopes}, {Client: "qmc-epr", Title: "Queen's PAS", Org: "RX1", Scopes: scopes},
			{Client: "mosaic", Title: "Mosaic", Org: "511", Scopes: scopes}, {Client: "reader", Title: "A reader", Org: "RK5", Scopes: []string{ReadScope}}}})
	w.must(err)
	w.must(db.Update(ctx, func(tx *store.Tx) error { return tx.PutAgreement(r4Agreement()) }))
	_, w.token = w.serveFaces("kmh-epr", "qmc-epr", "mosaic", "reader")
	w.at = w.here.URL + "/booking-and-referral/FHIR/R4"
	return w
}

const correlationID = "c2c0c7b4-7d6e-5d0b-8f55-6f4f0f7e2b02"

func (w *barsWorld) requestID() string {
	w.n++
	return fmt.Sprintf("11111111-2222-4333-8444-%012d", w.n)
}

var toNotts = base64.StdEncoding.EncodeToString([]byte(`{"value":"511","system":"https://fhir.nhs.uk/Id/ods-organization-code"}`))

// as asks the face as one of the systems, with all headers; heads are names and
// values that replace them, "" takes one away.
func (w *barsWorld) as(client, method, path, body string, heads ...string) said {
	w.Helper()
	r, err := http.NewRequest(method, w.at+path, strings.NewReader(body))
	w.must(err)
	r.Header.Set("Authorization", "Bearer "+w.token[client])
	r.Header.Set("X-Request-Id", w.requestID())
	r.Header.Set("X-Correlation-Id", correlationID)
	r.Header.Set("NHSD-Target-Identifier", toNotts)
	r.Header.Set("Accept", "application/fhir+json; version=1.4.0")
	r.Header.Set("Content-Type", "application/fhir+json; version=1.0.0")
	r.Header.Set("use-context", "nonsense|that|is|ignored")
	for i := 0; i < len(heads); i += 2 {
		if r.Header.Del(heads[i]); heads[i+1] != "" {
			r.Header.Set(heads[i], heads[i+1])
		}
	}
	res, err := http.DefaultClient.Do(r)
	w.must(err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	w.must(err)
	a := said{status: res.StatusCode, header: res.Header, raw: string(b)}
	if f, ok := bodyFormat(&http.Request{Header: res.Header}); ok && len(b) > 0 {
		a.body, err = fhir.Parse(b, f, fhir.R4, fhir.Limits{})
		w.must(err)
	}
	return a
}

// wants is as, with the status that there must be and, for a refusal, the codes.
func (w *barsWorld) wants(status int, code string, a said) said {
	w.Helper()
	if a.status != status || code != "" && (a.code() != code || a.body.Str("issue.details.coding.code") != httpErrors[status]) {
		w.Fatalf("%d %s, not %d %s\n%s\n%s", a.status, a.code(), status, code, a.raw, w.log)
	}
	return a
}

// referred is the hospital's own copy of a case, of which it writes messages.
func referred(i int, state care.RefState) translate.Shown {
	at := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	who := care.Who{ID: "u1", Name: "Orla Byrne", Org: "RK5"}
	return translate.Shown{Sees: translate.Sees{Person: true, Whereabouts: true, Referral: true, Notes: true, Assessments: true}, Now: at,
		Orgs: map[nhs.ODS]care.Org{"RK5": {ODS: "RK5", Name: "King's Mill", Kind: care.Trust}, "511": {ODS: "511", Name: "Nottinghamshire", Kind: care.Council}},
		Case: care.Case{ID: care.CaseID(fmt.Sprintf("theirs%d", i)), NHS: nhs.Test(i), Trace: "01", News: at,
			Person: care.Person{Family: "Example", Given: "Barbara", Born: nhs.Date{Year: 1938, Month: 4, Day: i}, Sex: "Female", Address: care.Address{Lines: []string{"1 Test Lane"}, Postcode: "ZZ99 3AA"}},
			IDs:    []care.Identifier{{System: "mrn:RK5", Value: fmt.Sprintf("M%d", i)}},
			Stay:   &care.Stay{Visit: fmt.Sprintf("V%d", i), Org: "RK5", Class: "I", Admitted: at.Add(-24 * time.Hour), Where: care.Location{Ward: "W12", Name: "Ward 12"}},
			Referrals: []care.Referral{{ID: "theirs", Stay: fmt.Sprintf("V%d", i), From: "RK5", To: "511", Pathway: "1", Form: "d2a", FormVersion: 1, State: state, Sent: at, SentBy: who,
				Answers: form.Answers{"care_needs": {"Help to wash"}, "pathway": {"P1"}}, Holder: care.Holder{Org: "511", Since: at}}}}}
}

// message is a message as the hospital's system writes it: its ServiceRequest has an
// identifier of its own.
func (w *barsWorld) message(s translate.Shown, reason, bundle string, at time.Time) string {
	w.Helper()
	n, err := r4.Message(s, r4.Telling{Key: bundle, At: at, Referral: "theirs", From: "RK5", To: "511", Reason: reason, Source: r4.SysService + "|2222222222", Version: "1"})
	w.must(err)
	for _, x := range n.All("entry.resource") {
		if x.Type() == "ServiceRequest" {
			x.Set("id", "236bb75d-90ef-461f-b71e-fde7f8998000")
			x.Set("identifier", []*fhir.Node{fhir.Identifier("https://epr.example/referral", string(s.Case.ID))})
		}
		if x.Type() == "QuestionnaireResponse" || x.Type() == "Encounter" && x.Str("identifier.system") != "" {
			x.Set("id", nil)
		}
	}
	raw, err := fhir.Write(n, fhir.JSON, fhir.R4)
	w.must(err)
	return string(raw)
}

const bundleA, bundleB, bundleC = "aaaaaaaa-1c15-4862-9552-d9560f829200", "bbbbbbbb-1c15-4862-9552-d9560f829200", "cccccccc-1c15-4862-9552-d9560f829200"

func (w *barsWorld) send(client, body string, heads ...string) said {
	w.Helper()
	return w.as(client, "POST", "/$process-message", body, heads...)
}

// TestBarsDay plays a referral from the request to the last response, by messages
// alone.
func TestBarsDay(t *testing.T) {
	onBothBars(t, func(t *testing.T, w *barsWorld) {
		at := w.clock().Add(-time.Minute)
		first := w.message(referred(1, care.RefSent), "new", bundleA, at)
		a := w.wants(200, "", w.send("kmh-epr", first))
		header := a.body.Get("entry.resource")
		if header.Type() != "MessageHeader" || header.Str("response.identifier") != bundleA || header.Str("response.code") != "ok" || a.header.Get("X-Correlation-Id") != correlationID ||
			a.header.Get("X-Request-Id") == "" {
			t.Fatalf("not acknowledged: %s %v", a.raw, a.header)
		}
		sr := a.body.All("entry.resource")[1]
		read := w.wants(200, "", w.as("kmh-epr", "GET", "/ServiceRequest/"+sr.ID(), ""))
		if read.body.Str("status") != "active" || !strings.Contains(read.raw, "https://epr.example/referral") {
			t.Errorf("read as %s", read.raw)
		}
		q := url.Values{"patient:identifier": {nhsSystem + "|" + nhs.Test(1).Digits()}}
		found := w.wants(200, "", w.as("mosaic", "POST", "/ServiceRequest/_search", q.Encode(), "Content-Type", "application/x-www-form-urlencoded"))
		if found.body.Str("total") != "1" {
			t.Errorf("the council finds %s", found.raw)
		}

		// The council's system answers: it has it under a number, then takes it on.
		id := strings.TrimPrefix(found.body.Str("entry.resource.identifier.value"), "")
		w.wants(200, "", w.send("mosaic", w.answer(found.body.Get("entry.resource"), "received", bundleB)))
		w.wants(200, "", w.send("mosaic", w.answer(found.body.Get("entry.resource"), "accepted", "dddddddd-1c15-4862-9552-d9560f829200")))
		s := w.shown("mosaic", sr.ID())
		if r := s.Case.Referrals[0]; r.State != care.RefAccepted || r.Reference != "4471902" || string(r.ID) != id {
			t.Errorf("the referral is %s, %q", r.State, r.Reference)
		}
		came, ok := r4.CameOf(s, s.Case.Referrals[0].ID)
		if !ok || came.Bundle != bundleA || came.Correlation != correlationID || came.Source != r4.SysService+"|2222222222" {
			t.Errorf("what an answer must name is %+v, %v", came, ok)
		}

		// The person moves, and then the referral is taken back.
		moved := referred(1, care.RefSent)
		moved.Case.Stay.Where = care.Location{Ward: "W31", Name: "Ward 31"}
		w.now.Add(int64(5 * time.Minute / time.Microsecond))
		w.wants(200, "", w.send("kmh-epr", w.message(moved, "update", bundleC, w.clock().Add(-time.Minute))))
		if got := w.shown("kmh-epr", sr.ID()).Case.Stay.Where.Ward; got != "W31" {
			t.Errorf("the person is in %s", got)
		}
		w.wants(409, "conflict", w.send("kmh-epr", w.message(referred(1, care.RefSent), "update", "eeeeeeee-1c15-4862-9552-d9560f829200", at)))
		gone := referred(1, care.RefWithdrawn)
		gone.Case.Referrals[0].Why = "07"
		w.wants(200, "", w.send("kmh-epr", w.message(gone, "delete", "ffffffff-1c15-4862-9552-d9560f829200", w.clock())))
		if r := w.shown("kmh-epr", sr.ID()).Case.Referrals[0]; r.State != care.RefWithdrawn || r.Why != "07" {
			t.Errorf("taken back, it is %s %s", r.State, r.Why)
		}
	})
}

// TestBarsAndRest: a referral that came by a message and is changed by REST is still
// answered by messages.
func TestBarsAndRest(t *testing.T) {
	w := newBars(t, "sqlite")
	a := w.wants(200, "", w.send("kmh-epr", w.message(referred(1, care.RefSent), "new", bundleA, w.clock())))
	sr := w.wants(200, "", w.as("kmh-epr", "GET", "/ServiceRequest/"+a.body.All("entry.resource")[1].ID(), "")).body
	bars := w.at
	w.at = strings.TrimSuffix(w.at, "/booking-and-referral/FHIR/R4") + r4Base
	sent := strings.Replace(jsonOf(t, sr), "https://homeward.example/fhir/StructureDefinition/bars-message", "https://epr.example/other", 1)
	w.wants(200, "", w.as("kmh-epr", "PUT", "/ServiceRequest/"+sr.ID(), sent))
	w.at = bars
	if came, ok := r4.CameOf(w.shown("kmh-epr", sr.ID()), w.shown("kmh-epr", sr.ID()).Case.Referrals[0].ID); !ok || came.Bundle != bundleA || came.Correlation != correlationID {
		t.Errorf("what an answer must name is %+v, %v", came, ok)
	}
}

// shown is the case of a referral as a system sees it.
func (w *barsWorld) shown(client, id string) translate.Shown {
	w.Helper()
	key, _ := r4.CaseOf(id)
	by := care.Actor{ID: care.ActorID("system-" + client), Name: client, Role: care.Machine, Org: map[string]nhs.ODS{"kmh-epr": "RK5", "mosaic": "511"}[client],
		OrgKind: map[string]care.OrgKind{"kmh-epr": care.Trust, "mosaic": care.Council}[client]}
	s, err := w.hub.Show(context.Background(), by, key, hub.ShowRequest{Action: "test"})
	w.must(err)
	return s
}

// answer is a council's response without a Task, by the Encounter of who answers.
func (w *barsWorld) answer(sr *fhir.Node, state, bundle string) string {
	header := fhir.Obj("resourceType", "MessageHeader", "eventCoding", fhir.Coding("https://fhir.nhs.uk/CodeSystem/message-events-bars", "servicerequest-response", ""),
		"destination", []*fhir.Node{fhir.Obj("endpoint", r4.SysService+"|2222222222")}, "source", fhir.Obj("endpoint", r4.SysService+"|511"),
		"reason", fhir.Concept("", fhir.Coding("https://fhir.nhs.uk/CodeSystem/message-reason-bars", "new", "")),
		"response", fhir.Obj("identifier", bundleA, "code", "ok"), "focus", []*fhir.Node{fhir.Obj("reference", "urn:uuid:11111111-1111-4111-8111-111111111111")})
	sr = sr.Clone()
	sr.Set("category", []*fhir.Node{fhir.Concept("", fhir.Coding("https://fhir.nhs.uk/CodeSystem/message-category-servicerequest", "referral", ""), fhir.Coding(r4.SysUseCase, r4.UseCase, ""))})
	enc := fhir.Obj("resourceType", "Encounter", "identifier", []*fhir.Node{fhir.Identifier("https://mosaic.example/case", "4471902")},
		"status", map[string]string{"received": "planned", "accepted": "in-progress"}[state], "class", fhir.Coding("", "HH", ""))
	n := fhir.Obj("resourceType", "Bundle", "id", bundle, "meta", fhir.Obj("versionId", "1.0.0"), "type", "message", "timestamp", w.clock().Format(time.RFC3339), "entry", []*fhir.Node{
		fhir.Obj("fullUrl", "urn:uuid:00000000-1111-4111-8111-111111111111", "resource", header),
		fhir.Obj("fullUrl", "urn:uuid:22222222-1111-4111-8111-111111111111", "resource", sr),
		fhir.Obj("fullUrl", "urn:uuid:11111111-1111-4111-8111-111111111111", "resource", enc)})
	raw, err := fhir.Write(n, fhir.JSON, fhir.R4)
	w.must(err)
	return string(raw)
}

// TestBarsTwice holds transactional integrity: what comes twice has its effect once.
func TestBarsTwice(t *testing.T) {
	onBothBars(t, func(t *testing.T, w *barsWorld) {
		first := w.message(referred(2, care.RefSent), "new", bundleA, w.clock())
		id := "99999999-2222-4333-8444-000000000001"
		w.wants(200, "", w.send("kmh-epr", first, "X-Request-Id", id))
		w.wants(409, "duplicate", w.send("kmh-epr", first, "X-Request-Id", id))
		w.wants(409, "duplicate", w.send("kmh-epr", first)) // the same under another request id
		other := strings.Replace(first, "Help to wash", "Help to dress", 1)
		w.wants(409, "conflict", w.send("kmh-epr", other, "X-Request-Id", id))
		w.wants(409, "conflict", w.send("kmh-epr", other)) // the same referral, new once more
		another := strings.Replace(strings.Replace(first, "https://epr.example/referral", "https://epr.example/other", 1), bundleA, bundleC, 1)
		w.wants(422, "business-rule", w.send("kmh-epr", another)) // not "duplicate", which would read as taken
		w.wants(404, "not-found", w.send("kmh-epr", w.message(referred(3, care.RefSent), "update", bundleB, w.clock())))
	})
}

// TestBarsAtOnce holds that of equal requests at once one is taken, and the others
// are told that it was, or is being.
func TestBarsAtOnce(t *testing.T) {
	w := newBars(t, "sqlite")
	body := w.message(referred(4, care.RefSent), "new", bundleA, w.clock())
	var wg sync.WaitGroup
	got := make([]said, 8)
	for i := range got {
		wg.Go(func() {
			r, _ := http.NewRequest("POST", w.at+"/$process-message", strings.NewReader(body))
			for k, v := range map[string]string{"Authorization": "Bearer " + w.token["kmh-epr"], "X-Request-Id": "99999999-2222-4333-8444-000000000002", "X-Correlation-Id": correlationID,
				"NHSD-Target-Identifier": toNotts, "Content-Type": "application/fhir+json"} {
				r.Header.Set(k, v)
			}
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			defer res.Body.Close()
			b, _ := io.ReadAll(res.Body)
			got[i] = said{status: res.StatusCode, raw: string(b)}
		})
	}
	wg.Wait()
	count := map[int]int{}
	for _, a := range got {
		count[a.status]++
	}
	if count[200] != 1 || count[200]+count[409]+count[425] != len(got) {
		t.Errorf("answered %v", count)
	}
}

// TestBarsHeaders holds what the headers must be, and that refusals say so by code.
func TestBarsHeaders(t *testing.T) {
	w := newBars(t, "sqlite")
	body := w.message(referred(5, care.RefSent), "new", bundleA, w.clock())
	for _, x := range []struct {
		name, value, code string
	}{
		{"X-Request-Id", "", "required"}, {"X-Request-Id", "1", "invalid"}, {"X-Correlation-Id", "", "required"}, {"X-Correlation-Id", "x", "invalid"},
		{"NHSD-Target-Identifier", "", "required"}, {"NHSD-Target-Identifier", "%%%", "invalid"}, {"NHSD-Target-Identifier", base64.StdEncoding.EncodeToString([]byte(`{"value":"1"}`)), "invalid"},
		{"NHSD-End-User-Organisation", "%%%", "invalid"},
	} {
		w.wants(400, x.code, w.send("kmh-epr", body, x.name, x.value))
	}
	w.wants(401, "login", w.send("kmh-epr", body, "Authorization", ""))
	w.wants(403, "forbidden", w.send("reader", body))
	w.wants(415, "not-supported", w.send("kmh-epr", body, "Content-Type", "text/csv"))
	w.wants(406, "not-supported", w.send("kmh-epr", body, "Accept", "text/csv"))
	w.wants(405, "not-supported", w.as("kmh-epr", "DELETE", "/$process-message", ""))
	w.wants(400, "suppressed", w.as("kmh-epr", "GET", "/ServiceRequest?patient:identifier=x", ""))
	w.wants(404, "not-found", w.as("kmh-epr", "GET", "/ServiceRequest/nobody.1", ""))
	w.wants(400, "invariant", w.send("kmh-epr", strings.Replace(body, `"code":"new"`, `"code":"resend"`, 1)))
	w.wants(422, "not-supported", w.send("kmh-epr", strings.Replace(body, `"versionId":"1.0.0"`, `"versionId":"2.0.0"`, 1)))
	w.wants(422, "value", w.send("kmh-epr", strings.Replace(body, `"intent":"plan"`, `"intent":"order"`, 1)))
	w.wants(422, "value", w.send("kmh-epr", strings.Replace(body, `"start":"2026-11-23T08:00:00Z"`, `"start":"2026-02-30T08:00:00Z"`, 1)))
	a := w.wants(400, "structure", w.send("kmh-epr", body[:len(body)/2]))
	if strings.Contains(w.log.String(), "Example") || strings.Contains(a.raw, "Example") {
		t.Error("a refusal tells whom it is about")
	}
	w.wants(200, "", w.send("kmh-epr", body, "NHSD-End-User-Organisation", base64.StdEncoding.EncodeToString([]byte(`{"resourceType":"Organization"}`))))
	w.wants(404, "not-found", w.send("mosaic", w.answer(fhir.Obj("resourceType", "ServiceRequest", "status", "active", "intent", "plan",
		"identifier", []*fhir.Node{fhir.Identifier("https://epr.example/referral", "another")}), "received", bundleB)))
}

// TestBarsMetadata holds what the face says of itself.
func TestBarsMetadata(t *testing.T) {
	w := newBars(t, "sqlite")
	r, err := http.Get(w.at + "/metadata") // without a token or any other header
	w.must(err)
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	w.must(err)
	n, err := fhir.Parse(b, fhir.JSON, fhir.R4, fhir.Limits{})
	w.must(err)
	if n.Str("rest.operation.name") != "process-message" || len(n.All("messaging.supportedMessage")) != 4 {
		t.Errorf("%s", b)
	}
	all := w.wants(200, "", w.as("kmh-epr", "GET", "/MessageDefinition?context="+url.QueryEscape(r4.SysService+"|511")+"&context=h2sc", ""))
	if all.body.Str("total") != "4" || all.body.Str("entry.resource.url") != barsDefinitionURL+"request-referral" {
		t.Errorf("%s", all.raw)
	}
	none := w.wants(200, "", w.as("kmh-epr", "GET", "/MessageDefinition?context=x&context=a4t3", ""))
	if none.body.Str("total") != "0" {
		t.Errorf("%s", none.raw)
	}
	for _, m := range all.body.All("entry.resource") {
		if issues := fhir.Check(m, fhir.R4); len(issues) > 0 {
			t.Errorf("%s: %v", m.ID(), issues)
		}
	}
}

// TestBarsResponses plays both directions by messages: a hospital's system refers by
// BaRS, the council works on its pages, and Homeward sends the interim and the final
// responses back, with the correlation of the request.
func TestBarsResponses(t *testing.T) {
	onBothBars(t, func(t *testing.T, w *barsWorld) {
		far := &sim.Bars{Name: "EPR"}
		srv := httptest.NewServer(far)
		defer srv.Close()
		c, err := barsout.New(barsout.Config{HTTP: httpsend.Config{URL: srv.URL}})
		w.must(err)
		w.hub.Tellings = []hub.Telling{{Destination: connect.Destination{Name: "epr", Title: "King's Mill EPR", Org: "RK5", OrgKind: care.Trust}, Connector: c, Kind: "bars", Timeout: 10 * time.Second}}
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- w.hub.Run(ctx) }()
		defer func() { stop(); <-done }()

		until(t, func() bool { // history is followed from when a destination is first known
			var since string
			w.must(w.hub.Store.View(ctx, func(tx *store.Tx) (err error) { since, err = tx.Setting("told-to"); return err }))
			return since != ""
		})
		a := w.wants(200, "", w.send("kmh-epr", w.message(referred(6, care.RefSent), "new", bundleA, w.clock())))
		sr := a.body.All("entry.resource")[1]
		until(t, func() bool { return len(far.Got()) >= 1 })
		w.wants(200, "", w.send("mosaic", w.answer(sr, "accepted", bundleB)))
		until(t, func() bool { return len(far.Got()) >= 2 })
		close := strings.Replace(w.answer(sr, "accepted", bundleC), `"status":"in-progress"`, `"status":"finished","reasonCode":[{"text":"Care began"}]`, 1)
		w.wants(200, "", w.send("mosaic", close))
		var last sim.BarsMessage
		until(t, func() bool {
			got := far.Got()
			last = got[len(got)-1]
			return strings.HasSuffix(last.Tree.Str("entry.resource.definition"), "response-referral")
		})
		for _, m := range far.Got() {
			if m.Event != "servicerequest-response" || m.Answers != bundleA || m.Correlation != correlationID || m.Target != r4.SysService+"|2222222222" {
				t.Errorf("a response came as %+v", m)
			}
		}
		for _, n := range last.Tree.All("entry.resource") {
			if n.Type() == "Task" && (n.Str("status") != "completed" || n.Str("output.valueString") != "Care began") {
				t.Errorf("the final response says %s", n.Str("status"))
			}
		}
	})
}

// until waits for something that other goroutines do.
func until(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatal("it did not happen")
		}
		time.Sleep(5 * time.Millisecond)
	}
}
