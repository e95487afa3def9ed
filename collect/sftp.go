package collect

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"homeward/connect/sshsign"
	"homeward/extract"
)

// SFTP brings extracts from a folder of an SFTP server. Each is a folder there,
// and complete when its manifest is there, which is written last; or a ZIP file of
// one, which is renamed to its name when it is complete.
type SFTP struct {
	Folder Folder

	Address      string // host:port
	User         string
	KeyFile      string // our private key, PEM or OpenSSH; "" none
	PasswordFile string // "" none
	HostKeyFile  string // the server's public keys, a line each as in authorized_keys or known_hosts; no other is talked to
	Dir          string // on the server
	// Delete removes an extract from the server, after it is on the disk here.
	Delete  bool
	Timeout time.Duration // of connecting, and of any silence; 0 is 30 s
	MaxSize int64         // octets of one extract; 0 is 4 GB
	Now     func() time.Time
}

// taken is what an SFTP must know after a restart: the sum of the manifest, or
// of the ZIP file, of each extract that was taken, by its name there.
type taken struct {
	Taken map[string]string `json:"taken"`
}

// Check refuses what cannot work, reading the files of keys.
func (s *SFTP) Check() error {
	_, err := s.config()
	return err
}

func (s *SFTP) config() (*ssh.ClientConfig, error) {
	return sshsign.Sign{User: s.User, KeyFile: s.KeyFile, PasswordFile: s.PasswordFile, HostKeyFile: s.HostKeyFile, Timeout: s.Timeout}.Config()
}

// Bring takes the extracts that are new and complete, in the order of their names.
func (s *SFTP) Bring(ctx context.Context) (Brought, error) {
	if s.Timeout <= 0 {
		s.Timeout = 30 * time.Second
	}
	if s.MaxSize <= 0 {
		s.MaxSize = 4 << 30
	}
	if err := s.Folder.open(); err != nil {
		return Brought{}, err
	}
	was := taken{}
	if err := s.Folder.recall("sftp", &was); err != nil {
		return Brought{}, err
	}
	if was.Taken == nil {
		was.Taken = map[string]string{}
	}
	c, end, err := s.dial(ctx)
	if err != nil {
		return Brought{}, err
	}
	defer end()
	entries, err := c.ReadDirContext(ctx, s.Dir)
	if err != nil {
		return Brought{}, s.failed("listing the folder on the SFTP server", err)
	}
	slices.SortFunc(entries, func(a, b os.FileInfo) int { return strings.Compare(a.Name(), b.Name()) })
	maps.DeleteFunc(was.Taken, func(name, _ string) bool { // what is gone there need not be known here
		return !slices.ContainsFunc(entries, func(e os.FileInfo) bool { return e.Name() == name })
	})
	var out Brought
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || !e.IsDir() && !strings.HasSuffix(strings.ToLower(name), ".zip") {
			continue
		}
		got, err := s.take(ctx, c, e, was)
		if err != nil {
			return out, err
		}
		if got != "" {
			out.Extracts = append(out.Extracts, got)
		}
	}
	return out, nil
}

// dial connects; a server that goes silent, and a context that ends, end it.
func (s *SFTP) dial(ctx context.Context) (*sftp.Client, func(), error) {
	config, err := s.config()
	if err != nil {
		return nil, nil, err
	}
	raw, err := (&net.Dialer{Timeout: s.Timeout}).DialContext(ctx, "tcp", s.Address)
	if err != nil {
		return nil, nil, &Trouble{Text: "The SFTP server cannot be reached", Err: err}
	}
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	conn, chans, reqs, err := ssh.NewClientConn(sshsign.Patient(raw, s.Timeout), s.Address, config)
	if err != nil {
		stop()
		raw.Close()
		if sshsign.OtherKey(err) {
			return nil, nil, &Trouble{Text: "The SFTP server shows another key than the one that was agreed. Nothing was sent to it. Ask its owner before you change the file of its keys", Err: err}
		}
		return nil, nil, &Trouble{Text: "The SFTP server did not let us in. Check the user and the key", Err: err}
	}
	client := ssh.NewClient(conn, chans, reqs)
	c, err := sftp.NewClient(client)
	if err != nil {
		stop()
		client.Close()
		return nil, nil, &Trouble{Text: "The server does not speak SFTP", Err: err}
	}
	return c, func() { stop(); c.Close(); client.Close() }, nil
}

