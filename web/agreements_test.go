package web

import (
	"bytes"
	"context"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"homeward/care"
	"homeward/nhs"
	"homeward/sharing"
	"homeward/store"
)

// lead adds an account of an information governance lead, and signs it in.
func (s *site) lead(login string, org nhs.ODS) *reader {
	s.t.Helper()
	s.must(s.store.Update(context.Background(), func(tx *store.Tx) error {
		a, err := tx.UserByLogin("ig-lead")
		if err != nil {
			return err
		}
		a.ID, a.Login, a.Name, a.Grants = care.ActorID("u-"+login), login, "P "+login, []care.Grant{{Role: care.IGLead, Org: org}}
		return tx.PutUser(a)
	}))
	return s.as(login)
}

// draftFields is a form of a whole agreement between King's Mill and the county
// from 1 November 2026 to a last day.
func draftFields(title, lastDay, lastMonth, lastYear string) []string {
	return []string{"title", title, "parties", "RK5", "parties", "511", "purpose", "To plan how people leave hospital", "basis", "Care Act 2014 sch.3",
		"flows", "2", "flow-0-from", "RK5", "flow-0-to", "511", "flow-0-sections", "demographics", "flow-0-sections", "referral",
		"flow-1-from", "511", "flow-1-to", "RK5", "flow-1-sections", "packages", "flow-1-sections", "finance",
		"from-day", "1", "from-month", "11", "from-year", "2026", "to-day", lastDay, "to-month", lastMonth, "to-year", lastYear,
		"signatories", "2", "signatory-0-name", "Ola Invented", "signatory-0-role", "Caldicott Guardian", "signatory-0-ods", "RK5",
		"signatory-0-on-day", "30", "signatory-0-on-month", "10", "signatory-0-on-year", "2026",
		"signatory-1-name", "Uma Invented", "signatory-1-role", "Director", "signatory-1-ods", "511",
		"signatory-1-on-day", "30", "signatory-1-on-month", "10", "signatory-1-on-year", "2026",
		"dpia", "DPIA-7", "owner", "Head of information governance", "contact", "01632 960700"}
}

// with replaces a field of a form.
func with(fields []string, name, value string) []string {
	out := append([]string{}, fields...)
	for i := 0; i < len(out); i += 2 {
		if out[i] == name {
			out[i+1] = value
		}
	}
	return out
}

