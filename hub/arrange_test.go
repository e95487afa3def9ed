package hub

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// agency is somebody who answers for a provider of a council's directory.
func agency(council nhs.ODS, provider string) care.Actor {
	return care.Actor{ID: care.ActorID("agency-" + provider), Name: "Agency " + provider, Role: care.CareProvider, Org: care.ProviderCode(council, provider), OrgKind: care.ProviderOrg, Address: "192.0.2.9"}
}

// sourced is somebody whose referral the council accepted, and who V1 and V2 were
// asked to care for.
func (s *site) sourced(p somebody) (care.CaseID, string) {
	s.Helper()
	s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
		return tx.PutProviders(care.Provider{Council: notts, ID: "V1", Name: "Linden Home Care"}, care.Provider{Council: notts, ID: "V2", Name: "Bracken Care"},
			care.Provider{Council: city, ID: "V1", Name: "Fern Care"})
	}))
	id := s.admit(p)
	s.hear("kmh", says{event: "A08", p: p, visit: "V" + p.mrn, class: "I", more: map[string]string{"PV2-9": "20261127"}})
	ref := s.refer(as(care.Coordinator, kings), id)
	s.must(s.Accept(s.ctx(), as(care.TeamManager, notts), id, ref.Referral.ID))
	s.pass(time.Minute)
	s.must(s.RequestCare(s.ctx(), as(care.Broker, notts), id, care.Request{ID: "key", Referral: ref.Referral.ID, Kind: "HS", Area: "ZZ99", Needs: "Help of one carer to wash, twice a day",
		Hours: 14_000, Visits: 2, Carers: 1, StartBy: nhs.Date{Year: 2026, Month: 11, Day: 27}, Ceiling: 40_000}, []string{"V1", "V2"}, false))
	return id, s.read(id).Requests[0].ID
}

func TestArranging(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		p := nobody(1)
		id, q := s.sourced(p)
		broker, linden, bracken := as(care.Broker, notts), agency(notts, "V1"), agency(notts, "V2")
		day := func(d int) nhs.Date { return nhs.Date{Year: 2026, Month: 11, Day: d} }
		accept := care.Invite{Reply: care.ReplyAccept, Earliest: day(27), Rate: 35_000, By: care.Who{Name: "Jo at Linden"}}

		r := s.read(id).Requests[0]
		s.must(s.RequestCare(s.ctx(), broker, id, care.Request{ID: "key", Referral: r.Referral, Kind: "HS"}, nil, false))
		if n := len(s.read(id).Requests); n != 1 {
			t.Fatalf("the same form twice made %d requests", n)
		}
		s.refused(s.RequestCare(s.ctx(), broker, id, care.Request{ID: "k2", Referral: r.Referral, Kind: "R", Area: "ZZ99", Needs: "Mrs " + p.family + " needs help", StartBy: day(27)}, nil, false), care.Invalid, "needs")
		s.refused(s.RequestCare(s.ctx(), broker, id, care.Request{ID: "k3", Referral: r.Referral, Kind: "R"}, []string{"V9"}, false), care.Invalid, "providers")
		for _, by := range []care.Actor{as(care.Coordinator, kings), as(care.WardNurse, kings), as(care.Broker, city), linden, as(care.Admin, system)} {
			s.refused(s.AskMore(s.ctx(), by, id, q, []string{"V2"}), care.Forbidden, "")
		}

		// A provider sees what it was asked, and not who it is, nor what it may cost.
		offers, err := s.ProviderRequests(s.ctx(), linden)
		s.must(err)
		if len(offers) != 1 || offers[0].ID != q || offers[0].Booked || offers[0].Hours != "14 hours" {
			t.Fatalf("the provider sees %+v", offers)
		}
		if text := fmt.Sprintf("%+v", offers); strings.Contains(strings.ToLower(text), strings.ToLower(p.family)) || strings.Contains(text, string(id)) || strings.Contains(text, "Bracken") || strings.Contains(text, "40000") {
			t.Errorf("the provider sees more than it may: %s", text)
		}
		for _, by := range []care.Actor{agency(city, "V1"), agency(notts, "V3")} {
			offers, err := s.ProviderRequests(s.ctx(), by)
			s.must(err)
			if len(offers) > 0 {
				t.Errorf("a provider that was not asked sees %+v", offers)
			}
			s.refused(s.AnswerRequest(s.ctx(), by, q, accept), care.NotFound, "")
		}
		_, err = s.ProviderRequests(s.ctx(), broker)
		s.refused(err, care.Forbidden, "")

		s.must(s.AnswerRequest(s.ctx(), linden, q, accept))
		s.refused(s.AnswerRequest(s.ctx(), bracken, q, care.Invite{Reply: care.ReplyDecline}), care.Required, "reason")
		s.must(s.HeardReply(s.ctx(), broker, id, q, care.Invite{Provider: "V2", Reply: care.ReplyMore, Reason: "access"}))
		if v, _ := s.read(id).Requests[0].Asked("V1"); v.By.Name != "Jo at Linden" || v.By.Org != linden.Org {
			t.Errorf("who answered is %+v", v.By)
		}

		t.Run("the hospital sees nothing of it", func(t *testing.T) { s.arrangingIsTheCouncils(t, id) })

		_, err = s.BookCare(s.ctx(), broker, id, q, "V2", day(27), false, time.Time{})
		s.refused(err, care.BusinessRule, "")
		_, err = s.BookCare(s.ctx(), broker, id, q, "V1", day(26), false, time.Time{})
		s.refused(err, care.Invalid, "start")
		told, err := s.BookCare(s.ctx(), broker, id, q, "V1", day(27), true, time.Time{})
		s.must(err)
		c := s.read(id)
		if !told || len(c.Clients) != 1 || c.Clients[0].Provider != "V1" {
			t.Errorf("told %v: the provider that is booked is told of %+v", told, c.Clients)
		}
		s.refused(s.AnswerRequest(s.ctx(), bracken, q, accept), care.NotFound, "")
		if offers, err := s.ProviderRequests(s.ctx(), bracken); err != nil || len(offers) > 0 {
			t.Errorf("the released provider sees %+v, %v", offers, err)
		}

		// The date moves: the broker's list says so, and the person left before that stands first.
		s.pass(time.Hour)
		s.hear("kmh", says{event: "A08", p: p, visit: "V" + p.mrn, class: "I", more: map[string]string{"PV2-9": "20261130"}})
		l, err := s.Arranging(s.ctx(), broker)
		s.must(err)
		if len(l.Rows) != 1 || l.Rows[0].Request.Risk == nil || l.Rows[0].Person.Family == "" {
			t.Fatalf("the broker's list is %+v", l.Rows)
		}
		if l, err := s.Arranging(s.ctx(), as(care.Broker, city)); err != nil || len(l.Rows) > 0 {
			t.Errorf("another council sees %+v, %v", l.Rows, err)
		}
		_, err = s.Arranging(s.ctx(), as(care.Coordinator, kings))
		s.refused(err, care.Forbidden, "")
	})
}

