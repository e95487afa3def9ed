package hub

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/form"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// ArrangePart is the requests for care of a case, for staff of the council that made
// them: nil for everybody else.
type ArrangePart struct {
	Requests []RequestView // those that are open first, then the newest
	Draft    *RequestDraft // what a new one begins with; nil: the reader may make none now
	Arrange  bool          // the reader may ask, book and end
}

// RequestView is a request with what its reader needs to decide.
type RequestView struct {
	care.Request
	KindSay  string
	Phones   map[string]care.Provider // of the providers that were asked, by their id
	Paused   []string                 // providers whose own care of this person stands still, by name
	MoveOn   bool                     // booking may move the referral on to ready to leave
	Earliest nhs.Date                 // the first day that a booking may begin
}

// RequestDraft is what a request begins with: words that name nobody, made of the
// answers to the referral's questions that offer choices.
type RequestDraft struct {
	Referral care.ReferralID
	Needs    string
	Area     string
	MoveOn   bool // asking may move the referral on to arranging care
}

// draftFields are the questions of a referral whose answers say what somebody needs.
// All are choices: what was typed freely may name somebody.
var draftFields = []string{"mobility", "transfers", "personal_care", "toilet", "eating", "medicines", "cognition", "nights", "equipment", "lives_alone", "pets"}

// arrangePart fills the requests of a case's view.
func (h *Hub) arrangePart(tx *store.Tx, a *asking, c care.Case, v *CaseView, now time.Time) error {
	if !a.may[policy.SeeArranging] || a.by.OrgKind != care.Council {
		return nil
	}
	p := &ArrangePart{Arrange: a.may[policy.Arrange] && c.Doubt == nil && c.JoinedTo == ""}
	for _, r := range c.Requests {
		if r.Council != a.by.Org {
			continue
		}
		x, err := h.requestView(tx, a, c, r, now)
		if err != nil {
			return err
		}
		p.Requests = append(p.Requests, x)
	}
	slices.SortStableFunc(p.Requests, func(x, y RequestView) int {
		if x.Open() != y.Open() {
			return map[bool]int{true: -1, false: 1}[x.Open()]
		}
		return y.At.Compare(x.At)
	})
	if r := v.Current(); p.Arrange && r != nil && r.Referral.Open() && r.Referral.To == a.by.Org && !r.Referral.Accepted.IsZero() && c.Died == nil {
		p.Draft = &RequestDraft{Referral: r.Referral.ID, Needs: needsOf(r.Lines), Area: care.District(v.Person.Address.Postcode),
			MoveOn: slices.Contains([]care.RefState{care.RefAllocated, care.RefAssessing, care.RefPlanning}, r.Referral.State)}
	}
	v.Arrange = p
	return nil
}

// needsOf says in words that name nobody what the answers of a referral come to.
func needsOf(lines []form.Line) string {
	var out []string
	for _, id := range draftFields {
		for _, l := range lines {
			if l.Field == id && len(l.Answers) > 0 {
				out = append(out, l.Question+": "+strings.Join(l.Answers, ", ")+".")
			}
		}
	}
	return strings.Join(out, "\n")
}

func (h *Hub) requestView(tx *store.Tx, a *asking, c care.Case, r care.Request, now time.Time) (RequestView, error) {
	v := RequestView{Request: a.seenRequest(c, r), KindSay: care.KindSay(r.Kind), Phones: map[string]care.Provider{}, Earliest: h.today(now)}
	for _, x := range r.Invited {
		p, err := tx.Provider(r.Council, x.Provider)
		if err != nil && care.KindOf(err) != care.NotFound {
			return v, err
		}
		if err == nil {
			e, err := h.provider(tx, r.Council, x.Provider)
			if err != nil {
				return v, err
			}
			p = e.Provider
		}
		v.Phones[x.Provider] = p
	}
	for _, k := range c.Clients {
		if k.Council == r.Council && k.Ended.IsZero() && !slices.Contains(v.Paused, k.ProviderName) {
			v.Paused = append(v.Paused, k.ProviderName)
		}
	}
	if s := c.Stay; s != nil && a.from(s.Org)[policy.SeeWhereabouts] && v.Earliest.Before(s.EDD()) {
		v.Earliest = s.EDD()
	}
	for _, ref := range c.Referrals {
		if ref.ID == r.Referral {
			v.MoveOn = ref.State == care.RefSourcing || ref.State == care.RefPlanning
		}
	}
	return v, nil
}

