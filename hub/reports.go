package hub

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/measure"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
	"homeward/tabular"
)

// The records of reports. What is delivered is kept apart from what a report is, so
// that a delivery does not come between two looks of somebody who changes it.
const (
	recordReport = "report"     // Owner: the account; State: shared or own
	recordRun    = "report-run" // of the same ID; Due: when it must be looked at
)

const (
	reportShared = "shared"
	reportOwn    = "own"
)

// The bounds of reports.
const (
	reportItems  = 30
	reportName   = 100 // letters
	reportRuns   = 50  // deliveries that are remembered
	mostReports  = 100 // of one person
	reportWeight = 4 << 20
)

// ReportItem is one measure of a report.
type ReportItem struct {
	Measure measure.ID             `json:"measure"`
	Where   map[measure.Dim]string `json:"where,omitempty"`
	By      measure.Dim            `json:"by,omitempty"`
	Every   measure.Every          `json:"every,omitempty"`
}

// ReportFormat is how a report is written: a format of package tabular, or a page to
// print.
type ReportFormat string

// ReportPage is a page that stands alone, for printing.
const ReportPage ReportFormat = "html"

// ReportFormats lists the formats of reports.
var ReportFormats = []ReportFormat{ReportFormat(tabular.CSV), ReportFormat(tabular.XLSX), ReportPage}

// Say names a format for people.
func (f ReportFormat) Say() string {
	if f == ReportPage {
		return "Page to print"
	}
	return tabular.Format(f).Say()
}

// Type is the media type of a format.
func (f ReportFormat) Type() string {
	if f == ReportPage {
		return "text/html; charset=utf-8"
	}
	return tabular.Format(f).Type()
}

// ToMail is where a report goes as a link by e-mail; other places are configured.
const ToMail = "mail"

// Report is some measures over a time that moves with the calendar, how they are
// written, and when they are delivered where.
type Report struct {
	Name     string         `json:"name"`
	Items    []ReportItem   `json:"items"`
	Period   ReportPeriod   `json:"period"`
	Format   ReportFormat   `json:"format"`
	Shared   bool           `json:"shared,omitempty"` // with the owner's organisation
	Schedule ReportSchedule `json:"schedule,omitzero"`
	To       string         `json:"to,omitempty"` // ToMail, or the name of a place; "" is not delivered
}

// keptReport is a report as it is kept: with who made it, in which role.
type keptReport struct {
	Report
	Role care.Role `json:"role"`
	By   string    `json:"by"` // name, for colleagues
}

// SavedReport is a report as its reader sees it.
type SavedReport struct {
	Report
	ID, By  string
	Mine    bool
	Version int64
	Next    time.Time // when it is delivered next; zero: never
	Runs    []ReportRun
	Retry   string // what stands in the way of the delivery that is tried again; "" nothing
	Lines   []ReportLine
}

// ReportLine is one measure of a report in words.
type ReportLine struct {
	ReportItem
	Title, Words string
}

// ReportRun is one delivery that was due.
type ReportRun struct {
	Due     time.Time `json:"due"`
	At      time.Time `json:"at"`
	To      string    `json:"to"`
	Problem string    `json:"problem,omitempty"` // why it failed for good; "" it was delivered
	Tries   int       `json:"tries"`
}

// ReportPlace is where reports can be put for one organisation: a folder here or at
// another machine. Nobody but who configures the service says where that is.
type ReportPlace struct {
	Name, Title string
	Org         nhs.ODS
	// Send puts a file there: the same key and name again with the same bytes has its
	// effect once. A *connect.Refused is for good.
	Send func(ctx context.Context, key, name, kind string, body []byte) error
}

// ReportPlaces lists where a reader's reports may go, by e-mail aside.
func (h *Hub) ReportPlaces(by care.Actor) []ReportPlace {
	return slices.DeleteFunc(slices.Clone(h.Reporting), func(p ReportPlace) bool { return p.Org != by.Org })
}

// MailsReports reports whether reports can go by e-mail.
func (h *Hub) MailsReports() bool { return h.Notices.Mail != nil && h.PublicURL != "" }

