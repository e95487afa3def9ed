package web

import (
	"strings"
	"time"

	"homeward/care"
	"homeward/hub"
	"homeward/nhs"
	"homeward/web/ui"
)

// banner is the patient banner of a page about one person. Pages that list
// people have none. NHS CUI PAB-0015.
func (s *Server) banner(p care.Person, number nhs.Number, died *care.Death, sensitive bool, now time.Time) ui.Node {
	return s.bannerWith(p, number, "", died, sensitive, now)
}

func (s *Server) bannerWith(p care.Person, number nhs.Number, hospitalNo string, died *care.Death, sensitive bool, now time.Time) ui.Node {
	b := ui.Person{HospitalNo: hospitalNo, Family: p.Family, Given: p.Given, Title: p.Title, Preferred: p.Preferred, Gender: p.Sex, NHS: number, Born: p.Born,
		Sensitive: sensitive, Phone: p.Phone, Address: address(p.Address)}
	if died != nil {
		b.Deceased = true
		if !died.At.IsZero() {
			b.Died = nhs.DateOf(died.At.In(s.Zone))
		}
	}
	if p.Language != "" {
		b.Alerts = append(b.Alerts, "Language: "+p.Language)
	}
	return ui.PatientBanner(b, now)
}

// caseBanner is the banner of a case, with the number that the reader's own
// hospital knows the person by.
func (s *Server) caseBanner(c hub.CaseView, now time.Time) ui.Node {
	return s.bannerWith(c.Person, c.NHS, c.HospitalNo, c.Died, c.Sensitive, now)
}

func address(a care.Address) string {
	lines := a.Lines
	if a.Postcode != "" {
		lines = append(lines[:len(lines):len(lines)], a.Postcode)
	}
	return strings.Join(lines, ", ")
}
