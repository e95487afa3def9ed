// Package sftp tells by files, as package files does, on another machine over
// SFTP. The machine's key must be one that was agreed; no other is talked to. It
// makes no folder, and deletes nothing but its own unfinished files.
package sftp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path"
	"strings"
	"time"

	wire "github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"homeward/connect"
	"homeward/connect/files"
	"homeward/connect/sshsign"
)

// Config is one folder of one server.
type Config struct {
	Address      string // host:port
	User         string
	KeyFile      string        // our private key, PEM or OpenSSH, without a passphrase
	PasswordFile string        // "" none; a key is better
	HostKeyFile  string        // the server's public keys: known_hosts, or lines as of authorized_keys
	Dir          string        // it must be there
	Timeout      time.Duration // of connecting and of each silence; 0 is 30 s
	Writing      files.Writing
}

// SFTP is a connect.Connector.
type SFTP struct{ config Config }

// New makes it, and reads the keys once.
func New(c Config) (*SFTP, error) {
	if c.Timeout <= 0 {
		c.Timeout = 30 * time.Second
	}
	if _, _, err := net.SplitHostPort(c.Address); err != nil || c.User == "" {
		return nil, errors.New("the SFTP server needs an address like sftp.council.example:22 and a user")
	}
	s := &SFTP{c}
	if _, err := s.sign().Config(); err != nil {
		return nil, err
	}
	return s, c.Writing.Check()
}

// Make writes the file's content.
func (s *SFTP) Make(n connect.News) (connect.Message, error) { return s.config.Writing.Make(n) }

// sign is how we sign in, and whom we talk to.
func (s *SFTP) sign() sshsign.Sign {
	c := s.config
	return sshsign.Sign{User: c.User, KeyFile: c.KeyFile, PasswordFile: c.PasswordFile, HostKeyFile: c.HostKeyFile, Timeout: c.Timeout}
}

// session is a signed-in connection. Its end is the context's.
type session struct {
	files *wire.Client
	close func()
}

// dial connects and signs in. A server that shows another key, or does not take
// ours, is not tried again.
func (s *SFTP) dial(ctx context.Context) (*session, error) {
	c, err := s.sign().Config()
	if err != nil {
		return nil, err
	}
	d := net.Dialer{Timeout: s.config.Timeout}
	raw, err := d.DialContext(ctx, "tcp", s.config.Address)
	if err != nil {
		return nil, fmt.Errorf("%w: no connection to the SFTP server", connect.ErrDown)
	}
	conn := sshsign.Patient(raw, s.config.Timeout)
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	end := func() {
		stop()
		raw.Close()
	}
	transport, channels, requests, err := ssh.NewClientConn(conn, s.config.Address, c)
	if err != nil {
		end()
		return nil, signIn(err)
	}
	client := ssh.NewClient(transport, channels, requests)
	f, err := wire.NewClient(client)
	if err != nil {
		client.Close()
		end()
		return nil, fmt.Errorf("%w: the server does not speak SFTP", connect.ErrDown)
	}
	return &session{f, func() {
		f.Close()
		client.Close()
		end()
	}}, nil
}

func signIn(err error) error {
	switch {
	case sshsign.OtherKey(err):
		return &connect.Refused{Text: "The SFTP server shows another key than the one that was agreed: ask its owner before anything is sent."}
	case strings.Contains(err.Error(), "unable to authenticate"):
		return &connect.Refused{Text: "The SFTP server does not accept our key for this user.", Status: 401}
	}
	return fmt.Errorf("%w: the SFTP server did not agree on a connection", connect.ErrDown)
}

// Send puts the file into the folder under a name that says that it is not
// finished, and then renames it. A file of that name with that content is one that
// was put there before.
func (s *SFTP) Send(ctx context.Context, m connect.Message) (connect.Receipt, error) {
	content, err := s.config.Writing.Content(ctx, m)
	if err != nil {
		return connect.Receipt{}, err
	}
	c, err := s.dial(ctx)
	if err != nil {
		return connect.Receipt{}, err
	}
	defer c.close()
	final := path.Join(s.config.Dir, files.Name(m))
	if r, err, there := c.had(final, m); there {
		return r, err
	}
	part := path.Join(s.config.Dir, "."+m.Key+".part")
	if err := c.write(part, content); err != nil {
		return connect.Receipt{}, reason("writing", err)
	}
	// SSH_FXP_RENAME does not replace what has the name, unlike a rename on disk.
	if err := c.files.Rename(part, final); err != nil {
		if r, err, there := c.had(final, m); there {
			return r, err
		}
		return connect.Receipt{}, reason("naming", err)
	}
	return connect.Receipt{}, nil
}

// had looks whether the file is there already.
func (c *session) had(final string, m connect.Message) (connect.Receipt, error, bool) {
	f, err := c.files.Open(final)
	if errors.Is(err, fs.ErrNotExist) {
		return connect.Receipt{}, nil, false
	}
	if err != nil {
		return connect.Receipt{}, reason("looking for", err), true
	}
	defer f.Close()
	was, err := io.ReadAll(io.LimitReader(f, int64(len(m.Body))+1))
	if err != nil {
		return connect.Receipt{}, reason("reading", err), true
	}
	if bytes.Equal(was, m.Body) || strings.HasSuffix(final, ".pdf") {
		return connect.Receipt{Again: true}, nil, true
	}
	return connect.Receipt{}, &connect.Refused{Text: "Another file has this file's name in the SFTP server's folder."}, true
}

func (c *session) write(name string, content []byte) error {
	f, err := c.files.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if _, ok := c.files.HasExtension("fsync@openssh.com"); ok && err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// reason says what the server said in our words: a folder that is not there or not
// ours to write to is not mended by trying again.
func reason(doing string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return &connect.Refused{Text: "The SFTP server does not let us write into its folder.", Status: 403}
	case errors.Is(err, fs.ErrNotExist):
		return &connect.Refused{Text: "The folder is not there on the SFTP server.", Status: 404}
	}
	return fmt.Errorf("%s a file on the SFTP server: %w", doing, connect.ErrDown)
}

// Check signs in and looks for the folder.
func (s *SFTP) Check(ctx context.Context) error {
	c, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	dir := s.config.Dir
	if dir == "" {
		dir = "."
	}
	info, err := c.files.Stat(dir)
	if err != nil {
		return reason("looking for the folder of", err)
	}
	if !info.IsDir() {
		return &connect.Refused{Text: "The folder is not there on the SFTP server."}
	}
	return nil
}
