package hub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/proof"
	"homeward/store"
)

// Ledger signs the audit log, so that what it said once cannot be made to say
// something else. The zero value signs nothing.
type Ledger struct {
	Signer   note.Signer
	Verifier string          // of Signer, as outsiders need it
	Old      []note.Verifier // of keys that signed before
	// Keep, when set, keeps a copy of a checkpoint of a size elsewhere, where
	// whoever can change the database cannot change it; Kept reads all of them.
	Keep func(size int64, checkpoint []byte) error
	Kept func() ([][]byte, error)
}

// verifiers are of all keys that may have signed.
func (l Ledger) verifiers() ([]note.Verifier, error) {
	if l.Signer == nil {
		return l.Old, nil
	}
	v, err := proof.Verifier(l.Verifier)
	if err != nil {
		return nil, err
	}
	return append([]note.Verifier{v}, l.Old...), nil
}

// AuditHealth is whether the audit log proves itself.
type AuditHealth struct {
	Size        int64
	Checked     time.Time // zero: not yet
	Intact      bool
	Problem     string
	Signed      time.Time // of the newest checkpoint; zero: none
	SignedSize  int64
	Checkpoints int    // how many the log was compared with
	Verifier    string // of the key that signs; "" when none does
}

// health keeps the last check of the audit log, and the largest tree of it that
// held: who changes the database and its checkpoints too does not change that.
type health struct {
	mu   sync.Mutex
	at   AuditHealth
	held tlog.Tree
}

// hold remembers a tree that held.
func (h *health) hold(tree tlog.Tree) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if tree.N > h.held.N {
		h.held = tree
	}
}

func (h *health) holds() tlog.Tree {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.held
}

// AuditState says whether the records are intact, as last checked.
func (h *Hub) AuditState(ctx context.Context, by care.Actor) (AuditHealth, error) {
	err := h.operating(ctx, by, policy.SeeAudit, "audit state", "", func(*store.Tx) error { return nil })
	if err != nil {
		return AuditHealth{}, err
	}
	h.health.mu.Lock()
	defer h.health.mu.Unlock()
	return h.health.at, nil
}

// CheckAudit recomputes the whole audit log, compares it with every signed
// checkpoint that is kept here and elsewhere, and remembers the outcome. It runs
// at start and every night. When all holds it signs the log as it is; when not,
// it alerts every information governance lead, and signs nothing.
func (h *Hub) CheckAudit(ctx context.Context) AuditHealth {
	v := AuditHealth{Checked: h.now(), Verifier: h.Ledger.Verifier}
	known, err := h.Ledger.Trees(ctx, h.Store)
	v.Checkpoints = len(known)
	if held := h.health.holds(); held.N > 0 {
		known = append(known, held)
	}
	var tree tlog.Tree
	if err == nil {
		err = h.Store.View(ctx, func(tx *store.Tx) (err error) {
			if tree, err = tx.AuditTree(); err != nil {
				return err
			}
			v.Size = tree.N
			return tx.VerifyAudit(nil, known...)
		})
	}
	if err == nil {
		h.health.hold(tree)
		var c store.Checkpoint
		c, err = h.sign(ctx)
		v.Signed, v.SignedSize = c.At, c.Size
	}
	if err != nil && h.Ledger.Signer != nil {
		last, _ := view(ctx, h, func(tx *store.Tx) (store.Checkpoint, error) {
			return tx.LastCheckpoint(store.SignerName(h.Ledger.Signer))
		})
		v.Signed, v.SignedSize = last.At, last.Size
	}
	if ctx.Err() != nil {
		return v // stopped in the middle: that says nothing about the log
	}
	v.Intact = err == nil
	if err != nil {
		v.Problem = err.Error()
		h.broken(ctx, err)
	}
	h.health.mu.Lock()
	h.health.at = v
	h.health.mu.Unlock()
	return v
}

