package hub

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/form"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// memberKind is the kind of the records of a council's workers.
const memberKind = "member"

// Member is what a council's managers keep of a worker, for allocating: what they can
// do, where, how much, and when they are there.
type Member struct {
	Account care.ActorID
	Name    string
	Team    string
	Version int64

	Skills []string // codes of Skills
	Patch  []string // postcode districts: "NG18"
	Most   int      // the most that they should carry, in tenths of an ordinary case; 0: not said
	Days   [7]bool  // on which they work, from Monday; none set: Monday to Friday
	Away   []Away

	Open int // open referrals
	Load int // what those weigh, in tenths of an ordinary case
	In   bool
	Why  string // why they are not in: "On leave until 04-Dec"
}

// Away is a time in which a worker is not there, both days included.
type Away struct {
	From nhs.Date `json:"from"`
	To   nhs.Date `json:"to"`
	Why  string   `json:"why,omitempty"`
}

type memberDoc struct {
	Skills []string `json:"skills,omitzero"`
	Patch  []string `json:"patch,omitzero"`
	Most   int      `json:"most,omitempty"`
	Days   [7]bool  `json:"days,omitzero"`
	Away   []Away   `json:"away,omitzero"`
}

// A Skill is what a referral may need of a worker, and when it does. The list is
// ours.
type Skill struct {
	Code, Label string
	needs       func(r care.Referral, c care.Case) bool
}

func answered(field string, codes ...string) func(care.Referral, care.Case) bool {
	return func(r care.Referral, _ care.Case) bool {
		return slices.ContainsFunc(r.Answers[field], func(v string) bool { return slices.Contains(codes, v) })
	}
}

// skills are what workers can be marked as able to do. They read answers of the
// referral form.
var skills = []Skill{
	{"capacity", "Mental capacity and best interests", func(r care.Referral, c care.Case) bool {
		return answered("capacity", "lacks", "doubt")(r, c) || answered("consent", "L")(r, c)
	}},
	{"safeguarding", "Safeguarding", answered("safeguarding", "Y")},
	{"dementia", "Dementia and confusion", answered("cognition", "some", "marked")},
	{"care-home", "Care homes and placements", func(r care.Referral, _ care.Case) bool { return r.Pathway == "3" }},
	{"chc", "NHS continuing healthcare", answered("chc_considered", "Y")},
	{"moving", "Moving and handling", answered("mobility", "hoist", "two")},
	{"mental-health", "Mental health", answered("service", "mental-health")},
	{"interpreter", "Working with interpreters", func(_ care.Referral, c care.Case) bool {
		l := strings.ToLower(c.Person.Language)
		return l != "" && l != "en" && l != "eng" && l != "english"
	}},
}

// Skills lists what workers can be marked as able to do.
func Skills() []Skill { return skills }

// SkillLabel is a skill in words.
func SkillLabel(code string) string {
	for _, s := range skills {
		if s.Code == code {
			return s.Label
		}
	}
	return code
}

// weights are what a referral of a discharge pathway weighs, in tenths of an
// ordinary case. They are ours. "" is a pathway that is not decided yet.
var weights = map[string]int{"0": 5, "1": 10, "2": 10, "3": 20, "": 12}

// away is why a worker is not in on a day; "" when they are.
func (m Member) away(day nhs.Date) string {
	for _, a := range m.Away {
		if !day.Before(a.From) && !a.To.Before(day) {
			return cmp.Or(a.Why, "Away") + " until " + dayWords(a.To)
		}
	}
	at := (int(day.Time().Weekday()) + 6) % 7
	if m.Days == ([7]bool{}) && at > 4 || m.Days != ([7]bool{}) && !m.Days[at] {
		return "Does not work today"
	}
	return ""
}

func dayWords(d nhs.Date) string { return d.Time().Format("02-Jan-2006") }

// Team lists the workers of the reader's council as their managers know them.
func (h *Hub) Team(ctx context.Context, by care.Actor) ([]Member, error) {
	var out []Member
	err := h.update(ctx, func(tx *store.Tx) error {
		a := h.ask(by, policy.ManageTeam, nil, policy.Operations, "", h.now())
		if !a.allowed(policy.ManageTeam) {
			return a.refuse(tx)
		}
		var err error
		if out, err = h.members(tx, by.Org); err != nil {
			return err
		}
		return a.audit(tx, true, "shown")
	})
	return out, err
}

