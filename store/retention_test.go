package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/nhs"
)

// known makes a person of whom there is everything that can be erased.
func known(t *testing.T, s *Store, id care.CaseID, family string, n int) {
	t.Helper()
	ids, err := s.Keep(t.Context(), in("f", "A"+string(id), "ADT of "+family), in("f", "B"+string(id), "more of "+family))
	if err != nil {
		t.Fatal(err)
	}
	update(t, s, func(tx *Tx) error {
		c, err := tx.Record(care.Case{}, care.Cause{Kind: "message", ID: fmt.Sprint(ids[0].ID), Source: "f"}, day,
			care.Started{At: day, ID: id}, care.Identified{At: day, NHS: nhs.Test(n), IDs: []care.Identifier{{System: "mrn:RK5", Value: "M" + family}}},
			care.PersonTold{At: day, First: true, Person: care.Person{Family: family, Given: "Edna"}})
		if err != nil {
			return err
		}
		for _, k := range ids {
			m, err := tx.Message(k.ID)
			if err != nil {
				return err
			}
			about := c.ID
			if k.ID == ids[0].ID {
				about = "" // only the history says that this one told of the person
			}
			if err := tx.Settle(m, MessageDone, "", about); err != nil {
				return err
			}
		}
		_, err = tx.PutAlert(Alert{ID: "al-" + string(id), Kind: AlertGlass, At: day, Actor: "u1", Case: id, Words: "for " + family, Orgs: []nhs.ODS{"RK5"}})
		return errors.Join(err,
			tx.Audit(AuditRecord{At: day, Actor: "u1", Org: "RK5", Action: "openCase", Case: id, Allowed: true, Reason: "rang about " + family},
				AuditRecord{At: day, Actor: "u2", Org: "511", Action: "openCase", Case: id}),
			tx.PutDraft(Draft{User: "u1", Case: id, Form: "d2a", Saved: day, Doc: []byte(`{"x":"` + family + `"}`)}),
			tx.PutHandle(Handle{ID: "h-" + string(id), User: "u1", Expires: day.AddDate(50, 0, 0), Doc: []byte(`{"Case":"` + string(id) + `"}`)}),
			tx.Enqueue("fax/"+string(id), "k", "k-"+string(id), "tell of "+family))
	})
}

func erase(t *testing.T, s *Store, id care.CaseID) (e Erasure) {
	t.Helper()
	update(t, s, func(tx *Tx) (err error) {
		e, err = tx.EraseCase(Erasure{Case: id, Proposed: care.Who{ID: "ig1"}, Agreed: care.Who{ID: "ig2"}, Reason: "8 years"})
		return errors.Join(err, tx.Audit(AuditRecord{At: day, Actor: "ig2", Action: "reviewRetention", Case: id, Allowed: true, Outcome: "erased; residue " + e.Residue}))
	})
	return e
}

func TestAnErasedPersonIsGoneAndTheLogStillProvesItself(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		known(t, s, "c1", "Quillaaa", 1)
		known(t, s, "c2", "Quillbbb", 2)
		var before, tree = int64(0), ""
		view(t, s, func(tx *Tx) error {
			x, err := tx.AuditTree()
			before, tree = x.N, x.Hash.String()
			return err
		})
		e := erase(t, s, "c1")
		if e.Entries != 3 || e.Audit != before || e.Residue == "" {
			t.Errorf("%+v", e)
		}
		verified(t, s)
		view(t, s, func(tx *Tx) error {
			if _, err := tx.Case("c1"); !IsNone(err) {
				t.Errorf("the case is there: %v", err)
			}
			if ids, err := tx.FindNHS(nhs.Test(1)); len(ids) > 0 || err != nil {
				t.Errorf("found by number: %v %v", ids, err)
			}
			if h, err := tx.History("c1"); len(h) > 0 || err != nil {
				t.Errorf("history %v, %v", h, err)
			}
			all, err := tx.HistorySince(0, 3)
			if err != nil || len(all) != 3 || all[0].Case != "c2" {
				t.Errorf("history of all: %v, %v", all, err)
			}
			for _, m := range []MessageID{1, 2} {
				if m, err := tx.Message(m); err != nil || len(m.Raw) > 0 {
					t.Errorf("message %d: %q, %v", m.ID, m.Raw, err)
				}
			}
			as, err := tx.Audits(AuditFilter{Case: "c1"})
			if err != nil || len(as) != 3 || as[0].Erased || !as[1].Erased || as[2].Reason != "" || as[2].Actor != "u1" || as[2].Org != "RK5" || !as[2].At.Equal(day) {
				t.Errorf("audit %+v, %v", as, err)
			}
			x, err := tx.AuditTreeAt(before)
			if x.Hash.String() != tree {
				t.Error("the tree changed")
			}
			return errors.Join(err, tx.VerifyAudit(nil, x))
		})
		nothingOf(t, s, "Quillaaa", true)
		nothingOf(t, s, "Quillbbb", s.Encrypted()) // so that the line above can fail
		if n, err := s.ErasedCount(t.Context()); n != 1 || err != nil {
			t.Errorf("%d erased, %v", n, err)
		}
		known(t, s, "c3", "Quillaaa", 1) // the same person comes again
		verified(t, s)
	})
}

