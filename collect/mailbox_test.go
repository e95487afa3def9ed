package collect

import (
	"archive/zip"
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"homeward/mesh"
	"homeward/sim/meshd"
)

func zipped(t *testing.T, dir string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	if err := z.AddFS(os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func mailbox(t *testing.T) (*Mailbox, *meshd.Service, func(workflow, from string, body []byte) string) {
	t.Helper()
	d := meshd.New(meshd.Config{SharedKey: "shared", Mailboxes: []meshd.Mailbox{{ID: "HW001", Password: "p"}, {ID: "CN511", Password: "q"}}})
	srv := httptest.NewServer(d)
	t.Cleanup(srv.Close)
	c, err := mesh.New(mesh.Config{URL: srv.URL, Mailbox: "HW001", Password: "p", SharedKey: "shared", HTTP: http.DefaultClient})
	if err != nil {
		t.Fatal(err)
	}
	put := func(workflow, from string, body []byte) string {
		half := len(body) / 2
		return d.Put(meshd.Message{From: from, To: "HW001", Workflow: workflow, FileName: "extract.zip", Chunks: [][]byte{body[:half], body[half:]}})
	}
	return &Mailbox{Client: c, Folder: Folder{t.TempDir()}, Council: "511", From: "CN511", Workflow: "HOMEWARD_EXTRACT"}, d, put
}

func status(t *testing.T, d *meshd.Service, id string) string {
	t.Helper()
	for _, m := range d.Messages() {
		if m.ID == id {
			return m.Status
		}
	}
	t.Fatal("the message is gone")
	return ""
}

func TestMailboxTakesExtracts(t *testing.T) {
	m, d, put := mailbox(t)
	dir := t.TempDir()
	body := zipped(t, filepath.Join(dir, deliver(t, dir, noon)))
	other, stranger, bad := put("SOMETHING_ELSE", "CN511", body), put("HOMEWARD_EXTRACT", "HW001", body), put("HOMEWARD_EXTRACT", "CN511", []byte("no zip at all"))
	id := put("HOMEWARD_EXTRACT", "CN511", body)
	got, err := m.Bring(t.Context())
	if err == nil || !strings.Contains(err.Error(), "not a ZIP file") {
		t.Errorf("the one that cannot be read: %v", err)
	}
	if len(got.Extracts) != 1 || !strings.HasPrefix(got.Extracts[0], "511-20260302T120000Z-") {
		t.Fatalf("%+v", got)
	}
	if people, problems, _ := loaded(t, filepath.Join(m.Folder.Dir, got.Extracts[0])); len(people) < 190 || len(problems) > 0 {
		t.Errorf("%d people %v", len(people), problems)
	}
	for which, want := range map[string]string{id: "acknowledged", other: "accepted", stranger: "accepted", bad: "accepted"} {
		if s := status(t, d, which); s != want {
			t.Errorf("%s is %s, want %s", which, s, want)
		}
	}
	if got, _ = m.Bring(t.Context()); len(got.Extracts) != 0 {
		t.Errorf("taken again: %+v", got)
	}
}

// What fails on the way is had the next time, once.
func TestMailboxLosesNothing(t *testing.T) {
	for name, f := range map[string]meshd.Fault{
		"the list": {Path: "/inbox", Status: 500, Times: 1}, "a chunk": {Path: "/2", Status: 502, Times: 1}, "busy": {Path: "/inbox", Status: 429, Wait: 60, Times: 1},
		"acknowledging": {Path: "/acknowledged", Status: 503, Times: 1}, "the answer to it": {Path: "/acknowledged", After: true, Times: 1}, "the handshake": {Path: "/HW001", Times: 1},
	} {
		t.Run(name, func(t *testing.T) {
			m, d, put := mailbox(t)
			dir := t.TempDir()
			id := put("HOMEWARD_EXTRACT", "CN511", zipped(t, filepath.Join(dir, deliver(t, dir, noon))))
			d.Break(f)
			_, err := m.Bring(t.Context())
			if err == nil {
				t.Fatal("nothing was said")
			}
			if said, wait := Say(err); strings.Contains(said, "511") || (name == "busy") != (wait > 0) {
				t.Errorf("said %q, waits %s", said, wait)
			}
			if _, err := m.Bring(t.Context()); err != nil {
				t.Fatal(err)
			}
			n := 0
			for line := range strings.Lines(names(t, m.Folder.Dir)) {
				if strings.HasPrefix(line, "511-") {
					n++
				}
			}
			if s := status(t, d, id); n != 1 || s != "acknowledged" {
				t.Errorf("%d extracts, the message is %s", n, s)
			}
		})
	}
}

// A message that cannot be unpacked, whoever sent it, holds up none that comes after.
func TestMailboxGoesOnAfterWhatIsSpoilt(t *testing.T) {
	for _, from := range []string{"CN511", "HW001"} {
		m, d, put := mailbox(t)
		spoilt := d.Put(meshd.Message{From: from, To: "HW001", Workflow: "HOMEWARD_EXTRACT", Encoding: "gzip", Chunks: [][]byte{[]byte("not gzip at all")}})
		dir := t.TempDir()
		id := put("HOMEWARD_EXTRACT", "CN511", zipped(t, filepath.Join(dir, deliver(t, dir, noon))))
		got, err := m.Bring(t.Context())
		if err == nil || !strings.Contains(err.Error(), "cannot be read") || len(got.Extracts) != 1 {
			t.Errorf("%s: %+v %v", from, got, err)
		}
		if a, b := status(t, d, spoilt), status(t, d, id); a != "accepted" || b != "acknowledged" {
			t.Errorf("%s: %s and %s", from, a, b)
		}
	}
}
