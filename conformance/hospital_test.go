package conformance

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"homeward/fhir"
	"homeward/hl7"
	"homeward/mllp"
	"homeward/nhs"
)

// A hospital is a sender of referrals, good or wrong in one way.
type hospital struct {
	t     *testing.T
	base  string
	tries int // how often it sends what was not taken
	spoil func(*fhir.Node)
	raw   bool // it sends what cannot be read
}

func (h hospital) send(method, path, query string, n *fhir.Node) *http.Response {
	n = n.Clone()
	if h.spoil != nil {
		h.spoil(n)
	}
	body, err := fhir.Write(n, fhir.JSON, fhir.STU3)
	if err != nil {
		h.t.Fatal(err)
	}
	if h.raw {
		body = body[:len(body)/2]
	}
	var res *http.Response
	for range h.tries {
		r, err := http.NewRequestWithContext(h.t.Context(), method, h.base+path+"?"+query, bytes.NewReader(body))
		if err != nil {
			h.t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/fhir+json")
		if res, err = http.DefaultClient.Do(r); err != nil {
			continue // no answer
		}
		res.Body.Close()
		if res.StatusCode < 300 {
			break
		}
	}
	return res
}

// day sends every use case, of as many people as it takes.
func (h hospital) day() {
	k := &kit{Config: Config{Seed: 3}, used: map[nhs.Number]bool{}}
	refer := func() *patient {
		p := k.person()
		if res := h.send("POST", referrals, "", p.refer()); res != nil {
			_, p.id, _ = strings.Cut(res.Header.Get("Location"), "/ReferralRequest/")
		}
		return p
	}
	p := refer()
	for _, c := range paperCases {
		h.send("POST", papers, p.basedQuery(), p.paper(c.profile, c.items(p)...))
	}
	h.send("PUT", papers, p.basedQuery(), p.withdrawn("07"))
	h.send("POST", notes, "", p.note("Her daughter holds the key."))
	for _, c := range stayCases {
		q := refer()
		h.send("PUT", stays, q.visitQuery(), q.change(c.changes(q)...))
	}
}

// listenTo runs the kit while somebody sends.
func listenTo(t *testing.T, who func(base string)) Report {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + ln.Addr().String() + "/ReferralService/v3"
	sender := make(chan struct{})
	r, err := RunHospital(t.Context(), HospitalConfig{Listen: ln, URL: base, Wait: 20 * time.Second, Enough: sender, Listening: func() {
		go func() { defer close(sender); who(base) }()
	}})
	if err != nil {
		t.Fatal(err)
	}
	<-sender
	return r
}

func TestHospitals(t *testing.T) {
	t.Parallel()
	for _, x := range listenTo(t, func(base string) { hospital{t: t, base: base, tries: 3}.day() }).Results {
		if strings.HasPrefix(x.ID, "sends.") && x.Verdict != Pass {
			t.Errorf("a good hospital: %s is %s: %s", x.ID, x.Verdict, x.Why)
		}
	}
	failed := map[string]bool{}
	for _, wrong := range []func(base string){
		func(base string) { // it forgets what it must say, and insists
			hospital{t: t, base: base, tries: 2, spoil: func(n *fhir.Node) {
				n.Set("type", nil)
				n.Set("payload", nil)
				n.Set("basedOn", nil)
				if n.Type() == "Encounter" {
					n.Set("extension", slices.DeleteFunc(n.All("extension"), func(x *fhir.Node) bool { return x.Str("url") == fitExtension }))
				}
			}}.day()
		},
		func(base string) { // it never tries again, and begins in the middle
			h := hospital{t: t, base: base, tries: 1}
			k := &kit{Config: Config{Seed: 4}, used: map[nhs.Number]bool{}}
			q := k.person()
			h.send("PUT", stays, q.visitQuery(), q.change())
			h.day()
		},
		func(base string) { hospital{t: t, base: base, tries: 1, raw: true}.day() },
	} {
		for _, x := range listenTo(t, wrong).Results {
			failed[x.ID] = failed[x.ID] || x.Verdict == Fail
		}
	}
	for _, c := range sendingChecks(nil) {
		if !failed[c.ID] {
			t.Errorf("no hospital fails %s", c.ID)
		}
	}
	for _, x := range run(t.Context(), nil, sendingChecks(nil)) {
		if x.Verdict != NotTried {
			t.Errorf("of a silent hospital %s is %s", x.ID, x.Verdict)
		}
	}
}

func TestStatusAndNotifications(t *testing.T) {
	t.Parallel()
	engine := func(answer func(hl7.Message, error) []byte) string {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		srv := mllp.NewServer(mllp.Config{}, func(_ context.Context, _ mllp.ConnInfo, msg []byte) []byte { return answer(hl7.Parse(msg)) })
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); _ = srv.Serve(ctx, ln) }()
		t.Cleanup(func() { stop(); <-ended })
		return ln.Addr().String()
	}
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	good := engine(func(m hl7.Message, err error) []byte {
		if err != nil {
			return hl7.AckUnreadable(nil, "X", now, "no message")
		}
		return hl7.Ack(m, hl7.AA, "X", now, "")
	})
	wrong := engine(func(hl7.Message, error) []byte {
		return []byte("MSH|^~\\&|A|B|C|D|20261122||ACK|1|P|2.4\rMSA|AA|OTHER\r")
	})
	var status atomic.Int64
	status.Store(200)
	subscriber := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(status.Load())) }))
	t.Cleanup(subscriber.Close)
	tryAll := func(addr string) map[string]Result {
		r, err := RunHospital(t.Context(), HospitalConfig{Config: Config{Target: subscriber.URL}, Status: addr})
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]Result{}
		for _, x := range r.Results {
			if !strings.HasPrefix(x.ID, "sends.") && !strings.HasPrefix(x.ID, "feed.") {
				out[x.ID] = x
			}
		}
		return out
	}
	for id, x := range tryAll(good) {
		if x.Verdict != Pass {
			t.Errorf("a good hospital: %s is %s: %s", id, x.Verdict, x.Why)
		}
	}
	status.Store(500)
	for id, x := range tryAll(wrong) {
		if x.Verdict != Fail {
			t.Errorf("a wrong hospital: %s is %s", id, x.Verdict)
		}
	}
}
