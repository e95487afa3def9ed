package web

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"homeward/care"
	"homeward/hub"
	"homeward/policy"
	"homeward/sharing"
	"homeward/web/ui"
)

// caseRoutes is the case page and what is done there. ui.md 7.6.
func (s *Server) caseRoutes() []route {
	return slices.Concat([]route{
		{pattern: "GET /cases/{id}", nav: "tracker", asks: deciding(policy.SeeTimeline, policy.SeeReferral), do: s.showCase},
		{pattern: "GET /cases/{id}/events", asks: deciding(policy.SeeTimeline, policy.SeeReferral), do: s.caseEvents},
	}, s.commandRoutes())
}

// A caseTab is one part of a case.
type caseTab struct {
	key, text string
	council   bool // no role of another organisation is ever shown anything there
	show      func(*Server, *visit, hub.CaseView, noteForm) ui.Node
}

var caseTabs = []caseTab{
	{"timeline", "Timeline", false, (*Server).timelineTab},
	{"notes", "Notes", false, (*Server).notesTab},
	{"tasks", "Tasks", false, (*Server).tasksTab},
	{"referral", "Referral", false, (*Server).referralTab},
	{"assessments", "Assessments", false, (*Server).assessmentsTab},
	{"arranging", "Arranging care", true, (*Server).arrangingTab},
	{"finance", "Finance", true, (*Server).moneyTab},
	{"care", "Care in place", false, (*Server).careTab},
	{"providers", "Providers", false, (*Server).providersTab},
	{"calls", "Calls", false, (*Server).callsTab},
	{"outcomes", "Outcomes", false, (*Server).outcomesTab},
	{"clock", "Who had it", false, (*Server).ballTab},
	{"concern", "Safeguarding", false, (*Server).concernTab},
	{"identity", "Identity", false, (*Server).identityTab},
}

// offered reports whether a tab is offered to a reader: those that their role never
// sees anything in are not. Whoever follows a link to one is told so there.
func (t caseTab) offered(by care.Actor) bool { return !t.council || by.OrgKind == care.Council }

// tabsOf are the tabs of a case for this reader, and the one that it opens with.
func tabsOf(c hub.CaseView) (tabs []caseTab, first string) {
	switch {
	case c.May[policy.SeeTimeline]:
		return caseTabs, "timeline"
	case c.May[policy.SeeReferral]:
		return caseTabs[1:], "referral"
	}
	return caseTabs[1:], "identity"
}

// tabAt is the place of the tab of that key; -1 when there is none.
func tabAt(tabs []caseTab, key string) int {
	return slices.IndexFunc(tabs, func(t caseTab) bool { return t.key == key })
}

func (s *Server) showCase(v *visit) (response, error) {
	c, err := s.Hub.Case(v.ctx(), v.by, v.id())
	if err != nil {
		return nil, err
	}
	return show(s.casePage(v, c, v.query("tab"), noteForm{})), nil
}

func (s *Server) casePage(v *visit, c hub.CaseView, key string, note noteForm) ui.Page {
	p := ui.Page{Title: "Discharge case", Width: ui.PersonPage, Banner: s.caseBanner(c, v.now)}
	if c.JoinedTo != "" {
		p.Main = []ui.Node{ui.TwoThirds(ui.H1("Discharge case"), ui.WarningCard(2, "This record was joined with another",
			ui.P("It is the same person. Everything is in the other record, and goes on there."),
			ui.Para(ui.Link(casePath(c.JoinedTo, ""), "Open the record in use"))))}
		return p
	}
	shown, first := tabsOf(c)
	i := tabAt(shown, key)
	if i < 0 {
		i = tabAt(shown, first)
	}
	tab := shown[i]
	var tabs []ui.NavItem
	for j, t := range shown {
		if j == i || t.offered(v.by) {
			tabs = append(tabs, ui.NavItem{Href: casePath(c.ID, "?tab="+t.key), Text: t.text, Current: j == i})
		}
	}
	events := url.Values{"tab": {tab.key}, "mark": {caseMark(v.token, c)}}
	if kind := v.query("kind"); kind != "" {
		events.Set("kind", kind)
	}
	p.Main = []ui.Node{
		ui.ErrorSummary(note.errs),
		ui.WorkHead("Discharge case", "", waitPart(c)),
		ui.Strip(
			ui.LiveStrip{Events: casePath(c.ID, "/events?"+events.Encode()), Last: uint64(max(c.Seq, 0)), Stale: caseStale, At: c.At},
			ui.Freshness(caseSources(c), c.At)),
		changedPart(c, false),
		s.pausedNote(slices.DeleteFunc(slices.Clone(c.Paused), sharing.Pause.Never)),
		s.stagePart(v.by, c),
		ui.Columns(ui.Nodes{ui.Tabs("Parts of the case", tabs...), tab.show(s, v, c, note)}, s.nowPart(c)),
	}
	return p
}

