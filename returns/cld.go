package returns

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"homeward/care"
	"homeward/codelists"
	"homeward/nhs"
)

// clientLevel makes the rows of Client Level Data (CLD R2).
type clientLevel struct {
	fields []codelists.CLDField
	values map[string][]string // by the list's name: those that are known in whole
	kinds  map[string]codelists.CLDKind
	keys   map[string]int // of the rows: CLD R2's unique event
}

// event is one row by its fields.
type event struct {
	id     care.CaseID
	fields map[string]string
}

// The types of event.
const (
	request    = "Request"
	assessment = "Assessment"
	service    = "Service"
)

// The outcomes that Homeward can tell, CLD R2 event_outcome; toReablement to toSupport
// in the order in which the first that is true counts.
const (
	toReablement = "Progress to reablement/ST-Max"
	toAssessment = "Progress to assessment, review or reassessment"
	toSupport    = "Progress to support planning or services"
	nfaMoved     = "NFA: Responsibility moved to another local authority"
	nfaDied      = "NFA: Deceased"
	nfaNone      = "NFA: No services offered for other reason"
	nfaOther     = "NFA: Other"
)

func newCLD(*Building) (*clientLevel, error) {
	c := &clientLevel{values: map[string][]string{}, kinds: map[string]codelists.CLDKind{}, keys: map[string]int{}}
	var err error
	if c.fields, err = codelists.CLDFields(); err != nil {
		return nil, err
	}
	values, err := codelists.CLDValues()
	if err != nil {
		return nil, err
	}
	for _, v := range values {
		if v.Complete == "yes" {
			c.values[v.List] = append(c.values[v.List], v.Value)
		}
	}
	kinds, err := codelists.CLDKinds()
	for _, k := range kinds {
		c.kinds[k.Kind] = k
	}
	return c, err
}

func (c *clientLevel) add(b *Building, p Person) {
	served := c.services(b, p.Case)
	for _, r := range p.Case.Referrals {
		if r.To == b.Org {
			c.request(b, p.Case, r, served)
		}
	}
	for _, x := range p.Case.Papers {
		c.assessment(b, p.Case, x)
	}
	for _, s := range served {
		if !b.Period.To.Before(s.start) && (s.end.IsZero() || !s.end.Before(b.Period.From)) {
			c.service(b, p.Case, s)
		}
	}
}

// person is what every row of somebody says of them.
func (c *clientLevel) person(b *Building, p care.Case) map[string]string {
	f := map[string]string{
		"LA_Code": string(b.Org), "Reporting_Period_Start_Date": b.Period.From.String(), "Reporting_Period_End_Date": b.Period.To.String(),
		"NHS_Number": p.NHS.Digits(), "LA_Person_Unique_Identifier": councilNumber(p, b.Org), "GP_Practice_Code": p.Person.GP, "Gender": p.Person.Sex,
		"Date_of_Birth": dateText(p.Person.Born), "Client_Type": "Service user", "Postcode": p.Person.Address.Postcode,
	}
	if p.Died != nil {
		f["Date_of_Death"] = b.day(p.Died.At).String()
	}
	return f
}

// councilNumber is the number that a council gave somebody.
func councilNumber(p care.Case, org nhs.ODS) string {
	for _, id := range p.IDs {
		if id.System == "council:"+string(org) {
			return id.Value
		}
	}
	return ""
}

func dateText(d nhs.Date) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

// request is a referral from a hospital, once the council decided about it.
func (c *clientLevel) request(b *Building, p care.Case, r care.Referral, served []given) {
	end, outcome := b.day(r.Accepted), ""
	if end.IsZero() {
		end, outcome = b.day(r.Ended), refused(r)
	} else {
		outcome = progressed(b, p, r, served)
	}
	if !b.in(end) {
		return
	}
	f := c.person(b, p)
	f["Event_Type"], f["Event_Reference"] = request, "REQ-"+string(r.ID)
	f["Event_Start_Date"], f["Event_End_Date"] = b.day(r.Sent).String(), end.String()
	f["Event_Description"], f["Event_Outcome"] = "Referral from hospital", outcome
	f["Request_Route_of_Access"] = "Discharge from Hospital"
	c.row(b, event{p.ID, f})
}

