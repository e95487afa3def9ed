package translate

import (
	"fmt"
	"strings"
	"time"

	"homeward/care"
	"homeward/nhs"
)

// clock is how a time is shown to people (NHS CUI date and time display).
const clock = "02-Jan-2006 15:04"

// Describe says in one line what an observation tells of a stay, such as
// "A02: seen in Ward 12, Bed 4 at 22-Nov-2026 09:12". It never says of whom.
// Times are shown in zone.
func Describe(o care.Observation, zone *time.Location) string {
	what := "nothing"
	switch {
	case o.Seen != nil:
		what = describeSeen(*o.Seen, zone)
	case o.Left != nil:
		what = describeLeft(o.Left.Leaving, zone)
	case o.Undone != nil:
		what = describeUndone(*o.Undone)
	case o.Joined != nil:
		what = fmt.Sprintf("numbers given up: %d", len(o.Joined.Retired))
	case o.Planned != nil:
		what = "admission planned"
		if t := o.Planned.For.Value; !t.IsZero() {
			what += " for " + t.In(zone).Format(clock)
		}
	}
	line := o.Event + ": " + what + " at " + o.At.In(zone).Format(clock)
	return strings.Join(strings.Fields(line), " ") // places are the sender's words
}

func describeSeen(s care.Seen, zone *time.Location) string {
	if s.Person {
		return "personal details told"
	}
	what := "told of a stay"
	switch {
	case s == (care.Seen{}):
		what = "nothing told of a stay"
	case s.Opens && s.Where.Told:
		what = "stay begins in " + s.Where.Value.Say()
	case s.Opens:
		what = "stay begins"
	case s.Where.Told:
		what = "seen in " + s.Where.Value.Say()
	}
	parts := []string{what}
	if s.OnLeave.Told {
		parts = append(parts, map[bool]string{true: "on leave", false: "back from leave"}[s.OnLeave.Value])
	}
	if s.Expected.Told {
		parts = append(parts, "predicted discharge "+day(s.Expected.Value))
	}
	if s.Fit.Told {
		parts = append(parts, "medically fit "+or(s.Fit.Value, "taken back"))
	}
	if t := s.ReadyAt; t.Told && !t.Value.IsZero() {
		parts = append(parts, "ready since "+t.Value.In(zone).Format(clock))
	}
	return strings.Join(parts, ", ")
}

func describeLeft(l care.Leaving, zone *time.Location) string {
	what := "left hospital"
	switch {
	case l.Died:
		what = "died in hospital"
	case l.Self:
		what = "discharged themselves"
	}
	return what + " on " + l.At.In(zone).Format(clock) + ", as told"
}

func describeUndone(u care.Undone) string {
	what := map[care.UndoneWhat]string{
		care.UndoneAdmission: "admission", care.UndoneMove: "move", care.UndoneLeaving: "discharge", care.UndonePlan: "planned admission",
		care.UndoneExpected: "predicted discharge", care.UndoneLeave: "leave", care.UndoneReturn: "return from leave",
	}[u.What] + " taken back"
	if u.Where.Value != (care.Location{}) {
		what += ", now in " + u.Where.Value.Say()
	}
	return what
}

func day(d nhs.Date) string {
	if d.IsZero() {
		return "taken back"
	}
	return d.Time().Format("02-Jan-2006")
}
