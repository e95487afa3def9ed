package hub

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"homeward/care"
	"homeward/extract"
	"homeward/internal/pgtest"
	"homeward/store"
)

func homeLayout(t testing.TB) extract.Layout {
	l, err := extract.Builtin("homeward")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// council finds the case that council 511 knows by a number, or none.
func (s *site) council(person string) (c care.Case) {
	s.Helper()
	s.view(func(tx *store.Tx) error {
		id, err := tx.FindID(care.Identifier{System: "council:511", Value: person})
		if err != nil || id == "" {
			return err
		}
		c, err = tx.Case(id)
		return err
	})
	return c
}

func (s *site) holds(person string) care.Holding { return holdingOf(s.council(person), notts) }

func TestImport(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		child := nobody(3)
		child.born = "20200101"
		people := []held{
			{id: "10001", p: nobody(1), packages: []string{pack("P1", "HS", "active"), pack("P2", "M", "active")}},
			{id: "10002", p: nobody(2), packages: []string{pack("P3", "HS", "active")}, concern: "yes"},
			{id: "10003", p: child, packages: []string{pack("P4", "HS", "active")}},
		}
		res := s.imported(notts, "full", people...)
		if res.People != 2 || res.Children != 1 || res.Changed != 2 || res.Packages != 3 || res.Quarantined != 0 {
			t.Errorf("the first: %+v", res)
		}
		if s.council("10003").ID != "" {
			t.Error("a child is known")
		}
		// The same extract again, and the same people of another night: no news.
		for _, wait := range []time.Duration{0, 24 * time.Hour} {
			s.pass(wait)
			seq := s.seq()
			if res = s.imported(notts, "full", people...); res.Changed != 0 || s.seq() != seq {
				t.Errorf("after %v: %d changed, %d entries of history", wait, res.Changed, s.seq()-seq)
			}
		}
		// Changes speak of nobody else.
		s.pass(time.Hour)
		people[1].packages = []string{pack("P3", "HS", "finished")}
		if res = s.imported(notts, "changes", people[1]); res.Changed != 1 || res.Ended != 0 {
			t.Errorf("changes: %+v", res)
		}
		if inPlace(s.holds("10001")) != 2 || inPlace(s.holds("10002")) != 0 {
			t.Error("changes ended what they did not speak of")
		}
		// Older and future ones are refused, and change nothing.
		for _, at := range []time.Time{s.clock().Add(-time.Hour), s.clock().Add(time.Hour)} {
			res, err := s.Import(s.ctx(), notts, "wrong", folder(notts, "full", at), homeLayout(t))
			s.must(err)
			if res.State != "refused" || !strings.Contains(res.Why, "as_at") {
				t.Errorf("as at %v: %+v", at, res)
			}
		}
		if _, err := s.Import(s.ctx(), "599", "x", fstest.MapFS{}, homeLayout(t)); care.KindOf(err) != care.NotFound {
			t.Error(err)
		}
		if _, err := s.Import(s.ctx(), notts, "x", fstest.MapFS{}, homeLayout(t)); !errors.Is(err, ErrNotYet) {
			t.Error(err)
		}
		if res, err := s.Import(s.ctx(), notts, "x", folder(city, "full", s.clock()), homeLayout(t)); err != nil || res.State != "refused" {
			t.Errorf("another council's extract: %+v %v", res, err)
		}
	})
}

// What a hospital told later stands, and an extract that repeats the old does not
// fill the history night after night.
func TestImportOfWhatIsOlder(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		p := nobody(1)
		people := []held{{id: "10001", p: p, packages: []string{pack("P1", "HS", "active")}}}
		s.imported(notts, "full", people...)
		at := s.clock()
		s.pass(time.Hour)
		married := p
		married.family = "Newname"
		id := s.admit(married)
		seq := s.seq()
		res, err := s.Import(s.ctx(), notts, "again", folder(notts, "full", at, people...), homeLayout(t))
		s.must(err)
		if res.State != "done" || res.Changed != 0 || s.seq() != seq || s.read(id).Person.Family != "Newname" {
			t.Errorf("%+v, %d entries of history", res, s.seq()-seq)
		}
	})
}

