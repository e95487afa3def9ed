package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/signin"
	"homeward/sim"
	"homeward/sim/idp"
	"homeward/store"
)

type demoCmd struct {
	HTTP     string  `help:"Address of the web pages. Empty: 127.0.0.1:8080, or a free port." name:"http"`
	MLLP     string  `help:"Address of the first feed; the others listen on the next ports. Empty: 127.0.0.1:2575, or free ports." name:"mllp"`
	Data     string  `help:"Keep everything in this folder. Empty: a temporary one."`
	Database string  `help:"postgres://... instead of the embedded database."`
	Seed     uint64  `help:"The same seed gives the same people and the same events." default:"1"`
	Speed    float64 `help:"How fast the pretend hospitals live; 1 is about an event a second." default:"1"`
	Past     int     `help:"How many invented people of the last half year stand behind the figures." default:"400"`
	NoSim    bool    `help:"No pretend hospitals and no pretend council: only what you send." name:"no-sim"`
	Pprof    bool    `help:"Profiles of this process under /demo/pprof, for those who measure it." hidden:""`
}

// demo is a site with pretend hospitals and a pretend council on real sockets.
type demo struct {
	cmd    demoCmd
	dir    string
	site   *site
	county *sim.County
	clock  *shiftedClock

	providers []*idp.Provider
	epr       *epr // of the first hospital
	ears      []*ear
	opened    []net.Listener // of the feeds at free ports
}

// shiftedClock is the real clock moved by a settable offset, so that a person or
// a story can let twenty minutes pass.
type shiftedClock struct{ by atomic.Int64 }

func (c *shiftedClock) now() time.Time { return time.Now().Add(time.Duration(c.by.Load())) }

func (c *shiftedClock) pass(d time.Duration) { c.by.Add(int64(d)) }

func (c *shiftedClock) set(t time.Time) { c.by.Store(int64(time.Until(t))) }

// Run runs the demo until it is told to stop.
func (c *demoCmd) Run(ctx context.Context) (err error) {
	d := &demo{cmd: *c, dir: c.Data, clock: &shiftedClock{}}
	if d.dir == "" {
		if d.dir, err = os.MkdirTemp("", "homeward-demo-"); err != nil {
			return err
		}
		defer os.RemoveAll(d.dir)
	}
	if err := os.MkdirAll(filepath.Join(d.dir, "extracts"), 0o700); err != nil {
		return err
	}
	cfg, pages, err := d.listeners()
	if err != nil {
		return err
	}
	if err := errors.Join(d.makeCounty(&cfg), d.makeEPR(&cfg), d.makeEars(&cfg)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.closeProviders()) }()
	if err := d.pretendProviders(&cfg); err != nil {
		return err
	}
	log := logger(true)
	if d.site, err = newSite(ctx, cfg, log, d.clock.now); err != nil {
		return err
	}
	defer d.site.close()
	d.site.phase = "Demonstration: everybody here is invented"
	d.site.extra = d.panel()
	d.site.opened = d.opened
	if err := d.site.listen(); err != nil {
		return err
	}
	if err := d.accounts(ctx); err != nil {
		return err
	}
	if err := d.agreements(ctx); err != nil {
		return err
	}
	if err := d.work(ctx); err != nil {
		return err
	}
	d.tell(pages)
	d.warn(pages)
	return d.play(ctx, pages)
}

// play runs the site and, beside it, the county.
func (d *demo) play(ctx context.Context, pages net.Listener) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	if !d.cmd.NoSim {
		wg.Go(func() { _ = d.county.Play(ctx) })
		wg.Go(func() { d.past(ctx) })
	}
	wg.Go(func() { d.marketOnce(ctx) })
	for _, e := range d.ears {
		wg.Go(func() { _ = e.serve(ctx) })
	}
	err := d.site.run(ctx, pages)
	stop()
	wg.Wait()
	return errors.Join(err, d.county.Close())
}

// demoFeeds names the feeds of the three hospitals.
var demoFeeds = []string{"kings-mill", "queens", "bassetlaw"}