// members lists the workers of a council, with what they carry today.
func (h *Hub) members(tx *store.Tx, council nhs.ODS) ([]Member, error) {
	accounts, err := tx.Users()
	if err != nil {
		return nil, err
	}
	kept, err := tx.KeptAll(store.RecordQuery{Kind: memberKind, Org: string(council)})
	if err != nil {
		return nil, err
	}
	known := map[string]store.Record{}
	for _, r := range kept {
		known[r.ID] = r
	}
	rows, _, err := tx.Rows(store.RowQuery{Council: council, Open: true, PerPage: mostCarried})
	if err != nil {
		return nil, err
	}
	today := h.today(h.now())
	var out []Member
	for _, a := range accounts {
		i := grantOf(a, council)
		if i < 0 {
			continue
		}
		m := Member{Account: a.ID, Name: a.Name, Team: a.Grants[i].Team}
		if r, ok := known[string(a.ID)]; ok {
			var d memberDoc
			if err := json.Unmarshal(r.Doc, &d); err != nil {
				return nil, err
			}
			m.Version, m.Skills, m.Patch, m.Most, m.Days, m.Away = r.Version, d.Skills, d.Patch, d.Most, d.Days, d.Away
		}
		for _, r := range rows {
			if r.Worker.ID == a.ID {
				m.Open++
				m.Load += weights[r.Pathway]
			}
		}
		m.Why = m.away(today)
		m.In = m.Why == ""
		out = append(out, m)
	}
	slices.SortFunc(out, func(x, y Member) int { return cmp.Compare(x.Name, y.Name) })
	return out, nil
}

// mostCarried is how many open referrals of a council are weighed.
const mostCarried = 5000

// SaveMember keeps what is known of a worker of the reader's council.
func (h *Hub) SaveMember(ctx context.Context, by care.Actor, m Member) error {
	for i, p := range m.Patch {
		if m.Patch[i] = care.District(p); m.Patch[i] == "" {
			m.Patch[i] = p // as it was typed
			return &care.Error{Kind: care.Invalid, Field: "patch", Text: "Enter postcode districts, like NG18 NG19"}
		}
	}
	if m.Most < 0 || m.Most > 1000 {
		return &care.Error{Kind: care.Invalid, Field: "most", Text: "Enter the most that they carry as a number from 0 to 100"}
	}
	for _, s := range m.Skills {
		if !slices.ContainsFunc(skills, func(x Skill) bool { return x.Code == s }) {
			return &care.Error{Kind: care.Invalid, Field: "skills", Text: "Select skills from the list"}
		}
	}
	for _, a := range m.Away {
		if a.From.IsZero() || a.To.IsZero() || a.To.Before(a.From) {
			return &care.Error{Kind: care.Invalid, Field: "away", Text: "Enter the first day away, and a last day that is not before it"}
		}
		if len(a.Why) > 100 {
			return &care.Error{Kind: care.Invalid, Field: "away", Text: "Shorten why they are away to 100 characters or fewer"}
		}
	}
	today := h.today(h.now())
	m.Away = slices.DeleteFunc(slices.Clone(m.Away), func(a Away) bool { return a.To.Before(today) }) // what is over is not kept
	return h.update(ctx, func(tx *store.Tx) error {
		now := h.now()
		a := h.ask(by, policy.ManageTeam, nil, policy.Operations, "", now)
		if !a.allowed(policy.ManageTeam) {
			return a.refuse(tx)
		}
		if _, err := h.worker(tx, by, m.Account); err != nil {
			return err
		}
		doc, err := json.Marshal(memberDoc{m.Skills, m.Patch, m.Most, m.Days, m.Away})
		if err != nil {
			return err
		}
		if _, err := tx.PutRecord(store.Record{Kind: memberKind, Org: string(by.Org), ID: string(m.Account), Owner: string(m.Account), At: now, Version: m.Version, Doc: doc}); err != nil {
			return err
		}
		return a.audit(tx, true, "changed a member of the team")
	})
}

// Suggest lists the workers of the reader's council for a referral, the best first,
// with why. Those who are not in today come last; nobody is chosen by it.
func (h *Hub) Suggest(ctx context.Context, by care.Actor, id care.CaseID, ref care.ReferralID) ([]WorkerView, error) {
	var out []WorkerView
	err := h.update(ctx, func(tx *store.Tx) error {
		a, c, err := h.named(tx, by, policy.Allocate, id, h.now())
		if err != nil {
			return err
		}
		if !a.allowed(policy.Allocate) {
			return a.refuse(tx)
		}
		i := slices.IndexFunc(c.Referrals, func(r care.Referral) bool { return r.ID == ref && r.To == by.Org })
		if i < 0 {
			return committed{&care.Error{Kind: care.NotFound, Text: "There is no such referral"}}
		}
		ms, err := h.members(tx, by.Org)
		if err != nil {
			return err
		}
		out = suggest(ms, c.Referrals[i], c)
		return a.audit(tx, true, "workers suggested")
	})
	return out, err
}

