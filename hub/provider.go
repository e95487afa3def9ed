package hub

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"homeward/care"
	"homeward/form"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// How a care provider reaches its own page: by a one-time link that is mailed to it,
// with a PIN that its council told it by telephone; or by an account. And what it
// finds there.

const (
	linkRecord = "link"

	linkDue     = "due"     // to be mailed
	linkSending = "sending" // being mailed, until Due
	linkSent    = "sent"    // opens until Due
	linkUsed    = "used"
	linkLocked  = "locked"
	linkFailed  = "failed"
)

// Numbers of the links.
const (
	linkTries    = 5               // wrong PINs, after which a link opens no more
	linkLease    = 5 * time.Minute // for mailing one
	linkMails    = 6               // tries to mail one, after which somebody must ring
	linkFirst    = time.Minute     // before the second try; each further one waits twice as long
	linksKept    = 30 * 24 * time.Hour
	providerDoor = "provider-" // begins the account that the links of a provider open
)

// linkDoc is what a record of kind "link" holds.
type linkDoc struct {
	Secret  string      `json:"secret,omitempty"` // hash of what the address ends in
	Council nhs.ODS     `json:"council"`
	ID      string      `json:"id"` // the provider in its directory
	About   []linkAbout `json:"about"`
	Tries   int         `json:"tries,omitempty"`
	Mails   int         `json:"mails,omitempty"`
}

type linkAbout struct {
	Case   care.CaseID `json:"case"`
	Client string      `json:"client"`
}

// writes reports whether this site writes to providers at all.
func (h *Hub) writes() bool { return h.Notices.Mail != nil && h.PublicURL != "" }

// canWrite reports whether a provider can be told by e-mail: there is an address, and
// a way in for whoever reads it.
func (h *Hub) canWrite(tx *store.Tx, e ProviderEntry) (bool, error) {
	if !h.writes() || e.Email == "" {
		return false, nil
	}
	if !e.PINSet.IsZero() {
		door, err := tx.User(doorOf(e.Code))
		return !door.Disabled, err
	}
	all, err := tx.Users()
	return slices.ContainsFunc(all, func(a care.Account) bool {
		return !a.Disabled && slices.ContainsFunc(a.Grants, func(g care.Grant) bool { return g.Role == care.CareProvider && g.Org == e.Code })
	}), err
}

// enqueueLinks lists the providers that must be written to, one mail for all that
// there is to say to one.
func (h *Hub) enqueueLinks(tx *store.Tx, news []care.Entry) error {
	if !h.writes() {
		return nil
	}
	for _, n := range news {
		k := n.Event.(care.ClientChanged).Client
		e, err := h.provider(tx, k.Council, k.Provider)
		if err != nil {
			if ignoreMissing(err) == nil {
				continue
			}
			return err
		}
		if can, err := h.canWrite(tx, e); err != nil || !can {
			if err != nil {
				return err
			}
			continue
		}
		waits, err := tx.KeptAll(store.RecordQuery{Kind: linkRecord, Owner: string(e.Code), States: []string{linkDue}, Limit: 1})
		if err != nil {
			return err
		}
		r, d := store.Record{Kind: linkRecord, ID: newID(), Owner: string(e.Code), State: linkDue, At: h.now(), Due: h.now()}, linkDoc{Council: k.Council, ID: k.Provider}
		if len(waits) > 0 {
			r = waits[0]
			if err := json.Unmarshal(r.Doc, &d); err != nil {
				return fmt.Errorf("reading a link: %w", err)
			}
		}
		d.About = append(d.About, linkAbout{n.Case, k.ID})
		if err := putLink(tx, r, d); err != nil {
			return err
		}
	}
	return nil
}

func putLink(tx *store.Tx, r store.Record, d linkDoc) (err error) {
	if r.Doc, err = json.Marshal(d); err == nil {
		_, err = tx.PutRecord(r)
	}
	return err
}

