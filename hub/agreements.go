package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/sharing"
	"homeward/store"
)

// The use cases of information governance leads with sharing agreements. A lead
// sees and changes the agreements to which their organisation is a party, and
// one of the organisation that runs Homeward all of them. Any other agreement
// does not exist for them.

// AgreementRef names one version of an agreement, as somebody saw it.
type AgreementRef struct {
	ID      string
	Version int // 0: the newest
	Seen    int // how many changes it had; any other number is a conflict; 0: not asked
}

// AgreementView is one version as it is today.
type AgreementView struct {
	sharing.Agreement
	State sharing.State
	Days  int // left, where it is in force; 0 on the last day
	Level int // of the warning that stands: 60, 30, 7; 0 for none
}

// AgreementsView is a list of agreements: of each the version that governs or,
// before there is one, the newest; and a newer one that is being written.
type AgreementsView struct {
	Agreements []AgreementView
	Newer      map[string]AgreementView // by the agreement's id
}

// AgreementPage is all that there is to know of one version.
type AgreementPage struct {
	AgreementView
	Versions []AgreementView // newest first
	Before   *sharing.Agreement
	Diff     []sharing.Difference // from Before
	Problems []sharing.Problem    // why a draft cannot be proposed yet
	Enforced []Enforced           // what the policies make of it
	// WhyNot says of each step that this actor cannot take why not. A step that
	// is not in it they can.
	WhyNot map[AgreementStep]string
}

// AgreementStep is something that is done to a version.
type AgreementStep string

// The steps.
const (
	ProposeAgreement  AgreementStep = "propose"
	ApproveAgreement  AgreementStep = "approve"
	SendBackAgreement AgreementStep = "send-back"
	SuspendAgreement  AgreementStep = "suspend"
	AskToResume       AgreementStep = "ask-to-resume"
	ResumeAgreement   AgreementStep = "resume"
	WithdrawAgreement AgreementStep = "withdraw"
)

// AgreementSteps lists the steps, in the order in which a page offers them.
func AgreementSteps() []AgreementStep {
	return []AgreementStep{ProposeAgreement, ApproveAgreement, ResumeAgreement, AskToResume, SendBackAgreement, SuspendAgreement, WithdrawAgreement}
}

// take makes the step, or says why not.
func (s AgreementStep) take(a sharing.Agreement, by sharing.Step, today nhs.Date) (sharing.Agreement, error) {
	switch s {
	case ProposeAgreement:
		return a.Propose(by, today)
	case ApproveAgreement:
		return a.Approve(by, today)
	case SendBackAgreement:
		return a.SendBack(by)
	case SuspendAgreement:
		return a.Suspend(by)
	case AskToResume:
		return a.AskToResume(by, today)
	case ResumeAgreement:
		return a.Resume(by, today)
	case WithdrawAgreement:
		return a.Withdraw(by)
	}
	return a, &care.Error{Kind: care.NotFound, Text: "There is no such step"}
}

// Reasoned reports whether the step needs a reason.
func (s AgreementStep) Reasoned() bool {
	return slices.Contains([]AgreementStep{SendBackAgreement, SuspendAgreement, AskToResume, WithdrawAgreement}, s)
}

// governing decides a use case of agreements and audits it in the words that f
// gives back.
func (h *Hub) governing(ctx context.Context, by care.Actor, action policy.Action, why string, f func(*store.Tx, *asking) (string, error)) error {
	return h.update(ctx, func(tx *store.Tx) error {
		a := h.ask(by, action, nil, policy.Governance, strings.TrimSpace(why), h.now())
		if !a.allowed(action) {
			return a.refuse(tx)
		}
		what, err := f(tx, a)
		if err != nil {
			return agreementError(err)
		}
		return a.audit(tx, true, what)
	})
}

// agreementError turns what is wrong with an agreement into an error for the user.
func agreementError(err error) error {
	var p sharing.Problem
	if !errors.As(err, &p) {
		return err
	}
	return &care.Error{Kind: care.BusinessRule, Field: p.Field, Text: p.Text}
}

