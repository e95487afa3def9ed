package care

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"homeward/nhs"
)

var (
	broker  = Actor{ID: "b1", Name: "B. Kerr", Role: Broker, Org: "511", OrgKind: Council}
	linden  = Actor{ID: "v1", Name: "Linden", Role: CareProvider, Org: ProviderCode("511", "V1"), OrgKind: ProviderOrg}
	bracken = Actor{ID: "v2", Name: "Bracken", Role: CareProvider, Org: ProviderCode("511", "V2"), OrgKind: ProviderOrg}
)

func march(d int) nhs.Date { return nhs.Date{Year: 2026, Month: 3, Day: d} }

// asking is a request as a broker makes it.
func asking(change ...func(*Request)) MakeRequest {
	r := Request{ID: "q1", Referral: "r1", Kind: "HS", Area: "NG17", Needs: "Help of one carer to wash and dress, twice a day. Walks with a frame.",
		Hours: 14_000, Visits: 2, Carers: 1, StartBy: march(5), Ceiling: 35_000, Invited: []Invite{{Provider: "V1", Name: "Linden"}, {Provider: "V2", Name: "Bracken"}}}
	for _, f := range change {
		f(&r)
	}
	return MakeRequest{Request: r}
}

func answer(provider string, reply RequestReply, change ...func(*Invite)) ReplyRequest {
	v := Invite{Provider: provider, Reply: reply}
	switch reply {
	case ReplyAccept:
		v.Earliest, v.Rate = march(5), 30_000
	case ReplyDecline:
		v.Reason = "no-capacity"
	case ReplyMore:
		v.Reason = "access"
	}
	for _, f := range change {
		f(&v)
	}
	return ReplyRequest{ID: "q1", Invite: v}
}

// accepted is a case whose referral the council took on, and what came after.
func accepted(t *testing.T, steps ...any) Case {
	t.Helper()
	return referred(t, append([]any{manager, Accept{"r1"}, manager, Allocate{"r1", worker, ""}}, steps...)...)
}

func TestARequestFromAskingToHome(t *testing.T) {
	made := asking()
	made.Progress = true
	book := Book{ID: "q1", Provider: "V1", Start: march(5), Progress: true}
	c := accepted(t, broker, made, linden, answer("V1", ReplyAccept), bracken, answer("V2", ReplyMore), broker, InviteMore{"q1", []Invite{{Provider: "V3", Name: "Clover"}}},
		broker, RecordChoice{"q1", Choice{Offered: 2, Chosen: "V1", Text: "Wants the agency that her sister has"}}, broker, book)
	r := c.Requests[0]
	if r.Booked != "V1" || r.Start != march(5) || r.Choice == nil || !r.Open() || c.Referrals[0].State != RefReady {
		t.Fatalf("booked %+v with the referral %s", r, c.Referrals[0].State)
	}
	for provider, want := range map[string]RequestReply{"V1": ReplyAccept, "V2": ReplyReleased, "V3": ReplyReleased} {
		if v, _ := r.Asked(provider); v.Reply != want {
			t.Errorf("%s is %q, want %q", provider, v.Reply, want)
		}
	}
	again := act(t, c, broker, Reopen{"q1", "The rota fell apart"})
	r = again.Requests[0]
	if v, _ := r.Asked("V2"); r.Booked != "" || r.Waiting() != 2 || v.Reply != "" {
		t.Errorf("reopened: %+v", r)
	}
	home := hear(c, a03(20, "V1"))
	if !home.Requests[0].Open() || home.Requests[0].Booked != "V1" {
		t.Error("what is booked did not stay")
	}
	closed := act(t, home, manager, Close{"r1", "Home with care"})
	if closed.Requests[0].Open() || closed.Requests[0].Booked != "V1" || closed.Requests[0].EndedWhy != "The referral was closed" {
		t.Errorf("closed: %+v", closed.Requests[0])
	}
}

