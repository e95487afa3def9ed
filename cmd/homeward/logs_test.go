//go:build unix

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"homeward/nhs"
	"homeward/sim"
)

// personal lists what tells who the cast are, in the forms in which it is sent
// or shown. First names and streets are words of every day and are left out.
func personal() (out []string) {
	for _, part := range sim.Cast(nhs.DateOf(time.Now())) {
		p := part.Person
		out = append(out, p.Family, strings.ToUpper(p.Family), p.NHS.Digits(), p.NHS.Spaced(), p.Born.String(), strings.ReplaceAll(p.Born.String(), "-", ""),
			p.Postcode, p.Phone, strings.ReplaceAll(p.Phone, " ", ""))
	}
	return out
}

// within says which of the personal data stands in a text.
func within(text string) (found []string) {
	for _, s := range personal() {
		if s != "" && strings.Contains(text, s) {
			found = append(found, s)
		}
	}
	return found
}

// TestLogsHoldNoPersonalData runs a whole county against a site that logs all
// that it ever logs, does what makes it complain, and greps.
func TestLogsHoldNoPersonalData(t *testing.T) {
	if within("Mrs "+sim.Barbara(nhs.DateOf(time.Now())).Family) == nil {
		t.Fatal("the test would find nothing")
	}
	w := newWorld(t.TempDir(), os.Environ())
	defer w.close()
	if err := os.WriteFile(filepath.Join(w.dir, "site.toml"), []byte(siteTOML), 0o600); err != nil {
		t.Fatal(err)
	}
	add := exec.Command(os.Args[0], "user", "add", "nina", "--config", "site.toml", "--name", "Nina Brandt", "--role", "ae-nurse@RK5")
	add.Args[0], add.Dir, add.Stdin = "homeward", w.dir, strings.NewReader(demoPassword)
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	site, err := w.start("S", "serve", "--config", "site.toml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.start("P", "sim", "--mllp", site.feed, "--council", "extracts", "--speed", "50"); err != nil {
		t.Fatal(err)
	}
	demo, err := w.start("D", "demo", "--http", "127.0.0.1:0", "--mllp", "127.0.0.1:0", "--speed", "50")
	if err != nil {
		t.Fatal(err)
	}
	misbehave(t, w, demo)
	misbehave(t, w, site)
	err = until(30*time.Second, func() bool { return strings.Contains(site.err.String(), "extract read") })
	if err != nil {
		t.Fatalf("the site has read no extract:\n%s", site.err.String())
	}
	lived := func() bool { // the demo has read some hundred messages
		res, err := w.client.Get(demo.pages + "/metrics")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		return regexp.MustCompile(`messages_kept_total\{feed="kings-mill"\} [1-9]\d\d`).Match(b)
	}
	if err := until(30*time.Second, lived); err != nil {
		t.Fatalf("the demo has not read 100 messages:\n%s", demo.err.String())
	}
	for _, name := range []string{"P", "D", "S"} {
		if err := w.stop(name); err != nil {
			t.Error(err)
		}
		t.Logf("%s logged:\n%s", name, (w.procs[name].err.String()))
		if found := within(w.procs[name].err.String()); found != nil {
			t.Errorf("%s logs %q:\n%s", name, found, w.procs[name].err.String())
		}
	}
	if out := w.procs["S"].out.String(); out != "" {
		t.Errorf("serve prints %q", out)
	}
}

// misbehave looks people up, types names into the wrong fields, asks for
// addresses that hold numbers, and sends what cannot be read.
func misbehave(t *testing.T, w *world, demo *process) {
	t.Helper()
	b := sim.Barbara(nhs.DateOf(time.Now()))
	born := strings.Split(b.Born.String(), "-")
	look := func(day string) []string {
		return []string{"nhs=" + b.NHS.Digits(), "dob-day=" + day, "dob-month=" + born[1], "dob-year=" + born[0], "reason=other", "words=" + b.Family}
	}
	for _, c := range []struct {
		path   string
		fields []string
	}{
		{"/signin", []string{"login=" + b.Family, "password=" + b.NHS.Digits()}},
		{"/signin", []string{"login=nina", "password=" + demoPassword}},
		{"/lookup", look(born[2])},
		{"/lookup", look("31")},
		{"/lookup?nhs=" + b.NHS.Digits(), nil},
		{"/" + b.NHS.Digits() + "/" + b.Family, nil},
		{"/demo/do/barbara", nil},
		{"/demo/do/" + b.Family, nil},
		{"/demo/clock", []string{"at=" + b.NHS.Digits()}},
	} {
		res, err := w.post(demo.pages+c.path, c.fields...)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	for i, raw := range []string{
		b.Family + " " + b.NHS.Digits(),
		`MSH|^~\&|X|RK5|R|R|yesterday||ADT^A01|L1|P|2.4` + "\rPID|||" + b.NHS.Digits() + "^^^NHS^NH||" + b.Family + "\r",
		`MSH|^~\&|X|RK5|R|R|20260101||ADT^A03|L2|P|2.4` + "\rPID|1||1^^^RK5^MR||" + b.Family + "||" + b.Family + "\rPV1|1|" + b.Family + "\r",
	} {
		if err := sendRaw(demo.feed, raw); err != nil {
			t.Fatal(fmt.Errorf("message %d: %w", i, err))
		}
	}
}
