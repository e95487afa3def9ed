package fhirpath

import (
	"math/big"
	"strconv"
	"strings"
	"time"

	"homeward/fhir"
)

func text(s string) Item {
	return Item{Node: &fhir.Node{Kind: fhir.String, Text: s}, Type: "System.String"}
}

func number(s string) Item {
	typ := "System.Integer"
	if strings.ContainsAny(s, ".eE") {
		typ = "System.Decimal"
	}
	return Item{Node: &fhir.Node{Kind: fhir.Number, Text: s}, Type: typ}
}

func boolean(b bool) Item {
	if b {
		return yes
	}
	return no
}

// The two booleans, which nobody changes.
var (
	yes = Item{Node: &fhir.Node{Kind: fhir.Bool, Text: "true"}, Type: "System.Boolean"}
	no  = Item{Node: &fhir.Node{Kind: fhir.Bool, Text: "false"}, Type: "System.Boolean"}
)

// only wraps one boolean without making a new slice each time.
func only(b bool) []Item {
	if b {
		return yesOnly
	}
	return noOnly
}

var yesOnly, noOnly = []Item{yes}, []Item{no}

// truth is a collection as a boolean: empty is not known; one value that is no
// boolean is true (FHIRPath 2.0 4.5).
func truth(c []Item) (value, known bool, err error) {
	switch {
	case len(c) == 0:
		return false, false, nil
	case len(c) > 1:
		return false, false, fail("one value was needed and %d were found", len(c))
	case c[0].Node != nil && c[0].Node.Kind == fhir.Bool:
		return c[0].Node.Text == "true", true, nil
	}
	return true, true, nil
}

// moment is a date, dateTime or time with its precision (FHIRPath 2.0 4.1.6).
type moment struct {
	part  [6]int // year month day hour minute second; of a time the first three are 0
	nanos int
	has   int // how many parts are known; 3 + hours of a time
	zone  bool
	off   int // minutes east of UTC
	clock bool
}

// parseMoment reads YYYY[-MM[-DD[Thh[:mm[:ss[.f]]][Z|+hh:mm]]]] or hh[:mm[:ss[.f]]].
func parseMoment(s string) (m moment, ok bool) {
	rest := s
	if len(s) >= 3 && s[2] == ':' || len(s) == 2 {
		m.clock, m.has = true, 3
		return m, m.readClock(rest, false)
	}
	if !m.digits(&rest, 4, 0, 0, 9999) {
		return m, false
	}
	for i := 1; i <= 2 && strings.HasPrefix(rest, "-"); i++ {
		rest = rest[1:]
		if !m.digits(&rest, 2, i, 1, []int{0, 12, 31}[i]) {
			return m, false
		}
	}
	if rest == "" {
		return m, m.has < 3 || m.part[2] <= daysIn(m.part[0], m.part[1])
	}
	if m.has != 3 || rest[0] != 'T' || m.part[2] > daysIn(m.part[0], m.part[1]) {
		return m, false
	}
	return m, m.readClock(rest[1:], true)
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

func (m *moment) digits(rest *string, n, part, low, high int) bool {
	if len(*rest) < n {
		return false
	}
	v := 0
	for i := range n {
		if !digit((*rest)[i]) {
			return false
		}
		v = v*10 + int((*rest)[i]-'0')
	}
	*rest = (*rest)[n:]
	m.part[part] = v
	m.has = part + 1
	return v >= low && v <= high
}

func (m *moment) readClock(rest string, zoned bool) bool {
	if rest == "" {
		return false
	}
	if !m.digits(&rest, 2, 3, 0, 23) {
		return false
	}
	for i := 4; i <= 5 && strings.HasPrefix(rest, ":"); i++ {
		rest = rest[1:]
		if !m.digits(&rest, 2, i, 0, 60) {
			return false
		}
	}
	if m.has == 6 && strings.HasPrefix(rest, ".") {
		n := span(rest[1:], digit)
		if n == 0 || n > 12 {
			return false
		}
		f := (rest[1:1+n] + "000000000")[:9]
		m.nanos, _ = strconv.Atoi(f)
		rest = rest[1+n:]
	}
	if rest == "" {
		return true
	}
	return zoned && m.readZone(rest)
}

func (m *moment) readZone(rest string) bool {
	if rest == "Z" {
		m.zone = true
		return true
	}
	if len(rest) != 6 || rest[0] != '+' && rest[0] != '-' || rest[3] != ':' {
		return false
	}
	h, err := strconv.Atoi(rest[1:3])
	mins, err2 := strconv.Atoi(rest[4:])
	m.zone, m.off = true, h*60+mins
	if rest[0] == '-' {
		m.off = -m.off
	}
	return err == nil && err2 == nil && h <= 14 && mins < 60
}

// utc moves a time with a zone to UTC.
func (m moment) utc() moment {
	if !m.zone || m.off == 0 || m.has < 4 {
		return m
	}
	t := time.Date(m.part[0], time.Month(m.part[1]), m.part[2], m.part[3], m.part[4]-m.off, m.part[5], 0, time.UTC)
	m.part = [6]int{t.Year(), int(t.Month()), t.Day(), t.Hour(), t.Minute(), t.Second()}
	m.off = 0
	return m
}

// compareMoments gives -1, 0 or 1; known is false where precision or zone leave it
// open (FHIRPath 2.0 6.2).
func compareMoments(a, b moment) (order int, known bool) {
	if a.clock != b.clock {
		return 0, false
	}
	if a.zone != b.zone && a.has > 3 && b.has > 3 {
		return 0, false
	}
	a, b = a.utc(), b.utc()
	for i := range min(a.has, b.has) {
		if d := a.part[i] - b.part[i]; d != 0 {
			return sgn(d), true
		}
	}
	if a.has != b.has {
		return 0, false
	}
	return sgn(a.nanos - b.nanos), true
}

func sgn(d int) int {
	switch {
	case d < 0:
		return -1
	case d > 0:
		return 1
	}
	return 0
}

// numeric reads a number exactly where its size is bounded, so that 1e999999999
// costs nothing; beyond, it is no number to us.
func numeric(s string) (*big.Rat, bool) {
	if len(s) > 64 {
		return nil, false
	}
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		if e, err := strconv.Atoi(s[i+1:]); err != nil || e > 400 || e < -400 {
			return nil, false
		}
	}
	return new(big.Rat).SetString(s)
}

