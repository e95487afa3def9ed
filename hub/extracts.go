package hub

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"homeward/care"
	"homeward/measure"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
	"homeward/tabular"
)

// ExtractQuery asks for rows of what is counted, of the asker's own organisation: whose
// hospital or council it is.
type ExtractQuery struct {
	Source   string   // of measure.Sources
	From, To nhs.Date // that stopped on these days; what runs is always there
	Format   tabular.Format
	Named    bool   // with NHS numbers
	Reason   string // of Named: why, as it stands in the audit
}

// Name is the name of the file.
func (q ExtractQuery) Name() string {
	return fmt.Sprintf("%s-%s-to-%s.%s", q.Source, q.From, q.To, q.Format)
}

// The bounds of extracts.
const (
	extractDays = 3660 // ten years
	namedPage   = 100  // rows read, and people audited, at once
	namedReason = 10   // letters at least
)

// ExtractsView is what may be extracted.
type ExtractsView struct {
	Sources []*measure.Source
	Named   bool // the reader takes NHS numbers, and nothing else
}

// Extracts says what the reader may extract.
func (h *Hub) Extracts(ctx context.Context, by care.Actor) (ExtractsView, error) {
	v := ExtractsView{Sources: measure.Sources}
	err := h.update(ctx, func(tx *store.Tx) error {
		a := h.ask(by, policy.ExtractFigures, nil, policy.Governance, "", h.now())
		a.context.ReasonGiven = true // it is asked for with each extract
		v.Named = false
		if !a.allowed(policy.ExtractFigures) {
			if v.Named = a.allowed(policy.ExtractNamed); !v.Named {
				return a.refuse(tx)
			}
		}
		return a.audit(tx, true, "offered")
	})
	return v, err
}

// Check says what is wrong with what was asked, before anything is written; nil: nothing.
func (q ExtractQuery) Check() error {
	if wrong := q.check(); wrong != nil {
		return wrong
	}
	return nil
}

func (q ExtractQuery) check() *care.Error {
	wrong := func(field, text string) *care.Error { return &care.Error{Kind: care.Invalid, Field: field, Text: text} }
	switch {
	case !slices.ContainsFunc(measure.Sources, func(s *measure.Source) bool { return s.ID == q.Source }):
		return wrong("source", "Select what the rows are of")
	case q.From.IsZero():
		return wrong("from", "Enter the first day, like 27 3 2026")
	case q.To.IsZero():
		return wrong("to", "Enter the last day, like 27 3 2026")
	case q.To.Before(q.From):
		return wrong("to", "The last day must be the same as or after the first day")
	case q.From.DaysTo(q.To) > extractDays:
		return wrong("from", "Choose at most 10 years")
	case !q.Format.Valid():
		return wrong("format", "Select CSV, Excel or Parquet")
	case q.Named && len(strings.TrimSpace(q.Reason)) < namedReason:
		return wrong("reason", "Write why the NHS numbers are needed, and who asked for them")
	}
	return nil
}

// Extract writes rows as a file. Before the first of them leaves, the audit says what
// is taken and how many there are; with NHS numbers it also says of whom, each by their
// record. Rows are written as they are read: only some are in memory.
func (h *Hub) Extract(ctx context.Context, by care.Actor, q ExtractQuery, w io.Writer) error {
	action, reason := policy.ExtractFigures, ""
	if q.Named {
		action, reason = policy.ExtractNamed, strings.TrimSpace(q.Reason)
	}
	wrong := q.check()
	sq := store.ExtractQuery{Source: q.Source, Org: by.Org, From: q.From, To: q.To}
	n, err := view(ctx, h, func(tx *store.Tx) (int64, error) {
		if wrong != nil {
			return 0, nil
		}
		return tx.CountExtract(sq)
	})
	if err != nil {
		return err
	}
	err = h.update(ctx, func(tx *store.Tx) error {
		a := h.ask(by, action, nil, policy.Governance, reason, h.now())
		a.context.ReasonGiven = q.Named // whoever may is told what is wrong with it
		switch {
		case !a.allowed(action):
			return a.refuse(tx)
		case wrong != nil:
			return firstError(a.audit(tx, true, "refused: "+string(care.Invalid)), committed{wrong})
		}
		return a.audit(tx, true, fmt.Sprintf("%d rows of %s, %s to %s, as %s", n, q.Source, q.From, q.To, q.Format))
	})
	if err != nil {
		return err
	}
	t := h.extractTable(q, by.Org)
	t.Rows = h.plainRows(ctx, sq)
	if q.Named {
		t.Rows = func(each func([]any) error) error { return h.namedRows(ctx, by, q, sq, each) }
	}
	return t.Write(w, q.Format)
}