// seenRequest is a request as the reader may know it: a risk tells when somebody is
// to leave, which is the hospital's to share.
func (a *asking) seenRequest(c care.Case, r care.Request) care.Request {
	if r.Risk != nil && !a.sharesStays(c) {
		r.Risk = nil
	}
	return r
}

// sharesStays reports whether the hospital that the person is in, or left last,
// shares with the reader where people are.
func (a *asking) sharesStays(c care.Case) bool {
	switch {
	case c.Stay != nil:
		return a.from(c.Stay.Org)[policy.SeeWhereabouts]
	case len(c.Past) > 0:
		return a.from(c.Past[len(c.Past)-1].Org)[policy.SeeWhereabouts]
	}
	return true
}

// arrangeItem says whether a reader sees an entry about a request, and fills its words.
func (a *asking) arrangeItem(c care.Case, e care.Event, t *TimelineItem) bool {
	x, ok := e.(care.RequestChanged)
	if !ok || !a.may[policy.SeeArranging] || a.by.OrgKind != care.Council || x.Request.Council != a.by.Org {
		return false
	}
	switch x.Did {
	case care.RequestMade:
		t.Text = care.KindSay(x.Request.Kind) + " in " + x.Request.Area
	case care.RequestReplied:
		for _, v := range x.Request.Invited {
			if v.Name == x.Who && v.Replied.Equal(x.At) {
				t.Text = ReplySay(v)
			}
		}
	case care.RequestBooked:
		t.Text = "From " + x.Request.Start.Time().Format("02-Jan-2006")
	case care.RequestChosen:
		if x.Request.Choice != nil {
			t.Text = x.Request.Choice.Text
		}
	case care.RequestAtRisk, care.RequestSafe, care.RequestWasted:
		if !a.sharesStays(c) {
			return false
		}
		if x.Request.Risk != nil {
			t.Text = x.Request.Risk.Why
		}
	case care.RequestEnded:
		t.Text = x.Request.EndedWhy
	}
	return true
}

// ReplySay is an answer in words: "Accept, from 16-Mar-2026, £350.00 a week".
func ReplySay(v care.Invite) string {
	var out []string
	switch v.Reply {
	case care.ReplyAccept:
		out = append(out, "Accept, from "+v.Earliest.Time().Format("02-Jan-2006"))
		if v.Rate > 0 {
			out = append(out, v.Rate.String()+" a week")
		}
	case care.ReplyMore:
		out = append(out, "Need more information")
	case care.ReplyDecline:
		out = append(out, "Decline")
	case care.ReplyReleased:
		return "Released"
	default:
		return "Not answered"
	}
	if v.Reason != "" {
		out = append(out, care.ReplyReasonSay(v.Reply, v.Reason))
	}
	if v.Text != "" {
		out = append(out, v.Text)
	}
	return strings.Join(out, ", ")
}

// ---- what is done

// RequestCare asks for care. r.ID is the key of the form: the same form sent twice is
// one request. providers are the ids of those to ask, in the council's directory.
func (h *Hub) RequestCare(ctx context.Context, by care.Actor, id care.CaseID, r care.Request, providers []string, moveOn bool) error {
	r.ID = onceID(r.ID, by, string(id), string(r.Referral), r.Kind)
	return h.arranging(ctx, by, id, func(tx *store.Tx, a *asking, c care.Case) (care.Command, error) {
		asked := r
		var err error
		if asked.Invited, err = h.toAsk(tx, by.Org, providers); err != nil {
			return nil, err
		}
		return care.MakeRequest{Request: asked, Progress: moveOn && a.moves(c, r.Referral)}, nil
	})
}

