package hub

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
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

// ReferralForm is the form that a referral is made with.
const ReferralForm = "d2a"

// ReferralDraft is a referral being written: what is known, what was typed, and
// where the two differ.
type ReferralDraft struct {
	Case        CaseView
	Form        *form.Pathway
	Answers     form.Answers
	Known       map[string]Known // what systems say, by field
	Conflicts   []Conflict
	Facts       form.Facts
	Saved       time.Time
	Key         string // makes sending twice the same as once
	Version     int64
	OpenAlready *ReferralView
	Answering   *ReferralView // a returned referral that this draft answers
	Gate        *Gated        // what the council's team still wants; nil: it published no rules, or it is not settled which council
	Stopped     string        // why it could not be sent now, by what is agreed; "" when it could
}

// Known is what a system says of a field.
type Known struct {
	Value string
	From  string // "King's Mill EPR"
	At    time.Time
}

// Conflict is a field where what was typed differs from what a system has said
// since.
type Conflict struct {
	Field, Mine, Theirs, From string
}

// draft is what the store keeps of a form being written.
type draft struct {
	Key     string       `json:"key"`
	Answers form.Answers `json:"answers"`
}

// StartReferral opens the reader's draft of a referral, filled from the case.
func (h *Hub) StartReferral(ctx context.Context, by care.Actor, id care.CaseID) (ReferralDraft, error) {
	now := h.now()
	var d ReferralDraft
	err := h.update(ctx, func(tx *store.Tx) error {
		d = ReferralDraft{}
		a, c, err := h.named(tx, by, policy.Refer, id, now)
		if err != nil {
			return err
		}
		a.decide(caseActions...)
		if !a.may[policy.Refer] {
			return a.refuse(tx)
		}
		if d, err = h.referralDraft(tx, a, c, now); err != nil {
			return err
		}
		return a.audit(tx, true, "opened the form")
	})
	return d, err
}

func (h *Hub) referralDraft(tx *store.Tx, a *asking, c care.Case, now time.Time) (ReferralDraft, error) {
	p, ok := h.Forms.Latest(ReferralForm)
	if !ok {
		return ReferralDraft{}, &care.Error{Kind: care.Exception, Text: "The referral form is not installed"}
	}
	d := ReferralDraft{Form: p}
	var err error
	if d.Case, err = h.caseView(tx, a, c, now); err != nil {
		return d, err
	}
	kept, version, saved, err := loadDraft(tx, a.by, c.ID, p.ID)
	if err != nil {
		return d, err
	}
	d.Saved, d.Version, d.Key = saved, version, kept.Key
	f := h.fillForm(a, c, p, d.returned(c, a.by), kept.Answers, now)
	d.Answers, d.Known, d.Conflicts, d.Facts = f.Answers, f.Known, f.Conflicts, f.Facts
	if d.Key == "" {
		d.Key = newID()
		if err := saveDraft(tx, a.by, c.ID, p.ID, draft{Key: d.Key, Answers: kept.Answers}, now); err != nil {
			return d, err
		}
	}
	to, _ := h.council(d.Answers, c)
	if d.Answering != nil {
		to = d.Answering.Referral.To
	}
	if no := a.noReferral(to); no != nil {
		d.Stopped = no.Text
	}
	if d.Gate, err = h.gated(tx, to, p, d.Answers); err != nil {
		return d, err
	}
	for i, r := range d.Case.Referrals {
		if r.Referral.Open() && r.Referral.State != care.RefReturned && r.Referral.From == a.by.Org {
			d.OpenAlready = &d.Case.Referrals[i]
		}
	}
	return d, nil
}

// returned gives the answers of a referral that was returned to the reader's
// trust, so that only what is missing must be typed.
func (d *ReferralDraft) returned(c care.Case, by care.Actor) form.Answers {
	for i, r := range d.Case.Referrals {
		if r.Referral.State == care.RefReturned && r.Referral.From == by.Org {
			d.Answering = &d.Case.Referrals[i]
			return r.Referral.Answers
		}
	}
	return nil
}

