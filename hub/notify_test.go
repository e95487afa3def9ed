package hub

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/connect"
	"homeward/internal/pgtest"
	"homeward/nhs"
	"homeward/store"
)

// TestEveryNoticeHasItsWords keeps the table of notifications whole.
func TestEveryNoticeHasItsWords(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range noticeRules {
		if _, known := kindSay(r.kind); !known || seen[r.what] || r.words == "" || r.tab == "" || r.sees == nil || r.who == nil && !slices.Contains([]string{taskDue, approvalWaits, assessReturned, assessApproved}, r.what) {
			t.Errorf("the rule %q is not whole", r.what)
		}
		seen[r.what] = true
	}
}

func TestNoiseRule(t *testing.T) {
	first := morning
	had := notice{Kind: NoticeChange, N: 1, Last: first}
	for name, x := range map[string]struct {
		n     notice
		folds bool
	}{
		"of the same kind, in the hour":    {notice{Kind: NoticeChange, Last: first.Add(59 * time.Minute)}, true},
		"when the hour is over":            {notice{Kind: NoticeChange, Last: first.Add(time.Hour)}, false},
		"of another kind":                  {notice{Kind: NoticeTask, Last: first.Add(time.Minute)}, false},
		"severe":                           {notice{Kind: NoticeChange, Severe: true, Last: first.Add(time.Minute)}, false},
		"from before, as it came late":     {notice{Kind: NoticeChange, Last: first.Add(-time.Minute)}, false},
		"a second later than a folded one": {notice{Kind: NoticeChange, Last: first.Add(58 * time.Minute)}, true},
	} {
		if got := folds(had, first, x.n); got != x.folds {
			t.Errorf("%s: folded %v", name, got)
		}
	}
	// The hour is the first one's: changes that go on come as one notification an hour.
	came := 0
	var at time.Time
	for i := range 120 {
		n := notice{Kind: NoticeChange, N: 1, Last: first.Add(time.Duration(i) * time.Minute)}
		if came == 0 || !folds(had, at, n) {
			came, at = came+1, n.Last
		}
	}
	if came != 2 {
		t.Errorf("a change a minute for two hours came as %d notifications", came)
	}
}