// caseSources are the systems that this case depends on.
func caseSources(c hub.CaseView) []ui.Source {
	var out []ui.Source
	for _, f := range c.Sources {
		council := slices.ContainsFunc(c.Councils, func(o hub.CouncilView) bool { return o.Council.ODS == f.Org })
		if c.Stay != nil && c.Stay.Source == f.Feed || council {
			out = append(out, ui.Source{Name: f.Title, Last: f.Last, StaleAfter: f.Limit})
		}
	}
	return out
}

// changedPart says that there is something new that the page does not show.
func changedPart(c hub.CaseView, changed bool) ui.Node {
	if !changed {
		return ui.Part("app-changed")
	}
	return ui.Part("app-changed", ui.Notification{Heading: "This case changed at " + ui.Clock(c.At) + ". Reload to see it."})
}

// stages are the steps of a referral, in words, with the columns of the board.
var stages = []struct{ column, words string }{
	{"referred", "Referred"}, {"allocated", "Allocated"}, {"assessment", "Assessment"},
	{"arranging", "Arranging care"}, {"ready", "Ready to leave"}, {"left", "Home"},
}

// stagePart is how far the case is, who has it, and what this reader can do.
func (s *Server) stagePart(by care.Actor, c hub.CaseView) ui.Node {
	var body ui.Nodes
	body = append(body, caseNotices(c)...)
	body = append(body, objectionPart(c))
	r := c.Current()
	switch {
	case r == nil && c.May[policy.SeeReferral]:
		body = append(body, noReferral(c))
	case r != nil && r.Referral.Open():
		body = append(body, s.strip(*r, c))
	}
	return ui.Part("app-stage", body, caseActions(by, c), nudgePart(c))
}

// waitPart is for how long somebody has been ready to leave.
func waitPart(c hub.CaseView) ui.Node {
	if c.Died != nil || !c.Row.HasWait {
		return ui.Part("app-wait")
	}
	return ui.Part("app-wait", ui.RAGTag(ui.RAG(c.Row.Wait), c.Row.Days), ui.Text(" since ready to leave hospital"))
}

// noReferral says that there is none, or that it is not known.
func noReferral(c hub.CaseView) ui.Node {
	if c.ReferralUnknown {
		return ui.P("Whether a referral was sent is not shown while access is paused.")
	}
	return ui.P("No referral has been sent.")
}

// returnedLine is what a council needs before it can go on.
func returnedLine(r hub.ReferralView, c hub.CaseView) ui.Node {
	n := len(r.Referral.Returns)
	if r.Referral.State != care.RefReturned || n == 0 {
		return nil
	}
	last := r.Referral.Returns[n-1]
	return ui.Inset(ui.P("Information requested "+ui.Ago(last.At, c.At)+":"), ui.Para(ui.Lines(last.Needed)))
}