// plainRows gives rows under pseudonyms.
func (h *Hub) plainRows(ctx context.Context, q store.ExtractQuery) func(func([]any) error) error {
	return func(each func([]any) error) error {
		return h.unavailable(h.Store.View(ctx, func(tx *store.Tx) error {
			return tx.EachExtract(q, func(k store.KnownPoint) error { return each(h.extractRow(k, false, "")) })
		}))
	}
}

// OperatorExtract writes rows of an organisation under pseudonyms, for the operator's
// command, on whose own authority it is audited.
func (h *Hub) OperatorExtract(ctx context.Context, by care.Actor, org nhs.ODS, q ExtractQuery, w io.Writer) error {
	if q.Named {
		return &care.Error{Kind: care.Forbidden, Text: "NHS numbers are given on the page, for a reason"}
	}
	if wrong := q.check(); wrong != nil {
		return wrong
	}
	sq := store.ExtractQuery{Source: q.Source, Org: org, From: q.From, To: q.To}
	err := h.update(ctx, func(tx *store.Tx) error {
		a := h.ask(by, policy.ExtractFigures, nil, policy.Operations, "", h.now())
		return a.audit(tx, true, fmt.Sprintf("by the operator: rows of %s of %s, %s to %s, as %s", q.Source, org, q.From, q.To, q.Format))
	})
	if err != nil {
		return err
	}
	t := h.extractTable(q, org)
	t.Rows = h.plainRows(ctx, sq)
	return t.Write(w, q.Format)
}

// namedRows gives rows with NHS numbers, some people at a time: they are in the audit
// before their rows are given.
func (h *Hub) namedRows(ctx context.Context, by care.Actor, q ExtractQuery, sq store.ExtractQuery, each func([]any) error) error {
	sq.Limit = namedPage
	for {
		page, err := view(ctx, h, func(tx *store.Tx) (namedPeople, error) { return namedOf(tx, sq) })
		if err != nil || len(page.rows) == 0 {
			return err
		}
		err = h.update(ctx, func(tx *store.Tx) error {
			a := h.ask(by, policy.ExtractNamed, nil, policy.Governance, strings.TrimSpace(q.Reason), h.now())
			if !a.allowed(policy.ExtractNamed) {
				return a.refuse(tx)
			}
			a.record.Allowed, a.record.Outcome = true, "in an extract of "+q.Source
			records := make([]store.AuditRecord, len(page.people))
			for i, id := range page.people {
				records[i] = a.record
				records[i].Case = id
			}
			return tx.Audit(records...)
		})
		if err != nil {
			return err
		}
		for _, k := range page.rows {
			if err := each(h.extractRow(k, true, page.numbers[k.Case])); err != nil {
				return err
			}
		}
		sq.After = page.rows[len(page.rows)-1].Case
	}
}

// namedPeople are some rows, with the NHS numbers of those whose number may be given.
type namedPeople struct {
	rows    []store.KnownPoint
	people  []care.CaseID // whose number is given
	numbers map[care.CaseID]string
}

// namedOf reads some rows. The number of somebody whose record is restricted, or who
// objected, is not given: their rows have the pseudonym alone.
func namedOf(tx *store.Tx, q store.ExtractQuery) (p namedPeople, err error) {
	p.numbers = map[care.CaseID]string{}
	err = tx.EachExtract(q, func(k store.KnownPoint) error {
		p.rows = append(p.rows, k)
		return nil
	})
	if err != nil {
		return p, err
	}
	last := care.CaseID("")
	for _, k := range p.rows {
		if k.Case == last {
			continue
		}
		last = k.Case
		c, err := tx.Case(k.Case)
		switch {
		case care.KindOf(err) == care.NotFound: // erased
			continue
		case err != nil:
			return p, err
		case c.Sensitive || c.Objection != nil || c.NHS.IsZero():
			continue
		}
		p.people = append(p.people, k.Case)
		p.numbers[k.Case] = c.NHS.Digits()
	}
	return p, nil
}

