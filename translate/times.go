package translate

import (
	"time"

	"homeward/care"
	"homeward/hl7"
	"homeward/nhs"
)

// badTime is the mend of a time that cannot be read.
const badTime = "the time must be of the form YYYYMMDDHHMMSS"

// ahead is how far a sender's clock may be ahead of ours.
const ahead = time.Hour

// times finds when the event happened: EVN-6, else EVN-2, else MSH-7
// (HL7 v2.4 3.4.1). It reports whether the message can go on. A day without a
// time would put the event before everything else of that day, so a finer time
// of the same day is taken instead.
func (r *reading) times(header string, cancels bool) bool {
	said, ok := r.stamp("EVN-2", text(r.get("EVN", 2)))
	if !ok {
		return false
	}
	if said.At.IsZero() {
		if said, ok = r.stamp("MSH-7", header); !ok {
			return false
		}
	} else if sent, err := hl7.ParseTimeNear(header, r.p.Zone, r.received); err == nil {
		said = r.finer(said, sent)
	}
	if said.At.IsZero() {
		said.At = r.received
		r.note("EVN-2 and MSH-7 are empty: the time it was received is used")
	}
	said = r.finer(said, hl7.Time{At: r.received, Precision: hl7.Second})
	happened, ok := r.stamp("EVN-6", text(r.get("EVN", 6)))
	if !ok {
		return false
	}
	happened = r.finer(happened, said)
	if said.At.After(r.received.Add(ahead)) {
		r.note("EVN-2 or MSH-7 is more than an hour ahead of our clock: the time it was received is used")
		said.At = r.received
	}
	r.said = said.At.UTC()
	r.at = r.said
	switch {
	case happened.At.IsZero() || cancels:
	case happened.At.After(r.received.Add(ahead)):
		r.note("EVN-6 is more than an hour ahead of our clock: the time it was recorded is used")
	default:
		r.at = happened.At.UTC()
	}
	return true
}

// finer is t, or other when t is only the day of other.
func (r *reading) finer(t, other hl7.Time) hl7.Time {
	if t.At.IsZero() || !t.IsDate() || other.At.IsZero() || other.IsDate() || !r.sameDay(t.At, other.At) {
		return t
	}
	return other
}

func (r *reading) sameDay(a, b time.Time) bool {
	return nhs.DateOf(a.In(r.p.Zone)) == nhs.DateOf(b.In(r.p.Zone))
}

// stamp reads a time; zero when it is empty. A time that cannot be read holds
// the message, for its order would be a guess.
func (r *reading) stamp(field, s string) (hl7.Time, bool) {
	if s == "" {
		return hl7.Time{}, true
	}
	t, err := hl7.ParseTimeNear(s, r.p.Zone, r.received)
	if err != nil || t.Precision < hl7.Day {
		r.hold(field, badTime)
		return hl7.Time{}, false
	}
	if t.Ambiguous {
		r.note(field + " is in the hour that comes twice in October: the one nearest to when it was received is taken")
	}
	if t.Shifted {
		r.note(field + " is in the hour that is left out in March: an hour later is taken")
	}
	return t, true
}

// optPast reads the time of something that has happened; absent, deleted or
// told. A time ahead of our clock is a plan, and is not used.
func (r *reading) optPast(path string) care.Opt[time.Time] {
	t := r.optInstant(path)
	if t.Value.After(r.received.Add(ahead)) {
		r.note(path + " is ahead of our clock and is not used")
		return care.Opt[time.Time]{}
	}
	return t
}

// optInstant reads a time that may be absent or deleted.
func (r *reading) optInstant(path string) care.Opt[time.Time] {
	f := r.path(path)
	if f.IsNull() {
		return care.Tell(time.Time{})
	}
	t, ok := r.stamp(path, text(f))
	if !ok || t.At.IsZero() {
		return care.Opt[time.Time]{}
	}
	return care.Tell(t.At.UTC())
}

// optDate reads a calendar day as the clock on the sender's wall shows it.
func (r *reading) optDate(path string) care.Opt[nhs.Date] {
	f := r.path(path)
	if f.IsNull() {
		return care.Tell(nhs.Date{})
	}
	s := text(f)
	if s == "" {
		return care.Opt[nhs.Date]{}
	}
	t, err := hl7.ParseTime(s, r.p.Zone)
	if err != nil {
		r.hold(path, "the date must be of the form YYYYMMDD")
		return care.Opt[nhs.Date]{}
	}
	if t.Precision < hl7.Day {
		r.note(path + " gives no day and is not used")
		return care.Opt[nhs.Date]{}
	}
	if t.Zoned && !t.IsDate() {
		t.At = t.At.In(r.p.Zone)
	}
	return care.Tell(nhs.DateOf(t.At))
}
