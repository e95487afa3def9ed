package web

import (
	"strings"
	"time"

	"homeward/care"
	"homeward/hub"
	"homeward/nhs"
	"homeward/web/ui"
)

// lookBanner is the banner of what a look-up found.
func (s *Server) lookBanner(l hub.LookView, now time.Time) ui.Node {
	return s.caseBanner(hub.CaseView{Person: l.Person, NHS: l.NHS, Trace: l.Trace, Died: l.Died, Sensitive: l.Sensitive}, now)
}

// unverified reports whether a system said of an NHS number that it was not
// traced; one that says nothing of it is believed.
func unverified(t care.Trace) bool { return t != "" && !t.Verified() }

// caseBanner is the patient banner of a page about one person, with the number
// that the reader's own hospital knows them by. Pages that list people have
// none. NHS CUI PAB-0015.
func (s *Server) caseBanner(c hub.CaseView, now time.Time) ui.Node {
	p, died := c.Person, c.Died
	b := ui.Person{HospitalNo: c.HospitalNo, Family: p.Family, Given: p.Given, Title: p.Title, Preferred: p.Preferred, Gender: p.Sex, NHS: c.NHS, Unverified: unverified(c.Trace),
		Born: p.Born, Sensitive: c.Sensitive, Phone: p.Phone, Address: address(p.Address)}
	if died != nil {
		b.Deceased = true
		if !died.At.IsZero() {
			b.Died = nhs.DateOf(died.At.In(s.Zone))
		}
	}
	if p.Language != "" {
		b.Alerts = append(b.Alerts, "Language: "+p.Language)
	}
	if c.Elsewhere {
		b.Alerts = append(b.Alerts, "In another hospital")
	}
	return ui.PatientBanner(b, now)
}

func address(a care.Address) string {
	lines := a.Lines
	if a.Postcode != "" {
		lines = append(lines[:len(lines):len(lines)], a.Postcode)
	}
	return strings.Join(lines, ", ")
}
