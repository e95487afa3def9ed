// Package notifyd is a pretend GOV.UK Notify: its REST interface for e-mail, with
// keys, templates, references and what becomes of a mail, in memory. It sends
// nothing. It is for demonstrations and tests on this machine only.
package notifyd

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Config is the one service that it knows.
type Config struct {
	Service, Secret string // UUIDs of the key
	Template        string // id
	Fields          []string
	Now             func() time.Time // nil is time.Now
	Team            []string         // addresses that may be written to; nil: all (a live service)
}

// Mail is one that was asked for.
type Mail struct {
	ID              string            `json:"id"`
	Address         string            `json:"email_address"`
	Template        string            `json:"template_id"`
	Personalisation map[string]string `json:"personalisation"`
	Reference       string            `json:"reference"`
	Status          string            `json:"status"`
}

// Service is an http.Handler.
type Service struct {
	config Config
	mux    *http.ServeMux

	mu    sync.Mutex
	mails []Mail
	limit int // mails that are still taken; below 0 without end
}

// New makes it.
func New(c Config) *Service {
	if c.Now == nil {
		c.Now = time.Now
	}
	s := &Service{config: c, mux: http.NewServeMux(), limit: -1}
	s.mux.HandleFunc("POST /v2/notifications/email", s.email)
	s.mux.HandleFunc("GET /v2/notifications", s.list)
	s.mux.HandleFunc("GET /v2/notifications/{id}", s.one)
	s.mux.HandleFunc("GET /v2/template/{id}", s.template)
	return s
}

// Mails are those that were asked for, in order.
func (s *Service) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mails...)
}

// Become settles what became of a mail: delivered, permanent-failure ...
func (s *Service) Become(id, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.mails {
		if s.mails[i].ID == id {
			s.mails[i].Status = status
		}
	}
}

// Limit is how many more mails are taken today.
func (s *Service) Limit(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = n
}

// ServeHTTP checks the token and answers.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	t, err := jwt.ParseSigned(bearer, []jose.SignatureAlgorithm{jose.HS256})
	if err != nil {
		fail(w, 401, "AuthError", "Unauthorized: authentication token must be provided")
		return
	}
	var c jwt.Claims
	switch err := t.Claims([]byte(s.config.Secret), &c); {
	case err != nil || c.Issuer != s.config.Service || c.IssuedAt == nil:
		fail(w, 403, "AuthError", "Invalid token: API key not found")
	case s.config.Now().Sub(c.IssuedAt.Time()).Abs() > 30*time.Second:
		fail(w, 403, "AuthError", "Error: Your system clock must be accurate to within 30 seconds")
	default:
		s.mux.ServeHTTP(w, r)
	}
}

func fail(w http.ResponseWriter, status int, kind, text string) {
	answer(w, status, map[string]any{"status_code": status, "errors": []any{map[string]string{"error": kind, "message": text}}})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) // whoever asked may have gone
}

func (s *Service) email(w http.ResponseWriter, r *http.Request) {
	var m Mail
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&m); err != nil {
		fail(w, 400, "BadRequestError", "Invalid JSON supplied in POST data")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !strings.Contains(m.Address, "@"):
		fail(w, 400, "ValidationError", "email_address Not a valid email address")
		return
	case m.Template != s.config.Template:
		fail(w, 400, "BadRequestError", "Template not found")
		return
	case s.config.Team != nil && !contains(s.config.Team, m.Address):
		fail(w, 400, "BadRequestError", "Can't send to this recipient using a team-only API key")
		return
	case s.limit == 0:
		fail(w, 429, "TooManyRequestsError", "Exceeded send limits (50) for today")
		return
	}
	for _, f := range s.config.Fields {
		if m.Personalisation[f] == "" {
			fail(w, 400, "BadRequestError", "Missing personalisation: "+f)
			return
		}
	}
	s.limit--
	m.ID, m.Status = fmt.Sprintf("740e5834-3a29-46b4-9a6f-%012x", len(s.mails)+1), "created"
	s.mails = append(s.mails, m)
	answer(w, 201, map[string]any{"id": m.ID, "reference": m.Reference, "uri": "/v2/notifications/" + m.ID, "template": map[string]any{"id": m.Template, "version": 1}})
}

func contains(list []string, x string) bool {
	for _, y := range list {
		if x == y {
			return true
		}
	}
	return false
}

func (s *Service) list(w http.ResponseWriter, r *http.Request) {
	found := []Mail{}
	for _, m := range s.Mails() {
		if ref := r.URL.Query().Get("reference"); ref == "" || m.Reference == ref {
			found = append(found, m)
		}
	}
	answer(w, 200, map[string]any{"notifications": found, "links": map[string]string{"current": "/v2/notifications"}})
}

func (s *Service) one(w http.ResponseWriter, r *http.Request) {
	for _, m := range s.Mails() {
		if m.ID == r.PathValue("id") {
			answer(w, 200, m)
			return
		}
	}
	fail(w, 404, "NoResultFound", "No result found")
}

func (s *Service) template(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("id") != s.config.Template {
		fail(w, 404, "NoResultFound", "No result found")
		return
	}
	answer(w, 200, map[string]any{"id": s.config.Template, "type": "email", "version": 1})
}
