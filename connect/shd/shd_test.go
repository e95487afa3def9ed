package shd

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"homeward/connect"
	"homeward/connect/connecttest"
	"homeward/connect/httpsend"
	"homeward/fhir"
	"homeward/fhir/profile"
	"homeward/sim"
)

func make1(t testing.TB, address string, xml bool) *Connector {
	t.Helper()
	if !strings.HasPrefix(address, "http") {
		address = "http://" + address
	}
	c, err := New(Config{HTTP: httpsend.Config{URL: address + "/ReferralService/v3", Timeout: 3 * time.Second}, XML: xml})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// council answers as the guide says.
func council(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Location", "http://council.example"+r.URL.Path+"/11284224")
	status := http.StatusOK
	if r.Method == http.MethodPost {
		status = http.StatusCreated
	}
	w.WriteHeader(status)
}

func TestTheConnectorIsAConnector(t *testing.T) {
	for _, kind := range []connect.Kind{connect.Refer, connect.Update, connect.Note} {
		connecttest.Run(t, connecttest.Suite{
			New:  func(t *testing.T, address string) connect.Connector { return make1(t, address, kind == connect.Update) },
			News: connecttest.Sample(kind, nil),
			Fars: connecttest.HTTPFars(http.HandlerFunc(council), connecttest.Took),
		})
	}
}

// TestWhatIsSentFitsTheProfiles checks every kind of news against SHD's profiles,
// in both formats.
func TestWhatIsSentFitsTheProfiles(t *testing.T) {
	rules, err := profile.Standard()
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[connect.Kind]string{connect.Refer: "POST /ReferralRequest", connect.Update: "PUT /Encounter", connect.Paper: "PUT /QuestionnaireResponse",
		connect.Withdraw: "PUT /Encounter", connect.Discharge: "PUT /Encounter", connect.Died: "PUT /Encounter", connect.Note: "POST /Communication", connect.Status: " "} {
		for _, xml := range []bool{false, true} {
			m, err := make1(t, "127.0.0.1:9", xml).Make(connecttest.Sample(kind, nil))
			if err != nil {
				t.Fatal(kind, err)
			}
			if got := m.Head[headMethod] + " " + m.Head[headPath]; got != want {
				t.Errorf("%s is told by %s, want %s", kind, got, want)
			}
			if want == " " {
				continue
			}
			format := fhir.JSON
			if xml {
				format = fhir.XML
			}
			n, err := fhir.Parse(m.Body, format, fhir.STU3, fhir.Limits{})
			if err != nil {
				t.Fatal(kind, err)
			}
			for _, i := range rules.Check(n, fhir.STU3) {
				if i.Severity == "error" {
					t.Errorf("%s: %s %s", kind, i.Expression, i.Diagnostics)
				}
			}
		}
	}
}

// TestWhatTheCouncilAnswers reads the id out of Location, and tells what is there
// already from what differs.
func TestWhatTheCouncilAnswers(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		status     int
		ref        string
		again, ok  bool
	}{
		{"created", "", 201, "11284224", false, true},
		{"there, by the condition", "", 200, "11284224", true, true},
		{"there", `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"duplicate"}]}`, 409, "11284224", true, true},
		{"there, in no words", "", 409, "11284224", true, true},
		{"other content", `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"conflict"}]}`, 409, "", false, false},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Request-Id") == "" || !strings.Contains(r.Header.Get("If-None-Exist"), "AB12-CD34-EF56") {
				t.Errorf("%v", r.Header)
			}
			w.Header().Set("Location", "https://council.example/ReferralService/v3/ReferralRequest/11284224/_history/1")
			w.WriteHeader(tt.status)
			io.WriteString(w, tt.body)
		}))
		c := make1(t, srv.URL, false)
		m, err := c.Make(connecttest.Sample(connect.Refer, nil))
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.Send(t.Context(), m)
		if (err == nil) != tt.ok || r.Reference != tt.ref || r.Again != tt.again {
			t.Errorf("%s: %+v %v", tt.name, r, err)
		}
		srv.Close()
	}
}

// TestThePaperNamesTheReferralAsTheCouncilDoes uses the id that the council gave.
func TestThePaperNamesTheReferralAsTheCouncilDoes(t *testing.T) {
	n := connecttest.Sample(connect.Paper, nil)
	c := make1(t, "127.0.0.1:9", false)
	for reference, want := range map[string]string{"": "based-on=ReferralRequest%2FAB12-CD34-EF56", "11284224": "based-on=ReferralRequest%2F11284224", "Ref 7/2": "based-on=ReferralRequest%2FAB12-CD34-EF56"} {
		n.Shown.Case.Referrals[0].Reference = reference
		m, err := c.Make(n)
		if err != nil || !strings.HasPrefix(m.Head[headQuery], want) {
			t.Errorf("%q: %v %v", reference, m.Head, err)
		}
	}
}

// TestACouncilOfTheGuideTakesADay tells a pretend council, whose ids are its own,
// all that can be told.
func TestACouncilOfTheGuideTakesADay(t *testing.T) {
	for _, xml := range []bool{false, true} {
		far := &sim.SHDCouncil{}
		srv := httptest.NewServer(far)
		c := make1(t, srv.URL, xml)
		reference := ""
		var want []string
		for _, kind := range []connect.Kind{connect.Refer, connect.Refer, connect.Paper, connect.Update, connect.Note, connect.Discharge, connect.Withdraw, connect.Died} {
			n := connecttest.Sample(kind, nil)
			n.Shown.Case.Referrals[0].Reference = reference
			m, err := c.Make(n)
			if err != nil {
				t.Fatal(kind, err)
			}
			r, err := c.Send(t.Context(), m)
			if err != nil || !r.Received {
				t.Fatalf("%s: %+v %v", kind, r, err)
			}
			if kind == connect.Refer {
				if r.Reference != "11284224" || r.Again != (reference != "") {
					t.Errorf("%+v", r)
				}
				reference = r.Reference
			}
			want = append(want, m.Head[headMethod]+strings.ReplaceAll(m.Head[headPath], "/", " "))
		}
		if got := far.Taken(); !slices.Equal(got, want) {
			t.Errorf("it took %v, want %v", got, want)
		}
		all := far.Referrals()
		if len(all) != 1 || len(all[0].Papers) != 1 || len(all[0].Notes) != 1 || all[0].Notes[0].Str("payload.contentString") != "She is frightened of stairs." {
			t.Errorf("%+v", all)
		}
		srv.Close()
	}
}
