package mail

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"homeward/connect"
	"homeward/connect/connecttest"
	"homeward/sim/smtpd"
)

func server(t *testing.T, c smtpd.Config) *smtpd.Server {
	t.Helper()
	s, err := smtpd.New("127.0.0.1:0", c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func connector(t *testing.T, c Config) *Mail {
	t.Helper()
	c.From, c.To = "Homeward <homeward@hospital.example>", []string{"office@bluebell.example", "Manager <boss@bluebell.example>"}
	if c.Timeout == 0 {
		c.Timeout = 3 * time.Second
	}
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestConnector(t *testing.T) {
	far := func(name string, answers map[string]string, wants ...connecttest.Want) connecttest.Far {
		return connecttest.Far{Name: "smtp: " + name, Wants: wants, Within: 500 * time.Millisecond, Start: func(t *testing.T) connecttest.Side {
			s := server(t, smtpd.Config{Answer: answers})
			return connecttest.Side{Address: s.Address(), Quoted: []string{"QUOTED"}, Got: func() (out [][]byte) {
				for _, m := range s.Mails() {
					out = append(out, m.Data)
				}
				return out
			}}
		}}
	}
	say := func(command, answer string) map[string]string { return map[string]string{command: answer} }
	connecttest.Run(t, connecttest.Suite{
		New:  func(t *testing.T, address string) connect.Connector { return connector(t, Config{Address: address}) },
		News: connecttest.Sample(connect.Refer, nil),
		Fars: []connecttest.Far{
			far("honest", nil, connecttest.Took, connecttest.Took),
			far("no such recipient", say("RCPT", "550 5.1.1 QUOTED"), connecttest.Refused),
			far("later", say("RCPT", "once 451 QUOTED"), connecttest.Again, connecttest.Took),
			far("sender refused", say("MAIL", "553 QUOTED"), connecttest.Refused),
			far("full", say("DATA", "452 QUOTED"), connecttest.Again),
			far("refused after the mail", say(".", "554 5.7.1 QUOTED"), connecttest.Refused),
			far("later after the mail", say(".", "451 QUOTED"), connecttest.Again),
			far("goes after the mail", say(".", ""), connecttest.Again),
			far("busy", say("HI", "421 QUOTED"), connecttest.Again),
			far("no service", say("HI", "554 QUOTED"), connecttest.Refused),
			far("drops", say("MAIL", ""), connecttest.Again),
			far("hangs", say("RCPT", "silence"), connecttest.Again),
			far("hangs at once", say("HI", "silence"), connecttest.Again),
			far("hangs at the goodbye", say("QUIT", "silence"), connecttest.Took),
			far("speaks something else", say("HI", "HTTP/1.1 400 QUOTED"), connecttest.Again),
		},
	})
}

func TestNothingPersonalInAMail(t *testing.T) {
	s := server(t, smtpd.Config{})
	m := connector(t, Config{Address: s.Address()})
	for _, k := range []connect.Kind{connect.Refer, connect.Update, connect.Paper, connect.Withdraw, connect.Discharge, connect.Died, connect.Note, connect.Status} {
		msg, err := m.Make(connecttest.Sample(k, nil))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Send(t.Context(), msg); err != nil {
			t.Fatal(err)
		}
	}
	for _, got := range s.Mails() {
		msg, err := netmail.ReadMessage(strings.NewReader(string(got.Data)))
		if err != nil {
			t.Fatal(err)
		}
		if id := msg.Header.Get("Message-Id"); id != "<5b0ad5b6-3c1c-5f3a-9a2e-0d4f6f1e7a01@hospital.example>" {
			t.Errorf("Message-ID %s", id)
		}
		if at, err := msg.Header.Date(); err != nil || !at.Equal(connecttest.Now) {
			t.Errorf("date %v, %v", at, err)
		}
		plain := strings.NewReplacer("=\r\n", "", "=3D", "=").Replace(string(got.Data))
		if !strings.Contains(plain, "https://homeward.example/cases/c4se0000000000000000000001") || len(got.To) != 2 || got.To[1] != "boss@bluebell.example" {
			t.Errorf("to %v: %s", got.To, plain)
		}
		for _, p := range append(connecttest.Personal, "Ward", "died", "AB12") {
			if strings.Contains(plain, p) {
				t.Errorf("a mail tells %q: %s", p, plain)
			}
		}
	}
	n := connecttest.Sample(connect.Refer, nil)
	n.PublicURL = ""
	if _, err := m.Make(n); err == nil {
		t.Error("a mail without a link")
	}
}

func TestTLSAndSignIn(t *testing.T) {
	cert, ca := authority(t)
	pass := filepath.Join(t.TempDir(), "pass")
	if err := os.WriteFile(pass, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := server(t, smtpd.Config{TLS: &tls.Config{Certificates: []tls.Certificate{cert}}, User: "homeward", Password: "s3cret"})
	good := Config{Address: s.Address(), CAFile: ca, User: "homeward", PasswordFile: pass}
	m := connector(t, good)
	msg, err := m.Make(connecttest.Sample(connect.Refer, nil))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Send(t.Context(), msg); err != nil || len(s.Mails()) != 1 || !s.Mails()[0].TLS {
		t.Fatalf("%v, %d mails", err, len(s.Mails()))
	}
	if err := m.Check(t.Context()); err != nil {
		t.Errorf("check: %v", err)
	}
	bad := good
	bad.CAFile = ""
	if _, err := connector(t, bad).Send(t.Context(), msg); !errors.Is(err, connect.ErrDown) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an authority that is not ours: %v", err)
	}
	var refused *connect.Refused
	if err := os.WriteFile(pass, []byte("wrong"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Send(t.Context(), msg); !errors.As(err, &refused) || refused.Status != 535 {
		t.Errorf("a wrong password: %v", err)
	}
	noTLS := connector(t, Config{Address: server(t, smtpd.Config{}).Address()})
	noTLS.loopback = false // as a server elsewhere
	if _, err := noTLS.Send(t.Context(), msg); !errors.As(err, &refused) || !strings.Contains(err.Error(), "TLS") {
		t.Errorf("without TLS: %v", err)
	}
}

func authority(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

func TestNewSaysWhatIsWrong(t *testing.T) {
	for want, c := range map[string]Config{
		"an address like": {Address: "mail"},
		"the sender":      {Address: "m:25", From: "nobody"},
		"a recipient":     {Address: "m:25", From: "a@b.example"},
		"is not an add":   {Address: "m:25", From: "a@b.example", To: []string{"x\r\nRCPT TO:<evil@x.example>"}},
		"the password":    {Address: "m:25", From: "a@b.example", To: []string{"c@d.example"}, User: "u"},
	} {
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
