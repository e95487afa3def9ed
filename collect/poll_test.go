package collect

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"homeward/care"
	"homeward/connect/httpsend"
	"homeward/extract"
	"homeward/mapping"
	"homeward/nhs"
	"homeward/sim"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// clock is a time that a test moves.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func poller(t *testing.T, base string, plan *Plan, c *clock) *Poll {
	t.Helper()
	client, err := httpsend.New(httpsend.Config{URL: base, Timeout: 2 * time.Second, MaxAnswer: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return &Poll{Plan: plan, Client: client, Base: base, Folder: Folder{t.TempDir()}, Council: "511", FullEvery: 24 * time.Hour, PerSecond: 1e6,
		Now: c.now, Sleep: func(ctx context.Context, d time.Duration) error { return ctx.Err() }}
}

// loaded is what an extract holds, by the council's id of people.
func loaded(t *testing.T, dir string) (map[string]extract.Entry, []*extract.Problem, extract.Manifest) {
	t.Helper()
	layout, err := extract.Builtin("homeward")
	if err != nil {
		t.Fatal(err)
	}
	r, err := extract.Open(os.DirFS(dir), layout, care.Source{Feed: "county", Org: "511"})
	if err != nil {
		t.Fatal(err)
	}
	if n := r.Notes(); len(n) > 0 {
		t.Errorf("columns that are not read: %v", n)
	}
	out := map[string]extract.Entry{}
	var problems []*extract.Problem
	for _, p := range r.Providers() {
		if p != nil {
			problems = append(problems, p)
		}
	}
	for e, p := range r.People() {
		if p != nil {
			problems = append(problems, p)
			continue
		}
		out[e.PersonID] = e
	}
	for p := range r.Problems() {
		problems = append(problems, p)
	}
	return out, problems, r.Manifest()
}

// Each plan that comes with Homeward brings everything from the pretend council,
// and then only what changed.
func TestReadyPlansBringThePretendCouncil(t *testing.T) {
	for _, name := range ReadyNames() {
		t.Run(name, func(t *testing.T) {
			c := &clock{noon.Add(-time.Hour)}
			council, err := sim.OpenCouncilSystem(t.Context(), sim.CouncilSystemConfig{Database: filepath.Join(t.TempDir(), "council.db"), Seed: 1, Clock: c.now, PerPage: 60})
			if err != nil {
				t.Fatal(err)
			}
			defer council.Close()
			srv := httptest.NewServer(council.Handler())
			defer srv.Close()
			plan, err := Ready(name)
			if err != nil {
				t.Fatal(err)
			}
			c.at = noon
			p := poller(t, srv.URL+"/"+name, plan, c)
			got, err := p.Bring(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			people, problems, m := loaded(t, filepath.Join(p.Folder.Dir, got.Extracts[0]))
			if m.Kind != extract.Full || len(people) < 190 || len(problems) > 0 {
				t.Fatalf("%s: %d people, problems %v, notes %v", m.Kind, len(people), problems, got.Notes)
			}
			barbara := sim.Barbara(nhs.DateOf(noon))
			held := people[barbara.Held.ID].Observation.Holds
			if held == nil || len(held.Packages) != len(barbara.Held.Packages) || people[barbara.Held.ID].Observation.About.NHS != barbara.NHS {
				t.Fatalf("Barbara: %+v", held)
			}

			c.at = c.at.Add(10 * time.Minute)
			if found, err := council.Change(t.Context(), barbara.NHS, func(p *sim.Person) { p.Held.Packages[0].Status = "onhold" }); err != nil || !found {
				t.Fatal(found, err)
			}
			c.at = c.at.Add(10 * time.Minute)
			got, err = p.Bring(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			people, problems, m = loaded(t, filepath.Join(p.Folder.Dir, got.Extracts[0]))
			if m.Kind != extract.Changes || len(people) != 1 || len(problems) > 0 || people[barbara.Held.ID].Observation.Holds.Packages[0].Status != "onhold" {
				t.Fatalf("%s: %d people %v", m.Kind, len(people), problems)
			}

			c.at = c.at.Add(25 * time.Hour)
			if got, err = p.Bring(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, _, m = loaded(t, filepath.Join(p.Folder.Dir, got.Extracts[0])); m.Kind != extract.Full {
				t.Error("a day later it should be full again")
			}
		})
	}
}

// The mappings that come with Homeward are tried on the samples beside them.
func TestReadySamples(t *testing.T) {
	for _, name := range ReadyNames() {
		plan, err := Ready(name)
		if err != nil {
			t.Fatal(err)
		}
		files, err := ReadyFiles(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range plan.Asks {
			if a.Mapping == "" {
				continue
			}
			b, err := fs.ReadFile(files, strings.TrimSuffix(a.Mapping, ".toml")+".sample.json")
			if err != nil {
				t.Fatal(err)
			}
			in, err := mapping.Decode(b)
			if err != nil {
				t.Fatal(err)
			}
			for _, sub := range plan.Table(a.Mapping).Tables() {
				rows, problems := plan.Table(a.Mapping).Sub(sub).Apply(in)
				if len(problems) > 0 || len(rows) == 0 {
					t.Errorf("%s %s %s: %d rows, %v", name, a.Mapping, sub, len(rows), problems)
				}
			}
		}
	}
}

const faultPlan = `
name = "faulty"
[[ask]]
name = "adults"
path = "/adults"
pages = %s
since_param = "since"
items = "input.items"
mapping = "m.toml"
%s
`

const faultMapping = `
name = "m"
[tables.people]
each = "input.items"
[tables.people.fields]
person_id = { is = "item.id", required = true }
nhs_number = "item.nhs"
family = { is = "item.family", required = true }
born = { is = "date(item.born, 'YYYY-MM-DD')", required = true }
restricted = { is = "item.restricted ? 'yes' : 'no'", required = true }
title = "item.title + ''"
[tables.packages]
each = ["input.items", "item.packages"]
[tables.packages.fields]
package_id = "item.id"
person_id = "up.id"
status = "item.status"
kind = "'HS'"
`

func faulty(t *testing.T, pages, more string) *Plan {
	t.Helper()
	p, err := ReadPlan(fstest.MapFS{"plan.toml": {Data: fmt.Appendf(nil, faultPlan, strconv.Quote(pages), more)}, "m.toml": {Data: []byte(faultMapping)}}, "plan.toml")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func adults(from, n int, more string) string {
	var b bytes.Buffer
	b.WriteString(`{"items":[`)
	for i := from; i < from+n; i++ {
		if i > from {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"A%d","nhs":"%s","family":"Quillfeather","born":"1940-01-02","restricted":false,"title":"Mrs","packages":[{"id":"K%d","status":"active"}]}`, i, nhs.Test(i).Digits(), i)
	}
	return b.String() + "]" + more + "}"
}

// What is wrong with the council's answers is said in words, nothing is put into
// the folder, and the next time asks from the same moment.
func TestFaultsLoseNothing(t *testing.T) {
	const key = "Quillfeather"
	page := func(r *http.Request) int { n, _ := strconv.Atoi(r.FormValue("page")); return n }
	number := "param = \"page\"\nfirst = 1\n"
	for _, c := range []struct {
		name, pages, more, want string
		do                      func(w http.ResponseWriter, r *http.Request, n int)
	}{
		{"half a page", "none", "", "does not answer", func(w http.ResponseWriter, r *http.Request, n int) {
			w.Header().Set("Content-Length", "100000")
			fmt.Fprint(w, adults(1, 5, ""))
		}},
		{"cut JSON", "none", "", "ends before", func(w http.ResponseWriter, r *http.Request, n int) { fmt.Fprint(w, adults(1, 5, "")[:200]) }},
		{"no JSON", "none", "", "not JSON", func(w http.ResponseWriter, r *http.Request, n int) { fmt.Fprint(w, "<html>"+key) }},
		{"another shape", "none", "", "items", func(w http.ResponseWriter, r *http.Request, n int) { fmt.Fprint(w, `{"error":"`+key+`"}`) }},
		{"an object for a list", "none", "", "each", func(w http.ResponseWriter, r *http.Request, n int) { fmt.Fprint(w, `{"items":{"id":"`+key+`"}}`) }},
		{"nothing", "none", "", "empty answer", func(w http.ResponseWriter, r *http.Request, n int) {}},
		{"too large", "none", "", "larger than is taken", func(w http.ResponseWriter, r *http.Request, n int) {
			fmt.Fprint(w, adults(1, 1, `,"x":"`+strings.Repeat("x", 1<<21)+`"`))
		}},
		{"the same page again", "number", number, "same page came twice", func(w http.ResponseWriter, r *http.Request, n int) { fmt.Fprint(w, adults(1, 5, "")) }},
		{"fewer than said", "number", number + "total = 'input.total'", "there are 7, and 5 came", func(w http.ResponseWriter, r *http.Request, n int) {
			if page(r) == 1 {
				fmt.Fprint(w, adults(1, 5, `,"total":7`))
				return
			}
			fmt.Fprint(w, `{"items":[],"total":7}`)
		}},
		{"changed meanwhile", "number", number + "total = 'input.total'", "changed while it was read", func(w http.ResponseWriter, r *http.Request, n int) {
			fmt.Fprint(w, adults(page(r)*5, 5, fmt.Sprintf(`,"total":%d`, 20+n)))
		}},
		{"next links in a circle", "next", "next = 'input.next'", "read already", func(w http.ResponseWriter, r *http.Request, n int) {
			fmt.Fprint(w, adults(n*5, 5, fmt.Sprintf(`,"next":"/adults?page=%d"`, n%2)))
		}},
		{"cursors in a circle", "cursor", "param = 'c'\nnext = 'input.next'", "read already", func(w http.ResponseWriter, r *http.Request, n int) {
			fmt.Fprint(w, adults(n*5, 5, fmt.Sprintf(`,"next":"c%d"`, n%2)))
		}},
		{"pages without end", "next", "next = 'input.next'", "more than 50 pages", func(w http.ResponseWriter, r *http.Request, n int) {
			fmt.Fprint(w, adults(n*5, 5, fmt.Sprintf(`,"next":"/adults?page=%d"`, n)))
		}},
		{"next elsewhere", "next", "next = 'input.next'", "another address", func(w http.ResponseWriter, r *http.Request, n int) {
			fmt.Fprint(w, adults(1, 5, `,"next":"https://evil.example/adults"`))
		}},
		{"refused", "none", "", "403", func(w http.ResponseWriter, r *http.Request, n int) { http.Error(w, key, http.StatusForbidden) }},
		{"moved", "none", "", "302", func(w http.ResponseWriter, r *http.Request, n int) {
			http.Redirect(w, r, "https://evil.example/", http.StatusFound)
		}},
		{"busy for long", "none", "", "left alone", func(w http.ResponseWriter, r *http.Request, n int) {
			w.Header().Set("Retry-After", "600")
			http.Error(w, key, http.StatusTooManyRequests)
		}},
		{"broken for long", "none", "", "does not answer", func(w http.ResponseWriter, r *http.Request, n int) {
			http.Error(w, key, http.StatusInternalServerError)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var n atomic.Int32
			var broken atomic.Bool
			var since atomic.Value
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if since.Store(r.FormValue("since")); !broken.Load() {
					if page(r) > 1 {
						fmt.Fprint(w, `{"items":[],"total":1}`)
						return
					}
					fmt.Fprint(w, adults(1, 1, `,"total":1`))
					return
				}
				c.do(w, r, int(n.Add(1)))
			}))
			defer srv.Close()
			at := &clock{noon}
			p := poller(t, srv.URL, faulty(t, c.pages, c.more), at)
			p.MaxPages = 50
			if _, err := p.Bring(t.Context()); err != nil {
				t.Fatal(err)
			}
			before := names(t, p.Folder.Dir)
			broken.Store(true)
			at.at = at.at.Add(time.Hour)
			got, err := p.Bring(t.Context())
			if err == nil {
				t.Fatalf("believed: %+v", got)
			}
			said, wait := Say(err)
			if !strings.Contains(said, c.want) && !strings.Contains(err.Error(), c.want) || strings.Contains(said+err.Error(), key) {
				t.Errorf("said %q of %v", said, err)
			}
			if c.name == "busy for long" && wait != 10*time.Minute {
				t.Errorf("waits %s", wait)
			}
			if after := names(t, p.Folder.Dir); after != before {
				t.Errorf("the folder changed:\n%s%s", before, after)
			}
			broken.Store(false)
			at.at = at.at.Add(time.Hour)
			if _, err := p.Bring(t.Context()); err != nil {
				t.Fatal(err)
			}
			if want := noon.Add(-5 * time.Minute).Format(time.RFC3339); since.Load() != want {
				t.Errorf("asked since %v, want %s: something is lost", since.Load(), want)
			}
		})
	}
}

func names(t *testing.T, dir string) (out string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		out += e.Name() + "\n"
	}
	return out
}

// What passes is tried again within one Bring: 429 with a short wait, 500, a
// connection that is cut, and a token that has ended.
func TestWhatPassesIsTriedAgain(t *testing.T) {
	var n, tokens atomic.Int32
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"access_token":"t%d","expires_in":600}`, tokens.Add(1))
	})
	mux.HandleFunc("GET /api/adults", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != fmt.Sprintf("Bearer t%d", tokens.Load()) {
			http.Error(w, "", http.StatusUnauthorized)
			return
		}
		switch n.Add(1) {
		case 1:
			w.Header().Set("Retry-After", "3")
			http.Error(w, "", http.StatusTooManyRequests)
		case 2:
			http.Error(w, "", http.StatusBadGateway)
		case 3:
			tokens.Add(1) // the token that we hold has ended
			http.Error(w, "", http.StatusServiceUnavailable)
		default:
			fmt.Fprint(w, adults(1, 3, ""))
		}
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := poller(t, srv.URL+"/api", faulty(t, "none", ""), &clock{noon})
	var err error
	if p.Client, err = httpsend.New(httpsend.Config{URL: srv.URL + "/api", Auth: httpsend.Auth{Kind: httpsend.ClientSecret, ClientID: "homeward", SecretFile: secret, TokenURL: srv.URL + "/token"}}); err != nil {
		t.Fatal(err)
	}
	var waited []time.Duration
	p.Sleep = func(_ context.Context, d time.Duration) error {
		if d >= time.Second {
			waited = append(waited, d)
		}
		return nil
	}
	got, err := p.Bring(t.Context())
	if err != nil || len(got.Extracts) != 1 || tokens.Load() != 3 {
		t.Fatalf("%+v %v, %d tokens", got, err, tokens.Load())
	}
	if fmt.Sprint(waited) != "[3s 2s 4s]" {
		t.Errorf("waited %v", waited)
	}
}

// Rows that come twice the same are in the extract once; a field that cannot be
// read keeps its row out of what is loaded, and never reads as an answer.
func TestRowsThatCannotBeBelieved(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.FormValue("page") {
		case "1":
			fmt.Fprint(w, adults(1, 4, ""))
		case "2": // A4 moved to the next page, A9's restricted and A10's title cannot be read
			fmt.Fprint(w, strings.TrimSuffix(adults(4, 2, ""), "]}")+`,{"id":"A9","family":"Quillfeather","born":"1940-01-02","restricted":"maybe","title":"Mr","packages":[]},
				{"id":"A10","family":"Quillfeather","born":"1940-01-02","restricted":true,"title":7,"packages":null}]}`)
		default:
			fmt.Fprint(w, `{"items":[]}`)
		}
	}))
	defer srv.Close()
	p := poller(t, srv.URL, faulty(t, "number", "param = \"page\"\nfirst = 1"), &clock{noon})
	got, err := p.Bring(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	people, problems, _ := loaded(t, filepath.Join(p.Folder.Dir, got.Extracts[0]))
	if len(people) != 6 || !strings.Contains(strings.Join(got.Notes, "\n"), "2 rows came twice") || !strings.Contains(strings.Join(got.Notes, "\n"), "restricted") {
		t.Errorf("%d people, %v", len(people), got.Notes)
	}
	if len(problems) != 1 || problems[0].Field != "restricted" {
		t.Errorf("in quarantine: %v", problems)
	}
	if strings.Contains(strings.Join(got.Notes, "\n"), "maybe") {
		t.Error("a note tells what came")
	}
}

// A crash before the memory is written asks for the same again, and a half made
// folder goes.
func TestAfterACrash(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, adults(1, 1, "")) }))
	defer srv.Close()
	c := &clock{noon}
	p := poller(t, srv.URL, faulty(t, "none", ""), c)
	if err := os.MkdirAll(filepath.Join(p.Folder.Dir, making+"511-x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Bring(t.Context()); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(names(t, p.Folder.Dir), making) {
		t.Error("what was half made is still there")
	}
	if err := os.Remove(filepath.Join(p.Folder.Dir, memory, "poll.json")); err != nil {
		t.Fatal(err)
	}
	if got, err := p.Bring(t.Context()); err != nil || len(got.Extracts) != 1 {
		t.Errorf("the same second again: %v", err)
	}
}

