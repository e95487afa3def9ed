package hub

import (
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/form"
)

const gateText = `form = "d2a"
title = "What the hospital team needs"
[[items]]
id = "wishes"
say = "Say what the person wants"
need = "wishes is answered"
[[items]]
id = "chc_considered"
say = "Say whether continuing healthcare was considered"
need = "chc_considered is answered"
must = true
weight = 3
`

// sentRight sends what the rules want, and it is accepted.
func sentRight(s *site, ward, manager care.Actor, id care.CaseID) {
	s.Helper()
	d, err := s.StartReferral(s.ctx(), ward, id)
	s.must(err)
	full := answers()
	full["chc_considered"], full["wishes"] = []string{"N"}, []string{"To go home"}
	_, err = s.SaveDraft(s.ctx(), ward, id, ReferralForm, full)
	s.must(err)
	r, err := s.Refer(s.ctx(), ward, id, d.Key, false)
	s.must(err)
	s.must(s.Accept(s.ctx(), manager, id, r.Referral.ID))
}

// A receiving team publishes what it wants; the ward sees what is missing, sends anyway
// with a reason, and what came back is counted for both, each by what they may see.
func TestGate(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.accounts()
		manager, ward := as(care.TeamManager, notts), as(care.Coordinator, kings)
		// Only a manager of the council writes the rules; what cannot be is not published.
		s.refused(s.SaveGate(s.ctx(), as(care.SocialWorker, notts), gateText, 0), care.Forbidden, "")
		s.refused(s.SaveGate(s.ctx(), ward, gateText, 0), care.Forbidden, "")
		never := strings.Replace(gateText, `need = "wishes is answered"`, `need = "wishes is answered and wishes is not answered"`, 1)
		s.must(s.SaveGate(s.ctx(), manager, never, 0))
		_, err := s.PublishGate(s.ctx(), manager, 1)
		s.refused(err, care.Invalid, "text")
		s.refused(s.SaveGate(s.ctx(), manager, gateText, 0), care.Conflict, "")
		s.must(s.SaveGate(s.ctx(), manager, gateText, 1))
		if g, err := s.Gate(s.ctx(), ward, notts); err != nil || g.Gate != nil || g.Draft != "" {
			t.Errorf("a hospital sees a draft: %v", err)
		}
		n, err := s.PublishGate(s.ctx(), manager, 2)
		s.must(err)
		g, err := s.Gate(s.ctx(), ward, notts)
		s.must(err)
		if n != 1 || g.Version != 1 || len(g.Gate.Items) != 2 || g.May {
			t.Errorf("version %d of %+v", n, g)
		}
		tried, err := s.TryGate(s.ctx(), ward, notts, false, form.Answers{"chc_considered": {"N"}})
		s.must(err)
		if tried.Percent() != 75 || tried.Must() {
			t.Errorf("tried: %+v", tried)
		}

		// Without what must be there it is sent only with a reason.
		id := s.admit(nobody(1))
		d, err := s.StartReferral(s.ctx(), ward, id)
		s.must(err)
		full := answers()
		delete(full, "chc_considered")
		delete(full, "wishes")
		_, err = s.SaveDraft(s.ctx(), ward, id, ReferralForm, full)
		s.must(err)
		d, err = s.StartReferral(s.ctx(), ward, id)
		s.must(err)
		if d.Gate == nil || !d.Gate.Must() || d.Gate.Percent() != 0 {
			t.Fatalf("the draft is weighed as %+v", d.Gate)
		}
		_, err = s.Refer(s.ctx(), ward, id, d.Key, false)
		s.refused(err, care.Required, "anyway")
		sent, err := s.ReferAnyway(s.ctx(), ward, id, d.Key, false, "Leaving today")
		s.must(err)
		if r := sent.Referral; r.Gate != 1 || r.Anyway != "Leaving today" || strings.Join(r.Missing, " ") != "chc_considered wishes" {
			t.Errorf("sent as %+v", r)
		}
		s.must(s.SendBack(s.ctx(), manager, id, sent.Referral.ID, []string{"chc"}, "Was it considered?"))
		second := s.admit(nobody(2))
		sentRight(s, ward, manager, second)

		for _, by := range []care.Actor{ward, manager} {
			b, err := s.Bounces(s.ctx(), by, s.clock().Add(-time.Hour))
			s.must(err)
			if b.Total.Sent != 2 || b.Total.Returned != 1 || b.Total.Right != 1 || b.Total.Rate() != 50 || b.Total.First() != 50 || len(b.Rows) != 1 {
				t.Errorf("%s counts %+v", by.Role, b)
			}
			if want := map[bool]string{true: "Ward 12", false: "King's Mill"}[b.ByWard]; !strings.HasPrefix(b.Rows[0].Name, want) {
				t.Errorf("%s counts by %q", by.Role, b.Rows[0].Name)
			}
			found := map[string]BouncedItem{}
			for _, x := range b.Items {
				found[x.Code] = x
			}
			if found["chc"].Returned != 1 || found["chc_considered"].Lacked != 1 {
				t.Errorf("%s counts for %+v", by.Role, b.Items)
			}
		}
		// Another hospital, and another council, count nothing of it.
		for _, by := range []care.Actor{as(care.Coordinator, other), as(care.TeamManager, city)} {
			b, err := s.Bounces(s.ctx(), by, s.clock().Add(-time.Hour))
			s.must(err)
			if b.Total.Sent != 0 || len(b.Items) != 0 {
				t.Errorf("%s of %s counts %+v", by.Role, by.Org, b)
			}
		}
	})
}
