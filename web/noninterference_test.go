package web

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/hub"
	"homeward/money"
	"homeward/nhs"
	"homeward/policy"
	"homeward/sharing"
	"homeward/store"
)

// What is untold is so in one world and not in the other, and from
// whom it must stay hidden.
type untold struct {
	name string
	from []string // the logins that must not be able to tell
	make func(s *site, r *rand.Rand)
}

// Who there is to hide from: everybody of King's Mill, of the county, and those
// who see nothing of any person's care. Not the lead: whoever governs sees the
// handles of those whom their staff tried to see.
var (
	atKingsMill = []string{"ae-nurse", "ward-nurse", "coordinator"}
	atCounty    = []string{"social-worker", "team-manager", "broker"}
	withoutCare = []string{"wallboard", "admin"}
	carers      = slices.Concat(atKingsMill, atCounty, withoutCare)
	notCounty   = slices.Concat(atKingsMill, withoutCare)
)

// hiddenNumber is the NHS number of a person who is in one world only.
func hiddenNumber(id care.CaseID) nhs.Number {
	return nhs.Test(5000 + 7*slices.Index(hiddenPeople, id))
}

var hiddenPeople = []care.CaseID{"restricted", "elsewhere", "child", "quiet", "objector", "sensitive"}

// hide makes a person who is in one world only.
func (s *site) hide(id care.CaseID, b nhs.Date, events ...care.Event) {
	from := evening.Add(-30 * 24 * time.Hour)
	all := append([]care.Event{
		care.Started{At: from, ID: id + "-hidden"},
		care.Identified{At: from, NHS: hiddenNumber(id), Trace: "01", IDs: []care.Identifier{{System: "mrn:RX1", Value: "H" + string(id)}}},
		care.PersonTold{At: from, First: true, Person: care.Person{Family: "Thornback", Given: "Hid", Born: b, Sex: "Female", Source: "qmc", AsAt: from,
			Address: care.Address{Lines: []string{"9 Quiet Lane"}, Postcode: "NG18 9ZZ"}}},
	}, events...)
	s.must(s.store.Update(context.Background(), func(tx *store.Tx) error {
		_, err := tx.Record(care.Case{}, care.Cause{Kind: "system"}, s.clock(), all...)
		return err
	}))
}

func queensStay(r *rand.Rand) care.Event {
	from := evening.Add(-time.Duration(1+r.IntN(20)) * 24 * time.Hour)
	return care.Admitted{At: from, Stay: care.Stay{Visit: fmt.Sprint("q", r.IntN(1000)), Org: queens, Source: "qmc", Class: "I", Admitted: from,
		Where: care.Location{Ward: fmt.Sprint("Q", r.IntN(9)), Bed: fmt.Sprint(r.IntN(30))}}}
}

func countyHolds(restricted bool, packages ...care.Package) care.Event {
	at := evening.Add(-2 * time.Minute)
	return care.HoldingTold{At: evening.Add(-time.Hour), Holding: care.Holding{Council: county, AsAt: at, Restricted: restricted, Packages: packages,
		Safeguarding: care.Safeguarding{Answer: care.AnswerNo, AsAt: at}, Team: "t1", Worker: "B Secret"}}
}

func somePackage(r *rand.Rand) care.Package {
	return care.Package{Ref: fmt.Sprint("h", r.IntN(1000)), Kind: []string{"HS", "LTRC", "R"}[r.IntN(3)], Title: fmt.Sprint("Secret care ", r.IntN(100)),
		Status: []care.PackageStatus{care.PackageActive, care.PackageOnHold}[r.IntN(2)], Funding: "Council", Provider: "p1"}
}

