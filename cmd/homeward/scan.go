package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"homeward/hub"
)

// AttachmentsConfig is what a site says of files that are put to assessments.
type AttachmentsConfig struct {
	Scan        string   `toml:"scan" doc:"What looks for viruses in each file: the address of a clamd (tcp://127.0.0.1:3310 or unix:///run/clamav/clamd.ctl), or a program with its arguments that reads the file and ends with 0 (clean) or 1 (infected), as clamscan - does. Empty: nothing looks, and files are marked as not scanned."`
	ScanTimeout Duration `toml:"scan_timeout" doc:"How long one scan may take. A file whose scan takes longer waits, and is tried again."`
	MustScan    bool     `toml:"must_scan" doc:"Refuse files where nothing looks for viruses."`
	MaxMB       int      `toml:"max_mb" doc:"Largest file, in megabytes."`
	MaxFiles    int      `toml:"max_files" doc:"Files of one assessment."`
}

// attachments is the section as the hub reads it.
func (c AttachmentsConfig) attachments() (hub.Attachments, error) {
	a := hub.Attachments{MaxBytes: int64(c.MaxMB) << 20, MaxFiles: c.MaxFiles, MustScan: c.MustScan}
	if c.MaxMB < 0 || c.MaxMB > 100 || c.MaxFiles < 0 || c.MaxFiles > 50 {
		return a, errors.New("[attachments] max_mb must be 1 to 100 and max_files 1 to 50")
	}
	limit := c.ScanTimeout.Duration
	if limit <= 0 {
		limit = 30 * time.Second
	}
	within := func(f func(context.Context, []byte) (bool, error)) func(context.Context, []byte) (bool, error) {
		return func(ctx context.Context, content []byte) (bool, error) {
			ctx, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			return f(ctx, content)
		}
	}
	switch u, err := url.Parse(c.Scan); {
	case strings.TrimSpace(c.Scan) == "":
	case err == nil && u.Scheme == "tcp" && u.Host != "":
		a.Scan = within(clamd{"tcp", u.Host}.scan)
	case err == nil && u.Scheme == "unix" && u.Path != "":
		a.Scan = within(clamd{"unix", u.Path}.scan)
	case filepath.IsAbs(strings.Fields(c.Scan)[0]):
		a.Scan = within(program(strings.Fields(c.Scan)).scan)
	default:
		return a, errors.New("[attachments] scan must be tcp://host:port, unix:///path or the whole path of a program")
	}
	return a, nil
}

// check refuses a section that would not work.
func (c AttachmentsConfig) check() error {
	_, err := c.attachments()
	return err
}

// clamd is the address of a ClamAV daemon.
type clamd struct{ network, address string }

// scan has clamd look at some bytes: the command INSTREAM with chunks that say how
// long they are, the last of length 0 (man 8 clamd, COMMANDS).
func (c clamd) scan(ctx context.Context, content []byte) (bool, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, c.network, c.address)
	if err != nil {
		return false, fmt.Errorf("reaching the virus scanner: %w", err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	answer, err := instream(conn, content)
	if err != nil {
		return false, fmt.Errorf("asking the virus scanner: %w", errors.Join(err, ctx.Err()))
	}
	switch {
	case answer == "stream: OK":
		return false, nil
	case strings.HasPrefix(answer, "stream: ") && strings.HasSuffix(answer, " FOUND"):
		return true, nil
	}
	return false, fmt.Errorf("the virus scanner answered %.100q", answer)
}

func instream(conn net.Conn, content []byte) (string, error) {
	const chunk = 64 << 10
	send := func(b []byte) error { _, err := conn.Write(b); return err }
	err := send([]byte("zINSTREAM\x00"))
	for len(content) > 0 && err == nil {
		n := min(chunk, len(content))
		err = send(append(binary.BigEndian.AppendUint32(nil, uint32(n)), content[:n]...))
		content = content[n:]
	}
	if err == nil {
		err = send([]byte{0, 0, 0, 0})
	}
	// A scanner that has had enough answers before it has heard all.
	b, readErr := io.ReadAll(io.LimitReader(conn, 1000))
	answer, whole := strings.CutSuffix(string(b), "\x00")
	switch {
	case whole:
		return answer, nil
	case err != nil:
		return "", err
	case readErr != nil:
		return "", readErr
	}
	return "", io.ErrUnexpectedEOF
}

// program is a program with its arguments that reads a file and says by its status
// what is in it: 0 nothing, 1 a virus (clamscan 1, RETURN CODES).
type program []string

func (p program) scan(ctx context.Context, content []byte) (bool, error) {
	cmd := exec.CommandContext(ctx, p[0], p[1:]...)
	cmd.Stdin = bytes.NewReader(content)
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	var ended *exec.ExitError
	switch {
	case err == nil:
		return false, nil
	case errors.As(err, &ended) && ended.ExitCode() == 1:
		return true, nil
	}
	return false, fmt.Errorf("running the virus scanner: %w", err)
}
