package translate

import (
	"bytes"
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/care"
	"homeward/hl7"
	"homeward/nhs"
)

var update = flag.Bool("update", false, "write the golden observations again")

// received is when every sample arrived: 24-Nov-2026 15:00 in England.
var received = time.Date(2026, 11, 24, 15, 0, 0, 0, time.UTC)

func london(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// profile is that of the pretend hospital whose samples these are.
func profile(t testing.TB) Profile {
	return Profile{
		Feed: "kmh", Title: "King's Mill EPR", Org: "RK5", Zone: london(t),
		Wards:           map[string]string{"W12": "Ward 12", "W31": "Ward 31"},
		DischargeMethod: "ZU1-30",
	}
}

// samples are the paths of all sample messages.
func samples(t testing.TB) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir("testdata", func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".hl7") {
			out = append(out, path)
		}
		return err
	})
	if err != nil || len(out) == 0 {
		t.Fatalf("finding samples: %v, %d found", err, len(out))
	}
	return out
}

func sample(t testing.TB, path string) hl7.Message {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := hl7.Parse(raw)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return m
}

func TestSamples(t *testing.T) {
	for _, path := range samples(t) {
		t.Run(strings.TrimPrefix(path, "testdata/"), func(t *testing.T) {
			r := ADT(sample(t, path), profile(t), received)
			oneOfThree(t, r)
			got, golden := plain(t, r), strings.TrimSuffix(path, ".hl7")+".json"
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("%v (run go test ./translate -update, and read what it wrote)", err)
			}
			if d := cmp.Diff(string(want), string(got)); d != "" {
				t.Errorf("not what %s says (-want +got):\n%s", golden, d)
			}
		})
	}
}

// TestEveryEventHasASample demands a sample with observations for every row of
// the table, and no folder for an event that is not in it.
func TestEveryEventHasASample(t *testing.T) {
	for event := range Events() {
		found, _ := filepath.Glob(filepath.Join("testdata", event, "*.hl7"))
		if len(found) == 0 {
			t.Errorf("event %s has no sample in testdata/%s", event, event)
		}
		for _, path := range found {
			m := sample(t, path)
			if h := m.Header(); h.Trigger != event {
				t.Errorf("%s is of event %s", path, h.Trigger)
			}
			if r := ADT(m, profile(t), received); len(r.Observations) == 0 {
				t.Errorf("%s gives no observation: %s%s", path, r.Hold, r.Ignore)
			}
		}
	}
	dirs, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		if _, ok := adt[d.Name()]; !ok && !slices.Contains([]string{"held", "ignored", "fuzz"}, d.Name()) {
			t.Errorf("testdata/%s is not an event of the table", d.Name())
		}
	}
}

func TestHeldAndIgnored(t *testing.T) {
	for _, path := range samples(t) {
		r := ADT(sample(t, path), profile(t), received)
		switch filepath.Base(filepath.Dir(path)) {
		case "held":
			field, mend, ok := strings.Cut(r.Hold, ": ")
			if !ok || !CheckPath(field) && len(field) != 3 || mend == "" {
				t.Errorf("%s: hold %q does not name the field and the mend", path, r.Hold)
			}
		case "ignored":
			if r.Ignore == "" {
				t.Errorf("%s is not ignored: %+v", path, r.Hold)
			}
		}
	}
}

// oneOfThree demands what Result promises, and that each observation is whole.
func oneOfThree(t testing.TB, r Result) {
	t.Helper()
	set := 0
	for _, is := range []bool{len(r.Observations) > 0, r.Hold != "", r.Ignore != ""} {
		if is {
			set++
		}
	}
	if set != 1 {
		t.Fatalf("%d of observations, hold and ignore are set: %d observations, %q, %q", set, len(r.Observations), r.Hold, r.Ignore)
	}
	for _, o := range r.Observations {
		kinds := 0
		for _, is := range []bool{o.Seen != nil, o.Left != nil, o.Undone != nil, o.Joined != nil, o.Planned != nil, o.Holds != nil} {
			if is {
				kinds++
			}
		}
		if kinds != 1 {
			t.Fatalf("%s gives an observation of %d kinds", o.Event, kinds)
		}
		if o.At.IsZero() || o.Said.IsZero() || o.At.Location() != time.UTC || o.Source.Feed == "" {
			t.Fatalf("%s gives an observation without time or source: %v %v", o.Event, o.At, o.Said)
		}
		if len(o.About.IDs) == 0 && o.About.NHS.IsZero() {
			t.Fatalf("%s gives an observation about nobody", o.Event)
		}
	}
}

