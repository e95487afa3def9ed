package conformance

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"homeward/fhir"
)

// The paths of Supported Hospital Discharge, below its base.
const (
	referrals = "/ReferralRequest"
	papers    = "/QuestionnaireResponse"
	stays     = "/Encounter"
	notes     = "/Communication"
)

const guide = "Supported Hospital Discharge to Social Care, "

// visitQuery finds the stay, as conditional updates do.
func (p *patient) visitQuery() string {
	return "identifier=" + url.QueryEscape(visitSystem+"|"+p.visit)
}

func (p *patient) basedQuery() string { return "based-on=" + url.QueryEscape(p.based()) }

// referred sends a good referral and remembers what the target calls it.
func (t *Trial) referred(ctx context.Context, p *patient, f fhir.Format) bool {
	a := t.send(ctx, call{method: http.MethodPost, path: referrals, tree: p.refer(), format: f})
	if !t.want(a, http.StatusCreated) {
		return false
	}
	at, err := url.Parse(a.head.Get("Location"))
	if err != nil || at.Host == "" {
		t.Failf("Location must be the full address of the new ReferralRequest")
		return false
	}
	p.location = at.String()
	_, rest, found := strings.Cut(at.Path, "/ReferralRequest/")
	if p.id, _, _ = strings.Cut(rest, "/"); !found || p.id == "" {
		t.Failf("Location does not end with ReferralRequest/ and an id")
		return false
	}
	return true
}

// somebody is a person whose referral the target has.
func (t *Trial) somebody(ctx context.Context) *patient {
	p := t.person()
	if !t.referred(ctx, p, fhir.JSON) {
		t.verdict, t.why = NotTried, "a plain referral, which comes before this, was not taken"
		return nil
	}
	return p
}

// puts tries one conditional update of the stay.
func (t *Trial) puts(ctx context.Context, p *patient, f fhir.Format, changes ...any) *answer {
	return t.send(ctx, call{method: http.MethodPut, path: stays, query: p.visitQuery(), tree: p.change(changes...), format: f})
}

// change is an Encounter as an update sends it: without a contained patient.
func (p *patient) change(changes ...any) *fhir.Node {
	n := p.encounter(changes...)
	n.Set("id", nil)
	n.Set("subject", fhir.Obj("identifier", fhir.Identifier(numberSystem, p.number.Digits())))
	return n
}

// useCases are the twelve of the guide, and that the patient died, each in JSON
// and in XML.
func useCases() (out []Check) {
	for _, f := range []fhir.Format{fhir.JSON, fhir.XML} {
		name := map[fhir.Format]string{fhir.JSON: "json", fhir.XML: "xml"}[f]
		add := func(id, requirement, source string, try func(context.Context, *Trial, *patient)) {
			out = append(out, Check{"shd." + id + "." + name, "The use cases, in " + strings.ToUpper(name), requirement, guide + source,
				func(ctx context.Context, t *Trial) {
					if p := t.somebody(ctx); p != nil {
						try(ctx, t, p)
					}
				}})
		}
		out = append(out, Check{"shd.refer." + name, "The use cases, in " + strings.ToUpper(name),
			"A referral is taken: 201, with the full address of the new ReferralRequest in Location.", guide + "Refer Patient",
			func(ctx context.Context, t *Trial) { t.referred(ctx, t.person(), f) }})
		for _, c := range paperCases {
			add(c.id, c.requirement, c.source, func(ctx context.Context, t *Trial, p *patient) {
				t.want(t.send(ctx, call{method: http.MethodPost, path: papers, query: c.query(p), tree: p.paper(c.profile, c.items(p)...), format: f}), http.StatusCreated)
			})
		}
		add("discharge-notice-withdrawn", "A discharge notice is withdrawn by repeating it with the reason: 200.", "Withdraw Discharge Notice", func(ctx context.Context, t *Trial, p *patient) {
			if t.want(t.send(ctx, call{method: http.MethodPost, path: papers, query: p.basedQuery(), tree: p.paper("DischargeNotice", notice(p)...), format: f}), http.StatusCreated) {
				t.want(t.send(ctx, call{method: http.MethodPut, path: papers, query: p.basedQuery(), tree: p.withdrawn("07"), format: f}), http.StatusOK)
			}
		})
		for _, c := range stayCases {
			add(c.id, c.requirement, c.source, func(ctx context.Context, t *Trial, p *patient) {
				t.want(t.puts(ctx, p, f, c.changes(p)...), http.StatusOK)
			})
		}
		add("case-note", "A case note is taken: 201.", "Share Case Note with Social Care", func(ctx context.Context, t *Trial, p *patient) {
			t.want(t.send(ctx, call{method: http.MethodPost, path: notes, tree: p.note("Her daughter holds the key."), format: f}), http.StatusCreated)
		})
	}
	return out
}

