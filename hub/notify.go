package hub

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// NoticeKind is what sort of thing a notification is about: what a user chooses by
// whether it is told at once, and what is told only once an hour about one person.
type NoticeKind string

// The kinds of notification.
const (
	NoticeReferral  NoticeKind = "referral"
	NoticeNudge     NoticeKind = "nudge"
	NoticeTask      NoticeKind = "task"
	NoticeMention   NoticeKind = "mention"
	NoticeChange    NoticeKind = "change" // readiness, predicted date, ward
	NoticeArranging NoticeKind = "arranging"
	NoticeProvider  NoticeKind = "provider"
	NoticeApproval  NoticeKind = "approval"
	NoticeSevere    NoticeKind = "severe" // escalated, a concern, a death: never held back
)

// NoticeKinds lists the kinds in the order of the settings page, with their words.
func NoticeKinds() []struct {
	Kind NoticeKind
	Say  string
} {
	return slices.Clone(noticeKinds)
}

var noticeKinds = []struct {
	Kind NoticeKind
	Say  string
}{
	{NoticeSevere, "Urgent: escalated, a safeguarding concern, a death"}, {NoticeReferral, "Referrals"}, {NoticeNudge, "Requests to act"},
	{NoticeTask, "Tasks"}, {NoticeMention, "Mentions in notes"}, {NoticeChange, "Changes of readiness, predicted date or ward"},
	{NoticeArranging, "Requests for care"}, {NoticeProvider, "Care providers"}, {NoticeApproval, "Approval of assessments"},
}

// A noticeRule is one thing of which somebody is notified. words names no person.
type noticeRule struct {
	what  string // its stable name
	kind  NoticeKind
	words string
	tab   string // of the case, where it is to be seen
	// who says of an event whom it is for, and by ref the part of the case that it is
	// about; no owners: the event is not this rule's.
	who func(c care.Case, e care.Event) (to []care.Owner, ref string)
	// sees reports whether a reader may know of it, asked when it is made and again
	// whenever it is shown.
	sees func(a *asking, c care.Case, ref string) bool
}

// noticeRules is the table of what is notified to whom.
var noticeRules = []noticeRule{
	{"received", NoticeReferral, "A referral came to you", "referral", referralCame, seesNoticedReferral},
	{"answered", NoticeReferral, "The missing information of a referral came", "referral", referralAnswered, seesNoticedReferral},
	{"returned", NoticeReferral, "A referral came back: more information is needed", "referral", referralBack, seesNoticedReferral},
	{"accepted", NoticeReferral, "A referral that you sent was accepted", "referral", referralAccepted, seesNoticedReferral},
	{"allocated", NoticeReferral, "A referral was allocated to you", "referral", referralAllocated, seesNoticedReferral},
	{"held", NoticeReferral, "A referral was put on hold", "referral", referralHeld, seesNoticedReferral},
	{"transferred", NoticeReferral, "A referral that you sent was transferred to another council", "referral", referralTransferred, seesNoticedReferral},
	{"withdrawn", NoticeReferral, "A referral was withdrawn", "referral", referralWithdrawn, seesNoticedReferral},
	{"paper", NoticeReferral, "A document was shared with you", "referral", paperCame, seesNoticedPaper},
	{"died", NoticeSevere, "Somebody whose case you work on has died", "timeline", personDied, seesPerson},
	{"nudged", NoticeNudge, "You were asked to act on a referral", "referral", nudged, seesNoticedReferral},
	{"escalated", NoticeSevere, "Three requests to act on a referral went without action", "referral", escalated, seesNoticedReferral},
	{"mentioned", NoticeMention, "A note mentions you or your team", "notes", mentionedIn, seesNoticedNote},
	{"task-set", NoticeTask, "A task was given to you or your team", "tasks", taskGiven, seesNoticedTask},
	{"task-ended", NoticeTask, "A task that you set has ended", "tasks", taskEnded, seesNoticedTask},
	{taskDue, NoticeTask, "A task is due on a case of yours", "tasks", nil, seesNoticedTask},
	{"ready", NoticeChange, "Somebody is ready to leave hospital", "timeline", stayChanged[care.BecameReady], seesStays},
	{"not-ready", NoticeChange, "Somebody is no longer ready to leave hospital", "timeline", stayChanged[care.NoLongerReady], seesStays},
	{"expected", NoticeChange, "A predicted date of discharge changed", "timeline", stayChanged[care.ExpectedChanged], seesStays},
	{"moved", NoticeChange, "Somebody moved to another ward", "timeline", stayChanged[care.Moved], seesStays},
	{"left", NoticeChange, "Somebody left hospital", "timeline", stayChanged[care.Discharged], seesStays},
	{"at-risk", NoticeArranging, "Offers of care are at risk", "arranging", requestDid(care.RequestAtRisk), seesRisk},
	{"replied", NoticeArranging, "A provider answered your request for care", "arranging", requestDid(care.RequestReplied), seesRequest},
	{"reopened", NoticeArranging, "Booked care fell through", "arranging", requestDid(care.RequestReopened), seesRequest},
	{"provider", NoticeProvider, "A care provider answered", "care", providerAnswered, seesClient},
	{concernCame, NoticeSevere, "A safeguarding concern was raised", "concern", concernRaised, seesConcernOf},
	{approvalWaits, NoticeApproval, "An assessment waits for your approval", "assessments", nil, func(a *asking, _ care.Case, _ string) bool { return a.may[policy.ApproveAssessment] }},
	{assessReturned, NoticeApproval, "An assessment that you wrote was returned with comments", "assessments", nil, seesWriting},
	{assessApproved, NoticeApproval, "An assessment that you wrote was approved", "assessments", nil, seesWriting},
}

