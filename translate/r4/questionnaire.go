package r4

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"homeward/care"
	"homeward/fhir"
	"homeward/form"
)

// The extensions of the core specification that say how many items a repeating
// group may have (FHIR R4, questionnaire-minOccurs and -maxOccurs).
const (
	extMinOccurs = "http://hl7.org/fhir/StructureDefinition/questionnaire-minOccurs"
	extMaxOccurs = "http://hl7.org/fhir/StructureDefinition/questionnaire-maxOccurs"
)

// linkOf is the link of a field: its id, and for a field of a group the group's
// id and its own, since every item has the same link.
func linkOf(p *form.Pathway, id string) string {
	group, rest, ok := strings.Cut(id, ".")
	if _, is := p.Group(group); !ok || !is {
		return id
	}
	if number, field, ok := strings.Cut(rest, "."); ok && number != "" {
		return group + "." + field
	}
	return id
}

// groupItem is a repeating group as a questionnaire has it.
func groupItem(p *form.Pathway, g form.Group) *fhir.Node {
	n := fhir.Obj()
	list := some(ext(extMaxOccurs, "valueInteger", g.Max))
	if g.Min > 0 {
		list = append(list, ext(extMinOccurs, "valueInteger", g.Min))
	}
	n.Set("extension", list)
	n.Set("linkId", g.ID)
	n.Set("text", g.Title)
	n.Set("type", "group")
	enable, behaviour := enabled(p, g.ShowWhen)
	n.Set("enableWhen", enable)
	if len(enable) > 1 {
		n.Set("enableBehavior", behaviour)
	}
	n.Set("required", g.Min > 0 && g.ShowWhen.IsZero())
	n.Set("repeats", true)
	var items []*fhir.Node
	for i, f := range p.ItemFields(g.ID, 1) {
		item := questionItem(p, f)
		item.Set("required", g.Fields[i].Required && g.Fields[i].ShowWhen.IsZero())
		items = append(items, item)
	}
	n.Set("item", items)
	return n
}

// groupAnswers are the items of a group that are answered, each by itself.
func groupAnswers(p *form.Pathway, g form.Group, a form.Answers) []*fhir.Node {
	var out []*fhir.Node
	for k := 1; k <= p.Items(a, g.ID); k++ {
		var items []*fhir.Node
		for _, f := range p.ItemFields(g.ID, k) {
			var vs []*fhir.Node
			for _, v := range a[f.ID] {
				vs = append(vs, answerOf(p, f, v))
			}
			if len(vs) > 0 {
				items = append(items, fhir.Obj("linkId", linkOf(p, f.ID), "text", f.Label, "answer", vs))
			}
		}
		if len(items) > 0 {
			out = append(out, fhir.Obj("linkId", g.ID, "text", g.Name(k), "item", items))
		}
	}
	return out
}

// Response is answers to a form as a QuestionnaireResponse that stands alone: it
// names no person, and no time but what is answered.
func Response(p *form.Pathway, a form.Answers) *fhir.Node {
	n := fhir.Obj("resourceType", "QuestionnaireResponse", "questionnaire", formURL(p.ID, p.Version), "status", "completed")
	n.Set("item", answerItems(p, care.Referral{Answers: a}))
	return n
}

// Why a Questionnaire or a QuestionnaireResponse cannot be read.
var (
	ErrNotForm     = errors.New("the file is neither a Questionnaire nor a QuestionnaireResponse")
	ErrUnknownForm = errors.New("the form is not one of ours, or its version is not installed here")
)

// A Finding is something in a file that the form does not have as it is there:
// the link of the item, and what is wrong with it. It never repeats an answer.
type Finding struct{ Link, Text string }

// ReadResponse reads a QuestionnaireResponse against the form that it names. Items
// that the form does not ask, answers of another type and empty items are
// findings; whether the answers may be used is for form.Check to say.
func ReadResponse(n *fhir.Node, get func(id string, version int) (*form.Pathway, bool)) (*form.Pathway, form.Answers, []Finding, error) {
	if n.Type() != "QuestionnaireResponse" {
		return nil, nil, nil, fmt.Errorf("reading answers: %w", ErrNotForm)
	}
	id, version, ok := formOf(n)
	if !ok {
		return nil, nil, nil, fmt.Errorf("reading answers: %w", ErrUnknownForm)
	}
	p, ok := get(id, version)
	if !ok {
		return nil, nil, nil, fmt.Errorf("reading answers to %s version %d: %w", id, version, ErrUnknownForm)
	}
	all := form.Answers{}
	collectAnswers(n, all)
	var found []Finding
	a := form.Answers{}
	for _, key := range sortedKeys(all) {
		switch f, ok := p.Field(key); {
		case !ok || f.Kind == form.Info:
			found = append(found, Finding{key, "The form does not ask this"})
		default:
			a[key] = all[key]
		}
	}
	found = append(found, wrongTypes(p, n)...)
	return p, a, found, nil
}

