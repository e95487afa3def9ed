package translate

import (
	"slices"

	"homeward/care"
	"homeward/hl7"
)

func (r *reading) seen() care.Observation { return care.Observation{Seen: r.whole()} }

func (r *reading) opens() care.Observation {
	s := r.whole()
	s.Opens = true
	if !s.Class.Told {
		s.Class = care.Tell("I")
	}
	return care.Observation{Seen: s}
}

// registered is an arrival in A&E, or an outpatient who is nowhere to be found
// in a bed: then only the personal details count.
func (r *reading) registered() care.Observation {
	s := r.whole()
	switch s.Class.Value {
	case "E", "I":
		s.Opens = true
		return care.Observation{Seen: s}
	case "":
		if s.Where.Told {
			s.Opens, s.Class = true, care.Tell("E")
			return care.Observation{Seen: s}
		}
	}
	return care.Observation{Seen: &care.Seen{Person: true}}
}

// person is A28 or A31. Some senders put the stay into A31 as well.
func (r *reading) person() care.Observation {
	if r.m.Get("PV1", 19).IsAbsent() && r.m.Get("PV2", 9).IsAbsent() && r.path(or(r.p.Fit, "ZU1-22")).Presence() == hl7.Absent {
		return care.Observation{Seen: &care.Seen{Person: true}}
	}
	s := r.whole()
	s.Where = care.Opt[care.Location]{}
	return care.Observation{Seen: s}
}

// notPlaced is an event that tells about a stay but not yet of a new place.
func (r *reading) notPlaced() care.Observation {
	s := r.whole()
	s.Where = care.Opt[care.Location]{}
	return care.Observation{Seen: s}
}

func onLeave(out bool) func(*reading) care.Observation {
	return func(r *reading) care.Observation {
		s := r.whole()
		s.Where = care.Opt[care.Location]{}
		s.OnLeave = care.Tell(out)
		return care.Observation{Seen: s}
	}
}

// left reads a discharge. PV1-45 has been seen to carry the expected time, so a
// time ahead of the event itself is not believed.
func (r *reading) left() care.Observation {
	l := care.Leaving{At: r.at, Destination: r.m.Get("PV1", 36).String()}
	if t := r.optInstant("PV1-45"); t.Told && !t.Value.IsZero() {
		if t.Value.After(r.received) {
			r.note("PV1-45 is ahead of our clock: the time of the event is used")
		} else {
			l.At = t.Value
		}
	}
	if r.p.DischargeMethod != "" {
		l.Method = r.path(r.p.DischargeMethod).String()
	}
	l.Died = oneOf(l.Method, r.p.DiedMethods, "4") || oneOf(l.Destination, r.p.DiedDestinations, "79") || r.m.Get("PID", 30).String() == "Y"
	l.Self = !l.Died && oneOf(l.Method, r.p.SelfMethods, "6", "7")
	return care.Observation{Left: &care.Left{Leaving: l}}
}

func undone(what care.UndoneWhat) func(*reading) care.Observation {
	return func(r *reading) care.Observation {
		return care.Observation{Undone: &care.Undone{What: what}}
	}
}

func (r *reading) moveUndone() care.Observation {
	return care.Observation{Undone: &care.Undone{What: care.UndoneMove, Where: r.where(r.m.Get("PV1", 3))}}
}

func (r *reading) planned() care.Observation {
	return care.Observation{Planned: &care.Planned{For: r.optInstant("PV2-8")}}
}

// joined reads the identifiers that are given up (HL7 v2.4 3.4.9, MRG-1).
func (r *reading) joined() care.Observation {
	retired, _, _ := r.identifiers(r.m.Get("MRG", 1))
	if len(retired) == 0 {
		r.hold("MRG-1", "the number that is given up is not there. Ask the sender to fill it")
	}
	return care.Observation{Joined: &care.Joined{Retired: retired}}
}

// linked reads A24, which names two people by two PID segments.
func (r *reading) linked() care.Observation {
	var pids []hl7.Segment
	for s := range r.m.Segments("PID") {
		pids = append(pids, s)
	}
	if len(pids) < 2 {
		r.hold("PID", "a link needs two PID segments")
		return care.Observation{Joined: &care.Joined{}}
	}
	first, _, _ := r.identifiers(pids[0].Field(3))
	second, _, _ := r.identifiers(pids[1].Field(3))
	second = slices.DeleteFunc(second, func(id care.Identifier) bool { return slices.Contains(first, id) })
	return care.Observation{Joined: &care.Joined{Retired: second}}
}
