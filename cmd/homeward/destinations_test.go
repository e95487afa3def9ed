package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// written is a file with a text, for what is read from files.
func written(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// told is a configuration with one destination.
func told(change func(*DestinationConfig)) Config {
	c := defaults()
	c.PublicURL = "https://homeward.example"
	c.Orgs = []OrgConfig{{ODS: "RK5", Name: "King's Mill", Kind: "trust"}, {ODS: "511", Name: "Nottinghamshire", Kind: "council"}, {ODS: "HW1", Name: "Homeward", Kind: "system"}}
	d := destinationDefaults()
	d.Name, d.Title, d.Org, d.Kind, d.Address = "mosaic", "Mosaic", "511", "hl7", "127.0.0.1:2575"
	change(&d)
	c.Destinations = []DestinationConfig{d}
	return c
}

func TestWrongDestinationsAreRefused(t *testing.T) {
	for want, change := range map[string]func(*DestinationConfig){
		"name must be":          func(d *DestinationConfig) { d.Name = "The council" },
		"title is missing":      func(d *DestinationConfig) { d.Title = "" },
		"must be a trust or":    func(d *DestinationConfig) { d.Org = "HW1" },
		"that has an":           func(d *DestinationConfig) { d.Org = "999" },
		"kind must be one of":   func(d *DestinationConfig) { d.Kind = "fax" },
		"timeout must be":       func(d *DestinationConfig) { d.Timeout = Duration{} },
		"workers must be":       func(d *DestinationConfig) { d.Workers = -1 },
		"must both be set":      func(d *DestinationConfig) { d.CertFile = "x.pem" },
		`"shout" is not known`:  func(d *DestinationConfig) { d.Kinds = []string{"shout"} },
		`from: "999"`:           func(d *DestinationConfig) { d.From = []string{"999"} },
		"address must be":       func(d *DestinationConfig) { d.Address = "mosaic" },
		"allow: \"everything\"": func(d *DestinationConfig) { d.Allow = []string{"everything"} },
	} {
		err := told(change).checkDestinations()
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "[[destination]]") {
			t.Errorf("%s: %v", want, err)
		}
	}
	twice := told(func(*DestinationConfig) {})
	twice.Destinations = append(twice.Destinations, twice.Destinations[0])
	if err := twice.checkDestinations(); err == nil || !strings.Contains(err.Error(), "stands twice") {
		t.Errorf("twice: %v", err)
	}
}

// TestEveryKindCanBeMade makes a connector of each kind, as a site would write it,
// and wants what is wrong with one to be said at the start.
func TestEveryKindCanBeMade(t *testing.T) {
	secret := written(t, "secret", "whsec_"+strings.Repeat("QUFB", 12)+"\n")
	plain := written(t, "password", "correct horse\n")
	key := written(t, "notify.key", "homeward-26785a09-ab16-4eb0-8407-a37497a57506-3d844edf-8d35-48ac-975b-e847b4f122b0\n")
	hosts := written(t, "hosts", "sftp.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBbQ5gCMxLM+DJGCNb4rdOqRY2mTBcMx3cG3DaykZ0nB\n")
	url := func(d *DestinationConfig) { d.URL = "https://council.example/fhir" }
	good := map[string]func(*DestinationConfig){
		"hl7": func(*DestinationConfig) {}, "fhir": url, "bars": url, "shd": url,
		"webhook": func(d *DestinationConfig) { url(d); d.Secrets = []string{secret} },
		"files":   func(d *DestinationConfig) { d.Dir, d.Format = t.TempDir(), "json" },
		"sftp": func(d *DestinationConfig) {
			d.Address, d.User, d.Dir, d.Format, d.Secrets, d.HostKeys = "sftp.example:22", "homeward", "in", "csv", []string{plain}, hosts
		},
		"mail": func(d *DestinationConfig) {
			d.Address, d.User, d.Secrets, d.Sender, d.To = "smtp.example:587", "homeward", []string{plain}, "Homeward <h@council.example>", []string{"office@bluebell.example"}
		},
		"notify": func(d *DestinationConfig) {
			d.Secrets, d.Profile, d.To = []string{key}, "f33517ff-2a88-4f6e-b855-c550268ce08a", []string{"office@bluebell.example"}
		},
		"mesh": func(d *DestinationConfig) {
			d.URL, d.Sender, d.To, d.Profile, d.Secrets, d.Format = "https://mesh.example", "X26ABC1", []string{"X26ABC2"}, "HOMEWARD_NEWS", []string{plain, plain}, "json"
		},
	}
	for kind := range makers() {
		if kindWords[kind] == "" {
			t.Errorf("%s has no words for people", kind)
		}
		change, there := good[kind]
		if !there {
			t.Errorf("nobody makes %s here", kind)
			continue
		}
		c := told(func(d *DestinationConfig) { d.Kind = kind; change(d) })
		if err := c.checkDestinations(); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		ts, err := c.tellings(making{zone: time.UTC})
		if err != nil || len(ts) != 1 || ts[0].Connector == nil || ts[0].Kind != kindWords[kind] {
			t.Errorf("%s: %+v %v", kind, ts, err)
		}
	}
	for kind, change := range map[string]func(*DestinationConfig){
		"hl7": func(d *DestinationConfig) { d.Format = "fax" }, "fhir": func(d *DestinationConfig) { d.URL = "ftp://x" }, "webhook": url,
		"files": func(d *DestinationConfig) { d.Dir, d.Format = t.TempDir(), "fax" },
	} {
		c := told(func(d *DestinationConfig) { d.Kind = kind; change(d) })
		if _, err := c.tellings(making{zone: time.UTC}); err == nil || !strings.Contains(err.Error(), `[[destination]] "mosaic"`) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
