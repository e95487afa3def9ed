package hub

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// What providers can take on: numbers that they or a broker reported, each with its
// age. A number that is older than the site allows is shown and does not count.

// capacityRecord is the kind of the records: Org is the council, ID the provider, the
// kind of care and the area.
const capacityRecord = "capacity"

// capacityDoc is what such a record holds.
type capacityDoc struct {
	Provider string   `json:"provider"`
	Kind     string   `json:"kind"`
	Area     string   `json:"area,omitempty"`
	Free     int      `json:"free"`
	By       care.Who `json:"by"`
	Own      bool     `json:"own,omitempty"` // the provider itself said so
}

// CapacityRow is what one provider can take on of a kind of care in an area.
type CapacityRow struct {
	Provider ProviderEntry
	Kind     string
	KindSay  string
	Unit     string    // beds, hours a week, slots
	Area     string    // postcode district; "" all areas
	Reported bool      // false: nobody ever said
	Free     int       // as reported; 0 is full
	At       time.Time // when
	Expired  bool      // too old to count
	Source   string    // who said so: the provider itself, or a broker by name
	Seen     int64     // what a change of it must show, so that none is lost
}

// Counts reports whether the number is of use now.
func (r CapacityRow) Counts() bool { return r.Reported && !r.Expired }

// CapacityQuery chooses rows; empty fields choose all.
type CapacityQuery struct{ Kind, Area string }

// CapacityView is what providers can take on, by kind and area, as at a time.
type CapacityView struct {
	Rows  []CapacityRow
	Sums  []CapacitySum
	Kinds []care.CareKind // that any row is of
	Areas []string
	Limit time.Duration // how old a number may be
	At    time.Time
}

// CapacitySum is what there is of one kind of care in one area.
type CapacitySum struct {
	Kind, KindSay, Unit, Area string
	Free                      int // of the numbers that count
	Reported, Providers       int // how many reported lately, of how many there are
}

// Capacity shows what the providers that the reader may know can take on: a council's
// own, and to a hospital those of the councils that share them.
func (h *Hub) Capacity(ctx context.Context, by care.Actor, q CapacityQuery) (CapacityView, error) {
	now := h.now()
	v := CapacityView{At: now, Limit: h.Limits.Capacity}
	a := h.ask(by, policy.SeeCapacity, nil, policy.DischargePlanning, "", now)
	if !a.allowed(policy.SeeCapacity) {
		return v, h.update(ctx, a.refuse)
	}
	err := h.Store.View(ctx, func(tx *store.Tx) error {
		v.Rows = nil
		terms, err := h.terms(tx, now)
		if err != nil {
			return err
		}
		for _, o := range h.CouncilOrgs() {
			if o.ODS != by.Org && (by.OrgKind != care.Trust || !terms.shares(o.ODS, by.Org, policy.ProviderPart)) {
				continue
			}
			rows, err := h.capacityOf(tx, o.ODS, now)
			if err != nil {
				return err
			}
			v.Rows = append(v.Rows, rows...)
		}
		return nil
	})
	if err != nil {
		return v, h.unavailable(err)
	}
	v.fill(q)
	return v, nil
}

// fill narrows the rows, puts them in order and adds them up.
func (v *CapacityView) fill(q CapacityQuery) {
	for _, r := range v.Rows {
		if k, ok := care.KindOfCare(r.Kind); ok && !slices.Contains(v.Kinds, k) {
			v.Kinds = append(v.Kinds, k)
		}
		if r.Area != "" && !slices.Contains(v.Areas, r.Area) {
			v.Areas = append(v.Areas, r.Area)
		}
	}
	slices.Sort(v.Areas)
	slices.SortFunc(v.Kinds, func(x, y care.CareKind) int { return cmp.Compare(x.Words, y.Words) })
	v.Rows = slices.DeleteFunc(v.Rows, func(r CapacityRow) bool {
		return q.Kind != "" && r.Kind != q.Kind || q.Area != "" && r.Area != q.Area && r.Area != ""
	})
	slices.SortStableFunc(v.Rows, func(x, y CapacityRow) int {
		return cmp.Or(cmp.Compare(x.KindSay, y.KindSay), cmp.Compare(x.Area, y.Area), cmp.Compare(x.Provider.Name, y.Provider.Name))
	})
	v.Sums = nil
	for _, r := range v.Rows {
		n := len(v.Sums) - 1
		if n < 0 || v.Sums[n].Kind != r.Kind || v.Sums[n].Area != r.Area {
			v.Sums = append(v.Sums, CapacitySum{Kind: r.Kind, KindSay: r.KindSay, Unit: r.Unit, Area: r.Area})
			n++
		}
		v.Sums[n].Providers++
		if r.Counts() {
			v.Sums[n].Reported++
			v.Sums[n].Free += r.Free
		}
	}
}