// broken says everywhere that the audit log does not prove itself. That the
// database could not be asked is no proof of anything, and needs no alert.
func (h *Hub) broken(ctx context.Context, err error) {
	h.Log.Error("the audit log does not prove itself", "err", err)
	if errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrClosed) {
		return
	}
	if err := h.RaiseAudit(ctx, err.Error()); err != nil && ctx.Err() == nil {
		h.Log.Error("alerting of the audit log", "err", err)
	}
}

// Trees is the trees of all checkpoints that are kept in a store and elsewhere,
// by whichever key. One that no known key signed is an error.
func (l Ledger) Trees(ctx context.Context, s *store.Store) ([]tlog.Tree, error) {
	verifiers, err := l.verifiers()
	if err != nil {
		return nil, err
	}
	var kept []store.Checkpoint
	if err := s.View(ctx, func(tx *store.Tx) (err error) { kept, err = tx.Checkpoints(); return err }); err != nil {
		return nil, err
	}
	var notes [][]byte
	if l.Kept != nil {
		if notes, err = l.Kept(); err != nil {
			return nil, fmt.Errorf("reading the checkpoints that are kept elsewhere: %w", err)
		}
	}
	for _, c := range kept {
		notes = append(notes, []byte(c.Note))
	}
	var trees []tlog.Tree
	for _, n := range notes {
		tree, _, err := proof.Open(n, verifiers...)
		if err != nil {
			first, _, _ := bytes.Cut(n, []byte("\n"))
			return nil, fmt.Errorf("a kept checkpoint of %q cannot be checked. If the key was changed, name the old public key in [audit] old_keys: %w", first, err)
		}
		trees = append(trees, tree)
	}
	return trees, nil
}

// SignAudit signs the log as it is, every hour, and keeps the checkpoint here
// and elsewhere. A log that does not continue what was signed last is not signed.
func (h *Hub) SignAudit(ctx context.Context) error {
	c, err := h.sign(ctx)
	if err != nil {
		if ctx.Err() == nil {
			h.broken(ctx, err)
		}
		return err
	}
	h.health.mu.Lock()
	h.health.at.Signed, h.health.at.SignedSize = c.At, c.Size
	h.health.mu.Unlock()
	return nil
}

// sign gives the newest checkpoint: a new one, unless the last one is of the log
// as it is.
func (h *Hub) sign(ctx context.Context) (store.Checkpoint, error) {
	l := h.Ledger
	if l.Signer == nil {
		return store.Checkpoint{}, nil
	}
	c := store.Checkpoint{Signer: store.SignerName(l.Signer), At: h.now()}
	fresh := true
	var now tlog.Tree
	err := h.Store.View(ctx, func(tx *store.Tx) (err error) {
		if now, err = tx.AuditTree(); err != nil {
			return err
		}
		last, err := h.continues(tx, now, c.Signer)
		if err != nil {
			return err
		}
		if last.Note != "" && last.Size == now.N {
			c, fresh = last, false
			return nil
		}
		b, err := proof.Sign(now, l.Signer)
		c.Size, c.Note, fresh = now.N, string(b), true
		return err
	})
	if err != nil || !fresh {
		return c, err
	}
	h.health.hold(now)
	if err := h.Store.Update(ctx, func(tx *store.Tx) error { return tx.PutCheckpoint(c) }); err != nil {
		return c, err
	}
	if l.Keep != nil {
		if err := l.Keep(c.Size, []byte(c.Note)); err != nil {
			return c, fmt.Errorf("keeping a checkpoint elsewhere: %w", err)
		}
	}
	return c, nil
}

// continues checks that the log continues what was signed last, and what this
// process saw hold, and gives the former.
func (h *Hub) continues(tx *store.Tx, now tlog.Tree, signer string) (store.Checkpoint, error) {
	if err := h.grew(tx, now, h.health.holds()); err != nil {
		return store.Checkpoint{}, err
	}
	last, err := tx.LastCheckpoint(signer)
	if store.IsNone(err) {
		return last, nil
	}
	if err != nil {
		return last, err
	}
	verifiers, err := h.Ledger.verifiers()
	if err != nil {
		return last, err
	}
	old, _, err := proof.Open([]byte(last.Note), verifiers...)
	if err != nil {
		return last, fmt.Errorf("reading the last checkpoint: %w", err)
	}
	return last, h.grew(tx, now, old)
}

