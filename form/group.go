package form

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// A Group is fields that are asked again for each of several things: contacts,
// alerts, goals. Its fields have plain ids here; the answers of an item stand
// under the Key of each.
type Group struct {
	ID       string
	Title    string // heading: "Other contacts"
	Item     string // what one is, within a sentence: "contact"
	Hint     string
	Min, Max int    // how many items; where Min is not 0 a field of it is Required
	ShowWhen Cond   // the zero Cond: always
	Standard string // citation: the section's path in the standard
	Fields   []Field
}

// maxItems is the most items that any group may have; answers with a higher
// number belong to no field.
const maxItems = 100

// Key is the name under which the answers of one field of an item stand; the
// first item is 1: "contacts.1.name".
func Key(group string, n int, field string) string {
	return group + "." + strconv.Itoa(n) + "." + field
}

// Name is what an item is called where it stands by itself: "Contact 2".
func (g Group) Name(n int) string { return upperFirst(g.Item) + " " + strconv.Itoa(n) }

// Group finds a group by its id.
func (p *Pathway) Group(id string) (Group, bool) {
	w, ok := p.groups[id]
	if !ok {
		return Group{}, false
	}
	return p.Pages[w.page].Groups[w.at], true
}

// ItemFields are the fields of one item as they are asked: with the Key as id,
// and conditions about the same item. A group that does not exist has none.
func (p *Pathway) ItemFields(group string, n int) []Field {
	g, _ := p.Group(group)
	var out []Field
	for i := range g.Fields {
		out = append(out, g.field(i, n))
	}
	return out
}

// Items is how many items of a group are to be shown: those that have a key in
// the answers, empty or not, and at least Min.
func (p *Pathway) Items(a Answers, group string) int {
	g, ok := p.Group(group)
	if !ok {
		return 0
	}
	return g.items(a)
}

// MayAdd reports whether the group may have another item.
func (p *Pathway) MayAdd(a Answers, group string) bool {
	g, ok := p.Group(group)
	return ok && g.items(a) < g.Max
}

// AddItem is the answers with one more, empty item at the end of a group, and
// without empty ones before it. Where it may not have more, nothing is added.
func (p *Pathway) AddItem(a Answers, group string) Answers {
	out := p.Compact(a)
	g, ok := p.Group(group)
	if n := max(items(out, group), g.Min); ok && n < g.Max {
		out[Key(group, n+1, g.Fields[0].ID)] = []string{}
		out[group] = []string{}
	}
	return out
}

// DropItem is the answers without one item of a group; those after it move up.
func (p *Pathway) DropItem(a Answers, group string, n int) Answers {
	out := maps.Clone(a)
	g, ok := p.Group(group)
	if !ok {
		return out
	}
	for _, f := range g.Fields {
		delete(out, Key(group, n, f.ID))
	}
	out = p.Compact(out)
	out[group] = []string{}
	return out
}

// Compact is the answers without the items of groups in which nothing is
// answered; those after them move up. All else stays as it was typed.
func (p *Pathway) Compact(a Answers) Answers {
	out := maps.Clone(a)
	if out == nil {
		out = Answers{}
	}
	for i := range p.Pages {
		for _, g := range p.Pages[i].Groups {
			next := 1
			for n, most := 1, items(a, g.ID); n <= most; n++ {
				some := false
				for _, f := range g.Fields {
					key := Key(g.ID, n, f.ID)
					delete(out, key)
					if vs := a[key]; slices.ContainsFunc(vs, func(v string) bool { return tidy(v, false) != "" }) {
						out[Key(g.ID, next, f.ID)], some = vs, true
					}
				}
				if some {
					next++
				}
			}
		}
	}
	return out
}

// Merge puts answers over others: a field given replaces that field. Where over
// has the id of a group, its items replace all items there were, so that
// an item that was removed does not come back.
func (p *Pathway) Merge(under, over Answers) Answers {
	out := maps.Clone(under)
	if out == nil {
		out = Answers{}
	}
	for id := range p.groups {
		if _, whole := over[id]; whole {
			maps.DeleteFunc(out, func(k string, _ []string) bool { return strings.HasPrefix(k, id+".") })
		}
	}
	maps.Copy(out, over)
	return out
}

// Whole is the answers with the id of every group, for Merge: answers that were
// given together, so that an item that they do not have is one that is not.
func (p *Pathway) Whole(a Answers) Answers {
	out := maps.Clone(a)
	if out == nil {
		out = Answers{}
	}
	for id := range p.groups {
		out[id] = []string{}
	}
	return out
}

// items is the highest number of an item that has a key in the answers.
func items(a Answers, group string) int {
	n := 0
	for k := range a {
		if len(k) <= len(group) || k[len(group)] != '.' || k[:len(group)] != group {
			continue
		}
		if _, i, _, ok := splitKey(k); ok {
			n = max(n, i)
		}
	}
	return n
}

func (g Group) items(a Answers) int { return max(items(a, g.ID), g.Min) }

