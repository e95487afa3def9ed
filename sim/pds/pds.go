// Package pds is a pretend Personal Demographics Service: FHIR R4 over HTTP with
// the sign-in by signed JWT that the real one asks of applications, for tests and
// for trying things. It holds invented people and can be told to misbehave. It is
// no copy of the real service: it answers reads and searches only, and it knows
// nothing of Homeward but the wire.
package pds

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"homeward/fhir"
	"homeward/nhs"
)

// Record is somebody invented.
type Record struct {
	Number               nhs.Number
	Family, Given, Title string
	Born                 nhs.Date
	Sex                  string // female or male
	Lines                []string
	Postcode             string
	Phone, GP            string
	Restricted           bool
	Invalidated          bool
	Replaced             nhs.Number // this number was given up for that one; zero: not
	Died                 string     // FHIR dateTime; "" alive
	DeathStatus          string     // 1 informal, 2 formal, U taken back
}

// Fault is a way to misbehave.
type Fault string

// The faults.
const (
	NoFault    Fault = ""
	Busy       Fault = "busy"    // 429 TOO_MANY_REQUESTS
	Away       Fault = "away"    // 408 UNABLE_TO_CALL_SERVICE
	Broken     Fault = "broken"  // 500
	Strange    Fault = "strange" // 200 with what is no Patient
	Half       Fault = "half"    // a body that is cut
	Denied     Fault = "denied"  // 403 ACCESS_DENIED
	TokensGone Fault = "tokens"  // every token has ended
)

// Config is what a Service is made of.
type Config struct {
	People []Record
	App    string              // the application's key: iss and sub
	Keys   *jose.JSONWebKeySet // its public keys, by kid
	URL    string              // of the service, as the application names it: aud is URL + /oauth2/token
	Clock  func() time.Time    // nil: time.Now
}

// Service is the pretend PDS; it is a handler. Make one with New.
type Service struct {
	config Config
	mux    *http.ServeMux

	mu     sync.Mutex
	people map[string]Record // by digits
	tokens map[string]time.Time
	used   map[string]bool // jti
	fault  Fault
	asked  []string // method and path pattern of every question that was signed in
}

// New makes a service.
func New(c Config) *Service {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	s := &Service{config: c, mux: http.NewServeMux(), people: map[string]Record{}, tokens: map[string]time.Time{}, used: map[string]bool{}}
	for _, p := range c.People {
		s.people[p.Number.Digits()] = p
	}
	s.mux.HandleFunc("POST /oauth2/token", s.token)
	s.mux.HandleFunc("GET /personal-demographics/FHIR/R4/Patient/{number}", s.signedIn("read", s.read))
	s.mux.HandleFunc("GET /personal-demographics/FHIR/R4/Patient", s.signedIn("search", s.search))
	return s
}

// ServeHTTP answers.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// SetURL says under which address it is reached, where that is known late.
func (s *Service) SetURL(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.config.URL = url
}

// Set changes how it misbehaves.
func (s *Service) Set(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault = f; f == TokensGone {
		clear(s.tokens)
		s.fault = NoFault
	}
}

// Put adds or changes somebody.
func (s *Service) Put(r Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people[r.Number.Digits()] = r
}

// Asked is how many questions of a kind, "read" or "search", were answered, and
// "token" how many tokens were given.
func (s *Service) Asked(kind string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.asked {
		if a == kind {
			n++
		}
	}
	return n
}

// token gives a token for a signed assertion, with the checks and the words of the
// NHS's identity service, in its order.
func (s *Service) token(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if why := s.refuse(r); why != "" {
		write(w, http.StatusBadRequest, map[string]string{"error": "invalid_request", "error_description": why})
		return
	}
	t := rand.Text()
	s.tokens[t] = s.config.Clock().Add(599 * time.Second)
	s.asked = append(s.asked, "token")
	write(w, http.StatusOK, map[string]string{"access_token": t, "expires_in": "599", "token_type": "Bearer"})
}

