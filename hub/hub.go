// Package hub is the imperative shell: each exported method is one use case in
// one transaction. It decides by policy, asks the pure core what is true now,
// records it, audits it, and lists who must be told. Screens and connectors
// reach personal data by no other way. It knows nothing of HTTP, of MLLP
// framing, or of how anything looks.
package hub

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"homeward/care"
	"homeward/codelists"
	"homeward/form"
	"homeward/nhs"
	"homeward/pds"
	"homeward/policy"
	"homeward/retention"
	"homeward/store"
	"homeward/translate"
)

// Config is what a hub is made of.
type Config struct {
	Store     *store.Store
	Policies  *policy.Set
	Forms     *form.Library
	Orgs      []care.Org
	Feeds     []Feed
	Councils  []CouncilFeed
	Gazetteer *Gazetteer
	Systems   []System         // machines that sign in by themselves
	Tellings  []Telling        // systems that are told what happens
	Notify    Notify           // calls the rest-hooks of subscriptions; nil: none is called
	Notices   Notices          // how users are notified besides the pages
	PublicURL string           // of the pages, for links in what is told; "" for none
	Clock     func() time.Time // nil: time.Now
	Zone      *time.Location   // of the screens; nil: Europe/London
	Log       *slog.Logger     // nil: discards
	Limits    Limits
	Money     MoneyLimits        // what people may approve of what care costs
	Ledger    Ledger             // signs the audit log
	Retention retention.Schedule // how long what is kept; empty: nothing is ever due

	Reasons *codelists.DelayReasons // the reasons for delay that are suggested and chosen; nil: our own list

	Reporting   []ReportPlace // where reports may be delivered to, e-mail aside
	PDS         *pds.Client   // nil: PDS is not asked
	Mappings    []Mapping     // that the integration engineer may try
	Attachments Attachments   // files put to assessments
	RecheckPDS  time.Duration // how old an answer about somebody referred may become; 0: nobody is checked again by itself
}

// Feed is one hospital system that sends messages.
type Feed struct {
	Profile translate.Profile
	Quiet   Quiet
}

// CouncilFeed is one council whose extract is imported.
type CouncilFeed struct {
	Name    string // source name, the key of freshness
	Title   string // for people: "Mosaic (Nottinghamshire)"
	Council nhs.ODS
	Quiet   Quiet
	// StopShare is the share of packages in place, in percent, that a full
	// extract may end without a person looking; 0 is 10.
	StopShare int
}

// Quiet is for how long a source may say nothing before what came from it is
// called out of date: by day (7:00 to 22:00 local) and by night.
type Quiet struct{ Day, Night time.Duration }

// Limits are the numbers that a site may change. Zero values take the default.
type Limits struct {
	LookStale  time.Duration // a council's extract older than this is not shown at all; 24 h
	LookBeat   time.Duration // every look-up takes a whole number of these; 20 ms
	LookMisses int           // wrong dates of birth before a user is slowed down; 5
	LookedUp   int           // different readers who find one person in an hour, above which leads are alerted; 0: never
	HandleLife time.Duration // how long a look-up's result can be shown again; 15 min
	AtRisk     int           // whole days since discharge-ready from which a wait is "At risk"; 2
	Delayed    int           // and "Delayed"; 3
	Watching   time.Duration // how long after leaving a trust's staff may still see the stay; 7 days
	ReadBatch  int           // messages processed in one transaction; 64
	Glass      time.Duration // how long a broken glass stays open; 60 min
	Glasses    int           // how often somebody may break the glass in an hour; 3
	Capacity   time.Duration // how long what a provider can take on counts after it was reported; 48 h
	Unchecked  time.Duration // how long a provider's numbers count as checked; 90 days
	LinkLife   time.Duration // how long a link mailed to a provider opens; 72 h
	Watch      Watchfulness  // from when a pattern of looking is worth a look
}

// Hub is the shell. Make one with New; Run works its loops.
type Hub struct {
	Config
	orgs     map[nhs.ODS]care.Org
	feeds    map[string]Feed
	councils map[nhs.ODS]CouncilFeed
	systems  map[string]System
	woken    map[string]chan struct{} // per feed: something was kept
	kept     atomic.Int64             // messages kept or kept before, since the start
	refused  seldom
	misses   misses
	crowd    crowd
	health   health

	measureNext atomic.Int64 // entries of history that were about right to measure at once; 0: not known

	agreements agreedBook
	numbers    numbersBook
	codes      providerBook
	wrongCodes wrongCodes
	tokens     tokenMemo
}

