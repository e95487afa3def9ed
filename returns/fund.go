package returns

import (
	"strconv"
	"strings"

	"homeward/care"
	"homeward/measure"
	"homeward/nhs"
)

// fund counts for the Better Care Fund.
type fund struct {
	hist             measure.Hist
	emergency, homes int
}

func (f *fund) add(b *Building, p Person) {
	for _, x := range p.Points {
		mine := x.Hospital == b.Org || b.Kind == care.Council && x.Council == b.Org
		if x.Source == measure.Stays.ID && !x.Open() && mine && b.in(b.day(x.To)) {
			f.hist.Add(x, x.Value, 1)
			b.field("Discharge-ready date of who left", x.Assumed != "blank", true)
			if x.Out == "" && x.Assumed == "blank" {
				b.problem(Problem{Row: -1, Case: p.Case.ID, Field: "Discharge-ready date", Text: "No discharge-ready date is recorded: counted as leaving on the day",
					Mend: "Record it in the hospital’s system", Who: "Ward or coordinator"})
			}
		}
	}
	old := func(on nhs.Date) bool { return !p.Case.Person.Born.IsZero() && p.Case.Person.Born.AgeOn(on) >= 65 }
	if b.Kind == care.Trust {
		for _, s := range stays(p.Case) {
			on := b.day(s.Admitted)
			if s.Org == b.Org && b.in(on) && old(on) {
				b.field("Admission method, 65 and over", s.Method != "", true)
				if strings.HasPrefix(s.Method, "2") { // UK Core AdmissionMethodEngland: 21 to 2D are emergencies
					f.emergency++
				}
			}
		}
		return
	}
	for _, s := range givenBy(b, p.Case) {
		if (s.kind == "LTNC" || s.kind == "LTRC") && s.begins(b) && old(s.start) {
			f.homes++
			return // somebody moves once
		}
	}
}

func (f *fund) end(b *Building) {
	n := f.hist.N()
	sum, zero := f.hist.Sum(), f.hist.Values[0]
	row := func(metric, group, value string, of int64) {
		b.made.Rows = append(b.made.Rows, Row{Cells: []string{b.Period.Name, string(b.Org), metric, group, value, strconv.FormatInt(of, 10)}})
	}
	const delay = "Average length of discharge delay"
	figure := func(group string, over, of int64, unit measure.Unit) {
		v, text := 0.0, ""
		if of > 0 {
			v = float64(over) / float64(of)
			text = strconv.FormatFloat(v, 'f', 4, 64)
		}
		row(delay, group, text, of)
		b.made.Metrics = append(b.made.Metrics, Metric{Name: group, Value: v, Known: of > 0, Unit: unit})
	}
	figure("Share discharged on the discharge-ready date", zero, n, measure.Share)
	figure("Average days of those discharged later", sum, n-zero, measure.Days)
	figure("Average days of all", sum, n, measure.Days)
	b.count("Discharges that count", int(n))
	if b.Kind == care.Trust {
		row("Emergency admissions, 65 and over", "Number", strconv.Itoa(f.emergency), int64(f.emergency))
		b.count("Emergency admissions, 65 and over", f.emergency)
		return
	}
	row("Admissions to long-term care homes, 65 and over", "Number", strconv.Itoa(f.homes), int64(f.homes))
	b.count("Admissions to long-term care homes, 65 and over", f.homes)
}
