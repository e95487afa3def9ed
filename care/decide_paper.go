package care

import (
	"slices"
	"strconv"
	"strings"
)

// The most papers that a referral has, and answers that a paper has.
const (
	paperLimit  = 100
	answerLimit = 500
)

// paperOf finds a paper of a referral: by its key, and of a kind of which there is
// one by the kind; -1 when there is none.
func (c Case) paperOf(id ReferralID, kind PaperKind, key string) int {
	return slices.IndexFunc(c.Papers, func(p Paper) bool {
		return p.Referral == id && p.Kind == kind && (kind.Single() || key != "" && p.Key == key)
	})
}

// onPaper finds the referral that a paper is about. Its papers are the sender's.
func (d deciding) onPaper(id ReferralID, kind PaperKind) (Referral, error) {
	i := slices.IndexFunc(d.c.Referrals, func(r Referral) bool { return r.ID == id })
	switch {
	case i < 0:
		return Referral{}, &Error{Kind: NotFound, Field: "referral", Text: "There is no such referral"}
	case d.by.Org != d.c.Referrals[i].From:
		return Referral{}, &Error{Kind: Forbidden, Text: "This referral is with another organisation"}
	case paperWords[kind] == "":
		return Referral{}, invalid("kind", "This kind of document cannot be part of a referral")
	}
	return d.c.Referrals[i], nil
}

// sharePaper takes a paper in. Shared again it replaces what stood, also where that
// was withdrawn: a discharge that was called off is announced anew.
func (d deciding) sharePaper(p Paper) ([]Event, error) {
	r, err := d.onPaper(p.Referral, p.Kind)
	switch {
	case err != nil:
		return nil, err
	case !r.Open():
		return nil, notNow("This referral has ended: "+strings.ToLower(r.State.Say())+".", "Send a new referral", "Add a note")
	case len(p.Items) > answerLimit:
		return nil, invalid("items", "The document has more than "+strconv.Itoa(answerLimit)+" answers")
	}
	for _, s := range p.Items {
		if s.Link == "" {
			return nil, missing("items", "An answer of the document does not say to which question it belongs")
		}
		for _, text := range []string{s.Text, s.Answer} {
			if err := words("items", text, "an answer of the document", false, noteLimit); err != nil {
				return nil, err
			}
		}
	}
	return d.paper(Paper{ID: p.ID, Key: p.Key, Kind: p.Kind, Referral: p.Referral, Items: slices.Clone(p.Items), At: p.At, By: p.By})
}

// paper is the event of a paper whose content may be taken.
func (d deciding) paper(p Paper) ([]Event, error) {
	if p.At.IsZero() || p.At.After(d.now) {
		p.At = d.now
	}
	if p.By == (Who{}) {
		p.By = d.by.Who()
	}
	i := d.c.paperOf(p.Referral, p.Kind, p.Key)
	if i < 0 {
		if p.ID == "" {
			return nil, missing("id", "The document has no name of its own")
		}
		n := 0
		for _, q := range d.c.Papers {
			if q.ID == p.ID {
				return nil, &Error{Kind: Duplicate, Text: "There is a document of this name already"}
			}
			if q.Referral == p.Referral {
				n++
			}
		}
		if n >= paperLimit {
			return nil, notNow("This referral has " + strconv.Itoa(paperLimit) + " documents already.")
		}
		return []Event{PaperShared{At: d.now, Paper: p}}, nil
	}
	was := d.c.Papers[i]
	switch {
	case was.Withdrawn.IsZero() && slices.Equal(was.Items, p.Items):
		return nil, nil
	case p.At.Before(was.At):
		return nil, &Error{Kind: Conflict, Text: "A newer version of this document is here already"}
	}
	p.ID = was.ID
	if p.Key == "" {
		p.Key = was.Key
	}
	return []Event{PaperShared{At: d.now, Paper: p, Again: true}}, nil
}

// withdrawPaper takes a paper back. An assessment notice goes with its referral
// and never by itself (Nottinghamshire SHD, Cancel Referral).
func (d deciding) withdrawPaper(x WithdrawPaper) ([]Event, error) {
	if _, err := d.onPaper(x.Referral, x.Kind); err != nil {
		return nil, err
	}
	if !knownReason(x.Why) {
		return nil, invalid("why", "Choose a reason for withdrawing the document")
	}
	if err := words("whyText", x.WhyText, "the reason in words", x.Why == "13", shortLimit); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(d.c.Papers, func(p Paper) bool { return p.Referral == x.Referral && p.Kind == x.Kind && p.Withdrawn.IsZero() })
	if i < 0 {
		if slices.ContainsFunc(d.c.Papers, func(p Paper) bool { return p.Referral == x.Referral && p.Kind == x.Kind }) {
			return nil, nil // withdrawn already, by itself or with its referral
		}
		return nil, &Error{Kind: NotFound, Field: "kind", Text: "This referral has no such document"}
	}
	if x.Kind == PaperAssessmentNotice {
		return nil, notNow("An assessment notice cannot be withdrawn by itself.", string(doWithdraw))
	}
	p := d.c.Papers[i]
	return []Event{PaperWithdrawn{At: d.now, ID: p.ID, Kind: p.Kind, Why: x.Why, WhyText: x.WhyText}}, nil
}
