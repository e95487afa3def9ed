package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"homeward/care"
)

// TestWhoHadItOnPages is the clock as both sides read and correct it without scripts.
// Walter was ready for 24 hours before the referral was sent, which is 72 hours ago.
func TestWhoHadItOnPages(t *testing.T) {
	s := newSite(t)
	ward, nurse, manager := s.as("coordinator"), s.as("ward-nurse"), s.as("team-manager")
	tab, post := "/cases/"+string(s.walter)+"?tab=clock", "/cases/"+string(s.walter)+"/clock"

	for _, r := range []*reader{ward, manager} {
		got := r.get(tab)
		got.says("Delay, national count", "4 days so far", "All days not meeting criteria", "4d so far", "No referral yet", "Sent, to be accepted", "75.0%",
			"Suggested", "code 2022-03", "Awaiting referral to community single point of access", "Acute discharge situation report 2022-23", "Correct")
		wellMade(t, got)
	}
	if got := nurse.get(tab); strings.Contains(got.body, "correct=0.0") {
		t.Error("who may not correct it is offered to")
	}
	if got := s.as("admin").get(tab); strings.Contains(got.body, "Sent, to be accepted") {
		t.Error("who sees no whereabouts sees the clock")
	}

	form := manager.get(tab + "&correct=0.1")
	wellMade(t, form)
	form.says("Correct the clock", "Share of the time")
	in := form.inputs(post)
	if in.Get("from-clock") == "" || in.Get("part-0-holder") != string(county) || in.Get("part-0-stage") != "sent" {
		t.Fatalf("the form is not filled with what the clock says: %v", in)
	}
	bad := manager.submit(form, post, "from-clock", "25:99", "part-0-share", "half", "why", "Typed and kept")
	if bad.status != http.StatusUnprocessableEntity {
		t.Fatalf("nonsense was taken: %d", bad.status)
	}
	bad.says("enter a time like 14:30", "Enter a share as a whole number", "Typed and kept")
	wellMade(t, bad)
	if got := manager.submit(form, post, "part-0-share", "90", "why", "x"); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.text(), "The shares must add up to 100") {
		t.Fatalf("90 of 100: %d", got.status)
	}
	old := ward.get(tab + "&correct=0.1")
	ok := manager.submit(form, post, "part-0-share", "75", "part-1-holder", string(kingsMill), "part-1-stage", "returned", "part-1-share", "25", "why", "We rang the ward for a day.")
	if ok.status != http.StatusSeeOther || ok.to != tab {
		t.Fatalf("not saved: %d %s", ok.status, ok.text())
	}
	seen := ward.get(tab)
	seen.says("Corrections", "We rang the ward for a day.", "P Team-manager", "Corrected. By itself the clock says: Sent, to be accepted", "25 of 100", "2d 6hr", "18hr")
	wellMade(t, seen)
	ward.get("/cases/" + string(s.walter)).says("Clock corrected: who had it while the person waited")

	over := ward.submit(old, post, "part-0-holder", "", "part-0-stage", "", "part-0-share", "", "reason", "2022-11", "why", "The family asked to wait.")
	if over.status != http.StatusConflict {
		t.Fatalf("an older page overruled the council: %d %s", over.status, over.text())
	}
	over.says("Somebody else has corrected this time", "The family asked to wait.")
	if over.inputs(post).Get("part-0-holder") != "" {
		t.Error("what was chosen is not kept")
	}
	s.later(time.Minute)
	if again := ward.submit(over, post); again.status != http.StatusSeeOther {
		t.Fatalf("meant, it was not saved: %d %s", again.status, again.text())
	}
	chosen := manager.get(tab)
	chosen.says("Chosen", "Individual/ family not in agreement with discharge plans", "code 2022-11")
	undo := ""
	for _, f := range ward.get(tab).all("form") {
		if a := attr(f, "action"); strings.HasSuffix(a, "/undo") {
			undo = a
		}
	}
	if strings.Contains(chosen.body, undo) {
		t.Error("the other side may take it back")
	}
	if got := manager.post(undo); got.status == http.StatusSeeOther {
		t.Error("the other side took it back")
	}
	if got := ward.post(undo); got.status != http.StatusSeeOther {
		t.Fatalf("not taken back: %d", got.status)
	}
	manager.get(tab).says("Corrected, and taken back", "We rang the ward for a day.", "Suggested")

	again := manager.get(tab + "&correct=0.1")
	if got := manager.submit(again, post, "part-0-holder", "", "part-0-stage", "returned", "part-0-share", "", "part-1-holder", "", "part-1-stage", "", "part-1-share", "", "why", "It had come back to the ward."); got.status != http.StatusSeeOther {
		t.Fatalf("who had it is as the clock says, and was not saved: %d %s", got.status, got.text())
	}
	manager.get(tab).says("It had come back to the ward.", "Nottinghamshire County Council: Returned for information, 100 of 100.")
	if got := manager.post(post); got.status != http.StatusConflict || !strings.Contains(got.text(), "That stay is not in this record any more") {
		t.Errorf("a form without its stay: %d %s", got.status, got.text())
	}

	s.record(s.irene, care.BecameReady{At: evening.Add(-time.Hour), From: evening.Add(-time.Hour)})
	if got := manager.get("/cases/" + string(s.irene) + "?tab=clock"); strings.Contains(got.text(), "No referral yet") {
		t.Error("a council sees the clock of somebody who was not referred to it")
	}
}
