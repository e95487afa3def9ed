//go:build unix

package main

import (
	"bufio"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"homeward/mllp"
)

// TestTooLongLeavesARecord sends a message over the limit to a running site: it
// is refused, counted, kept in part, and does not make the feed fresh.
func TestTooLongLeavesARecord(t *testing.T) {
	w := newWorld(t.TempDir(), os.Environ())
	defer w.close()
	if err := os.WriteFile(filepath.Join(w.dir, "site.toml"), []byte(siteTOML), 0o600); err != nil {
		t.Fatal(err)
	}
	site, err := w.start("S", "serve", "--config", "site.toml")
	if err != nil {
		t.Fatal(err)
	}
	nc, err := net.Dial("tcp", site.feed)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	long := `MSH|^~\&|X|RK5|R|R|20261124120000||ADT^A01|LONG|P|2.4` + "\rPID|||1^^^RK5^MR||" + strings.Repeat("x", 5<<20) + "\r"
	if err := mllp.WriteFrame(nc, []byte(long)); err != nil {
		t.Fatal(err)
	}
	ack, err := mllp.ReadFrame(bufio.NewReader(nc), 1<<20)
	if err != nil || !strings.Contains(string(ack), "MSA|AR|LONG|the message is larger than 1024 KB") {
		t.Fatalf("answered %q, %v", ack, err)
	}
	res, err := w.client.Get(site.pages + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || !regexp.MustCompile(`homeward_messages_unreadable\{[^}]*\} 1\n`).Match(b) || strings.Contains(string(b), "homeward_feed_heard_timestamp_seconds{") {
		t.Errorf("the metrics say %v\n%s", err, regexp.MustCompile(`(?m)^homeward_.*$`).FindAll(b, -1))
	}
}
