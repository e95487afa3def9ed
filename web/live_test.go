package web

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/nhs"
)

// An event is one that a stream sent.
type event struct {
	name, id, data string
	at             time.Time
}

// A listener reads one stream to its end.
type listener struct {
	t      testing.TB
	events chan event // closed when the stream ended
	stop   func()
}

// listen opens a stream as the page at path does, after its last event.
func (r *reader) listen(path string) *listener {
	r.s.t.Helper()
	page := r.get(path)
	return r.listenFrom(attr(page.element("app-live"), "data-sse"), attr(page.element("app-live"), "data-last"))
}

func (r *reader) listenFrom(sse, last string) *listener {
	r.s.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, "GET", r.s.url+sse+"&last="+last, nil)
	r.s.must(err)
	req.Header.Set("Accept", "text/event-stream")
	res, err := r.c.Do(req)
	r.s.must(err)
	if h := res.Header; res.StatusCode != 200 || !strings.HasPrefix(h.Get("Content-Type"), "text/event-stream") || !strings.Contains(h.Get("Cache-Control"), "no-store") || h.Get("X-Accel-Buffering") != "no" {
		r.s.t.Fatalf("the stream begins with %d %v", res.StatusCode, h)
	}
	l := &listener{r.s.t, make(chan event, 1000), stop}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(l.events)
		defer res.Body.Close()
		read(res, l.events)
	}()
	r.s.t.Cleanup(func() { stop(); <-done })
	if e := l.next(); e.name != "beat" {
		r.s.t.Fatalf("the stream begins with %+v", e)
	}
	return l
}

func read(res *http.Response, out chan<- event) {
	in := bufio.NewScanner(res.Body)
	in.Buffer(nil, 1<<20)
	var e event
	for in.Scan() {
		name, value, _ := strings.Cut(in.Text(), ": ")
		switch name {
		case "event":
			e.name = value
		case "id":
			e.id = value
		case "data":
			e.data += value
		case "":
			e.at = time.Now()
			out <- e
			e = event{}
		}
	}
}

// next is the next event, at most 15 s later.
func (l *listener) next() event {
	l.t.Helper()
	select {
	case e, ok := <-l.events:
		if !ok {
			l.t.Fatal("the stream has ended")
		}
		return e
	case <-time.After(15 * time.Second):
		l.t.Fatal("nothing came")
	}
	return event{}
}

// until gives the first event of a name whose data has the words.
func (l *listener) until(name, has string) event {
	l.t.Helper()
	for {
		if e := l.next(); e.name == name && strings.Contains(e.data, has) {
			return e
		}
	}
}

// quiet fails when something other than a beat has come by the next beat after
// what was done; seq is what was last recorded.
func (l *listener) quiet(s *site, what string) {
	l.t.Helper()
	deadline := time.After(600 * time.Millisecond)
	for {
		select {
		case e, ok := <-l.events:
			if ok && e.name != "beat" {
				l.t.Errorf("%s: %s %s", what, e.name, e.data)
			}
		case <-deadline:
			return
		}
	}
}

// soon fails when an event took longer than 250 ms. The machine may be busy, so
// the best of a few tries counts.
func soon(t *testing.T, try func() time.Duration) {
	t.Helper()
	best := time.Hour
	for range 5 {
		if best = min(best, try()); best < 250*time.Millisecond {
			t.Logf("told after %v", best)
			return
		}
	}
	t.Errorf("told after %v", best)
}

func TestARowThatArrivesIsTheRowOfThePage(t *testing.T) {
	s := newSite(t)
	s.hear()
	for _, c := range []struct{ login, path string }{
		{"coordinator", "/tracker"}, {"coordinator", "/tracker?view=board"}, {"ward-nurse", "/ward"}, {"team-manager", "/worklist"}, {"team-manager", "/tracker"},
	} {
		r := s.as(c.login)
		l := r.listen(c.path)
		s.later(time.Minute) // a row of which nothing changes is not told of again
		s.record(s.walter, care.ExpectedChanged{At: s.clock(), Expected: care.Expected{Date: nhs.Date{Year: 2026, Month: 11, Day: 24}, Said: s.clock()}, Count: 1})
		e := l.until("row", "row-walter-case")
		page := r.get(c.path)
		if !strings.Contains(page.body, e.data) {
			t.Errorf("%s: the row that came is not on the page:\n%s\n%s", c.path, e.data, page.text())
		}
		if last := attr(page.element("app-live"), "data-last"); e.id != last {
			t.Errorf("%s: the event has the id %s, the page stands at %s", c.path, e.id, last)
		}
		l.stop()
	}
}

