package main

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/connect"
	"homeward/connect/bars"
	"homeward/connect/fhirr4"
	"homeward/connect/files"
	"homeward/connect/hl7out"
	"homeward/connect/httpsend"
	"homeward/connect/mail"
	"homeward/connect/mesh"
	"homeward/connect/notify"
	"homeward/connect/sftp"
	"homeward/connect/shd"
	"homeward/connect/webhook"
	"homeward/hub"
	"homeward/mapping"
	"homeward/nhs"
	"homeward/translate"
)

// DestinationConfig is one system that is told what happens.
type DestinationConfig struct {
	Name      string   `toml:"name" doc:"Short name, used in addresses. What waits is kept under it: do not change it while something does."`
	Title     string   `toml:"title" doc:"Name for people: the council's system."`
	Org       string   `toml:"org" doc:"ODS code of the organisation whose system it is. It is told what that organisation may see: a council hears what hospitals say of those whom they refer to it, a trust what councils do."`
	Kind      string   `toml:"kind" doc:"How it is told: hl7, fhir, shd, bars, webhook, files, sftp, mail, notify or mesh. docs/interfaces/outward.md says what each needs."`
	Kinds     []string `toml:"kinds" doc:"What it is told: refer, update, paper, withdraw, discharge, died, note, status. Empty: all of it."`
	From      []string `toml:"from" doc:"ODS codes of those whose news it is told. Empty: everybody's."`
	Supported bool     `toml:"supported" doc:"A council's system is told of people whom the council supports, too, and not only of those who were referred to it."`
	Workers   int      `toml:"workers" doc:"How many people's news are sent at once. 0: 4. hl7 sends one at a time."`
	Timeout   Duration `toml:"timeout" doc:"How long one try may take."`

	URL     string   `toml:"url" doc:"Base address, for what goes by HTTP."`
	Address string   `toml:"address" doc:"host:port, for hl7, sftp and mail."`
	Dir     string   `toml:"dir" doc:"Folder, for files (here) and sftp (there)."`
	To      []string `toml:"to" doc:"Recipients: addresses of e-mail for mail and notify; the mailbox for mesh; for bars the receiver's service as system|value, or nothing for its ODS code."`
	Sender  string   `toml:"sender" doc:"mail: who it is from, like Homeward <homeward@hospital.example>. mesh: our mailbox. notify: id of a reply-to address, or empty. bars: our service as system|value, or empty."`
	Profile string   `toml:"profile" doc:"What the receiver calls the message: notify, the id of the template; mesh, the workflow id. fhir: single, where the server takes no transactions."`

	Format   string   `toml:"format" doc:"files, sftp and mesh: json, csv, html or pdf. shd and fhir: json or xml. hl7: how a hospital hears how its referrals stand, oru, mdm or adt."`
	Updates  string   `toml:"updates" doc:"hl7: how a council hears what happens in hospital, ref (a changed referral) or adt."`
	Mapping  string   `toml:"mapping" doc:"File with the mapping of webhook, files and sftp. Empty: Homeward's own fields."`
	Personal bool     `toml:"personal" doc:"webhook, files, sftp and mesh: who the person is, where, and the answers are told too, and not only that there is something to look at."`
	Print    []string `toml:"print" doc:"pdf: the command that prints a page, with {in} and {out}."`
	Sending  []string `toml:"sending" doc:"hl7: sending application and facility, MSH-3 and MSH-4."`
	Receiver []string `toml:"receiving" doc:"hl7: receiving application and facility, MSH-5 and MSH-6."`
	Process  string   `toml:"processing" doc:"hl7: MSH-11, P for production or T for tests."`
	Charset  string   `toml:"charset" doc:"hl7: MSH-18. Empty: UTF-8 where it is needed."`

	Auth       string   `toml:"auth" doc:"How we sign in by HTTP: none, basic, bearer, header, client_secret or private_key_jwt."`
	User       string   `toml:"user" doc:"Our name there, for basic, sftp and mail."`
	Header     string   `toml:"header" doc:"header: its name, such as apikey."`
	Secrets    []string `toml:"secret_files" doc:"Files with the password, token, secret or private key (PEM); for webhook, the secrets that it signs with; for mesh, the mailbox's password and the shared key."`
	TokenURL   string   `toml:"token_url" doc:"client_secret and private_key_jwt: where tokens are to be had."`
	ClientID   string   `toml:"client_id" doc:"client_secret and private_key_jwt: our name there."`
	KeyID      string   `toml:"key_id" doc:"private_key_jwt: the key's name there (kid)."`
	Scope      string   `toml:"scope" doc:"client_secret and private_key_jwt: what is asked for."`
	HostKeys   string   `toml:"host_key_file" doc:"sftp: file with the server's public keys."`
	PrivateKey string   `toml:"key_file" doc:"sftp: file with our private key. Empty: the password in secret_files."`
	CAFile     string   `toml:"ca_file" doc:"File with the authorities of its certificate, PEM. Empty: those of this machine; hl7 then has no TLS but with tls = true."`
	CertFile   string   `toml:"cert_file" doc:"File with our client certificate, PEM."`
	CertKey    string   `toml:"cert_key_file" doc:"File with its private key, PEM."`
	TLS        bool     `toml:"tls" doc:"hl7: TLS with the authorities of this machine."`
	Allow      []string `toml:"allow" doc:"Private networks that its name may lead to, like 10.20.0.0/16."`
	Plain      bool     `toml:"plain" doc:"http is meant: the network is protected otherwise."`

	Places map[string]string `toml:"places" doc:"hl7: where a fact stands besides, such as expected = PV2-9."`
	Codes  map[string]string `toml:"codes" doc:"hl7: OBX-3 of a fact, such as state = REFSTATE."`
}

