package web

import (
	"bufio"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"homeward/care"
	"homeward/form"
	"homeward/nhs"
	"homeward/store"
	"homeward/web/ui"
)

// inputs is what a browser would send from the first form that posts to action.
func (p shown) inputs(action string) url.Values {
	p.t.Helper()
	out := url.Values{}
	for _, f := range p.all("form") {
		if attr(f, "action") != action {
			continue
		}
		for n := range f.Descendants() {
			if n.Type != html.ElementNode || attr(n, "name") == "" {
				continue
			}
			has := func(name string) bool {
				return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
			}
			switch {
			case n.Data == "textarea":
				out.Add(attr(n, "name"), words(n))
			case n.Data == "select":
				for o := range n.Descendants() {
					if o.Data == "option" && slices.ContainsFunc(o.Attr, func(a html.Attribute) bool { return a.Key == "selected" }) {
						out.Add(attr(n, "name"), attr(o, "value"))
					}
				}
			case n.Data == "input" && (attr(n, "type") == "radio" || attr(n, "type") == "checkbox"):
				if has("checked") {
					out.Add(attr(n, "name"), attr(n, "value"))
				}
			case n.Data == "input":
				out.Add(attr(n, "name"), attr(n, "value"))
			}
		}
		return out
	}
	p.t.Fatalf("%d: no form posts to %s:\n%s", p.status, action, p.text())
	return nil
}

// submit fills a form of the page as a person would and posts it.
func (r *reader) submit(p shown, action string, fields ...string) shown {
	r.s.t.Helper()
	in := p.inputs(action)
	for i := 0; i+1 < len(fields); i += 2 {
		in.Del(fields[i])
	}
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i+1] != "" {
			in.Add(fields[i], fields[i+1])
		}
	}
	var flat []string
	for k, vs := range in {
		for _, v := range vs {
			flat = append(flat, k, v)
		}
	}
	return r.post(action, flat...)
}

// follow posts and then shows the page that it led to.
func (r *reader) follow(p shown) shown {
	r.s.t.Helper()
	if p.status != http.StatusSeeOther {
		r.s.t.Fatalf("led nowhere: %d %s", p.status, p.text())
	}
	return r.get(p.to)
}

func at(id care.CaseID, below string) string { return "/cases/" + string(id) + below }

// needed answers all that a referral of an invented person must have.
var needed = []string{"gp_code", "A81001", "person_told", "N", "carer_told", "NKC", "care_needs", "Needs 1 person to help with washing",
	"allergy_status", "NK", "safeguarding", "N", "consent", "Y"}

// refer sends a referral by the short way and gives its reference.
func (r *reader) refer(id care.CaseID, more ...string) care.ReferralID {
	r.s.t.Helper()
	page := r.get(at(id, "/refer/needed"))
	check := r.follow(r.submit(page, at(id, "/refer/needed"), append(slices.Clone(needed), more...)...))
	sent := r.submit(check, at(id, "/refer/send"))
	_, ref, ok := strings.Cut(sent.to, "ref=")
	if !ok {
		r.s.t.Fatalf("not sent: %d %s", sent.status, sent.text())
	}
	return care.ReferralID(ref)
}

// die records that somebody died.
func (s *site) die(id care.CaseID) error {
	return s.store.Update(context.Background(), func(tx *store.Tx) error {
		c, err := tx.Case(id)
		if err != nil {
			return err
		}
		o := care.Observation{At: s.clock(), Said: s.clock(), Source: care.Source{Feed: "kmh", Org: kingsMill}, Event: "A31", Seen: &care.Seen{Person: true},
			About: care.About{Died: care.Tell(care.Death{At: s.clock(), Source: "kmh"})}}
		_, err = tx.Record(c, care.Cause{Kind: "message"}, s.clock(), care.Notice(c, o)...)
		return err
	})
}