// listeners finds addresses: those asked for, else the usual ones, else free ones.
func (d *demo) listeners() (Config, net.Listener, error) {
	cfg := defaults()
	cfg.Database = d.cmd.Database
	if cfg.Database == "" {
		cfg.Database = d.dir
	}
	if err := d.key(&cfg); err != nil {
		return cfg, nil, err
	}
	pages, err := listenOr(d.cmd.HTTP, "127.0.0.1:8080")
	if err != nil {
		return cfg, nil, err
	}
	cfg.HTTP = pages.Addr().String()
	host, port := "127.0.0.1", 2575
	if d.cmd.MLLP != "" {
		h, p, err := net.SplitHostPort(d.cmd.MLLP)
		if err != nil {
			return cfg, nil, fmt.Errorf("--mllp must be host:port: %w", err)
		}
		if port, err = strconv.Atoi(p); err != nil {
			return cfg, nil, fmt.Errorf("--mllp must be host:port: %w", err)
		}
		host = h
	}
	cfg.Limits.Idle = Duration{4 * time.Hour} // letting time pass must not sign anybody out
	for i, h := range sim.Hospitals() {
		cfg.Orgs = append(cfg.Orgs, OrgConfig{ODS: string(h.ODS), Name: h.Name, Kind: string(care.Trust), Phone: fmt.Sprintf("01632 960 1%02d", i)})
		addr := net.JoinHostPort(host, strconv.Itoa(port+i))
		if d.cmd.MLLP == "" && !free(addr) || port == 0 {
			addr = net.JoinHostPort(host, "0")
		}
		cfg.Feeds = append(cfg.Feeds, demoFeed(demoFeeds[i], h, addr))
	}
	cfg.Orgs = append(cfg.Orgs,
		OrgConfig{ODS: string(sim.Nottinghamshire), Name: "Nottinghamshire County Council", Kind: string(care.Council), Phone: "01632 960 300", OutOfHours: "01632 960 399"},
		OrgConfig{ODS: string(sim.NottinghamCity), Name: "Nottingham City Council", Kind: string(care.Council), Phone: "01632 960 310", OutOfHours: "01632 960 319"},
		OrgConfig{ODS: "HOMEWARD", Name: "Homeward operations", Kind: string(care.System), Phone: "01632 960 900"})
	k := councilDefaults()
	k.Name, k.Title, k.ODS, k.Folder = "mosaic", "Mosaic (Nottinghamshire)", string(sim.Nottinghamshire), filepath.Join(d.dir, "extracts")
	cfg.Councils = []CouncilConfig{k}
	return cfg, pages, nil
}

// key gives the demonstration a key that goes with its folder. A database of
// its own that outlives the folder is not encrypted.
func (d *demo) key(cfg *Config) error {
	if d.cmd.Database != "" && d.cmd.Data == "" {
		cfg.Encryption.AtRest = atRestOff
		return nil
	}
	file := filepath.Join(d.dir, keyFileName)
	if d.cmd.Database != "" {
		cfg.Encryption.KeyFile = file
	}
	if _, err := os.Stat(filepath.Join(d.dir, "homeward.db")); err == nil {
		return nil
	}
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	return writeKeyFile(file, []store.MasterKey{store.NewMasterKey()})
}

func demoFeed(name string, h sim.HospitalConfig, addr string) FeedConfig {
	f, at := feedDefaults(), h.Dialect.Fields()
	f.Name, f.Title, f.Org, f.Listen = name, h.Name+" EPR", string(h.ODS), addr
	f.QuietNight = f.QuietDay // the story of the silent feed can be played at any hour
	f.Expected, f.Fit, f.Ready, f.DischargeMethod, f.Trace, f.FitYes, f.FitNo = at.Expected, at.Fit, at.Ready, at.DischargeMethod, at.Trace, at.FitYes, at.FitNo
	f.Wards = map[string]string{}
	for _, w := range h.Wards {
		f.Wards[w.Code] = w.Name
	}
	return f
}

func free(addr string) bool {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return false
	}
	return l.Close() == nil
}

func listenOr(asked, usual string) (net.Listener, error) {
	if asked != "" {
		return net.Listen("tcp", asked)
	}
	if l, err := net.Listen("tcp", usual); err == nil {
		return l, nil
	}
	return net.Listen("tcp", "127.0.0.1:0")
}

// makeCounty makes the pretend hospitals and council, and the gazetteer. The
// hospitals learn the listeners' addresses before anything is sent.
func (d *demo) makeCounty(cfg *Config) error {
	zone, err := time.LoadLocation(cfg.Zone)
	if err != nil {
		return err
	}
	hs := sim.Hospitals()
	for i := range hs {
		if _, port, _ := net.SplitHostPort(cfg.Feeds[i].Listen); port == "0" {
			l, err := net.Listen("tcp", cfg.Feeds[i].Listen)
			if err != nil {
				return err
			}
			cfg.Feeds[i].Listen = l.Addr().String()
			d.opened = append(d.opened, l) // closed, another program could have it by the time that we listen
		}
		hs[i].Addr = cfg.Feeds[i].Listen
	}
	d.county, err = sim.New(sim.Config{Seed: d.cmd.Seed, Speed: d.cmd.Speed, Clock: d.clock.now, Sleep: sleep, Zone: zone, Hospitals: hs,
		Council: sim.CouncilConfig{Name: "Nottinghamshire County Council", Dir: filepath.Join(d.dir, "extracts")}})
	if err != nil {
		return err
	}
	cfg.Gazetteer = filepath.Join(d.dir, "gazetteer.csv")
	f, err := os.Create(cfg.Gazetteer)
	if err != nil {
		return err
	}
	return errors.Join(d.county.WriteGazetteer(f), f.Close())
}

