package web

import (
	"bufio"
	"encoding/csv"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"homeward/care"
	"homeward/nhs"
	"homeward/store"
)

// looksUp looks somebody up and gives the address of the result.
func (r *reader) looksUp(n nhs.Number) string {
	r.s.t.Helper()
	got := r.post("/lookup", "nhs", n.Digits(), "dob-day", "14", "dob-month", "3", "dob-year", "1941", "reason", "care")
	if got.status != 303 {
		r.s.t.Fatalf("looking up: %d %s", got.status, got.text())
	}
	return got.to
}

// breaks breaks the glass from a result, and shows who they are where that is asked.
func (r *reader) breaks(result string) shown {
	r.s.t.Helper()
	return r.post(result+"/glass", "reason", "Unconscious, and nobody is with her", "confirm-password", password)
}

func linkTo(p shown, href string) bool {
	for _, a := range p.all("a") {
		if attr(a, "href") == href {
			return true
		}
	}
	return false
}

// TestGlassIsOfferedAlike is that every result offers to break the glass in the
// same words, and that what it opens for nobody tells nothing.
func TestGlassIsOfferedAlike(t *testing.T) {
	s := newSite(t)
	r := s.as("ae-nurse")
	const offer = "This is an emergency and you need to see more"
	for name, n := range map[string]nhs.Number{"found": number("barbara"), "nobody": nhs.Test(4711), "frozen": number("fred"), "an enquiry alone": number("peter")} {
		result := r.looksUp(n)
		p := r.get(result)
		if p.status != 200 || !strings.Contains(p.text(), offer) || !linkTo(p, result+"/glass") {
			t.Errorf("%s: no offer: %s", name, p.text())
		}
	}
	result := r.looksUp(nhs.Test(4711))
	ask := r.get(result + "/glass")
	ask.says("Your information governance lead is told at once", "for 60 minutes", "Why must you see this record now?")
	if p := r.post(result+"/glass", "reason", "quick", "confirm-password", password); p.status != 422 {
		t.Errorf("a short reason: %d", p.status)
	} else {
		p.says("Enter why you must see this record now, in 10 characters or more")
		if !strings.Contains(p.body, "quick") {
			t.Error("what was typed is lost")
		}
	}
	before := r.get(result)
	if got := r.breaks(result); got.status != 303 || got.to != result {
		t.Fatalf("broken: %d %s", got.status, got.text())
	}
	after := r.get(result)
	after.says("You broke the glass at 21:40; it closes at 22:40.", "This does not mean the person has no care.")
	if strings.Contains(after.text(), offer) || strings.Contains(before.text(), "You broke the glass") {
		t.Error("offered again, or said before")
	}
	broker := s.as("broker")
	if p := broker.get(result + "/glass"); p.status != 403 && p.status != 404 {
		t.Errorf("a broker is asked: %d", p.status)
	}
}

// TestBrokenGlassStandsOnEveryPage follows the line above the case, and the
// alert to its end.
func TestBrokenGlassStandsOnEveryPage(t *testing.T) {
	s := newSite(t)
	nurse := s.as("ward-nurse")
	s.must(s.store.Update(t.Context(), func(tx *store.Tx) error {
		return tx.PutUser(care.Account{ID: "u-lead-county", Login: "lead-county", Name: "P Lead", Grants: []care.Grant{{Role: care.IGLead, Org: county}}, Hash: s.hash()})
	}))
	result := nurse.looksUp(number("barbara"))
	nurse.breaks(result)
	const line = "You broke the glass at 21:40; it closes at 22:40."
	for _, path := range []string{result, "/cases/barbara-case", "/cases/barbara-case?tab=care", "/cases/barbara-case?tab=notes", "/cases/barbara-case/refer", "/cases/barbara-case/call", "/cases/barbara-case/objection"} {
		if p := nurse.get(path); p.status == 200 {
			p.says(line)
		} else if p.status != 303 {
			t.Errorf("%s: %d", path, p.status)
		}
	}
	if p := nurse.get("/cases/walter-case"); strings.Contains(p.text(), line) {
		t.Error("the line stands on another person's case")
	}
	if p := s.as("coordinator").get("/cases/barbara-case"); strings.Contains(p.text(), line) {
		t.Error("the line stands on another reader's page")
	}
	lead := s.as("lead-county")
	lead.get("/audit").says("Alerts (1)")
	list := lead.get("/alerts")
	list.says("1 alert waits", "The glass was broken", "Unconscious, and nobody is with her", "P Ward-nurse", "Open", "Due 24-Nov-2026 21:40")
	for _, secret := range []string{"Oakley", "OAKLEY", "Barbara", number("barbara").Digits(), number("barbara").Spaced()} {
		if strings.Contains(list.body, secret) {
			t.Errorf("the list names the person: %q", secret)
		}
	}
	one := ""
	for _, a := range list.all("a") {
		if h := attr(a, "href"); strings.HasPrefix(h, "/alerts/") {
			one = h
		}
	}
	lead.get(one).says("Their reason", "It is open until 22:40", "What did you find?")
	if p := lead.post(one, "finding", "appropriate"); p.status != 422 {
		t.Errorf("closed without words: %d", p.status)
	}
	if p := nurse.get("/alerts"); p.status != 403 {
		t.Errorf("a nurse reads the alerts: %d", p.status)
	}
	s.later(3 * 24 * time.Hour)
	lead = s.as("lead-county")
	lead.get("/alerts").says("Overdue", "It was due 24-Nov-2026 21:40")
	if p := lead.post(one, "finding", "appropriate", "words", "Spoke to her and to the ward"); p.status != 303 {
		t.Errorf("closing: %d %s", p.status, p.text())
	}
	lead.get("/alerts").says("The alert was closed.", "Nothing waits")
	lead.get("/alerts?show=closed").says("It was appropriate")
	lead.get(one).says("Spoke to her and to the ward", "P Lead, Nottinghamshire County Council")
}

