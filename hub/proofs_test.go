package hub

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"homeward/care"
	"homeward/internal/pgtest"
	"homeward/policy"
	"homeward/proof"
	"homeward/store"
)

// signing gives a site a key, and a place elsewhere for its checkpoints.
func signing(t testing.TB) (change func(*Config, *store.Config), elsewhere *kept, v note.Verifier) {
	t.Helper()
	key, public, err := proof.NewKey(rand.Reader, "homeward.test")
	if err != nil {
		t.Fatal(err)
	}
	s, _, err := proof.Signer(key)
	if err != nil {
		t.Fatal(err)
	}
	if v, err = proof.Verifier(public); err != nil {
		t.Fatal(err)
	}
	elsewhere = &kept{}
	return func(c *Config, _ *store.Config) {
		c.Ledger = Ledger{Signer: s, Verifier: public, Keep: elsewhere.keep, Kept: elsewhere.all}
	}, elsewhere, v
}

type kept struct {
	mu    sync.Mutex
	notes [][]byte
}

func (k *kept) keep(_ int64, b []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.notes = append(k.notes, b)
	return nil
}

func (k *kept) all() ([][]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.notes), nil
}

func signed(t *testing.T, f func(t *testing.T, s *site, elsewhere *kept, v note.Verifier)) {
	for _, engine := range pgtest.Engines() {
		t.Run(engine, func(t *testing.T) {
			change, elsewhere, v := signing(t)
			f(t, newSite(t, engine, change), elsewhere, v)
		})
	}
}

// act writes n audit rows.
func (s *site) act(n int) {
	s.Helper()
	for range n {
		_, err := s.Feeds(s.ctx(), as(care.Integration, system))
		s.must(err)
	}
}

func TestTheLogIsSignedHourlyAndComparedWithAllCheckpoints(t *testing.T) {
	signed(t, func(t *testing.T, s *site, elsewhere *kept, v note.Verifier) {
		if h := s.CheckAudit(s.ctx()); !h.Intact || h.Size != 0 || h.Checkpoints != 0 || h.SignedSize != 0 || h.Signed.IsZero() {
			t.Errorf("an empty log: %+v", h)
		}
		for range 3 {
			s.act(3)
			s.pass(time.Hour)
			s.must(s.SignAudit(s.ctx()))
			s.must(s.SignAudit(s.ctx())) // nothing new: nothing is signed
		}
		h := s.CheckAudit(s.ctx())
		if !h.Intact || h.Size != 9 || h.Checkpoints != 8 || h.SignedSize != 9 || !h.Signed.Equal(s.clock()) {
			t.Errorf("%+v", h)
		}
		if len(elsewhere.notes) != 4 {
			t.Fatalf("%d checkpoints elsewhere", len(elsewhere.notes))
		}
		tree, _, err := proof.Open(elsewhere.notes[3], v)
		s.must(err)
		s.view(func(tx *store.Tx) error {
			now, err := tx.AuditTree()
			if now != tree {
				t.Errorf("signed %v, is %v", tree, now)
			}
			return err
		})
		s.view(func(tx *store.Tx) error {
			as, err := tx.Alerts(store.AlertFilter{})
			if len(as) > 0 {
				t.Errorf("alerts of a log that is intact: %+v", as)
			}
			return err
		})
	})
}

// TestALogThatWasWrittenAnewIsFound has somebody with the whole database write
// another log, hashes and all, and take the kept checkpoints away: only what is
// kept elsewhere shows it.
func TestALogThatWasWrittenAnewIsFound(t *testing.T) {
	change, elsewhere, _ := signing(t)
	s := newSite(t, "sqlite", change)
	s.act(5)
	s.must(s.SignAudit(s.ctx()))
	other := newSite(t, "sqlite", change)
	other.act(7)
	h := other.CheckAudit(s.ctx())
	if h.Intact || !strings.Contains(h.Problem, "first 5 records are not those of the checkpoint") {
		t.Errorf("%+v", h)
	}
	other.view(func(tx *store.Tx) error {
		as, err := tx.Alerts(store.AlertFilter{})
		if len(as) != 1 || as[0].Kind != store.AlertAudit || len(as[0].Orgs) == 0 {
			t.Errorf("alerts %+v", as)
		}
		return err
	})
	shorter := newSite(t, "sqlite", change)
	shorter.act(2)
	shorter.Ledger.Keep = nil
	shorter.must(shorter.SignAudit(s.ctx()))
	if h := shorter.CheckAudit(s.ctx()); h.Intact || !strings.Contains(h.Problem, "had 5 at a checkpoint") || h.SignedSize != 2 {
		t.Errorf("a log that was cut: %+v", h)
	}
	elsewhere.notes = nil
	if h := other.CheckAudit(s.ctx()); !h.Intact {
		t.Errorf("without them nothing shows it: %+v", h)
	}
}

