package care

import (
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"homeward/nhs"
)

// AbuseKinds are the types of abuse and neglect (Care and support guidance
// 14.17).
var AbuseKinds = []Coded{
	{"physical", "Physical abuse"}, {"domestic", "Domestic violence or abuse"}, {"sexual", "Sexual abuse"}, {"psychological", "Psychological or emotional abuse"},
	{"financial", "Financial or material abuse"}, {"slavery", "Modern slavery"}, {"discriminatory", "Discriminatory abuse"},
	{"organisational", "Organisational abuse"}, {"neglect", "Neglect or acts of omission"}, {"self-neglect", "Self-neglect"},
}

// ConcernKnows are the answers to whether the person knows of a concern and agrees.
var ConcernKnows = []Coded{
	{"yes", "Yes, and agrees"}, {"no", "Knows, and does not agree"}, {"lacks", "Cannot decide this now (lacks capacity)"}, {"not-asked", "Not asked: it may not be safe to"},
}

// ConcernReference is the reference of a concern, made of its ID: short enough to read
// over the telephone, without letters that look or sound alike, and not to be guessed
// from another ("C-7F3K-92QD").
func ConcernReference(id string) string {
	const letters = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
	sum := sha256.Sum256([]byte("concern reference\x00" + id))
	var b strings.Builder
	b.WriteByte('C')
	for i := range 8 {
		if i%4 == 0 {
			b.WriteByte('-')
		}
		// 16 bits a letter, so that no letter is much likelier than another
		n := int(sum[2*i])<<8 | int(sum[2*i+1])
		b.WriteByte(letters[n%len(letters)])
	}
	return b.String()
}

// CheckConcern says what is wrong with a concern as it was typed.
func CheckConcern(n Concern) error {
	known := func(list []Coded, code string) bool {
		return slices.ContainsFunc(list, func(c Coded) bool { return c.Code == code })
	}
	switch {
	case n.ID == "" || n.Reference == "":
		return missing("key", "The concern has no key. Open the form again")
	case n.To == "":
		return missing("to", "Choose the council where the person lives")
	case len(n.Kinds) == 0:
		return missing("kinds", "Choose what you are worried about")
	case slices.ContainsFunc(n.Kinds, func(k string) bool { return !known(AbuseKinds, k) }):
		return invalid("kinds", "Choose what you are worried about from the list")
	case !known(ConcernKnows, n.Knows):
		return missing("knows", "Choose whether the person knows")
	}
	return firstError(words("words", n.Words, "what you saw or heard", true, noteLimit), words("contact", n.Contact, "how to reach you", true, shortLimit))
}

// decide raises a concern. Nothing about the record refuses it but that it was joined
// into another: a doubt about who the person is, an objection or a death do not.
func (x RaiseConcern) decide(d deciding) ([]Event, error) {
	n := x.Concern
	if slices.ContainsFunc(d.c.Concerns, func(y Concern) bool { return y.ID == n.ID && n.ID != "" }) {
		return nil, nil
	}
	if err := CheckConcern(n); err != nil {
		return nil, err
	}
	n = NewConcern(n, d.by.Who(), d.now)
	return []Event{ConcernChanged{At: d.now, By: n.By, Concern: n}}, nil
}

// NewConcern is a concern as it is raised.
func NewConcern(n Concern, by Who, now time.Time) Concern {
	n.Of, n.At, n.By, n.State, n.Moved, n.MovedBy, n.Outcome = "", now, by, ConcernRaised, now, Who{}, ""
	n.Kinds, n.Words, n.Contact = slices.Clone(n.Kinds), strings.TrimSpace(n.Words), strings.TrimSpace(n.Contact)
	return n
}

// concernMoves says to which states a council may move a concern. A closed one can be
// opened as an enquiry again, should more become known.
var concernMoves = map[ConcernState][]ConcernState{
	ConcernRaised:   {ConcernReceived, ConcernEnquiry, ConcernClosed},
	ConcernReceived: {ConcernEnquiry, ConcernClosed},
	ConcernEnquiry:  {ConcernClosed},
	ConcernClosed:   {ConcernEnquiry},
}

// Moves are the states to which the council may move a concern now.
func (n Concern) Moves() []ConcernState { return slices.Clone(concernMoves[n.State]) }

