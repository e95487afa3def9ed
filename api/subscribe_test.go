package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"homeward/fhir"
	"homeward/hub"
	"homeward/internal/pgtest"
	judge "homeward/tools/npm-validate"
)

// subscribed is a world whose rest-hooks may be on this machine, with the hub's
// loops running.
func subscribed(t *testing.T, engine string) *r4World {
	t.Helper()
	w := newR4(t, engine)
	hooks := NewHooks(public, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, w.clock, nil)
	w.hub.Notify = hooks.Notify
	w.faces.Hooks = hooks
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = w.hub.Run(ctx) }) // it ends with ctx
	t.Cleanup(func() { stop(); wg.Wait() })
	return w
}

func onBothSubscribed(t *testing.T, f func(t *testing.T, w *r4World)) {
	for _, engine := range pgtest.Engines() {
		t.Run(engine, func(t *testing.T) { f(t, subscribed(t, engine)) })
	}
}

// wanted is a Subscription of R4.
func wanted(topic, channel, endpoint, content string, more ...string) string {
	at := ""
	if endpoint != "" {
		at = fmt.Sprintf(`"endpoint":%q,`, endpoint)
	}
	return fmt.Sprintf(`{"resourceType":"Subscription","status":"requested","reason":"Tests","criteria":%q,%s"channel":{"type":%q,%s"payload":"application/fhir+json",
		"_payload":{"extension":[{"url":%q,"valueCode":%q}]},"header":["Authorization: Bearer sesame"],"extension":[{"url":%q,"valueUnsignedInt":1}]}}`,
		topicBase+topic, strings.Join(more, ""), channel, at, backport+"backport-payload-content", content, backport+"backport-timeout")
}

func filter(criteria string) string {
	return fmt.Sprintf(`"_criteria":{"extension":[{"url":%q,"valueString":%q}]},`, backport+"backport-filter-criteria", criteria)
}

// farSide is a subscriber's own server. behave answers the n-th call; nil takes it.
type farSide struct {
	*httptest.Server
	mu    sync.Mutex
	calls int
	came  chan *fhir.Node
	heads chan http.Header
}

func newFarSide(t *testing.T, behave func(n int, w http.ResponseWriter, r *http.Request) bool) *farSide {
	f := &farSide{came: make(chan *fhir.Node, 64), heads: make(chan http.Header, 64)}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.calls++
		n := f.calls
		f.mu.Unlock()
		if behave != nil && behave(n, w, r) {
			return
		}
		b, _ := io.ReadAll(r.Body)
		format, _, _ := fhir.FormatOf(strings.Split(r.Header.Get("Content-Type"), ";")[0])
		body, err := fhir.Parse(b, format, fhir.R4, fhir.Limits{})
		if err != nil {
			t.Errorf("what came cannot be read: %v", err)
		}
		f.heads <- r.Header
		f.came <- body
	}))
	t.Cleanup(f.Close)
	return f
}

// next waits for the next notification, and checks what all have in common.
func (f *farSide) next(t *testing.T, kind string) *fhir.Node {
	t.Helper()
	select {
	case n := <-f.came:
		return isNotification(t, n, kind)
	case <-time.After(20 * time.Second):
		t.Fatalf("no %s came", kind)
		return nil
	}
}

func isNotification(t *testing.T, n *fhir.Node, kind string) *fhir.Node {
	t.Helper()
	if n.Str("type") != "history" || parameter(n, "type") != kind {
		raw, _ := fhir.Write(n, fhir.JSON, fhir.R4)
		t.Fatalf("wanted %s, came %s", kind, raw)
	}
	return n
}

// parameter is a parameter of the status of a notification.
func parameter(n *fhir.Node, name string) string {
	for _, p := range n.All("entry.resource.parameter") {
		if p.Str("name") == name {
			for _, m := range p.Members {
				if strings.HasPrefix(m.Name, "value") {
					return m.Value.Text
				}
			}
		}
	}
	return ""
}

// numbers are the numbers of the events.
func numbers(n *fhir.Node) (out []string) {
	for _, p := range n.All("entry.resource.parameter") {
		if p.Str("name") == "notificationEvent" {
			out = append(out, p.Str("part.valueString"))
		}
	}
	return out
}