// order compares two primitives; known is false where there is no answer.
func order(a, b Item) (result int, known bool, err error) {
	if a.Node == nil || b.Node == nil {
		return 0, false, nil
	}
	x, y := a.Node, b.Node
	switch {
	case x.Kind == fhir.Number && y.Kind == fhir.Number:
		if len(x.Text) < 16 && len(y.Text) < 16 && !strings.ContainsAny(x.Text, ".eE") && !strings.ContainsAny(y.Text, ".eE") {
			i, _ := strconv.Atoi(x.Text)
			j, _ := strconv.Atoi(y.Text)
			return sgn(i - j), true, nil
		}
		r, ok := numeric(x.Text)
		s, ok2 := numeric(y.Text)
		if !ok || !ok2 {
			return 0, false, nil
		}
		return r.Cmp(s), true, nil
	case x.Kind == fhir.String && y.Kind == fhir.String:
		if m, ok := asMoment(a); ok {
			if n, ok := asMoment(b); ok {
				o, known := compareMoments(m, n)
				return o, known, nil
			}
		}
		if a.isMomentLiteral() || b.isMomentLiteral() {
			return 0, false, fail("a date cannot be compared with text")
		}
		return strings.Compare(x.Text, y.Text), true, nil
	case x.Kind == fhir.Object && y.Kind == fhir.Object:
		return orderQuantities(x, y)
	case x.Kind == fhir.Number && y.Kind == fhir.Object && y.Get("value") != nil && y.Str("code") == "1":
		return order(a, Item{Node: y.Get("value")})
	}
	return 0, false, fail("values of different types cannot be compared")
}

// orderQuantities compares quantities of the same unit; others are not known.
func orderQuantities(x, y *fhir.Node) (int, bool, error) {
	v, w := x.Get("value"), y.Get("value")
	if v == nil || w == nil {
		return 0, false, nil
	}
	if unit(x) != unit(y) {
		return 0, false, nil
	}
	return order(Item{Node: v}, Item{Node: w})
}

