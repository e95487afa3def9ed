package care

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"homeward/money"
	"homeward/nhs"
)

// ReplyReason is a reason that a provider gives, by a code of ours.
type ReplyReason struct{ Code, Words string }

// DeclineReasons are why a provider cannot take a package on, as it may choose.
func DeclineReasons() []ReplyReason { return slices.Clone(declineReasons) }

// MoreReasons are what a provider needs to know before it can say.
func MoreReasons() []ReplyReason { return slices.Clone(moreReasons) }

// otherReason needs words.
const otherReason = "other"

// fellThrough is why the answer of a provider that was booked does not hold. Only
// Reopen gives it.
const fellThrough = "fell-through"

var declineReasons = []ReplyReason{
	{"no-capacity", "No capacity"}, {"no-area", "Not in our area"}, {"needs", "Cannot meet the needs"}, {"two-carers", "No 2 carers at the same time"},
	{"times", "Cannot do the times of the visits"}, {"start", "Cannot start in time"}, {"rate", "The rate is too low"},
	{"registration", "Outside our registration"}, {otherReason, "Another reason"},
}

var moreReasons = []ReplyReason{
	{"needs", "More about the needs"}, {"times", "Times of the visits"}, {"equipment", "Equipment in the home"}, {"access", "How to get in, such as a key safe"},
	{"risks", "Risks to carers"}, {"medicines", "Help with medicines"}, {"visit", "We want to see the person first"}, {otherReason, "Something else"},
}

// ReplyReasonSay is a reason's code in words.
func ReplyReasonSay(reply RequestReply, code string) string {
	list := declineReasons
	if reply == ReplyMore {
		list = moreReasons
	}
	for _, r := range list {
		if r.Code == code {
			return r.Words
		}
	}
	if code == fellThrough {
		return "The booking fell through"
	}
	return code
}

// Open reports whether somebody still has to do something about it: it has not
// ended. A booked one is open until the person is home with the care.
func (r Request) Open() bool { return r.Ended.IsZero() }

// Sourcing reports whether offers are still looked for.
func (r Request) Sourcing() bool { return r.Open() && r.Booked == "" }

// invite is the place of a provider among those that were asked; -1 when it was not.
func (r Request) invite(provider string) int {
	return slices.IndexFunc(r.Invited, func(v Invite) bool { return v.Provider == provider })
}

// Asked is what a provider was asked and answered; false when it was not.
func (r Request) Asked(provider string) (Invite, bool) {
	if i := r.invite(provider); i >= 0 {
		return r.Invited[i], true
	}
	return Invite{}, false
}

// Offers counts the providers that accepted and still stand by it.
func (r Request) Offers() int {
	n := 0
	for _, v := range r.Invited {
		if v.Reply == ReplyAccept {
			n++
		}
	}
	return n
}

// Waiting counts the providers that have not answered.
func (r Request) Waiting() int {
	n := 0
	for _, v := range r.Invited {
		if v.Reply == "" {
			n++
		}
	}
	return n
}

// requestChanged is a request as it is now, for an event. It keeps nothing of the case's
// own list, so that Apply leaves what was as it was.
func (d deciding) requestChanged(r Request, did RequestDid, who string) Event {
	return RequestChanged{At: d.now, Did: did, By: d.by.Who(), Who: who, Request: r}
}

// request finds a request of the actor's council that has not ended. To others it
// is not there.
func (d deciding) request(id string) (Request, error) {
	i := slices.IndexFunc(d.c.Requests, func(r Request) bool { return r.ID == id })
	if i < 0 {
		return Request{}, noRequest()
	}
	r := d.c.Requests[i]
	r.Invited = slices.Clone(r.Invited)
	if d.by.OrgKind != ProviderOrg && d.by.Org != r.Council {
		return r, &Error{Kind: Forbidden, Text: "This request is another organisation's"}
	}
	return r, nil
}

func noRequest() *Error { return &Error{Kind: NotFound, Text: "There is no such request"} }

func requestEnded() *Error {
	return notNow("This request for care has ended.", "Add a note", "Ask for care again")
}

// ours is request for those of the council, while it is open.
func (d deciding) ours(id string) (Request, error) {
	r, err := d.request(id)
	switch {
	case err != nil:
		return r, err
	case d.by.OrgKind != Council:
		return r, &Error{Kind: Forbidden, Text: "Only the council arranges care"}
	case !r.Open():
		return r, requestEnded()
	}
	return r, nil
}

// The most of each that one package may ask for.
const (
	mostHours  money.Quantity = 168_000 // a week
	mostVisits int            = 12      // a day
	needsLimit int            = 2000    // characters
)

