// Package returns makes statutory returns of what is known of people: the discharge
// situation reports of hospitals, and of councils Client Level Data, the link of
// reablement to hospital that ASCOF 2D needs, and figures for the Better Care Fund. It
// says of each what it is, how complete it is, which case lacks what and who can mend it,
// and what differs from the last time. It is pure: cases, points and the time are given
// to it. It decides nothing about who may make or see a return, keeps none (package
// hub), sends none, and invents no label: where a national list is known in part only,
// that is said (Return.Known) and the values stand in package codelists.
package returns

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"homeward/care"
	"homeward/codelists"
	"homeward/measure"
	"homeward/nhs"
)

// ID names a return, in addresses and files.
type ID string

// The returns.
const (
	Acute     ID = "acute-sitrep"
	Community ID = "community-sitrep"
	CLD       ID = "client-level-data"
	ASCOF     ID = "ascof-2d"
	BCF       ID = "better-care-fund"
)

// Return is what a return is.
type Return struct {
	ID         ID
	Title      string
	Definition string // what it counts, for whoever reads it first
	Cite       string // where it is laid down
	For        []care.OrgKind
	Personal   bool // its rows are people's: only for the organisation itself
	Columns    []string
	Known      []Part // what is known in part, and what is ours
	Every      string // day, month or quarter: for how long one is, at the longest
	Due        int    // days after the last day of the period; ours, to be confirmed
	Snapshot   int    // minutes after midnight at which people are counted; 0: none
}

// Part is something of a return that is not as published, or not established.
type Part struct {
	What string // "Labels of metrics"
	Say  string
}

// Row is one row of a return.
type Row struct {
	Case  care.CaseID // "" where it is of no one person
	Cells []string
}

// Problem is what a row lacks, of which case.
type Problem struct {
	Row   int // from 0; -1: no row could be made
	Case  care.CaseID
	Field string // a column, or what a sum lacks
	Text  string
	Mend  string
	Who   string // who can mend it, in words
}

// Filled is how many rows have a field, of those that should.
type Filled struct {
	Field    string
	Have, Of int
	Held     bool // false: Homeward does not hold it
}

// Metric is a sum of a return, by which it is compared with the last one.
type Metric struct {
	Name  string
	Value float64
	Known bool // false: there is nothing to count
	Unit  measure.Unit
}

// Made is a return as it was made.
type Made struct {
	Rows     []Row
	Filled   []Filled
	Metrics  []Metric
	Problems []Problem
}

// Find finds a return.
func Find(id ID) (Return, bool) {
	all, err := List()
	i := slices.IndexFunc(all, func(r Return) bool { return r.ID == id })
	if err != nil || i < 0 {
		return Return{}, false
	}
	return all[i], true
}

// List lists the returns, with the columns and times that the lists of codes say.
func List() ([]Return, error) {
	times, err := codelists.ReturnTimes()
	if err != nil {
		return nil, err
	}
	fields, err := codelists.CLDFields()
	if err != nil {
		return nil, err
	}
	out := slices.Clone(list)
	for i := range out {
		r := &out[i]
		t := slices.IndexFunc(times, func(t codelists.ReturnTime) bool { return t.Return == string(r.ID) })
		if t < 0 {
			return nil, fmt.Errorf("when the return %s is made is not in the list of returns", r.ID)
		}
		r.Every, r.Due, r.Snapshot = times[t].Every, times[t].DueDays, times[t].Snapshot
		if r.ID == CLD {
			for _, f := range fields {
				r.Columns = append(r.Columns, f.Name)
			}
		}
	}
	return out, nil
}

// For reports whether a return is one of a kind of organisation.
func (r Return) IsFor(k care.OrgKind) bool { return slices.Contains(r.For, k) }

// Period is the days that a return is of, both included.
type Period struct {
	Name     string // 2026-03-09, 2026-03 or 2026-Q1
	From, To nhs.Date
}

// errPeriod is what is said of a period that cannot be read.
var errPeriod = &care.Error{Kind: care.Invalid, Field: "period", Text: "Enter a day such as 2026-03-09, a month such as 2026-03, or a quarter such as 2026-Q1"}

// ParsePeriod reads a period by its name. A quarter is one of the calendar year: Q1 is
// January to March.
func ParsePeriod(s string) (Period, error) {
	if len(s) == 10 {
		d, err := nhs.ParseDate(s)
		if err != nil || d.String() != s {
			return Period{}, errPeriod
		}
		return Period{s, d, d}, nil
	}
	if len(s) != 7 || s[4] != '-' {
		return Period{}, errPeriod
	}
	year, err := strconv.Atoi(s[:4])
	month, months := 0, 1
	if s[5] == 'Q' && s[6] >= '1' && s[6] <= '4' {
		month, months = int(s[6]-'1')*3+1, 3
	} else if err == nil {
		month, err = strconv.Atoi(s[5:])
	}
	if err != nil || month < 1 || month > 12 || year < 2000 {
		return Period{}, errPeriod
	}
	first := time.Date(year, time.Month(month), 1, 0, 0, 0, 0, time.UTC)
	return Period{s, nhs.DateOf(first), nhs.DateOf(first.AddDate(0, months, -1))}, nil
}

// Last is the last period of some length that is over on a day.
func Last(every string, today nhs.Date) Period {
	switch every {
	case "month":
		d := measure.Monthly.Start(today).Add(-1)
		p, _ := ParsePeriod(fmt.Sprintf("%04d-%02d", d.Year, d.Month))
		return p
	case "quarter":
		d := today
		for {
			d = measure.Monthly.Start(d).Add(-1)
			if d.Month%3 == 0 {
				p, _ := ParsePeriod(fmt.Sprintf("%04d-Q%d", d.Year, d.Month/3))
				return p
			}
		}
	}
	p, _ := ParsePeriod(today.Add(-1).String())
	return p
}

// Of checks whether a return can be made of a period on a day.
func (r Return) Of(p Period, today nhs.Date) error {
	longest := map[string]int{"day": 31, "month": 92, "quarter": 92}[r.Every]
	switch days := p.From.DaysTo(p.To) + 1; {
	case !p.To.Before(today):
		return &care.Error{Kind: care.Invalid, Field: "period", Text: "This period is not over. Choose one that ended before today"}
	case days > longest:
		return &care.Error{Kind: care.Invalid, Field: "period", Text: "This return is of a month at most. Choose a day or a month"}
	case r.Every == "quarter" && days < 28:
		return &care.Error{Kind: care.Invalid, Field: "period", Text: "This return is of a month or a quarter. Choose one of those"}
	}
	return nil
}

// DueOn is the day on which a return of a period is due: as the list of returns says,
// which is ours, to be confirmed with whoever collects it.
func (r Return) DueOn(p Period) nhs.Date { return p.To.Add(r.Due) }
