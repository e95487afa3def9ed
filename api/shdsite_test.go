package api

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"homeward/care"
	"homeward/fhir"
	"homeward/form"
	"homeward/hub"
	"homeward/internal/pgtest"
	"homeward/nhs"
	"homeward/pathways"
	"homeward/policies"
	"homeward/policy"
	"homeward/sharing"
	"homeward/store"
)

// faceSite is a hub with two hospitals, two councils, an agreement that lets all
// flow between them, and a system of each with every scope.
type faceSite struct {
	*world
	faces  *Faces
	at     string
	tokens map[string]string
	as     string // the system that asks
}

const (
	kmh, qmc     = nhs.ODS("RK5"), nhs.ODS("RX1")
	county, city = nhs.ODS("511"), nhs.ODS("512")
)

var siteClients = map[string]nhs.ODS{"kmh-epr": kmh, "qmc-epr": qmc, "county-mosaic": county, "city-liquid": city}

var releasedSet = sync.OnceValues(func() (*policy.Set, error) {
	rules, err := policies.Files.ReadFile("sharing.cedar")
	if err != nil {
		return nil, err
	}
	schema, err := policies.Files.ReadFile("sharing.cedarschema")
	if err != nil {
		return nil, err
	}
	return policy.Load(rules, schema)
})

// onBothFaces runs a test on both databases.
func onBothFaces(t *testing.T, f func(t *testing.T, s *faceSite)) {
	for _, engine := range pgtest.Engines() {
		t.Run(engine, func(t *testing.T) { f(t, newFaceSite(t, engine)) })
	}
}

const siteGazetteer = "uprn,postcode,council,address\n10000000101,NG18 1AA,511,\n,NG1 1AB,512,\n10000000201,NG5 6XX,511,\"1 Border Road, Arnold, Nottingham\"\n10000000202,NG5 6XX,512,\"2 Border Road, Nottingham\"\n"

func newFaceSite(t testing.TB, engine string, more ...func(*hub.Config)) *faceSite {
	t.Helper()
	w := &world{TB: t, log: &bytes.Buffer{}}
	w.now.Store(time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC).UnixMicro())
	at := filepath.Join(t.TempDir(), "homeward.db")
	if engine == "postgres" {
		at = pgtest.Start(t)
	}
	ctx := context.Background()
	db, err := store.Open(ctx, store.Config{URL: at, Clock: w.clock, Row: care.RowOf})
	w.must(err)
	t.Cleanup(func() { db.Close() })
	_, err = db.Migrate(ctx)
	w.must(err)
	set, err := releasedSet()
	w.must(err)
	forms, err := form.Load(pathways.Files)
	w.must(err)
	g, err := hub.ReadGazetteer(strings.NewReader(siteGazetteer))
	w.must(err)
	hc := hub.Config{Store: db, Policies: set, Forms: forms, Clock: w.clock, Gazetteer: g,
		Orgs: []care.Org{{ODS: kmh, Name: "King's Mill Hospital", Kind: care.Trust, Phone: "01632 960300"}, {ODS: qmc, Name: "Queen's", Kind: care.Trust},
			{ODS: county, Name: "Nottinghamshire County Council", Kind: care.Council, Phone: "01632 960100", OutOfHours: "01632 960101"},
			{ODS: city, Name: "Nottingham City Council", Kind: care.Council, Phone: "01632 960200"}},
		Councils: []hub.CouncilFeed{{Name: "mosaic", Title: "Mosaic", Council: county}, {Name: "liquid", Title: "Liquidlogic", Council: city}}}
	for client, org := range siteClients {
		hc.Systems = append(hc.Systems, hub.System{Client: client, Title: client + " system", Org: org, Scopes: Scopes()})
	}
	for _, f := range more {
		f(&hc)
	}
	h, err := hub.New(hc)
	w.must(err)
	w.hub, w.store = h, db
	w.must(h.SeedAgreements(ctx, []sharing.Agreement{agreedByAll()}))
	file := filepath.Join(t.TempDir(), "all.json")
	w.must(os.WriteFile(file, jwks(t, jose.JSONWebKey{Key: keys().epr.Public(), KeyID: "k1", Use: "sig"}), 0o600))
	log := slog.New(slog.NewTextHandler(&locked{w: w.log}, nil))
	sc := SystemsConfig{Hub: h, URLs: []string{public}, Clock: w.clock, Log: log, PerSecond: 1000, Address: func(*http.Request) string { return "192.0.2.7" }}
	for client := range siteClients {
		sc.Clients = append(sc.Clients, Client{ID: client, Keys: file, PerMinute: 10_000})
	}
	systems, err := NewSystems(sc)
	w.must(err)
	w.here = httptest.NewServer(systems)
	t.Cleanup(w.here.Close)
	s := &faceSite{world: w, tokens: map[string]string{}, as: "kmh-epr"}
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	s.at = srv.URL
	s.faces, err = NewFaces(FacesConfig{Hub: h, Systems: systems, Clock: w.clock, Log: log, PublicURL: srv.URL})
	w.must(err)
	for _, p := range s.faces.Paths() {
		mux.Handle(p, s.faces)
	}
	return s
}

// agreedByAll lets everything flow between every hospital and every council.
func agreedByAll() sharing.Agreement {
	day := func(y int) nhs.Date { return nhs.DateOf(time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC)) }
	a := sharing.Agreement{ID: "everything", Version: 1, Title: "Everything", Purpose: "Tests", Basis: "Tests", DPIA: "T-1", Owner: "Tests", Contact: "01632 960000",
		From: day(2020), To: day(2040), Status: sharing.Agreed, Changes: []sharing.Change{{At: time.Date(2025, 11, 1, 9, 0, 0, 0, time.UTC), By: "operator", Who: "Tests", Did: "imported"}}}
	for _, trust := range []nhs.ODS{kmh, qmc} {
		for _, council := range []nhs.ODS{county, city} {
			a.Flows = append(a.Flows, sharing.Flow{From: trust, To: council, Sections: sharing.Sections()}, sharing.Flow{From: council, To: trust, Sections: sharing.Sections()})
		}
	}
	for _, o := range []nhs.ODS{kmh, qmc, county, city} {
		a.Parties = append(a.Parties, sharing.Party{ODS: o, Name: string(o)})
		a.Signatories = append(a.Signatories, sharing.Signatory{Name: "Ola Invented", Role: "Caldicott Guardian", ODS: o, On: day(2020)})
	}
	return a
}

// call asks a face as the system s.as; heads are names and values.
func (s *faceSite) call(method, path, body string, heads ...string) said {
	s.Helper()
	if s.tokens[s.as] == "" {
		s.tokens[s.as] = s.granted(s.ask(s.good(s.as)))
	}
	f := facesWorld{world: s.world, at: s.at, token: s.tokens[s.as]}
	return f.call(method, path, body, heads...)
}

// stored is the case of an NHS number as the store has it.
func (s *faceSite) stored(n nhs.Number) (c care.Case) {
	s.Helper()
	s.must(s.store.View(context.Background(), func(tx *store.Tx) error {
		ids, err := tx.FindNHS(n)
		if err != nil || len(ids) == 0 {
			return err
		}
		c, err = tx.Case(ids[0])
		return err
	}))
	return c
}

// jsonOf writes a tree.
func jsonOf(t testing.TB, n *fhir.Node) string {
	t.Helper()
	b, err := fhir.Write(n, fhir.JSON, fhir.STU3)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