// caseNotices are the states that change what can be done.
func caseNotices(c hub.CaseView) ui.Nodes {
	var out ui.Nodes
	if c.Died != nil {
		out = append(out, ui.WarningCard(2, "This person has died", ui.P("Contact actions are locked: no referral can be sent and no call recorded. Notes can still be added.")))
	}
	if c.Frozen != nil {
		var settle ui.Node
		if c.May[policy.Steward] {
			settle = ui.Para(ui.Link("/identity", "Check who is who"))
		}
		out = append(out, ui.WarningCard(2, "Who this is must be checked by a person first",
			ui.P(upper(c.Frozen.Kind.Say())+". Since "+ui.ClockOn(c.Frozen.Since, c.At)+". Until it is settled, only notes can be added."), settle))
	}
	if r := c.Current(); r != nil && !r.Referral.Open() {
		out = append(out, ui.Para(ui.Strong(endedLine(r.Referral))))
	}
	return out
}

// endedLine is how a referral ended, such as "Closed 12-Nov-2026: went home
// with care".
func endedLine(r care.Referral) string {
	line := r.State.Say() + " " + ui.Date(r.Ended)
	if why := cmp.Or(r.Outcome, r.WhyText); why != "" {
		line += ": " + why
	}
	return line
}

// nowPart is the card at the right: where things stand.
func (s *Server) nowPart(c hub.CaseView) ui.Node {
	rows := []ui.Row{{Key: "Stage", Value: ui.Text(cmp.Or(c.Row.StageSay, "Not referred"))}, {Key: "Waiting for", Value: ui.Or(c.Row.Waiting, "Nothing")}}
	if c.ReferralUnknown {
		rows = []ui.Row{{Key: "Stage", Value: ui.Missing("Not shown while access is paused")}}
	}
	if !c.StayShown {
		rows = append(rows, ui.Row{Key: "Ward", Value: ui.Missing("Not shown to your role")})
	} else {
		rows = append(rows, s.stayRows(c)...)
	}
	if r := c.Current(); r != nil {
		rows = append(rows, ui.Row{Key: "Worker", Value: ui.Or(r.Referral.Worker.Name, "Not allocated")})
		if r.To.Name != "" {
			rows = append(rows, contactRow(r.To))
		}
		rows = append(rows, s.heldRow(*r, c))
	}
	return ui.Part("app-now", ui.Card(2, "Now", ui.SummaryList(rows...)))
}

func contactRow(o care.Org) ui.Row {
	value := ui.Nodes{ui.Text(o.Name)}
	if o.Phone != "" {
		value = append(value, ui.Break(), ui.Tel(o.Phone))
	}
	if o.OutOfHours != "" {
		value = append(value, ui.Break(), ui.Tel(o.OutOfHours), ui.Sub("Out of hours"))
	}
	return ui.Row{Key: "Council", Value: value}
}

func (s *Server) stayRows(c hub.CaseView) []ui.Row {
	if c.Elsewhere {
		return []ui.Row{{Key: "Ward", Value: ui.Text("In another hospital")}}
	}
	if c.Stay == nil {
		rows := []ui.Row{{Key: "Ward", Value: ui.Missing("Not in hospital")}}
		if !c.Row.Row.Left.IsZero() {
			rows = []ui.Row{{Key: "Left hospital", Value: ui.TimeAt(c.Row.Row.Left)}}
		}
		if n := len(c.Past); n > 0 && c.Past[n-1].Left != nil {
			rows = append(rows, s.delayRows(c.Past[n-1], c)...)
		}
		return rows
	}
	where := ui.Row{Key: "Ward", Value: ui.Nodes{ui.Or(c.Stay.Where.Say(), ui.NotKnown), ui.Sub(c.Row.HospitalName)}}
	switch {
	case c.Row.Stale && c.Row.AsAt.IsZero():
		where.Source = "This hospital is not sending"
	case c.Row.Stale:
		where.Source = "As at " + ui.ClockOn(c.Row.AsAt, c.At) + ": this hospital is not sending"
	}
	predicted := ui.Row{Key: "Predicted discharge", Value: ui.Or(dayOr(c), ui.NotKnown)}
	if n := c.Stay.Changes(); n > 0 {
		predicted.Source = "Changed " + ui.Plural(n, "time", "times")
	}
	return append([]ui.Row{where, predicted}, s.fourRows(c)...)
}

