package webhook

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
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
)

func secretFile(t *testing.T, fill byte) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "secret")
	s := "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, 32)) + "\n"
	if err := os.WriteFile(p, []byte(s), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestConnector(t *testing.T) {
	connecttest.Run(t, connecttest.Suite{
		New: func(t *testing.T, address string) connect.Connector {
			w, err := New(Config{HTTP: httpsend.Config{URL: "http://" + strings.TrimPrefix(address, "http://"), Plain: true, Timeout: 3 * time.Second}, SecretFiles: []string{secretFile(t, 7)}, Personal: true})
			if err != nil {
				t.Fatal(err)
			}
			return w
		},
		News:   connecttest.Sample(connect.Refer, nil),
		Fars:   connecttest.HTTPFars(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }), connecttest.Took),
		Secret: []string{"whsec_", base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))},
	})
}

// The example of the Standard Webhooks specification's reference libraries.
func TestSignatureIsTheStandards(t *testing.T) {
	secret, err := ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	got := Sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Error(got)
	}
}

func TestReceiversCanCheck(t *testing.T) {
	var header http.Header
	var body []byte
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		header = r.Header.Clone()
		body, _ = io.ReadAll(r.Body)
	}))
	defer s.Close()
	now := time.Unix(1_800_000_000, 0)
	w, err := New(Config{HTTP: httpsend.Config{URL: s.URL, Now: func() time.Time { return now }}, SecretFiles: []string{secretFile(t, 1), secretFile(t, 2)}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := w.Make(connecttest.Sample(connect.Status, nil))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	one, two, three := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32), bytes.Repeat([]byte{3}, 32)
	changed := bytes.Replace(body, []byte("allocated"), []byte("accepted"), 1)
	for name, c := range map[string]struct {
		secret []byte
		body   []byte
		at     time.Time
		id     string
		ok     bool
	}{
		"the first secret":   {one, body, now, m.Key, true},
		"the second secret":  {two, body, now.Add(299 * time.Second), m.Key, true},
		"another secret":     {three, body, now, m.Key, false},
		"changed":            {one, changed, now, m.Key, false},
		"old":                {one, body, now.Add(301 * time.Second), m.Key, false},
		"of the future":      {one, body, now.Add(-301 * time.Second), m.Key, false},
		"under another id":   {one, body, now, "x", false},
		"without an id":      {one, body, now, "", false},
		"body without bytes": {one, nil, now, m.Key, false},
	} {
		h := header.Clone()
		h.Set("webhook-id", c.id)
		if err := Verify([][]byte{c.secret}, h, c.body, c.at, 5*time.Minute); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	var event struct {
		Type      string
		Timestamp time.Time
		Data      struct{ Key string }
	}
	if err := json.Unmarshal(body, &event); err != nil || event.Type != "homeward.status" || event.Data.Key != m.Key || event.Timestamp.IsZero() {
		t.Errorf("%s, %v", body, err)
	}
	for _, p := range connecttest.Personal {
		if strings.Contains(string(body), p) {
			t.Errorf("the body tells %q", p)
		}
	}
}

func TestSecretsMustBeSecrets(t *testing.T) {
	for _, s := range []string{"", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!!", "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 65))} {
		if _, err := ParseSecret(s); err == nil {
			t.Errorf("%q is taken", s)
		}
	}
	if _, err := New(Config{HTTP: httpsend.Config{URL: "https://c.example"}}); err == nil {
		t.Error("a webhook without a secret")
	}
}
