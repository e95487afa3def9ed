package hub

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/policy"
	"homeward/retention"
	"homeward/store"
)

// RetentionView is what is due to be erased, as far as a reader may review it,
// and by which schedule.
type RetentionView struct {
	At       time.Time
	Schedule retention.Schedule
	Items    []DueItem
	Next     care.CaseID // where the next page begins; "" at the end
	Held     int         // old enough on this page, and held by something that is open
	Erased   int         // how many people were erased so far, in all
}

// DueItem is a person, or rows in quarantine, whose time is over.
type DueItem struct {
	Item    string // names it for the commands
	Case    care.CaseID
	Import  int64     // of rows in quarantine; 0 for a person
	Last    time.Time // last contact, or when the import ran
	Why     string
	State   ReviewState // "": nobody has looked at it
	By      care.Who    // who decided so
	Decided time.Time
	Until   time.Time // kept until
	Reason  string
	Mine    bool // the reader proposed it, so another must agree
}

// ReviewState is what was decided about an item; "" is nothing.
type ReviewState = store.ReviewState

// What may have been decided about an item.
const (
	ReviewKeep     = store.ReviewKeep     // kept until a day
	ReviewProposed = store.ReviewProposed // to be erased, when another lead agrees
)

// duePage is how many candidates a page of the review list looks at.
const duePage = 200

// ReviewList is the review list: whose time is over, after a case. Nothing on it
// goes by itself. A lead of one organisation sees persons that carry a number of
// its, and rows of its own extracts.
func (h *Hub) ReviewList(ctx context.Context, by care.Actor, after care.CaseID) (RetentionView, error) {
	now := h.now()
	var v RetentionView
	err := h.operating(ctx, by, policy.ReviewRetention, "review list", "", func(tx *store.Tx) (err error) {
		v = RetentionView{At: now, Schedule: h.Config.Retention}
		es, err := tx.Erasures()
		if err != nil {
			return err
		}
		v.Erased = len(es)
		reviews, err := tx.Reviews("")
		if err != nil {
			return err
		}
		if after == "" {
			if err := h.dueImports(tx, by, reviews, &v); err != nil {
				return err
			}
		}
		return h.dueCases(tx, by, after, reviews, &v)
	})
	return v, err
}

func (h *Hub) dueCases(tx *store.Tx, by care.Actor, after care.CaseID, reviews map[string]store.Review, v *RetentionView) error {
	rule := v.Schedule.Rule(retention.Case)
	if rule.Goes != retention.ByReview {
		return nil
	}
	aged, err := tx.Aged(rule.Keep.Before(v.At).Add(time.Microsecond), string(auditFor(by)), after, duePage)
	if err != nil {
		return err
	}
	for _, a := range aged {
		c, err := tx.Case(a.Case)
		if err != nil {
			return err
		}
		due, why := v.Schedule.Due(c, a.Recorded, v.At)
		if !due {
			v.Held++
			continue
		}
		v.Items = append(v.Items, DueItem{Item: string(c.ID), Case: c.ID, Last: retention.LastContact(c, a.Recorded), Why: why}.reviewed(reviews, by, v.At))
	}
	if len(aged) == duePage {
		v.Next = aged[len(aged)-1].Case
	}
	return nil
}

func (h *Hub) dueImports(tx *store.Tx, by care.Actor, reviews map[string]store.Review, v *RetentionView) error {
	rule := v.Schedule.Rule(retention.Quarantine)
	if rule.Goes != retention.ByReview {
		return nil
	}
	imports, err := tx.AgedImports(rule.Keep.Before(v.At).Add(time.Microsecond), duePage)
	for _, i := range imports {
		if by.OrgKind == care.System || i.Council == by.Org {
			v.Items = append(v.Items, DueItem{Item: store.ImportItem(i.ID), Import: int64(i.ID), Last: i.Started,
				Why: fmt.Sprintf("%d rows of an extract that could not be taken, %s old", i.Quarantined, rule.Keep)}.reviewed(reviews, by, v.At))
		}
	}
	return err
}

