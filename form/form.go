// Package form holds pathways and forms as released, immutable data: it reads
// them, checks answers against them, and says what the answers amount to.
//
// It does not draw a form, store an answer, decide who may see one, send
// anything, or know the life of a referral: that is code elsewhere. It has no
// clock; where "today" matters the caller passes it as the fact "today".
package form

import (
	"slices"
	"strings"
)

// A Pathway is one version of one form: its pages, its lists of choices and
// the rules that bind fields together. Once released it never changes; treat
// every value reached from it as read-only.
type Pathway struct {
	ID          string // folder name, such as "d2a"
	Version     int    // file name: 1 for 1.toml
	Title       string
	Description string
	Standard    string // what the form follows, for people
	Owner       string // whose form it is: "trust", "council" or "" for either
	Shares      string // what it counts as where sharing is decided: "assessments", or ""
	Steps       []Step // who approves it, in order; none: it counts when it is sent
	PanelWhen   Cond   // when the step of the panel is needed; the zero Cond: always
	Attachments bool   // files may be put to it
	Review      string // the field that says when it is to be looked at again, or ""
	Pages       []Page
	Lists       map[string]List
	Rules       []Rule

	where  map[string]place // field id to its place
	groups map[string]place // group id to its place
}

// A place is where a field stands on its page, or a group.
type place struct{ page, at int }

// A Step is one approval of a form.
type Step string

// The steps, in the only order there is: whoever writes it signs, a manager
// approves, a panel agrees.
const (
	ByWorker  Step = "worker"
	ByManager Step = "manager"
	ByPanel   Step = "panel"
)

// A Page is one screen of questions and one line of the task list. Its groups
// follow its fields.
type Page struct {
	ID, Title, Hint string
	StartWhen       Cond // the zero Cond: it can be started at once
	Optional        bool // nothing on it is needed: it may be folded away
	Fields          []Field
	Groups          []Group
}

// A Field is one question.
type Field struct {
	ID           string // in an item of a group, the Key
	Section      string // heading above it and what follows, or ""
	Label        string // the question as shown
	Name         string // the thing asked for, as errors say it: "the ward"
	Hint         string
	Why          string // why the receiving team asks; optional
	Missing      string // error when it is required and empty
	Kind         Kind
	List         string // for Choose and ChooseMany
	Required     bool
	RequiredWhen Cond     // the zero Cond: never
	ShowWhen     Cond     // the zero Cond: always
	Wanted       bool     // may be empty, but counts towards completeness
	MaxLength    int      // in characters; 0: the default of the kind
	MaxLines     int      // of a paragraph; 0: any number
	MaxWords     int      // of a text or paragraph; 0: any number
	Prefill      string   // dotted name of the fact that fills it: "stay.ward"
	Default      string   // fills it when the fact is not known
	Standard     string   // citation: the item's path in the standard
	Audience     Audience // who may be shown the answer by default
	Tells        Telling  // what the answer gives away, for those who may not know that
}

// Kind says what a field's answer looks like.
type Kind string

// The kinds of field. Dates are answered as 2006-01-02, times as
// 2006-01-02T15:04 on the clock of the place, yes and no as Y and N, choices
// by their code.
const (
	Text       Kind = "text"
	Paragraph  Kind = "paragraph"
	Date       Kind = "date"
	DateTime   Kind = "datetime"
	Choose     Kind = "choice"
	ChooseMany Kind = "choices"
	YesNo      Kind = "yesno"
	Phone      Kind = "phone"
	NHSNumber  Kind = "nhsnumber"
	Postcode   Kind = "postcode"
	ODS        Kind = "ods"
	PersonName Kind = "name"
	Info       Kind = "info" // words without a question; never answered
)

// lengths are the most characters an answer may have where the form says
// nothing, by kind. The kinds listed are all the kinds there are.
var lengths = map[Kind]int{
	Text: 150, Paragraph: 2000, Date: 10, DateTime: 16, Choose: 40, ChooseMany: 40, YesNo: 1,
	Phone: 40, NHSNumber: 20, Postcode: 8, ODS: 10, PersonName: 70, Info: 0,
}

// Audience says to whom an answer is meant to be shown. The sharing policy
// decides; this only tells it what the form's authors meant.
type Audience string

// The audiences. Partners is the default: both the hospital and the council.
const (
	Partners     Audience = "partners"
	Providers    Audience = "providers" // partners, and the care provider chosen
	CouncilOnly  Audience = "council"
	HospitalOnly Audience = "hospital"
)

