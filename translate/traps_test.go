package translate

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/care"
	"homeward/hl7"
	"homeward/nhs"
)

// message is an update of 24-Nov-2026 14:30 about an inpatient in Ward 12.
const message = "MSH|^~\\&|EPR|RK5|ROUTE|512|20261124143005||ADT^A08|M1|P|2.4\r" +
	"EVN||20261124143001\r" +
	"PID|1||9990000018^^^NHS^NH~7000001^^^RK5^MR||Quillfeather^Edna^^^Mrs^^L||19380402|2\r" +
	"PV1|1|I|W12^BAY2^04^RK5||||||||||||||||V0000171^^^RK5^VN\r"

// change is a field and what stands in it.
type change struct {
	seg   string
	field int
	value string
}

func event(e string) change { return change{"MSH", 9, "ADT^" + e} }

// with is message with fields changed.
func with(changes ...change) []byte {
	raw := []byte(message)
	for _, c := range changes {
		raw = set(raw, c.seg, c.field, c.value)
	}
	return raw
}

func translated(t *testing.T, p Profile, at time.Time, raw []byte) Result {
	t.Helper()
	m, err := hl7.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	r := ADT(m, p, at)
	oneOfThree(t, r)
	return r
}

// one is the only observation of message with changes.
func one(t *testing.T, p Profile, changes ...change) care.Observation {
	t.Helper()
	return only(t, translated(t, p, received, with(changes...)))
}

func only(t *testing.T, r Result) care.Observation {
	t.Helper()
	if len(r.Observations) != 1 {
		t.Fatalf("%d observations, hold %q, ignore %q", len(r.Observations), r.Hold, r.Ignore)
	}
	return r.Observations[0]
}

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if d := cmp.Diff(want, got, cmp.AllowUnexported(nhs.Number{})); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func noted(r Result, field string) bool {
	return slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, field) })
}

func at(day, clock string) time.Time {
	t, err := time.Parse("2006-01-02 15:04:05", day+" "+clock)
	if err != nil {
		panic(err)
	}
	return t
}

func TestBlankPV1SaysNothing(t *testing.T) {
	for _, class := range []string{"N", "I", "E", "O", ""} {
		raw := append(with()[:bytes.Index(with(), []byte("PV1"))], "PV1|1|"+class+"|\r"...)
		o := only(t, translated(t, profile(t), received, raw))
		if o.Seen.Person = false; *o.Seen != (care.Seen{}) {
			t.Errorf("class %q: %+v", class, *o.Seen)
		}
	}
}

func TestEmptyIsNotDeleted(t *testing.T) {
	p := profile(t)
	o := one(t, p, change{"PID", 11, ""}, change{"PV1", 9, ""}, change{"PV2", 9, ""}, change{"PID", 29, ""})
	if o.About.Address.Told || o.Seen.Consultant.Told || o.Seen.Expected.Told || o.About.Died.Told || o.About.Kin.Told || o.About.Phone.Told {
		t.Errorf("an empty field was told: %+v", o)
	}
	null := `""`
	o = one(t, p, change{"PID", 11, null}, change{"PID", 13, null}, change{"PID", 8, null}, change{"PID", 7, null}, change{"PID", 15, null},
		change{"PV1", 3, null}, change{"PV1", 9, null}, change{"PV1", 16, null}, change{"PV1", 44, null},
		change{"PV2", 3, null}, change{"PV2", 9, null}, change{"ZU1", 22, null}, change{"ZU1", 24, null},
		change{"NK1", 2, null}, change{"PID", 30, null}, change{"PID", 5, null + "^" + null})
	a, s := o.About, o.Seen
	same(t, "person", a, care.About{NHS: nhs.Test(1), IDs: []care.Identifier{{System: "mrn:RK5", Value: "7000001"}},
		Address: care.Tell(care.Address{}), Phone: care.Tell(""), Sex: care.Tell(""), Born: care.Tell(nhs.Date{}), Language: care.Tell(""),
		Sensitive: care.Tell(false), Kin: care.Tell([]care.Kin(nil)), Died: care.Tell(care.Death{})})
	same(t, "stay", *s, care.Seen{Class: care.Tell("I"), Where: care.Tell(care.Location{}), Consultant: care.Tell(""), Admitted: care.Tell(time.Time{}),
		Reason: care.Tell(""), Expected: care.Tell(nhs.Date{}), Fit: care.Tell(""), ReadyAt: care.Tell(time.Time{})})
}

