package store

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/nhs"
)

// The kinds of key that are not a system of identifiers.
const (
	keyNHS = "nhs"     // the number a case has
	keyWas = "was-nhs" // a number it had
)

// key is one thing that a case is found by.
type key struct{ kind, value string }

// keysOf lists what a case is found by. A case that was joined into another
// claims nothing: the other has its identifiers.
func keysOf(c care.Case) (ks []key) {
	if c.JoinedTo != "" {
		return nil
	}
	add := func(k key) {
		if k.value != "" && !slices.Contains(ks, k) {
			ks = append(ks, k)
		}
	}
	add(key{keyNHS, c.NHS.Digits()})
	for _, n := range c.Formerly {
		add(key{keyWas, n.Digits()})
	}
	for _, id := range c.IDs {
		add(key{text(id.System), text(id.Value)})
	}
	for _, k := range faceKeys(c) {
		add(k)
	}
	return ks
}

// cache is what a batch has read and may read again: it is right while the
// batch holds the writer's lock. In a View it is right for the snapshot.
type cache struct {
	cases map[care.CaseID]care.Case // zero ID: there is no such case
	keys  map[key][]care.CaseID
}

func (c *cache) forget() { *c = cache{} }

func (c *cache) put(id care.CaseID, v care.Case) {
	if c.cases == nil {
		c.cases = map[care.CaseID]care.Case{}
	}
	c.cases[id] = v
}

func (c *cache) putKey(k key, ids []care.CaseID) {
	if c.keys == nil {
		c.keys = map[key][]care.CaseID{}
	}
	c.keys[k] = ids
}

// Case reads a case; care.NotFound when there is none.
func (t *Tx) Case(id care.CaseID) (care.Case, error) {
	if err := t.load([]care.CaseID{id}); err != nil {
		return care.Case{}, err
	}
	if c := t.b.cache.cases[id]; c.ID != "" {
		return c, nil
	}
	return care.Case{}, notFound("The record")
}

// Cases reads several cases in one round trip, in the order of ids; those that
// are not there are left out.
func (t *Tx) Cases(ids []care.CaseID) ([]care.Case, error) {
	if err := t.load(ids); err != nil {
		return nil, err
	}
	var cs []care.Case
	for _, id := range ids {
		if c := t.b.cache.cases[id]; c.ID != "" {
			cs = append(cs, c)
		}
	}
	return cs, nil
}

func (t *Tx) load(ids []care.CaseID) error {
	var vs [][]any
	for _, id := range ids {
		if _, ok := t.b.cache.cases[id]; !ok {
			t.b.cache.put(id, care.Case{})
			vs = append(vs, []any{id})
		}
	}
	err := t.queryEach(`SELECT id, doc FROM cases WHERE id = $1`, vs, func(_ int, row []any) error {
		var id care.CaseID
		var doc []byte
		if err := scan(row, &id, &doc); err != nil {
			return err
		}
		doc, err := t.open(caseDoc, doc, id)
		if err != nil {
			return err
		}
		c, err := t.s.decoded.read(doc)
		t.b.cache.put(id, c)
		return err
	})
	if err != nil {
		t.b.cache.forget()
	}
	return err
}

