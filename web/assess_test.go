package web

import (
	"bytes"
	"context"
	"io/fs"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"homeward/care"
	"homeward/form"
	"homeward/internal/browser"
	"homeward/pathways"
	"homeward/store"
)

const careActForm = `id = "care-act-assessment"
version = 1
title = "Care Act needs assessment"
description = "Of tests."
standard = "None"
owner = "council"
shares = "assessments"
steps = ["worker", "manager"]
attachments = true
[[pages]]
id = "needs"
title = "What the person needs"
[[pages.fields]]
id = "washing"
label = "How does the person wash?"
name = "how the person washes"
kind = "paragraph"
required = true
[[pages.fields]]
id = "carer"
label = "Is there a carer?"
name = "whether there is a carer"
kind = "yesno"
[[pages.groups]]
id = "goals"
title = "Goals"
item = "goal"
max = 3
[[pages.groups.fields]]
id = "text"
label = "What is the goal?"
name = "the goal"
kind = "text"
`

const trustedForm = `id = "trusted-assessment"
version = 1
title = "Trusted assessment"
description = "Of tests."
standard = "None"
shares = "assessments"
steps = ["worker"]
[[pages]]
id = "all"
title = "The assessment"
[[pages.fields]]
id = "washing"
label = "How does the person wash?"
name = "how the person washes"
kind = "paragraph"
required = true
`

// assesses gives the site small assessments of its own, and a second social worker.
func (s *site) assesses() {
	s.t.Helper()
	files, sums := fstest.MapFS{}, ""
	add := func(name string, b []byte) {
		files[name] = &fstest.MapFile{Data: b}
		sums += form.Sum(b) + "  " + name + "\n"
	}
	for _, id := range []string{"d2a", "d2a-return", "d2a-withdraw"} {
		names, err := fs.Glob(pathways.Files, id+"/*.toml")
		s.must(err)
		for _, name := range names {
			b, err := pathways.Files.ReadFile(name)
			s.must(err)
			add(name, b)
		}
	}
	add("care-act-assessment/1.toml", []byte(careActForm))
	add("trusted-assessment/1.toml", []byte(trustedForm))
	files["SUMS"] = &fstest.MapFile{Data: []byte(sums)}
	l, err := form.Load(files)
	s.must(err)
	s.hub.Forms = l
	s.must(s.store.Update(context.Background(), func(tx *store.Tx) error {
		a, err := tx.User("u-social-worker")
		if err != nil {
			return err
		}
		a.ID, a.Login, a.Name = "u-second-worker", "second-worker", "A Patel"
		return tx.PutUser(a)
	}))
}

// hidden is the value of a hidden field of the page.
func (p shown) hidden(name string) string {
	p.t.Helper()
	for _, n := range p.all("input") {
		if attr(n, "name") == name {
			return attr(n, "value")
		}
	}
	p.t.Fatalf("no field %q on the page: %s", name, p.text())
	return ""
}

// has reports whether a textarea of the page holds a text.
func (p shown) has(text string) bool {
	for _, n := range p.all("textarea") {
		if strings.Contains(words(n), text) {
			return true
		}
	}
	return false
}

// hand posts one file.
func (r *reader) hand(path, filename string, content []byte) shown {
	r.s.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile("file", filename)
	r.s.must(err)
	_, err = part.Write(content)
	r.s.must(err)
	r.s.must(w.Close())
	req, err := http.NewRequest("POST", r.s.url+path, &b)
	r.s.must(err)
	req.Header.Set("Content-Type", w.FormDataContentType())
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return r.send(req)
}

// done posts a form and opens where it leads.
func (r *reader) done(path string, fields ...string) shown {
	r.s.t.Helper()
	got := r.post(path, fields...)
	if got.status != 303 {
		r.s.t.Fatalf("POST %s: %d %s", path, got.status, got.text())
	}
	return r.get(strings.Split(got.to, "#")[0])
}

