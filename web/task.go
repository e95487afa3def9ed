package web

import (
	"cmp"
	"net/url"
	"strconv"
	"strings"
	"time"

	"homeward/care"
	"homeward/hub"
	"homeward/policy"
	"homeward/web/ui"
)

// taskRoutes is tasks, of a case and across cases, and asking the other side to act.
// ui.md 7.6, 7.8.
func (s *Server) taskRoutes() []route {
	const nudge = "/cases/{id}/referrals/{ref}/nudge"
	return []route{
		{pattern: "GET /tasks", nav: "tasks", asks: deciding(policy.ListTracker, policy.ListWard), do: s.tasks},
		{pattern: "GET /cases/{id}/tasks", nav: "tracker", asks: deciding(policy.SeeTasks), do: func(v *visit) (response, error) { return goTo(casePath(v.id(), "?tab=tasks")), nil }},
		{pattern: "POST /cases/{id}/tasks", nav: "tracker", asks: deciding(policy.SetTask), do: s.setTask},
		{pattern: "GET /cases/{id}/tasks/{task}", nav: "tracker", asks: deciding(policy.SeeTasks), do: s.showTask},
		{pattern: "POST /cases/{id}/tasks/{task}", nav: "tracker", asks: deciding(policy.SetTask), do: s.changeTask},
		{pattern: "GET " + nudge, nav: "tracker", asks: deciding(policy.Nudge), do: s.askNudge},
		{pattern: "POST " + nudge, nav: "tracker", asks: deciding(policy.Nudge), do: s.giveNudge},
	}
}

func taskPath(id care.CaseID, task string) string {
	return casePath(id, "/tasks/"+url.PathEscape(task))
}

// A taskForm is a task as somebody typed it.
type taskForm struct {
	key, audience, text, owner, clock, outcome, why string
	due                                             typedDate
}

// tasksTab lists the tasks of a case and takes a new one.
func (s *Server) tasksTab(v *visit, c hub.CaseView, n noteForm) ui.Node {
	var open []ui.TableRow
	var ended []ui.Event
	for _, t := range c.Tasks.Tasks {
		if t.Open() {
			open = append(open, ui.TableRow{Cells: []ui.Node{s.taskCell(c.ID, t), ui.Text(t.OwnerSay), dueCell(t.Due, v.now), taskButtons(c.ID, t, "")}})
			continue
		}
		title := "Done: "
		if t.Dropped {
			title = "Dropped: "
		}
		ended = append(ended, ui.Event{Title: title + t.Text, At: t.Ended, Who: cmp.Or(t.EndedBy.Name, "Homeward"), Audience: audienceTag(t.Audience), Body: ui.If(t.Outcome != "", func() ui.Node { return ui.Para(ui.Lines(t.Outcome)) })})
	}
	list := ui.Table{Caption: "Open tasks", Columns: []ui.Column{{Label: "What"}, {Label: "Who"}, {Label: "Due"}, {Label: "Action"}}, Rows: open, Empty: ui.P("There are no open tasks that you can see.")}
	var form ui.Node
	if len(c.Tasks.Audiences) > 0 {
		form = ui.Section("set-task", "Set a task", s.taskForm(v, c, n))
	}
	return ui.Nodes{ui.Section("tasks", "Tasks", list), form,
		ui.If(len(ended) > 0, func() ui.Node { return ui.Section("ended", "Ended", ui.Timeline(3, ended...)) })}
}

func (s *Server) taskCell(id care.CaseID, t hub.TaskView) ui.Node {
	words := ui.Nodes{ui.Link(taskPath(id, t.ID), t.Text), ui.Sub("Set by " + t.BySay + ", " + ui.Date(t.At))}
	if tag := audienceTag(t.Audience); tag != "" {
		words = append(words, ui.Sub(tag))
	}
	return words
}

// dueCell is when a task is due; what is overdue says so in words.
func dueCell(due, now time.Time) ui.Node {
	if due.Before(now) {
		return ui.Nodes{ui.Tag(ui.TagRed, "Overdue"), ui.Sub(ui.DateTime(due) + ", " + ui.Ago(due, now))}
	}
	return ui.TimeAt(due)
}

