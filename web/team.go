package web

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"homeward/care"
	"homeward/hub"
	"homeward/nhs"
	"homeward/policy"
	"homeward/web/ui"
)

// teamRoutes is who works for a council and what they carry, handing over, and saved
// views. ui.md 7.7.
func (s *Server) teamRoutes() []route {
	return []route{
		{pattern: "GET /team", nav: "team", asks: deciding(policy.ManageTeam), do: s.team},
		{pattern: "GET /team/{member}", nav: "team", asks: deciding(policy.ManageTeam), do: s.askMember},
		{pattern: "POST /team/{member}", nav: "team", asks: deciding(policy.ManageTeam), do: s.saveMember},
		{pattern: "GET /handover", nav: "worklist", asks: deciding(policy.ListWorklist), do: s.handover},
		{pattern: "POST /handover", nav: "worklist", asks: deciding(policy.Allocate), do: s.handOver},
		{pattern: "GET /views", own: true, do: s.savedViews},
		{pattern: "POST /views", own: true, do: s.saveView},
		{pattern: "POST /views/remove", own: true, do: s.dropView},
	}
}

// carries is what a worker carries, in words: "7 open, 8.5 of 12".
func carries(open, load, most int) string {
	s := ui.Plural(open, "open", "open")
	if open > 0 || most > 0 {
		s += ", weighs " + tenths(load)
	}
	if most > 0 {
		s += " of " + tenths(most)
	}
	return s
}

func tenths(n int) string {
	if n%10 == 0 {
		return strconv.Itoa(n / 10)
	}
	return fmt.Sprintf("%d.%d", n/10, n%10)
}

// team is everybody to whom referrals can be given.
func (s *Server) team(v *visit) (response, error) {
	ms, err := s.Hub.Team(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	t := ui.Table{Caption: "Workers", Columns: []ui.Column{{Label: "Worker"}, {Label: "Today"}, {Label: "Carries"}, {Label: "Skills"}, {Label: "Patch"}, {Label: "Next action", HideOnPrint: true}},
		Empty: ui.Empty("Nobody works here yet", ui.P("Ask your administrator to add social workers and team managers."))}
	for _, m := range ms {
		today := ui.Node(ui.Tag(ui.TagGreen, "In today"))
		if !m.In {
			today = ui.Nodes{ui.Tag(ui.TagGrey, "Not in"), ui.Sub(m.Why)}
		}
		var does []string
		for _, code := range m.Skills {
			does = append(does, hub.SkillLabel(code))
		}
		actions := ui.Nodes{ui.LinkAbout("/team/"+url.PathEscape(string(m.Account)), "Change", m.Name)}
		if m.Open > 0 {
			actions = append(actions, ui.Break(), ui.LinkAbout("/handover?from="+url.QueryEscape(string(m.Account)), "Hand over", "what "+m.Name+" carries"))
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Text(m.Name), today, ui.Text(carries(m.Open, m.Load, m.Most)), ui.Or(strings.Join(does, ", "), "Not recorded"),
			ui.Or(strings.Join(m.Patch, " "), "Not recorded"), actions}})
	}
	return show(ui.Page{Title: "My team", Width: ui.WorkPage, Main: []ui.Node{ui.H1("Who can take people on"),
		ui.P("A referral weighs 1; on pathway 0 half, on pathway 3 double. Suggestions put first who is in today, has the skills, covers the place and carries least."), t}}), nil
}

// memberOf finds a worker of the reader's council.
func (s *Server) memberOf(v *visit) (hub.Member, error) {
	ms, err := s.Hub.Team(v.ctx(), v.by)
	if err != nil {
		return hub.Member{}, err
	}
	i := slices.IndexFunc(ms, func(m hub.Member) bool { return string(m.Account) == v.path("member") })
	if i < 0 {
		return hub.Member{}, &care.Error{Kind: care.NotFound, Text: "There is no such worker"}
	}
	return ms[i], nil
}

var weekdays = []string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}

// memberForm is a worker as somebody typed them.
type memberForm struct {
	hub.Member
	patch, most       string
	from, to, awayWhy string
	keep              []string // of the times away, those that stay
	errs              []ui.FieldError
}

