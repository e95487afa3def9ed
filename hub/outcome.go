package hub

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// OutcomeView is what became of somebody after one referral, as its reader may see it.
type OutcomeView struct {
	Referral   care.ReferralID
	From, To   care.Org
	Outcome    care.Outcome    // without goals and words where they are not the reader's
	Full       bool            // goals and the person's words are shown
	Left       nhs.Date        // as the hospital's feed told it; zero: it did not, or it is not shown
	Code       string          // where to, as the feed told it (DISCHARGE DESTINATION CODE); "" not told
	Readmitted care.Readmitted // to a hospital that the reader may see
	Hospital   string          // of the readmission
	Day91      nhs.Date        // on which the questions are about; zero while it is not known
	Month6     nhs.Date
	MayRecord  []string // the parts that the reader may record
	Was        string   // names what the reader saw, for RecordOutcome; it tells of nothing else
}

// outcomePart fills the outcomes of a case's view.
func (h *Hub) outcomePart(_ *store.Tx, a *asking, c care.Case, v *CaseView, now time.Time) error {
	if !a.may[policy.SeeOutcome] {
		return nil
	}
	own, _ := a.shared(c)
	for _, r := range c.Referrals {
		if r.To == "" || !a.seesReferral(r) {
			continue
		}
		x := OutcomeView{Referral: r.ID, From: h.Org(r.From), To: h.Org(r.To), Full: a.by.OrgKind == care.Council}
		x.Outcome = a.seenOutcome(c.OutcomeOf(r.ID), r)
		if s, ok := own.StayOf(r); ok {
			x.Left, _ = own.LeftOn(r)
			x.Code = s.Left.Destination
			x.Readmitted = care.Readmission(own, s, h.today(now))
			x.Hospital = h.Org(x.Readmitted.Org).Name
		}
		x.Day91, x.Month6 = own.HomeDue(r)
		x.Was = outcomeMark(x.Outcome)
		if a.may[policy.RecordOutcome] && c.JoinedTo == "" && c.Doubt == nil {
			early := func(day nhs.Date) bool { return day.IsZero() || h.today(now).Before(day) }
			x.MayRecord = slices.DeleteFunc(outcomeParts(a.by), func(what string) bool { // what cannot be answered yet is not asked
				return what == care.OutcomeDay91 && early(x.Day91) || what == care.OutcomeMonth6 && early(x.Month6)
			})
		}
		v.Outcomes = append(v.Outcomes, x)
	}
	slices.Reverse(v.Outcomes)
	return nil
}

// outcomeParts are what somebody may record: the hospital where the person went and
// when; the council all.
func outcomeParts(by care.Actor) []string {
	if by.OrgKind != care.Council {
		return []string{care.OutcomeDestination}
	}
	return []string{care.OutcomeDestination, care.OutcomeGoals, care.OutcomeSaid, care.OutcomeDay91, care.OutcomeMonth6}
}

// seenOutcome takes out of an outcome what is not the reader's. The hospital that sent
// the referral sees where the person went and whether they are at home still, where the
// council shares referrals with it; goals and what the person said stay with the council.
func (a *asking) seenOutcome(o care.Outcome, r care.Referral) care.Outcome {
	if a.by.OrgKind == care.Council {
		return o
	}
	seen := care.Outcome{Referral: o.Referral} // nor who recorded something last, or when: that may be of goals
	if a.told91(r) {
		seen.Destination, seen.Left, seen.Day91, seen.Month6 = o.Destination, o.Left, o.Day91, o.Month6
	}
	return seen
}

// outcomeMark names an outcome as somebody sees it.
func outcomeMark(o care.Outcome) string {
	o.At, o.By = time.Time{}, care.Who{}
	doc, err := json.Marshal(o)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(doc)
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:26]
}

// told91 reports whether the council of a referral shares what became of it.
func (a *asking) told91(r care.Referral) bool {
	return a.terms != nil && a.terms.shares(r.To, a.by.Org, policy.ReferralPart)
}

// outcomeItem says whether a reader sees a timeline entry of an outcome.
func (a *asking) outcomeItem(c care.Case, e care.Event, t *TimelineItem) bool {
	x, ok := e.(care.OutcomeChanged)
	if !ok || !a.may[policy.SeeOutcome] {
		return false
	}
	if x.By.ID == "" {
		t.By, t.Org = "Homeward", ""
	}
	switch o := x.Outcome; x.What {
	case care.OutcomeDestination:
		t.Text = care.SayCoded(care.Destinations, o.Destination)
	case care.OutcomeSaid:
		t.Text = o.Said
	case care.OutcomeDay91, care.OutcomeMonth6:
		home := cmp.Or(o.Day91, &care.AtHome{})
		if x.What == care.OutcomeMonth6 {
			home = cmp.Or(o.Month6, &care.AtHome{})
		}
		if t.Text = care.SayCoded(care.HomeAnswers, home.Answer); t.Text == "" {
			t.Text = "Not known any more"
		}
	}
	i := slices.IndexFunc(c.Referrals, func(r care.Referral) bool { return r.ID == x.Outcome.Referral })
	if i < 0 || !a.seesReferral(c.Referrals[i]) {
		return false
	}
	own := a.by.OrgKind == care.Council || x.By.Org == a.by.Org
	return own || slices.Contains([]string{care.OutcomeDestination, care.OutcomeDay91, care.OutcomeMonth6}, x.What) && a.told91(c.Referrals[i])
}

// RecordOutcome records one part of the outcome of a referral. was is what the reader
// saw (OutcomeView.Was), "" that nothing was recorded: when somebody recorded something
// since that they see, it is a conflict.
func (h *Hub) RecordOutcome(ctx context.Context, by care.Actor, id care.CaseID, cmd care.RecordOutcome, was string) error {
	for i := range cmd.Outcome.Goals {
		g := &cmd.Outcome.Goals[i]
		g.Text = strings.TrimSpace(g.Text)
		g.ID = cmp.Or(g.ID, onceID(string(cmd.Outcome.Referral), by, "goal", g.Text))
	}
	return h.update(ctx, func(tx *store.Tx) error {
		a, c, err := h.named(tx, by, policy.RecordOutcome, id, h.now())
		if err != nil {
			return err
		}
		i := slices.IndexFunc(c.Referrals, func(r care.Referral) bool { return r.ID == cmd.Outcome.Referral })
		if i < 0 || !a.allowed(policy.RecordOutcome) || !a.seesReferral(c.Referrals[i]) || !slices.Contains(outcomeParts(by), cmd.What) {
			return a.refuse(tx)
		}
		had := c.OutcomeOf(cmd.Outcome.Referral)
		switch cmd.Was = had.At; {
		case was == "":
			cmd.Was = time.Time{}
		case was != outcomeMark(a.seenOutcome(had, c.Referrals[i])):
			cmd.Was = time.Unix(0, 0) // of no outcome
		}
		_, err = h.carry(tx, a, c, policy.RecordOutcome, cmd)
		return err
	})
}
