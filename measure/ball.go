package measure

import (
	"cmp"
	"slices"
	"time"

	"homeward/care"
	"homeward/nhs"
)

// A BallStage is what is waited for between being ready to leave and leaving.
type BallStage struct {
	Code  string
	Words string
	Means string // for whoever reads it first
}

// Stages are the stages of the clock of who had the ball, in their order.
var Stages = []BallStage{
	{care.StageNoReferral, "No referral yet", "ready to leave, and no council was asked: the hospital has it"},
	{care.StageSent, "Sent, to be accepted", "a referral was sent, and the council has not accepted it"},
	{care.StageReturned, "Returned for information", "the council wants to know more: the hospital has it"},
	{care.StageAccepted, "Accepted, to be allocated", "the council accepted it, and nobody has it in hand"},
	{care.StageAllocated, "Allocated", "somebody has it in hand, and the assessment has not begun"},
	{care.StageAssessing, "Assessment", "the needs are assessed"},
	{care.StagePlanning, "Planning", "the plan is made"},
	{care.StageSourcing, "Arranging care", "the care is arranged"},
	{care.StageReady, "Care is ready", "the care can begin: the hospital has it"},
	{care.StageOnHold, "On hold", "nothing can be done for now: whoever had it has it still"},
	{care.StageAfter, "After the referral", "the referral ended, and the person is still there: the hospital has it"},
}

// StageWords is a stage in words; the code where there is none.
func StageWords(code string) string {
	if i := slices.IndexFunc(Stages, func(s BallStage) bool { return s.Code == code }); i >= 0 {
		return Stages[i].Words
	}
	return code
}

// HeldPart is who had somebody, and what was waited for.
type HeldPart struct {
	Stage  string
	Holder nhs.ODS
	Team   string // of the holder, as the history of the referral names it
	Reason string // code of the list in use; "" none
	Chosen bool   // a person chose the reason; false: it is only suggested
	Share  int    // of 100, of the segment's time
}

// A Segment is a time during which nothing of who had somebody changed.
type Segment struct {
	From, To  time.Time // To zero: it runs
	Parts     []HeldPart
	Clock     HeldPart        // what the clock says by itself
	Referral  care.ReferralID // of that time; "" none
	Corrected string          // the correction that stands (care.ClockCorrection); "" none
}

// Minutes are the whole minutes of a segment. Ends are cut to the minute, so that the
// minutes of segments that touch add up to those of the whole. 0 while it runs.
func (s Segment) Minutes() int64 {
	if s.To.IsZero() {
		return 0
	}
	return minuteOf(s.To) - minuteOf(s.From)
}

func minuteOf(t time.Time) int64 { return floorDiv(t.Unix(), 60) }

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// PartMinutes are the minutes of each part of a segment, which add up to it: what
// is left over of a minute goes to the parts that lost most (largest remainder).
func (s Segment) PartMinutes() []int64 {
	whole := s.Minutes()
	out, rest, left := make([]int64, len(s.Parts)), make([]int, len(s.Parts)), whole
	for i, p := range s.Parts {
		out[i], rest[i] = whole*int64(p.Share)/100, i
		left -= out[i]
	}
	slices.SortStableFunc(rest, func(a, b int) int {
		return cmp.Compare(whole*int64(s.Parts[b].Share)%100, whole*int64(s.Parts[a].Share)%100)
	})
	for _, i := range rest[:max(0, min(int(left), len(rest)))] {
		out[i]++
	}
	return out
}

// Ball says who had somebody at each instant of a stay at which they were ready to
// leave: the hospital before a referral, after it ended, while it was returned and once
// the care is ready; otherwise whom the history of the referral names. Where there are
// several referrals it is the one sent last of those that are open. Corrections lie
// over that, the last on top. Segments are in order and do not overlap; those of one
// period touch, and they cover just the discharge-ready periods, to now where one runs.
// A zero now leaves the last segment open.
func Ball(t *Trail, s StayOf, now time.Time) []Segment {
	c := t.Case()
	return BallSeen(t, s, c.ReferralsOf(s.Stay), c.CorrectionsOf(s.Stay), now)
}

// BallSeen is Ball to a reader who knows of some referrals and corrections of the stay
// only: what is between the hospital and another council is to them as if it were not.
func BallSeen(t *Trail, s StayOf, refs []care.Referral, fixes []care.ClockCorrection, now time.Time) []Segment {
	b := balling{t: t, s: s, refs: refs, fixes: fixes}
	for _, r := range b.refs {
		b.pathway, b.spells = r.Pathway, append(b.spells, t.Spells(r.ID))
	}
	var out []Segment
	for _, p := range s.apart() {
		end := p.To
		if end.IsZero() {
			end = now
		}
		if !end.IsZero() && !p.From.Before(end) {
			continue
		}
		out = append(out, b.period(p.From, end)...)
	}
	return out
}

