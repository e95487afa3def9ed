package measure

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"homeward/care"
	"homeward/nhs"
)

// A Finding is something about a record that is missing, late, contradictory or
// improbable: what it is, what to do, and who can. The limits are ours.
type Finding struct {
	Code  string
	Kind  FindingKind
	Words string // "No NHS number a day after admission"
	Do    string // what mends it
	Who   Mender
	// stay and referral find it in a stay or a referral as it is now known: since when it
	// is one, which may be a time to come. What is not known before is no finding before.
	stay     func(look, care.Stay) (since time.Time, is bool)
	referral func(look, care.Referral) (since time.Time, is bool)
}

// FindingKind is what is wrong with what was recorded.
type FindingKind string

// The kinds.
const (
	Missing       FindingKind = "missing"
	TooLate       FindingKind = "late"
	Contradictory FindingKind = "contradictory"
	Improbable    FindingKind = "improbable"
)

// FindingKinds lists the kinds in the order in which they are shown.
var FindingKinds = []FindingKind{Missing, TooLate, Contradictory, Improbable}

// Mender is who can mend a finding.
type Mender string

// The menders.
const (
	WardMends        Mender = "ward"        // the staff of the ward, in the hospital's own system
	CoordinatorMends Mender = "coordinator" // the hospital's discharge coordinators
	CouncilMends     Mender = "council"     // the team manager of the council's team
	FeedMends        Mender = "feed"        // the integration engineer
	StewardMends     Mender = "steward"     // who settles who is who
)

// OfReferral reports whether a finding is about a referral, and not about a stay.
func (f Finding) OfReferral() bool { return f.referral != nil }

// FindFinding finds a finding by its code.
func FindFinding(code string) (Finding, bool) {
	i := slices.IndexFunc(Findings, func(f Finding) bool { return f.Code == code })
	if i < 0 {
		return Finding{}, false
	}
	return Findings[i], true
}

const (
	day          = 24 * time.Hour
	lateAfter    = 4 * time.Hour // of what a feed tells
	longStay     = 180 * day
	oldest       = 115 // years
	manyChanges  = 20  // of the predicted date, in one stay
	lingersAfter = 42  // days after leaving: intermediate care is up to six weeks
)