// A paperCase is a use case that sends a QuestionnaireResponse.
type paperCase struct {
	id, requirement, source, profile string
	items                            func(*patient) []*fhir.Node
	noQuery                          bool
}

func (c paperCase) query(p *patient) string {
	if c.noQuery {
		return ""
	}
	return p.basedQuery()
}

var paperCases = []paperCase{
	{"assessment-notice", "An assessment notice is taken: 201.", "Issue Assessment Notice", "AssessmentNotice", assessment, true},
	{"needs", "A preliminary needs assessment is taken at first: 201.", "Share Needs Assessment(s)", "PreliminaryNeedsAssessment", free("needs", "Help with washing and dressing"), false},
	{"covid", "The COVID-19 questions are taken at first: 201.", "Share Needs Assessment(s)", "COVID19", free("result", "Not detected"), false},
	{"chc", "A CHC checklist is taken at first: 201.", "Share CHC Checklist", "CHCChecklist", free("outcome", "Negative"), false},
	{"discharge-notice", "A discharge notice is taken at first: 201.", "Issue Discharge Notice", "DischargeNotice", notice, false},
}

func free(link, text string) func(*patient) []*fhir.Node {
	return func(*patient) []*fhir.Node {
		return []*fhir.Node{answerOf(link, "As told", fhir.Obj("valueString", text))}
	}
}

func coded(code string) *fhir.Node { return fhir.Obj("valueCoding", fhir.Obj("code", code)) }

// assessment is the answers of an assessment notice whose patient consented.
func assessment(*patient) []*fhir.Node { return consent("Y", "N/A") }

// consent is those answers with the consent and the source of a third party's.
func consent(patient, third string) []*fhir.Node {
	return []*fhir.Node{
		answerOf("patientConsulted", "Has the patient been consulted?", coded("Y")),
		answerOf("carerConsulted", "Has the carer been consulted?", coded("NKC")),
		answerOf("patientConsent", "Has the patient consented?", coded(patient)),
		answerOf("thirdPartyConsentSource", "Source of third party consent", coded(third)),
		answerOf("safeguardingConcerns", "Are there safeguarding concerns?", coded("N")),
		answerOf("chcConsidered", "Has NHS continuing healthcare been considered?", coded("Y")),
	}
}

// notice is the answers of a discharge notice.
func notice(*patient) []*fhir.Node {
	return []*fhir.Node{answerOf("patientConsulted", "Has the patient been consulted about the proposed date?", coded("Y")),
		answerOf("carerConsulted", "Has the carer been consulted about the proposed date?", coded("NKC"))}
}

// withdrawn is the discharge notice again, with the reason why it no longer holds.
func (p *patient) withdrawn(why string) *fhir.Node {
	n := p.paper("DischargeNotice", append(notice(p), answerOf("withdrawalReason", "Why the notice is withdrawn",
		fhir.Obj("valueCoding", fhir.Coding(codeBase+"SHD-CancellationReason", why, ""))))...)
	n.Set("status", "entered-in-error")
	return n
}

// A stayCase is a use case that updates the Encounter.
type stayCase struct {
	id, requirement, source string
	changes                 func(*patient) []any
}

var stayCases = []stayCase{
	{"safe-for-discharge", "That the patient is medically fit is taken: 200.", "Update Safe for Discharge Status", func(p *patient) []any {
		return []any{"extension", fhir.List(fitness("01", p.at(-time.Hour)))}
	}},
	{"predicted-date", "Another predicted discharge date is taken: 200.", "Update Predicted Discharge Date", func(p *patient) []any {
		return []any{"period", fhir.Obj("start", p.at(-48*time.Hour), "end", p.at(72*time.Hour))}
	}},
	{"location", "Another ward is taken: 200.", "Update Patient's Location", func(p *patient) []any {
		return []any{"location", fhir.List(fhir.Obj("location", fhir.Obj("display", "Ward 31"), "status", "active"))}
	}},
	{"cancel", "That the referral is cancelled, for one of thirteen reasons, is taken: 200.", "Cancel Referral", func(*patient) []any { return cancelled("11", "") }},
	{"self-discharged", "That the patient discharged themselves is taken: 200.", "Notify Social Care that patient has self-discharged", func(p *patient) []any { return p.left("6") }},
	{"died", "That the patient died is taken: 200.", "SHD-CancellationReason 08", func(p *patient) []any { return p.left("4") }},
	{"discharged", "That the patient has left is taken: 200.", "Confirm patient discharge", func(p *patient) []any { return p.left("1") }},
}
