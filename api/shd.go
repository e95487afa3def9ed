package api

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"homeward/care"
	"homeward/fhir"
	"homeward/hub"
	"homeward/translate"
	"homeward/translate/stu3"
)

// shdRoutes is the Supported Hospital Discharge interface of Nottinghamshire, from
// hospitals to councils (docs/interfaces/shd.md). Reading back is ours.
func (f *Faces) shdRoutes() {
	fc := f.add(face{name: "shd", base: "/ReferralService/v3", version: fhir.STU3, title: "Supported Hospital Discharge to Social Care", since: "2026-11-22"})
	fc.on(http.MethodGet, "/metadata", "", fc.capabilities)
	fc.on(http.MethodPost, "/ReferralRequest", SHDScope, shdRefer)
	fc.on(http.MethodPost, "/QuestionnaireResponse", SHDScope, shdPaper)
	fc.on(http.MethodPut, "/QuestionnaireResponse", SHDScope, shdPaper)
	fc.on(http.MethodPut, "/Encounter", SHDScope, shdEncounter)
	fc.on(http.MethodPost, "/Communication", SHDScope, shdNote)
	for _, typ := range []string{"Patient", "Encounter", "ReferralRequest", "QuestionnaireResponse", "Communication"} {
		fc.on(http.MethodGet, "/"+typ+"/{id}", SHDScope, func(c *call) error { return shdRead(c, typ) })
	}
	fc.on(http.MethodGet, "/Encounter", SHDScope, shdFind)
}

// sender is the system that asks, and when it says that it spoke.
func (c *call) sender() stu3.Sender {
	said, err := http.ParseTime(c.r.Header.Get("Date"))
	s := stu3.Sender{Source: care.Source{Feed: c.name + ":" + c.client(), Name: c.by.Name, Org: c.by.Org}, Received: c.faces.Clock(), Zone: c.faces.Hub.Zone}
	if err == nil {
		s.Said = said
	}
	return s
}

// query checks that the address has no parameters but those named and _format,
// each once, and gives them.
func (c *call) query(names ...string) (map[string]string, error) {
	values, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return nil, no(http.StatusBadRequest, "invalid", "The parameters of the address cannot be read")
	}
	out := map[string]string{}
	for name, vs := range values {
		base, _, _ := strings.Cut(name, ":")
		switch {
		case name == "_format":
		case !slices.Contains(names, base):
			return nil, no(http.StatusBadRequest, "not-supported", "The address has a parameter that is not known here. Known: "+cmp.Or(strings.Join(names, ", "), "none"))
		case len(vs) > 1 || vs[0] == "":
			return nil, no(http.StatusBadRequest, "invalid", "The parameter "+base+" must stand once in the address, with a value")
		default:
			out[base] = vs[0]
		}
	}
	return out, nil
}

// shdRefer is the use case Refer Patient.
func shdRefer(c *call) error {
	if _, err := c.query(); err != nil {
		return err
	}
	body, err := c.checked("ReferralRequest")
	if err != nil {
		return err
	}
	q, err := stu3.ReadReferral(body, c.r.Header.Get("X-Request-Id"), c.sender())
	if err != nil {
		return err
	}
	refer := q.Commands[0].(care.Refer)
	condition := c.r.Header.Get("If-None-Exist")
	switch {
	case condition == "":
		q.Key = refer.Key
	case !sameCondition(condition, refer.Key):
		return unfit("conflict", "ReferralRequest.identifier", "If-None-Exist must ask for the identifier of the referral: identifier=system|value")
	}
	t, err := c.take(q.Event, q)
	if err != nil {
		return err
	}
	at := "/ReferralRequest/" + stu3.ID(t.Case, string(t.Referral))
	switch {
	case t.Created && !t.Again:
		return c.given(t, true, at)
	case condition != "":
		return c.given(t, false, at)
	}
	c.w.Header().Set("Location", c.url(at))
	return no(http.StatusConflict, "duplicate", "This referral is here already. Location says where")
}

// sameCondition reports whether If-None-Exist asks for this identifier.
func sameCondition(condition, key string) bool {
	values, err := url.ParseQuery(strings.TrimPrefix(condition, "?"))
	return err == nil && len(values) == 1 && (values.Get("identifier") == key || "|"+values.Get("identifier") == key)
}

// given answers with where something is, and with what is there, if that is wanted.
func (c *call) given(t hub.Taken, created bool, at string) error {
	if preferred(c.r) != "representation" {
		return c.written(created, at, nil)
	}
	typ, id, _ := strings.Cut(strings.TrimPrefix(at, "/"), "/")
	n, err := c.shdOne(typ, id)
	if err != nil {
		return err
	}
	return c.written(created, at, n)
}

// shdPaper is Issue Assessment Notice, Share Needs Assessment(s) and CHC Checklist,
// Issue Discharge Notice and Withdraw Discharge Notice: POST the first time, PUT
// always. Which of them it is, the profile says.
func shdPaper(c *call) error {
	params, err := c.query("based-on")
	if err != nil {
		return err
	}
	if c.r.Method == http.MethodPut && params["based-on"] == "" {
		return no(http.StatusBadRequest, "required", "The address must say which referral: based-on=ReferralRequest/id")
	}
	body, err := c.checked("QuestionnaireResponse")
	if err != nil {
		return err
	}
	q, err := stu3.ReadPaper(body, params["based-on"], c.sender())
	if err != nil {
		return err
	}
	t, err := c.shdTake(q)
	if err != nil {
		return err
	}
	created := t.Created || t.Again && c.r.Method == http.MethodPost
	return c.given(t, created, "/QuestionnaireResponse/"+stu3.ID(t.Case, t.Paper))
}

