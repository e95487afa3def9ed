package form

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"homeward/nhs"
	"homeward/pathways"
)

var update = flag.Bool("update", false, "rewrite golden files")

func load(t testing.TB, id string) *Pathway {
	t.Helper()
	l, err := Load(pathways.Files)
	if err != nil {
		t.Fatal(err)
	}
	p, ok := l.Latest(id)
	if !ok {
		t.Fatalf("no pathway %s", id)
	}
	return p
}

// today is the fact that rules about the past and the future need.
var today = Facts{"today": "2026-03-12"}

// referral is one complete, invented referral.
func referral() Answers {
	a := Answers{"reside": nil}
	for _, kv := range strings.Split(strings.TrimSpace(`
family=Oakley
given=Barbara Jean
preferred=Barb
born=1941-03-14
gender=2
address=12 Invented Street|Sampleton|Nottinghamshire
postcode=ng2 7qp
phone=01632 960001
interpreter=N
gp_code=a81001
gp_name=Example Surgery, Sampleton
council_name=Nottinghamshire County Council
council_contact=Not known yet
council_contact_details=Not known yet – the council will say
service=acute-d2a
hospital=King's Mill Hospital
ward=Ward 52
bed=14
consultant=Dr A Example
admitted=2026-03-04
admission_type=E
admission_reason=Fall at home, broken left hip
referrer=Priya Nair
referrer_role=Discharge coordinator
referrer_contact=01632 960052, ward 52
fit=01
fit_date=2026-03-11
edd=2026-03-14
person_told=Y
carer_told=Y
carer_told_date=2026-03-11
pathway=P1
care_needs=Needs 1 person to help with washing and dressing.|Wound on left hip, dressed every 2 days.
allergy_status=Y
allergies=Penicillin: rash
mobility=aid
transfers=one
personal_care=one
toilet=help
eating=none
medicines=prompt
cognition=none
nights=none
communication=Wears a hearing aid in the left ear
equipment=ordered
equipment_details=Commode and raised chair, ordered 10 March
chc_considered=Y
chc_result=Checklist negative on 10 March
lives_alone=Y
home_type=own
access=3 steps to the front door. Bedroom upstairs.
key_safe=Y
key_holder=Her daughter
dependants=N
pets=Y
pets_details=A cat, fed by a neighbour
contact_name=Jane Sample
contact_relationship=Daughter
contact_details=01632 960002
carer_view=Visits every day. Cannot lift.
safeguarding=N
falls=Y
risk_self=N
risk_others=N
infection=N
risk_details=2 falls in 6 months
consent=Y
notice=Y
person_consulted=Y
carer_consulted=Y
capacity=assumed
lpa=N
dols=none
wishes=Wants to sleep in her own bed.`), "\n") {
		k, v, _ := strings.Cut(kv, "=")
		a[k] = []string{strings.ReplaceAll(v, "|", "\n")}
	}
	a["nhs"] = []string{nhs.Test(1234).Digits()}
	a["care_before"] = []string{"council", "carer"}
	a["contact_roles"] = []string{"MC", "NOK"}
	return a
}

// with changes some answers: "fit=02", "nhs=" to take one away.
func with(a Answers, changes ...string) Answers {
	a = maps.Clone(a)
	for _, c := range changes {
		k, v, _ := strings.Cut(c, "=")
		a[k] = []string{v}
	}
	return a
}

func TestD2ARules(t *testing.T) {
	p := load(t, "d2a")
	for _, c := range []struct{ change, want string }{
		{"", ""},
		{"nhs=", ""},
		{"nhs=1234567890", "nhs: Check the NHS number. One or more digits are wrong"},
		{"nhs=12345", "nhs: NHS number must have 10 digits. You entered 5"},
		{"family=", "family: Enter the person's family name"},
		{"family=-", "family: The person's family name must have letters"},
		{"family=" + strings.Repeat("a", 36), "family: The person's family name must be 35 characters or fewer. You entered 36"},
		{"born=", "born: Enter the date of birth"},
		{"born=1941-02-30", "born: The date of birth must be a real date, like 14 3 2026"},
		{"born=2026-03-13;admitted=2026-03-13;fit=02;fit_date=", "born: Date of birth must be today or in the past"},
		{"address=", "address: Enter the usual address"},
		{"address=1\n2\n3\n4\n5\n6", "address: The usual address must be 5 lines or fewer. You entered 6"},
		{"postcode=", ""},
		{"postcode=ZZ99 3VZ", ""},
		{"postcode=NG2", "postcode: The postcode must be a full postcode, like NG2 7QP"},
		{"phone=01632", "phone: The person's phone number must be a phone number, like 01632 960001"},
		{"phone=+44 1632 960001", ""},
		{"phone=(01632) 960001 ext 52", ""},
		{"interpreter=Y", "language: Enter the preferred language"},
		{"gp_code=", "gp_code: Enter the GP practice code"},
		{"gp_code=A8", "gp_code: The GP practice code must have 3 to 10 letters and digits, like A81001"},
		{"council_name=", "council_name: Enter the council"},
		{"council_contact=", "council_contact: Enter the contact at the council"},
		{"council_contact_details=", "council_contact_details: Enter how to reach the contact at the council"},
		{"service=other", "service: Select one of the answers shown for what this referral is for"},
		{"referrer_contact=", "referrer_contact: Enter how the council can reach you"},
		{"admitted=1940-01-01", "admitted: Check the date admitted: it is before the date of birth"},
		{"admitted=2026-03-13;fit_date=2026-03-13", "admitted: Check the date admitted: it is in the future, and the person is said to be ready to leave|fit_date: The date the person became ready to leave must be today or in the past"},
		// SHD MedFit-1: a date if and only if the person is ready.
		{"fit=", "fit: Select if the person is ready to leave hospital"},
		{"fit_date=", "fit_date: Enter the date the person became ready to leave"},
		{"fit=02", "fit_date: Remove the date the person became ready to leave, or select that the person is ready"},
		{"fit=03", "fit_date: Remove the date the person became ready to leave, or select that the person is ready"},
		{"fit=02;fit_date=", ""},
		{"fit=03;fit_date=", ""},
		{"fit_date=2026-03-13", "fit_date: The date the person became ready to leave must be today or in the past"},
		{"fit_date=2026-03-03", "fit_date: The date the person became ready to leave must be the same as or after the date admitted"},
		{"edd=2026-03-03", "edd: Predicted discharge date must be the same as or after the date admitted"},
		{"edd=2026-03-04;fit_date=2026-03-04", ""},
		{"edd=", "edd: Enter the predicted discharge date that the person or carer has been told"},
		{"edd=;person_told=N;carer_told=N", ""},
		{"person_told=", "person_told: Select yes if the person has been told the predicted discharge date"},
		{"carer_told=", "carer_told: Select if their carer has been told the predicted discharge date"},
		{"carer_told_date=", "carer_told_date: Enter the date the carer was told"},
		{"carer_told_date=2026-03-13", "carer_told_date: The date the carer was told must be today or in the past"},
		{"carer_told=NKC;carer_consulted=NKC;contact_roles=NOK", ""},
		{"carer_told=NKC;contact_roles=NOK", "carer_consulted: Select that no carer is known, or change the answer about telling the carer the date"},
		{"carer_told=NKC;carer_consulted=NKC", "contact_roles: Clear the carer roles, or change the answer that no carer is known"},
		{"carer_consulted=NKC", "carer_consulted: Select whether the carer has been consulted: you said that a carer has been told the date"},
		{"care_needs=", "care_needs: Enter the summary of care needs"},
		{"allergy_status=", "allergy_status: Select if the person has any allergies or adverse reactions"},
		{"allergies=", "allergies: Enter what the person reacts to"},
		{"allergy_status=NK", ""},
		{"allergy_status=NA;allergies=", ""},
		{"contact_name=;contact_details=", "contact_name: Enter the name of the main contact"},
		{"contact_details=", "contact_details: Enter how to reach the main contact"},
		{"contact2_name=Sam Sample", "contact2_details: Enter how to reach the second contact"},
		{"safeguarding=", "safeguarding: Select yes if the hospital has a safeguarding concern"},
		{"safeguarding=Y", "safeguarding_details: Enter what the safeguarding concern is"},
		{"safeguarding=Y;safeguarding_details=Money is missing", ""},
		// Third-party consent: SHD-ThirdPartyConsentSource.
		{"consent=", "consent: Select if the person has agreed to this referral"},
		{"consent=L", "consent_source: Select who agreed for the person"},
		{"consent=L;consent_source=N/A", "consent_source: Select who agreed for the person: “Not applicable” cannot be used when the person lacks mental capacity"},
		{"consent=L;consent_source=C", ""},
		{"consent=L;consent_source=O", ""},
		{"consent=L;consent_source=B;capacity=lacks", ""},
		{"consent=L;consent_source=B;capacity=has", "capacity: Check capacity: you said that the person lacks capacity to agree to this referral"},
		{"consent=Y;consent_source=N/A", ""},
		{"consent=N", "consent_basis: Enter why the referral is needed without the person's agreement"},
		{"consent=N;consent_basis=Early notice", ""},
		{"chc_considered=", "chc_considered: Select yes if NHS continuing healthcare has been considered: an assessment notice must say"},
		{"person_consulted=", "person_consulted: Select yes if the person has been consulted"},
		{"carer_consulted=", "carer_consulted: Select if their carer has been consulted"},
		{"notice=N;chc_considered=;person_consulted=;carer_consulted=", ""},
		{"destination=home;destination_address=1 Other Street", "destination_address: Remove the address, or select that the person will not go to their own home"},
		{"immigration=1;immigration_from=2026-01-02;immigration_to=2026-01-01", "immigration_to: The end date of the immigration status must be the same as or after its start date"},
		{"risks_list.1.risk_kind=other;risks_list.1.risk_what=x;risks_list.1.risk_from=2026-01-02;risks_list.1.risk_to=2026-01-01", "risks_list.1.risk_to: Risk 1: the end date must be the same as or after the start date"},
		{"detentions.1.section_status=3;detentions.1.section_from=2026-01-02;detentions.1.section_to=2026-01-01", "detentions.1.section_to: Section 1: the end date must be the same as or after the start date"},
		{"medicines_list.1.medicine=x;medicines_list.1.medicine_from=2026-01-02;medicines_list.1.medicine_to=2026-01-01", "medicines_list.1.medicine_to: Medicine 1: the end date must be the same as or after the start date"},
		{"capacity=has;capacity_date=2026-03-13", "capacity_date: The date of the mental capacity assessment must be today or in the past"},
	} {
		t.Run(c.change, func(t *testing.T) {
			var got []string
			for _, q := range p.Check(with(referral(), strings.Split(c.change, ";")...), today) {
				got = append(got, q.Field+": "+q.Text)
			}
			if s := strings.Join(got, "|"); s != c.want {
				t.Errorf("problems:\n %s\nwant\n %s", s, c.want)
			}
		})
	}
}

