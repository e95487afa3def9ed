package store

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"homeward/proof"
)

// AuditTree is the size of the log and the root hash of its tree.
func (t *Tx) AuditTree() (tree tlog.Tree, err error) {
	if t.write {
		tree.N = t.b.tally.audit
	} else if err := t.one(`SELECT audit FROM tally WHERE id = 1`, nil, &tree.N); err != nil {
		return tree, err
	}
	return t.AuditTreeAt(tree.N)
}

// AuditTreeAt is the tree of the first size records of the log.
func (t *Tx) AuditTreeAt(size int64) (tree tlog.Tree, err error) {
	tree.N = size
	tree.Hash, err = tlog.TreeHash(size, t.hashes())
	return tree, err
}

func (t *Tx) hashes() tlog.HashReader { return tlog.HashReaderFunc(t.readHashes) }

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
	tree, err := t.AuditTree()
	if err != nil {
		return p, err
	}
	if n < 0 || n >= tree.N {
		return p, notFound("The audit record")
	}
	hs, err := t.readHashes([]int64{tlog.StoredHashIndex(0, n)})
	if err != nil {
		return p, err
	}
	p = AuditProof{Tree: tree, N: n, Leaf: hs[0]}
	p.Proof, err = t.proveIn(tree, n)
	return p, err
}

func (t *Tx) proveIn(tree tlog.Tree, n int64) (tlog.RecordProof, error) {
	return tlog.ProveRecord(tree.N, n, t.hashes())
}

// ProveAuditGrowth proves that the log of size old is the beginning of the log
// as it is now; check it with proof.CheckGrowth.
func (t *Tx) ProveAuditGrowth(old int64) (tlog.Tree, tlog.TreeProof, error) {
	now, err := t.AuditTree()
	if err != nil {
		return now, nil, err
	}
	p, err := t.AuditGrowth(now, tlog.Tree{N: old})
	return now, p, err
}

// AuditGrowth proves that the log of one tree is the beginning of another's.
func (t *Tx) AuditGrowth(now, old tlog.Tree) (tlog.TreeProof, error) {
	return proof.Growth(now, old, t.hashes())
}

// Checkpoint is a signed checkpoint of the audit log that is kept.
type Checkpoint struct {
	Size   int64
	Signer string // name and hash of the key
	At     time.Time
	Note   string
}

// SignerName names a key as checkpoints are kept under it.
func SignerName(v interface {
	Name() string
	KeyHash() uint32
}) string {
	return fmt.Sprintf("%s+%08x", v.Name(), v.KeyHash())
}

// PutCheckpoint keeps a checkpoint. One of the same size and key is there once.
func (t *Tx) PutCheckpoint(c Checkpoint) error {
	return t.exec(`INSERT INTO checkpoints (size, signer, at, note) VALUES ($1, $2, $3, $4) ON CONFLICT (size, signer) DO NOTHING`,
		c.Size, c.Signer, c.At, c.Note)
}

// Checkpoints lists the kept checkpoints by size.
func (t *Tx) Checkpoints() (cs []Checkpoint, err error) {
	err = t.query(`SELECT size, signer, at, note FROM checkpoints ORDER BY size, at, signer`, nil, func(row []any) error {
		var c Checkpoint
		err := scan(row, &c.Size, &c.Signer, &c.At, &c.Note)
		cs = append(cs, c)
		return err
	})
	return cs, err
}

// LastCheckpoint is the newest checkpoint of a key; IsNone(err) when it signed none.
func (t *Tx) LastCheckpoint(signer string) (c Checkpoint, err error) {
	err = t.one(`SELECT size, signer, at, note FROM checkpoints WHERE signer = $1 ORDER BY size DESC LIMIT 1`, []any{signer},
		&c.Size, &c.Signer, &c.At, &c.Note)
	return c, orNotFound(err, "A checkpoint")
}

// linesAtOnce is how many records an export holds in memory.
const linesAtOnce = 500

// ExportAudit gives the records of the first tree.N that a filter chooses,
// oldest first, as an outsider can check them: with their proofs of inclusion in
// the tree, unless all of them are given. Limit counts none: 0 is no limit.
func (t *Tx) ExportAudit(tree tlog.Tree, f AuditFilter, whole bool, each func(proof.Record, Audited) error) error {
	after, done := int64(-1), 0
	for {
		f.Before = tree.N
		page, err := t.auditPage(f, after)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, l := range page {
			if f.Limit > 0 && done == f.Limit {
				return nil
			}
			r, err := l.export()
			if err != nil {
				return err
			}
			if !whole {
				if r.Proof, err = t.proveIn(tree, l.N); err != nil {
					return fmt.Errorf("proving audit record %d: %w", l.N, err)
				}
			}
			if err := each(r, l.Audited); err != nil {
				return err
			}
			after = l.N
			done++
		}
	}
}

