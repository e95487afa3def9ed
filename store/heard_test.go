package store

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// What cannot be read is kept and counted, and does not make a feed fresh.
func TestGarbageIsNotHeard(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		now := day.Add(time.Minute)
		s := open(func(c *Config) { c.Clock = func() time.Time { return now } })
		keep := func(ms ...In) {
			t.Helper()
			if _, err := s.Keep(t.Context(), ms...); err != nil {
				t.Fatal(err)
			}
		}
		feed := func(name string) (f Feed) {
			t.Helper()
			view(t, s, func(tx *Tx) (err error) { f, err = tx.Feed(name); return err })
			return f
		}
		first := in("f", "1", "a")
		first.Received = day
		junk := In{Feed: "f", Raw: []byte("junk"), Received: now}
		cut := In{Feed: "g", Control: "9", Type: "ADT^A01", Raw: []byte("MSH|"), Received: now, Reason: "only its beginning is kept"}
		keep(first)
		keep(junk, junk, cut)
		if f := feed("f"); !f.Heard.Equal(day) || f.Unreadable != 1 || f.Again != 1 || f.LastMinute < 2 {
			t.Errorf("after garbage: %+v", f)
		}
		if g := feed("g"); !g.Heard.IsZero() || g.Unreadable != 1 || g.LastMinute != 1 {
			t.Errorf("never heard but cut: %+v", g)
		}
		var ms []Message
		view(t, s, func(tx *Tx) (err error) { ms, err = tx.Messages(MessageFilter{Feed: "g"}); return err })
		if len(ms) != 1 || ms[0].State != MessageUnreadable || ms[0].Reason != cut.Reason || ms[0].Control != "9" {
			t.Errorf("kept %+v", ms)
		}
		now = now.Add(time.Second)
		again := first
		again.Received = now
		keep(again)
		if f := feed("f"); !f.Heard.Equal(now) {
			t.Errorf("after a repeat that can be read: %+v", f)
		}
		verified(t, s)
	})
}

// The files hold all that is known of people: nobody else may read them.
func TestFilesAreTheirOwnersAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no file modes here")
	}
	dir := t.TempDir()
	s := opener(t, filepath.Join(dir, "homeward.db"))()
	if _, err := s.Keep(t.Context(), in("f", "1", "a")); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 3 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		st, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		if st.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", f.Name(), st.Mode().Perm())
		}
	}
}
