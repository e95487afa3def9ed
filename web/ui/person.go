package ui

import (
	"strings"
	"time"

	"homeward/nhs"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// A Person is what the patient banner shows. Empty values are shown as
// "Not known".
type Person struct {
	Family, Given, Title, Preferred string
	Gender                          string // what the source holds, in full
	NHS                             nhs.Number
	Unverified                      bool // the number was not traced
	Born                            nhs.Date
	Deceased                        bool
	Died                            nhs.Date // zero when the day is not known
	Sensitive                       bool     // address and phones must not be shown
	Address, Phone, HospitalNo      string
	Alerts                          []string // in words, such as "Interpreter needed: Polish"
}

// PatientBanner stands at the top of every page about one person and on no
// other. Order, labels and the deceased pattern follow NHS CUI PAB-0015 to 0060.
func PatientBanner(p Person, now time.Time) Node {
	return h.Section(cls("app-pb", when(p.Deceased, "app-pb--deceased")), h.Aria("label", "Person details"),
		h.Div(h.Class("nhsuk-width-container-fluid app-pb__in"),
			h.Div(h.Class("app-pb__name"),
				h.P(h.Class("app-pb__n"), g.Text(Name(p.Family, p.Given, p.Title))),
				g.Iff(p.Preferred != "", func() g.Node {
					return h.P(h.Class("app-pb__pref"), g.Text("Preferred name "), h.Strong(g.Text(p.Preferred)))
				})),
			h.Dl(h.Class("app-pb__dl"), p.dates(now), item("Gender", Or(p.Gender, NotKnown)), item("NHS No.", NHSNoAs(p.NHS, p.Unverified))),
			p.more(),
			g.Iff(p.Sensitive, func() g.Node {
				return h.P(h.Class("app-pb__alert"), h.Strong(g.Text("Sensitive record. ")), g.Text("Do not tell anyone where this person is."))
			}),
			g.Map(p.Alerts, func(a string) g.Node { return h.P(h.Class("app-pb__alert"), g.Text(a)) })))
}

// item is a label and a value; the label has no colon. NHS CUI PAB-0016.
func item(label string, value ...g.Node) g.Node {
	return h.Div(h.Class("app-pb__item"), h.Dt(g.Text(label)), h.Dd(g.Group(value)))
}

// dates is the age in brackets for the living, and the days of birth and death
// with "Age at death" without brackets for the dead. NHS CUI PAB-0055 to 0060.
func (p Person) dates(now time.Time) g.Node {
	if p.Deceased {
		age := NotKnown
		if !p.Died.IsZero() {
			age = orNotKnown(Age(p.Born, noon(p.Died)))
		}
		return g.Group{item("Born", g.Text(Day(p.Born))), item("Died", g.Text(Day(p.Died))), item("Age at death", g.Text(age))}
	}
	born := Day(p.Born)
	if a := Age(p.Born, now); a != "" {
		born += " (" + a + ")"
	}
	return item("Born", g.Text(born))
}

// noon is an instant that lies on the day d in every zone of interest.
func noon(d nhs.Date) time.Time { return d.Time().Add(12 * time.Hour) }

func orNotKnown(s string) string {
	if s == "" {
		return NotKnown
	}
	return s
}

// more is the second zone, which opens on request.
func (p Person) more() g.Node {
	address, phone := Or(strings.TrimSpace(p.Address), NotKnown), Or(p.Phone, NotKnown)
	switch {
	case p.Sensitive:
		address, phone = Missing("Not shown: sensitive record"), Missing("Not shown: sensitive record")
	case p.Phone != "":
		phone = Tel(p.Phone)
	}
	return h.Details(h.Class("app-more"), h.Summary(g.Text("Address and contacts")),
		h.Dl(h.Class("app-pb__dl app-pb__dl--2"), item("Usual address", address), item("Phone", phone),
			If(p.HospitalNo != "", func() Node { return item("Hospital No.", Text(p.HospitalNo)) })))
}

// An Event is one entry of a Timeline.
type Event struct {
	Title    string
	At       time.Time // when it happened
	Arrived  time.Time // when Homeward was told, if that was noticeably later; zero otherwise
	Who, Org string
	Source   string // the system that said so
	Audience string // who may see it, such as "Council only"; "" for both sides
	Wrong    bool   // a later entry corrects this one: entries are never edited
	Body     Node
}

// Timeline is what has happened, newest first. The caller sorts.
func Timeline(level int, events ...Event) Node {
	return h.Ol(h.Class("app-timeline"), g.Map(events, func(e Event) g.Node {
		return h.Li(cls("app-timeline__item", when(e.Wrong, "app-timeline__item--wrong")),
			heading(level, h.Class("app-timeline__title"), g.Text(e.Title),
				g.Iff(e.Wrong, func() g.Node { return g.Group{g.Text(" "), Tag(TagGrey, "Corrected later")} }),
				g.Iff(e.Audience != "", func() g.Node { return g.Group{g.Text(" "), Tag(TagPurple, e.Audience)} })),
			h.P(h.Class("app-timeline__by"), TimeAt(e.At), g.Text(e.by()),
				g.Iff(!e.Arrived.IsZero(), func() g.Node {
					return h.Span(h.Class("app-late"), h.Strong(g.Text("Arrived late")), g.Text(", at "+ClockOn(e.Arrived, e.At)))
				})),
			e.Body)
	}))
}

func (e Event) by() string {
	var parts []string
	for _, s := range []string{e.Who, e.Org} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	out := ""
	if len(parts) > 0 {
		out = " · " + strings.Join(parts, ", ")
	}
	if e.Source != "" {
		out += " · from " + e.Source
	}
	return out
}