// balling works out the clock of one stay.
type balling struct {
	t       *Trail
	s       StayOf
	refs    []care.Referral // of the stay, oldest first
	spells  [][]care.Spell  // of each
	fixes   []care.ClockCorrection
	pathway string // of the last referral
}

// period is the clock of one discharge-ready period; to zero: it runs.
func (b *balling) period(from, to time.Time) []Segment {
	cuts := []time.Time{from}
	cut := func(at time.Time) {
		if at.After(from) && (to.IsZero() || at.Before(to)) {
			cuts = append(cuts, at)
		}
	}
	for _, spells := range b.spells {
		for _, sp := range spells {
			cut(sp.From)
			if !sp.To.IsZero() {
				cut(sp.To)
			}
		}
	}
	for _, k := range b.fixes {
		cut(k.From)
		cut(k.To)
	}
	slices.SortFunc(cuts, time.Time.Compare)
	cuts = slices.CompactFunc(cuts, time.Time.Equal)
	var out []Segment
	for i, at := range cuts {
		seg := b.at(at)
		seg.From, seg.To = at, to
		if i+1 < len(cuts) {
			seg.To = cuts[i+1]
		}
		for _, k := range b.fixes {
			if k.Undone == nil && !at.Before(k.From) && at.Before(k.To) {
				b.correct(&seg, k)
			}
		}
		if n := len(out); n > 0 && out[n-1].same(seg) {
			out[n-1].To = seg.To
			continue
		}
		out = append(out, seg)
	}
	return out
}

func (s Segment) same(o Segment) bool {
	return s.Clock == o.Clock && s.Referral == o.Referral && s.Corrected == o.Corrected && slices.Equal(s.Parts, o.Parts)
}

// at is what the clock says by itself at an instant.
func (b *balling) at(at time.Time) Segment {
	stage, holder, team, hold := care.StageNoReferral, b.s.Org, "", ""
	pathway, sent := "", time.Time{}
	var of care.ReferralID
	for i, r := range b.refs {
		if r.Sent.After(at) {
			continue
		}
		sp, ok := spellAt(b.spells[i], at)
		switch {
		case !ok && of == "":
			stage = care.StageAfter
		case ok && !r.Sent.Before(sent):
			of, sent, pathway = r.ID, r.Sent, r.Pathway
			stage, holder, team, hold = stageOf[sp.State], sp.Org, sp.Team, ""
			if b.hospitals(sp.State) {
				holder, team = b.s.Org, ""
			}
			if sp.State == care.RefOnHold {
				hold = b.t.heldFor(r.ID, sp.From)
			}
		}
	}
	if stage == "" {
		stage = care.StageAfter
	}
	if of == "" {
		pathway = b.pathway
	}
	p := HeldPart{Stage: stage, Holder: holder, Team: team, Share: 100}
	p.Reason = Suggest(b.t.ReasonList(), Waiting{Stage: stage, Pathway: pathway, Held: b.kind(holder), Hold: hold})
	return Segment{Parts: []HeldPart{p}, Clock: p, Referral: of}
}

// spellAt is the spell of a referral at an instant; of several that begin then, the last.
func spellAt(spells []care.Spell, at time.Time) (care.Spell, bool) {
	for _, sp := range slices.Backward(spells) {
		if !sp.From.After(at) {
			return sp, sp.To.IsZero() || at.Before(sp.To)
		}
	}
	return care.Spell{}, false
}

// stageOf is the stage of a state. A referral whose person went home and is there again
// is over as far as this stay goes.
var stageOf = map[care.RefState]string{
	care.RefSent: care.StageSent, care.RefReceived: care.StageSent, care.RefReturned: care.StageReturned, care.RefAccepted: care.StageAccepted,
	care.RefAllocated: care.StageAllocated, care.RefAssessing: care.StageAssessing, care.RefPlanning: care.StagePlanning,
	care.RefSourcing: care.StageSourcing, care.RefReady: care.StageReady, care.RefOnHold: care.StageOnHold,
}

// hospitals reports whether the hospital has a referral in a state, whoever holds it.
func (b *balling) hospitals(s care.RefState) bool {
	return s == care.RefReturned || s == care.RefReady || stageOf[s] == ""
}

