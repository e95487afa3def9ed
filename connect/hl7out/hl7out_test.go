package hl7out_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"homeward/connect"
	"homeward/connect/connecttest"
	"homeward/connect/hl7out"
	"homeward/form"
	"homeward/hl7"
	"homeward/pathways"
	"homeward/translate"
)

func forms(t *testing.T) func(string, int) (*form.Pathway, bool) {
	t.Helper()
	l, err := form.Load(pathways.Files)
	if err != nil {
		t.Fatal(err)
	}
	return l.Get
}

func connector(t *testing.T, addr string, f translate.HL7Out, updates string) *hl7out.Connector {
	t.Helper()
	f.Receiving = "MOSAIC"
	c, err := hl7out.New(hl7out.Config{Addr: addr, Timeout: 2 * time.Second, Format: f, Updates: updates})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func made(t *testing.T, k connect.Kind, f translate.HL7Out, updates string) hl7.Message {
	t.Helper()
	m, err := connector(t, "127.0.0.1:9", f, updates).Make(connecttest.Sample(k, forms(t)))
	if err != nil {
		t.Fatal(err)
	}
	out, err := hl7.Parse(m.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := out.Get("MSH", 10).String(); got != m.Head["control"] || len(got) != 20 {
		t.Errorf("control id %q and %q", got, m.Head["control"])
	}
	return out
}

func TestPassesTheSuite(t *testing.T) {
	for _, k := range []connect.Kind{connect.Refer, connect.Status} {
		t.Run(string(k), func(t *testing.T) {
			connecttest.Run(t, connecttest.Suite{
				New:  func(t *testing.T, addr string) connect.Connector { return connector(t, addr, translate.HL7Out{}, "") },
				News: connecttest.Sample(k, forms(t)), Fars: connecttest.MLLPFars(nil),
			})
		})
	}
}

func TestEveryKindHasItsMessage(t *testing.T) {
	for _, x := range []struct {
		kind    connect.Kind
		f       translate.HL7Out
		updates string
		want    string
	}{
		{connect.Refer, translate.HL7Out{}, "", "REF^I12"}, {connect.Update, translate.HL7Out{}, "", "REF^I13"}, {connect.Paper, translate.HL7Out{}, "", "REF^I13"},
		{connect.Note, translate.HL7Out{}, "", "REF^I13"}, {connect.Withdraw, translate.HL7Out{}, "", "REF^I14"}, {connect.Discharge, translate.HL7Out{}, "", "REF^I13"},
		{connect.Died, translate.HL7Out{}, "", "REF^I13"}, {connect.Update, translate.HL7Out{}, "adt", "ADT^A08"}, {connect.Discharge, translate.HL7Out{}, "adt", "ADT^A03"},
		{connect.Status, translate.HL7Out{}, "", "ORU^R01"}, {connect.Status, translate.HL7Out{Status: translate.StatusMDM}, "", "MDM^T02"},
		{connect.Status, translate.HL7Out{Status: translate.StatusADT}, "", "ADT^A08"},
	} {
		m := made(t, x.kind, x.f, x.updates)
		if kind, trigger := m.Event(); kind+"^"+trigger != x.want {
			t.Errorf("%s %s %s is %s^%s, want %s", x.kind, x.f.Status, x.updates, kind, trigger, x.want)
		}
	}
}

func TestAReferralSaysWhoAndWhat(t *testing.T) {
	m := made(t, connect.Refer, translate.HL7Out{}, "")
	for _, x := range []struct {
		seg  string
		n    int
		want string
	}{{"MSH", 5, "MOSAIC"}, {"MSH", 6, "E10000024"}, {"RF1", 1, "P"}, {"RF1", 6, "AB12-CD34-EF56"}, {"PID", 7, "19380211"}, {"PID", 8, "F"}, {"PV2", 9, "20261127"},
		{"PV1", 19, "V4711"}, {"PID", 32, "01"}} {
		if got := m.Get(x.seg, x.n).String(); got != x.want {
			t.Errorf("%s-%d is %q, want %q", x.seg, x.n, got, x.want)
		}
	}
	found := false
	for s := range m.Segments("OBX") {
		found = found || s.Field(3).String() == "pathway"
	}
	if !found {
		t.Error("the form's answers are not there")
	}
}

// TestWhatIsNotShownIsNotWritten takes sections away and looks for their words.
func TestWhatIsNotShownIsNotWritten(t *testing.T) {
	n := connecttest.Sample(connect.Update, forms(t))
	n.Shown.Sees.Whereabouts = false
	m, err := connector(t, "127.0.0.1:9", translate.HL7Out{}, "").Make(n)
	if err != nil || strings.Contains(string(m.Body), "W31") || strings.Contains(string(m.Body), "Ward 31") {
		t.Errorf("where the person is, is told: %v", err)
	}
	n.Shown.Case.Referrals = nil
	if _, err := connector(t, "127.0.0.1:9", translate.HL7Out{}, "").Make(n); err == nil {
		t.Error("a referral that is not shown was written")
	}
}

// TestAnADTReadsBack writes an update and reads it as a hospital's message is read.
func TestAnADTReadsBack(t *testing.T) {
	m := made(t, connect.Update, translate.HL7Out{Places: map[string]string{"fit": "ZU1-22"}}, "adt")
	r := translate.ADT(m, translate.Profile{Feed: "x", Org: "RK5", Zone: time.UTC, Fit: "ZU1-22", Expected: "PV2-9"}, connecttest.Now)
	if r.Hold != "" || len(r.Observations) != 1 {
		t.Fatalf("%+v", r)
	}
	o, want := r.Observations[0], connecttest.Sample(connect.Update, nil).Shown.Case
	if o.About.NHS != want.NHS || o.About.Family.Value != want.Person.Family || o.About.Given.Value != want.Person.Given || o.About.Born.Value != want.Person.Born ||
		o.About.Address.Value.Postcode != want.Person.Address.Postcode || len(o.About.Kin.Value) != 1 || o.Visit != want.Stay.Visit ||
		o.Seen.Where.Value.Ward != want.Stay.Where.Ward || o.Seen.Expected.Value != want.Stay.EDD() || o.Seen.Fit.Value != "Y" {
		t.Errorf("%+v\n%+v", o.About, o.Seen)
	}
}

func TestLongAndStrangeText(t *testing.T) {
	n := connecttest.Sample(connect.Note, forms(t))
	text := "A|B^C~D\\E&F\r\nG\x0b\x1c\r" + strings.Repeat("x", 9000)
	n.Shown.Case.Notes[0].Text = text
	m, err := connector(t, "127.0.0.1:9", translate.HL7Out{}, "").Make(n)
	if err != nil {
		t.Fatal(err)
	}
	p, err := hl7.Parse(m.Body)
	if err != nil || strings.ContainsAny(string(m.Body), "\x0b\x1c\n") {
		t.Fatalf("the message is broken: %v", err)
	}
	if got := p.Get("NTE", 3).Text(); !strings.HasPrefix(got, "A|B^C~D\\E&F\n") || !strings.HasSuffix(got, "xxx") {
		t.Errorf("it reads %.40q", got)
	}
	s := connecttest.Sample(connect.Status, forms(t))
	s.Shown.Case.Referrals[0].Holder.Next = strings.Repeat("word ", 100)
	c := connector(t, "127.0.0.1:9", translate.HL7Out{MaxText: 120}, "")
	if m, err = c.Make(s); err != nil {
		t.Fatal(err)
	}
	if p, err = hl7.Parse(m.Body); err != nil {
		t.Fatal(err)
	}
	joined := ""
	for x := range p.Segments("OBX") {
		if x.Field(3).String() == "NEXT" {
			joined += string(x.Field(5).Raw())
		}
	}
	if joined != s.Shown.Case.Referrals[0].Holder.Next {
		t.Errorf("cut into parts it reads %.60q", joined)
	}
}

// TestTheAnswerToAReferral reads RRI^I12 with the council's own number.
func TestTheAnswerToAReferral(t *testing.T) {
	for _, x := range []struct{ status, number, want string }{{"A", "4471902", "4471902"}, {"R", "", ""}, {"A", strings.Repeat("9", 65), ""}} {
		honest := func(msg []byte) []byte {
			m, err := hl7.Parse(msg)
			if err != nil {
				return nil
			}
			b := hl7.NewBuilder(hl7.Header{Type: "RRI", Trigger: "I12", ControlID: "1", Processing: "P", Version: "2.4", Time: "20261124104300"})
			b.Segment("MSA").Set(1, "AA").Set(2, m.Get("MSH", 10).String())
			b.Segment("RF1").SetComp(1, 1, x.status).SetComp(6, 1, m.Get("RF1", 6).String()).SetComp(11, 1, x.number)
			out, _ := b.Bytes()
			return out
		}
		side := connecttest.MLLPFars(honest)[0].Start(t)
		c := connector(t, side.Address, translate.HL7Out{}, "")
		m, err := c.Make(connecttest.Sample(connect.Refer, forms(t)))
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.Send(context.Background(), m)
		if err != nil || !r.Received || r.Reference != x.want || r.Detail == "" {
			t.Errorf("%+v: %+v %v", x, r, err)
		}
		if err := c.Check(context.Background()); err != nil {
			t.Errorf("checking: %v", err)
		}
	}
}

func TestWhatIsWrongInTheConfiguration(t *testing.T) {
	for _, c := range []hl7out.Config{{}, {Addr: "x"}, {Addr: "x:1", Updates: "fax"}, {Addr: "x:1", Format: translate.HL7Out{Status: "fax"}},
		{Addr: "x:1", Format: translate.HL7Out{Places: map[string]string{"expected": "PV2"}}}, {Addr: "x:1", Format: translate.HL7Out{Places: map[string]string{"shoe": "PV2-9"}}},
		{Addr: "x:1", Format: translate.HL7Out{Codes: map[string]string{"shoe": "S"}}}, {Addr: "x:1", CAFile: "missing.pem"}} {
		if _, err := hl7out.New(c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}
