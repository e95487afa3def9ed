// Package sftpd is a pretend SFTP server, such as a council has for files: a real
// server on a socket, over a folder. It can drop a connection, fall silent, show
// another key and refuse to be written to. It keeps nobody in the folder, and is
// for demonstrations and tests on this machine only.
package sftpd

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"homeward/sim/door"
)

// Fault is what is wrong with the server; None serves as it should.
type Fault int32

// The faults.
const (
	None     Fault = iota
	Drop           // closes the connection in the middle of the first file
	Silent         // answers nothing after the sign-in
	ReadOnly       // lets nothing be written
	OtherKey       // shows another key than HostKey
)

// dropAfter is how much is read of a connection that drops.
const dropAfter = 600

// Server is a pretend SFTP server. Close it when done.
type Server struct {
	*door.Door
	dir   string
	key   ssh.PublicKey // of the user
	host  ssh.Signer
	other ssh.Signer
	fault atomic.Int32
}

// New listens on an address of this machine, and lets in whoever has the key.
func New(address, dir string, user ssh.PublicKey) (*Server, error) {
	host, err := NewKey()
	if err != nil {
		return nil, err
	}
	other, err := NewKey()
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, key: user, host: host.Signer, other: other.Signer}
	if s.Door, err = door.Open(address, s.serve); err != nil {
		return nil, fmt.Errorf("listening for SFTP: %w", err)
	}
	return s, nil
}

// Key is a key pair, with the private key as a file holds it.
type Key struct {
	Signer ssh.Signer
	PEM    []byte
}

// NewKey makes a key pair.
func NewKey() (Key, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Key{}, fmt.Errorf("making a key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return Key{}, fmt.Errorf("writing a key: %w", err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return Key{}, fmt.Errorf("using a key: %w", err)
	}
	return Key{signer, pem.EncodeToMemory(block)}, nil
}

// HostKey is its key, as a line of known_hosts.
func (s *Server) HostKey() []byte {
	return append([]byte("* "), ssh.MarshalAuthorizedKey(s.host.PublicKey())...)
}

// Set breaks it, or mends it with None, from the next connection on.
func (s *Server) Set(f Fault) { s.fault.Store(int32(f)) }

func (s *Server) serve(c net.Conn) {
	fault := Fault(s.fault.Load())
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if !bytes.Equal(key.Marshal(), s.key.Marshal()) {
			return nil, errors.New("the key is not known")
		}
		return nil, nil
	}}
	config.AddHostKey(s.host)
	if fault == OtherKey {
		config = &ssh.ServerConfig{PublicKeyCallback: config.PublicKeyCallback}
		config.AddHostKey(s.other)
	}
	_, channels, requests, err := ssh.NewServerConn(c, config)
	if err != nil {
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() { ssh.DiscardRequests(requests) })
	for n := range channels {
		if n.ChannelType() != "session" {
			n.Reject(ssh.UnknownChannelType, "only sessions") // the connection ends by itself where this does
			continue
		}
		channel, asked, err := n.Accept()
		if err != nil {
			break
		}
		wg.Go(func() { s.session(channel, asked, c, fault) })
	}
	c.Close()
	wg.Wait()
}

// session waits for the subsystem sftp and serves it.
func (s *Server) session(channel ssh.Channel, asked <-chan *ssh.Request, c net.Conn, fault Fault) {
	defer channel.Close()
	for r := range asked {
		yes := r.Type == "subsystem" && bytes.HasSuffix(r.Payload, []byte("sftp"))
		if fault != Silent {
			r.Reply(yes, nil) // an error ends the loop too
		}
		if !yes || fault == Silent {
			continue
		}
		options := []sftp.ServerOption{sftp.WithServerWorkingDirectory(s.dir)}
		if fault == ReadOnly {
			options = append(options, sftp.ReadOnly())
		}
		var wire io.ReadWriteCloser = channel
		if fault == Drop {
			wire = &dropping{channel, c, dropAfter}
		}
		srv, err := sftp.NewServer(wire, options...)
		if err != nil {
			return
		}
		srv.Serve() // ends with the connection, which is no error here
		return
	}
}

// dropping closes the connection when so much was read of it.
type dropping struct {
	io.ReadWriteCloser
	conn net.Conn
	left int
}

func (d *dropping) Read(b []byte) (int, error) {
	if d.left <= 0 {
		d.conn.Close()
		return 0, io.ErrUnexpectedEOF
	}
	n, err := d.ReadWriteCloser.Read(b[:min(len(b), d.left)])
	d.left -= n
	return n, err
}
