package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"homeward/care"
	"homeward/hub"
	"homeward/nhs"
	"homeward/policies"
	"homeward/policy"
	"homeward/signin"
	"homeward/store"
)

// where says which database a tool works on.
type where struct {
	Config   string `help:"Configuration file." type:"existingfile" xor:"db" required:"" placeholder:"FILE"`
	Database string `help:"postgres://... or the data folder." xor:"db" required:"" placeholder:"URL"`
	Data     string `help:"Data folder of the embedded database." xor:"db" required:"" placeholder:"DIR"`
	Key      string `help:"Key file, where the configuration or the data folder does not say." type:"existingfile" placeholder:"FILE"`
}

// opening is how to open it.
func (w where) opening() (o opening, err error) {
	o.encryption.AtRest = atRestOn
	switch {
	case w.Config != "":
		var c Config
		c, err = readConfig(w.Config)
		o.database, o.encryption = c.Database, c.Encryption
	case w.Database != "":
		o.database = w.Database
	default:
		o.database = w.Data
	}
	if w.Key != "" {
		o.encryption = EncryptionConfig{AtRest: atRestOn, KeyFile: w.Key}
	}
	return o, err
}

// open opens a database that must be there already.
func (w where) open(ctx context.Context) (*store.Store, error) {
	o, err := w.opening()
	if err != nil {
		return nil, err
	}
	if !isPostgres(o.database) {
		if _, err := os.Stat(filepath.Join(o.database, "homeward.db")); err != nil {
			return nil, fmt.Errorf("there is no database in %s", o.database)
		}
	}
	return openMade(ctx, o)
}

// openMade opens a database without changing it, and refuses one without tables.
func openMade(ctx context.Context, o opening) (*store.Store, error) {
	s, err := o.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.Ping(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("the database cannot be read. If it is new, run homeward migrate first: %w", err), s.Close())
	}
	return s, nil
}

type configCmd struct {
	Check string `help:"Check this file instead." type:"existingfile"`
}

// Run prints every key with its explanation and default.
func (c *configCmd) Run() error {
	if c.Check != "" {
		read, err := readConfig(c.Check)
		if err == nil {
			err = read.checkMade()
		}
		if err != nil {
			return err
		}
		say(os.Stdout, "The configuration is right.")
		return nil
	}
	return printConfig(os.Stdout, example())
}

// example is the defaults, with one of each that a site has several of.
func example() Config {
	d := defaults()
	d.Orgs = []OrgConfig{{ODS: "RK5", Name: "Sherwood Forest Hospitals", Kind: "trust", Phone: "01632 960 100"},
		{ODS: "511", Name: "Nottinghamshire County Council", Kind: "council", Phone: "01632 960 300", OutOfHours: "01632 960 399"}}
	f := feedDefaults()
	f.Name, f.Title, f.Org, f.Listen = "kings-mill", "King's Mill EPR", "RK5", "127.0.0.1:2575"
	f.Authorities, f.Wards = map[string]string{"RK5": "RK5"}, map[string]string{"W12": "Ward 12"}
	k := councilDefaults()
	k.Name, k.Title, k.ODS, k.Folder = "mosaic", "Mosaic (Nottinghamshire)", "511", "extracts"
	d.Feeds, d.Councils = []FeedConfig{f}, []CouncilConfig{k}
	d.PublicURL, d.Providers = "https://homeward.example", []ProviderConfig{exampleProvider()}
	s := systemDefaults()
	s.Client, s.Title, s.Org, s.Scopes, s.Keys = "kings-mill-epr", "King's Mill EPR", "RK5", []string{"launch"}, "kings-mill-epr.jwks.json"
	d.Systems = []SystemConfig{s}
	d.Destinations = []DestinationConfig{exampleDestination()}
	d.Notifications.Webhooks = []NotificationHookConfig{{Org: "511", URL: "https://chat.county.example/homeward", Secrets: []string{"county-chat.secret"}, Allow: []string{}}}
	d.Reports.Places = []ReportPlaceConfig{{Name: "board", Title: "The board's folder", Org: "RK5", Kind: "files", Dir: "reports", Print: []string{}}}
	return d
}

