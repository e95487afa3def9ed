package hub

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"homeward/care"
	"homeward/nhs"
	"homeward/pds"
	"homeward/policy"
	"homeward/store"
)

// PDSView is what PDS last said of a person, for the case page.
type PDSView struct {
	Case     care.CaseID
	About    CaseView  // who it is, for the banner; nothing of their care. Only of PDS
	May      bool      // this reader may ask now
	Asked    time.Time // zero: never
	Verified bool      // the NHS number is theirs
	Words    []string  // what PDS said and what was done about it, in sentences without their full stops
}

// tracedBy is the source of what PDS tells.
const tracedBy = "PDS"

// traceKeep is for how long an answer is given again to whoever asks again.
const traceKeep = time.Minute

// keptTrace is an answer as it is stored.
type keptTrace struct {
	State    pds.State `json:"state"`
	Verified bool      `json:"verified,omitempty"`
	Words    []string  `json:"words"`
	// Differs is a sum over what did not fit: a question that a steward has settled
	// is not raised again for the same.
	Differs string `json:"differs,omitempty"`
}

// HasPDS reports whether people can be checked with PDS at all.
func (h *Hub) HasPDS() bool { return h.Config.PDS != nil }

// PDS is what PDS last said of a person, with its age. Nobody is asked.
func (h *Hub) PDS(ctx context.Context, by care.Actor, id care.CaseID) (PDSView, error) {
	now := h.now()
	var v PDSView
	err := h.update(ctx, func(tx *store.Tx) error {
		a, c, err := h.tracing(tx, by, "seePDS", id, now)
		if err != nil {
			return err
		}
		if v, _, err = h.keptTrace(tx, c.ID); err != nil {
			return err
		}
		v.May = h.HasPDS()
		v.About = CaseView{ID: c.ID, NHS: c.NHS, Trace: c.Trace, Died: c.Died, Sensitive: c.Sensitive, Person: a.person(c), HospitalNo: hospitalNumber(c, by)}
		return a.audit(tx, true, "shown")
	})
	return v, err
}

// tracing decides whether somebody may check this person: whoever may know who it
// is and either refer them or settle who is who.
func (h *Hub) tracing(tx *store.Tx, by care.Actor, action policy.Action, id care.CaseID, now time.Time) (*asking, care.Case, error) {
	a, c, err := h.named(tx, by, action, id, now)
	if err != nil {
		return a, c, err
	}
	a.decide(policy.SeeDemographics, policy.Refer, policy.Steward)
	if !a.may[policy.SeeDemographics] || !a.may[policy.Refer] && !a.may[policy.Steward] {
		return a, c, a.refuse(tx)
	}
	if c.JoinedTo != "" {
		return a, c, &care.Error{Kind: care.Conflict, Text: "This record was joined with another. Open that one"}
	}
	return a, c, nil
}

func (h *Hub) keptTrace(tx *store.Tx, id care.CaseID) (PDSView, keptTrace, error) {
	v, k := PDSView{Case: id}, keptTrace{}
	row, err := tx.PDSAnswer(id)
	if store.IsNone(err) {
		return v, k, nil
	}
	if err == nil {
		err = json.Unmarshal(row.Doc, &k)
	}
	if err != nil {
		return v, k, fmt.Errorf("reading what PDS said: %w", err)
	}
	v.Asked, v.Verified, v.Words = row.Asked, k.Verified, k.Words
	return v, k, nil
}

// TracePDS asks PDS who a person is: by their NHS number, or by name, date of birth
// and where they live when it is not known. What PDS says is believed where it fits
// the record; where it does not, a question for a steward is raised. The record is
// never filled with what differs from what a hospital told.
func (h *Hub) TracePDS(ctx context.Context, by care.Actor, id care.CaseID) (PDSView, error) {
	now := h.now()
	var c care.Case
	var v PDSView
	var record store.AuditRecord
	err := h.update(ctx, func(tx *store.Tx) error {
		a, found, err := h.tracing(tx, by, "tracePDS", id, now)
		if err != nil {
			return err
		}
		if !h.HasPDS() {
			if err := a.audit(tx, true, "not set up to ask PDS"); err != nil {
				return err
			}
			return committed{&care.Error{Kind: care.NotFound, Text: "Homeward is not set up to ask PDS"}}
		}
		c, record = found, a.record
		if v, _, err = h.keptTrace(tx, c.ID); err != nil {
			return err
		}
		return a.audit(tx, true, "asked PDS")
	})
	if err != nil || !v.Asked.IsZero() && now.Sub(v.Asked) < traceKeep {
		v.May = err == nil
		return v, err
	}
	hidden := false
	v, err = h.trace(ctx, c, care.Cause{Kind: "person", By: by.Who()}, func(tx *store.Tx, outcome string) error {
		row := record
		row.At, row.Allowed, row.Outcome = h.now(), true, outcome
		if err := tx.Audit(row); err != nil {
			return err
		}
		hidden, err = h.hiddenNow(tx, by, c.ID)
		return err
	})
	if err == nil && hidden {
		return PDSView{}, &care.Error{Kind: care.Forbidden, Text: "PDS was asked, and restricts this record: it is no longer yours to see. A discharge coordinator can open it"}
	}
	return v, err
}

