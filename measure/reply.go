package measure

import (
	"strconv"
	"time"

	"homeward/care"
)

// asked is one asking of a provider for care, and its answer.
type asked struct {
	referral care.ReferralID
	subject  string
	council  string
	provider string
	at       time.Time
	replied  time.Time // first
	accepted bool      // by its last answer
	over     time.Time // another was booked, or the request ended
}

// askings are all askings of a case, in the order in which they were made. Whoever was
// released and is asked again, as a booking fell through, was asked twice. The first
// answer is history's: the request itself only has the last.
func (t *Trail) askings() []*asked {
	c := t.Case()
	if len(c.Requests) == 0 {
		return nil
	}
	var out []*asked
	byName := map[string]*asked{}
	of := func(q care.Request, v care.Invite) *asked {
		name := q.ID + "/" + v.Provider + "/" + strconv.FormatInt(v.At.UnixMicro(), 10)
		a := byName[name]
		if a == nil {
			a = &asked{referral: q.Referral, subject: name, council: string(q.Council), provider: string(care.ProviderCode(q.Council, v.Provider)), at: v.At}
			byName[name] = a
			out = append(out, a)
		}
		return a
	}
	here := map[string]bool{}
	for _, q := range c.Requests {
		here[q.ID] = true
	}
	t.each(func(e care.Entry) {
		x, ok := e.Event.(care.RequestChanged)
		if !ok || !here[x.Request.ID] {
			return
		}
		for _, v := range x.Request.Invited {
			of(x.Request, v).said(v, x.At, x.Did == care.RequestReplied)
		}
	})
	for _, q := range c.Requests { // of a record that stands alone again, the answers may be in another's history
		for _, v := range q.Invited {
			if a := of(q, v); a.replied.IsZero() {
				a.said(v, first(q.Ended, q.BookedAt), true)
			}
		}
	}
	return out
}

// said reads an invitation as it is after an event, which may be an answer.
func (a *asked) said(v care.Invite, at time.Time, answer bool) {
	switch {
	case v.Reply == care.ReplyReleased:
		if a.replied.IsZero() && !v.Replied.IsZero() {
			a.replied = v.Replied
		}
		a.over = first(a.over, at)
	case v.Reply != "" && answer:
		a.replied, a.accepted = first(a.replied, v.Replied), v.Reply == care.ReplyAccept
	}
}

// Replies are the askings of providers for care, with the whole minutes until the first
// answer.
var Replies = &Source{ID: "reply", Words: "a provider that was asked for care", Of: replyPoints, Cuts: replyCuts, Each: 10, EachOf: 2, Own: []Dim{ByProvider}}

var replyCuts = [][]Dim{{ByCouncil}, {ByCouncil, ByTeam}, {ByProvider}, {ByCouncil, ByProvider}}

func replyPoints(t *Trail) (out []Point) {
	for _, a := range t.askings() {
		p := t.asking(a)
		switch {
		case !a.replied.IsZero():
			p.To, p.Value = last(a.replied, a.at), int64(max(0, a.replied.Sub(a.at))/time.Minute)
		case !a.over.IsZero():
			p.To, p.Out = last(a.over, a.at), "not-waited-for"
		}
		out = append(out, p)
	}
	return out
}

// asking is the point of an asking that runs.
func (t *Trail) asking(a *asked) Point {
	p := Point{Subject: a.subject, Group: t.legGroup(a.referral), From: a.at}
	p.Provider = a.provider
	return p
}

// Answers are the answers of providers, 1 where it was an offer.
var Answers = &Source{ID: "answer", Words: "a provider's answer to a request for care", Of: answerPoints, Cuts: replyCuts, Each: 10, EachOf: 2, Own: []Dim{ByProvider}}

func answerPoints(t *Trail) (out []Point) {
	for _, a := range t.askings() {
		p := t.asking(a)
		if !a.replied.IsZero() {
			p.To = last(a.replied, a.at)
			if a.accepted {
				p.Value = 1
			}
		} else if !a.over.IsZero() {
			p.To, p.Out = last(a.over, a.at), "not-waited-for"
		}
		out = append(out, p)
	}
	return out
}

// replyTarget is within how many minutes a provider should answer: our own target.
const replyTarget = 24 * 60

const (
	askedStart = "when a provider was asked for care"
	askedStop  = "its first answer: an offer, a refusal, or a wish to know more"
	askedRule  = "Whole minutes. Asked again after a booking fell through counts anew. A provider that had not answered when another was booked, or the request ended, is left out."
)

var replyBy = []Dim{ByProvider, ByCouncil, ByTeam, ByHospital, ByPathway}

// replies are measures of what providers answer.
var replies = []Measure{
	{ID: "reply", Title: "Providers’ answers: median time", Sentence: "Half of the providers that were asked for care had answered within this time.",
		Unit: Minutes, Start: askedStart, Stop: askedStop, Method: "The median, as nearest rank. " + askedRule,
		Source: Replies, Stat: quantile(0.5), By: replyBy, Leaves: []string{"not-waited-for"}, Cite: "ours", Better: Lower, Local: true, Table: minuteBands},
	{ID: "reply-90", Title: "Providers’ answers: 90th percentile", Sentence: "9 of 10 of the providers that were asked for care had answered within this time.",
		Unit: Minutes, Start: askedStart, Stop: askedStop, Method: "The 90th percentile, as nearest rank. " + askedRule,
		Source: Replies, Stat: quantile(0.9), By: replyBy, Leaves: []string{"not-waited-for"}, Cite: "ours", Better: Lower, Local: true, Table: minuteBands},
	{ID: "reply-24h", Title: "Providers that answered within 24 hours", Sentence: "Of the providers that answered, the share that did within 24 hours of being asked.",
		Unit: Share, Start: askedStart, Stop: askedStop, Method: "Those within 24 hours divided by all that answered. 24 hours is our own target. " + askedRule,
		Source: Replies, Stat: shareOf(0, replyTarget), By: replyBy, Leaves: []string{"not-waited-for"}, Cite: "ours", Better: Higher, Local: true, Table: minuteBands},
	{ID: "offers", Title: "Answers that were offers", Sentence: "Of the answers of providers that were asked for care, the share that was an offer.",
		Unit: Share, Start: askedStart, Stop: askedStop, Method: "Those whose last answer was an offer, divided by all that answered. An offer that was booked and fell through was one.",
		Source: Answers, Stat: shareOf(1, 1), By: replyBy, Leaves: []string{"not-waited-for"}, Cite: "ours", Better: Higher, Local: true},
}