func (x MakeRequest) decide(d deciding) ([]Event, error) {
	r := x.Request
	if slices.ContainsFunc(d.c.Requests, func(o Request) bool { return r.ID != "" && o.ID == r.ID }) {
		return nil, nil
	}
	i := slices.IndexFunc(d.c.Referrals, func(o Referral) bool { return o.ID == r.Referral })
	if i < 0 {
		return nil, &Error{Kind: NotFound, Field: "referral", Text: "There is no such referral"}
	}
	ref := d.c.Referrals[i]
	switch {
	case d.by.OrgKind != Council || d.by.Org != ref.To:
		return nil, &Error{Kind: Forbidden, Text: "Only the council that the person was referred to asks for care"}
	case d.c.Died != nil:
		return nil, notNow("This person has died. No care is asked for.", "Add a note")
	case !ref.Open():
		return nil, notNow("The referral has ended. No care is asked for.", "Add a note")
	case ref.Accepted.IsZero():
		return nil, notNow("The referral is not accepted yet.", string(doAccept))
	case r.ID == "":
		return nil, missing("key", "The request has no key. Open the form again")
	}
	for _, o := range d.c.Requests {
		if o.Sourcing() && o.Referral == r.Referral && o.Kind == r.Kind {
			return nil, &Error{Kind: Duplicate, Field: "kind", Text: "There is an open request for this kind of care already. Ask more providers in it, or end it first"}
		}
	}
	if err := d.wellMade(r); err != nil {
		return nil, err
	}
	invited, err := d.invites(nil, r.Invited)
	if err != nil {
		return nil, err
	}
	made := Request{ID: r.ID, Referral: r.Referral, Council: ref.To, At: d.now, By: d.by.Who(), Kind: r.Kind, Area: district(r.Area), Needs: strings.TrimSpace(r.Needs),
		Hours: r.Hours, Visits: r.Visits, Carers: r.Carers, StartBy: r.StartBy, Ceiling: r.Ceiling, SelfFund: r.SelfFund, Consent: r.Consent, Invited: invited}
	return append([]Event{d.requestChanged(made, RequestMade, "")}, d.ticked(x.Progress, ref.ID, RefSourcing)...), nil
}

// wellMade refuses a request that cannot be asked as it is.
func (d deciding) wellMade(r Request) error {
	if _, ok := KindOfCare(r.Kind); !ok {
		return missing("kind", "Select the kind of care")
	}
	if district(r.Area) == "" {
		return invalid("area", "Enter the first part of the postcode, such as NG17, and no more of it")
	}
	if err := words("needs", r.Needs, "what the person needs, in words that name nobody", true, needsLimit); err != nil {
		return err
	}
	if what := givesAway(d.c, r.Needs); what != "" {
		return invalid("needs", "Take "+what+" out of the needs. Providers read them before they may know who it is")
	}
	switch {
	case r.Hours < 0 || r.Hours > mostHours:
		return invalid("hours", "Hours a week must be between 0 and 168")
	case r.Visits < 0 || r.Visits > mostVisits:
		return invalid("visits", "Visits a day must be between 0 and 12")
	case r.Carers < 0 || r.Carers > 2:
		return invalid("carers", "Select 1 or 2 carers")
	case r.StartBy.IsZero():
		return missing("startBy", "Enter the day by which care must start")
	case r.StartBy.Before(nhs.DateOf(d.now)):
		return invalid("startBy", "The day by which care must start must be today or later")
	case r.Ceiling < 0:
		return invalid("ceiling", "The most that it may cost must be 0 or more")
	case r.SelfFund && r.Ceiling != 0:
		return invalid("ceiling", "Leave out the price: the person pays for this care and agrees the price with the provider")
	case r.SelfFund && !r.Consent:
		return missing("consent", "Say that the person agreed that providers are asked. Somebody who pays for their own care is told of providers; they choose for themselves")
	}
	return nil
}

// district is a postcode district as it is written, "NG17"; "" when s is none.
func district(s string) string {
	s = strings.ToUpper(strings.TrimSpace(s))
	letters := 0
	for letters < len(s) && s[letters] >= 'A' && s[letters] <= 'Z' {
		letters++
	}
	rest := s[letters:]
	if letters < 1 || letters > 2 || len(rest) < 1 || len(rest) > 2 || rest[0] < '0' || rest[0] > '9' {
		return ""
	}
	if len(rest) == 2 && (rest[1] < '0' || rest[1] > '9') && (rest[1] < 'A' || rest[1] > 'Z') {
		return ""
	}
	return s
}