func TestIdentifiers(t *testing.T) {
	good, other := nhs.Test(7).Digits(), nhs.Test(8).Digits()
	bad := good[:9] + string('0'+(good[9]-'0'+1)%10)
	mrn := func(system, v string) []care.Identifier { return []care.Identifier{{System: system, Value: v}} }
	for name, c := range map[string]struct {
		pid3 string
		want care.About
		note bool
	}{
		"ITK":                     {good + "^^^NHS^NH~77^^^RK5^MR", care.About{NHS: nhs.Test(7), IDs: mrn("mrn:RK5", "77")}, false},
		"without type":            {good + "^^^NHS~77^^^RK5", care.About{NHS: nhs.Test(7), IDs: mrn("mrn:RK5", "77")}, false},
		"without authority":       {good + "^^^^NH~77", care.About{NHS: nhs.Test(7), IDs: mrn("mrn:RK5", "77")}, false},
		"simhospital":             {"77^^^SIM MRN^MRN~" + good + "^^^NHSNBR^NHSNMBR", care.About{NHS: nhs.Test(7), IDs: mrn("mrn:RK5", "77")}, false},
		"spaces":                  {" 77 ^^^RK5^MR~" + nhs.Test(7).Spaced() + "^^^NHS^NH", care.About{NHS: nhs.Test(7), IDs: mrn("mrn:RK5", "77")}, false},
		"wrong check digit":       {bad + "^^^NHS^NH~77^^^RK5^MR", care.About{BadNHS: true, IDs: mrn("mrn:RK5", "77")}, true},
		"wrong beside right":      {bad + "^^^NHS^NH~" + good + "^^^NHS^NH", care.About{NHS: nhs.Test(7)}, true},
		"dummy of equal digits":   {"4444444444^^^NHS^NH~77^^^RK5^MR", care.About{BadNHS: true, IDs: mrn("mrn:RK5", "77")}, true},
		"two NHS numbers":         {good + "^^^NHS^NH~" + other + "^^^NHS^NH", care.About{NHS: nhs.Test(7)}, true},
		"no digits in the number": {"77^^^RK5^MR~\"\"^^^NHS^NH", care.About{IDs: mrn("mrn:RK5", "77")}, false},
		"other hospital's number": {"88^^^RX1^MR~77^^^RK5^MR", care.About{IDs: append(mrn("mrn:RX1", "88"), mrn("mrn:RK5", "77")...)}, false},
		"not a person's number":   {"V1^^^RK5^VN~A1^^^RK5^AN~77^^^RK5^MR", care.About{IDs: mrn("mrn:RK5", "77")}, false},
	} {
		p := profile(t)
		p.Authorities = map[string]nhs.ODS{"RX1": "RX1"}
		r := translated(t, p, received, with(change{"PID", 3, c.pid3}))
		a := only(t, r).About
		same(t, name, care.About{NHS: a.NHS, BadNHS: a.BadNHS, IDs: a.IDs}, c.want)
		if noted(r, "PID-3") != c.note {
			t.Errorf("%s: notes %q", name, r.Notes)
		}
	}
}

func TestTrace(t *testing.T) {
	for in, want := range map[string]care.Trace{
		"NSTS01": "01", "01": "01", "PDS1": "01", "nsts04": "04", "AL~NSTS02": "02", "8": "08",
		"": "", "09": "", "AL": "", "NSTS": "", "US": "", `""`: "",
	} {
		if got := one(t, profile(t), change{"PID", 32, in}).About.Trace; got != want {
			t.Errorf("PID-32 %q is %q, want %q", in, got, want)
		}
	}
}

func TestTimes(t *testing.T) {
	summer, winter := at("2026-10-25", "00:30:00"), at("2026-10-25", "01:30:00")
	for name, c := range map[string]struct {
		event, sent, recorded, occurred string
		received, at, said              time.Time
		note                            string
	}{
		"October, received in summer time": {"A08", "", "20261025013000", "", summer.Add(time.Minute), summer, summer, "EVN-2"},
		"October, received in winter time": {"A08", "", "20261025013000", "", winter.Add(time.Minute), winter, winter, "EVN-2"},
		"October, with offset":             {"A08", "", "20261025013000+0100", "", winter.Add(time.Hour), summer, summer, ""},
		"March, the hour left out":         {"A08", "", "20260329013000", "", at("2026-03-29", "01:31:00"), at("2026-03-29", "01:30:00"), at("2026-03-29", "01:30:00"), "EVN-2"},
		"summer":                           {"A08", "", "20260701120000", "", at("2026-07-01", "12:00:00"), at("2026-07-01", "11:00:00"), at("2026-07-01", "11:00:00"), ""},
		"EVN-6 before EVN-2":               {"A02", "", "20261124143000", "20261124120000", received, at("2026-11-24", "12:00:00"), at("2026-11-24", "14:30:00"), ""},
		"EVN-6 of a cancel":                {"A12", "", "20261124143000", "20261124120000", received, at("2026-11-24", "14:30:00"), at("2026-11-24", "14:30:00"), ""},
		"EVN-6 a plan":                     {"A02", "", "20261124143000", "20261126120000", received, at("2026-11-24", "14:30:00"), at("2026-11-24", "14:30:00"), "EVN-6"},
		"EVN-6 only a day":                 {"A02", "", "20261124143000", "20261124", received, at("2026-11-24", "14:30:00"), at("2026-11-24", "14:30:00"), ""},
		"EVN-6 only an earlier day":        {"A02", "", "20261124143000", "20261123", received, at("2026-11-23", "00:00:00"), at("2026-11-24", "14:30:00"), ""},
		"EVN-2 only a day":                 {"A02", "20261124143100", "20261124", "", received, at("2026-11-24", "14:31:00"), at("2026-11-24", "14:31:00"), ""},
		"EVN-2 empty":                      {"A02", "20261124143100", "", "", received, at("2026-11-24", "14:31:00"), at("2026-11-24", "14:31:00"), ""},
		"nothing":                          {"A02", "", "", "", received, received, received, "EVN-2"},
		"a little ahead":                   {"A02", "", "20261124155900", "", received, at("2026-11-24", "15:59:00"), at("2026-11-24", "15:59:00"), ""},
		"far ahead":                        {"A02", "", "20261125143000", "", received, received, received, "EVN-2"},
		"far ahead, but occurred":          {"A02", "", "20261125143000", "20261124120000", received, at("2026-11-24", "12:00:00"), received, "EVN-2"},
	} {
		raw := with(event(c.event), change{"MSH", 7, c.sent}, change{"EVN", 2, c.recorded}, change{"EVN", 6, c.occurred})
		r := translated(t, profile(t), c.received, raw)
		o := only(t, r)
		if !o.At.Equal(c.at) || !o.Said.Equal(c.said) {
			t.Errorf("%s: at %v, said %v; want %v, %v", name, o.At, o.Said, c.at, c.said)
		}
		if c.note != "" && !noted(r, c.note) || c.note == "" && len(r.Notes) > 0 {
			t.Errorf("%s: notes %q", name, r.Notes)
		}
	}
}