// grew checks that the log of one tree is the beginning of the log as it is now.
func (h *Hub) grew(tx *store.Tx, now, old tlog.Tree) error {
	switch {
	case old.N == 0:
		return nil
	case old.N > now.N:
		return fmt.Errorf("audit: the log has %d records and had %d at a checkpoint", now.N, old.N)
	}
	growth, err := tx.AuditGrowth(now, old)
	if err == nil {
		err = proof.CheckGrowth(growth, now, old)
	}
	if err != nil {
		return fmt.Errorf("audit: the log does not continue the one that was signed last: %w", err)
	}
	return nil
}

// AuditExport is which records are exported.
type AuditExport struct {
	AuditQuery
	Why string // in words; it is audited
}

// mostExported is how many records one export of a reader holds. The operator's
// command has no limit.
const mostExported = 100_000

// ExportAudit writes the records that a reader may see and asks for as an
// outsider can check them, each with its proof; ExportAuditTable as a
// spreadsheet reads them. What is exported, and why, is audited first.
func (h *Hub) ExportAudit(ctx context.Context, by care.Actor, q AuditExport, w io.Writer) error {
	c, err := h.exporting(ctx, by, q, "file with proofs")
	if err != nil {
		return err
	}
	if c.Note == "" {
		return &care.Error{Kind: care.BusinessRule, Text: "This audit log is not signed, so there is nothing to prove. Ask whoever runs Homeward to set a key, or export a table"}
	}
	f := q.filter(by)
	f.Limit = mostExported
	_, err = h.writeExport(ctx, w, c, f, fmt.Sprintf("%s; no more than the oldest %d", q.what(by), mostExported), false)
	return err
}

// exporting decides and audits an export, and signs the log with that.
func (h *Hub) exporting(ctx context.Context, by care.Actor, q AuditExport, form string) (store.Checkpoint, error) {
	q.Why = strings.TrimSpace(q.Why)
	switch {
	case q.Why == "":
		return store.Checkpoint{}, &care.Error{Kind: care.Required, Field: "why", Text: "Enter why you need this export"}
	case len([]rune(q.Why)) > 500:
		return store.Checkpoint{}, &care.Error{Kind: care.Invalid, Field: "why", Text: "Why you need it must be 500 characters or fewer"}
	}
	err := h.operating(ctx, by, policy.ExportAudit, "audit exported as a "+form+": "+q.what(by), q.Why, func(*store.Tx) error { return nil })
	if err != nil {
		return store.Checkpoint{}, err
	}
	c, err := h.sign(ctx)
	if err != nil {
		return c, h.unavailable(err)
	}
	return c, nil
}

// what says in words which records a query chooses.
func (q AuditQuery) what(by care.Actor) string {
	words := []string{"all records"}
	add := func(yes bool, format string, vs ...any) {
		if yes {
			words = append(words, fmt.Sprintf(format, vs...))
		}
	}
	add(by.OrgKind != care.System, "of the staff of %s, and of persons with a number of its", by.Org)
	add(q.Case != "", "about record %s", q.Case)
	add(q.Actor != "", "by %s", q.Actor)
	add(q.Org != "", "by staff of %s", q.Org)
	add(q.Action != "", "of the action %s", q.Action)
	add(q.Denied, "that were denied")
	add(!q.From.IsZero(), "from %s", q.From.UTC().Format(time.RFC3339))
	add(!q.To.IsZero(), "before %s", q.To.UTC().Format(time.RFC3339))
	return strings.Join(words, ", ")
}

