package measure

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/nhs"
)

// A story is histories in words (testdata/stories.txt). Each line is
//
//	day time [told day time] what happened
//
// in local time; told is when it was recorded, where that was later. A story begins with a
// line of its name, and says what it is in a comment. Of a second record of the same
// person, its lines stand under "record" and its name. "known day time" asks what was
// known then, besides what is known at the end.
type story struct {
	name  string
	born  nhs.Date
	known []time.Time
	order []string // of the names of its records
	of    map[string]*record
}

type record struct {
	id      care.CaseID
	entries []care.Entry
	is      care.Case
}

// telling reads stories.
type telling struct {
	t    *testing.T
	zone *time.Location
	s    *story
	rec  *record
	seq  int64
	line string
}

func stories(t *testing.T, zone *time.Location) (out []*story) {
	t.Helper()
	text, err := os.ReadFile("testdata/stories.txt")
	if err != nil {
		t.Fatal(err)
	}
	r := &telling{t: t, zone: zone}
	for _, line := range strings.Split(string(text), "\n") {
		r.line = strings.TrimSpace(line)
		words := strings.Fields(r.line)
		switch {
		case r.line == "" || r.line[0] == '#':
		case words[0] == "story":
			r.s = &story{name: words[1], born: nhs.Date{Year: 1941, Month: 5, Day: 2}, of: map[string]*record{}}
			r.record("")
			out = append(out, r.s)
		case words[0] == "born":
			r.s.born = nhs.Date{}
			if words[1] != "unknown" {
				r.s.born = r.day(words[1])
			}
		case words[0] == "known":
			r.s.known = append(r.s.known, r.time(words[1], words[2]))
		case words[0] == "record":
			r.record(words[1])
		default:
			r.happened(words)
		}
	}
	return out
}

func (r *telling) record(name string) {
	r.rec = r.s.of[name]
	if r.rec == nil {
		r.rec = &record{id: care.CaseID(r.s.name + name)}
		r.s.of[name] = r.rec
		r.s.order = append(r.s.order, name)
	}
}

func (r *telling) day(s string) nhs.Date {
	at, err := time.Parse("2006-01-02", s)
	if err != nil {
		r.t.Fatalf("%s: %v", r.line, err)
	}
	return nhs.DateOf(at)
}

func (r *telling) time(day, clock string) time.Time {
	at, err := time.ParseInLocation("2006-01-02 15:04", day+" "+clock, r.zone)
	if err != nil {
		r.t.Fatalf("%s: %v", r.line, err)
	}
	return at.UTC()
}

func (r *telling) happened(w []string) {
	at := r.time(w[0], w[1])
	told := at
	if w = w[2:]; w[0] == "told" {
		told = r.time(w[1], w[2])
		w = w[3:]
	}
	if len(r.rec.entries) == 0 {
		r.add(r.rec, at, care.Started{At: at, ID: r.rec.id}, care.PersonTold{At: at, First: true, Person: care.Person{Family: "Ashdown", Born: r.s.born, AsAt: at}})
	}
	switch w[0] {
	case "joins":
		other := r.s.of[w[1]]
		mine, theirs := care.Join(r.rec.is, other.is, at)
		r.add(other, told, theirs...)
		r.add(r.rec, told, mine...)
	case "separates":
		other := r.s.of[w[1]]
		mine, theirs := care.Separate(r.rec.is, other.is, care.Who{ID: "steward"}, "two people", at)
		r.add(r.rec, told, mine...)
		r.add(other, told, theirs...)
	default:
		r.add(r.rec, told, r.event(at, w))
	}
}

func (r *telling) add(to *record, told time.Time, events ...care.Event) {
	for _, e := range events {
		r.seq++
		if n := len(to.entries); n > 0 && told.Before(to.entries[n-1].Recorded) {
			r.t.Fatalf("%s: told before what stands above it", r.line)
		}
		to.entries = append(to.entries, care.Entry{Seq: r.seq, Case: to.id, N: len(to.entries) + 1, Recorded: told, Cause: care.Cause{Kind: "system"}, Event: e})
		to.is = care.Apply(to.is, e)
	}
}

// event is one event in words: a verb, what it is about, and the rest by names.
func (r *telling) event(at time.Time, w []string) care.Event {
	about, said := "", map[string]string{}
	verb, w := w[0], w[1:]
	if verb == "event" { // any event, as history keeps it
		e, err := care.Decode(w[0], []byte(strings.Join(w[1:], " ")))
		if err != nil {
			r.t.Fatalf("%s: %v", r.line, err)
		}
		return e
	}
	for _, x := range w {
		if k, v, ok := strings.Cut(x, "="); ok {
			said[k] = v
		} else {
			about = x
		}
	}
	if e := r.inHospital(at, verb, about, said); e != nil {
		return e
	}
	if e := r.referred(at, verb, care.ReferralID(about), said); e != nil {
		return e
	}
	if e := r.sourced(at, verb, about, said); e != nil {
		return e
	}
	r.t.Fatalf("%s: there is no %q", r.line, verb)
	return nil
}