// TestD2AEveryRuleFires keeps rules that can never fire out of the form.
func TestD2AEveryRuleFires(t *testing.T) {
	src, err := os.ReadFile("d2a_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range load(t, "d2a").Rules {
		says := r.Field + ": " + r.Message
		if g, ok := load(t, "d2a").Group(r.Group); ok {
			says = r.Field + ": " + g.Name(1) + ": " + lowerFirst(r.Message)
		}
		if !strings.Contains(string(src), says) {
			t.Errorf("rule %s: no test shows it", r.ID)
		}
	}
}

func TestSmallForms(t *testing.T) {
	for _, c := range []struct{ id, answers, want string }{
		{"d2a-withdraw", "", "reason"},
		{"d2a-withdraw", "reason=08", ""},
		{"d2a-withdraw", "reason=14", "reason"},
		{"d2a-withdraw", "reason=13", "details"},
		{"d2a-withdraw", "reason=13;details=Bed closed", ""},
		{"d2a-withdraw", "reason=13;details=" + strings.Repeat("x", 501), "details"},
		{"d2a-return", "", "reasons needed contact contact_details"},
		{"d2a-return", "reasons=capacity;needed=Capacity;contact=A Worker;contact_details=01632 960003", ""},
		{"d2a-return", "reasons=capacity;needed=Capacity;contact=A Worker;contact_details=01632 960003;needed_by=2026-03-11T09:00", "needed_by"},
		{"provider-call", "", "provider outcome"},
		{"provider-call", "provider=Invented Care;outcome=no-answer", ""},
		{"provider-call", "provider=Invented Care;outcome=message", ""},
		{"provider-call", "provider=Invented Care;outcome=cannot", "spoke_to"},
		{"provider-call", "provider=Invented Care;outcome=restart;spoke_to=Sam", "restart"},
		{"provider-call", "provider=Invented Care;outcome=restart;spoke_to=Sam;restart=2026-03-12T08:00", ""},
		{"provider-call", "provider=Invented Care;outcome=restart;spoke_to=Sam;restart=2026-03-11T08:00", "restart"},
		{"provider-call", "provider=Invented Care;outcome=restart;spoke_to=Sam;restart=2026-03-12", "restart"},
		{"provider-call", "provider=Invented Care;outcome=message;call_back=2026-03-01T08:00", "call_back"},
		{"provider-call", "provider=Invented Care;outcome=message;note=" + strings.Repeat("x", 501), "note"},
	} {
		var got []string
		for _, q := range load(t, c.id).Check(with(Answers{}, strings.Split(c.answers, ";")...), today) {
			got = append(got, q.Field)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s %s: problems at %q, want %q", c.id, c.answers, s, c.want)
		}
	}
}

