package web

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"homeward/care"
	"homeward/form"
	"homeward/hub"
	"homeward/nhs"
	"homeward/policy"
	"homeward/web/ui"
)

// lifecycleRoutes is what a hospital says of somebody in its beds. What is done to a
// referral stands with the other commands.
func (s *Server) lifecycleRoutes() []route {
	return []route{
		{pattern: "GET /cases/{id}/criteria", nav: "ward", asks: deciding(policy.SayReady), do: s.askCriteria},
		{pattern: "POST /cases/{id}/criteria", nav: "ward", asks: deciding(policy.SayReady), do: s.sayCriteria},
		{pattern: "POST /cases/{id}/refer/discard", nav: "tracker", asks: deciding(policy.Refer), do: s.discardDraft},
	}
}

// discardPart offers to throw a draft away, folded so that nobody does it by a slip.
func discardPart(d hub.ReferralDraft) ui.Node {
	if d.Saved.IsZero() {
		return nil
	}
	return ui.Details("Throw this draft away", ui.P("What was typed here is lost. What hospitals and councils hold stays as it is."),
		ui.PostForm(casePath(d.Case.ID, "/refer/discard"), ui.Button{Text: "Throw the draft away", Kind: ui.Warning}))
}

func (s *Server) discardDraft(v *visit) (response, error) {
	if err := s.Hub.DiscardDraft(v.ctx(), v.by, v.id()); err != nil {
		return nil, err
	}
	return goTo(casePath(v.id(), "")).saying("The draft was thrown away."), nil
}

// lifecycleCommands are the commands of a referral that waits, or goes elsewhere.
var lifecycleCommands = []command{
	{name: "hold", title: "Put the referral on hold", may: policy.Hold, states: begun, button: "Put on hold", done: "The referral is on hold.",
		fields: map[string]string{"why": "reason", "text": "details", "until": "until-day"}, ask: (*Server).askHold, do: (*Server).doHold},
	{name: "resume", title: "Go on with the referral", may: policy.Hold, states: []care.RefState{care.RefOnHold}, button: "Go on",
		done: "The referral goes on.", ask: (*Server).askResume, do: (*Server).doResume},
	{name: "transfer", title: "Transfer to another council", may: policy.Transfer, states: append([]care.RefState{care.RefSent, care.RefReceived}, held...), button: "Continue",
		done: "The referral was transferred. The other council has to accept it.", fields: map[string]string{"to": "council", "whyText": "why"},
		ask: (*Server).askTransfer, do: (*Server).doTransfer, check: (*Server).checkTransfer},
}

func (s *Server) askHold(v *visit, _ hub.CaseView, r hub.ReferralView, f *commandForm) ui.Node {
	return ui.Nodes{ui.P("It stays with " + r.With + ". Both sides see why, and when you will look at it again."),
		s.releasedForm(v, hub.HoldForm, form.Facts{"today": s.today(v).String()}, f)}
}

func (s *Server) doHold(v *visit, c hub.CaseView, r hub.ReferralView) error {
	_, answers, err := s.checkedForm(v, hub.HoldForm, form.Facts{"today": s.today(v).String()})
	if err != nil {
		return err
	}
	until, err := nhs.ParseDate(answers.Get("until"))
	if err != nil {
		return formErrors{{ID: "until-day", Text: "Enter the day on which you look at it again"}}
	}
	return s.Hub.HoldReferral(v.ctx(), v.by, c.ID, r.Referral.ID, answers.Get("reason"), answers.Get("details"), until)
}

func (s *Server) askResume(_ *visit, c hub.CaseView, r hub.ReferralView, _ *commandForm) ui.Node {
	h := r.Referral.Hold
	if h == nil {
		return nil
	}
	return ui.Nodes{s.holdPart(r, c), ui.P("It goes on where it was: " + strings.ToLower(h.Before.Say()) + ".")}
}

func (s *Server) doResume(v *visit, c hub.CaseView, r hub.ReferralView) error {
	return s.Hub.ResumeReferral(v.ctx(), v.by, c.ID, r.Referral.ID)
}

// askTransfer offers the other councils.
func (s *Server) askTransfer(v *visit, _ hub.CaseView, r hub.ReferralView, f *commandForm) ui.Node {
	var items []ui.Choice
	for _, o := range s.Hub.CouncilOrgs() {
		if o.ODS != v.by.Org {
			items = append(items, ui.Choice{Value: string(o.ODS), Label: o.Name})
		}
	}
	if len(items) == 0 {
		return ui.P("No other council is on Homeward. Ring them, and return the referral to " + r.From.Name + ".")
	}
	return ui.Nodes{
		ui.P("The referral ends here and goes to the other council with all that " + r.From.Name + " said. That council has to accept it. Your notes and the work done here do not go with it."),
		ui.Radios{ID: "council", Legend: "Which council is responsible?", Value: f.post.Get("council"), Items: items, Error: f.err("council")},
		ui.Textarea{ID: "why", Label: "Why is that council responsible?", Hint: r.From.Name + " sees this.", Value: f.post.Get("why"), Max: 500, Error: f.err("why")},
	}
}

