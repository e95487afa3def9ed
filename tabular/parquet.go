package tabular

import (
	"io"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// groupRows are the rows that are written together: they wait in memory.
const groupRows = 50_000

// parquet writes a table as Apache Parquet: columns of the types that their kinds have,
// compressed by Zstandard; what the table is stands among its key-value metadata. Times
// are instants in microseconds (UTC). Each value may be absent.
func (t Table) parquet(w io.Writer) error {
	group := ordered{Group: parquet.Group{}}
	for _, c := range t.Columns {
		group.Group[c.Name] = parquet.Optional(nodeOf(c.Kind))
		group.names = append(group.names, c.Name)
	}
	opts := []parquet.WriterOption{parquet.NewSchema(t.Name, group), parquet.Compression(&zstd.Codec{}), parquet.MaxRowsPerRowGroup(groupRows), parquet.KeyValueMetadata("title", t.Title)}
	for _, n := range t.Notes {
		opts = append(opts, parquet.KeyValueMetadata(n.Head, n.Text))
	}
	for _, c := range t.Columns {
		opts = append(opts, parquet.KeyValueMetadata("column "+c.Name, c.Words))
	}
	p := parquet.NewWriter(w, opts...)
	row := make(parquet.Row, len(t.Columns))
	err := t.each(func(vs []any) error {
		for i, v := range vs {
			row[i] = leafOf(t.Columns[i].Kind, v, i)
		}
		_, err := p.WriteRows([]parquet.Row{row})
		return err
	})
	if err != nil {
		return err
	}
	return p.Close()
}

// ordered is a group whose fields stand in the order of the table's columns and not by
// their names.
type ordered struct {
	parquet.Group
	names []string
}

// Fields gives the fields in their order.
func (o ordered) Fields() []parquet.Field {
	by := map[string]parquet.Field{}
	for _, f := range o.Group.Fields() {
		by[f.Name()] = f
	}
	out := make([]parquet.Field, len(o.names))
	for i, n := range o.names {
		out[i] = by[n]
	}
	return out
}

// nodeOf is the type of a kind (Apache Parquet, logical types).
func nodeOf(k Kind) parquet.Node {
	switch k {
	case Integer:
		return parquet.Int(64)
	case Decimal, Share:
		return parquet.Leaf(parquet.DoubleType)
	case Date:
		return parquet.Date()
	case Time:
		return parquet.Timestamp(parquet.Microsecond)
	}
	return parquet.String()
}

// leafOf is a value of a column.
func leafOf(k Kind, v any, column int) parquet.Value {
	switch x := v.(type) {
	case string:
		return parquet.ByteArrayValue([]byte(x)).Level(0, 1, column)
	case int64:
		return parquet.Int64Value(x).Level(0, 1, column)
	case float64:
		return parquet.DoubleValue(x).Level(0, 1, column)
	case time.Time:
		if k == Date {
			day := time.Date(x.Year(), x.Month(), x.Day(), 0, 0, 0, 0, time.UTC)
			return parquet.Int32Value(int32(day.Unix()/(24*60*60))).Level(0, 1, column) // midnight of UTC: exact, also before 1970
		}
		return parquet.Int64Value(x.UnixMicro()).Level(0, 1, column)
	}
	return parquet.NullValue().Level(0, 0, column)
}
