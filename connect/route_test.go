package connect_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/connect"
	"homeward/nhs"
)

const (
	trust   nhs.ODS = "RK5"
	other   nhs.ODS = "RX1"
	council nhs.ODS = "511"
	second  nhs.ODS = "512"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

var everybody = []connect.Destination{
	{Name: "mosaic", Org: council, OrgKind: care.Council}, {Name: "liquid", Org: second, OrgKind: care.Council},
	{Name: "epr", Org: trust, OrgKind: care.Trust}, {Name: "pas", Org: other, OrgKind: care.Trust},
}

// referred is somebody in hospital, referred an hour ago to one council and
// supported by another.
func referred() care.Case {
	return care.Case{ID: "c1", Stay: &care.Stay{Org: trust, Visit: "V1"}, Holdings: []care.Holding{{Council: second}},
		Referrals: []care.Referral{{ID: "R1", From: trust, To: council, Sent: noon.Add(-time.Hour), Watching: true, State: care.RefAccepted}},
		Papers:    []care.Paper{{ID: "p1", Kind: care.PaperPlan, Referral: "R1", By: care.Who{Org: council}}, {ID: "p2", Kind: care.PaperAssessmentNotice, Referral: "R1", By: care.Who{Org: trust}}}}
}

func entry(e care.Event) care.Entry { return care.Entry{Seq: 7, Case: "c1", Recorded: noon, Event: e} }

// heard is "destination kind" of each.
func heard(c care.Case, e care.Event, ds ...connect.Destination) string {
	if ds == nil {
		ds = everybody
	}
	var out []string
	for _, r := range connect.Route(entry(e), c, ds) {
		out = append(out, r.Destination+" "+string(r.News.Kind))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func TestWhoHearsWhat(t *testing.T) {
	note := func(org nhs.ODS, to care.Audience) care.Event {
		return care.NoteAdded{At: noon, Note: care.Note{ID: "n1", By: care.Who{Org: org}, Audience: to}}
	}
	for _, x := range []struct {
		event care.Event
		want  string
	}{
		{care.ReferralSent{At: noon, Referral: care.Referral{ID: "R1"}}, "epr status, mosaic refer"},
		{care.ReferralRouted{At: noon, ID: "R1"}, "epr status, mosaic refer"},
		{care.ReferralAnswered{At: noon, ID: "R1"}, "epr status, mosaic update"},
		{care.ReferralEnded{At: noon, ID: "R1", State: care.RefWithdrawn}, "epr status, mosaic withdraw"},
		{care.ReferralEnded{At: noon, ID: "R1", State: care.RefClosed}, "epr status"},
		{care.ReferralAccepted{At: noon, ID: "R1"}, "epr status"},
		{care.ReferralReturned{At: noon, ID: "R1"}, "epr status"},
		{care.ReferralAllocated{At: noon, ID: "R1"}, "epr status"},
		{care.ReferralProgressed{At: noon, ID: "R1"}, "epr status"},
		{care.ReferralReceived{At: noon, ID: "R1"}, "epr status"},
		{care.ReferralHeld{At: noon, ID: "R1"}, "epr status"},
		{care.ReferralResumed{At: noon, ID: "R1"}, "epr status"},
		{care.ReferralTransferred{At: noon, ID: "R1"}, "epr status"},
		{care.CriteriaTold{At: noon}, ""},
		{care.WatchEnded{At: noon, ID: "R1"}, "epr status"},
		{care.ReferralAccepted{At: noon, ID: "gone"}, ""},
		{care.Moved{At: noon}, "mosaic update"},
		{care.BecameReady{At: noon}, "mosaic update"},
		{care.ExpectedChanged{At: noon}, "mosaic update"},
		{care.PersonTold{At: noon}, "mosaic update"},
		{care.Admitted{At: noon, Stay: care.Stay{Org: other}}, ""}, // another hospital's
		{care.Discharged{At: noon, Org: trust}, "mosaic discharge"},
		{care.DischargeUndone{At: noon, Org: trust}, "mosaic discharge"},
		{care.PersonDied{At: noon}, "mosaic died"},
		{note(trust, care.AudienceBoth), "mosaic note"},
		{note(council, care.AudienceBoth), "epr note"},
		{note(second, care.AudienceBoth), ""},
		{note(trust, care.AudienceHospital), ""},
		{note(council, care.AudienceCouncil), ""},
		{care.PaperShared{At: noon, Paper: care.Paper{ID: "p1"}}, "epr paper"},
		{care.PaperShared{At: noon, Paper: care.Paper{ID: "p2"}}, "mosaic paper"},
		{care.PaperWithdrawn{At: noon, ID: "p2"}, "mosaic withdraw"},
		{care.Told{At: noon, Referral: "R1"}, ""}, // telling is no news
		{care.HoldingTold{At: noon}, ""},
		{care.CallRecorded{At: noon}, ""},
		{care.Objected{}, ""},
	} {
		if got := heard(referred(), x.event); got != x.want {
			t.Errorf("%T: %q, want %q", x.event, got, x.want)
		}
	}
}

func TestASupportingCouncilHearsOnlyWhereItIsMeantTo(t *testing.T) {
	d := connect.Destination{Name: "liquid", Org: second, OrgKind: care.Council}
	if got := heard(referred(), care.Moved{At: noon}, d); got != "" {
		t.Errorf("heard %q", got)
	}
	d.Supported = true
	rs := connect.Route(entry(care.Moved{At: noon}), referred(), []connect.Destination{d})
	if len(rs) != 1 || rs[0].News.Referral != "" || rs[0].News.From != trust {
		t.Errorf("heard %+v", rs)
	}
	c := referred()
	c.Holdings[0].Ended = true
	if got := heard(c, care.Moved{At: noon}, d); got != "" {
		t.Errorf("it supports them no more, and heard %q", got)
	}
}

func TestKindsAndSendersNarrow(t *testing.T) {
	d := everybody[0]
	d.Kinds = []connect.Kind{connect.Refer}
	if got := heard(referred(), care.Moved{At: noon}, d); got != "" {
		t.Errorf("heard %q", got)
	}
	d.Kinds, d.From = nil, []nhs.ODS{other}
	if got := heard(referred(), care.Moved{At: noon}, d); got != "" {
		t.Errorf("heard %q", got)
	}
}

func TestWhatWasBeforeTheReferralIsNotTold(t *testing.T) {
	c := referred()
	c.Referrals[0].Sent = noon // recorded with it, or after
	if got := heard(c, care.Moved{At: noon}); got != "" {
		t.Errorf("heard %q", got)
	}
	c.Referrals[0].Sent = noon.Add(-time.Hour)
	c.Referrals[0].Ended = noon.Add(-time.Minute)
	if got := heard(c, care.Moved{At: noon}); got != "" {
		t.Errorf("after it ended: %q", got)
	}
	if got := heard(c, care.PersonDied{At: noon.Add(-2 * time.Minute)}); got != "mosaic died" {
		t.Errorf("ended by the death itself: %q", got)
	}
	c.Referrals[0].To = ""
	if got := heard(c, care.ReferralSent{At: noon, Referral: care.Referral{ID: "R1"}}); got != "" {
		t.Errorf("no council is settled: %q", got)
	}
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestKeysAreTheSameEachTimeAndNoTwoAlike(t *testing.T) {
	seen := map[string]string{}
	c := referred()
	c.Referrals = append(c.Referrals, care.Referral{ID: "R2", From: trust, To: council, Sent: noon.Add(-time.Hour)})
	for _, e := range []care.Entry{{Seq: 1, Case: "c1", Recorded: noon, Event: care.Moved{At: noon}}, {Seq: 2, Case: "c1", Recorded: noon, Event: care.Moved{At: noon}}} {
		first, again := connect.Route(e, c, everybody), connect.Route(e, c, everybody)
		if len(first) != 2 {
			t.Fatalf("%+v", first)
		}
		for i, r := range first {
			if r.News.Key != again[i].News.Key || r.News.Correlation != again[i].News.Correlation {
				t.Error("a key changed")
			}
			for _, id := range []string{r.News.Key, r.News.Correlation, connect.Again(r.News.Key, 1)} {
				if !uuid.MatchString(id) {
					t.Errorf("%s is no UUID of version 5", id)
				}
			}
			if was, twice := seen[r.News.Key]; twice {
				t.Errorf("one key for %s and %s", was, r.Destination)
			}
			seen[r.News.Key] = r.Destination
		}
		if first[0].News.Correlation == first[1].News.Correlation {
			t.Error("two referrals have one correlation")
		}
	}
}

// TestWordsTellNobody holds the words of what is told to naming no one: they stand
// on pages and in the log of deliveries.
func TestWordsTellNobody(t *testing.T) {
	c := referred()
	for _, e := range []care.Event{care.ReferralAllocated{At: noon, ID: "R1", Worker: care.Who{Name: "Sunita Rao"}},
		care.Moved{At: noon, To: care.Location{Name: "Ward 31"}}, care.ExpectedChanged{At: noon}} {
		for _, r := range connect.Route(entry(e), c, everybody) {
			if r.News.What == "" || strings.Contains(r.News.What, "Sunita") || strings.Contains(r.News.What, "31") {
				t.Errorf("%T says %q", e, r.News.What)
			}
		}
	}
}