func TestDatesAreThoseOfTheWallClock(t *testing.T) {
	for in, want := range map[string]string{"20260701": "2026-07-01", "20260701000000": "2026-07-01", "20260630230000+0000": "2026-07-01", "20261201000000+0000": "2026-12-01"} {
		if got := one(t, profile(t), change{"PV2", 9, in}).Seen.Expected.Value.String(); got != want {
			t.Errorf("PV2-9 %s is %s, want %s", in, got, want)
		}
	}
	r := translated(t, profile(t), received, with(change{"PID", 7, "1938"}))
	if only(t, r).About.Born.Told || !noted(r, "PID-7") {
		t.Errorf("a year of birth became a date of birth")
	}
}

func TestLeaving(t *testing.T) {
	recorded := at("2026-11-24", "14:30:01")
	for name, c := range map[string]struct {
		changes []change
		want    care.Leaving
		note    bool
	}{
		"at once":             {nil, care.Leaving{At: recorded}, false},
		"before":              {[]change{{"PV1", 45, "20261124120000"}}, care.Leaving{At: at("2026-11-24", "12:00:00")}, false},
		"expected":            {[]change{{"PV1", 45, "20261126120000"}}, care.Leaving{At: recorded}, true},
		"later today":         {[]change{{"PV1", 45, "20261124144500"}}, care.Leaving{At: recorded}, true},
		"a day":               {[]change{{"PV1", 45, "20261124"}}, care.Leaving{At: recorded}, false},
		"yesterday":           {[]change{{"PV1", 45, "20261123"}}, care.Leaving{At: at("2026-11-23", "00:00:00")}, false},
		"died by method":      {[]change{{"ZU1", 30, "4"}}, care.Leaving{At: recorded, Method: "4", Died: true}, false},
		"died by destination": {[]change{{"PV1", 36, "79"}}, care.Leaving{At: recorded, Destination: "79", Died: true}, false},
		"died by indicator":   {[]change{{"PID", 30, "Y"}}, care.Leaving{At: recorded, Died: true}, false},
		"self":                {[]change{{"ZU1", 30, "6"}}, care.Leaving{At: recorded, Method: "6", Self: true}, false},
		"by a relative":       {[]change{{"ZU1", 30, "7"}}, care.Leaving{At: recorded, Method: "7", Self: true}, false},
		"self, and died":      {[]change{{"ZU1", 30, "6"}, {"PID", 30, "Y"}}, care.Leaving{At: recorded, Method: "6", Died: true}, false},
		"unknown codes kept":  {[]change{{"ZU1", 30, "X9"}, {"PV1", 36, "898"}}, care.Leaving{At: recorded, Method: "X9", Destination: "898"}, false},
	} {
		r := translated(t, profile(t), received, with(append(c.changes, event("A03"))...))
		o := only(t, r)
		same(t, name, o.Left.Leaving, c.want)
		if noted(r, "PV1-45") != c.note {
			t.Errorf("%s: notes %q", name, r.Notes)
		}
	}
	p := profile(t)
	p.DischargeMethod, p.DiedMethods, p.SelfMethods, p.DiedDestinations = "PV1-37.2", []string{"DEAD"}, []string{"DAMA"}, []string{"MORT"}
	same(t, "own died", one(t, p, event("A03"), change{"PV1", 37, "X^dead"}).Left.Leaving.Died, true)
	same(t, "own self", one(t, p, event("A03"), change{"PV1", 37, "X^DAMA"}).Left.Leaving.Self, true)
	same(t, "own destination", one(t, p, event("A03"), change{"PV1", 36, "MORT"}).Left.Leaving.Died, true)
	same(t, "not the usual", one(t, p, event("A03"), change{"PV1", 36, "79"}).Left.Leaving.Died, false)
	p.DischargeMethod = ""
	same(t, "no method sent", one(t, p, event("A03"), change{"PV1", 37, "X^DEAD"}).Left.Leaving.Method, "")
}

