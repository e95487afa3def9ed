package web

import (
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/nhs"
)

// Item 7: a client comes into hospital; her provider is told, says that it knows, stands
// still, and is asked to go on. It sees its own client only, and not where she lies.
func TestStoryOfAClientInHospital(t *testing.T) {
	p := newPlay(t)
	p.office("office", "p1")
	p.office("stranger", "p2")
	ward, office := p.enter("coordinator"), p.enter("office")
	office.open("/provider")
	office.sees("main", "Nothing waits for you")

	ward.open(at(p.barbara, "?tab=providers"))
	ward.fine("providers")
	ward.press("Tell Bluebell Homecare Ltd")
	ward.watches()
	office.open("/provider")
	office.fine("clients")
	office.lacks("Oakley", "Barbara", "Ward 31")
	office.press("Open")
	office.sees("main", "Your client is in hospital")
	office.fill("Your name", "Dawn")
	office.press("We know")
	office.sees("main", "OAKLEY")
	office.lacks("Ward 31", number("barbara").Spaced())
	ward.sees("main", "This case changed")
	office.day("from", "23", "11", "2026")
	office.fill("Time", "18:00")
	office.fine("client")
	office.press("Suspend care")

	ward.open(at(p.barbara, "?tab=providers"))
	ward.sees("main", "Dawn", "23-Nov-2026 18:00")
	ward.press("Ask to restart care")
	ward.day("from", "25", "11", "2026")
	ward.fill("Time", "8:00")
	ward.fine("restart")
	ward.press("Ask")
	office.open("/provider")
	office.press("Open")
	office.choose("Yes, as asked")
	office.fill("Your name", "Dawn")
	office.fine("client-restart")
	office.press("Send answer")
	ward.open(at(p.barbara, "?tab=providers"))
	ward.sees("main", "Yes, from 25-Nov-2026 08:00")

	stranger := p.enter("stranger")
	if status := stranger.Goto(p.url + office.path()); status != 404 {
		t.Errorf("another provider opens it: %d", status)
	}
	stranger.open("/provider")
	stranger.lacks("Oakley", "B.O.")
}

// Item 8: two are asked, one accepts, one declines, one is booked; then the day moves, and
// what was offered is at risk.
func TestStoryOfAskingForCare(t *testing.T) {
	p := newPlay(t)
	p.agency("p1")
	p.as("team-manager").post(at(p.walter, "/referrals/ref-walter/accept"))
	expected := func(day int) {
		t.Helper()
		p.hears(p.walter, "v5", care.Seen{Expected: care.Tell(nhs.Date{Year: 2026, Month: 11, Day: day})})
	}
	expected(25)
	broker, agency := p.enter("broker"), p.enter("agency-p1")
	broker.open(at(p.walter, "?tab=arranging"))
	broker.press("Ask for care")
	broker.Type("#needs", "Help of one carer to wash, twice a day")
	broker.fill("Hours a week", "10.5")
	broker.day("startBy", "25", "11", "2026")
	broker.choose("The council, or the council and the NHS")
	broker.choose("Bluebell Homecare Ltd")
	broker.choose("Notts Lifeline")
	broker.fine("ask-for-care")
	broker.press("Ask these providers")

	agency.open("/provider/requests")
	agency.fine("asked")
	agency.lacks("Ashdown", "Walter", "Ward 31", "Lifeline")
	agency.press("Answer")
	agency.choose("Accept")
	agency.day("earliest", "25", "11", "2026")
	agency.fill("Rate for a week", "340.00")
	agency.fill("Your name", "Jo")
	agency.fine("answer")
	agency.press("Send")
	agency.sees("main", "340")

	broker.open(at(p.walter, "?tab=arranging"))
	broker.sees("main", "Jo", "£340.00")
	broker.press("Record an answer")
	broker.of("Whose answer?", "Notts Lifeline")
	broker.choose("Decline")
	broker.pick("Why?", "No ")
	broker.press("Save the answer")
	broker.press("Book an offer")
	broker.fine("book")
	broker.sees("main", "No other has an answer to give.")
	broker.lacks("released: Bluebell")
	broker.press("Book")
	broker.sees("main", "Booked", "Bluebell Homecare Ltd from 25-Nov-2026")
	agency.open("/provider/requests")
	agency.sees("main", "You are booked")

	p.later(time.Minute)
	expected(28)
	broker.open("/arranging")
	broker.shot("arranging")
	broker.fine("arranging")
	broker.sees("main", "At risk")

	ward := p.enter("coordinator")
	ward.open(at(p.walter, "?tab=arranging"))
	ward.lacks("Bluebell", "340")
	ward.sees("main", "not shared outside the council")
}

// Item 9: a cost above the broker's limit waits for a second person, and no hospital
// role is told a figure.
func TestStoryOfAPriceAboveTheLimit(t *testing.T) {
	p := newPlay(t)
	broker := p.enter("broker")
	broker.open(at(p.walter, "?tab=finance"))
	broker.press("Add a cost")
	broker.pick("Kind of care", "Home care")
	broker.fill("What it is", "Morning visits")
	broker.of("What is the rate for?", "An hour")
	broker.Type("#rate", "60.00")
	for _, day := range strings.Split("0123456", "") {
		broker.Type("#week-"+day, "1.5")
	}
	broker.day("start", "25", "11", "2026")
	broker.pick("Paid from", "Social care, the council")
	broker.fine("add-cost")
	broker.press("Save cost")
	broker.sees("main", "A second person must approve it", "£630.00 a week")
	broker.fine("finance")

	manager := p.enter("team-manager")
	manager.open("/money/waiting")
	manager.fine("money-waiting")
	manager.press("Approve or refuse")
	manager.fine("approve-cost")
	manager.choose("Yes, approve it")
	manager.fill("Why", "Meets the need")
	manager.press("Save decision")
	manager.sees("main", "Approved")
	broker.open(at(p.walter, "?tab=finance"))
	broker.sees("main", "Approved", "Meets the need")

	ward := p.enter("coordinator")
	ward.open(at(p.walter, "?tab=finance"))
	ward.sees("main", "Finance is not shared with hospitals")
	ward.lacks("630", "60.00", "Morning visits")
	ward.open(at(p.walter, "?tab=timeline"))
	ward.lacks("630", "60.00", "cost")
}
