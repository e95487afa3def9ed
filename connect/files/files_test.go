package files

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"homeward/connect"
	"homeward/connect/connecttest"
	"homeward/internal/browser"
)

func open(t *testing.T, dir string, w Writing) *Files {
	t.Helper()
	f, err := New(Config{Dir: dir, Writing: w})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func made(t *testing.T, f *Files) connect.Message {
	t.Helper()
	m, err := f.Make(connecttest.Sample(connect.Refer, nil))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		out = append(out, e.Name())
	}
	return out
}

// The far sides of a folder: one that is there, one that is not, one that is not
// ours to write to, one where the name is taken.
func TestConnector(t *testing.T) {
	folder := func(prepare func(dir string)) func(*testing.T) connecttest.Side {
		return func(t *testing.T) connecttest.Side {
			dir := t.TempDir()
			prepare(dir)
			return connecttest.Side{Address: dir, Got: func() (out [][]byte) {
				list, _ := os.ReadDir(dir)
				for _, e := range list {
					b, _ := os.ReadFile(filepath.Join(dir, e.Name()))
					out = append(out, b)
				}
				return out
			}}
		}
	}
	connecttest.Run(t, connecttest.Suite{
		New: func(t *testing.T, address string) connect.Connector {
			return open(t, address, Writing{Format: JSON, Personal: true})
		},
		News: connecttest.Sample(connect.Refer, nil),
		Fars: []connecttest.Far{
			{Name: "a folder", Wants: []connecttest.Want{connecttest.Took, connecttest.Took}, Start: folder(func(string) {})},
			{Name: "no folder", Wants: []connecttest.Want{connecttest.Again}, Start: folder(func(dir string) { os.Remove(dir) })},
			{Name: "a file where the folder was", Wants: []connecttest.Want{connecttest.Again}, Start: folder(func(dir string) {
				os.Remove(dir)
				os.WriteFile(dir, nil, 0o600)
			})},
			{Name: "the name is taken", Wants: []connecttest.Want{connecttest.Refused}, Start: folder(func(dir string) {
				m, _ := Writing{Format: JSON}.Make(connecttest.Sample(connect.Refer, nil))
				os.WriteFile(filepath.Join(dir, Name(m)), []byte("something else"), 0o600)
			})},
		},
	})
}

func TestOnceAndWhole(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir, Writing{Format: CSV})
	m := made(t, f)
	var wg sync.WaitGroup
	again := make([]bool, 20)
	for i := range again {
		wg.Go(func() {
			r, err := f.Send(t.Context(), m)
			if err != nil {
				t.Error(err)
			}
			again[i] = r.Again
		})
	}
	wg.Wait()
	first := 0
	for _, a := range again {
		if !a {
			first++
		}
	}
	if got := names(t, dir); first != 1 || len(got) != 1 || got[0] != "20261124T104100Z-refer-5b0ad5b6-3c1c-5f3a-9a2e-0d4f6f1e7a01.csv" {
		t.Errorf("%d were the first, the folder has %v", first, got)
	}
	b, err := os.ReadFile(filepath.Join(dir, Name(m)))
	if err != nil || !bytes.Equal(b, m.Body) || !strings.HasPrefix(string(b), "key,correlation,") {
		t.Errorf("%q, %v", b, err)
	}
	if info, _ := os.Stat(filepath.Join(dir, Name(m))); info.Mode().Perm() != 0o640 {
		t.Errorf("the mode is %v", info.Mode())
	}
}

func TestFormats(t *testing.T) {
	fake := filepath.Join(t.TempDir(), "print.sh")
	if err := os.WriteFile(fake, []byte("#!/bin/sh\nprintf '%%PDF-1.7 ' > \"$2\"\nwc -c < \"$1\" >> \"$2\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		w      Writing
		suffix string
		begins string
	}{
		{Writing{Format: JSON}, ".json", `{"type":"homeward.refer"`},
		{Writing{Format: HTML}, ".html", "<!DOCTYPE html>"},
		{Writing{Format: PDF}, ".html", "<!DOCTYPE html>"},
		{Writing{Format: PDF, PDF: []string{fake, "{in}", "{out}"}}, ".pdf", "%PDF-"},
	} {
		dir := t.TempDir()
		f := open(t, dir, c.w)
		m := made(t, f)
		for range 2 {
			if _, err := f.Send(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
		got := names(t, dir)
		if len(got) != 1 || !strings.HasSuffix(got[0], c.suffix) {
			t.Fatalf("%s: %v", c.w.Format, got)
		}
		if b, _ := os.ReadFile(filepath.Join(dir, got[0])); !strings.HasPrefix(string(b), c.begins) {
			t.Errorf("%s begins %.20q", c.w.Format, b)
		}
	}
}

func TestPrintingThatFailsIsTriedAgain(t *testing.T) {
	for name, command := range map[string][]string{
		"ends badly": {"/bin/sh", "-c", "echo " + connecttest.Personal[0] + " >&2; exit 3", "{in}", "{out}"},
		"no PDF":     {"/bin/cp", "{in}", "{out}"},
		"nothing":    {"/bin/true", "{in}", "{out}"},
		"not there":  {"/no/such/command", "{in}", "{out}"},
		"hangs":      {"/bin/sh", "-c", "sleep 60", "{in}", "{out}"},
	} {
		dir := t.TempDir()
		f := open(t, dir, Writing{Format: PDF, PDF: command, Timeout: 200 * time.Millisecond})
		_, err := f.Send(t.Context(), made(t, f))
		var refused *connect.Refused
		if err == nil || errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), connecttest.Personal[0]) {
			t.Errorf("%s is quoted: %v", name, err)
		}
		if got := names(t, dir); len(got) != 0 {
			t.Errorf("%s: the folder has %v", name, got)
		}
	}
}

func TestNewSaysWhatIsWrong(t *testing.T) {
	for want, c := range map[string]Config{
		"need a folder": {Writing: Writing{Format: JSON}},
		"cannot be":     {Dir: "x", Writing: Writing{Format: "doc"}},
		"{in} and":      {Dir: "x", Writing: Writing{Format: PDF, PDF: []string{"chromium"}}},
	} {
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestNamesStayInTheFolder(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir, Writing{Format: JSON})
	m := made(t, f)
	m.Head[headName] = "../../outside.json"
	if _, err := f.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); len(got) != 1 || got[0] != "outside.json" || !json.Valid(m.Body) {
		t.Errorf("%v", got)
	}
}

// A real browser prints what the documents tell to configure.
func TestChromiumPrints(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes its time")
	}
	chromium, err := browser.Find()
	switch {
	case err == nil:
	case os.Getenv("HOMEWARD_CI") != "1":
		t.Skipf("not run without a browser: %v", err)
	default:
		t.Fatal(err)
	}
	dir := t.TempDir()
	f := open(t, dir, Writing{Format: PDF, Personal: true, PDF: []string{chromium, "--headless", "--no-sandbox", "--no-pdf-header-footer", "--print-to-pdf={out}", "{in}"}})
	if _, err := f.Send(t.Context(), made(t, f)); err != nil {
		t.Fatal(err)
	}
	got := names(t, dir)
	if len(got) != 1 || !strings.HasSuffix(got[0], ".pdf") {
		t.Fatalf("%v", got)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, got[0])); len(b) < 5000 {
		t.Errorf("the PDF has %d octets", len(b))
	}
}
