package hub

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"homeward/care"
	"homeward/nhs"
	"homeward/store"
)

// crowd records people in every state that a list can ask for.
func (s *site) crowd(n int) {
	s.Helper()
	pick := func(i, of int) int { return i * 7 % of }
	for i := range n {
		at := morning.Add(-time.Duration(i%200) * time.Hour)
		org, council := []nhs.ODS{kings, other}[pick(i, 2)], []nhs.ODS{notts, city, ""}[pick(i, 3)]
		ward := func(k int) care.Location {
			return care.Location{Ward: fmt.Sprintf("W%d", (i+k)%4), Bed: fmt.Sprint(i)}
		}
		id := care.CaseID(fmt.Sprintf("case-%04d", i))
		events := []care.Event{care.Started{At: at, ID: id},
			care.PersonTold{At: at, Person: care.Person{Family: fmt.Sprintf("Quill%03d", i*37%n), Given: "Edna", AsAt: at}},
			care.Admitted{At: at, Stay: care.Stay{Visit: fmt.Sprint(i), Org: org, Source: "kmh", Class: "I", Admitted: at, Where: ward(0)}}}
		if i%3 == 0 {
			events = append(events, care.Moved{At: at.Add(time.Minute), From: ward(0), To: ward(1)})
		}
		if i%4 != 0 {
			events = append(events, care.BecameReady{At: at, From: at})
		}
		if i%5 < 3 {
			states := []care.RefState{care.RefReceived, care.RefAccepted, care.RefAssessing, care.RefSourcing, care.RefClosed}
			r := care.Referral{ID: care.ReferralID(fmt.Sprint("R", i)), Key: fmt.Sprint(i), From: []nhs.ODS{kings, other}[pick(i, 5)%2], To: council, State: states[i%5],
				Pathway: fmt.Sprint(i % 4), Sent: at, Holder: care.Holder{Org: kings, Since: at}}
			if i%2 == 0 {
				r.Worker = care.Who{ID: care.ActorID(fmt.Sprint("w", i%3)), Name: "A Patel"}
			}
			events = append(events, care.ReferralSent{At: at, Referral: r})
		}
		if i%11 == 0 {
			events = append(events, care.Discharged{At: at.Add(time.Hour), Visit: fmt.Sprint(i), Leaving: care.Leaving{At: at.Add(time.Hour)}})
		}
		s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
			_, err := tx.Record(care.Case{}, care.Cause{}, at, events...)
			return err
		}))
	}
}

func someone(t *rapid.T) care.Actor {
	return rapid.SampledFrom([]care.Actor{as(care.Coordinator, kings), as(care.Coordinator, other), as(care.SocialWorker, notts), as(care.TeamManager, city),
		as(care.WallboardRole, kings), as(care.Admin, system)}).Draw(t, "by")
}

func query(t *rapid.T) ListQuery {
	q := ListQuery{
		Scope:    rapid.SampledFrom([]ListScope{ScopeTracker, ScopeWard, ScopeWorklist, ScopeUnsettled}).Draw(t, "scope"),
		Hospital: rapid.SampledFrom([]nhs.ODS{"", "", kings, other}).Draw(t, "hospital"),
		Ward:     rapid.SampledFrom([]string{"", "", "W1", "W2"}).Draw(t, "ward"),
		State:    rapid.SampledFrom([]care.RefState{"", "", "", care.RefAccepted}).Draw(t, "state"),
		Stage:    rapid.SampledFrom([]string{"", "", "referred", "arranging"}).Draw(t, "stage"),
		Pathway:  rapid.SampledFrom([]string{"", "", "1"}).Draw(t, "pathway"),
		Worker:   rapid.SampledFrom([]care.ActorID{"", "", "none", "w1"}).Draw(t, "worker"),
		Council:  rapid.SampledFrom([]nhs.ODS{"", "", notts}).Draw(t, "council"),
		Sort:     rapid.SampledFrom([]string{"", "wait", "name", "updated", "bed", "received", "expected"}).Draw(t, "sort"),
	}
	if w := rapid.IntRange(-1, 2).Draw(t, "wait"); w >= 0 {
		wait := Wait(w)
		q.Wait = &wait
	}
	return q
}

// What a live list says of one row is what the list's SQL says of all, and the
// counts are those of all pages.
func TestMatchesIsTheQuery(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		const n = 330
		s.crowd(n)
		s.view(func(tx *store.Tx) error {
			all, _, err := tx.RowsChanged(0, 2*n)
			if err != nil || len(all) != n {
				t.Fatalf("%d rows: %v", len(all), err)
			}
			rapid.Check(t, func(t *rapid.T) {
				by, q := someone(t), query(t)
				var listed []care.CaseID
				counts, ready := [3]int{}, 0
				pages, total, away := 1, 0, 0
				for q.Page = 1; q.Page <= pages; q.Page++ {
					v, err := s.list(tx, by, q, s.clock())
					if err != nil {
						t.Fatal(err)
					}
					pages, total = v.Pages, v.Total
					for _, r := range v.Rows {
						listed = append(listed, r.Row.Case)
						if r.MovedAway {
							away++ // shown, and counted where they are
							continue
						}
						if r.HasWait && r.Row.InBed {
							counts[r.Wait]++
							ready++
						}
						if q.Wait != nil && (!r.HasWait || !r.Row.InBed || r.Wait != *q.Wait) {
							t.Fatalf("a list of %v has somebody who waits %v", *q.Wait, r.Wait)
						}
					}
					if q.Page == pages && (v.Counts != counts || v.Ready != ready || v.NoWait+v.Left != v.Total-ready) {
						t.Fatalf("counted %v, %d ready of %d; the pages have %v, %d", v.Counts, v.Ready, v.Total, counts, ready)
					}
				}
				if len(listed) != total+away {
					t.Fatalf("%d rows on %d pages, counted %d", len(listed), pages, total)
				}
				for _, r := range all {
					if got, want := s.matches(s.agreedNow(), by, q, r, s.clock()), slices.Contains(listed, r.Case); got != want {
						t.Fatalf("%s: matches says %v, the list %v", r.Case, got, want)
					}
				}
			})
			return nil
		})
	})
}

