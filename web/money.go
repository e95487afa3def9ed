package web

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"homeward/care"
	"homeward/hub"
	"homeward/money"
	"homeward/nhs"
	"homeward/policy"
	"homeward/web/ui"
)

// moneyRoutes are what arranged care costs: the case's Finance tab, its forms and file,
// and what waits for approval. product.md P11.
func (s *Server) moneyRoutes() []route {
	see, set := deciding(policy.SeeMoney), deciding(policy.SetMoney)
	return []route{
		{pattern: "GET /money/waiting", nav: "money", asks: deciding(policy.ListWorklist), do: s.moneyWaiting},
		{pattern: "GET /cases/{id}/money/file", nav: "worklist", asks: see, do: s.moneyFile},
		{pattern: "GET /cases/{id}/money/new", nav: "worklist", asks: see, do: s.askMoney},
		{pattern: "POST /cases/{id}/money/new", asks: set, do: s.setMoney},
		{pattern: "GET /cases/{id}/money/{element}/change", nav: "worklist", asks: see, do: s.askMoney},
		{pattern: "POST /cases/{id}/money/{element}/change", asks: set, do: s.setMoney},
		{pattern: "GET /cases/{id}/money/{element}/approve", nav: "worklist", asks: see, do: s.askMoneyStep(approveStep)},
		{pattern: "POST /cases/{id}/money/{element}/approve", asks: deciding(policy.ApproveMoney), do: s.doMoneyStep(approveStep)},
		{pattern: "GET /cases/{id}/money/{element}/suspend", nav: "worklist", asks: see, do: s.askMoneyStep(suspendStep)},
		{pattern: "POST /cases/{id}/money/{element}/suspend", asks: set, do: s.doMoneyStep(suspendStep)},
		{pattern: "GET /cases/{id}/money/{element}/resume", nav: "worklist", asks: see, do: s.askMoneyStep(resumeStep)},
		{pattern: "POST /cases/{id}/money/{element}/resume", asks: set, do: s.doMoneyStep(resumeStep)},
		{pattern: "GET /cases/{id}/money/{element}/take-back", nav: "worklist", asks: see, do: s.askMoneyStep(takeBackStep)},
		{pattern: "POST /cases/{id}/money/{element}/take-back", asks: set, do: s.doMoneyStep(takeBackStep)},
		{pattern: "GET /cases/{id}/money/{element}/end", nav: "worklist", asks: see, do: s.askMoneyStep(endStep)},
		{pattern: "POST /cases/{id}/money/{element}/end", asks: set, do: s.doMoneyStep(endStep)},
	}
}

func moneyPath(id care.CaseID, element, what string) string {
	return casePath(id, "/money/"+url.PathEscape(element)+"/"+what)
}

// moneyTab is what care costs, for the council that arranges it.
func (s *Server) moneyTab(v *visit, c hub.CaseView, _ noteForm) ui.Node {
	if v.by.OrgKind == care.Trust {
		return ui.P("Finance is not shared with hospitals.")
	}
	if c.Money == nil {
		return ui.P("Finance is not shown to your role.")
	}
	m := *c.Money
	var out ui.Nodes
	out = append(out, ui.H2("What care costs"))
	for _, e := range m.Elements {
		if e.Over && e.State != care.ElementEnded {
			out = append(out, ui.WarningCard(3, "Above the ceiling", ui.P(elementTitle(e)+" costs "+limitWord(e)+", and at most "+e.Ceiling.String()+" was agreed.")))
		}
	}
	out = append(out, stillCosts(c, m))
	if m.Set {
		out = append(out, ui.ButtonGroup(ui.Button{Text: "Add a cost", Href: moneyPathNew(c.ID)},
			ui.If(len(m.Elements) > 0, func() ui.Node { return ui.Link(casePath(c.ID, "/money/file"), "Download as CSV") })),
			ui.Small(limitLine(m)))
		for _, o := range offers(c) {
			to := moneyPathNew(c.ID) + "?" + url.Values{"request": {o.request.ID}, "provider": {o.invite.Provider}}.Encode()
			out = append(out, ui.Para(ui.ActionLink(to, "Price the offer of "+o.invite.Name)))
		}
	}
	if len(m.Elements) == 0 {
		return append(out, ui.Empty("No costs yet", ui.P("Costs of care that this council arranges are set here. Hospitals and providers do not see them.")))
	}
	out = append(out, ui.Scroll("What care costs", elementTable(c.ID, m)), billPart(m.Bill))
	for _, e := range m.Elements {
		out = append(out, elementPart(c, m, e))
	}
	return append(out, historyPart(m.History))
}

