package store

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"homeward/care"
	"homeward/nhs"
)

// conn is one connection to either database. Two things truly stand behind it.
//
// Errors of the database itself wrap ErrUnavailable. A statement given to exec
// or insert may be held back until the next query, flush or commit; an error of
// a statement that an earlier part held back is errAgain.
type conn interface {
	begin(ctx context.Context, write bool) error
	commit(ctx context.Context) error
	rollback(ctx context.Context) error

	exec(ctx context.Context, sql string, args []any) error
	// insert puts rows, each of the same width, by "head VALUES (...) tail".
	insert(ctx context.Context, head string, rows [][]any, tail string) error
	// query gives each row in turn; the slice is used again for the next. Nothing
	// else may be asked of the connection until it returns.
	query(ctx context.Context, sql string, args []any, each func(row []any) error) error
	// queryEach asks the same of each of args.
	queryEach(ctx context.Context, sql string, args [][]any, each func(i int, row []any) error) error
	flush(ctx context.Context) error

	// start begins a part that can be undone by itself, and end ends it, undone
	// unless keep. It returns errAgain when the part cannot be told from others:
	// the batch must then be run again with careful parts, whose statements are
	// not held back beyond their end.
	start(careful bool)
	// save makes sure that what comes next can be undone with the part: needed
	// before a query that writes.
	save(ctx context.Context) error
	end(ctx context.Context, keep bool) error

	script(ctx context.Context, text string) error // several statements, no arguments
	close() error
}

// errAgain is that a statement of some part went wrong after the part's end.
var errAgain = errors.New("a part of the batch has gone wrong late")

// arg turns a Go value into one that both drivers take: int64, string, []byte,
// nil. Texts lose what PostgreSQL cannot hold (NUL, invalid UTF-8), on both
// alike; the bytes of a message are never a text.
func arg(v any) any {
	switch x := v.(type) {
	case nil, int64:
		return v
	case []byte:
		if x == nil {
			return nil
		}
		return x
	case string:
		return text(x)
	case int:
		return int64(x)
	case bool:
		if x {
			return int64(1)
		}
		return int64(0)
	case time.Time:
		return micros(x)
	case time.Duration:
		return x.Microseconds()
	case care.CaseID:
		return text(string(x))
	case nhs.Number:
		return x.Digits()
	case nhs.Date:
		return x.String()
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.String:
		return text(r.String())
	case reflect.Int, reflect.Int64, reflect.Int32:
		return r.Int()
	}
	panic(fmt.Sprintf("store: a %T cannot be stored", v))
}

func args(vs []any) []any {
	for i, v := range vs {
		vs[i] = arg(v)
	}
	return vs
}

func text(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// scan copies a row into pointers.
func scan(row []any, into ...any) error {
	if len(row) < len(into) {
		return fmt.Errorf("reading a row: %d columns, want %d", len(row), len(into))
	}
	for i, p := range into {
		if err := assign(p, row[i]); err != nil {
			return fmt.Errorf("reading column %d: %w", i+1, err)
		}
	}
	return nil
}

func assign(p, v any) error {
	switch p := p.(type) {
	case *int64:
		n, ok := number(v)
		*p = n
		return wrongUnless(ok, p, v)
	case *string:
		return asText(p, v)
	case *[]byte:
		switch v := v.(type) {
		case nil:
			*p = nil
		case []byte:
			*p = v
		case string:
			*p = []byte(v)
		default:
			return wrongUnless(false, p, v)
		}
		return nil
	case *bool:
		n, ok := number(v)
		*p = n != 0
		return wrongUnless(ok, p, v)
	case *time.Time:
		n, ok := number(v)
		*p = fromMicros(n)
		return wrongUnless(ok, p, v)
	case *nhs.Number:
		var s string
		if err := asText(&s, v); err != nil {
			return err
		}
		return p.UnmarshalText([]byte(s))
	}
	return assignKind(p, v)
}

// assignKind serves the types that are texts and numbers underneath.
func assignKind(p, v any) error {
	e := reflect.ValueOf(p).Elem()
	switch e.Kind() {
	case reflect.String:
		var s string
		err := asText(&s, v)
		e.SetString(s)
		return err
	case reflect.Int, reflect.Int64:
		n, ok := number(v)
		e.SetInt(n)
		return wrongUnless(ok, p, v)
	}
	return wrongUnless(false, p, v)
}

func asText(p *string, v any) error {
	switch v := v.(type) {
	case nil:
		*p = ""
	case string:
		*p = v
	case []byte:
		*p = string(v)
	default:
		return wrongUnless(false, p, v)
	}
	return nil
}

func number(v any) (int64, bool) {
	switch v := v.(type) {
	case nil:
		return 0, true
	case int64:
		return v, true
	case int32:
		return int64(v), true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

func wrongUnless(ok bool, p, v any) error {
	if ok {
		return nil
	}
	return fmt.Errorf("a %T does not fit into %T", v, p)
}

// places writes ($1,$2),($3,$4)... for n rows of the given width.
func places(b *strings.Builder, n, width int) {
	k := 0
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('(')
		for j := range width {
			if j > 0 {
				b.WriteByte(',')
			}
			k++
			fmt.Fprintf(b, "$%d", k)
		}
		b.WriteByte(')')
	}
}
