package store

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/measure"
	"homeward/nhs"
)

func stay(id care.CaseID, subject string, from, to time.Time, value int64) measure.Point {
	return measure.Point{Source: measure.Stays.ID, Case: id, Subject: subject, Group: measure.Group{Hospital: "RK5", Ward: "W1"}, From: from, To: to, Value: value}
}

// know writes what is known of a case from a time on.
func know(t *testing.T, s *Store, id care.CaseID, at time.Time, ps ...measure.Point) {
	t.Helper()
	update(t, s, func(tx *Tx) error {
		g, err := tx.Generation()
		if err != nil {
			return err
		}
		w, err := tx.NewWork(g, time.UTC)
		if err != nil {
			return err
		}
		return errors.Join(tx.WorkPoints(w, id, []Snapshot{{Known: at, Points: ps}}), tx.WorkCells(w), tx.PutWork(w))
	})
}

// What a point was stays with the time until which it was known; one that was known for no
// time never was; what is known at once of the same instant replaces itself; and what
// is counted late, or no more, is found.
func TestPointsAreKnownInTime(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		known(t, s, "c1", "Quillaaa", 1)
		hour := func(n int) time.Time { return day.Add(time.Duration(n) * time.Hour) }
		know(t, s, "c1", hour(0), stay("c1", "v1", day, time.Time{}, 0))
		know(t, s, "c1", hour(5), stay("c1", "v1", day, hour(4), 1))
		know(t, s, "c1", hour(5), stay("c1", "v1", day, hour(4), 2))
		know(t, s, "c1", hour(24*20), stay("c1", "v1", day, hour(4), 3), stay("c1", "v2", day, hour(6), 9))
		view(t, s, func(tx *Tx) error {
			for _, x := range []struct{ at, n, value int }{{-1, 0, 0}, {1, 1, 0}, {5, 1, 2}, {24 * 20, 2, 12}} {
				n, sum := 0, int64(0)
				err := tx.EachPoint(PointQuery{Source: "stay", KnownAt: hour(x.at)}, func(k KnownPoint) error { n++; sum += k.Value; return nil })
				if err != nil || n != x.n || sum != int64(x.value) {
					t.Errorf("after %d hours: %d points, sum %d, %v", x.at, n, sum, err)
				}
			}
			r, err := tx.Restated("stay", map[measure.Dim]string{measure.ByHospital: "RK5"}, nhs.DateOf(day), nhs.DateOf(day))
			if err != nil || r.Late != 2 || len(r.Came) != 2 || len(r.Went) != 1 || r.Went[0].Value != 2 {
				t.Errorf("%+v, %v", r, err)
			}
			ks, err := tx.PointsOf(1, "c1")
			if err != nil || len(ks) != 4 || ks[0].Person == "" || ks[0].Person == "c1" {
				t.Errorf("%d points, %v", len(ks), err)
			}
			return err
		})
		verified(t, s)
	})
}

// The points of who is erased count on and name nobody, whatever is copied or checked; a
// point of nobody is wrong.
func TestErasedPointsNameNobody(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		known(t, s, "c1", "Quillaaa", 1)
		know(t, s, "c1", day, stay("c1", "VISIT-Quillaaa", day, day.Add(time.Hour), 1))
		var stale *PointWork
		view(t, s, func(tx *Tx) (err error) {
			stale, err = tx.NewWork(1, time.UTC)
			return err
		})
		erase(t, s, "c1")
		nothingOf(t, s, "Quillaaa", true)
		if err := s.Update(t.Context(), func(tx *Tx) error { return tx.PutWork(stale) }); !errors.Is(err, ErrStale) {
			t.Errorf("what was worked out before is written: %v", err)
		}
		n := 0
		each := func(k KnownPoint) error {
			if n++; !IsErasedPoint(k.Case) || k.Value != 1 {
				t.Errorf("%+v", k)
			}
			return nil
		}
		view(t, s, func(tx *Tx) error { return tx.EachPoint(PointQuery{Source: "stay"}, each) })
		verified(t, s)
		file := filepath.Join(t.TempDir(), "b.zip")
		if err := s.Backup(t.Context(), file); err != nil {
			t.Fatal(err)
		}
		other := filepath.Join(t.TempDir(), "r.db")
		if err := Restore(t.Context(), file, Config{URL: other, Row: care.RowOf, Keys: s.cfg.Keys}); err != nil {
			t.Fatal(err)
		}
		restored := opener(t, other, s)()
		view(t, restored, func(tx *Tx) error { return tx.EachPoint(PointQuery{Source: "stay"}, each) })
		if n != 2 {
			t.Errorf("%d points", n)
		}
		know(t, s, "nobody", day, stay("nobody", "v", day, day.Add(time.Hour), 1))
		said := ""
		if err := s.Verify(t.Context(), func(p string) { said += p }); err == nil || !strings.Contains(said, "points") {
			t.Errorf("a point of nobody: %q, %v", said, err)
		}
	})
}

// Another generation is not shown until it is, and what is shown no more is taken away.
func TestGenerations(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		known(t, s, "c1", "Quillaaa", 1)
		know(t, s, "c1", day, stay("c1", "v1", day, day.Add(time.Hour), 1))
		shown := func() (n int64) {
			view(t, s, func(tx *Tx) error { return tx.one(`SELECT count(*) FROM points`, nil, &n) })
			return n
		}
		update(t, s, func(tx *Tx) error {
			w, err := tx.NewWork(2, time.UTC)
			if err != nil {
				return err
			}
			w.Snapshots(nil, []Snapshot{{Known: day, Points: []measure.Point{stay("c1", "v1", day, day.Add(time.Hour), 1), stay("c1", "v2", day, day.Add(time.Hour), 1)}}})
			return errors.Join(tx.WorkCells(w), tx.PutWork(w))
		})
		if n := shown(); n != 1 {
			t.Errorf("%d points are shown before", n)
		}
		update(t, s, func(tx *Tx) error { return tx.ShowGeneration(2) })
		if n := shown(); n != 2 {
			t.Errorf("%d points are shown after", n)
		}
		for more := true; more; {
			update(t, s, func(tx *Tx) (err error) { more, err = tx.DropGenerations(2, 0); return err })
		}
		view(t, s, func(tx *Tx) error {
			var points, cells int64
			err := tx.one(`SELECT (SELECT count(*) FROM counted WHERE gen = 1), (SELECT count(*) FROM cells WHERE gen = 1)`, nil, &points, &cells)
			if points+cells > 0 || shown() != 2 {
				t.Errorf("%d points and %d counts are left", points, cells)
			}
			return err
		})
	})
}
