package api

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/fhir"
	"homeward/hub"
	"homeward/translate"
	"homeward/translate/r4"
)

// r4Found is what a search found: the matches in order, and of whose cases.
type r4Found struct {
	matches []*fhir.Node
	shown   map[care.CaseID]translate.Shown
	total   int // -1: not counted
	next    *r4Page
}

// r4Search answers a search by GET or POST. FHIR R4 3.1.1.
func (c *call) r4Search(t *r4Type) error {
	asked, _, err := c.r4Asked()
	if err != nil {
		return err
	}
	q, err := c.r4Query(t, asked)
	if err != nil {
		return err
	}
	found, err := c.r4Find(q)
	if err != nil {
		return err
	}
	return c.r4Answer(q, found)
}

// r4Find runs a search.
func (c *call) r4Find(q *r4Query) (r4Found, error) {
	base := c.faces.PublicURL + c.base
	switch {
	case q.typ.source != fromCase:
		all, err := c.r4SharedFor(q)
		if err != nil {
			return r4Found{}, err
		}
		all = slices.DeleteFunc(slices.Clone(all), func(n *fhir.Node) bool { return !q.passes(n, base) })
		return q.part(r4Found{matches: all}), nil
	case q.page.Found:
		return c.r4FindPersons(q, base)
	}
	return c.r4FindWide(q, base)
}

// r4SharedFor is what a search in the directory, the forms or the audit looks through.
func (c *call) r4SharedFor(q *r4Query) ([]*fhir.Node, error) {
	if q.typ.name == "MeasureReport" {
		a, err := c.figureAsked(q)
		if err != nil {
			return nil, err
		}
		return c.r4Reports(a)
	}
	if q.typ.source != fromAudit {
		return c.r4Shared(q.typ)
	}
	ask := hub.AuditQuery{}
	for _, t := range q.tests {
		if t.name == "patient" && t.modifier == "" && len(t.values) == 1 {
			ask.Case, _ = r4.CaseOf(strings.TrimPrefix(t.values[0], "Patient/"))
		}
		if t.name == "date" && t.modifier == "" {
			prefix, s, _ := readDate(t.values[0])
			if slices.Contains([]string{"eq", "ge", "gt", "sa"}, prefix) {
				ask.From = s.from
			}
			if slices.Contains([]string{"eq", "le", "lt", "eb"}, prefix) {
				ask.To = s.to
			}
		}
	}
	return c.r4Audits(ask)
}

// r4FindPersons looks in the cases of the persons who were named.
func (c *call) r4FindPersons(q *r4Query, base string) (r4Found, error) {
	f := r4Found{shown: map[care.CaseID]translate.Shown{}}
	q.page.Cases = nil
	for _, find := range q.finds {
		p, err := c.faces.Hub.ShowSome(c.r.Context(), c.by, find, c.r4Why("search "+q.typ.name))
		if err != nil {
			return f, err
		}
		for _, s := range p.Shown {
			if _, had := f.shown[s.Case.ID]; had {
				continue
			}
			f.shown[s.Case.ID] = s
			q.page.Cases = append(q.page.Cases, s.Case.ID)
			f.matches = append(f.matches, q.ofCase(s, base)...)
		}
	}
	q.arrange(f.matches)
	return q.part(f), nil
}

// r4WidePages is how many pages of the index one search goes through.
const r4WidePages = 10

// arrange sorts by when resources last changed, where that is asked for.
func (q *r4Query) arrange(list []*fhir.Node) {
	if q.sort == "" {
		return
	}
	at := func(n *fhir.Node) time.Time {
		s, _ := spanOfText(n.Str("meta.lastUpdated"))
		return s.from
	}
	slices.SortStableFunc(list, func(a, b *fhir.Node) int {
		if q.sort[0] == '-' {
			a, b = b, a
		}
		return at(a).Compare(at(b))
	})
}

