package hub

import (
	"cmp"
	"fmt"
	"slices"

	"homeward/care"
	"homeward/fhir"
	"homeward/form"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
	"homeward/translate"
	"homeward/translate/r4"
)

// commandAction is what the policies are asked for a command; "" for one that no
// face carries.
func commandAction(cmd care.Command) (policy.Action, care.Audience) {
	switch x := cmd.(type) {
	case care.Refer, care.Reply, care.Route:
		return policy.Refer, ""
	case care.Withdraw:
		return policy.Withdraw, ""
	case care.SharePaper, care.WithdrawPaper:
		return policy.SharePaper, ""
	case care.Receive:
		return policy.Receive, ""
	case care.Accept:
		return policy.Accept, ""
	case care.SendBack:
		return policy.Return, ""
	case care.Allocate:
		return policy.Allocate, ""
	case care.Progress:
		return policy.Progress, ""
	case care.Close:
		return policy.CloseReferral, ""
	case care.AddNote:
		return policy.AddNote, x.Note.Audience
	}
	return "", ""
}

// carry decides one command for the sender, and records what it means.
func (t *taking) carry(r translate.Request, c care.Case, cmd care.Command) (care.Case, error) {
	action, audience := commandAction(cmd)
	if action == "" {
		return c, &care.Error{Kind: care.Exception, Text: "This cannot be asked for"}
	}
	cmd, err := t.filled(r, c, cmd)
	if err != nil {
		return c, err
	}
	a := t.h.ask(t.by, action, &c, policy.DischargePlanning, "", t.now)
	if err := a.onto(t.tx, t.now); err != nil {
		return c, err
	}
	a.context.Audience = policy.Audience(audience)
	if !a.allowed(action) || !a.reaches(c, subject(cmd), action) {
		if c.Died != nil && action == policy.Refer && a.allowed(policy.SeeDemographics) {
			return c, &care.Error{Kind: care.BusinessRule, Text: "This person has died. Contact actions are locked"}
		}
		if !t.hasPart(c) {
			return c, errNotShown()
		}
		return c, a.refusal(t.tx)
	}
	t.did(a)
	if x, ok := cmd.(care.Refer); ok {
		if no := a.noReferral(x.To); no != nil && !t.hasKey(c, x.Key) {
			return c, no
		}
	}
	events, err := care.Decide(c, t.by, cmd, t.now)
	if err != nil {
		return c, err
	}
	if len(events) > 0 {
		cause := t.cause()
		cause.By = t.by.Who()
		if c, err = t.tx.Record(c, cause, t.now, events...); err != nil {
			return c, err
		}
	}
	t.note(c, cmd, len(events) > 0)
	return c, nil
}

func (t *taking) hasKey(c care.Case, key string) bool {
	return slices.ContainsFunc(c.Referrals, func(r care.Referral) bool { return r.From == t.by.Org && r.Key == key })
}

// filled is a command with the ids and keys that the sender left to us, and a
// referral with the council that it goes to.
func (t *taking) filled(r translate.Request, c care.Case, cmd care.Command) (care.Command, error) {
	switch x := cmd.(type) {
	case care.Refer:
		return t.filledRefer(r, c, x)
	case care.SharePaper:
		x.Paper.ID = cmp.Or(x.Paper.ID, newID())
		x.Paper.Referral = cmp.Or(x.Paper.Referral, t.referral(r, c))
		x.Paper.At = cmp.Or(x.Paper.At, r.At)
		return x, nil
	case care.WithdrawPaper:
		x.Referral = cmp.Or(x.Referral, t.referral(r, c))
		return x, nil
	case care.Withdraw:
		x.ID = cmp.Or(x.ID, t.referral(r, c))
		return x, nil
	case care.Reply:
		x.ID = cmp.Or(x.ID, t.referral(r, c))
		return x, nil
	case care.Receive:
		x.ID = cmp.Or(x.ID, t.referral(r, c))
		return x, nil
	case care.Accept:
		x.ID = cmp.Or(x.ID, t.referral(r, c))
		return x, nil
	case care.SendBack:
		x.ID = cmp.Or(x.ID, t.referral(r, c))
		return x, nil
	case care.Progress:
		x.ID = cmp.Or(x.ID, t.referral(r, c))
		return x, nil
	case care.Close:
		x.ID = cmp.Or(x.ID, t.referral(r, c))
		return x, nil
	case care.Allocate:
		x.ID = cmp.Or(x.ID, t.referral(r, c))
		x.Worker.Org = t.by.Org
		return x, nil
	case care.AddNote:
		x.Note.ID = cmp.Or(x.Note.ID, onceID(cmp.Or(r.Key, t.in.RequestID), t.by, string(c.ID), string(x.Note.Audience), x.Note.Text))
		if x.Note.Referral == "" && r.Referral != "" {
			x.Note.Referral = r.Referral
		}
		return x, nil
	}
	return cmd, nil
}