func TestDischargeTellsReadyDate(t *testing.T) {
	r := translated(t, profile(t), received, with(event("A03"), change{"ZU1", 22, "N"}, change{"ZU1", 24, "20261123100000"}))
	if len(r.Observations) != 2 || r.Observations[1].Left == nil {
		t.Fatalf("%+v", r)
	}
	same(t, "before the leaving", *r.Observations[0].Seen, care.Seen{ReadyAt: care.Tell(at("2026-11-23", "10:00:00"))})
}

func TestDeath(t *testing.T) {
	told := func(d care.Death) care.Opt[care.Death] { d.Source = "kmh"; return care.Tell(d) }
	event := at("2026-11-24", "14:30:01")
	for name, c := range map[string]struct {
		when, flag string
		want       care.Opt[care.Death]
		note       bool
	}{
		"nothing":            {"", "", care.Opt[care.Death]{}, false},
		"time and indicator": {"20261124120000", "Y", told(care.Death{At: at("2026-11-24", "12:00:00")}), false},
		"day":                {"20261124", "Y", told(care.Death{At: at("2026-11-24", "00:00:00"), DayOnly: true}), false},
		"indicator only":     {"", "Y", told(care.Death{At: event}), false},
		"time only":          {"20261124120000", "", told(care.Death{At: at("2026-11-24", "12:00:00")}), false},
		"unreadable, sure":   {"yesterday", "Y", told(care.Death{At: event}), true},
		"year only, sure":    {"2026", "Y", told(care.Death{At: event}), true},
		"in the future":      {"20261224120000", "Y", told(care.Death{At: event}), true},
		"alive":              {"", "N", care.Tell(care.Death{}), false},
		"taken back":         {`""`, "N", care.Tell(care.Death{}), false},
		"deleted":            {`""`, `""`, care.Tell(care.Death{}), false},
	} {
		r := translated(t, profile(t), received, with(change{"PID", 29, c.when}, change{"PID", 30, c.flag}))
		same(t, name, only(t, r).About.Died, c.want)
		if noted(r, "PID-29") != c.note {
			t.Errorf("%s: notes %q", name, r.Notes)
		}
	}
}

func TestProfileMovesPlacesAndCodes(t *testing.T) {
	p := profile(t)
	p.Expected, p.Fit, p.Ready, p.Trace = "ZXX-3.2", "ZXX-4", "ZXX-5", "ZXX-6"
	p.FitYes, p.FitNo, p.SensitiveCodes = []string{"MFFD", "YES"}, []string{"NMFFD"}, []string{"VIP"}
	p.NHSAuthorities = []string{"NATIONAL"}
	p.Authorities = map[string]nhs.ODS{"OLD": "RX9"}
	changes := []change{{"ZXX", 3, "x^20261130"}, {"ZXX", 4, "mffd"}, {"ZXX", 5, "20261124100000"}, {"ZXX", 6, "NSTS02"}, {"PV2", 9, "20261212"}, {"ZU1", 22, "N"},
		{"PV1", 16, "STAFF"}, {"PID", 3, nhs.Test(7).Digits() + "^^^NATIONAL~12^^^OLD^MR~13^^^NEW^MR"}}
	o := one(t, p, changes...)
	same(t, "expected", o.Seen.Expected.Value.String(), "2026-11-30")
	same(t, "fit", o.Seen.Fit, care.Tell("Y"))
	same(t, "ready", o.Seen.ReadyAt, care.Tell(at("2026-11-24", "10:00:00")))
	same(t, "trace", o.About.Trace, care.Trace("02"))
	same(t, "sensitive", o.About.Sensitive, care.Tell(false))
	same(t, "number", o.About.NHS, nhs.Test(7))
	same(t, "ids", o.About.IDs, []care.Identifier{{System: "mrn:RX9", Value: "12"}, {System: "mrn:RK5", Value: "13"}})
	same(t, "not fit", one(t, p, append(changes, change{"ZXX", 4, "NMFFD"})...).Seen.Fit, care.Tell("N"))
	same(t, "VIP", one(t, p, append(changes, change{"PV1", 16, "vip"})...).About.Sensitive, care.Tell(true))
	if r := translated(t, p, received, with(append(changes, change{"ZXX", 4, "Y"})...)); !strings.HasPrefix(r.Hold, "ZXX-4: ") {
		t.Errorf("the usual code was taken from a feed with its own: %+v", r)
	}
}

