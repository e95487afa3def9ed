package hub

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// TaskPart is the tasks and nudges of a case, as its reader may see them.
type TaskPart struct {
	Tasks     []TaskView      // open first, those that are due first
	Audiences []care.Audience // for whom this reader may set a task; none: they may not
	Nudges    []care.Nudge    // about the referral that matters now, since its holder has it
	NudgeFrom time.Time       // when the reader's side may nudge (again); zero: it may not
}

// TaskView is a task with names instead of codes.
type TaskView struct {
	care.Task
	OwnerSay string // "S. Reed", "Hospital team, Nottinghamshire"
	BySay    string
	Mine     bool // on a list of the reader's
}

// seesTask reports whether a task that a reader may see by its audience is of their
// own side, or flows to it: as seesNote. What Homeward set by a rule is of the side
// that must do it.
func (a *asking) seesTask(t care.Task, see map[care.Audience]bool) bool {
	from := cmp.Or(t.By.Org, t.Owner.Org)
	return see[t.Audience] && (from == a.by.Org || t.Audience == care.AudienceBoth && a.from(from)[policy.SeeTasks])
}

// taskAudiences says for whom the reader may do something with tasks.
func (a *asking) taskAudiences(action policy.Action) map[care.Audience]bool {
	see := map[care.Audience]bool{}
	for _, audience := range noteAudiences {
		see[audience] = a.with(audience, action)
	}
	return see
}

var noteAudiences = []care.Audience{care.AudienceBoth, care.AudienceCouncil, care.AudienceHospital}

// taskPart fills the tasks and nudges of a case's view.
func (h *Hub) taskPart(tx *store.Tx, a *asking, c care.Case, v *CaseView, now time.Time) error {
	see, set := a.taskSees(), a.taskAudiences(policy.SetTask)
	names := naming{h: h, tx: tx}
	for _, t := range c.Tasks {
		if !a.seesTask(t, see) {
			continue
		}
		x, err := names.view(a.by, t)
		if err != nil {
			return err
		}
		v.Tasks.Tasks = append(v.Tasks.Tasks, x)
	}
	slices.SortStableFunc(v.Tasks.Tasks, openFirst)
	for _, audience := range noteAudiences {
		if set[audience] && c.JoinedTo == "" && c.Doubt == nil {
			v.Tasks.Audiences = append(v.Tasks.Audiences, audience)
		}
	}
	r := v.Current()
	if r == nil || !r.Referral.Open() {
		return nil
	}
	for _, n := range c.Nudges {
		if n.Referral == r.Referral.ID && !n.At.Before(r.Referral.Holder.Since) {
			v.Tasks.Nudges = append(v.Tasks.Nudges, n)
		}
	}
	if a.may[policy.Nudge] && c.Doubt == nil && r.Referral.Holder.Org != a.by.Org {
		v.Tasks.NudgeFrom = r.Referral.Holder.Since
		for _, n := range v.Tasks.Nudges {
			if n.By.Org == a.by.Org {
				v.Tasks.NudgeFrom = n.At.Add(care.NudgeApart)
			}
		}
	}
	return nil
}

// openFirst puts open tasks before those that ended: the former by when they are
// due, the latter with the newest first.
func openFirst(x, y TaskView) int {
	switch {
	case x.Open() != y.Open():
		if x.Open() {
			return -1
		}
		return 1
	case x.Open():
		return x.Due.Compare(y.Due)
	}
	return y.Ended.Compare(x.Ended)
}

// naming gives owners of tasks their names, asking for each team once.
type naming struct {
	h     *Hub
	tx    *store.Tx
	teams map[nhs.ODS][]care.Team
}

func (n *naming) view(by care.Actor, t care.Task) (TaskView, error) {
	say, err := n.owner(t)
	v := TaskView{Task: t, OwnerSay: say, BySay: cmp.Or(t.By.Name, "Homeward")}
	v.Mine = t.Owner.Org == by.Org && slices.Contains(taskLists(by), t.List())
	return v, err
}

