// Package meshd is a pretend MESH: mailboxes, sign-in, chunks, tracking,
// acknowledgement, look-up, and reports of what nobody fetched, over real HTTP, in
// memory. It can fail as the real one does. It asks for no client certificate, and
// is for demonstrations and tests on this machine only.
package meshd

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Config is the pretend environment.
type Config struct {
	SharedKey string
	Mailboxes []Mailbox
	Now       func() time.Time // nil is time.Now
	Expiry    time.Duration    // how long a message waits; 0 is 5 days
}

// Mailbox is one of them.
type Mailbox struct {
	ID, Name, Password, ODS string
	Workflows               []string // it takes these; none: all
}

// Message is one that was sent, or a report.
type Message struct {
	ID, From, To, Workflow, LocalID, Subject, FileName, Type, Encoding string
	Total                                                              int
	Chunks                                                             [][]byte
	Status                                                             string // uploading, accepted, acknowledged, undeliverable
	Sent                                                               time.Time
	Linked, Code                                                       string // of a report
}

// Fault is what is wrong with the next requests.
type Fault struct {
	Path   string // part of the path of those concerned; "" all
	Status int    // answered in place of what should be; 0: the connection is closed
	Wait   int    // Retry-After, in seconds; 0 none
	After  bool   // what was asked is done first: only the answer is lost
	Times  int    // how often
}

// Service is an http.Handler.
type Service struct {
	config Config
	mux    *http.ServeMux

	mu       sync.Mutex
	messages []*Message
	nonces   map[string]bool
	faults   []Fault
}

// New makes it.
func New(c Config) *Service {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Expiry == 0 {
		c.Expiry = 5 * 24 * time.Hour
	}
	s := &Service{config: c, mux: http.NewServeMux(), nonces: map[string]bool{}}
	s.mux.HandleFunc("POST /messageexchange/{box}", s.handshake)
	s.mux.HandleFunc("GET /messageexchange/{box}", s.handshake)
	s.mux.HandleFunc("POST /messageexchange/{box}/outbox", s.send)
	s.mux.HandleFunc("POST /messageexchange/{box}/outbox/{id}/{chunk}", s.chunk)
	s.mux.HandleFunc("GET /messageexchange/{box}/outbox/tracking", s.track)
	s.mux.HandleFunc("GET /messageexchange/{box}/outbox/tracking/{local}", s.track)
	s.mux.HandleFunc("GET /messageexchange/{box}/inbox", s.inbox)
	s.mux.HandleFunc("GET /messageexchange/{box}/inbox/{id}", s.get)
	s.mux.HandleFunc("GET /messageexchange/{box}/inbox/{id}/{chunk}", s.get)
	s.mux.HandleFunc("PUT /messageexchange/{box}/inbox/{id}/status/acknowledged", s.acknowledge)
	return s
}

// Break makes the next requests fail.
func (s *Service) Break(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f)
}

// Messages are copies of all there are, in order.
func (s *Service) Messages() (out []Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.messages {
		out = append(out, *m)
	}
	return out
}

// Put lays a message into a mailbox, as if somebody had sent it.
func (s *Service) Put(m Message) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.ID, m.Status, m.Total, m.Sent = s.id(), "accepted", len(m.Chunks), s.config.Now()
	s.messages = append(s.messages, &m)
	return m.ID
}

func (s *Service) id() string {
	return fmt.Sprintf("%s_%012X", s.config.Now().UTC().Format("20060102150405"), len(s.messages)+1)
}

// Expire looks for what nobody fetched in time and reports it to its sender, as the
// service does by itself. MESH 2 reports
func (s *Service) Expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.messages {
		if m.Status == "accepted" && m.Linked == "" && s.config.Now().Sub(m.Sent) > s.config.Expiry {
			m.Status = "undeliverable"
			s.messages = append(s.messages, &Message{ID: s.id(), To: m.From, Workflow: m.Workflow, LocalID: m.LocalID, Subject: m.Subject, Status: "accepted",
				Sent: s.config.Now(), Linked: m.ID, Code: "14"})
		}
	}
}

