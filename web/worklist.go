package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"homeward/care"
	"homeward/hub"
	"homeward/policy"
	"homeward/web/ui"
)

// The views of a worklist.
const (
	viewAllocate  = "allocate"  // referrals without a worker
	viewTeam      = "team"      // with a worker of the reader's team
	viewMine      = "mine"      // with the reader
	viewOverdue   = "overdue"   // of the council, where what is next was due before now
	viewUnsettled = "unsettled" // of which it is not settled which council they are for
)

// workViews are the views that a role has, first the one it begins with.
var workViews = map[care.Role][]string{
	care.TeamManager:  {viewAllocate, viewTeam, viewMine, viewOverdue},
	care.SocialWorker: {viewMine, viewTeam, viewAllocate, viewOverdue},
	care.Broker:       {viewTeam, viewAllocate, viewOverdue},
	care.Coordinator:  {viewUnsettled},
}

var workTitles = map[string]string{viewAllocate: "To allocate", viewTeam: "My team", viewMine: "My work", viewOverdue: "Overdue", viewUnsettled: "Council not settled"}

// worklist sets the query of the view that the address asks for.
func (l *list) worklist() {
	views := workViews[l.by.Role]
	if !slices.Contains(views, l.view) {
		l.view = viewMine
		if len(views) > 0 {
			l.view = views[0]
		}
	}
	l.asked.Set("view", l.view)
	q := &l.query
	q.Scope = hub.ScopeWorklist
	switch l.view {
	case viewAllocate:
		q.Worker = "none"
	case viewTeam, viewOverdue:
		q.Everything, q.Page = true, 1
	case viewMine:
		q.Worker = l.by.ID
	case viewUnsettled:
		q.Scope = hub.ScopeUnsettled
	}
}

// worklist is what a council, or a trust whose addresses are not settled, has
// to do. ui.md 7.7.
func (s *Server) worklist(v *visit) (response, error) {
	l, err := s.listOf(v, kindWorklist)
	if err != nil {
		return nil, err
	}
	rows, err := s.Hub.List(v.ctx(), v.by, l.query)
	if err != nil {
		return nil, err
	}
	if l.query.Page > rows.Pages {
		return goTo(l.path()), nil
	}
	c := viewCounts(rows)
	if l.narrower() {
		c = l.rowCounts(byID(rows.Rows))
	}
	var tabs ui.Nodes
	if views := workViews[v.by.Role]; len(views) > 1 {
		nav := make([]ui.NavItem, len(views))
		for i, key := range views {
			nav[i] = ui.NavItem{Href: "/worklist?view=" + key, Text: workTitles[key], Current: key == l.view}
		}
		tabs = ui.Nodes{ui.Tabs("Lists", nav...)}
	}
	p := ui.Page{Title: "Worklist", Width: ui.WorkPage, Main: []ui.Node{
		ui.WorkHead(workTitles[l.view], l.countsText(c), tabs...),
		s.pausedBanner(rows.Paused),
		l.strip(rows),
		ui.PrintMeta(v.now, v.by.Name),
	}}
	body, err := s.workBody(v, l, rows)
	if err != nil {
		return nil, err
	}
	saved, err := s.viewsPart(v)
	if err != nil {
		return nil, err
	}
	p.Main = append(p.Main, body, l.pagination(rows))
	if l.view == viewMine && len(rows.Rows) > 0 {
		p.Main = append(p.Main, ui.Para(ui.Link("/handover", "Hand over my "+ui.Plural(len(rows.Rows), "open case", "open cases"))))
	}
	p.Main = append(p.Main, saved)
	return show(p), nil
}

// narrower reports whether a view of a worklist shows fewer rows than the hub gives.
func (l list) narrower() bool {
	return l.kind == kindWorklist && (l.view == viewTeam || l.view == viewOverdue)
}