func (s *site) actor(role care.Role, org nhs.ODS, kind care.OrgKind) care.Actor {
	return care.Actor{ID: care.ActorID("u-" + string(role)), Name: "P", Role: role, Org: org, OrgKind: kind, Team: "t1"}
}

func TestNurseSendsOnlyWhatIsNeeded(t *testing.T) {
	s := newSite(t)
	r := s.as("ward-nurse")
	tasks := r.get(at(s.barbara, "/refer"))
	tasks.says("needed answers are there", "Answer only what is needed", "7 questions", "Cannot start yet", "Incomplete")
	page := r.get(at(s.barbara, "/refer/needed"))
	page.says("Only what is needed", "Summary of care needs")
	if strings.Contains(page.text(), "Family name") {
		t.Error("what is filled in is asked again")
	}
	check := r.follow(r.submit(page, at(s.barbara, "/refer/needed"), needed...))
	check.says("Check the answers", "Oakley", "From King’s Mill EPR at", "Needs 1 person to help with washing", "Send referral")
	sent := r.follow(r.submit(check, at(s.barbara, "/refer/send")))
	sent.says("Referral sent", "Sent to Nottinghamshire County Council at 21:40. They have it in their worklist.")
	r.get(at(s.barbara, "")).says("With: Nottinghamshire County Council", "next: Accept or return")
}

func TestSendingTwiceIsOneReferral(t *testing.T) {
	s := newSite(t)
	r := s.as("coordinator")
	check := r.follow(r.submit(r.get(at(s.barbara, "/refer/needed")), at(s.barbara, "/refer/needed"), needed...))
	key := check.inputs(at(s.barbara, "/refer/send")).Get("key")
	first, second := r.post(at(s.barbara, "/refer/send"), "key", key), r.post(at(s.barbara, "/refer/send"), "key", key)
	if first.status != 303 || second.to != first.to {
		t.Errorf("first %d %s, second %d %s %s", first.status, first.to, second.status, second.to, second.text())
	}
	c, err := s.hub.Case(context.Background(), s.actor(care.Coordinator, kingsMill, care.Trust), s.barbara)
	s.must(err)
	if len(c.Referrals) != 1 {
		t.Errorf("%d referrals", len(c.Referrals))
	}
}

// Every pathway that the form offers can be sent.
func TestEveryPathwayCanBeSent(t *testing.T) {
	for _, pathway := range []string{"P0", "P1", "P2", "P3", "NK"} {
		s := newSite(t)
		r := s.as("coordinator")
		path := at(s.barbara, "/refer/needs")
		r.submit(r.get(path), path, "pathway", pathway, "later", "1")
		check := r.follow(r.submit(r.get(at(s.barbara, "/refer/needed")), at(s.barbara, "/refer/needed"), needed...))
		if got := r.submit(check, at(s.barbara, "/refer/send")); got.status != 303 {
			t.Errorf("%s: %d", pathway, got.status)
			got.says("Referral sent")
		}
	}
}

func TestAnOpenReferralInterrupts(t *testing.T) {
	s := newSite(t)
	r := s.as("coordinator")
	r.refer(s.barbara)
	r.get(at(s.barbara, "/refer")).says("There is an open referral for this person", "Open that referral", "Write another referral")
	r.get(at(s.barbara, "/refer?another=1")).says("Refer someone")
	check := r.follow(r.submit(r.get(at(s.barbara, "/refer/needed")), at(s.barbara, "/refer/needed"), needed...))
	check.says("I mean to send another")
	if got := r.submit(check, at(s.barbara, "/refer/send")); got.status != http.StatusConflict {
		t.Errorf("a second referral without the tick: %d", got.status)
	} else {
		got.says("There is a problem", "There is an open referral for this person already")
	}
	if got := r.submit(check, at(s.barbara, "/refer/send"), "another", "yes"); got.status != 303 {
		t.Errorf("a second referral that is meant: %d %s", got.status, got.text())
	}
}

