package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"homeward/api"
	"homeward/form"
	"homeward/hub"
	"homeward/mllp"
	"homeward/nhs"
	"homeward/pathways"
	"homeward/policies"
	"homeward/policy"
	"homeward/signin"
	"homeward/store"
	"homeward/web"
)

// site is everything that one process runs, wired together.
type site struct {
	config Config
	log    *slog.Logger
	phase  string       // shown above every page
	extra  http.Handler // further pages under /demo; nil for none
	store  *store.Store
	hub    *hub.Hub
	signin *signin.Service
	feeds  []*listener
	opened []net.Listener // opened before: listen takes those that are at a feed's address

	providers *signin.Federation // nil: none
	systems   *api.Systems       // nil where no system signs in by itself
	faces     *api.Faces         // the same
	ways      []way              // of bringing councils' extracts

	scratch string     // a folder that goes when the site is closed; "" for none
	hooks   *api.Hooks // calls the rest-hooks of subscriptions
}

func isPostgres(database string) bool {
	return strings.HasPrefix(database, "postgres://") || strings.HasPrefix(database, "postgresql://")
}

// released loads the policies and forms that this binary carries.
func released() (*policy.Set, *form.Library, error) {
	rules, err := policies.Files.ReadFile("sharing.cedar")
	if err != nil {
		return nil, nil, err
	}
	schema, err := policies.Files.ReadFile("sharing.cedarschema")
	if err != nil {
		return nil, nil, err
	}
	set, err := policy.Load(rules, schema)
	if err != nil {
		return nil, nil, err
	}
	forms, err := form.Load(pathways.Files)
	return set, forms, err
}

// newSite wires a site. clock is nil for the real one.
func newSite(ctx context.Context, c Config, log *slog.Logger, clock func() time.Time) (*site, error) {
	s, err := opening{database: c.Database, encryption: c.Encryption, clock: clock, migrate: true, made: func(file string) {
		log.Warn("a key was made for what is stored. Move it out of the data folder, set [encryption] key_file, and keep a copy elsewhere: "+
			"without it neither the database nor a backup can be read", "file", file)
	}}.open(ctx)
	if err != nil {
		return nil, err
	}
	return wired(&site{config: c, log: log, store: s}, clock)
}

// wired wires a site that has its database, or closes it.
func wired(st *site, clock func() time.Time) (*site, error) {
	if err := st.wire(clock); err != nil {
		return nil, errors.Join(err, st.close())
	}
	return st, nil
}

func (st *site) wire(clock func() time.Time) error {
	zone, err := time.LoadLocation(st.config.Zone)
	if err != nil {
		return err
	}
	set, forms, err := released()
	if err != nil {
		return err
	}
	hc := hub.Config{Store: st.store, Policies: set, Forms: forms, Orgs: st.config.orgs(), Clock: clock, Zone: zone, Log: st.log,
		Limits: hub.Limits{LookStale: st.config.Limits.LookStale.Duration, Capacity: st.config.Limits.Capacity.Duration, LookMisses: st.config.Limits.LookMisses, LookedUp: st.config.Limits.LookedUp,
			Unchecked: time.Duration(st.config.Limits.ProviderDays) * 24 * time.Hour, LinkLife: time.Duration(st.config.Limits.LinkHours) * time.Hour,
			AtRisk: st.config.Limits.AtRiskDays, Delayed: st.config.Limits.DelayedDays}}
	hc.Systems = st.config.systemList()
	if hc.Tellings, err = st.config.tellings(making{zone: zone, now: clock}); err != nil {
		return err
	}
	hc.PublicURL = st.config.PublicURL
	if st.hooks, err = st.config.hooks(clock); err != nil {
		return err
	}
	hc.Notify = st.hooks.Notify
	if hc.Notices, err = st.config.Notifications.notices(clock); err != nil {
		return err
	}
	if hc.Reporting, err = st.config.Reports.places(clock); err != nil {
		return err
	}
	if err := st.config.sources(&hc); err != nil {
		return err
	}
	if hc.Ledger, err = st.config.Audit.ledger(st.config.Database, false, st.log); err != nil {
		return err
	}
	if hc.Retention, err = st.config.Audit.schedule(); err != nil {
		return err
	}
	if hc.Reasons, err = st.config.delayReasons(); err != nil {
		return err
	}
	if hc.Money, err = st.config.moneyLimits(); err != nil {
		return err
	}
	if hc.Attachments, err = st.config.Attachments.attachments(); err != nil {
		return err
	}
	hc.RecheckPDS = st.config.PDS.Recheck.Duration
	if hc.PDS, err = st.config.PDS.client(clock); err != nil {
		return err
	}
	if hc.Mappings, err = st.config.mappings(); err != nil {
		return err
	}
	if st.hub, err = hub.New(hc); err != nil {
		return err
	}
	l := st.config.Limits
	st.signin, err = signin.New(signin.Config{Accounts: st.hub, Links: st.hub, Orgs: st.hub.Org, Clock: clock, Zone: zone, Require: st.config.SignIn.require(),
		Limits: signin.Limits{Tries: l.Attempts, Lock: l.Lock.Duration, Idle: l.Idle.Duration, Absolute: l.Absolute.Duration}})
	if err != nil {
		return err
	}
	if st.ways, err = st.config.ways(clock); err != nil {
		return err
	}
	st.providers, err = st.federation()
	return err
}

