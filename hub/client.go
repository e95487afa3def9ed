package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// "Your client is here": what care providers are told of a stay follows history by a
// cursor of its own, as the telling of systems does. What is due is worked out from
// each case as it stands, so that late, repeated and replayed messages tell nobody
// twice, and nobody of what is over.

const clientCursor = "clientCursor"

// clientsAtOnce is how many cases change in one transaction, which other writers wait for.
const clientsAtOnce = 16

// stirs reports whether an event can change what providers must be told.
func stirs(e care.Event) bool {
	switch e.(type) {
	case care.Admitted, care.AdmissionUndone, care.Discharged, care.DischargeUndone, care.LeftEarly, care.PersonDied, care.DeathUndone,
		care.HoldingTold, care.StayTold, care.Moved, care.Absorbed, care.Separated, care.Settled, care.SensitivityTold, care.ObjectionTakenBack, care.ClientChanged:
		return true
	}
	return false
}

// followClients tells care providers until ctx ends.
func (h *Hub) followClients(ctx context.Context) {
	if err := h.Store.View(ctx, h.learnProviders); err != nil && ctx.Err() == nil {
		h.Log.Warn("reading the directories of providers", "err", err)
	}
	h.untilDone(ctx, "care providers", func(ctx context.Context) (bool, time.Time, error) {
		n, err := h.FollowClients(ctx)
		return n > 0, time.Time{}, err
	})
}

// stirred is what one look through history found: the cases in which something is due.
type stirred struct {
	due  []care.CaseID
	news []care.Entry // notices of which the provider is to be written to
}

// FollowClients tells care providers what happened since it was last called, by any
// process, and says how many entries of history it went through. Who is in hospital
// already when it first follows is not news. What is due is found on a snapshot, and
// worked out again in the transaction that keeps it.
func (h *Hub) FollowClients(ctx context.Context) (int, error) {
	return follow(ctx, h, follower[stirred]{cursor: clientCursor, atOnce: followBatch, find: h.stirring,
		begin: func(ctx context.Context) error { return h.beginHere(ctx, clientCursor) },
		keep: func(tx *store.Tx, _ []care.Entry, f stirred) error {
			for _, id := range f.due {
				if err := h.tellClients(tx, id); err != nil {
					return fmt.Errorf("telling the care providers of case %s: %w", id, err)
				}
			}
			return h.enqueueLinks(tx, f.news)
		}})
}

// stirring finds what is due in the cases of some entries, up to as many as may change
// at once.
func (h *Hub) stirring(tx *store.Tx, entries []care.Entry) (f stirred, used int, err error) {
	looked := map[care.CaseID]bool{}
	for _, e := range entries {
		if !looked[e.Case] && stirs(e.Event) {
			looked[e.Case] = true
			due, err := h.anyDue(tx, e.Case)
			if err != nil {
				return f, used, err
			}
			if due && len(f.due) == clientsAtOnce {
				break
			}
			if due {
				f.due = append(f.due, e.Case)
			}
		}
		if x, ok := e.Event.(care.ClientChanged); ok && slices.Contains([]care.ClientDid{care.ClientTold, care.ClientAsked, care.ClientDied, care.ClientOver}, x.Did) {
			f.news = append(f.news, e)
		}
		used++
	}
	return f, used, nil
}

func (h *Hub) anyDue(tx *store.Tx, id care.CaseID) (bool, error) {
	c, err := tx.Case(id)
	if err != nil {
		return false, ignoreMissing(err)
	}
	r := h.newClientRule(tx, c)
	due := r.rule().Due(c, h.now())
	return len(due) > 0, r.err
}

// ignoreMissing is for a case that was erased since.
func ignoreMissing(err error) error {
	if care.KindOf(err) == care.NotFound {
		return nil
	}
	return err
}

// tellClients records what is due in one case, and audits by which policies.
func (h *Hub) tellClients(tx *store.Tx, id care.CaseID) error {
	c, err := tx.Case(id)
	if err != nil {
		return ignoreMissing(err)
	}
	r := h.newClientRule(tx, c)
	events := r.rule().Due(c, h.now())
	if r.err != nil || len(events) == 0 {
		return r.err
	}
	if _, err := tx.Record(c, care.Cause{Kind: "system"}, h.now(), events...); err != nil {
		return err
	}
	for _, a := range r.asked {
		if a.may[policy.TellProvider] {
			a.record.Role = care.Machine
			if err := a.audit(tx, true, "by rule"); err != nil {
				return err
			}
		}
	}
	return nil
}

// clientRule is what care.ClientRule asks of the world, about one case.
type clientRule struct {
	h     *Hub
	tx    *store.Tx
	c     care.Case
	asked []*asking
	err   error
}