// A source that falls silent is called stale by the time of day, and its rows say
// when it was last heard.
func TestStaleSources(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.admit(nobody(1))
		by, q := as(care.Coordinator, kings), ListQuery{Scope: ScopeWard}
		stale := func() (bool, bool) {
			t.Helper()
			v, err := s.List(s.ctx(), by, q)
			s.must(err)
			return v.Sources[0].Stale, v.Rows[0].Stale && v.Rows[0].AsAt.Equal(v.Sources[0].Last)
		}
		v, err := s.List(s.ctx(), by, q)
		s.must(err)
		w, err := s.Watch(s.ctx(), by, q, v.Seq)
		s.must(err)
		for day, x := range []struct {
			hour, minute int
			wait         time.Duration
			want         bool
		}{
			{9, 0, 20 * time.Minute, false}, {9, 0, 21 * time.Minute, true}, {22, 30, 21 * time.Minute, false}, {22, 30, 2*time.Hour + time.Minute, true},
			{3, 0, time.Hour, false}, {6, 50, 15 * time.Minute, false}, {6, 30, 31 * time.Minute, true},
		} {
			s.set(time.Date(2026, 11, 25+day, x.hour, x.minute, 0, 0, s.Zone))
			s.hear("kmh", says{event: "A08", p: nobody(1), ward: "W12/4", visit: "V" + nobody(1).mrn})
			s.pass(x.wait)
			if source, row := stale(); source != x.want || row != x.want {
				t.Errorf("%v after %d:%02d: source %v, row %v, want %v", x.wait, x.hour, x.minute, source, row, x.want)
			}
		}
		if u := s.next(w); len(u.Sources) == 0 || len(u.Changes) != 1 || !u.Changes[0].Row.Stale {
			t.Errorf("the live list was told %+v", u)
		}
	})
}

// A wallboard hangs where everybody sees it.
func TestWallboard(t *testing.T) {
	s := newSite(t, "sqlite")
	s.admit(nobody(1))
	wall := as(care.WallboardRole, kings)
	v, err := s.List(s.ctx(), wall, ListQuery{Scope: ScopeWard, Everything: true})
	s.must(err)
	if len(v.Rows) != 1 {
		t.Fatalf("%d rows", len(v.Rows))
	}
	r := v.Rows[0].Row
	if r.Person.Family != "Q" || r.Person.Given != "E" || !r.Person.Born.IsZero() || r.Person.Title+r.Person.Sex+r.Person.Preferred != "" || !r.NHS.IsZero() {
		t.Errorf("the wall shows %+v", r.Person)
	}
	w, err := s.Watch(s.ctx(), wall, ListQuery{Scope: ScopeWard}, 0)
	s.must(err)
	for _, c := range s.next(w).Changes {
		if len(c.Row.Row.Person.Family) > 1 || !c.Row.Row.NHS.IsZero() {
			t.Errorf("the live wall shows %+v", c.Row.Row.Person)
		}
	}
	for _, by := range []care.Actor{as(care.IGLead, kings), as(care.Admin, system), as(care.Integration, system)} {
		if _, err := s.List(s.ctx(), by, ListQuery{Scope: ScopeTracker}); care.KindOf(err) != care.Forbidden {
			t.Errorf("%s lists the tracker: %v", by.ID, err)
		}
		if _, err := s.Watch(s.ctx(), by, ListQuery{Scope: ScopeTracker}, 0); care.KindOf(err) != care.Forbidden {
			t.Errorf("%s follows the tracker: %v", by.ID, err)
		}
	}
}

// Counts that came too soon after others are told later and not forgotten.
func TestWatchOwesCounts(t *testing.T) {
	s := newSite(t, "sqlite")
	by, q := as(care.Coordinator, kings), ListQuery{Scope: ScopeWard}
	w, err := s.Watch(s.ctx(), by, q, 0)
	s.must(err)
	s.admit(nobody(1))
	if u := s.next(w); u.Counts == nil || u.Counts.Total != 1 {
		t.Fatalf("first: %+v", u.Counts)
	}
	s.admit(nobody(2))
	if u := s.next(w); u.Counts != nil || len(u.Changes) != 1 {
		t.Fatalf("within a second: %+v", u.Counts)
	}
	s.pass(2 * time.Second)
	if u, moved, err := w.look(s.ctx()); err != nil || !moved || u.Counts == nil || u.Counts.Total != 2 {
		t.Errorf("later: %+v %v", u.Counts, err)
	}
}

// After too much at once the page is to be read again.
func TestWatchResync(t *testing.T) {
	s := newSite(t, "sqlite")
	w, err := s.Watch(s.ctx(), as(care.Coordinator, kings), ListQuery{Scope: ScopeTracker}, 0)
	s.must(err)
	s.crowd(mostAtOnce + 5)
	if u := s.next(w); !u.Resync || len(u.Changes) != 0 || u.Seq != s.seq() {
		t.Errorf("told %d changes, resync %v", len(u.Changes), u.Resync)
	}
}
