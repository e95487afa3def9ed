//go:build unix

package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"homeward/conformance"
	"homeward/connect/webhook"
	"homeward/internal/pgtest"
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
	cfg.Councils = nil
	if more != nil {
		more(&cfg)
	}
	ctx, stop := context.WithCancel(context.Background())
	d.site, err = newSite(ctx, cfg, slog.New(slog.DiscardHandler), d.clock.now)
	must(err)
	must(d.site.listen())
	must(d.agreements(ctx))
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
	r, err := conformance.RunCouncil(t.Context(), conformance.Config{Target: h.base + "/ReferralService/v3", BaRS: h.base + "/booking-and-referral/FHIR/R4", BaRSOrg: "511",
		Token: h.as(t, "kings-mill-epr"), Build: "test", Seed: seed})
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
		url := "http://" + ln.Addr().String() + "/ReferralService/v3"
		hook := newHooked(t)
		h := hold(t, database, func(c *Config) {
			d := destinationDefaults()
			d.Name, d.Title, d.Org, d.Kind, d.URL = "kit", "the kit", "511", "shd", url
			w := destinationDefaults()
			w.Name, w.Title, w.Org, w.Kind, w.URL, w.Secrets = "hook", "the webhook", "511", "webhook", hook.URL, []string{hook.file}
			c.Destinations = append(c.Destinations, d, w)
		})
		h.await(t)
		said := make(chan conformance.Report, 1)
		r, err := conformance.RunHospital(t.Context(), conformance.HospitalConfig{Listen: ln, URL: url, Wait: 90 * time.Second,
			Listening: func() { go func() { said <- h.council(t, 2) }() }})
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range r.Results {
			if strings.HasPrefix(x.ID, "sends.") && x.Verdict != conformance.Pass {
				t.Errorf("%s is %s: %s: %s\n%s", x.ID, x.Verdict, x.Requirement, x.Why, strings.Join(x.Evidence, "\n"))
			}
		}
		<-said
	})
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
