package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const providerHead = `public_url = "https://homeward.example"
[[organisation]]
ods = "511"
name = "Council"
kind = "council"
[[provider]]
name = "council"
title = "Sign in with a council account"
called = "The council’s sign-in"
kind = "entra"
client_id = "c"
`

// TestProvidersOfTheConfiguration reads one that works, and refuses each that
// could let the wrong people in, naming what to mend.
func TestProvidersOfTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	tenant := `issuer = "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0"` + "\n"
	role := "[[provider.role]]\nrole = \"social-worker\"\ncode = \"g1\"\norg = \"511\"\n"
	secret := "secret_file = \"council.secret\"\n"
	read := func(text string) (Config, error) {
		file := filepath.Join(dir, "homeward.toml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return readConfig(file)
	}
	c, err := read(providerHead + tenant + secret + role)
	if err != nil {
		t.Fatal(err)
	}
	if p := c.Providers[0]; p.SecretFile != filepath.Join(dir, "council.secret") || p.LeastAAL != 2 || p.LeastIdentity != 3 || len(p.provider().Rules) != 1 {
		t.Errorf("%+v", p)
	}
	for text, want := range map[string]string{
		strings.Replace(providerHead+tenant+secret+role, "public_url", "#", 1): "public_url must be set",
		providerHead + tenant + role:                                 "either secret_file or key_file",
		providerHead + tenant + secret + "key_file = \"k\"\n" + role: "either secret_file or key_file",
		providerHead + secret + role:                                 "issuer must be",
		providerHead + strings.Replace(tenant, "11111111-2222-3333-4444-555555555555", "common", 1) + secret + role: "every tenant",
		providerHead + tenant + secret + strings.Replace(role, "511", "512", 1):                                     "must be the ods",
		providerHead + tenant + secret + strings.Replace(role, "social-worker", "owner", 1):                         "is no role",
		providerHead + tenant + secret:                             "at least one role",
		providerHead + tenant + secret + "least_aal = 4\n" + role:  "least_aal must be 1 to 3",
		providerHead + tenant + secret + "secret = \"x\"\n" + role: "not known: provider.secret",
	} {
		if _, err := read(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