// arrangingIsTheCouncils wants nothing of a request in what others see of the case.
func (s *site) arrangingIsTheCouncils(t *testing.T, id care.CaseID) {
	own, err := s.Case(s.ctx(), as(care.Broker, notts), id)
	s.must(err)
	if own.Arrange == nil || len(own.Arrange.Requests) != 1 || !own.Arrange.Arrange {
		t.Fatalf("the broker sees %+v", own.Arrange)
	}
	arranging := 0
	for _, x := range own.Timeline {
		if x.Kind == "arranging" {
			arranging++
		}
	}
	if arranging != 3 {
		t.Errorf("the broker's timeline has %d entries of the request, want 3", arranging)
	}
	for _, by := range []care.Actor{as(care.Coordinator, kings), as(care.WardNurse, kings)} {
		v, err := s.Case(s.ctx(), by, id)
		s.must(err)
		if v.Arrange != nil || v.May[policy.SeeArranging] {
			t.Errorf("%s sees %+v", by.Role, v.Arrange)
		}
		for _, x := range v.Timeline {
			if x.Kind == "arranging" || strings.Contains(x.Title+x.Text, "Linden") {
				t.Errorf("%s sees on the timeline: %s", by.Role, x.Title)
			}
		}
	}
}

func TestWastedSourcingIsCounted(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		p := nobody(2)
		id, q := s.sourced(p)
		broker := as(care.Broker, notts)
		fit := func(v string) says {
			return says{event: "A08", p: p, visit: "V" + p.mrn, class: "I", more: map[string]string{"ZU1-22": v}}
		}
		s.hear("kmh", fit("Y"))
		s.pass(time.Minute)
		s.must(s.AnswerRequest(s.ctx(), agency(notts, "V1"), q, care.Invite{Reply: care.ReplyAccept, Earliest: nhs.Date{Year: 2026, Month: 11, Day: 27}, Rate: 100}))
		for range 2 {
			s.pass(time.Minute)
			s.hear("kmh", fit("N"))
			s.pass(time.Minute)
			s.hear("kmh", fit("Y"))
		}
		if s.read(id).Requests[0].Wasted.IsZero() {
			t.Fatal("what was sourced is not counted")
		}
		l, err := s.Arranging(s.ctx(), broker)
		s.must(err)
		if l.Wasted != 1 || l.InMonth != 1 {
			t.Errorf("counted %d, of this month %d, want 1", l.Wasted, l.InMonth)
		}
		s.must(s.EndRequest(s.ctx(), broker, id, q, "The family takes her in"))
		s.pass(40 * 24 * time.Hour)
		if l, err = s.Arranging(s.ctx(), broker); err != nil || l.Wasted != 1 || l.InMonth != 0 || len(l.Rows) != 0 {
			t.Errorf("later counted %d, of that month %d, with %d rows: %v", l.Wasted, l.InMonth, len(l.Rows), err)
		}
	})
}

