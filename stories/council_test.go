//go:build unix

package stories

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// An extract is what the council's system leaves in the folder: the whole of
// what it holds, as docs/extract.md has it.
type extract struct {
	people                                               []*person
	team, worker                                         map[*person]string
	providers, teams, packages, safeguarding, peopleRows [][]string
	find                                                 func(string) (*person, error)
}

// extractForms are the sentences of a council's extract.
func extractForms() []form {
	return compiled([]form{
		{text: "{name} answers on {phone}, out of hours on {phone} ({words})"},
		{text: "{name} answers on {phone}"},
		{text: "the team {name} answers on {phone}"},
		{text: "{person} has {kind} {text} from {name} since {date}"},
		{text: "{person} has {kind} {text} from {name} since {date}, paused"},
		{text: "{person} has {kind} {text} from {name} since {date}, ended {date}"},
		{text: "{person} has no open safeguarding enquiry"},
		{text: "{person} has an open safeguarding enquiry"},
		{text: "{person} is looked after by {worker} of the team {name}"},
	})
}

// kinds of packages, by the words of a story. Interweave social care service types.
var kinds = map[string]string{"home support": "HS", "equipment": "EQ", "reablement": "R", "day support": "DS", "residential care": "LTRC", "a direct payment": "DP"}

func isoDay(s string) (string, error) {
	t, err := time.Parse(dayLayout, s)
	return t.Format(time.DateOnly), err
}

// read takes one line of the extract.
func (x *extract) read(l line) error {
	s, err := understand(l, extractForms())
	if err != nil {
		return err
	}
	a := s.args
	switch {
	case strings.HasPrefix(s.form.text, "{name} answers"):
		row := []string{fmt.Sprintf("P%03d", len(x.providers)+1), a[0], a[1], "", ""}
		if len(a) > 2 {
			row[3], row[4] = a[2], a[3]
		}
		x.providers = append(x.providers, row)
		return nil
	case strings.HasPrefix(s.form.text, "the team"):
		x.teams = append(x.teams, []string{"T" + fmt.Sprint(len(x.teams)), a[0], a[1], ""})
		return nil
	}
	p, err := x.find(a[0])
	if err != nil {
		return l.wrong("%v", err)
	}
	x.hold(p)
	switch {
	case strings.Contains(s.form.text, "{kind}"):
		return x.pack(l, p, s)
	case strings.Contains(s.form.text, "safeguarding"):
		open := map[bool]string{true: "yes", false: "no"}[strings.Contains(s.form.text, "has an open")]
		x.safeguarding = append(x.safeguarding, []string{councilID(p), open, "", ""})
	default:
		x.worker[p], x.team[p] = a[1], idOf(x.teams, a[2])
		if x.team[p] == "" {
			return l.wrong("the team %q is not in this extract: write its line above", a[2])
		}
	}
	return nil
}

func (x *extract) pack(l line, p *person, s step) error {
	a := s.args
	since, err := isoDay(a[4])
	if err != nil {
		return l.wrong("%v", err)
	}
	status, end := "active", ""
	switch {
	case strings.HasSuffix(s.form.text, "paused"):
		status = "onhold"
	case len(a) > 5:
		if end, err = isoDay(a[5]); err != nil {
			return l.wrong("%v", err)
		}
		status = "finished"
	}
	provider := idOf(x.providers, a[3])
	if provider == "" {
		return l.wrong("the provider %q is not in this extract: write its line above", a[3])
	}
	id := fmt.Sprintf("K%03d", len(x.packages))
	x.packages = append(x.packages, []string{id, councilID(p), kinds[a[1]], a[2], status, since, end, provider, "Council"})
	return nil
}

func idOf(rows [][]string, name string) string {
	for _, r := range rows {
		if r[1] == name {
			return r[0]
		}
	}
	return ""
}

func councilID(p *person) string { return fmt.Sprintf("5%05d", p.id) }

func (x *extract) hold(p *person) {
	for _, q := range x.people {
		if q == p {
			return
		}
	}
	x.people = append(x.people, p)
}

func (x *extract) personRow(p *person) []string {
	n := len(p.address)
	lines := append(append([]string(nil), p.address[:max(0, n-1)]...), "", "")
	postcode := ""
	if n > 0 {
		postcode = p.address[n-1]
	}
	sex := map[string]string{"1": "male", "2": "female"}[p.sex()]
	return []string{councilID(p), p.number.Digits(), p.title, p.given, p.family, p.born.Format(time.DateOnly), sex, lines[0], lines[1], postcode, "no", x.team[p], x.worker[p]}
}

// deliver writes the extract into a folder of dir and gives the folder. The
// manifest comes last.
func (x *extract) deliver(dir string, asAt time.Time) (string, error) {
	for _, p := range x.people {
		x.peopleRows = append(x.peopleRows, x.personRow(p))
	}
	asAt = asAt.UTC().Truncate(time.Second)
	folder := filepath.Join(dir, "511-"+asAt.Format("20060102T150405Z"))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	manifest := fmt.Sprintf("format = 1\ncouncil = \"511\"\nas_at = %s\nkind = \"full\"\n", asAt.Format(time.RFC3339))
	for _, t := range []struct {
		name, columns string
		rows          [][]string
	}{
		{"people", "person_id,nhs_number,title,given,family,born,sex,address1,address2,postcode,restricted,team_id,worker", x.peopleRows},
		{"packages", "package_id,person_id,kind,title,status,start,end,provider_id,funding", x.packages},
		{"providers", "provider_id,name,phone,out_of_hours_phone,out_of_hours_hours", x.providers},
		{"teams", "team_id,name,phone,out_of_hours_phone", x.teams},
		{"safeguarding", "person_id,open,opened,ended", x.safeguarding},
	} {
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		if err := w.WriteAll(append([][]string{strings.Split(t.columns, ",")}, t.rows...)); err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(folder, t.name+".csv"), b.Bytes(), 0o600); err != nil {
			return "", err
		}
		manifest += fmt.Sprintf("\n[[files]]\nname = \"%s.csv\"\nrows = %d\nsha256 = \"%x\"\n", t.name, len(t.rows), sha256.Sum256(b.Bytes()))
	}
	tmp := filepath.Join(folder, "manifest.toml.tmp")
	if err := os.WriteFile(tmp, []byte(manifest), 0o600); err != nil {
		return "", err
	}
	return folder, os.Rename(tmp, strings.TrimSuffix(tmp, ".tmp"))
}
