package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A report is put into a folder whole, once, and what is printed is printed.
func TestReportPlaces(t *testing.T) {
	dir := t.TempDir()
	fake := filepath.Join(t.TempDir(), "print.sh")
	if err := os.WriteFile(fake, []byte("#!/bin/sh\nprintf '%%PDF-1.7 ' > \"$2\"\ncat \"$1\" >> \"$2\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	c := ReportsConfig{Places: []ReportPlaceConfig{{Name: "board", Title: "Board", Org: "RK5", Kind: "files", Dir: dir, Print: []string{fake, "{in}", "{out}"}}}}
	places, err := c.places(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{"2026-03-01-0700-report-abcd.csv": "measure,title\r\n", "2026-03-01-0700-report-efgh.html": "<p>page</p>"} {
		for range 2 {
			if err := places[0].Send(t.Context(), "k", name, "text/csv", []byte(body)); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := map[string]string{}
	list, _ := os.ReadDir(dir)
	for _, e := range list {
		b, _ := os.ReadFile(filepath.Join(dir, e.Name()))
		got[e.Name()] = string(b)
	}
	if len(got) != 2 || got["2026-03-01-0700-report-abcd.csv"] != "measure,title\r\n" || !strings.HasPrefix(got["2026-03-01-0700-report-efgh.pdf"], "%PDF-1.7 <p>") {
		t.Errorf("the folder has %v", got)
	}
	if err := places[0].Send(t.Context(), "k", "../outside.csv", "text/csv", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "outside.csv")); err != nil {
		t.Error("a file left the folder")
	}
}

func TestSummaryIsPrinted(t *testing.T) {
	if (ReportsConfig{}).printer() != nil {
		t.Error("no command is set, and something would print")
	}
	bad := ReportsConfig{Print: []string{"chromium"}}
	if err := bad.check(example()); err == nil || !strings.Contains(err.Error(), "{in} and {out}") {
		t.Errorf("a command that names no files: %v", err)
	}
	c := ReportsConfig{Print: []string{"sh", "-c", "{ printf %%PDF-; cat {in}; } > {out}"}}
	if err := c.check(example()); err != nil {
		t.Fatal(err)
	}
	if got, err := c.printer()(t.Context(), []byte("figures")); err != nil || string(got) != "%PDF-figures" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestReportPlacesAreChecked(t *testing.T) {
	ok := ReportPlaceConfig{Name: "board", Title: "Board", Org: "RK5", Kind: "files", Dir: "reports"}
	for want, change := range map[string]func(*ReportsConfig){
		"must be set":     func(c *ReportsConfig) { c.Places[0].Dir = "" },
		"stands twice":    func(c *ReportsConfig) { c.Places = append(c.Places, ok) },
		"or is mail":      func(c *ReportsConfig) { c.Places[0].Name = "mail" },
		"[[organisation]": func(c *ReportsConfig) { c.Places[0].Org = "X" },
		"files or sftp":   func(c *ReportsConfig) { c.Places[0].Kind = "ftp" },
		"needs address":   func(c *ReportsConfig) { c.Places[0].Kind = "sftp" },
	} {
		c := ReportsConfig{Places: []ReportPlaceConfig{ok}}
		change(&c)
		if err := c.check(example()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
