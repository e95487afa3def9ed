package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"homeward/care"
)

// A folder that waits long for its manifest is mentioned once, and listed until
// the manifest comes.
func TestWaitingForAManifest(t *testing.T) {
	ctx := context.Background()
	var log bytes.Buffer
	cfg := defaults()
	cfg.Database = filepath.Join(t.TempDir(), "db")
	council := councilDefaults()
	council.Name, council.Title, council.ODS, council.Folder = "mosaic", "Mosaic", "511", t.TempDir()
	cfg.Councils = []CouncilConfig{council}
	cfg.Orgs = []OrgConfig{{ODS: "511", Name: "Testshire", Kind: "council"}, {ODS: "HW1", Name: "Homeward", Kind: "system"}}
	st, err := newSite(ctx, cfg, slog.New(slog.NewTextHandler(&log, nil)), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer st.close()
	listed := func() int {
		t.Helper()
		if err := st.readFolder(ctx, council); err != nil {
			t.Fatal(err)
		}
		list, err := st.hub.Imports(ctx, care.Actor{ID: "e", Name: "E", Role: care.Integration, Org: "HW1", OrgKind: care.System})
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	old, young := filepath.Join(council.Folder, "2026-03-01"), filepath.Join(council.Folder, "2026-03-02")
	for _, dir := range []string{old, young} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	ago := time.Now().Add(-time.Hour)
	if err := os.Chtimes(old, ago, ago); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if n := listed(); n != 1 {
			t.Errorf("%d are listed", n)
		}
	}
	if n := strings.Count(log.String(), "wait for their manifest.toml"); n != 1 {
		t.Errorf("said %d times", n)
	}
	if err := os.Remove(old); err != nil {
		t.Fatal(err)
	}
	if n := listed(); n != 0 {
		t.Errorf("%d are listed when it has gone", n)
	}
}
