package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"homeward/care"
	"homeward/nhs"
)

// AuditRecord is one decision or act, as it is audited. Its content can be
// erased later without breaking the log: the log holds only a salted hash.
type AuditRecord struct {
	At           time.Time    `json:"at"`
	Actor        care.ActorID `json:"actor"`
	Name         string       `json:"name,omitempty"`
	Role         care.Role    `json:"role,omitempty"`
	Org          nhs.ODS      `json:"org,omitempty"`
	Action       string       `json:"action"`
	Case         care.CaseID  `json:"case,omitempty"`
	Purpose      string       `json:"purpose,omitempty"`
	Reason       string       `json:"reason,omitempty"`
	Relationship string       `json:"relationship,omitempty"`
	Allowed      bool         `json:"allowed"`
	Policies     []string     `json:"policies,omitzero"` // ids of the policies that decided
	Sections     []string     `json:"sections,omitzero"` // what was shown
	Outcome      string       `json:"outcome,omitempty"`
	Address      string       `json:"address,omitempty"` // network address of the actor
}

// Audited is a record at its place in the log. N counts from 0.
type Audited struct {
	N      int64
	Erased bool // only At, Actor, Case, Action and Allowed are left
	AuditRecord
}

// edge is the right edge of the log's tree: at each level the complete subtree
// that waits for its sibling. With it an append reads nothing.
type edge struct {
	size  int64 // of the log it belongs to; -1: not known
	right [48]tlog.Hash
}

// add appends a leaf and returns the hashes that it completes, the leaf's
// first: those of tlog.StoredHashes. RFC 6962 section 2.1.
func (e *edge) add(leaf tlog.Hash) []tlog.Hash {
	out := []tlog.Hash{leaf}
	h, level := leaf, 0
	for ; e.size>>level&1 == 1; level++ {
		h = tlog.NodeHash(e.right[level], h)
		out = append(out, h)
	}
	e.right[level] = h
	e.size++
	return out
}

const hashSize = len(tlog.Hash{})

// hashRow names the record that completes the hash of a stored index, and the
// place of the hash among those that it completes.
func hashRow(index int64) (n int64, level int) {
	level, at := tlog.SplitStoredHashIndex(index)
	return (at+1)<<level - 1, level
}

// readHashes reads stored hashes, for tlog.
func (t *Tx) readHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	vs := make([][]any, len(indexes))
	found := 0
	for i, x := range indexes {
		n, _ := hashRow(x)
		vs[i] = []any{n}
	}
	err := t.queryEach(`SELECT hashes FROM audit WHERE n = $1`, vs, func(i int, row []any) error {
		var b []byte
		if err := scan(row, &b); err != nil {
			return err
		}
		_, level := hashRow(indexes[i])
		if len(b) < (level+1)*hashSize {
			return fmt.Errorf("audit record %d has lost its hashes", vs[i][0])
		}
		copy(out[i][:], b[level*hashSize:])
		found++
		return nil
	})
	if err == nil && found < len(indexes) {
		err = fmt.Errorf("the audit log has lost records")
	}
	return out, err
}

// loadEdge makes the writer's edge that of the log as it is.
func (t *Tx) loadEdge() error {
	e := &t.s.edge
	if e.size == t.b.tally.audit {
		return nil
	}
	size := t.b.tally.audit
	var indexes []int64
	var levels []int
	for level := range e.right {
		if size>>level&1 == 1 {
			indexes = append(indexes, tlog.StoredHashIndex(level, size>>level-1))
			levels = append(levels, level)
		}
	}
	hs, err := t.readHashes(indexes)
	if err != nil {
		return fmt.Errorf("reading the end of the audit log: %w", err)
	}
	for i, h := range hs {
		e.right[levels[i]] = h
	}
	e.size = size
	return nil
}

// leafOf is the leaf of a record: a salted hash, so that it tells nothing of a
// record whose salt was erased.
func leafOf(salt []byte, doc string) tlog.Hash {
	b := make([]byte, 0, len(salt)+len(doc))
	return tlog.RecordHash(append(append(b, salt...), doc...))
}

// Audit appends records to the audit log, in the transaction of what they tell.
func (t *Tx) Audit(rs ...AuditRecord) error {
	if err := t.ready(true); err != nil || len(rs) == 0 {
		return err
	}
	if err := t.loadEdge(); err != nil {
		return err
	}
	rows := make([][]any, len(rs))
	for i, r := range rs {
		r.At = r.At.UTC().Truncate(time.Microsecond)
		doc, err := toJSON(r)
		if err != nil {
			return err
		}
		salt := make([]byte, 16)
		rand.Read(salt)
		n := t.b.tally.audit
		var hashes []byte
		for _, h := range t.s.edge.add(leafOf(salt, doc)) {
			hashes = append(hashes, h[:]...)
		}
		t.b.tally.audit++
		rows[i] = []any{n, r.At, r.Actor, r.Case, r.Action, r.Allowed, salt, doc, hashes}
	}
	return t.insert(`INSERT INTO audit (n, at, actor, case_id, action, allowed, salt, doc, hashes)`, rows, "")
}

