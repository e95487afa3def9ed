package conformance

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"homeward/fhir"
)

// asked is a referral by FHIR R4 as both sides see it.
type asked struct {
	p             *patient
	request, task string // ServiceRequest/id and Task/id
	encounter     string
	patient       string
}

const backAgain = "Homeward's scripted scenarios, a referral that is returned; FHIR R4 Task"

// ReturnedChecks are a referral that the council returns and the hospital completes,
// by FHIR R4: the kit plays both.
func ReturnedChecks() []Check {
	check := func(id, requirement string, try func(context.Context, *Trial, *asked)) Check {
		return Check{"returned." + id, "A referral that is returned", requirement, backAgain, func(ctx context.Context, t *Trial) {
			if t.Council == nil {
				t.NotTriedf("the run cannot sign in as the council's system")
				return
			}
			if r := t.asks(ctx); r != nil {
				try(ctx, t, r)
			}
		}}
	}
	return []Check{
		check("seen", "The hospital sees that its referral was returned, and what is missing.", func(ctx context.Context, t *Trial, r *asked) {
			if !t.sendsBack(ctx, r) {
				return
			}
			if task := t.task(ctx, r); task != nil {
				if s := task.Str("status"); s != "rejected" && s != "on-hold" {
					t.Failf("Task.status is %q, and should be rejected", s)
				}
				if !strings.Contains(task.Str("statusReason.text"), missing) {
					t.Failf("Task.statusReason does not say what is missing")
				}
			}
		}),
		check("completed", "The hospital adds what was missing, and the referral is with the council again.", func(ctx context.Context, t *Trial, r *asked) {
			if !t.sendsBack(ctx, r) {
				return
			}
			a := t.sendR4(ctx, http.MethodPut, "/"+r.request, r.service(fmt.Sprintf(`"id":%q,`, strings.TrimPrefix(r.request, "ServiceRequest/")), ` She has capacity to decide about it.`), nil)
			if !t.want(a, 200) {
				return
			}
			if task := t.task(ctx, r); task != nil {
				if s := task.Str("status"); s != "requested" && s != "received" && s != "accepted" {
					t.Failf("Task.status is %q: nobody at the council looks at it again", s)
				}
				if task.Str("statusReason.text") != "" {
					t.Failf("Task.statusReason still says that something is missing")
				}
			}
		}),
		check("no-reason", "A council that returns a referral and does not say why is refused.", func(ctx context.Context, t *Trial, r *asked) {
			t.refused(t.sendR4(ctx, http.MethodPut, "/"+r.task, r.taskOf("rejected", ""), t.Council), r.p.secrets(), 400, 422)
		}),
		check("whose", "A hospital cannot accept its own referral for the council.", func(ctx context.Context, t *Trial, r *asked) {
			t.refused(t.sendR4(ctx, http.MethodPut, "/"+r.task, r.taskOf("accepted", ""), nil), r.p.secrets(), 403, 409, 422)
		}),
		check("accepted", "The hospital sees that the council took the referral on.", func(ctx context.Context, t *Trial, r *asked) {
			if !t.want(t.sendR4(ctx, http.MethodPut, "/"+r.task, r.taskOf("accepted", ""), t.Council), 200) {
				return
			}
			if task := t.task(ctx, r); task != nil && task.Str("status") != "accepted" {
				t.Failf("Task.status is %q, and should be accepted", task.Str("status"))
			}
		}),
	}
}

// missing is what the council asks for.
const missing = "Whether she has capacity to decide about her care"

// sendR4 makes one call by FHIR R4; who nil is the hospital.
func (t *Trial) sendR4(ctx context.Context, method, path, body string, who func(context.Context) (string, error)) *answer {
	return t.send(ctx, call{method: method, path: path, body: []byte(body), who: who})
}

// asks puts somebody in hospital, refers them, and finds the council's task; nil:
// the target took none of it, and nothing can be tried.
func (t *Trial) asks(ctx context.Context) *asked {
	r := &asked{p: t.person()}
	if r.refers(ctx, t) {
		return r
	}
	t.verdict, t.why = NotTried, "a plain referral by FHIR R4, which comes before this, was not taken"
	return nil
}

