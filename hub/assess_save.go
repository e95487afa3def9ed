package hub

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/form"
	"homeward/policy"
	"homeward/store"
)

// Seat is one page in which somebody types: it was made at a version, and what is
// saved from it is told from what others, or another page of the same person, save.
type Seat struct {
	ID      string
	Version int64
}

// saving is one change of answers, by what one seat typed. Until somebody else
// opens the assessment, further changes from the same seat are put to it.
type saving struct {
	To      int64             `json:"to"` // the version that it made
	At      time.Time         `json:"at"`
	By      care.Who          `json:"by"`
	Seat    string            `json:"seat"`
	Closed  bool              `json:"closed,omitempty"` // a page shows it as it is: put nothing to it
	Changed map[string]change `json:"changed"`          // by field, or group
}

// change is a field's answer before and after; of a group those of all its items.
type change struct {
	Was form.Answers `json:"was,omitzero"`
	Now form.Answers `json:"now,omitzero"`
}

// EditConflict is a field that somebody else changed after the page was made in
// which it was typed again.
type EditConflict struct {
	Field        string // or group
	Mine, Theirs form.Answers
	By           care.Who
	At           time.Time
}

// savingsKept is how many changes are remembered, newest last.
const savingsKept = 100

// opened remembers that somebody has it open.
func (d *assessment) opened(who care.Who, now time.Time) {
	d.seen(who, now)
	if n := len(d.Savings); n > 0 {
		d.Savings[n-1].Closed = true
	}
}

func (d *assessment) seen(who care.Who, now time.Time) {
	d.Open = slices.DeleteFunc(d.Open, func(x AssessOpened) bool { return x.Who.ID == who.ID || now.Sub(x.At) >= openFor })
	d.Open = append(d.Open, AssessOpened{Who: who, At: now})
}

// unitOf is the answers of one field, or of all items of a group, empty ones too:
// an item that was just added is there.
func unitOf(a form.Answers, unit string) form.Answers {
	out := form.Answers{}
	for k, vs := range a {
		if k == unit && len(vs) > 0 || strings.HasPrefix(k, unit+".") {
			out[k] = vs
		}
	}
	return out
}

// sameUnit reports whether two answers of a field or group are one: an empty answer
// is as none, and a group has as many items.
func sameUnit(p *form.Pathway, unit string, x, y form.Answers) bool {
	said := func(a form.Answers) form.Answers {
		a = maps.Clone(a)
		maps.DeleteFunc(a, func(_ string, vs []string) bool { return len(vs) == 0 })
		return a
	}
	return p.Items(x, unit) == p.Items(y, unit) && maps.EqualFunc(said(x), said(y), func(a, b []string) bool { return slices.Equal(a, b) })
}

// unitsOf are the fields and groups that some answers are about, in order.
func unitsOf(p *form.Pathway, a form.Answers) []string {
	in := map[string]bool{}
	for k := range a {
		group, _, item := strings.Cut(k, ".")
		_, isGroup := p.Group(group)
		switch _, isField := p.Field(k); {
		case isGroup && (item || k == group):
			in[group] = true
		case isField && !item:
			in[k] = true
		}
	}
	return slices.Sorted(maps.Keys(in))
}

// shownTo is what the page of a seat shows of a field: what was last saved from it,
// else what stood when it was made. known is false where that is forgotten.
func (d *assessment) shownTo(seat Seat, unit string, now form.Answers) (was form.Answers, known bool) {
	var before form.Answers
	found := false
	for _, s := range slices.Backward(d.Savings) {
		if s.To <= seat.Version {
			break
		}
		if c, ok := s.Changed[unit]; ok {
			if s.Seat == seat.ID {
				return c.Now, true
			}
			before, found = c.Was, true
		}
	}
	if found {
		return before, true
	}
	return now, seat.Version >= d.Trimmed
}

