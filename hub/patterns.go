package hub

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// PatternKind is a way of looking at records that a lead may want to ask about.
// None of them is proof of anything.
type PatternKind string

// The patterns.
const (
	PatternSelf       PatternKind = "self"
	PatternFamily     PatternKind = "family"
	PatternColleague  PatternKind = "colleague"
	PatternVolume     PatternKind = "volume"
	PatternHours      PatternKind = "out-of-hours"
	PatternRepeated   PatternKind = "repeated"
	PatternDeclared   PatternKind = "declared"
	PatternRestricted PatternKind = "restricted"
)

// PatternKinds lists the patterns in the order of their menu.
func PatternKinds() []PatternKind {
	return []PatternKind{PatternSelf, PatternFamily, PatternColleague, PatternVolume, PatternHours, PatternRepeated, PatternDeclared, PatternRestricted}
}

// Say is what a pattern is called.
func (k PatternKind) Say() string { return patternWords[k] }

var patternWords = map[PatternKind]string{
	PatternSelf: "Staff looking at themselves", PatternFamily: "Same family name", PatternColleague: "Colleagues",
	PatternVolume: "Many people in a day", PatternHours: "Out of hours", PatternRepeated: "One person again and again",
	PatternDeclared: "Without a relationship", PatternRestricted: "Restricted people",
}

// Watchfulness is from when a pattern is worth a look. Zero values take the
// default.
type Watchfulness struct {
	People  int // people looked at by somebody in a day; 60
	Times   int // or as many times their own median day as this; 3
	Floor   int // but never fewer people than this; 10
	Visits  int // visits of somebody to one person's record in the window; 10
	Records int // records of the audit that are read, the newest; 100,000
	Names   int // people whose names are compared, those looked at last; 5,000
}

func (w Watchfulness) withDefaults() Watchfulness {
	def(&w.People, 60)
	def(&w.Times, 3)
	def(&w.Floor, 10)
	def(&w.Visits, 10)
	def(&w.Records, 100_000)
	def(&w.Names, 5_000)
	return w
}

// The hours in which staff who work by day do not work, local time, and the
// roles of those who do; all others work at any hour.
const nightFrom, nightTo = 22, 7

var worksByDay = map[care.Role]bool{care.Coordinator: true, care.SocialWorker: true, care.TeamManager: true, care.Broker: true,
	care.IGLead: true, care.Integration: true, care.Admin: true}

// visitGap is how long after looking at a record another look is another visit.
const visitGap = 30 * time.Minute

// PatternRow is something that somebody did which fits a pattern: with one
// person's record, named by its handle, or on one day.
type PatternRow struct {
	Actor   care.ActorID
	Name    string
	Role    care.Role
	OrgName string
	Case    care.CaseID // "" where the pattern is about a day
	Day     nhs.Date    // zero where it is about a person
	Count   int
	Words   string // what was counted, and what it is held against
	First   time.Time
	Last    time.Time
}

// PatternView is a page of what fits a pattern, the last first.
type PatternView struct {
	Kind     PatternKind
	Rule     string
	Days     int
	Page     int
	Pages    int
	Rows     []PatternRow
	Total    int
	Read     int  // records of the audit that were read
	Bounded  bool // there are older ones in the window that were not
	Unnamed  int  // people whose names were not compared
	Counts   map[PatternKind]int
	At, From time.Time
	OrgName  string // whose staff; "" for everybody's
}

// patternsOfPage is how many rows stand on a page.
const patternsOfPage = 50

