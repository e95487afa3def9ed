package proof

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Format is the first word of an exported file.
const Format = "homeward-audit-1"

// Header is the first line of an exported file. It says what the file claims to
// be; what it proves is found by Verify.
type Header struct {
	Format string    `json:"format"`
	Made   time.Time `json:"made"`
	Log    string    `json:"log"`           // the name of the log
	Key    string    `json:"key,omitempty"` // the verifier, as a help: whoever checks must have it from elsewhere
	// Whole is that every record from the first to the last checkpoint is here,
	// so that the tree is computed anew. Otherwise each record has its proof.
	Whole bool   `json:"whole"`
	What  string `json:"what,omitempty"` // which records, in words
}

// Record is a line with one record of the log. Its leaf is the RFC 6962 hash of
// Salt and Text one after the other. What is left of an erased one is proven by
// the record of the erasing, in a file that is whole; else only its hash is.
type Record struct {
	N      int64            `json:"n"`
	Text   string           `json:"record,omitempty"`
	Salt   []byte           `json:"salt,omitempty"`
	Erased json.RawMessage  `json:"erased,omitempty"` // when, who, what, whose; instead of Text and Salt
	Hashes []tlog.Hash      `json:"hashes"`           // those that it completes, its leaf first
	Proof  tlog.RecordProof `json:"proof,omitempty"`  // inclusion in the last checkpoint, when the file is not whole
}

// Checkpoint is a line with a signed checkpoint, and the proof that the one
// before it is its beginning, when the file is not whole.
type Checkpoint struct {
	Note   string         `json:"note"`
	Growth tlog.TreeProof `json:"growth,omitempty"`
}

// End is the last line.
type End struct {
	Records     int64 `json:"records"`
	Checkpoints int   `json:"checkpoints"`
}

// line is a line of the file: one of its fields.
type line struct {
	Header     *Header     `json:"header,omitempty"`
	Checkpoint *Checkpoint `json:"checkpoint,omitempty"`
	Record     *Record     `json:"record,omitempty"`
	End        *End        `json:"end,omitempty"`
}

// one reports whether a line is not two things at once, of which each reader
// might see another.
func (l line) one() bool {
	n := 0
	for _, there := range []bool{l.Header != nil, l.Checkpoint != nil, l.Record != nil, l.End != nil} {
		if there {
			n++
		}
	}
	return n <= 1
}

// Writer writes an exported file: a header, checkpoints by their size, records
// by their number, and the end.
type Writer struct {
	w   *bufio.Writer
	e   *json.Encoder
	end End
}

// NewWriter begins a file.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	b := bufio.NewWriterSize(w, 64<<10)
	x := &Writer{w: b, e: json.NewEncoder(b)}
	x.e.SetEscapeHTML(false)
	h.Format = Format
	return x, x.e.Encode(line{Header: &h})
}

// Checkpoint writes a checkpoint.
func (x *Writer) Checkpoint(c Checkpoint) error {
	x.end.Checkpoints++
	return x.e.Encode(line{Checkpoint: &c})
}

// Record writes a record.
func (x *Writer) Record(r Record) error {
	x.end.Records++
	return x.e.Encode(line{Record: &r})
}

// Close ends the file. It does not close what is written to.
func (x *Writer) Close() error {
	return errors.Join(x.e.Encode(line{End: &x.end}), x.w.Flush())
}

// maxLine is the longest line that is read, in bytes.
const maxLine = 16 << 20

// read reads the lines of a file one after the other.
func read(r io.Reader, each func(no int, l line) error) error {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 64<<10), maxLine)
	no := 0
	for s.Scan() {
		no++
		d := json.NewDecoder(bytes.NewReader(s.Bytes()))
		d.DisallowUnknownFields()
		var l line
		if err := d.Decode(&l); err != nil || d.InputOffset() != int64(len(bytes.TrimSpace(s.Bytes()))) {
			return fmt.Errorf("line %d of the file cannot be read", no)
		}
		if !l.one() {
			return fmt.Errorf("line %d of the file is more than one thing", no)
		}
		if err := each(no, l); err != nil {
			return err
		}
	}
	if err := s.Err(); err != nil {
		return fmt.Errorf("reading line %d of the file: %w", no+1, err)
	}
	return nil
}