// reviewed is an item with what was decided about it. A time for which it was
// kept and that is over counts for nothing.
func (i DueItem) reviewed(reviews map[string]store.Review, by care.Actor, now time.Time) DueItem {
	r, ok := reviews[i.Item]
	if !ok || r.State == store.ReviewKeep && !r.Until.After(now) {
		return i
	}
	i.State, i.By, i.Decided, i.Until, i.Reason, i.Mine = r.State, r.By, r.At, r.Until, r.Reason, r.By.ID == by.ID
	return i
}

// due finds an item that the reader may review; care.NotFound when there is
// none, or when it is not due.
func (h *Hub) due(tx *store.Tx, by care.Actor, item string, now time.Time) (DueItem, error) {
	gone := &care.Error{Kind: care.NotFound, Text: "This is not on your review list. Somebody may have decided about it, or heard of the person again"}
	reviews, err := tx.Reviews(item)
	if err != nil {
		return DueItem{}, err
	}
	if strings.HasPrefix(item, "import:") {
		v := RetentionView{At: now, Schedule: h.Config.Retention}
		err := h.dueImports(tx, by, reviews, &v)
		if i := slices.IndexFunc(v.Items, func(d DueItem) bool { return d.Item == item }); i >= 0 {
			return v.Items[i], err
		}
		return DueItem{}, firstOf(err, gone)
	}
	c, err := tx.Case(care.CaseID(item))
	if care.KindOf(err) == care.NotFound {
		return DueItem{}, gone
	}
	if err != nil {
		return DueItem{}, err
	}
	if own := auditFor(by); own != "" && !slices.Contains(h.facts(c, now).NumberedBy, string(own)) {
		return DueItem{}, gone
	}
	recorded, err := tx.Recorded(c.ID)
	if err != nil {
		return DueItem{}, err
	}
	due, why := h.Config.Retention.Due(c, recorded, now)
	if !due { // and why it is not, is of the person's care: no lead is told
		return DueItem{}, gone
	}
	return DueItem{Item: item, Case: c.ID, Last: retention.LastContact(c, recorded), Why: why}.reviewed(reviews, by, now), nil
}

