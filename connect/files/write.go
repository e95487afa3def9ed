package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"homeward/connect"
	"homeward/connect/record"
	"homeward/mapping"
)

// Format is how a file is written.
type Format string

// The formats.
const (
	JSON Format = "json"
	CSV  Format = "csv" // a header and a row
	HTML Format = "html"
	PDF  Format = "pdf" // HTML, printed by a command that is configured; HTML where none is
)

// Writing says how news become a file. It is the same for a folder here and one
// on another machine.
type Writing struct {
	Format   Format
	Personal bool           // who the person is, where, and the answers
	Mapping  *mapping.Table // of JSON and CSV; nil: all columns
	// PDF is the command that prints HTML, such as chromium --headless
	// --print-to-pdf={out} {in}. {in} and {out} stand for the files.
	PDF     []string
	Timeout time.Duration // of the command; 0 is 60 s
	Zone    *time.Location
}

// Check says what is wrong with it.
func (w Writing) Check() error {
	switch w.Format {
	case JSON, CSV, HTML, PDF:
	default:
		return fmt.Errorf("files cannot be written as %q: json, csv, html and pdf can", w.Format)
	}
	if w.Mapping != nil && w.Format != JSON && w.Format != CSV {
		return errors.New("a mapping makes JSON or CSV: it cannot make a page")
	}
	if w.Format == PDF && len(w.PDF) > 0 {
		all := strings.Join(w.PDF, " ")
		if !strings.Contains(all, "{in}") || !strings.Contains(all, "{out}") {
			return errors.New("the command that prints PDF must name {in} and {out}")
		}
	}
	return nil
}

// Head keys of a message.
const headName = "name"

// Make writes the file's content and its name, which begins with the time, so
// that a folder reads in order, and holds the key, so that a file is there once.
func (w Writing) Make(n connect.News) (connect.Message, error) {
	r := record.Of(n, w.Personal)
	m := connect.Message{Key: n.Key, Correlation: n.Correlation, Kind: n.Kind, At: n.Shown.Now}
	var err error
	suffix := string(w.Format)
	switch w.Format {
	case JSON:
		m.Type = "application/json"
		m.Body, err = r.JSON(w.Mapping)
	case CSV:
		m.Type = "text/csv; charset=utf-8"
		m.Body, err = r.CSV(w.Mapping)
	default:
		m.Type, m.Body = "text/html; charset=utf-8", r.HTML(w.Zone)
		if w.Format == PDF && len(w.PDF) == 0 {
			suffix = string(HTML)
		}
	}
	if err != nil || len(m.Body) == 0 {
		return connect.Message{}, err
	}
	m.Head = map[string]string{headName: fmt.Sprintf("%s-%s-%s.%s", n.At.UTC().Format("20060102T150405Z"), n.Kind, n.Key, suffix)}
	return m, nil
}

// Name is the file's name.
func Name(m connect.Message) string { return filepath.Base(m.Head[headName]) }

// Content is what goes into the file: the body, printed where the name asks for
// PDF. Two prints of one body differ in their dates, so a PDF is known by its name.
func (w Writing) Content(ctx context.Context, m connect.Message) ([]byte, error) {
	if !strings.HasSuffix(Name(m), ".pdf") {
		return m.Body, nil
	}
	dir, err := os.MkdirTemp("", "homeward-print-")
	if err != nil {
		return nil, fmt.Errorf("making room to print: %w", err)
	}
	defer os.RemoveAll(dir) // with what is in it, which is personal
	in, out := filepath.Join(dir, "in.html"), filepath.Join(dir, "out.pdf")
	if err := os.WriteFile(in, m.Body, 0o600); err != nil {
		return nil, fmt.Errorf("writing what is to be printed: %w", err)
	}
	if len(w.PDF) == 0 {
		return nil, errors.New("printing: there is no command for it any more")
	}
	timeout := w.Timeout
	if timeout <= 0 {
		timeout = time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	args := make([]string, len(w.PDF))
	for i, a := range w.PDF {
		args[i] = strings.NewReplacer("{in}", in, "{out}", out).Replace(a)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir}
	cmd.WaitDelay = 2 * time.Second
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("printing by %s: %w", filepath.Base(args[0]), quiet(err))
	}
	b, err := os.ReadFile(out)
	if err != nil || !bytes.HasPrefix(b, []byte("%PDF-")) {
		return nil, fmt.Errorf("printing by %s: it made no PDF", filepath.Base(args[0]))
	}
	return b, nil
}

// quiet is an error of a command without what the command wrote.
func quiet(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("it ended with %d", exit.ExitCode())
	}
	return err
}
