package care

import (
	"bytes"
	"flag"
	"log/slog"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/nhs"
)

var update = flag.Bool("update", false, "write the golden document of the present format")

// TestGoldenDocuments reads a document of every format that was ever released.
// Each has every field filled, so that none is lost on the way.
func TestGoldenDocuments(t *testing.T) {
	if *update {
		var c Case
		fill(reflect.ValueOf(&c).Elem(), 0)
		b, err := Write(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("testdata/case-1.json", append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	doc, err := os.ReadFile("testdata/case-1.json")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Read(doc)
	if err != nil {
		t.Fatal(err)
	}
	back, err := Write(c)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.TrimSpace(string(doc)), string(back)); diff != "" {
		t.Errorf("read and written back, the document differs. Is a new field not in it, or an old one gone? Such a change needs a new format:\n%s", diff)
	}
	var all Case
	fill(reflect.ValueOf(&all).Elem(), 0)
	if diff := cmp.Diff(all, c, sameContent[2]); diff != "" {
		t.Errorf("the golden document does not fill every field:\n%s", diff)
	}
}

func TestReadIsStrict(t *testing.T) {
	for name, doc := range map[string]string{
		"a field nobody knows":  `{"format":1,"id":"c1","version":1,"person":{},"colour":"red"}`,
		"a format of tomorrow":  `{"format":2,"id":"c1"}`,
		"more after the end":    `{"format":1,"id":"c1","version":1,"person":{}} {}`,
		"not JSON":              `<case/>`,
		"a number that is none": `{"id":"c1","nhs":"1234567890"}`,
		"nothing":               ``,
	} {
		if _, err := Read([]byte(doc)); err == nil {
			t.Errorf("%s was read", name)
		}
	}
	if c, err := Read([]byte(`{"id":"c1","version":3,"person":{}}`)); err != nil || c.Version != 3 {
		t.Errorf("a document without a format: %v", err)
	}
}

// TestLogsMask logs all that holds personal data and looks for it.
func TestLogsMask(t *testing.T) {
	c := *known("c1", nhs.Test(77), "Featherstone", born40)
	c.Person.Given, c.Person.Phone = "Winifred", "01632 960123"
	c.Person.Address = Address{Lines: []string{"9 Larkspur Close"}, Postcode: "NG99 9ZZ"}
	c.IDs = append(c.IDs, Identifier{"mrn:RK5", "K998877"})
	c.Notes = []Note{{ID: "n1", Text: "Lives with Winifred Featherstone"}}
	c.Calls = []Call{{ID: "k1", Text: "Winifred is safe"}}
	c.Referrals = []Referral{{ID: "r1", WhyText: "Winifred", Answers: map[string][]string{"name": {"Featherstone"}}}}
	o := says(c.NHS, "01", "Featherstone", born40, c.IDs...)
	o.About.Address = Tell(c.Person.Address)
	told := PersonTold{At: day, Person: c.Person}
	var out bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		log := slog.New(h)
		for _, v := range []any{c, &c, c.Person, c.Person.Address, o, &o, o.About, c.NHS, c.IDs[0], c.Notes[0], c.Calls[0], c.Referrals[0], RowOf(c),
			Entry{Case: "c1", Event: told}, Verdict{Case: "c1", Events: []Event{told}}} {
			log.Info("seen", "it", v)
		}
	}
	text := out.String()
	for _, secret := range []string{"Featherstone", "Winifred", "01632", "960123", "Larkspur", "NG99", "K998877", nhs.Test(77).Digits(), nhs.Test(77).Spaced(), "1940"} {
		if strings.Contains(text, secret) {
			t.Errorf("the log shows %q", secret)
		}
	}
	if !strings.Contains(text, "c1") {
		t.Error("the log does not show the case's id")
	}
}

func TestErrors(t *testing.T) {
	if KindOf(nil) != "" || KindOf(os.ErrNotExist) != Exception || KindOf(missing("a", "b")) != Required {
		t.Error("kinds are wrong")
	}
	e := &Error{Kind: Invalid, Field: "phone", Text: "Enter it", Err: os.ErrNotExist}
	if e.Error() != "phone: Enter it: file does not exist" {
		t.Errorf("it says %q", e.Error())
	}
}

func TestSay(t *testing.T) {
	for want, e := range map[string]Event{
		"Moved from Ward 12, Bay 2 to W31, Bed 4":    Moved{At: day, From: Location{Ward: "W12", Name: "Ward 12", Bay: "2"}, To: Location{Ward: "W31", Bed: "4"}},
		"Referral received by the council":           ReferralReceived{},
		"Reference of the council's system recorded": ReferralReceived{Reference: "4471901"},
		"In W1": Moved{To: Location{Ward: "W1"}, First: true},
		"Predicted discharge date changed to 16-Mar-2026":                       ExpectedChanged{Expected: Expected{Date: nhs.Date{Year: 2026, Month: time.March, Day: 16}}, Count: 3},
		"Predicted discharge date 16-Mar-2026, already replaced by a newer one": ExpectedChanged{Expected: Expected{Date: nhs.Date{Year: 2026, Month: time.March, Day: 16}, Late: true}, Count: 3},
		"Predicted discharge date taken back":                                   ExpectedChanged{},
		"Predicted discharge date 17-Mar-2026":                                  ExpectedChanged{Expected: Expected{Date: nhs.Date{Year: 2026, Month: time.March, Day: 17}}},
		"Ready to leave hospital":                                               BecameReady{},
		"Ready to leave hospital (told as before the admission)":                BecameReady{Clamped: true},
		"Discharge-ready date corrected":                                        BecameReady{Again: true},
		"Arrived in A&E":                                                        Admitted{Stay: Stay{Class: "E"}},
		"Back in the hospital stay from before":                                 DischargeUndone{Seen: true},
		"Call to Bluebell Care: care will restart":                              CallRecorded{Call: Call{ProviderName: "Bluebell Care", Outcome: "restart"}},
		"Arrived late and changed nothing: in Ward 12":                          ArrivedLate{What: "in Ward 12"},
	} {
		if got := e.Say(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
