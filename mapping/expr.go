package mapping

import (
	"fmt"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/ext"
)

// Bounds of one expression: its length in bytes, and what evaluating it once may
// cost, in the units of CEL, of which a step takes one. A list may be long, so an
// expression that gives the rows may cost more than one that gives a field.
const (
	maxLength = 4096
	fieldCost = 50_000
	eachCost  = 2_000_000
)

// absent is that a plain path leads to nothing in the input.
type absent struct{}

// vars are what an expression may name.
type vars struct {
	input, item, up any
	n               int
	at              time.Time
}

// ResolveName gives cel a variable.
func (v *vars) ResolveName(name string) (any, bool) {
	switch name {
	case "input":
		return v.input, true
	case "item":
		return v.item, true
	case "up":
		return v.up, true
	case "n":
		return v.n, true
	case "at":
		return v.at, !v.at.IsZero()
	}
	return nil, false
}

// Parent is nil: there are no other variables.
func (v *vars) Parent() cel.Activation { return nil }

// expr is one expression. One that only walks down the input is walked without
// cel: it is the usual one, and what is not there is then nothing, and no error.
type expr struct {
	source  string
	root    string // input, item or up; "" when it is no plain path
	path    []step
	program cel.Program
}

// step is a name of an object, or a place in a list.
type step struct {
	name  string
	index int // with name ""
}

// environment is what expressions may use: CEL, its string, list and optional
// functions, and ours. Nothing in it reads a clock, chance or the world.
func environment() (*cel.Env, error) {
	return cel.NewCustomEnv(cel.CustomTypeAdapter(adapter{}),
		cel.StdLib(), cel.OptionalTypes(), ext.Strings(ext.StringsVersion(4)), ext.Lists(ext.ListsMaxRangeSize(10_000)),
		cel.DefaultUTCTimeZone(true), cel.CrossTypeNumericComparisons(true), cel.ExpressionNestingDepthLimit(64),
		cel.ParserExpressionSizeLimit(maxLength), cel.ParserRecursionLimit(64),
		cel.Variable("input", cel.DynType), cel.Variable("item", cel.DynType), cel.Variable("up", cel.DynType),
		cel.Variable("n", cel.IntType), cel.Variable("at", cel.TimestampType),
		cel.Function("text", cel.Overload("text_dyn", []*cel.Type{cel.DynType}, cel.StringType, cel.UnaryBinding(asText))),
		cel.Function("digits", cel.Overload("digits_dyn", []*cel.Type{cel.DynType}, cel.StringType, cel.UnaryBinding(asDigits))),
		cel.Function("date", cel.Overload("date_dyn_string", []*cel.Type{cel.DynType, cel.StringType}, cel.StringType, cel.BinaryBinding(asDate))))
}

// compile checks an expression's syntax and types. what, when it is not "", is why
// it cannot be used.
func compile(env *cel.Env, source string, cost uint64) (e *expr, what string) {
	if strings.TrimSpace(source) == "" {
		return nil, "Write an expression, like item.name"
	}
	if len(source) > maxLength {
		return nil, fmt.Sprintf("Shorten the expression: it has more than %d bytes", maxLength)
	}
	tree, issues := env.Compile(source)
	if issues != nil && issues.Err() != nil {
		first := issues.Errors()[0]
		return nil, fmt.Sprintf("Mend the expression at column %d: %s", first.Location.Column()+1, first.Message)
	}
	e = &expr{source: source}
	if root, path, ok := plain(tree.NativeRep().Expr()); ok {
		e.root, e.path = root, path
		return e, ""
	}
	p, err := env.Program(tree, cel.CostLimit(cost), cel.EvalOptions(cel.OptOptimize), cel.CustomDecoratorV2(sortWritten))
	if err != nil {
		return nil, "Mend the expression: " + err.Error()
	}
	e.program = p
	return e, ""
}

