package web

import (
	"context"
	"errors"
	"strings"
	"testing"

	"homeward/care"
	"homeward/hub"
	"homeward/internal/browser"
	"homeward/mapping"
)

const testMapping = `
name = "adults"
[tables.people]
each = "input.adults"
where = "item.age >= 18"
[tables.people.fields]
person_id = { is = "item.id", required = true }
family = { is = "item.name.family", default = "<b>nobody</b>" }
`

// withMappings gives the site one mapping.
func (s *site) withMappings() {
	s.t.Helper()
	t, problems := mapping.Parse([]byte(testMapping))
	if len(problems) > 0 {
		s.t.Fatal(problems)
	}
	each, where, lines := t.Sub("people").Show()
	table := hub.MappingTable{Name: "people", Each: each, Where: where}
	for _, l := range lines {
		table.Lines = append(table.Lines, hub.MappingLine(l))
	}
	s.hub.Mappings = []hub.Mapping{{Name: "county-adults", Title: "County: adults", About: "What it does.", Used: "Mosaic", Tables: []hub.MappingTable{table},
		Sample: `{"adults": [{"id": "A1", "age": 70, "name": {"family": "Marsh"}}]}`,
		Try: func(input string) []hub.MappingTried {
			v, err := mapping.Decode([]byte(input))
			if err != nil {
				return []hub.MappingTried{{Problems: []string{err.Error()}}}
			}
			rows, problems := t.Sub("people").Apply(v)
			out := hub.MappingTried{Table: "people", Fields: t.Sub("people").Fields(), Count: len(rows)}
			for _, r := range rows {
				out.Rows = append(out.Rows, []string{r.Text("person_id"), r.Text("family")})
			}
			for _, p := range problems {
				out.Problems = append(out.Problems, p.Error())
			}
			return []hub.MappingTried{out}
		}}}
}

func TestMappingPages(t *testing.T) {
	s := newSite(t)
	r := s.as("integration")
	r.get("/ops/mappings").says("There is no mapping")
	s.withMappings()
	r.get("/ops/mappings").says("County: adults", "Mosaic", "people")
	p := r.get("/ops/mappings/county-adults")
	p.says("item.name.family", "A row for each of input.adults where item.age >= 18", "Try the mapping to see", `"family": "Marsh"`)
	p = r.post("/ops/mappings/county-adults", "input", `{"adults": [{"id": "Q7", "age": 80, "name": {"family": "Quillfeather"}}, {"age": 30}, {"id": "young", "age": 4}]}`)
	p.says("Result", "2 rows", "Q7", "Quillfeather", "<b>nobody</b>", "person_id: row 2: This is required")
	if strings.Contains(p.body, "<b>nobody") {
		t.Error("what a mapping makes is written as HTML")
	}
	r.post("/ops/mappings/county-adults", "input", `{"adults": {}}`).says("This is not a list in the input", "no rows")
	r.post("/ops/mappings/county-adults", "input", `{`).says("ends before it is complete")
	if p = r.get("/ops/mappings/none"); p.status != 404 {
		t.Errorf("a mapping that is not there: %d", p.status)
	}
	if strings.Contains(s.log.String(), "Quillfeather") {
		t.Error("what was tried is in the log")
	}
	for _, login := range []string{"coordinator", "social-worker", "ig-lead", "admin"} {
		for _, p := range []shown{s.as(login).get("/ops/mappings"), s.as(login).get("/ops/mappings/county-adults"), s.as(login).post("/ops/mappings/county-adults", "input", "{}")} {
			if p.status != 403 || strings.Contains(p.body, "item.name") {
				t.Errorf("%s sees mappings: %d", login, p.status)
			}
		}
	}
}

func TestCollectingIsOnTheImports(t *testing.T) {
	s := newSite(t)
	r := s.as("integration")
	if p := r.get("/ops/imports"); strings.Contains(p.text(), "How extracts are brought here") {
		t.Error("nothing is brought, and the page says so at length")
	}
	ctx := context.Background()
	s.must(s.hub.SayCollected(ctx, county, "API", "511-1", "", []string{"2 rows came twice"}))
	r.get("/ops/imports").says("How extracts are brought here", "API", "Working", "511-1", "2 rows came twice")
	s.must(s.hub.SayCollected(ctx, county, "API", "", "adults, page 2: the same page came twice", nil))
	r.get("/ops/imports").says("Trouble", "the same page came twice", "511-1")
	s.must(s.hub.SayCollected(ctx, county, "API", "511-2", "", nil))
	if p := r.get("/ops/imports"); strings.Contains(p.text(), "Trouble") || strings.Contains(p.text(), "came twice") {
		t.Errorf("trouble that is over:\n%s", p.text())
	}
	if _, err := s.hub.Collecting(ctx, s.actor(care.Coordinator, kingsMill, care.Trust)); err == nil {
		t.Error(errors.New("a coordinator sees how extracts are brought"))
	}
}

func TestMappingInABrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.withMappings()
	s.must(s.hub.SayCollected(context.Background(), county, "SFTP", "", "The SFTP server cannot be reached", nil))
	tab := browser.New(t)
	s.signIn(tab, "integration")
	for _, p := range [][2]string{{"mappings", "/ops/mappings"}, {"mapping", "/ops/mappings/county-adults"}, {"imports-collecting", "/ops/imports"}} {
		tab.Goto(s.url + p[1])
		look(t, tab, axeSource(t), p[0])
	}
	tab.Goto(s.url + "/ops/mappings/county-adults")
	tab.Follow("main form button[type=submit]")
	look(t, tab, axeSource(t), "mapping-tried")
}
