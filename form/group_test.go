package form

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// grouped is a form with a group; tests break it.
const grouped = `
id = "grouped"
version = 1
title = "A form with a group"
owner = "council"
shares = "assessments"
steps = ["worker", "manager", "panel"]
panel_when = "alone is N"
attachments = true
review = "again"
[[pages]]
id = "one"
title = "One"
[[pages.fields]]
id = "alone"
label = "Lives alone"
kind = "yesno"
[[pages.fields]]
id = "again"
section = "Later"
label = "Review"
kind = "date"
max_words = 0
[[pages.groups]]
id = "people"
title = "Other people"
item = "contact"
max = 3
show_when = "alone is N"
[[pages.groups.fields]]
id = "name"
label = "Name"
kind = "name"
required = true
prefill = "people.name"
[[pages.groups.fields]]
id = "key"
label = "Holds a key?"
name = "yes if they hold a key"
kind = "yesno"
wanted = true
[[pages.groups.fields]]
id = "key_since"
label = "Holds it since"
kind = "date"
show_when = "key is Y"
[[pages.groups.fields]]
id = "words"
label = "In 3 words"
kind = "text"
max_words = 3
[[pages]]
id = "two"
title = "Two"
[[pages.fields]]
id = "who"
label = "Who comes first"
kind = "text"
required_when = "people is answered"
[[rules]]
id = "past"
group = "people"
require = "key_since is on or before today"
field = "key_since"
message = "Holds it since must be today or in the past"
`

func parse(t testing.TB, text string) *Pathway {
	t.Helper()
	p, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func answers(kv ...string) Answers {
	a := Answers{}
	for _, s := range kv {
		k, v, _ := strings.Cut(s, "=")
		a[k] = []string{v}
	}
	return a
}

func TestGroupCheck(t *testing.T) {
	p := parse(t, grouped)
	for _, c := range []struct{ answers, want string }{
		{"", ""},
		{"alone=Y;people.1.name=Sam", ""}, // hidden: nothing of it counts
		{"alone=N;who=Sam;people.1.key=N", "people.1.name: Contact 1: enter the name"},
		{"alone=N;people.1.name=Sam", "who: Enter the who comes first"},
		{"alone=N;who=x;people.1.name=A;people.3.key=Y;people.3.key_since=2027-01-01", // the gap closes
			"people.2.name: Contact 2: enter the name|people.2.key_since: Contact 2: holds it since must be today or in the past"},
		{"alone=N;who=x;people.1.name=A;people.1.key=N;people.1.key_since=2027-01-01", ""},
		{"alone=N;who=x;people.1.name=A;people.1.words=one two three four", "people.1.words: Contact 1: the in 3 words must be 3 words or fewer. You entered 4"},
		{"alone=N;who=x;people.1.name=A;people.2.name=B;people.3.name=C;people.4.name=D", "people.4.name: Contact 4: remove it: there can be 3 at most"},
		{"alone=N;people.0.name=A;people.01.name=A;people.101.name=A;people.1.nothing=A;other.1.name=A", ""},
	} {
		var got []string
		for _, q := range p.Check(answers(strings.Split(c.answers, ";")...), today) {
			got = append(got, q.Field+": "+q.Text)
		}
		if d := cmp.Diff(c.want, strings.Join(got, "|")); d != "" {
			t.Errorf("%s: -want +got\n%s", c.answers, d)
		}
	}
	if _, err := Parse([]byte(strings.Replace(grouped, "max = 3", "max = 3\nmin = 2", 1))); err != nil {
		t.Fatal(err)
	}
	min2 := parse(t, strings.Replace(grouped, "max = 3", "max = 3\nmin = 2", 1))
	if got := min2.Check(answers("alone=N", "people.1.name=A"), nil); len(got) == 0 || got[0].Field != "people.2.name" || got[0].Page != "one" {
		t.Errorf("with one item of two: %v", got)
	}
}

func TestGroupItems(t *testing.T) {
	p := parse(t, grouped)
	a := answers("alone=N", "people.2.name=B", "who=x")
	if n := p.Items(a, "people"); n != 2 {
		t.Errorf("%d items, want 2", n)
	}
	a = p.AddItem(a, "people")
	if n := p.Items(a, "people"); n != 2 || a.Get("people.1.name") != "B" {
		t.Errorf("after adding: %d items, %v", n, a)
	}
	a = p.AddItem(p.Merge(a, answers("people.2.name=C")), "people")
	a = p.Merge(a, answers("people.3.name=D"))
	if p.MayAdd(a, "people") || !reflect.DeepEqual(p.AddItem(a, "people"), p.Compact(a)) {
		t.Error("a fourth item was added to three")
	}
	a = p.DropItem(a, "people", 1)
	want := answers("alone=N", "people.1.name=C", "people.2.name=D", "who=x")
	if d := cmp.Diff(want, p.Clean(a)); d != "" {
		t.Error("after dropping the first:", d)
	}
	// A draft that says that all items are here replaces what systems say.
	filled := p.Prefill(Facts{"people.1.name": "Told", "people.2.name": "Also"})
	if got := p.Clean(p.Merge(p.Merge(filled, answers("alone=N")), Answers{"people": {}})); p.Items(got, "people") != 0 {
		t.Errorf("removed items came back: %v", got)
	}
	// What was sent together has no items but its own, nor parts of others'.
	sent := p.Clean(p.Merge(p.Merge(filled, p.Whole(answers("people.1.key=Y"))), answers("alone=N")))
	if d := cmp.Diff(answers("alone=N", "people.1.key=Y"), sent); d != "" {
		t.Error(d)
	}
	f, ok := p.Field("people.2.key_since")
	if !ok || f.ShowWhen.Clauses()[0][1].Field != "people.2.key" || p.PageOf(f.ID) != "one" {
		t.Errorf("the field of an item: %+v", f)
	}
	if !p.Shown("people.1.key_since", answers("alone=N", "people.1.key=Y")) || p.Shown("people.2.key_since", answers("alone=N", "people.1.key=Y")) {
		t.Error("a condition read the answer of another item")
	}
}

func TestGroupAmounts(t *testing.T) {
	p := parse(t, grouped)
	a := answers("alone=N", "people.1.name=A", "people.1.key=Y", "people.2.name=B", "who=x")
	have, want, missing := p.Score(a)
	if have != 4 || want != 5 || len(missing) != 1 || missing[0].ID != "people.2.key" {
		t.Errorf("score %d of %d, missing %v", have, want, missing)
	}
	var got []string
	for _, l := range p.Summary(a) {
		got = append(got, l.Item+"/"+l.Question+": "+l.Text())
	}
	wantLines := []string{"/Lives alone: No", "/Review: Not recorded",
		"Contact 1/Contact 1: name: A", "Contact 1/Contact 1: holds a key?: Yes", "Contact 1/Contact 1: holds it since: Not recorded", "Contact 1/Contact 1: in 3 words: Not recorded",
		"Contact 2/Contact 2: name: B", "Contact 2/Contact 2: holds a key?: Not recorded", "Contact 2/Contact 2: in 3 words: Not recorded", "/Who comes first: x"}
	if d := cmp.Diff(wantLines, got); d != "" {
		t.Error(d)
	}
	none := p.Summary(answers("alone=N"))
	if none[2].Field != "people" || none[2].Text() != "Not recorded" {
		t.Errorf("a group without items: %+v", none)
	}
	if got := fmt.Sprint(p.Approvals(answers("alone=Y")), p.Approvals(answers("alone=N"))); got != "[worker manager] [worker manager panel]" {
		t.Error("approvals:", got)
	}
}

func TestGroupParseRefuses(t *testing.T) {
	for _, c := range []struct{ name, old, new, says string }{
		{"no item", `item = "contact"`, ``, "item"},
		{"max", `max = 3`, `max = 101`, "0 to 100"},
		{"min over max", `max = 3`, "max = 3\nmin = 4", "no more than max"},
		{"name of a field", `id = "people"`, `id = "alone"`, "used twice"},
		{"field twice", `id = "words"`, `id = "name"`, "used twice"},
		{"field as outside", `id = "words"`, `id = "who"`, "id of a field outside"},
		{"default", `max_words = 3`, `default = "x"`, "no default"},
		{"sibling that comes later", `show_when = "key is Y"`, `show_when = "words is answered"`, "comes later"},
		{"rule on another group", `group = "people"`, `group = "others"`, `"others" does not exist`},
		{"rule on a field outside", `field = "key_since"`, `field = "again"`, `"again" does not exist`},
		{"item's field outside", `show_when = "alone is N"`, `show_when = "name is answered"`, "does not exist"},
		{"group as a field", `"people is answered"`, `"people is Y"`, "does not exist"},
		{"owner", `owner = "council"`, `owner = "us"`, "owner"},
		{"steps", `"worker", "manager"`, `"manager", "worker"`, "in that order"},
		{"panel without a step", `"worker", "manager", "panel"`, `"worker"`, "no panel"},
		{"review", `review = "again"`, `review = "alone"`, "not a field with a date"},
		{"words of a date", `max_words = 0`, `max_words = 5`, "only for text"},
	} {
		bad := strings.Replace(grouped, c.old, c.new, 1)
		if _, err := Parse([]byte(bad)); bad == grouped || err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want one that says %q", c.name, err, c.says)
		}
	}
}

