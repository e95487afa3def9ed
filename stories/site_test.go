//go:build unix

package stories

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// build makes the program that all stories run. It looks at every file of the
// module first, so that the go command does not take the outcome of an earlier
// run for this program's: it remembers what a test looked at, not what a
// compiler did that the test started.
func build(t *testing.T) string {
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && len(d.Name()) > 2 && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		if _, err := os.Stat(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(t.TempDir(), "homeward")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "../cmd/homeward").CombinedOutput()
	if err != nil {
		t.Fatalf("building the program: %v\n%s", err, out)
	}
	return bin
}

// A site is the program as it runs for one story.
type site struct {
	bin, dir, dsn string // dsn is "" for SQLite
	cmd           *exec.Cmd
	ended         chan struct{} // closed when the process has ended
	pages         string        // http://host:port
	feeds         map[string]string
	log           lockedBuffer
}

// lockedBuffer is written by the process and read by the story.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var (
	openLine = regexp.MustCompile(`^\s+Open\s+(http://\S+)`)
	feedLine = regexp.MustCompile(`^\s+(127\.0\.0\.1:\d+)\s+(King's Mill|Queen's|Bassetlaw)`)
)

// start runs the program until it says that it is ready. The database is the
// one of the start before.
func (s *site) start() error {
	args := []string{"demo", "--no-sim", "--data", s.dir, "--http", "127.0.0.1:0", "--mllp", "127.0.0.1:0"}
	if s.dsn != "" {
		args = append(args, "--database", s.dsn)
	}
	s.cmd, s.feeds, s.ended = exec.Command(s.bin, args...), map[string]string{}, make(chan struct{})
	s.cmd.Stderr = &s.log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("starting the program: %w", err)
	}
	said := make(chan error, 1)
	go func() {
		said <- s.hear(out)
		_, _ = io.Copy(io.Discard, out)
		_ = s.cmd.Wait() // its code is asked for by whoever stopped it
		close(s.ended)
	}()
	select {
	case err := <-said:
		if err != nil {
			return err
		}
	case <-time.After(60 * time.Second):
		return errors.New("the program did not start within a minute")
	}
	return s.ready()
}

// hear reads where the program listens.
func (s *site) hear(out io.Reader) error {
	in := bufio.NewScanner(out)
	for in.Scan() {
		if m := openLine.FindStringSubmatch(in.Text()); m != nil {
			s.pages = m[1]
		}
		if m := feedLine.FindStringSubmatch(in.Text()); m != nil {
			s.feeds[m[2]] = m[1]
		}
		if strings.Contains(in.Text(), "Stop with") {
			return nil
		}
	}
	return fmt.Errorf("the program ended before it was ready:\n%s", s.log.String())
}

func (s *site) ready() error {
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if res, err := http.Get(s.pages + "/readyz"); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		if time.Now().After(end) {
			return errors.New("the program was not ready within 20 seconds")
		}
	}
}

// end sends a signal and waits for the process. It gives the exit code; -1 when
// a signal ended it.
func (s *site) end(sig syscall.Signal) (int, error) {
	if err := s.cmd.Process.Signal(sig); err != nil {
		return 0, fmt.Errorf("stopping the program: %w", err)
	}
	select {
	case <-s.ended:
	case <-time.After(30 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.ended
		return 0, errors.New("the program did not stop within 30 seconds")
	}
	return s.cmd.ProcessState.ExitCode(), nil
}

// stop is a graceful stop: it must succeed.
func (s *site) stop() error {
	code, err := s.end(syscall.SIGTERM)
	if err == nil && code != 0 {
		err = fmt.Errorf("stopped by SIGTERM, the program ended with %d", code)
	}
	return err
}

// gone makes sure that nothing runs on after the test.
func (s *site) gone() {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	select {
	case <-s.ended:
	default:
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
}

// tool runs a subcommand to its end and gives what it printed.
func (s *site) tool(ctx context.Context, args ...string) (string, error) {
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	out, err := exec.CommandContext(ctx, s.bin, args...).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("homeward %s: %w\n%s", args[0], err, out)
	}
	return string(out), nil
}

// verify checks history, keys, lists, counts and audit with the operator's command.
func (s *site) verify(ctx context.Context) error {
	at := []string{"--data", s.dir}
	if s.dsn != "" {
		at = []string{"--database", s.dsn, "--key", filepath.Join(s.dir, "homeward.key")}
	}
	out, err := s.tool(ctx, append([]string{"verify"}, at...)...)
	if err == nil && !strings.Contains(out, "as they should be") {
		err = fmt.Errorf("homeward verify said: %s", out)
	}
	return err
}
