package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/nhs"
)

// The kinds of key by which faces find a case. Each is found in the case too.
const (
	keyReferral = "referral" // by our own name for a referral
	keySent     = "sent:"    // and a trust's code: by the sender's own name for a referral
	keyVisit    = "visit:"   // and a trust's code: by a visit's number
)

// visitsFound is how many past stays of a case are found by their visits.
const visitsFound = 50

// faceKeys lists what faces find a case by.
func faceKeys(c care.Case) (ks []key) {
	if c.Stay != nil && c.Stay.Visit != "" {
		ks = append(ks, key{keyVisit + string(c.Stay.Org), text(c.Stay.Visit)})
	}
	for _, s := range c.Past[max(0, len(c.Past)-visitsFound):] {
		if s.Visit != "" {
			ks = append(ks, key{keyVisit + string(s.Org), text(s.Visit)})
		}
	}
	for _, r := range c.Referrals {
		ks = append(ks, key{keyReferral, text(string(r.ID))})
		if r.Key != "" {
			ks = append(ks, key{keySent + string(r.From), text(r.Key)})
		}
	}
	return ks
}

// FindVisit is the case that a stay belongs to, by the visit's number at a trust;
// "" when there is none.
func (t *Tx) FindVisit(org nhs.ODS, visit string) (care.CaseID, error) {
	return t.FindID(care.Identifier{System: keyVisit + string(org), Value: visit})
}

// FindReferral is the case that a referral belongs to; "" when there is none.
func (t *Tx) FindReferral(id care.ReferralID) (care.CaseID, error) {
	return t.FindID(care.Identifier{System: keyReferral, Value: string(id)})
}

// FindSent is the case of the referral that a trust sent under a name of its own;
// "" when there is none.
func (t *Tx) FindSent(org nhs.ODS, name string) (care.CaseID, error) {
	return t.FindID(care.Identifier{System: keySent + string(org), Value: name})
}

// listed is one row of the table resources.
type listed struct{ typ, id, part string }

// index writes what changed of what faces search, from one state of a case to the
// next. A resource that says what it said keeps its time.
func (t *Tx) index(was, next care.Case, now time.Time) error {
	before := map[listed]care.Mark{}
	status := map[listed]string{}
	for _, r := range t.s.cfg.Resources(was) {
		for _, m := range r.Marks {
			k := listed{r.Type, r.ID, m.Part}
			if _, twice := before[k]; !twice {
				before[k], status[k] = m, r.Status
			}
		}
	}
	var rows [][]any
	seen := map[listed]bool{} // joined records may hold one thing twice
	for _, r := range t.s.cfg.Resources(next) {
		for _, m := range r.Marks {
			k := listed{r.Type, r.ID, m.Part}
			if seen[k] {
				continue
			}
			seen[k] = true
			old, known := before[k]
			if !known || !old.Same(m) || status[k] != r.Status {
				rows = append(rows, []any{next.ID, k.typ, k.id, k.part, r.Status, now})
			}
			delete(before, k)
		}
	}
	if err := t.insert(`INSERT INTO resources (case_id, type, id, part, status, updated)`, rows,
		` ON CONFLICT (case_id, type, id, part) DO UPDATE SET status = excluded.status, updated = excluded.updated`); err != nil {
		return err
	}
	for k := range before {
		if err := t.exec(`DELETE FROM resources WHERE case_id = $1 AND type = $2 AND id = $3 AND part = $4`, next.ID, k.typ, k.id, k.part); err != nil {
			return err
		}
	}
	return t.parties(was, next)
}

func (t *Tx) parties(was, next care.Case) error {
	before, after := care.Parties(was), care.Parties(next)
	var rows [][]any
	for _, o := range after {
		if !slices.Contains(before, o) {
			rows = append(rows, []any{o, next.ID})
		}
	}
	for _, o := range before {
		if !slices.Contains(after, o) {
			if err := t.exec(`DELETE FROM parties WHERE org = $1 AND case_id = $2`, o, next.ID); err != nil {
				return err
			}
		}
	}
	return t.insert(`INSERT INTO parties (org, case_id)`, rows, ` ON CONFLICT (org, case_id) DO NOTHING`)
}

