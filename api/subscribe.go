package api

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"homeward/care"
	"homeward/fhir"
	"homeward/hub"
	"homeward/translate/r4"
)

// Canonicals of Subscriptions R5 Backport 1.1.
const (
	backport       = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
	backportStatus = backport + "backport-subscription-status-r4"
	topicBase      = r4.Canonical + "/SubscriptionTopic/"
	crossVersion   = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic."
)

// subscribeRoutes are topic-based subscriptions (docs/interfaces/subscriptions.md,
// Subscriptions R5 Backport 1.1). Every system sees its own and no others.
func (fc *face) subscribeRoutes() {
	const at = "/Subscription"
	fc.on("POST", at, SubscribeScope, (*call).subscribe)
	fc.on("GET", at, SubscribeScope, (*call).subscriptions)
	fc.on("GET", at+"/{id}", SubscribeScope, (*call).subscription)
	fc.on("PUT", at+"/{id}", SubscribeScope, (*call).resubscribe)
	fc.on("DELETE", at+"/{id}", SubscribeScope, (*call).unsubscribe)
	fc.on("GET", at+"/$status", SubscribeScope, (*call).subscriptionStatuses)
	fc.on("POST", at+"/$status", SubscribeScope, (*call).subscriptionStatuses)
	fc.on("GET", at+"/{id}/$status", SubscribeScope, (*call).subscriptionStatuses)
	fc.on("GET", at+"/{id}/$events", SubscribeScope, (*call).subscriptionEvents)
	fc.on("POST", at+"/{id}/$events", SubscribeScope, (*call).subscriptionEvents)
	fc.on("GET", at+"/$get-ws-binding-token", SubscribeScope, (*call).bindingToken)
	fc.on("POST", at+"/$get-ws-binding-token", SubscribeScope, (*call).bindingToken)
	fc.on("GET", at+"/{id}/$get-ws-binding-token", SubscribeScope, (*call).bindingToken)
	fc.on("GET", socketPath, "", (*call).socket)
	fc.on("GET", "/Basic", SubscribeScope, (*call).topics)
	fc.on("GET", "/Basic/{id}", SubscribeScope, (*call).topic)
}

// subscribe makes a subscription.
func (c *call) subscribe() error {
	n, err := c.body()
	if err != nil {
		return err
	}
	s, err := c.subscriptionFrom(n)
	if err != nil {
		return err
	}
	if s, err = c.faces.Hub.Subscribe(c.r.Context(), c.by, s); err != nil {
		return err
	}
	return c.written(true, "/Subscription/"+s.ID, subscriptionResource(s))
}

func (c *call) subscription() error {
	s, err := c.faces.Hub.Subscription(c.r.Context(), c.by, c.r.PathValue("id"))
	if err != nil {
		return err
	}
	return c.write(http.StatusOK, subscriptionResource(s))
}

// resubscribe changes a subscription. With the status requested one that failed
// begins again where it was.
func (c *call) resubscribe() error {
	n, err := c.body()
	if err != nil {
		return err
	}
	id := c.r.PathValue("id")
	was, err := c.faces.Hub.Subscription(c.r.Context(), c.by, id)
	if err != nil {
		return err
	}
	if n.ID() != id {
		return unfit("value", "Subscription.id", "The id must be that of the address")
	}
	s, err := c.subscriptionFrom(n)
	if err != nil {
		return err
	}
	s.ID, s.Headers = id, keptHeaders(s.Headers, was.Headers)
	if s, err = c.faces.Hub.Resubscribe(c.r.Context(), c.by, s); err != nil {
		return err
	}
	return c.written(false, "", subscriptionResource(s))
}