// owner is who must do a task, in words.
func (n *naming) owner(t care.Task) (string, error) {
	o, org := t.Owner, n.h.Org(t.Owner.Org).Name
	switch {
	case o.Who.ID != "":
		return o.Who.Name + ", " + org, nil
	case t.List() == care.ListManagers:
		return "Managers, " + org, nil
	case o.Team == "":
		return "Whoever is on duty, " + org, nil
	}
	teams, known := n.teams[o.Org]
	if !known {
		var err error
		if teams, err = n.tx.Teams(o.Org); err != nil {
			return "", err
		}
		if n.teams == nil {
			n.teams = map[nhs.ODS][]care.Team{}
		}
		n.teams[o.Org] = teams
	}
	name := o.Team
	for _, t := range teams {
		if t.ID == o.Team {
			named, _ := n.h.team(t)
			name = cmp.Or(named.Name, o.Team)
		}
	}
	return name + ", " + org, nil
}

// taskLists are the lists of tasks that somebody looks after themselves: their own,
// and those of the managers where they are one.
func taskLists(by care.Actor) []string {
	out := []string{string(by.ID)}
	if leads(by.Role) {
		out = append(out, care.ListManagers)
	}
	return out
}

// leads reports whether a role manages others' work on cases.
func leads(r care.Role) bool { return r == care.TeamManager || r == care.Coordinator }

// worksCases reports whether a role works on cases, and so has tasks and
// notifications.
func worksCases(r care.Role) bool {
	return slices.Contains([]care.Role{care.WardNurse, care.Coordinator, care.SocialWorker, care.TeamManager, care.Broker}, r)
}

// taskItem says whether a reader sees a timeline entry of a task or a nudge.
func (h *Hub) taskItem(a *asking, c care.Case, e care.Event, t *TimelineItem) bool {
	switch x := e.(type) {
	case care.TaskChanged:
		t.Audience, t.Text = x.Task.Audience, x.Task.Text
		if x.Did == care.TaskDone || x.Did == care.TaskDropped {
			t.Text = cmp.Or(x.Task.Outcome, x.Task.Text)
		}
		if x.By.ID == "" {
			t.By, t.Org = "Homeward", ""
		}
		return a.seesTask(x.Task, a.taskSees())
	case care.Nudged:
		t.Text = x.Nudge.Text
		i := slices.IndexFunc(c.Referrals, func(r care.Referral) bool { return r.ID == x.Nudge.Referral })
		return i >= 0 && a.may[policy.SeeReferral] && a.seesReferral(c.Referrals[i])
	}
	return false
}

// taskSees is taskAudiences of seeing, asked once for one reader.
func (a *asking) taskSees() map[care.Audience]bool {
	if a.tasks == nil {
		a.tasks = a.taskAudiences(policy.SeeTasks)
	}
	return a.tasks
}

// PersonView is somebody, or a team, that a task can be given to or a note can
// mention. Code is how a form names them.
type PersonView struct {
	Code  string
	Name  string // "S. Reed", "Hospital team"
	Org   care.Org
	Owner care.Owner
	Near  bool // works on this case, or is a team: to be offered first
}

// OwnerCode is how a form names an owner: kind, organisation and name.
func OwnerCode(o care.Owner) string {
	switch {
	case o.Who.ID != "":
		return "who " + string(o.Org) + " " + string(o.Who.ID)
	case o.Team != "":
		return "team " + string(o.Org) + " " + o.Team
	}
	return "org " + string(o.Org)
}

