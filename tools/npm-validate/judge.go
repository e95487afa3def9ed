// Package judge asks programs that others wrote whether what Homeward writes is
// right: the npm packages fhir (validator and converter for R4) and fhirpath. It
// serves tests only, is no part of the product, and installs the packages, pinned,
// into the user's cache the first time.
package judge

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

//go:embed package.json
var packages []byte

//go:embed package-lock.json
var lock []byte

//go:embed judge.mjs
var script []byte

// Judge is one node process. Its methods fail the test that made it when the
// process breaks.
type Judge struct {
	t   testing.TB
	mu  sync.Mutex
	in  io.WriteCloser
	out *bufio.Reader
}

// New starts the judge; it ends with the test. Without node or npm the test is
// skipped, or fails under HOMEWARD_CI=1.
func New(t testing.TB) *Judge {
	t.Helper()
	dir, err := install()
	if err != nil {
		if os.Getenv("HOMEWARD_CI") == "1" {
			t.Fatal(err)
		}
		t.Skipf("not run without its judge: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "node", filepath.Join(dir, "judge.mjs"))
	cmd.Env = append(os.Environ(), "HOMEWARD_NPM="+dir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cancel()
		_ = cmd.Wait() // it is ended by us
	})
	return &Judge{t: t, in: in, out: bufio.NewReaderSize(out, 1<<20)}
}

// install puts the packages into ~/.cache/homeward/npm, as package-lock.json pins them.
func install() (string, error) {
	if _, err := exec.LookPath("node"); err != nil {
		return "", errors.New("node is missing: install node 20 or later")
	}
	if _, err := exec.LookPath("npm"); err != nil {
		return "", errors.New("npm is missing: install npm")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "homeward", "npm")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	had, _ := os.ReadFile(filepath.Join(dir, "installed"))
	if string(had) != string(lock) {
		if err := npm(dir); err != nil {
			return "", err
		}
	}
	return dir, write(dir, "judge.mjs", script)
}

func npm(dir string) error {
	if err := write(dir, "package.json", packages); err != nil {
		return err
	}
	if err := write(dir, "package-lock.json", lock); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	return write(dir, "installed", lock)
}

// write replaces a file in one step: two tests may do so at once.
func write(dir, name string, b []byte) error {
	f, err := os.CreateTemp(dir, name)
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.Write(b); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(dir, name))
}

// Ask sends one request and reads the answer into answer; what the judge could not
// do is the error.
func (j *Judge) Ask(request, answer any) error {
	j.t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	b, err := json.Marshal(request)
	if err != nil {
		j.t.Fatal(err)
	}
	if _, err := j.in.Write(append(b, '\n')); err != nil {
		j.t.Fatalf("asking the judge: %v", err)
	}
	line, err := j.out.ReadBytes('\n')
	if err != nil {
		j.t.Fatalf("hearing the judge: %v", err)
	}
	var failed struct{ Error string }
	if err := json.Unmarshal(line, &failed); err != nil {
		j.t.Fatalf("reading the judge's answer: %v", err)
	}
	if failed.Error != "" {
		return errors.New(failed.Error)
	}
	return json.Unmarshal(line, answer)
}

// Message is one thing that the validator says.
type Message struct{ Severity, Location, Message string }

// Validate asks whether a resource, as JSON, is valid R4.
func (j *Judge) Validate(resource []byte) (messages []Message, err error) {
	var a struct{ Messages []Message }
	err = j.Ask(map[string]any{"do": "validate", "resource": json.RawMessage(resource)}, &a)
	return a.Messages, err
}

// Path asks what an expression finds in a resource, each value as JSON.
func (j *Judge) Path(expression string, resource []byte) (found []json.RawMessage, err error) {
	var a struct{ Found []json.RawMessage }
	err = j.Ask(map[string]any{"do": "path", "expression": expression, "resource": json.RawMessage(resource), "model": true}, &a)
	return a.Found, err
}

// ToXML has a resource written as XML.
func (j *Judge) ToXML(resource []byte) (string, error) {
	var a struct{ XML string }
	err := j.Ask(map[string]any{"do": "xml", "resource": json.RawMessage(resource)}, &a)
	return a.XML, err
}

// FromXML has XML read.
func (j *Judge) FromXML(xml string) ([]byte, error) {
	var a struct{ Resource json.RawMessage }
	err := j.Ask(map[string]any{"do": "json", "xml": xml}, &a)
	return a.Resource, err
}
