package care

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"homeward/nhs"
)

// What is asked of providers.
const (
	suspendBack  = 7 * 24 * time.Hour  // how far back care may have been suspended
	suspendAhead = 31 * 24 * time.Hour // and ahead
	restartAhead = 92 * 24 * time.Hour // the furthest restart
	ringIn       = 2 * time.Hour       // a broker's time to ring a provider that cannot be reached otherwise
	ackIn        = 2 * time.Hour       // a provider's time to say that it knows
	arrangeIn    = 4 * time.Hour       // a broker's time to look at a refusal to restart
)

// ClientID names what a provider is told of a stay: the same for the same stay and
// provider, whichever message or person says it first.
func ClientID(s Stay, council nhs.ODS, provider string) string {
	return followed("client", string(s.Org), s.Visit, unlessVisit(s.Admitted, s.Visit), string(council), provider)
}

// clientThreads are the notices that stand, on their providers' lists.
func clientThreads(c Case) []Thread {
	var out []Thread
	for _, k := range c.Clients {
		if !k.Ended.IsZero() {
			continue
		}
		t := Thread{Kind: ClientThread, ID: k.ID, Org: k.Council, Owner: string(k.Code()), State: string(k.State()), At: k.Told}
		if k.Acked.IsZero() {
			t.Due = k.Told.Add(ackIn)
		}
		out = append(out, t)
	}
	return out
}

// ---- by rule

// ClientRule is what the rule about providers cannot know from a case.
type ClientRule struct {
	// May reports whether a council may tell its providers of the present stay.
	May func(council nhs.ODS) bool
	// Reach is the provider as the council's directory has it, and whether Homeward
	// can tell it by itself.
	Reach func(council nhs.ODS, provider string) (p Provider, reached bool)
}

// Due is what providers must be told as a case stands, and what is over. Nothing
// has to be remembered: the same case gives the same, and nothing once it is
// recorded. A person under a question, restricted, or who objects, is told of to
// nobody; but what a provider was told already is followed to its end.
func (r ClientRule) Due(c Case, now time.Time) []Event {
	if c.JoinedTo != "" || c.Doubt != nil {
		return nil
	}
	return follow(c, r.due(c, now), now)
}

func (r ClientRule) due(c Case, now time.Time) []Event {
	var out []Event
	for _, k := range c.Clients {
		out = append(out, k.ends(c, now)...)
	}
	s := c.Stay
	if s == nil || s.Left != nil || c.Died != nil || c.Sensitive || c.Objection != nil || s.Class != "I" && s.Class != "E" {
		return out
	}
	for _, h := range c.Holdings {
		if h.Ended || h.Restricted || !slices.ContainsFunc(h.Packages, Package.provided) || !r.May(h.Council) {
			continue
		}
		for _, id := range h.providers() {
			out = append(out, r.tell(c, *s, h, id, now)...)
		}
	}
	return out
}

// provided reports whether a package is care that somebody gives now.
func (p Package) provided() bool {
	return p.Status == PackageActive && p.Kind != DirectPayment && p.Provider != ""
}

// providers lists who gives care now, each once.
func (h Holding) providers() (out []string) {
	for _, p := range h.Packages {
		if p.provided() && !slices.Contains(out, p.Provider) {
			out = append(out, p.Provider)
		}
	}
	return out
}

// packagesOf are the references of the packages that a provider gives now.
func (h Holding) packagesOf(provider string) (refs []string) {
	for _, p := range h.Packages {
		if p.provided() && p.Provider == provider {
			refs = append(refs, p.Ref)
		}
	}
	return refs
}

// tell is the first notice of a stay, or one anew after what ended the last one was
// taken back.
func (r ClientRule) tell(c Case, s Stay, h Holding, provider string, now time.Time) []Event {
	k := Client{ID: ClientID(s, h.Council, provider), Council: h.Council, Provider: provider, Packages: h.packagesOf(provider),
		Stay: s.Visit, Hospital: s.Org, Class: s.Class, Since: s.Admitted, Told: now}
	if was, ok := c.client(k.ID); ok {
		if was.Over.IsZero() && was.Ended.IsZero() || !slices.Contains([]ClientEnd{EndRestarted, EndHome, EndMoved, EndDied, EndUndone}, was.EndedWhy) {
			return nil
		}
		k.By = was.By
		if was.EndedWhy != EndRestarted {
			k.Suspended = was.Suspended
		}
	}
	for _, old := range c.Clients { // moved from one hospital to another: care still stands still
		if old.Council == k.Council && old.Provider == k.Provider && old.ID != k.ID && old.movedOn(c) && k.Suspended.IsZero() {
			k.Suspended = old.Suspended
		}
	}
	p, reached := r.Reach(h.Council, provider)
	k.ProviderName = cmp.Or(p.Name, provider)
	out := append([]Event{ClientChanged{At: now, Did: ClientTold, Client: k}}, c.overtaken(k, now)...)
	if !reached {
		out = append(out, clientTask(c, TaskProvider, k, "Ring "+k.ProviderName+phoneOf(p)+": their client is in hospital", now, ringIn, "ring", now.UTC().Format(time.RFC3339))...)
	}
	return out
}