func TestCapacity(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
			for _, p := range []string{"V1", "V2"} {
				if _, err := tx.PutRecord(store.Record{Kind: providerRecord, Org: string(notts), ID: p, Doc: []byte(`{"services":["HS","R"],"areas":["NG17"]}`)}); err != nil {
					return err
				}
			}
			return tx.PutProviders(care.Provider{Council: notts, ID: "V1", Name: "Linden Home Care"}, care.Provider{Council: notts, ID: "V2", Name: "Bracken Care"})
		}))
		broker, linden := as(care.Broker, notts), agency(notts, "V1")
		s.must(s.ReportCapacity(s.ctx(), linden, "", []CapacityLine{{Kind: "HS", Area: "NG17", Free: "12"}, {Kind: "R", Area: "NG17"}}))
		s.must(s.ReportCapacity(s.ctx(), broker, care.ProviderCode(notts, "V2"), []CapacityLine{{Kind: "HS", Area: "ng17", Free: "0"}}))
		for _, x := range []struct {
			by    care.Actor
			code  nhs.ODS
			line  CapacityLine
			kind  care.Kind
			field string
		}{
			{as(care.Broker, city), care.ProviderCode(notts, "V1"), CapacityLine{Kind: "HS", Free: "1"}, care.NotFound, ""},
			{as(care.Coordinator, kings), care.ProviderCode(notts, "V1"), CapacityLine{Kind: "HS", Free: "1"}, care.Forbidden, ""},
			{broker, care.ProviderCode(notts, "V1"), CapacityLine{Kind: "HS", Free: "-1"}, care.Invalid, "free-0"},
			{broker, care.ProviderCode(notts, "V1"), CapacityLine{Kind: "HS"}, care.Required, "free-0"},
			{broker, care.ProviderCode(notts, "V1"), CapacityLine{Kind: "DP", Free: "1"}, care.Invalid, "kind"},
		} {
			s.refused(s.ReportCapacity(s.ctx(), x.by, x.code, []CapacityLine{x.line}), x.kind, x.field)
		}
		say := func(v CapacityView) (out []string) {
			for _, r := range v.Rows {
				word := "not reported"
				switch {
				case r.Expired:
					word = "too old"
				case r.Reported:
					word = fmt.Sprint(r.Free)
				}
				out = append(out, r.Provider.ID+" "+r.Kind+" "+word)
			}
			return out
		}
		wants := func(want ...string) CapacityView {
			t.Helper()
			v, err := s.Capacity(s.ctx(), broker, CapacityQuery{})
			s.must(err)
			if got := strings.Join(say(v), ", "); got != strings.Join(want, ", ") {
				t.Fatalf("got %s", got)
			}
			return v
		}
		v := wants("V2 HS 0", "V1 HS 12", "V2 R not reported", "V1 R not reported")
		if v.Sums[0].Free != 12 || v.Sums[0].Reported != 2 || v.Sums[1].Reported != 0 {
			t.Errorf("in all: %+v", v.Sums)
		}
		cs, err := s.Candidates(s.ctx(), broker, "HS", "NG17")
		s.must(err)
		if len(cs) != 2 || cs[0].Provider.ID != "V1" || cs[0].Capacity == nil || cs[1].Capacity.Free != 0 {
			t.Errorf("to ask: %+v", cs)
		}
		s.pass(49 * time.Hour)
		v = wants("V2 HS too old", "V1 HS too old", "V2 R not reported", "V1 R not reported")
		if v.Sums[0].Free != 0 || v.Sums[0].Reported != 0 {
			t.Errorf("what is too old counts: %+v", v.Sums[0])
		}
		s.must(s.ReportCapacity(s.ctx(), linden, "", []CapacityLine{{Kind: "HS", Area: "NG17", Same: true}}))
		wants("V2 HS too old", "V1 HS 12", "V2 R not reported", "V1 R not reported")
		if v, err := s.Capacity(s.ctx(), as(care.Broker, city), CapacityQuery{}); err != nil || len(v.Rows) > 0 {
			t.Errorf("another council sees %v, %v", say(v), err)
		}
		_, err = s.Capacity(s.ctx(), linden, CapacityQuery{})
		s.refused(err, care.Forbidden, "")
	})
}