// merge puts answers over others, field by field.
func merge(under, over form.Answers) form.Answers {
	out := maps.Clone(under)
	if out == nil {
		out = form.Answers{}
	}
	maps.Copy(out, over)
	return out
}

// Filled is a form as it is opened: what is known of the case, and over it what
// was typed.
type Filled struct {
	Answers   form.Answers
	Known     map[string]Known // what systems say, by fact
	Conflicts []Conflict       // where a person typed one thing and a system has said another since
	Facts     form.Facts       // for Check
}

// fillForm fills any form from a case, for a reader who has decided caseActions:
// it tells nobody more than the case does. Over what systems say stands before,
// which was sent already (may be nil), and over that kept, what was typed.
func (h *Hub) fillForm(a *asking, c care.Case, p *form.Pathway, before, kept form.Answers, now time.Time) Filled {
	own, _ := a.shared(c)
	if !a.may[policy.SeeWhereabouts] {
		own.Stay = nil
		if a.facts.Restricted && a.by.OrgKind != care.Trust {
			own.Person.Address, own.Person.Phone, own.Person.Kin = care.Address{}, "", nil
		}
	}
	f := Filled{}
	f.Facts, f.Known = h.prefill(own, a.by, now)
	h.referred(a, c, f.Facts, f.Known)
	filled := p.Prefill(f.Facts)
	f.Answers = filled
	if before != nil {
		f.Answers = p.Merge(f.Answers, p.Whole(before))
	}
	f.Answers = p.Merge(f.Answers, kept)
	f.Conflicts = conflicts(p, filled, kept, f.Known)
	return f
}

// referred adds what the newest referral that the reader sees said, so that an
// assessment need not ask it again: its field "care_needs" is the fact
// "referral.care_needs".
func (h *Hub) referred(a *asking, c care.Case, facts form.Facts, known map[string]Known) {
	views := h.referralViews(a, c)
	i := -1
	for k, v := range views {
		if i < 0 || v.Referral.Sent.After(views[i].Referral.Sent) {
			i = k
		}
	}
	if i < 0 {
		return
	}
	r := views[i].Referral
	for field, vs := range r.Answers {
		if len(vs) == 1 && !strings.Contains(field, ".") {
			k := "referral." + field
			facts[k], known[k] = vs[0], Known{Value: vs[0], From: "the referral", At: r.Sent}
		}
	}
}

// conflicts lists the fields where a person typed one thing and a system says
// another. Items of groups have none: who changed one settled them all.
func conflicts(p *form.Pathway, filled, typed form.Answers, known map[string]Known) []Conflict {
	var out []Conflict
	for _, page := range p.Pages {
		for _, f := range page.Fields {
			mine, theirs := typed.Get(f.ID), filled.Get(f.ID)
			if _, was := typed[f.ID]; was && theirs != "" && mine != theirs {
				out = append(out, Conflict{Field: f.ID, Mine: mine, Theirs: theirs, From: known[f.Prefill].From})
			}
		}
	}
	return out
}

