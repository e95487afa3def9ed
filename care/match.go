package care

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"homeward/nhs"
)

// Verdict is which case an observation is about.
type Verdict struct {
	Case   CaseID
	New    bool               // the case does not exist yet; Events begins it
	Events []Event            // for Case, before those of Notice
	Other  map[CaseID][]Event // for cases that the observation casts doubt on
	Hold   string             // why it cannot be said whom the message is about; "" when it can
}

// Match says which case an observation is about. byID is the case that knows
// the first of the sender's identifiers, byNHS the one that has (or had) the
// NHS number; either may be nil, and neither is one that was joined into
// another. fresh names the case to begin when there is none.
//
// A hospital's own number decides; an NHS number alone decides only when what
// is told of the person agrees. Cases are never joined here: what does not fit
// is doubted, and a person settles it.
func Match(o Observation, byID, byNHS *Case, fresh CaseID) Verdict {
	a := o.About
	m := &matching{o: o, at: o.At, number: a.NHS}
	if m.at.IsZero() {
		m.at = o.Said
	}
	switch {
	case byID != nil:
		m.known(*byID, byNHS)
	case a.NHS.IsZero() && len(a.IDs) == 0 && a.BadNHS:
		m.v.Hold = "The NHS number is not a valid one, and there is no hospital or council number: nobody is named"
	case a.NHS.IsZero() && len(a.IDs) == 0:
		m.v.Hold = "There is no NHS number and no hospital or council number: nobody is named"
	case byNHS == nil || a.NHS.IsZero():
		m.begin(fresh)
	default:
		m.byNumber(*byNHS, fresh)
	}
	return m.v
}

type matching struct {
	o      Observation
	at     time.Time
	number nhs.Number
	v      Verdict
}

// trusted reports whether the number may decide: traced and agreed, or sent
// without a status by a system that does not state one.
func (m *matching) trusted() bool { return m.o.About.Trace == "" || m.o.About.Trace.Verified() }

// begin starts a case with all that the message identifies the person by.
func (m *matching) begin(fresh CaseID) {
	a := m.o.About
	id := Identified{At: m.at, NHS: m.number, IDs: a.IDs}
	if !m.number.IsZero() {
		id.Trace = a.Trace
	}
	m.v.Case, m.v.New = fresh, true
	m.v.Events = append(m.v.Events, Started{At: m.at, ID: fresh}, id)
}

// mostIDs is how many numbers of hospitals and councils one person is believed
// to have. A record that gathers more is no person: it is a test record, or one
// number that a sender gives to everybody, and it would grow without end.
const mostIDs = 50

// byNumber is a person whom the sender knows by a number of its own that is
// new to us, and whose NHS number is known.
func (m *matching) byNumber(c Case, fresh CaseID) {
	a := m.o.About
	same := sameBorn(c, a) || (c.Person.Born.IsZero() || born(a).IsZero()) && sameFamily(c, a)
	if !m.trusted() {
		same = sameBorn(c, a) && sameFamily(c, a)
	}
	if same && len(c.IDs) >= mostIDs {
		m.v.Hold = "The person with this NHS number is known by very many hospital numbers already: a test record, or a fault of the sender"
		return
	}
	if same {
		m.v.Case = c.ID
		m.learn(c)
		return
	}
	m.number = nhs.Number{}
	m.begin(fresh)
	if m.trusted() { // a number nobody vouches for casts no doubt on anyone
		m.v.Events = append(m.v.Events, m.doubt(DoubtShared, c.ID))
		m.doubtOther(c, DoubtShared, fresh)
	}
}

// known is a person whom the sender has told about before.
func (m *matching) known(c Case, byNHS *Case) {
	m.v.Case = c.ID
	if slices.Contains(c.Denied, m.number) || slices.Contains(c.Formerly, m.number) {
		m.number = nhs.Number{} // settled: not theirs, or not any more
	}
	other := byNHS != nil && byNHS.ID != c.ID && !m.number.IsZero()
	switch {
	case m.number.IsZero() || m.number == c.NHS && !other:
		m.learn(c)
	case !c.NHS.IsZero() && m.number != c.NHS:
		m.changed(c, byNHS, other)
	case !other:
		m.learn(c)
	default:
		m.taken(c, *byNHS)
	}
}

