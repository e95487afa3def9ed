package web

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/hub"
)

// hiddenValue is the value of a hidden field of a page.
func (p shown) hiddenValue(name string) string {
	for _, n := range p.all("input") {
		if attr(n, "name") == name {
			return attr(n, "value")
		}
	}
	return ""
}

// TestHuddleOnPages is the huddle, outcomes and concerns as people use them without
// scripts.
func TestHuddleOnPages(t *testing.T) {
	s := newSite(t)
	ward, county := s.as("coordinator"), s.as("social-worker")
	walter := string(s.walter)

	t.Run("decide in three clicks", func(t *testing.T) {
		page := ward.get("/huddle")
		page.says("Huddle", "ASHDOWN", "Delayed", "What must happen today", "Start the huddle")
		if !strings.Contains(page.body, "decide="+walter) {
			t.Fatal("nobody can decide about somebody with a referral")
		}
		form := ward.get("/huddle?decide=" + walter) // the first click
		if form.hiddenValue("key") == "" || form.hiddenValue("referral") != "ref-walter" {
			t.Fatal("the form has no key, or not the referral")
		}
		owner, due := "", ""
		for _, n := range form.all("input") {
			for _, a := range n.Attr {
				if a.Key == "checked" && attr(n, "name") == "owner" {
					owner = attr(n, "value")
				}
				if a.Key == "checked" && attr(n, "name") == "due" {
					due = attr(n, "value")
				}
			}
		}
		if owner == "" || due != "tomorrow" { // it is 21:40
			t.Fatalf("owner %q and due %q are not chosen already", owner, due)
		}
		bad := ward.post("/cases/"+walter+"/decisions", "key", "k", "referral", "ref-walter", "choice", "own", "own-text", "", "owner", owner, "due", "time", "due-clock", "25:99")
		if bad.status != http.StatusUnprocessableEntity {
			t.Fatalf("nothing was decided: %d", bad.status)
		}
		bad.says("Enter what was decided", "Enter a time like 14:30")
		key := form.hiddenValue("key")
		for range 2 {
			got := ward.post("/cases/"+walter+"/decisions", "key", key, "referral", "ref-walter", "choice", "therapy", "owner", owner, "due", due)
			if got.status != http.StatusSeeOther {
				t.Fatalf("not decided: %d %s", got.status, got.text())
			}
		}
		both := county.get("/huddle")
		both.says("Therapy visit on the ward", "Minutes so far")
		county.get("/cases/" + walter + "?tab=tasks").says("Therapy visit on the ward")
		id := regexp.MustCompile(`/cases/` + walter + `/decisions/([a-z2-7]{26})/disagree`).FindStringSubmatch(both.body)
		if len(id) != 2 {
			t.Fatal("nobody can disagree")
		}
		county.post("/cases/"+walter+"/decisions/"+id[1]+"/disagree", "text", "No therapist works then")
		ward.get("/huddle").says("P Social-worker disagrees: No therapist works then")
		meeting := regexp.MustCompile(`/huddle/meetings/[a-z2-7]{26}`).FindString(both.body)
		minutes := ward.get(meeting)
		minutes.says("Minutes of the huddle", "Therapy visit on the ward", "disagrees", "ASHDOWN")
		kept := ward.post(meeting+"/draft", "notes", "Ring the key safe company", "was", "0")
		if kept.status != http.StatusOK || kept.hiddenValue("was") != "1" {
			t.Errorf("the notes were not kept: %d, version %q", kept.status, kept.hiddenValue("was"))
		}
		if got := ward.post(meeting+"/draft", "notes", "Something else", "was", "0"); got.status != http.StatusConflict {
			t.Errorf("written over what was saved since: %d", got.status)
		}
		ward.get("/huddle").says("Ring the key safe company")
		if strings.Contains(county.get("/huddle").text()+county.get(meeting).text(), "key safe") {
			t.Error("the other side reads the notes")
		}
		if got := s.as("coordinator-rx1").get(meeting); got.status != http.StatusForbidden {
			t.Errorf("another trust reads the minutes: %d", got.status)
		}
	})

	t.Run("outcomes", func(t *testing.T) {
		page := county.get("/cases/" + walter + "?tab=outcomes")
		page.says("Outcome of referral ref-walter", "Where did the person go?", "Not known when the person left")
		path := "/cases/" + walter + "/referrals/ref-walter/outcome"
		bad := county.post(path, "what", "said", "was", page.hiddenValue("was"), "words", "", "to", "Me")
		if bad.status != http.StatusUnprocessableEntity {
			t.Fatalf("nothing was said: %d", bad.status)
		}
		bad.says("Enter what the person said")
		if got := county.post(path, "what", "destination", "was", page.hiddenValue("was"), "place", "home-care", "left-day", "21", "left-month", "11", "left-year", "2026"); got.status != http.StatusSeeOther {
			t.Fatalf("not recorded: %d %s", got.status, got.text())
		}
		ward.get("/cases/"+walter+"?tab=outcomes").says("Home, with care or reablement", "21-Nov-2026", "asked on 20-Feb-2027", "asked on 21-May-2027")
		if got := county.post(path, "what", "said", "was", page.hiddenValue("was"), "words", "Well", "to", "Me", "said-day", "22", "said-month", "11", "said-year", "2026"); got.status != http.StatusConflict {
			t.Errorf("recorded over another's: %d", got.status)
		}
	})

	t.Run("concerns", func(t *testing.T) { s.concernOnPages(t, ward, county) })
}

