package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"homeward/governance"
	"homeward/nhs"
	"homeward/safety"
	"homeward/store"
)

type governanceCmd struct {
	Pack packCmd `cmd:"" help:"Write impact assessment, schedule, record of processing, privacy notice, safety case and evidence list, from the live configuration."`
}

type packCmd struct {
	Config string `help:"Configuration file." type:"existingfile" required:"" placeholder:"FILE"`
	Out    string `help:"Folder for the documents; made when it is not there." default:"governance-pack" placeholder:"DIR"`
}

// Run writes the pack. What was in the folder under the same names is replaced.
func (c *packCmd) Run(ctx context.Context) error {
	cfg, err := readConfig(c.Config)
	if err != nil {
		return err
	}
	s, err := cfg.governed(ctx, time.Now(), where{Config: c.Config})
	if err != nil {
		return err
	}
	files, err := governance.Pack(s)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return fmt.Errorf("making the folder: %w", err)
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(c.Out, f.Name), f.Body, 0o644); err != nil {
			return fmt.Errorf("writing the pack: %w", err)
		}
	}
	say(os.Stdout, "%d documents are in %s. Begin with index.html. Nobody has signed them yet.", len(files)/2-1, c.Out)
	return nil
}

// governed is what the documents tell of this configuration.
func (c Config) governed(ctx context.Context, now time.Time, at where) (governance.Site, error) {
	set, _, err := released()
	if err != nil {
		return governance.Site{}, err
	}
	hazards, err := governance.ReadLog(safety.Hazards)
	if err != nil {
		return governance.Site{}, err
	}
	zone, err := time.LoadLocation(c.Zone)
	if err != nil {
		return governance.Site{}, err
	}
	now = now.In(zone)
	s := governance.Site{Made: now, Today: nhs.DateOf(now), Build: build(), Orgs: c.orgs(), Rules: set, Settings: map[string]string{}, Hazards: hazards}
	settings(reflect.ValueOf(c), "", s.Settings)
	for _, f := range c.Feeds {
		s.Sources = append(s.Sources, governance.Source{Title: f.Title, Org: c.orgName(f.Org), Kind: "Messages of the hospital's record system, HL7 v2"})
	}
	for _, k := range c.Councils {
		s.Sources = append(s.Sources, governance.Source{Title: k.Title, Org: c.orgName(k.ODS), Kind: "Extracts of the council's case management"})
	}
	if s.Periods, err = c.Audit.periods(); err != nil {
		return s, err
	}
	db, err := at.open(ctx)
	if err != nil {
		return s, err
	}
	err = db.View(ctx, func(tx *store.Tx) (err error) {
		s.Agreements, err = tx.Agreements()
		return err
	})
	return s, errors.Join(err, db.Close())
}

func (c Config) orgName(ods string) string {
	for _, o := range c.Orgs {
		if o.ODS == ods {
			return o.Name
		}
	}
	return ods
}

// settings flattens a configuration into its keys; of what there are several,
// the last one's stand. Keys that name files of secrets hold paths only.
func settings(v reflect.Value, prefix string, into map[string]string) {
	for i := range v.NumField() {
		f, at := v.Type().Field(i), v.Field(i)
		key := prefix + f.Tag.Get("toml")
		switch {
		case f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct:
			for j := range at.Len() {
				settings(at.Index(j), key+".", into)
			}
		case f.Type == reflect.TypeFor[Duration]():
			text, _ := at.Interface().(Duration).MarshalText()
			into[key] = string(text)
		case f.Type.Kind() == reflect.Struct:
			settings(at, key+".", into)
		default:
			into[key] = fmt.Sprint(at.Interface())
		}
	}
}

// periods is for how long each type of record is kept at this site.
func (c AuditConfig) periods() ([]governance.Period, error) {
	rules, err := c.schedule()
	if err != nil {
		return nil, err
	}
	var out []governance.Period
	for _, r := range rules {
		keep := r.Keep.String()
		if r.Keep.N == 0 {
			keep = "No longer"
		}
		out = append(out, governance.Period{Type: r.Title, Keep: keep, From: r.From, Basis: r.Basis, Local: r.Local})
	}
	return out, nil
}