// until asks again until something is so; each question is audited, which is a commit
// that wakes what waits for the clock.
func (w *r4World) until(client, path, what string, is func(said) bool) said {
	w.Helper()
	for range 400 {
		if a := w.as(client, "GET", path, ""); a.status == http.StatusUnauthorized { // the token ended, with the time that passed here
			w.token[client] = w.granted(w.ask(w.good(client)))
		} else if is(a) {
			return a
		}
		w.now.Add((30 * time.Second).Microseconds())
		w.as(client, "GET", "/Patient/nobody", "")
		time.Sleep(25 * time.Millisecond)
	}
	w.Fatalf("it never came to be that %s\n%s", what, w.as(client, "GET", path, "").raw)
	return said{}
}

func TestRestHook(t *testing.T) {
	onBothSubscribed(t, func(t *testing.T, w *r4World) {
		far := newFarSide(t, nil)
		made := w.wants(201, "kmh-epr", "POST", "/Subscription", wanted("encounter-changes", "rest-hook", far.URL+"/hook", "full-resource"), "Prefer", "return=representation")
		id := made.body.ID()
		if loc := made.header.Get("Location"); loc != public+r4Base+"/Subscription/"+id || strings.Contains(made.raw, "sesame") {
			t.Errorf("%s\n%s", loc, made.raw)
		}
		far.next(t, "handshake")
		if h := <-far.heads; h.Get("Authorization") != "Bearer sesame" || h.Get("Content-Type") != "application/fhir+json;charset=utf-8" && !strings.HasPrefix(h.Get("Content-Type"), "application/fhir+json") {
			t.Errorf("%v", h)
		}
		enc, pat := w.admit(1)
		n := far.next(t, "event-notification")
		if got := numbers(n); len(got) != 1 || got[0] != "1" {
			t.Errorf("numbers %v", got)
		}
		one := n.All("entry")[1]
		if one.Str("resource.id") != enc || one.Str("fullUrl") != public+r4Base+"/Encounter/"+enc || one.Str("resource.subject.reference") != "Patient/"+pat {
			t.Errorf("%+v", one)
		}
		w.admit(2)
		n = far.next(t, "event-notification")
		if got := numbers(n); len(got) != 1 || got[0] != "2" {
			t.Errorf("numbers %v", got)
		}
		st := w.wants(200, "kmh-epr", "GET", "/Subscription/"+id+"/$status", "")
		if parameter(st.body, "eventsSinceSubscriptionStart") != "2" || parameter(st.body, "status") != "active" || parameter(st.body, "type") != "query-status" {
			t.Error(st.raw)
		}
		ev := w.wants(200, "kmh-epr", "GET", "/Subscription/"+id+"/$events?eventsSinceNumber=2&content=id-only", "")
		if got := numbers(ev.body); len(got) != 1 || got[0] != "2" || len(ev.body.All("entry.resource")) != 1 {
			t.Error(ev.raw)
		}
		w.wants(200, "kmh-epr", "POST", "/Subscription/"+id+"/$events", `{"resourceType":"Parameters","parameter":[{"name":"eventsUntilNumber","valueString":"1"}]}`)
		w.wants(400, "kmh-epr", "GET", "/Subscription/"+id+"/$events?eventsSinceNumber=x", "")
		for _, path := range []string{"/Subscription/" + id, "/Subscription/" + id + "/$status", "/Subscription/" + id + "/$events"} {
			w.wants(404, "mosaic", "GET", path, "")
		}
		w.wants(404, "mosaic", "DELETE", "/Subscription/"+id, "")
		w.wants(403, "reader", "GET", "/Subscription/"+id, "")
		all := w.wants(200, "kmh-epr", "GET", "/Subscription?status=active&type=rest-hook", "")
		if all.body.Str("total") != "1" {
			t.Error(all.raw)
		}
		w.wants(400, "kmh-epr", "GET", "/Subscription?colour=red", "")
		w.wants(204, "kmh-epr", "DELETE", "/Subscription/"+id, "")
		w.wants(404, "kmh-epr", "GET", "/Subscription/"+id, "")
	})
}

