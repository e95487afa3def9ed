package api

import (
	"crypto/rand"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"homeward/fhir"
	"homeward/hub"
	"homeward/translate/r4"
)

// subscriptionFrom reads a Subscription of R4 with the extensions of the backport.
func (c *call) subscriptionFrom(n *fhir.Node) (s hub.Subscription, err error) {
	if n.Type() != "Subscription" {
		return s, unfit("value", "resourceType", "The body must be a Subscription")
	}
	for _, x := range []string{"status", "reason", "criteria", "channel.type"} {
		if n.Str(x) == "" {
			return s, unfit("required", "Subscription."+x, "This element is needed")
		}
	}
	s.Status = hub.SubscriptionStatus(n.Str("status"))
	if !slices.Contains([]hub.SubscriptionStatus{hub.SubscriptionRequested, hub.SubscriptionActive, hub.SubscriptionOff}, s.Status) {
		return s, unfit("value", "Subscription.status", "The status to ask for is requested, or off")
	}
	topic, known := strings.CutPrefix(n.Str("criteria"), topicBase)
	if !known {
		return s, unfit("not-supported", "Subscription.criteria", "The criteria must be the canonical of a topic. The CapabilityStatement lists them")
	}
	s.Topic = topic
	if s.Filters, err = c.filters(n); err != nil {
		return s, err
	}
	if end := n.Str("end"); end != "" {
		if s.Ends, err = time.Parse(time.RFC3339Nano, end); err != nil {
			return s, unfit("value", "Subscription.end", "The end must be an instant")
		}
	}
	ch := n.Get("channel")
	s.Channel, s.Endpoint, s.Release = hub.SubscriptionChannel(ch.Str("type")), ch.Str("endpoint"), fhir.R4
	if s.Channel == hub.RestHook {
		if err := c.faces.Hooks.Check(s.Endpoint); err != nil {
			return s, unfit("value", "Subscription.channel.endpoint", err.Error())
		}
	}
	for i, h := range ch.All("header") {
		if !goodHeader(h.Text) {
			return s, unfit("value", fmt.Sprintf("Subscription.channel.header[%d]", i), "A header must be Name: value, and not one that the connection itself needs")
		}
		s.Headers = append(s.Headers, h.Text)
	}
	if err := channelPayload(ch, &s); err != nil {
		return s, err
	}
	s.Came, err = fhir.Write(n, fhir.JSON, fhir.R4)
	return s, err
}

// filters are those of the criteria: "Encounter?patient=Patient/1".
func (c *call) filters(n *fhir.Node) (out []hub.SubscriptionFilter, err error) {
	wrong := func(text string) error { return unfit("value", "Subscription.criteria.extension", text) }
	for _, x := range n.All("_criteria.extension") {
		if x.Str("url") != backport+"backport-filter-criteria" {
			continue
		}
		_, query, ok := strings.Cut(x.Str("valueString"), "?")
		if !ok {
			return nil, wrong("A filter is written Type?parameter=value")
		}
		q, err := url.ParseQuery(query)
		if err != nil {
			return nil, wrong("A filter is written Type?parameter=value")
		}
		for name, values := range q {
			if len(values) != 1 || strings.Contains(values[0], ",") {
				return nil, wrong("A filter has one value")
			}
			v := strings.TrimPrefix(values[0], c.faces.PublicURL+c.base+"/")
			v = strings.TrimPrefix(strings.TrimPrefix(v, "Patient/"), "Organization/")
			out = append(out, hub.SubscriptionFilter{Name: name, Value: v})
		}
	}
	slices.SortFunc(out, func(a, b hub.SubscriptionFilter) int { return strings.Compare(a.Name+a.Value, b.Name+b.Value) })
	return out, nil
}

func channelPayload(ch *fhir.Node, s *hub.Subscription) error {
	number := func(name string, least, most int) (int, error) {
		for _, x := range ch.All("extension") {
			if x.Str("url") != backport+name {
				continue
			}
			for _, m := range x.Members {
				if !strings.HasPrefix(m.Name, "value") {
					continue
				}
				v, err := strconv.Atoi(m.Value.Text)
				if err != nil || v < least || v > most {
					return 0, unfit("value", "Subscription.channel.extension", fmt.Sprintf("%s must be a number from %d to %d", name, least, most))
				}
				return v, nil
			}
		}
		return 0, nil
	}
	beat, err := number("backport-heartbeat-period", 0, 86400)
	if err != nil {
		return err
	}
	timeout, err := number("backport-timeout", 0, 60)
	if err != nil {
		return err
	}
	if s.Most, err = number("backport-max-count", 1, 100); err != nil {
		return err
	}
	s.Beat, s.Timeout = time.Duration(beat)*time.Second, time.Duration(timeout)*time.Second
	s.Payload = hub.PayloadEmpty
	for _, x := range ch.All("_payload.extension") {
		if x.Str("url") == backport+"backport-payload-content" {
			s.Payload = hub.SubscriptionPayload(x.Str("valueCode"))
		}
	}
	media := ch.Str("payload")
	format, _, known := fhir.FormatOf(media)
	if media != "" && !known {
		return unfit("not-supported", "Subscription.channel.payload", "The payload must be application/fhir+json or application/fhir+xml")
	}
	s.Format = format
	return nil
}