func TestAnAssessmentFromFirstWordToDispute(t *testing.T) {
	s := newSite(t)
	s.assesses()
	worker, manager := s.as("social-worker"), s.as("team-manager")
	at := "/cases/" + string(s.walter)
	worker.get(at + "?tab=assessments").says("Start an assessment")
	worker.get(at+"/assessments").says("Care Act needs assessment", "Trusted assessment")
	if got := worker.post(at+"/assessments", "referral", "ref-walter"); got.status != 422 {
		t.Errorf("nothing chosen: %d", got.status)
	}
	got := worker.post(at+"/assessments", "referral", "ref-walter", "form", "care-act-assessment")
	if got.status != 303 {
		t.Fatalf("not started: %d %s", got.status, got.text())
	}
	here := got.to
	if again := worker.post(at+"/assessments", "referral", "ref-walter", "form", "care-act-assessment"); again.status != 422 {
		t.Errorf("a second one: %d", again.status)
	} else {
		again.says("This assessment is being written already", "I mean to write another")
	}
	page := worker.get(here + "/pages/needs")
	page.says("What the person needs", "You can enter up to 2000 characters")
	save := func(r *reader, p shown, fields ...string) shown {
		t.Helper()
		return r.post(here+"/pages/needs", append([]string{"seat", p.hidden("seat"), "version", p.hidden("version"), "asked", "washing", "asked", "carer", "asked", "goals"}, fields...)...)
	}
	// A group grows without scripts, and keeps what was typed.
	if got := save(worker, page, "washing", "With help", "add", "goals"); got.status != 303 || !strings.HasSuffix(got.to, "#goals.1.text") {
		t.Fatalf("adding a goal: %d %s %s", got.status, got.to, got.text())
	}
	page = worker.get(here + "/pages/needs")
	if page.says("Goal 1"); !page.has("With help") {
		t.Error("what was typed is gone after adding a goal")
	}
	if got := save(worker, page, "washing", "", "asked", "goals.1.text", "goals.1.text", "To walk"); got.status != 422 {
		t.Errorf("without what is needed: %d", got.status)
	} else {
		got.says("There is a problem")
	}
	s.meet(t, here, worker, s.as("second-worker"), save)
	s.attach(t, here, worker)
	worker.get(here+"/print").says("Draft: not approved", "put in confidential waste", "To walk")
	check := worker.get(here + "/check")
	check.says("It then waits for a manager", "To walk")
	worker.done(here+"/send", "version", check.hidden("version")).says("Waiting for approval")
	if late := save(worker, page, "washing", "Too late"); late.status != 422 {
		t.Errorf("saved while it waits: %d", late.status)
	} else {
		late.says("This was not saved", "Too late")
	}
	s.approve(t, here, worker, manager, save)
	s.dispute(t, at, worker)
}

// meet has two write the same field: nothing is overwritten unseen.
func (s *site) meet(t *testing.T, here string, one, two *reader, save func(*reader, shown, ...string) shown) {
	t.Helper()
	mine, theirs := one.get(here+"/pages/needs"), two.get(here+"/pages/needs")
	theirs.says("P Social-worker has this open too")
	goal := []string{"asked", "goals.1.text", "goals.1.text", "To walk"}
	if got := save(two, theirs, append(goal, "washing", "By herself")...); got.status != 303 {
		t.Fatalf("the first to save: %d %s", got.status, got.text())
	}
	if got := one.post(here+"/pages/needs/draft", "seat", mine.hidden("seat"), "version", mine.hidden("version"), "asked", "washing", "washing", "With two carers"); got.status != 200 {
		t.Errorf("a draft over another's change: %d", got.status)
	} else {
		got.says("A Patel changed this at", "is not part of the assessment yet")
	}
	one.get(here+"/pages/needs").says("You typed this, and it was not saved", "With two carers", "By herself")
	got := save(one, mine, append(goal, "washing", "With two carers")...)
	if got.status != 409 {
		t.Fatalf("the second to save: %d", got.status)
	}
	got.says("A Patel changed this at", "See the change, then save yours", "By herself")
	if !got.has("With two carers") {
		t.Errorf("what was typed is gone: %s", got.text())
	}
	wellMade(t, got)
	if got := save(one, got, append(goal, "washing", "With two carers")...); got.status != 303 {
		t.Errorf("saving knowingly: %d %s", got.status, got.text())
	}
}

