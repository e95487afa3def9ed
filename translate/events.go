package translate

import (
	"slices"
	"strings"

	"homeward/care"
	"homeward/hl7"
)

func told(s *care.Seen) []care.Observation { return []care.Observation{{Seen: s}} }

func (r *reading) seen() []care.Observation { return told(r.whole()) }

// opens is an admission. Its class may be E, for some systems admit to A&E by
// A01; a class without a bed opens nothing, for A01 is also an outpatient's
// visit (HL7 v2.4 3.3.1).
func (r *reading) opens() []care.Observation {
	if bedless(r.class()) {
		return told(r.whole())
	}
	return r.opensAs(care.Opt[string]{})
}

// becomesInpatient is A06: the person is admitted, whatever PV1-2 still says
// (HL7 v2.4 3.3.6).
func (r *reading) becomesInpatient() []care.Observation { return r.opensAs(care.Tell("I")) }

// opensAs begins a stay of a class; if none is told, of that in PV1-2, else I.
func (r *reading) opensAs(class care.Opt[string]) []care.Observation {
	if !class.Told {
		class = optText(r.get("PV1", 2))
	}
	s := r.wholeAs(class)
	s.Opens, s.Person = true, false
	if s.Class.Value == "" {
		s.Class = care.Tell(strings.ToUpper(or(class.Value, "I")))
	}
	if s.Class.Value == "N" {
		s.Class = care.Tell("I")
	}
	return told(s)
}

// registered is an arrival in A&E, or an outpatient who is nowhere to be found
// in a bed: then only the personal details count.
func (r *reading) registered() []care.Observation {
	switch r.class() {
	case "E", "I":
		return r.opensAs(care.Opt[string]{})
	case "":
		if r.where(r.get("PV1", 3)).Value != (care.Location{}) {
			return r.opensAs(care.Tell("E"))
		}
	}
	return told(&care.Seen{Person: true})
}

// person is A28 or A31. Some senders put the stay into A31 as well.
func (r *reading) person() []care.Observation {
	absent := func(path string) bool { return r.path(path).Presence() == hl7.Absent }
	if absent("PV1-19") && absent(or(r.p.Expected, "PV2-9")) && absent(or(r.p.Fit, "ZU1-22")) && absent(or(r.p.Ready, "ZU1-24")) {
		return told(&care.Seen{Person: true})
	}
	return r.notPlaced()
}

// notPlaced is an event that tells about a stay but not yet of a new place.
func (r *reading) notPlaced() []care.Observation {
	s := r.whole()
	s.Where = care.Opt[care.Location]{}
	return told(s)
}

// onLeave begins or ends leave of absence. The ward keeps the bed, so only the
// return may tell of another place.
func onLeave(out bool) func(*reading) []care.Observation {
	return func(r *reading) []care.Observation {
		s := r.whole()
		s.Person, s.OnLeave = false, care.Tell(out)
		if out {
			s.Where = care.Opt[care.Location]{}
		}
		return told(s)
	}
}

// left is a discharge. It is the last chance to tell since when the person was
// ready to go, and many senders tell only then. The indicator beside it is not
// read: whoever has gone need not be fit, and N would undo the date.
func (r *reading) left() []care.Observation {
	end := care.Observation{Left: &care.Left{Leaving: r.leaving()}}
	ready, day := r.ready()
	if ready.Value.IsZero() {
		return []care.Observation{end}
	}
	return []care.Observation{{Seen: &care.Seen{ReadyAt: ready, ReadyDay: day}}, end}
}

func undone(what care.UndoneWhat) func(*reading) []care.Observation {
	return func(r *reading) []care.Observation {
		return []care.Observation{{Undone: &care.Undone{What: what}}}
	}
}

// moveUndone is A12: PV1-3 is where the person is after all (HL7 v2.4 3.3.12).
func (r *reading) moveUndone() []care.Observation {
	return []care.Observation{{Undone: &care.Undone{What: care.UndoneMove, Where: r.where(r.get("PV1", 3))}}}
}

// leavingUndone is A13: PV1-3 is where the person is now, which need not be
// where they were before they left (HL7 v2.4 3.3.13).
func (r *reading) leavingUndone() []care.Observation {
	out := []care.Observation{{Undone: &care.Undone{What: care.UndoneLeaving}}}
	if s := r.whole(); s.Where.Value != (care.Location{}) {
		out = append(out, care.Observation{Seen: s})
	}
	return out
}

func (r *reading) planned() []care.Observation {
	return []care.Observation{{Planned: &care.Planned{For: r.plannedFor()}}}
}

// joined reads the identifiers that are given up (HL7 v2.4 3.4.9, MRG-1).
func (r *reading) joined() []care.Observation {
	given := r.givenUp()
	if len(given) == 0 {
		r.hold("MRG-1", "no hospital number that differs from PID-3 is given up there. Ask the sender to fill it")
	}
	return []care.Observation{{Joined: &care.Joined{Retired: given}}}
}

// renumbered is A46 or A47: one person gets other numbers. When only the NHS
// number is corrected, PID-3 tells it, and nobody is to be joined.
func (r *reading) renumbered() []care.Observation {
	if given := r.givenUp(); len(given) > 0 {
		return []care.Observation{{Joined: &care.Joined{Retired: given}}}
	}
	if r.get("MRG", 1).IsAbsent() {
		r.hold("MRG-1", "the number that is given up is not there. Ask the sender to fill it")
	}
	return told(&care.Seen{Person: true})
}

// visitsJoined is A42. The visit of PV1-19 stays; if the person's numbers stay
// as well, the message only tells of that visit (HL7 v2.4 3.3.42).
func (r *reading) visitsJoined() []care.Observation {
	if given := r.givenUp(); len(given) > 0 {
		return []care.Observation{{Joined: &care.Joined{Retired: given}}}
	}
	r.note("MRG-5: the visit that is given up is not joined: the stay goes on under the visit of PV1-19")
	return told(r.whole())
}

// givenUp are the hospital numbers of MRG-1 that are not the person's own in
// PID-3: senders repeat the whole list there.
func (r *reading) givenUp() []care.Identifier {
	var out []care.Identifier
	kept := r.identifiers(r.get("PID", 3)).ids
	for _, s := range r.segs {
		if named(s, "MRG") {
			out = append(out, r.identifiers(s.Field(1)).ids...)
		}
	}
	return without(out, kept)
}

func without(ids, kept []care.Identifier) []care.Identifier {
	return slices.DeleteFunc(ids, func(id care.Identifier) bool { return slices.Contains(kept, id) })
}

// linked reads A24, which names one person by two PID segments (HL7 v2.4
// 3.3.24). The first is the person that the rest is about.
func (r *reading) linked() []care.Observation {
	var found []identifiers
	for _, s := range r.segs {
		if named(s, "PID") {
			found = append(found, r.identifiers(s.Field(3)))
		}
	}
	if len(found) != 2 || len(found[1].ids) == 0 {
		r.hold("PID", "a link needs two PID segments, each with a hospital number. Ask the sender to fill them")
		return []care.Observation{{Joined: &care.Joined{}}}
	}
	return []care.Observation{{Joined: &care.Joined{Retired: without(found[1].ids, found[0].ids)}}}
}

// class is the patient class of PV1-2, in capitals.
func (r *reading) class() string { return strings.ToUpper(text(r.get("PV1", 2))) }
