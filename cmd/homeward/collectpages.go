package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"homeward/collect"
	"homeward/connect/record"
	"homeward/hub"
	"homeward/mapping"
)

// mappings are those of the configured plans and destinations, and of the plans
// that come with Homeward as examples.
func (c Config) mappings() (out []hub.Mapping, err error) {
	used := map[string]bool{}
	add := func(name, by string) error {
		plan, err := planOf(name)
		if err != nil {
			return err
		}
		files, err := planFiles(name)
		if err != nil {
			return err
		}
		for _, a := range plan.Asks {
			key := strings.ToLower(plan.Name + "-" + strings.TrimSuffix(a.Mapping, ".toml"))
			if a.Mapping == "" || used[key] {
				continue
			}
			used[key] = true
			m, err := mappingPage(plan, a, files)
			if err != nil {
				return err
			}
			m.Name, m.Used = key, by
			out = append(out, m)
		}
		return nil
	}
	for _, k := range c.Councils {
		if k.Poll.URL != "" {
			if err := add(k.Poll.Plan, k.Title); err != nil {
				return nil, fmt.Errorf("[[council]] %q: %w", k.Name, err)
			}
		}
	}
	for _, d := range c.Destinations {
		t, err := d.table()
		if err != nil {
			return nil, fmt.Errorf("[[destination]] %q: %w", d.Name, err)
		}
		if t != nil {
			m := tablesPage(t)
			m.Name, m.Title, m.About, m.Used = "to-"+d.Name, "To "+d.Title, strings.TrimSpace(t.Title+". "+t.About), d.Title
			if m.Sample, err = outwardSample(); err != nil {
				return nil, err
			}
			out = append(out, m)
		}
	}
	for _, name := range collect.ReadyNames() {
		if err := add(name, ""); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// outwardSample is a piece of news of an invented referral.
func outwardSample() (string, error) {
	at := time.Date(2026, 3, 2, 10, 42, 0, 0, time.UTC)
	b, err := json.MarshalIndent(record.Record{Type: "homeward.refer", Key: "5b0ad5b6-0000-4000-8000-000000000001", Correlation: "5b0ad5b6-0000-4000-8000-000000000002", Timestamp: at,
		What: "Referral", From: record.Organisation{ODS: "RK5", Name: "Sherwood Forest Hospitals", Phone: "01632 960 100"}, To: record.Organisation{ODS: "511", Name: "Nottinghamshire County Council"},
		Referral: &record.Referral{ID: "ABCD-EFGH-JKLM", State: "sent", Words: "Sent", Pathway: "1", Sent: &at}, Link: "https://homeward.example/cases/invented"}, "", "  ")
	if err != nil {
		return "", fmt.Errorf("writing a sample: %w", err)
	}
	return string(b), nil
}

// rowsShown is how many rows of a table are shown when a mapping is tried.
const rowsShown = 5

func mappingPage(plan *collect.Plan, a collect.Ask, files fs.FS) (hub.Mapping, error) {
	t := plan.Table(a.Mapping)
	m := tablesPage(t)
	m.Title, m.About = plan.Name+": "+t.Title, strings.TrimSpace(t.About+" "+plan.About)
	sample, err := fs.ReadFile(files, strings.TrimSuffix(a.Mapping, ".toml")+".sample.json")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("reading the sample of %s: %w", a.Mapping, err)
	}
	m.Sample = string(sample)
	return m, nil
}

// tablesOf are the table of a mapping, where it has fields, and those below it.
func tablesOf(t *mapping.Table) (out []*mapping.Table) {
	if len(t.Fields()) > 0 {
		out = append(out, t)
	}
	for _, name := range t.Tables() {
		out = append(out, t.Sub(name))
	}
	return out
}

func tablesPage(t *mapping.Table) (m hub.Mapping) {
	for _, sub := range tablesOf(t) {
		each, where, lines := sub.Show()
		table := hub.MappingTable{Name: sub.Name, Each: each, Where: where}
		for _, l := range lines {
			table.Lines = append(table.Lines, hub.MappingLine(l))
		}
		m.Tables = append(m.Tables, table)
	}
	m.Try = func(input string) []hub.MappingTried { return tryMapping(t, input) }
	return m
}

func tryMapping(t *mapping.Table, input string) (out []hub.MappingTried) {
	v, err := mapping.Decode([]byte(input))
	if err != nil {
		return []hub.MappingTried{{Problems: []string{"The sample cannot be read: " + err.Error()}}}
	}
	for _, sub := range tablesOf(t) {
		rows, problems := sub.Apply(v)
		tried := hub.MappingTried{Table: sub.Name, Fields: sub.Fields(), Count: len(rows)}
		for _, r := range rows[:min(len(rows), rowsShown)] {
			var cells []string
			for _, f := range tried.Fields {
				cells = append(cells, r.Text(f))
			}
			tried.Rows = append(tried.Rows, cells)
		}
		for _, p := range problems[:min(len(problems), 20)] {
			tried.Problems = append(tried.Problems, strings.TrimSuffix(p.Error(), "."))
		}
		out = append(out, tried)
	}
	return out
}