// TaskPeople lists whom a task about a case can be given to, and whom a note about
// it can mention: those who work on it, teams, and the staff of the reader's own
// organisation.
func (h *Hub) TaskPeople(ctx context.Context, by care.Actor, id care.CaseID) ([]PersonView, error) {
	var out []PersonView
	err := h.Store.View(ctx, func(tx *store.Tx) error {
		c, err := tx.Case(id)
		if err != nil && care.KindOf(err) != care.NotFound {
			return err
		}
		c.ID = cmp.Or(c.ID, "unknown")
		a := h.ask(by, policy.SeeTasks, &c, policy.DischargePlanning, "", h.now())
		if err := a.onto(tx, h.now()); err != nil {
			return err
		}
		if a.decide(policy.SeeDemographics, policy.SeeReferral, policy.SeeTimeline); !a.opens() {
			return &care.Error{Kind: care.Forbidden, Text: "You cannot see this"}
		}
		out, err = h.taskPeople(tx, a, c)
		return err
	})
	return out, h.unavailable(err)
}

func (h *Hub) taskPeople(tx *store.Tx, a *asking, c care.Case) ([]PersonView, error) {
	near, orgs := []care.ActorID{a.by.ID}, []nhs.ODS{a.by.Org}
	for _, r := range c.Referrals {
		if !a.seesReferral(r) {
			continue
		}
		near = append(near, r.SentBy.ID, r.Worker.ID, r.Holder.Who.ID)
		for _, org := range []nhs.ODS{r.From, r.To} {
			if org != "" && !slices.Contains(orgs, org) {
				orgs = append(orgs, org)
			}
		}
	}
	for _, n := range a.seenNotes(c, a.audiences()) {
		near = append(near, n.By.ID)
	}
	accounts, err := tx.Users()
	if err != nil {
		return nil, err
	}
	var out []PersonView
	for _, org := range orgs {
		add := func(o care.Owner, name string, near bool) {
			out = append(out, PersonView{Code: OwnerCode(o), Name: name, Org: h.Org(org), Owner: o, Near: near})
		}
		for _, acc := range accounts {
			if i := caseGrant(acc, org); i >= 0 && (org == a.by.Org || slices.Contains(near, acc.ID)) {
				add(care.Owner{Org: org, Who: care.Who{ID: acc.ID, Name: acc.Name, Org: org}}, acc.Name, slices.Contains(near, acc.ID))
			}
		}
		teams, err := tx.Teams(org)
		if err != nil {
			return nil, err
		}
		for _, t := range teams {
			if named, retired := h.team(t); !retired && (org == a.by.Org || holds(c, org, t.ID)) {
				add(care.Owner{Org: org, Team: t.ID}, named.Name, true)
			}
		}
		add(care.Owner{Org: org}, "Whoever is on duty", true)
	}
	slices.SortStableFunc(out, func(x, y PersonView) int { return cmp.Compare(nearness(x, a.by), nearness(y, a.by)) })
	return out, nil
}

// nearness orders whom a task is offered to: the reader, those near, the others.
func nearness(p PersonView, by care.Actor) int {
	switch {
	case p.Owner.Who.ID == by.ID && p.Owner.Org == by.Org:
		return 0
	case p.Near:
		return 1
	}
	return 2
}

// holds reports whether a team of an organisation has a referral of the case now.
func holds(c care.Case, org nhs.ODS, team string) bool {
	return slices.ContainsFunc(c.Referrals, func(r care.Referral) bool {
		return r.Open() && r.Holder.Org == org && r.Holder.Team == team
	})
}

// caseGrant is the grant by which somebody works on cases for an organisation; -1
// when there is none.
func caseGrant(a care.Account, org nhs.ODS) int {
	if a.Disabled {
		return -1
	}
	return slices.IndexFunc(a.Grants, func(g care.Grant) bool { return g.Org == org && worksCases(g.Role) })
}

// personOf is the owner that a form names, out of those who can be chosen.
func personOf(people []PersonView, field, code string) (care.Owner, error) {
	i := slices.IndexFunc(people, func(p PersonView) bool { return p.Code == code })
	if i < 0 {
		return care.Owner{}, &care.Error{Kind: care.Invalid, Field: field, Text: "Choose who it is for"}
	}
	return people[i].Owner, nil
}

