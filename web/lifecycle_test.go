package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/nhs"
)

// TestHoldIsTheSameForBothSides puts a referral on hold by its pages, and wants the
// same strip on both sides, by the minute, with what is overdue said in words.
func TestHoldIsTheSameForBothSides(t *testing.T) {
	s := newSite(t)
	ward, council := s.as("coordinator"), s.as("team-manager")
	ref := at(s.walter, "/referrals/ref-walter/")

	if p := council.post(ref+"hold", "asked", "1"); p.status != http.StatusConflict {
		t.Errorf("holding what nobody accepted gives %d", p.status)
	} else {
		p.says("This cannot be done now", "What can be done now:", "Add a note", "Return the referral", "Transfer to another council")
	}
	council.follow(council.post(ref + "accept")).says("next: Allocate a worker, due 23-Nov-2026 21:40")
	ward.get(ref + "hold").says("You cannot see this")

	page := council.get(ref + "hold")
	page.says("Put the referral on hold", "It stays with")
	if p := council.submit(page, ref+"hold", "reason", "other", "until-day", "1", "until-month", "1", "until-year", "2026"); p.status != http.StatusUnprocessableEntity {
		t.Errorf("a hold for no reason until January gives %d", p.status)
	} else {
		p.says("There is a problem", "Enter what you are waiting for", "must be today or in the future")
	}
	council.follow(council.submit(page, ref+"hold", "reason", "treatment", "details", "A scan.", "until-day", "23", "until-month", "11", "until-year", "2026"))
	strip := func(r *reader) string {
		text := r.get(at(s.walter, "")).text()
		_, text, _ = strings.Cut(text, "since ready to leave hospital")
		text, _, _ = strings.Cut(text, "looked at again on 23-Nov-2026.")
		return text
	}
	s.later(20*time.Hour + time.Minute)
	ward, council = s.as("coordinator"), s.as("team-manager") // sessions end
	a, b := strip(ward), strip(council)
	if a != b || !strings.Contains(a, "On hold since 22-Nov-2026 21:40: waiting for treatment or test results at the hospital. A scan.") ||
		!strings.Contains(a, "due 16:00, overdue by 101 minutes") {
		t.Errorf("the hospital reads\n%s\nand the council\n%s", a, b)
	}
	ward.get("/tracker").says("overdue by 101 minutes")
	council.get(ref + "resume").says("It goes on where it was: accepted.")
	if p := council.post(ref + "resume"); p.status != http.StatusSeeOther {
		t.Errorf("going on gives %d", p.status)
	}
	if p := council.post(ref + "resume"); p.status != http.StatusConflict {
		t.Errorf("going on twice gives %d", p.status)
	}
	council.get(at(s.walter, "")).says("Time with each With Nottinghamshire County Council 3d 20hr 01min")
	council.get(at(s.walter, "?tab=referral")).says("Who had it, and for how long")
	council.get(ref + "transfer").says("No other council is on Homeward.")
	if p := council.post(ref+"transfer", "council", string(county), "why", "x", "checked", ""); p.status != http.StatusUnprocessableEntity {
		t.Errorf("a transfer to oneself gives %d", p.status)
	}
}

// TestCriteriaAreSaidByThemselves records criteria to reside, and leaves the other
// three things of a person's leaving as they are.
func TestCriteriaAreSaidByThemselves(t *testing.T) {
	s := newSite(t)
	nurse := s.as("ward-nurse")
	nurse.get("/ward?ward=W31").says("Criteria to reside", "Not recorded")
	page := at(s.walter, "/criteria")
	nurse.get(page).says("Which criteria does the person meet now?", "NEWS greater than 3", "No criterion is met")
	for _, wrong := range [][]string{nil, {"codes", "none", "codes", "04"}, {"codes", "12", "codes", "04"}, {"codes", "99"}} {
		if p := nurse.post(page, wrong...); p.status != http.StatusUnprocessableEntity {
			t.Errorf("%v gives %d", wrong, p.status)
		}
	}
	nurse.follow(nurse.post(page, "codes", "04", "codes", "03")).says("Criteria to reside Requires intravenous fluids NEWS greater than 3", "Medically fit Yes",
		"Discharge-ready since 18-Nov-2026 21:40", "Discharge notice Not sent", "Delay, national count 4 days so far", "All days not meeting criteria 4 days so far")
	nurse.get("/ward?ward=W31").says("Met: 03, 04")
	s.later(time.Minute)
	nurse.follow(nurse.post(page, "codes", "none")).says("No criterion is met")
	for _, login := range []string{"team-manager", "coordinator-rx1", "ae-nurse"} {
		if p := s.as(login).post(page, "codes", "none"); p.status != http.StatusForbidden {
			t.Errorf("%s says criteria: %d", login, p.status)
		}
	}
	if p := nurse.get(at(s.doris, "/criteria")); p.status == http.StatusOK {
		t.Error("criteria are asked of somebody who is not in hospital")
	}
}

