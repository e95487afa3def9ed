package web

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"homeward/care"
	"homeward/connect/httpsend"
	"homeward/internal/browser"
	"homeward/pds"
	simpds "homeward/sim/pds"
	"homeward/store"
)

// withPDS lets the site ask a pretend PDS.
func (s *site) withPDS() *simpds.Service {
	s.t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	s.must(err)
	file := filepath.Join(s.t.TempDir(), "key.pem")
	s.must(os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), 0o600))
	d := simpds.New(simpds.Config{App: "app", Keys: &jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k"}}}})
	srv := httptest.NewServer(d)
	s.t.Cleanup(srv.Close)
	d.SetURL(srv.URL)
	s.hub.Config.PDS, err = pds.New(pds.Config{PerSecond: 1000, HTTP: httpsend.Config{URL: srv.URL + "/personal-demographics/FHIR/R4", Timeout: 3 * time.Second,
		Auth: httpsend.Auth{Kind: httpsend.ClientJWT, TokenURL: srv.URL + "/oauth2/token", ClientID: "app", KeyID: "k", SecretFile: file}}})
	s.must(err)
	return d
}

func TestCheckWithPDS(t *testing.T) {
	s := newSite(t)
	page := "/cases/" + string(s.barbara) + "/pds"
	r := s.as("coordinator")
	if p := r.get("/cases/" + string(s.barbara) + "?tab=identity"); strings.Contains(p.text(), "Personal Demographics") {
		t.Error("PDS is offered where it is not set up")
	}
	if p := r.post(page); p.status != 404 {
		t.Errorf("asked without PDS: %d", p.status)
	}
	d := s.withPDS()
	d.Put(simpds.Record{Number: number("barbara"), Family: "Oakley", Given: "Barbara", Born: born, Sex: "female"})
	r.get("/cases/" + string(s.barbara) + "?tab=identity").says("Check with the Personal Demographics Service")
	r.get(page).says("PDS was not asked about this person yet", "Ask PDS now", "recorded with your name")
	if n := strings.Count(r.get(page).body, `aria-label="Person details"`); n != 1 { // NHS CUI PAB-0015
		t.Errorf("%d patient banners", n)
	}
	p := r.post(page)
	if p.status != 303 || p.to != page {
		t.Fatalf("%d %s", p.status, p.to)
	}
	r.get(page).says("PDS has answered", "NHS number verified", "the number, the date of birth and the name belong together")
	s.later(time.Hour)
	r = s.as("coordinator") // the session has ended meanwhile
	d.Set(simpds.Away)
	if p = r.post(page); p.status != 503 {
		t.Errorf("PDS is away: %d", p.status)
	}
	p.says("PDS does not answer just now")
	r.get(page).says("NHS number verified", "PDS said this 60 minutes ago")
	for _, login := range []string{"ae-nurse", "coordinator-rx1", "broker", "integration"} {
		if g, q := s.as(login).get(page), s.as(login).post(page); g.status != 403 || q.status != 403 || strings.Contains(g.body, "verified") {
			t.Errorf("%s: %d %d", login, g.status, q.status)
		}
	}
	if log := s.log.String(); strings.Contains(log, number("barbara").Digits()) || strings.Contains(log, "Oakley") {
		t.Error("the log tells who was asked about")
	}
}

// The ward list offers to look for a number where none is known.
func TestWardListOffersPDS(t *testing.T) {
	s := newSite(t)
	s.must(s.store.Update(context.Background(), func(tx *store.Tx) error {
		_, err := tx.Record(care.Case{}, care.Cause{Kind: "test"}, evening, care.Started{At: evening, ID: "nameless"}, care.Identified{At: evening, IDs: []care.Identifier{{System: "mrn:RK5", Value: "N1"}}},
			care.PersonTold{At: evening, Person: care.Person{Family: "Nemo", Given: "Ned", Born: born, AsAt: evening, Source: "kmh"}},
			care.Admitted{At: evening, Stay: care.Stay{Visit: "vn", Org: kingsMill, Source: "kmh", Class: "I", Admitted: evening, Where: care.Location{Ward: "W31", Name: "Ward 31", Bed: "9"}}})
		return err
	}))
	r := s.as("ward-nurse")
	if p := r.get("/ward"); !strings.Contains(p.text(), "NEMO") || strings.Contains(p.text(), "Find the NHS number") {
		t.Errorf("without PDS:\n%s", p.text())
	}
	s.withPDS()
	if p := r.get("/ward"); strings.Count(p.text(), "Find the NHS number") != 1 || !strings.Contains(p.body, "/cases/nameless/pds") {
		t.Errorf("with PDS:\n%s", p.text())
	}
}

func TestCheckWithPDSInABrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.withPDS()
	d.Put(simpds.Record{Number: number("barbara"), Family: "Oakley", Given: "Barbara", Born: born, Sex: "female"})
	tab := browser.New(t)
	tab.DisableJS()
	s.signIn(tab, "coordinator")
	tab.Goto(s.url + "/cases/" + string(s.barbara) + "/pds")
	tab.Follow("main form button[type=submit]")
	tab.WaitText("main", "NHS number verified", 5*time.Second)
	tab = browser.New(t)
	s.signIn(tab, "coordinator")
	tab.Goto(s.url + "/cases/" + string(s.barbara) + "/pds")
	look(t, tab, axeSource(t), "pds")
}
