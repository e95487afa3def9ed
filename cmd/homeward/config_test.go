package main

import (
	"bytes"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write testdata/keys.txt anew")

func TestDurationsAreReadable(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 30 * time.Second: "30s", 90 * time.Second: "1m30s", time.Minute: "1m", 10 * time.Minute: "10m", 15 * time.Minute: "15m",
		time.Hour: "1h", 70 * time.Minute: "1h10m", 10 * time.Hour: "10h", 26 * time.Hour: "26h", time.Hour + 10*time.Second: "1h0m10s",
		100 * time.Hour: "100h", 20*time.Minute + 20*time.Second: "20m20s", 1500 * time.Millisecond: "1.5s",
	} {
		if got, err := (Duration{d}).MarshalText(); err != nil || string(got) != want {
			t.Errorf("%s is written as %s (%v), want %s", d, got, err, want)
		}
	}
}

func TestDurationsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := Duration{time.Duration(rapid.Int64Range(0, int64(1000*time.Hour)).Draw(t, "d")).Truncate(rapid.SampledFrom([]time.Duration{1, time.Second, time.Minute, time.Hour}).Draw(t, "unit"))}
		b, err := in.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var out Duration
		if err := out.UnmarshalText(b); err != nil || out != in {
			t.Fatalf("%s was written as %s and read as %s (%v)", in.Duration, b, out.Duration, err)
		}
	})
}

// keysOf lists every key of the configuration with its explanation.
func keysOf(t reflect.Type, prefix string) (out []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		key := prefix + f.Tag.Get("toml")
		out = append(out, key+"\t"+f.Tag.Get("doc"))
		inner := f.Type
		if inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct && inner != reflect.TypeFor[Duration]() {
			out = append(out, keysOf(inner, key+".")...)
		}
	}
	return out
}