// checkReport says what is wrong with a report that somebody saves.
func (h *Hub) checkReport(by care.Actor, r Report) error {
	wrong := func(field, text string) error { return &care.Error{Kind: care.Invalid, Field: field, Text: text} }
	switch {
	case strings.TrimSpace(r.Name) == "":
		return wrong("name", "Enter a name for the report")
	case len([]rune(r.Name)) > reportName:
		return wrong("name", fmt.Sprintf("The name must be %d characters or fewer", reportName))
	case len(r.Items) == 0:
		return wrong("items", "Choose at least one measure")
	case len(r.Items) > reportItems:
		return wrong("items", fmt.Sprintf("Choose at most %d measures", reportItems))
	case !r.Period.Valid():
		return wrong("period", "Select a time")
	case !slices.Contains(ReportFormats, r.Format):
		return wrong("format", "Select CSV, Excel or a page to print")
	case !r.Schedule.valid():
		return wrong("every", "Select how often, on which day and at what hour it is delivered")
	case r.Schedule.Every != "" && r.To == "":
		return wrong("to", "Select where it is delivered")
	case r.To == ToMail && !h.MailsReports():
		return wrong("to", "This service sends no e-mail. Select a folder")
	case r.To != "" && r.To != ToMail && !slices.ContainsFunc(h.ReportPlaces(by), func(p ReportPlace) bool { return p.Name == r.To }):
		return wrong("to", "Select where it is delivered")
	}
	for _, i := range r.Items {
		m, ok := measure.Find(i.Measure)
		if !ok {
			return wrong("items", "One of the measures is not there any more. Take it out")
		}
		dims := slices.Collect(maps.Keys(i.Where))
		if i.By != "" {
			dims = append(dims, i.By)
		}
		for _, d := range dims {
			if !m.Splits(d) {
				return wrong("items", m.Title+" cannot be split by "+string(d))
			}
		}
		if i.Every != "" && !slices.Contains(measure.Steps, i.Every) {
			return wrong("items", "Select days, weeks or months")
		}
	}
	return nil
}

// mayReportFigures begins a use case of reports: it is decided as taking figures away.
func (h *Hub) mayReportFigures(tx *store.Tx, by care.Actor) (*asking, error) {
	a := h.ask(by, policy.ExportFigures, nil, policy.Governance, "", h.now())
	if !a.allowed(policy.ExportFigures) {
		return nil, a.refuse(tx)
	}
	return a, nil
}

// readReport reads a report that a reader may see: their own, or a colleague's that is
// shared.
func readReport(tx *store.Tx, by care.Actor, id string) (store.Record, keptReport, error) {
	var k keptReport
	r, err := tx.Kept(recordReport, string(by.Org), id)
	if err != nil || r.Owner != string(by.ID) && r.State != reportShared {
		if err == nil || care.KindOf(err) == care.NotFound {
			err = &care.Error{Kind: care.NotFound, Text: "There is no such report, or it is not shared with you"}
		}
		return r, k, err
	}
	return r, k, json.Unmarshal(r.Doc, &k)
}

// Reports lists the reader's reports, and those that colleagues share.
func (h *Hub) Reports(ctx context.Context, by care.Actor) ([]SavedReport, error) {
	var out []SavedReport
	err := h.update(ctx, func(tx *store.Tx) error {
		out = nil
		a, err := h.mayReportFigures(tx, by)
		if err != nil {
			return err
		}
		rs, err := tx.KeptAll(store.RecordQuery{Kind: recordReport, Org: string(by.Org)})
		if err != nil {
			return err
		}
		for _, r := range rs {
			if r.Owner != string(by.ID) && r.State != reportShared {
				continue
			}
			v, err := h.reportView(tx, by, r)
			if err != nil {
				return err
			}
			out = append(out, v)
		}
		slices.SortFunc(out, func(a, b SavedReport) int {
			return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
		})
		return a.audit(tx, true, "listed")
	})
	return out, err
}

// Report shows one report, with how its deliveries went.
func (h *Hub) Report(ctx context.Context, by care.Actor, id string) (SavedReport, error) {
	var out SavedReport
	err := h.update(ctx, func(tx *store.Tx) error {
		a, err := h.mayReportFigures(tx, by)
		if err != nil {
			return err
		}
		r, _, err := readReport(tx, by, id)
		if err != nil {
			return err
		}
		if out, err = h.reportView(tx, by, r); err != nil {
			return err
		}
		return a.audit(tx, true, "shown")
	})
	return out, err
}

func (h *Hub) reportView(tx *store.Tx, by care.Actor, r store.Record) (SavedReport, error) {
	var k keptReport
	if err := json.Unmarshal(r.Doc, &k); err != nil {
		return SavedReport{}, fmt.Errorf("reading a report: %w", err)
	}
	v := SavedReport{Report: k.Report, ID: r.ID, By: k.By, Mine: r.Owner == string(by.ID), Version: r.Version}
	for _, i := range k.Report.Items {
		v.Lines = append(v.Lines, h.reportLine(i))
	}
	run, state, err := runOf(tx, r.Org, r.ID)
	if err != nil {
		return v, err
	}
	v.Runs = state.Runs
	if state.Now != nil {
		v.Retry = state.Problem
	}
	if k.Schedule.Every != "" && run.Version > 0 {
		v.Next = run.Due
		if state.Now != nil { // one is on its way, or is tried again
			v.Next = k.Schedule.next(h.now(), h.Zone)
		}
	}
	return v, nil
}

