package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"homeward/care"
	"homeward/hub"
	"homeward/policies"
	"homeward/proof"
	"homeward/retention"
	"homeward/store"
)

// AuditConfig says with which key the audit log is signed, where its checkpoints
// are kept besides, and how long what is kept.
type AuditConfig struct {
	Key         string   `toml:"key" doc:"File with the key that signs the audit log, as homeward audit key makes it. Empty: the systemd credential homeward-audit-key, else audit.key in the data folder, which is made at the first start."`
	OldKeys     []string `toml:"old_keys" doc:"Public keys that signed before, one line each, so that their checkpoints are still compared."`
	Checkpoints string   `toml:"checkpoints" doc:"Folder where signed checkpoints are kept besides, best on a machine that nobody here can change. Empty: only in the database."`
	Retention   string   `toml:"retention" doc:"File that says how long what is kept. Empty: the schedule that comes with Homeward."`
}

// The names of the key that signs the audit log, and of its public half.
const (
	auditCredential = "homeward-audit-key"
	auditKeyFile    = "audit.key"
	auditPublicFile = "audit.pub"
)

// keyFile is where the key is; made is that it may be made there.
func (c AuditConfig) keyFile(database string) (file string, made bool) {
	if c.Key != "" {
		return c.Key, false
	}
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" { // systemd.exec(5), LoadCredential=
		file := filepath.Join(dir, auditCredential)
		if _, err := os.Stat(file); err == nil {
			return file, false
		}
	}
	if isPostgres(database) {
		return "", false
	}
	return filepath.Join(database, auditKeyFile), true
}

// ledger is what signs the audit log of a database. A key that a data folder
// has none of is made, unless the folder is only looked at: then nothing signs.
func (c AuditConfig) ledger(database string, only bool, log *slog.Logger) (l hub.Ledger, err error) {
	for _, k := range c.OldKeys {
		v, err := proof.Verifier(k)
		if err != nil {
			return l, fmt.Errorf("[audit] old_keys: %w", err)
		}
		l.Old = append(l.Old, v)
	}
	file, make := c.keyFile(database)
	if file == "" {
		log.Warn("the audit log is not signed: make a key with homeward audit key, and set [audit] key")
		return l, nil
	}
	if _, err := os.Stat(file); make && only && errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if make {
		public, err := firstAuditKey(database)
		if err != nil {
			return l, err
		}
		if public != "" {
			log.Info("a key was made that signs the audit log. Give its public half to those who check", "file", file, "public", public)
		}
	}
	text, err := readSecret(file)
	if err != nil {
		return l, fmt.Errorf("reading the key of the audit log: %w", err)
	}
	if l.Signer, l.Verifier, err = proof.Signer(string(text)); err != nil {
		return l, fmt.Errorf("%s: %w", file, err)
	}
	if c.Checkpoints != "" {
		k := checkpointFolder(c.Checkpoints)
		l.Keep, l.Kept = k.keep, k.all
	}
	return l, nil
}

// firstAuditKey makes the key of a data folder, unless there is one, and gives
// its public half.
func firstAuditKey(dir string) (public string, err error) {
	file := filepath.Join(dir, auditKeyFile)
	if _, err := os.Stat(file); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	b := make([]byte, 4)
	rand.Read(b)
	key, public, err := proof.NewKey(rand.Reader, "homeward-"+hex.EncodeToString(b))
	if err != nil {
		return "", err
	}
	if err := writeNew(file, key+"\n"); err != nil {
		return "", fmt.Errorf("making the key of the audit log: %w", err)
	}
	return public, os.WriteFile(filepath.Join(dir, auditPublicFile), []byte(public+"\n"), 0o644)
}

// writeNew writes a file for its owner alone, and never over another.
func writeNew(file, text string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, text)
	return errors.Join(err, f.Sync(), f.Close())
}

// schedule is how long what is kept.
func (c AuditConfig) schedule() (retention.Schedule, error) {
	read := func() ([]byte, error) { return policies.Files.ReadFile("retention.toml") }
	if c.Retention != "" {
		read = func() ([]byte, error) { return os.ReadFile(c.Retention) }
	}
	b, err := read()
	if err != nil {
		return nil, fmt.Errorf("reading the retention schedule: %w", err)
	}
	return retention.Load(b)
}

// checkpointFolder keeps checkpoints as files that are never written again.
type checkpointFolder string

func (f checkpointFolder) keep(size int64, checkpoint []byte) error {
	file := filepath.Join(string(f), fmt.Sprintf("checkpoint-%012d.txt", size))
	err := writeNew(file, string(checkpoint))
	if errors.Is(err, fs.ErrExist) { // another process was first
		return nil
	}
	return err
}

