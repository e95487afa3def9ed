package web

import (
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"homeward/care"
)

// Two people have the same form open. The second to send it is told of the first's
// change, and changes nothing unseen.
func TestTheSecondSeesTheFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	one, two := s.as("team-manager"), s.as("team-manager")
	path := at(s.walter, "/referrals/ref-walter/")
	if p := one.post(path + "accept"); p.status != 303 {
		t.Fatalf("%d %s", p.status, p.text())
	}
	allocate := two.get(path + "allocate")
	back := two.get(path + "return")
	if p := one.submit(one.get(path+"allocate"), path+"allocate", "worker", "u-social-worker"); p.status != 303 {
		t.Fatalf("%d %s", p.status, p.text())
	}
	if p := two.submit(allocate, path+"allocate", "worker", "u-team-manager"); p.status == 303 {
		t.Errorf("allocated unseen: %d to %s", p.status, p.to)
	}
	if r := s.caseOf(s.walter).Referrals[0]; r.Worker.ID != "u-social-worker" {
		t.Errorf("with %s", r.Worker.ID)
	}
	// A stage that has passed: what was typed is given back.
	if p := two.submit(back, path+"return", "reasons", "capacity", "needed", "Send the capacity assessment.", "contact", "R Okafor", "contact_details", "01632 960110"); p.status != 303 && !strings.Contains(p.text(), "Send the capacity assessment.") {
		t.Errorf("what was typed is gone: %d %s", p.status, p.text())
	}
}

// second is what must come back to whoever is second: that somebody was first, what it
// is now, and what they typed, which is not kept anywhere yet.
func (p shown) second(says, typed string) {
	p.t.Helper()
	if p.status != 409 && p.status != 422 {
		p.t.Errorf("the second was answered %d to %s: %s", p.status, p.to, p.text())
		return
	}
	if !strings.Contains(p.text(), says) {
		p.t.Errorf("it is not said that %q: %s", says, p.text())
	}
	if typed != "" && !p.holds(typed) {
		p.t.Errorf("what was typed is gone: %s", p.text())
	}
	wellMade(p.t.(*testing.T), p)
}

// holds reports whether a control of the page, or its text, has what was typed.
func (p shown) holds(typed string) bool {
	return strings.Contains(p.text(), typed) || slices.ContainsFunc(append(p.all("input"), p.all("textarea")...), func(n *html.Node) bool { return attr(n, "value") == typed || words(n) == typed })
}

// Two people change the same thing of a case, each from a page that they opened before
// the other saved. The second overwrites nothing unseen, keeps what they typed, and what
// is sent again after that is meant.
func TestTheSecondOverwritesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.assesses()
	one, two, broker, manager := s.as("social-worker"), s.as("second-worker"), s.as("broker"), s.as("team-manager")
	if p := manager.post(at(s.walter, "/referrals/ref-walter/accept")); p.status != 303 {
		t.Fatalf("%d %s", p.status, p.text())
	}
	first := func(p shown) {
		t.Helper()
		if p.status != 303 {
			t.Fatalf("the first was not taken: %d %s", p.status, p.text())
		}
		s.later(time.Minute)
	}
	t.Run("a task", func(t *testing.T) { s.taskOfTwo(one, two, first) })
	t.Run("an outcome", func(t *testing.T) {
		path, tab := at(s.walter, "/referrals/ref-walter/outcome"), at(s.walter, "?tab=outcomes")
		mine := two.get(tab).hidden("was")
		said := func(r *reader, was, what string) shown {
			return r.post(path, "what", "said", "was", was, "words", what, "to", "Me", "said-day", "22", "said-month", "11", "said-year", "2026")
		}
		first(said(one, mine, "Glad to be home"))
		got := said(two, mine, "Misses the ward")
		got.second("Somebody else has recorded an outcome since you opened this", "Misses the ward")
		got.says("Glad to be home")
		if o := s.caseOf(s.walter).Outcomes; len(o) != 1 || o[0].Said != "Glad to be home" {
			t.Errorf("overwritten: %+v", o)
		}
		first(said(two, got.hidden("was"), "Glad, and misses the ward")) // now it is meant
	})
	t.Run("the rules of a council", func(t *testing.T) {
		mine := manager.get("/gate/edit").inputs("/gate/edit").Get("version")
		first(manager.post("/gate/edit", "version", mine, "title", "What our team needs", "want_wishes", "should"))
		manager.post("/gate/edit", "version", mine, "title", "What I want", "want_wishes", "must").second("changed the draft at", "What I want")
	})
	t.Run("a member of a team", func(t *testing.T) {
		path := "/team/u-social-worker"
		mine := manager.get(path)
		first(manager.submit(manager.get(path), path, "patch", "NG18"))
		manager.submit(mine, path, "patch", "NG19").second("Somebody else changed this worker while you typed", "NG19")
	})
	t.Run("an entry of the directory", func(t *testing.T) {
		path := "/providers/" + string(care.ProviderCode(county, "p1")) + "/edit"
		mine := manager.get(path)
		first(broker.submit(broker.get(path), path, "phone", "01632 960701"))
		got := manager.submit(mine, path, "phone", "01632 960702")
		got.second("Somebody else changed this entry since you opened it", "01632 960702")
		got.says("01632 960701", "corrected by P Broker")
		first(manager.submit(got, path)) // now it is meant
		manager.get(strings.TrimSuffix(path, "/edit")).says("01632 960702")
	})
	t.Run("care that is asked for", func(t *testing.T) { s.requestOfTwo(broker, manager, first) })
	t.Run("what can be taken on", func(t *testing.T) {
		path := "/capacity/report/" + string(care.ProviderCode(county, "p1"))
		first(broker.post(path, "kind", "HS", "area", "NG18", "free-0", "8"))
		mine := manager.get(path)
		first(broker.submit(broker.get(path), path, "free-0", "5"))
		got := manager.submit(mine, path, "free-0", "9")
		got.second("Somebody else reported this since you opened the form", "9")
		got.says("5 hours free")
		first(manager.submit(got, path))
		broker.get("/capacity").says("9 hours free")
	})
	t.Run("notes of a huddle", func(t *testing.T) {
		first(one.post("/huddle", "key", "h-1", "of", string(kingsMill)))
		mine := two.get("/huddle")
		path := ""
		for _, f := range mine.all("form") {
			if strings.Contains(attr(f, "action"), "/huddle/meetings/") {
				path = attr(f, "action")
			}
		}
		first(one.post(path, "do", "notes", "was", "0", "notes", "Ring the key safe company"))
		got := two.post(path, "do", "notes", "was", "0", "notes", "Ask for the bed to be moved")
		got.second("Somebody else of your side saved notes", "Ask for the bed to be moved")
		got.says("Ring the key safe company")
		first(two.submit(got, path, "notes", "Both"))
	})
}

