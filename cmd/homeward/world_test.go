//go:build unix

package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// world is what runs for one script.
type world struct {
	dir    string
	env    []string
	procs  map[string]*process
	client *http.Client
}

func newWorld(dir string, env []string) *world {
	jar, _ := cookiejar.New(nil) // it has no error
	return &world{dir: dir, env: env, procs: map[string]*process{}, client: &http.Client{Jar: jar, Timeout: 20 * time.Second, Transport: &http.Transport{}}}
}

// process is the program in the background.
type process struct {
	cmd      *exec.Cmd
	out, err text
	ended    chan struct{}
	code     error
	pages    string // http://... once it serves
	feed     string // address of the first listener
}

// text is written by a process and read by a test.
type text struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (t *text) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(p)
}

func (t *text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}

var (
	serving   = regexp.MustCompile(`msg=serving http=(\S+)`)
	listening = regexp.MustCompile(`msg=listening feed=\S+ address=(\S+)`)
	demoOpen  = regexp.MustCompile(`Open +http://(\S+)`)
	demoFeed1 = regexp.MustCompile(`(?m)^    (\S+:\d+) `)
)

// start runs the program until it says that it serves. sim says nothing.
func (w *world) start(name string, args ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(self, args...), ended: make(chan struct{})}
	p.cmd.Args[0] = "homeward" // testscript.Main: this name makes it the program
	p.cmd.Dir, p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = w.dir, w.env, &p.out, &p.err
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	w.procs[name] = p
	go func() { p.code = p.cmd.Wait(); close(p.ended) }() // waited for by stop or close
	ready := func() bool {
		select {
		case <-p.ended:
			return true
		default:
		}
		switch args[0] {
		case "serve":
			return serving.MatchString(p.err.String())
		case "demo":
			return strings.Contains(p.out.String(), "Stop with Ctrl-C")
		}
		return true
	}
	if err := until(20*time.Second, ready); err != nil {
		return nil, fmt.Errorf("%s does not serve:\n%s", name, p.err.String())
	}
	select {
	case <-p.ended:
		return nil, fmt.Errorf("%s ended (%v):\n%s", name, p.code, p.err.String())
	default:
	}
	both := p.err.String() + "\n" + p.out.String()
	for _, re := range []*regexp.Regexp{serving, demoOpen} {
		if m := re.FindStringSubmatch(both); m != nil {
			p.pages = "http://" + m[1]
		}
	}
	for _, re := range []*regexp.Regexp{listening, demoFeed1} {
		if m := re.FindStringSubmatch(both); m != nil {
			p.feed = m[1]
		}
	}
	return p, nil
}

// stop tells a process to stop, and wants it to exit 0 soon.
func (w *world) stop(name string) error {
	p := w.procs[name]
	if p == nil {
		return errors.New("no such process")
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		return fmt.Errorf("%s goes on after SIGTERM", name)
	}
	if p.code != nil {
		return fmt.Errorf("%s ended with %w:\n%s", name, p.code, p.err.String())
	}
	return nil
}

// close ends what is left.
func (w *world) close() {
	for _, p := range w.procs {
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	w.client.CloseIdleConnections()
}

func (w *world) post(to string, fields ...string) (*http.Response, error) {
	v := url.Values{}
	for _, f := range fields {
		key, value, _ := strings.Cut(f, "=")
		v.Set(key, value)
	}
	return w.client.PostForm(to, v)
}

// makeCertificates writes an authority with a certificate for the server and
// one for a client, and a client of another authority.
func makeCertificates(dir string) error {
	ca, caKey, err := certificate("Invented authority", nil, nil)
	if err != nil {
		return err
	}
	other, otherKey, err := certificate("Other authority", nil, nil)
	if err != nil {
		return err
	}
	if err := writePEM(dir, "ca", ca, nil); err != nil {
		return err
	}
	for _, c := range []struct {
		name   string
		by     *x509.Certificate
		byKey  *ecdsa.PrivateKey
		common string
	}{{"server", ca, caKey, "localhost"}, {"client", ca, caKey, "careflow.invalid"}, {"stranger", other, otherKey, "stranger.invalid"}} {
		cert, key, err := certificate(c.common, c.by, c.byKey)
		if err != nil {
			return err
		}
		if err := writePEM(dir, c.name, cert, key); err != nil {
			return err
		}
	}
	return nil
}

func certificate(name string, by *x509.Certificate, byKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true}
	if by == nil {
		c.IsCA, c.KeyUsage, by, byKey = true, x509.KeyUsageCertSign, c, key
	} else {
		c.KeyUsage, c.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
		c.DNSNames, c.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by, &key.PublicKey, byKey)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return cert, key, err
}

func writePEM(dir, name string, cert *x509.Certificate, key *ecdsa.PrivateKey) error {
	b := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
	if err := os.WriteFile(filepath.Join(dir, name+".pem"), b, 0o600); err != nil || key == nil {
		return err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name+".key"), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}