func TestErrorsKeepWhatWasTyped(t *testing.T) {
	s := newSite(t)
	r := s.as("coordinator")
	path := at(s.barbara, "/refer/ready")
	got := r.submit(r.get(path), path, "edd-day", "31", "edd-month", "2", "edd-year", "2026", "person_told", "Y")
	if got.status != http.StatusUnprocessableEntity {
		t.Fatalf("status %d", got.status)
	}
	got.says("There is a problem", "predicted discharge date must be a real date", "Select")
	wellMade(t, got)
	in := got.inputs(path)
	if in.Get("edd-day") != "31" || in.Get("edd-month") != "02" && in.Get("edd-month") != "2" || in.Get("person_told") != "Y" {
		t.Errorf("lost what was typed: %v", in)
	}
	if again := r.get(path).inputs(path); again.Get("edd-day") != "31" {
		t.Errorf("lost what was typed after coming back: %v", again)
	}
	if got := r.submit(r.get(path), path, "edd-day", "24", "edd-month", "nov", "edd-year", "2026", "person_told", "Y", "carer_told", "NKC"); got.to != at(s.barbara, "/refer/needs") {
		t.Errorf("did not go on: %d %s %s", got.status, got.to, got.text())
	}
	r.get(at(s.barbara, "/refer/check")).says("24-Nov-2026")
}

func TestPrefillShowsItsSourceAndConflicts(t *testing.T) {
	s := newSite(t)
	r := s.as("coordinator")
	path := at(s.barbara, "/refer/stay")
	r.get(path).says("Filled in from records", "Ward 31", "From King’s Mill EPR", "Change ward")
	change := r.get(path + "?change=ward")
	if got := r.submit(change, path, "ward", "Ward 52", "back", "check"); got.to != at(s.barbara, "/refer/ready") && got.to != at(s.barbara, "/refer/check") {
		t.Fatalf("not saved: %d %s", got.status, got.text())
	}
	which := r.get(path)
	which.says("Ward: which is right?", "Ward 52", "Typed here", "Ward 31", "From King’s Mill EPR", "Something else")
	wellMade(t, which)
	r.get(at(s.barbara, "/refer/check")).says("Entered by hand. King’s Mill EPR says something else")
	r.submit(which, path, "which.ward", "theirs")
	if strings.Contains(r.get(path).text(), "which is right?") {
		t.Error("the question is asked again after it was answered")
	}
}

func TestDraftsAreKeptWithoutBeingChecked(t *testing.T) {
	s := newSite(t)
	r := s.as("coordinator")
	for _, page := range []string{"needed", "needs"} {
		path := at(s.barbara, "/refer/"+page)
		if got := r.post(path+"/draft", "asked", "care_needs", "asked", "edd", "care_needs", "Half a "+page, "edd-day", "99", "asked", "nosuch", "nosuch", "x"); got.status != http.StatusNoContent {
			t.Errorf("%s: %d %s", page, got.status, got.text())
		}
		if in := r.get(at(s.barbara, "/refer/needs")).inputs(at(s.barbara, "/refer/needs")); in.Get("care_needs") != "Half a "+page {
			t.Errorf("%s: the draft is lost: %v", page, in)
		}
	}
	if got := s.as("social-worker").post(at(s.barbara, "/refer/needs/draft"), "asked", "care_needs", "care_needs", "x"); got.status != 403 {
		t.Error("a draft by somebody who may not refer:", got.status)
	}
	if in := s.as("ward-nurse").get(at(s.barbara, "/refer/needs")).inputs(at(s.barbara, "/refer/needs")); in.Get("care_needs") != "" {
		t.Error("a draft is shared between people:", in)
	}
}

