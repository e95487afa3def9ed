package care

import (
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"strconv"
	"strings"
	"time"

	"homeward/nhs"
)

// ResourceID is the id of a resource of a case: the case's id, a dot, and a hash of
// its kind ("stay") and of those parts of it that never change (of a stay, the
// hospital and the visit). So a read needs no index, and what joined records give
// up keeps the same ending. FHIR R4 2.24.0.1, id.
func ResourceID(c CaseID, kind string, parts ...string) string {
	var space [256]byte
	b := append(space[:0], kind...)
	for _, p := range parts {
		b = append(append(b, 0), p...)
	}
	sum := sha256.Sum256(b)
	return string(c) + "." + hex.EncodeToString(sum[:10])
}

// CaseOf is the case of a resource's id: of a Patient the id itself.
func CaseOf(id string) CaseID {
	c, _, _ := strings.Cut(id, ".")
	return CaseID(c)
}

// StayResource is the id of a stay's Encounter. A stay whose visit was never told
// is named by when it began, as far as that is known.
func StayResource(c CaseID, s Stay) string {
	return ResourceID(c, "stay", string(s.Org), s.Visit, unlessVisit(s.Admitted, s.Visit))
}

func unlessVisit(t time.Time, visit string) string {
	if visit != "" || t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.Unix(), 10)
}

// Resource is what an index knows of one FHIR resource of a case: its type and id,
// its state as a code of FHIR R4 ("" for none), and marks of what it says.
type Resource struct {
	Type, ID string
	Status   string
	Marks    []Mark
}

// Mark is what a part of a resource says. Part names those who see it: whoever does
// not see a part must not learn that it changed. "" is seen by all who see the
// resource.
type Mark struct {
	Part  string
	facts []any
}

// Same reports whether both say the same of the same part. Marks are compared of a
// case and of what it became, so that what is the same is the same value.
func (m Mark) Same(o Mark) bool { return m.Part == o.Part && reflect.DeepEqual(m.facts, o.facts) }

// The parts that not all see who see the resource. Those with a colon are followed
// by the code of the organisation whose they are.
const (
	PartReach    = "reach"     // of a Patient: where they live, and how to reach them and theirs
	PartNumber   = "number:"   // of a Patient: the number that one organisation gave
	PartProvider = "provider:" // of an EpisodeOfCare
	PartDetail   = "detail:"   // of an EpisodeOfCare: what the package consists of
	PartFinance  = "finance:"  // of an EpisodeOfCare
)

// Resources lists what an index of FHIR resources knows of a case, each with what
// decides its version. A case that was joined into another has none.
func Resources(c Case) []Resource {
	if c.JoinedTo != "" || c.ID == "" {
		return nil
	}
	l := listing{c: c}
	l.person()
	l.stays()
	l.referrals()
	for _, h := range c.Holdings {
		if !h.Ended {
			l.holding(h)
		}
	}
	for _, n := range c.Notes {
		l.add("Communication", "completed", l.id("note", n.ID), part("", n.At, n.Text, n.Audience, n.By))
	}
	return l.out
}

type listing struct {
	c   Case
	out []Resource
}

func (l *listing) id(kind string, parts ...string) string { return ResourceID(l.c.ID, kind, parts...) }

func (l *listing) add(typ, status, id string, marks ...Mark) {
	l.out = append(l.out, Resource{Type: typ, ID: id, Status: status, Marks: marks})
}

func part(name string, facts ...any) Mark { return Mark{name, facts} }

func (l *listing) person() {
	c, p := l.c, l.c.Person
	status := "true" // Patient.active
	marks := []Mark{part("", c.NHS, c.Trace, p.Family, p.Given, p.Title, p.Preferred, p.Born, p.Sex, p.Language, c.Died, c.Sensitive, c.Doubt != nil, c.Objection),
		part(PartReach, p.Address, p.Phone, p.GP, p.GPName, p.Kin)}
	for _, id := range c.IDs {
		if _, org, ok := strings.Cut(id.System, ":"); ok {
			marks = append(marks, part(PartNumber+org, id.Value))
		}
	}
	l.add("Patient", status, string(c.ID), merged(marks)...)
	seen := map[string]int{}
	for _, k := range p.Kin {
		seen[k.Name]++
		l.add("RelatedPerson", "true", l.id("kin", k.Name, strconv.Itoa(seen[k.Name])), part("", k))
	}
}

// merged makes one mark of those of one part.
func merged(marks []Mark) (out []Mark) {
	for _, m := range marks {
		at := -1
		for i := range out {
			if out[i].Part == m.Part {
				at = i
			}
		}
		if at < 0 {
			out = append(out, m)
			continue
		}
		out[at].facts = append(out[at].facts, m.facts...)
	}
	return out
}

