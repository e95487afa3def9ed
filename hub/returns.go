package hub

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"time"

	"homeward/care"
	"homeward/measure"
	"homeward/nhs"
	"homeward/policy"
	"homeward/returns"
	"homeward/store"
	"homeward/tabular"
)

const (
	returnRecord  = "return"      // a return that was made
	returnRows    = "return-rows" // the rows of one person in a return with names: they go when the case is erased
	returnPage    = 200           // cases read at once
	returnWrite   = 50            // cases whose rows are written at once
	returnNames   = 2             // returns with names whose rows are kept, of each return
	returnLinks   = 20            // cases that a problem links to, at most
	returnWriting = "writing"     // the state of one that is not whole yet
)

// MadeReturn is a return that was made: what it said in sum, and what its file was.
type MadeReturn struct {
	Name     string // opaque
	ID       returns.ID
	Period   string
	At       time.Time
	By       care.Who
	Rows     int
	Digest   string // hexadecimal SHA-256 of its file
	Metrics  []returns.Metric
	Filled   []returns.Filled
	Problems int
	Kept     bool   // its file can be had again
	file     []byte // compressed; nil of one with names, whose rows stand by person
}

// returnDoc is a made return as it is kept.
type returnDoc struct {
	Period   string           `json:"period"`
	By       care.Who         `json:"by"`
	Rows     int              `json:"rows"`
	Digest   string           `json:"digest"`
	Metrics  []returns.Metric `json:"metrics"`
	Filled   []returns.Filled `json:"filled"`
	Problems int              `json:"problems"`
	Kept     bool             `json:"kept,omitempty"`
	File     []byte           `json:"file,omitempty"`
}

// keptRow is a row of a return with names: its place in the file.
type keptRow struct {
	At    int      `json:"at"`
	Cells []string `json:"cells"`
}

// ReturnLine is a return in the list of those that the reader's organisation makes.
type ReturnLine struct {
	Def  returns.Return
	Last *MadeReturn // nil: never made here
	Next returns.Period
	Due  nhs.Date // of Next; ours
	Done bool     // Next was made
}

// ReturnView is a return of a period as it would be made now.
type ReturnView struct {
	Def    returns.Return
	Period returns.Period
	Due    nhs.Date
	Sum    MadeReturn // as it would be made
	Groups []ReturnProblem
	Before []MadeReturn // newest first; the first one is compared with
	AsAt   time.Time
}

// ReturnProblem is one kind of what is missing, with the cases that the reader may open.
type ReturnProblem struct {
	Field, Text, Mend, Who string
	N                      int // how many rows or people
	Cases                  []care.CaseID
	Others                 bool // there are more that are not linked
}

// ReturnFile is the file of a made return.
type ReturnFile struct {
	MadeReturn
	Def    returns.Return
	Body   []byte // CSV
	Erased int    // rows that are not in it any more, as the records of their people were erased
}

// returning decides whether the reader may make returns, and audits what for.
func (h *Hub) returning(ctx context.Context, by care.Actor, what string) error {
	return h.update(ctx, func(tx *store.Tx) error {
		a := h.ask(by, policy.MakeReturns, nil, policy.Governance, "", h.now())
		if !a.allowed(policy.MakeReturns) {
			return a.refuse(tx)
		}
		return a.audit(tx, true, what)
	})
}

// Returns lists the returns of the reader's organisation, with when each was made last
// and which period comes next.
func (h *Hub) Returns(ctx context.Context, by care.Actor) ([]ReturnLine, error) {
	if err := h.returning(ctx, by, "listed"); err != nil {
		return nil, err
	}
	all, err := returns.List()
	if err != nil {
		return nil, err
	}
	return view(ctx, h, func(tx *store.Tx) (out []ReturnLine, err error) {
		for _, r := range all {
			if !r.IsFor(by.OrgKind) {
				continue
			}
			made, err := madeReturns(tx, by.Org, r.ID, returnPage)
			if err != nil {
				return nil, err
			}
			l := ReturnLine{Def: r, Next: returns.Last(r.Every, h.today(h.now()))}
			l.Due = r.DueOn(l.Next)
			if len(made) > 0 {
				l.Last = &made[0]
			}
			l.Done = slices.ContainsFunc(made, func(m MadeReturn) bool { return m.Period == l.Next.Name })
			out = append(out, l)
		}
		return out, nil
	})
}

