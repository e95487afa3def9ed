package translate

import (
	"fmt"
	"unicode/utf8"

	"homeward/care"
)

// The most characters and items that are believed. A field with more is a fault
// of the sender: it would fill every page that shows it, and to cut it would
// make another name or number of it. HL7 v2.4 gives a whole name or a line of an
// address 250 characters at most, and a number far fewer (3.4.2, 2.9).
const (
	nameMost  = 250 // a part of a name, a line of an address, words
	codeMost  = 100 // a number, a code, a telephone number
	itemsMost = 50  // numbers of a person, contacts
)

// measure holds a message in which something is longer than can be true.
func (r *reading) measure(o care.Observation) {
	a := o.About
	r.most("PID-3", itemsMost, len(a.IDs))
	for _, id := range a.IDs {
		r.short("PID-3", codeMost, id.Value)
	}
	r.short("PID-5", nameMost, a.Family.Value, a.Given.Value, a.Title.Value, a.Preferred.Value)
	r.short("PID-11", nameMost, a.Address.Value.Lines...)
	r.short("PID-11", codeMost, a.Address.Value.Postcode)
	r.short("PID-13", codeMost, a.Phone.Value)
	r.short("PID-15", nameMost, a.Language.Value)
	r.short("PD1-3", nameMost, a.GP.Value, a.GPName.Value)
	r.most("NK1", itemsMost, len(a.Kin.Value))
	for _, k := range a.Kin.Value {
		r.short("NK1-2", nameMost, k.Name)
		r.short("NK1-3", nameMost, k.Relation)
		r.short("NK1-5", codeMost, k.Phone)
	}
	r.short("PV1-19", codeMost, o.Visit)
	r.measureStay(o)
	if o.Joined != nil {
		r.most("MRG-1", itemsMost, len(o.Joined.Retired))
		for _, id := range o.Joined.Retired {
			r.short("MRG-1", codeMost, id.Value)
		}
	}
}

// measureStay is measure of what is told of a stay.
func (r *reading) measureStay(o care.Observation) {
	place := func(l care.Location) {
		r.short("PV1-3", codeMost, l.Ward, l.Bay, l.Bed, l.Site)
		r.short("PV1-3", nameMost, l.Name)
	}
	if s := o.Seen; s != nil {
		place(s.Where.Value)
		r.short("PV1-2", codeMost, s.Class.Value)
		r.short("PV1-4", codeMost, s.Method.Value)
		r.short("PV1-9", nameMost, s.Consultant.Value)
		r.short("PV1-10", nameMost, s.Specialty.Value)
		r.short("PV2-3", nameMost, s.Reason.Value)
	}
	if o.Undone != nil {
		place(o.Undone.Where.Value)
	}
	if o.Left != nil {
		r.short(or(r.p.DischargeMethod, "PV1-36"), codeMost, o.Left.Leaving.Method)
		r.short("PV1-36", codeMost, o.Left.Leaving.Destination)
	}
}

// short holds the message when a text has more characters than most.
func (r *reading) short(field string, most int, texts ...string) {
	for _, s := range texts {
		if len(s) > most && utf8.RuneCountInString(s) > most {
			r.hold(field, fmt.Sprintf("a part of it is longer than %d characters. Ask the sender to correct it", most))
		}
	}
}

// most holds the message when there are more of something than most.
func (r *reading) most(field string, most, n int) {
	if n > most {
		r.hold(field, fmt.Sprintf("it is there more than %d times. Ask the sender to correct it", most))
	}
}
