package care

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"homeward/nhs"
)

// Destinations are the places to which people leave hospital, as people say them: our
// own short list over DISCHARGE DESTINATION CODE (NHS Data Dictionary), which does not
// tell home with care from home without.
var Destinations = []Coded{
	{"home", "Home, without care"}, {"home-care", "Home, with care or reablement"}, {"extra-care", "Extra care or sheltered housing"},
	{"family", "With family or friends"}, {"bed", "A bed for rehabilitation or assessment"}, {"respite", "A care home, for a short stay only"},
	{"care-home", "A care home, to stay"}, {"nursing-home", "A nursing home, to stay"}, {"hospice", "A hospice"},
	{"hospital", "Another hospital"}, {"other", "Somewhere else"},
}

// HomeAnswers are where somebody can be on day 91 and after six months.
var HomeAnswers = []Coded{
	{HomeAtHome, "At home"}, {"extra-care", "In extra care or sheltered housing"}, {"respite", "In a care home for a short respite, to go back home"},
	{HomeCareHome, "In a registered care home"}, {HomeHospital, "In hospital"}, {HomeDied, "The person has died"}, {"unreachable", "Could not be reached"},
}

// The answers that a rule can give.
const (
	HomeAtHome   = "home"
	HomeCareHome = "care-home"
	HomeHospital = "hospital"
	HomeDied     = "died"
)

// Counts reports whether an answer counts as at home. Who died, is in hospital or in a
// registered care home but for brief respite, or cannot be reached, is not at home, and
// stays in the denominator (ASCOF 2D, as 2B part 1 was collected before it).
func (a AtHome) Counts() bool {
	return slices.Contains([]string{HomeAtHome, "extra-care", "respite"}, a.Answer)
}

// SayCoded is a code of a list in words; the code itself where the list has it not.
func SayCoded(list []Coded, code string) string {
	if i := slices.IndexFunc(list, func(c Coded) bool { return c.Code == code }); i >= 0 {
		return list[i].Say
	}
	return code
}

// The parts of an outcome, as RecordOutcome and OutcomeChanged name them.
const (
	OutcomeDestination = "destination"
	OutcomeGoals       = "goals"
	OutcomeSaid        = "said"
	OutcomeDay91       = "day91"
	OutcomeMonth6      = "month6"
)

const (
	mostGoals  = 20
	goalMet    = "met"
	goalPartly = "partly"
	goalNot    = "not"
)

// OutcomeOf is the outcome of a referral; a zero At is that nothing was recorded.
func (c Case) OutcomeOf(id ReferralID) Outcome {
	for _, o := range c.Outcomes {
		if o.Referral == id {
			return o
		}
	}
	return Outcome{Referral: id}
}

// ukDay is the day in the United Kingdom. Summer time lasts from 1:00 GMT on the last
// Sunday of March to that of October (Summer Time Order 2002); care knows no zones of
// the machine.
func ukDay(t time.Time) nhs.Date {
	t = t.UTC()
	turn := func(m time.Month) time.Time {
		last := time.Date(t.Year(), m, 31, 1, 0, 0, 0, time.UTC)
		return last.AddDate(0, 0, -int(last.Weekday()))
	}
	if !t.Before(turn(time.March)) && t.Before(turn(time.October)) {
		t = t.Add(time.Hour)
	}
	return nhs.DateOf(t)
}

