package hub

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/extract"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// ErrNotYet is that an extract is not there whole yet: look again later.
var ErrNotYet = errors.New("the extract is not complete yet")

// ImportResult is what became of an extract.
type ImportResult struct {
	ID          int64
	State       string // done, stopped (a person must look), refused
	Why         string
	People      int
	Children    int
	Changed     int
	Packages    int // in place after it
	Ending      int // packages in place that it ends
	Ended       int // people of whom the council holds nothing any more
	Quarantined int
	Notes       []string
}

// importing is one import under way.
type importing struct {
	h       *Hub
	feed    CouncilFeed
	reader  *extract.Reader
	row     store.Import
	release bool // a person has let it go on
	res     ImportResult
	n       int                 // rows quarantined
	bad     []store.Quarantined // those that are not written yet
	kept    map[string]bool
	unread  map[string]missed    // by the council's number: people about whom a row could not be read
	lost    bool                 // a row of people is nobody's that can be read
	before  time.Time            // when all was as the council told it: the newest extract before
	several map[care.CaseID]bool // cases in the extract that the council knows by several numbers
	active  int                  // packages in place before
}

// importCause is the kind of cause of what an import tells.
const importCause = "import"

// Import reads a council's extract from a folder. Good rows load, bad rows are
// quarantined, and a full extract that would end too many packages stops for a
// person before anything is changed. Reading the same extract again changes
// nothing.
func (h *Hub) Import(ctx context.Context, council nhs.ODS, name string, fsys fs.FS, layout extract.Layout) (ImportResult, error) {
	return h.importFrom(ctx, council, name, fsys, layout, false)
}

// Resume reads a stopped extract again, after a person has let it go on.
func (h *Hub) Resume(ctx context.Context, council nhs.ODS, name string, fsys fs.FS, layout extract.Layout) (ImportResult, error) {
	return h.importFrom(ctx, council, name, fsys, layout, true)
}

func (h *Hub) importFrom(ctx context.Context, council nhs.ODS, name string, fsys fs.FS, layout extract.Layout, release bool) (ImportResult, error) {
	feed, ok := h.councils[council]
	if !ok {
		return ImportResult{}, &care.Error{Kind: care.NotFound, Field: "council", Text: "This council's extract is not in the configuration"}
	}
	from := care.Source{Feed: feed.Name, Name: feed.Title, Org: council}
	reader, err := extract.Open(fsys, layout, from)
	if errors.Is(err, extract.ErrIncomplete) {
		return ImportResult{}, ErrNotYet
	}
	im := &importing{h: h, feed: feed, reader: reader, release: release, kept: map[string]bool{}, unread: map[string]missed{}, several: map[care.CaseID]bool{},
		row: store.Import{Council: council, File: name, Started: h.now()}}
	var stopped *extract.Stopped
	if errors.As(err, &stopped) {
		if m, err := extract.ReadManifest(fsys); err == nil { // what it says of itself, for whoever asks why
			im.row.Kind, im.row.AsAt = store.ImportKind(m.Kind), m.AsAt.UTC()
		}
		return im.refused(ctx, stopped.Error())
	}
	if err != nil {
		return ImportResult{}, err
	}
	m := reader.Manifest()
	im.row.Kind, im.row.AsAt = store.ImportKind(m.Kind), m.AsAt.UTC()
	im.res.Notes = reader.Notes()
	return im.run(ctx)
}

// run does the steps in order. A crash in the middle is mended by reading the
// extract again: every step may be done twice.
func (im *importing) run(ctx context.Context) (ImportResult, error) {
	if why, err := im.wrongTime(ctx); err != nil || why != "" {
		return im.refusedOr(ctx, why, err)
	}
	if err := im.update(ctx, func(tx *store.Tx) (err error) { im.row, err = tx.BeginImport(im.row); return err }); err != nil {
		return im.res, err
	}
	for _, step := range []func(context.Context) error{im.directory, im.flush, im.weigh} {
		if err := step(ctx); err != nil {
			return im.failed(ctx, err)
		}
	}
	if im.row.State == store.ImportStopped {
		return im.finish(ctx)
	}
	for _, step := range []func(context.Context) error{im.people, im.leftovers, im.flush, im.markUnread, im.endMissing} {
		if err := step(ctx); err != nil {
			return im.failed(ctx, err)
		}
	}
	im.row.State = store.ImportDone
	return im.finish(ctx)
}

