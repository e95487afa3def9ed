package web

import (
	"context"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/store"
)

// result looks a person up and follows to the result.
func (r *reader) result(q ...string) shown {
	r.s.t.Helper()
	got := r.post("/lookup", q...)
	if got.status != 303 || !strings.HasPrefix(got.to, "/lookup/result/") {
		r.s.t.Fatalf("%d to %q: %s", got.status, got.to, got.text())
	}
	p := r.get(got.to)
	p.to = got.to
	return p
}

func TestLookUpFindsPackagesAndNumbers(t *testing.T) {
	s := newSite(t)
	got := s.as("ae-nurse").result(find("barbara")...)
	got.says("OAKLEY, Barbara (Mx)", "14-Mar-1941 (85y)", "2 packages in place", "Mosaic (Nottinghamshire) as at 21:38", "Home care", "Bluebell Homecare Ltd",
		"In place", "Since 03-Jun-2026", "6pm to 8am, and at weekends", "Numbers checked 01-Nov-2026", "No open enquiry", "As at 21:38", "1 package has ended", "Ended 02-Jun-2026",
		"Record a call to the provider", "Find another person", "A Patel", "Mansfield team",
		"You can see that a package exists, who provides it and how to reach them. Details of the care itself are not shared.",
		"This does not include care that the person pays for, or arranges with a direct payment.", "This look-up is recorded with your name.")
	for _, n := range []string{"tel:01632960411", "tel:01632960999", "tel:01632960500"} {
		if !strings.Contains(got.body, `href="`+n+`"`) {
			t.Errorf("no link to %s", n)
		}
	}
	if strings.Contains(got.text(), "Refer to social care") {
		t.Error("a nurse in A&E is offered to refer")
	}
	wellMade(t, got)
	s.as("coordinator").result(find("barbara")...).says("Refer to social care", "Open the discharge case")
}

func TestAResultIsShownToNobodyElseAndNotForLong(t *testing.T) {
	s := newSite(t)
	r := s.as("ae-nurse")
	path := r.result(find("barbara")...).to
	if got := s.as("ward-nurse").get(path); got.status != 404 {
		t.Errorf("a colleague sees it: %d", got.status)
	}
	if got := r.get(path); got.status != 200 {
		t.Errorf("the reader does not see it again: %d", got.status)
	}
	s.later(9 * time.Minute)
	r.get("/lookup")
	s.later(9 * time.Minute)
	got := r.get(path)
	if got.status != 404 {
		t.Errorf("after 18 minutes: %d", got.status)
	}
	got.says("Look the person up again")
}

func TestLookUpSaysAllThatIsWrongAtOnceAndKeepsWhatWasTyped(t *testing.T) {
	s := newSite(t)
	r := s.as("ae-nurse")
	got := r.post("/lookup", "nhs", "999 123", "dob-day", "31", "dob-month", "2", "dob-year", "1941", "reason", "other")
	if got.status != 422 {
		t.Fatal(got.status)
	}
	got.says("There is a problem", "NHS number must have 10 digits. You entered 6", "Date of birth must be a real date", "Enter why you need to look at this record")
	for _, id := range []string{"nhs", "dob-day", "words"} {
		if !strings.Contains(got.body, `href="#`+id+`"`) {
			t.Errorf("no link to #%s", id)
		}
	}
	if !strings.Contains(got.body, `value="999 123"`) || !strings.Contains(got.body, `value="1941"`) {
		t.Error("what was typed is lost")
	}
	wellMade(t, got)
	for _, c := range []struct {
		fields []string
		want   string
	}{
		{nil, "Enter an NHS number"},
		{nil, "Enter a date of birth"},
		{nil, "Select why you need to look at this record"},
		{[]string{"dob-day", "1", "dob-year", "1941"}, "Date of birth must include a month"},
		{[]string{"dob-day", "1", "dob-month", "1", "dob-year", "41"}, "year must have 4 numbers"},
		{ask(nhs.Test(4711), nhs.Date{Year: 2031, Month: 1, Day: 1}), "Date of birth must be in the past"},
	} {
		if got := r.post("/lookup", c.fields...); got.status != 422 {
			t.Errorf("%v: %d", c.fields, got.status)
		} else {
			got.says(c.want)
		}
	}
}

func TestNothingToShareIsOnePage(t *testing.T) {
	s := newSite(t)
	r := s.as("ae-nurse")
	plain := func(p shown) string {
		if strings.Contains(p.body, "Person details") {
			t.Error("there is a patient banner")
		}
		return p.text()
	}
	want := plain(r.result(ask(nhs.Test(4711), born)...))
	for name, p := range map[string]shown{
		"in hospital, without packages": r.result(find("irene")...),
		"another day of birth":          r.result(ask(number("irene"), nhs.Date{Year: 1950, Month: 1, Day: 1})...),
	} {
		if got := plain(p); got != want {
			t.Errorf("%s:\n%s\nnot known:\n%s", name, got, want)
		}
	}
	p := r.result(find("irene")...)
	p.says("We hold nothing that can be shared", "This does not mean the person has no care. They may:", "pay for their own care", "arrange it themselves with a direct payment",
		"get care from another council, the NHS, family or friends", "Ask the person, their family or carer, or their GP", "01632 960100", "01632 960101")
	wellMade(t, p)
	open := r.result(find("peter")...) // a direct payment, and an open enquiry
	open.says("We hold nothing that can be shared", "Open enquiry", "before you discuss this with anyone")
}

