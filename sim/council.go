package sim

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"homeward/nhs"
)

// CouncilConfig is a council whose system leaves extracts in a folder.
type CouncilConfig struct {
	Name string
	ODS  nhs.ODS // "" is Nottinghamshire
	Dir  string  // each extract becomes a folder in it; "": nothing is delivered
	Keep int     // extracts left in Dir; the oldest go; 0 is 12
}

// Council is a pretend council.
type Council struct {
	config CouncilConfig

	mu     sync.Mutex
	random *rand.Rand
	people []Person // of whom it holds something
}

func newCouncil(c Config, people []Person) *Council {
	cc := c.Council
	if cc.ODS == "" {
		cc.ODS = Nottinghamshire
	}
	if cc.Name == "" {
		cc.Name = "Nottinghamshire County Council"
	}
	if cc.Keep <= 0 {
		cc.Keep = 12
	}
	council := &Council{config: cc, random: c.random(streamCouncil)}
	for _, p := range people {
		if p.Held != nil {
			council.people = append(council.people, p.copied())
		}
	}
	return council
}

// copied is the person with what is held of their own, to be changed.
func (p Person) copied() Person {
	held := *p.Held
	held.Packages, held.Equipment = slices.Clone(held.Packages), slices.Clone(held.Equipment)
	p.Held = &held
	return p
}

// Config is what the council was made of.
func (c *Council) Config() CouncilConfig { return c.config }

// Change lets a story change what is held of somebody, from the next extract
// on; false when nothing is held.
func (c *Council) Change(n nhs.Number, how func(*Person)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.people {
		if c.people[i].NHS == n {
			how(&c.people[i])
			return true
		}
	}
	return false
}

// drift changes a little between two extracts, of people who are not of the cast.
func (c *Council) drift() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for range 2 {
		h := pick(c.random, c.people[len(c.people)/4:]).Held
		if k := &h.Packages[c.random.IntN(len(h.Packages))]; k.Status == "active" {
			k.Status = "onhold"
		} else if k.Status == "onhold" {
			k.Status = "active"
		}
	}
}

// Team is a team of the council.
type Team struct {
	ID, Name, Phone, OutOfHours string
	workers                     []string
}

// Teams lists the council's teams.
func Teams() []Team {
	return []Team{
		{"T1", "Mansfield and Ashfield discharge team", "01632 960 420", "01632 960 900", []string{"A Patel", "J Marsh", "R Osborne"}},
		{"T2", "Nottingham hospitals discharge team", "01632 960 421", "01632 960 900", []string{"L Forde", "S Whyte"}},
		{"T3", "Bassetlaw and Newark discharge team", "01632 960 422", "01632 960 900", []string{"M Okafor", "D Reeve"}},
		{"T4", "Reviewing team", "01632 960 423", "01632 960 900", []string{"H Sandhu", "C Lowe"}},
	}
}

// Provider gives care. Hours say when the out-of-hours number answers.
type Provider struct{ ID, Name, Phone, OutOfHours, Hours, Email, CQC string }

// Providers lists whom the council pays to give care.
func Providers() []Provider {
	return []Provider{
		{"P001", "Bluebell Homecare", "01632 960 411", "01632 960 999", "24 hours", "office@bluebell.example", "1-1000000001"},
		{"P002", "Notts Lifeline", "01632 960 500", "01632 960 500", "24 hours", "alarms@lifeline.example", ""},
		{"P003", "Oakfield Care at Home", "01632 960 412", "01632 960 998", "18:00 to 08:00 and weekends", "care@oakfield.example", "1-1000000003"},
		{"P004", "Trent Valley Home Support", "01632 960 413", "01632 960 997", "17:00 to 09:00", "desk@trentvalley.example", "1-1000000004"},
		{"P005", "Sherwood Carers", "01632 960 414", "", "", "hello@sherwoodcarers.example", "1-1000000005"},
		{"P006", "County Reablement Service", "01632 960 415", "01632 960 996", "20:00 to 07:00", "reablement@county.example", "1-1000000006"},
		{"P007", "Kitchen Table Meals", "01632 960 416", "", "", "orders@kitchentable.example", ""},
		{"P008", "The Meadows Day Centre", "01632 960 417", "", "", "meadows@county.example", ""},
		{"P009", "Lindenhurst House", "01632 960 418", "01632 960 418", "24 hours", "manager@lindenhurst.example", "1-1000000009"},
		{"P010", "Rowan Court", "01632 960 419", "01632 960 419", "24 hours", "manager@rowancourt.example", "1-1000000010"},
	}
}

// table is one file of an extract.
type table struct {
	name string
	rows [][]string // with the header
}

// Deliver writes a full extract of what is held, as at a time, into a new folder
// of Dir, and returns it. The folder has its name only when all is in it, and
// the manifest, which says that all is there, comes last.
func (c *Council) Deliver(asAt time.Time) (folder string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	asAt = asAt.UTC().Truncate(time.Second)
	folder = filepath.Join(c.config.Dir, fmt.Sprintf("%s-%s", c.config.ODS, asAt.Format("20060102T150405Z")))
	if err := os.MkdirAll(c.config.Dir, 0o755); err != nil {
		return "", fmt.Errorf("making the council's folder: %w", err)
	}
	parts, err := os.MkdirTemp(c.config.Dir, ".writing-")
	if err != nil {
		return "", fmt.Errorf("making a folder for an extract: %w", err)
	}
	defer os.RemoveAll(parts) // nothing is left there when all went well
	if err := c.write(parts, asAt); err != nil {
		return "", err
	}
	if err := os.RemoveAll(folder); err != nil {
		return "", fmt.Errorf("replacing an extract: %w", err)
	}
	if err := os.Chmod(parts, 0o755); err != nil {
		return "", fmt.Errorf("opening an extract to its reader: %w", err)
	}
	if err := os.Rename(parts, folder); err != nil {
		return "", fmt.Errorf("delivering an extract: %w", err)
	}
	return folder, c.prune()
}

