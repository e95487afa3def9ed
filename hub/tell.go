package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"homeward/care"
	"homeward/connect"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// Telling is a destination and the connector that tells it.
type Telling struct {
	connect.Destination
	Connector connect.Connector
	Kind      string // of connector, for people
	Workers   int    // cases told at once; 0 is 4
	Timeout   time.Duration
}

// What telling goes by. A lease outlasts the longest try, so that a job is only
// taken from a process that has died.
const (
	tellBase     = 2 * time.Second  // the first wait after a try that did not get through
	tellTop      = 15 * time.Minute // the longest
	tellOpen     = 5                // tries in a row, on any case, after which a destination is left alone
	tellTimeout  = 60 * time.Second // of one try
	tellWarn     = time.Hour        // a case says that it could not be told after this
	tellAskMost  = 24 * time.Hour   // the longest that a far side may ask for
	tellFrozen   = time.Minute      // a frozen case is looked at again after this
	trackFirst   = time.Minute      // a receipt is asked for after this
	trackTop     = 30 * time.Minute
	trackFor     = 5 * 24 * time.Hour // after this no receipt will come: MESH API v2, messages are kept for 5 days
	followAtOnce = 500                // entries of history routed at once
	tellCursor   = "told-to"          // the setting that holds how far history was routed
)

// told is what the payload of a job says. Who is told what is settled when the
// message is made, so nothing here is about the person.
type told struct {
	Seq         int64           `json:"seq"`
	Kind        connect.Kind    `json:"kind"`
	What        string          `json:"what"`
	At          time.Time       `json:"at"`
	From        nhs.ODS         `json:"from"`
	To          nhs.ODS         `json:"to"`
	Referral    care.ReferralID `json:"referral,omitempty"`
	Paper       string          `json:"paper,omitempty"`
	Note        string          `json:"note,omitempty"`
	Correlation string          `json:"correlation"`
}

// tellLoop tells other systems until ctx ends. What is to be told follows history
// (see follower).
func (h *Hub) tellLoop(ctx context.Context) {
	if len(h.Tellings) == 0 {
		return
	}
	for ctx.Err() == nil {
		err := h.beginTelling(ctx)
		if err == nil {
			break
		}
		h.Log.Error("beginning to tell other systems", "err", err)
		pause(ctx, time.Second)
	}
	var wg sync.WaitGroup
	wg.Go(func() { h.followLoop(ctx) })
	wg.Go(func() { h.lateLoop(ctx) })
	for _, d := range h.Tellings {
		wg.Go(func() { h.tellAll(ctx, d) })
		if tracker, ok := d.Connector.(connect.Tracker); ok {
			wg.Go(func() {
				h.untilDone(ctx, d.Name, func(ctx context.Context) (bool, time.Time, error) { return h.trackSome(ctx, d, tracker) })
			})
		}
	}
	wg.Wait()
}

// tellAll tells one destination until ctx ends, several cases at once. A far side
// that dawdles over one holds up no more than its own place.
func (h *Hub) tellAll(ctx context.Context, d Telling) {
	workers := d.Workers
	def(&workers, 4)
	places := make(chan struct{}, workers)
	owner := newID()
	var wg sync.WaitGroup
	h.untilDone(ctx, d.Name, func(ctx context.Context) (bool, time.Time, error) {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return false, time.Time{}, nil
		}
		t, did, due, err := h.nextTurn(ctx, d, owner)
		if t == nil {
			<-places
			return did, due, err
		}
		wg.Go(func() {
			defer func() { <-places }()
			if err := h.takeTurn(ctx, d, t); err != nil && ctx.Err() == nil {
				h.Log.Error("telling another system", "destination", d.Name, "err", err)
			}
		})
		return true, due, nil
	})
	wg.Wait()
}

// untilDone works step until ctx ends: again at once while there was something to
// do, otherwise when something is committed or falls due.
func (h *Hub) untilDone(ctx context.Context, name string, step func(context.Context) (bool, time.Time, error)) {
	for ctx.Err() == nil {
		wake := h.Store.Wait()
		did, due, err := step(ctx)
		if err != nil && ctx.Err() == nil {
			h.Log.Error("telling another system", "destination", name, "err", err)
			pause(ctx, time.Second)
		}
		if did || err != nil {
			continue
		}
		wait := time.Minute
		if !due.IsZero() {
			wait = min(max(due.Sub(h.now()), time.Millisecond), time.Minute)
		}
		select {
		case <-ctx.Done():
		case <-wake:
			pause(ctx, 50*time.Millisecond) // however much is written
		case <-time.After(wait):
		}
	}
}

