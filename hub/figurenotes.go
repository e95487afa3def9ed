package hub

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"homeward/care"
	"homeward/measure"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// measureRecord is the kind of records of what was agreed about measures: a record for
// each measure, and one for each assumption. They are of no organisation: everybody
// who sees figures sees them.
const measureRecord = "measure"

// FigureNotes is what was agreed about a measure, beside its figures.
type FigureNotes struct {
	Target  *FigureTarget      // that is in force on the last day; nil: none
	Targets []FigureTarget     // all that there ever were, the last set first
	Rebases []FigureRebase     // from which days on a chart counts anew, in their order
	Gone    []FigureRebase     // those that were taken away
	Version int64              // of the notes, for changing them
	Assumes []FigureAssumption // what its figures are multiplied by that nobody measured
}

// FigureTarget is what a measure should be from a day on, in its unit. None is that
// there is no target from then on.
type FigureTarget struct {
	Value float64   `json:"value"`
	None  bool      `json:"none,omitzero"`
	From  nhs.Date  `json:"from"`
	By    care.Who  `json:"by"`
	At    time.Time `json:"at"`
}

// FigureRebase is a day from which a chart counts its limits anew, and why.
type FigureRebase struct {
	On   nhs.Date  `json:"on"`
	Why  string    `json:"why"`
	By   care.Who  `json:"by"`
	At   time.Time `json:"at"`
	Gone *Gone     `json:"gone,omitempty"`
}

// Gone is who took something away, and when.
type Gone struct {
	By  care.Who  `json:"by"`
	At  time.Time `json:"at"`
	Why string    `json:"why"`
}

type measureDoc struct {
	Targets []FigureTarget   `json:"targets,omitempty"`
	Rebases []FigureRebase   `json:"rebases,omitempty"`
	Assumed []FigureAssuming `json:"assumed,omitempty"`
}

// FigureAssuming is what an assumption was set to. Default is that it is again what comes
// with Homeward.
type FigureAssuming struct {
	Minutes int64     `json:"minutes"`
	Default bool      `json:"default,omitzero"`
	Why     string    `json:"why"`
	By      care.Who  `json:"by"`
	At      time.Time `json:"at"`
}

// figureNotes are those of a measure as they stand on the last day that is asked for.
func (h *Hub) figureNotes(tx *store.Tx, m measure.Measure, q FigureQuery) (FigureNotes, error) {
	d, version, err := measureNotes(tx, string(m.ID))
	if err != nil {
		return FigureNotes{}, err
	}
	n := FigureNotes{Version: version, Targets: d.Targets}
	slices.Reverse(n.Targets)
	for _, r := range d.Rebases {
		if r.Gone != nil {
			n.Gone = append(n.Gone, r)
		} else {
			n.Rebases = append(n.Rebases, r)
		}
	}
	slices.SortFunc(n.Rebases, func(a, b FigureRebase) int { return cmp.Compare(a.On.String(), b.On.String()) })
	var last *FigureTarget
	for i, t := range n.Targets { // of one day the last set counts
		if !q.To.Before(t.From) && (last == nil || last.From.Before(t.From)) {
			last = &n.Targets[i]
		}
	}
	if last != nil && !last.None {
		n.Target = last
	}
	return n, nil
}

func measureNotes(tx *store.Tx, id string) (d measureDoc, version int64, err error) {
	r, err := tx.Kept(measureRecord, "", id)
	if store.IsNone(err) {
		return d, 0, nil
	}
	if err != nil {
		return d, 0, err
	}
	if err := json.Unmarshal(r.Doc, &d); err != nil {
		return d, 0, fmt.Errorf("reading what was agreed about measure %s: %w", id, err)
	}
	return d, r.Version, nil
}