// notHeaders are the headers that a subscriber may not set.
var notHeaders = []string{"host", "content-length", "content-type", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect", "proxy-authorization", "cookie"}

func goodHeader(h string) bool {
	name, value, ok := strings.Cut(h, ":")
	if !ok || name == "" || len(h) > 2048 || !printable(value) {
		return false
	}
	return strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-_") == "" && !slices.Contains(notHeaders, strings.ToLower(name))
}

// hidden stands for the value of a header when a subscription is read: it may be a
// secret.
const hidden = "(kept)"

// keptHeaders puts values that are hidden when they are read back in their places.
func keptHeaders(now, was []string) (out []string) {
	for _, h := range now {
		name, value, _ := strings.Cut(h, ":")
		if strings.TrimSpace(value) == hidden {
			for _, old := range was {
				if n, _, _ := strings.Cut(old, ":"); strings.EqualFold(n, name) {
					h = old
				}
			}
		}
		out = append(out, h)
	}
	return out
}

// subscriptionResource is a subscription as it came, with what became of it.
func subscriptionResource(s hub.Subscription) *fhir.Node {
	n, err := fhir.Parse(s.Came, fhir.JSON, fhir.R4, fhir.Limits{})
	if err != nil { // of another release: its own face gives it back
		n = fhir.Obj("resourceType", "Subscription", "status", "", "criteria", topicBase+s.Topic, "channel", fhir.Obj("type", string(s.Channel)))
	}
	n.Members = slices.DeleteFunc(n.Members, func(m fhir.Member) bool { return m.Name == "id" || m.Name == "error" || m.Name == "status" })
	first := fhir.Obj("resourceType", "Subscription", "id", s.ID)
	rest := slices.DeleteFunc(n.Members, func(m fhir.Member) bool { return m.Name == "resourceType" })
	n.Members = append(first.Members, rest...)
	n.Set("status", string(s.Status))
	n.Set("error", s.Error)
	if s.Channel == hub.RestHook {
		var heads []string
		for _, h := range s.Headers {
			name, _, _ := strings.Cut(h, ":")
			heads = append(heads, name+": "+hidden)
		}
		n.Get("channel").Set("header", heads)
	}
	return n
}

func newURN() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// notificationBundle is a notification of R4: a history of the status and, as far as
// the subscriber asked, of what the events are about (Subscriptions R5 Backport 1.1,
// backport-subscription-notification-r4).
func notificationBundle(base string, n hub.Notification, now time.Time) *fhir.Node {
	s := n.Subscription
	done := fhir.Obj("status", "200")
	entries := []*fhir.Node{fhir.Obj("fullUrl", newURN(), "resource", statusParameters(base, n),
		"request", fhir.Obj("method", "GET", "url", base+"/Subscription/"+s.ID+"/$status"), "response", done)}
	seen := map[string]bool{}
	for _, e := range n.Events {
		ref := e.Type + "/" + e.ID
		if e.Type == "" || s.Payload == hub.PayloadEmpty || seen[ref] {
			continue
		}
		seen[ref] = true
		entry := fhir.Obj("fullUrl", base+"/"+ref, "request", fhir.Obj("method", "PUT", "url", ref), "response", done)
		if s.Payload == hub.PayloadFull {
			entry = fhir.Obj("fullUrl", base+"/"+ref, "resource", r4.One(e.Shown, e.Type, e.ID), "request", fhir.Obj("method", "PUT", "url", ref), "response", done)
		}
		entries = append(entries, entry)
	}
	return fhir.Obj("resourceType", "Bundle", "id", strings.TrimPrefix(newURN(), "urn:uuid:"),
		"meta", fhir.Obj("profile", []string{backport + "backport-subscription-notification-r4"}),
		"type", "history", "timestamp", now.UTC().Format(time.RFC3339), "entry", entries)
}

// statusParameters is the SubscriptionStatus of R5 as R4 has it.
func statusParameters(base string, n hub.Notification) *fhir.Node {
	s := n.Subscription
	part := func(name, kind string, value any) *fhir.Node { return fhir.Obj("name", name, kind, value) }
	list := []*fhir.Node{
		part("subscription", "valueReference", fhir.Obj("reference", base+"/Subscription/"+s.ID)),
		part("topic", "valueCanonical", topicBase+s.Topic),
		part("status", "valueCode", string(s.Status)),
		part("type", "valueCode", string(n.Kind)),
		part("eventsSinceSubscriptionStart", "valueString", strconv.FormatInt(s.Events, 10)),
	}
	for _, e := range n.Events {
		parts := []*fhir.Node{part("eventNumber", "valueString", strconv.FormatInt(e.Number, 10)), part("timestamp", "valueInstant", e.At.UTC().Format(time.RFC3339))}
		if e.Type != "" && s.Payload != hub.PayloadEmpty {
			parts = append(parts, part("focus", "valueReference", fhir.Obj("reference", base+"/"+e.Type+"/"+e.ID)))
		}
		list = append(list, fhir.Obj("name", "notificationEvent", "part", parts))
	}
	if s.Error != "" {
		list = append(list, part("error", "valueCodeableConcept", fhir.Concept(s.Error)))
	}
	return fhir.Obj("resourceType", "Parameters", "meta", fhir.Obj("profile", []string{backportStatus}), "parameter", list)
}