// Findings lists what is looked for. To add one, add a literal, and a history that has
// it to the tests.
var Findings = []Finding{
	{Code: "number-missing", Kind: Missing, Who: WardMends, Words: "No NHS number a day after admission", Do: "Trace the number in the hospital’s system, with the person’s name, date of birth and address.",
		stay: inBed(day, func(l look, _ care.Stay) bool { return l.c.NHS.IsZero() })},
	{Code: "number-unverified", Kind: Missing, Who: WardMends, Words: "NHS number not traced and agreed a day after admission", Do: "Have the number checked with the Personal Demographics Service.",
		stay: inBed(day, func(l look, _ care.Stay) bool { return !l.c.NHS.IsZero() && !l.c.Trace.Verified() })},
	{Code: "born-missing", Kind: Missing, Who: WardMends, Words: "No date of birth a day after admission", Do: "Ask the person or their family, and record it in the hospital’s system.",
		stay: inBed(day, func(l look, _ care.Stay) bool { return l.c.Person.Born.IsZero() })},
	{Code: "address-missing", Kind: Missing, Who: WardMends, Words: "No postcode a day after admission", Do: "Record where the person lives: without it nobody can tell which council is responsible.",
		stay: inBed(day, func(l look, _ care.Stay) bool { return l.c.Person.Address.Postcode == "" })},
	{Code: "ward-missing", Kind: Missing, Who: FeedMends, Words: "In a bed, and no ward told", Do: "See which field the hospital’s system puts the ward in, and whether it sends it.",
		stay: inBed(time.Hour, func(_ look, s care.Stay) bool { return s.Where.Ward == "" })},
	{Code: "ward-unnamed", Kind: Missing, Who: FeedMends, Words: "A ward’s code that has no name", Do: "Add the code to the wards of the feed in the configuration.",
		stay: inBed(0, func(_ look, s care.Stay) bool { return s.Where.Ward != "" && s.Where.Name == "" })},
	{Code: "expected-missing", Kind: Missing, Who: WardMends, Words: "No predicted discharge date a day after admission", Do: "Agree one on the ward round, and record it.",
		stay: inBed(day, func(_ look, s care.Stay) bool { return s.EDD().IsZero() })},
	{Code: "ready-missing", Kind: Missing, Who: WardMends, Words: "Left with a referral, and no discharge-ready date was recorded", Do: "Record the day on which the criteria to reside were no longer met.", stay: readyMissing},
	{Code: "destination-missing", Kind: Missing, Who: WardMends, Words: "Left, and it was not recorded where to", Do: "Record the discharge destination in the hospital’s system.", stay: destinationMissing},
	{Code: "pathway-missing", Kind: Missing, Who: CoordinatorMends, Words: "A referral without a pathway", Do: "Add the pathway to the referral.",
		referral: open(func(r care.Referral) bool { return r.Pathway == "" })},
	{Code: "council-unsettled", Kind: Missing, Who: CoordinatorMends, Words: "A referral, and it is not settled which council is responsible", Do: "Settle the council, on the referral.",
		referral: open(func(r care.Referral) bool { return r.To == "" })},
	{Code: "home-overdue", Kind: TooLate, Who: CouncilMends, Words: "91 days after leaving, and nobody recorded where the person is", Do: "Find out, and record it with the outcome of the referral.", referral: homeOverdue},
	{Code: "expected-passed", Kind: TooLate, Who: WardMends, Words: "The predicted discharge date is over, and the person is still there", Do: "Agree a new date on the ward round.", stay: expectedPassed},
	{Code: "told-late", Kind: TooLate, Who: FeedMends, Words: "The hospital’s last news of a person came more than 4 hours after it happened", Do: "See whether the hospital’s system was down, or enters such things late.", stay: toldLate},
	{Code: "referral-lingers", Kind: TooLate, Who: CouncilMends, Words: "Six weeks after leaving, and the referral is still open", Do: "Close the referral, or record what is still to be done.", referral: lingers},
	{Code: "ready-after-left", Kind: Contradictory, Who: WardMends, Words: "Discharge-ready date after the day of leaving", Do: "Correct the date or the day of leaving, in the hospital’s system.", stay: readyAfterLeft},
	{Code: "ready-before-admitted", Kind: Contradictory, Who: WardMends, Words: "Discharge-ready date before the admission", Do: "Correct the date. Until then it counts from the admission.", stay: readyBeforeAdmitted},
	{Code: "ready-and-criteria", Kind: Contradictory, Who: WardMends, Words: "The hospital’s system and the staff say different things of the criteria to reside", Do: "Look at the person again on the ward round, and record what is so.", stay: readyAndCriteria},
	{Code: "left-before-admitted", Kind: Contradictory, Who: WardMends, Words: "Left before they were admitted", Do: "Correct one of the two times in the hospital’s system.",
		stay: func(_ look, s care.Stay) (time.Time, bool) {
			return time.Time{}, s.Left != nil && !s.Admitted.IsZero() && s.Left.At.Before(s.Admitted)
		}},
	{Code: "left-referral-open", Kind: Contradictory, Who: CouncilMends, Words: "Left three days ago, and the referral is still worked on as if they were there", Do: "Bring the referral to the stage that it is at.", referral: leftAndOpen},
	{Code: "two-stays", Kind: Contradictory, Who: StewardMends, Words: "Two stays at once", Do: "See whether two people’s records were joined, or the other stay has ended.",
		stay: func(l look, s care.Stay) (time.Time, bool) { return time.Time{}, s.Left == nil && !l.present(s) }},
	{Code: "died-and-there", Kind: Contradictory, Who: WardMends, Words: "Died, and is still shown in hospital", Do: "End the stay in the hospital’s system, or take the death back.",
		stay: diedAndThere},
	{Code: "very-old", Kind: Improbable, Who: WardMends, Words: "More than 115 years old", Do: "Check the date of birth.",
		stay: inBed(0, func(l look, s care.Stay) bool {
			return !l.c.Person.Born.IsZero() && l.c.Person.Born.AgeOn(l.day(s.Admitted)) > oldest
		})},
	{Code: "born-later", Kind: Improbable, Who: WardMends, Words: "Born after the admission", Do: "Check the date of birth.",
		stay: inBed(0, func(l look, s care.Stay) bool { return l.day(s.Admitted).Before(l.c.Person.Born) })},
	{Code: "long-stay", Kind: Improbable, Who: WardMends, Words: "In hospital for more than 180 days", Do: "See whether the person is still there: the end of the stay may not have been told.",
		stay: inBed(longStay, func(look, care.Stay) bool { return true })},
	{Code: "date-changes", Kind: Improbable, Who: FeedMends, Words: "The predicted discharge date changed more than 20 times", Do: "See whether the hospital’s system sends a date that it works out by itself.",
		stay: inBed(0, func(_ look, s care.Stay) bool { return s.Changes() > manyChanges })},
	{Code: "ahead", Kind: Improbable, Who: FeedMends, Words: "Told of a time that had not come yet", Do: "See whether the clock or the zone of the hospital’s system is wrong.", stay: ahead},
}

