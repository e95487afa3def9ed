package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"homeward/codelists"
)

// TestDelayReasonsOfASite: by the year, by a file of one's own, and never a bad one.
func TestDelayReasonsOfASite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ours.toml")
	text, err := codelists.Files.ReadFile(codelists.Delay2024)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ name, body, id, err string }{
		{"", "", "delay-reasons-2022", ""},
		{"2022", "", "delay-reasons-2022", ""},
		{"2024", "", "delay-reasons-2024", ""},
		{file, strings.Replace(string(text), `"delay-reasons-2024"`, `"ours"`, 1), "ours", ""},
		{file, strings.Replace(string(text), `"sent", "accepted"`, `"sent", "sleeping"`, 1), "", `"sleeping" is no stage. Choose from`},
		{filepath.Join(t.TempDir(), "none.toml"), "", "", "delay_reasons"},
	} {
		if x.body != "" {
			if err := os.WriteFile(x.name, []byte(x.body), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		list, err := Config{Reasons: x.name}.delayReasons()
		switch {
		case x.err == "" && (err != nil || list.ID != x.id):
			t.Errorf("%q gave %v, %v", x.name, list, err)
		case x.err != "" && (err == nil || !strings.Contains(err.Error(), x.err)):
			t.Errorf("%q: %v", x.name, err)
		}
	}
}
