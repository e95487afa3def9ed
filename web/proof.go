package web

import (
	"encoding/csv"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"homeward/care"
	"homeward/hub"
	"homeward/policy"
	"homeward/retention"
	"homeward/tabular"
	"homeward/web/ui"
)

// proofRoutes is whether the records are intact, exporting them, and what is due
// to be erased. ui.md 7.13.
func (s *Server) proofRoutes() []route {
	review := func(pattern string, step bool, do handler) route {
		return route{pattern: pattern, nav: "retention", asks: deciding(policy.ReviewRetention), step: step, do: do}
	}
	return []route{
		{pattern: "GET /audit/records", nav: "audit", asks: deciding(policy.SeeAudit), do: s.records},
		{pattern: "GET /audit/export", nav: "audit", asks: deciding(policy.SeeAudit), do: s.askExport},
		{pattern: "POST /audit/export", nav: "audit", asks: deciding(policy.ExportAudit), step: true, do: s.export},
		review("GET /retention", false, s.retention),
		review("GET /retention/{id}", false, s.askReview),
		review("POST /retention/{id}/keep", false, s.keepLonger),
		review("POST /retention/{id}/propose", false, s.proposeErasing),
		review("POST /retention/{id}/withdraw", false, s.withdrawReview),
		review("POST /retention/{id}/agree", true, s.agreeErasing),
	}
}