func (s *site) concernOnPages(t *testing.T, ward, county *reader) {
	nurse := s.as("ae-nurse")
	found := nurse.post("/lookup", ask(number("barbara"), born)...)
	path := found.to + "/concern"
	form := nurse.get(path)
	form.says("Raise a safeguarding concern", "999", "01632 960101", "Do not name who may have done it", "Self-neglect")
	bad := nurse.post(path, "key", "k")
	if bad.status != http.StatusUnprocessableEntity {
		t.Fatalf("an empty concern: %d", bad.status)
	}
	bad.says("Select what you are worried about", "Enter what you saw or heard", "Select whether the person is in danger now")
	send := func(r *reader, path string) shown {
		return r.post(path, "key", form.hiddenValue("key"), "danger", "no", "kinds", "neglect", "words", "Bruises on an arm", "knows", "no", "contact", "A&E desk", "to", string(county511))
	}
	sent, again := send(nurse, path), send(nurse, path)
	if sent.status != http.StatusSeeOther || sent.to != again.to {
		t.Fatalf("sent: %d to %q, again to %q: %s", sent.status, sent.to, again.to, sent.text())
	}
	ref := regexp.MustCompile(`C-[A-Z0-9]{4}-[A-Z0-9]{4}`).FindString(sent.to)
	nurse.get(sent.to).says(ref, "Sent to Nottinghamshire", "Sent, not yet looked at")
	for _, r := range []*reader{ward, s.as("ward-nurse"), s.as("broker")} {
		for _, p := range []string{"/concerns/mine?new=" + ref, "/cases/barbara-case", "/cases/barbara-case?tab=concern", "/concerns"} {
			if got := r.get(p); strings.Contains(got.text(), ref) || strings.Contains(got.text(), "Bruises") || strings.Contains(got.text(), "concern raised") {
				t.Errorf("%s shows it", p)
			}
		}
	}
	list := county.get("/concerns")
	list.says(ref, "OAKLEY", "Neglect or acts of omission")
	if strings.Contains(list.text(), "Bruises") {
		t.Error("the list shows words")
	}
	one := regexp.MustCompile(`/concerns/barbara-case/[a-z2-7]{26}`).FindString(list.body)
	county.get(one).says("Bruises on an arm", "A&E desk", "Open an enquiry")
	if got := county.post(one, "to", "closed"); got.status != http.StatusUnprocessableEntity {
		t.Errorf("closed without words: %d", got.status)
	}
	county.post(one, "to", "enquiry")
	look := nurse.get(nurse.post("/lookup", ask(number("barbara"), born)...).to)
	look.says("Open enquiry")
	nurse.get("/concerns/mine").says("Enquiry open")
	unknown := nurse.post("/lookup", ask(hiddenNumber("child"), born)...)
	if got := send(nurse, unknown.to+"/concern"); got.status != http.StatusSeeOther {
		t.Errorf("about somebody unknown: %d", got.status)
	}
	county.get("/concerns").says("as typed, not checked")
}

// county511 is the council as a form names it.
const county511 = county

// TestHuddleStream wants a decision of one side on the screen of the other within a
// second, as the row of the person and no more of it than a reload shows.
func TestHuddleStream(t *testing.T) {
	s := newSite(t)
	events, own := s.as("social-worker").listen("/huddle"), s.as("coordinator").listen("/huddle")
	start := time.Now()
	by := care.Actor{ID: "u-coordinator", Name: "P Coordinator", Role: care.Coordinator, Org: kingsMill, OrgKind: care.Trust}
	s.must(s.hub.DecideInHuddle(t.Context(), by, s.walter, hub.NewDecision{Key: "k", Text: "Ring home", Owner: hub.OwnerCode(care.Owner{Org: kingsMill}), Due: s.clock().Add(time.Hour), Referral: "ref-walter"}))
	if e := events.until("row", "Ring home"); e.at.Sub(start) > time.Second {
		t.Errorf("it came after %v", e.at.Sub(start))
	}
	own.until("row", "Ring home") // beside others, and not as somebody who is new on the page
}