// isParty reports whether an agreement is this actor's business.
func isParty(by care.Actor, versions ...sharing.Agreement) bool {
	if by.OrgKind == care.System {
		return true
	}
	return slices.ContainsFunc(versions, func(a sharing.Agreement) bool {
		return slices.ContainsFunc(a.Parties, func(p sharing.Party) bool { return p.ODS == by.Org })
	})
}

// ownAgreement reads the versions of an agreement, oldest first. One that is not
// the actor's business is not found, like one that there is not.
func (a *asking) ownAgreement(tx *store.Tx, id string) ([]sharing.Agreement, error) {
	versions, err := tx.Agreement(id)
	if err != nil && !store.IsNone(err) {
		return nil, err
	}
	if err == nil && isParty(a.by, versions...) {
		return versions, nil
	}
	if err := a.audit(tx, false, "no such agreement of theirs"); err != nil {
		return nil, err
	}
	return nil, committed{&care.Error{Kind: care.NotFound, Text: "The agreement was not found"}}
}

// versionOf is the one that a ref names; care.Conflict when it has changed since
// it was seen.
func versionOf(versions []sharing.Agreement, ref AgreementRef) (sharing.Agreement, error) {
	n := ref.Version
	if n == 0 {
		n = len(versions)
	}
	if n < 1 || n > len(versions) {
		return sharing.Agreement{}, &care.Error{Kind: care.NotFound, Text: "This version of the agreement was not found"}
	}
	a := versions[n-1]
	if ref.Seen != 0 && ref.Seen != len(a.Changes) {
		c := a.Changes[len(a.Changes)-1]
		return a, &care.Error{Kind: care.Conflict, Text: fmt.Sprintf("While you had this open, %s did something to it: %s. Look at it again", c.Who, c.Did)}
	}
	return a, nil
}

// Agreements lists the agreements of the actor's organisation, by title.
func (h *Hub) Agreements(ctx context.Context, by care.Actor) (AgreementsView, error) {
	var out AgreementsView
	err := h.governing(ctx, by, policy.SeeAgreements, "", func(tx *store.Tx, a *asking) (string, error) {
		as, err := tx.Agreements()
		if err != nil {
			return "", err
		}
		out = h.agreementsView(as, by, h.today(a.record.At))
		return fmt.Sprintf("%d agreements", len(out.Agreements)), nil
	})
	return out, err
}

func (h *Hub) agreementsView(book sharing.Book, by care.Actor, today nhs.Date) AgreementsView {
	out := AgreementsView{Newer: map[string]AgreementView{}}
	for i, j := 0, 0; i < len(book); i = j { // in the order of id and version
		for j = i; j < len(book) && book[j].ID == book[i].ID; j++ {
		}
		versions := book[i:j]
		if !isParty(by, versions...) {
			continue
		}
		shown := len(versions) - 1
		for n := len(versions) - 1; n >= 0; n-- {
			if s := book.State(versions[n], today); s == sharing.StateInForce || s == sharing.StateSuspended || s == sharing.StateExpired {
				shown = n
				break
			}
		}
		out.Agreements = append(out.Agreements, agreementView(book, versions[shown], today))
		if newest := versions[len(versions)-1]; shown < len(versions)-1 && newest.Status != sharing.Withdrawn {
			out.Newer[newest.ID] = agreementView(book, newest, today)
		}
	}
	slices.SortStableFunc(out.Agreements, func(a, b AgreementView) int { return strings.Compare(a.Title, b.Title) })
	return out
}

func agreementView(book sharing.Book, a sharing.Agreement, today nhs.Date) AgreementView {
	v := AgreementView{Agreement: a, State: book.State(a, today)}
	if v.State == sharing.StateInForce {
		v.Days = today.DaysTo(a.To)
	}
	for _, w := range book.Warnings(today) {
		if w.Agreement.ID == a.ID && w.Agreement.Version == a.Version {
			v.Level = w.Level
		}
	}
	return v
}

