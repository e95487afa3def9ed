package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"homeward/care"
	"homeward/hub"
	"homeward/mllp"
	"homeward/nhs"
	"homeward/translate"
)

// Config is the one configuration file. Its doc tags are its documentation:
// `homeward config` prints them.
type Config struct {
	HTTP       string           `toml:"http" doc:"Address of the web pages, host:port."`
	TLSCert    string           `toml:"tls_cert" doc:"File with the certificate of the web pages, PEM. Empty: plain HTTP, for use behind a proxy that does TLS."`
	TLSKey     string           `toml:"tls_key" doc:"File with its private key, PEM."`
	Behind     bool             `toml:"behind_proxy" doc:"A proxy in front does TLS: cookies are marked Secure and X-Forwarded-For names the reader."`
	Metrics    string           `toml:"metrics" doc:"Address of /metrics for a monitoring system, host:port. Empty: at the address of the pages, for programs on this machine only."`
	PublicURL  string           `toml:"public_url" doc:"Where people's browsers reach the pages, like https://homeward.example. Needed when there is a [[provider]] or a [[system]]: systems sign it into their assertions, and links from a record system begin with it."`
	Database   string           `toml:"database" doc:"postgres://... for PostgreSQL (several hosts may be listed, for failover), or a folder for the embedded database."`
	Gazetteer  string           `toml:"gazetteer" doc:"CSV file uprn,postcode,council and perhaps address: which council is responsible for an address."`
	Reasons    string           `toml:"delay_reasons" doc:"The national reasons for delay that are suggested and chosen. 2022: the 18 of 2022-23. 2024: those of the list since 2024 that are known. Otherwise a file like those (codelists/delay-reasons-2024.toml). After a change run homeward measures rebuild."`
	Zone       string           `toml:"zone" doc:"Time zone of the hospitals and of the screens."`
	Encryption EncryptionConfig `toml:"encryption" doc:"What is stored of people is encrypted at rest."`
	Audit      AuditConfig      `toml:"audit" doc:"The audit log is signed, and people are erased when their time is over."`
	SignIn     SignInConfig     `toml:"signin" doc:"How accounts that are kept here prove who they are."`
	PDS        PDSConfig        `toml:"pds" doc:"The Personal Demographics Service says who somebody is."`
	Limits     LimitsConfig     `toml:"limits" doc:"Numbers that a site may change."`
	Money      MoneyConfig      `toml:"money" doc:"What people may approve of what arranged care costs, in pounds."`
	Orgs       []OrgConfig      `toml:"organisation" doc:"Each trust and council."`
	Feeds      []FeedConfig     `toml:"feed" doc:"Each hospital system that sends HL7 v2 messages."`
	Councils   []CouncilConfig  `toml:"council" doc:"Each council whose extract is read."`
	Providers  []ProviderConfig `toml:"provider" doc:"Each identity provider by which staff sign in with their organisation's own account. Accounts kept here work besides."`

	Machines MachinesConfig `toml:"machines" doc:"How systems that sign in by themselves show a client certificate."`
	Systems  []SystemConfig `toml:"system" doc:"Each system that signs in by itself, such as a hospital's record system."`

	Subscriptions SubscriptionsConfig `toml:"subscriptions" doc:"Where systems that subscribe may be called."`

	Attachments AttachmentsConfig `toml:"attachments" doc:"Files that are put to assessments: a PDF, PNG, JPEG, DOCX, ODT or plain text, by what its bytes say."`

	Notifications NotificationsConfig `toml:"notifications" doc:"How staff are told of what happens besides the pages: by e-mail and webhook, which name nobody."`

	Reports      ReportsConfig       `toml:"reports" doc:"Where scheduled reports may be delivered to, besides a link by e-mail."`
	Destinations []DestinationConfig `toml:"destination" doc:"Each system that is told what happens, such as a council's case management or a hospital's record system."`
}

