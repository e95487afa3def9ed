package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "time/tzdata"

	"golang.org/x/net/html"

	"homeward/care"
	"homeward/form"
	"homeward/hub"
	"homeward/nhs"
	"homeward/pathways"
	"homeward/policies"
	"homeward/policy"
	"homeward/sharing"
	"homeward/signin"
	"homeward/store"
	"homeward/translate"
)

// The organisations of the test site.
const (
	kingsMill = nhs.ODS("RK5")
	queens    = nhs.ODS("RX1")
	county    = nhs.ODS("511")
)

// password opens every account of the test site. A login is the name of its
// role; "coordinator-rx1" works in the other trust, "two-roles" is a ward nurse
// and a coordinator, "no-roles" has none.
const password = "three small otters sing"

// evening is when the tests happen: a Sunday, 21:40 in London.
var evening = time.Date(2026, 11, 22, 21, 40, 0, 0, time.UTC)

// site is a whole Homeward on a database of its own, with invented people.
type site struct {
	t      testing.TB
	store  *store.Store
	hub    *hub.Hub
	server *Server
	url    string
	log    *bytes.Buffer

	mu  sync.Mutex
	now time.Time

	// barbara is in King's Mill, ready to leave for 4 days, with two packages in
	// place and one that ended, and no referral.
	barbara, walter, irene, doris, fred, peter care.CaseID
}

// number is the NHS number of a person of the site.
func number(id care.CaseID) nhs.Number {
	for i, p := range []care.CaseID{"barbara", "walter", "irene", "doris", "fred", "peter"} {
		if p == id {
			return nhs.Test(1000 + 7*i)
		}
	}
	return nhs.Number{}
}

// born is everybody's date of birth.
var born = nhs.Date{Year: 1941, Month: 3, Day: 14}