func TestQuietHoursAndDigest(t *testing.T) {
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	at := func(s string) time.Time {
		x, err := time.ParseInLocation("2006-01-02 15:04", s, zone)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	for _, x := range []struct {
		now      string
		from, to int
		want     string
	}{
		{"2026-11-24 12:00", 20, 7, "2026-11-24 12:00"},
		{"2026-11-24 20:00", 20, 7, "2026-11-25 07:00"},
		{"2026-11-24 23:59", 20, 7, "2026-11-25 07:00"},
		{"2026-11-25 06:59", 20, 7, "2026-11-25 07:00"},
		{"2026-11-25 07:00", 20, 7, "2026-11-25 07:00"},
		{"2026-11-25 13:00", 12, 14, "2026-11-25 14:00"}, // within a day
		{"2026-11-25 03:00", 0, 0, "2026-11-25 03:00"},   // none
		{"2026-03-28 23:00", 20, 7, "2026-03-29 07:00"},  // the clocks go forward: a short night
		{"2026-10-24 23:00", 20, 7, "2026-10-25 07:00"},  // and back: a long one
		{"2026-03-29 00:30", 23, 1, "2026-03-29 02:00"},  // one o'clock is not there that night
	} {
		if got := quietUntil(at(x.now), zone, x.from, x.to); !got.Equal(at(x.want)) {
			t.Errorf("at %s with quiet hours %d to %d: until %s, want %s", x.now, x.from, x.to, got.In(zone), x.want)
		}
	}
	if d := quietUntil(at("2026-10-24 23:00"), zone, 20, 7).Sub(at("2026-10-24 23:00")); d != 9*time.Hour {
		t.Errorf("the night on which the clocks go back lasts %s from eleven to seven", d)
	}
	p := newPreference()
	for _, x := range []struct {
		n         notice
		now, want string
	}{
		{notice{Kind: NoticeTask}, "2026-11-24 21:00", "2026-11-25 07:00"},
		{notice{Kind: NoticeChange}, "2026-11-24 07:59", "2026-11-24 08:00"}, // in the digest
		{notice{Kind: NoticeChange}, "2026-11-24 08:01", "2026-11-25 08:00"},
		{notice{Kind: NoticeSevere, Severe: true}, "2026-11-24 03:00", "2026-11-24 03:00"},
		{notice{Kind: NoticeChange}, "2026-03-28 09:00", "2026-03-29 08:00"},
	} {
		if got := p.due(x.n, at(x.now), zone); !got.Equal(at(x.want)) {
			t.Errorf("%s at %s is due at %s, want %s", x.n.Kind, x.now, got.In(zone), x.want)
		}
	}
	p.From, p.To, p.Hour = 20, 7, 6 // a digest in quiet hours waits for their end
	if got := p.due(notice{Kind: NoticeChange}, at("2026-11-24 12:00"), zone); !got.Equal(at("2026-11-25 07:00")) {
		t.Errorf("a digest within quiet hours is due at %s", got)
	}
}

// box is what a user's page says: words, changes, and whether it is unread.
func (s *site) box(by care.Actor) (out []string) {
	s.Helper()
	l, err := s.Notifications(s.ctx(), by)
	s.must(err)
	for _, r := range l.Rows {
		w := r.Words
		if r.N > 1 {
			w += " x" + string(rune('0'+r.N))
		}
		if !r.Unread {
			w += " (read)"
		}
		out = append(out, w)
	}
	slices.Sort(out)
	return out
}

func (s *site) wants(by care.Actor, what string, want ...string) {
	s.Helper()
	s.notified()
	slices.Sort(want)
	if got := s.box(by); !slices.Equal(got, want) {
		s.Errorf("%s: %s is told %q, want %q", what, by.Name, got, want)
	}
}

// notified follows history until nothing is left.
func (s *site) notified() {
	s.Helper()
	for {
		n, err := s.NotifyNews(s.ctx())
		s.must(err)
		if n == 0 {
			break
		}
	}
	s.must(s.notifyDue(s.ctx()))
}

// acting is an account as it acts.
func acting(id care.ActorID, name string, role care.Role, org nhs.ODS, team string) care.Actor {
	a := as(role, org)
	a.ID, a.Name, a.Team = id, name, team
	return a
}

func TestNotifications(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.accounts()
		for _, a := range []care.Account{
			{ID: "h1", Login: "h1", Name: "H Nurse", Grants: []care.Grant{{Role: care.Coordinator, Org: kings}}},
			{ID: "h2", Login: "h2", Name: "H Other", Grants: []care.Grant{{Role: care.WardNurse, Org: kings}}},
			{ID: "ig", Login: "ig", Name: "I Lead", Grants: []care.Grant{{Role: care.IGLead, Org: notts}}},
		} {
			s.must(s.PutAccount(s.ctx(), a))
		}
		nurse, ward := acting("h1", "H Nurse", care.Coordinator, kings, ""), acting("h2", "H Other", care.WardNurse, kings, "")
		patel, osei := acting("w1", "A Patel", care.SocialWorker, notts, "T1"), acting("w2", "B Osei", care.TeamManager, notts, "")
		elsewhere := acting("w4", "D City", care.SocialWorker, city, "")
		s.must(s.beginNotices(s.ctx()))
		id := s.admit(nobody(1))
		ref := s.refer(nurse, id).Referral.ID
		s.wants(osei, "a referral came", "A referral came to you")
		s.wants(nurse, "their own doing")
		s.must(s.Allocate(s.ctx(), osei, id, ref, "w1", ""))
		s.wants(patel, "allocated", "A referral was allocated to you")
		if l, err := s.Notifications(s.ctx(), patel); err != nil || l.Unread != 1 || l.Rows[0].Case != id || l.Rows[0].Person.Family == "" {
			t.Errorf("the page of the worker: %+v, %v", l, err)
		}

		// The noise rule: what happens to the stay within an hour is one notification.
		for _, w := range []string{"W31/1", "W31/2", "W12/9"} {
			s.pass(time.Minute)
			s.hear("kmh", says{event: "A02", p: nobody(1), ward: w, visit: "V" + nobody(1).mrn})
		}
		s.wants(patel, "moved three times", "A referral was allocated to you", "Somebody moved to another ward x3")
		s.pass(time.Hour)
		s.hear("kmh", says{event: "A02", p: nobody(1), ward: "W31/7", visit: "V" + nobody(1).mrn})
		s.wants(patel, "an hour later", "A referral was allocated to you", "Somebody moved to another ward x3", "Somebody moved to another ward")

		// What is read is read; who comes later, or is another, reads nothing of it.
		s.must(s.ReadNotifications(s.ctx(), patel, s.clock()))
		if n, err := s.UnreadNotifications(s.ctx(), patel); err != nil || n != 0 {
			t.Errorf("%d unread after all were read, %v", n, err)
		}
		l, err := s.Notifications(s.ctx(), osei)
		s.must(err)
		_, err = s.OpenNotification(s.ctx(), patel, l.Rows[0].ID)
		s.refused(err, care.NotFound, "")

		// A council's own note and task are not told to the hospital, whatever stands in them.
		s.must(s.WriteNote(s.ctx(), osei, id, NewNote{Key: "k1", Audience: care.AudienceCouncil, Text: "Ask @A Patel and @H Nurse about the key safe"}))
		s.must(s.SetTask(s.ctx(), osei, id, NewTask{Key: "k2", Audience: care.AudienceCouncil, Text: "Ring the agency", Owner: "who 511 w1", Due: s.clock().Add(time.Hour)}))
		err = s.SetTask(s.ctx(), osei, id, NewTask{Key: "k3", Audience: care.AudienceCouncil, Text: "Ring", Owner: "who RK5 h1", Due: s.clock().Add(time.Hour)})
		s.refused(err, care.Invalid, "owner")
		s.wants(patel, "a mention and a task", "A referral was allocated to you (read)", "Somebody moved to another ward x3 (read)", "Somebody moved to another ward (read)",
			"A note mentions you or your team", "A task was given to you or your team")
		for _, by := range []care.Actor{nurse, ward} {
			for _, said := range s.box(by) {
				if strings.Contains(said, "note") || strings.Contains(said, "task") {
					t.Errorf("%s is told %q", by.Name, said)
				}
			}
		}
		s.wants(elsewhere, "of another council")

		// A task falls due once, in however many processes.
		s.pass(2 * time.Hour)
		other := s.another()
		s.notified()
		s.must(other.notifyDue(s.ctx()))
		s.notified()
		if got := s.box(patel); !slices.Contains(got, "A task is due on a case of yours") || len(got) != 6 {
			t.Errorf("after it fell due: %q", got)
		}

		// What may not be known any more is told of without what it was.
		s.suspend("everything")
		for _, said := range s.box(osei) {
			if strings.Contains(said, "referral") {
				t.Errorf("after sharing was suspended: %q", said)
			}
		}
		_, err = s.Notifications(s.ctx(), acting("ig", "I Lead", care.IGLead, notts, ""))
		s.refused(err, care.Forbidden, "")
	})
}

