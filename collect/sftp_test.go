package collect

import (
	"archive/zip"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"homeward/nhs"
	"homeward/sim"
)

// server is a real SFTP server with one user and key.
type server struct {
	addr    string
	dir     string
	hostKey ssh.Signer
	cut     atomic.Int64 // octets that a connection may send; 0 any
}

func key(t *testing.T) (ssh.Signer, []byte) {
	t.Helper()
	_, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(priv, "")
	if err != nil {
		t.Fatal(err)
	}
	return s, pem.EncodeToMemory(block)
}

func serveSFTP(t *testing.T, user ssh.PublicKey) *server {
	t.Helper()
	s := &server{dir: t.TempDir()}
	s.hostKey, _ = key(t)
	config := &ssh.ServerConfig{PublicKeyCallback: func(c ssh.ConnMetadata, k ssh.PublicKey) (*ssh.Permissions, error) {
		if c.User() != "homeward" || string(k.Marshal()) != string(user.Marshal()) {
			return nil, fmt.Errorf("no")
		}
		return nil, nil
	}}
	config.AddHostKey(s.hostKey)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s.addr = l.Addr().String()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.talk(c, config)
		}
	}()
	return s
}

// cutting drops the connection after so many octets.
type cutting struct {
	net.Conn
	left *atomic.Int64
}

func (c cutting) Write(b []byte) (int, error) {
	if c.left.Load() != 0 && c.left.Add(-int64(len(b))) <= 0 {
		c.left.Store(1)
		c.Conn.Close()
		return 0, io.ErrClosedPipe
	}
	return c.Conn.Write(b)
}

