package measure

import "strconv"

// Pathways are the stays that ended, each with the discharge pathway of its referral, 0
// to 3. Discharge guidance 2024, Annex B.
var Pathways = &Source{ID: "pathway", Words: "a hospital stay that ended", Cuts: usual, Of: func(t *Trail) []Point {
	return t.ended(func(s StayOf) int64 { return pathwayNumber(s.Pathway) }, func(s StayOf) (out, assumed string) {
		return leftOut(t, s, false), ""
	})
}}

// noPathway stands for a pathway that nobody recorded.
const noPathway = 9

func pathwayNumber(code string) int64 {
	if len(code) == 1 && code >= "0" && code <= "3" {
		return int64(code[0] - '0')
	}
	return noPathway
}

var pathwayExcludes = []string{"died", "transferred", "under-16", "zero-day", "joined"}

const pathwayCite = "Discharge guidance 2024, Annex B"

// splits are measures of how discharges divide among the pathways.
var splits = []Measure{
	split(0, "home with no new need", "They went home, or back to where they lived, with no new or additional need; care that had been paused began again at the same level."),
	split(1, "home with support", "They went home with support that the hub arranged; a package that had lapsed and began again is among them."),
	split(2, "a community bed", "They went to a bed in the community to recover."),
	split(3, "a care home, through the hub", "They went to a care home as a new home, through the hub."),
	{ID: "pathway-unknown", Title: "Left with no pathway recorded", Sentence: "Of those who left, the share of whom no discharge pathway is recorded: no referral was made, or none says it.",
		Unit: Share, Start: "the stays that ended", Stop: "the day of leaving hospital", Method: "Those without a pathway divided by all who left. Nothing is assumed of them.",
		Source: Pathways, Stat: shareOf(noPathway, noPathway), By: byPlace, Leaves: pathwayExcludes, Cite: pathwayCite, Better: Lower, Table: pathwayParts},
}

func split(pathway int64, where, meaning string) Measure {
	code := strconv.FormatInt(pathway, 10)
	return Measure{ID: ID("pathway-" + code), Title: "Left on pathway " + code + ": " + where, Sentence: "Of those who left and whose pathway is known, the share on pathway " + code + ". " + meaning,
		Unit: Share, Start: "the stays that ended", Stop: "the day of leaving hospital", Method: "Those on pathway " + code + " divided by those whose pathway is known. How many are not known stands beside it.",
		Source: Pathways, Stat: ofKnown(pathway), By: byPlace, Leaves: pathwayExcludes, Cite: pathwayCite, Better: Neither, Table: pathwayParts}
}

// ofKnown is the share of one pathway among those that are known.
func ofKnown(pathway int64) Stat {
	return func(h *Hist) (float64, int64, bool) {
		n := h.N() - h.Values[noPathway]
		if n == 0 {
			return 0, 0, false
		}
		return float64(h.Values[pathway]) / float64(n), n, true
	}
}

func pathwayParts(h *Hist) []Slice {
	return bands(h, []Slice{{Words: "Pathway 0"}, {Words: "Pathway 1", From: 1}, {Words: "Pathway 2", From: 2}, {Words: "Pathway 3", From: 3}, {Words: "Not known", From: noPathway}})
}
