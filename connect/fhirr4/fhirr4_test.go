package fhirr4

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"homeward/care"
	"homeward/connect"
	"homeward/connect/connecttest"
	"homeward/connect/httpsend"
	"homeward/fhir"
)

// server is a FHIR server in memory that knows conditional creates and updates.
type server struct {
	mu    sync.Mutex
	items map[string]*fhir.Node // by type and identifier
	asked []string
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.items == nil {
		s.items = map[string]*fhir.Node{}
	}
	s.asked = append(s.asked, r.Method+" "+r.URL.RequestURI())
	if r.URL.Path == "/metadata" {
		w.Header().Set("Content-Type", "application/fhir+json")
		w.Write([]byte(`{"resourceType":"CapabilityStatement"}`))
		return
	}
	format, _, _ := fhir.FormatOf(r.Header.Get("Content-Type"))
	n, err := fhir.Parse(raw, format, fhir.R4, fhir.Limits{})
	if err != nil {
		w.WriteHeader(400)
		return
	}
	if n.Type() != "Bundle" {
		created := s.put(n)
		w.Header().Set("Location", "https://far.example/"+n.Type()+"/far-77/_history/1")
		w.WriteHeader(map[bool]int{true: 201, false: 200}[created])
		return
	}
	var entries []*fhir.Node
	for _, e := range n.All("entry") {
		x := e.Get("resource")
		status := "200"
		if s.put(x) {
			status = "201 Created"
		}
		entries = append(entries, fhir.Obj("response", fhir.Obj("status", status, "location", x.Type()+"/far-"+x.Type()+"/_history/1")))
	}
	out, _ := fhir.Write(fhir.Obj("resourceType", "Bundle", "type", "transaction-response", "entry", entries), fhir.JSON, fhir.R4)
	w.Header().Set("Content-Type", "application/fhir+json")
	w.Write(out)
}

func (s *server) put(n *fhir.Node) (created bool) {
	key := n.Type() + " " + n.Str("identifier.system") + "|" + n.Str("identifier.value")
	created = s.items[key] == nil
	s.items[key] = n
	return created
}

func connector(t *testing.T, address string, single bool) *FHIR {
	t.Helper()
	f, err := New(Config{HTTP: httpsend.Config{URL: "http://" + strings.TrimPrefix(address, "http://"), Plain: true, Timeout: 3 * time.Second}, Single: single})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestConnector(t *testing.T) {
	for name, single := range map[string]bool{"transaction": false, "single": true} {
		lied := connecttest.Again
		if single {
			lied = connecttest.Took // of one resource the status is the answer
		}
		for _, kind := range []connect.Kind{connect.Refer, connect.Status, connect.Note} {
			t.Run(name+" "+string(kind), func(t *testing.T) {
				connecttest.Run(t, connecttest.Suite{
					New:  func(t *testing.T, address string) connect.Connector { return connector(t, address, single) },
					News: connecttest.Sample(kind, nil),
					Fars: connecttest.HTTPFars(&server{}, lied),
				})
			})
		}
	}
}

// TestTwiceIsOnce holds that what is sent twice, and what changes, is there once.
func TestTwiceIsOnce(t *testing.T) {
	for _, single := range []bool{false, true} {
		far := &server{}
		srv := httptest.NewServer(far)
		f := connector(t, srv.URL, single)
		if err := f.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			for _, k := range []connect.Kind{connect.Refer, connect.Update, connect.Paper, connect.Note, connect.Withdraw, connect.Discharge, connect.Status} {
				m, err := f.Make(connecttest.Sample(k, nil))
				if err != nil {
					t.Fatal(err)
				}
				r, err := f.Send(t.Context(), m)
				if err != nil || !r.Received {
					t.Fatalf("%v %s: %+v %v", single, k, r, err)
				}
				if (k == connect.Refer || k == connect.Withdraw) && !strings.HasPrefix(r.Reference, "far-") {
					t.Errorf("%v %s: the reference is %q", single, k, r.Reference)
				}
			}
		}
		count := map[string]int{}
		for key := range far.items {
			typ, _, _ := strings.Cut(key, " ")
			count[typ]++
		}
		for _, typ := range []string{"ServiceRequest", "Task", "Encounter", "Communication"} {
			if count[typ] != 1 {
				t.Errorf("single %v: %d %s", single, count[typ], typ)
			}
		}
		for _, a := range far.asked {
			for _, p := range connecttest.Personal {
				if strings.Contains(a, p) || strings.Contains(a, strings.ReplaceAll(p, " ", "+")) {
					t.Errorf("an address tells who somebody is: %s", a)
				}
			}
		}
		srv.Close()
	}
}

// TestReferralArrivesWhole holds that a server has all of a referral, and of a
// withdrawal that it was taken back.
func TestReferralArrivesWhole(t *testing.T) {
	far := &server{}
	srv := httptest.NewServer(far)
	defer srv.Close()
	f, err := New(Config{HTTP: httpsend.Config{URL: srv.URL}, XML: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []connect.Kind{connect.Refer, connect.Withdraw} {
		m, err := f.Make(connecttest.Sample(k, nil))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		want := map[connect.Kind][2]string{connect.Refer: {"active", "requested"}, connect.Withdraw: {"revoked", "cancelled"}}[k]
		for key, n := range far.items {
			switch {
			case strings.HasPrefix(key, "ServiceRequest ") && n.Str("status") != want[0], strings.HasPrefix(key, "Task ") && n.Str("status") != want[1]:
				t.Errorf("%s: %s is %s", k, n.Type(), n.Str("status"))
			case strings.HasPrefix(key, "Patient ") && n.Str("name.family") != "Quillfeather":
				t.Errorf("the person is not there: %s", key)
			}
		}
	}
}

func TestNotTold(t *testing.T) {
	f := connector(t, "127.0.0.1:9", false)
	n := connecttest.Sample(connect.Update, nil)
	n.Referral = care.ReferralID("")
	if m, err := f.Make(n); err != nil || m.Key != "" {
		t.Errorf("%+v %v", m, err)
	}
}

// TestPartNotTaken holds that a transaction of which a part failed is not taken for
// done, and that nothing that the far side wrote is repeated.
func TestPartNotTaken(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/fhir+json")
		w.Write([]byte(`{"resourceType":"Bundle","type":"transaction-response","entry":[{"response":{"status":"422 Quillfeather"}}]}`))
	}))
	defer srv.Close()
	f := connector(t, srv.URL, false)
	m, err := f.Make(connecttest.Sample(connect.Refer, nil))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Send(t.Context(), m); err == nil || strings.Contains(err.Error(), "Quillfeather") {
		t.Errorf("it says %v", err)
	}
}
