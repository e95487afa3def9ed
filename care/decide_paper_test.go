package care

import (
	"strings"
	"testing"
	"time"
)

// share is a paper of the referral r1.
func share(id string, kind PaperKind, answers ...string) SharePaper {
	p := Paper{ID: id, Kind: kind, Referral: "r1"}
	for i, a := range answers {
		p.Items = append(p.Items, Said{Link: itoa(i + 1), Text: "Question " + itoa(i+1), Answer: a})
	}
	return SharePaper{p}
}

func takeBack(kind PaperKind) WithdrawPaper {
	return WithdrawPaper{Referral: "r1", Kind: kind, Why: "04"}
}

// stands lists the papers of a case that stand, by kind.
func stands(c Case) string {
	var out []string
	for _, p := range c.Papers {
		if p.Withdrawn.IsZero() {
			out = append(out, string(p.Kind)+":"+p.Items[0].Answer)
		}
	}
	return strings.Join(out, " ")
}

func TestPapers(t *testing.T) {
	for _, tt := range []struct {
		name  string
		steps []any
		line  []Observation
		want  string
		all   int
	}{
		{"each kind once", []any{nurse, share("p1", PaperAssessmentNotice, "Y"), nurse, share("p2", PaperCovid, "N"), nurse, share("p3", PaperChecklist, "A")}, nil,
			"assessment-notice:Y covid-19:N chc-checklist:A", 3},
		{"again with other answers", []any{nurse, share("p1", PaperNeeds, "Y"), nurse, share("p2", PaperNeeds, "N")}, nil, "preliminary-needs:N", 1},
		{"several assessments", []any{nurse, share("p1", PaperAssessment, "1"), nurse, share("p2", PaperAssessment, "2")}, nil, "d2a-assessment:1 d2a-assessment:2", 2},
		{"a discharge called off", []any{nurse, share("p1", PaperDischargeNotice, "Y"), nurse, takeBack(PaperDischargeNotice)}, nil, "", 1},
		{"and announced anew", []any{nurse, share("p1", PaperDischargeNotice, "Y"), nurse, takeBack(PaperDischargeNotice), nurse, share("p2", PaperDischargeNotice, "Y")}, nil, "discharge-notice:Y", 1},
		{"a discharge called off leaves the referral", []any{nurse, share("p0", PaperAssessmentNotice, "Y"), nurse, share("p1", PaperDischargeNotice, "Y"), nurse, takeBack(PaperDischargeNotice)}, nil, "assessment-notice:Y", 2},
		{"the referral withdrawn", []any{nurse, share("p0", PaperAssessmentNotice, "Y"), nurse, share("p1", PaperDischargeNotice, "Y"), nurse, Withdraw{ID: "r1", Why: "12"}}, nil, "", 2},
		{"the referral closed", []any{nurse, share("p0", PaperAssessmentNotice, "Y"), manager, Accept{"r1"}, manager, Close{"r1", "Home"}}, nil, "assessment-notice:Y", 1},
		{"died", []any{nurse, share("p0", PaperAssessmentNotice, "Y")}, []Observation{a03(17, "V1", died)}, "", 1},
		{"discharged themselves", []any{nurse, share("p0", PaperAssessmentNotice, "Y")}, []Observation{a03(17, "V1", self)}, "", 1},
		{"discharged as planned", []any{nurse, share("p0", PaperAssessmentNotice, "Y")}, []Observation{a03(17, "V1")}, "assessment-notice:Y", 1},
		{"a death taken back", []any{nurse, share("p0", PaperAssessmentNotice, "Y"), nurse, share("p1", PaperDischargeNotice, "Y"), nurse, takeBack(PaperDischargeNotice)},
			[]Observation{a03(17, "V1", died), undo(UndoneLeaving, 18, "V1")}, "assessment-notice:Y", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := hear(referred(t, tt.steps...), tt.line...)
			if got := stands(c); got != tt.want || len(c.Papers) != tt.all {
				t.Errorf("%d papers, of which stand %q", len(c.Papers), got)
			}
		})
	}
}

func TestPaperWithdrawnWithReasons(t *testing.T) {
	c := referred(t, nurse, share("p0", PaperAssessmentNotice, "Y"), nurse, share("p1", PaperDischargeNotice, "Y"), nurse, takeBack(PaperDischargeNotice),
		nurse, Withdraw{ID: "r1", Why: "13", WhyText: "Moved in with a sister"})
	a, b := c.Papers[0], c.Papers[1]
	if a.Why != "13" || a.WhyText != "Moved in with a sister" || !a.Ended || b.Why != "04" || b.Ended {
		t.Errorf("withdrawn with the referral: %s %v; by itself: %s %v", a.Why, a.Ended, b.Why, b.Ended)
	}
	es, err := Decide(c, nurse, takeBack(PaperDischargeNotice), hour(20))
	if err != nil || len(es) > 0 {
		t.Errorf("withdrawing it again gave %v, %v", names(es), err)
	}
}

