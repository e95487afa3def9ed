package web

import (
	"context"
	"strings"
	"testing"

	"homeward/care"
	"homeward/nhs"
	"homeward/store"
)

// record adds to a case what a rule would have decided.
func (s *site) record(id care.CaseID, events ...care.Event) {
	s.t.Helper()
	s.must(s.store.Update(context.Background(), func(tx *store.Tx) error {
		c, err := tx.Case(id)
		if err != nil {
			return err
		}
		_, err = tx.Record(c, care.Cause{Kind: "system"}, s.clock(), events...)
		return err
	}))
}

// twins is a question of two records: a second record of somebody with
// Barbara's NHS number, which stays with Barbara's.
func (s *site) twins(kind care.DoubtKind) (first, second care.CaseID) {
	s.t.Helper()
	second = s.person("gina", "Oakley", "Babs", care.Doubted{At: evening, Doubt: care.Doubt{Kind: kind, Since: evening, Other: s.barbara, Said: number("barbara"), Source: "qmc"}})
	s.record(s.barbara, care.Doubted{At: evening, Doubt: care.Doubt{Kind: kind, Since: evening, Other: second, Said: number("barbara"), Source: "qmc"}})
	return s.barbara, second
}

func TestIdentityShowsBothSidesOfAQuestion(t *testing.T) {
	s := newSite(t)
	s.as("team-manager").get("/identity").says("1 question waits", "DOGWOOD, Fred (Mx)", care.DoubtChanged.Say(), nhs.Test(9000).Spaced(), "Settle which number is right")
	s.twins(care.DoubtSame)
	got := s.as("coordinator").get("/identity")
	got.says("2 questions wait", care.DoubtSame.Say(), "OAKLEY, Barbara (Mx)", "OAKLEY, Babs (Mx)", "Born 14-Mar-1941 (85y)", "Mbarbara (hospital RK5)", "King’s Mill Hospital, Ward 31",
		number("barbara").Spaced(), "Same person: join these records", "Different people")
}

func TestJoinAndSeparate(t *testing.T) {
	s := newSite(t)
	survivor, retired := s.twins(care.DoubtSame)
	r := s.as("coordinator")
	check := r.get(link(t, r.get("/identity"), "Same person"))
	check.says("Join these two records into one", "You can separate them again", "How do you know?", "those of the first record")
	bare := r.post("/identity/join", fields(check)...)
	if bare.status != 422 {
		t.Fatalf("without a reason: %d", bare.status)
	}
	wellMade(t, bare)
	bare.says("Enter how you know", "Join these two records into one")
	long := r.post("/identity/join", append(fields(check), "why", strings.Repeat("x", 501))...)
	if long.status != 422 || !strings.Contains(long.text(), "500 characters or fewer") {
		t.Errorf("a long reason: %d", long.status)
	}
	joined := r.post("/identity/join", append(fields(check), "why", "Both traced on PDS")...)
	if joined.status != 303 {
		t.Fatalf("%d %s", joined.status, joined.text())
	}
	if c := s.caseOf(retired); c.JoinedTo != survivor {
		t.Fatalf("joined to %q", c.JoinedTo)
	}
	if c := s.caseOf(survivor); c.Doubt != nil || len(c.Absorbed) != 1 || c.NHS != number("barbara") {
		t.Errorf("the survivor: doubt %v, absorbed %v", c.Doubt, c.Absorbed)
	}
	r.get("/identity").says("1 question waits")
	if again := r.post("/identity/join", append(fields(check), "why", "Both traced on PDS")...); again.status != 409 {
		t.Errorf("joined twice: %d", again.status)
	}

	after := r.get(joined.to)
	after.says("Records joined")
	check = r.get(link(t, after, "separate the records again"))
	check.says("Separate these records again", "This makes them two again.")
	if bare := r.post("/identity/separate", fields(check)...); bare.status != 422 {
		t.Errorf("without a reason: %d", bare.status)
	}
	parted := r.post("/identity/separate", append(fields(check), "why", "The ward has two Oakleys")...)
	if parted.status != 303 || parted.to != "/identity" {
		t.Fatalf("%d %s", parted.status, parted.text())
	}
	r.get("/identity").says("The records are separate again.")
	if c := s.caseOf(retired); c.JoinedTo != "" {
		t.Errorf("still joined to %q", c.JoinedTo)
	}
	if n := len(s.audited("steward")); n < 4 {
		t.Errorf("%d rows of stewards", n)
	}
	s.as("ig-lead").get("/audit?case="+string(retired)).says("Both traced on PDS", "The ward has two Oakleys")
}

