// Package mail tells people without a system by e-mail: that there is news, and a
// link to it that needs a sign-in. Nothing personal is ever in a mail, and no
// setting puts it there. It reads no answers and no bounces.
package mail

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/netip"
	"net/textproto"
	"os"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"homeward/connect"
	"homeward/connect/record"
)

// Config is one mail server and who is written to.
type Config struct {
	Address      string // host:port; port 465 speaks TLS from the start, all others by STARTTLS
	User         string // "" no sign-in
	PasswordFile string
	CAFile       string // PEM; "" the system's authorities
	From         string // "Homeward <homeward@hospital.example>"
	To           []string
	Timeout      time.Duration // for one mail; 0 is 60 s
}

// Mail is a connect.Connector.
type Mail struct {
	config   Config
	host     string
	from     *netmail.Address
	to       []*netmail.Address
	tls      *tls.Config
	implicit bool // TLS from the start
	loopback bool // the server is this machine: mail may go without TLS
}

// New makes it.
func New(c Config) (*Mail, error) {
	if c.Timeout <= 0 {
		c.Timeout = time.Minute
	}
	host, port, err := net.SplitHostPort(c.Address)
	if err != nil {
		return nil, errors.New("the mail server needs an address like smtp.hospital.example:587")
	}
	m := &Mail{config: c, host: host, implicit: port == "465", tls: &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}}
	a, err := netip.ParseAddr(host)
	m.loopback = host == "localhost" || err == nil && a.IsLoopback()
	if m.from, err = netmail.ParseAddress(c.From); err != nil {
		return nil, errors.New("the sender is not an address of e-mail")
	}
	for _, s := range c.To {
		to, err := netmail.ParseAddress(s)
		if err != nil {
			return nil, errors.New("a recipient is not an address of e-mail")
		}
		m.to = append(m.to, to)
	}
	if len(m.to) == 0 {
		return nil, errors.New("a mail needs a recipient")
	}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("reading the authorities: %w", err)
		}
		m.tls.RootCAs = x509.NewCertPool()
		if !m.tls.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("reading the authorities: %s holds no certificate", c.CAFile)
		}
	}
	_, err = m.password()
	return m, err
}