func firstOf(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// reviewing decides a review of an item, audits it under the case that it is
// about, and does it in the same transaction.
func (h *Hub) reviewing(ctx context.Context, by care.Actor, item, why string, f func(*store.Tx, DueItem, time.Time) (what string, err error)) error {
	return h.update(ctx, func(tx *store.Tx) error {
		now := h.now()
		a := h.ask(by, policy.ReviewRetention, nil, policy.Governance, why, now)
		if !strings.HasPrefix(item, "import:") {
			a.record.Case = care.CaseID(item)
		}
		if !a.allowed(policy.ReviewRetention) {
			return a.refuse(tx)
		}
		d, err := h.due(tx, by, item, now)
		if care.KindOf(err) == care.NotFound {
			a.record.Case = "" // nothing says that what was typed names anybody
		}
		what := ""
		if err == nil {
			what, err = f(tx, d, now)
		}
		if e, ok := err.(*care.Error); ok {
			if err := a.audit(tx, false, "refused: "+string(e.Kind)); err != nil {
				return err
			}
			return committed{e}
		}
		if err != nil {
			return err
		}
		return a.audit(tx, true, what)
	})
}

// Due is one item of the review list, for the page that asks before a change.
func (h *Hub) Due(ctx context.Context, by care.Actor, item string) (DueItem, error) {
	var out DueItem
	err := h.reviewing(ctx, by, item, "", func(_ *store.Tx, d DueItem, _ time.Time) (string, error) {
		out = d
		return "looked at", nil
	})
	return out, err
}

// KeepLonger keeps an item until a time, for a reason.
func (h *Hub) KeepLonger(ctx context.Context, by care.Actor, item string, until time.Time, why string) error {
	if err := reasonOf(why); err != nil {
		return err
	}
	if now := h.now(); !until.After(now) || until.After(now.AddDate(20, 0, 0)) {
		return &care.Error{Kind: care.Invalid, Field: "until", Text: "Keep until must be a date in the future, within 20 years"}
	}
	return h.reviewing(ctx, by, item, why, func(tx *store.Tx, d DueItem, now time.Time) (string, error) {
		return "kept until " + until.In(h.Zone).Format("2006-01-02"), tx.PutReview(store.Review{Item: item, State: store.ReviewKeep, By: by.Who(), At: now, Until: until, Reason: strings.TrimSpace(why)})
	})
}

// ProposeErasing proposes to erase an item for good. Another lead must agree.
func (h *Hub) ProposeErasing(ctx context.Context, by care.Actor, item, why string) error {
	if err := reasonOf(why); err != nil {
		return err
	}
	return h.reviewing(ctx, by, item, why, func(tx *store.Tx, d DueItem, now time.Time) (string, error) {
		if d.State == store.ReviewProposed {
			return "", &care.Error{Kind: care.Conflict, Text: "Somebody has proposed this already"}
		}
		return "erasing proposed", tx.PutReview(store.Review{Item: item, State: store.ReviewProposed, By: by.Who(), At: now, Reason: strings.TrimSpace(why)})
	})
}

// WithdrawReview takes back what was decided about an item: then nobody has
// looked at it.
func (h *Hub) WithdrawReview(ctx context.Context, by care.Actor, item, why string) error {
	if err := reasonOf(why); err != nil {
		return err
	}
	return h.reviewing(ctx, by, item, why, func(tx *store.Tx, d DueItem, _ time.Time) (string, error) {
		if d.State == "" {
			return "", &care.Error{Kind: care.Conflict, Text: "Nothing was decided about this"}
		}
		return "decision taken back", tx.DropReview(item)
	})
}

// AgreeErasing erases an item for good that another lead proposed. Nothing
// brings it back but a backup; and whoever restores one erases it again.
func (h *Hub) AgreeErasing(ctx context.Context, by care.Actor, item string) error {
	return h.reviewing(ctx, by, item, "", func(tx *store.Tx, d DueItem, _ time.Time) (string, error) {
		switch {
		case d.State != store.ReviewProposed:
			return "", &care.Error{Kind: care.Conflict, Text: "Nobody has proposed to erase this"}
		case d.Mine:
			return "", &care.Error{Kind: care.Forbidden, Text: "You proposed this yourself. Another information governance lead must agree"}
		case d.Import != 0:
			return "quarantine erased of import " + fmt.Sprint(d.Import), errorsOf(tx.EraseQuarantine(store.ImportID(d.Import)), tx.DropReview(item))
		}
		e, err := tx.EraseCase(store.Erasure{Case: d.Case, Proposed: d.By, Agreed: by.Who(), Reason: d.Reason})
		return "erased; proposed by " + string(d.By.ID) + "; residue " + e.Residue, err
	})
}

func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// reasonOf checks a reason in words.
func reasonOf(why string) error {
	switch why = strings.TrimSpace(why); {
	case why == "":
		return &care.Error{Kind: care.Required, Field: "why", Text: "Enter why"}
	case len([]rune(why)) > 500:
		return &care.Error{Kind: care.Invalid, Field: "why", Text: "Why must be 500 characters or fewer"}
	}
	return nil
}

// EraseAgain erases those of a list who are here: after a backup was restored
// that was made before they were erased. The command that restores calls it.
func (h *Hub) EraseAgain(ctx context.Context, list []store.Erasure) (n int, err error) {
	for _, e := range list {
		err := h.update(ctx, func(tx *store.Tx) error {
			done, err := tx.EraseCase(e)
			if store.IsNone(err) {
				return err
			}
			if err != nil {
				return fmt.Errorf("record %s: %w", e.Case, err)
			}
			return tx.Audit(store.AuditRecord{At: h.now(), Actor: "operator", Action: string(policy.ReviewRetention), Case: e.Case, Allowed: true,
				Purpose: string(policy.Operations), Outcome: "erased again after a restore; residue " + done.Residue})
		})
		switch {
		case store.IsNone(err):
		case err != nil:
			return n, err
		default:
			n++
		}
	}
	return n, nil
}

// pruneJobs takes away what finished jobs told when its time is over.
func (h *Hub) pruneJobs(ctx context.Context) error {
	rule := h.Config.Retention.Rule(retention.Jobs)
	if rule.Goes != retention.ByItself {
		return nil
	}
	for {
		more := false
		err := h.Store.Update(ctx, func(tx *store.Tx) (err error) {
			more, err = tx.PruneJobs(rule.Keep.Before(h.now()))
			return err
		})
		if err != nil || !more {
			return err
		}
	}
}
