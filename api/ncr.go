package api

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/fhir"
	"homeward/hub"
	"homeward/translate"
	"homeward/translate/stu3"
)

// ncrRoutes is the discharge-to-assess interface of the Notts Care Record
// (docs/interfaces/notts-care-record.md): the hospital's trigger task, stay, discharge
// plan and assessment; the parent and child tasks; and subscriptions, so that the
// hospital's own system shows who has the referral.
func (f *Faces) ncrRoutes() {
	fc := f.add(face{name: "ncr", base: "/NottsCareRecord/v1", version: fhir.STU3, title: "Notts Care Record: discharge to assess", since: "2026-11-22"})
	fc.on(http.MethodGet, "/metadata", "", fc.capabilities)
	fc.on(http.MethodPost, "/Task", NCRScope, ncrTrigger)
	fc.on(http.MethodPut, "/Task/{id}", NCRScope, ncrTask)
	fc.on(http.MethodGet, "/Task/{id}", NCRScope, func(c *call) error { return ncrRead(c, "Task") })
	fc.on(http.MethodGet, "/Task", NCRScope, ncrTasks)
	fc.on(http.MethodPut, "/Encounter", NCRScope, shdEncounter)
	for _, typ := range []string{"Encounter", "Patient", "CarePlan", "DocumentReference", "Binary"} {
		fc.on(http.MethodGet, "/"+typ+"/{id}", NCRScope, func(c *call) error { return ncrRead(c, typ) })
	}
	fc.on(http.MethodPost, "/CarePlan", NCRScope, func(c *call) error { return ncrPaper(c, "CarePlan", stu3.ReadPlan) })
	fc.on(http.MethodPut, "/CarePlan", NCRScope, func(c *call) error { return ncrPaper(c, "CarePlan", stu3.ReadPlan) })
	fc.on(http.MethodPost, "/DocumentReference", NCRScope, func(c *call) error { return ncrPaper(c, "DocumentReference", stu3.ReadAssessment) })
	fc.on(http.MethodPost, "/Subscription", NCRScope, ncrSubscribe)
	fc.on(http.MethodGet, "/Subscription/{id}", NCRScope, ncrSubscription)
	fc.on(http.MethodDelete, "/Subscription/{id}", NCRScope, ncrUnsubscribe)
}

// ncrTrigger is that a patient was flagged for a supported discharge.
func ncrTrigger(c *call) error {
	if _, err := c.query(); err != nil {
		return err
	}
	body, err := c.checked("Task")
	if err != nil {
		return err
	}
	q, err := stu3.ReadTrigger(body, "", c.sender())
	if err != nil {
		return err
	}
	t, err := c.take(q.Event, q)
	if err != nil {
		return err
	}
	at := "/Task/" + stu3.ID(t.Case, string(t.Referral)) + "-trigger"
	if t.Created && !t.Again {
		return c.written(true, at, nil)
	}
	c.w.Header().Set("Location", c.url(at))
	return no(http.StatusConflict, "duplicate", "This task is here already. Location says where")
}

// ncrTask is a hospital's update of its trigger task, or a council's of its child
// task. The parent is nobody's to write: it follows from the two.
func ncrTask(c *call) error {
	if _, err := c.query(); err != nil {
		return err
	}
	id, r, which, ok := stu3.TaskReferral(c.r.PathValue("id"))
	if !ok {
		return notThere()
	}
	body, err := c.checked("Task")
	if err != nil {
		return err
	}
	if body.ID() != c.r.PathValue("id") {
		return unfit("conflict", "Task.id", "The id of the body must be that of the address")
	}
	s, err := c.faces.Hub.Show(c.r.Context(), c.by, id, hub.ShowRequest{Action: "read Task"})
	if err != nil {
		return err
	}
	i := slices.IndexFunc(s.Case.Referrals, func(x care.Referral) bool { return x.ID == r })
	if i < 0 {
		return notThere()
	}
	is := s.Case.Referrals[i]
	var q translate.Request
	switch {
	case which == "trigger" && is.From == c.by.Org:
		q, err = ncrTriggered(body, is, c.sender())
	case which == "child" && is.To == c.by.Org:
		q, err = stu3.ReadChild(body, is, c.sender())
	default:
		return &care.Error{Kind: care.Forbidden, Text: "A hospital writes its trigger task, and a council its child task; the parent task follows from them"}
	}
	if err != nil {
		return err
	}
	in := c.inbound(q.Event)
	in.Version = func(s translate.Shown, _ translate.Kept) string {
		return oneOf(stu3.Tasks(s), c.r.PathValue("id")).Str("meta.versionId")
	}
	if _, err := c.takeVersion(in, q); err != nil {
		return err
	}
	return c.written(false, "", nil)
}