func dayOr(c hub.CaseView) string {
	if c.Stay.EDD().IsZero() {
		return ""
	}
	return ui.Day(c.Stay.EDD())
}

// timelineKinds are the kinds that a timeline can be narrowed to. What its reader
// has no entry of is not among the choices (kindsOf).
var timelineKinds = []ui.Choice{
	{Value: "", Label: "Everything"}, {Value: "stay", Label: "Hospital stay"}, {Value: "referral", Label: "Referral"},
	{Value: "paper", Label: "Documents"}, {Value: "note", Label: "Notes"}, {Value: "task", Label: "Tasks and requests to act"},
	{Value: "arranging", Label: "Arranging care"}, {Value: "money", Label: "Finance"}, {Value: "client", Label: "Care providers"},
	{Value: "call", Label: "Calls"}, {Value: "huddle", Label: "Decided in the huddle"}, {Value: "outcome", Label: "Outcomes"}, {Value: "look", Label: "Look-ups"},
	{Value: "clock", Label: "Who had it"},
	{Value: "concern", Label: "Safeguarding"}, {Value: "council", Label: "Council records"}, {Value: "told", Label: "Other systems"}, {Value: "identity", Label: "Identity"},
}

// kindsOf are the kinds of the entries that a reader sees, and the one chosen.
func kindsOf(c hub.CaseView, chosen string) (out []ui.Choice) {
	for _, k := range timelineKinds {
		if k.Value == "" || k.Value == chosen || slices.ContainsFunc(c.Timeline, func(t hub.TimelineItem) bool { return t.Kind == k.Value }) {
			out = append(out, k)
		}
	}
	return out
}

func (s *Server) timelineTab(v *visit, c hub.CaseView, _ noteForm) ui.Node {
	return ui.Nodes{
		ui.Filter{Action: casePath(c.ID, ""), Keep: [][2]string{{"tab", "timeline"}}, Button: "Apply",
			Fields: []ui.Node{ui.Select{ID: "kind", Label: "Show", Value: v.query("kind"), Items: kindsOf(c, v.query("kind"))}}},
		timelinePart(c, v.query("kind")),
	}
}

// timelinePart is what has happened, newest first. Entries are never edited: a
// correction is a new entry.
func timelinePart(c hub.CaseView, kind string) ui.Node {
	var events []ui.Event
	for _, t := range c.Timeline {
		if kind == "" || t.Kind == kind {
			events = append(events, timelineEvent(t))
		}
	}
	if len(events) == 0 {
		return ui.Part("app-timeline", ui.Empty("Nothing of this kind has happened", ui.Para(ui.Link(casePath(c.ID, "?tab=timeline"), "Show everything"))))
	}
	return ui.Part("app-timeline", ui.H2("What has happened"), ui.Timeline(3, events...))
}

func timelineEvent(t hub.TimelineItem) ui.Event {
	e := ui.Event{Title: t.Title, At: t.At, Audience: audienceTag(t.Audience)}
	if t.Org != "" {
		e.Who, e.Org = t.By, t.Org
	} else {
		e.Source = t.By
	}
	if t.Late {
		e.Arrived = t.Recorded
	}
	if t.Text != "" {
		e.Body = ui.Para(ui.Lines(t.Text))
	}
	if t.Failed {
		e.Body = ui.P("Homeward does not try this again by itself. Those who run Homeward can mend it and send it again.")
	}
	return e
}

// audienceTag is a tag for what only one side sees.
func audienceTag(a care.Audience) string {
	switch a {
	case care.AudienceCouncil:
		return "Council only"
	case care.AudienceHospital:
		return "Hospital only"
	}
	return ""
}

var audienceWords = map[care.Audience]string{
	care.AudienceBoth: "The hospital and the council", care.AudienceCouncil: "Council only", care.AudienceHospital: "Hospital only",
}

