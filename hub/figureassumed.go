package hub

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"homeward/care"
	"homeward/measure"
	"homeward/store"
)

// FigureAssumption is something that nobody measured and a figure is multiplied by, as it
// stands.
type FigureAssumption struct {
	measure.Assumption                  // Minutes are those that it is set to now
	Default            int64            // minutes, as Homeward comes
	Set                []FigureAssuming // what it was ever set to, the last first
	Version            int64            // for setting it
}

// mostAssumed is the largest number of minutes that may be assumed: a day; and of pounds.
const mostAssumed = 24 * 60

// figureAssumptions are those that a measure is made with.
func figureAssumptions(tx *store.Tx, m measure.Measure) ([]FigureAssumption, error) {
	var out []FigureAssumption
	for _, id := range m.Assume {
		a, ok := measure.FindAssumption(id)
		if !ok {
			continue
		}
		d, version, err := measureNotes(tx, id)
		if err != nil {
			return nil, err
		}
		x := FigureAssumption{Assumption: a, Default: a.Minutes, Set: d.Assumed, Version: version}
		slices.Reverse(x.Set)
		if len(x.Set) > 0 && !x.Set[0].Default {
			x.Minutes, x.Why = x.Set[0].Minutes, x.Set[0].Why
		}
		out = append(out, x)
	}
	return out, nil
}

// under is a measure as what it assumes is set.
func under(m measure.Measure, as []FigureAssumption) measure.Measure {
	set := map[string]int64{}
	for _, a := range as {
		set[a.ID] = a.Minutes
	}
	return m.With(set)
}

// SetAssumption sets what is assumed from now on, for figures of all times; nil: what
// comes with Homeward. version is FigureAssumption.Version as the reader saw it: it is
// a conflict when somebody set it since.
func (h *Hub) SetAssumption(ctx context.Context, by care.Actor, id string, version int64, minutes *int64, why string) error {
	return h.manageFigures(ctx, by, id, version, func(d *measureDoc, now time.Time) (string, error) {
		a, ok := measure.FindAssumption(id)
		if !ok {
			return "", &care.Error{Kind: care.NotFound, Field: "assumption", Text: "There is no such assumption"}
		}
		x := FigureAssuming{Default: minutes == nil, Minutes: a.Minutes, By: by.Who(), At: now, Why: strings.TrimSpace(why)}
		if minutes != nil {
			x.Minutes = *minutes
		}
		if x.Minutes < 0 || x.Minutes > mostAssumed {
			return "", &care.Error{Kind: care.Invalid, Field: "minutes", Text: strings.ToUpper(a.Many[:1]) + a.Many[1:] + " must be a whole number from 0 to " + strconv.Itoa(mostAssumed)}
		}
		if err := because(why); err != nil {
			return "", err
		}
		d.Assumed = append(d.Assumed, x)
		if x.Default {
			return "as it comes", nil
		}
		return strconv.FormatInt(x.Minutes, 10) + " " + a.Many, nil
	})
}