// shdEncounter is all that happens to a stay: safe for discharge, predicted date,
// location, cancelled, self-discharged, discharged, died, or several at once.
func shdEncounter(c *call) error {
	params, err := c.query("identifier")
	if err != nil {
		return err
	}
	if params["identifier"] == "" {
		return no(http.StatusBadRequest, "required", "The address must say which Encounter: identifier=system|value")
	}
	body, err := c.checked("Encounter")
	if err != nil {
		return err
	}
	q, err := stu3.ReadEncounter(body, params["identifier"], c.sender())
	if err != nil {
		return err
	}
	t, err := c.shdTake(q)
	if err != nil {
		return err
	}
	return c.given(t, t.Created, "/Encounter/"+care.StayResource(t.Case, care.Stay{Org: c.by.Org, Visit: t.Visit}))
}

// shdTake gives a request to the hub (FHIR STU3 http.html#concurrency).
func (c *call) shdTake(q translate.Request) (hub.Taken, error) {
	in := c.inbound(q.Event)
	in.Version, in.Fit = shdVersion, c.fits
	return c.takeVersion(in, q)
}

// shdVersion is the version of what came, as its sender reads it.
func shdVersion(s translate.Shown, k translate.Kept) string {
	for _, n := range stu3.Resources(s) {
		switch {
		case n.Type() != k.Type:
		case k.Type == "Encounter" && n.Str("identifier.value") == k.Tree.Str("identifier.value"),
			k.Type == "QuestionnaireResponse" && n.Str("meta.profile") == k.Tree.Str("meta.profile") && sameEnd(n.Str("basedOn.reference"), k.Tree.Str("basedOn.reference")):
			return n.Str("meta.versionId")
		}
	}
	return ""
}

func sameEnd(a, b string) bool {
	return a[strings.LastIndexByte(a, '/')+1:] == b[strings.LastIndexByte(b, '/')+1:]
}

// fits holds a request against the case as it is. Of an update of a stay the person
// must be the one whose stay it is. The cancelling of a referral is left out where
// that has been done: a sender that cancelled goes on sending the reason with all
// that changes later.
func (c *call) fits(q translate.Request, have care.Case) (translate.Request, error) {
	if q.Visit == nil || have.ID == "" {
		return q, nil
	}
	if n := q.About.NHS; !n.IsZero() && !have.NHS.IsZero() && n != have.NHS && !slices.Contains(have.Formerly, n) {
		return q, &care.Error{Kind: care.Conflict, Field: "Encounter.subject", Text: "The stay is of another person than the one who is named as its subject"}
	}
	mine := false
	for _, r := range have.Referrals {
		switch {
		case r.From != c.by.Org || r.Stay != q.Visit.Value:
		case r.Open() && r.State != care.RefDischarged:
			return q, nil
		default:
			mine = true
		}
	}
	if mine {
		q.Commands = slices.DeleteFunc(slices.Clone(q.Commands), func(x care.Command) bool { _, withdraws := x.(care.Withdraw); return withdraws })
	}
	return q, nil
}

// shdNote is the use case Share Case Note.
func shdNote(c *call) error {
	if _, err := c.query(); err != nil {
		return err
	}
	body, err := c.checked("Communication")
	if err != nil {
		return err
	}
	q, err := stu3.ReadNote(body, c.sender())
	if err != nil {
		return err
	}
	t, err := c.take(q.Event, q)
	if err != nil {
		return err
	}
	at := "/Communication/" + stu3.ID(t.Case, t.Note)
	if t.Created && !t.Again {
		return c.given(t, true, at)
	}
	c.w.Header().Set("Location", c.url(at))
	return no(http.StatusConflict, "duplicate", "This note is here already. Location says where")
}

// shdRead gives back what came of what a hospital sent.
func shdRead(c *call, typ string) error {
	if _, err := c.query(); err != nil {
		return err
	}
	n, err := c.shdOne(typ, c.r.PathValue("id"))
	if err != nil {
		return err
	}
	return c.write(http.StatusOK, n)
}

func (c *call) shdOne(typ, id string) (*fhir.Node, error) {
	s, err := c.faces.Hub.Show(c.r.Context(), c.by, care.CaseOf(id), hub.ShowRequest{Action: "read " + typ})
	if err != nil {
		return nil, err
	}
	n := stu3.One(s, typ, id)
	if n == nil {
		return nil, &care.Error{Kind: care.NotFound, Text: "There is no such record, or none that may be shown"}
	}
	return n, nil
}

// shdFind finds the stay that has the sender's own identifier.
func shdFind(c *call) error {
	params, err := c.query("identifier")
	if err != nil {
		return err
	}
	asked := params["identifier"]
	if asked == "" {
		return no(http.StatusBadRequest, "required", "Ask by identifier=system|value")
	}
	_, value, piped := strings.Cut(asked, "|")
	if !piped {
		value = asked
	}
	find := hub.Find{Types: []string{"Encounter"}, Visit: &care.Identifier{Value: value}}
	page, err := c.faces.Hub.ShowSome(c.r.Context(), c.by, find, hub.ShowRequest{Action: "search Encounter"})
	if err != nil {
		return err
	}
	var found []*fhir.Node
	for _, s := range page.Shown {
		for _, n := range stu3.Resources(s) {
			if n.Type() == "Encounter" && n.Str("identifier.value") == value && (!piped || n.Str("identifier.system")+"|"+value == asked) {
				found = append(found, c.entry("match", n))
			}
		}
	}
	return c.write(http.StatusOK, c.bundle("searchset", len(found), found...))
}