func TestImportMissing(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		var people []held
		for i := range 40 {
			people = append(people, held{id: fmt.Sprint(10000 + i), p: nobody(i + 1), packages: []string{pack(fmt.Sprintf("P%d", i), "HS", "active")}})
		}
		people[5].restricted = "yes"
		s.imported(notts, "full", people...)
		s.pass(time.Hour)

		// Too many would end: nothing is changed until a person lets it go on.
		few, seq := people[20:], s.seq()
		res := s.extracted(notts, "full", few...)
		if res.State != "stopped" || res.Ending != 20 || s.seq() != seq || !strings.Contains(res.Why, "20 of 40") {
			t.Fatalf("%+v", res)
		}
		name := s.clock().Format("20060102-150405")
		if yes, err := s.Released(s.ctx(), notts, name); err != nil || yes {
			t.Fatalf("released %v %v", yes, err)
		}
		engineer := as(care.Integration, system)
		s.refused(s.ReleaseImport(s.ctx(), engineer, res.ID, ""), care.Required, "why")
		s.refused(s.ReleaseImport(s.ctx(), as(care.SocialWorker, notts), res.ID, "sure"), care.Forbidden, "")
		s.must(s.ReleaseImport(s.ctx(), engineer, res.ID, "the contract ended"))
		for _, want := range []bool{true, false} { // once
			if yes, err := s.Released(s.ctx(), notts, name); err != nil || yes != want {
				t.Fatalf("released %v %v, want %v", yes, err, want)
			}
		}
		done, err := s.Resume(s.ctx(), notts, name, folder(notts, "full", s.clock(), few...), homeLayout(t))
		s.must(err)
		if done.State != "done" || done.Ended != 20 {
			t.Fatalf("%+v", done)
		}
		s.refused(s.ReleaseImport(s.ctx(), engineer, done.ID, "again"), care.BusinessRule, "")
		if d := s.holds("10000"); !d.Ended || len(d.Packages) > 0 {
			t.Errorf("missing people hold %+v", d)
		}
		// They stay protected all the same.
		if d := s.holds("10005"); !d.Ended || !d.Restricted {
			t.Errorf("a restricted person who is missing: %+v", d)
		}
		if d := s.holds("10030"); d.Ended || inPlace(d) != 1 {
			t.Errorf("those in the extract hold %+v", d)
		}
		s.view(func(tx *store.Tx) error {
			for _, id := range []int64{res.ID, done.ID} {
				if n, err := tx.StagedCount(store.ImportID(id)); err != nil || n != 0 {
					t.Errorf("import %d left %d notes behind: %v", id, n, err)
				}
			}
			return nil
		})
	})
}