// workBody is the table; for those who may allocate it is a form, so that
// several people are allocated at once.
func (s *Server) workBody(v *visit, l list, rows hub.ListView) (ui.Node, error) {
	table := l.fill(rows, l.noWork())
	if l.view != viewAllocate || !mayAllocate(v.by) {
		return table, nil
	}
	workers, err := s.Hub.Workers(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	return ui.PostForm("/worklist/allocate-many",
		table,
		ui.Section("many", "Allocate several people",
			ui.P("Tick the people above, then select who takes them on. You check the list before anything is done."),
			workerSelect(workers, "", ""),
			ui.Button{Text: "Allocate the people ticked", Kind: ui.Secondary})), nil
}

// noWork is what an empty worklist says.
func (l list) noWork() ui.Node {
	switch l.view {
	case viewAllocate:
		return ui.Empty("Nobody to allocate", ui.P("New referrals come here by themselves."))
	case viewTeam:
		return ui.Empty("Nobody is with your team", ui.P("People come here when they are allocated to a worker of your team."))
	case viewOverdue:
		return ui.Empty("Nothing is overdue", ui.P("People come here when what is next for them was due before now."))
	case viewUnsettled:
		return ui.Empty("Every referral has its council", ui.P("Referrals come here when their address does not say which council is responsible."))
	}
	return ui.Empty("Nobody is allocated to you", ui.P("People come here when your team manager allocates them to you."))
}

func mayAllocate(by care.Actor) bool { return by.Role == care.TeamManager }

func mayAccept(by care.Actor) bool {
	return by.Role == care.TeamManager || by.Role == care.SocialWorker
}

// workerSelect offers the workers with what they have open.
func workerSelect(workers []hub.WorkerView, value, wrong string) ui.Node {
	items := []ui.Choice{{Value: "", Label: "Select a worker"}}
	for _, w := range workers {
		items = append(items, ui.Choice{Value: string(w.ID), Label: workerLabel(w)})
	}
	return ui.Select{ID: "worker", Name: "worker", Label: "Worker", Value: value, Items: items, Error: wrong}
}

func (l list) allocateColumns() []ui.Column {
	cols := []ui.Column{
		{Label: "Person"}, {Label: "Where"}, {Label: "Sent (target 24 hours)"}, {Label: "Since discharge-ready"}, {Label: "Pathway and stage"}, {Label: "Waiting for"},
	}
	if mayAllocate(l.by) {
		cols = append(cols, ui.Column{Label: "Tick", HideOnPrint: true})
	}
	return append(cols, ui.Column{Label: "Next action", HideOnPrint: true})
}

func (l list) allocateCells(r hub.ListRow, at time.Time) []ui.Node {
	cells := []ui.Node{personCell(r), l.whereCell(r, at), targetCell(r, at), waitCell(r), stageCell(r), l.waitingCell(r, at)}
	name := personName(r.Row)
	if mayAllocate(l.by) {
		tick := ui.Node(ui.Missing("Not applicable"))
		if allocatable(r.Row) {
			tick = ui.Tick("pick-"+string(r.Row.Case), "pick", pickOf(r.Row).String(), "Choose "+name)
		}
		cells = append(cells, tick)
	}
	return append(cells, l.workAction(r, name))
}

// workAction is what this reader can do with a referral at once.
func (l list) workAction(r hub.ListRow, name string) ui.Node {
	var out ui.Nodes
	pick := pickOf(r.Row).String()
	toAccept := r.Row.State == care.RefSent || r.Row.State == care.RefReceived
	switch {
	case r.Row.Frozen || !allocatable(r.Row):
	case mayAllocate(l.by):
		out = append(out, ui.Button{Text: "Allocate", About: name, Kind: ui.Secondary, Small: true, Name: "one", Value: pick, Action: "/worklist/allocate"})
		if toAccept {
			out = append(out, ui.Button{Text: "Accept", About: name, Kind: ui.LinkStyle, Name: "one", Value: pick, Action: "/worklist/accept"})
		}
	case mayAccept(l.by) && toAccept:
		out = append(out, ui.PostForm("/worklist/accept", ui.Hidden("one", pick), ui.Button{Text: "Accept", About: name, Kind: ui.Secondary, Small: true}))
	}
	if len(out) == 0 {
		return openLink(r, "Open", "the case of "+name)
	}
	return ui.ButtonGroup(out...)
}

// allocatable reports whether a worker can be given to the referral now, as far
// as a page can tell.
func allocatable(r care.Row) bool {
	return r.Open && !r.Died && !r.Frozen && r.State != care.RefReturned
}

// targetCell is how long the council has had the referral, against the target.
func targetCell(r hub.ListRow, at time.Time) ui.Node {
	if r.Row.SentAt.IsZero() {
		return ui.Missing("Not known")
	}
	had := max(at.Sub(r.Row.SentAt), 0)
	cell := ui.Nodes{}
	switch {
	case r.Row.State == care.RefReturned:
		cell = append(cell, ui.Tag(ui.TagGrey, "Returned"))
	case had > care.AllocateWithin:
		cell = append(cell, ui.Tag(ui.TagRed, "Late"))
	default:
		cell = append(cell, ui.Tag(ui.TagWhite, "In time"))
	}
	return append(cell, ui.Sub(ui.ClockOn(r.Row.SentAt, at)))
}

// A pick is a referral as a form names it: with the worker whom the reader saw,
// so that nobody is overruled unseen.
type pick struct {
	id  care.CaseID
	ref care.ReferralID
	was care.ActorID
}

func pickOf(r care.Row) pick { return pick{r.Case, r.Referral, r.Worker.ID} }

func (p pick) String() string { return string(p.id) + " " + string(p.ref) + " " + string(p.was) }

func parsePick(s string) (pick, bool) {
	id, rest, ok := strings.Cut(s, " ")
	ref, was, _ := strings.Cut(rest, " ")
	return pick{care.CaseID(id), care.ReferralID(ref), care.ActorID(strings.TrimSpace(was))}, ok && id != "" && ref != ""
}

// picked is the referral that a button named.
func (v *visit) picked() (pick, error) {
	p, ok := parsePick(v.form("one"))
	if !ok {
		return p, &care.Error{Kind: care.Invalid, Text: "Choose a person on the worklist"}
	}
	return p, nil
}

const toAllocate = "/worklist?view=" + viewAllocate

func (s *Server) acceptOne(v *visit) (response, error) {
	p, err := v.picked()
	if err != nil {
		return nil, err
	}
	if err := s.Hub.Accept(v.ctx(), v.by, p.id, p.ref); err != nil {
		return s.taken(v, p, err)
	}
	return goTo(toAllocate).saying("The referral was accepted. Allocate a worker next."), nil
}

// notAllocating is what who may not allocate is told, before any form.
var notAllocating = &care.Error{Kind: care.Forbidden, Text: "Your role cannot allocate referrals"}

// allocateOne asks who takes somebody on, and gives it to them.
func (s *Server) allocateOne(v *visit) (response, error) {
	p, err := v.picked()
	if err != nil {
		return nil, err
	}
	workers, err := s.Hub.Suggest(v.ctx(), v.by, p.id, p.ref)
	if err != nil {
		return nil, err
	}
	worker := care.ActorID(v.form("worker"))
	if v.form("asked") == "" || worker == "" {
		return s.askOne(v, p, workers)
	}
	err = s.giveTo(v, p, worker)
	if err == nil {
		return goTo(toAllocate).saying("The referral was allocated to " + workerName(workers, worker) + "."), nil
	}
	if _, about := fieldErrors(err, nil); about {
		return s.askOne(v, p, workers)
	}
	return s.taken(v, p, err)
}

// giveTo allocates a referral; one that waits to be accepted is accepted by
// that.
func (s *Server) giveTo(v *visit, p pick, worker care.ActorID) error {
	err := s.Hub.Allocate(v.ctx(), v.by, p.id, p.ref, worker, p.was)
	if care.KindOf(err) != care.BusinessRule {
		return err
	}
	// Not received by the council's own system yet: accepting says that it is here.
	if accepted := s.Hub.Accept(v.ctx(), v.by, p.id, p.ref); accepted != nil {
		return err
	}
	return s.Hub.Allocate(v.ctx(), v.by, p.id, p.ref, worker, p.was)
}

func workerName(workers []hub.WorkerView, id care.ActorID) string {
	for _, w := range workers {
		if w.ID == id {
			return w.Name
		}
	}
	return "a worker"
}

// askOne is the small form of one person: who takes them on.
func (s *Server) askOne(v *visit, p pick, workers []hub.WorkerView) (response, error) {
	c, err := s.Hub.Case(v.ctx(), v.by, p.id)
	if err != nil {
		return nil, err
	}
	if !c.May[policy.Allocate] {
		return nil, notAllocating
	}
	var wrong wrongs
	if v.form("asked") != "" {
		wrong.add("worker", "Select a worker")
	}
	body := ui.Nodes{ui.P("There is nobody to allocate to. Ask your administrator to add workers.")}
	if len(workers) > 0 {
		body = ui.Nodes{ui.PostForm("/worklist/allocate", ui.Hidden("one", p.String()), ui.Hidden("asked", "yes"),
			suggestedPart(workers), workerSelect(workers, suggestedOf(workers), ui.ErrorFor(wrong, "worker")), ui.Submit("Allocate"))}
	}
	page := ui.Page{Title: "Allocate a worker", Width: ui.FormPage, Back: &ui.NavItem{Href: toAllocate, Text: "Back to the worklist"},
		Banner: s.caseBanner(c, v.now),
		Main:   []ui.Node{ui.ErrorSummary(wrong), ui.H1("Allocate a worker"), body}}
	if len(wrong) > 0 {
		return refuse(page), nil
	}
	return show(page), nil
}

// suggestedPart says who is suggested, and why: a person still chooses.
func suggestedPart(workers []hub.WorkerView) ui.Node {
	for _, w := range workers {
		if w.Suggested {
			return ui.Inset(ui.Para(ui.Strong("Suggested: "+w.Name)), ui.P(strings.Join(w.Why, ". ")+". "+upper(carries(w.Open, w.Load, w.Most))+"."))
		}
	}
	return ui.Inset(ui.P("Nobody is suggested: nobody is in today with room for another person."))
}

func suggestedOf(workers []hub.WorkerView) string {
	for _, w := range workers {
		if w.Suggested {
			return string(w.ID)
		}
	}
	return ""
}

// taken is what is shown when somebody else was quicker: who, and when.
func (s *Server) taken(v *visit, p pick, err error) (response, error) {
	kind := care.KindOf(err)
	if kind != care.Conflict && kind != care.BusinessRule {
		return nil, err
	}
	c, failed := s.Hub.Case(v.ctx(), v.by, p.id)
	if failed != nil {
		return nil, err
	}
	text := sentence(errorText(err))
	for _, r := range c.Referrals {
		if r.Referral.ID == p.ref {
			text = tookThis(r, c.At, text)
		}
	}
	return page{ui.Page{Title: "Somebody else took this", Width: ui.FormPage, Banner: s.caseBanner(c, v.now), Main: []ui.Node{
		ui.H1("Somebody else took this"), ui.P(text),
		ui.ActionLink(casePath(p.id, ""), "Open the case as it is now"), ui.Para(ui.Link(toAllocate, "Back to the worklist"))}}, http.StatusConflict}, nil
}

// tookThis is "R Okafor took this 1 minute ago.", when that is what happened.
func tookThis(r hub.ReferralView, now time.Time, otherwise string) string {
	ref := r.Referral
	switch {
	case ref.Worker.Name != "" && !ref.Allocated.IsZero():
		return ref.Worker.Name + " took this " + ui.Ago(ref.Allocated, now) + "."
	case !ref.Accepted.IsZero() && ref.State == care.RefAccepted:
		return "Somebody accepted this " + ui.Ago(ref.Accepted, now) + "."
	}
	return otherwise
}

// mostAtOnce is how many people are allocated in one go.
const mostAtOnce = 100

// allocateMany shows what would be done, and does it once that is confirmed.
func (s *Server) allocateMany(v *visit) (response, error) {
	var picks []pick
	for _, text := range v.r.PostForm["pick"] {
		if p, ok := parsePick(text); ok && !slices.Contains(picks, p) && len(picks) < mostAtOnce {
			picks = append(picks, p)
		}
	}
	workers, err := s.Hub.Workers(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	worker := care.ActorID(v.form("worker"))
	var wrong wrongs
	if len(picks) == 0 {
		wrong.add("worker", "Tick at least one person on the worklist")
	}
	if !slices.ContainsFunc(workers, func(w hub.WorkerView) bool { return w.ID == worker }) {
		wrong.add("worker", "Select a worker")
	}
	people, err := s.namesOf(v, picks)
	if err != nil {
		return nil, err
	}
	if len(wrong) > 0 || v.form("confirm") == "" {
		return checkMany(picks, people, workers, worker, wrong), nil
	}
	return s.giveMany(v, picks, people, worker, workerName(workers, worker))
}

// namesOf names the people of picks, as their cases name them to this reader.
func (s *Server) namesOf(v *visit, picks []pick) (map[care.CaseID]string, error) {
	names := map[care.CaseID]string{}
	for _, p := range picks {
		c, err := s.Hub.Case(v.ctx(), v.by, p.id)
		if err != nil {
			return nil, err
		}
		if !c.May[policy.Allocate] {
			return nil, notAllocating
		}
		names[p.id] = ui.Name(c.Person.Family, c.Person.Given, c.Person.Title)
	}
	return names, nil
}

// checkMany is the check page: who, and to whom.
func checkMany(picks []pick, people map[care.CaseID]string, workers []hub.WorkerView, worker care.ActorID, wrong wrongs) response {
	body := ui.Nodes{}
	for _, p := range picks {
		body = append(body, ui.Hidden("pick", p.String()))
	}
	count := ui.Plural(len(picks), "person", "people")
	names := ui.Map(picks, func(p pick) ui.Node { return ui.Text(people[p.id]) })
	page := ui.Page{Title: "Check who you allocate", Width: ui.FormPage, Back: &ui.NavItem{Href: toAllocate, Text: "Back to the worklist"}}
	if len(wrong) > 0 {
		if len(picks) > 0 {
			body = append(body, ui.P("You ticked "+count+":"), ui.Bullets(names...), workerSelect(workers, "", ui.ErrorFor(wrong, "worker")), ui.Submit("Go on"))
		} else {
			body = append(body, workerSelect(workers, string(worker), ui.ErrorFor(wrong, "worker")), ui.Para(ui.Link(toAllocate, "Go back and tick people")))
		}
		page.Main = []ui.Node{ui.ErrorSummary(wrong), ui.H1("Check who you allocate"), ui.PostForm("/worklist/allocate-many", body)}
		return refuse(page)
	}
	body = append(body, ui.Hidden("worker", string(worker)), ui.Hidden("confirm", "yes"), ui.Submit("Allocate "+count))
	page.Main = []ui.Node{ui.H1("Check who you allocate"), ui.P("You are giving " + workerName(workers, worker) + " " + count + ":"), ui.Bullets(names...),
		ui.PostForm("/worklist/allocate-many", body), ui.Para(ui.Link(toAllocate, "Cancel"))}
	return show(page)
}

// giveMany allocates each, and says whom somebody else took meanwhile.
func (s *Server) giveMany(v *visit, picks []pick, people map[care.CaseID]string, worker care.ActorID, name string) (response, error) {
	var done int
	var missed ui.Nodes
	for _, p := range picks {
		err := s.giveTo(v, p, worker)
		kind := care.KindOf(err)
		switch {
		case err == nil:
			done++
		case kind == care.Conflict || kind == care.BusinessRule:
			missed = append(missed, ui.Nodes{ui.Link(casePath(p.id, ""), people[p.id]), ui.Text(": " + sentence(errorText(err)))})
		default:
			return nil, err
		}
	}
	count := ui.Plural(done, "person was", "people were")
	if len(missed) == 0 {
		return goTo(toAllocate).saying(count + " allocated to " + name + "."), nil
	}
	return page{ui.Page{Title: "Not everybody was allocated", Width: ui.FormPage, Main: []ui.Node{
		ui.H1("Not everybody was allocated"), ui.P(count + " allocated to " + name + ". " + strconv.Itoa(len(missed)) + " could not be:"), ui.Bullets(missed...),
		ui.Para(ui.Link(toAllocate, "Back to the worklist"))}}, http.StatusConflict}, nil
}
