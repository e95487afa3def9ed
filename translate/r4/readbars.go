package r4

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"homeward/care"
	"homeward/fhir"
	"homeward/translate"
)

// Answer is what must be known of a message to acknowledge and to answer it.
type Answer struct {
	Bundle      string // Bundle.id
	Event       string // EventRequest or EventResponse
	Reason      string // new, update or delete
	UseCase     string
	To          string // of a response: the Bundle.id of what it answers
	Source      string // endpoint of who sent it: where answers go
	Destination string
	At          time.Time // Bundle.timestamp
	Final       bool      // of a response: nothing more comes
}

// ReadMessage reads a BaRS 1.5 message: what it asks, and what an answer must name.
// It is liberal (examples that NHS England publishes break its own rules) in all
// but what would make it mean something else. Malformed of the error is set where
// BaRS demands 400 and not 422. Resolve must follow.
func ReadMessage(tree *fhir.Node, by Sender) (translate.Request, Answer, error) {
	if by.Form == "" {
		by.Form, by.FormVersion = "d2a", 1
	}
	r := &reading{by: by, root: tree}
	m := &message{r: r, tree: tree}
	q := m.read()
	if len(r.issues) > 0 {
		return translate.Request{}, m.a, &fhir.Error{Malformed: m.bad, Issues: r.issues}
	}
	return q, m.a, nil
}

// message is one message being read.
type message struct {
	r      *reading
	tree   *fhir.Node
	header entry
	focus  entry
	bad    bool // 400
	a      Answer
}

// combination is what is wrong with what an event, a reason, a category and a state
// say together: 400 with the issue invariant (BaRS 1.5).
func (m *message) combination(path, text string) {
	m.bad = true
	m.r.wrong("invariant", path, text)
}

func (m *message) read() translate.Request {
	if m.envelope(); len(m.r.issues) > 0 {
		return translate.Request{}
	}
	m.readHeader()
	if m.readFocus(); len(m.r.issues) > 0 {
		return translate.Request{}
	}
	m.whole()
	if len(m.r.issues) > 0 {
		return translate.Request{}
	}
	if m.a.Event == EventResponse {
		return m.response()
	}
	return m.request()
}

// envelope reads the Bundle: its type, id, time, version and entries.
func (m *message) envelope() {
	r := m.r
	if m.tree.Type() != "Bundle" {
		m.bad = true
		r.wrong("structure", "Bundle", "must be a Bundle")
		return
	}
	if m.tree.Str("type") != "message" {
		m.bad = true
		r.wrong("value", "Bundle.type", "must be message")
		return
	}
	e := entry{path: "Bundle", n: m.tree}
	m.a.Bundle = r.need(e, "id")
	if v := m.tree.Str("meta.versionId"); v != "" && v != "1" && !strings.HasPrefix(v, "1.") {
		r.wrong("not-supported", "Bundle.meta.versionId", "must be 1 or 1.x: of this use case there is no other version")
	} else if v == "" {
		r.required("Bundle.meta.versionId")
	}
	if t, _, ok := r.when(e, "timestamp"); ok {
		m.a.At = t
	} else if m.tree.Str("timestamp") == "" {
		r.required("Bundle.timestamp")
	}
	for i, x := range m.tree.All("entry") {
		res := x.Get("resource")
		path := "Bundle.entry[" + strconv.Itoa(i) + "].resource"
		if res.Type() == "" {
			r.required(path)
			continue
		}
		r.entries = append(r.entries, entry{path: path, full: x.Str("fullUrl"), n: res})
	}
	if len(r.entries) == 0 || r.entries[0].n.Type() != "MessageHeader" {
		m.bad = true
		r.wrong("invariant", "Bundle.entry[0].resource", "must be the MessageHeader") // FHIR R4 bdl-12
		return
	}
	m.header = r.entries[0]
	for _, e := range r.entries[1:] {
		if e.n.Type() == "MessageHeader" {
			m.bad = true
			r.wrong("invariant", e.path, "is a second MessageHeader")
		}
	}
}

func codeIn(n *fhir.Node, path, system string) (code string, other bool) {
	for _, c := range n.All(path) {
		if strings.EqualFold(tidySystem(c.Str("system")), tidySystem(system)) {
			return c.Str("code"), false
		}
		other = true
	}
	return "", other
}