// lastBy is who changed a field last.
func (d *assessment) lastBy(unit string) (care.Who, time.Time) {
	for _, s := range slices.Backward(d.Savings) {
		if _, ok := s.Changed[unit]; ok {
			return s.By, s.At
		}
	}
	return care.Who{}, time.Time{}
}

// take puts what was typed at a seat to the answers. What somebody else changed
// since that page was made, and was typed there too, is given back and not taken.
// shown is the answers as pages show them now.
func (o *openedAssessment) take(by care.Actor, seat Seat, shown, typed form.Answers, now time.Time) ([]EditConflict, bool) {
	var conflicts []EditConflict
	changed := map[string]change{}
	for _, unit := range unitsOf(o.form, typed) {
		mine, theirs := unitOf(typed, unit), unitOf(shown, unit)
		was, known := o.doc.shownTo(seat, unit, theirs)
		switch {
		case sameUnit(o.form, unit, mine, theirs) || known && sameUnit(o.form, unit, mine, was):
		case !known || !sameUnit(o.form, unit, theirs, was):
			c := EditConflict{Field: unit, Mine: mine, Theirs: theirs}
			c.By, c.At = o.doc.lastBy(unit)
			conflicts = append(conflicts, c)
		default:
			changed[unit] = change{Was: theirs, Now: mine}
			o.doc.Answers = o.form.Merge(o.doc.Answers, whole(o.form, unit, mine))
		}
	}
	if len(changed) > 0 {
		o.doc.save(saving{To: o.rec.Version + 1, At: now, By: by.Who(), Seat: seat.ID, Changed: changed})
		if !slices.Contains(o.doc.Editors, by.ID) {
			o.doc.Editors = append(o.doc.Editors, by.ID)
		}
	}
	return conflicts, len(changed) > 0
}

// whole is the answers of a field or group so that, merged, nothing of what was
// there before stays: a field that was emptied, an item that was removed.
func whole(p *form.Pathway, unit string, a form.Answers) form.Answers {
	out := maps.Clone(a)
	if _, there := out[unit]; !there {
		out[unit] = []string{}
	}
	return out
}

func (d *assessment) save(s saving) {
	if n := len(d.Savings); n > 0 && d.Savings[n-1].Seat == s.Seat && !d.Savings[n-1].Closed {
		last := &d.Savings[n-1]
		for unit, c := range s.Changed {
			if was, ok := last.Changed[unit]; ok {
				c.Was = was.Was
			}
			last.Changed[unit] = c
		}
		last.To, last.At = s.To, s.At
		return
	}
	d.Savings = append(d.Savings, s)
	if over := len(d.Savings) - savingsKept; over > 0 {
		d.Trimmed = d.Savings[over-1].To
		d.Savings = slices.Clone(d.Savings[over:])
	}
}

// SaveAssessment keeps what was typed at a seat: the fields given, no others. It
// gives the fields that somebody else changed meanwhile; those are not saved, and
// all the rest is.
func (h *Hub) SaveAssessment(ctx context.Context, by care.Actor, id care.CaseID, name string, seat Seat, typed form.Answers) ([]EditConflict, error) {
	var out []EditConflict
	err := h.update(ctx, func(tx *store.Tx) error {
		a, c, o, err := h.assessing(tx, by, policy.WriteAssessment, id, name)
		if err != nil {
			return err
		}
		if err := o.mayEdit(c); err != nil {
			return err
		}
		now := a.record.At
		shown := h.fillForm(a, c, o.form, nil, o.doc.Answers, now)
		n := len(o.doc.Savings)
		fresh := n == 0 || o.doc.Savings[n-1].Seat != seat.ID || o.doc.Savings[n-1].Closed
		conflicts, changed := o.take(by, seat, shown.Answers, typed, now)
		out = conflicts
		aside := o.doc.putAside(by.ID, unitsOf(o.form, typed), conflicts, now)
		if changed || aside {
			o.doc.seen(by.Who(), now)
			if err := o.put(tx, now); err != nil {
				return err
			}
		}
		if !(changed && fresh) && len(conflicts) == 0 {
			return nil // a page that saves by itself is one saving, not one every 20 s
		}
		return a.audit(tx, true, "saved")
	})
	return out, err
}