// auditPage is the lines that a filter chooses after a number, oldest first.
func (t *Tx) auditPage(f AuditFilter, after int64) (ls []auditLine, err error) {
	if f.Before <= 0 {
		return nil, nil
	}
	parts := []func(*where){func(*where) {}}
	if f.For != "" {
		parts = []func(*where){
			func(w *where) { w.and("org = ? AND org <> ''", f.For) },
			func(w *where) { w.and(about, "mrn:"+f.For, "council:"+f.For) },
		}
	}
	for _, narrow := range parts {
		w := f.where()
		w.and("n > ?", after)
		narrow(w)
		sql := auditText + " WHERE " + w.b.String() + " ORDER BY n" + w.bind(" LIMIT ?", linesAtOnce)
		err := t.query(sql, w.vs, func(row []any) error {
			l, err := t.scanAudit(row)
			ls = append(ls, l)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(ls, func(a, b auditLine) int { return cmp.Compare(a.N, b.N) })
	ls = slices.CompactFunc(ls, func(a, b auditLine) bool { return a.N == b.N })
	return ls[:min(len(ls), linesAtOnce)], nil
}

// export is a line as an outsider checks it.
func (l auditLine) export() (proof.Record, error) {
	r := proof.Record{N: l.N, Hashes: make([]tlog.Hash, len(l.hashes)/hashSize)}
	for i := range r.Hashes {
		copy(r.Hashes[i][:], l.hashes[i*hashSize:])
	}
	if !l.Erased {
		r.Text, r.Salt = l.doc, l.salt
		return r, nil
	}
	left, err := json.Marshal(l.left())
	if err != nil {
		return r, fmt.Errorf("writing audit record %d: %w", l.N, err)
	}
	r.Erased = left
	return r, nil
}

// VerifyAudit computes the whole log anew and returns an error that names the
// first record that is not as it was written, or the size at which the log
// stops being the one of a known tree, such as a checkpoint's. progress, when
// set, is told of the records done. It holds no more than one record.
func (t *Tx) VerifyAudit(progress func(done int64), known ...tlog.Tree) error {
	v := auditCheck{known: slices.SortedFunc(slices.Values(known), func(a, b tlog.Tree) int { return cmp.Compare(a.N, b.N) })}
	if err := v.reach(); err != nil {
		return err
	}
	err := t.query(auditText+` ORDER BY n`, nil, func(row []any) error {
		l, err := t.scanAudit(row)
		if err != nil {
			return err
		}
		if err := v.next(l); err != nil {
			return err
		}
		if progress != nil && v.edge.Size%1000 == 0 {
			progress(v.edge.Size)
		}
		return v.reach()
	})
	if err != nil {
		return err
	}
	if len(v.known) > 0 {
		return fmt.Errorf("audit: the log has %d records and had %d at a checkpoint", v.edge.Size, v.known[0].N)
	}
	if err := v.gone.Finish(); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return t.verifyAuditSize(v.edge.Size)
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

// auditCheck is a check of the log on its way.
type auditCheck struct {
	edge  proof.Edge
	gone  proof.Erasings
	known []tlog.Tree // not reached yet, by size
}

// reach compares the log so far with the trees of its size.
func (v *auditCheck) reach() error {
	for len(v.known) > 0 && v.known[0].N == v.edge.Size {
		if v.edge.Root() != v.known[0].Hash {
			return fmt.Errorf("audit: the first %d records are not those of the checkpoint", v.edge.Size)
		}
		v.known = v.known[1:]
	}
	return nil
}

// next appends a stored record and compares.
func (v *auditCheck) next(l auditLine) error {
	if l.N != v.edge.Size {
		return fmt.Errorf("audit: record %d is missing", v.edge.Size)
	}
	if len(l.hashes) < hashSize {
		return fmt.Errorf("audit: record %d has lost its hashes", l.N)
	}
	leaf := tlog.Hash(l.hashes[:hashSize])
	if l.Erased {
		v.gone.Erased(l.N, l.left())
	} else {
		if len(l.salt) != proof.SaltSize || proof.Leaf(l.salt, l.doc) != leaf {
			return fmt.Errorf("audit: record %d is not as it was written", l.N)
		}
		r, p := l.AuditRecord, l.plain
		if !r.At.Equal(p.At) || r.Actor != p.Actor || r.Org != p.Org || r.Case != p.Case || r.Action != p.Action || r.Allowed != p.Allowed {
			return fmt.Errorf("audit: record %d is listed under something that it does not say", l.N)
		}
		v.gone.Record(l.doc)
	}
	var want []byte
	for _, h := range v.edge.Add(leaf) {
		want = append(want, h[:]...)
	}
	if !slices.Equal(want, l.hashes) {
		return fmt.Errorf("audit: the hashes at record %d do not follow from the records before it", l.N)
	}
	return nil
}