func (c *Council) write(dir string, asAt time.Time) error {
	manifest := fmt.Sprintf("format  = 1\ncouncil = %q\nas_at   = %q\nkind    = \"full\"\n", c.config.ODS, asAt.Format(time.RFC3339))
	for _, t := range c.tables(nhs.DateOf(asAt)) {
		var b bytes.Buffer
		w := csv.NewWriter(&b) // RFC 4180
		if err := w.WriteAll(t.rows); err != nil {
			return fmt.Errorf("writing %s: %w", t.name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, t.name+".csv"), b.Bytes(), 0o644); err != nil {
			return fmt.Errorf("writing %s: %w", t.name, err)
		}
		manifest += fmt.Sprintf("\n[[files]]\nname   = \"%s.csv\"\ntable  = %q\nrows   = %d\nsha256 = \"%x\"\n", t.name, t.name, len(t.rows)-1, sha256.Sum256(b.Bytes()))
	}
	final := filepath.Join(dir, "manifest.toml")
	if err := os.WriteFile(final+".tmp", []byte(manifest), 0o644); err != nil {
		return fmt.Errorf("writing the manifest: %w", err)
	}
	if err := os.Rename(final+".tmp", final); err != nil {
		return fmt.Errorf("writing the manifest: %w", err)
	}
	return nil
}

// prune removes the oldest extracts.
func (c *Council) prune() error {
	old, err := filepath.Glob(filepath.Join(c.config.Dir, string(c.config.ODS)+"-*Z"))
	if err != nil {
		return fmt.Errorf("looking for old extracts: %w", err)
	}
	slices.Sort(old)
	for _, o := range old[:max(0, len(old)-c.config.Keep)] {
		if err := os.RemoveAll(o); err != nil {
			return fmt.Errorf("removing an old extract: %w", err)
		}
	}
	return nil
}

func header(columns string) [][]string { return [][]string{strings.Split(columns, ",")} }

// tables are the files of an extract, in the columns of Homeward's own layout.
func (c *Council) tables(today nhs.Date) []table {
	people := header("person_id,nhs_number,title,given,family,preferred,born,sex,address1,address2,address3,address4,postcode,uprn,phone,phone_type,died,restricted,team_id,worker,language")
	packages := header("package_id,person_id,kind,title,status,start,end,provider_id,funding")
	safeguarding := header("person_id,open,opened,ended")
	equipment := header("delivery_id,person_id,title,status,delivered")
	for _, p := range c.people {
		h := p.Held
		people = append(people, personRow(p))
		for _, k := range h.Packages {
			packages = append(packages, []string{k.ID, h.ID, k.Kind, k.Title, k.Status, k.Start.String(), k.End.String(), k.Provider, k.Funding})
		}
		for _, e := range h.Equipment {
			equipment = append(equipment, []string{e.ID, h.ID, e.Title, e.Status, e.Delivered.String()})
		}
		switch h.Safeguarding {
		case "yes":
			safeguarding = append(safeguarding, []string{h.ID, "yes", h.Opened.String(), ""})
		case "ended":
			safeguarding = append(safeguarding, []string{h.ID, "no", h.Opened.String(), h.Ended.String()})
		case "no":
			safeguarding = append(safeguarding, []string{h.ID, "no", "", ""})
		}
	}
	return []table{{"providers", providerRows(today)}, {"teams", teamRows()}, {"people", people}, {"packages", packages},
		{"safeguarding", safeguarding}, {"equipment", equipment}}
}

func personRow(p Person) []string {
	h := p.Held
	lines := append(slices.Clone(p.Address), "", "", "", "")[:4]
	kind, restricted := "primary", "no"
	if h.ExDirectory {
		kind = "ex-directory"
	}
	if h.Restricted {
		restricted = "yes"
	}
	return []string{h.ID, p.NHS.Digits(), p.Title, p.Given, p.Family, p.Preferred, p.Born.String(), p.Sex, lines[0], lines[1], lines[2], lines[3],
		p.Postcode, p.UPRN, p.Phone, kind, h.Died.String(), restricted, h.Team, h.Worker, p.Language}
}

func providerRows(today nhs.Date) [][]string {
	rows := header("provider_id,name,phone,out_of_hours_phone,out_of_hours_hours,email,cqc_location_id,verified")
	for i, v := range Providers() {
		rows = append(rows, []string{v.ID, v.Name, v.Phone, v.OutOfHours, v.Hours, v.Email, v.CQC, daysBefore(today, 3+i*9).String()})
	}
	return rows
}

func teamRows() [][]string {
	rows := header("team_id,name,phone,out_of_hours_phone")
	for _, t := range Teams() {
		rows = append(rows, []string{t.ID, t.Name, t.Phone, t.OutOfHours})
	}
	return rows
}
