package hub

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/codelists"
	"homeward/measure"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// BallView is who had somebody while they were ready to leave, as its reader may see it.
type BallView struct {
	At      time.Time
	Stays   []BallStay              // newest first; those in which the person was ready to leave
	Reasons *codelists.DelayReasons // the list of reasons in use
	May     bool                    // the reader may correct it
}

// BallStay is one stay.
type BallStay struct {
	Key      string // names it for Correct; it tells of nothing
	Hospital care.Org
	Admitted time.Time
	Left     time.Time // zero: the person is there still
	National int       // whole days, NHS England's measure; while the person is there, so far
	Local    int       // whole days of all periods, our own count
	Minutes  int64     // of all periods, and of all segments
	Segments []BallSegment
	Fixes    []BallFix
	Holders  []care.Org // who may be said to have had it, by this reader
	Was      string     // names the corrections that the reader saw, for CorrectClock
}

// BallSegment is a time in which nothing changed. Of times that split within one, each
// part is one of its own.
type BallSegment struct {
	From, To  time.Time
	Runs      bool // To is now
	Parts     []BallPart
	Clock     BallPart // what the clock says by itself
	Corrected string   // id of the correction; "" none
}

// BallPart is who had somebody, and what was waited for.
type BallPart struct {
	measure.HeldPart
	Who     string // the holder, in words
	Minutes int64
}

// BallFix is a correction by hand.
type BallFix struct {
	care.ClockCorrection
	Parts   []BallPart
	MayUndo bool
}

// Ball says who had somebody at each time at which they were ready to leave. It is for
// those who may see both where somebody is and their referral.
func (h *Hub) Ball(ctx context.Context, by care.Actor, id care.CaseID) (BallView, error) {
	var a *asking
	err := h.update(ctx, func(tx *store.Tx) (err error) {
		var c care.Case
		if a, c, err = h.named(tx, by, "seeClock", id, h.now()); err != nil {
			return err
		}
		if a.decide(policy.SeeWhereabouts, policy.SeeReferral, policy.SeeProvider, policy.CorrectClock); !a.seesClock() {
			return a.refuse(tx)
		}
		a.may[policy.CorrectClock] = a.may[policy.CorrectClock] && c.JoinedTo == "" && c.Doubt == nil
		return a.audit(tx, true, "shown")
	})
	if err != nil {
		return BallView{}, err
	}
	return view(ctx, h, func(tx *store.Tx) (BallView, error) {
		seq, err := tx.Seq()
		if err != nil {
			return BallView{}, err
		}
		t, err := h.trail(tx, id, seq, nil)
		if err != nil {
			return BallView{}, err
		}
		return h.ballView(a, t), nil
	})
}

// seesClock reports whether a reader may see who had somebody, of stays that are theirs.
func (a *asking) seesClock() bool { return a.may[policy.SeeWhereabouts] && a.may[policy.SeeReferral] }

// clockOf is what a reader knows of the clock of a stay: the referrals that are theirs
// to see, and the corrections that name nobody else. false: they see none of it. A
// council sees the stays for which it was sent a referral.
func (a *asking) clockOf(c care.Case, s care.Stay) (refs []care.Referral, fixes []care.ClockCorrection, ok bool) {
	if a.by.OrgKind != care.Council && s.Org != a.by.Org || !a.seesStay(s.Org) {
		return nil, nil, false
	}
	all := c.ReferralsOf(s)
	refs = slices.DeleteFunc(slices.Clone(all), func(r care.Referral) bool { return !a.seesReferral(r) })
	if a.by.OrgKind == care.Trust {
		return refs, c.CorrectionsOf(s), true
	}
	hidden := func(o nhs.ODS) bool {
		return o != s.Org && slices.ContainsFunc(all, func(r care.Referral) bool {
			return r.To == o && !slices.ContainsFunc(refs, func(x care.Referral) bool { return x.To == o })
		})
	}
	for _, k := range c.CorrectionsOf(s) {
		if !hidden(k.By.Org) && !slices.ContainsFunc(k.Parts, func(p care.ClockPart) bool { return hidden(p.Holder) || a.keptProvider(c, p.Holder) }) {
			fixes = append(fixes, k)
		}
	}
	return refs, fixes, len(refs) > 0
}

