package extract

import (
	"errors"
	"testing"

	"pgregory.net/rapid"
)

func TestPhone(t *testing.T) {
	for in, want := range map[string]string{
		"01632960411":            "01632 960 411",
		"01632 960411":           "01632 960 411",
		"(01632) 960-411":        "01632 960 411",
		"+44 (0)1632 960411":     "01632 960 411",
		"0044 1632 960 411":      "01632 960 411",
		"44 1632 960411":         "01632 960 411",
		"1632960411":             "01632 960 411", // a spreadsheet took the zero
		"7700900123":             "07700 900 123",
		"07700900123":            "07700 900 123",
		"02079460123":            "020 7946 0123",
		"01154960123":            "0115 496 0123",
		"01214960123":            "0121 496 0123",
		"03001234567":            "0300 123 4567",
		"0800123456":             "0800 123 456",
		"08081570123":            "0808 157 0123",
		"0169772345":             "01697 72345",
		"01632 960411 ext 12":    "01632 960 411 ext 12",
		"01632960411 x7":         "01632 960 411 ext 7",
		"01632 960411 Extn. 104": "01632 960 411 ext 104",
		"01632\u00a0960411":      "01632 960 411",
	} {
		if got, err := Phone(in); got != want || err != nil {
			t.Errorf("Phone(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for in, want := range map[string]error{
		"": ErrPhone, "999": ErrPhone, "111": ErrPhone, "960411": ErrPhone, "ring the office": ErrPhone,
		"00000000000": ErrPhone, "01111111111": ErrPhone, "+1 202 555 0123": ErrPhone, "+33 1 99 00 12 34": ErrPhone,
		"0163296041": nil, "016329604111": ErrPhone, "0770090012": ErrPhone, "00123456789": ErrPhone, "04123456789": ErrPhone,
		"09061234567": ErrPremium, "0844 123 4567": ErrPremium, "0871 123 4567": ErrPremium, "070 1234 5678": ErrPremium,
		"07601234567": ErrPremium, "+44 845 123 4567": ErrPremium,
		"1.63297E+09": ErrRounded, "01632 960411 / 01632 960412": ErrTwoPhone, "01632960411 01632960412": ErrTwoPhone,
	} {
		if got, err := Phone(in); !errors.Is(err, want) || (err != nil) != (got == "") {
			t.Errorf("Phone(%q) = %q, %v; want %v", in, got, err, want)
		}
	}
}

func TestPhoneShownIsReadAgainTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, err := Phone(rapid.StringMatching(`(\+44|0044|0)? ?[1-9][0-9 ()-]{8,12}( ext [0-9]{1,3})?`).Draw(t, "phone"))
		if err != nil {
			return
		}
		again, err := Phone(s)
		if err != nil || again != s {
			t.Fatalf("%q became %q, %v", s, again, err)
		}
	})
}