func (h *Hub) newClientRule(tx *store.Tx, c care.Case) *clientRule {
	return &clientRule{h: h, tx: tx, c: c}
}

func (r *clientRule) rule() care.ClientRule { return care.ClientRule{May: r.may, Reach: r.reach} }

// may asks what a broker of the council may do: nothing is told by rule that they
// might not tell by hand, knowing where the person is by an agreement in force.
func (r *clientRule) may(council nhs.ODS) bool {
	if r.h.orgs[council].Kind != care.Council || r.c.Stay == nil {
		return false
	}
	now := r.h.now()
	by := care.Actor{ID: "homeward", Name: "Homeward", Role: care.Broker, Org: council, OrgKind: care.Council}
	a := r.h.ask(by, policy.TellProvider, &r.c, policy.DischargePlanning, "", now)
	if err := a.onto(r.tx, now); err != nil {
		r.err = errors.Join(r.err, err)
		return false
	}
	r.asked = append(r.asked, a)
	return a.allowed(policy.TellProvider) && a.facts.Adult && a.from(r.c.Stay.Org)[policy.SeeWhereabouts]
}

func (r *clientRule) reach(council nhs.ODS, id string) (care.Provider, bool) {
	e, err := r.h.provider(r.tx, council, id)
	if err != nil {
		r.err = errors.Join(r.err, ignoreMissing(err))
		return care.Provider{Council: council, ID: id}, false
	}
	can, err := r.h.canWrite(r.tx, e)
	r.err = errors.Join(r.err, err)
	return e.Provider, can
}

// ---- what staff do

// ClientView is what a provider was told, with names for people.
type ClientView struct {
	care.Client
	HospitalName, CouncilName string
	BySay                     string
	Unwritten                 bool // the provider could not be written to: somebody must ring
	Phones                    care.Provider
}

// seesClient reports whether a reader sees what a provider was told: the council whose
// provider it is, of the stays that are shared with it; and the hospital, of the
// providers that are.
func (a *asking) seesClient(k care.Client) bool {
	switch a.by.OrgKind {
	case care.Council:
		return k.Council == a.by.Org && a.from(k.Hospital)[policy.SeeWhereabouts]
	case care.Trust:
		return k.Hospital == a.by.Org && a.from(k.Council)[policy.SeeProvider]
	}
	return false
}

// clientPart fills what providers were told into a case's view, the newest first.
func (h *Hub) clientPart(tx *store.Tx, a *asking, c care.Case, v *CaseView, _ time.Time) error {
	for _, k := range slices.Backward(c.Clients) {
		if !a.seesClient(k) {
			continue
		}
		x := ClientView{Client: k, HospitalName: h.Org(k.Hospital).Name, CouncilName: h.Org(k.Council).Name, BySay: k.By.Name}
		if x.BySay == "" {
			x.BySay = "Homeward"
		}
		e, err := h.provider(tx, k.Council, k.Provider)
		if ignoreMissing(err) != nil {
			return err
		}
		x.Phones = e.Provider
		x.Unwritten = slices.ContainsFunc(c.Tasks, func(t care.Task) bool { return t.Kind == care.TaskProvider && t.About == k.ID && t.Open() }) && k.Acked.IsZero()
		v.Clients = append(v.Clients, x)
	}
	return nil
}

// clientItem says whether a reader sees a timeline entry about a provider's notice,
// and fills its words.
func (h *Hub) clientItem(a *asking, e care.Event, t *TimelineItem) bool {
	x, ok := e.(care.ClientChanged)
	if !ok || !a.seesClient(x.Client) {
		return false
	}
	if t.By == "" {
		t.By = "Homeward"
	}
	k := x.Client
	when := func(at time.Time) string { return at.In(h.Zone).Format("02-Jan-2006 15:04") }
	switch x.Did {
	case care.ClientAcked:
		t.Text = "By " + k.AckedBy
	case care.ClientSuspended:
		t.Text = "From " + when(k.Suspended)
	case care.ClientAsked:
		t.Text = "From " + when(k.Restart.From) + ", pathway " + k.Restart.Pathway
	case care.ClientAnswered:
		t.Text = restartWords(*k.Restart, when)
	case care.ClientEnded, care.ClientOver:
		t.Text = k.EndedWhy.Say()
	}
	return true
}

func restartWords(r care.Restart, when func(time.Time) string) string {
	out := map[care.RestartAnswer]string{care.RestartYes: "Yes", care.RestartNotice: "Needs notice", care.RestartNo: "No"}[r.Answer]
	if !r.Earliest.IsZero() {
		out += ", from " + when(r.Earliest)
	}
	if r.Text != "" {
		out += ": " + r.Text
	}
	return out + ". " + r.Answerer
}