func destinationDefaults() DestinationConfig {
	return DestinationConfig{Timeout: Duration{30 * time.Second}, Auth: "none", Process: "P", Kinds: []string{}, From: []string{}, To: []string{}, Print: []string{},
		Sending: []string{}, Receiver: []string{}, Places: map[string]string{}, Codes: map[string]string{}, Secrets: []string{}, Allow: []string{}}
}

// exampleDestination is the one that the documentation of the configuration shows.
func exampleDestination() DestinationConfig {
	d := destinationDefaults()
	d.Name, d.Title, d.Org, d.Kind, d.Address, d.Format = "kings-mill-status", "King's Mill EPR", "RK5", "hl7", "epr.example:2576", "oru"
	d.Kinds, d.Places, d.Codes = []string{"status"}, map[string]string{"expected": "PV2-9"}, map[string]string{"state": "REFERRAL-STATE"}
	return d
}

// maker makes the connector of a destination.
type maker func(DestinationConfig, making) (connect.Connector, error)

// making is what connectors need besides their configuration.
type making struct {
	zone *time.Location
	now  func() time.Time
}

// makers are the kinds of connector: a line for each.
func makers() map[string]maker {
	return map[string]maker{
		"hl7":     makeHL7,
		"webhook": makeWebhook,
		"files":   makeFiles,
		"sftp":    makeSFTP,
		"mail":    makeMail,
		"notify":  makeNotify,
		"mesh":    makeMESH,
		"shd":     makeSHD,
		"fhir":    makeFHIR,
		"bars":    makeBaRS,
	}
}

// kindWords are the kinds for people.
var kindWords = map[string]string{"hl7": "HL7 v2 messages", "webhook": "Calls to a web address", "files": "Files in a folder", "sftp": "Files on an SFTP server",
	"mail": "E-mail", "notify": "GOV.UK Notify", "mesh": "MESH", "shd": "FHIR STU3 (Supported Hospital Discharge)", "fhir": "FHIR R4", "bars": "FHIR R4 (BaRS)"}

// files are the paths in the configuration that are relative to it.
func (c *DestinationConfig) files() []*string {
	out := []*string{&c.Mapping, &c.HostKeys, &c.PrivateKey, &c.CAFile, &c.CertFile, &c.CertKey}
	for i := range c.Secrets {
		out = append(out, &c.Secrets[i])
	}
	if c.Kind == "files" {
		out = append(out, &c.Dir)
	}
	return out
}

var newsKinds = []connect.Kind{connect.Refer, connect.Update, connect.Paper, connect.Withdraw, connect.Discharge, connect.Died, connect.Note, connect.Status}

// checkDestinations refuses what cannot work, without reading files of secrets or
// asking anybody.
func (c Config) checkDestinations() error {
	seen := map[string]bool{}
	for _, d := range c.Destinations {
		if err := d.check(c); err != nil {
			return fmt.Errorf("[[destination]] %q: %w", d.Name, err)
		}
		if seen[d.Name] {
			return fmt.Errorf("[[destination]] %q: name stands twice", d.Name)
		}
		seen[d.Name] = true
	}
	return nil
}