func TestRequestRefusals(t *testing.T) {
	is := func(f func(*Request)) MakeRequest { return asking(f) }
	says := func(p string, reply RequestReply, f func(*Invite)) ReplyRequest { return answer(p, reply, f) }
	fresh := func(t *testing.T) Case { return accepted(t) }
	asked := func(t *testing.T) Case { return accepted(t, broker, asking()) }
	offered := func(t *testing.T) Case { return act(t, asked(t), linden, answer("V1", ReplyAccept)) }
	booked := func(t *testing.T) Case {
		return act(t, offered(t), broker, Book{ID: "q1", Provider: "V1", Start: march(5)})
	}
	ended := func(t *testing.T) Case { return act(t, offered(t), broker, EndRequest{"q1", "Family will do it"}) }
	for _, tt := range []struct {
		name  string
		c     func(*testing.T) Case
		by    Actor
		cmd   Command
		kind  Kind
		field string
	}{
		{"the hospital asks", fresh, nurse, asking(), Forbidden, ""},
		{"another council asks", fresh, foreign, asking(), Forbidden, ""},
		{"a provider asks", fresh, linden, asking(), Forbidden, ""},
		{"before acceptance", func(t *testing.T) Case { return referred(t) }, broker, asking(), BusinessRule, ""},
		{"without a referral", fresh, broker, is(func(r *Request) { r.Referral = "r9" }), NotFound, "referral"},
		{"for the dead", func(t *testing.T) Case { return hear(fresh(t), a03(14, "V1", died)) }, broker, asking(), BusinessRule, ""},
		{"the same kind twice", asked, broker, is(func(r *Request) { r.ID = "q2" }), Duplicate, "kind"},
		{"no kind", fresh, broker, is(func(r *Request) { r.Kind = "DP" }), Required, "kind"},
		{"a whole postcode", fresh, broker, is(func(r *Request) { r.Area = "NG17 3MK" }), Invalid, "area"},
		{"no needs", fresh, broker, is(func(r *Request) { r.Needs = " " }), Required, "needs"},
		{"200 hours", fresh, broker, is(func(r *Request) { r.Hours = 200_000 }), Invalid, "hours"},
		{"3 carers", fresh, broker, is(func(r *Request) { r.Carers = 3 }), Invalid, "carers"},
		{"no start", fresh, broker, is(func(r *Request) { r.StartBy = nhs.Date{} }), Required, "startBy"},
		{"start yesterday", fresh, broker, is(func(r *Request) { r.StartBy = march(2) }), Invalid, "startBy"},
		{"a price for who pays themselves", fresh, broker, is(func(r *Request) { r.SelfFund, r.Consent = true, true }), Invalid, "ceiling"},
		{"who pays themselves was not asked", fresh, broker, is(func(r *Request) { r.SelfFund, r.Ceiling = true, 0 }), Required, "consent"},
		{"the same provider twice", fresh, broker, is(func(r *Request) { r.Invited = append(r.Invited, r.Invited[0]) }), Duplicate, "providers"},
		{"asked already", asked, broker, InviteMore{"q1", []Invite{{Provider: "V1", Name: "Linden"}}}, Duplicate, "providers"},
		{"asking nobody more", asked, broker, InviteMore{ID: "q1"}, Required, "providers"},
		{"asking more when booked", booked, broker, InviteMore{"q1", []Invite{{Provider: "V3", Name: "Clover"}}}, BusinessRule, ""},
		{"another's answer", asked, bracken, answer("V1", ReplyAccept), NotFound, ""},
		{"an answer of who was not asked", asked, broker, answer("V9", ReplyAccept), NotFound, ""},
		{"the hospital answers", asked, nurse, answer("V1", ReplyAccept), Forbidden, ""},
		{"no answer", asked, linden, answer("V1", ""), Required, "reply"},
		{"released by hand", asked, linden, answer("V1", ReplyReleased), Required, "reply"},
		{"accept without a day", asked, linden, says("V1", ReplyAccept, func(v *Invite) { v.Earliest = nhs.Date{} }), Required, "earliest"},
		{"accept from before", asked, linden, says("V1", ReplyAccept, func(v *Invite) { v.Earliest = march(2) }), Invalid, "earliest"},
		{"accept without a rate", asked, linden, says("V1", ReplyAccept, func(v *Invite) { v.Rate = 0 }), Required, "rate"},
		{"decline without a reason", asked, linden, says("V1", ReplyDecline, func(v *Invite) { v.Reason = "" }), Required, "reason"},
		{"decline as fallen through", asked, linden, says("V1", ReplyDecline, func(v *Invite) { v.Reason = fellThrough }), Required, "reason"},
		{"decline for another reason", asked, linden, says("V1", ReplyDecline, func(v *Invite) { v.Reason = otherReason }), Required, "text"},
		{"more of nothing", asked, linden, says("V1", ReplyMore, func(v *Invite) { v.Reason = "" }), Required, "reason"},
		{"answer when booked", booked, bracken, answer("V2", ReplyAccept), BusinessRule, ""},
		{"answer when ended", ended, bracken, answer("V2", ReplyAccept), BusinessRule, ""},
		{"book no offer", asked, broker, Book{ID: "q1", Provider: "V1", Start: march(5)}, BusinessRule, ""},
		{"book twice", booked, broker, Book{ID: "q1", Provider: "V2", Start: march(5)}, BusinessRule, ""},
		{"book when ended", ended, broker, Book{ID: "q1", Provider: "V1", Start: march(5)}, BusinessRule, ""},
		{"a provider books", offered, linden, Book{ID: "q1", Provider: "V1", Start: march(5)}, Forbidden, ""},
		{"book without a day", offered, broker, Book{ID: "q1", Provider: "V1"}, Required, "start"},
		{"book before the offer", offered, broker, Book{ID: "q1", Provider: "V1", Start: march(4)}, Invalid, "start"},
		{"book before the discharge", func(t *testing.T) Case { return hear(offered(t), seen("A08", 14, "V1", "I", "W1", edd(8))) }, broker,
			Book{ID: "q1", Provider: "V1", Start: march(7)}, Invalid, "start"},
		{"book above the ceiling", func(t *testing.T) Case {
			return act(t, asked(t), linden, says("V1", ReplyAccept, func(v *Invite) { v.Rate = 35_001 }))
		}, broker, Book{ID: "q1", Provider: "V1", Start: march(5)}, BusinessRule, ""},
		{"choice of nothing", asked, broker, RecordChoice{"q1", Choice{Text: "x"}}, Invalid, "offered"},
		{"choice without words", asked, broker, RecordChoice{"q1", Choice{Offered: 1}}, Required, "text"},
		{"choice of who was not asked", asked, broker, RecordChoice{"q1", Choice{Offered: 1, Chosen: "V9", Text: "x"}}, Invalid, "chosen"},
		{"reopen what is not booked", offered, broker, Reopen{"q1", "x"}, BusinessRule, ""},
		{"reopen without a reason", booked, broker, Reopen{"q1", ""}, Required, "why"},
		{"end without a reason", asked, broker, EndRequest{"q1", " "}, Required, "why"},
		{"end another's", asked, foreign, EndRequest{"q1", "x"}, Forbidden, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			es, err := Decide(tt.c(t), tt.by, tt.cmd, hour(20))
			var e *Error
			if !errors.As(err, &e) || len(es) > 0 {
				t.Fatalf("got %v and %v, want a refusal", es, err)
			}
			if e.Kind != tt.kind || e.Field != tt.field {
				t.Errorf("got %s %q (%s), want %s %q", e.Kind, e.Field, e.Text, tt.kind, tt.field)
			}
		})
	}
}

