package care

import (
	"slices"
	"testing"
	"time"

	"homeward/form"
)

// written is a case with one referral and a trusted assessment by its council, and
// the worker who wrote it.
func written(t *testing.T) (Case, Actor, time.Time) {
	t.Helper()
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	by := Actor{ID: "w", Name: "A Writer", Role: SocialWorker, Org: "511", OrgKind: Council}
	c := Apply(Case{}, Started{At: now, ID: "c"}, ReferralSent{At: now, Referral: Referral{ID: "R", From: "RK5", To: "511", State: RefAccepted}})
	p := Paper{ID: "P", Kind: PaperTrusted, Referral: "R", Form: "trusted-assessment", FormVersion: 1, Revision: 1, By: by.Who(),
		Answers: form.Answers{"a": {"x"}}, Approvals: []Approval{{Step: "worker", At: now, By: by.Who()}}}
	return carried(t, c, by, FilePaper{p}, now), by, now
}

// carried carries a command out, and wants it to be taken.
func carried(t *testing.T, c Case, by Actor, cmd Command, now time.Time) Case {
	t.Helper()
	events, err := Decide(c, by, cmd, now)
	if err != nil {
		t.Fatalf("%T: %v", cmd, err)
	}
	return Apply(c, events...)
}

func TestAPaperWrittenHereIsItsWritersAndGrowsByRevisions(t *testing.T) {
	c, by, now := written(t)
	p := c.Papers[0]
	if p.Key != "P" || !p.At.Equal(now) || p.By.Org != "511" {
		t.Fatalf("shared as %+v", p)
	}
	hospital := Actor{ID: "n", Org: "RK5", OrgKind: Trust}
	for name, change := range map[string]struct {
		f    func(*Paper)
		by   Actor
		want Kind
	}{
		"by another organisation":  {func(p *Paper) { p.ID = "Q" }, Actor{Org: "512"}, Forbidden},
		"in another's name":        {func(p *Paper) { p.ID = "Q" }, hospital, Forbidden},
		"over another's":           {func(p *Paper) { p.By.Org = "RK5" }, hospital, Duplicate},
		"that is not approved":     {func(p *Paper) { p.ID, p.Approvals = "Q", nil }, by, BusinessRule},
		"without answers":          {func(p *Paper) { p.ID, p.Answers = "Q", nil }, by, Invalid},
		"that leaves a number out": {func(p *Paper) { p.Revision = 3 }, by, Conflict},
		"that begins at two":       {func(p *Paper) { p.ID, p.Revision = "Q", 2 }, by, NotFound},
		"of no referral":           {func(p *Paper) { p.ID, p.Referral = "Q", "S" }, by, NotFound},
	} {
		q := p
		change.f(&q)
		if _, err := Decide(c, change.by, FilePaper{q}, now); KindOf(err) != change.want {
			t.Errorf("a paper %s: %v, want %s", name, err, change.want)
		}
	}
	if events, err := Decide(c, by, FilePaper{p}, now); err != nil || events != nil {
		t.Errorf("the same revision again: %v, %v", events, err)
	}
	p.Revision, p.Answers = 2, form.Answers{"a": {"y"}}
	c = carried(t, c, by, FilePaper{p}, now.Add(time.Hour))
	if len(c.Papers) != 1 || c.Papers[0].Revision != 2 || c.Papers[0].Answers.Get("a") != "y" {
		t.Errorf("revised to %+v", c.Papers)
	}
}

func TestADisputeGoesBackToTheWriterUntilItIsOver(t *testing.T) {
	c, by, now := written(t)
	provider := Actor{ID: "p", Org: ProviderCode("511", "p1"), OrgKind: ProviderOrg}
	sign := SignPaper{ID: "P", Revision: 1, Sign: Sign{Provider: "p1", Name: "Bluebell", Who: "Jo", Disputed: true}}
	if _, err := Decide(c, provider, sign, now); KindOf(err) != Required {
		t.Fatalf("a dispute without words: %v", err)
	}
	open := func(c Case) []Task {
		return slices.DeleteFunc(slices.Clone(c.Tasks), func(t Task) bool { return !t.Open() })
	}
	sign.Sign.Text = "She cannot stand."
	c = carried(t, c, provider, sign, now)
	if ts := open(c); len(ts) != 1 || ts[0].Owner.Who.ID != by.ID || ts[0].Audience != AudienceCouncil {
		t.Fatalf("tasks %+v", ts)
	}
	if again := carried(t, c, provider, sign, now.Add(time.Minute)); len(again.Tasks) != 1 || len(again.Papers[0].Signs) != 1 {
		t.Errorf("the same dispute again made %+v", again.Tasks)
	}
	settled := carried(t, c, by, SettlePaper{ID: "P", Provider: "p1", Outcome: "We agreed on two carers"}, now.Add(time.Hour))
	if s := settled.Papers[0].Signs[0]; s.Settled.IsZero() || len(open(settled)) != 0 {
		t.Errorf("settled as %+v with tasks %+v", s, open(settled))
	}
	if _, err := Decide(c, provider, SettlePaper{ID: "P", Provider: "p1", Outcome: "x"}, now); KindOf(err) != Forbidden {
		t.Errorf("a provider settled its own dispute: %v", err)
	}
	p := c.Papers[0]
	p.Revision = 2
	revised := carried(t, c, by, FilePaper{p}, now.Add(time.Hour))
	if len(revised.Papers[0].Signs) != 0 || len(open(revised)) != 0 {
		t.Errorf("a new revision kept %+v and %+v", revised.Papers[0].Signs, open(revised))
	}
	if _, err := Decide(revised, provider, sign, now.Add(2*time.Hour)); KindOf(err) != Conflict {
		t.Errorf("an old revision was signed: %v", err)
	}
}