func (s *Server) askMember(v *visit) (response, error) {
	m, err := s.memberOf(v)
	if err != nil {
		return nil, err
	}
	f := memberForm{Member: m, patch: strings.Join(m.Patch, " ")}
	if m.Most > 0 {
		f.most = tenths(m.Most)
	}
	for i := range m.Away {
		f.keep = append(f.keep, strconv.Itoa(i))
	}
	return show(memberPage(f)), nil
}

func memberPage(f memberForm) ui.Page {
	var able, days, away []ui.Choice
	for _, k := range hub.Skills() {
		able = append(able, ui.Choice{Value: k.Code, Label: k.Label})
	}
	var works []string
	for i, d := range weekdays {
		days = append(days, ui.Choice{Value: strconv.Itoa(i), Label: d})
		if f.Days[i] {
			works = append(works, strconv.Itoa(i))
		}
	}
	for i, a := range f.Away {
		away = append(away, ui.Choice{Value: strconv.Itoa(i), Label: ui.Day(a.From) + " to " + ui.Day(a.To), Hint: a.Why})
	}
	var kept ui.Node
	if len(away) > 0 {
		kept = ui.Checkboxes{ID: "keep", Legend: "Times away", Hint: "Clear one to remove it", Items: away, Values: f.keep}
	}
	return ui.Page{Title: "Change a worker", Width: ui.FormPage, Back: &ui.NavItem{Href: "/team", Text: "My team"}, Main: []ui.Node{
		ui.ErrorSummary(f.errs), ui.H1(f.Name), ui.P(carries(f.Open, f.Load, f.Most)),
		ui.PostForm("/team/"+url.PathEscape(string(f.Account)), ui.Hidden("version", strconv.FormatInt(f.Version, 10)),
			ui.Checkboxes{ID: "skills", Legend: "What they can do", Items: able, Values: f.Skills, Error: ui.ErrorFor(f.errs, "skills")},
			ui.Input{ID: "patch", Label: "Patch", Hint: "Postcode districts, like NG18 NG19", Value: f.patch, Error: ui.ErrorFor(f.errs, "patch")},
			ui.Input{ID: "most", Label: "The most that they should carry", Hint: "As referrals of ordinary weight, like 12. Leave it empty for no limit", Value: f.most, Error: ui.ErrorFor(f.errs, "most")},
			ui.Checkboxes{ID: "days", Legend: "Days on which they work", Hint: "None ticked: Monday to Friday", Items: days, Values: works},
			kept,
			ui.H2("Add a time away"),
			dateInput("away", "First day", "", ui.ErrorFor(f.errs, "away-day"), f.from), dateInput("until", "Last day", "", "", f.to),
			ui.Input{ID: "why", Label: "Why (optional)", Hint: "Shown to your team as it is, such as “On leave”. No details of health", Value: f.awayWhy},
			ui.ButtonGroup(ui.Submit("Save"), ui.Button{Text: "Cancel", Href: "/team", Kind: ui.Secondary}))}}
}

func (s *Server) saveMember(v *visit) (response, error) {
	m, err := s.memberOf(v)
	if err != nil {
		return nil, err
	}
	post := v.r.PostForm
	f := memberForm{Member: m, patch: v.form("patch"), most: v.form("most"), from: readDate(post, "away"), to: readDate(post, "until"), awayWhy: v.form("why"), keep: post["keep"]}
	f.Version, _ = strconv.ParseInt(v.form("version"), 10, 64)
	f.Skills, f.Patch, f.Most, f.Days = post["skills"], strings.FieldsFunc(f.patch, func(r rune) bool { return r == ' ' || r == ',' }), 0, [7]bool{}
	for _, d := range post["days"] {
		if i, err := strconv.Atoi(d); err == nil && i >= 0 && i < 7 {
			f.Days[i] = true
		}
	}
	if f.most != "" {
		n, err := strconv.ParseFloat(f.most, 64)
		if err != nil || n < 0 || n > 100 {
			f.errs = append(f.errs, ui.FieldError{ID: "most", Text: "Enter the most that they carry as a number from 0 to 100"})
		}
		f.Most = int(n*10 + 0.5)
	}
	save := f.Member
	save.Away = nil
	for i, a := range f.Away {
		if slices.Contains(f.keep, strconv.Itoa(i)) {
			save.Away = append(save.Away, a)
		}
	}
	if f.from != "" || f.to != "" {
		from, e1 := nhs.ParseDate(f.from)
		to, e2 := nhs.ParseDate(f.to)
		if e1 != nil || e2 != nil {
			f.errs = append(f.errs, ui.FieldError{ID: "away-day", Text: "Enter the first day away, and a last day that is not before it"})
		}
		save.Away = append(save.Away, hub.Away{From: from, To: to, Why: f.awayWhy})
	}
	if len(f.errs) == 0 {
		err := s.Hub.SaveMember(v.ctx(), v.by, save)
		if err == nil {
			return goTo("/team").saying("The worker was changed."), nil
		}
		var e *care.Error
		if !errors.As(err, &e) || e.Kind != care.Invalid && e.Kind != care.Conflict {
			return nil, err
		}
		if e.Kind == care.Conflict { // what was typed stays, and the next try is meant
			f.Version = m.Version
			f.errs = []ui.FieldError{{ID: "patch", Text: "Somebody else changed this worker while you typed. Check “My team”, then save yours"}}
		} else {
			f.errs = []ui.FieldError{{ID: strings.Replace(e.Field, "away", "away-day", 1), Text: e.Text}}
		}
	}
	return refuse(memberPage(f)), nil
}