// kind is what a holder is to the stay.
func (b *balling) kind(holder nhs.ODS) string {
	switch {
	case holder == b.s.Org:
		return HeldByHospital
	case slices.ContainsFunc(b.refs, func(r care.Referral) bool { return r.To == holder }):
		return HeldByCouncil
	}
	return HeldByProvider
}

// correct lays a correction over a segment. Where it names nobody, only the reason is
// chosen; where it names no reason, one is suggested for what it says.
func (b *balling) correct(seg *Segment, k care.ClockCorrection) {
	seg.Corrected = k.ID
	if len(k.Parts) == 0 {
		seg.Parts = slices.Clone(seg.Parts)
	} else {
		seg.Parts = make([]HeldPart, len(k.Parts))
	}
	for i := range seg.Parts {
		p := &seg.Parts[i]
		if len(k.Parts) > 0 {
			part := k.Parts[i]
			*p = HeldPart{Stage: part.Stage, Holder: part.Holder, Share: part.Share}
			if part.Stage == seg.Clock.Stage && part.Holder == seg.Clock.Holder {
				p.Team, p.Reason = seg.Clock.Team, seg.Clock.Reason
			} else {
				p.Reason = Suggest(b.t.ReasonList(), Waiting{Stage: part.Stage, Pathway: b.pathway, Held: b.kind(part.Holder)})
			}
		}
		if k.Reason != "" {
			p.Reason, p.Chosen = k.Reason, true
		}
	}
}

// heldFor is why a referral was put on hold for the spell that began at a time.
func (t *Trail) heldFor(id care.ReferralID, began time.Time) (why string) {
	for _, o := range t.others {
		if w := o.heldFor(id, began); w != "" {
			why = w
		}
	}
	for _, e := range t.Entries {
		if x, ok := e.Event.(care.ReferralHeld); ok && x.ID == id && !x.At.After(began) {
			why = x.Hold.Why
		}
	}
	return why
}

// BallKept are the minutes for which each holder had somebody during a stay, for each
// stage; BallHolders and BallReasons the same minutes by holder, and by reason. Each is
// a source of its own, so that a count split by its dimension has each stay once, and
// figures of few people are known to be of few.
var (
	BallKept = &Source{ID: "ball", Words: "a part of a stay after being ready to leave, by what was waited for and who had it", Of: func(t *Trail) []Point { return heldBy(t, ByStage, ByHolder) },
		Each: 11, EachOf: 2, Own: []Dim{ByStage}, Cuts: and([]Dim{ByStage}, []Dim{ByHospital, ByStage}, []Dim{ByCouncil, ByStage}, []Dim{ByHolder, ByStage})}
	BallHolders = &Source{ID: "ball-holder", Words: "a part of a stay after being ready to leave, by who had it", Of: func(t *Trail) []Point { return heldBy(t, ByHolder) },
		Each: 4, Own: []Dim{ByHolder}, Cuts: and([]Dim{ByHolder}, []Dim{ByHospital, ByHolder}, []Dim{ByCouncil, ByHolder})}
	BallReasons = &Source{ID: "ball-reason", Words: "a part of a stay after being ready to leave, by the reason for delay", Of: func(t *Trail) []Point { return heldBy(t, ByReason) },
		Each: 8, Own: []Dim{ByReason}, Cuts: and([]Dim{ByReason}, []Dim{ByHospital, ByReason}, []Dim{ByCouncil, ByReason})}
)

// heldBy are the minutes of each stay once it has ended, on the day of leaving, by some
// dimensions alone; open until then.
func heldBy(t *Trail, by ...Dim) []Point {
	var out []Point
	at := map[string]int{}
	for _, p := range heldPoints(t) {
		q := p
		q.Stage, q.Holder, q.Reason = "", "", ""
		for _, d := range by {
			q.Set(d, p.Get(d))
			q.Subject += "/" + p.Get(d)
		}
		if k, ok := at[q.Subject]; ok {
			out[k].Value += q.Value
			continue
		}
		at[q.Subject] = len(out)
		out = append(out, q)
	}
	return slices.DeleteFunc(out, func(p Point) bool { return !p.Open() && p.Value == 0 })
}

// heldPoints are the minutes of each stay by stage, holder and reason. Their subject is
// that of the stay.
func heldPoints(t *Trail) []Point {
	return t.held.after(t, func() (out []Point) {
		for _, s := range t.Stays() {
			if s.Inpatient() && len(s.Ready) > 0 {
				out = append(out, stayBall(t, s)...)
			}
		}
		return out
	})
}