// plain is a result as JSON without what is empty, and with each observation in
// words. A field with Told and no Value is one that is deleted.
func plain(t *testing.T, r Result) []byte {
	t.Helper()
	var lines []string
	for _, o := range r.Observations {
		lines = append(lines, Describe(o, london(t)))
	}
	raw, err := json.Marshal(struct {
		Result
		Says []string
	}{r, lines})
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	v, _ = prune(v)
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// prune leaves out what is empty, but keeps one of an observation's kinds that
// says nothing more than that it is there.
func prune(v any) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if kind := x != nil && slices.Contains([]string{"Seen", "Left", "Undone", "Joined", "Planned"}, k); kind {
				v[k], _ = prune(x)
			} else if p, keep := prune(x); keep {
				v[k] = p
			} else {
				delete(v, k)
			}
		}
		return v, len(v) > 0
	case []any:
		for i := range v {
			v[i], _ = prune(v[i])
		}
		return v, len(v) > 0
	case string:
		return v, v != "" && v != "0001-01-01T00:00:00Z"
	case bool:
		return v, v
	}
	return v, v != nil
}

// set puts a value into a field of every segment of that name; the segment is
// added when it is not there. It knows nothing of escapes.
func set(raw []byte, seg string, field int, value string) []byte {
	sep := string(raw[bytes.Index(raw, []byte("MSH"))+3])
	segs := strings.FieldsFunc(string(raw), func(r rune) bool { return r == '\r' || r == '\n' })
	if !slices.ContainsFunc(segs, func(s string) bool { return strings.HasPrefix(s, seg) }) {
		segs = append(segs, seg)
	}
	if seg == "MSH" {
		field-- // MSH-1 is the separator itself
	}
	for i, s := range segs {
		if !strings.HasPrefix(s, seg) {
			continue
		}
		parts := strings.Split(s, sep)
		for len(parts) <= field {
			parts = append(parts, "")
		}
		parts[field] = value
		segs[i] = strings.Join(parts, sep)
	}
	return []byte(strings.Join(segs, "\r") + "\r")
}

// spoil are ways to make a message be held or noted, each with a person's name
// where a code or time should be, and what some senders get wrong.
var spoil = map[string]func(raw []byte, name string) []byte{
	"as it is":         func(raw []byte, _ string) []byte { return raw },
	"event":            func(raw []byte, n string) []byte { return set(set(raw, "MSH", 9, "ADT^"+n), "EVN", 1, n) },
	"short event":      func(raw []byte, n string) []byte { return set(raw, "MSH", 9, "ADT^"+n[:3]) },
	"type":             func(raw []byte, n string) []byte { return set(raw, "MSH", 9, n) },
	"charset":          func(raw []byte, n string) []byte { return set(set(raw, "MSH", 18, "ASCII"), "PID", 9, n+"\xe9") },
	"charset is words": func(raw []byte, n string) []byte { return set(raw, "MSH", 18, n) },
	"recorded":         func(raw []byte, n string) []byte { return set(raw, "EVN", 2, n) },
	"occurred":         func(raw []byte, n string) []byte { return set(raw, "EVN", 6, n) },
	"planned":          func(raw []byte, n string) []byte { return set(raw, "EVN", 3, n) },
	"sent":             func(raw []byte, n string) []byte { return set(set(raw, "EVN", 2, ""), "MSH", 7, n) },
	"no person":        func(raw []byte, _ string) []byte { return bytes.ReplaceAll(raw, []byte("PID"), []byte("PIX")) },
	"no number":        func(raw []byte, _ string) []byte { return set(raw, "PID", 3, "") },
	"NHS number":       func(raw []byte, n string) []byte { return set(raw, "PID", 3, n+"^^^NHS^NH") },
	"born":             func(raw []byte, n string) []byte { return set(raw, "PID", 7, n) },
	"born in a year":   func(raw []byte, n string) []byte { return set(raw, "PID", 7, "1937") },
	"sex":              func(raw []byte, n string) []byte { return set(raw, "PID", 8, n) },
	"died":             func(raw []byte, n string) []byte { return set(set(raw, "PID", 29, n), "PID", 30, "") },
	"surely died":      func(raw []byte, n string) []byte { return set(set(raw, "PID", 29, n), "PID", 30, "Y") },
	"alive and died":   func(raw []byte, n string) []byte { return set(set(raw, "PID", 29, n), "PID", 30, "N") },
	"admitted":         func(raw []byte, n string) []byte { return set(raw, "PV1", 44, n) },
	"left":             func(raw []byte, n string) []byte { return set(raw, "PV1", 45, n) },
	"expected":         func(raw []byte, n string) []byte { return set(raw, "PV2", 9, n) },
	"admission":        func(raw []byte, n string) []byte { return set(raw, "PV2", 8, n) },
	"fit":              func(raw []byte, n string) []byte { return set(raw, "ZU1", 22, n) },
	"ready":            func(raw []byte, n string) []byte { return set(raw, "ZU1", 24, n) },
	"given up":         func(raw []byte, n string) []byte { return set(raw, "MRG", 1, "") },
	"two people":       func(raw []byte, n string) []byte { return append(bytes.Clone(raw), "PID|1||"+n+"\r"...) },
}