// overtaken drops the tasks to ring a provider about earlier stays: there is news of
// another one to ring about, or none is to be rung.
func (c Case) overtaken(k Client, now time.Time) (out []Event) {
	for _, old := range c.Clients {
		if old.Council != k.Council || old.Provider != k.Provider || old.ID == k.ID {
			continue
		}
		for _, t := range c.Tasks {
			if t.Kind == TaskProvider && t.About == old.ID && t.Open() {
				t.Ended, t.Dropped, t.Outcome = now, true, "In hospital again"
				out = append(out, TaskChanged{At: now, Did: TaskDropped, Task: t})
			}
		}
	}
	return out
}

func phoneOf(p Provider) string {
	if n := cmp.Or(p.Phone, p.OutOfHours); n != "" {
		return " on " + n
	}
	return ""
}

// clientTask is a task for the council's brokers about a notice. It names nobody:
// the case that it belongs to does.
func clientTask(c Case, kind TaskKind, k Client, text string, now time.Time, in time.Duration, parts ...string) []Event {
	t := Task{ID: followed(append([]string{"client-task", k.ID}, parts...)...), Kind: kind, Audience: AudienceCouncil, Text: text,
		Owner: Owner{Org: k.Council}, At: now, Due: now.Add(in), About: k.ID}
	if slices.ContainsFunc(c.Tasks, func(x Task) bool { return x.ID == t.ID }) {
		return nil
	}
	return []Event{TaskChanged{At: now, Did: TaskSet, Task: t}}
}

// RingProvider is a task to ring a provider about a notice that stands, because it
// could not be reached otherwise; nothing when there is an open one, or the notice
// is over. why goes on from the provider's name: "could not be written to".
func RingProvider(c Case, client string, p Provider, why string, now time.Time) []Event {
	k, ok := c.client(client)
	open := func(t Task) bool { return t.Kind == TaskProvider && t.About == client && t.Open() }
	if !ok || !k.Ended.IsZero() || c.JoinedTo != "" || slices.ContainsFunc(c.Tasks, open) {
		return nil
	}
	text := "Ring " + k.ProviderName + phoneOf(p) + ": it " + why
	return follow(c, clientTask(c, TaskProvider, k, text, now, ringIn, why, now.UTC().Format(time.RFC3339)), now)
}

func (c Case) client(id string) (Client, bool) {
	for _, k := range c.Clients {
		if k.ID == id {
			return k, true
		}
	}
	return Client{}, false
}

// stay is the stay that a notice is about; nil when there never was one.
func (k Client) stay(c Case) *Stay {
	all := c.Stays()
	for i, s := range slices.Backward(all) {
		if s.Org == k.Hospital && (s.Visit != "" && s.Visit == k.Stay || s.Visit == "" && s.Admitted.Equal(k.Since)) {
			return &all[i]
		}
	}
	for i, s := range slices.Backward(all) { // the visit or the time of admission was told or mended later
		if s.Org == k.Hospital && (k.Stay == "" || s.Visit == "") && !s.Admitted.After(k.Told) {
			return &all[i]
		}
	}
	return nil
}

// movedOn reports whether the stay of a notice ended because another began.
func (k Client) movedOn(c Case) bool {
	s := k.stay(c)
	return s != nil && s.Left != nil && s.Left.Moved && !k.Suspended.IsZero()
}