func stayBall(t *Trail, s StayOf) []Point {
	var mine []Point
	for _, seg := range Ball(t, s, time.Time{}) {
		for i, n := range seg.PartMinutes() {
			p := seg.Parts[i]
			k := slices.IndexFunc(mine, func(o Point) bool { return o.Stage == p.Stage && o.Holder == p.Holder && o.Reason == p.Reason })
			if k < 0 {
				q := Point{Subject: s.Subject, Group: s.Group, From: seg.From}
				q.Stage, q.Holder, q.Reason = p.Stage, p.Holder, p.Reason
				switch {
				case s.Left != nil:
					q.To = s.Left.At
				case !s.Gone.IsZero():
					q.To, q.Out = last(s.Gone, seg.From), "joined"
				}
				k, mine = len(mine), append(mine, q)
			}
			mine[k].Value += n
		}
	}
	return mine
}

// BallSides are the same minutes by whether the hospital had somebody: more than zero
// where it had, less than zero where another had. So one count gives the share.
var BallSides = &Source{ID: "ball-side", Words: "the time after being ready to leave that the hospital, or another, had", Of: sidePoints, Cuts: usual, Each: 2}

func sidePoints(t *Trail) []Point {
	var out []Point
	at := map[string]int{}
	for _, p := range heldPoints(t) {
		side := int64(1)
		if p.Holder == p.Hospital {
			p.Subject += "/hospital"
		} else {
			p.Subject, side = p.Subject+"/other", -1
		}
		if k, ok := at[p.Subject]; ok {
			out[k].Value += side * p.Value
			continue
		}
		at[p.Subject] = len(out)
		p.Value, p.Stage, p.Holder, p.Reason = side*p.Value, "", "", ""
		out = append(out, p)
	}
	return slices.DeleteFunc(out, func(p Point) bool { return !p.Open() && p.Value == 0 })
}

// balls are measures of who had somebody while they were ready to leave.
var balls = []Measure{
	{ID: "held", Title: "Hours from discharge-ready to leaving, by what was waited for", Sentence: "How many hours people waited after they were ready to leave, by what was waited for.",
		Unit: Hours, Start: "the start of each time of being ready to leave", Stop: "the end of that time, or leaving hospital", Method: ballMethod + " divided by 60.",
		Source: BallKept, Stat: sumOver(60), By: ballBy(ByStage), Cite: "ours", Better: Lower, Local: true},
	{ID: "held-by-holder", Title: "Hours from discharge-ready to leaving, by who had it", Sentence: "How many hours people waited after they were ready to leave, by the organisation that had to act.",
		Unit: Hours, Start: "the start of each time of being ready to leave", Stop: "the end of that time, or leaving hospital", Method: ballMethod + " divided by 60.",
		Source: BallHolders, Stat: sumOver(60), By: ballBy(ByHolder), Cite: "ours", Better: Lower, Local: true},
	{ID: "delay-by-reason", Title: "Days from discharge-ready to leaving, by reason for delay", Sentence: "How many days people waited after they were ready to leave, by the reason that is suggested or that somebody chose.",
		Unit: BedDays, Start: "the start of each time of being ready to leave", Stop: "the end of that time, or leaving hospital",
		Method: ballMethod + " divided by 1440. The reason is suggested by who had it and what was waited for, unless somebody chose another.",
		Source: BallReasons, Stat: sumOver(1440), By: ballBy(ByReason), Cite: "NHS England, acute daily discharge situation report", Better: Lower, Local: true},
	{ID: "held-by-hospital", Title: "Share of the wait that the hospital had", Sentence: "Of the time that people waited after they were ready to leave, the share during which the hospital had it.",
		Unit: Share, Start: "the start of each time of being ready to leave", Stop: "the end of that time, or leaving hospital",
		Method: "The minutes in which the hospital had it divided by all minutes, of stays that ended.",
		Source: BallSides, Stat: positive, By: byPlace, Cite: "ours", Better: Neither, Local: true},
}

const ballMethod = "Each minute is one stage's and one holder's, from the history of the referral and corrections by hand; one that was split counts by its shares. The minutes of all stays that ended,"

func ballBy(d Dim) []Dim { return append(append([]Dim(nil), byPlace...), d) }

// sumOver is the sum of values divided by how many make one of the unit.
func sumOver(unit float64) Stat {
	return func(h *Hist) (float64, int64, bool) { return float64(h.Sum()) / unit, h.N(), true }
}

// positive is the share of the sum of what is above zero in the sum of all sizes.
func positive(h *Hist) (float64, int64, bool) {
	var over, under int64
	for v, n := range h.Values {
		if v > 0 {
			over += v * n
		} else {
			under -= v * n
		}
	}
	if over+under == 0 {
		return 0, 0, false
	}
	return float64(over) / float64(over+under), h.N(), true
}