func (c DestinationConfig) check(all Config) error {
	known := makers()
	i := slices.IndexFunc(all.Orgs, func(o OrgConfig) bool { return o.ODS == c.Org })
	switch {
	case c.Name == "" || strings.ContainsFunc(c.Name, func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-') }):
		return errors.New("name must be small letters, digits and hyphens")
	case c.Title == "":
		return errors.New("title is missing: people read it on the case")
	case i < 0 || all.Orgs[i].Kind != string(care.Trust) && all.Orgs[i].Kind != string(care.Council):
		return fmt.Errorf("org %q must be a trust or council that has an [[organisation]]", c.Org)
	case known[c.Kind] == nil:
		return fmt.Errorf("kind must be one of %s", strings.Join(slices.Sorted(maps.Keys(known)), ", "))
	case c.Timeout.Duration < time.Second || c.Timeout.Duration > 10*time.Minute:
		return errors.New("timeout must be 1s to 10m")
	case c.Workers < 0 || c.Workers > 64:
		return errors.New("workers must be 1 to 64, or 0 for 4")
	case (c.CertFile == "") != (c.CertKey == ""):
		return errors.New("cert_file and cert_key_file must both be set, or neither")
	}
	for _, k := range c.Kinds {
		if !slices.Contains(newsKinds, connect.Kind(k)) {
			return fmt.Errorf("kinds: %q is not known: refer, update, paper, withdraw, discharge, died, note and status are", k)
		}
	}
	for _, from := range c.From {
		if !slices.ContainsFunc(all.Orgs, func(o OrgConfig) bool { return o.ODS == from }) {
			return fmt.Errorf("from: %q has no [[organisation]]", from)
		}
	}
	if err := c.checkKind(all); err != nil {
		return err
	}
	_, err := c.networks()
	return err
}

func (c DestinationConfig) networks() (out []netip.Prefix, err error) {
	for _, a := range c.Allow {
		p, err := netip.ParsePrefix(a)
		if err != nil {
			return nil, fmt.Errorf("allow: %q must be a network, like 10.20.0.0/16", a)
		}
		out = append(out, p)
	}
	return out, nil
}

// tellings makes the connectors of all destinations.
func (c Config) tellings(m making) (out []hub.Telling, err error) {
	for _, d := range c.Destinations {
		made, err := makers()[d.Kind](d, m)
		if err != nil {
			return nil, fmt.Errorf("[[destination]] %q: %w", d.Name, err)
		}
		t := hub.Telling{Connector: made, Kind: kindWords[d.Kind], Workers: d.Workers, Timeout: d.Timeout.Duration + 15*time.Second,
			Destination: connect.Destination{Name: d.Name, Title: d.Title, Org: nhs.ODS(d.Org), Supported: d.Supported}}
		if d.Kind == "hl7" { // over one connection one at a time is told
			t.Workers = 1
		}
		for _, k := range d.Kinds {
			t.Kinds = append(t.Kinds, connect.Kind(k))
		}
		for _, from := range d.From {
			t.From = append(t.From, nhs.ODS(from))
		}
		out = append(out, t)
	}
	return out, nil
}

// http is how a destination is reached by HTTP.
func (c DestinationConfig) http(m making) (httpsend.Config, error) {
	allow, err := c.networks()
	return httpsend.Config{URL: c.URL, Timeout: c.Timeout.Duration, Plain: c.Plain, CAFile: c.CAFile, CertFile: c.CertFile, KeyFile: c.CertKey, Allow: allow, Now: m.now,
		Auth: httpsend.Auth{Kind: httpsend.AuthKind(c.Auth), User: c.User, Name: c.Header, SecretFile: c.secret(), TokenURL: c.TokenURL,
			ClientID: c.ClientID, KeyID: c.KeyID, Scope: c.Scope}}, err
}

// secret is the first of the secrets; "" for none.
func (c DestinationConfig) secret() string {
	if len(c.Secrets) == 0 {
		return ""
	}
	return c.Secrets[0]
}

// table is the mapping of a destination; nil where there is none.
func (c DestinationConfig) table() (*mapping.Table, error) {
	if c.Mapping == "" {
		return nil, nil
	}
	b, err := os.ReadFile(c.Mapping)
	if err != nil {
		return nil, fmt.Errorf("reading the mapping: %w", err)
	}
	t, problems := mapping.Parse(b)
	if len(problems) > 0 {
		return nil, fmt.Errorf("the mapping: %v", problems[0])
	}
	return t, nil
}

func two(list []string) (string, string) {
	list = append(slices.Clone(list), "", "")
	return list[0], list[1]
}

func makeHL7(c DestinationConfig, m making) (connect.Connector, error) {
	f := translate.HL7Out{Processing: c.Process, Charset: c.Charset, Zone: m.zone, Status: translate.StatusAs(c.Format), Places: c.Places, Codes: c.Codes}
	f.Sending, f.SendingFacility = two(c.Sending)
	f.Receiving, f.ReceivingFacility = two(c.Receiver)
	return hl7out.New(hl7out.Config{Addr: c.Address, Timeout: c.Timeout.Duration, Format: f, Updates: c.Updates,
		CAFile: c.CAFile, CertFile: c.CertFile, KeyFile: c.CertKey, TLS: c.TLS})
}

func makeWebhook(c DestinationConfig, m making) (connect.Connector, error) {
	h, err := c.http(m)
	if err != nil {
		return nil, err
	}
	if c.Auth == "" || c.Auth == "none" {
		h.Auth.SecretFile = "" // these sign, and do not sign in
	}
	t, err := c.table()
	if err != nil {
		return nil, err
	}
	return webhook.New(webhook.Config{HTTP: h, SecretFiles: c.Secrets, Personal: c.Personal, Mapping: t})
}

func (c DestinationConfig) writing(m making) (files.Writing, error) {
	t, err := c.table()
	return files.Writing{Format: files.Format(c.Format), Personal: c.Personal, Mapping: t, PDF: c.Print, Timeout: c.Timeout.Duration, Zone: m.zone}, err
}

func makeFiles(c DestinationConfig, m making) (connect.Connector, error) {
	w, err := c.writing(m)
	if err != nil {
		return nil, err
	}
	return files.New(files.Config{Dir: c.Dir, Writing: w})
}

func makeSFTP(c DestinationConfig, m making) (connect.Connector, error) {
	w, err := c.writing(m)
	if err != nil {
		return nil, err
	}
	return sftp.New(sftp.Config{Address: c.Address, User: c.User, KeyFile: c.PrivateKey, PasswordFile: c.secret(), HostKeyFile: c.HostKeys, Dir: c.Dir,
		Timeout: c.Timeout.Duration, Writing: w})
}

func makeMail(c DestinationConfig, _ making) (connect.Connector, error) {
	return mail.New(mail.Config{Address: c.Address, User: c.User, PasswordFile: c.secret(), CAFile: c.CAFile, From: c.Sender, To: c.To, Timeout: c.Timeout.Duration})
}

func makeNotify(c DestinationConfig, m making) (connect.Connector, error) {
	h, err := c.http(m)
	if err != nil {
		return nil, err
	}
	to, _ := two(c.To)
	h.Auth = httpsend.Auth{}
	return notify.New(notify.Config{HTTP: h, KeyFile: c.secret(), Template: c.Profile, To: to, ReplyTo: c.Sender})
}

// makeMESH writes what files would, and sends it to a mailbox.
func makeMESH(c DestinationConfig, m making) (connect.Connector, error) {
	h, err := c.http(m)
	if err != nil {
		return nil, err
	}
	h.Auth = httpsend.Auth{}
	w, err := c.writing(m)
	if err != nil {
		return nil, err
	}
	if err := w.Check(); err != nil {
		return nil, err
	}
	to, _ := two(c.To)
	password, shared := two(c.Secrets)
	return mesh.New(mesh.Config{HTTP: h, Mailbox: c.Sender, PasswordFile: password, SharedKeyFile: shared, To: to, ODS: nhs.ODS(c.Org), Workflow: c.Profile, Make: w.Make})
}

func makeFHIR(c DestinationConfig, m making) (connect.Connector, error) {
	h, err := c.http(m)
	if err != nil {
		return nil, err
	}
	return fhirr4.New(fhirr4.Config{HTTP: h, XML: c.Format == "xml", Single: c.Profile == "single"})
}

func makeBaRS(c DestinationConfig, m making) (connect.Connector, error) {
	h, err := c.http(m)
	if err != nil {
		return nil, err
	}
	to, _ := two(c.To)
	return bars.New(bars.Config{HTTP: h, Target: to, Source: c.Sender, Version: build()})
}

func makeSHD(c DestinationConfig, m making) (connect.Connector, error) {
	h, err := c.http(m)
	if err != nil {
		return nil, err
	}
	return shd.New(shd.Config{HTTP: h, XML: c.Format == "xml"})
}
