package mapping

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const sample = `
name = "people"
each = "input.items"
where = "item.adult == true"
[fields]
person_id  = { is = "item.id", required = true }
family     = "item.name.family"
full       = "item.name.given + ' ' + item.name.family"
sex        = { is = "item.sex", codes = "sex", default = "not known" }
born       = "date(item.born, 'DD/MM/YYYY')"
phone      = "item.phones.filter(p, p.kind == 'home').map(p, p.number)[?0]"
row        = "n"
[codes.sex]
F = "female"
M = "male"
[tables.packages]
each = ["input.items", "item.packages"]
[tables.packages.fields]
package_id = "item.ref"
person_id  = "up.id"
`

const input = `{"items":[
 {"id":1234567890123456789,"adult":true,"name":{"given":"Ada","family":"Marsh"},"sex":"F","born":"03/01/1940","phones":[{"kind":"work","number":"1"},{"kind":"home","number":"01632 960001"}],"packages":[{"ref":"K1"},{"ref":"K2"}]},
 {"id":"B","adult":false,"packages":[]},
 {"id":"C","adult":true,"name":{"given":"Bo","family":"Lunn"},"born":"","phones":[],"packages":null}]}`

func parsed(t testing.TB, text string) *Table {
	t.Helper()
	table, ps := Parse([]byte(text))
	for _, p := range ps {
		t.Fatal(p)
	}
	return table
}

func decoded(t testing.TB, text string) any {
	t.Helper()
	v, err := Decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func maps(rows []Row) (out []map[string]any) {
	for _, r := range rows {
		out = append(out, r.Map())
	}
	return out
}

func TestApply(t *testing.T) {
	table := parsed(t, sample)
	rows, ps := table.Apply(decoded(t, input))
	if len(ps) > 0 {
		t.Fatal(ps)
	}
	want := []map[string]any{
		{"person_id": int64(1234567890123456789), "family": "Marsh", "full": "Ada Marsh", "sex": "female", "born": "1940-01-03", "phone": "01632 960001", "row": int64(1)},
		{"person_id": "C", "family": "Lunn", "full": "Bo Lunn", "sex": "not known", "row": int64(2)},
	}
	if d := cmp.Diff(want, maps(rows)); d != "" {
		t.Error(d)
	}
	b, err := json.Marshal(rows[1])
	if got := string(b); err != nil || got != `{"person_id":"C","family":"Lunn","full":"Bo Lunn","sex":"not known","born":null,"phone":null,"row":2}` {
		t.Errorf("%s %v", got, err)
	}
	if got := rows[0].Text("person_id"); got != "1234567890123456789" {
		t.Errorf("an id lost its digits: %s", got)
	}
	rows, ps = table.Sub("packages").Apply(decoded(t, input))
	if d := cmp.Diff([]map[string]any{{"package_id": "K1", "person_id": int64(1234567890123456789)}, {"package_id": "K2", "person_id": int64(1234567890123456789)}}, maps(rows)); d != "" || len(ps) > 0 {
		t.Error(d, ps)
	}
}

// What is wrong with an input is said by field, row and mend; the row is given all
// the same, and says which field it lacks for that.
func TestProblems(t *testing.T) {
	head := "name = 't'\neach = 'input.items'\n[fields]\na = "
	tail := "\n[codes.c]\nF = 'female'\n[codes.d]\n'*' = '*'\n[codes.e]\n'*' = 'other'\n"
	secret := "Quillfeather"
	for _, c := range []struct {
		name, field, input, want string
		value                    any
	}{
		{"absent by a plain path is nothing", `"item.x.y.z"`, `{"x":{}}`, "", nil},
		{"null", `"item.x.y"`, `{"x":null}`, "", nil},
		{"absent in a longer expression", `"item.x + 'a'"`, `{"` + secret + `":"` + secret + `"}`, "orValue", nil},
		{"optional", `"item.?x.orValue('none') + 'a'"`, `{}`, "", "nonea"},
		{"another type", `"item.x + 'a'"`, `{"x":5}`, "another type", nil},
		{"text of a number", `"text(item.x) + 'a'"`, `{"x":5}`, "", "5a"},
		{"text of null", `"text(item.x) + 'a'"`, `{"x":null}`, "", "a"},
		{"path through text", `"item.x.y"`, `{"x":"` + secret + `"}`, "plain value", nil},
		{"path through a list", `"item.x.y"`, `{"x":["` + secret + `"]}`, "list here", nil},
		{"index of an object", `"item.x[0]"`, `{"x":{"` + secret + `":1}}`, "object here", nil},
		{"beyond the list", `"item.x[3]"`, `{"x":[1]}`, "", nil},
		{"required", `{ is = "item.x", required = true }`, `{"x":""}`, "required", nil},
		{"default", `{ is = "item.x", default = "d" }`, `{"x":""}`, "", "d"},
		{"code", `{ is = "item.x", codes = "c" }`, `{"x":"F"}`, "", "female"},
		{"no such code", `{ is = "item.x", codes = "c" }`, `{"x":"` + secret + `"}`, "[codes.c]", nil},
		{"nothing is no code", `{ is = "item.x", codes = "c" }`, `{}`, "", nil},
		{"code kept", `{ is = "item.x", codes = "d" }`, `{"x":7}`, "", int64(7)},
		{"code for the rest", `{ is = "item.x", codes = "e" }`, `{"x":7}`, "", "other"},
		{"no date", `"date(item.x, 'YYYYMMDD')"`, `{"x":"` + secret + `"}`, "not a date", nil},
		{"date with a month in capitals", `"date(item.x, 'DD-MON-YYYY')"`, `{"x":"01-OCT-1941 00:00:00"}`, "", "1941-10-01"},
		{"no such day", `"date(item.x, 'YYYY-MM-DD')"`, `{"x":"1941-02-29"}`, "not a date", nil},
		{"digits", `"digits(item.x)"`, `{"x":"999 123"}`, "", "999123"},
		{"costly", `"item.x.map(a, item.x.map(b, item.x.map(c, a+b+c)))"`, `{"x":[` + strings.Repeat("1,", 300) + `1]}`, "too long", nil},
		{"no time given", `"string(at)"`, `{}`, "no time was given", nil},
		{"a list", `"item.x"`, `{"x":[1,"a"]}`, "", []any{int64(1), "a"}},
		{"order of an object", `"item.x.map(k, k).join(',')"`, `{"x":{"c":1,"a":2,"b":3,"e":4,"d":5}}`, "", "a,b,c,d,e"},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := parsed(t, head+c.field+tail)
			rows, ps := table.Apply(decoded(t, `{"items":[`+c.input+`]}`))
			if len(rows) != 1 {
				t.Fatalf("%d rows", len(rows))
			}
			if d := cmp.Diff(c.value, rows[0].Get("a")); d != "" {
				t.Error(d)
			}
			if (len(ps) > 0) != (c.want != "") || rows[0].Unread("a") != (c.want != "") {
				t.Fatalf("problems %v, unread %v", ps, rows[0].Unread("a"))
			}
			for _, p := range ps {
				if p.Row != 1 || p.Field != "a" || !strings.Contains(p.Mend, c.want) || strings.Contains(p.Error(), secret) {
					t.Errorf("%+v", p)
				}
			}
		})
	}
}

