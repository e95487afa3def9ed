package api

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"homeward/fhir"
	"homeward/hub"
	"homeward/measure"
	"homeward/nhs"
)

// figureAsk is what a search for reports of measures asks.
type figureAsk struct {
	measures []measure.ID // none: all
	from, to nhs.Date     // none: the last month that is over
}

// figureAsked reads a search for reports: measure by its canonical address, or the id at
// its end; period by days, months or years. What is read here is not compared again.
func (c *call) figureAsked(q *r4Query) (figureAsk, error) {
	var a figureAsk
	for _, t := range q.tests {
		switch t.name {
		case "measure":
			for _, v := range t.values {
				a.measures = append(a.measures, measure.ID(v[strings.LastIndex(v, "/")+1:]))
			}
		case "period":
			for _, v := range t.values {
				prefix, s, ok := readDate(v)
				if !ok {
					return a, no(http.StatusBadRequest, "invalid", "period must be a day, a month or a year, such as 2026-03 or ge2026-03-01")
				}
				if slices.Contains([]string{"eq", "ge", "gt", "sa"}, prefix) {
					a.from = nhs.DateOf(s.from)
				}
				if slices.Contains([]string{"eq", "le", "lt", "eb"}, prefix) {
					a.to = nhs.DateOf(s.to.Add(-time.Second))
				}
			}
		}
	}
	q.tests = slices.DeleteFunc(q.tests, func(t r4Test) bool { return t.name == "measure" || t.name == "period" })
	return a, nil
}

// r4Measures writes the measures as resources. FHIR R4 Measure.
func (c *call) r4Measures() []*fhir.Node {
	var out []*fhir.Node
	for _, m := range measure.All {
		out = append(out, c.r4Measure(m))
	}
	return out
}

const (
	scoringSystem    = "http://terminology.hl7.org/CodeSystem/measure-scoring"
	betterSystem     = "http://terminology.hl7.org/CodeSystem/measure-improvement-notation"
	populationSystem = "http://terminology.hl7.org/CodeSystem/measure-population"
)

// scoring is how a measure is scored, by what it is in.
func scoring(m measure.Measure) string {
	switch m.Unit {
	case measure.Share:
		return "proportion"
	case measure.People, measure.BedDays, measure.Count:
		return "cohort"
	}
	return "continuous-variable"
}

// better is which way a measure is better; nil where it is neither.
func better(m measure.Measure) *fhir.Node {
	code := map[measure.Better]string{measure.Lower: "decrease", measure.Higher: "increase"}[m.Better]
	if code == "" {
		return nil
	}
	return fhir.Concept("", fhir.Coding(betterSystem, code, ""))
}

func (c *call) canonical(m measure.ID) string {
	return c.faces.PublicURL + c.base + "/Measure/" + string(m)
}

func (c *call) r4Measure(m measure.Measure) *fhir.Node {
	n := fhir.Obj("resourceType", "Measure", "id", string(m.ID), "url", c.canonical(m.ID), "name", string(m.ID), "title", m.Title, "status", "active",
		"description", m.Sentence, "relatedArtifact", []*fhir.Node{fhir.Obj("type", "documentation", "label", m.Cite)},
		"scoring", fhir.Concept("", fhir.Coding(scoringSystem, scoring(m), "")), "rateAggregation", m.Method, "improvementNotation", better(m),
		"definition", []string{"Starts: " + m.Start, "Stops: " + m.Stop, "In: " + string(m.Unit)})
	return versioned(n)
}

// versioned gives a resource the version that its content has.
func versioned(n *fhir.Node) *fhir.Node {
	n.Members = slices.Insert(n.Members, 2, fhir.Member{Name: "meta", Value: fhir.Obj("versionId", fhir.Hash(n))})
	return n
}

