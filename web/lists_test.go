package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"homeward/care"
	"homeward/hub"
	"homeward/nhs"
	"homeward/store"
	"homeward/web/ui"
)

// hear keeps a message of King's Mill's system, so that it is up to date.
func (s *site) hear() {
	s.t.Helper()
	s.keep([]byte("MSH|^~\\&|EPR|RK5|HW|HW|20261122214000||ADT^A08|" + fmt.Sprint(s.clock().UnixNano()) + "|P|2.4\rEVN|A08\rPID|||9990000000^^^NHS\r"))
}

// names make invented people.
var families = []string{"Jones", "Smith", "Begum", "O’Neill", "Kowalska", "Fernandez-Whitehouse", "Taylor", "Ahmed", "Clarke", "Nwosu"}
var givens = []string{"Margaret", "Edith", "Ronald", "Fatima", "Derek", "Joan", "Zofia", "Winston", "Eileen", "Harold"}

// crowd records n people in King's Mill, ready to leave since 0 to 6 days, half
// of them referred to the county and some of those with a worker.
func (s *site) crowd(n int) {
	s.t.Helper()
	for from := 0; from < n; from += 50 {
		s.must(s.store.Update(context.Background(), func(tx *store.Tx) error {
			for i := from; i < min(from+50, n); i++ {
				if _, err := tx.Record(care.Case{}, care.Cause{Kind: "system"}, s.clock(), someone(i)...); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

func someone(i int) []care.Event {
	id := care.CaseID(fmt.Sprintf("p%03d-case", i))
	start := evening.Add(-10 * 24 * time.Hour)
	ready := evening.Add(-time.Duration(i%7)*24*time.Hour - time.Duration(i)*time.Minute)
	bed := fmt.Sprint(1 + i%28)
	events := []care.Event{
		care.Started{At: start, ID: id},
		care.Identified{At: start, NHS: nhs.Test(20000 + i), Trace: "01"},
		care.PersonTold{At: start, First: true, Person: care.Person{Family: families[i%10], Given: givens[i*3%10], Title: "Mrs", Born: nhs.Date{Year: 1932 + i%25, Month: time.Month(1 + i%12), Day: 1 + i%28}, Sex: "Female"}},
		care.Admitted{At: start, Stay: care.Stay{Visit: string(id), Org: kingsMill, Source: "kmh", Class: "I", Admitted: start, Where: care.Location{Ward: fmt.Sprintf("W%d", 21+i%3), Name: fmt.Sprintf("Ward %d", 21+i%3), Bay: "1", Bed: bed}}},
		care.ExpectedChanged{At: start, Expected: care.Expected{Date: nhs.Date{Year: 2026, Month: 11, Day: 24}, Said: start}},
		care.BecameReady{At: ready, From: ready},
	}
	if i%2 == 0 {
		return events
	}
	ref := care.ReferralID(fmt.Sprintf("ref-%03d", i))
	sent := ready.Add(time.Hour)
	events = append(events, care.ReferralSent{At: sent, Referral: care.Referral{ID: ref, Key: string(id), Stay: string(id), From: kingsMill, To: county, Pathway: fmt.Sprint(i % 4), Form: "d2a", FormVersion: 1,
		State: care.RefSent, Sent: sent, Watching: true, Holder: care.Holder{Org: county, Since: sent, Next: "Accept or return"}}})
	if i%4 == 1 {
		worker := care.Who{ID: "u-social-worker", Name: "P Social-worker", Org: county}
		events = append(events, care.ReferralAllocated{At: sent.Add(time.Hour), ID: ref, Worker: worker,
			Holder: care.Holder{Org: county, Team: "t1", Who: worker, Since: sent.Add(time.Hour), Next: "Begin the assessment"}})
	}
	return events
}

// rowsOf are the rows of people on a page, by their case.
func (p shown) rowsOf() map[string]*html.Node {
	out := map[string]*html.Node{}
	for n := range p.doc.Descendants() {
		if n.Type == html.ElementNode && strings.HasPrefix(attr(n, "id"), "row-") {
			out[attr(n, "data-case")] = n
		}
	}
	return out
}

// order is the cases of a page from top to bottom.
func (p shown) order() (ids []string) {
	for n := range p.doc.Descendants() {
		if n.Type == html.ElementNode && strings.HasPrefix(attr(n, "id"), "row-") {
			ids = append(ids, attr(n, "data-case"))
		}
	}
	return ids
}

func (p shown) element(id string) *html.Node {
	for n := range p.doc.Descendants() {
		if n.Type == html.ElementNode && attr(n, "id") == id {
			return n
		}
	}
	p.t.Fatalf("%d: there is no #%s: %s", p.status, id, p.text())
	return nil
}

func TestTrackerSaysWhoWaitsForWhatAndWhoHasIt(t *testing.T) {
	s := newSite(t)
	s.hear()
	got := s.as("coordinator").get("/tracker")
	got.says("People ready to leave hospital", "2 people: 2 delayed, 0 at risk, 0 on track", "Pause live updates", "This page shows information from 21:40",
		"OAKLEY, Barbara (Mx)", "Born 14-Mar-1941", "NHS No. "+number("barbara").Spaced(), "Ward 31 bay 2, bed 4", "4 days", "Delayed",
		"since 18-Nov-2026 21:40", "Referral, or leaving without one", "Pathway 1 Sent", "Accept or return Nottinghamshire County since 19-Nov-2026 Worker Not allocated", "What these mean", "3 whole days or more")
	wellMade(t, got)
	if strings.Contains(got.body, "Out of date") || strings.Contains(got.body, "BIRCH") {
		t.Error("another trust's system or patient is on the page")
	}
	council := s.as("team-manager").get("/tracker")
	council.says("1 person: 1 delayed", "ASHDOWN, Walter", "Accept or return since 19-Nov-2026", "King’s Mill Hospital Ward 31, bed 5")
	if strings.Contains(council.body, "OAKLEY") {
		t.Error("somebody who was not referred is on the council's tracker")
	}
	if got := s.as("ae-nurse").get("/tracker"); got.status != 403 {
		t.Errorf("an A&E nurse got %d", got.status)
	}
}

func TestTrackerFiltersSortsAndPages(t *testing.T) {
	s := newSite(t)
	s.hear()
	s.crowd(120)
	r := s.as("coordinator")
	first := r.get("/tracker")
	first.says("122 people:")
	if n := len(first.rowsOf()); n != 100 {
		t.Errorf("%d rows on page 1", n)
	}
	second := r.get("/tracker?page=2")
	if n := len(second.rowsOf()); n != 22 {
		t.Errorf("%d rows on page 2", n)
	}
	second.says("122 people:")
	if got := r.get("/tracker?page=9"); got.status != 303 || got.to != "/tracker" {
		t.Errorf("a page that is not there: %d %s", got.status, got.to)
	}
	for _, c := range []struct {
		path, chip string
		want       int
	}{
		{"/tracker?wait=risk", "At risk", 17},
		{"/tracker?pathway=3", "Pathway 3", 30},
		{"/tracker?stage=allocated", "Stage: Allocated", 30},
		{"/tracker?worker=none&pathway=1", "Worker: Not allocated", 1},
		{"/tracker?worker=u-social-worker", "Worker: P Social-worker", 30},
		{"/tracker?hospital=RX1", "RX1", 0},
	} {
		got := r.get(c.path)
		got.says(ui.Plural(c.want, "person", "people")+":", c.chip, "Clear filters")
		wellMade(t, got)
		if n := len(got.rowsOf()); n != c.want {
			t.Errorf("%s: %d rows, want %d", c.path, n, c.want)
		}
		if c.want == 0 {
			got.says("No one matches these filters", "Show everyone waiting")
		}
	}
	for _, nonsense := range []string{"/tracker?wait=x&pathway=9&stage=zz&sort=drop&page=x", "/tracker?page=-1"} {
		if got := r.get(nonsense); got.status != 200 || len(got.rowsOf()) != 100 || strings.Contains(got.body, "Clear filters") {
			t.Errorf("%s: %d with %d rows", nonsense, got.status, len(got.rowsOf()))
		}
	}
	names := r.get("/tracker?sort=name").order()
	if names[len(names)-1] == first.order()[len(names)-1] || r.get("/tracker?sort=updated").status != 200 {
		t.Error("sorting by name gives the same order")
	}
}

func TestTrackerWithoutAnyone(t *testing.T) {
	s := newSite(t)
	got := s.as("coordinator-rx1").get("/tracker")
	got.says("0 people:", "No one is waiting to leave", "Out of date: Queen’s PAS last heard from")
	wellMade(t, got)
	board := s.as("coordinator-rx1").get("/tracker?view=board")
	board.says("No one is waiting to leave")
	if got := s.as("broker").get("/worklist?view=team"); got.status != 200 {
		t.Error(got.status)
	}
}

func TestRowsAreMarkedWhenTheirHospitalIsSilent(t *testing.T) {
	s := newSite(t)
	s.hear()
	r := s.as("coordinator")
	if got := r.get("/tracker"); strings.Contains(got.text(), "as at") {
		t.Errorf("marked although up to date: %s", got.text())
	}
	s.later(16 * time.Minute)
	// the browser keeps the session alive meanwhile
	r = s.as("coordinator")
	got := r.get("/tracker")
	got.says("Out of date: King’s Mill EPR last heard from 16 minutes ago")
	for id, row := range got.rowsOf() {
		if !strings.Contains(words(row), "as at 21:40") || !strings.Contains(attr(row, "class"), "app-row--noted") {
			t.Errorf("%s is not marked: %s", id, words(row))
		}
	}
	r.get("/tracker?view=board").says("as at 21:40")
	r.get("/wall").says("As at 21:40: this hospital is not sending")
	r.get("/ward?ward=W31").says("as at 21:40")
}

func TestPredictedDateSaysThatItMoved(t *testing.T) {
	day := func(d int) nhs.Date { return nhs.Date{Year: 2026, Month: 11, Day: d} }
	for _, c := range []struct {
		row  care.Row
		want string
	}{
		{care.Row{}, ""},
		{care.Row{EDD: day(24)}, "24-Nov-2026"},
		{care.Row{EDD: day(24), EDDChanges: 1, EDDBefore: day(22)}, "24-Nov-2026 → later, changed"},
		{care.Row{EDD: day(24), EDDChanges: 3, EDDBefore: day(26)}, "24-Nov-2026 ← sooner, changed, 3rd time"},
		{care.Row{EDD: day(24), EDDChanges: 12}, "24-Nov-2026 changed, 12th time"},
	} {
		if got := predicted(c.row); got != c.want {
			t.Errorf("predicted: %q, want %q", got, c.want)
		}
	}
}

func TestASensitivePersonIsOnlyOnListsOfWhoMayKnow(t *testing.T) {
	s := newSite(t)
	row := hub.ListRow{Row: care.Row{Case: "x", Person: care.Person{Family: "Oakley"}, InBed: true, Sensitive: true}, Masked: true, HospitalName: "King’s Mill", WardName: "Ward 31"}
	l := list{kind: kindTracker}
	for _, n := range []ui.Node{l.row(row, evening), card(row, evening), wallRow(row), notReferred(byID([]hub.ListRow{row}))} {
		text, err := ui.HTML(n)
		s.must(err)
		if strings.Contains(text, "Ward 31") || strings.Contains(text, "King’s Mill") {
			t.Errorf("whereabouts of somebody masked: %s", text)
		}
	}
}

func TestBoardHasAColumnForEachStage(t *testing.T) {
	s := newSite(t)
	s.hear()
	s.crowd(20)
	got := s.as("coordinator").get("/tracker?view=board")
	wellMade(t, got)
	for _, st := range []string{"referred", "allocated", "assessment", "arranging", "ready"} {
		got.element("app-col-" + st)
	}
	got.says("Not referred: 11 people")
	if text := words(got.element("app-col-allocated")); text != "Allocated 5 people" {
		t.Errorf("the heading says %q", text)
	}
	card := got.rowsOf()[string(s.walter)]
	if attr(card, "data-col") != "referred" || !strings.Contains(words(card), "Accept or return · Not allocated") {
		t.Errorf("the card: %s %s", attr(card, "data-col"), words(card))
	}
}

func TestWallShowsInitialsAndPlaceOnly(t *testing.T) {
	s := newSite(t)
	s.hear()
	for login, people := range map[string]string{"wallboard": "2 people", "coordinator": "2 people", "ward-nurse": "2 people", "team-manager": "1 person"} {
		got := s.as(login).get("/wall")
		got.says("Ready to leave hospital", people, "WA Ward 31, bay 2, bed 5 4 days Delayed Accept or return")
		wellMade(t, got)
		for _, secret := range []string{"Oakley", "OAKLEY", "Barbara", "ASHDOWN", "Walter", "1941", number("walter").Spaced(), number("walter").Digits()} {
			if strings.Contains(got.text(), secret) {
				t.Errorf("%s: the wall says %q", login, secret)
			}
		}
	}
	for _, path := range []string{"/tracker", "/ward?ward=W31", "/worklist", "/events?list=tracker"} {
		if got := s.as("wallboard").get(path); got.status != 403 {
			t.Errorf("a wallboard got %s: %d", path, got.status)
		}
	}
}

func TestWardListIsForTheBoardRound(t *testing.T) {
	s := newSite(t)
	s.hear()
	r := s.as("ward-nurse")
	got := r.get("/ward")
	got.says("Ward 31", "2 people, 2 ready to leave, 1 not referred", "Bed 4 bay 2", "Not sent", "Sent", "Refer", "Open", "Contains personal information: put in confidential waste")
	wellMade(t, got)
	if !strings.Contains(got.body, `href="/cases/barbara-case/refer"`) {
		t.Error("no way to refer")
	}
	s.record(s.walter, care.Moved{At: s.clock(), To: care.Location{Ward: "W21", Name: "Ward 21", Bed: "9"}, From: care.Location{Ward: "W31", Name: "Ward 31", Bed: "5"}})
	got = r.get("/ward")
	got.says("Moved to Ward 21 at 21:40", "1 person, 1 ready to leave, 1 not referred")
	s.later(2*time.Hour + time.Minute)
	if got := s.as("ward-nurse").get("/ward"); strings.Contains(got.body, "ASHDOWN") {
		t.Error("who moved away is still listed after 2 hours")
	}
	choose := s.as("coordinator").get("/ward")
	choose.says("Choose a ward", "Ward 31")
	wellMade(t, choose)
	if got := s.as("social-worker").get("/ward"); got.status != 403 {
		t.Errorf("a social worker got %d", got.status)
	}
	empty := s.as("ward-nurse").get("/ward?ward=NOWHERE")
	empty.says("No one is on this ward")
	wellMade(t, empty)
}

func TestAWardListIsPagedAndCountsEverybody(t *testing.T) {
	s := newSite(t)
	s.hear()
	s.crowd(330) // 110 of them on Ward 21
	r := s.as("coordinator")
	seen := map[string]bool{}
	for path, want := range map[string]int{"/ward?ward=W21": 100, "/ward?page=2&ward=W21": 10} {
		got := r.get(path)
		got.says("Ward 21", "110 people, 110 ready to leave, 55 not referred")
		wellMade(t, got)
		rows := got.rowsOf()
		for id := range rows {
			seen[id] = true
		}
		if len(rows) != want {
			t.Errorf("%s: %d rows", path, len(rows))
		}
	}
	if len(seen) != 110 {
		t.Errorf("%d people on both pages", len(seen))
	}
	if got := r.get("/ward?page=3&ward=W21"); got.status != 303 || got.to != "/ward?ward=W21" {
		t.Errorf("a page too far: %d %s", got.status, got.to)
	}
}

func TestSomebodyWithoutAWardIsNotLost(t *testing.T) {
	s := newSite(t)
	s.hear()
	r := s.as("coordinator")
	if got := r.get("/ward"); strings.Contains(got.text(), "No ward told") {
		t.Error("a ward is offered that nobody is on")
	}
	s.record(s.walter, care.Moved{At: s.clock(), From: care.Location{Ward: "W31", Name: "Ward 31", Bed: "5"}})
	r.get("/ward?ward=W31").says("Place not told moved at 21:40", "1 person, 1 ready to leave")
	r.get("/ward").says("No ward told")
	got := r.get("/ward?ward=-")
	got.says("No ward told", "ASHDOWN, Walter", "1 person, 1 ready to leave, 0 not referred")
	wellMade(t, got)
	r.get("/tracker").says("ward not told")
	if got := words(r.get("/ward?ward=ED").element("filter-ward")); !strings.Contains(got, "A&E") {
		t.Errorf("an empty ward is not called by its name: %s", got)
	}
}

func TestWhoHasLeftWaitsNoLonger(t *testing.T) {
	s := newSite(t)
	s.hear()
	s.record(s.walter, care.Discharged{At: s.clock(), Visit: "v5", Org: kingsMill, Leaving: care.Leaving{At: s.clock()}})
	for _, login := range []string{"coordinator", "team-manager"} {
		r := s.as(login)
		people := map[string]string{"coordinator": "2 people: 1 delayed", "team-manager": "1 person: 0 delayed"}[login]
		got := r.get("/tracker")
		got.says(people+", 0 at risk, 0 on track, 1 no longer in hospital", "Gone home")
		r.get("/tracker?view=board").says(people)
		if got := r.get("/tracker?wait=delayed"); strings.Contains(got.text(), "ASHDOWN") {
			t.Errorf("%s: who went home is listed as delayed", login)
		}
	}
	l := list{kind: kindTracker}
	if got, want := l.rowCounts(byID(s.wholeList().Rows)), viewCounts(s.wholeList()); got.waits != want.waits || got.left != 1 || want.left != 1 || got.noWait != want.noWait {
		t.Errorf("the rows count %+v, the list %+v", got, want)
	}
}

func TestTheWordsOfTheWaitFollowTheLimits(t *testing.T) {
	for _, c := range []struct {
		risk, delayed int
		want          [3]string
	}{{2, 3, [3]string{"0 or 1", "2", "3 or more"}}, {1, 5, [3]string{"0", "1 to 4", "5 or more"}}, {3, 5, [3]string{"0 to 2", "3 or 4", "5 or more"}}} {
		v := hub.ListView{AtRisk: c.risk, Delayed: c.delayed}
		if got := [3]string{waitDays(v, hub.OnTrack), waitDays(v, hub.AtRisk), waitDays(v, hub.Delayed)}; got != c.want {
			t.Errorf("at risk from %d and delayed from %d: %q, want %q", c.risk, c.delayed, got, c.want)
		}
	}
}

func TestNoLinkLeadsWhereItsReaderMayNotGo(t *testing.T) {
	s := newSite(t)
	row := hub.ListRow{Row: care.Row{Case: "x", Person: care.Person{Family: "Oakley"}, InBed: true, Sensitive: true}, Masked: true, Shut: true, NoRefer: true, Stage: "none"}
	for _, l := range []list{{kind: kindTracker}, {kind: kindWard}, {kind: kindWorklist, view: viewAllocate}, {kind: kindBoard}} {
		for _, n := range []ui.Node{l.row(row, evening), notReferred(byID([]hub.ListRow{row}))} {
			text, err := ui.HTML(n)
			s.must(err)
			if strings.Contains(text, "href") || !strings.Contains(text, "OAKLEY") {
				t.Errorf("%s: %s", l.kind, text)
			}
		}
	}
	for login, want := range map[string]int{"wallboard": 403, "integration": 403, "ig-lead": 403, "broker": 403, "admin": 403, "ae-nurse": 200, "ward-nurse": 200, "coordinator": 200, "social-worker": 200, "team-manager": 200} {
		for _, path := range []string{"/lookup", "/lookup/name"} {
			if got := s.as(login).get(path); got.status != want {
				t.Errorf("%s at %s: %d", login, path, got.status)
			}
		}
	}
}

func TestManagerAcceptsAndAllocates(t *testing.T) {
	s := newSite(t)
	s.hear()
	r := s.as("team-manager")
	got := r.get("/worklist")
	got.says("To allocate", "1 person", "ASHDOWN, Walter", "Late", "target 24 hours", "Accept", "Allocate", "P Social-worker, 0 open")
	wellMade(t, got)
	one := pick{s.walter, "ref-walter", ""}.String()
	if got := r.post("/worklist/accept", "one", one); got.status != 303 || got.to != toAllocate {
		t.Fatalf("%d %s", got.status, got.text())
	}
	r.get("/worklist").says("The referral was accepted.")
	ask := r.post("/worklist/allocate", "one", one)
	ask.says("Allocate a worker", "P Social-worker, 0 open")
	if ask.status != 200 {
		t.Error(ask.status)
	}
	wellMade(t, ask)
	refused := r.post("/worklist/allocate", "one", one, "asked", "yes")
	if refused.status != 422 {
		t.Error(refused.status)
	}
	refused.says("Select a worker")
	wellMade(t, refused)
	if got := r.post("/worklist/allocate", "one", one, "asked", "yes", "worker", "u-social-worker"); got.status != 303 {
		t.Fatalf("%d %s", got.status, got.text())
	}
	after := r.get("/worklist")
	after.says("The referral was allocated to P Social-worker.", "Nobody to allocate")
	r.get("/worklist?view=team").says("ASHDOWN, Walter", "P Social-worker")
	s.as("social-worker").get("/worklist").says("My work", "ASHDOWN, Walter")
	s.later(time.Minute)
	late := r.post("/worklist/allocate", "one", one, "asked", "yes", "worker", "u-team-manager")
	if late.status != 409 {
		t.Errorf("status %d", late.status)
	}
	late.says("P Social-worker took this 1 minute ago.")
	wellMade(t, late)
}

func TestManyAreAllocatedAfterACheck(t *testing.T) {
	s := newSite(t)
	s.hear()
	s.crowd(8) // p003 and p007 wait for a worker
	r := s.as("team-manager")
	picks := []string{"pick", pick{s.walter, "ref-walter", ""}.String(), "pick", pick{"p003-case", "ref-003", ""}.String(), "pick", pick{"p007-case", "ref-007", ""}.String()}
	none := r.post("/worklist/allocate-many", "worker", "u-social-worker")
	if none.status != 422 {
		t.Error(none.status)
	}
	none.says("Tick at least one person on the worklist")
	wellMade(t, none)
	unsaid := r.post("/worklist/allocate-many", picks...)
	if unsaid.status != 422 {
		t.Error(unsaid.status)
	}
	unsaid.says("Select a worker", "You ticked 3 people")
	check := r.post("/worklist/allocate-many", append(picks, "worker", "u-social-worker")...)
	check.says("Check who you allocate", "You are giving P Social-worker 3 people:", "ASHDOWN, Walter", "Allocate 3 people")
	wellMade(t, check)
	if got := s.caseOf(s.walter).Referrals[0]; got.Worker.ID != "" {
		t.Fatal("allocated before it was confirmed")
	}
	s.must(s.hub.Accept(context.Background(), s.actor(care.TeamManager, county, care.Council), "p007-case", "ref-007"))
	s.must(s.hub.Allocate(context.Background(), s.actor(care.TeamManager, county, care.Council), "p007-case", "ref-007", "u-team-manager", ""))
	done := r.post("/worklist/allocate-many", append(picks, "worker", "u-social-worker", "confirm", "yes")...)
	if done.status != 409 {
		t.Errorf("status %d", done.status)
	}
	done.says("Not everybody was allocated", "2 people were allocated to P Social-worker", "1 could not be")
	wellMade(t, done)
	for _, id := range []care.CaseID{s.walter, "p003-case"} {
		if w := s.caseOf(id).Referrals[0].Worker.ID; w != "u-social-worker" {
			t.Errorf("%s is with %q", id, w)
		}
	}
}

func TestOnlyManagersAllocate(t *testing.T) {
	s := newSite(t)
	one := pick{s.walter, "ref-walter", ""}.String()
	for _, login := range []string{"social-worker", "coordinator", "ward-nurse"} {
		r := s.as(login)
		for _, path := range []string{"/worklist/allocate", "/worklist/allocate-many"} { // no form is drawn that cannot be sent
			if got := r.post(path, "one", one, "pick", one); got.status != 403 {
				t.Errorf("%s asked for %s: %d %s", login, path, got.status, got.text())
			}
		}
		if got := r.post("/worklist/allocate", "one", one, "asked", "yes", "worker", "u-social-worker"); got.status < 400 {
			t.Errorf("%s: %d", login, got.status)
		}
		r.post("/worklist/allocate-many", "pick", one, "worker", "u-social-worker", "confirm", "yes")
		if s.caseOf(s.walter).Referrals[0].Worker.ID != "" {
			t.Fatalf("%s allocated", login)
		}
	}
}

func TestReferralsWithoutACouncilAreTheTrustsToSettle(t *testing.T) {
	s := newSite(t)
	s.hear()
	s.record(s.barbara, care.ReferralSent{At: s.clock(), Referral: care.Referral{ID: "ref-b", Key: "kb", Stay: "v4", From: kingsMill, Form: "d2a", FormVersion: 1,
		State: care.RefSent, Sent: s.clock(), Watching: true, Holder: care.Holder{Org: kingsMill, Team: care.Unresolved, Since: s.clock(), Next: "Find the responsible council"}}})
	got := s.as("coordinator").get("/worklist")
	got.says("Council not settled", "OAKLEY, Barbara", "Choose the council", "Find the responsible council")
	wellMade(t, got)
	if strings.Contains(got.body, "ASHDOWN") {
		t.Error("a referral whose council is settled is listed")
	}
}

// A page sends at most what ui.md 8 allows.
func TestListsStayWithinTheirWeight(t *testing.T) {
	s := newSite(t)
	s.hear()
	s.crowd(500)
	v := s.wholeList()
	for rows, limit := range map[int]int{40: 12 << 10, 200: 30 << 10, 500: 60 << 10} {
		l := list{kind: kindTracker, asked: url.Values{}}
		v := v
		v.Rows = v.Rows[:rows]
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		p := ui.Page{Title: "Live tracker", Width: ui.WorkPage, Main: []ui.Node{l.strip(v), l.bar(v, nil), l.fill(v, l.nobody()), whatTheseMean(v)}}
		s.must(p.Render(w))
		s.must(w.Close())
		if z.Len() > limit {
			t.Errorf("%d rows: %d bytes compressed, the budget is %d", rows, z.Len(), limit)
		}
		t.Logf("%d rows: %d bytes compressed", rows, z.Len())
	}
}

func (s *site) wholeList() hub.ListView {
	s.t.Helper()
	v, err := s.hub.List(context.Background(), s.actor(care.Coordinator, kingsMill, care.Trust), hub.ListQuery{Scope: hub.ScopeTracker, Everything: true})
	s.must(err)
	return v
}

func BenchmarkTracker100(b *testing.B) {
	s := newSite(b)
	s.hear()
	s.crowd(120)
	r := s.as("coordinator")
	u, err := url.Parse(s.url)
	s.must(err)
	req := httptest.NewRequest("GET", "/tracker", nil)
	for _, c := range r.c.Jar.Cookies(u) {
		req.AddCookie(c)
	}
	h := s.server.Handler()
	for b.Loop() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req.Clone(context.Background()))
		if w.Code != 200 {
			b.Fatal(w.Code)
		}
	}
}

func BenchmarkRender100(b *testing.B) {
	s := newSite(b)
	s.hear()
	s.crowd(120)
	v := s.wholeList()
	v.Rows = v.Rows[:100]
	l := list{kind: kindTracker, asked: url.Values{}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ui.HTML(l.fill(v, nil)); err != nil {
			b.Fatal(err)
		}
	}
}
