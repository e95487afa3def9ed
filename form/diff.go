package form

import (
	"fmt"
	"slices"
	"strings"
)

// Diff says in plain words, a sentence each, what is different in a newer version
// of a form: pages and groups, fields, lists and rules, added, removed and
// changed. Nothing: only wording of the form itself, or nothing at all, changed.
func Diff(was, is *Pathway) []string {
	d := &differ{}
	d.work(was, is)
	d.pages(was, is)
	d.fields(was, is)
	d.lists(was, is)
	d.rules(was, is)
	return d.out
}

type differ struct{ out []string }

func (d *differ) say(format string, args ...any) { d.out = append(d.out, fmt.Sprintf(format, args...)) }

func (d *differ) work(was, is *Pathway) {
	for _, c := range []struct{ what, a, b string }{
		{"Title", was.Title, is.Title}, {"Whose form it is", was.Owner, is.Owner}, {"What it is shared as", was.Shares, is.Shares},
		{"Steps of approval", fmt.Sprint(was.Steps), fmt.Sprint(is.Steps)}, {"When a panel is needed", was.PanelWhen.String(), is.PanelWhen.String()},
		{"Attachments", fmt.Sprint(was.Attachments), fmt.Sprint(is.Attachments)}, {"Field of the review date", was.Review, is.Review},
	} {
		if c.a != c.b {
			d.say("%s: was %s, is %s.", c.what, orNone(c.a), orNone(c.b))
		}
	}
}

func orNone(s string) string {
	if s == "" || s == "[]" {
		return "nothing"
	}
	return "“" + s + "”"
}

func (d *differ) pages(was, is *Pathway) {
	for _, g := range was.Pages {
		if _, ok := is.Page(g.ID); !ok {
			d.say("Page %s (“%s”) is gone.", g.ID, g.Title)
		}
	}
	for _, g := range is.Pages {
		old, ok := was.Page(g.ID)
		switch {
		case !ok && g.Optional:
			d.say("Page %s (“%s”) is new, and optional.", g.ID, g.Title)
		case !ok:
			d.say("Page %s (“%s”) is new.", g.ID, g.Title)
		case old.Title != g.Title || old.StartWhen.String() != g.StartWhen.String() || old.Optional != g.Optional || old.Hint != g.Hint:
			d.say("Page %s (“%s”) has another title, hint or condition.", g.ID, g.Title)
		}
	}
	for _, g := range was.Pages {
		for _, r := range g.Groups {
			if _, ok := is.Group(r.ID); !ok {
				d.say("Group %s (“%s”) is gone.", r.ID, r.Title)
			}
		}
	}
	for _, g := range is.Pages {
		for _, r := range g.Groups {
			old, ok := was.Group(r.ID)
			switch {
			case !ok:
				d.say("Group %s (“%s”) is new: none to %d, at least %d.", r.ID, r.Title, r.Max, r.Min)
			case old.Min != r.Min || old.Max != r.Max:
				d.say("Group %s (“%s”): was %d to %d, is %d to %d.", r.ID, r.Title, old.Min, old.Max, r.Min, r.Max)
			case old.Title != r.Title || old.Item != r.Item || old.Hint != r.Hint || old.ShowWhen.String() != r.ShowWhen.String():
				d.say("Group %s (“%s”) has another title, hint or condition.", r.ID, r.Title)
			}
		}
	}
}

// named is every field by the name that people who write forms know it by: its
// id, with the group's before it.
func (p *Pathway) named() (order []string, by map[string]Field, page map[string]string) {
	by, page = map[string]Field{}, map[string]string{}
	put := func(id string, g Page, f Field) {
		order, by[id], page[id] = append(order, id), f, g.ID
	}
	for _, g := range p.Pages {
		for _, f := range g.Fields {
			put(f.ID, g, f)
		}
		for _, r := range g.Groups {
			for _, f := range r.Fields {
				put(r.ID+"."+f.ID, g, f)
			}
		}
	}
	return order, by, page
}