// wrongTypes finds answers that are not of the type that the form's question has.
func wrongTypes(p *form.Pathway, n *fhir.Node) []Finding {
	var out []Finding
	for _, it := range n.All("item") {
		link := it.Str("linkId")
		key := link
		if group, field, ok := strings.Cut(link, "."); ok {
			if _, is := p.Group(group); is {
				key = form.Key(group, 1, field)
			}
		}
		f, ok := p.Field(key)
		for _, x := range it.All("answer") {
			if ok && !slices.ContainsFunc(valueNames(f), func(name string) bool { return x.Get(name) != nil }) {
				out = append(out, Finding{link, "The answer must be a " + valueNames(f)[0]})
			}
			out = append(out, wrongTypes(p, x)...)
		}
		out = append(out, wrongTypes(p, it)...)
	}
	return out
}

// valueNames are the elements in which the answer to a question may stand. A value
// that is not well formed stands as a string in what we write.
func valueNames(f form.Field) []string {
	switch f.Kind {
	case form.Choose, form.ChooseMany:
		return []string{"valueCoding"}
	case form.YesNo:
		return []string{"valueBoolean", "valueString"}
	case form.Date:
		return []string{"valueDate", "valueString"}
	}
	return []string{"valueString"}
}

// ReadQuestionnaire compares a Questionnaire that was exported with the form
// installed here: what is different, by the link of the item, in the order of the
// form. Nothing different: it is the same form.
func ReadQuestionnaire(n *fhir.Node, get func(id string, version int) (*form.Pathway, bool)) (*form.Pathway, []Finding, error) {
	if n.Type() != "Questionnaire" {
		return nil, nil, fmt.Errorf("reading a form: %w", ErrNotForm)
	}
	id, ok := strings.CutPrefix(n.Str("url"), questionnaires)
	version, err := strconv.Atoi(n.Str("version"))
	if !ok || err != nil {
		return nil, nil, fmt.Errorf("reading a form: %w", ErrUnknownForm)
	}
	p, ok := get(id, version)
	if !ok {
		return nil, nil, fmt.Errorf("reading form %s version %d: %w", id, version, ErrUnknownForm)
	}
	theirs, ours := links(n), links(Questionnaire(p))
	var out []Finding
	for _, l := range ours.order {
		switch {
		case theirs.text[l] == "":
			out = append(out, Finding{l, "The file does not have it"})
		case theirs.text[l] != ours.text[l]:
			out = append(out, Finding{l, "It is not as in the form"})
		}
	}
	for _, l := range theirs.order {
		if ours.text[l] == "" {
			out = append(out, Finding{l, "The form does not have it"})
		}
	}
	return p, out, nil
}

// linked is the items of a questionnaire by their links, each as JSON without the
// items in it.
type linked struct {
	order []string
	text  map[string]string
}

func links(n *fhir.Node) linked {
	out := linked{text: map[string]string{}}
	var walk func(*fhir.Node)
	walk = func(n *fhir.Node) {
		for _, it := range n.All("item") {
			own := fhir.Obj()
			for _, name := range itemParts {
				if v := it.Member(name); v != nil {
					own.Set(name, v)
				}
			}
			link := it.Str("linkId")
			out.order = append(out.order, link)
			raw, err := fhir.Write(own, fhir.JSON, fhir.R4)
			if err != nil {
				raw = []byte(err.Error())
			}
			out.text[link] = string(raw)
			walk(it)
		}
	}
	walk(n)
	return out
}

// itemParts are the elements of an item that say what it asks.
var itemParts = []string{"extension", "linkId", "text", "type", "enableWhen", "enableBehavior", "required", "repeats", "maxLength", "answerOption"}