// referralTab is each referral's answers in words, newest first.
func (s *Server) referralTab(_ *visit, c hub.CaseView, _ noteForm) ui.Node {
	if !c.May[policy.SeeReferral] {
		return ui.P("Referrals are not shown to your role.")
	}
	if len(c.Referrals) == 0 {
		return noReferral(c)
	}
	var out ui.Nodes
	for i, r := range slices.Backward(c.Referrals) {
		body := s.referralParts(r, c)
		if i == len(c.Referrals)-1 {
			out = append(out, ui.Section(referralAnchor(r.Referral.ID), "Referral "+string(r.Referral.ID), body))
		} else {
			out = append(out, ui.Expander("Earlier referral "+string(r.Referral.ID)+", "+r.Referral.State.Say(), body))
		}
	}
	return out
}

func (s *Server) referralParts(r hub.ReferralView, c hub.CaseView) ui.Node {
	ref := r.Referral
	rows := []ui.Row{
		{Key: "Status", Value: ui.Text(ref.State.Say())},
		{Key: "Sent", Value: ui.Nodes{ui.TimeAt(ref.Sent), ui.Sub(ref.SentBy.Name + ", " + r.From.Name)}},
		{Key: "Sent to", Value: ui.Or(r.To.Name, "Council not settled")},
	}
	if ref.Anyway != "" {
		rows = append(rows, ui.Row{Key: "Sent without all that the council wants", Value: ui.Text(ref.Anyway)})
	}
	if ref.Open() {
		next := ref.Holder.Next
		if due := dueSay(ref.Holder, c.At); due != "" {
			next += ", " + due
		}
		rows = append(rows, ui.Row{Key: "With", Value: ui.Nodes{ui.Text(r.With), ui.Sub("Since " + ui.ClockOn(ref.Holder.Since, c.At) + ". Next: " + next)}})
	} else {
		rows = append(rows, ui.Row{Key: "Ended", Value: ui.Text(s.endedWords(ref))})
	}
	rows = append(rows, linkedRows(ref, c)...)
	if ref.Reference != "" {
		rows = append(rows, ui.Row{Key: "Council’s reference", Value: ui.Code(ref.Reference)})
	}
	for _, ret := range ref.Returns {
		rows = append(rows, s.returnRow(ret, c))
	}
	if told := toldNode(ref.ID, c); told != nil {
		rows = append(rows, ui.Row{Key: "Other systems", Value: told})
	}
	return ui.Nodes{ui.SummaryList(rows...), s.spellsPart(r, c), s.answerSections(r), s.papersPart(ref.ID, c)}
}

// endedWords is how a referral ended, with the words of its reason code.
func (s *Server) endedWords(r care.Referral) string {
	if p, ok := s.Hub.Forms.Latest("d2a-withdraw"); ok && r.Why != "" && r.WhyText == "" {
		r.WhyText = choiceLabel(p, "reason", r.Why)
	}
	return endedLine(r)
}

func (s *Server) returnRow(ret care.Return, c hub.CaseView) ui.Row {
	row := ui.Row{Key: "Returned", Value: ui.Nodes{ui.Text(ui.ClockOn(ret.At, c.At) + " by " + ret.By.Name),
		ui.Bullets(ui.Map(s.returnReasons(ret), func(w string) ui.Node { return ui.Text(w) })...), ui.Lines(ret.Needed)}}
	if !ret.Answered.IsZero() {
		row.Source = "Answered " + ui.ClockOn(ret.Answered, c.At)
	}
	return row
}

// readAs is what questions to the referrer are called for those who read the
// answers.
var readAs = map[string]string{"referrer": "Referrer", "referrer_role": "Referrer’s role", "referrer_contact": "How to reach the referrer"}

// answerSections is the answers in words, by the pages of the form.
func (s *Server) answerSections(r hub.ReferralView) ui.Node {
	p, ok := s.Hub.Forms.Get(r.Referral.Form, r.Referral.FormVersion)
	if !ok {
		return nil
	}
	var out ui.Nodes
	for _, g := range p.Pages {
		var rows []ui.Row
		for _, l := range r.Lines {
			if l.Page == g.ID && len(l.Answers) > 0 {
				rows = append(rows, ui.Row{Key: cmp.Or(readAs[l.Field], l.Question), Value: answerNode(l)})
			}
		}
		if len(rows) > 0 {
			out = append(out, ui.H3(g.Title), ui.SummaryList(rows...))
		}
	}
	return out
}