// Say is the state in words.
func (s ConcernState) Say() string {
	return map[ConcernState]string{ConcernRaised: "Sent, not yet looked at", ConcernReceived: "Received by the council", ConcernEnquiry: "Enquiry open", ConcernClosed: "Closed"}[s]
}

// Open reports whether a council still has to do something about it.
func (s ConcernState) Open() bool { return s != ConcernClosed }

func (x MoveConcern) decide(d deciding) ([]Event, error) {
	i := slices.IndexFunc(d.c.Concerns, func(y Concern) bool { return y.ID == x.ID && y.To == d.by.Org })
	if i < 0 || d.by.OrgKind != Council {
		return nil, &Error{Kind: NotFound, Text: "There is no such concern"}
	}
	n, err := d.c.Concerns[i].Move(x, d.by.Who(), d.now)
	if err != nil || n.Moved.Equal(d.c.Concerns[i].Moved) && n.State == d.c.Concerns[i].State {
		return nil, err
	}
	return []Event{ConcernChanged{At: d.now, By: n.MovedBy, Concern: n}}, nil
}

// Move is a concern as a council moved it on; the same where it is there already.
func (n Concern) Move(x MoveConcern, by Who, now time.Time) (Concern, error) {
	switch {
	case n.State == x.State && (x.Outcome == "" || strings.TrimSpace(x.Outcome) == n.Outcome):
		return n, nil
	case !slices.Contains(concernMoves[n.State], x.State):
		return n, &Error{Kind: Conflict, Text: "Somebody else has moved this concern on since you opened it"}
	}
	if err := words("outcome", x.Outcome, "what came of it", x.State == ConcernClosed, noteLimit); err != nil {
		return n, err
	}
	n.State, n.Moved, n.MovedBy = x.State, now, by
	if x.State == ConcernClosed {
		n.Outcome = strings.TrimSpace(x.Outcome)
	}
	return n, nil
}

// Enquiry is since when a council has an enquiry open here; zero when it has none.
func (c Case) Enquiry(council nhs.ODS) (since time.Time) {
	for _, n := range c.Concerns {
		if n.To == council && n.State == ConcernEnquiry && (since.IsZero() || n.Moved.Before(since)) {
			since = n.Moved
		}
	}
	return since
}

// Held is what councils hold of a person, with what is known here of enquiries. An
// enquiry that is open here is a yes until the council closes it here, whatever its
// extract says, and also where it holds nothing else. Once it is closed, what the
// extract says stands as it is: a yes is never made a no by anything but the council's
// own next word.
func (c Case) Held() []Holding {
	out := slices.Clone(c.Holdings)
	for _, n := range c.Concerns {
		since := c.Enquiry(n.To)
		if since.IsZero() {
			continue
		}
		i := slices.IndexFunc(out, func(h Holding) bool { return h.Council == n.To && !h.Ended })
		if i < 0 {
			out = append(out, Holding{Of: n.Of, Council: n.To, AsAt: since, Safeguarding: Safeguarding{Answer: AnswerYes, AsAt: since}})
			continue
		}
		if s := &out[i].Safeguarding; s.Answer != AnswerYes {
			*s = Safeguarding{Answer: AnswerYes, AsAt: later(s.AsAt, since)}
		}
		out[i].Unread = unreadBeside(out[i].Unread)
	}
	return out
}

// unreadBeside is what of an extract could not be read, where an enquiry is open here: whether
// one is open is known then all the same.
func unreadBeside(unread []Part) (out []Part) {
	for _, p := range unread {
		switch p {
		case PartSafeguarding:
		case PartPerson:
			out = append(out, PartPackages)
		default:
			out = append(out, p)
		}
	}
	return out
}

// concernThreads are the rows of concerns: one at the council, and one for whoever
// raised it.
func concernThreads(c Case) (out []Thread) {
	for _, n := range c.Concerns {
		out = append(out, Thread{Kind: ConcernThread, ID: n.ID, Org: n.To, State: string(n.State), At: n.At},
			Thread{Kind: ConcernThread, ID: n.ID, Org: n.By.Org, Owner: string(n.By.ID), State: string(n.State), At: n.At})
	}
	return out
}
