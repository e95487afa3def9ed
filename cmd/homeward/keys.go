package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/store"
)

// EncryptionConfig says with what the stored data is encrypted.
type EncryptionConfig struct {
	AtRest  string `toml:"at_rest" doc:"on: what is stored of people is encrypted. off: whoever reads the disk, the database or a backup reads it all."`
	KeyFile string `toml:"key_file" doc:"File with the key, as homeward keys new makes it; keep a copy elsewhere, never with the backups. Empty: the systemd credential homeward-key, else homeward.key in the data folder."`
}

// The words of at_rest, and the usual name of a key file.
const (
	atRestOn, atRestOff = "on", "off"
	keyFileName         = "homeward.key"
	credentialName      = "homeward-key"
)

func (e EncryptionConfig) check() error {
	switch {
	case e.AtRest != atRestOn && e.AtRest != atRestOff:
		return errors.New("[encryption] at_rest must be on or off")
	case e.AtRest == atRestOff && e.KeyFile != "":
		return errors.New("[encryption] key_file is set and at_rest is off: take one of them away")
	}
	return nil
}

// keyPlace is where the key of a database is. usual: it is where a data folder
// has it, and is made there when the folder is new.
type keyPlace struct {
	file  string
	usual bool
}

// place finds the key: what is configured, else systemd's credential
// (systemd.exec(5), LoadCredential=), else the data folder's. PostgreSQL has no
// folder, so there the file is "".
func (e EncryptionConfig) place(database string) keyPlace {
	if e.KeyFile != "" {
		return keyPlace{file: e.KeyFile}
	}
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		file := filepath.Join(dir, credentialName)
		if _, err := os.Stat(file); err == nil {
			return keyPlace{file: file}
		}
	}
	if isPostgres(database) {
		return keyPlace{}
	}
	return keyPlace{file: filepath.Join(database, keyFileName), usual: true}
}

// read reads the key file; it is called when the database asks for a key.
func (p keyPlace) read() ([]store.MasterKey, error) {
	if p.file == "" {
		return nil, fmt.Errorf("%w. Set [encryption] key_file, or give --key", store.ErrNoKey)
	}
	b, err := readSecret(p.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the key file %s is not there. Put it back, or say where it is by [encryption] key_file or --key: %w", p.file, store.ErrNoKey)
	}
	if err != nil {
		return nil, err
	}
	ks, err := store.ParseMasterKeys(b)
	if err != nil {
		return nil, fmt.Errorf("the key file %s: %w", p.file, err)
	}
	return ks, nil
}

// readSecret reads a file with a key or secret. One that others than its owner
// can read is refused, unless systemd put it there, which guards it itself.
func readSecret(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	credential := dir != "" && filepath.Dir(file) == filepath.Clean(dir)
	if !credential && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("the key file %s can be read by others than its owner: chmod 600 %s", file, file)
	}
	return os.ReadFile(file)
}

const keyFileHead = `# The key of what Homeward stores about people. Without it neither the database
# nor a backup can be read, by anybody, ever. Keep a copy of this file in another
# place than the data and its backups. The first line that is a key is used; those
# below it open what was wrapped before.
`

// writeKeyFile writes a key file for its owner alone, whole or not at all.
func writeKeyFile(file string, ks []store.MasterKey) error {
	text := keyFileHead
	for _, k := range ks {
		text += k.Line() + "\n"
	}
	part := file + ".part"
	f, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("writing the key file: %w", err)
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(part, file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing the key file: %w", err), os.Remove(part))
	}
	return nil
}

// opening is how a database is opened.
type opening struct {
	database   string
	encryption EncryptionConfig
	clock      func() time.Time
	migrate    bool              // bring it up to date, and give a new one its key
	made       func(file string) // told when a key was made; nil: nobody
}

