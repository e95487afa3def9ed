package care

import "log/slog"

// What holds personal data masks itself in logs: only opaque ids, names of
// feeds and counts are shown. A value of these types inside a value of another
// type is not masked; log ids.

// LogValue is the id and version.
func (c Case) LogValue() slog.Value {
	return slog.GroupValue(slog.String("case", string(c.ID)), slog.Int("version", c.Version))
}

// LogValue says only that there is a person.
func (p Person) LogValue() slog.Value { return slog.StringValue("(a person)") }

// LogValue says only how many identifiers there are.
func (a About) LogValue() slog.Value {
	return slog.GroupValue(slog.Bool("nhs", !a.NHS.IsZero()), slog.Int("ids", len(a.IDs)))
}

// LogValue is the feed, the event and the time.
func (o Observation) LogValue() slog.Value {
	return slog.GroupValue(slog.String("feed", o.Source.Feed), slog.String("event", o.Event), slog.Time("at", o.At))
}

// LogValue is the id of the case.
func (r Row) LogValue() slog.Value { return slog.GroupValue(slog.String("case", string(r.Case))) }

// LogValue is the id and state.
func (r Referral) LogValue() slog.Value {
	return slog.GroupValue(slog.String("referral", string(r.ID)), slog.String("state", string(r.State)))
}

// LogValue is the id.
func (n Note) LogValue() slog.Value { return slog.GroupValue(slog.String("note", n.ID)) }

// LogValue is the id.
func (k Call) LogValue() slog.Value { return slog.GroupValue(slog.String("call", k.ID)) }

// LogValue is the id and the kind.
func (p Paper) LogValue() slog.Value {
	return slog.GroupValue(slog.String("paper", p.ID), slog.String("kind", string(p.Kind)))
}

// LogValue says only that there is an answer.
func (Said) LogValue() slog.Value { return slog.StringValue("(an answer)") }

// LogValue says only that there is one.
func (o Objection) LogValue() slog.Value { return slog.StringValue("(an objection)") }

// LogValue says only that there is an address.
func (a Address) LogValue() slog.Value { return slog.StringValue("(an address)") }

// LogValue says only whose number it is.
func (i Identifier) LogValue() slog.Value { return slog.StringValue(i.System) }

// LogValue is the case, the place in its history and the event's name.
func (e Entry) LogValue() slog.Value {
	return slog.GroupValue(slog.String("case", string(e.Case)), slog.Int("n", e.N), slog.String("event", NameOf(e.Event)))
}

// LogValue is the case, and how many events there are.
func (v Verdict) LogValue() slog.Value {
	return slog.GroupValue(slog.String("case", string(v.Case)), slog.Bool("new", v.New), slog.Int("events", len(v.Events)))
}