// taskOfTwo has two give, move and end the same task.
func (s *site) taskOfTwo(one, two *reader, first func(shown)) {
	s.t.Helper()
	tab := at(s.walter, "?tab=tasks")
	first(one.submit(one.get(tab), at(s.walter, "/tasks"), "audience", "council", "text", "Ring the daughter"))
	task := func() care.Task { tasks := s.caseOf(s.walter).Tasks; return tasks[len(tasks)-1] }
	path := at(s.walter, "/tasks/"+task().ID)
	give := func(r *reader, saw shown, owner, day string) shown {
		return r.post(path, "do", "give", "was", saw.hidden("was"), "saw", saw.hidden("saw"), "owner", owner, "due-day", day, "due-month", "11", "due-year", "2026", "due-time", "16:00")
	}
	me, them := "who "+string(county)+" u-social-worker", "who "+string(county)+" u-second-worker"
	mine := two.get(path)
	first(give(one, mine, them, "25"))
	give(two, mine, me, "26").second("Somebody has given this task to another since you opened it", "26")
	mine = two.get(path)
	first(give(one, mine, them, "27"))
	got := give(two, mine, them, "28")
	got.second("Somebody has changed when this task is due since you opened it", "28")
	got.says("27-Nov-2026")
	if t := task(); t.Owner.Who.ID != "u-second-worker" || t.Due.Day() != 27 {
		s.t.Errorf("overwritten: %+v", t)
	}
	first(give(two, got, them, "28")) // now it is meant
	first(one.post(path, "do", "done", "outcome", "She comes at six"))
	got = two.post(path, "do", "drop", "why", "The son was told instead")
	got.second("P Social-worker has ended this task already", "The son was told instead")
	got.says("She comes at six")
	if t := task(); t.Dropped || t.Outcome != "She comes at six" {
		s.t.Errorf("overwritten: %+v", t)
	}
}

// requestOfTwo has two record answers of the same provider, book an offer, and record
// what the person chose.
func (s *site) requestOfTwo(one, two *reader, first func(shown)) {
	s.t.Helper()
	first(one.post(at(s.walter, "/arrange/new"), "key", "k1", "kind", "HS", "area", "NG18", "needs", "Help of one carer to wash, twice a day", "hours", "10.5", "visits", "2", "carers", "1",
		"startBy-day", "25", "startBy-month", "11", "startBy-year", "2026", "money", "council", "ceiling", "350.00", "provider", "p1", "provider", "p2"))
	path := at(s.walter, "/arrange/"+s.request(s.walter).ID)
	step := func(name string, fields ...string) {
		s.t.Helper()
		mine := two.get(path + "/" + name)
		with := func(r *reader, p shown, last, typed string) shown {
			return r.submit(p, path+"/"+name, append(slices.Clone(fields), last, typed)...)
		}
		k, f, g := len(fields)-3, "", ""
		last, says := fields[k], fields[k+1]
		f, g, _ = strings.Cut(fields[k+2], "|")
		fields = fields[:k]
		first(with(one, one.get(path+"/"+name), last, f))
		got := with(two, mine, last, g)
		got.second(says, g)
		first(with(two, got, last, g)) // now it is meant
	}
	step("reply", "provider", "p1", "reply", "accept", "earliest-day", "24", "earliest-month", "11", "earliest-year", "2026",
		"rate", "P Broker recorded an answer of Bluebell Homecare Ltd since you opened this: accepted", "340.00|330.00")
	step("choice", "offered", "2", "chosen", "p1", "text", "P Broker recorded a choice since you opened this", "Wants the one with a van|Wants her sister’s agency")
	step("book", "provider", "p1", "start-month", "11", "start-year", "2026", "start-day", "P Broker booked Bluebell Homecare Ltd from 25", "25|26")
	if r := s.request(s.walter); r.Start.Day != 26 || r.Invited[0].Rate != 33000 || r.Choice.Text != "Wants her sister’s agency" {
		s.t.Errorf("not as it was meant: %+v", r)
	}
}