// taskButtons does a task with one click, from the list it is on.
func taskButtons(id care.CaseID, t hub.TaskView, list string) ui.Node {
	return ui.PostForm(taskPath(id, t.ID), ui.Hidden("do", "done"), ui.Hidden("list", list), ui.Button{Text: "Done", About: t.Text, Kind: ui.Secondary, Small: true})
}

func (s *Server) taskForm(v *visit, c hub.CaseView, n noteForm) ui.Node {
	var audiences []ui.Choice
	for _, a := range c.Tasks.Audiences {
		audiences = append(audiences, ui.Choice{Value: string(a), Label: audienceWords[a]})
	}
	f, people := n.task, peopleChoices(s.people(v, c), false)
	if f.key == "" && len(people) > 0 {
		f.owner = people[0].Value
	}
	if f.key == "" {
		tomorrow := s.today(v).Time().AddDate(0, 0, 1)
		f.key, f.clock = hub.NewKey(), "17:00"
		f.due = typedDate{strconv.Itoa(tomorrow.Day()), strconv.Itoa(int(tomorrow.Month())), strconv.Itoa(tomorrow.Year())}
	}
	return ui.PostForm(casePath(c.ID, "/tasks"),
		ui.Hidden("key", f.key),
		ui.Radios{ID: "task-audience", Name: "audience", Legend: "Who can see this task?", Value: f.audience, Items: audiences, Small: true, Error: ui.ErrorFor(n.errs, "task-audience")},
		ui.Textarea{ID: "task-text", Name: "text", Label: "What must be done?", Rows: 2, Value: f.text, Max: care.TaskOutcomeLimit, Error: ui.ErrorFor(n.errs, "task-text")},
		ui.Select{ID: "owner", Label: "Who does it?", Value: f.owner, Items: people, Error: ui.ErrorFor(n.errs, "owner")},
		dueFields(f, n.errs),
		ui.Submit("Set the task"))
}

func dueFields(f taskForm, errs []ui.FieldError) ui.Node {
	return ui.Nodes{
		ui.DateInput{ID: "due", Legend: "When is it due?", Day: f.due.Day, Month: f.due.Month, Year: f.due.Year, Error: ui.ErrorFor(errs, "due-day")},
		ui.Input{ID: "due-time", Label: "By what time?", Hint: "For example, 16:00", Value: f.clock, Width: 5, Error: ui.ErrorFor(errs, "due-time")}}
}

// readDue is when a task is due, as typed.
func (s *Server) readDue(f taskForm, w *wrongs) time.Time {
	day, wrong := f.due.parse("The day it is due")
	if f.due.empty() {
		wrong = "Enter the day it is due"
	}
	w.add("due-day", wrong)
	minutes, ok := parseClock(f.clock)
	if !ok {
		w.add("due-time", "Enter a time like 16:00")
	}
	if wrong != "" || !ok {
		return time.Time{}
	}
	return s.at(day, minutes)
}

func readTask(v *visit) taskForm {
	return taskForm{key: v.form("key"), audience: v.form("audience"), text: strings.ReplaceAll(v.form("text"), "\r\n", "\n"), owner: v.form("owner"), clock: v.form("due-time"), due: v.date("due"),
		outcome: strings.ReplaceAll(v.form("outcome"), "\r\n", "\n"), why: strings.ReplaceAll(v.form("why"), "\r\n", "\n")}
}

// taskFields are the hub's names of fields and the controls where they differ.
var taskFields = map[string]string{"audience": "task-audience", "text": "task-text", "due": "due-day"}

func (s *Server) setTask(v *visit) (response, error) {
	f := readTask(v)
	var w wrongs
	if audienceWords[care.Audience(f.audience)] == "" {
		w.add("task-audience", "Select who can see the task")
	}
	if f.text == "" {
		w.add("task-text", "Enter what must be done")
	}
	if f.owner == "" {
		w.add("owner", "Select who does it")
	}
	due := s.readDue(f, &w)
	errs := []ui.FieldError(w)
	if len(errs) == 0 {
		err := s.Hub.SetTask(v.ctx(), v.by, v.id(), hub.NewTask{Key: f.key, Audience: care.Audience(f.audience), Text: f.text, Owner: f.owner, Due: due})
		if err == nil {
			return goTo(casePath(v.id(), "?tab=tasks")).saying("The task was set."), nil
		}
		var ok bool
		if errs, ok = fieldErrors(err, taskFields); !ok {
			return nil, err
		}
	}
	c, err := s.Hub.Case(v.ctx(), v.by, v.id())
	if err != nil {
		return nil, err
	}
	f.key = cmp.Or(f.key, hub.NewKey())
	return refuse(s.casePage(v, c, "tasks", noteForm{task: f, errs: errs})), nil
}