func TestPaperTwiceIsOnce(t *testing.T) {
	c := referred(t, nurse, share("p1", PaperNeeds, "Y"))
	if es, err := Decide(c, nurse, share("p9", PaperNeeds, "Y"), hour(20)); err != nil || len(es) > 0 {
		t.Errorf("the same answers again gave %v, %v", names(es), err)
	}
	key := share("a1", PaperAssessment, "1")
	key.Paper.Key = "urn:uuid:1"
	c = act(t, c, nurse, key)
	key.Paper.ID, key.Paper.Items = "a2", []Said{{Link: "1", Answer: "2"}}
	c = act(t, c, nurse, key)
	if n := len(c.Papers); n != 2 || c.Papers[1].ID != "a1" || c.Papers[1].Items[0].Answer != "2" {
		t.Errorf("%d papers, the last %v", n, c.Papers[n-1])
	}
}

func TestPaperRefusals(t *testing.T) {
	fresh := func(t *testing.T) Case { return referred(t) }
	noticed := func(t *testing.T) Case { return referred(t, nurse, share("p1", PaperAssessmentNotice, "Y")) }
	with := func(f func(*Paper)) SharePaper { s := share("p1", PaperNeeds, "Y"); f(&s.Paper); return s }
	for _, tt := range []struct {
		name  string
		c     func(*testing.T) Case
		by    Actor
		cmd   Command
		kind  Kind
		field string
	}{
		{"of no referral", fresh, nurse, with(func(p *Paper) { p.Referral = "r9" }), NotFound, "referral"},
		{"by the council", fresh, manager, share("p1", PaperNeeds, "Y"), Forbidden, ""},
		{"by another hospital", fresh, Actor{Org: "RX1", OrgKind: Trust}, share("p1", PaperNeeds, "Y"), Forbidden, ""},
		{"of no kind", fresh, nurse, share("p1", "poem", "Y"), Invalid, "kind"},
		{"without a name", fresh, nurse, share("", PaperNeeds, "Y"), Required, "id"},
		{"an answer to nothing", fresh, nurse, with(func(p *Paper) { p.Items[0].Link = "" }), Required, "items"},
		{"an answer too long", fresh, nurse, share("p1", PaperNeeds, strings.Repeat("x", noteLimit+1)), Invalid, "items"},
		{"too many answers", fresh, nurse, share("p1", PaperNeeds, make([]string, answerLimit+1)...), Invalid, "items"},
		{"after the referral ended", func(t *testing.T) Case { return referred(t, nurse, Withdraw{ID: "r1", Why: "01"}) }, nurse, share("p1", PaperNeeds, "Y"), BusinessRule, ""},
		{"of one who died", func(t *testing.T) Case { return hear(referred(t), a03(12, "V1", died)) }, nurse, share("p1", PaperDischargeNotice, "Y"), BusinessRule, ""},
		{"of the frozen", func(t *testing.T) Case { return Apply(referred(t), Doubted{At: day, Doubt: Doubt{Kind: DoubtShared}}) }, nurse, share("p1", PaperNeeds, "Y"), BusinessRule, ""},
		{"an older version", func(t *testing.T) Case { return referred(t, nurse, share("p1", PaperNeeds, "Y")) }, nurse, with(func(p *Paper) { p.At, p.Items[0].Answer = hour(1), "N" }), Conflict, ""},
		{"one name for two", noticed, nurse, share("p1", PaperNeeds, "Y"), Duplicate, ""},
		{"the assessment notice alone", noticed, nurse, takeBack(PaperAssessmentNotice), BusinessRule, ""},
		{"what is not there", noticed, nurse, takeBack(PaperDischargeNotice), NotFound, "kind"},
		{"back without a reason", noticed, nurse, WithdrawPaper{Referral: "r1", Kind: PaperDischargeNotice}, Invalid, "why"},
		{"back for reason 14", noticed, nurse, WithdrawPaper{Referral: "r1", Kind: PaperDischargeNotice, Why: "14"}, Invalid, "why"},
		{"back for other without words", noticed, nurse, WithdrawPaper{Referral: "r1", Kind: PaperDischargeNotice, Why: "13"}, Required, "whyText"},
		{"back by the council", noticed, manager, takeBack(PaperAssessmentNotice), Forbidden, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Decide(tt.c(t), tt.by, tt.cmd, hour(20))
			e, ok := err.(*Error)
			if !ok || e.Kind != tt.kind || e.Field != tt.field {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestToldSays(t *testing.T) {
	for want, e := range map[string]Told{
		"Received by the council's system: the referral, reference 4471902": {Title: "the council's system", What: "the referral", Reference: "4471902", State: ToldReceived},
		"Sent to the council's system":                                      {Title: "the council's system", State: ToldSent},
		"Not delivered to the council's system: a ward move":                {Title: "the council's system", What: "a ward move", State: ToldNot},
	} {
		e.At = time.Unix(1, 0)
		if e.Say() != want {
			t.Errorf("it says %q", e.Say())
		}
	}
}