func (m *message) readHeader() {
	r, h := m.r, m.header
	m.a.Event, _ = codeIn(h.n, "eventCoding", sysEvent)
	switch m.a.Event {
	case EventRequest, EventResponse:
	case "":
		r.required(h.path + ".eventCoding")
	default:
		m.combination(h.path+".eventCoding", "must be servicerequest-request or servicerequest-response")
	}
	m.a.Reason, _ = codeIn(h.n, "reason.coding", sysReason)
	switch m.a.Reason {
	case "new", "update", "delete":
	case "":
		r.required(h.path + ".reason")
	default:
		m.combination(h.path+".reason", "must be new, update or delete")
	}
	m.a.Source = r.need(h, "source.endpoint")
	m.a.Destination = r.need(h, "destination.endpoint")
	m.a.To = h.n.Str("response.identifier")
	if m.a.Event == EventResponse {
		if m.a.To == "" {
			r.required(h.path + ".response.identifier")
		}
		if code := h.n.Str("response.code"); code != "ok" && code != "" {
			m.combination(h.path+".response.code", "must be ok: an error is an answer to the request itself")
		}
	} else if m.a.To != "" {
		m.combination(h.path+".response", "must not be in a request")
	}
}

// readFocus finds the ServiceRequest and checks what it and the header say together.
func (m *message) readFocus() {
	r := m.r
	for _, f := range m.header.n.All("focus") {
		x := r.target(m.header.n, f)
		for _, e := range r.entries {
			if e.n == x && x.Type() == "ServiceRequest" {
				m.focus = e
			}
		}
	}
	all := m.of("ServiceRequest")
	if m.focus.n == nil && len(all) == 1 {
		m.focus = all[0] // a response's focus may be the Encounter of who answers
		if m.a.Event == EventRequest && len(m.header.n.All("focus")) > 0 {
			r.wrong("not-found", m.header.path+".focus", "leads to no ServiceRequest of this message")
		}
	}
	if m.focus.n == nil {
		r.wrong("required", m.header.path+".focus", "must lead to the one ServiceRequest of this message")
		return
	}
	n, path := m.focus.n, m.focus.path
	if r.need(m.focus, "intent") != "plan" && n.Str("intent") != "" {
		r.wrong("value", path+".intent", "must be plan")
	}
	category, _ := codeIn(n, "category.coding", sysMessage)
	m.a.UseCase, _ = codeIn(n, "category.coding", SysUseCase)
	switch {
	case len(n.All("category.coding")) == 0:
		r.required(path + ".category")
	case category != "" && category != "referral":
		m.combination(path+".category", "must be referral")
	case m.a.UseCase == "":
		m.combination(path+".category", "must name the use case h2sc of "+SysUseCase)
	case m.a.UseCase != UseCase:
		m.combination(path+".category", "names a use case that is not served here")
	}
	m.together(n.Str("status"))
}

func (m *message) together(status string) {
	path := m.focus.path + ".status"
	cancelled := status == "revoked" || status == "entered-in-error"
	switch {
	case status == "":
		m.r.required(path)
	case m.a.Event == EventResponse:
	case m.a.Reason == "new" && status != "active":
		m.combination(path, "must be active with the reason new")
	case m.a.Reason == "delete" && !cancelled:
		m.combination(path, "must be revoked or entered-in-error with the reason delete")
	case strings.HasSuffix(m.header.n.Str("definition"), "-cancelled") && !cancelled:
		m.combination(path, "must be revoked or entered-in-error in a message that cancels")
	case m.a.Reason == "update" && status != "active" && !cancelled:
		m.combination(path, "must be active, revoked or entered-in-error with the reason update")
	}
}

func (m *message) of(typ string) (out []entry) {
	for _, e := range m.r.entries {
		if e.n.Type() == typ {
			out = append(out, e)
		}
	}
	return out
}

// minima are what a request must hold (BaRS 1.5), and the most; 0 is any number.
var minima = []struct {
	typ         string
	least, most int
}{
	{"ServiceRequest", 1, 1}, {"Patient", 1, 1}, {"Encounter", 1, 0}, {"CarePlan", 1, 1}, {"Organization", 2, 0}, {"Practitioner", 1, 0}, {"PractitionerRole", 1, 0},
}