// District is the district of a postcode: "NG17" of "NG17 3MK", of "ng173mk" and of
// "NG17"; "" when there is none.
func District(postcode string) string {
	out, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(postcode)), " ")
	if d := district(out); d != "" {
		return d
	}
	code := strings.ReplaceAll(postcode, " ", "")
	if len(code) < 5 {
		return ""
	}
	return district(code[:len(code)-3])
}

// invites checks who is asked anew, beside those asked before.
func (d deciding) invites(had, asked []Invite) ([]Invite, error) {
	out := slices.Clone(had)
	for _, v := range asked {
		switch {
		case v.Provider == "" || v.Name == "":
			return nil, missing("providers", "Select the providers to ask")
		case slices.ContainsFunc(out, func(o Invite) bool { return o.Provider == v.Provider }):
			return nil, &Error{Kind: Duplicate, Field: "providers", Text: v.Name + " was asked already. Select other providers"}
		}
		out = append(out, Invite{Provider: v.Provider, Name: v.Name, At: d.now})
	}
	return out, nil
}

// ticked moves the referral on where the user asked for that and its state allows it.
func (d deciding) ticked(yes bool, id ReferralID, to RefState) []Event {
	if !yes {
		return nil
	}
	events, err := d.progress(Progress{ID: id, State: to})
	if err != nil {
		return nil
	}
	return events
}

func (x InviteMore) decide(d deciding) ([]Event, error) {
	r, err := d.ours(x.ID)
	switch {
	case err != nil:
		return nil, err
	case r.Booked != "":
		return nil, notNow("A provider is booked.", "Say that the booking fell through")
	case len(x.Invited) == 0:
		return nil, missing("providers", "Select at least one provider")
	}
	if r.Invited, err = d.invites(r.Invited, x.Invited); err != nil {
		return nil, err
	}
	names := make([]string, len(x.Invited))
	for i, v := range x.Invited {
		names[i] = v.Name
	}
	return []Event{d.requestChanged(r, RequestInvited, strings.Join(names, ", "))}, nil
}

func (x ReplyRequest) decide(d deciding) ([]Event, error) {
	r, err := d.request(x.ID)
	if err != nil {
		return nil, err
	}
	v, i := x.Invite, r.invite(x.Invite.Provider)
	provider := d.by.OrgKind == ProviderOrg
	if i < 0 || provider && d.by.Org != ProviderCode(r.Council, v.Provider) {
		return nil, noRequest() // that others were asked is not a provider's to know
	}
	if !provider && d.by.OrgKind != Council {
		return nil, &Error{Kind: Forbidden, Text: "Only the provider answers, or the council that heard the answer"}
	}
	was := r.Invited[i]
	now := Invite{Provider: was.Provider, Name: was.Name, At: was.At, Reply: v.Reply, Replied: d.now, By: d.by.Who(), Text: strings.TrimSpace(v.Text)}
	switch v.Reply {
	case ReplyAccept:
		now.Earliest, now.Rate, now.On = v.Earliest, v.Rate, basisOf(d.c)
	case ReplyMore, ReplyDecline:
		now.Reason = v.Reason
	}
	if provider {
		now.By.Name = cmp.Or(strings.TrimSpace(v.By.Name), now.By.Name)
	}
	if v.Reply != "" && sameReply(was, now) {
		return nil, nil
	}
	if !r.Sourcing() || was.Reply == ReplyReleased {
		return nil, notNow("This request is not open any more, so it cannot be answered.", "Add a note")
	}
	if v.At.Before(was.Replied) && !v.At.IsZero() {
		who := "Somebody else"
		if was.By.Org == d.by.Org { // whom a provider does not know is not named to it
			who = cmp.Or(was.By.Name, who)
		}
		return nil, &Error{Kind: Conflict, Field: "reply", Text: who + " recorded an answer of " + was.Name + " since you opened this: " + replyWord[was.Reply] + ". Check it, then save yours"}
	}
	if err := checkReply(r, now); err != nil {
		return nil, err
	}
	r.Invited[i] = now
	r.Risk = riskNow(d.c, r, d.now) // an offer made again is made on what is known now
	return []Event{d.requestChanged(r, RequestReplied, was.Name)}, nil
}

// replyWord is an answer of a provider in a word.
var replyWord = map[RequestReply]string{ReplyAccept: "accepted", ReplyDecline: "declined", ReplyMore: "needs more information"}

// Touched is when the newest thing was done to a request.
func (r Request) Touched() time.Time {
	t := r.At
	later := func(x time.Time) {
		if x.After(t) {
			t = x
		}
	}
	for _, v := range r.Invited {
		later(v.At)
		later(v.Replied)
	}
	if r.Choice != nil {
		later(r.Choice.At)
	}
	later(r.BookedAt)
	return t
}