func TestAWrongDateOfBirthTellsNothing(t *testing.T) {
	s := newSite(t)
	r := s.as("ae-nurse")
	wrong := ask(number("barbara"), nhs.Date{Year: 1940, Month: 1, Day: 2})
	got := r.post("/lookup", wrong...)
	if got.status != 422 {
		t.Fatal(got.status)
	}
	got.says("The date of birth does not match this NHS number. Check both")
	if strings.Contains(got.text(), "OAKLEY") || strings.Contains(got.body, "1941") && !strings.Contains(got.text(), "14 3 1941") {
		t.Error("it tells who the person is")
	}
	for range 4 {
		got = r.post("/lookup", wrong...)
	}
	got.says("Too many look-ups did not match. You can try again in 30 seconds.")
	if got = r.post("/lookup", find("barbara")...); got.status != 429 || got.header.Get("Retry-After") != "30" {
		t.Errorf("the sixth try: %d, Retry-After %q", got.status, got.header.Get("Retry-After"))
	}
	byName := r.post("/lookup/name", "family", "oakley", "given", "Barbara", "postcode", "ng18 1aa", "dob-day", "14", "dob-month", "mar", "dob-year", "1941", "reason", "care")
	if byName.status != 429 || !strings.Contains(byName.body, `href="#family"`) || strings.Contains(byName.body, `href="#nhs"`) {
		t.Errorf("the seventh, by name: %d", byName.status)
	}
	s.later(31 * time.Second)
	r.result(find("barbara")...).says("OAKLEY")
}

func TestCannotCheckNeverLooksLikeNothing(t *testing.T) {
	s := newSite(t)
	r := s.as("ae-nurse")
	s.must(s.store.Update(context.Background(), func(tx *store.Tx) error {
		return tx.PutCouncilState(store.CouncilState{Council: county, AsAt: evening.Add(-25 * time.Hour)})
	}))
	for _, id := range []care.CaseID{"barbara", "irene"} {
		got := r.result(find(id)...)
		got.says("We cannot check social care records right now", "This does not mean the person has no care.", "01632 960100", "01632 960101")
		if strings.Contains(got.text(), "nothing that can be shared") {
			t.Error("it says that there is nothing")
		}
		wellMade(t, got)
	}
	s.must(s.store.Update(context.Background(), func(tx *store.Tx) error {
		return tx.PutCouncilState(store.CouncilState{Council: county, AsAt: evening.Add(-90 * time.Minute)})
	}))
	r.result(find("barbara")...).says("Out of date: Mosaic (Nottinghamshire). What we knew at 20:10", "2 packages in place")
	r.result(find("fred")...).says("We cannot check social care records right now")
}

// What could not be read is never shown as if it had been: not the packages, and
// not that no enquiry is open.
func TestWhatCouldNotBeReadSaysSo(t *testing.T) {
	s := newSite(t)
	r := s.as("ae-nurse")
	at := evening.Add(-3 * time.Hour)
	for _, c := range []struct {
		answer care.Answer
		unread care.Part
		says   []string
		not    string
	}{
		{care.AnswerUnknown, care.PartPerson, []string{"Some of this may have changed", "What we knew at 18:40", "Cannot be checked", "This does not mean that there is no enquiry", "2 packages in place"}, "21:38"},
		{care.AnswerYes, care.PartPerson, []string{"Some of this may have changed", "Open enquiry", "This is what we knew at 18:40"}, "21:38"},
		{care.AnswerYes, care.PartSafeguarding, []string{"as at 21:38", "Open enquiry", "This is what we knew at 18:40"}, "Some of this may have changed"},
		{care.AnswerUnknown, care.PartSafeguarding, []string{"as at 21:38", "Cannot be checked"}, "Some of this may have changed"},
	} {
		d := s.caseOf(s.barbara).Holdings[0]
		d.AsAt, d.Safeguarding, d.Unread = at, care.Safeguarding{Answer: c.answer, AsAt: at}, []care.Part{c.unread}
		s.record(s.barbara, care.HoldingTold{At: evening, Holding: d})
		got := r.result(find("barbara")...)
		got.says(c.says...)
		for _, not := range []string{c.not, "No open enquiry", "Not known: the council"} {
			if strings.Contains(got.text(), not) {
				t.Errorf("%q, %s: it says %q", c.answer, c.unread, not)
			}
		}
		wellMade(t, got)
	}
}