type migrateCmd struct{ where }

// Run brings the database to this version.
func (c *migrateCmd) Run(ctx context.Context) error {
	o, err := c.opening()
	if err != nil {
		return err
	}
	s, err := o.open(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	o.made = func(file string) { say(os.Stdout, "made a key: %s. Keep a copy elsewhere", file) }
	if err := o.firstKey(s, o.encryption.place(o.database)); err != nil {
		return err
	}
	ran, err := s.Migrate(ctx)
	for _, m := range ran {
		say(os.Stdout, "ran %s", m)
	}
	if err == nil && len(ran) == 0 {
		say(os.Stdout, "nothing to do")
	}
	return err
}

type backupCmd struct {
	where
	To string `arg:"" help:"New file: .zip is an archive that either database restores from; .db is a copy of the embedded database."`
}

// Run copies the database while it is in use.
func (c *backupCmd) Run(ctx context.Context) error {
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	switch ext := filepath.Ext(c.To); {
	case ext != ".zip" && ext != ".db":
		return fmt.Errorf("%s must end in .zip (an archive that either database restores from) or .db (a copy of the embedded database)", c.To)
	case ext == ".db" && s.Engine() != "sqlite":
		return fmt.Errorf("%s: only the embedded database is copied as a .db; use .zip", c.To)
	}
	if err := s.Backup(ctx, c.To); err != nil {
		return err
	}
	say(os.Stdout, "written and checked: %s", c.To)
	return nil
}

type restoreCmd struct {
	where
	From string `arg:"" help:"The backup." type:"existingfile"`
}

// Run puts a backup into an empty database.
func (c *restoreCmd) Run(ctx context.Context) error {
	o, err := c.opening()
	if err != nil {
		return err
	}
	if !isPostgres(o.database) {
		if err := os.MkdirAll(o.database, 0o700); err != nil {
			return err
		}
	}
	cfg := store.Config{URL: o.database, Row: care.RowOf}
	if o.encryption.AtRest != atRestOff {
		cfg.Keys = o.encryption.place(o.database).read
	}
	if err := store.Restore(ctx, c.From, cfg); err != nil {
		return err
	}
	say(os.Stdout, "restored and checked")
	return nil
}

type verifyCmd struct {
	where
	Messages bool `help:"Print the control id of each kept message, one a line, instead of words."`
}

// Run checks everything; the exit code is 0 only when all holds.
func (c *verifyCmd) Run(ctx context.Context) error {
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	if c.Messages {
		w := bufio.NewWriter(os.Stdout)
		err := s.MessageControls(ctx, func(id string) error { _, err := fmt.Fprintln(w, id); return err })
		if err := errors.Join(err, w.Flush()); err != nil {
			return err
		}
	}
	known, err := c.checkpoints(ctx, s)
	if err != nil {
		return err
	}
	if err := s.Verify(ctx, func(wrong string) { say(os.Stderr, "%s", wrong) }, known...); err != nil {
		return err
	}
	if !c.Messages {
		say(os.Stdout, "History, keys, lists, counts and the audit log are as they should be; the log was compared with %d signed checkpoints.", len(known))
		n, err := s.ErasedCount(ctx)
		if err != nil {
			return err
		}
		if n > 0 {
			say(os.Stdout, "%d people were erased when their time was over, and nothing is left of them.", n)
		}
	}
	return nil
}

// checkpoints is the trees of the signed checkpoints that are kept, here and
// elsewhere; none where no key is known that may have signed them.
func (c *verifyCmd) checkpoints(ctx context.Context, s *store.Store) ([]tlog.Tree, error) {
	o, err := c.opening()
	if err != nil {
		return nil, err
	}
	var a AuditConfig
	if c.Config != "" {
		config, err := readConfig(c.Config)
		if err != nil {
			return nil, err
		}
		a = config.Audit
	}
	l, err := a.ledger(o.database, true, logger(true))
	if err != nil || l.Signer == nil && len(l.Old) == 0 {
		return nil, err
	}
	return l.Trees(ctx, s)
}

// toolSite wires a site for a tool that needs its feeds or councils.
func toolSite(ctx context.Context, file string) (*site, error) {
	c, err := readConfig(file)
	if err != nil {
		return nil, err
	}
	return newSite(ctx, c, logger(true), nil)
}

type importCmd struct {
	Config  string `help:"Configuration file." required:"" type:"existingfile" placeholder:"FILE"`
	Council string `help:"ODS code of the council." required:""`
	Folder  string `arg:"" help:"Folder with manifest.toml and the CSV files." type:"existingdir"`
	Go      bool   `help:"Go on although many packages would end: a person has looked." name:"anyway"`
}

// Run reads one extract and says what became of it.
func (c *importCmd) Run(ctx context.Context) error {
	st, err := toolSite(ctx, c.Config)
	if err != nil {
		return err
	}
	defer st.close()
	for _, cc := range st.config.Councils {
		if cc.ODS != c.Council {
			continue
		}
		layout, err := layoutOf(cc)
		if err != nil {
			return err
		}
		read := st.hub.Import
		if c.Go {
			read = st.hub.Resume
		}
		res, err := read(ctx, nhs.ODS(c.Council), filepath.Base(c.Folder), os.DirFS(c.Folder), layout)
		if err != nil {
			return err
		}
		return tellImport(res)
	}
	return fmt.Errorf("council %q is not in the configuration", c.Council)
}

func tellImport(res hub.ImportResult) error {
	for _, n := range res.Notes {
		say(os.Stdout, "note: %s", n)
	}
	say(os.Stdout, "%d people, %d changed, %d under 18 left out, %d packages in place, %d people no longer held, %d rows in quarantine",
		res.People, res.Changed, res.Children, res.Packages, res.Ended, res.Quarantined)
	if res.State != "done" {
		return fmt.Errorf("%s: %s", res.State, res.Why)
	}
	return nil
}

type explainCmd struct {
	Config string `help:"Configuration file." required:"" type:"existingfile" placeholder:"FILE"`
	Feed   string `help:"Name of the feed it would come on." required:""`
	File   string `arg:"" help:"File with one HL7 v2 message." type:"existingfile"`
}

// Run says what a message would do. It changes nothing, the tables of a
// database included; where there is none yet, nobody is known.
func (c *explainCmd) Run(ctx context.Context) error {
	st, err := c.site(ctx)
	if err != nil {
		return err
	}
	defer st.close()
	raw, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	x, err := st.hub.Explain(ctx, c.Feed, raw)
	if err != nil {
		return err
	}
	for _, l := range []struct{ label, text string }{{"event", x.Event}, {"about", x.Known}, {"held", x.Hold}, {"ignored", x.Ignore}} {
		if l.text != "" {
			say(os.Stdout, "%-8s %s", l.label, l.text)
		}
	}
	for _, n := range x.Notes {
		say(os.Stdout, "%-8s %s", "note", n)
	}
	for _, e := range x.Events {
		say(os.Stdout, "%-8s %s", "would", e)
	}
	if x.Hold == "" && x.Ignore == "" && len(x.Events) == 0 {
		say(os.Stdout, "%-8s nothing that is not known already", "would")
	}
	return nil
}

func (c *explainCmd) site(ctx context.Context) (*site, error) {
	cfg, err := readConfig(c.Config)
	if err != nil {
		return nil, err
	}
	if !isPostgres(cfg.Database) {
		if _, err := os.Stat(filepath.Join(cfg.Database, "homeward.db")); errors.Is(err, fs.ErrNotExist) {
			dir, err := os.MkdirTemp("", "homeward-explain-")
			if err != nil {
				return nil, err
			}
			cfg.Database, cfg.Encryption = dir, EncryptionConfig{AtRest: atRestOff} // nothing is kept
			st, err := newSite(ctx, cfg, logger(true), nil)
			if err != nil {
				return nil, errors.Join(err, os.RemoveAll(dir))
			}
			st.scratch = dir
			return st, nil
		}
	}
	s, err := openMade(ctx, opening{database: cfg.Database, encryption: cfg.Encryption})
	if err != nil {
		return nil, err
	}
	return wired(&site{config: cfg, log: logger(true), store: s}, nil)
}

type replayCmd struct {
	Config string  `help:"Configuration file." required:"" type:"existingfile" placeholder:"FILE"`
	IDs    []int64 `arg:"" optional:"" help:"Ids of held messages; none: all."`
}

// operator is who works at the terminal of the server.
func operator() care.Actor {
	return care.Actor{ID: "operator", Name: "Operator", Role: care.Integration, Org: "SYSTEM", OrgKind: care.System, Address: "terminal"}
}

// Run reads held messages again.
func (c *replayCmd) Run(ctx context.Context) error {
	st, err := toolSite(ctx, c.Config)
	if err != nil {
		return err
	}
	defer st.close()
	res, err := st.hub.Replay(ctx, operator(), c.IDs)
	if err != nil {
		return err
	}
	say(os.Stdout, "%d tried, %d read, %d still held", res.Tried, res.Done, res.StillHeld)
	return nil
}

type userCmd struct {
	Add userAddCmd `cmd:"" help:"Add an account, or give an existing one a new password and roles."`
}

type userAddCmd struct {
	Config string   `help:"Configuration file." required:"" type:"existingfile" placeholder:"FILE"`
	Login  string   `arg:"" help:"What they type to sign in."`
	Name   string   `help:"Name for people." required:""`
	Role   []string `help:"role@ODS, and for a ward or team role@ODS/ward-or-team. Several are allowed." required:""`
}

// Run reads the password from standard input, so that it stands in no list of
// processes and no history.
func (c *userAddCmd) Run(ctx context.Context) error {
	st, err := toolSite(ctx, c.Config)
	if err != nil {
		return err
	}
	defer st.close()
	a := care.Account{ID: care.ActorID(newAccountID()), Login: strings.ToLower(c.Login), Name: c.Name}
	switch old, err := st.hub.Account(ctx, a.Login); {
	case err == nil:
		a.ID = old.ID
	case care.KindOf(err) != care.NotFound:
		return err
	}
	for _, r := range c.Role {
		g, err := parseGrant(r)
		if err == nil {
			err = fits(g, st.config)
		}
		if err != nil {
			return err
		}
		a.Grants = append(a.Grants, g)
	}
	password, err := askPassword(ctx)
	if err != nil {
		return err
	}
	if a.Hash, err = signin.HashPassword(a.Login, password, rand.Reader); err != nil {
		return err
	}
	return st.hub.PutAccount(ctx, a)
}

// askPassword reads one line of standard input; a terminal does not show it.
func askPassword(ctx context.Context) (string, error) {
	if info, err := os.Stdin.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		fmt.Fprint(os.Stderr, "Password: ")
		echo := func(how string) {
			c := exec.Command("stty", how)
			c.Stdin = os.Stdin
			_ = c.Run() // no terminal, or a system without stty: it is shown
		}
		echo("-echo")
		defer func() { echo("echo"); fmt.Fprintln(os.Stderr) }()
		// A read of a terminal cannot be called off, so Ctrl-C ends the process here.
		defer context.AfterFunc(ctx, func() { echo("echo"); os.Exit(1) })()
	}
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// fits refuses a role that could sign in and would see nothing.
func fits(g care.Grant, c Config) error {
	for _, o := range c.Orgs {
		if o.ODS == string(g.Org) {
			return nil
		}
	}
	return fmt.Errorf("role %s@%s: %s is no [[organisation]] of the configuration", g.Role, g.Org, g.Org)
}

func newAccountID() string {
	var b [10]byte
	rand.Read(b[:])
	return "u" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))
}

