package county

import (
	"fmt"
	"slices"
	"time"

	"homeward/care"
)

// sourcing is one request for care as it is being invented.
type sourcing struct {
	l    *life
	x    *referring
	is   care.Request // as it will be at the end
	fact *Request
}

// source asks providers for care between two times, and reports whether one was booked.
func (l *life) source(x *referring, from, to time.Time) bool {
	if x.ref.Pathway == "0" || !from.Before(to) {
		return true
	}
	w := &sourcing{l: l, x: x, fact: &Request{Kind: oneOf(l, kinds)}}
	w.is = care.Request{ID: fmt.Sprintf("q-%s.%d", x.ref.ID, len(x.asks)+1), Referral: x.ref.ID, Council: x.council.ODS, At: from, By: x.worker, Kind: w.fact.Kind,
		Area: oneOf(l, x.council.Districts), Needs: "Help with washing and dressing", Visits: 1 + l.r.IntN(4), Carers: 1}
	w.fact.ID, w.fact.At = w.is.ID, from
	first := l.r.IntN(len(x.council.Providers))
	for i := range 1 + l.r.IntN(min(4, len(x.council.Providers))) {
		p := x.council.Providers[(first+i)%len(x.council.Providers)]
		w.is.Invited = append(w.is.Invited, care.Invite{Provider: p.ID, Name: p.Name, At: from})
		w.fact.Asked = append(w.fact.Asked, Asked{Provider: p.ID, At: from})
	}
	x.asks = append(x.asks, w)
	f := x.fact
	w.tell(from, care.RequestMade, "", func() { f.Requests = append(f.Requests, w.fact) })
	w.answers(from, to)
	return w.is.Booked != ""
}

// tell adds an event with the request as it is now.
func (w *sourcing) tell(at time.Time, did care.RequestDid, who string, fact func()) {
	is := w.is
	is.Invited = slices.Clone(is.Invited)
	w.l.add(at, care.RequestChanged{At: at, Did: did, By: w.x.worker, Who: who, Request: is}, fact)
}

// answers has the providers answer, one of them booked, and the offers wasted where the
// person lost readiness meanwhile, each in the order of time.
func (w *sourcing) answers(from, to time.Time) {
	l := w.l
	times := make([]time.Time, len(w.is.Invited))
	for i := range times {
		times[i] = l.between(from.Add(time.Second), to)
	}
	slices.SortFunc(times, time.Time.Compare)
	for i, at := range times {
		reply := pick(l.r, []weighed[care.RequestReply]{{45, care.ReplyAccept}, {30, care.ReplyDecline}, {10, care.ReplyMore}, {15, ""}})
		if reply == "" || !at.Before(to) {
			continue
		}
		w.lose(from, at)
		v, f := &w.is.Invited[i], &w.fact.Asked[i]
		v.Reply, v.Replied = reply, at
		if reply == care.ReplyAccept {
			v.Earliest = l.c.day(at).Add(1)
		}
		if reply == care.ReplyDecline {
			v.Reason = "capacity"
		}
		w.tell(at, care.RequestReplied, v.Name, func() {
			f.Reply, f.Replied = string(reply), at
			if reply == care.ReplyAccept {
				if w.fact.Offers++; w.fact.Offers == 1 {
					w.fact.FirstOffer = at
				}
			}
		})
	}
	w.lose(from, to)
	if w.is.Offers() == 0 || l.chance(150) || !w.is.Wasted.IsZero() {
		return
	}
	i := slices.IndexFunc(w.is.Invited, func(v care.Invite) bool { return v.Reply == care.ReplyAccept })
	v := w.is.Invited[i]
	w.is.Booked, w.is.BookedAt, w.is.BookedBy, w.is.Start = v.Provider, to, w.x.worker, v.Earliest
	w.tell(to, care.RequestBooked, v.Name, func() { w.fact.Booked, w.fact.BookedAt = v.Provider, to })
}

// lose has the offers wasted if the person lost readiness before a time and while there
// were any.
func (w *sourcing) lose(from, before time.Time) {
	for _, p := range w.x.p.periods {
		offers := 0
		for _, v := range w.is.Invited {
			if v.Reply == care.ReplyAccept && v.Replied.Before(p.To) {
				offers++
			}
		}
		if p.To.IsZero() || p.To.Before(from) || !p.To.Before(before) || offers == 0 || !w.is.Wasted.IsZero() {
			continue
		}
		at := p.To
		w.is.Wasted = at
		w.tell(at, care.RequestWasted, "", func() { w.fact.Wasted, w.fact.WastedDay, w.fact.OffersWhenWasted = at, w.l.c.day(at), offers })
	}
}

// end ends it, when it has not.
func (w *sourcing) end(at time.Time, why string) {
	w.is.Ended, w.is.EndedWhy = at, why
	w.tell(at, care.RequestEnded, "", func() { w.fact.Ended, w.fact.EndedDay = at, w.l.c.day(at) })
}
