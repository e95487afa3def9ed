//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"homeward/conformance"
	"homeward/connect/webhook"
	"homeward/internal/pgtest"
	"homeward/nhs"
	"homeward/sim"
	"homeward/store"
)

// held is a whole Homeward of its own, as the demonstration wires it and without
// pretend hospitals, that is held to the kit's checks.
type held struct {
	*demo
	base string
}

// hold starts it. more changes its configuration before.
func hold(t *testing.T, database string, more func(*Config)) *held {
	t.Helper()
	d := &demo{cmd: demoCmd{HTTP: "127.0.0.1:0", MLLP: "127.0.0.1:0", Database: database, NoSim: true, Seed: 1}, dir: t.TempDir(), clock: &shiftedClock{}}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	cfg, pages, err := d.listeners()
	must(err)
	must(d.makeCounty(&cfg))
	must(d.makeEPR(&cfg))
	must(os.Mkdir(cfg.Councils[0].Folder, 0o700))
	if more != nil {
		more(&cfg)
	}
	ctx, stop := context.WithCancel(context.Background())
	d.site, err = newSite(ctx, cfg, slog.New(slog.DiscardHandler), d.clock.now)
	must(err)
	d.site.opened = d.opened
	must(d.site.listen())
	must(d.agreements(ctx))
	_, err = d.county.Council.Deliver(time.Now().Add(-time.Minute)) // whom the look-up finds
	must(err)
	must(d.site.readFolder(ctx, cfg.Councils[0]))
	ended := make(chan error, 1)
	go func() { ended <- d.site.run(ctx, pages) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := d.site.close(); err != nil {
			t.Error(err)
		}
		_ = d.county.Close()
	})
	return &held{d, cfg.PublicURL}
}

