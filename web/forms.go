package web

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"homeward/form"
	"homeward/hub"
	"homeward/web/ui"
)

// questions draws fields of a released form, and reads what was posted. Names
// and ids of controls are the ids of the fields; a date has a part for the day,
// the month and the year.
type questions struct {
	form    *form.Pathway
	answers form.Answers
	known   map[string]hub.Known    // what systems say, by the fact that fills a field
	differ  map[string]hub.Conflict // where a person and a system say different things, by field
	wrong   map[string]string       // what must be mended, by field
	change  []string                // fields that are asked although a system has answered them
	now     time.Time
	drawn   map[string]bool // fields that are asked on this page
	item    string          // the item of a group that is being asked: its heading names it
}

// control is the id of the control that an error leads to.
func control(f form.Field) string {
	if f.Kind == form.Date || f.Kind == form.DateTime {
		return f.ID + "-day"
	}
	return f.ID
}

// wrongIn gives problems by field, and as an error summary in the order of the form.
func wrongIn(p *form.Pathway, problems []form.Problem) (byField map[string]string, errs []ui.FieldError) {
	byField = map[string]string{}
	for _, q := range problems {
		f, _ := p.Field(q.Field)
		byField[q.Field] = q.Text
		errs = append(errs, ui.FieldError{ID: control(f), Text: q.Text})
	}
	return byField, errs
}

// settled reports whether a system has answered a field and nobody has said
// otherwise: it is shown to be checked, not asked again. WCAG 3.3.7.
func (q *questions) settled(f form.Field) bool {
	k, ok := q.known[f.Prefill]
	value := q.answers.Get(f.ID)
	_, differs := q.differ[f.ID]
	return ok && f.Prefill != "" && value != "" && value == strings.TrimSpace(k.Value) && !differs && q.wrong[f.ID] == "" && !slices.Contains(q.change, f.ID)
}

// page is the fields of a page: what systems said, to check, then what is asked.
func (q *questions) page(fields []form.Field, here string) (checked []ui.Row, asked ui.Nodes) {
	words := wordsOf(q.form, q.answers)
	var ask []form.Field
	for _, f := range fields {
		switch line, shown := words[f.ID]; {
		case !q.settled(f):
			ask = append(ask, f)
		case shown:
			checked = append(checked, ui.Row{Key: f.Label, Value: answerNode(line), Source: q.source(f), Change: q.changeLink(f, here)})
		}
	}
	return checked, q.draw(ask)
}

// changeLink asks a settled field on the same page, with those asked already.
func (q *questions) changeLink(f form.Field, here string) string {
	ask := url.Values{"change": append(slices.Clone(q.change), f.ID)}
	return here + "?" + ask.Encode() + "#" + control(f)
}

// source says where a prefilled value is from.
func (q *questions) source(f form.Field) string {
	k, ok := q.known[f.Prefill]
	switch {
	case f.Prefill == "":
		return ""
	case !ok:
		return "Entered by hand"
	case q.answers.Get(f.ID) != strings.TrimSpace(k.Value):
		return "Entered by hand. " + upper(k.From) + " says something else"
	case strings.HasPrefix(f.Prefill, "referrer.") || strings.HasPrefix(f.Prefill, "worker.") || strings.HasPrefix(f.Prefill, "council.") || k.At.IsZero():
		return "From " + k.From
	}
	return "From " + k.From + " at " + ui.ClockOn(k.At, q.now)
}

// draw asks the fields. Each names itself in "asked", so that an answer that
// was emptied can be told from one that was not on the page.
func (q *questions) draw(fields []form.Field) ui.Nodes {
	if q.drawn == nil {
		q.drawn = map[string]bool{}
	}
	for _, f := range fields {
		q.drawn[f.ID] = f.Kind != form.Info
	}
	var out ui.Nodes
	section := ""
	for _, f := range fields {
		if f.Section != "" && f.Section != section {
			section = f.Section
			out = append(out, ui.H2(section))
		}
		if f.Kind == form.Info {
			out = append(out, ui.P(f.Label))
			continue
		}
		if !q.reachable(f) {
			continue
		}
		var node ui.Node
		if c, ok := q.differ[f.ID]; ok && q.wrong[f.ID] == "" {
			node = q.whichIsRight(f, c)
		} else {
			node = q.ask(f)
		}
		out = append(out, q.when(f, ui.Nodes{ui.Hidden("asked", f.ID), node}))
	}
	return out
}

