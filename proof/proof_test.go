package proof

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

// book is a log in memory.
type book struct {
	edge    Edge
	records []Record
	stored  []tlog.Hash
	signer  note.Signer
	public  string
	v       note.Verifier
}

func newBook(t testing.TB, n int) *book {
	t.Helper()
	key, public, err := NewKey(rand.Reader, "homeward.test")
	if err != nil {
		t.Fatal(err)
	}
	b := &book{public: public}
	var again string
	if b.signer, again, err = Signer(key + "\n"); err != nil || again != public {
		t.Fatalf("%q is not %q: %v", again, public, err)
	}
	if b.v, err = Verifier(public); err != nil {
		t.Fatal(err)
	}
	for range n {
		b.add()
	}
	return b
}

func (b *book) add() {
	n := b.edge.Size
	r := Record{N: n, Salt: fmt.Appendf(nil, "salt-%011d", n), Text: fmt.Sprintf(`{"action":"look","n":%d}`, n)}
	if n%7 == 3 {
		r.Text = fmt.Sprintf(`{"action":"look","case":"c%d"}`, n)
	}
	if n%7 == 4 { // the one before it is erased, and this record tells so
		last := &b.records[n-1]
		last.Salt, last.Text, last.Erased = nil, "", json.RawMessage(fmt.Sprintf(`{"action":"look","case":"c%d"}`, n-1))
		var left Residue
		left.Add(n-1, Left{Action: "look", Case: fmt.Sprint("c", n-1)})
		r.Text = fmt.Sprintf(`{"action":"reviewRetention","case":"c%d","allowed":true,"outcome":"erased; residue %s","n":%d}`, n-1, left.Sum(), n)
	}
	r.Hashes = b.edge.Add(Leaf(r.Salt, r.Text))
	b.stored = append(b.stored, r.Hashes...)
	b.records = append(b.records, r)
}

func (b *book) ReadHashes(ix []int64) (out []tlog.Hash, _ error) {
	for _, i := range ix {
		out = append(out, b.stored[i])
	}
	return out, nil
}

func (b *book) tree(t testing.TB, n int64) tlog.Tree {
	h, err := tlog.TreeHash(n, b)
	if err != nil {
		t.Fatal(err)
	}
	return tlog.Tree{N: n, Hash: h}
}

