package hub

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"homeward/care"
	"homeward/form"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// The records of gates: each published version by its number, and one draft.
const (
	gateKind      = "gate"
	gateDraft     = "draft"
	gatePublished = "published"
)

// gateDoc is what a record of a gate holds.
type gateDoc struct {
	Text string   `json:"text"` // TOML, as form.ParseGate reads it
	By   care.Who `json:"by"`
}

// GateView is what one council's team wants in a referral.
type GateView struct {
	Council care.Org
	Version int // 0: none is published
	At      time.Time
	By      care.Who
	Gate    *form.Gate    // nil: none
	Form    *form.Pathway // whose questions it reads
	Before  []GateVersion // earlier versions, newest first
	May     bool          // the reader may change it

	Draft        string // TOML; "" when there is none. Only for who may change it
	DraftVersion int64
	DraftBy      care.Who
	DraftAt      time.Time
	DraftWrong   string // why it cannot be published as it is; "" when it can
}

// GateVersion is one published version.
type GateVersion struct {
	Version int
	At      time.Time
	By      care.Who
}

// Gated is what a council's team still wants in a referral that is being written.
type Gated struct {
	Council care.Org
	Version int
	Title   string
	form.Weighed
}

// Gate shows what a council's receiving team wants: to its own staff with the draft
// that its managers write, to a hospital's as it is published. "" is the reader's
// own council.
func (h *Hub) Gate(ctx context.Context, by care.Actor, council nhs.ODS) (GateView, error) {
	if by.OrgKind == care.Council {
		council = by.Org
	}
	var v GateView
	err := h.update(ctx, func(tx *store.Tx) (err error) {
		v = GateView{Council: h.Org(council)}
		a := h.ask(by, policy.SeeGate, nil, policy.DischargePlanning, "", h.now())
		if a.decide(policy.SeeGate, policy.ManageGate); !a.may[policy.SeeGate] {
			return a.refuse(tx)
		}
		if h.Org(council).Kind != care.Council {
			return committed{&care.Error{Kind: care.NotFound, Field: "council", Text: "Select a council"}}
		}
		v.May = a.may[policy.ManageGate] && by.Org == council
		if err := h.gateView(tx, &v); err != nil {
			return err
		}
		return a.audit(tx, true, "shown")
	})
	return v, err
}

func (h *Hub) gateView(tx *store.Tx, v *GateView) error {
	p, ok := h.Forms.Latest(ReferralForm)
	if !ok {
		return &care.Error{Kind: care.Exception, Text: "The referral form is not installed"}
	}
	v.Form = p
	rs, err := tx.KeptAll(store.RecordQuery{Kind: gateKind, Org: string(v.Council.ODS), Newest: true})
	if err != nil {
		return err
	}
	for _, r := range rs {
		var d gateDoc
		if err := json.Unmarshal(r.Doc, &d); err != nil {
			return err
		}
		n, _ := strconv.Atoi(r.ID)
		switch {
		case r.State == gateDraft && v.May:
			v.Draft, v.DraftVersion, v.DraftBy, v.DraftAt = d.Text, r.Version, d.By, r.At
			if _, err := form.ParseGate([]byte(d.Text), p); err != nil {
				v.DraftWrong = err.Error()
			}
		case r.State == gatePublished && n > v.Version:
			if v.Version > 0 {
				v.Before = append(v.Before, GateVersion{v.Version, v.At, v.By})
			}
			v.Version, v.At, v.By = n, r.At, d.By
			v.Gate, _ = form.ParseGate([]byte(d.Text), p) // a newer form may lack what it read: then it wants nothing
		case r.State == gatePublished:
			v.Before = append(v.Before, GateVersion{n, r.At, d.By})
		}
	}
	slices.SortFunc(v.Before, func(x, y GateVersion) int { return cmp.Compare(y.Version, x.Version) })
	return nil
}

// gateFor is the gate of a council as it is published; nil when there is none.
func (h *Hub) gateFor(tx *store.Tx, council nhs.ODS, p *form.Pathway) (*form.Gate, int, error) {
	if council == "" {
		return nil, 0, nil
	}
	rs, err := tx.KeptAll(store.RecordQuery{Kind: gateKind, Org: string(council), States: []string{gatePublished}, Newest: true, Limit: 1})
	if err != nil || len(rs) == 0 {
		return nil, 0, err
	}
	var d gateDoc
	if err := json.Unmarshal(rs[0].Doc, &d); err != nil {
		return nil, 0, err
	}
	g, err := form.ParseGate([]byte(d.Text), p)
	if err != nil {
		h.Log.Warn("the rules of a council do not fit the form that is in use: nothing is asked by them", "council", council)
		return nil, 0, nil
	}
	n, err := strconv.Atoi(rs[0].ID)
	return g, n, err
}

