package store

import (
	"context"
	"testing"
	"time"

	"homeward/care"
	"homeward/nhs"
)

// What lists ask of a case across cases follows it in the same transaction: a task
// that is set, given to another, done, and joined away.
func TestThreads(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		owner := func(id care.ActorID) care.Owner { return care.Owner{Org: "511", Who: care.Who{ID: id, Org: "511"}} }
		task := care.Task{ID: "t1", Kind: care.TaskByHand, Audience: care.AudienceBoth, Text: "Order a bed", Owner: owner("u1"), Due: day.Add(time.Hour), At: day, By: care.Who{ID: "m1", Org: "511"}}
		record := func(id care.CaseID, events ...care.Event) {
			t.Helper()
			update(t, s, func(tx *Tx) error {
				c, err := tx.Case(id)
				if care.KindOf(err) == care.NotFound {
					c, err = care.Case{}, nil
					events = append([]care.Event{care.Started{At: day, ID: id}, care.Identified{At: day, NHS: nhs.Test(700 + len(id))}}, events...)
				}
				if err != nil {
					return err
				}
				_, err = tx.Record(c, care.Cause{Kind: "test"}, day, events...)
				return err
			})
		}
		open1 := func(q ThreadQuery, want int, what string) {
			t.Helper()
			view(t, s, func(tx *Tx) error {
				ts, err := tx.Threads(q)
				if err != nil || len(ts) != want {
					t.Errorf("%s: %d threads, want %d: %+v %v", what, len(ts), want, ts, err)
				}
				n, err := tx.CountThreads(q)
				if err != nil || n != len(ts) {
					t.Errorf("%s: counts %d of %d: %v", what, n, len(ts), err)
				}
				return nil
			})
		}
		mine := func(who string) ThreadQuery { return ThreadQuery{Kind: care.TaskThread, Owners: []string{who}} }
		record("c1", care.TaskChanged{At: day, Did: care.TaskSet, Task: task})
		open1(mine("u1"), 1, "set")
		open1(ThreadQuery{Kind: care.TaskThread, Owners: []string{"u1"}, DueBefore: day}, 0, "not due yet")
		open1(ThreadQuery{Kind: care.TaskThread, Owners: []string{}}, 0, "of nobody")
		task.Owner = owner("u2")
		record("c1", care.TaskChanged{At: day, Did: care.TaskGiven, Task: task})
		open1(mine("u1"), 0, "given away")
		open1(mine("u2"), 1, "given")
		view(t, s, func(tx *Tx) error {
			tally, err := tx.TallyThreads(care.TaskThread, "511", day)
			if err != nil || len(tally) != 1 || tally[0].N != 1 || tally[0].Owner != "u2" {
				t.Errorf("counted as %+v: %v", tally, err)
			}
			return nil
		})
		wrong := 0
		if err := s.Verify(context.Background(), func(string) { wrong++ }); err != nil && wrong == 0 {
			t.Error(err)
		}
		if wrong > 0 {
			t.Errorf("%d things are wrong", wrong)
		}
		record("c1", care.JoinedInto{At: day, Into: "c22"})
		open1(mine("u2"), 0, "joined into another")
		record("c1", care.Restored{At: day, From: "c22", Parts: care.Case{Tasks: []care.Task{task}}})
		open1(mine("u2"), 1, "separated")
	})
}
