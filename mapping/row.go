package mapping

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"time"
)

// Row is one row, its fields in the order of the table. Values are string, bool,
// int64, uint64, float64, time.Time, []any, map[string]any, or nil for nothing.
type Row struct {
	names  []string
	values []any
	unread []bool // nil: every field could be read
}

// LogValue says how much there is and nothing of it.
func (r Row) LogValue() slog.Value { return slog.IntValue(len(r.values)) }

// Names are the fields, in order.
func (r Row) Names() []string { return slices.Clone(r.names) }

// Get is the value of a field, nil when there is nothing.
func (r Row) Get(name string) any {
	if i := slices.Index(r.names, name); i >= 0 {
		return r.values[i]
	}
	return nil
}

// Text is a field as text, "" when there is nothing: numbers without exponent,
// times as RFC 3339, lists and objects as JSON.
func (r Row) Text(name string) string { return text(r.Get(name)) }

// Unread reports whether a problem was said of the field in this row: that it has
// nothing then means nothing.
func (r Row) Unread(name string) bool {
	i := slices.Index(r.names, name)
	return i >= 0 && r.unread != nil && r.unread[i]
}

// Map is the row as a map, without the fields that have nothing.
func (r Row) Map() map[string]any {
	m := make(map[string]any, len(r.names))
	for i, n := range r.names {
		if r.values[i] != nil {
			m[n] = r.values[i]
		}
	}
	return m
}

// MarshalJSON writes an object with the fields in the order of the table, null
// where there is nothing.
func (r Row) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, n := range r.names {
		if i > 0 {
			b.WriteByte(',')
		}
		k, err := json.Marshal(n)
		if err != nil {
			return nil, fmt.Errorf("writing the name of a field: %w", err)
		}
		v, err := json.Marshal(r.values[i])
		if err != nil {
			return nil, fmt.Errorf("writing field %s: %w", n, err)
		}
		b.Write(k)
		b.WriteByte(':')
		b.Write(v)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// text writes a value for a cell.
func text(v any) string {
	switch v := v.(type) {
	case nil, absent:
		return ""
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case int:
		return strconv.Itoa(v)
	case uint64:
		return strconv.FormatUint(v, 10)
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return ""
		}
		return strconv.FormatFloat(v, 'f', -1, 64)
	case json.Number:
		return v.String()
	case time.Time:
		return v.Format(time.RFC3339Nano)
	}
	b, err := json.Marshal(v)
	if err != nil { // no value of ours is like that
		return ""
	}
	return string(b)
}