// hiddenNow reports whether what PDS said hides a record from whoever asked.
func (h *Hub) hiddenNow(tx *store.Tx, by care.Actor, id care.CaseID) (bool, error) {
	c, err := h.living(tx, id)
	if err != nil {
		return false, err
	}
	a := h.ask(by, "tracePDS", &c, policy.DischargePlanning, "", h.now())
	if err := a.onto(tx, h.now()); err != nil {
		return false, err
	}
	return !a.allowed(policy.SeeDemographics), nil
}

// trace asks PDS, outside of any transaction, and then records what it said.
func (h *Hub) trace(ctx context.Context, c care.Case, cause care.Cause, audit func(*store.Tx, string) error) (PDSView, error) {
	answer, err := h.askPDS(ctx, c)
	if err != nil {
		if ctx.Err() != nil {
			return PDSView{}, ctx.Err()
		}
		h.Log.Warn("asking PDS", "case", c.ID, "err", err)
		var told *care.Error
		if errors.As(err, &told) {
			return PDSView{}, err
		}
		return PDSView{}, &care.Error{Kind: care.Transient, Text: pds.Say(err), Err: err}
	}
	var v PDSView
	err = h.update(ctx, func(tx *store.Tx) error {
		now := h.now()
		living, err := h.living(tx, c.ID)
		if err != nil {
			return err
		}
		_, before, err := h.keptTrace(tx, living.ID)
		if err != nil {
			return err
		}
		w := weighing{c: living, asked: c.NHS, a: answer, now: now}
		w.weigh()
		if err := h.recordTrace(tx, &w, before, cause, now); err != nil {
			return err
		}
		doc, err := json.Marshal(w.kept)
		if err != nil {
			return err
		}
		if err := tx.PutPDSAnswer(store.PDSAnswer{Case: living.ID, Asked: now, Doc: doc}); err != nil {
			return err
		}
		v = PDSView{Case: living.ID, May: true, Asked: now, Verified: w.kept.Verified, Words: w.kept.Words}
		return audit(tx, "PDS answered: "+string(answer.State))
	})
	return v, err
}

func (h *Hub) askPDS(ctx context.Context, c care.Case) (pds.Answer, error) {
	if !c.NHS.IsZero() {
		return h.Config.PDS.Get(ctx, c.NHS)
	}
	p := c.Person
	if p.Family == "" || p.Born.IsZero() {
		return pds.Answer{}, &care.Error{Kind: care.Required, Text: "PDS cannot be asked: neither the NHS number is known, nor both the family name and the date of birth"}
	}
	return h.Config.PDS.Find(ctx, pds.Like{Family: p.Family, Given: p.Given, Born: p.Born, Sex: p.Sex, Postcode: p.Address.Postcode})
}

// recordTrace records what an answer means for a record.
func (h *Hub) recordTrace(tx *store.Tx, w *weighing, before keptTrace, cause care.Cause, now time.Time) error {
	if err := w.hide(tx, cause, now); err != nil {
		return err
	}
	switch {
	case w.c.Doubt != nil:
		if w.kept.Verified || w.kept.Differs != "" {
			w.say("Nothing was changed: who this is must be settled by a steward first")
		}
		w.kept.Verified = false
		return nil
	case w.kept.Differs != "" && w.kept.Differs == before.Differs:
		w.say("A steward was asked about this before, so nobody is asked again")
		return nil
	case w.kept.Differs != "":
		w.say("A steward must settle who this is")
		_, err := tx.Record(w.c, cause, now, care.Doubted{At: now, Doubt: care.Doubt{Kind: care.DoubtChanged, Since: now, Said: w.a.Number, Source: tracedBy}})
		return err
	case !w.kept.Verified:
		return nil
	}
	return h.believeTrace(tx, w, cause, now)
}

// hide hides where somebody lives whose number PDS restricts although it is not
// certain that they are that person: who must not be found may well have another
// name than before. An answer that fits is recorded as a whole.
func (w *weighing) hide(tx *store.Tx, cause care.Cause, now time.Time) (err error) {
	if w.c.Doubt == nil && w.kept.Differs == "" || !w.a.Person.Restricted || w.c.Sensitive {
		return nil
	}
	w.say("PDS restricts the record under this number. Until it is settled who this is, where the person lives is hidden here")
	w.c, err = tx.Record(w.c, cause, now, care.SensitivityTold{At: now, Sensitive: true})
	return err
}