func (s *Service) refuse(r *http.Request) string {
	switch {
	case r.FormValue("grant_type") != "client_credentials":
		return "grant_type is missing or invalid"
	case r.FormValue("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
		return "Missing or invalid client_assertion_type - must be 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'"
	}
	tok, err := jwt.ParseSigned(r.FormValue("client_assertion"), []jose.SignatureAlgorithm{jose.RS512, jose.RS384, jose.RS256, jose.ES384, jose.ES256})
	if err != nil {
		return "Malformed JWT in client_assertion"
	}
	head := tok.Headers[0]
	var claims map[string]any
	if err := tok.UnsafeClaimsWithoutVerification(&claims); err != nil {
		return "Malformed JWT in client_assertion"
	}
	exp, isNumber := claims["exp"].(float64)
	now := float64(s.config.Clock().Unix())
	jti, isText := claims["jti"].(string)
	switch {
	case head.Algorithm != "RS512":
		return "Invalid 'alg' header in client_assertion JWT - unsupported JWT algorithm - must be 'RS512'"
	case isNumber && exp <= now:
		return "Invalid 'exp' claim in client_assertion JWT - JWT has expired"
	case head.KeyID == "":
		return "Missing 'kid' header in client_assertion JWT"
	case head.ExtraHeaders["typ"] != "JWT":
		return "Invalid 'typ' header in client_assertion JWT - must be 'JWT'"
	case claims["exp"] == nil:
		return "Missing 'exp' claim in client_assertion JWT"
	case !isNumber:
		return "Invalid 'exp' claim in client_assertion JWT - must be an integer"
	case claims["iss"] != claims["sub"] || claims["iss"] != s.config.App:
		return "Missing or non-matching 'iss'/'sub' claims in client_assertion JWT"
	case claims["jti"] == nil:
		return "Missing 'jti' claim in client_assertion JWT"
	case !isText || jti == "":
		return "Invalid 'jti' claim in client_assertion JWT - must be a unique string value such as a GUID"
	case s.used[jti]:
		return "Non-unique 'jti' claim in client_assertion JWT"
	case exp > now+310:
		return "Invalid 'exp' claim in client_assertion JWT - more than 5 minutes in future"
	}
	return s.verify(tok, head.KeyID, jti)
}

func (s *Service) verify(tok *jwt.JSONWebToken, kid, jti string) string {
	keys := s.config.Keys.Key(kid)
	if len(keys) == 0 {
		return "Invalid 'kid' header in client_assertion JWT - no matching public key"
	}
	var claims jwt.Claims
	if err := tok.Claims(keys[0], &claims); err != nil {
		return "JWT signature verification failed"
	}
	if !claims.Audience.Contains(s.config.URL + "/oauth2/token") {
		return "Missing or invalid 'aud' claim in client_assertion JWT"
	}
	s.used[jti] = true
	return ""
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a reader who has gone is not told
}

var aUUID = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// signedIn answers whoever has a token and names the request.
func (s *Service) signedIn(kind string, do func(*http.Request) (int, *fhir.Node)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if ends, ok := s.tokens[token]; !ok || !s.config.Clock().Before(ends) {
			s.say(w, r, http.StatusUnauthorized, no("login", "ACCESS_DENIED"))
			return
		}
		s.asked = append(s.asked, kind)
		switch {
		case !aUUID.MatchString(r.Header.Get("X-Request-ID")):
			s.say(w, r, http.StatusPreconditionFailed, no("structure", "PRECONDITION_FAILED"))
			return
		case s.fault == Busy:
			s.say(w, r, http.StatusTooManyRequests, no("throttled", "TOO_MANY_REQUESTS"))
			return
		case s.fault == Away:
			s.say(w, r, http.StatusRequestTimeout, no("timeout", "UNABLE_TO_CALL_SERVICE"))
			return
		case s.fault == Broken:
			http.Error(w, "boom", http.StatusInternalServerError)
			return
		case s.fault == Denied:
			s.say(w, r, http.StatusForbidden, no("forbidden", "ACCESS_DENIED"))
			return
		case s.fault == Strange:
			s.say(w, r, http.StatusOK, fhir.Obj("resourceType", "Basic", "id", "1"))
			return
		}
		status, body := do(r)
		s.say(w, r, status, body)
	}
}