// Every kind of control gives back what was typed.
func TestEveryKindOfFieldGoesThroughAForm(t *testing.T) {
	p, err := form.Parse([]byte(`
id = "kinds"
version = 1
title = "Kinds"
description = "Every kind"
standard = "none"

[[pages]]
id = "one"
title = "One"
` + fieldsOf("text", "paragraph", "date", "datetime", "choice", "choices", "yesno", "phone", "nhsnumber", "postcode", "ods", "name") + `
[[lists]]
id = "l"
ours = true
choices = [ { code = "a", label = "A" }, { code = "b", label = "B" } ]
`))
	if err != nil {
		t.Fatal(err)
	}
	want := form.Answers{"f_text": {"x"}, "f_paragraph": {"two\nlines"}, "f_date": {"2026-03-04"}, "f_datetime": {"2026-03-04T09:05"}, "f_choice": {"b"}, "f_choices": {"a", "b"},
		"f_yesno": {"Y"}, "f_phone": {"01632 960001"}, "f_nhsnumber": {nhs.Test(1).Spaced()}, "f_postcode": {"NG18 1AA"}, "f_ods": {"A81001"}, "f_name": {"O’Hara"}}
	q := &questions{form: p, answers: want, now: evening}
	page, err := ui.HTML(ui.PostForm("/x", q.draw(p.Pages[0].Fields)))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	got := shown{t: t, doc: doc}
	post := got.inputs("/x")
	post["f_paragraph"] = []string{"two\nlines"} // the test's reader joins lines
	read := p.Clean(readAnswers(p, post, nil))
	for id, v := range want {
		if !slices.Equal(read[id], v) {
			t.Errorf("%s: %q, want %q", id, read[id], v)
		}
	}
	if problems := p.Check(read, nil); len(problems) > 0 {
		t.Error(problems)
	}
	for _, id := range []string{"f_choices", "f_text"} {
		post.Del(id)
	}
	if read = readAnswers(p, post, nil); len(read["f_choices"])+len(read["f_text"]) > 0 {
		t.Error("an answer that was taken away stays")
	} else if _, asked := read["f_choices"]; !asked {
		t.Error("an answer that was taken away is not noticed")
	}
}

func TestTypedDatesStayAsTyped(t *testing.T) {
	for _, typed := range [][3]string{{"31", "2", "2026"}, {"", "3", ""}, {"x", "y", "z"}, {"4", "March", "2026"}, {"-1", "2", "26"}} {
		v := readDate(url.Values{"d-day": {typed[0]}, "d-month": {typed[1]}, "d-year": {typed[2]}}, "d")
		d := dateInput("d", "", "", "", v)
		if v == "2026-03-04" {
			continue
		}
		if d.Day != strings.Trim(typed[0], "-") || d.Month != typed[1] || d.Year != typed[2] {
			t.Errorf("%q came back as %q %q %q", typed, d.Day, d.Month, d.Year)
		}
	}
}

func TestUnsettledCouncil(t *testing.T) {
	s := newSite(t)
	r := s.as("coordinator")
	path := at(s.barbara, "/refer/person")
	if got := r.submit(r.get(path+"?change=postcode"), path, "postcode", "ZZ99 3VZ", "gp_code", "A81001"); got.status != 303 {
		t.Fatal(got.status, got.text())
	}
	var rest []string
	for i := 2; i < len(needed); i += 2 {
		rest = append(rest, needed[i], needed[i+1])
	}
	check := r.follow(r.submit(r.get(at(s.barbara, "/refer/needed")), at(s.barbara, "/refer/needed"), rest...))
	sent := r.follow(r.submit(check, at(s.barbara, "/refer/send")))
	sent.says("it is in the list “Council not settled”", "Choose the council")
	home := r.get(at(s.barbara, ""))
	home.says("Choose the council", "council not settled")
	_, ref, _ := strings.Cut(sent.text(), "Reference ")
	ref, _, _ = strings.Cut(ref, " ")
	route := at(s.barbara, "/referrals/"+ref+"/route")
	if got := r.post(route); got.status != 422 {
		t.Error("no council chosen:", got.status)
	}
	if got := r.submit(r.get(route), route, "council", "511"); got.status != 303 {
		t.Error(got.status, got.text())
	}
	r.get(at(s.barbara, "")).says("With: Nottinghamshire County Council", "The referral was sent to the council.")
}