func TestDifferentPeople(t *testing.T) {
	for number, whose := range map[string]nhs.Number{"keep": number("barbara"), "drop": {}} {
		t.Run(number, func(t *testing.T) {
			s := newSite(t)
			first, second := s.twins(care.DoubtShared)
			said := s.caseOf(first).NHS
			r := s.as("coordinator")
			check := r.get(link(t, r.get("/identity"), "Different people"))
			check.says("Say whose the NHS number is", "It is the number of the person of the first record", "The two stay two people",
				"NHS number "+said.Spaced()+" is not believed for the second record")
			bare := r.post("/identity/settle", fields(check)...)
			wellMade(t, bare)
			bare.says("Select whose the NHS number is", "Enter how you know")
			done := r.post("/identity/settle", append(fields(check), "number", number, "why", "Rang both wards")...)
			if done.status != 303 {
				t.Fatalf("%d %s", done.status, done.text())
			}
			r.get("/identity").says("Settled.", "1 question waits")
			a, b := s.caseOf(first), s.caseOf(second)
			if a.Doubt != nil || b.Doubt != nil || a.NHS != whose || !b.NHS.IsZero() || len(b.Denied) != 1 || b.Denied[0] != said {
				t.Errorf("first has %v, second has %v and denies %v", a.NHS, b.NHS, b.Denied)
			}
			if again := r.post("/identity/settle", append(fields(check), "number", number, "why", "Rang both wards")...); again.status != 404 {
				t.Errorf("settled twice: %d", again.status)
			}
		})
	}
}

func TestOneRecordWhoseNumberChanged(t *testing.T) {
	s := newSite(t)
	r := s.as("coordinator")
	check := r.get(link(t, r.get("/identity"), "Settle which number is right"))
	check.says("Which NHS number is this person's?", number("fred").Spaced(), nhs.Test(9000).Spaced(), "the other number is not believed when it is given again")
	if got := r.post("/identity/settle", append(fields(check), "number", "keep", "why", "Traced on PDS")...); got.status != 303 {
		t.Fatalf("%d %s", got.status, got.text())
	}
	if c := s.caseOf(s.fred); c.Doubt != nil || c.NHS != number("fred") || len(c.Denied) != 1 || c.Denied[0] != nhs.Test(9000) {
		t.Errorf("doubt %v, denied %v", c.Doubt, c.Denied)
	}
	r.get("/identity").says("0 questions wait", "Nothing is in question")
}

// Where somebody is is not told as "not in hospital" to a reader who may not know,
// and the records of others are not shown at all.
func TestIdentityShowsWhatIsOnesOwn(t *testing.T) {
	s := newSite(t)
	_, second := s.twins(care.DoubtSame)
	lead := s.as("ig-lead").get("/identity")
	lead.says("OAKLEY, Barbara (Mx)", "Where now Not shown to your role")
	for _, no := range []string{"Not in hospital", "Ward 31"} {
		if strings.Contains(lead.text(), no) {
			t.Errorf("the lead reads %q", no)
		}
	}
	s.as("coordinator-rx1").get("/identity").says("0 questions wait", "Nothing is in question")

	manager := s.as("team-manager") // whose council supports Barbara, and knows nothing of Babs
	page := manager.get("/identity")
	page.says("2 questions wait", "Our record", "OAKLEY, Barbara (Mx)", "The other record belongs to King’s Mill Hospital, and is not shown to you", "ask its coordinator about record "+handle(second))
	if strings.Contains(page.text(), "Babs") {
		t.Error("the council reads of a person who is not theirs")
	}
	check := manager.get(link(t, page, "agree to join the records"))
	check.says("Agree to join your record with another", "The records are joined when both of you say here that it is one person")
	manager.post("/identity/join", append(fields(check), "why", "Rang the ward")...)
	manager.get("/identity").says("Kept. The records are joined when the other organisation says so too.", "Your side has said that it is one person")
	if c := s.caseOf(second); c.JoinedTo != "" {
		t.Error("one side alone joined the two")
	}
	read := map[string]bool{}
	for _, row := range s.audited("identityCard") {
		read[string(row.Actor)+" "+string(row.Case)] = true
	}
	for who, want := range map[string]bool{"u-team-manager barbara-case": true, "u-team-manager gina-case": false, "u-ig-lead gina-case": true, "u-coordinator-rx1 barbara-case": false} {
		if read[who] != want {
			t.Errorf("%s: audited %v, want %v", who, read[who], want)
		}
	}
	s.as("ig-lead").get("/audit?action=identityCard").says("Read who is who", "Who a person is")
}

// Two people with different dates of birth are joined only by somebody who has
// ticked that they differ.
func TestJoinSaysWhatDiffers(t *testing.T) {
	s := newSite(t)
	_, second := s.twins(care.DoubtShared)
	s.record(second, care.PersonTold{At: evening, Person: care.Person{Family: "Oakley", Given: "Babs", Born: nhs.Date{Year: 1950, Month: 1, Day: 1}, Source: "kmh", AsAt: evening}})
	r := s.as("coordinator")
	check := r.get(link(t, r.get("/identity"), "Same person"))
	check.says("These may be two people", "The dates of birth differ. I have checked that it is one person all the same")
	unticked := r.post("/identity/join", append(fields(check), "why", "Both traced on PDS")...)
	if unticked.status != 422 || s.caseOf(second).JoinedTo != "" {
		t.Fatalf("joined without a tick: %d", unticked.status)
	}
	wellMade(t, unticked)
	unticked.says("Tick the box if you have checked")
	if got := r.post("/identity/join", append(fields(check), "why", "Both traced on PDS", "confirm", "born")...); got.status != 303 || s.caseOf(second).JoinedTo == "" {
		t.Errorf("with a tick: %d %s", got.status, got.text())
	}
}