// ends is what the case says of a notice that stands: the person died, never was
// there, or left.
func (k Client) ends(c Case, now time.Time) []Event {
	if !k.Ended.IsZero() {
		return nil
	}
	s := k.stay(c)
	switch {
	case c.Died != nil:
		if k.EndedWhy == EndDied {
			return nil
		}
		k.Died, k.Over, k.EndedWhy = now, now, EndDied // the provider confirms, however it hears
		return []Event{ClientChanged{At: now, Did: ClientDied, Client: k}}
	case !k.Over.IsZero():
		return nil
	case s == nil:
		return k.over(EndUndone, now)
	case s.Left == nil:
		return nil
	case s.Left.Moved:
		k.Over, k.Ended, k.EndedWhy = now, now, EndMoved
		return []Event{ClientChanged{At: now, Did: ClientEnded, Client: k}}
	case k.Suspended.IsZero():
		return k.over(EndHome, now)
	case k.Restart != nil && k.Restart.Answer == RestartYes:
		k.Over, k.Ended, k.EndedWhy = now, now, EndRestarted
		return []Event{ClientChanged{At: now, Did: ClientEnded, Client: k}}
	case k.Restart == nil:
		return clientTask(c, TaskProvider, k, "Ask "+k.ProviderName+" to begin care again: their client has left hospital", now, ringIn, "restart")
	}
	return nil
}

// over ends a notice that the provider has not seen; one that it has seen ends when
// it confirms that it knows.
func (k Client) over(why ClientEnd, now time.Time) []Event {
	k.Over, k.EndedWhy = now, why
	if k.Reached.IsZero() && k.Acked.IsZero() {
		k.Ended = now
		return []Event{ClientChanged{At: now, Did: ClientEnded, Client: k}}
	}
	return []Event{ClientChanged{At: now, Did: ClientOver, Client: k}}
}

// ---- by people

// ofClient is the notice, if the actor's organisation has a part in it: the council,
// the hospital, or the provider itself. To others there is none.
func (d deciding) ofClient(id string) (Client, error) {
	k, ok := d.c.client(id)
	mine := d.by.OrgKind == Council && d.by.Org == k.Council || d.by.OrgKind == Trust && d.by.Org == k.Hospital || d.by.OrgKind == ProviderOrg && d.by.Org == k.Code()
	if !ok || !mine {
		return k, &Error{Kind: NotFound, Text: "There is no such notice to a care provider"}
	}
	return k, nil
}

// standing is a notice about somebody who lives, and that has not ended.
func (d deciding) standing(id string) (Client, error) {
	k, err := d.ofClient(id)
	switch {
	case err != nil:
		return k, err
	case d.c.Died != nil:
		return k, notNow("This person has died. The provider can only confirm that it knows.")
	case !k.Ended.IsZero() || !k.Over.IsZero():
		return k, notNow("There is nothing more to do here: "+k.EndedWhy.Say()+".", "Add a note")
	}
	return k, nil
}

// Say is the end in words.
func (w ClientEnd) Say() string {
	return cmp.Or(map[ClientEnd]string{EndRestarted: "care was restarted", EndHome: "the person left hospital", EndMoved: "the person went to another hospital",
		EndDied: "the person died", EndUndone: "the person is not in hospital after all", EndNotRestart: "care does not restart",
		EndNotClient: "the provider does not care for this person"}[w], "it has ended")
}

func (d deciding) clientNow(did ClientDid, k Client) Event {
	return ClientChanged{At: d.now, Did: did, By: d.by.Who(), Client: k}
}

func (x TellProvider) decide(d deciding) ([]Event, error) {
	s := d.c.Stay
	switch {
	case d.c.Died != nil:
		return nil, notNow("This person has died. Nobody is told that they are in hospital.")
	case s == nil || s.Left != nil:
		return nil, notNow("This person is not in hospital now.", "Add a note")
	case x.Provider == "":
		return nil, missing("provider", "Select the provider to tell")
	case d.by.OrgKind == Trust && s.Org != d.by.Org:
		return nil, &Error{Kind: Forbidden, Text: "This person is in another hospital"}
	}
	k := Client{ID: ClientID(*s, x.Council, x.Provider), Council: x.Council, Provider: x.Provider, ProviderName: cmp.Or(x.ProviderName, x.Provider),
		Packages: x.Packages, Stay: s.Visit, Hospital: s.Org, Class: s.Class, Since: s.Admitted, Told: d.now, By: d.by.Who()}
	if was, ok := d.c.client(k.ID); ok && was.Ended.IsZero() && was.Over.IsZero() {
		return nil, nil
	}
	return []Event{d.clientNow(ClientTold, k)}, nil
}

func (x OpenClient) decide(d deciding) ([]Event, error) {
	k, err := d.ofClient(x.ID)
	if err != nil || !k.Reached.IsZero() || !k.Ended.IsZero() || d.by.OrgKind != ProviderOrg {
		return nil, err
	}
	k.Reached = d.now
	return []Event{d.clientNow(ClientReached, k)}, nil
}