// AssessAside is what somebody typed in a field that another had changed meanwhile:
// it is not part of the assessment, and not lost.
type AssessAside struct {
	Who     care.ActorID `json:"who"`
	At      time.Time    `json:"at"`
	Field   string       `json:"field"`
	Answers form.Answers `json:"answers"`
}

// putAside keeps what could not be saved for who typed it, and forgets what they
// have saved since. It reports whether anything changed.
func (d *assessment) putAside(who care.ActorID, units []string, conflicts []EditConflict, now time.Time) bool {
	n := len(d.Aside)
	d.Aside = slices.DeleteFunc(d.Aside, func(x AssessAside) bool { return x.Who == who && slices.Contains(units, x.Field) })
	for _, c := range conflicts {
		d.Aside = append(d.Aside, AssessAside{Who: who, At: now, Field: c.Field, Answers: c.Mine})
	}
	return len(d.Aside) != n || len(conflicts) > 0
}

// mayEdit refuses a change of answers where they cannot be changed now.
func (o *openedAssessment) mayEdit(c care.Case) error {
	if err := mayWork(c); err != nil {
		return err
	}
	say := ""
	switch o.rec.State {
	case AssessWaiting:
		say = "It was sent for approval"
		if n := len(o.doc.Approvals); n > 0 {
			say += " by " + o.doc.Approvals[0].By.Name
		}
		say += ". Ask for it to be returned, then change it"
	case AssessApproved:
		say = "It is approved. Start a new revision to change it"
	case AssessDropped:
		say = "It was dropped. Start another one"
	default:
		return nil
	}
	return &care.Error{Kind: care.BusinessRule, Text: "This assessment cannot be changed now. " + say}
}

// TakeOverAssessment makes the reader the writer of an assessment of their team.
func (h *Hub) TakeOverAssessment(ctx context.Context, by care.Actor, id care.CaseID, name string) error {
	return h.changeAssessment(ctx, by, policy.WriteAssessment, id, name, "took it over", func(o *openedAssessment, _ care.Case, now time.Time) error {
		if o.doc.Writer.ID == by.ID {
			return nil
		}
		o.doc.Handed = append(o.doc.Handed, AssessTakenOver{At: now, From: o.doc.Writer, To: by.Who()})
		o.doc.Writer, o.rec.Owner = by.Who(), string(by.ID)
		return nil
	})
}

// DropAssessment ends an assessment that is not needed. What was approved before stays.
func (h *Hub) DropAssessment(ctx context.Context, by care.Actor, id care.CaseID, name string) error {
	return h.changeAssessment(ctx, by, policy.WriteAssessment, id, name, "dropped", func(o *openedAssessment, _ care.Case, _ time.Time) error {
		if !o.editable() {
			return &care.Error{Kind: care.BusinessRule, Text: "Only an assessment that is being written can be dropped"}
		}
		o.rec.State = AssessDropped
		return nil
	})
}

// CommentAssessment writes a comment beside a field, or about all of it ("").
func (h *Hub) CommentAssessment(ctx context.Context, by care.Actor, id care.CaseID, name, field, text string) error {
	return h.changeAssessment(ctx, by, policy.ListAssessments, id, name, "commented", func(o *openedAssessment, _ care.Case, now time.Time) error {
		return o.comment(by, field, text, now)
	})
}

// commentLimit is the longest comment, in characters.
const commentLimit = 2000

// commentsKept is the most comments that an assessment has.
const commentsKept = 500