// Report is what a file was found to be.
type Report struct {
	Header      Header
	Records     int64
	Erased      int64
	First, Last int64     // numbers of the first and last record in it; -1: none
	Tree        tlog.Tree // of the last checkpoint
	Checkpoints int
}

// Verify checks an exported file against the keys alone. It returns an error
// that names the first thing that is wrong. elsewhere are checkpoints that
// whoever checks kept themselves: the file must agree with them too.
func Verify(r io.Reader, keys []note.Verifier, elsewhere ...[]byte) (Report, error) {
	v := &verifying{keys: keys, rep: Report{First: -1, Last: -1}}
	for _, b := range elsewhere {
		tree, _, err := Open(b, keys...)
		if err != nil {
			return v.rep, err
		}
		v.known = append(v.known, tree)
	}
	slices.SortFunc(v.known, func(a, b tlog.Tree) int { return int(a.N - b.N) })
	if err := read(r, v.line); err != nil {
		return v.rep, err
	}
	return v.rep, v.finish()
}

type verifying struct {
	keys  []note.Verifier
	rep   Report
	known []tlog.Tree // kept elsewhere, by size
	trees []tlog.Tree // of the file's checkpoints, by size
	edge  Edge
	gone  Erasings
	next  int // of trees: the first that the edge has not reached
	begun bool
	ended bool
}

func (v *verifying) line(no int, l line) error {
	switch {
	case v.ended:
		return fmt.Errorf("line %d of the file stands after its end", no)
	case (no == 1) != (l.Header != nil):
		return errors.New("the file does not begin as an export of the audit log does")
	case l.Header != nil:
		v.rep.Header = *l.Header
		if l.Header.Format != Format {
			return fmt.Errorf("the file is of format %q, and this version reads %q", l.Header.Format, Format)
		}
		return nil
	case l.Checkpoint != nil:
		return v.checkpoint(*l.Checkpoint)
	case l.Record != nil:
		return v.record(*l.Record)
	case l.End != nil:
		v.ended = true
		if l.End.Records != v.rep.Records || l.End.Checkpoints != v.rep.Checkpoints {
			return fmt.Errorf("the file has %d records and %d checkpoints, and its end says %d and %d", v.rep.Records, v.rep.Checkpoints, l.End.Records, l.End.Checkpoints)
		}
		return nil
	}
	return fmt.Errorf("line %d of the file is neither a checkpoint nor a record", no)
}

func (v *verifying) checkpoint(c Checkpoint) error {
	v.rep.Checkpoints++
	tree, _, err := Open([]byte(c.Note), v.keys...)
	switch {
	case err != nil:
		return fmt.Errorf("checkpoint %d of the file: %w", v.rep.Checkpoints, err)
	case v.begun:
		return fmt.Errorf("checkpoint %d of the file stands among the records", v.rep.Checkpoints)
	}
	if n := len(v.trees); n > 0 {
		before := v.trees[n-1]
		if tree.N < before.N {
			return fmt.Errorf("checkpoint %d of the file is of %d records and stands after one of %d", v.rep.Checkpoints, tree.N, before.N)
		}
		if !v.rep.Header.Whole || tree.N == before.N {
			if err := CheckGrowth(c.Growth, tree, before); err != nil {
				return fmt.Errorf("checkpoint %d of the file does not continue the one before it: %w", v.rep.Checkpoints, err)
			}
		}
	}
	v.trees = append(v.trees, tree)
	v.rep.Tree = tree
	return nil
}

// begin is called before the first record: now all checkpoints are known.
func (v *verifying) begin() error {
	if v.begun {
		return nil
	}
	v.begun = true
	if len(v.trees) == 0 {
		return errors.New("the file has no signed checkpoint, so it proves nothing")
	}
	for _, k := range v.known {
		if k.N > v.rep.Tree.N {
			return fmt.Errorf("the log had %d records at a checkpoint that was kept elsewhere, and the file goes only to %d", k.N, v.rep.Tree.N)
		}
		i := slices.IndexFunc(v.trees, func(t tlog.Tree) bool { return t.N == k.N })
		switch {
		case i >= 0 && v.trees[i].Hash != k.Hash:
			return fmt.Errorf("the file's log of %d records is not the one of the checkpoint that was kept elsewhere", k.N)
		case i < 0 && !v.rep.Header.Whole:
			return fmt.Errorf("the file is not the whole log and has no checkpoint of %d records, so the one that was kept elsewhere cannot be compared", k.N)
		case i < 0:
			v.trees = append(v.trees, k)
		}
	}
	slices.SortFunc(v.trees, func(a, b tlog.Tree) int { return int(a.N - b.N) })
	if v.rep.Header.Whole {
		return v.reach()
	}
	return nil
}

