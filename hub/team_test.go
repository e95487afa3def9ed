package hub

import (
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/form"
	"homeward/nhs"
)

// The best is who is in, has the skill, covers the place and carries least, in that
// order; who is not in, or is full, is never suggested.
func TestSuggest(t *testing.T) {
	r := care.Referral{Pathway: "1", Answers: form.Answers{"capacity": {"doubt"}, "postcode": {"NG18 1AA"}}}
	in := func(name string, f func(*Member)) Member {
		m := Member{Account: care.ActorID(name), Name: name, In: true}
		if f != nil {
			f(&m)
		}
		return m
	}
	plain := in("plain", nil)
	local := in("local", func(m *Member) { m.Patch = []string{"NG18"} })
	skilled := in("skilled", func(m *Member) { m.Skills = []string{"capacity"} })
	busy := in("busy", func(m *Member) { m.Load, m.Patch = 40, []string{"NG18"} })
	both := in("both", func(m *Member) { m.Skills, m.Patch = []string{"capacity"}, []string{"NG18"} })
	full := in("full", func(m *Member) {
		m.Skills, m.Patch, m.Load, m.Most = []string{"capacity"}, []string{"NG18"}, 30, 30
	})
	away := in("away", func(m *Member) {
		m.Skills, m.Patch, m.In, m.Why = []string{"capacity"}, []string{"NG18"}, false, "On leave until 04-Dec-2026"
	})
	for _, tt := range []struct {
		of   []Member
		want string
	}{
		{[]Member{plain, local}, "local plain"},
		{[]Member{local, skilled}, "skilled local"},
		{[]Member{busy, local}, "local busy"},
		{[]Member{away, full, busy, both, skilled, local, plain}, "both skilled local busy plain away full"},
	} {
		var got []string
		ws := suggest(tt.of, r, care.Case{})
		for i, w := range ws {
			got = append(got, string(w.ID))
			if w.Suggested != (i == 0) {
				t.Errorf("%s: suggested %v", w.ID, w.Suggested)
			}
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%q, want %q", s, tt.want)
		}
	}
	for _, w := range suggest([]Member{away, full}, r, care.Case{}) {
		if w.Suggested {
			t.Errorf("%s is suggested", w.ID)
		}
	}
	if why := strings.Join(suggest([]Member{both}, r, care.Case{})[0].Why, "; "); why != "In today; Covers NG18; Mental capacity and best interests" {
		t.Error(why)
	}
}

func TestAway(t *testing.T) {
	day := func(d int) nhs.Date { return nhs.Date{Year: 2026, Month: time.November, Day: d} } // the 22nd is a Sunday
	leave := Member{Away: []Away{{From: day(23), To: day(25), Why: "On leave"}}}
	weekend := Member{Days: [7]bool{5: true, 6: true}}
	for _, tt := range []struct {
		m    Member
		day  int
		want string
	}{
		{Member{}, 20, ""}, {Member{}, 21, "Does not work today"}, {Member{}, 22, "Does not work today"}, {Member{}, 23, ""},
		{leave, 23, "On leave until 25-Nov-2026"}, {leave, 25, "On leave until 25-Nov-2026"}, {leave, 26, ""},
		{weekend, 22, ""}, {weekend, 23, "Does not work today"},
	} {
		if got := tt.m.away(day(tt.day)); got != tt.want {
			t.Errorf("%d: %q, want %q", tt.day, got, tt.want)
		}
	}
}

// A manager keeps what workers can do; a worker hands over what is theirs and nothing
// else; lists are saved for their reader alone.
func TestTeam(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.accounts()
		manager, ward := as(care.TeamManager, notts), as(care.Coordinator, kings)
		worker := care.Actor{ID: "w1", Name: "A Patel", Role: care.SocialWorker, Org: notts, OrgKind: care.Council, Team: "T1"}
		ms, err := s.Team(s.ctx(), manager)
		s.must(err)
		if len(ms) != 2 || ms[0].Account != "w1" || ms[0].Team != "T1" {
			t.Fatalf("the team is %+v", ms)
		}
		m := ms[0]
		m.Patch, m.Skills, m.Most = []string{"zz99"}, []string{"capacity"}, 120
		s.refused(s.SaveMember(s.ctx(), worker, m), care.Forbidden, "")
		s.must(s.SaveMember(s.ctx(), manager, m))
		s.refused(s.SaveMember(s.ctx(), manager, m), care.Conflict, "")
		bad := m
		bad.Patch = []string{"Mansfield"}
		s.refused(s.SaveMember(s.ctx(), manager, bad), care.Invalid, "patch")
		bad = m
		bad.Account = "w4" // of another council
		s.refused(s.SaveMember(s.ctx(), manager, bad), care.Invalid, "worker")

		id := s.admit(nobody(1))
		ref := s.refer(ward, id).Referral.ID
		ws, err := s.Suggest(s.ctx(), manager, id, ref)
		s.must(err)
		if len(ws) != 2 || ws[0].ID != "w1" {
			t.Errorf("suggested: %+v", ws)
		}
		s.must(s.Allocate(s.ctx(), manager, id, ref, "w1", ""))
		if ms, err = s.Team(s.ctx(), manager); err != nil || ms[0].Open != 1 || ms[0].Load != 10 {
			t.Errorf("carries %+v: %v", ms[0], err)
		}
		// The worker gives it to the manager, and cannot take it back or give another's.
		s.must(s.Allocate(s.ctx(), worker, id, ref, "w2", "w1"))
		s.refused(s.Allocate(s.ctx(), worker, id, ref, "w1", "w2"), care.Forbidden, "")
		second := s.admit(nobody(2))
		other := s.refer(ward, second).Referral.ID
		s.refused(s.Allocate(s.ctx(), worker, second, other, "w1", ""), care.Forbidden, "")

		s.must(s.NameList(s.ctx(), manager, NamedList{"Mine  today", "/worklist?view=mine"}))
		s.refused(s.NameList(s.ctx(), manager, NamedList{" ", "/worklist"}), care.Required, "name")
		if vs, err := s.NamedLists(s.ctx(), manager); err != nil || len(vs) != 1 || vs[0].Name != "Mine today" {
			t.Errorf("%+v: %v", vs, err)
		}
		if vs, err := s.NamedLists(s.ctx(), worker); err != nil || len(vs) != 0 {
			t.Errorf("another reader's: %+v %v", vs, err)
		}
		s.must(s.DropList(s.ctx(), manager, "Mine today"))
		// What is next and was due is overdue on the lists.
		s.pass(100 * time.Hour)
		v, err := s.List(s.ctx(), manager, ListQuery{Scope: ScopeWorklist, Everything: true})
		s.must(err)
		for _, r := range v.Rows {
			if !r.Overdue {
				t.Errorf("%s waits since days: due %s", r.Row.State, r.Row.Holder.Due)
			}
		}
	})
}
