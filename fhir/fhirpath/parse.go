package fhirpath

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"homeward/fhir"
)

// A term is one node of a compiled expression.
type term interface{ isTerm() }

type (
	literal struct{ items []Item }
	member  struct{ name string }   // a path from $this
	step    struct{ of, then term } // of.then
	index   struct{ of, at term }   // of[at]
	binary  struct {
		op   string
		l, r term
	}
	typeTest struct {
		op  string
		of  term
		typ string
	} // is, as
	variable struct{ name string } // $this, $index, $total, %resource
	call     struct {
		name string
		fn   function
		args []term
		typ  string // of is(), as(), ofType()
		re   pattern
	}
)

func (literal) isTerm()  {}
func (member) isTerm()   {}
func (step) isTerm()     {}
func (index) isTerm()    {}
func (binary) isTerm()   {}
func (typeTest) isTerm() {}
func (variable) isTerm() {}
func (*call) isTerm()    {}

// parser reads an expression by the precedence of FHIRPath 2.0 (8, grammar).
type parser struct {
	src   string
	pos   int // after tok
	start int // of tok
	kind  byte
	tok   string
	depth int
}

// The kinds of token.
const (
	end    = 0
	word   = 'w' // a name or keyword
	quoted = 'q' // a name in `...`
	str    = 's'
	num    = 'n'
	date   = 'd' // @2020-01-01
	sign   = 'o' // an operator or bracket
	env    = 'e' // %name
	dollar = '$'
	bad    = '!'
)

func (p *parser) errorf(format string, args ...any) error {
	return &Error{fmt.Sprintf("at %d: ", p.start+1) + fmt.Sprintf(format, args...)}
}

func (p *parser) whole() (term, error) {
	t, err := p.expr(0)
	if err == nil && p.kind != end {
		err = p.errorf("%q was not expected", p.tok)
	}
	return t, err
}

func (p *parser) next() {
	for p.pos < len(p.src) {
		rest := p.src[p.pos:]
		switch {
		case strings.IndexByte(" \t\r\n", rest[0]) >= 0:
			p.pos++
			continue
		case strings.HasPrefix(rest, "//"):
			p.pos += len(rest)
			if i := strings.IndexByte(rest, '\n'); i >= 0 {
				p.pos -= len(rest) - i
			}
			continue
		case strings.HasPrefix(rest, "/*"):
			i := strings.Index(rest, "*/")
			if i < 0 {
				p.set(bad, len(rest))
				return
			}
			p.pos += i + 2
			continue
		}
		break
	}
	p.start = p.pos
	if p.pos == len(p.src) {
		p.kind, p.tok = end, ""
		return
	}
	p.lex(p.src[p.pos:])
}

func (p *parser) set(kind byte, n int) {
	p.kind, p.tok = kind, p.src[p.start:p.start+n]
	p.pos = p.start + n
}

func (p *parser) lex(rest string) {
	c := rest[0]
	switch {
	case letter(c):
		p.set(word, span(rest, func(b byte) bool { return letter(b) || digit(b) }))
	case digit(c):
		n := span(rest, digit)
		if n+1 < len(rest) && rest[n] == '.' && digit(rest[n+1]) {
			n += 1 + span(rest[n+1:], digit)
		}
		p.set(num, n)
	case c == '\'' || c == '`' || c == '"':
		p.lexQuoted(rest, c)
	case c == '@':
		n := 1 + span(rest[1:], func(b byte) bool { return digit(b) || strings.IndexByte("-T:.Z+", b) >= 0 })
		for n > 1 && rest[n-1] == '.' { // @2020-01-01.not()
			n--
		}
		p.set(date, n)
	case c == '$':
		p.set(dollar, 1+span(rest[1:], letter))
	case c == '%':
		n := 1
		if n < len(rest) && (rest[n] == '`' || rest[n] == '\'' || rest[n] == '"') {
			if i := strings.IndexByte(rest[2:], rest[n]); i >= 0 {
				p.set(env, i+3)
				p.tok = "%" + p.tok[2:len(p.tok)-1]
				return
			}
		}
		p.set(env, n+span(rest[n:], func(b byte) bool { return letter(b) || digit(b) || b == '-' }))
	default:
		n := 1
		if len(rest) > 1 {
			switch rest[:2] {
			case "<=", ">=", "!=", "!~":
				n = 2
			}
		}
		p.set(sign, n)
	}
}