// capacityOf is what the providers of one council reported, with a row for each
// service and area of theirs of which nobody said anything.
func (h *Hub) capacityOf(tx *store.Tx, council nhs.ODS, now time.Time) ([]CapacityRow, error) {
	entries, err := h.providers(tx, council)
	if err != nil {
		return nil, err
	}
	records, err := tx.KeptAll(store.RecordQuery{Kind: capacityRecord, Org: string(council), Limit: 100_000})
	if err != nil {
		return nil, err
	}
	said := map[string][]CapacityRow{}
	for _, r := range records {
		row, provider, err := h.capacityRow(r, now)
		if err != nil {
			return nil, err
		}
		said[provider] = append(said[provider], row)
	}
	var out []CapacityRow
	for _, e := range entries {
		out = append(out, rowsOf(e, said[e.ID])...)
	}
	return out, nil
}

// rowsOf is what one provider reported, and what it could have.
func rowsOf(e ProviderEntry, said []CapacityRow) []CapacityRow {
	for i := range said {
		said[i].Provider = e
	}
	areas := e.Areas
	if len(areas) == 0 {
		areas = []string{""}
	}
	for _, code := range e.Services {
		kind, ok := care.KindOfCare(code)
		if !ok {
			continue
		}
		for _, area := range areas {
			if !slices.ContainsFunc(said, func(r CapacityRow) bool { return r.Kind == code && (r.Area == area || r.Area == "") }) {
				said = append(said, CapacityRow{Provider: e, Kind: code, KindSay: kind.Words, Unit: kind.Unit, Area: area})
			}
		}
	}
	return said
}

func (h *Hub) capacityRow(r store.Record, now time.Time) (row CapacityRow, provider string, err error) {
	var d capacityDoc
	if err := json.Unmarshal(r.Doc, &d); err != nil {
		return row, "", fmt.Errorf("reading what a provider can take on: %w", err)
	}
	kind, _ := care.KindOfCare(d.Kind)
	row = CapacityRow{Kind: d.Kind, KindSay: cmp.Or(kind.Words, care.KindSay(d.Kind)), Unit: kind.Unit, Area: d.Area, Reported: true, Free: d.Free, At: r.At,
		Expired: now.Sub(r.At) > h.Limits.Capacity, Source: d.By.Name}
	if d.Own {
		row.Source = "The provider"
	}
	row.Seen = r.Version
	return row, d.Provider, nil
}

// CapacityLine is one number that is reported: Free is as typed, "" says nothing.
type CapacityLine struct {
	Kind, Area string
	Free       string
	Same       bool // as it was reported last
	Shown      bool // the form showed what was reported: Seen is CapacityRow.Seen of it
	Seen       int64
}

// CapacityForm is the lines that a provider, or a broker for it, may report on now.
func (h *Hub) CapacityForm(ctx context.Context, by care.Actor, code nhs.ODS) (e ProviderEntry, rows []CapacityRow, err error) {
	now := h.now()
	a := h.ask(by, policy.ReportCapacity, nil, policy.DischargePlanning, "", now)
	if !a.allowed(policy.ReportCapacity) {
		return e, nil, h.update(ctx, a.refuse)
	}
	err = h.Store.View(ctx, func(tx *store.Tx) (err error) {
		if e, err = h.reporting(tx, by, code); err != nil {
			return err
		}
		all, err := h.capacityOf(tx, e.Council, now)
		rows = slices.DeleteFunc(all, func(r CapacityRow) bool { return r.Provider.ID != e.ID })
		return err
	})
	return e, rows, h.unavailable(err)
}

// reporting is the provider about which the reader reports: a provider about itself,
// and council staff about one of their own directory.
func (h *Hub) reporting(tx *store.Tx, by care.Actor, code nhs.ODS) (ProviderEntry, error) {
	if by.OrgKind == care.ProviderOrg {
		code = by.Org
	}
	e, err := h.ofCode(tx, code)
	if err == nil && by.OrgKind != care.ProviderOrg && e.Council != by.Org {
		err = errNoProvider()
	}
	return e, err
}

// ReportCapacity keeps what a provider can take on. Lines that say nothing change
// nothing. A wrong line is named by its place: "free-0".
func (h *Hub) ReportCapacity(ctx context.Context, by care.Actor, code nhs.ODS, lines []CapacityLine) error {
	return h.update(ctx, func(tx *store.Tx) error {
		now := h.now()
		a := h.ask(by, policy.ReportCapacity, nil, policy.DischargePlanning, "", now)
		if !a.allowed(policy.ReportCapacity) {
			return a.refuse(tx)
		}
		e, err := h.reporting(tx, by, code)
		if err != nil {
			return err
		}
		said := 0
		for i, l := range lines {
			did, err := h.keepCapacity(tx, by, e, l, i, now)
			if err != nil {
				return err
			}
			if did {
				said++
			}
		}
		if said == 0 {
			return &care.Error{Kind: care.Required, Field: "free-0", Text: "Enter at least one number. Enter 0 where there is nothing"}
		}
		return a.audit(tx, true, "reported "+strconv.Itoa(said)+" numbers")
	})
}