// Unindexed puts up to limit cases that were there before the index of resources
// into it, and says how many it did. What is said of when they changed is when they
// last made news.
func (t *Tx) Unindexed(limit int) (n int, err error) {
	var ids []care.CaseID
	err = t.query(`SELECT case_id FROM unindexed ORDER BY case_id LIMIT $1`, []any{limit}, func(row []any) error {
		var id care.CaseID
		err := scan(row, &id)
		ids = append(ids, id)
		return err
	})
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	cs, err := t.Cases(ids)
	if err != nil {
		return 0, err
	}
	for _, c := range cs {
		if err := t.indexWhole(c); err != nil {
			return 0, err
		}
	}
	for _, id := range ids {
		if err := t.exec(`DELETE FROM unindexed WHERE case_id = $1`, id); err != nil {
			return 0, err
		}
	}
	return len(ids), nil
}

func (t *Tx) indexWhole(c care.Case) error {
	var rows, keys, parties [][]any
	for _, r := range t.s.cfg.Resources(c) {
		for _, m := range r.Marks {
			rows = append(rows, []any{c.ID, r.Type, r.ID, m.Part, r.Status, c.News})
		}
	}
	for _, k := range keysOf(c) {
		keys = append(keys, []any{k.kind, t.forms(k.kind, k.value)[0], c.ID, t.b.tally.seq})
		delete(t.b.cache.keys, k)
	}
	for _, o := range care.Parties(c) {
		parties = append(parties, []any{o, c.ID})
	}
	if err := t.insert(`INSERT INTO resources (case_id, type, id, part, status, updated)`, rows, ` ON CONFLICT (case_id, type, id, part) DO NOTHING`); err != nil {
		return err
	}
	if err := t.insert(`INSERT INTO keys (kind, value, case_id, seq)`, keys, ` ON CONFLICT (kind, value, case_id) DO NOTHING`); err != nil {
		return err
	}
	return t.insert(`INSERT INTO parties (org, case_id)`, parties, ` ON CONFLICT (org, case_id) DO NOTHING`)
}

// ResourceRow is one part of a resource, and when it last changed.
type ResourceRow struct {
	Case           care.CaseID
	Type, ID, Part string
	Status         string
	Updated        time.Time
}

const resourceColumns = `case_id, type, id, part, status, updated`

func (t *Tx) resourceRows(sql string, vs ...any) (rs []ResourceRow, err error) {
	err = t.query(sql, vs, func(row []any) error {
		var r ResourceRow
		err := scan(row, &r.Case, &r.Type, &r.ID, &r.Part, &r.Status, &r.Updated)
		rs = append(rs, r)
		return err
	})
	return rs, err
}

// ResourcesOf lists the parts of the resources of a case.
func (t *Tx) ResourcesOf(id care.CaseID) ([]ResourceRow, error) {
	return t.resourceRows(`SELECT `+resourceColumns+` FROM resources WHERE case_id = $1 ORDER BY type, id, part`, id)
}

// Change is when a part of a resource of a case last changed.
type Change struct {
	Key  string // Type/id
	Part string
	At   time.Time
}

// ChangesOf is when the parts of the resources of a case last changed, in no order.
// It is read for each case that is shown: a column less is a tenth of its time.
func (t *Tx) ChangesOf(id care.CaseID) (out []Change, err error) {
	err = t.query(`SELECT type || '/' || id, part, updated FROM resources WHERE case_id = $1`, []any{id}, func(row []any) error {
		var c Change
		err := scan(row, &c.Key, &c.Part, &c.At)
		out = append(out, c)
		return err
	})
	return out, err
}

// ResourceFilter chooses resources; empty fields choose all.
type ResourceFilter struct {
	Party  nhs.ODS   // an organisation with a part in the case; needed
	Other  nhs.ODS   // and this one besides
	Types  []string  // of resources
	Status []string  // of resources
	Since  time.Time // some part of it changed at or after
	After  [3]string // case, type and id of the last one of the page before
	Limit  int
}

