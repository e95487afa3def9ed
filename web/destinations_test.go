package web

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"homeward/care"
	"homeward/connect"
	"homeward/hub"
	"homeward/internal/browser"
	"homeward/store"
)

// mosaic is a council's system as its connector sees it.
type mosaic struct {
	answer error // of Send
	here   error // of Check
	sent   []connect.Message
}

func (m *mosaic) Make(n connect.News) (connect.Message, error) {
	return connect.Message{Key: n.Key, Kind: n.Kind, Type: "application/json", Head: map[string]string{"method": "POST"},
		Body: []byte(`{"family":"` + n.Shown.Case.Person.Family + `"}`), At: n.At}, nil
}

func (m *mosaic) Send(_ context.Context, x connect.Message) (connect.Receipt, error) {
	m.sent = append(m.sent, x)
	return connect.Receipt{Received: true, Reference: "4471902"}, m.answer
}

func (m *mosaic) Check(context.Context) error { return m.here }

// tells makes a destination of the council's system, for which two pieces of news
// wait.
func (s *site) tells() *mosaic {
	s.t.Helper()
	m := &mosaic{}
	s.hub.Tellings = []hub.Telling{{Connector: m, Kind: "webhook", Destination: connect.Destination{Name: "mosaic-out", Title: "Mosaic", Org: county, OrgKind: care.Council}}}
	news := func(key, kind, what string) store.Tellings {
		return store.Tellings{Payload: fmt.Sprintf(`{"seq":1,"kind":%q,"what":%q,"referral":"ref-walter"}`, kind, what),
			Delivery: store.Delivery{Destination: "mosaic-out", Case: s.walter, Referral: "ref-walter", Kind: kind, What: what, Key: key}}
	}
	s.must(s.store.Update(context.Background(), func(tx *store.Tx) error {
		return errors.Join(tx.AddDestination("mosaic-out"), tx.EnqueueTold(news("k1", "refer", "the referral"), news("k2", "update", "another place in hospital")))
	}))
	return m
}

func (s *site) tell() {
	s.t.Helper()
	_, err := s.hub.SettleNow(context.Background(), "mosaic-out")
	s.must(err)
}

func TestOnlyEngineersSeeDestinations(t *testing.T) {
	s := newSite(t)
	s.tells()
	for _, login := range everybody {
		r := s.as(login)
		for _, path := range []string{"/ops/destinations", "/ops/destinations/mosaic-out", "/ops/destinations/mosaic-out/again", "/ops/deliveries/1"} {
			want := 403
			if login == "integration" {
				want = 200
			}
			if got := r.get(path); got.status != want {
				t.Errorf("%s at %s: %d, want %d", login, path, got.status, want)
			}
		}
		for _, path := range []string{"/ops/destinations/mosaic-out/try", "/ops/destinations/mosaic-out/pause", "/ops/destinations/mosaic-out/resume", "/ops/destinations/mosaic-out/retry", "/ops/deliveries/1",
			"/ops/deliveries/1/retry", "/ops/deliveries/1/drop"} {
			if login == "integration" {
				continue
			}
			if got := r.post(path, "why", "Curious"); got.status != 403 {
				t.Errorf("%s at POST %s: %d", login, path, got.status)
			}
		}
	}
}

func TestARefusedDeliveryIsMended(t *testing.T) {
	s := newSite(t)
	m := s.tells()
	r := s.as("integration")
	m.answer = &connect.Refused{Text: "The other system answered 422", Status: 422}
	s.tell()
	list := r.get("/ops/destinations")
	list.says("Mosaic", "Working", "Refused")
	page := r.get("/ops/destinations/mosaic-out")
	page.says("Referral", "The referral", "The other system answered 422", "Waiting", "Everything")
	for _, p := range []shown{list, page, r.get("/ops/deliveries/1")} {
		if strings.Contains(p.text(), "Ashdown") {
			t.Error("a page names a person")
		}
	}
	if got := r.post("/ops/deliveries/1"); got.status != 422 {
		t.Errorf("without a reason: %d", got.status)
	}
	seen := r.post("/ops/deliveries/1", "why", "It was refused")
	seen.says("Ashdown", "It names a person", "method", "POST")
	if len(s.audited("seeRawMessage")) == 0 {
		t.Error("nobody knows that it was looked at")
	}
	if got := r.post("/ops/deliveries/1/retry", "how", "anew"); got.status != 422 {
		t.Errorf("without a reason: %d", got.status)
	}
	m.answer = nil
	if got := r.post("/ops/deliveries/1/retry", "how", "anew", "why", "The mapping is mended"); got.status != 303 || got.to != "/ops/deliveries/1" {
		t.Fatalf("%d %s", got.status, got.to)
	}
	s.tell()
	r.get("/ops/destinations/mosaic-out").says("Received", "4471902")
	if len(m.sent) != 3 || m.sent[0].Key == m.sent[1].Key {
		t.Errorf("sent %d", len(m.sent))
	}
	if got := r.post("/ops/deliveries/1/drop", "why", "Late"); got.status != 409 {
		t.Errorf("dropped what was received: %d", got.status)
	}
	if got := r.get("/ops/deliveries/99"); got.status != 404 {
		t.Errorf("no such delivery: %d", got.status)
	}
	if got := r.get("/ops/destinations/nobody"); got.status != 404 {
		t.Errorf("no such destination: %d", got.status)
	}
}