func TestAReferralLightsUpTheRightListsAtOnce(t *testing.T) {
	s := newSite(t)
	s.hear()
	council, trust, other := s.as("team-manager").listen("/worklist"), s.as("coordinator").listen("/tracker"), s.as("coordinator-rx1").listen("/tracker")
	mine := s.as("social-worker").listen("/worklist")
	n := 0
	soon(t, func() time.Duration {
		n++
		id := s.person(care.CaseID(fmt.Sprint("new", n)), "Elder", "Ada", care.Admitted{At: s.clock(), Stay: care.Stay{Visit: fmt.Sprint("n", n), Org: kingsMill, Source: "kmh", Class: "I", Admitted: s.clock()}})
		start := time.Now()
		s.record(id, care.ReferralSent{At: s.clock(), Referral: care.Referral{ID: care.ReferralID(fmt.Sprint("ref-n", n)), Key: fmt.Sprint("kn", n), From: kingsMill, To: county, Form: "d2a", FormVersion: 1,
			State: care.RefSent, Sent: s.clock(), Watching: true, Holder: care.Holder{Org: county, Since: s.clock(), Next: "Accept or return"}}})
		row := "row-" + string(id)
		e := council.until("new", row)
		if !strings.Contains(e.data, "ELDER, Ada") || !strings.Contains(e.data, "/worklist/allocate") {
			t.Errorf("the row: %s", e.data)
		}
		trust.until("new", row)
		return e.at.Sub(start)
	})
	council.until("part", "people")
	other.quiet(s, "another trust was told")
	mine.quiet(s, "a worker whom it is not allocated to was told")

	// allocated: it leaves one list and comes to the other
	manager := s.actor(care.TeamManager, county, care.Council)
	s.must(s.hub.Accept(t.Context(), manager, "new1-case", "ref-n1"))
	s.must(s.hub.Allocate(t.Context(), manager, "new1-case", "ref-n1", "u-social-worker", ""))
	council.until("gone", "new1-case")
	if e := mine.until("new", "row-new1-case"); strings.Contains(e.data, "walter") {
		t.Error(e.data)
	}
	trust.until("row", "P Social-worker")
	other.quiet(s, "another trust was told of the allocation")
}

func TestAFilteredListIsToldOnlyOfWhatItShows(t *testing.T) {
	s := newSite(t)
	s.hear()
	delayed := s.as("coordinator").listen("/tracker?wait=delayed")
	track := s.as("coordinator").listen("/tracker?wait=track")
	s.record(s.barbara, care.NoLongerReady{At: s.clock()})
	delayed.until("gone", "barbara-case")
	track.quiet(s, "a list of others was told")
	s.record(s.barbara, care.BecameReady{At: s.clock(), From: s.clock()})
	track.until("new", "row-barbara-case")
	if e := track.until("part", "app-counts"); !strings.Contains(e.data, "1 person: 0 delayed, 0 at risk, 1 on track") {
		t.Error(e.data)
	}
	delayed.until("part", "app-counts")
	delayed.quiet(s, "the list of the delayed was told")
}

func TestWhatHappenedBeforeTheStreamBeganIsTold(t *testing.T) {
	s := newSite(t)
	s.hear()
	r := s.as("coordinator")
	page := r.get("/tracker")
	live := page.element("app-live")
	id := s.person("late", "Elder", "Ada", care.Admitted{At: s.clock(), Stay: care.Stay{Visit: "late", Org: kingsMill, Source: "kmh", Class: "I", Admitted: s.clock()}}, care.BecameReady{At: s.clock(), From: s.clock()})
	s.record(s.barbara, care.Discharged{At: s.clock(), Visit: "v4", Org: kingsMill, Leaving: care.Leaving{At: s.clock()}})
	l := r.listenFrom(attr(live, "data-sse"), attr(live, "data-last"))
	l.until("new", "row-"+string(id))
	l = r.listenFrom(attr(live, "data-sse"), attr(live, "data-last"))
	l.until("gone", "barbara-case")
}