// part is the page of what was found as a whole.
func (q *r4Query) part(f r4Found) r4Found {
	f.total = len(f.matches)
	from := min(q.page.Offset, len(f.matches))
	to := min(from+q.count, len(f.matches))
	f.matches = f.matches[from:to]
	if to < f.total && q.count > 0 {
		next := q.page
		next.Offset = to
		f.next = &next
	}
	return f
}

// r4FindWide looks in all that the asker has a part in, a page of the hub's index at
// a time, until something is found.
func (c *call) r4FindWide(q *r4Query, base string) (r4Found, error) {
	f := r4Found{shown: map[care.CaseID]translate.Shown{}, total: -1}
	if q.typ.narrow {
		return f, no(http.StatusBadRequest, "too-costly", "A search of "+q.typ.name+" must say of which patient or target")
	}
	if t := q.scan(); t != "" {
		return f, no(http.StatusBadRequest, "too-costly", "A search by "+t+" must say of which patient")
	}
	find := q.wide()
	if q.sort != "" || q.countOnly {
		find.Limit = r4PageMost
	}
	for range r4WidePages {
		p, err := c.faces.Hub.ShowSome(c.r.Context(), c.by, find, c.r4Why("search "+q.typ.name))
		if err != nil {
			return f, err
		}
		if q.countOnly && p.Total >= 0 && len(q.tests) == 0 {
			f.total = p.Total
			return f, nil
		}
		f.addPage(q, p, base)
		if find.After = p.Next; p.Next == "" {
			if q.page.After == "" {
				f.total = len(f.matches)
			}
			if q.sort != "" {
				q.arrange(f.matches)
				return q.part(f), nil
			}
			return f, nil
		}
		if len(f.matches) > 0 && !q.countOnly && q.sort == "" {
			break
		}
	}
	if q.sort != "" {
		return f, no(http.StatusBadRequest, "too-costly", "There are too many to be sorted. Name a patient, or less time in _lastUpdated")
	}
	f.next = &r4Page{After: find.After}
	return f, nil
}

// scan is a parameter that no index answers, and for which all would be read.
func (q *r4Query) scan() string {
	for _, t := range q.tests {
		if t.name == "identifier" || t.person {
			return t.name
		}
	}
	return ""
}

func (f *r4Found) addPage(q *r4Query, p hub.Page, base string) {
	of := map[care.CaseID][]*fhir.Node{}
	for _, s := range p.Shown {
		f.shown[s.Case.ID] = s
		of[s.Case.ID] = q.ofCase(s, base)
		if p.IDs == nil {
			f.matches = append(f.matches, of[s.Case.ID]...)
		}
	}
	for _, x := range p.IDs {
		id, _ := r4.CaseOf(x[1])
		for _, n := range of[id] {
			if n.ID() == x[1] && x[0] == q.typ.name {
				f.matches = append(f.matches, n)
			}
		}
	}
}

// r4Answer writes the Bundle of a search. FHIR R4 3.1.1.5.
func (c *call) r4Answer(q *r4Query, f r4Found) error {
	var entries []*fhir.Node
	if !q.countOnly {
		included, err := c.r4Included(q, f)
		if err != nil {
			return err
		}
		for _, n := range f.matches {
			if q.elements != nil {
				n = subset(n, q.elements)
			}
			entries = append(entries, c.entry("match", n))
		}
		for _, n := range included {
			entries = append(entries, c.entry("include", n))
		}
	}
	if q.countOnly && f.total < 0 {
		return no(http.StatusBadRequest, "too-costly", "There are more than can be counted for an answer. Name a patient, or less time in _lastUpdated")
	}
	n := fhir.Obj("resourceType", "Bundle", "type", "searchset")
	if f.total >= 0 && q.total {
		n.Set("total", f.total)
	}
	at := c.url("/" + q.typ.name)
	links := []*fhir.Node{fhir.Obj("relation", "self", "url", withQuery(at, q.safe))}
	if f.next != nil && !q.countOnly {
		f.next.Query = q.safe.Encode()
		links = append(links, fhir.Obj("relation", "next", "url", withQuery(at, url.Values{"_page": {f.next.token()}})))
	}
	n.Set("link", links)
	n.Set("entry", entries)
	return c.write(http.StatusOK, n)
}

