package record

import (
	"html"
	"strings"
	"time"
)

// HTML writes the record as a page that stands alone: it needs no other file, and
// runs nothing. Times are given in the zone; nil is UTC.
func (r Record) HTML(zone *time.Location) []byte {
	if zone == nil {
		zone = time.UTC
	}
	p := page{zone: zone}
	title := "News from " + r.From.Name
	if r.From.Name == "" {
		title = "News from " + string(r.From.ODS)
	}
	p.raw("<!DOCTYPE html>\n<html lang=\"en-GB\">\n<head><meta charset=\"utf-8\"><title>")
	p.text(title)
	p.raw("</title><meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"><style>" + style + "</style></head>\n<body><main><h1>")
	p.text(title + ": " + r.What)
	p.raw("</h1>\n")
	p.about(r)
	p.person(r.Person)
	p.stay(r.Stay)
	p.answers("The referral", r.Answers)
	if d := r.Paper; d != nil {
		p.answers(d.Title+", "+p.time(&d.At), d.Answers)
	}
	if n := r.Note; n != nil {
		p.begin("Note")
		p.line("Written", p.time(&n.At))
		p.line("By", n.By)
		p.line("Note", n.Text)
		p.end()
	}
	p.raw("</main></body>\n</html>\n")
	return []byte(p.b.String())
}

const style = `body{font:16px/1.4 Arial,sans-serif;color:#212b32;margin:2em;max-width:50em}h1{font-size:1.5em}h2{font-size:1.2em;margin:1.5em 0 .3em}` +
	`table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.3em .8em .3em 0;border-bottom:1px solid #d8dde0}` +
	`th{width:35%}td{white-space:pre-line;overflow-wrap:anywhere}@media print{body{margin:0;font-size:12px}tr{break-inside:avoid}}`

type page struct {
	b    strings.Builder
	zone *time.Location
}

func (p *page) raw(s string)  { p.b.WriteString(s) }
func (p *page) text(s string) { p.b.WriteString(html.EscapeString(s)) }

func (p *page) begin(title string) {
	p.raw("<h2>")
	p.text(title)
	p.raw("</h2>\n<table><tbody>\n")
}

func (p *page) end() { p.raw("</tbody></table>\n") }

// line is one line of a table; nothing when there is nothing to say.
func (p *page) line(name, value string) {
	if value == "" {
		return
	}
	p.raw(`<tr><th scope="row">`)
	p.text(name)
	p.raw("</th><td>")
	p.text(value)
	p.raw("</td></tr>\n")
}

// time is a time as people read it: 24-Nov-2026 10:42 (NHS CUI).
func (p *page) time(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.In(p.zone).Format("02-Jan-2006 15:04")
}

func (p *page) about(r Record) {
	p.begin("About this")
	p.line("When", p.time(&r.Timestamp))
	p.line("From", named(r.From))
	p.line("Telephone", r.From.Phone)
	p.line("To", named(r.To))
	if f := r.Referral; f != nil {
		p.line("Referral", string(f.ID))
		p.line("State", f.Words)
		p.line("Pathway", f.Pathway)
		p.line("Sent", p.time(f.Sent))
		p.line("Worker", f.Worker)
		p.line("What is next", f.Next)
		p.line("Reason", f.Reason)
	}
	p.line("Message", r.Key)
	p.line("Read it in Homeward", r.Link)
	p.end()
}

func named(o Organisation) string {
	if o.Name == "" {
		return string(o.ODS)
	}
	return o.Name + " (" + string(o.ODS) + ")"
}

func (p *page) person(x *Person) {
	if x == nil {
		return
	}
	p.begin("The person")
	p.line("Name", strings.TrimSpace(strings.ToUpper(x.Family)+", "+x.Given+parens(x.Title)))
	p.line("NHS number", spaced(x.NHSNumber))
	p.line("Hospital numbers", strings.Join(x.Hospital, "\n"))
	p.line("Date of birth", day(x.Born))
	p.line("Sex", x.Sex)
	p.line("Address", strings.Join(append(append([]string{}, x.Address...), x.Postcode), "\n"))
	p.line("Telephone", x.Phone)
	p.line("GP practice", x.Practice)
	p.line("Died", day(x.Died))
	p.end()
}

func parens(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

// spaced is an NHS number 3-3-4. NHS CUI
func spaced(s string) string {
	if len(s) != 10 {
		return s
	}
	return s[:3] + " " + s[3:6] + " " + s[6:]
}

// day is a date as people read it, 11-Feb-1938 (NHS CUI); what is none stands.
func day(s string) string {
	if t, err := time.Parse(time.DateOnly, s[:min(len(s), 10)]); err == nil {
		return t.Format("02-Jan-2006")
	}
	return s
}

func (p *page) stay(s *Stay) {
	if s == nil {
		return
	}
	p.begin("In hospital")
	p.line("Site", s.Site)
	p.line("Ward", s.Ward)
	p.line("Bed", s.Bed)
	p.line("Admitted", p.time(s.Admitted))
	p.line("Consultant", s.Consultant)
	p.line("Medically ready to leave", s.Ready)
	p.line("Ready since", p.time(s.ReadySince))
	p.line("Predicted date of discharge", day(s.Expected))
	p.line("Left", p.time(s.Left))
	p.end()
}

func (p *page) answers(title string, list []Answer) {
	if len(list) == 0 {
		return
	}
	p.begin(title)
	for _, a := range list {
		answer := a.Answer
		if answer == "" {
			answer = "Not recorded"
		}
		p.line(a.Question, answer)
	}
	p.end()
}