func (s *SFTP) failed(doing string, err error) error {
	return &Trouble{Text: "The SFTP server broke off while " + doing + ". It is tried again", Err: fmt.Errorf("%s: %w", doing, err)}
}

// take fetches one extract, when it is complete and not the same as was taken.
func (s *SFTP) take(ctx context.Context, c *sftp.Client, e os.FileInfo, was taken) (string, error) {
	from := path.Join(s.Dir, e.Name())
	stamp, err := s.stamp(c, e)
	if stamp == "" || err != nil {
		return "", err
	}
	if was.Taken[e.Name()] == stamp {
		return "", s.remove(c, e)
	}
	name := localName(strings.TrimSuffix(e.Name(), path.Ext(e.Name())))
	if e.IsDir() {
		name = localName(e.Name())
	}
	if was.Taken[e.Name()] != "" { // changed since: it is another extract
		name += "-" + stamp[:8]
	}
	err = s.Folder.put(name, func(dir string) error {
		if e.IsDir() {
			return s.fetchFolder(ctx, c, from, dir)
		}
		zip := filepath.Join(s.Folder.Dir, memory, "incoming.zip")
		defer os.Remove(zip)
		if err := s.fetch(c, from, zip, s.MaxSize); err != nil {
			return err
		}
		return unzip(zip, dir, s.MaxSize)
	})
	if err != nil {
		return "", err
	}
	was.Taken[e.Name()] = stamp
	if err := s.Folder.remember("sftp", was); err != nil {
		return "", err
	}
	return name, s.remove(c, e)
}

// stamp tells one content of an extract from another; "" while it is not complete.
func (s *SFTP) stamp(c *sftp.Client, e os.FileInfo) (string, error) {
	if !e.IsDir() {
		sum := sha256.Sum256(fmt.Appendf(nil, "%d %d", e.Size(), e.ModTime().Unix()))
		return hex.EncodeToString(sum[:]), nil
	}
	f, err := c.Open(path.Join(s.Dir, e.Name(), extract.ManifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", s.failed("looking for a manifest", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 1<<20))
	if err != nil {
		return "", s.failed("reading a manifest", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// fetchFolder fetches the files of an extract, its manifest last.
func (s *SFTP) fetchFolder(ctx context.Context, c *sftp.Client, from, dir string) error {
	files, err := c.ReadDirContext(ctx, from)
	if err != nil {
		return s.failed("listing an extract", err)
	}
	left := s.MaxSize
	slices.SortFunc(files, func(a, b os.FileInfo) int { return strings.Compare(order(a), order(b)) })
	for _, f := range files {
		if f.IsDir() || !f.Mode().IsRegular() || !plainName.MatchString(f.Name()) {
			continue
		}
		if left -= f.Size(); left < 0 {
			return trouble("An extract on the SFTP server is larger than %d MB", s.MaxSize>>20)
		}
		if err := s.fetch(c, path.Join(from, f.Name()), filepath.Join(dir, f.Name()), f.Size()+1); err != nil {
			return err
		}
	}
	return nil
}

func order(f os.FileInfo) string {
	if f.Name() == extract.ManifestName {
		return "\xff"
	}
	return f.Name()
}

// fetch fetches one file whole: as large as the server says that it is, before
// and after.
func (s *SFTP) fetch(c *sftp.Client, from, to string, most int64) error {
	in, err := c.Open(from)
	if err != nil {
		return s.failed("opening a file", err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("writing a file of an extract: %w", err)
	}
	n, err := io.Copy(out, io.LimitReader(in, most+1))
	if err = errors.Join(err, out.Close()); err != nil {
		return s.failed("fetching a file", err)
	}
	after, err := in.Stat()
	if err != nil {
		return s.failed("looking at a file", err)
	}
	if n != after.Size() {
		return trouble("A file on the SFTP server is still being written, or is larger than is taken. It is tried again")
	}
	return nil
}

// remove deletes an extract on the server, where that is wanted.
func (s *SFTP) remove(c *sftp.Client, e os.FileInfo) error {
	if !s.Delete {
		return nil
	}
	at := path.Join(s.Dir, e.Name())
	if !e.IsDir() {
		if err := c.Remove(at); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return s.failed("deleting an extract", err)
		}
		return nil
	}
	if err := c.RemoveAll(at); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s.failed("deleting an extract", err)
	}
	return nil
}