// groups asks the repeating groups of a page: the fields of each item, with buttons
// to remove it and to add another. The buttons post the whole form, so that
// nothing typed is lost; see groupStep.
func (q *questions) groups(p form.Page) ui.Nodes {
	var out ui.Nodes
	for _, g := range p.Groups {
		if !g.ShowWhen.IsZero() && !q.reachable(form.Field{ID: form.Key(g.ID, 1, g.Fields[0].ID), ShowWhen: g.ShowWhen}) {
			continue
		}
		part := ui.Nodes{ui.Hidden("asked", g.ID), ui.H2(g.Title), ui.If(g.Hint != "", func() ui.Node { return ui.P(g.Hint) })}
		n := q.form.Items(q.answers, g.ID)
		for k := 1; k <= n; k++ {
			q.item = g.Name(k)
			part = append(part, ui.Section(g.ID+"-"+strconv.Itoa(k), g.Name(k), q.draw(q.form.ItemFields(g.ID, k)),
				ui.If(n > g.Min, func() ui.Node {
					return ui.ButtonGroup(ui.Button{Text: "Remove " + strings.ToLower(g.Item), About: strconv.Itoa(k), Kind: ui.Secondary, Small: true, Name: "drop", Value: g.ID + "." + strconv.Itoa(k)})
				})))
			q.item = ""
		}
		another := "Add " + article(g.Item)
		if n > 0 {
			another = "Add another " + g.Item
		}
		if q.form.MayAdd(q.answers, g.ID) {
			part = append(part, ui.ButtonGroup(ui.Button{Text: another, Kind: ui.Secondary, Name: "add", Value: g.ID}))
		}
		out = append(out, q.when(form.Field{ShowWhen: g.ShowWhen}, part))
	}
	return out
}

// article puts "a" or "an" before a word.
func article(s string) string {
	if s != "" && strings.ContainsRune("aeiouAEIOU", rune(s[0])) {
		return "an " + s
	}
	return "a " + s
}

// groupStep does what a button of a group asked for: it gives the answers of that
// group to keep, and the control to go to. ok is false where no such button was
// pressed.
func groupStep(p *form.Pathway, a form.Answers, post url.Values) (keep form.Answers, to string, ok bool) {
	id, next := post.Get("add"), form.Answers(nil)
	if id != "" {
		next = p.AddItem(a, id)
	} else {
		group, number, _ := strings.Cut(post.Get("drop"), ".")
		n, err := strconv.Atoi(number)
		if err != nil {
			return nil, "", false
		}
		id, next = group, p.DropItem(a, group, n)
	}
	if _, ok := p.Group(id); !ok {
		return nil, "", false
	}
	keep = form.Answers{id: {}}
	for k, v := range next {
		if strings.HasPrefix(k, id+".") {
			keep[k] = v
		}
	}
	if fields := p.ItemFields(id, max(1, p.Items(next, id))); p.Items(next, id) > 0 {
		to = control(fields[0])
	}
	return keep, to, true
}

// reachable reports whether a field is asked now, or may be once another field
// of this page is answered.
func (q *questions) reachable(f form.Field) bool {
	return f.ShowWhen.IsZero() || q.form.Shown(f.ID, q.answers) ||
		slices.ContainsFunc(f.ShowWhen.Fields(), func(other string) bool { return q.drawn[other] })
}

// when shows a field only while its condition holds, where the condition is one
// that the script can follow: one field of this page with one of some values.
func (q *questions) when(f form.Field, n ui.Node) ui.Node {
	cs := f.ShowWhen.Clauses()
	if len(cs) != 1 || len(cs[0]) != 1 {
		return n
	}
	c := cs[0][0]
	if c.Not || len(c.Codes) == 0 || !q.drawn[c.Field] {
		return n
	}
	return ui.ShowWhen(c.Field, c.Codes, n)
}