func TestApprovedAboveTheCeiling(t *testing.T) {
	c := accepted(t, broker, asking(), linden, answer("V1", ReplyAccept, func(v *Invite) { v.Rate = 35_001 }))
	price := Element{ID: "e1", Request: "q1", Provider: "V1", Council: "511", Unit: UnitWeek, Rate: 35_001, Count: 1000, State: ElementWaiting}
	book := Book{ID: "q1", Provider: "V1", Start: march(5)}
	if _, err := Decide(Apply(c, ElementChanged{Element: price}), broker, book, hour(20)); KindOf(err) != BusinessRule {
		t.Errorf("with the price waiting: %v", err)
	}
	price.State = ElementApproved
	if _, err := Decide(Apply(c, ElementChanged{Element: price}), broker, book, hour(20)); err != nil {
		t.Errorf("with the price approved: %v", err)
	}
}

func TestNeedsNameNobody(t *testing.T) {
	c := Case{NHS: nhs.Test(7), IDs: []Identifier{{System: "mrn:RK5", Value: "K123456"}}, Person: Person{Family: "Day-Marsh", Given: "Enid Rose", Preferred: "Nan",
		Born: nhs.Date{Year: 1941, Month: 3, Day: 14}, Phone: "01632 960123", Kin: []Kin{{Name: "Tom Fell", Phone: "01632 960 555"}},
		Address: Address{Lines: []string{"14 Sutton Road", "Mansfield"}, Postcode: "NG18 1AA"}}}
	number := nhs.Test(7).Digits()
	for text, want := range map[string]string{
		"Help to wash twice a day, walks with a frame. Home is upstairs. Lives in Mansfield. 14 visits a week": "",
		"Visits at 8 12 16 20 for 45 minutes, 2 carers; may rest from 14 to 16":                                "",
		"Mrs Marsh needs a hoist": "the family name", "marsh land": "", "Day needs help": "the family name", "ENID likes tea": "the given name",
		"called nan by all": "the preferred name", "her son tom fell can let you in": "the name of a relative or carer", "the son fell over tom": "",
		"lives at ng181aa": "the postcode", "near 14 Sutton road": "the address", "off Sutton Road": "the address",
		"born 14/03/1941": "the date of birth", "14 March 1941": "the date of birth", "14th mar 41": "the date of birth", "1941-03-14": "the date of birth",
		"14 March 1942": "", "number " + number: "the NHS number", number[:3] + " " + number[3:6] + "-" + number[6:]: "the NHS number",
		"ring 01632 960123": "the phone number", "ring (01632) 960-555": "the phone number", "ring 01632 960777": "the phone number", "see k123456": "the hospital or council number",
	} {
		if got := givesAway(c, text); got != want {
			t.Errorf("%q gives away %q, want %q", text, got, want)
		}
	}
	_, err := Decide(Apply(accepted(t), PersonTold{Person: c.Person}), broker, asking(func(r *Request) { r.Needs = "Mrs Marsh needs help" }), hour(20))
	var e *Error
	if !errors.As(err, &e) || e.Field != "needs" || strings.Contains(e.Text, "Marsh") {
		t.Errorf("refused with %v", err)
	}
}