// Return gives a return of a period as it would be made now; an empty period is the last
// that is over. It keeps nothing.
func (h *Hub) Return(ctx context.Context, by care.Actor, id returns.ID, period string) (ReturnView, error) {
	a, def, err := h.askReturn(ctx, by, id, period, "shown")
	if err != nil {
		return ReturnView{}, err
	}
	v := ReturnView{Def: def, Period: a.Period, Due: def.DueOn(a.Period), AsAt: h.now()}
	made, err := h.buildReturn(ctx, a)
	if err != nil {
		return v, err
	}
	if v.Sum, err = summed(id, a.Period, made, def.Columns); err != nil {
		return v, err
	}
	v.Sum.At, v.Sum.By, v.Sum.file = v.AsAt, by.Who(), nil
	v.Groups, err = h.returnProblems(ctx, by, made.Problems)
	if err != nil {
		return v, err
	}
	v.Before, err = view(ctx, h, func(tx *store.Tx) ([]MadeReturn, error) { return madeReturns(tx, by.Org, id, 20) })
	return v, err
}

// askReturn decides whether the reader may make returns, audits what they did, and reads
// what is asked for. Whoever may not is told so, and not what there is.
func (h *Hub) askReturn(ctx context.Context, by care.Actor, id returns.ID, period, did string) (returns.Asked, returns.Return, error) {
	a, def, wrong := h.askedReturn(by, id, period)
	what := did + ": " + string(id) + " " + a.Period.Name
	if wrong != nil {
		what = "refused: " + string(care.KindOf(wrong))
	}
	if err := h.returning(ctx, by, what); err != nil {
		return a, def, err
	}
	return a, def, wrong
}

// askedReturn reads what is asked for. Whose return it is not is as if it were none.
func (h *Hub) askedReturn(by care.Actor, id returns.ID, period string) (returns.Asked, returns.Return, error) {
	def, ok := returns.Find(id)
	if !ok || !def.IsFor(by.OrgKind) {
		return returns.Asked{}, def, &care.Error{Kind: care.NotFound, Text: "There is no such return of your organisation"}
	}
	now := h.now()
	p := returns.Last(def.Every, h.today(now))
	if period != "" {
		var err error
		if p, err = returns.ParsePeriod(period); err != nil {
			return returns.Asked{}, def, err
		}
	}
	if err := def.Of(p, h.today(now)); err != nil {
		return returns.Asked{}, def, err
	}
	return returns.Asked{Return: id, Period: p, Org: by.Org, OrgName: h.Org(by.Org).Name, Kind: by.OrgKind, Zone: h.Zone, Now: now, Reasons: h.Reasons}, def, nil
}

// buildReturn makes a return, some people at a time.
func (h *Hub) buildReturn(ctx context.Context, a returns.Asked) (returns.Made, error) {
	points := map[care.CaseID][]measure.Point{}
	ids, err := view(ctx, h, func(tx *store.Tx) ([]care.CaseID, error) {
		cqc := map[string]string{}
		if a.Kind == care.Council {
			ps, err := h.providers(tx, a.Org)
			if err != nil {
				return nil, err
			}
			for _, p := range ps {
				cqc[p.ID] = p.CQC
			}
		}
		a.CQC = func(id string) string { return cqc[id] }
		return returnCases(tx, a, points)
	})
	if err != nil {
		return returns.Made{}, err
	}
	b, err := returns.New(a)
	if err != nil {
		return returns.Made{}, err
	}
	for page := range slices.Chunk(ids, returnPage) {
		people, err := view(ctx, h, func(tx *store.Tx) ([]returns.Person, error) { return h.returnPeople(tx, b, page, points) })
		if err != nil {
			return returns.Made{}, err
		}
		for _, p := range people {
			b.Add(p)
		}
	}
	return b.Made(), nil
}