// ncrTriggered is an update of a trigger task as it stands: what is so already is
// nothing, and one that ended does not begin again.
func ncrTriggered(body *fhir.Node, is care.Referral, from stu3.Sender) (translate.Request, error) {
	q, err := stu3.ReadTrigger(body, is.ID, from)
	if err != nil {
		return q, err
	}
	over := !is.Open()
	switch status := body.Str("status"); {
	case over && status == "requested":
		return q, unfit("business-rule", "Task.status", "The task has ended. A patient who is flagged again is a new task")
	case over:
		q.Commands = nil
	}
	return q, nil
}

// ncrPaper takes a discharge plan or an assessment.
func ncrPaper(c *call, typ string, read func(*fhir.Node, stu3.Sender) (translate.Request, error)) error {
	if _, err := c.query("identifier"); err != nil {
		return err
	}
	body, err := c.checked(typ)
	if err != nil {
		return err
	}
	q, err := read(body, c.sender())
	if err != nil {
		return err
	}
	t, err := c.take(q.Event, q)
	if err != nil {
		return err
	}
	return c.written(t.Created, "/"+typ+"/"+stu3.ID(t.Case, t.Paper), nil)
}

func notThere() error {
	return &care.Error{Kind: care.NotFound, Text: "There is no such record, or none that may be shown"}
}

// oneOf is the resource of an id; nil when there is none.
func oneOf(list []*fhir.Node, id string) *fhir.Node {
	i := slices.IndexFunc(list, func(n *fhir.Node) bool { return n.ID() == id })
	if i < 0 {
		return nil
	}
	return list[i]
}

// ncrOf are the resources of a case on this interface.
func ncrOf(s translate.Shown) []*fhir.Node {
	return slices.Concat(stu3.Tasks(s), stu3.Plans(s), stu3.People(s))
}

// ncrRead reads one resource. A Binary is the document of the DocumentReference of
// the same id, as it is, or as a resource where that is asked for.
func ncrRead(c *call, typ string) error {
	if _, err := c.query(); err != nil {
		return err
	}
	id := c.r.PathValue("id")
	s, err := c.faces.Hub.Show(c.r.Context(), c.by, care.CaseOf(id), hub.ShowRequest{Action: "read " + typ})
	if err != nil {
		return err
	}
	if typ == "Binary" {
		return c.binary(oneOf(stu3.Plans(s), id))
	}
	n := oneOf(ncrOf(s), id)
	if n.Type() != typ {
		return notThere()
	}
	if a := n.Get("content.attachment"); typ == "DocumentReference" && a != nil {
		a.Set("data", nil)
		a.Set("url", c.url("/Binary/"+id))
	}
	return c.write(http.StatusOK, n)
}

func (c *call) binary(n *fhir.Node) error {
	data := n.Str("content.attachment.data")
	if n.Type() != "DocumentReference" || data == "" {
		return notThere()
	}
	if strings.Contains(c.r.Header.Get("Accept"), "fhir") {
		return c.write(http.StatusOK, fhir.Obj("resourceType", "Binary", "id", n.ID(), "contentType", "application/pdf", "content", data))
	}
	b, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return no(http.StatusInternalServerError, "exception", "The document cannot be read as it was sent")
	}
	h := c.w.Header()
	h.Set("Content-Type", "application/pdf")
	h.Set("Content-Disposition", "attachment; filename=assessment.pdf")
	c.begun = true
	_, _ = c.w.Write(b) // the asker may have gone
	return nil
}

// ncrTasks lists tasks: of a patient by our own id, or those that changed lately.
func ncrTasks(c *call) error {
	q, err := c.query("patient", "code", "status", "_lastUpdated", "_count", "_after")
	if err != nil {
		return err
	}
	find := hub.Find{Types: []string{"Task"}, After: q["_after"]}
	if p := q["patient"]; p != "" {
		find.Case = care.CaseOf(strings.TrimPrefix(p, "Patient/"))
	}
	if v := q["_lastUpdated"]; v != "" {
		t, err := time.Parse(time.RFC3339, strings.TrimLeft(v, "ge"))
		if err != nil || !strings.HasPrefix(v, "ge") && !strings.HasPrefix(v, "gt") {
			return no(http.StatusBadRequest, "value", "_lastUpdated must be ge and a time, like ge2026-11-24T09:00:00Z")
		}
		find.Since = t
	}
	page, err := c.faces.Hub.ShowSome(c.r.Context(), c.by, find, hub.ShowRequest{Action: "search Task"})
	if err != nil {
		return err
	}
	_, code, piped := strings.Cut(q["code"], "|")
	if !piped {
		code = q["code"]
	}
	var found []*fhir.Node
	for _, s := range page.Shown {
		for _, n := range stu3.Tasks(s) {
			if (code == "" || n.Str("code.coding.code") == code) && (q["status"] == "" || n.Str("status") == q["status"]) {
				found = append(found, c.entry("match", n))
			}
		}
	}
	b := c.bundle("searchset", len(found), found...)
	if page.Next != "" {
		v := c.r.URL.Query()
		v.Set("_after", page.Next)
		b.Add("link", fhir.Obj("relation", "next", "url", c.url("/Task?"+v.Encode())))
		b.Set("total", nil)
	}
	return c.write(http.StatusOK, b)
}

