package bars

import (
	"bytes"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/connect"
	"homeward/connect/connecttest"
	"homeward/connect/httpsend"
	"homeward/fhir"
	"homeward/sim"
	"homeward/translate"
	"homeward/translate/r4"
)

const service = "https://fhir.nhs.uk/Id/dos-service-id|1111111111"

func connector(t *testing.T, address string) *Bars {
	t.Helper()
	b, err := New(Config{HTTP: httpsend.Config{URL: "http://" + strings.TrimPrefix(address, "http://"), Plain: true, Timeout: 3 * time.Second}, Target: service,
		Source: "https://fhir.nhs.uk/Id/dos-service-id|2222222222", Version: "1"})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestConnector(t *testing.T) {
	for _, kind := range []connect.Kind{connect.Refer, connect.Update, connect.Withdraw, connect.Note} {
		t.Run(string(kind), func(t *testing.T) {
			connecttest.Run(t, connecttest.Suite{
				New:  func(t *testing.T, address string) connect.Connector { return connector(t, address) },
				News: connecttest.Sample(kind, nil),
				Fars: connecttest.HTTPFars(&sim.Bars{Name: "far"}, connecttest.Again),
			})
		})
	}
}

// status is news for a hospital whose referral came by BaRS.
func status(change func(*care.Referral)) connect.News {
	n := connecttest.Sample(connect.Status, nil)
	s := &n.Shown
	tree := fhir.Obj("resourceType", "ServiceRequest", "extension", []*fhir.Node{fhir.Obj("url", r4.Canonical+"/StructureDefinition/bars-message", "extension", []*fhir.Node{
		fhir.Obj("url", "bundle", "valueString", "86e3371d-1c15-4862-9552-d9560f8292ba"), fhir.Obj("url", "source", "valueString", service),
		fhir.Obj("url", "correlation", "valueString", "99c0c7b4-7d6e-4d0b-8f55-6f4f0f7e2b02")})})
	s.Kept = map[string]translate.Kept{"ServiceRequest/" + r4.ReferralResource(s.Case.ID, connecttest.Ref): {Type: "ServiceRequest", Version: fhir.R4, Tree: tree}}
	if change != nil {
		change(&s.Case.Referrals[0])
	}
	return n
}

// TestToAReceiver sends every kind of news to a receiver that checks them, twice.
func TestToAReceiver(t *testing.T) {
	far := &sim.Bars{Name: "far"}
	srv := httptest.NewServer(far)
	defer srv.Close()
	b, err := New(Config{HTTP: httpsend.Config{URL: srv.URL}})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	closed := status(func(r *care.Referral) {
		r.State, r.Ended, r.Outcome = care.RefClosed, connecttest.Now, "Care began"
	})
	for i, x := range []struct {
		n              connect.News
		event, reason  string
		target, answer string
	}{
		{connecttest.Sample(connect.Refer, nil), "servicerequest-request", "new", odsSystem + "|E10000024", ""},
		{connecttest.Sample(connect.Update, nil), "servicerequest-request", "update", odsSystem + "|E10000024", ""},
		{connecttest.Sample(connect.Discharge, nil), "servicerequest-request", "update", odsSystem + "|E10000024", ""},
		{connecttest.Sample(connect.Paper, nil), "servicerequest-request", "update", odsSystem + "|E10000024", ""},
		{connecttest.Sample(connect.Note, nil), "servicerequest-request", "update", odsSystem + "|E10000024", ""},
		{connecttest.Sample(connect.Withdraw, nil), "servicerequest-request", "delete", odsSystem + "|E10000024", ""},
		{connecttest.Sample(connect.Died, nil), "servicerequest-request", "delete", odsSystem + "|E10000024", ""},
		{status(nil), "servicerequest-response", "update", service, "86e3371d-1c15-4862-9552-d9560f8292ba"},
		{closed, "servicerequest-response", "update", service, "86e3371d-1c15-4862-9552-d9560f8292ba"},
	} {
		x.n.Key = strings.Replace(x.n.Key, "5b0ad5b6", "5b0ad5b"+string(rune('0'+i)), 1)
		m, err := b.Make(x.n)
		if err != nil {
			t.Fatal(err)
		}
		r, err := b.Send(t.Context(), m)
		if err != nil || r.Reference != "4471902" || !r.Received || r.Again {
			t.Fatalf("%s: %+v, %v", x.n.Kind, r, err)
		}
		if r, err = b.Send(t.Context(), m); err != nil || !r.Again {
			t.Errorf("%s once more: %+v, %v", x.n.Kind, r, err)
		}
		got := far.Got()[i]
		if got.Event != x.event || got.Reason != x.reason || got.Target != x.target || got.Answers != x.answer || got.Request != x.n.Key || !strings.HasPrefix(got.Context, "h2sc|referral|"+x.event) {
			t.Errorf("%s came as %+v", x.n.Kind, got)
		}
		want := x.n.Correlation
		if x.answer != "" {
			want = "99c0c7b4-7d6e-4d0b-8f55-6f4f0f7e2b02"
		}
		if got.Correlation != want {
			t.Errorf("%s has the correlation %s", x.n.Kind, got.Correlation)
		}
	}
	if last := far.Got()[8].Tree; last.Str("entry.resource.definition") != "https://fhir.nhs.uk/MessageDefinition/bars-message-servicerequest-response-referral" {
		t.Error("the last word is not a final response")
	}
}

// TestNotTold holds what this destination is not told: nothing without a referral,
// and no response to what did not come by BaRS.
func TestNotTold(t *testing.T) {
	b := connector(t, "127.0.0.1:9")
	nobody := connecttest.Sample(connect.Update, nil)
	nobody.Referral = ""
	for name, n := range map[string]connect.News{"without a referral": nobody, "not by BaRS": connecttest.Sample(connect.Status, nil)} {
		m, err := b.Make(n)
		if err != nil || m.Key != "" || len(m.Body) > 0 {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
	hidden := connecttest.Sample(connect.Refer, nil)
	hidden.Shown.Sees.Referral = false
	if _, err := b.Make(hidden); err == nil {
		t.Error("a referral that may not be shown is told")
	}
}

// TestRefusals holds what each refusal comes to.
func TestRefusals(t *testing.T) {
	for _, x := range []struct {
		status      int
		code        string
		again, ends bool
	}{
		{409, "duplicate", true, false}, {409, "conflict", false, true}, {422, "required", false, true}, {400, "invariant", false, true}, {425, "transient", false, false}, {408, "timeout", false, false},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/fhir+json; version=1.4.0")
			w.WriteHeader(x.status)
			raw, _ := fhir.Write(fhir.Outcome(fhir.Issue{Code: x.code, Diagnostics: "Barbarina Quillfeather"}), fhir.JSON, fhir.R4)
			w.Write(raw)
		}))
		b := connector(t, srv.URL)
		m, err := b.Make(connecttest.Sample(connect.Refer, nil))
		if err != nil {
			t.Fatal(err)
		}
		r, err := b.Send(t.Context(), m)
		var refused *connect.Refused
		if ends := errors.As(err, &refused); ends != x.ends || x.again != (err == nil && r.Again) {
			t.Errorf("%d %s: %+v, %v", x.status, x.code, r, err)
		}
		if err != nil && strings.Contains(err.Error(), "Quillfeather") {
			t.Error("the error repeats what the far side wrote")
		}
		srv.Close()
	}
}

func TestHeadersSaySystemAndOrganisation(t *testing.T) {
	m, err := connector(t, "127.0.0.1:9").Make(connecttest.Sample(connect.Refer, nil))
	if err != nil {
		t.Fatal(err)
	}
	target, _ := base64.StdEncoding.DecodeString(m.Head["NHSD-Target-Identifier"])
	if string(target) != `{"system":"https://fhir.nhs.uk/Id/dos-service-id","value":"1111111111"}` {
		t.Errorf("%s", target)
	}
	org, _ := base64.StdEncoding.DecodeString(m.Head["NHSD-End-User-Organisation"])
	if n, err := fhir.Parse(org, fhir.JSON, fhir.R4, fhir.Limits{}); err != nil || n.Str("identifier.value") != "RK5" {
		t.Errorf("%s", org)
	}
	if !bytes.Contains(m.Body, []byte("dos-service-id|2222222222")) {
		t.Error("the message does not say where responses go")
	}
	if _, err := New(Config{HTTP: httpsend.Config{URL: "https://x.example"}, Target: "nothing"}); err == nil {
		t.Error("a target without a system is taken")
	}
}