// LimitsConfig are numbers that a site may change.
type LimitsConfig struct {
	Idle            Duration `toml:"idle" doc:"A session ends after this long without a click."`
	Absolute        Duration `toml:"absolute" doc:"A session ends after this long in any case."`
	Attempts        int      `toml:"attempts" doc:"Wrong passwords before an account is locked for a while."`
	Lock            Duration `toml:"lock" doc:"How long an account is locked."`
	LookStale       Duration `toml:"look_stale" doc:"A council's extract older than this is not shown by the look-up at all."`
	Capacity        Duration `toml:"capacity" doc:"What a provider can take on counts for this long after it was reported."`
	LookMisses      int      `toml:"look_misses" doc:"Wrong dates of birth before a reader is slowed down."`
	Requests        int      `toml:"requests" doc:"Requests of one reader in a minute; more are told to wait. 0: no limit, as for the four below."`
	AddressRequests int      `toml:"address_requests" doc:"Requests from one network address in a minute. A whole hospital may be behind one."`
	SignIns         int      `toml:"sign_ins" doc:"Tries to sign in from one network address in a minute."`
	LookUps         int      `toml:"look_ups" doc:"People whom one reader looks up in an hour."`
	LookedUp        int      `toml:"looked_up" doc:"Different readers who find one person in an hour, above which information governance leads are alerted. Nobody is stopped."`
	ProviderDays    int      `toml:"provider_days" doc:"Days after which a care provider's numbers, if nobody checked them, are marked as not checked."`
	LinkHours       int      `toml:"link_hours" doc:"Hours in which a link that is mailed to a care provider opens, once. Mails need [notifications] and public_url."`
	AtRiskDays      int      `toml:"at_risk_days" doc:"Whole days since discharge-ready from which a wait is called At risk."`
	DelayedDays     int      `toml:"delayed_days" doc:"Whole days since discharge-ready from which a wait is called Delayed."`
}

// OrgConfig is an organisation.
type OrgConfig struct {
	ODS        string `toml:"ods" doc:"Its ODS code. Council codes look like numbers and are written in quotes."`
	Name       string `toml:"name" doc:"Its name for people."`
	Kind       string `toml:"kind" doc:"trust, council, provider or system."`
	Phone      string `toml:"phone" doc:"Whom to ring by day when something cannot be checked."`
	OutOfHours string `toml:"out_of_hours" doc:"A council's emergency duty team."`
}

// FeedConfig is one listener and how its sender fills messages.
type FeedConfig struct {
	Name            string            `toml:"name" doc:"Short name, used in logs and addresses."`
	Title           string            `toml:"title" doc:"Name for people: King's Mill EPR."`
	Org             string            `toml:"org" doc:"ODS code of the trust."`
	Listen          string            `toml:"listen" doc:"Address of the MLLP listener, host:port."`
	TLSCert         string            `toml:"tls_cert" doc:"File with the listener's certificate, PEM. Empty: no TLS."`
	TLSKey          string            `toml:"tls_key" doc:"File with its private key, PEM."`
	ClientCA        string            `toml:"client_ca" doc:"File with the certificates that sign the senders' certificates, PEM. Set: a sender without one is refused."`
	MaxMessageKB    int               `toml:"max_message_kb" doc:"Largest message, in kilobytes."`
	IdleTimeout     Duration          `toml:"idle_timeout" doc:"A connection that sends nothing for this long is closed. 0: never."`
	ReadTimeout     Duration          `toml:"read_timeout" doc:"Time a sender has from a message's first byte to its last."`
	MaxConnections  int               `toml:"max_connections" doc:"Connections at once; more are closed and counted."`
	QuietDay        Duration          `toml:"quiet_day" doc:"By day (7:00 to 22:00), silence after which the feed is called out of date."`
	QuietNight      Duration          `toml:"quiet_night" doc:"The same by night."`
	Expected        string            `toml:"expected" doc:"Where the predicted discharge date is, SEG-FIELD.COMPONENT."`
	Fit             string            `toml:"fit" doc:"Where the medically fit indicator is."`
	Ready           string            `toml:"ready" doc:"Where the discharge ready time is."`
	DischargeMethod string            `toml:"discharge_method" doc:"Where the discharge method is. Empty: not sent."`
	Trace           string            `toml:"trace" doc:"Where the NHS number status is."`
	FitYes          []string          `toml:"fit_yes" doc:"Codes that mean medically fit."`
	FitNo           []string          `toml:"fit_no" doc:"Codes that mean not fit."`
	Sensitive       []string          `toml:"sensitive" doc:"Codes of PV1-16 that mark a sensitive record. Empty: any but N and 0."`
	Authorities     map[string]string `toml:"authorities" doc:"Assigning authorities of hospital numbers and the ODS codes of their trusts."`
	Wards           map[string]string `toml:"wards" doc:"Ward codes and their names."`
}