// ncrSubscribe keeps a subscription by criteria: Task, perhaps with code, status and
// patient. All three tell of the same: that the work on a referral changed. FHIR STU3
// subscription.html.
func ncrSubscribe(c *call) error {
	body, err := c.checked("Subscription")
	if err != nil {
		return err
	}
	s, err := readSubscription(body)
	if err != nil {
		return err
	}
	if err := c.faces.Hooks.Check(s.Endpoint); err != nil {
		return unfit("value", "Subscription.channel.endpoint", err.Error())
	}
	c.kept = true // what was subscribed to is not about a person
	made, err := c.faces.Hub.Subscribe(c.r.Context(), c.by, s)
	if err != nil {
		return err
	}
	return c.written(true, "/Subscription/"+made.ID, ncrSubscribed(made))
}

func readSubscription(n *fhir.Node) (hub.Subscription, error) {
	s := hub.Subscription{Topic: "tasks", Channel: hub.RestHook, Endpoint: n.Str("channel.endpoint"), Release: fhir.STU3, Payload: hub.PayloadEmpty}
	typ, rest, _ := strings.Cut(n.Str("criteria"), "?")
	if typ != "Task" {
		return s, unfit("not-supported", "Subscription.criteria", "The criteria must be Task, perhaps with code, status and patient")
	}
	for part := range strings.SplitSeq(rest, "&") {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "", "code", "status", "owner":
		case "patient":
			s.Filters = append(s.Filters, hub.SubscriptionFilter{Name: "patient", Value: strings.TrimPrefix(value, "Patient/")})
		default:
			return s, unfit("not-supported", "Subscription.criteria", "Tasks can be narrowed by code, status and patient")
		}
	}
	if n.Str("channel.type") != "rest-hook" {
		return s, unfit("not-supported", "Subscription.channel.type", "The channel must be rest-hook")
	}
	if n.Str("channel.payload") != "" {
		return s, unfit("not-supported", "Subscription.channel.payload", "A notification is an empty call: leave the payload out, and read Task?_lastUpdated=ge... when you are called")
	}
	for _, h := range n.All("channel.header") {
		s.Headers = append(s.Headers, h.Text)
	}
	if v := n.Str("end"); v != "" {
		t, err := time.Parse(time.RFC3339, v)
		if err != nil {
			return s, unfit("value", "Subscription.end", "The end must be a time with its zone")
		}
		s.Ends = t
	}
	raw, err := fhir.Write(n, fhir.JSON, fhir.STU3)
	s.Came = raw
	return s, err
}

// ncrSubscribed is a subscription as it stands, over what came.
func ncrSubscribed(s hub.Subscription) *fhir.Node {
	n, err := fhir.Parse(s.Came, fhir.JSON, fhir.STU3, fhir.Limits{})
	if err != nil {
		n = fhir.Obj("resourceType", "Subscription", "criteria", "Task", "channel", fhir.Obj("type", "rest-hook", "endpoint", s.Endpoint))
	}
	out := fhir.Obj("resourceType", "Subscription", "id", s.ID)
	n.Set("status", string(s.Status))
	n.Set("error", s.Error)
	if ch := n.Member("channel"); ch != nil {
		ch.Set("header", nil) // they hold the subscriber's secrets
	}
	for _, m := range n.Members {
		if m.Name != "resourceType" && m.Name != "id" {
			out.Members = append(out.Members, m)
		}
	}
	return out
}

func ncrSubscription(c *call) error {
	s, err := c.faces.Hub.Subscription(c.r.Context(), c.by, c.r.PathValue("id"))
	if err != nil {
		return err
	}
	return c.write(http.StatusOK, ncrSubscribed(s))
}

func ncrUnsubscribe(c *call) error {
	if err := c.faces.Hub.Unsubscribe(c.r.Context(), c.by, c.r.PathValue("id")); err != nil {
		return err
	}
	c.begun = true
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}
