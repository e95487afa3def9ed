package sim

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"homeward/fhir"
)

// SHDCouncil is a pretend council whose own system takes referrals by Supported
// Hospital Discharge (base /ReferralService/v3), as the published guide says it: ids
// are numbers of its own, a stay is known by the Encounter's identifier, and what it
// does not know it refuses. The zero value is ready. It remembers what it took, in
// memory, and answers hospitals only.
type SHDCouncil struct {
	Token string // that must be shown; "": anybody may send

	mu        sync.Mutex
	last      int
	referrals map[string]*SHDReferral // by its own id
	taken     []string
}

// SHDReferral is what such a council knows of one referral.
type SHDReferral struct {
	ID      string
	Sent    *fhir.Node            // the ReferralRequest, with what it contained
	Stay    *fhir.Node            // the Encounter as last told
	Papers  map[string]*fhir.Node // by the last part of the profile
	Notes   []*fhir.Node
	visit   string // identifier of the Encounter, system|value
	ownName string // identifier of the ReferralRequest, system|value
}

// Taken lists what it took, in order: "POST ReferralRequest", "PUT Encounter".
func (c *SHDCouncil) Taken() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.taken...)
}

// Referrals lists the referrals, in no order.
func (c *SHDCouncil) Referrals() (out []SHDReferral) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.referrals {
		out = append(out, *r)
	}
	return out
}

// shdRefusal is why something is not taken.
type shdRefusal struct {
	status     int
	code, text string
}

// ServeHTTP answers /ReferralService/v3.
func (c *SHDCouncil) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	format, _, known := fhir.FormatOf(r.Header.Get("Content-Type"))
	answer := func(status int, n *fhir.Node) {
		b, err := fhir.Write(n, format, fhir.STU3)
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", fhir.MediaType(format))
		w.WriteHeader(status)
		_, _ = w.Write(b) // the sender may have gone
	}
	no := func(f shdRefusal) { answer(f.status, fhir.Outcome(fhir.Issue{Code: f.code, Diagnostics: f.text})) }
	if c.Token != "" && r.Header.Get("Authorization") != "Bearer "+c.Token {
		no(shdRefusal{http.StatusUnauthorized, "login", "Show a token"})
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 10<<20))
	if err != nil || !known {
		no(shdRefusal{http.StatusBadRequest, "structure", "The body cannot be read"})
		return
	}
	n, err := fhir.Parse(body, format, fhir.STU3, fhir.Limits{})
	if err != nil {
		no(shdRefusal{http.StatusBadRequest, "structure", "The body cannot be read"})
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	status, location, refused := c.take(r, n)
	if location != "" {
		w.Header().Set("Location", "http://"+r.Host+"/ReferralService/v3/"+location)
	}
	if refused != nil {
		no(*refused)
		return
	}
	c.taken = append(c.taken, r.Method+" "+n.Type())
	w.WriteHeader(status)
}

// take carries one call out.
func (c *SHDCouncil) take(r *http.Request, n *fhir.Node) (status int, location string, no *shdRefusal) {
	_, path, _ := strings.Cut(r.URL.Path, "/ReferralService/v3/")
	switch what := r.Method + " " + path; {
	case path != n.Type():
		return 0, "", &shdRefusal{http.StatusUnprocessableEntity, "invariant", "The resource is of another type than the address"}
	case what == "POST ReferralRequest":
		return c.refer(r, n)
	case what == "PUT Encounter":
		for _, x := range c.referrals {
			if x.visit == r.URL.Query().Get("identifier") && x.visit == nameOf(n) {
				x.Stay = n
				return http.StatusOK, "", nil
			}
		}
		return 0, "", &shdRefusal{http.StatusNotFound, "not-found", "There is no such Encounter"}
	case what == "POST QuestionnaireResponse" || what == "PUT QuestionnaireResponse":
		return c.paper(r, n)
	case what == "POST Communication":
		x := c.referrals[tail(n.Str("basedOn.reference"))]
		if x == nil || n.Str("payload.contentString") == "" {
			return 0, "", &shdRefusal{http.StatusUnprocessableEntity, "processing", "The note says nothing, or is about no referral that is known"}
		}
		x.Notes = append(x.Notes, n)
		return http.StatusCreated, "Communication/" + x.ID + "-" + fmt.Sprint(len(x.Notes)), nil
	}
	return 0, "", &shdRefusal{http.StatusMethodNotAllowed, "not-supported", "This cannot be asked for"}
}

// refer takes a referral with the Patient and the Encounter that it contains.
func (c *SHDCouncil) refer(r *http.Request, n *fhir.Node) (int, string, *shdRefusal) {
	patient, stay := fhir.Contained(n, n.Str("subject.reference")), fhir.Contained(n, n.Str("context.reference"))
	if patient.Type() != "Patient" || stay.Type() != "Encounter" || n.Str("type.coding.code") != "715591000000108" {
		return 0, "", &shdRefusal{http.StatusUnprocessableEntity, "required", "The patient, the stay and the type must be there"}
	}
	for _, x := range c.referrals {
		if x.ownName == nameOf(n) {
			if r.Header.Get("If-None-Exist") != "" {
				return http.StatusOK, "ReferralRequest/" + x.ID, nil
			}
			return 0, "ReferralRequest/" + x.ID, &shdRefusal{http.StatusConflict, "duplicate", "It is here already"}
		}
	}
	if c.referrals == nil {
		c.referrals, c.last = map[string]*SHDReferral{}, 11284223
	}
	c.last++
	x := &SHDReferral{ID: fmt.Sprint(c.last), Sent: n, Stay: stay, Papers: map[string]*fhir.Node{}, visit: nameOf(stay), ownName: nameOf(n)}
	c.referrals[x.ID] = x
	return http.StatusCreated, "ReferralRequest/" + x.ID, nil
}

func (c *SHDCouncil) paper(r *http.Request, n *fhir.Node) (int, string, *shdRefusal) {
	on := n.Str("basedOn.reference")
	if asked := r.URL.Query().Get("based-on"); r.Method == http.MethodPut && tail(asked) != tail(on) {
		return 0, "", &shdRefusal{http.StatusUnprocessableEntity, "conflict", "based-on is not that of the body"}
	}
	x, kind := c.referrals[tail(on)], tail(strings.ReplaceAll(n.Str("meta.profile"), "-", "/"))
	if x == nil || kind == "" {
		return 0, "", &shdRefusal{http.StatusUnprocessableEntity, "not-found", "The referral or the profile is not known"}
	}
	status := http.StatusOK
	if r.Method == http.MethodPost {
		status = http.StatusCreated
	}
	x.Papers[kind] = n
	return status, "QuestionnaireResponse/" + x.ID + "-" + kind, nil
}

// nameOf is the first identifier, system|value.
func nameOf(n *fhir.Node) string {
	return n.Str("identifier.system") + "|" + n.Str("identifier.value")
}

func tail(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }
