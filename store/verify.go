package store

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"homeward/care"
)

// Verify checks the whole store against itself, on one snapshot and in bounded
// memory: that each case is what its history folds to, that keys and tracker
// agree with the cases, that nothing is left of who was erased, that nothing is numbered with gaps, that the counts of
// feeds and lanes are right, and that the audit log proves itself and continues
// the known trees, such as those of signed checkpoints. report is
// told of each thing that is wrong, by ids and without personal data. The error
// says how many there were.
func (s *Store) Verify(ctx context.Context, report func(string), known ...tlog.Tree) error {
	wrong := 0
	err := s.View(ctx, func(t *Tx) error {
		if err := t.fresh(); err != nil {
			return err
		}
		v := &verifying{t: t, known: known, report: func(text string) { wrong++; report(text) }}
		for _, f := range []func() error{v.allCases, v.erased, v.totals, v.points, v.feeds, v.lanes, v.agreements, v.overrides, v.audit, v.sealed} {
			if err := f(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("checking the store: %w", err)
	}
	if wrong > 0 {
		return fmt.Errorf("checking the store: %d things are wrong", wrong)
	}
	return nil
}

type verifying struct {
	t      *Tx
	report func(string)
	known  []tlog.Tree

	cases, entries, keys, resources int64
	unindexed                       map[care.CaseID]bool
}

func (v *verifying) wrong(format string, vs ...any) { v.report(fmt.Sprintf(format, vs...)) }

// checked is a case as it is stored, and as its history says.
type checked struct {
	id      care.CaseID
	version int
	person  string
	joined  care.CaseID
	doc     []byte
	folded  care.Case
	keys    []key
	row     string
	rowSeq  int64
	lastSeq int64
	listed  []listed
	threads []care.Thread
	broken  bool
}

const casesAtOnce = 100

func (v *verifying) allCases() error {
	if err := v.waiting(); err != nil {
		return err
	}
	after := care.CaseID("")
	for {
		var page []*checked
		err := v.t.query(`SELECT id, version, person, joined, doc FROM cases WHERE id > $1 ORDER BY id LIMIT $2`, []any{after, casesAtOnce},
			func(row []any) error {
				c := &checked{}
				page = append(page, c)
				err := scan(row, &c.id, &c.version, &c.person, &c.joined, &c.doc)
				if err == nil {
					c.doc = v.open(c, caseDoc, c.doc, c.id)
				}
				return err
			})
		if err != nil || len(page) == 0 {
			return err
		}
		if err := v.load(page); err != nil {
			return err
		}
		for _, c := range page {
			v.check(c)
		}
		after = page[len(page)-1].id
	}
}

func (v *verifying) load(page []*checked) error {
	var ids [][]any
	fresh := func() [][]any {
		ids = nil
		for _, c := range page {
			ids = append(ids, []any{c.id})
		}
		return ids
	}
	err := v.t.queryEach(`SELECT seq, n, name, body FROM history WHERE case_id = $1 ORDER BY n`, fresh(), func(i int, row []any) error {
		return v.fold(page[i], row)
	})
	if err != nil {
		return err
	}
	err = v.t.queryEach(`SELECT kind, value FROM keys WHERE case_id = $1`, fresh(), func(i int, row []any) error {
		var k key
		err := scan(row, &k.kind, &k.value)
		page[i].keys = append(page[i].keys, k)
		v.keys++
		return err
	})
	if err != nil {
		return err
	}
	err = v.t.queryEach(`SELECT type, id, part FROM resources WHERE case_id = $1`, fresh(), func(i int, row []any) error {
		var l listed
		err := scan(row, &l.typ, &l.id, &l.part)
		page[i].listed = append(page[i].listed, l)
		v.resources++
		return err
	})
	if err != nil {
		return err
	}
	err = v.t.queryEach(`SELECT `+threadColumns+` FROM threads WHERE case_id = $1`, fresh(), func(i int, row []any) error {
		x, err := scanThread(row)
		page[i].threads = append(page[i].threads, x.Thread)
		return err
	})
	if err != nil {
		return err
	}
	return v.t.queryEach(`SELECT seq, doc FROM tracker WHERE case_id = $1`, fresh(), func(i int, row []any) error {
		c := page[i]
		err := scan(row, &c.rowSeq, &c.row)
		if err == nil {
			c.row = string(v.open(c, trackerDoc, []byte(c.row), c.id))
		}
		return err
	})
}

// open opens a sealed value of a case; one that cannot be opened is wrong, and
// the case is looked at no further.
func (v *verifying) open(c *checked, col *column, stored []byte, key ...any) []byte {
	plain, err := v.t.open(col, stored, key...)
	if err != nil && !c.broken {
		v.wrong("case %s: %v", c.id, err)
		c.broken = true
	}
	return plain
}

func (v *verifying) fold(c *checked, row []any) error {
	var n int
	var name string
	var body []byte
	seq := c.lastSeq
	if err := scan(row, &c.lastSeq, &n, &name, &body); err != nil {
		return err
	}
	v.entries++
	if body = v.open(c, historyBody, body, c.lastSeq); c.broken {
		return nil
	}
	e, err := care.Decode(name, body)
	switch {
	case err != nil:
		v.wrong("case %s: entry %d cannot be read", c.id, n)
		c.broken = true
	case n != c.folded.Version+1 || c.lastSeq <= seq:
		v.wrong("case %s: entry %d stands where entry %d should", c.id, n, c.folded.Version+1)
		c.broken = true
	default:
		c.folded = care.Apply(c.folded, e)
	}
	return nil
}

func (v *verifying) check(c *checked) {
	v.cases++
	if c.broken {
		return
	}
	stored, err := care.Read(c.doc)
	if err != nil {
		v.wrong("case %s: its document cannot be read", c.id)
		return
	}
	if !sameCase(stored, c.folded) || c.version != stored.Version || c.joined != stored.JoinedTo || stored.ID != c.id {
		v.wrong("case %s: it is not what its history says", c.id)
	}
	want := keysOf(stored)
	missing := slices.DeleteFunc(slices.Clone(want), func(k key) bool {
		return slices.ContainsFunc(v.t.forms(k.kind, k.value), func(f string) bool { return slices.Contains(c.keys, key{k.kind, f}) })
	})
	if waits := v.unindexed[c.id]; !waits && (len(missing) > 0 || len(want) != len(c.keys)) {
		v.wrong("case %s: it is not found by exactly its own identifiers", c.id)
	}
	if stored.JoinedTo == "" && !slices.Contains(v.t.forms(personKind, personOf(stored)), c.person) {
		v.wrong("case %s: it is not found by its own name, birth date and postcode", c.id)
	}
	v.listing(c, stored)
	row, err := toJSON(v.t.s.cfg.Row(stored))
	if err != nil || row != c.row {
		v.wrong("case %s: its row of the tracker is not what follows from it", c.id)
	}
	if c.rowSeq == 0 || c.rowSeq > c.lastSeq { // a row that stays as it is keeps its place
		v.wrong("case %s: its row of the tracker is of no time of its history", c.id)
	}
	v.threading(c, stored)
}

// listing checks that what faces search of a case follows from it.
func (v *verifying) listing(c *checked, stored care.Case) {
	if v.unindexed[c.id] {
		return
	}
	want := map[listed]bool{}
	for _, r := range v.t.s.cfg.Resources(stored) {
		for _, m := range r.Marks {
			want[listed{r.Type, r.ID, m.Part}] = true
		}
	}
	for _, l := range c.listed {
		if !want[l] {
			v.wrong("case %s: what is searched of it is not what it holds", c.id)
			return
		}
	}
	if len(want) != len(c.listed) {
		v.wrong("case %s: what is searched of it is not all that it holds", c.id)
	}
}

// waiting reads which cases are not in the index of resources yet.
func (v *verifying) waiting() error {
	v.unindexed = map[care.CaseID]bool{}
	return v.t.query(`SELECT case_id FROM unindexed`, nil, func(row []any) error {
		var id care.CaseID
		err := scan(row, &id)
		v.unindexed[id] = true
		return err
	})
}

func sameCase(a, b care.Case) bool {
	x, err := care.Write(a)
	y, err2 := care.Write(b)
	return err == nil && err2 == nil && bytes.Equal(x, y)
}

// totals finds rows that belong to nothing, and gaps.
func (v *verifying) totals() error {
	var tally tally
	if err := v.t.query(tallyText, nil, tally.scan); err != nil {
		return err
	}
	var history, seq, keys, rows, messages, last, resources int64
	err := v.t.one(`SELECT (SELECT count(*) FROM history), (SELECT coalesce(max(seq), 0) FROM history), (SELECT count(*) FROM keys),
		(SELECT count(*) FROM tracker), (SELECT count(*) FROM messages), (SELECT coalesce(max(id), 0) FROM messages),
		(SELECT count(*) FROM resources)`, nil, &history, &seq, &keys, &rows, &messages, &last, &resources)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		what      string
		has, want int64
	}{
		{"history has entries of no case", history, v.entries}, {"history has gaps", seq, history},
		{"history does not end where it should", seq, tally.seq}, {"there are keys of no case", keys, v.keys},
		{"there are resources of no case", resources, v.resources},
		{"the tracker has rows of no case", rows, v.cases}, {"messages have gaps", last, messages},
		{"messages do not end where they should", last, tally.messages},
	} {
		if c.has != c.want {
			v.wrong("%s: %d and %d", c.what, c.has, c.want)
		}
	}
	return nil
}

// points finds points of no case. Those of people who were erased have names that stand
// for nobody; those of no case at all do not come from history.
func (v *verifying) points() error {
	return v.t.query(`SELECT DISTINCT case_id FROM counted WHERE case_id <> '' AND NOT EXISTS (SELECT 1 FROM cases WHERE id = counted.case_id) ORDER BY case_id`, nil, func(row []any) error {
		var id care.CaseID
		err := scan(row, &id)
		if !IsErasedPoint(id) {
			v.wrong("case %s: there are points of it for measures, and it is not there", id)
		}
		return err
	})
}

func (v *verifying) feeds() error {
	type count struct {
		feed  string
		state MessageState
	}
	has := map[count]int64{}
	err := v.t.query(`SELECT feed, state, count(*) FROM messages GROUP BY feed, state`, nil, func(row []any) error {
		var c count
		var n int64
		err := scan(row, &c.feed, &c.state, &n)
		has[c] = n
		return err
	})
	if err != nil {
		return err
	}
	fs, err := v.t.Feeds()
	for _, f := range fs {
		states := map[MessageState]int64{MessageNew: f.New, MessageDone: f.Done, MessageHeld: f.Held, MessageIgnored: f.Ignored, MessageUnreadable: f.Unreadable}
		for _, s := range []MessageState{MessageNew, MessageDone, MessageHeld, MessageIgnored, MessageUnreadable} {
			if n := has[count{f.Feed, s}]; n != states[s] {
				v.wrong("feed %s: it has %d messages that are %s and counts %d", f.Feed, n, s, states[s])
			}
			delete(has, count{f.Feed, s})
		}
	}
	for c, n := range has {
		v.wrong("feed %s: it has %d messages that are %s and counts none", c.feed, n, c.state)
	}
	return err
}

func (v *verifying) lanes() error {
	return v.t.query(`SELECT name, pending, (SELECT count(*) FROM jobs WHERE lane = lanes.name AND state = 'ready') FROM lanes ORDER BY name`, nil,
		func(row []any) error {
			var name string
			var pending, jobs int64
			err := scan(row, &name, &pending, &jobs)
			if pending != jobs {
				v.wrong("lane %s: %d jobs wait and it counts %d", name, jobs, pending)
			}
			return err
		})
}

func (v *verifying) audit() error {
	err := v.t.VerifyAudit(nil, v.known...)
	if err != nil && v.t.fault == nil {
		v.report(err.Error())
		return nil
	}
	return err
}

// sealed opens every sealed value that the other checks do not, so that one that
// was changed, or put in another row, is found.
func (v *verifying) sealed() error {
	if v.t.s.ring.Load() == nil {
		return nil
	}
	for _, c := range sealedColumns {
		if c == caseDoc || c == historyBody || c == trackerDoc || c == auditDoc {
			continue
		}
		list := strings.Join(append(slices.Clone(c.key), c.name), ", ")
		err := v.t.query("SELECT "+list+" FROM "+c.table+" ORDER BY "+strings.Join(c.key, ", "), nil, func(row []any) error {
			var value []byte
			n := len(c.key)
			if err := scan(row[n:], &value); err != nil {
				return err
			}
			if _, err := v.t.open(c, value, row[:n]...); err != nil {
				v.wrong("%v", err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