func TestBoardAndWallAreToldTheirCounts(t *testing.T) {
	s := newSite(t)
	s.hear()
	board, wall := s.as("coordinator").listen("/tracker?view=board"), s.as("wallboard").listen("/wall")
	s.record(s.walter, care.ReferralAllocated{At: s.clock(), ID: "ref-walter", Worker: care.Who{ID: "u-social-worker", Name: "P Social-worker", Org: county},
		Holder: care.Holder{Org: county, Next: "Begin the assessment", Since: s.clock()}})
	if e := board.until("row", "row-walter-case"); !strings.Contains(e.data, `data-col="allocated"`) {
		t.Error(e.data)
	}
	board.until("part", `id="app-col-allocated"`)
	s.record(s.barbara, care.NoLongerReady{At: s.clock()})
	for {
		e := wall.until("part", "")
		if strings.Contains(e.data, "ASHDOWN") || strings.Contains(e.data, "Oakley") {
			t.Fatalf("the wall was told a name: %s", e.data)
		}
		if strings.Contains(e.data, "app-wall__grid") && strings.Contains(e.data, "1 person") {
			break
		}
	}
}

func TestWardIsToldWhoMovedAway(t *testing.T) {
	s := newSite(t)
	s.hear()
	l := s.as("ward-nurse").listen("/ward")
	s.record(s.walter, care.Moved{At: s.clock(), To: care.Location{Ward: "W21", Name: "Ward 21", Bed: "9"}, From: care.Location{Ward: "W31", Name: "Ward 31", Bed: "5"}})
	if e := l.until("row", "row-walter-case"); !strings.Contains(e.data, "Moved to Ward 21") {
		t.Error(e.data)
	}
	if e := l.until("part", "app-counts"); !strings.Contains(e.data, "1 person, 1 ready") {
		t.Error(e.data)
	}
}

func TestMyTeamIsToldWhoComesAndGoes(t *testing.T) {
	s := newSite(t)
	s.hear()
	l := s.as("team-manager").listen("/worklist?view=team")
	give := func(team string) {
		s.record(s.walter, care.ReferralAllocated{At: s.clock(), ID: "ref-walter", Worker: care.Who{ID: "u-social-worker", Name: "P Social-worker", Org: county},
			Holder: care.Holder{Org: county, Team: team, Next: "Begin the assessment", Since: s.clock()}})
	}
	give("t1")
	l.until("new", "row-walter-case")
	give("t2")
	l.until("gone", "walter-case")
}

func TestSilenceOfAFeedMarksItsRows(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a beat")
	}
	s := newSite(t)
	s.hear()
	r := s.as("coordinator")
	l := r.listen("/tracker")
	for range 2 { // somebody is there, so the session goes on
		s.later(8 * time.Minute)
		r.get("/help")
	}
	if e := l.until("row", "row-barbara-case"); !strings.Contains(e.data, "as at 21:40") {
		t.Error(e.data)
	}
	if e := l.until("part", "app-fresh"); !strings.Contains(e.data, "Out of date") {
		t.Error(e.data)
	}
	s.hear()
	if e := l.until("row", "row-barbara-case"); strings.Contains(e.data, "as at") {
		t.Error("still marked after the system spoke again: " + e.data)
	}
}

func TestAStreamEndsWithItsSession(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for a beat")
	}
	s := newSite(t)
	s.hear()
	r := s.as("coordinator")
	l := r.listen("/tracker")
	s.later(11 * time.Minute) // a stream is no activity: the session is idle
	for range l.events {
	}
	if got := r.get("/tracker"); got.status != 303 {
		t.Errorf("the session goes on: %d", got.status)
	}
}

func TestStreamsEndWhenTheServerStops(t *testing.T) {
	s := newSite(t)
	l := s.as("coordinator").listen("/tracker")
	s.server.Stop()
	select {
	case _, ok := <-l.events:
		if ok {
			for range l.events {
			}
		}
	case <-time.After(5 * time.Second):
		t.Error("the stream goes on")
	}
}

func TestStreamsOfOtherListsAreRefused(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		login, path string
		want        int
	}{
		{"ae-nurse", "/events?list=tracker", 403}, {"social-worker", "/events?list=ward", 403}, {"coordinator", "/events?list=nothing", 404}, {"ig-lead", "/events?list=wall", 403},
	} {
		if got := s.as(c.login).get(c.path); got.status != c.want {
			t.Errorf("%s: %s gives %d", c.login, c.path, got.status)
		}
	}
}

func TestAPageOfAnotherDatabaseIsReadAgain(t *testing.T) {
	s := newSite(t)
	res, err := s.as("coordinator").c.Get(s.url + "/events?list=tracker&last=999999")
	s.must(err)
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err != nil || !strings.Contains(string(b), "event: resync") {
		t.Errorf("%q, %v", b, err)
	}
}

func TestANewDayIsReadAgain(t *testing.T) {
	s := newSite(t)
	l := s.as("wallboard").listen("/wall")
	s.later(3 * time.Hour)
	s.record(s.barbara, care.NoLongerReady{At: s.clock()})
	l.until("resync", "")
}
