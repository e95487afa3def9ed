package care

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// holdLimit is for how long a referral may be put on hold at once. Who needs longer
// looks again and puts it on hold anew.
const holdLimit = 92 * 24 * time.Hour

// decide puts a referral on hold. Whoever has it keeps it: the hold is theirs, and
// they look again on a day.
func (x PutOnHold) decide(d deciding) ([]Event, error) {
	r, err := d.find(x.ID, doHold)
	if err != nil {
		if h := r.Hold; h != nil && r.State == RefOnHold && h.Why == x.Why && h.Text == strings.TrimSpace(x.Text) && h.Until == x.Until && d.mayDo(r, doHold) {
			return nil, nil
		}
		return nil, err
	}
	if strings.TrimSpace(x.Why) == "" || len(x.Why) > 40 {
		return nil, missing("why", "Choose why it is on hold")
	}
	if err := words("text", x.Text, "what you are waiting for", x.Why == "other", shortLimit); err != nil {
		return nil, err
	}
	day := x.Until.Time()
	switch {
	case x.Until.IsZero():
		return nil, missing("until", "Enter the day on which to look at it again")
	case day.Add(24 * time.Hour).Before(d.now):
		return nil, invalid("until", "The day on which to look at it again must be today or in the future")
	case day.After(d.now.Add(holdLimit)):
		return nil, invalid("until", "The day on which to look at it again must be within 3 months")
	}
	h := Hold{Since: d.now, By: d.by.Who(), Why: x.Why, Text: strings.TrimSpace(x.Text), Until: x.Until, Before: r.State, Holder: r.Holder}
	r.Hold = &h
	return []Event{ReferralHeld{At: d.now, ID: r.ID, Hold: h, Holder: holderIn(r, RefOnHold, d.now)}}, nil
}

// decide goes on with a referral where it was, with whom it was.
func (x Resume) decide(d deciding) ([]Event, error) {
	r, err := d.find(x.ID, doResume)
	if err != nil {
		return nil, err
	}
	state := RefAccepted
	if r.Hold != nil {
		state = r.Hold.Before
	}
	return []Event{ReferralResumed{At: d.now, ID: r.ID, By: d.by.Who(), State: state, Holder: holderIn(r, state, d.now)}}, nil
}

// decide hands a referral to the council that is responsible: it ends here and is
// a new one there, from the same hospital, with what that hospital said. Whether that
// council can be sent referrals is the hub's to know.
func (x Transfer) decide(d deciding) ([]Event, error) {
	if x.To == "" {
		return nil, missing("to", "Choose the council")
	}
	r, err := d.find(x.ID, doTransfer)
	if err != nil {
		next := slices.IndexFunc(d.c.Referrals, func(n Referral) bool { return n.Prev == x.ID && n.To == x.To })
		if r.State == RefTransferred && next >= 0 && d.mayDo(r, doTransfer) {
			return nil, nil
		}
		return nil, err
	}
	switch {
	case r.To == "":
		return nil, notNow("It is not settled which council this referral is for.", d.allowed(r)...)
	case x.To == r.To:
		return nil, invalid("to", "The referral is with your council already. Choose another council")
	case x.To == r.From:
		return nil, invalid("to", "Choose a council")
	}
	if err := words("whyText", x.WhyText, "why the other council is responsible", true, shortLimit); err != nil {
		return nil, err
	}
	key := followed("transfer", string(r.ID), string(x.To))
	n := Referral{Of: r.Of, ID: x.Next, Key: key, Stay: r.Stay, From: r.From, To: x.To, Pathway: r.Pathway, Form: r.Form, FormVersion: r.FormVersion,
		Answers: maps.Clone(r.Answers), State: RefSent, Sent: d.now, SentBy: r.SentBy, Watching: true, Prev: r.ID}
	if n.ID == "" {
		n.ID = ReferralID(key)
	}
	n.Holder = holderIn(n, RefSent, d.now)
	return []Event{
		ReferralTransferred{At: d.now, ID: r.ID, By: d.by.Who(), To: x.To, Next: n.ID, WhyText: strings.TrimSpace(x.WhyText)},
		ReferralSent{At: d.now, Referral: n},
		ReferralReceived{At: d.now, ID: n.ID, Holder: holderIn(n, RefReceived, d.now)},
	}, nil
}

// criteriaUnknown is the code for criteria that are met, of which nobody recorded
// which: it stands alone. NHS Data Dictionary, CRITERIA TO RESIDE CODE.
const criteriaUnknown = "12"

// repeated is within what time the same said again by the same is the same said
// twice, as by a double click. Later it is another look, which is worth keeping.
const repeated = 10 * time.Minute

// decide records which criteria to reside are met at this look. It is the
// hospital's to say, of somebody who is in its beds.
func (x SayCriteria) decide(d deciding) ([]Event, error) {
	s := d.c.Stay
	if d.by.OrgKind != Trust || s == nil || s.Org != d.by.Org {
		return nil, notNow("This person is not in hospital here.", "Add a note")
	}
	codes := slices.Clone(x.Codes)
	slices.Sort(codes)
	for i, code := range codes {
		switch {
		case CriterionWords(code) == "":
			return nil, invalid("codes", "Choose from the criteria to reside, 01 to 12")
		case i > 0 && codes[i-1] == code:
			return nil, invalid("codes", "Choose each criterion once")
		case code == criteriaUnknown && len(codes) > 1:
			return nil, invalid("codes", "Choose the criteria that are met, or that they are not recorded, but not both")
		}
	}
	if n := len(s.Criteria); n > 0 {
		last := s.Criteria[n-1]
		if slices.Equal(last.Codes, codes) && last.By.ID == d.by.ID && d.now.Sub(last.At) < repeated {
			return nil, nil
		}
	}
	return []Event{CriteriaTold{At: d.now, Visit: s.Visit, Codes: codes, By: d.by.Who()}}, nil
}

// CriterionWords is a criterion to reside in words; "" for what is no code of
// theirs. NHS Data Dictionary, CRITERIA TO RESIDE CODE FOR HOSPITAL PROVIDER SPELL.
func CriterionWords(code string) string { return criteriaWords[code] }

// CriteriaCodes are the codes of the criteria to reside, in order.
func CriteriaCodes() []string { return slices.Sorted(maps.Keys(criteriaWords)) }

var criteriaWords = map[string]string{
	"01": "Requires critical care or high dependency care",
	"02": "Requires oxygen therapy or non-invasive ventilation",
	"03": "Requires intravenous fluids",
	"04": "NEWS greater than 3",
	"05": "Diminished level of consciousness where recovery is realistic",
	"06": "Acute functional impairment in excess of home or community care provision",
	"07": "Last hours of life",
	"08": "Requires intravenous medication more than twice a day (including analgesia)",
	"09": "Lower limb surgery within 48 hours",
	"10": "Thorax-abdominal or pelvic surgery within 72 hours",
	"11": "Invasive procedure within 24 hours (with risk of acute life-threatening deterioration)",
	"12": "Has criteria to reside, but which is not recorded",
}

// LastCriteria is what was recorded of the criteria to reside last; false where
// nothing was.
func (s Stay) LastCriteria() (Criteria, bool) {
	if n := len(s.Criteria); n > 0 {
		return s.Criteria[n-1], true
	}
	return Criteria{}, false
}