// stillCosts warns of care that cannot go on and costs as if it did.
func stillCosts(c hub.CaseView, m hub.MoneyPart) ui.Node {
	ended := map[care.ReferralID]string{}
	for _, r := range c.Referrals {
		if say := map[care.RefState]string{care.RefWithdrawn: "The referral was withdrawn", care.RefCancelled: "The referral was cancelled", care.RefTransferred: "Another council is responsible now"}[r.Referral.State]; say != "" {
			ended[r.Referral.ID] = say
		}
	}
	var why string
	var names []ui.Node
	for _, e := range m.Elements {
		say := ended[e.Referral]
		if c.Died != nil {
			say = "The person has died"
		}
		if say != "" && e.CostsOn(m.Bill.Today) {
			why, names = say, append(names, ui.Link("#cost-"+e.ID, elementTitle(e)))
		}
	}
	return ui.If(len(names) > 0, func() ui.Node {
		return ui.WarningCard(3, "This still costs", ui.P(why+", and the sums below go on as if care did. End each of these costs on its last day:"), ui.List(names...))
	})
}

func moneyPathNew(id care.CaseID) string { return casePath(id, "/money/new") }

// limitLine is what the reader may settle alone.
func limitLine(m hub.MoneyPart) string {
	switch {
	case m.AnySum:
		return "Up to " + m.Limit.String() + " a week in all for a person you may settle alone. You sit on the panel: of what somebody else set you may approve any sum."
	case m.Limit == 0:
		return "A second person approves every cost that you set."
	}
	return "Up to " + m.Limit.String() + " a week in all for a person you may settle alone. Above it, or above a ceiling, a second person approves."
}

func elementTitle(e hub.ElementView) string {
	return cmp.Or(e.Title, e.KindSay)
}

// limitWord is what an element costs, as limits measure it.
func limitWord(e hub.ElementView) string {
	n, err := e.AgainstLimit()
	switch {
	case err != nil:
		return "more than can be added up"
	case e.Unit == care.UnitOnce:
		return n.String() + " once"
	}
	return n.String() + " a week"
}

// elementTable is every element with its sums. What waits is in no total.
func elementTable(id care.CaseID, m hub.MoneyPart) ui.Node {
	t := ui.Table{Caption: "What care costs", NoHeadCell: false, Columns: []ui.Column{{Label: "Care"}, {Label: "Status"}, {Label: "Days"},
		{Label: "Planned", Numeric: true}, {Label: "To date", Numeric: true}, {Label: "Forecast", Numeric: true}}}
	for _, e := range m.Elements {
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{
			ui.Nodes{ui.Link("#cost-"+e.ID, elementTitle(e)), ui.Sub(cmp.Or(e.ProviderName, "No provider named"))},
			elementTag(e), ui.Text(elementDays(e.Element)), ui.Text(limitWord(e)), ui.Text(e.ToDate.Total.String()), ui.Text(e.Ahead.Total.String())}})
	}
	b := m.Bill
	t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Strong("Total"), ui.Text("Approved"), ui.Text("As at " + ui.Day(b.Today)),
		ui.Nodes{ui.Strong(b.Weekly.Total.String() + " a week"), laterLine(b)}, ui.Strong(b.ToDate.Total.String()), ui.Strong(b.Ahead.Total.String())}})
	return t
}

func elementDays(e care.Element) string {
	switch {
	case !e.Began():
		return "Never began"
	case e.Unit == care.UnitOnce:
		return ui.Day(e.Start)
	case e.End.IsZero():
		return "From " + ui.Day(e.Start)
	}
	return ui.Day(e.Start) + " to " + ui.Day(e.End)
}

func elementTag(e hub.ElementView) ui.Node {
	stopped := slices.ContainsFunc(e.Stops, care.Stop.Open)
	switch {
	case e.State == care.ElementWaiting:
		return ui.Tag(ui.TagYellow, "Waiting for approval")
	case e.Proposed != nil:
		return ui.Tag(ui.TagYellow, "Change waiting")
	case e.State == care.ElementRefused:
		return ui.Tag(ui.TagRed, "Refused")
	case e.State == care.ElementEnded:
		return ui.Tag(ui.TagGrey, "Ended")
	case stopped:
		return ui.Tag(ui.TagBlue, "Suspended")
	}
	return ui.Tag(ui.TagGreen, "Approved")
}