// EraseAudit takes the content of records away for good. The log still proves
// itself, and still tells when who did what to which case.
func (t *Tx) EraseAudit(ns ...int64) error {
	for _, n := range ns {
		if err := t.exec(`UPDATE audit SET doc = NULL, salt = NULL WHERE n = $1`, n); err != nil {
			return err
		}
	}
	return nil
}

// AuditFilter chooses records; empty fields choose all.
type AuditFilter struct {
	Case   care.CaseID
	Actor  care.ActorID
	Action string
	From   time.Time
	To     time.Time
	Before int64 // 0: from the newest
	Limit  int   // 0 is 100
}

// Audits is a page of the log, newest first. The next page is Before the last N
// of this one.
func (t *Tx) Audits(f AuditFilter) (as []Audited, err error) {
	w := &where{}
	w.and("n < ?", beforeOr(f.Before))
	if f.Case != "" {
		w.and("case_id = ? AND case_id <> ''", f.Case)
	}
	if f.Actor != "" {
		w.and("actor = ?", f.Actor)
	}
	if f.Action != "" {
		w.and("action = ?", f.Action)
	}
	if !f.From.IsZero() {
		w.and("at >= ?", f.From)
	}
	if !f.To.IsZero() {
		w.and("at < ?", f.To)
	}
	if f.Limit <= 0 {
		f.Limit = 100
	}
	sql := auditText + " WHERE " + w.b.String() + " ORDER BY n DESC" + w.bind(" LIMIT ?", f.Limit)
	err = t.query(sql, w.vs, func(row []any) error {
		l, err := scanAudit(row)
		as = append(as, l.Audited)
		return err
	})
	return as, err
}

func beforeOr(n int64) int64 {
	if n <= 0 {
		return 1 << 62
	}
	return n
}

const auditText = `SELECT n, at, actor, case_id, action, allowed, salt, doc, hashes FROM audit`

// auditLine is a record as it is stored.
type auditLine struct {
	Audited
	salt, hashes []byte
	doc          string
	plain        AuditRecord // what the columns say
}

func scanAudit(row []any) (l auditLine, err error) {
	p := &l.plain
	if err := scan(row, &l.N, &p.At, &p.Actor, &p.Case, &p.Action, &p.Allowed, &l.salt, &l.doc, &l.hashes); err != nil {
		return l, err
	}
	if l.Erased = l.salt == nil; l.Erased {
		l.AuditRecord = *p
		return l, nil
	}
	if err := json.Unmarshal([]byte(l.doc), &l.AuditRecord); err != nil {
		return l, fmt.Errorf("reading audit record %d: %w", l.N, err)
	}
	return l, nil
}

// AuditTree is the size of the log and the root hash of its tree.
func (t *Tx) AuditTree() (tree tlog.Tree, err error) {
	if t.write {
		tree.N = t.b.tally.audit
	} else if err := t.one(`SELECT audit FROM tally WHERE id = 1`, nil, &tree.N); err != nil {
		return tree, err
	}
	tree.Hash, err = tlog.TreeHash(tree.N, tlog.HashReaderFunc(t.readHashes))
	return tree, err
}

// AuditProof proves that a record is in the log of a given tree.
type AuditProof struct {
	Tree  tlog.Tree
	N     int64
	Leaf  tlog.Hash
	Proof tlog.RecordProof
}

// Check checks the proof.
func (p AuditProof) Check() error {
	return tlog.CheckRecord(p.Proof, p.Tree.N, p.Tree.Hash, p.N, p.Leaf)
}

// ProveAudit proves that record n is in the log as it is now.
func (t *Tx) ProveAudit(n int64) (p AuditProof, err error) {
	if p.Tree, err = t.AuditTree(); err != nil {
		return p, err
	}
	if n < 0 || n >= p.Tree.N {
		return p, notFound("The audit record")
	}
	r := tlog.HashReaderFunc(t.readHashes)
	hs, err := t.readHashes([]int64{tlog.StoredHashIndex(0, n)})
	if err != nil {
		return p, err
	}
	p.N, p.Leaf = n, hs[0]
	p.Proof, err = tlog.ProveRecord(p.Tree.N, n, r)
	return p, err
}