// as signs the kit in as one of the demonstration's systems.
func (h *held) as(t *testing.T, client string) func(context.Context) (string, error) {
	t.Helper()
	token, err := conformanceToken{TokenURL: h.base, Client: client, Key: h.keyOf(client)}.source()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// council is a run of the kit as a hospital.
func (h *held) council(t *testing.T, seed int) conformance.Report {
	t.Helper()
	barbara := sim.Barbara(nhs.DateOf(time.Now()))
	r, err := conformance.RunCouncil(t.Context(), conformance.Config{Target: h.base + "/ReferralService/v3", BaRS: h.base + "/booking-and-referral/FHIR/R4", BaRSOrg: "511",
		FHIR: h.base + "/fhir/R4", Council: h.as(t, "county-mosaic"), Lookup: h.base + "/SocialCareDataService/v1", Known: conformance.Somebody{Number: barbara.NHS, Born: barbara.Born},
		Locator:  h.base + "/LocatorService/v2",
		Boundary: conformance.Place{Address: "1 Boundary Road, Arnold", Postcode: sim.StraddlingPostcode, ODS: string(sim.Nottinghamshire)},
		Token:    h.as(t, "kings-mill-epr"), Build: "test", Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// obeyed wants every check met, or met in part.
func obeyed(t *testing.T, r conformance.Report, excused map[string]string) {
	t.Helper()
	if len(r.Results) == 0 {
		t.Error("nothing was tried")
	}
	for _, x := range r.Results {
		bad := x.Verdict == conformance.Fail || x.Verdict == conformance.NotTried
		if why := excused[x.ID]; why != "" && x.Verdict == conformance.NotTried {
			continue
		}
		if bad {
			t.Errorf("%s is %s: %s: %s\n%s", x.ID, x.Verdict, x.Requirement, x.Why, strings.Join(x.Evidence, "\n"))
		}
	}
	if out := os.Getenv("CONFORMANCE_REPORTS"); out != "" {
		f, err := os.Create(filepath.Join(out, strings.ReplaceAll(t.Name(), "/", "-")+".html"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := r.WriteHTML(f); err != nil {
			t.Fatal(err)
		}
	}
}

// databases runs a test on both.
func databases(t *testing.T, run func(t *testing.T, database string)) {
	if testing.Short() {
		t.Skip("the kit takes its time")
	}
	t.Run("sqlite", func(t *testing.T) { run(t, "") })
	t.Run("postgres", func(t *testing.T) { run(t, pgtest.Start(t)) })
}

// TestHomewardIsACouncilsReceiver holds the faces for hospitals to every check.
func TestHomewardIsACouncilsReceiver(t *testing.T) {
	databases(t, func(t *testing.T, database string) { obeyed(t, hold(t, database, nil).council(t, 1), nil) })
}

// TestHomewardIsAHospitalsSystem puts Homeward between the kit as a hospital and
// the kit as a council: what is said to the one face goes out by the connector for
// councils, and both ends are graded. A webhook is told beside it.
func TestHomewardIsAHospitalsSystem(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		hook, told := newHooked(t), newOverheard(t, ln.Addr().String())
		h := hold(t, database, func(c *Config) {
			d := destinationDefaults()
			d.Name, d.Title, d.Org, d.Kind, d.URL = "kit", "the kit", "511", "shd", told.URL+"/ReferralService/v3"
			w := destinationDefaults()
			w.Name, w.Title, w.Org, w.Kind, w.URL, w.Secrets = "hook", "the webhook", "511", "webhook", hook.URL, []string{hook.file}
			c.Destinations = append(c.Destinations, d, w)
		})
		h.await(t)
		said := make(chan conformance.Report, 1)
		r, err := conformance.RunHospital(t.Context(), conformance.HospitalConfig{Listen: ln, URL: told.URL + "/ReferralService/v3", Wait: 60 * time.Second,
			Listening: func() {
				go func() {
					r := h.council(t, 2)
					// What was never told is not withdrawn: so these two are heard of first.
					for i, end := range []string{`"extension":[` + fitness("03", "") + `,{"url":"https://fhir.nottinghamshire.gov.uk/STU3/StructureDefinition/Extension-SHD-CancellationReason","valueCodeableConcept":{"coding":[` +
						`{"system":"https://fhir.nottinghamshire.gov.uk/STU3/codesystem/SHD-CancellationReason","code":"11"}]}}],"status":"in-progress"`,
						`"extension":[` + fitness("03", "") + `],"status":"finished","hospitalization":{"extension":[{"url":"https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-CareConnect-DischargeMethod-1",` +
							`"valueCodeableConcept":{"coding":[{"system":"https://fhir.hl7.org.uk/STU3/CodeSystem/CareConnect-DischargeMethod-1","code":"6"}]}}]}`} {
						b := bed{id: fmt.Sprintf("HELD-%d", i+2), number: nhs.Test(4243 + 50*i), now: time.Now().UTC()}
						h.says(t, "POST", "/ReferralRequest", b.refer())
						told.wait(t, b.id)
						h.says(t, "PUT", b.path(), b.encounter("", end+`,`+b.period(strings.Contains(end, "finished"))))
					}
					said <- r
				}()
			}})
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range r.Results {
			if strings.HasPrefix(x.ID, "sends.") && x.Verdict != conformance.Pass {
				t.Errorf("%s is %s: %s: %s\n%s", x.ID, x.Verdict, x.Requirement, x.Why, strings.Join(x.Evidence, "\n"))
			}
		}
		<-said
		hook.tried(t)
	})
}

// TestHomewardTellsByHL7 grades what Homeward tells a council's system by HL7, and
// tries its own feed, and the demonstration's record system, as takers of status.
func TestHomewardTellsByHL7(t *testing.T) {
	databases(t, func(t *testing.T, database string) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		h := hold(t, database, func(c *Config) {
			d := destinationDefaults()
			d.Name, d.Title, d.Org, d.Kind, d.Address, d.Updates, d.Timeout = "kit", "the kit", "511", "hl7", ln.Addr().String(), "adt", Duration{2 * time.Second}
			c.Destinations = append(c.Destinations, d)
		})
		h.await(t)
		r, err := conformance.RunHospital(t.Context(), conformance.HospitalConfig{Feed: ln, Wait: 12 * time.Second, Status: h.site.feeds[0].at.Addr().String(),
			Listening: func() { h.stay(t) }})
		if err != nil {
			t.Fatal(err)
		}
		met := map[string]bool{"status.taken": true, "status.again": true, "status.nonsense": true}
		for _, id := range []string{"a08", "a03", "readable", "header", "control", "number", "name", "visit", "time", "again-ae", "again-lost"} {
			met["feed."+id] = true
		}
		for _, x := range r.Results {
			if met[x.ID] && x.Verdict != conformance.Pass || x.Verdict == conformance.Fail {
				t.Errorf("%s is %s: %s: %s\n%s", x.ID, x.Verdict, x.Requirement, x.Why, strings.Join(x.Evidence, "\n"))
			}
		}
	})
}

// A bed is one invented person's stay, as a hospital's system tells it.
type bed struct {
	id     string // of the stay and of the referral
	number nhs.Number
	now    time.Time
}

func (b bed) at(d time.Duration) string { return b.now.Add(d).Format(time.RFC3339) }

func (b bed) path() string {
	return "/Encounter?identifier=http://fhir.nottinghamshire.gov.uk/encounter/identifier%7C" + b.id
}

func (b bed) period(ended bool) string {
	if ended {
		return `"period":{"start":"` + b.at(-48*time.Hour) + `","end":"` + b.at(0) + `"}`
	}
	return `"period":{"start":"` + b.at(-48*time.Hour) + `"}`
}

func (b bed) encounter(id, rest string) string {
	return `{"resourceType":"Encounter",` + id + `"identifier":[{"system":"http://fhir.nottinghamshire.gov.uk/encounter/identifier","value":"` + b.id + `"}],` +
		`"type":[{"coding":[{"system":"http://snomed.info/sct","code":"183452005"}]}],` + rest + `}`
}

// here is that they are in a ward, fit to leave or not.
func (b bed) here(ward, fit string) string {
	return `"status":"in-progress",` + b.period(false) + `,"location":[{"status":"active","location":{"display":"` + ward + `"}}],"extension":[` + fit + `]`
}

// fitness is whether they are fit to leave; since "" is no date.
func fitness(code, since string) string {
	if since != "" {
		since = `,{"url":"dateDeemedMedicallyFit","valueDateTime":"` + since + `"}`
	}
	return `{"url":"https://fhir.nottinghamshire.gov.uk/STU3/StructureDefinition/Extension-SHD-MedicallyFitDetails","extension":[{"url":"medicallyFitStatus","valueCoding":{` +
		`"system":"https://fhir.nottinghamshire.gov.uk/STU3/codesystem/SHD-MedicallyFitStatus","code":"` + code + `"}}` + since + `]}`
}

func (b bed) refer() string {
	return `{"resourceType":"ReferralRequest","contained":[{"resourceType":"Patient","id":"p","identifier":[{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"` + b.number.Digits() + `"}],` +
		`"name":[{"family":"Heldtest","given":["Una"]}],"gender":"female","birthDate":"1941-05-06"},` + b.encounter(`"id":"e",`, b.here("Ward 12", fitness("03", ""))+`,"subject":{"reference":"#p"}`) +
		`,{"resourceType":"Organization","id":"o","identifier":[{"system":"https://fhir.nhs.uk/Id/ods-organization-code","value":"511"}]}],` +
		`"identifier":[{"system":"https://rk5.example/referral","value":"` + b.id + `"}],"status":"active","intent":"order",` +
		`"type":{"coding":[{"system":"http://snomed.info/sct","code":"715591000000108"}],"text":"Hospital Discharge Notification to Social Care"},` +
		`"serviceRequested":[{"coding":[{"system":"https://fhir.nottinghamshire.gov.uk/STU3/codesystem/SHD-ReferralRequestServiceRequested","code":"acute-d2a"}]}],` +
		`"subject":{"reference":"#p"},"context":{"reference":"#e"},"authoredOn":"` + b.at(0) + `","recipient":[{"reference":"#o"}]}`
}

// stay tells a whole stay of one person by the face for hospitals.
func (h *held) stay(t *testing.T) {
	t.Helper()
	b := bed{id: "HELD-1", number: nhs.Test(4242), now: time.Now().UTC()}
	ready := fitness("01", b.at(-time.Hour))
	h.says(t, "POST", "/ReferralRequest", b.refer())
	for _, rest := range []string{b.here("Ward 31", fitness("03", "")), b.here("Ward 7", fitness("02", "")), b.here("Ward 7", ready), `"status":"finished",` + b.period(true) + `,"extension":[` + ready + `]`} {
		h.says(t, "PUT", b.path(), b.encounter("", rest))
	}
}

// says makes one call to the face for hospitals.
func (h *held) says(t *testing.T, method, path, body string) {
	t.Helper()
	token, err := h.as(t, "kings-mill-epr")(t.Context())
	if err != nil {
		t.Error(err)
		return
	}
	r, err := http.NewRequestWithContext(t.Context(), method, h.base+"/ReferralService/v3"+path, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return
	}
	r.Header.Set("Content-Type", "application/fhir+json")
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Error(err)
		return
	}
	defer res.Body.Close()
	if said, _ := io.ReadAll(res.Body); res.StatusCode > 201 {
		t.Errorf("%s is answered %d %s", method, res.StatusCode, said)
	}
}

// overheard passes what Homeward tells on to the kit, and knows which referrals the
// kit took.
type overheard struct {
	*httptest.Server
	mu    sync.Mutex
	taken string // bodies
}

func newOverheard(t *testing.T, kit string) *overheard {
	t.Helper()
	o := &overheard{}
	to := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: kit})
	to.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) } // no answer is passed on, too
	to.ErrorLog = log.New(io.Discard, "", 0)
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		to.ServeHTTP(w, r)
		if strings.HasSuffix(r.URL.Path, "/ReferralRequest") {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.taken += string(body)
		}
	}))
	t.Cleanup(o.Close)
	return o
}

