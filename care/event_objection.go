package care

import "time"

// Objection is that a person does not want what is known of them to be shared
// between organisations, as they or somebody for them said it. What it closes,
// and what it does not, is the policy's to say.
type Objection struct {
	At         time.Time   `json:"at"`    // when it was recorded
	Words      string      `json:"words"` // what they object to, and why if they say
	RaisedBy   ObjectedBy  `json:"raisedBy"`
	How        ObjectedHow `json:"how"`
	RecordedBy Who         `json:"recordedBy"`
}

// ObjectedBy is who raised an objection, or took it back.
type ObjectedBy string

// Who may raise an objection for a person.
const (
	ObjectedPerson   ObjectedBy = "person"
	ObjectedAttorney ObjectedBy = "attorney" // an attorney or deputy for health and welfare
	ObjectedOther    ObjectedBy = "other"    // family, carer or advocate, who speaks for them
)

// Say is who it was in words; "" for none of them.
func (b ObjectedBy) Say() string {
	switch b {
	case ObjectedPerson:
		return "The person"
	case ObjectedAttorney:
		return "Their attorney or deputy for health and welfare"
	case ObjectedOther:
		return "Somebody who speaks for them"
	}
	return ""
}

// ObjectedHow is how it was said.
type ObjectedHow string

// The ways in which it is said.
const (
	ObjectedSpoken ObjectedHow = "in-person"
	ObjectedPhone  ObjectedHow = "phone"
	ObjectedLetter ObjectedHow = "writing"
)

// Say is the way in words; "" for none of them.
func (h ObjectedHow) Say() string {
	switch h {
	case ObjectedSpoken:
		return "Face to face"
	case ObjectedPhone:
		return "By telephone"
	case ObjectedLetter:
		return "In writing"
	}
	return ""
}

// same reports whether two are one objection.
func (o *Objection) same(p *Objection) bool {
	return o != nil && p != nil && o.At.Equal(p.At) && o.RecordedBy == p.RecordedBy
}

// Objected is that an objection to sharing was recorded.
type Objected struct {
	Objection Objection `json:"objection"`
}

// When is when it was recorded.
func (e Objected) When() time.Time { return e.Objection.At }

// Say names the event. The words are not on the timeline: others read that.
func (e Objected) Say() string   { return "Objection to sharing recorded" }
func (e Objected) apply(c *Case) { o := e.Objection; c.Objection = &o }

// ObjectionTakenBack is that the person agrees to sharing again.
type ObjectionTakenBack struct {
	At       time.Time   `json:"at"`
	By       Who         `json:"by"`
	RaisedBy ObjectedBy  `json:"raisedBy"`
	How      ObjectedHow `json:"how"`
	Words    string      `json:"words"`
}

func (e ObjectionTakenBack) When() time.Time { return e.At }

// Say names the event.
func (e ObjectionTakenBack) Say() string   { return "Objection to sharing taken back" }
func (e ObjectionTakenBack) apply(c *Case) { c.Objection = nil }

// Object records an objection.
type Object struct {
	RaisedBy ObjectedBy
	How      ObjectedHow
	Words    string
}

// TakeBackObjection records that the person objects no more.
type TakeBackObjection struct {
	RaisedBy ObjectedBy
	How      ObjectedHow
	Words    string
}

func (Object) command()            {}
func (TakeBackObjection) command() {}

// object records an objection. The same said again changes nothing; other words
// replace what stood, which history keeps.
func (d deciding) object(x Object) ([]Event, error) {
	if err := said(x.RaisedBy, x.How, x.Words, "what they object to"); err != nil {
		return nil, err
	}
	if o := d.c.Objection; o != nil && o.Words == x.Words && o.RaisedBy == x.RaisedBy && o.How == x.How {
		return nil, nil
	}
	return []Event{Objected{Objection{At: d.now, Words: x.Words, RaisedBy: x.RaisedBy, How: x.How, RecordedBy: d.by.Who()}}}, nil
}

func (d deciding) takeBackObjection(x TakeBackObjection) ([]Event, error) {
	if d.c.Objection == nil {
		return nil, nil
	}
	if err := said(x.RaisedBy, x.How, x.Words, "what they said"); err != nil {
		return nil, err
	}
	return []Event{ObjectionTakenBack{At: d.now, By: d.by.Who(), RaisedBy: x.RaisedBy, How: x.How, Words: x.Words}}, nil
}

// said checks who said it, how, and in what words.
func said(by ObjectedBy, how ObjectedHow, text, what string) error {
	switch {
	case by.Say() == "":
		return missing("raisedby", "Select who said this")
	case how.Say() == "":
		return missing("how", "Select how they said it")
	}
	return words("words", text, what, true, shortLimit)
}
