package web

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"homeward/care"
)

// grave adds routes to a site that need a step-up and tell what reached them.
func (s *site) grave() *[]url.Values {
	got := &[]url.Values{}
	echo := func(v *visit) (response, error) {
		form := url.Values{}
		for k, vs := range v.r.PostForm {
			form[k] = vs
		}
		if v.r.MultipartForm != nil {
			for k, fs := range v.r.MultipartForm.File {
				f, err := fs[0].Open()
				if err != nil {
					return nil, err
				}
				b, err := io.ReadAll(f)
				if err != nil {
					return nil, err
				}
				form["file:"+k] = []string{string(b)}
			}
		}
		*got = append(*got, form)
		return goTo("/help").saying("It is done."), nil
	}
	for _, pattern := range []string{"GET /grave", "POST /grave"} {
		s.server.mux.HandleFunc(pattern, s.server.serve(route{pattern: pattern, own: true, step: true, do: echo}))
	}
	return got
}

// fields are the hidden fields of the form that posts to action.
func (p shown) fields(action string) url.Values {
	out := url.Values{}
	for _, f := range p.all("form") {
		if attr(f, "action") != action {
			continue
		}
		for n := range f.Descendants() {
			if n.Data == "input" && attr(n, "type") == "hidden" {
				out.Add(attr(n, "name"), attr(n, "value"))
			}
		}
	}
	return out
}

func pairs(v url.Values) (out []string) {
	for name, values := range v {
		for _, value := range values {
			out = append(out, name, value)
		}
	}
	return out
}

// atDoor counts what the audit says of the door.
func (s *site) atDoor(event care.SignInEvent) int { return len(s.audited(string(event))) }

func TestStepUpKeepsEveryField(t *testing.T) {
	s := newSite(t)
	got := s.grave()
	r := s.as("integration")
	if p := r.post("/grave", "words", "at once"); p.status != 303 || len(*got) != 1 {
		t.Fatalf("just signed in, and asked again: %d", p.status)
	}
	s.later(5 * time.Minute)
	typed := url.Values{"words": {"first line\r\nsecond \"line\" <b>", ""}, "id": {"3", "1", "2"}, "empty": {""}, "later": {"31 Feb"}}
	before := r.cookie()
	p := r.post("/grave", pairs(typed)...)
	if p.status != 401 || len(*got) != 1 {
		t.Fatalf("not asked: %d", p.status)
	}
	p.says("Confirm that it is you", "Nothing that you entered is lost")
	wellMade(t, p)
	wrong := r.post("/grave", append(pairs(p.fields("/grave")), confirmPassword, "wrong wrong wrong")...)
	if wrong.status != 401 || len(*got) != 1 || s.atDoor(care.StepUpFailed) != 1 {
		t.Fatalf("a wrong password: %d", wrong.status)
	}
	wrong.says("The password is not right. Try again")
	wellMade(t, wrong)
	if strings.Contains(wrong.body, "wrong wrong") {
		t.Error("the page repeats what was typed")
	}
	done := r.post("/grave", append(pairs(wrong.fields("/grave")), confirmPassword, password)...)
	if done.status != 303 || len(*got) != 2 || s.atDoor(care.SteppedUp) != 1 {
		t.Fatalf("with the password: %d", done.status)
	}
	r.get(done.to).says("It is done.")
	// A page's source has no carriage returns; a browser puts them back when it
	// sends the form.
	typed["words"][0] = strings.ReplaceAll(typed["words"][0], "\r\n", "\n")
	if form := (*got)[1]; len(form) != len(typed) {
		t.Errorf("arrived %q", form)
	}
	for name, values := range typed {
		if arrived := (*got)[1][name]; !slices.Equal(arrived, values) {
			t.Errorf("%s: %q arrived, %q was typed", name, arrived, values)
		}
	}
	if r.cookie() == before {
		t.Error("the token is the same after a proof")
	}
	if p := r.post("/grave", "again", "1"); p.status != 303 {
		t.Errorf("asked again within minutes: %d", p.status)
	}
}

// cookie is the reader's session token.
func (r *reader) cookie() string {
	u, err := url.Parse(r.s.url)
	r.s.must(err)
	for _, c := range r.c.Jar.Cookies(u) {
		if c.Name == "homeward" {
			return c.Value
		}
	}
	return ""
}