func (d *differ) fields(was, is *Pathway) {
	before, old, oldPage := was.named()
	after, now, page := is.named()
	for _, id := range before {
		if _, ok := now[id]; !ok {
			d.say("Field %s (“%s”) is gone. Answers to it are not read any more.", id, old[id].Label)
		}
	}
	for _, id := range after {
		f := now[id]
		o, ok := old[id]
		if !ok {
			d.say("Field %s (“%s”) is new on page %s%s.", id, f.Label, page[id], needWords(f))
			continue
		}
		var changed []string
		note := func(what, a, b string) {
			if a != b {
				changed = append(changed, what+" was "+orNone(a)+", is "+orNone(b))
			}
		}
		note("page", oldPage[id], page[id])
		note("kind", string(o.Kind), string(f.Kind))
		note("list", o.List, f.List)
		note("need", strings.TrimPrefix(needWords(o), ", "), strings.TrimPrefix(needWords(f), ", "))
		note("shown when", o.ShowWhen.String(), f.ShowWhen.String())
		note("most characters", fmt.Sprint(o.Limit()), fmt.Sprint(f.Limit()))
		note("most lines", fmt.Sprint(o.MaxLines), fmt.Sprint(f.MaxLines))
		note("most words", fmt.Sprint(o.MaxWords), fmt.Sprint(f.MaxWords))
		note("filled from", o.Prefill, f.Prefill)
		note("default", o.Default, f.Default)
		note("audience", string(o.Audience), string(f.Audience))
		note("tells", string(o.Tells), string(f.Tells))
		note("label", o.Label, f.Label)
		note("section", o.Section, f.Section)
		note("hint", o.Hint, f.Hint)
		note("reason for asking", o.Why, f.Why)
		note("name in errors", o.Name, f.Name)
		note("error when empty", o.Missing, f.Missing)
		note("standard", o.Standard, f.Standard)
		if len(changed) > 0 {
			d.say("Field %s (“%s”): %s.", id, f.Label, strings.Join(changed, "; "))
		}
	}
}

// needWords is how much an answer is needed.
func needWords(f Field) string {
	switch {
	case f.Required:
		return ", required"
	case !f.RequiredWhen.IsZero():
		return ", required when " + f.RequiredWhen.String()
	case f.Wanted:
		return ", wanted"
	}
	return ""
}

func (d *differ) lists(was, is *Pathway) {
	for _, id := range sortedNames(was.Lists) {
		if _, ok := is.Lists[id]; !ok {
			d.say("List %s is gone.", id)
		}
	}
	for _, id := range sortedNames(is.Lists) {
		l := is.Lists[id]
		o, ok := was.Lists[id]
		if !ok {
			d.say("List %s is new, with %d choices.", id, len(l.Choices))
			continue
		}
		code := func(c Choice) func(Choice) bool { return func(x Choice) bool { return x.Code == c.Code } }
		for _, c := range o.Choices {
			if !slices.ContainsFunc(l.Choices, code(c)) {
				d.say("List %s: choice %s (“%s”) is gone.", id, c.Code, c.Label)
			}
		}
		for _, c := range l.Choices {
			switch i := slices.IndexFunc(o.Choices, code(c)); {
			case i < 0:
				d.say("List %s: choice %s (“%s”) is new.", id, c.Code, c.Label)
			case o.Choices[i] != c:
				d.say("List %s: choice %s was “%s”, is “%s”, or its hint, display or rule is another.", id, c.Code, o.Choices[i].Label, c.Label)
			}
		}
		if o.System != l.System || o.Standard != l.Standard || o.Ours != l.Ours {
			d.say("List %s: where its codes come from is another.", id)
		}
	}
}

func sortedNames(m map[string]List) []string {
	var out []string
	for id := range m {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

func (d *differ) rules(was, is *Pathway) {
	id := func(r Rule) func(Rule) bool { return func(x Rule) bool { return x.ID == r.ID } }
	for _, r := range was.Rules {
		if !slices.ContainsFunc(is.Rules, id(r)) {
			d.say("Rule %s is gone: “%s”.", r.ID, r.Message)
		}
	}
	for _, r := range is.Rules {
		i := slices.IndexFunc(was.Rules, id(r))
		switch {
		case i < 0:
			d.say("Rule %s is new: “%s”.", r.ID, r.Message)
		case was.Rules[i].When.String() != r.When.String() || was.Rules[i].Require.String() != r.Require.String() || was.Rules[i].Field != r.Field || was.Rules[i].Group != r.Group:
			d.say("Rule %s asks something else: “%s”.", r.ID, r.Message)
		case was.Rules[i].Message != r.Message:
			d.say("Rule %s says “%s” instead of “%s”.", r.ID, r.Message, was.Rules[i].Message)
		}
	}
}