// careTab is what councils provide, as in a look-up.
func (s *Server) careTab(_ *visit, c hub.CaseView, _ noteForm) ui.Node {
	if len(c.Councils) == 0 {
		return ui.Nodes{ui.H2("Care"), ui.P("No council has told of care for this person, or it is not shared with your role. This does not mean the person has no care.")}
	}
	several := len(c.Councils) > 1
	return ui.Map(c.Councils, func(o hub.CouncilView) ui.Node {
		return ui.Nodes{
			ui.AsAt(c.At, ui.Told{Source: o.Title, At: o.AsAt, Stale: o.Stale}),
			councilPackages(o, several),
			safeguarding(o, hub.LookView{At: c.At}, several),
			teamCard(o),
		}
	})
}

// callsTab lists the calls to providers.
func (s *Server) callsTab(_ *visit, c hub.CaseView, _ noteForm) ui.Node {
	var add ui.Node
	switch {
	case c.Died != nil:
		add = ui.P("This person has died. No call can be recorded.")
	case c.May[policy.RecordCall] && c.Frozen == nil:
		add = ui.ButtonGroup(ui.Button{Text: "Record a call", Href: casePath(c.ID, "/call"), Kind: ui.Secondary})
	}
	var events []ui.Event
	for _, k := range slices.Backward(c.Calls) {
		e := ui.Event{Title: cmp.Or(care.CallOutcome(k.Outcome), k.Outcome), At: k.At, Who: k.By.Name, Org: s.Hub.Org(k.By.Org).Name, Body: callBody(k)}
		events = append(events, e)
	}
	list := ui.Node(ui.P("No call to a provider is recorded."))
	if len(events) > 0 {
		list = ui.Timeline(3, events...)
	}
	return ui.Nodes{ui.H2("Calls to providers"), add, list}
}

func callBody(k care.Call) ui.Node {
	line := k.ProviderName
	if k.Spoke != "" {
		line += ", spoke to " + k.Spoke
	}
	out := ui.Nodes{ui.P(line)}
	if !k.RestartAt.IsZero() {
		out = append(out, ui.P("Care restarts "+ui.DateTime(k.RestartAt)))
	}
	if k.Text != "" {
		out = append(out, ui.Para(ui.Lines(k.Text)))
	}
	return out
}

// identityTab is who this is, as systems tell it.
func (s *Server) identityTab(_ *visit, c hub.CaseView, _ noteForm) ui.Node {
	p := c.Person
	home := ui.Or(address(p.Address), ui.NotKnown)
	phone := ui.Or(p.Phone, ui.NotKnown)
	if c.Sensitive {
		home, phone = ui.Missing("Not shown: sensitive record"), ui.Missing("Not shown: sensitive record")
	}
	rows := []ui.Row{
		{Key: "Name", Value: ui.Text(ui.Name(p.Family, p.Given, p.Title))},
		{Key: "Preferred name", Value: ui.Or(p.Preferred, ui.NotKnown)},
		{Key: "Born", Value: ui.Text(ui.Day(p.Born))},
		{Key: "Gender", Value: ui.Or(p.Sex, ui.NotKnown)},
		{Key: "NHS number", Value: ui.NHSNoAs(c.NHS, unverified(c.Trace))},
		{Key: "Usual address", Value: home}, {Key: "Phone", Value: phone},
		{Key: "GP practice", Value: ui.Or(cmp.Or(p.GPName, p.GP), ui.NotKnown)},
	}
	for _, k := range p.Kin {
		if !c.Sensitive {
			rows = append(rows, ui.Row{Key: "Contact", Value: ui.Nodes{ui.Text(k.Name), ui.Sub(k.Relation), ui.If(k.Phone != "", func() ui.Node { return ui.Tel(k.Phone) })}})
		}
	}
	var joined ui.Nodes
	if n := len(c.Absorbed); n > 0 {
		joined = append(joined, ui.P("This record holds "+ui.Plural(n, "other record", "other records")+" of the same person."))
		for _, id := range c.Absorbed {
			if c.May["steward"] {
				joined = append(joined, ui.Para(ui.Link("/identity/separate?survivor="+string(c.ID)+"&retired="+string(id), "Separate again, if these are two people")))
			}
		}
	}
	return ui.Nodes{ui.H2("Who this is"), ui.SummaryList(rows...), s.traceLink(c), joined,
		ui.Small("As told " + ui.ClockOn(p.AsAt, c.At) + ".")}
}