// refused is what became of a referral that was never accepted.
func refused(r care.Referral) string {
	switch r.State {
	case care.RefDied:
		return nfaDied
	case care.RefTransferred:
		return nfaMoved
	case care.RefClosed, care.RefDischarged:
		return nfaNone
	}
	return nfaOther
}

// progressed is what became of a referral that was accepted: the first in the order of
// the national list that is true by now.
func progressed(b *Building, p care.Case, r care.Referral, served []given) string {
	other := false
	for _, s := range served {
		if s.referral == r.ID {
			if s.kind == "R" {
				return toReablement
			}
			other = true
		}
	}
	written := slices.ContainsFunc(p.Papers, func(x care.Paper) bool { return x.Referral == r.ID && assessmentType(b, x) != "" })
	switch {
	case written || slices.Contains([]care.RefState{care.RefAssessing, care.RefPlanning, care.RefSourcing}, r.State):
		return toAssessment
	case other:
		return toSupport
	case r.Open():
		return toAssessment // accepted, and to be assessed
	case r.State == care.RefDied:
		return nfaDied
	case r.State == care.RefTransferred:
		return nfaMoved
	}
	return nfaNone
}

// assessmentType is what an assessment of the council's is in Client Level Data; "" for
// a paper that is none, or another's.
func assessmentType(b *Building, x care.Paper) string {
	if !x.Withdrawn.IsZero() || x.By.Org != b.Org {
		return ""
	}
	switch x.Kind {
	case care.PaperCareAct:
		return "Long term assessment"
	case care.PaperAssessment, care.PaperTrusted:
		return "Short term assessment"
	}
	return ""
}

func (c *clientLevel) assessment(b *Building, p care.Case, x care.Paper) {
	kind := assessmentType(b, x)
	end := b.day(x.At)
	if n := len(x.Approvals); n > 0 {
		end = b.day(x.Approvals[n-1].At)
	}
	if kind == "" || !b.in(end) {
		return
	}
	said := func(q string) string {
		if v := x.Answers[q]; len(v) > 0 {
			return v[0]
		}
		return ""
	}
	f := c.person(b, p)
	f["Event_Type"], f["Event_Reference"] = assessment, "ASM-"+x.ID
	f["Event_Start_Date"], f["Event_End_Date"] = end.String(), end.String()
	if d, err := nhs.ParseDate(said("assessed_on")); err == nil {
		f["Event_Start_Date"] = d.String()
	}
	f["Event_Description"], f["Assessment_Type"] = x.Kind.Say(), kind
	f["Method_of_Assessment"] = map[string]string{"person": "In person", "video": "By video", "phone": "By phone", "self": "Supported self-assessment", "joint": "Together with another assessment"}[said("how")]
	f["Eligible_Needs_Identified"] = map[string]string{"Y": "Yes", "N": "No"}[said("eligible")]
	f["Event_Outcome"] = assessed(b, p, x, said("eligible"), end)
	c.row(b, event{p.ID, f})
}

// assessed is what became of an assessment.
func assessed(b *Building, p care.Case, x care.Paper, eligible string, end nhs.Date) string {
	var kinds []string
	for _, s := range givenBy(b, p) {
		if s.referral == x.Referral && x.Referral != "" && !s.start.Before(end) {
			kinds = append(kinds, s.kind)
		}
	}
	switch {
	case slices.Contains(kinds, "R"):
		return toReablement
	case len(kinds) > 0 || eligible == "Y":
		return toSupport
	case p.Died != nil:
		return nfaDied
	case eligible == "N":
		return nfaNone
	}
	return ""
}

