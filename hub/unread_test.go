package hub

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"homeward/care"
	"homeward/extract"
	"homeward/store"
)

// spoil is an extract as at now in which texts of a file are others.
func (s *site) spoil(kind, file string, people []held, pairs ...string) fs.FS {
	s.Helper()
	f := folder(notts, kind, s.clock(), people...)
	text := string(f[file].Data)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			s.Fatalf("%s has no %q", file, pairs[i])
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	f[file] = &fstest.MapFile{Data: []byte(text)}
	return f
}

func (s *site) read4(f fs.FS) ImportResult {
	s.Helper()
	res, err := s.Import(s.ctx(), notts, s.clock().Format("20060102-150405"), f, mustLayout())
	s.must(err)
	if res.State != "done" {
		s.Fatalf("the import is %s: %s", res.State, res.Why)
	}
	return res
}

func mustLayout() extract.Layout {
	l, err := extract.Builtin("homeward")
	if err != nil {
		panic(err)
	}
	return l
}

// What a quarantined row might have said is never shown as if the extract had
// said the old thing again.
func TestUnreadIsNotFresh(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.imported(city, "full", held{id: "77", p: nobody(7)})
		var people []held
		for i := 1; i <= 4; i++ {
			people = append(people, held{id: fmt.Sprint(10000 + i), p: nobody(i), packages: []string{pack(fmt.Sprintf("P%d", i), "HS", "active")}})
		}
		people[1].concern = "yes"
		nurse := as(care.AENurse, kings)
		view := func(n int) CouncilView {
			t.Helper()
			v := s.look4(nurse, asks(nobody(n)))
			if v.Outcome != LookFound || len(v.Councils) != 1 {
				t.Fatalf("person %d: %s", n, v.Outcome)
			}
			return v.Councils[0]
		}
		s.imported(notts, "full", people...)
		s.pass(10 * time.Minute)
		s.imported(notts, "full", people...) // no news, and yet this is when it was last so
		good := s.clock()
		s.pass(10 * time.Minute)

		// The rows of people: an open enquiry stands as at its time, and that none
		// was open cannot be said any more.
		s.read4(s.spoil("full", "people.csv", people, nobody(1).nhs.Digits(), "1234567890", nobody(2).nhs.Digits(), "1234567890"))
		s.pass(time.Minute)
		c := view(1)
		if !c.AsAt.Equal(good) || !c.Unread || !c.SafeguardingUnread || c.Safeguarding.Answer != care.AnswerUnknown || c.InPlace() != 1 {
			t.Errorf("a bad row of people: %+v", c)
		}
		c = view(2)
		if !c.AsAt.Equal(good) || c.Safeguarding.Answer != care.AnswerYes || !c.Safeguarding.AsAt.Equal(good) || !c.SafeguardingUnread {
			t.Errorf("a bad row of somebody with an open enquiry: %+v", c)
		}
		if c = view(3); !c.AsAt.After(good) || c.Unread || c.SafeguardingUnread || c.Safeguarding.Answer != care.AnswerNo {
			t.Errorf("somebody whose rows were read: %+v", c)
		}

		// Changes that do not speak of them mend nothing.
		s.pass(time.Minute)
		s.imported(notts, "changes", people[3])
		if c = view(1); !c.AsAt.Equal(good) || !c.SafeguardingUnread {
			t.Errorf("after other people's changes: %+v", c)
		}
		s.pass(time.Minute)
		s.imported(notts, "changes", people[0])
		if c = view(1); !c.AsAt.Equal(s.clock()) || c.Unread || c.SafeguardingUnread || c.Safeguarding.Answer != care.AnswerNo {
			t.Errorf("mended: %+v", c)
		}

		// Rows of safeguarding alone.
		people[0].concern = "perhaps"
		s.pass(time.Minute)
		before := s.clock()
		s.imported(notts, "full", people...)
		people[1].concern = "perhaps"
		s.pass(time.Minute)
		s.imported(notts, "full", people...)
		if c = view(1); !c.AsAt.Equal(s.clock()) || c.Unread || !c.SafeguardingUnread || c.Safeguarding.Answer != care.AnswerUnknown {
			t.Errorf("a bad row of safeguarding: %+v", c)
		}
		if c = view(2); !c.AsAt.Equal(s.clock()) || c.Unread || c.Safeguarding.Answer != care.AnswerYes || !c.Safeguarding.AsAt.Equal(before) {
			t.Errorf("a bad row of an open enquiry: %+v", c)
		}

		// A package of theirs.
		at := s.clock()
		s.pass(time.Minute)
		s.read4(s.spoil("full", "packages.csv", people, "calls a day\",active", "calls a day\",somehow"))
		if c = view(1); !c.AsAt.Equal(at) || !c.Unread || c.InPlace() != 1 {
			t.Errorf("a bad row of packages: %+v", c)
		}
		// For a long time: too old to show, which a wrong date of birth does not tell.
		for range 26 {
			s.pass(time.Hour)
			s.imported(city, "full", held{id: "77", p: nobody(7)})
			s.read4(s.spoil("full", "packages.csv", people, "calls a day\",active", "calls a day\",somehow"))
		}
		if v := s.look4(nurse, asks(nobody(1))); v.Outcome != LookCannot {
			t.Errorf("a day later: %s", v.Outcome)
		}
		wrong := asks(nobody(1))
		wrong.Born.Day++
		if v := s.look4(nurse, wrong); plainly(v) != plainly(s.look4(nurse, asks(nobody(50)))) {
			t.Errorf("a wrong date of birth: %s", v.Outcome)
		}
	})
}

