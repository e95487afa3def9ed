package measure

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"homeward/care"
)

// leg is one referral with the instants at which its clocks stop; zero: not yet.
type leg struct {
	care.Referral
	Group
	spells []care.Spell
	// ready is from when the person was ready to leave without a break, up to now or to
	// leaving; zero while they are not.
	ready, accepted, allocated, assessed, requested, sourced, started, left time.Time
	gone                                                                    time.Time // when they died in hospital or went on to another; l.left is zero then
	why                                                                     string    // which of them, as points say it
}

// legs are the referrals of a case with what their clocks need.
func (t *Trail) legs() []leg {
	return t.legged.after(t, t.readLegs)
}

// legGroup is what a referral belongs to.
func (t *Trail) legGroup(id care.ReferralID) Group {
	for _, l := range t.legs() {
		if l.ID == id {
			return l.Group
		}
	}
	return Group{}
}

func (t *Trail) readLegs() []leg {
	c := t.Case()
	if len(c.Referrals) == 0 {
		return nil
	}
	stays := t.Stays()
	out := make([]leg, 0, len(c.Referrals))
	for _, r := range c.Referrals {
		l := leg{Referral: r, Group: t.GroupOf(r), spells: t.Spells(r.ID), allocated: r.Allocated}
		for _, s := range stays {
			if s.Referral != nil && s.Referral.ID == r.ID {
				l.ready = readyFrom(s)
				if s.Left == nil {
					continue
				}
				switch {
				case s.Left.Death():
					l.gone, l.why = s.Left.At, "died"
				case s.Left.ToHospital():
					l.gone, l.why = s.Left.At, "transferred"
				default:
					l.left = s.Left.At
				}
			}
		}
		l.accepted = l.reached(r.Accepted, care.RefAccepted, care.RefAllocated, care.RefAssessing, care.RefPlanning, care.RefSourcing, care.RefReady)
		l.assessed = first(l.reached(time.Time{}, care.RefPlanning, care.RefSourcing, care.RefReady), t.assessment(c, r.ID))
		t.sourcing(c, &l)
		out = append(out, l)
	}
	return out
}

// readyFrom is since when the person of a stay was ready to leave, to the end of the
// stay; zero where they met the criteria to reside again, or a date was never told.
func readyFrom(s StayOf) time.Time {
	n := len(s.Ready)
	if n == 0 {
		return time.Time{}
	}
	last := s.Ready[n-1]
	if !last.To.IsZero() && (s.Left == nil || last.To.Before(s.Left.At)) {
		return time.Time{}
	}
	return last.From
}

// reached is when a referral first came to one of some states; or else, where its
// history begins there, as said.
func (l *leg) reached(said time.Time, states ...care.RefState) time.Time {
	for i, s := range l.spells {
		if !slices.Contains(states, s.State) {
			continue
		}
		if i == 0 {
			return said
		}
		return s.From
	}
	return time.Time{}
}