// plain takes apart an expression that only walks: item.name.given[0].
func plain(x ast.Expr) (root string, path []step, ok bool) {
	switch x.Kind() {
	case ast.IdentKind:
		name := x.AsIdent()
		return name, nil, name == "input" || name == "item" || name == "up"
	case ast.SelectKind:
		s := x.AsSelect()
		root, path, ok = plain(s.Operand())
		return root, append(path, step{name: s.FieldName()}), ok && !s.IsTestOnly()
	case ast.CallKind:
		c := x.AsCall()
		if c.FunctionName() != operators.Index || len(c.Args()) != 2 || c.Args()[1].Kind() != ast.LiteralKind {
			return "", nil, false
		}
		root, path, ok = plain(c.Args()[0])
		switch lit := c.Args()[1].AsLiteral().(type) {
		case types.String:
			return root, append(path, step{name: string(lit)}), ok && lit != ""
		case types.Int:
			return root, append(path, step{index: int(lit)}), ok && lit >= 0
		}
	}
	return "", nil, false
}

// eval gives the value, or what to mend; never both. What is not in the input is
// absent{}.
func (e *expr) eval(v *vars) (any, string) {
	if e.root != "" {
		at, _ := v.ResolveName(e.root)
		return walk(at, e.path)
	}
	out, _, err := e.program.Eval(v)
	if err != nil {
		return nil, mend(err)
	}
	return native(out, 0)
}

// mend puts an error of cel into words of ours: cel's may hold values.
func mend(err error) string {
	switch s := err.Error(); {
	case strings.Contains(s, "cost limit"):
		return "This takes too long to work out. Make the expression simpler"
	case strings.Contains(s, "no such key"), strings.Contains(s, "index out of bounds"):
		return "The input lacks something that this reads. Say what stands for it: item.?name.orValue(\"\")"
	case strings.Contains(s, "no such overload"):
		return "The input has another type here than the expression needs. Use text(...) around what may be a number or nothing"
	case strings.Contains(s, "no such attribute"):
		return "This uses at, and no time was given"
	case strings.Contains(s, noSuchDate):
		return "This is not a date as the expression says it is written"
	}
	return "This could not be worked out of the input. Try the table on the same input, part by part"
}

// walk follows a path through objects and lists.
func walk(at any, path []step) (any, string) {
	for _, s := range path {
		switch x := at.(type) {
		case nil:
			return absent{}, ""
		case map[string]any:
			if s.name == "" {
				return nil, "The input has an object here, and the table expects a list"
			}
			v, ok := x[s.name]
			if !ok {
				return absent{}, ""
			}
			at = v
		case []any:
			if s.name != "" {
				return nil, "The input has a list here, and the table expects an object. Use each, or [0]"
			}
			if s.index >= len(x) {
				return absent{}, ""
			}
			at = x[s.index]
		default:
			return nil, "The input has a plain value here, and the table expects an object or a list"
		}
	}
	return at, ""
}

// native turns what cel gives into a value of a Row.
func native(v ref.Val, depth int) (any, string) {
	if depth > 32 {
		return nil, "This is nested too deeply"
	}
	switch x := v.(type) {
	case types.Null:
		return nil, ""
	case types.Bool:
		return bool(x), ""
	case types.Int:
		return int64(x), ""
	case types.Uint:
		return uint64(x), ""
	case types.Double:
		return float64(x), ""
	case types.String:
		return string(x), ""
	case types.Timestamp:
		return x.Time, ""
	case *types.Optional:
		if !x.HasValue() {
			return absent{}, ""
		}
		return native(x.GetValue(), depth+1)
	case traits.Mapper:
		return nativeMap(x, depth)
	case traits.Lister:
		list := []any{}
		for it := x.Iterator(); it.HasNext() == types.True; {
			y, no := native(it.Next(), depth+1)
			if no != "" {
				return nil, no
			}
			list = append(list, y)
		}
		return list, ""
	}
	return nil, "A field cannot be a " + v.Type().TypeName()
}

func nativeMap(x traits.Mapper, depth int) (any, string) {
	m := map[string]any{}
	for it := x.Iterator(); it.HasNext() == types.True; {
		k := it.Next()
		y, no := native(x.Get(k), depth+1)
		if no != "" {
			return nil, no
		}
		key, isText := k.(types.String)
		if !isText {
			return nil, "The names of an object must be texts"
		}
		m[string(key)] = y
	}
	return m, ""
}
