package sim

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"homeward/fhir"
)

// Homeward is where the council answers, and how its system signs in there: by a
// signed assertion (RFC 7523).
type Homeward struct {
	URL    string          // "" nowhere
	Client string          // iss and sub
	Key    jose.JSONWebKey // private
	HTTP   *http.Client    // nil: one of its own
}

// answerIn is one answer that is to be sent.
type answerIn struct {
	n                        int64
	referral, status, sender string
}

// Answer sends answers until ctx ends, in order; what is not taken is tried again.
func (s *CouncilSystem) Answer(ctx context.Context, trouble func(error)) {
	if s.config.Homeward.URL == "" {
		return
	}
	if s.config.Homeward.HTTP == nil {
		s.config.Homeward.HTTP = &http.Client{Timeout: 10 * time.Second}
	}
	wait := 200 * time.Millisecond
	for ctx.Err() == nil {
		some, err := s.answerNext(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			trouble(err)
			wait = min(2*wait, 5*time.Second)
		case some:
			wait = 200 * time.Millisecond
			continue
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-t.C:
		}
		t.Stop()
	}
}

// answerNext sends the oldest answer; false where there is none.
func (s *CouncilSystem) answerNext(ctx context.Context) (bool, error) {
	var a answerIn
	err := s.db.QueryRowContext(ctx, `SELECT a.n, a.referral, a.status, r.sender FROM answers a JOIN referrals r ON r.id = a.referral WHERE a.sent = 0 ORDER BY a.n LIMIT 1`).
		Scan(&a.n, &a.referral, &a.status, &a.sender)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading the council's answers: %w", err)
	}
	status, err := s.send(ctx, a)
	if err != nil {
		return false, err
	}
	return true, s.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE answers SET sent = $1, tries = tries + 1, said = $2 WHERE n = $3`, s.now().UnixMicro(), fmt.Sprint(status), a.n)
		return err
	})
}

// send posts the Task that says how the referral stands. An error is for another
// try; a refusal is final, and its status is kept.
func (s *CouncilSystem) send(ctx context.Context, a answerIn) (int, error) {
	token, err := s.token(ctx)
	if err != nil {
		return 0, err
	}
	system, value, _ := strings.Cut(a.sender, "|")
	task := fhir.Obj("resourceType", "Task", "status", a.status, "intent", "order",
		"identifier", fhir.List(fhir.Obj("type", fhir.Concept("", fhir.Coding("http://terminology.hl7.org/CodeSystem/v2-0203", "FILL", "")), "system", "https://council.example/Id/referral", "value", a.referral)),
		"focus", fhir.Obj("type", "ServiceRequest", "identifier", fhir.Identifier(system, value)))
	switch a.status {
	case "rejected":
		task.Set("statusReason", fhir.Concept("More about the home is needed"))
	case "in-progress":
		task.Set("businessStatus", fhir.Concept("", fhir.Coding("https://council.example/CodeSystem/stage", "assessing", "")))
	}
	body, err := fhir.Write(task, fhir.JSON, fhir.R4)
	if err != nil {
		return 0, fmt.Errorf("writing the council's answer: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.config.Homeward.URL+"/fhir/R4/Task", bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("answering Homeward: %w", err)
	}
	// The same answer again has the same name, also after a crash of this system.
	sum := sha256.Sum256(fmt.Appendf(nil, "%s answer %d of %s", s.config.ODS, a.n, a.sender))
	r.Header.Set("X-Request-Id", uuidOf(sum[:16]))
	r.Header.Set("Content-Type", "application/fhir+json")
	r.Header.Set("Authorization", "Bearer "+token)
	w, err := s.config.Homeward.HTTP.Do(r)
	if err != nil {
		return 0, fmt.Errorf("answering Homeward: %w", err)
	}
	defer w.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(w.Body, 1<<20))
	if err != nil || w.StatusCode >= 500 || w.StatusCode == http.StatusTooManyRequests || w.StatusCode == http.StatusUnauthorized {
		return 0, fmt.Errorf("answering Homeward: it answered %d", w.StatusCode)
	}
	return w.StatusCode, nil
}

func uuidOf(b []byte) string {
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// token signs in. A pretend system may ask for a token each time.
func (s *CouncilSystem) token(ctx context.Context) (string, error) {
	h := s.config.Homeward
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(h.Key.Algorithm), Key: h.Key.Key}, (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", h.Key.KeyID))
	if err != nil {
		return "", fmt.Errorf("signing in to Homeward: %w", err)
	}
	at := h.URL + "/oauth2/token"
	now := time.Now()
	assertion, err := jwt.Signed(signer).Claims(jwt.Claims{Issuer: h.Client, Subject: h.Client, Audience: jwt.Audience{at}, ID: rand.Text(),
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(2 * time.Minute))}).Serialize()
	if err != nil {
		return "", fmt.Errorf("signing in to Homeward: %w", err)
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion}, "scope": {"fhir.write"}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, at, strings.NewReader(form.Encode()))
	if err != nil {
		return "", fmt.Errorf("signing in to Homeward: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w, err := h.HTTP.Do(r)
	if err != nil {
		return "", fmt.Errorf("signing in to Homeward: %w", err)
	}
	defer w.Body.Close()
	var t struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(io.LimitReader(w.Body, 1<<16)).Decode(&t); err != nil || t.Token == "" {
		return "", fmt.Errorf("signing in to Homeward: it answered %d and gave no token", w.StatusCode)
	}
	return t.Token, nil
}
