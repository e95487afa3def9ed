package care

import (
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"homeward/form"
	"homeward/nhs"
)

// Decide turns what a person asks into events, or refuses with an *Error that
// says what may be done instead. Asking again for what is so already gives no
// events and no error. Whether this person may ask at all is the policy's.
// What becomes true may bring more by rule (see follow).
func Decide(c Case, by Actor, cmd Command, now time.Time) ([]Event, error) {
	events, err := decide(c, by, cmd, now)
	if err != nil || len(events) == 0 {
		return nil, err
	}
	return follow(c, events, now), nil
}

func decide(c Case, by Actor, cmd Command, now time.Time) ([]Event, error) {
	d := deciding{c: c, by: by, now: now}
	if r, ok := cmd.(Refer); ok && c.hasKey(by.Org, r.Key) {
		return nil, nil
	}
	if err := d.locked(cmd); err != nil {
		return nil, err
	}
	switch x := cmd.(type) {
	case Refer:
		return d.refer(x)
	case Reply:
		return d.reply(x)
	case Withdraw:
		return d.withdraw(x)
	case Receive:
		return d.receive(x)
	case Route:
		return d.route(x)
	case Accept:
		return d.accept(x)
	case SendBack:
		return d.sendBack(x)
	case Allocate:
		return d.allocate(x)
	case Progress:
		return d.progress(x)
	case Close:
		return d.close(x)
	case AddNote:
		return d.note(x.Note)
	case RecordCall:
		return d.call(x.Call)
	case Settle:
		return d.settle(x)
	case Object:
		return d.object(x)
	case TakeBackObjection:
		return d.takeBackObjection(x)
	case SharePaper:
		return d.sharePaper(x.Paper)
	case WithdrawPaper:
		return d.withdrawPaper(x)
	case interface {
		decide(deciding) ([]Event, error)
	}: // the commands of what is worked on stand with their rules
		return x.decide(d)
	}
	return nil, &Error{Kind: Exception, Text: "This cannot be asked for"}
}

type deciding struct {
	c   Case
	by  Actor
	now time.Time
}

// hasKey reports whether an organisation sent a referral under this name: two that
// give the same name mean two referrals.
func (c Case) hasKey(from nhs.ODS, key string) bool {
	return key != "" && slices.ContainsFunc(c.Referrals, func(r Referral) bool { return r.From == from && r.Key == key })
}

// locked refuses what may not be done to the case as it stands, whatever the
// command says: joined away, frozen, or the person has died.
func (d deciding) locked(cmd Command) error {
	if d.c.JoinedTo != "" {
		return notNow("This record was joined with another record of the same person.", "Open the other record")
	}
	if d.c.Doubt != nil {
		switch cmd.(type) {
		case AddNote, Settle, Object, RaiseConcern, MoveConcern:
		default:
			return notNow("This record is frozen until somebody has checked who it is about.", "Add a note", "Settle who this is")
		}
	}
	if d.c.Died != nil {
		switch cmd.(type) {
		case Refer, RecordCall:
			return notNow("This person has died. Contact actions are locked.", "Add a note")
		}
	}
	return nil
}

func notNow(text string, allowed ...string) *Error {
	return &Error{Kind: BusinessRule, Text: text, Allowed: allowed}
}

func missing(field, text string) *Error { return &Error{Kind: Required, Field: field, Text: text} }
func invalid(field, text string) *Error { return &Error{Kind: Invalid, Field: field, Text: text} }

// words checks a text that a person writes: not empty when required, and at
// most limit characters.
func words(field, s, what string, required bool, limit int) error {
	switch {
	case required && strings.TrimSpace(s) == "":
		return missing(field, "Enter "+what)
	case utf8.RuneCountInString(s) > limit:
		return invalid(field, "Shorten "+what+" to "+itoa(limit)+" characters or fewer")
	}
	return nil
}

// The longest texts, in characters.
const (
	noteLimit  = 4000
	shortLimit = 500
)

// action is something that may be done to a referral.
type action string

const (
	doRoute    action = "Choose the council"
	doReceive  action = "Confirm receipt"
	doAccept   action = "Accept the referral"
	doReturn   action = "Return it for more information"
	doReply    action = "Send the missing information"
	doAllocate action = "Allocate a worker"
	doProgress action = "Move it to another stage"
	doClose    action = "Close it"
	doWithdraw action = "Withdraw it"
	doHold     action = "Put it on hold"
	doResume   action = "Go on with it"
	doTransfer action = "Transfer it to another council"
)

// lifecycle says what may be done in each state (product: a referral with a
// handshake). States that are not here are ends: only notes may be added. A draft is
// not here either: it is kept beside the case, where it is sent or thrown away.
// Receipt is allowed everywhere, because a council's system may confirm late.
// docs/design/lifecycle.txt is this table as Decide carries it out.
var lifecycle = map[RefState][]action{
	RefSent:       {doRoute, doAccept, doReturn, doTransfer, doReceive, doWithdraw},
	RefReceived:   {doAccept, doReturn, doAllocate, doTransfer, doReceive, doWithdraw},
	RefReturned:   {doReply, doClose, doReceive, doWithdraw},
	RefAccepted:   {doAllocate, doReturn, doHold, doTransfer, doClose, doReceive, doWithdraw},
	RefAllocated:  {doProgress, doAllocate, doReturn, doHold, doTransfer, doClose, doReceive, doWithdraw},
	RefAssessing:  {doProgress, doAllocate, doReturn, doHold, doTransfer, doClose, doReceive, doWithdraw},
	RefPlanning:   {doProgress, doAllocate, doReturn, doHold, doTransfer, doClose, doReceive, doWithdraw},
	RefSourcing:   {doProgress, doAllocate, doReturn, doHold, doTransfer, doClose, doReceive, doWithdraw},
	RefReady:      {doProgress, doAllocate, doReturn, doHold, doTransfer, doClose, doReceive, doWithdraw},
	RefOnHold:     {doResume, doAllocate, doReturn, doTransfer, doClose, doReceive, doWithdraw},
	RefDischarged: {doAllocate, doClose, doReceive},
}

// mayDo reports whether an action on a referral is an organisation's: to answer and
// to take back is the sender's, to settle the council the sender's or of those who
// run Homeward, and all else the receiver's.
func (d deciding) mayDo(r Referral, a action) bool {
	switch a {
	case doReply, doWithdraw:
		return d.by.Org == r.From
	case doRoute:
		return d.by.Org == r.From || d.by.OrgKind == System
	case doReceive:
		return d.by.Org == r.To || d.by.OrgKind == System
	}
	return d.by.Org == r.To
}

// find is the referral, if the actor's organisation may do this to it in its
// present state. Receiver actions are the council's, sender actions the trust's.
func (d deciding) find(id ReferralID, a action) (Referral, error) {
	i := slices.IndexFunc(d.c.Referrals, func(r Referral) bool { return r.ID == id })
	if i < 0 {
		return Referral{}, &Error{Kind: NotFound, Text: "There is no such referral"}
	}
	r := d.c.Referrals[i]
	if !d.mayDo(r, a) {
		return r, &Error{Kind: Forbidden, Text: "This referral is with another organisation"}
	}
	if a == doReturn && r.State == RefReturned {
		return r, &Error{Kind: Conflict, Text: "Somebody has returned this referral already"}
	}
	if a == doAccept && !r.Accepted.IsZero() && r.Open() && r.State != RefReceived && r.State != RefReturned {
		return r, &Error{Kind: Conflict, Text: "Somebody has accepted this referral already"}
	}
	if !slices.Contains(lifecycle[r.State], a) {
		return r, notNow("This cannot be done now: "+strings.ToLower(r.State.Say())+".", d.allowed(r)...)
	}
	return r, nil
}

// allowed lists what the actor's organisation may do to a referral as it stands.
func (d deciding) allowed(r Referral) []string {
	words := []string{"Add a note"}
	for _, a := range lifecycle[r.State] {
		if a != doReceive && d.mayDo(r, a) && (a == doWithdraw || (r.To == "") == (a == doRoute)) {
			words = append(words, string(a))
		}
	}
	return words
}

func (d deciding) refer(x Refer) ([]Event, error) {
	switch {
	case d.by.OrgKind != Trust:
		return nil, &Error{Kind: Forbidden, Text: "Only a hospital can send a referral"}
	case x.ID == "" || x.Key == "":
		return nil, missing("key", "The referral has no key. Open the form again")
	case x.Form == "":
		return nil, missing("form", "Choose a form")
	case x.Pathway != "" && !slices.Contains([]string{"0", "1", "2", "3"}, x.Pathway):
		return nil, invalid("pathway", "Choose a discharge pathway from 0 to 3")
	case d.c.Stay == nil || d.c.Stay.Org != d.by.Org:
		return nil, notNow("This person is not in hospital here", "Add a note")
	case x.Must && strings.TrimSpace(x.Anyway) == "":
		return nil, missing("anyway", "Say why the referral is sent without what the council wants, or add it")
	}
	if err := words("anyway", x.Anyway, "why the referral is sent anyway", false, shortLimit); err != nil {
		return nil, err
	}
	for _, r := range d.c.Referrals {
		if r.ID == x.ID || r.Open() && r.From == d.by.Org && !x.Another {
			return nil, &Error{Kind: Duplicate, Text: "There is an open referral for this person already. Open it, or say that you mean to send another"}
		}
	}
	r := Referral{ID: x.ID, Key: x.Key, Stay: d.c.Stay.Visit, From: d.by.Org, To: x.To, Pathway: x.Pathway, Form: x.Form,
		FormVersion: x.FormVersion, Answers: maps.Clone(x.Answers), State: RefSent, Sent: d.now, SentBy: d.by.Who(), Watching: true,
		Gate: x.Gate, Missing: slices.Clone(x.Missing), Anyway: x.Anyway}
	if x.To == "" {
		r.Likely, r.Holder = slices.Clone(x.Likely), unresolved(d.by.Org, d.now)
		return []Event{ReferralSent{At: d.now, Referral: r}}, nil
	}
	r.Holder = holderIn(r, RefSent, d.now)
	return []Event{ReferralSent{At: d.now, Referral: r},
		ReferralReceived{At: d.now, ID: r.ID, Holder: holderIn(r, RefReceived, d.now)}}, nil
}

func (d deciding) reply(x Reply) ([]Event, error) {
	r, err := d.find(x.ID, doReply)
	if err != nil {
		return nil, err
	}
	if len(x.Answers) == 0 {
		return nil, missing("answers", "Enter the missing information")
	}
	all := form.Answers{}
	maps.Copy(all, r.Answers)
	maps.Copy(all, x.Answers)
	return []Event{ReferralAnswered{At: d.now, ID: r.ID, By: d.by.Who(), Answers: all, Holder: holderIn(r, RefReceived, d.now)}}, nil
}

func (d deciding) withdraw(x Withdraw) ([]Event, error) {
	r, err := d.find(x.ID, doWithdraw)
	if err != nil {
		return nil, err
	}
	if !knownReason(x.Why) {
		return nil, invalid("why", "Choose a reason for withdrawing the referral")
	}
	if err := words("whyText", x.WhyText, "the reason in words", x.Why == "13", shortLimit); err != nil {
		return nil, err
	}
	return []Event{ReferralEnded{At: d.now, ID: r.ID, State: RefWithdrawn, By: d.by.Who(), Why: x.Why, WhyText: x.WhyText}}, nil
}

// knownReason reports whether a code is one of 01 to 13
// (Nottinghamshire SHD-CancellationReason).
func knownReason(code string) bool {
	return len(code) == 2 && code >= "01" && code <= "13" && code[1] >= '0' && code[1] <= '9'
}

