package hub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/policy"
	"homeward/store"
	"homeward/translate"
)

// Inbound is one interaction of a face as it came.
type Inbound struct {
	Face        string // "shd": with the client it names the feed
	What        string // what the face calls it: "refer-patient"
	RequestID   string // X-Request-Id, Bundle id; "" for none
	Correlation string
	Media       string // Content-Type, as told
	Raw         []byte
	Problem     string // why it could not be understood: it is only kept

	// Version is the version of what Kept names, as the sender is shown it: it is
	// compared with Request.IfMatch. nil where the face knows no versions.
	Version func(translate.Shown, translate.Kept) string

	// Fit makes a request fit the case that it is about, as that is: what it names by
	// the id of a resource, and steps that were taken already. nil: all fit.
	Fit func(translate.Request, care.Case) (translate.Request, error)

	// Back reports whether the sender is to be given what came of it, which is then
	// Taken.Shown. nil: it is not.
	Back func(Taken) bool
}

// Taken is what came of an interaction.
type Taken struct {
	Case     care.CaseID     `json:"case,omitempty"`
	Referral care.ReferralID `json:"referral,omitempty"`
	Paper    string          `json:"paper,omitempty"`   // id of the paper
	Note     string          `json:"note,omitempty"`    // id of the note
	Visit    string          `json:"visit,omitempty"`   // of the stay
	Created  bool            `json:"created,omitempty"` // something is there that was not
	Again    bool            `json:"-"`                 // it came before, with the same body: it had its effect then
	Message  int64           `json:"-"`                 // the kept message

	// Shown is the case as the sender may see it now; nil where it was not asked for,
	// or where nothing of it may be shown.
	Shown *translate.Shown `json:"-"`
}

// systemPrefix leads the actor ids of systems.
const systemPrefix = "system-"

// client is the configured name of a system that acts.
func client(by care.Actor) string { return strings.TrimPrefix(string(by.ID), systemPrefix) }

// feed names what a system sends by a face: a feed of its own on the pages.
func (in Inbound) feed(by care.Actor) string { return in.Face + ":" + client(by) }

// Take keeps an interaction and carries out all that it asks, in one transaction:
// all of it has its effect, or nothing; then it is kept with the reason. The same
// RequestID, or the same Key, with the same body has its effect once and is Again;
// with another body it is a care.Conflict. What a sender asks of a case in which
// its organisation has no part is care.NotFound, as of one that is not known.
func (h *Hub) Take(ctx context.Context, by care.Actor, in Inbound, reqs ...translate.Request) (Taken, error) {
	now := h.now()
	var out Taken
	var about care.CaseID
	err := h.Store.Update(ctx, func(tx *store.Tx) (err error) {
		t := taking{h: h, tx: tx, by: by, in: in, now: now}
		out, err = t.all(reqs)
		about = t.known
		return err
	})
	if err == nil {
		h.rememberAgreed(ctx)
		return out, nil
	}
	var no committed
	if errors.As(err, &no) {
		err = no.err // what was written on the way is gone with the rest, and is written below
	}
	var told *care.Error
	var hold holdError
	switch {
	case errors.As(err, &hold): // the sender is there to be told: no person here need look
		told = &care.Error{Kind: care.BusinessRule, Text: string(hold)}
	case !errors.As(err, &told) || told.Kind == care.Transient || told.Kind == care.Exception:
		return Taken{}, h.unavailable(err)
	}
	if err := h.keepRefused(ctx, by, in, told, about); err != nil {
		return Taken{}, err
	}
	return Taken{}, told
}

// Refused keeps an interaction that could not be read or may not be asked for,
// with Problem as the reason.
func (h *Hub) Refused(ctx context.Context, by care.Actor, in Inbound) error {
	return h.keepRefused(ctx, by, in, &care.Error{Kind: care.Invalid, Text: cmp.Or(in.Problem, "It could not be understood")}, "")
}

// control is the name under which an interaction is kept.
func (in Inbound) control() string {
	if in.RequestID != "" {
		return in.RequestID
	}
	return "none-" + newID() // without a name of its own nothing tells a repeat from the same said anew
}

// keepRefused keeps what had no effect, with the reason, and audits that. about is
// the case that it was about, where that was known before: with that it is erased.
func (h *Hub) keepRefused(ctx context.Context, by care.Actor, in Inbound, why *care.Error, about care.CaseID) error {
	now, control := h.now(), in.control()
	return h.update(ctx, func(tx *store.Tx) error {
		a := h.ask(by, policy.SendCase, nil, policy.DischargePlanning, "", now)
		if !a.allowed(policy.SendCase) {
			return a.refuse(tx) // it is not known whose this would be
		}
		kept, err := tx.Keep([]store.In{{Feed: in.feed(by), Control: control, Type: in.What, Raw: in.Raw, Peer: by.Address, Received: now,
			Readable: in.Problem == "", Reason: in.Problem}})
		if err != nil {
			return err
		}
		m := store.Message{ID: kept[0].ID, Feed: in.feed(by), State: store.MessageNew}
		if in.Problem == "" && !kept[0].Again {
			if err := tx.Settle(m, store.MessageIgnored, "Refused: "+why.Text, about); err != nil {
				return err
			}
		}
		a.record.Sections, a.record.Case = nil, about
		return a.audit(tx, false, fmt.Sprintf("%s %s: refused, %s", in.Face, in.What, why.Kind))
	})
}

// taking is one interaction being carried out.
type taking struct {
	h       *Hub
	tx      *store.Tx
	by      care.Actor
	in      Inbound
	now     time.Time
	message store.Message
	done    []string // what was allowed, for the audit
	rules   []string
	tie     string // the sender's to the person of whom something is shown
	out     Taken
	known   care.CaseID // the case that was found before anything was recorded
}

func (t *taking) all(reqs []translate.Request) (Taken, error) {
	a := t.h.ask(t.by, policy.SendCase, nil, policy.DischargePlanning, "", t.now)
	if !a.allowed(policy.SendCase) {
		return Taken{}, a.refusal(t.tx)
	}
	t.did(a)
	kept, err := t.tx.Keep([]store.In{{Feed: t.in.feed(t.by), Control: t.in.control(), Type: t.in.What, Raw: t.in.Raw, Peer: t.by.Address,
		Received: t.now, Readable: true}})
	if err != nil {
		return Taken{}, err
	}
	t.message = store.Message{ID: kept[0].ID, Feed: t.in.feed(t.by), State: store.MessageNew}
	if kept[0].Again { // it was refused, or had its effect
		if t.message, err = t.tx.Message(kept[0].ID); err != nil {
			return Taken{}, err
		}
	}
	again, err := t.again(reqs, kept[0])
	if err != nil || again != nil {
		if again != nil {
			t.out = *again
			err = t.audit("had before")
		}
		return t.out, err
	}
	for _, r := range reqs {
		if err := t.one(r); err != nil {
			return Taken{}, err
		}
	}
	if err := t.remember(reqs); err != nil {
		return Taken{}, err
	}
	t.out.Message = int64(t.message.ID)
	if err := t.tx.Settle(t.message, store.MessageDone, "", t.out.Case); err != nil {
		return Taken{}, err
	}
	outcome, err := t.back()
	if err != nil {
		return Taken{}, err
	}
	return t.out, t.audit(outcome)
}

// back shows the sender what came of what they sent, where that is wanted, and says
// what the audit says of the whole. It is decided as any read is; the one row of the
// audit names what was done and what was shown.
func (t *taking) back() (outcome string, err error) {
	const done = "done"
	if t.in.Back == nil || t.out.Case == "" || !t.in.Back(t.out) {
		return done, nil
	}
	c, err := t.h.living(t.tx, t.out.Case)
	if err != nil {
		return done, err
	}
	got, err := t.h.read(t.tx, t.by, c, ShowRequest{Action: "show"}, t.now, nil)
	if err != nil || !got.found {
		return done, err
	}
	t.did(got.asked)
	t.tie = got.asked.record.Relationship
	t.out.Shown = &got.shown
	return cmp.Or(got.asked.record.Outcome, "done, and shown"), nil
}

