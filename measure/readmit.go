package measure

import "homeward/care"

// Readmissions are the stays in hospital that ended, from the first admission to the last
// leaving where somebody was moved between hospitals, each with the days until the next
// admission if that was an emergency within 30 days, and -1 where there was none. It is
// about the discharge that an emergency admission came next after, as published.
// CCG OIS 3.2.
var Readmissions = &Source{ID: "readmission", Words: "a continuous stay in hospital that ended", Cuts: usual, Of: readmissionPoints}

// notReadmitted is the value of those who did not come back as an emergency.
const notReadmitted = -1

// readmitDays are within how many days an emergency admission counts, the day of leaving
// being the first.
const readmitDays = 30

func readmissionPoints(t *Trail) []Point {
	var out []Point
	spells := t.continuous()
	for i, s := range spells {
		last := s[len(s)-1]
		p := Point{Subject: s[0].Subject, Group: last.Group, From: s[0].Admitted}
		switch {
		case last.Left != nil:
			p.To, p.Value = last.Left.At, notReadmitted
			p.Out = readmitOut(t, s)
			if i+1 < len(spells) {
				p.Value, p.Assumed = t.again(last, spells[i+1])
			}
		case !last.Gone.IsZero():
			p.To, p.Out = last.Gone, "joined"
		}
		out = append(out, p)
	}
	return out
}

// continuous puts the stays in a bed together that are one stay in hospital: one goes on
// in the next where the person was moved to it within 2 days (CCG OIS 3.2, continuous
// inpatient spell).
func (t *Trail) continuous() (spells [][]StayOf) {
	for _, s := range t.Stays() {
		if !s.Inpatient() || s.Admitted.IsZero() {
			continue
		}
		if n := len(spells) - 1; n >= 0 && t.goesOn(spells[n][len(spells[n])-1], s) {
			spells[n] = append(spells[n], s)
			continue
		}
		spells = append(spells, []StayOf{s})
	}
	return spells
}

// goesOn reports whether a stay goes on in the next one.
func (t *Trail) goesOn(s, next StayOf) bool {
	switch {
	case s.Left == nil || s.Left.Death():
		return false
	case s.Left.Moved:
		return true
	}
	within := t.Day(s.Left.At).DaysTo(t.Day(next.Admitted)) <= 2
	return within && (s.Left.ToHospital() || care.TransferAdmission(next.Method))
}

// again is in how many days of leaving somebody came back as an emergency, and what was
// assumed to say so.
func (t *Trail) again(left StayOf, next []StayOf) (days int64, assumed string) {
	days = int64(t.Day(left.Left.At).DaysTo(t.Day(next[0].Admitted)))
	method := next[0].Method
	switch {
	case days < 0 || days >= readmitDays:
		return notReadmitted, ""
	case method == "" || method == "98" || method == "99":
		return notReadmitted, "no-method"
	case !care.EmergencyAdmission(method) || specialtyOut(next) != "":
		return notReadmitted, ""
	}
	return days, ""
}

// readmitOut is why a stay is not among those of which it is asked who came back.
func readmitOut(t *Trail, s []StayOf) string {
	first, last := s[0], s[len(s)-1]
	switch {
	case last.Left.Death():
		return "died"
	case last.Left.ToHospital():
		return "transferred"
	case planned[first.Method] && t.Day(first.Admitted) == t.Day(last.Left.At):
		return "day-case"
	}
	return specialtyOut(s)
}

// specialtyOut is why the specialty, or the way of admission, of any part of a stay leaves
// it out; what is not known leaves nothing out.
func specialtyOut(s []StayOf) string {
	for _, x := range s {
		if why := apartSpecialties[x.Specialty]; why != "" {
			return why
		}
		if maternity[x.Method] {
			return "obstetrics"
		}
	}
	return ""
}

// UK Core AdmissionMethodEngland: planned, and maternity.
var (
	planned   = set("11", "12", "13")
	maternity = set("31", "32")
)

func set(codes ...string) map[string]bool {
	out := map[string]bool{}
	for _, c := range codes {
		out[c] = true
	}
	return out
}

// apartSpecialties are the specialties that are left out of readmissions, by code (NHS
// Data Dictionary, MAIN SPECIALTY CODE and ACTIVITY TREATMENT FUNCTION CODE). The
// published measure knows diagnoses too; a feed tells only this.
var apartSpecialties = map[string]string{
	"260": "cancer", "370": "cancer", "503": "cancer", "800": "cancer",
	"501": "obstetrics", "505": "obstetrics", "560": "obstetrics",
}

const (
	readmitCite   = "CCG OIS 3.2"
	readmitStart  = "the day of leaving hospital, after any move to another hospital"
	readmitMethod = " It is a crude rate: it is not standardised by age, sex or diagnosis as the published one is, it knows only the hospitals that tell us, and cancer and obstetrics only by specialty. Whether somebody comes back to another of these hospitals counts the same. Where the way of the next admission is not known it is not counted as an emergency."
)

var readmitExcludes = []string{"died", "transferred", "day-case", "cancer", "obstetrics", "joined"}

// readmissions are measures of who comes back.
var readmissions = []Measure{
	{ID: "readmission-30", Title: "Emergency readmission within 30 days (crude)", Sentence: "Of those who left hospital, the share whose next admission was an emergency within 30 days.",
		Unit: Share, Start: readmitStart, Stop: "the next admission, on days 0 to 29", Method: "Those who came back as an emergency on the day of leaving or one of the 29 days after it, divided by all who left." + readmitMethod,
		Source: Readmissions, Stat: shareOf(0, readmitDays-1), By: byPlace, Leaves: readmitExcludes, Cite: readmitCite, Better: Lower, Matures: readmitDays, Table: readmitBands},
	{ID: "readmission-28", Title: "Emergency readmission within 28 days (crude, the older definition)", Sentence: "Of those who left hospital, the share whose next admission was an emergency within 28 days. Local agreements still ask for it; the published one counts 30.",
		Unit: Share, Start: readmitStart, Stop: "the next admission, on days 0 to 27", Method: "Those who came back as an emergency on the day of leaving or one of the 27 days after it, divided by all who left." + readmitMethod,
		Source: Readmissions, Stat: shareOf(0, 27), By: byPlace, Leaves: readmitExcludes, Cite: "ours", Better: Lower, Matures: 28, Local: true, Table: readmitBands},
}

func readmitBands(h *Hist) []Slice {
	return bands(h, []Slice{{Words: "Not within 30 days", From: notReadmitted}, {Words: "On the day", From: 0}, {Words: "1 to 6 days", From: 1}, {Words: "7 to 13 days", From: 7}, {Words: "14 to 27 days", From: 14}, {Words: "28 or 29 days", From: 28}})
}