// first is the earlier of two instants, of which either may not have come.
func first(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// last is the later of two instants.
func last(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// assessments are the papers that are a finished assessment of what somebody needs.
var assessments = []care.PaperKind{care.PaperHospital, care.PaperCareAct, care.PaperTrusted, care.PaperAssessment}

// assessment is when an assessment of a referral was first approved, or came.
func (t *Trail) assessment(c care.Case, id care.ReferralID) (at time.Time) {
	stands := map[string]bool{}
	for _, p := range c.Papers {
		if p.Referral == id && slices.Contains(assessments, p.Kind) && (p.Withdrawn.IsZero() || p.Ended) {
			stands[p.ID] = true
		}
	}
	if len(stands) == 0 {
		return at
	}
	t.each(func(e care.Entry) {
		if x, ok := e.Event.(care.PaperShared); ok && stands[x.Paper.ID] {
			at = first(at, x.At)
		}
	})
	return at
}

// each gives the entries of this record and, before them, those of the records that
// were joined into it, up to the join.
func (t *Trail) each(f func(care.Entry)) {
	for _, id := range t.Case().Absorbed {
		if o := t.others[id]; o != nil {
			o.each(f)
		}
	}
	for _, e := range t.Entries {
		f(e)
	}
}

// sourcing fills when care was asked for, booked and begun. A booking that fell through
// was none: the clock runs again.
func (t *Trail) sourcing(c care.Case, l *leg) {
	for _, q := range c.Requests {
		if q.Referral != l.ID {
			continue
		}
		l.requested = first(l.requested, q.At)
		if q.Booked == "" {
			continue
		}
		l.sourced = first(l.sourced, q.BookedAt)
		if !q.Start.IsZero() && !l.left.IsZero() {
			l.started = first(l.started, last(t.at(q.Start), l.left))
		}
	}
	if !l.sourced.IsZero() || l.left.IsZero() {
		return
	}
	sent := t.Day(l.Sent)
	for _, h := range c.Holdings {
		for _, p := range h.Packages {
			if h.Council == l.To && !h.Ended && p.Status == care.PackageActive && p.Kind != equipment && !p.Start.IsZero() && !p.Start.Before(sent) {
				l.started = first(l.started, last(t.at(p.Start), l.left))
			}
		}
	}
}

// equipment is the kind of package that is no care by people
// (Interweave-SocialCareServiceType).
const equipment = "EQ"

// returned is for how long a referral was with its sender again between two instants.
func (l *leg) returned(from, to time.Time) (d time.Duration) {
	for _, s := range l.spells {
		if s.State != care.RefReturned {
			continue
		}
		end := s.To
		if end.IsZero() || end.After(to) {
			end = to
		}
		d += max(0, end.Sub(last(s.From, from)))
	}
	return d
}

// ended is why a referral that came to an end before something happened is left out.
var ended = map[care.RefState]string{
	care.RefWithdrawn: "ref-withdrawn", care.RefCancelled: "ref-cancelled", care.RefDied: "ref-died",
	care.RefTransferred: "ref-transferred", care.RefClosed: "ref-closed",
}

// clock is one clock of the way from a referral home.
type clock struct {
	id                  string
	words               string // what one point of it is
	title               string
	from, to            string // what starts and stops it
	method              string
	fromReady           bool // it starts when the person was ready to leave, not when the referral was sent
	stop                func(*leg) time.Time
	left                bool // who has left hospital is not waited for any more
	sentence, sentence9 string
}

const (
	sentStart   = "when the hospital sent the referral"
	readyStart  = "when the person was ready to leave, for the last time (the discharge-ready date begins anew when the criteria to reside are met again)"
	pausedWords = "Whole minutes by the history of the referral. Time in which it was returned to the hospital for more information is not counted. "
	readyWords  = "Whole minutes; 0 where it had happened before the person was ready. Only people who were referred and have a discharge-ready date are counted. "
	endedWords  = "A referral that ended before that is left out, with why."
)

// clocks is the table of clocks; two measures are made of each.
var clocks = []clock{
	{id: "to-accepted", words: "a referral that was accepted", title: "Referral sent to accepted", from: sentStart, to: "when a council first took it on",
		method: pausedWords + endedWords, stop: func(l *leg) time.Time { return l.accepted },
		sentence:  "Half of all referrals were accepted within this time.",
		sentence9: "9 of 10 referrals were accepted within this time."},
	{id: "to-allocated", words: "a referral that a worker got", title: "Referral sent to allocated", from: sentStart, to: "when a worker was first named",
		method: pausedWords + endedWords, stop: func(l *leg) time.Time { return l.allocated },
		sentence:  "Half of all referrals had a named worker within this time.",
		sentence9: "9 of 10 referrals had a named worker within this time."},
	{id: "to-assessed", words: "a referral whose assessment was finished", title: "Referral sent to assessed", from: sentStart,
		to:     "when the referral went on to planning, arranging care or ready to leave, or an assessment was approved, whichever came first",
		method: pausedWords + endedWords, stop: func(l *leg) time.Time { return l.assessed },
		sentence:  "For half of all referrals the assessment was finished within this time.",
		sentence9: "For 9 of 10 referrals the assessment was finished within this time."},
	{id: "to-requested", words: "a referral for which care was asked for", title: "Referral sent to care requested", from: sentStart, to: "when providers were first asked for care",
		method: pausedWords + endedWords + " Referrals for which no care is arranged through this service run until they are closed.", stop: func(l *leg) time.Time { return l.requested },
		sentence:  "For half of all referrals providers were asked for care within this time.",
		sentence9: "For 9 of 10 referrals providers were asked for care within this time."},
	{id: "to-sourced", words: "a referral for which care was booked", title: "Referral sent to care booked", from: sentStart, to: "when an offer of care was booked that stands",
		method: pausedWords + endedWords + " A booking that fell through was none: the clock runs again.", stop: func(l *leg) time.Time { return l.sourced },
		sentence:  "For half of all referrals care was booked within this time.",
		sentence9: "For 9 of 10 referrals care was booked within this time."},
	{id: "to-started", words: "a referral whose care began", title: "Referral sent to care started", from: sentStart, to: startedWords,
		method: pausedWords + endedWords + startedMethod, stop: func(l *leg) time.Time { return l.started },
		sentence:  "For half of all referrals care at home began within this time.",
		sentence9: "For 9 of 10 referrals care at home began within this time."},
	{id: "ready-to-sourced", words: "somebody ready to leave whose care was booked", title: "Ready to leave to care booked", from: readyStart, to: "when an offer of care was booked that stands",
		method: readyWords + endedWords, fromReady: true, left: true, stop: func(l *leg) time.Time { return l.sourced },
		sentence:  "Half of those who were ready to leave had their care booked within this time.",
		sentence9: "9 of 10 of those who were ready to leave had their care booked within this time."},
	{id: "ready-to-started", words: "somebody ready to leave whose care began", title: "Ready to leave to care started", from: readyStart, to: startedWords,
		method: readyWords + endedWords + startedMethod, fromReady: true, stop: func(l *leg) time.Time { return l.started },
		sentence:  "For half of those who were ready to leave care at home began within this time.",
		sentence9: "For 9 of 10 of those who were ready to leave care at home began within this time."},
	{id: "ready-to-left", words: "somebody with a referral who was ready and left", title: "Ready to leave to left, of people referred", from: readyStart, to: "when the person left hospital",
		method: readyWords + "By the clock, and not in days as the national measure. Those who died or were moved to another hospital are left out.", fromReady: true,
		stop:      func(l *leg) time.Time { return l.left },
		sentence:  "Half of those who were referred and ready to leave had left within this time.",
		sentence9: "9 of 10 of those who were referred and ready to leave had left within this time."},
}

const (
	startedWords  = "when the care began and the person had left hospital"
	startedMethod = " Booked care begins on its day; where none was booked here, the first package in place that the council tells of counts. Care that only restarts is not counted. A start that lies ahead is counted on its day."
)

// clockSources makes the source of each clock.
func clockSources(cs []clock) []*Source {
	out := make([]*Source, len(cs))
	for i := range cs {
		k := &cs[i]
		out[i] = &Source{ID: k.id, Words: k.words, Of: k.points, Cuts: workCuts}
	}
	return out
}

// Process are the sources of the clocks from a referral home, in the order of clocks.
var Process = clockSources(clocks)

// workCuts are the cuts of what is counted of referrals.
var workCuts = [][]Dim{{ByHospital}, {ByHospital, ByWard}, {ByCouncil}, {ByCouncil, ByTeam}, {ByPathway}}

// clockLeaves are the codes of what clocks leave out.
var clockLeaves = []string{"ref-withdrawn", "ref-cancelled", "ref-died", "ref-transferred", "ref-closed", "died", "transferred", "left-without"}

// processes makes the measures of the clocks: the median and the 90th percentile of each.
func processes(cs []clock, sources []*Source) (out []Measure) {
	for i, k := range cs {
		m := Measure{ID: ID(k.id), Title: k.title + ": median", Sentence: k.sentence, Unit: Minutes, Start: k.from, Stop: k.to, Method: "The median, as nearest rank. " + k.method,
			Source: sources[i], Stat: quantile(0.5), By: byPlace, Leaves: clockLeaves, Cite: "ours", Better: Lower, Local: true, Table: minuteBands}
		out = append(out, m)
		m.ID, m.Title, m.Sentence, m.Method, m.Stat = m.ID+"-90", k.title+": 90th percentile", k.sentence9, "The 90th percentile, as nearest rank. "+k.method, quantile(0.9)
		out = append(out, m)
	}
	return out
}

// minuteBands are the bands in which durations in minutes are shown. The edges are ours.
func minuteBands(h *Hist) []Slice {
	return bands(h, []Slice{{Words: "Under 2 hours"}, {Words: "2 to 4 hours", From: 2 * 60}, {Words: "4 to 24 hours", From: 4 * 60}, {Words: "1 to 2 days", From: 24 * 60},
		{Words: "2 to 4 days", From: 48 * 60}, {Words: "4 to 7 days", From: 96 * 60}, {Words: "7 days or more", From: 7 * 24 * 60}})
}

// points are the points of one clock: one for each referral.
func (k *clock) points(t *Trail) (out []Point) {
	for _, l := range t.legs() {
		p := Point{Subject: string(l.ID), Group: l.Group, From: l.Sent}
		if k.fromReady {
			if l.ready.IsZero() {
				continue
			}
			p.From = l.ready
		}
		switch stop := k.stop(&l); {
		case !stop.IsZero():
			p.To = last(stop, p.From)
			d := p.To.Sub(p.From)
			if !k.fromReady {
				d -= l.returned(p.From, p.To)
			}
			p.Value = int64(max(0, d) / time.Minute)
		case !l.Open():
			p.To, p.Out = last(l.Ended, p.From), cmp.Or(ended[l.State], "ref-closed")
		case k.fromReady && !l.gone.IsZero():
			p.To, p.Out = last(l.gone, p.From), l.why
		case k.left && !l.left.IsZero():
			p.To, p.Out = last(l.left, p.From), "left-without"
		}
		out = append(out, p)
	}
	return out
}

// Paused are the times in which a referral stood still: returned to the hospital, or
// on hold with whoever had it.
var Paused = &Source{ID: "paused", Words: "a time in which a referral was returned or on hold", Of: pausedPoints, Each: 4, Cuts: append([][]Dim{{ByHolder}, {ByStage}, {ByHolder, ByStage}}, workCuts...)}

func pausedPoints(t *Trail) (out []Point) {
	for _, l := range t.legs() {
		for i, s := range l.spells {
			if s.State != care.RefReturned && s.State != care.RefOnHold {
				continue
			}
			p := Point{Subject: string(l.ID) + "/" + strconv.Itoa(i), Group: l.Group, From: s.From, To: s.To}
			p.Stage, p.Holder = string(s.State), s.Org
			if !p.Open() {
				p.Value = int64(s.To.Sub(s.From) / time.Minute)
			}
			out = append(out, p)
		}
	}
	return out
}

// pauses are the measures of referrals that stood still.
var pauses = []Measure{
	{ID: "paused", Title: "Time in which referrals stood still", Sentence: "How long referrals were returned to the hospital or on hold, all together, by who had them meanwhile.",
		Unit: Minutes, Start: "when a referral was returned, or put on hold", Stop: "when it was answered, or went on",
		Method: "The sum of whole minutes. Returned, the hospital has it; on hold, whoever put it there or got it since. Each time counts on the day on which it ended.",
		Source: Paused, Stat: total, By: append([]Dim{ByHolder, ByStage}, byPlace...), Cite: "ours", Better: Lower, Local: true, Table: minuteBands},
	{ID: "paused-median", Title: "Median time for which a referral stood still", Sentence: "Half of the times for which a referral was returned or on hold were shorter than this.",
		Unit: Minutes, Start: "when a referral was returned, or put on hold", Stop: "when it was answered, or went on",
		Method: "The median of whole minutes, as nearest rank. Each time counts on the day on which it ended.",
		Source: Paused, Stat: quantile(0.5), By: append([]Dim{ByHolder, ByStage}, byPlace...), Cite: "ours", Better: Lower, Local: true, Table: minuteBands},
}

// workSources are the sources of the work on referrals, and works its measures.
var (
	workSources = append(append([]*Source(nil), Process...), Paused, Sent, Gated, Taken, Replies, Answers, AtHome91, AtHome6m, LookedUp, StayedHome, Caseload, Carried, LookUps, Notices, Workloads)
	works       = joined(processes(clocks, Process), pauses, bounces, replies, homes, avoided, loads)
)