func (o *openedAssessment) comment(by care.Actor, field, text string, now time.Time) error {
	text = strings.TrimSpace(text)
	_, isField := o.form.Field(field)
	_, isGroup := o.form.Group(field)
	switch {
	case text == "":
		return &care.Error{Kind: care.Required, Field: "text", Text: "Enter the comment"}
	case len([]rune(text)) > commentLimit:
		return &care.Error{Kind: care.Invalid, Field: "text", Text: "Shorten the comment to 2000 characters or fewer"}
	case field != "" && !isField && !isGroup:
		return &care.Error{Kind: care.Invalid, Field: "field", Text: "Choose the question that the comment is about"}
	case len(o.doc.Comments) >= commentsKept:
		return &care.Error{Kind: care.BusinessRule, Text: "There are 500 comments already. Speak to each other"}
	}
	o.doc.Comments = append(o.doc.Comments, AssessComment{At: now, By: by.Who(), Field: field, Text: text, Sent: o.doc.Sent})
	return nil
}

// changeAssessment is one change of an assessment that is not about its answers.
func (h *Hub) changeAssessment(ctx context.Context, by care.Actor, action policy.Action, id care.CaseID, name, did string, f func(*openedAssessment, care.Case, time.Time) error) error {
	return h.update(ctx, func(tx *store.Tx) error {
		a, c, o, err := h.assessing(tx, by, action, id, name)
		if err != nil {
			return err
		}
		if err := mayWork(c); err != nil {
			return err
		}
		if err := f(o, c, a.record.At); err != nil {
			return err
		}
		if err := o.put(tx, a.record.At); err != nil {
			return err
		}
		return a.audit(tx, true, did)
	})
}

// SubmitAssessment signs an assessment as its worker and sends it to the next
// approval; with none it is shared at once. seen is the version that was read back:
// what somebody else changed since is a Conflict.
func (h *Hub) SubmitAssessment(ctx context.Context, by care.Actor, id care.CaseID, name string, seen int64) error {
	return h.update(ctx, func(tx *store.Tx) error {
		a, c, o, err := h.assessing(tx, by, policy.WriteAssessment, id, name)
		if err != nil {
			return err
		}
		if o.rec.State == AssessWaiting && o.doc.Approvals[0].By.ID == by.ID {
			return a.audit(tx, true, "sent already")
		}
		if err := o.mayEdit(c); err != nil {
			return err
		}
		for _, s := range o.doc.Savings {
			if s.To > seen && s.By.ID != by.ID {
				return &care.Error{Kind: care.Conflict, Text: s.By.Name + " changed this after you read it back. Look at it again, then send it"}
			}
		}
		now := a.record.At
		f := h.fillForm(a, c, o.form, nil, o.doc.Answers, now)
		o.doc.Answers = o.form.Clean(f.Answers)
		if problems := o.form.Check(o.doc.Answers, f.Facts); len(problems) > 0 {
			return &care.Error{Kind: care.Required, Field: problems[0].Field, Text: problems[0].Text}
		}
		o.doc.Sent++
		o.doc.Open, o.doc.Aside = nil, nil
		o.doc.Approvals = []care.Approval{{Step: string(form.ByWorker), At: now, By: by.Who()}}
		return h.onward(tx, a, c, o, policy.WriteAssessment, "sent for approval")
	})
}

// onward is an assessment that has one more approval: it waits for the next, or is
// shared.
func (h *Hub) onward(tx *store.Tx, a *asking, c care.Case, o *openedAssessment, action policy.Action, did string) error {
	o.rec.State = AssessWaiting
	if nextStep(o.form, o.doc) != "" {
		if err := o.put(tx, a.record.At); err != nil {
			return err
		}
		if err := h.notifyUser(tx, c, approvalWaits, o.rec.ID, care.Owner{Org: a.by.Org}, a.by.ID, a.record.At); err != nil {
			return err
		}
		return a.audit(tx, true, did)
	}
	p := care.Paper{ID: cmp.Or(o.doc.Paper, o.rec.ID), Kind: care.PaperKind(o.doc.Form), Referral: o.doc.Referral, Form: o.doc.Form, FormVersion: o.doc.Version,
		Answers: o.doc.Answers, Revision: o.doc.Revision, Approvals: o.doc.Approvals, Files: o.doc.Files, By: o.doc.Writer}
	if err := h.filesTo(tx, c, o); err != nil {
		return err
	}
	if _, err := h.carry(tx, a, c, action, care.FilePaper{Paper: p}); err != nil {
		return err
	}
	o.rec.State = AssessApproved
	o.doc.Savings, o.doc.Open = nil, nil // its history is the case's now
	if err := o.put(tx, a.record.At); err != nil {
		return err
	}
	return h.notifyUser(tx, c, assessApproved, o.rec.ID, o.writer(), a.by.ID, a.record.At)
}