func TestLookUpByNameNeedsEverything(t *testing.T) {
	s := newSite(t)
	r := s.as("ae-nurse")
	page := r.get("/lookup/name")
	page.says("Family name", "First name", "Date of birth", "Postcode")
	wellMade(t, page)
	got := r.post("/lookup/name", "reason", "care")
	if got.status != 422 {
		t.Fatal(got.status)
	}
	got.says("Enter the family name", "Enter the first name", "Enter a date of birth", "Enter the postcode")
	q := []string{"family", "oakley", "given", "Barbara", "postcode", "ng18 1aa", "dob-day", "14", "dob-month", "mar", "dob-year", "1941", "reason", "care"}
	got = r.post("/lookup/name", q...)
	if got.status != 303 {
		t.Fatalf("%d %s", got.status, got.text())
	}
	r.get(got.to).says("OAKLEY, Barbara", "2 packages in place")
	q[3] = "Agnes" // a twin
	got = r.post("/lookup/name", q...)
	got.says("These details do not match. Check all of them")
	if got.status != 422 || !strings.Contains(got.body, `href="#family"`) || strings.Contains(got.text(), "NHS number. Check") {
		t.Errorf("%d %s", got.status, got.text())
	}
	wellMade(t, got)
	q[3], q[1] = "Barbara", "Oakleigh"
	r.get(r.post("/lookup/name", q...).to).says("We hold nothing that can be shared")
}

func TestARecordOfADeadPersonSaysSo(t *testing.T) {
	s := newSite(t)
	got := s.as("ae-nurse").result(find("doris")...)
	got.says("Died 22-Nov-2026", "Age at death")
	if strings.Contains(got.text(), "Record a call") {
		t.Error("a call is offered")
	}
}

func TestRecordACall(t *testing.T) {
	s := newSite(t)
	r := s.as("ae-nurse")
	path := r.result(find("barbara")...).to
	form := r.get(path + "/call")
	form.says("Record a call to the provider", "Bluebell Homecare Ltd", "Notts Lifeline", "Another provider", "Told where the person is", "OAKLEY, Barbara")
	if !strings.Contains(form.body, `value="01632 960999"`) {
		t.Error("at night the out-of-hours number is not offered")
	}
	wellMade(t, form)
	got := r.post(path+"/call", "provider", "0", "phone-0", "01632 960999", "outcome", "restart", "restart-day", "20", "restart-month", "11", "restart-year", "2026", "restart-time", "half past",
		"note", strings.Repeat("é", 501))
	if got.status != 422 {
		t.Fatal(got.status)
	}
	got.says("Enter who you spoke to", "The date care will restart must be today or in the future", "Time must be like 8:30 or 17:00", "Note must be 500 characters or fewer. It has 501")
	wellMade(t, got)
	got = r.post(path+"/call", "provider", "0", "phone-0", "01632 960999", "spoke", "Jo", "outcome", "restart", "restart-day", "23", "restart-month", "11", "restart-year", "2026", "restart-time", "8.30am",
		"note", strings.Repeat("é", 500))
	if got.status != 303 || got.to != path {
		t.Fatalf("%d to %q %s", got.status, got.to, got.text())
	}
	r.get(path).says("Call recorded")
	if p := r.get(path); strings.Contains(p.text(), "Call recorded") {
		t.Error("the success is shown twice")
	}
	calls := s.caseOf(s.barbara).Calls
	if len(calls) != 1 {
		t.Fatalf("%d calls", len(calls))
	}
	c := calls[0]
	if c.Provider != "p1" || c.Council != county || c.ProviderName != "Bluebell Homecare Ltd" || c.Spoke != "Jo" || c.Outcome != "restart" || c.Phone != "01632 960999" ||
		!c.RestartAt.Equal(time.Date(2026, 11, 23, 8, 30, 0, 0, time.UTC)) || c.By.ID != "u-ae-nurse" {
		t.Errorf("%+v", c)
	}
	got = r.post(path+"/call", "provider", "other", "provider-name", "Ivy Lodge", "phone-other", "01632", "outcome", "told", "spoke", "Jo")
	if got.status != 422 {
		t.Fatal(got.status)
	}
	got.says("UK telephone number")
	wellMade(t, got)
}

// caseOf is a case as it is stored.
func (s *site) caseOf(id care.CaseID) (c care.Case) {
	s.t.Helper()
	s.must(s.store.View(context.Background(), func(tx *store.Tx) (err error) {
		c, err = tx.Case(id)
		return err
	}))
	return c
}

func TestClocksAsPeopleWriteThem(t *testing.T) {
	for in, want := range map[string]int{"8:30": 510, "08:30": 510, "8.30": 510, "830": 510, "0830": 510, "8am": 480, "8:30pm": 1230, "5 pm": 1020, "17": 1020, "0:00": 0, "23:59": 1439} {
		if got, ok := parseClock(in); !ok || got != want {
			t.Errorf("%q is %d (%v), want %d", in, got, ok, want)
		}
	}
	for _, in := range []string{"", "half past", "25:00", "8:60", "-1", "12345"} {
		if got, ok := parseClock(in); ok {
			t.Errorf("%q is %d", in, got)
		}
	}
}
