package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestWhatAKindCannotDoIsRefused holds that no setting is passed over in silence.
func TestWhatAKindCannotDoIsRefused(t *testing.T) {
	for want, change := range map[string]func(*Config, *DestinationConfig){
		"format must be json or xml": func(_ *Config, d *DestinationConfig) { d.Kind, d.URL, d.Format = "fhir", "https://x.example", "yaml" },
		"profile must be single": func(_ *Config, d *DestinationConfig) {
			d.Kind, d.URL, d.Profile = "fhir", "https://x.example", "singel"
		},
		"public_url must be set":         func(c *Config, d *DestinationConfig) { c.PublicURL, d.Kind = "", "mail" },
		"to must be one":                 func(_ *Config, d *DestinationConfig) { d.Kind, d.To = "notify", []string{"a@x.example", "b@x.example"} },
		"mapping: what goes by hl7":      func(_ *Config, d *DestinationConfig) { d.Mapping = "x.toml" },
		"personal: it is for webhook":    func(_ *Config, d *DestinationConfig) { d.Personal = true },
		"address must be host:port, lik": func(_ *Config, d *DestinationConfig) { d.Address = "mosaic:99999" },
	} {
		c := told(func(*DestinationConfig) {})
		c.PublicURL = "https://homeward.example"
		change(&c, &c.Destinations[0])
		if err := c.checkDestinations(); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `[[destination]] "mosaic"`) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestConfigCheckMakesWhatTheStartWould holds that `homeward config --check` says
// what `homeward serve` would.
func TestConfigCheckMakesWhatTheStartWould(t *testing.T) {
	for want, lines := range map[string]string{
		"a webhook needs a secret": `kind = "webhook"` + "\n" + `url = "https://x.example"`,
		"no such file":             `kind = "webhook"` + "\n" + `url = "https://x.example"` + "\n" + `secret_files = ["not-there"]`,
		"files need a folder":      `kind = "files"` + "\n" + `format = "json"`,
		"format must be oru":       `kind = "hl7"` + "\n" + `address = "x.example:2575"` + "\n" + `format = "fax"`,
	} {
		file := filepath.Join(t.TempDir(), "homeward.toml")
		text := "[[organisation]]\nods = \"511\"\nname = \"Nottinghamshire\"\nkind = \"council\"\n[[destination]]\nname = \"mosaic\"\ntitle = \"Mosaic\"\norg = \"511\"\n" + lines + "\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := (&configCmd{Check: file}).Run()
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `[[destination]] "mosaic"`) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestConfigCheckReadsWhatCollectingNeeds holds the same of councils and of PDS.
func TestConfigCheckReadsWhatCollectingNeeds(t *testing.T) {
	for want, lines := range map[string]string{
		"plan":                 "[[council]]\nname = \"county\"\ntitle = \"County\"\nods = \"511\"\nfolder = \"in\"\n[council.poll]\nurl = \"https://x.example\"\nplan = \"nobodys\"",
		"our key for the SFTP": "[[council]]\nname = \"county\"\ntitle = \"County\"\nods = \"511\"\nfolder = \"in\"\n[council.sftp]\naddress = \"x.example:22\"\nuser = \"u\"\nkey_file = \"nope\"\nhost_key_file = \"nope\"",
		"PDS":                  "[pds]\nurl = \"https://x.example\"\ntoken_url = \"https://x.example/t\"\nclient_id = \"c\"\nkey_file = \"nope\"\nkey_id = \"k\"\norg = \"511\"",
	} {
		file := filepath.Join(t.TempDir(), "homeward.toml")
		if err := os.WriteFile(file, []byte("[[organisation]]\nods = \"511\"\nname = \"Nottinghamshire\"\nkind = \"council\"\n"+lines+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readConfig(file); err != nil {
			t.Errorf("%s: it is refused before: %v", want, err)
		}
		if err := (&configCmd{Check: file}).Run(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestOneConnectionIsUsedByOne holds that what waits for another's answer is not
// taken for a far side that does not answer.
func TestOneConnectionIsUsedByOne(t *testing.T) {
	c := told(func(d *DestinationConfig) { d.Workers = 8 })
	ts, err := c.tellings(making{zone: time.UTC})
	if err != nil || ts[0].Workers != 1 {
		t.Errorf("%+v %v", ts, err)
	}
}