func (h *Hub) keepCapacity(tx *store.Tx, by care.Actor, e ProviderEntry, l CapacityLine, i int, now time.Time) (bool, error) {
	area, typed := care.District(l.Area), strings.TrimSpace(l.Free)
	if typed == "" && !l.Same {
		return false, nil
	}
	if _, ok := care.KindOfCare(l.Kind); !ok {
		return false, &care.Error{Kind: care.Invalid, Field: "kind", Text: "Select the kind of care"}
	}
	if area == "" && strings.TrimSpace(l.Area) != "" {
		return false, &care.Error{Kind: care.Invalid, Field: "area", Text: "Enter the first part of a postcode, such as NG17, or leave it empty for all areas"}
	}
	id := e.ID + "|" + l.Kind + "|" + area
	r, err := tx.Kept(capacityRecord, string(e.Council), id)
	if err != nil && care.KindOf(err) != care.NotFound {
		return false, err
	}
	if l.Shown && l.Seen != r.Version {
		return false, &care.Error{Kind: care.Conflict, Field: "free-" + strconv.Itoa(i), Text: "Somebody else reported this since you opened the form. Check their number, then report yours"}
	}
	d := capacityDoc{Provider: e.ID, Kind: l.Kind, Area: area, By: by.Who(), Own: by.OrgKind == care.ProviderOrg}
	n, bad := strconv.Atoi(typed)
	switch {
	case typed == "" && r.Version > 0:
		var was capacityDoc
		if err := json.Unmarshal(r.Doc, &was); err != nil {
			return false, fmt.Errorf("reading what a provider can take on: %w", err)
		}
		n = was.Free
	case typed == "":
		return false, nil // nothing was reported that could be the same
	case bad != nil || n < 0 || n > 9999:
		return false, &care.Error{Kind: care.Invalid, Field: "free-" + strconv.Itoa(i), Text: "Enter a whole number from 0 to 9999, or leave it empty"}
	}
	d.Free = n
	doc, err := json.Marshal(d)
	if err != nil {
		return false, err
	}
	_, err = tx.PutRecord(store.Record{Kind: capacityRecord, Org: string(e.Council), ID: id, Owner: string(e.Code), At: now, Due: now.Add(h.Limits.Capacity), Version: r.Version, Doc: doc})
	return err == nil, err
}

// Candidate is a provider that could be asked, with what it can take on.
type Candidate struct {
	Provider ProviderEntry
	Fits     bool         // its services and areas are those asked for, or nobody recorded any
	Capacity *CapacityRow // nil: nobody said anything that belongs here
}

// rank puts those first that have something, then those of whom it is not known, then
// those that are full, and last those that do not fit.
func (c Candidate) rank() int {
	switch {
	case !c.Fits:
		return 3
	case c.Capacity == nil || !c.Capacity.Counts():
		return 1
	case c.Capacity.Free > 0:
		return 0
	}
	return 2
}

// Candidates are the providers of the reader's council for a kind of care in an area.
func (h *Hub) Candidates(ctx context.Context, by care.Actor, kind, area string) ([]Candidate, error) {
	now := h.now()
	a := h.ask(by, policy.SeeCapacity, nil, policy.DischargePlanning, "", now)
	if !a.allowed(policy.SeeCapacity) || by.OrgKind != care.Council {
		return nil, h.update(ctx, a.refuse)
	}
	area = cmp.Or(care.District(area), strings.TrimSpace(area)) // what is no district is nobody's
	var out []Candidate
	err := h.Store.View(ctx, func(tx *store.Tx) error {
		out = nil
		rows, err := h.capacityOf(tx, by.Org, now)
		if err != nil {
			return err
		}
		entries, err := h.providers(tx, by.Org)
		if err != nil {
			return err
		}
		for _, e := range entries {
			c := Candidate{Provider: e, Fits: (kind == "" || len(e.Services) == 0 || slices.Contains(e.Services, kind)) &&
				(area == "" || len(e.Areas) == 0 || slices.Contains(e.Areas, area))}
			for i, r := range rows {
				if r.Reported && r.Provider.ID == e.ID && r.Kind == kind && (r.Area == area || r.Area == "" && c.Capacity == nil) {
					c.Capacity = &rows[i]
				}
			}
			out = append(out, c)
		}
		return nil
	})
	slices.SortStableFunc(out, func(x, y Candidate) int { return cmp.Compare(x.rank(), y.rank()) })
	return out, h.unavailable(err)
}
