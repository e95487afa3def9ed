// Package record writes a piece of news for those who read no standard: as a
// plain JSON object, as a row for a spreadsheet, as a page for people. It writes
// only what the reader may see, and who the person is only where that was
// configured. It sends nothing, and knows no file and no address.
package record

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/connect"
	"homeward/mapping"
	"homeward/nhs"
)

// Record is a piece of news. What is not known, or may not be shown, is left out.
type Record struct {
	Type        string       `json:"type"` // homeward.refer, homeward.status ...
	Key         string       `json:"key"`
	Correlation string       `json:"correlation"`
	Timestamp   time.Time    `json:"timestamp"`
	What        string       `json:"what"`
	From        Organisation `json:"from"`
	To          Organisation `json:"to"`
	Referral    *Referral    `json:"referral,omitempty"`
	Link        string       `json:"link,omitempty"` // to the case; it needs a sign-in

	Person  *Person   `json:"person,omitempty"`
	Stay    *Stay     `json:"stay,omitempty"`
	Answers []Answer  `json:"answers,omitempty"` // of the referral's form
	Paper   *Document `json:"document,omitempty"`
	Note    *Note     `json:"note,omitempty"`
}

// Organisation is one by its ODS code.
type Organisation struct {
	ODS   nhs.ODS `json:"ods"`
	Name  string  `json:"name,omitempty"`
	Phone string  `json:"phone,omitempty"`
}

// Referral is how a referral stands. It names nobody but, with Worker, a member of
// staff.
type Referral struct {
	ID        care.ReferralID `json:"id"`
	State     care.RefState   `json:"state"`
	Words     string          `json:"words"` // the state in words
	Pathway   string          `json:"pathway,omitempty"`
	Sent      *time.Time      `json:"sent,omitempty"`
	Received  *time.Time      `json:"received,omitempty"`
	Accepted  *time.Time      `json:"accepted,omitempty"`
	Allocated *time.Time      `json:"allocated,omitempty"`
	Ended     *time.Time      `json:"ended,omitempty"`
	Reference string          `json:"reference,omitempty"`
	Next      string          `json:"next,omitempty"`
	Worker    string          `json:"worker,omitempty"` // personal
	Reason    string          `json:"reason,omitempty"` // SHD-CancellationReason; personal
}

// Person is who it is about.
type Person struct {
	NHSNumber string   `json:"nhsNumber,omitempty"`
	Hospital  []string `json:"hospitalNumbers,omitempty"`
	Family    string   `json:"family,omitempty"`
	Given     string   `json:"given,omitempty"`
	Title     string   `json:"title,omitempty"`
	Born      string   `json:"born,omitempty"` // 1938-02-11
	Sex       string   `json:"sex,omitempty"`
	Address   []string `json:"address,omitempty"`
	Postcode  string   `json:"postcode,omitempty"`
	UPRN      string   `json:"uprn,omitempty"`
	Phone     string   `json:"phone,omitempty"`
	Practice  string   `json:"practice,omitempty"`
	Died      string   `json:"died,omitempty"`
}

// Stay is the present or the last hospital stay.
type Stay struct {
	Visit      string     `json:"visit,omitempty"`
	Site       string     `json:"site,omitempty"`
	Ward       string     `json:"ward,omitempty"`
	Bed        string     `json:"bed,omitempty"`
	Admitted   *time.Time `json:"admitted,omitempty"`
	Consultant string     `json:"consultant,omitempty"`
	Ready      string     `json:"ready,omitempty"` // yes or no; left out: not told
	ReadySince *time.Time `json:"readySince,omitempty"`
	Expected   string     `json:"expected,omitempty"` // predicted date of discharge
	Left       *time.Time `json:"left,omitempty"`
}

// Answer is one question and its answer in words.
type Answer struct {
	Question string `json:"question"`
	Answer   string `json:"answer"`
}

// Document is a notice or a checklist.
type Document struct {
	Title   string    `json:"title"`
	At      time.Time `json:"at"`
	Answers []Answer  `json:"answers,omitempty"`
}

// Note is a note for both sides.
type Note struct {
	At   time.Time `json:"at"`
	By   string    `json:"by,omitempty"`
	Text string    `json:"text"`
}

// Of makes the record of a piece of news. Without personal there is nothing in it
// by which somebody could be known but the referral's reference and the link.
func Of(n connect.News, personal bool) Record {
	r := Record{
		Type: "homeward." + string(n.Kind), Key: n.Key, Correlation: n.Correlation, Timestamp: n.At.UTC(), What: n.What,
		From: organisation(n, n.From), To: organisation(n, n.To), Link: Link(n),
	}
	c := n.Shown.Case
	if about, ok := n.About(); ok {
		r.Referral = referral(about, personal)
		if personal && n.Shown.Sees.Referral {
			r.Answers = answers(n, about)
		}
	}
	if !personal {
		return r
	}
	if n.Shown.Sees.Person {
		r.Person = person(c)
	}
	if n.Shown.Sees.Whereabouts {
		r.Stay = stay(c)
	}
	r.Paper, r.Note = paper(n), note(n)
	return r
}