// secrets are what worlds can differ in.
var secrets = []untold{
	{"a person in another trust", carers, func(s *site, r *rand.Rand) { s.hide("elsewhere", born, queensStay(r)) }},
	{"a restricted person in another trust whom the council supports", notCounty, func(s *site, r *rand.Rand) {
		s.hide("restricted", born, queensStay(r), care.SensitivityTold{At: evening.Add(-time.Hour), Sensitive: true}, countyHolds(false, somePackage(r)))
	}},
	{"a sensitive person in another trust", carers, func(s *site, r *rand.Rand) {
		s.hide("sensitive", born, queensStay(r), care.SensitivityTold{At: evening.Add(-time.Hour), Sensitive: true})
	}},
	{"a child whom the council supports", notCounty, func(s *site, r *rand.Rand) {
		s.hide("child", nhs.Date{Year: 2012, Month: 3, Day: 14}, countyHolds(false, somePackage(r)))
	}},
	{"a person whose record the council restricts", notCounty, func(s *site, r *rand.Rand) { s.hide("quiet", born, countyHolds(true, somePackage(r), somePackage(r))) }},
	{"a person who objects", notCounty, func(s *site, r *rand.Rand) {
		s.hide("objector", born, countyHolds(false, somePackage(r)), care.Objected{Objection: care.Objection{At: evening.Add(-time.Hour), Words: "No"}})
	}},
	{"what another trust's patient does", carers, func(s *site, r *rand.Rand) {
		at := evening.Add(-time.Duration(1+r.IntN(50)) * time.Hour)
		s.record(s.irene, care.BecameReady{At: at, From: at}, care.NoteAdded{Note: care.Note{ID: "n1", At: at, Audience: care.AudienceHospital, Text: "Secret words", By: care.Who{ID: "u-coordinator-rx1", Name: "P Coordinator-rx1", Org: queens}}})
	}},
	{"a note of the council's own", notCounty, func(s *site, r *rand.Rand) {
		s.record(s.walter, care.NoteAdded{Note: care.Note{ID: "n2", At: evening.Add(-time.Hour), Audience: care.AudienceCouncil, Text: fmt.Sprint("Secret ", r.IntN(99)), By: care.Who{ID: "u-social-worker", Name: "P Social-worker", Org: county}}})
	}},
	{"a note of the hospital's own", atCounty, func(s *site, r *rand.Rand) {
		s.record(s.walter, care.NoteAdded{Note: care.Note{ID: "n3", At: evening.Add(-time.Hour), Audience: care.AudienceHospital, Text: fmt.Sprint("Secret ", r.IntN(99)), By: care.Who{ID: "u-coordinator", Name: "P Coordinator", Org: kingsMill}}})
	}},
	{"a direct payment, details and money", notCounty, func(s *site, r *rand.Rand) {
		home := care.Package{Ref: "k1", Kind: "HS", Status: care.PackageActive, Start: nhs.Date{Year: 2026, Month: 6, Day: 3}, Provider: "p1", Title: fmt.Sprint("Secret ", r.IntN(9)), Funding: "Secret"}
		alarm := care.Package{Ref: "k2", Kind: "OLTS", Title: "Personal alarm", Status: care.PackageActive, Start: nhs.Date{Year: 2026, Month: 8, Day: 12}, Provider: "p2"}
		over := care.Package{Ref: "k3", Kind: "R", Status: care.PackageFinished, End: nhs.Date{Year: 2026, Month: 6, Day: 2}, Provider: "p1"}
		at := evening.Add(-2 * time.Minute)
		s.record(s.barbara, care.HoldingTold{At: evening.Add(-time.Hour), Holding: care.Holding{Council: county, AsAt: at, Team: "t1", Worker: "A Patel", Packages: []care.Package{home, alarm, over, {Ref: "dp", Kind: "DP", Status: care.PackageActive}},
			Equipment: []care.Equipment{{Ref: "e1", Title: "Secret hoist", Status: "delivered"}}, Safeguarding: care.Safeguarding{Answer: care.AnswerNo, AsAt: at}}})
	}},
	{"what arranged care costs", notCounty, func(s *site, r *rand.Rand) {
		at, by := evening.Add(-time.Hour), care.Who{ID: "u-broker", Name: "P Broker", Org: county}
		s.record(s.walter, care.ElementChanged{At: at, Did: care.ElementSet, By: by, Element: care.Element{ID: "e1", Council: county, Kind: "HS", Title: "Secret", Unit: care.UnitWeek,
			Rate: money.Amount(1 + r.IntN(90_000)), Count: money.One, Start: nhs.Date{Year: 2026, Month: 11, Day: 20}, Funding: "council", State: care.ElementWaiting, At: at, By: by}})
	}},
	{"that the council pays somebody directly, and no more", notCounty, func(s *site, r *rand.Rand) {
		s.record(s.walter, countyHolds(false, care.Package{Ref: "dp", Kind: "DP", Status: care.PackageActive}))
	}},
	{"what others did, and others' drafts", carers, func(s *site, r *rand.Rand) {
		s.must(s.store.Update(context.Background(), func(tx *store.Tx) error {
			for range 1 + r.IntN(5) {
				if err := tx.Audit(store.AuditRecord{At: evening.Add(-time.Hour), Actor: "u-coordinator-rx1", Name: "P Other", Org: queens, Action: "lookup", Case: s.irene, Allowed: true}); err != nil {
					return err
				}
			}
			return tx.PutDraft(store.Draft{User: "u-coordinator-rx1", Case: s.barbara, Form: "d2a", Saved: evening, Doc: []byte(`{"needs":"Secret"}`)})
		}))
	}},
	{"colleagues in another trust", slices.Concat(atKingsMill, atCounty, []string{"wallboard"}), func(s *site, r *rand.Rand) {
		s.must(s.store.Update(context.Background(), func(tx *store.Tx) error {
			return tx.PutUser(care.Account{ID: "u-secret", Login: "secret", Name: "S Secret", Grants: []care.Grant{{Role: care.Coordinator, Org: queens}}})
		}))
	}},
	{"a safeguarding concern that a colleague raised", []string{"ward-nurse", "coordinator", "broker", "wallboard", "admin", "ig-lead"}, func(s *site, r *rand.Rand) {
		at := evening.Add(-time.Duration(1+r.IntN(50)) * time.Minute)
		for _, id := range []care.CaseID{s.barbara, s.walter} {
			s.record(id, care.ConcernChanged{At: at, Concern: care.Concern{ID: "concern-" + string(id), Reference: care.ConcernReference(string(id)), To: county, At: at, Moved: at,
				By: care.Who{ID: "u-ae-nurse", Name: "P Ae-nurse", Org: kingsMill}, Kinds: []string{"neglect"}, Words: fmt.Sprint("Secret ", r.IntN(99)), State: care.ConcernReceived}})
		}
	}},
	{"a task of the council's own", notCounty, func(s *site, r *rand.Rand) {
		at, by := evening.Add(-time.Hour), care.Who{ID: "u-social-worker", Name: "P Social-worker", Org: county}
		s.record(s.walter, care.TaskChanged{At: at, Did: care.TaskSet, By: by, Task: care.Task{ID: "t-county", Referral: "ref-walter", Audience: care.AudienceCouncil, Text: fmt.Sprint("Secret ", r.IntN(99)),
			Owner: care.Owner{Org: county}, Due: evening.Add(-time.Duration(r.IntN(50)) * time.Minute), At: at, By: by}})
	}},
	{"a task of the hospital's own", atCounty, func(s *site, r *rand.Rand) {
		at, by := evening.Add(-time.Hour), care.Who{ID: "u-coordinator", Name: "P Coordinator", Org: kingsMill}
		s.record(s.walter, care.TaskChanged{At: at, Did: care.TaskSet, By: by, Task: care.Task{ID: "t-ward", Referral: "ref-walter", Audience: care.AudienceHospital, Text: fmt.Sprint("Secret ", r.IntN(99)),
			Owner: care.Owner{Org: kingsMill}, Due: evening.Add(-time.Duration(r.IntN(50)) * time.Minute), At: at, By: by}})
	}},
	{"a request for care", notCounty, func(s *site, r *rand.Rand) {
		at, by := evening.Add(-time.Hour), care.Who{ID: "u-broker", Name: "P Broker", Org: county}
		q := care.Request{ID: "q-walter", Referral: "ref-walter", Council: county, At: at, By: by, Kind: "HS", Area: "NG18", Needs: fmt.Sprint("Secret ", r.IntN(99)), StartBy: nhs.Date{Year: 2026, Month: 11, Day: 30},
			Invited: []care.Invite{{Provider: "p1", Name: "Secret Care", At: at}}}
		s.record(s.walter, care.RequestChanged{At: at, Did: care.RequestMade, By: by, Request: q})
		q.Invited = []care.Invite{{Provider: "p1", Name: "Secret Care", At: at, Reply: care.ReplyAccept, Replied: at, Rate: money.Amount(1 + r.IntN(90_000)), Earliest: q.StartBy}}
		q.Risk = &care.Risk{Why: "Secret"}
		s.record(s.walter, care.RequestChanged{At: at, Did: care.RequestAtRisk, Request: q})
	}},
	{"what a care provider was told of another trust's patient", carers, func(s *site, r *rand.Rand) {
		at := evening.Add(-time.Duration(1+r.IntN(50)) * time.Minute)
		s.record(s.irene, care.ClientChanged{At: at, Did: care.ClientTold, Client: care.Client{ID: "c-irene", Council: "512", Provider: "s1", ProviderName: "Secret Care", Hospital: queens, Class: "I", Since: at, Told: at}})
	}},
	{"an assessment that is being written, and a colleague's notification", notCounty, func(s *site, r *rand.Rand) {
		at := evening.Add(-time.Duration(1+r.IntN(50)) * time.Minute)
		s.must(s.store.Update(context.Background(), func(tx *store.Tx) error {
			_, err := tx.PutRecord(store.Record{Kind: "assessment", Org: string(county), ID: "a-walter", Case: s.walter, Owner: "u-social-worker", State: "waiting", At: at,
				Doc: []byte(fmt.Sprintf(`{"form":"care-act-assessment","formVersion":1,"referral":"ref-walter","revision":1,"writer":{"id":"u-social-worker","name":"P Social-worker","org":%q},"answers":{"needs":["Secret"]},"sent":1}`, county))})
			if err != nil {
				return err
			}
			_, err = tx.PutRecord(store.Record{Kind: "notification", Org: string(county), ID: "n-walter", Case: s.walter, Owner: "u-social-worker", State: "unread", At: at, Doc: []byte(`{"kind":"task","what":"task-set","n":1}`)})
			return err
		}))
	}},
	{"goals and what the person said", atKingsMill, func(s *site, r *rand.Rand) {
		at := evening.Add(-time.Hour)
		s.record(s.walter, care.OutcomeChanged{At: at, What: care.OutcomeSaid, By: care.Who{ID: "u-social-worker", Name: "P Social-worker", Org: county},
			Outcome: care.Outcome{Referral: "ref-walter", At: at, By: care.Who{ID: "u-social-worker", Name: "P Social-worker", Org: county}, Said: fmt.Sprint("Secret ", r.IntN(99)), Goals: []care.Goal{{ID: "g", Text: "Secret"}}, SaidAt: at}})
	}},
	{"what a hospital's look-up led to", atCounty, func(s *site, r *rand.Rand) {
		at := evening.Add(-time.Duration(1+r.IntN(50)) * time.Minute)
		s.record(s.walter, care.LookEnded{At: at, Look: care.LookResult{ID: "l-walter", Org: kingsMill, Looked: at, Result: care.LookOther, Text: fmt.Sprint("Secret ", r.IntN(99)), At: at,
			By: care.Who{ID: "u-ae-nurse", Name: "P Ae-nurse", Org: kingsMill}}})
	}},
	{"an agreement that is being drafted", slices.Concat(carers, []string{"ig-lead", "integration"}), func(s *site, r *rand.Rand) {
		s.must(s.store.Update(context.Background(), func(tx *store.Tx) error {
			return tx.PutAgreement(sharing.Agreement{ID: "secret-draft", Version: 1, Title: "Secret", Status: sharing.Draft,
				Parties: []sharing.Party{{ODS: queens, Name: "Queen’s"}, {ODS: county, Name: "County"}},
				Flows:   []sharing.Flow{{From: county, To: queens, Sections: sharing.Sections()[:1+r.IntN(4)]}}})
		}))
	}},
}