// mailLinks writes to providers until ctx ends.
func (h *Hub) mailLinks(ctx context.Context) {
	if h.writes() {
		h.untilDone(ctx, "care providers by e-mail", h.MailLinks)
	}
}

// MailLinks mails the link that has been due longest, in whichever process claims it.
// did is that there was one; otherwise due is when to look again.
func (h *Hub) MailLinks(ctx context.Context) (did bool, due time.Time, err error) {
	var r store.Record
	var d linkDoc
	var e ProviderEntry
	secret := newID()
	err = h.update(ctx, func(tx *store.Tx) error {
		did, due = false, time.Time{}
		if err := tx.DropKeptAll(store.RecordQuery{Kind: linkRecord, States: []string{linkUsed, linkLocked, linkFailed, linkSent}, AtBefore: h.now().Add(-linksKept)}); err != nil {
			return err
		}
		next, err := tx.KeptAll(store.RecordQuery{Kind: linkRecord, States: []string{linkDue, linkSending}, Limit: 1})
		if err != nil || len(next) == 0 {
			return err
		}
		if r = next[0]; r.Due.After(h.now()) {
			due = r.Due
			return nil
		}
		did, d = true, linkDoc{}
		if err := json.Unmarshal(r.Doc, &d); err != nil {
			return fmt.Errorf("reading a link: %w", err)
		}
		if e, err = h.provider(tx, d.Council, d.ID); ignoreMissing(err) != nil {
			return err
		}
		can, err := h.canWrite(tx, e)
		if err != nil {
			return err
		}
		if !can || d.Mails >= linkMails {
			r.State, d.Secret = linkFailed, ""
			return firstErr(putLink(tx, r, d), h.ringInstead(tx, d, e, "could not be written to"))
		}
		d.Mails++
		d.Secret = hashed(linkRecord, secret)
		r.State, r.Due = linkSending, h.now().Add(linkLease)
		return putLink(tx, r, d)
	})
	if err != nil || !did || r.State != linkSending {
		return did, due, err
	}
	r.Version++
	subject, text := h.letter(r.ID+"-"+secret, e)
	sent := h.Notices.Mail(ctx, e.Email, r.ID+"-"+strconv.Itoa(d.Mails), subject, text)
	err = h.update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		x := r
		x.State, x.Due = linkSent, h.now().Add(h.Limits.LinkLife)
		if sent != nil {
			x.State, x.Due = linkDue, h.now().Add(linkFirst<<(d.Mails-1))
		}
		return putLink(tx, x, d)
	})
	if sent != nil {
		h.Log.Warn("a care provider was not written to; trying again", "provider", e.Code, "err", sent)
	}
	return true, time.Time{}, err
}

// letter is what a provider is mailed: that something waits, and nothing about whom.
func (h *Hub) letter(token string, e ProviderEntry) (subject, text string) {
	hours := int(h.Limits.LinkLife.Hours())
	how := "You need the PIN that " + e.CouncilName + " gave you by telephone. The link opens once, within " + strconv.Itoa(hours) + " hours."
	at := h.PublicURL + "/provider/link/" + token
	if e.PINSet.IsZero() {
		how, at = "You will be asked to sign in.", h.PublicURL+"/provider"
	}
	return "Homeward: a message about one of your clients is waiting",
		"A message about one of your clients is waiting. " + how + "\r\n\r\n" + at +
			"\r\n\r\nThis mail says nothing about the person, on purpose. Answers to it are not read. If you did not expect it, ring " + e.CouncilName + ".\r\n"
}

// ringInstead asks the council's brokers to ring a provider about whoever a link was
// about. A person's record may have gone since.
func (h *Hub) ringInstead(tx *store.Tx, d linkDoc, e ProviderEntry, why string) error {
	for _, x := range d.About {
		c, err := tx.Case(x.Case)
		if ignoreMissing(err) != nil {
			return err
		}
		if err != nil {
			continue
		}
		if events := care.RingProvider(c, x.Client, e.Provider, why, h.now()); len(events) > 0 {
			if _, err := tx.Record(c, care.Cause{Kind: "system"}, h.now(), events...); err != nil {
				return err
			}
		}
	}
	return nil
}

