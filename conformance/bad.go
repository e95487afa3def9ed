package conformance

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"homeward/fhir"
)

// raw is a good referral as bytes, to be spoilt.
func (t *Trial) raw(p *patient, f fhir.Format) string {
	b, err := fhir.Write(p.refer(), f, fhir.STU3)
	if err != nil {
		t.NotTriedf("the kit could not write its request: %v", err)
	}
	return string(b)
}

const rules = "FHIR STU3, RESTful API, HTTP; " + guide + "responses"

// A spoiling is one way in which a body is wrong.
type spoiling struct {
	id, requirement string
	format          fhir.Format
	kind            string // Content-Type; "" is that of the format
	spoil           func(string) string
	statuses        []int
}

var spoilings = []spoiling{
	{"json", "JSON that breaks off is refused.", fhir.JSON, "", func(s string) string { return s[:len(s)/2] }, []int{400}},
	{"xml", "XML that breaks off is refused.", fhir.XML, "", func(s string) string { return s[:len(s)/2] }, []int{400}},
	{"empty", "An empty body is refused.", fhir.JSON, "", func(string) string { return "" }, []int{400}},
	{"media-type", "A body of another media type is refused.", fhir.JSON, "text/csv", func(s string) string { return s }, []int{415}},
	{"duplicate-key", "JSON in which a name stands twice is refused.", fhir.JSON, "",
		func(s string) string {
			return strings.Replace(s, `"status":"active"`, `"status":"active","status":"draft"`, 1)
		}, []int{400}},
	{"utf8", "Bytes that are no UTF-8 are refused.", fhir.JSON, "", func(s string) string { return strings.Replace(s, "Invented", "Invent\xffd", 1) }, []int{400}},
	{"entities", "XML with a document type or entities is refused.", fhir.XML, "", bomb, []int{400}},
	{"nested", "A body nested a thousand deep is refused.", fhir.JSON, "",
		func(string) string {
			return `{"resourceType":"ReferralRequest","extension":` + strings.Repeat(`[{"extension":`, 1000) + "[]" + strings.Repeat("}]", 1000) + "}"
		}, []int{400, 413, 422}},
	{"no-date", "A date that does not exist is refused.", fhir.JSON, "", func(s string) string { return replaced(s, `"authoredOn":"`, `"`, "2026-02-30T10:00:00Z") }, []int{400, 422}},
	{"resource", "Another resource than the address says is refused.", fhir.JSON, "", func(s string) string {
		return strings.Replace(s, `"resourceType":"ReferralRequest"`, `"resourceType":"Basic"`, 1)
	}, []int{400, 422}},
	{"no-subject", "A referral of nobody is refused: subject is 1..1.", fhir.JSON, "", func(s string) string {
		const subject = `"subject":{"reference":"#patient"},` // the first is that of the Encounter
		i := strings.LastIndex(s, subject)
		return s[:i] + s[i+len(subject):]
	}, []int{422}},
	{"no-type", "A referral without a type is refused: type is 1..1.", fhir.JSON, "", func(s string) string {
		return cut(s, `"type":{"coding":[{"system":"http://snomed.info/sct","code":"715591000000108"`, `"serviceRequested"`)
	}, []int{422}},
	{"wrong-type", "A referral of another type is refused: the type is fixed.", fhir.JSON, "", func(s string) string { return strings.Replace(s, "715591000000108", "3457005", 1) }, []int{422}},
	{"dangling", "A reference to what is not contained is refused.", fhir.JSON, "", func(s string) string {
		return strings.Replace(s, `"subject":{"reference":"#patient"}`, `"subject":{"reference":"#nobody"}`, 1)
	}, []int{400, 422}},
	{"bad-number", "An NHS number whose check digit is wrong is refused, or taken as not known.", fhir.JSON, "", wrongNumber, []int{201, 422}},
	{"profile", "A referral that claims only a profile that the receiver does not know is refused.", fhir.JSON, "", func(s string) string {
		return strings.Replace(s, profileBase+"CareConnect-SHD-ReferralRequest-1", "https://example.org/StructureDefinition/None", 1)
	}, []int{400, 422}},
}

// replaced puts another value between two marks.
func replaced(s, from, to, value string) string {
	i := strings.Index(s, from)
	if i < 0 {
		return s
	}
	i += len(from)
	j := strings.Index(s[i:], to)
	return s[:i] + value + s[i+j:]
}