// New checks the configuration and makes a hub.
func New(c Config) (*Hub, error) {
	if c.Store == nil || c.Policies == nil || c.Forms == nil {
		return nil, errors.New("a hub needs a store, policies and forms")
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Zone == nil {
		zone, err := time.LoadLocation("Europe/London")
		if err != nil {
			return nil, fmt.Errorf("loading the zone of the screens: %w", err)
		}
		c.Zone = zone
	}
	c.Limits = c.Limits.withDefaults()
	c.Attachments = c.Attachments.withDefaults()
	h := &Hub{Config: c, orgs: map[nhs.ODS]care.Org{}, feeds: map[string]Feed{}, councils: map[nhs.ODS]CouncilFeed{}, woken: map[string]chan struct{}{}}
	for _, o := range c.Orgs {
		h.orgs[o.ODS] = o
	}
	for _, f := range c.Feeds {
		if _, twice := h.feeds[f.Profile.Feed]; twice {
			return nil, fmt.Errorf("feed %q is configured twice", f.Profile.Feed)
		}
		if _, ok := h.orgs[f.Profile.Org]; !ok {
			return nil, fmt.Errorf("feed %q belongs to organisation %q, which is not configured", f.Profile.Feed, f.Profile.Org)
		}
		h.feeds[f.Profile.Feed] = f
		h.woken[f.Profile.Feed] = make(chan struct{}, 1)
	}
	for _, cf := range c.Councils {
		if _, ok := h.orgs[cf.Council]; !ok {
			return nil, fmt.Errorf("council feed %q belongs to council %q, which is not configured", cf.Name, cf.Council)
		}
		h.councils[cf.Council] = cf
	}
	if err := errors.Join(h.checkSystems(), h.checkTellings()); err != nil {
		return nil, err
	}
	return h, nil
}

func (l Limits) withDefaults() Limits {
	def(&l.LookStale, 24*time.Hour)
	def(&l.LookMisses, 5)
	def(&l.LookBeat, 20*time.Millisecond)
	def(&l.HandleLife, 15*time.Minute)
	def(&l.AtRisk, 2)
	def(&l.Delayed, 3)
	def(&l.Watching, 7*24*time.Hour)
	def(&l.ReadBatch, 64)
	def(&l.Glass, time.Hour)
	def(&l.Glasses, 3)
	def(&l.Capacity, 48*time.Hour)
	def(&l.Unchecked, 90*24*time.Hour)
	def(&l.LinkLife, 72*time.Hour)
	l.Watch = l.Watch.withDefaults()
	return l
}

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Run works the loops that read each feed, until ctx ends, and returns when
// all have stopped.
func (h *Hub) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := h.NoteRules(ctx); err != nil && ctx.Err() == nil {
			h.Log.Warn("remembering which sharing rules run", "err", err)
		}
	})
	for name := range h.feeds {
		wg.Go(func() { h.readLoop(ctx, name) })
	}
	wg.Go(func() { h.sweepLoop(ctx) })
	wg.Go(func() { h.followNumbers(ctx) })
	wg.Go(func() { h.followSubscriptions(ctx) })
	if h.Notify != nil {
		wg.Go(func() { h.deliverSubscriptions(ctx) })
	}
	wg.Go(func() { h.tellLoop(ctx) })
	wg.Go(func() { h.measureLoop(ctx) })
	wg.Go(func() { h.followClients(ctx) })
	wg.Go(func() { h.mailLinks(ctx) })
	wg.Go(func() { h.noticeLoop(ctx) })
	wg.Go(func() { h.sendLoop(ctx) })
	wg.Go(func() { h.looksLoop(ctx) })
	wg.Go(func() { h.reportLoop(ctx) })
	wg.Go(func() { h.recheckLoop(ctx) })
	wg.Go(func() { h.scanLoop(ctx) })
	wg.Wait()
	return ctx.Err()
}

func (h *Hub) now() time.Time { return h.Clock().UTC().Truncate(time.Microsecond) }

// newID makes an opaque random name of 26 letters and digits (130 bits).
func newID() string {
	var b [17]byte
	rand.Read(b[:])
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))[:26]
}

// Org returns a configured organisation, with the numbers that an administrator
// set; its code serves as its name when it is not configured.
func (h *Hub) Org(ods nhs.ODS) care.Org {
	if o, ok := h.orgs[ods]; ok {
		return h.numbered(o)
	}
	if p, ok := h.codes.known(ods); ok {
		return care.Org{ODS: ods, Name: p.Name, Kind: care.ProviderOrg, Phone: p.Phone, OutOfHours: p.OutOfHours}
	}
	if isProviderCode(ods) { // of a provider that its council does not list (any more)
		return care.Org{ODS: ods, Name: "A care provider", Kind: care.ProviderOrg}
	}
	return care.Org{ODS: ods, Name: string(ods)}
}

// CouncilOrgs lists the configured councils, in the order of configuration.
func (h *Hub) CouncilOrgs() []care.Org {
	var out []care.Org
	for _, o := range h.Orgs {
		if o.Kind == care.Council {
			out = append(out, h.numbered(o))
		}
	}
	return out
}