// beginTelling remembers the destinations; a new one hears what happens from now on.
func (h *Hub) beginTelling(ctx context.Context) error {
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		for _, d := range h.Tellings {
			if err := tx.AddDestination(d.Name); err != nil {
				return err
			}
		}
		cursor, err := tx.Setting(tellCursor)
		if err != nil || cursor != "" {
			return err
		}
		seq, err := tx.Seq()
		if err != nil {
			return err
		}
		return tx.PutSetting(tellCursor, strconv.FormatInt(seq, 10))
	})
}

// followLoop routes history as it grows, until ctx ends.
func (h *Hub) followLoop(ctx context.Context) {
	h.untilDone(ctx, "", func(ctx context.Context) (bool, time.Time, error) {
		n, err := h.FollowNews(ctx)
		return n > 0, time.Time{}, err
	})
}

// FollowNews makes jobs of what happened since it was last called, by any process,
// and says how many entries of history it went through.
func (h *Hub) FollowNews(ctx context.Context) (int, error) {
	return follow(ctx, h, follower[[]store.Tellings]{cursor: tellCursor, atOnce: followAtOnce, begin: h.beginTelling,
		find: func(tx *store.Tx, entries []care.Entry) ([]store.Tellings, int, error) {
			jobs, err := h.route(tx, entries, "")
			return jobs, len(entries), err
		},
		keep: func(tx *store.Tx, entries []care.Entry, jobs []store.Tellings) error {
			return firstErr(h.moveJoined(tx, entries), tx.EnqueueTold(jobs...))
		}})
}

// route makes the jobs of some entries: for all destinations that heard from
// before them, or for one by name, whenever it began to hear.
func (h *Hub) route(tx *store.Tx, entries []care.Entry, only string) ([]store.Tellings, error) {
	entries = news(entries)
	known, err := tx.Destinations()
	if err != nil {
		return nil, err
	}
	heard := map[string]int64{}
	for _, d := range known {
		heard[d.Name] = d.HeardFrom
	}
	var ds []connect.Destination
	for _, d := range h.Tellings {
		if only == "" || d.Name == only {
			ds = append(ds, d.Destination)
		}
	}
	var ids []care.CaseID
	for _, e := range entries {
		if !slices.Contains(ids, e.Case) {
			ids = append(ids, e.Case)
		}
	}
	cases, err := tx.Cases(ids)
	if err != nil {
		return nil, err
	}
	by := map[care.CaseID]care.Case{}
	for _, c := range cases {
		by[c.ID] = c
	}
	var out []store.Tellings
	for _, e := range entries {
		for _, r := range connect.Route(e, by[e.Case], ds) {
			if only == "" && e.Seq <= heard[r.Destination] {
				continue
			}
			t, err := tellings(e, r)
			if err != nil {
				return nil, err
			}
			out = append(out, t)
		}
	}
	return out, nil
}

func tellings(e care.Entry, r connect.Routed) (store.Tellings, error) {
	n := r.News
	payload, err := json.Marshal(told{Seq: e.Seq, Kind: n.Kind, What: n.What, At: n.At, From: n.From, To: n.To, Referral: n.Referral, Paper: n.Paper,
		Note: n.NoteID, Correlation: n.Correlation})
	return store.Tellings{Payload: string(payload), Delivery: store.Delivery{Destination: r.Destination, Case: e.Case, Referral: n.Referral,
		Kind: string(n.Kind), What: n.What, Key: n.Key}}, err
}

// turn is one job of a lane that was claimed.
type turn struct {
	lane     store.Lane
	delivery store.Delivery
	told     told
	message  connect.Message
	news     connect.News // while the message is still to be made
	make     bool
}

// nextTurn claims the lane that has been due longest. t is nil when there is
// nothing to send; did is that there was something to do, and otherwise due is when
// to look again.
func (h *Hub) nextTurn(ctx context.Context, d Telling, owner string) (t *turn, did bool, due time.Time, err error) {
	due, err = view(ctx, h, func(tx *store.Tx) (time.Time, error) { return tx.NextTold(d.Name) })
	if err != nil || due.IsZero() || due.After(h.now()) {
		return nil, false, due, err
	}
	t, did, err = h.claim(ctx, d, owner)
	return t, did, h.now().Add(time.Second), err // when another was faster
}

// takeTurn makes the message, where that is still to be done, sends it and settles
// what came of it.
func (h *Hub) takeTurn(ctx context.Context, d Telling, t *turn) error {
	if t.make {
		if err := h.keepMessage(ctx, d, t); err != nil || t.message.Key == "" {
			return ignoreFenced(err)
		}
	}
	timeout := d.Timeout
	def(&timeout, tellTimeout)
	trying, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	receipt, err := sendMessage(trying, d.Connector, t.message)
	if ctx.Err() != nil && err != nil {
		return h.giveBack(t) // we stop: that is no failure of theirs
	}
	return ignoreFenced(h.settle(context.WithoutCancel(ctx), d, t, receipt, err))
}