// Link is where people read about it, once they signed in; "" when Homeward's
// address is not known.
func Link(n connect.News) string {
	if n.PublicURL == "" || n.Shown.Case.ID == "" {
		return ""
	}
	return strings.TrimSuffix(n.PublicURL, "/") + "/cases/" + string(n.Shown.Case.ID)
}

func organisation(n connect.News, ods nhs.ODS) Organisation {
	o := n.Shown.Orgs[ods]
	return Organisation{ODS: ods, Name: o.Name, Phone: o.Phone}
}

func referral(r care.Referral, personal bool) *Referral {
	out := &Referral{ID: r.ID, State: r.State, Words: r.State.Say(), Pathway: r.Pathway, Sent: moment(r.Sent), Received: moment(r.Received),
		Accepted: moment(r.Accepted), Allocated: moment(r.Allocated), Ended: moment(r.Ended), Reference: r.Reference, Next: r.Holder.Next}
	if personal {
		out.Worker, out.Reason = r.Worker.Name, r.Why
	}
	return out
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func person(c care.Case) *Person {
	p := c.Person
	out := &Person{NHSNumber: c.NHS.Digits(), Family: p.Family, Given: p.Given, Title: p.Title, Sex: p.Sex, Address: p.Address.Lines,
		Postcode: p.Address.Postcode, UPRN: p.Address.UPRN, Phone: p.Phone, Practice: p.GPName}
	if !p.Born.IsZero() {
		out.Born = p.Born.String()
	}
	for _, id := range c.IDs {
		if mrn, ok := strings.CutPrefix(id.System, "mrn:"); ok {
			out.Hospital = append(out.Hospital, mrn+" "+id.Value)
		}
	}
	if c.Died != nil {
		out.Died = c.Died.At.UTC().Format(time.RFC3339)
		if c.Died.DayOnly {
			out.Died = c.Died.At.Format(time.DateOnly)
		}
	}
	return out
}

func stay(c care.Case) *Stay {
	s := c.Stay
	if s == nil && len(c.Past) > 0 {
		s = &c.Past[len(c.Past)-1]
	}
	if s == nil {
		return nil
	}
	ward := s.Where.Name
	if ward == "" {
		ward = s.Where.Ward
	}
	out := &Stay{Visit: s.Visit, Site: s.Where.Site, Ward: ward, Bed: s.Where.Bed, Admitted: moment(s.Admitted), Consultant: s.Consultant}
	out.Ready = map[string]string{"Y": "yes", "N": "no"}[s.Fit]
	if n := len(s.Ready); n > 0 && s.Ready[n-1].To.IsZero() {
		out.Ready, out.ReadySince = "yes", moment(s.Ready[n-1].From)
	}
	if e := latest(s.Expected); !e.IsZero() {
		out.Expected = e.String()
	}
	if s.Left != nil {
		out.Left = moment(s.Left.At)
	}
	return out
}

// latest is the date that was predicted last, leaving out what arrived late.
func latest(list []care.Expected) nhs.Date {
	for _, e := range slices.Backward(list) {
		if !e.Late {
			return e.Date
		}
	}
	return nhs.Date{}
}

func answers(n connect.News, r care.Referral) (out []Answer) {
	if n.Shown.Forms == nil {
		return nil
	}
	p, ok := n.Shown.Forms(r.Form, r.FormVersion)
	if !ok {
		return nil
	}
	for _, l := range p.Summary(r.Answers) {
		if len(l.Answers) > 0 {
			out = append(out, Answer{l.Question, l.Text()})
		}
	}
	return out
}

func paper(n connect.News) *Document {
	i := slices.IndexFunc(n.Shown.Case.Papers, func(p care.Paper) bool { return p.ID == n.Paper })
	if n.Paper == "" || i < 0 || !n.Shown.Sees.Referral {
		return nil
	}
	p := n.Shown.Case.Papers[i]
	d := &Document{Title: p.Kind.Say(), At: p.At.UTC()}
	for _, s := range p.Items {
		q := s.Text
		if q == "" {
			q = s.Link
		}
		d.Answers = append(d.Answers, Answer{q, s.Answer})
	}
	return d
}

func note(n connect.News) *Note {
	i := slices.IndexFunc(n.Shown.Case.Notes, func(x care.Note) bool { return x.ID == n.NoteID })
	if n.NoteID == "" || i < 0 || !n.Shown.Sees.Notes {
		return nil
	}
	x := n.Shown.Case.Notes[i]
	return &Note{At: x.At.UTC(), By: x.By.Name, Text: x.Text}
}

// Value is the record as a mapping reads it.
func (r Record) Value() (any, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("writing the news: %w", err)
	}
	return mapping.Decode(b)
}