// TestNonInterference makes pairs of worlds that differ only in what a reader may
// not see, lets that reader try everything that there is to try, and wants the
// same answers to the byte. Each round takes other values. HOMEWARD_LONG has more.
func TestNonInterference(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while; the race detector need not see it")
	}
	rounds := 1
	if os.Getenv("HOMEWARD_LONG") != "" {
		rounds = 20
	}
	for round := range rounds {
		for _, login := range []string{"ae-nurse", "coordinator", "social-worker", "team-manager", "broker", "ig-lead", "integration", "wallboard", "admin", "ward-nurse"} {
			t.Run(fmt.Sprint(login, " ", round), func(t *testing.T) {
				t.Parallel() // each has worlds of its own, and waits for the disk now and then
				hidden := slices.DeleteFunc(slices.Clone(secrets), func(x untold) bool { return !slices.Contains(x.from, login) })
				r := rand.New(rand.NewPCG(uint64(round), 22)) //nolint:gosec // not a secret of that kind
				without := newSite(t).tryEverything(login, nil)
				with := newSite(t)
				for _, x := range hidden {
					x.make(with, r)
				}
				got := with.tryEverything(login, nil)
				told := differences(t, without, got)
				if len(told) == 0 {
					return
				}
				for _, x := range hidden { // which of them is it?
					alone := newSite(t)
					x.make(alone, r)
					again := alone.tryEverything(login, told)
					if slices.ContainsFunc(told, func(try string) bool { return again[try] != without[try] }) {
						t.Errorf("%s can tell %s", login, x.name)
					}
				}
			})
		}
	}
}

