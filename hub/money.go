package hub

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/money"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// MoneyLimits is what people may approve without a second person, in pence a week.
type MoneyLimits struct {
	Roles    map[care.Role]money.Amount             // a role that is not there approves nothing alone
	Councils map[nhs.ODS]map[care.Role]money.Amount // what a council sets otherwise
	Panel    map[nhs.ODS][]string                   // accounts (login) of who may approve any sum, by council
}

// DefaultMoney are the limits where a site sets none. The numbers are ours.
func DefaultMoney() MoneyLimits {
	return MoneyLimits{Roles: map[care.Role]money.Amount{care.Broker: 500_00, care.TeamManager: 2_000_00}}
}

// noLimit is what the panel may approve.
const noLimit money.Amount = math.MaxInt64

// aloneLimit is what somebody may set a week without a second person.
func (h *Hub) aloneLimit(by care.Actor) money.Amount {
	if n, ok := h.Money.Councils[by.Org][by.Role]; ok {
		return n
	}
	limits := h.Money.Roles
	if limits == nil {
		limits = DefaultMoney().Roles
	}
	return limits[by.Role]
}

// approveLimit is what somebody may approve a week of what others set: the panel any
// sum. Of what the panel's members set themselves they are one person, as anybody is.
func (h *Hub) approveLimit(tx *store.Tx, by care.Actor) (money.Amount, error) {
	if panel := h.Money.Panel[by.Org]; len(panel) > 0 && by.Role == care.TeamManager {
		account, err := tx.User(by.ID)
		switch {
		case err == nil && slices.Contains(panel, account.Login):
			return noLimit, nil
		case err != nil && care.KindOf(err) != care.NotFound:
			return 0, err
		}
	}
	return h.aloneLimit(by), nil
}

// MoneyPart is what the care that the reader's own council arranges costs. It is nil to
// whoever may not see it: hospitals, providers and other councils.
type MoneyPart struct {
	Elements []ElementView // those that are given or wait first, by their first day
	Bill     care.Bill
	History  []care.FigureChange // newest first
	Limit    money.Amount        // what the reader may settle alone a week
	AnySum   bool                // the reader sits on the panel
	Set      bool                // may set figures
	Approve  bool                // may approve others' figures
}

// ElementView is an element with its sums.
type ElementView struct {
	care.Element
	KindSay string
	Weekly  care.Cost
	ToDate  care.Cost
	Ahead   care.Cost
	Wants   *ElementView // the figures that wait; nil: none. Of a new element they are its own
	Mine    bool         // the reader set what waits, so somebody else must approve it
	Over    bool         // above the ceiling
}

// moneyPart fills what care costs into a case's view.
func (h *Hub) moneyPart(tx *store.Tx, a *asking, c care.Case, v *CaseView, now time.Time) error {
	if !a.may[policy.SeeMoney] || a.by.OrgKind != care.Council {
		return nil
	}
	p, err := h.moneyOf(tx, a, c, now)
	v.Money = p
	return err
}

func (h *Hub) moneyOf(tx *store.Tx, a *asking, c care.Case, now time.Time) (*MoneyPart, error) {
	most, err := h.approveLimit(tx, a.by)
	if err != nil {
		return nil, err
	}
	p := &MoneyPart{Limit: h.aloneLimit(a.by), AnySum: most == noLimit, Set: a.may[policy.SetMoney], Approve: a.may[policy.ApproveMoney]}
	var mine []care.Element
	for _, e := range c.Elements {
		if e.Council == a.by.Org {
			mine = append(mine, h.standingStill(c, e))
		}
	}
	if p.Bill, err = care.BillOf(mine, h.today(now), nhs.Date{}); err != nil {
		return nil, fmt.Errorf("adding up what care costs: %w", err)
	}
	for _, e := range mine {
		x, err := elementView(e, p.Bill)
		if err != nil {
			return nil, fmt.Errorf("adding up what care costs: %w", err)
		}
		if w := e.Waiting(); w != nil {
			wants, err := elementView(*w, p.Bill)
			if err != nil {
				return nil, fmt.Errorf("adding up what care costs: %w", err)
			}
			x.Wants, x.Mine = &wants, w.By.ID == a.by.ID
		}
		p.Elements = append(p.Elements, x)
	}
	slices.SortStableFunc(p.Elements, func(x, y ElementView) int {
		return cmp.Or(cmp.Compare(elementRank(x), elementRank(y)), x.Start.Time().Compare(y.Start.Time()))
	})
	if len(mine) == 0 {
		return p, nil
	}
	entries, err := tx.History(c.ID)
	p.History = care.FigureChanges(entries, a.by.Org)
	slices.Reverse(p.History)
	for i, x := range p.History {
		if care.KnownKind(x.Title) {
			p.History[i].Title = care.KindSay(x.Title)
		}
		for j, f := range x.Figures {
			if f.Name == care.FigureKind {
				x.Figures[j].From, x.Figures[j].To = kindWords(f.From), kindWords(f.To)
			}
		}
	}
	return p, err
}