// wait returns when the kit was told of a referral.
func (o *overheard) wait(t *testing.T, id string) {
	t.Helper()
	heard := func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return strings.Contains(o.taken, `"`+id+`"`)
	}
	if err := until(30*time.Second, heard); err != nil {
		t.Errorf("the kit was not told of %s", id)
	}
}

// await returns when the destinations are known: they hear what comes after.
func (h *held) await(t *testing.T) {
	t.Helper()
	known := func() bool {
		at := ""
		if err := h.site.store.View(t.Context(), func(tx *store.Tx) (err error) { at, err = tx.Setting("told-to"); return err }); err != nil {
			t.Fatal(err)
		}
		return at != ""
	}
	if err := until(20*time.Second, known); err != nil {
		t.Fatal(err)
	}
}

// hooked is a provider's receiver that is made of webhook.Verify.
type hooked struct {
	*httptest.Server
	secret, file string
	taken        chan string // ids of what was taken
}

func newHooked(t *testing.T) *hooked {
	t.Helper()
	h := &hooked{secret: "whsec_aW52ZW50ZWQgc2VjcmV0IG9mIHRoZSBraXQncyB0ZXN0cyE=", file: filepath.Join(t.TempDir(), "hook.secret"), taken: make(chan string, 10_000)}
	if err := os.WriteFile(h.file, []byte(h.secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	key, err := webhook.ParseSecret(h.secret)
	if err != nil {
		t.Fatal(err)
	}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = webhook.Verify([][]byte{key}, r.Header, body, time.Now(), 5*time.Minute)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		h.taken <- r.Header.Get("webhook-id")
	}))
	t.Cleanup(h.Close)
	return h
}

