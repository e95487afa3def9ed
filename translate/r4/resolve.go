package r4

import (
	"slices"
	"strings"

	"homeward/care"
	"homeward/translate"
)

// Resolve fits what was read to the case as it is: it finds a referral that was
// named by the id of one of our resources, leaves out steps that were taken
// already, makes answers of a referral that was returned, and a stay that is told
// as going on after its end a discharge that is taken back. An error is a
// care.Error of kind not-found.
func Resolve(q translate.Request, c care.Case) (translate.Request, error) {
	if q.Sent != nil && q.Sent.System == Resource {
		id, ok := ReferralOf(c, q.Sent.Value)
		if !ok {
			return q, &care.Error{Kind: care.NotFound, Text: "There is no such referral, or none that may be shown"}
		}
		q.Referral, q.Sent = id, nil
	}
	q.Observations = resumed(q, c)
	var have *care.Referral
	for i, r := range c.Referrals {
		if r.ID == q.Referral && q.Referral != "" || q.Sent != nil && r.Key == q.Sent.System+"|"+q.Sent.Value {
			have = &c.Referrals[i]
		}
	}
	if have != nil {
		q.Key, q.Referral = "", have.ID // not to be made: the same name with other content is news of it
	}
	var out []care.Command
	for _, cmd := range q.Commands {
		asked, refers := cmd.(care.Refer)
		if cmd = fitted(cmd, have); cmd == nil && refers {
			cmd = needsNow(asked, *have, c)
		}
		if cmd != nil {
			out = append(out, cmd)
		}
	}
	q.Commands = out
	return q, nil
}

// needsNow is what a hospital says anew that the person needs, of a referral that was
// sent: its answers stay as they were sent, so it is a note for both sides. nil when
// it is as it was, or was said already.
func needsNow(asked care.Refer, have care.Referral, c care.Case) care.Command {
	needs := asked.Answers.Get("care_needs")
	said := func(n care.Note) bool {
		return n.Referral == have.ID && n.Text == needs && n.Audience == care.AudienceBoth
	}
	if needs == "" || needs == have.Answers.Get("care_needs") || slices.ContainsFunc(c.Notes, said) {
		return nil
	}
	return care.AddNote{Note: care.Note{Audience: care.AudienceBoth, Text: needs, Referral: have.ID}}
}

// resumed puts the undoing of a discharge before what tells that the stay goes on
// (the A13 of FHIR: a status that goes back from finished).
func resumed(q translate.Request, c care.Case) []care.Observation {
	var out []care.Observation
	for _, o := range q.Observations {
		if o.Seen != nil && o.Seen.Opens && o.Visit != "" {
			for _, s := range c.Past {
				if s.Visit == o.Visit && s.Org == o.Source.Org && s.Left != nil && !s.Left.Moved && o.At.After(s.Left.At) &&
					(c.Stay == nil || c.Stay.Visit != o.Visit) {
					u := o
					u.Seen, u.Undone = nil, &care.Undone{What: care.UndoneLeaving}
					out = append(out, u)
					break
				}
			}
		}
		out = append(out, o)
	}
	return out
}

// fitted is a command as it must be of a referral that is there; nil when it is so
// already.
func fitted(cmd care.Command, r *care.Referral) care.Command {
	if r == nil {
		return cmd
	}
	switch x := cmd.(type) {
	case care.Refer:
		if r.State == care.RefReturned {
			return care.Reply{ID: r.ID, Answers: x.Answers}
		}
		return nil
	case care.Reply:
		x.ID = r.ID
		return x
	case care.Receive:
		x.ID = r.ID
		if x.Reference != "" && strings.HasSuffix(r.Key, "|"+x.Reference) {
			x.Reference = "" // the sender's own number, come back
		}
		if r.State != care.RefSent && (x.Reference == "" || x.Reference == r.Reference) {
			return nil
		}
		return x
	case care.Accept:
		x.ID = r.ID
		if !r.Accepted.IsZero() && r.State != care.RefReceived && r.State != care.RefReturned && r.Open() {
			return nil
		}
		return x
	case care.Allocate:
		x.ID, x.Was = r.ID, r.Worker.ID
		if r.Worker.ID == x.Worker.ID {
			return nil
		}
		return x
	case care.Progress:
		x.ID = r.ID
		if r.State == x.State {
			return nil
		}
		return x
	}
	return fittedEnd(cmd, *r)
}

// fittedEnd is fitted for what ends or interrupts the work, and for what is added.
func fittedEnd(cmd care.Command, r care.Referral) care.Command {
	switch x := cmd.(type) {
	case care.SendBack:
		x.ID = r.ID
		if n := len(r.Returns); r.State == care.RefReturned && n > 0 && r.Returns[n-1].Needed == x.Needed {
			return nil
		}
		return x
	case care.Close:
		x.ID = r.ID
		if r.State == care.RefClosed && r.Outcome == x.Outcome {
			return nil
		}
		return x
	case care.Withdraw:
		x.ID = r.ID
		if r.State == care.RefWithdrawn && r.Why == x.Why {
			return nil
		}
		return x
	case care.AddNote:
		x.Note.Referral = r.ID
		return x
	case care.SharePaper:
		x.Paper.Referral = r.ID
		return x
	case care.WithdrawPaper:
		x.Referral = r.ID
		return x
	}
	return cmd
}
