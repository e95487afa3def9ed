// Package webhook tells an HTTP endpoint by a signed POST, as Standard Webhooks
// describes: any receiver that has a library for those can check who sent it, that
// nothing was changed and that it is not old. It does not register receivers, and
// puts nothing personal into a body unless that is configured.
package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"homeward/connect"
	"homeward/connect/httpsend"
	"homeward/connect/record"
	"homeward/mapping"
)

// Config is one receiver.
type Config struct {
	HTTP httpsend.Config
	// SecretFiles each hold one secret: whsec_ and 24 to 64 octets in base64. While a
	// secret is being replaced there are two, and every message has a signature by
	// each.
	SecretFiles []string
	Personal    bool           // put the person, the place and the answers into the body
	Mapping     *mapping.Table // of the body; nil: Standard Webhooks' type, timestamp and data
}

// Webhook is a connect.Connector.
type Webhook struct {
	config Config
	http   *httpsend.Client
	now    func() time.Time
}

// New makes it, and reads the secrets once so that a wrong one is said at once.
func New(c Config) (*Webhook, error) {
	if len(c.SecretFiles) == 0 {
		return nil, errors.New("a webhook needs a secret to sign with")
	}
	w := &Webhook{config: c, now: c.HTTP.Now}
	if w.now == nil {
		w.now = time.Now
	}
	if _, err := w.secrets(); err != nil {
		return nil, err
	}
	var err error
	w.http, err = httpsend.New(c.HTTP)
	return w, err
}

func (w *Webhook) secrets() (out [][]byte, err error) {
	for _, f := range w.config.SecretFiles {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("reading a webhook's secret: %w", err)
		}
		s, err := ParseSecret(string(b))
		if err != nil {
			return nil, fmt.Errorf("reading a webhook's secret in %s: %w", f, err)
		}
		out = append(out, s)
	}
	return out, nil
}

// ParseSecret reads "whsec_" and base64. Standard Webhooks 1.0
func ParseSecret(s string) ([]byte, error) {
	b64, ok := strings.CutPrefix(strings.TrimSpace(s), "whsec_")
	b, err := base64.StdEncoding.DecodeString(b64)
	if !ok || err != nil || len(b) < 24 || len(b) > 64 {
		return nil, errors.New("it is not whsec_ followed by 24 to 64 octets in base64")
	}
	return b, nil
}

// Sign is the signature of a message: of its id, the second of this try, and its
// body. Standard Webhooks 1.0
func Sign(secret []byte, id string, at time.Time, body []byte) string {
	h := hmac.New(sha256.New, secret)
	fmt.Fprintf(h, "%s.%d.", id, at.Unix())
	h.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// ErrUnsigned is that a message is not by whoever has the secret, or was changed,
// or is old.
var ErrUnsigned = errors.New("the message is not signed by the secret, was changed, or is not of now")

// Verify checks a message as a receiver must: the signature by any of the secrets,
// and a time at most tolerance from now. Whether its webhook-id came before is the
// receiver's to know.
func Verify(secrets [][]byte, h http.Header, body []byte, now time.Time, tolerance time.Duration) error {
	seconds, err := strconv.ParseInt(h.Get("webhook-timestamp"), 10, 64)
	id := h.Get("webhook-id")
	if err != nil || id == "" || now.Sub(time.Unix(seconds, 0)).Abs() > tolerance {
		return ErrUnsigned
	}
	for _, s := range secrets {
		want := []byte(Sign(s, id, time.Unix(seconds, 0), body))
		for got := range strings.FieldsSeq(h.Get("webhook-signature")) {
			if hmac.Equal([]byte(got), want) {
				return nil
			}
		}
	}
	return ErrUnsigned
}

// Make writes the body.
func (w *Webhook) Make(n connect.News) (connect.Message, error) {
	r := record.Of(n, w.config.Personal)
	m := connect.Message{Key: n.Key, Correlation: n.Correlation, Kind: n.Kind, Type: "application/json", At: n.Shown.Now}
	var err error
	if w.config.Mapping != nil {
		m.Body, err = r.JSON(w.config.Mapping)
	} else {
		m.Body, err = json.Marshal(struct {
			Type      string        `json:"type"`
			Timestamp time.Time     `json:"timestamp"`
			Data      record.Record `json:"data"`
		}{r.Type, r.Timestamp, r})
	}
	if err != nil || len(m.Body) == 0 {
		return connect.Message{}, err
	}
	return m, nil
}

// Send posts it, signed for now. Whoever answers 2xx has it.
func (w *Webhook) Send(ctx context.Context, m connect.Message) (connect.Receipt, error) {
	secrets, err := w.secrets()
	if err != nil {
		return connect.Receipt{}, fmt.Errorf("making ready to sign: %w", err)
	}
	now := w.now()
	var signatures []string
	for _, s := range secrets {
		signatures = append(signatures, Sign(s, m.Key, now, m.Body))
	}
	h := http.Header{
		"Webhook-Id": {m.Key}, "Webhook-Timestamp": {strconv.FormatInt(now.Unix(), 10)}, "Webhook-Signature": {strings.Join(signatures, " ")},
		"X-Correlation-Id": {m.Correlation},
	}
	if _, err := w.http.Do(ctx, http.MethodPost, "", nil, h, m.Body, m.Type); err != nil {
		return connect.Receipt{}, err
	}
	return connect.Receipt{Received: true}, nil
}

// Check asks for the head of the endpoint's address.
func (w *Webhook) Check(ctx context.Context) error { return w.http.Reach(ctx) }
