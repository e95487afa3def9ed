package county

import (
	"slices"
	"time"

	"homeward/care"
)

// records writes the life as one record, or as two where somebody was not recognised.
func (l *life) records() []Person {
	if l.two && len(l.stays) > 1 {
		l.joins()
	}
	slices.SortStableFunc(l.steps, func(a, b step) int { return a.key.Compare(b.key) })
	out := [2]Person{{ID: l.ids[0], Number: l.n}, {ID: l.ids[1], Number: l.n}}
	joined := l.write(&out)
	main, other := &out[0], &out[1]
	main.Answer.Born, other.Answer.Born = l.born, l.born
	for i, s := range l.stays {
		at := main
		if l.two && i == 0 && !joined {
			at = other
		}
		if s.In.IsZero() {
			break // the county ends before it is known
		}
		at.Answer.Stays = append(at.Answer.Stays, s)
		if s.End == Dead {
			at.Answer.Died = s.Out
		}
	}
	if joined {
		other.Answer.JoinedTo = string(main.ID)
	}
	return slices.DeleteFunc([]Person{*other, *main}, func(p Person) bool { return len(p.Events) == 0 })
}

// write gives the steps to their records in order, and says whether the two are joined
// at the end. What is recorded when the county is over is not known.
func (l *life) write(out *[2]Person) (joined bool) {
	var is [2]care.Case
	tell := func(i int, at time.Time, es ...care.Event) {
		for _, e := range es {
			out[i].Events, out[i].Recorded = append(out[i].Events, e), append(out[i].Recorded, at)
		}
		if l.two {
			is[i] = care.Apply(is[i], es...)
		}
	}
	end := l.end
	if k := l.c.Known; !k.IsZero() && k.Before(end) {
		end = k
	}
	var last [2]time.Time
	for _, s := range l.steps {
		at := s.key.Add(s.late)
		if at.Before(last[s.record]) {
			at = last[s.record]
		}
		if s.both != nil && at.Before(last[1-s.record]) {
			at = last[1-s.record]
		}
		last[s.record] = at
		if !at.Before(end) {
			continue
		}
		if s.both == nil {
			tell(s.record, at, s.e)
			if s.fact != nil {
				s.fact()
			}
			continue
		}
		last[1-s.record] = at
		es := s.both(is, at)
		tell(0, at, es[0]...)
		tell(1, at, es[1]...)
		joined = is[1].JoinedTo != ""
	}
	return joined
}

// joins finds that both records are one person's, when both are known and all of the
// first stay is over; and now and then that this was a mistake.
func (l *life) joins() {
	var at, known time.Time
	for _, s := range l.steps {
		if s.record == 1 && s.key.After(at) {
			at = s.key
		}
		if s.record == 0 && (known.IsZero() || s.key.Before(known)) {
			known = s.key
		}
	}
	if at.Before(known) {
		at = known
	}
	at = at.Add(time.Duration(1+l.r.IntN(72)) * time.Hour)
	l.steps = append(l.steps, step{key: at, both: func(is [2]care.Case, at time.Time) (out [2][]care.Event) {
		if is[0].ID != "" {
			out[0], out[1] = care.Join(is[0], is[1], at)
		}
		return out
	}})
	if !l.chance(200) {
		return
	}
	at = at.Add(time.Duration(2+l.r.IntN(20)) * 24 * time.Hour)
	l.steps = append(l.steps, step{key: at, both: func(is [2]care.Case, at time.Time) (out [2][]care.Event) {
		out[0], out[1] = care.Separate(is[0], is[1], care.Who{ID: "steward", Name: "A steward"}, "Two people after all", at)
		return out
	}})
}
