package extract

import (
	"slices"
	"strings"

	"homeward/nhs"
)

// index holds what must be known of all rows before the first person can be
// told: who is there, and what is joined to them. It is made of small records
// in slices, linked by their places, with repeated words kept once.
type index struct {
	ids       map[string]int32 // the council's person id: its place in people
	people    []person
	numbers   []numbered // who said which NHS number; nil once looked through
	packages  []pack
	equipment []delivery
	addresses []address
	phones    []phone
	words     words

	packageRefs  map[string]int32 // reference: the row that has it first
	equipRefs    map[string]int32
	providers    map[string]int32
	teams        map[string]int32
	lostPackage  bool // a row of packages or equipment is nobody's that can be read
	lostConcerns bool // the same of safeguarding
}

// person is one id of the people table. The links are places plus one; 0 is
// the end.
type person struct {
	row       int32 // the first row with the id
	packages  int32
	equipment int32
	address   int32
	phones    int32
	state     standing
	flags     flags
}

// standing is what became of a person's row.
type standing uint8

const (
	loaded standing = iota
	child           // under 18, or left out by the layout
	held            // in quarantine
	shared          // in quarantine: another person has the same NHS number
)

// flags of a person.
type flags uint8

const (
	concernOpen   flags = 1 << iota // a safeguarding row that is open
	concernUnread                   // a safeguarding row in quarantine
	partial                         // a package or equipment row in quarantine
)

// pack is a package, 52 bytes and its reference. Days are yyyymmdd.
type pack struct {
	ref                                    string
	kind, title, status, provider, funding word
	start, end                             int32
	next                                   int32
}

// delivery is a delivery of equipment.
type delivery struct {
	ref           string
	title, status word
	day           int32
	next          int32
}

// address is the best address so far; text is its lines, postcode and UPRN.
type address struct {
	start int32
	text  string
}

// phone is one number; for a secret one the text is its digits as told.
type phone struct {
	rank uint8
	text string
	next int32
}

// numbered is that the person at a place said a number. The ninth digit and
// those before it fit 32 bits, and the tenth follows from them.
type numbered struct {
	number uint32
	who    int32
}

func newIndex() index {
	return index{ids: map[string]int32{}, packageRefs: map[string]int32{}, equipRefs: map[string]int32{},
		providers: map[string]int32{}, teams: map[string]int32{}, words: words{ids: map[string]word{}}}
}

// firstOf reports whether row n is the first to have ref, and remembers it when
// ref is new.
func firstOf(refs map[string]int32, ref string, n int32) bool {
	was, ok := refs[ref]
	if !ok {
		refs[strings.Clone(ref)] = n
		return true
	}
	return was == n
}

// add makes a person for an id that is not there yet.
func (ix *index) add(id string, n int32) (who int32, isNew bool) {
	if who, ok := ix.ids[id]; ok {
		return who, false
	}
	who = int32(len(ix.people))
	ix.ids[strings.Clone(id)] = who
	ix.people = append(ix.people, person{row: n})
	return who, true
}

// remember keeps who said a number until findShared.
func (ix *index) remember(n nhs.Number, who int32) {
	if n.IsZero() {
		return
	}
	var v uint32
	for _, d := range []byte(n.Digits()[:9]) {
		v = v*10 + uint32(d-'0')
	}
	ix.numbers = append(ix.numbers, numbered{v, who})
}

// findShared puts in quarantine everybody whose NHS number another person also
// has: which of them is right is for the council to say, and to load both
// would show one's care as the other's.
func (ix *index) findShared() {
	slices.SortFunc(ix.numbers, func(a, b numbered) int { return int(int64(a.number) - int64(b.number)) })
	for i := 1; i < len(ix.numbers); i++ {
		a, b := ix.numbers[i-1], ix.numbers[i]
		if a.number == b.number {
			ix.people[a.who].state, ix.people[b.who].state = shared, shared
		}
	}
	ix.numbers = nil
}

// word is a string that is kept once.
type word uint32

// words keeps repeated strings once.
type words struct {
	ids  map[string]word
	list []string
}

func (ws *words) keep(s string) word {
	if id, ok := ws.ids[s]; ok {
		return id
	}
	s = strings.Clone(s)
	id := word(len(ws.list))
	ws.list = append(ws.list, s)
	ws.ids[s] = id
	return id
}

func (ws *words) say(id word) string { return ws.list[id] }

// packDay is a day as yyyymmdd, 0 when not known.
func packDay(d nhs.Date) int32 { return int32(d.Year*10000 + int(d.Month)*100 + d.Day) }

func unpackDay(n int32) nhs.Date {
	d, _ := nhs.NewDate(int(n/10000), int(n/100%100), int(n%100)) // 0 is no date: the zero value
	return d
}
