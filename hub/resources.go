package hub

import (
	"context"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/translate"
)

// ShowRequest is why a system reads.
type ShowRequest struct {
	Purpose policy.Purpose // "" is discharge planning
	Reason  string         // in words
	Behalf  string         // the member of staff on whose behalf, by their system's name for them; "" for nobody
	Action  string         // what the audit calls it: "read Patient"
	Born    nhs.Date       // of a look-up by number: as the member of staff gave it
}

// Find chooses resources. Empty fields choose all.
type Find struct {
	Types        []string // resource types: "Encounter"
	Case         care.CaseID
	NHS          nhs.Number
	IDs          []care.Identifier // of the person: any of them
	Visit        *care.Identifier  // of the stay, as its hospital names it
	Family       string            // with Born and Postcode: all three
	Born         nhs.Date
	Postcode     string
	Org          nhs.ODS // organisation that has a part in it
	Status       []string
	Since, Until time.Time // of the last change: from, and before
	After        string    // Page.Next of the page before
	Limit        int       // at most 200; 0 is 50
}

// Page is one page of what was found.
type Page struct {
	Shown []translate.Shown // the cases, each once
	IDs   [][2]string       // type and id of what was found, in order; nil: all of each case's
	Next  string            // for Find.After; "" when there is no more
	Total int               // over all pages; -1: not counted
}

// Directory is the organisations that a reader may know, and what is in them.
type Directory struct {
	Orgs      []care.Org
	Wards     []Ward
	Teams     []care.Team
	Providers []care.Provider
	Workers   []care.Who
}

// Show reads one case as the reader may see it. A case that is not known and one
// of which nothing may be shown are the same care.NotFound.
func (h *Hub) Show(ctx context.Context, by care.Actor, id care.CaseID, q ShowRequest) (translate.Shown, error) {
	return translate.Shown{}, &care.Error{Kind: care.NotFound, Text: "There is no such record, or none that may be shown"}
}

// ShowByNumber is Show of the person who has an NHS number.
func (h *Hub) ShowByNumber(ctx context.Context, by care.Actor, n nhs.Number, q ShowRequest) (translate.Shown, error) {
	return translate.Shown{}, &care.Error{Kind: care.NotFound, Text: "There is no such record, or none that may be shown"}
}

// ShowSome reads a page of resources.
func (h *Hub) ShowSome(ctx context.Context, by care.Actor, f Find, q ShowRequest) (Page, error) {
	return Page{Total: -1}, nil
}

// Directory lists the organisations, wards, teams, providers and workers that a
// reader may know.
func (h *Hub) Directory(ctx context.Context, by care.Actor) (Directory, error) {
	return Directory{}, nil
}
