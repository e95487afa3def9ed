package main

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"

	"homeward/care"
	"homeward/county"
	"homeward/hub"
	"homeward/nhs"
	"homeward/sim"
)

const (
	demoPast      = 26 * 7                // days
	demoFirst     = 600_000               // the first number of these people: far from those of the pretend hospitals
	demoPastPause = 10 * time.Millisecond // between two people: who uses the demonstration must not notice
)

// past records a made-up half year, so that figures have something to show: people who
// were in the demonstration's hospitals and have left. It runs beside the site; what was
// recorded by an earlier start is not recorded again.
func (d *demo) past(ctx context.Context) {
	if err := d.recordPast(ctx); err != nil && ctx.Err() == nil {
		d.site.hub.Log.Warn("the demonstration's figures have no past", "err", err)
	}
}

func (d *demo) recordPast(ctx context.Context) error {
	zone, err := time.LoadLocation(d.site.config.Zone)
	if err != nil {
		return err
	}
	began, err := d.pastBegan()
	if err != nil {
		return err
	}
	c := demoCounty(d.cmd.Seed, zone, began)
	c.People = d.cmd.Past
	titles := map[string]string{}
	for i, f := range demoFeeds {
		titles[f] = sim.Hospitals()[i].Name + " EPR"
	}
	for p := range demoPastOf(c, titles) {
		if err := d.site.hub.RecordPast(ctx, p); err != nil {
			return err
		}
		if err := sleep(ctx, demoPastPause); err != nil {
			return err
		}
	}
	return nil
}

// pastBegan is when this was first done with the demonstration's folder: the same past
// goes on to be recorded after a stop.
func (d *demo) pastBegan() (time.Time, error) {
	file := filepath.Join(d.dir, "past-began")
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		now := d.clock.now().UTC().Truncate(time.Second)
		return now, os.WriteFile(file, []byte(now.Format(time.RFC3339)), 0o600)
	}
	if err != nil {
		return time.Time{}, err
	}
	return time.Parse(time.RFC3339, string(text))
}

// demoCounty is the demonstration's county as package county invents it, up to now.
func demoCounty(seed uint64, zone *time.Location, now time.Time) county.Config {
	c := county.Config{Seed: seed, Start: demoFirst, First: nhs.DateOf(now.In(zone)).Add(-demoPast), Days: demoPast, Zone: zone}
	for i, h := range sim.Hospitals() {
		t := county.Trust{ODS: h.ODS, Feed: demoFeeds[i]}
		for _, w := range h.Wards {
			if w.Code != h.ED {
				t.Wards = append(t.Wards, county.Ward{Code: w.Code, Name: w.Name})
			}
		}
		c.Trusts = append(c.Trusts, t)
	}
	notts := county.Council{ODS: sim.Nottinghamshire, Districts: []string{"NG17", "NG18", "NG19", "NG21", "S80"}}
	for _, t := range sim.Teams() {
		notts.Teams = append(notts.Teams, county.Team{ID: t.ID, Workers: []care.Who{{ID: care.ActorID("past-" + t.ID), Name: "A former colleague", Org: notts.ODS}}})
	}
	city := county.Council{ODS: sim.NottinghamCity, Districts: []string{"NG1", "NG7"},
		Teams: []county.Team{{ID: "city", Workers: []care.Who{{ID: "past-city", Name: "A former colleague", Org: sim.NottinghamCity}}}}}
	for _, p := range sim.Providers() {
		notts.Providers = append(notts.Providers, county.Provider{ID: p.ID, Name: p.Name})
		city.Providers = append(city.Providers, county.Provider{ID: "C" + p.ID[1:], Name: p.Name})
	}
	c.Councils = []county.Council{notts, city}
	return c
}

// demoPastOf are the people of a county, each as one who has left and of whom nothing is
// left to do. Those with two records are left out: the stories are about that.
func demoPastOf(c county.Config, titles map[string]string) iter.Seq[hub.Past] {
	return func(yield func(hub.Past) bool) {
		var last []county.Person
		give := func() bool {
			if len(last) != 1 || len(last[0].Events) == 0 {
				return true
			}
			return yield(settled(last[0], c.End(), titles))
		}
		for p := range county.People(c) {
			if len(last) > 0 && last[0].Number != p.Number {
				if !give() {
					return
				}
				last = nil
			}
			last = append(last, p)
		}
		give()
	}
}

// settled is a person's past with an end: whoever is still in hospital leaves half way
// from their last news to the end, and what is open is closed.
func settled(p county.Person, end time.Time, titles map[string]string) hub.Past {
	out := hub.Past{Case: p.ID, Events: p.Events, Recorded: p.Recorded}
	for _, e := range p.Events {
		if a, ok := e.(care.Admitted); ok && out.Source == "" {
			out.Source = titles[a.Stay.Source]
		}
	}
	last := p.Recorded[len(p.Recorded)-1]
	at := last.Add(end.Sub(last) / 2)
	add := func(e care.Event) { out.Events, out.Recorded = append(out.Events, e), append(out.Recorded, at) }
	c := care.Apply(care.Case{}, p.Events...)
	if s := c.Stay; s != nil {
		add(care.Discharged{At: at, Visit: s.Visit, Org: s.Org, Leaving: care.Leaving{At: at, Method: "1", Destination: "19"}})
	}
	for _, r := range c.Referrals {
		if r.Open() {
			add(care.ReferralEnded{At: at, ID: r.ID, State: care.RefClosed, By: r.Worker})
		}
	}
	for _, q := range c.Requests {
		if q.Ended.IsZero() {
			q.Ended, q.EndedWhy = at, "The referral was closed"
			add(care.RequestChanged{At: at, Did: care.RequestEnded, Request: q})
		}
	}
	if look, is := pastLook(p, c); is {
		at = last.Add(end.Sub(last) * 3 / 4)
		look.Looked, look.At = at, at
		add(care.LookEnded{At: at, Look: look})
	}
	return out
}

// pastLook is what a look-up at A&E led to, of one person in pastLooks: they were there
// again after they had left, and somebody looked up their care.
func pastLook(p county.Person, c care.Case) (care.LookResult, bool) {
	if p.Number%pastLooks != 0 || c.Died != nil || len(c.Past) == 0 && c.Stay == nil {
		return care.LookResult{}, false
	}
	org := nhs.ODS("")
	for _, e := range p.Events {
		if a, ok := e.(care.Admitted); ok {
			org = a.Stay.Org
		}
	}
	ends := []care.LookEnd{care.LookHomeCare, care.LookHome, care.LookHomeCare, care.LookAdmittedTold}
	return care.LookResult{ID: "past-look-" + string(p.ID), Org: org, Result: ends[p.Number/pastLooks%len(ends)], By: care.Who{ID: "past-ae", Name: "A former colleague", Org: org}}, true
}

// pastLooks is of how many people in the past one was looked up.
const pastLooks = 7