func TestSensitive(t *testing.T) {
	for in, want := range map[string]care.Opt[bool]{"": {}, "Y": care.Tell(true), "VIP": care.Tell(true), "N": care.Tell(false), "0": care.Tell(false), `""`: care.Tell(false)} {
		same(t, "PV1-16 "+in, one(t, profile(t), change{"PV1", 16, in}).About.Sensitive, want)
	}
}

func TestHolds(t *testing.T) {
	for name, c := range map[string]struct {
		field   string
		changes []change
	}{
		"charset not the declared": {"MSH-18", []change{{"MSH", 18, "ASCII"}, {"PID", 9, "\xe9"}}},
		"charset UTF-16":           {"MSH-18", []change{{"MSH", 18, "UNICODE UTF-16"}}},
		"fit code":                 {"ZU1-22", []change{{"ZU1", 22, "MFFD"}}},
		"no numbers":               {"PID-3", []change{{"PID", 3, ""}}},
		"only a bad NHS number":    {"PID-3", []change{{"PID", 3, "9990000019^^^NHS^NH"}}},
		"unknown event":            {"MSH-9", []change{event("A99")}},
		"no event":                 {"MSH-9", []change{{"MSH", 9, "ADT"}}},
		"no type":                  {"MSH-9", []change{{"MSH", 9, ""}}},
		"EVN-2":                    {"EVN-2", []change{{"EVN", 2, "2026-11-24"}}},
		"EVN-2 a year":             {"EVN-2", []change{{"EVN", 2, "2026"}}},
		"EVN-6":                    {"EVN-6", []change{{"EVN", 6, "20261124250000"}}},
		"birth":                    {"PID-7", []change{{"PID", 7, "00000000"}}},
		"alive with a death":       {"PID-30", []change{{"PID", 30, "N"}, {"PID", 29, "20261124"}}},
	} {
		r := translated(t, profile(t), received, with(c.changes...))
		if !strings.HasPrefix(r.Hold, c.field+": ") {
			t.Errorf("%s: held for %q, want %s", name, r.Hold, c.field)
		}
	}
}

func TestClasses(t *testing.T) {
	clinic := change{"PV1", 3, "CLINIC3^^^RK5"}
	none := change{"PV1", 19, ""}
	for name, c := range map[string]struct {
		changes       []change
		opens, person bool
		class         string
		ward          string
	}{
		"A01 I":                           {[]change{event("A01")}, true, false, "I", "W12"},
		"A01 without class":               {[]change{event("A01"), {"PV1", 2, ""}}, true, false, "I", "W12"},
		"A01 N":                           {[]change{event("A01"), {"PV1", 2, "N"}}, true, false, "I", "W12"},
		"A01 e":                           {[]change{event("A01"), {"PV1", 2, "e"}}, true, false, "E", "W12"},
		"A01 O":                           {[]change{event("A01"), {"PV1", 2, "O"}, clinic}, false, false, "O", ""},
		"A01 O without visit":             {[]change{event("A01"), {"PV1", 2, "O"}, clinic, none}, false, true, "", ""},
		"A01 without place and visit":     {[]change{event("A01"), {"PV1", 3, ""}, none}, true, false, "I", ""},
		"A04 E":                           {[]change{event("A04"), {"PV1", 2, "E"}}, true, false, "E", "W12"},
		"A04 O":                           {[]change{event("A04"), {"PV1", 2, "O"}, clinic}, false, true, "", ""},
		"A04 without class, with place":   {[]change{event("A04"), {"PV1", 2, ""}}, true, false, "E", "W12"},
		"A04 without class, place erased": {[]change{event("A04"), {"PV1", 2, ""}, {"PV1", 3, `""`}}, false, true, "", ""},
		"A04 N":                           {[]change{event("A04"), {"PV1", 2, "N"}}, false, true, "", ""},
		"A06 O":                           {[]change{event("A06"), {"PV1", 2, "O"}}, true, false, "I", "W12"},
		"A06 O without visit":             {[]change{event("A06"), {"PV1", 2, "O"}, none}, true, false, "I", "W12"},
		"A08 O without visit":             {[]change{{"PV1", 2, "O"}, clinic, none}, false, true, "", ""},
		"A08 N with a place":              {[]change{{"PV1", 2, "N"}}, false, false, "", "W12"},
		"A08 O with visit":                {[]change{{"PV1", 2, "O"}, clinic}, false, false, "O", ""},
		"A08 R without visit":             {[]change{{"PV1", 2, "R"}, clinic, none}, false, true, "", ""},
		"A08 P with the ward to be":       {[]change{{"PV1", 2, "P"}}, false, false, "P", ""},
		"A09 keeps the old place":         {[]change{event("A09")}, false, false, "I", ""},
		"A21 keeps the old place":         {[]change{event("A21")}, false, false, "I", ""},
		"A22 tells the place":             {[]change{event("A22")}, false, false, "I", "W12"},
		"A28":                             {[]change{event("A28"), none}, false, true, "", ""},
		"A31 without a stay":              {[]change{event("A31"), none}, false, true, "", ""},
		"A31 with a stay":                 {[]change{event("A31")}, false, false, "I", ""},
	} {
		o := one(t, profile(t), c.changes...)
		if o.Seen == nil {
			t.Errorf("%s: nothing seen", name)
			continue
		}
		s := *o.Seen
		if s.Opens != c.opens || s.Person != c.person || s.Class.Value != c.class || s.Where.Value.Ward != c.ward {
			t.Errorf("%s: opens %v, person %v, class %q, ward %q; want %+v", name, s.Opens, s.Person, s.Class.Value, s.Where.Value.Ward, c)
		}
	}
	o := one(t, profile(t), change{"PV1", 2, "O"}, none, change{"PV2", 9, "20261127"}, change{"PV1", 9, "C^Marsh^Ada"})
	same(t, "an outpatient's predicted date", *o.Seen, care.Seen{Expected: care.Tell(nhs.Date{Year: 2026, Month: 11, Day: 27})})
}

