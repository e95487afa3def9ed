package web

import (
	"context"
	"strings"
	"testing"

	"homeward/care"
	"homeward/signin"
	"homeward/store"
)

// agency gives the test site an account that answers for a provider of the county.
func (s *site) agency(provider string) {
	s.t.Helper()
	hash, err := signin.HashPassword("anybody", password, nil)
	s.must(err)
	s.must(s.store.Update(context.Background(), func(tx *store.Tx) error {
		return tx.PutUser(care.Account{ID: care.ActorID("u-agency-" + provider), Login: "agency-" + provider, Name: "P Agency", Hash: hash,
			Grants: []care.Grant{{Role: care.CareProvider, Org: care.ProviderCode(county, provider)}}})
	}))
}

// request is the only request for care of a case.
func (s *site) request(id care.CaseID) care.Request {
	s.t.Helper()
	var c care.Case
	s.must(s.store.View(context.Background(), func(tx *store.Tx) (err error) { c, err = tx.Case(id); return err }))
	if len(c.Requests) != 1 {
		s.t.Fatalf("there are %d requests", len(c.Requests))
	}
	return c.Requests[0]
}

func TestArrangingCare(t *testing.T) {
	s := newSite(t)
	s.agency("p1")
	s.as("team-manager").post("/cases/walter-case/referrals/ref-walter/accept")
	b := s.as("broker")
	const path = "/cases/walter-case/arrange/"

	form := b.get(path + "new")
	form.says("Ask for care", "Name nobody", "Bluebell Homecare Ltd", "What it can take on was not reported")
	asked := []string{"key", "k1", "kind", "HS", "area", "NG18", "needs", "Help of one carer to wash, twice a day", "hours", "10.5", "visits", "2", "carers", "1",
		"startBy-day", "25", "startBy-month", "11", "startBy-year", "2026", "money", "council", "ceiling", "350.00", "provider", "p1", "provider", "p2"}
	named := b.post(path+"new", append(append([]string{}, asked...), "needs", "x")...)
	if named.status != 303 {
		t.Fatalf("asking answered %d: %s", named.status, named.text())
	}
	other := b.post(path+"new", append(append([]string{}, asked...), "show", "yes")...)
	if other.says("Ask for care", "Help of one carer"); other.status != 200 {
		t.Errorf("showing other providers: %d", other.status)
	}
	for _, wrong := range [][2]string{{"needs", "Mr Ashdown needs help"}, {"area", "NG18 1AA"}, {"hours", "lots"}, {"ceiling", "3,5"}, {"startBy-year", "2025"}, {"money", ""}} {
		fields := append([]string{}, asked...)
		for i := 0; i < len(fields); i += 2 {
			if fields[i] == wrong[0] {
				fields[i+1] = wrong[1]
			}
			if fields[i] == "kind" {
				fields[i+1] = "R"
			}
		}
		got := b.post(path+"new", fields...)
		if got.status != 422 || !strings.Contains(got.text(), "There is a problem") || !strings.Contains(got.body, "Help of one carer") && wrong[0] != "needs" {
			t.Errorf("with %s wrong: %d, and what was typed is %v", wrong[0], got.status, strings.Contains(got.body, "Help of one carer"))
		}
	}
	q := s.request(s.walter)
	b.get("/cases/walter-case?tab=arranging").says("Home care in NG18", "10.5 hours a week, 2 visits a day, 1 carer", "£350.00 a week", "Not answered", "01632 960411")
	b.get("/arranging").says("1 open request", "ASHDOWN, Walter", "2 providers", "0 requests this month")

	// The agency answers on its own page, where it is not told who it is.
	a := s.as("agency-p1")
	list := a.get("/provider/requests")
	list.says("Home care in NG18", "Help of one carer", "Nottinghamshire County Council", "Not answered")
	if strings.Contains(strings.ToLower(list.body), "ashdown") || strings.Contains(list.body, "walter") || strings.Contains(list.body, "350") || strings.Contains(list.body, "Lifeline") {
		t.Error("the agency is told more than it may know")
	}
	answer := "/provider/requests/" + q.ID
	if got := a.post(answer, "reply", "decline", "who", "Jo"); got.status != 422 {
		t.Errorf("a decline without a reason: %d", got.status)
	}
	if got := a.post(answer, "reply", "accept", "earliest-day", "25", "earliest-month", "11", "earliest-year", "2026", "rate", "400.00", "who", "Jo at Bluebell"); got.status != 303 {
		t.Fatalf("the answer: %d %s", got.status, got.text())
	}
	if got := b.post(path+q.ID+"/reply", "provider", "p2", "reply", "more", "more-reason", "access"); got.status != 303 {
		t.Fatalf("the answer heard: %d %s", got.status, got.text())
	}
	b.get("/cases/walter-case?tab=arranging").says("Needs more information", "How to get in", "Above what was agreed", "Jo at Bluebell")

	book := []string{"provider", "p1", "start-day", "25", "start-month", "11", "start-year", "2026"}
	b.get(path+q.ID+"/book").says("One provider is booked", "Notts Lifeline")
	if got := b.post(path+q.ID+"/book", book...); got.status != 422 || !strings.Contains(got.text(), "have it approved") {
		t.Errorf("above what was agreed: %d %s", got.status, got.text())
	}
	a.post(answer, "reply", "accept", "earliest-day", "25", "earliest-month", "11", "earliest-year", "2026", "rate", "340.00", "who", "Jo at Bluebell")
	if got := b.post(path+q.ID+"/book", book...); got.status != 303 {
		t.Fatalf("booking: %d %s", got.status, got.text())
	}
	b.get("/cases/walter-case?tab=arranging").says("Booked", "Bluebell Homecare Ltd from 25-Nov-2026", "Released", "Told who it is")
	a.get("/provider/requests").says("You are booked")
	if got := b.post(path+q.ID+"/choice", "offered", "2", "chosen", "p1", "text", "Wanted the agency of before"); got.status != 303 {
		t.Errorf("the choice: %d", got.status)
	}
	if got := b.post(path+q.ID+"/reopen", "why", "No carers after all"); got.status != 303 {
		t.Errorf("reopening: %d", got.status)
	}
	if got := b.post(path+q.ID+"/end", "why", "The family does it"); got.status != 303 {
		t.Errorf("ending: %d", got.status)
	}
	b.get("/cases/walter-case?tab=arranging").says("ended 22-Nov-2026: The family does it")
	if n := s.as("coordinator").get("/cases/walter-case?tab=arranging"); strings.Contains(n.text(), "Bluebell") || !strings.Contains(n.text(), "not shared outside the council") {
		t.Error("the hospital sees how care is arranged")
	}
}

