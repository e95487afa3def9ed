package hl7

import (
	"errors"
	"strings"
	"testing"
)

func TestBuilder(t *testing.T) {
	b := NewBuilder(Header{Sending: "SIM", SendingFacility: "RX|999", Receiving: "HOMEWARD", Time: "20261124150000",
		Type: "ADT", Trigger: "A02", ControlID: "42", Processing: "P", Version: "2.4", Charset: "8859/1"})
	b.Segment("EVN").Set(1, "A02").Set(2, "20261124150000")
	b.Segment("PID").Set(1, "1").
		AddRep(3, "9991000038", "", "", "NHS", "NH").AddRep(3, "7001234", "", "", "RX999", "MR").
		SetComp(5, 1, "O&Neill").SetComp(5, 2, "Zoë").Null(13)
	b.Segment("PV1").Set(2, "I").SetComp(3, 1, "W1").NullComp(3, 3).SetSub(3, 4, 2, "x").Set(10, "").SetRaw(19, "V1^^^RX999&1.2&ISO")
	got, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		`MSH|^~\&|SIM|RX\F\999|HOMEWARD||20261124150000||ADT^A02|42|P|2.4||||||8859/1`,
		`EVN|A02|20261124150000`,
		`PID|1||9991000038^^^NHS^NH~7001234^^^RX999^MR||O\T\Neill^Zo` + "\xeb" + `||||||||""`,
		`PV1||I|W1^^""^&x||||||||||||||||V1^^^RX999&1.2&ISO`, ""}, "\r")
	if string(got) != want {
		t.Errorf("built\n%q, want\n%q", got, want)
	}
	m, err := Parse(got)
	if err != nil {
		t.Fatal(err)
	}
	if h := m.Header(); h.SendingFacility != "RX|999" || m.Get("PID", 5).String() != "O&Neill" || !m.Get("PID", 13).IsNull() {
		t.Errorf("what was built reads back as %+v", h)
	}
}

func TestBuilderKeepsLettersWhole(t *testing.T) {
	b := NewBuilder(Header{Type: "ADT", Version: "2.4"})
	b.Segment("PID").SetComp(5, 1, "Łukasiewicz")
	got, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	m, err := Parse(got)
	if err != nil || m.Header().Charset != "UNICODE UTF-8" || m.Get("PID", 5).String() != "Łukasiewicz" {
		t.Errorf("without a charset: %q, %v", got, err)
	}
	for _, set := range []string{"8859/1", "ASCII", "KLINGON"} {
		b := NewBuilder(Header{Charset: set})
		b.Segment("PID").SetComp(5, 1, "Łukasiewicz")
		_, err := b.Bytes()
		if !errors.Is(err, ErrUnencodable) || !strings.Contains(err.Error(), "PID-5") {
			t.Errorf("%s: %v", set, err)
		}
		if strings.Contains(err.Error(), "ukas") {
			t.Error("the error repeats the content")
		}
	}
}

func TestBuilderRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		build func(*Builder)
		want  error
	}{
		"lower case":   {func(b *Builder) { b.Segment("pid") }, ErrSegmentName},
		"short name":   {func(b *Builder) { b.Segment("PV") }, ErrSegmentName},
		"long name":    {func(b *Builder) { b.Segment("PIDX") }, ErrSegmentName},
		"field 0":      {func(b *Builder) { b.Segment("PID").Set(0, "x") }, ErrPlace},
		"field 1000":   {func(b *Builder) { b.Segment("PID").AddRep(1000, "x") }, ErrPlace},
		"component 0":  {func(b *Builder) { b.Segment("PID").SetComp(3, 0, "x") }, ErrPlace},
		"MSH-2":        {func(b *Builder) { b.Header().Set(2, "x") }, ErrPlace},
		"raw with end": {func(b *Builder) { b.Segment("PID").SetRaw(3, "x\rPID|2") }, ErrPlace},
	} {
		b := NewBuilder(Header{Type: "ADT"})
		c.build(b)
		if _, err := b.Bytes(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