func TestHandshakeFromReferralToOutcome(t *testing.T) {
	s := newSite(t)
	ref := s.as("coordinator").refer(s.barbara)
	cmd := func(name string) string { return at(s.barbara, "/referrals/"+string(ref)+"/"+name) }
	m := s.as("team-manager")
	m.get(at(s.barbara, "")).says("Accept the referral", "Return the referral")
	m.follow(m.post(cmd("accept"))).says("The referral was accepted", "With: Nottinghamshire County Council")
	if again := m.post(cmd("accept")); again.status != http.StatusSeeOther {
		t.Error("a second click on accept:", again.status, again.text())
	}
	if other := s.as("social-worker").post(cmd("accept")); other.status != http.StatusConflict {
		t.Error("accepted over a colleague:", other.status, other.text())
	} else {
		wellMade(t, other)
	}
	allocate := m.get(cmd("allocate"))
	allocate.says("P Social-worker, 0 open")
	if got := m.submit(allocate, cmd("allocate")); got.status != 422 {
		t.Error("nobody chosen:", got.status)
	}
	m.follow(m.submit(allocate, cmd("allocate"), "worker", "u-social-worker")).says("The referral was allocated", "P Social-worker")
	if late := m.submit(allocate, cmd("allocate"), "worker", "u-team-manager"); late.status != http.StatusConflict {
		t.Error("allocated over a colleague:", late.status)
	} else {
		late.says("Somebody else has allocated this referral", "With: Nottinghamshire County Council, P Social-worker")
	}
	w := s.as("social-worker")
	w.follow(w.submit(w.get(cmd("progress")), cmd("progress"), "state", "sourcing")).says("moved to another stage")
	if got := w.submit(w.get(cmd("close")), cmd("close"), "outcome", "other"); got.status != 422 {
		t.Error("no outcome:", got.status)
	} else {
		got.says("Enter the outcome")
	}
	w.follow(w.submit(w.get(cmd("close")), cmd("close"), "outcome", "Went home with care")).says("22-Nov-2026: Went home with care")
	if got := w.post(cmd("close"), "outcome", "No care needed"); got.status != http.StatusConflict {
		t.Error("closed twice:", got.status)
	} else {
		got.says("What can be done now", "Add a note")
	}
}

func TestReturnedReferralIsAnswered(t *testing.T) {
	s := newSite(t)
	c := s.as("coordinator")
	ref := c.refer(s.barbara)
	m := s.as("team-manager")
	back := at(s.barbara, "/referrals/"+string(ref)+"/return")
	m.get(back).says("Mental capacity information is missing", "What do you need from the ward?")
	if got := m.submit(m.get(back), back, "needed", "The capacity assessment"); got.status != 422 {
		t.Error("no reason:", got.status)
	} else if in := got.inputs(back); in.Get("needed") != "The capacity assessment" {
		t.Error("what was typed is lost:", in)
	}
	m.follow(m.submit(m.get(back), back, "reasons", "capacity", "needed", "The capacity assessment", "contact", "R Okafor", "contact_details", "01632 960110")).says("returned")
	c.get(at(s.barbara, "")).says("With: King’s Mill Hospital", "The capacity assessment", "Send the missing information")
	c.get(at(s.barbara, "/refer")).says("needs more information", "Mental capacity information is missing: Consent and best interests", "Speak to: R Okafor")
	consent := at(s.barbara, "/refer/consent")
	if got := c.submit(c.get(consent), consent, "capacity", "doubt"); got.status != 303 {
		t.Fatal(got.status, got.text())
	}
	check := c.get(at(s.barbara, "/refer/check"))
	check.says("Send the missing information")
	send := check.inputs(at(s.barbara, "/refer/send"))
	once := c.post(at(s.barbara, "/refer/send"), "key", send.Get("key"), "answering", send.Get("answering"))
	twice := c.post(at(s.barbara, "/refer/send"), "key", send.Get("key"), "answering", send.Get("answering"))
	if once.status != 303 || twice.to != once.to {
		t.Error(once.status, once.to, twice.status, twice.to)
	}
	c.follow(once).says("Missing information sent")
	m.get(at(s.barbara, "?tab=referral")).says("In doubt, not assessed yet", "Answered 21:40")
}

