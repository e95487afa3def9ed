package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"homeward/conformance"
	"homeward/nhs"
)

// conformanceCmd is for suppliers: it tries their system, or this one.
type conformanceCmd struct {
	Council  conformanceCouncilCmd  `cmd:"" help:"Try a council's receiver of referrals: the kit plays a hospital."`
	Hospital conformanceHospitalCmd `cmd:"" help:"Listen to what a hospital's system sends, and try what it must take."`
	Provider conformanceProviderCmd `cmd:"" help:"Try a provider's receiver of webhooks."`
}

// conformanceOut is where the report of a run goes.
type conformanceOut struct {
	HTML  string `help:"Write the report here, as one page." name:"html" placeholder:"FILE"`
	JUnit string `help:"Write the report here, as JUnit XML for a CI server." name:"junit" placeholder:"FILE"`
	Seed  int    `help:"Another number sends other invented people, so that a system can be tried again." default:"1"`
}

// conformanceToken is how the kit says who it is.
type conformanceToken struct {
	TokenFile string `help:"File with a bearer token." name:"token-file" type:"existingfile" placeholder:"FILE"`
	TokenURL  string `help:"Where the kit signs in as a system: the address below which /oauth2/token is." name:"token-url" placeholder:"https://HOST"`
	Client    string `help:"Its client there."`
	Key       string `help:"Its private key, PEM." type:"existingfile" placeholder:"FILE"`
}

// source gives tokens as they are needed; nil: none is sent.
func (c conformanceToken) source() (func(context.Context) (string, error), error) {
	switch {
	case c.TokenFile != "" && c.TokenURL == "":
		return func(context.Context) (string, error) {
			b, err := os.ReadFile(c.TokenFile)
			return strings.TrimSpace(string(b)), err
		}, nil
	case c.TokenFile == "" && c.TokenURL != "" && c.Client != "" && c.Key != "":
		return c.signedIn()
	case c == conformanceToken{}:
		return nil, nil
	}
	return nil, errors.New("give --token-file, or --token-url with --client and --key")
}

// signedIn signs in, and again when half of a token's life is over.
func (c conformanceToken) signedIn() (func(context.Context) (string, error), error) {
	b, err := os.ReadFile(c.Key)
	if err != nil {
		return nil, err
	}
	e, err := farSide(b, "", "")
	if err != nil {
		return nil, err
	}
	e.url, e.client, e.clock, e.web = strings.TrimSuffix(c.TokenURL, "/"), c.Client, time.Now, &http.Client{Timeout: 20 * time.Second}
	var mu sync.Mutex
	var token string
	var until time.Time
	return func(ctx context.Context) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if time.Now().Before(until) {
			return token, nil
		}
		answer, err := e.token(ctx)
		if err != nil {
			return "", err
		}
		var said struct {
			Token   string `json:"access_token"`
			Seconds int    `json:"expires_in"`
		}
		if err := json.Unmarshal(answer, &said); err != nil {
			return "", fmt.Errorf("reading the token's answer: %w", err)
		}
		token, until = said.Token, time.Now().Add(time.Duration(said.Seconds)*time.Second/2)
		return token, nil
	}, nil
}

type conformanceCouncilCmd struct {
	Target   string `help:"Base address of its Supported Hospital Discharge interface." placeholder:"https://HOST/ReferralService/v3"`
	BaRS     string `help:"Base address of its receiver of messages by BaRS." name:"bars" placeholder:"https://HOST/FHIR/R4"`
	BaRSOrg  string `help:"ODS code of the council, which messages name." name:"bars-org" default:"511"`
	FHIR     string `help:"Base address of its FHIR R4 interface, for a referral that is returned. Needs --council-client and --council-key, for the kit plays both sides." name:"fhir" placeholder:"https://HOST/fhir/R4"`
	Lookup   string `help:"Base address of its look-up by NHS number (Social Care Data Service)." placeholder:"https://HOST/SocialCareDataService/v1"`
	Known    string `help:"Somebody invented whom the council supports there: NHS number and date of birth." placeholder:"9991234560,1941-03-14"`
	Locator  string `help:"Base address of its Healthcare Locator Service." placeholder:"https://HOST/LocatorService/v2"`
	Boundary string `help:"An address in a postcode of two councils: address; postcode; ODS code of its council." placeholder:"'1 Boundary Road; NG5 7VV; 511'"`
	conformanceToken
	CouncilClient string `help:"Client of the council's own system, at --token-url." name:"council-client"`
	CouncilKey    string `help:"Its private key, PEM." name:"council-key" type:"existingfile" placeholder:"FILE"`
	conformanceOut
}