func (l *listing) stays() {
	stay := func(s Stay, past bool) {
		status := "in-progress"
		switch {
		case s.Left != nil:
			status = "finished"
		case past:
			status = "unknown"
		case s.OnLeave:
			status = "onleave"
		}
		s.Of, s.Known = "", Known{}
		l.add("Encounter", status, StayResource(l.c.ID, s), part("", s, past))
	}
	if l.c.Stay != nil {
		stay(*l.c.Stay, false)
	}
	for _, s := range l.c.Past {
		stay(s, true)
	}
	for _, p := range l.c.Plans {
		l.add("Encounter", "planned", l.id("plan", string(p.Org), p.Visit, unlessVisit(p.At, p.Visit)), part("", p.Org, p.Visit, p.At))
	}
}

func (l *listing) referrals() {
	for _, r := range l.c.Referrals {
		r.Of = ""
		all, id := part("", r), string(r.ID)
		l.add("ServiceRequest", requestStatus(r), l.id("referral", id), all)
		l.add("Task", taskStatus[r.State], l.id("task", id), all)
		l.add("CarePlan", planStatus(r), l.id("careplan", id), all)
		if len(r.Answers) > 0 {
			status := "completed"
			if len(r.Returns) > 0 {
				status = "amended"
			}
			l.add("QuestionnaireResponse", status, l.id("answers", id), part("", len(r.Returns), r.Answers))
		}
	}
	for _, p := range l.c.Papers {
		p.Of = ""
		status, doc := "completed", "current"
		if !p.Withdrawn.IsZero() {
			status, doc = "entered-in-error", "entered-in-error"
		}
		l.add("QuestionnaireResponse", status, l.id("paper", p.ID), part("", p))
		l.add("DocumentReference", doc, l.id("document", p.ID), part("", p))
	}
}

// requestStatus is the state of a referral as FHIR R4 ServiceRequest.status.
func requestStatus(r Referral) string {
	switch r.State {
	case RefClosed:
		return "completed"
	case RefWithdrawn, RefCancelled, RefDied:
		if r.Why == "12" {
			return "entered-in-error"
		}
		return "revoked"
	}
	return "active"
}

// planStatus is the state of a referral as FHIR R4 CarePlan.status.
func planStatus(r Referral) string {
	switch r.State {
	case RefSent, RefReceived:
		return "draft"
	case RefReturned:
		return "on-hold"
	case RefDischarged, RefClosed:
		return "completed"
	case RefWithdrawn, RefCancelled, RefDied:
		return "revoked"
	}
	return "active"
}

// taskStatus is the state of a referral as FHIR R4 Task.status.
var taskStatus = map[RefState]string{
	RefSent: "requested", RefReceived: "received", RefAccepted: "accepted", RefReturned: "rejected", RefAllocated: "accepted",
	RefAssessing: "in-progress", RefPlanning: "in-progress", RefSourcing: "in-progress", RefReady: "in-progress",
	RefDischarged: "in-progress", RefClosed: "completed", RefWithdrawn: "cancelled", RefCancelled: "cancelled", RefDied: "cancelled",
}

func (l *listing) holding(h Holding) {
	council := string(h.Council)
	nth := func(seen map[string]int, ref string) []string {
		if seen[ref]++; seen[ref] > 1 {
			return []string{council, ref, strconv.Itoa(seen[ref])}
		}
		return []string{council, ref}
	}
	seen := map[string]int{}
	for _, p := range h.Packages {
		l.add("EpisodeOfCare", string(p.Status), l.id("package", nth(seen, p.Ref)...), part("", p.Kind, p.Status, p.Start, p.End, h.Worker),
			part(PartProvider+council, p.Provider), part(PartDetail+council, p.Title), part(PartFinance+council, p.Funding))
	}
	seen = map[string]int{}
	for _, e := range h.Equipment {
		status := "completed"
		if e.Status == "ordered" {
			status = "active"
		}
		l.add("DeviceRequest", status, l.id("equipment", nth(seen, e.Ref)...), part("", e))
	}
	status := "active"
	if h.Safeguarding.Answer == AnswerNo {
		status = "inactive"
	}
	l.add("Flag", status, l.id("safeguarding", council), part("", h.Safeguarding.Answer))
}

// Parties lists the organisations that have a part in a case: that treat, treated
// or plan to treat the person, referred or were sent them, support them, or gave
// them a number. Whoever is not among them finds nothing of it by searching.
func Parties(c Case) []nhs.ODS {
	if c.JoinedTo != "" {
		return nil
	}
	var out []nhs.ODS
	add := func(o nhs.ODS) {
		for _, x := range out {
			if x == o {
				return
			}
		}
		if o != "" {
			out = append(out, o)
		}
	}
	if c.Stay != nil {
		add(c.Stay.Org)
	}
	for _, s := range c.Past {
		add(s.Org)
	}
	for _, p := range c.Plans {
		add(p.Org)
	}
	for _, r := range c.Referrals {
		add(r.From)
		add(r.To)
	}
	for _, h := range c.Holdings {
		if !h.Ended {
			add(h.Council)
		}
	}
	for _, id := range c.IDs {
		if _, org, ok := strings.Cut(id.System, ":"); ok {
			add(nhs.ODS(org))
		}
	}
	return out
}
