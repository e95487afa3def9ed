package hub

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// recordConcern is the kind of record that a concern is kept as about somebody who is
// not known here, or whom whoever raises it may not know of: with what they typed.
const recordConcern = "concern"

// looseConcern is such a concern. Who it is about is as it was typed, and checked by
// nobody.
type looseConcern struct {
	Concern care.Concern `json:"concern"`
	Typed   TypedPerson  `json:"typed"`
}

// TypedPerson is who a concern is about, as somebody typed it into a look-up.
type TypedPerson struct {
	Number   nhs.Number `json:"number,omitzero"`
	Family   string     `json:"family,omitempty"`
	Given    string     `json:"given,omitempty"`
	Postcode string     `json:"postcode,omitempty"`
	Born     nhs.Date   `json:"born"`
}

// ConcernView is a concern as its reader may see it.
type ConcernView struct {
	Concern care.Concern // without words, kinds and contact where they are not the reader's
	Case    care.CaseID  // "" where the person is not known, or not to be named to the reader
	Loose   bool         // about somebody who was typed, and is in no record
	To      care.Org
	By      care.Org     // of whoever raised it
	Person  care.Person  // only who it is; zero where the reader may not know it
	Typed   *TypedPerson // of a loose one; only to the council
	Kinds   []string     // in words
	Moves   []care.ConcernState
}

// ConcernStart is what is needed to raise a concern.
type ConcernStart struct {
	Case     care.CaseID
	Handle   string
	Person   care.Person
	NHS      nhs.Number // and Trace: of Person, as far as the reader may know them
	Trace    care.Trace
	To       nhs.ODS // the council that is responsible, as far as the reader may know it; "" to choose
	Councils []care.Org
}

// StartConcern begins a concern about the person of a case, or of a look-up that the
// reader made a moment ago (handle). Of a look-up it says nothing more than that did.
func (h *Hub) StartConcern(ctx context.Context, by care.Actor, id care.CaseID, handle string) (ConcernStart, error) {
	s := ConcernStart{Case: id, Handle: handle, Councils: h.CouncilOrgs()}
	if handle != "" {
		v, err := h.Looked(ctx, by, handle)
		if err != nil {
			return s, err
		}
		if s.Person, s.NHS, s.Trace = v.Person, v.NHS, v.Trace; len(v.Councils) == 1 && v.Outcome == LookFound {
			s.To = v.Councils[0].Council.ODS
		}
		return s, nil
	}
	err := h.update(ctx, func(tx *store.Tx) error {
		a, c, err := h.named(tx, by, policy.RaiseConcern, id, h.now())
		if err != nil {
			return err
		}
		if !a.allowed(policy.RaiseConcern) {
			return a.refuse(tx)
		}
		a.decide(policy.SeeDemographics, policy.SeePackages, policy.SeeReferral)
		if a.may[policy.SeeDemographics] {
			s.Person, s.NHS, s.Trace = a.person(c), c.NHS, c.Trace
		}
		s.To = h.concernCouncil(a, c)
		return a.audit(tx, true, "began a concern")
	})
	return s, err
}

// concernCouncil is the council that is responsible for somebody, as far as the reader
// may know: their own, the one that supports the person, that of the referral, else that
// of the address. "" where it must be chosen.
func (h *Hub) concernCouncil(a *asking, c care.Case) nhs.ODS {
	if a.by.OrgKind == care.Council {
		return a.by.Org
	}
	var found []nhs.ODS
	for _, d := range c.Holdings {
		if !d.Ended && a.from(d.Council)[policy.SeePackages] && !slices.Contains(found, d.Council) {
			found = append(found, d.Council)
		}
	}
	if len(found) == 1 {
		return found[0]
	}
	for _, r := range slices.Backward(c.Referrals) {
		if r.To != "" && a.may[policy.SeeReferral] && a.seesReferral(r) {
			return r.To
		}
	}
	if !a.may[policy.SeeDemographics] {
		return ""
	}
	to, _ := h.Gazetteer.Resolve(a.person(c).Address)
	if h.orgs[to].Kind != care.Council {
		return ""
	}
	return to
}