// AgreementWarnings are the agreements of the actor's organisation that end
// soon, the first to end first; none for whom agreements are no business. It
// stands on every page of a lead, tells nothing of a person, and is not audited.
func (h *Hub) AgreementWarnings(ctx context.Context, by care.Actor) ([]sharing.Warning, error) {
	if !h.Policies.DecideMany(principal(by), nil, policy.Context{Purpose: policy.Governance, Relationship: policy.NoneRelation}, policy.SeeAgreements)[0].Allow {
		return nil, nil
	}
	return view(ctx, h, func(tx *store.Tx) ([]sharing.Warning, error) {
		as, err := tx.Agreements()
		if err != nil {
			return nil, err
		}
		return slices.DeleteFunc(sharing.Book(as).Warnings(h.today(h.now())), func(w sharing.Warning) bool { return !isParty(by, w.Agreement) }), nil
	})
}

// Agreement shows one version and what there is to know of it.
func (h *Hub) Agreement(ctx context.Context, by care.Actor, ref AgreementRef) (AgreementPage, error) {
	var out AgreementPage
	err := h.governing(ctx, by, policy.SeeAgreements, "", func(tx *store.Tx, a *asking) (string, error) {
		versions, err := a.ownAgreement(tx, ref.ID)
		if err != nil {
			return "", err
		}
		shown, err := versionOf(versions, ref)
		if err != nil {
			return "", err
		}
		out = h.agreementPage(versions, shown, by, h.today(a.record.At))
		return "agreement " + versionName(shown), nil
	})
	return out, err
}

func (h *Hub) agreementPage(book sharing.Book, shown sharing.Agreement, by care.Actor, today nhs.Date) AgreementPage {
	p := AgreementPage{AgreementView: agreementView(book, shown, today), WhyNot: map[AgreementStep]string{}}
	for _, v := range slices.Backward(book) {
		p.Versions = append(p.Versions, agreementView(book, v, today))
		if v.Version < shown.Version && p.Before == nil && v.Status != sharing.Withdrawn && v.Status != sharing.Draft {
			p.Before = &v
			p.Diff = sharing.Diff(v, shown)
		}
	}
	if shown.Status == sharing.Draft {
		p.Problems = shown.Check()
	}
	p.Enforced = h.enforced(shown, p.Before)
	me := h.stepOf(by, h.now(), "asked whether it can be done")
	for _, s := range AgreementSteps() {
		if _, err := s.take(shown, me, today); err != nil {
			p.WhyNot[s] = err.Error()
		} else if shown.Status == sharing.Agreed && p.State == sharing.StateOver {
			p.WhyNot[s] = "A newer version has taken its place"
		}
	}
	return p
}

// May reports whether the actor can take a step.
func (p AgreementPage) May(s AgreementStep) bool { return p.WhyNot[s] == "" }

// stepOf says who does something, for whom, when and why. Its day is London's.
func (h *Hub) stepOf(by care.Actor, at time.Time, why string) sharing.Step {
	return sharing.Step{At: at.In(h.Zone), By: string(by.ID), Who: by.Name, Org: by.Org, Why: why}
}

func (a *asking) step(why string) sharing.Step { return a.h.stepOf(a.by, a.record.At, why) }

// TakeAgreementStep does something to a version: what the rules of agreements
// let this person do to it, and with a reason where one is needed.
func (h *Hub) TakeAgreementStep(ctx context.Context, by care.Actor, ref AgreementRef, step AgreementStep, why string) error {
	return h.governing(ctx, by, policy.ManageAgreements, why, func(tx *store.Tx, a *asking) (string, error) {
		versions, err := a.ownAgreement(tx, ref.ID)
		if err != nil {
			return "", err
		}
		was, err := versionOf(versions, ref)
		if err != nil {
			return "", err
		}
		today := h.today(a.record.At)
		is, err := step.take(was, a.step(why), today)
		if err != nil {
			return "", err
		}
		if err := tx.PutAgreement(is); err != nil {
			return "", err
		}
		what := fmt.Sprintf("agreement %s: %s", versionName(is), is.Changes[len(is.Changes)-1].Did)
		if step != ApproveAgreement {
			return what, nil
		}
		versions[is.Version-1] = is
		for _, old := range sharing.Book(versions).Replaced(is, a.step(""), today) {
			if err := tx.PutAgreement(old); err != nil {
				return "", err
			}
		}
		return what, nil
	})
}

