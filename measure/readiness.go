package measure

import (
	"time"

	"homeward/care"
)

// Predicted are the stays that ended, each with how often the predicted date of leaving
// changed; Fitness, how often the person stopped being ready to leave or became ready
// again; Churn, both together, of those who were referred.
var (
	Predicted = &Source{ID: "predicted", Words: "a hospital stay that ended", Cuts: usual, Of: func(t *Trail) []Point {
		return t.ended(func(s StayOf) int64 { return int64(s.Changes()) }, func(s StayOf) (out, assumed string) {
			if len(s.Expected) == 0 {
				return anyNight(t, s), "no-prediction"
			}
			return anyNight(t, s), ""
		})
	}}
	Fitness = &Source{ID: "fitness", Words: "a hospital stay that ended", Cuts: usual, Of: func(t *Trail) []Point {
		return t.ended(func(s StayOf) int64 { return turns(s.Stay) }, func(s StayOf) (out, assumed string) { return anyNight(t, s), "" })
	}}
	Churn = &Source{ID: "churn", Words: "a hospital stay in which a referral was made, and which ended", Cuts: usual, Of: func(t *Trail) []Point {
		return t.ended(func(s StayOf) int64 { return int64(s.Changes()) + turns(s.Stay) }, func(s StayOf) (out, assumed string) {
			if s.Referral == nil {
				return "no-referral", ""
			}
			return anyNight(t, s), ""
		})
	}}
)

// anyNight leaves out stays of no night, of which nothing is predicted.
func anyNight(t *Trail, s StayOf) string {
	if t.Day(s.Admitted) == t.Day(s.Left.At) {
		return "zero-day"
	}
	return ""
}

// turns is how often readiness changed after it was first said: each time that it was
// lost while in bed, and each time that it came back.
func turns(s care.Stay) (n int64) {
	for i, p := range s.Ready {
		if i > 0 {
			n++
		}
		if i+1 < len(s.Ready) || s.Left != nil && !p.To.IsZero() && p.To.Before(s.Left.At) {
			n++
		}
	}
	return n
}

// Sourcing are the requests for care for which a provider made an offer and whose time is
// over, each with the number of offers that were wasted because the person lost readiness
// to leave; 0 where none was. One that was wasted counts on that day, any other on the
// day on which it ended.
var Sourcing = &Source{ID: "sourcing", Words: "a request for care that a provider made an offer for", Cuts: usual, Each: 3, Of: sourcingPoints}

func sourcingPoints(t *Trail) []Point {
	var out []Point
	refs := map[care.ReferralID]Group{}
	for _, r := range t.Case().Referrals {
		refs[r.ID] = t.GroupOf(r)
	}
	offers := t.offers()
	for _, q := range t.Case().Requests {
		o, made := offers[q.ID]
		if !made {
			continue
		}
		p := Point{Subject: q.ID, Group: refs[q.Referral], From: o.first, To: q.Ended}
		p.Council = q.Council
		if !q.Wasted.IsZero() {
			p.To, p.Value = q.Wasted, o.wasted
		}
		out = append(out, p)
	}
	return out
}

// offered is what history says of the offers of one request.
type offered struct {
	first  time.Time
	wasted int64 // how many stood when readiness was lost
}

// offers reads the offers of requests from history: an offer that was released since is
// none any more in the request itself.
func (t *Trail) offers() map[string]offered {
	out := map[string]offered{}
	for _, other := range t.others {
		for id, o := range other.offers() {
			out[id] = o
		}
	}
	for _, e := range t.Entries {
		x, ok := e.Event.(care.RequestChanged)
		if !ok {
			continue
		}
		o := out[x.Request.ID]
		for _, v := range x.Request.Invited {
			if v.Reply == care.ReplyAccept && (o.first.IsZero() || v.Replied.Before(o.first)) {
				o.first = v.Replied
			}
		}
		if x.Did == care.RequestWasted {
			o.wasted = int64(x.Request.Offers())
		}
		if !o.first.IsZero() {
			out[x.Request.ID] = o
		}
	}
	return out
}

// readinesses are measures of how often what was planned changed.
var readinesses = []Measure{
	{ID: "predicted-changes", Title: "Changes of the predicted date, per stay", Sentence: "How often the predicted date of leaving was changed during a stay, on average.",
		Unit: Count, Start: "the first predicted date", Stop: "the day of leaving hospital", Method: "The changes in the order in which they were said, added up and divided by the stays that ended. The first date is no change, nor is the same said again; to take it back is one.",
		Source: Predicted, Stat: mean, By: byPlace, Leaves: []string{"zero-day", "joined"}, Cite: "ours", Better: Lower, Local: true, Table: changeBands},
	{ID: "readiness-changes", Title: "Changes of readiness, per stay", Sentence: "How often people stopped being ready to leave, or became ready again, during a stay, on average.",
		Unit: Count, Start: "first being ready to leave", Stop: "the day of leaving hospital", Method: "Each time that readiness was lost and each time that it came back, added up and divided by the stays that ended. First becoming ready is no change.",
		Source: Fitness, Stat: mean, By: byPlace, Leaves: []string{"zero-day", "joined"}, Cite: "ours", Better: Lower, Local: true, Table: changeBands},
	{ID: "readiness-lost", Title: "Stays in which readiness was lost", Sentence: "Of the stays that ended, the share in which somebody who had been ready to leave was not, for a time.",
		Unit: Share, Start: "first being ready to leave", Stop: "the day of leaving hospital", Method: "Stays with at least one change of readiness divided by the stays that ended.",
		Source: Fitness, Stat: shareFrom(1), By: byPlace, Leaves: []string{"zero-day", "joined"}, Cite: "ours", Better: Lower, Local: true, Table: changeBands},
	{ID: "churn", Title: "Changes of date and readiness, per referral", Sentence: "How often the predicted date or the readiness of somebody who had been referred changed, on average: each is work begun anew.",
		Unit: Count, Start: "the first predicted date, or first being ready to leave", Stop: "the day of leaving hospital", Method: "The changes of the predicted date and those of readiness, added up and divided by the stays with a referral that ended.",
		Source: Churn, Stat: mean, By: byPlace, Leaves: []string{"no-referral", "zero-day", "joined"}, Cite: "ours", Better: Lower, Local: true, Table: changeBands},
	{ID: "wasted-sourcing", Title: "Sourcing that was wasted", Sentence: "Of the requests for care that a provider made an offer for, the share in which the person then lost readiness to leave.",
		Unit: Share, Start: "the first offer", Stop: "the day on which readiness was lost, or the request ended", Method: "Requests with an offer whose person lost readiness before the request ended, divided by all that had an offer and are over.",
		Source: Sourcing, Stat: shareFrom(1), By: byPlace, Cite: "ours", Better: Lower, Local: true},
	{ID: "wasted-offers", Title: "Offers of care that were wasted", Sentence: "How many offers of providers came to nothing because the person lost readiness to leave.",
		Unit: Count, Start: "the first offer", Stop: "the day on which readiness was lost", Method: "The offers that stood when readiness was lost, counted on that day.",
		Source: Sourcing, Stat: total, By: byPlace, Cite: "ours", Better: Lower, Local: true},
}

func changeBands(h *Hist) []Slice {
	return bands(h, []Slice{{Words: "None"}, {Words: "1", From: 1}, {Words: "2", From: 2}, {Words: "3 to 4", From: 3}, {Words: "5 or more", From: 5}})
}
