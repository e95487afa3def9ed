package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"homeward/collect"
	"homeward/hub"
	"homeward/mapping"
)

// mappings are those of the configured plans, and of the plans that come with
// Homeward as examples.
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
	for _, name := range collect.ReadyNames() {
		if err := add(name, ""); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// rowsShown is how many rows of a table are shown when a mapping is tried.
const rowsShown = 5

func mappingPage(plan *collect.Plan, a collect.Ask, files fs.FS) (hub.Mapping, error) {
	t := plan.Table(a.Mapping)
	m := hub.Mapping{Title: plan.Name + ": " + t.Title, About: strings.TrimSpace(t.About + " " + plan.About)}
	sample, err := fs.ReadFile(files, strings.TrimSuffix(a.Mapping, ".toml")+".sample.json")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("reading the sample of %s: %w", a.Mapping, err)
	}
	m.Sample = string(sample)
	for _, name := range t.Tables() {
		each, where, lines := t.Sub(name).Show()
		table := hub.MappingTable{Name: name, Each: each, Where: where}
		for _, l := range lines {
			table.Lines = append(table.Lines, hub.MappingLine(l))
		}
		m.Tables = append(m.Tables, table)
	}
	m.Try = func(input string) []hub.MappingTried { return tryMapping(t, input) }
	return m, nil
}

func tryMapping(t *mapping.Table, input string) (out []hub.MappingTried) {
	v, err := mapping.Decode([]byte(input))
	if err != nil {
		return []hub.MappingTried{{Problems: []string{"The sample cannot be read: " + err.Error()}}}
	}
	for _, name := range t.Tables() {
		rows, problems := t.Sub(name).Apply(v)
		tried := hub.MappingTried{Table: name, Fields: t.Sub(name).Fields(), Count: len(rows)}
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
