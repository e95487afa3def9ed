//go:build unix

package pgtest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// A Server is one private PostgreSQL cluster. Stop, Kill and Start may be
// called in any order until Close; its port and DSN stay the same.
type Server struct {
	bin      string              // directory of initdb, pg_ctl and postgres
	dir      string              // holds data/, the log and the sockets
	owns     bool                // dir was made by New and goes with Close
	as       *syscall.Credential // who runs the programs; nil: this user
	password string
	port     int
	settings []string
	made     atomic.Int64 // databases made so far, for their names

	mu      sync.Mutex
	running bool
	lifeln  *os.File  // the watchdog waits for this pipe to close
	dog     *exec.Cmd // the watchdog
}

// New makes and starts a server in dir, or in a new temporary directory when
// dir is "". Durability is on, as PostgreSQL ships; settings such as NoFsync or
// "max_connections=200" change one server setting each. Under root the programs
// run as postgres or nobody, who must be able to enter dir. The error wraps
// ErrMissing when there is no PostgreSQL here.
func New(dir string, settings ...string) (*Server, error) {
	s := &Server{dir: dir, owns: dir == "", password: rand.Text(), settings: settings}
	var err error
	if s.bin, err = programs(); err != nil {
		return nil, err
	}
	if s.as, err = runAs(); err != nil {
		return nil, err
	}
	if err := s.prepare(); err != nil {
		return nil, err
	}
	if err := s.guard(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.data()))
	}
	if err := s.cluster(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// prepare makes the directory and gives it to the user who runs the server.
func (s *Server) prepare() (err error) {
	if s.owns {
		if s.dir, err = os.MkdirTemp("", "pgtest-"); err != nil {
			return fmt.Errorf("making a directory for PostgreSQL: %w", err)
		}
	} else if s.dir, err = filepath.Abs(s.dir); err != nil {
		return fmt.Errorf("finding the directory for PostgreSQL: %w", err)
	}
	if s.as == nil {
		return nil
	}
	if err := os.Chown(s.dir, int(s.as.Uid), int(s.as.Gid)); err != nil {
		return fmt.Errorf("giving PostgreSQL its directory: %w", err)
	}
	return nil
}

// cluster runs initdb and starts the server for the first time. Another process
// may take the port between our asking for a free one and our use of it, so
// there are three tries.
func (s *Server) cluster() error {
	secret := filepath.Join(s.dir, "password")
	if err := os.WriteFile(secret, []byte(s.password), 0o600); err != nil {
		return fmt.Errorf("writing PostgreSQL's password: %w", err)
	}
	if s.as != nil {
		if err := os.Chown(secret, int(s.as.Uid), int(s.as.Gid)); err != nil {
			return fmt.Errorf("giving PostgreSQL its password: %w", err)
		}
	}
	// The C collation orders text by its bytes, as SQLite does.
	err := s.run("initdb", "-D", s.data(), "-U", role, "-E", "UTF8", "--no-locale", "--no-sync",
		"-A", "password", "--pwfile", secret, "--no-instructions")
	if err = errors.Join(err, os.Remove(secret)); err != nil {
		return err
	}
	for range 3 {
		if s.port, err = freePort(); err != nil {
			return err
		}
		if err = s.Start(); err == nil {
			return nil
		}
	}
	return err
}

const role = "homeward"

// DSN names the server's own database, in which nothing should be made.
func (s *Server) DSN() string { return s.dsn("postgres") }

func (s *Server) dsn(database string) string {
	return fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/%s?sslmode=disable", role, s.password, s.port, database)
}

// Port is the TCP port on 127.0.0.1, for a proxy that stands in between.
func (s *Server) Port() int { return s.port }

// Log is the server's log so far, for a failed test to print.
func (s *Server) Log() string {
	text, err := os.ReadFile(s.logFile())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Start starts a stopped or killed server and returns when it takes
// connections, after recovery if it needs one.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running {
		return nil
	}
	options := fmt.Sprintf("-p %d -k '%s' -c listen_addresses=127.0.0.1", s.port, s.dir)
	for _, set := range s.settings {
		options += " -c '" + set + "'"
	}
	err := s.run("pg_ctl", "start", "-w", "-t", "60", "-s", "-D", s.data(), "-l", s.logFile(), "-o", options)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, s.Log())
	}
	s.running = true
	return nil
}

// Stop ends the server in order: sessions are cut, everything is written.
func (s *Server) Stop() error { return s.halt("fast") }