// ignoreFenced lets go of what another process has taken over: it sends the same
// bytes with the same key, and settles that.
func ignoreFenced(err error) error {
	if errors.Is(err, store.ErrFenced) {
		return nil
	}
	return err
}

// giveBack frees a lane when this process stops.
func (h *Hub) giveBack(t *turn) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return ignoreFenced(h.Store.Update(ctx, func(tx *store.Tx) error {
		return firstErr(tx.ReleaseLane(t.lane), tx.DestinationUnasked(t.delivery.Destination, tellOpen))
	}))
}

// lease is for how long a lane is claimed: as long as a try may take, and half a
// minute for making the message before it and settling it.
func (d Telling) lease() time.Duration {
	timeout := d.Timeout
	def(&timeout, tellTimeout)
	return timeout + 30*time.Second
}

// claim takes a lane and reads what stands first in it. Of news whose message is
// still to be made it reads what the destination may see, and audits that as a
// read. It is nil when there is nothing to send after all; did is that there was
// something to do.
func (h *Hub) claim(ctx context.Context, d Telling, owner string) (out *turn, did bool, err error) {
	err = h.update(ctx, func(tx *store.Tx) error {
		out, did = nil, false
		lane, ok, err := tx.ClaimTold(d.Name, owner, d.lease(), tellOpen)
		if err != nil || !ok {
			return err
		}
		did = true
		jobs, err := tx.LaneJobs(lane.Name, 32)
		if err != nil {
			return err
		}
		if len(jobs) == 0 {
			return firstErr(tx.ReleaseLane(lane), tx.DestinationUnasked(d.Name, tellOpen))
		}
		t := &turn{lane: lane}
		if err := h.pick(tx, d, t, jobs); err != nil {
			return err
		}
		if len(t.delivery.Message) > 0 {
			out = t
			return json.Unmarshal(t.delivery.Message, &t.message)
		}
		send, err := h.freshNews(tx, d, t)
		if send {
			out = t
			return err
		}
		return firstErr(err, tx.DestinationUnasked(d.Name, tellOpen))
	})
	return out, did, err
}

// pick chooses the first job of a lane. Of several that wait and tell only how
// things stand, the last tells it for all: none of them was sent.
func (h *Hub) pick(tx *store.Tx, d Telling, t *turn, jobs []store.Job) error {
	state, _ := d.Connector.(connect.StateTeller)
	for i, j := range jobs {
		x, err := tx.Delivery(j.ID)
		if err != nil {
			return err
		}
		var said told
		if j.Payload != "" {
			if err := json.Unmarshal([]byte(j.Payload), &said); err != nil {
				return fmt.Errorf("reading what a job tells: %w", err)
			}
		}
		if i > 0 {
			same := said.Kind == t.told.Kind && said.Referral == t.told.Referral && len(t.delivery.Message) == 0
			if !same || state == nil || !state.StateIsEnough(said.Kind) {
				return nil
			}
			if ok, err := h.allHappened(tx, d, x.Case, t.told, said); err != nil || !ok {
				return err // what is not told must not stand for what is
			}
			t.delivery.State, t.delivery.Ended, t.delivery.Detail = store.DeliveryWith, h.now(), "What came after it told it"
			if err := firstErr(tx.FinishJob(t.lane, t.delivery.Job), tx.PutDelivery(t.delivery)); err != nil {
				return err
			}
		}
		t.delivery, t.told = x, said
	}
	return nil
}

