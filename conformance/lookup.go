package conformance

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"homeward/fhir"
	"homeward/nhs"
)

// Somebody is a person whom the target knows, though invented.
type Somebody struct {
	Number nhs.Number
	Born   nhs.Date
}

// A Place is an address, and the council that is responsible for it.
type Place struct {
	Address, Postcode string
	ODS               string // of the council
}

const (
	dataService = "Social Care Data Service"
	atNight     = "Homeward's scripted scenarios, out of hours in the emergency department; " + dataService
	recordPath  = "/Patient/$social-care-record"
	soonSeen    = 2 * time.Second // a look-up is on the screen
)

// lookCheck is a check of the look-up by NHS number.
func lookCheck(id, requirement, source string, try func(context.Context, *Trial)) Check {
	return Check{"lookup." + id, "The look-up by NHS number", requirement, source, try}
}

// LookupChecks are all of a service that answers what councils hold of somebody.
func LookupChecks() []Check {
	checks := []Check{
		lookCheck("known", "Whom a council supports is found within two seconds: who provides the care, and how to ring them.", atNight, lookedUp),
		lookCheck("out-of-hours", "A provider can be rung out of hours: there is a number for that.", atNight, func(ctx context.Context, t *Trial) {
			if list := t.knownRecord(ctx); list != nil && !slices.ContainsFunc(telecoms(list), func(n *fhir.Node) bool { return n.Str("use") == "temp" }) {
				t.Warnf("no telecom of a provider or council is for out of hours (use temp)")
			}
		}),
		lookCheck("safeguarding", "Whether a safeguarding enquiry is open is said, yes or no or not known, and never left out.", atNight, func(ctx context.Context, t *Trial) {
			if list := t.knownRecord(ctx); list != nil && len(ofType(list, "Flag")) == 0 {
				t.Failf("there is no Flag, not even one that says that the data are not held")
			}
		}),
		lookCheck("as-at", "What a council supplies says as at when.", atNight, func(ctx context.Context, t *Trial) {
			for _, n := range ofType(t.knownRecord(ctx), "EpisodeOfCare") {
				dated := n.Str("meta.lastUpdated") != "" || slices.ContainsFunc(n.All("extension"), func(x *fhir.Node) bool { return x.Str("valueDateTime") != "" })
				if !absent(n) && !dated {
					t.Failf("an EpisodeOfCare says neither as at when, nor when it was updated")
				}
			}
		}),
		lookCheck("xml", "The record can be had as XML.", dataService, func(ctx context.Context, t *Trial) {
			p := t.person()
			if a := t.send(ctx, call{method: http.MethodPost, path: recordPath, tree: p.asks("Found on the floor"), format: fhir.XML}); t.want(a, 200) && a.tree.Type() != "Bundle" {
				t.Failf("the answer is no Bundle in XML")
			}
		}),
		lookCheck("nobody", "Of whom nobody knows anything, it is said that data are not held (DNH-SL, DNH-IL): no answer is empty, and none reads as \"none\".", dataService+"; Interweave, service type",
			func(ctx context.Context, t *Trial) { t.holdsNothing(t.look(ctx, t.person())) }),
		lookCheck("other-birthday", "Who asks by the right number and a wrong date of birth learns no more than of nobody.", dataService, wrongBirthday),
		lookCheck("soon", "Nine of ten look-ups are answered within two seconds.", atNight, soonLooked),
	}
	return append(checks, refusedLooks()...)
}

// asks is the operation's parameters; reason "" is left out.
func (p *patient) asks(reason string) *fhir.Node {
	list := fhir.List(fhir.Obj("name", "identifier", "valueIdentifier", fhir.Identifier(numberSystem, p.number.Digits())), fhir.Obj("name", "birthDate", "valueDate", p.born),
		fhir.Obj("name", "purpose", "valueCode", "direct-care"), fhir.Obj("name", "user", "valueString", "kit"))
	if reason != "" {
		list.Items = append(list.Items, fhir.Obj("name", "reason", "valueString", reason))
	}
	return fhir.Obj("resourceType", "Parameters", "parameter", list)
}

// look asks for a record and gives its resources; nil: there is none, and the trial
// has failed.
func (t *Trial) look(ctx context.Context, p *patient) []*fhir.Node {
	a := t.send(ctx, call{method: http.MethodPost, path: recordPath, tree: p.asks("Found on the floor at home")})
	if !t.want(a, http.StatusOK) {
		return nil
	}
	list := a.tree.All("entry.resource")
	if a.tree.Type() != "Bundle" || len(list) == 0 {
		t.Failf("the answer is no Bundle with something in it")
		return nil
	}
	return list
}

// knownRecord is the record of the person whom the run was told of.
func (t *Trial) knownRecord(ctx context.Context) []*fhir.Node {
	if t.Known.Number.IsZero() {
		t.NotTriedf("the run was not told of anybody whom a council supports")
		return nil
	}
	return t.look(ctx, &patient{number: t.Known.Number, born: t.Known.Born.String()})
}