// reach compares the edge with the checkpoints of its size.
func (v *verifying) reach() error {
	for v.next < len(v.trees) && v.trees[v.next].N == v.edge.Size {
		if v.edge.Root() != v.trees[v.next].Hash {
			return fmt.Errorf("the first %d records are not those of the signed checkpoint", v.edge.Size)
		}
		v.next++
	}
	return nil
}

func (v *verifying) record(r Record) error {
	if err := v.begin(); err != nil {
		return err
	}
	if err := v.place(r.N); err != nil {
		return err
	}
	if v.rep.First < 0 {
		v.rep.First = r.N
	}
	v.rep.Last = r.N
	v.rep.Records++
	if err := r.Check(); err != nil {
		return err
	}
	if err := v.erased(r); err != nil {
		return err
	}
	if !v.rep.Header.Whole {
		if r.N >= v.rep.Tree.N {
			return fmt.Errorf("record %d is newer than the last checkpoint, so nothing proves it", r.N)
		}
		if tlog.CheckRecord(r.Proof, v.rep.Tree.N, v.rep.Tree.Hash, r.N, r.Hashes[0]) != nil {
			return fmt.Errorf("record %d is not in the log that was signed", r.N)
		}
		return nil
	}
	if !slices.Equal(v.edge.Add(r.Hashes[0]), r.Hashes) {
		return fmt.Errorf("the hashes at record %d do not follow from the records before it", r.N)
	}
	return v.reach()
}

// erased counts erased records, and in a whole file looks for what tells of it.
func (v *verifying) erased(r Record) error {
	if len(r.Erased) == 0 {
		v.gone.Record(r.Text)
		return nil
	}
	v.rep.Erased++
	var l Left
	if err := json.Unmarshal(r.Erased, &l); err != nil {
		return fmt.Errorf("what is left of record %d cannot be read", r.N)
	}
	if v.rep.Header.Whole {
		v.gone.Erased(r.N, l)
	}
	return nil
}

// place checks that a record stands where it should.
func (v *verifying) place(n int64) error {
	want := v.edge.Size
	switch {
	case !v.rep.Header.Whole && n > v.rep.Last:
		return nil
	case !v.rep.Header.Whole:
		return fmt.Errorf("record %d stands after record %d", n, v.rep.Last)
	case n > want:
		return fmt.Errorf("record %d is missing: record %d stands in its place", want, n)
	case n < want:
		return fmt.Errorf("record %d stands where record %d should", n, want)
	}
	return nil
}

// Check checks that a record's leaf is that of what it says.
func (r Record) Check() error {
	switch {
	case len(r.Hashes) == 0:
		return fmt.Errorf("record %d has lost its hashes", r.N)
	case len(r.Erased) > 0 && (r.Text != "" || len(r.Salt) > 0):
		return fmt.Errorf("record %d is called erased and has content", r.N)
	case len(r.Erased) == 0 && (len(r.Salt) != SaltSize || Leaf(r.Salt, r.Text) != r.Hashes[0]):
		return fmt.Errorf("record %d is not as it was written", r.N)
	}
	return nil
}

func (v *verifying) finish() error {
	if !v.ended {
		return fmt.Errorf("the file was cut off after record %d: its end is missing", v.rep.Last)
	}
	if err := v.begin(); err != nil {
		return err
	}
	if v.rep.Header.Whole && v.edge.Size != v.rep.Tree.N {
		return fmt.Errorf("the file has %d records and its last checkpoint is of %d", v.edge.Size, v.rep.Tree.N)
	}
	return v.gone.Finish()
}