func sameReply(a, b Invite) bool {
	return a.Reply == b.Reply && a.Reason == b.Reason && a.Text == b.Text && a.Earliest == b.Earliest && a.Rate == b.Rate && a.On == b.On
}

// checkReply refuses an answer that leaves open what it means.
func checkReply(r Request, v Invite) error {
	if err := words("text", v.Text, "what the provider said", v.Reason == otherReason, shortLimit); err != nil {
		return err
	}
	known := func(list []ReplyReason) bool {
		return slices.ContainsFunc(list, func(x ReplyReason) bool { return x.Code == v.Reason })
	}
	switch v.Reply {
	case ReplyAccept:
		switch {
		case v.Earliest.IsZero():
			return missing("earliest", "Enter the earliest day on which care can start")
		case v.Earliest.Before(nhs.DateOf(r.At)):
			return invalid("earliest", "The earliest start must not be before the day of the request")
		case r.SelfFund && v.Rate != 0:
			return invalid("rate", "Leave out the rate: the person pays for this care")
		case !r.SelfFund && v.Rate <= 0:
			return missing("rate", "Enter the rate for a week, in pounds and pence")
		}
	case ReplyMore:
		if v.Reason == "" && v.Text == "" {
			return missing("reason", "Select what the provider needs to know, or write it down")
		}
		if v.Reason != "" && !known(moreReasons) {
			return invalid("reason", "Select what the provider needs to know")
		}
	case ReplyDecline:
		if !known(declineReasons) {
			return missing("reason", "Select why the provider cannot take it on")
		}
	default:
		return missing("reply", "Select the answer")
	}
	return nil
}

func (x Book) decide(d deciding) ([]Event, error) {
	r, err := d.ours(x.ID)
	if err != nil {
		return nil, err
	}
	i := r.invite(x.Provider)
	switch {
	case r.Booked == x.Provider && r.Booked != "" && r.Start == x.Start && r.Risk == nil:
		return nil, nil
	case d.c.Died != nil:
		return nil, notNow("This person has died. Nothing is booked.", "Add a note")
	case r.Booked != "" && !x.Seen.IsZero() && x.Seen.Before(r.BookedAt):
		return nil, &Error{Kind: Conflict, Field: "provider", Text: cmp.Or(r.BookedBy.Name, "Somebody else") + " booked " + r.nameOf(r.Booked) + " from " + daySay(r.Start) + " since you opened this. Check it, then book again if it must change"}
	case r.Booked != "" && r.Booked != x.Provider:
		return nil, notNow("Another provider is booked already.", "Say that the booking fell through")
	case i < 0 || r.Invited[i].Reply != ReplyAccept:
		return nil, notNow("This provider has made no offer.", "Record its answer", "Book another offer")
	}
	for _, o := range d.c.Requests {
		if o.ID != r.ID && o.Open() && o.Booked != "" && o.Referral == r.Referral && o.Kind == r.Kind {
			return nil, notNow("This kind of care is booked already by another request.", "End the other request")
		}
	}
	if err := d.startable(r.Invited[i], x.Start); err != nil {
		return nil, err
	}
	if err := d.affordable(r, r.Invited[i]); err != nil {
		return nil, err
	}
	r.Booked, r.BookedAt, r.BookedBy, r.Start, r.Risk, r.On = x.Provider, d.now, d.by.Who(), x.Start, nil, basisOf(d.c)
	release(r.Invited, x.Provider)
	return append([]Event{d.requestChanged(r, RequestBooked, r.Invited[i].Name)}, d.ticked(x.Progress, r.Referral, RefReady)...), nil
}

// nameOf is the name of a provider that was asked.
func (r Request) nameOf(provider string) string {
	v, _ := r.Asked(provider)
	return v.Name
}

// startable refuses a start before the offer's, before today, and before the day on
// which the person is expected to leave.
func (d deciding) startable(v Invite, start nhs.Date) error {
	switch {
	case start.IsZero():
		return missing("start", "Enter the day on which care starts")
	case start.Before(nhs.DateOf(d.now)):
		return invalid("start", "The day on which care starts must be today or later")
	case start.Before(v.Earliest):
		return invalid("start", "The provider cannot start before "+daySay(v.Earliest)+". Enter that day or a later one")
	}
	if s := d.c.Stay; s != nil && !s.EDD().IsZero() && start.Before(s.EDD()) {
		return invalid("start", "The person is expected to leave hospital on "+daySay(s.EDD())+". Enter that day or a later one")
	}
	return nil
}