// taskOf is the task that the path names, as the reader may see it.
func (s *Server) taskOf(v *visit) (hub.CaseView, hub.TaskView, error) {
	c, err := s.Hub.Case(v.ctx(), v.by, v.id())
	if err != nil {
		return c, hub.TaskView{}, err
	}
	for _, t := range c.Tasks.Tasks {
		if t.ID == v.path("task") {
			return c, t, nil
		}
	}
	return c, hub.TaskView{}, &care.Error{Kind: care.NotFound, Text: "There is no such task"}
}

func (s *Server) showTask(v *visit) (response, error) {
	c, t, err := s.taskOf(v)
	if err != nil {
		return nil, err
	}
	due := t.Due.In(s.Zone)
	f := taskForm{owner: hub.OwnerCode(t.Owner), clock: due.Format("15:04"), due: typedDate{strconv.Itoa(due.Day()), strconv.Itoa(int(due.Month())), strconv.Itoa(due.Year())}}
	return show(s.taskPage(v, c, t, f, nil)), nil
}

func (s *Server) taskPage(v *visit, c hub.CaseView, t hub.TaskView, f taskForm, errs []ui.FieldError) ui.Page {
	rows := []ui.Row{{Key: "What", Value: ui.Lines(t.Text)}, {Key: "Who does it", Value: ui.Text(t.OwnerSay)}, {Key: "Due", Value: dueCell(t.Due, v.now)},
		{Key: "Set", Value: ui.Nodes{ui.TimeAt(t.At), ui.Sub(t.BySay)}}, {Key: "Who can see it", Value: ui.Text(audienceWords[t.Audience])}}
	if !t.Open() {
		rows = append(rows, ui.Row{Key: "Ended", Value: ui.Nodes{ui.TimeAt(t.Ended), ui.Sub(cmp.Or(t.EndedBy.Name, "Homeward"))}}, ui.Row{Key: "Outcome", Value: ui.Or(t.Outcome, "None written")})
	}
	main := []ui.Node{ui.ErrorSummary(errs), ui.H1("Task"), ui.SummaryList(rows...)}
	if t.Open() && len(c.Tasks.Audiences) > 0 {
		path := taskPath(c.ID, t.ID)
		owners := peopleChoices(s.people(v, c), false)
		if code := hub.OwnerCode(t.Owner); !hasChoice(owners, code) {
			owners = append([]ui.Choice{{Value: code, Label: t.OwnerSay}}, owners...)
		}
		main = append(main,
			ui.Section("do-done", "Done", ui.PostForm(path, ui.Hidden("do", "done"),
				ui.Textarea{ID: "outcome", Label: "What came of it? (optional)", Rows: 2, Value: f.outcome, Max: care.TaskOutcomeLimit, Error: ui.ErrorFor(errs, "outcome")}, ui.Submit("Done"))),
			ui.Section("do-give", "Give it to another, or change when it is due", ui.PostForm(path, ui.Hidden("do", "give"), ui.Hidden("was", hub.OwnerCode(t.Owner)), ui.Hidden("saw", t.Due.UTC().Format(time.RFC3339Nano)),
				ui.Select{ID: "owner", Label: "Who does it?", Value: f.owner, Items: owners, Error: ui.ErrorFor(errs, "owner")}, dueFields(f, errs), ui.Button{Text: "Save", Kind: ui.Secondary})),
			ui.Section("do-drop", "Not needed any more", ui.PostForm(path, ui.Hidden("do", "drop"),
				ui.Textarea{ID: "why", Label: "Why is it not needed?", Rows: 2, Value: f.why, Max: care.TaskOutcomeLimit, Error: ui.ErrorFor(errs, "why")}, ui.Button{Text: "Drop the task", Kind: ui.Secondary})))
	}
	return ui.Page{Title: "Task", Width: ui.FormPage, Banner: s.caseBanner(c, v.now), Back: &ui.NavItem{Href: casePath(c.ID, "?tab=tasks"), Text: "Discharge case"}, Main: []ui.Node{ui.TwoThirds(main...)}}
}

