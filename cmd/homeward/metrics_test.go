package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestMetricsAreForThisMachine keeps the figures from whoever comes from
// elsewhere, also through a proxy on this machine.
func TestMetricsAreForThisMachine(t *testing.T) {
	say := func(code int) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
	}
	h := hereOnly(say(200), say(404))
	for _, x := range []struct {
		from, header string
		want         int
	}{
		{"127.0.0.1:5000", "", 200}, {"[::1]:5000", "", 200}, {"[::ffff:127.0.0.1]:5000", "", 200}, {"192.0.2.7:5000", "", 404}, {"nonsense", "", 404},
		{"127.0.0.1:5000", "X-Forwarded-For", 404}, {"127.0.0.1:5000", "Forwarded", 404},
	} {
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.RemoteAddr = x.from
		if x.header != "" {
			r.Header.Set(x.header, "127.0.0.1")
		}
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != x.want {
			t.Errorf("%+v: %d", x, w.Code)
		}
	}
}
