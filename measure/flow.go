package measure

import (
	"slices"
	"strconv"

	"homeward/care"
)

// FlowPlace is a place that referrals go through.
type FlowPlace struct {
	State care.RefState
	Words string
}

// FlowPlaces are the places in their order. The value of a point of the source "flow"
// is the index of the place that was gone to, so nothing may be taken out or moved.
var FlowPlaces = []FlowPlace{
	{care.RefSent, "To be accepted"}, {care.RefReturned, "Returned for more"}, {care.RefAccepted, "To be allocated"}, {care.RefAllocated, "Allocated"},
	{care.RefAssessing, "Assessment"}, {care.RefPlanning, "Planning"}, {care.RefSourcing, "Arranging care"}, {care.RefReady, "Ready to leave"},
	{care.RefOnHold, "On hold"}, {care.RefDischarged, "Left hospital"}, {care.RefClosed, "Closed"}, {care.RefTransferred, "Another council"},
	{care.RefWithdrawn, "Withdrawn"}, {care.RefCancelled, "Cancelled"}, {care.RefDied, "Died"},
}

// flowPlace is the index of the place of a state; one that was received by the council's
// system still waits to be accepted. -1: it is none.
func flowPlace(s care.RefState) int {
	if s == care.RefReceived {
		s = care.RefSent
	}
	return slices.IndexFunc(FlowPlaces, func(p FlowPlace) bool { return p.State == s })
}

// FlowWords is a place in words, by the code of its state.
func FlowWords(code string) string {
	if i := flowPlace(care.RefState(code)); i >= 0 {
		return FlowPlaces[i].Words
	}
	return "Not known"
}

// Flow is each step of a referral from one place to another, on the day of the step. Its
// stage is the place that was left (a care.RefState), its value the index of the next.
var Flow = &Source{ID: "flow", Words: "a referral that went from one stage to another", Of: flowPoints, Each: 12, EachOf: 3, Own: []Dim{ByStage},
	Cuts: and([]Dim{ByStage}, []Dim{ByHospital, ByStage}, []Dim{ByCouncil, ByStage}, []Dim{ByPathway, ByStage})}

func flowPoints(t *Trail) []Point {
	var out []Point
	for _, r := range t.Case().Referrals {
		g := t.GroupOf(r)
		at, since, n := -1, r.Sent, 0
		spells := t.Spells(r.ID)
		if !r.Open() {
			spells = append(slices.Clone(spells), care.Spell{From: r.Ended, State: r.State})
		}
		for _, s := range spells {
			to := flowPlace(s.State)
			if to < 0 || to == at {
				continue
			}
			if at >= 0 {
				p := Point{Subject: string(r.ID) + "/" + strconv.Itoa(n), Group: g, From: since, To: s.From, Value: int64(to)}
				p.Stage = string(FlowPlaces[at].State)
				out = append(out, p)
				n++
			}
			at, since = to, s.From
		}
	}
	return out
}

// flows are the measures of how referrals go.
var flows = []Measure{
	{ID: "flow", Title: "Steps of referrals", Sentence: "How often referrals went from one stage to another.",
		Unit: Count, Start: "a referral that stands in one stage", Stop: "the day on which it went to another", Method: "Each step counts once, also when a referral goes back.",
		Source: Flow, Stat: number, By: []Dim{ByStage, ByHospital, ByCouncil, ByPathway}, Cite: "ours", Local: true, Table: flowParts},
}

// flowParts are how many steps went to each place, in the order of FlowPlaces.
func flowParts(h *Hist) []Slice {
	var parts []Slice
	for i, p := range FlowPlaces {
		parts = append(parts, Slice{Words: "To: " + p.Words, From: int64(i)})
	}
	return bands(h, parts)
}
