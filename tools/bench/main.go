// Command bench measures the built binary from outside, as a hospital or a
// reader meets it: how fast messages are received beside a bare listener that
// does nothing but keep the same bytes, how fast they are read, how soon a
// screen shows them, how long a start takes, and how fast FHIR is answered
// beside a bare handler and a public router. It is no test and sets no
// limits: it prints a table. It measures this machine at this moment; only the
// ratios carry over to another.
//
//	go run ./tools/bench [-engine sqlite|postgres] [-seconds N] [receive|read|screen|start|fhir|all]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"homeward/internal/pgtest"
)

// bench is one run of this command.
type bench struct {
	engine   string
	seconds  int
	rounds   int
	one      bool
	profile  string
	dir      string // scratch, on the disk that is measured
	homeward string // the built binary
	postgres *pgtest.Server
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (err error) {
	if len(args) == 2 && args[0] == bareWord {
		return bare(args[1])
	}
	b := &bench{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&b.engine, "engine", "sqlite", "sqlite or postgres (a private server is started)")
	flags.IntVar(&b.seconds, "seconds", 3, "length of each measurement")
	flags.IntVar(&b.rounds, "rounds", 3, "measurements of each kind, in turn; the median counts")
	flags.BoolVar(&b.one, "one-person", false, "all messages are about one NHS number, each with a new hospital number")
	flags.StringVar(&b.profile, "profile", "", "write the binary's CPU profile under load to this file")
	disk := flags.String("dir", "", "folder on the disk to measure; empty: the usual one for temporary files")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp(*disk, "homeward-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if err := b.build(ctx); err != nil {
		return err
	}
	if b.engine == "postgres" {
		if b.postgres, err = pgtest.New(""); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, b.postgres.Close()) }()
	}
	return b.measure(ctx, flags.Arg(0))
}

// build makes the binary as it is released.
func (b *bench) build(ctx context.Context) error {
	b.homeward = filepath.Join(b.dir, "homeward")
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", b.homeward, "homeward/cmd/homeward")
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("building homeward: %w\n%s", err, out)
	}
	return nil
}

func (b *bench) measure(ctx context.Context, what string) error {
	fmt.Printf("%s, %s, %d processors, %s, %s\n", time.Now().UTC().Format("2006-01-02"), b.engine, runtime.NumCPU(), processor(), runtime.Version())
	all := []struct {
		name string
		do   func(context.Context) error
	}{{"receive", b.receive}, {"read", b.read}, {"screen", b.screen}, {"start", b.start}, {"fhir", b.fhir}}
	done := false
	for _, m := range all {
		if what != m.name && what != "all" && what != "" {
			continue
		}
		done = true
		if err := m.do(ctx); err != nil {
			return fmt.Errorf("measuring %s: %w", m.name, err)
		}
	}
	if !done {
		return fmt.Errorf("%q cannot be measured: receive, read, screen, start, fhir or all", what)
	}
	return nil
}

// processor is the name of the machine's processor, where Linux tells it.
func processor() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
			return strings.TrimSpace(v)
		}
	}
	return runtime.GOARCH
}