func (s *server) talk(c net.Conn, config *ssh.ServerConfig) {
	defer c.Close()
	_, chans, reqs, err := ssh.NewServerConn(cutting{c, &s.cut}, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(reqs)
	for ch := range chans {
		channel, requests, err := ch.Accept()
		if err != nil {
			return
		}
		go func() {
			for r := range requests {
				_ = r.Reply(r.Type == "subsystem", nil)
			}
		}()
		srv, err := sftp.NewServer(channel, sftp.WithServerWorkingDirectory(s.dir))
		if err != nil {
			return
		}
		go func() { _ = srv.Serve(); channel.Close() }()
	}
}

// deliver writes an extract of the pretend council to the server.
func deliver(t *testing.T, dir string, at time.Time) string {
	t.Helper()
	county, err := sim.New(sim.Config{Seed: 1, Clock: func() time.Time { return at }, Sleep: sleep, Zone: time.UTC, Council: sim.CouncilConfig{Dir: dir}})
	if err != nil {
		t.Fatal(err)
	}
	folder, err := county.Council.Deliver(at)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Base(folder)
}

func sftpWay(t *testing.T) (*SFTP, *server) {
	t.Helper()
	mine, private := key(t)
	srv := serveSFTP(t, mine.PublicKey())
	dir := t.TempDir()
	for name, b := range map[string][]byte{"key": private, "hosts": append([]byte("# agreed\nsftp.example "), ssh.MarshalAuthorizedKey(srv.hostKey.PublicKey())...)} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &SFTP{Folder: Folder{t.TempDir()}, Address: srv.addr, User: "homeward", KeyFile: filepath.Join(dir, "key"), HostKeyFile: filepath.Join(dir, "hosts"), Dir: ".", Timeout: 5 * time.Second}, srv
}

func TestSFTPTakesCompleteExtractsOnce(t *testing.T) {
	s, srv := sftpWay(t)
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	name := deliver(t, srv.dir, noon)
	half := filepath.Join(srv.dir, "511-half")
	if err := os.Mkdir(half, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(half, "people.csv"), []byte("person_id\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := s.Bring(t.Context())
	if err != nil || len(got.Extracts) != 1 || got.Extracts[0] != name {
		t.Fatalf("%+v %v", got, err)
	}
	people, problems, _ := loaded(t, filepath.Join(s.Folder.Dir, name))
	if len(people) < 190 || len(problems) > 0 || people[sim.Barbara(nhs.DateOf(noon)).Held.ID].PersonID == "" {
		t.Errorf("%d people, %v", len(people), problems)
	}
	if got, err = s.Bring(t.Context()); err != nil || len(got.Extracts) != 0 {
		t.Errorf("taken again: %+v %v", got, err)
	}
	if err := os.RemoveAll(filepath.Join(s.Folder.Dir, name)); err != nil { // tidied here, still there
		t.Fatal(err)
	}
	if got, err = s.Bring(t.Context()); err != nil || len(got.Extracts) != 0 {
		t.Errorf("taken again after it was tidied away: %+v %v", got, err)
	}
	if _, err := os.Stat(filepath.Join(srv.dir, name, "manifest.toml")); err != nil {
		t.Error("it was deleted on the server, which nobody asked for")
	}
	s.Delete = true
	if _, err = s.Bring(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(srv.dir, name)); !os.IsNotExist(err) {
		t.Error("it was not deleted on the server")
	}
	if _, err := os.Stat(half); err != nil {
		t.Error("what is not complete was deleted")
	}
}

func TestSFTPTakesZips(t *testing.T) {
	s, srv := sftpWay(t)
	from := t.TempDir()
	name := deliver(t, from, noon)
	f, err := os.Create(filepath.Join(srv.dir, "nightly.zip"))
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	if err := z.AddFS(os.DirFS(filepath.Join(from, name))); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	got, err := s.Bring(t.Context())
	if err != nil || len(got.Extracts) != 1 || got.Extracts[0] != "nightly" {
		t.Fatalf("%+v %v", got, err)
	}
	if people, _, _ := loaded(t, filepath.Join(s.Folder.Dir, "nightly")); len(people) < 190 {
		t.Errorf("%d people", len(people))
	}
	for bad, content := range map[string]string{"cut.zip": "PK\x03\x04 and no more"} {
		if err := os.WriteFile(filepath.Join(srv.dir, bad), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Bring(t.Context()); err == nil || !strings.Contains(err.Error(), "not complete") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestUnzipRefusesWhatLeadsElsewhere(t *testing.T) {
	for _, names := range [][]string{{"../manifest.toml"}, {"a/b/manifest.toml"}, {"/etc/manifest.toml"}, {`..\manifest.toml`}, {"people.csv"}, {"manifest.toml", "x/MANIFEST.toml"}, {".hidden", "manifest.toml"}} {
		file := filepath.Join(t.TempDir(), "x.zip")
		f, err := os.Create(file)
		if err != nil {
			t.Fatal(err)
		}
		z := zip.NewWriter(f)
		for _, n := range names {
			if _, err := z.Create(n); err != nil {
				t.Fatal(err)
			}
		}
		z.Close()
		f.Close()
		dir := t.TempDir()
		ok := unzip(file, dir, 1000) == nil
		if _, err := os.Stat(filepath.Join(filepath.Dir(dir), "manifest.toml")); err == nil {
			t.Errorf("%v wrote outside", names)
		}
		if ok && names[0] != "../manifest.toml" {
			t.Errorf("%v was taken", names)
		}
	}
	big := filepath.Join(t.TempDir(), "big.zip")
	f, err := os.Create(big)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	w, err := z.Create("manifest.toml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 5000)); err != nil {
		t.Fatal(err)
	}
	z.Close()
	f.Close()
	if err := unzip(big, t.TempDir(), 4999); err == nil || !strings.Contains(err.Error(), "more than is taken") {
		t.Errorf("a bomb: %v", err)
	}
}

// A connection that breaks in the middle leaves nothing, and the next takes all.
func TestSFTPBreaksOff(t *testing.T) {
	s, srv := sftpWay(t)
	name := deliver(t, srv.dir, noon)
	srv.cut.Store(20_000)
	if got, err := s.Bring(t.Context()); err == nil {
		t.Fatalf("%+v", got)
	}
	if n := names(t, s.Folder.Dir); strings.Contains(n, name) || strings.Contains(n, making) {
		t.Errorf("left: %s", n)
	}
	srv.cut.Store(0)
	if got, err := s.Bring(t.Context()); err != nil || len(got.Extracts) != 1 {
		t.Fatalf("%+v %v", got, err)
	}
}

func TestSFTPTalksToTheRightServerOnly(t *testing.T) {
	s, _ := sftpWay(t)
	other, _ := key(t)
	if err := os.WriteFile(s.HostKeyFile, ssh.MarshalAuthorizedKey(other.PublicKey()), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Bring(t.Context()); err == nil || !strings.Contains(err.Error(), "another key") {
		t.Errorf("another server: %v", err)
	}
	s, _ = sftpWay(t)
	s.User = "somebody"
	if _, err := s.Bring(t.Context()); err == nil || !strings.Contains(err.Error(), "did not let us in") {
		t.Errorf("another user: %v", err)
	}
	s, _ = sftpWay(t)
	s.Dir = "nowhere"
	if _, err := s.Bring(t.Context()); err == nil || !strings.Contains(err.Error(), "listing the folder") {
		t.Errorf("no folder: %v", err)
	}
	s.Address = "127.0.0.1:1"
	if _, err := s.Bring(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("no server: %v", err)
	}
	for want, bad := range map[string]*SFTP{"our key or our password": {HostKeyFile: s.HostKeyFile}, "server's keys": {KeyFile: s.KeyFile, HostKeyFile: s.KeyFile + "x"},
		"no public key": {KeyFile: s.KeyFile, HostKeyFile: s.KeyFile}, "not a private key": {KeyFile: s.HostKeyFile, HostKeyFile: s.HostKeyFile}} {
		if err := bad.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
}