// TestKeys keeps the keys as they were released: to rename or to drop one
// breaks the files of those who run Homeward. Write it anew with -update.
func TestKeys(t *testing.T) {
	var names []string
	for _, k := range keysOf(reflect.TypeFor[Config](), "") {
		name, doc, _ := strings.Cut(k, "\t")
		if doc == "" || strings.HasSuffix(name, ".") {
			t.Errorf("key %q has no explanation", name)
		}
		names = append(names, name)
	}
	got := strings.Join(names, "\n") + "\n"
	if *update {
		if err := os.WriteFile("testdata/keys.txt", []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/keys.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

func TestPrintedConfigIsReadAsTheDefaults(t *testing.T) {
	var b bytes.Buffer
	if err := printConfig(&b, example()); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "homeward.toml")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := readConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	want := example()
	want.relativeTo(dir)
	want.Feeds[0].Sensitive = []string{} // written as an empty list
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if want.Limits != defaults().Limits || want.HTTP != defaults().HTTP || want.Zone != defaults().Zone {
		t.Error("the example does not have the defaults")
	}

	// Every key is there, and below a comment the first time.
	text := b.String()
	for _, k := range keysOf(reflect.TypeFor[Config](), "") {
		name, doc, _ := strings.Cut(k, "\t")
		last := name[strings.LastIndex(name, ".")+1:]
		if !strings.Contains(text, "\n# "+doc+"\n"+last+" = ") && !strings.Contains(text, "\n# "+doc+"\n["+name+"]\n") && !strings.Contains(text, "\n# "+doc+"\n[["+name+"]]\n") {
			t.Errorf("%s is not printed below its explanation", name)
		}
	}
}

const leastTOML = "[[organisation]]\nods = \"RK5\"\nkind = \"trust\"\n[[organisation]]\nods = \"511\"\nkind = \"council\"\n"

func read(t *testing.T, text string) (Config, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "homeward.toml")
	if err := os.WriteFile(file, []byte(leastTOML+text), 0o600); err != nil {
		t.Fatal(err)
	}
	return readConfig(file)
}

// TestWrittenZeros: what is written counts, and what is not has the default.
func TestWrittenZeros(t *testing.T) {
	c, err := read(t, "[[council]]\nname = \"a\"\nods = \"511\"\nstop_share = 0\n[[feed]]\nname = \"f\"\norg = \"RK5\"\nlisten = \"h:1\"\nsensitive = []\n"+
		"[[feed]]\nname = \"g\"\norg = \"RK5\"\nlisten = \"h:2\"\nfit_yes = [\"A\", \"B\"]\nmax_message_kb = 7\n")
	if err != nil {
		t.Fatal(err)
	}
	if c.Councils[0].StopShare != 0 || stopShare(0) >= 0 || stopShare(5) != 5 {
		t.Errorf("stop_share = 0 is read as %d and given to the hub as %d", c.Councils[0].StopShare, stopShare(0))
	}
	if c.Councils[0].QuietNight.Duration != 26*time.Hour {
		t.Errorf("quiet_night is %s", c.Councils[0].QuietNight.Duration)
	}
	want := feedDefaults()
	want.Name, want.Org, want.Listen, want.Sensitive = "f", "RK5", "h:1", []string{}
	if diff := cmp.Diff(want, c.Feeds[0]); diff != "" {
		t.Error(diff)
	}
	want = feedDefaults()
	want.Name, want.Org, want.Listen, want.FitYes, want.MaxMessageKB = "g", "RK5", "h:2", []string{"A", "B"}, 7
	if diff := cmp.Diff(want, c.Feeds[1]); diff != "" {
		t.Error(diff)
	}
	// An empty list must not make every record an ordinary one.
	if p := c.Feeds[0].feed(time.UTC).Profile; p.SensitiveCodes != nil {
		t.Error("sensitive = [] gives codes: no record would be sensitive")
	}
}

func TestRefusedConfigs(t *testing.T) {
	feed := "[[feed]]\nname = \"f\"\norg = \"RK5\"\nlisten = \"h:1\"\n"
	for text, want := range map[string]string{
		"[limits]\nidle = \"0s\"\n":                                 "idle must be more than 0",
		"[limits]\nattempts = -1\n":                                 "attempts must be more than 0",
		"[limits]\nidle = 10\n":                                     "idle",
		feed + "max_message_kb = 0\n":                               "max_message_kb must be more than 0",
		feed + "quiet_day = \"0s\"\n":                               "quiet_day",
		feed + "tls_key = \"k\"\n":                                  "tls_cert and tls_key",
		feed + "[feed.authorities]\nA = \"x\"":                      "authorities: A",
		"[[feed]]\nname = \"f\"\n":                                  "name and listen",
		"[[feed]]\nname = \"f\"\norg = \"511\"\nlisten = \"h:1\"\n": "of kind trust",
		"[[feed]]\nname = \"f\"\norg = \"RK5\"\nlisten = \"h\"\n":   "listen must be host:port",
		"[[council]]\nname = \"c\"\nods = \"RK5\"\n":                "of kind council",
		"[[council]]\nname = \"c\"\nods = \"511\"\n[[council]]\nname = \"c\"\nods = \"511\"\n": "twice",
		"[[organisation]]\nods = \"RK5\"\nkind = \"trust\"\n":                                  "RK5 stands twice",
		"[[organisation]]\nods = \"rx1\"\nkind = \"trust\"\n":                                  "written as RX1",
		"[[organisation]]\nods = \"RX1\"\nkind = \"club\"\n":                                   "kind must be",
	} {
		if _, err := read(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is answered with %v, want %q", text, err, want)
		}
	}
}

func TestForwardedForIsTheProxysWord(t *testing.T) {
	for _, c := range []struct {
		headers []string
		want    string
	}{
		{nil, "10.0.0.1"}, {[]string{"192.0.2.7"}, "192.0.2.7"}, {[]string{"6.6.6.6, 192.0.2.7"}, "192.0.2.7"},
		{[]string{"6.6.6.6", "192.0.2.7"}, "192.0.2.7"}, {[]string{"6.6.6.6,"}, "10.0.0.1"},
	} {
		r := &http.Request{Header: http.Header{"X-Forwarded-For": c.headers}, RemoteAddr: "10.0.0.1:4711"}
		if got := forwardedFor(r); got != c.want {
			t.Errorf("%q gives %s, want %s", c.headers, got, c.want)
		}
	}
}

func TestLoopback(t *testing.T) {
	for addr, want := range map[string]bool{"127.0.0.1:1": true, "[::1]:1": true, "localhost:1": true, "0.0.0.0:1": false, "[::]:1": false, ":1": false, "192.0.2.7:1": false} {
		if got := loopback(addr); got != want {
			t.Errorf("loopback(%s) = %v", addr, got)
		}
	}
}