// NewTask is a task as somebody typed it. Key is of the form.
type NewTask struct {
	Key      string
	Audience care.Audience
	Text     string
	Owner    string // a PersonView's code
	Due      time.Time
	Referral care.ReferralID
}

// SetTask sets a task about a case. The same form sent twice sets it once.
func (h *Hub) SetTask(ctx context.Context, by care.Actor, id care.CaseID, n NewTask) error {
	n.Text = strings.TrimSpace(n.Text)
	return h.update(ctx, func(tx *store.Tx) error {
		a, c, err := h.named(tx, by, policy.SetTask, id, h.now())
		if err != nil {
			return err
		}
		a.context.Audience = policy.Audience(n.Audience)
		t := care.Task{ID: onceID(n.Key, by, string(id), string(n.Audience), n.Text, n.Owner, n.Due.UTC().Format(time.RFC3339)),
			Audience: n.Audience, Text: n.Text, Due: n.Due, Referral: n.Referral}
		if t.Owner, err = h.chosen(tx, a, c, policy.SetTask, "owner", n.Owner); err != nil {
			return err
		}
		_, err = h.carry(tx, a, c, policy.SetTask, care.SetTask{Task: t})
		return err
	})
}

// chosen is the owner that a form names, for those who may do the action; whoever
// may not is refused by it, and told nothing of who there is.
func (h *Hub) chosen(tx *store.Tx, a *asking, c care.Case, action policy.Action, field, code string) (care.Owner, error) {
	if a.decide(action, policy.SeeReferral); !a.may[action] || code == "" {
		return care.Owner{}, nil
	}
	people, err := h.taskPeople(tx, a, c)
	if err != nil {
		return care.Owner{}, err
	}
	return personOf(people, field, code)
}

// ofTask begins a use case about one task. One that the reader may not know is
// refused as a stranger's would be.
func (h *Hub) ofTask(tx *store.Tx, by care.Actor, id care.CaseID, task string) (*asking, care.Case, care.Task, error) {
	a, c, err := h.named(tx, by, policy.SetTask, id, h.now())
	if err != nil {
		return a, c, care.Task{}, err
	}
	i := slices.IndexFunc(c.Tasks, func(t care.Task) bool { return t.ID == task })
	if i < 0 || !a.seesTask(c.Tasks[i], a.taskSees()) {
		return a, c, care.Task{}, a.refuse(tx)
	}
	a.context.Audience = policy.Audience(c.Tasks[i].Audience)
	return a, c, c.Tasks[i], nil
}

// GiveTask gives a task to another, or moves when it is due. owner and was are
// PersonView codes; was and saw are whom and which due time the reader saw.
func (h *Hub) GiveTask(ctx context.Context, by care.Actor, id care.CaseID, task, owner string, due time.Time, was string, saw time.Time) error {
	return h.update(ctx, func(tx *store.Tx) error {
		a, c, t, err := h.ofTask(tx, by, id, task)
		if err != nil {
			return err
		}
		seen := t.Owner
		if was != OwnerCode(t.Owner) {
			seen = care.Owner{} // another has it by now
		}
		to := t.Owner
		if owner != OwnerCode(t.Owner) {
			if to, err = h.chosen(tx, a, c, policy.SetTask, "owner", owner); err != nil {
				return err
			}
		}
		_, err = h.carry(tx, a, c, policy.SetTask, care.GiveTask{ID: task, Owner: to, Due: due, Was: seen, Saw: saw})
		return err
	})
}

// EndTask says that a task is done, with what came of it, or is not needed, with why.
func (h *Hub) EndTask(ctx context.Context, by care.Actor, id care.CaseID, task string, done bool, outcome string) error {
	return h.update(ctx, func(tx *store.Tx) error {
		a, c, _, err := h.ofTask(tx, by, id, task)
		if err != nil {
			return err
		}
		_, err = h.carry(tx, a, c, policy.SetTask, care.EndTask{ID: task, Done: done, Outcome: strings.TrimSpace(outcome)})
		return err
	})
}