// config reads what the run needs.
func (c *conformanceCouncilCmd) config() (out conformance.Config, err error) {
	out = conformance.Config{Target: c.Target, BaRS: c.BaRS, BaRSOrg: c.BaRSOrg, FHIR: c.FHIR, Lookup: c.Lookup, Locator: c.Locator, Build: build(), Seed: c.Seed}
	if out.Token, err = c.source(); err != nil {
		return out, err
	}
	if c.CouncilClient != "" || c.CouncilKey != "" {
		if c.CouncilClient == "" || c.CouncilKey == "" || c.TokenURL == "" {
			return out, errors.New("--council-client, --council-key and --token-url belong together")
		}
		if out.Council, err = (conformanceToken{TokenURL: c.TokenURL, Client: c.CouncilClient, Key: c.CouncilKey}).source(); err != nil {
			return out, err
		}
	}
	if c.Known != "" {
		number, born, _ := strings.Cut(c.Known, ",")
		if out.Known.Number, err = nhs.ParseNumber(strings.TrimSpace(number)); err == nil {
			out.Known.Born, err = nhs.ParseDate(strings.TrimSpace(born))
		}
		if err != nil {
			return out, errors.New("--known must be an NHS number, a comma and a date of birth: 9991234560,1941-03-14")
		}
	}
	if c.Boundary != "" {
		parts := strings.Split(c.Boundary, ";")
		if len(parts) != 3 {
			return out, errors.New("--boundary must be an address, a postcode and an ODS code, with ; between: 1 Boundary Road; NG5 7VV; 511")
		}
		out.Boundary = conformance.Place{Address: strings.TrimSpace(parts[0]), Postcode: strings.TrimSpace(parts[1]), ODS: strings.TrimSpace(parts[2])}
	}
	return out, nil
}

// Validate refuses what no run can begin with.
func (c *conformanceCouncilCmd) Validate() error {
	config, err := c.config()
	switch {
	case err != nil:
		return err
	case c.Target+c.BaRS+c.FHIR+c.Lookup+c.Locator == "":
		return errors.New("nothing to try: give --target, or --bars, --fhir, --lookup or --locator")
	case c.FHIR != "" && config.Council == nil:
		return errors.New("--fhir needs --council-client and --council-key: the kit plays both sides")
	case c.Lookup == "" && c.Known != "" || c.Locator == "" && c.Boundary != "":
		return errors.New("--known is for --lookup, and --boundary for --locator")
	}
	return config.Check()
}

// Run tries the target and writes the report. What is not met is an error.
func (c *conformanceCouncilCmd) Run(ctx context.Context) error {
	config, err := c.config()
	if err != nil {
		return err
	}
	r, err := conformance.RunCouncil(ctx, config)
	if err != nil {
		return err
	}
	return c.write(r)
}

type conformanceHospitalCmd struct {
	Listen string        `help:"Listen here for what the hospital's system sends by Supported Hospital Discharge." placeholder:"HOST:PORT"`
	URL    string        `help:"Address by which it reaches that. Empty: http:// and the address of --listen." name:"url"`
	Feed   string        `help:"Listen here for the hospital's HL7 v2, over MLLP." name:"listen-hl7" placeholder:"HOST:PORT"`
	Wait   time.Duration `help:"For how long to listen, at most." default:"10m"`
	Status string        `help:"Where the hospital takes status by HL7 v2 over MLLP." placeholder:"HOST:PORT"`
	Target string        `help:"Where the hospital takes notifications of FHIR subscriptions." placeholder:"https://HOST/PATH"`
	conformanceToken
	conformanceOut
}

// Validate refuses what no run can begin with.
func (c *conformanceHospitalCmd) Validate() error {
	switch {
	case c.Listen == "" && c.Feed == "" && c.Status == "" && c.Target == "":
		return errors.New("nothing to try: give --listen, --listen-hl7, --status or --target")
	case c.URL != "" && c.Listen == "":
		return errors.New("--url is for --listen")
	case c.Wait <= 0:
		return errors.New("--wait must be longer than nothing, such as 10m")
	}
	for name, at := range map[string]string{"--listen": c.Listen, "--listen-hl7": c.Feed, "--status": c.Status} {
		if at == "" {
			continue
		}
		if _, port, err := net.SplitHostPort(at); err != nil || port == "" {
			return fmt.Errorf("%s must be a host, a colon and a port, such as 0.0.0.0:8090", name)
		}
	}
	if _, err := c.source(); err != nil {
		return err
	}
	return conformance.Config{Target: c.Target, Seed: c.Seed}.Check()
}

