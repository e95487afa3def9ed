package conformance

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"homeward/fhir"
	"homeward/nhs"
)

// heard is one call that a hospital's system made to the kit.
type heard struct {
	at       time.Time
	method   string
	path     string // below the base: "/Encounter"
	query    url.Values
	body     []byte
	sum      [sha256.Size]byte
	tree     *fhir.Node // nil: not readable
	use      string     // which use case it is; "" none that is known
	problems []string   // why it cannot be taken
	status   int        // as it was answered; 0: the connection was cut on purpose
}

// ear is a receiver of Supported Hospital Discharge that remembers all it hears,
// and is now and then out of order on purpose.
type ear struct {
	base  string
	mu    sync.Mutex
	all   []heard
	known map[string]string // referral's identifier to our id
	cut   bool              // an answer was lost on purpose
	busy  bool              // one was answered 503 on purpose
}

func newEar(base string) *ear { return &ear{base: base, known: map[string]string{}} }

// ServeHTTP answers as a council's receiver would.
func (e *ear) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 10<<20))
	if err != nil {
		return // the sender went away
	}
	h := heard{at: time.Now(), method: r.Method, path: strings.TrimPrefix(r.URL.Path, "/ReferralService/v3"), query: r.URL.Query(), body: body, sum: sha256.Sum256(body)}
	f, _, known := fhir.FormatOf(r.Header.Get("Content-Type"))
	if !known {
		h.problems = append(h.problems, "Content-Type is no media type of FHIR")
	} else if h.tree, err = fhir.Parse(body, f, fhir.STU3, fhir.Limits{}); err != nil {
		h.problems = append(h.problems, "the body is not readable: "+err.Error())
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	h.use, h.problems = e.grade(h)
	said := e.answer(w, &h, f)
	e.all = append(e.all, h)
	if !said {
		panic(http.ErrAbortHandler) // the connection is cut
	}
}

// answer decides what the sender is told. Once it is told to come again, and once
// it is told nothing at all: then it reports false.
func (e *ear) answer(w http.ResponseWriter, h *heard, f fhir.Format) bool {
	switch {
	case h.tree == nil:
		h.status = http.StatusBadRequest
	case len(h.problems) > 0:
		h.status = http.StatusUnprocessableEntity
	case h.use == "refer" && e.known[key(h.tree)] != "":
		h.status = http.StatusConflict
	case h.path == stays && !e.busy:
		e.busy, h.status = true, http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "1")
	case h.path == notes && !e.cut:
		e.cut = true
		return false
	case h.method == http.MethodPost:
		h.status = http.StatusCreated
	default:
		h.status = http.StatusOK
	}
	id := fmt.Sprintf("kit-%d", len(e.all)+1)
	if h.status == http.StatusCreated {
		if h.use == "refer" {
			e.known[key(h.tree)] = id
		}
		w.Header().Set("Location", e.base+h.path+"/"+id)
	}
	var body []byte
	if h.status >= 400 {
		code := map[int]string{400: "structure", 409: "duplicate", 422: "processing", 503: "transient"}[h.status]
		body, _ = fhir.Write(fhir.Outcome(fhir.Issue{Code: code, Diagnostics: strings.Join(h.problems, "; ")}), f, fhir.STU3)
		w.Header().Set("Content-Type", fhir.MediaType(f))
	}
	w.WriteHeader(h.status)
	_, _ = w.Write(body) // a sender who has gone needs no answer
	return true
}

// key is the identifier of a resource.
func key(n *fhir.Node) string { return n.Str("identifier.system") + "|" + n.Str("identifier.value") }

// grade says which use case a call is, and what is wrong with it.
func (e *ear) grade(h heard) (use string, problems []string) {
	problems = h.problems
	wrong := func(ok bool, text string) {
		if !ok {
			problems = append(problems, text)
		}
	}
	if h.tree == nil {
		return "", problems
	}
	typ := strings.TrimPrefix(h.path, "/")
	wrong(h.tree.Type() == typ, "the body is no "+typ)
	switch h.path {
	case referrals:
		use = "refer"
		wrong(h.method == http.MethodPost, "a referral is sent by POST")
		problems = append(problems, gradeReferral(h.tree)...)
	case papers:
		use = paperUse(h.tree)
		wrong(use != "", "meta.profile names no kind of paper")
		based := h.tree.Str("basedOn.reference")
		wrong(e.isReferral(based), "QuestionnaireResponse.basedOn names no referral that was sent")
		if q := h.query.Get("based-on"); q != "" || h.method == http.MethodPut {
			wrong(q == based, "based-on in the address is not the body's basedOn")
		}
	case stays:
		use = stayUse(h.tree)
		wrong(h.method == http.MethodPut, "a stay is updated by PUT")
		system, value, _ := strings.Cut(h.query.Get("identifier"), "|")
		wrong(value != "" && h.tree.Str("identifier.system") == system && h.tree.Str("identifier.value") == value, "identifier in the address is not the body's")
		problems = append(problems, gradeFitness(h.tree)...)
	case notes:
		use = "case-note"
		wrong(h.method == http.MethodPost, "a case note is sent by POST")
		wrong(h.tree.Str("payload.contentString") != "", "Communication.payload.contentString is missing")
	default:
		problems = append(problems, "there is no such address")
	}
	return use, problems
}