// did remembers what was decided, for the one row of the audit.
func (t *taking) did(a *asking) {
	for _, s := range a.record.Sections {
		if !slices.Contains(t.done, s) {
			t.done = append(t.done, s)
		}
	}
	for _, p := range a.record.Policies {
		if !slices.Contains(t.rules, p) {
			t.rules = append(t.rules, p)
		}
	}
}

func (t *taking) audit(outcome string) error {
	a := t.h.ask(t.by, policy.SendCase, nil, policy.DischargePlanning, "", t.now)
	a.record.Case, a.record.Sections, a.record.Policies = t.out.Case, t.done, t.rules
	a.record.Relationship = cmp.Or(t.tie, a.record.Relationship)
	return a.audit(t.tx, true, t.in.Face+" "+t.in.What+": "+outcome)
}

// cause is why what this interaction says is recorded: the system said so.
func (t *taking) cause() care.Cause {
	return care.Cause{Kind: "message", ID: fmt.Sprint(t.message.ID), Source: t.by.Name}
}

// one carries out one request: it finds whom it is about, believes what is said,
// and decides what is asked for.
func (t *taking) one(r translate.Request) error {
	c, err := t.find(r)
	if err != nil {
		return err
	}
	t.known = cmp.Or(t.known, c.ID)
	if err := t.matches(r, c); err != nil {
		return err
	}
	if t.in.Fit != nil {
		if r, err = t.in.Fit(r, t.theirs(c)); err != nil {
			return err
		}
		t.out.Referral = cmp.Or(r.Referral, t.out.Referral)
	}
	if c, err = t.believe(r, c); err != nil {
		return err
	}
	if c.ID == "" {
		if len(r.Commands) == 0 && len(r.Observations) == 0 {
			return nil
		}
		return errNotShown()
	}
	t.out.Case = c.ID
	for _, cmd := range r.Commands {
		if c, err = t.carry(r, c, cmd); err != nil {
			return err
		}
	}
	return t.keep(r, c)
}

// find is the case that a request is about, zero for none. A case in which the
// sender's organisation has no part is found only as a person whom it says to have
// seen, or by what it asks for: that is decided.
func (t *taking) find(r translate.Request) (c care.Case, err error) {
	var id care.CaseID
	named := true
	switch {
	case r.Referral != "":
		id, err = t.tx.FindReferral(r.Referral)
		t.out.Referral = r.Referral
	case r.Case != "":
		id = r.Case
	case r.Visit != nil:
		id, err = t.tx.FindVisit(t.by.Org, r.Visit.Value)
		named = r.Must || len(r.Observations) == 0
		t.out.Visit = r.Visit.Value
	case r.Sent != nil:
		if id, err = t.tx.FindSent(t.by.Org, r.Sent.Value); err == nil && id == "" && r.Sent.System != "" {
			id, err = t.tx.FindSent(t.by.Org, r.Sent.System+"|"+r.Sent.Value)
		}
		named = r.Must || len(r.Observations) == 0
	default:
		return t.findAbout(r)
	}
	if err != nil {
		return c, err
	}
	if id != "" {
		if c, err = t.h.living(t.tx, id); err != nil && care.KindOf(err) != care.NotFound {
			return c, err
		}
	}
	if c.ID != "" && !t.hasPart(c) {
		c = care.Case{}
	}
	if c.ID == "" && named {
		return c, errNotShown()
	}
	if r.Referral != "" && !slices.ContainsFunc(t.theirs(c).Referrals, func(x care.Referral) bool { return x.ID == r.Referral }) {
		return c, errNotShown()
	}
	return c, nil
}

