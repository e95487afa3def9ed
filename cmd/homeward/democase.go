package main

import (
	"context"
	"fmt"
	"time"

	"homeward/care"
	"homeward/form"
	"homeward/hub"
	"homeward/money"
	"homeward/nhs"
	"homeward/sim"
)

// workCase has the people of the demonstration work on one case, by the same methods
// as the screens: a referral, an allocation, a note, tasks, an assessment begun, care
// asked for and answered, and what it costs.
func (d *demo) workCase(ctx context.Context) (string, error) {
	p := &played{d: d, ctx: ctx, now: d.clock.now()}
	p.as("priya", p.refer)
	p.as("rose", p.take)
	p.as("anil", p.assess)
	p.as("bob", p.arrange)
	p.as("anil", p.tell)
	return "", p.err
}

// played is a case of the demonstration being worked on: who does it now, and what
// went wrong first.
type played struct {
	d    *demo
	ctx  context.Context
	now  time.Time
	by   care.Actor
	id   care.CaseID
	ref  care.ReferralID
	err  error
	home *hub.Hub
}

// as has somebody do something, unless something went wrong before.
func (p *played) as(login string, do func() error) {
	if p.err != nil {
		return
	}
	p.home = p.d.site.hub
	if p.by, p.err = p.d.actor(login); p.err == nil {
		if err := do(); err != nil {
			p.err = fmt.Errorf("as %s: %w", login, err)
		}
	}
}

// refer sends the referral of somebody who is ready to leave.
func (p *played) refer() error {
	ready := sim.Ready(nhs.DateOf(p.now))
	rows, err := p.home.List(p.ctx, p.by, hub.ListQuery{Scope: hub.ScopeTracker, Hospital: sim.KingsMill, Everything: true})
	if err != nil {
		return err
	}
	for _, r := range rows.Rows {
		if r.Row.NHS == ready.NHS {
			p.id = r.Row.Case
		}
	}
	if p.id == "" {
		return &care.Error{Kind: care.NotFound, Text: "make " + ready.Given + " fit to leave first (Ready to go home)"}
	}
	draft, err := p.home.StartReferral(p.ctx, p.by, p.id)
	if err != nil {
		return err
	}
	if draft.OpenAlready != nil {
		p.ref = draft.OpenAlready.Referral.ID
		return nil
	}
	day := func(n int) string { return nhs.DateOf(p.now.AddDate(0, 0, n)).String() }
	_, err = p.home.SaveDraft(p.ctx, p.by, p.id, hub.ReferralForm, form.Answers{
		"edd": {day(2)}, "person_told": {"Y"}, "carer_told": {"Y"}, "carer_told_date": {day(0)}, "care_needs": {"Help to wash and dress every morning, and somebody to look in at night."},
		"mobility": {"one"}, "nights": {"once"}, "allergy_status": {"NK"}, "safeguarding": {"N"}, "consent": {"Y"}, "capacity": {"assumed"}, "pathway": {"P1"},
		"lives_alone": {"Y"}, "wishes": {"To be at home in time for Christmas."}, "equipment": {"needed"}, "equipment_details": {"A raised toilet seat"},
		"contact_name": {"Daughter, Mary"}, "contact_details": {"01632 960777"}, "council_contact": {"Duty desk"}, "council_contact_details": {"01632 960300"}})
	if err != nil {
		return err
	}
	sent, err := p.home.Refer(p.ctx, p.by, p.id, draft.Key, false)
	p.ref = sent.Referral.ID
	return err
}

// take accepts the referral and gives it to a worker.
func (p *played) take() error {
	c, err := p.home.Case(p.ctx, p.by, p.id)
	if err != nil || c.Current() == nil || c.Current().Referral.State != care.RefReceived {
		return err
	}
	if err := p.home.Accept(p.ctx, p.by, p.id, p.ref); err != nil {
		return err
	}
	return p.home.Allocate(p.ctx, p.by, p.id, p.ref, "demo-anil", "")
}

// assess begins the assessment, writes to the ward and asks it for something.
func (p *played) assess() error {
	if err := p.home.Progress(p.ctx, p.by, p.id, p.ref, care.RefAssessing); err != nil {
		return err
	}
	err := p.home.WriteNote(p.ctx, p.by, p.id, hub.NewNote{Key: "demo-note-" + string(p.ref), Audience: care.AudienceBoth, Text: "I visit on the ward this afternoon. Please have the therapist's notes at hand."})
	if err != nil {
		return err
	}
	err = p.home.SetTask(p.ctx, p.by, p.id, hub.NewTask{Key: "demo-task-" + string(p.ref), Audience: care.AudienceBoth, Text: "Order the raised toilet seat",
		Owner: hub.OwnerCode(care.Owner{Org: sim.KingsMill}), Due: p.now.Add(4 * time.Hour), Referral: p.ref})
	if err != nil {
		return err
	}
	_, err = p.home.StartAssessment(p.ctx, p.by, p.id, p.ref, "hospital-assessment", false)
	if care.KindOf(err) == care.Duplicate || care.KindOf(err) == care.Conflict {
		err = nil
	}
	return err
}

// arrange asks the council's providers for care, hears two answers, and prices it.
func (p *played) arrange() error {
	c, err := p.home.Case(p.ctx, p.by, p.id)
	if err != nil || c.Arrange == nil || len(c.Arrange.Requests) > 0 {
		return err
	}
	if _, err := p.d.market(p.ctx); err != nil {
		return err
	}
	could, err := p.home.Candidates(p.ctx, p.by, "HS", "NG18")
	if err != nil {
		return err
	}
	var ask []string
	for _, x := range could {
		if len(ask) < 3 {
			ask = append(ask, x.Provider.ID)
		}
	}
	if len(ask) < 2 {
		return &care.Error{Kind: care.NotFound, Text: "let the council deliver an extract first"}
	}
	err = p.home.RequestCare(p.ctx, p.by, p.id, care.Request{ID: "demo", Referral: p.ref, Kind: "HS", Area: "NG18", Needs: "Help from 1 person to wash and dress in the morning, and a visit at night.",
		Hours: 10500, Visits: 2, Carers: 1, StartBy: nhs.DateOf(p.now.AddDate(0, 0, 2)), Ceiling: money.Amount(40000)}, ask, true)
	if err != nil {
		return err
	}
	if c, err = p.home.Case(p.ctx, p.by, p.id); err != nil {
		return err
	}
	made := c.Arrange.Requests[len(c.Arrange.Requests)-1].Request.ID
	err = p.home.HeardReply(p.ctx, p.by, p.id, made, care.Invite{Provider: ask[0], Reply: care.ReplyAccept, Earliest: nhs.DateOf(p.now.AddDate(0, 0, 3)), Rate: money.Amount(24150)})
	if err != nil {
		return err
	}
	return p.home.HeardReply(p.ctx, p.by, p.id, made, care.Invite{Provider: ask[1], Reply: care.ReplyDecline, Reason: care.DeclineReasons()[0].Code})
}

// tell records what the person said.
func (p *played) tell() error {
	err := p.home.RecordOutcome(p.ctx, p.by, p.id, care.RecordOutcome{What: "said", Outcome: care.Outcome{Referral: p.ref, Said: "I want to sleep in my own bed.", SaidAt: p.now}}, "")
	if care.KindOf(err) == care.Conflict {
		err = nil
	}
	return err
}
