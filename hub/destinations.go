package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"homeward/care"
	"homeward/connect"
	"homeward/policy"
	"homeward/store"
)

// checkTellings checks the destinations of the configuration.
func (h *Hub) checkTellings() error {
	seen := map[string]bool{}
	for i, d := range h.Tellings {
		o, ok := h.orgs[d.Org]
		switch {
		case d.Name == "" || d.Connector == nil:
			return fmt.Errorf("a destination needs a name and a connector")
		case seen[d.Name]:
			return fmt.Errorf("destination %q is configured twice", d.Name)
		case !ok:
			return fmt.Errorf("destination %q belongs to organisation %q, which is not configured", d.Name, d.Org)
		}
		seen[d.Name] = true
		h.Tellings[i].OrgKind = o.Kind
	}
	return nil
}

// DestinationView is where telling one system stands, without anything about a
// person.
type DestinationView struct {
	Name, Title, Kind string
	Org               care.Org
	Configured        bool // false: only what is left of it is shown
	Kinds             []connect.Kind
	State             DestinationState
	Paused            time.Time
	PausedBy          string
	PausedWhy         string
	Failures          int
	NotBefore         time.Time // with Open: the next try
	LastOK, LastTry   time.Time
	Trouble           string
	Waiting, Held     int64
	Lost              int64
	Oldest            time.Time // since when the oldest has waited
}

// DestinationState is how a destination does, as one word.
type DestinationState string

// The states of a destination.
const (
	DestinationWorking DestinationState = "working"
	DestinationTrouble DestinationState = "trouble" // the last try did not get through
	DestinationOpen    DestinationState = "open"    // left alone, but for one probe at a time
	DestinationPaused  DestinationState = "paused"
	DestinationGone    DestinationState = "gone" // no longer configured
)

// DeliveryView is one delivery, without what it told.
type DeliveryView struct {
	ID                    int64
	Destination           string
	Kind, What            string
	State                 string // in words
	Waits, Held, Lost     bool
	Made, Enqueued, Ended time.Time
	Attempts              int
	Reason                string
	Status                int64
	Reference             string
	Tracked               bool // a receipt is still to come
	Kept                  bool // there is a message to be looked at
}

// TellHealth is Destinations for the metrics.
func (h *Hub) TellHealth(ctx context.Context) ([]DestinationView, error) {
	return view(ctx, h, h.destinationViews)
}

// Destinations lists the systems that are told, and where each stands.
func (h *Hub) Destinations(ctx context.Context, by care.Actor) ([]DestinationView, error) {
	var out []DestinationView
	err := h.operating(ctx, by, policy.SeeOperations, "destinations", "", func(tx *store.Tx) (err error) {
		out, err = h.destinationViews(tx)
		return err
	})
	return out, err
}

func (h *Hub) destinationViews(tx *store.Tx) ([]DestinationView, error) {
	known, err := tx.Destinations()
	if err != nil {
		return nil, err
	}
	var out []DestinationView
	for _, d := range h.Tellings {
		v := DestinationView{Name: d.Name, Title: d.Title, Kind: d.Kind, Org: h.Org(d.Org), Configured: true, Kinds: d.Kinds}
		i := slices.IndexFunc(known, func(k store.Destination) bool { return k.Name == d.Name })
		if i >= 0 {
			v = v.standing(known[i], h.now())
			known = slices.Delete(known, i, i+1)
		}
		out = append(out, v)
	}
	for _, k := range known {
		out = append(out, DestinationView{Name: k.Name, Title: k.Name}.standing(k, h.now()))
	}
	for i, v := range out {
		n, err := tx.DeliveryCounts(v.Name)
		if err != nil {
			return nil, err
		}
		out[i].Waiting, out[i].Held, out[i].Lost, out[i].Oldest = n.Waiting, n.Held, n.Lost, n.Oldest
	}
	return out, nil
}

func (v DestinationView) standing(k store.Destination, now time.Time) DestinationView {
	v.Paused, v.PausedBy, v.PausedWhy, v.Failures, v.NotBefore, v.LastOK, v.LastTry, v.Trouble = k.Paused, k.PausedBy, k.PausedWhy, k.Failures, k.NotBefore,
		k.LastOK, k.LastTry, k.Trouble
	switch {
	case !v.Configured:
		v.State = DestinationGone
	case !k.Paused.IsZero():
		v.State = DestinationPaused
	case k.Failures >= tellOpen || k.NotBefore.After(now):
		v.State = DestinationOpen
	case k.Failures > 0:
		v.State = DestinationTrouble
	default:
		v.State = DestinationWorking
	}
	return v
}

// DeliveryQuery chooses deliveries of a destination's page.
type DeliveryQuery struct {
	State  string // a store.DeliveryState; "" is all
	Before int64  // 0: the newest
}