// r4Reports writes figures as reports: each of all, and by hospital where it can be
// split so. They are suppressed, and name nobody. FHIR R4 MeasureReport.
func (c *call) r4Reports(a figureAsk) ([]*fhir.Node, error) {
	if a.from.IsZero() && a.to.IsZero() {
		this := measure.Monthly.Start(c.faces.Hub.Today())
		a.to = this.Add(-1)
		a.from = measure.Monthly.Start(a.to)
	}
	a.to = cmp.Or(a.to, c.faces.Hub.Today())
	a.from = cmp.Or(a.from, measure.Monthly.Start(a.to))
	var qs []hub.FigureQuery
	for _, m := range measure.All {
		if len(a.measures) > 0 && !slices.Contains(a.measures, m.ID) {
			continue
		}
		q := hub.FigureQuery{Measure: m.ID, From: a.from, To: a.to}
		if m.Splits(measure.ByHospital) {
			q.By = measure.ByHospital
		}
		qs = append(qs, q)
	}
	views, err := c.faces.Hub.FiguresAway(c.r.Context(), c.by, qs...)
	if err != nil {
		return nil, err
	}
	var out []*fhir.Node
	for _, v := range views {
		out = append(out, c.r4Report(v))
	}
	return out, nil
}

// reportID is the id of a report: its measure, first and last day. It is read by
// reportAsked.
func reportID(v hub.FigureView) string {
	return string(v.Def.ID) + "." + v.From.String() + "." + v.To.String()
}

func reportAsked(id string) (a figureAsk, ok bool) {
	parts := strings.Split(id, ".")
	if len(parts) != 3 {
		return a, false
	}
	from, err1 := nhs.ParseDate(parts[1])
	to, err2 := nhs.ParseDate(parts[2])
	if _, found := measure.Find(measure.ID(parts[0])); !found || err1 != nil || err2 != nil || to.Before(from) {
		return a, false
	}
	return figureAsk{[]measure.ID{measure.ID(parts[0])}, from, to}, true
}

func (c *call) r4Report(v hub.FigureView) *fhir.Node {
	status := "complete"
	if v.Whole.Before(v.To) || v.Behind {
		status = "pending"
	}
	population, score := reportScore(v.Def, v.Total)
	group := fhir.Obj("population", population, "measureScore", score)
	var strata []*fhir.Node
	for _, g := range v.Groups {
		population, score := reportScore(v.Def, g.Figure)
		value := fhir.Concept(g.Name)
		if g.Key != "" {
			value = fhir.Concept(g.Name, fhir.Coding("https://fhir.nhs.uk/Id/ods-organization-code", g.Key, g.Name))
		}
		strata = append(strata, fhir.Obj("value", value, "population", population, "measureScore", score))
	}
	if len(strata) > 0 {
		group.Set("stratifier", []*fhir.Node{fhir.Obj("code", []*fhir.Node{fhir.Concept(string(measure.ByHospital))}, "stratum", strata)})
	}
	n := fhir.Obj("resourceType", "MeasureReport", "id", reportID(v), "status", status, "type", "summary", "measure", c.canonical(v.Def.ID),
		"period", fhir.Obj("start", v.From.String(), "end", v.To.String()), "improvementNotation", better(v.Def), "group", []*fhir.Node{group})
	return versioned(n)
}

// reportScore is how many a figure is made of, and the figure. What is of too few people
// is masked, and what has nothing to count has no score.
func reportScore(m measure.Measure, f measure.Figure) (population []*fhir.Node, score *fhir.Node) {
	absent := func(why string) *fhir.Node {
		return fhir.Obj("extension", []*fhir.Node{fhir.Obj("url", "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode", why)})
	}
	if f.Few {
		return nil, absent("masked")
	}
	code := map[string]string{"proportion": "denominator", "cohort": "initial-population", "continuous-variable": "measure-population"}[scoring(m)]
	population = []*fhir.Node{fhir.Obj("code", fhir.Concept("", fhir.Coding(populationSystem, code, "")), "count", int(f.Over))}
	if !f.Known {
		return population, absent("not-applicable")
	}
	return population, fhir.Obj("value", &fhir.Node{Kind: fhir.Number, Text: strconv.FormatFloat(f.Value, 'f', -1, 64)}, "unit", string(m.Unit))
}