// look is a case as it is known after one entry of its history.
type look struct {
	t    *Trail
	c    care.Case
	at   time.Time // when the entry was recorded
	late map[nhs.ODS]bool
}

func (l look) day(at time.Time) nhs.Date { return l.t.Day(at) }

// midnight is when a local day begins.
func (l look) midnight(d nhs.Date) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, l.t.Zone)
}

// present reports whether a stay is the one that the person is in.
func (l look) present(s care.Stay) bool { return l.c.Stay != nil && sameStay(*l.c.Stay, s) }

func sameStay(a, b care.Stay) bool {
	return a.Org == b.Org && a.Visit == b.Visit && a.Admitted.Equal(b.Admitted)
}

// inBed finds what is so of somebody who is in a bed, some time after the admission.
func inBed(after time.Duration, is func(look, care.Stay) bool) func(look, care.Stay) (time.Time, bool) {
	return func(l look, s care.Stay) (time.Time, bool) {
		if !l.present(s) || !s.Inpatient() || s.Admitted.IsZero() || !is(l, s) {
			return time.Time{}, false
		}
		return s.Admitted.Add(after), true
	}
}

// open finds what is so of a referral that is open.
func open(is func(care.Referral) bool) func(look, care.Referral) (time.Time, bool) {
	return func(_ look, r care.Referral) (time.Time, bool) { return r.Sent, r.Open() && is(r) }
}

// leftBed reports whether somebody left a bed alive, not for another ward or hospital.
func leftBed(s care.Stay) bool {
	return s.Left != nil && s.Inpatient() && !s.Left.Died && !s.Left.ToHospital()
}

// readyMissing: who stays two nights or more and is referred had a day on which they
// were ready. NHS England, Discharge Ready Date guidance: it may be blank for those who
// leave on the day, which two nights with a referral make improbable.
func readyMissing(l look, s care.Stay) (time.Time, bool) {
	if !leftBed(s) || len(s.Ready) > 0 || l.day(s.Admitted).DaysTo(l.day(s.Left.At)) < 2 {
		return time.Time{}, false
	}
	referred := slices.ContainsFunc(l.c.Referrals, func(r care.Referral) bool {
		of, ok := l.c.StayOf(r)
		return ok && sameStay(of, s)
	})
	return s.Left.At, referred
}

func destinationMissing(_ look, s care.Stay) (time.Time, bool) {
	if !leftBed(s) {
		return time.Time{}, false
	}
	return s.Left.At.Add(day), s.Left.Destination == "" || s.Left.Destination == "99" // 99: not known
}

func homeOverdue(l look, r care.Referral) (time.Time, bool) {
	due, _ := l.c.HomeDue(r)
	if due.IsZero() || r.State == care.RefWithdrawn || r.State == care.RefCancelled || r.State == care.RefTransferred || l.c.OutcomeOf(r.ID).Day91 != nil {
		return time.Time{}, false
	}
	return l.midnight(due.Add(8)), true // a week to find out
}