// TestRestHookThatFails: a far side that drops, hangs and answers 500 has every event
// once it is back, in order and without gaps.
func TestRestHookThatFails(t *testing.T) {
	onBothSubscribed(t, func(t *testing.T, w *r4World) {
		far := newFarSide(t, func(n int, rw http.ResponseWriter, r *http.Request) bool {
			switch n {
			case 1, 4: // drops
				conn, _, err := rw.(http.Hijacker).Hijack()
				if err == nil {
					conn.Close()
				}
			case 2: // hangs, for longer than the timeout of 1 s
				_, _ = io.Copy(io.Discard, r.Body) // only then does the server hear that the caller went
				select {
				case <-r.Context().Done():
				case <-time.After(10 * time.Second):
				}
			case 3, 5, 6, 7, 8:
				http.Error(rw, "of Barbara", 500)
			default:
				return false
			}
			return true
		})
		id := w.wants(201, "kmh-epr", "POST", "/Subscription", wanted("encounter-changes", "rest-hook", far.URL, "id-only"), "Prefer", "return=representation").body.ID()
		at := "/Subscription/" + id
		w.admit(1)
		w.until("kmh-epr", at, "it is in error", func(a said) bool { return a.body.Str("status") == "error" })
		if got := w.as("kmh-epr", "GET", at, ""); strings.Contains(got.raw, "Barbara") || got.body.Str("error") == "" {
			t.Error(got.raw)
		}
		w.admit(2)
		w.until("kmh-epr", at, "it is active", func(a said) bool { return a.body.Str("status") == "active" })
		var got []string
		for len(got) < 2 {
			select {
			case n := <-far.came:
				got = append(got, numbers(n)...)
			case <-time.After(10 * time.Second):
				t.Fatalf("only %v came", got)
			}
		}
		if strings.Join(got, ",") != "1,2" {
			t.Errorf("numbers %v", got)
		}
		res := strings.Replace(wanted("encounter-changes", "rest-hook", far.URL, "empty"), `"resourceType":"Subscription"`, `"resourceType":"Subscription","id":"`+id+`"`, 1)
		a := w.wants(200, "kmh-epr", "PUT", at, res)
		if a.body.Str("status") != "requested" {
			t.Error(a.raw)
		}
		w.admit(3)
		for {
			n := <-far.came
			if parameter(n, "type") == "event-notification" && numbers(n)[0] == "3" {
				if len(n.All("entry")) != 1 || strings.Contains(fmt.Sprint(plain(t, n)), "focus") {
					t.Errorf("empty tells %s", plain(t, n))
				}
				break
			}
		}
	})
}

func plain(t *testing.T, n *fhir.Node) string {
	b, err := fhir.Write(n, fhir.JSON, fhir.R4)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestRestHookFollowsNoRedirect: nor does it call what is not public.
func TestRestHookFollowsNoRedirect(t *testing.T) {
	w := subscribed(t, "sqlite")
	inner := newFarSide(t, nil)
	far := newFarSide(t, func(_ int, rw http.ResponseWriter, r *http.Request) bool {
		http.Redirect(rw, r, inner.URL, http.StatusTemporaryRedirect)
		return true
	})
	id := w.wants(201, "kmh-epr", "POST", "/Subscription", wanted("tasks", "rest-hook", far.URL, "empty"), "Prefer", "return=representation").body.ID()
	w.until("kmh-epr", "/Subscription/"+id, "it failed", func(a said) bool { return a.body.Str("error") != "" })
	inner.mu.Lock()
	defer inner.mu.Unlock()
	if inner.calls != 0 {
		t.Error("the redirect was followed")
	}
}

func TestHooksCallOnlyWhatIsPublic(t *testing.T) {
	closed := NewHooks(public, nil, nil, nil)
	for _, u := range []string{"https://127.0.0.1/x", "https://localhost/x", "http://localhost/x", "http://203.0.113.5/x", "https://10.1.2.3/", "https://192.168.0.1/", "https://172.16.0.1/",
		"https://169.254.169.254/latest/meta-data", "https://[fe80::1]/", "https://[::1]/", "https://[fd00::1]/", "https://[::ffff:10.0.0.1]/", "https://0.0.0.0/", "https://100.64.0.1/",
		"https://user:pass@hook.example/", "ftp://hook.example/", "hook.example", "https://hook.example/#x", "https://224.0.0.1/", "https://[64:ff9b::a00:1]/", ""} {
		if closed.Check(u) == nil {
			t.Errorf("%s may be called", u)
		}
	}
	for _, u := range []string{"https://hook.example/x?y=1", "https://203.0.113.5:8443/x", "https://[2001:db8::1]/"} {
		if err := closed.Check(u); err != nil {
			t.Errorf("%s: %v", u, err)
		}
	}
	open := NewHooks(public, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("100.64.0.0/10")}, nil, nil)
	for _, u := range []string{"https://[fd00:ec2::254]/", "https://100.100.100.200/"} {
		if open.Check(u) == nil {
			t.Errorf("%s, where a cloud keeps its metadata, may be called", u)
		}
	}
	if open.Check("https://10.1.2.3/") != nil || open.Check("https://169.254.169.254/") == nil || open.Check("http://10.1.2.3/") == nil {
		t.Error("what the operator allowed is not so")
	}
	// A name that leads to this machine is refused when it is dialled.
	srv := newFarSide(t, nil)
	u, _ := url.Parse(srv.URL)
	s := hub.Subscription{Endpoint: "https://localhost:" + u.Port(), Channel: hub.RestHook, Release: fhir.R4}
	dialled := &Hooks{base: public, clock: time.Now, allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, secure: closed.secure, plain: closed.plain}
	if err := dialled.Notify(t.Context(), hub.Notification{Subscription: s, Kind: hub.Handshake}); err == nil || err.Error() != errNotCalled.Error() {
		t.Errorf("dialling: %v", err)
	}
}