// A provider says that it knows: of the stay, or that it is over. Staff say so who
// heard it by telephone.
func (x Acknowledge) decide(d deciding) ([]Event, error) {
	k, err := d.ofClient(x.ID)
	if err != nil || !k.Ended.IsZero() {
		return nil, err
	}
	if err := words("who", x.Who, "who is speaking for the provider", true, 80); err != nil {
		return nil, err
	}
	did := ClientAcked
	switch {
	case !k.Over.IsZero():
		did, k.Ended = ClientEnded, d.now
	case !k.Acked.IsZero():
		return nil, nil
	}
	if k.Acked.IsZero() {
		k.Acked, k.AckedBy = d.now, strings.TrimSpace(x.Who)
	}
	return append([]Event{d.clientNow(did, k)}, d.rung(k, "Told")...), nil
}

// rung says of the tasks to ring a provider about a notice that they are done.
func (d deciding) rung(k Client, outcome string) (out []Event) {
	for _, t := range d.c.Tasks {
		if t.Kind == TaskProvider && t.About == k.ID && t.Open() {
			t.Ended, t.EndedBy, t.Outcome = d.now, d.by.Who(), outcome
			out = append(out, TaskChanged{At: d.now, Did: TaskDone, By: d.by.Who(), Task: t})
		}
	}
	return out
}

func (x SuspendCare) decide(d deciding) ([]Event, error) {
	k, err := d.standing(x.ID)
	switch {
	case err != nil:
		return nil, err
	case x.From.IsZero():
		return nil, missing("from", "Enter from when care stands still")
	case x.From.Before(d.now.Add(-suspendBack)) || x.From.After(d.now.Add(suspendAhead)):
		return nil, invalid("from", "Enter a day from a week ago to a month from now")
	case k.Suspended.Equal(x.From):
		return nil, nil
	case k.Restart != nil && k.Restart.Answer == RestartYes:
		return nil, notNow("The provider has said when care restarts.", "Ask for another restart")
	}
	k.Suspended = x.From
	return []Event{d.clientNow(ClientSuspended, k)}, nil
}

// RestartPathway is what a restart is: "0", at the same level, while a package stands,
// active or paused; "1" when all have lapsed, for then care must be arranged anew.
func RestartPathway(c Case, k Client) string {
	for _, h := range c.Holdings {
		for _, p := range h.Packages {
			if h.Council == k.Council && !h.Ended && slices.Contains(k.Packages, p.Ref) && (p.Status == PackageActive || p.Status == PackageOnHold) {
				return "0"
			}
		}
	}
	return "1"
}

func (x AskRestart) decide(d deciding) ([]Event, error) {
	k, err := d.standing(x.ID)
	switch {
	case err != nil:
		return nil, err
	case d.by.OrgKind == ProviderOrg:
		return nil, &Error{Kind: Forbidden, Text: "The hospital or the council asks for a restart"}
	case x.From.IsZero():
		return nil, missing("from", "Enter when care is wanted again")
	case x.From.Before(d.now.Add(-time.Hour)):
		return nil, invalid("from", "Enter a time that is not past")
	case x.From.After(d.now.Add(restartAhead)):
		return nil, invalid("from", "Enter a day within the next three months")
	}
	pathway := RestartPathway(d.c, k)
	if r := k.Restart; r != nil && r.Answer == "" && r.From.Equal(x.From) && r.Pathway == pathway {
		return nil, nil
	}
	k.Restart = &Restart{Asked: d.now, By: d.by.Who(), From: x.From, Pathway: pathway}
	return append([]Event{d.clientNow(ClientAsked, k)}, d.rung(k, "Asked")...), nil
}

func (x AnswerRestart) decide(d deciding) ([]Event, error) {
	k, err := d.standing(x.ID)
	if err != nil {
		return nil, err
	}
	r := Restart{Asked: d.now, By: d.by.Who(), From: x.Earliest, Pathway: RestartPathway(d.c, k)}
	switch {
	case k.Restart != nil:
		r = *k.Restart
	case d.by.OrgKind == ProviderOrg:
		return nil, notNow("Nobody has asked yet to restart care.")
	}
	if err := x.check(r, d.now); err != nil {
		return nil, err
	}
	r.Answer, r.Earliest, r.Text, r.Answered, r.Answerer = x.Answer, x.Earliest, strings.TrimSpace(x.Text), d.now, strings.TrimSpace(x.Who)
	if r.Answer == RestartYes && r.Earliest.IsZero() {
		r.Earliest = r.From
	}
	if was := k.Restart; was != nil && was.Answer == r.Answer && was.Earliest.Equal(r.Earliest) && was.Text == r.Text {
		return nil, nil
	}
	k.Restart = &r
	if k.Acked.IsZero() {
		k.Acked, k.AckedBy = d.now, r.Answerer
	}
	out := append([]Event{d.clientNow(ClientAnswered, k)}, d.rung(k, "Answered")...)
	switch s := k.stay(d.c); {
	case r.Answer == RestartNo:
		out = append(out, clientTask(d.c, TaskProvider, k, k.ProviderName+" cannot begin care again. Arrange other care", d.now, arrangeIn, "cannot", r.Asked.UTC().Format(time.RFC3339))...)
	case r.Answer == RestartYes && (s == nil || s.Left != nil):
		k.Over, k.Ended, k.EndedWhy = d.now, d.now, EndRestarted
		out = append(out, d.clientNow(ClientEnded, k))
	}
	return out, nil
}