func (m *Mail) password() (string, error) {
	if m.config.User == "" {
		return "", nil
	}
	b, err := os.ReadFile(m.config.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("reading the password for the mail server: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// Make writes the mail, with a Message-ID from the key, so that a mail that came
// twice can be known. RFC 5322 3.6.4
func (m *Mail) Make(n connect.News) (connect.Message, error) {
	link := record.Link(n)
	if link == "" {
		return connect.Message{}, errors.New("writing a mail: Homeward's public address is not configured, and a mail without a link tells nothing")
	}
	subject, words := record.Words(n)
	msg, err := m.Letter(n.Key, subject, words+"\r\n\r\nRead it here. You will be asked to sign in.\r\n\r\n"+link+
		"\r\n\r\nThis mail says nothing about the person, on purpose. Answers to it are not read.\r\n", n.Shown.Now)
	msg.Correlation, msg.Kind = n.Correlation, n.Kind
	return msg, err
}

// Letter writes a mail of any words, which must be nobody's personal data.
func (m *Mail) Letter(key, subject, words string, at time.Time) (connect.Message, error) {
	_, domain, _ := strings.Cut(m.from.Address, "@")
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(m.from)
	msg.ToMailAddress(m.to...)
	msg.Subject(subject)
	msg.SetMessageIDWithValue(key + "@" + domain)
	msg.SetDateWithValue(at)
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	msg.SetBodyString(gomail.TypeTextPlain, words)
	var b bytes.Buffer
	if _, err := msg.WriteTo(&b); err != nil {
		return connect.Message{}, fmt.Errorf("writing a mail: %w", err)
	}
	return connect.Message{Key: key, Type: "message/rfc822", Body: b.Bytes(), At: at}, nil
}

// Send hands the mail to the server, for all recipients or none.
func (m *Mail) Send(ctx context.Context, msg connect.Message) (connect.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, m.config.Timeout)
	defer cancel()
	c, end, err := m.open(ctx)
	if err != nil {
		return connect.Receipt{}, err
	}
	defer end()
	if err := m.deliver(c, msg.Body); err != nil {
		return connect.Receipt{}, judge(err)
	}
	_ = c.Quit() // the mail is taken: how the server says goodbye changes nothing
	return connect.Receipt{}, nil
}

func (m *Mail) deliver(c *smtp.Client, body []byte) error {
	if err := c.Mail("<" + m.from.Address + ">"); err != nil {
		return err
	}
	for _, to := range m.to {
		if err := c.Rcpt("<" + to.Address + ">"); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(body); err != nil {
		return err
	}
	return w.Close()
}

// open connects, secures the connection and signs in. end ends it.
func (m *Mail) open(ctx context.Context) (*smtp.Client, func(), error) {
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", m.config.Address)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: no connection to the mail server", connect.ErrDown)
	}
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	end := func() {
		stop()
		raw.Close()
	}
	if when, ok := ctx.Deadline(); ok {
		raw.SetDeadline(when) // an error shows when it is read
	}
	c, err := m.greet(ctx, raw)
	if err != nil {
		end()
		return nil, nil, judge(err)
	}
	return c, end, nil
}

// errPlain is that a mail would go over the network for all to read. RFC 3207
var errPlain = errors.New("the mail server offers no TLS")

func (m *Mail) greet(ctx context.Context, conn net.Conn) (*smtp.Client, error) {
	if m.implicit {
		secure := tls.Client(conn, m.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		conn = secure
	}
	c, err := smtp.NewClient(conn, m.host)
	if err != nil {
		return nil, err
	}
	_, domain, _ := strings.Cut(m.from.Address, "@")
	if err := c.Hello(domain); err != nil {
		return nil, err
	}
	if offered, _ := c.Extension("STARTTLS"); offered && !m.implicit {
		err = c.StartTLS(m.tls)
	} else if !m.implicit && !m.loopback {
		err = errPlain
	}
	if err != nil || m.config.User == "" {
		return c, err
	}
	password, err := m.password()
	if err != nil {
		return nil, err
	}
	return c, c.Auth(smtp.PlainAuth("", m.config.User, password, m.host, m.loopback))
}

// judge says what an answer of the server means: 5yz stays so, 4yz passes.
// RFC 5321 4.2.1
func judge(err error) error {
	var said *textproto.Error
	var cert *tls.CertificateVerificationError
	switch {
	case errors.As(err, &said) && said.Code == 535:
		return &connect.Refused{Text: "The mail server does not accept our user and password.", Status: said.Code}
	case errors.As(err, &said) && said.Code >= 500 && said.Code < 600:
		return &connect.Refused{Text: fmt.Sprintf("The mail server refused the mail (%d): look at the addresses.", said.Code), Status: said.Code}
	case errors.As(err, &said) && said.Code >= 400 && said.Code < 500:
		return fmt.Errorf("the mail server cannot take the mail now (%d): %w", said.Code, connect.ErrDown)
	case errors.Is(err, errPlain):
		return &connect.Refused{Text: "The mail server offers no TLS: nothing is sent that all can read."}
	case errors.As(err, &cert):
		return fmt.Errorf("%w: the mail server's certificate is not one that we trust for this address", connect.ErrDown)
	}
	return fmt.Errorf("%w: the connection to the mail server broke", connect.ErrDown)
}

// Check greets the server and signs in, and goes.
func (m *Mail) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, m.config.Timeout)
	defer cancel()
	c, end, err := m.open(ctx)
	if err != nil {
		return err
	}
	defer end()
	_ = c.Quit() // it answered, which was the question
	return nil
}