// prefill gives the facts of a case by the names that forms use, and where each
// is from.
func (h *Hub) prefill(c care.Case, by care.Actor, now time.Time) (form.Facts, map[string]Known) {
	f := form.Facts{"today": h.today(now).String()}
	p := c.Person
	put := func(k, v string) {
		if v != "" {
			f[k] = v
		}
	}
	put("person.family", p.Family)
	put("person.given", p.Given)
	put("person.preferred", p.Preferred)
	put("person.born", p.Born.String())
	put("person.nhs", c.NHS.Digits())
	put("person.gender", genderCodes[p.Sex])
	put("person.address", strings.Join(p.Address.Lines, "\n"))
	put("person.postcode", p.Address.Postcode)
	put("person.phone", p.Phone)
	put("person.language", p.Language)
	put("gp.code", p.GP)
	put("gp.name", p.GPName)
	if len(p.Kin) > 0 {
		put("contact.name", p.Kin[0].Name)
		put("contact.relationship", p.Kin[0].Relation)
		put("contact.details", p.Kin[0].Phone)
	}
	if len(p.Kin) > 1 {
		put("contact2.name", p.Kin[1].Name)
		put("contact2.details", p.Kin[1].Phone)
	}
	for i := 2; i < len(p.Kin); i++ { // the first two stand by themselves above
		item := "contacts." + strconv.Itoa(i-1) + "."
		put(item+"name", p.Kin[i].Name)
		put(item+"relationship", p.Kin[i].Relation)
		put(item+"details", p.Kin[i].Phone)
	}
	put("person.title", p.Title)
	put("person.name", strings.TrimSpace(p.Given+" "+p.Family))
	// Whoever writes: a referrer to the ward, a worker to the council.
	for _, who := range []string{"referrer.", "worker."} {
		put(who+"name", by.Name)
		put(who+"role", by.Role.Say())
		put(who+"contact", h.Org(by.Org).Phone)
		put(who+"org", h.Org(by.Org).Name)
	}
	if council, _ := h.Gazetteer.Resolve(p.Address); council != "" {
		o := h.Org(council)
		put("council.name", o.Name)
		put("council.contact", "Duty team")
		put("council.contact_details", o.Phone)
	}
	if c.Stay != nil {
		h.prefillStay(put, *c.Stay)
	}
	known := map[string]Known{}
	for k, v := range f {
		known[k] = Known{Value: v, From: h.sourceTitle(c, k), At: toldAt(c, k)}
	}
	return f, known
}

// toldAt is when the source of a fact said it last.
func toldAt(c care.Case, fact string) time.Time {
	if c.Stay == nil || !strings.HasPrefix(fact, "stay.") {
		return c.Person.AsAt
	}
	k, s := c.Stay.Known, *c.Stay
	switch fact {
	case "stay.ward", "stay.bed", "stay.hospital":
		return k.Where
	case "stay.fit", "stay.fit_date":
		return k.Fit
	case "stay.edd":
		if n := len(s.Expected); n > 0 {
			return s.Expected[n-1].Said
		}
	case "stay.consultant", "stay.reason":
		return k.Doctor
	}
	return cmp.Or(k.Admitted, s.Admitted)
}

func (h *Hub) prefillStay(put func(k, v string), s care.Stay) {
	day := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return nhs.DateOf(t.In(h.Zone)).String()
	}
	put("stay.hospital", h.Org(s.Org).Name)
	put("stay.ward", cmp.Or(s.Where.Name, s.Where.Ward))
	put("stay.bed", s.Where.Bed)
	put("stay.consultant", s.Consultant)
	put("stay.admitted", day(s.Admitted))
	put("stay.reason", s.Reason)
	put("stay.service", "acute-d2a")
	put("stay.edd", s.EDD().String())
	switch {
	case !s.ReadySince().IsZero():
		put("stay.fit", "01")
		put("stay.fit_date", day(s.ReadySince()))
	case s.Fit == "N":
		put("stay.fit", "02")
	default:
		put("stay.fit", "03")
	}
}

// genderCodes are PERSON STATED GENDER CODE of the NHS Data Dictionary.
var genderCodes = map[string]string{"Male": "1", "Female": "2", "Not specified": "9", "Not known": "X"}

func (h *Hub) sourceTitle(c care.Case, fact string) string {
	feed := c.Person.Source
	if strings.HasPrefix(fact, "stay.") && c.Stay != nil {
		feed = c.Stay.Source
	}
	if strings.HasPrefix(fact, "council.") {
		return "the address"
	}
	if strings.HasPrefix(fact, "referrer.") || strings.HasPrefix(fact, "worker.") {
		return "your account"
	}
	if f, ok := h.feeds[feed]; ok {
		return f.Profile.Title
	}
	for _, cf := range h.Councils {
		if cf.Name == feed {
			return cf.Title
		}
	}
	if _, client, ok := strings.Cut(feed, ":"); ok {
		return cmp.Or(h.systems[client].Title, feed)
	}
	return feed
}