// laterLine is what a week costs once something begins; nothing when all has begun.
func laterLine(b care.Bill) ui.Node {
	return ui.If(!b.Next.IsZero(), func() ui.Node { return ui.Sub(b.Later.Total.String() + " a week from " + ui.Day(b.Next)) })
}

// billPart divides the sums between those who pay.
func billPart(b care.Bill) ui.Node {
	week := "A week as planned"
	if !b.Next.IsZero() { // what began stands beside what is to begin
		week = "A week as planned, today"
	}
	row := func(name string, part func(care.Cost) money.Amount) ui.TableRow {
		planned := ui.Nodes{ui.Text(part(b.Weekly).String()), ui.If(!b.Next.IsZero() && part(b.Later) != part(b.Weekly), func() ui.Node { return ui.Sub(part(b.Later).String() + " from " + ui.Day(b.Next)) })}
		return ui.TableRow{Cells: []ui.Node{ui.Text(name), planned, ui.Text(part(b.ToDate).String()), ui.Text(part(b.Ahead).String())}}
	}
	return ui.Section("who-pays", "Who pays",
		ui.Table{Caption: "Who pays", Columns: []ui.Column{{Label: "Paid by"}, {Label: week, Numeric: true}, {Label: "To " + ui.Day(b.Today), Numeric: true},
			{Label: "Forecast to " + ui.Day(b.Until), Numeric: true}},
			Rows: []ui.TableRow{
				row("Council", func(c care.Cost) money.Amount { return c.Council }), row("NHS", func(c care.Cost) money.Amount { return c.NHS }),
				row("The person", func(c care.Cost) money.Amount { return c.Person }), row("Total", func(c care.Cost) money.Amount { return c.Total })}},
		ui.Small(fmt.Sprintf("Approved costs only. The forecast is for %d weeks, or until care ends, and takes a suspension without a last day to last. Pence that do not divide are the council’s.", care.ForecastWeeks)))
}

// elementPart is one element with its figures, its suspensions and what can be done.
func elementPart(c hub.CaseView, m hub.MoneyPart, e hub.ElementView) ui.Node {
	rows := elementRows(e)
	rows = append(rows, ui.Row{Key: "Set by", Value: ui.Nodes{ui.Text(e.By.Name), ui.Sub(ui.DateTime(e.At))}})
	if e.DecidedBy.ID != "" {
		word := "Approved by"
		if e.State == care.ElementRefused {
			word = "Refused by"
		}
		rows = append(rows, ui.Row{Key: word, Value: ui.Nodes{ui.Text(e.DecidedBy.Name), ui.Sub(ui.DateTime(e.Decided))}})
	}
	if e.Why != "" {
		rows = append(rows, ui.Row{Key: "Last reason", Value: ui.Lines(e.Why)})
	}
	var wants ui.Node
	if e.Proposed != nil {
		wants = ui.Inset(ui.P(e.Proposed.By.Name+" wants other figures since "+ui.DateTime(e.Proposed.At)+". Until somebody approves them, those above stand."), ui.SummaryList(elementRows(*e.Wants)...))
	}
	return ui.Part("cost-"+e.ID, ui.Card(3, elementTitle(e), ui.SummaryList(rows...), wants, elementLinks(c, m, e)))
}

// elementRows are the figures of an element.
func elementRows(e hub.ElementView) []ui.Row {
	rows := []ui.Row{
		{Key: "Kind of care", Value: ui.Text(e.KindSay)},
		{Key: "Rate", Value: ui.Text(e.Rate.String() + " " + e.Unit.Say())},
		{Key: "How much", Value: ui.Or(e.HowMuch(), ui.NotKnown)},
		{Key: "Cost", Value: ui.Text(limitWord(e))},
		{Key: "Days", Value: ui.Text(elementDays(e.Element))},
		{Key: "Paid from", Value: ui.Text(care.FundingSay(e.Funding))},
	}
	if e.NHS > 0 {
		rows = append(rows, ui.Row{Key: "NHS share", Value: ui.Text(e.NHS.String())})
	}
	if e.Contribution > 0 {
		rows = append(rows, ui.Row{Key: "Contribution", Value: ui.Text(e.Contribution.String() + " a week")})
	}
	if e.Ceiling > 0 {
		rows = append(rows, ui.Row{Key: "Ceiling", Value: ui.Text(e.Ceiling.String() + " a week")})
	}
	if !e.From.IsZero() {
		rows = append(rows, ui.Row{Key: "These figures hold from", Value: ui.Text(ui.Day(e.From))})
	}
	for _, st := range e.Stops {
		rows = append(rows, ui.Row{Key: "Suspended", Value: ui.Nodes{ui.Text(stopDays(st)), ui.If(st.Why != "", func() ui.Node { return ui.Sub(st.Why) })}})
	}
	return rows
}