// caseEvents keeps an open case page current: where it stands and, on the
// timeline, what has happened. On other tabs it says that something is new.
func (s *Server) caseEvents(v *visit) (response, error) {
	seen, err := s.Hub.CaseSeq(v.ctx(), v.by, v.id())
	if err != nil {
		return nil, err
	}
	return s.followCase(v, min(seen, lastSeen(v))), nil
}

// caseMark stands for all that a reader is shown of a case. A page that is told
// only of a new mark is told nothing of what its reader may not know. It is
// sealed with the session's token, so that nobody can tell from it what it stands
// for.
func caseMark(token string, c hub.CaseView) string {
	c.At, c.Seq, c.Version, c.Sources = time.Time{}, 0, 0, nil
	doc, err := json.Marshal(c)
	if err != nil {
		return "" // like nothing: everything is told
	}
	return base64.RawURLEncoding.EncodeToString(seal(token, string(doc))[:12])
}

// caseParts are the parts of a page that a change replaces.
func (s *Server) caseParts(v *visit, c hub.CaseView) []ui.Node {
	parts := []ui.Node{waitPart(c), s.stagePart(v.by, c), s.nowPart(c)}
	if tab := v.query("tab"); (tab == "" || tab == "timeline") && c.May[policy.SeeTimeline] {
		return append(parts, timelinePart(c, v.query("kind")))
	}
	return append(parts, changedPart(c, true))
}

// caseStale is how long a page believes a stream that says nothing: three
// missed beats.
const caseStale = 35 * time.Second

// followCase sends what changes after last, until the reader goes away or is no
// longer signed in.
func (s *Server) followCase(v *visit, last int64) stream {
	return func(ctx context.Context, w http.ResponseWriter) error {
		out := newEventStream(w)
		if v.r.Method == http.MethodHead {
			return nil
		}
		told, mark := last, v.query("mark")
		for beaten := (time.Time{}); ; {
			if time.Since(beaten) >= sessionEvery {
				beaten = time.Now()
				if in, err := s.stillIn(ctx, v); !in || err != nil {
					return err
				}
				if err := out.send(told, "beat", ""); err != nil {
					return nil // gone already
				}
			}
			seq, err := s.Hub.CaseMoved(ctx, v.by, v.id(), last)
			if err != nil {
				return err
			}
			if seq <= last {
				continue
			}
			c, err := s.Hub.Case(ctx, v.by, v.id())
			if err != nil {
				return err
			}
			last = c.Seq
			if now := caseMark(v.token, c); now == "" || now != mark {
				told, mark = last, now
				if err := s.sendCase(v, c, out); err != nil {
					return err
				}
			}
		}
	}
}

// sendCase sends the parts of a case.
func (s *Server) sendCase(v *visit, c hub.CaseView, out *eventStream) error {
	for _, part := range s.caseParts(v, c) {
		if err := out.node(c.Seq, "part", part); err != nil {
			return err
		}
	}
	return nil
}

// lastSeen is the newest event that the page holds: of the stream when it comes
// back, else of the page.
func lastSeen(v *visit) int64 {
	n, err := strconv.ParseInt(cmp.Or(v.r.Header.Get("Last-Event-ID"), v.query("last")), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