// splitKey takes a Key apart; only the one way to write a number is one.
func splitKey(key string) (group string, n int, field string, ok bool) {
	group, rest, ok := strings.Cut(key, ".")
	if !ok {
		return "", 0, "", false
	}
	number, field, ok2 := strings.Cut(rest, ".")
	n, err := strconv.Atoi(number)
	return group, n, field, ok2 && err == nil && n >= 1 && n <= maxItems && number == strconv.Itoa(n)
}

func (p *Pathway) splitKey(key string) (Group, int, string, bool) {
	group, n, field, ok := splitKey(key)
	if !ok {
		return Group{}, 0, "", false
	}
	g, ok := p.Group(group)
	return g, n, field, ok
}

// field is one field of an item, with the names of that item.
func (g Group) field(i, n int) Field {
	f := g.Fields[i]
	f.ID = Key(g.ID, n, f.ID)
	f.RequiredWhen = g.bind(f.RequiredWhen, n)
	f.ShowWhen = both(g.ShowWhen, g.bind(f.ShowWhen, n))
	if at := strings.LastIndexByte(f.Prefill, '.'); at >= 0 {
		f.Prefill = f.Prefill[:at+1] + strconv.Itoa(n) + f.Prefill[at:]
	}
	return f
}

// bind makes a condition that names fields of the group one of the item.
func (g Group) bind(c Cond, n int) Cond {
	if c.IsZero() {
		return c
	}
	name := func(s string) string {
		if slices.ContainsFunc(g.Fields, func(f Field) bool { return f.ID == s }) {
			return Key(g.ID, n, s)
		}
		return s
	}
	out := Cond{text: c.text}
	for _, all := range c.any {
		all = slices.Clone(all)
		for i := range all {
			all[i].subject, all[i].object = name(all[i].subject), name(all[i].object)
		}
		out.any = append(out.any, all)
	}
	return out
}

// both holds when x and y hold.
func both(x, y Cond) Cond {
	if x.IsZero() {
		return y
	}
	if y.IsZero() {
		return x
	}
	out := Cond{text: x.text + " and " + y.text}
	for _, a := range x.any {
		for _, b := range y.any {
			out.any = append(out.any, slices.Concat(a, b))
		}
	}
	return out
}

// each gives every field with the id of its page, in the order of the form;
// those of groups once for each item that the answers have.
func (p *Pathway) each(a Answers) iter.Seq2[string, Field] {
	return func(yield func(string, Field) bool) {
		for i := range p.Pages {
			for _, f := range p.Pages[i].Fields {
				if !yield(p.Pages[i].ID, f) {
					return
				}
			}
			for _, g := range p.Pages[i].Groups {
				for n, most := 1, g.items(a); n <= most; n++ {
					for j := range g.Fields {
						if !yield(p.Pages[i].ID, g.field(j, n)) {
							return
						}
					}
				}
			}
		}
	}
}

// Asked is the fields of a page as they are asked for these answers: its fields,
// then those of each item of its groups.
func (p *Pathway) Asked(page string, a Answers) []Field {
	var out []Field
	for id, f := range p.each(a) {
		if id == page {
			out = append(out, f)
		}
	}
	return out
}

// rulesOf is a rule as it is about the answers: one of a group is a rule for
// each item.
func (p *Pathway) rulesOf(r Rule, a Answers) []Rule {
	g, ok := p.Group(r.Group)
	if !ok {
		return []Rule{r}
	}
	var out []Rule
	for n, most := 1, g.items(a); n <= most; n++ {
		out = append(out, Rule{ID: r.ID, Group: r.Group, Field: Key(g.ID, n, r.Field), Message: r.Message,
			When: g.bind(r.When, n), Require: g.bind(r.Require, n)})
	}
	return out
}

// tooMany marks the first item that is more than a group may have.
func (p *Pathway) tooMany(a Answers, wrong map[string]string) {
	for i := range p.Pages {
		for _, g := range p.Pages[i].Groups {
			if items(a, g.ID) > g.Max {
				wrong[Key(g.ID, g.Max+1, g.Fields[0].ID)] = fmt.Sprintf("Remove it: there can be %d at most", g.Max)
			}
		}
	}
}

// ofItem says which item an error is about: "Contact 2: enter the name".
func (p *Pathway) ofItem(id, text string) string {
	g, n, _, ok := p.splitKey(id)
	if !ok {
		return text
	}
	return g.Name(n) + ": " + lowerFirst(text)
}

// prefillGroup fills the items of a group from facts with the item's number
// before the last part of their name: "contacts.2.name" for "contacts.name".
func (p *Pathway) prefillGroup(g Group, facts Facts, out Answers) {
	for n := 1; n <= g.Max; n++ {
		for i := range g.Fields {
			f := g.field(i, n)
			if v := tidy(facts[f.Prefill], f.Kind == Paragraph); v != "" && f.Prefill != "" && p.checkValue(f, v) == "" {
				out[f.ID] = []string{v}
			}
		}
	}
}
