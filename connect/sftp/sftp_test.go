package sftp

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"homeward/connect"
	"homeward/connect/connecttest"
	"homeward/connect/files"
	"homeward/sim/sftpd"
)

type world struct {
	server  *sftpd.Server
	folder  string
	keyFile string
	hosts   string
}

func begin(t *testing.T) world {
	t.Helper()
	key, err := sftpd.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	w := world{folder: t.TempDir(), keyFile: filepath.Join(t.TempDir(), "id"), hosts: filepath.Join(t.TempDir(), "known_hosts")}
	if w.server, err = sftpd.New("127.0.0.1:0", w.folder, key.Signer.PublicKey()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.server.Close() })
	for name, b := range map[string][]byte{w.keyFile: key.PEM, w.hosts: append([]byte("# agreed\n"), w.server.HostKey()...)} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w world) connector(t *testing.T, dir string) *SFTP {
	t.Helper()
	s, err := New(Config{Address: w.server.Address(), User: "homeward", KeyFile: w.keyFile, HostKeyFile: w.hosts, Dir: dir, Timeout: 2 * time.Second,
		Writing: files.Writing{Format: files.JSON, Personal: true}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w world) content(t *testing.T) (out [][]byte) {
	t.Helper()
	list, err := os.ReadDir(w.folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if strings.HasSuffix(e.Name(), ".part") {
			continue
		}
		b, err := os.ReadFile(filepath.Join(w.folder, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

func TestConnector(t *testing.T) {
	var now world
	whole := t
	far := func(name string, f sftpd.Fault, dir string, wants ...connecttest.Want) connecttest.Far {
		return connecttest.Far{Name: name, Wants: wants, Within: 4 * time.Second, Start: func(*testing.T) connecttest.Side {
			now = begin(whole)
			now.server.Set(f)
			return connecttest.Side{Address: now.server.Address() + "/" + dir}
		}}
	}
	there := begin(t)
	connecttest.Run(t, connecttest.Suite{
		New: func(t *testing.T, address string) connect.Connector {
			w := there
			if now.server != nil {
				w = now
			}
			address, dir, _ := strings.Cut(address, "/")
			s := w.connector(t, dir)
			s.config.Address = address
			return s
		},
		News: connecttest.Sample(connect.Refer, nil),
		Fars: []connecttest.Far{
			far("sftp: honest", sftpd.None, "", connecttest.Took, connecttest.Took),
			far("sftp: drops in the middle of the file", sftpd.Drop, "", connecttest.Again),
			far("sftp: silent", sftpd.Silent, "", connecttest.Again),
			far("sftp: cannot be written to", sftpd.ReadOnly, "", connecttest.Refused),
			far("sftp: another key", sftpd.OtherKey, "", connecttest.Refused),
			far("sftp: no such folder", sftpd.None, "gone", connecttest.Refused),
		},
	})
}

func TestOnceAndWholeAfterADrop(t *testing.T) {
	w := begin(t)
	s := w.connector(t, "")
	m, err := s.Make(connecttest.Sample(connect.Refer, nil))
	if err != nil {
		t.Fatal(err)
	}
	w.server.Set(sftpd.Drop)
	if _, err := s.Send(t.Context(), m); !errors.Is(err, connect.ErrDown) {
		t.Fatalf("dropped: %v", err)
	}
	if got := w.content(t); len(got) != 0 {
		t.Fatalf("half a file has its name: %d", len(got))
	}
	w.server.Set(sftpd.None)
	for i, again := range []bool{false, true} {
		r, err := s.Send(t.Context(), m)
		if err != nil || r.Again != again {
			t.Errorf("try %d: %+v, %v", i, r, err)
		}
	}
	if got := w.content(t); len(got) != 1 || !bytes.Equal(got[0], m.Body) {
		t.Errorf("%d files", len(got))
	}
	list, _ := os.ReadDir(w.folder)
	if len(list) != 1 {
		t.Errorf("the folder has %d entries", len(list))
	}
	if err := os.WriteFile(filepath.Join(w.folder, files.Name(m)), []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	var refused *connect.Refused
	if _, err := s.Send(t.Context(), m); !errors.As(err, &refused) {
		t.Errorf("the name is taken: %v", err)
	}
}

func TestKeys(t *testing.T) {
	w := begin(t)
	stranger, err := sftpd.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "id")
	if err := os.WriteFile(other, stranger.PEM, 0o600); err != nil {
		t.Fatal(err)
	}
	s := w.connector(t, "")
	if err := s.Check(t.Context()); err != nil {
		t.Errorf("check: %v", err)
	}
	s.config.KeyFile = other
	var refused *connect.Refused
	if err := s.Check(t.Context()); !errors.As(err, &refused) || refused.Status != 401 {
		t.Errorf("a key that is not known: %v", err)
	}
	if err := os.WriteFile(w.hosts, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(s.config); err == nil {
		t.Error("a server without a key is talked to")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	w = begin(t)
	w.server.Set(sftpd.Silent)
	began := time.Now()
	if err := w.connector(t, "").Check(ctx); err == nil || time.Since(began) > time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}