// The rules that no event brings: time does, or another use case (notifyUser).
const (
	taskDue        = "task-due"
	approvalWaits  = "approval"
	assessReturned = "assessment-returned"
	assessApproved = "assessment-approved"
)

// concernCame is the rule of which somebody may be notified who has no other part in the
// case.
const concernCame = "concern"

func noticeRuleOf(what string) (noticeRule, bool) {
	i := slices.IndexFunc(noticeRules, func(r noticeRule) bool { return r.what == what })
	if i < 0 {
		return noticeRule{}, false
	}
	return noticeRules[i], true
}

// noticedReferral is the referral of a case by its name, if it is there.
func noticedReferral(c care.Case, id care.ReferralID) (care.Referral, bool) {
	i := slices.IndexFunc(c.Referrals, func(r care.Referral) bool { return r.ID == id })
	if i < 0 {
		return care.Referral{}, false
	}
	return c.Referrals[i], true
}

func holderOwner(h care.Holder) care.Owner { return care.Owner{Org: h.Org, Team: h.Team, Who: h.Who} }

// senderOf is who sent a referral, as an owner.
func senderOf(c care.Case, id care.ReferralID) []care.Owner {
	if r, ok := noticedReferral(c, id); ok {
		return []care.Owner{{Org: r.From, Who: r.SentBy}}
	}
	return nil
}

func referralCame(_ care.Case, e care.Event) ([]care.Owner, string) {
	if x, ok := e.(care.ReferralReceived); ok && x.Reference == "" {
		return []care.Owner{holderOwner(x.Holder)}, string(x.ID)
	}
	return nil, ""
}

func referralAnswered(_ care.Case, e care.Event) ([]care.Owner, string) {
	if x, ok := e.(care.ReferralAnswered); ok {
		return []care.Owner{holderOwner(x.Holder)}, string(x.ID)
	}
	return nil, ""
}

func referralBack(_ care.Case, e care.Event) ([]care.Owner, string) {
	if x, ok := e.(care.ReferralReturned); ok {
		return []care.Owner{holderOwner(x.Holder)}, string(x.ID)
	}
	return nil, ""
}

func referralAccepted(c care.Case, e care.Event) ([]care.Owner, string) {
	if x, ok := e.(care.ReferralAccepted); ok {
		return senderOf(c, x.ID), string(x.ID)
	}
	return nil, ""
}

func referralAllocated(_ care.Case, e care.Event) ([]care.Owner, string) {
	if x, ok := e.(care.ReferralAllocated); ok {
		return []care.Owner{{Org: x.Worker.Org, Who: x.Worker}}, string(x.ID)
	}
	return nil, ""
}