func stopDays(s care.Stop) string {
	if s.Open() {
		return "From " + ui.Day(s.From)
	}
	return ui.Day(s.From) + " to " + ui.Day(s.To)
}

// elementLinks are what this reader may do with an element now.
func elementLinks(c hub.CaseView, m hub.MoneyPart, e hub.ElementView) ui.Node {
	if c.Frozen != nil || c.JoinedTo != "" {
		return nil
	}
	title := elementTitle(e)
	var out ui.Nodes
	add := func(what, words string) { out = append(out, ui.LinkAbout(moneyPath(c.ID, e.ID, what), words, title)) }
	if e.Wants != nil && m.Approve && !e.Mine {
		add(string(approveStep), "Approve or refuse")
	}
	if m.Set && e.State != care.ElementEnded {
		add("change", "Change")
		if e.Proposed != nil && e.Mine {
			add(string(takeBackStep), "Take back the change")
		}
		if e.State == care.ElementApproved && e.Unit != care.UnitOnce {
			switch i := slices.IndexFunc(e.Stops, care.Stop.Open); {
			case i < 0:
				add(string(suspendStep), "Suspend")
			case e.Stops[i].By.ID != "": // what was agreed with the provider ends with the provider's restart
				add(string(resumeStep), "Resume")
			}
		}
	}
	if m.Set && e.Began() {
		add(string(endStep), "End")
	}
	return ui.If(len(out) > 0, func() ui.Node { return ui.ButtonGroup(out...) })
}

// historyPart is every figure that ever was: who changed what, when, from what to what.
func historyPart(changes []care.FigureChange) ui.Node {
	did := map[care.ElementDid]string{care.ElementSet: "Figures set", care.ElementDidApprove: "Approved", care.ElementDidRefuse: "Refused", care.ElementDidSuspend: "Suspended",
		care.ElementDidResume: "Resumed", care.ElementDidEnd: "Ended", care.ElementDidWithdraw: "Taken back", care.ElementDidTakeBack: "Change taken back"}
	t := ui.Table{Caption: "History of each figure", NoHeadCell: true, Columns: []ui.Column{{Label: "When"}, {Label: "Who"}, {Label: "What was done"}, {Label: "From what to what"}}}
	for _, x := range changes {
		what := cmp.Or(did[x.Did], "Changed") + ": " + x.Title
		if x.Proposed {
			what += ". Waiting for approval"
		}
		if x.Why != "" {
			what += ". Why: " + x.Why
		}
		lines := ui.Map(x.Figures, func(f care.Figure) ui.Node { return ui.Text(figureLine(f)) })
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.TimeAt(x.At), ui.Text(x.By.Name), ui.Text(what), ui.Nodes{ui.If(len(lines) > 0, func() ui.Node { return ui.List(lines...) })}}})
	}
	return ui.Section("figures", "History of each figure", ui.Scroll("What was changed, by whom and when", t))
}

func figureLine(f care.Figure) string {
	if f.From == "" {
		return f.Name + ": " + f.To
	}
	return f.Name + ": " + f.From + " → " + cmp.Or(f.To, "none")
}

// moneyFile is what care costs as a file: each element with its sums, then each figure
// that ever was.
func (s *Server) moneyFile(v *visit) (response, error) {
	m, err := s.Hub.ExportMoney(v.ctx(), v.by, v.id())
	if err != nil {
		return nil, err
	}
	f := csvFile{name: "care-costs.csv", rows: [][]string{{"Care", "Kind", "Provider", "Status", "Rate (£)", "For", "How much", "First day", "Last day", "Suspended", "Paid from", "NHS share",
		"Week: total (£)", "To date: total (£)", "To date: council (£)", "To date: NHS (£)", "To date: person (£)", "Forecast: total (£)", "Forecast: council (£)", "Forecast: NHS (£)", "Forecast: person (£)"}}}
	for _, e := range m.Elements {
		stops := make([]string, len(e.Stops))
		for i, st := range e.Stops {
			stops[i] = stopDays(st)
		}
		f.rows = append(f.rows, append([]string{elementTitle(e), e.KindSay, e.ProviderName, string(e.State), e.Rate.Plain(), e.Unit.Say(), e.HowMuch(), e.Start.String(), lastDay(e.Element),
			strings.Join(stops, "; "), care.FundingSay(e.Funding), e.NHS.String(), e.Weekly.Total.Plain()}, append(costCells(e.ToDate), costCells(e.Ahead)...)...))
	}
	b := m.Bill
	total := append([]string{"Total of what is approved", "", "", "", "", "", "", "", "", "", "", "", b.Weekly.Total.Plain()}, append(costCells(b.ToDate), costCells(b.Ahead)...)...)
	f.rows = append(f.rows, total, []string{"To date is to", b.Today.String(), "and the forecast is to", b.Until.String()}, nil, []string{"When (UTC)", "Who", "What was done", "Care", "Why", "Figure", "From", "To"})
	for _, x := range m.History {
		head := []string{x.At.UTC().Format("2006-01-02 15:04:05"), x.By.Name, string(x.Did), x.Title, x.Why}
		if len(x.Figures) == 0 {
			f.rows = append(f.rows, head)
		}
		for _, g := range x.Figures {
			f.rows = append(f.rows, append(slices.Clone(head), g.Name, g.From, g.To))
		}
	}
	return f, nil
}