// SetTarget sets what a measure should be from a day on; nil: from then on there is no
// target. version is FigureNotes.Version as the reader saw it: it is a conflict when
// somebody changed them since.
func (h *Hub) SetTarget(ctx context.Context, by care.Actor, id measure.ID, version int64, value *float64, from nhs.Date) error {
	return h.noteMeasure(ctx, by, id, version, func(m measure.Measure, d *measureDoc, now time.Time) (string, error) {
		t := FigureTarget{None: value == nil, From: from, By: by.Who(), At: now}
		switch {
		case from.IsZero():
			return "", &care.Error{Kind: care.Required, Field: "from", Text: "Enter the day from which the target counts"}
		case value == nil:
		case math.IsNaN(*value) || *value < 0 || *value > 1e9:
			return "", &care.Error{Kind: care.Invalid, Field: "value", Text: "Target must be a number, 0 or more"}
		case m.Unit == measure.Share && *value > 1:
			return "", &care.Error{Kind: care.Invalid, Field: "value", Text: "Target must be 100% or less"}
		default:
			t.Value = *value
		}
		d.Targets = append(d.Targets, t)
		if t.None {
			return "no target from " + from.String(), nil
		}
		return "target " + strconv.FormatFloat(t.Value, 'f', -1, 64) + " from " + from.String(), nil
	})
}

// AddRebase has charts of a measure count their limits anew from a day on, and says
// why.
func (h *Hub) AddRebase(ctx context.Context, by care.Actor, id measure.ID, version int64, on nhs.Date, why string) error {
	return h.noteMeasure(ctx, by, id, version, func(_ measure.Measure, d *measureDoc, now time.Time) (string, error) {
		if on.IsZero() {
			return "", &care.Error{Kind: care.Required, Field: "on", Text: "Enter the day from which the chart counts anew"}
		}
		if err := because(why); err != nil {
			return "", err
		}
		if slices.ContainsFunc(d.Rebases, func(r FigureRebase) bool { return r.On == on && r.Gone == nil }) {
			return "", &care.Error{Kind: care.Invalid, Field: "on", Text: "The chart counts anew from this day already"}
		}
		d.Rebases = append(d.Rebases, FigureRebase{On: on, Why: strings.TrimSpace(why), By: by.Who(), At: now})
		return "rebased on " + on.String(), nil
	})
}

// DropRebase takes a rebasing away, and says why; that it was there stays readable.
func (h *Hub) DropRebase(ctx context.Context, by care.Actor, id measure.ID, version int64, on nhs.Date, why string) error {
	return h.noteMeasure(ctx, by, id, version, func(_ measure.Measure, d *measureDoc, now time.Time) (string, error) {
		if err := because(why); err != nil {
			return "", err
		}
		i := slices.IndexFunc(d.Rebases, func(r FigureRebase) bool { return r.On == on && r.Gone == nil })
		if i < 0 {
			return "", &care.Error{Kind: care.NotFound, Field: "on", Text: "The chart does not count anew from this day"}
		}
		d.Rebases[i].Gone = &Gone{By: by.Who(), At: now, Why: strings.TrimSpace(why)}
		return "rebasing of " + on.String() + " taken away", nil
	})
}

// noteMeasure changes the notes of a measure.
func (h *Hub) noteMeasure(ctx context.Context, by care.Actor, id measure.ID, version int64, change func(measure.Measure, *measureDoc, time.Time) (string, error)) error {
	return h.manageFigures(ctx, by, string(id), version, func(d *measureDoc, now time.Time) (string, error) {
		m, ok := measure.Find(id)
		if !ok {
			return "", &care.Error{Kind: care.NotFound, Field: "measure", Text: "There is no such measure"}
		}
		return change(m, d, now)
	})
}

// manageFigures decides, changes what was agreed of a version, and audits it.
func (h *Hub) manageFigures(ctx context.Context, by care.Actor, id string, version int64, change func(*measureDoc, time.Time) (string, error)) error {
	return h.update(ctx, func(tx *store.Tx) error {
		now := h.now()
		a := h.ask(by, policy.ManageFigures, nil, policy.Governance, "", now)
		if !a.allowed(policy.ManageFigures) {
			return a.refuse(tx)
		}
		d, was, err := measureNotes(tx, id)
		if err != nil {
			return err
		}
		if was != version {
			return errOvertaken()
		}
		said, err := change(&d, now)
		if err != nil {
			return err
		}
		if _, err := tx.PutRecord(store.Record{Kind: measureRecord, ID: id, At: now, Version: version, Doc: store.ToDoc(d)}); err != nil {
			return err
		}
		return a.audit(tx, true, id+": "+said)
	})
}