// tried wants that the connector's webhooks were taken, and holds the receiver to
// the kit's checks.
func (h *hooked) tried(t *testing.T) {
	t.Helper()
	select {
	case <-h.taken:
	case <-time.After(20 * time.Second):
		t.Error("no webhook of the connector was taken")
	}
	r, err := conformance.RunProvider(t.Context(), conformance.ProviderConfig{Config: conformance.Config{Target: h.URL, Build: "test"}, Secret: h.secret})
	if err != nil {
		t.Fatal(err)
	}
	obeyed(t, r, nil)
}

// TestWhatNoRunBeginsWith wants each wrong usage said with what mends it.
func TestWhatNoRunBeginsWith(t *testing.T) {
	short := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(short, []byte("whsec_c2hvcnQ="), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		cmd  interface{ Validate() error }
		want string
	}{
		{&conformanceCouncilCmd{}, "nothing to try: give --target"},
		{&conformanceCouncilCmd{Target: "council.example"}, "must begin with https://"},
		{&conformanceCouncilCmd{Target: "https://user:word@council.example"}, "no password"},
		{&conformanceCouncilCmd{Target: "https://council.example", conformanceOut: conformanceOut{Seed: 999}}, "seed: it must be"},
		{&conformanceCouncilCmd{Target: "https://council.example", conformanceToken: conformanceToken{Client: "epr"}}, "--token-url with --client and --key"},
		{&conformanceCouncilCmd{FHIR: "https://council.example"}, "--fhir needs"},
		{&conformanceCouncilCmd{FHIR: "https://council.example", CouncilClient: "mosaic"}, "belong together"},
		{&conformanceCouncilCmd{Lookup: "https://council.example", Known: "999,1"}, "--known must be"},
		{&conformanceCouncilCmd{Locator: "https://council.example", Boundary: "NG5"}, "--boundary must be"},
		{&conformanceCouncilCmd{Target: "https://council.example", Boundary: "1 Road; NG5 7VV; 511"}, "--boundary for --locator"},
		{&conformanceHospitalCmd{Wait: time.Minute}, "nothing to try: give --listen"},
		{&conformanceHospitalCmd{Wait: time.Minute, Listen: "8090"}, "--listen must be a host"},
		{&conformanceHospitalCmd{Wait: time.Minute, Status: "epr:2575", URL: "http://kit.example"}, "--url is for --listen"},
		{&conformanceHospitalCmd{Status: "epr:2575"}, "--wait must be"},
		{&conformanceProviderCmd{Target: "https://provider.example"}, "both needed"},
		{&conformanceProviderCmd{Target: "https://provider.example", SecretFile: short}, "at least 24 bytes"},
	} {
		if err := tt.cmd.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, and should say %q", tt.cmd, err, tt.want)
		}
	}
	for _, c := range []interface{ Validate() error }{
		&conformanceCouncilCmd{Target: "https://council.example/ReferralService/v3"},
		&conformanceCouncilCmd{Locator: "https://council.example", Boundary: "1 Boundary Road; NG5 7VV; 511"},
		&conformanceHospitalCmd{Wait: time.Minute, Listen: "127.0.0.1:0"},
	} {
		if err := c.Validate(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