// changed is that the number differs from the one known. Only a traced one
// supersedes it, for a person born the same day, when nobody else has it.
func (m *matching) changed(c Case, byNHS *Case, other bool) {
	if m.o.About.Trace.Verified() && sameBorn(c, m.o.About) && !other {
		m.v.Events = append(m.v.Events, NumberChanged{At: m.at, From: c.NHS, To: m.number, Trace: m.o.About.Trace})
		m.learn(c)
		return
	}
	var of CaseID
	if other {
		of = byNHS.ID
		if m.trusted() {
			m.doubtOther(*byNHS, DoubtShared, c.ID)
		}
	}
	if c.Doubt == nil {
		m.v.Events = append(m.v.Events, m.doubt(DoubtChanged, of))
	}
	m.number = nhs.Number{}
	m.learn(c)
}

// taken is that another case has the number that is told for this one.
func (m *matching) taken(c, other Case) {
	kind := DoubtShared
	if sameBorn(other, m.o.About) && sameFamily(other, m.o.About) {
		kind = DoubtSame
	}
	if kind == DoubtSame || m.trusted() {
		if c.Doubt == nil {
			m.v.Events = append(m.v.Events, m.doubt(kind, other.ID))
		}
		m.doubtOther(other, kind, c.ID)
	}
	m.number = nhs.Number{}
	m.learn(c)
}

// learn adds identifiers that are new, and how far the number was checked.
func (m *matching) learn(c Case) {
	a := m.o.About
	e := Identified{At: m.at}
	for _, id := range a.IDs {
		if !slices.Contains(c.IDs, id) {
			e.IDs = append(e.IDs, id)
		}
	}
	if !m.number.IsZero() && c.NHS.IsZero() {
		e.NHS, e.Trace = m.number, a.Trace
	}
	if m.number == c.NHS && !c.NHS.IsZero() && a.Trace != c.Trace && (c.Trace == "" || a.Trace.Verified()) {
		e.Trace = a.Trace
	}
	if !e.NHS.IsZero() || e.Trace != "" || len(e.IDs) > 0 {
		m.v.Events = append(m.v.Events, e)
	}
}

func (m *matching) doubt(kind DoubtKind, other CaseID) Event {
	return Doubted{At: m.at, Doubt: Doubt{Kind: kind, Since: m.at, Other: other, Said: m.o.About.NHS, Source: m.o.Source.Feed}}
}

// doubtOther freezes another case. One that is frozen already stays as it is:
// the first question is answered first, and saying it again is no news.
func (m *matching) doubtOther(c Case, kind DoubtKind, with CaseID) {
	if c.Doubt == nil {
		m.v.Other = map[CaseID][]Event{c.ID: {m.doubt(kind, with)}}
	}
}

func born(a About) nhs.Date { return a.Born.Or(nhs.Date{}) }

func sameBorn(c Case, a About) bool {
	return !born(a).IsZero() && c.Person.Born == born(a)
}

func sameFamily(c Case, a About) bool {
	f := plainName(a.Family.Or(""))
	return f != "" && plainName(c.Person.Family) == f
}

// plainName is a name as it is compared: without case, accents, hyphens,
// apostrophes or spaces. "O'Brien-Łoś" and "OBRIEN LOS" are the same.
func plainName(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(s) {
		r = unicode.ToLower(r)
		switch {
		case unicode.IsLetter(r) && plainLetters[r] != "":
			b.WriteString(plainLetters[r])
		case unicode.IsLetter(r):
			b.WriteRune(r)
		}
	}
	return b.String()
}

// plainLetters are letters that Unicode does not take apart.
var plainLetters = map[rune]string{'ł': "l", 'ø': "o", 'đ': "d", 'ð': "d", 'þ': "th", 'ß': "ss", 'æ': "ae", 'œ': "oe", 'ı': "i"}
