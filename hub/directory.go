package hub

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	netmail "net/mail"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// A council's directory of care providers: what its extract tells, and over it what
// its brokers and managers checked and corrected. Neither is ever lost to the other.

// ProviderEntry is a provider of a council's directory as it stands: Provider has
// the corrections in it.
type ProviderEntry struct {
	care.Provider
	Code        nhs.ODS // by which the provider acts here, and is named in addresses
	CouncilName string
	Told        care.Provider // as the council's extract has it
	Corrected   []Correction
	Services    []string // Interweave-SocialCareServiceType codes
	Areas       []string // postcode districts
	Basis       string   // framework, spot, or "" not recorded
	CheckedBy   string   // who checked the numbers last, where it was done here
	Unchecked   bool     // nobody has for longer than the site allows
	PINSet      time.Time
	Manages     bool  // the reader keeps this directory
	Seen        int64 // what a change must show, so that none is lost
}

// Correction is one value that stands over what the extract says.
type Correction struct {
	Field string    `json:"field"` // phone, outOfHours, hours, email, cqc
	Value string    `json:"value"`
	At    time.Time `json:"at"`
	By    care.Who  `json:"by"`
	Told  string    `json:"-"` // what the extract says now
}

// providerDoc is what a record of kind "provider" holds.
type providerDoc struct {
	Corrected []Correction `json:"corrected,omitzero"`
	Services  []string     `json:"services,omitzero"`
	Areas     []string     `json:"areas,omitzero"`
	Basis     string       `json:"basis,omitempty"`
	Checked   nhs.Date     `json:"checked,omitzero"`
	CheckedBy care.Who     `json:"checkedBy,omitzero"`
	PIN       string       `json:"pin,omitempty"` // argon2id, as a PHC string
	PINSet    time.Time    `json:"pinSet,omitzero"`
}

const providerRecord = "provider"

// providerFields are the values of a provider that can be corrected, with their
// names for people.
var providerFields = []struct {
	name, words string
	of          func(*care.Provider) *string
}{
	{"phone", "Phone", func(p *care.Provider) *string { return &p.Phone }},
	{"outOfHours", "Out of hours", func(p *care.Provider) *string { return &p.OutOfHours }},
	{"hours", "Out of hours, when", func(p *care.Provider) *string { return &p.Hours }},
	{"email", "E-mail for notices", func(p *care.Provider) *string { return &p.Email }},
	{"cqc", "CQC location", func(p *care.Provider) *string { return &p.CQC }},
}

// FieldWords is a correction's field for people.
func (c Correction) FieldWords() string {
	for _, f := range providerFields {
		if f.name == c.Field {
			return f.words
		}
	}
	return c.Field
}

// sameValue reports whether two values are the same but for spaces: 01632 960001 is
// 01632 960 001.
func sameValue(a, b string) bool {
	return strings.ReplaceAll(a, " ", "") == strings.ReplaceAll(b, " ", "")
}

func providerDocOf(r store.Record) (d providerDoc, err error) {
	if len(r.Doc) > 0 {
		if err = json.Unmarshal(r.Doc, &d); err != nil {
			err = fmt.Errorf("reading what was checked about a provider: %w", err)
		}
	}
	return d, err
}

// entry lays what people checked over what the extract tells.
func (h *Hub) entry(told care.Provider, d providerDoc, version int64) ProviderEntry {
	e := ProviderEntry{Provider: told, Told: told, Code: care.ProviderCode(told.Council, told.ID), CouncilName: h.Org(told.Council).Name,
		Services: d.Services, Areas: d.Areas, Basis: d.Basis, PINSet: d.PINSet, Seen: version}
	for _, c := range d.Corrected {
		for _, f := range providerFields {
			if f.name != c.Field {
				continue
			}
			if c.Told = *f.of(&e.Told); !sameValue(c.Told, c.Value) { // the council's system has it by now
				*f.of(&e.Provider) = c.Value
				e.Corrected = append(e.Corrected, c)
			}
		}
	}
	if e.Verified.Before(d.Checked) {
		e.Verified, e.CheckedBy = d.Checked, d.CheckedBy.Name
	}
	e.Unchecked = h.Unchecked(e.Provider)
	return e
}

// Unchecked reports whether nobody has checked a provider's numbers for longer than
// the site allows.
func (h *Hub) Unchecked(p care.Provider) bool {
	return p.Verified.IsZero() || h.now().Sub(p.Verified.Time()) > h.Limits.Unchecked
}