// gated weighs answers by the rules of the council that they would go to; nil when it
// has none, or it is not settled which council that is.
func (h *Hub) gated(tx *store.Tx, council nhs.ODS, p *form.Pathway, answers form.Answers) (*Gated, error) {
	g, n, err := h.gateFor(tx, council, p)
	if err != nil || g == nil {
		return nil, err
	}
	return &Gated{Council: h.Org(council), Version: n, Title: g.Title, Weighed: g.Weigh(p, answers)}, nil
}

// throughGate puts into a command to refer what the receiving team's rules say of it.
func (h *Hub) throughGate(tx *store.Tx, cmd care.Command, p *form.Pathway, answers form.Answers) (care.Command, error) {
	x, ok := cmd.(care.Refer)
	if !ok {
		return cmd, nil
	}
	g, err := h.gated(tx, x.To, p, answers)
	if err != nil || g == nil {
		return cmd, err
	}
	x.Gate, x.Missing, x.Must = g.Version, g.IDs(), g.Must()
	return x, nil
}

// TryGate weighs answers by a council's published rules, or by its draft for who may
// change it: nothing is kept, and nobody is meant.
func (h *Hub) TryGate(ctx context.Context, by care.Actor, council nhs.ODS, draft bool, answers form.Answers) (Gated, error) {
	v, err := h.Gate(ctx, by, council)
	if err != nil {
		return Gated{}, err
	}
	g := v.Gate
	if draft && v.May {
		if g, err = form.ParseGate([]byte(v.Draft), v.Form); err != nil {
			return Gated{}, &care.Error{Kind: care.Invalid, Field: "text", Text: err.Error()}
		}
	}
	if g == nil {
		return Gated{}, &care.Error{Kind: care.NotFound, Text: "This council has published no rules"}
	}
	return Gated{Council: v.Council, Version: v.Version, Title: g.Title, Weighed: g.Weigh(v.Form, answers)}, nil
}

// SaveGate keeps the draft of the reader's council's rules, right or wrong. was is the
// version of the draft that the reader saw: 0 for none.
func (h *Hub) SaveGate(ctx context.Context, by care.Actor, text string, was int64) error {
	return h.gating(ctx, by, "saved a draft of the rules", func(tx *store.Tx, now time.Time) error {
		if len(text) > 64<<10 {
			return &care.Error{Kind: care.Invalid, Field: "text", Text: "Shorten the rules to 64 KB or less"}
		}
		doc, err := json.Marshal(gateDoc{text, by.Who()})
		if err != nil {
			return err
		}
		_, err = tx.PutRecord(store.Record{Kind: gateKind, Org: string(by.Org), ID: gateDraft, Owner: string(by.ID), State: gateDraft, At: now, Version: was, Doc: doc})
		return err
	})
}

// PublishGate makes the draft the rules, from now on. What cannot be read, or could
// never be met, is refused.
func (h *Hub) PublishGate(ctx context.Context, by care.Actor, was int64) (int, error) {
	n := 0
	err := h.gating(ctx, by, "published the rules", func(tx *store.Tx, now time.Time) error {
		v := GateView{Council: h.Org(by.Org), May: true}
		if err := h.gateView(tx, &v); err != nil {
			return err
		}
		switch {
		case v.Draft == "":
			return &care.Error{Kind: care.Required, Field: "text", Text: "There is no draft to publish"}
		case v.DraftVersion != was:
			return &care.Error{Kind: care.Conflict, Text: "Somebody else changed the draft first. Look at it again"}
		case v.DraftWrong != "":
			return &care.Error{Kind: care.Invalid, Field: "text", Text: v.DraftWrong}
		}
		doc, err := json.Marshal(gateDoc{v.Draft, by.Who()})
		if err != nil {
			return err
		}
		n = v.Version + 1
		_, err = tx.PutRecord(store.Record{Kind: gateKind, Org: string(by.Org), ID: strconv.Itoa(n), Owner: string(by.ID), State: gatePublished, At: now, Doc: doc})
		if err != nil {
			return err
		}
		return tx.DropKept(gateKind, string(by.Org), gateDraft)
	})
	return n, err
}

// gating is a change of the reader's own council's rules: decided and audited.
func (h *Hub) gating(ctx context.Context, by care.Actor, did string, f func(*store.Tx, time.Time) error) error {
	return h.update(ctx, func(tx *store.Tx) error {
		now := h.now()
		a := h.ask(by, policy.ManageGate, nil, policy.Operations, "", now)
		if !a.allowed(policy.ManageGate) {
			return a.refuse(tx)
		}
		if err := f(tx, now); err != nil {
			return err
		}
		return a.audit(tx, true, did)
	})
}