// isReferral reports whether a reference is to a referral that the kit took.
func (e *ear) isReferral(reference string) bool {
	_, id, found := strings.Cut(reference, "ReferralRequest/")
	if !found {
		return false
	}
	for _, known := range e.known {
		if known == id {
			return true
		}
	}
	return false
}

func gradeReferral(n *fhir.Node) (problems []string) {
	wrong := func(ok bool, text string) {
		if !ok {
			problems = append(problems, text)
		}
	}
	wrong(n.Str("type.coding.code") == "715591000000108" && n.Str("type.coding.system") == "http://snomed.info/sct", "ReferralRequest.type is not 715591000000108 of SNOMED CT")
	wrong(n.Str("status") != "", "ReferralRequest.status is missing")
	wrong(n.Str("intent") != "", "ReferralRequest.intent is missing")
	wrong(n.Str("identifier.value") != "", "ReferralRequest.identifier is missing: without it, the same referral again cannot be known")
	subject := contained(n, n.Str("subject.reference"))
	wrong(subject.Type() == "Patient", "ReferralRequest.subject is no Patient that comes with it")
	if subject != nil {
		number := ""
		for _, id := range subject.All("identifier") {
			if strings.EqualFold(id.Str("system"), numberSystem) {
				number = id.Str("value")
			}
		}
		_, err := nhs.ParseNumber(number)
		wrong(number == "" || err == nil, "Patient.identifier: the check digit of the NHS number is wrong")
		wrong(subject.Str("name.family") != "", "Patient.name.family is missing")
	}
	stay := contained(n, n.Str("context.reference"))
	wrong(stay.Type() == "Encounter" && stay.Str("identifier.value") != "", "ReferralRequest.context is no Encounter with an identifier that comes with it")
	return problems
}

// contained is the resource that a reference within one resource means; nil for none.
func contained(n *fhir.Node, reference string) *fhir.Node {
	for _, c := range n.All("contained") {
		if reference != "" && reference == "#"+c.ID() {
			return c
		}
	}
	return nil
}

// gradeFitness is the invariant MedFit-1.
func gradeFitness(n *fhir.Node) []string {
	for _, x := range n.All("extension") {
		if x.Str("url") != fitExtension {
			continue
		}
		code, date := "", false
		for _, part := range x.All("extension") {
			switch part.Str("url") {
			case "medicallyFitStatus":
				code = part.Str("valueCoding.code")
			case "dateDeemedMedicallyFit":
				date = part.Str("valueDateTime") != ""
			}
		}
		if date == (code == "02" || code == "03") || code == "" {
			return []string{"MedFit-1: the date belongs to Medically Fit and to nothing else"}
		}
		return nil
	}
	return []string{"Encounter.extension medicallyFitForDischarge is missing: it is 1..1"}
}

// paperUse is the use case of a QuestionnaireResponse, by its profile.
func paperUse(n *fhir.Node) string {
	uses := map[string]string{"AssessmentNotice": "assessment-notice", "PreliminaryNeedsAssessment": "needs", "COVID19": "covid", "CHCChecklist": "chc", "DischargeNotice": "discharge-notice"}
	for _, p := range n.All("meta.profile") {
		if use := uses[strings.TrimPrefix(p.Text, profileBase+"SHD-QuestionnaireResponse-")]; use != "" {
			if use == "discharge-notice" && n.Str("status") == "entered-in-error" {
				return "discharge-notice-withdrawn"
			}
			return use
		}
	}
	return ""
}

// stayUse is the gravest of what an Encounter says, for it may say several things.
func stayUse(n *fhir.Node) string {
	method := n.Get("hospitalization").Str("extension.valueCodeableConcept.coding.code")
	for _, x := range n.All("extension") {
		if x.Str("url") == reasonExtension {
			switch x.Str("valueCodeableConcept.coding.code") { // SHD-CancellationReason
			case "08":
				return "died"
			case "10":
				return "self-discharged"
			}
			return "cancel"
		}
	}
	switch {
	case n.Str("status") == "finished" && method == "4":
		return "died"
	case n.Str("status") == "finished" && (method == "6" || method == "7"):
		return "self-discharged"
	case n.Str("status") == "finished":
		return "discharged"
	}
	return "update"
}

// listen serves the ear until stop is called.
func (e *ear) listen(ln net.Listener) (stop func()) {
	srv := &http.Server{Handler: e, ReadHeaderTimeout: 10 * time.Second, ErrorLog: nil}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(ln) // ends by stop
	}()
	return func() {
		_ = srv.Close()
		<-done
	}
}

// calls is what was heard so far.
func (e *ear) calls() []heard {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.all)
}

// wait returns when the sender is done: whole or enough say so, or the time is over.
func (e *ear) wait(ctx context.Context, most time.Duration, enough <-chan struct{}, whole func([]heard) bool) error {
	ctx, stop := context.WithTimeout(ctx, most)
	defer stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return nil
			}
			return ctx.Err()
		case <-enough:
			return nil
		case <-tick.C:
			if whole(e.calls()) {
				return nil
			}
		}
	}
}

// told is a call as evidence.
func (h heard) told() string {
	status := fmt.Sprint(h.status)
	if h.status == 0 {
		status = "no answer, on purpose"
	}
	return fmt.Sprintf("%s %s?%s, answered %s\n\n%s", h.method, h.path, h.query.Encode(), status, bytes.ToValidUTF8(h.body, []byte("?")))
}