func lookedUp(ctx context.Context, t *Trial) {
	began := time.Now()
	list := t.knownRecord(ctx)
	if list == nil {
		return
	}
	if took := time.Since(began); took > t.bear(soonSeen) {
		t.Failf("it took %d ms", took.Milliseconds())
	}
	care := slices.DeleteFunc(ofType(list, "EpisodeOfCare"), absent)
	if len(care) == 0 {
		t.Failf("no EpisodeOfCare says what care there is")
		return
	}
	if len(telecoms(care)) == 0 {
		t.Failf("nobody can be rung: no organisation of an EpisodeOfCare has a telecom")
	}
}

// wrongBirthday asks for somebody who is known by a date of birth that is not theirs.
func wrongBirthday(ctx context.Context, t *Trial) {
	if t.Known.Number.IsZero() {
		t.NotTriedf("the run was not told of anybody whom a council supports")
		return
	}
	t.holdsNothing(t.look(ctx, &patient{number: t.Known.Number, born: t.Known.Born.Time().AddDate(-1, 0, 3).Format(time.DateOnly)}))
}

// holdsNothing fails the trial unless every kind of thing is said not to be held.
func (t *Trial) holdsNothing(list []*fhir.Node) {
	if list == nil {
		return
	}
	for _, typ := range []string{"EpisodeOfCare", "Flag"} {
		if len(ofType(list, typ)) == 0 {
			t.Failf("nothing says that no %s is held", typ)
		}
	}
	for _, n := range list {
		if n.Type() == "Patient" {
			t.Failf("there is a Patient: that somebody is known is told")
		} else if n.Type() != "OperationOutcome" && !absent(n) {
			t.Failf("a %s does not say that data are not held", n.Type())
		}
	}
}

// ofType is the resources of a type.
func ofType(list []*fhir.Node, typ string) (out []*fhir.Node) {
	for _, n := range list {
		if n.Type() == typ {
			out = append(out, n)
		}
	}
	return out
}

// absent reports whether a resource says that data are not held.
func absent(n *fhir.Node) bool {
	for _, path := range []string{"type.coding.code", "code.coding.code", "relationship.coding.code"} {
		if strings.HasPrefix(n.Str(path), "DNH-") {
			return true
		}
	}
	return false
}

// telecoms are those of the organisations that resources contain.
func telecoms(list []*fhir.Node) (out []*fhir.Node) {
	for _, n := range list {
		for _, c := range n.All("contained") {
			for _, x := range c.All("telecom") {
				if x.Str("value") != "" {
					out = append(out, x)
				}
			}
		}
	}
	return out
}

// refusedLooks are the questions that must not be answered.
func refusedLooks() []Check {
	wrong := func(id, requirement string, statuses []int, ask func(*Trial, *patient) call) Check {
		return lookCheck(id, requirement, dataService, func(ctx context.Context, t *Trial) {
			p := t.person()
			t.refused(t.send(ctx, ask(t, p)), p.secrets(), statuses...)
		})
	}
	posted := func(tree *fhir.Node) call { return call{method: http.MethodPost, path: recordPath, tree: tree} }
	return []Check{
		wrong("number", "A number whose check digit is wrong is refused.", []int{400, 422}, func(_ *Trial, p *patient) call {
			n := p.asks("Found on the floor")
			digits := p.number.Digits()
			n.All("parameter")[0].Member("valueIdentifier").Set("value", digits[:9]+string('0'+(digits[9]-'0'+1)%10))
			return posted(n)
		}),
		wrong("no-reason", "Who does not say why they look is refused.", []int{400, 422}, func(_ *Trial, p *patient) call { return posted(p.asks("")) }),
		wrong("address", "A number in an address is refused: addresses are written into logs.", []int{400, 403, 404, 405}, func(_ *Trial, p *patient) call {
			return call{method: http.MethodGet, path: "/Patient", query: "identifier=" + url.QueryEscape(numberSystem+"|"+p.number.Digits())}
		}),
		lookCheck("no-token", "Whoever does not say who they are is refused: 401.", dataService, func(ctx context.Context, t *Trial) {
			if t.Token == nil {
				t.NotTriedf("the run has no token, so the target may know its callers in another way")
				return
			}
			t.refused(t.send(ctx, call{method: http.MethodPost, path: recordPath, tree: t.person().asks("Found on the floor"), anonymous: true}), nil, 401)
		}),
	}
}

func soonLooked(ctx context.Context, t *Trial) {
	var took []time.Duration
	for range 10 {
		a, err := t.exchange(ctx, call{method: http.MethodPost, path: recordPath, tree: t.person().asks("Found on the floor"), silent: true})
		if err != nil || a.status != http.StatusOK {
			t.NotTriedf("plain look-ups were not answered")
			return
		}
		took = append(took, a.took)
	}
	slices.Sort(took)
	if took[8] > t.bear(soonSeen) {
		t.Failf("nine of ten took up to %d ms", took[8].Milliseconds())
	}
}