func unit(q *fhir.Node) string {
	if c := q.Str("code"); c != "" {
		return c
	}
	return q.Str("unit")
}

func (i Item) isMomentLiteral() bool {
	return i.Type == "System.Date" || i.Type == "System.DateTime" || i.Type == "System.Time"
}

// asMoment reads what is, or looks as if it were, a date or time. A text that looks
// like a date compares as one: both orders agree where they are defined.
func asMoment(i Item) (moment, bool) {
	switch i.Type {
	case "", "date", "dateTime", "instant", "time", "System.Date", "System.DateTime", "System.Time":
		return parseMoment(i.Node.Text)
	}
	return moment{}, false
}

// equal is `=` of two items; known is false where the answer is empty.
func equal(a, b Item) (same, known bool) {
	if a.Node == nil || b.Node == nil {
		return a.Node == nil && b.Node == nil && sameTree(a.ext, b.ext, false), true
	}
	x, y := a.Node, b.Node
	if x == y {
		return true, true
	}
	switch {
	case x.Kind != y.Kind:
		return false, true
	case x.Kind == fhir.Number:
		o, known, _ := order(a, b)
		if !known {
			return x.Text == y.Text, true
		}
		return o == 0, true
	case x.Kind == fhir.String:
		if m, ok := asMoment(a); ok {
			if n, ok := asMoment(b); ok && len(x.Text) > 3 && m.clock == n.clock {
				o, known := compareMoments(m, n)
				return o == 0, known
			}
		}
		return x.Text == y.Text, true
	case x.Kind == fhir.Object && (a.Type == "System.Quantity" || b.Type == "System.Quantity"):
		o, known, _ := orderQuantities(x, y)
		return o == 0, known
	}
	return sameTree(x, y, false), true
}

// equivalent is `~` of two items: text without regard to case and white space.
func equivalent(a, b Item) bool {
	if a.Node == nil || b.Node == nil {
		return a.Node == nil && b.Node == nil
	}
	if a.Node.Kind == fhir.String && b.Node.Kind == fhir.String {
		if same, known := equal(a, b); known && same {
			return true
		}
	}
	return sameTree(a.Node, b.Node, true)
}

// sameTree compares values whole. loose is the way of `~`: order does not count,
// nor do letters' case and white space, and numbers are as exact as the less exact.
func sameTree(x, y *fhir.Node, loose bool) bool {
	if x == nil || y == nil {
		return x.Empty() && y.Empty()
	}
	if x.Kind != y.Kind {
		return false
	}
	switch x.Kind {
	case fhir.Object:
		if len(x.Members) != len(y.Members) {
			return false
		}
		for _, m := range x.Members {
			if o := y.Member(m.Name); o == nil || !sameTree(m.Value, o, loose) {
				return false
			}
		}
		return true
	case fhir.Array:
		return sameLists(x.Items, y.Items, loose)
	case fhir.Number:
		if loose {
			return roughly(x.Text, y.Text)
		}
		same, _ := equal(Item{Node: x}, Item{Node: y})
		return same
	case fhir.String:
		if loose {
			return strings.EqualFold(strings.Join(strings.Fields(x.Text), " "), strings.Join(strings.Fields(y.Text), " "))
		}
		return x.Text == y.Text
	}
	return x.Text == y.Text
}

func sameLists(x, y []*fhir.Node, loose bool) bool {
	if len(x) != len(y) {
		return false
	}
	if !loose {
		for i := range x {
			if !sameTree(x[i], y[i], false) {
				return false
			}
		}
		return true
	}
	taken := make([]bool, len(y))
	for _, v := range x {
		found := false
		for j, w := range y {
			if !taken[j] && sameTree(v, w, true) {
				taken[j], found = true, true
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// roughly compares numbers to the precision of the less precise (FHIRPath 2.0 6.1.2).
func roughly(a, b string) bool {
	x, ok := numeric(a)
	y, ok2 := numeric(b)
	if !ok || !ok2 {
		return a == b
	}
	places := min(decimals(a), decimals(b))
	return x.FloatString(places) == y.FloatString(places)
}

func decimals(s string) int {
	_, f, _ := strings.Cut(s, ".")
	return len(strings.TrimRight(f, "0"))
}
