package connect

import (
	"crypto/sha1"
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"homeward/care"
	"homeward/nhs"
)

// Destination is one system of one organisation that is told what happens. What
// it hears follows from whose it is: a council's system hears what hospitals say
// of the people whom they referred to it, a trust's system hears what councils do
// with what it sent.
type Destination struct {
	Name    string // of the configuration; stable, for what waits is kept under it
	Title   string // for people: "the council's system"
	Org     nhs.ODS
	OrgKind care.OrgKind
	Kinds   []Kind    // what it is told; none: everything
	From    []nhs.ODS // whose news it is told; none: everybody's
	// Supported: a council's system is told also of people whom the council
	// supports and who were not referred to it. Whether it may know is the hub's.
	Supported bool
}

// wants reports whether the destination is configured to be told.
func (d Destination) wants(k Kind, from nhs.ODS) bool {
	return (len(d.Kinds) == 0 || slices.Contains(d.Kinds, k)) && (len(d.From) == 0 || slices.Contains(d.From, from))
}

// Routed is one piece of news and the destination that it is for. Its Shown is
// empty: what the destination may know is settled when the message is made.
type Routed struct {
	Destination string
	News        News
}

// Route says who is to be told of an entry of history. c is the case as it is
// now, which is at least as new as the entry; so the same entry can be routed
// again for a replay. One entry is told once for each referral that it concerns.
func Route(e care.Entry, c care.Case, ds []Destination) []Routed {
	var out []Routed
	for _, t := range tellings(e, c) {
		for _, d := range ds {
			if d.Org != t.to || t.referral == "" && !d.Supported || !d.wants(t.kind, t.from) {
				continue
			}
			out = append(out, Routed{Destination: d.Name, News: News{
				Key:         keyOf(d.Name, strconv.FormatInt(e.Seq, 10), string(t.kind), string(t.referral)),
				Correlation: correlation(e.Case, t.referral),
				Kind:        t.kind, What: t.what, At: e.Event.When(), From: t.from, To: t.to,
				Referral: t.referral, Paper: t.paper, NoteID: t.note,
			}})
		}
	}
	return out
}

// correlation is the same for all that is told about one referral, or of a
// person of whom none was referred.
func correlation(id care.CaseID, ref care.ReferralID) string {
	if ref == "" {
		return keyOf("case", string(id))
	}
	return keyOf("referral", string(ref))
}

