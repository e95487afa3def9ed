package api

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/go-jose/go-jose/v4"
)

// serveFaces serves the faces of the world's hub, and the signing-in of systems
// beside them, and gives each client a token of all its scopes.
func (w *world) serveFaces(ids ...string) (f *Faces, tokens map[string]string) {
	w.Helper()
	file := filepath.Join(w.TempDir(), "keys.json")
	w.must(os.WriteFile(file, jwks(w, jose.JSONWebKey{Key: keys().epr.Public(), KeyID: "k1", Use: "sig"}), 0o600))
	var clients []Client
	for _, id := range ids {
		clients = append(clients, Client{ID: id, Keys: file, PerMinute: 10_000})
	}
	log := slog.New(slog.NewTextHandler(&locked{w: w.log}, nil))
	s, err := NewSystems(SystemsConfig{Hub: w.hub, URLs: []string{public}, Clock: w.clock, Log: log, PerSecond: 1000,
		Address: func(*http.Request) string { return "192.0.2.7" }, Clients: clients})
	w.must(err)
	f, err = NewFaces(FacesConfig{Hub: w.hub, Systems: s, Clock: w.clock, Log: log, PublicURL: public})
	w.must(err)
	mux := http.NewServeMux()
	for _, p := range f.Paths() {
		mux.Handle(p, f)
	}
	mux.Handle("/", s)
	w.here = httptest.NewServer(mux)
	w.Cleanup(w.here.Close)
	tokens = map[string]string{}
	for _, c := range clients {
		tokens[c.ID] = w.granted(w.ask(w.good(c.ID)))
	}
	return f, tokens
}
