// Package hl7out tells a destination by HL7 v2.4 over MLLP: a council's or a
// community system by REF^I12 to I14, whose RRI it reads, and a hospital's own
// system by ORU^R01, MDM^T02 or ADT^A08 how its referrals stand. It keeps nothing
// and tries nothing twice, and an answer to another message is no answer to it.
package hl7out

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"homeward/connect"
	"homeward/hl7"
	"homeward/mllp"
	"homeward/nhs"
	"homeward/translate"
)

// Config is one receiver.
type Config struct {
	Addr    string // host:port
	Timeout time.Duration
	Format  translate.HL7Out
	// Updates is how a council's system hears what happens in hospital: "ref" as a
	// changed referral, "adt" as a patient system would tell it. "" is ref.
	Updates string

	CAFile, CertFile, KeyFile string // PEM, for TLS; all "": none
	TLS                       bool   // TLS with the system's authorities, where CAFile is ""
}

// Connector is one receiver. It keeps one connection open between messages.
type Connector struct {
	config Config
	tls    *tls.Config

	mu   sync.Mutex
	conn *mllp.Conn
}

// New checks the configuration and reads the files; it connects when it is first
// used.
func New(c Config) (*Connector, error) {
	if c.Timeout <= 0 {
		c.Timeout = 30 * time.Second
	}
	host, port, ok := strings.Cut(c.Addr, ":")
	if !ok || host == "" || port == "" {
		return nil, errors.New("the address of an HL7 destination must be host:port")
	}
	switch c.Updates {
	case "", "ref", "adt":
	default:
		return nil, errors.New("updates must be ref or adt")
	}
	switch c.Format.Status {
	case "", translate.StatusORU, translate.StatusMDM, translate.StatusADT:
	default:
		return nil, errors.New("format must be oru, mdm or adt")
	}
	for name, place := range c.Format.Places {
		if !slices.Contains(translate.HL7Facts(), name) || !translate.CheckPath(place) || strings.HasPrefix(place, "MSH") {
			return nil, fmt.Errorf("places: %q must be one of %s, and its place like PV2-9 or ZU1-22.1", name, strings.Join(translate.HL7Facts(), ", "))
		}
	}
	for name := range c.Format.Codes {
		if !slices.Contains(translate.HL7Facts(), name) {
			return nil, fmt.Errorf("codes: %q must be one of %s", name, strings.Join(translate.HL7Facts(), ", "))
		}
	}
	out := &Connector{config: c}
	var err error
	out.tls, err = c.settings()
	return out, err
}

// settings are those of TLS; nil without.
func (c Config) settings() (*tls.Config, error) {
	if !c.TLS && c.CAFile == "" && c.CertFile == "" {
		return nil, nil
	}
	out := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("reading the authorities of an HL7 destination: %w", err)
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("the file of the authorities of an HL7 destination holds no certificate")
		}
	}
	if c.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("reading the certificate for an HL7 destination: %w", err)
		}
		out.Certificates = []tls.Certificate{pair}
	}
	return out, nil
}

// Make writes the message; none of kinds that HL7 has no message for here.
func (c *Connector) Make(n connect.News) (connect.Message, error) {
	news := translate.HL7News{Control: control(n.Key), At: n.At, What: n.What, Referral: n.Referral, Note: n.NoteID, Paper: n.Paper}
	body, err := c.write(n, news)
	if err != nil || body == nil {
		return connect.Message{}, err
	}
	return connect.Message{Key: n.Key, Correlation: n.Correlation, Kind: n.Kind, Type: "x-application/hl7-v2+er7",
		Head: map[string]string{"control": news.Control}, Body: body, At: n.Shown.Now}, nil
}

func (c *Connector) write(n connect.News, news translate.HL7News) ([]byte, error) {
	f := c.config.Format
	f.ReceivingFacility = or(f.ReceivingFacility, string(n.To))
	f.SendingFacility = or(f.SendingFacility, string(n.From))
	if n.Kind == connect.Status || n.Kind == connect.Note && n.Shown.By.Org == refFrom(n) {
		return f.StatusOf(n.Shown, news)
	}
	news.Trigger = "I13"
	switch n.Kind {
	case connect.Refer:
		news.Trigger = "I12"
	case connect.Withdraw:
		if n.Paper == "" {
			news.Trigger = "I14"
		}
	case connect.Update, connect.Discharge, connect.Died:
		if c.config.Updates == "adt" || n.Referral == "" {
			news.Trigger = adtEvent(n)
			return f.ADT(n.Shown, news)
		}
	}
	if n.Referral == "" {
		return nil, nil
	}
	return f.REF(n.Shown, news)
}