// Bad rows are kept back with their mend; whose row is bad is not missing.
func TestQuarantine(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		people := []held{
			{id: "10001", p: nobody(1), packages: []string{pack("P1", "HS", "active"), pack("P2", "M", "active")}, equipment: []string{"D1", "D2"}},
			{id: "10002", p: nobody(2), packages: []string{pack("P3", "HS", "active")}},
		}
		s.imported(notts, "full", people...)
		s.pass(time.Hour)
		bad := folder(notts, "full", s.clock(), people...)
		mend := func(file, old, new string) {
			b := string(bad[file].Data)
			if !strings.Contains(b, old) {
				t.Fatalf("%s has no %q", file, old)
			}
			bad[file] = &fstest.MapFile{Data: []byte(strings.Replace(b, old, new, 1))}
		}
		mend("people.csv", nobody(2).nhs.Digits(), "1234567890")
		mend("packages.csv", "P1,10001,HS,\"Home care, 4 calls a day\",active", "P1,10001,HS,\"Home care, 4 calls a day\",somehow")
		mend("equipment.csv", "D2,10001,Commode,delivered", "D2,10001,Commode,somewhere")
		res, err := s.Import(s.ctx(), notts, "bad", bad, homeLayout(t))
		s.must(err)
		if res.State != "done" || res.Ended != 0 || res.Quarantined < 3 {
			t.Fatalf("%+v", res)
		}
		d := s.holds("10001")
		if inPlace(d) != 2 || len(d.Equipment) != 2 || inPlace(s.holds("10002")) != 1 {
			t.Errorf("a bad row ended something: %+v", d)
		}
		rows, err := s.Quarantine(s.ctx(), as(care.Integration, system), res.ID, 0)
		s.must(err)
		if len(rows) != res.Quarantined || !slices.ContainsFunc(rows, func(q QuarantinedRow) bool { return q.Field == "nhs_number" && q.Mend != "" }) ||
			slices.ContainsFunc(rows, func(q QuarantinedRow) bool { return len(q.Row) > 0 }) {
			t.Errorf("%d rows: %+v", len(rows), rows)
		}
		if _, err := s.Quarantine(s.ctx(), as(care.SocialWorker, notts), res.ID, 0); care.KindOf(err) != care.Forbidden {
			t.Error(err)
		}
		// The same again is no news; mended, all that is new is that all was read.
		s.pass(time.Hour)
		seq := s.seq()
		bad[extract.ManifestName] = folder(notts, "full", s.clock(), people...)[extract.ManifestName]
		res, err = s.Import(s.ctx(), notts, "bad again", bad, homeLayout(t))
		s.must(err)
		if res.Changed != 0 || s.seq() != seq {
			t.Errorf("again %d changed, %d entries of history", res.Changed, s.seq()-seq)
		}
		if d := s.holds("10001"); !d.Missed(care.PartPackages) || d.Missed(care.PartSafeguarding) || !s.holds("10002").Missed(care.PartPerson) {
			t.Errorf("what could not be read is not said: %v, %v", d.Unread, s.holds("10002").Unread)
		}
		s.pass(time.Hour)
		if res = s.imported(notts, "full", people...); res.Changed != 2 || s.seq() != seq+2 {
			t.Errorf("after the mend %d changed", res.Changed)
		}
		if d := s.holds("10002"); len(d.Unread) > 0 || d.Safeguarding.Answer != care.AnswerNo || !d.AsAt.Equal(s.clock()) {
			t.Errorf("after the mend: %+v", d)
		}
	})
}

// A council that joins two records of its own sends one of the two numbers: the
// person is still held.
func TestImportJoinedNumbers(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		one := held{id: "10001", p: nobody(1), packages: []string{pack("P1", "HS", "active")}}
		two := one
		two.id = "10009"
		filler := held{id: "10002", p: nobody(2), packages: []string{pack("P2", "HS", "active")}}
		s.imported(notts, "full", one, filler)
		s.pass(time.Hour)
		s.imported(notts, "changes", two) // the same person under another number
		for range 2 {
			s.pass(time.Hour)
			if res := s.imported(notts, "full", two, filler); res.Ended != 0 {
				t.Fatalf("%d ended", res.Ended)
			}
			if inPlace(s.holds("10009")) != 1 {
				t.Fatal("the person is no longer held")
			}
		}
		s.pass(time.Hour)
		var more []held
		for i := range 30 {
			more = append(more, held{id: fmt.Sprint(20000 + i), p: nobody(100 + i), packages: []string{pack(fmt.Sprintf("Q%d", i), "HS", "active")}})
		}
		s.imported(notts, "full", append(more, filler, two)...)
		s.pass(time.Hour)
		if res := s.imported(notts, "full", append(more, filler)...); res.Ended != 1 || !s.holds("10009").Ended {
			t.Errorf("when both numbers are missing, %d ended", res.Ended)
		}
	})
}

// breaking is a folder that fails once, after so many bytes of people.csv were read.
type breaking struct {
	fstest.MapFS
	after *atomic.Int64
}

type breakingFile struct {
	fs.File
	after *atomic.Int64
}

func (b breaking) Open(name string) (fs.File, error) {
	f, err := b.MapFS.Open(name)
	if name == "people.csv" && err == nil {
		return breakingFile{f, b.after}, nil
	}
	return f, err
}

func (f breakingFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p[:min(len(p), 512)])
	if f.after.Add(-int64(n)) < 0 {
		return 0, errors.New("the disk went away")
	}
	return n, err
}

