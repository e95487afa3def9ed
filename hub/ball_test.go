package hub

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/nhs"
)

// ballOf is what somebody sees of the clock of the one stay.
func (s *site) ballOf(by care.Actor, id care.CaseID) BallStay {
	s.Helper()
	v, err := s.Ball(s.ctx(), by, id)
	s.must(err)
	if len(v.Stays) != 1 {
		s.Fatalf("%s of %s sees %d stays", by.Role, by.Org, len(v.Stays))
	}
	return v.Stays[0]
}

// said is a clock as text: what was waited for, with whom, for how many minutes.
func (b BallStay) said() string {
	var out []string
	for _, seg := range b.Segments {
		for _, p := range seg.Parts {
			out = append(out, p.Stage+" "+string(p.Holder)+" "+time.Duration(p.Minutes*int64(time.Minute)).String())
		}
	}
	return strings.Join(out, ", ")
}

// TestWhoHadTheBall is one wait as the hospital, the council that gave it away and the
// one that took it on see it, corrected by both sides.
func TestWhoHadTheBall(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		p := nobody(1)
		id, ward, nurse := s.admit(p), as(care.Coordinator, kings), as(care.WardNurse, kings)
		county, town := as(care.TeamManager, notts), as(care.TeamManager, city)
		_, err := s.Ball(s.ctx(), county, id) // who has no part in it
		s.refused(err, care.Forbidden, "")
		ready := s.clock().In(s.Zone)
		s.hear("kmh", says{event: "A08", p: p, ward: "W12/4", visit: "V" + p.mrn, more: map[string]string{"ZU1-22": "Y", "ZU1-24": ready.Format("200601021504")}})
		s.pass(5 * time.Hour)
		ref := s.refer(ward, id).Referral.ID
		s.pass(3 * time.Hour)
		s.must(s.Accept(s.ctx(), county, id, ref))
		s.pass(10 * time.Hour)

		a, b := s.ballOf(ward, id), s.ballOf(county, id)
		if want := "no-referral RK5 5h0m0s, sent 511 3h0m0s, accepted 511 10h0m0s"; a.said() != want || b.said() != want || a.Minutes != 18*60 {
			t.Fatalf("the hospital sees %s (%d minutes), the council %s", a.said(), a.Minutes, b.said())
		}
		if r := a.Segments[1].Parts[0]; r.Reason != "2022-03" || r.Chosen || a.Segments[2].Parts[0].Reason != "2022-13" || !a.Segments[2].Runs {
			t.Errorf("suggested are %+v and %+v", r, a.Segments[2])
		}

		// The council says that of the last ten hours the hospital had four.
		at := a.Segments[2].From
		fix := ClockFix{Key: "f1", Stay: b.Key, Was: b.Was, From: at, To: at.Add(10 * time.Hour), Why: "The ward had not told us of the stairs.",
			Parts: []care.ClockPart{{Stage: care.StageReturned, Holder: kings, Share: 40}, {Stage: care.StageAllocated, Holder: notts, Share: 60}}}
		s.refused(s.CorrectClock(s.ctx(), nurse, id, fix), care.Forbidden, "")
		s.refused(s.CorrectClock(s.ctx(), town, id, fix), care.Forbidden, "")
		wrong := fix
		wrong.Reason = "99"
		s.refused(s.CorrectClock(s.ctx(), county, id, wrong), care.Invalid, "reason")
		s.must(s.CorrectClock(s.ctx(), county, id, fix))
		s.must(s.CorrectClock(s.ctx(), county, id, fix)) // sent twice
		a = s.ballOf(ward, id)
		if want := "no-referral RK5 5h0m0s, sent 511 3h0m0s, returned RK5 4h0m0s, allocated 511 6h0m0s"; a.said() != want || len(a.Fixes) != 1 || a.Fixes[0].MayUndo {
			t.Fatalf("corrected by the council the hospital sees %s and %d corrections", a.said(), len(a.Fixes))
		}
		if own := a.Segments[2].Clock; own.Stage != care.StageAccepted || own.Holder != notts || own.Minutes != 600 {
			t.Errorf("beside it the clock's own is %+v", own)
		}
		for _, by := range []care.Actor{ward, county} {
			if v := s.open(by, id); !slices.Contains(kinds(v), "clock") {
				t.Errorf("the timeline of %s does not say it", by.Org)
			}
		}

		// The hospital, which has an older page open, does not overrule it unseen.
		late := fix
		late.Key, late.Reason, late.Parts = "f2", "2022-08", nil
		s.refused(s.CorrectClock(s.ctx(), ward, id, late), care.Conflict, "")
		s.pass(time.Minute)
		late.Was = a.Was
		s.must(s.CorrectClock(s.ctx(), ward, id, late))
		if p := s.ballOf(county, id).Segments[2].Parts; len(p) != 2 || !p[0].Chosen || p[0].Reason != "2022-08" || p[1].Reason != "2022-08" {
			t.Errorf("with a reason chosen: %+v", p)
		}
		s.refused(s.UndoClock(s.ctx(), county, id, s.ballOf(county, id).Fixes[1].ID), care.Forbidden, "")
		s.must(s.UndoClock(s.ctx(), ward, id, s.ballOf(ward, id).Fixes[1].ID))
		if p := s.ballOf(county, id).Segments[2].Parts[0]; p.Chosen {
			t.Errorf("taken back it stands: %+v", p)
		}

		s.twoCouncils(id, ref, ward, county, town)
	})
}

// twoCouncils gives the referral to another council: each council sees its own part, and
// nothing of the other's.
func (s *site) twoCouncils(id care.CaseID, ref care.ReferralID, ward, county, town care.Actor) {
	s.Helper()
	s.must(s.TransferReferral(s.ctx(), county, id, ref, city, "Lives in the city."))
	s.pass(7 * time.Hour)
	a, b, c := s.ballOf(ward, id), s.ballOf(county, id), s.ballOf(town, id)
	if !strings.HasSuffix(a.said(), "sent 512 7h0m0s") || !strings.HasSuffix(b.said(), "after RK5 7h0m0s") || a.Minutes != b.Minutes || a.Minutes != c.Minutes {
		s.Errorf("the hospital sees %s, the first council %s, the second %s", a.said(), b.said(), c.said())
	}
	for org, v := range map[nhs.ODS]BallStay{city: b, notts: c} {
		doc, err := json.Marshal(v)
		s.must(err)
		if strings.Contains(string(doc), string(org)) || strings.Contains(string(doc), s.Org(org).Name) {
			s.Errorf("what one council sees names the other, %s: %s", org, doc)
		}
	}
	if len(c.Fixes) != 0 && c.Fixes[0].By.Org == notts {
		s.Errorf("the second council sees the first's corrections: %+v", c.Fixes)
	}
	if who := c.Segments[0].Parts[0].Who; who != "The hospital, or another council" {
		s.Errorf("before its referral the second council reads %q", who)
	}
	early := ClockFix{Key: "f3", Stay: c.Key, Was: c.Was, From: c.Segments[0].From, To: c.Segments[0].From.Add(time.Hour), Why: "x", Parts: []care.ClockPart{{Stage: care.StageReady, Holder: kings, Share: 100}}}
	s.refused(s.CorrectClock(s.ctx(), town, id, early), care.Invalid, "from")
	early.Parts[0].Holder = notts
	s.refused(s.CorrectClock(s.ctx(), town, id, early), care.Invalid, "from")
}