func TestSubscriptionsThatAreRefused(t *testing.T) {
	w := subscribed(t, "sqlite")
	good := wanted("tasks", "rest-hook", "https://hook.example/x", "empty")
	for _, tt := range []struct{ old, new, at string }{
		{topicBase + "tasks", "Encounter?status=x", "Subscription.criteria"},
		{topicBase + "tasks", topicBase + "weather", "Subscription.criteria"},
		{"rest-hook", "email", "Subscription.channel.type"},
		{"https://hook.example/x", "http://hook.example/x", "Subscription.channel.endpoint"},
		{"https://hook.example/x", "https://10.0.0.1/", "Subscription.channel.endpoint"},
		{"Authorization: Bearer sesame", "Host: other", "Subscription.channel.header[0]"},
		{"Authorization: Bearer sesame", "no colon", "Subscription.channel.header[0]"},
		{"application/fhir+json", "text/plain", "Subscription.channel.payload"},
		{`"valueCode":"empty"`, `"valueCode":"everything"`, "Subscription.channel.payload"},
		{`"valueUnsignedInt":1`, `"valueUnsignedInt":600`, "Subscription.channel.extension"},
		{`"reason":"Tests",`, ``, "Subscription.reason"},
		{`"status":"requested"`, `"status":"requested","end":"2020-01-01T00:00:00Z"`, "Subscription.end"},
		{`"criteria"`, filter("Task?colour=red") + `"criteria"`, "Subscription.criteria"},
		{`"criteria"`, filter("Task?patient=Patient/nobody") + `"criteria"`, "Subscription.criteria"},
		{`"criteria"`, filter("colour") + `"criteria"`, "Subscription.criteria.extension"},
	} {
		a := w.wants(422, "kmh-epr", "POST", "/Subscription", strings.Replace(good, tt.old, tt.new, 1))
		if a.body.Str("issue.expression") != tt.at {
			t.Errorf("%s: %s", tt.new, a.raw)
		}
	}
	w.wants(422, "kmh-epr", "POST", "/Subscription", `{"resourceType":"Patient"}`)
	w.wants(400, "kmh-epr", "POST", "/Subscription", `{"resourceType":`)
}

// TestFilteredByPatient: only that person's events come.
func TestFilteredByPatient(t *testing.T) {
	w := subscribed(t, "sqlite")
	far := newFarSide(t, nil)
	_, pat := w.admit(1)
	w.admit(2)
	w.wants(201, "kmh-epr", "POST", "/Subscription", wanted("encounter-changes", "rest-hook", far.URL, "id-only", filter("Encounter?patient=Patient/"+pat)))
	far.next(t, "handshake")
	for _, i := range []int{2, 1} {
		visit := fmt.Sprintf("V%d", i)
		w.wants(200, "kmh-epr", "PUT", "/Encounter?identifier="+url.QueryEscape(visitSystem+"|"+visit), stay(i, visit, "Ward 31", "in-progress"))
	}
	n := far.next(t, "event-notification")
	if got := numbers(n); len(got) != 1 || got[0] != "1" || !strings.Contains(plain(t, n), pat+".") {
		t.Error(plain(t, n))
	}
}