func withQuery(at string, q url.Values) string {
	if len(q) == 0 {
		return at
	}
	return at + "?" + q.Encode()
}

// r4Included are the resources that _include and _revinclude add, each once: of the
// same cases, and of the directory. FHIR R4 3.1.1.5.4.
func (c *call) r4Included(q *r4Query, f r4Found) ([]*fhir.Node, error) {
	if len(q.include)+len(q.revin) == 0 {
		return nil, nil
	}
	in := includes{call: c, have: map[string]bool{}, cases: map[care.CaseID]map[string]*fhir.Node{}, shown: f.shown}
	for _, n := range f.matches {
		in.have[n.Type()+"/"+n.ID()] = true
	}
	for _, n := range f.matches {
		id, _ := r4.CaseOf(n.ID())
		for _, i := range q.include {
			for _, p := range i.param.paths {
				for _, ref := range n.All(p) {
					if err := in.refer(id, ref.Str("reference"), i); err != nil {
						return nil, err
					}
				}
			}
		}
		for _, i := range q.revin {
			in.revert(id, n, i)
		}
	}
	return in.out, nil
}

type includes struct {
	*call
	have      map[string]bool
	shown     map[care.CaseID]translate.Shown
	cases     map[care.CaseID]map[string]*fhir.Node // resources by Type/id
	order     map[care.CaseID][]*fhir.Node
	directory map[string]*fhir.Node
	out       []*fhir.Node
}

func (in *includes) of(id care.CaseID) map[string]*fhir.Node {
	if m, ok := in.cases[id]; ok {
		return m
	}
	m := map[string]*fhir.Node{}
	if s, ok := in.shown[id]; ok {
		all := r4.Resources(s)
		for _, n := range all {
			m[n.Type()+"/"+n.ID()] = n
		}
		if in.order == nil {
			in.order = map[care.CaseID][]*fhir.Node{}
		}
		in.order[id] = all
	}
	in.cases[id] = m
	return m
}

func (in *includes) add(n *fhir.Node) {
	if key := n.Type() + "/" + n.ID(); !in.have[key] {
		in.have[key] = true
		in.out = append(in.out, n)
	}
}

func (in *includes) refer(id care.CaseID, ref string, i r4Include) error {
	typ, _, ok := strings.Cut(ref, "/")
	if !ok || i.target != "" && typ != i.target || in.have[ref] {
		return nil
	}
	if n := in.of(id)[ref]; n != nil {
		in.add(n)
		return nil
	}
	if t := r4TypeOf(typ); t == nil || t.source != fromDirectory {
		return nil
	}
	if in.directory == nil {
		in.directory = map[string]*fhir.Node{}
		d, err := in.faces.Hub.Directory(in.r.Context(), in.by)
		if err != nil {
			return err
		}
		for _, t := range r4Types {
			if t.source == fromDirectory {
				for _, n := range r4Directory(d, t.name) {
					in.directory[n.Type()+"/"+n.ID()] = n
				}
			}
		}
	}
	if n := in.directory[ref]; n != nil {
		in.add(n)
	}
	return nil
}

// revert adds the resources of a type that refer to n.
func (in *includes) revert(id care.CaseID, n *fhir.Node, i r4Include) {
	in.of(id)
	target := n.Type() + "/" + n.ID()
	for _, x := range in.order[id] {
		if x.Type() != i.typ.name {
			continue
		}
		for _, p := range i.param.paths {
			if slices.ContainsFunc(x.All(p), func(ref *fhir.Node) bool { return ref.Str("reference") == target }) {
				in.add(x)
			}
		}
	}
}