func expectedPassed(l look, s care.Stay) (time.Time, bool) {
	_, is := inBed(0, func(_ look, s care.Stay) bool { return !s.EDD().IsZero() })(l, s)
	return l.midnight(s.EDD().Add(1)), is
}

func toldLate(l look, s care.Stay) (time.Time, bool) {
	return time.Time{}, l.present(s) && l.late[s.Org]
}

func lingers(l look, r care.Referral) (time.Time, bool) {
	s, left := l.c.StayOf(r)
	if !left || !r.Open() {
		return time.Time{}, false
	}
	return l.midnight(l.day(s.Left.At).Add(lingersAfter)), true
}

func readyAfterLeft(l look, s care.Stay) (time.Time, bool) {
	n := len(s.Ready)
	if n == 0 || s.Left == nil {
		return time.Time{}, false
	}
	return s.Left.At, l.day(s.Left.At).Before(l.day(s.Ready[n-1].From))
}

func readyBeforeAdmitted(_ look, s care.Stay) (time.Time, bool) {
	return s.Admitted, slices.ContainsFunc(s.Ready, func(p care.Period) bool { return !p.Told.IsZero() })
}

// readyAndCriteria: who meets a criterion is not ready to leave, and who meets none is.
// NHS Data Dictionary, CRITERIA TO RESIDE CODE. A day is given for the next ward round.
func readyAndCriteria(l look, s care.Stay) (time.Time, bool) {
	n := len(s.Criteria)
	if n == 0 || s.Fit == "" || !l.present(s) {
		return time.Time{}, false
	}
	last := s.Criteria[n-1]
	since := last.At
	if s.Known.Fit.After(since) {
		since = s.Known.Fit
	}
	return since.Add(day), (s.Fit == "Y") == (len(last.Codes) > 0)
}

func leftAndOpen(l look, r care.Referral) (time.Time, bool) {
	s, left := l.c.StayOf(r)
	if !left || !r.Open() || r.State == care.RefDischarged {
		return time.Time{}, false
	}
	return s.Left.At.Add(3 * day), true
}

// diedAndThere: a day is given to end the stay.
func diedAndThere(l look, s care.Stay) (time.Time, bool) {
	if l.c.Died == nil || !l.present(s) {
		return time.Time{}, false
	}
	return l.c.Died.At.Add(day), true
}

func ahead(l look, s care.Stay) (time.Time, bool) {
	times := []time.Time{s.Admitted}
	if s.Left != nil {
		times = append(times, s.Left.At)
	}
	if n := len(s.Ready); n > 0 {
		times = append(times, s.Ready[n-1].From)
	}
	return time.Time{}, slices.ContainsFunc(times, func(t time.Time) bool { return t.After(l.at.Add(time.Hour)) })
}

// findings are what was found in one record, as its history grew.
type findings struct {
	open  map[string]Point // by code and what it is of
	done  []Point
	times map[string]int // how often each has ended
	late  map[nhs.ODS]bool
	first map[string]time.Time // when a stay was first told of
}

// see looks at the case after one entry more. What is found begins when it was recorded,
// or when it is due, and ends when something was recorded by which it is no longer so.
func (f *findings) see(t *Trail, e care.Entry) {
	if f.open == nil {
		f.open, f.times, f.late, f.first = map[string]Point{}, map[string]int{}, map[nhs.ODS]bool{}, map[string]time.Time{}
	}
	c := t.Case()
	f.news(c, e)
	now := map[string]Point{}
	if c.ID != "" && c.JoinedTo == "" {
		look{t: t, c: c, at: e.Recorded, late: f.late}.find(now)
	}
	goesOn := map[string]bool{}
	for key, was := range f.open {
		if p, is := now[key]; is && !p.From.After(e.Recorded) && !was.From.After(e.Recorded) {
			p.From, goesOn[key] = was.From, true
			now[key] = p
		} else if was.From.Before(e.Recorded) { // else it was mended before it was due
			was.To = e.Recorded
			f.done = append(f.done, was)
			f.times[key]++
		}
	}
	for key, p := range now {
		if p.From.Before(e.Recorded) && !goesOn[key] {
			p.From = e.Recorded // nobody knew before
		}
		if p.Subject = key; f.times[key] > 0 {
			p.Subject += "#" + strconv.Itoa(f.times[key]+1)
		}
		now[key] = p
	}
	f.open = now
}