// keptProvider reports whether a holder is a provider of a council that does not share
// its providers with the reader.
func (a *asking) keptProvider(c care.Case, holder nhs.ODS) bool {
	if !isProviderCode(holder) {
		return false
	}
	return !slices.ContainsFunc(c.Requests, func(q care.Request) bool {
		return q.Booked != "" && care.ProviderCode(q.Council, q.Booked) == holder && (q.Council == a.by.Org || a.from(q.Council)[policy.SeeProvider])
	})
}

func (h *Hub) ballView(a *asking, t *measure.Trail) BallView {
	now := a.record.At
	v := BallView{At: now, Reasons: t.ReasonList(), May: a.may[policy.CorrectClock]}
	c := t.Case()
	for _, s := range slices.Backward(t.Stays()) {
		refs, fixes, ok := a.clockOf(c, s.Stay)
		if !ok || !s.Inpatient() || len(s.Ready) == 0 {
			continue
		}
		x := BallStay{Key: stayKey(s.Stay), Hospital: h.Org(s.Org), Admitted: s.Admitted, National: s.DelayDays(h.Zone), Local: s.NotMeetingDays(h.Zone), Was: fixesMark(fixes)}
		if s.Left != nil {
			x.Left = s.Left.At
		} else if at := s.ReadySince(); !at.IsZero() {
			x.National = max(0, nhs.DateOf(at.In(h.Zone)).DaysTo(h.today(now)))
			x.Local += x.National
		}
		for _, seg := range measure.BallSeen(t, s, refs, fixes, now) {
			if out := h.ballSegment(a, c, s.Stay, seg); seg.Minutes() > 0 {
				out.Runs = s.Left == nil && seg.To.Equal(now)
				x.Segments, x.Minutes = append(x.Segments, out), x.Minutes+seg.Minutes()
			}
		}
		for _, k := range fixes {
			f := BallFix{ClockCorrection: k, MayUndo: v.May && k.Undone == nil && k.By.Org == a.by.Org}
			for _, p := range k.Parts {
				held := measure.HeldPart{Stage: p.Stage, Holder: p.Holder, Share: p.Share}
				f.Parts = append(f.Parts, BallPart{HeldPart: held, Who: h.holderName(a, c, held, true)})
			}
			x.Fixes = append(x.Fixes, f)
		}
		for _, o := range c.ClockHolders(s.Stay, a.by) {
			if !a.keptProvider(c, o) {
				x.Holders = append(x.Holders, h.Org(o))
			}
		}
		v.Stays = append(v.Stays, x)
	}
	return v
}

func (h *Hub) ballSegment(a *asking, c care.Case, s care.Stay, seg measure.Segment) BallSegment {
	out := BallSegment{From: seg.From, To: seg.To, Corrected: seg.Corrected, Clock: BallPart{HeldPart: seg.Clock, Who: h.holderName(a, c, seg.Clock, false), Minutes: seg.Minutes()}}
	for i, n := range seg.PartMinutes() {
		said := seg.Corrected != "" && (seg.Parts[i].Stage != seg.Clock.Stage || seg.Parts[i].Holder != seg.Clock.Holder)
		out.Parts = append(out.Parts, BallPart{HeldPart: seg.Parts[i], Who: h.holderName(a, c, seg.Parts[i], said), Minutes: n})
	}
	return out
}