func (f checkpointFolder) all() (notes [][]byte, err error) {
	files, err := filepath.Glob(filepath.Join(string(f), "checkpoint-*.txt"))
	if err == nil && len(files) == 0 {
		_, err = os.Stat(string(f))
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		notes = append(notes, b)
	}
	return notes, err
}

// nightly is the hour of the local day at which the audit log is checked.
const nightly = 2

// nextCheck is the first time after t at which the log is checked.
func nextCheck(t time.Time, zone *time.Location) time.Time {
	local := t.In(zone)
	for day := 0; ; day++ {
		at := time.Date(local.Year(), local.Month(), local.Day()+day, nightly, 0, 0, 0, zone)
		if at.After(t) {
			return at
		}
	}
}

// checkDaily recomputes the audit log at start and every night at 2:00, and
// signs it every hour.
func (st *site) checkDaily(ctx context.Context) {
	tick := time.NewTicker(20 * time.Second)
	defer tick.Stop()
	var check, sign time.Time
	for {
		now := st.store.Now()
		switch {
		case !now.Before(check):
			st.hub.CheckAudit(ctx)
			check, sign = nextCheck(now, st.hub.Zone), now.Add(time.Hour)
		case !now.Before(sign):
			_ = st.hub.SignAudit(ctx) // it says and alerts by itself
			sign = now.Add(time.Hour)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

type auditCmd struct {
	Key        auditKeyCmd    `cmd:"" help:"Make a key that signs the audit log, or print the public half of one."`
	Export     auditExportCmd `cmd:"" help:"Write the audit log into a file that anybody can check with the public key."`
	Verify     auditVerifyCmd `cmd:"" help:"Check such a file, without the database."`
	Prove      auditProveCmd  `cmd:"" help:"Print the proof that a record is in the log, or that the log only grew, and check it."`
	Erased     erasedCmd      `cmd:"" help:"List who was erased when their time was over, to be kept beside the backups."`
	EraseAgain eraseAgainCmd  `cmd:"" help:"After a restore: erase again those of such a list who came back with the backup." name:"erase-again"`
}

type auditKeyCmd struct {
	File string `arg:"" help:"File of the key. It is made, for its owner alone, unless it is there."`
	Name string `help:"Name of the log, like homeward.example.nhs.uk. It stands in every checkpoint." default:"homeward"`
}

// Run makes a key, or reads one, and prints its public half.
func (c *auditKeyCmd) Run() error {
	text, err := os.ReadFile(c.File)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		key, public, err := proof.NewKey(rand.Reader, c.Name)
		if err != nil {
			return err
		}
		if err := writeNew(c.File, key+"\n"); err != nil {
			return err
		}
		say(os.Stdout, "%s", public)
		return nil
	case err != nil:
		return err
	}
	_, public, err := proof.Signer(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	say(os.Stdout, "%s", public)
	return nil
}

// auditSite wires what the audit commands need of a site.
func (w where) auditSite(ctx context.Context) (*site, error) {
	c := defaults()
	switch {
	case w.Config != "":
		var err error
		if c, err = readConfig(w.Config); err != nil {
			return nil, err
		}
	case w.Database != "":
		c.Database = w.Database
	default:
		c.Database = w.Data
	}
	s, err := w.open(ctx)
	if err != nil {
		return nil, err
	}
	return wired(&site{config: c, log: logger(true), store: s}, nil)
}

type auditExportCmd struct {
	where
	Out  string `help:"New file." required:"" placeholder:"FILE"`
	From string `help:"Only from this day on, YYYY-MM-DD." placeholder:"DAY"`
	To   string `help:"Only up to the end of this day, YYYY-MM-DD." placeholder:"DAY"`
}

// Run writes the log, or the records of some days.
func (c *auditExportCmd) Run(ctx context.Context) error {
	st, err := c.auditSite(ctx)
	if err != nil {
		return err
	}
	defer st.close()
	from, err := dayOf(c.From, "--from", st.hub.Zone)
	if err != nil {
		return err
	}
	to, err := dayOf(c.To, "--to", st.hub.Zone)
	if err != nil {
		return err
	}
	if !to.IsZero() {
		to = to.AddDate(0, 0, 1)
	}
	f, err := os.OpenFile(c.Out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	n, size, err := st.hub.ExportWhole(ctx, f, from, to)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(c.Out))
	}
	say(os.Stdout, "written: %s, %d of %d records. The public key: %s", c.Out, n, size, st.hub.Ledger.Verifier)
	return nil
}

func dayOf(text, flag string, zone *time.Location) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.ParseInLocation("2006-01-02", text, zone)
	if err != nil {
		return t, fmt.Errorf("%s must be a day like 2026-11-22", flag)
	}
	return t, nil
}

// auditFile is an exported file and what it is checked against.
type auditFile struct {
	File       string   `arg:"" help:"File that homeward audit export or an information governance lead wrote." type:"existingfile"`
	Key        []string `help:"The public key, or a file with it. Several, if the key was changed." required:"" placeholder:"KEY"`
	Checkpoint []string `help:"A checkpoint that you kept yourself: the file must agree with it." type:"existingfile" placeholder:"FILE"`
}

func (c auditFile) open() (io.ReadCloser, error) { return os.Open(c.File) }

func (c auditFile) verify() (proof.Report, error) {
	var keys []note.Verifier
	for _, k := range c.Key {
		if b, err := os.ReadFile(k); err == nil {
			k = string(b)
		}
		v, err := proof.Verifier(k)
		if err != nil {
			return proof.Report{}, err
		}
		keys = append(keys, v)
	}
	var elsewhere [][]byte
	for _, file := range c.Checkpoint {
		b, err := os.ReadFile(file)
		if err != nil {
			return proof.Report{}, err
		}
		elsewhere = append(elsewhere, b)
	}
	f, err := c.open()
	if err != nil {
		return proof.Report{}, err
	}
	defer f.Close()
	return proof.Verify(f, keys, elsewhere...)
}

type auditVerifyCmd struct{ auditFile }

// Run checks a file; the exit code is 0 only when all holds.
func (c *auditVerifyCmd) Run() error {
	rep, err := c.verify()
	if err != nil {
		return err
	}
	say(os.Stdout, "All holds: %d records (%d to %d, %d erased), %d signed checkpoints of %s, the last of %d records with root %s.",
		rep.Records, rep.First, rep.Last, rep.Erased, rep.Checkpoints, rep.Header.Log, rep.Tree.N, rep.Tree.Hash)
	if len(c.Checkpoint) > 0 {
		say(os.Stdout, "It agrees with %d that you kept.", len(c.Checkpoint))
	}
	if !rep.Header.Whole {
		say(os.Stdout, "It is a part of the log (%s): each record is proven; that no other fits is not.", rep.Header.What)
	}
	return nil
}

type auditProveCmd struct {
	auditFile
	Record int64 `help:"Number of the record." default:"-1"`
	Old    int64 `help:"Prove that the first so many records..." default:"-1"`
	New    int64 `help:"...are the beginning of the first so many; the last checkpoint's, when not given." default:"-1"`
}

// Run prints a proof as JSON when it holds.
func (c *auditProveCmd) Run() error {
	if (c.Record < 0) == (c.Old < 0) {
		return errors.New("give either --record, or --old and --new")
	}
	rep, err := c.verify()
	if err != nil {
		return err
	}
	var p any
	if c.Record >= 0 {
		p, err = proof.Prove(c.open, rep, c.Record)
	} else {
		if c.New < 0 {
			c.New = rep.Tree.N
		}
		p, err = proof.ProveGrowth(c.open, rep, c.Old, c.New)
	}
	if err != nil {
		return err
	}
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(p)
}

// erasedLine is one who was erased, by an opaque id.
type erasedLine struct {
	Case     care.CaseID `json:"case"`
	At       time.Time   `json:"at"`
	Proposed care.Who    `json:"proposed"`
	Agreed   care.Who    `json:"agreed"`
	Reason   string      `json:"reason"`
}

type erasedCmd struct{ where }

// Run prints who was erased, one a line.
func (c *erasedCmd) Run(ctx context.Context) error {
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	return s.View(ctx, func(tx *store.Tx) error {
		es, err := tx.Erasures()
		if err != nil {
			return err
		}
		e := json.NewEncoder(os.Stdout)
		for _, x := range es {
			if err := e.Encode(erasedLine{x.Case, x.At, x.Proposed, x.Agreed, x.Reason}); err != nil {
				return err
			}
		}
		return nil
	})
}

type eraseAgainCmd struct {
	where
	List string `arg:"" help:"What homeward audit erased printed before the restore." type:"existingfile"`
}

// Run erases those of the list who are there.
func (c *eraseAgainCmd) Run(ctx context.Context) error {
	f, err := os.Open(c.List)
	if err != nil {
		return err
	}
	defer f.Close()
	var list []store.Erasure
	for s, no := bufio.NewScanner(f), 1; s.Scan(); no++ {
		var l erasedLine
		if strings.TrimSpace(s.Text()) == "" {
			continue
		}
		if err := json.Unmarshal(s.Bytes(), &l); err != nil || l.Case == "" {
			return fmt.Errorf("line %d of %s is not of a list that homeward audit erased printed", no, c.List)
		}
		list = append(list, store.Erasure{Case: l.Case, Proposed: l.Proposed, Agreed: l.Agreed, Reason: l.Reason})
	}
	st, err := c.auditSite(ctx)
	if err != nil {
		return err
	}
	defer st.close()
	n, err := st.hub.EraseAgain(ctx, slices.Clip(list))
	say(os.Stdout, "%d of %d were here and are erased again", n, len(list))
	return err
}
