package collect

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"homeward/extract"
	"homeward/mapping"
)

// Plan says how a system's API is asked and what its answers mean. It is data, so
// that another system is configuration and not code.
type Plan struct {
	Name      string          `toml:"name"`
	Title     string          `toml:"title"` // for people
	About     string          `toml:"about"`
	NotShared []extract.Table `toml:"not_shared"` // tables that the council does not share by this API
	Since     string          `toml:"since"`      // how a time is written: rfc3339 (or ""), date, unix, millis
	Asks      []Ask           `toml:"ask"`
}

// Ask is one address that is asked, with its pages.
type Ask struct {
	Name      string            `toml:"name"`
	Path      string            `toml:"path"`       // under the base; {person_id} where Each is set
	Query     map[string]string `toml:"query"`      // sent as it is
	In        string            `toml:"in"`         // "" both; full or changes: only then
	Each      bool              `toml:"each"`       // once for each person of the asks before
	Pages     string            `toml:"pages"`      // none (or ""), number, offset, next, cursor
	Param     string            `toml:"param"`      // query parameter of the page, offset or cursor
	First     int               `toml:"first"`      // number: of the first page
	SizeParam string            `toml:"size_param"` // query parameter of the size of a page
	Size      int               `toml:"size"`
	SinceName string            `toml:"since_param"` // query parameter of the time since, in changes
	Items     string            `toml:"items"`       // CEL: the list of a page
	Total     string            `toml:"total"`       // CEL: how many there are in all; "" not told
	Next      string            `toml:"next"`        // CEL: address or cursor of the next page; nothing at the end
	More      string            `toml:"more"`        // CEL: whether there is another page; "" until one is empty
	Cursor    string            `toml:"cursor"`      // CEL: what to send as since the next time; "" the time of asking
	IDs       string            `toml:"ids"`         // CEL: ids of people for asks with each, besides those of people's rows
	Mapping   string            `toml:"mapping"`     // file beside the plan, whose tables are those of an extract; "" none

	page *mapping.Table // Items, Total ... as fields
	rows *mapping.Table
}

//go:embed ready
var ready embed.FS

// Ready is a plan that comes with Homeward, as an example to begin with: mosaic,
// liquidlogic or homegrown.
func Ready(name string) (*Plan, error) {
	dir, err := fs.Sub(ready, "ready/"+name)
	if err != nil || strings.Contains(name, "/") {
		return nil, fmt.Errorf("plan %q is not one that comes with Homeward: use %s", name, strings.Join(ReadyNames(), ", "))
	}
	if _, err := fs.Stat(dir, "plan.toml"); err != nil {
		return nil, fmt.Errorf("plan %q is not one that comes with Homeward: use %s", name, strings.Join(ReadyNames(), ", "))
	}
	return ReadPlan(dir, "plan.toml")
}

// ReadyFiles are the files of a plan that comes with Homeward, samples among them.
func ReadyFiles(name string) (fs.FS, error) { return fs.Sub(ready, "ready/"+name) }

// ReadyNames lists them.
func ReadyNames() []string { return []string{"homegrown", "liquidlogic", "mosaic"} }

// ReadPlan reads a plan and the mappings that it names, from the folder in which it
// is. The error names the ask, the key and the mend.
func ReadPlan(dir fs.FS, file string) (*Plan, error) {
	b, err := fs.ReadFile(dir, file)
	if err != nil {
		return nil, fmt.Errorf("reading the plan: %w", err)
	}
	p := &Plan{}
	md, err := toml.Decode(string(bytes.TrimPrefix(b, []byte("\ufeff"))), p)
	if err != nil {
		return nil, fmt.Errorf("plan %s: %w", file, err)
	}
	if u := md.Undecoded(); len(u) > 0 {
		return nil, fmt.Errorf("plan %s: %s is not a key of a plan. Take it out or check its spelling", file, u[0])
	}
	if p.Name == "" || len(p.Asks) == 0 {
		return nil, fmt.Errorf("plan %s: give it a name and at least one [[ask]]", file)
	}
	if !slices.Contains([]string{"", "rfc3339", "date", "unix", "millis"}, p.Since) {
		return nil, fmt.Errorf("plan %s: since must be rfc3339, date, unix or millis", file)
	}
	people := false
	for i := range p.Asks {
		a := &p.Asks[i]
		if err := a.read(dir, people); err != nil {
			return nil, fmt.Errorf("plan %s: ask %q: %w", file, cmp.Or(a.Name, fmt.Sprint(i+1)), err)
		}
		people = people || a.IDs != "" || a.rows != nil && a.rows.Sub(string(extract.People)) != nil
	}
	if err := p.whole(); err != nil {
		return nil, fmt.Errorf("plan %s: %w", file, err)
	}
	return p, nil
}