func (s *site) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// later lets time pass.
func (s *site) later(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// newSite makes the site and serves it on this machine until the test ends.
func newSite(t testing.TB) *site {
	t.Helper()
	s := newBareSite(t)
	s.must(s.store.Update(context.Background(), func(tx *store.Tx) error { return tx.PutAgreement(everythingAgreed()) }))
	return s
}

// newBareSite is newSite before anything is agreed.
func newBareSite(t testing.TB) *site {
	t.Helper()
	s := &site{t: t, now: evening, log: &bytes.Buffer{}}
	s.open()
	s.fill()
	accounts, err := signin.New(signin.Config{Accounts: s.hub, Links: s.hub, Orgs: s.hub.Org, Clock: s.clock, Zone: s.hub.Zone, Limits: signin.Limits{Floor: time.Nanosecond}})
	s.must(err)
	s.server, err = New(Config{Hub: s.hub, SignIn: accounts, Clock: s.clock, Log: slog.New(slog.NewTextHandler(&locked{w: s.log}, nil)), Build: "test"})
	s.must(err)
	web := httptest.NewServer(s.server.Handler())
	t.Cleanup(func() {
		s.server.Stop()
		web.Close()
	})
	s.url = web.URL
	return s
}

// locked writes to w, one writer at a time.
type locked struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

func (s *site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// The rules and the forms as released are read once for all sites: nothing changes them,
// and under the race detector reading them is a third of what a site costs.
var (
	releasedRules = sync.OnceValues(func() (*policy.Set, error) {
		rules, err := policies.Files.ReadFile("sharing.cedar")
		schema, err2 := policies.Files.ReadFile("sharing.cedarschema")
		if err := errors.Join(err, err2); err != nil {
			return nil, err
		}
		return policy.Load(rules, schema)
	})
	releasedForms = sync.OnceValues(func() (*form.Library, error) { return form.Load(pathways.Files) })
)

func (s *site) open() {
	s.t.Helper()
	ctx := context.Background()
	db, err := store.Open(ctx, store.Config{URL: filepath.Join(s.t.TempDir(), "test.db"), Clock: s.clock, Row: care.RowOf})
	s.must(err)
	s.t.Cleanup(func() { s.must(db.Close()) })
	_, err = db.Migrate(ctx)
	s.must(err)
	set, err := releasedRules()
	s.must(err)
	forms, err := releasedForms()
	s.must(err)
	gazetteer, err := hub.ReadGazetteer(strings.NewReader("uprn,postcode,council\n100000000001,NG18 1AA,511\n"))
	s.must(err)
	zone, err := time.LoadLocation("Europe/London")
	s.must(err)
	s.store = db
	s.hub, err = hub.New(hub.Config{Store: db, Policies: set, Forms: forms, Clock: s.clock, Zone: zone, Gazetteer: gazetteer,
		Orgs: []care.Org{
			{ODS: kingsMill, Name: "King’s Mill Hospital", Kind: care.Trust, Phone: "01632 960300"},
			{ODS: queens, Name: "Queen’s Hospital", Kind: care.Trust, Phone: "01632 960310"},
			{ODS: county, Name: "Nottinghamshire County Council", Kind: care.Council, Phone: "01632 960100", OutOfHours: "01632 960101"},
			{ODS: "HW1", Name: "Homeward", Kind: care.System},
		},
		Feeds: []hub.Feed{
			{Profile: translate.Profile{Feed: "kmh", Title: "King’s Mill EPR", Org: kingsMill, Zone: zone, Wards: map[string]string{"W31": "Ward 31", "ED": "A&E"}}},
			{Profile: translate.Profile{Feed: "qmc", Title: "Queen’s PAS", Org: queens, Zone: zone}},
		},
		Systems:  []hub.System{{Client: "kmh-epr", Title: "King’s Mill EPR", Org: kingsMill, Scopes: []string{"launch"}}},
		Councils: []hub.CouncilFeed{{Name: "mosaic", Title: "Mosaic (Nottinghamshire)", Council: county, Quiet: hub.Quiet{Day: time.Hour, Night: 26 * time.Hour}}}})
	s.must(err)
}

// fill makes accounts, the council's directory and people.
func (s *site) fill() {
	s.t.Helper()
	hash, err := signin.HashPassword("anybody", password, nil)
	s.must(err)
	grant := func(r care.Role, org nhs.ODS) care.Grant { return care.Grant{Role: r, Org: org} }
	grants := map[string][]care.Grant{
		"ae-nurse": {grant(care.AENurse, kingsMill)}, "ward-nurse": {{Role: care.WardNurse, Org: kingsMill, Ward: "W31"}},
		"coordinator": {grant(care.Coordinator, kingsMill)}, "coordinator-rx1": {grant(care.Coordinator, queens)},
		"social-worker": {{Role: care.SocialWorker, Org: county, Team: "t1"}}, "team-manager": {{Role: care.TeamManager, Org: county, Team: "t1"}},
		"broker": {grant(care.Broker, county)}, "analyst": {grant(care.Analyst, county)}, "ig-lead": {grant(care.IGLead, kingsMill)}, "integration": {grant(care.Integration, "HW1")},
		"wallboard": {grant(care.WallboardRole, kingsMill)}, "admin": {grant(care.Admin, "HW1")},
		"two-roles": {grant(care.WardNurse, kingsMill), grant(care.Coordinator, kingsMill)}, "no-roles": nil,
	}
	s.must(s.store.Update(context.Background(), func(tx *store.Tx) error {
		for login, g := range grants {
			if err := tx.PutUser(care.Account{ID: care.ActorID("u-" + login), Login: login, Name: "P " + strings.ToUpper(login[:1]) + login[1:], Grants: g, Hash: hash}); err != nil {
				return err
			}
		}
		if err := tx.PutCouncilState(store.CouncilState{Council: county, AsAt: evening.Add(-2 * time.Minute), LastFull: evening.Add(-2 * time.Minute)}); err != nil {
			return err
		}
		if err := tx.PutTeams(care.Team{Council: county, ID: "t1", Name: "Mansfield team", Phone: "01632 960110"}); err != nil {
			return err
		}
		return tx.PutProviders(
			care.Provider{Council: county, ID: "p1", Name: "Bluebell Homecare Ltd", Phone: "01632 960411", OutOfHours: "01632 960999", Hours: "6pm to 8am, and at weekends", Verified: nhs.Date{Year: 2026, Month: 11, Day: 1}},
			care.Provider{Council: county, ID: "p2", Name: "Notts Lifeline", Phone: "01632 960500"})
	}))
	s.people()
}

// everythingAgreed is an agreement by which the hospitals and the council share
// all that they hold.
func everythingAgreed() sharing.Agreement {
	a := sharing.Agreement{ID: "everything", Version: 1, Title: "Everything", Purpose: "Tests", Basis: "Tests", DPIA: "T-1", Owner: "Tests", Contact: "01632 960000",
		From: nhs.Date{Year: 2020, Month: 1, Day: 1}, To: nhs.Date{Year: 2040, Month: 1, Day: 1}, Status: sharing.Agreed,
		Parties: []sharing.Party{{ODS: kingsMill, Name: "King’s Mill Hospital"}, {ODS: queens, Name: "Queen’s Hospital"}, {ODS: county, Name: "Nottinghamshire County Council"}}}
	for _, trust := range []nhs.ODS{kingsMill, queens} {
		a.Flows = append(a.Flows, sharing.Flow{From: trust, To: county, Sections: sharing.Sections()}, sharing.Flow{From: county, To: trust, Sections: sharing.Sections()})
	}
	return a
}

func (s *site) people() {
	from := evening.Add(-9 * 24 * time.Hour)
	stay := func(org nhs.ODS, ward, name, bed string) care.Event {
		return care.Admitted{At: from, Stay: care.Stay{Visit: "v" + bed, Org: org, Source: "kmh", Class: "I", Admitted: from, Where: care.Location{Ward: ward, Name: name, Bay: "2", Bed: bed}}}
	}
	ready := care.BecameReady{At: evening.Add(-4 * 24 * time.Hour), From: evening.Add(-4 * 24 * time.Hour)}
	holds := func(answer care.Answer, packages ...care.Package) care.Event {
		return care.HoldingTold{At: evening.Add(-time.Hour), Holding: care.Holding{Council: county, AsAt: evening.Add(-2 * time.Minute), Packages: packages,
			Safeguarding: care.Safeguarding{Answer: answer, AsAt: evening.Add(-2 * time.Minute)}, Team: "t1", Worker: "A Patel"}}
	}
	home := care.Package{Ref: "k1", Kind: "HS", Status: care.PackageActive, Start: nhs.Date{Year: 2026, Month: 6, Day: 3}, Provider: "p1"}
	alarm := care.Package{Ref: "k2", Kind: "OLTS", Title: "Personal alarm", Status: care.PackageActive, Start: nhs.Date{Year: 2026, Month: 8, Day: 12}, Provider: "p2"}
	over := care.Package{Ref: "k3", Kind: "R", Status: care.PackageFinished, End: nhs.Date{Year: 2026, Month: 6, Day: 2}, Provider: "p1"}
	sent := evening.Add(-3 * 24 * time.Hour)

	s.barbara = s.person("barbara", "Oakley", "Barbara", stay(kingsMill, "W31", "Ward 31", "4"), ready, holds(care.AnswerNo, home, alarm, over))
	s.walter = s.person("walter", "Ashdown", "Walter", stay(kingsMill, "W31", "Ward 31", "5"), ready,
		care.ReferralSent{At: sent, Referral: care.Referral{ID: "ref-walter", Key: "key-walter", Stay: "v5", From: kingsMill, To: county, Pathway: "1", Form: "d2a", FormVersion: 1,
			State: care.RefSent, Sent: sent, SentBy: care.Who{ID: "u-coordinator", Name: "P Coordinator", Org: kingsMill}, Watching: true,
			Holder: care.Holder{Org: county, Since: sent, Next: "Accept or return"}}})
	s.irene = s.person("irene", "Birch", "Irene", stay(queens, "C4", "", "1"))
	s.doris = s.person("doris", "Cedar", "Doris", holds(care.AnswerYes, home), care.PersonDied{At: evening.Add(-time.Hour), Death: care.Death{At: evening.Add(-time.Hour), Source: "kmh"}})
	s.fred = s.person("fred", "Dogwood", "Fred", holds(care.AnswerNo, home),
		care.Doubted{At: evening.Add(-time.Hour), Doubt: care.Doubt{Kind: care.DoubtChanged, Since: evening.Add(-time.Hour), Said: nhs.Test(9000), Source: "kmh"}})
	s.peter = s.person("peter", "Elm", "Peter", holds(care.AnswerYes, care.Package{Ref: "k9", Kind: "DP", Status: care.PackageActive}))
}

// person records somebody. The case id is a plain word, so that a test can look
// for names in addresses; real ones are random.
func (s *site) person(id care.CaseID, family, given string, events ...care.Event) care.CaseID {
	s.t.Helper()
	from := evening.Add(-30 * 24 * time.Hour)
	all := append([]care.Event{
		care.Started{At: from, ID: id + "-case"},
		care.Identified{At: from, NHS: number(id), Trace: "01", IDs: []care.Identifier{{System: "mrn:RK5", Value: "M" + string(id)}}},
		care.PersonTold{At: from, First: true, Person: care.Person{Family: family, Given: given, Title: "Mx", Born: born, Sex: "Female", Source: "kmh", AsAt: from,
			Address: care.Address{Lines: []string{"14 Sutton Road", "Mansfield"}, Postcode: "NG18 1AA", UPRN: "100000000001"}, Phone: "01632 960123"}},
	}, events...)
	s.must(s.store.Update(context.Background(), func(tx *store.Tx) error {
		_, err := tx.Record(care.Case{}, care.Cause{Kind: "system"}, s.clock(), all...)
		return err
	}))
	return id + "-case"
}

// reader is somebody's browser without scripts.
type reader struct {
	s *site
	c *http.Client
}

// stranger is a reader who is not signed in.
func (s *site) stranger() *reader {
	jar, err := cookiejar.New(nil)
	s.must(err)
	return &reader{s, &http.Client{Jar: jar, Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// as signs somebody in.
func (s *site) as(login string) *reader {
	s.t.Helper()
	r := s.stranger()
	if got := r.post("/signin", "login", login, "password", password); got.status != 303 {
		s.t.Fatalf("%s was not let in: %d %s", login, got.status, got.text())
	}
	return r
}

// shown is what came back.
type shown struct {
	t      testing.TB
	status int
	to     string // of a redirect, without the host
	header http.Header
	body   string
	doc    *html.Node
}

func (r *reader) get(path string) shown {
	r.s.t.Helper()
	req, err := http.NewRequest("GET", r.s.url+path, nil)
	r.s.must(err)
	return r.send(req)
}

// post sends a form from a page of the site: names and values, one after another.
func (r *reader) post(path string, fields ...string) shown {
	r.s.t.Helper()
	v := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		v.Add(fields[i], fields[i+1])
	}
	req, err := http.NewRequest("POST", r.s.url+path, strings.NewReader(v.Encode()))
	r.s.must(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return r.send(req)
}

func (r *reader) send(req *http.Request) shown {
	r.s.t.Helper()
	res, err := r.c.Do(req)
	r.s.must(err)
	defer res.Body.Close()
	var b []byte
	if !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") { // which has no end
		b, err = io.ReadAll(res.Body)
		r.s.must(err)
	}
	doc, err := html.Parse(bytes.NewReader(b))
	r.s.must(err)
	return shown{r.s.t, res.StatusCode, strings.TrimPrefix(res.Header.Get("Location"), r.s.url), res.Header, string(b), doc}
}

// all finds elements by name, in the order of the page.
func (p shown) all(name string) []*html.Node {
	var out []*html.Node
	for n := range p.doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == name {
			out = append(out, n)
		}
	}
	return out
}

// text is the words of the page, with single spaces and without scripts.
func (p shown) text() string { return words(p.doc) }

func words(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode && (d.Parent == nil || d.Parent.Data != "script") {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// says fails the test unless the page has all the words.
func (p shown) says(want ...string) {
	p.t.Helper()
	for _, w := range want {
		if !strings.Contains(p.text(), w) {
			p.t.Errorf("%d: the page does not say %q:\n%s", p.status, w, p.text())
		}
	}
}

// axeSource is axe-core, for browser tests.
func axeSource(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("testdata/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
