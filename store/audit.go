package store

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"homeward/care"
	"homeward/nhs"
	"homeward/proof"
)

// AuditRecord is one decision or act, as it is audited. Its content can be
// erased later without breaking the log: the log holds only a salted hash.
type AuditRecord struct {
	At           time.Time    `json:"at"`
	Actor        care.ActorID `json:"actor"`
	Name         string       `json:"name,omitempty"`
	Role         care.Role    `json:"role,omitempty"`
	RoleID       string       `json:"roleId,omitempty"` // role profile, as the identity provider names it (NHS CIS2)
	Org          nhs.ODS      `json:"org,omitempty"`
	Action       string       `json:"action"`
	Case         care.CaseID  `json:"case,omitempty"`
	Purpose      string       `json:"purpose,omitempty"`
	Reason       string       `json:"reason,omitempty"`
	Relationship string       `json:"relationship,omitempty"`
	Allowed      bool         `json:"allowed"`
	Policies     []string     `json:"policies,omitzero"` // ids of the policies that decided
	Rules        string       `json:"rules,omitempty"`   // version of the policies
	Sections     []string     `json:"sections,omitzero"` // what was shown
	Outcome      string       `json:"outcome,omitempty"`
	Address      string       `json:"address,omitempty"` // network address of the actor
	Request      string       `json:"request,omitempty"` // of the web server's log
}

// Audited is a record at its place in the log. N counts from 0.
type Audited struct {
	N      int64
	Erased bool // only At, Actor, Org, Case, Action and Allowed are left
	AuditRecord
}

const hashSize = len(tlog.Hash{})

// readHashes reads stored hashes, for tlog.
func (t *Tx) readHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	vs := make([][]any, len(indexes))
	found := 0
	for i, x := range indexes {
		n, _ := proof.CompletedBy(x)
		vs[i] = []any{n}
	}
	err := t.queryEach(`SELECT hashes FROM audit WHERE n = $1`, vs, func(i int, row []any) error {
		var b []byte
		if err := scan(row, &b); err != nil {
			return err
		}
		_, level := proof.CompletedBy(indexes[i])
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
func (t *Tx) loadEdge() (err error) {
	if t.s.edge.Size == t.b.tally.audit {
		return nil
	}
	if t.s.edge, err = proof.EdgeAt(t.b.tally.audit, tlog.HashReaderFunc(t.readHashes)); err != nil {
		return fmt.Errorf("reading the end of the audit log: %w", err)
	}
	return nil
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
		salt := make([]byte, proof.SaltSize)
		rand.Read(salt)
		n := t.b.tally.audit
		var hashes []byte
		for _, h := range t.s.edge.Add(proof.Leaf(salt, doc)) {
			hashes = append(hashes, h[:]...)
		}
		t.b.tally.audit++
		rows[i] = []any{n, r.At, r.Actor, r.Org, r.Case, r.Action, r.Allowed, salt, t.seal(auditDoc, doc, n), hashes}
	}
	return t.insert(`INSERT INTO audit (n, at, actor, org, case_id, action, allowed, salt, doc, hashes)`, rows, "")
}

// AuditFilter chooses records; empty fields choose all.
type AuditFilter struct {
	Case   care.CaseID
	Actor  care.ActorID
	Org    nhs.ODS // of the actor
	Action string
	Denied bool // only what was denied
	From   time.Time
	To     time.Time // exclusive
	// For is the organisation that asks: only what its own staff did and what was
	// done with persons that carry a number of its. "" chooses all.
	For    nhs.ODS
	Before int64 // 0: from the newest
	Limit  int   // 0 is 100
}

// about chooses records of cases that carry a number of an organisation.
const about = `case_id IN (SELECT case_id FROM keys WHERE kind IN (?, ?))`

// Audits is a page of the log, newest first. The next page is Before the last N
// of this one.
func (t *Tx) Audits(f AuditFilter) ([]Audited, error) {
	if f.Limit <= 0 {
		f.Limit = 100
	}
	as, err := t.audits(f, "org = ? AND org <> ''", f.For)
	if err != nil || f.For == "" {
		return as, err
	}
	// Two questions, for an index answers each, and none answers both.
	more, err := t.audits(f, about, "mrn:"+f.For, "council:"+f.For)
	as = append(as, more...)
	slices.SortFunc(as, func(a, b Audited) int { return cmp.Compare(b.N, a.N) })
	as = slices.CompactFunc(as, func(a, b Audited) bool { return a.N == b.N })
	return as[:min(len(as), f.Limit)], err
}

func (t *Tx) audits(f AuditFilter, of string, vs ...any) (as []Audited, err error) {
	w := f.where()
	if f.For != "" {
		w.and(of, vs...)
	}
	sql := auditText + " WHERE " + w.b.String() + " ORDER BY n DESC" + w.bind(" LIMIT ?", f.Limit)
	err = t.query(sql, w.vs, func(row []any) error {
		l, err := t.scanAudit(row)
		as = append(as, l.Audited)
		return err
	})
	return as, err
}

func (f AuditFilter) where() *where {
	w := &where{}
	w.and("n < ?", beforeOr(f.Before))
	if f.Case != "" {
		w.and("case_id = ? AND case_id <> ''", f.Case)
	}
	if f.Actor != "" {
		w.and("actor = ?", f.Actor)
	}
	if f.Org != "" {
		w.and("org = ? AND org <> ''", f.Org)
	}
	if f.Action != "" {
		w.and("action = ?", f.Action)
	}
	if f.Denied {
		w.and("allowed = 0")
	}
	if !f.From.IsZero() {
		w.and("at >= ?", f.From)
	}
	if !f.To.IsZero() {
		w.and("at < ?", f.To)
	}
	return w
}

func beforeOr(n int64) int64 {
	if n <= 0 {
		return 1 << 62
	}
	return n
}

const auditText = `SELECT n, at, actor, org, case_id, action, allowed, salt, doc, hashes FROM audit`

// auditLine is a record as it is stored.
type auditLine struct {
	Audited
	salt, hashes []byte
	doc          string
	plain        AuditRecord // what the columns say
}

// left is what an erased record still says, as an outsider checks it.
func (l auditLine) left() proof.Left {
	p := l.plain
	return proof.Left{At: p.At, Actor: string(p.Actor), Org: string(p.Org), Case: string(p.Case), Action: p.Action, Allowed: p.Allowed}
}

func (t *Tx) scanAudit(row []any) (l auditLine, err error) {
	p := &l.plain
	if err := scan(row, &l.N, &p.At, &p.Actor, &p.Org, &p.Case, &p.Action, &p.Allowed, &l.salt, &l.doc, &l.hashes); err != nil {
		return l, err
	}
	if l.Erased = l.salt == nil; l.Erased {
		l.AuditRecord = *p
		return l, nil
	}
	if l.doc, err = t.openText(auditDoc, l.doc, l.N); err != nil {
		return l, err
	}
	if err := json.Unmarshal([]byte(l.doc), &l.AuditRecord); err != nil {
		return l, fmt.Errorf("reading audit record %d: %w", l.N, err)
	}
	return l, nil
}
