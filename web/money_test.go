package web

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/nhs"
)

// cost is a form of home care at a rate, with changes: names and values.
func cost(rate string, change ...string) []string {
	form := []string{"key", "form-1", "kind", "HS", "title", "Morning visits", "provider", "=Bluebell", "unit", "hour", "rate", rate, "funding", "council",
		"start-day", "25", "start-month", "11", "start-year", "2026"}
	for _, day := range []string{"0", "1", "2", "3", "4", "5", "6"} {
		form = append(form, "week-"+day, "1.5")
	}
	return append(form, change...)
}

// TestFinanceOfACase walks through the pages of money: what was typed stays on an
// error, another's change is shown before it is overwritten, a second person approves
// with why, and the file computes nothing. Hospitals are told only that it is not shared.
func TestFinanceOfACase(t *testing.T) {
	s := newSite(t)
	broker, manager, nurse := s.as("broker"), s.as("team-manager"), s.as("coordinator")
	path := "/cases/" + string(s.walter)
	wrong := broker.post(path+"/money/new", cost("23.5", "nhs", "120", "end-day", "31", "end-month", "2", "end-year", "2027")...)
	if wrong.status != 422 {
		t.Fatalf("a rate of 23.5 was taken: %d", wrong.status)
	}
	wellMade(t, wrong)
	wrong.says("Enter pounds and pence, like £1,234.50", "Enter a percentage from 0 to 100", "Last day must be a real date")
	for _, typed := range []string{`value="23.5"`, `value="120"`, `value="Morning visits"`, `value="1.5"`, `value="31"`} {
		if !strings.Contains(wrong.body, typed) {
			t.Errorf("what was typed is gone: %s", typed)
		}
	}
	if got := broker.post(path+"/money/new", cost("60.00")...); got.status != 303 {
		t.Fatalf("%d %s", got.status, got.text())
	}
	tab := broker.get(path + "?tab=finance")
	wellMade(t, tab)
	tab.says("Waiting for approval", "£630.00 a week", "Up to £500.00 a week", "History of each figure")
	list := manager.get("/money/waiting")
	wellMade(t, list)
	list.says("ASHDOWN", "£630.00 a week", "Approve or refuse")
	approve := link(t, list, "Approve or refuse")
	element := strings.Split(approve, "/")[4]
	page := manager.get(approve)
	seen := page.inputs(approve).Get("was")

	s.later(time.Minute)
	// Meanwhile the broker changes it: nobody approves what they did not see.
	change := path + "/money/" + element + "/change"
	was := broker.get(change).inputs(change).Get("was")
	if got := broker.post(change, cost("80.00", "was", was)...); got.status != 303 {
		t.Fatalf("%d %s", got.status, got.text())
	}
	if got := manager.post(approve, "decision", "yes", "was", seen); got.status != 409 {
		t.Errorf("figures were approved that nobody saw: %d", got.status)
	}
	s.later(time.Minute)
	second := broker.post(change, cost("90.00", "was", was)...)
	if second.status != 409 {
		t.Fatalf("another's change was overwritten: %d", second.status)
	}
	wellMade(t, second)
	second.says("Somebody else changed this cost while you typed", "£80.00 an hour")
	if !strings.Contains(second.body, `value="90.00"`) {
		t.Error("what was typed is gone")
	}
	if got := manager.post(approve, "was", manager.get(approve).inputs(approve).Get("was")); got.status != 422 {
		t.Errorf("no decision: %d", got.status)
	}
	if got := manager.post(approve, "decision", "yes", "why", "Meets the need", "was", manager.get(approve).inputs(approve).Get("was")); got.status != 303 {
		t.Fatalf("%d %s", got.status, got.text())
	}
	broker.get(path + "?tab=finance").says("£840.00 a week from 25-Nov-2026")
	s.later(time.Minute)
	if got := broker.post(change, cost("95.00", "was", broker.get(change).inputs(change).Get("was"))...); got.status != 303 {
		t.Fatalf("%d %s", got.status, got.text())
	}
	back := link(t, broker.get(path+"?tab=finance"), "Take back the change")
	page = broker.get(back)
	wellMade(t, page)
	page.says("£95.00 an hour")
	if got := broker.post(back, "was", page.inputs(back).Get("was")); got.status != 303 {
		t.Fatalf("%d %s", got.status, got.text())
	}
	broker.get(path+"?tab=finance").says("Change taken back", "£80.00 an hour")
	for i, want := range []int{303, 422} { // what is suspended already cannot be again
		if got := broker.post(path+"/money/"+element+"/suspend", "from-day", strconv.Itoa(1+i), "from-month", "12", "from-year", "2026"); got.status != want {
			t.Fatalf("suspended from day %d: %d %s", 1+i, got.status, got.text())
		}
	}
	if got := broker.post(path+"/money/"+element+"/resume", "to-day", "4", "to-month", "12", "to-year", "2026"); got.status != 303 {
		t.Fatalf("%d %s", got.status, got.text())
	}
	if got := broker.post(path+"/money/"+element+"/end", "end-day", "9", "end-month", "12", "end-year", "2026"); got.status != 422 {
		t.Errorf("it ends for no reason: %d", got.status)
	}
	tab = broker.get(path + "?tab=finance")
	wellMade(t, tab)
	tab.says("01-Dec-2026 to 03-Dec-2026", "£60.00 an hour → £80.00 an hour", "Why: Meets the need", "Approved by")
	file := broker.get(path + "/money/file")
	if file.status != 200 || !strings.Contains(file.body, "'=Bluebell") || !strings.Contains(file.body, "80.00") {
		t.Errorf("the file: %d\n%s", file.status, file.body)
	}

	// What a provider offered is where its cost begins, and belongs to the request.
	asked := care.Request{ID: "q1", Council: county, At: evening, Kind: "HS", Area: "NG17", Needs: "Two visits a day", StartBy: nhs.Date{Year: 2026, Month: 12, Day: 1},
		Invited: []care.Invite{{Provider: "p2", Name: "Notts Lifeline", Reply: care.ReplyAccept, Rate: 450_00, Earliest: nhs.Date{Year: 2026, Month: 12, Day: 1}}}}
	s.record(s.walter, care.RequestChanged{At: evening, Did: care.RequestReplied, Request: asked})
	form := broker.get(link(t, broker.get(path+"?tab=finance"), "Price the offer of Notts Lifeline"))
	wellMade(t, form)
	typed := form.inputs(path + "/money/new")
	typed.Set("funding", "council")
	var fields []string
	for name := range typed {
		fields = append(fields, name, typed.Get(name))
	}
	if got := broker.post(path+"/money/new", fields...); got.status != 303 {
		t.Fatalf("%d %s", got.status, got.text())
	}
	tab = broker.get(path + "?tab=finance")
	tab.says("£450.00 a week")
	if strings.Contains(tab.body, "Price the offer") {
		t.Error("an offer that is priced asks to be priced")
	}

	nurse.get(path + "?tab=finance").says("Finance is not shared with hospitals.")
	if page := nurse.get(path + "?tab=timeline"); strings.Contains(page.body, "Cost of care") {
		t.Error("the hospital's timeline tells of money")
	}
	for _, try := range []string{path + "/money/file", path + "/money/new", change, approve, "/money/waiting"} {
		if got := nurse.get(try); got.status != 403 || strings.Contains(got.body, "80.00") {
			t.Errorf("the hospital's %s: %d", strings.TrimPrefix(try, path), got.status)
		}
	}
	for _, try := range []string{path + "/money/new", change, approve, path + "/money/" + url.PathEscape(element) + "/suspend"} {
		if got := nurse.post(try, cost("1.00", "decision", "yes")...); got.status != 403 {
			t.Errorf("the hospital posts to %s: %d", strings.TrimPrefix(try, path), got.status)
		}
	}
}
