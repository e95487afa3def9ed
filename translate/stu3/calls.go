package stu3

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/fhir"
	"homeward/translate"
)

// News is one thing to tell a council that speaks SHD. What is one of "refer",
// "update", "paper", "withdraw", "discharge", "died" and "note"; of all else SHD
// has no word, for it goes from the hospital to the council only.
type News struct {
	What     string
	At       time.Time
	Referral care.ReferralID
	Paper    string
	NoteID   string
	Shown    translate.Shown
}

// Call is one request of the interface, below its base.
type Call struct {
	Method, Path, Query string // Query is escaped; "" for none
	Head                map[string]string
	Body                *fhir.Node
}

// Calls says news as requests. None: SHD has nothing for it. An error says what
// the news lack, without anything personal.
func Calls(n News) ([]Call, error) {
	c := n.Shown.Case
	i := slices.IndexFunc(c.Referrals, func(r care.Referral) bool { return r.ID == n.Referral })
	if i < 0 {
		return nil, fmt.Errorf("the referral is not shown to this destination")
	}
	r := c.Referrals[i]
	t := telling{w: writing{s: n.Shown}, news: n, r: r}
	switch n.What {
	case "refer":
		return t.refer()
	case "update", "discharge", "died":
		return t.update(nil)
	case "paper":
		return t.paper()
	case "withdraw":
		if n.Paper != "" {
			return t.paper()
		}
		return t.update(cancellation(cmp.Or(r.Why, "13"), cmp.Or(r.WhyText, "The hospital gave no reason")))
	case "note":
		return t.note()
	}
	return nil, nil
}

// telling is one piece of news being said.
type telling struct {
	w    writing
	news News
	r    care.Referral
}

// stay is the one that the referral is about: else the present, else the last.
func (t *telling) stay() (care.Stay, bool) {
	all := stays(t.news.Shown)
	for _, s := range slices.Backward(all) {
		if s.Org == t.r.From && (t.r.Stay == "" || s.Visit == t.r.Stay) {
			return s, true
		}
	}
	for _, s := range slices.Backward(all) {
		if s.Org == t.r.From {
			return s, true
		}
	}
	return care.Stay{}, false
}

// whole puts the profile, when it was said, and what is contained into a body.
func (t *telling) whole(n *fhir.Node, profile string) *fhir.Node {
	out := fhir.Obj("resourceType", n.Type(), "meta", fhir.Obj("lastUpdated", instant(t.news.At), "profile", []string{Profiles + profile}), "contained", t.w.contained)
	for _, m := range n.Members {
		if m.Name != "resourceType" {
			out.Members = append(out.Members, m)
		}
	}
	return out
}

func profiled(n *fhir.Node, profile string) *fhir.Node {
	n.Set("meta", fhir.Obj("profile", []string{Profiles + profile}))
	return n
}

// refer is a ReferralRequest with all that it refers to contained. The condition
// makes sending it twice the same as once, where the far side knows conditions.
func (t *telling) refer() ([]Call, error) {
	st, ok := t.stay()
	if !ok || t.news.Shown.Case.NHS.IsZero() {
		return nil, fmt.Errorf("SHD needs the NHS number and the hospital stay, and one of them is not known or not shown to this destination")
	}
	person := t.w.contain("patient", profiled(t.w.patient(), "CareConnect-SHD-Patient-1"))
	stay := t.w.contain("stay", profiled(t.w.encounter(st, person), "CareConnect-SHD-Encounter-1"))
	n := t.w.referral(t.r, person, stay)
	n.Set("status", "active") // as it was sent
	if to := n.Get("recipient"); to == nil {
		n.Set("recipient", nil)
	}
	return []Call{{Method: "POST", Path: "/ReferralRequest", Head: map[string]string{"If-None-Exist": "identifier=" + url.QueryEscape(sysReferral+"|"+string(t.r.ID))},
		Body: t.whole(n, "CareConnect-SHD-ReferralRequest-1")}}, nil
}

// update is the Encounter as it is now: where the person is, how they are, when
// they are expected to leave, and that they left, died or are referred no more.
func (t *telling) update(back *fhir.Node) ([]Call, error) {
	st, ok := t.stay()
	if !ok {
		return nil, fmt.Errorf("SHD needs the hospital stay, and it is not known or not shown to this destination")
	}
	person := t.w.contain("patient", profiled(t.w.patient(), "CareConnect-SHD-Patient-1"))
	n := t.w.encounter(st, person)
	died := t.news.Shown.Case.Died != nil
	switch {
	case back != nil:
		n.Add("extension", back)
	case t.news.What == "died" && died:
		n.Add("extension", cancellation("08", ""))
	case t.news.What == "discharge" && st.Left != nil && st.Left.Self && !died:
		n.Add("extension", cancellation("10", ""))
	case t.news.What == "discharge" && st.Left == nil:
		n.Set("statusHistory", fhir.List(fhir.Obj("status", "finished", "period", fhir.Obj("end", instant(t.news.At)))))
	}
	id := n.Get("identifier")
	return []Call{{Method: "PUT", Path: "/Encounter", Query: "identifier=" + url.QueryEscape(id.Str("system")+"|"+id.Str("value")),
		Body: t.whole(n, "CareConnect-SHD-Encounter-1")}}, nil
}

// basedOn refers to the referral as the far side knows it: by the id that it gave,
// else (ours) by our name of it, with the identifier beside.
func (t *telling) basedOn() *fhir.Node {
	id := t.r.Reference
	if id == "" || len(id) > 64 || strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.") != "" {
		id = string(t.r.ID)
	}
	return fhir.Obj("reference", "ReferralRequest/"+id, "identifier", fhir.Identifier(sysReferral, string(t.r.ID)))
}

func (t *telling) paper() ([]Call, error) {
	papers := t.news.Shown.Case.Papers
	i := slices.IndexFunc(papers, func(p care.Paper) bool { return p.ID == t.news.Paper })
	if i < 0 {
		return nil, fmt.Errorf("the document is not shown to this destination")
	}
	p := papers[i]
	profile := paperProfiles[p.Kind]
	if profile == "" || !p.Withdrawn.IsZero() && p.Kind == care.PaperAssessmentNotice {
		return nil, nil // an assessment notice goes with its referral
	}
	if t.news.What != "withdraw" {
		p.Withdrawn = time.Time{}
	}
	on := t.basedOn()
	n := t.w.paper(p, on, nil)
	return []Call{{Method: "PUT", Path: "/QuestionnaireResponse", Query: "based-on=" + url.QueryEscape(on.Str("reference")), Body: t.whole(n, profile)}}, nil
}

func (t *telling) note() ([]Call, error) {
	notes := t.news.Shown.Case.Notes
	i := slices.IndexFunc(notes, func(n care.Note) bool { return n.ID == t.news.NoteID })
	if i < 0 {
		return nil, fmt.Errorf("the note is not shown to this destination")
	}
	n := t.w.note(notes[i], t.basedOn(), nil)
	return []Call{{Method: "POST", Path: "/Communication", Body: t.whole(n, "CareConnect-SHD-Communication-1")}}, nil
}
