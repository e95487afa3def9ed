package hub

import (
	"cmp"
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

// Records of huddles: the meeting, which is the hospital's (Org), and what one side
// notes in it, which is that side's alone.
const (
	recordHuddle = "huddle"
	recordMinute = "huddle-notes"

	huddleOpen   = "open"
	huddleClosed = "closed"
)

// HuddleMeeting is one daily huddle of a hospital's transfer hub.
type HuddleMeeting struct {
	ID       string
	Hospital care.Org
	Started  time.Time
	By       care.Who
	Present  string // who was there, as somebody typed it
	Closed   time.Time
	ClosedBy care.Who
	Version  int64

	Notes        string // of the reader's own side
	NotesVersion int64  // as SaveHuddleNotes wants it
	NotesBy      care.ActorID
}

// keptMeeting is a meeting as it is kept.
type keptMeeting struct {
	Started  time.Time `json:"started"`
	By       care.Who  `json:"by"`
	Present  string    `json:"present,omitempty"`
	Closed   time.Time `json:"closed,omitzero"`
	ClosedBy care.Who  `json:"closedBy,omitzero"`
}

type keptNotes struct {
	Text string   `json:"text"`
	By   care.Who `json:"by"`
}

// HuddleQuery narrows a huddle. Empty fields do not. Decide is whose form is open.
type HuddleQuery struct {
	Hospital, Council nhs.ODS
	Pathway           string
	Page              int
	Decide            care.CaseID
}

// DecisionView is a decision as its reader may see it.
type DecisionView struct {
	care.Decision
	Case     care.CaseID
	Person   care.Person // only the name
	OwnerSay string
	Done     bool   // the task that it made has ended
	Outcome  string // of that task
	Late     bool   // due, and not done
}

// HuddleRow is one person in a huddle.
type HuddleRow struct {
	ListRow
	Blocker string // why nothing moves, "" for nothing known
	Last    *DecisionView
	May     bool // the reader may decide about them
}

// HuddleView is the hub screen: people by days since discharge-ready.
type HuddleView struct {
	Query    HuddleQuery
	List     ListView // without rows
	Rows     []HuddleRow
	Today    []DecisionView // what must happen today, and what is late
	Meeting  *HuddleMeeting // that is open; nil: none
	Recent   []HuddleMeeting
	People   []PersonView // for the row whose form is open, those near first
	Referral care.ReferralID
	Councils []care.Org
	At       time.Time
	Seq      int64
}

// Huddle is the hub screen as its reader may see it.
func (h *Hub) Huddle(ctx context.Context, by care.Actor, q HuddleQuery) (HuddleView, error) {
	var v HuddleView
	err := h.update(ctx, func(tx *store.Tx) (err error) {
		a := h.ask(by, policy.ListHuddle, nil, policy.DischargePlanning, "", h.now())
		if !a.allowed(policy.ListHuddle) {
			return a.refuse(tx)
		}
		if v, err = h.huddle(tx, by, q, a.record.At); err != nil {
			return err
		}
		return a.audit(tx, true, "listed the huddle")
	})
	return v, err
}

// huddlePause is the least time between two looks of one who follows a huddle.
const huddlePause = 300 * time.Millisecond

// HuddleMoved is the hub screen once anything happened after since, or after a beat; ok
// is false when nothing did. It begins to wait before it looks.
func (h *Hub) HuddleMoved(ctx context.Context, by care.Actor, q HuddleQuery, since int64) (v HuddleView, ok bool, err error) {
	wake := h.Store.Wait()
	look := func(tx *store.Tx) (err error) {
		a := h.ask(by, policy.ListHuddle, nil, policy.DischargePlanning, "", h.now())
		if !a.allowed(policy.ListHuddle) {
			return &care.Error{Kind: care.Forbidden, Text: "You cannot see this"}
		}
		v, err = h.huddle(tx, by, q, a.record.At)
		return err
	}
	var seq int64
	if err := h.Store.View(ctx, func(tx *store.Tx) (err error) { seq, err = tx.Seq(); return err }); err != nil {
		return v, false, h.unavailable(err)
	}
	if seq <= since {
		select {
		case <-ctx.Done():
			return v, false, ctx.Err()
		case <-time.After(beat):
			return v, false, nil
		case <-wake:
		}
	}
	select {
	case <-ctx.Done():
		return v, false, ctx.Err()
	case <-time.After(huddlePause):
	}
	err = h.Store.View(ctx, look)
	return v, err == nil, h.unavailable(err)
}

func (h *Hub) huddle(tx *store.Tx, by care.Actor, q HuddleQuery, now time.Time) (HuddleView, error) {
	v := HuddleView{Query: q, At: now, Councils: h.CouncilOrgs()}
	lq := ListQuery{Scope: ScopeTracker, Hospital: q.Hospital, Pathway: q.Pathway, Page: q.Page}
	if by.OrgKind == care.Trust {
		lq.Council = q.Council
	}
	var err error
	if v.List, err = h.list(tx, by, lq, now); err != nil {
		return v, err
	}
	v.Seq = v.List.Seq
	rows := v.List.Rows
	v.List.Rows = nil
	ids := make([]care.CaseID, len(rows))
	for i, r := range rows {
		ids[i] = r.Row.Case
	}
	cases, err := tx.Cases(ids)
	if err != nil {
		return v, err
	}
	byID := map[care.CaseID]care.Case{}
	for _, c := range cases {
		byID[c.ID] = c
	}
	names := naming{h: h, tx: tx}
	for _, r := range rows {
		if err := h.huddleRow(tx, by, &v, r, byID[r.Row.Case], &names, now); err != nil {
			return v, err
		}
	}
	slices.SortStableFunc(v.Today, func(x, y DecisionView) int { return x.Due.Compare(y.Due) })
	if v.Recent, err = h.meetings(tx, by, q.Hospital); err != nil {
		return v, err
	}
	if i := slices.IndexFunc(v.Recent, func(m HuddleMeeting) bool { return m.Closed.IsZero() }); i >= 0 {
		m := v.Recent[i]
		v.Meeting = &m
	}
	return v, nil
}

// huddleRow adds one person to a huddle, with what was decided about them.
func (h *Hub) huddleRow(tx *store.Tx, by care.Actor, v *HuddleView, r ListRow, c care.Case, names *naming, now time.Time) error {
	row := HuddleRow{ListRow: r}
	if c.ID != "" && !r.Shut {
		a := h.ask(by, policy.DecideHuddle, &c, policy.DischargePlanning, "", now)
		if err := a.onto(tx, now); err != nil {
			return err
		}
		a.decide(policy.DecideHuddle, policy.SeeReferral, policy.SeeDemographics, policy.SeeArranging)
		row.May = a.may[policy.DecideHuddle] && c.Doubt == nil && c.JoinedTo == ""
		row.Blocker = h.blocker(a, c, now)
		for _, d := range c.Decisions {
			if !a.seesDecision(c, d) {
				continue
			}
			x, err := names.decision(a, c, d, now)
			if err != nil {
				return err
			}
			row.Last = &x
			if !x.Done && !h.today(now).Before(nhs.DateOf(x.Due.In(h.Zone))) {
				v.Today = append(v.Today, x)
			}
		}
		if v.Query.Decide == c.ID && row.May {
			var err error
			if v.People, err = h.taskPeople(tx, a, c); err != nil {
				return err
			}
			v.Referral = r.Row.Referral
		}
	}
	v.Rows = append(v.Rows, row)
	return nil
}

// seesDecision reports whether a decision is the reader's to see: their own side's, or of
// the other side about a referral in which both have a part.
func (a *asking) seesDecision(c care.Case, d care.Decision) bool {
	if !a.may[policy.DecideHuddle] {
		return false
	}
	if d.By.Org == a.by.Org {
		return true
	}
	i := slices.IndexFunc(c.Referrals, func(r care.Referral) bool { return r.ID == d.Referral })
	if i >= 0 {
		return a.may[policy.SeeReferral] && a.seesReferral(c.Referrals[i])
	}
	return c.Shares(a.by.Org, d.By.Org) && (a.terms == nil || a.terms.shares(d.By.Org, a.by.Org, policy.ReferralPart))
}

// decision is a decision with names, and how far it came.
func (n *naming) decision(a *asking, c care.Case, d care.Decision, now time.Time) (DecisionView, error) {
	x := DecisionView{Decision: d, Case: c.ID, Person: care.Person{Family: c.Person.Family, Given: c.Person.Given, Title: c.Person.Title}}
	task := care.Task{Owner: d.Owner, Due: d.Due}
	if i := slices.IndexFunc(c.Tasks, func(t care.Task) bool { return t.ID == d.Task }); i >= 0 {
		task = c.Tasks[i]
		x.Owner, x.Due, x.Done = task.Owner, task.Due, !task.Open()
		if a.seesTask(task, a.taskSees()) { // what came of it follows notes, and not the referral
			x.Outcome = task.Outcome
		}
	}
	x.Late = !x.Done && x.Due.Before(now)
	var err error
	x.OwnerSay, err = n.owner(task)
	return x, err
}

// blocker is why nothing moves with somebody, as far as the reader may know.
func (h *Hub) blocker(a *asking, c care.Case, now time.Time) string {
	if c.Doubt != nil {
		return "Who this is must be checked"
	}
	for _, r := range slices.Backward(c.Referrals) {
		if !r.Open() || !a.may[policy.SeeReferral] || !a.seesReferral(r) {
			continue
		}
		switch {
		case r.State == care.RefOnHold && r.Hold != nil:
			return "On hold: " + cmp.Or(r.Hold.Text, h.holdWhy(r.Hold.Why))
		case r.State == care.RefReturned && len(r.Returns) > 0:
			return "Returned: " + r.Returns[len(r.Returns)-1].Needed
		}
		if a.may[policy.SeeArranging] {
			for _, q := range c.Requests {
				if q.Referral == r.ID && q.Council == a.by.Org && q.Open() && q.Risk != nil {
					return "Offers at risk: " + q.Risk.Why
				}
			}
		}
		if r.Holder.Overdue(now) > 0 {
			return "Late: " + r.Holder.Next
		}
		return ""
	}
	return ""
}

// holdWhy is a reason for a hold in the words of its form.
func (h *Hub) holdWhy(code string) string {
	p, ok := h.Forms.Latest(HoldForm)
	if !ok {
		return code
	}
	f, ok := p.Field("reason")
	if !ok {
		return code
	}
	for _, c := range p.Choices(f) {
		if c.Code == code {
			return c.Label
		}
	}
	return code
}

// huddlesShown is how many meetings are listed.
const huddlesShown = 10

// huddleHospitals are the trusts whose huddles a reader is in: their own, and of a
// council those that share who people are and referrals with it.
func (h *Hub) huddleHospitals(tx *store.Tx, by care.Actor, only nhs.ODS) ([]nhs.ODS, error) {
	g, err := h.terms(tx, h.now())
	if err != nil {
		return nil, err
	}
	var out []nhs.ODS
	for _, o := range h.Orgs {
		in := o.ODS == by.Org || by.OrgKind == care.Council && g.shares(o.ODS, by.Org, listParts...)
		if o.Kind == care.Trust && in && (only == "" || only == o.ODS) {
			out = append(out, o.ODS)
		}
	}
	return out, nil
}

// meetings are the newest meetings in which the reader is, newest first.
func (h *Hub) meetings(tx *store.Tx, by care.Actor, only nhs.ODS) ([]HuddleMeeting, error) {
	hospitals, err := h.huddleHospitals(tx, by, only)
	if err != nil {
		return nil, err
	}
	var out []HuddleMeeting
	for _, org := range hospitals {
		rs, err := tx.KeptAll(store.RecordQuery{Kind: recordHuddle, Org: string(org), Newest: true, Limit: huddlesShown})
		if err != nil {
			return nil, err
		}
		for _, r := range rs {
			m, err := h.meeting(tx, by, r)
			if err != nil {
				return nil, err
			}
			out = append(out, m)
		}
	}
	slices.SortStableFunc(out, func(x, y HuddleMeeting) int { return y.Started.Compare(x.Started) })
	return out[:min(len(out), huddlesShown)], nil
}

func (h *Hub) meeting(tx *store.Tx, by care.Actor, r store.Record) (HuddleMeeting, error) {
	var k keptMeeting
	if err := json.Unmarshal(r.Doc, &k); err != nil {
		return HuddleMeeting{}, err
	}
	m := HuddleMeeting{ID: r.ID, Hospital: h.Org(nhs.ODS(r.Org)), Started: k.Started, By: k.By, Present: k.Present, Closed: k.Closed, ClosedBy: k.ClosedBy, Version: r.Version}
	n, err := tx.Kept(recordMinute, string(by.Org), r.ID)
	switch {
	case care.KindOf(err) == care.NotFound:
		return m, nil
	case err != nil:
		return m, err
	}
	var notes keptNotes
	err = json.Unmarshal(n.Doc, &notes)
	m.Notes, m.NotesVersion, m.NotesBy = notes.Text, n.Version, notes.By.ID
	return m, err
}

// ofHuddle begins a use case about a meeting in which the reader is.
func (h *Hub) ofHuddle(tx *store.Tx, by care.Actor, id string) (*asking, store.Record, HuddleMeeting, error) {
	a := h.ask(by, policy.ListHuddle, nil, policy.DischargePlanning, "", h.now())
	if !a.allowed(policy.ListHuddle) {
		return a, store.Record{}, HuddleMeeting{}, a.refuse(tx)
	}
	hospitals, err := h.huddleHospitals(tx, by, "")
	if err != nil {
		return a, store.Record{}, HuddleMeeting{}, err
	}
	for _, org := range hospitals {
		r, err := tx.Kept(recordHuddle, string(org), id)
		if care.KindOf(err) == care.NotFound {
			continue
		}
		if err != nil {
			return a, r, HuddleMeeting{}, err
		}
		m, err := h.meeting(tx, by, r)
		return a, r, m, err
	}
	return a, store.Record{}, HuddleMeeting{}, a.refuse(tx)
}

// openHuddle is the open meeting of a hospital; it starts one where there is none.
func (h *Hub) openHuddle(tx *store.Tx, by care.Actor, hospital nhs.ODS, key string, now time.Time) (string, error) {
	rs, err := tx.KeptAll(store.RecordQuery{Kind: recordHuddle, Org: string(hospital), States: []string{huddleOpen}, Limit: 1})
	if err != nil {
		return "", err
	}
	if len(rs) > 0 {
		return rs[0].ID, nil
	}
	doc, err := json.Marshal(keptMeeting{Started: now, By: by.Who()})
	if err != nil {
		return "", err
	}
	id := onceID(key, by, string(hospital), "huddle")
	if had, err := tx.Kept(recordHuddle, string(hospital), id); err == nil {
		return had.ID, nil // the same form, sent twice, after it was closed
	} else if care.KindOf(err) != care.NotFound {
		return "", err
	}
	_, err = tx.PutRecord(store.Record{Kind: recordHuddle, Org: string(hospital), ID: id, Owner: string(by.ID), State: huddleOpen, At: now, Doc: doc})
	return id, err
}

// StartHuddle starts a meeting of a hospital; "" is the reader's only one. Where one is
// open it is that.
func (h *Hub) StartHuddle(ctx context.Context, by care.Actor, hospital nhs.ODS, key string) (string, error) {
	var id string
	err := h.update(ctx, func(tx *store.Tx) error {
		a := h.ask(by, policy.ListHuddle, nil, policy.DischargePlanning, "", h.now())
		if !a.allowed(policy.ListHuddle) {
			return a.refuse(tx)
		}
		hospitals, err := h.huddleHospitals(tx, by, hospital)
		if err != nil {
			return err
		}
		switch len(hospitals) {
		case 0:
			return a.refuse(tx)
		case 1:
		default:
			return &care.Error{Kind: care.Required, Field: "hospital", Text: "Choose the hospital of this huddle"}
		}
		if id, err = h.openHuddle(tx, by, hospitals[0], key, a.record.At); err != nil {
			return err
		}
		return a.audit(tx, true, "started a huddle")
	})
	return id, err
}

// CloseHuddle closes a meeting. Whoever closes one that is closed has what they asked.
func (h *Hub) CloseHuddle(ctx context.Context, by care.Actor, id string) error {
	return h.changeHuddle(ctx, by, id, "closed a huddle", func(k *keptMeeting, now time.Time) {
		if k.Closed.IsZero() {
			k.Closed, k.ClosedBy = now, by.Who()
		}
	})
}

// presentLimit is the longest list of who was there, in bytes; notesLimit the longest
// notes.
const (
	presentLimit = 1000
	notesLimit   = 20_000
)

// SayPresent says who is in a huddle.
func (h *Hub) SayPresent(ctx context.Context, by care.Actor, id, present string) error {
	if len(present) > presentLimit {
		return &care.Error{Kind: care.Invalid, Field: "present", Text: "Shorten who is here to 1,000 characters or fewer"}
	}
	return h.changeHuddle(ctx, by, id, "said who is in a huddle", func(k *keptMeeting, _ time.Time) { k.Present = strings.TrimSpace(present) })
}

func (h *Hub) changeHuddle(ctx context.Context, by care.Actor, id, did string, change func(*keptMeeting, time.Time)) error {
	return h.update(ctx, func(tx *store.Tx) error {
		a, r, _, err := h.ofHuddle(tx, by, id)
		if err != nil {
			return err
		}
		var k keptMeeting
		if err := json.Unmarshal(r.Doc, &k); err != nil {
			return err
		}
		change(&k, a.record.At)
		if r.Doc, err = json.Marshal(k); err != nil {
			return err
		}
		if r.State = huddleOpen; !k.Closed.IsZero() {
			r.State = huddleClosed
		}
		if _, err := tx.PutRecord(r); err != nil {
			return err
		}
		return a.audit(tx, true, did)
	})
}

// SaveHuddleNotes keeps what the reader's side notes in a huddle, also after it closed.
// was is the version that they saw (HuddleMeeting.NotesVersion); it gives the new one.
func (h *Hub) SaveHuddleNotes(ctx context.Context, by care.Actor, id, text string, was int64) (int64, error) {
	if len(text) > notesLimit {
		return was, &care.Error{Kind: care.Invalid, Field: "notes", Text: "Shorten the notes to 20,000 characters or fewer"}
	}
	version := was
	err := h.update(ctx, func(tx *store.Tx) error {
		a, _, m, err := h.ofHuddle(tx, by, id)
		if err != nil {
			return err
		}
		if m.Notes == text {
			version = m.NotesVersion
			return nil
		}
		doc, err := json.Marshal(keptNotes{Text: text, By: by.Who()})
		if err != nil {
			return err
		}
		r, err := tx.PutRecord(store.Record{Kind: recordMinute, Org: string(by.Org), ID: id, Owner: string(by.ID), At: a.record.At, Version: was, Doc: doc})
		if err != nil {
			return err
		}
		version = r.Version
		return a.audit(tx, true, "noted in a huddle")
	})
	return version, err
}

// NewDecision is a decision as somebody chose or typed it. Key is of the form, Owner a
// PersonView's code.
type NewDecision struct {
	Key      string
	Text     string
	Owner    string
	Due      time.Time
	Referral care.ReferralID
}

// DecideInHuddle decides something about a person, in the open huddle of their hospital:
// it starts one where there is none. Both sides see the decision and its task.
func (h *Hub) DecideInHuddle(ctx context.Context, by care.Actor, id care.CaseID, n NewDecision) error {
	n.Text = strings.TrimSpace(n.Text)
	return h.update(ctx, func(tx *store.Tx) error {
		a, c, err := h.named(tx, by, policy.DecideHuddle, id, h.now())
		if err != nil {
			return err
		}
		d := care.Decision{ID: onceID(n.Key, by, string(id), n.Text, n.Owner, n.Due.UTC().Format(time.RFC3339)), Referral: n.Referral, Text: n.Text, Due: n.Due}
		if d.Owner, err = h.chosen(tx, a, c, policy.DecideHuddle, "owner", n.Owner); err != nil {
			return err
		}
		hospital := by.Org
		for _, r := range c.Referrals {
			if r.ID == n.Referral && a.seesReferral(r) {
				hospital = r.From
			}
		}
		if h.Org(hospital).Kind != care.Trust {
			return &care.Error{Kind: care.BusinessRule, Text: "There is no referral to decide about", Allowed: []string{"Set a task"}}
		}
		if a.may[policy.DecideHuddle] && d.Text != "" && d.Owner.Org != "" {
			if d.Huddle, err = h.openHuddle(tx, by, hospital, n.Key, a.record.At); err != nil {
				return err
			}
		} else {
			d.Huddle = "none" // it is refused, and starts no meeting
		}
		_, err = h.carry(tx, a, c, policy.DecideHuddle, care.DecideNext{Decision: d})
		return err
	})
}

// DisagreeInHuddle keeps that the reader does not agree with a decision, and why.
func (h *Hub) DisagreeInHuddle(ctx context.Context, by care.Actor, id care.CaseID, decision, words string) error {
	return h.update(ctx, func(tx *store.Tx) error {
		a, c, err := h.named(tx, by, policy.DecideHuddle, id, h.now())
		if err != nil {
			return err
		}
		a.decide(policy.DecideHuddle, policy.SeeReferral)
		i := slices.IndexFunc(c.Decisions, func(d care.Decision) bool { return d.ID == decision })
		if i < 0 || !a.seesDecision(c, c.Decisions[i]) {
			return a.refuse(tx)
		}
		_, err = h.carry(tx, a, c, policy.DecideHuddle, care.RecordDisagreement{ID: decision, Text: words})
		return err
	})
}

// Minutes are what a meeting decided, as its reader may see it, by the order in which it
// was decided; hidden is how many of its decisions are about people whom the reader
// may not know, and so is not told: only whether there are none that are shown.
func (h *Hub) Minutes(ctx context.Context, by care.Actor, id string) (HuddleMeeting, []DecisionView, error) {
	var m HuddleMeeting
	var out []DecisionView
	err := h.update(ctx, func(tx *store.Tx) error {
		out = nil
		a, _, found, err := h.ofHuddle(tx, by, id)
		if err != nil {
			return err
		}
		m = found
		threads, err := tx.Threads(store.ThreadQuery{Kind: care.DecisionThread, Owners: []string{id}})
		if err != nil {
			return err
		}
		names := naming{h: h, tx: tx}
		for _, x := range threads {
			c, err := tx.Case(x.Case)
			if err != nil {
				return err
			}
			reader := h.ask(by, policy.DecideHuddle, &c, policy.DischargePlanning, "", a.record.At)
			if err := reader.onto(tx, a.record.At); err != nil {
				return err
			}
			reader.decide(policy.DecideHuddle, policy.SeeReferral, policy.SeeDemographics)
			i := slices.IndexFunc(c.Decisions, func(d care.Decision) bool { return d.ID == x.ID })
			if i < 0 || !reader.may[policy.SeeDemographics] || !reader.seesDecision(c, c.Decisions[i]) {
				continue
			}
			d, err := names.decision(reader, c, c.Decisions[i], a.record.At)
			if err != nil {
				return err
			}
			out = append(out, d)
		}
		slices.SortStableFunc(out, func(x, y DecisionView) int { return x.At.Compare(y.At) })
		return a.audit(tx, true, "read the minutes of a huddle")
	})
	return m, out, err
}

// huddlePart fills what huddles decided into a case's view, newest first.
func (h *Hub) huddlePart(tx *store.Tx, a *asking, c care.Case, v *CaseView, now time.Time) error {
	names := naming{h: h, tx: tx}
	for _, d := range slices.Backward(c.Decisions) {
		if !a.seesDecision(c, d) {
			continue
		}
		x, err := names.decision(a, c, d, now)
		if err != nil {
			return err
		}
		v.Decisions = append(v.Decisions, x)
	}
	return nil
}

// huddleItem says whether a reader sees a timeline entry of a huddle.
func (a *asking) huddleItem(c care.Case, e care.Event, t *TimelineItem) bool {
	x, ok := e.(care.Decided)
	if !ok {
		return false
	}
	t.Text = x.Decision.Text
	if n := len(x.Decision.Disagreed); x.Disagree && n > 0 {
		t.Text = x.Decision.Disagreed[n-1].Text
	}
	return a.seesDecision(c, x.Decision)
}
