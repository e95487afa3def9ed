//go:build unix

package main

import (
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
)

// TestTheDemosRecordSystem presses the button of the demo: the record system signs
// in with its key, and its link leads to the door and the look-up behind it.
func TestTheDemosRecordSystem(t *testing.T) {
	w := newWorld(t.TempDir(), os.Environ())
	defer w.close()
	demo, err := w.start("D", "demo", "--http", "127.0.0.1:0", "--mllp", "127.0.0.1:0", "--no-sim")
	if err != nil {
		t.Fatal(err)
	}
	w.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	next := func(method, path string) string {
		t.Helper()
		r, err := http.NewRequest(method, demo.pages+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := w.client.Do(r)
		if err = errors.Join(err, res.Body.Close()); err != nil {
			t.Fatal(err)
		}
		return strings.TrimPrefix(res.Header.Get("Location"), demo.pages)
	}
	link := next("POST", "/demo/epr")
	if !strings.HasPrefix(link, "/launch/") {
		t.Fatalf("the button leads to %q\n%s", link, demo.err.String())
	}
	if to := next("GET", link); to != "/lookup/launch" {
		t.Errorf("the link leads to %q", to)
	}
	if to := next("GET", link); to != "" {
		t.Errorf("the link works twice, and leads to %q", to)
	}
	if to := next("GET", "/lookup/launch"); to != "/signin?next=%2Flookup%2Flaunch" {
		t.Errorf("without signing in it leads to %q", to)
	}
}