// attach puts files to the assessment, and takes one back.
func (s *site) attach(t *testing.T, here string, r *reader) {
	t.Helper()
	if got := r.hand(here+"/files", "x.html", []byte("<script>alert(1)</script>")); got.status != 422 {
		t.Errorf("a page of scripts: %d", got.status)
	} else {
		got.says("The file must be a PDF")
	}
	large := bytes.Repeat([]byte("x"), int(s.hub.FileLimit())+maxBody+1)
	if got := r.hand(here+"/files", "x.txt", large); got.status != 422 {
		t.Errorf("a file that is too large: %d", got.status)
	}
	if got := r.hand(here+"/send", "x.txt", large[:maxBody+1000]); got.status == 303 {
		t.Error("another route took a large body")
	}
	if got := r.hand(here+"/files", "letter.txt", bytes.Repeat([]byte("A letter. "), 100_000)); got.status != 303 {
		t.Fatalf("a letter: %d %s", got.status, got.text())
	}
	page := r.get(here)
	page.says("letter.txt", "Not scanned for viruses", "1.0 MB")
	file := r.get(link(t, page, "letter.txt"))
	h := file.header
	if file.status != 200 || len(file.body) != 1_000_000 || h.Get("Content-Disposition") != "attachment; filename=letter.txt" || h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("the file came as %d %v", file.status, h)
	}
	if got := s.as("coordinator").get(link(t, page, "letter.txt")); got.status != 403 {
		t.Errorf("the hospital got a file of a draft: %d", got.status)
	}
}

// approve returns it once with a comment, then approves it; a revision is compared.
func (s *site) approve(t *testing.T, here string, worker, manager *reader, save func(*reader, shown, ...string) shown) {
	t.Helper()
	manager.get("/assessments").says("Care Act needs assessment", "By a manager", "ASHDOWN")
	page := manager.get(here)
	page.says("With two carers", "Your decision")
	if got := manager.post(here+"/approve", "sent", page.hidden("sent"), "step", "manager", "do", "return"); got.status != 422 {
		t.Errorf("returned without words: %d", got.status)
	}
	manager.done(here+"/comment", "field", "washing", "comment", "How often?").says("Comment on “How does the person wash?”", "How often?")
	manager.done(here+"/approve", "sent", page.hidden("sent"), "step", "manager", "do", "return", "text", "Say how often").says("Returned with comments")
	p := worker.get(here + "/pages/needs")
	p.says("Comment by P Team-manager", "How often?")
	save(worker, p, "washing", "With two carers, daily", "asked", "goals.1.text", "goals.1.text", "To walk")
	worker.done(here+"/send", "version", worker.get(here+"/check").hidden("version"))
	page = manager.get(here)
	manager.done(here+"/approve", "sent", page.hidden("sent"), "step", "manager", "do", "approve").says("Approved")
	papers := s.caseOf(s.walter).Papers
	if len(papers) != 1 || len(papers[0].Files) != 1 {
		t.Fatalf("shared %+v", papers)
	}
	paper := "/cases/" + string(s.walter) + "/papers/" + papers[0].ID
	s.as("coordinator").get(paper).says("With two carers, daily", "letter.txt", "Approved by a manager")
	if got := s.as("ae-nurse").get(paper); got.status != 403 {
		t.Errorf("A&E read it: %d", got.status)
	}
	next := worker.post(paper + "/revise").to
	p = worker.get(next + "/pages/needs")
	worker.done(next+"/pages/needs", "seat", p.hidden("seat"), "version", p.hidden("version"), "asked", "washing", "washing", "By herself", "asked", "goals")
	worker.get(next+"/check").says("What you changed", "With two carers, daily", "By herself")
	worker.done(next+"/send", "version", worker.get(next+"/check").hidden("version"))
	manager.done(next+"/approve", "sent", "1", "step", "manager", "do", "approve")
	worker.get(paper+"/compare?with=1").says("What changed since revision 1", "With two carers, daily", "By herself")
	worker.get(paper+"/print").says("put in confidential waste", "By herself")
	worker.get("/cases/" + string(s.walter) + "?tab=assessments").says("Care Act needs assessment, revision 2")
}

