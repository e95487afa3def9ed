package web

import (
	"cmp"
	"errors"
	"strconv"

	"homeward/care"
	"homeward/hub"
	"homeward/measure"
	"homeward/policy"
	"homeward/web/ui"
)

// figureAssumedRoutes is setting what a measure assumes.
func (s *Server) figureAssumedRoutes() []route {
	return []route{{pattern: "POST /figures/{measure}/assumption", asks: deciding(policy.ManageFigures), do: s.setAssumption}}
}

// figureAssumed says what the figures of a measure are multiplied by that nobody measured, to
// everybody who sees them; whoever manages figures can set it.
func (s *Server) figureAssumed(v *visit, p figurePage, errs []ui.FieldError) ui.Node {
	if len(p.view.Assumes) == 0 {
		return nil
	}
	out := ui.Nodes{ui.H2("What is assumed")}
	for _, a := range p.view.Assumes {
		by := "It comes with Homeward"
		if len(a.Set) > 0 {
			by = "Set by " + a.Set[0].By.Name + ", " + ui.DateTime(a.Set[0].At)
		}
		out = append(out, ui.SummaryList(ui.Row{Key: a.Words, Value: ui.Text(ui.Plural(int(a.Minutes), a.One, a.Many)), Source: a.Why + ". " + by}))
		if s.Hub.MayFigures(v.by, policy.ManageFigures) {
			out = append(out, assumptionForm(v, p.def.ID, a, errs))
		}
	}
	return out
}

func assumptionForm(v *visit, id measure.ID, a hub.FigureAssumption, errs []ui.FieldError) ui.Node {
	why := a.ID + "-why"
	minutes, said := strconv.FormatInt(a.Minutes, 10), ""
	fold := ui.Details
	if ui.ErrorFor(errs, a.ID)+ui.ErrorFor(errs, why) != "" {
		fold, minutes, said = ui.OpenDetails, v.form("minutes"), v.form("why")
	}
	return fold("Set what is assumed", ui.PostForm(figurePath(id, "/assumption"), ui.Hidden("version", strconv.FormatInt(a.Version, 10)), ui.Hidden("assumption", a.ID),
		ui.P("Figures of all times change with it, on every page. Homeward comes with "+ui.Plural(int(a.Default), a.One, a.Many)+"."),
		ui.Input{ID: a.ID, Name: "minutes", Label: upper(a.Many), Hint: "Leave it empty for what Homeward comes with", Value: minutes, Width: 4, Mode: "numeric", Error: ui.ErrorFor(errs, a.ID)},
		ui.Input{ID: why, Name: "why", Label: "Why", Hint: "Such as: timed on a ward for a week, or where the value comes from", Value: said, Error: ui.ErrorFor(errs, why)},
		ui.Button{Text: "Set", About: "what is assumed", Kind: ui.Secondary}))
}

func (s *Server) setAssumption(v *visit) (response, error) {
	id := v.form("assumption")
	err := s.assume(v, id)
	var e *care.Error
	if errors.As(err, &e) && (e.Field == "minutes" || e.Field == "why") {
		named := *e
		if named.Field = id; e.Field == "why" {
			named.Field = id + "-why"
		}
		err = &named
	}
	return s.noted(v, err, "What is assumed was set")
}

func (s *Server) assume(v *visit, id string) error {
	typed := v.form("minutes")
	if typed == "" {
		return s.Hub.SetAssumption(v.ctx(), v.by, id, formVersion(v), nil, v.form("why"))
	}
	n, err := strconv.ParseInt(typed, 10, 64)
	if err != nil {
		a, _ := measure.FindAssumption(id)
		return &care.Error{Kind: care.Invalid, Field: "minutes", Text: upper(cmp.Or(a.Many, "it")) + " must be a whole number, such as 15"}
	}
	return s.Hub.SetAssumption(v.ctx(), v.by, id, formVersion(v), &n, v.form("why"))
}