// CouncilConfig is one council's extract.
type CouncilConfig struct {
	Name       string   `toml:"name" doc:"Short name of the source."`
	Title      string   `toml:"title" doc:"Name for people: Mosaic (Nottinghamshire)."`
	ODS        string   `toml:"ods" doc:"The council's ODS code."`
	Folder     string   `toml:"folder" doc:"Folder that is watched for extracts. Empty: only homeward import."`
	Layout     string   `toml:"layout" doc:"File with the column map of its extract. Empty: Homeward's own columns. mosaic: a Mosaic-like reporting extract."`
	StopShare  int      `toml:"stop_share" doc:"Share of packages in place, in percent, that a full extract may end without a person looking."`
	QuietDay   Duration `toml:"quiet_day" doc:"By day, silence after which what it holds is called out of date."`
	QuietNight Duration `toml:"quiet_night" doc:"The same by night."`

	SFTP SFTPConfig   `toml:"sftp" doc:"Extracts are fetched from an SFTP server."`
	Mesh MeshInConfig `toml:"mesh" doc:"Extracts come to a MESH mailbox."`
	Poll PollConfig   `toml:"poll" doc:"The council's system has an API, which is asked."`
}

// Duration is a length of time written as in "15m" or "12h".
type Duration struct{ time.Duration }

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(b []byte) (err error) {
	d.Duration, err = time.ParseDuration(string(b))
	return err
}

// MarshalText writes it without needless zeros: 15m, not 15m0s.
func (d Duration) MarshalText() ([]byte, error) {
	s := d.Duration.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return []byte(s), nil
}

func defaults() Config {
	minutes := func(n int) Duration { return Duration{time.Duration(n) * time.Minute} }
	return Config{
		HTTP: "127.0.0.1:8080", Database: "homeward-data", Reasons: "2022", Zone: "Europe/London", Encryption: EncryptionConfig{AtRest: atRestOn}, Audit: AuditConfig{OldKeys: []string{}},
		PDS: pdsDefaults(), Money: moneyDefaults(), Subscriptions: SubscriptionsConfig{Allow: []string{}}, Notifications: notificationDefaults(),
		SignIn:      SignInConfig{SecondFactor: "offered", SecondFactorFor: []string{}},
		Attachments: AttachmentsConfig{ScanTimeout: Duration{30 * time.Second}, MaxMB: 10, MaxFiles: 10},
		Reports:     ReportsConfig{Print: []string{}},
		Limits: LimitsConfig{Idle: minutes(10), Absolute: minutes(12 * 60), Attempts: 5, Lock: minutes(15),
			LookStale: minutes(24 * 60), Capacity: minutes(48 * 60), LookMisses: 5, Requests: 600, AddressRequests: 12_000, SignIns: 120, LookUps: 60, LookedUp: 20, ProviderDays: 90, LinkHours: 72, AtRiskDays: 2, DelayedDays: 3},
	}
}

func feedDefaults() FeedConfig {
	return FeedConfig{MaxMessageKB: 1024, IdleTimeout: Duration{0}, ReadTimeout: Duration{30 * time.Second}, MaxConnections: 64,
		QuietDay: Duration{15 * time.Minute}, QuietNight: Duration{time.Hour},
		Expected: "PV2-9", Fit: "ZU1-22", Ready: "ZU1-24", Trace: "PID-32", FitYes: []string{"Y"}, FitNo: []string{"N"}}
}

func councilDefaults() CouncilConfig {
	return CouncilConfig{StopShare: 10, QuietDay: Duration{time.Hour}, QuietNight: Duration{26 * time.Hour},
		SFTP: sftpDefaults(), Mesh: meshInDefaults(), Poll: pollDefaults()}
}