// AskMore asks more providers of the council's directory.
func (h *Hub) AskMore(ctx context.Context, by care.Actor, id care.CaseID, request string, providers []string) error {
	return h.arranging(ctx, by, id, func(tx *store.Tx, _ *asking, _ care.Case) (care.Command, error) {
		asked, err := h.toAsk(tx, by.Org, providers)
		return care.InviteMore{ID: request, Invited: asked}, err
	})
}

// HeardReply records a provider's answer that the reader heard, say by telephone. At of
// the answer is care.Request.Touched as its form showed it, so that none is overwritten.
func (h *Hub) HeardReply(ctx context.Context, by care.Actor, id care.CaseID, request string, v care.Invite) error {
	return h.arranging(ctx, by, id, just(care.ReplyRequest{ID: request, Invite: v}))
}

// RecordChoice keeps what the person was offered and chose; At is as HeardReply has it.
func (h *Hub) RecordChoice(ctx context.Context, by care.Actor, id care.CaseID, request string, k care.Choice) error {
	return h.arranging(ctx, by, id, just(care.RecordChoice{ID: request, Choice: k}))
}

// ReopenRequest says that what was booked fell through; the others are asked again.
func (h *Hub) ReopenRequest(ctx context.Context, by care.Actor, id care.CaseID, request, why string) error {
	return h.arranging(ctx, by, id, just(care.Reopen{ID: request, Why: why}))
}

// EndRequest ends a request, with why.
func (h *Hub) EndRequest(ctx context.Context, by care.Actor, id care.CaseID, request, why string) error {
	return h.arranging(ctx, by, id, just(care.EndRequest{ID: request, Why: why}))
}

// BookCare takes one offer and releases the others. The provider is told whose care it
// is where the rules let it be told; told is false where somebody must ring it.
func (h *Hub) BookCare(ctx context.Context, by care.Actor, id care.CaseID, request, provider string, start nhs.Date, moveOn bool, seen time.Time) (told bool, err error) {
	err = h.update(ctx, func(tx *store.Tx) error {
		told = false
		a, c, err := h.named(tx, by, policy.Arrange, id, h.now())
		if err != nil {
			return err
		}
		cmd := care.Book{ID: request, Provider: provider, Start: start, Seen: seen}
		for _, r := range c.Requests {
			cmd.Progress = cmd.Progress || r.ID == request && moveOn && a.moves(c, r.Referral)
		}
		if c, err = h.carry(tx, a, c, policy.Arrange, cmd); err != nil {
			return err
		}
		told, err = h.tellBooked(tx, by, c, request)
		return err
	})
	return told, err
}

// tellBooked tells a provider that is booked who its new client is: as one that has a
// client in hospital. Where the rules forbid that, or nobody is in hospital, nobody is told.
func (h *Hub) tellBooked(tx *store.Tx, by care.Actor, c care.Case, request string) (bool, error) {
	i := slices.IndexFunc(c.Requests, func(r care.Request) bool { return r.ID == request })
	if i < 0 || c.Stay == nil {
		return false, nil
	}
	r := c.Requests[i]
	v, _ := r.Asked(r.Booked)
	a := h.ask(by, policy.TellProvider, &c, policy.DischargePlanning, "", h.now())
	if err := a.onto(tx, a.record.At); err != nil {
		return false, err
	}
	// Telling says that somebody is in hospital, and in which: where that hospital does
	// not share it with the council, the council does not tell it on, or learn it so.
	if !a.allowed(policy.TellProvider) || !a.from(c.Stay.Org)[policy.SeeWhereabouts] {
		return false, a.audit(tx, false, "booked and not told")
	}
	events, err := care.Decide(c, by, care.TellProvider{Provider: v.Provider, ProviderName: v.Name, Council: r.Council}, a.record.At)
	var refused *care.Error
	switch {
	case errors.As(err, &refused):
		return false, a.audit(tx, true, "refused: "+string(refused.Kind))
	case err != nil:
		return false, err
	case len(events) > 0:
		if _, err := tx.Record(c, care.Cause{Kind: "person", By: by.Who()}, a.record.At, events...); err != nil {
			return false, err
		}
	}
	return true, a.audit(tx, true, "done")
}