func firstErr(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// newsOf fills the news that a message is to be made of, with what the destination
// may see now. send is false when it is not to be told: that is settled then.
func (h *Hub) newsOf(tx *store.Tx, d Telling, t *turn) (send bool, err error) {
	now := h.now()
	c, err := h.living(tx, t.delivery.Case)
	switch {
	case store.IsNone(err) || err == nil && t.told.Kind == "":
		return false, h.notTold(tx, d, t, nil, "There is nothing to tell any more")
	case err != nil:
		return false, err
	case c.Doubt != nil: // whose news these are is being settled by a person
		return false, tx.PostponeLane(t.lane, tellFrozen)
	}
	a := h.ask(d.actor(h), policy.SendCase, &c, policy.DischargePlanning, "", now)
	a.record.Action = "tell"
	if err := a.onto(tx, now); err != nil {
		return false, err
	}
	a.decide(shownActions...)
	shown, err := h.shown(tx, a, c, now)
	if err != nil {
		return false, err
	}
	if !mayHear(t.told, shown) {
		a.record.Sections = nil
		if err := a.audit(tx, false, "denied: "+d.Name); err != nil {
			return false, err
		}
		return false, h.notTold(tx, d, t, &c, "No sharing agreement in force lets "+d.Title+" be told")
	}
	n := t.told
	n.From = a.speaker(n, shown)
	if ok, err := h.allHappened(tx, d, t.delivery.Case, n); err != nil {
		return false, err
	} else if !ok || n.From == "" && n.Referral == "" {
		return false, h.notTold(tx, d, t, nil, "Nothing changed that it may see")
	}
	t.make, t.news = true, connect.News{Key: t.delivery.Key, Correlation: n.Correlation, Kind: n.Kind, What: n.What, At: n.At, From: n.From, To: n.To,
		Referral: n.Referral, Paper: n.Paper, NoteID: n.Note, Shown: shown, PublicURL: h.PublicURL}
	return true, a.audit(tx, true, "told "+d.Name+": "+n.What)
}

// actor is as whom a destination reads: a system of its organisation.
func (d Telling) actor(h *Hub) care.Actor {
	o := h.Org(d.Org)
	return care.Actor{ID: care.ActorID("destination-" + d.Name), Name: d.Title, Role: care.Machine, Org: d.Org, OrgName: o.Name, OrgKind: d.OrgKind}
}

// notTold settles news that a destination may not or need not have. The case says
// so where they are of a referral: of others it would tell that a council supports
// the person.
func (h *Hub) notTold(tx *store.Tx, d Telling, t *turn, c *care.Case, why string) error {
	x := t.delivery
	x.State, x.Ended, x.Detail = store.DeliveryNot, h.now(), why
	if err := firstErr(tx.FinishJob(t.lane, x.Job), tx.ReleaseLane(t.lane), tx.PutDelivery(x)); err != nil || c == nil {
		return err
	}
	return h.sayOnCase(tx, d, x, care.ToldNot, "")
}

// keepMessage writes the message and keeps it: from here on it is that which is
// sent, whatever changes. What cannot be said in the destination's format is for a
// person; what it is not told of is settled.
func (h *Hub) keepMessage(ctx context.Context, d Telling, t *turn) error {
	m, wrong := makeMessage(d.Connector, t.news)
	if wrong == nil && m.Key != "" {
		m.Key, m.Correlation, m.Kind = t.news.Key, t.news.Correlation, t.news.Kind
	}
	doc, err := json.Marshal(m)
	if err != nil {
		return err
	}
	err = h.update(ctx, func(tx *store.Tx) error {
		x := t.delivery
		switch {
		case wrong != nil:
			return firstErr(h.hold(tx, d, t, &connect.Refused{Text: "The message could not be made: " + saidBy(wrong)}), tx.DestinationUnasked(d.Name, tellOpen))
		case m.Key == "":
			return firstErr(h.notTold(tx, d, t, nil, "It is not told of this"), tx.DestinationUnasked(d.Name, tellOpen))
		}
		x.Message, x.Made = doc, h.now()
		return tx.KeepDelivery(t.lane, x)
	})
	if err == nil && wrong == nil && m.Key != "" {
		t.message = m
		t.delivery.Message, t.delivery.Made = doc, h.now()
	}
	return err
}

// makeMessage makes a message; a connector that fails on news is an error of
// theirs, and stops nobody else's.
func makeMessage(c connect.Connector, n connect.News) (m connect.Message, err error) {
	defer func() {
		if recover() != nil { // its text may hold what the news hold
			err = &connect.Refused{Text: "Homeward failed on it. Tell those who run it"}
		}
	}()
	return c.Make(n)
}

// sendMessage sends a message; a connector that fails on one is tried again.
func sendMessage(ctx context.Context, c connect.Connector, m connect.Message) (r connect.Receipt, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("Homeward failed on it. Tell those who run it")
		}
	}()
	return c.Send(ctx, m)
}

// saidBy is an error in words for people. Connectors read no more than codes of what
// a far side says, and name fields and not values, so that theirs may be repeated,
// cut short.
func saidBy(err error) string {
	var refused *connect.Refused
	var told *care.Error
	var later *connect.Later
	switch {
	case errors.As(err, &refused):
		return refused.Text
	case errors.As(err, &later):
		return later.Text
	case errors.As(err, &told):
		return told.Text
	case errors.Is(err, connect.ErrDown):
		return connect.ErrDown.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "It did not answer in time"
	}
	return clip(err.Error(), 200)
}

func clip(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "..."
	}
	return s
}

// jitter is a number in [0, 1): it spreads tries, and decides nothing.
func jitter() float64 { return rand.Float64() }