// readConfig reads a file and refuses keys that it does not know.
func readConfig(path string) (Config, error) {
	c := defaults()
	b, err := os.ReadFile(path)
	if err != nil {
		return c, fmt.Errorf("reading the configuration: %w", err)
	}
	var many struct {
		Feed, Council, Provider, System, Destination []map[string]any
	}
	if _, err := toml.Decode(string(b), &many); err != nil {
		return c, fmt.Errorf("configuration %s: %w", path, err)
	}
	// Decoding keeps what a key that is not there had: so a zero that is
	// written, such as stop_share = 0, is told from one that is not.
	for range many.Feed {
		c.Feeds = append(c.Feeds, feedDefaults())
	}
	for range many.Council {
		c.Councils = append(c.Councils, councilDefaults())
	}
	for range many.Provider {
		c.Providers = append(c.Providers, providerDefaults())
	}
	for range many.System {
		c.Systems = append(c.Systems, systemDefaults())
	}
	for range many.Destination {
		c.Destinations = append(c.Destinations, destinationDefaults())
	}
	meta, err := toml.Decode(string(b), &c)
	if err != nil {
		return c, fmt.Errorf("configuration %s: %w", path, err)
	}
	if un := meta.Undecoded(); len(un) > 0 {
		var names []string
		for _, k := range un {
			names = append(names, k.String())
		}
		return c, fmt.Errorf("configuration %s: not known: %s. `homeward config` prints all keys", path, strings.Join(names, ", "))
	}
	c.relativeTo(filepath.Dir(path))
	if err := c.check(); err != nil {
		return c, fmt.Errorf("configuration %s: %w", path, err)
	}
	return c, nil
}

