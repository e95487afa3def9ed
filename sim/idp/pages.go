package idp

import (
	"crypto/rand"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

var pickPage = template.Must(template.New("pick").Parse(`<!doctype html>
<html lang="en-GB"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{{.Title}}</title><link rel="icon" href="data:,">
<style>body{font:1.1rem/1.5 Arial,sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem}button{font:inherit;display:block;width:100%;text-align:left;padding:.6rem 1rem;margin:.5rem 0;cursor:pointer}small{color:#333}</style></head>
<body><main><h1>{{.Title}}</h1><p>This is not a real sign-in. Everybody here is invented, and nobody needs a password. Who are you?</p>
<form method="post" action="/authorize">{{range $k, $v := .Ask}}<input type="hidden" name="{{$k}}" value="{{index $v 0}}">{{end}}
{{range .People}}<button name="person" value="{{.Sub}}">{{.Name}}<br><small>{{.Does}}</small></button>{{end}}
<button name="person" value="">Cancel</button></form></main></body></html>
`))

var leftPage = template.Must(template.New("left").Parse(`<!doctype html>
<html lang="en-GB"><head><meta charset="utf-8"><title>{{.}}</title><link rel="icon" href="data:,"></head><body><main><h1>{{.}}</h1><p>You are signed out here.</p></main></body></html>
`))

// asked checks what a client asks for; what is wrong is told here and never sent
// to the address it names. RFC 6749 4.1.2.1.
func (p *Provider) asked(w http.ResponseWriter, q url.Values) bool {
	c, ok := p.client(q.Get("client_id"))
	why := ""
	switch {
	case !ok:
		why = "no such client"
	case !slices.Contains(c.Redirects, q.Get("redirect_uri")):
		why = "no such redirect_uri"
	case q.Get("response_type") != "code":
		why = "response_type must be code"
	case q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43:
		why = "PKCE with S256 is needed"
	case !slices.Contains(strings.Fields(q.Get("scope")), "openid"):
		why = "scope must hold openid"
	default:
		return true
	}
	http.Error(w, why, http.StatusBadRequest)
	return false
}

func (p *Provider) askWho(w http.ResponseWriter, r *http.Request) {
	if !p.asked(w, r.URL.Query()) {
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = pickPage.Execute(w, map[string]any{"Title": p.Title, "Ask": r.URL.Query(), "People": p.People}) // whoever asked has gone
}

func (p *Provider) picked(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || !p.asked(w, r.PostForm) {
		return
	}
	to, err := url.Parse(r.PostForm.Get("redirect_uri"))
	if err != nil {
		http.Error(w, "no such redirect_uri", http.StatusBadRequest)
		return
	}
	q := to.Query()
	q.Set("state", r.PostForm.Get("state"))
	switch {
	case p.is(MixUp):
		q.Set("iss", "https://elsewhere.example")
	case !p.is(SilentIssuer):
		q.Set("iss", p.Issuer)
	}
	at := slices.IndexFunc(p.People, func(o Person) bool { return o.Sub == r.PostForm.Get("person") })
	if at < 0 || p.is(Refuses) {
		q.Set("error", "access_denied")
	} else {
		code := rand.Text()
		p.mu.Lock()
		p.grants[code] = &grant{n: len(p.grants), client: r.PostForm.Get("client_id"), redirect: r.PostForm.Get("redirect_uri"), nonce: r.PostForm.Get("nonce"),
			challenge: r.PostForm.Get("code_challenge"), acr: r.PostForm.Get("acr_values"), sid: rand.Text(), person: p.People[at], at: p.Clock().Truncate(time.Second)}
		p.mu.Unlock()
		q.Set("code", code)
	}
	to.RawQuery = q.Encode()
	http.Redirect(w, r, to.String(), http.StatusFound)
}

// leave ends the provider's own session, as a client asks. OpenID Connect
// RP-Initiated Logout 1.0, 2.
func (p *Provider) leave(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	c, ok := p.client(q.Get("client_id"))
	if ok && slices.Contains(c.AfterLogout, q.Get("post_logout_redirect_uri")) {
		http.Redirect(w, r, q.Get("post_logout_redirect_uri"), http.StatusSeeOther)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = leftPage.Execute(w, p.Title) // whoever asked has gone
}