func referralHeld(c care.Case, e care.Event) ([]care.Owner, string) {
	if x, ok := e.(care.ReferralHeld); ok {
		return senderOf(c, x.ID), string(x.ID)
	}
	return nil, ""
}

func referralTransferred(c care.Case, e care.Event) ([]care.Owner, string) {
	if x, ok := e.(care.ReferralTransferred); ok {
		return senderOf(c, x.ID), string(x.ID)
	}
	return nil, ""
}

func referralWithdrawn(c care.Case, e care.Event) ([]care.Owner, string) {
	x, ok := e.(care.ReferralEnded)
	if !ok || x.State != care.RefWithdrawn && x.State != care.RefCancelled {
		return nil, ""
	}
	return workersOf(c, x.ID), string(x.ID)
}

// workersOf are those who work on a referral for the council: its worker, or else
// the team that has it.
func workersOf(c care.Case, id care.ReferralID) []care.Owner {
	r, ok := noticedReferral(c, id)
	switch {
	case !ok || r.To == "":
		return nil
	case r.Worker.ID != "":
		return []care.Owner{{Org: r.To, Who: r.Worker}}
	case r.Holder.Org == r.To:
		return []care.Owner{holderOwner(r.Holder)}
	}
	return []care.Owner{{Org: r.To}}
}

func paperCame(c care.Case, e care.Event) ([]care.Owner, string) {
	x, ok := e.(care.PaperShared)
	if !ok {
		return nil, ""
	}
	r, ok := noticedReferral(c, x.Paper.Referral)
	if !ok {
		return nil, ""
	}
	if x.Paper.By.Org == r.To {
		return senderOf(c, r.ID), x.Paper.ID
	}
	return workersOf(c, r.ID), x.Paper.ID
}

func personDied(c care.Case, e care.Event) (to []care.Owner, ref string) {
	x, ok := e.(care.PersonDied)
	if !ok {
		return nil, ""
	}
	for _, r := range c.Referrals { // the death itself ended those that were open
		if r.Open() || !r.Ended.Before(x.When()) || r.State == care.RefDied {
			to = append(to, workersOf(c, r.ID)...)
		}
	}
	return to, ""
}

func nudged(_ care.Case, e care.Event) ([]care.Owner, string) {
	if x, ok := e.(care.Nudged); ok {
		return []care.Owner{x.Nudge.To}, string(x.Nudge.Referral)
	}
	return nil, ""
}

func escalated(_ care.Case, e care.Event) ([]care.Owner, string) {
	if x, ok := e.(care.Nudged); ok && x.Nudge.Escalated {
		return []care.Owner{{Org: x.Nudge.To.Org}}, string(x.Nudge.Referral)
	}
	return nil, ""
}

func mentionedIn(_ care.Case, e care.Event) ([]care.Owner, string) {
	if x, ok := e.(care.NoteAdded); ok {
		return x.Note.Mentions, x.Note.ID
	}
	return nil, ""
}

func taskGiven(_ care.Case, e care.Event) ([]care.Owner, string) {
	x, ok := e.(care.TaskChanged)
	switch t := x.Task; {
	case !ok || x.Did != care.TaskSet && x.Did != care.TaskGiven || t.Kind == care.TaskEscalated:
		return nil, ""
	case t.By.ID == "" && t.Owner.Who.ID == "" && t.Owner.Team == "": // a rule's, for whoever is on duty: it stands on their list, and is told when it falls due
		return nil, ""
	}
	return []care.Owner{x.Task.Owner}, x.Task.ID
}

func taskEnded(_ care.Case, e care.Event) ([]care.Owner, string) {
	x, ok := e.(care.TaskChanged)
	if !ok || x.Did != care.TaskDone && x.Did != care.TaskDropped || x.Task.By.ID == "" {
		return nil, ""
	}
	return []care.Owner{{Org: x.Task.By.Org, Who: x.Task.By}}, x.Task.ID
}

// stayChanged tells the workers of a person's open referrals of one type of event.
func stayChanged[E care.Event](c care.Case, e care.Event) (to []care.Owner, ref string) {
	if _, ok := e.(E); !ok || c.Died != nil {
		return nil, ""
	}
	for _, r := range c.Referrals {
		if r.Open() && r.Worker.ID != "" {
			to = append(to, care.Owner{Org: r.To, Who: r.Worker})
		}
	}
	return to, ""
}