// news notes whether what a hospital's system tells comes late. What comes with the first
// news of a stay does not count: it may be older than this site (see Told).
func (f *findings) news(c care.Case, e care.Entry) {
	if e.Cause.Kind == "person" || c.Stay == nil {
		return
	}
	stay := stayName(*c.Stay)
	switch e.Event.(type) {
	case care.Admitted:
		f.first[stay], f.late[c.Stay.Org] = e.Recorded, false
	case care.Moved, care.StayTold, care.BecameReady, care.NoLongerReady, care.ExpectedChanged:
		f.late[c.Stay.Org] = e.Recorded.Sub(e.Event.When()) > lateAfter && e.Recorded.Sub(f.first[stay]) > time.Hour
	}
}

// find finds all that is so now, by code and what it is of. From is since when, as it is
// recorded; it may be before this was known, or to come.
func (l look) find(found map[string]Point) {
	stays := l.c.Past
	if l.c.Stay != nil {
		stays = append(slices.Clone(stays), *l.c.Stay)
	}
	for _, s := range stays {
		for _, x := range Findings {
			if x.stay == nil {
				continue
			}
			if since, is := x.stay(l, s); is {
				g := l.groupOf(s)
				g.Reason = x.Code
				found[x.Code+"/"+stayName(s)] = Point{Group: g, From: since}
			}
		}
	}
	for _, r := range l.c.Referrals {
		for _, x := range Findings {
			if x.referral == nil {
				continue
			}
			if since, is := x.referral(l, r); is {
				g := l.t.GroupOf(r)
				g.Reason = x.Code
				found[x.Code+"/"+string(r.ID)] = Point{Group: g, From: since}
			}
		}
	}
}

// groupOf is what a stay belongs to, and the feed that tells of it.
func (l look) groupOf(s care.Stay) Group {
	g := Group{Hospital: s.Org, Ward: s.Where.Ward}
	for _, o := range l.t.Stays() {
		if sameStay(o.Stay, s) {
			g = o.Group
		}
	}
	g.Feed = s.Source
	return g
}

// FindingOf is what a finding is of, by the subject of its point: a referral's id, or a
// hospital and a visit.
func FindingOf(subject string) string {
	_, of, _ := strings.Cut(subject, "/")
	if i := strings.LastIndexByte(of, '#'); i >= 0 {
		of = of[:i]
	}
	return of
}

func stayName(s care.Stay) string {
	return string(s.Org) + "/" + cmp.Or(s.Visit, "stay-"+strconv.FormatInt(s.Admitted.Unix(), 10))
}

// qualityCuts are few: a finding may last for long, and counts in each for each day.
var qualityCuts = [][]Dim{{ByReason}, {ByFeed}, {ByHospital}, {ByHospital, ByWard}, {ByCouncil}}

// Quality are the findings, each for as long as it is one.
var Quality = &Source{ID: "quality", Words: "something that is missing, late, contradictory or improbable in a record", Span: true, Of: qualityPoints, Cuts: qualityCuts, Each: 8, EachOf: 2, Own: []Dim{ByReason}}

func qualityPoints(t *Trail) []Point { return t.findings.points(true) }

// Mended are the findings that are none any more, on the day on which that was recorded:
// they were put right, or the person left and they no longer matter.
var Mended = &Source{ID: "mended", Words: "something in a record that was put right, or no longer matters", Of: mendedPoints, Cuts: qualityCuts, Each: 8, EachOf: 2, Own: []Dim{ByReason}}

func mendedPoints(t *Trail) []Point {
	out := t.findings.points(false)
	for i := range out {
		out[i].Value = int64(t.Day(out[i].From).DaysTo(t.Day(out[i].To)))
	}
	return out
}