// Pattern shows what fits a pattern among what the staff of the reader's
// organisation did in the last 7 or 30 days; those of the system see all staff.
// "" gives the counts alone. Looking is audited before anything is read.
func (h *Hub) Pattern(ctx context.Context, by care.Actor, kind PatternKind, days, page int) (PatternView, error) {
	if days != 30 {
		days = 7
	}
	now := h.now()
	v := PatternView{Kind: kind, Days: days, At: now, From: now.AddDate(0, 0, -days), Counts: map[PatternKind]int{}}
	if kind != "" && kind.Say() == "" {
		return v, &care.Error{Kind: care.NotFound, Text: "There is no such view"}
	}
	err := h.operating(ctx, by, policy.SeeAudit, strings.TrimSpace("patterns "+string(kind)), "", func(*store.Tx) error { return nil })
	if err != nil {
		return v, err
	}
	err = h.Store.View(ctx, func(tx *store.Tx) error {
		s := newPatternScan(h)
		var org nhs.ODS
		if by.OrgKind != care.System {
			org, v.OrgName = by.Org, h.Org(by.Org).Name
		}
		var err error
		if v.Bounded, err = tx.AuditSince(org, v.From, h.Limits.Watch.Records, s.add); err != nil {
			return err
		}
		v.Read = s.read
		if v.Unnamed, err = s.names(tx); err != nil {
			return err
		}
		for _, k := range PatternKinds() {
			rows := s.rows(k)
			v.Counts[k] = len(rows)
			if k == kind {
				v.fill(rows, page)
			}
		}
		return nil
	})
	v.Rule = h.patternRule(kind)
	return v, h.unavailable(err)
}

// fill takes a page of the rows, the last first.
func (v *PatternView) fill(rows []PatternRow, page int) {
	slices.SortFunc(rows, func(a, b PatternRow) int {
		return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.Actor, b.Actor), cmp.Compare(a.Case, b.Case))
	})
	v.Total, v.Pages = len(rows), max(1, (len(rows)+patternsOfPage-1)/patternsOfPage)
	v.Page = min(max(1, page), v.Pages)
	from := (v.Page - 1) * patternsOfPage
	v.Rows = rows[from:min(from+patternsOfPage, len(rows))]
}

// patternRule is what a pattern lists, in words, with the numbers in force.
func (h *Hub) patternRule(k PatternKind) string {
	w := h.Limits.Watch
	switch k {
	case PatternSelf:
		return "Staff who looked at a record of a person with their own name: the same family name, and the same first name or its initial. Their NHS numbers are not known here, so it can be somebody else of that name."
	case PatternFamily:
		return "Staff who looked at a record of a person with their family name and another first name. Many families share a name: this alone proves nothing."
	case PatternColleague:
		return "Staff who looked at a record of a person with the first and family name of another account of the same organisation. It can be somebody else of that name."
	case PatternVolume:
		return fmt.Sprintf("Staff who looked at more than %d people in a day, or at more than %d times as many as on their own median day in this time, if those are more than %d.", w.People, w.Times, w.Floor)
	case PatternHours:
		return fmt.Sprintf("Staff of roles that work by day who looked at people between %d:00 and %d:00, or on a Saturday or Sunday. Nurses work at any hour and are not listed.", nightFrom, nightTo)
	case PatternRepeated:
		return fmt.Sprintf("Staff who came to one person's record %d times or more. What happens within %d minutes is one visit.", w.Visits, int(visitGap.Minutes()))
	case PatternDeclared:
		return "Staff who were shown something of a person with whom nothing ties them but the interest that they declared, or a glass that they broke."
	case PatternRestricted:
		return "Everybody who looked at, or tried to look at, a person whose record a hospital or a council restricts now."
	}
	return ""
}

// pair is somebody and a person's record; onDay is somebody and a day.
type (
	pair struct {
		actor care.ActorID
		id    care.CaseID
	}
	onDay struct {
		actor care.ActorID
		day   nhs.Date
	}
)

// seen is how often, and when.
type seen struct {
	count, visits, declared int
	first, last             time.Time
}

// add counts a look. Records come newest first.
func (s *seen) add(at time.Time) {
	if s.count++; s.count == 1 {
		s.last = at
	}
	if s.count == 1 || s.first.Sub(at) > visitGap {
		s.visits++
	}
	s.first = at
}

// daily is the people whom somebody looked at in a day, and look-ups of nobody.
type daily struct {
	seen
	people map[care.CaseID]bool
	nobody int
}

func (d *daily) total() int { return len(d.people) + d.nobody }

// patternScan gathers what patterns are made of, in one pass over the audit.
type patternScan struct {
	h     *Hub
	read  int
	staff map[care.ActorID]PatternRow
	orgs  map[care.ActorID]nhs.ODS
	pairs map[pair]*seen
	days  map[onDay]*daily
	night map[onDay]*daily
	last  []care.CaseID // those looked at, the last first
	known map[care.CaseID]bool
	cases map[care.CaseID]care.Case
	named map[nhs.ODS]map[string][]care.ActorID // staff of an organisation by whole name
}