// few is how many rows are worth sorting: below it a search begins with what is
// rare, and above it with the order of the page.
const few = 2000

// FindResources lists resources in the order of their cases, types and ids. It
// begins where there is least to read: with what changed lately, with a state, or
// with the cases of an organisation.
func (t *Tx) FindResources(f ResourceFilter) ([]ResourceRow, error) {
	w := &where{}
	w.and("r.part = ''")
	if len(f.Types) > 0 {
		w.and("r.type IN ("+marks(len(f.Types))+")", strs(f.Types)...)
	}
	if len(f.Status) > 0 {
		w.and("r.status IN ("+marks(len(f.Status))+")", strs(f.Status)...)
	}
	if f.After[0] != "" {
		w.and("r.case_id >= ? AND (r.case_id > ? OR r.type > ? OR r.type = ? AND r.id > ?)", f.After[0], f.After[0], f.After[1], f.After[1], f.After[2])
	}
	from, order, err := t.begin(f, w)
	if err != nil {
		return nil, err
	}
	w.vs = append(w.vs, f.Limit)
	cols := "r." + strings.ReplaceAll(resourceColumns, ", ", ", r.")
	return t.resourceRows(`SELECT `+cols+` FROM `+from+` WHERE `+w.b.String()+fmt.Sprintf(` ORDER BY %s.case_id, r.type, r.id LIMIT $%d`, order, len(w.vs)), w.vs...)
}

// hasParty is that an organisation has a part in the case of a resource.
const hasParty = `EXISTS (SELECT 1 FROM parties p WHERE p.org = ? AND p.case_id = r.case_id)`

// begin is the tables that a search reads, the one to begin with first, and the one
// in whose order the cases come. SQLite keeps the order of a CROSS JOIN
// (https://www.sqlite.org/optoverview.html 7.2); PostgreSQL chooses for itself.
func (t *Tx) begin(f ResourceFilter, w *where) (from, order string, err error) {
	const same = `r.case_id = c.case_id AND r.type = c.type AND r.id = c.id`
	if !f.Since.IsZero() {
		n, err := t.atMost(few, `SELECT 1 FROM resources WHERE updated >= $1`, f.Since)
		if err != nil {
			return "", "", err
		}
		if n < few {
			w.and(hasParty, f.Party)
			if f.Other != "" {
				w.and(hasParty, f.Other)
			}
			w.and(same+` AND c.updated >= ? AND NOT EXISTS (SELECT 1 FROM resources d
				WHERE d.case_id = c.case_id AND d.type = c.type AND d.id = c.id AND d.part < c.part AND d.updated >= ?)`, f.Since, f.Since)
			return `resources c CROSS JOIN resources r`, "r", nil
		}
		w.and(`(SELECT max(c.updated) FROM resources c WHERE `+same+`) >= ?`, f.Since)
	}
	first, then, n, err := t.rarer(f.Party, f.Other)
	if err != nil {
		return "", "", err
	}
	if then != "" {
		w.and(hasParty, then)
	}
	if len(f.Status) == 1 && len(f.Types) == 1 && n == few {
		w.and(hasParty, first)
		return `resources r`, "r", nil
	}
	w.and("r.case_id = q.case_id AND q.org = ?", first)
	if f.After[0] != "" {
		w.and("q.case_id >= ?", f.After[0])
	}
	return `parties q CROSS JOIN resources r`, "q", nil
}

// rarer puts the one of two organisations first that has a part in fewer cases, and
// says in how many, up to few.
func (t *Tx) rarer(a, b nhs.ODS) (first, then nhs.ODS, n int, err error) {
	if n, err = t.casesOf(a); err != nil || b == "" || b == a {
		return a, "", n, err
	}
	m, err := t.casesOf(b)
	if m < n {
		return b, a, m, err
	}
	return a, b, n, err
}

// casesOf counts the cases in which an organisation has a part, up to few. Who has
// many keeps many: that is remembered as long as the process runs, for it only says
// with what a search begins.
func (t *Tx) casesOf(o nhs.ODS) (n int, err error) {
	if _, many := t.s.many.Load(o); many {
		return few, nil
	}
	n, err = t.atMost(few, `SELECT 1 FROM parties WHERE org = $1`, o)
	if err == nil && n == few && !t.write { // what a writer counts may be rolled back
		t.s.many.Store(o, true)
	}
	return n, err
}

