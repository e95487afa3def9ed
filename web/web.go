package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"homeward/care"
	"homeward/hub"
	"homeward/policy"
	"homeward/signin"
)

// Config is what the screens need. How long a session lasts is SignIn's to say.
type Config struct {
	Hub     *hub.Hub
	SignIn  *signin.Service
	Zone    *time.Location             // in which people type dates and times; nil: Europe/London
	Clock   func() time.Time           // nil: time.Now
	Log     *slog.Logger               // nil: discards
	Secure  bool                       // the reader comes by TLS: cookies say so, and browsers keep to it
	Build   string                     // sent with every answer, so that a stale server is noticed
	Phase   string                     // shown above every page, such as "Demonstration: all people are invented"
	Address func(*http.Request) string // the reader's network address, for the audit; nil: of the connection
	// Served, when set, is told of every answer: the route's pattern ("" for
	// none), the status and the time taken.
	Served func(pattern string, status int, took time.Duration)
	// Federation signs people in by their organisations' identity providers; nil: none.
	Federation *signin.Federation
	// Party is who asks for passkeys; zero: whoever the reader's browser came to,
	// where that is a name and its connection cannot be changed on the way.
	Party  signin.Party
	Limits Limits
	// Print makes a PDF of a page that stands by itself; nil: none is made, and readers
	// print for themselves.
	Print func(ctx context.Context, page []byte) ([]byte, error)
}

// maxBody is the largest form, in bytes. A referral with every answer at its
// limit is under 100 KB.
const maxBody = 256 << 10

// Server answers browsers. Make one with New.
type Server struct {
	Config
	assets   *Assets
	mux      *http.ServeMux
	pages    map[string]route // GET routes without a name in their path, by path
	bodies   map[string]int64 // the longest body of the routes that take more than others, by pattern
	stop     sync.Once
	stopped  chan struct{}
	limits   limits
	printing chan struct{} // whoever prints holds its one place
}

// A route is one address of the service.
type route struct {
	pattern string // method and path, as http.ServeMux reads them
	nav     string // the item of the menu that is marked; "" for none
	public  bool   // nobody needs to be signed in
	// asks are the actions of which the hub decides at least one before anything
	// of the answer is known; public and own say why there is none. A route that
	// declares neither does not start (checkRoutes).
	asks []policy.Action
	own  bool // only about the reader's own session, account or choice of words
	step bool // the reader proved who they are within the last minutes (signin: step-up)
	// body is the longest body that it takes, in bytes; 0: maxBody.
	body int64
	// enrol is open to somebody who must set up a second factor before all else.
	enrol bool
	do    handler
}

// A handler answers one visit. An error becomes a page by one table (errors.go).
type handler func(*visit) (response, error)

// deciding names the actions of a route, for its asks.
func deciding(actions ...policy.Action) []policy.Action { return actions }

// routes is every page and action. Each file adds its own.
func (s *Server) routes() []route {
	return slices.Concat(s.pageRoutes(), s.signinRoutes(), s.typedRoutes(), s.lookupRoutes(), s.lookResultRoutes(), s.callRoutes(), s.clientRoutes(), s.careProviderRoutes(), s.ownClientRoutes(), s.listRoutes(), s.liveRoutes(),
		s.caseRoutes(), s.taskRoutes(), s.inboxRoutes(), s.referRoutes(), s.gateRoutes(), s.teamRoutes(), s.assessRoutes(), s.opsRoutes(), s.auditRoutes(), s.peopleRoutes(),
		s.agreementRoutes(), s.glassRoutes(), s.proofRoutes(), s.accessRoutes(), s.factorRoutes(), s.launchRoutes(), s.adminRoutes(), s.mappingRoutes(), s.traceRoutes(), s.destinationRoutes(), s.arrangeRoutes(), s.capacityRoutes(), s.providerRequestRoutes(), s.moneyRoutes(), s.outcomeRoutes(), s.ballRoutes(), s.huddleRoutes(), s.concernRoutes(), s.figureReportRoutes(), s.qualityRoutes(), s.returnRoutes(), s.figureRoutes(), s.figureTableRoutes(), s.boardPDFRoutes(), s.figureManageRoutes(), s.figureAssumedRoutes())
}

// checkRoutes refuses a route that does not declare who decides about it: no
// page comes into being without a policy.
func checkRoutes(routes []route) error {
	for _, r := range routes {
		declared := 0
		for _, is := range []bool{r.public, r.own, len(r.asks) > 0} {
			if is {
				declared++
			}
		}
		if declared != 1 {
			return fmt.Errorf("the route %s must declare one of public, own and asks", r.pattern)
		}
		for _, a := range r.asks {
			if !slices.Contains(policy.Actions(), a) {
				return fmt.Errorf("the route %s asks for %q, which no rule knows", r.pattern, a)
			}
		}
	}
	return nil
}