func TestCapacityPages(t *testing.T) {
	s := newSite(t)
	s.agency("p1")
	a, b := s.as("agency-p1"), s.as("broker")
	a.get("/provider/capacity").says("Bluebell Homecare Ltd", "Enter 0 where there is nothing")
	if got := a.post("/provider/capacity", "kind", "HS", "area", "NG18", "free-0", "some"); got.status != 422 {
		t.Errorf("words for a number: %d", got.status)
	}
	if got := a.post("/provider/capacity", "kind", "HS", "area", "NG18", "free-0", "12"); got.status != 303 {
		t.Fatalf("reporting: %d %s", got.status, got.text())
	}
	code := string(care.ProviderCode(county, "p2"))
	if got := b.post("/capacity/report/"+code, "kind", "HS", "area", "NG18", "free-0", "0"); got.status != 303 {
		t.Fatalf("the broker reports: %d %s", got.status, got.text())
	}
	b.get("/capacity").says("12 hours free", "0 hours reported", "The provider", "P Broker", "2 of 2 providers")
	file := b.get("/capacity/file?kind=HS")
	if !strings.HasPrefix(file.header.Get("Content-Type"), "text/csv") || !strings.Contains(file.body, "Notts Lifeline,Home care,HS,NG18,hours,reported,0,") {
		t.Errorf("the file is %q", file.body)
	}
	s.later(49 * 60 * 60 * 1e9)
	b = s.as("broker")
	b.get("/capacity").says("Too old to count", "Was 12 hours free", "0 of 2 providers")
	if got := s.as("ward-nurse").get("/capacity"); got.status != 403 {
		t.Errorf("a ward nurse gets %d", got.status)
	}
	if got := b.post("/provider/capacity", "kind", "HS", "free-0", "1"); got.status != 404 {
		t.Errorf("a broker on the provider's page gets %d", got.status)
	}
}