// hash is of the password that opens every account.
func (s *site) hash() string {
	s.t.Helper()
	var h string
	s.must(s.store.View(s.t.Context(), func(tx *store.Tx) error {
		a, err := tx.User("u-ward-nurse")
		h = a.Hash
		return err
	}))
	return h
}

// TestAlertRingsAtOnce is that an open page of a lead hears of an alert.
func TestAlertRingsAtOnce(t *testing.T) {
	s := newSite(t)
	lead, nurse := s.as("ig-lead"), s.as("ae-nurse")
	page := lead.get("/alerts")
	bell := element(page.doc, "app-bell")
	if bell == nil || attr(bell, "data-bell") != "/alerts/events" {
		t.Fatal("the menu has no bell")
	}
	result := nurse.looksUp(nhs.Test(4711))
	req, err := http.NewRequestWithContext(t.Context(), "GET", s.url+attr(element(page.doc, "app-live"), "data-sse")+"&last="+attr(bell, "data-last"), nil)
	s.must(err)
	req.Header.Set("Accept", "text/event-stream")
	res, err := lead.c.Do(req)
	s.must(err)
	defer res.Body.Close()
	nurse.breaks(result)
	began := time.Now()
	var heard strings.Builder
	for in := bufio.NewScanner(res.Body); in.Scan(); {
		heard.WriteString(in.Text() + "\n")
		if strings.Contains(heard.String(), "app-alerts") && in.Text() == "" {
			break
		}
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %v", took)
	}
	for _, want := range []string{"event: part", "Alerts (1)", "1 alert waits", "The glass was broken"} {
		if !strings.Contains(heard.String(), want) {
			t.Errorf("the stream does not say %q:\n%s", want, heard.String())
		}
	}
	if p := nurse.get("/alerts/events"); p.status != 403 {
		t.Errorf("a nurse follows the alerts: %d", p.status)
	}
}

func element(n *html.Node, id string) *html.Node {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && attr(d, "id") == id {
			return d
		}
	}
	return nil
}

func TestObjectionOnTheCase(t *testing.T) {
	s := newSite(t)
	nurse := s.as("ward-nurse")
	nurse.get("/cases/barbara-case").says("Record an objection to sharing")
	nurse.get("/cases/barbara-case/objection").says("Who said this?", "whether a safeguarding enquiry is open")
	p := nurse.post("/cases/barbara-case/objection", "how", "phone", "words", "Not the council")
	if p.status != 422 || !strings.Contains(p.body, "Not the council") {
		t.Errorf("nobody said it: %d", p.status)
	}
	p.says("Select who said this")
	if p = nurse.post("/cases/barbara-case/objection", "raisedby", "person", "how", "phone", "words", "Not the council"); p.status != 303 {
		t.Fatalf("recording: %d %s", p.status, p.text())
	}
	nurse.get("/cases/barbara-case").says("This person objects to sharing", "Not the council", "P Ward-nurse", "Objection to sharing recorded")
	if p := s.as("broker").get("/cases/barbara-case/objection/end"); p.status == 500 {
		t.Errorf("a broker: %d", p.status)
	}
	nurse.get("/cases/barbara-case/objection/end").says("What did they say?")
	if p = nurse.post("/cases/barbara-case/objection/end", "raisedby", "person", "how", "phone", "words", "All right now"); p.status != 303 {
		t.Fatalf("taking back: %d %s", p.status, p.text())
	}
	nurse.get("/cases/barbara-case").says("The objection was taken back.", "Objection to sharing taken back", "Record an objection to sharing")
}