// sources fills where what is known comes from: feeds, councils, and which council an
// address belongs to.
func (c Config) sources(hc *hub.Config) error {
	for _, f := range c.Feeds {
		hc.Feeds = append(hc.Feeds, f.feed(hc.Zone))
	}
	for _, cc := range c.Councils {
		hc.Councils = append(hc.Councils, hub.CouncilFeed{Name: cc.Name, Title: cc.Title, Council: nhs.ODS(cc.ODS), StopShare: stopShare(cc.StopShare),
			Quiet: hub.Quiet{Day: cc.QuietDay.Duration, Night: cc.QuietNight.Duration}})
	}
	if c.Gazetteer == "" {
		return nil
	}
	f, err := os.Open(c.Gazetteer)
	if err != nil {
		return fmt.Errorf("opening the gazetteer: %w", err)
	}
	defer f.Close()
	hc.Gazetteer, err = hub.ReadGazetteer(f)
	return err
}

// stopShare: to the hub 0 is the default, and less than 0 stops for every package.
func stopShare(percent int) int {
	if percent == 0 {
		return -1
	}
	return percent
}

// listener is one MLLP listener and its feed.
type listener struct {
	feed   FeedConfig
	server *mllp.Server
	at     net.Listener
}

// listen opens the listener of every feed; the addresses are known afterwards.
func (st *site) listen() error {
	for _, f := range st.config.Feeds {
		mc := f.listener()
		tc, err := listenerTLS(f)
		if err != nil {
			return fmt.Errorf("feed %q: %w", f.Name, err)
		}
		mc.TLS = tc
		at, err := st.openAt(f.Listen)
		if err != nil {
			return fmt.Errorf("feed %q: %w", f.Name, err)
		}
		st.feeds = append(st.feeds, &listener{feed: f, server: st.server(f, mc), at: at})
	}
	return nil
}

// openAt listens at an address, or takes the listener that was opened there before.
func (st *site) openAt(addr string) (net.Listener, error) {
	for _, l := range st.opened {
		if l.Addr().String() == addr {
			return l, nil
		}
	}
	return net.Listen("tcp", addr)
}

func (st *site) server(f FeedConfig, mc mllp.Config) *mllp.Server {
	srv := mllp.NewServer(mc, func(ctx context.Context, c mllp.ConnInfo, msg []byte) []byte {
		return st.hub.Receive(ctx, f.Name, peer(c), msg)
	})
	srv.Reject = func(ctx context.Context, c mllp.ConnInfo, e mllp.Event, head []byte) []byte {
		return st.hub.ReceiveCut(ctx, f.Name, peer(c), head, e.Bytes, mc.MaxMessage)
	}
	srv.Observe = func(c mllp.ConnInfo, e mllp.Event) {
		st.log.Debug("mllp", "feed", f.Name, "conn", c.ID, "event", e.Kind, "bytes", e.Bytes)
	}
	return srv
}

// peer names who sent a message: by certificate when there is one.
func peer(c mllp.ConnInfo) string {
	if c.TLS != nil && len(c.TLS.PeerCertificates) > 0 {
		return c.TLS.PeerCertificates[0].Subject.CommonName
	}
	host, _, err := net.SplitHostPort(c.Remote.String())
	if err != nil {
		return c.Remote.String()
	}
	return host
}

// listenerTLS reads the certificates of a feed; nil: plain TCP.
func listenerTLS(f FeedConfig) (*tls.Config, error) {
	if f.TLSCert == "" {
		return nil, nil
	}
	cert, err := tls.LoadX509KeyPair(f.TLSCert, f.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	c := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	if f.ClientCA != "" {
		pem, err := os.ReadFile(f.ClientCA)
		if err != nil {
			return nil, fmt.Errorf("reading client_ca: %w", err)
		}
		c.ClientCAs = x509.NewCertPool()
		if !c.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("client_ca holds no certificate")
		}
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return c, nil
}

// run serves until ctx ends, then stops in order: listeners finish what they
// have read, pages finish, and the loops stop.
func (st *site) run(ctx context.Context, pages net.Listener) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	screens, handler, err := st.handler()
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: inTime(handler), ReadHeaderTimeout: 10 * time.Second, WriteTimeout: 60 * time.Second, IdleTimeout: 2 * time.Minute,
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) }, ErrorLog: slog.NewLogLogger(st.log.Handler(), slog.LevelWarn)}
	srv.RegisterOnShutdown(screens.Stop)
	var wg sync.WaitGroup
	for _, l := range st.feeds {
		wg.Go(func() {
			if err := l.server.Serve(ctx, l.at); err != nil && ctx.Err() == nil {
				cancel(fmt.Errorf("feed %q: %w", l.feed.Name, err))
			}
		})
	}
	wg.Go(func() { _ = st.hub.Run(ctx) })
	wg.Go(func() { st.watchFolders(ctx) })
	wg.Go(func() { st.collect(ctx, st.ways) })
	wg.Go(func() { st.checkDaily(ctx) })
	wg.Go(func() {
		if err := st.runSystems(ctx); err != nil {
			cancel(err)
		}
	})
	wg.Go(func() {
		if err := st.runMetrics(ctx); err != nil {
			cancel(err)
		}
	})
	wg.Go(func() {
		<-ctx.Done()
		end, stop := context.WithTimeout(context.Background(), 5*time.Second)
		defer stop()
		if srv.Shutdown(end) != nil {
			_ = srv.Close()
		}
	})
	if err := st.serve(srv, pages); err != nil && !errors.Is(err, http.ErrServerClosed) {
		cancel(err)
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// bodyTime is how long a form may take to come.
const bodyTime = 30 * time.Second

// inTime bounds the time that a request's body may take. The server's own
// ReadTimeout would do so too, and would also end every live stream, since the
// server goes on reading to see whether the reader has gone.
func inTime(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil && r.Body != http.NoBody {
			if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime)); err != nil {
				http.Error(w, "the form could not be read", http.StatusInternalServerError)
				return
			}
		}
		h.ServeHTTP(w, r)
	})
}