func newPatternScan(h *Hub) *patternScan {
	return &patternScan{h: h, staff: map[care.ActorID]PatternRow{}, orgs: map[care.ActorID]nhs.ODS{}, pairs: map[pair]*seen{}, days: map[onDay]*daily{},
		night: map[onDay]*daily{}, known: map[care.CaseID]bool{}, cases: map[care.CaseID]care.Case{}, named: map[nhs.ODS]map[string][]care.ActorID{}}
}

// notLooking are actions on a person's record that are no look at the person.
var notLooking = map[string]bool{string(policy.ReportAccess): true, string(policy.SeeAudit): true, string(policy.CloseAlert): true, string(policy.ReviewRetention): true}

// add takes one record of the audit, newest first.
func (s *patternScan) add(r store.Audited) error {
	s.read++
	lookup := r.Action == string(policy.Lookup)
	if r.Actor == "" || notLooking[r.Action] || r.Case == "" && !lookup {
		return nil
	}
	if r.Role == care.Machine && r.Relationship != string(policy.Declared) {
		return nil // a system reads its own organisation's people all day; what it looks up for staff counts
	}
	if _, ok := s.staff[r.Actor]; !ok {
		s.staff[r.Actor] = PatternRow{Actor: r.Actor, Name: r.Name, Role: r.Role, OrgName: s.h.Org(r.Org).Name}
		s.orgs[r.Actor] = r.Org
	}
	local := r.At.In(s.h.Zone)
	k := onDay{r.Actor, nhs.DateOf(local)}
	countDay(s.days, k, r)
	if worksByDay[r.Role] && offDuty(local) {
		countDay(s.night, k, r)
	}
	if r.Case == "" {
		return nil
	}
	p := s.pairs[pair{r.Actor, r.Case}]
	if p == nil {
		p = &seen{}
		s.pairs[pair{r.Actor, r.Case}] = p
	}
	p.add(r.At)
	if r.Allowed && (r.Relationship == string(policy.Declared) || r.Relationship == forEmergency) {
		p.declared++
	}
	if !s.known[r.Case] {
		s.known[r.Case] = true
		s.last = append(s.last, r.Case)
	}
	return nil
}

func countDay(days map[onDay]*daily, k onDay, r store.Audited) {
	d := days[k]
	if d == nil {
		d = &daily{people: map[care.CaseID]bool{}}
		days[k] = d
	}
	d.add(r.At)
	if r.Case == "" {
		d.nobody++
	} else {
		d.people[r.Case] = true
	}
}

// offDuty reports whether those who work by day do not work at this local time.
func offDuty(t time.Time) bool {
	d, hour := t.Weekday(), t.Hour()
	return d == time.Saturday || d == time.Sunday || hour >= nightFrom || hour < nightTo
}

// names reads who the people are, and who else works where; unread is of how
// many people it did not.
func (s *patternScan) names(tx *store.Tx) (unread int, err error) {
	ids := s.last[:min(len(s.last), s.h.Limits.Watch.Names)]
	for part := range slices.Chunk(ids, 500) {
		cs, err := tx.Cases(part)
		if err != nil {
			return 0, err
		}
		for _, c := range cs {
			s.cases[c.ID] = c
		}
	}
	accounts, err := tx.Users()
	if err != nil {
		return 0, err
	}
	for _, a := range accounts {
		if row, ok := s.staff[a.ID]; ok && row.Name == "" {
			row.Name = a.Name
			s.staff[a.ID] = row
		}
		for _, g := range a.Grants {
			if s.named[g.Org] == nil {
				s.named[g.Org] = map[string][]care.ActorID{}
			}
			name := strings.Join(nameParts(a.Name), " ")
			if !slices.Contains(s.named[g.Org][name], a.ID) {
				s.named[g.Org][name] = append(s.named[g.Org][name], a.ID)
			}
		}
	}
	return len(s.last) - len(ids), nil
}