// Bounces is what came back of the referrals that were sent since a time: by ward for
// a hospital's staff, by hospital for a council's.
type Bounces struct {
	Since  time.Time
	ByWard bool
	Rows   []Bounced
	Total  Bounced
	Items  []BouncedItem // for what they came back, and what they lacked, most first
}

// Bounced is how many referrals were sent, and what became of them at first.
type Bounced struct {
	Name                        string
	Sent, Open, Right, Returned int
}

// Rate is how many of a hundred were returned at least once; -1 when none was sent.
func (b Bounced) Rate() int { return share(b.Returned, b.Sent) }

// First is how many of a hundred of those that were answered were taken without
// being returned; -1 when none was answered.
func (b Bounced) First() int { return share(b.Right, b.Right+b.Returned) }

func share(n, of int) int {
	if of == 0 {
		return -1
	}
	return (n*100 + of/2) / of
}

// BouncedItem is one thing for which referrals came back, or that the receiving
// team's rules wanted and they lacked.
type BouncedItem struct {
	Code             string
	Returned, Lacked int
}

// Bounces counts what came back of the referrals that the reader's hospital sent, or
// that were sent to their council by hospitals whose referrals it sees.
func (h *Hub) Bounces(ctx context.Context, by care.Actor, since time.Time) (Bounces, error) {
	var v Bounces
	err := h.update(ctx, func(tx *store.Tx) error {
		now := h.now()
		v = Bounces{Since: since, ByWard: by.OrgKind == care.Trust}
		a := h.ask(by, policy.SeeGate, nil, policy.DischargePlanning, "", now)
		if !a.allowed(policy.SeeGate) {
			return a.refuse(tx)
		}
		g, err := h.terms(tx, now)
		if err != nil {
			return err
		}
		kinds := [3]care.ThreadKind{care.SentToThread, care.BouncedToThread, care.LackedToThread}
		if v.ByWard {
			kinds = [3]care.ThreadKind{care.SentThread, care.BouncedThread, care.LackedThread}
		}
		seen := func(t store.Tally) bool { return v.ByWard || g.shares(nhs.ODS(t.Owner), by.Org, listParts...) }
		if err := h.sent(tx, &v, kinds[0], by, seen); err != nil {
			return err
		}
		items := map[string]*BouncedItem{}
		for i, kind := range kinds[1:] {
			ts, err := tx.TallyThreads(kind, by.Org, since)
			if err != nil {
				return err
			}
			for _, t := range ts {
				if !seen(t) {
					continue
				}
				x := items[t.State]
				if x == nil {
					x = &BouncedItem{Code: t.State}
					items[t.State] = x
				}
				if i == 0 {
					x.Returned += t.N
				} else {
					x.Lacked += t.N
				}
			}
		}
		for _, x := range items {
			v.Items = append(v.Items, *x)
		}
		slices.SortFunc(v.Items, func(x, y BouncedItem) int {
			return cmp.Or(cmp.Compare(y.Returned+y.Lacked, x.Returned+x.Lacked), cmp.Compare(x.Code, y.Code))
		})
		return a.audit(tx, true, "shown")
	})
	return v, err
}

// sent counts what was sent, by ward or by hospital.
func (h *Hub) sent(tx *store.Tx, v *Bounces, kind care.ThreadKind, by care.Actor, seen func(store.Tally) bool) error {
	ts, err := tx.TallyThreads(kind, by.Org, v.Since)
	if err != nil {
		return err
	}
	v.Total.Name = "All"
	for _, t := range ts {
		if !seen(t) {
			continue
		}
		name := h.Org(nhs.ODS(t.Owner)).Name
		if v.ByWard {
			name = cmp.Or(h.wardName(by.Org, t.Owner), t.Owner, "Ward not known")
		}
		i := slices.IndexFunc(v.Rows, func(b Bounced) bool { return b.Name == name })
		if i < 0 {
			v.Rows, i = append(v.Rows, Bounced{Name: name}), len(v.Rows)
		}
		for _, b := range []*Bounced{&v.Rows[i], &v.Total} {
			b.Sent += t.N
			switch t.State {
			case care.SentRight:
				b.Right += t.N
			case care.SentReturned:
				b.Returned += t.N
			default:
				b.Open += t.N
			}
		}
	}
	slices.SortStableFunc(v.Rows, func(x, y Bounced) int {
		return cmp.Or(cmp.Compare(y.Rate(), x.Rate()), cmp.Compare(x.Name, y.Name))
	})
	return nil
}