func (im *importing) update(ctx context.Context, f func(*store.Tx) error) error {
	return im.h.Store.Update(ctx, f)
}

// wrongTime refuses an extract that is from the future or older than what is
// known already.
func (im *importing) wrongTime(ctx context.Context) (why string, err error) {
	if im.row.AsAt.After(im.h.now().Add(5 * time.Minute)) {
		return "manifest.toml: as_at is in the future. Check the clock of the system that made it", nil
	}
	err = im.h.Store.View(ctx, func(tx *store.Tx) error {
		st, err := tx.CouncilState(im.row.Council)
		im.before = st.AsAt
		if err == nil && im.row.AsAt.Before(st.AsAt) {
			why = "manifest.toml: as_at is older than the extract that was read last. Send a newer one"
		}
		return err
	})
	return why, err
}

func (im *importing) refusedOr(ctx context.Context, why string, err error) (ImportResult, error) {
	if err != nil {
		return im.res, err
	}
	return im.refused(ctx, why)
}

// refused records an extract of which nothing was taken.
func (im *importing) refused(ctx context.Context, why string) (ImportResult, error) {
	im.row.State, im.row.Reason, im.row.Ended = store.ImportRefused, why, im.h.now()
	err := im.update(ctx, func(tx *store.Tx) error {
		row, err := tx.BeginImport(im.row)
		if err != nil {
			return err
		}
		row.State = store.ImportRefused
		im.row = row
		return tx.SaveImport(row)
	})
	im.res.ID, im.res.State, im.res.Why = int64(im.row.ID), string(store.ImportRefused), why
	return im.res, err
}

func (im *importing) failed(ctx context.Context, cause error) (ImportResult, error) {
	im.row.State, im.row.Reason = store.ImportStopped, "It broke off: "+cause.Error()
	if _, err := im.finish(context.WithoutCancel(ctx)); err != nil {
		return im.res, errors.Join(cause, err)
	}
	return im.res, cause
}

// finish records the end and, when all is done, how fresh the council is.
func (im *importing) finish(ctx context.Context) (ImportResult, error) {
	im.row.Ended, im.row.Quarantined = im.h.now(), im.n
	r := &im.res
	im.row.Counts = map[string]int{"people": r.People, "children": r.Children, "changed": r.Changed, "packages": r.Packages, "ending": r.Ending, "ended": r.Ended}
	r.ID, r.State, r.Why, r.Quarantined = int64(im.row.ID), string(im.row.State), im.row.Reason, im.n
	if err := im.flush(ctx); err != nil {
		return im.res, err
	}
	if err := im.update(ctx, func(tx *store.Tx) error { return tx.StagedClear(im.row.ID) }); err != nil {
		return im.res, err
	}
	return im.res, im.update(ctx, func(tx *store.Tx) error {
		if err := tx.SaveImport(im.row); err != nil {
			return err
		}
		if im.row.State != store.ImportDone {
			return nil
		}
		st, err := tx.CouncilState(im.row.Council)
		if err != nil {
			return err
		}
		st.AsAt, st.Import = im.row.AsAt, im.row.ID
		if im.row.Kind == store.ImportFull {
			st.LastFull = im.row.AsAt
		}
		return tx.PutCouncilState(st)
	})
}

// directory loads providers and teams.
func (im *importing) directory(ctx context.Context) error {
	var providers []care.Provider
	for p, bad := range im.reader.Providers() {
		if bad != nil {
			if err := im.quarantine(ctx, bad); err != nil {
				return err
			}
			continue
		}
		providers = append(providers, p)
	}
	var teams []care.Team
	for t, bad := range im.reader.Teams() {
		if bad != nil {
			if err := im.quarantine(ctx, bad); err != nil {
				return err
			}
			continue
		}
		teams = append(teams, t)
	}
	if err := im.reader.Err(); err != nil {
		return err
	}
	for batch := range slices.Chunk(providers, importBatch) {
		if err := im.update(ctx, func(tx *store.Tx) error { return tx.PutProviders(batch...) }); err != nil {
			return err
		}
	}
	for batch := range slices.Chunk(teams, importBatch) {
		if err := im.update(ctx, func(tx *store.Tx) error { return tx.PutTeams(batch...) }); err != nil {
			return err
		}
	}
	return nil
}