func (st *site) serve(srv *http.Server, pages net.Listener) error {
	if st.config.TLSCert != "" {
		return srv.ServeTLS(pages, st.config.TLSCert, st.config.TLSKey)
	}
	return srv.Serve(pages)
}

// handler is the pages and, beside them, what machines ask.
func (st *site) handler() (*web.Server, http.Handler, error) {
	wc := web.Config{Hub: st.hub, SignIn: st.signin, Zone: st.hub.Zone, Log: st.log, Clock: st.hub.Clock, Build: build(), Phase: st.phase,
		Secure: st.config.TLSCert != "" || st.config.Behind}
	wc.Federation, wc.Party, wc.Limits = st.providers, st.config.party(), st.config.Limits.pages()
	wc.Print = st.config.Reports.printer()
	if st.config.Behind {
		wc.Address = forwardedFor
	}
	pages, err := web.New(wc)
	if err != nil {
		return nil, nil, err
	}
	mux := http.NewServeMux()
	machine := api.New(st.hub, st.listenerStats)
	for _, p := range []string{"/healthz", "/readyz"} {
		mux.Handle("GET "+p, machine)
	}
	if st.config.Metrics == "" {
		mux.Handle("GET /metrics", hereOnly(machine, pages.Handler()))
	}
	if err := st.wireSystems(wc.Address); err != nil {
		return nil, nil, err
	}
	if st.systems != nil {
		for _, p := range st.systems.Paths() {
			mux.Handle(p, st.systems)
		}
		for _, p := range st.faces.Paths() {
			mux.Handle(p, st.faces)
		}
	}
	if st.extra != nil {
		mux.Handle("/demo", st.extra)
		mux.Handle("/demo/", st.extra)
	}
	mux.Handle("/", pages.Handler())
	return pages, guarded(mux, wc.Secure), nil
}

// hereOnly answers programs on this machine, and sends all others, and whatever
// came through a proxy, to what is otherwise there: how many messages came is
// nobody else's business (OWASP ASVS 5.0 13.4.5).
func hereOnly(h, others http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || !from.Addr().Unmap().IsLoopback() || len(r.Header.Values("X-Forwarded-For"))+len(r.Header.Values("Forwarded")) > 0 {
			others.ServeHTTP(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// runMetrics serves the metrics at an address of their own, until ctx ends.
func (st *site) runMetrics(ctx context.Context) error {
	if st.config.Metrics == "" {
		return nil
	}
	at, err := net.Listen("tcp", st.config.Metrics)
	if err != nil {
		return fmt.Errorf("opening the address of the metrics: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", api.New(st.hub, st.listenerStats))
	srv := &http.Server{Handler: guarded(mux, false), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: bodyTime, WriteTimeout: time.Minute, ErrorLog: slog.NewLogLogger(st.log.Handler(), slog.LevelWarn)}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	if err := srv.Serve(at); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving the metrics: %w", err)
	}
	return nil
}

// forwardedFor is the reader's address as the proxy in front tells it: the
// last one of the last such header, which is the only one that the proxy itself
// wrote. Without it, the proxy's own.
func forwardedFor(r *http.Request) string {
	all := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	if last := strings.TrimSpace(all[len(all)-1]); last != "" {
		return last
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// build names this binary, so that a stale server is noticed.
func build() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	return "development"
}

// listenerStats gives each feed's counters for the metrics.
func (st *site) listenerStats() map[string]api.Listener {
	out := map[string]api.Listener{}
	for _, l := range st.feeds {
		s := l.server.Stats()
		out[l.feed.Name] = api.Listener{Open: s.Open, Refused: s.Refused, Broken: s.TooLong + s.Timeouts + s.Broken}
	}
	return out
}

func (st *site) close() error {
	err := st.store.Close()
	if st.scratch != "" {
		err = errors.Join(err, os.RemoveAll(st.scratch))
	}
	return err
}

// say writes a line for the person at the terminal.
func say(w io.Writer, format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
