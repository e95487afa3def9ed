package fhirpath

import (
	"strings"

	"homeward/fhir"
)

// resolve finds what references name: a contained resource by "#id", an entry of the
// Bundle by fullUrl or Type/id. Of one that is elsewhere only the type is told, where
// the reference says it, so that `resolve() is Patient` can be answered
// (FHIR R4 2.9.0, 3.2.0.2).
func resolve(r *run, _ *call, in []Item, _ scope) (out []Item, err error) {
	for _, i := range in {
		ref := i.Text()
		if i.Node != nil && i.Node.Kind == fhir.Object {
			ref = i.Node.Str("reference")
		}
		if ref == "" {
			continue
		}
		if found := r.find(ref); found != nil {
			out = append(out, Item{Node: found, Type: found.Type()})
			continue
		}
		typ := i.Node.Str("type")
		if typ == "" {
			typ = TypeOf(ref)
		}
		if typ != "" {
			out = append(out, Item{Node: &fhir.Node{Kind: fhir.Object, Members: []fhir.Member{{Name: "resourceType", Value: text(typ).Node}}}, Type: typ})
		}
	}
	return out, r.spend(len(in) * 8)
}

func (r *run) find(ref string) *fhir.Node {
	if ref == "#" {
		return r.root
	}
	if id, ok := strings.CutPrefix(ref, "#"); ok {
		for _, c := range r.root.All("contained") {
			if c.ID() == id {
				return c
			}
		}
		return nil
	}
	if r.root.Type() != "Bundle" {
		return nil
	}
	for _, e := range r.root.All("entry") {
		if e.Str("fullUrl") == ref {
			return e.Get("resource")
		}
	}
	for _, e := range r.root.All("entry") {
		if res := e.Get("resource"); res != nil && res.ID() != "" && res.Type()+"/"+res.ID() == ref {
			return res
		}
	}
	return nil
}

// TypeOf is the type of resource that a reference names: "Patient" of "Patient/1",
// of "https://h/fhir/Patient/1" and of ".../Patient/1/_history/2"; "" when it tells
// none (FHIR R4 2.3.0.1).
func TypeOf(ref string) string {
	ref, _, _ = strings.Cut(ref, "|")
	if before, _, ok := strings.Cut(ref, "/_history/"); ok {
		ref = before
	}
	i := strings.LastIndexByte(ref, '/')
	if i < 1 {
		return ""
	}
	typ := ref[:i]
	typ = typ[strings.LastIndexByte(typ, '/')+1:]
	if typ == "" || typ[0] < 'A' || typ[0] > 'Z' || strings.ContainsAny(typ, ":.?#") {
		return ""
	}
	return typ
}