// A row of people that cannot be split is somebody's: nobody who is missing has
// left, and nobody is shown as if they had been read.
func TestUnreadRowOfNobody(t *testing.T) {
	s := newSite(t, "sqlite")
	s.imported(city, "full", held{id: "77", p: nobody(7)})
	people := []held{{id: "10001", p: nobody(1), packages: []string{pack("P1", "HS", "active")}}, {id: "10002", p: nobody(2), packages: []string{pack("P2", "HS", "active")}}}
	s.imported(notts, "full", people...)
	good := s.clock()
	s.pass(time.Minute)
	res := s.read4(s.spoil("full", "people.csv", people, "10001,", "10001,,,,,"))
	if d := s.holds("10001"); res.Ended != 0 || d.Ended || !d.Missed(care.PartPerson) || inPlace(d) != 1 || !d.AsAt.Equal(good) {
		t.Errorf("%d ended, held %+v", res.Ended, d)
	}
	if d := s.holds("10002"); len(d.Unread) > 0 {
		t.Errorf("somebody who was read: %v", d.Unread)
	}
	s.pass(time.Minute)
	if res = s.imported(notts, "full", people...); len(s.holds("10001").Unread) > 0 {
		t.Error("it is not mended")
	}
}

// That a record may be restricted is enough to restrict it.
func TestUnreadRestrictionCloses(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.imported(city, "full", held{id: "77", p: nobody(7)})
		people := []held{{id: "10001", p: nobody(1), packages: []string{pack("P1", "HS", "active")}}, {id: "10002", p: nobody(2), packages: []string{pack("P2", "HS", "active")}}}
		s.imported(notts, "full", people...)
		nurse, engineer := as(care.AENurse, kings), as(care.Integration, system)
		people[0].restricted = "perhaps"
		people[1].restricted = "yes"
		s.pass(time.Minute)
		res := s.read4(s.spoil("full", "people.csv", people, nobody(2).nhs.Digits(), "1234567890"))
		for i := 1; i <= 2; i++ {
			if v := s.look4(nurse, asks(nobody(i))); plainly(v) != plainly(s.look4(nurse, asks(nobody(50)))) {
				t.Errorf("person %d is shown: %s", i, v.Outcome)
			}
		}
		rows, err := s.Quarantine(s.ctx(), engineer, res.ID, 0)
		s.must(err)
		i := slices.IndexFunc(rows, func(q QuarantinedRow) bool { return q.Field == "restricted" })
		if i < 0 {
			t.Fatalf("rows %+v", rows)
		}
		audited := s.audits(func() { // whether it is shown is for the policies; whose it is, is written down
			_, _ = s.QuarantinedRow(s.ctx(), engineer, res.ID, rows[i].N, "the council asked")
		})
		if len(audited) != 1 || audited[0].Case != s.council("10001").ID {
			t.Errorf("audited as %+v", audited)
		}
		people[0].restricted, people[1].restricted = "no", "no"
		s.pass(time.Minute)
		s.imported(notts, "full", people...)
		for i := 1; i <= 2; i++ {
			if v := s.look4(nurse, asks(nobody(i))); v.Outcome != LookFound {
				t.Errorf("person %d after the mend: %s", i, v.Outcome)
			}
		}
	})
}