// records is what proves the audit log, and how an outsider checks it.
func (s *Server) records(v *visit) (response, error) {
	h, err := s.Hub.AuditState(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	signed := ui.Node(ui.Missing("Not signed: no key is set"))
	if h.Verifier != "" {
		signed = ui.Or("", "Not yet")
	}
	if !h.Signed.IsZero() {
		signed = ui.Text(ui.ClockOn(h.Signed, v.now) + ", of " + figure(h.SignedSize) + " records")
	}
	return show(ui.Page{Title: "What proves the records", Width: ui.PersonPage, Back: &ui.NavItem{Href: "/audit", Text: "Audit"}, Main: []ui.Node{
		ui.H1("What proves the records"),
		auditHealth(h, v),
		ui.SummaryList(
			ui.Row{Key: "Newest signed checkpoint", Value: signed},
			ui.Row{Key: "Compared with", Value: ui.Text(ui.Plural(h.Checkpoints, "signed checkpoint", "signed checkpoints"))},
			ui.Row{Key: "Public key", Value: publicKey(h.Verifier)}),
		ui.H2("How it works"),
		ui.P("Each record is a leaf of a tree of hashes. Every hour the root of the tree is signed, and kept. Nobody can change, add or take away an old record without the tree having another root, not even whoever runs the database: as long as one signed checkpoint is kept where they cannot reach it."),
		ui.P("The whole log is checked at the start and every night at 02:00. When something does not hold, this page is red and every information governance lead is alerted."),
		ui.H2("How somebody outside checks it"),
		ui.P("They need a file that was exported here with proofs, or by the command homeward audit export; the public key, told to them by another way; and the program: homeward audit verify FILE --key KEY. It needs no database. With a checkpoint that they kept themselves, it also shows whether the log was written anew since."),
		ui.Para(ui.Link("/audit/export", "Export records"))}}), nil
}

func publicKey(verifier string) ui.Node {
	if verifier == "" {
		return ui.Missing("None")
	}
	return ui.Code(verifier)
}

// askExport asks which form, and why.
func (s *Server) askExport(v *visit) (response, error) {
	return s.exportPage(v, first(auditQuery(v.query)), nil)
}

func (s *Server) exportPage(v *visit, q hub.AuditQuery, errs []ui.FieldError) (response, error) {
	if _, err := s.Hub.AuditState(v.ctx(), v.by); err != nil {
		return nil, err
	}
	what := ui.Nodes{ui.P("All records that you may see.")}
	if auditValues(q) != "" {
		what = ui.Nodes{ui.P("Only the records that match:"), s.auditWords(q)}
	}
	p := ui.Page{Title: "Export records", Width: ui.FormPage, Back: &ui.NavItem{Href: auditPath(q), Text: "Audit"}, Main: []ui.Node{
		ui.ErrorSummary(errs), ui.TwoThirds(ui.H1("Export records"), what,
			ui.PostForm("/audit/export"+auditValues(q),
				ui.Radios{ID: "form", Legend: "As", Value: v.form("form"), Error: ui.ErrorFor(errs, "form"), Items: []ui.Choice{
					{Value: "table", Label: "A table", Hint: "For a spreadsheet. It proves nothing"},
					{Value: "proofs", Label: "A file with proofs", Hint: "For whoever must be sure that nothing was changed"}}},
				ui.Textarea{ID: "why", Label: "Why do you need it?", Hint: "It is recorded, with your name", Rows: 3, Max: 500, Value: v.form("why"), Error: ui.ErrorFor(errs, "why")},
				ui.Inset(ui.P("The file says who looked at whom. Keep it as you keep a record, and delete it when it has served. At most 100,000 records are exported at once.")),
				ui.ButtonGroup(ui.Submit("Export"), ui.Link(auditPath(q), "Cancel"))))}}
	if len(errs) > 0 {
		return refuse(p), nil
	}
	return show(p), nil
}

// auditWords says which records a query chooses.
func (s *Server) auditWords(q hub.AuditQuery) ui.Node {
	var rows []ui.Row
	row := func(yes bool, key, value string) {
		if yes {
			rows = append(rows, ui.Row{Key: key, Value: ui.Text(value)})
		}
	}
	row(q.Case != "", "Record", handle(q.Case))
	row(q.Actor != "", "Member of staff", string(q.Actor))
	row(q.Org != "", "Staff of", s.Hub.Org(q.Org).Name)
	row(q.Action != "", "What was done", auditAction(q.Action))
	row(q.Denied, "Decision", "Denied only")
	row(!q.From.IsZero(), "From", ui.DateTime(q.From.In(s.Zone)))
	row(!q.To.IsZero(), "Before", ui.DateTime(q.To.In(s.Zone)))
	return ui.SummaryList(rows...)
}

func (s *Server) export(v *visit) (response, error) {
	q := hub.AuditExport{AuditQuery: first(auditQuery(v.query)), Why: v.form("why")}
	var wrong wrongs
	if f := v.form("form"); f != "table" && f != "proofs" {
		wrong.add("form", "Select a table or a file with proofs")
	}
	switch n := len([]rune(q.Why)); {
	case n == 0:
		wrong.add("why", "Enter why you need this export")
	case n > 500:
		wrong.add("why", "Why you need it must be 500 characters or fewer")
	}
	if len(wrong) > 0 {
		return s.exportPage(v, q.AuditQuery, wrong)
	}
	day := v.now.In(s.Zone).Format("2006-01-02")
	if v.form("form") == "proofs" {
		return written{"audit-" + day + ".jsonl", "application/jsonl; charset=utf-8", func(w io.Writer) error { return s.Hub.ExportAudit(v.ctx(), v.by, q, w) }}, nil
	}
	return written{"audit-" + day + ".csv", "text/csv; charset=utf-8", func(w io.Writer) error { return s.exportTable(v, q, w) }}, nil
}

// exportTable writes the records as a table, RFC 4180. What a spreadsheet would
// compute is made text.
func (s *Server) exportTable(v *visit, q hub.AuditExport, w io.Writer) error {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	head := []string{"Number", "When", "Who", "Name", "Role", "Role profile", "Organisation", "Organisation name", "What", "Record", "Purpose", "Reason",
		"Relationship", "Allowed", "Policies", "Rules version", "Shown", "Outcome", "From", "Request", "Erased"}
	begun := false
	err := s.Hub.ExportAuditTable(v.ctx(), v.by, q, func(r hub.AuditView) error {
		if !begun {
			begun = true
			if err := c.Write(head); err != nil {
				return err
			}
		}
		row := []string{strconv.FormatInt(r.N, 10), r.At.In(s.Zone).Format(time.RFC3339), string(r.Actor), r.Name, string(r.Role), r.RoleID, string(r.Org), r.OrgName, r.Action,
			string(r.Case), r.Purpose, r.Reason, r.Relationship, yesOrNo(r.Allowed), strings.Join(r.Policies, " "), r.Rules, strings.Join(r.Sections, " "), r.Outcome,
			r.Address, r.Request, yesOrNo(r.Erased)}
		for i := range row {
			row[i] = tabular.NoFormula(row[i])
		}
		return c.Write(row)
	})
	if err == nil && !begun {
		err = c.Write(head)
	}
	c.Flush()
	if err != nil {
		return err
	}
	return c.Error()
}

func yesOrNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// written is a file that is written as it is sent. Until its first byte nothing
// is promised: what refuses it by then is shown as a page.
type written struct {
	name, kind string
	write      func(io.Writer) error
}

// exportTime is how long an export may take to be sent.
const exportTime = 10 * time.Minute

func (f written) answer(s *Server, v *visit) error {
	w := &firstByte{w: v.w, begin: func() {
		h := v.w.Header()
		h.Set("Content-Type", f.kind)
		h.Set("Content-Disposition", `attachment; filename="`+f.name+`"`)
		h.Set("Cache-Control", "no-store")
		_ = http.NewResponseController(v.w).SetWriteDeadline(time.Now().Add(exportTime)) // without it, it ends sooner
	}}
	err := f.write(w)
	if err != nil && !w.begun {
		return s.errorPage(v, err).answer(s, v)
	}
	return err
}

// firstByte calls begin before the first byte is written.
type firstByte struct {
	w     io.Writer
	begin func()
	begun bool
}

func (w *firstByte) Write(b []byte) (int, error) {
	if !w.begun {
		w.begun = true
		w.begin()
	}
	return w.w.Write(b)
}

// retention lists whose time is over, and by which schedule.
func (s *Server) retention(v *visit) (response, error) {
	after := v.query("after")
	if !isHandle(after) {
		after = ""
	}
	r, err := s.Hub.ReviewList(v.ctx(), v.by, care.CaseID(after))
	if err != nil {
		return nil, err
	}
	t := ui.Table{Caption: "What is due", Columns: []ui.Column{{Label: "Record"}, {Label: "Last contact"}, {Label: "Why it is due"}, {Label: "State"}, {Label: "Review"}},
		Empty: ui.Empty("Nothing is due", ui.P("People stand here when their time is over and nothing about them is open."))}
	for _, d := range r.Items {
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Text(itemName(d)), ui.Text(ui.Date(d.Last)), ui.Text(upper(d.Why)), reviewState(d),
			ui.LinkAbout("/retention/"+d.Item, "Review", itemName(d))}})
	}
	var older *ui.NavItem
	if r.Next != "" {
		older = &ui.NavItem{Href: "/retention?after=" + string(r.Next), Text: "More"}
	}
	return show(ui.Page{Title: "Due to be erased", Width: ui.WorkPage, Main: []ui.Node{
		ui.WorkHead("Due to be erased", ui.Plural(len(r.Items), "record to review", "records to review")+", "+figure(int64(r.Erased))+" erased so far"),
		ui.P("Nothing here goes by itself. One information governance lead proposes, and another agrees; or it is kept longer, for a reason. Look the record up in the systems of your organisation if you need to know more: who they are is not shown here."),
		t, ui.PrevNext(nil, older),
		ui.Section("schedule", "How long what is kept", scheduleTable(r.Schedule)),
		ui.PrintMeta(v.now, v.by.Name)}}), nil
}