// FindNHS lists the cases that have an NHS number, and after them those that
// had it and were given another. More than one is possible: that is a question
// for a person.
func (t *Tx) FindNHS(n nhs.Number) ([]care.CaseID, error) {
	if n.IsZero() {
		return nil, nil
	}
	now, was := key{keyNHS, n.Digits()}, key{keyWas, n.Digits()}
	if err := t.loadKeys([]key{now, was}); err != nil {
		return nil, err
	}
	ids := slices.Clone(t.b.cache.keys[now])
	for _, id := range t.b.cache.keys[was] {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// FindID is the case that an identifier belongs to, "" when there is none. When
// several cases claim it, the one that claimed it last has it.
func (t *Tx) FindID(id care.Identifier) (care.CaseID, error) {
	k := key{text(id.System), text(id.Value)}
	if err := t.loadKeys([]key{k}); err != nil {
		return "", err
	}
	if ids := t.b.cache.keys[k]; len(ids) > 0 {
		return ids[0], nil
	}
	return "", nil
}

// Prefetch reads what FindNHS, FindID and Case will be asked for, in two round
// trips whatever the number.
func (t *Tx) Prefetch(numbers []nhs.Number, ids []care.Identifier) error {
	var ks []key
	for _, n := range numbers {
		if !n.IsZero() {
			ks = append(ks, key{keyNHS, n.Digits()}, key{keyWas, n.Digits()})
		}
	}
	for _, id := range ids {
		ks = append(ks, key{text(id.System), text(id.Value)})
	}
	if err := t.loadKeys(ks); err != nil {
		return err
	}
	var cases []care.CaseID
	for _, k := range ks {
		cases = append(cases, t.b.cache.keys[k]...)
	}
	return t.load(cases)
}

func (t *Tx) loadKeys(ks []key) error {
	if err := t.fresh(); err != nil {
		return err
	}
	var vs [][]any
	var asked []key
	n := 1
	for _, k := range ks {
		if _, ok := t.b.cache.keys[k]; !ok {
			t.b.cache.putKey(k, nil)
			forms := t.forms(k.kind, k.value)
			n = max(n, len(forms))
			vs = append(vs, append([]any{k.kind}, anys(forms)...))
			asked = append(asked, k)
		}
	}
	for i, v := range vs { // an empty value has one form
		for len(v) < n+1 {
			v = append(v, v[1])
		}
		vs[i] = v
	}
	err := t.queryEach(`SELECT case_id FROM keys WHERE kind = $1 AND value IN (`+oneOf(2, n)+`) ORDER BY seq DESC, case_id`, vs, func(i int, row []any) error {
		var id care.CaseID
		err := scan(row, &id)
		t.b.cache.putKey(asked[i], append(t.b.cache.keys[asked[i]], id))
		return err
	})
	if err != nil {
		t.b.cache.forget()
	}
	return err
}

// oneOf writes $from, ... for n values; it is short: see forms.
func oneOf(from, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "$%d", from+i)
	}
	return b.String()
}

func anys(forms []string) []any {
	vs := make([]any, len(forms))
	for i, f := range forms {
		vs[i] = f
	}
	return vs
}

// FindPerson lists the cases of people with this family name, date of birth and
// postcode. Case, spaces and punctuation do not count. All three are needed.
func (t *Tx) FindPerson(family string, born nhs.Date, postcode string) (ids []care.CaseID, err error) {
	k := personKey(family, born, postcode)
	if k == "" {
		return nil, nil
	}
	if err := t.fresh(); err != nil {
		return nil, err
	}
	forms := t.forms(personKind, k)
	err = t.query(`SELECT id FROM cases WHERE person IN (`+oneOf(1, len(forms))+`) AND person <> '' ORDER BY id`, anys(forms), func(row []any) error {
		var id care.CaseID
		err := scan(row, &id)
		ids = append(ids, id)
		return err
	})
	return ids, err
}

// personKind is the kind of the index cases.person.
const personKind = "cases.person"

// personOf is what FindPerson finds a case by; "" for one that was joined.
func personOf(c care.Case) string {
	if c.JoinedTo != "" {
		return ""
	}
	return personKey(c.Person.Family, c.Person.Born, c.Person.Address.Postcode)
}

func personKey(family string, born nhs.Date, postcode string) string {
	f, p := plain(family), plain(postcode)
	if f == "" || p == "" || born.IsZero() {
		return ""
	}
	return f + "|" + born.String() + "|" + p
}

// plain keeps letters and digits, as capitals.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r > 127 {
			return r
		}
		return -1
	}, strings.ToUpper(text(s)))
}

// Record is the only way a case changes. It applies the events to the case as
// it is stored, saves it with its keys, history and tracker row, and returns
// the new case. It is a care.Conflict when c is not the version that is stored.
// A new case has Version 0 and begins with care.Started.
func (t *Tx) Record(c care.Case, cause care.Cause, now time.Time, events ...care.Event) (care.Case, error) {
	if len(events) == 0 {
		return c, nil
	}
	if err := t.ready(true); err != nil {
		return c, err
	}
	var was care.Case
	if c.Version > 0 {
		var err error
		if was, err = t.Case(c.ID); err != nil {
			return c, err
		}
	}
	if was.Version != c.Version {
		return c, conflict("Somebody else changed this record first. Look at it again")
	}
	next := care.Apply(was, events...)
	if next.ID == "" {
		return c, fmt.Errorf("recording a new case: its first event must be care.Started with an id")
	}
	if err := t.save(was, next); err != nil {
		return c, err
	}
	if err := t.appendHistory(next.ID, was.Version, cause, now, events); err != nil {
		return c, err
	}
	if err := t.claimKeys(was, next); err != nil {
		return c, err
	}
	// A row that stays as it is must not be told again: that alone would tell
	// its readers that something happened which they may not know.
	if row := t.s.cfg.Row(next); was.Version == 0 || !reflect.DeepEqual(row, t.s.cfg.Row(was)) {
		if err := t.track(row); err != nil {
			return c, err
		}
	}
	if err := firstError(t.index(was, next, now), t.thread(was, next)); err != nil {
		return c, err
	}
	t.b.cache.put(next.ID, next)
	return next, nil
}