// TestWhatARuleSetsForWhoeverIsOnDuty: it stands on their list, and is told once it is
// due, to brokers where it is about a care provider.
func TestWhatARuleSetsForWhoeverIsOnDuty(t *testing.T) {
	s := newSite(t, "sqlite")
	s.accounts()
	s.must(s.PutAccount(s.ctx(), care.Account{ID: "b1", Login: "b1", Name: "B Roker", Grants: []care.Grant{{Role: care.Broker, Org: notts}}}))
	broker, manager := acting("b1", "B Roker", care.Broker, notts, ""), acting("w2", "B Osei", care.TeamManager, notts, "")
	s.must(s.beginNotices(s.ctx()))
	id := s.admit(nobody(1))
	s.refer(as(care.Coordinator, kings), id) // the council may know of the person
	s.notified()
	now := s.clock()
	set := func(name string, kind care.TaskKind) {
		s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
			c, err := tx.Case(id)
			if err != nil {
				return err
			}
			_, err = tx.Record(c, care.Cause{Kind: "system"}, now, care.TaskChanged{At: now, Did: care.TaskSet, Task: care.Task{ID: name, Kind: kind,
				Audience: care.AudienceCouncil, Text: "Ring", Owner: care.Owner{Org: notts}, At: now, Due: now.Add(time.Hour)}})
			return err
		}))
	}
	set("t1", care.TaskProvider)
	set("t2", care.TaskByHand)
	s.wants(broker, "set by a rule")
	s.wants(manager, "set by a rule", "A referral came to you")
	s.pass(2 * time.Hour)
	s.wants(broker, "fell due", "A task is due on a case of yours")
	s.wants(manager, "fell due", "A referral came to you", "A task is due on a case of yours")
}