func TestWithdrawalReasonsAreTheNationalThirteen(t *testing.T) {
	l := load(t, "d2a-withdraw").Lists["reason"]
	for i, c := range l.Choices {
		if c.Code != fmt.Sprintf("%02d", i+1) || c.Display == "" {
			t.Errorf("choice %d is %q, with display %q", i+1, c.Code, c.Display)
		}
	}
	if len(l.Choices) != 13 {
		t.Errorf("%d reasons", len(l.Choices))
	}
}

// TestD2AMandatory: exactly what the standard and the SHD interface demand,
// with the two that need no typing (service, consent) of the product.
func TestD2AMandatory(t *testing.T) {
	var got []string
	for _, q := range load(t, "d2a").Check(nil, nil) {
		got = append(got, q.Field)
	}
	want := strings.Fields(`family born address gp_code council_name council_contact council_contact_details
		service referrer_contact fit person_told carer_told care_needs allergy_status safeguarding consent`)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// facts are what a hospital's and a council's systems usually know.
func facts() Facts {
	return Facts{
		"today": "2026-03-12", "person.family": "Oakley", "person.given": "Barbara", "person.born": "1941-03-14",
		"person.nhs": nhs.Test(1234).Spaced(), "person.address": "12 Invented Street\r\nSampleton", "person.postcode": "NG2 7QP",
		"gp.code": "A81001", "council.name": "Nottinghamshire County Council", "stay.ward": "Ward 52", "stay.admitted": "2026-03-04",
		"stay.edd": "2026-03-14", "stay.fit": "01", "stay.fit_date": "2026-03-11", "referrer.contact": "01632 960052",
	}
}

// TestD2AIsShort: after prefill a nurse has few questions that must be
// answered.
func TestD2AIsShort(t *testing.T) {
	p := load(t, "d2a")
	var got []string
	for _, q := range p.Check(p.Prefill(facts()), facts()) {
		got = append(got, q.Field)
	}
	want := strings.Fields("person_told carer_told care_needs allergy_status safeguarding consent")
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestPrefillLeavesOutWhatIsWrong(t *testing.T) {
	p := load(t, "d2a")
	for _, c := range []struct{ fact, value, field, want string }{
		{"stay.ward", " Ward 52 ", "ward", "Ward 52"},
		{"stay.edd", "2026-03-01", "edd", ""},
		{"stay.edd", "soon", "edd", ""},
		{"stay.fit", "fit", "fit", ""},
		{"stay.fit", "02", "fit_date", ""},
		{"person.postcode", "unknown", "postcode", ""},
		{"council.contact", "", "council_contact", "Not known yet"},
		{"council.contact", "R Okafor", "council_contact", "R Okafor"},
		{"person.allergies", "Penicillin", "allergies", ""}, // hidden until they are said to exist
	} {
		f := facts()
		f[c.fact] = c.value
		if got := p.Prefill(f).Get(c.field); got != c.want {
			t.Errorf("%s = %q fills %s with %q, want %q", c.fact, c.value, c.field, got, c.want)
		}
	}
}

func TestPageStatus(t *testing.T) {
	p, err := Parse([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		page, answers string
		want          Status
	}{
		{"one", "", Incomplete},
		{"one", "note=Hello", Incomplete},
		{"one", "consent=Y", Completed},
		{"one", "consent=X", Incomplete},
		{"one", "consent=Y;note=1\n2\n3", Incomplete},
		{"two", "", CannotStart},
		{"two", "consent=N", CannotStart},
		{"two", "consent=Y", Incomplete}, // nothing must be answered, and nobody has looked
		{"two", "consent=Y;ward=52", Completed},
		{"two", "consent=Y;told=2026-03-01", Incomplete},
		{"three", "consent=Y", CannotStart},
	} {
		if got := p.PageStatus(c.page, with(Answers{}, strings.Split(c.answers, ";")...)); got != c.want {
			t.Errorf("page %s with %q is %q, want %q", c.page, c.answers, got, c.want)
		}
	}
	d2a := load(t, "d2a")
	needed := 0
	for _, g := range d2a.Pages {
		want := Completed
		if g.Optional {
			want = NotNeeded
		} else {
			needed++
		}
		if s := d2a.PageStatus(g.ID, referral()); s != want {
			t.Errorf("page %s of a complete referral is %q", g.ID, s)
		}
	}
	if needed != 7 {
		t.Errorf("%d pages that are not optional", needed)
	}
}

func TestScore(t *testing.T) {
	p := load(t, "d2a")
	have, want, missing := p.Score(referral())
	if have != want || len(missing) != 0 || want < 40 {
		t.Errorf("a complete referral scores %d of %d, missing %v", have, want, missing)
	}
	less, same, missing := p.Score(with(referral(), "ward=", "safeguarding="))
	if less != have-2 || same != want || len(missing) != 2 || missing[0].ID != "ward" || missing[1].ID != "safeguarding" {
		t.Errorf("without two answers it scores %d of %d", less, same)
	}
	// A question that appears is wanted too.
	if _, more, _ := p.Score(with(referral(), "safeguarding=Y")); more != want+1 {
		t.Errorf("with a concern %d are wanted, want %d", more, want+1)
	}
}

func TestCleanDropsHiddenAnswers(t *testing.T) {
	p := load(t, "d2a")
	a := with(referral(), "safeguarding=N", "safeguarding_details=Old", "gone=1", "lpa=N", "lpa_details=x", "bed= 14\t\x00")
	c := p.Clean(a)
	for _, id := range []string{"safeguarding_details", "gone", "lpa_details"} {
		if c[id] != nil {
			t.Errorf("%s was kept", id)
		}
	}
	if c.Get("bed") != "14" || a.Get("bed") == "14" {
		t.Error("bed was not tidied, or the argument was changed")
	}
}

func TestExclusiveChoice(t *testing.T) {
	a := referral()
	a["care_before"] = []string{"none", "council"}
	a["ward"] = []string{"52", "31"}
	got := load(t, "d2a").Check(a, today)
	if len(got) != 2 || got[0].Text != "Enter one answer only for the ward" || got[1].Text != "Select “None” by itself, or select the others" {
		t.Errorf("problems %v", got)
	}
}

func TestSummaryGolden(t *testing.T) {
	p := load(t, "d2a")
	if q := p.Check(referral(), today); len(q) > 0 {
		t.Fatalf("the referral is not complete: %v", q)
	}
	var b strings.Builder
	page := ""
	for _, l := range p.Summary(referral()) {
		if l.Page != page {
			page = l.Page
			g, _ := p.Page(page)
			fmt.Fprintf(&b, "\n== %s\n", g.Title)
		}
		fmt.Fprintf(&b, "%s: %s\n", l.Question, l.Text())
	}
	const file = "testdata/d2a-summary.golden"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), b.String()); d != "" {
		t.Error(d)
	}
}

// values draws answers that are sometimes right: choices of the list, dates,
// numbers, and anything.
func values(p *Pathway, f Field) *rapid.Generator[string] {
	gens := []*rapid.Generator[string]{
		rapid.String(), rapid.Just(""), rapid.StringMatching(`20[0-9]{2}-[01][0-9]-[0-3][0-9](T[0-2][0-9]:[0-5][0-9])?`),
		rapid.SampledFrom([]string{"Ward 52", "NG2 7QP", "01632 960001", "A81001", nhs.Test(7).Digits(), "\xff\x00", "a\r\nb"}),
	}
	if cs := p.Choices(f); len(cs) > 0 {
		pick := rapid.Map(rapid.SampledFrom(cs), func(c Choice) string { return c.Code })
		gens = append(gens, pick, pick, pick, pick, pick, pick)
	}
	return rapid.OneOf(gens...)
}

func draw(t *rapid.T, p *Pathway) Answers {
	a := Answers{}
	for _, g := range p.Pages {
		for _, f := range g.Fields {
			if rapid.IntRange(0, 3).Draw(t, f.ID+"?") > 0 {
				a[f.ID] = rapid.SliceOfN(values(p, f), 0, 3).Draw(t, f.ID)
			}
		}
	}
	return a
}

// TestAnyAnswers: on any answers to any form nothing panics, cleaning is
// settled after once and does not change what is wrong, and every problem
// stands at a field that is shown, on its page, once.
func TestAnyAnswers(t *testing.T) {
	for _, id := range []string{"d2a", "d2a-withdraw", "d2a-return", "provider-call"} {
		p := load(t, id)
		t.Run(id, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				a := draw(t, p)
				clean := p.Clean(a)
				if again := p.Clean(clean); !reflect.DeepEqual(clean, again) {
					t.Fatalf("cleaned twice: %v", cmp.Diff(clean, again))
				}
				problems := p.Check(a, today)
				if d := cmp.Diff(problems, p.Check(clean, today)); d != "" {
					t.Fatal(d)
				}
				at := map[string]bool{}
				for _, q := range problems {
					if q.Text == "" || at[q.Field] || p.PageOf(q.Field) != q.Page || q.Page == "" || !p.Shown(q.Field, a) {
						t.Fatalf("problem %+v", q)
					}
					at[q.Field] = true
				}
				byPage := 0
				for _, g := range p.Pages {
					byPage += len(p.CheckPage(g.ID, a, today))
				}
				have, want, missing := p.Score(a)
				if byPage != len(problems) || have+len(missing) != want {
					t.Fatalf("%d problems by page of %d; %d + %d of %d", byPage, len(problems), have, len(missing), want)
				}
				p.Summary(a)
			})
		})
	}
}

