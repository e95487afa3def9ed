package conformance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"homeward/hl7"
	"homeward/mllp"
)

// HospitalConfig is what a run with a hospital's system is told. What is left out
// is not tried.
type HospitalConfig struct {
	Config                  // Target: where it takes notifications of subscriptions, "" for nowhere
	Listen    net.Listener  // where it sends its referrals
	URL       string        // by which it reaches Listen
	Feed      net.Listener  // where it sends its HL7 v2 over MLLP
	Wait      time.Duration // for how long to listen; 0: 10 minutes
	Status    string        // host:port where it takes status by HL7 v2 over MLLP; "" for nowhere
	Listening func()        // called when the kit listens
	// Enough ends the listening before its time: whoever sends says that all was
	// sent. nil: only hearing everything does.
	Enough <-chan struct{}
}

// RunHospital listens to what a hospital's system sends, and grades it; then it
// sends what such a system must take.
func RunHospital(ctx context.Context, c HospitalConfig) (Report, error) {
	if c.Listen == nil && c.Feed == nil && c.Status == "" && c.Target == "" {
		return Report{}, errors.New("there is nothing to try: say where to listen, or where the hospital takes status or notifications")
	}
	if err := c.Check(); err != nil {
		return Report{}, err
	}
	r := Report{Role: Hospital, Target: c.says(), Build: c.Build, Began: time.Now()}
	calls, messages, err := c.listen(ctx)
	if err != nil {
		return r, err
	}
	k := &kit{Config: c.Config}
	if c.Target != "" {
		if k, err = newKit(c.Config); err != nil {
			return r, err
		}
	}
	for _, way := range []struct {
		asked  bool
		checks []Check
	}{{c.Listen != nil, sendingChecks(calls)}, {c.Feed != nil, feedChecks(messages)}, {c.Status != "", statusChecks(c.Status)}, {c.Target != "", notifiedChecks()}} {
		if way.asked {
			r.Results = append(r.Results, run(ctx, k, way.checks)...)
		}
	}
	r.Took = time.Since(r.Began)
	return r, ctx.Err()
}

// listen hears what the hospital's system sends, by either way, until all was
// heard or the time is over.
func (c HospitalConfig) listen(ctx context.Context) ([]heard, []adt, error) {
	if c.Listen == nil && c.Feed == nil {
		return nil, nil, nil
	}
	e, f := newEar(strings.TrimSuffix(c.URL, "/")), &feed{}
	if c.Listen != nil {
		defer e.listen(c.Listen)()
	}
	if c.Feed != nil {
		defer f.listen(c.Feed)()
	}
	if c.Listening != nil {
		c.Listening()
	}
	if c.Wait == 0 {
		c.Wait = 10 * time.Minute
	}
	err := e.wait(ctx, c.Wait, c.Enough, func(calls []heard) bool {
		return (c.Listen == nil || complete(calls)) && (c.Feed == nil || feedComplete(f.messages()))
	})
	return e.calls(), f.messages(), err
}

func (c HospitalConfig) says() string {
	var parts []string
	if c.Listen != nil {
		parts = append(parts, "what it sends to "+c.URL)
	}
	if c.Feed != nil {
		parts = append(parts, "its HL7 feed")
	}
	if c.Status != "" {
		parts = append(parts, "HL7 v2 at "+c.Status)
	}
	if c.Target != "" {
		parts = append(parts, "notifications at "+c.Target)
	}
	return strings.Join(parts, "; ")
}

// A sending is one use case as a hospital's system must send it.
type sending struct{ use, requirement, source string }

var sendings = []sending{
	{"refer", "It refers a patient.", "Refer Patient"},
	{"assessment-notice", "It issues an assessment notice.", "Issue Assessment Notice"},
	{"needs", "It shares a preliminary needs assessment.", "Share Needs Assessment(s)"},
	{"covid", "It shares the COVID-19 questions.", "Share Needs Assessment(s)"},
	{"chc", "It shares a CHC checklist.", "Share CHC Checklist"},
	{"discharge-notice", "It issues a discharge notice.", "Issue Discharge Notice"},
	{"discharge-notice-withdrawn", "It withdraws a discharge notice by sending it again with the reason.", "Withdraw Discharge Notice"},
	{"update", "It tells of changes: fitness, predicted date, ward.", "Update Safe for Discharge Status, Predicted Discharge Date, Location"},
	{"cancel", "It cancels a referral, for a reason.", "Cancel Referral"},
	{"self-discharged", "It tells that a patient discharged themselves.", "Notify Social Care that patient has self-discharged"},
	{"discharged", "It confirms a discharge.", "Confirm patient discharge"},
	{"died", "It tells that a patient died.", "SHD-CancellationReason 08"},
	{"case-note", "It shares a case note.", "Share Case Note with Social Care"},
}