// monthsAfter is the same day some months later, or the last of that month where it has
// none: six months after 31 August is 28 or 29 February.
func monthsAfter(d nhs.Date, n int) nhs.Date {
	first := time.Date(d.Year, time.Month(d.Month)+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return nhs.DateOf(time.Date(first.Year(), first.Month(), min(int(d.Day), last), 0, 0, 0, 0, time.UTC))
}

// stayOf is the stay that a referral was made in, once it has ended; false while it
// has not. Where the hospital never told of a visit, it is the first that ended after
// the referral was sent.
func (c Case) stayOf(r Referral) (Stay, bool) {
	for i := len(c.Past) - 1; i >= 0 && r.Stay != ""; i-- {
		if s := c.Past[i]; s.Org == r.From && s.Visit == r.Stay {
			return s, s.Left != nil
		}
	}
	if r.Stay != "" {
		return Stay{}, false
	}
	for _, s := range c.Past {
		if s.Org == r.From && s.Left != nil && !s.Left.At.Before(r.Sent) {
			return s, true
		}
	}
	return Stay{}, false
}

// LeftOn is the day on which the person left hospital for a referral: as the feed told
// it, and as people recorded it; zero where they did not.
func (c Case) LeftOn(r Referral) (feed, hand nhs.Date) {
	if s, ok := c.stayOf(r); ok && !s.Left.Died {
		feed = ukDay(s.Left.At)
	}
	return feed, c.OutcomeOf(r.ID).Left
}

// A homeQuestion is one of the two questions whether somebody is still at home.
type homeQuestion struct {
	what string
	kind TaskKind
	text string
	on   func(left nhs.Date) nhs.Date
	get  func(Outcome) *AtHome
	set  func(*Outcome, *AtHome)
}

// homeQuestions: day 91 counts from the day after leaving as 1, so it is 91 days later.
var homeQuestions = []homeQuestion{
	{OutcomeDay91, TaskHome91, "Find out where the person is 91 days after leaving hospital", func(d nhs.Date) nhs.Date { return dayAfter(d, 91) },
		func(o Outcome) *AtHome { return o.Day91 }, func(o *Outcome, a *AtHome) { o.Day91 = a }},
	{OutcomeMonth6, TaskHome6m, "Find out where the person is 6 months after leaving hospital", func(d nhs.Date) nhs.Date { return monthsAfter(d, 6) },
		func(o Outcome) *AtHome { return o.Month6 }, func(o *Outcome, a *AtHome) { o.Month6 = a }},
}

// HomeDue is the days on which it is asked where the person of a referral is; zero
// while it is not known when they left.
func (c Case) HomeDue(r Referral) (day91, month6 nhs.Date) {
	feed, hand := c.LeftOn(r)
	if left := cmp.Or(feed, hand); !left.IsZero() {
		return dayAfter(left, 91), monthsAfter(left, 6)
	}
	return nhs.Date{}, nhs.Date{}
}

func (x RecordOutcome) decide(d deciding) ([]Event, error) {
	r, ok := d.c.referral(x.Outcome.Referral)
	switch {
	case !ok:
		return nil, &Error{Kind: NotFound, Text: "There is no such referral"}
	case d.by.Org != r.From && d.by.Org != r.To:
		return nil, &Error{Kind: Forbidden, Text: "This referral is with other organisations"}
	}
	was := d.c.OutcomeOf(r.ID)
	next, err := d.outcome(r, was, x)
	if err != nil || sameOutcome(was, next) {
		return nil, err // the same form, sent twice
	}
	if !was.At.Equal(x.Was) {
		return nil, &Error{Kind: Conflict, Text: "Somebody else has recorded an outcome since you opened this. Check what they recorded"}
	}
	next.Of, next.At, next.By = r.Of, d.now, d.by.Who()
	return []Event{OutcomeChanged{At: d.now, What: x.What, By: d.by.Who(), Outcome: next}}, nil
}

// sameOutcome compares what was said, and not who said it when.
func sameOutcome(a, b Outcome) bool {
	home := func(x, y *AtHome) bool {
		return x == nil && y == nil || x != nil && y != nil && x.On == y.On && x.Answer == y.Answer && x.Rule == y.Rule
	}
	return a.Destination == b.Destination && a.Left == b.Left && slices.Equal(a.Goals, b.Goals) && a.Said == b.Said && a.SaidAt.Equal(b.SaidAt) &&
		a.SaidTo == b.SaidTo && home(a.Day91, b.Day91) && home(a.Month6, b.Month6)
}

// outcome is what is recorded with one part of it anew.
func (d deciding) outcome(r Referral, was Outcome, x RecordOutcome) (Outcome, error) {
	next, o := was, x.Outcome
	switch x.What {
	case OutcomeDestination:
		next.Destination, next.Left = o.Destination, o.Left
		return next, d.destination(r, o)
	case OutcomeGoals:
		next.Goals = slices.Clone(o.Goals)
		return next, goals(o.Goals)
	case OutcomeSaid:
		next.Said, next.SaidAt, next.SaidTo = strings.TrimSpace(o.Said), o.SaidAt, o.SaidTo
		if next.SaidTo.Name == "" {
			next.SaidTo = d.by.Who()
		}
		switch err := words("said", o.Said, "what the person said", true, noteLimit); {
		case err != nil:
			return next, err
		case o.SaidAt.IsZero():
			return next, missing("saidAt", "Enter the day on which the person said it")
		case d.now.Before(o.SaidAt):
			return next, invalid("saidAt", "Enter a day that is not in the future")
		}
		return next, words("saidTo", next.SaidTo.Name, "to whom the person said it", true, shortLimit)
	}
	for _, q := range homeQuestions {
		if q.what != x.What {
			continue
		}
		a, err := d.atHome(r, q, q.get(o))
		q.set(&next, a)
		return next, err
	}
	return next, invalid("what", "Choose which part of the outcome to record")
}

func (d deciding) destination(r Referral, o Outcome) error {
	if !slices.ContainsFunc(Destinations, func(c Coded) bool { return c.Code == o.Destination }) {
		return missing("destination", "Choose where the person went")
	}
	switch {
	case o.Left.IsZero():
	case ukDay(d.now).Before(o.Left):
		return invalid("left", "Enter a day on which the person left that is not in the future")
	case o.Left.Before(dayAfter(ukDay(r.Sent), -longAgo)):
		return invalid("left", "Enter a day on which the person left that is not long before the referral")
	}
	return nil
}

func goals(gs []Goal) error {
	if len(gs) > mostGoals {
		return invalid("goals", "Keep "+itoa(mostGoals)+" goals or fewer")
	}
	seen := map[string]bool{}
	for _, g := range gs {
		if err := words("goals", g.Text, "the goal", true, shortLimit); err != nil {
			return err
		}
		if g.ID == "" || seen[g.ID] {
			return missing("key", "A goal has no key. Open the form again")
		}
		if !slices.Contains([]string{"", goalMet, goalPartly, goalNot}, g.Met) {
			return invalid("goals", "Choose whether the goal was met, partly met or not met")
		}
		seen[g.ID] = true
	}
	return nil
}

// atHome is an answer of a person to one of the two questions. Nobody can say it before
// the day has come.
func (d deciding) atHome(r Referral, q homeQuestion, a *AtHome) (*AtHome, error) {
	if a == nil || !slices.ContainsFunc(HomeAnswers, func(c Coded) bool { return c.Code == a.Answer }) {
		return nil, missing("answer", "Choose where the person is")
	}
	feed, hand := d.c.LeftOn(r)
	left := cmp.Or(feed, hand)
	switch {
	case left.IsZero():
		return nil, notNow("It is not known when the person left hospital.", "Record where the person went, and when")
	case ukDay(d.now).Before(q.on(left)) && a.Answer != HomeDied:
		return nil, notNow("The day that this is about has not come: "+daySay(q.on(left))+".", "Answer it on that day or later")
	}
	return &AtHome{On: q.on(left), Answer: a.Answer, At: d.now, By: d.by.Who()}, nil
}

// followedUp reports whether the outcome of a referral is asked for: a council took it
// on, and it did not come to nothing before the person left.
func followedUp(r Referral) bool {
	return !r.Accepted.IsZero() && r.To != "" && slices.Contains([]RefState{RefDischarged, RefClosed, RefDied}, r.State)
}

// askedSince is how long after its day a question is asked still. It keeps the first
// event of an old case from bringing tasks that nobody can do.
const askedSince = 91

// followOutcomes sets the two tasks when somebody leaves hospital, and answers them where
// the answer is known. It compares what should be with what is, and not with the event,
// so that the same again brings nothing: a discharge that is taken back drops the tasks,
// one that is told again sets them again, and an answer of a person stands.
func followOutcomes(was, is Case, e Event, now time.Time) []Event {
	if is.JoinedTo != "" {
		return nil
	}
	for _, r := range is.Referrals {
		feed, hand := is.LeftOn(r)
		left := cmp.Or(feed, hand)
		if !followedUp(r) {
			left = nhs.Date{}
		}
		for _, q := range homeQuestions {
			if ended, ok := e.(TaskChanged); ok && ended.Did == TaskDone && ended.By.ID != "" && ended.Task.Kind == q.kind && ended.Task.Referral == r.ID {
				if ev := answeredBy(is, r, q, left, ended, now); ev != nil {
					return []Event{ev}
				}
			}
			if es := followHome(is, r, q, left, now); len(es) > 0 {
				return es[:1] // after which the rest is asked again, as things stand then
			}
		}
	}
	return nil
}

// answeredBy is the answer in a task that somebody ended with the words of one.
func answeredBy(c Case, r Referral, q homeQuestion, left nhs.Date, e TaskChanged, now time.Time) Event {
	o := c.OutcomeOf(r.ID)
	i := slices.IndexFunc(HomeAnswers, func(h Coded) bool { return strings.EqualFold(strings.TrimSuffix(e.Task.Outcome, "."), h.Say) })
	if a := q.get(o); i < 0 || left.IsZero() || a != nil && !a.Rule || ukDay(now).Before(q.on(left)) && HomeAnswers[i].Code != HomeDied {
		return nil
	}
	q.set(&o, &AtHome{On: q.on(left), Answer: HomeAnswers[i].Code, At: now, By: e.By})
	o.Of, o.At, o.By = r.Of, now, e.By
	return OutcomeChanged{At: now, What: q.what, By: e.By, Outcome: o}
}

// followHome brings one question of a referral to where it should be.
func followHome(c Case, r Referral, q homeQuestion, left nhs.Date, now time.Time) (out []Event) {
	o, id := c.OutcomeOf(r.ID), followed(string(q.kind), string(r.ID), left.String())
	a := q.get(o)
	rule := ruledHome(c, r, q, left, now)
	switch {
	case a != nil && !a.Rule: // a person said it
	case rule == nil && a != nil, rule != nil && (a == nil || a.Answer != rule.Answer || a.On != rule.On):
		q.set(&o, rule)
		o.Of, o.At, o.By = r.Of, now, Who{}
		out, a = append(out, OutcomeChanged{At: now, What: q.what, Outcome: o}), rule
	}
	wanted := !left.IsZero() && a == nil && !dayAfter(q.on(left), askedSince).Before(ukDay(now))
	there := false
	for _, t := range c.Tasks {
		if t.Kind != q.kind || t.Referral != r.ID {
			continue
		}
		there = there || t.ID == id
		switch {
		case t.Open() && a != nil:
			out = append(out, t.end(now, a.By, true, SayCoded(HomeAnswers, a.Answer)))
		case t.Open() && (t.ID != id || left.IsZero()):
			out = append(out, t.end(now, Who{}, false, "It is another day now that the person left hospital, or none"))
		case !t.Open() && t.ID == id && wanted && t.EndedBy.ID == "": // a rule ended it, and its reason is gone
			t.Ended, t.EndedBy, t.Dropped, t.Outcome = time.Time{}, Who{}, false, ""
			out = append(out, TaskChanged{At: now, Did: TaskSet, Task: t})
		}
	}
	if wanted && !there {
		out = append(out, TaskChanged{At: now, Did: TaskSet, Task: Task{Of: r.Of, ID: id, Referral: r.ID, Kind: q.kind, Audience: AudienceCouncil, Text: q.text,
			Owner: homeOwner(r), Due: q.on(left).Time().Add(dayEnds), At: now}})
	}
	return out
}

// homeOwner is the team of the council that has the referral, or whoever is on duty.
func homeOwner(r Referral) Owner {
	o := Owner{Org: r.To}
	if r.Holder.Org == r.To {
		o.Team = r.Holder.Team
	}
	return o
}

// careHomeCodes and hospitalCodes are codes of DISCHARGE DESTINATION CODE (NHS Data
// Dictionary): homes where care is provided, and wards of other hospitals.
var (
	careHomeCodes = []string{"54", "65", "85"}
	hospitalCodes = []string{"30", "48", "49", "50", "51", "52", "53", "84", "87"}
)

// ruledHome is what is known of where somebody is on a day without asking: they died by
// then; a hospital has them over that day; or they were discharged into a registered care
// home, unless people recorded another destination, such as a short respite. nil: nobody
// knows, so somebody asks.
func ruledHome(c Case, r Referral, q homeQuestion, left nhs.Date, now time.Time) *AtHome {
	if left.IsZero() {
		return nil
	}
	on := q.on(left)
	say := func(answer string) *AtHome { return &AtHome{On: on, Answer: answer, Rule: true, At: now} }
	if c.Died != nil && !on.Before(ukDay(c.Died.At)) {
		return say(HomeDied)
	}
	if s, ok := c.stayOf(r); ok && slices.Contains(careHomeCodes, s.Left.Destination) && slices.Contains([]string{"", "care-home", "nursing-home"}, c.OutcomeOf(r.ID).Destination) {
		return say(HomeCareHome)
	}
	if ukDay(now).Before(on) {
		return nil
	}
	over := func(s Stay) bool {
		return s.Inpatient() && !s.Admitted.IsZero() && !on.Before(ukDay(s.Admitted)) && (s.Left == nil || on.Before(ukDay(s.Left.At)))
	}
	if c.Stay != nil && over(*c.Stay) || slices.ContainsFunc(c.Past, over) {
		return say(HomeHospital)
	}
	return nil
}

// Readmitted is what is known of an emergency admission after a discharge. It is crude:
// the published measure standardises, and leaves out cancer and obstetrics.
type Readmitted struct {
	Answer   ReadmitAnswer
	Days     int       // from leaving to the admission, where there is one
	At       time.Time // of the admission
	Org      nhs.ODS
	Method   string // ADMISSION METHOD CODE as told
	Within28 bool   // of 0 to 27 days: the older definition
}

// ReadmitAnswer is the answer to "readmitted within 30 days?".
type ReadmitAnswer string

// The answers.
const (
	ReadmitNone    ReadmitAnswer = "none"    // the 30 days are over
	ReadmitYet     ReadmitAnswer = "yet"     // not so far, and they are not over
	ReadmitYes     ReadmitAnswer = "yes"     // an emergency admission
	ReadmitUnknown ReadmitAnswer = "unknown" // an admission, and nobody told how
)

// emergencyMethods are the codes of an emergency admission, and transferMethods those of
// a transfer from another hospital, which goes on with the same spell: ADMISSION METHOD
// CODE, HOSPITAL PROVIDER SPELL (NHS Data Dictionary).
var (
	emergencyMethods = []string{"21", "22", "23", "24", "25", "26", "27", "28", "2A", "2C", "2D"}
	transferMethods  = []string{"81", "2B"}
	plannedMethods   = []string{"11", "12", "13", "31", "32", "82", "83"}
)

// The days of readmission, the day of leaving being 0; and how long a transfer may take.
const (
	readmit30     = 30
	readmit28     = 28
	transferWithn = 2
)

// Readmission looks in the stays of a case for an emergency admission within 0 to 29 days
// of the end of one of them, as known today. It knows only the hospitals of the case.
func Readmission(c Case, s Stay, today nhs.Date) Readmitted {
	if s.Left == nil || s.Left.Died {
		return Readmitted{}
	}
	left := ukDay(s.Left.At)
	r := Readmitted{Answer: ReadmitNone}
	if left.DaysTo(today) < readmit30 {
		r.Answer = ReadmitYet
	}
	all := c.Stays()
	slices.SortStableFunc(all, func(a, b Stay) int { return a.Admitted.Compare(b.Admitted) })
	for _, x := range all {
		if !x.Inpatient() || x.Admitted.IsZero() || x.Admitted.Before(s.Left.At) || x.Org == s.Org && x.Visit == s.Visit && x.Admitted.Equal(s.Admitted) {
			continue
		}
		days := left.DaysTo(ukDay(x.Admitted))
		moved := slices.Contains(transferMethods, x.Method) || slices.Contains(hospitalCodes, s.Left.Destination)
		switch {
		case days >= readmit30:
			return r
		case s.Left.Moved || moved && days <= transferWithn, slices.Contains(plannedMethods, x.Method), x.Method == "81":
			continue
		}
		found := Readmitted{Answer: ReadmitYes, Days: days, At: x.Admitted, Org: x.Org, Method: x.Method, Within28: days < readmit28}
		if slices.Contains(emergencyMethods, x.Method) || x.Method == "2B" {
			return found
		}
		if r.Answer != ReadmitUnknown {
			found.Answer = ReadmitUnknown
			r = found
		}
	}
	return r
}

// StayOf is the stay in which a referral was made, and whether it has ended.
func (c Case) StayOf(r Referral) (Stay, bool) { return c.stayOf(r) }
