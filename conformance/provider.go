package conformance

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// ProviderConfig is what a run against a provider's webhook receiver is told.
type ProviderConfig struct {
	Config
	Secret string // as it is configured for the receiver: whsec_ and base64
}

// key is the secret's bytes. Standard Webhooks 1.0
func (c ProviderConfig) key() ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(c.Secret, "whsec_"))
	if err != nil || len(key) < 24 || !strings.HasPrefix(c.Secret, "whsec_") {
		return nil, errors.New("the secret must be whsec_ and at least 24 bytes in base64")
	}
	return key, nil
}

// Check refuses what a run cannot begin with. It asks the network nothing.
func (c ProviderConfig) Check() error {
	if _, err := c.key(); err != nil {
		return err
	}
	return c.Config.Check()
}

// RunProvider sends webhooks, good and bad, to a provider's receiver.
func RunProvider(ctx context.Context, c ProviderConfig) (Report, error) {
	key, err := c.key()
	if err != nil {
		return Report{}, err
	}
	k, err := newKit(c.Config)
	if err != nil {
		return Report{}, err
	}
	r := Report{Role: Provider, Target: k.Target, Build: c.Build, Began: time.Now()}
	r.Results = run(ctx, k, providerChecks(key))
	r.Took = time.Since(r.Began)
	return r, ctx.Err()
}

// A hook is one webhook on its way. Standard Webhooks 1.0, HTTP: three headers and a body.
type hook struct {
	id, at, signature string
	body              []byte
}

// newHook is a good one: news about an invented referral, with nothing personal.
func newHook(key []byte, kind string) hook {
	body, err := json.Marshal(map[string]any{"type": kind, "timestamp": time.Now().UTC().Format(time.RFC3339),
		"data": map[string]string{"referral": "KIT1-2345-6789", "link": "https://homeward.example/case"}})
	if err != nil {
		panic(err) // text only
	}
	h := hook{id: "msg_" + rand.Text(), at: strconv.FormatInt(time.Now().Unix(), 10), body: body}
	h.signature = h.sign(key)
	return h
}

// sign is the signature of version 1: HMAC-SHA256 over id, timestamp and body.
func (h hook) sign(key []byte) string {
	m := hmac.New(sha256.New, key)
	fmt.Fprintf(m, "%s.%s.%s", h.id, h.at, h.body)
	return "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil))
}

// post sends a webhook; nil: there was no answer, and the trial has failed.
func (t *Trial) post(ctx context.Context, h hook) *answer {
	head := [][2]string{{"webhook-id", h.id}, {"webhook-timestamp", h.at}, {"webhook-signature", h.signature}}
	return t.send(ctx, call{method: http.MethodPost, kind: "application/json", body: h.body, head: head, anonymous: true})
}

func good(a *answer) bool { return a != nil && a.status >= 200 && a.status < 300 }

// accepted fails the trial unless the webhook was taken.
func (t *Trial) accepted(a *answer) {
	if a != nil && !good(a) {
		t.Failf("the answer is %d, and should be 2xx", a.status)
	}
}

// declined fails the trial unless the webhook was refused as the sender's fault.
func (t *Trial) declined(a *answer) {
	if a != nil && (a.status < 400 || a.status > 499) {
		t.Failf("the answer is %d, and should be 4xx", a.status)
	}
}