func TestPlaces(t *testing.T) {
	for in, want := range map[string]care.Opt[care.Location]{
		"W12^BAY2^04^RK5":                 care.Tell(care.Location{Ward: "W12", Name: "Ward 12", Bay: "BAY2", Bed: "04", Site: "RK5"}),
		"W12^^05^RK5":                     care.Tell(care.Location{Ward: "W12", Name: "Ward 12", Bed: "05", Site: "RK5"}),
		`W12^""^05`:                       care.Tell(care.Location{Ward: "W12", Name: "Ward 12", Bed: "05"}),
		"XY^^1^RK5^^^^^Willow":            care.Tell(care.Location{Ward: "XY", Name: "Willow", Bed: "1", Site: "RK5"}),
		"W12^^1^^^^^^Willow":              care.Tell(care.Location{Ward: "W12", Name: "Ward 12", Bed: "1"}),
		"^^^^^^^^Willow":                  care.Tell(care.Location{Name: "Willow"}),
		"XY & Z^^1":                       care.Tell(care.Location{Ward: "XY", Bed: "1"}),
		"XY^^1^RK5&2.16.840&ISO^^BED^A^^": care.Tell(care.Location{Ward: "XY", Bed: "1", Site: "RK5"}),
		" W12 ^^ 04 ":                     care.Tell(care.Location{Ward: "W12", Name: "Ward 12", Bed: "04"}),
		"^BAY2^04^RK5":                    {},
		"^^^RK5":                          {},
		"^^^":                             {},
		"":                                {},
		`""`:                              care.Tell(care.Location{}),
		`""^""^""`:                        care.Tell(care.Location{}),
	} {
		same(t, "PV1-3 "+in, one(t, profile(t), event("A02"), change{"PV1", 3, in}).Seen.Where, want)
		if strings.HasPrefix(in, "W12") {
			same(t, "A12 "+in, one(t, profile(t), event("A12"), change{"PV1", 3, in}).Undone.Where, want)
		}
	}
}