func loadDraft(tx *store.Tx, by care.Actor, id care.CaseID, formID string) (draft, int64, time.Time, error) {
	s, err := tx.Draft(by.ID, id, formID)
	if store.IsNone(err) {
		return draft{}, 0, time.Time{}, nil
	}
	if err != nil {
		return draft{}, 0, time.Time{}, err
	}
	var d draft
	err = json.Unmarshal(s.Doc, &d)
	return d, s.Version, s.Saved, err
}

func saveDraft(tx *store.Tx, by care.Actor, id care.CaseID, formID string, d draft, now time.Time) error {
	doc, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return tx.PutDraft(store.Draft{User: by.ID, Case: id, Form: formID, Saved: now, Doc: doc})
}

// SaveDraft puts answers into the reader's draft: the fields given replace
// those of the same name, and the items of a group given those of that group; all
// others stay. See form.Pathway.Merge.
func (h *Hub) SaveDraft(ctx context.Context, by care.Actor, id care.CaseID, formID string, answers form.Answers) (time.Time, error) {
	now := h.now()
	p, ok := h.Forms.Latest(formID)
	if !ok {
		return now, &care.Error{Kind: care.NotFound, Text: "There is no such form"}
	}
	err := h.update(ctx, func(tx *store.Tx) error {
		a, _, err := h.named(tx, by, policy.Refer, id, now)
		if err != nil {
			return err
		}
		if !a.allowed(policy.Refer) {
			return a.refuse(tx)
		}
		d, _, _, err := loadDraft(tx, by, id, formID)
		if err != nil {
			return err
		}
		if d.Key == "" {
			d.Key = newID()
		}
		only := form.Answers{}
		for k, v := range answers {
			_, field := p.Field(k)
			if _, group := p.Group(k); field || group {
				only[k] = v
			}
		}
		d.Answers = p.Merge(d.Answers, only)
		return saveDraft(tx, by, id, formID, d, now)
	})
	return now, err
}

// Refer sends the reader's draft. The same key sends once. What is missing or
// wrong is an error that names the field.
func (h *Hub) Refer(ctx context.Context, by care.Actor, id care.CaseID, key string, another bool) (ReferralView, error) {
	return h.ReferAnyway(ctx, by, id, key, another, "")
}

// ReferAnyway is Refer, with why it is sent although it lacks what the receiving
// team's rules say must be there; "" where it does not lack it.
func (h *Hub) ReferAnyway(ctx context.Context, by care.Actor, id care.CaseID, key string, another bool, anyway string) (ReferralView, error) {
	if key == "" {
		return ReferralView{}, &care.Error{Kind: care.Required, Field: "key", Text: "The referral has no key. Open the form again"}
	}
	return h.send(ctx, by, id, key, func(d ReferralDraft, c care.Case, answers form.Answers) care.Command {
		to, likely := h.council(answers, c)
		return care.Refer{ID: care.ReferralID(newReference()), Key: key, To: to, Likely: likely, Pathway: pathwayNumber(answers.Get("pathway")),
			Form: d.Form.ID, FormVersion: d.Form.Version, Answers: answers, Another: another, Anyway: anyway}
	})
}

// pathwayNumber is the discharge pathway 0 to 3 of a form's code P0 to P3; "" for
// NK, not decided yet.
func pathwayNumber(code string) string {
	n, _ := strings.CutPrefix(code, "P")
	if n == "NK" {
		return ""
	}
	return n
}

// AnswerReferral sends the draft's answers for a referral that was returned.
func (h *Hub) AnswerReferral(ctx context.Context, by care.Actor, id care.CaseID, ref care.ReferralID) (ReferralView, error) {
	return h.send(ctx, by, id, "", func(_ ReferralDraft, _ care.Case, answers form.Answers) care.Command {
		return care.Reply{ID: ref, Answers: answers}
	})
}

