package sshsign

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

func key(t *testing.T) (ssh.PublicKey, ssh.Signer) {
	t.Helper()
	pub, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p, err := ssh.NewPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return p, s
}

func written(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestOnlyAnAgreedKeyIsTaken reads pins as they are found in both kinds of file.
func TestOnlyAnAgreedKeyIsTaken(t *testing.T) {
	ours, _ := key(t)
	other, _ := key(t)
	line := string(ssh.MarshalAuthorizedKey(ours))
	password := written(t, "secret\n")
	for name, pins := range map[string]string{"authorized_keys": "# the council's\n\n" + line, "known_hosts": "sftp.council.example " + line} {
		c, err := Sign{User: "homeward", PasswordFile: password, HostKeyFile: written(t, pins)}.Config()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := c.HostKeyCallback("", nil, ours); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := c.HostKeyCallback("", nil, other); !OtherKey(err) {
			t.Errorf("%s: another key was taken: %v", name, err)
		}
		if len(c.HostKeyAlgorithms) != 1 || c.HostKeyAlgorithms[0] != ours.Type() {
			t.Errorf("%s: %v", name, c.HostKeyAlgorithms)
		}
	}
	for name, s := range map[string]Sign{"holds none": {PasswordFile: password, HostKeyFile: written(t, "# nothing\n")},
		"no public key":           {PasswordFile: password, HostKeyFile: written(t, "ssh-ed25519 nonsense\n")},
		"our key or our password": {HostKeyFile: written(t, line)}, "without a passphrase": {KeyFile: password, HostKeyFile: written(t, line)}} {
		if _, err := s.Config(); err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "secret") {
			t.Errorf("want %q, have %v", name, err)
		}
	}
	if OtherKey(nil) || OtherKey(errors.New("broken pipe")) {
		t.Error("something else is taken for another key")
	}
}

// TestASilenceEnds reads from somebody who says nothing.
func TestASilenceEnds(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if _, err := Patient(a, 10*time.Millisecond).Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v", err)
	}
}
