package notify

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"homeward/connect"
	"homeward/connect/connecttest"
	"homeward/connect/httpsend"
	"homeward/sim/notifyd"
)

const (
	service  = "26785a09-ab16-4eb0-8407-a37497a57506"
	secret   = "3d844edf-8d35-48ac-975b-e847b4f122b0"
	template = "f33517ff-2a88-4f6e-b855-c550268ce08a"
)

func keyFile(t *testing.T, secret string) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(p, []byte("my_test_key-"+service+"-"+secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func connector(t *testing.T, address, key string, now func() time.Time) *Notify {
	t.Helper()
	n, err := New(Config{HTTP: httpsend.Config{URL: "http://" + strings.TrimPrefix(address, "http://"), Timeout: 3 * time.Second, Now: now}, KeyFile: key, Template: template, To: "office@bluebell.example"})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func far() *notifyd.Service {
	return notifyd.New(notifyd.Config{Service: service, Secret: secret, Template: template, Fields: []string{"subject", "words", "link"}})
}

func TestConnector(t *testing.T) {
	key := keyFile(t, secret)
	// All far sides share one honest one: each question finds it new.
	forgetful := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { far().ServeHTTP(w, r) })
	connecttest.Run(t, connecttest.Suite{
		New:    func(t *testing.T, address string) connect.Connector { return connector(t, address, key, nil) },
		News:   connecttest.Sample(connect.Refer, nil),
		Fars:   connecttest.HTTPFars(forgetful, connecttest.Again),
		Secret: []string{secret},
	})
}

func begin(t *testing.T) (*notifyd.Service, *Notify, connect.Message) {
	t.Helper()
	s := far()
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	n := connector(t, srv.URL, keyFile(t, secret), nil)
	m, err := n.Make(connecttest.Sample(connect.Died, nil))
	if err != nil {
		t.Fatal(err)
	}
	return s, n, m
}

func TestOnceAndTracked(t *testing.T) {
	s, n, m := begin(t)
	r, err := n.Send(t.Context(), m)
	if err != nil || r.Again || r.Received || r.Track == "" {
		t.Fatalf("%+v, %v", r, err)
	}
	again, err := n.Send(t.Context(), m)
	if err != nil || !again.Again || again.Track != r.Track || len(s.Mails()) != 1 {
		t.Fatalf("%+v, %v, %d mails", again, err, len(s.Mails()))
	}
	for _, p := range append(connecttest.Personal, "died") {
		if strings.Contains(string(m.Body), p) {
			t.Errorf("a mail tells %q", p)
		}
	}
	if got := s.Mails()[0]; got.Reference != m.Key || got.Personalisation["link"] != "https://homeward.example/cases/c4se0000000000000000000001" {
		t.Errorf("%+v", got)
	}
	for status, want := range map[string]struct{ done, received, refused bool }{
		"created": {}, "sending": {}, "pending": {}, "sent": {}, "delivered": {true, true, false},
		"permanent-failure": {true, false, true}, "temporary-failure": {true, false, true}, "technical-failure": {true, false, true},
	} {
		s.Become(r.Track, status)
		got, done, err := n.Track(t.Context(), r.Track)
		var refused *connect.Refused
		if done != want.done || got.Received != want.received || errors.As(err, &refused) != want.refused {
			t.Errorf("%s: %+v, %t, %v", status, got, done, err)
		}
	}
	if _, done, err := n.Track(t.Context(), "740e5834-3a29-46b4-9a6f-00000000ffff"); !done || err != nil {
		t.Errorf("one that is not known any more: %t, %v", done, err)
	}
	if err := n.Check(t.Context()); err != nil {
		t.Errorf("check: %v", err)
	}
}

func TestRefusedAndLater(t *testing.T) {
	s, n, m := begin(t)
	s.Limit(0)
	if _, err := n.Send(t.Context(), m); !errors.Is(err, connect.ErrDown) {
		t.Errorf("over the limit of the day: %v", err)
	}
	srv := httptest.NewServer(s)
	defer srv.Close()
	var refused *connect.Refused
	wrong := connector(t, srv.URL, keyFile(t, "00000000-8d35-48ac-975b-e847b4f122b0"), nil)
	if _, err := wrong.Send(t.Context(), m); !errors.As(err, &refused) || refused.Status != 403 {
		t.Errorf("a wrong key: %v", err)
	}
	late := connector(t, srv.URL, keyFile(t, secret), func() time.Time { return time.Now().Add(-time.Minute) })
	if _, err := late.Send(t.Context(), m); !errors.As(err, &refused) || refused.Status != 403 {
		t.Errorf("a clock that is wrong: %v", err)
	}
	n.config.To = "nobody"
	s.Limit(9)
	m, _ = n.Make(connecttest.Sample(connect.Refer, nil))
	if _, err := n.Send(t.Context(), m); !errors.As(err, &refused) || refused.Status != 400 {
		t.Errorf("an address that is none: %v", err)
	}
}

func TestNewSaysWhatIsWrong(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(bad, []byte("not-a-key"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, c := range map[string]Config{
		"the template":  {},
		"the recipient": {Template: template},
		"is not one":    {Template: template, To: "a@b.example", KeyFile: bad},
		"reading the":   {Template: template, To: "a@b.example", KeyFile: bad + "x"},
	} {
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestWhatFailedIsSentAgain sends the same again after the service could not deliver
// it: that it had it before is then no receipt.
func TestWhatFailedIsSentAgain(t *testing.T) {
	f := far()
	srv := httptest.NewServer(f)
	defer srv.Close()
	n := connector(t, srv.URL, keyFile(t, secret), nil)
	m, err := n.Make(connecttest.Sample(connect.Refer, nil))
	if err != nil {
		t.Fatal(err)
	}
	first, err := n.Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	f.Become(first.Track, "technical-failure")
	second, err := n.Send(t.Context(), m)
	if err != nil || second.Track == first.Track || second.Again || len(f.Mails()) != 2 {
		t.Errorf("%+v %v, %d mails", second, err, len(f.Mails()))
	}
	if third, err := n.Send(t.Context(), m); err != nil || !third.Again || len(f.Mails()) != 2 {
		t.Errorf("%+v %v, %d mails", third, err, len(f.Mails()))
	}
}