func TestDistrict(t *testing.T) {
	for in, want := range map[string]string{"NG17 3MK": "NG17", "ec1a1bb": "EC1A", "S1 1AA": "S1", "": "", "3MK": ""} {
		if got := District(in); got != want {
			t.Errorf("District(%q) is %q, want %q", in, got, want)
		}
	}
	for _, bad := range []string{"NG", "17", "NG173", "NG17 3MK", "N-1", "NGX1"} {
		if got := district(bad); got != "" {
			t.Errorf("%q is taken for the district %q", bad, got)
		}
	}
}

// did is what happened to the requests of a case in some events.
func did(es []Event) (out []RequestDid) {
	for _, e := range es {
		if x, ok := e.(RequestChanged); ok {
			out = append(out, x.Did)
		}
	}
	return out
}

func TestOffersAreAtRiskOnceForEachChange(t *testing.T) {
	c := hear(accepted(t), seen("A08", 11.5, "V1", "I", "W1", edd(5), fit("Y"), readyAt(11)))
	c = act(t, c, broker, asking()) // at 9:00, and the answer at 10:00
	es, err := Decide(c, linden, answer("V1", ReplyAccept), hour(13))
	if err != nil {
		t.Fatal(err)
	}
	c = Apply(c, es...)
	for _, step := range []struct {
		what string
		o    Observation
		want []RequestDid
		why  string
	}{
		{"moved", seen("A08", 14, "V1", "I", "W1", edd(7)), []RequestDid{RequestAtRisk}, "Predicted discharge moved to 07-Mar-2026"},
		{"said again", seen("A08", 14.5, "V1", "I", "W1", edd(7)), nil, "Predicted discharge moved to 07-Mar-2026"},
		{"moved on", seen("A08", 15, "V1", "I", "W1", edd(8)), []RequestDid{RequestAtRisk}, "Predicted discharge moved to 08-Mar-2026"},
		{"back", seen("A08", 16, "V1", "I", "W1", edd(5)), []RequestDid{RequestSafe}, ""},
		{"no longer ready", seen("A08", 17, "V1", "I", "W1", fit("N"), notReady), []RequestDid{RequestWasted}, "No longer ready to leave hospital"},
		{"ready again", seen("A08", 18, "V1", "I", "W1", fit("Y"), readyAt(18)), []RequestDid{RequestSafe}, ""},
		{"lost again, counted once", seen("A08", 19, "V1", "I", "W1", fit("N"), notReady), []RequestDid{RequestAtRisk}, "No longer ready to leave hospital"},
		{"gone home unbooked", a03(20, "V1"), []RequestDid{RequestEnded}, ""},
	} {
		es := Notice(c, step.o)
		if got := did(es); !slices.Equal(got, step.want) {
			t.Errorf("%s: %v, want %v", step.what, got, step.want)
		}
		c = Apply(c, es...)
		if r := c.Requests[0].Risk; (r == nil) != (step.why == "") || r != nil && r.Why != step.why {
			t.Errorf("%s: the risk is %+v, want %q", step.what, r, step.why)
		}
	}
	if c.Requests[0].Wasted.IsZero() {
		t.Error("what was sourced in vain is not counted")
	}
	if ts := requestThreads(c); len(ts) != 1 || ts[0].State != RequestsWasted {
		t.Errorf("on lists it is %+v", ts)
	}
}