// checkTransfer says what a transfer does before it is done: it cannot be taken back
// here.
func (s *Server) checkTransfer(v *visit, _ hub.CaseView, r hub.ReferralView) (ui.Node, error) {
	to, why := nhs.ODS(v.form("council")), strings.TrimSpace(strings.ReplaceAll(v.form("why"), "\r\n", "\n"))
	var errs formErrors
	if !slices.ContainsFunc(s.Hub.CouncilOrgs(), func(o care.Org) bool { return o.ODS == to && to != v.by.Org }) {
		errs = append(errs, ui.FieldError{ID: "council", Text: "Select a council"})
	}
	switch n := len([]rune(why)); {
	case n == 0:
		errs = append(errs, ui.FieldError{ID: "why", Text: "Enter why that council is responsible"})
	case n > 500:
		errs = append(errs, ui.FieldError{ID: "why", Text: "Shorten why that council is responsible to 500 characters or fewer"})
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return ui.Nodes{
		ui.SummaryList(ui.Row{Key: "From", Value: ui.Text(v.by.OrgName)}, ui.Row{Key: "To", Value: ui.Text(s.orgName(to))},
			ui.Row{Key: "Sent by", Value: ui.Text(r.From.Name)}, ui.Row{Key: "Why", Value: ui.Lines(why)}),
		ui.P("You cannot take it back. The other council could transfer it to you again."),
		ui.Hidden("council", string(to)), ui.Hidden("why", why), ui.Hidden("checked", "yes"),
		ui.Button{Text: "Transfer the referral", Kind: ui.Warning},
	}, nil
}

func (s *Server) doTransfer(v *visit, c hub.CaseView, r hub.ReferralView) error {
	return s.Hub.TransferReferral(v.ctx(), v.by, c.ID, r.Referral.ID, nhs.ODS(v.form("council")), strings.ReplaceAll(v.form("why"), "\r\n", "\n"))
}

// criteriaPage asks which criteria to reside are met. wrong is nil before anything
// was sent.
func (s *Server) criteriaPage(v *visit, c hub.CaseView, chosen []string, errs []ui.FieldError) ui.Page {
	var items []ui.Choice
	for _, code := range care.CriteriaCodes() {
		if code != "12" {
			items = append(items, ui.Choice{Value: code, Label: care.CriterionWords(code)})
		}
	}
	items = append(items, ui.Choice{Value: "12", Label: "A criterion is met, but not recorded which", Divider: "or", Exclusive: true},
		ui.Choice{Value: "none", Label: "No criterion is met", Exclusive: true})
	return ui.Page{Title: "Criteria to reside", Width: ui.FormPage, Back: &ui.NavItem{Href: casePath(c.ID, ""), Text: "Discharge case"},
		Banner: s.caseBanner(c, v.now), Error: len(errs) > 0,
		Main: []ui.Node{ui.TwoThirds(
			ui.ErrorSummary(errs),
			ui.H1("Criteria to reside"),
			ui.P("Record what was found at this review. This is kept by itself: it does not say that somebody is medically fit, nor since when they are ready to leave."),
			lastCriteria(c),
			ui.PostForm(casePath(c.ID, "/criteria"),
				ui.Checkboxes{ID: "codes", Legend: "Which criteria does the person meet now?", Hint: "Select all that apply", Values: chosen, Items: items, Error: ui.ErrorFor(errs, "codes")},
				ui.Submit("Record criteria")))}}
}

func lastCriteria(c hub.CaseView) ui.Node {
	if c.Stay == nil {
		return nil
	}
	last, ok := c.Stay.LastCriteria()
	if !ok {
		return nil
	}
	return ui.Inset(ui.P("Recorded "+ui.ClockOn(last.At, c.At)+" by "+last.By.Name+":"), ui.Bullets(criteriaLines(last)...))
}

// criteriaLines are the criteria in words.
func criteriaLines(x care.Criteria) []ui.Node {
	if len(x.Codes) == 0 {
		return []ui.Node{ui.Text("No criterion is met")}
	}
	var out []ui.Node
	for _, code := range x.Codes {
		out = append(out, ui.Text(care.CriterionWords(code)))
	}
	return out
}

func (s *Server) askCriteria(v *visit) (response, error) {
	c, err := s.Hub.Case(v.ctx(), v.by, v.id())
	if err != nil {
		return nil, err
	}
	if err := mayCriteria(c); err != nil {
		return s.notNow(v, err)
	}
	return show(s.criteriaPage(v, c, nil, nil)), nil
}

// mayCriteria says why the reader cannot record criteria; nil when they can.
func mayCriteria(c hub.CaseView) error {
	switch {
	case !c.May[policy.SayReady]:
		return &care.Error{Kind: care.Forbidden, Text: "Your role cannot do this"}
	case c.Stay == nil || c.Frozen != nil || c.JoinedTo != "" || c.Died != nil:
		return &care.Error{Kind: care.BusinessRule, Text: "This cannot be done now", Allowed: []string{"Add a note"}}
	}
	return nil
}

func (s *Server) sayCriteria(v *visit) (response, error) {
	codes := v.r.PostForm["codes"]
	errs := []ui.FieldError(nil)
	if len(codes) == 0 {
		errs = append(errs, ui.FieldError{ID: "codes", Text: "Select which criteria are met, or that none is"})
	} else if slices.Contains(codes, "none") {
		if len(codes) > 1 {
			errs = append(errs, ui.FieldError{ID: "codes", Text: "Select the criteria that are met, or that none is, but not both"})
		}
		codes = nil
	}
	if len(errs) == 0 {
		err := s.Hub.SayCriteria(v.ctx(), v.by, v.id(), codes)
		if err == nil {
			return goTo(casePath(v.id(), "")).saying("The criteria to reside were recorded."), nil
		}
		var ok bool
		if errs, ok = fieldErrors(err, nil); !ok {
			return s.notNow(v, err)
		}
	}
	c, err := s.Hub.Case(v.ctx(), v.by, v.id())
	if err != nil {
		return nil, err
	}
	if err := mayCriteria(c); err != nil {
		return s.notNow(v, err)
	}
	return refuse(s.criteriaPage(v, c, v.r.PostForm["codes"], errs)), nil
}

// span is a time in words: "40 minutes", "3 hours", "2 days".
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "less than a minute"
	case d < 2*time.Hour:
		return ui.Plural(int(d.Minutes()), "minute", "minutes")
	case d < 48*time.Hour:
		return ui.Plural(int(d.Hours()), "hour", "hours")
	}
	return ui.Plural(int(d.Hours())/24, "day", "days")
}