func (t *Tx) save(was, next care.Case) error {
	doc, err := care.Write(next)
	if err != nil {
		return err
	}
	person := t.forms(personKind, personOf(next))[0]
	if was.Version == 0 {
		return t.exec(`INSERT INTO cases (id, version, person, joined, doc) VALUES ($1, $2, $3, $4, $5)`,
			next.ID, next.Version, person, next.JoinedTo, t.seal(caseDoc, string(doc), next.ID))
	}
	return t.exec(`UPDATE cases SET version = $1, person = $2, joined = $3, doc = $4 WHERE id = $5`,
		next.Version, person, next.JoinedTo, t.seal(caseDoc, string(doc), next.ID), next.ID)
}

func (t *Tx) appendHistory(id care.CaseID, version int, cause care.Cause, now time.Time, events []care.Event) error {
	why, err := toJSON(cause)
	if err != nil {
		return err
	}
	rows := make([][]any, len(events))
	for i, e := range events {
		name, body, err := care.Encode(e)
		if err != nil {
			return err
		}
		t.b.tally.seq++
		n := t.b.tally.seq
		rows[i] = []any{n, id, version + i + 1, now, name, t.seal(historyBody, string(body), n), t.seal(historyCause, why, n)}
	}
	return t.insert(`INSERT INTO history (seq, case_id, n, recorded, name, body, cause)`, rows, "")
}

// claimKeys writes the difference between what a case was found by and is.
func (t *Tx) claimKeys(was, next care.Case) error {
	before, after := keysOf(was), keysOf(next)
	var rows [][]any
	for _, k := range after {
		if !slices.Contains(before, k) {
			rows = append(rows, []any{k.kind, t.forms(k.kind, k.value)[0], next.ID, t.b.tally.seq})
			if ids, ok := t.b.cache.keys[k]; ok {
				t.b.cache.keys[k] = append([]care.CaseID{next.ID}, ids...)
			}
		}
	}
	for _, k := range before {
		if slices.Contains(after, k) {
			continue
		}
		for _, form := range t.forms(k.kind, k.value) {
			if err := t.exec(`DELETE FROM keys WHERE kind = $1 AND value = $2 AND case_id = $3`, k.kind, form, next.ID); err != nil {
				return err
			}
		}
		delete(t.b.cache.keys, k)
	}
	return t.insert(`INSERT INTO keys (kind, value, case_id, seq)`, rows, "")
}

// History is what happened to a case, oldest first.
func (t *Tx) History(id care.CaseID) ([]care.Entry, error) {
	return t.entries(`WHERE case_id = $1 ORDER BY n`, id)
}

// HistorySince is what happened to any case after seq, in the order of commit.
func (t *Tx) HistorySince(seq int64, limit int) ([]care.Entry, error) {
	return t.entries(`WHERE seq > $1 ORDER BY seq LIMIT $2`, seq, limit)
}

// Seq is the number of the newest entry of the history of everything.
func (t *Tx) Seq() (n int64, err error) {
	if t.write {
		return t.b.tally.seq, nil
	}
	err = t.one(`SELECT seq FROM tally WHERE id = 1`, nil, &n)
	return n, err
}

func (t *Tx) entries(where string, vs ...any) (es []care.Entry, err error) {
	err = t.query(`SELECT seq, case_id, n, recorded, name, body, cause FROM (SELECT * FROM history WHERE name <> '`+erasedEntry+`') AS kept `+where, vs, func(row []any) error {
		var e care.Entry
		var name string
		var body, cause []byte
		if err := scan(row, &e.Seq, &e.Case, &e.N, &e.Recorded, &name, &body, &cause); err != nil {
			return err
		}
		body, err := t.open(historyBody, body, e.Seq)
		if err != nil {
			return err
		}
		if cause, err = t.open(historyCause, cause, e.Seq); err != nil {
			return err
		}
		if err := json.Unmarshal(cause, &e.Cause); err != nil {
			return fmt.Errorf("reading the cause of entry %d: %w", e.Seq, err)
		}
		ev, err := care.Decode(name, body)
		e.Event = ev
		es = append(es, e)
		return err
	})
	return es, err
}
