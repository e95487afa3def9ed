package main

import (
	"errors"
	"time"

	"homeward/collect"
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

func (c MeshInConfig) way(collect.Folder) (collect.Way, error) { return nil, errors.New("no mesh") }
