package hub

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"homeward/care"
	"homeward/connect/httpsend"
	"homeward/internal/pgtest"
	"homeward/nhs"
	"homeward/pds"
	simpds "homeward/sim/pds"
	"homeward/store"
)

var pdsKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// onBothWithPDS runs a test on both databases, each with a pretend PDS.
func onBothWithPDS(t *testing.T, f func(t *testing.T, s *site, d *simpds.Service)) {
	key, err := pdsKey()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, engine := range pgtest.Engines() {
		t.Run(engine, func(t *testing.T) {
			d := simpds.New(simpds.Config{App: "app", Keys: &jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k"}}}})
			srv := httptest.NewServer(d)
			t.Cleanup(srv.Close)
			d.SetURL(srv.URL)
			client, err := pds.New(pds.Config{PerSecond: 1000, HTTP: httpsend.Config{URL: srv.URL + "/personal-demographics/FHIR/R4", Timeout: 3 * time.Second,
				Auth: httpsend.Auth{Kind: httpsend.ClientJWT, TokenURL: srv.URL + "/oauth2/token", ClientID: "app", KeyID: "k", SecretFile: file}}})
			if err != nil {
				t.Fatal(err)
			}
			f(t, newSite(t, engine, func(c *Config, _ *store.Config) { c.PDS, c.RecheckPDS = client, 7*24*time.Hour }), d)
		})
	}
}

// known is somebody as PDS has them.
func knownToPDS(p somebody, change ...func(*simpds.Record)) simpds.Record {
	r := simpds.Record{Number: p.nhs, Family: p.family, Given: p.given, Title: "Mrs", Born: p.birth(), Sex: "female", Lines: []string{"9 Other Lane"}, Postcode: "ZZ99 3AB", Phone: "01632 960077", GP: "Y99009"}
	for _, f := range change {
		f(&r)
	}
	return r
}

func (s *site) trace(by care.Actor, id care.CaseID) PDSView {
	s.Helper()
	v, err := s.TracePDS(s.ctx(), by, id)
	s.must(err)
	return v
}

func said(v PDSView) string { return strings.Join(v.Words, ". ") }

func TestTraceVerifiesANumber(t *testing.T) {
	onBothWithPDS(t, func(t *testing.T, s *site, d *simpds.Service) {
		p := nobody(1)
		p.trace = "NSTS02"
		id := s.admit(p)
		if s.read(id).Trace.Verified() {
			t.Fatal("the number is verified from the start")
		}
		d.Put(knownToPDS(p))
		before := s.read(id)
		var v PDSView
		rows := s.audits(func() { v = s.trace(as(care.WardNurse, kings), id) })
		c := s.read(id)
		if !v.Verified || !c.Trace.Verified() || c.NHS != p.nhs || c.Doubt != nil || !v.Asked.Equal(s.clock()) {
			t.Errorf("%+v, %s", v, c.Trace)
		}
		if c.Person.Address.Postcode != before.Person.Address.Postcode || c.Person.GP != before.Person.GP || c.Person.Source != before.Person.Source || !c.Person.AsAt.Equal(before.Person.AsAt) {
			t.Errorf("what the hospital told was overwritten: %+v", c.Person)
		}
		if c.Person.Phone != "01632 960077" {
			t.Errorf("what nobody had told was not filled in: %q", c.Person.Phone)
		}
		if len(rows) != 2 || rows[0].Outcome != "asked PDS" || rows[1].Outcome != "PDS answered: found" || string(rows[1].Case) != string(id) {
			t.Errorf("audit: %+v", rows)
		}
		s.pass(30 * time.Second)
		if v = s.trace(as(care.Coordinator, kings), id); d.Asked("read") != 1 || !v.Asked.Equal(s.clock().Add(-30*time.Second)) {
			t.Errorf("asked %d times within a minute", d.Asked("read"))
		}
		kept, err := s.Hub.PDS(s.ctx(), as(care.WardNurse, kings), id)
		if err != nil || !kept.Verified || len(kept.Words) == 0 || !kept.May {
			t.Errorf("%+v %v", kept, err)
		}
		s.pass(time.Hour)
		s.trace(as(care.WardNurse, kings), id)
		if again := s.read(id); again.Version != c.Version {
			t.Errorf("asking again changed the record: %v", s.history(id))
		}
	})
}

func TestTraceByWhoTheyAre(t *testing.T) {
	onBothWithPDS(t, func(t *testing.T, s *site, d *simpds.Service) {
		p := nobody(2)
		p.noNumber = true
		id := s.admit(p)
		if v := s.trace(as(care.WardNurse, kings), id); v.Verified || !strings.Contains(said(v), "knows nobody") {
			t.Errorf("nobody: %+v", v)
		}
		d.Put(knownToPDS(p, func(r *simpds.Record) { r.Postcode = p.post }))
		s.pass(time.Hour)
		if v := s.trace(as(care.WardNurse, kings), id); !v.Verified {
			t.Errorf("%+v", v)
		}
		if c := s.read(id); c.NHS != p.nhs || !c.Trace.Verified() || c.Doubt != nil {
			t.Errorf("%v %v", c.Trace, c.Doubt)
		}
		// The number that PDS finds may be another record's: then a steward is asked.
		q := nobody(3)
		q.noNumber = true
		two := s.admit(q)
		d.Put(knownToPDS(q, func(r *simpds.Record) { r.Number, r.Postcode = p.nhs, q.post }))
		s.pass(time.Hour)
		if v := s.trace(as(care.WardNurse, kings), two); v.Verified || !strings.Contains(said(v), "A steward must settle who is who") {
			t.Errorf("another's number: %+v", v)
		}
		if s.read(two).Doubt == nil || s.read(id).Doubt == nil || !s.read(two).NHS.IsZero() {
			t.Error("no question was raised")
		}
	})
}

func TestTraceOfDifferentPeople(t *testing.T) {
	onBothWithPDS(t, func(t *testing.T, s *site, d *simpds.Service) {
		p := nobody(4)
		id := s.admit(p)
		d.Put(knownToPDS(p, func(r *simpds.Record) { r.Born = nhs.Date{Year: 1951, Month: 5, Day: 6} }))
		v := s.trace(as(care.WardNurse, kings), id)
		c := s.read(id)
		if v.Verified || c.Doubt == nil || c.Doubt.Source != "PDS" || c.Person.Born != p.birth() {
			t.Fatalf("%+v %+v", v, c.Doubt)
		}
		for _, w := range v.Words {
			if strings.Contains(w, "1951") || strings.Contains(w, "Quill") {
				t.Errorf("tells of somebody else: %s", w)
			}
		}
		s.must(s.Settle(s.ctx(), as(care.Coordinator, kings), id, "keep", "seen with the passport"))
		s.pass(time.Hour)
		if v = s.trace(as(care.WardNurse, kings), id); s.read(id).Doubt != nil || !strings.Contains(said(v), "asked about this before") {
			t.Errorf("the same question again: %+v", v)
		}
		d.Put(knownToPDS(p, func(r *simpds.Record) { r.Born = nhs.Date{Year: 1961, Month: 5, Day: 6} }))
		s.pass(time.Hour)
		if v = s.trace(as(care.WardNurse, kings), id); s.read(id).Doubt == nil {
			t.Errorf("another difference raises no question: %+v", v)
		}
		s.pass(time.Hour)
		d.Put(knownToPDS(p))
		if v = s.trace(as(care.WardNurse, kings), id); v.Verified || s.read(id).Doubt == nil {
			t.Errorf("a question that PDS answered by itself: %+v", v)
		}
	})
}

func TestTraceSupersededRestrictedAndDied(t *testing.T) {
	onBothWithPDS(t, func(t *testing.T, s *site, d *simpds.Service) {
		old := nobody(5)
		id := s.admit(old)
		now := old
		now.nhs = nobody(6).nhs
		d.Put(simpds.Record{Number: old.nhs, Replaced: now.nhs})
		d.Put(knownToPDS(now, func(r *simpds.Record) { r.Restricted = true }))
		_, err := s.TracePDS(s.ctx(), as(care.WardNurse, kings), id) // a ward nurse does not see restricted people
		s.refused(err, care.Forbidden, "")
		v, err := s.Hub.PDS(s.ctx(), as(care.Coordinator, kings), id)
		s.must(err)
		c := s.read(id)
		if !v.Verified || c.NHS != now.nhs || !slices.Contains(c.Formerly, old.nhs) || !c.Sensitive || c.Doubt != nil {
			t.Errorf("%+v: %v formerly %v sensitive %v", v, c.NHS, c.Formerly, c.Sensitive)
		}

		dead := nobody(7)
		there := s.admit(dead)
		d.Put(knownToPDS(dead, func(r *simpds.Record) { r.Died, r.DeathStatus = "2026-11-20T00:00:00+00:00", "2" }))
		if v = s.trace(as(care.WardNurse, kings), there); s.read(there).Died != nil || !strings.Contains(said(v), "the hospital says that they are here") {
			t.Errorf("dead and in a bed: %+v", v)
		}
		s.hear("kmh", says{event: "A03", p: dead, ward: "W12/4", visit: "V" + dead.mrn})
		s.pass(time.Hour)
		d.Put(knownToPDS(dead, func(r *simpds.Record) { r.Died, r.DeathStatus = "2026-11-20T00:00:00+00:00", "1" }))
		if v = s.trace(as(care.Coordinator, kings), there); s.read(there).Died != nil || !strings.Contains(said(v), "informally") {
			t.Errorf("told informally: %+v", v)
		}
		s.pass(time.Hour)
		d.Put(knownToPDS(dead, func(r *simpds.Record) { r.Died, r.DeathStatus = "2026-11-20T00:00:00+00:00", "2" }))
		if v = s.trace(as(care.Coordinator, kings), there); s.read(there).Died == nil || s.read(there).Died.Source != "PDS" {
			t.Errorf("told by the registrar: %+v", v)
		}

		gone := nobody(8)
		g := s.admit(gone)
		d.Put(knownToPDS(gone, func(r *simpds.Record) { r.Invalidated = true }))
		if v = s.trace(as(care.WardNurse, kings), g); v.Verified || !strings.Contains(said(v), "given up") {
			t.Errorf("invalidated: %+v", v)
		}
	})
}

// Who may not know who somebody is, or neither refers nor settles, asks nobody; and
// what PDS does not answer changes nothing.
func TestTraceIsDecidedAndFails(t *testing.T) {
	onBothWithPDS(t, func(t *testing.T, s *site, d *simpds.Service) {
		p := nobody(9)
		id := s.admit(p)
		d.Put(knownToPDS(p))
		for _, by := range []care.Actor{as(care.AENurse, kings), as(care.WardNurse, other), as(care.SocialWorker, notts), as(care.Integration, system), as(care.Admin, kings), as(care.IGLead, kings)} {
			_, err := s.TracePDS(s.ctx(), by, id)
			s.refused(err, care.Forbidden, "")
			_, err = s.Hub.PDS(s.ctx(), by, id)
			s.refused(err, care.Forbidden, "")
		}
		_, err := s.TracePDS(s.ctx(), as(care.WardNurse, kings), "no-such-case")
		s.refused(err, care.Forbidden, "")
		if n := d.Asked("read") + d.Asked("search"); n != 0 {
			t.Errorf("PDS was asked %d times", n)
		}
		for fault, want := range map[simpds.Fault]string{simpds.Away: "does not answer", simpds.Denied: "did not let Homeward ask", simpds.Strange: "does not answer"} {
			d.Set(fault)
			_, err := s.TracePDS(s.ctx(), as(care.WardNurse, kings), id)
			s.refused(err, care.Transient, "")
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", fault, err)
			}
		}
		if v, err := s.Hub.PDS(s.ctx(), as(care.WardNurse, kings), id); err != nil || !v.Asked.IsZero() {
			t.Errorf("an answer that nobody gave: %+v %v", v, err)
		}
	})
}

// Those who are referred are checked again when the answer is old; what stops one
// round is tried in the next.
func TestRecheck(t *testing.T) {
	onBothWithPDS(t, func(t *testing.T, s *site, d *simpds.Service) {
		p, q := nobody(10), nobody(11)
		id, unreferred := s.admit(p), s.admit(q)
		s.refer(as(care.Coordinator, kings), id)
		d.Put(knownToPDS(p))
		d.Set(simpds.Away)
		if n, err := s.Recheck(s.ctx()); n != 0 || err == nil {
			t.Errorf("%d %v", n, err)
		}
		d.Set(simpds.NoFault)
		rows := s.audits(func() {
			if n, err := s.Recheck(s.ctx()); n != 1 || err != nil {
				t.Errorf("%d %v", n, err)
			}
		})
		if len(rows) != 1 || rows[0].Actor != "homeward" || rows[0].Case != id {
			t.Errorf("audit %+v", rows)
		}
		if n, err := s.Recheck(s.ctx()); n != 0 || err != nil {
			t.Errorf("at once again: %d %v", n, err)
		}
		s.pass(8 * 24 * time.Hour)
		if n, err := s.Recheck(s.ctx()); n != 1 || err != nil {
			t.Errorf("after a week: %d %v", n, err)
		}
		s.view(func(tx *store.Tx) error {
			if _, err := tx.PDSAnswer(unreferred); !store.IsNone(err) {
				t.Error("somebody who is not referred was checked")
			}
			return nil
		})
	})
}
