package main

import "net/http"

// guarded sets on every answer what no answer may lack, also on those of the
// standard library itself: a redirect to a clean path, a method that is not
// there. Pages set what they need in its place. OWASP ASVS 5.0 3.4, 3.5.8.
func guarded(h http.Handler, secure bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to := w.Header()
		to.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		to.Set("X-Content-Type-Options", "nosniff")
		to.Set("Referrer-Policy", "no-referrer")
		to.Set("Cross-Origin-Opener-Policy", "same-origin")
		to.Set("Cross-Origin-Resource-Policy", "same-origin")
		to.Set("Cache-Control", "no-store")
		if secure {
			to.Set("Strict-Transport-Security", "max-age=31536000")
		}
		h.ServeHTTP(w, r)
	})
}
