package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"homeward/web"
)

// TestEveryAnswerIsGuarded asks for pages, files, what machines ask, errors of
// each kind and redirects of the standard library's: none lacks a header.
func TestEveryAnswerIsGuarded(t *testing.T) {
	dir := t.TempDir()
	private, set := filepath.Join(dir, "epr.pem"), filepath.Join(dir, "epr.json")
	if err := (&systemKeyCmd{Private: private, JWKS: set, Alg: "ES384"}).Run(); err != nil {
		t.Fatal(err)
	}
	cfg := defaults()
	cfg.Encryption.AtRest = atRestOff
	cfg.Database, cfg.PublicURL, cfg.Behind = filepath.Join(dir, "db"), "https://homeward.example", true
	cfg.Orgs = []OrgConfig{{ODS: "RK5", Name: "King's Mill", Kind: "trust"}}
	s := systemDefaults()
	s.Client, s.Title, s.Org, s.Scopes, s.Keys = "epr", "EPR", "RK5", []string{"launch"}, set
	cfg.Systems = []SystemConfig{s}
	st, err := newSite(context.Background(), cfg, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer st.close()
	st.extra = (&demo{}).panel()
	_, h, err := st.handler()
	if err != nil {
		t.Fatal(err)
	}
	assets, err := web.LoadAssets()
	if err != nil {
		t.Fatal(err)
	}
	for _, ask := range []string{"GET /signin", "GET /lookup", "GET /nothing", "PUT /signin", "POST /signin", "GET //signin", "GET /static", "GET /static/nothing", "GET " + assets.URLs().URL("app.css"),
		"GET /healthz", "GET /readyz", "GET /metrics", "POST /healthz", "GET /oauth2/token", "POST /oauth2/token", "GET /.well-known/smart-configuration", "GET /.well-known/oauth-authorization-server",
		"GET /api/launch", "POST /api/launch", "GET /api/nothing", "GET /launch/nothing", "GET /signin/front/nobody", "POST /signin/back/nobody", "GET /demo/nothing", "POST /demo/clock"} {
		method, path, _ := strings.Cut(ask, " ")
		r := httptest.NewRequest(method, "https://homeward.example/", nil)
		r.URL.Path, r.RequestURI, r.RemoteAddr = path, path, "127.0.0.1:4000"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		got := w.Result().Header
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Strict-Transport-Security": "max-age=31536000", "Cross-Origin-Opener-Policy": "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin", "Referrer-Policy": "", "Content-Security-Policy": "frame-ancestors 'none'", "Cache-Control": ""} {
			if vs := got.Values(name); len(vs) != 1 || !strings.Contains(vs[0], want) {
				t.Errorf("%s: %d with %s %q", ask, w.Code, name, vs)
			}
		}
		if w.Code == http.StatusInternalServerError {
			t.Errorf("%s: %d", ask, w.Code)
		}
	}
}