// dueSay is by when something is due, and for how long it has been overdue:
// "due 12:42, overdue by 40 minutes"; "" where no time is known.
func dueSay(h care.Holder, at time.Time) string {
	if h.Due.IsZero() {
		return ""
	}
	line := "due " + ui.ClockOn(h.Due, at)
	if late := h.Overdue(at); late >= time.Minute {
		line += ", overdue by " + span(late)
	}
	return line
}

// holderLine is who has the referral: both sides see the same. Nothing is
// ever nobody's. NHS CUI handover RID 12 and 64.
func holderLine(r hub.ReferralView, c hub.CaseView) ui.Node {
	h := r.Referral.Holder
	line := "With: " + r.With + ", since " + ui.ClockOn(h.Since, c.At)
	if h.Next != "" {
		line += " – next: " + h.Next
	}
	if due := dueSay(h, c.At); due != "" {
		line += ", " + due
	}
	return ui.Nodes{ui.Para(ui.Strong(line)), returnedLine(r, c)}
}

// strip is how far an open referral is and who has it, the same for both sides.
func (s *Server) strip(r hub.ReferralView, c hub.CaseView) ui.Node {
	ref := r.Referral
	state := ref.State
	if ref.Hold != nil && state == care.RefOnHold {
		state = ref.Hold.Before
	}
	var words []string
	at := -1
	for i, st := range stages {
		words = append(words, st.words)
		if st.column == hub.StageOf(state) {
			at = i
		}
	}
	var steps ui.Node
	if at >= 0 {
		steps = ui.Stepper("Stage of the referral", words, at)
	}
	return ui.Nodes{steps, holderLine(r, c), s.holdPart(r, c), noticesLine(r, c)}
}

// holdPart is why a referral is on hold and when somebody looks at it again.
func (s *Server) holdPart(r hub.ReferralView, c hub.CaseView) ui.Node {
	h := r.Referral.Hold
	if h == nil || r.Referral.State != care.RefOnHold {
		return nil
	}
	why := h.Why
	if p, ok := s.Hub.Forms.Latest(hub.HoldForm); ok {
		why = choiceLabel(p, "reason", h.Why)
	}
	return ui.Inset(ui.Para(ui.Strong("On hold since "+ui.ClockOn(h.Since, c.At)+": "+lower(why)+".")),
		ui.If(h.Text != "", func() ui.Node { return ui.Para(ui.Lines(h.Text)) }),
		ui.P("To be looked at again on "+ui.Day(h.Until)+"."))
}