func TestStepUpOfAPage(t *testing.T) {
	s := newSite(t)
	got := s.grave()
	r := s.as("integration")
	s.later(6 * time.Minute)
	p := r.get("/grave?id=3&id=4")
	if p.status != 401 || len(*got) != 0 {
		t.Fatal(p.status)
	}
	to := p.fields("/me/confirm").Get(confirmTo)
	if empty := r.post("/me/confirm", confirmTo, to, confirmPassword, ""); empty.status != 401 || !strings.Contains(empty.text(), "Enter your password") {
		t.Error(empty.status, empty.text())
	}
	done := r.post("/me/confirm", confirmTo, to, confirmPassword, password)
	if done.status != 303 || done.to != "/grave?id=3&id=4" {
		t.Fatalf("%d to %q", done.status, done.to)
	}
	if r.get(done.to); len(*got) != 1 {
		t.Error("asked again")
	}
	for _, bad := range []string{"https://evil.example/", "//evil.example", "/\\evil.example", "/nowhere", "javascript:alert(1)", "", "/static/app.css", "/signin\r\nX: y",
		"/%2fevil.example/../lookup", "/%2flookup", "/%2fevil.example%2f..%2flookup", "/.//evil.example/../lookup", "http:////lookup"} {
		if done := r.post("/me/confirm", confirmTo, bad, confirmPassword, password); done.to != "/ops" {
			t.Errorf("%q leads to %q", bad, done.to)
		}
	}
	lost := r.get("/%2fevil.example/..%2flookup/x")
	for _, a := range lost.all("a") {
		if strings.Contains(attr(a, "href"), "evil") {
			t.Errorf("%d, and a link to %q", lost.status, attr(a, "href"))
		}
	}
}

func TestStepUpLocksAsTheDoorDoes(t *testing.T) {
	s := newSite(t)
	got := s.grave()
	r := s.as("integration")
	s.later(6 * time.Minute)
	for range 3 {
		r.post("/grave", confirmPassword, "wrong wrong wrong")
	}
	s.stranger().post("/signin", "login", "integration", "password", "wrong wrong wrong")
	r.post("/grave", confirmPassword, "wrong wrong wrong").says("Too many tries. Try again after")
	if p := r.post("/grave", confirmPassword, password); p.status != 401 || len(*got) != 0 {
		t.Errorf("the right password opens what is locked: %d", p.status)
	}
	if p := s.stranger().post("/signin", "login", "integration", "password", password); p.status != 429 {
		t.Errorf("the door is open: %d", p.status)
	}
	if s.atDoor(care.SignInLocked) != 1 {
		t.Error("no lock in the audit")
	}
}

// upload posts a form with a file.
func (r *reader) upload(path, name, content string, fields ...string) shown {
	r.s.t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for i := 0; i+1 < len(fields); i += 2 {
		r.s.must(m.WriteField(fields[i], fields[i+1]))
	}
	w, err := m.CreateFormFile(name, "agreement.toml")
	r.s.must(err)
	_, err = io.WriteString(w, content)
	r.s.must(err)
	r.s.must(m.Close())
	req, err := http.NewRequest("POST", r.s.url+path, &b)
	r.s.must(err)
	req.Header.Set("Content-Type", m.FormDataContentType())
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return r.send(req)
}

func TestStepUpAsksForAFileAgain(t *testing.T) {
	s := newSite(t)
	got := s.grave()
	r := s.as("integration")
	s.later(6 * time.Minute)
	p := r.upload("/grave", "agreement", "a = 1", "note", "what it is for")
	if p.status != 401 || len(*got) != 0 {
		t.Fatal(p.status)
	}
	p.says("Choose the file again")
	wellMade(t, p)
	if p.fields("/grave").Get("note") != "what it is for" {
		t.Error("the words are lost")
	}
	done := r.upload("/grave", "agreement", "a = 1", append(pairs(p.fields("/grave")), confirmPassword, password)...)
	if done.status != 303 || len(*got) != 1 {
		t.Fatal(done.status)
	}
	if form := (*got)[0]; form.Get("file:agreement") != "a = 1" || form.Get("note") != "what it is for" || form.Has(confirmPassword) {
		t.Errorf("arrived %q", form)
	}
	s.later(6 * time.Minute)
	if p := r.upload("/grave", "agreement", strings.Repeat("x", maxBody+1)); p.status != 422 {
		t.Errorf("a file that is too large: %d", p.status)
	}
}

func TestStepUpRefusesWhatItCannotKeep(t *testing.T) {
	s := newSite(t)
	got := s.grave()
	r := s.as("integration")
	s.later(6 * time.Minute)
	p := r.post("/grave", "words", strings.Repeat("x", mostKept))
	if p.status != 422 || len(*got) != 0 {
		t.Fatal(p.status)
	}
	p.says("Go back, make the longest answers shorter")
	if p := r.post("/grave", "words", strings.Repeat("x", mostKept-100)); p.status != 401 {
		t.Fatal(p.status)
	} else if p = r.post("/grave", append(pairs(p.fields("/grave")), confirmPassword, password)...); p.status != 303 {
		t.Error(p.status)
	}
}

func TestStepUpOfNobody(t *testing.T) {
	s := newSite(t)
	got := s.grave()
	p := s.stranger().post("/grave", confirmPassword, password)
	if p.status != 303 || !strings.HasPrefix(p.to, "/signin") || len(*got) != 0 {
		t.Errorf("%d to %q", p.status, p.to)
	}
}
