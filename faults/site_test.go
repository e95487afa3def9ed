package faults

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"homeward/internal/freeport"
)

// built is the binary, made once for all tests.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "homeward-faults-")
	if err != nil {
		return "", err
	}
	if err := noteSources(); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "homeward")
	c := exec.Command("go", "build", "-o", path, "homeward/cmd/homeward")
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building homeward: %w\n%s", err, out)
	}
	return path, nil
})

// noteSources looks at every source of the binary, so that go test does not
// give a cached result for another binary.
func noteSources() error {
	return filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Name() == ".git" {
			return filepath.SkipDir
		}
		if !d.IsDir() && filepath.Ext(path) != ".md" {
			_, err = os.Stat(path)
		}
		return err
	})
}

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := built(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// site is one site of one trust, whose process is started, broken and started
// again.
type site struct {
	t          *testing.T
	binary     string
	config     string
	http, mllp string
	log        string
	cmd        *exec.Cmd
	exited     chan error
}

const configText = `http = %q
database = %q
[encryption]
key_file = "site.key"
[[organisation]]
ods = "RK5"
name = "Sherwood Forest Hospitals"
kind = "trust"
phone = "01632 960 100"
[[organisation]]
ods = "511"
name = "Nottinghamshire County Council"
kind = "council"
phone = "01632 960 300"
out_of_hours = "01632 960 399"
[[feed]]
name = "kings-mill"
title = "King's Mill EPR"
org = "RK5"
listen = %q
read_timeout = "2s"
max_connections = 12
`

// newSite writes the configuration of a site on a database, and starts nothing.
func newSite(t *testing.T, database string) *site {
	t.Helper()
	binary, err := built()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := &site{t: t, binary: binary, config: filepath.Join(dir, "homeward.toml"), log: filepath.Join(dir, "log"), http: freeAddress(t), mllp: freeAddress(t)}
	if err := os.WriteFile(s.config, fmt.Appendf(nil, configText, s.http, database, s.mllp), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(binary, "keys", "new", filepath.Join(dir, "site.key")).CombinedOutput(); err != nil {
		t.Fatalf("making a key: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if s.cmd != nil {
			s.kill()
		}
		if t.Failed() {
			said, _ := os.ReadFile(s.log)
			t.Logf("the end of homeward's log:\n%s", said[max(0, len(said)-4000):])
		}
	})
	return s
}

func freeAddress(t *testing.T) string {
	t.Helper()
	addr, err := freeport.Find()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// start starts the process and waits until it is ready.
func (s *site) start() {
	s.t.Helper()
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	s.cmd = exec.Command(s.binary, "serve", "--config", s.config)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.exited = make(chan error, 1)
	go func(c *exec.Cmd, exited chan<- error) { exited <- c.Wait() }(s.cmd, s.exited)
	s.eventually("homeward is ready", func() bool { return s.get("/readyz") == http.StatusOK })
}

// kill ends the process as a power cut would.
func (s *site) kill() {
	s.t.Helper()
	if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Fatal(err)
	}
	<-s.exited
	s.cmd = nil
}

// stop asks the process to end, and gives its exit code.
func (s *site) stop() int {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	select {
	case <-s.exited:
	case <-time.After(30 * time.Second):
		s.t.Fatal("homeward did not stop in 30 s")
	}
	code := s.cmd.ProcessState.ExitCode()
	s.cmd = nil
	return code
}

func (s *site) lives() bool {
	select {
	case err := <-s.exited:
		s.exited <- err
		return false
	default:
		return true
	}
}

var client = &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// get gives the status of a page, 0 when there was no answer.
func (s *site) get(path string) int {
	r, err := client.Get("http://" + s.http + path)
	if err != nil {
		return 0
	}
	r.Body.Close()
	return r.StatusCode
}

// page is a page as a reader with a session sees it.
func (s *site) page(path string) (status int, text string) {
	s.t.Helper()
	q, err := http.NewRequest(http.MethodGet, "http://"+s.http+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	q.AddCookie(&http.Cookie{Name: "homeward", Value: strings.Repeat("A", 43)})
	r, err := client.Do(q)
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(r.Body); err != nil {
		s.t.Fatal(err)
	}
	return r.StatusCode, b.String()
}

// metric adds up a metric over its labels; -1 when it cannot be had.
func (s *site) metric(name string) float64 {
	r, err := client.Get("http://" + s.http + "/metrics")
	if err != nil {
		return -1
	}
	defer r.Body.Close()
	sum, found := 0.0, false
	for lines := bufio.NewScanner(r.Body); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), " ")
		if key != name && !strings.HasPrefix(key, name+"{") {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return -1
		}
		sum, found = sum+v, true
	}
	if !found {
		return -1
	}
	return sum
}

// resident is the memory of the process in MB, 0 where it is not told.
func (s *site) resident() float64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	_, rest, _ := strings.Cut(string(b), "VmRSS:")
	if f := strings.Fields(rest); len(f) > 0 {
		kb, _ := strconv.ParseFloat(f[0], 64)
		return kb / 1024
	}
	return 0
}

// verify runs the operator's check, which must find nothing wrong.
func (s *site) verify() {
	s.t.Helper()
	if out, err := exec.Command(s.binary, "verify", "--config", s.config).CombinedOutput(); err != nil {
		s.t.Fatalf("homeward verify: %v\n%s", err, out)
	}
}

// kept counts each control id that homeward verify --messages prints.
func (s *site) kept() map[string]int {
	s.t.Helper()
	var wrong bytes.Buffer
	c := exec.Command(s.binary, "verify", "--messages", "--config", s.config)
	c.Stderr = &wrong
	out, err := c.Output()
	if err != nil {
		s.t.Fatalf("homeward verify --messages: %v\n%s", err, wrong.String())
	}
	ids := map[string]int{}
	for line := range strings.Lines(string(out)) {
		ids[strings.TrimSpace(line)]++
	}
	return ids
}

// read waits until no message waits to be read.
func (s *site) read() {
	s.t.Helper()
	s.eventually("all messages are read", func() bool { return s.metric("homeward_messages_waiting") == 0 })
}

func (s *site) eventually(what string, true func() bool) {
	s.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if true() {
			return
		}
		if !s.lives() {
			s.t.Fatalf("homeward ended while a test waited until %s", what)
		}
	}
	s.t.Fatalf("waited a minute in vain until %s", what)
}
