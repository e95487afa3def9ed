package form

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const gateForm = `
id = "ask"
version = 1
title = "Ask"
[[pages]]
id = "one"
title = "One"
[[pages.fields]]
id = "consent"
label = "Consent"
kind = "choice"
list = "consent"
[[pages.fields]]
id = "capacity"
label = "Capacity"
kind = "text"
show_when = "consent is L"
[[pages.fields]]
id = "home"
label = "Home"
kind = "text"
[[lists]]
id = "consent"
ours = true
choices = [ { code = "Y", label = "Yes" }, { code = "N", label = "No" }, { code = "L", label = "Lacks capacity" } ]
`

func gateOf(t *testing.T, items string) (*Pathway, *Gate, error) {
	t.Helper()
	p, err := Parse([]byte(gateForm))
	if err != nil {
		t.Fatal(err)
	}
	g, err := ParseGate([]byte("form = \"ask\"\ntitle = \"What we need\"\n"+items), p)
	return p, g, err
}

func TestGateWeighs(t *testing.T) {
	p, g, err := gateOf(t, `
[[items]]
id = "home"
say = "Say what the home is like"
need = "home is answered"
weight = 1
[[items]]
id = "capacity"
say = "Say whether capacity was assessed"
need = "capacity is answered"
when = "consent is L"
must = true
weight = 3
`)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		a       Answers
		percent int
		missing string
		must    bool
	}{
		{nil, 0, "home", false},
		{Answers{"home": {"a flat"}}, 100, "", false},
		{Answers{"home": {"a flat"}, "consent": {"L"}}, 25, "capacity", true},
		{Answers{"consent": {"L"}}, 0, "capacity,home", true},
		{Answers{"consent": {"L"}, "capacity": {"assessed"}}, 75, "home", false},
		{Answers{"consent": {"Y"}, "capacity": {"hidden, so it does not count"}, "home": {"x"}}, 100, "", false},
	} {
		w := g.Weigh(p, tt.a)
		if got := strings.Join(w.IDs(), ","); w.Percent() != tt.percent || got != tt.missing || w.Must() != tt.must {
			t.Errorf("%v: %d%%, missing %q, must %v", tt.a, w.Percent(), got, w.Must())
		}
	}
	text, err := WriteGate(g)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseGate(text, p)
	if err != nil || !slices.EqualFunc(g.Items, again.Items, func(x, y GateItem) bool {
		return x.ID == y.ID && x.Say == y.Say && x.Must == y.Must && x.Weight == y.Weight && x.Need.String() == y.Need.String() && x.When.String() == y.When.String()
	}) {
		t.Errorf("written and read again: %v\n%s", err, text)
	}
}

// What cannot be met, or names what is not there, is refused before it is published.
func TestGateRefuses(t *testing.T) {
	item := func(need, when string) string {
		return "[[items]]\nid = \"x\"\nsay = \"Say it\"\nneed = \"" + need + "\"\nwhen = \"" + when + "\"\n"
	}
	for _, tt := range []struct{ items, want string }{
		{item("capacity is answered", "consent is Y"), "no answers could ever meet it"}, // it is only asked when consent is L
		{item("consent is Y and consent is N", ""), "no answers could ever meet it"},
		{item("home is answered and home is not answered", ""), "no answers could ever meet it"},
		{item("consent is not one of Y,N,L and consent is answered", ""), "no answers could ever meet it"},
		{item("wishes is answered", ""), "no question"},
		{item("consent is Q", ""), "no answer"},
		{item("home is on or after today", ""), "dates cannot be compared"},
		{item("", ""), "need must say"},
		{"[[items]]\nid = \"x\"\nneed = \"home is answered\"\n", "say must tell"},
		{"[[items]]\nid = \"x\"\nsay = \"Say\"\nneed = \"home is answered\"\nweight = 9\n", "weight"},
		{"[[items]]\nid = \"X x\"\nsay = \"Say\"\nneed = \"home is answered\"\n", "id must be"},
		{item("home is answered", "") + item("consent is answered", ""), "two of that name"},
		{"extra = 1\n", "means nothing"},
		{"", "at least one"},
	} {
		if _, _, err := gateOf(t, tt.items); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s\nrefused with %v, want %q", tt.items, err, tt.want)
		}
	}
	for _, ok := range []string{item("capacity is answered", "consent is L"), item("capacity is answered", ""), item("consent is Y or consent is N", ""), item("consent is not N", "consent is answered")} {
		if _, _, err := gateOf(t, ok); err != nil {
			t.Errorf("%s\nrefused: %v", ok, err)
		}
	}
}

// Whatever gate of single questions is published, somebody who answers all that is
// shown misses nothing.
func TestGateCanBeMet(t *testing.T) {
	p, err := Parse([]byte(gateForm))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		g := &Gate{Form: "ask", Title: "t"}
		for _, id := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"consent", "capacity", "home"}), rapid.ID[string]).Draw(t, "fields") {
			x, ok := p.WantField(id, rapid.Bool().Draw(t, "must"))
			if !ok || !x.Plain() {
				t.Fatal(id)
			}
			g.Items = append(g.Items, x)
		}
		all := Answers{"consent": {rapid.SampledFrom([]string{"Y", "N", "L"}).Draw(t, "consent")}, "capacity": {"x"}, "home": {"x"}}
		if w := g.Weigh(p, all); len(w.Missing) > 0 || w.Percent() != 100 {
			t.Error(cmp.Diff([]string(nil), w.IDs()))
		}
	})
}