// placeCheck is a check of the locator.
func placeCheck(id, requirement string, try func(context.Context, *Trial)) Check {
	return Check{"locator." + id, "Which council is responsible", requirement, "Healthcare Locator Service, responsibleLAfromAddress; Homeward's scripted scenarios, a postcode across two councils", try}
}

// LocatorChecks are all of a service that says which council is responsible for an
// address.
func LocatorChecks() []Check {
	return []Check{
		placeCheck("property", "An address in a postcode of two councils is that of one: the address decides.", func(ctx context.Context, t *Trial) {
			if c := t.councils(ctx, t.Boundary); c != nil && (len(c.ods) != 1 || c.ods[0] != t.Boundary.ODS) {
				t.Failf("the councils are %q, and should be %q", strings.Join(c.ods, ", "), t.Boundary.ODS)
			}
		}),
		placeCheck("two", "A postcode of two councils alone gives both as candidates, and says that they are.", func(ctx context.Context, t *Trial) {
			c := t.councils(ctx, Place{Address: "9999 Nowhere House", Postcode: t.Boundary.Postcode, ODS: t.Boundary.ODS})
			switch {
			case c == nil:
			case len(c.ods) < 2 || !slices.Contains(c.ods, t.Boundary.ODS):
				t.Failf("the councils are %q: a referral may go to the wrong one", strings.Join(c.ods, ", "))
			case !c.said:
				t.Failf("no OperationOutcome says that they are candidates")
			}
		}),
		placeCheck("endpoint", "The answer says where the council takes referrals.", func(ctx context.Context, t *Trial) {
			if c := t.councils(ctx, t.Boundary); c != nil && !c.endpoint {
				t.Warnf("there is no Endpoint with an address")
			}
		}),
		placeCheck("nowhere", "An address that nobody knows gives no council, and says why.", func(ctx context.Context, t *Trial) {
			c := t.councils(ctx, Place{Address: "1 Nowhere House", Postcode: "ZZ99 3VZ", ODS: "none"})
			switch {
			case c == nil:
			case len(c.ods) > 0:
				t.Failf("the councils are %q", strings.Join(c.ods, ", "))
			case !c.said:
				t.Failf("no OperationOutcome says why there is none")
			}
		}),
		placeCheck("parameters", "A question without the postcode is refused: 400.", func(ctx context.Context, t *Trial) {
			t.refused(t.send(ctx, call{method: http.MethodGet, path: "/HealthcareService", query: "_query=responsibleLAfromAddress&address=1&type=acute-d2a"}), nil, 400, 422)
		}),
		placeCheck("no-token", "Whoever does not say who they are is refused: 401.", func(ctx context.Context, t *Trial) {
			if t.Token == nil {
				t.NotTriedf("the run has no token, so the target may know its callers in another way")
				return
			}
			t.refused(t.send(ctx, call{method: http.MethodGet, path: "/HealthcareService", query: where(Place{Address: "1", Postcode: "ZZ99 3VZ"}), anonymous: true}), nil, 401)
		}),
	}
}

// located is an answer of the locator.
type located struct {
	ods      []string // of the councils
	said     bool     // an OperationOutcome is in it
	endpoint bool
}

func where(p Place) string {
	return url.Values{"_query": {"responsibleLAfromAddress"}, "address": {p.Address}, "postcode": {p.Postcode}, "type": {"acute-d2a"}}.Encode()
}

// councils asks who is responsible; nil: there is no answer that can be used.
func (t *Trial) councils(ctx context.Context, p Place) *located {
	if p.ODS == "" {
		t.NotTriedf("the run was not told of an address in a postcode of two councils")
		return nil
	}
	a := t.send(ctx, call{method: http.MethodGet, path: "/HealthcareService", query: where(p)})
	if !t.want(a, http.StatusOK) {
		return nil
	}
	if a.tree.Type() != "Bundle" {
		t.Failf("the answer is no Bundle")
		return nil
	}
	out := &located{}
	services := 0
	for _, n := range a.tree.All("entry.resource") {
		switch n.Type() {
		case "HealthcareService":
			services++
		case "Organization":
			for _, id := range n.All("identifier") {
				if id.Str("system") == odsSystem {
					out.ods = append(out.ods, id.Str("value"))
				}
			}
		case "OperationOutcome":
			out.said = true
		case "Endpoint":
			out.endpoint = out.endpoint || n.Str("address") != ""
		}
	}
	if services != len(out.ods) {
		t.Failf("there are %d HealthcareServices, and %d organisations with an ODS code", services, len(out.ods))
	}
	return out
}