// provider is one provider of a council's directory, with what people checked.
func (h *Hub) provider(tx *store.Tx, council nhs.ODS, id string) (ProviderEntry, error) {
	told, err := tx.Provider(council, id)
	if err != nil {
		return ProviderEntry{}, err
	}
	_, d, version, err := keptProvider(tx, council, id)
	return h.entry(told, d, version), err
}

func keptProvider(tx *store.Tx, council nhs.ODS, id string) (r store.Record, d providerDoc, version int64, err error) {
	r, err = tx.Kept(providerRecord, string(council), id)
	if care.KindOf(err) == care.NotFound {
		return store.Record{Kind: providerRecord, Org: string(council), ID: id, Owner: string(care.ProviderCode(council, id))}, d, 0, nil
	}
	if err == nil {
		d, err = providerDocOf(r)
	}
	return r, d, r.Version, err
}

// providers is the directory of a council, by name.
func (h *Hub) providers(tx *store.Tx, council nhs.ODS) ([]ProviderEntry, error) {
	told, err := tx.Providers(council)
	if err != nil {
		return nil, err
	}
	kept, err := tx.KeptAll(store.RecordQuery{Kind: providerRecord, Org: string(council), Limit: len(told) + 1000})
	if err != nil {
		return nil, err
	}
	docs := map[string]store.Record{}
	for _, r := range kept {
		docs[r.ID] = r
	}
	var out []ProviderEntry
	for _, p := range told {
		d, err := providerDocOf(docs[p.ID])
		if err != nil {
			return nil, err
		}
		out = append(out, h.entry(p, d, docs[p.ID].Version))
	}
	slices.SortStableFunc(out, func(a, b ProviderEntry) int { return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return out, nil
}

// ---- what a code stands for

// providerBook remembers which provider of which council a code stands for. A code
// never comes to mean another, so nothing in it grows old.
type providerBook struct {
	last atomic.Pointer[map[nhs.ODS]care.Provider]
}

var codeShape = regexp.MustCompile(`^V[A-Z2-7]{9}$`)

// isProviderCode reports whether a code is made as care.ProviderCode makes them.
func isProviderCode(code nhs.ODS) bool { return codeShape.MatchString(string(code)) }

// learnProviders reads the codes of all directories again.
func (h *Hub) learnProviders(tx *store.Tx) error {
	all := map[nhs.ODS]care.Provider{}
	for _, o := range h.Orgs {
		if o.Kind != care.Council {
			continue
		}
		ps, err := tx.Providers(o.ODS)
		if err != nil {
			return err
		}
		for _, p := range ps {
			all[care.ProviderCode(p.Council, p.ID)] = p
		}
	}
	h.codes.last.Store(&all)
	return nil
}

// known is a provider by its code, as far as this process has met it.
func (b *providerBook) known(code nhs.ODS) (care.Provider, bool) {
	if m := b.last.Load(); m != nil {
		p, ok := (*m)[code]
		return p, ok
	}
	return care.Provider{}, false
}

// ofCode is the provider that a code stands for; care.NotFound when there is none.
func (h *Hub) ofCode(tx *store.Tx, code nhs.ODS) (ProviderEntry, error) {
	p, ok := h.codes.known(code)
	if !ok {
		if err := h.learnProviders(tx); err != nil {
			return ProviderEntry{}, err
		}
		if p, ok = h.codes.known(code); !ok {
			return ProviderEntry{}, errNoProvider()
		}
	}
	return h.provider(tx, p.Council, p.ID)
}

func errNoProvider() error {
	return &care.Error{Kind: care.NotFound, Text: "There is no such provider in the directory"}
}

// meetProviders learns the names of the providers for whom an account acts.
func (h *Hub) meetProviders(tx *store.Tx, a care.Account) error {
	for _, g := range a.Grants {
		if _, ok := h.codes.known(g.Org); g.Role == care.CareProvider && !ok {
			return h.learnProviders(tx)
		}
	}
	return nil
}

// ---- reading

// DirectoryQuery chooses providers; empty fields choose all.
type DirectoryQuery struct {
	Text    string // in the name
	Service string // code
	Area    string // postcode, or its district
	Council nhs.ODS
	Old     bool // only those whose numbers nobody has checked lately
}

// CareProviders lists the providers that the reader may know: a council's own, and to
// a hospital those of the councils that share them.
func (h *Hub) CareProviders(ctx context.Context, by care.Actor, q DirectoryQuery) (out []ProviderEntry, err error) {
	err = h.inDirectory(ctx, by, func(tx *store.Tx, a *asking, councils []nhs.ODS) error {
		out = nil
		for _, council := range councils {
			if q.Council != "" && q.Council != council {
				continue
			}
			all, err := h.providers(tx, council)
			if err != nil {
				return err
			}
			for _, e := range all {
				if q.takes(e) {
					e.Manages = a.may[policy.ManageDirectory] && council == by.Org
					out = append(out, e)
				}
			}
		}
		return nil
	})
	return out, err
}

func (q DirectoryQuery) takes(e ProviderEntry) bool {
	area := cmp.Or(care.District(q.Area), strings.TrimSpace(q.Area)) // what is no district is in no entry
	return strings.Contains(strings.ToLower(e.Name), strings.ToLower(strings.TrimSpace(q.Text))) &&
		(q.Service == "" || slices.Contains(e.Services, q.Service)) && (area == "" || slices.Contains(e.Areas, area)) && (!q.Old || e.Unchecked)
}

// inDirectory decides whether somebody sees directories at all, and whose.
func (h *Hub) inDirectory(ctx context.Context, by care.Actor, f func(*store.Tx, *asking, []nhs.ODS) error) error {
	a := h.ask(by, policy.SeeDirectory, nil, policy.DischargePlanning, "", h.now())
	if !a.allowed(policy.SeeDirectory) {
		return h.update(ctx, a.refuse)
	}
	a.decide(policy.ManageDirectory)
	return h.unavailable(h.Store.View(ctx, func(tx *store.Tx) error {
		terms, err := h.terms(tx, h.now())
		if err != nil {
			return err
		}
		var councils []nhs.ODS
		for _, o := range h.Orgs {
			if o.Kind == care.Council && (o.ODS == by.Org || by.OrgKind == care.Trust && terms.shares(o.ODS, by.Org, policy.ProviderPart)) {
				councils = append(councils, o.ODS)
			}
		}
		return f(tx, a, councils)
	}))
}

// CareProvider is one provider by its code.
func (h *Hub) CareProvider(ctx context.Context, by care.Actor, code nhs.ODS) (out ProviderEntry, err error) {
	err = h.inDirectory(ctx, by, func(tx *store.Tx, a *asking, councils []nhs.ODS) error {
		e, err := h.ofCode(tx, code)
		if err == nil && !slices.Contains(councils, e.Council) {
			err = errNoProvider()
		}
		e.Manages = a.may[policy.ManageDirectory] && e.Council == by.Org
		out = e
		return err
	})
	return out, err
}

// ProviderServices are the codes that a provider's services can have, with words.
func ProviderServices() map[string]string {
	out := care.Kinds()
	delete(out, care.DirectPayment)
	return out
}

// ---- keeping

// ProviderChange is what somebody wants a provider's entry to be.
type ProviderChange struct {
	Phone, OutOfHours, Hours, Email, CQC string
	Services, Areas                      []string
	Basis                                string
	Checked                              bool  // "I checked these numbers today"
	Seen                                 int64 // ProviderEntry.Seen
}

func (c *ProviderChange) value(field string) string {
	return map[string]string{"phone": c.Phone, "outOfHours": c.OutOfHours, "hours": c.Hours, "email": c.Email, "cqc": c.CQC}[field]
}

var cqcShape = regexp.MustCompile(`^1-[0-9]{6,12}$`)

// faults is what is wrong with a change, field by field.
func (c *ProviderChange) faults() (out []Fault) {
	for field, number := range map[string]string{"phone": c.Phone, "outOfHours": c.OutOfHours} {
		if number != "" && !care.UKPhone(number) {
			out = append(out, Fault{field, "Enter a UK telephone number, like 01632 960001. Numbers that begin with 09 or 070 cost too much to ring"})
		}
	}
	if len([]rune(c.Hours)) > 60 {
		out = append(out, Fault{"hours", "When the number answers must be 60 characters or fewer, like 18:00 to 8:00"})
	}
	if a, err := netmail.ParseAddress(c.Email); c.Email != "" && (err != nil || a.Address != c.Email) {
		out = append(out, Fault{"email", "Enter an e-mail address, like office@provider.example"})
	}
	if c.CQC != "" && !cqcShape.MatchString(c.CQC) {
		out = append(out, Fault{"cqc", "Enter a CQC location id, like 1-1234567890"})
	}
	for i, d := range c.Areas {
		if c.Areas[i] = care.District(d); c.Areas[i] == "" {
			c.Areas[i] = d // as it was typed
			out = append(out, Fault{"areas", "Enter postcode districts with commas between them, like NG17, NG18"})
			break
		}
	}
	for _, s := range c.Services {
		if _, known := ProviderServices()[s]; !known {
			out = append(out, Fault{"services", "Select services of the list"})
		}
	}
	if !slices.Contains([]string{"", "framework", "spot"}, c.Basis) {
		out = append(out, Fault{"basis", "Select framework or spot"})
	}
	slices.SortFunc(out, func(a, b Fault) int { return cmp.Compare(a.Field, b.Field) })
	return out
}

// CorrectProvider keeps what a broker or manager knows better than the extract. What
// is the same as the extract is no correction.
func (h *Hub) CorrectProvider(ctx context.Context, by care.Actor, code nhs.ODS, c ProviderChange) (faults []Fault, err error) {
	c.Services, c.Areas = slices.Clone(c.Services), slices.Clone(c.Areas)
	if faults = c.faults(); len(faults) > 0 {
		_, err := h.CareProvider(ctx, by, code)
		return faults, err
	}
	return nil, h.keeping(ctx, by, code, c.Seen, func(e ProviderEntry, d *providerDoc) string {
		var changed []string
		var corrected []Correction
		for _, f := range providerFields {
			is, told := strings.TrimSpace(c.value(f.name)), *f.of(&e.Told)
			if !sameValue(is, *f.of(&e.Provider)) {
				changed = append(changed, f.words)
			}
			if sameValue(is, told) {
				continue
			}
			x := Correction{Field: f.name, Value: is, At: h.now(), By: by.Who()}
			for _, was := range d.Corrected {
				if was.Field == f.name && sameValue(was.Value, is) {
					x = was
				}
			}
			corrected = append(corrected, x)
		}
		d.Corrected, d.Services, d.Areas, d.Basis = corrected, c.Services, c.Areas, c.Basis
		if c.Checked {
			d.Checked, d.CheckedBy = h.today(h.now()), by.Who()
		}
		return "provider " + string(code) + ": " + strings.ToLower(cmp.Or(strings.Join(changed, ", "), "services and areas"))
	})
}

// CheckedProvider says that somebody checked a provider's numbers today.
func (h *Hub) CheckedProvider(ctx context.Context, by care.Actor, code nhs.ODS) error {
	return h.keeping(ctx, by, code, -1, func(_ ProviderEntry, d *providerDoc) string {
		d.Checked, d.CheckedBy = h.today(h.now()), by.Who()
		return "provider " + string(code) + ": numbers checked"
	})
}

// SetProviderPIN keeps the hash of the PIN that opens the links mailed to a provider,
// and the account that they open. The PIN itself is told by telephone.
func (h *Hub) SetProviderPIN(ctx context.Context, by care.Actor, code nhs.ODS, hash string) error {
	return h.keepingWith(ctx, by, code, -1, h.openDoor, func(_ ProviderEntry, d *providerDoc) string {
		d.PIN, d.PINSet = hash, h.now()
		return "provider " + string(code) + ": PIN set"
	})
}

// keeping decides a change of the reader's own directory, makes it and audits it.
// seen -1 is a change that does not depend on what was seen.
func (h *Hub) keeping(ctx context.Context, by care.Actor, code nhs.ODS, seen int64, f func(ProviderEntry, *providerDoc) string) error {
	return h.keepingWith(ctx, by, code, seen, func(*store.Tx, ProviderEntry) error { return nil }, f)
}

// keepingWith is keeping with something else that is written besides.
func (h *Hub) keepingWith(ctx context.Context, by care.Actor, code nhs.ODS, seen int64, also func(*store.Tx, ProviderEntry) error, f func(ProviderEntry, *providerDoc) string) error {
	return h.update(ctx, func(tx *store.Tx) error {
		a := h.ask(by, policy.ManageDirectory, nil, policy.DischargePlanning, "", h.now())
		if !a.allowed(policy.ManageDirectory) {
			return a.refuse(tx)
		}
		e, err := h.ofCode(tx, code)
		if err != nil {
			return err
		}
		if e.Council != by.Org {
			return a.refuse(tx)
		}
		r, d, version, err := keptProvider(tx, e.Council, e.ID)
		if err != nil {
			return err
		}
		if seen >= 0 && seen != version {
			return errOvertaken()
		}
		said := f(e, &d)
		if r.Doc, err = json.Marshal(d); err != nil {
			return err
		}
		r.At = h.now()
		if _, err := tx.PutRecord(r); err != nil {
			return err
		}
		if err := also(tx, e); err != nil {
			return err
		}
		return a.audit(tx, true, said)
	})
}