// RaiseConcern raises a safeguarding concern about the person of a case, or of a look-up.
// n.ID is the key of the form. It gives the reference back. Whoever a look-up found or
// not, it ends alike: what cannot be put in a record goes to the council as it was typed.
func (h *Hub) RaiseConcern(ctx context.Context, by care.Actor, id care.CaseID, handle string, n care.Concern) (string, error) {
	if o, ok := h.orgs[n.To]; !ok || o.Kind != care.Council {
		return "", &care.Error{Kind: care.Required, Field: "to", Text: "Choose the council where the person lives"}
	}
	n.ID = onceID(n.ID, by, string(id), handle, string(n.To), strings.Join(n.Kinds, ","), strings.TrimSpace(n.Words), n.Contact)
	n.Reference = care.ConcernReference(n.ID)
	if err := care.CheckConcern(n); err != nil {
		return "", err
	}
	if handle != "" {
		defer h.evenly(ctx, time.Now())
	}
	err := h.update(ctx, func(tx *store.Tx) error {
		if handle != "" {
			return h.raiseLooked(tx, by, handle, n)
		}
		_, err := h.command(tx, by, id, policy.RaiseConcern, "", care.RaiseConcern{Concern: n})
		return err
	})
	return n.Reference, err
}

// raiseLooked raises a concern about whoever a look-up was for.
func (h *Hub) raiseLooked(tx *store.Tx, by care.Actor, handle string, n care.Concern) error {
	now := h.now()
	k, err := h.lookedAt(tx, by, handle, now)
	if err != nil {
		return err
	}
	asking := func(c care.Case) (*asking, error) {
		a := h.ask(by, policy.RaiseConcern, nil, k.Asked.purpose(), "", now)
		a.declared = true
		a.about(c, now)
		return a, a.onto(tx, now)
	}
	stranger, err := asking(care.Case{ID: "unknown", Person: care.Person{Born: k.Asked.Born}})
	if err != nil {
		return err
	}
	stranger.record.Case = ""
	may := stranger.allowed(policy.RaiseConcern)
	c, _, err := h.findPerson(tx, k.Asked)
	if err != nil {
		return err
	}
	if c.ID != "" && k.Asked.agrees(c.Person) {
		a, err := asking(c)
		if err != nil {
			return err
		}
		if a.allowed(policy.RaiseConcern) {
			_, err = h.carry(tx, a, c, policy.RaiseConcern, care.RaiseConcern{Concern: n})
			return err
		}
	}
	if !may {
		return stranger.refuse(tx)
	}
	return h.keepLoose(tx, stranger, k.Asked, n, now)
}

func (h *Hub) keepLoose(tx *store.Tx, a *asking, q LookRequest, n care.Concern, now time.Time) error {
	_, err := tx.Kept(recordConcern, string(n.To), n.ID)
	switch {
	case err == nil:
		return a.audit(tx, true, "done already")
	case care.KindOf(err) != care.NotFound:
		return err
	}
	doc, err := json.Marshal(looseConcern{Concern: care.NewConcern(n, a.by.Who(), now),
		Typed: TypedPerson{Number: q.Number, Family: q.Family, Given: q.Given, Postcode: q.Postcode, Born: q.Born}})
	if err != nil {
		return err
	}
	if _, err := tx.PutRecord(store.Record{Kind: recordConcern, Org: string(n.To), ID: n.ID, Owner: string(a.by.ID), State: string(care.ConcernRaised), At: now, Doc: doc}); err != nil {
		return err
	}
	if err := h.notifyLoose(tx, n, a.by.ID, now); err != nil {
		return err
	}
	return a.audit(tx, true, "done")
}

// notifyLoose tells a council's managers of a concern that is in no case.
func (h *Hub) notifyLoose(tx *store.Tx, n care.Concern, except care.ActorID, now time.Time) error {
	accounts, err := tx.Users()
	if err != nil {
		return err
	}
	managers := func(r care.Role) bool { return r == care.TeamManager }
	for _, by := range h.recipients(accounts, care.Owner{Org: n.To}, managers) {
		if by.ID == except {
			continue
		}
		err := h.putNotice(tx, toNotify{user: by.ID, org: by.Org, notice: notice{Kind: NoticeSevere, What: looseNotice, Ref: n.ID, N: 1, Last: now, Severe: true}})
		if err != nil {
			return err
		}
	}
	return nil
}

// concernsShown is the most that a list of concerns shows.
const concernsShown = 300

