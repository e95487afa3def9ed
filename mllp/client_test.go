package mllp

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestSend(t *testing.T) {
	addr := start(t, NewServer(Config{}, echo))
	c, err := Dial(t.Context(), addr, Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, msg := range []string{"one", "two", strings.Repeat("x", 200_000)} {
		if got, err := c.Send(t.Context(), []byte(msg)); err != nil || string(got) != "ack "+msg {
			t.Fatalf("answered %.50q, %v", got, err)
		}
	}
	if _, err := c.Send(t.Context(), []byte("a\x1c\rb")); !errors.Is(err, ErrUnframeable) {
		t.Errorf("an unframeable message: %v", err)
	}
	if got, err := c.Send(t.Context(), []byte("after")); err != nil || string(got) != "ack after" {
		t.Errorf("after it: %q, %v", got, err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := c.Send(t.Context(), []byte("x")); !errors.Is(err, ErrClosed) {
		t.Errorf("after closing: %v", err)
	}
}

// far is the far end of a client's connection, in memory.
func far(config Config) (*Conn, net.Conn, *bufio.Reader) {
	ours, theirs := net.Pipe()
	return NewConn(ours, config), theirs, bufio.NewReader(theirs)
}

// Late and repeated answers are dropped: MSA-2 decides, not the order.
func TestSendMatching(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, theirs, r := far(Config{})
		go func() {
			for range 2 {
				msg, _ := ReadFrame(r, 100)
				io.WriteString(theirs, "\x0back of old\x1c\r\x0back of "+string(msg)+"\x1c\r")
			}
			ReadFrame(r, 100)
			io.WriteString(theirs, strings.Repeat("\x0back of old\x1c\r", maxStrangers))
			theirs.Close()
		}()
		for _, msg := range []string{"one", "two"} {
			got, err := c.SendMatching(t.Context(), []byte(msg), func(reply []byte) bool { return bytes.HasSuffix(reply, []byte(msg)) })
			if err != nil || string(got) != "ack of "+msg {
				t.Errorf("%q, %v", got, err)
			}
		}
		if _, err := c.SendMatching(t.Context(), []byte("x"), func([]byte) bool { return false }); !errors.Is(err, ErrUnanswered) {
			t.Errorf("nothing but old answers: %v", err)
		}
	})
}

// When no answer comes the connection is of no more use.
func TestSendUnanswered(t *testing.T) {
	for name, c := range map[string]struct {
		limit time.Duration // of the context; 0 for none
		far   string
		want  error
		took  time.Duration
	}{
		"silence":        {0, "", nil, 30 * time.Second},
		"context ends":   {5 * time.Second, "", context.DeadlineExceeded, 5 * time.Second},
		"half an answer": {0, "\x0bhalf", nil, 30 * time.Second},
		"half, context":  {5 * time.Second, "\x0bha\x1c.", context.DeadlineExceeded, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, theirs, r := far(Config{ReadTimeout: 30 * time.Second})
				go func() {
					ReadFrame(r, 100)
					io.WriteString(theirs, c.far)
				}()
				ctx := t.Context()
				if c.limit > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.limit)
					defer cancel()
				}
				began := time.Now()
				_, err := conn.Send(ctx, []byte("one"))
				if err == nil || c.want != nil && !errors.Is(err, c.want) || time.Since(began) != c.took {
					t.Errorf("%v after %s", err, time.Since(began))
				}
				if _, err := conn.Send(t.Context(), []byte("two")); !errors.Is(err, ErrClosed) {
					t.Errorf("a second message was sent: %v", err)
				}
			})
		})
	}
}

func TestAnswerWithoutLastByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, theirs, r := far(Config{})
		go func() {
			ReadFrame(r, 100)
			io.WriteString(theirs, "\x0back\x1c")
		}()
		if got, err := c.Send(t.Context(), []byte("one")); err != nil || string(got) != "ack" {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// authority signs certificates for one test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, pool: x509.NewCertPool()}
	a.cert, a.key = a.sign(&x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		Subject: pkix.Name{CommonName: "invented authority"}})
	a.pool.AddCert(a.cert)
	return a
}

func (a *authority) sign(c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return parsed, key
}

func (a *authority) leaf(name string, use x509.ExtKeyUsage) tls.Certificate {
	cert, key := a.sign(&x509.Certificate{Subject: pkix.Name{CommonName: name}, ExtKeyUsage: []x509.ExtKeyUsage{use},
		KeyUsage: x509.KeyUsageDigitalSignature, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

func TestTLS(t *testing.T) {
	ours, other := newAuthority(t), newAuthority(t)
	s := NewServer(Config{TLS: &tls.Config{
		Certificates: []tls.Certificate{ours.leaf("server", x509.ExtKeyUsageServerAuth)},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: ours.pool, MinVersion: tls.VersionTLS12,
	}}, func(_ context.Context, c ConnInfo, msg []byte) []byte {
		return append([]byte(c.TLS.PeerCertificates[0].Subject.CommonName+" "), msg...)
	})
	e := watched(s)
	addr := start(t, s)
	send := func(settings *tls.Config) (string, error) {
		c, err := Dial(t.Context(), addr, Config{TLS: settings})
		if err != nil {
			return "", err
		}
		defer c.Close()
		got, err := c.Send(t.Context(), []byte("one")) // TLS 1.3 tells a refusal only here
		return string(got), err
	}
	hospital := ours.leaf("hospital", x509.ExtKeyUsageClientAuth)
	got, err := send(&tls.Config{RootCAs: ours.pool, Certificates: []tls.Certificate{hospital}})
	if err != nil || got != "hospital one" {
		t.Errorf("with a certificate: %q, %v", got, err)
	}
	for name, settings := range map[string]*tls.Config{
		"no certificate":    {RootCAs: ours.pool},
		"another authority": {RootCAs: ours.pool, Certificates: []tls.Certificate{other.leaf("stranger", x509.ExtKeyUsageClientAuth)}},
		"a server's":        {RootCAs: ours.pool, Certificates: []tls.Certificate{ours.leaf("server", x509.ExtKeyUsageServerAuth)}},
		"unknown server":    {RootCAs: other.pool, Certificates: []tls.Certificate{hospital}},
	} {
		if got, err := send(settings); err == nil {
			t.Errorf("%s: answered %q", name, got)
		}
		e.wait(t, HandshakeFailed)
	}
	// One who speaks without TLS is refused, and holds nobody up.
	plain := dial(t, addr)
	write(t, plain, "\x0bone\x1c\r")
	if got, err := io.ReadAll(plain); bytes.Contains(got, []byte("one")) {
		t.Errorf("answered without TLS: %q, %v", got, err)
	}
	if got := s.Stats().Frames; got != 1 {
		t.Errorf("%d messages were handled, want 1", got)
	}
}

// A missing last byte is waited for by a deadline, which must not spoil TLS.
func TestTLSMissingLastByte(t *testing.T) {
	a := newAuthority(t)
	s := NewServer(Config{TLS: &tls.Config{Certificates: []tls.Certificate{a.leaf("server", x509.ExtKeyUsageServerAuth)}}}, echo)
	nc := tls.Client(dial(t, start(t, s)), &tls.Config{RootCAs: a.pool, ServerName: "127.0.0.1"})
	r := bufio.NewReader(nc)
	for _, msg := range []string{"one", "two"} {
		write(t, nc, "\x0b"+msg+"\x1c")
		expect(t, r, "ack "+msg)
	}
}