// standingStill is an element with the days on which its provider's care stands still, which
// are kept with what was agreed with the provider, and not here again.
func (h *Hub) standingStill(c care.Case, e care.Element) care.Element {
	if e.Provider == "" {
		return e
	}
	for _, k := range c.Clients {
		if k.Council == e.Council && (k.Provider == e.Provider || string(k.Code()) == e.Provider) {
			return e.StandingStill(care.SuspendedSpans(c, e.Council, k.Provider, h.Zone))
		}
	}
	return e
}

// linked is an element with what it belongs to: the request that its provider answered, or
// the provider of the directory, by the name that was typed. What it belonged to stays
// while its provider is the same.
func (h *Hub) linked(tx *store.Tx, by care.Actor, c care.Case, e care.Element) (care.Element, error) {
	e.Request, e.Provider = "", ""
	for _, was := range c.Elements {
		if was.ID == e.ID && was.Council == by.Org {
			e.Referral = was.Referral
			if was.ProviderName == e.ProviderName {
				e.Request, e.Provider = was.Request, was.Provider
				return e, nil
			}
		}
	}
	if e.Referral == "" {
		e.Referral = newestTo(c, by.Org)
	}
	if e.ProviderName == "" {
		return e, nil
	}
	for _, r := range slices.Backward(c.Requests) {
		i := slices.IndexFunc(r.Invited, func(v care.Invite) bool { return strings.EqualFold(v.Name, e.ProviderName) })
		if r.Council == by.Org && i >= 0 && r.Ended.IsZero() {
			e.Request, e.Provider, e.ProviderName = r.ID, r.Invited[i].Provider, r.Invited[i].Name
			e.Ceiling = cmp.Or(e.Ceiling, r.Ceiling)
			return e, nil
		}
	}
	all, err := tx.Providers(by.Org)
	for _, p := range all {
		if strings.EqualFold(p.Name, e.ProviderName) {
			e.Provider, e.ProviderName = p.ID, p.Name
		}
	}
	return e, err
}

// kindWords is a kind of care in words; "" for none.
func kindWords(code string) string {
	if code == "" {
		return ""
	}
	return care.KindSay(code)
}

func elementRank(e ElementView) int {
	if e.State == care.ElementEnded || e.State == care.ElementRefused {
		return 1
	}
	return 0
}

func elementView(e care.Element, b care.Bill) (ElementView, error) {
	v := ElementView{Element: e, KindSay: care.KindSay(e.Kind), Over: e.OverCeiling()}
	var err error
	if v.Weekly, err = e.Weekly(); err != nil || !e.Counts() {
		return v, err
	}
	one, err := care.BillOf([]care.Element{e}, b.Today, b.Until)
	v.ToDate, v.Ahead = one.ToDate, one.Ahead
	return v, err
}

// moneyItem says whether a reader sees a timeline entry of money: only of their own
// council's.
func (a *asking) moneyItem(e care.Event, t *TimelineItem) bool {
	x, ok := e.(care.ElementChanged)
	if !ok {
		return false
	}
	t.Text = cmp.Or(x.Element.Title, care.KindSay(x.Element.Kind))
	if x.Element.Why != "" && x.Did != care.ElementSet {
		t.Text += ": " + x.Element.Why
	}
	return a.may[policy.SeeMoney] && a.by.OrgKind == care.Council && x.Element.Council == a.by.Org
}