// TestNonInterferenceCanFail tells a secret, and wants to be told of it.
func TestNonInterferenceCanFail(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while; the race detector need not see it")
	}
	without, with := newSite(t), newSite(t)
	with.record(with.barbara, care.NoteAdded{Note: care.Note{ID: "n9", At: evening.Add(-time.Hour), Audience: care.AudienceBoth, Text: "For both", By: care.Who{ID: "u-social-worker", Name: "P Social-worker", Org: county}}})
	only := []string{"GET /cases/barbara-case?tab=notes"}
	if n := len(differences(silent{t}, without.tryEverything("coordinator", only), with.tryEverything("coordinator", only))); n != 1 {
		t.Errorf("a note for both sides makes %d differences", n)
	}
}

// silent takes no errors.
type silent struct{ testing.TB }

func (silent) Errorf(string, ...any) {}
func (silent) Helper()               {}

// differences names the tries that were answered otherwise, and says how.
func differences(t testing.TB, without, with map[string]string) []string {
	t.Helper()
	var out []string
	for try, a := range without {
		b, ok := with[try]
		if !ok {
			t.Errorf("%s was tried in one world only", try)
		} else if a != b {
			out = append(out, try)
			i := 0
			for i < len(a) && i < len(b) && a[i] == b[i] {
				i++
			}
			from := max(0, i-100)
			t.Errorf("%s tells the worlds apart:\n%s\nand\n%s", try, a[from:min(len(a), i+160)], b[from:min(len(b), i+160)])
		}
	}
	return out
}