// believeTrace records an answer that fits: the number, then what nobody had told.
func (h *Hub) believeTrace(tx *store.Tx, w *weighing, cause care.Cause, now time.Time) error {
	o := w.observation()
	byNHS, err := h.byNumber(tx, o, &w.c)
	if err != nil {
		return err
	}
	verdict := care.Match(o, &w.c, byNHS, "")
	if _, err := h.record(tx, verdict, o, &w.c, byNHS, cause, now); err != nil {
		return err
	}
	c, err := h.living(tx, w.c.ID)
	if err != nil {
		return err
	}
	switch {
	case c.Doubt != nil:
		w.kept.Verified = false
		w.say("Another record has this NHS number. A steward must settle who is who")
		return nil
	case c.NHS != w.a.Number:
		w.kept.Verified = false
		w.say("A steward has settled that this number is not theirs, so it was not taken")
		return nil
	}
	gaps, any := w.gaps(c)
	if !any {
		return nil
	}
	_, err = h.record(tx, care.Verdict{Case: c.ID}, gaps, &c, nil, cause, now)
	return err
}

// weighing is one answer against one record.
type weighing struct {
	c     care.Case
	asked nhs.Number // zero: asked by who they are
	a     pds.Answer
	now   time.Time
	kept  keptTrace
	death *care.Death // to be recorded
}

func (w *weighing) say(words string) { w.kept.Words = append(w.kept.Words, words) }

// weigh says what an answer means, before anything is recorded.
func (w *weighing) weigh() {
	w.kept.State = w.a.State
	switch {
	case w.a.State == pds.Several:
		w.say("PDS knows more than one person like this. Ask them for their NHS number, or check the spelling, date of birth and postcode")
	case w.a.State == pds.NotFound && w.asked.IsZero():
		w.say("PDS knows nobody with this name, date of birth and address. Check them with the person")
	case w.a.State == pds.NotFound:
		w.say("PDS does not know this NHS number. Check it with the person")
	case w.a.State == pds.Invalidated:
		w.say("PDS says that this NHS number was given up and must not be used. Ask the hospital's records staff for the right one")
	case !w.fits():
		w.say("PDS has somebody else under this NHS number: the name or the date of birth differs")
		w.kept.Differs = w.differs()
	default:
		w.found()
	}
}

func (w *weighing) found() {
	w.kept.Verified = true
	switch {
	case w.asked.IsZero():
		w.say("PDS found the person, and the NHS number is now on the record")
	case w.a.Number != w.asked:
		w.say("The NHS number was replaced by another, which is now on the record. The old one still finds the person")
	default:
		w.say("PDS agrees: the number, the date of birth and the name belong together")
	}
	if w.a.Person.Restricted {
		w.say("PDS restricts this record: where the person lives must not become known, and is hidden here")
	}
	w.died()
}

// died says of a death what was told. One that the registrar told is recorded; of
// somebody who is in a bed, or whose death was told informally, a person must look.
func (w *weighing) died() {
	d := w.a.Person.Died
	switch {
	case d == nil:
		return
	case w.c.Died != nil:
		w.say("PDS says too that the person has died")
	case w.c.Stay != nil:
		w.say("PDS says that this person has died, and the hospital says that they are here. Check who this is before anything else")
	case !d.Formal:
		w.say("PDS was told informally that this person has died. Nothing was changed: check with their family or practice")
	default:
		w.say("PDS says that this person has died, as the registrar told. This is now on the record")
		w.death = &care.Death{At: d.At, DayOnly: d.DayOnly, Source: tracedBy}
		if d.At.IsZero() {
			w.death.At = w.now
		}
	}
}

// fits reports whether PDS tells of the same person as the record: the same date of
// birth, and one name at least; without a date of birth both names.
func (w *weighing) fits() bool {
	have, told := w.c.Person, w.a.Person
	family := lettersOf(have.Family) != "" && lettersOf(have.Family) == lettersOf(told.Family)
	given := firstGiven(have.Given) != "" && firstGiven(have.Given) == firstGiven(told.Given)
	switch {
	case have.Born.IsZero() || told.Born.IsZero():
		return family && given
	case have.Born != told.Born:
		return false
	}
	return family || given || lettersOf(have.Family)+lettersOf(have.Given) == ""
}

func lettersOf(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}

func firstGiven(given string) string {
	if f := strings.Fields(given); len(f) > 0 {
		return lettersOf(f[0])
	}
	return ""
}