// Run listens, tries, and writes the report.
func (c *conformanceHospitalCmd) Run(ctx context.Context) error {
	token, err := c.source()
	if err != nil {
		return err
	}
	h := conformance.HospitalConfig{Config: conformance.Config{Target: c.Target, Token: token, Build: build(), Seed: c.Seed}, URL: c.URL, Wait: c.Wait, Status: c.Status}
	h.Enough, ctx = ctx.Done(), context.WithoutCancel(ctx) // Ctrl-C ends the listening, and the report is written
	if c.Listen != "" {
		if h.Listen, err = net.Listen("tcp", c.Listen); err != nil {
			return fmt.Errorf("opening the address to listen at: %w", err)
		}
		if h.URL == "" {
			h.URL = "http://" + reachable(h.Listen.Addr().String()) + "/ReferralService/v3"
		}
	}
	if c.Feed != "" {
		if h.Feed, err = net.Listen("tcp", c.Feed); err != nil {
			return fmt.Errorf("opening the address to listen at for HL7: %w", err)
		}
	}
	h.Listening = func() {
		if h.Listen != nil {
			fmt.Printf("Listening at %s for %s at most. Send each use case once; the kit answers one with 503, and one not at all. Ctrl-C: all was sent.\n", h.URL, c.Wait)
		}
		if h.Feed != nil {
			fmt.Printf("Listening for HL7 at %s for %s at most. Send each event once; the kit answers the second with AE, and one not at all. Ctrl-C: all was sent.\n", h.Feed.Addr(), c.Wait)
		}
	}
	r, err := conformance.RunHospital(ctx, h)
	if err != nil {
		return err
	}
	return c.write(r)
}

type conformanceProviderCmd struct {
	Target     string `help:"Where the provider takes webhooks." required:"" placeholder:"https://HOST/PATH"`
	SecretFile string `help:"File with the secret as it is configured there: whsec_ and base64." name:"secret-file" required:"" type:"existingfile" placeholder:"FILE"`
	conformanceOut
}

func (c *conformanceProviderCmd) config() (conformance.ProviderConfig, error) {
	secret, err := os.ReadFile(c.SecretFile)
	return conformance.ProviderConfig{Config: conformance.Config{Target: c.Target, Build: build(), Seed: c.Seed}, Secret: strings.TrimSpace(string(secret))}, err
}

// Validate refuses what no run can begin with.
func (c *conformanceProviderCmd) Validate() error {
	if c.Target == "" || c.SecretFile == "" {
		return errors.New("--target and --secret-file are both needed")
	}
	config, err := c.config()
	if err != nil {
		return err
	}
	return config.Check()
}

// Run tries the receiver and writes the report.
func (c *conformanceProviderCmd) Run(ctx context.Context) error {
	config, err := c.config()
	if err != nil {
		return err
	}
	r, err := conformance.RunProvider(ctx, config)
	if err != nil {
		return err
	}
	return c.write(r)
}

// write says what was found, a line for each requirement that is not met.
func (c conformanceOut) write(r conformance.Report) error {
	for _, x := range r.Results {
		if x.Verdict != conformance.Pass {
			fmt.Printf("%-10s %s: %s (%s)\n", x.Verdict, x.ID, x.Requirement, x.Why)
		}
	}
	fmt.Printf("%d met, %d in part, %d not met, %d not tried\n", r.Count(conformance.Pass), r.Count(conformance.Warn), r.Count(conformance.Fail), r.Count(conformance.NotTried))
	for file, writes := range map[string]func(*bytes.Buffer) error{
		c.HTML:  func(b *bytes.Buffer) error { return r.WriteHTML(b) },
		c.JUnit: func(b *bytes.Buffer) error { return r.WriteJUnit(b) },
	} {
		if file == "" {
			continue
		}
		var b bytes.Buffer
		if err := writes(&b); err != nil {
			return err
		}
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
	}
	if n := r.Count(conformance.Fail); n > 0 {
		return fmt.Errorf("%d of %d requirements are not met", n, len(r.Results))
	}
	if r.Count(conformance.Pass)+r.Count(conformance.Warn) == 0 {
		return errors.New("nothing was tried that could be met")
	}
	return nil
}