func TestWithdrawing(t *testing.T) {
	s := newSite(t)
	c := s.as("coordinator")
	path := at(s.barbara, "/referrals/"+string(c.refer(s.barbara))+"/withdraw")
	if got := c.submit(c.get(path), path, "reason", "13"); got.status != 422 {
		t.Error("another reason without words:", got.status)
	}
	c.follow(c.submit(c.get(path), path, "reason", "13", "details", "Moved abroad")).says("The referral was withdrawn", "Moved abroad")
}

func TestDeathLocksContact(t *testing.T) {
	s := newSite(t)
	ref := s.as("coordinator").refer(s.barbara)
	s.must(s.die(s.barbara))
	c := s.as("coordinator")
	got := c.get(at(s.barbara, ""))
	got.says("This person has died", "Contact actions are locked", "Died 22-Nov-2026", "Age at death 85y")
	if strings.Contains(got.text(), "Refer to social care") {
		t.Error("a referral is offered")
	}
	if got := c.get(at(s.barbara, "/refer")); got.status == 200 {
		t.Error("the form opens")
	} else {
		got.says("has died")
	}
	if got := s.as("team-manager").post(at(s.barbara, "/referrals/"+string(ref)+"/accept")); got.status != http.StatusConflict {
		t.Error("accepted after death:", got.status, got.text())
	}
}

// Whoever records a call about the dead is told why they cannot.
func TestNoCallAboutTheDead(t *testing.T) {
	s := newSite(t)
	s.must(s.die(s.barbara))
	for _, login := range []string{"coordinator", "team-manager"} {
		r := s.as(login)
		for _, got := range []shown{r.get(at(s.barbara, "/call")), r.post(at(s.barbara, "/call"))} {
			if got.status != 422 {
				t.Error(login, got.status)
			}
			got.says("This person has died. Contact actions are locked")
		}
	}
}

// A form that is sent twice is kept once.
func TestNotesAndCallsAreNotDoubled(t *testing.T) {
	s := newSite(t)
	w := s.as("social-worker")
	form, path := w.get(at(s.barbara, "?tab=notes")), at(s.barbara, "/notes")
	call := w.get(at(s.barbara, "/call"))
	for range 2 {
		if got := w.submit(form, path, "audience", "both", "text", "Family told"); got.status != 303 {
			t.Fatal(got.status, got.text())
		}
		if got := w.submit(call, at(s.barbara, "/call"), "outcome", "message"); got.status != 303 {
			t.Fatal(got.status, got.text())
		}
	}
	w.submit(form, path, "audience", "both", "text", "Another one, after going back")
	if c := s.caseOf(s.barbara); len(c.Notes) != 2 || len(c.Calls) != 1 {
		t.Errorf("%d notes and %d calls", len(c.Notes), len(c.Calls))
	}
	wrong := w.submit(form, path, "text", "")
	if wrong.inputs(path).Get("key") != form.inputs(path).Get("key") {
		t.Error("a refused form has another key")
	}
}