// New makes the screens. It fails when the program was built or wired wrongly.
func New(c Config) (*Server, error) {
	if c.Hub == nil || c.SignIn == nil {
		return nil, errors.New("the screens need a hub and a sign-in")
	}
	if c.Zone == nil {
		zone, err := time.LoadLocation("Europe/London")
		if err != nil {
			return nil, err
		}
		c.Zone = zone
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Address == nil {
		c.Address = connectionAddress
	}
	assets, err := LoadAssets()
	if err != nil {
		return nil, err
	}
	s := &Server{Config: c, assets: assets, mux: http.NewServeMux(), pages: map[string]route{}, bodies: map[string]int64{}, stopped: make(chan struct{}), limits: newLimits(c.Limits), printing: make(chan struct{}, 1)}
	s.mux.Handle("GET /static/", assets)
	s.mux.HandleFunc("/", s.serve(route{public: true, do: func(*visit) (response, error) {
		return nil, &care.Error{Kind: care.NotFound}
	}}))
	if err := checkRoutes(s.routes()); err != nil {
		return nil, err
	}
	for _, r := range s.routes() {
		s.mux.HandleFunc(r.pattern, s.serve(r))
		if r.body > 0 {
			s.bodies[r.pattern] = r.body
		}
		if path, ok := strings.CutPrefix(r.pattern, "GET "); ok && !strings.Contains(path, "{") {
			s.pages[path] = r
		}
	}
	return s, nil
}

func connectionAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// Stop ends the live streams, so that the HTTP server can end. It is for
// http.Server.RegisterOnShutdown.
func (s *Server) Stop() { s.stop.Do(func() { close(s.stopped) }) }

// Handler is the whole site.
func (s *Server) Handler() http.Handler {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(s.serve(route{public: true, do: func(*visit) (response, error) {
		return nil, &care.Error{Kind: care.Forbidden, Text: "This request came from another site, so nothing was done. Open Homeward and try there"}
	}}))
	inner := guard.Handler(s.mux)
	csp := CSP()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := s.Clock()
		out := &recorder{ResponseWriter: w}
		s.setHeaders(w.Header(), csp)
		most := int64(maxBody)
		if _, pattern := s.mux.Handler(r); s.bodies[pattern] > 0 {
			most = s.bodies[pattern]
		}
		r.Body = http.MaxBytesReader(out, r.Body, most)
		defer func() {
			if e := recover(); e != nil {
				s.panicked(out, r, e)
			}
			s.log(out, r, s.Clock().Sub(start))
		}()
		inner.ServeHTTP(out, r)
	})
}

// setHeaders sets what every answer says. OWASP ASVS 5.0 3.4. The referrer is
// kept within the site, where "switch user" needs it to find the kind of page.
func (s *Server) setHeaders(h http.Header, csp string) {
	h.Set("Content-Security-Policy", csp)
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Request-Id", strings.ToLower(rand.Text()[:12]))
	if s.Secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	if s.Build != "" {
		h.Set("X-Build", s.Build)
	}
}

// log writes one line an answer. Paths name cases and queries name what
// somebody seeks, so neither is written: only the route.
func (s *Server) log(out *recorder, r *http.Request, took time.Duration) {
	level := slog.LevelInfo
	if strings.HasSuffix(r.Pattern, " /static/") {
		level = slog.LevelDebug
	}
	s.Log.Log(context.WithoutCancel(r.Context()), level, "answered", "request", out.Header().Get("X-Request-Id"), "method", r.Method,
		"route", r.Pattern, "status", out.code(), "took", took)
	if s.Served != nil {
		s.Served(r.Pattern, out.code(), took)
	}
}

// panicked answers after a programmer's mistake. The value of the panic may
// hold anything, so only its place is logged.
func (s *Server) panicked(out *recorder, r *http.Request, e any) {
	if e == http.ErrAbortHandler {
		panic(e)
	}
	s.Log.Error("a page panicked", "request", out.Header().Get("X-Request-Id"), "route", r.Pattern, "stack", string(debug.Stack()))
	if out.status != 0 {
		return
	}
	v := &visit{r: r, w: out, now: s.Clock()}
	if err := s.errorPage(v, errors.New("a page panicked")).answer(s, v); err != nil {
		s.Log.Error("the error page was not sent", "error", err)
	}
}

// recorder remembers the status that was sent.
type recorder struct {
	http.ResponseWriter
	status int
}

func (w *recorder) WriteHeader(code int) {
	if w.status == 0 {
		w.status = code
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController: live streams flush and set deadlines.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *recorder) code() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}