func (d deciding) receive(x Receive) ([]Event, error) {
	r, err := d.find(x.ID, doReceive)
	if err != nil {
		return nil, err
	}
	if r.To == "" {
		return nil, notNow("It is not settled which council this referral is for.", string(doRoute))
	}
	if r.State != RefSent && (x.Reference == "" || x.Reference == r.Reference) {
		return nil, nil
	}
	return []Event{ReferralReceived{At: d.now, ID: r.ID, Reference: x.Reference, Holder: holderIn(r, RefReceived, d.now)}}, nil
}

// route settles the council once. A referral that a council has is that
// council's: it is not moved away from them, but withdrawn and sent again.
func (d deciding) route(x Route) ([]Event, error) {
	if x.To == "" {
		return nil, missing("to", "Choose the council")
	}
	r, err := d.find(x.ID, doRoute)
	switch {
	case r.To == x.To && KindOf(err) != Forbidden:
		return nil, nil
	case err != nil:
		return nil, err
	case r.To != "":
		return nil, notNow("It is settled already which council this referral is for.", d.allowed(r)...)
	}
	r.To = x.To
	h := holderIn(r, RefReceived, d.now)
	return []Event{ReferralRouted{At: d.now, ID: r.ID, To: x.To, By: d.by.Who(), Holder: h},
		ReferralReceived{At: d.now, ID: r.ID, Holder: h}}, nil
}

func (d deciding) accept(x Accept) ([]Event, error) {
	r, err := d.find(x.ID, doAccept)
	if err != nil {
		return nil, err
	}
	return []Event{d.accepted(r)}, nil
}

func (d deciding) accepted(r Referral) ReferralAccepted {
	h := holderIn(r, RefAccepted, d.now)
	if d.by.Team != "" {
		h.Team = d.by.Team
	}
	return ReferralAccepted{At: d.now, ID: r.ID, By: d.by.Who(), Holder: h}
}

func (d deciding) sendBack(x SendBack) ([]Event, error) {
	r, err := d.find(x.ID, doReturn)
	if err != nil {
		return nil, err
	}
	reasons := slices.DeleteFunc(slices.Clone(x.Reasons), func(s string) bool { return strings.TrimSpace(s) == "" })
	if len(reasons) == 0 {
		return nil, missing("reasons", "Choose at least one reason")
	}
	if err := words("needed", x.Needed, "what is needed", true, noteLimit); err != nil {
		return nil, err
	}
	ret := Return{At: d.now, By: d.by.Who(), Reasons: reasons, Needed: x.Needed}
	return []Event{ReferralReturned{At: d.now, ID: r.ID, Return: ret, Holder: holderIn(r, RefReturned, d.now)}}, nil
}

// allocate gives the referral to a worker; one that was not accepted yet is
// accepted by that.
func (d deciding) allocate(x Allocate) ([]Event, error) {
	if x.Worker.ID == "" {
		return nil, missing("worker", "Choose a worker")
	}
	r, err := d.find(x.ID, doAllocate)
	switch {
	case err != nil:
		return nil, err
	case x.Worker.Org != "" && x.Worker.Org != r.To:
		return nil, invalid("worker", "Choose a worker of your own organisation")
	case r.Worker.ID == x.Worker.ID:
		return nil, nil
	case r.Worker.ID != x.Was:
		return nil, &Error{Kind: Conflict, Text: "Somebody else has allocated this referral since you opened it"}
	}
	var out []Event
	state := r.State
	if state == RefReceived {
		took := d.accepted(r)
		r.Holder = took.Holder
		out = append(out, took)
	}
	if state == RefReceived || state == RefAccepted {
		state = RefAllocated
	}
	r.Worker = x.Worker
	r.Worker.Org = r.To
	h := holderIn(r, state, d.now)
	return append(out, ReferralAllocated{At: d.now, ID: r.ID, By: d.by.Who(), Worker: r.Worker, Holder: h}), nil
}

