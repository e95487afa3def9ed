package ui

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// ours are the classes, by prefix or by name, that we add to upstream's and the
// sizes that are the page's choice.
var ours = []string{"app-", "nhsuk-label--", "nhsuk-fieldset__legend--", "nhsuk-u-width-", "nhsuk-u-text-align-right", "nhsuk-table--compact", "nhsuk-u-nowrap", "nhsuk-body", "nhsuk-heading-m", "nhsuk-table__caption--m", "nhsuk-u-visually-hidden-"}

// skipped are elements whose presence is the page's choice: a heading inside a
// legend or a label, and the text that fills a slot.
var skipped = []string{"h1", "h2", "h3", "p", "b", "br"}

func kept(class string) bool {
	return !slices.ContainsFunc(ours, func(p string) bool { return strings.HasPrefix(class, p) })
}

// shape reduces HTML to tags, classes, roles and ARIA: what the design system
// fixes. Text, ids and values may differ.
func shape(s string) string {
	var out []string
	var bare []bool // for each open span: has it nothing that the design system fixes?
	z := html.NewTokenizer(strings.NewReader(s))
	for {
		tt := z.Next()
		if tt == html.ErrorToken {
			return strings.Join(out, "\n")
		}
		t := z.Token()
		if slices.Contains(skipped, t.Data) {
			continue
		}
		switch tt {
		case html.StartTagToken, html.SelfClosingTagToken:
			a := attributes(t)
			if t.Data == "span" {
				bare = append(bare, len(a) == 0)
				if len(a) == 0 {
					continue
				}
			}
			out = append(out, "<"+t.Data+" "+strings.Join(a, " ")+">")
		case html.EndTagToken:
			if t.Data == "span" {
				skip := bare[len(bare)-1]
				bare = bare[:len(bare)-1]
				if skip {
					continue
				}
			}
			out = append(out, "</"+t.Data+">")
		}
	}
}

func attributes(t html.Token) []string {
	var a []string
	for _, x := range t.Attr {
		switch {
		case x.Key == "class":
			f := slices.DeleteFunc(strings.Fields(x.Val), func(c string) bool { return !kept(c) })
			slices.Sort(f)
			if len(f) > 0 {
				a = append(a, "class="+strings.Join(f, " "))
			}
		case x.Val == "nhsuk-file-upload": // its script is left out on purpose
		case slices.Contains([]string{"role", "data-module", "scope", "inputmode", "type", "rel", "draggable", "aria-current", "aria-sort", "data-maxlength", "data-behaviour", "autocapitalize"}, x.Key):
			a = append(a, x.Key+"="+x.Val)
		case strings.HasPrefix(x.Key, "aria-"), slices.Contains([]string{"hidden", "open", "checked", "selected", "data-sort"}, x.Key):
			a = append(a, x.Key)
		}
	}
	slices.Sort(a)
	return a
}

func text(n int) []Choice {
	return slices.Repeat([]Choice{{Value: "v", Label: "l"}}, n)
}