// Proven is a record and the proof that it is in the log of a signed checkpoint.
type Proven struct {
	Record Record           `json:"record"`
	Tree   tlog.Tree        `json:"-"`
	Size   int64            `json:"size"`
	Root   tlog.Hash        `json:"root"`
	Leaf   tlog.Hash        `json:"leaf"`
	Proof  tlog.RecordProof `json:"proof"`
}

// Prove finds a record in a file that Verify accepted and proves that it is in
// the log of the last checkpoint. open opens the file anew each time.
func Prove(open func() (io.ReadCloser, error), rep Report, n int64) (p Proven, err error) {
	found := false
	if err := each(open, func(r Record) {
		if r.N == n {
			p.Record, found = r, true
		}
	}); err != nil {
		return p, err
	}
	if !found {
		return p, fmt.Errorf("record %d is not in the file", n)
	}
	p.Tree, p.Size, p.Root, p.Leaf, p.Proof = rep.Tree, rep.Tree.N, rep.Tree.Hash, p.Record.Hashes[0], p.Record.Proof
	if rep.Header.Whole {
		if p.Proof, err = tlog.ProveRecord(rep.Tree.N, n, hashesOf(open)); err != nil {
			return p, fmt.Errorf("proving record %d: %w", n, err)
		}
	}
	p.Record.Proof = nil
	return p, p.Check()
}

// Check checks the proof.
func (p Proven) Check() error {
	if err := p.Record.Check(); err != nil {
		return err
	}
	if err := tlog.CheckRecord(p.Proof, p.Size, p.Root, p.Record.N, p.Leaf); err != nil {
		return fmt.Errorf("record %d is not in the log that was signed", p.Record.N)
	}
	return nil
}

// Grown is the proof that the log of one size is the beginning of that of another.
type Grown struct {
	Old   int64          `json:"old"`
	Now   int64          `json:"new"`
	Was   tlog.Hash      `json:"oldRoot"`
	Is    tlog.Hash      `json:"newRoot"`
	Proof tlog.TreeProof `json:"proof"`
}

// ProveGrowth proves that the first old records of a whole file that Verify
// accepted are the beginning of its first now records, and checks it.
func ProveGrowth(open func() (io.ReadCloser, error), rep Report, old, now int64) (g Grown, err error) {
	switch {
	case !rep.Header.Whole:
		return g, errors.New("the file is not the whole log; its checkpoints were compared with one another by verify")
	case old < 0 || old > now || now > rep.Tree.N:
		return g, fmt.Errorf("the sizes must be from 0 to %d, the old one first", rep.Tree.N)
	}
	h := hashesOf(open)
	g.Old, g.Now = old, now
	if g.Was, err = tlog.TreeHash(old, h); err == nil {
		g.Is, err = tlog.TreeHash(now, h)
	}
	if err == nil {
		g.Proof, err = Growth(tlog.Tree{N: now}, tlog.Tree{N: old}, h)
	}
	if err != nil {
		return g, fmt.Errorf("proving that the log grew from %d to %d records: %w", old, now, err)
	}
	return g, CheckGrowth(g.Proof, tlog.Tree{N: now, Hash: g.Is}, tlog.Tree{N: old, Hash: g.Was})
}

func each(open func() (io.ReadCloser, error), f func(Record)) error {
	r, err := open()
	if err != nil {
		return err
	}
	defer r.Close()
	return read(r, func(_ int, l line) error {
		if l.Record != nil {
			f(*l.Record)
		}
		return nil
	})
}

// hashesOf reads hashes from a whole file, one pass a question, so that a log of
// any size needs no memory.
func hashesOf(open func() (io.ReadCloser, error)) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		type want struct{ at, place int }
		wants := map[int64][]want{}
		for i, x := range indexes {
			n, place := CompletedBy(x)
			wants[n] = append(wants[n], want{i, place})
		}
		out := make([]tlog.Hash, len(indexes))
		found := 0
		err := each(open, func(r Record) {
			for _, w := range wants[r.N] {
				if w.place < len(r.Hashes) {
					out[w.at] = r.Hashes[w.place]
					found++
				}
			}
		})
		if err == nil && found < len(indexes) {
			err = errors.New("the file lacks hashes")
		}
		return out, err
	})
}