// knownBy adds to a council's packages whether the provider knows of the stay.
func (a *asking) knownBy(c care.Case, v *CouncilView) {
	for i, p := range v.Packages {
		for _, k := range c.Clients {
			if p.Provider != nil && k.Council == p.Provider.Council && k.Provider == p.Provider.ID && k.Over.IsZero() && k.Ended.IsZero() && a.seesClient(k) {
				v.Packages[i].Knows = &ProviderKnows{Told: k.Told, Acked: k.Acked, Suspended: k.Suspended}
			}
		}
	}
}

// ProviderKnows is that a provider was told where its client is.
type ProviderKnows struct{ Told, Acked, Suspended time.Time }

// TellProvider tells a provider by hand that its client is in hospital.
func (h *Hub) TellProvider(ctx context.Context, by care.Actor, id care.CaseID, council nhs.ODS, provider string) error {
	return h.update(ctx, func(tx *store.Tx) error {
		a, c, err := h.named(tx, by, policy.TellProvider, id, h.now())
		if err != nil {
			return err
		}
		cmd := care.TellProvider{Council: council, Provider: provider}
		for _, d := range c.Holdings {
			for _, p := range d.Packages {
				if d.Council == council && !d.Ended && p.Provider == provider && p.Kind != care.DirectPayment && p.Status != care.PackageFinished {
					cmd.Packages = append(cmd.Packages, p.Ref)
				}
			}
		}
		if len(cmd.Packages) == 0 || c.Stay == nil || !a.seesClient(care.Client{Council: council, Provider: provider, Hospital: c.Stay.Org}) {
			return a.refuse(tx)
		}
		e, err := h.provider(tx, council, provider)
		if err != nil {
			return err
		}
		cmd.ProviderName = e.Name
		_, err = h.carry(tx, a, c, policy.TellProvider, cmd)
		return err
	})
}

// SuspendClient records from when care stands still, as agreed with the provider.
func (h *Hub) SuspendClient(ctx context.Context, by care.Actor, id care.CaseID, client string, from time.Time) error {
	return h.onClient(ctx, by, id, client, care.SuspendCare{ID: client, From: from})
}

// AskRestart asks a provider to begin care again.
func (h *Hub) AskRestart(ctx context.Context, by care.Actor, id care.CaseID, client string, from time.Time) error {
	return h.onClient(ctx, by, id, client, care.AskRestart{ID: client, From: from})
}

// HeardAcknowledged records that a provider said by telephone that it knows.
func (h *Hub) HeardAcknowledged(ctx context.Context, by care.Actor, id care.CaseID, client, who string) error {
	return h.onClient(ctx, by, id, client, care.Acknowledge{ID: client, Who: who})
}

// HeardRestart records what a provider answered by telephone.
func (h *Hub) HeardRestart(ctx context.Context, by care.Actor, id care.CaseID, x care.AnswerRestart) error {
	return h.onClient(ctx, by, id, x.ID, x)
}

// EndClient says that there is nothing more to do with a provider about a stay.
func (h *Hub) EndClient(ctx context.Context, by care.Actor, id care.CaseID, client string, why care.ClientEnd) error {
	return h.onClient(ctx, by, id, client, care.EndClient{ID: client, Why: why})
}

// onClient carries out a command about a notice that the reader sees.
func (h *Hub) onClient(ctx context.Context, by care.Actor, id care.CaseID, client string, cmd care.Command) error {
	return h.update(ctx, func(tx *store.Tx) error {
		a, c, err := h.named(tx, by, policy.TellProvider, id, h.now())
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(c.Clients, func(k care.Client) bool { return k.ID == client }); i < 0 || !a.seesClient(c.Clients[i]) {
			return a.refuse(tx)
		}
		_, err = h.carry(tx, a, c, policy.TellProvider, cmd)
		return err
	})
}

// ---- what follows from a call

// CallSteps is what else is done with a call that is recorded.
type CallSteps struct {
	TellWard bool      // a note for both sides with what was said
	BackAt   time.Time // ring again then: a task for who called; zero: none
}