// A command that cannot be done now is not asked for either, and whoever may not
// do it is told so before anything else.
func TestCommandsAreRefusedAlike(t *testing.T) {
	s := newSite(t)
	ref := string(s.as("coordinator").refer(s.barbara))
	cmd := func(name string) string { return at(s.barbara, "/referrals/"+ref+"/"+name) }
	for _, x := range []struct {
		login, command string
		status         int
	}{
		{"coordinator", "route", 409}, {"team-manager", "progress", 409}, {"team-manager", "close", 409},
		{"ward-nurse", "return", 403}, {"ward-nurse", "allocate", 403}, {"ward-nurse", "close", 403}, {"social-worker", "allocate", 403}, {"broker", "return", 403},
	} {
		r := s.as(x.login)
		for _, got := range []shown{r.get(cmd(x.command)), r.post(cmd(x.command)), r.post(cmd(x.command), "council", string(county)+"x", "state", "assessing", "outcome", "No care needed")} {
			if got.status != x.status {
				t.Errorf("%s by %s: %d, want %d", x.command, x.login, got.status, x.status)
			}
			wellMade(t, got)
		}
	}
	if r := s.caseOf(s.barbara).Referrals[0]; r.State != care.RefReceived || r.To != county {
		t.Errorf("something was done: %s at %s", r.State, r.To)
	}
}

// The case of somebody whom another trust treats by now says so, and not where.
func TestInAnotherHospital(t *testing.T) {
	s := newSite(t)
	s.record(s.barbara, care.Admitted{At: s.clock(), Stay: care.Stay{Visit: "q1", Org: queens, Source: "qmc", Class: "I", Admitted: s.clock(), Where: care.Location{Ward: "C4", Name: "Cedar Ward", Bed: "9"}}})
	got := s.as("coordinator").get(at(s.barbara, ""))
	got.says("In another hospital")
	for _, word := range []string{"Cedar Ward", "Queen", "Bed 9"} {
		if strings.Contains(got.text(), word) {
			t.Errorf("the page says %s", word)
		}
	}
	wellMade(t, got)
	got = s.as("coordinator-rx1").get(at(s.barbara, ""))
	got.says("Cedar Ward")
	if strings.Contains(got.text(), "Ward 31") || strings.Contains(got.text(), "In another hospital") {
		t.Error("the trust of now is told of the one before")
	}
}

// The sender of a sensitive person's referral follows it to its end.
func TestSensitiveReferral(t *testing.T) {
	s := newSite(t)
	s.record(s.barbara, care.SensitivityTold{At: s.clock(), Sensitive: true})
	c := s.as("coordinator")
	ref := c.refer(s.barbara)
	c.get(at(s.barbara, "/refer/sent?ref="+string(ref))).says("Referral sent", string(ref))
	got := c.get(at(s.barbara, ""))
	got.says("With: Nottinghamshire County Council")
	wellMade(t, got)
	path := at(s.barbara, "/referrals/"+string(ref)+"/withdraw")
	c.follow(c.submit(c.get(path), path, "reason", "13", "details", "Moved abroad")).says("The referral was withdrawn")
}

func TestFrozenCase(t *testing.T) {
	s := newSite(t)
	got := s.as("team-manager").get(at(s.fred, ""))
	got.says("Who this is must be checked by a person first", "Check who is who")
	wellMade(t, got)
}

func TestNotesAreReadByTheirAudience(t *testing.T) {
	s := newSite(t)
	c, w := s.as("coordinator"), s.as("social-worker")
	c.refer(s.barbara)
	path := at(s.barbara, "/notes")
	form := w.get(at(s.barbara, "?tab=notes"))
	form.says("Who can read this note?", "Council only", "The hospital and the council")
	if got := w.submit(form, path, "text", "Typed before choosing"); got.status != 422 {
		t.Error("no audience:", got.status)
	} else if in := got.inputs(path); in.Get("text") != "Typed before choosing" {
		t.Error("the note is lost:", in)
	} else {
		wellMade(t, got)
		got.says("Select who can read the note")
	}
	w.follow(w.submit(form, path, "audience", "council", "text", "Only for colleagues")).says("The note was saved", "Only for colleagues", "Council only")
	w.submit(form, path, "audience", "both", "text", "For everybody")
	for _, tab := range []string{"notes", "timeline"} {
		got := c.get(at(s.barbara, "?tab="+tab))
		got.says("For everybody")
		if strings.Contains(got.body, "Only for colleagues") {
			t.Errorf("the hospital reads a council's note on the tab %s", tab)
		}
	}
	if got := c.post(path, "audience", "council", "text", "x"); got.status != 403 {
		t.Error("a hospital writes for the council alone:", got.status)
	}
}