// suggest puts workers in order for a referral.
func suggest(ms []Member, r care.Referral, c care.Case) []WorkerView {
	var needed []string
	for _, s := range skills {
		if s.needs(r, c) {
			needed = append(needed, s.Code)
		}
	}
	home := postcodeOf(r.Answers, c)
	type ranked struct {
		WorkerView
		out, far, lacks, load int
	}
	var all []ranked
	for _, m := range ms {
		w := ranked{WorkerView: m.view()}
		if !m.In {
			w.out = 1
			w.Why = append(w.Why, m.Why)
		} else {
			w.Why = append(w.Why, "In today")
		}
		w.far = 1
		if home != "" && slices.Contains(m.Patch, home) {
			w.far, w.Why = 0, append(w.Why, "Covers "+home)
		}
		for _, s := range needed {
			if slices.Contains(m.Skills, s) {
				w.Why = append(w.Why, SkillLabel(s))
			} else {
				w.lacks++
			}
		}
		w.load = m.Load * 100
		if m.Most > 0 {
			w.load = m.Load * 1000 / m.Most
		}
		if m.Most > 0 && m.Load >= m.Most {
			w.out++ // full
			w.Why = append(w.Why, "Carries as much as they should")
		}
		all = append(all, w)
	}
	slices.SortStableFunc(all, func(x, y ranked) int {
		return cmp.Or(cmp.Compare(x.out, y.out), cmp.Compare(x.lacks, y.lacks), cmp.Compare(x.far, y.far), cmp.Compare(x.load, y.load), cmp.Compare(x.Name, y.Name))
	})
	out := make([]WorkerView, len(all))
	for i, w := range all {
		out[i] = w.WorkerView
		out[i].Suggested = i == 0 && w.out == 0
	}
	return out
}

// view is a member as somebody to allocate to.
func (m Member) view() WorkerView {
	return WorkerView{ID: m.Account, Name: m.Name, Team: m.Team, Open: m.Open, Load: m.Load, Most: m.Most, In: m.In, AwayWhy: m.Why}
}

// postcodeOf is the district of where the person will live: as the referral says, or
// as systems do.
func postcodeOf(a form.Answers, c care.Case) string {
	return care.District(cmp.Or(a.Get("postcode"), c.Person.Address.Postcode))
}

// HandOver is one referral that somebody gives to a colleague.
type HandOver struct {
	Case     care.CaseID
	Referral care.ReferralID
	Was      care.ActorID
}

// Carried lists the open referrals of a worker of the reader's council: the reader's
// own, or anybody's for who may allocate.
func (h *Hub) Carried(ctx context.Context, by care.Actor, worker care.ActorID) ([]ListRow, error) {
	q := ListQuery{Scope: ScopeWorklist, Worker: worker, Everything: true, Sort: "name"}
	v, err := h.List(ctx, by, q)
	return v.Rows, err
}

// mayHandOver reports whether somebody who may not allocate gives away what is theirs:
// a named worker, their own referral.
func mayHandOver(by care.Actor, c care.Case, ref care.ReferralID) bool {
	return by.Role != care.SocialWorker || slices.ContainsFunc(c.Referrals, func(r care.Referral) bool { return r.ID == ref && r.Worker.ID == by.ID })
}

// A NamedList is a list that somebody named: the address of its filters.
type NamedList struct{ Name, Path string }

// NamedLists is the reader's own saved views, by name.
func (h *Hub) NamedLists(ctx context.Context, by care.Actor) ([]NamedList, error) {
	var out []NamedList
	err := h.Store.View(ctx, func(tx *store.Tx) error {
		vs, err := tx.SavedViews(by.ID)
		if err != nil {
			return err
		}
		out = nil
		for _, v := range vs {
			var path string
			if err := json.Unmarshal(v.Doc, &path); err != nil {
				return err
			}
			out = append(out, NamedList{v.Name, path})
		}
		return nil
	})
	return out, h.unavailable(err)
}

// The most saved views of a reader, and the longest name, in characters.
const (
	namedMost = 20
	namedLong = 40
)

// NameList keeps a list under a name; the same name again is the same view. Path is an
// address of a list here: it names places, stages and staff, never a person.
func (h *Hub) NameList(ctx context.Context, by care.Actor, l NamedList) error {
	l.Name = strings.Join(strings.Fields(l.Name), " ")
	switch {
	case l.Name == "":
		return &care.Error{Kind: care.Required, Field: "name", Text: "Enter a name for the view"}
	case len([]rune(l.Name)) > namedLong:
		return &care.Error{Kind: care.Invalid, Field: "name", Text: "Shorten the name to 40 characters or fewer"}
	}
	had, err := h.NamedLists(ctx, by)
	if err != nil {
		return err
	}
	if len(had) >= namedMost && !slices.ContainsFunc(had, func(x NamedList) bool { return x.Name == l.Name }) {
		return &care.Error{Kind: care.BusinessRule, Field: "name", Text: "You have 20 saved views. Remove one first"}
	}
	doc, err := json.Marshal(l.Path)
	if err != nil {
		return err
	}
	return h.update(ctx, func(tx *store.Tx) error { return tx.PutSavedView(store.SavedView{User: by.ID, Name: l.Name, Doc: doc}) })
}

// DropList forgets a saved view.
func (h *Hub) DropList(ctx context.Context, by care.Actor, name string) error {
	return h.update(ctx, func(tx *store.Tx) error { return tx.DropSavedView(by.ID, name) })
}

// overdue reports whether what is next of a referral was due before now.
func overdue(r care.Row, now time.Time) bool {
	return r.Open && !r.Holder.Due.IsZero() && r.Holder.Due.Before(now)
}