// nothingOf looks for a name in every column of every table.
func nothingOf(t *testing.T, s *Store, name string, none bool) {
	t.Helper()
	found := ""
	view(t, s, func(tx *Tx) error {
		ms, err := migrations(migrationFiles, s.Engine())
		if err != nil {
			return err
		}
		for _, table := range tableNames(ms) {
			err := tx.query("SELECT * FROM "+table, nil, func(row []any) error {
				for _, v := range row {
					if strings.Contains(fmt.Sprintf("%s", v), name) {
						found += table + " "
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if (found == "") != none {
		t.Errorf("the name stands in %q", found)
	}
}

func TestErasingLeavesNothingInTheFile(t *testing.T) {
	path := t.TempDir() + "/test.db"
	s := opener(t, path)()
	known(t, s, "c1", "Quillaaa", 1)
	erase(t, s, "c1")
	if err := s.Close(); err != nil { // which ends the write-ahead log
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(b, []byte("Quillaaa")) {
		t.Error("the name stands in a free page")
	}
}

func TestWhatIsLeftOfAnErasedPersonCannotBeChanged(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		known(t, s, "c1", "Quillaaa", 1)
		erase(t, s, "c1")
		for _, sql := range []string{
			`UPDATE audit SET actor = 'u9' WHERE n = 1`,
			`UPDATE audit SET org = 'RX1' WHERE n = 0`,
			`UPDATE audit SET allowed = 1 WHERE n = 1`,
			`UPDATE audit SET case_id = 'c9' WHERE n = 1`,
			`DELETE FROM erased`,
			`INSERT INTO keys (kind, value, case_id, seq) VALUES ('nhs', '1', 'c1', 1)`,
			`UPDATE messages SET reason = '' WHERE id = 2`,
			`UPDATE history SET body = '{}' WHERE n = 2`,
			`DELETE FROM history WHERE n = 3`,
			`INSERT INTO deliveries (job, destination, case_id, referral, kind, what, key, state, message, made, ended, status, reference, detail, warned, track, track_at, track_until)
				VALUES (1, 'd', 'c1', '', 'note', '', 'k', 'sent', 'x', 0, 0, 0, '', '', 0, '', 0, 0)`,
			`INSERT INTO kept_resources (type, id, case_id, org, version, at, doc) VALUES ('Task', 't', 'c1', 'RK5', 1, 0, '')`,
			`INSERT INTO pds_answers (case_id, asked, doc) VALUES ('c1', 0, '')`,
			`INSERT INTO records (kind, org, id, case_id, owner, state, at, due, version, doc) VALUES ('k', '', 'i', 'c1', '', '', 0, 0, 1, '')`,
			`INSERT INTO threads (case_id, kind, id, org, owner, state, at, due) VALUES ('c1', 'task', 'i', '', '', '', 0, 0)`,
			`INSERT INTO files (id, case_id, state, at, size, content) VALUES ('f', 'c1', 'clean', 0, 0, '')`,
		} {
			wrong := errors.New("back again")
			err := s.Update(t.Context(), func(tx *Tx) error {
				if err := tx.exec(sql); err != nil {
					return err
				}
				found := 0
				v := &verifying{t: tx, report: func(string) { found++ }}
				if err := errors.Join(v.allCases(), v.erased(), v.totals(), v.audit()); err != nil {
					return err
				}
				if found == 0 {
					t.Errorf("%s: not found", sql)
				}
				return wrong
			})
			if !errors.Is(err, wrong) {
				t.Errorf("%s: %v", sql, err)
			}
		}
		verified(t, s)
	})
}

func TestErasingIsRefused(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		known(t, s, "c1", "Quillaaa", 1)
		known(t, s, "c2", "Quillbbb", 2)
		if err := s.Update(t.Context(), func(tx *Tx) error { _, err := tx.EraseCase(Erasure{Case: "c9"}); return err }); !IsNone(err) {
			t.Errorf("one who is not there: %v", err)
		}
		update(t, s, func(tx *Tx) error {
			m, err := tx.Message(2)
			return errors.Join(err, tx.Settle(m, MessageHeld, "look", "c1"))
		})
		if err := s.Update(t.Context(), func(tx *Tx) error { _, err := tx.EraseCase(Erasure{Case: "c1"}); return err }); care.KindOf(err) != care.Conflict {
			t.Errorf("with a message that waits: %v", err)
		}
		update(t, s, func(tx *Tx) error {
			a, err := tx.Case("c2")
			if err != nil {
				return err
			}
			_, err = tx.Record(a, care.Cause{Kind: "person"}, day, care.Absorbed{At: day, Other: care.Case{ID: "c1"}})
			return err
		})
		if err := s.Update(t.Context(), func(tx *Tx) error { _, err := tx.EraseCase(Erasure{Case: "c2"}); return err }); care.KindOf(err) != care.Conflict {
			t.Errorf("one that was joined: %v", err)
		}
	})
}

func TestAgedListsWhoseTimeIsOver(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		for i, id := range []care.CaseID{"c1", "c2", "c3"} {
			known(t, s, id, fmt.Sprintf("Quill%c", 'a'+i), i+1)
		}
		update(t, s, func(tx *Tx) error {
			c, err := tx.Case("c2")
			if err != nil {
				return err
			}
			_, err = tx.Record(c, care.Cause{Kind: "system"}, day.AddDate(1, 0, 0), care.WatchEnded{At: day})
			return err
		})
		view(t, s, func(tx *Tx) error {
			as, err := tx.Aged(day.Add(time.Hour), "RK5", "", 10)
			if err != nil || len(as) != 2 || as[0].Case != "c1" || as[1].Case != "c3" || !as[0].Updated.Equal(day) {
				t.Errorf("%+v, %v", as, err)
			}
			if as, err := tx.Aged(day.Add(time.Hour), "", "c1", 1); err != nil || len(as) != 1 || as[0].Case != "c3" {
				t.Errorf("%+v, %v", as, err)
			}
			if as, err := tx.Aged(day.Add(time.Hour), "RX1", "", 9); err != nil || len(as) != 0 {
				t.Errorf("%+v, %v", as, err)
			}
			if as, err := tx.Aged(day, "", "", 9); err != nil || len(as) != 0 {
				t.Errorf("%+v, %v", as, err)
			}
			return nil
		})
	})
}

func TestReviewsAndFinishedJobs(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		now := day
		s := open(func(c *Config) { c.Clock = func() time.Time { return now } })
		update(t, s, func(tx *Tx) error {
			i, err := tx.BeginImport(Import{Council: "511", Kind: ImportFull, AsAt: day, Started: day})
			return errors.Join(err, tx.Quarantine(Quarantined{Import: i.ID, N: 1, File: "people.csv", Line: 2, Field: "born", Mend: "Enter it", Raw: "7,Quillaaa"}),
				tx.PutReview(Review{Item: "c1", State: ReviewProposed, By: care.Who{ID: "ig1"}, At: day, Reason: "old"}),
				tx.PutReview(Review{Item: ImportItem(i.ID), State: ReviewKeep, At: day, Until: day.AddDate(1, 0, 0), Reason: "claim"}),
				tx.Enqueue("lane", "k", "k1", "content"))
		})
		update(t, s, func(tx *Tx) error {
			l, _, err := tx.ClaimLane("me", time.Minute)
			return errors.Join(err, tx.FinishJob(l, 1))
		})
		update(t, s, func(tx *Tx) error {
			rs, err := tx.Reviews("")
			if len(rs) != 2 || rs["c1"].By.ID != "ig1" || rs["import:1"].State != ReviewKeep || !rs["import:1"].Until.Equal(day.AddDate(1, 0, 0)) {
				t.Errorf("%+v", rs)
			}
			is, ierr := tx.AgedImports(day.Add(time.Second), 10)
			if len(is) != 1 {
				t.Errorf("%+v", is)
			}
			return errors.Join(err, ierr, tx.DropReview("c1"), tx.EraseQuarantine(1))
		})
		update(t, s, func(tx *Tx) error {
			if more, err := tx.PruneJobs(day); more || err != nil {
				t.Errorf("%v %v", more, err)
			}
			_, err := tx.PruneJobs(day.Add(time.Second))
			return err
		})
		view(t, s, func(tx *Tx) error {
			is, err := tx.AgedImports(day.Add(time.Second), 10)
			qs, qerr := tx.QuarantinedRows(1, 0, 10)
			js, jerr := tx.Jobs(JobDone, 0, 10)
			if len(is) != 0 || len(qs) != 1 || qs[0].Raw != "" || qs[0].Mend == "" || len(js) != 1 || js[0].Payload != "" {
				t.Errorf("%v %+v %+v", is, qs, js)
			}
			return errors.Join(err, qerr, jerr)
		})
		verified(t, s)
	})
}