// whole checks that a request holds what it must. An answer, and a cancellation,
// need only the ServiceRequest and whom it is about.
func (m *message) whole() {
	short := m.a.Event == EventResponse || m.focus.n.Str("status") != "active"
	for _, x := range minima {
		n := len(m.of(x.typ))
		least := x.least
		if short && x.typ != "ServiceRequest" && x.typ != "Patient" || m.a.Event == EventResponse && x.typ == "Patient" {
			least = 0
		}
		where := "Bundle.entry.resource.ofType(" + x.typ + ")"
		switch {
		case n < least:
			m.r.wrong("required", where, "must be there at least "+strconv.Itoa(least)+" times in this message")
		case x.most > 0 && n > x.most:
			m.r.wrong("structure", where, "must be there only once in this message")
		}
	}
	if m.a.Event == EventRequest && m.focus.n.Str("authoredOn") == "" && m.focus.n.Str("status") == "active" {
		m.r.required(m.focus.path + ".authoredOn")
	}
}

// request reads what the hospital asks, with the notes and papers that came along.
func (m *message) request() translate.Request {
	r := m.r
	tree := m.named()
	if tree != m.focus.n { // what refers to it must find the one that has a name
		for i := range r.entries {
			if r.entries[i].n == m.focus.n {
				r.entries[i].n = tree
			}
		}
		m.focus.n = tree
	}
	q := r.referral(m.focus)
	if len(r.issues) > 0 {
		return q
	}
	switch {
	case q.Event == "withdraw":
	case m.a.Reason == "update":
		q.Event, q.Key, q.Must = "update", "", true
	}
	q.Kept = append([]translate.Kept{{Type: "ServiceRequest", ID: r.ownID(m.focus), Version: fhir.R4, Tree: m.marked(tree)}}, q.Kept...)
	for _, e := range m.of("Communication") {
		q.Commands = append(q.Commands, r.note(e).Commands...)
	}
	for _, e := range m.of("QuestionnaireResponse") {
		if _, _, form := formOf(e.n); !form && e.n != m.answers(tree) {
			x := r.response(e)
			q.Commands = append(q.Commands, x.Commands...)
		}
	}
	return q
}

// answers is the filled form of the referral, which is read with it.
func (m *message) answers(tree *fhir.Node) *fhir.Node {
	return m.r.answersFor(entry{n: tree})
}

// named is the ServiceRequest with a name of its own: BaRS has none but its id.
func (m *message) named() *fhir.Node {
	n := m.focus.n
	if keyOf(n) != "" || m.r.ownID(m.focus) != "" {
		return n
	}
	name := n.ID()
	if name == "" {
		name = strings.TrimPrefix(m.focus.full, "urn:uuid:")
	}
	c := n.Clone()
	c.Add("identifier", fhir.Identifier("urn:ietf:rfc:3986", "urn:uuid:"+name))
	return c
}

// marked is the ServiceRequest with what an answer to this message must name.
func (m *message) marked(n *fhir.Node) *fhir.Node {
	c := n.Clone()
	if x := c.Member("extension"); x != nil {
		x.Items = slices.DeleteFunc(x.Items, func(e *fhir.Node) bool { return e.Str("url") == extBars })
	}
	c.Add("extension", exts(extBars, ext("bundle", "valueString", m.a.Bundle), ext("source", "valueString", m.a.Source),
		ext("destination", "valueString", m.a.Destination), ext("correlation", "valueString", m.r.by.Correlation), ext("at", "valueInstant", instant(m.a.At))))
	return c
}

// response reads what the council does with a referral: from its Task, else from
// the Encounter of who answers, else from the ServiceRequest.
func (m *message) response() translate.Request {
	r := m.r
	q := translate.Request{Event: "response", At: r.by.At, Must: true}
	r.named(m.focus, keyOf(m.focus.n), &q)
	if q.Referral == "" && q.Sent == nil {
		r.wrong("required", m.focus.path+".identifier", "is missing: send the ServiceRequest with the id or the identifier that it came with")
	}
	task := m.of("Task")
	mine := m.answering()
	switch {
	case len(task) > 0:
		x := r.task(task[0])
		q.Commands = x.Commands
		m.a.Final = slices.Contains([]string{"completed", "cancelled", "failed"}, task[0].n.Str("status"))
	case mine.n != nil:
		q.Commands = r.answered(mine)
		m.a.Final = mine.n.Str("status") == "finished"
	default:
		switch m.focus.n.Str("status") {
		case "active":
			q.Commands = []care.Command{care.Receive{}}
		case "completed":
			q.Commands, m.a.Final = []care.Command{care.Close{Outcome: outcome(m.focus.n)}}, true
		default:
			r.wrong("required", "Bundle.entry.resource.ofType(Encounter)", "is missing: say by an Encounter or a Task why")
		}
	}
	q.Kept = []translate.Kept{{Type: "Task", Version: fhir.R4, Tree: taskTree(task)}}
	if len(task) == 0 {
		q.Kept = nil
	}
	for _, e := range m.of("Communication") {
		q.Commands = append(q.Commands, r.note(e).Commands...)
	}
	return q
}