// TestReasonsHoldNoPersonalData spoils every sample in every way and looks for
// the person in what is said about it.
func TestReasonsHoldNoPersonalData(t *testing.T) {
	const name = "Winterbourne"
	held := map[string]bool{}
	for _, path := range samples(t) {
		raw := sample(t, path).Raw()
		raw = set(set(raw, "PID", 5, name+"^Perpetua"), "PID", 11, "77 Lapwing Lane^^^^NG99 9XX")
		raw = set(set(set(raw, "PID", 13, "01632 960777"), "PID", 7, "19370317"), "PID", 3, nhs.Test(4242).Digits()+"^^^NHS^NH~8675309^^^RK5^MR")
		personal := []string{name, "Perpetua", "Lapwing", "NG99", "960777", "1937", nhs.Test(4242).Digits(), "8675309", "Win", "WIN"}
		for way, f := range spoil {
			m, err := hl7.Parse(f(raw, name))
			if err != nil {
				continue
			}
			r := ADT(m, profile(t), received)
			oneOfThree(t, r)
			said := append([]string{r.Hold, r.Ignore}, r.Notes...)
			for _, o := range r.Observations {
				said = append(said, Describe(o, time.UTC))
			}
			for _, p := range personal {
				if i := slices.IndexFunc(said, func(s string) bool { return strings.Contains(s, p) }); i >= 0 {
					t.Errorf("%s, %s: personal data in %q", path, way, said[i])
				}
			}
			held[way] = held[way] || r.Hold != "" && !strings.HasPrefix(path, "testdata/held")
		}
	}
	for _, way := range []string{"event", "charset", "recorded", "occurred", "no person", "no number", "born", "died", "admitted", "fit", "ready", "given up", "two people"} {
		if !held[way] {
			t.Errorf("no message that is spoilt in %q is held: the test looks at nothing", way)
		}
	}
}

func FuzzADT(f *testing.F) {
	for _, path := range samples(f) {
		f.Add([]byte(sample(f, path).Raw()))
	}
	p := profile(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := hl7.Parse(raw)
		if err != nil {
			return
		}
		r := ADT(m, p, received)
		oneOfThree(t, r)
		for _, o := range r.Observations {
			if o.At.After(received.Add(ahead)) || o.Said.After(received.Add(ahead)) {
				t.Errorf("a time ahead of our clock: %v %v", o.At, o.Said)
			}
			if o.Left != nil && o.Left.Leaving.At.After(received.Add(ahead)) {
				t.Errorf("a leaving ahead of our clock: %v", o.Left.Leaving.At)
			}
			if s := Describe(o, p.Zone); strings.ContainsAny(s, "\r\n") {
				t.Errorf("more than one line: %q", s)
			}
		}
	})
}

func BenchmarkADT(b *testing.B) {
	m := sample(b, "testdata/A08/v24-ready.hl7")
	raw := m.Raw()
	for len(raw) < 1000 {
		raw = append(bytes.Clone(raw), "\rZZZ|"+strings.Repeat("x", 1000-len(raw))...)
	}
	p := profile(b)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	var r Result
	for b.Loop() {
		m, err := hl7.Parse(raw)
		if err != nil {
			b.Fatal(err)
		}
		r = ADT(m, p, received)
	}
	if len(r.Observations) != 1 || r.Observations[0].Seen.Where.Value != (care.Location{Ward: "W12", Name: "Ward 12", Bay: "BAY2", Bed: "04", Site: "RK5"}) {
		b.Fatalf("the message was not read: %+v", r)
	}
}