// ---- the door, for package signin

func errLinkGone() error {
	return &care.Error{Kind: care.NotFound, Text: "This link does not open any more. A link opens once, for a limited time. If a message still waits, the council will ring you or write again"}
}

// link finds the link of an address, if it can still open.
func (h *Hub) link(tx *store.Tx, token string) (r store.Record, d linkDoc, err error) {
	id, secret, _ := strings.Cut(token, "-")
	if r, err = tx.Kept(linkRecord, "", id); err != nil {
		if care.KindOf(err) == care.NotFound {
			err = errLinkGone()
		}
		return r, d, err
	}
	if err = json.Unmarshal(r.Doc, &d); err != nil {
		return r, d, fmt.Errorf("reading a link: %w", err)
	}
	if (r.State != linkSent && r.State != linkSending) || !h.now().Before(r.Due) || subtle.ConstantTimeCompare([]byte(d.Secret), []byte(hashed(linkRecord, secret))) != 1 {
		err = errLinkGone()
	}
	return r, d, err
}

// Link is the account that a provider's link opens, and the hash of the PIN that it
// needs; care.NotFound when it does not open.
func (h *Hub) Link(ctx context.Context, token string) (a care.Account, pin string, err error) {
	err = h.Store.View(ctx, func(tx *store.Tx) error {
		_, d, err := h.link(tx, token)
		if err != nil {
			return err
		}
		_, p, _, err := keptProvider(tx, d.Council, d.ID)
		if err != nil {
			return err
		}
		if pin = p.PIN; pin == "" {
			return errLinkGone()
		}
		if a, err = tx.User(doorOf(care.ProviderCode(d.Council, d.ID))); err != nil {
			return err
		}
		return h.meetProviders(tx, a)
	})
	return a, pin, h.unavailable(err)
}

// LinkTried counts a try of a link: the right PIN uses it up, and one wrong PIN too
// many locks it and asks the council's brokers to ring. left is how many tries there
// still are.
func (h *Hub) LinkTried(ctx context.Context, token string, right bool) (left int, err error) {
	err = h.update(ctx, func(tx *store.Tx) error {
		r, d, err := h.link(tx, token)
		if err != nil {
			return err
		}
		if right {
			r.State, d.Secret = linkUsed, ""
			return putLink(tx, r, d)
		}
		if d.Tries++; d.Tries < linkTries {
			left = linkTries - d.Tries
			return putLink(tx, r, d)
		}
		left, r.State, d.Secret = 0, linkLocked, ""
		e, err := h.provider(tx, d.Council, d.ID)
		if err != nil {
			return err
		}
		return firstErr(putLink(tx, r, d), h.ringInstead(tx, d, e, "typed a wrong PIN too often"))
	})
	return left, err
}

func doorOf(code nhs.ODS) care.ActorID { return providerDoor + care.ActorID(code) }

// isDoor reports whether an account is what a provider's links open, and nobody's.
func isDoor(id care.ActorID) bool { return strings.HasPrefix(string(id), providerDoor) }

// openDoor makes or renews the account that a provider's links open. It has no
// password, so that nobody signs in with it otherwise.
// One that an administrator disabled stays so.
func (h *Hub) openDoor(tx *store.Tx, e ProviderEntry) error {
	was, err := tx.User(doorOf(e.Code))
	if err != nil && !store.IsNone(err) {
		return err
	}
	return tx.PutUser(care.Account{ID: doorOf(e.Code), Login: providerDoor + strings.ToLower(string(e.Code)), Name: e.Name, Disabled: was.Disabled,
		Grants: []care.Grant{{Role: care.CareProvider, Org: e.Code}}})
}

// ---- the provider's own page