// dispute records what a provider said, and settles it.
func (s *site) dispute(t *testing.T, at string, worker *reader) {
	t.Helper()
	here := worker.post(at+"/assessments", "referral", "ref-walter", "form", "trusted-assessment").to
	p := worker.get(here + "/pages/all")
	worker.done(here+"/pages/all", "seat", p.hidden("seat"), "version", p.hidden("version"), "asked", "washing", "washing", "With help")
	worker.done(here+"/send", "version", worker.get(here+"/check").hidden("version")).says("Approved")
	var paper string
	for _, x := range s.caseOf(s.walter).Papers {
		if x.Kind == care.PaperTrusted {
			paper = at + "/papers/" + x.ID
		}
	}
	if got := worker.post(paper+"/sign", "revision", "1", "name", "Rose House", "who", "Jo", "said", "disputed"); got.status != 422 {
		t.Errorf("a dispute without words: %d", got.status)
	} else {
		wellMade(t, got)
	}
	worker.done(paper+"/sign", "revision", "1", "name", "Rose House", "who", "Jo", "said", "disputed", "text", "She cannot stand").says("Disputed", "She cannot stand", "Settle the dispute")
	if got := worker.post(paper+"/settle", "dispute", "1"); got.status != 422 {
		t.Errorf("settled without words: %d", got.status)
	}
	worker.done(paper+"/settle", "dispute", "1", "outcome", "Two carers").says("Dispute settled", "Two carers")
	worker.done(paper+"/sign", "revision", "1", "name", "Rose House", "who", "Jo", "said", "signed").says("Signed")
}

// TestAnAssessmentSavesItselfAndGoesOnElsewhere is typed in one browser, found by a
// colleague in another, and changed by both.
func TestAnAssessmentSavesItselfAndGoesOnElsewhere(t *testing.T) {
	s := newSite(t)
	s.assesses()
	here := s.as("social-worker").post("/cases/"+string(s.walter)+"/assessments", "referral", "ref-walter", "form", "care-act-assessment").to
	tab := browser.New(t)
	s.signIn(tab, "social-worker")
	tab.Goto(s.url + here + "/pages/needs")
	tab.Click("#washing")
	tab.Press("At the sink")
	tab.Click("#carer") // leaving the box saves it
	tab.WaitText("[data-autosave-status]", "Draft saved at", 5*time.Second)
	other := s.as("second-worker")
	page := other.get(here + "/pages/needs")
	if !page.has("At the sink") {
		t.Fatalf("a colleague does not find what was typed: %s", page.text())
	}
	if got := other.post(here+"/pages/needs", "seat", page.hidden("seat"), "version", page.hidden("version"), "asked", "washing", "washing", "In the bath"); got.status != 303 {
		t.Fatalf("%d %s", got.status, got.text())
	}
	tab.Click("#washing")
	tab.Press(", sitting")
	if status := tab.Follow("main form .nhsuk-button-group button:not([name])"); status != http.StatusConflict {
		t.Errorf("status %d", status)
	}
	look(t, tab, axeSource(t), "assessment-conflict")
	if text := tab.Text("main"); !strings.Contains(text, "A Patel changed this at") || !strings.Contains(text, "In the bath") {
		t.Errorf("the change is not shown: %s", text)
	}
	if v := browser.Eval[string](tab, "document.querySelector('#washing').value"); !strings.Contains(v, "sitting") {
		t.Errorf("what was typed is %q", v)
	}
}