// Kill ends the server as a power cut would: nothing is written, and the next
// Start recovers from the write-ahead log.
func (s *Server) Kill() error { return s.halt("immediate") }

// Restart is Stop and Start.
func (s *Server) Restart() error {
	if err := s.Stop(); err != nil {
		return err
	}
	return s.Start()
}

func (s *Server) halt(mode string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.running {
		return nil
	}
	if err := s.run("pg_ctl", "stop", "-w", "-t", "60", "-s", "-D", s.data(), "-m", mode); err != nil {
		return err
	}
	s.running = false
	return nil
}

func (s *Server) down() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.running
}

// Close ends the server and removes its files. Only the first call does so.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dog == nil {
		return nil
	}
	err := errors.Join(s.lifeln.Close(), s.dog.Wait())
	s.running, s.dog = false, nil
	if err != nil {
		return fmt.Errorf("ending PostgreSQL in %s: %w", s.dir, err)
	}
	return nil
}

// guard starts the watchdog: a shell in a session of its own that waits for the
// end of a pipe only this process holds. Close closes the pipe, and so does the
// kernel when this process dies of anything; then the shell ends the server and
// removes its files. Its output goes nowhere, or go test would wait for it.
func (s *Server) guard() error {
	read, write, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("making the watchdog's pipe: %w", err)
	}
	remove := `"$1/data" "$1/log"`
	if s.owns {
		remove = `"$1"`
	}
	// The name "$1" is in the command line, so a person who finds the shell in
	// a list of processes can see what it guards.
	script := `cat >/dev/null; "$2/pg_ctl" stop -w -t 60 -s -m immediate -D "$1/data"; rm -rf ` + remove
	dog := exec.Command("/bin/sh", "-c", script, "pgtest-watchdog", s.dir, s.bin)
	dog.Dir = "/"
	dog.Stdin = read
	dog.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: s.as}
	err = dog.Start()
	if err = errors.Join(err, read.Close()); err != nil {
		return errors.Join(fmt.Errorf("starting the watchdog: %w", err), write.Close())
	}
	s.dog, s.lifeln = dog, write
	return nil
}

func (s *Server) data() string    { return filepath.Join(s.dir, "data") }
func (s *Server) logFile() string { return filepath.Join(s.dir, "log") }

// run runs one of PostgreSQL's programs to its end, as the user who may. The
// server that pg_ctl leaves behind writes to its log only, so the output ends.
func (s *Server) run(program string, args ...string) error {
	cmd := exec.Command(filepath.Join(s.bin, program), args...)
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"} // no PGDATA, no PGPORT
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: s.as}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("running %s: %w: %s", program, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// freePort asks the kernel for a port that nobody uses now.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("finding a free port for PostgreSQL: %w", err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}

// places are where PostgreSQL's programs stand when they are not on PATH:
// Debian, Red Hat, Alpine, Homebrew on ARM and on Intel.
var places = []string{
	"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/libexec/postgresql*",
	"/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin",
}

// programs finds the directory of the server's programs: PATH first, then the
// newest version that is installed.
func programs() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil && complete(filepath.Dir(path)) {
			return filepath.Dir(path), nil
		}
	}
	best, newest := "", -1
	for _, pattern := range places {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return "", fmt.Errorf("looking for PostgreSQL in %s: %w", pattern, err)
		}
		for _, dir := range found {
			if v := version(dir); complete(dir) && v > newest {
				best, newest = dir, v
			}
		}
	}
	if best == "" {
		return "", ErrMissing
	}
	return best, nil
}

func complete(dir string) bool {
	for _, program := range []string{"initdb", "pg_ctl", "postgres"} {
		if _, err := exec.LookPath(filepath.Join(dir, program)); err != nil {
			return false
		}
	}
	return true
}

// version is the last number in a directory's name, such as 15 in
// /usr/lib/postgresql/15/bin; 0 without one.
func version(dir string) int {
	numbers := strings.FieldsFunc(dir, func(r rune) bool { return r < '0' || r > '9' })
	if len(numbers) == 0 {
		return 0
	}
	v, err := strconv.Atoi(numbers[len(numbers)-1])
	if err != nil {
		return 0
	}
	return v
}

// runAs says who runs the programs: nobody else, or under root, which
// PostgreSQL refuses, the user postgres or nobody.
func runAs() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("reading the ids of user %s: %w", name, err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, fmt.Errorf("root may not run PostgreSQL, and there is no user postgres or nobody: %w", ErrMissing)
}
