package web

import (
	"regexp"
	"testing"
	"time"

	"homeward/care"
	"homeward/internal/browser"
	"homeward/store"
)

// Item 4: two records that may be one person are listed and joined by a person, and
// separated again; somebody without a number is compared with who is like them.
func TestStoryOfTwoRecords(t *testing.T) {
	p := newPlay(t)
	p.twins(care.DoubtSame)
	from := evening.Add(-2 * time.Hour)
	p.must(p.store.Update(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Record(care.Case{}, care.Cause{Kind: "system"}, p.clock(), care.Started{At: from, ID: "one-case"},
			care.Identified{At: from, IDs: []care.Identifier{{System: "mrn:RK5", Value: "N1"}}},
			care.PersonTold{At: from, First: true, Person: care.Person{Family: "Ashdowne", Given: "Walter", Born: born, Source: "kmh", AsAt: from}},
			care.Admitted{At: from, Stay: care.Stay{Visit: "v-one", Org: kingsMill, Source: "kmh", Class: "E", Admitted: from, Where: care.Location{Ward: "ED", Name: "A&E"}}})
		return err
	}))
	clerk := p.enter("coordinator")
	clerk.open("/identity")
	clerk.fine("identity")
	clerk.sees("main", "OAKLEY, Babs")
	clerk.press("Same person: join these records")
	clerk.fine("join")
	clerk.Type("#why", "Both traced on PDS")
	clerk.press("Same person: join the records")
	clerk.fine("joined")
	clerk.press("separate the records again")
	clerk.fine("separate")
	clerk.Type("#why", "The ward has two Oakleys")
	clerk.press("Separate")
	clerk.sees("main", "The records are separate again.", "In hospital without an NHS number", "ASHDOWNE, Walter")
	clerk.press("Compare and decide")
	clerk.fine("near")
	clerk.choose("No, another person")
	clerk.Type("#why", "His brother")
	clerk.press("Save what you decided")
	clerk.sees("main", "Kept: they are two people.", "No record of yours is like this one.")
}

// Item 5: a manager and a worker with the keyboard alone: suggest, allocate, several at
// once with a check page, hand over, and a list saved under a name.
func TestStoryOfAllocatingByKeyboard(t *testing.T) {
	p := newPlay(t)
	p.hear()
	p.crowd(8)
	p.as("team-manager").post("/team/u-social-worker", "version", "0", "patch", "ng18", "most", "12.5", "days", "0", "days", "6") // 0 or 6: it is a Sunday
	manager, worker := p.enter("team-manager"), p.enter("social-worker")
	manager.open("/worklist")
	manager.fine("worklist")
	manager.key("Allocate ")
	manager.sees("main", "Suggested: P Social-worker", "Covers NG18")
	manager.fine("suggested")
	manager.key("Allocate")
	manager.sees("main", "The referral was allocated to P Social-worker.")
	first := browser.Eval[string](manager.Tab, "document.querySelectorAll('[name=pick]')[0].id")
	second := browser.Eval[string](manager.Tab, "document.querySelectorAll('[name=pick]')[1].id")
	manager.at(first, " ")
	manager.at(second, " ")
	manager.at("worker", "P Social")
	manager.key("Allocate the people ticked")
	manager.fine("allocate-many")
	manager.sees("main", "P Social-worker")
	manager.key("Allocate 2")
	manager.sees("main", "2")
	manager.shot("allocated-many")

	worker.open("/worklist?view=mine")
	worker.fine("mine")
	worker.key("Hand over my")
	worker.fine("hand-over")
	worker.at("worker", "P Team")
	worker.key("Check and hand over")
	worker.fine("hand-over-check")
	worker.key("Hand over")
	worker.open("/worklist?view=mine")
	worker.sees("main", "Nobody is allocated to you")

	manager.open("/tracker?wait=delayed")
	manager.unfolds("Saved views")
	manager.at("view-name", "The late ones")
	manager.key("Save")
	manager.sees("main", "The view was saved.")
	manager.unfolds("Saved views")
	manager.key("The late ones")
	manager.fine("saved-view")
}

