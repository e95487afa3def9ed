package care

import (
	"slices"
	"strings"
	"time"
)

// FilePaper shares a paper that was written here, in a form of ours, and approved:
// the first revision, or the one after that which stands. It belongs to the
// organisation that wrote it.
type FilePaper struct{ Paper Paper }

func (FilePaper) command() {}

// filesLimit is the most attachments that a paper has; a site may say fewer.
const filesLimit = 50

func (x FilePaper) decide(d deciding) ([]Event, error) {
	p := x.Paper
	i := slices.IndexFunc(d.c.Referrals, func(r Referral) bool { return r.ID == p.Referral })
	switch {
	case i < 0:
		return nil, &Error{Kind: NotFound, Field: "referral", Text: "There is no such referral"}
	case d.by.Org != d.c.Referrals[i].From && d.by.Org != d.c.Referrals[i].To || p.By.Org != d.by.Org:
		return nil, &Error{Kind: Forbidden, Text: "This referral is with another organisation"}
	case paperWords[p.Kind] == "" || p.Form == "" || len(p.Answers) == 0:
		return nil, invalid("form", "This cannot be shared as an assessment")
	case p.ID == "":
		return nil, missing("id", "The assessment has no name of its own")
	case len(p.Approvals) == 0:
		return nil, notNow("This assessment is not approved.", "Send it for approval")
	case len(p.Files) > filesLimit:
		return nil, invalid("files", "Attach "+itoa(filesLimit)+" files or fewer")
	}
	p.Of, p.Key, p.At, p.Signs, p.Withdrawn, p.Items = "", p.ID, d.now, nil, time.Time{}, nil
	return d.filed(p)
}

// filed is the event of an approved revision that may be taken.
func (d deciding) filed(p Paper) ([]Event, error) {
	n := 0
	for _, q := range d.c.Papers {
		switch {
		case q.ID == p.ID && (q.By.Org != p.By.Org || q.Form != p.Form || q.Referral != p.Referral):
			return nil, &Error{Kind: Duplicate, Text: "There is a document of this name already"}
		case q.ID == p.ID && q.Revision == p.Revision:
			return nil, nil
		case q.ID == p.ID && q.Revision+1 != p.Revision:
			return nil, &Error{Kind: Conflict, Text: "A newer revision of this assessment is approved already"}
		case q.ID == p.ID:
			return []Event{PaperShared{At: d.now, Paper: p, Again: true}}, nil
		case q.Referral == p.Referral:
			n++
		}
	}
	switch {
	case n >= paperLimit:
		return nil, notNow("This referral has " + itoa(paperLimit) + " documents already.")
	case p.Revision != 1:
		return nil, &Error{Kind: NotFound, Text: "The assessment that this one changes is not there"}
	}
	return []Event{PaperShared{At: d.now, Paper: p}}, nil
}

// signable finds a trusted assessment that stands.
func (d deciding) signable(id string) (Paper, error) {
	i := slices.IndexFunc(d.c.Papers, func(p Paper) bool { return p.ID == id && p.Kind == PaperTrusted && p.Form != "" })
	switch {
	case i < 0:
		return Paper{}, &Error{Kind: NotFound, Text: "There is no such trusted assessment"}
	case !d.c.Papers[i].Withdrawn.IsZero():
		return Paper{}, notNow("This assessment was withdrawn.")
	}
	return d.c.Papers[i], nil
}

func (x SignPaper) decide(d deciding) ([]Event, error) {
	p, err := d.signable(x.ID)
	if err != nil {
		return nil, err
	}
	s := x.Sign
	switch {
	case x.Revision != p.Revision:
		return nil, &Error{Kind: Conflict, Text: "There is a newer revision of this assessment. Read that one, then sign it or dispute it"}
	case s.Provider == "" || strings.TrimSpace(s.Name) == "":
		return nil, missing("provider", "Choose the provider")
	}
	if err := words("who", s.Who, "the name of who answered for the provider", true, shortLimit); err != nil {
		return nil, err
	}
	if err := words("text", s.Text, "what is wrong with the assessment", s.Disputed, noteLimit); err != nil {
		return nil, err
	}
	s.At, s.Who, s.Text, s.Settled, s.Outcome = d.now, strings.TrimSpace(s.Who), strings.TrimSpace(s.Text), time.Time{}, ""
	for _, was := range p.Signs {
		if was.Provider == s.Provider && was.Settled.IsZero() && was.Disputed == s.Disputed && was.Who == s.Who && was.Text == s.Text {
			return nil, nil // the same answer again
		}
	}
	return []Event{PaperSigned{At: d.now, ID: p.ID, Kind: p.Kind, By: d.by.Who(), Sign: s}}, nil
}