// complete reports whether every use case was heard, and what was spoilt on
// purpose was sent again.
func complete(calls []heard) bool {
	for _, s := range sendings {
		if !slices.ContainsFunc(calls, func(h heard) bool { return h.use == s.use && h.status > 0 && h.status < 300 }) {
			return false
		}
	}
	for i, h := range calls {
		spoilt := h.use != "" && (h.status == 0 || h.status == http.StatusServiceUnavailable)
		if spoilt && !slices.ContainsFunc(calls[i+1:], func(later heard) bool { return later.sum == h.sum && later.path == h.path }) {
			return false
		}
	}
	return true
}

// sendingChecks grade what was heard.
func sendingChecks(calls []heard) (out []Check) {
	add := func(id, group, requirement, source string, try func(*Trial)) {
		out = append(out, Check{"sends." + id, group, requirement, source, func(_ context.Context, t *Trial) { try(t) }})
	}
	for _, s := range sendings {
		add(s.use, "What it sends", s.requirement, guide+s.source, func(t *Trial) { t.sent(calls, s.use) })
	}
	const source = guide + "transport and responses"
	add("readable", "How it sends", "Every body can be read, and says what it is by Content-Type.", source, func(t *Trial) {
		for _, h := range calls {
			if h.tree == nil {
				t.Show(h.told())
				t.Failf("%s", strings.Join(h.problems, "; "))
			}
		}
		t.silent(calls)
	})
	add("again-503", "How it sends", "After 503 it sends the same again.", source, func(t *Trial) { t.sentAgain(calls, http.StatusServiceUnavailable, "a 503") })
	add("again-lost", "How it sends", "When no answer came it sends the same again.", source, func(t *Trial) { t.sentAgain(calls, 0, "a lost answer") })
	add("gives-up", "How it sends", "What is refused with 422 is not sent again unchanged: a person looks at it.", source, func(t *Trial) {
		refused := map[[32]byte]int{}
		for _, h := range calls {
			if h.status == http.StatusUnprocessableEntity {
				if refused[h.sum]++; refused[h.sum] == 2 {
					t.Show(h.told())
					t.Failf("the same body was sent again after 422")
				}
			}
		}
		t.silent(calls)
	})
	add("first", "How it sends", "A referral is sent before anything about it.", source, func(t *Trial) {
		if i := slices.IndexFunc(calls, func(h heard) bool { return h.use != "" }); i >= 0 && calls[i].use != "refer" {
			t.Show(calls[i].told())
			t.Failf("the first that came was about %s", calls[i].use)
		}
		t.silent(calls)
	})
	return out
}

func (t *Trial) silent(calls []heard) {
	if len(calls) == 0 {
		t.NotTriedf("nothing was sent")
	}
}

// sent fails the trial when a use case was never sent as it must be.
func (t *Trial) sent(calls []heard, use string) {
	var last *heard
	for i, h := range calls {
		if h.use != use {
			continue
		}
		if last = &calls[i]; h.status > 0 && h.status < 300 {
			t.Show(h.told())
			return
		}
	}
	if last == nil {
		t.NotTriedf("it was not sent while the kit listened")
		return
	}
	t.Show(last.told())
	t.Failf("it was sent and could not be taken: %s", strings.Join(last.problems, "; "))
}

// sentAgain fails the trial when what was spoilt on purpose did not come again.
func (t *Trial) sentAgain(calls []heard, status int, what string) {
	for i, h := range calls {
		if h.status != status || h.use == "" {
			continue
		}
		t.Show(h.told())
		for _, later := range calls[i+1:] {
			if later.sum == h.sum && later.path == h.path {
				return
			}
		}
		t.Failf("after %s the same did not come again", what)
		return
	}
	t.NotTriedf("nothing was sent that could be answered so")
}

// statusChecks send status by HL7 v2, as an integration engine takes it.
func statusChecks(addr string) []Check {
	const source = "HL7 v2.4 2.13; MLLP 1.0"
	check := func(id, requirement string, try func(context.Context, *Trial)) Check {
		return Check{"status." + id, "Status by HL7 v2", requirement, source, try}
	}
	return []Check{
		check("taken", "A status message is answered AA, with its own control id.", func(ctx context.Context, t *Trial) {
			t.acked(ctx, addr, status("K1"+time.Now().Format("150405")), hl7.AA)
		}),
		check("again", "The same message again is answered AA.", func(ctx context.Context, t *Trial) {
			m := status("K2" + time.Now().Format("150405"))
			t.acked(ctx, addr, m, hl7.AA)
			t.acked(ctx, addr, m, hl7.AA)
		}),
		check("nonsense", "What is no HL7 is not answered AA.", func(ctx context.Context, t *Trial) {
			if a, err := t.exchangeHL7(ctx, addr, []byte("THIS IS NO MESSAGE\r")); err == nil && a.OK() {
				t.Failf("it was answered AA")
			}
		}),
	}
}

