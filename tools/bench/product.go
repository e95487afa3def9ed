package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// product is a running homeward.
type product struct {
	cmd   *exec.Cmd
	http  string // http://host:port
	mllp  string // the first feed
	began time.Time
	log   string
}

// startProduct starts the demo on a data folder; extra are further arguments.
// It returns when /readyz says so.
func (b *bench) startProduct(ctx context.Context, data, database string, extra ...string) (*product, error) {
	httpPort, err := freePort(1)
	if err != nil {
		return nil, err
	}
	feedPort, err := freePort(3)
	if err != nil {
		return nil, err
	}
	p := &product{http: fmt.Sprintf("http://127.0.0.1:%d", httpPort), mllp: fmt.Sprintf("127.0.0.1:%d", feedPort), log: filepath.Join(b.dir, "log")}
	args := append([]string{"demo", "--data", data, "--http", p.http[len("http://"):], "--mllp", p.mllp}, extra...)
	if database != "" {
		args = append(args, "--database", database)
	}
	p.cmd = exec.CommandContext(ctx, b.homeward, args...)
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.began = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	for time.Since(p.began) < time.Minute {
		if r, err := http.Get(p.http + "/readyz"); err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return p, nil
			}
		}
		time.Sleep(2 * time.Millisecond)
	}
	said, _ := os.ReadFile(p.log)
	return nil, fmt.Errorf("homeward was not ready in a minute; it said: %.2000s", said)
}

// freePort finds n free ports in a row and gives the first. Somebody else may
// take one before it is used; then the start says so.
func freePort(n int) (int, error) {
	for range 50 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		port, all := l.Addr().(*net.TCPAddr).Port, true
		l.Close()
		for i := range n {
			l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port+i))
			if err != nil {
				all = false
				break
			}
			l.Close()
		}
		if all {
			return port, nil
		}
	}
	return 0, fmt.Errorf("there are no %d free ports in a row", n)
}

func (p *product) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return p.cmd.Wait()
}

// metric adds up a metric over its labels.
func (p *product) metric(name string) (float64, error) {
	r, err := http.Get(p.http + "/metrics")
	if err != nil {
		return 0, err
	}
	defer r.Body.Close()
	sum := 0.0
	lines := bufio.NewScanner(r.Body)
	for lines.Scan() {
		key, value, ok := strings.Cut(lines.Text(), " ")
		if !ok || key != name && !strings.HasPrefix(key, name+"{") {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, err
		}
		sum += v
	}
	return sum, lines.Err()
}

// resident is the memory of the process in megabytes, where Linux tells it.
func (p *product) resident() (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb / 1024, err
		}
	}
	return 0, fmt.Errorf("VmRSS is not in /proc")
}

// processorTime is what the process has used so far.
func (p *product) processorTime() time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond // USER_HZ is 100
}

// saveProfile takes the CPU profile of the next seconds.
func (p *product) saveProfile(file string, seconds int) error {
	r, err := http.Get(fmt.Sprintf("%s/demo/pprof/profile?seconds=%d", p.http, seconds))
	if err != nil {
		return err
	}
	defer r.Body.Close()
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, r.Body); err != nil {
		return err
	}
	return f.Close()
}
