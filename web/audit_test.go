package web

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"
)

func TestTheAuditListsOneReadWithItsReason(t *testing.T) {
	s := newSite(t)
	looked := s.as("ae-nurse").post("/lookup", append(find("barbara")[:8], "reason", "other", "words", "Her neighbour rang us")...)
	if looked.status != 303 {
		t.Fatalf("%d %s", looked.status, looked.text())
	}
	s.as("ae-nurse").get("/ops")
	r := s.as("ig-lead")
	page := r.get("/audit")
	page.says("You’re being recorded too", "Not checked")
	row := tableRow(t, page, "Her neighbour rang us")
	for _, want := range []string{"22-Nov-2026 21:40", "P Ae-nurse", "A&E nurse, King’s Mill Hospital", "Another purpose", "Allowed", "lookup-hospital", "127.0.0.1", "provider"} {
		if !strings.Contains(row, want) {
			t.Errorf("%q is not in %q", want, row)
		}
	}
	if row := tableRow(t, page, "See operations"); !strings.Contains(row, "Denied") {
		t.Errorf("the refusal: %s", row)
	}
	r.get(link(t, page, handle(s.barbara)+" everything")).says("Her neighbour rang us", "Record "+handle(s.barbara))
	if got := r.get("/audit?who=u-coordinator"); strings.Contains(got.text(), "Her neighbour") {
		t.Error("another’s rows are there")
	}
	r.get("/audit?action=seeAudit").says("P Ig-lead", "Audit viewed")
}

func TestTheAuditIsPaged(t *testing.T) {
	s := newSite(t)
	r := s.as("ig-lead")
	for range 60 { // two rows each: the list, and whether it is intact
		r.get("/audit")
	}
	first := r.get("/audit?who=u-ig-lead")
	if n := len(first.all("tr")) - 1; n != 100 {
		t.Errorf("%d rows", n)
	}
	second := r.get(link(t, first, "Older"))
	second.says("Newest")
	if n := len(second.all("tr")) - 1; n < 10 || n > 40 {
		t.Errorf("%d rows on the second page", n)
	}
}

func TestNoNameComesIntoTheAuditsAddress(t *testing.T) {
	s := newSite(t)
	r := s.as("ig-lead")
	for _, typed := range []string{"Barbara Oakley", "oakley", "999 000 1000"} {
		got := r.post("/audit", "case", typed)
		if got.status != 422 {
			t.Errorf("%q: %d to %q", typed, got.status, got.to)
		}
		wellMade(t, got)
	}
	if got := r.post("/audit", "case", string(s.barbara), "who", "u-ae-nurse"); got.to != "/audit?case=barbara-case&who=u-ae-nurse" {
		t.Errorf("to %q", got.to)
	}
}

func TestTheAuditSaysWhetherItIsIntact(t *testing.T) {
	s := newSite(t)
	r := s.as("ig-lead")
	r.get("/audit")
	if h := s.hub.CheckAudit(context.Background()); !h.Intact {
		t.Fatal(h.Problem)
	}
	r.get("/audit").says("Records intact Yes Checked 21:40")
	s.tamper()
	if h := s.hub.CheckAudit(context.Background()); h.Intact {
		t.Fatal("a changed record was not noticed")
	}
	r.get("/audit").says("The records are not intact", "Do not rely on it")
}

func TestTheRulesAreShownAsEnforced(t *testing.T) {
	s := newSite(t)
	got := s.as("ig-lead").get("/audit/rules")
	got.says("Version "+s.hub.Policies.Version(), "A wallboard shows the wall and nothing else.", "Forbids", "Permits")
	row := tableRow(t, got, "open a raw message")
	if !strings.Contains(row, "Integration engineer Yes") || strings.Count(row, "Yes") != 1 {
		t.Errorf("the matrix: %s", row)
	}
	for _, rule := range s.hub.Policies.Rules() {
		if !strings.Contains(got.text(), strings.Join(strings.Fields(rule.Says), " ")) {
			t.Errorf("rule %s is not there", rule.ID)
		}
	}
}

// tamper changes a record behind the store's back.
func (s *site) tamper() {
	s.t.Helper()
	found, err := filepath.Glob(filepath.Join(filepath.Dir(s.t.TempDir()), "*", "test.db"))
	s.must(err)
	if len(found) != 1 {
		s.t.Fatalf("%d databases", len(found))
	}
	db, err := sql.Open("sqlite", found[0]+"?_pragma=busy_timeout(5000)")
	s.must(err)
	defer db.Close()
	_, err = db.Exec(`UPDATE audit SET doc = replace(doc, '127.0.0.1', '127.0.0.9') WHERE n = (SELECT max(n) FROM audit)`)
	s.must(err)
}