// cut takes out what begins with one mark, up to another.
func cut(s, from, to string) string {
	i := strings.Index(s, from)
	if i < 0 {
		return s
	}
	j := strings.Index(s[i:], to)
	return s[:i] + s[i+j:]
}

func wrongNumber(s string) string {
	i := strings.Index(s, `"value":"999`)
	if i < 0 {
		return s
	}
	at := i + len(`"value":"`) + 9
	return s[:at] + string('0'+(s[at]-'0'+1)%10) + s[at+1:]
}

// bomb grows to a gigabyte where entities are expanded.
func bomb(s string) string {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "aaaaaaaaaa">`)
	for i := range 9 {
		fmt.Fprintf(&b, `<!ENTITY a%d "%s">`, i+1, strings.Repeat(fmt.Sprintf("&a%d;", i), 10))
	}
	b.WriteString("]>")
	_, body, found := strings.Cut(s, "?>")
	if !found {
		body = s
	}
	return b.String() + strings.Replace(body, "Hospital Discharge Notification", "&a9;", 1)
}

// quickly is how soon a wrong body must be answered.
const quickly = 2 * time.Second

func wrongBodies() (out []Check) {
	for _, s := range spoilings {
		out = append(out, Check{"bad." + s.id, "Wrong bodies", s.requirement, rules, func(ctx context.Context, t *Trial) {
			p := t.person()
			a := t.send(ctx, call{method: http.MethodPost, path: referrals, body: []byte(s.spoil(t.raw(p, s.format))), format: s.format, kind: s.kind})
			if a != nil && slices.Contains(s.statuses, a.status) && a.status < 300 {
				t.Warnf("it was taken; to say no is safer")
				return
			}
			if t.refused(a, p.secrets(), s.statuses...) && a.took > t.bear(quickly) {
				t.Warnf("the answer took %d ms", a.took.Milliseconds())
			}
		}})
	}
	return append(out, tooLarge(), notAcceptable(), noToken(), wrongToken(), alwaysSays())
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func tooLarge() Check {
	return Check{"bad.large", "Wrong bodies", "A body of 50 MB is refused, at once and without being read whole.", rules, func(ctx context.Context, t *Trial) {
		const size = 50 << 20
		a, err := t.exchange(ctx, call{method: http.MethodPost, path: referrals, stream: io.MultiReader(strings.NewReader("{"), io.LimitReader(zeros{}, size-1)), silent: true})
		if err != nil {
			if _, err := t.exchange(ctx, call{method: http.MethodGet, path: "/metadata"}); err != nil {
				t.Failf("there was no answer, nor to what came after it: %v", plain(err))
			}
			t.Warnf("the connection was closed without an answer")
			return
		}
		if t.want(a, 413, 400, 422) && a.took > t.bear(5*time.Second) {
			t.Warnf("the answer took %d ms", a.took.Milliseconds())
		}
	}}
}

func notAcceptable() Check {
	return Check{"bad.accept", "Wrong bodies", "An answer that can only be given in another format is refused.", rules, func(ctx context.Context, t *Trial) {
		p := t.person()
		t.refused(t.send(ctx, call{method: http.MethodPost, path: referrals, tree: p.refer(), head: [][2]string{{"Accept", "text/csv"}}}), p.secrets(), 406)
	}}
}

func noToken() Check {
	return Check{"auth.none", "Who may send", "Whoever does not say who they are is refused: 401.", guide + "responses", func(ctx context.Context, t *Trial) {
		if t.Token == nil {
			t.NotTriedf("the run has no token, so the target may know its callers in another way")
			return
		}
		t.refused(t.send(ctx, call{method: http.MethodPost, path: referrals, tree: t.person().refer(), anonymous: true}), nil, 401)
	}}
}

func wrongToken() Check {
	return Check{"auth.wrong", "Who may send", "A token that is not known is refused: 401.", guide + "responses", func(ctx context.Context, t *Trial) {
		if t.Token == nil {
			t.NotTriedf("the run has no token, so the target may know its callers in another way")
			return
		}
		t.refused(t.send(ctx, call{method: http.MethodPost, path: referrals, tree: t.person().refer(), anonymous: true,
			head: [][2]string{{"Authorization", "Bearer " + strings.Repeat("x", 43)}}}), nil, 401)
	}}
}

func alwaysSays() Check {
	return Check{"bad.unknown-address", "Wrong bodies", "An address that there is not is answered by 404 with an OperationOutcome.", rules, func(ctx context.Context, t *Trial) {
		t.refused(t.send(ctx, call{method: http.MethodGet, path: "/NoSuchThing/1"}), nil, 404, 405, 501)
	}}
}

// businessRules are what a receiver must check of what is well formed.
func businessRules() []Check {
	check := func(id, requirement, source string, try func(context.Context, *Trial, *patient)) Check {
		return Check{"rule." + id, "Rules", requirement, guide + source, func(ctx context.Context, t *Trial) {
			if p := t.somebody(ctx); p != nil {
				try(ctx, t, p)
			}
		}}
	}
	notTaken := func(changes func(*patient) []any) func(context.Context, *Trial, *patient) {
		return func(ctx context.Context, t *Trial, p *patient) {
			t.refused(t.puts(ctx, p, fhir.JSON, changes(p)...), p.secrets(), 422)
		}
	}
	posts := func(tree func(*patient) *fhir.Node, path string, query func(*patient) string, statuses ...int) func(context.Context, *Trial, *patient) {
		return func(ctx context.Context, t *Trial, p *patient) {
			t.refused(t.send(ctx, call{method: http.MethodPost, path: path, query: query(p), tree: tree(p)}), p.secrets(), statuses...)
		}
	}
	none := func(*patient) string { return "" }
	return []Check{
		check("again", "The same referral again is a conflict: 409.", "responses", func(ctx context.Context, t *Trial, p *patient) {
			t.refused(t.send(ctx, call{method: http.MethodPost, path: referrals, tree: p.refer()}), p.secrets(), 409)
		}),
		check("fit-without-date", "Medically Fit without the date is refused (MedFit-1).", "Extension-SHD-MedicallyFitDetails", notTaken(func(*patient) []any {
			return []any{"extension", fhir.List(fitness("01", ""))}
		})),
		check("unfit-with-date", "Medically Unfit with a date is refused (MedFit-1).", "Extension-SHD-MedicallyFitDetails", notTaken(func(p *patient) []any {
			return []any{"extension", fhir.List(fitness("02", p.at(0)))}
		})),
		check("fitness-missing", "An Encounter without medicallyFitForDischarge is refused: it is 1..1.", "CareConnect-SHD-Encounter-1", notTaken(func(*patient) []any {
			return []any{"extension", nil}
		})),
		check("reason-unknown", "A reason that is none of 01 to 13 is refused.", "SHD-CancellationReason", notTaken(func(*patient) []any { return cancelled("14", "") })),
		check("reason-other", "Reason 13 without details is refused.", "SHD-CancellationReason", notTaken(func(*patient) []any { return cancelled("13", "") })),
		check("third-party", "Source of consent N/A is refused where the patient lacks mental capacity.", "SHD-ThirdPartyConsentSource",
			posts(func(p *patient) *fhir.Node { return p.paper("AssessmentNotice", consent("L", "N/A")...) }, papers, none, 422)),
		check("based-on", "based-on in the address must be the basedOn of the body.", "Share Needs Assessment(s)", func(ctx context.Context, t *Trial, p *patient) {
			t.refused(t.send(ctx, call{method: http.MethodPut, path: papers, query: "based-on=ReferralRequest/0", tree: p.paper("CHCChecklist", free("outcome", "Negative")(p)...)}), p.secrets(), 400, 422)
		}),
		check("no-content", "A case note without content is refused: payload.contentString is 1..1.", "CareConnect-SHD-Communication-1",
			posts(func(p *patient) *fhir.Node { return p.note("") }, notes, none, 422)),
		check("unknown-referral", "A paper about a referral that is not known is refused.", "Issue Assessment Notice", func(ctx context.Context, t *Trial, p *patient) {
			p.id = "0"
			t.refused(t.send(ctx, call{method: http.MethodPost, path: papers, tree: p.paper("AssessmentNotice", assessment(p)...)}), p.secrets(), 404, 422)
		}),
		check("unknown-stay", "An update of a stay that is not known, of a person who is not, is refused.", "Update Patient's Location", func(ctx context.Context, t *Trial, _ *patient) {
			stranger := t.person()
			t.refused(t.puts(ctx, stranger, fhir.JSON), stranger.secrets(), 404, 422)
		}),
		check("expression", "A refusal of an element names it, by expression or diagnostics.", "example of an OperationOutcome", func(ctx context.Context, t *Trial, p *patient) {
			a := t.send(ctx, call{method: http.MethodPost, path: notes, tree: p.note("")})
			if t.refused(a, p.secrets(), 422) && !strings.Contains(string(a.body), "payload") {
				t.Warnf("nothing in it names Communication.payload")
			}
		}),
	}
}

// behaviours are how a receiver bears what networks and senders do.
func behaviours() []Check {
	const source = "Homeward's conformance kit; BaRS Core 1.5, transaction integrity"
	check := func(id, requirement string, try func(context.Context, *Trial)) Check {
		return Check{"wire." + id, "On the wire", requirement, source, try}
	}
	return []Check{
		check("race", "One referral that comes eight times at once is taken once.", race),
		check("twice", "The same update twice has one effect, and both are answered 200.", func(ctx context.Context, t *Trial) {
			if p := t.somebody(ctx); p != nil {
				for range 2 {
					t.want(t.puts(ctx, p, fhir.JSON, "period", fhir.Obj("start", p.at(-48*time.Hour), "end", p.at(96*time.Hour))), 200)
				}
			}
		}),
		check("late", "An older update that comes after a newer one is taken, not refused.", func(ctx context.Context, t *Trial) {
			if p := t.somebody(ctx); p != nil {
				for _, said := range []time.Duration{2 * time.Minute, time.Minute} {
					t.want(t.puts(ctx, p, fhir.JSON, "meta", p.said("CareConnect-SHD-Encounter-1", said), "period", fhir.Obj("start", p.at(-48*time.Hour), "end", p.at(72*time.Hour+said))), 200)
				}
			}
		}),
		check("slow", "A sender who takes three seconds for a body is served.", func(ctx context.Context, t *Trial) {
			p := t.person()
			t.want(t.send(ctx, call{method: http.MethodPost, path: referrals, stream: &trickle{rest: []byte(t.raw(p, fhir.JSON)), in: t.bear(3 * time.Second)}}), 201)
		}),
		check("gone", "A sender who goes away in the middle of a body disturbs nobody.", gone),
		check("soon", "Nine of ten answers come within 2,100 ms, and all within 5,000 ms.", soon),
	}
}

// race sends one referral several times at once.
func race(ctx context.Context, t *Trial) {
	p := t.person()
	body := []byte(t.raw(p, fhir.JSON))
	statuses := make([]int, 8)
	var all sync.WaitGroup
	for i := range statuses {
		all.Go(func() {
			one := &Trial{verdict: Pass, kit: t.kit}
			if a, err := one.exchange(ctx, call{method: http.MethodPost, path: referrals, body: body}); err == nil {
				statuses[i] = a.status
			}
		})
	}
	all.Wait()
	t.Show(fmt.Sprintf("POST %s, eight times at once: %v", referrals, statuses))
	taken := 0
	for _, s := range statuses {
		switch s {
		case 201:
			taken++
		case 409, 425, 200: // it is there already, or comes into being
		default:
			t.Failf("one was answered %d", s)
		}
	}
	if taken != 1 {
		t.Failf("%d were answered 201", taken)
	}
}

// trickle gives its bytes evenly over a time.
type trickle struct {
	rest []byte
	in   time.Duration
}

func (s *trickle) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	const parts = 20
	n := min(len(p), max(1, len(s.rest)/parts), len(s.rest))
	time.Sleep(s.in / (parts + 1))
	s.in -= s.in / (parts + 1)
	copy(p, s.rest[:n])
	s.rest = s.rest[n:]
	return n, nil
}

func gone(ctx context.Context, t *Trial) {
	p := t.person()
	half := []byte(t.raw(p, fhir.JSON))
	half = half[:len(half)/2]
	_, err := t.exchange(ctx, call{method: http.MethodPost, path: referrals, stream: io.MultiReader(bytes.NewReader(half), broken{})})
	if err == nil {
		t.Show("the target answered before the body had ended")
	}
	t.referred(ctx, p, fhir.JSON)
}

// broken is a body that ends in a failure.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func soon(ctx context.Context, t *Trial) {
	const tries = 20
	var took []time.Duration
	for range tries {
		a, err := t.exchange(ctx, call{method: http.MethodPost, path: referrals, tree: t.person().refer(), silent: true})
		if err != nil || a.status != http.StatusCreated {
			t.NotTriedf("plain referrals were not taken")
			return
		}
		took = append(took, a.took)
	}
	t.evidence = nil
	slices.Sort(took)
	t.Show(fmt.Sprintf("%d referrals: median %d ms, nine of ten within %d ms, the slowest %d ms", tries, took[tries/2].Milliseconds(), took[tries*9/10].Milliseconds(), took[tries-1].Milliseconds()))
	if took[tries*9/10] > t.bear(2100*time.Millisecond) || took[tries-1] > t.bear(5*time.Second) {
		t.Failf("the answers were slower")
	}
}