// lower begins a text with a small letter, but not an acronym.
func lower(s string) string {
	if len(s) > 1 && strings.ToUpper(s[:2]) != s[:2] {
		return strings.ToLower(s[:1]) + s[1:]
	}
	return s
}

// notices are the documents of which the strip says that they were sent.
var notices = []care.PaperKind{care.PaperAssessmentNotice, care.PaperDischargeNotice}

// noticesLine says which optional notices were sent about a referral, and taken back.
func noticesLine(r hub.ReferralView, c hub.CaseView) ui.Node {
	var said []string
	for _, kind := range notices {
		if words := noticeSay(r.Referral.ID, kind, c); words != "" {
			said = append(said, kind.Say()+" "+words)
		}
	}
	return ui.If(len(said) > 0, func() ui.Node { return ui.P(strings.Join(said, ". ") + ".") })
}

// noticeSay is how a notice stands: "sent 10:42", "withdrawn 11:05"; "" where there
// is none that the reader may see.
func noticeSay(id care.ReferralID, kind care.PaperKind, c hub.CaseView) string {
	for _, p := range slices.Backward(c.Papers) {
		if p.Referral != id || p.Kind != kind {
			continue
		}
		if !p.Withdrawn.IsZero() {
			return "withdrawn " + ui.ClockOn(p.Withdrawn, c.At)
		}
		return "sent " + ui.ClockOn(p.At, c.At)
	}
	return ""
}

// fourRows are what is said of somebody's leaving, each by itself: none of them
// sets another. product.md 5.1, and 6.1 story 6 of the delay.
func (s *Server) fourRows(c hub.CaseView) []ui.Row {
	st := c.Stay
	fit := ui.Row{Key: "Medically fit", Value: ui.Missing("Not told")}
	switch st.Fit {
	case "Y":
		fit.Value = ui.Text("Yes")
	case "N":
		fit.Value = ui.Text("No")
	}
	if !st.Known.Fit.IsZero() {
		fit.Source = "As told " + ui.ClockOn(st.Known.Fit, c.At)
	}
	criteria := ui.Row{Key: "Criteria to reside", Value: ui.Missing("Not recorded")}
	if last, ok := st.LastCriteria(); ok {
		criteria.Value = ui.Nodes(criteriaLines(last))
		if len(last.Codes) > 1 {
			criteria.Value = ui.Bullets(criteriaLines(last)...)
		}
		criteria.Source = "Recorded " + ui.ClockOn(last.At, c.At) + " by " + last.By.Name
	}
	if mayCriteria(c) == nil {
		criteria.Value = ui.Nodes{criteria.Value, ui.Break(), ui.Link(casePath(c.ID, "/criteria"), "Record criteria to reside")}
	}
	ready := ui.Row{Key: "Discharge-ready since", Value: ui.Missing("Not ready yet")}
	if t := st.ReadySince(); !t.IsZero() {
		ready.Value = ui.TimeAt(t)
	}
	if n := len(st.Ready); n > 1 {
		ready.Source = "Period " + strconv.Itoa(n) + " of this stay"
	}
	notice := ui.Row{Key: "Discharge notice", Value: ui.Missing("Not sent")}
	if r := c.Current(); r != nil {
		if words := noticeSay(r.Referral.ID, care.PaperDischargeNotice, c); words != "" {
			notice.Value = ui.Text(upper(words))
		}
	}
	return append([]ui.Row{fit, criteria, ready, notice}, s.delayRows(*st, c)...)
}

// delayRows are the national and our own count of days of delay, side by side.
// While somebody is in hospital both count so far.
func (s *Server) delayRows(st care.Stay, c hub.CaseView) []ui.Row {
	if len(st.Ready) == 0 {
		return nil
	}
	national, local, far := st.DelayDays(s.Hub.Zone), st.NotMeetingDays(s.Hub.Zone), ""
	if st.Left == nil {
		far = " so far"
		if t := st.ReadySince(); !t.IsZero() {
			national = max(0, nhs.DateOf(t.In(s.Hub.Zone)).DaysTo(nhs.DateOf(c.At.In(s.Hub.Zone))))
			local += national
		}
	}
	return []ui.Row{
		{Key: "Delay, national count", Value: ui.Text(ui.Plural(national, "day", "days") + far), Source: "From the last discharge-ready date"},
		{Key: "All days not meeting criteria", Value: ui.Text(ui.Plural(local, "day", "days") + far), Source: "Our own count, of all periods in this stay"},
	}
}