// parseGrant reads role@ODS or role@ODS/ward-or-team.
func parseGrant(s string) (care.Grant, error) {
	role, rest, ok := strings.Cut(s, "@")
	ods, part, _ := strings.Cut(rest, "/")
	g := care.Grant{Role: care.Role(role)}
	if !ok || g.Role.Say() == "" {
		var all []string
		for _, r := range care.Roles() {
			all = append(all, string(r))
		}
		return g, fmt.Errorf("role %q must be like coordinator@RK5; the roles are %s", s, strings.Join(all, ", "))
	}
	code, err := nhs.ParseODS(ods)
	if err != nil {
		return g, fmt.Errorf("role %q: %w", s, err)
	}
	g.Org = code
	switch g.Role {
	case care.AENurse, care.WardNurse, care.WallboardRole:
		g.Ward = part
	default:
		g.Team = part
	}
	return g, nil
}

type policyCmd struct {
	Check policyCheckCmd `cmd:"" help:"Run the signed cases against the rules."`
	Why   policyWhyCmd   `cmd:"" help:"Say which rules, facts and agreements decide something for somebody, or one sentence of cases.txt."`
}

type policyCheckCmd struct{}

// Run runs every signed case.
func (policyCheckCmd) Run() error {
	set, _, err := released()
	if err != nil {
		return err
	}
	f, err := policies.Files.Open("cases.txt")
	if err != nil {
		return err
	}
	defer f.Close()
	results, err := policy.RunCases(set, f)
	if err != nil {
		return err
	}
	bad := 0
	for _, r := range results {
		if !r.Pass {
			bad++
			say(os.Stdout, "line %d: %s: %s", r.Line, r.Text, r.Problem)
		}
	}
	say(os.Stdout, "%d sentences, %d not so; rules %s", len(results), bad, set.Version())
	if bad > 0 {
		return errors.New("the rules do not do what was signed")
	}
	return nil
}