// Item 10: the destination is recorded, and whether somebody is at home is asked on day
// 91 and after six months.
func TestStoryOfAnOutcome(t *testing.T) {
	p := newPlay(t)
	p.as("team-manager").post(at(p.walter, "/referrals/ref-walter/accept"))
	worker := p.enter("social-worker")
	worker.open(at(p.walter, ""))
	worker.press("Record the outcome and close")
	worker.choose("Went home with care")
	worker.press("Close the referral")
	worker.open(at(p.walter, "?tab=outcomes"))
	worker.unfold("Record: where the person went")
	worker.fine("outcomes")
	worker.choose("Home, with care or reablement")
	worker.day("left", "21", "11", "2026")
	worker.press("Save")
	worker.sees("main", "The outcome was recorded.", "asked on 20-Feb-2027", "asked on 21-May-2027")
	worker.open(at(p.walter, "?tab=tasks"))
	worker.sees("main", "91 days after leaving hospital", "20-Feb-2027", "6 months after leaving hospital", "21-May-2027")
	ward := p.enter("coordinator")
	ward.open(at(p.walter, "?tab=outcomes"))
	ward.sees("main", "Home, with care or reablement", "21-Nov-2026")
	other := p.enter("coordinator-rx1")
	if status := other.Goto(p.url + at(p.walter, "?tab=outcomes")); status == 200 {
		other.lacks("21-Nov-2026", "reablement")
	}
}

// Item 11: three clicks decide, say who and by when; the other side sees it on its open
// page, disagrees, and the minutes say both.
func TestStoryOfAHuddle(t *testing.T) {
	p := newPlay(t)
	p.hear()
	ward, council := p.enter("coordinator"), p.enter("social-worker")
	council.open("/huddle")
	council.watches()
	ward.open("/huddle")
	ward.fine("huddle")
	ward.press("Decide about ASHDOWN") // the first click
	ward.fine("huddle-decide")
	ward.choose("Therapy visit on the ward")
	ward.press("Save the decision")
	ward.sees("main", "The decision was recorded")
	council.sees("#row-walter-case", "Therapy visit on the ward")
	council.still()
	council.open("/huddle")
	council.unfold("Disagree")
	council.fill("Why do you disagree?", "No therapist works then")
	council.press("Record that you disagree")
	ward.sees("#row-walter-case", "No therapist works then")
	council.press("Minutes so far")
	council.sees("main", "Therapy visit on the ward", "disagrees")
	council.fine("minutes")
	other := p.enter("coordinator-rx1")
	if status := other.Goto(council.Location()); status != 403 {
		t.Errorf("another trust reads the minutes: %d", status)
	}
}

// Item 12: a nurse raises a concern from a look-up; the council reads it, the nurse sees
// the reference, and the ward nothing.
func TestStoryOfAConcern(t *testing.T) {
	p := newPlay(t)
	nurse := p.enter("ae-nurse")
	nurse.open("/lookup")
	nurse.Type("#nhs", number("barbara").Spaced())
	nurse.Type("#dob-day", "14")
	nurse.Type("#dob-month", "3")
	nurse.Type("#dob-year", "1941")
	nurse.Click("#reason")
	nurse.Follow("main form button[type=submit]")
	nurse.press("Raise a safeguarding concern")
	nurse.sees("body", "OAKLEY, Barbara (Mx)", number("barbara").Spaced()) // whom it is about
	nurse.fine("concern")
	nurse.of("Is the person in danger now?", "No")
	nurse.choose("Neglect")
	nurse.fill("What did you see or hear?", "Bruises on an arm")
	nurse.of("Does the person know", "No")
	nurse.fill("How can the council reach you?", "A&E desk")
	nurse.press("Send to the council")
	nurse.sees("main", "Sent to Nottinghamshire County Council")
	nurse.fine("concern-sent")
	nurse.lacks("Bruises", "Oakley")
	ref := regexp.MustCompile(`C-[A-Z0-9]{4}-[A-Z0-9]{4}`).FindString(nurse.Text("main"))

	worker := p.enter("social-worker")
	worker.open("/concerns")
	worker.fine("concerns")
	worker.sees("main", ref)
	worker.lacks("Bruises")
	worker.press(ref)
	worker.sees("main", "Bruises on an arm", "A&E desk")
	worker.fine("concern-read")
	worker.press("Open an enquiry")
	nurse.open("/concerns/mine")
	nurse.sees("main", ref, "Enquiry open")
	ward := p.enter("coordinator")
	ward.open(at(p.barbara, ""))
	ward.lacks(ref, "Bruises", "concern raised")
}