// requestDid tells whoever made a request for care of one thing that happened to it.
func requestDid(did care.RequestDid) func(care.Case, care.Event) ([]care.Owner, string) {
	return func(_ care.Case, e care.Event) ([]care.Owner, string) {
		x, ok := e.(care.RequestChanged)
		if !ok || x.Did != did {
			return nil, ""
		}
		return []care.Owner{{Org: x.Request.Council, Who: x.Request.By}}, x.Request.ID
	}
}

func providerAnswered(c care.Case, e care.Event) (to []care.Owner, ref string) {
	x, ok := e.(care.ClientChanged)
	if !ok || x.Did != care.ClientAnswered {
		return nil, ""
	}
	if x.Client.Restart != nil && x.Client.Restart.By.ID != "" {
		to = append(to, care.Owner{Org: x.Client.Restart.By.Org, Who: x.Client.Restart.By})
	}
	for _, r := range c.Referrals {
		if r.Open() && r.To == x.Client.Council {
			to = append(to, workersOf(c, r.ID)...)
		}
	}
	return to, x.Client.ID
}

func concernRaised(_ care.Case, e care.Event) ([]care.Owner, string) {
	if x, ok := e.(care.ConcernChanged); ok && x.Concern.State == care.ConcernRaised {
		return []care.Owner{{Org: x.Concern.To}}, x.Concern.ID
	}
	return nil, ""
}

func seesPerson(a *asking, _ care.Case, _ string) bool { return a.may[policy.SeeDemographics] }

func seesNoticedReferral(a *asking, c care.Case, ref string) bool {
	r, ok := noticedReferral(c, care.ReferralID(ref))
	return ok && a.may[policy.SeeReferral] && a.seesReferral(r)
}

func seesNoticedPaper(a *asking, c care.Case, ref string) bool {
	return a.may[policy.SeeReferral] && slices.ContainsFunc(a.seenPapers(c), func(p care.Paper) bool { return p.ID == ref })
}

func seesNoticedNote(a *asking, c care.Case, ref string) bool {
	return slices.ContainsFunc(a.seenNotes(c, a.audiences()), func(n care.Note) bool { return n.ID == ref })
}

func seesNoticedTask(a *asking, c care.Case, ref string) bool {
	return slices.ContainsFunc(c.Tasks, func(t care.Task) bool { return t.ID == ref && a.seesTask(t, a.taskSees()) })
}

// seesStays reports whether the reader sees where the person is, or was a moment ago.
func seesStays(a *asking, c care.Case, _ string) bool {
	return a.may[policy.SeeWhereabouts] && (c.Stay != nil || len(c.Past) > 0) && a.sharesStays(c)
}

// seesRisk is seesRequest of what tells when somebody is to leave.
func seesRisk(a *asking, c care.Case, ref string) bool {
	return seesRequest(a, c, ref) && a.sharesStays(c)
}

func seesRequest(a *asking, c care.Case, ref string) bool {
	return a.may[policy.SeeArranging] && slices.ContainsFunc(c.Requests, func(r care.Request) bool { return r.ID == ref && r.Council == a.by.Org })
}

func seesClient(a *asking, c care.Case, ref string) bool {
	return slices.ContainsFunc(c.Clients, func(x care.Client) bool { return x.ID == ref && a.seesClient(x) })
}

func seesConcernOf(a *asking, c care.Case, ref string) bool {
	return a.may[policy.SeeConcern] && slices.ContainsFunc(c.Concerns, func(x care.Concern) bool { return x.ID == ref && x.To == a.by.Org })
}

func seesWriting(a *asking, _ care.Case, _ string) bool { return a.may[policy.WriteAssessment] }

// noticeActions are what is decided before a notification is made or shown.
var noticeActions = []policy.Action{policy.SeeDemographics, policy.SeeTimeline, policy.SeeReferral, policy.SeeWhereabouts, policy.SeeArranging,
	policy.SeeConcern, policy.WriteAssessment, policy.ApproveAssessment, policy.SeeProvider}