// DestinationPage is one destination with a page of its deliveries, newest first.
type DestinationPage struct {
	DestinationView
	Deliveries []DeliveryView
	More       bool
}

const deliveriesAtOnce = 50

// Destination shows one destination and what was told it.
func (h *Hub) Destination(ctx context.Context, by care.Actor, name string, q DeliveryQuery) (DestinationPage, error) {
	var out DestinationPage
	err := h.operating(ctx, by, policy.SeeOperations, "destination "+name, "", func(tx *store.Tx) error {
		out = DestinationPage{}
		all, err := h.destinationViews(tx)
		i := slices.IndexFunc(all, func(v DestinationView) bool { return v.Name == name })
		if err != nil || i < 0 {
			return orNoDestination(err)
		}
		out.DestinationView = all[i]
		ds, err := tx.Deliveries(name, store.DeliveryState(q.State), store.JobID(q.Before), deliveriesAtOnce+1)
		if out.More = len(ds) > deliveriesAtOnce; out.More {
			ds = ds[:deliveriesAtOnce]
		}
		for _, d := range ds {
			out.Deliveries = append(out.Deliveries, deliveryView(d))
		}
		return err
	})
	return out, err
}

func orNoDestination(err error) error {
	if err != nil {
		return err
	}
	return &care.Error{Kind: care.NotFound, Text: "There is no such destination"}
}

func deliveryView(d store.Delivery) DeliveryView {
	v := DeliveryView{ID: int64(d.Job), Destination: d.Destination, Kind: d.Kind, What: d.What, State: stateWords[d.State], Enqueued: d.Enqueued, Made: d.Made, Ended: d.Ended,
		Attempts: d.Attempts, Status: d.Status, Reference: d.Reference, Tracked: d.Track != "", Kept: len(d.Message) > 0,
		Waits: d.State == store.DeliveryWaiting, Held: d.State == store.DeliveryHeld, Lost: d.State == store.DeliveryLost}
	v.Reason = d.Detail
	if v.Waits {
		v.Reason = d.Reason
	}
	return v
}

var stateWords = map[store.DeliveryState]string{
	store.DeliveryWaiting: "Waiting", store.DeliverySent: "Sent", store.DeliveryReceived: "Received", store.DeliveryHeld: "Refused",
	store.DeliveryLost: "Not delivered", store.DeliveryUnsure: "Not confirmed", store.DeliveryWith: "Told with another", store.DeliveryNot: "Not told",
	store.DeliveryDropped: "Dropped",
}

// Delivery shows one delivery, without what it told.
func (h *Hub) Delivery(ctx context.Context, by care.Actor, id int64) (DeliveryView, error) {
	var out DeliveryView
	err := h.operating(ctx, by, policy.SeeOperations, fmt.Sprintf("delivery %d", id), "", func(tx *store.Tx) error {
		d, err := tx.Delivery(store.JobID(id))
		out = deliveryView(d)
		return err
	})
	return out, err
}

// SentView is what was sent, or would be, as text.
type SentView struct {
	Delivery DeliveryView
	Type     string // media type
	Head     []SentHead
	Text     string // of what is no text, its size
}

// SentHead is a line of what a connector needs besides the body.
type SentHead struct{ Name, Value string }

// SentMessage shows what was sent, for a reason that is recorded.
func (h *Hub) SentMessage(ctx context.Context, by care.Actor, id int64, why string) (SentView, error) {
	if strings.TrimSpace(why) == "" {
		return SentView{}, &care.Error{Kind: care.Required, Field: "why", Text: "Enter why you need to see this message"}
	}
	var out SentView
	err := h.update(ctx, func(tx *store.Tx) error {
		out = SentView{}
		d, unknown := tx.Delivery(store.JobID(id))
		if gone(unknown) != nil {
			return unknown
		}
		a := h.ask(by, policy.SeeRawMessage, nil, policy.Operations, why, h.now())
		c, err := h.living(tx, d.Case)
		if gone(err) != nil {
			return err
		}
		if err == nil {
			a.about(c, h.now())
		}
		if !a.allowed(policy.SeeRawMessage) {
			return a.refuse(tx)
		}
		if unknown != nil {
			return unknown
		}
		out, err = sentView(d)
		if err != nil {
			return err
		}
		return a.audit(tx, true, fmt.Sprintf("delivery %d", id))
	})
	return out, err
}