func hasChoice(items []ui.Choice, value string) bool {
	for _, i := range items {
		if i.Value == value {
			return true
		}
	}
	return false
}

// changeTask does, gives or drops a task.
func (s *Server) changeTask(v *visit) (response, error) {
	c, t, err := s.taskOf(v)
	if err != nil {
		return nil, err
	}
	f, ids, said := readTask(v), map[string]string{"due": "due-day"}, "The task is done."
	var w wrongs
	switch v.form("do") {
	case "give":
		due := s.readDue(f, &w)
		saw, _ := time.Parse(time.RFC3339Nano, v.form("saw"))
		if said = "The task was changed."; len(w) == 0 {
			err = s.Hub.GiveTask(v.ctx(), v.by, c.ID, t.ID, f.owner, due, v.form("was"), saw)
		}
	case "drop":
		said, ids["outcome"] = "The task was dropped.", "why"
		err = s.Hub.EndTask(v.ctx(), v.by, c.ID, t.ID, false, f.why)
	default:
		err = s.Hub.EndTask(v.ctx(), v.by, c.ID, t.ID, true, f.outcome)
	}
	if errs, ok := fieldErrors(err, ids); ok {
		w = append(w, errs...)
	} else if care.KindOf(err) == care.Conflict { // another was first: theirs is shown, and what was typed stays
		if c, t, failed := s.taskOf(v); failed == nil {
			wrong := wrongs{{ID: "owner", Text: errorText(err) + ". Check it, then save yours"}}
			if !t.Open() {
				wrong = wrongs{{ID: "maincontent", Text: errorText(err) + ". What you typed stands below"}}
			}
			return s.overtaken(s.taskPage(v, c, t, f, wrong), v, t.Open()), nil
		}
		return nil, err
	} else if err != nil {
		return nil, err
	}
	if len(w) > 0 {
		return refuse(s.taskPage(v, c, t, f, w)), nil
	}
	if _, known := taskScope(v.form("list")); known {
		return goTo("/tasks?show=" + v.form("list")).saying(said), nil
	}
	return goTo(casePath(c.ID, "?tab=tasks")).saying(said), nil
}

// taskScopes are the lists of tasks, the first of which is the one that opens.
var taskScopes = []struct {
	scope       hub.TaskScope
	text, empty string
}{
	{hub.TasksMine, "Mine", "You have no open tasks"},
	{hub.TasksTeam, "My team’s", "Your team has no open tasks"},
	{hub.TasksSet, "Set by me", "No task that you set is open"},
	{hub.TasksOverdue, "Overdue", "Nothing is overdue"},
}

func taskScope(key string) (i int, known bool) {
	for i, s := range taskScopes {
		if string(s.scope) == key {
			return i, true
		}
	}
	return 0, false
}

func (s *Server) tasks(v *visit) (response, error) {
	i, _ := taskScope(v.query("show"))
	scope := taskScopes[i]
	l, err := s.Hub.Tasks(v.ctx(), v.by, scope.scope)
	if err != nil {
		return nil, err
	}
	var tabs []ui.NavItem
	for j, x := range taskScopes {
		tabs = append(tabs, ui.NavItem{Href: "/tasks?show=" + string(x.scope), Text: x.text, Current: j == i})
	}
	t := ui.Table{Caption: "Open tasks", Columns: []ui.Column{{Label: "What"}, {Label: "Person"}, {Label: "Who"}, {Label: "Due"}, {Label: "Action"}}, Empty: ui.Empty(scope.empty)}
	if scope.scope == hub.TasksMine {
		t.Empty = ui.Empty(scope.empty, ui.Para(ui.Link("/tasks?show="+string(hub.TasksTeam), "See what your team has to do")))
	}
	overdue := 0
	for _, r := range l.Rows {
		if r.Due.Before(v.now) {
			overdue++
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{s.taskCell(r.Case, r.TaskView),
			ui.LinkAbout(casePath(r.Case, "?tab=tasks"), ui.Name(r.Person.Family, r.Person.Given, r.Person.Title), "discharge case"),
			ui.Text(r.OwnerSay), dueCell(r.Due, v.now), taskButtons(r.Case, r.TaskView, string(scope.scope))}})
	}
	counts := ui.Plural(len(l.Rows), "open task", "open tasks")
	if overdue > 0 {
		counts += ", " + strconv.Itoa(overdue) + " overdue"
	}
	more := ui.If(l.More, func() ui.Node { return ui.P("There are more tasks than are shown here: those that are due first.") })
	return show(ui.Page{Title: "Tasks", Width: ui.WorkPage, Main: []ui.Node{ui.WorkHead("Tasks", counts), ui.Tabs("Which tasks", tabs...), t, more}}), nil
}