func (r *telling) inHospital(at time.Time, verb, about string, said map[string]string) care.Event {
	org := nhs.ODS(said["at"])
	if org == "" {
		org = "RK5"
	}
	from := at
	if said["from"] != "" {
		day, clock, _ := strings.Cut(said["from"], "T")
		from = r.time(day, clock)
	}
	switch verb {
	case "admitted":
		class := said["class"]
		if class == "" {
			class = "I"
		}
		return care.Admitted{At: at, Stay: care.Stay{Visit: about, Org: org, Class: class, Admitted: from, Where: care.Location{Ward: said["ward"]}, Method: said["method"], Specialty: said["specialty"]}}
	case "not-admitted":
		return care.AdmissionUndone{At: at, Visit: about, Org: org}
	case "moved":
		return care.Moved{At: at, To: care.Location{Ward: about}}
	case "ready":
		return care.BecameReady{At: at, From: from, Past: said["past"], Again: said["again"] != ""}
	case "unwell":
		return care.NoLongerReady{At: at, Past: said["past"]}
	case "expected":
		x := care.Expected{Said: at, Late: said["late"] != ""}
		if about != "none" {
			x.Date = r.day(about)
		}
		return care.ExpectedChanged{At: at, Expected: x}
	case "left":
		l := care.Leaving{At: from, Method: said["method"], Destination: said["to"], Died: said["method"] == "4"}
		return care.Discharged{At: at, Visit: about, Org: org, Leaving: l}
	case "not-left":
		return care.DischargeUndone{At: at, Visit: about, Org: org}
	case "died":
		return care.PersonDied{At: at, Death: care.Death{At: at, Source: "RK5"}}
	}
	return nil
}

func (r *telling) referred(at time.Time, verb string, id care.ReferralID, said map[string]string) care.Event {
	worker := care.Who{ID: "worker", Name: "A worker", Org: "512"}
	theirs := care.Holder{Org: "512", Team: "hospital-team", Since: at, Next: "Go on"}
	ours := care.Holder{Org: "RK5", Since: at, Next: "Send the missing information"}
	switch verb {
	case "referred":
		return care.ReferralSent{At: at, Referral: care.Referral{ID: id, Key: string(id), Stay: said["stay"], From: "RK5", To: "512", Pathway: said["pathway"], Form: "d2a", FormVersion: 1,
			State: care.RefSent, Sent: at, Watching: true, Holder: theirs}}
	case "received":
		return care.ReferralReceived{At: at, ID: id, Holder: theirs}
	case "accepted":
		return care.ReferralAccepted{At: at, ID: id, By: worker, Holder: theirs}
	case "returned":
		return care.ReferralReturned{At: at, ID: id, Holder: ours, Return: care.Return{At: at, By: worker, Reasons: []string{said["why"]}, Needed: "More"}}
	case "answered":
		return care.ReferralAnswered{At: at, ID: id, Holder: theirs}
	case "allocated":
		return care.ReferralAllocated{At: at, ID: id, By: worker, Worker: worker, Holder: theirs}
	case "stage":
		return care.ReferralProgressed{At: at, ID: id, By: worker, State: care.RefState(said["is"]), Holder: theirs}
	case "gone":
		return care.WatchEnded{At: at, ID: id, Holder: theirs}
	case "ended":
		return care.ReferralEnded{At: at, ID: id, State: care.RefState(said["is"]), By: worker}
	case "after-91-days":
		return care.OutcomeChanged{At: at, What: "day91", By: worker, Outcome: care.Outcome{Referral: id, Destination: "home", At: at, By: worker,
			Day91: &care.AtHome{On: nhs.DateOf(at.In(r.zone)), Answer: said["is"], At: at, By: worker}}}
	}
	return nil
}

// sourced changes a request for care as it is in the case.
func (r *telling) sourced(at time.Time, verb, id string, said map[string]string) care.Event {
	q := care.Request{ID: id, Referral: care.ReferralID(said["for"]), Council: "512", At: at, Kind: "HS", Area: "ZZ11", Needs: "Help with washing"}
	for _, x := range r.rec.is.Requests {
		if x.ID == id {
			q = x
			q.Invited = append([]care.Invite(nil), x.Invited...)
		}
	}
	reply := func(say care.RequestReply) care.Event {
		for i := range q.Invited {
			if q.Invited[i].Provider == said["by"] {
				q.Invited[i].Reply, q.Invited[i].Replied, q.Invited[i].Reason = say, at, said["why"]
			}
		}
		return care.RequestChanged{At: at, Did: care.RequestReplied, Who: said["by"], Request: q}
	}
	switch verb {
	case "asks":
		n, _ := strconv.Atoi(said["providers"])
		for i := range n {
			q.Invited = append(q.Invited, care.Invite{Provider: fmt.Sprintf("p%d", i+1), Name: fmt.Sprintf("Provider %d", i+1), At: at})
		}
		return care.RequestChanged{At: at, Did: care.RequestMade, Request: q}
	case "offered":
		return reply(care.ReplyAccept)
	case "declined":
		return reply(care.ReplyDecline)
	case "booked":
		q.Booked, q.BookedAt = said["with"], at
		return care.RequestChanged{At: at, Did: care.RequestBooked, Request: q}
	case "wasted":
		q.Wasted = at
		return care.RequestChanged{At: at, Did: care.RequestWasted, Request: q}
	case "over":
		q.Ended = at
		return care.RequestChanged{At: at, Did: care.RequestEnded, Request: q}
	}
	return nil
}

// points are the points of all records of a story as known at a time; zero: at the end.
func (s *story) points(zone *time.Location, known time.Time) (out []Point) {
	var read func(name string, before int64) *Trail
	read = func(name string, before int64) *Trail {
		t := &Trail{Zone: zone}
		for _, e := range s.of[name].entries {
			if before > 0 && e.Seq > before || !known.IsZero() && e.Recorded.After(known) {
				break
			}
			if x, ok := e.Event.(care.Absorbed); ok {
				t.Knows(x.Other.ID, read(strings.TrimPrefix(string(x.Other.ID), s.name), e.Seq))
			}
			t.Add(e)
		}
		return t
	}
	for _, name := range s.order {
		out = append(out, read(name, 0).Points()...)
	}
	return out
}
