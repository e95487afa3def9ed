package web

import (
	"strings"
	"testing"

	"homeward/internal/browser"
)

// whole answers everything on a page that is not answered yet: the worker's typing,
// without its hours. Boxes that ask for a placement or a second carer are answered no.
const whole = `(() => { for (let n = 0; n < 3; n++) {
	for (const e of document.querySelectorAll('main form input[type=radio]')) {
		if (!e.checkVisibility() && !e.labels[0]?.checkVisibility()) continue;
		const all = [...document.getElementsByName(e.name)];
		if (all.some(x => x.checked)) continue;
		(all.find(x => x.value === 'N') || all[0]).click();
	}
	for (const e of document.querySelectorAll('main form textarea, main form input[type=text], main form select')) {
		if (e.value || !e.checkVisibility()) continue;
		e.value = e.tagName === 'SELECT' ? e.options[1].value : e.id.endsWith('-day') ? (e.id.startsWith('assessed') ? '22' : '25') : e.id.endsWith('-month') ? '11' : e.id.endsWith('-year') ? '2026' : 'As agreed';
		e.dispatchEvent(new Event('input', {bubbles: true}));
	}
} })()`

// Item 2: an assessment is begun in one browser and finished in another, approved by
// the manager, and read and printed by the hospital.
func TestStoryOfAnAssessment(t *testing.T) {
	p := newPlay(t)
	p.as("team-manager").post(at(p.walter, "/referrals/ref-walter/accept"))
	worker := p.enter("social-worker")
	worker.open(at(p.walter, "?tab=assessments"))
	worker.press("Start an assessment")
	worker.choose("Hospital discharge assessment")
	worker.press("Start")
	worker.fine("assessment-parts")
	here := worker.path()
	for _, page := range []string{"visit", "before", "now", "risks"} {
		worker.open(here + "/pages/" + page)
		worker.Eval(whole)
		worker.press("Save and continue")
	}

	worker.open(here + "/pages/plan")
	worker.Eval(whole)
	worker.press("Add")
	// What is typed while a draft is on its way is kept too, and not after 20 seconds.
	worker.Eval("window.real = fetch; window.fetch = (...a) => new Promise(go => { window.go = () => go(real(...a)) })")
	worker.choose("Morning")
	worker.fill("What for", "Washing and dressing")
	worker.Eval("document.activeElement.blur(); window.fetch = real; go()")
	colleague := p.as("social-worker")
	p.until("the draft is kept", func() bool { return strings.Contains(colleague.get(here+"/pages/plan").body, "Washing and dressing") })

	// At home, on another machine.
	home := &player{worker.NewTab(), p, "social-worker"}
	home.again()
	home.open("/assessments")
	home.press("ASHDOWN")
	home.press("What is asked for")
	if v := browser.Eval[string](home.Tab, `[...document.querySelectorAll('textarea, input[type=text]')].map(e => e.value).join('|')`); !strings.Contains(v, "Washing and dressing") {
		t.Errorf("what was typed is not there: %s", v)
	}
	home.press("Add another")
	home.Eval(whole)
	home.fine("assessment-visits")
	home.press("Save and continue")
	home.open(here)
	home.press("Check and send")
	home.fine("assessment-check")
	home.press("Sign and send")
	home.sees("main", "Waiting for approval")

	manager := p.enter("team-manager")
	manager.open("/assessments?show=waiting")
	manager.fine("assessments")
	manager.press("ASHDOWN")
	manager.press("Approve")
	manager.sees("main", "Approved")

	ward := p.enter("coordinator")
	ward.open(at(p.walter, "?tab=assessments"))
	ward.press("Hospital discharge assessment")
	ward.sees("main", "Washing and dressing")
	ward.press("Print")
	ward.sees("main", "Washing and dressing")
	ward.fine("assessment-print")
}

// Item 3: the score moves as somebody types; who sends anyway says why, and it is counted.
func TestStoryOfTheGate(t *testing.T) {
	p := newPlay(t)
	m := p.as("team-manager")
	m.post("/gate/edit", "version", "0", "title", "What our team needs", "want_wishes", "must", "want_chc_considered", "should")
	m.post("/gate/publish", "version", "1")

	ward := p.enter("coordinator")
	ward.open(at(p.barbara, "/refer/needs"))
	before := ward.Text("#app-gate strong")
	ward.Eval("window.same = true")
	ward.fine("gate-typing")
	ward.of("Has NHS continuing healthcare been considered?", "No")
	ward.Eval("document.activeElement.blur()")
	ward.sees("#app-gate", "25% of what Nottinghamshire County Council wants is there")
	ward.still()
	if before != "0%" {
		t.Errorf("it began with %q", before)
	}
	ward.open(at(p.barbara, "/refer/needed"))
	ward.needs()
	ward.press("Save and check")
	ward.fine("gate-check")
	if status := ward.try("Send"); status != 422 {
		t.Errorf("sent without what they send back for: %d", status)
	}
	ward.choose("The person leaves today")
	ward.press("Send")
	ward.sees("main", "Referral sent")

	ward.open("/gate/returned")
	ward.sees("main", "Ward 31")
	ward.fine("gate-returned")

	manager := p.enter("team-manager")
	manager.open("/gate/returned")
	manager.sees("tr", "What does the person want to happen, and what matters to them? 0 1")
	manager.open(at(p.barbara, "?tab=referral"))
	manager.shot("gate-referral")
	manager.sees("main", "Leaving today")
}