// Nudge asks whoever has a referral to act, with words or without. key is of the
// form: sent twice it is one nudge.
func (h *Hub) Nudge(ctx context.Context, by care.Actor, id care.CaseID, ref care.ReferralID, key, words string) error {
	words = strings.TrimSpace(words)
	return h.update(ctx, func(tx *store.Tx) error {
		a, c, err := h.named(tx, by, policy.Nudge, id, h.now())
		if err != nil {
			return err
		}
		i := slices.IndexFunc(c.Referrals, func(r care.Referral) bool { return r.ID == ref })
		if a.decide(policy.SeeReferral); i < 0 || !a.may[policy.SeeReferral] || !a.seesReferral(c.Referrals[i]) {
			return a.refuse(tx)
		}
		n := care.Nudge{ID: onceID(key, by, string(id), string(ref)), Referral: ref, Text: words}
		_, err = h.carry(tx, a, c, policy.Nudge, care.GiveNudge{Nudge: n})
		return err
	})
}

// NewNote is a note as somebody typed it. Mentions are PersonView codes; names
// after an @ in the text are found by themselves.
type NewNote struct {
	Key      string
	Audience care.Audience
	Kind     string
	Text     string
	Mentions []string
}

// WriteNote writes a note with its kind and those whom it mentions. Who cannot read
// it is not told of it: of the other side only what is for both.
func (h *Hub) WriteNote(ctx context.Context, by care.Actor, id care.CaseID, n NewNote) error {
	n.Text = strings.TrimSpace(n.Text)
	return h.update(ctx, func(tx *store.Tx) error {
		a, c, err := h.named(tx, by, policy.AddNote, id, h.now())
		if err != nil {
			return err
		}
		a.context.Audience = policy.Audience(n.Audience)
		note := care.Note{ID: onceID(n.Key, by, string(id), string(n.Audience), n.Kind, n.Text), At: h.now(), By: by.Who(), Audience: n.Audience, Kind: n.Kind, Text: n.Text}
		if a.decide(policy.AddNote, policy.SeeReferral); a.may[policy.AddNote] && (len(n.Mentions) > 0 || strings.Contains(n.Text, "@")) {
			people, err := h.taskPeople(tx, a, c)
			if err != nil {
				return err
			}
			if note.Mentions, err = mentioned(people, by, n); err != nil {
				return err
			}
		}
		_, err = h.carry(tx, a, c, policy.AddNote, care.AddNote{Note: note})
		return err
	})
}

// mentioned are those whom a note mentions: those that were ticked, and those whose
// name stands after an @ in the text. Somebody named there who could not read the
// note is left as the words they are; somebody ticked is refused by the rules.
func mentioned(people []PersonView, by care.Actor, n NewNote) (out []care.Owner, err error) {
	for _, code := range n.Mentions {
		o, err := personOf(people, "mentions", code)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(out, o) {
			out = append(out, o)
		}
	}
	text := strings.ToLower(n.Text)
	for _, p := range people {
		reads := p.Owner.Org == by.Org || n.Audience == care.AudienceBoth
		if named := p.Owner.Who.ID != "" || p.Owner.Team != ""; named && reads && namedIn(text, strings.ToLower(p.Name)) && !slices.Contains(out, p.Owner) {
			out = append(out, p.Owner)
		}
	}
	return out, nil
}

// namedIn reports whether a name stands after an @ in a text, whole.
func namedIn(text, name string) bool {
	for rest := text; name != ""; {
		i := strings.Index(rest, "@"+name)
		if i < 0 {
			return false
		}
		rest = rest[i+1+len(name):]
		if next := strings.TrimLeft(rest, "abcdefghijklmnopqrstuvwxyz0123456789"); next == rest {
			return true
		}
	}
	return false
}

