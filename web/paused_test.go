package web

import (
	"context"
	"strings"
	"testing"

	"homeward/care"
	"homeward/nhs"
	"homeward/sharing"
	"homeward/store"
)

// agreedInstead stops what the fixture agrees, and has one agreement in its
// place, as it is given.
func (s *site) agreedInstead(a sharing.Agreement) {
	s.t.Helper()
	s.must(s.store.Update(context.Background(), func(tx *store.Tx) error {
		has, err := tx.Agreements()
		if err != nil {
			return err
		}
		for _, old := range has {
			old.Status = sharing.Withdrawn
			old.Changes = append(old.Changes, sharing.Change{At: evening.AddDate(-30, 0, 0), By: "u-ivy", Who: "P ivy", Did: "withdrawn", Why: "For the test"})
			if err := tx.PutAgreement(old); err != nil {
				return err
			}
		}
		return tx.PutAgreement(a)
	}))
}

// ended is an agreement of King's Mill and the county by which all flowed until a
// day, with changes after its approval.
func ended(last nhs.Date, status sharing.Status, did ...string) sharing.Agreement {
	a := sharing.Agreement{ID: "ended", Version: 1, Title: "Going home", From: nhs.Date{Year: 2026, Month: 1, Day: 1}, To: last, Status: status, Contact: "01632 960700",
		Parties: []sharing.Party{{ODS: kingsMill, Name: "King’s Mill Hospital"}, {ODS: county, Name: "Nottinghamshire County Council"}},
		Flows:   []sharing.Flow{{From: county, To: kingsMill, Sections: sharing.Sections()}, {From: kingsMill, To: county, Sections: sharing.Sections()}}}
	for _, d := range append([]string{"drafted", "proposed", "approved"}, did...) {
		a.Changes = append(a.Changes, sharing.Change{At: evening.AddDate(0, 0, -9), By: "u-ivy", Who: "P ivy", Did: d})
	}
	return a
}

var (
	yesterday = nhs.Date{Year: 2026, Month: 11, Day: 21}
	nextYear  = nhs.Date{Year: 2027, Month: 11, Day: 21}
)

// Where access is paused a look-up says so, since when and whom to ring, and the
// same of everybody.
func TestALookUpSaysThatAccessIsPaused(t *testing.T) {
	for what, c := range map[string]struct {
		agreed sharing.Agreement
		want   string
	}{
		"expired":   {ended(yesterday, sharing.Agreed), "not shown since 22 November 2026, because the sharing agreement has ended"},
		"suspended": {ended(nextYear, sharing.Suspended, "suspended"), "not shown since 13 November 2026, because the sharing agreement is suspended"},
		"withdrawn": {ended(nextYear, sharing.Withdrawn, "withdrawn"), "not shown since 13 November 2026, because the sharing agreement was withdrawn"},
	} {
		t.Run(what, func(t *testing.T) {
			s := newSite(t)
			s.agreedInstead(c.agreed)
			r := s.as("ae-nurse")
			var pages []string
			for _, who := range []care.CaseID{"barbara", "irene", "doris", "fred"} {
				looked := r.post("/lookup", find(who)...)
				if looked.status != 303 {
					t.Fatalf("%s: %d %s", who, looked.status, looked.text())
				}
				got := r.get(looked.to)
				wellMade(t, got)
				got.says("Access is paused", "Nottinghamshire County Council: "+c.want, "This does not mean the person has no care", "01632 960100", "01632 960101")
				pages = append(pages, strings.ReplaceAll(got.text(), looked.to, ""))
			}
			for _, p := range pages[1:] {
				if p != pages[0] {
					t.Errorf("the page tells people apart:\n%s\n%s", pages[0], p)
				}
			}
		})
	}
}

func TestAListSaysWhosePeopleAreNotShown(t *testing.T) {
	s := newSite(t)
	if got := s.as("team-manager").get("/tracker"); strings.Contains(got.text(), "Access is paused") {
		t.Errorf("while all is agreed: %s", got.text())
	}
	s.agreedInstead(ended(yesterday, sharing.Agreed))
	for _, path := range []string{"/tracker", "/worklist", "/wall"} {
		got := s.as("team-manager").get(path)
		wellMade(t, got)
		got.says("Access is paused", "King’s Mill Hospital: not shown since 22 November 2026", "Queen’s Hospital: ", "This does not mean that nobody waits there", "01632 960300")
		if strings.Contains(got.text(), "ASHDOWN") {
			t.Errorf("%s shows a person of the hospital", path)
		}
	}
}

// A case and a record that there is not are refused with the same words.
func TestARefusalSaysThatAccessIsPaused(t *testing.T) {
	s := newSite(t)
	s.agreedInstead(ended(yesterday, sharing.Agreed))
	r := s.as("team-manager")
	there, none := r.get("/cases/"+string(s.irene)), r.get("/cases/nobody-at-all")
	for _, got := range []shown{there, none} {
		if got.status != 403 {
			t.Fatalf("%d %s", got.status, got.text())
		}
		wellMade(t, got)
		got.says("You cannot see this", "Access is paused", "King’s Mill Hospital: not shown since 22 November 2026", "01632 960300")
	}
	if there.text() != none.text() {
		t.Error("a record that is there is refused in other words than one that is not")
	}
}

// A case of which a part stopped says so, to its own hospital too.
func TestACaseSaysWhatIsPaused(t *testing.T) {
	s := newSite(t)
	path := "/cases/" + string(s.barbara)
	if got := s.as("coordinator").get(path); got.status != 200 || strings.Contains(got.text(), "Access is paused") {
		t.Errorf("while all is agreed: %d", got.status)
	}
	s.agreedInstead(ended(yesterday, sharing.Agreed))
	got := s.as("coordinator").get(path)
	wellMade(t, got)
	got.says("Access is paused", "Nottinghamshire County Council: not shown since 22 November 2026")
	if strings.Contains(got.text(), "Bluebell") {
		t.Error("what the council holds is shown")
	}
	got.says("No referral has been sent") // the hospital knows what it sent
	council := s.as("social-worker").get(path)
	wellMade(t, council)
	council.says("Whether a referral was sent is not shown while access is paused", "Not shown while access is paused")
	if strings.Contains(council.text(), "No referral has been sent") || strings.Contains(council.text(), "Not ready yet") {
		t.Error("what the council cannot know is told as a fact")
	}
}

// A form of fifty questions says before they are answered that it cannot be sent.
func TestAReferralSaysThatItCannotBeSent(t *testing.T) {
	s := newSite(t)
	path := "/cases/" + string(s.barbara) + "/refer"
	if got := s.as("coordinator").get(path); got.status != 200 || strings.Contains(got.text(), "cannot be sent") {
		t.Errorf("while all is agreed: %d", got.status)
	}
	s.agreedInstead(ended(yesterday, sharing.Agreed))
	for _, at := range []string{path, path + "/needed", path + "/person", path + "/check"} {
		got := s.as("coordinator").get(at)
		wellMade(t, got)
		got.says("This cannot be sent now", "What you type is kept")
	}
}