// heldRow is for how long each organisation had a referral: the clock goes on with
// whoever has the ball.
func (s *Server) heldRow(r hub.ReferralView, c hub.CaseView) ui.Row {
	spells := lasting(r.Spells, c.At)
	held := care.Held(spells)
	var lines []ui.Node
	for _, sp := range spells { // in the order in which they had it first
		if d, ok := held[sp.Org]; ok {
			lines = append(lines, ui.Text("With "+s.orgName(sp.Org)+" "+spanShort(d)))
			delete(held, sp.Org)
		}
	}
	return ui.Row{Key: "Time with each", Value: ui.List(lines...)}
}

// lasting ends the spell that lasts now.
func lasting(spells []care.Spell, now time.Time) []care.Spell {
	out := slices.Clone(spells)
	if n := len(out); n > 0 && out[n-1].To.IsZero() {
		out[n-1].To = now
		if now.Before(out[n-1].From) {
			out[n-1].To = out[n-1].From
		}
	}
	return out
}

// spanShort is a time to the minute, as 3hr 05min, so that what is shown adds up.
func spanShort(d time.Duration) string {
	m := int(d.Minutes())
	switch {
	case m < 60:
		return fmt.Sprintf("%dmin", m)
	case m < 24*60:
		return fmt.Sprintf("%dhr %02dmin", m/60, m%60)
	}
	return fmt.Sprintf("%dd %dhr %02dmin", m/60/24, m/60%24, m%60)
}

// spellsPart is who had a referral, in which state, from when and for how long.
func (s *Server) spellsPart(r hub.ReferralView, c hub.CaseView) ui.Node {
	t := ui.Table{Caption: "Who had it, and for how long", Columns: []ui.Column{{Label: "With"}, {Label: "Stage"}, {Label: "From"}, {Label: "For"}}}
	for _, sp := range lasting(r.Spells, c.At) {
		if d := sp.To.Sub(sp.From); d > 0 {
			with := cmp.Or(sp.Who.Name, "Duty desk")
			t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Nodes{ui.Text(s.orgName(sp.Org)), ui.Sub(with)}, ui.Text(sp.State.Say()), ui.TimeAt(sp.From), ui.Text(spanShort(d))}})
		}
	}
	return ui.If(len(t.Rows) > 0, func() ui.Node { return ui.Details("Who had it, and for how long", t) })
}

// linkedRows lead from a referral that was transferred to the one that it became,
// and back, where the reader may see that.
func linkedRows(r care.Referral, c hub.CaseView) []ui.Row {
	var out []ui.Row
	for _, l := range []struct {
		key, unseen string
		id          care.ReferralID
	}{{"Goes on as", "A referral to another council", r.Next}, {"Transferred from", "Another council", r.Prev}} {
		if l.id == "" {
			continue
		}
		value := ui.Node(ui.Text(l.unseen))
		if i := slices.IndexFunc(c.Referrals, func(o hub.ReferralView) bool { return o.Referral.ID == l.id }); i >= 0 {
			value = ui.Nodes{ui.Link(casePath(c.ID, "?tab=referral")+"#"+referralAnchor(l.id), "Referral "+string(l.id)), ui.Sub(c.Referrals[i].To.Name)}
		}
		out = append(out, ui.Row{Key: l.key, Value: value})
	}
	return out
}

// referralAnchor is where a referral stands on its tab.
func referralAnchor(id care.ReferralID) string { return "referral-" + url.PathEscape(string(id)) }

// criteriaCell is what was recorded of the criteria to reside, on the ward's list.
func (l list) criteriaCell(r hub.ListRow, at time.Time) ui.Node {
	if r.Row.Died || r.MovedAway || r.Masked {
		return ui.Missing("Not applicable")
	}
	cell := ui.Nodes{ui.Missing("Not recorded")}
	if x := r.Row.Criteria; x != nil {
		words := "None met"
		if len(x.Codes) > 0 {
			words = "Met: " + strings.Join(x.Codes, ", ")
		}
		cell = ui.Nodes{ui.Text(words), ui.Sub(ui.ClockOn(x.At, at))}
	}
	if (l.by.Role == care.WardNurse || l.by.Role == care.Coordinator) && !r.Shut && !r.Row.Frozen {
		cell = append(cell, ui.Break(), ui.LinkAbout(casePath(r.Row.Case, "/criteria"), "Record criteria", "to reside of "+personName(r.Row)))
	}
	return cell
}