func TestNudgesEscalateToTheManagers(t *testing.T) {
	s := newSite(t, "sqlite")
	s.accounts()
	nurse, osei := acting("h1", "H Nurse", care.Coordinator, kings, ""), acting("w2", "B Osei", care.TeamManager, notts, "")
	s.must(s.beginNotices(s.ctx()))
	id := s.admit(nobody(1))
	ref := s.refer(nurse, id).Referral.ID
	for i := range 3 {
		s.must(s.Nudge(s.ctx(), nurse, id, ref, "k"+string(rune('0'+i)), ""))
		s.must(s.Nudge(s.ctx(), nurse, id, ref, "k"+string(rune('0'+i)), "")) // the same click again
		s.refused(s.Nudge(s.ctx(), nurse, id, ref, "again", ""), care.Throttled, "")
		s.pass(31 * time.Minute)
	}
	if got := s.box(osei); len(got) != 0 {
		t.Errorf("before history was followed: %q", got)
	}
	s.wants(osei, "three nudges", "A referral came to you", "You were asked to act on a referral x2", "You were asked to act on a referral", "Three requests to act on a referral went without action")
	l, err := s.Tasks(s.ctx(), osei, TasksMine)
	s.must(err)
	if len(l.Rows) != 1 || l.Rows[0].Kind != care.TaskEscalated || l.Rows[0].OwnerSay != "Managers, Nottinghamshire" || l.Rows[0].Case != id {
		t.Errorf("the manager's tasks: %+v", l.Rows)
	}
	hospital := s.open(nurse, id)
	if len(hospital.Tasks.Tasks) != 0 || len(hospital.Tasks.Nudges) != 3 {
		t.Errorf("the hospital sees %d tasks and %d nudges", len(hospital.Tasks.Tasks), len(hospital.Tasks.Nudges))
	}
	s.must(s.EndTask(s.ctx(), osei, id, l.Rows[0].ID, true, ""))
	if l, err = s.Tasks(s.ctx(), osei, TasksMine); err != nil || len(l.Rows) != 0 {
		t.Errorf("after it was done: %d tasks, %v", len(l.Rows), err)
	}
}

// letters is a mail server of a test.
type letters struct {
	to, key, subject, text []string
	err                    error
}

func (l *letters) send(_ context.Context, to, key, subject, text string) error {
	l.to, l.key, l.subject, l.text = append(l.to, to), append(l.key, key), append(l.subject, subject), append(l.text, text)
	return l.err
}

