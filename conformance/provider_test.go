package conformance

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var hookKey = []byte("a key of thirty-two bytes length")

// receiver is a provider's receiver that does what Standard Webhooks asks, but for
// what is said to be wrong with it.
func receiver(wrong string) http.HandlerFunc {
	var dead atomic.Bool
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil && wrong == "dies" {
			dead.Store(true)
		}
		switch {
		case dead.Load():
			w.WriteHeader(http.StatusInternalServerError)
		case err != nil:
			w.WriteHeader(http.StatusBadRequest)
		case wrong == "redirects":
			w.WriteHeader(http.StatusSeeOther)
		case wrong == "fails":
			w.WriteHeader(http.StatusInternalServerError)
		case wrong != "trusts" && !wellSigned(r, body):
			w.WriteHeader(http.StatusUnauthorized)
		case wrong == "dawdles":
			time.Sleep(800 * time.Millisecond)
		}
	}
}

func wellSigned(r *http.Request, body []byte) bool {
	at, err := strconv.ParseInt(r.Header.Get("webhook-timestamp"), 10, 64)
	if err != nil || time.Since(time.Unix(at, 0)).Abs() > 5*time.Minute {
		return false
	}
	m := hmac.New(sha256.New, hookKey)
	fmt.Fprintf(m, "%s.%d.%s", r.Header.Get("webhook-id"), at, body)
	for s := range strings.FieldsSeq(r.Header.Get("webhook-signature")) {
		if v, ok := strings.CutPrefix(s, "v1,"); ok {
			if got, err := base64.StdEncoding.DecodeString(v); err == nil && hmac.Equal(got, m.Sum(nil)) {
				return true
			}
		}
	}
	return false
}

func TestWebhooksAgainstReceivers(t *testing.T) {
	t.Parallel()
	secret := "whsec_" + base64.StdEncoding.EncodeToString(hookKey)
	tryOne := func(wrong string) Report {
		t.Helper()
		srv := httptest.NewServer(receiver(wrong))
		t.Cleanup(srv.Close)
		r, err := RunProvider(t.Context(), ProviderConfig{Config: Config{Target: srv.URL}, Secret: secret})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, x := range tryOne("").Results {
		if x.Verdict != Pass {
			t.Errorf("a good receiver: %s is %s: %s", x.ID, x.Verdict, x.Why)
		}
	}
	wrongs := []string{"trusts", "fails", "redirects", "dies"}
	failed := map[string]bool{}
	if !testing.Short() {
		slow := httptest.NewServer(receiver("dawdles"))
		t.Cleanup(slow.Close)
		k, err := newKit(Config{Target: slow.URL, haste: 20})
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(providerChecks(hookKey), func(c Check) bool { return c.ID == "hook.soon" })
		failed["hook.soon"] = run(t.Context(), k, providerChecks(hookKey)[i:i+1])[0].Verdict == Fail
	}
	for _, wrong := range wrongs {
		for _, x := range tryOne(wrong).Results {
			failed[x.ID] = failed[x.ID] || x.Verdict == Fail
		}
	}
	for _, c := range providerChecks(hookKey) {
		if !failed[c.ID] && !(testing.Short() && c.ID == "hook.soon") {
			t.Errorf("no receiver fails %s", c.ID)
		}
	}
	if _, err := RunProvider(t.Context(), ProviderConfig{Config: Config{Target: "http://127.0.0.1:1"}, Secret: "x"}); err == nil {
		t.Error("a secret of another form is taken")
	}
}