// Concerns lists the concerns that were raised to the reader's council, those that are
// open first and the oldest of them first. Their words are read one by one.
func (h *Hub) Concerns(ctx context.Context, by care.Actor, closed bool) ([]ConcernView, error) {
	states := []string{string(care.ConcernRaised), string(care.ConcernReceived), string(care.ConcernEnquiry)}
	if closed {
		states = []string{string(care.ConcernClosed)}
	}
	var out []ConcernView
	err := h.update(ctx, func(tx *store.Tx) error {
		out = nil
		now := h.now()
		lister := h.concernReader(by, now)
		if !lister.allowed(policy.SeeConcern) {
			return lister.refuse(tx)
		}
		threads, err := tx.Threads(store.ThreadQuery{Kind: care.ConcernThread, Org: by.Org, Owners: []string{""}, States: states, Limit: concernsShown})
		if err != nil {
			return err
		}
		for _, x := range threads {
			v, ok, err := h.caseConcern(tx, by, x.Case, x.ID, now)
			if err != nil {
				return err
			}
			if ok {
				v.Concern.Words, v.Concern.Contact, v.Concern.Outcome = "", "", ""
				out = append(out, v)
			}
		}
		loose, err := tx.KeptAll(store.RecordQuery{Kind: recordConcern, Org: string(by.Org), States: states, Limit: concernsShown})
		if err != nil {
			return err
		}
		for _, r := range loose {
			v, err := h.looseView(by, r)
			if err != nil {
				return err
			}
			v.Concern.Words, v.Concern.Contact, v.Concern.Outcome = "", "", ""
			out = append(out, v)
		}
		slices.SortStableFunc(out, func(x, y ConcernView) int { return x.Concern.At.Compare(y.Concern.At) })
		return lister.audit(tx, true, "listed concerns")
	})
	return out, err
}

// concernReader asks whether somebody may read concerns that were raised to their own
// organisation, of whom nothing else is known.
func (h *Hub) concernReader(by care.Actor, now time.Time) *asking {
	a := h.ask(by, policy.SeeConcern, &care.Case{ID: "unknown", Concerns: []care.Concern{{To: by.Org}}}, policy.DischargePlanning, "", now)
	a.record.Case = ""
	return a
}

// caseConcern is a concern in a record, to its council; false when it is not the
// reader's to read.
func (h *Hub) caseConcern(tx *store.Tx, by care.Actor, id care.CaseID, concern string, now time.Time) (v ConcernView, ok bool, err error) {
	c, err := tx.Case(id)
	if err != nil {
		return v, false, err
	}
	a := h.ask(by, policy.SeeConcern, &c, policy.DischargePlanning, "", now)
	if err := a.onto(tx, now); err != nil {
		return v, false, err
	}
	a.decide(policy.SeeConcern, policy.SeeDemographics)
	i := slices.IndexFunc(c.Concerns, func(n care.Concern) bool { return n.ID == concern && n.To == by.Org })
	if i < 0 || !a.may[policy.SeeConcern] {
		return v, false, nil
	}
	v = h.concernView(c.Concerns[i])
	v.Case, v.Moves = c.ID, c.Concerns[i].Moves()
	// Whoever must look into it must know who it is about: the council was told by
	// those who raised it (Care Act 2014 s.42 and s.45).
	v.Person = care.Person{Family: c.Person.Family, Given: c.Person.Given, Title: c.Person.Title, Born: c.Person.Born, Address: c.Person.Address}
	if c.Sensitive && !a.may[policy.SeeDemographics] {
		v.Person.Address = care.Address{}
	}
	return v, true, nil
}

func (h *Hub) concernView(n care.Concern) ConcernView {
	v := ConcernView{Concern: n, To: h.Org(n.To), By: h.Org(n.By.Org)}
	for _, k := range n.Kinds {
		v.Kinds = append(v.Kinds, care.SayCoded(care.AbuseKinds, k))
	}
	return v
}

func (h *Hub) looseView(by care.Actor, r store.Record) (ConcernView, error) {
	var l looseConcern
	if err := json.Unmarshal(r.Doc, &l); err != nil {
		return ConcernView{}, err
	}
	v := h.concernView(l.Concern)
	v.Loose = true
	if l.Concern.To == by.Org {
		v.Typed, v.Moves = &l.Typed, l.Concern.Moves()
	}
	return v, nil
}

// Concern shows one concern to its council, with its words; id is "" for one that is
// about somebody who was typed. The read is audited.
func (h *Hub) Concern(ctx context.Context, by care.Actor, id care.CaseID, concern string) (ConcernView, error) {
	var v ConcernView
	err := h.update(ctx, func(tx *store.Tx) error {
		now := h.now()
		a := h.concernReader(by, now)
		if !a.allowed(policy.SeeConcern) {
			return a.refuse(tx)
		}
		var ok bool
		var err error
		if id == "" {
			v, ok, err = h.loose(tx, by, concern)
		} else {
			v, ok, err = h.caseConcern(tx, by, id, concern, now)
		}
		if care.KindOf(err) == care.NotFound || err == nil && !ok {
			return a.refuse(tx)
		}
		if err != nil {
			return err
		}
		a.record.Case = v.Case
		return a.audit(tx, true, "shown")
	})
	return v, err
}