// theirs is a case with those referrals only in which the sender's organisation has
// a part. What another sent is not there for it, under whatever name it asks.
func (t *taking) theirs(c care.Case) care.Case {
	c.Referrals = slices.DeleteFunc(slices.Clone(c.Referrals), func(r care.Referral) bool { return !partIn(t.by, r) })
	return c
}

// findAbout finds a person by number, where nothing is said to have happened: then
// observe finds or begins the case itself.
func (t *taking) findAbout(r translate.Request) (c care.Case, err error) {
	if len(r.Observations) > 0 {
		was, err := t.h.firstByID(t.tx, t.about(r.Observations[0].About).IDs)
		if was != nil {
			t.known = was.ID
		}
		return c, err
	}
	o := care.Observation{About: t.about(r.About)}
	byID, err := t.h.firstByID(t.tx, o.About.IDs)
	if err != nil {
		return c, err
	}
	if byID == nil {
		if byID, err = t.h.byNumber(t.tx, o, nil); err != nil {
			return c, err
		}
	}
	if byID == nil || !t.hasPart(*byID) {
		return c, errNotShown()
	}
	return *byID, nil
}

// hasPart reports whether the sender's organisation has a part in a case: it
// treats, treated, referred, supports or was sent the person, or numbered them.
func (t *taking) hasPart(c care.Case) bool {
	f := t.h.facts(c, t.now)
	org := string(t.by.Org)
	for _, list := range [][]string{f.Hospitals, f.Councils, f.ReferredBy, f.ReferredTo, f.NumberedBy} {
		if slices.Contains(list, org) {
			return true
		}
	}
	return slices.ContainsFunc(c.Past, func(s care.Stay) bool { return s.Org == t.by.Org })
}

// about takes out of what a system says of a person the numbers that are not its
// own organisation's to give: a hospital does not join what another numbered.
func (t *taking) about(a care.About) care.About {
	a.IDs = slices.DeleteFunc(slices.Clone(a.IDs), func(id care.Identifier) bool { return !ownID(t.by, id) })
	return a
}

// matches compares the version that the sender saw with what is there now.
// FHIR R4 3.1.0.5.
func (t *taking) matches(r translate.Request, c care.Case) error {
	if r.IfMatch == "" && r.IfNoneMatch == "" {
		return nil
	}
	changed := &care.Error{Kind: care.Conflict, Field: "If-Match", Text: "It has changed since it was read. Read it again"}
	var kept translate.Kept
	if len(r.Kept) > 0 {
		kept = r.Kept[0]
	}
	have := ""
	if c.ID != "" && t.in.Version != nil {
		got, err := t.h.read(t.tx, t.by, c, ShowRequest{Action: "compare"}, t.now, nil)
		if err != nil {
			return err
		}
		if got.found {
			have = t.in.Version(got.shown, kept)
		}
	}
	switch {
	case r.IfMatch != "" && !sameVersion(have, r.IfMatch):
		return changed
	case r.IfNoneMatch != "" && sameVersion(have, r.IfNoneMatch):
		changed.Text = "It is there already"
		return changed
	}
	return nil
}

// sameVersion reports whether a version is among those asked for, as ETags write
// them: W/"1", "1" and 1 are the same, and * is any that there is. RFC 9110 13.1.1.
func sameVersion(have, asked string) bool {
	bare := func(s string) string { return strings.Trim(strings.TrimPrefix(strings.TrimSpace(s), "W/"), `"`) }
	if bare(have) == "" {
		return false
	}
	for a := range strings.SplitSeq(asked, ",") {
		if bare(a) == "*" || bare(a) == bare(have) {
			return true
		}
	}
	return false
}