// An import that breaks off anywhere and is read again ends as if it had not.
func TestImportBroken(t *testing.T) {
	var people []held
	for i := range 200 {
		people = append(people, held{id: fmt.Sprint(10000 + i), p: nobody(i + 1), packages: []string{pack(fmt.Sprintf("P%d", i), "HS", "active")}})
	}
	end := func(s *site) string {
		var b strings.Builder
		for i := range people {
			d := s.holds(people[i].id)
			fmt.Fprint(&b, people[i].id, d.Ended, len(d.Packages), s.council(people[i].id).Version, ";")
		}
		return b.String()
	}
	run := func(t *testing.T, after int64) string {
		s := newSite(t, "sqlite")
		s.imported(notts, "full", people...)
		s.pass(time.Hour)
		changed := slices.Clone(people[:190])
		for i := range 50 {
			changed[i].packages = []string{pack(fmt.Sprintf("P%d", i), "HS", "onhold")}
		}
		whole := folder(notts, "full", s.clock(), changed...)
		if after > 0 {
			var left atomic.Int64
			left.Store(after)
			ctx, cancel := context.WithCancel(s.ctx())
			defer cancel()
			if res, err := s.importFrom(ctx, notts, "x", breaking{whole, &left}, homeLayout(t), true); err == nil && res.State == "done" {
				t.Fatal("it did not break")
			}
		}
		res, err := s.Resume(s.ctx(), notts, "x", whole, homeLayout(t))
		s.must(err)
		if res.State != "done" {
			t.Fatal(res)
		}
		return end(s)
	}
	want := run(t, 0)
	size := int64(len(folder(notts, "full", morning, people[:190]...)["people.csv"].Data))
	for _, share := range []int64{15, 25, 29} { // tenths: the file is read three times
		if got := run(t, size*share/10); got != want {
			t.Errorf("broken off at %d of %d bytes, it ended otherwise", size*share/10, size)
		}
	}
}

// A county's extract: in bounded memory, and never in the way of others.
func TestImportCounty(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	const county = 7000
	var people []held
	for i := range county {
		people = append(people, held{id: fmt.Sprintf("%07d", i), p: nobody(i), packages: []string{pack(fmt.Sprintf("P%d", i), "HS", "active")}})
	}
	for _, engine := range pgtest.Engines() {
		t.Run(engine, func(t *testing.T) {
			var worst, long atomic.Int64
			s := newSite(t, engine, func(_ *Config, c *store.Config) {
				c.Held = func(d time.Duration) { long.Add(1); worst.Store(max(worst.Load(), int64(d))) }
			})
			whole := folder(notts, "full", s.clock(), people...)
			runtime.GC()
			base := heap()
			var peak atomic.Uint64
			stop := make(chan struct{})
			done := make(chan struct{})
			go func() {
				defer close(done)
				tick := time.NewTicker(200 * time.Millisecond)
				defer tick.Stop()
				for {
					select {
					case <-stop:
						return
					case <-tick.C:
						peak.Store(max(peak.Load(), heap()))
					}
				}
			}()
			began := time.Now()
			res, err := s.Import(s.ctx(), notts, "county", whole, homeLayout(t))
			first := time.Since(began)
			s.must(err)
			began = time.Now()
			s.pass(24 * time.Hour)
			again := s.imported(notts, "full", people[:county-500]...)
			close(stop)
			<-done
			grew := (int64(peak.Load()) - int64(base)) >> 20
			t.Logf("%d updates, %d of them over 50 ms; %d people in %v, again with 500 missing in %v; longest hold %v; heap grew by %d MB", s.Store.Stats().Works, long.Load(), res.People, first.Round(time.Millisecond),
				time.Since(began).Round(time.Millisecond), s.Store.Stats().LongestHold.Round(time.Microsecond), grew)
			if res.People != county || res.Changed != county || again.Changed != 0 || again.Ended != 500 {
				t.Errorf("%+v\n%+v", res, again)
			}
			// A writer that others keep off the processor is slow through no fault of
			// ours. On a quiet machine none is long; a loop over all people would
			// make every one long, which is what this must catch.
			if long.Load() > s.Store.Stats().Works*3/100 {
				t.Errorf("%d updates held the writer for more than 50 ms, one for %v", long.Load(), time.Duration(worst.Load()))
			}
			if grew > 28 { // 4 kB a person
				t.Errorf("the heap grew by %d MB", grew)
			}
		})
	}
}

// heap is what was in use at the end of the last collection of garbage.
func heap() uint64 {
	m := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(m)
	return m[0].Value.Uint64()
}