func TestACheckpointOfAnUnknownKeyIsNoProof(t *testing.T) {
	signed(t, func(t *testing.T, s *site, _ *kept, old note.Verifier) {
		s.act(2)
		s.must(s.SignAudit(s.ctx()))
		change, _, _ := signing(t) // the key was changed
		next := s.another(change)
		if h := next.CheckAudit(s.ctx()); h.Intact || !strings.Contains(h.Problem, "old_keys") {
			t.Errorf("%+v", h)
		}
		next = s.another(change, func(c *Config, _ *store.Config) { c.Ledger.Old = []note.Verifier{old} })
		if h := next.CheckAudit(s.ctx()); !h.Intact || h.Checkpoints != 1 {
			t.Errorf("with the old key named: %+v", h)
		}
	})
}

func TestALeadExportsWhatAnOutsiderChecks(t *testing.T) {
	signed(t, func(t *testing.T, s *site, _ *kept, v note.Verifier) {
		id := s.admit(nobody(1))
		s.act(3)
		s.must(s.SignAudit(s.ctx()))
		_, _ = s.Case(s.ctx(), as(care.WardNurse, kings), id)
		_, _ = s.Case(s.ctx(), as(care.SocialWorker, notts), id) // denied: no part in it
		_, _ = s.Case(s.ctx(), as(care.WardNurse, other), id)
		lead := as(care.IGLead, kings)
		s.refused(s.ExportAudit(s.ctx(), lead, AuditExport{}, io.Discard), care.Required, "why")
		s.refused(s.ExportAudit(s.ctx(), as(care.Integration, system), AuditExport{Why: "to see"}, io.Discard), care.Forbidden, "")
		var b bytes.Buffer
		rows := s.audits(func() { s.must(s.ExportAudit(s.ctx(), lead, AuditExport{Why: "a complaint"}, &b)) })
		if len(rows) != 1 || rows[0].Action != string(policy.ExportAudit) || rows[0].Reason != "a complaint" || !rows[0].Allowed {
			t.Errorf("audited as %+v", rows)
		}
		rep, err := proof.Verify(bytes.NewReader(b.Bytes()), []note.Verifier{v})
		s.must(err)
		if rep.Header.Whole || rep.Records == 0 || rep.Checkpoints != 2 {
			t.Errorf("%+v", rep)
		}
		var own, others, unrelated int
		s.must(s.ExportAuditTable(s.ctx(), lead, AuditExport{Why: "a complaint"}, func(r AuditView) error {
			switch {
			case r.Org == kings:
				own++
			case r.Case == id:
				others++
			default:
				unrelated++
			}
			return nil
		}))
		if own == 0 || others != 2 || unrelated != 0 {
			t.Errorf("%d of their own staff, %d others about their person, %d unrelated", own, others, unrelated)
		}
		if bytes.Contains(b.Bytes(), []byte("seeOperations")) {
			t.Error("what the operator's staff did is in it")
		}
		b.Reset()
		s.must(s.ExportAudit(s.ctx(), as(care.IGLead, system), AuditExport{AuditQuery: AuditQuery{Case: id}, Why: "one person"}, &b))
		rep, err = proof.Verify(bytes.NewReader(b.Bytes()), []note.Verifier{v})
		if err != nil || rep.Records != 3 {
			t.Errorf("one person: %+v, %v", rep, err)
		}
	})
}

