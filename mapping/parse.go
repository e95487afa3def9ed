package mapping

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"github.com/BurntSushi/toml"
)

// written is a table as it stands in TOML.
type written struct {
	Name   string                       `toml:"name"`
	Title  string                       `toml:"title"`
	About  string                       `toml:"about"`
	Codes  map[string]map[string]string `toml:"codes"`
	Tables map[string]writtenTable      `toml:"tables"`
	Each   oneOrMore                    `toml:"each"`
	Where  string                       `toml:"where"`
	Fields map[string]writtenField      `toml:"fields"`
}

type writtenTable struct {
	Each   oneOrMore               `toml:"each"`
	Where  string                  `toml:"where"`
	Fields map[string]writtenField `toml:"fields"`
}

// oneOrMore is a text or a list of texts.
type oneOrMore []string

// UnmarshalTOML takes either.
func (o *oneOrMore) UnmarshalTOML(v any) error {
	switch v := v.(type) {
	case string:
		*o = oneOrMore{v}
		return nil
	case []any:
		for _, x := range v {
			s, ok := x.(string)
			if !ok {
				return fmt.Errorf("each must be an expression or a list of them")
			}
			*o = append(*o, s)
		}
		return nil
	}
	return fmt.Errorf("each must be an expression or a list of them")
}

// writtenField is an expression, or a table with one and more about it.
type writtenField struct {
	is, codes, fallback string
	required            bool
	wrong               string // what is wrong, for the Problem
}

// UnmarshalTOML takes either. What is wrong is told with all other problems.
func (f *writtenField) UnmarshalTOML(v any) error {
	switch v := v.(type) {
	case string:
		f.is = v
	case map[string]any:
		for k, x := range v {
			s, isText := x.(string)
			b, isBool := x.(bool)
			switch {
			case k == "is" && isText:
				f.is = s
			case k == "codes" && isText:
				f.codes = s
			case k == "default" && isText:
				f.fallback = s
			case k == "required" && isBool:
				f.required = b
			default:
				f.wrong = "Use only is, codes and default, which are texts, and required, which is true or false"
			}
		}
	default:
		f.wrong = `Write an expression, like "item.name", or { is = "item.name", required = true }`
	}
	return nil
}

var fieldName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9 _.:-]{0,79}$`)

// parsing gathers what is wrong with a table.
type parsing struct {
	env      *cel.Env
	meta     toml.MetaData
	codes    map[string]map[string]string
	problems []Problem
}

// Parse reads a table. With problems there is none. The TOML:
//
//	name = "people"
//	each = "input.items"                    # or a list: lists within lists
//	where = "item.type == 'adult'"
//	[fields]
//	person_id = { is = "item.id", required = true }
//	sex       = { is = "item.sex", codes = "sex", default = "not known" }
//	family    = "item.name.family"
//	[codes.sex]
//	F = "female"
//	[tables.packages]                       # each, where and fields of their own
//
// Expressions may name input (all of it), item (the present one), up (the item
// whose list this is), n (the row, from 1) and at (the given time).
func Parse(text []byte) (*Table, []Problem) {
	var w written
	meta, err := toml.Decode(string(text), &w)
	if err != nil {
		return nil, []Problem{{Mend: "Mend the TOML: " + err.Error()}}
	}
	env, err := environment()
	if err != nil {
		return nil, []Problem{{Mend: "The expressions cannot be set up: " + err.Error()}}
	}
	p := &parsing{env: env, meta: meta, codes: w.Codes}
	for _, k := range meta.Undecoded() {
		if !slices.Contains([]string(k), "fields") {
			p.say("", k.String(), "Take this key out or check its spelling")
		}
	}
	if strings.TrimSpace(w.Name) == "" {
		p.say("", "name", "Give the table a name")
	}
	t := p.table("", writtenTable{w.Each, w.Where, w.Fields}, "fields")
	t.Name, t.Title, t.About = w.Name, w.Title, w.About
	for _, name := range p.order("tables") {
		t.sub = append(t.sub, p.table(name, w.Tables[name], "tables", name, "fields"))
	}
	if len(t.fields) == 0 && len(t.sub) == 0 {
		p.say("", "fields", "Name at least one field, with its expression")
	}
	if len(p.problems) > 0 {
		return nil, p.problems
	}
	return t, nil
}

func (p *parsing) say(table, field, mend string) {
	p.problems = append(p.problems, Problem{Table: table, Field: field, Mend: mend})
}

// order gives the names directly under a key, as they stand in the file.
func (p *parsing) order(under ...string) []string {
	var out []string
	for _, k := range p.meta.Keys() {
		if len(k) > len(under) && slices.Equal([]string(k[:len(under)]), under) && !slices.Contains(out, k[len(under)]) {
			out = append(out, k[len(under)])
		}
	}
	return out
}

func (p *parsing) table(name string, w writtenTable, path ...string) *Table {
	t := &Table{Name: name, label: name, codes: p.codes}
	for _, each := range w.Each {
		if e := p.expr(name, "each", each, eachCost); e != nil {
			t.steps = append(t.steps, e)
		}
	}
	if len(t.steps) > 4 {
		p.say(name, "each", "Use at most four lists within each other")
	}
	if w.Where != "" {
		t.where = p.expr(name, "where", w.Where, fieldCost)
	}
	for _, f := range p.order(path...) {
		t.names = append(t.names, f)
		t.fields = append(t.fields, p.field(name, f, w.Fields[f]))
	}
	if name != "" && len(t.fields) == 0 {
		p.say(name, "fields", "Name at least one field, with its expression")
	}
	return t
}

func (p *parsing) field(table, name string, w writtenField) field {
	switch {
	case w.wrong != "":
		p.say(table, name, w.wrong)
	case !fieldName.MatchString(name):
		p.say(table, name, "Begin the name of a field with a letter, and use letters, digits, spaces and _ . : -")
	case w.codes != "" && p.codes[w.codes] == nil:
		p.say(table, name, "There is no [codes."+w.codes+"]")
	default:
		return field{name, p.expr(table, name, w.is, fieldCost), w.codes, w.fallback, w.required}
	}
	return field{name: name}
}

func (p *parsing) expr(table, name, source string, cost uint64) *expr {
	e, what := compile(p.env, source, cost)
	if what != "" {
		p.say(table, name, what)
		return nil
	}
	return e
}