// whole refuses a plan whose extracts would all be refused.
func (p *Plan) whole() error {
	has := func(t extract.Table) bool {
		return slices.ContainsFunc(p.Asks, func(a Ask) bool { return a.rows != nil && a.rows.Sub(string(t)) != nil })
	}
	for _, t := range p.NotShared {
		if !slices.Contains(extract.Tables(), t) {
			return fmt.Errorf("not_shared: %q is not a table of an extract", t)
		}
		if has(t) {
			return fmt.Errorf("not_shared: take out %s, for an ask brings it", t)
		}
	}
	switch {
	case !has(extract.People):
		return errors.New("no ask brings people: add one whose mapping has [tables.people]")
	case !has(extract.Packages) && !slices.Contains(p.NotShared, extract.Packages):
		return errors.New("no ask brings packages: add one, or say not_shared = [\"packages\"]")
	}
	return nil
}

// Table finds the mapping of a name, for the page that shows it; nil: none.
func (p *Plan) Table(name string) *mapping.Table {
	for i := range p.Asks {
		if p.Asks[i].Mapping == name {
			return p.Asks[i].rows
		}
	}
	return nil
}

// read checks an ask and reads its mapping.
func (a *Ask) read(dir fs.FS, people bool) error {
	switch {
	case !plainName.MatchString(a.Name):
		return errors.New("name must be of letters, digits, hyphens and underscores")
	case a.Path == "" || strings.Contains(a.Path, "://") || strings.Contains(a.Path, "?"):
		return errors.New("path must be a path under the base, without its query")
	case a.Each != strings.Contains(a.Path, "{person_id}"):
		return errors.New("path must have {person_id} where each is set, and only there")
	case a.Each && !people:
		return errors.New("each needs an ask before it that gives people, or ids")
	case !slices.Contains([]string{"", "full", "changes"}, a.In):
		return errors.New("in must be full or changes, or be left out")
	case !slices.Contains([]string{"", "none", "number", "offset", "next", "cursor"}, a.Pages):
		return errors.New("pages must be none, number, offset, next or cursor")
	case (a.Pages == "number" || a.Pages == "offset" || a.Pages == "cursor") != (a.Param != ""):
		return errors.New("param must be set for pages by number, offset or cursor, and only then")
	case (a.Pages == "next" || a.Pages == "cursor") != (a.Next != ""):
		return errors.New("next must be set for pages by next or cursor, and only then")
	case (a.Size > 0) != (a.SizeParam != "") || a.Size < 0:
		return errors.New("size and size_param must both be set, or neither")
	case a.Items == "" && a.Pages != "" && a.Pages != "none":
		return errors.New("items must say where the list of a page is")
	case a.Mapping == "" && a.IDs == "":
		return errors.New("mapping or ids must be set: otherwise nothing comes of it")
	}
	if err := a.readPage(); err != nil {
		return err
	}
	return a.readRows(dir)
}

// readPage makes one table of the expressions about a page.
func (a *Ask) readPage() error {
	text := "name = \"page\"\n[fields]\n"
	items := ""
	if a.Items != "" {
		items = "size(" + a.Items + ")"
	}
	for _, f := range []struct{ name, is string }{{"items", items}, {"total", a.Total}, {"next", a.Next}, {"more", a.More}, {"cursor", a.Cursor}, {"ids", a.IDs}} {
		if f.is == "" {
			continue
		}
		quoted, err := json.Marshal(f.is) // JSON's texts are TOML's too
		if err != nil {
			return err
		}
		text += f.name + " = " + string(quoted) + "\n"
	}
	if strings.HasSuffix(text, "[fields]\n") {
		return nil
	}
	t, problems := mapping.Parse([]byte(text))
	if len(problems) > 0 {
		return problems[0]
	}
	a.page = t
	return nil
}

func (a *Ask) readRows(dir fs.FS) error {
	if a.Mapping == "" {
		return nil
	}
	b, err := fs.ReadFile(dir, a.Mapping)
	if err != nil {
		return fmt.Errorf("reading the mapping: %w", err)
	}
	t, problems := mapping.Parse(b)
	if len(problems) > 0 {
		return fmt.Errorf("mapping %s: %w", a.Mapping, problems[0])
	}
	if len(t.Tables()) == 0 {
		return fmt.Errorf("mapping %s: it needs [tables.people], [tables.packages] or another table of an extract", a.Mapping)
	}
	for _, name := range t.Tables() {
		if !slices.Contains(extract.Tables(), extract.Table(name)) {
			return fmt.Errorf("mapping %s: [tables.%s] is not a table of an extract", a.Mapping, name)
		}
		if name == string(extract.People) && !slices.Contains(t.Sub(name).Fields(), "person_id") {
			return fmt.Errorf("mapping %s: [tables.people] needs person_id", a.Mapping)
		}
	}
	a.rows = t
	return nil
}
