package returns

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/form"
	"homeward/measure"
	"homeward/money"
	"homeward/nhs"
)

func london(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// at is a local time of the tests, such as "2026-03-09 08:00".
func at(t testing.TB, s string) time.Time {
	t.Helper()
	x, err := time.ParseInLocation("2006-01-02 15:04", s, london(t))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func on(t testing.TB, s string) nhs.Date {
	t.Helper()
	d, err := nhs.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func asked(t testing.TB, id ID, kind care.OrgKind, period string) Asked {
	t.Helper()
	p, err := ParsePeriod(period)
	if err != nil {
		t.Fatal(err)
	}
	a := Asked{Return: id, Period: p, Org: "RK5", OrgName: "King's Mill", Kind: kind, Zone: london(t), Now: at(t, "2027-01-01 12:00"),
		CQC: func(id string) string { return map[string]string{"oak": "1-100"}[id] }}
	if kind == care.Council {
		a.Org, a.OrgName = "511", "Nottinghamshire"
	}
	return a
}

// lived is somebody with a history.
func lived(t testing.TB, id care.CaseID, events ...care.Event) Person {
	t.Helper()
	tr := &measure.Trail{Zone: london(t)}
	all := append([]care.Event{care.Started{At: events[0].When(), ID: id}}, events...)
	for i, e := range all {
		tr.Add(care.Entry{Seq: int64(i + 1), N: i + 1, Case: id, Recorded: e.When(), Event: e})
	}
	p := Person{Case: tr.Case(), Trail: tr}
	for _, x := range measure.Stays.Of(tr) {
		x.Source, x.Case = measure.Stays.ID, id
		p.Points = append(p.Points, x)
	}
	return p
}

func admitted(t testing.TB, when string) care.Event {
	return care.Admitted{At: at(t, when), Stay: care.Stay{Visit: "V1", Org: "RK5", Class: "I", Admitted: at(t, when), Method: "21", Where: care.Location{Ward: "W1"}}}
}

func ready(t testing.TB, when string) care.Event {
	return care.BecameReady{At: at(t, when), From: at(t, when)}
}

func left(t testing.TB, when, to string) care.Event {
	return care.Discharged{At: at(t, when), Visit: "V1", Org: "RK5", Leaving: care.Leaving{At: at(t, when), Destination: to}}
}

func died(t testing.TB, when string) care.Event {
	return care.Discharged{At: at(t, when), Visit: "V1", Org: "RK5", Leaving: care.Leaving{At: at(t, when), Destination: "79", Method: "4", Died: true}}
}

func referred(t testing.TB, when, pathway string) care.Event {
	return care.ReferralSent{At: at(t, when), Referral: care.Referral{ID: "r-" + care.ReferralID(pathway), Stay: "V1", From: "RK5", To: "511", Pathway: pathway, Form: "d2a",
		State: care.RefSent, Sent: at(t, when), Watching: true, Holder: care.Holder{Org: "511", Since: at(t, when), Next: "Accept"}}}
}

// value is the number of a row of the situation report; -1 when there is no such row.
func value(m Made, day, metric, kind, group string) int {
	n := -1
	for _, r := range m.Rows {
		if r.Cells[0] == day && r.Cells[6] == metric && r.Cells[7] == kind && r.Cells[8] == group {
			if n >= 0 {
				return -2
			}
			fmt.Sscan(r.Cells[9], &n)
		}
	}
	return n
}

// ward is six people of one morning, Monday 9 March, counted by hand:
//
//	long     since 10 February, ready 1 March: 27 nights, stays: 21+, nobody was asked
//	home     since 1 March (8 nights), ready 6 March, pathway 1, home at 16:30
//	evening  since 6 March, ready 8 March, home at 17:00 on pathway 0 to a care home
//	again    since 1 March (8 nights), ready 8 March, not ready any more at noon
//	dies     since 1 March, ready 8 March, dies at noon
//	later    ready only at 10:00, after the snapshot, and home at 11:00
//	never    not ready, and leaves on the day
func ward(t testing.TB) []Person {
	return []Person{
		lived(t, "long", admitted(t, "2026-02-10 10:00"), ready(t, "2026-03-01 09:00")),
		lived(t, "home", admitted(t, "2026-03-01 10:00"), referred(t, "2026-03-05 10:00", "1"), ready(t, "2026-03-06 09:00"), left(t, "2026-03-09 16:30", "19")),
		lived(t, "evening", admitted(t, "2026-03-06 10:00"), referred(t, "2026-03-07 10:00", "0"), ready(t, "2026-03-08 09:00"), left(t, "2026-03-09 17:00", "85")),
		lived(t, "again", admitted(t, "2026-03-01 10:00"), ready(t, "2026-03-08 09:00"), care.NoLongerReady{At: at(t, "2026-03-09 12:00")}),
		lived(t, "dies", admitted(t, "2026-03-01 10:00"), ready(t, "2026-03-08 09:00"), died(t, "2026-03-09 12:00")),
		lived(t, "later", admitted(t, "2026-03-05 10:00"), ready(t, "2026-03-09 10:00"), left(t, "2026-03-09 11:00", "19")),
		lived(t, "never", admitted(t, "2026-03-05 10:00"), left(t, "2026-03-09 11:00", "")),
	}
}

func TestAcuteSitrepByHand(t *testing.T) {
	m, err := built(asked(t, Acute, care.Trust, "2026-03-09"), ward(t)...)
	if err != nil {
		t.Fatal(err)
	}
	const again = "Declared as not meeting the criteria to reside at morning board round and then later in the day meets the criteria to reside so discharge stopped"
	const noReferral = "Awaiting referral to community single point of access"
	for _, x := range []struct {
		metric, kind, group string
		want                int
	}{
		{notMeeting, allPeople, everybody, 5}, {notMeeting, byPathway, "Pathway 0", 1}, {notMeeting, byPathway, "Pathway 1", 1}, {notMeeting, byPathway, unknown, 3}, {notMeeting, byPathway, "Pathway 3", 0},
		{notMeeting, byNights, "7 or more", 4}, {notMeeting, byNights, "14 or more", 1}, {notMeeting, byNights, "21 or more", 1},
		{leftThen, allPeople, everybody, 2}, {leftElse, allPeople, everybody, 1}, {remained, allPeople, everybody, 2}, {remained, byNights, "7 or more", 2}, {remained, byNights, "21 or more", 1},
		{delayed, again, "7 or more", 1}, {delayed, again, "14 or more", 0}, {delayed, noReferral, "7 or more", 1}, {delayed, noReferral, "21 or more", 1}, {delayed, unknown, "7 or more", 0},
		{wentTo, allPeople, "P1 - Domestic home with reablement support", 1}, {wentTo, allPeople, "P3b - Care Home (existing resident discharged back)", 1}, {wentTo, allPeople, unknown, 2},
		{wentTo, allPeople, "P1 - Hotel with reablement support", 0}, {leftThen, byTime, early, -1},
	} {
		if got := value(m, "2026-03-09", x.metric, x.kind, x.group); got != x.want {
			t.Errorf("%s, %s, %s: %d, want %d", x.metric, x.kind, x.group, got, x.want)
		}
	}
	var lacks []string
	for _, p := range m.Problems {
		lacks = append(lacks, string(p.Case)+" "+p.Field)
		if p.Mend == "" || p.Who == "" {
			t.Errorf("nobody can mend %+v", p)
		}
	}
	slices.Sort(lacks)
	if got := strings.Join(lacks, ", "); got != "again Pathway, dies Pathway, later Destination, long Pathway, never Destination" {
		t.Errorf("problems: %s", got)
	}
	want := map[string][2]int{"Pathway of who does not meet the criteria": {2, 5}, "Reason of who remained with 7 nights or more": {2, 2}, "Of those, chosen by a person and not only suggested": {0, 2},
		"Destination of who was discharged": {2, 4}, "Discharge-ready date of who was discharged": {3, 4}}
	for _, f := range m.Filled {
		if w := want[f.Field]; w != [2]int{f.Have, f.Of} {
			t.Errorf("%s: %d of %d, want %v", f.Field, f.Have, f.Of, w)
		}
	}
}

// Whoever did not meet the criteria in the morning left, went otherwise, or remained: on
// each day, and so in each month.
func TestSitrepAddsUp(t *testing.T) {
	m, err := built(asked(t, Acute, care.Trust, "2026-03"), ward(t)...)
	if err != nil {
		t.Fatal(err)
	}
	sum := map[string]int{}
	for d := 1; d <= 31; d++ {
		day := fmt.Sprintf("2026-03-%02d", d)
		n := func(metric string) int { return value(m, day, metric, allPeople, everybody) }
		if n(notMeeting) != n(leftThen)+n(leftElse)+n(remained) {
			t.Errorf("%s: %d is not %d and %d and %d", day, n(notMeeting), n(leftThen), n(leftElse), n(remained))
		}
		ways := 0
		for _, w := range pathways {
			ways += value(m, day, notMeeting, byPathway, w)
		}
		if ways != n(notMeeting) {
			t.Errorf("%s: pathways add up to %d", day, ways)
		}
		sum[notMeeting] += n(notMeeting)
	}
	// long: 1 to 31 March (ready at 9:00 on the 1st, at the snapshot). home: 6 to 9.
	// evening, again, dies: 8 and 9, ready at just 9:00 on the 8th. later and never: none.
	if sum[notMeeting] != 31+4+2+2+2 {
		t.Errorf("%d person-days, want 41", sum[notMeeting])
	}
}

func TestCommunitySitrep(t *testing.T) {
	m, err := built(asked(t, Community, care.Trust, "2026-03-09"), ward(t)...)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		metric, kind, group string
		want                int
	}{{leftThen, byTime, early, 1}, {leftThen, byTime, late, 1}, {additional, byNights, "14 or more", 8}, {additional, byNights, "21 or more", 8}, {wentTo, allPeople, unknown, -1}} {
		if got := value(m, "2026-03-09", x.metric, x.kind, x.group); got != x.want {
			t.Errorf("%s, %s, %s: %d, want %d", x.metric, x.kind, x.group, got, x.want)
		}
	}
}

// When the clocks go forward the snapshot is at the same time by the clock, and days
// are still days.
func TestSnapshotWhenClocksChange(t *testing.T) {
	p := lived(t, "one", admitted(t, "2026-03-20 10:00"), ready(t, "2026-03-29 08:59"), left(t, "2026-03-30 09:00", "19"))
	m, err := built(asked(t, Acute, care.Trust, "2026-03"), p)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := value(m, "2026-03-29", notMeeting, allPeople, everybody), value(m, "2026-03-30", notMeeting, allPeople, everybody); a != 1 || b != 0 {
		t.Errorf("%d on the day of the change and %d on the next, want 1 and 0", a, b)
	}
	if n := value(m, "2026-03-29", notMeeting, byNights, "7 or more"); n != 1 {
		t.Errorf("nine nights are not 7 or more: %d", n)
	}
}

// client is somebody of the council, by hand.
func client(t testing.TB) Person {
	c := care.Case{ID: "one", NHS: nhs.Test(1), Trace: "01", IDs: []care.Identifier{{System: "council:511", Value: "10001"}, {System: "council:512", Value: "9"}},
		Person: care.Person{Born: on(t, "1940-05-01"), Sex: "Female", GP: "C84001", Address: care.Address{Postcode: "ZZ99 3AA"}}}
	c.Past = []care.Stay{{Visit: "V1", Org: "RK5", Class: "I", Admitted: at(t, "2026-01-10 10:00"), Left: &care.Leaving{At: at(t, "2026-01-20 15:00")}}}
	c.Referrals = []care.Referral{
		{ID: "r1", From: "RK5", To: "511", Sent: at(t, "2026-01-15 10:00"), Accepted: at(t, "2026-01-16 10:00"), State: care.RefDischarged, Ended: at(t, "2026-01-20 15:00"), Stay: "V1"},
		{ID: "r2", From: "RK5", To: "512", Sent: at(t, "2026-01-15 10:00"), Accepted: at(t, "2026-01-16 10:00"), State: care.RefAccepted},
		{ID: "r3", From: "RK5", To: "511", Sent: at(t, "2026-03-31 10:00"), State: care.RefSent},
		{ID: "r4", From: "RK5", To: "511", Sent: at(t, "2026-02-01 10:00"), State: care.RefTransferred, Ended: at(t, "2026-02-02 10:00")},
	}
	c.Papers = []care.Paper{
		{ID: "p1", Kind: care.PaperCareAct, Referral: "r1", At: at(t, "2026-01-18 10:00"), By: care.Who{Org: "511"}, Approvals: []care.Approval{{At: at(t, "2026-01-19 10:00")}},
			Answers: form.Answers{"assessed_on": {"2026-01-17"}, "how": {"person"}, "eligible": {"Y"}}},
		{ID: "p2", Kind: care.PaperHospital, Referral: "r1", At: at(t, "2026-01-18 10:00"), By: care.Who{Org: "RK5"}},
		{ID: "p3", Kind: care.PaperCareAct, Referral: "r1", At: at(t, "2026-01-18 10:00"), By: care.Who{Org: "511"}, Withdrawn: at(t, "2026-01-18 11:00")},
	}
	c.Elements = []care.Element{
		{ID: "e1", Referral: "r1", Council: "511", Kind: "R", Provider: "oak", Unit: care.UnitHour, Rate: 2150, Week: [7]money.Quantity{1500, 1500, 1500, 1500, 1500, 0, 0},
			Start: on(t, "2026-01-20"), End: on(t, "2026-02-28"), State: care.ElementEnded},
		{ID: "e2", Council: "511", Kind: "HS", Provider: "elm", Unit: care.UnitHour, Rate: 2000, Count: 0, Week: [7]money.Quantity{1000}, Start: on(t, "2026-03-01"), State: care.ElementApproved, Contribution: 500},
		{ID: "e3", Council: "511", Kind: "HS", Start: on(t, "2026-03-01"), State: care.ElementDraft},
		{ID: "e4", Council: "512", Kind: "HS", Start: on(t, "2026-03-01"), State: care.ElementApproved},
		{ID: "e5", Council: "511", Kind: "M", Start: on(t, "2026-04-01"), State: care.ElementApproved, Unit: care.UnitDay, Rate: 500},
	}
	c.Holdings = []care.Holding{{Council: "511", AsAt: at(t, "2026-03-20 10:00"), Packages: []care.Package{
		{Ref: "k1", Kind: "R", Provider: "oak", Start: on(t, "2026-01-20"), End: on(t, "2026-02-28"), Status: care.PackageFinished}, // e1 again
		{Ref: "k2", Kind: "DP", Start: on(t, "2020-01-01"), Status: care.PackageActive},
		{Ref: "k3", Kind: "DS", Status: care.PackageActive}, // no first day
		{Ref: "k4", Kind: "DS", Start: on(t, "2019-01-01"), End: on(t, "2019-02-01"), Status: care.PackageFinished}}}}
	return Person{Case: c}
}

// cells are some columns of the rows of a return, by the reference of the event.
func cells(t testing.TB, m Made, columns ...string) map[string]string {
	t.Helper()
	def, _ := Find(CLD)
	out := map[string]string{}
	for _, r := range m.Rows {
		get := func(c string) string { return r.Cells[slices.Index(def.Columns, c)] }
		var vs []string
		for _, c := range columns {
			vs = append(vs, get(c))
		}
		out[get("Event_Reference")] = strings.Join(vs, "|")
	}
	return out
}

func TestClientLevelDataByHand(t *testing.T) {
	m, err := built(asked(t, CLD, care.Council, "2026-Q1"), client(t))
	if err != nil {
		t.Fatal(err)
	}
	got := cells(t, m, "Event_Type", "Event_Start_Date", "Event_End_Date", "Event_Outcome", "Request_Route_of_Access", "Assessment_Type", "Eligible_Needs_Identified", "Service_Type", "Service_Component",
		"Provider_CQC_Location_ID", "Unit_Cost", "Cost_Frequency_Unit_Type", "Planned_units_per_week", "Client_Funding_Status")
	want := map[string]string{
		"REQ-r1": "Request|2026-01-15|2026-01-16|" + toReablement + "|Discharge from Hospital|||||||||",
		"REQ-r4": "Request|2026-02-01|2026-02-02|" + nfaMoved + "|Discharge from Hospital|||||||||",
		"ASM-p1": "Assessment|2026-01-17|2026-01-19|" + toReablement + "||Long term assessment|Yes|||||||",
		"ELE-e1": "Service|2026-01-20|2026-02-28|||||Short term support: ST-Max|Reablement|1-100|21.50|Hourly|7.5|Fully social care funded",
		"ELE-e2": "Service|2026-03-01||||||Long term support: Community|Home support or domiciliary care||20.00|Hourly|1|Joint client and social care funded",
		"PKG-k2": "Service|2020-01-01||||||Long term support: Community|Direct payment|||||",
	}
	for ref, w := range want {
		if got[ref] != w {
			t.Errorf("%s:\n %s, want\n %s", ref, got[ref], w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d rows, want %d: %v", len(got), len(want), got)
	}
	who := cells(t, m, "NHS_Number", "LA_Person_Unique_Identifier", "LA_Code", "Date_of_Birth", "Client_Type")["REQ-r1"]
	if who != nhs.Test(1).Digits()+"|10001|511|1940-05-01|Service user" {
		t.Error("who it is about is not said as it should be")
	}
	lacks := map[string]int{}
	for _, p := range m.Problems {
		lacks[p.Field]++
	}
	// e1 has ended and nobody says why; elm has no CQC location; the direct payment of
	// the council's system has neither provider nor cost; k3 has no first day.
	for f, n := range map[string]int{"Event_Outcome": 1, "Provider_CQC_Location_ID": 2, "Unit_Cost": 1, "Event_Start_Date": 1, "NHS_Number": 0, "Service_Type": 0, "Eligible_Needs_Identified": 0} {
		if lacks[f] != n {
			t.Errorf("%d problems of %s, want %d", lacks[f], f, n)
		}
	}
}

func TestClientLevelDataSaysWhatIsMissing(t *testing.T) {
	a := asked(t, CLD, care.Council, "2026-Q1")
	spoil := func(f func(*care.Case)) (fields []string, rows int) {
		p := client(t)
		f(&p.Case)
		m, err := built(a, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range m.Problems {
			if x.Text == "" || x.Mend == "" || x.Who == "" || x.Case != "one" {
				t.Errorf("%s is not told: %+v", x.Field, x)
			}
			fields = append(fields, x.Field)
		}
		return fields, len(m.Rows)
	}
	good, rows := spoil(func(*care.Case) {})
	for _, x := range []struct {
		name  string
		spoil func(*care.Case)
		field string
		more  int // problems
		rows  int
	}{
		{"no number", func(c *care.Case) { c.NHS = nhs.Number{} }, "NHS_Number", 6, rows},
		{"no date of birth", func(c *care.Case) { c.Person.Born = nhs.Date{} }, "Date_of_Birth", 6, rows},
		{"no practice", func(c *care.Case) { c.Person.GP = "" }, "GP_Practice_Code", 6, rows},
		{"not whether needs are eligible", func(c *care.Case) { delete(c.Papers[0].Answers, "eligible") }, "Eligible_Needs_Identified", 1, rows},
		{"a kind that the list has not", func(c *care.Case) { c.Elements[1].Kind = "OTH" }, "Service_Type", 2, rows},
		{"ends before it begins", func(c *care.Case) { c.Papers[0].Answers["assessed_on"] = []string{"2026-01-25"} }, "Event_End_Date", 1, rows},
		{"told twice", func(c *care.Case) {
			c.Holdings[0].Packages = append(c.Holdings[0].Packages, care.Package{Ref: "k9", Kind: "HS", Start: on(t, "2026-03-01"), Status: care.PackageActive})
		}, "Event_Reference", 1, rows},
	} {
		t.Run(x.name, func(t *testing.T) {
			got, n := spoil(x.spoil)
			count := func(fs []string) (n int) {
				for _, f := range fs {
					if f == x.field {
						n++
					}
				}
				return n
			}
			if n != x.rows || len(got) != len(good)+x.more || count(got) <= count(good) {
				t.Errorf("%d rows, problems %v; want %d rows and %d more than %v", n, got, x.rows, x.more, good)
			}
		})
	}
	// Whoever died has no care after it.
	p := client(t)
	p.Case.Died = &care.Death{At: at(t, "2026-03-10 08:00")}
	m, err := built(a, p)
	if err != nil {
		t.Fatal(err)
	}
	if got := cells(t, m, "Event_End_Date", "Event_Outcome", "Date_of_Death")["ELE-e2"]; got != "2026-03-10|"+nfaDied+"|2026-03-10" {
		t.Errorf("care of who died: %s", got)
	}
}

// Two records of one person, by their NHS number or else by the council's, tell of the
// same events once, and it is said; two that share no number are two people.
func TestOnePersonInTwoRecords(t *testing.T) {
	one := client(t)
	alone, err := built(asked(t, CLD, care.Council, "2026-Q1"), one)
	if err != nil || len(alone.Rows) == 0 {
		t.Fatalf("%d rows: %v", len(alone.Rows), err)
	}
	for name, x := range map[string]struct {
		change func(*care.Case)
		twice  bool
	}{
		"the same NHS number":              {func(c *care.Case) { c.IDs = nil }, true},
		"only the council's number":        {func(c *care.Case) { c.NHS = nhs.Number{} }, false}, // the first is told by its NHS number
		"another NHS number and no other":  {func(c *care.Case) { c.NHS, c.IDs = nhs.Test(77), nil }, false},
		"no number at all, another record": {func(c *care.Case) { c.NHS, c.IDs = nhs.Number{}, nil }, false},
	} {
		two := client(t)
		two.Case.ID = "another"
		x.change(&two.Case)
		m, err := built(asked(t, CLD, care.Council, "2026-Q1"), one, two)
		if err != nil {
			t.Fatal(err)
		}
		said := slices.ContainsFunc(m.Problems, func(p Problem) bool { return strings.Contains(p.Text, "same event") && p.Case == "another" })
		if said != x.twice || (len(m.Rows) == len(alone.Rows)) != x.twice {
			t.Errorf("%s: %d rows of %d, said %v", name, len(m.Rows), len(alone.Rows), said)
		}
	}
}

// The discharge of 20 January belongs to starts of ST-Max from 17 January (3 days after
// the start) to 27 January (7 days before it).
func TestReablementIsLinkedToDischarges(t *testing.T) {
	for _, x := range []struct {
		start, linked, why string
		change             func(*care.Case)
		outcome            string
	}{
		{"2026-01-16", "No", "No discharge from hospital is known", nil, ""},
		{"2026-01-17", "Yes", "", nil, "None of these"},
		{"2026-01-27", "Yes", "", nil, "None of these"},
		{"2026-01-28", "No", "Discharged 8 days before: more than 7", nil, ""},
		{"2026-01-20", "Yes", "", func(c *care.Case) { c.Died = &care.Death{At: at(t, "2026-04-14 10:00")} }, "Died"},
		{"2026-01-20", "Yes", "", func(c *care.Case) { c.Died = &care.Death{At: at(t, "2026-04-15 10:00")} }, "None of these"},
		{"2026-01-20", "No", "No discharge from hospital is known", func(c *care.Case) { c.Past[0].Left.Died = true }, ""},
		{"2026-01-20", "No", "No discharge from hospital is known", func(c *care.Case) { c.Sensitive = true }, ""},
		{"2026-01-20", "No", "No discharge from hospital is known", func(c *care.Case) { c.Objection = &care.Objection{} }, ""},
		{"2026-01-20", "No", "Still in hospital", func(c *care.Case) {
			c.Stay, c.Past = &care.Stay{Visit: "V1", Org: "RK5", Class: "I", Admitted: c.Past[0].Admitted}, nil
		}, ""},
		{"2026-01-20", "Yes", "", func(c *care.Case) {
			c.Stay = &care.Stay{Visit: "V2", Org: "RK5", Class: "I", Admitted: at(t, "2026-02-10 10:00")}
			c.Died = &care.Death{At: at(t, "2026-02-12 10:00")}
		}, "Admitted to hospital"},
		{"2026-01-20", "Yes", "", func(c *care.Case) { c.Elements[1].Kind, c.Elements[1].Start = "LTRC", on(t, "2026-02-15") }, "Moved to a care home"},
	} {
		p := client(t)
		p.Case.Elements[0].Start, p.Case.Holdings = on(t, x.start), nil
		if x.change != nil {
			x.change(&p.Case)
		}
		m, err := built(asked(t, ASCOF, care.Council, "2026-Q1"), p)
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Rows) != 1 {
			t.Fatalf("%s: %d rows", x.start, len(m.Rows))
		}
		if c := m.Rows[0].Cells; c[4] != x.linked || c[5] != x.why || c[9] != x.outcome {
			t.Errorf("%s: linked %s, %q, %q; want %s, %q, %q", x.start, c[4], c[5], c[9], x.linked, x.why, x.outcome)
		}
	}
	p := client(t)
	a := asked(t, ASCOF, care.Council, "2026-01")
	a.Now = at(t, "2026-04-14 23:00") // the last of the 84 days
	m, err := built(a, p)
	if err != nil || m.Rows[0].Cells[9] != "Not known yet" {
		t.Errorf("before the 84 days are over: %+v: %v", m.Rows, err)
	}
}

// Of three who count, one left on the day, two after 2 and 6 days: a third, 4 days, and
// (1 - 1/3) of 4 days in all.
func TestBetterCareFund(t *testing.T) {
	stay := func(id care.CaseID, readyOn string, to string) Person {
		return lived(t, id, care.PersonTold{At: at(t, "2026-03-01 09:00"), Person: care.Person{Family: "Example", Born: on(t, "1940-05-01"), AsAt: at(t, "2026-03-01 09:00")}},
			admitted(t, "2026-03-01 10:00"), ready(t, readyOn+" 09:00"), left(t, "2026-03-09 16:30", to))
	}
	m, err := built(asked(t, BCF, care.Trust, "2026-03"), stay("a", "2026-03-09", "19"), stay("b", "2026-03-07", "19"), stay("c", "2026-03-03", "19"), stay("moved", "2026-03-03", "51"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Metric{{"Share discharged on the discharge-ready date", 1.0 / 3, true, measure.Share}, {"Average days of those discharged later", 4, true, measure.Days},
		{"Average days of all", 8.0 / 3, true, measure.Days}, {"Discharges that count", 3, true, measure.Count}, {"Emergency admissions, 65 and over", 4, true, measure.Count}}
	if !slices.Equal(m.Metrics, want) {
		t.Errorf("%+v, want %+v", m.Metrics, want)
	}
	if d := m.Metrics[2].Value - (1-m.Metrics[0].Value)*m.Metrics[1].Value; d > 1e-12 || d < -1e-12 {
		t.Errorf("the identity is out by %v", d)
	}
	none, err := built(asked(t, BCF, care.Trust, "2026-05"))
	if err != nil || none.Metrics[2].Known {
		t.Errorf("of nobody: %+v: %v", none.Metrics, err)
	}
}

func TestPeriods(t *testing.T) {
	for in, want := range map[string]string{"2026-03-09": "2026-03-09 to 2026-03-09", "2026-02": "2026-02-01 to 2026-02-28", "2024-02": "2024-02-01 to 2024-02-29", "2026-Q1": "2026-01-01 to 2026-03-31",
		"2026-Q4": "2026-10-01 to 2026-12-31", "2026-13": "", "2026-00": "", "2026-Q5": "", "2026-Q0": "", "": "", "2026": "", "2026-3-9": "", "9999999": "", "2026-02-30": "", "x026-Q1": ""} {
		got := ""
		if p, err := ParsePeriod(in); err == nil {
			got = p.From.String() + " to " + p.To.String()
		}
		if got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
	for every, want := range map[string]string{"day": "2026-03-31", "month": "2026-03", "quarter": "2026-Q1"} {
		if got := Last(every, on(t, "2026-04-01")); got.Name != want {
			t.Errorf("the last %s is %s, want %s", every, got.Name, want)
		}
	}
	if got := Last("quarter", on(t, "2026-03-31")); got.Name != "2025-Q4" {
		t.Errorf("before the quarter is over the last is %s", got.Name)
	}
}

func TestWrongReturns(t *testing.T) {
	a := asked(t, CLD, care.Council, "2026-Q1")
	for name, change := range map[string]func(*Asked){
		"no such return": func(a *Asked) { a.Return = "none" }, "another's return": func(a *Asked) { a.Kind = care.Trust }, "of a day": func(a *Asked) { a.Period, _ = ParsePeriod("2026-03-09") },
		"not over": func(a *Asked) { a.Now = at(t, "2026-03-31 23:59") },
		"too long": func(a *Asked) { a.Return, a.Kind = Acute, care.Trust },
	} {
		b := a
		change(&b)
		if _, err := New(b); err == nil {
			t.Errorf("%s is made", name)
		}
	}
}

func TestEveryReturnSaysWhatItIs(t *testing.T) {
	all, err := List()
	if err != nil || len(all) != 5 {
		t.Fatalf("%d returns: %v", len(all), err)
	}
	for _, r := range all {
		if r.Title == "" || r.Definition == "" || r.Cite == "" || len(r.For) == 0 || len(r.Columns) == 0 || len(r.Known) == 0 || r.Every == "" || r.Due == 0 {
			t.Errorf("%s lacks something: %+v", r.ID, r)
		}
		if slices.Contains(r.For, care.Trust) && r.Personal {
			t.Errorf("%s has names, and is for hospitals", r.ID)
		}
	}
}

func BenchmarkSitrepMonth(b *testing.B) {
	people := ward(b)
	a := asked(b, Acute, care.Trust, "2026-03")
	for b.Loop() {
		x, err := New(a)
		if err != nil {
			b.Fatal(err)
		}
		for range 700 { // 4,900 people
			for _, p := range people {
				x.Add(p)
			}
		}
		x.Made()
	}
}

// built is a return of some people.
func built(a Asked, people ...Person) (Made, error) {
	b, err := New(a)
	if err != nil {
		return Made{}, err
	}
	for _, p := range people {
		b.Add(p)
	}
	return b.Made(), nil
}
