package web

import (
	"testing"

	"homeward/internal/browser"
)

// sends refers Barbara by the short way.
func (a *player) sends() {
	a.p.t.Helper()
	a.open(at(a.p.barbara, ""))
	a.press("Refer to social care")
	a.press("Answer only what is needed")
	a.needs()
	a.press("Save and check")
	a.press("Send referral")
}

// needs answers what a referral must have.
func (a *player) needs() {
	a.p.t.Helper()
	for i := 0; i < len(needed); i += 2 {
		name, value := needed[i], needed[i+1]
		if radio := `[name="` + name + `"][value="` + value + `"]`; browser.Eval[bool](a.Tab, "document.querySelector('"+radio+"') !== null") {
			a.Click(radio)
		} else {
			a.Type("#"+name, value)
		}
	}
}

// strip is what the strip of a case says, before the actions.
func (a *player) strip() string {
	a.p.t.Helper()
	return browser.Eval[string](a.Tab, `[...document.querySelectorAll('#app-stage .app-steps, #app-stage strong')].map(e => e.innerText).join('\n')`)
}

// Item 1: a referral goes to the council and back and on; whoever does not have the
// ball sees where it is without loading the page again, and both read the same strip.
func TestStoryOfTheBall(t *testing.T) {
	p := newPlay(t)
	ward, council := p.enter("coordinator"), p.enter("team-manager")
	ward.sends()
	ward.press("Open the discharge case")
	ward.watches()

	council.open(at(p.barbara, ""))
	council.press("Return the referral")
	council.choose("Mental capacity")
	council.fill("What", "Send the capacity assessment.")
	council.fill("Who", "R Okafor")
	council.fill("How", "01632 960110")
	council.fine("return")
	council.press("Return the referral")
	ward.sees("#app-stage", "With: King’s Mill Hospital", "Send the missing information", "Send the capacity assessment.")
	ward.still()

	ward.press("Send the missing information")
	ward.shot("answer")
	ward.press("Check and send")
	ward.press("Send")
	ward.press("Open the discharge case")
	ward.watches()
	council.open(at(p.barbara, ""))
	council.press("Accept the referral")
	ward.sees("#app-stage", "next: Allocate a worker")
	council.press("Allocate a worker")
	council.pick("Worker", "P Social-worker")
	council.press("Allocate")
	ward.sees("#app-stage", "P Social-worker")
	stale := council.Sibling()
	stale.Goto(p.url + council.path())

	council.unfold("More that you can do")
	council.press("Put the referral on hold")
	council.choose("Waiting for treatment")
	council.day("until", "25", "11", "2026")
	council.fine("hold")
	council.press("Put on hold")
	ward.sees("#app-stage", "On hold since")
	council.watches()
	if a, b := ward.strip(), council.strip(); a != b || a == "" {
		t.Errorf("the hospital reads\n%s\nand the council\n%s", a, b)
	}
	council.press("Go on with the referral")
	council.press("Go on")
	ward.sees("#app-stage", "With: Nottinghamshire County Council, P Social-worker")
	ward.still()
	ward.fine("case")

	// Who has an old page is told what can be done now.
	late := &player{stale, p, "team-manager"}
	late.open(at(p.barbara, "/referrals/"+string(p.caseOf(p.barbara).Referrals[0].ID)+"/hold"))
	council.open(at(p.barbara, ""))
	council.unfold("More that you can do")
	council.press("Record the outcome and close")
	council.choose("No care needed")
	council.press("Close the referral")
	ward.sees("#app-stage", "Refer to social care")
	late.choose("Waiting for treatment")
	late.day("until", "25", "11", "2026")
	if status := late.try("Put on hold"); status != 409 {
		t.Errorf("holding what is closed: %d", status)
	}
	late.sees("main", "This cannot be done now", "What can be done now:")
	late.ConsoleErrors()
}

// Item 6: a task that both see, a note that names a colleague, and asking three times.
func TestStoryOfAskingAThirdTime(t *testing.T) {
	p := newPlay(t)
	p.notify()
	p.as("coordinator").refer(p.barbara)
	ward, council := p.enter("coordinator"), p.enter("team-manager")
	council.open("/notifications")
	council.Wait(`document.getElementById('app-bell') !== null`, shortly)

	ward.open(at(p.barbara, "?tab=tasks"))
	ward.fine("tasks")
	ward.choose("The hospital and the council")
	ward.fill("What must be done?", "Ask the daughter for the key")
	ward.pick("Who does it?", "Whoever is on duty, Nottinghamshire")
	ward.press("Set the task")
	ward.sees("main", "The task was set.", "Ask the daughter for the key")
	p.notify()
	council.sees("#app-bell", "(")
	council.open("/tasks?show=team")
	council.fine("my-tasks")
	council.sees("main", "Ask the daughter for the key")

	worker := p.enter("social-worker")
	worker.open(at(p.barbara, "?tab=notes"))
	worker.choose("Council")
	worker.fill("Note", "Visited. @P Team-manager please look.")
	worker.press("Save note")
	p.notify()
	council.open("/notifications")
	council.fine("notifications")
	council.press("A note mentions you or your team")
	council.sees("main", "please look")
	ward.open(at(p.barbara, "?tab=notes"))
	ward.lacks("please look")

	for n, said := range []string{"Asked to act 1 time", "Asked to act 2 times", "The managers were told"} {
		if n > 0 {
			p.later(31 * 60e9)
			ward.again()
		}
		ward.open(at(p.barbara, ""))
		ward.press("Ask them to act")
		ward.sees("#app-stage", said)
	}
	council.again()
	council.ConsoleErrors() // the stream of the session that ended
	p.notify()
	council.open("/notifications")
	council.sees("main", "Three requests to act on a referral went without action")
	for _, a := range []*player{ward, council, worker} {
		a.ConsoleErrors() // the streams of the sessions that ended
	}
}