// whichIsRight asks a person to choose between what was typed and what a system
// has said since.
func (q *questions) whichIsRight(f form.Field, c hub.Conflict) ui.Node {
	say := func(value, none string) string {
		if value == "" {
			return none
		}
		a := form.Answers{}
		for k, vs := range q.answers {
			a[k] = vs
		}
		a[f.ID] = []string{value}
		if line, ok := wordsOf(q.form, a)[f.ID]; ok {
			return line.Text()
		}
		return value
	}
	mine, theirs := say(c.Mine, "Leave it empty"), say(c.Theirs, "Not known")
	return ui.Radios{ID: f.ID + "-which", Name: "which." + f.ID, Legend: f.Label + ": which is right?", Value: "mine",
		Hint: upper(c.From) + " now says something else than what was typed here.",
		Items: []ui.Choice{
			{Value: "mine", Label: mine, Hint: "Typed here"},
			{Value: "theirs", Label: theirs, Hint: "From " + c.From},
			{Value: "other", Label: "Something else", More: q.ask(f)},
		}}
}

// ask is the control of a field.
func (q *questions) ask(f form.Field) ui.Node {
	label, hint := f.Label, f.Hint
	if g := q.itemOf(f); g != "" && g != q.item {
		label = g + ": " + strings.ToLower(label[:1]) + label[1:]
	}
	if k, ok := q.known[f.Prefill]; ok && q.itemOf(f) != "" && q.answers.Get(f.ID) == strings.TrimSpace(k.Value) {
		hint = strings.TrimSpace(hint + " " + q.source(f) + ".")
	}
	if !f.Required && f.RequiredWhen.IsZero() && !f.Wanted {
		label += " (optional)"
	}
	if f.Why != "" {
		hint = strings.TrimSpace(hint + " Why we ask: " + f.Why)
	}
	value, err := q.answers.Get(f.ID), q.wrong[f.ID]
	in := ui.Input{ID: f.ID, Label: label, Hint: hint, Value: value, Error: err, Width: width(f.Limit())}
	switch f.Kind {
	case form.Choose, form.YesNo:
		return ui.Radios{ID: f.ID, Legend: label, Hint: hint, Error: err, Value: value, Items: q.choices(f), Inline: f.Kind == form.YesNo}
	case form.ChooseMany:
		return ui.Checkboxes{ID: f.ID, Legend: label, Hint: hint, Error: err, Values: q.answers[f.ID], Items: q.choices(f)}
	case form.Paragraph:
		rows := 4
		if f.Limit() > 600 {
			rows = 6
		}
		return ui.Textarea{ID: f.ID, Label: label, Hint: hint, Error: err, Value: value, Rows: rows, Max: f.Limit()}
	case form.Date:
		return dateInput(f.ID, label, hint, err, value)
	case form.DateTime:
		day, clock, _ := strings.Cut(value, "T")
		return ui.Nodes{dateInput(f.ID, label, hint, err, day),
			ui.Input{ID: f.ID + "-time", Label: "Time", Hint: "On the 24-hour clock. For example, 15:30", Value: clock, Width: 5}}
	case form.Phone:
		in.Type, in.Width = "tel", 20
	case form.NHSNumber:
		in.Code, in.Mode, in.Width = true, "numeric", 10
	case form.Postcode, form.ODS:
		in.Width = 10
	}
	return in
}

// itemOf is what the item of a group is called that a field is of; "" where it is
// of none.
func (q *questions) itemOf(f form.Field) string {
	group, rest, ok := strings.Cut(f.ID, ".")
	n, _, _ := strings.Cut(rest, ".")
	g, is := q.form.Group(group)
	k, err := strconv.Atoi(n)
	if !ok || !is || err != nil {
		return ""
	}
	return g.Name(k)
}

// width is a width of ui.Input for a number of characters; 0 is the whole column.
func width(limit int) int {
	for _, w := range []int{2, 5, 10, 20, 30} {
		if limit <= w {
			return w
		}
	}
	return 0
}