// row checks an event, and adds it. A second of the same key is not added.
func (c *clientLevel) row(b *Building, e event) {
	n := len(b.made.Rows)
	if first, twice := c.keys[key(e)]; twice {
		b.problem(Problem{Row: first, Case: e.id, Field: "Event_Reference", Text: "Two records tell of the same event: only the first is in the return",
			Mend: "Check which one is right, and end the other", Who: "Broker or social worker"})
		return
	}
	c.keys[key(e)] = n
	cells := make([]string, len(c.fields))
	for i, f := range c.fields {
		v := strings.TrimSpace(e.fields[f.Name])
		cells[i] = v
		if f.In(e.fields["Event_Type"]) && !(f.Held == "some" && v == "") {
			b.field(f.Name, v != "", f.Held != "no")
		}
		c.check(b, e, f, v, n)
	}
	b.made.Rows = append(b.made.Rows, Row{Case: e.id, Cells: cells})
}

// key is what makes an event unique: council, person, first day, last day but of
// services, type of client, and what it is. Two records with one NHS number, or else with one
// number of the council, are one person to whoever receives the return. CLD R2.
func key(e event) string {
	f := e.fields
	who, end := cmp.Or(f["NHS_Number"], f["LA_Person_Unique_Identifier"], string(e.id)), f["Event_End_Date"]
	if f["Event_Type"] == service {
		end = ""
	}
	return strings.Join([]string{f["LA_Code"], who, f["Event_Start_Date"], end, f["Client_Type"], f["Event_Type"],
		f["Request_Route_of_Access"], f["Assessment_Type"], f["Service_Type"], f["Service_Component"]}, "\x00")
}

// check says what a field lacks in one row.
func (c *clientLevel) check(b *Building, e event, f codelists.CLDField, v string, row int) {
	p := Problem{Row: row, Case: e.id, Field: f.Name, Mend: f.Mend, Who: f.Who}
	kind, open := e.fields["Event_Type"], e.fields["Event_End_Date"] == ""
	switch known := c.values[strings.ToLower(f.Name)]; {
	case !f.In(kind) || f.Held == "no":
		return
	case v != "" && known != nil && !slices.Contains(known, v):
		p.Text = "The value is not in the list"
	case v != "" && f.Name == "Event_End_Date" && v < e.fields["Event_Start_Date"]:
		p.Text, p.Mend, p.Who = "The last day is before the first", "Correct the days", "Broker or social worker"
	case v != "" || f.Held == "some":
		return
	case f.Name == "NHS_Number" && e.fields["LA_Person_Unique_Identifier"] != "":
		p.Text = "There is no NHS number: the person is told by the council’s number"
	case f.Name == "LA_Person_Unique_Identifier" && e.fields["NHS_Number"] != "":
		p.Text = "The council’s own number is not known"
	case f.Name == "Event_Outcome" && kind == service && open:
		return // CLD R2: a service that goes on has no outcome yet
	case f.Name == "Eligible_Needs_Identified" && e.fields["Assessment_Type"] != "Long term assessment":
		return // only the needs assessment of the Care Act finds it
	case f.Name == "Event_Outcome" && kind == assessment:
		p.Text, p.Mend, p.Who = "What became of the assessment is not known", "Arrange what is needed, or record in your own system what was decided", "Social worker"
	case f.Name == "Planned_units_per_week" && e.fields["Cost_Frequency_Unit_Type"] == "One-off":
		return
	default:
		p.Text = fmt.Sprintf("%s is missing", f.Name)
	}
	b.problem(p)
}

func (c *clientLevel) end(b *Building) {
	at := slices.IndexFunc(c.fields, func(f codelists.CLDField) bool { return f.Name == "Event_Type" })
	n := map[string]int{}
	people := map[care.CaseID]bool{}
	for _, r := range b.made.Rows {
		n[r.Cells[at]]++
		people[r.Case] = true
	}
	for _, kind := range []string{request, assessment, service} {
		b.count(kind+" rows", n[kind])
	}
	b.count("People", len(people))
	b.count("Problems", len(b.made.Problems))
}