// quarantine keeps a bad row for a person, with the mend.
func (im *importing) quarantine(ctx context.Context, p *extract.Problem) error {
	im.n++
	im.heed(p)
	raw, err := json.Marshal(quarantinedRaw{p.Person, p.Row})
	if err != nil {
		return err
	}
	q := store.Quarantined{Import: im.row.ID, N: im.n, File: p.File, Line: p.Line, Field: p.Field, Mend: p.Mend, Raw: string(raw)}
	if p.Warning {
		q.Mend = "Loaded all the same: " + q.Mend
	}
	if im.bad = append(im.bad, q); len(im.bad) < importBatch {
		return nil
	}
	return im.flush(ctx)
}

// flush writes the quarantined rows that wait: a commit for each would make a
// bad extract slow.
func (im *importing) flush(ctx context.Context) error {
	if len(im.bad) == 0 {
		return nil
	}
	err := im.update(ctx, func(tx *store.Tx) error { return tx.Quarantine(im.bad...) })
	im.bad = nil
	return err
}

func (im *importing) system() string { return "council:" + string(im.row.Council) }

// importBatch is how many people are worked in one transaction, at most;
// importHold is after how long no further one is begun: nobody waits for an
// import, and it must not make others wait.
const (
	importBatch = 64
	importHold  = 15 * time.Millisecond
)