func sleep(ctx context.Context, t time.Duration) error {
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// demoPassword opens every invented account of the demo, and nothing else: the
// demo listens on this machine only unless it is told otherwise.
const demoPassword = "home before dark"

type demoAccount struct {
	login, name, does string
	grants            []care.Grant
}

func demoAccounts() []demoAccount {
	one := func(r care.Role, org nhs.ODS, team, ward string) []care.Grant {
		return []care.Grant{{Role: r, Org: org, Team: team, Ward: ward}}
	}
	return []demoAccount{
		{"nina", "Nina Brandt", "A&E nurse, King's Mill", one(care.AENurse, sim.KingsMill, "", "ED")},
		{"ward12", "Femi Adeyemi", "Ward nurse, ward 12, King's Mill", one(care.WardNurse, sim.KingsMill, "", "12")},
		{"priya", "Priya Nair", "Discharge coordinator, King's Mill", one(care.Coordinator, sim.KingsMill, "", "")},
		{"quentin", "Quentin Hale", "Discharge coordinator, Queen's", one(care.Coordinator, sim.Queens, "", "")},
		{"beth", "Beth Lowe", "Discharge coordinator, Bassetlaw", one(care.Coordinator, sim.Bassetlaw, "", "")},
		{"rose", "Rose Okafor", "Team manager, Nottinghamshire County Council", one(care.TeamManager, sim.Nottinghamshire, "T1", "")},
		{"anil", "Anil Patel", "Social worker, Nottinghamshire County Council", one(care.SocialWorker, sim.Nottinghamshire, "T1", "")},
		{"sue", "Sue Wright", "Social worker, Nottinghamshire County Council", one(care.SocialWorker, sim.Nottinghamshire, "T1", "")},
		{"bob", "Bob Cole", "Broker, Nottinghamshire County Council", one(care.Broker, sim.Nottinghamshire, "T1", "")},
		demoProvider(),
		{"ana", "Ana Silva", "Analyst, Nottinghamshire County Council", one(care.Analyst, sim.Nottinghamshire, "", "")},
		{"iggy", "Iggy Marsh", "Information governance lead", one(care.IGLead, "HOMEWARD", "", "")},
		{"ivan", "Ivan Petrov", "Information governance lead, Nottinghamshire County Council", one(care.IGLead, sim.Nottinghamshire, "", "")},
		{"inga", "Inga Dahl", "Integration engineer", one(care.Integration, "HOMEWARD", "", "")},
		{"adam", "Adam Frost", "Administrator", one(care.Admin, "HOMEWARD", "", "")},
		{"wall", "Wallboard", "Wallboard, King's Mill", one(care.WallboardRole, sim.KingsMill, "", "")},
	}
}

// accounts adds the invented accounts that are not there yet.
func (d *demo) accounts(ctx context.Context) error {
	hash := ""
	for _, a := range demoAccounts() {
		_, err := d.site.hub.Account(ctx, a.login)
		if err == nil {
			continue
		}
		if care.KindOf(err) != care.NotFound {
			return err
		}
		if hash == "" {
			if hash, err = signin.HashPassword(a.login, demoPassword, rand.Reader); err != nil {
				return err
			}
		}
		acc := care.Account{ID: care.ActorID("demo-" + a.login), Login: a.login, Name: a.name, Grants: a.grants, Hash: hash}
		if err := d.site.hub.PutAccount(ctx, acc); err != nil {
			return err
		}
	}
	return nil
}

// warn says what it means that others can reach the demo.
func (d *demo) warn(pages net.Listener) {
	if !loopback(pages.Addr().String()) {
		say(os.Stderr, "Warning: %s can be reached from other machines, and the password above is published. Put nobody's real data in.", pages.Addr())
	}
	for _, l := range d.site.feeds {
		if !loopback(l.at.Addr().String()) {
			say(os.Stderr, "Warning: %s takes messages from other machines, without TLS.", l.at.Addr())
		}
	}
}

// tell prints what a newcomer needs.
func (d *demo) tell(pages net.Listener) {
	out := os.Stdout
	say(out, "Homeward is running. Everybody in it is invented.\n")
	say(out, "  Open      http://%s", pages.Addr())
	say(out, "  Stories   http://%s/demo   (make things happen: somebody becomes fit, a feed falls silent)\n", pages.Addr())
	say(out, "  Sign in with the password: %s", demoPassword)
	for _, a := range demoAccounts() {
		say(out, "    %-8s %s", a.login, a.does)
	}
	say(out, "\n  Or, without a password, by a pretend identity provider: its button stands on the sign-in page.")
	say(out, "\n  HL7 v2 over MLLP")
	for _, l := range d.site.feeds {
		say(out, "    %-22s %s", l.at.Addr(), l.feed.Title)
	}
	say(out, "\n  FHIR: be a system, with a token from")
	say(out, "    homeward system token --url %s --client kings-mill-epr --key %s", d.epr.url, d.keyOf("kings-mill-epr"))
	b := sim.Barbara(nhs.DateOf(d.clock.now()))
	say(out, "\n  Try first: sign in as nina, find a person by NHS number %s, born %s.", b.NHS.Spaced(), b.Born.Time().Format("2 January 2006"))
	say(out, "  Stop with Ctrl-C.")
}