// ProveAuditGrowth proves that the log of size old is the beginning of the log
// as it is now; check it with tlog.CheckTree.
func (t *Tx) ProveAuditGrowth(old int64) (tlog.Tree, tlog.TreeProof, error) {
	tree, err := t.AuditTree()
	if err != nil {
		return tree, nil, err
	}
	p, err := tlog.ProveTree(tree.N, old, tlog.HashReaderFunc(t.readHashes))
	return tree, p, err
}

// Checkpoint signs the log as it is now, in the form of C2SP tlog-checkpoint:
// the signer's name, the size, and the root. Kept elsewhere, it shows any later
// change of what is in the log now.
func (t *Tx) Checkpoint(signer note.Signer) ([]byte, error) {
	tree, err := t.AuditTree()
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf("%s\n%d\n%s\n", signer.Name(), tree.N, tree.Hash)
	return note.Sign(&note.Note{Text: text}, signer)
}

// OpenCheckpoint reads a checkpoint and checks who signed it.
func OpenCheckpoint(b []byte, v note.Verifier) (tree tlog.Tree, err error) {
	n, err := note.Open(b, note.VerifierList(v))
	if err != nil {
		return tree, fmt.Errorf("reading an audit checkpoint: %w", err)
	}
	var name, root string
	if _, err := fmt.Sscanf(n.Text, "%s\n%d\n%s\n", &name, &tree.N, &root); err != nil {
		return tree, fmt.Errorf("reading an audit checkpoint: %w", err)
	}
	tree.Hash, err = tlog.ParseHash(root)
	return tree, err
}

// VerifyAudit computes the whole log anew and returns an error that names the
// first record that is not as it was written, or the size at which the log
// stops being the one of a known tree, such as a checkpoint's. progress, when
// set, is told of the records done.
func (t *Tx) VerifyAudit(progress func(done int64), known ...tlog.Tree) error {
	var e edge
	check := func() error {
		for _, k := range known {
			if k.N == e.size {
				if err := e.is(k); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := check(); err != nil {
		return err
	}
	err := t.query(auditText+` ORDER BY n`, nil, func(row []any) error {
		l, err := scanAudit(row)
		if err != nil {
			return err
		}
		if err := e.verify(l); err != nil {
			return err
		}
		if progress != nil && e.size%1000 == 0 {
			progress(e.size)
		}
		return check()
	})
	if err != nil {
		return err
	}
	for _, k := range known {
		if k.N > e.size {
			return fmt.Errorf("audit: the log has %d records and had %d at a checkpoint", e.size, k.N)
		}
	}
	return t.verifyAuditSize(e.size)
}

func (t *Tx) verifyAuditSize(n int64) error {
	var size int64
	if err := t.one(`SELECT audit FROM tally WHERE id = 1`, nil, &size); err != nil {
		return err
	}
	if n != size {
		return fmt.Errorf("audit: the log has %d records and should have %d", n, size)
	}
	return nil
}

// verify appends a stored record and compares.
func (e *edge) verify(l auditLine) error {
	if l.N != e.size {
		return fmt.Errorf("audit: record %d is missing", e.size)
	}
	if len(l.hashes) < hashSize {
		return fmt.Errorf("audit: record %d has lost its hashes", l.N)
	}
	leaf := tlog.Hash(l.hashes[:hashSize])
	if !l.Erased {
		if leafOf(l.salt, l.doc) != leaf {
			return fmt.Errorf("audit: record %d is not as it was written", l.N)
		}
		r, p := l.AuditRecord, l.plain
		if !r.At.Equal(p.At) || r.Actor != p.Actor || r.Case != p.Case || r.Action != p.Action || r.Allowed != p.Allowed {
			return fmt.Errorf("audit: record %d is listed under something that it does not say", l.N)
		}
	}
	var want []byte
	for _, h := range e.add(leaf) {
		want = append(want, h[:]...)
	}
	if !slices.Equal(want, l.hashes) {
		return fmt.Errorf("audit: the hashes at record %d do not follow from the records before it", l.N)
	}
	return nil
}

// is compares the log so far with a known tree.
func (e *edge) is(k tlog.Tree) error {
	var h tlog.Hash
	first := true
	for level := range e.right {
		if e.size>>level&1 == 0 {
			continue
		}
		if first {
			h, first = e.right[level], false
		} else {
			h = tlog.NodeHash(e.right[level], h)
		}
	}
	if e.size == 0 {
		h = sha256.Sum256(nil)
	}
	if h != k.Hash {
		return fmt.Errorf("audit: the first %d records are not those of the checkpoint", e.size)
	}
	return nil
}

// Checkpoint signs the audit log as it is now.
func (s *Store) Checkpoint(ctx context.Context, signer note.Signer) (b []byte, err error) {
	err = s.View(ctx, func(t *Tx) error { b, err = t.Checkpoint(signer); return err })
	return b, err
}