func itemName(d hub.DueItem) string {
	if d.Import != 0 {
		return "Quarantine of import " + strconv.FormatInt(d.Import, 10)
	}
	return handle(d.Case)
}

func reviewState(d hub.DueItem) ui.Node {
	switch d.State {
	case hub.ReviewKeep:
		return ui.Nodes{ui.Tag(ui.TagBlue, "Kept until "+ui.Date(d.Until)), ui.Sub("by " + d.By.Name)}
	case hub.ReviewProposed:
		return ui.Nodes{ui.Tag(ui.TagOrange, "Proposed to be erased"), ui.Sub("by " + d.By.Name)}
	}
	return ui.Tag(ui.TagGrey, "Not reviewed")
}

var goesWords = map[retention.Goes]string{
	retention.ByReview: "After a review by two leads", retention.With: "With the person", retention.ByItself: "By itself", retention.Stays: "Stays",
}

func scheduleTable(plan retention.Schedule) ui.Node {
	t := ui.Table{Caption: "The retention schedule", Spacious: true, Columns: []ui.Column{{Label: "What"}, {Label: "Kept for"}, {Label: "From"}, {Label: "Goes"}, {Label: "Why"}},
		Empty: ui.Empty("There is no schedule", ui.P("Nothing is ever due."))}
	for _, r := range plan {
		why := ui.Nodes{ui.Text(r.Basis)}
		if r.Local {
			why = append(why, ui.Sub("A local decision"))
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Text(r.Title), ui.Text(r.Keep.String()), ui.Text(r.From), ui.Text(goesWords[r.Goes]), why}})
	}
	return t
}

func (s *Server) askReview(v *visit) (response, error) { return s.reviewPage(v, nil) }

// reviewPage is one item and what can be decided about it.
func (s *Server) reviewPage(v *visit, errs []ui.FieldError) (response, error) {
	d, err := s.Hub.Due(v.ctx(), v.by, v.path("id"))
	if err != nil {
		return nil, err
	}
	rows := []ui.Row{{Key: "Last contact", Value: ui.Text(ui.Date(d.Last))}, {Key: "Why it is due", Value: ui.Text(upper(d.Why))}, {Key: "State", Value: reviewState(d)}}
	if d.Import != 0 {
		rows[0].Key = "Imported"
	}
	if d.Reason != "" {
		rows = append(rows, ui.Row{Key: "Reason", Value: ui.Text(d.Reason)})
	}
	p := ui.Page{Title: "Review a record", Width: ui.FormPage, Back: &ui.NavItem{Href: "/retention", Text: "Due to be erased"}, Main: []ui.Node{
		ui.ErrorSummary(errs), ui.TwoThirds(append([]ui.Node{ui.H1("Review " + itemName(d)), ui.SummaryList(rows...)}, s.reviewForms(v, d, errs)...)...)}}
	if len(errs) > 0 {
		return refuse(p), nil
	}
	return show(p), nil
}