func taskTree(task []entry) *fhir.Node {
	if len(task) == 0 {
		return nil
	}
	return task[0].n
}

// answering is the Encounter of who answers: the header's focus, or the one that the
// ServiceRequest does not name.
func (m *message) answering() entry {
	stay := m.r.target(m.focus.n, m.focus.n.Get("encounter"))
	for _, f := range m.header.n.All("focus") {
		x := m.r.target(m.header.n, f)
		for _, e := range m.of("Encounter") {
			if e.n == x {
				return e
			}
		}
	}
	all := m.of("Encounter")
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].n != stay && (stay != nil || i > 0) {
			return all[i]
		}
	}
	return entry{}
}

// answered reads the state of a referral from the council's Encounter (BaRS 1.5
// pseudo-workflow of responses).
func (r *reading) answered(e entry) []care.Command {
	var out []care.Command
	for _, id := range e.n.All("identifier") {
		if v := id.Str("value"); v != "" && id.Str("system") != sysReferral+"/council" {
			out = append(out, care.Receive{Reference: v})
			break
		}
	}
	why := e.n.Get("reasonCode")
	switch status := r.need(e, "status"); status {
	case "planned":
		if len(out) == 0 {
			out = append(out, care.Receive{})
		}
	case "arrived", "triaged", "in-progress", "onleave":
		out = append(out, care.Accept{})
	case "finished":
		words := wordOf(why)
		if words == "" {
			words = "Completed"
		}
		out = append(out, care.Close{Outcome: words})
	case "cancelled":
		c := care.SendBack{Reasons: []string{"other"}, Needed: wordOf(why)}
		if own, _ := codeIn(why, "coding", sysReturn); own != "" {
			c.Reasons = nil
			for _, x := range why.All("coding") {
				if x.Str("system") == sysReturn {
					c.Reasons = append(c.Reasons, x.Str("code"))
				}
			}
		}
		if c.Needed == "" {
			r.wrong("required", e.path+".reasonCode", "is missing: say why, and what is needed")
		}
		out = append(out, c)
	case "":
	default:
		r.wrong("value", e.path+".status", "must be planned, arrived, triaged, in-progress, finished or cancelled")
	}
	return out
}

// Acknowledgement is the answer to a message that was taken: a message of its own
// with the ServiceRequest by our id, so that it can be read later (BaRS 1.5: 200 and
// a Bundle). key is a UUID; referral is the ServiceRequest, nil where there is none.
func Acknowledgement(a Answer, key string, at time.Time, referral *fhir.Node) *fhir.Node {
	header := fhir.Obj("resourceType", "MessageHeader", "id", uuid("header/"+key),
		"meta", fhir.Obj("lastUpdated", instant(at), "profile", []string{core + "MessageHeader", barsProfile + "MessageHeader-servicerequest-response"}),
		"eventCoding", fhir.Coding(sysEvent, EventResponse, ""),
		"destination", []*fhir.Node{fhir.Obj("endpoint", a.Source)}, "source", fhir.Obj("name", "Homeward", "software", "Homeward", "endpoint", a.Destination),
		"reason", fhir.Concept("", fhir.Coding(sysReason, "new", "")), "response", fhir.Obj("identifier", a.Bundle, "code", "ok"))
	entries := []*fhir.Node{fhir.Obj("fullUrl", "urn:uuid:"+header.ID(), "resource", header)}
	if referral != nil {
		full := "urn:uuid:" + uuid("ServiceRequest/"+referral.ID())
		header.Set("focus", []*fhir.Node{fhir.Obj("reference", full)})
		entries = append(entries, fhir.Obj("fullUrl", full, "resource", referral))
	}
	header.Set("definition", barsDefinition+"response-referral-short")
	return fhir.Obj("resourceType", "Bundle", "id", key,
		"meta", fhir.Obj("versionId", BarsVersion, "lastUpdated", instant(at), "profile", []string{barsProfile + "BundleMessage"}),
		"type", "message", "timestamp", instant(at), "entry", entries)
}