// keyOf is a UUID made from names, so that the same news has the same key however
// often it is routed: version 5 of RFC 9562 5.5.
func keyOf(parts ...string) string {
	h := sha1.New()
	h.Write([]byte("homeward.connect"))
	for _, p := range parts {
		h.Write([]byte{0})
		h.Write([]byte(p))
	}
	b := h.Sum(nil)[:16]
	b[6], b[8] = b[6]&0x0f|0x50, b[8]&0x3f|0x80
	s := hex.EncodeToString(b)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// Again is a key for telling something once more that was told before: a replay
// must not be taken for a repetition. n tells replays apart.
func Again(key string, n int64) string { return keyOf("again", key, strconv.FormatInt(n, 10)) }

// telling is what one organisation is told.
type telling struct {
	kind     Kind
	what     string
	from, to nhs.ODS
	referral care.ReferralID
	paper    string
	note     string
}

// tellings lists who is to know of an entry, whatever is configured.
func tellings(e care.Entry, c care.Case) []telling {
	r := routing{entry: e, c: c, what: what(e.Event)}
	switch x := e.Event.(type) {
	case care.PersonDied, care.DeathUndone:
		r.hospital(Died)
	case care.Discharged, care.DischargeUndone:
		r.hospital(Discharge)
	case care.Admitted, care.AdmissionUndone, care.Moved, care.MoveUndone, care.StayTold, care.BecameReady, care.NoLongerReady,
		care.ExpectedChanged, care.LeaveTold, care.AdmissionPlanned, care.PlanCancelled,
		care.PersonTold, care.NumberChanged, care.Identified, care.Settled, care.Absorbed:
		r.hospital(Update)
	case care.NoteAdded:
		r.noted(x.Note)
	case care.PaperShared:
		r.paper(x.Paper.ID, Paper)
	case care.PaperWithdrawn:
		r.paper(x.ID, Withdraw)
	default:
		r.referred()
	}
	return r.out
}

type routing struct {
	entry care.Entry
	c     care.Case
	what  string
	out   []telling
}

func (r *routing) tell(t telling) {
	if t.what == "" {
		t.what = r.what
	}
	if t.from != t.to && t.to != "" {
		r.out = append(r.out, t)
	}
}

// referred tells of an event of a referral: to the council what the hospital did
// with it, to the hospital how it stands.
func (r *routing) referred() {
	switch x := r.entry.Event.(type) {
	case care.ReferralSent:
		r.council(x.Referral.ID, Refer)
		r.status(x.Referral.ID)
	case care.ReferralRouted:
		r.council(x.ID, Refer)
		r.status(x.ID)
	case care.ReferralAnswered:
		r.council(x.ID, Update)
		r.status(x.ID)
	case care.ReferralEnded:
		if x.State == care.RefWithdrawn || x.State == care.RefCancelled {
			r.council(x.ID, Withdraw)
		}
		r.status(x.ID)
	case care.ReferralReceived:
		r.status(x.ID)
	case care.ReferralAccepted:
		r.status(x.ID)
	case care.ReferralReturned:
		r.status(x.ID)
	case care.ReferralAllocated:
		r.status(x.ID)
	case care.ReferralProgressed:
		r.status(x.ID)
	case care.ReferralHeld:
		r.status(x.ID)
	case care.ReferralResumed:
		r.status(x.ID)
	case care.ReferralTransferred:
		r.status(x.ID)
	case care.WatchEnded:
		r.status(x.ID)
	case care.WatchResumed:
		r.status(x.ID)
	}
}

func (r *routing) find(id care.ReferralID) (care.Referral, bool) {
	i := slices.IndexFunc(r.c.Referrals, func(x care.Referral) bool { return x.ID == id })
	if i < 0 {
		return care.Referral{}, false
	}
	return r.c.Referrals[i], true
}

func (r *routing) council(id care.ReferralID, k Kind) {
	if ref, ok := r.find(id); ok {
		r.tell(telling{kind: k, from: ref.From, to: ref.To, referral: id})
	}
}

// status tells the hospital that sent a referral. The news are the council's once
// there is one, even where the hospital caused them: it is the standing of the
// referral with the council that is told.
func (r *routing) status(id care.ReferralID) {
	if ref, ok := r.find(id); ok && ref.To != "" {
		r.tell(telling{kind: Status, from: ref.To, to: ref.From, referral: id})
	}
}

// hospital tells the councils what a hospital said of the person: those to whom
// it referred them and who still wait for news, and those who support them.
func (r *routing) hospital(k Kind) {
	told := map[nhs.ODS]bool{}
	for _, ref := range r.c.Referrals {
		if r.waits(ref, k) {
			told[ref.To] = true
			r.tell(telling{kind: k, from: ref.From, to: ref.To, referral: ref.ID})
		}
	}
	var from nhs.ODS
	if r.c.Stay != nil {
		from = r.c.Stay.Org
	} else if n := len(r.c.Past); n > 0 {
		from = r.c.Past[n-1].Org
	}
	for _, h := range r.c.Holdings {
		if !h.Ended && !told[h.Council] && from != "" {
			told[h.Council] = true
			r.tell(telling{kind: k, from: from, to: h.Council})
		}
	}
}

// waits reports whether a referral was there before the entry and had not ended
// then, so that its council is to hear of it. What was recorded with the referral
// is told with it. A referral may end by the very event: a death, somebody who
// discharged themselves.
func (r *routing) waits(ref care.Referral, k Kind) bool {
	if ref.To == "" || !r.entry.Recorded.After(ref.Sent) {
		return false
	}
	if org := r.stayOf(); org != "" && org != ref.From {
		return false // another hospital's wards are none of this referral's
	}
	if ref.Open() {
		return true // also of somebody who went home and is back: the work is not closed
	}
	return (k == Died || k == Discharge || k == Update) && !ref.Ended.Before(r.entry.Event.When()) && within(r.entry.Recorded, ref.Ended)
}

// within reports whether an ending belongs to what was recorded then: a late
// message about an old stay is no news of a referral that ended since.
func within(recorded, ended time.Time) bool {
	d := recorded.Sub(ended)
	return d < 24*time.Hour
}

// stayOf is the hospital of whose stay an event tells; "" where it is of none, or
// where that is not known any more.
func (r *routing) stayOf() nhs.ODS {
	switch x := r.entry.Event.(type) {
	case care.AdmissionPlanned:
		return x.Plan.Org
	case care.PlanCancelled:
		return x.Org
	case care.Admitted:
		return x.Stay.Org
	case care.AdmissionUndone:
		return x.Org
	case care.Discharged:
		return x.Org
	case care.DischargeUndone:
		return x.Org
	case care.Moved, care.MoveUndone, care.StayTold, care.BecameReady, care.NoLongerReady, care.ExpectedChanged, care.LeaveTold:
		if r.c.Stay != nil {
			return r.c.Stay.Org
		}
	}
	return ""
}

// what names each event as the far side's users and ours read it in "Received by
// the council's system: the referral". It names no person, place or date.
func what(e care.Event) string {
	switch x := e.(type) {
	case care.ReferralSent, care.ReferralRouted:
		return "the referral"
	case care.ReferralAnswered:
		return "the information that was missing"
	case care.ReferralEnded:
		return map[care.RefState]string{care.RefWithdrawn: "that the referral was withdrawn", care.RefCancelled: "that the referral was cancelled",
			care.RefDied: "that the referral stopped", care.RefClosed: "that the referral was closed"}[x.State]
	case care.ReferralReceived:
		return "that the council has the referral"
	case care.ReferralAccepted:
		return "that the referral was accepted"
	case care.ReferralReturned:
		return "that the referral was returned"
	case care.ReferralAllocated:
		return "that a worker has the referral"
	case care.ReferralProgressed:
		return "a new stage of the work"
	case care.ReferralHeld:
		return "that the referral is on hold"
	case care.ReferralResumed:
		return "that the referral goes on"
	case care.ReferralTransferred:
		return "that the referral was transferred to another council"
	case care.PersonDied:
		return "that the person died"
	case care.DeathUndone:
		return "that a death was recorded in error"
	case care.PaperShared:
		return "a document"
	case care.PaperWithdrawn:
		return "that a document was withdrawn"
	case care.NoteAdded:
		return "a note"
	}
	return stayWhat(e)
}

func stayWhat(e care.Event) string {
	switch e.(type) {
	case care.Admitted:
		return "an admission"
	case care.AdmissionUndone:
		return "that an admission was cancelled"
	case care.AdmissionPlanned, care.PlanCancelled:
		return "a planned admission"
	case care.Moved, care.MoveUndone:
		return "another place in hospital"
	case care.BecameReady, care.NoLongerReady:
		return "whether the person is ready to leave"
	case care.ExpectedChanged:
		return "the predicted date of discharge"
	case care.LeaveTold:
		return "leave from the ward"
	case care.Discharged, care.WatchEnded:
		return "that the person left hospital"
	case care.DischargeUndone, care.WatchResumed:
		return "that the person is still in hospital"
	case care.PersonTold, care.NumberChanged, care.Identified, care.Settled, care.Absorbed:
		return "who the person is"
	}
	return "the hospital stay"
}

// noted tells the other side of a note for both.
func (r *routing) noted(n care.Note) {
	if n.Audience != care.AudienceBoth {
		return
	}
	for _, ref := range r.c.Referrals {
		if ref.To == "" || !ref.Open() || n.Referral != "" && n.Referral != ref.ID || !r.entry.Recorded.After(ref.Sent) {
			continue
		}
		switch n.By.Org {
		case ref.From:
			r.tell(telling{kind: Note, from: ref.From, to: ref.To, referral: ref.ID, note: n.ID})
		case ref.To:
			r.tell(telling{kind: Note, from: ref.To, to: ref.From, referral: ref.ID, note: n.ID})
		}
	}
}

// paper tells the other side of a paper that came or was taken back.
func (r *routing) paper(id string, k Kind) {
	i := slices.IndexFunc(r.c.Papers, func(p care.Paper) bool { return p.ID == id })
	if i < 0 {
		return
	}
	p := r.c.Papers[i]
	ref, ok := r.find(p.Referral)
	if !ok {
		return
	}
	from, to := ref.From, ref.To
	if p.By.Org == ref.To {
		from, to = to, from
	}
	r.tell(telling{kind: k, from: from, to: to, referral: ref.ID, paper: id})
}