// providerChecks are what a receiver of webhooks must do with a key.
func providerChecks(key []byte) []Check {
	const source = "Standard Webhooks 1.0"
	check := func(id, group, requirement string, try func(context.Context, *Trial)) Check {
		return Check{"hook." + id, group, requirement, source, try}
	}
	const takes, refuses, bears = "What is taken", "What is refused", "What is borne"
	spoilt := func(spoil func(*hook)) func(context.Context, *Trial) {
		return func(ctx context.Context, t *Trial) {
			h := newHook(key, "referral.status")
			spoil(&h)
			t.declined(t.post(ctx, h))
		}
	}
	aged := func(by time.Duration) func(*hook) {
		return func(h *hook) {
			h.at = strconv.FormatInt(time.Now().Add(by).Unix(), 10)
			h.signature = h.sign(key)
		}
	}
	other := slices.Concat(key[1:], key[:1])
	return []Check{
		check("good", takes, "A webhook that is well signed is taken: 2xx.", func(ctx context.Context, t *Trial) { t.accepted(t.post(ctx, newHook(key, "referral.status"))) }),
		check("rotation", takes, "One of two signatures that holds is enough, so that keys can be changed.", func(ctx context.Context, t *Trial) {
			h := newHook(key, "referral.status")
			h.signature = h.sign(other) + " " + h.signature
			t.accepted(t.post(ctx, h))
		}),
		check("unknown", takes, "A kind of news that the receiver does not know is taken and left alone: 2xx.", func(ctx context.Context, t *Trial) {
			t.accepted(t.post(ctx, newHook(key, "something.new")))
		}),
		check("again", takes, "The same webhook again is taken, and has its effect once: 2xx.", func(ctx context.Context, t *Trial) {
			h := newHook(key, "referral.status")
			t.accepted(t.post(ctx, h))
			t.accepted(t.post(ctx, h))
		}),
		check("unsigned", refuses, "A webhook without a signature is refused.", spoilt(func(h *hook) { h.signature = "" })),
		check("other-key", refuses, "A signature by another key is refused.", spoilt(func(h *hook) { h.signature = h.sign(other) })),
		check("tampered", refuses, "A body that was changed is refused.", spoilt(func(h *hook) { h.body = append(h.body[:len(h.body)-1:len(h.body)-1], ` ,"x":1}`...) })),
		check("renamed", refuses, "Another id under the same signature is refused.", spoilt(func(h *hook) { h.id = "msg_" + rand.Text() })),
		check("version", refuses, "A signature of an unknown version alone is refused.", spoilt(func(h *hook) { h.signature = "v9" + strings.TrimPrefix(h.signature, "v1") })),
		check("old", refuses, "A webhook of an hour ago is refused, though it is signed: somebody may have kept it.", spoilt(aged(-time.Hour))),
		check("early", refuses, "A webhook of an hour ahead is refused.", spoilt(aged(time.Hour))),
		check("soon", bears, "An answer comes within fifteen seconds.", func(ctx context.Context, t *Trial) {
			if a := t.post(ctx, newHook(key, "referral.status")); a != nil && a.took > t.bear(15*time.Second) {
				t.Failf("it took %d s", int(a.took.Seconds()))
			}
		}),
		check("many", bears, "Ten webhooks at once are all taken.", func(ctx context.Context, t *Trial) { manyHooks(ctx, t, key) }),
		check("no-redirect", bears, "A webhook is not answered by a redirect, which is not followed.", func(ctx context.Context, t *Trial) {
			if a := t.post(ctx, newHook(key, "referral.status")); a != nil && a.status >= 300 && a.status < 400 {
				t.Failf("the answer is %d", a.status)
			}
		}),
		check("gone", bears, "A sender who goes away in the middle of a body disturbs nobody.", func(ctx context.Context, t *Trial) {
			h := newHook(key, "referral.status")
			if _, err := t.exchange(ctx, call{method: http.MethodPost, kind: "application/json", anonymous: true,
				stream: io.MultiReader(strings.NewReader(string(h.body[:10])), broken{})}); err == nil {
				t.Show("the target answered before the body had ended")
			}
			t.accepted(t.post(ctx, newHook(key, "referral.status")))
		}),
	}
}

func manyHooks(ctx context.Context, t *Trial, key []byte) {
	statuses := make([]int, 10)
	var all sync.WaitGroup
	for i := range statuses {
		all.Go(func() {
			one := &Trial{verdict: Pass, kit: t.kit}
			if a := one.post(ctx, newHook(key, "referral.status")); a != nil {
				statuses[i] = a.status
			}
		})
	}
	all.Wait()
	t.Show(fmt.Sprintf("ten at once were answered %v", statuses))
	for _, s := range statuses {
		if s < 200 || s > 299 {
			t.Failf("one was answered %d", s)
		}
	}
}