func (s *Service) say(w http.ResponseWriter, r *http.Request, status int, body *fhir.Node) {
	b, err := fhir.Write(body, fhir.JSON, fhir.R4)
	if err != nil {
		http.Error(w, "boom", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/fhir+json")
	w.Header().Set("X-Request-ID", r.Header.Get("X-Request-ID"))
	if s.fault == Half && status == http.StatusOK {
		w.Header().Set("Content-Length", fmt.Sprint(len(b)))
		b = b[:len(b)/2]
	}
	w.WriteHeader(status)
	_, _ = w.Write(b) // a reader who has gone is not told
}

const spine = "https://fhir.nhs.uk/R4/CodeSystem/Spine-ErrorOrWarningCode"

func no(code, why string) *fhir.Node {
	return fhir.Outcome(fhir.Issue{Code: code, Details: fhir.Concept("", fhir.Coding(spine, why, why))})
}

// read answers GET /Patient/{number}.
func (s *Service) read(r *http.Request) (int, *fhir.Node) {
	n, err := nhs.ParseNumber(r.PathValue("number"))
	if err != nil {
		return http.StatusBadRequest, no("value", "INVALID_RESOURCE_ID")
	}
	p, ok := s.people[n.Digits()]
	if ok && !p.Replaced.IsZero() {
		p, ok = s.people[p.Replaced.Digits()]
	}
	switch {
	case !ok:
		return http.StatusNotFound, no("not_found", "RESOURCE_NOT_FOUND")
	case p.Invalidated:
		return http.StatusNotFound, no("not_found", "INVALIDATED_RESOURCE")
	}
	return http.StatusOK, p.patient()
}

// search answers GET /Patient?family=...: one match, or that there are several.
func (s *Service) search(r *http.Request) (int, *fhir.Node) {
	q := r.URL.Query()
	if q.Get("family") == "" || q.Get("birthdate") == "" {
		return http.StatusBadRequest, no("required", "MISSING_VALUE")
	}
	var found []Record
	for _, digits := range slices.Sorted(maps.Keys(s.people)) {
		if p := s.people[digits]; p.like(q.Get("family"), q.Get("given"), strings.TrimPrefix(q.Get("birthdate"), "eq"), q.Get("gender"), q.Get("address-postalcode")) {
			found = append(found, p)
		}
	}
	if len(found) > 1 {
		return http.StatusOK, fhir.Obj("resourceType", "Bundle", "type", "searchset", "total", 0, "entry",
			fhir.List(fhir.Obj("resource", no("multiple-matches", "TOO_MANY_MATCHES"))))
	}
	var entries []*fhir.Node
	for _, p := range found {
		entries = append(entries, fhir.Obj("search", fhir.Obj("mode", "match"), "resource", p.patient()))
	}
	return http.StatusOK, fhir.Obj("resourceType", "Bundle", "type", "searchset", "total", len(found), "entry", entries)
}

func (p Record) like(family, given, born, gender, postcode string) bool {
	same := strings.EqualFold
	switch {
	case p.Invalidated || !p.Replaced.IsZero():
		return false
	case !same(p.Family, family) || p.Born.String() != born:
		return false
	case given != "" && !same(strings.Fields(p.Given + " -")[0], given):
		return false
	case gender != "" && p.Sex != gender:
		return false
	case postcode != "" && (p.Restricted || !same(strings.ReplaceAll(p.Postcode, " ", ""), strings.ReplaceAll(postcode, " ", ""))):
		return false // PDS never finds a restricted person by where they live
	}
	return true
}

// patient is the record as PDS writes it.
func (p Record) patient() *fhir.Node {
	status := fhir.Obj("url", "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus", "valueCodeableConcept",
		fhir.Concept("", fhir.Coding("https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatus", "01", "Number present and verified")))
	id := fhir.Obj("system", "https://fhir.nhs.uk/Id/nhs-number", "value", p.Number.Digits(), "extension", fhir.List(status))
	confidential := map[bool]string{false: "U", true: "R"}[p.Restricted]
	out := fhir.Obj("resourceType", "Patient", "id", p.Number.Digits(), "identifier", fhir.List(id),
		"meta", fhir.Obj("versionId", "2", "security", fhir.List(fhir.Coding("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", confidential, ""))),
		"name", fhir.List(fhir.Obj("id", "123", "use", "usual", "family", p.Family, "given", strings.Fields(p.Given), "prefix", []string{p.Title})),
		"gender", p.Sex, "birthDate", p.Born.String(), "deceasedDateTime", p.Died)
	if p.DeathStatus != "" {
		out.Add("extension", fhir.Obj("url", "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-DeathNotificationStatus", "extension", fhir.List(
			fhir.Obj("url", "deathNotificationStatus", "valueCodeableConcept", fhir.Concept("", fhir.Coding("https://fhir.hl7.org.uk/CodeSystem/UKCore-DeathNotificationStatus", p.DeathStatus, ""))))))
	}
	if p.Restricted {
		return out
	}
	out.Set("address", fhir.List(fhir.Obj("id", "456", "use", "home", "line", p.Lines, "postalCode", p.Postcode)))
	if p.Phone != "" {
		out.Set("telecom", fhir.List(fhir.Obj("id", "789", "system", "phone", "use", "home", "value", p.Phone)))
	}
	if p.GP != "" {
		out.Set("generalPractitioner", fhir.List(fhir.Obj("id", "254406A3", "type", "Organization", "identifier",
			fhir.Identifier("https://fhir.nhs.uk/Id/ods-organization-code", p.GP))))
	}
	return out
}