// status is an invented status of an invented referral.
func status(control string) []byte {
	now := time.Now().Format("20060102150405")
	return []byte(strings.Join([]string{"MSH|^~\\&|HOMEWARD|511|EPR|RK5|" + now + "||ORU^R01^ORU_R01|" + control + "|P|2.4",
		"PID|1||9990000018^^^NHS^NH||Kittest^Status", "OBR|1|||REFSTATUS^Referral status^L|||" + now,
		"OBX|1|ST|STATE^State of the referral^L||Accepted||||||F|||" + now, ""}, "\r"))
}

func (t *Trial) exchangeHL7(ctx context.Context, addr string, m []byte) (hl7.Acknowledgement, error) {
	ctx, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	t.Show(strings.ReplaceAll(string(m), "\r", "\n"))
	conn, err := mllp.Dial(ctx, addr, mllp.Config{})
	if err != nil {
		return hl7.Acknowledgement{}, err
	}
	defer conn.Close()
	reply, err := conn.Send(ctx, m)
	if err != nil {
		t.Show("no answer: " + err.Error())
		return hl7.Acknowledgement{}, err
	}
	t.Show(strings.ReplaceAll(string(reply), "\r", "\n"))
	return hl7.ParseAck(reply)
}

func (t *Trial) acked(ctx context.Context, addr string, m []byte, code hl7.AckCode) {
	a, err := t.exchangeHL7(ctx, addr, m)
	if err != nil {
		t.Failf("there was no acknowledgement: %v", err)
		return
	}
	sent, err := hl7.Parse(m)
	if err != nil {
		t.NotTriedf("the kit's own message cannot be read")
		return
	}
	if a.Code != code {
		t.Failf("it was answered %s, and should be %s", a.Code, code)
	}
	if want := sent.Get("MSH", 10).String(); a.ControlID != want {
		t.Failf("MSA-2 is not the control id of the message")
	}
}

// notifiedChecks send what a subscriber by rest-hook must take.
func notifiedChecks() []Check {
	const source = "Subscriptions R5 Backport 1.1, rest-hook"
	check := func(id, requirement, kind string, events int) Check {
		return Check{"notified." + id, "Notifications", requirement, source, func(ctx context.Context, t *Trial) {
			a := t.send(ctx, call{method: http.MethodPost, body: []byte(notification(kind, events)), kind: "application/fhir+json", anonymous: t.Token == nil})
			if a != nil && !good(a) {
				t.Failf("the answer is %d, and should be 2xx", a.status)
			}
		}}
	}
	return []Check{
		check("handshake", "A handshake is answered 2xx.", "handshake", 0),
		check("event", "An event is answered 2xx.", "event-notification", 1),
		check("again", "The same event again is answered 2xx.", "event-notification", 1),
		check("gap", "An event after a missing one is answered 2xx; the missing one is asked for by $events.", "event-notification", 3),
		check("heartbeat", "A heartbeat is answered 2xx.", "heartbeat", 3),
	}
}

// notification is a Bundle of a notification, without a resource. Subscriptions R5
// Backport 1.1
func notification(kind string, n int) string {
	event := ""
	if kind == "event-notification" {
		event = fmt.Sprintf(`,{"name":"notificationEvent","part":[{"name":"eventNumber","valueString":"%d"},{"name":"timestamp","valueInstant":%q}]}`, n, time.Now().UTC().Format(time.RFC3339))
	}
	return fmt.Sprintf(`{"resourceType":"Bundle","meta":{"profile":["http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-notification-r4"]},"type":"history","timestamp":%q,"entry":[{"fullUrl":"urn:uuid:2b1f1b3e-6b5b-4a6e-8a3c-1f2d3c4b5a69","resource":{"resourceType":"Parameters",`+
		`"meta":{"profile":["http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-status-r4"]},"parameter":[`+
		`{"name":"subscription","valueReference":{"reference":"https://homeward.example/fhir/R4/Subscription/kit"}},{"name":"topic","valueCanonical":"https://homeward.example/fhir/SubscriptionTopic/referral-status"},{"name":"status","valueCode":"active"},{"name":"type","valueCode":%q},`+
		`{"name":"eventsSinceSubscriptionStart","valueString":"%d"}%s]},"request":{"method":"GET","url":"Subscription/kit/$status"},"response":{"status":"200"}}]}`,
		time.Now().UTC().Format(time.RFC3339), kind, n, event)
}