// masks are all that may differ: random names, and the numbers of commits that
// streams go on from.
var masks = []struct {
	form *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`\b[a-z2-7]{26}\b`), "ID"},
	{regexp.MustCompile(`data-last="[^"]*"`), `data-last="N"`},
	{regexp.MustCompile(`mark=[A-Za-z0-9_-]*`), "mark=M"}, // sealed with the session's token
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "HOST"},
}

func masked(s string) string {
	for _, m := range masks {
		s = m.form.ReplaceAllString(s, m.as)
	}
	return s
}

// tryEverything is everything that a reader can ask, and the answers: every
// route with every name, every look-up, every form without an answer. only, when
// set, are the tries that count.
func (s *site) tryEverything(login string, only []string) map[string]string {
	s.t.Helper()
	r, out := s.as(login), map[string]string{}
	keep := func(try string, p shown) shown {
		if p.to == "/signin" {
			s.t.Fatalf("%s ended the session: what comes after it tries nothing", try)
		}
		if only == nil || slices.Contains(only, try) {
			out[try] = masked(fmt.Sprint(p.status, " ", p.to, "\n", p.header.Get("Content-Type"), p.header.Get("Content-Disposition"), "\n", p.body))
		}
		return p
	}
	names := []care.CaseID{s.barbara, s.walter, s.irene, s.doris, s.fred, s.peter, "nobody-at-all"}
	for _, id := range hiddenPeople {
		names = append(names, id+"-hidden")
	}
	for _, rt := range s.server.routes() {
		for _, path := range s.paths(rt.pattern, names) {
			method, _, _ := strings.Cut(rt.pattern, " ")
			switch {
			case strings.Contains(rt.pattern, "/logout"), strings.Contains(rt.pattern, "/switch"), strings.Contains(rt.pattern, "/signin"):
			case strings.HasPrefix(rt.pattern, "POST /provider/link/"): // signs a provider in, instead of the reader
			case rt.own: // of the reader alone, with secrets made for them
			case method == "POST":
				keep("POST "+path, r.post(path))
			case strings.HasSuffix(path, "events"): // streams have a test of their own
			default:
				keep("GET "+path, r.get(path))
			}
		}
	}
	for _, id := range names[:6] {
		for _, tab := range []string{"notes", "finance", "outcomes", "concern", "tasks", "documents", "messages", "assessments", "arranging", "care", "providers", "calls", "clock"} {
			path := "/cases/" + string(id) + "?tab=" + tab
			keep("GET "+path, r.get(path))
		}
	}
	s.tryLookUps(r, keep)
	for _, id := range names {
		path := "/audit?case=" + string(id)
		keep("GET "+path, r.get(path))
		keep("report of "+string(id), r.post("/audit/person", "case", string(id), "verified", "seen", "names", "yes"))
	}
	for _, id := range hiddenPeople {
		keep("report by number of "+string(id), r.post("/audit/person", append(ask(hiddenNumber(id), born), "verified", "seen", "names", "yes")...))
	}
	for _, path := range []string{"/audit/patterns?days=30", "/audit?denied=1", "/tracker?sort=name", "/tracker?sort=updated", "/tracker?view=board", "/ward?ward=W31", "/wall?ward=W31"} {
		keep("GET "+path, r.get(path))
	}
	return out
}