func (p *parser) lexQuoted(rest string, q byte) {
	kind := byte(str)
	if q == '`' || q == '"' {
		kind = quoted
	}
	var b strings.Builder
	for i := 1; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == q:
			p.set(kind, i+1)
			p.tok = b.String()
			return
		case c == '\\' && i+1 < len(rest):
			n := unescape(&b, rest[i+1:])
			if n == 0 {
				p.set(bad, i+1)
				return
			}
			i += n
		default:
			b.WriteByte(c)
		}
	}
	p.set(bad, len(rest))
}

// unescape writes one escape (FHIRPath 2.0 4.1.2) and says how long it was after
// the backslash; 0: there is no such escape.
func unescape(b *strings.Builder, s string) int {
	const from, to = "'`\"\\/rntf", "'`\"\\/\r\n\t\f"
	if i := strings.IndexByte(from, s[0]); i >= 0 {
		b.WriteByte(to[i])
		return 1
	}
	if s[0] == 'u' && len(s) >= 5 {
		var r rune
		if _, err := fmt.Sscanf(s[1:5], "%04x", &r); err == nil && utf8.ValidRune(r) {
			b.WriteRune(r)
			return 5
		}
	}
	return 0
}

func letter(b byte) bool { return b == '_' || b|0x20 >= 'a' && b|0x20 <= 'z' }
func digit(b byte) bool  { return b >= '0' && b <= '9' }

func span(s string, is func(byte) bool) int {
	for i := range len(s) {
		if !is(s[i]) {
			return i
		}
	}
	return len(s)
}

// binding is how strongly an operator binds; 0: it is none (FHIRPath 2.0 6.8).
func (p *parser) binding() int {
	if p.kind != sign && p.kind != word {
		return 0
	}
	switch p.tok {
	case "implies":
		return 1
	case "or", "xor":
		return 2
	case "and":
		return 3
	case "in", "contains":
		return 4
	case "=", "~", "!=", "!~":
		return 5
	case "<", ">", "<=", ">=":
		return 6
	case "|":
		return 7
	case "is", "as":
		return 8
	case "+", "-", "&":
		return 9
	case "*", "/", "div", "mod":
		return 10
	}
	return 0
}

func (p *parser) expr(least int) (term, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.errorf("the expression is nested too deeply")
	}
	defer func() { p.depth-- }()
	left, err := p.unary()
	for err == nil {
		b, op := p.binding(), p.tok
		if b == 0 || b <= least {
			return left, nil
		}
		p.next()
		if op == "is" || op == "as" {
			var typ string
			if typ, err = p.typeName(); err == nil {
				left = typeTest{op, left, typ}
			}
			continue
		}
		var right term
		if right, err = p.expr(b); err == nil {
			left = binary{op, left, right}
		}
	}
	return nil, err
}

func (p *parser) unary() (term, error) {
	if p.kind == sign && (p.tok == "-" || p.tok == "+") {
		op := p.tok
		p.next()
		t, err := p.expr(10)
		if err != nil {
			return nil, err
		}
		return binary{op, literal{[]Item{number("0")}}, t}, nil
	}
	t, err := p.primary()
	for err == nil && p.kind == sign && (p.tok == "." || p.tok == "[") {
		if p.tok == "." {
			p.next()
			var then term
			if then, err = p.invocation(); err == nil {
				t = step{t, then}
			}
			continue
		}
		p.next()
		var at term
		if at, err = p.expr(0); err == nil {
			err = p.take("]")
			t = index{t, at}
		}
	}
	return t, err
}

func (p *parser) take(s string) error {
	if p.kind != sign || p.tok != s {
		return p.errorf("%q was expected", s)
	}
	p.next()
	return nil
}

func (p *parser) primary() (term, error) {
	tok := p.tok
	switch p.kind {
	case str:
		p.next()
		return literal{[]Item{text(tok)}}, nil
	case num:
		return p.number()
	case date:
		p.next()
		return p.dateLiteral(tok[1:])
	case env:
		p.next()
		return variable{tok}, p.knownVariable(tok)
	case word:
		if tok == "true" || tok == "false" {
			p.next()
			return literal{[]Item{boolean(tok == "true")}}, nil
		}
	case sign:
		if tok == "(" {
			p.next()
			t, err := p.expr(0)
			if err != nil {
				return nil, err
			}
			return t, p.take(")")
		}
		if tok == "{" {
			p.next()
			return literal{}, p.take("}")
		}
	}
	return p.invocation()
}

