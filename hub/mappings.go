package hub

import (
	"context"

	"homeward/care"
	"homeward/policy"
	"homeward/store"
)

// Mapping is a configured table that turns somebody's data into somebody else's, as
// the integration engineer's page shows and tries it.
type Mapping struct {
	Name         string // in the address: small letters, digits and hyphens
	Title, About string
	Used         string // by what it is used, in words; "" it is an example
	Tables       []MappingTable
	Sample       string // a stored sample of invented data; "" none
	// Try makes rows of an input, and keeps nothing.
	Try func(input string) []MappingTried
}

// MappingTable is one table of a mapping.
type MappingTable struct {
	Name, Where string
	Each        []string
	Lines       []MappingLine
}

// MappingLine is one field of a table.
type MappingLine struct {
	Field, Is, Codes, Default string
	Required                  bool
}

// MappingTried is what a table made of an input: its first rows as text, how many
// there were, and what was wrong.
type MappingTried struct {
	Table    string
	Fields   []string
	Rows     [][]string
	Count    int
	Problems []string
}

// SeeMappings lists the mappings.
func (h *Hub) SeeMappings(ctx context.Context, by care.Actor) ([]Mapping, error) {
	err := h.operating(ctx, by, policy.Explain, "mappings", "", func(*store.Tx) error { return nil })
	if err != nil {
		return nil, err
	}
	return h.Mappings, nil
}

// TryMapping tries a mapping on an input that somebody typed. That it was tried is
// audited; the input and the rows are not kept.
func (h *Hub) TryMapping(ctx context.Context, by care.Actor, name, input string) (Mapping, []MappingTried, error) {
	var found *Mapping
	err := h.operating(ctx, by, policy.Explain, "trying a mapping", "", func(*store.Tx) error {
		for i := range h.Mappings {
			if h.Mappings[i].Name == name {
				found = &h.Mappings[i]
				return nil
			}
		}
		return committed{&care.Error{Kind: care.NotFound, Text: "The mapping was not found"}}
	})
	if err != nil || input == "" {
		if found == nil {
			found = &Mapping{}
		}
		return *found, nil, err
	}
	return *found, found.Try(input), nil
}
