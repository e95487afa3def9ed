package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
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
	HTTP      string          `toml:"http" doc:"Address of the web pages, host:port."`
	TLSCert   string          `toml:"tls_cert" doc:"File with the certificate of the web pages, PEM. Empty: plain HTTP, for use behind a proxy that does TLS."`
	TLSKey    string          `toml:"tls_key" doc:"File with its private key, PEM."`
	Behind    bool            `toml:"behind_proxy" doc:"A proxy in front does TLS: cookies are marked Secure and X-Forwarded-For names the reader."`
	Database  string          `toml:"database" doc:"postgres://... for PostgreSQL (several hosts may be listed, for failover), or a folder for the embedded database."`
	Gazetteer string          `toml:"gazetteer" doc:"CSV file uprn,postcode,council: which council is responsible for an address."`
	Zone      string          `toml:"zone" doc:"Time zone of the hospitals and of the screens."`
	Limits    LimitsConfig    `toml:"limits" doc:"Numbers that a site may change."`
	Orgs      []OrgConfig     `toml:"organisation" doc:"Each trust and council."`
	Feeds     []FeedConfig    `toml:"feed" doc:"Each hospital system that sends HL7 v2 messages."`
	Councils  []CouncilConfig `toml:"council" doc:"Each council whose extract is read."`
}

// LimitsConfig are numbers that a site may change.
type LimitsConfig struct {
	Idle        Duration `toml:"idle" doc:"A session ends after this long without a click."`
	Absolute    Duration `toml:"absolute" doc:"A session ends after this long in any case."`
	Attempts    int      `toml:"attempts" doc:"Wrong passwords before an account is locked for a while."`
	Lock        Duration `toml:"lock" doc:"How long an account is locked."`
	LookStale   Duration `toml:"look_stale" doc:"A council's extract older than this is not shown by the look-up at all."`
	LookMisses  int      `toml:"look_misses" doc:"Wrong dates of birth before a reader is slowed down."`
	AtRiskDays  int      `toml:"at_risk_days" doc:"Whole days since discharge-ready from which a wait is called At risk."`
	DelayedDays int      `toml:"delayed_days" doc:"Whole days since discharge-ready from which a wait is called Delayed."`
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
	s = strings.TrimSuffix(s, "0s")
	s = strings.TrimSuffix(s, "0m")
	if s == "" {
		s = "0s"
	}
	if strings.HasSuffix(s, "h0") || strings.HasSuffix(s, "m0") {
		s = d.Duration.String()
	}
	return []byte(s), nil
}

func defaults() Config {
	minutes := func(n int) Duration { return Duration{time.Duration(n) * time.Minute} }
	return Config{
		HTTP: "127.0.0.1:8080", Database: "homeward-data", Zone: "Europe/London",
		Limits: LimitsConfig{Idle: minutes(10), Absolute: minutes(12 * 60), Attempts: 5, Lock: minutes(15),
			LookStale: minutes(24 * 60), LookMisses: 5, AtRiskDays: 2, DelayedDays: 3},
	}
}

func feedDefaults() FeedConfig {
	return FeedConfig{MaxMessageKB: 1024, IdleTimeout: Duration{0}, ReadTimeout: Duration{30 * time.Second}, MaxConnections: 64,
		QuietDay: Duration{15 * time.Minute}, QuietNight: Duration{time.Hour},
		Expected: "PV2-9", Fit: "ZU1-22", Ready: "ZU1-24", Trace: "PID-32", FitYes: []string{"Y"}, FitNo: []string{"N"}}
}

func councilDefaults() CouncilConfig {
	return CouncilConfig{StopShare: 10, QuietDay: Duration{time.Hour}, QuietNight: Duration{26 * time.Hour}}
}

// readConfig reads a file and refuses keys that it does not know.
func readConfig(path string) (Config, error) {
	c := defaults()
	b, err := os.ReadFile(path)
	if err != nil {
		return c, fmt.Errorf("reading the configuration: %w", err)
	}
	meta, err := toml.Decode(string(b), &c)
	if err != nil {
		return c, fmt.Errorf("configuration %s: %w", path, err)
	}
	if un := meta.Undecoded(); len(un) > 0 {
		return c, fmt.Errorf("configuration %s: key %q is not known. `homeward config` prints all keys", path, un[0].String())
	}
	for i := range c.Feeds {
		c.Feeds[i] = filled(c.Feeds[i], feedDefaults())
	}
	for i := range c.Councils {
		c.Councils[i] = filled(c.Councils[i], councilDefaults())
	}
	c.relativeTo(filepath.Dir(path))
	return c, c.check()
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
	if !strings.HasPrefix(c.Database, "postgres://") && !strings.HasPrefix(c.Database, "postgresql://") {
		fix(&c.Database)
	}
	for i := range c.Feeds {
		f := &c.Feeds[i]
		fix(&f.TLSCert)
		fix(&f.TLSKey)
		fix(&f.ClientCA)
	}
	for i := range c.Councils {
		fix(&c.Councils[i].Folder)
		if c.Councils[i].Layout != "mosaic" {
			fix(&c.Councils[i].Layout)
		}
	}
}