// extractColumns are the columns of an extract. Those of SQL are store.AnalystColumns.
var extractColumns = []tabular.Column{
	{Name: "person", Words: "Pseudonym of the person: the same in every row and file of your organisation", Kind: tabular.Text},
	{Name: "hospital", Words: "ODS code of the trust", Kind: tabular.Text},
	{Name: "ward", Words: "Code of the ward, as the hospital has it", Kind: tabular.Text},
	{Name: "council", Words: "ODS code of the council", Kind: tabular.Text},
	{Name: "team", Words: "Team of the council", Kind: tabular.Text},
	{Name: "pathway", Words: "Discharge pathway, 0 to 3", Kind: tabular.Text},
	{Name: "provider", Words: "Care provider", Kind: tabular.Text},
	{Name: "age", Words: "Band of age in years", Kind: tabular.Text},
	{Name: "stage", Words: "What was waited for: a code", Kind: tabular.Text},
	{Name: "holder", Words: "ODS code of the organisation that was waited for", Kind: tabular.Text},
	{Name: "reason", Words: "Code of a reason, or of a finding", Kind: tabular.Text},
	{Name: "feed", Words: "The hospital system that told of it", Kind: tabular.Text},
	{Name: "began", Words: "When its clock began, local time", Kind: tabular.Time},
	{Name: "ended", Words: "When it stopped, local time; empty: it runs", Kind: tabular.Time},
	{Name: "day", Words: "The local day on which it counts; empty: it runs", Kind: tabular.Date},
	{Name: "value", Words: "What is counted of it: days, minutes or another unit of its source", Kind: tabular.Integer},
	{Name: "left_out", Words: "Why measures leave it out; empty: it counts", Kind: tabular.Text},
	{Name: "assumed", Words: "What was assumed to count it; empty: nothing", Kind: tabular.Text},
	{Name: "known", Words: "Since when this is known, local time", Kind: tabular.Time},
}

var numberColumn = tabular.Column{Name: "nhs_number", Words: "NHS number; empty where it is not known or may not be given", Kind: tabular.Text}

// extractTable is the file without its rows. CSV is for programs, and has the rows alone.
func (h *Hub) extractTable(q ExtractQuery, org nhs.ODS) tabular.Table {
	words := q.Source
	for _, s := range measure.Sources {
		if s.ID == q.Source {
			words = s.Words
		}
	}
	t := tabular.Table{Name: q.Source, Title: "Rows of " + words, Columns: extractColumns, Bare: true, Notes: []tabular.Note{
		{Head: "Of", Text: h.Org(org).Name + ": rows whose hospital or council it is"},
		{Head: "Days", Text: q.From.String() + " to " + q.To.String() + ", and what still runs"},
		{Head: "As at", Text: h.now().In(h.Zone).Format("2006-01-02 15:04 MST")},
		{Head: "People", Text: "Each by a pseudonym, which nobody can turn back without the service's key. Rows about few people can still tell who somebody is"},
	}}
	if q.Named {
		t.Columns = slices.Insert(slices.Clone(extractColumns), 1, numberColumn)
		t.Notes = append(t.Notes, tabular.Note{Head: "NHS numbers", Text: "Given for a reason that stands in the audit. Those of restricted records, and of people who objected, are not given"})
	}
	return t
}

// extractRow is a point as a row; in the zone of the screens.
func (h *Hub) extractRow(k store.KnownPoint, named bool, number string) []any {
	row := []any{k.Person}
	if named {
		row = append(row, number)
	}
	for _, d := range measure.Dims {
		row = append(row, k.Get(d))
	}
	var ended, day any
	if !k.Open() {
		ended, day = k.To.In(h.Zone), k.To.In(h.Zone)
	}
	return append(row, k.From.In(h.Zone), ended, day, k.Value, inWords(measure.Excluded, k.Out), inWords(measure.Assumptions, k.Assumed), k.Known.In(h.Zone))
}

// inWords is a code in words, where it has any.
func inWords(table map[string]string, code string) string {
	if w, ok := table[code]; ok {
		return w
	}
	return code
}