// notices reports whether a reader may know of what a rule tells.
func (a *asking) notices(tx *store.Tx, c care.Case, what, ref string, now time.Time) (noticeRule, bool, error) {
	rule, ok := noticeRuleOf(what)
	if !ok {
		return rule, false, nil
	}
	if err := a.onto(tx, now); err != nil {
		return rule, false, err
	}
	a.decide(noticeActions...)
	// Whoever must look into a concern need have no other part in the case.
	return rule, (a.opens() || what == concernCame) && rule.sees(a, c, ref), nil
}

// recordNotice is the kind of record that a notification is kept as.
const recordNotice = "notification"

// The states of a notification.
const (
	noticeUnread = "unread"
	noticeRead   = "read"
)

// noticeApart is how long further changes of a kind about a person are folded into
// the first (the noise rule); noticeKept how long a notification is kept.
const (
	noticeApart = time.Hour
	noticeKept  = 90 * 24 * time.Hour
)

// A notice is what is kept of a notification: no words and no names.
type notice struct {
	Kind   NoticeKind `json:"kind"`
	What   string     `json:"what"`
	Ref    string     `json:"ref,omitempty"`
	N      int        `json:"n"`    // changes
	Last   time.Time  `json:"last"` // of the newest of them
	Severe bool       `json:"severe,omitempty"`
}

// folds reports whether a change at a time is one more of a notification that
// began at first, and is not a notification of its own.
func folds(had notice, first time.Time, n notice) bool {
	return !n.Severe && had.Kind == n.Kind && !n.Last.Before(first) && n.Last.Sub(first) < noticeApart
}

// and is a notification with one more change folded in.
func (n notice) and(x notice) notice {
	x.N += n.N
	return x
}

// toNotify is one notification before it is kept.
type toNotify struct {
	user care.ActorID
	org  nhs.ODS
	of   care.CaseID
	notice
}

// onDuty says which role looks after something that is the organisation's and
// nobody's by name: its brokers where a care provider must be spoken to.
func onDuty(c care.Case, what, ref string) func(care.Role) bool {
	if what == taskDue && slices.ContainsFunc(c.Tasks, func(t care.Task) bool { return t.ID == ref && t.Kind == care.TaskProvider }) {
		return func(r care.Role) bool { return r == care.Broker }
	}
	return leads
}

// recipients are the accounts that an owner means, each as who they are there: the
// person; the team; else whoever is on duty in the organisation, and where nobody
// is, whoever leads its work.
func (h *Hub) recipients(accounts []care.Account, o care.Owner, duty func(care.Role) bool) []care.Actor {
	if out := h.meant(accounts, o, duty); len(out) > 0 || o.Org == "" {
		return out
	}
	return h.meant(accounts, care.Owner{Org: o.Org}, leads) // has left, nobody is in the team, or none has the role: never nobody's
}

func (h *Hub) meant(accounts []care.Account, o care.Owner, duty func(care.Role) bool) (out []care.Actor) {
	as := func(a care.Account, g care.Grant) {
		org := h.Org(g.Org)
		out = append(out, care.Actor{ID: a.ID, Name: a.Name, Role: g.Role, Org: g.Org, OrgName: org.Name, OrgKind: org.Kind, Team: g.Team, Ward: g.Ward})
	}
	for _, a := range accounts {
		if a.Disabled {
			continue
		}
		i := slices.IndexFunc(a.Grants, func(g care.Grant) bool {
			switch {
			case g.Org != o.Org || !worksCases(g.Role):
				return false
			case o.Who.ID != "":
				return o.Who.ID == a.ID
			case o.Team != "" && o.Team != care.Unresolved:
				return g.Team == o.Team
			}
			return duty(g.Role)
		})
		if i >= 0 {
			as(a, a.Grants[i])
		}
	}
	return out
}

// noticeFor works out the notifications of one thing for some owners: for each who
// may know of it, but not for who did it.
func (h *Hub) noticeFor(tx *store.Tx, accounts []care.Account, c care.Case, what, ref string, to []care.Owner, except care.ActorID, at time.Time) ([]toNotify, error) {
	var out []toNotify
	for _, o := range to {
		for _, by := range h.recipients(accounts, o, onDuty(c, what, ref)) {
			if by.ID == except || slices.ContainsFunc(out, func(n toNotify) bool { return n.user == by.ID && n.org == by.Org }) {
				continue
			}
			a := h.ask(by, "notify", &c, policy.DischargePlanning, "", h.now())
			rule, sees, err := a.notices(tx, c, what, ref, h.now())
			if err != nil {
				return nil, err
			}
			if sees {
				out = append(out, toNotify{user: by.ID, org: by.Org, of: c.ID,
					notice: notice{Kind: rule.kind, What: what, Ref: ref, N: 1, Last: at, Severe: rule.kind == NoticeSevere}})
			}
		}
	}
	return out, nil
}