// relativeTo makes the paths in the file relative to it.
func (c *Config) relativeTo(dir string) {
	fix := func(p *string) {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	fix(&c.TLSCert)
	fix(&c.TLSKey)
	fix(&c.Gazetteer)
	if ownReasons[c.Reasons] == "" {
		fix(&c.Reasons)
	}
	fix(&c.Audit.Key)
	fix(&c.Audit.Checkpoints)
	fix(&c.Audit.Retention)
	fix(&c.Encryption.KeyFile)
	fix(&c.PDS.KeyFile)
	fix(&c.PDS.CAFile)
	if !isPostgres(c.Database) {
		fix(&c.Database)
	}
	for i := range c.Feeds {
		f := &c.Feeds[i]
		fix(&f.TLSCert)
		fix(&f.TLSKey)
		fix(&f.ClientCA)
	}
	for i := range c.Providers {
		fix(&c.Providers[i].SecretFile)
		fix(&c.Providers[i].KeyFile)
	}
	for i := range c.Councils {
		fix(&c.Councils[i].Folder)
		if c.Councils[i].Layout != "mosaic" {
			fix(&c.Councils[i].Layout)
		}
		for _, p := range c.Councils[i].collectFiles() {
			fix(p)
		}
	}
	for i := range c.Destinations {
		for _, p := range c.Destinations[i].files() {
			fix(p)
		}
	}
	for _, p := range append(c.Notifications.files(), c.Reports.files()...) {
		fix(p)
	}
	for i := range c.Systems {
		if !strings.Contains(c.Systems[i].Keys, "://") {
			fix(&c.Systems[i].Keys)
		}
	}
}

// check refuses what cannot work, naming the key and the mend.
func (c Config) check() error {
	if _, _, err := net.SplitHostPort(c.HTTP); err != nil {
		return errors.New("http must be host:port, like 127.0.0.1:8080")
	}
	if _, _, err := net.SplitHostPort(c.Metrics); err != nil && c.Metrics != "" {
		return errors.New("metrics must be host:port, like 127.0.0.1:9090, or empty")
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return errors.New("tls_cert and tls_key must both be set, or neither")
	}
	if c.Database == "" {
		return errors.New("database must be a folder, or postgres://...")
	}
	if _, err := time.LoadLocation(c.Zone); err != nil || c.Zone == "" {
		return fmt.Errorf("zone %q is not known. Use a name like Europe/London", c.Zone)
	}
	if err := errors.Join(c.SignIn.check(), c.Limits.check(), c.Encryption.check(), c.PDS.check(), c.Notifications.check(c), c.Reports.check(c), c.Attachments.check(), c.checkOrgs(), c.checkMoney()); err != nil {
		return err
	}
	names := map[string]bool{}
	for _, f := range c.Feeds {
		if err := f.check(c); err != nil {
			return fmt.Errorf("[[feed]] %q: %w", f.Name, err)
		}
		if names[f.Name] {
			return fmt.Errorf("[[feed]] %q: name stands twice", f.Name)
		}
		names[f.Name] = true
	}
	councils := map[string]bool{}
	for _, k := range c.Councils {
		if err := k.check(c); err != nil {
			return fmt.Errorf("[[council]] %q: %w", k.Name, err)
		}
		if names[k.Name] || councils[k.ODS] {
			return fmt.Errorf("[[council]] %q: name or ods stands twice", k.Name)
		}
		names[k.Name], councils[k.ODS] = true, true
	}
	if err := c.checkProviders(); err != nil {
		return err
	}
	return errors.Join(c.checkSystems(), c.checkDestinations())
}

// check refuses a zero too: the packages that use these take it for "default",
// so it would not do what is written.
func (l LimitsConfig) check() error {
	for key, d := range map[string]Duration{"idle": l.Idle, "absolute": l.Absolute, "lock": l.Lock, "look_stale": l.LookStale, "capacity": l.Capacity} {
		if d.Duration <= 0 {
			return fmt.Errorf("[limits] %s must be more than 0", key)
		}
	}
	for key, n := range map[string]int{"attempts": l.Attempts, "look_misses": l.LookMisses, "at_risk_days": l.AtRiskDays, "delayed_days": l.DelayedDays, "provider_days": l.ProviderDays, "link_hours": l.LinkHours} {
		if n <= 0 {
			return fmt.Errorf("[limits] %s must be more than 0", key)
		}
	}
	for key, n := range map[string]int{"requests": l.Requests, "address_requests": l.AddressRequests, "sign_ins": l.SignIns, "look_ups": l.LookUps, "looked_up": l.LookedUp} {
		if n < 0 {
			return fmt.Errorf("[limits] %s must not be less than 0, which is no limit", key)
		}
	}
	return nil
}

func (c Config) checkOrgs() error {
	if len(c.Orgs) == 0 {
		return errors.New("at least one [[organisation]] is needed")
	}
	seen := map[string]bool{}
	for _, o := range c.Orgs {
		if code, err := nhs.ParseODS(o.ODS); err != nil {
			return fmt.Errorf("[[organisation]] %q: ods: %w", o.Name, err)
		} else if string(code) != o.ODS {
			return fmt.Errorf("[[organisation]] %q: ods must be written as %s", o.Name, code)
		}
		if seen[o.ODS] {
			return fmt.Errorf("[[organisation]] %q: ods %s stands twice", o.Name, o.ODS)
		}
		seen[o.ODS] = true
		switch care.OrgKind(o.Kind) {
		case care.Trust, care.Council, care.ProviderOrg, care.System:
		default:
			return fmt.Errorf("[[organisation]] %q: kind must be trust, council, provider or system", o.Name)
		}
	}
	return nil
}

// isOrg says whether there is an organisation of a kind.
func (c Config) isOrg(ods string, kind care.OrgKind) bool {
	return slices.ContainsFunc(c.Orgs, func(o OrgConfig) bool { return o.ODS == ods && o.Kind == string(kind) })
}

func (f FeedConfig) check(c Config) error {
	if f.Name == "" || f.Listen == "" {
		return errors.New("name and listen must be set")
	}
	if _, _, err := net.SplitHostPort(f.Listen); err != nil {
		return errors.New("listen must be host:port, like 0.0.0.0:2575")
	}
	if !c.isOrg(f.Org, care.Trust) {
		return fmt.Errorf("org %q must be the ods of an [[organisation]] of kind trust", f.Org)
	}
	if (f.TLSCert == "") != (f.TLSKey == "") {
		return errors.New("tls_cert and tls_key must both be set, or neither")
	}
	if f.ClientCA != "" && f.TLSCert == "" {
		return errors.New("client_ca needs tls_cert and tls_key: without them nobody's certificate is asked for")
	}
	for _, at := range []struct{ key, path string }{{"expected", f.Expected}, {"fit", f.Fit}, {"ready", f.Ready}, {"discharge_method", f.DischargeMethod}, {"trace", f.Trace}} {
		if at.path != "" && !translate.CheckPath(at.path) {
			return fmt.Errorf("%s must be like PV2-9 or PV2-9.1, and is %q", at.key, at.path)
		}
	}
	for key, n := range map[string]int{"max_message_kb": f.MaxMessageKB, "max_connections": f.MaxConnections} {
		if n <= 0 {
			return fmt.Errorf("%s must be more than 0", key)
		}
	}
	if f.IdleTimeout.Duration < 0 || f.ReadTimeout.Duration <= 0 || f.QuietDay.Duration <= 0 || f.QuietNight.Duration <= 0 {
		return errors.New("read_timeout, quiet_day and quiet_night must be more than 0, and idle_timeout not less")
	}
	for k, v := range f.Authorities {
		if _, err := nhs.ParseODS(v); err != nil {
			return fmt.Errorf("authorities: %s: %w", k, err)
		}
	}
	return nil
}

func (k CouncilConfig) check(c Config) error {
	if k.Name == "" {
		return errors.New("name must be set")
	}
	if !c.isOrg(k.ODS, care.Council) {
		return fmt.Errorf("ods %q must be the ods of an [[organisation]] of kind council", k.ODS)
	}
	if k.StopShare < 0 || k.StopShare > 100 {
		return errors.New("stop_share must be from 0 to 100 percent")
	}
	if k.QuietDay.Duration <= 0 || k.QuietNight.Duration <= 0 {
		return errors.New("quiet_day and quiet_night must be more than 0")
	}
	return k.checkCollect()
}

func (c Config) orgs() []care.Org {
	var out []care.Org
	for _, o := range c.Orgs {
		out = append(out, care.Org{ODS: nhs.ODS(o.ODS), Name: o.Name, Kind: care.OrgKind(o.Kind), Phone: o.Phone, OutOfHours: o.OutOfHours})
	}
	return out
}

func (f FeedConfig) feed(zone *time.Location) hub.Feed {
	p := translate.Profile{Feed: f.Name, Title: f.Title, Org: nhs.ODS(f.Org), Zone: zone, Expected: f.Expected, Fit: f.Fit, Ready: f.Ready,
		DischargeMethod: f.DischargeMethod, Trace: f.Trace, FitYes: codes(f.FitYes), FitNo: codes(f.FitNo), SensitiveCodes: codes(f.Sensitive), Wards: f.Wards,
		Authorities: map[string]nhs.ODS{}}
	for k, v := range f.Authorities {
		p.Authorities[k] = nhs.ODS(v)
	}
	return hub.Feed{Profile: p, Quiet: hub.Quiet{Day: f.QuietDay.Duration, Night: f.QuietNight.Duration}}
}

// codes makes an empty list none: sensitive = [] must not mean that no code
// marks a sensitive record.
func codes(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return list
}

func (f FeedConfig) listener() mllp.Config {
	return mllp.Config{MaxMessage: f.MaxMessageKB << 10, IdleTimeout: f.IdleTimeout.Duration, ReadTimeout: f.ReadTimeout.Duration, MaxConns: f.MaxConnections}
}

// printConfig writes a configuration with a comment before every key; what is
// there several times is explained the first time.
func printConfig(w io.Writer, c Config) error {
	var b bytes.Buffer
	b.WriteString("# Homeward's configuration. Every key is here; those above [[organisation]] have their defaults.\n" +
		"# Organisations, feeds, councils and providers are examples. Paths are relative to this file. Secrets are paths of files.\n")
	if err := writeKeys(&b, reflect.ValueOf(c), "", true); err != nil {
		return fmt.Errorf("writing the configuration: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// writeKeys writes the keys of one table, in the order of its fields.
func writeKeys(b *bytes.Buffer, v reflect.Value, prefix string, explain bool) error {
	for i := range v.NumField() {
		f, at := v.Type().Field(i), v.Field(i)
		key, doc := f.Tag.Get("toml"), ""
		if explain {
			doc = "\n# " + f.Tag.Get("doc") + "\n"
		}
		var err error
		switch {
		case f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct:
			for j := range at.Len() {
				if j > 0 {
					doc = "\n"
				}
				fmt.Fprintf(b, "%s[[%s%s]]\n", doc, prefix, key)
				err = errors.Join(err, writeKeys(b, at.Index(j), prefix+key+".", j == 0))
			}
		case f.Type.Kind() == reflect.Struct && f.Type != reflect.TypeFor[Duration]():
			fmt.Fprintf(b, "%s[%s%s]\n", doc, prefix, key)
			err = writeKeys(b, at, prefix+key+".", explain)
		case f.Type.Kind() == reflect.Map:
			fmt.Fprintf(b, "%s[%s%s]\n", doc, prefix, key)
			err = writeTOML(b, at.Interface())
		default:
			if at.Kind() == reflect.Slice && at.IsNil() { // the encoder leaves out what is nil
				at = reflect.MakeSlice(f.Type, 0, 0)
			}
			b.WriteString(doc)
			err = writeTOML(b, map[string]any{key: at.Interface()})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func writeTOML(b *bytes.Buffer, v any) error {
	e := toml.NewEncoder(b)
	e.Indent = ""
	return e.Encode(v)
}