func TestADestinationIsPausedTriedAndToldAgain(t *testing.T) {
	s := newSite(t)
	m := s.tells()
	r := s.as("integration")
	const at = "/ops/destinations/mosaic-out"
	if got := r.post(at + "/pause"); got.status != 422 {
		t.Errorf("without a reason: %d", got.status)
	}
	if got := r.post(at+"/pause", "why", "They upgrade"); got.status != 303 {
		t.Fatalf("%d", got.status)
	}
	s.tell()
	r.get(at).says("Paused", "They upgrade", "Go on now")
	if len(m.sent) != 0 {
		t.Error("it was told while it was paused")
	}
	r.post(at+"/resume", "why", "Done")
	s.tell()
	if len(m.sent) != 2 {
		t.Errorf("told %d", len(m.sent))
	}
	m.here = connect.ErrDown
	r.post(at + "/try")
	r.get(at).says("The connection does not work: the other system does not answer")
	m.here = nil
	r.post(at + "/try")
	r.get(at).says("The connection works")
	if len(m.sent) != 2 {
		t.Error("trying told something")
	}
	for _, f := range [][]string{{}, {"from-day", "31", "from-month", "2", "from-year", "2026"}} {
		if got := r.post(at+"/again", f...); got.status != 422 {
			t.Errorf("%v: %d", f, got.status)
		}
	}
	d := evening
	days := []string{"from-day", fmt.Sprint(d.Day()), "from-month", fmt.Sprint(int(d.Month())), "from-year", fmt.Sprint(d.Year()),
		"to-day", fmt.Sprint(d.Day()), "to-month", fmt.Sprint(int(d.Month())), "to-year", fmt.Sprint(d.Year())}
	preview := r.post(at+"/again", days...)
	if preview.status != 200 || len(m.sent) != 2 {
		t.Fatalf("%d %s", preview.status, preview.text())
	}
	preview.says("would be told")
	if got := r.post(at+"/again/now", days...); got.status != 422 {
		t.Errorf("without a reason: %d", got.status)
	}
	if got := r.post(at+"/again/now", append(days, "why", "They lost a day")...); got.status != 303 {
		t.Errorf("%d", got.status)
	}
	s.tell()
	if len(m.sent) < 3 {
		t.Errorf("told %d", len(m.sent))
	}
}

// TestAllThatWasRefusedIsSentAgain is for one cause of many refusals.
func TestAllThatWasRefusedIsSentAgain(t *testing.T) {
	s := newSite(t)
	m := s.tells()
	m.answer = &connect.Refused{Text: "The other system answered 401", Status: 401}
	s.tell()
	r := s.as("integration")
	const at = "/ops/destinations/mosaic-out"
	r.get(at).says("Send again all that was refused")
	if got := r.post(at+"/retry", "how", "same"); got.status != 422 {
		t.Errorf("without a reason: %d", got.status)
	} else {
		got.says("Enter why")
	}
	m.answer = nil
	if got := r.post(at+"/retry", "how", "same", "why", "The password is mended"); got.status != 303 {
		t.Fatalf("%d", got.status)
	}
	r.get(at).says("to be sent again")
	s.tell()
	if strings.Contains(r.get(at).text(), "Send again all that was refused") {
		t.Error("nothing is refused any more")
	}
}

// TestTroubleCanBeGoneOnFrom lets a person try at once what waits after a failure.
func TestTroubleCanBeGoneOnFrom(t *testing.T) {
	s := newSite(t)
	m := s.tells()
	m.answer = connect.ErrDown
	s.tell()
	r := s.as("integration")
	const at = "/ops/destinations/mosaic-out"
	r.get(at).says("Pause, or go on now")
	m.answer = nil
	if got := r.post(at+"/resume", "why", "They are back"); got.status != 303 {
		t.Fatalf("%d", got.status)
	}
	s.tell()
	r.get(at).says("Working")
}

func TestDestinationsInABrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	m := s.tells()
	m.answer = &connect.Refused{Text: "The other system answered 422", Status: 422}
	s.tell()
	tab := browser.New(t)
	s.signIn(tab, "integration")
	for name, path := range map[string]string{"destinations": "/ops/destinations", "destination": "/ops/destinations/mosaic-out", "destination-again": "/ops/destinations/mosaic-out/again",
		"delivery": "/ops/deliveries/1"} {
		tab.Goto(s.url + path)
		look(t, tab, axeSource(t), name)
	}
	tab.Goto(s.url + "/ops/deliveries/1")
	if status := tab.Follow("main form[action='/ops/deliveries/1/drop'] button[type=submit]"); status != 422 {
		t.Errorf("status %d without a reason", status)
	}
	look(t, tab, axeSource(t), "delivery-refused")
	tab.Type("#why-see", "It was refused")
	tab.Follow("main form[action='/ops/deliveries/1'] button[type=submit]")
	look(t, tab, axeSource(t), "delivery-message")
}
