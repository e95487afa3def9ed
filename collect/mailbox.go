package collect

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"homeward/connect"
	"homeward/extract"
	"homeward/mesh"
	"homeward/nhs"
)

// Mailbox brings extracts that a council sends to a MESH mailbox, each a ZIP file.
type Mailbox struct {
	Client   *mesh.Client
	Folder   Folder
	Council  nhs.ODS
	From     string           // the council's mailbox; what comes from another is left alone
	Workflow string           // of extracts; what has another is left alone
	MaxSize  int64            // octets of what is in a ZIP file; 0 is 4 GB
	Now      func() time.Time // nil: time.Now
}

// mailed is what a Mailbox must know after a restart.
type mailed struct {
	Others []string          `json:"others,omitempty"` // messages that are not for this, and stay in the inbox
	Bad    map[string]string `json:"bad,omitempty"`    // messages that cannot be read, and why
	Shook  time.Time         `json:"shook"`            // the last handshake
}

func (m *mailed) spoilt(id, why string) {
	if m.Bad == nil {
		m.Bad = map[string]string{}
	}
	m.Bad[id] = why
}

// Bring takes what waits in the inbox, oldest first. A message is acknowledged only
// when its extract is on the disk; one that cannot be read is not acknowledged, so
// that MESH tells its sender.
func (m *Mailbox) Bring(ctx context.Context) (Brought, error) {
	if m.Now == nil {
		m.Now = time.Now
	}
	if m.MaxSize <= 0 {
		m.MaxSize = 4 << 30
	}
	if err := m.Folder.open(); err != nil {
		return Brought{}, err
	}
	was := mailed{}
	if err := m.Folder.recall("mesh", &was); err != nil {
		return Brought{}, err
	}
	if err := m.shake(ctx, &was); err != nil {
		return Brought{}, err
	}
	ids, _, err := m.Client.Inbox(ctx)
	if err != nil {
		return Brought{}, meshTrouble(err)
	}
	var out Brought
	was.Others = slices.DeleteFunc(was.Others, func(id string) bool { return !slices.Contains(ids, id) })
	for id := range was.Bad {
		if !slices.Contains(ids, id) {
			delete(was.Bad, id)
		}
	}
	for _, id := range ids {
		if slices.Contains(was.Others, id) || was.Bad[id] != "" {
			continue
		}
		name, err := m.take(ctx, id, &was)
		if err != nil {
			return out, errors.Join(err, m.Folder.remember("mesh", was))
		}
		if name != "" {
			out.Extracts = append(out.Extracts, name)
		}
	}
	if err := m.Folder.remember("mesh", was); err != nil {
		return out, err
	}
	for _, why := range was.Bad {
		return out, trouble("%s. It is left in the mailbox, and MESH will tell its sender. What came after it was taken", why)
	}
	return out, nil
}

// shake tells the service once a day that we are there. MESH 2 handshake
func (m *Mailbox) shake(ctx context.Context, was *mailed) error {
	if m.Now().Sub(was.Shook) < 23*time.Hour {
		return nil
	}
	if err := m.Client.Handshake(ctx); err != nil {
		return meshTrouble(err)
	}
	was.Shook = m.Now()
	return m.Folder.remember("mesh", *was)
}

func meshTrouble(err error) error {
	var said *mesh.Error
	switch {
	case errors.As(err, &said) && said.Wait > 0:
		return &connect.Later{Text: "MESH asks to be left alone for a while", Wait: said.Wait}
	case errors.As(err, &said):
		return &Trouble{Text: said.Error(), Err: err}
	}
	return &Trouble{Text: "MESH does not answer, or broke off. It is tried again", Err: err}
}

// take fetches one message; "" when it is not for this, or cannot be read.
func (m *Mailbox) take(ctx context.Context, id string, was *mailed) (string, error) {
	in, err := m.Client.Get(ctx, id)
	switch {
	case errors.Is(err, mesh.ErrUnreadable): // whoever sent it must not hold up the others
		was.spoilt(id, "A message of MESH cannot be read: "+err.Error())
		return "", nil
	case err != nil:
		return "", meshTrouble(err)
	}
	if in.Report != nil || in.From != m.From || in.Workflow != m.Workflow {
		was.Others = append(was.Others, id)
		return "", nil
	}
	name, err := m.keep(id, in.Body)
	var bad *Trouble
	if errors.As(err, &bad) {
		was.spoilt(id, bad.Text)
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if err := m.Client.Acknowledge(ctx, id); err != nil {
		return "", meshTrouble(err)
	}
	return name, nil
}

// keep puts an extract into the folder, under a name that sorts by its time.
func (m *Mailbox) keep(id string, body []byte) (string, error) {
	file, dir := filepath.Join(m.Folder.Dir, memory, "incoming.zip"), filepath.Join(m.Folder.Dir, memory, "incoming")
	defer os.Remove(file)
	defer os.RemoveAll(dir)
	if err := os.RemoveAll(dir); err != nil {
		return "", fmt.Errorf("making room for an extract: %w", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", fmt.Errorf("making room for an extract: %w", err)
	}
	if err := os.WriteFile(file, body, 0o600); err != nil {
		return "", fmt.Errorf("writing a message of MESH: %w", err)
	}
	if err := unzip(file, dir, m.MaxSize); err != nil {
		return "", err
	}
	manifest, err := extract.ReadManifest(os.DirFS(dir))
	var stopped *extract.Stopped
	if err != nil && !errors.As(err, &stopped) {
		return "", err
	}
	at := "unknown"
	if err == nil {
		at = manifest.AsAt.UTC().Format("20060102T150405Z")
	}
	name := fmt.Sprintf("%s-%s-%s", strings.ToLower(string(m.Council)), at, localName(id))
	return name, m.Folder.put(name, func(stage string) error {
		files, err := os.ReadDir(dir)
		if err != nil {
			return fmt.Errorf("reading back an extract: %w", err)
		}
		for _, f := range files {
			if err := os.Rename(filepath.Join(dir, f.Name()), filepath.Join(stage, f.Name())); err != nil {
				return fmt.Errorf("moving a file of an extract: %w", err)
			}
		}
		return nil
	})
}