// returnCases lists the cases that a return may be about, in the order of their names:
// of a hospital who left in the period or was not meeting the criteria, of a council
// all in which it has a part. It fills in who left when.
func returnCases(tx *store.Tx, a returns.Asked, points map[care.CaseID][]measure.Point) ([]care.CaseID, error) {
	seen := map[care.CaseID]bool{}
	clear(points)
	of := func(q store.PointQuery, dim measure.Dim) error {
		q.Where = map[measure.Dim]string{dim: string(a.Org)}
		return tx.EachPoint(q, func(k store.KnownPoint) error {
			seen[k.Case] = true
			if k.Source == measure.Stays.ID {
				points[k.Case] = append(points[k.Case], k.Point)
			}
			return nil
		})
	}
	var err error
	left := store.PointQuery{Source: measure.Stays.ID, From: a.Period.From, To: a.Period.To}
	switch {
	case a.Kind == care.Trust && a.Return == returns.BCF:
		left.To = nhs.Date{} // who was admitted in the period left in it or later
		err = of(left, measure.ByHospital)
	case a.Kind == care.Trust:
		if err = of(left, measure.ByHospital); err == nil {
			err = of(store.PointQuery{Source: measure.NotMeeting.ID, From: a.Period.From, To: a.Period.To}, measure.ByHospital)
		}
	default:
		if a.Return == returns.BCF {
			err = of(left, measure.ByCouncil)
		}
		for after := care.CaseID(""); err == nil; {
			var ids []care.CaseID
			if ids, err = tx.PartyCases(a.Org, after, time.Time{}, 5000); len(ids) == 0 {
				break
			}
			for _, id := range ids {
				seen[id], after = true, id
			}
		}
	}
	ids := make([]care.CaseID, 0, len(seen))
	for id := range seen {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids, err
}

// returnPeople reads some people, with their histories where reasons are asked for.
func (h *Hub) returnPeople(tx *store.Tx, b *returns.Building, ids []care.CaseID, points map[care.CaseID][]measure.Point) ([]returns.Person, error) {
	cs, err := tx.Cases(ids)
	if err != nil {
		return nil, err
	}
	terms, err := h.terms(tx, h.now())
	if err != nil {
		return nil, err
	}
	out := make([]returns.Person, 0, len(cs))
	for _, c := range cs {
		if b.Kind == care.Council && b.Return != returns.BCF { // which only adds up
			onlyTold(&c, func(hospital nhs.ODS) bool { return terms.shares(hospital, b.Org, listParts...) })
		}
		p := returns.Person{Case: c, Points: points[c.ID]}
		if b.NeedsHistory(c) {
			if p.Trail, err = h.trail(tx, c.ID, math.MaxInt64, nil); err != nil {
				return nil, fmt.Errorf("reading the history of case %s: %w", c.ID, err)
			}
		}
		out = append(out, p)
	}
	return out, nil
}

// onlyTold takes the stays from a case that its hospitals do not share with a council: to
// the council it is as if they were not.
func onlyTold(c *care.Case, shares func(hospital nhs.ODS) bool) {
	c.Past = slices.DeleteFunc(slices.Clone(c.Past), func(s care.Stay) bool { return !shares(s.Org) })
	if c.Stay != nil && !shares(c.Stay.Org) {
		c.Stay = nil
	}
}

// summed is what a made return says in sum, with its file.
func summed(id returns.ID, p returns.Period, m returns.Made, columns []string) (MadeReturn, error) {
	body, err := returnCSV(columns, m.Rows)
	if err != nil {
		return MadeReturn{}, err
	}
	sum := sha256.Sum256(body)
	return MadeReturn{ID: id, Period: p.Name, Rows: len(m.Rows), Digest: hex.EncodeToString(sum[:]), Metrics: m.Metrics, Filled: m.Filled, Problems: len(m.Problems), file: body}, nil
}

// returnCSV is the file of a return: its columns, then its rows.
func returnCSV(columns []string, rows []returns.Row) ([]byte, error) {
	lines := make([][]string, 0, len(rows)+1)
	lines = append(lines, columns)
	for _, r := range rows {
		lines = append(lines, r.Cells)
	}
	var b bytes.Buffer
	err := tabular.Lines(&b, lines)
	return b.Bytes(), err
}

// returnProblems groups what is missing, with links for whom the reader may open.
func (h *Hub) returnProblems(ctx context.Context, by care.Actor, ps []returns.Problem) ([]ReturnProblem, error) {
	type key struct{ field, text, mend, who string }
	at := map[key]int{}
	var out []ReturnProblem
	var cases [][]care.CaseID
	for _, p := range ps {
		k := key{p.Field, p.Text, p.Mend, p.Who}
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k] = i
			out, cases = append(out, ReturnProblem{Field: p.Field, Text: p.Text, Mend: p.Mend, Who: p.Who}), append(cases, nil)
		}
		out[i].N++
		if n := len(cases[i]); p.Case != "" && (n == 0 || cases[i][n-1] != p.Case) {
			cases[i] = append(cases[i], p.Case)
		}
	}
	slices.SortStableFunc(out, func(a, b ReturnProblem) int { return b.N - a.N })
	return view(ctx, h, func(tx *store.Tx) ([]ReturnProblem, error) {
		now, may := h.now(), map[care.CaseID]bool{}
		for i := range out {
			p := &out[i]
			mine := cases[at[key{p.Field, p.Text, p.Mend, p.Who}]]
			p.Cases, p.Others = nil, false
			for n, id := range mine {
				if n == 2*returnLinks || len(p.Cases) == returnLinks {
					p.Others = true
					break
				}
				open, ok := may[id]
				if !ok {
					var err error
					if open, err = h.mayOpen(tx, by, id, now); err != nil {
						return nil, err
					}
					may[id] = open
				}
				if open {
					p.Cases = append(p.Cases, id)
				} else {
					p.Others = true
				}
			}
		}
		return out, nil
	})
}