// notifyUser notifies an owner of something that no event of a case tells: what is
// a name of noticeRules, ref the part that it is about. Whoever except names did it.
func (h *Hub) notifyUser(tx *store.Tx, c care.Case, what, ref string, to care.Owner, except care.ActorID, now time.Time) error {
	accounts, err := tx.Users()
	if err != nil {
		return err
	}
	list, err := h.noticeFor(tx, accounts, c, what, ref, []care.Owner{to}, except, now)
	if err != nil {
		return err
	}
	return h.putNotices(tx, list)
}

// putNotices keeps notifications, folding those that the noise rule folds, and says
// when each user's mail and each organisation's webhook are due.
func (h *Hub) putNotices(tx *store.Tx, list []toNotify) error {
	for _, n := range list {
		if err := h.putNotice(tx, n); err != nil {
			return err
		}
	}
	return nil
}

func (h *Hub) putNotice(tx *store.Tx, n toNotify) error {
	had, err := tx.KeptAll(store.RecordQuery{Kind: recordNotice, Org: string(n.org), Case: n.of, Owner: string(n.user), Newest: true, Limit: 20})
	if err != nil {
		return err
	}
	r := store.Record{Kind: recordNotice, Org: string(n.org), ID: newID(), Case: n.of, Owner: string(n.user), At: n.Last}
	fresh := true
	for _, x := range had {
		var was notice
		if err := json.Unmarshal(x.Doc, &was); err != nil {
			return fmt.Errorf("reading a notification: %w", err)
		}
		if folds(was, x.At, n.notice) {
			r, n.notice, fresh = x, was.and(n.notice), false
			break
		}
	}
	r.State = noticeUnread
	if r.Doc, err = json.Marshal(n.notice); err != nil {
		return err
	}
	if _, err = tx.PutRecord(r); err != nil || !fresh {
		return err // what is folded in is not sent by itself
	}
	return cmp.Or(h.mailLater(tx, n), h.hookLater(tx, n))
}

// noticeCursor is the setting that holds how far history was notified; dueCursor
// until when tasks that fell due were.
const (
	noticeCursor = "notified-to"
	dueCursor    = "tasks-due-to"
	noticeBatch  = 64 // entries of history looked through at once
)