// paths puts each name into a route's path.
func (s *site) paths(pattern string, names []care.CaseID) []string {
	_, path, _ := strings.Cut(pattern, " ")
	if !strings.Contains(path, "{id}") {
		return []string{s.fillPath(pattern)}
	}
	if !strings.HasPrefix(path, "/cases/") { // no case's name: one that is something's and one that is not
		names = []care.CaseID{s.irene, "1"}
	}
	var out []string
	for _, id := range names {
		out = append(out, s.fillPath(strings.ReplaceAll(pattern, "{id}", string(id))))
	}
	return out
}

// tryLookUps asks for everybody there is and is not, by number and by name, for
// each reason, and follows every result as far as it leads.
func (s *site) tryLookUps(r *reader, keep func(string, shown) shown) {
	type person struct {
		who  string
		n    nhs.Number
		born nhs.Date
	}
	people := []person{{"unknown", nhs.Test(7777), born}}
	for _, id := range []care.CaseID{"barbara", "walter", "irene", "doris", "fred", "peter"} {
		people = append(people, person{string(id), number(id), born})
	}
	for _, id := range hiddenPeople {
		people = append(people, person{string(id), hiddenNumber(id), born}, person{string(id) + " as a child", hiddenNumber(id), nhs.Date{Year: 2012, Month: 3, Day: 14}})
	}
	for _, p := range people {
		s.later(time.Minute) // not to be slowed down by the limits
		try := "look up " + p.who
		got := keep(try, r.post("/lookup", ask(p.n, p.born)...))
		if !strings.HasPrefix(got.to, "/lookup/result/") {
			continue
		}
		keep(try+", result", r.get(got.to))
		keep(try+", result again", r.get(got.to))
		keep(try+", call", r.get(got.to+"/call"))
		keep(try+", glass", r.get(got.to+"/glass"))
		keep(try+", glass broken", r.post(got.to+"/glass", "reason", "Unconscious in resus and nobody is with her"))
		keep(try+", after the glass", r.get(got.to))
	}
	keep("look up by name", r.post("/lookup/name", "family", "Thornback", "given", "Hid", "postcode", "NG18 9ZZ", "dob-day", "14", "dob-month", "3", "dob-year", "1941", "reason", "care"))
}