// rows are what a mapping makes of the record; with a problem, an error that says
// which field and what to mend.
func (r Record) rows(t *mapping.Table) ([]mapping.Row, error) {
	v, err := r.Value()
	if err != nil {
		return nil, err
	}
	rows, problems := t.ApplyAt(v, r.Timestamp)
	if len(problems) > 0 {
		return nil, fmt.Errorf("mapping %s: %w", t.Name, problems[0])
	}
	return rows, nil
}

// JSON writes the record, or what a mapping makes of it: an object for one row, an
// array for several. Nothing, and no error: the mapping has no row for it.
func (r Record) JSON(t *mapping.Table) ([]byte, error) {
	if t == nil {
		return json.Marshal(r)
	}
	rows, err := r.rows(t)
	switch {
	case err != nil || len(rows) == 0:
		return nil, err
	case len(rows) == 1:
		return json.Marshal(rows[0])
	}
	return json.Marshal(rows)
}

// CSV writes a header and a row, or those that a mapping makes. What a spreadsheet
// could take for a formula is marked as text. RFC 4180
func (r Record) CSV(t *mapping.Table) ([]byte, error) {
	table := [][]string{}
	if t == nil {
		names, cells := []string{}, []string{}
		for _, c := range r.cells() {
			names, cells = append(names, c[0]), append(cells, c[1])
		}
		table = append(table, names, cells)
	} else {
		rows, err := r.rows(t)
		if err != nil || len(rows) == 0 {
			return nil, err
		}
		table = append(table, t.Fields())
		for _, row := range rows {
			cells := []string{}
			for _, name := range t.Fields() {
				cells = append(cells, row.Text(name))
			}
			table = append(table, cells)
		}
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	for _, row := range table {
		for i := range row {
			row[i] = NoFormula(row[i])
		}
		if err := w.Write(row); err != nil {
			return nil, fmt.Errorf("writing the row: %w", err)
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

// cells are the columns of the row, always the same ones.
func (r Record) cells() [][2]string {
	ref, p, s := r.Referral, r.Person, r.Stay
	if ref == nil {
		ref = &Referral{}
	}
	if p == nil {
		p = &Person{}
	}
	if s == nil {
		s = &Stay{}
	}
	doc, note := Document{}, Note{}
	if r.Paper != nil {
		doc = *r.Paper
	}
	if r.Note != nil {
		note = *r.Note
	}
	return [][2]string{
		{"key", r.Key}, {"correlation", r.Correlation}, {"type", r.Type}, {"what", r.What}, {"timestamp", r.Timestamp.Format(time.RFC3339)},
		{"from_ods", string(r.From.ODS)}, {"from_name", r.From.Name}, {"to_ods", string(r.To.ODS)}, {"to_name", r.To.Name},
		{"referral", string(ref.ID)}, {"state", string(ref.State)}, {"state_words", ref.Words}, {"pathway", ref.Pathway}, {"sent", stamp(ref.Sent)},
		{"reference", ref.Reference}, {"next", ref.Next}, {"worker", ref.Worker}, {"reason", ref.Reason},
		{"nhs_number", p.NHSNumber}, {"hospital_numbers", strings.Join(p.Hospital, "; ")}, {"title", p.Title}, {"given", p.Given}, {"family", p.Family},
		{"born", p.Born}, {"sex", p.Sex}, {"address", strings.Join(p.Address, ", ")}, {"postcode", p.Postcode}, {"phone", p.Phone}, {"practice", p.Practice}, {"died", p.Died},
		{"site", s.Site}, {"ward", s.Ward}, {"bed", s.Bed}, {"admitted", stamp(s.Admitted)}, {"consultant", s.Consultant}, {"ready", s.Ready}, {"ready_since", stamp(s.ReadySince)},
		{"expected", s.Expected}, {"left", stamp(s.Left)},
		{"answers", inWords(r.Answers)}, {"document", doc.Title}, {"document_answers", inWords(doc.Answers)}, {"note", note.Text}, {"link", r.Link},
	}
}

func stamp(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.RFC3339)
}

func inWords(list []Answer) string {
	var out []string
	for _, a := range list {
		out = append(out, a.Question+": "+a.Answer)
	}
	return strings.Join(out, "\n")
}

// NoFormula keeps a spreadsheet from computing what somebody typed, also where it
// drops spaces or takes the wide signs of East Asian keyboards. OWASP CSV
// injection.
func NoFormula(s string) string {
	typed := strings.TrimLeft(s, " \u00a0")
	if strings.IndexAny(typed, "=+-@\t\r\n|%\uff1d\uff0b\uff0d\uff20") == 0 {
		return "'" + s
	}
	return s
}