// beginNotices puts the cursors where history ends, the first time.
func (h *Hub) beginNotices(ctx context.Context) error {
	return h.update(ctx, func(tx *store.Tx) error {
		seq, err := tx.Seq()
		if err != nil {
			return err
		}
		for name, value := range map[string]int64{noticeCursor: seq, dueCursor: h.now().UnixMicro()} {
			had, err := tx.Setting(name)
			if err != nil {
				return err
			}
			if had == "" {
				if err := tx.PutSetting(name, strconv.FormatInt(value, 10)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// noticeLoop follows history, until ctx ends.
func (h *Hub) noticeLoop(ctx context.Context) {
	var pruned time.Time
	for ctx.Err() == nil {
		moved := h.Store.Wait()
		n, err := h.NotifyNews(ctx)
		if err == nil && n == 0 {
			err = h.notifyDue(ctx)
		}
		if now := h.now(); err == nil && now.Sub(pruned) > time.Hour {
			pruned = now
			err = h.update(ctx, func(tx *store.Tx) error {
				return tx.DropKeptAll(store.RecordQuery{Kind: recordNotice, AtBefore: now.Add(-noticeKept)})
			})
		}
		switch {
		case err != nil && ctx.Err() == nil:
			h.Log.Error("notifying of what happened", "err", err)
			h.pause(ctx, nil, 5*time.Second)
		case n == 0:
			h.pause(ctx, moved, time.Minute)
		}
	}
}

// NotifyNews makes notifications of what happened since it was last called, by any
// process, and says how many entries of history it went through.
func (h *Hub) NotifyNews(ctx context.Context) (int, error) {
	return follow(ctx, h, follower[[]toNotify]{cursor: noticeCursor, atOnce: noticeBatch, begin: h.beginNotices,
		find: func(tx *store.Tx, entries []care.Entry) ([]toNotify, int, error) {
			list, err := h.noticesOf(tx, entries)
			return list, len(entries), err
		},
		keep: func(tx *store.Tx, _ []care.Entry, list []toNotify) error { return h.putNotices(tx, list) }})
}

// moveNotices keeps notifications and moves a cursor, unless another process moved
// it first.
func (h *Hub) moveNotices(ctx context.Context, cursor, before, after string, list []toNotify) error {
	return h.update(ctx, func(tx *store.Tx) error {
		now, err := tx.Setting(cursor)
		if err != nil || now != before {
			return err
		}
		if err := h.putNotices(tx, list); err != nil {
			return err
		}
		return tx.PutSetting(cursor, after)
	})
}

// noticesOf works out the notifications of some entries.
func (h *Hub) noticesOf(tx *store.Tx, entries []care.Entry) (out []toNotify, err error) {
	var accounts []care.Account
	cases := map[care.CaseID]care.Case{}
	for _, e := range news(entries) {
		for _, rule := range noticeRules {
			if rule.who == nil {
				continue
			}
			if to, _ := rule.who(care.Case{}, e.Event); to == nil && !needsCase(e.Event) {
				continue
			}
			c, known := cases[e.Case]
			if !known {
				if c, err = tx.Case(e.Case); err != nil && care.KindOf(err) != care.NotFound {
					return nil, err
				}
				cases[e.Case] = c
			}
			to, ref := rule.who(c, e.Event)
			if c.ID == "" || c.JoinedTo != "" || len(to) == 0 {
				continue // erased, or told by the one that it was joined to
			}
			if accounts == nil {
				if accounts, err = tx.Users(); err != nil {
					return nil, err
				}
			}
			list, err := h.noticeFor(tx, accounts, c, rule.what, ref, to, e.Cause.By.ID, e.Recorded)
			if err != nil {
				return nil, err
			}
			out = append(out, list...)
		}
	}
	return out, nil
}

// needsCase reports whether whom an event is for depends on the case.
func needsCase(e care.Event) bool {
	switch e.(type) {
	case care.ReferralAccepted, care.ReferralHeld, care.ReferralTransferred, care.ReferralEnded, care.PaperShared, care.PersonDied,
		care.BecameReady, care.NoLongerReady, care.ExpectedChanged, care.Moved, care.Discharged, care.ClientChanged:
		return true
	}
	return false
}

// notifyDue notifies of tasks that fell due since the last time.
func (h *Hub) notifyDue(ctx context.Context) error {
	var list []toNotify
	var before string
	now := h.now()
	err := h.Store.View(ctx, func(tx *store.Tx) (err error) {
		list = nil
		if before, err = tx.Setting(dueCursor); err != nil || before == "" {
			return err
		}
		from, err := strconv.ParseInt(before, 10, 64)
		if err != nil {
			return fmt.Errorf("reading until when tasks were notified: %w", err)
		}
		threads, err := tx.Threads(store.ThreadQuery{Kind: care.TaskThread, States: []string{care.TaskOpen}, DueFrom: time.UnixMicro(from), DueBefore: now})
		if err != nil || len(threads) == 0 {
			return err
		}
		accounts, err := tx.Users()
		if err != nil {
			return err
		}
		for _, x := range threads {
			c, err := tx.Case(x.Case)
			if err != nil {
				return err
			}
			i := slices.IndexFunc(c.Tasks, func(t care.Task) bool { return t.ID == x.ID })
			if i < 0 {
				continue
			}
			more, err := h.noticeFor(tx, accounts, c, taskDue, x.ID, []care.Owner{c.Tasks[i].Owner}, "", now)
			if err != nil {
				return err
			}
			list = append(list, more...)
		}
		return nil
	})
	if err != nil || len(list) == 0 && now.UnixMicro()-micros(before) < time.Hour.Microseconds() {
		return h.unavailable(err)
	}
	return h.moveNotices(ctx, dueCursor, before, strconv.FormatInt(now.UnixMicro(), 10), list)
}

func micros(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}