func (w *r4World) bound(client string) (at, token string) {
	w.Helper()
	b := w.wants(200, client, "GET", "/Subscription/$get-ws-binding-token", "")
	for _, p := range b.body.All("parameter") {
		if p.Str("name") == "token" {
			token = p.Str("valueString")
		}
	}
	return "ws" + strings.TrimPrefix(w.at, "http") + socketPath, token
}

func TestWebSocket(t *testing.T) {
	onBothSubscribed(t, func(t *testing.T, w *r4World) {
		ctx, stop := context.WithTimeout(t.Context(), 60*time.Second)
		defer stop()
		w.wants(404, "kmh-epr", "GET", "/Subscription/$get-ws-binding-token", "")
		id := w.wants(201, "kmh-epr", "POST", "/Subscription", wanted("encounter-changes", "websocket", "", "id-only"), "Prefer", "return=representation").body.ID()
		w.admit(1)
		w.until("kmh-epr", "/Subscription/$status", "the first event is there", func(a said) bool { return parameter(a.body, "eventsSinceSubscriptionStart") == "1" })
		at, token := w.bound("kmh-epr")
		conn, _, err := websocket.Dial(ctx, at, nil)
		w.must(err)
		defer conn.CloseNow()
		next := func(kind string) *fhir.Node {
			t.Helper()
			_, b, err := conn.Read(ctx)
			w.must(err)
			n, err := fhir.Parse(b, fhir.JSON, fhir.R4, fhir.Limits{})
			w.must(err)
			return isNotification(t, n, kind)
		}
		w.must(conn.Write(ctx, websocket.MessageText, []byte(bindWord+" "+token)))
		if n := next("handshake"); parameter(n, "eventsSinceSubscriptionStart") != "1" {
			t.Errorf("the handshake says %s", plain(t, n))
		}
		enc, _ := w.admit(2)
		n := next("event-notification")
		if got := numbers(n); len(got) != 1 || got[0] != "2" || !strings.Contains(plain(t, n), enc) {
			t.Error(plain(t, n))
		}
		again, _, err := websocket.Dial(ctx, at, nil)
		w.must(err)
		defer again.CloseNow()
		w.must(again.Write(ctx, websocket.MessageText, []byte(bindWord+" "+token)))
		if _, _, err := again.Read(ctx); websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
			t.Errorf("a token bound twice: %v", err)
		}
		w.wants(204, "kmh-epr", "DELETE", "/Subscription/"+id, "")
		if _, _, err := conn.Read(ctx); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
			t.Errorf("after it was deleted: %v", err)
		}
	})
}

func TestTopicsAreListed(t *testing.T) {
	w := subscribed(t, "sqlite")
	a := w.wants(200, "kmh-epr", "GET", "/Basic?code=SubscriptionTopic", "")
	if a.body.Str("total") != "4" {
		t.Error(a.raw)
	}
	m := w.wants(200, "kmh-epr", "GET", "/metadata", "")
	for _, topic := range hub.SubscriptionTopics() {
		w.wants(200, "kmh-epr", "GET", "/Basic/"+topic.Name, "")
		if !strings.Contains(m.raw, topicBase+topic.Name) {
			t.Errorf("the CapabilityStatement does not tell of %s", topic.Name)
		}
	}
	w.wants(404, "kmh-epr", "GET", "/Basic/weather", "")
}

// TestSubscriptionsAreValid: the npm package fhir takes what is sent and answered.
func TestSubscriptionsAreValid(t *testing.T) {
	j := judge.New(t)
	w := subscribed(t, "sqlite")
	far := newFarSide(t, nil)
	id := w.wants(201, "kmh-epr", "POST", "/Subscription", wanted("encounter-changes", "rest-hook", far.URL, "full-resource"), "Prefer", "return=representation").body.ID()
	all := map[string]string{"handshake": plain(t, far.next(t, "handshake"))}
	w.admit(1)
	all["event"] = plain(t, far.next(t, "event-notification"))
	for _, path := range []string{"/Subscription/" + id, "/Subscription/" + id + "/$status", "/Subscription/" + id + "/$events", "/Basic", "/Subscription"} {
		all[path] = w.wants(200, "kmh-epr", "GET", path, "").raw
	}
	for name, raw := range all {
		messages, err := j.Validate(json.RawMessage(raw))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, m := range messages {
			if m.Severity == "error" || m.Severity == "fatal" {
				t.Errorf("%s: %s: %s\n%s", name, m.Location, m.Message, raw)
			}
		}
	}
}
