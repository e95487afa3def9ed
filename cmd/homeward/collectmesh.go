package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"homeward/collect"
	"homeward/mesh"
	"homeward/nhs"
)

// MeshInConfig is a MESH mailbox to which a council sends its extracts.
type MeshInConfig struct {
	URL           string   `toml:"url" doc:"Address of MESH, to a mailbox of which the council sends its extracts as ZIP files. Empty: none."`
	Mailbox       string   `toml:"mailbox" doc:"Our mailbox."`
	PasswordFile  string   `toml:"password_file" doc:"File with its password."`
	SharedKeyFile string   `toml:"shared_key_file" doc:"File with the environment's shared key."`
	From          string   `toml:"from" doc:"The council's mailbox. What comes from another is left alone."`
	Workflow      string   `toml:"workflow" doc:"Workflow id of extracts. What has another is left alone."`
	CAFile        string   `toml:"ca_file" doc:"File with the authorities of MESH's certificate, PEM. Empty: those of this machine."`
	CertFile      string   `toml:"cert_file" doc:"File with our client certificate, PEM."`
	CertKey       string   `toml:"cert_key_file" doc:"File with its private key, PEM."`
	Every         Duration `toml:"every" doc:"How often the inbox is looked into."`
}

func meshInDefaults() MeshInConfig { return MeshInConfig{Every: Duration{5 * time.Minute}} }

func (c *MeshInConfig) files() []*string {
	return []*string{&c.PasswordFile, &c.SharedKeyFile, &c.CAFile, &c.CertFile, &c.CertKey}
}

func (c MeshInConfig) check() error {
	switch {
	case c.Mailbox == "" || c.PasswordFile == "" || c.SharedKeyFile == "":
		return errors.New("mesh needs mailbox, password_file and shared_key_file")
	case c.From == "" || c.Workflow == "":
		return errors.New("mesh needs from and workflow: other senders' messages are not for this")
	case c.Every.Duration < time.Second:
		return errors.New("mesh every must be at least 1s")
	}
	return nil
}

// way is the mailbox as it is read.
func (c MeshInConfig) way(folder collect.Folder, council nhs.ODS, now func() time.Time) (collect.Way, error) {
	password, err := os.ReadFile(c.PasswordFile)
	if err != nil {
		return nil, fmt.Errorf("mesh: reading password_file: %w", err)
	}
	shared, err := os.ReadFile(c.SharedKeyFile)
	if err != nil {
		return nil, fmt.Errorf("mesh: reading shared_key_file: %w", err)
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("mesh: reading ca_file: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("mesh: ca_file holds no certificate")
		}
	}
	if c.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(c.CertFile, c.CertKey)
		if err != nil {
			return nil, fmt.Errorf("mesh: reading the certificate: %w", err)
		}
		t.Certificates = []tls.Certificate{cert}
	}
	client, err := mesh.New(mesh.Config{URL: c.URL, Mailbox: c.Mailbox, Password: strings.TrimSpace(string(password)), SharedKey: strings.TrimSpace(string(shared)), Now: now, Version: "homeward",
		HTTP: &http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{TLSClientConfig: t},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}})
	if err != nil {
		return nil, err
	}
	return &collect.Mailbox{Client: client, Folder: folder, Council: council, From: c.From, Workflow: c.Workflow, Now: now}, nil
}