// holderName is a holder in words. A council does not know what a hospital has with
// another council: where it has no referral itself, the clock says no more than that;
// said is that a person named the holder.
func (h *Hub) holderName(a *asking, c care.Case, p measure.HeldPart, said bool) string {
	switch {
	case a.by.OrgKind == care.Council && !said && (p.Stage == care.StageNoReferral || p.Stage == care.StageAfter):
		return "The hospital, or another council"
	case a.keptProvider(c, p.Holder):
		return "A provider of care"
	}
	return h.Org(p.Holder).Name
}

// stayKey names a stay in a form without saying which it is.
func stayKey(s care.Stay) string {
	return opaque("stay", string(s.Org), s.Visit, s.Admitted.UTC().Format(time.RFC3339Nano))
}

// fixesMark names the corrections that a reader saw.
func fixesMark(fixes []care.ClockCorrection) string {
	said := []string{"fixes"}
	for _, k := range fixes {
		said = append(said, k.ID, fmt.Sprint(k.Undone != nil))
	}
	return opaque(said...)
}

func opaque(said ...string) string {
	sum := sha256.New()
	for _, s := range said {
		fmt.Fprintf(sum, "%d:%s", len(s), s)
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum.Sum(nil)))[:16]
}

// A ClockFix is a correction as somebody asks for it.
type ClockFix struct {
	Key      string // of the form: the same one is carried out once
	Stay     string // BallStay.Key
	Was      string // BallStay.Was
	From, To time.Time
	Parts    []care.ClockPart // a stage or holder that is left out is as the clock says it
	Reason   string
	Why      string
}

// asClockSays fills in what was left out of the parts of a correction as the clock says
// it, to this reader, of the last segment that had begun in its first minute.
func (h *Hub) asClockSays(tx *store.Tx, a *asking, c care.Case, s care.Stay, f ClockFix) ([]care.ClockPart, error) {
	if !slices.ContainsFunc(f.Parts, func(p care.ClockPart) bool { return p.Stage == "" || p.Holder == "" }) {
		return f.Parts, nil
	}
	seq, err := tx.Seq()
	if err != nil {
		return nil, err
	}
	t, err := h.trail(tx, c.ID, seq, nil)
	if err != nil {
		return nil, err
	}
	var says BallPart
	for _, st := range h.ballView(a, t).Stays {
		for _, seg := range st.Segments {
			if st.Key == stayKey(s) && f.From.Before(seg.To) && !f.From.Before(seg.From.Truncate(time.Minute)) {
				says = seg.Clock
			}
		}
	}
	parts := slices.Clone(f.Parts)
	for i := range parts {
		parts[i].Stage, parts[i].Holder = cmp.Or(parts[i].Stage, says.Stage), cmp.Or(parts[i].Holder, says.Holder)
	}
	return parts, nil
}

// CorrectClock corrects who had somebody during a part of a stay. A time that is typed
// to the minute means the instant in that minute at which something changed.
func (h *Hub) CorrectClock(ctx context.Context, by care.Actor, id care.CaseID, f ClockFix) error {
	return h.update(ctx, func(tx *store.Tx) error {
		a, c, s, err := h.clockCase(tx, by, id, f.Stay)
		if err != nil {
			return err
		}
		refs, fixes, _ := a.clockOf(c, s)
		parts, err := h.asClockSays(tx, a, c, s, f)
		if err != nil {
			return err
		}
		k := care.ClockCorrection{ID: onceID(f.Key, by, string(id), f.Stay, f.From.UTC().Format(time.RFC3339), f.To.UTC().Format(time.RFC3339), fmt.Sprint(parts), f.Reason, f.Why),
			Hospital: s.Org, Stay: s.Visit, From: snap(f.From, s, refs, fixes), To: snap(f.To, s, refs, fixes), Parts: parts, Reason: f.Reason, Why: f.Why}
		if slices.ContainsFunc(k.Parts, func(p care.ClockPart) bool { return a.keptProvider(c, p.Holder) }) {
			return &care.Error{Kind: care.Invalid, Field: "holder", Text: "Choose who had it: the hospital, the council, or a provider of this person"}
		}
		if _, known := h.reasons().Find(f.Reason); f.Reason != "" && !known {
			return &care.Error{Kind: care.Invalid, Field: "reason", Text: "Choose a reason from the list"}
		}
		cmd := care.CorrectClock{Correction: k, Was: c.Corrected(s, k.From, k.To)}
		if f.Was != fixesMark(fixes) && !cmd.Was.IsZero() {
			cmd.Was = time.Time{} // of no correction: they did not see the last
		}
		_, err = h.carry(tx, a, c, policy.CorrectClock, cmd)
		return err
	})
}

