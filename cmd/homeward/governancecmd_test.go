package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"homeward/internal/pgtest"
	"homeward/policies"
)

// TestThePackTellsOfTheSiteAsItIs writes the pack of a site on either database
// with a key and a schedule of its own.
func TestThePackTellsOfTheSiteAsItIs(t *testing.T) {
	for name, database := range map[string]func(dir string) string{
		"sqlite":   func(dir string) string { return filepath.Join(dir, "data") },
		"postgres": func(string) string { return pgtest.Start(t) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			schedule, err := policies.Files.ReadFile("retention.toml")
			if err != nil {
				t.Fatal(err)
			}
			for file, text := range map[string]string{
				"ours.toml": strings.ReplaceAll(string(schedule), "8 years", "11 years"),
				"site.toml": "database = \"" + database(dir) + "\"\n[encryption]\nkey_file = \"site.key\"\n[audit]\nretention = \"ours.toml\"\n" +
					"[[organisation]]\nods = \"RK5\"\nname = \"King's Mill\"\nkind = \"trust\"\n",
			} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			config := filepath.Join(dir, "site.toml")
			for _, args := range [][]string{
				{"keys", "new", filepath.Join(dir, "site.key")}, {"migrate", "--config", config},
				{"governance", "pack", "--config", config, "--out", filepath.Join(dir, "pack")},
			} {
				if code := run(args); code != 0 {
					t.Fatalf("%v ended with %d", args, code)
				}
			}
			text, err := os.ReadFile(filepath.Join(dir, "pack", "dpia.md"))
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"| 11 years |", "| No longer |", "is encrypted with a key that is not in the database"} {
				if !strings.Contains(string(text), want) {
					t.Errorf("the impact assessment does not say %q", want)
				}
			}
			if strings.Contains(string(text), "8 years") {
				t.Error("the impact assessment tells a schedule that is not this site's")
			}
		})
	}
}