// TestGroupProperties gives any answers under any keys: cleaning twice is
// cleaning once, items have no gaps, and every problem is at a field.
func TestGroupProperties(t *testing.T) {
	p := parse(t, grouped)
	key := rapid.OneOf(
		rapid.SampledFrom([]string{"alone", "again", "who", "people", "people.0.name", "people.x.name"}),
		rapid.Custom(func(t *rapid.T) string {
			return Key("people", rapid.IntRange(1, 5).Draw(t, "n"), rapid.SampledFrom([]string{"name", "key", "key_since", "words"}).Draw(t, "field"))
		}))
	value := rapid.SampledFrom([]string{"", " ", "Y", "N", "Sam", "2026-01-01", "2027-01-01", "a b c d e"})
	rapid.Check(t, func(t *rapid.T) {
		a := Answers(rapid.MapOf(key, rapid.SliceOfN(value, 0, 2)).Draw(t, "answers"))
		clean := p.Clean(a)
		if d := cmp.Diff(clean, p.Clean(clean)); d != "" {
			t.Fatal("cleaning twice:", d)
		}
		if d := cmp.Diff(clean, p.Clean(p.Compact(a))); d != "" {
			t.Fatal("compact changes what counts:", d)
		}
		for n := 1; n <= items(clean, "people"); n++ {
			if !strings.Contains(fmt.Sprint(clean), fmt.Sprintf("people.%d.", n)) {
				t.Fatalf("item %d is missing: %v", n, clean)
			}
		}
		for _, q := range p.Check(a, today) {
			if _, ok := p.Field(q.Field); !ok || p.PageOf(q.Field) != q.Page {
				t.Fatalf("problem at no field: %+v", q)
			}
		}
	})
}