func TestLeftBeforeTheBookedStart(t *testing.T) {
	c := accepted(t, broker, asking(), linden, answer("V1", ReplyAccept), broker, Book{ID: "q1", Provider: "V1", Start: march(6)})
	es := Notice(c, a03(20, "V1"))
	if got := did(es); !slices.Equal(got, []RequestDid{RequestAtRisk}) {
		t.Fatalf("%v", got)
	}
	if why := Apply(c, es...).Requests[0].Risk.Why; !strings.Contains(why, "03-Mar-2026") || !strings.Contains(why, "06-Mar-2026") {
		t.Error(why)
	}
	if got := did(Notice(c, a03(20, "V1", died))); !slices.Equal(got, []RequestDid{RequestEnded}) {
		t.Errorf("a death brings %v", got)
	}
}

// TestRequestsKeepTheirPromises plays anything that people and hospitals may do.
func TestRequestsKeepTheirPromises(t *testing.T) {
	start := accepted(t)
	rapid.Check(t, func(t *rapid.T) {
		c := start
		providers := []string{"V1", "V2", "V3"}
		for i := range 40 {
			at := 13 + float64(i)
			var es []Event
			if rapid.IntRange(0, 3).Draw(t, "system") == 0 {
				es = Notice(c, anyNews(t, at))
			} else {
				by := rapid.SampledFrom([]Actor{broker, broker, broker, broker, broker, linden, bracken, nurse}).Draw(t, "by")
				es, _ = Decide(c, by, anyArranging(t, providers), hour(at))
			}
			next := Apply(c, es...)
			for _, e := range es {
				if x, ok := e.(RequestChanged); ok {
					checkRequest(t, c, x)
				}
			}
			for _, r := range next.Requests {
				if why := riskOf(next, r); r.Open() && (why == "") != (r.Risk == nil) {
					t.Fatalf("the risk is %v, and by what is known %q", r.Risk, why)
				}
			}
			c = next
		}
		for _, th := range requestThreads(c) {
			if strings.Contains(th.Owner+th.State+th.ID, "frame") {
				t.Fatal("a thread holds needs")
			}
		}
	})
}