// The notices that were sent stand on the strip, and what was taken back says so.
func TestNoticesStandOnTheStrip(t *testing.T) {
	s := newSite(t)
	by := care.Who{ID: "u-coordinator", Name: "P Coordinator", Org: kingsMill}
	paper := func(id string, kind care.PaperKind) care.Event {
		return care.PaperShared{At: evening, Paper: care.Paper{ID: id, Kind: kind, Referral: "ref-walter", At: evening, By: by}}
	}
	s.record(s.walter, paper("p1", care.PaperAssessmentNotice), paper("p2", care.PaperDischargeNotice))
	s.as("coordinator").get(at(s.walter, "")).says("Assessment notice sent 21:40. Discharge notice sent 21:40.")
	s.record(s.walter, care.PaperWithdrawn{At: evening, ID: "p2", Kind: care.PaperDischargeNotice, Why: "04"})
	s.as("team-manager").get(at(s.walter, "")).says("Assessment notice sent 21:40. Discharge notice withdrawn 21:40.", "Discharge notice Withdrawn 21:40")
}

// A referral that was transferred leads to the one that it became, where that is the
// reader's to see, and names no council to who gave it away.
func TestTransferredLeadsOn(t *testing.T) {
	s := newSite(t)
	next := care.Referral{ID: "ref-next", Prev: "ref-walter", Key: "k2", Stay: "v5", From: kingsMill, To: nhs.ODS("512"), Form: "d2a", FormVersion: 1, State: care.RefReceived,
		Sent: evening, SentBy: care.Who{Name: "P Coordinator", Org: kingsMill}, Watching: true, Holder: care.Holder{Org: "512", Since: evening, Next: "Accept or return", Due: evening.Add(time.Hour)}}
	s.record(s.walter, care.ReferralTransferred{At: evening, ID: "ref-walter", By: care.Who{Name: "P Team-manager", Org: county}, To: "512", Next: "ref-next", WhyText: "Lives there."},
		care.ReferralSent{At: evening, Referral: next})
	s.as("coordinator").get(at(s.walter, "?tab=referral")).says("Goes on as Referral ref-next", "Transferred from Referral ref-walter")
	p := s.as("team-manager").get(at(s.walter, "?tab=referral"))
	p.says("Transferred to another council 22-Nov-2026: Lives there.", "Goes on as A referral to another council")
	if strings.Contains(p.body, "ref-next") || strings.Contains(p.body, "512") {
		t.Error("the council that gave it away is told of the other's referral")
	}
}

func TestSpans(t *testing.T) {
	for d, want := range map[time.Duration][2]string{
		30 * time.Second: {"less than a minute", "0min"}, time.Minute: {"1 minute", "1min"}, 100 * time.Minute: {"100 minutes", "1hr 40min"},
		26*time.Hour + 5*time.Minute: {"26 hours", "1d 2hr 05min"}, 49 * time.Hour: {"2 days", "2d 1hr 00min"},
	} {
		if span(d) != want[0] || spanShort(d) != want[1] {
			t.Errorf("%v is %q and %q", d, span(d), spanShort(d))
		}
	}
}

func TestADraftIsThrownAway(t *testing.T) {
	s := newSite(t)
	r := s.as("coordinator")
	r.submit(r.get(at(s.barbara, "/refer/needed")), at(s.barbara, "/refer/needed"), "care_needs", "Help to wash")
	r.get(at(s.barbara, "/refer")).says("Throw this draft away")
	r.follow(r.post(at(s.barbara, "/refer/discard"))).says("The draft was thrown away.")
	if strings.Contains(r.get(at(s.barbara, "/refer/needed")).body, "Help to wash") {
		t.Error("the draft is still there")
	}
	if p := s.as("team-manager").post(at(s.barbara, "/refer/discard")); p.status != http.StatusForbidden {
		t.Errorf("a council throws away a draft: %d", p.status)
	}
}