func sentView(d store.Delivery) (SentView, error) {
	v := SentView{Delivery: deliveryView(d)}
	if len(d.Message) == 0 {
		v.Text = "There is no message: it was not made yet, or it was taken away when its time was over."
		return v, nil
	}
	var m connect.Message
	if err := json.Unmarshal(d.Message, &m); err != nil {
		return v, fmt.Errorf("reading a message that was kept: %w", err)
	}
	v.Type, v.Text = m.Type, rawText(m.Body)
	if !utf8.Valid(m.Body) {
		v.Text = fmt.Sprintf("%d bytes that are no text", len(m.Body))
	}
	for k, x := range m.Head {
		v.Head = append(v.Head, SentHead{k, x})
	}
	slices.SortFunc(v.Head, func(a, b SentHead) int { return strings.Compare(a.Name, b.Name) })
	return v, nil
}

// RetryTold sends again what was refused, given up or not delivered. anew makes
// the message again from the case as it is now, under another key: for what was
// refused because of what it said. The lane goes on with it.
func (h *Hub) RetryTold(ctx context.Context, by care.Actor, id int64, anew bool, why string) error {
	if err := needsWhy(why); err != nil {
		return err
	}
	return h.operating(ctx, by, policy.Replay, fmt.Sprintf("retry delivery %d", id), why, func(tx *store.Tx) error {
		d, err := tx.Delivery(store.JobID(id))
		if err != nil {
			return err
		}
		switch d.State {
		case store.DeliveryHeld, store.DeliveryLost, store.DeliveryDropped, store.DeliveryUnsure, store.DeliveryNot:
		default:
			return &care.Error{Kind: care.Conflict, Text: "This was settled meanwhile. Look at it again"}
		}
		return h.reviveTold(tx, d, anew)
	})
}

// DropTold gives a delivery up, so that its lane goes on without it.
func (h *Hub) DropTold(ctx context.Context, by care.Actor, id int64, why string) error {
	if err := needsWhy(why); err != nil {
		return err
	}
	return h.operating(ctx, by, policy.Replay, fmt.Sprintf("drop delivery %d", id), why, func(tx *store.Tx) error {
		d, err := tx.Delivery(store.JobID(id))
		if err != nil {
			return err
		}
		if d.State != store.DeliveryHeld && d.State != store.DeliveryWaiting {
			return &care.Error{Kind: care.Conflict, Text: "This was settled meanwhile. Look at it again"}
		}
		told := d.Warned
		d.State, d.Ended, d.Detail, d.Warned = store.DeliveryDropped, h.now(), "Dropped by "+by.Name, true
		if err := firstErr(tx.DropJob(d.Job, "Dropped by a person"), tx.PutDelivery(d)); err != nil || told {
			return err
		}
		title := d.Destination
		if t, ok := h.telling(d.Destination); ok {
			title = t.Title
		}
		return h.sayOnCase(tx, Telling{Destination: connect.Destination{Name: d.Destination, Title: title}}, d, care.ToldNot, "")
	})
}

func needsWhy(why string) error {
	switch {
	case strings.TrimSpace(why) == "":
		return &care.Error{Kind: care.Required, Field: "why", Text: "Enter why"}
	case utf8.RuneCountInString(why) > 500:
		return &care.Error{Kind: care.Invalid, Field: "why", Text: "Shorten why to 500 characters or fewer"}
	}
	return nil
}

func (h *Hub) telling(name string) (Telling, bool) {
	i := slices.IndexFunc(h.Tellings, func(d Telling) bool { return d.Name == name })
	if i < 0 {
		return Telling{}, false
	}
	return h.Tellings[i], true
}

// PauseTelling lets what is for a destination wait.
func (h *Hub) PauseTelling(ctx context.Context, by care.Actor, name, why string) error {
	if err := needsWhy(why); err != nil {
		return err
	}
	return h.operating(ctx, by, policy.Replay, "pause destination "+name, why, func(tx *store.Tx) error {
		if _, ok := h.telling(name); !ok {
			return orNoDestination(nil)
		}
		return firstErr(tx.AddDestination(name), tx.PauseDestination(name, by.Name, strings.TrimSpace(why)))
	})
}

// ResumeTelling goes on telling a destination: one that was paused, or that is
// left alone because it did not answer.
func (h *Hub) ResumeTelling(ctx context.Context, by care.Actor, name, why string) error {
	if err := needsWhy(why); err != nil {
		return err
	}
	return h.operating(ctx, by, policy.Replay, "resume destination "+name, why, func(tx *store.Tx) error {
		if _, ok := h.telling(name); !ok {
			return orNoDestination(nil)
		}
		return tx.ResumeDestination(name)
	})
}

// checkWithin is how long a far side has to answer Check.
const checkWithin = 15 * time.Second

// TryDestination asks whether the far side answers, and tells it nothing. problem
// is what is wrong, in words; "" is that it answers.
func (h *Hub) TryDestination(ctx context.Context, by care.Actor, name string) (problem string, err error) {
	d, ok := h.telling(name)
	if err := h.operating(ctx, by, policy.Replay, "try destination "+name, "", func(*store.Tx) error {
		if !ok {
			return orNoDestination(nil)
		}
		return nil
	}); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	if wrong := d.Connector.Check(ctx); wrong != nil {
		return saidBy(wrong), nil
	}
	return "", nil
}