// believe records what a system says happened, about its own organisation's part.
func (t *taking) believe(r translate.Request, c care.Case) (care.Case, error) {
	for _, o := range r.Observations {
		if err := t.own(o); err != nil {
			return c, err
		}
		o.About = t.about(o.About)
		o.Source = care.Source{Feed: t.in.feed(t.by), Name: t.by.Name, Org: t.by.Org}
		if o.At.IsZero() {
			o.At = t.when(r)
		}
		if o.Said.IsZero() {
			o.Said = o.At
		}
		if o.Holds != nil {
			holds := *o.Holds
			holds.Council, o.Holds = t.by.Org, &holds
		}
		next, err := t.observe(o, c)
		if err != nil {
			return c, err
		}
		if c.ID != "" && next.ID != c.ID {
			return c, &care.Error{Kind: care.Conflict, Text: "The person in this message is not the one whom it names as its subject"}
		}
		t.out.Created = t.out.Created || c.ID == "" && next.Version > 0
		c = next
		t.out.Visit = cmp.Or(o.Visit, t.out.Visit)
	}
	return c, nil
}

// when is when a request says that it happened, and never later than now.
func (t *taking) when(r translate.Request) time.Time {
	if r.At.IsZero() || r.At.After(t.now) {
		return t.now
	}
	return r.At
}

// own refuses what only another organisation's system can say.
func (t *taking) own(o care.Observation) error {
	council := o.Holds != nil
	switch {
	case council && t.by.OrgKind != care.Council:
		return &care.Error{Kind: care.Forbidden, Text: "Only a council's system can say what a council holds"}
	case !council && t.by.OrgKind != care.Trust && (o.Seen == nil || !o.Seen.Person):
		return &care.Error{Kind: care.Forbidden, Text: "Only a hospital's system can say that somebody is in hospital"}
	}
	return nil
}

// observe records one observation: on the case that was found, where the
// observation itself does not say who it is about.
func (t *taking) observe(o care.Observation, c care.Case) (care.Case, error) {
	if c.ID != "" && len(o.About.IDs) == 0 && o.About.NHS.IsZero() {
		events := care.Notice(c, o)
		if len(events) == 0 {
			return c, nil
		}
		return t.tx.Record(c, t.cause(), t.now, events...)
	}
	id, err := t.h.observe(t.tx, o, t.cause(), t.now)
	if err != nil {
		return c, err
	}
	return t.h.living(t.tx, id)
}

// remember keeps under the request's names what came of it, so that the same sent
// again is known.
func (t *taking) remember(reqs []translate.Request) error {
	doc := store.ToDoc(t.out)
	for _, name := range t.names(reqs) {
		if err := t.tx.PutTaken(store.Taken{Feed: t.message.Feed, Name: name, Digest: store.Digest(t.in.Raw), Message: t.message.ID, At: t.now, Case: t.out.Case, Doc: doc}); err != nil {
			return err
		}
	}
	return nil
}

// names are those by which a repeat is known.
func (t *taking) names(reqs []translate.Request) (out []string) {
	if t.in.RequestID != "" {
		out = append(out, "request "+t.in.RequestID)
	}
	for _, r := range reqs {
		if name := "key " + r.Key; r.Key != "" && slices.ContainsFunc(r.Commands, creates) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// creates reports whether a command begins what has a name of its own: the same
// name with other content is then no change of it, but a conflict.
func creates(cmd care.Command) bool {
	switch cmd.(type) {
	case care.Refer, care.AddNote:
		return true
	}
	return false
}

// again is what came of the same interaction before; nil when it is new.
func (t *taking) again(reqs []translate.Request, kept store.Kept) (*Taken, error) {
	var found *Taken
	for _, name := range t.names(reqs) {
		was, err := t.tx.Taken(t.message.Feed, name)
		if store.IsNone(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if string(was.Digest) != string(store.Digest(t.in.Raw)) {
			return nil, &care.Error{Kind: care.Conflict, Text: "This was sent before under the same name with other content"}
		}
		out, err := store.Doc[Taken](was.Doc)
		if err != nil {
			return nil, err
		}
		out.Again, out.Created, out.Message = true, false, int64(was.Message)
		found = &out
	}
	if found != nil && !kept.Again { // the same said under another name: it is kept, and had no effect
		return found, t.tx.Settle(t.message, store.MessageIgnored, "It came before", found.Case)
	}
	return found, nil
}