// weigh reads a full extract once without changing a case: it notes who is in
// it and how many packages in place would end.
func (im *importing) weigh(ctx context.Context) error {
	if im.row.Kind != store.ImportFull {
		return nil
	}
	var batch []extract.Entry
	flush := func() error {
		defer func() { batch = batch[:0] }()
		return im.weighBatch(ctx, batch)
	}
	for e, bad := range im.reader.People() {
		if bad != nil {
			im.heed(bad)
			continue
		}
		if batch = append(batch, e); len(batch) == importBatch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := errors.Join(im.reader.Err(), flush()); err != nil {
		return err
	}
	if err := im.eachMissing(ctx, func(tx *store.Tx, c care.Case) error {
		n := inPlace(holdingOf(c, im.row.Council))
		if im.active += n; !im.lost {
			im.res.Ending += n
		}
		return nil
	}, false); err != nil {
		return err
	}
	limit := im.feed.StopShare
	if limit == 0 {
		limit = 10
	}
	if stop, why := extract.Stop(im.res.Ending, im.active, limit); stop && !im.release {
		im.row.State, im.row.Reason = store.ImportStopped, why
	}
	return nil
}

func (im *importing) weighBatch(ctx context.Context, batch []extract.Entry) error {
	if len(batch) == 0 {
		return nil
	}
	var ids []string
	for _, e := range batch {
		ids = append(ids, e.PersonID)
	}
	if err := im.update(ctx, func(tx *store.Tx) error { return tx.StagedSeen(im.row.ID, im.system(), ids...) }); err != nil {
		return err
	}
	return im.h.Store.View(ctx, func(tx *store.Tx) error {
		for _, e := range batch {
			id, err := tx.FindID(care.Identifier{System: im.system(), Value: e.PersonID})
			if err != nil {
				return err
			}
			if id == "" {
				continue
			}
			c, err := im.h.living(tx, id)
			if err != nil {
				return err
			}
			was := holdingOf(c, im.row.Council)
			im.active += inPlace(was)
			im.res.Ending += ending(was, im.holding(e, was))
			im.note(c)
		}
		return nil
	})
}

// note remembers a case that the council knows by several numbers, such as a
// record of its own that it joined: while one of them is in the extract, the
// person is not missing.
func (im *importing) note(c care.Case) {
	n := 0
	for _, id := range c.IDs {
		if id.System == im.system() {
			n++
		}
	}
	if n > 1 {
		im.several[c.ID] = true
	}
}

func holdingOf(c care.Case, council nhs.ODS) care.Holding {
	for _, d := range c.Holdings {
		if d.Council == council {
			return d
		}
	}
	return care.Holding{Council: council}
}

func inPlace(d care.Holding) int {
	n := 0
	for _, p := range d.Packages {
		if p.Status == care.PackageActive {
			n++
		}
	}
	return n
}

// ending counts the packages in place that are no longer in place afterwards.
func ending(was, will care.Holding) int {
	still := map[string]bool{}
	for _, p := range will.Packages {
		still[p.Ref] = p.Status == care.PackageActive
	}
	n := 0
	for _, p := range was.Packages {
		if p.Status == care.PackageActive && !still[p.Ref] {
			n++
		}
	}
	return n
}

// holding is what the council will hold of a person. Where some of the person's
// rows are in quarantine, a package that is merely absent has not ended.
func (im *importing) holding(e extract.Entry, was care.Holding) care.Holding {
	if e.Child || e.Observation.Holds == nil {
		return care.Holding{Council: im.row.Council, AsAt: im.row.AsAt, Ended: true, Restricted: was.Restricted}
	}
	d := *e.Observation.Holds
	d.Unread = slices.Clone(e.Unread)
	if e.Partial && im.carryOver(&d, was) && !slices.Contains(d.Unread, care.PartPackages) {
		d.Unread = slices.Insert(d.Unread, 0, care.PartPackages)
	}
	if slices.Contains(d.Unread, care.PartPackages) {
		d.AsAt = im.lastRead(was)
	}
	if slices.Contains(d.Unread, care.PartSafeguarding) {
		d.Safeguarding = im.lastConcern(was)
	}
	return d
}

// carryOver adds to d what was there before and is not named now, and reports
// whether there was any.
func (im *importing) carryOver(d *care.Holding, was care.Holding) bool {
	n := len(d.Packages) + len(d.Equipment)
	there := map[string]bool{}
	for _, p := range d.Packages {
		there[p.Ref] = true
	}
	d.Packages = slices.Clone(d.Packages)
	for _, p := range was.Packages {
		if !there[p.Ref] {
			d.Packages = append(d.Packages, p)
		}
	}
	delivered := map[string]bool{}
	for _, x := range d.Equipment {
		delivered[x.Ref] = true
	}
	d.Equipment = slices.Clone(d.Equipment)
	for _, x := range was.Equipment {
		if !delivered[x.Ref] {
			d.Equipment = append(d.Equipment, x)
		}
	}
	// In the order of an extract, so that the next one finds nothing changed.
	slices.SortFunc(d.Packages, func(a, b care.Package) int { return cmp.Compare(a.Ref, b.Ref) })
	slices.SortFunc(d.Equipment, func(a, b care.Equipment) int { return cmp.Compare(a.Ref, b.Ref) })
	return len(d.Packages)+len(d.Equipment) > n
}

// people loads everybody.
func (im *importing) people(ctx context.Context) error {
	var batch []extract.Entry
	for e, bad := range im.reader.People() {
		if bad != nil {
			if err := im.quarantine(ctx, bad); err != nil {
				return err
			}
			continue
		}
		if batch = append(batch, e); len(batch) == importBatch {
			if err := im.load(ctx, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return errors.Join(im.reader.Err(), im.load(ctx, batch))
}

// load works a batch in as many transactions as keep the writer free.
func (im *importing) load(ctx context.Context, batch []extract.Entry) error {
	for len(batch) > 0 {
		n, changed := 0, 0
		err := im.update(ctx, func(tx *store.Tx) error {
			n, changed = 0, 0
			var ids []care.Identifier
			var numbers []nhs.Number
			for _, e := range batch {
				ids = append(ids, e.Observation.About.IDs...)
				if !e.Observation.About.NHS.IsZero() {
					numbers = append(numbers, e.Observation.About.NHS)
				}
			}
			if err := tx.Prefetch(numbers, ids); err != nil {
				return err
			}
			began := time.Now()
			for _, e := range batch {
				did, err := im.one(tx, e)
				if err != nil {
					return err
				}
				n++
				if did {
					changed++
				}
				if time.Since(began) > importHold {
					break
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		im.tally(batch[:n], changed)
		batch = batch[n:]
	}
	return nil
}

func (im *importing) tally(done []extract.Entry, changed int) {
	im.res.Changed += changed
	for _, e := range done {
		if e.Child {
			im.res.Children++
			continue
		}
		im.res.People++
		if e.Observation.Holds != nil {
			im.res.Packages += inPlace(*e.Observation.Holds)
		}
	}
}

// one records what the council says of one person.
func (im *importing) one(tx *store.Tx, e extract.Entry) (bool, error) {
	o := e.Observation
	byID, err := im.h.firstByID(tx, o.About.IDs)
	if err != nil {
		return false, err
	}
	if byID == nil && e.Child {
		return false, nil // somebody under 18 whom we never knew
	}
	was := care.Holding{Council: im.row.Council}
	if byID != nil {
		was = holdingOf(*byID, im.row.Council)
	}
	d := im.holding(e, was)
	o.Holds = &d
	before, err := tx.Seq()
	if err != nil {
		return false, err
	}
	cause := care.Cause{Kind: importCause, ID: fmt.Sprint(im.row.ID), Source: im.feed.Title}
	id, err := im.h.observe(tx, o, cause, im.h.now())
	var no holdError
	if errors.As(err, &no) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	c, err := tx.Case(id)
	if err != nil {
		return false, err
	}
	im.note(c)
	after, err := tx.Seq()
	return after != before, err
}

// leftovers quarantines the rows that belong to packages, equipment,
// safeguarding, addresses and phones.
func (im *importing) leftovers(ctx context.Context) error {
	for p := range im.reader.Problems() {
		if err := im.quarantine(ctx, p); err != nil {
			return err
		}
	}
	return im.reader.Err()
}

// endMissing ends the holdings of people whom a full extract no longer has.
// Somebody whose own row is in quarantine is not missing.
func (im *importing) endMissing(ctx context.Context) error {
	if im.row.Kind != store.ImportFull {
		return nil
	}
	cause := care.Cause{Kind: importCause, ID: fmt.Sprint(im.row.ID), Source: im.feed.Title}
	if im.lost { // whoever is missing may be the one whose row could not be read
		return im.eachMissing(ctx, func(tx *store.Tx, c care.Case) error { return im.doubt(tx, c, missed{absent: true}) }, true)
	}
	ended := map[care.CaseID]bool{} // of one page, which may be worked twice
	defer func() { im.res.Ended += len(ended) }()
	return im.eachMissing(ctx, func(tx *store.Tx, c care.Case) error {
		was := holdingOf(c, im.row.Council)
		if was.Ended || was.AsAt.IsZero() {
			return nil
		}
		ended[c.ID] = true
		// That somebody is no longer held does not make them less in need of
		// protection: a restriction stays.
		gone := care.Holding{Council: im.row.Council, AsAt: im.row.AsAt, Ended: true, Restricted: was.Restricted, Of: was.Of}
		_, err := tx.Record(c, cause, im.h.now(), care.HoldingTold{At: im.row.AsAt, Holding: gone})
		return err
	}, true)
}

// eachMissing visits the cases that the council knew and the extract has not.
func (im *importing) eachMissing(ctx context.Context, f func(*store.Tx, care.Case) error, write bool) error {
	after := ""
	for {
		last := after
		n := 0
		visit := func(tx *store.Tx) error {
			n, last = 0, after
			ids, err := tx.StagedMissing(im.row.ID, im.system(), after, importBatch)
			if err != nil {
				return err
			}
			n = len(ids)
			if err := tx.Prefetch(nil, ids); err != nil {
				return err
			}
			began := time.Now()
			for _, id := range ids {
				if err := im.missing(tx, id, f); err != nil {
					return err
				}
				if last = id.Value; write && time.Since(began) > importHold {
					break // the writer is wanted; the next page goes on from here
				}
			}
			return nil
		}
		run := im.h.Store.View
		if write {
			run = im.h.Store.Update
		}
		if err := run(ctx, visit); err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
		after = last
	}
}

// missing visits a case by a number of the council that the extract has not.
func (im *importing) missing(tx *store.Tx, id care.Identifier, f func(*store.Tx, care.Case) error) error {
	if im.kept[id.Value] {
		return nil
	}
	found, err := tx.FindID(id)
	if err != nil || found == "" {
		return err
	}
	c, err := im.h.living(tx, found)
	if err != nil || im.several[c.ID] {
		return err
	}
	return f(tx, c)
}

// ImportView is one import on the operations page.
type ImportView struct {
	ID          int64
	Council     care.Org
	Name        string
	Kind        string
	State       string
	Why         string
	AsAt        time.Time
	Started     time.Time
	Ended       time.Time
	Counts      map[string]int
	Quarantined int
	Superseded  bool // a newer extract of the council has been read
}

// Imports lists imports, newest first, after the folders that wait long for their
// manifest: those have no id.
func (h *Hub) Imports(ctx context.Context, by care.Actor) ([]ImportView, error) {
	var out []ImportView
	err := h.operating(ctx, by, policy.SeeImports, "imports", "", func(tx *store.Tx) error {
		council := nhs.ODS("")
		if by.OrgKind == care.Council {
			council = by.Org
		}
		told, err := toldBy(tx)
		if err != nil {
			return err
		}
		if out, err = h.waitingExtracts(tx, by); err != nil {
			return err
		}
		rows, err := tx.Imports(council, 0, 100)
		for _, r := range rows {
			out = append(out, ImportView{ID: int64(r.ID), Council: h.Org(r.Council), Name: r.File, Kind: string(r.Kind), State: string(r.State),
				Why: r.Reason, AsAt: r.AsAt, Started: r.Started, Ended: r.Ended, Counts: r.Counts, Quarantined: r.Quarantined,
				Superseded: r.AsAt.Before(told[r.Council].AsAt)})
		}
		return err
	})
	return out, err
}

// QuarantinedRow is a row of an extract that was not loaded, and its mend. Row
// names a person: a list has none.
type QuarantinedRow struct {
	N           int
	File        string
	Line        int
	Field, Mend string
	Row         []extract.Cell
}

// Quarantine lists the rows of an import that were not loaded, 100 at a time,
// without what is in them.
func (h *Hub) Quarantine(ctx context.Context, by care.Actor, id int64, after int) ([]QuarantinedRow, error) {
	var out []QuarantinedRow
	err := h.operating(ctx, by, policy.SeeImports, fmt.Sprintf("quarantine of import %d", id), "", func(tx *store.Tx) error {
		out = nil
		if err := h.ownImport(tx, by, id); err != nil {
			return err
		}
		rows, err := tx.QuarantinedRows(store.ImportID(id), after, 100)
		if err != nil {
			return err
		}
		for _, q := range rows {
			out = append(out, QuarantinedRow{N: q.N, File: q.File, Line: q.Line, Field: q.Field, Mend: q.Mend})
		}
		return nil
	})
	return out, err
}

// ownImport refuses a council's staff another council's imports.
func (h *Hub) ownImport(tx *store.Tx, by care.Actor, id int64) error {
	r, err := tx.Import(store.ImportID(id))
	if err == nil && by.OrgKind == care.Council && r.Council != by.Org {
		return &care.Error{Kind: care.NotFound, Text: "The import was not found"}
	}
	return err
}

// ReleaseImport lets a stopped extract go on, for a reason. Whoever watches the
// folder then reads it again.
func (h *Hub) ReleaseImport(ctx context.Context, by care.Actor, id int64, why string) error {
	if strings.TrimSpace(why) == "" {
		return &care.Error{Kind: care.Required, Field: "why", Text: "Enter why this extract is right"}
	}
	return h.operating(ctx, by, policy.ReleaseImport, fmt.Sprintf("import %d", id), why, func(tx *store.Tx) error {
		if err := h.ownImport(tx, by, id); err != nil {
			return err
		}
		r, err := tx.Import(store.ImportID(id))
		if err != nil {
			return err
		}
		if r.State != store.ImportStopped {
			return &care.Error{Kind: care.BusinessRule, Text: "This extract is not waiting for anybody"}
		}
		st, err := tx.CouncilState(r.Council)
		if err != nil {
			return err
		}
		if r.AsAt.Before(st.AsAt) {
			return &care.Error{Kind: care.BusinessRule, Text: "A newer extract has been read"}
		}
		return tx.PutSetting("release:"+string(r.Council)+":"+r.File, "yes")
	})
}

// Released takes the word that a stopped extract may go on; once.
func (h *Hub) Released(ctx context.Context, council nhs.ODS, name string) (bool, error) {
	key := "release:" + string(council) + ":" + name
	yes := false
	err := h.Store.Update(ctx, func(tx *store.Tx) error {
		v, err := tx.Setting(key)
		if err != nil {
			return err
		}
		if yes = v == "yes"; !yes {
			return nil
		}
		return tx.PutSetting(key, "")
	})
	return yes, err
}