// notTheirs refuses a draft that its own writer would not find again.
func notTheirs(by care.Actor, content sharing.Agreement) error {
	if isParty(by, content) {
		return nil
	}
	return &care.Error{Kind: care.BusinessRule, Field: "parties", Text: "Your own organisation must be one of those that agree"}
}

// DraftAgreement begins an agreement, and gives its id.
func (h *Hub) DraftAgreement(ctx context.Context, by care.Actor, content sharing.Agreement) (ref AgreementRef, err error) {
	err = h.governing(ctx, by, policy.ManageAgreements, "", func(tx *store.Tx, a *asking) (string, error) {
		ref, err = a.beginAgreement(tx, content, false)
		return "agreement " + ref.ID + " drafted", err
	})
	return ref, err
}

func (a *asking) beginAgreement(tx *store.Tx, content sharing.Agreement, imported bool) (AgreementRef, error) {
	if err := notTheirs(a.by, content); err != nil {
		return AgreementRef{}, err
	}
	d, err := sharing.NewDraft(newID(), content, imported, a.step(""))
	if err != nil {
		return AgreementRef{}, err
	}
	return AgreementRef{ID: d.ID, Version: d.Version, Seen: len(d.Changes)}, tx.PutAgreement(d)
}

// EditAgreement replaces what a draft says. Where somebody else changed it since
// it was seen, that is a care.Conflict and nothing is changed.
func (h *Hub) EditAgreement(ctx context.Context, by care.Actor, ref AgreementRef, content sharing.Agreement) error {
	return h.governing(ctx, by, policy.ManageAgreements, "", func(tx *store.Tx, a *asking) (string, error) {
		versions, err := a.ownAgreement(tx, ref.ID)
		if err != nil {
			return "", err
		}
		if err := notTheirs(by, content); err != nil {
			return "", err
		}
		was, err := versionOf(versions, ref)
		if err != nil {
			return "", err
		}
		is, err := was.Edit(content, a.step(""))
		if err != nil {
			return "", err
		}
		return "agreement " + versionName(is) + " changed", tx.PutAgreement(is)
	})
}

// ReviseAgreement begins the next version of an agreement, with the words of the
// newest that was not withdrawn.
func (h *Hub) ReviseAgreement(ctx context.Context, by care.Actor, id string) (ref AgreementRef, err error) {
	err = h.governing(ctx, by, policy.ManageAgreements, "", func(tx *store.Tx, a *asking) (string, error) {
		versions, err := a.ownAgreement(tx, id)
		if err != nil {
			return "", err
		}
		ref, err = a.reviseAgreement(tx, versions, nil)
		return fmt.Sprintf("agreement %s version %d drafted", ref.ID, ref.Version), err
	})
	return ref, err
}

func (a *asking) reviseAgreement(tx *store.Tx, versions []sharing.Agreement, content *sharing.Agreement) (AgreementRef, error) {
	newest := versions[len(versions)-1]
	base := newest
	for _, v := range slices.Backward(versions) {
		if v.Status != sharing.Withdrawn {
			base = v
			break
		}
	}
	base.Version, base.Status = newest.Version, newest.Status
	d, err := base.NewVersion(content, a.step(""))
	if err != nil {
		return AgreementRef{}, err
	}
	return AgreementRef{ID: d.ID, Version: d.Version, Seen: len(d.Changes)}, tx.PutAgreement(d)
}

// ExportAgreement gives a version as a file. That it was taken out is audited.
func (h *Hub) ExportAgreement(ctx context.Context, by care.Actor, ref AgreementRef) (file []byte, name string, err error) {
	err = h.governing(ctx, by, policy.SeeAgreements, "", func(tx *store.Tx, a *asking) (string, error) {
		versions, err := a.ownAgreement(tx, ref.ID)
		if err != nil {
			return "", err
		}
		v, err := versionOf(versions, ref)
		file, name = sharing.Write(v), AgreementFile(v)
		return "agreement " + versionName(v) + " exported", err
	})
	return file, name, err
}