// ServeHTTP lets faults happen, checks the sign-in and answers.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, broken := s.fault(r.URL.Path)
	if broken && f.After {
		s.answer(lost{}, r)
	}
	switch {
	case !broken:
		s.answer(w, r)
	case f.Status == 0:
		panic(http.ErrAbortHandler) // closes the connection without an answer
	default:
		if f.Wait > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(f.Wait))
		}
		w.WriteHeader(f.Status)
		io.WriteString(w, `{"message":"An internal error occurred."}`)
	}
}

// lost takes an answer that nobody gets.
type lost struct{}

func (lost) Header() http.Header         { return http.Header{} }
func (lost) Write(b []byte) (int, error) { return len(b), nil }
func (lost) WriteHeader(int)             {}

func (s *Service) fault(path string) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.faults {
		if f := &s.faults[i]; f.Times > 0 && strings.Contains(path, f.Path) {
			f.Times--
			return *f, true
		}
	}
	return Fault{}, false
}

func (s *Service) answer(w http.ResponseWriter, r *http.Request) {
	if why := s.signedIn(r); why != "" {
		s.fail(w, r, http.StatusForbidden, "", "", why)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// A mailbox could be called endpointlookup, for all a ServeMux knows.
	if rest, ok := strings.CutPrefix(r.URL.Path, "/messageexchange/endpointlookup/"); ok && r.Method == http.MethodGet {
		ods, workflow, _ := strings.Cut(rest, "/")
		s.lookup(w, r, ods, workflow)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// signedIn says what is wrong with the Authorization header; "" nothing.
func (s *Service) signedIn(r *http.Request) string {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "NHSMESH ")
	parts := strings.Split(token, ":")
	if !ok || len(parts) != 5 {
		return "Error reading from Authorization header"
	}
	box, found := s.mailbox(parts[0])
	named := strings.Split(strings.TrimPrefix(r.URL.Path, "/messageexchange/"), "/")[0]
	if !found || named != "endpointlookup" && named != parts[0] {
		return "Mailbox id does not match token"
	}
	h := hmac.New(sha256.New, []byte(s.config.SharedKey))
	io.WriteString(h, strings.Join([]string{parts[0], parts[1], parts[2], box.Password, parts[3]}, ":"))
	at, err := time.ParseInLocation("200601021504", parts[3], time.UTC)
	if err != nil || s.config.Now().Sub(at).Abs() > 2*time.Hour || !hmac.Equal([]byte(parts[4]), []byte(hex.EncodeToString(h.Sum(nil)))) {
		return "Invalid Authentication Token"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	once := parts[1] + ":" + parts[2]
	if s.nonces[once] {
		return "Error Duplicated Authentication Token"
	}
	s.nonces[once] = true
	return ""
}

func (s *Service) mailbox(id string) (Mailbox, bool) {
	for _, m := range s.config.Mailboxes {
		if m.ID == id {
			return m, true
		}
	}
	return Mailbox{}, false
}

func v2(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "vnd.mesh.v2+json") }

func write(w http.ResponseWriter, r *http.Request, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	if v2(r) {
		w.Header().Set("Content-Type", "application/vnd.mesh.v2+json")
	}
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) // whoever asked may have gone
}

func (s *Service) fail(w http.ResponseWriter, r *http.Request, status int, event, code, text string) {
	if v2(r) {
		write(w, r, status, map[string]any{"detail": []any{map[string]string{"event": event, "code": code, "msg": text}}})
		return
	}
	write(w, r, status, map[string]string{"errorEvent": event, "errorCode": code, "errorDescription": text})
}

func (s *Service) handshake(w http.ResponseWriter, r *http.Request) {
	for _, h := range []string{"Mex-ClientVersion", "Mex-OSName", "Mex-OSVersion"} {
		if r.Header.Get(h) == "" {
			write(w, r, 400, map[string]any{"detail": []any{map[string]any{"loc": []string{"header", strings.ToLower(h)}, "msg": "field required"}}})
			return
		}
	}
	write(w, r, 200, map[string]string{"mailbox_id": r.PathValue("box")})
}