// While an extract waits for a person nothing is brought over it; what was not taken
// is asked for again, all of it.
func TestWhatWasNotTakenComesAgain(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, adults(1, 1, "")) }))
	defer srv.Close()
	c := &clock{noon}
	p := poller(t, srv.URL, faulty(t, "none", ""), c)
	bring := func() (string, error) {
		c.at = c.at.Add(10 * time.Minute)
		got, err := p.Bring(t.Context())
		if err != nil {
			return "", err
		}
		return got.Extracts[0], nil
	}
	mark := func(name, state string) {
		if err := os.WriteFile(filepath.Join(p.Folder.Dir, name, readMark), []byte(state+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	first, err := bring()
	if err != nil {
		t.Fatal(err)
	}
	mark(first, "stopped")
	if _, err := bring(); err == nil || !strings.Contains(err.Error(), "waits for a person") {
		t.Errorf("brought over one that waits: %v", err)
	}
	mark(first, "done") // it was let go on
	second, err := bring()
	if err != nil || !strings.HasSuffix(second, "-changes") {
		t.Fatalf("%s %v", second, err)
	}
	third, err := bring() // nobody has read the second yet
	if err != nil || !strings.HasSuffix(third, "-changes") {
		t.Fatalf("%s %v", third, err)
	}
	mark(second, "refused")
	mark(third, "done")
	fourth, err := bring()
	if err != nil || !strings.HasSuffix(fourth, "-full") {
		t.Fatalf("after one that was refused: %s %v", fourth, err)
	}
	mark(fourth, "stopped")
	c.at = c.at.Add(25 * time.Hour)
	if fifth, err := bring(); err != nil || !strings.HasSuffix(fifth, "-full") {
		t.Errorf("after one that waited too long: %s %v", fifth, err)
	}
}

func TestPlansThatCannotWork(t *testing.T) {
	good := `name = "m"
[tables.people.fields]
person_id = "item.id"`
	for want, plan := range map[string]string{
		"not a key":                "name='x'\nfoo=1\n[[ask]]\nname='a'",
		"at least one":             "name='x'",
		"path must be a path":      "name='x'\n[[ask]]\nname='a'\npath='https://evil.example/'\nmapping='m'",
		"{person_id}":              "name='x'\n[[ask]]\nname='a'\npath='/a'\neach=true\nmapping='m'",
		"needs an ask before":      "name='x'\n[[ask]]\nname='a'\npath='/a/{person_id}'\neach=true\nmapping='m'",
		"pages must be":            "name='x'\n[[ask]]\nname='a'\npath='/a'\npages='some'\nmapping='m'",
		"param must be set":        "name='x'\n[[ask]]\nname='a'\npath='/a'\npages='number'\nitems='input'\nmapping='m'",
		"next must be set":         "name='x'\n[[ask]]\nname='a'\npath='/a'\npages='next'\nitems='input'\nmapping='m'",
		"items must say":           "name='x'\n[[ask]]\nname='a'\npath='/a'\npages='number'\nparam='p'\nmapping='m'",
		"nothing comes of it":      "name='x'\n[[ask]]\nname='a'\npath='/a'",
		"undeclared reference":     "name='x'\n[[ask]]\nname='a'\npath='/a'\nitems='inptu.x'\nmapping='m'",
		"not a table of":           "name='x'\n[[ask]]\nname='a'\npath='/a'\nmapping='other'",
		"reading the mapping":      "name='x'\n[[ask]]\nname='a'\npath='/a'\nmapping='none'",
		"since must be":            "name='x'\nsince='soon'\n[[ask]]\nname='a'\npath='/a'\nmapping='m'",
		"in must be":               "name='x'\n[[ask]]\nname='a'\npath='/a'\nin='sometimes'\nmapping='m'",
		"no ask brings packages":   "name='x'\n[[ask]]\nname='a'\npath='/a'\nmapping='m'",
		"no ask brings people":     "name='x'\n[[ask]]\nname='a'\npath='/a'\nids='input'",
		"take out people":          "name='x'\nnot_shared=['people']\n[[ask]]\nname='a'\npath='/a'\nmapping='m'",
		"size and size_param must": "name='x'\n[[ask]]\nname='a'\npath='/a'\nsize=4\nmapping='m'",
	} {
		_, err := ReadPlan(fstest.MapFS{"plan.toml": {Data: []byte(plan)}, "m": {Data: []byte(good)}, "other": {Data: []byte(strings.Replace(good, "people", "persons", 1))}}, "plan.toml")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
	if _, err := Ready("../ready/mosaic"); err == nil {
		t.Error("a plan outside of what comes with Homeward")
	}
}

// A next link is followed only under the base, whatever it is.
func FuzzFollow(f *testing.F) {
	for _, s := range []string{"/api/adults?page=2", "?page=2", "https://council.example/api/x", "//evil.example/api/", "/api/../x", "/api/%2e%2e/x", "https://council.example@evil.example/api/"} {
		f.Add(s)
	}
	base, err := url.Parse("https://council.example/api")
	if err != nil {
		f.Fatal(err)
	}
	client, err := httpsend.New(httpsend.Config{URL: base.String()})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, next string) {
		w := &walking{ask: &Ask{Name: "a", Pages: "next"}, path: "/adults", seen: map[string]bool{}}
		if w.follow(next, 1, base) != nil {
			return
		}
		if to := client.URL(w.path); !strings.HasPrefix(to, "https://council.example/api/") {
			t.Errorf("%q leads to %s", next, to)
		}
	})
}

func TestSayOfAnythingElse(t *testing.T) {
	if s, _ := Say(errors.New("reading the disk")); s != "reading the disk" {
		t.Error(s)
	}
	if _, err := json.Marshal(polled{}); err != nil {
		t.Error(err)
	}
}