func TestQuarantinedRowNeedsAReason(t *testing.T) {
	s := newSite(t, "sqlite")
	people := []held{{id: "10001", p: nobody(1), packages: []string{pack("P1", "HS", "active")}}}
	s.imported(notts, "full", people...)
	s.pass(time.Minute)
	res := s.read4(s.spoil("full", "packages.csv", people, "calls a day\",active", "calls a day\",somehow"))
	engineer := as(care.Integration, system)
	_, err := s.QuarantinedRow(s.ctx(), engineer, res.ID, 1, " ")
	s.refused(err, care.Required, "why")
	_, err = s.QuarantinedRow(s.ctx(), as(care.SocialWorker, notts), res.ID, 1, "curious")
	s.refused(err, care.Forbidden, "")
	_, err = s.QuarantinedRow(s.ctx(), engineer, res.ID, 9, "the council asked")
	s.refused(err, care.NotFound, "")
	var q QuarantinedRow
	audited := s.audits(func() {
		q, err = s.QuarantinedRow(s.ctx(), engineer, res.ID, 1, "the council asked")
		s.must(err)
	})
	if q.N != 1 || !slices.Contains(q.Row, extract.Cell{Name: "person_id", Value: "10001"}) {
		t.Errorf("%+v", q)
	}
	if len(audited) != 1 || !audited[0].Allowed || audited[0].Reason != "the council asked" || audited[0].Case != s.council("10001").ID {
		t.Errorf("audited as %+v", audited)
	}
}

// That a record is frozen is told to nobody who does not know the date of birth.
func TestLookFrozen(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.imported(city, "full", held{id: "77", p: nobody(7)})
		s.imported(notts, "full", held{id: "10001", p: nobody(1), packages: []string{pack("P1", "HS", "active")}})
		s.admit(nobody(2))
		for _, id := range []care.CaseID{s.council("10001").ID, s.find(kings, nobody(2).mrn).ID} {
			s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
				c, err := tx.Case(id)
				if err == nil {
					_, err = tx.Record(c, care.Cause{}, morning, care.Doubted{At: morning, Doubt: care.Doubt{Kind: care.DoubtChanged, Since: morning, Said: nobody(9).nhs}})
				}
				return err
			}))
		}
		nurse := as(care.AENurse, kings)
		if v := s.look4(nurse, asks(nobody(1))); v.Outcome != LookCannot || len(v.Councils) > 0 {
			t.Errorf("with the date of birth: %s", v.Outcome)
		}
		wrong := asks(nobody(1))
		wrong.Born.Day++
		none := plainly(s.look4(nurse, asks(nobody(50))))
		for name, q := range map[string]LookRequest{"a wrong date of birth": wrong, "a frozen record of whom no council holds anything": asks(nobody(2))} {
			if got := plainly(s.look4(nurse, q)); got != none {
				t.Errorf("%s: %s", name, got)
			}
		}
	})
}

func TestReleaseOfWhatIsSuperseded(t *testing.T) {
	s := newSite(t, "sqlite")
	engineer := as(care.Integration, system)
	var people []held
	for i := range 20 {
		people = append(people, held{id: fmt.Sprint(10000 + i), p: nobody(i + 1), packages: []string{pack(fmt.Sprintf("P%d", i), "HS", "active")}})
	}
	s.imported(notts, "full", people...)
	s.pass(time.Minute)
	stopped := s.extracted(notts, "full", people[:2]...)
	if stopped.State != "stopped" {
		t.Fatal(stopped.State)
	}
	s.pass(time.Minute)
	s.imported(notts, "full", people...)
	s.refused(s.ReleaseImport(s.ctx(), engineer, stopped.ID, "sure"), care.BusinessRule, "")
	list, err := s.Imports(s.ctx(), engineer)
	s.must(err)
	if len(list) != 3 || list[0].Superseded || !list[1].Superseded {
		t.Errorf("%+v", list)
	}
}

// A refused extract says of itself what its manifest says.
func TestRefusedImportSaysWhatItIs(t *testing.T) {
	s := newSite(t, "sqlite")
	f := folder(notts, "full", s.clock(), held{id: "10001", p: nobody(1)})
	delete(f, "people.csv")
	res, err := s.Import(s.ctx(), notts, "short", f, homeLayout(t))
	s.must(err)
	list, err := s.Imports(s.ctx(), as(care.Integration, system))
	s.must(err)
	if res.State != "refused" || list[0].Kind != "full" || !list[0].AsAt.Equal(s.clock()) {
		t.Errorf("%+v", list)
	}
}

func TestExtractsThatWaitAreListed(t *testing.T) {
	s := newSite(t, "sqlite")
	for _, want := range []bool{true, false} {
		changed, err := s.SayWaiting(s.ctx(), notts, []string{"2026-03-02"})
		s.must(err)
		if changed != want {
			t.Errorf("changed %v", changed)
		}
	}
	list, err := s.Imports(s.ctx(), as(care.Integration, system))
	s.must(err)
	if len(list) != 1 || list[0].State != ImportWaiting || list[0].Name != "2026-03-02" || list[0].Council.ODS != notts {
		t.Errorf("%+v", list)
	}
	_, err = s.SayWaiting(s.ctx(), notts, nil)
	s.must(err)
	if list, err = s.Imports(s.ctx(), as(care.Integration, system)); err != nil || len(list) != 0 {
		t.Errorf("%+v %v", list, err)
	}
}