// examples is our component for every upstream example of fixtures.json.
func examples() map[string]g.Node {
	page := func(n int) string { return "/?page=x" }
	plain := func(s string) g.Node { return g.Text(s) }
	return map[string]g.Node{
		"back-link/default":                  BackLink("/", "Back"),
		"button/as a link":                   Button{Text: "x", Href: "/"},
		"button/secondary, small":            Button{Text: "x", Kind: Secondary, Small: true},
		"button/warning":                     Button{Text: "x", Kind: Warning},
		"button/with double click prevented": Submit("x"),
		"card/basic with custom HTML":        Card(3, "x", Para(plain("x")), Para(h.A(h.Href("/")), h.A(h.Href("/")))),
		"card/warning":                       WarningCard(2, "x"),
		"character-count/with error message and hint, without heading": Textarea{ID: "a", Label: "l", Hint: "h", Error: "e", Max: 350},
		"checkboxes/with error message and hint, without heading":      Checkboxes{ID: "a", Legend: "l", Hint: "h", Error: "e", Items: text(3)},
		"checkboxes/with \"none\" option":                              Checkboxes{ID: "a", Legend: "l", Items: append(text(3), Choice{Value: "none", Label: "x", Divider: "or", Exclusive: true})},
		"checkboxes/with hints on items":                               Checkboxes{ID: "a", Legend: "l", Hint: "h", Items: append(text(3), Choice{Value: "d", Label: "l", Hint: "h"})},
		"code/with scroll overflow":                                    CodeBlock("x"),
		"date-input/with error message and hint":                       DateInput{ID: "a", Legend: "l", Hint: "h", Error: "e"},
		"date-input/with error on day input":                           DateInput{ID: "a", Legend: "l", Hint: "h", Error: "e", BadDay: true},
		"details/default":                                              Details("s", plain("x")),
		"details/expander":                                             Expander("s", plain("x")),
		"details/open":                                                 OpenDetails("s", plain("x")),
		"error-summary/with description":                               ErrorSummary([]FieldError{{"a", "x"}}),
		"error-summary/with multiple errors":                           ErrorSummary([]FieldError{{"a", "x"}, {"b", "y"}}),
		"file-upload/with error message and hint, without heading":     FileInput{ID: "a", Label: "l", Hint: "h", Error: "e"},
		"input/with code input styling":                                Input{ID: "a", Label: "l", Hint: "h", Heading: true, Code: true, Width: 10, Mode: "numeric"},
		"input/with error message and hint, without heading":           Input{ID: "a", Label: "l", Hint: "h", Error: "e", Width: 10, Code: true, Mode: "numeric"},
		"input/with prefix and suffix and error message":               Input{ID: "a", Label: "l", Error: "e", Prefix: "£", Suffix: "a week", Width: 5},
		"inset-text/default":                                           Inset(P("x")),
		"notification-banner/default":                                  Notification{Heading: "x"},
		"notification-banner/with success variant":                     Success("x"),
		"pagination/default":                                           PrevNext(&NavItem{Href: "/", Text: "a"}, &NavItem{Href: "/", Text: "b"}),
		"pagination/numbered":                                          Pagination{Page: 2, Pages: 3, Href: page},
		"pagination/with only next":                                    PrevNext(nil, &NavItem{Href: "/", Text: "b"}),
		"panel/default":                                                Panel("x", plain("x")),
		"panel/interruption":                                           InterruptionPanel("x", P("x"), ButtonGroup(Button{Text: "x", Kind: Reverse, Href: "/"}, h.A(h.Href("/")))),
		"password-input/with error message and hint, without heading":  PasswordInput{ID: "a", Label: "l", Hint: "h", Error: "e"},
		"radios/inline#1":                                              Radios{ID: "a", Legend: "l", Items: text(2), Inline: true, Small: true},
		"radios/with conditional content":                              Radios{ID: "a", Legend: "l", Hint: "h", Items: []Choice{{Value: "a", More: contact("text")}, {Value: "b", More: contact("tel")}, {Value: "c", More: contact("tel")}}},
		"radios/with divider":                                          Radios{ID: "a", Legend: "l", Hint: "h", Items: append(text(2), Choice{Divider: "or", Value: "x", Label: "x"})},
		"radios/with error message and hint, without heading":          Radios{ID: "a", Legend: "l", Hint: "h", Error: "e", Items: text(3)},
		"radios/with hints on items":                                   Radios{ID: "a", Legend: "l", Items: []Choice{{Value: "a", Hint: "h"}, {Value: "b", Hint: "h"}}},
		"select/with error message and hint, without heading":          Select{ID: "a", Label: "l", Hint: "h", Error: "e", Items: text(10)},
		"select/with selected value":                                   Select{ID: "a", Label: "l", Heading: true, Value: "b", Items: []Choice{{Value: "a"}, {Value: "b"}, {Value: "c"}, {Value: "d"}}},
		"skip-link/default":                                            skipLink(),
		"summary-list/default":                                         SummaryList(Row{"a", Text("x"), "", "", ""}, Row{Key: "b", Value: Text("x")}, Row{Key: "c", Value: Lines("x\ny\nz")}, Row{Key: "d", Value: Text("x")}),
		"summary-list/with actions":                                    SummaryList(slices.Repeat([]Row{{Key: "a", Value: Text("x"), Change: "/"}}, 4)...),
		"tables/sortable server-side":                                  sortable(),
		"tables/with numeric format":                                   Table{Stay: true, ShowTitle: true, Caption: "x", Columns: []Column{{Label: "a"}, {Label: "b", Numeric: true}, {Label: "c", Numeric: true}}, Rows: slices.Repeat([]TableRow{{Cells: []Node{Text("a"), Text("b"), Text("c")}}}, 3)},
		"tag/default":                                                  Tag(TagPlain, "x"),
		"tag/default#3":                                                Tag(TagGreen, "x"),
		"task-list/default":                                            TaskList("t", Task{Text: "a", Href: "/", Status: Completed}, Task{Text: "b", Href: "/", Status: Completed}, Task{Text: "c", Href: "/", Hint: "h"}, Task{Text: "d", Href: "/"}, Task{Text: "e", Status: CannotStart}),
		"textarea/with error message and hint, without heading":        Textarea{ID: "a", Label: "l", Hint: "h", Error: "e"},
	}
}

// contact is upstream's conditional field, whose look is not ours to copy.
func contact(kind string) Node {
	return h.Div(h.Class("nhsuk-form-group"), h.Label(h.Class("nhsuk-label")), h.Input(h.Class("nhsuk-input"), h.Type(kind)))
}

func sortable() Node {
	row := TableRow{Cells: []Node{Text("a"), Text("b"), LinkAbout("/", "Change", "it")}}
	return Table{Stay: true, ShowTitle: true, Caption: "x", Rows: slices.Repeat([]TableRow{row}, 10), Columns: []Column{{Label: "a", SortHref: "/?sort=a", Sorted: Descending}, {Label: "b", SortHref: "/?sort=b"}, {Label: "c", HideLabel: true}}}
}

func TestComponentsHaveTheShapeOfUpstream(t *testing.T) {
	b, err := os.ReadFile("testdata/fixtures.json")
	if err != nil {
		t.Fatal(err)
	}
	var upstream map[string]string
	if err := json.Unmarshal(b, &upstream); err != nil {
		t.Fatal(err)
	}
	made := examples()
	for name, want := range upstream {
		n, ok := made[name]
		if !ok {
			t.Errorf("%s: no component of ours is compared with it", name)
			continue
		}
		s, err := HTML(n)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := shape(s), shape(want); got != want {
			t.Errorf("%s differs from nhsuk-frontend:\n%s", name, firstDifference(got, want))
		}
	}
	for name := range made {
		if _, ok := upstream[name]; !ok {
			t.Errorf("%s is not in fixtures.json", name)
		}
	}
}

func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(a), len(b)) {
		x, y := "(end)", "(end)"
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			return "  got  " + x + "\n  want " + y
		}
	}
	return ""
}
