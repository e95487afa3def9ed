package sim_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"homeward/nhs"
	"homeward/sim"
)

func councilSystem(t *testing.T, c sim.CouncilSystemConfig) (*sim.CouncilSystem, string) {
	t.Helper()
	if c.Database == "" {
		c.Database = filepath.Join(t.TempDir(), "council.db")
	}
	s, err := sim.OpenCouncilSystem(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(srv.Close)
	return s, srv.URL
}

func tell(t *testing.T, url, key, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/fhir+json")
	r.Header.Set("X-Request-Id", key)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func referral(status string) string {
	return fmt.Sprintf(`{"resourceType":"Bundle","type":"transaction","entry":[
	{"resource":{"resourceType":"Patient","identifier":[{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"%s"}],"name":[{"family":"Marsh","given":["Ada"]}],"birthDate":"1940-01-03"},"request":{"method":"POST","url":"Patient"}},
	{"resource":{"resourceType":"ServiceRequest","identifier":[{"system":"urn:own","value":"x"},{"type":{"coding":[{"code":"PLAC"}]},"system":"urn:theirs","value":"R-1"}],"status":"%s","intent":"order"},"request":{"method":"PUT","url":"ServiceRequest?identifier=a"}}]}`, nhs.Test(1).Digits(), status)
}

func TestCouncilSystemTakesReferralsOnce(t *testing.T) {
	s, url := councilSystem(t, sim.CouncilSystemConfig{Seed: 1})
	for i, c := range []struct {
		key, body string
		want      int
	}{
		{"k1", referral("active"), 200}, {"k1", referral("active"), 200}, {"k1", referral("revoked"), 409}, {"k2", referral("active"), 200},
		{"k3", `{"resourceType":"Patient"`, 400},
	} {
		if status, body := tell(t, url+"/fhir/R4", c.key, c.body); status != c.want {
			t.Errorf("%d: %d %s", i, status, body)
		}
	}
	list, err := s.Referrals(t.Context())
	if err != nil || len(list) != 1 || list[0].Family != "Marsh" || list[0].NHS != nhs.Test(1).Digits() || list[0].Sender != "urn:theirs|R-1" || list[0].Messages != 2 || list[0].Status != "received" {
		t.Fatalf("%+v %v", list, err)
	}
	tell(t, url+"/fhir/R4", "k4", referral("revoked"))
	if list, _ = s.Referrals(t.Context()); list[0].Status != "withdrawn" {
		t.Errorf("%+v", list)
	}
	if err := s.Decide(t.Context(), list[0].ID, "accepted"); err == nil {
		t.Error("a withdrawn referral was accepted")
	}
	status, body := tell(t, url+"/ReferralService/v3/ReferralRequest", "k5", `{"resourceType":"ReferralRequest","identifier":[{"system":"urn:theirs","value":"R-2"}],"status":"active","intent":"order","contained":[{"resourceType":"Patient","id":"p","name":[{"family":"Lunn"}]}],"subject":{"reference":"#p"}}`)
	if list, _ = s.Referrals(t.Context()); status != 201 || len(list) != 2 || list[0].Manner != "SHD" || list[0].Family != "Lunn" {
		t.Errorf("%d %s %+v", status, body, list)
	}
	res, err := http.Get(url + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err != nil || !bytes.Contains(b, []byte("Marsh, Ada")) {
		t.Errorf("%s %v", b, err)
	}
}

// Answers go in order, each with a name that stays the same when it is sent again.
func TestCouncilSystemAnswers(t *testing.T) {
	var down atomic.Bool
	down.Store(true)
	type got struct{ key, status, value string }
	answers := make(chan got, 10)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth2/token", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `{"access_token":"t"}`) })
	mux.HandleFunc("POST /fhir/R4/Task", func(w http.ResponseWriter, r *http.Request) {
		var task struct {
			Status string
			Focus  struct{ Identifier struct{ Value string } }
		}
		if err := json.NewDecoder(r.Body).Decode(&task); err != nil {
			t.Error(err)
		}
		answers <- got{r.Header.Get("X-Request-Id"), task.Status, task.Focus.Identifier.Value}
		if down.Swap(false) { // it is taken, and the answer is lost
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	far := httptest.NewServer(mux)
	defer far.Close()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, url := councilSystem(t, sim.CouncilSystemConfig{Seed: 1, Homeward: sim.Homeward{URL: far.URL, Client: "c", Key: jose.JSONWebKey{Key: key, KeyID: "k", Algorithm: "ES384"}}})
	done := make(chan struct{})
	go func() { defer close(done); s.Answer(t.Context(), func(error) {}) }()
	tell(t, url+"/fhir/R4", "k1", referral("active"))
	list, err := s.Referrals(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	if err := s.Decide(t.Context(), list[0].ID, "accepted"); err != nil {
		t.Fatal(err)
	}
	var all []got
	for range 3 {
		select {
		case a := <-answers:
			all = append(all, a)
		case <-time.After(10 * time.Second):
			t.Fatalf("%+v", all)
		}
	}
	if all[0] != all[1] || all[0].status != "received" || all[2].status != "accepted" || all[0].key == all[2].key || all[2].value != "R-1" {
		t.Errorf("%+v", all)
	}
}

// Its database outlives it, and its interfaces ask for the token that it was given.
func TestCouncilSystemRemembers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.db")
	barbara := sim.Barbara(nhs.DateOf(time.Now()))
	s, _ := councilSystem(t, sim.CouncilSystemConfig{Seed: 1, Database: file})
	if found, err := s.Change(t.Context(), barbara.NHS, func(p *sim.Person) { p.Held.Packages[0].Title = "Changed here" }); err != nil || !found {
		t.Fatal(found, err)
	}
	s.Close()
	_, url := councilSystem(t, sim.CouncilSystemConfig{Seed: 1, Database: file, Token: "secret"})
	if res, err := http.Get(url + "/homegrown/adults"); err != nil || res.StatusCode != 401 {
		t.Errorf("without a token: %v", err)
	}
	r, err := http.NewRequest(http.MethodGet, url+"/homegrown/adults", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer secret")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err != nil || !bytes.Contains(b, []byte("Changed here")) {
		t.Errorf("what was changed is gone: %d %v", res.StatusCode, err)
	}
}