func (b *book) checkpoint(t testing.TB, n int64) []byte {
	c, err := Sign(b.tree(t, n), b.signer)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// export writes a file with checkpoints of sizes, whole or of some records.
func (b *book) export(t testing.TB, sizes []int64, only func(int64) bool) []byte {
	t.Helper()
	var out bytes.Buffer
	x, err := NewWriter(&out, Header{Made: time.Unix(0, 0).UTC(), Log: "homeward.test", Whole: only == nil})
	if err != nil {
		t.Fatal(err)
	}
	var last tlog.Tree
	for i, n := range sizes {
		c := Checkpoint{Note: string(b.checkpoint(t, n))}
		if i > 0 && only != nil {
			if c.Growth, err = Growth(b.tree(t, n), last, b); err != nil {
				t.Fatal(err)
			}
		}
		last = b.tree(t, n)
		if err := x.Checkpoint(c); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range b.records[:last.N] {
		if only != nil {
			if !only(r.N) {
				continue
			}
			if r.Proof, err = tlog.ProveRecord(last.N, r.N, b); err != nil {
				t.Fatal(err)
			}
		}
		if err := x.Record(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func verify(b *book, file []byte, elsewhere ...[]byte) (Report, error) {
	return Verify(bytes.NewReader(file), []note.Verifier{b.v}, elsewhere...)
}

func TestAFileThatWasNotTouchedHolds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBook(t, rapid.IntRange(1, 60).Draw(rt, "records"))
		n := int64(len(b.records))
		mid := rapid.Int64Range(0, n).Draw(rt, "middle")
		rep, err := verify(b, b.export(t, []int64{0, mid, n}, nil), b.checkpoint(t, rapid.Int64Range(0, n).Draw(rt, "kept")))
		if err != nil || rep.Records != n || rep.Tree.N != n {
			rt.Fatalf("whole: %+v, %v", rep, err)
		}
		k := rapid.Int64Range(1, 5).Draw(rt, "every")
		rep, err = verify(b, b.export(t, []int64{mid, n}, func(i int64) bool { return i%k == 0 }), b.checkpoint(t, mid))
		if err != nil || rep.Records != (n+k-1)/k {
			rt.Fatalf("a part: %+v, %v", rep, err)
		}
	})
}

// TestEveryChangeIsNamed changes a file in each way that there is.
func TestEveryChangeIsNamed(t *testing.T) {
	b := newBook(t, 20)
	whole := b.export(t, []int64{8, 20}, nil)
	other := newBook(t, 20)
	lines := func(f func([]string) []string) []byte {
		return []byte(strings.Join(f(strings.SplitAfter(string(whole), "\n")), ""))
	}
	at := func(n int) int { return 3 + n } // after the header and two checkpoints
	swap := func(old, new string) []byte { return bytes.Replace(whole, []byte(old), []byte(new), 1) }
	rehashed := func() []byte { // a record that was changed together with its own hash
		return lines(func(l []string) []string {
			r := b.records[5]
			r.Text = `{"action":"nothing","n":5}`
			r.Hashes = append([]tlog.Hash{Leaf(r.Salt, r.Text)}, r.Hashes[1:]...)
			j, _ := json.Marshal(line{Record: &r})
			l[at(5)] = string(j) + "\n"
			return l
		})
	}
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"a record": {swap(`\"n\":5}`, `\"n\":6}`), "record 5 is not as it was written"},
		"a salt":   {swap(base64.StdEncoding.EncodeToString(b.records[5].Salt), "AAAA"), "record 5 is not as it was written"},
		"where the salt ends": {lines(func(l []string) []string {
			r := b.records[5]
			r.Salt, r.Text = append(bytes.Clone(r.Salt), r.Text[:9]...), r.Text[9:]
			j, _ := json.Marshal(line{Record: &r})
			l[at(5)] = string(j) + "\n"
			return l
		}), "record 5 is not as it was written"},
		"one called erased": {lines(func(l []string) []string {
			r := b.records[5]
			r.Salt, r.Text, r.Erased = nil, "", json.RawMessage(`{"action":"look","actor":"another"}`)
			j, _ := json.Marshal(line{Record: &r})
			l[at(5)] = string(j) + "\n"
			return l
		}), "record 5 has lost its content"},
		"what is left of one": {swap(`"erased":{"action":"look","case":"c10"}`, `"erased":{"action":"edit","case":"c10"}`), "record 10 has lost its content"},
		"two things in a line": {lines(func(l []string) []string {
			l[at(5)] = strings.Replace(l[at(5)], "{", `{"end":{"records":5,"checkpoints":2},`, 1)
			return l
		}), "more than one thing"},
		"a number": {swap(`{"record":{"n":5,`, `{"record":{"n":6,`), "record 5 is missing"},
		"hashes": {lines(func(l []string) []string {
			l[at(5)] = strings.Replace(l[at(5)], b.records[5].Hashes[1].String(), b.records[4].Hashes[0].String(), 1)
			return l
		}), "hashes at record 5"},
		"a record and its hash": {rehashed(), "hashes at record 5"},
		"an erased one's hash":  {swap(b.records[10].Hashes[0].String(), b.records[4].Hashes[0].String()), "hashes at record 11"},
		"the order":             {lines(func(l []string) []string { l[at(5)], l[at(6)] = l[at(6)], l[at(5)]; return l }), "record 5 is missing"},
		"one removed":           {lines(func(l []string) []string { return append(l[:at(5)], l[at(6):]...) }), "record 5 is missing"},
		"one twice":             {lines(func(l []string) []string { return append(l[:at(6)], append([]string{l[at(5)]}, l[at(6):]...)...) }), "record 5 stands where record 6"},
		"cut":                   {whole[:len(whole)*2/3], "cannot be read"},
		"cut at a line":         {lines(func(l []string) []string { return l[:at(15)] }), "cut off after record 14"},
		"the end of the log":    {lines(func(l []string) []string { return append(l[:at(18)], `{"end":{"records":18,"checkpoints":2}}`) }), "has 18 records and its last checkpoint is of 20"},
		"the end's count":       {swap(`"records":20`, `"records":19`), "its end says 19"},
		"a forged checkpoint":   {swap(`\n20\n`, `\n19\n`), "not signed by a key"},
		"another's checkpoint": {lines(func(l []string) []string {
			j, _ := json.Marshal(line{Checkpoint: &Checkpoint{Note: string(other.checkpoint(t, 20))}})
			l[2] = string(j) + "\n"
			return l
		}), "not signed by a key"},
		"no checkpoint": {lines(func(l []string) []string {
			return append(l[:1], append(l[3:len(l)-2], `{"end":{"records":20,"checkpoints":0}}`)...)
		}), "no signed checkpoint"},
		"checkpoints turned":  {lines(func(l []string) []string { l[1], l[2] = l[2], l[1]; return l }), "stands after one of 20"},
		"a checkpoint behind": {lines(func(l []string) []string { l[2], l[3] = l[3], l[2]; return l }), "stands among the records"},
		"a header within":     {lines(func(l []string) []string { l[4] = l[0]; return l }), "does not begin"},
		"no header":           {lines(func(l []string) []string { return l[1:] }), "does not begin"},
		"more after the end":  {append(bytes.Clone(whole), "{}\n"...), "after its end"},
		"an unknown word":     {swap(`{"record":{"n":5,`, `{"record":{"m":1,"n":5,`), "line 9 of the file cannot be read"},
		"two on a line":       {swap("}\n{\"record\":{\"n\":5,", "}{\"record\":{\"n\":5,"), "cannot be read"},
		"called a part":       {swap(`"whole":true`, `"whole":false`), "does not continue"},
		"another format":      {swap("homeward-audit-1", "homeward-audit-2"), "format"},
		"erased with content": {swap(`{"record":{"n":3,`, `{"record":{"n":3,"record":"x",`), "called erased and has content"},
		"nothing":             {nil, "cut off"},
	} {
		if bytes.Equal(c.file, whole) {
			t.Errorf("%s: nothing was changed", name)
		}
		if _, err := verify(b, c.file); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestAPartIsProvenRecordByRecord(t *testing.T) {
	b := newBook(t, 30)
	part := b.export(t, []int64{9, 30}, func(n int64) bool { return n == 4 || n == 11 })
	other := newBook(t, 30)
	wrong := b.export(t, []int64{9, 30}, func(n int64) bool { return n == 4 })
	wrong = bytes.Replace(wrong, []byte(b.records[4].Hashes[0].String()), []byte(other.records[2].Hashes[0].String()), 1)
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"a record":   {bytes.Replace(part, []byte(`\"n\":4}`), []byte(`\"n\":9}`), 1), "record 4 is not as it was written"},
		"its leaf":   {wrong, "record 4"},
		"its number": {bytes.Replace(part, []byte(`{"record":{"n":4,`), []byte(`{"record":{"n":5,`), 1), "record 5 is not in the log"},
		"the order":  {bytes.Replace(part, []byte(`{"record":{"n":11,`), []byte(`{"record":{"n":4,`), 1), "stands after"},
		"too new":    {bytes.Replace(part, []byte(`{"record":{"n":11,`), []byte(`{"record":{"n":30,`), 1), "newer than the last checkpoint"},
	} {
		if _, err := verify(b, c.file); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := verify(b, part, b.checkpoint(t, 10)); err == nil || !strings.Contains(err.Error(), "cannot be compared") {
		t.Errorf("a checkpoint that is not in it: %v", err)
	}
}

func TestACheckpointKeptElsewhereShowsAnotherLog(t *testing.T) {
	b := newBook(t, 30)
	forked := &book{signer: b.signer, v: b.v} // the same key signs another history
	for n := range int64(30) {
		r := Record{N: n, Text: fmt.Sprint("another ", n)}
		r.Hashes = forked.edge.Add(Leaf(nil, r.Text))
		forked.records, forked.stored = append(forked.records, r), append(forked.stored, r.Hashes...)
	}
	kept := b.checkpoint(t, 12)
	for _, file := range [][]byte{forked.export(t, []int64{30}, nil), forked.export(t, []int64{12, 30}, nil), forked.export(t, []int64{12, 30}, func(int64) bool { return true })} {
		if _, err := verify(forked, file, kept); err == nil {
			t.Error("another log was believed")
		}
	}
	if _, err := verify(b, b.export(t, []int64{10}, nil), kept); err == nil || !strings.Contains(err.Error(), "goes only to 10") {
		t.Errorf("a shorter log: %v", err)
	}
	if _, err := verify(b, b.export(t, []int64{30}, nil), []byte("rubbish")); err == nil {
		t.Error("rubbish was believed")
	}
}

func TestProofsCanBeMadeOfAFile(t *testing.T) {
	b := newBook(t, 37)
	for name, file := range map[string][]byte{"whole": b.export(t, []int64{37}, nil), "part": b.export(t, []int64{37}, func(n int64) bool { return n > 20 })} {
		rep, err := verify(b, file)
		if err != nil {
			t.Fatal(err)
		}
		open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(file)), nil }
		for _, n := range []int64{22, 24, 36} {
			p, err := Prove(open, rep, n)
			if err != nil || p.Check() != nil {
				t.Errorf("%s, record %d: %v", name, n, err)
			}
			p.Root[3]++
			if p.Check() == nil {
				t.Errorf("%s, record %d: another root was believed", name, n)
			}
		}
		if _, err := Prove(open, rep, 99); err == nil {
			t.Errorf("%s: a record that is not there", name)
		}
		for _, old := range []int64{0, 1, 20, 37} {
			g, err := ProveGrowth(open, rep, old, 37)
			if (err != nil) != (name == "part") {
				t.Errorf("%s from %d: %v", name, old, err)
			}
			if err == nil && (g.Is != b.tree(t, 37).Hash || g.Was != b.tree(t, old).Hash) {
				t.Errorf("from %d: %+v", old, g)
			}
		}
		if _, err := ProveGrowth(open, rep, 5, 99); err == nil {
			t.Error("a size that the file has not")
		}
	}
}

func TestTheEdgeIsTheTree(t *testing.T) {
	b := newBook(t, 0)
	if b.edge.Root() != sha256.Sum256(nil) {
		t.Error("the root of an empty log")
	}
	for n := range int64(130) {
		b.add()
		if b.edge.Tree() != b.tree(t, n+1) {
			t.Fatalf("root of %d", n+1)
		}
		e, err := EdgeAt(n+1, b)
		if err != nil || e.Tree() != b.edge.Tree() {
			t.Fatalf("the edge read at %d: %v", n+1, err)
		}
	}
}

func TestKeysAndCheckpointsAreRefusedWhenTheyAreNone(t *testing.T) {
	for _, name := range []string{"", "two words", "a+b", "naïve"} {
		if _, _, err := NewKey(rand.Reader, name); err == nil {
			t.Errorf("%q is a name", name)
		}
	}
	b := newBook(t, 1)
	for _, key := range []string{"", "PRIVATE+KEY+x", b.public} {
		if _, _, err := Signer(key); err == nil {
			t.Errorf("%q is a key", key)
		}
	}
	if _, err := Verifier("rubbish"); err == nil {
		t.Error("rubbish is a public key")
	}
	for _, text := range []string{"homeward.test\n", "homeward.test\n-1\nAAAA\n", "homeward.test\n01\nAAAA\n", "homeward.test\n1\nAAAA\n", "another\n1\n" + b.edge.Root().String() + "\n"} {
		c, err := note.Sign(&note.Note{Text: text}, b.signer)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := Open(c, b.v); err == nil {
			t.Errorf("%q is a checkpoint", text)
		}
	}
}