// A wrong answer must never look like one without rows: a full extract of no rows
// would end everything.
func TestEachNeedsItsList(t *testing.T) {
	table := parsed(t, sample)
	for _, in := range []string{`{}`, `{"items":null}`, `{"items":{}}`, `{"items":"x"}`, `[]`, `null`, `"x"`} {
		rows, ps := table.Apply(decoded(t, in))
		if len(rows) != 0 || len(ps) != 1 || ps[0].Field != "each" {
			t.Errorf("%s: %d rows, %v", in, len(rows), ps)
		}
	}
	if rows, ps := table.Apply(decoded(t, `{"items":[]}`)); len(rows)+len(ps) != 0 {
		t.Error("an empty list is no problem")
	}
	if _, ps := table.Sub("packages").Apply(decoded(t, `{"items":[{"id":"A"}]}`)); len(ps) != 1 || ps[0].Table != "packages" {
		t.Errorf("a list that is not there, within another: %v", ps)
	}
}

func TestParseProblems(t *testing.T) {
	for _, c := range []struct{ name, text, field, mend string }{
		{"not TOML", "name = ", "", "Mend the TOML"},
		{"no name", "[fields]\na = 'item'", "name", "Give the table a name"},
		{"no fields", "name = 'x'", "fields", "at least one"},
		{"unknown key", "name = 'x'\nwhen = 'y'\n[fields]\na = 'item'", "when", "spelling"},
		{"unknown variable", "name = 'x'\n[fields]\na = 'itm.b'", "a", "undeclared reference"},
		{"wrong types", "name = 'x'\n[fields]\na = '1 + \"b\"'", "a", "no matching overload"},
		{"syntax", "name = 'x'\n[fields]\na = 'item.'", "a", "column"},
		{"empty", "name = 'x'\n[fields]\na = ' '", "a", "Write an expression"},
		{"no clock", "name = 'x'\n[fields]\na = 'now()'", "a", "undeclared reference"},
		{"code list", "name = 'x'\n[fields]\na = { is = 'item', codes = 'c' }", "a", "[codes.c]"},
		{"field key", "name = 'x'\n[fields]\na = { is = 'item', code = 'c' }", "a", "Use only"},
		{"field name", "name = 'x'\n[fields]\n'=cmd' = 'item'", "=cmd", "letter"},
		{"long", "name = 'x'\n[fields]\na = '" + strings.Repeat("1+", 3000) + "1'", "a", "Shorten"},
		{"deep", "name = 'x'\n[fields]\na = '" + strings.Repeat("(", 500) + "1" + strings.Repeat(")", 500) + "'", "a", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			table, ps := Parse([]byte(c.text))
			if table != nil || len(ps) == 0 || ps[0].Field != c.field || !strings.Contains(ps[0].Mend, c.mend) {
				t.Fatalf("%+v", ps)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":1,"a":2}`: "twice", `{"a":1`: "ends before", `{"a":1} x`: "after its end", "\"\xff\"": "UTF-8",
		strings.Repeat("[", 100): "deep", `{a:1}`: "not JSON", "": "ends before",
	} {
		if _, err := Decode([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v", in, err)
		}
	}
}

func TestAtIsGiven(t *testing.T) {
	table := parsed(t, "name='t'\n[fields]\na = 'at'\nb = \"at > timestamp('2026-01-01T00:00:00Z') ? 'new' : 'old'\"")
	at := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)
	rows, ps := table.ApplyAt(map[string]any{}, at)
	if len(ps) > 0 || rows[0].Text("a") != "2026-03-01T02:00:00Z" || rows[0].Text("b") != "new" {
		t.Errorf("%v %v", rows, ps)
	}
}

// The same input gives the same rows, whatever it is, and nothing panics.
func TestSameTwice(t *testing.T) {
	table := parsed(t, "name='t'\neach='input'\n[fields]\na='item.a.b[0]'\nb='item.a.map(x, text(x)).join(\"\")'\nc=\"text(item) + digits(item)\"\nd='item.?a.?b'\ne='{\"z\":item,\"y\":1}.map(k, k)'")
	var value func(depth int) *rapid.Generator[any]
	value = func(depth int) *rapid.Generator[any] {
		leaf := rapid.OneOf(rapid.Just[any](nil), rapid.String().AsAny(), rapid.Int64().AsAny(), rapid.Float64().AsAny(), rapid.Bool().AsAny())
		if depth == 0 {
			return leaf
		}
		return rapid.OneOf(leaf, rapid.Custom(func(t *rapid.T) any { return rapid.SliceOfN(value(depth-1), 0, 3).Draw(t, "list") }),
			rapid.Custom(func(t *rapid.T) any {
				return rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), value(depth-1), 0, 4).Draw(t, "map")
			}))
	}
	rapid.Check(t, func(t *rapid.T) {
		in := value(4).Draw(t, "input")
		rows, ps := table.Apply(in)
		again, ps2 := table.Apply(in)
		if a, b := fmt.Sprint(rows, ps), fmt.Sprint(again, ps2); a != b {
			t.Fatalf("%s\n%s", a, b)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(sample, input)
	f.Add("name='a'\n[fields]\na='item'", `[]`)
	f.Fuzz(func(t *testing.T, table, in string) {
		v, err := Decode([]byte(in))
		if tb, ps := Parse([]byte(table)); err == nil && len(ps) == 0 {
			tb.Apply(v)
			for _, s := range tb.Tables() {
				tb.Sub(s).Apply(v)
			}
		}
	})
}

func BenchmarkSmallRow(b *testing.B) {
	table := parsed(b, sample)
	one := decoded(b, `{"items":[{"id":"A1","adult":true,"name":{"given":"Ada","family":"Marsh"},"sex":"F","born":"03/01/1940","phones":[{"kind":"work","number":"1"},{"kind":"home","number":"01632 960001"}]}]}`)
	b.ReportAllocs()
	for b.Loop() {
		if rows, ps := table.Apply(one); len(rows) != 1 || len(ps) > 0 {
			b.Fatal(ps)
		}
	}
}