// AgreementFile is the name of a version's file.
func AgreementFile(a sharing.Agreement) string {
	return fmt.Sprintf("agreement-%s-%d.toml", a.ID, a.Version)
}

// ImportAgreement takes a file as a draft: of a new version where the agreement
// is known here, else of a new agreement. When the file is wrong nothing is kept
// and all that is wrong is listed.
func (h *Hub) ImportAgreement(ctx context.Context, by care.Actor, file []byte) (ref AgreementRef, wrongs []sharing.Wrong, err error) {
	content, wrongs := sharing.Read(file)
	err = h.governing(ctx, by, policy.ManageAgreements, "", func(tx *store.Tx, a *asking) (string, error) {
		if len(wrongs) > 0 {
			return fmt.Sprintf("agreement not imported: %d things are wrong in the file", len(wrongs)), nil
		}
		ref, err = a.importAgreement(tx, content)
		return fmt.Sprintf("agreement %s version %d imported", ref.ID, ref.Version), err
	})
	return ref, wrongs, err
}

func (a *asking) importAgreement(tx *store.Tx, content sharing.Agreement) (AgreementRef, error) {
	for i, p := range content.Parties { // a file does not say who an organisation is that is known here
		if o, ok := a.h.orgs[p.ODS]; ok {
			content.Parties[i].Name = o.Name
		}
	}
	if content.ID != "" {
		versions, err := tx.Agreement(content.ID)
		if err != nil && !store.IsNone(err) {
			return AgreementRef{}, err
		}
		if err == nil && isParty(a.by, versions...) {
			if err := notTheirs(a.by, content); err != nil {
				return AgreementRef{}, err
			}
			return a.reviseAgreement(tx, versions, &content)
		}
	}
	return a.beginAgreement(tx, content, true)
}

// OperatorAgreements is every version of every agreement, for the operator's
// command; that they were taken out is audited.
func (h *Hub) OperatorAgreements(ctx context.Context) (as []sharing.Agreement, err error) {
	err = h.update(ctx, func(tx *store.Tx) (err error) {
		if as, err = tx.Agreements(); err != nil {
			return err
		}
		return h.operatorDid(tx, policy.SeeAgreements, fmt.Sprintf("%d versions of agreements read", len(as)))
	})
	return as, err
}

// OperatorImport takes a file as a draft, as ImportAgreement does, for the
// operator's command. It is for information governance leads to propose and
// approve what it holds.
func (h *Hub) OperatorImport(ctx context.Context, by care.Actor, content sharing.Agreement) (ref AgreementRef, err error) {
	err = h.update(ctx, func(tx *store.Tx) (err error) {
		a := h.ask(by, policy.ManageAgreements, nil, policy.Governance, "", h.now())
		if ref, err = a.importAgreement(tx, content); err != nil {
			return agreementError(err)
		}
		return h.operatorDid(tx, policy.ManageAgreements, fmt.Sprintf("agreement %s version %d imported", ref.ID, ref.Version))
	})
	return ref, err
}

func (h *Hub) operatorDid(tx *store.Tx, action policy.Action, what string) error {
	return tx.Audit(store.AuditRecord{At: h.now(), Actor: "operator", Action: string(action), Allowed: true, Outcome: what, Address: "terminal"})
}

// SeedAgreements adds the versions that are not there yet, as they are, without
// anybody's approval: for the demo and tests.
func (h *Hub) SeedAgreements(ctx context.Context, as []sharing.Agreement) error {
	return h.update(ctx, func(tx *store.Tx) error {
		has, err := tx.Agreements()
		if err != nil {
			return err
		}
		there := map[string]bool{}
		for _, a := range has {
			there[versionName(a)] = true
		}
		for _, a := range as {
			if there[versionName(a)] {
				continue
			}
			if err := tx.PutAgreement(a); err != nil {
				return err
			}
			if err := h.operatorDid(tx, policy.ManageAgreements, "added agreement "+versionName(a)+" as "+string(a.Status)); err != nil {
				return err
			}
		}
		return nil
	})
}

// versionName names a version in the audit.
func versionName(a sharing.Agreement) string { return fmt.Sprintf("%s version %d", a.ID, a.Version) }