// sentAs is the referral that was sent with a key; nil when there is none.
func sentAs(key string, views []ReferralView) *ReferralView {
	i := slices.IndexFunc(views, func(r ReferralView) bool { return key != "" && r.Referral.Key == key })
	if i < 0 {
		return nil
	}
	return &views[i]
}

// send sends the reader's draft. One that was sent with the key already is given
// as it is by now: its draft is gone, and is not missed.
func (h *Hub) send(ctx context.Context, by care.Actor, id care.CaseID, key string, command func(ReferralDraft, care.Case, form.Answers) care.Command) (ReferralView, error) {
	now := h.now()
	var out ReferralView
	err := h.update(ctx, func(tx *store.Tx) error {
		a, c, err := h.named(tx, by, policy.Refer, id, now)
		if err != nil {
			return err
		}
		a.decide(caseActions...)
		if a.may[policy.Refer] { // otherwise command refuses and audits
			if r := sentAs(key, h.referralViews(a, c)); r != nil {
				out = *r
				return a.audit(tx, true, "sent already")
			}
			d, err := h.referralDraft(tx, a, c, now)
			if err != nil {
				return err
			}
			answers := d.Form.Clean(d.Answers)
			if problems := d.Form.Check(answers, d.Facts); len(problems) > 0 {
				return committed{&care.Error{Kind: care.Required, Field: problems[0].Field, Text: problems[0].Text}}
			}
			cmd, err := h.throughGate(tx, command(d, c, answers), d.Form, answers)
			if err != nil {
				return err
			}
			if err := h.mayRefer(tx, a, sentTo(cmd, c)); err != nil {
				return err
			}
			if c, err = h.command(tx, by, id, policy.Refer, "", cmd); err != nil {
				return err
			}
			if err := tx.DropDraft(by.ID, id, d.Form.ID); err != nil {
				return err
			}
			for _, r := range h.referralViews(a, c) {
				if r.Referral.ID == subject(cmd) {
					out = r
				}
			}
			return nil
		}
		_, err = h.command(tx, by, id, policy.Refer, "", command(ReferralDraft{Form: &form.Pathway{}}, c, nil))
		return err
	})
	return out, err
}

// subject is the referral that a command is about; "" when it is about none.
func subject(cmd care.Command) care.ReferralID {
	switch x := cmd.(type) {
	case care.Accept:
		return x.ID
	case care.SendBack:
		return x.ID
	case care.Allocate:
		return x.ID
	case care.Progress:
		return x.ID
	case care.Close:
		return x.ID
	case care.PutOnHold:
		return x.ID
	case care.Resume:
		return x.ID
	case care.Transfer:
		return x.ID
	case care.Refer:
		return x.ID
	case care.Reply:
		return x.ID
	}
	return ""
}

// sentTo is the council to which a command sends a referral, or answers for one;
// "" when that is not settled.
func sentTo(cmd care.Command, c care.Case) nhs.ODS {
	if x, ok := cmd.(care.Refer); ok {
		return x.To
	}
	for _, r := range c.Referrals {
		if r.ID == subject(cmd) {
			return r.To
		}
	}
	return ""
}

// council finds who is responsible: by the property when the address is still
// the one that systems told, else by the postcode that was typed.
func (h *Hub) council(answers form.Answers, c care.Case) (nhs.ODS, []nhs.ODS) {
	address := care.Address{Postcode: answers.Get("postcode")}
	if normalPostcode(c.Person.Address.Postcode) == normalPostcode(address.Postcode) {
		address.UPRN = c.Person.Address.UPRN
	}
	to, likely := h.Gazetteer.Resolve(address)
	if _, ok := h.orgs[to]; to != "" && !ok {
		return "", []nhs.ODS{to} // a council that is not on Homeward: a person settles it
	}
	return to, slices.Clone(likely)
}

// newReference is a referral's id: short enough to read over the phone.
func newReference() string {
	id := strings.ToUpper(newID())
	return id[:4] + "-" + id[4:8] + "-" + id[8:12]
}