// affordable refuses an offer above the ceiling until what it costs is approved: by
// a priced element of this request and provider, which a second person approves.
func (d deciding) affordable(r Request, v Invite) error {
	if r.Ceiling == 0 || v.Rate <= r.Ceiling || r.SelfFund {
		return nil
	}
	for _, e := range d.c.Elements {
		if e.Request == r.ID && e.Provider == v.Provider && e.Council == r.Council && e.State == ElementApproved && weekly(e) >= v.Rate {
			return nil
		}
	}
	return notNow("This offer costs more a week than was agreed for this request.", "Price this offer on the Money tab and have it approved", "Book an offer within what was agreed")
}

// weekly is what an element costs in a week in which nothing stands still.
func weekly(e Element) money.Amount {
	n := e.Count
	if e.Unit != UnitWeek {
		n = 0
		for _, q := range e.Week {
			n += q
		}
	}
	return money.Amount(int64(e.Rate) * int64(n) / 1000)
}

// release tells everybody but one, who still may have hoped, that it is not them.
func release(invited []Invite, but string) {
	for i, v := range invited {
		if v.Provider != but && v.Reply != ReplyDecline {
			invited[i].Reply = ReplyReleased
		}
	}
}

func (x RecordChoice) decide(d deciding) ([]Event, error) {
	r, err := d.ours(x.ID)
	if err != nil {
		return nil, err
	}
	k := x.Choice
	if err := words("text", k.Text, "what the person was offered and said", true, needsLimit); err != nil {
		return nil, err
	}
	switch {
	case k.Offered < 1 || k.Offered > 99:
		return nil, invalid("offered", "Enter how many providers or places the person was offered, from 1 to 99")
	case k.Chosen != "" && r.invite(k.Chosen) < 0:
		return nil, invalid("chosen", "Select a provider of this request, or none")
	case r.Choice != nil && r.Choice.Offered == k.Offered && r.Choice.Chosen == k.Chosen && r.Choice.Text == strings.TrimSpace(k.Text):
		return nil, nil
	}
	if r.Choice != nil && !k.At.IsZero() && k.At.Before(r.Choice.At) {
		return nil, &Error{Kind: Conflict, Field: "text", Text: cmp.Or(r.Choice.By.Name, "Somebody else") + " recorded a choice since you opened this. Check it, then save yours"}
	}
	r.Choice = &Choice{At: d.now, By: d.by.Who(), Offered: k.Offered, Chosen: k.Chosen, Text: strings.TrimSpace(k.Text)}
	return []Event{d.requestChanged(r, RequestChosen, "")}, nil
}

// Reopen asks again those who were released; the one that was booked has declined.
func (x Reopen) decide(d deciding) ([]Event, error) {
	r, err := d.ours(x.ID)
	if err != nil {
		return nil, err
	}
	if err := words("why", x.Why, "why the booking fell through", true, shortLimit); err != nil {
		return nil, err
	}
	if r.Booked == "" {
		return nil, notNow("No provider is booked.", "Book an offer")
	}
	name := ""
	for i, v := range r.Invited {
		switch {
		case v.Provider == r.Booked:
			name = v.Name
			r.Invited[i].Reply, r.Invited[i].Reason, r.Invited[i].Text = ReplyDecline, fellThrough, strings.TrimSpace(x.Why)
			r.Invited[i].Replied, r.Invited[i].By = d.now, d.by.Who()
		case v.Reply == ReplyReleased:
			r.Invited[i] = Invite{Provider: v.Provider, Name: v.Name, At: d.now}
		}
	}
	r.Booked, r.BookedAt, r.BookedBy, r.Start, r.Risk, r.On = "", time.Time{}, Who{}, nhs.Date{}, nil, Basis{}
	return []Event{d.requestChanged(r, RequestReopened, name)}, nil
}

func (x EndRequest) decide(d deciding) ([]Event, error) {
	r, err := d.request(x.ID)
	if err == nil && !r.Open() {
		return nil, nil
	}
	if r, err = d.ours(x.ID); err != nil {
		return nil, err
	}
	if err := words("why", x.Why, "why the request ends", true, shortLimit); err != nil {
		return nil, err
	}
	end(&r, strings.TrimSpace(x.Why), d.now)
	return []Event{d.requestChanged(r, RequestEnded, "")}, nil
}

// end ends a request; what was booked stays known, all other offers are released.
func end(r *Request, why string, at time.Time) {
	r.Invited = slices.Clone(r.Invited)
	r.Ended, r.EndedWhy, r.Risk = at, why, nil
	release(r.Invited, r.Booked)
}

func daySay(d nhs.Date) string { return d.Time().Format("02-Jan-2006") }