// Told are the admissions and the ends of stays that hospitals told of, each with the
// whole minutes from when it was to when it was recorded here.
var Told = &Source{ID: "told", Words: "an admission or a leaving that a hospital’s system told of", Of: toldPoints, Cuts: qualityCuts[1:], Each: 2}

func toldPoints(t *Trail) []Point {
	var out []Point
	var stays []StayOf
	for _, e := range t.Entries {
		if e.Cause.Kind == "person" {
			continue
		}
		var org nhs.ODS
		var visit string
		switch x := e.Event.(type) {
		case care.Admitted:
			org, visit = x.Stay.Org, x.Stay.Visit
		case care.Discharged:
			org, visit = x.Org, x.Visit
		default:
			continue
		}
		if stays == nil {
			stays = t.Stays()
		}
		i := slices.IndexFunc(stays, func(s StayOf) bool { return s.Org == org && s.Visit == visit })
		if i < 0 || !stays[i].Inpatient() {
			continue // taken back since
		}
		p := Point{Subject: strconv.Itoa(e.N), Group: stays[i].Group, From: e.Event.When(), To: e.Recorded}
		p.Feed = stays[i].Source
		p.Value = max(0, int64(p.To.Sub(p.From)/time.Minute))
		if p.To.Before(p.From) {
			p.From = p.To
		}
		out = append(out, p)
	}
	return out
}

// points are the findings so far: those that have ended, and if asked those that last.
func (f *findings) points(all bool) []Point {
	out := slices.Clone(f.done)
	if all {
		for _, p := range f.open {
			out = append(out, p)
		}
	}
	return out
}

// qualities are the measures of how good the data are.
var qualities = []Measure{
	{ID: "quality-open", Title: "Things to put right in records", Sentence: "How much of what is recorded was missing, late, contradictory or improbable, at midnight.",
		Unit: Count, Start: "when it was recorded, or when it was due", Stop: "when something was recorded by which it is so no longer", Method: "Each finding counts at each midnight at which it lasted. Over more days it is the average of the midnights that have passed.",
		Source: Quality, Stat: number, By: byRecord, Cite: "ours", Better: Lower, Local: true, Nightly: true},
	{ID: "quality-mended", Title: "Put right, or over", Sentence: "How many findings ended: they were put right, or the person left and they no longer matter.",
		Unit: Count, Start: "when it was found", Stop: "when something was recorded by which it is so no longer", Method: "Each finding counts on the day on which it ended.",
		Source: Mended, Stat: number, By: byRecord, Cite: "ours", Better: Higher, Local: true},
	{ID: "quality-days", Title: "Days until it was put right", Sentence: "Of findings that ended, after how many days half of them had.",
		Unit: Days, Start: "when it was found", Stop: "when something was recorded by which it is so no longer", Method: "The median of the whole local days from one to the other.",
		Source: Mended, Stat: quantile(0.5), By: byRecord, Cite: "ours", Better: Lower, Local: true},
	{ID: "told-late", Title: "Told more than 4 hours late", Sentence: "Of the admissions and leavings that hospitals’ systems told of, the share that came more than 4 hours after it happened.",
		Unit: Share, Start: "the time of the admission or the leaving", Stop: "when it was recorded here", Method: "Those of more than 240 minutes divided by all.",
		Source: Told, Stat: shareOf(241, math.MaxInt64-1), By: byRecord[1:], Cite: "ours", Better: Lower, Local: true},
	{ID: "told-after", Title: "Minutes until a hospital’s system told", Sentence: "After how many minutes half of the admissions and leavings were recorded here.",
		Unit: Minutes, Start: "the time of the admission or the leaving", Stop: "when it was recorded here", Method: "The median of the whole minutes from one to the other.",
		Source: Told, Stat: quantile(0.5), By: byRecord[1:], Cite: "ours", Better: Lower, Local: true},
}

// byRecord is by what the measures of data can be split.
var byRecord = []Dim{ByReason, ByFeed, ByHospital, ByWard, ByCouncil}