func (d deciding) progress(x Progress) ([]Event, error) {
	if !slices.Contains([]RefState{RefAssessing, RefPlanning, RefSourcing, RefReady}, x.State) {
		return nil, invalid("state", "Choose assessment, planning, arranging care or ready to leave")
	}
	r, err := d.find(x.ID, doProgress)
	if err != nil {
		return nil, err
	}
	if r.State == x.State {
		return nil, nil
	}
	return []Event{ReferralProgressed{At: d.now, ID: r.ID, By: d.by.Who(), State: x.State, Holder: holderIn(r, x.State, d.now)}}, nil
}

func (d deciding) close(x Close) ([]Event, error) {
	r, err := d.find(x.ID, doClose)
	if err != nil {
		return nil, err
	}
	if err := words("outcome", x.Outcome, "the outcome", true, shortLimit); err != nil {
		return nil, err
	}
	return []Event{ReferralEnded{At: d.now, ID: r.ID, State: RefClosed, By: d.by.Who(), Outcome: x.Outcome}}, nil
}

func (d deciding) note(n Note) ([]Event, error) {
	if n.ID != "" && slices.ContainsFunc(d.c.Notes, func(x Note) bool { return x.ID == n.ID }) {
		return nil, nil
	}
	if err := words("text", n.Text, "the note", true, noteLimit); err != nil {
		return nil, err
	}
	switch n.Audience {
	case AudienceBoth, AudienceCouncil, AudienceHospital:
	default:
		return nil, missing("audience", "Choose who can read the note")
	}
	if err := d.noteParts(n); err != nil {
		return nil, err
	}
	if n.Referral != "" && !slices.ContainsFunc(d.c.Referrals, func(r Referral) bool { return r.ID == n.Referral }) {
		return nil, &Error{Kind: NotFound, Field: "referral", Text: "There is no such referral"}
	}
	n.Of, n.At, n.By = "", d.now, d.by.Who()
	return []Event{NoteAdded{At: d.now, Note: n}}, nil
}

func (d deciding) call(k Call) ([]Event, error) {
	if k.ID != "" && slices.ContainsFunc(d.c.Calls, func(x Call) bool { return x.ID == k.ID }) {
		return nil, nil
	}
	if err := words("provider", k.ProviderName, "the name of the provider", true, shortLimit); err != nil {
		return nil, err
	}
	if callOutcomes[k.Outcome] == "" {
		return nil, missing("outcome", "Choose what came of the call")
	}
	if err := words("text", k.Text, "the note of the call", false, shortLimit); err != nil {
		return nil, err
	}
	if k.Phone != "" && !ukPhone(k.Phone) {
		return nil, invalid("phone", "Enter a UK telephone number, like 01632 960001")
	}
	if k.At.IsZero() {
		k.At = d.now
	}
	if k.At.After(d.now) {
		return nil, invalid("at", "Enter a time of the call that is not in the future")
	}
	k.Of, k.By = "", d.by.Who()
	return []Event{CallRecorded{At: k.At, Call: k}}, nil
}

// ukPhone reports whether s can be a UK number that a provider answers: ten or
// eleven digits with the leading 0, and no premium rate (09) or personal number
// (070).
func ukPhone(s string) bool {
	digits := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -()\u00a0", r) {
			return -1
		}
		return r
	}, s)
	if rest, ok := strings.CutPrefix(digits, "+44"); ok {
		digits = "0" + strings.TrimPrefix(rest, "0")
	}
	if len(digits) < 10 || len(digits) > 11 || strings.Trim(digits, "0123456789") != "" {
		return false
	}
	return strings.Contains("123578", digits[1:2]) && digits[0] == '0' && !strings.HasPrefix(digits, "070")
}

func (d deciding) settle(x Settle) ([]Event, error) {
	if d.c.Doubt == nil {
		return nil, notNow("There is no question about who this is.", "Add a note")
	}
	if x.Drop && !x.Number.IsZero() {
		return nil, invalid("number", "Give the right NHS number or take it away, not both")
	}
	if err := words("why", x.Why, "how you know", true, shortLimit); err != nil {
		return nil, err
	}
	return []Event{Settled{At: d.now, By: d.by.Who(), Number: x.Number, Drop: x.Drop, Why: x.Why}}, nil
}