// MoneyKinds are the kinds of care that may be priced, as codes and words.
func MoneyKinds() []care.Coded {
	var out []care.Coded
	for code, say := range care.Kinds() {
		if !strings.HasPrefix(code, "DNH") {
			out = append(out, care.Coded{Code: code, Say: say})
		}
	}
	slices.SortFunc(out, func(x, y care.Coded) int { return cmp.Compare(x.Say, y.Say) })
	return out
}

// SetMoney sets the figures of what care costs, or changes them: e.ID is then that of
// the element, and was what CaseView said of it (Element.Changed). key is of the form.
// waits is that a second person must approve them.
func (h *Hub) SetMoney(ctx context.Context, by care.Actor, id care.CaseID, key string, e care.Element, was time.Time) (waits bool, err error) {
	if e.ID == "" {
		e.ID = onceID(key, by, string(id), fmt.Sprintf("%+v", e))
	}
	err = h.update(ctx, func(tx *store.Tx) error {
		a, c, err := h.named(tx, by, policy.SetMoney, id, h.now())
		if err != nil {
			return err
		}
		if !care.KnownKind(e.Kind) && a.allowed(policy.SetMoney) {
			return &care.Error{Kind: care.Required, Field: "kind", Text: "Select the kind of care"}
		}
		cmd := care.SetElement{Limit: h.aloneLimit(by), Was: was}
		if cmd.Element, err = h.linked(tx, by, c, e); err != nil {
			return err
		}
		if c, err = h.carry(tx, a, c, policy.SetMoney, cmd); err != nil {
			return err
		}
		i := slices.IndexFunc(c.Elements, func(x care.Element) bool { return x.ID == e.ID })
		waits = i >= 0 && c.Elements[i].Waiting() != nil
		return nil
	})
	return waits, err
}

// newestTo is the newest referral to a council; "" when there is none.
func newestTo(c care.Case, council nhs.ODS) care.ReferralID {
	var id care.ReferralID
	for _, r := range c.Referrals {
		if r.To == council {
			id = r.ID
		}
	}
	return id
}

// DecideMoney approves figures that wait, or refuses them with why. was is what the
// reader saw (Element.Changed).
func (h *Hub) DecideMoney(ctx context.Context, by care.Actor, id care.CaseID, element string, yes bool, why string, was time.Time) error {
	return h.update(ctx, func(tx *store.Tx) error {
		a, c, err := h.named(tx, by, policy.ApproveMoney, id, h.now())
		if err != nil {
			return err
		}
		limit, err := h.approveLimit(tx, by)
		if err != nil {
			return err
		}
		_, err = h.carry(tx, a, c, policy.ApproveMoney, care.DecideElement{ID: element, Yes: yes, Why: why, Limit: limit, Was: was})
		return err
	})
}

// StopMoney suspends care and its cost, or with a last day resumes it on the day after.
func (h *Hub) StopMoney(ctx context.Context, by care.Actor, id care.CaseID, element string, s care.Stop) error {
	_, err := h.do(ctx, by, id, policy.SetMoney, "", care.StopElement{ID: element, Stop: s})
	return err
}

// TakeBackMoney takes back a change of figures that waits, by whoever set it. was is what
// CaseView said of it (Element.Changed).
func (h *Hub) TakeBackMoney(ctx context.Context, by care.Actor, id care.CaseID, element string, was time.Time) error {
	_, err := h.do(ctx, by, id, policy.SetMoney, "", care.TakeBackElement{ID: element, Was: was})
	return err
}

// EndMoney ends care and its cost on a last day, with why.
func (h *Hub) EndMoney(ctx context.Context, by care.Actor, id care.CaseID, element string, end nhs.Date, why string) error {
	_, err := h.do(ctx, by, id, policy.SetMoney, "", care.EndElement{ID: element, End: end, Why: why})
	return err
}