// open opens a database, and brings it up to date when it is to.
func (o opening) open(ctx context.Context) (*store.Store, error) {
	if !isPostgres(o.database) {
		if err := os.MkdirAll(o.database, 0o700); err != nil {
			return nil, fmt.Errorf("making the data folder: %w", err)
		}
	}
	cfg := store.Config{URL: o.database, Clock: o.clock, Row: care.RowOf}
	place := o.encryption.place(o.database)
	if o.encryption.AtRest != atRestOff {
		cfg.Keys = place.read
	}
	if o.migrate && cfg.Keys != nil && place.file == "" {
		return nil, errors.New(`what is stored must be encrypted, and there is no key. Run homeward keys new FILE and set [encryption] key_file to it, or write at_rest = "off"`)
	}
	s, err := store.Open(ctx, cfg)
	if err != nil || !o.migrate {
		return s, err
	}
	if err := o.firstKey(s, place); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if _, err := s.Migrate(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// firstKey makes the key of a data folder whose database has none.
func (o opening) firstKey(s *store.Store, place keyPlace) error {
	if o.encryption.AtRest == atRestOff || !place.usual || s.Encrypted() {
		return nil
	}
	if _, err := os.Stat(place.file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeKeyFile(place.file, []store.MasterKey{store.NewMasterKey()}); err != nil {
		return err
	}
	if o.made != nil {
		o.made(place.file)
	}
	return nil
}

type keysCmd struct {
	New    keysNewCmd    `cmd:"" help:"Make a key file, or put a new key at the head of one."`
	Rotate keysRotateCmd `cmd:"" help:"Change the data keys while the site serves, and wrap them with the first key of the key file."`
	Status keysStatusCmd `cmd:"" help:"Say which keys there are, and what is encrypted with which."`
}

type keysNewCmd struct {
	File string `arg:"" help:"The key file."`
}

// Run makes a key. It prints the key's name, never the key.
func (c *keysNewCmd) Run() error {
	ks := []store.MasterKey{store.NewMasterKey()}
	_, err := os.Stat(c.File)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := writeKeyFile(c.File, ks); err != nil {
			return err
		}
		say(os.Stdout, "%s holds the new key %s. Keep a copy in another place than the data and its backups: without it nothing can be read.", c.File, ks[0].ID())
		return nil
	case err != nil:
		return err
	}
	old, err := keyPlace{file: c.File}.read()
	if err != nil {
		return err
	}
	if err := writeKeyFile(c.File, append(ks, old...)); err != nil {
		return err
	}
	say(os.Stdout, "%s holds the new key %s above %s. Next: homeward keys rotate. Then take the old line out, and keep it as long as backups that need it.",
		c.File, ks[0].ID(), old[0].ID())
	return nil
}

type keysRotateCmd struct {
	where
	MasterOnly bool `help:"Only wrap the data keys with the first key of the key file: done in a moment."`
	Scrub      bool `help:"Afterwards write the tables anew, so that nothing of what stood there before is left in the database's files. Who wants to write waits meanwhile."`
	Indexes    bool `help:"Also change the key of the indexes that people are found by. Not while an extract is read."`
}

// Run changes keys and says how far it is.
func (c *keysRotateCmd) Run(ctx context.Context) error {
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	said := time.Now()
	r := store.Rotation{Values: !c.MasterOnly, Indexes: c.Indexes, Progress: func(column string, done, looked int64) {
		if time.Since(said) > time.Second {
			said = time.Now()
			say(os.Stdout, "%s: %d of the first %d rows", column, done, looked)
		}
	}}
	if err := s.RotateKeys(ctx, r); err != nil {
		if ctx.Err() != nil {
			say(os.Stdout, "Stopped. Run it again to go on: until then old and new keys are both in use.")
		}
		return err
	}
	say(os.Stdout, "The keys are changed.")
	if !c.Scrub {
		return nil
	}
	if err := s.Scrub(ctx); err != nil {
		return err
	}
	say(os.Stdout, "The tables are written anew.")
	return nil
}

type keysStatusCmd struct{ where }

// Run prints names, numbers and counts; never a key.
func (c *keysStatusCmd) Run(ctx context.Context) error {
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	if !s.Encrypted() {
		say(os.Stdout, "What is stored is not encrypted.")
		return nil
	}
	var st store.KeyStatus
	if err := s.View(ctx, func(t *store.Tx) (err error) { st, err = t.KeyStatus(); return err }); err != nil {
		return err
	}
	for _, k := range st.Keys {
		say(os.Stdout, "%-5s %s %-6s since %s, wrapped by key %s", k.Kind, k.ID, k.State, k.Since.UTC().Format(time.RFC3339), k.Master)
	}
	plain := false
	for _, col := range st.Columns {
		var parts []string
		for id, n := range col.Under {
			if id == "" {
				id, plain = "nothing: plain", true
			}
			parts = append(parts, fmt.Sprintf("%d under %s", n, id))
		}
		slices.Sort(parts)
		if len(parts) > 0 {
			say(os.Stdout, "%-18s %s", col.Column, strings.Join(parts, ", "))
		}
	}
	if plain {
		say(os.Stdout, "Some was stored before the key was set. homeward keys rotate --indexes --scrub encrypts it.")
	}
	return nil
}
