package main

import (
	"context"
	"fmt"

	"homeward/care"
	"homeward/form"
	"homeward/hub"
	"homeward/sim"
)

// demoMembers is what the demonstration's manager keeps of the council's workers. All
// of them work every day, so that it can be tried on any.
var demoMembers = []hub.Member{
	{Account: "demo-anil", Skills: []string{"capacity", "safeguarding"}, Patch: []string{"NG17", "NG18"}, Most: 120},
	{Account: "demo-rose", Skills: []string{"capacity", "care-home", "chc"}, Most: 50},
	{Account: "demo-sue", Skills: []string{"dementia", "moving"}, Patch: []string{"NG19", "NG21", "S80"}, Most: 100},
}

// demoWants is what the council's team wants in a referral: by question, and whether
// it would be sent back without it.
var demoWants = []struct {
	field string
	must  bool
}{
	{"care_needs", true}, {"person_told", true}, {"mobility", false}, {"access", false}, {"contact_name", false}, {"equipment", false}, {"wishes", false},
}

// actor is somebody of the demonstration, as they are when they are signed in.
func (d *demo) actor(login string) (care.Actor, error) {
	for _, a := range demoAccounts() {
		if a.login == login && len(a.grants) > 0 {
			g := a.grants[0]
			o := d.site.hub.Org(g.Org)
			return care.Actor{ID: care.ActorID("demo-" + login), Name: a.name, Role: g.Role, Org: g.Org, OrgName: o.Name, OrgKind: o.Kind, Team: g.Team, Ward: g.Ward}, nil
		}
	}
	return care.Actor{}, fmt.Errorf("nobody in the demonstration signs in as %q", login)
}

// work sets up how the council works, where it is not set up yet.
func (d *demo) work(ctx context.Context) error {
	rose, err := d.actor("rose")
	if err != nil {
		return err
	}
	team, err := d.site.hub.Team(ctx, rose)
	if err != nil {
		return err
	}
	for _, m := range demoMembers {
		m.Days = [7]bool{true, true, true, true, true, true, true}
		for _, had := range team {
			if had.Account == m.Account && had.Version == 0 {
				if err := d.site.hub.SaveMember(ctx, rose, m); err != nil {
					return err
				}
			}
		}
	}
	g, err := d.site.hub.Gate(ctx, rose, sim.Nottinghamshire)
	if err != nil || g.Version > 0 || g.Draft != "" {
		return err
	}
	rules := &form.Gate{Form: g.Form.ID, Title: "What the hospital team needs"}
	for _, w := range demoWants {
		if x, ok := g.Form.WantField(w.field, w.must); ok {
			rules.Items = append(rules.Items, x)
		}
	}
	text, err := form.WriteGate(rules)
	if err != nil {
		return err
	}
	if err := d.site.hub.SaveGate(ctx, rose, string(text), 0); err != nil {
		return err
	}
	_, err = d.site.hub.PublishGate(ctx, rose, 1)
	return err
}
