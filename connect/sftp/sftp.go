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
	"slices"
	"strings"
	"time"

	wire "github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"homeward/connect"
	"homeward/connect/files"
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
	if _, err := s.client(); err != nil {
		return nil, err
	}
	return s, c.Writing.Check()
}

// Make writes the file's content.
func (s *SFTP) Make(n connect.News) (connect.Message, error) { return s.config.Writing.Make(n) }

// client reads how we sign in, and whom we talk to.
func (s *SFTP) client() (*ssh.ClientConfig, error) {
	c := &ssh.ClientConfig{User: s.config.User, Timeout: s.config.Timeout}
	if s.config.KeyFile != "" {
		b, err := os.ReadFile(s.config.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("reading our key for the SFTP server: %w", err)
		}
		key, err := ssh.ParsePrivateKey(b)
		if err != nil {
			return nil, errors.New("our key for the SFTP server is not a private key without a passphrase")
		}
		c.Auth = append(c.Auth, ssh.PublicKeys(key))
	}
	if s.config.PasswordFile != "" {
		b, err := os.ReadFile(s.config.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("reading our password for the SFTP server: %w", err)
		}
		c.Auth = append(c.Auth, ssh.Password(strings.TrimSpace(string(b))))
	}
	if len(c.Auth) == 0 {
		return nil, errors.New("the SFTP server needs our key or our password")
	}
	b, err := os.ReadFile(s.config.HostKeyFile)
	if err != nil {
		return nil, fmt.Errorf("reading the SFTP server's keys: %w", err)
	}
	pinned, err := hostKeys(b)
	if err != nil {
		return nil, err
	}
	c.HostKeyCallback = func(_ string, _ net.Addr, key ssh.PublicKey) error {
		if slices.ContainsFunc(pinned, func(p ssh.PublicKey) bool { return bytes.Equal(p.Marshal(), key.Marshal()) }) {
			return nil
		}
		return errHostKey
	}
	// Only keys of the kinds that are pinned are asked for: a server that has others
	// too would else show one of those.
	for _, p := range pinned {
		if p.Type() == ssh.KeyAlgoRSA {
			c.HostKeyAlgorithms = append(c.HostKeyAlgorithms, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
			continue
		}
		c.HostKeyAlgorithms = append(c.HostKeyAlgorithms, p.Type())
	}
	return c, nil
}

var errHostKey = errors.New("the SFTP server's key is not the one that was agreed")

// hostKeys reads public keys, with or without the names of hosts before them.
func hostKeys(b []byte) (out []ssh.PublicKey, err error) {
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			_, after, _ := strings.Cut(line, " ")
			if key, _, _, _, err = ssh.ParseAuthorizedKey([]byte(after)); err != nil {
				return nil, errors.New("the file of the SFTP server's keys has a line that is no public key")
			}
		}
		out = append(out, key)
	}
	if len(out) == 0 {
		return nil, errors.New("the file of the SFTP server's keys holds none")
	}
	return out, nil
}

// session is a signed-in connection. Its end is the context's.
type session struct {
	files *wire.Client
	close func()
}

// dial connects and signs in. A server that shows another key, or does not take
// ours, is not tried again.
func (s *SFTP) dial(ctx context.Context) (*session, error) {
	c, err := s.client()
	if err != nil {
		return nil, err
	}
	d := net.Dialer{Timeout: s.config.Timeout}
	raw, err := d.DialContext(ctx, "tcp", s.config.Address)
	if err != nil {
		return nil, fmt.Errorf("%w: no connection to the SFTP server", connect.ErrDown)
	}
	conn := &patient{Conn: raw, most: s.config.Timeout}
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
	case errors.Is(err, errHostKey), strings.Contains(err.Error(), "no common algorithm for host key"):
		return &connect.Refused{Text: "The SFTP server shows another key than the one that was agreed: ask its owner before anything is sent."}
	case strings.Contains(err.Error(), "unable to authenticate"):
		return &connect.Refused{Text: "The SFTP server does not accept our key for this user.", Status: 401}
	}
	return fmt.Errorf("%w: the SFTP server did not agree on a connection", connect.ErrDown)
}

// patient ends a silence.
type patient struct {
	net.Conn
	most time.Duration
}

func (p *patient) Read(b []byte) (int, error) {
	p.SetReadDeadline(time.Now().Add(p.most)) // an error shows in Read
	return p.Conn.Read(b)
}

func (p *patient) Write(b []byte) (int, error) {
	p.SetWriteDeadline(time.Now().Add(p.most))
	return p.Conn.Write(b)
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