func (s *Server) reviewForms(v *visit, d hub.DueItem, errs []ui.FieldError) []ui.Node {
	at := "/retention/" + d.Item
	what := "Everything that Homeward knows of this person goes: who they are, stays, referrals, packages, notes, calls, the history of all of it, the hospitals’ messages about them, and what the audit says of why they were looked at. That there was a record, and who looked at it when, stays. Nothing brings it back."
	if d.Import != 0 {
		what = "The rows of this import that could not be taken go, as they came. That there were so many, and what was wrong with them, stays. Nothing brings them back."
	}
	why := func(which, hint string) ui.Node {
		id := which + "-why"
		return ui.Textarea{ID: id, Label: "Why?", Hint: hint, Rows: 2, Max: 500, Value: v.form(id), Error: ui.ErrorFor(errs, id)}
	}
	until := v.date("until")
	keep := ui.Section("keep", "Keep it longer", ui.PostForm(at+"/keep",
		ui.DateInput{ID: "until", Legend: "Keep until", Hint: "For example, 31 3 2036", Day: until.Day, Month: until.Month, Year: until.Year, Error: ui.ErrorFor(errs, "until")},
		why("keep", "For example, a claim or an inquiry is open"), ui.Button{Text: "Keep it", Kind: ui.Secondary}))
	switch {
	case d.State == hub.ReviewProposed && d.Mine:
		return []ui.Node{ui.Inset(ui.P("You proposed to erase this. Another information governance lead must agree.")), keep,
			ui.Section("withdraw", "Take the proposal back", ui.PostForm(at+"/withdraw", why("withdraw", ""), ui.Button{Text: "Take it back", Kind: ui.Secondary}))}
	case d.State == hub.ReviewProposed:
		return []ui.Node{ui.WarningCard(2, "Erase it for good", ui.P(d.By.Name+" proposed on "+ui.Date(d.Decided)+" to erase this. "+what)),
			ui.PostForm(at+"/agree", ui.Checkboxes{ID: "sure", Legend: "Before you agree", Error: ui.ErrorFor(errs, "sure"),
				Items: []ui.Choice{{Value: "yes", Label: "I have made sure that nobody needs this record any more"}}}, ui.Button{Text: "Agree: erase it now", Kind: ui.Warning}),
			keep, ui.Section("withdraw", "Do not agree", ui.PostForm(at+"/withdraw", why("withdraw", "What must be looked into first"), ui.Button{Text: "Do not agree", Kind: ui.Secondary}))}
	}
	return []ui.Node{keep, ui.Section("propose", "Propose to erase it", ui.P(what),
		ui.PostForm(at+"/propose", why("propose", "For example, the time is over and nothing is open"), ui.Button{Text: "Propose to erase it"}))}
}

// reviewed leads back to the list, or shows the form again with what to mend.
func (s *Server) reviewed(v *visit, which string, err error, said string) (response, error) {
	if errs, ok := fieldErrors(err, map[string]string{"why": which + "-why", "until": "until"}); ok {
		return s.reviewPage(v, errs)
	}
	if err != nil {
		return nil, err
	}
	return goTo("/retention").saying(said), nil
}

func (s *Server) keepLonger(v *visit) (response, error) {
	day, wrong := v.date("until").parse("Keep until")
	if wrong == "" && day.IsZero() {
		wrong = "Enter until when it is kept"
	}
	if wrong != "" {
		return s.reviewPage(v, wrongs{{ID: "until", Text: wrong}})
	}
	return s.reviewed(v, "keep", s.Hub.KeepLonger(v.ctx(), v.by, v.path("id"), s.at(day, 0), v.form("keep-why")), "It is kept until then.")
}

func (s *Server) proposeErasing(v *visit) (response, error) {
	return s.reviewed(v, "propose", s.Hub.ProposeErasing(v.ctx(), v.by, v.path("id"), v.form("propose-why")), "Proposed. Another information governance lead must agree.")
}

func (s *Server) withdrawReview(v *visit) (response, error) {
	return s.reviewed(v, "withdraw", s.Hub.WithdrawReview(v.ctx(), v.by, v.path("id"), v.form("withdraw-why")), "Taken back.")
}

func (s *Server) agreeErasing(v *visit) (response, error) {
	if v.form("sure") != "yes" {
		return s.reviewPage(v, wrongs{{ID: "sure", Text: "Select that you have made sure"}})
	}
	return s.reviewed(v, "agree", s.Hub.AgreeErasing(v.ctx(), v.by, v.path("id")), "Erased. It cannot be brought back.")
}