func (c *call) unsubscribe() error {
	if err := c.faces.Hub.Unsubscribe(c.r.Context(), c.by, c.r.PathValue("id")); err != nil {
		return err
	}
	c.begun = true
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// subscriptions lists the asker's own, by _id, status, type, criteria or url.
func (c *call) subscriptions() error {
	all, err := c.faces.Hub.Subscriptions(c.r.Context(), c.by)
	if err != nil {
		return err
	}
	asked := c.r.URL.Query()
	var entries []*fhir.Node
	for _, s := range all {
		is := map[string]string{"_id": s.ID, "status": string(s.Status), "type": string(s.Channel), "criteria": topicBase + s.Topic, "url": s.Endpoint}
		fits := true
		for name, values := range asked {
			have, known := is[name]
			switch {
			case strings.HasPrefix(name, "_") && !known:
			case !known:
				return notSearchable(name, "is not one of _id, status, type, criteria and url")
			default:
				fits = fits && anyOf(values, have)
			}
		}
		if fits {
			entries = append(entries, c.entry("match", subscriptionResource(s)))
		}
	}
	return c.write(http.StatusOK, c.bundle("searchset", len(entries), entries...))
}

func anyOf(values []string, have string) bool {
	for _, v := range values {
		for one := range strings.SplitSeq(v, ",") {
			if one == have {
				return true
			}
		}
	}
	return false
}

// subscriptionStatuses answers $status: of one, of those that id names, or of all
// of the asker's own.
func (c *call) subscriptionStatuses() error {
	given, err := c.operands()
	if err != nil {
		return err
	}
	ids := given["id"]
	if one := c.r.PathValue("id"); one != "" {
		if _, err := c.faces.Hub.Subscription(c.r.Context(), c.by, one); err != nil {
			return err
		}
		ids = []string{one}
	}
	all, err := c.faces.Hub.Subscriptions(c.r.Context(), c.by)
	if err != nil {
		return err
	}
	var entries []*fhir.Node
	for _, s := range all {
		if len(ids) > 0 && !anyOf(ids, s.ID) {
			continue
		}
		status := statusParameters(c.faces.PublicURL+r4Base, hub.Notification{Subscription: s, Kind: hub.QueryStatus})
		entries = append(entries, fhir.Obj("fullUrl", newURN(), "resource", status, "search", fhir.Obj("mode", "match")))
	}
	return c.write(http.StatusOK, c.bundle("searchset", len(entries), entries...))
}

// subscriptionEvents answers $events: events from eventsSinceNumber to
// eventsUntilNumber, both among them, as far as they are kept.
func (c *call) subscriptionEvents() error {
	given, err := c.operands()
	if err != nil {
		return err
	}
	var bounds [2]int64
	for i, name := range []string{"eventsSinceNumber", "eventsUntilNumber"} {
		v := given[name]
		if len(v) == 0 {
			continue
		}
		if bounds[i], err = strconv.ParseInt(v[0], 10, 64); err != nil || bounds[i] < 0 {
			return no(http.StatusBadRequest, "invalid", "The parameter "+name+" must be the number of an event")
		}
	}
	content := given["content"]
	if len(content) > 0 && !slices.Contains([]hub.SubscriptionPayload{hub.PayloadEmpty, hub.PayloadID, hub.PayloadFull}, hub.SubscriptionPayload(content[0])) {
		return no(http.StatusBadRequest, "invalid", "The parameter content must be empty, id-only or full-resource")
	}
	id := c.r.PathValue("id")
	s, events, err := c.faces.Hub.SubscriptionEvents(c.r.Context(), c.by, id, max(0, bounds[0]-1), bounds[1])
	if err != nil {
		return err
	}
	if len(content) > 0 && less(hub.SubscriptionPayload(content[0]), s.Payload) {
		s.Payload = hub.SubscriptionPayload(content[0]) // less than it takes elsewhere, never more
	}
	return c.write(http.StatusOK, notificationBundle(c.faces.PublicURL+r4Base, hub.Notification{Subscription: s, Kind: hub.QueryEvent, Events: events}, c.faces.Clock()))
}

func less(a, b hub.SubscriptionPayload) bool {
	order := map[hub.SubscriptionPayload]int{hub.PayloadEmpty: 1, hub.PayloadID: 2, hub.PayloadFull: 3}
	return order[a] > 0 && order[a] < order[b]
}

// operands are the parameters of an operation, from the address and from a Parameters
// resource.
func (c *call) operands() (map[string][]string, error) {
	out := map[string][]string(c.r.URL.Query())
	if c.r.Method != http.MethodPost || c.r.ContentLength == 0 {
		return out, nil
	}
	n, err := c.body()
	if err != nil {
		return nil, err
	}
	if n.Type() != "Parameters" {
		return nil, unfit("value", "resourceType", "The body of an operation must be Parameters")
	}
	for _, p := range n.All("parameter") {
		for _, m := range p.Members {
			if strings.HasPrefix(m.Name, "value") && m.Value.Kind != fhir.Object && m.Value.Kind != fhir.Array {
				out[p.Str("name")] = append(out[p.Str("name")], m.Value.Text)
			}
		}
	}
	return out, nil
}

// topics lists what can be subscribed to, as Basic, since R4 has no SubscriptionTopic
// (Subscriptions R5 Backport 1.1, topics in R4).
func (c *call) topics() error {
	var entries []*fhir.Node
	for _, t := range hub.SubscriptionTopics() {
		if code := c.r.URL.Query().Get("code"); code == "" || code == "SubscriptionTopic" || strings.HasSuffix(code, "|SubscriptionTopic") {
			entries = append(entries, c.entry("match", topicResource(t)))
		}
	}
	return c.write(http.StatusOK, c.bundle("searchset", len(entries), entries...))
}

func (c *call) topic() error {
	for _, t := range hub.SubscriptionTopics() {
		if t.Name == c.r.PathValue("id") {
			return c.write(http.StatusOK, topicResource(t))
		}
	}
	return &care.Error{Kind: care.NotFound, Text: "There is no such topic"}
}

func topicResource(t hub.SubscriptionTopic) *fhir.Node {
	part := func(name, kind string, value any) *fhir.Node { return fhir.Obj("url", crossVersion+name, kind, value) }
	list := []*fhir.Node{part("url", "valueUri", topicBase+t.Name), part("title", "valueString", t.Title), part("status", "valueCode", "active"),
		part("description", "valueMarkdown", t.Says),
		fhir.Obj("url", crossVersion+"resourceTrigger", "extension", []*fhir.Node{fhir.Obj("url", "resource", "valueUri", "http://hl7.org/fhir/StructureDefinition/"+t.Type)})}
	for _, f := range t.Filters {
		list = append(list, fhir.Obj("url", crossVersion+"canFilterBy", "extension", []*fhir.Node{
			fhir.Obj("url", "resource", "valueUri", "http://hl7.org/fhir/StructureDefinition/"+t.Type), fhir.Obj("url", "filterParameter", "valueString", f)}))
	}
	return fhir.Obj("resourceType", "Basic", "id", t.Name, "extension", list,
		"code", fhir.Concept("", fhir.Coding("http://hl7.org/fhir/fhir-types", "SubscriptionTopic", "SubscriptionTopic")))
}

// subscribeCapability is what the CapabilityStatement says of subscriptions: an
// entry of rest.resource.
func subscribeCapability() *fhir.Node {
	var topics []*fhir.Node
	for _, t := range hub.SubscriptionTopics() {
		topics = append(topics, fhir.Obj("url", backport+"capabilitystatement-subscriptiontopic-canonical", "valueCanonical", topicBase+t.Name))
	}
	list := func(kind string, codes ...string) (out []*fhir.Node) {
		for _, x := range codes {
			out = append(out, fhir.Obj(kind, x))
		}
		return out
	}
	op := func(name string) *fhir.Node {
		return fhir.Obj("name", name, "definition", "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription-"+name)
	}
	search := func(name, kind string) *fhir.Node { return fhir.Obj("name", name, "type", kind) }
	return fhir.Obj("extension", topics, "type", "Subscription", "supportedProfile", []string{backport + "backport-subscription"},
		"documentation", "A system's own subscriptions to the topics that are listed. Channels are rest-hook and websocket.",
		"interaction", list("code", "create", "read", "update", "delete", "search-type"),
		"searchParam", []*fhir.Node{search("status", "token"), search("type", "token"), search("criteria", "string"), search("url", "uri")},
		"operation", []*fhir.Node{op("status"), op("events"), op("get-ws-binding-token")})
}