func (r *asked) refers(ctx context.Context, t *Trial) bool {
	who := r.p.resource()
	who.Set("meta", nil) // the profile and the extension are of STU3
	who.Set("identifier", fhir.List(fhir.Identifier(numberSystem, r.p.number.Digits())))
	patient, err := fhir.Write(who, fhir.JSON, fhir.R4)
	if err != nil {
		return false
	}
	stay := fmt.Sprintf(`{"resourceType":"Encounter","contained":[%s],"identifier":[{"system":%q,"value":%q}],"status":"in-progress","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"IMP"},`+
		`"subject":{"reference":"#patient"},"period":{"start":%q},"location":[{"location":{"display":"Ward 12"},"status":"active"}]}`, patient, visitSystem, r.p.visit, r.p.at(-48*time.Hour))
	a := t.send(ctx, call{method: http.MethodPut, path: "/Encounter", query: r.p.visitQuery(), body: []byte(stay), head: [][2]string{{"Prefer", "return=representation"}}})
	if a == nil || a.status != http.StatusCreated || a.tree.ID() == "" {
		return false
	}
	r.encounter, r.patient = "Encounter/"+a.tree.ID(), a.tree.Str("subject.reference")
	if a = t.sendR4(ctx, http.MethodPost, "/ServiceRequest", r.service("", ""), nil); a == nil || a.status != http.StatusCreated {
		return false
	}
	_, rest, _ := strings.Cut(a.head.Get("Location"), "/ServiceRequest/")
	id, _, _ := strings.Cut(rest, "/")
	r.request = "ServiceRequest/" + id
	query := url.Values{"focus": {r.request}, "patient": {r.patient}}.Encode()
	a = t.send(ctx, call{method: http.MethodGet, path: "/Task", query: query, who: t.Council})
	if a == nil || a.status != http.StatusOK {
		return false
	}
	for _, n := range a.tree.All("entry.resource") {
		if n.Type() == "Task" {
			r.task = "Task/" + n.ID()
		}
	}
	return r.task != ""
}

// service is the ServiceRequest; more is added to what the council is told.
func (r *asked) service(id, more string) string {
	return fmt.Sprintf(`{"resourceType":"ServiceRequest",%s"identifier":[{"system":%q,"value":%q}],"status":"active","intent":"plan","code":{"coding":[{"system":"http://snomed.info/sct","code":"715591000000108"}]},`+
		`"subject":{"reference":%q},"encounter":{"reference":%q},"requester":{"display":"Sister A Invented"},"performer":[{"identifier":{"system":%q,"value":"511"}}],"note":[{"text":"Needs help to wash and dress.%s"}]}`,
		id, referralSystem, r.p.referral, r.patient, r.encounter, odsSystem, more)
}

// taskOf is the Task as the council's system says it; why "" is left out.
func (r *asked) taskOf(status, why string) string {
	if why != "" {
		why = fmt.Sprintf(`"statusReason":{"text":%q},`, why)
	}
	return fmt.Sprintf(`{"resourceType":"Task","id":%q,"identifier":[{"system":"https://council.example/reference","value":"K%s"}],"status":%q,%s"intent":"order","focus":{"reference":%q}}`,
		strings.TrimPrefix(r.task, "Task/"), r.p.referral, status, why, r.request)
}

// sendsBack returns the referral as the council's system does.
func (t *Trial) sendsBack(ctx context.Context, r *asked) bool {
	return t.want(t.sendR4(ctx, http.MethodPut, "/"+r.task, r.taskOf("rejected", missing), t.Council), 200)
}

// task is how the hospital sees it; nil: it does not, and the trial has failed.
func (t *Trial) task(ctx context.Context, r *asked) *fhir.Node {
	a := t.send(ctx, call{method: http.MethodGet, path: "/" + r.task})
	if !t.want(a, http.StatusOK) {
		return nil
	}
	return a.tree
}