// TestStreamsTellNothingHidden opens each live stream in both worlds, lets a
// secret happen in one and then the same visible thing in both, and wants the
// same words.
func TestStreamsTellNothingHidden(t *testing.T) {
	for _, x := range []struct{ login, page, moves string }{
		{"coordinator", "/tracker", "walter"}, {"coordinator", "/cases/walter-case", "walter"}, {"ward-nurse", "/ward?ward=W31", "walter"},
		{"team-manager", "/tracker", "walter"}, {"team-manager", "/worklist", "walter"}, {"wallboard", "/wall", "walter"},
		{"coordinator", "/huddle", "walter"}, {"team-manager", "/huddle", "walter"},
	} {
		t.Run(x.login+" "+x.page, func(t *testing.T) {
			hear := func(told bool) []string {
				s := newSite(t)
				l := s.as(x.login).listen(x.page)
				if told {
					rnd := rand.New(rand.NewPCG(1, 2))
					for _, sec := range secrets {
						if slices.Contains(sec.from, x.login) {
							sec.make(s, rnd)
						}
					}
				}
				if x.page == "/huddle" { // which does not say where somebody is
					by := care.Who{ID: "u-coordinator", Name: "P Coordinator", Org: kingsMill}
					s.record(s.walter, care.Decided{At: evening, By: by, Decision: care.Decision{ID: "d97", Referral: "ref-walter", Huddle: "h", At: evening, By: by, Text: "Ring 97",
						Owner: care.Owner{Org: kingsMill}, Due: evening.Add(time.Hour), Task: "t97"}})
				}
				s.record(care.CaseID(x.moves+"-case"), care.Moved{At: evening, To: care.Location{Ward: "W31", Name: "Ward 31", Bay: "3", Bed: "97"}})
				var said []string
				for {
					e := l.next()
					if e.name == "beat" {
						continue
					}
					if line := masked(e.name + ": " + e.data); len(said) == 0 || said[len(said)-1] != line {
						said = append(said, line)
					}
					if strings.Contains(e.data, "97") {
						return said
					}
				}
			}
			if a, b := hear(false), hear(true); !slices.Equal(a, b) {
				t.Errorf("the stream tells the worlds apart:\n%s\nand\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
			}
		})
	}
}

// TestNothingToShareTakesTheSameTime compares how long look-ups take of people
// of whom nothing is shared, for different reasons: a rank test, which a slow
// machine does not upset. Nobody can tell them apart when the ranks do not.
func TestNothingToShareTakesTheSameTime(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	s := newSite(t)
	s.hub.Limits.LookBeat = 5 * time.Millisecond
	rnd := rand.New(rand.NewPCG(3, 4))
	for _, x := range secrets[:6] {
		x.make(s, rnd)
	}
	by := care.Actor{ID: "u-ae-nurse", Name: "P Ae-nurse", Role: care.AENurse, Org: kingsMill, OrgKind: care.Trust}
	look := func(n nhs.Number) time.Duration { return s.timeOfLook(by, n) }
	for _, id := range []care.CaseID{"restricted", "child", "quiet", "objector"} {
		if z := apart(func() time.Duration { return look(nhs.Test(7777)) }, func() time.Duration { return look(hiddenNumber(id)) }); math.Abs(z) > 4.5 {
			t.Errorf("%s: the times of look-ups tell it from somebody who is not known: z = %.1f", id, z)
		}
	}
	slow := func() time.Duration { return look(nhs.Test(7777)) * 3 / 2 }
	if z := apart(func() time.Duration { return look(nhs.Test(7777)) }, slow); math.Abs(z) < 4.5 {
		t.Errorf("half as long again is not noticed: z = %.1f", z)
	}
}

func (s *site) timeOfLook(by care.Actor, n nhs.Number) time.Duration {
	s.later(time.Second)
	start := time.Now()
	_, err := s.hub.Look(context.Background(), by, hub.LookRequest{Number: n, Born: born, Reason: hub.ReasonCare})
	took := time.Since(start)
	s.must(err)
	return took
}

// apart is Wilcoxon's rank sum of two kinds of measurement, in standard
// deviations, taken in turns; the least of three tries, for a machine has
// moments.
func apart(a, b func() time.Duration) float64 {
	type sample struct {
		took time.Duration
		ofA  bool
	}
	const n = 100
	least := math.Inf(1)
	for range 3 {
		var all []sample
		for range n {
			all = append(all, sample{a(), true}, sample{b(), false})
		}
		slices.SortFunc(all, func(x, y sample) int { return cmp.Compare(x.took, y.took) })
		sum := 0.0
		for i, x := range all {
			if x.ofA {
				sum += float64(i + 1)
			}
		}
		mean, dev := float64(n*(2*n+1))/2, math.Sqrt(float64(n*n*(2*n+1))/12)
		if z := (sum - mean) / dev; math.Abs(z) < math.Abs(least) {
			least = z
		}
		if math.Abs(least) < 3 {
			break
		}
	}
	return least
}

// TestEveryRouteDeclaresItsPolicy fails the build when a route says neither which
// actions are decided for it nor why none is.
func TestEveryRouteDeclaresItsPolicy(t *testing.T) {
	s := newSite(t)
	if err := checkRoutes(s.server.routes()); err != nil {
		t.Error(err)
	}
	for _, bad := range []route{{pattern: "GET /new"}, {pattern: "GET /new", public: true, asks: []policy.Action{policy.Lookup}}, {pattern: "GET /new", own: true, asks: []policy.Action{policy.Lookup}}, {pattern: "GET /new", asks: []policy.Action{"lookp"}}} {
		if checkRoutes([]route{bad}) == nil {
			t.Errorf("%+v is let through", bad)
		}
	}
}