// handover asks to whom somebody's referrals go, such as at the end of a shift.
func (s *Server) handover(v *visit) (response, error) {
	from := care.ActorID(v.query("from"))
	if from == "" {
		from = v.by.ID
	}
	return s.handoverPage(v, from, "", nil, nil)
}

func (s *Server) handoverPage(v *visit, from, to care.ActorID, picked []string, errs []ui.FieldError) (response, error) {
	workers, err := s.Hub.Workers(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	rows, err := s.Hub.Carried(v.ctx(), v.by, from)
	if err != nil {
		return nil, err
	}
	whose := "your open cases"
	if from != v.by.ID {
		whose = "the open cases of " + workerName(workers, from)
	}
	p := ui.Page{Title: "Hand over", Width: ui.FormPage, Back: &ui.NavItem{Href: "/worklist", Text: "Worklist"}}
	var items []ui.Choice
	for _, r := range rows {
		if !allocatable(r.Row) {
			continue
		}
		items = append(items, ui.Choice{Value: pickOf(r.Row).String(), Label: personName(r.Row), Hint: r.StageSay + ", " + r.WardName})
	}
	if len(items) == 0 {
		p.Main = []ui.Node{ui.H1("Hand over " + whose), ui.Empty("There is nothing to hand over")}
		return show(p), nil
	}
	if picked == nil {
		for _, c := range items {
			picked = append(picked, c.Value)
		}
	}
	others := slices.DeleteFunc(slices.Clone(workers), func(w hub.WorkerView) bool { return w.ID == from })
	p.Main = []ui.Node{ui.ErrorSummary(errs), ui.H1("Hand over " + whose), ui.P("Nothing is left with nobody: each case goes straight to your colleague, and both sides see it."),
		ui.PostForm("/handover", ui.Hidden("from", string(from)),
			ui.Checkboxes{ID: "pick", Name: "pick", Legend: "Which cases", Items: items, Values: picked, Error: ui.ErrorFor(errs, "pick")},
			workerSelect(others, string(to), ui.ErrorFor(errs, "worker")), ui.Submit("Check and hand over"))}
	if len(errs) > 0 {
		return refuse(p), nil
	}
	return show(p), nil
}

// handOver shows what would be done, and does it once that is confirmed.
func (s *Server) handOver(v *visit) (response, error) {
	from, to := care.ActorID(v.form("from")), care.ActorID(v.form("worker"))
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
	var wrong wrongs
	if len(picks) == 0 {
		wrong.add("pick", "Tick at least one case")
	}
	if to == from || !slices.ContainsFunc(workers, func(w hub.WorkerView) bool { return w.ID == to }) {
		wrong.add("worker", "Select a worker")
	}
	if len(wrong) > 0 {
		return s.handoverPage(v, from, to, append([]string{}, v.r.PostForm["pick"]...), wrong)
	}
	people, err := s.namesOf(v, picks)
	if err != nil {
		return nil, err
	}
	if v.form("confirm") != "" {
		return s.giveMany(v, picks, people, to, workerName(workers, to))
	}
	body := ui.Nodes{ui.Hidden("from", string(from)), ui.Hidden("worker", string(to)), ui.Hidden("confirm", "yes")}
	for _, p := range picks {
		body = append(body, ui.Hidden("pick", p.String()))
	}
	count := ui.Plural(len(picks), "case", "cases")
	return show(ui.Page{Title: "Check what you hand over", Width: ui.FormPage, Main: []ui.Node{ui.H1("Check what you hand over"),
		ui.P("You are giving " + workerName(workers, to) + " " + count + ":"), ui.Bullets(ui.Map(picks, func(p pick) ui.Node { return ui.Text(people[p.id]) })...),
		ui.PostForm("/handover", body, ui.Submit("Hand over "+count)), ui.Para(ui.Link("/worklist", "Cancel"))}}), nil
}

// savedPath is the address of a list that may be saved, with the filters that it
// knows and nothing else; "" for any other address.
func savedPath(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.Host != "" || u.Scheme != "" {
		return ""
	}
	kind := strings.TrimPrefix(u.Path, "/")
	if u.Query().Get("view") == kindBoard {
		kind = kindBoard
	}
	names, ok := listFilters[kind]
	if !ok || kind == kindWall {
		return ""
	}
	out := url.Values{}
	for _, name := range append([]string{"view"}, names...) {
		if value := u.Query().Get(name); value != "" && name != "page" && len(value) < 100 {
			out.Set(name, value)
		}
	}
	return strings.TrimSuffix(u.Path+"?"+out.Encode(), "?")
}

// viewsPart is a reader's saved views beside a list, and the way to save this one.
func (s *Server) viewsPart(v *visit) (ui.Node, error) {
	views, err := s.Hub.NamedLists(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	var links ui.Nodes
	for _, n := range views {
		links = append(links, ui.Link(n.Path, n.Name))
	}
	var saved ui.Node
	if len(links) > 0 {
		saved = ui.Nodes{ui.Bullets(links...), ui.Para(ui.Link("/views", "Remove a saved view"))}
	}
	return ui.Details("Saved views", saved,
		ui.PostForm("/views", ui.Hidden("path", savedPath(v.r.URL.RequestURI())), ui.Input{ID: "view-name", Name: "name", Label: "Save this view as"}, ui.Button{Text: "Save", Kind: ui.Secondary})), nil
}

func (s *Server) saveView(v *visit) (response, error) {
	path := savedPath(v.form("path"))
	if path == "" {
		return nil, &care.Error{Kind: care.Invalid, Field: "path", Text: "Open the list that you want to save, and save it there"}
	}
	err := s.Hub.NameList(v.ctx(), v.by, hub.NamedList{Name: v.form("name"), Path: path})
	if errs, about := fieldErrors(err, nil); err != nil && about {
		return refuse(ui.Page{Title: "Save a view", Width: ui.FormPage, Main: []ui.Node{ui.ErrorSummary(errs), ui.H1("Save a view"),
			ui.PostForm("/views", ui.Hidden("path", path), ui.Input{ID: "name", Label: "Save this view as", Value: v.form("name"), Error: ui.ErrorFor(errs, "name")}, ui.Submit("Save"))}}), nil
	}
	if err != nil {
		return nil, err
	}
	return goTo(path).saying("The view was saved."), nil
}

func (s *Server) savedViews(v *visit) (response, error) {
	views, err := s.Hub.NamedLists(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	t := ui.Table{Caption: "Saved views", Columns: []ui.Column{{Label: "View"}, {Label: "Remove"}}, Empty: ui.Empty("You have no saved views", ui.P("Open a list with the filters that you want, and save it there."))}
	for _, n := range views {
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Link(n.Path, n.Name), ui.PostForm("/views/remove", ui.Hidden("name", n.Name), ui.Button{Text: "Remove", About: n.Name, Kind: ui.Secondary, Small: true})}})
	}
	return show(ui.Page{Title: "Saved views", Width: ui.FormPage, Main: []ui.Node{ui.H1("Saved views"), t}}), nil
}

func (s *Server) dropView(v *visit) (response, error) {
	if err := s.Hub.DropList(v.ctx(), v.by, v.form("name")); err != nil {
		return nil, err
	}
	return goTo("/views").saying("The view was removed."), nil
}