// ClientCard is one client as its provider sees it. Until the provider has said that it
// knows, there are initials and a year, and no more.
type ClientCard struct {
	ID                 string
	State              care.ClientState
	Initials           string
	BornYear           int
	Person             *care.Person // name and date of birth only; nil until acknowledged
	Hospital           care.Org
	Class              string
	Since, Told, Acked time.Time
	AckedBy            string
	Suspended          time.Time
	Restart            *care.Restart
	Why                care.ClientEnd // of what is over
	Papers             []ClientPaper  // trusted assessments to sign
}

// ClientPaper is a trusted assessment that the provider is to sign, or has.
type ClientPaper struct {
	ID     string
	Title  string
	Lines  []form.Line // what it says, without where the person is
	Signed string      // what the provider answered; "" nothing yet
}

// ProviderClients lists a provider's own clients of whom it was told, what waits for
// it first. That they were shown is audited for each person, and that a notice
// reached the provider is kept.
func (h *Hub) ProviderClients(ctx context.Context, by care.Actor) ([]ClientCard, error) {
	a := h.ask(by, policy.ListClients, nil, policy.DirectCare, "", h.now())
	if !a.allowed(policy.ListClients) || by.OrgKind != care.ProviderOrg {
		return nil, h.update(ctx, a.refuse)
	}
	ts, err := view(ctx, h, func(tx *store.Tx) ([]store.CaseThread, error) {
		return tx.Threads(store.ThreadQuery{Kind: care.ClientThread, Owners: []string{string(by.Org)}})
	})
	if err != nil {
		return nil, err
	}
	var out []ClientCard
	for some := range slices.Chunk(ts, clientsAtOnce) {
		var cards []ClientCard
		err := h.update(ctx, func(tx *store.Tx) error {
			cards = nil
			for _, t := range some {
				card, ok, err := h.clientCard(tx, by, t.Case, t.ID)
				if err != nil {
					return err
				}
				if ok {
					cards = append(cards, card)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		out = append(out, cards...)
	}
	slices.SortStableFunc(out, func(x, y ClientCard) int {
		return cmp.Or(clientRank(x.State)-clientRank(y.State), y.Told.Compare(x.Told))
	})
	return out, nil
}

// clientRank puts first what waits for the provider.
func clientRank(s care.ClientState) int {
	return slices.Index([]care.ClientState{care.ClientIsAsked, care.ClientIsTold, care.ClientIsOver, care.ClientIsKnown, care.ClientIsSuspended, care.ClientHasAnswered}, s)
}

// clientCard shows one client to its provider; false when it may not be shown, now or
// any more.
func (h *Hub) clientCard(tx *store.Tx, by care.Actor, id care.CaseID, client string) (card ClientCard, ok bool, err error) {
	c, err := tx.Case(id)
	if err != nil {
		return card, false, ignoreMissing(err)
	}
	a := h.ask(by, policy.SeeClient, &c, policy.DirectCare, "", h.now())
	if err := a.onto(tx, h.now()); err != nil {
		return card, false, err
	}
	if !a.allowed(policy.SeeClient) {
		return card, false, nil
	}
	i := slices.IndexFunc(c.Clients, func(k care.Client) bool { return k.ID == client && k.Code() == by.Org && k.Ended.IsZero() })
	if i < 0 {
		return card, false, nil
	}
	k := c.Clients[i]
	if k.Reached.IsZero() {
		events, err := care.Decide(c, by, care.OpenClient{ID: client}, h.now())
		if err != nil {
			return card, false, err
		}
		if _, err := tx.Record(c, care.Cause{Kind: "person", By: by.Who()}, h.now(), events...); err != nil {
			return card, false, err
		}
	}
	card = h.newClientCard(c, k)
	if card.Person != nil && a.allowed(policy.SignAssessment) {
		card.Papers = h.clientPapers(c, k)
	}
	return card, true, a.audit(tx, true, "shown")
}

// clientPapers are the trusted assessments of a client, by which its provider is to
// work: what the form lets a provider read, and never where the person lies.
func (h *Hub) clientPapers(c care.Case, k care.Client) (out []ClientPaper) {
	for _, p := range c.Papers {
		f, ok := h.Forms.Get(p.Form, p.FormVersion)
		if p.Kind != care.PaperTrusted || !p.Withdrawn.IsZero() || !ok {
			continue
		}
		may := map[policy.Action]bool{policy.SeeRisk: true, policy.SeeAssessments: true}
		x := ClientPaper{ID: p.ID, Title: f.Title, Lines: slices.DeleteFunc(f.Summary(seenAnswers(f, p.Answers, may, true)), func(l form.Line) bool {
			return len(l.Answers) == 0 || l.Audience != form.Providers
		})}
		for _, s := range p.Signs {
			if s.Provider == k.Provider {
				x.Signed = map[bool]string{false: "Signed by ", true: "Disputed by "}[s.Disputed] + s.Who
			}
		}
		out = append(out, x)
	}
	return out
}

// SignClientPaper is a provider's answer to a trusted assessment of a client of its own.
func (h *Hub) SignClientPaper(ctx context.Context, by care.Actor, client, paper string, sign care.Sign) error {
	var id care.CaseID
	revision := 0
	err := h.update(ctx, func(tx *store.Tx) (err error) {
		if id, err = h.clientCase(tx, by, client); err != nil {
			return err
		}
		c, err := tx.Case(id)
		for _, k := range c.Clients {
			if k.ID == client {
				sign.Provider = k.Provider
			}
		}
		for _, p := range c.Papers {
			if p.ID == paper {
				revision = p.Revision
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	return h.SignAssessment(ctx, by, id, paper, revision, sign)
}

func (h *Hub) newClientCard(c care.Case, k care.Client) ClientCard {
	p, first := c.Person, initials(c.Person)
	card := ClientCard{ID: k.ID, State: k.State(), Initials: strings.TrimSpace(first.Given + " " + first.Family), BornYear: p.Born.Year, Hospital: h.Org(k.Hospital), Class: k.Class, Since: k.Since, Told: k.Told,
		Acked: k.Acked, AckedBy: k.AckedBy, Suspended: k.Suspended, Restart: k.Restart, Why: k.EndedWhy}
	if !k.Acked.IsZero() {
		card.Person = &care.Person{Family: p.Family, Given: p.Given, Title: p.Title, Born: p.Born}
	}
	return card
}

// ProviderClient is one client of a provider, by the name of the notice.
func (h *Hub) ProviderClient(ctx context.Context, by care.Actor, client string) (card ClientCard, err error) {
	err = h.update(ctx, func(tx *store.Tx) error {
		id, err := h.clientCase(tx, by, client)
		if err != nil {
			return err
		}
		var ok bool
		if card, ok, err = h.clientCard(tx, by, id, client); err == nil && !ok {
			err = errNoClient()
		}
		return err
	})
	return card, err
}

func errNoClient() error {
	return &care.Error{Kind: care.NotFound, Text: "There is no such message for you. It may be over, or the person asked for nothing to be shared any more"}
}

// clientCase is the case of one of a provider's own notices.
func (h *Hub) clientCase(tx *store.Tx, by care.Actor, client string) (care.CaseID, error) {
	a := h.ask(by, policy.ListClients, nil, policy.DirectCare, "", h.now())
	if !a.allowed(policy.ListClients) || by.OrgKind != care.ProviderOrg {
		return "", a.refuse(tx)
	}
	ts, err := tx.Threads(store.ThreadQuery{Kind: care.ClientThread, Owners: []string{string(by.Org)}})
	if err != nil {
		return "", err
	}
	for _, t := range ts {
		if t.ID == client {
			return t.Case, nil
		}
	}
	return "", errNoClient()
}

// ProviderSays carries out what a provider says about a client of its own.
func (h *Hub) ProviderSays(ctx context.Context, by care.Actor, client string, cmd care.Command) error {
	return h.update(ctx, func(tx *store.Tx) error {
		id, err := h.clientCase(tx, by, client)
		if err != nil {
			return err
		}
		_, err = h.command(tx, by, id, policy.AnswerClient, "", cmd)
		return err
	})
}