// anyNews draws what a hospital may say. It ends a stay seldom, or no story came far.
func anyNews(t *rapid.T, at float64) Observation {
	switch rapid.IntRange(0, 29).Draw(t, "news") {
	case 17: // numbers in the middle come seldom
		return a03(at, "V1", died)
	case 18, 19:
		return a03(at, "V1")
	case 20, 21, 22, 23:
		return undo(UndoneLeaving, at, "V1")
	case 0, 1, 2, 3, 4, 5, 6:
		return seen("A08", at, "V1", "I", "W1", fit("Y"), readyAt(at))
	case 24, 25, 26, 27, 28, 29:
		return seen("A08", at, "V1", "I", "W1", fit("N"), notReady)
	}
	return seen("A08", at, "V1", "I", "W1", edd(rapid.IntRange(3, 9).Draw(t, "edd")))
}

// anyArranging draws a command about requests, sensible or not.
func anyArranging(t *rapid.T, providers []string) Command {
	id := rapid.SampledFrom([]string{"q1", "q1", "q1", "q2"}).Draw(t, "request")
	p := rapid.SampledFrom(providers).Draw(t, "provider")
	switch rapid.IntRange(0, 11).Draw(t, "command") {
	case 0, 11:
		return asking(func(r *Request) { r.ID, r.StartBy = id, march(20) })
	case 5:
		return InviteMore{id, []Invite{{Provider: p, Name: p}}}
	case 1, 3, 9:
		a := answer(p, rapid.SampledFrom([]RequestReply{ReplyAccept, ReplyAccept, ReplyMore, ReplyDecline}).Draw(t, "reply"))
		a.ID = id
		return a
	case 2, 4, 10:
		return Book{ID: id, Provider: p, Start: march(rapid.IntRange(4, 12).Draw(t, "start"))}
	case 6:
		return Reopen{id, "x"}
	}
	return rapid.SampledFrom([]Command{EndRequest{id, "x"}, RecordChoice{id, Choice{Offered: 1, Text: "x"}}}).Draw(t, "other")
}

// checkRequest wants what is promised of every change of a request.
func checkRequest(t *rapid.T, was Case, e RequestChanged) {
	i := slices.IndexFunc(was.Requests, func(r Request) bool { return r.ID == e.Request.ID })
	if i < 0 {
		if e.Did != RequestMade {
			t.Fatalf("%s before it was made", e.Did)
		}
		return
	}
	before, r := was.Requests[i], e.Request
	if !before.Open() {
		t.Fatalf("%s after it ended", e.Did)
	}
	if !before.Wasted.IsZero() && !r.Wasted.Equal(before.Wasted) {
		t.Fatal("wasted counted twice")
	}
	if r.Booked != "" {
		if v, ok := r.Asked(r.Booked); !ok || v.Reply != ReplyAccept {
			t.Fatalf("booked although it said %q", v.Reply)
		}
		if before.Booked != "" && before.Booked != r.Booked {
			t.Fatal("booked twice")
		}
		if r.Offers() != 1 || r.Waiting() != 0 {
			t.Fatal("others were not released")
		}
	}
	for _, v := range before.Invited {
		if now, _ := r.Asked(v.Provider); v.Reply == ReplyReleased && now.Reply != ReplyReleased && e.Did != RequestReopened {
			t.Fatalf("a released provider says %q", now.Reply)
		}
	}
}
