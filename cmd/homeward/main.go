// Command homeward is the whole product in one binary: it serves the screens
// and the listeners, and has the operator's tools. It only wires: what
// anything means, who may do it and how it is kept are elsewhere.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"
	_ "time/tzdata" // an English hospital's time must be known on any machine

	"github.com/alecthomas/kong"

	"homeward/care"
)

type commands struct {
	Demo        demoCmd        `cmd:"" help:"Run the main job with pretend hospitals and a pretend council."`
	Serve       serveCmd       `cmd:"" help:"Serve a real site from its configuration."`
	Config      configCmd      `cmd:"" help:"Print the configuration with every key explained, or check a file."`
	Migrate     migrateCmd     `cmd:"" help:"Bring the database to this version."`
	Backup      backupCmd      `cmd:"" help:"Copy the database while it is in use, and check the copy."`
	Restore     restoreCmd     `cmd:"" help:"Put a backup into an empty database, and check it."`
	Verify      verifyCmd      `cmd:"" help:"Check history, audit and counts; exit 0 only when all holds."`
	Import      importCmd      `cmd:"" help:"Read a council's extract."`
	Collect     collectCmd     `cmd:"" help:"Bring what is new from councils' systems once, to try a connection."`
	Mapping     mappingCmd     `cmd:"" help:"Try a mapping on a sample."`
	Explain     explainCmd     `cmd:"" help:"Say what a message would do, without doing it."`
	Replay      replayCmd      `cmd:"" help:"Read held messages again."`
	User        userCmd        `cmd:"" help:"Add or change a local account."`
	Policy      policyCmd      `cmd:"" help:"Check the sharing rules against their signed cases, or say why."`
	Pathway     pathwayCmd     `cmd:"" help:"Check the released forms."`
	Agreement   agreementCmd   `cmd:"" help:"Export sharing agreements to files, or import one as a draft."`
	Audit       auditCmd       `cmd:"" help:"Export the audit log, prove a record of it, or verify an export without the database."`
	Measures    measuresCmd    `cmd:"" help:"List the measures, check what is counted, count it anew, or print a figure."`
	Keys        keysCmd        `cmd:"" help:"Make and change the keys that encrypt what is stored."`
	Governance  governanceCmd  `cmd:"" help:"Write the governance pack from the live configuration."`
	System      systemCmd      `cmd:"" help:"Make keys for a system that signs in by itself, and try them."`
	Conformance conformanceCmd `cmd:"" help:"Try a supplier's system, or this one, against what it must do, and write a report."`
	Sim         simAll         `cmd:"" help:"Pretend to be hospitals, or a council with its own system, against Homeward elsewhere."`
}

func main() { os.Exit(run(os.Args[1:])) }

// run is main with an exit code: 0 done, 1 it did not work, 2 wrong usage.
func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends at once
	var c commands
	parser, err := kong.New(&c, kong.Name("homeward"), kong.Description("Joins what the hospital and the council know, so that people get home."),
		kong.BindTo(ctx, (*context.Context)(nil)))
	if err != nil {
		fmt.Fprintln(os.Stderr, "homeward:", err)
		return 2
	}
	k, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(os.Stderr, "homeward: %v\nSee: %s --help\n", err, meant(err))
		return 2
	}
	err = k.Run()
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		if slices.Contains([]string{"serve", "demo", "sim hospitals", "sim council", "sim pds"}, k.Command()) {
			return 0 // to be told to stop is how these end
		}
		err = errors.New("stopped before it was done")
	}
	var said *care.Error
	if errors.As(err, &said) && said == err {
		fmt.Fprintln(os.Stderr, "homeward:", said.Text) // a sentence that names its field
		return 1
	}
	fmt.Fprintln(os.Stderr, "homeward:", err)
	return 1
}

// meant is the command whose help mends a wrong usage.
func meant(err error) string {
	var wrong *kong.ParseError
	if errors.As(err, &wrong) && wrong.Context != nil {
		if n := wrong.Context.Selected(); n != nil {
			return n.FullPath()
		}
	}
	return "homeward"
}

// logger writes lines without personal data: ids only.
func logger(quiet bool) *slog.Logger {
	level := slog.LevelInfo
	if quiet {
		level = slog.LevelWarn
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}
