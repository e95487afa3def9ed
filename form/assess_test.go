package form

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// assessments are the forms of assessments, each with one invented example in
// testdata.
var assessments = []string{"hospital-assessment", "care-act-assessment", "carer-conversation", "trusted-assessment"}

func example(t *testing.T, id string) Answers {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", id+".answers"))
	if err != nil {
		t.Fatal(err)
	}
	a := Answers{}
	for _, l := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		k, v, _ := strings.Cut(l, "=")
		a[k] = strings.Split(v, ";;")
	}
	return a
}

// TestAssessmentsAnswered: a full example is right and reads as it should, and
// without one of its needed answers exactly that one is missed.
func TestAssessmentsAnswered(t *testing.T) {
	facts := Facts{"today": "2026-04-21"}
	for _, id := range assessments {
		p, a := load(t, id), example(t, id)
		if got := p.Check(a, facts); len(got) > 0 {
			t.Errorf("%s: the example has problems: %v", id, got)
			continue
		}
		if d := cmp.Diff(p.Clean(a), a); d != "" {
			t.Errorf("%s: the example has answers that do not count:\n%s", id, d)
		}
		musts := 0
		for page, f := range p.each(a) {
			if !must(f, a) {
				continue
			}
			musts++
			less := with(a, f.ID+"=")
			got := p.Check(less, facts)
			if len(got) != 1 || got[0].Field != f.ID || got[0].Page != page || got[0].Text != p.ofItem(f.ID, f.Missing) {
				t.Errorf("%s without %s: %v", id, f.ID, got)
			}
		}
		if musts < 20 {
			t.Errorf("%s: only %d answers are needed", id, musts)
		}
		golden(t, filepath.Join("testdata", id+"-summary.golden"), summaryText(p, a))
	}
}

func summaryText(p *Pathway, a Answers) string {
	var b strings.Builder
	page := ""
	for _, l := range p.Summary(a) {
		if g, _ := p.Page(l.Page); l.Page != page {
			page = l.Page
			b.WriteString("== " + g.Title + "\n")
		}
		b.WriteString(l.Question + ": " + l.Text() + "\n")
	}
	return b.String()
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s: -want +got\n%s", path, d)
	}
}

// TestAssessmentRules: each rule of the assessments forbids what it is there for.
func TestAssessmentRules(t *testing.T) {
	fired := map[string]bool{}
	for _, c := range []struct{ id, change, want string }{
		{"hospital-assessment", "assessed_on=2026-05-01;review_on=2026-06-01", "assessed_on"},
		{"hospital-assessment", "review_on=2026-03-11", "review_on"},
		{"hospital-assessment", "outcome=care-home", "placement"},
		{"hospital-assessment", "outcome=care-home;placement=Y", ""},
		{"hospital-assessment", "visits.1.visit_people=2", "visits.1.visit_people"},
		{"hospital-assessment", "visits.1.visit_people=2;double_handed=Y", ""},
		{"hospital-assessment", "visits.1.visit_when=;visits.1.visit_minutes=;visits.1.visit_people=;visits.1.visit_tasks=;visits.2.visit_when=;visits.2.visit_minutes=;visits.2.visit_people=;visits.2.visit_tasks=;visits.2.visit_days=", "outcome"},
		{"hospital-assessment", "capacity=lacks", "capacity_more"},
		{"care-act-assessment", "assessed_on=2026-05-01", "assessed_on"},
		{"care-act-assessment", "review_on=2026-04-20", "review_on"},
		{"care-act-assessment", "two=N", "eligible"},
		{"care-act-assessment", "condition=N", "condition"},
		{"care-act-assessment", "impact=none", "impact"},
		{"care-act-assessment", "hygiene=able;home_safe=able", "two"},
		{"care-act-assessment", "eligible=N;two=N;impact=none;condition=N", "advice"},
		{"carer-conversation", "talked_on=2026-05-01", "talked_on"},
		{"carer-conversation", "review_on=2026-03-11", "review_on"},
		{"carer-conversation", "necessary=N", "eligible"},
		{"carer-conversation", "impact=N", "impact"},
		{"trusted-assessment", "assessed_on=2026-05-01;valid_to=2026-05-08", "assessed_on"},
		{"trusted-assessment", "valid_to=2026-03-11;leaves_on=2026-03-11", "valid_to"},
		{"trusted-assessment", "valid_to=2026-03-13", "valid_to"},
		{"trusted-assessment", "transfers=one;handling=", ""},
	} {
		p := load(t, c.id)
		var got []string
		for _, q := range p.Check(with(example(t, c.id), strings.Split(c.change, ";")...), Facts{"today": "2026-04-21"}) {
			got = append(got, q.Field)
			for _, r := range p.Rules {
				if q.Text == p.ofItem(q.Field, r.Message) {
					fired[c.id+" "+r.ID] = true
				}
			}
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s %s: problems at %q, want %q", c.id, c.change, s, c.want)
		}
	}
	for _, id := range assessments {
		for _, r := range load(t, id).Rules {
			if !fired[id+" "+r.ID] {
				t.Errorf("%s: no case shows rule %s", id, r.ID)
			}
		}
	}
}

// TestPanel: a dear or heavy package goes to a panel.
func TestPanel(t *testing.T) {
	p := load(t, "hospital-assessment")
	for change, want := range map[string]int{"placement=N": 2, "placement=Y": 3, "double_handed=Y": 3} {
		if got := p.Approvals(with(example(t, p.ID), change)); len(got) != want {
			t.Errorf("%s: %v", change, got)
		}
	}
}