// RecordCallAnd is RecordCall with what follows from it, in one transaction. What the
// provider said of a notice that stands, that it knows or whether care restarts, is
// kept there too, as far as the caller may.
func (h *Hub) RecordCallAnd(ctx context.Context, by care.Actor, id care.CaseID, handle string, call care.Call, steps CallSteps) error {
	at, reason := id, ReasonCare
	if id == "" {
		v, err := h.Looked(ctx, by, handle)
		if err != nil {
			return err
		}
		if at, reason = v.Case, v.Reason; at == "" {
			return &care.Error{Kind: care.NotFound, Text: "There is nobody to record a call for"}
		}
	}
	call.ID = callID(by, id, handle, call)
	call.At, call.By = h.now(), by.Who()
	return h.update(ctx, func(tx *store.Tx) error {
		a, c, err := h.called(tx, by, id, at, reason)
		if err != nil {
			return err
		}
		if !steps.BackAt.IsZero() {
			call.CallBack = onceID(call.ID, by, "call-back")
		}
		if c, err = h.carry(tx, a, c, policy.RecordCall, care.RecordCall{Call: call}); err != nil {
			return err
		}
		return h.afterCall(tx, by, c, call, steps)
	})
}

// called begins the use case of a call: on a case, or after a look-up, which declares
// an interest.
func (h *Hub) called(tx *store.Tx, by care.Actor, id, at care.CaseID, reason Reason) (*asking, care.Case, error) {
	if id != "" {
		return h.named(tx, by, policy.RecordCall, id, h.now())
	}
	c, err := h.living(tx, at)
	if err != nil {
		return nil, c, err
	}
	a := h.ask(by, policy.RecordCall, nil, LookRequest{Reason: reason}.purpose(), "", h.now())
	a.declared = true
	a.about(c, a.record.At)
	return a, c, a.onto(tx, a.record.At)
}

// afterCall does what follows from a call, each step as far as the caller may.
func (h *Hub) afterCall(tx *store.Tx, by care.Actor, c care.Case, call care.Call, steps CallSteps) error {
	try := func(action policy.Action, audience care.Audience, cmd care.Command) error {
		a := h.ask(by, action, &c, policy.DischargePlanning, "", h.now())
		if err := a.onto(tx, h.now()); err != nil {
			return err
		}
		a.context.Audience = policy.Audience(audience)
		if _, err := care.Decide(c, by, cmd, h.now()); err != nil || !a.allowed(action) {
			return nil
		}
		a.record.Sections, a.record.Policies = nil, nil // carry asks again
		var err error
		c, err = h.carry(tx, a, c, action, cmd)
		return err
	}
	if steps.TellWard {
		n := care.Note{ID: onceID(call.ID, by, "ward"), Audience: care.AudienceBoth, Text: h.wardWords(call)}
		if err := try(policy.AddNote, care.AudienceBoth, care.AddNote{Note: n}); err != nil {
			return err
		}
	}
	if !steps.BackAt.IsZero() {
		own := care.AudienceHospital
		if by.OrgKind == care.Council {
			own = care.AudienceCouncil
		}
		t := care.Task{ID: call.CallBack, Audience: own, Text: "Ring " + call.ProviderName + " again", Due: steps.BackAt, About: call.ID}
		if err := try(policy.SetTask, own, care.CallBack{Task: t}); err != nil {
			return err
		}
	}
	for _, k := range c.Clients {
		if k.Council != call.Council || k.Provider != call.Provider || !k.Ended.IsZero() {
			continue
		}
		if err := try(policy.TellProvider, "", care.Acknowledge{ID: k.ID, Who: call.Spoke}); err != nil {
			return err
		}
		if cmd, ok := heardOf(k, call); ok {
			if err := try(policy.TellProvider, "", cmd); err != nil {
				return err
			}
		}
	}
	return nil
}

// heardOf is the answer to a restart that a call brought.
func heardOf(k care.Client, call care.Call) (care.AnswerRestart, bool) {
	x := care.AnswerRestart{ID: k.ID, Who: call.Spoke, Text: call.Text}
	switch {
	case k.Restart == nil && k.Suspended.IsZero():
		return x, false
	case call.Outcome == "restart":
		x.Answer, x.Earliest = care.RestartYes, call.RestartAt
		return x, true
	case call.Outcome == "cannot":
		x.Answer = care.RestartNo
		if x.Text == "" {
			x.Text = "Said by telephone"
		}
		return x, true
	}
	return x, false
}

// wardWords is a call in the words of a note for both sides.
func (h *Hub) wardWords(call care.Call) string {
	text := call.ProviderName + ": " + care.CallOutcome(call.Outcome)
	if !call.RestartAt.IsZero() {
		text += " on " + call.RestartAt.In(h.Zone).Format("02-Jan-2006 at 15:04")
	}
	if call.Spoke != "" {
		text += ". Spoke to " + call.Spoke
	}
	if call.Text != "" {
		text += ". " + call.Text
	}
	return text
}