// nudgePart asks the other side to act, with one click; what was asked before is
// said beside it.
func nudgePart(c hub.CaseView) ui.Node {
	r := c.Current()
	if r == nil || !r.Referral.Open() {
		return nil
	}
	var said ui.Nodes
	if n := len(c.Tasks.Nudges); n > 0 {
		last := c.Tasks.Nudges[n-1]
		words := "Asked to act " + ui.Plural(n, "time", "times") + ", last " + ui.ClockOn(last.At, c.At) + " by " + last.By.Name
		if last.Escalated {
			words += ". The managers were told"
		}
		said = append(said, ui.Small(words+"."))
	}
	if c.Tasks.NudgeFrom.IsZero() {
		return ui.If(len(said) > 0, func() ui.Node { return said })
	}
	if c.Tasks.NudgeFrom.After(c.At) {
		return append(said, ui.Small("You can ask again from "+ui.ClockOn(c.Tasks.NudgeFrom, c.At)+"."))
	}
	path := referralPath(c.ID, r.Referral.ID, "nudge")
	return append(said, ui.PostForm(path, ui.Hidden("key", hub.NewKey()), ui.ButtonGroup(ui.Button{Text: "Ask them to act", Kind: ui.Secondary}, ui.Link(path, "Ask with words"))))
}

func (s *Server) askNudge(v *visit) (response, error) {
	c, r, err := s.referralOf(v)
	if err != nil {
		return nil, err
	}
	return show(s.nudgePage(v, c, r, hub.NewKey(), "", nil)), nil
}

func (s *Server) nudgePage(v *visit, c hub.CaseView, r hub.ReferralView, key, words string, errs []ui.FieldError) ui.Page {
	var form ui.Node
	switch {
	case c.Tasks.NudgeFrom.IsZero():
		form = ui.P("Nobody has to be asked now: the referral has ended, or your own organisation has it.")
	case c.Tasks.NudgeFrom.After(c.At):
		form = ui.P("They were asked less than 30 minutes ago. You can ask again from " + ui.ClockOn(c.Tasks.NudgeFrom, c.At) + ".")
	default:
		form = ui.PostForm(referralPath(c.ID, r.Referral.ID, "nudge"), ui.Hidden("key", key),
			ui.Textarea{ID: "text", Label: "What do you need? (optional)", Hint: "Both sides can read it.", Rows: 3, Value: words, Max: care.TaskOutcomeLimit, Error: ui.ErrorFor(errs, "text")},
			ui.Submit("Ask them to act"))
	}
	return ui.Page{Title: "Ask them to act", Width: ui.FormPage, Banner: s.caseBanner(c, v.now), Back: &ui.NavItem{Href: casePath(c.ID, ""), Text: "Discharge case"}, Main: []ui.Node{ui.TwoThirds(
		ui.ErrorSummary(errs), ui.H1("Ask them to act"), ui.P("The referral is with: "+r.With+". After three requests without action, their managers are told."), form)}}
}

func (s *Server) giveNudge(v *visit) (response, error) {
	c, r, err := s.referralOf(v)
	if err != nil {
		return nil, err
	}
	words := strings.ReplaceAll(v.form("text"), "\r\n", "\n")
	err = s.Hub.Nudge(v.ctx(), v.by, c.ID, r.Referral.ID, v.form("key"), words)
	if errs, ok := fieldErrors(err, nil); ok {
		return refuse(s.nudgePage(v, c, r, v.form("key"), words, errs)), nil
	}
	if err != nil {
		return nil, err
	}
	return goTo(casePath(c.ID, "")).saying("They were asked to act."), nil
}