// adtEvent is the event of a patient system for news: HL7 v2.4 3.3. What was undone
// is told as how it stands.
func adtEvent(n connect.News) string {
	if n.Kind == connect.Discharge && n.Shown.Case.Stay == nil {
		return "A03"
	}
	return "A08"
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// refFrom is who sent the referral that news are about.
func refFrom(n connect.News) nhs.ODS {
	r, _ := n.About()
	return r.From
}

// StateIsEnough reports that updates and statuses tell how things stand.
func (c *Connector) StateIsEnough(k connect.Kind) bool {
	return k == connect.Update || k == connect.Status
}

// control is MSH-10 of a key: 80 bits of it, for 20 characters are all there are
// (HL7 v2.4 2.16.9.10).
func control(key string) string {
	s := strings.ToUpper(strings.ReplaceAll(key, "-", ""))
	return s[:min(20, len(s))]
}

// Send sends it once and reads the answer to it: AA is taken, AE tried again, AR
// refused (HL7 v2.4 2.16.8.1). Answers to other messages are dropped, and with any
// trouble the connection, so that a late answer is never taken for the next.
func (c *Connector) Send(ctx context.Context, m connect.Message) (connect.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	id := m.Head["control"]
	raw, err := c.exchange(ctx, m.Body, id)
	if err != nil {
		return connect.Receipt{}, err
	}
	a, err := hl7.ParseAck(raw)
	if err != nil {
		return connect.Receipt{}, fmt.Errorf("%w with an acknowledgement that can be read", connect.ErrDown)
	}
	switch a.Code {
	case hl7.AA, hl7.CA:
		return receipt(raw), nil
	case hl7.AR, hl7.CR:
		return connect.Receipt{}, &connect.Refused{Text: "The other system rejected the message (" + string(a.Code) + ")"}
	}
	return connect.Receipt{}, &connect.Later{Text: "The other system could not take the message this time (" + string(a.Code) + ")"}
}

// exchange sends bytes over the connection that is open, or a new one where that
// has gone stale, which shows when nothing of an answer came. A far side that
// took them twice tells by MSH-10.
func (c *Connector) exchange(ctx context.Context, body []byte, id string) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		conn, err := mllp.Dial(ctx, c.config.Addr, mllp.Config{TLS: c.tls, ReadTimeout: c.config.Timeout})
		if err != nil {
			return nil, connect.ErrDown
		}
		c.conn = conn
	}
	raw, err := c.conn.SendMatching(ctx, body, func(reply []byte) bool {
		a, err := hl7.ParseAck(reply)
		return err == nil && a.ControlID == id
	})
	switch {
	case err == nil:
		return raw, nil
	case errors.Is(err, mllp.ErrUnframeable):
		return nil, &connect.Refused{Text: "The message holds the end of a frame and cannot be sent by MLLP"}
	}
	c.conn.Close()
	c.conn = nil
	return nil, connect.ErrDown
}

// receipt reads what an accepted answer says: of RRI, the receiver's own number of
// the referral, RF1-11, and its number when that is told as its own in RF1-6
// (HL7 v2.4 11.3.1, 11.6.1).
func receipt(raw []byte) connect.Receipt {
	r := connect.Receipt{Received: true, Detail: "Acknowledged"}
	m, err := hl7.Parse(raw)
	if err != nil {
		return r
	}
	if kind, _ := m.Event(); kind == "RRI" {
		r.Reference = reference(m.Get("RF1", 11).String())
		switch m.Get("RF1", 1).String() {
		case "A":
			r.Detail = "Accepted by the other system"
		case "R":
			r.Detail = "Declined by the other system: ring them"
		case "P":
			r.Detail = "Waiting for a decision in the other system"
		}
	}
	return r
}

// reference is a number that may be shown: up to 64 printable characters.
func reference(s string) string {
	if len([]rune(s)) > 64 || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return ""
	}
	return s
}

// Check connects, agrees TLS where it is used, and sends nothing.
func (c *Connector) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	conn, err := mllp.Dial(ctx, c.config.Addr, mllp.Config{TLS: c.tls})
	if err != nil {
		return connect.ErrDown
	}
	return conn.Close()
}

// Close ends the connection that is open, if one is.
func (c *Connector) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		return nil
	}
	err := c.conn.Close()
	c.conn = nil
	return err
}