// differs is a sum over the two sides of a difference.
func (w *weighing) differs() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s|%s|%s|%s|%s|%s|%s", w.a.Number.Digits(), w.a.Person.Born, lettersOf(w.a.Person.Family), firstGiven(w.a.Person.Given),
		w.c.Person.Born, lettersOf(w.c.Person.Family), firstGiven(w.c.Person.Given)))
	return hex.EncodeToString(sum[:])
}

// observation is what PDS says as a system says it. It repeats the name that is on
// the record: PDS's spelling is no news.
func (w *weighing) observation() care.Observation {
	have, told := w.c.Person, w.a.Person
	a := care.About{NHS: w.a.Number, Trace: "01"}
	a.Born = care.Tell(have.Born)
	if have.Born.IsZero() {
		a.Born = care.Tell(told.Born)
	}
	if a.Family = care.Tell(have.Family); have.Family == "" {
		a.Family = care.Tell(told.Family)
	}
	if told.Restricted && !w.c.Sensitive {
		a.Sensitive = care.Tell(true)
	}
	if w.death != nil {
		a.Died = care.Tell(*w.death)
	}
	return care.Observation{At: w.now, Said: w.now, Source: care.Source{Feed: tracedBy, Name: tracedBy}, Event: "PDS", About: a, Seen: &care.Seen{Person: true}}
}

// gaps is what PDS knows and nobody had told, as something older than what is
// known: so it fills, and whoever told the rest stays its source.
func (w *weighing) gaps(c care.Case) (o care.Observation, any bool) {
	have, told := c.Person, w.a.Person
	fill := func(to *care.Opt[string], have, told string) {
		if have == "" && told != "" {
			*to, any = care.Tell(told), true
		}
	}
	var a care.About
	fill(&a.Given, have.Given, told.Given)
	fill(&a.Title, have.Title, told.Title)
	fill(&a.Sex, have.Sex, told.Sex)
	if !told.Restricted && !c.Sensitive {
		fill(&a.Phone, have.Phone, told.Phone)
		fill(&a.GP, have.GP, told.GP)
		if have.Address.IsZero() && !told.Address.IsZero() {
			a.Address, any = care.Tell(told.Address), true
		}
	}
	at := w.now
	if !have.AsAt.IsZero() {
		at = have.AsAt.Add(-time.Microsecond)
	}
	return care.Observation{At: at, Said: at, Source: care.Source{Feed: tracedBy, Name: tracedBy}, Event: "PDS", About: a, Seen: &care.Seen{Person: true}}, any
}

// Of one round of checking again: how many at most, and how far apart rounds are.
const (
	recheckAtOnce = 20
	recheckBeat   = time.Minute
)

// recheckLoop asks PDS again about people with an open referral, when that was long
// ago or never. It is off where RecheckPDS is 0.
func (h *Hub) recheckLoop(ctx context.Context) {
	if !h.HasPDS() || h.RecheckPDS <= 0 {
		return
	}
	tick := time.NewTicker(recheckBeat)
	defer tick.Stop()
	for {
		if _, err := h.Recheck(ctx); err != nil && ctx.Err() == nil {
			h.Log.Warn("checking people with PDS again; trying again", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Recheck does one round of that, and returns how many people were asked about. It
// stops when PDS does not answer at all; of whom PDS cannot tell is asked in the next
// round too, and holds up nobody else.
func (h *Hub) Recheck(ctx context.Context) (n int, err error) {
	var failed error
	ids, err := view(ctx, h, func(tx *store.Tx) ([]care.CaseID, error) { return tx.PDSDue(h.now().Add(-h.RecheckPDS), recheckAtOnce) })
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		c, err := view(ctx, h, func(tx *store.Tx) (care.Case, error) { return h.living(tx, id) })
		if err != nil {
			return n, err
		}
		_, err = h.trace(ctx, c, care.Cause{Kind: "system", By: care.Who{Name: tracedBy}}, func(tx *store.Tx, outcome string) error {
			return tx.Audit(store.AuditRecord{At: h.now(), Actor: "homeward", Name: "Homeward", Action: "tracePDS", Case: c.ID, Purpose: string(policy.DirectCare), Allowed: true, Outcome: outcome})
		})
		if care.KindOf(err) == care.Required { // there is nothing to ask by: not again before the time is over
			err = h.Store.Update(ctx, func(tx *store.Tx) error {
				return tx.PutPDSAnswer(store.PDSAnswer{Case: id, Asked: h.now(), Doc: []byte(`{"state":"","words":["PDS cannot be asked: too little is known of the person"]}`)})
			})
		}
		switch {
		case pds.OfOne(err):
			failed = err
		case err != nil:
			return n, err
		default:
			n++
		}
	}
	return n, failed
}
