package hub

import (
	"context"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// HoldForm is the released form that asks why a referral is put on hold, with the
// list of reasons.
const HoldForm = "d2a-hold"

// HoldReferral says that nothing can be done on a referral for now: for a reason of HoldForm,
// until a day to look at it again.
func (h *Hub) HoldReferral(ctx context.Context, by care.Actor, id care.CaseID, ref care.ReferralID, why, words string, until nhs.Date) error {
	if !h.offers(HoldForm, "reason", why) {
		why = "" // which is refused as missing, to those who may ask
	}
	_, err := h.do(ctx, by, id, policy.Hold, "", care.PutOnHold{ID: ref, Why: why, Text: strings.TrimSpace(words), Until: until})
	return err
}

// offers reports whether a code is one that a released form offers for a field.
func (h *Hub) offers(form, field, code string) bool {
	p, ok := h.Forms.Latest(form)
	if !ok {
		return false
	}
	f, ok := p.Field(field)
	if !ok {
		return false
	}
	for _, c := range p.Choices(f) {
		if c.Code == code {
			return true
		}
	}
	return false
}

// ResumeReferral goes on with a referral that is on hold, where it was and with whom it was.
func (h *Hub) ResumeReferral(ctx context.Context, by care.Actor, id care.CaseID, ref care.ReferralID) error {
	_, err := h.do(ctx, by, id, policy.Hold, "", care.Resume{ID: ref})
	return err
}

// TransferReferral hands a referral to the council that is responsible, and says why. It
// needs an agreement by which the hospital that sent it sends that council referrals.
func (h *Hub) TransferReferral(ctx context.Context, by care.Actor, id care.CaseID, ref care.ReferralID, to nhs.ODS, why string) error {
	if o, ok := h.orgs[to]; !ok || o.Kind != care.Council {
		return &care.Error{Kind: care.Invalid, Field: "to", Text: "Select a council"}
	}
	return h.update(ctx, func(tx *store.Tx) error {
		a, c, err := h.named(tx, by, policy.Transfer, id, h.now())
		if err != nil {
			return err
		}
		i := slices.IndexFunc(c.Referrals, func(r care.Referral) bool { return r.ID == ref && r.To == by.Org })
		if i >= 0 && a.allowed(policy.Transfer) && a.reaches(c, ref, policy.Transfer) {
			if no := a.noTransfer(c.Referrals[i].From, to); no != nil {
				if err := a.audit(tx, true, "refused: no agreement"); err != nil {
					return err
				}
				return committed{no}
			}
		}
		_, err = h.carry(tx, a, c, policy.Transfer, care.Transfer{ID: ref, To: to, Next: care.ReferralID(newReference()), WhyText: strings.TrimSpace(why)})
		return err
	})
}

// noTransfer is why what a hospital sent cannot be handed to a council: it shares
// neither who people are nor referrals with it. nil where it can.
func (a *asking) noTransfer(from, to nhs.ODS) *care.Error {
	if a.terms.shares(from, to, listParts...) {
		return nil
	}
	text := "Homeward cannot transfer this: no sharing agreement in force lets " + a.h.Org(from).Name + " send referrals to " + a.h.Org(to).Name
	if phone := a.h.Org(to).Phone; phone != "" {
		text += ". Ring them: " + phone
	}
	return &care.Error{Kind: care.BusinessRule, Field: "to", Text: text}
}

// SayCriteria records which criteria to reside somebody in the reader's hospital
// meets now, by their codes 01 to 12; none says that none is met.
func (h *Hub) SayCriteria(ctx context.Context, by care.Actor, id care.CaseID, codes []string) error {
	_, err := h.do(ctx, by, id, policy.SayReady, "", care.SayCriteria{Codes: codes})
	return err
}

// DiscardDraft throws the reader's draft of a referral away.
func (h *Hub) DiscardDraft(ctx context.Context, by care.Actor, id care.CaseID) error {
	return h.update(ctx, func(tx *store.Tx) error {
		a, _, err := h.named(tx, by, policy.Refer, id, h.now())
		if err != nil {
			return err
		}
		if !a.allowed(policy.Refer) {
			return a.refuse(tx)
		}
		if err := tx.DropDraft(by.ID, id, ReferralForm); err != nil {
			return err
		}
		return a.audit(tx, true, "discarded the draft")
	})
}

// lifecyclePart fills in who had each referral that the reader sees, and when, and calls
// teams by their names. Of an open referral the last spell has no end: it lasts.
func (h *Hub) lifecyclePart(tx *store.Tx, _ *asking, c care.Case, v *CaseView, now time.Time) error {
	entries, err := tx.History(c.ID)
	if err != nil {
		return err
	}
	for i := range v.Referrals {
		r := &v.Referrals[i]
		r.Spells = care.Clock(entries, r.Referral.ID, now)
		if n := len(r.Spells); n > 0 && r.Referral.Open() {
			r.Spells[n-1].To = time.Time{}
		}
		d := r.Referral.Holder
		if d.Team == "" || d.Team == care.Unresolved || d.Who.Name != "" {
			continue
		}
		team, err := tx.Team(d.Org, d.Team)
		if err != nil && care.KindOf(err) != care.NotFound {
			return err
		}
		r.With = h.ownerSay(d, team.Name)
	}
	return nil
}

// ownerSay is who has to act, in words: an organisation with a person, else a team,
// else its duty desk. Nothing is ever nobody's.
func (h *Hub) ownerSay(d care.Holder, team string) string {
	org := h.Org(d.Org).Name
	switch {
	case d.Org == "":
		return ""
	case d.Team == care.Unresolved:
		return org + ", council not settled"
	case d.Who.Name != "":
		return org + ", " + d.Who.Name
	case team != "":
		return org + ", " + team
	}
	return org + ", duty desk"
}