// filledRefer settles where a referral goes: to the council that it names, or to
// the one that the gazetteer finds for the person's address.
func (t *taking) filledRefer(r translate.Request, c care.Case, x care.Refer) (care.Command, error) {
	x.ID = cmp.Or(x.ID, care.ReferralID(newReference()))
	x.Key = cmp.Or(x.Key, r.Key, t.in.RequestID, newID())
	if x.Form == "" {
		x.Form = faceForm
	}
	if x.FormVersion == 0 {
		if p, ok := t.h.Forms.Latest(x.Form); ok {
			x.FormVersion = p.Version
		}
	}
	if x.To == "" {
		var to nhs.ODS
		if to, x.Likely = t.h.council(form.Answers{"postcode": {c.Person.Address.Postcode}}, c); to != "" {
			x.To = to
		}
		return x, nil
	}
	if o, ok := t.h.orgs[x.To]; !ok || o.Kind != care.Council {
		return x, &care.Error{Kind: care.Invalid, Field: "recipient", Text: "The referral names a council that is not on Homeward. Leave the recipient out, and the council is found by the address"}
	}
	return x, nil
}

// faceForm is the form of referrals that come by a face and name none.
const faceForm = "shd"

// referral is the referral that a command is about where it does not say: the one
// that the request names, or else the sender's newest, open ones first.
func (t *taking) referral(r translate.Request, c care.Case) care.ReferralID {
	if r.Referral != "" || t.out.Referral != "" {
		return cmp.Or(r.Referral, t.out.Referral)
	}
	var best *care.Referral
	for i := range c.Referrals {
		x := &c.Referrals[i]
		switch {
		case !partIn(t.by, *x):
		case r.Sent != nil && (x.Key == r.Sent.Value || x.Key == r.Sent.System+"|"+r.Sent.Value):
			return x.ID
		case best == nil, x.Open() && !best.Open(), x.Open() == best.Open() && x.Sent.After(best.Sent):
			best = x
		}
	}
	if best == nil {
		return ""
	}
	return best.ID
}

// note remembers what a command came to.
func (t *taking) note(c care.Case, cmd care.Command, happened bool) {
	switch x := cmd.(type) {
	case care.Refer:
		for _, r := range c.Referrals {
			if r.From == t.by.Org && r.Key == x.Key {
				t.out.Referral, t.out.Visit = r.ID, cmp.Or(r.Stay, t.out.Visit)
			}
		}
		t.out.Created = happened
		t.out.Again = !happened
	case care.SharePaper:
		t.out.Referral, t.out.Created = x.Paper.Referral, false
		for _, p := range c.Papers {
			if p.ID == x.Paper.ID {
				t.out.Paper, t.out.Created = p.ID, happened
			}
		}
		if t.out.Paper == "" { // it took the place of one that was there
			for _, p := range c.Papers {
				if p.Referral == x.Paper.Referral && p.Kind == x.Paper.Kind && (p.Kind.Single() || p.Key == x.Paper.Key) {
					t.out.Paper = p.ID
				}
			}
		}
	case care.AddNote:
		t.out.Note, t.out.Created = x.Note.ID, happened
	default:
		if id := subject(cmd); id != "" {
			t.out.Referral = id
		}
	}
}

// keep keeps the resources as they came, beside what came of them.
func (t *taking) keep(r translate.Request, c care.Case) error {
	for _, k := range r.Kept {
		if k.ID = cmp.Or(k.ID, t.keptID(k.Type, c)); k.ID == "" || k.Tree == nil {
			continue
		}
		if err := t.carryOver(&k, c); err != nil {
			return err
		}
		raw, err := fhir.Write(k.Tree, fhir.JSON, k.Version)
		if err != nil {
			return err
		}
		if err := t.tx.KeepResource(store.KeptResource{Type: k.Type, ID: k.ID, Case: c.ID, Org: t.by.Org, Version: int(k.Version), At: t.now, Doc: raw}); err != nil {
			return err
		}
	}
	return nil
}

// carryOver puts into a referral that is sent anew what messages about it must still
// name: it may have come by a message first, and be changed by REST then.
func (t *taking) carryOver(k *translate.Kept, c care.Case) error {
	if k.Type != "ServiceRequest" {
		return nil
	}
	had, err := t.tx.KeptResources(c.ID)
	if err != nil {
		return err
	}
	for _, x := range had {
		if x.Type != k.Type || x.ID != k.ID || x.Org != t.by.Org {
			continue
		}
		was, err := fhir.Parse(x.Doc, fhir.JSON, fhir.Version(x.Version), fhir.Limits{Bytes: 64 << 20})
		if err != nil {
			return fmt.Errorf("reading a resource as it came: %w", err)
		}
		k.Tree = r4.CarryOver(was, k.Tree)
	}
	return nil
}

// keptID is the id under which what came is given back; "" where nothing of ours
// came of it.
func (t *taking) keptID(typ string, c care.Case) string {
	id := func(kind, part string) string {
		if part == "" {
			return ""
		}
		return care.ResourceID(c.ID, kind, part)
	}
	switch typ {
	case "Patient":
		return string(c.ID)
	case "Encounter":
		for _, s := range slices.Backward(c.Stays()) {
			if s.Org == t.by.Org && s.Visit == t.out.Visit {
				return care.StayResource(c.ID, s)
			}
		}
	case "ServiceRequest", "ReferralRequest":
		return id("referral", string(t.out.Referral))
	case "Task":
		return id("task", string(t.out.Referral))
	case "QuestionnaireResponse", "CarePlan", "DocumentReference":
		return id("paper", t.out.Paper)
	case "Communication":
		return id("note", t.out.Note)
	}
	return ""
}