// TestWhoLooked makes a report, and reads its file.
func TestWhoLooked(t *testing.T) {
	s := newSite(t)
	s.as("ward-nurse").get("/cases/barbara-case")
	s.must(s.store.Update(t.Context(), func(tx *store.Tx) error {
		return tx.Audit(store.AuditRecord{At: s.clock(), Actor: "u-odd", Name: "=2+2", Role: care.WardNurse, Org: kingsMill, Action: "openCase", Case: "barbara-case", Purpose: "direct-care"})
	}))
	lead := s.as("ig-lead")
	lead.get("/audit/person").says("Who looked at a person", "How was it made sure who asks?")
	p := lead.post("/audit/person", "case", "Barbara Oakley")
	if p.status != 422 {
		t.Errorf("a name as a handle: %d", p.status)
	}
	p.says("Enter the handle of a record, not a name or a number of a person", "Select how it was made sure who asks", "Select whether names of staff are shown")
	if p = lead.post("/audit/person", "nhs", nhs.Test(4711).Digits(), "dob-day", "14", "dob-month", "3", "dob-year", "1941", "verified", "seen", "names", "no"); p.status != 422 {
		t.Errorf("nobody: %d", p.status)
	}
	p = lead.post("/audit/person", "nhs", number("barbara").Digits(), "dob-day", "14", "dob-month", "3", "dob-year", "1941", "verified", "seen", "names", "yes")
	if p.status != 303 || strings.Contains(p.to, number("barbara").Digits()) {
		t.Fatalf("a report: %d to %s: %s", p.status, p.to, p.text())
	}
	report := lead.get(p.to)
	report.says("King’s Mill Hospital", "P Ward-nurse", "Open a case", "Denied", "Allowed", "They came, and showed who they are", "recorded as a list")
	if strings.Contains(report.text(), "OAKLEY") {
		t.Error("the report names the person")
	}
	file := lead.get(p.to + "/csv")
	if got := file.header.Get("Content-Type"); !strings.HasPrefix(got, "text/csv") {
		t.Errorf("the file is %s", got)
	}
	rows, err := csv.NewReader(strings.NewReader(file.body)).ReadAll()
	s.must(err)
	odd := false
	for _, r := range rows {
		odd = odd || r[3] == "'=2+2"
		for _, c := range r {
			if strings.HasPrefix(c, "=") {
				t.Errorf("a spreadsheet would compute %q", c)
			}
		}
	}
	if !odd || len(rows) < 3 || rows[0][0] != "When (UTC)" {
		t.Errorf("the file: %v", rows)
	}
	if p := s.as("coordinator").get("/audit/person"); p.status != 403 {
		t.Errorf("a coordinator: %d", p.status)
	}
	s.later(2 * time.Hour)
	if p := s.as("ig-lead").get(p.to); p.status != 404 {
		t.Errorf("two hours later: %d", p.status)
	}
}

func TestPatternPages(t *testing.T) {
	s := newSite(t)
	coordinator := s.as("coordinator") // on a Sunday evening
	coordinator.get("/cases/barbara-case")
	lead := s.as("ig-lead")
	lead.get("/audit/patterns").says("Staff looking at themselves", "Out of hours", "None of them is proof", "of the staff of King’s Mill Hospital")
	p := lead.get("/audit/patterns/out-of-hours")
	p.says("P Coordinator", "1 person", "between 22:00 and 7:00", "22-Nov-2026")
	if strings.Contains(p.body, "OAKLEY") || strings.Contains(p.body, "Barbara") {
		t.Error("the page names the person")
	}
	lead.get("/audit/patterns/out-of-hours?days=30").says("P Coordinator", "Last 30 days")
	lead.get("/audit/patterns/self").says("Nothing fits this pattern")
	if p := lead.get("/audit/patterns/gossip"); p.status != 404 {
		t.Errorf("a view that is not there: %d", p.status)
	}
	if p := coordinator.get("/audit/patterns"); p.status != 403 {
		t.Errorf("a coordinator: %d", p.status)
	}
}