func TestALeadSeesTheirOwnStaffAndTheirOwnPersons(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		id := s.admit(nobody(1))
		s.act(1)
		_, _ = s.Case(s.ctx(), as(care.WardNurse, kings), id)
		_, _ = s.Case(s.ctx(), as(care.WardNurse, other), id)
		seen := func(by care.Actor, q AuditQuery) (out []string) {
			rows, err := s.Audits(s.ctx(), by, q)
			s.must(err)
			for _, r := range rows {
				out = append(out, string(r.Org)+" "+r.Action)
			}
			return out
		}
		if got := seen(as(care.IGLead, other), AuditQuery{}); !slices.Equal(got, []string{"RX1 openCase"}) {
			t.Errorf("the other trust's lead sees %v", got)
		}
		if got := seen(as(care.IGLead, kings), AuditQuery{}); !slices.Equal(got, []string{"RX1 openCase", "RK5 openCase"}) {
			t.Errorf("the trust's lead sees %v", got)
		}
		if got := seen(as(care.IGLead, system), AuditQuery{}); len(got) != 5 {
			t.Errorf("the system's lead sees %v", got)
		}
		if got := seen(as(care.IGLead, system), AuditQuery{Denied: true}); !slices.Equal(got, []string{"RX1 openCase"}) {
			t.Errorf("denied: %v", got)
		}
		if got := seen(as(care.IGLead, system), AuditQuery{Org: kings, From: s.clock(), To: s.clock().Add(time.Second)}); len(got) != 2 {
			t.Errorf("of one organisation: %v", got)
		}
		if got := seen(as(care.IGLead, system), AuditQuery{To: s.clock()}); len(got) != 0 {
			t.Errorf("before now: %v", got)
		}
	})
}

func TestTheWholeLogIsExportedForWhoeverAsks(t *testing.T) {
	signed(t, func(t *testing.T, s *site, elsewhere *kept, v note.Verifier) {
		for range 4 {
			s.act(10)
			s.must(s.SignAudit(s.ctx()))
			s.pass(time.Hour)
		}
		var b bytes.Buffer
		n, size, err := s.ExportWhole(s.ctx(), &b, time.Time{}, time.Time{})
		s.must(err)
		if n != 41 || size != 41 {
			t.Errorf("%d records of %d", n, size)
		}
		rep, err := proof.Verify(bytes.NewReader(b.Bytes()), []note.Verifier{v}, elsewhere.notes[1])
		if err != nil || !rep.Header.Whole || rep.Records != 41 || rep.Checkpoints != 5 {
			t.Errorf("%+v, %v", rep, err)
		}
		b.Reset()
		n, _, err = s.ExportWhole(s.ctx(), &b, morning.Add(time.Hour), morning.Add(3*time.Hour))
		s.must(err)
		rep, err = proof.Verify(bytes.NewReader(b.Bytes()), []note.Verifier{v}, elsewhere.notes[1])
		if err != nil || rep.Header.Whole || n != 20 || rep.Records != 20 || rep.First != 10 {
			t.Errorf("%+v, %v", rep, err)
		}
	})
}

// TestALogThatIsReplacedUnderARunningProcessIsFound takes the newest records and
// every kept checkpoint away, or writes another log: the process remembers.
func TestALogThatIsReplacedUnderARunningProcessIsFound(t *testing.T) {
	for records, want := range map[int]string{2: "had 5", 9: "first 5 records are not"} {
		change, _, _ := signing(t)
		nowhere := func(c *Config, _ *store.Config) { c.Ledger.Keep, c.Ledger.Kept = nil, nil }
		s, other := newSite(t, "sqlite", change, nowhere), newSite(t, "sqlite", change, nowhere)
		s.act(5)
		if h := s.CheckAudit(s.ctx()); !h.Intact {
			t.Fatalf("%+v", h)
		}
		other.act(records)
		s.Store = other.Store
		if err := s.SignAudit(s.ctx()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("signed: %v, want %q", err, want)
		}
		if h := s.CheckAudit(s.ctx()); h.Intact || !strings.Contains(h.Problem, want) {
			t.Errorf("%+v, want %q", h, want)
		}
	}
}

func TestNothingIsSignedOnAShakyStart(t *testing.T) {
	change, _, _ := signing(t)
	full := errors.New("the disk is full")
	s := newSite(t, "sqlite", change, func(c *Config, _ *store.Config) { c.Ledger.Keep = func(int64, []byte) error { return full } })
	s.act(1)
	if err := s.SignAudit(s.ctx()); !errors.Is(err, full) {
		t.Errorf("a checkpoint that could not be kept elsewhere: %v", err)
	}
	ctx, cancel := context.WithCancel(s.ctx())
	cancel()
	if h := s.CheckAudit(ctx); h.Problem != "" {
		t.Errorf("stopped in the middle: %+v", h)
	}
	if _, _, err := newSite(t, "sqlite").ExportWhole(s.ctx(), io.Discard, time.Time{}, time.Time{}); err == nil {
		t.Error("a log without a key was exported")
	}
}