// decide settles a dispute: whoever wrote the assessment says how.
func (x SettlePaper) decide(d deciding) ([]Event, error) {
	p, err := d.signable(x.ID)
	if err != nil {
		return nil, err
	}
	if d.by.Org != p.By.Org {
		return nil, &Error{Kind: Forbidden, Text: "This assessment is another organisation’s"}
	}
	i := slices.IndexFunc(p.Signs, func(s Sign) bool { return s.Provider == x.Provider && s.Disputed })
	switch {
	case i < 0:
		return nil, &Error{Kind: NotFound, Field: "provider", Text: "This provider disputes nothing in the assessment"}
	case !p.Signs[i].Settled.IsZero():
		return nil, nil
	}
	if err := words("outcome", x.Outcome, "how the dispute was settled", true, noteLimit); err != nil {
		return nil, err
	}
	s := p.Signs[i]
	s.Settled, s.Outcome = d.now, strings.TrimSpace(x.Outcome)
	return []Event{PaperSigned{At: d.now, ID: p.ID, Kind: p.Kind, By: d.by.Who(), Sign: s}}, nil
}

// disputeDue is for how long a dispute may wait for an answer by whoever wrote the
// assessment.
const disputeDue = 24 * time.Hour

// followDispute puts a disputed assessment back into the hands of its writer: a
// task, which ends when the dispute does, or when a newer revision is approved.
func followDispute(_, is Case, e Event, now time.Time) []Event {
	var about string
	switch x := e.(type) {
	case PaperSigned:
		about = disputeOf(x.ID, x.Sign.Provider)
		if x.Sign.Disputed && x.Sign.Settled.IsZero() {
			return setDispute(is, x, about, now)
		}
	case PaperShared:
		if x.Paper.Form == "" || !x.Again {
			return nil
		}
		about = disputeOf(x.Paper.ID, "")
	default:
		return nil
	}
	var out []Event
	for _, t := range is.Tasks {
		if t.Open() && t.About != "" && (t.About == about || strings.HasSuffix(about, "/") && strings.HasPrefix(t.About, about)) {
			t.Ended, t.Outcome = now, "The dispute is over"
			out = append(out, TaskChanged{At: now, Did: TaskDone, Task: t})
		}
	}
	return out
}

// disputeOf is what the task of a dispute is about; with no provider it is the
// beginning of all those of a paper.
func disputeOf(paper, provider string) string { return "dispute:" + paper + "/" + provider }

func setDispute(is Case, x PaperSigned, about string, now time.Time) []Event {
	i := slices.IndexFunc(is.Papers, func(p Paper) bool { return p.ID == x.ID })
	if i < 0 || slices.ContainsFunc(is.Tasks, func(t Task) bool { return t.Open() && t.About == about }) {
		return nil
	}
	p := is.Papers[i]
	audience := AudienceCouncil
	if slices.ContainsFunc(is.Referrals, func(r Referral) bool { return r.ID == p.Referral && r.From == p.By.Org }) {
		audience = AudienceHospital
	}
	t := Task{ID: followed("dispute", p.ID, x.Sign.Provider, x.At.UTC().Format(time.RFC3339Nano)), Referral: p.Referral, Kind: TaskByHand, Audience: audience,
		Text: "Answer the provider’s dispute of the trusted assessment", Owner: Owner{Org: p.By.Org, Who: p.By}, Due: now.Add(disputeDue), At: now, About: about}
	return []Event{TaskChanged{At: now, Did: TaskSet, Task: t}}
}