// rows is what fits a pattern.
func (s *patternScan) rows(k PatternKind) []PatternRow {
	switch k {
	case PatternVolume:
		return s.volume()
	case PatternHours:
		return s.outOfHours()
	}
	var out []PatternRow
	for p, n := range s.pairs {
		words := s.fits(k, p, n)
		if words == "" {
			continue
		}
		row := s.staff[p.actor]
		row.Case, row.Count, row.First, row.Last, row.Words = p.id, n.count, n.first, n.last, words
		out = append(out, row)
	}
	return out
}

// fits is in what words a member of staff and a person fit a pattern; "" when
// they do not.
func (s *patternScan) fits(k PatternKind, p pair, n *seen) string {
	c, known := s.cases[p.id]
	staff := nameParts(s.staff[p.actor].Name)
	times := plural(n.count, "time", "times")
	switch k {
	case PatternRepeated:
		if n.visits >= s.h.Limits.Watch.Visits {
			return plural(n.visits, "visit", "visits")
		}
	case PatternDeclared:
		if n.declared > 0 {
			return plural(n.declared, "time", "times") + " without a relationship"
		}
	case PatternRestricted:
		if known && (c.Sensitive || slices.ContainsFunc(c.Holdings, func(d care.Holding) bool { return d.Restricted && !d.Ended })) {
			return times
		}
	case PatternSelf:
		if known && sameFamily(staff, c.Person) && sameFirst(staff, c.Person) {
			return times
		}
	case PatternFamily:
		if known && sameFamily(staff, c.Person) && !sameFirst(staff, c.Person) {
			return times
		}
	case PatternColleague:
		if known && s.colleague(p.actor, c.Person) {
			return times
		}
	}
	return ""
}

// colleague reports whether a person has the name of somebody else who works
// where the member of staff does.
func (s *patternScan) colleague(actor care.ActorID, p care.Person) bool {
	for _, given := range []string{p.Given, p.Preferred} {
		first := nameParts(given)
		if len(first) == 0 {
			continue
		}
		name := strings.Join(append(first[:1:1], nameParts(p.Family)...), " ")
		if slices.ContainsFunc(s.named[s.orgs[actor]][name], func(id care.ActorID) bool { return id != actor }) {
			return true
		}
	}
	return false
}

func (s *patternScan) volume() []PatternRow {
	w := s.h.Limits.Watch
	own := map[care.ActorID][]int{}
	for k, d := range s.days {
		own[k.actor] = append(own[k.actor], d.total())
	}
	var out []PatternRow
	for k, d := range s.days {
		n, typical := d.total(), median(own[k.actor])
		if n <= w.People && (n <= w.Floor || n <= w.Times*typical) {
			continue
		}
		row := s.staff[k.actor]
		row.Day, row.Count, row.First, row.Last = k.day, n, d.first, d.last
		row.Words = plural(n, "person", "people") + fmt.Sprintf("; their median day is %d", typical)
		out = append(out, row)
	}
	return out
}

func (s *patternScan) outOfHours() []PatternRow {
	var out []PatternRow
	for k, d := range s.night {
		row := s.staff[k.actor]
		row.Day, row.Count, row.First, row.Last, row.Words = k.day, d.total(), d.first, d.last, plural(d.total(), "person", "people")
		out = append(out, row)
	}
	return out
}

// median is the middle of figures, the lower of two.
func median(ns []int) int {
	if len(ns) == 0 {
		return 0
	}
	slices.Sort(ns)
	return ns[(len(ns)-1)/2]
}

// nameParts is a name as small letters, word by word.
func nameParts(name string) []string {
	return strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !unicode.IsLetter(r) && r != '\'' && r != '’' })
}

// sameFamily reports whether the name of a member of staff ends with a family name.
func sameFamily(staff []string, p care.Person) bool {
	family := nameParts(p.Family)
	return len(family) > 0 && len(staff) > len(family) && slices.Equal(staff[len(staff)-len(family):], family)
}

// sameFirst reports whether the name of a member of staff begins with the first
// name of a person, or with its initial.
func sameFirst(staff []string, p care.Person) bool {
	for _, given := range []string{p.Given, p.Preferred} {
		first := nameParts(given)
		if len(first) == 0 || len(staff) == 0 {
			continue
		}
		if staff[0] == first[0] || len([]rune(staff[0])) == 1 && strings.HasPrefix(first[0], staff[0]) {
			return true
		}
	}
	return false
}

func plural(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}
