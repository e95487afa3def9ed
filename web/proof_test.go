package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"homeward/care"
	"homeward/hub"
	"homeward/policies"
	"homeward/proof"
	"homeward/retention"
	"homeward/signin"
	"homeward/store"
)

// signs gives the site a key for its audit log.
func (s *site) signs() note.Verifier {
	s.t.Helper()
	key, public, err := proof.NewKey(rand.Reader, "homeward.test")
	s.must(err)
	signer, _, err := proof.Signer(key)
	s.must(err)
	s.hub.Ledger = hub.Ledger{Signer: signer, Verifier: public}
	v, err := proof.Verifier(public)
	s.must(err)
	return v
}

func TestTheRecordsPageSaysWhatProvesThem(t *testing.T) {
	s := newSite(t)
	r := s.as("ig-lead")
	r.get("/audit/records").says("Not signed: no key is set")
	s.signs()
	s.hub.CheckAudit(context.Background())
	page := r.get("/audit/records")
	page.says("Records intact", "signed checkpoint 21:40", s.hub.Ledger.Verifier)
	wellMade(t, page)
	s.tamper()
	s.hub.CheckAudit(context.Background())
	page = r.get("/audit/records")
	page.says("The records are not intact", "is not as it was written")
	wellMade(t, page)
	if got := s.as("coordinator").get("/audit/records"); got.status != 403 {
		t.Errorf("a coordinator: %d", got.status)
	}
}