func TestOtherOrganisationsSeeNothing(t *testing.T) {
	s := newSite(t)
	r := s.as("coordinator-rx1")
	for _, below := range []string{"", "?tab=referral", "/refer", "/refer/person", "/refer/check", "/events"} {
		if got := r.get(at(s.barbara, below)); got.status != 403 || strings.Contains(got.body, "Oakley") {
			t.Errorf("%s: %d", below, got.status)
		}
	}
}

func TestEveryTabIsWellMade(t *testing.T) {
	s := newSite(t)
	s.as("coordinator").refer(s.barbara)
	for _, login := range []string{"coordinator", "team-manager"} {
		r := s.as(login)
		for _, tab := range caseTabs {
			got := r.get(at(s.barbara, "?tab="+tab.key))
			if got.status != 200 {
				t.Error(login, tab.key, got.status)
			}
			wellMade(t, got)
		}
	}
	for login, offers := range map[string]bool{"coordinator": false, "team-manager": true} {
		page := s.as(login).get(at(s.barbara, ""))
		for _, tab := range []string{"arranging", "finance"} {
			if got := strings.Contains(page.body, "?tab="+tab); got != offers {
				t.Errorf("%s is offered %s: %v", login, tab, got)
			}
		}
		if strings.Contains(page.body, `value="money"`) || !strings.Contains(page.body, `value="stay"`) {
			t.Errorf("%s is offered kinds of entries that are not there, or not those that are", login)
		}
	}
	s.as("team-manager").get(at(s.barbara, "?tab=care")).says("Bluebell Homecare Ltd", "01632 960999", "No open enquiry")
}

// An open case page is told what another person does.
func TestAnOpenCaseIsKeptCurrent(t *testing.T) {
	s := newSite(t)
	c := s.as("coordinator")
	ref := c.refer(s.barbara)
	page := c.get(at(s.barbara, ""))
	last := ""
	for _, d := range page.all("div") {
		if attr(d, "id") == "app-live" {
			last = attr(d, "data-last")
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", s.url+at(s.barbara, "/events?last="+last), nil)
	s.must(err)
	res, err := c.c.Do(req)
	s.must(err)
	defer res.Body.Close()
	s.as("team-manager").post(at(s.barbara, "/referrals/"+string(ref)+"/accept"))
	seen := map[string]bool{}
	for in := bufio.NewScanner(res.Body); in.Scan(); {
		for _, id := range []string{"app-stage", "app-now", "app-timeline"} {
			seen[id] = seen[id] || strings.Contains(in.Text(), `id="`+id+`"`)
		}
		if strings.Contains(in.Text(), "accepted") && seen["app-timeline"] {
			break
		}
	}
	for _, id := range []string{"app-stage", "app-now", "app-timeline"} {
		if !seen[id] {
			t.Error("not told about", id)
		}
	}
}

// fieldsOf is one field of each kind, for a form of the test.
func fieldsOf(kinds ...string) string {
	var b strings.Builder
	for _, k := range kinds {
		b.WriteString("[[pages.fields]]\nid = \"f_" + k + "\"\nlabel = \"Label of " + k + "\"\nkind = \"" + k + "\"\n")
		if strings.HasPrefix(k, "choice") {
			b.WriteString("list = \"l\"\n")
		}
	}
	return b.String()
}