// Telling is what sort of thing an answer gives away: a reader who may not know
// that is not shown the answer. The sharing policy decides who may know what.
type Telling string

// The tellings; "" is what everybody knows who may read the form at all.
const (
	TellsPlace      Telling = "place"      // where the person is now
	TellsReach      Telling = "reach"      // where they live and how to reach them or theirs
	TellsRisk       Telling = "risk"       // risks, alerts and safeguarding
	TellsAssessment Telling = "assessment" // what was assessed and found
)

// A List is the choices of one or more fields.
type List struct {
	ID       string
	System   string // canonical URL of a published code system, or ""
	Standard string // where the codes come from
	Ours     bool   // the codes are Homeward's own, not a standard's
	Choices  []Choice
}

// A Choice is one answer of a list.
type Choice struct {
	Code      string
	Label     string // as shown
	Hint      string
	Display   string // the standard's own wording, where it differs from Label
	Exclusive bool   // in a list of many: cannot stand with another choice
}

// A Rule binds fields together: where When holds, Require must hold too, or
// Message is shown at Field. A rule of a Group is about each of its items.
type Rule struct {
	ID, Group     string
	When, Require Cond
	Field         string
	Message       string
	Standard      string
}

// Answers are field ids and their values as text. Only fields of kind
// ChooseMany may have more than one value. A field of a group has a Key for each
// item. The id of a group itself, without values, says that all its items are
// here: see Merge.
type Answers map[string][]string

// Get is the first value of a field, or "".
func (a Answers) Get(field string) string {
	if v := a[field]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// Facts are what is known apart from the answers, by dotted name:
// "stay.admitted" as 2006-01-02, and "today".
type Facts map[string]string

// A Problem is one thing to mend before the answers can be used. Text tells
// the person what to do and never repeats an answer.
type Problem struct{ Field, Page, Text string }

// Field finds a field by its id, or a field of a group's item by its Key: that
// one has the key as its id, and its conditions name the same item.
func (p *Pathway) Field(id string) (Field, bool) {
	if w, ok := p.where[id]; ok {
		return p.Pages[w.page].Fields[w.at], true
	}
	g, n, field, ok := p.splitKey(id)
	if !ok {
		return Field{}, false
	}
	i := slices.IndexFunc(g.Fields, func(f Field) bool { return f.ID == field })
	if i < 0 {
		return Field{}, false
	}
	return g.field(i, n), true
}

// Page finds a page by its id.
func (p *Pathway) Page(id string) (Page, bool) {
	i := slices.IndexFunc(p.Pages, func(g Page) bool { return g.ID == id })
	if i < 0 {
		return Page{}, false
	}
	return p.Pages[i], true
}

// PageOf is the id of the page that a field, a Key or a group stands on, or "".
func (p *Pathway) PageOf(field string) string {
	w, ok := p.where[field]
	if !ok {
		if group, _, found := strings.Cut(field, "."); found {
			field = group
		}
		if w, ok = p.groups[field]; !ok {
			return ""
		}
	}
	return p.Pages[w.page].ID
}

// Approvals are the steps that these answers need, in order.
func (p *Pathway) Approvals(a Answers) []Step {
	steps := slices.Clone(p.Steps)
	if !p.PanelWhen.holds(p.Clean(a), nil) {
		steps = slices.DeleteFunc(steps, func(s Step) bool { return s == ByPanel })
	}
	return steps
}

// yesNo are the choices of every YesNo field. PRSB writes its flags so.
var yesNo = []Choice{{Code: "Y", Label: "Yes"}, {Code: "N", Label: "No"}}

// Choices are what may be chosen in a field: those of its list, yes and no,
// or none. Do not change them.
func (p *Pathway) Choices(f Field) []Choice {
	if f.Kind == YesNo {
		return yesNo
	}
	return p.Lists[f.List].Choices
}

// Limit is the most characters an answer to the field may have.
func (f Field) Limit() int {
	if f.MaxLength > 0 {
		return f.MaxLength
	}
	return lengths[f.Kind]
}

// choice finds a choice of a field by its code.
func (p *Pathway) choice(f Field, code string) (Choice, bool) {
	for _, c := range p.Choices(f) {
		if c.Code == code {
			return c, true
		}
	}
	return Choice{}, false
}