// arranging carries out a command about requests, once it is known who may.
func (h *Hub) arranging(ctx context.Context, by care.Actor, id care.CaseID, make func(*store.Tx, *asking, care.Case) (care.Command, error)) error {
	return h.update(ctx, func(tx *store.Tx) error {
		a, c, err := h.named(tx, by, policy.Arrange, id, h.now())
		if err != nil {
			return err
		}
		if !a.allowed(policy.Arrange) {
			return a.refuse(tx)
		}
		cmd, err := make(tx, a, c)
		if err != nil {
			return err
		}
		_, err = h.carry(tx, a, c, policy.Arrange, cmd)
		return err
	})
}

// just is a command that needs nothing to be read.
func just(cmd care.Command) func(*store.Tx, *asking, care.Case) (care.Command, error) {
	return func(*store.Tx, *asking, care.Case) (care.Command, error) { return cmd, nil }
}

// moves reports whether the reader may move a referral to another stage.
func (a *asking) moves(c care.Case, id care.ReferralID) bool {
	return a.allowed(policy.Progress) && a.reaches(c, id, policy.Progress)
}

// toAsk are providers of a council's directory, as a request asks them.
func (h *Hub) toAsk(tx *store.Tx, council nhs.ODS, ids []string) ([]care.Invite, error) {
	var out []care.Invite
	for _, id := range ids {
		p, err := tx.Provider(council, id)
		if care.KindOf(err) == care.NotFound {
			return nil, &care.Error{Kind: care.Invalid, Field: "providers", Text: "Select providers of your council's directory"}
		}
		if err != nil {
			return nil, err
		}
		out = append(out, care.Invite{Provider: p.ID, Name: p.Name})
	}
	return out, nil
}

// ---- the broker's list

// ArrangingList is a council's open requests, those at risk first, and what was
// sourced in vain.
type ArrangingList struct {
	Rows            []ArrangingRow
	More            bool // there are more than the list shows
	Wasted, InMonth int  // requests whose offers came to nothing as the person lost readiness: in all, and in this month
	At              time.Time
}

// ArrangingRow is one open request.
type ArrangingRow struct {
	Case    care.CaseID
	Person  care.Person // zero: who it is is not shown to the reader
	Request care.Request
	KindSay string
	Waited  time.Duration // since the latest provider was asked, while one has not answered
}

// arrangingShown is how many requests a list shows.
const arrangingShown = 200

// Arranging lists the open requests of the reader's council.
func (h *Hub) Arranging(ctx context.Context, by care.Actor) (ArrangingList, error) {
	l := ArrangingList{At: h.now()}
	a := h.ask(by, policy.ListWorklist, nil, policy.DischargePlanning, "", l.At)
	if !a.allowed(policy.ListWorklist) || by.OrgKind != care.Council {
		return l, h.update(ctx, a.refuse)
	}
	err := h.Store.View(ctx, func(tx *store.Tx) error {
		l.Rows, l.More, l.Wasted, l.InMonth = nil, false, 0, 0
		return h.listArranging(tx, by, &l)
	})
	if err != nil {
		return l, h.unavailable(err)
	}
	return l, h.update(ctx, func(tx *store.Tx) error { return a.audit(tx, true, "listed requests for care") })
}