// writer is who writes an assessment, as an owner.
func (o *openedAssessment) writer() care.Owner {
	return care.Owner{Org: o.doc.Writer.Org, Who: o.doc.Writer}
}

// deciding refuses a decision about an assessment that does not wait for the
// reader's, or was sent again since they read it.
func (o *openedAssessment) deciding(a *asking, sent int) error {
	if o.rec.State != AssessWaiting {
		return &care.Error{Kind: care.Conflict, Text: "This assessment does not wait for an approval any more. Look at it again"}
	}
	if o.doc.Sent != sent {
		return &care.Error{Kind: care.Conflict, Text: "It was returned and sent again since you opened it. Read it again, then decide"}
	}
	if ok, why := o.mayDecide(a); !ok {
		return &care.Error{Kind: care.Forbidden, Text: cmp.Or(why, "Another role must approve this")}
	}
	return nil
}

// ApproveAssessment gives the approval that an assessment waits for. sent is which
// sending the reader read; step is what they saw it wait for.
func (h *Hub) ApproveAssessment(ctx context.Context, by care.Actor, id care.CaseID, name string, sent int, step form.Step, text string) error {
	return h.update(ctx, func(tx *store.Tx) error {
		a, c, o, err := h.assessing(tx, by, policy.ApproveAssessment, id, name)
		if err != nil {
			return err
		}
		if err := mayWork(c); err != nil {
			return err
		}
		for _, x := range o.doc.Approvals {
			if o.doc.Sent == sent && x.By.ID == by.ID && x.Step == string(step) {
				return a.audit(tx, true, "approved already")
			}
		}
		if err := o.deciding(a, sent); err != nil {
			return err
		}
		if o.next() != step {
			return &care.Error{Kind: care.Conflict, Text: "Somebody else has decided this step since you opened it. Look at it again"}
		}
		if len([]rune(text)) > commentLimit {
			return &care.Error{Kind: care.Invalid, Field: "text", Text: "Shorten the note to 2000 characters or fewer"}
		}
		o.doc.Approvals = append(o.doc.Approvals, care.Approval{Step: string(step), At: a.record.At, By: by.Who(), Text: strings.TrimSpace(text)})
		return h.onward(tx, a, c, o, policy.ApproveAssessment, "approved")
	})
}

// ReturnAssessment gives an assessment back to its writer with a comment, beside
// those that stand at its fields already. All approvals are gone with that.
func (h *Hub) ReturnAssessment(ctx context.Context, by care.Actor, id care.CaseID, name string, sent int, text string) error {
	return h.update(ctx, func(tx *store.Tx) error {
		a, c, o, err := h.assessing(tx, by, policy.ApproveAssessment, id, name)
		if err != nil {
			return err
		}
		if err := mayWork(c); err != nil {
			return err
		}
		if err := o.deciding(a, sent); err != nil {
			return err
		}
		if err := o.comment(by, "", text, a.record.At); err != nil {
			return err
		}
		o.rec.State, o.doc.Approvals = AssessReturned, nil
		if err := o.put(tx, a.record.At); err != nil {
			return err
		}
		if err := h.notifyUser(tx, c, assessReturned, o.rec.ID, o.writer(), by.ID, a.record.At); err != nil {
			return err
		}
		return a.audit(tx, true, "returned")
	})
}