func TestNotificationsAreMailed(t *testing.T) {
	for _, engine := range pgtest.Engines() {
		t.Run(engine, func(t *testing.T) {
			var out letters
			var bodies []string
			s := newSite(t, engine, func(c *Config, _ *store.Config) {
				c.PublicURL = "https://homeward.example"
				c.Notices = Notices{Mail: out.send, Hooks: map[nhs.ODS]func(context.Context, string, []byte) error{notts: func(_ context.Context, _ string, b []byte) error {
					bodies = append(bodies, string(b))
					return nil
				}}}
			})
			s.accounts()
			sends := func() (n int) {
				for {
					did, err := s.SendNotices(s.ctx())
					s.must(err)
					if !did {
						return n
					}
					n++
				}
			}
			nurse, osei := acting("h1", "H Nurse", care.Coordinator, kings, ""), acting("w2", "B Osei", care.TeamManager, notts, "")
			s.must(s.beginNotices(s.ctx()))
			p, err := s.Preferences(s.ctx(), osei)
			s.must(err)
			p.Address = "not an address"
			s.refused(s.SetPreferences(s.ctx(), osei, p), care.Invalid, "address")
			p.Address = "b.osei@county.example"
			s.must(s.SetPreferences(s.ctx(), osei, p))
			if sends() != 1 || out.to[0] != p.Address || strings.Contains(out.text[0], "Osei") {
				t.Fatalf("to confirm: %q %q", out.to, out.text)
			}
			_, after, _ := strings.Cut(out.text[0], "/notifications/confirm/")
			token, _, _ := strings.Cut(after, "\r\n")
			// Before it is confirmed nothing goes there.
			id := s.admit(nobody(1))
			s.refer(nurse, id)
			s.notified()
			s.pass(time.Minute)
			sends()
			if len(out.to) != 1 || len(bodies) != 1 {
				t.Fatalf("before it was confirmed: mails to %q, and %d calls", out.to, len(bodies))
			}
			var news hookNews
			s.must(json.Unmarshal([]byte(bodies[0]), &news))
			if news.Data.Count != 1 || news.Data.Kinds[NoticeReferral] != 1 || strings.Contains(bodies[0], string(id)) || strings.Contains(bodies[0], "Quill") {
				t.Errorf("the webhook says %s", bodies[0])
			}
			s.refused(s.ConfirmAddress(s.ctx(), acting("w1", "A Patel", care.SocialWorker, notts, ""), token), care.NotFound, "")
			s.must(s.ConfirmAddress(s.ctx(), osei, token))
			s.refused(s.ConfirmAddress(s.ctx(), osei, token), care.NotFound, "")

			// Two referrals are one mail; it names nobody.
			s.pass(time.Minute)
			for n := 2; n <= 3; n++ {
				s.refer(nurse, s.admit(nobody(n)))
			}
			s.notified()
			s.pass(time.Minute)
			sends()
			if len(out.to) != 2 || out.subject[1] != "Homeward: 2 notifications" || strings.Contains(out.text[1], "Quill") || !strings.Contains(out.text[1], "- Referrals: 2\r\n") {
				t.Fatalf("mails: %q %q", out.subject, out.text)
			}

			// A server that is down is tried again with the same name, and then it arrives.
			out.err = errors.New("down")
			s.refer(nurse, s.admit(nobody(4)))
			s.notified()
			s.pass(time.Minute)
			sends()
			s.pass(time.Minute)
			sends()
			out.err = nil
			s.pass(time.Hour)
			sends()
			if n := len(out.key); n != 5 || out.key[2] != out.key[4] || out.key[1] == out.key[2] {
				t.Errorf("tried with the keys %q", out.key)
			}
			s.pass(time.Hour)
			if sends() != 0 {
				t.Error("it is sent again though it arrived")
			}
			if got := s.box(osei); len(got) != 4 {
				t.Errorf("the page says %q", got)
			}

			// By night nothing goes; in the morning it does. What was refused is said.
			s.set(morning.Add(12 * time.Hour))
			s.refer(nurse, s.admit(nobody(5)))
			s.notified()
			s.pass(time.Hour)
			if sends(); len(out.to) != 5 {
				t.Error("a mail by night")
			}
			s.set(morning.Add(22*time.Hour + time.Minute))
			out.err = &connect.Refused{Text: "The mail server refused the mail (550)."}
			if sends(); len(out.to) != 6 {
				t.Error("no mail in the morning")
			}
			if p, err = s.Preferences(s.ctx(), osei); err != nil || p.Problem == "" {
				t.Errorf("after a refusal: %+v, %v", p, err)
			}
			// Who left the process in the middle: the lease runs out, and another sends it.
			out.err = nil
			s.refer(nurse, s.admit(nobody(6)))
			s.notified()
			s.pass(time.Minute)
			claimed, err := s.claimNotices(s.ctx())
			s.must(err)
			if claimed == nil {
				t.Fatal("nothing to send")
			}
			before := len(out.to)
			if sends(); len(out.to) != before && claimed.kind == "mail" {
				t.Error("two processes send the same mail")
			}
			s.pass(noticeLease + time.Second)
			if sends(); len(out.to) != before+1 {
				t.Errorf("after the lease ran out %d mails were sent", len(out.to)-before)
			}
		})
	}
}