// typedIn is all that stands in the form of a page, as a browser sends it.
func typedIn(p shown) []string {
	out := fields(p)
	for _, n := range p.all("input") {
		if kind := attr(n, "type"); inMain(n) && (kind == "text" || kind == "checkbox" && has(n, "checked")) {
			out = append(out, attr(n, "name"), attr(n, "value"))
		}
	}
	for _, n := range p.all("textarea") {
		out = append(out, attr(n, "name"), textOf(n))
	}
	for _, n := range p.all("option") {
		if has(n, "selected") {
			out = append(out, attr(n.Parent, "name"), attr(n, "value"))
		}
	}
	return out
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

// agree drafts, proposes and approves an agreement, and gives its page's path.
func (s *site) agree(by, second *reader, fields []string) string {
	s.t.Helper()
	made := by.post("/agreements/new", append(fields, "do", "check")...)
	if made.status != 303 {
		s.t.Fatalf("not drafted: %d %s", made.status, made.text())
	}
	s.take(by, made.to, "propose")
	s.take(second, made.to, "approve")
	return made.to
}

// take goes through the check page of a step.
func (s *site) take(by *reader, page, step string, more ...string) {
	s.t.Helper()
	check := by.get(page + "/" + step)
	if check.status != 200 {
		s.t.Fatalf("%s: %d %s", step, check.status, check.text())
	}
	check.says("What this does", "What is seen by it")
	if done := by.post(page+"/"+step, append(fields(check), more...)...); done.status != 303 || done.to != page {
		s.t.Fatalf("%s: %d %s", step, done.status, done.text())
	}
}

func TestAnAgreementOnItsWayIntoForce(t *testing.T) {
	s := newBareSite(t)
	ig, second := s.as("ig-lead"), s.lead("ivy", county)
	ig.get("/agreements").says("Sharing agreements", "Draft an agreement", "Import from a file")

	typed := with(with(draftFields("Going home", "31", "10", "2027"), "basis", ""), "to-month", "13")
	wrong := ig.post("/agreements/new", append(typed, "do", "check")...)
	if wrong.status != 422 {
		t.Fatalf("%d", wrong.status)
	}
	wellMade(t, wrong)
	wrong.says("There is a problem", "Last day must be a real date", "Enter the legal basis")
	for _, kept := range []string{`value="Going home"`, "To plan how people leave hospital", `value="13"`, `value="Ola Invented"`, `value="DPIA-7"`} {
		if !strings.Contains(wrong.body, kept) {
			t.Errorf("%s was lost", kept)
		}
	}

	made := ig.post("/agreements/new", append(with(draftFields("Going home", "31", "10", "2027"), "basis", ""), "do", "save")...)
	draft := ig.get(made.to)
	draft.says("The draft is saved.", "This draft is not complete", "Enter the legal basis", "Draft")
	if to := link(t, draft, "Enter the legal basis"); to != made.to+"/edit#basis" {
		t.Errorf("the mend leads to %s", to)
	}
	if early := ig.post(made.to+"/propose", "seen", "1"); early.status != 422 {
		t.Errorf("what is not complete was proposed: %d", early.status)
	}
	edit := ig.get(made.to + "/edit")
	wellMade(t, edit)
	if done := ig.post(made.to+"/edit", append(with(typedIn(edit), "basis", "Care Act 2014 sch.3"), "do", "check")...); done.status != 303 {
		t.Fatalf("%d %s", done.status, done.text())
	}
	s.take(ig, made.to, "propose")
	ig.get(made.to).says("Waits for approval", "P Ig-lead proposed this", "You proposed this. Somebody else must approve it")
	if own := ig.get(made.to + "/approve"); own.status != 422 {
		t.Errorf("who proposed is offered to approve: %d", own.status)
	}
	if own := ig.post(made.to+"/approve", "seen", "3"); own.status != 422 {
		t.Errorf("who proposed approved: %d", own.status)
	}
	for _, seen := range []string{"", "0", "2", "-3", "x"} { // not what stands there now
		if blind := second.post(made.to+"/approve", "seen", seen); blind.status != 409 {
			t.Errorf("having seen %q it was approved: %d", seen, blind.status)
		}
	}
	s.take(second, made.to, "approve")

	page := ig.get(made.to)
	page.says("In force", "What Nottinghamshire County Council sees of what King’s Mill Hospital holds", "What the software enforces from it", "Approved", "P ivy", "Drafted")
	if row := tableRow(t, page, "Money"); !strings.Contains(row, "Yes") {
		t.Errorf("what is shared: %s", row)
	}
	list := ig.get("/agreements")
	wellMade(t, list)
	if row := tableRow(t, list, "Going home"); !strings.Contains(row, "In force") || !strings.Contains(row, "31-Oct-2027") || !strings.Contains(row, "DPIA-7") {
		t.Errorf("the list: %s", row)
	}
	if stranger := s.lead("zed", queens).get(made.to); stranger.status != 404 {
		t.Errorf("another trust's lead: %d", stranger.status)
	}
	if nurse := s.as("ae-nurse").get("/agreements"); nurse.status != 403 {
		t.Errorf("a nurse: %d", nurse.status)
	}
	ig.get("/audit?action=manageAgreements").says("proposed", "Manage agreements")
	second.get("/audit?action=manageAgreements").says("approved", "P ivy")
}

// What the agreement names and what the rules give to nobody in a hospital are
// told apart.
func TestTheAgreementShowsWhatIsEnforced(t *testing.T) {
	s := newSite(t)
	ig, second := s.as("ig-lead"), s.lead("ivy", county)
	page := ig.get(s.agree(ig, second, draftFields("Going home", "31", "10", "2027")))
	var money, packages string
	for _, tr := range page.all("tr") {
		row := words(tr)
		if strings.HasPrefix(row, "Money") && strings.Contains(row, "Coordinator") {
			money = row
		}
		if strings.HasPrefix(row, "That packages exist") && strings.Contains(row, "Coordinator") {
			packages = row
		}
	}
	if strings.Contains(money, "Yes") || strings.Count(money, "No") != 3 {
		t.Errorf("money in the hospital: %q", money)
	}
	if strings.Count(packages, "Yes") != 3 {
		t.Errorf("packages in the hospital: %q", packages)
	}
}

func TestSuspendAndResumeTakeReasonsAndTwo(t *testing.T) {
	s := newSite(t)
	ig, second := s.as("ig-lead"), s.lead("ivy", county)
	page := s.agree(ig, second, draftFields("Going home", "31", "10", "2027"))
	check := ig.get(page + "/suspend")
	wellMade(t, check)
	bare := ig.post(page+"/suspend", fields(check)...)
	if bare.status != 422 {
		t.Fatalf("without a reason: %d", bare.status)
	}
	wellMade(t, bare)
	bare.says("Enter why")
	s.take(ig, page, "suspend", "why", "A breach is looked into")
	ig.get(page).says("Suspended. Access has stopped.", "This agreement is suspended", "A breach is looked into")
	s.take(ig, page, "ask-to-resume", "why", "It was nothing")
	if own := ig.get(page + "/resume"); own.status != 422 {
		t.Errorf("who asked resumes: %d", own.status)
	}
	second.get(page).says("It was nothing", "An information governance lead of another organisation resumes it")
	s.take(second, page, "resume")
	ig.get(page).says("In force")
}

func TestANewVersionShowsWhatItChanges(t *testing.T) {
	s := newSite(t)
	ig, second := s.as("ig-lead"), s.lead("ivy", county)
	page := s.agree(ig, second, draftFields("Going home", "31", "10", "2027"))
	begun := ig.post(strings.TrimSuffix(page, "/1") + "/revise")
	if !strings.HasSuffix(begun.to, "/2/edit") {
		t.Fatalf("%d to %s", begun.status, begun.to)
	}
	edit := ig.get(begun.to)
	changed := append(typedIn(edit), "flow-1-sections", "safeguarding", "do", "save")
	if done := ig.post(begun.to, with(changed, "title", "Going home well")...); done.status != 303 {
		t.Fatalf("%d %s", done.status, done.text())
	}
	two := ig.get(strings.TrimSuffix(begun.to, "/edit"))
	two.says("Version 2 of 2", "What changes from version 1", "Going home well")
	if row := tableRow(t, two, "Whether a safeguarding enquiry is open"); !strings.Contains(row, "New: was No") {
		t.Errorf("what is shared: %s", row)
	}
	wellMade(t, two)
	ig.get("/agreements").says("Version 2", "Draft")
}

// Of two who change one draft, the second is shown both texts, and what they
// typed is still in the form.
func TestTwoWhoChangeOneDraft(t *testing.T) {
	s := newSite(t)
	ig, second := s.as("ig-lead"), s.lead("ivy", county)
	made := ig.post("/agreements/new", append(draftFields("Going home", "31", "10", "2027"), "do", "save")...)
	mine, theirs := typedIn(ig.get(made.to+"/edit")), typedIn(second.get(made.to+"/edit"))
	if done := second.post(made.to+"/edit", append(with(theirs, "owner", "Records manager"), "do", "save")...); done.status != 303 {
		t.Fatalf("%d", done.status)
	}
	late := ig.post(made.to+"/edit", append(with(mine, "contact", "01632 960711"), "do", "save")...)
	if late.status != 409 {
		t.Fatalf("%d %s", late.status, late.text())
	}
	wellMade(t, late)
	late.says("P ivy did something to it: changed", "Saved by them", "Records manager", "Nothing of yours is lost")
	if !strings.Contains(late.body, `value="01632 960711"`) {
		t.Error("what was typed is lost")
	}
	ig.get(made.to).says("Records manager")
	if again := ig.post(made.to+"/edit", append(typedIn(late), "do", "save")...); again.status != 303 {
		t.Fatalf("%d %s", again.status, again.text())
	}
	ig.get(made.to).says("01632 960711")
}

// Every error leads to a control that is there.
func TestErrorsOfAnAgreementLeadToTheirFields(t *testing.T) {
	s := newSite(t)
	ig := s.as("ig-lead")
	got := ig.post("/agreements/new", "do", "check", "flows", "0", "signatories", "0")
	if got.status != 422 {
		t.Fatalf("%d", got.status)
	}
	wellMade(t, got)
	ids := map[string]bool{}
	for n := range got.doc.Descendants() {
		ids[attr(n, "id")] = true
	}
	found := 0
	for _, a := range got.all("a") {
		if id, ok := strings.CutPrefix(attr(a, "href"), "#"); ok && inMain(a) {
			found++
			if !ids[id] {
				t.Errorf("%q leads to %q, which is not there", words(a), id)
			}
		}
	}
	if found < 8 {
		t.Errorf("%d errors", found)
	}
}

func TestMoreDirectionsAndSignatories(t *testing.T) {
	s := newBareSite(t)
	ig := s.as("ig-lead")
	f := draftFields("Going home", "31", "10", "2027")
	for _, add := range []string{"add-flow", "add-signatory"} {
		got := ig.post("/agreements/new", append(append([]string{}, f...), "do", add)...)
		if got.status != 200 {
			t.Fatalf("%s: %d", add, got.status)
		}
		wellMade(t, got)
		got.says(map[string]string{"add-flow": "Direction 3", "add-signatory": "Signatory 3"}[add])
		if !strings.Contains(got.body, `value="Going home"`) {
			t.Error("what was typed is lost")
		}
	}
	if got := ig.get("/agreements"); strings.Contains(got.text(), "Going home") {
		t.Error("asking for another direction saved it")
	}
}

// send posts a file.
func (r *reader) sendFile(path, field, name string, body []byte) shown {
	r.s.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if name != "" {
		part, err := w.CreateFormFile(field, name)
		r.s.must(err)
		_, err = part.Write(body)
		r.s.must(err)
	}
	r.s.must(w.Close())
	req, err := http.NewRequest("POST", r.s.url+path, &b)
	r.s.must(err)
	req.Header.Set("Content-Type", w.FormDataContentType())
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return r.send(req)
}

func TestAnAgreementGoesOutAndComesInAsAFile(t *testing.T) {
	s := newSite(t)
	ig, second := s.as("ig-lead"), s.lead("ivy", county)
	page := s.agree(ig, second, draftFields("Going home", "31", "10", "2027"))
	file := ig.get(page + "/file")
	how, named, err := mime.ParseMediaType(file.header.Get("Content-Disposition"))
	if err != nil || file.status != 200 || how != "attachment" || !strings.HasPrefix(named["filename"], "agreement-") {
		t.Fatalf("%d %q %v %v", file.status, how, named, err)
	}
	if a, wrong := sharing.Read([]byte(file.body)); len(wrong) > 0 || a.Title != "Going home" || len(a.Changes) != 3 {
		t.Errorf("the file: %v %v", a.Title, wrong)
	}
	in := ig.sendFile("/agreements/import", "file", "a.toml", []byte(strings.Replace(file.body, "Going home", "Going home well", 1)))
	if !strings.HasSuffix(in.to, "/2") {
		t.Fatalf("%d to %q: %s", in.status, in.to, in.text())
	}
	ig.get(in.to).says("Imported as a draft. Nothing is shared by it yet.", "Going home well", "Draft", "What changes from version 1")
	for what, c := range map[string]struct {
		name string
		body string
		want []string
	}{
		"no file":   {"", "", []string{"Choose a file"}},
		"empty":     {"a.toml", "", []string{"The file is empty"}},
		"too large": {"a.toml", strings.Repeat("#", sharing.MaxFile+1), []string{"128 KB or smaller"}},
		"wrong": {"a.toml", "format = 1\ntitel = \"x\"\n[[flow]]\nfrom = \"RK5\"\nto = \"511\"\nsections = [\"all\"]\n",
			[]string{"Line 2: titel: An agreement has no such field", "Line 6: flow 1: sections: There is no section"}},
		"of others": {"a.toml", "format = 1\ntitle = \"x\"\n[[party]]\nods = \"RX1\"\nname = \"Queen's\"\n", []string{"Your own organisation must be one of those that agree"}},
	} {
		got := ig.sendFile("/agreements/import", "file", c.name, []byte(c.body))
		if got.status != 422 {
			t.Errorf("%s: %d", what, got.status)
			continue
		}
		wellMade(t, got)
		got.says(c.want...)
	}
	if huge := ig.sendFile("/agreements/import", "file", "a.toml", bytes.Repeat([]byte("#"), maxBody+10)); huge.status != 422 {
		t.Errorf("a huge file: %d", huge.status)
	}
}

// The warning stands on every page of the leads whom it concerns, and of nobody else.
func TestLeadsAreWarnedOnEveryPage(t *testing.T) {
	s := newSite(t)
	ig, second := s.as("ig-lead"), s.lead("ivy", county)
	page := s.agree(ig, second, draftFields("Going home", "20", "12", "2026"))
	for _, path := range []string{"/audit", "/audit/rules", "/identity", "/agreements"} {
		got := ig.get(path)
		wellMade(t, got)
		got.says("Expires in 28 days", "Its last day is 20 December 2026")
	}
	own := ig.get(page) // which says it itself
	own.says("Expires in 28 days", "After 20 December 2026 access stops")
	if strings.Contains(own.text(), "Its last day is") {
		t.Error("the page of an agreement warns of itself twice")
	}
	if row := tableRow(t, ig.get("/agreements"), "Going home"); !strings.Contains(row, "Expires in 28 days") {
		t.Errorf("the list: %s", row)
	}
	for _, other := range []*reader{s.lead("zed", queens), s.as("coordinator")} {
		for _, path := range []string{"/identity", "/help"} {
			if strings.Contains(other.get(path).text(), "Expires in") {
				t.Errorf("%s warns somebody whom it does not concern", path)
			}
		}
	}
	s.later(29 * 24 * time.Hour)
	s.as("ig-lead").get(page).says("This agreement has expired", "Expired")
}

// textOf is the text of a textarea; "" when it is empty.
func textOf(n *html.Node) string {
	if n.FirstChild == nil {
		return ""
	}
	return n.FirstChild.Data
}