func (p *parser) knownVariable(name string) error {
	switch name {
	case "%resource", "%rootResource", "%context", "%ucum", "%sct", "%loinc":
		return nil
	}
	if strings.HasPrefix(name, "%ext-") || strings.HasPrefix(name, "%vs-") {
		return nil
	}
	return p.errorf("the variable %s is not known", name)
}

// number reads a number, with the unit that makes it a quantity.
func (p *parser) number() (term, error) {
	tok := p.tok
	p.next()
	unit := ""
	switch {
	case p.kind == str:
		unit = p.tok
	case p.kind == word && calendar[p.tok] != "":
		unit = calendar[p.tok]
	default:
		return literal{[]Item{number(tok)}}, nil
	}
	p.next()
	q := fhir.Obj("value", &fhir.Node{Kind: fhir.Number, Text: tok}, "code", unit)
	return literal{[]Item{{Node: q, Type: "System.Quantity"}}}, nil
}

var calendar = map[string]string{
	"year": "year", "years": "year", "month": "month", "months": "month", "week": "week", "weeks": "week", "day": "day", "days": "day",
	"hour": "hour", "hours": "hour", "minute": "minute", "minutes": "minute", "second": "second", "seconds": "second",
	"millisecond": "millisecond", "milliseconds": "millisecond",
}

func (p *parser) dateLiteral(s string) (term, error) {
	typ := "System.Date"
	switch {
	case strings.HasPrefix(s, "T"):
		typ, s = "System.Time", s[1:]
	case strings.Contains(s, "T"):
		typ, s = "System.DateTime", strings.TrimSuffix(s, "T")
	}
	if _, ok := parseMoment(s); !ok {
		return nil, p.errorf("this is no date or time")
	}
	return literal{[]Item{{Node: &fhir.Node{Kind: fhir.String, Text: s}, Type: typ}}}, nil
}

// invocation reads a name, a function or a variable after a dot or at the start.
func (p *parser) invocation() (term, error) {
	tok, kind := p.tok, p.kind
	switch kind {
	case dollar:
		p.next()
		if tok != "$this" && tok != "$index" && tok != "$total" {
			return nil, p.errorf("the variable %s is not known", tok)
		}
		return variable{tok}, nil
	case quoted:
		p.next()
		if tok == "" {
			return nil, p.errorf("a name was expected")
		}
		return member{tok}, nil
	case word:
		p.next()
		if p.kind == sign && p.tok == "(" {
			return p.call(tok)
		}
		return member{tok}, nil
	case end:
		return nil, p.errorf("the expression ends too early")
	}
	return nil, p.errorf("%q was not expected", tok)
}

func (p *parser) call(name string) (term, error) {
	f, ok := functions[name]
	if !ok {
		return nil, p.errorf("the function %s() is not known here", name)
	}
	p.next() // (
	c := &call{name: name, fn: f}
	if f.takesType {
		typ, err := p.typeName()
		if err != nil {
			return nil, err
		}
		c.typ = typ
		return c, p.take(")")
	}
	for p.kind != sign || p.tok != ")" {
		if len(c.args) > 0 {
			if err := p.take(","); err != nil {
				return nil, err
			}
		}
		a, err := p.expr(0)
		if err != nil {
			return nil, err
		}
		c.args = append(c.args, a)
	}
	if len(c.args) < f.least || len(c.args) > f.most {
		return nil, p.errorf("%s() takes %d to %d arguments", name, f.least, f.most)
	}
	if err := c.compilePattern(); err != nil {
		return nil, p.errorf("%s", err)
	}
	return c, p.take(")")
}

// typeName reads a type with or without its namespace: FHIR.Patient, System.String, Patient.
func (p *parser) typeName() (string, error) {
	if p.kind != word && p.kind != quoted {
		return "", p.errorf("the name of a type was expected")
	}
	name := p.tok
	p.next()
	if (name == "FHIR" || name == "System") && p.kind == sign && p.tok == "." {
		p.next()
		if p.kind != word && p.kind != quoted {
			return "", p.errorf("the name of a type was expected")
		}
		if name += "." + p.tok; strings.HasPrefix(name, "FHIR.") {
			name = p.tok
		}
		p.next()
	}
	return name, nil
}