func (q *questions) choices(f form.Field) []ui.Choice {
	var out []ui.Choice
	for _, c := range q.form.Choices(f) {
		out = append(out, ui.Choice{Value: c.Code, Label: c.Label, Hint: c.Hint, Exclusive: c.Exclusive})
	}
	return out
}

// dateInput shows a date as it was typed, real or not.
func dateInput(id, legend, hint, err, value string) ui.DateInput {
	d := ui.DateInput{ID: id, Legend: legend, Hint: hint, Error: err}
	parts := strings.SplitN(value, "-", 3)
	for i, into := range []*string{&d.Year, &d.Month, &d.Day} {
		if i < len(parts) {
			*into = parts[i]
		}
	}
	if t, e := time.Parse(time.DateOnly, value); e == nil {
		d.Day, d.Month = t.Format("2"), t.Format("1")
	}
	return d
}

// readAnswers is what was posted for the fields that were asked. What is not
// right is kept as it was typed, so that it can be shown again.
func readAnswers(p *form.Pathway, post url.Values, differ map[string]hub.Conflict) form.Answers {
	out := form.Answers{}
	for _, id := range post["asked"] {
		if _, group := p.Group(id); group {
			out[id] = []string{} // all its items are on the page
		}
		f, ok := p.Field(id)
		if !ok || f.Kind == form.Info {
			continue
		}
		switch c, differs := differ[id]; {
		case differs && post.Get("which."+id) == "mine":
			out[id] = nonEmpty(c.Mine)
		case differs && post.Get("which."+id) == "theirs":
			out[id] = nonEmpty(c.Theirs)
		default:
			out[id] = readAnswer(f, post)
		}
	}
	return out
}

func readAnswer(f form.Field, post url.Values) []string {
	switch f.Kind {
	case form.Date:
		return nonEmpty(readDate(post, f.ID))
	case form.DateTime:
		day, clock := readDate(post, f.ID), readClock(post.Get(f.ID+"-time"))
		if day == "" && clock == "" {
			return nil
		}
		return []string{day + "T" + clock}
	case form.ChooseMany:
		return slices.DeleteFunc(slices.Clone(post[f.ID]), func(s string) bool { return s == "" })
	}
	return nonEmpty(strings.TrimSpace(post.Get(f.ID)))
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// readDate is a date as 2006-01-02 where the three parts are one, else the
// parts as they were typed, in the same order; "" when nothing was typed.
func readDate(post url.Values, id string) string {
	part := func(name string) string {
		return strings.ReplaceAll(strings.TrimSpace(post.Get(id+"-"+name)), "-", "")
	}
	d := typedDate{Day: part("day"), Month: part("month"), Year: part("year")}
	if d.empty() {
		return ""
	}
	if date, wrong := d.parse(""); wrong == "" {
		return date.String()
	}
	return d.Year + "-" + d.Month + "-" + d.Day
}

// readClock is a time of day as 15:04 where it is one, else as it was typed.
func readClock(s string) string {
	if m, ok := parseClock(s); ok {
		return fmt.Sprintf("%02d:%02d", m/60, m%60)
	}
	return strings.TrimSpace(s)
}

// wordsOf is the answers in words, by field, of the fields that are shown.
func wordsOf(p *form.Pathway, a form.Answers) map[string]form.Line {
	out := map[string]form.Line{}
	for _, l := range p.Summary(a) {
		out[l.Field] = l
	}
	return out
}

// answerNode is an answer in words; lines stay lines.
func answerNode(l form.Line) ui.Node {
	if len(l.Answers) == 0 {
		return ui.Missing("Not recorded")
	}
	if len(l.Answers) == 1 {
		return ui.Lines(l.Answers[0])
	}
	return ui.List(ui.Map(l.Answers, func(s string) ui.Node { return ui.Text(s) })...)
}

// choiceLabel is a choice's words in a list of a form; the code where it is not known.
func choiceLabel(p *form.Pathway, list, code string) string {
	for _, c := range p.Lists[list].Choices {
		if c.Code == code {
			return c.Label
		}
	}
	return code
}

// upper begins a sentence.
func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