// ToldRange is what of history is to be told a destination once more.
type ToldRange struct {
	Destination string
	From, To    time.Time   // of recording
	Case        care.CaseID // "" for all
}

// ToldAgain is what telling a range again does.
type ToldAgain struct {
	News  int            // pieces of news, each for one case
	Cases int            // people
	Kinds map[string]int // by kind, of the news
	Seq   int64          // the place in history up to which it looked
}

// The most that is told again at once.
const (
	againEntries = 20000
	againSpan    = 31 * 24 * time.Hour
)

// ReplayTold tells a destination a range of history once more: what it would be
// told of it now, and of what only tells how things stand the last word. With
// preview, nothing is told and the effect is only counted. What is told again has
// a key of its own, so that the far side takes it for news.
func (h *Hub) ReplayTold(ctx context.Context, by care.Actor, r ToldRange, preview bool, why string) (ToldAgain, error) {
	d, ok := h.telling(r.Destination)
	var out ToldAgain
	var jobs []store.Tellings
	what := fmt.Sprintf("tell %s again what was recorded from %s to %s", r.Destination, r.From.UTC().Format(time.RFC3339), r.To.UTC().Format(time.RFC3339))
	if preview {
		what = "preview: " + what
	}
	if err := h.operating(ctx, by, policy.Replay, what, why, func(*store.Tx) error { return r.check(ok, preview, why) }); err != nil {
		return out, err
	}
	err := h.Store.View(ctx, func(tx *store.Tx) (err error) {
		jobs, out.Seq, err = h.toTellAgain(tx, d, r)
		return err
	})
	if err != nil {
		return out, h.unavailable(err)
	}
	out.count(jobs)
	if preview {
		return out, nil
	}
	round := h.now().UnixMicro()
	for i := range jobs {
		jobs[i].Key = connect.Again(jobs[i].Key, round)
	}
	for part := range slices.Chunk(jobs, 100) { // so that the writer is held for a moment only
		if err := h.update(ctx, func(tx *store.Tx) error { return tx.EnqueueTold(part...) }); err != nil {
			return out, err
		}
	}
	return out, nil
}

func (r ToldRange) check(known, preview bool, why string) error {
	switch {
	case !known:
		return orNoDestination(nil)
	case r.From.IsZero() || r.To.IsZero() || !r.From.Before(r.To):
		return &care.Error{Kind: care.Invalid, Field: "to", Text: "The end must be after the beginning"}
	case r.To.Sub(r.From) > againSpan && r.Case == "":
		return &care.Error{Kind: care.Invalid, Field: "from", Text: "Choose 31 days or fewer"}
	case preview:
		return nil
	}
	return needsWhy(why)
}

func (a *ToldAgain) count(jobs []store.Tellings) {
	a.News, a.Kinds = len(jobs), map[string]int{}
	cases := map[care.CaseID]bool{}
	for _, j := range jobs {
		a.Kinds[j.Kind]++
		cases[j.Case] = true
	}
	a.Cases = len(cases)
}

// toTellAgain lists what a destination is told of a range.
func (h *Hub) toTellAgain(tx *store.Tx, d Telling, r ToldRange) ([]store.Tellings, int64, error) {
	from, to, err := tx.HistoryBetween(r.From, r.To)
	if err != nil {
		return nil, 0, err
	}
	var out []store.Tellings
	for n := 0; ; {
		entries, err := tx.HistoryOfBetween(r.Case, from, to, followAtOnce)
		if err != nil || len(entries) == 0 {
			return h.lastWords(d, out), to, err
		}
		if n += len(entries); n > againEntries {
			return nil, 0, &care.Error{Kind: care.Invalid, Field: "to", Text: "Too much happened in that time. Choose a shorter one"}
		}
		more, err := h.route(tx, entries, d.Name)
		if err != nil {
			return nil, 0, err
		}
		out, from = append(out, more...), entries[len(entries)-1].Seq
	}
}

// lastWords keeps of the news that only tell how things stand the last of each
// case and referral.
func (h *Hub) lastWords(d Telling, all []store.Tellings) []store.Tellings {
	state, ok := d.Connector.(connect.StateTeller)
	if !ok {
		return all
	}
	seen := map[[3]string]bool{}
	var out []store.Tellings
	for _, t := range slices.Backward(all) {
		if state.StateIsEnough(connect.Kind(t.Kind)) {
			k := [3]string{string(t.Case), string(t.Referral), t.Kind}
			if seen[k] {
				continue
			}
			seen[k] = true
		}
		out = append(out, t)
	}
	slices.Reverse(out)
	return out
}