func (x AnswerRestart) check(r Restart, now time.Time) error {
	switch x.Answer {
	case RestartYes:
		if x.Earliest.IsZero() && r.From.IsZero() {
			return missing("earliest", "Enter when care restarts")
		}
	case RestartNotice:
		if x.Earliest.IsZero() {
			return missing("earliest", "Enter the earliest start")
		}
	case RestartNo:
		if err := words("text", x.Text, "why care cannot restart", true, shortLimit); err != nil {
			return err
		}
	default:
		return missing("answer", "Select an answer")
	}
	if !x.Earliest.IsZero() && (x.Earliest.Before(now.Add(-24*time.Hour)) || x.Earliest.After(now.Add(2*restartAhead))) {
		return invalid("earliest", "Enter a day from today to six months from now")
	}
	return firstError(words("text", x.Text, "the note", false, shortLimit), words("who", x.Who, "who is speaking for the provider", true, 80))
}

func (x EndClient) decide(d deciding) ([]Event, error) {
	k, err := d.ofClient(x.ID)
	switch {
	case err != nil || !k.Ended.IsZero():
		return nil, err
	case d.by.OrgKind == ProviderOrg:
		return nil, &Error{Kind: Forbidden, Text: "The hospital or the council ends this"}
	case x.Why != EndNotRestart && x.Why != EndNotClient:
		return nil, missing("why", "Select why nothing more is to be done")
	}
	k.Over, k.Ended, k.EndedWhy = d.now, d.now, x.Why
	return append([]Event{d.clientNow(ClientEnded, k)}, d.rung(k, "Not needed: "+x.Why.Say())...), nil
}

func (x CallBack) decide(d deciding) ([]Event, error) {
	if d.c.Died != nil {
		return nil, notNow("This person has died. Contact actions are locked.", "Add a note")
	}
	t := x.Task
	t.Kind, t.Owner = TaskCallBack, Owner{Org: d.by.Org, Who: d.by.Who()}
	return SetTask{Task: t}.decide(d)
}

// ---- for money

// A Standstill is a time in which a provider's care stands still: whole days, both
// included. To is zero while it lasts.
type Standstill struct{ From, To nhs.Date }

// dayBegins is the hour before which care that stands still has not begun that day.
const dayBegins = 7

// SuspendedSpans are the days on which the care of one provider of a council stands
// still, by what was agreed with it, oldest first. The day of the suspension counts
// when care stands still from before 7:00 in zone; the day of a restart does not.
func SuspendedSpans(c Case, council nhs.ODS, provider string, zone *time.Location) []Standstill {
	var out []Standstill
	for _, k := range c.Clients {
		if k.Council != council || k.Provider != provider || k.Suspended.IsZero() || k.EndedWhy == EndMoved {
			continue
		}
		from := k.Suspended.In(zone)
		if from.Hour() >= dayBegins {
			from = from.AddDate(0, 0, 1)
		}
		s := Standstill{From: nhs.DateOf(from)}
		switch {
		case k.Restart != nil && k.Restart.Answer == RestartYes:
			s.To = nhs.DateOf(k.Restart.Earliest.In(zone).AddDate(0, 0, -1))
		case k.EndedWhy == EndUndone || k.EndedWhy == EndNotClient:
			s.To = nhs.DateOf(k.Over.In(zone))
		}
		if s.To.IsZero() || !s.To.Before(s.From) {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b Standstill) int { return a.From.Time().Compare(b.From.Time()) })
	return out
}

// UKPhone reports whether s can be a UK telephone number that a provider answers:
// no premium rate, and no personal number.
func UKPhone(s string) bool { return ukPhone(s) }