// TestAnyFacts: what Prefill fills in never has a problem.
func TestAnyFacts(t *testing.T) {
	p := load(t, "d2a")
	rapid.Check(t, func(t *rapid.T) {
		f := maps.Clone(today)
		for _, g := range p.Pages {
			for _, fd := range g.Fields {
				if fd.Prefill != "" && rapid.Bool().Draw(t, fd.ID+"?") {
					f[fd.Prefill] = values(p, fd).Draw(t, fd.ID)
				}
			}
		}
		a := p.Prefill(f)
		for _, q := range p.Check(a, f) {
			if a[q.Field] != nil {
				t.Fatalf("prefilled, and a problem: %+v", q)
			}
		}
	})
}

// TestProblemsDoNotRepeatAnswers: an error text goes to logs and screens
// where the answer may not.
func TestProblemsDoNotRepeatAnswers(t *testing.T) {
	p := load(t, "d2a")
	const secret = "Zzyzx§"
	for _, g := range p.Pages {
		for _, f := range g.Fields {
			a := Answers{f.ID: {secret + strings.Repeat("q", 3000)}}
			i := slices.IndexFunc(p.Check(a, today), func(q Problem) bool { return strings.Contains(q.Text, secret) })
			if i >= 0 {
				t.Errorf("%s: the problem repeats the answer", f.ID)
			}
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	p, a := load(b, "d2a"), referral()
	for b.Loop() {
		p.Check(a, today)
	}
}