// reportLine is a measure of a report in words.
func (h *Hub) reportLine(i ReportItem) ReportLine {
	l := ReportLine{ReportItem: i, Title: "A measure that is not there any more"}
	if m, ok := measure.Find(i.Measure); ok {
		l.Title = m.Title
	}
	l.Words = h.whereWords(i.Where)
	if i.By != "" {
		l.Words += ", by " + string(i.By)
	}
	if i.Every != "" {
		l.Words += ", each " + string(i.Every)
	}
	return l
}

// ReportLineWords is a measure of a report in a line.
func (h *Hub) ReportLineWords(i ReportItem) string {
	l := h.reportLine(i)
	return l.Title + ": " + l.Words
}

// whereWords is where figures are of, in words.
func (h *Hub) whereWords(where map[measure.Dim]string) string {
	var out []string
	for _, d := range measure.Dims {
		if v, ok := where[d]; ok {
			out = append(out, h.dimName(FigureQuery{By: d, Where: where}, v))
		}
	}
	if len(out) == 0 {
		return "All hospitals and councils"
	}
	return strings.Join(out, ", ")
}

// SaveReport saves a report: a new one where id is "", else a change of the reader's
// own. version is the one that they saw. It gives the report's id.
func (h *Hub) SaveReport(ctx context.Context, by care.Actor, id string, version int64, r Report) (string, error) {
	wrong := h.checkReport(by, r)
	r.Name = strings.TrimSpace(r.Name)
	fresh := newID()
	err := h.update(ctx, func(tx *store.Tx) error {
		a, err := h.mayReportFigures(tx, by)
		if err != nil {
			return err
		}
		if wrong != nil {
			return wrong
		}
		rec := store.Record{Kind: recordReport, Org: string(by.Org), ID: cmp.Or(id, fresh), Owner: string(by.ID), At: h.now()}
		if id != "" {
			was, _, err := readReport(tx, by, id)
			if err != nil {
				return err
			}
			if was.Owner != string(by.ID) {
				return &care.Error{Kind: care.Forbidden, Text: "Only who made a report can change it. Save a copy of your own"}
			}
			rec.At, rec.Version = was.At, version
		} else if n, err := tx.CountKept(store.RecordQuery{Kind: recordReport, Org: rec.Org, Owner: rec.Owner}); err != nil || n >= mostReports {
			return firstError(err, &care.Error{Kind: care.BusinessRule, Text: "You have 100 reports. Delete those that you do not need"})
		}
		rec.State = reportOwn
		if r.Shared {
			rec.State = reportShared
		}
		if rec.Doc, err = json.Marshal(keptReport{Report: r, Role: by.Role, By: by.Name}); err != nil {
			return err
		}
		if _, err = tx.PutRecord(rec); err != nil {
			return err
		}
		if err := h.reschedule(tx, rec, r); err != nil {
			return err
		}
		return a.audit(tx, true, "saved a report")
	})
	return cmp.Or(id, fresh), err
}

// DropReport deletes a report of the reader's own, with what is remembered of its
// deliveries. What was delivered stays where it is.
func (h *Hub) DropReport(ctx context.Context, by care.Actor, id string) error {
	return h.update(ctx, func(tx *store.Tx) error {
		a, err := h.mayReportFigures(tx, by)
		if err != nil {
			return err
		}
		r, _, err := readReport(tx, by, id)
		if err != nil {
			return err
		}
		if r.Owner != string(by.ID) {
			return &care.Error{Kind: care.Forbidden, Text: "Only who made a report can delete it"}
		}
		return firstError(tx.DropKept(recordReport, r.Org, r.ID), tx.DropKept(recordRun, r.Org, r.ID), a.audit(tx, true, "deleted a report"))
	})
}

// MakeReport writes a report as it is now, for a reader who may see it, in a format;
// "" is the report's own. It is suppressed as whatever leaves. FileName names it.
func (h *Hub) MakeReport(ctx context.Context, by care.Actor, id string, f ReportFormat, w io.Writer) error {
	v, err := h.Report(ctx, by, id)
	if err != nil {
		return err
	}
	body, err := h.writeReport(ctx, by, v.Report, cmp.Or(f, v.Format), h.now())
	if err != nil {
		return err
	}
	_, err = w.Write(body)
	return err
}

// FileName is the name of a report's file of a time: it begins with the time, so that a
// folder reads in order, and holds nothing that somebody typed.
func (h *Hub) FileName(id string, f ReportFormat, at time.Time) string {
	return at.In(h.Zone).Format("2006-01-02-1504") + "-report-" + id[:min(8, len(id))] + "." + string(f)
}