// TaskScope is which tasks a list is of.
type TaskScope string

// The lists of tasks.
const (
	TasksMine    TaskScope = "mine"
	TasksTeam    TaskScope = "team"    // of my teams, and of whoever is on duty
	TasksSet     TaskScope = "set"     // that I set
	TasksOverdue TaskScope = "overdue" // of mine and of my teams
)

// TaskList is a list of open tasks across cases: those that are due first.
type TaskList struct {
	Scope TaskScope
	Rows  []TaskRow
	More  bool // there are more than the list shows
	At    time.Time
}

// TaskRow is a task and the person that it is about.
type TaskRow struct {
	TaskView
	Case   care.CaseID
	Person care.Person // zero: who it is is not shown to the reader
}

// tasksShown is how many tasks a list shows.
const tasksShown = 200

// Tasks lists open tasks for the reader, of each case as they may see it.
func (h *Hub) Tasks(ctx context.Context, by care.Actor, scope TaskScope) (TaskList, error) {
	l := TaskList{Scope: scope, At: h.now()}
	action := policy.ListTracker
	if by.Role == care.WardNurse {
		action = policy.ListWard
	}
	a := h.ask(by, action, nil, policy.DischargePlanning, "", l.At)
	if !a.allowed(action) || !worksCases(by.Role) {
		return l, h.update(ctx, a.refuse)
	}
	err := h.Store.View(ctx, func(tx *store.Tx) error {
		l.Rows, l.More = nil, false
		return h.tasks(tx, by, &l)
	})
	if err != nil {
		return l, h.unavailable(err)
	}
	return l, h.update(ctx, func(tx *store.Tx) error { return a.audit(tx, true, "listed tasks: "+string(scope)) })
}

func (h *Hub) tasks(tx *store.Tx, by care.Actor, l *TaskList) error {
	q := store.ThreadQuery{Kind: care.TaskThread, Org: by.Org, States: []string{care.TaskOpen}, Limit: tasksShown + 1}
	team := []string{care.ListOrg}
	if by.Team != "" {
		team = append(team, care.TeamList(by.Team))
	}
	switch l.Scope {
	case TasksTeam:
		q.Owners = team
	case TasksSet:
		q.Kind, q.Owners = care.TaskSetThread, []string{string(by.ID)}
	case TasksOverdue:
		q.Owners, q.DueBefore = append(taskLists(by), team...), l.At
	default:
		l.Scope, q.Owners = TasksMine, taskLists(by)
	}
	threads, err := tx.Threads(q)
	if err != nil {
		return err
	}
	if l.More = len(threads) > tasksShown; l.More {
		threads = threads[:tasksShown]
	}
	asked := map[care.CaseID]*asking{}
	cases := map[care.CaseID]care.Case{}
	names := naming{h: h, tx: tx}
	for _, x := range threads {
		if asked[x.Case] == nil {
			c, err := tx.Case(x.Case)
			if err != nil {
				return err
			}
			a := h.ask(by, policy.SeeTasks, &c, policy.DischargePlanning, "", l.At)
			if err := a.onto(tx, l.At); err != nil {
				return err
			}
			a.decide(policy.SeeDemographics, policy.SeeWhereabouts, policy.SeeReferral, policy.SeeTimeline)
			asked[x.Case], cases[x.Case] = a, c
		}
		a, c := asked[x.Case], cases[x.Case]
		i := slices.IndexFunc(c.Tasks, func(t care.Task) bool { return t.ID == x.ID })
		if i < 0 || !a.opens() || !a.seesTask(c.Tasks[i], a.taskSees()) {
			continue
		}
		view, err := names.view(by, c.Tasks[i])
		if err != nil {
			return err
		}
		l.Rows = append(l.Rows, TaskRow{TaskView: view, Case: c.ID, Person: a.person(c)})
	}
	return nil
}
