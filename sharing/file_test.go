package sharing

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"homeward/nhs"
)

// anyText is text as people and machines write it, with everything that a file
// must escape.
var anyText = rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-zA-Z "\\'#=\[\]\n\r\t]{0,40}`))

func anyDate(t *rapid.T, name string) nhs.Date {
	if rapid.Bool().Draw(t, name+" none") {
		return nhs.Date{}
	}
	return nhs.DateOf(time.Date(2020, 1, rapid.IntRange(1, 4000).Draw(t, name), 0, 0, 0, 0, time.UTC))
}

func anyAgreement(t *rapid.T) Agreement {
	ods := rapid.SampledFrom([]nhs.ODS{"", "RK5", "RX1", "511", "HW1AB"})
	a := Agreement{ID: anyText.Draw(t, "id"), Version: rapid.IntRange(0, 9).Draw(t, "version"), Title: anyText.Draw(t, "title"), Purpose: anyText.Draw(t, "purpose"),
		Basis: anyText.Draw(t, "basis"), DPIA: anyText.Draw(t, "dpia"), Owner: anyText.Draw(t, "owner"), Contact: anyText.Draw(t, "contact"),
		Status: rapid.SampledFrom([]Status{"", Draft, Proposed, Agreed, Suspended, Replaced, Withdrawn}).Draw(t, "status"),
		From:   anyDate(t, "from"), To: anyDate(t, "to")}
	for range rapid.IntRange(0, 3).Draw(t, "parties") {
		a.Parties = append(a.Parties, Party{ods.Draw(t, "party"), anyText.Draw(t, "name")})
	}
	for range rapid.IntRange(0, 3).Draw(t, "flows") {
		f := Flow{From: ods.Draw(t, "flow from"), To: ods.Draw(t, "flow to")}
		for range rapid.IntRange(0, 3).Draw(t, "sections") {
			f.Sections = append(f.Sections, rapid.SampledFrom(Sections()).Draw(t, "section"))
		}
		a.Flows = append(a.Flows, f)
	}
	for range rapid.IntRange(0, 2).Draw(t, "signatories") {
		a.Signatories = append(a.Signatories, Signatory{anyText.Draw(t, "who"), anyText.Draw(t, "role"), ods.Draw(t, "for"), anyDate(t, "on")})
	}
	for range rapid.IntRange(0, 3).Draw(t, "changes") {
		a.Changes = append(a.Changes, Change{At: time.UnixMicro(rapid.Int64Range(1, 1<<51).Draw(t, "at")).UTC(), By: anyText.Draw(t, "by"), Who: anyText.Draw(t, "whom"), Org: ods.Draw(t, "of"),
			Did: anyText.Draw(t, "did"), Why: anyText.Draw(t, "why")})
	}
	return a
}

func TestAFileGivesTheSameAgreementBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyAgreement(t)
		b := Write(want)
		got, wrongs := Read(b)
		if len(wrongs) > 0 {
			t.Fatalf("%v in\n%s", wrongs, b)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s\n%s", diff, b)
		}
	})
}

const goodFile = `format = 1
title = "Going home"
purpose = """
To plan discharge:
title = "not a field"
"""
basis = "Care Act 2014 s.3"
from = 2026-01-01
to = 2026-12-31

[[party]]
ods = "RK5"
name = "Sherwood"

[[party]]
ods = "511"
name = "Harborne"

[[flow]]
from = "RK5"
to = "511"
sections = ["demographics", "referral"]
`

func TestAFileSaysWhatIsWrongAndWhere(t *testing.T) {
	if _, wrongs := Read([]byte(goodFile)); len(wrongs) > 0 {
		t.Fatalf("the file that is right: %v", wrongs)
	}
	for _, c := range []struct{ what, from, to, want string }{
		{"a field that there is not", `basis =`, `legal_basis =`, "line 7: legal_basis: An agreement has no such field"},
		{"a field that there is not, in a table", `name = "Harborne"`, `nmae = "Harborne"`, "party.nmae: An agreement has no such field"},
		{"no format", "format = 1\n", "", "format: This must be 1"},
		{"another format", "format = 1", "format = 2", "line 1: format: This must be 1"},
		{"a number for text", `"Going home"`, `5`, "line 2: title: This must be text in quotation marks, and it is a number"},
		{"text for a list", `["demographics", "referral"]`, `"referral"`, "flow.sections: This must be a list in [ ], and it is text in quotation marks"},
		{"a section that there is not", `"referral"]`, `"refferal"]`, `line 22: flow 1: sections: There is no section "refferal". The sections are: demographics,`},
		{"a code that is none", `ods = "511"`, `ods = "har borne!"`, "line 16: party 2: ods: Enter the organisation’s ODS code"},
		{"a day that is none", `2026-12-31`, `"soon"`, "line 9: to: Enter a date as year, month and day"},
		{"a status that there is not", "format = 1", "format = 1\nstatus = \"fine\"", "line 2: status: There is no such status"},
		{"not TOML", `"Going home"`, `Going home`, "line 2: "},
		{"not closed", `to = "511"`, `to = "511`, "line 21: "},
		{"not text", `Sherwood`, "\xff", "The file is not text in UTF-8"},
		{"too large", `Sherwood`, strings.Repeat("x", MaxFile), "The file is larger than 128 KB"},
	} {
		text := strings.Replace(goodFile, c.from, c.to, 1)
		if text == goodFile {
			t.Fatalf("%s: nothing was changed", c.what)
		}
		_, wrongs := Read([]byte(text))
		if len(wrongs) == 0 || !strings.Contains(wrongs[0].String(), c.want) {
			t.Errorf("%s: %v, want %q", c.what, wrongs, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(goodFile))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, wrongs := Read(b)
		if len(wrongs) > 0 {
			return
		}
		again, wrongs := Read(Write(a))
		if len(wrongs) > 0 || !cmp.Equal(a, again) {
			t.Errorf("what was read is not read again: %v %s", wrongs, cmp.Diff(a, again))
		}
	})
}

func TestALongNameOfAFieldIsRefusedAtOnce(t *testing.T) {
	begun := time.Now()
	for _, file := range []string{"a" + strings.Repeat(".a", 60_000) + " = 1\n", "x = { 'a'" + strings.Repeat(" . 'a'", 20_000) + " = 1 }\n", strings.Repeat("a", 20_000) + " = [\n"} {
		_, wrongs := Read([]byte(file))
		if len(wrongs) == 0 {
			t.Fatal("nothing is wrong in it")
		}
		for _, w := range wrongs {
			if len(w.String()) > 500 {
				t.Errorf("%d characters are shown", len(w.String()))
			}
		}
	}
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("hostile files take %s to refuse", took)
	}
}
