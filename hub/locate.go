package hub

import (
	"context"
	"slices"
	"strings"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
	"homeward/translate"
)

// Located is which council is responsible for an address.
type Located struct {
	Councils []care.Org // one: it is sure; several: the address does not settle it; none: it is not in the gazetteer
	Known    []bool     // of each, whether it is on Homeward
}

// Locate finds the council that is responsible for an address, by the property
// where the gazetteer has it, else by the postcode. Nobody's record is read; that
// somebody asked is audited, and what they asked is not.
func (h *Hub) Locate(ctx context.Context, by care.Actor, address, postcode string) (Located, error) {
	err := h.update(ctx, func(tx *store.Tx) error {
		a := h.ask(by, policy.SendCase, nil, policy.Operations, "", h.now())
		a.record.Action = "locate council"
		if !a.allowed(policy.SendCase) {
			return a.refuse(tx)
		}
		a.record.Sections = nil
		return a.audit(tx, true, "located")
	})
	if err != nil {
		return Located{}, err
	}
	var out Located
	for _, ods := range h.Gazetteer.At(address, postcode) {
		_, known := h.orgs[ods]
		out.Councils, out.Known = append(out.Councils, h.Org(ods)), append(out.Known, known)
	}
	return out, nil
}

// At is the councils that may be responsible for an address: one, where the
// property is known or all of the postcode lies in one council.
func (g *Gazetteer) At(address, postcode string) []nhs.ODS {
	if g == nil {
		return nil
	}
	postcode = normalPostcode(postcode)
	asked := addressParts(address)
	var found []nhs.ODS
	for _, p := range g.properties[postcode] {
		if sameProperty(p.parts, asked) && !slices.Contains(found, p.council) {
			found = append(found, p.council)
		}
	}
	if len(found) == 1 {
		return found
	}
	return slices.Clone(g.postcode[postcode])
}

// property is one address of the gazetteer.
type property struct {
	parts   []string
	council nhs.ODS
}

// addressParts is an address as it is compared: what stands between commas, in
// small letters and digits.
func addressParts(s string) (out []string) {
	for part := range strings.SplitSeq(strings.ToLower(s), ",") {
		words := strings.FieldsFunc(part, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
		if len(words) > 0 {
			out = append(out, strings.Join(words, " "))
		}
	}
	return out
}

// sameProperty reports whether two addresses of one postcode begin alike and the
// shorter says nothing that the longer does not say.
func sameProperty(a, b []string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(a) == 0 || a[0] != b[0] {
		return false
	}
	return !slices.ContainsFunc(a, func(part string) bool { return !slices.Contains(b, part) })
}

// Unheard are the councils of whom nothing can be said to a reader now, whoever is
// asked about: what they told is too old, or what flowed is stopped.
func (h *Hub) Unheard(ctx context.Context, by care.Actor) ([]translate.ShownCouncil, error) {
	if err := h.gate(ctx, by); err != nil {
		return nil, err
	}
	now := h.now()
	return view(ctx, h, func(tx *store.Tx) ([]translate.ShownCouncil, error) {
		nobody := care.Case{ID: "unknown"}
		a := h.ask(by, policy.Lookup, nil, policy.DirectCare, "", now)
		a.about(nobody, now)
		if err := a.onto(tx, now); err != nil {
			return nil, err
		}
		return h.shownCouncils(tx, a, nobody, now)
	})
}