// mayOpen reports whether the reader may open a case.
func (h *Hub) mayOpen(tx *store.Tx, by care.Actor, id care.CaseID, now time.Time) (bool, error) {
	c, err := tx.Case(id)
	if care.KindOf(err) == care.NotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	a := h.ask(by, policy.SeeDemographics, &c, policy.DischargePlanning, "", now)
	if err := a.onto(tx, now); err != nil {
		return false, err
	}
	a.decide(policy.SeeDemographics, policy.SeeTimeline, policy.SeeReferral)
	return a.opens(), nil
}

// MakeReturn makes a return of a period and keeps it: what it says in sum, and its file.
// Rows with names are kept by person, so that they go when a person's record is erased,
// and only of the last returns.
func (h *Hub) MakeReturn(ctx context.Context, by care.Actor, id returns.ID, period string) (MadeReturn, error) {
	a, def, err := h.askReturn(ctx, by, id, period, "made")
	if err != nil {
		return MadeReturn{}, err
	}
	made, err := h.buildReturn(ctx, a)
	if err != nil {
		return MadeReturn{}, err
	}
	m, err := summed(id, a.Period, made, def.Columns)
	if err != nil {
		return MadeReturn{}, err
	}
	m.Name, m.At, m.By, m.Kept = newID(), h.now(), by.Who(), true
	doc := returnDoc{Period: m.Period, By: m.By, Rows: m.Rows, Digest: m.Digest, Metrics: m.Metrics, Filled: m.Filled, Problems: m.Problems, Kept: true}
	rec := store.Record{Kind: returnRecord, Org: string(by.Org), ID: m.Name, Owner: string(id), State: returnWriting, At: m.At}
	if !def.Personal {
		if doc.File, err = gzipped(m.file); err != nil {
			return MadeReturn{}, err
		}
		rec.State = "made"
	}
	m.file = nil
	if rec.Doc, err = json.Marshal(doc); err != nil {
		return MadeReturn{}, fmt.Errorf("keeping a return: %w", err)
	}
	if rec, err = h.putReturn(ctx, rec); err != nil || !def.Personal {
		return m, err
	}
	if err := h.keepRows(ctx, rec, made.Rows); err != nil {
		return MadeReturn{}, err
	}
	rec.State = "made"
	if _, err = h.putReturn(ctx, rec); err != nil {
		return MadeReturn{}, err
	}
	return m, h.dropNames(ctx, by.Org, id)
}