// UndoClock takes a correction back.
func (h *Hub) UndoClock(ctx context.Context, by care.Actor, id care.CaseID, fix string) error {
	return h.update(ctx, func(tx *store.Tx) error {
		a, c, err := h.named(tx, by, policy.CorrectClock, id, h.now())
		if err != nil {
			return err
		}
		a.decide(policy.SeeWhereabouts, policy.SeeReferral, policy.CorrectClock)
		i := slices.IndexFunc(c.Corrections, func(k care.ClockCorrection) bool { return k.ID == fix })
		if !a.seesClock() || !a.may[policy.CorrectClock] || i < 0 || !a.seesFix(c, c.Corrections[i]) {
			return a.refuse(tx)
		}
		_, err = h.carry(tx, a, c, policy.CorrectClock, care.UndoCorrection{ID: fix})
		return err
	})
}

// clockCase begins a correction of a stay that the reader names.
func (h *Hub) clockCase(tx *store.Tx, by care.Actor, id care.CaseID, key string) (*asking, care.Case, care.Stay, error) {
	a, c, err := h.named(tx, by, policy.CorrectClock, id, h.now())
	if err != nil {
		return a, c, care.Stay{}, err
	}
	a.decide(policy.SeeWhereabouts, policy.SeeReferral, policy.CorrectClock)
	if a.seesClock() && a.may[policy.CorrectClock] {
		for _, s := range c.Stays() {
			if _, _, ok := a.clockOf(c, s); ok && stayKey(s) == key {
				return a, c, s, nil
			}
		}
	}
	return a, c, care.Stay{}, a.refuse(tx)
}

// snap is the instant that somebody means who types a time to the minute.
func snap(at time.Time, s care.Stay, refs []care.Referral, fixes []care.ClockCorrection) time.Time {
	var marks []time.Time
	for _, p := range s.Ready {
		marks = append(marks, p.From, p.To)
	}
	for _, r := range refs {
		marks = append(marks, r.Sent, r.Ended)
	}
	for _, k := range fixes {
		marks = append(marks, k.From, k.To)
	}
	if s.Left != nil {
		marks = append(marks, s.Left.At)
	}
	for _, m := range marks {
		if m.Unix()/60 == at.Unix()/60 {
			return m
		}
	}
	return at
}

// reasons is the list of reasons for delay in use.
func (h *Hub) reasons() *codelists.DelayReasons {
	return (&measure.Trail{Reasons: h.Reasons}).ReasonList()
}

// seesFix reports whether a correction is the reader's to see.
func (a *asking) seesFix(c care.Case, k care.ClockCorrection) bool {
	for _, s := range c.Stays() {
		_, fixes, ok := a.clockOf(c, s)
		if ok && slices.ContainsFunc(fixes, func(x care.ClockCorrection) bool { return x.ID == k.ID }) {
			return true
		}
	}
	return false
}

// clockItem says whether a reader sees a timeline entry of a correction of the clock.
func (a *asking) clockItem(c care.Case, e care.Event, t *TimelineItem) bool {
	x, ok := e.(care.ClockCorrected)
	if !ok || !a.seesClock() || !a.seesFix(c, x.Correction) {
		return false
	}
	if t.Text = x.Correction.Why; x.Correction.Undone != nil {
		t.Text = "It had said: " + t.Text
	}
	return true
}
