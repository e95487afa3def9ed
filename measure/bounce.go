package measure

import (
	"cmp"

	"homeward/care"
)

// Sent are the referrals that were sent, each with how often it was returned. One that
// is sent on to another council is sent to that council anew.
var Sent = &Source{ID: "sent", Words: "a referral that was sent", Of: sentPoints, Cuts: append([][]Dim{{ByReason}, {ByCouncil, ByReason}, {ByHospital, ByReason}}, workCuts...)}

// How a referral stood by what the receiving team wants, when it was sent: the reason by
// which Sent is split.
const (
	sentComplete = "complete"
	sentAnyway   = "sent-anyway"
	sentNoRules  = "no-rules"
)

func sentPoints(t *Trail) (out []Point) {
	for _, l := range t.legs() {
		p := Point{Subject: string(l.ID), Group: l.Group, From: l.Sent, To: l.Sent, Value: int64(len(l.Returns))}
		p.Reason = gated(l.Referral)
		out = append(out, p)
	}
	return out
}

func gated(r care.Referral) string {
	switch {
	case len(r.Missing) > 0 || r.Anyway != "":
		return sentAnyway
	case r.Gate == 0:
		return sentNoRules
	}
	return sentComplete
}

// Gated are the referrals that were sent, 1 where it lacked what the receiving team
// wants and was sent anyway.
var Gated = &Source{ID: "gated", Words: "a referral weighed by what the receiving team wants", Of: gatedPoints, Cuts: workCuts}

func gatedPoints(t *Trail) (out []Point) {
	for _, p := range sentPoints(t) {
		p.Value = 0
		switch p.Reason {
		case sentAnyway:
			p.Value = 1
		case sentNoRules:
			p.Out = "no-rules"
		}
		p.Reason = ""
		out = append(out, p)
	}
	return out
}

// Taken are the referrals that were accepted, each with how often it had been returned
// before.
var Taken = &Source{ID: "taken", Words: "a referral that was accepted", Of: takenPoints, Cuts: workCuts}

func takenPoints(t *Trail) (out []Point) {
	for _, l := range t.legs() {
		p := Point{Subject: string(l.ID), Group: l.Group, From: l.Sent, To: l.accepted}
		switch {
		case !p.Open():
			for _, r := range l.Returns {
				if r.At.Before(p.To) {
					p.Value++
				}
			}
		case !l.Referral.Open():
			p.To, p.Out = last(l.Ended, p.From), cmp.Or(ended[l.State], "ref-closed")
		}
		out = append(out, p)
	}
	return out
}

// bounces are measures of referrals that were sent back.
var bounces = []Measure{
	{ID: "bounce", Title: "Referrals returned", Sentence: "The share of the referrals sent that were returned at least once for more information.",
		Unit: Share, Start: "the referrals that were sent", Stop: "the day on which it was sent",
		Method: "Those returned at least once, at any time since, divided by all that were sent. A referral counts on the day on which it was sent, so that a figure can still rise when one is returned later. One that was transferred to another council counts for each of the two.",
		Source: Sent, Stat: shareOf(1, 1<<62), By: append([]Dim{ByReason}, byPlace...), Cite: "ours", Better: Lower, Local: true, Matures: 7, Table: returnBands},
	{ID: "returns", Title: "Returns for each referral", Sentence: "How often a referral was returned for more information, on average.",
		Unit: Count, Start: "the referrals that were sent", Stop: "the day on which it was sent",
		Method: "All returns, at any time since, divided by all referrals that were sent.",
		Source: Sent, Stat: mean, By: append([]Dim{ByReason}, byPlace...), Cite: "ours", Better: Lower, Local: true, Matures: 7, Table: returnBands},
	{ID: "first-time-right", Title: "Accepted without return", Sentence: "Of the referrals that were accepted, the share that was accepted without being returned first.",
		Unit: Share, Start: "the referrals that were accepted", Stop: "the day on which it was first accepted",
		Method: "Those never returned before they were first accepted, divided by all that were accepted. A return after that does not count here.",
		Source: Taken, Stat: shareOf(0, 0), By: byPlace, Leaves: clockLeaves[:5], Cite: "ours", Better: Higher, Local: true, Table: returnBands},
	{ID: "sent-anyway", Title: "Referrals sent anyway", Sentence: "The share of referrals that were sent although they lacked something that the receiving team asks for.",
		Unit: Share, Start: "the referrals sent to a team that has said what it needs", Stop: "the day on which it was sent",
		Method: "Those sent with something missing by the rules of the receiving team as they were then, divided by all that were weighed by such rules.",
		Source: Gated, Stat: shareOf(1, 1), By: byPlace, Leaves: []string{"no-rules"}, Cite: "ours", Better: Lower, Local: true},
}

func returnBands(h *Hist) []Slice {
	return bands(h, []Slice{{Words: "Never returned"}, {Words: "Once", From: 1}, {Words: "Twice", From: 2}, {Words: "3 times or more", From: 3}})
}