// lastDay is the last day as 2006-01-02; "" where there is none yet, or never was a day.
func lastDay(e care.Element) string {
	if !e.Began() {
		return "never began"
	}
	return e.End.String()
}

func costCells(c care.Cost) []string {
	return []string{c.Total.Plain(), c.Council.Plain(), c.NHS.Plain(), c.Person.Plain()}
}

// moneyWaiting lists the costs that wait for a second person at the reader's council.
func (s *Server) moneyWaiting(v *visit) (response, error) {
	l, err := s.Hub.MoneyWaiting(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	t := ui.Table{Caption: "Costs that wait for approval", Columns: []ui.Column{{Label: "Person"}, {Label: "Care"}, {Label: "Cost", Numeric: true}, {Label: "Set by"}, {Label: "Since"}, {Label: "What you can do"}},
		Empty: ui.Empty("No costs wait for approval", ui.P("Costs come here when they are above what the person who set them may approve alone."))}
	for _, x := range l.Rows {
		do := ui.Node(ui.Text("Somebody else must approve it"))
		if x.Approve && !x.Mine {
			do = ui.LinkAbout(moneyPath(x.Case, x.Element.ID, string(approveStep)), "Approve or refuse", elementTitle(x.Element))
		}
		name := cmp.Or(ui.Name(x.Name.Family, x.Name.Given, x.Name.Title), "Not shown to your role")
		if x.Name.Family == "" && x.Name.Given == "" {
			name = "Not shown to your role"
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Link(casePath(x.Case, "?tab=finance"), name), ui.Text(elementTitle(x.Element)),
			ui.Nodes{ui.Text(limitWord(x.Element)), ui.If(x.Element.Over, func() ui.Node { return ui.Sub("Above the ceiling") })},
			ui.Text(x.By.Name), ui.Nodes{ui.TimeAt(x.Since), ui.Sub(ui.Ago(x.Since, v.now))}, do}})
	}
	words := ui.Plural(len(l.Rows), "cost waits", "costs wait")
	if l.More {
		words = "The oldest " + words
	}
	return show(ui.Page{Title: "Costs to approve", Width: ui.WorkPage, Main: []ui.Node{ui.WorkHead("Costs to approve", words), t,
		ui.Small(limitLine(hub.MoneyPart{Limit: l.Limit, AnySum: l.AnySum})), ui.PrintMeta(v.now, v.by.Name)}}), nil
}

// elementOf finds the case and one cost of it.
func (s *Server) elementOf(v *visit) (hub.CaseView, hub.ElementView, error) {
	c, err := s.Hub.Case(v.ctx(), v.by, v.id())
	if err != nil {
		return c, hub.ElementView{}, err
	}
	if c.Money == nil {
		return c, hub.ElementView{}, &care.Error{Kind: care.Forbidden, Text: "You cannot see this"}
	}
	i := slices.IndexFunc(c.Money.Elements, func(e hub.ElementView) bool { return e.ID == v.path("element") })
	if i < 0 {
		return c, hub.ElementView{}, &care.Error{Kind: care.NotFound, Text: "There is no such cost"}
	}
	return c, c.Money.Elements[i], nil
}

// dayOrZero is a date of the form, and what is wrong with it.
func dayOrZero(v *visit, id, name string, errs *[]ui.FieldError) nhs.Date {
	d, wrong := v.date(id).parse(name)
	if wrong != "" {
		*errs = append(*errs, ui.FieldError{ID: id + "-day", Text: wrong})
	}
	return d
}