// ExportMoney is what care costs, to be taken away as a file: audited as that.
func (h *Hub) ExportMoney(ctx context.Context, by care.Actor, id care.CaseID) (MoneyPart, error) {
	var p MoneyPart
	err := h.update(ctx, func(tx *store.Tx) error {
		p = MoneyPart{}
		now := h.now()
		a, c, err := h.named(tx, by, policy.SeeMoney, id, now)
		if err != nil {
			return err
		}
		if !a.allowed(policy.SeeMoney) {
			return a.refuse(tx)
		}
		all, err := h.moneyOf(tx, a, c, now)
		if err != nil {
			return err
		}
		p = *all
		return a.audit(tx, true, "exported")
	})
	return p, err
}

// WaitingMoney is one cost that waits for approval.
type WaitingMoney struct {
	Case    care.CaseID
	Name    care.Person // only the name; zero where the reader may not see it
	Element ElementView
	Since   time.Time
	By      care.Who
	Mine    bool // the reader set it
	Approve bool // the reader's role may approve it
}

// MoneyList is what waits for approval at the reader's council, oldest first.
type MoneyList struct {
	Rows   []WaitingMoney
	More   bool // than are shown
	Limit  money.Amount
	AnySum bool
	At     time.Time
}

// waitingShown is how many figures that wait are shown.
const waitingShown = 200

// MoneyWaiting lists the figures that wait for a second person at the reader's council.
func (h *Hub) MoneyWaiting(ctx context.Context, by care.Actor) (MoneyList, error) {
	l := MoneyList{At: h.now()}
	a := h.ask(by, policy.ListWorklist, nil, policy.DischargePlanning, "", l.At)
	if !a.allowed(policy.ListWorklist) || by.OrgKind != care.Council {
		return l, h.update(ctx, a.refuse)
	}
	err := h.Store.View(ctx, func(tx *store.Tx) (err error) {
		l.Rows, l.More = nil, false
		most, err := h.approveLimit(tx, by)
		if err != nil {
			return err
		}
		l.Limit, l.AnySum = h.aloneLimit(by), most == noLimit
		return h.moneyWaiting(tx, by, &l)
	})
	if err != nil {
		return l, h.unavailable(err)
	}
	return l, h.update(ctx, func(tx *store.Tx) error { return a.audit(tx, true, "listed costs that wait for approval") })
}

func (h *Hub) moneyWaiting(tx *store.Tx, by care.Actor, l *MoneyList) error {
	threads, err := tx.Threads(store.ThreadQuery{Kind: care.ElementThread, Org: by.Org, States: []string{string(care.ElementWaiting)}, Limit: waitingShown + 1})
	if err != nil {
		return err
	}
	if l.More = len(threads) > waitingShown; l.More {
		threads = threads[:waitingShown]
	}
	for _, x := range threads {
		c, err := tx.Case(x.Case)
		if err != nil {
			return err
		}
		a := h.ask(by, policy.SeeMoney, &c, policy.DischargePlanning, "", l.At)
		if err := a.onto(tx, l.At); err != nil {
			return err
		}
		a.decide(policy.SeeMoney, policy.ApproveMoney, policy.SeeDemographics)
		i := slices.IndexFunc(c.Elements, func(e care.Element) bool { return e.ID == x.ID && e.Council == by.Org })
		if i < 0 || !a.may[policy.SeeMoney] {
			continue
		}
		w := c.Elements[i].Waiting()
		if w == nil {
			continue
		}
		view, err := elementView(*w, care.Bill{Today: h.today(l.At)})
		if err != nil {
			return fmt.Errorf("adding up what care costs: %w", err)
		}
		row := WaitingMoney{Case: c.ID, Element: view, Since: w.At, By: w.By, Mine: w.By.ID == by.ID, Approve: a.may[policy.ApproveMoney]}
		if a.may[policy.SeeDemographics] {
			row.Name = care.Person{Family: c.Person.Family, Given: c.Person.Given, Title: c.Person.Title}
		}
		l.Rows = append(l.Rows, row)
	}
	slices.SortStableFunc(l.Rows, func(x, y WaitingMoney) int { return x.Since.Compare(y.Since) })
	return nil
}
