// Package sshsign is what the connectors and collectors that speak SFTP share: how we
// sign in by SSH, and by which keys the other side is known. It dials nobody, and a
// server whose key was not agreed is never taken.
package sshsign

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// Sign is who we are and whom we talk to. Files are read each time, so that a key
// can be replaced while Homeward runs.
type Sign struct {
	User         string
	KeyFile      string        // our private key, PEM or OpenSSH, without a passphrase; "" none
	PasswordFile string        // "" none
	HostKeyFile  string        // the server's public keys, a line each as in authorized_keys or known_hosts
	Timeout      time.Duration // of connecting
}

// Config reads the files. Its errors name what to mend and nothing of the keys.
func (s Sign) Config() (*ssh.ClientConfig, error) {
	c := &ssh.ClientConfig{User: s.User, Timeout: s.Timeout}
	if s.KeyFile != "" {
		b, err := os.ReadFile(s.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("reading our key for the SFTP server: %w", err)
		}
		key, err := ssh.ParsePrivateKey(b)
		if err != nil {
			return nil, errors.New("our key for the SFTP server is not a private key without a passphrase")
		}
		c.Auth = append(c.Auth, ssh.PublicKeys(key))
	}
	if s.PasswordFile != "" {
		b, err := os.ReadFile(s.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("reading our password for the SFTP server: %w", err)
		}
		c.Auth = append(c.Auth, ssh.Password(strings.TrimSpace(string(b))))
	}
	if len(c.Auth) == 0 {
		return nil, errors.New("the SFTP server needs our key or our password")
	}
	b, err := os.ReadFile(s.HostKeyFile)
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

// OtherKey reports whether a handshake ended because the server showed another key
// than those that were agreed.
func OtherKey(err error) bool {
	return errors.Is(err, errHostKey) || err != nil && (strings.Contains(err.Error(), errHostKey.Error()) || strings.Contains(err.Error(), "no common algorithm for host key"))
}

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

// Patient ends a connection on which nothing moves for so long.
func Patient(c net.Conn, most time.Duration) net.Conn { return &patient{Conn: c, most: most} }

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