func (h *Hub) listArranging(tx *store.Tx, by care.Actor, l *ArrangingList) error {
	wasted, err := tx.Threads(store.ThreadQuery{Kind: care.RequestThread, Org: by.Org, States: []string{care.RequestsWasted}, Limit: 100_000})
	if err != nil {
		return err
	}
	today := h.today(l.At)
	for _, x := range wasted {
		l.Wasted++
		if d := h.today(x.At); d.Year == today.Year && d.Month == today.Month {
			l.InMonth++
		}
	}
	threads, err := tx.Threads(store.ThreadQuery{Kind: care.RequestThread, Org: by.Org, Limit: 5 * arrangingShown,
		States: []string{care.RequestIsAtRisk, care.RequestIsOpen, care.RequestIsBooked}})
	if err != nil {
		return err
	}
	done := map[string]bool{}
	for _, x := range threads {
		if done[x.ID] {
			continue // a provider's row of the same request
		}
		done[x.ID] = true
		if l.More = len(l.Rows) == arrangingShown; l.More {
			break
		}
		row, ok, err := h.arrangingRow(tx, by, x, l.At)
		if err != nil {
			return err
		}
		if ok {
			l.Rows = append(l.Rows, row)
		}
	}
	slices.SortStableFunc(l.Rows, func(x, y ArrangingRow) int { return cmp.Compare(x.rank(), y.rank()) })
	return nil
}

// rank puts requests at risk first, then those without a booking.
func (r ArrangingRow) rank() int {
	switch {
	case r.Request.Risk != nil:
		return 0
	case r.Request.Booked == "":
		return 1
	}
	return 2
}

func (h *Hub) arrangingRow(tx *store.Tx, by care.Actor, x store.CaseThread, now time.Time) (row ArrangingRow, ok bool, err error) {
	c, err := tx.Case(x.Case)
	if err != nil {
		return row, false, err
	}
	a := h.ask(by, policy.SeeArranging, &c, policy.DischargePlanning, "", now)
	if err := a.onto(tx, now); err != nil {
		return row, false, err
	}
	a.decide(policy.SeeArranging, policy.SeeDemographics, policy.SeeReferral, policy.SeeTimeline, policy.SeeWhereabouts)
	i := slices.IndexFunc(c.Requests, func(r care.Request) bool { return r.ID == x.ID })
	if i < 0 || !a.may[policy.SeeArranging] || c.Requests[i].Council != by.Org {
		return row, false, nil
	}
	row = ArrangingRow{Case: c.ID, Request: a.seenRequest(c, c.Requests[i]), KindSay: care.KindSay(c.Requests[i].Kind)}
	if a.opens() {
		row.Person = a.person(c)
	}
	for _, v := range row.Request.Invited {
		if v.Reply == "" {
			row.Waited = max(row.Waited, now.Sub(v.At))
		}
	}
	return row, true, nil
}

// ---- the provider's own page

// RequestOffer is a request as a provider sees it that was asked: what is needed and
// where, and never who it is.
type RequestOffer struct {
	ID       string
	Council  care.Org
	At       time.Time // when this provider was asked
	KindSay  string
	Area     string
	Needs    string
	Hours    string // "" not said
	Visits   int
	Carers   int
	StartBy  nhs.Date
	SelfFund bool
	Mine     care.Invite // its own answer
	Booked   bool        // it is booked: who it is stands on its page of clients
	Start    nhs.Date    // when Booked
}

// ProviderRequests lists what the reader's own agency or home was asked and may still
// answer, the oldest first, and what it is booked for.
func (h *Hub) ProviderRequests(ctx context.Context, by care.Actor) ([]RequestOffer, error) {
	now := h.now()
	a := h.ask(by, policy.ListClients, nil, policy.DischargePlanning, "", now)
	if !a.allowed(policy.ListClients) {
		return nil, h.update(ctx, a.refuse)
	}
	var out []RequestOffer
	err := h.Store.View(ctx, func(tx *store.Tx) error {
		out = nil
		threads, err := tx.Threads(store.ThreadQuery{Kind: care.RequestThread, Owners: []string{string(by.Org)}, Limit: arrangingShown})
		if err != nil {
			return err
		}
		for _, x := range threads {
			_, _, r, err := h.offered(tx, by, x, now)
			switch {
			case care.KindOf(err) == care.NotFound:
			case err != nil:
				return err
			default:
				out = append(out, h.offerOf(by, r))
			}
		}
		return nil
	})
	if err != nil {
		return nil, h.unavailable(err)
	}
	return out, h.update(ctx, func(tx *store.Tx) error { return a.audit(tx, true, "listed requests to the provider") })
}

