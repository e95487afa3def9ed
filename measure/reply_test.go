package measure

import (
	"slices"
	"testing"

	"homeward/care"
)

// Three providers are asked at 0. A wants to know more after 60 minutes and offers after
// 120; B declines after 25 hours; C says nothing until A is booked, which releases it. The
// booking falls through: A and C are... A has declined now, and C is asked anew.
func TestReplies(t *testing.T) {
	w := newWalk(t, "one").tell(walkStay(), care.ReferralSent{At: after(0), Referral: walkReferral("r1")})
	q := care.Request{ID: "q", Referral: "r1", Council: walkCouncil, At: after(0), Kind: "HS"}
	for _, p := range []string{"A", "B", "C"} {
		q.Invited = append(q.Invited, care.Invite{Provider: p, Name: p, At: after(0)})
	}
	tell := func(at int, did care.RequestDid, change func(*care.Request)) {
		q.Invited = slices.Clone(q.Invited)
		change(&q)
		w.tell(care.RequestChanged{At: after(at), Did: did, Request: q})
	}
	says := func(at, i int, reply care.RequestReply) {
		tell(at, care.RequestReplied, func(q *care.Request) { q.Invited[i].Reply, q.Invited[i].Replied = reply, after(at) })
	}
	tell(0, care.RequestMade, func(*care.Request) {})
	says(60, 0, care.ReplyMore)
	says(120, 0, care.ReplyAccept)
	says(25*60, 1, care.ReplyDecline)
	tell(1600, care.RequestBooked, func(q *care.Request) {
		q.Booked, q.BookedAt, q.Invited[2].Reply = "A", after(1600), care.ReplyReleased
	})
	tell(1700, care.RequestReopened, func(q *care.Request) {
		q.Booked, q.Invited[0].Reply, q.Invited[0].Reason, q.Invited[0].Replied = "", care.ReplyDecline, "fell-through", after(1700)
		q.Invited[2] = care.Invite{Provider: "C", Name: "C", At: after(1700)}
	})
	type said struct {
		provider string
		value    int64
		out      string
		open     bool
	}
	of := func(s *Source) (out []said) {
		for _, p := range s.Of(w.trail) {
			for _, name := range []string{"A", "B", "C"} {
				if p.Provider == string(care.ProviderCode(walkCouncil, name)) {
					out = append(out, said{name, p.Value, p.Out, p.Open()})
				}
			}
		}
		return out
	}
	if got, want := of(Replies), []said{{"A", 60, "", false}, {"B", 1500, "", false}, {"C", 0, "not-waited-for", false}, {"C", 0, "", true}}; !slices.Equal(got, want) {
		t.Errorf("answers after minutes: %v, want %v", got, want)
	}
	if got, want := of(Answers), []said{{"A", 1, "", false}, {"B", 0, "", false}, {"C", 0, "not-waited-for", false}, {"C", 0, "", true}}; !slices.Equal(got, want) {
		t.Errorf("offers: %v, want %v", got, want)
	}
	h := &Hist{}
	for _, p := range Replies.Of(w.trail) {
		if !p.Open() {
			h.Add(p, p.Value, 1)
		}
	}
	if v, over, _ := replies[2].Stat(h); v != 0.5 || over != 2 {
		t.Errorf("within 24 hours: %v of %d, want half of 2", v, over)
	}
}