// atMost counts rows, but no more than n.
func (t *Tx) atMost(n int, sql string, vs ...any) (found int, err error) {
	err = t.one(`SELECT count(*) FROM (`+sql+fmt.Sprintf(` LIMIT %d) AS counted`, n), vs, &found)
	return found, err
}

func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

func strs(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

// KeptResource is a resource as it came: Doc is the text that its sender wrote.
type KeptResource struct {
	Type, ID string
	Case     care.CaseID
	Org      nhs.ODS // whose system sent it
	Version  int     // the release of FHIR
	At       time.Time
	Doc      []byte
}

var keepResource = upsert("kept_resources", []string{"type", "id", "org"}, "case_id", "version", "at", "doc")

// KeepResource keeps a resource as it came, in the place of what the same
// organisation sent before.
func (t *Tx) KeepResource(k KeptResource) error {
	return t.exec(keepResource, k.Type, k.ID, k.Org, k.Case, k.Version, k.At, t.seal(keptDoc, string(k.Doc), k.Type, k.ID, k.Org))
}

// KeptResources lists the resources of a case as they came, of the same resource the
// newest last.
func (t *Tx) KeptResources(id care.CaseID) (ks []KeptResource, err error) {
	err = t.query(`SELECT type, id, case_id, org, version, at, doc FROM kept_resources WHERE case_id = $1 ORDER BY type, id, at, org`, []any{id}, func(row []any) error {
		var k KeptResource
		if err := scan(row, &k.Type, &k.ID, &k.Case, &k.Org, &k.Version, &k.At, &k.Doc); err != nil {
			return err
		}
		doc, err := t.open(keptDoc, k.Doc, k.Type, k.ID, k.Org)
		k.Doc = doc
		ks = append(ks, k)
		return err
	})
	return ks, err
}

// Taken is what came of something that a system sent under a name of its own.
type Taken struct {
	Feed, Name string
	Digest     []byte // of the body
	Message    MessageID
	Case       care.CaseID
	At         time.Time
	Doc        []byte
}

// takenFor is how long a name is remembered: longer than any sender tries again.
const takenFor = 400 * 24 * time.Hour

// Digest tells bodies apart, as for messages.
func Digest(raw []byte) []byte { return digest(raw) }

func takenName(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:16])
}

// PutTaken remembers what came of something.
func (t *Tx) PutTaken(k Taken) error {
	name := takenName(k.Name)
	return t.insert(`INSERT INTO taken (feed, name, digest, message, at, case_id, doc)`,
		[][]any{{k.Feed, name, k.Digest, int64(k.Message), k.At, k.Case, t.seal(takenDoc, string(k.Doc), k.Feed, name)}}, "")
}

// Taken is what came of something that was sent under a name; IsNone of the error
// when nothing was.
func (t *Tx) Taken(feed, name string) (k Taken, err error) {
	k.Feed, k.Name = feed, takenName(name)
	var m int64
	if err := t.one(`SELECT digest, message, at, case_id, doc FROM taken WHERE feed = $1 AND name = $2`, []any{feed, k.Name}, &k.Digest, &m, &k.At, &k.Case, &k.Doc); err != nil {
		return k, orNotFound(err, "What was sent under this name")
	}
	k.Message = MessageID(m)
	k.Doc, err = t.open(takenDoc, k.Doc, k.Feed, k.Name)
	return k, err
}

// sweepTaken forgets names that nobody sends again.
func (t *Tx) sweepTaken(now time.Time) error {
	return t.exec(`DELETE FROM taken WHERE at < $1`, now.Add(-takenFor))
}

// MarkUnindexed puts a case among those that Unindexed works.
func (t *Tx) MarkUnindexed(id care.CaseID) error {
	return t.insert(`INSERT INTO unindexed (case_id)`, [][]any{{id}}, ` ON CONFLICT (case_id) DO NOTHING`)
}