func (h *Hub) loose(tx *store.Tx, by care.Actor, concern string) (ConcernView, bool, error) {
	r, err := tx.Kept(recordConcern, string(by.Org), concern)
	if err != nil {
		return ConcernView{}, false, err
	}
	v, err := h.looseView(by, r)
	return v, err == nil, err
}

// MoveConcern says how far the council came with a concern; words are what came of it.
func (h *Hub) MoveConcern(ctx context.Context, by care.Actor, id care.CaseID, concern string, to care.ConcernState, words string) error {
	cmd := care.MoveConcern{ID: concern, State: to, Outcome: words}
	return h.update(ctx, func(tx *store.Tx) error {
		if id != "" {
			_, err := h.command(tx, by, id, policy.SeeConcern, "", cmd)
			return err
		}
		now := h.now()
		a := h.concernReader(by, now)
		if !a.allowed(policy.SeeConcern) {
			return a.refuse(tx)
		}
		r, err := tx.Kept(recordConcern, string(by.Org), concern)
		if care.KindOf(err) == care.NotFound {
			return a.refuse(tx)
		}
		if err != nil {
			return err
		}
		var l looseConcern
		if err := json.Unmarshal(r.Doc, &l); err != nil {
			return err
		}
		if l.Concern, err = l.Concern.Move(cmd, by.Who(), now); err != nil {
			return err
		}
		if r.Doc, err = json.Marshal(l); err != nil {
			return err
		}
		r.State = string(l.Concern.State)
		if _, err := tx.PutRecord(r); err != nil {
			return err
		}
		return a.audit(tx, true, "done")
	})
}

// MyConcerns lists the concerns that the reader raised in this organisation: each
// reference and how far the council came, and nothing of what it says or is about.
func (h *Hub) MyConcerns(ctx context.Context, by care.Actor) ([]ConcernView, error) {
	var out []ConcernView
	err := h.Store.View(ctx, func(tx *store.Tx) error {
		out = nil
		threads, err := tx.Threads(store.ThreadQuery{Kind: care.ConcernThread, Org: by.Org, Owners: []string{string(by.ID)}, Limit: concernsShown})
		if err != nil {
			return err
		}
		for _, x := range threads {
			c, err := tx.Case(x.Case)
			if err != nil {
				return err
			}
			for _, n := range c.Concerns {
				if n.ID == x.ID {
					out = append(out, h.mine(n))
				}
			}
		}
		loose, err := tx.KeptAll(store.RecordQuery{Kind: recordConcern, Owner: string(by.ID), Limit: concernsShown})
		if err != nil {
			return err
		}
		for _, r := range loose {
			v, err := h.looseView(by, r)
			if err != nil {
				return err
			}
			if v.Concern.By.Org == by.Org {
				out = append(out, h.mine(v.Concern))
			}
		}
		slices.SortStableFunc(out, func(x, y ConcernView) int { return y.Concern.At.Compare(x.Concern.At) })
		return nil
	})
	return out, h.unavailable(err)
}

// mine is a concern as whoever raised it sees it afterwards.
func (h *Hub) mine(n care.Concern) ConcernView {
	return ConcernView{Concern: care.Concern{ID: n.ID, Reference: n.Reference, To: n.To, At: n.At, By: n.By, State: n.State, Moved: n.Moved}, To: h.Org(n.To), By: h.Org(n.By.Org)}
}

// concernPart fills the concerns of a case's view: all of the reader's council to those
// who may read them, and to everybody else their own.
func (h *Hub) concernPart(_ *store.Tx, a *asking, c care.Case, v *CaseView, _ time.Time) error {
	for _, n := range c.Concerns {
		switch {
		case a.may[policy.SeeConcern] && n.To == a.by.Org:
			x := h.concernView(n)
			x.Case = c.ID
			x.Concern.Words, x.Concern.Contact, x.Concern.Outcome = "", "", "" // read one by one
			v.Concerns = append(v.Concerns, x)
		case n.By.ID == a.by.ID && n.By.Org == a.by.Org:
			v.Concerns = append(v.Concerns, h.mine(n))
		}
	}
	return nil
}

// concernItem says whether a reader sees that there is a concern: those who may read it,
// and who raised it. Their colleagues do not.
func (a *asking) concernItem(e care.Event, t *TimelineItem) bool {
	x, ok := e.(care.ConcernChanged)
	if !ok {
		return false
	}
	t.Text = "Reference " + x.Concern.Reference
	n := x.Concern
	return a.may[policy.SeeConcern] && n.To == a.by.Org || n.By.ID == a.by.ID && n.By.Org == a.by.Org
}