// offered is the request of a thread, if the reader's provider may answer it.
func (h *Hub) offered(tx *store.Tx, by care.Actor, x store.CaseThread, now time.Time) (*asking, care.Case, care.Request, error) {
	none := &care.Error{Kind: care.NotFound, Text: "There is no such request, or it is not open any more"}
	c, err := tx.Case(x.Case)
	if err != nil {
		return nil, c, care.Request{}, err
	}
	a := h.ask(by, policy.AnswerClient, &c, policy.DischargePlanning, "", now)
	if err := a.onto(tx, now); err != nil {
		return nil, c, care.Request{}, err
	}
	a.decide(policy.AnswerClient)
	for _, r := range c.Requests {
		for _, v := range r.Invited {
			if r.ID == x.ID && care.ProviderCode(r.Council, v.Provider) == by.Org && a.may[policy.AnswerClient] {
				return a, c, r, nil
			}
		}
	}
	return a, c, care.Request{}, none
}

// offerOf is a request as the provider may see it. What it does not name here it
// does not see: the person, the ceiling, and who else was asked.
func (h *Hub) offerOf(by care.Actor, r care.Request) RequestOffer {
	o := RequestOffer{ID: r.ID, Council: h.Org(r.Council), KindSay: care.KindSay(r.Kind), Area: r.Area, Needs: r.Needs, Visits: r.Visits, Carers: r.Carers,
		StartBy: r.StartBy, SelfFund: r.SelfFund}
	if r.Hours > 0 {
		o.Hours = r.Hours.Of("hour")
	}
	for _, v := range r.Invited {
		if care.ProviderCode(r.Council, v.Provider) == by.Org {
			o.Mine, o.At = v, v.At
			o.Mine.On = care.Basis{} // when the person is to leave is the hospital's to tell
			if o.Booked = r.Booked == v.Provider; o.Booked {
				o.Start = r.Start
			}
		}
	}
	return o
}

// AnswerRequest is a provider's own answer to what it was asked. v.By.Name is who
// speaks for it, as typed. To others than those asked there is no such request.
func (h *Hub) AnswerRequest(ctx context.Context, by care.Actor, request string, v care.Invite) error {
	return h.update(ctx, func(tx *store.Tx) error {
		now := h.now()
		threads, err := tx.Threads(store.ThreadQuery{Kind: care.RequestThread, Owners: []string{string(by.Org)}, Limit: arrangingShown})
		if err != nil {
			return err
		}
		for _, x := range threads {
			if x.ID != request {
				continue
			}
			a, c, r, err := h.offered(tx, by, x, now)
			if care.KindOf(err) == care.NotFound {
				break
			}
			if err != nil {
				return err
			}
			for _, asked := range r.Invited {
				if care.ProviderCode(r.Council, asked.Provider) == by.Org {
					v.Provider = asked.Provider
				}
			}
			_, err = h.carry(tx, a, c, policy.AnswerClient, care.ReplyRequest{ID: request, Invite: v})
			return err
		}
		a := h.ask(by, policy.AnswerClient, &care.Case{ID: "unknown"}, policy.DischargePlanning, "", now)
		if err := a.onto(tx, now); err != nil {
			return err
		}
		a.decide(policy.AnswerClient)
		a.record.Case = ""
		if err := a.audit(tx, false, "no such request"); err != nil {
			return err
		}
		return committed{&care.Error{Kind: care.NotFound, Text: "There is no such request, or it is not open any more"}}
	})
}