func TestVisit(t *testing.T) {
	for in, want := range map[string]string{"V0000171": "V0000171", "V0000171^7^M11^RK5^VN": "V0000171", " V1 ": "V1", `""`: "", "": "", "^^^RK5": ""} {
		if got := one(t, profile(t), change{"PV1", 19, in}).Visit; got != want {
			t.Errorf("PV1-19 %q is visit %q, want %q", in, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	type name struct{ family, given, title, preferred care.Opt[string] }
	say := care.Tell[string]
	for in, want := range map[string]name{
		"Overbrook^Maud":                          {family: say("Overbrook"), given: say("Maud")},
		"Overbrook^Maud^Ivy Jane^^Mrs^^L":         {family: say("Overbrook"), given: say("Maud Ivy Jane"), title: say("Mrs")},
		"Overbrook^Maudie^^^^^N~Overbrook^Maud":   {family: say("Overbrook"), given: say("Maud"), preferred: say("Maudie")},
		"Heron^Maud^^^^^M~Overbrook^Maud^^^Dr^^L": {family: say("Overbrook"), given: say("Maud"), title: say("Dr")},
		"Heron^Maud^^^^^A~Overbrook^Maud":         {family: say("Overbrook"), given: say("Maud")},
		"Heron^Maud^^^^^A":                        {family: say("Heron"), given: say("Maud")},
		"First^Maud^^^^^L~Second^Maud^^^^^L":      {family: say("First"), given: say("Maud")},
		"de Brook&de&Brook^Maud":                  {family: say("de Brook"), given: say("Maud")},
		`O\T\Brook^Maud`:                          {family: say("O&Brook"), given: say("Maud")},
		`""^Maud`:                                 {given: say("Maud")},
		`Overbrook^""`:                            {family: say("Overbrook"), given: say("")},
		"^^^^^^N":                                 {},
		"":                                        {},
		`""`:                                      {},
	} {
		a := one(t, profile(t), change{"PID", 5, in}).About
		got := name{a.Family, a.Given, a.Title, a.Preferred}
		if got != want {
			t.Errorf("PID-5 %q is %+v, want %+v", in, got, want)
		}
	}
}

func TestAddressAndPhone(t *testing.T) {
	home := care.Tell(care.Address{Lines: []string{"1 High Street", "Arnold"}, Postcode: "NG5 9ZZ"})
	for in, want := range map[string]care.Opt[care.Address]{
		"1 High Street^Arnold^^^ng5 9zz ^GBR":                               home,
		"1 High Street&High Street&1^Arnold^^^NG5 9ZZ":                      home,
		"PO Box 9^^^^NG1 9ZZ^GBR^M~1 High Street^Arnold^^^NG5 9ZZ^GBR^H":    home,
		"1 High Street^Arnold^^^NG5 9ZZ^GBR^HOME~PO Box 9^^^^NG1 9ZZ^GBR^M": home,
		"~1 High Street^Arnold^^^NG5 9ZZ":                                   home,
		"^^^^NG5 9ZZ":                                                       care.Tell(care.Address{Postcode: "NG5 9ZZ"}),
		"^^^^^^H":                                                           {},
		"":                                                                  {},
		`""`:                                                                care.Tell(care.Address{}),
	} {
		same(t, "PID-11 "+in, one(t, profile(t), change{"PID", 11, in}).About.Address, want)
	}
	for in, want := range map[string]care.Opt[string]{
		"01632 960001": care.Tell("01632 960001"),
		"^NET^Internet^a@example.org~01632 960001": care.Tell("01632 960001"),
		"^PRN^PH^^^01632^960001":                   care.Tell("01632 960001"),
		"^PRN^PH^^^^^^^^^01632 960001":             care.Tell("01632 960001"),
		"^NET^Internet^a@example.org":              {},
		`""`:                                       care.Tell(""),
		"":                                         {},
	} {
		same(t, "PID-13 "+in, one(t, profile(t), change{"PID", 13, in}).About.Phone, want)
	}
}

func TestSexAndKin(t *testing.T) {
	for in, want := range map[string]string{"F": "Female", "m": "Male", "1": "Male", "2": "Female", "9": "Not specified", "X": "Not known", "0": "Not known", "Q": ""} {
		if got := one(t, profile(t), change{"PID", 8, in}).About.Sex.Value; got != want {
			t.Errorf("PID-8 %q is %q, want %q", in, got, want)
		}
	}
	raw := append(with(), "NK1|1|Penhallow^Sean|SPO||01632 960113\rNK1|2\rNK1|3|Byrne^Orla|^Daughter||^PRN^PH^^^01632^960114\r"...)
	same(t, "kin", only(t, translated(t, profile(t), received, raw)).About.Kin, care.Tell([]care.Kin{
		{Name: "Sean Penhallow", Relation: "SPO", Phone: "01632 960113"}, {Name: "Orla Byrne", Relation: "Daughter", Phone: "01632 960114"}}))
}

func TestRepeatedZSegments(t *testing.T) {
	z := func(fit string) string { return "ZU1" + strings.Repeat("|", 22) + fit + "\r" }
	for _, c := range []struct{ first, second, fit, hold string }{
		{"", "Y", "Y", ""}, {"Y", "", "Y", ""}, {"Y", "Y", "Y", ""}, {"", "", "", ""}, {"Y", "N", "", "ZU1-22"}, {"Y", `""`, "", "ZU1-22"},
	} {
		r := translated(t, profile(t), received, append(with(), z(c.first)+z(c.second)...))
		if c.hold != "" {
			if !strings.HasPrefix(r.Hold, c.hold) {
				t.Errorf("%q and %q: %+v", c.first, c.second, r)
			}
			continue
		}
		if got := only(t, r).Seen.Fit.Value; got != c.fit {
			t.Errorf("%q and %q are %q, want %q", c.first, c.second, got, c.fit)
		}
	}
}

func TestPlansAreNotFacts(t *testing.T) {
	r := translated(t, profile(t), received, with(change{"ZU1", 24, "20261127"}, change{"PV1", 44, "20261127"}))
	s := only(t, r).Seen
	if s.ReadyAt.Told || s.Admitted.Told || !noted(r, "ZU1-24") || !noted(r, "PV1-44") {
		t.Errorf("a time ahead was believed: %+v %q", s, r.Notes)
	}
}

func TestMerges(t *testing.T) {
	p := profile(t)
	gone := func(values ...string) []care.Identifier {
		var out []care.Identifier
		for _, v := range values {
			out = append(out, care.Identifier{System: "mrn:RK5", Value: v})
		}
		return out
	}
	for _, e := range []string{"A34", "A40", "A42", "A46", "A47"} {
		same(t, e, one(t, p, event(e), change{"MRG", 1, "T1^^^RK5^MR~7000001^^^RK5^MR~" + nhs.Test(1).Digits() + "^^^NHS^NH~T2"}).Joined.Retired, gone("T1", "T2"))
	}
	raw := append(with(event("A40")), "MRG|T1\rMRG|T2\rPID|1||T9^^^RK5^MR||Heron^Ada\rPD1|||MEADOW SURGERY^^C89999\rMRG|T3\r"...)
	r := translated(t, p, received, raw)
	if len(r.Observations) != 2 {
		t.Fatalf("%d observations of two merges: %q", len(r.Observations), r.Hold)
	}
	first, second := r.Observations[0], r.Observations[1]
	same(t, "first", first.Joined.Retired, gone("T1", "T2"))
	same(t, "second", second.Joined.Retired, gone("T3"))
	same(t, "first's surgery", first.About.GP, care.Opt[string]{})
	same(t, "second's surgery", second.About.GP, care.Tell("C89999"))
	same(t, "second's name", second.About.Family, care.Tell("Heron"))
	same(t, "second's visit", second.Visit, "")

	if r := translated(t, p, received, append(raw, "PID|2||T8^^^RK5^MR\r"...)); !strings.HasPrefix(r.Hold, "MRG-1: ") {
		t.Errorf("a third person without MRG: %+v", r)
	}
}

func TestLink(t *testing.T) {
	raw := append(with(event("A24")), "PID|2||T5^^^RK5^MR~7000001^^^RK5^MR||Heron^Ada\r"...)
	o := only(t, translated(t, profile(t), received, raw))
	same(t, "given up", o.Joined.Retired, []care.Identifier{{System: "mrn:RK5", Value: "T5"}})
	same(t, "about the first", o.About.Family, care.Tell("Quillfeather"))
	for _, more := range []string{"", "PID|2||\"\"\r", "PID|2||T5\rPID|3||T6\r"} {
		if r := translated(t, profile(t), received, append(with(event("A24")), more...)); !strings.HasPrefix(r.Hold, "PID: ") {
			t.Errorf("link of %q: %+v", more, r)
		}
	}
}

func TestCancelledDischargeTellsThePlace(t *testing.T) {
	r := translated(t, profile(t), received, with(event("A13"), change{"PV1", 3, "W31^^02"}))
	if len(r.Observations) != 2 || r.Observations[0].Undone == nil || r.Observations[1].Seen.Where.Value.Ward != "W31" {
		t.Errorf("%+v", r.Observations)
	}
	if o := one(t, profile(t), event("A13"), change{"PV1", 2, "O"}, change{"PV1", 3, ""}, change{"PV1", 19, ""}); o.Undone.What != care.UndoneLeaving {
		t.Errorf("%+v", o)
	}
}

func TestCheckPath(t *testing.T) {
	for _, good := range []string{"PV2-9", "ZU1-22", "PV1-3.9", "Z99-100"} {
		if !CheckPath(good) {
			t.Errorf("%s is refused", good)
		}
	}
	for _, bad := range []string{"", "PV2", "PV2-", "pv2-9", "PV2-0", "PV2-x", "PV2-9.", "PV2-9.0", "PV2-9.1.2", "PV22-9", "-9", "PV2-99999999999999999999", "PV2--9"} {
		if CheckPath(bad) {
			t.Errorf("%s is taken", bad)
		}
	}
}

func TestDescribe(t *testing.T) {
	zone := london(t)
	o := one(t, profile(t), event("A02"), change{"PV1", 3, "W12^^Bed 4"}, change{"EVN", 2, "20261122091200"})
	if got, want := Describe(o, zone), "A02: seen in Ward 12, Bed 4 at 22-Nov-2026 09:12"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	o.At = at("2026-07-01", "11:00:00")
	if got := Describe(o, zone); !strings.HasSuffix(got, "01-Jul-2026 12:00") {
		t.Errorf("not the hospital's clock: %q", got)
	}
}

// TestSamplesHoldOnlyInventedPeople keeps real numbers out of the repository.
func TestSamplesHoldOnlyInventedPeople(t *testing.T) {
	for _, path := range samples(t) {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range strings.FieldsFunc(string(raw), func(r rune) bool { return r < '0' || r > '9' }) {
			if n, err := nhs.ParseNumber(word); err == nil && !strings.HasPrefix(n.Digits(), "999") {
				t.Errorf("%s holds an NHS number outside the test range", path)
			}
		}
	}
}

func ExampleDescribe() {
	o := care.Observation{Event: "A16", At: time.Date(2026, 11, 24, 9, 12, 0, 0, time.UTC),
		Seen: &care.Seen{Expected: care.Tell(nhs.Date{Year: 2026, Month: 11, Day: 27}), Fit: care.Tell("N")}}
	fmt.Println(Describe(o, time.UTC))
	// Output: A16: told of a stay, predicted discharge 27-Nov-2026, medically fit N at 24-Nov-2026 09:12
}
