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
	Target  string `help:"Base address of its Supported Hospital Discharge interface." placeholder:"https://HOST/ReferralService/v3"`
	BaRS    string `help:"Base address of its receiver of messages by BaRS." name:"bars" placeholder:"https://HOST/FHIR/R4"`
	BaRSOrg string `help:"ODS code of the council, which messages name." name:"bars-org" default:"511"`
	conformanceToken
	conformanceOut
}

// Run tries the target and writes the report. What is not met is an error.
func (c *conformanceCouncilCmd) Run(ctx context.Context) error {
	token, err := c.source()
	if err != nil {
		return err
	}
	r, err := conformance.RunCouncil(ctx, conformance.Config{Target: c.Target, BaRS: c.BaRS, BaRSOrg: c.BaRSOrg, Token: token, Build: build(), Seed: c.Seed})
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

// Run listens, tries, and writes the report.
func (c *conformanceHospitalCmd) Run(ctx context.Context) error {
	token, err := c.source()
	if err != nil {
		return err
	}
	h := conformance.HospitalConfig{Config: conformance.Config{Target: c.Target, Token: token, Build: build(), Seed: c.Seed}, URL: c.URL, Wait: c.Wait, Status: c.Status}
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
			fmt.Printf("Listening at %s for %s at most. Send each use case once; the kit answers one with 503, and one not at all.\n", h.URL, c.Wait)
		}
		if h.Feed != nil {
			fmt.Printf("Listening for HL7 at %s for %s at most. Send each event once; the kit answers the second with AE, and one not at all.\n", h.Feed.Addr(), c.Wait)
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

// Run tries the receiver and writes the report.
func (c *conformanceProviderCmd) Run(ctx context.Context) error {
	secret, err := os.ReadFile(c.SecretFile)
	if err != nil {
		return err
	}
	r, err := conformance.RunProvider(ctx, conformance.ProviderConfig{Config: conformance.Config{Target: c.Target, Build: build(), Seed: c.Seed}, Secret: strings.TrimSpace(string(secret))})
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
	return nil
}