func TestALeadExportsTheAudit(t *testing.T) {
	s := newSite(t)
	v := s.signs()
	s.as("ae-nurse").post("/lookup", append(find("barbara")[:8], "reason", "other", "words", "=HYPERLINK(\"x\")")...)
	r := s.as("ig-lead")
	page := r.get("/audit/export?who=u-ae-nurse")
	page.says("Only the records that match", "u-ae-nurse")
	wellMade(t, page)
	bad := r.post("/audit/export?who=u-ae-nurse", "form", "table")
	if bad.status != 422 {
		t.Fatalf("without a reason: %d", bad.status)
	}
	bad.says("Enter why you need this export")
	wellMade(t, bad)
	file := r.post("/audit/export?who=u-ae-nurse", "form", "table", "why", "a complaint")
	if file.status != 200 || !strings.Contains(file.header.Get("Content-Disposition"), `filename="audit-2026-11-22.csv"`) {
		t.Fatalf("%d %v", file.status, file.header)
	}
	rows, err := csv.NewReader(strings.NewReader(file.body)).ReadAll()
	if err != nil || len(rows) < 3 || rows[0][1] != "When" {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if !strings.Contains(file.body, "'=HYPERLINK") {
		t.Error("a formula was exported")
	}
	for _, row := range rows[1:] {
		if row[2] != "u-ae-nurse" {
			t.Errorf("a row of %s", row[2])
		}
	}
	file = r.post("/audit/export", "form", "proofs", "why", "a complaint")
	rep, err := proof.Verify(bytes.NewReader([]byte(file.body)), []note.Verifier{v})
	if err != nil || rep.Records == 0 {
		t.Errorf("%+v, %v", rep, err)
	}
	r.get("/audit?action=exportAudit").says("a complaint", "Audit exported as a table")
	if got := s.as("coordinator").post("/audit/export", "form", "table", "why", "curious"); got.status != 403 || got.header.Get("Content-Disposition") != "" {
		t.Errorf("a coordinator: %d %v", got.status, got.header)
	}
	s.hub.Ledger = hub.Ledger{}
	if got := r.post("/audit/export", "form", "proofs", "why", "a complaint"); got.status == 200 {
		t.Error("a log without a key was exported with proofs")
	}
}

func TestTheAuditIsSearchedByTimeOrganisationAndDecision(t *testing.T) {
	s := newSite(t)
	s.as("ae-nurse").get("/ops")
	r := s.as("ig-lead")
	got := r.post("/audit", "from-day", "22", "from-month", "11", "from-year", "2026", "from-time", "21:30", "to-day", "22", "to-month", "11", "to-year", "2026")
	if got.to != "/audit?from=2026-11-22T21%3A30%3A00Z&to=2026-11-23T00%3A00%3A00Z" {
		t.Fatalf("to %q", got.to)
	}
	page := r.get(got.to)
	page.says("P Ae-nurse", "From 22-Nov-2026 21:30")
	wellMade(t, page)
	if got := r.get("/audit?to=2026-11-22T21%3A30%3A00Z"); strings.Contains(got.text(), "P Ae-nurse") {
		t.Error("what came later is listed")
	}
	for _, bad := range [][]string{{"from-day", "40", "from-month", "1", "from-year", "2026"}, {"to-time", "25:00", "to-day", "1", "to-month", "1", "to-year", "2026"},
		{"from-time", "9:00"}, {"from-day", "2", "from-month", "1", "from-year", "2026", "to-day", "1", "to-month", "1", "to-year", "2026"}, {}} {
		got := r.post("/audit", bad...)
		if got.status != 422 {
			t.Errorf("%v: %d", bad, got.status)
		}
		wellMade(t, got)
	}
	r.get("/audit?denied=yes").says("Denied only", "P Ae-nurse")
	if got := r.get("/audit?org=RX1"); strings.Contains(got.text(), "P Ae-nurse") {
		t.Error("another organisation’s staff is listed")
	}
	if got := r.get("/audit?who=Barbara+Oakley&case=Barbara"); strings.Contains(got.text(), "Oakley") {
		t.Error("a name in the address was taken for a handle")
	}
}

func TestTwoLeadsReviewWhoIsDue(t *testing.T) {
	s := newSite(t)
	b, err := policies.Files.ReadFile("retention.toml")
	s.must(err)
	s.hub.Config.Retention, err = retention.Load(b)
	s.must(err)
	hash, err := signin.HashPassword("anybody", password, nil)
	s.must(err)
	s.must(s.store.Update(context.Background(), func(tx *store.Tx) error {
		return tx.PutUser(care.Account{ID: "u-ig-lead-2", Login: "ig-lead-2", Name: "P Second", Grants: []care.Grant{{Role: care.IGLead, Org: kingsMill}}, Hash: hash})
	}))
	id := s.person("gone", "Juniper", "Gwen") // nothing of hers is open
	s.as("ig-lead").get("/retention").says("Nothing is due", "8 years", "A local decision")
	s.later(8 * 366 * 24 * time.Hour)
	r, second := s.as("ig-lead"), s.as("ig-lead-2")
	page := r.get("/retention")
	page.says("1 record to review", handle(id), "Not reviewed")
	wellMade(t, page)
	if strings.Contains(page.text(), "Juniper") {
		t.Error("the list names her")
	}
	at := "/retention/" + string(id)
	wellMade(t, r.get(at))
	bad := r.post(at+"/propose", "propose-why", "")
	bad.says("Enter why")
	wellMade(t, bad)
	bad = r.post(at+"/keep", "keep-why", "a claim", "until-day", "1", "until-month", "1", "until-year", "2000")
	bad.says("Keep until must be a date in the future")
	if got := r.post(at+"/propose", "propose-why", "the time is over"); got.to != "/retention" {
		t.Fatalf("%d %s", got.status, got.text())
	}
	r.get(at).says("You proposed to erase this")
	if got := r.post(at+"/agree", "sure", "yes"); got.status != 403 {
		t.Errorf("agreed with themselves: %d", got.status)
	}
	page = second.get(at)
	page.says("Erase it for good", "the time is over")
	wellMade(t, page)
	second.post(at + "/agree").says("Select that you have made sure")
	if got := second.post(at+"/agree", "sure", "yes"); got.to != "/retention" {
		t.Fatalf("%d %s", got.status, got.text())
	}
	second.get("/retention").says("Nothing is due", "1 erased so far")
	if got := second.get(at); got.status != 404 {
		t.Errorf("after it: %d", got.status)
	}
	s.must(s.store.Verify(context.Background(), func(p string) { t.Error(p) }))
	if got := s.as("coordinator").get("/retention"); got.status != 403 {
		t.Errorf("a coordinator: %d", got.status)
	}
}