func (h *Hub) putReturn(ctx context.Context, rec store.Record) (out store.Record, err error) {
	err = h.update(ctx, func(tx *store.Tx) error {
		out, err = tx.PutRecord(rec)
		return err
	})
	return out, err
}

// keepRows keeps the rows of a return with names, by person.
func (h *Hub) keepRows(ctx context.Context, rec store.Record, rows []returns.Row) error {
	by := map[care.CaseID][]keptRow{}
	var ids []care.CaseID
	for i, r := range rows {
		if len(by[r.Case]) == 0 {
			ids = append(ids, r.Case)
		}
		by[r.Case] = append(by[r.Case], keptRow{i, r.Cells})
	}
	n := 0
	for page := range slices.Chunk(ids, returnWrite) {
		first := n
		err := h.update(ctx, func(tx *store.Tx) error {
			for i, id := range page {
				doc, err := json.Marshal(by[id])
				if err != nil {
					return fmt.Errorf("keeping rows of a return: %w", err)
				}
				if _, err := tx.PutRecord(store.Record{Kind: returnRows, Org: rec.Org, ID: rec.ID + "-" + strconv.Itoa(first+i), Case: id, Owner: rec.ID, At: rec.At, Doc: doc}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		n += len(page)
	}
	return nil
}

// dropNames takes away the rows of all but the last returns with names, and what a
// process that ended half-way left.
func (h *Hub) dropNames(ctx context.Context, org nhs.ODS, id returns.ID) error {
	old, err := view(ctx, h, func(tx *store.Tx) (out []store.Record, err error) {
		rs, err := tx.KeptAll(store.RecordQuery{Kind: returnRecord, Org: string(org), Owner: string(id), Newest: true})
		whole := 0
		for _, r := range rs {
			doc, err := returnDocOf(r)
			if err != nil {
				return nil, err
			}
			if r.State != returnWriting {
				whole++
			}
			if doc.Kept && (r.State != returnWriting && whole > returnNames || r.State == returnWriting && h.now().Sub(r.At) > time.Hour) {
				out = append(out, r)
			}
		}
		return out, err
	})
	for _, r := range old {
		if err == nil {
			err = h.dropRows(ctx, r)
		}
	}
	return err
}

// dropRows takes away the rows of a return with names, some at a time, and says that
// they are gone.
func (h *Hub) dropRows(ctx context.Context, rec store.Record) error {
	for left := true; left; {
		err := h.update(ctx, func(tx *store.Tx) error {
			rs, err := tx.KeptAll(store.RecordQuery{Kind: returnRows, Org: rec.Org, Owner: rec.ID, Limit: 2 * returnWrite})
			left = len(rs) > 0
			for _, r := range rs {
				if err == nil {
					err = tx.DropKept(returnRows, r.Org, r.ID)
				}
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return h.update(ctx, func(tx *store.Tx) error {
		if rec.State == returnWriting {
			return tx.DropKept(returnRecord, rec.Org, rec.ID)
		}
		doc, err := returnDocOf(rec)
		if err != nil {
			return err
		}
		doc.Kept = false
		put := rec
		if put.Doc, err = json.Marshal(doc); err != nil {
			return err
		}
		_, err = tx.PutRecord(put)
		return err
	})
}

// ReturnFile gives the file of a made return again, as it was.
func (h *Hub) ReturnFile(ctx context.Context, by care.Actor, id returns.ID, name string) (ReturnFile, error) {
	def, ok := returns.Find(id)
	ok, what := ok && def.IsFor(by.OrgKind), "downloaded: "+string(id)
	if !ok {
		what = "refused: " + string(care.NotFound)
	}
	if err := h.returning(ctx, by, what); err != nil {
		return ReturnFile{}, err
	}
	gone := &care.Error{Kind: care.NotFound, Text: "There is no such return of your organisation"}
	if !ok {
		return ReturnFile{}, gone
	}
	return view(ctx, h, func(tx *store.Tx) (ReturnFile, error) {
		rec, err := tx.Kept(returnRecord, string(by.Org), name)
		if err != nil || rec.Owner != string(id) || rec.State == returnWriting {
			if err == nil || care.KindOf(err) == care.NotFound {
				err = gone
			}
			return ReturnFile{}, err
		}
		m, err := madeReturn(rec)
		if err != nil {
			return ReturnFile{}, err
		}
		f := ReturnFile{MadeReturn: m, Def: def}
		switch {
		case !m.Kept:
			return f, &care.Error{Kind: care.NotFound, Text: "The rows of this return are not kept any more: only of the last ones are"}
		case def.Personal:
			f.Body, f.Erased, err = namedFile(tx, rec, def, m.Rows)
		default:
			f.Body, err = gunzipped(m.file)
		}
		return f, err
	})
}

// namedFile puts the rows of a return with names together again, and says how many are
// not there any more.
func namedFile(tx *store.Tx, rec store.Record, def returns.Return, rows int) ([]byte, int, error) {
	rs, err := tx.KeptAll(store.RecordQuery{Kind: returnRows, Org: rec.Org, Owner: rec.ID, Limit: 1 << 30})
	if err != nil {
		return nil, 0, err
	}
	var all []keptRow
	for _, r := range rs {
		var mine []keptRow
		if err := json.Unmarshal(r.Doc, &mine); err != nil {
			return nil, 0, fmt.Errorf("reading the rows of a return: %w", err)
		}
		all = append(all, mine...)
	}
	slices.SortFunc(all, func(a, b keptRow) int { return a.At - b.At })
	out := make([]returns.Row, len(all))
	for i, r := range all {
		out[i].Cells = r.Cells
	}
	body, err := returnCSV(def.Columns, out)
	return body, rows - len(all), err
}

func madeReturns(tx *store.Tx, org nhs.ODS, id returns.ID, most int) ([]MadeReturn, error) {
	rs, err := tx.KeptAll(store.RecordQuery{Kind: returnRecord, Org: string(org), Owner: string(id), States: []string{"made"}, Newest: true, Limit: most})
	if err != nil {
		return nil, err
	}
	out := make([]MadeReturn, len(rs))
	for i, r := range rs {
		if out[i], err = madeReturn(r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func returnDocOf(r store.Record) (d returnDoc, err error) {
	if err = json.Unmarshal(r.Doc, &d); err != nil {
		err = fmt.Errorf("reading a return that was made: %w", err)
	}
	return d, err
}

func madeReturn(r store.Record) (MadeReturn, error) {
	d, err := returnDocOf(r)
	return MadeReturn{Name: r.ID, ID: returns.ID(r.Owner), Period: d.Period, At: r.At, By: d.By, Rows: d.Rows, Digest: d.Digest, Metrics: d.Metrics, Filled: d.Filled,
		Problems: d.Problems, Kept: d.Kept, file: d.File}, err
}

func gzipped(b []byte) ([]byte, error) {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	err := w.Close()
	return out.Bytes(), err
}

func gunzipped(b []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("opening the file of a return: %w", err)
	}
	return io.ReadAll(r)
}

// ReturnDifference is how a sum of a return changed since another was made.
type ReturnDifference struct {
	Name     string
	Unit     measure.Unit
	Was, Now *returns.Metric // nil: it was not counted then
}

// Since compares a return with one that was made before, sum by sum.
func (m MadeReturn) Since(before MadeReturn) []ReturnDifference {
	find := func(ms []returns.Metric, name string) *returns.Metric {
		if i := slices.IndexFunc(ms, func(x returns.Metric) bool { return x.Name == name }); i >= 0 {
			return &ms[i]
		}
		return nil
	}
	var out []ReturnDifference
	for i := range m.Metrics {
		x := &m.Metrics[i]
		out = append(out, ReturnDifference{x.Name, x.Unit, find(before.Metrics, x.Name), x})
	}
	for i := range before.Metrics {
		if x := &before.Metrics[i]; find(m.Metrics, x.Name) == nil {
			out = append(out, ReturnDifference{x.Name, x.Unit, x, nil})
		}
	}
	return out
}