// writeExport writes the records that a filter chooses, and the checkpoints that
// prove them: the last is c.
func (h *Hub) writeExport(ctx context.Context, w io.Writer, c store.Checkpoint, f store.AuditFilter, what string, whole bool) (n int64, err error) {
	x, err := proof.NewWriter(w, proof.Header{Made: h.now(), Log: h.Ledger.Signer.Name(), Key: h.Ledger.Verifier, Whole: whole, What: what})
	if err != nil {
		return 0, err
	}
	err = h.Store.View(ctx, func(tx *store.Tx) error {
		tree, err := h.writeCheckpoints(tx, x, c, whole)
		if err != nil {
			return err
		}
		return tx.ExportAudit(tree, f, whole, func(r proof.Record, _ store.Audited) error { n++; return x.Record(r) })
	})
	if err != nil {
		return n, h.unavailable(err)
	}
	return n, x.Close()
}

// writeCheckpoints writes the checkpoints up to one, each with the proof that it
// continues the one before it, and gives the tree of the last.
func (h *Hub) writeCheckpoints(tx *store.Tx, x *proof.Writer, upTo store.Checkpoint, whole bool) (last tlog.Tree, err error) {
	verifiers, err := h.Ledger.verifiers()
	if err != nil {
		return last, err
	}
	all, err := tx.Checkpoints()
	if err != nil {
		return last, err
	}
	begun := false
	for _, c := range append(all, upTo) {
		tree, _, err := proof.Open([]byte(c.Note), verifiers...)
		if err != nil || c.Size >= upTo.Size && c != upTo || begun && tree.N == last.N {
			continue // of a key that is not known any more, or newer, or there already
		}
		p := proof.Checkpoint{Note: c.Note}
		if begun && !whole {
			if p.Growth, err = tx.AuditGrowth(tree, last); err != nil {
				return last, err
			}
		}
		if err := x.Checkpoint(p); err != nil {
			return last, err
		}
		last, begun = tree, true
	}
	return last, nil
}

// ExportWhole writes the log, or the records of a time, for the operator's
// command: all of it needs no proofs of each record. It is audited as the
// operator's.
func (h *Hub) ExportWhole(ctx context.Context, w io.Writer, from, to time.Time) (n int64, size int64, err error) {
	if h.Ledger.Signer == nil {
		return 0, 0, errors.New("the audit log is not signed: set [audit] key in the configuration, or run homeward audit key")
	}
	q := AuditQuery{From: from, To: to}
	what := q.what(care.Actor{OrgKind: care.System})
	err = h.update(ctx, func(tx *store.Tx) error {
		return tx.Audit(store.AuditRecord{At: h.now(), Actor: "operator", Action: string(policy.ExportAudit), Purpose: string(policy.Operations), Allowed: true,
			Outcome: "audit exported as a file with proofs: " + what})
	})
	if err != nil {
		return 0, 0, err
	}
	c, err := h.sign(ctx)
	if err != nil {
		return 0, 0, err
	}
	n, err = h.writeExport(ctx, w, c, store.AuditFilter{From: from, To: to}, what, from.IsZero() && to.IsZero())
	return n, c.Size, err
}

// ExportAuditTable gives the records as ExportAudit, one after the other, for a
// table.
func (h *Hub) ExportAuditTable(ctx context.Context, by care.Actor, q AuditExport, each func(AuditView) error) error {
	if _, err := h.exporting(ctx, by, q, "table"); err != nil {
		return err
	}
	f := q.filter(by)
	f.Limit = mostExported
	err := h.Store.View(ctx, func(tx *store.Tx) error {
		tree, err := tx.AuditTree()
		if err != nil {
			return err
		}
		return tx.ExportAudit(tree, f, true, func(_ proof.Record, a store.Audited) error {
			return each(AuditView{Audited: a, OrgName: h.Org(a.Org).Name})
		})
	})
	return h.unavailable(err)
}

// auditFor is which organisation's rows a reader sees: those of its own staff,
// and those about persons that carry a number of its; "" for those who run
// Homeward, who see all.
func auditFor(by care.Actor) nhs.ODS {
	if by.OrgKind == care.System {
		return ""
	}
	return by.Org
}