// filled takes the default for every field that is zero.
func filled[T any](v, d T) T {
	rv, rd := reflect.ValueOf(&v).Elem(), reflect.ValueOf(d)
	for i := range rv.NumField() {
		if rv.Field(i).IsZero() {
			rv.Field(i).Set(rd.Field(i))
		}
	}
	return v
}

// check refuses what cannot work, naming the key and the mend.
func (c Config) check() error {
	if len(c.Orgs) == 0 {
		return errors.New("configuration: at least one [[organisation]] is needed")
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return errors.New("configuration: tls_cert and tls_key must both be set, or neither")
	}
	if _, err := time.LoadLocation(c.Zone); err != nil {
		return fmt.Errorf("configuration: zone %q is not known", c.Zone)
	}
	for _, o := range c.Orgs {
		if _, err := nhs.ParseODS(o.ODS); err != nil {
			return fmt.Errorf("configuration: [[organisation]] %q: ods: %w", o.Name, err)
		}
		switch care.OrgKind(o.Kind) {
		case care.Trust, care.Council, care.ProviderOrg, care.System:
		default:
			return fmt.Errorf("configuration: [[organisation]] %q: kind must be trust, council, provider or system", o.Name)
		}
	}
	for _, f := range c.Feeds {
		if f.Name == "" || f.Listen == "" {
			return fmt.Errorf("configuration: [[feed]] %q: name and listen must be set", f.Name)
		}
		for key, path := range map[string]string{"expected": f.Expected, "fit": f.Fit, "ready": f.Ready, "discharge_method": f.DischargeMethod, "trace": f.Trace} {
			if path != "" && !translate.CheckPath(path) {
				return fmt.Errorf("configuration: [[feed]] %q: %s must be like PV2-9 or PV2-9.1", f.Name, key)
			}
		}
	}
	return nil
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
		DischargeMethod: f.DischargeMethod, Trace: f.Trace, FitYes: f.FitYes, FitNo: f.FitNo, SensitiveCodes: f.Sensitive, Wards: f.Wards,
		Authorities: map[string]nhs.ODS{}}
	for k, v := range f.Authorities {
		p.Authorities[k] = nhs.ODS(v)
	}
	return hub.Feed{Profile: p, Quiet: hub.Quiet{Day: f.QuietDay.Duration, Night: f.QuietNight.Duration}}
}

func (f FeedConfig) listener() mllp.Config {
	return mllp.Config{MaxMessage: f.MaxMessageKB << 10, IdleTimeout: f.IdleTimeout.Duration, ReadTimeout: f.ReadTimeout.Duration, MaxConns: f.MaxConnections}
}

// printConfig writes a configuration with a comment before every key.
func printConfig(w io.Writer, c Config) error {
	var b bytes.Buffer
	b.WriteString("# Homeward's configuration. Every key is here with its present value.\n# Paths are relative to this file. Secrets are paths of files.\n")
	writeKeys(&b, reflect.ValueOf(c), "")
	_, err := w.Write(b.Bytes())
	return err
}

func writeKeys(b *bytes.Buffer, v reflect.Value, prefix string) {
	t := v.Type()
	for i := range t.NumField() {
		f, key := t.Field(i), t.Field(i).Tag.Get("toml")
		switch {
		case f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct:
			for j := range v.Field(i).Len() {
				fmt.Fprintf(b, "\n# %s\n[[%s]]\n", f.Tag.Get("doc"), key)
				writeKeys(b, v.Field(i).Index(j), key+".")
			}
		case f.Type.Kind() == reflect.Struct && f.Type != reflect.TypeFor[Duration]():
			fmt.Fprintf(b, "\n# %s\n[%s]\n", f.Tag.Get("doc"), key)
			writeKeys(b, v.Field(i), key+".")
		case f.Type.Kind() == reflect.Map:
			fmt.Fprintf(b, "\n# %s\n[%s%s]\n", f.Tag.Get("doc"), prefix, key)
			_ = toml.NewEncoder(b).Encode(v.Field(i).Interface())
		default:
			fmt.Fprintf(b, "\n# %s\n", f.Tag.Get("doc"))
			_ = toml.NewEncoder(b).Encode(map[string]any{key: v.Field(i).Interface()})
		}
	}
}
