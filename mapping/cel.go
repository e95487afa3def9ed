package mapping

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// adapter gives cel the values of the input. Its objects are gone through in the
// order of their names: Go's own order is another every time.
type adapter struct{}

// NativeToValue makes a Go value one of cel's.
func (adapter) NativeToValue(v any) ref.Val {
	switch x := v.(type) {
	case map[string]any:
		return sorted{types.NewMap[string, any](adapter{}, x)}
	case map[ref.Val]ref.Val:
		return sorted{types.NewRefValMap(adapter{}, x)}
	case []any:
		return types.NewDynamicList(adapter{}, x)
	case json.Number:
		n, err := number(string(x))
		if err != nil {
			return types.NewErr("not a number")
		}
		return types.DefaultTypeAdapter.NativeToValue(n)
	case absent:
		return types.NullValue
	}
	return types.DefaultTypeAdapter.NativeToValue(v)
}

// sorted is a map that is gone through in the order of its keys.
type sorted struct{ traits.Mapper }

// Iterator goes through the keys in order.
func (m sorted) Iterator() traits.Iterator {
	var keys []ref.Val
	for it := m.Mapper.Iterator(); it.HasNext() == types.True; {
		keys = append(keys, it.Next())
	}
	slices.SortFunc(keys, func(a, b ref.Val) int {
		return cmp.Or(strings.Compare(a.Type().TypeName(), b.Type().TypeName()), strings.Compare(fmt.Sprint(a.Value()), fmt.Sprint(b.Value())))
	})
	return types.NewRefValList(adapter{}, keys).Iterator()
}

// writtenOut are maps of an expression itself, which cel makes without the adapter.
type writtenOut struct {
	interpreter.InterpretableConstructor
}

// Exec makes the map sorted.
func (w writtenOut) Exec(f *interpreter.ExecutionFrame) ref.Val {
	return inOrder(w.InterpretableConstructor.Exec(f))
}

// Eval makes the map sorted.
func (w writtenOut) Eval(a interpreter.Activation) ref.Val {
	return inOrder(w.InterpretableConstructor.Eval(a))
}

func inOrder(v ref.Val) ref.Val {
	if m, ok := v.(traits.Mapper); ok {
		return sorted{m}
	}
	return v
}

func sortWritten(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	if c, ok := i.(interpreter.InterpretableConstructor); ok && c.Type() == types.MapType {
		return writtenOut{c}, nil
	}
	return i, nil
}

// asText is text(x): nothing for null, and numbers as people write them.
func asText(v ref.Val) ref.Val {
	x, no := native(v, 0)
	if no != "" {
		return types.NewErr("no text")
	}
	return types.String(text(x))
}

// asDigits is digits(x): the digits of a text or number.
func asDigits(v ref.Val) ref.Val {
	x, no := native(v, 0)
	if no != "" {
		return types.NewErr("no text")
	}
	return types.String(strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text(x)))
}

const noSuchDate = "no such date"

// dateForms are the ways of writing a date that date(x, form) reads. There is none
// with two digits for a year.
var dateForms = map[string]string{
	"YYYY-MM-DD": "2006-01-02", "YYYYMMDD": "20060102", "DD/MM/YYYY": "02/01/2006", "D/M/YYYY": "2/1/2006",
	"DD-MM-YYYY": "02-01-2006", "DD.MM.YYYY": "02.01.2006", "MM/DD/YYYY": "01/02/2006", "DD-MON-YYYY": "02-Jan-2006", "DD MON YYYY": "02 Jan 2006",
}

// asDate is date(x, form): the day as YYYY-MM-DD, and nothing for nothing. What
// stands after the date, such as a time of day, is not read.
func asDate(v, form ref.Val) ref.Val {
	x, no := native(v, 0)
	name, isText := form.(types.String)
	layout, known := dateForms[string(name)]
	if no != "" || !isText || !known {
		return types.NewErr("no such form of dates")
	}
	s := strings.TrimSpace(text(x))
	if s == "" {
		return types.String("")
	}
	after := "T "
	if strings.Contains(layout, "Jan") {
		after = " " // OCT has a T
	}
	if i := strings.IndexAny(s, after); i > 0 && !strings.Contains(layout, " ") {
		s = s[:i]
	}
	day, err := time.Parse(layout, s)
	if err != nil {
		return types.NewErr(noSuchDate)
	}
	return types.String(day.Format("2006-01-02"))
}