type policyWhyCmd struct {
	Line     int    `help:"Explain this line of cases.txt, and nobody real." placeholder:"N"`
	User     string `arg:"" optional:"" help:"Who asks, by what they type to sign in."`
	Action   string `arg:"" optional:"" help:"What they want to see or do, such as seePackages."`
	Case     string `arg:"" optional:"" help:"The case, by its name in addresses and in the audit. Left out: about nobody."`
	Purpose  string `help:"What they need it for." enum:"direct-care,discharge-planning,other,operations,governance" default:"discharge-planning"`
	Reason   bool   `help:"As if they had written a reason down."`
	Declared bool   `help:"As if they had looked this person up."`
	Audience string `help:"Of a note." enum:",both,council,hospital" default:""`
	Config   string `help:"Configuration file." type:"existingfile" placeholder:"FILE"`
}

// Validate wants either a sentence or somebody of a site.
func (c policyWhyCmd) Validate() error {
	switch {
	case c.Line != 0 && c.User == "":
		return nil
	case c.Line != 0 || c.User == "" || c.Action == "" || c.Config == "":
		return errors.New("say USER ACTION [CASE] and --config=FILE, or --line=N")
	}
	return nil
}

// Run explains one sentence, or how something is decided for somebody.
func (c policyWhyCmd) Run(ctx context.Context) error {
	if c.Line != 0 {
		return c.sentence()
	}
	st, err := toolSite(ctx, c.Config)
	if err != nil {
		return err
	}
	defer st.close()
	text, err := st.hub.Why(ctx, hub.WhyQuery{Login: c.User, Action: policy.Action(c.Action), Case: care.CaseID(c.Case), Purpose: policy.Purpose(c.Purpose),
		Reason: c.Reason, Declared: c.Declared, Audience: policy.Audience(c.Audience)})
	if err != nil {
		return err
	}
	_, err = io.WriteString(os.Stdout, text)
	return err
}

func (c policyWhyCmd) sentence() error {
	set, _, err := released()
	if err != nil {
		return err
	}
	f, err := policies.Files.Open("cases.txt")
	if err != nil {
		return err
	}
	defer f.Close()
	results, err := policy.RunCases(set, f)
	if err != nil {
		return err
	}
	for _, r := range results {
		if r.Line == c.Line {
			say(os.Stdout, "%s\n%s", r.Text, set.Explain(r.Request))
			return nil
		}
	}
	return fmt.Errorf("line %d of cases.txt is not a sentence", c.Line)
}
