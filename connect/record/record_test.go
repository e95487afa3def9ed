package record

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"homeward/connect"
	"homeward/connect/connecttest"
	"homeward/form"
	"homeward/mapping"
	"homeward/nhs"
)

func forms(t *testing.T) func(string, int) (*form.Pathway, bool) {
	t.Helper()
	l, err := form.Load(os.DirFS("../../pathways"))
	if err != nil {
		t.Fatal(err)
	}
	return l.Get
}

var kinds = []connect.Kind{connect.Refer, connect.Update, connect.Paper, connect.Withdraw, connect.Discharge, connect.Died, connect.Note, connect.Status}

func TestNothingPersonalUnlessConfigured(t *testing.T) {
	for _, k := range kinds {
		r := Of(connecttest.Sample(k, forms(t)), false)
		for name, b := range written(t, r) {
			for _, w := range append(connecttest.Personal, "Ward 31", "Sunita", "Amara", "V4711", "Consent given") {
				if strings.Contains(b, w) {
					t.Errorf("%s of %s tells %q", name, k, w)
				}
			}
			for _, w := range []string{"AB12-CD34-EF56", "https://homeward.example/cases/c4se0000000000000000000001"} {
				if !strings.Contains(b, w) {
					t.Errorf("%s of %s does not tell %q", name, k, w)
				}
			}
		}
	}
}

func written(t *testing.T, r Record) map[string]string {
	t.Helper()
	j, err := r.JSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.CSV(nil)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{"JSON": string(j), "CSV": string(c), "HTML": string(r.HTML(nil))}
}

func TestWhatIsSeenIsTold(t *testing.T) {
	for name, b := range written(t, Of(connecttest.Sample(connect.Refer, forms(t)), true)) {
		for _, w := range []string{"Barbarina", "7 Lime Kiln Yard", "NG99 7ZZ", "Ward 31", "Dr Amara Cole"} {
			if !strings.Contains(b, w) {
				t.Errorf("%s does not tell %q", name, w)
			}
		}
	}
	for k, w := range map[connect.Kind]string{connect.Note: "frightened of stairs", connect.Paper: "Consent given", connect.Status: "Sunita Rao", connect.Died: "2026-11-24T09:42:00Z",
		connect.Discharge: `"left":"2026-11-24T09:42:00Z"`, connect.Withdraw: `"reason":"02"`} {
		if b := written(t, Of(connecttest.Sample(k, nil), true))["JSON"]; !strings.Contains(b, w) {
			t.Errorf("%s does not tell %q: %s", k, w, b)
		}
	}
}

func TestWhatIsNotSeenIsNotTold(t *testing.T) {
	n := connecttest.Sample(connect.Note, nil)
	n.Shown.Sees.Person, n.Shown.Sees.Whereabouts, n.Shown.Sees.Notes = false, false, false
	b := written(t, Of(n, true))["JSON"]
	for _, w := range []string{"Barbarina", "Ward 31", "frightened", nhs.Test(4711).Digits()} {
		if strings.Contains(b, w) {
			t.Errorf("%q is told", w)
		}
	}
}

func TestRowsCannotCompute(t *testing.T) {
	n := connecttest.Sample(connect.Note, nil)
	for _, evil := range []string{"=HYPERLINK(1)", " +1", "-2", "@x", "\t=1", "＝1"} {
		n.Shown.Case.Notes[0].Text = evil
		c, err := Of(n, true).CSV(nil)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(strings.NewReader(string(c))).ReadAll()
		if err != nil || len(rows) != 2 || len(rows[0]) != len(rows[1]) {
			t.Fatalf("%v, %d rows", err, len(rows))
		}
		for i, name := range rows[0] {
			if name == "note" && rows[1][i] != "'"+evil {
				t.Errorf("%q is written %q", evil, rows[1][i])
			}
		}
	}
}

func TestPagesCannotRun(t *testing.T) {
	n := connecttest.Sample(connect.Note, nil)
	n.Shown.Case.Notes[0].Text = `<script>alert(1)</script>`
	n.Shown.Case.Person.Family = `"><img src=x onerror=alert(1)>`
	h := string(Of(n, true).HTML(nil))
	if strings.Contains(h, "<script") || strings.Contains(strings.ToLower(h), "<img") {
		t.Error(h)
	}
}

func TestMapping(t *testing.T) {
	table, problems := mapping.Parse([]byte(`
name = "ours"
title = "Ours"
[fields]
ref = "input.referral.id"
who = "input.person.family"
state = { is = "input.referral.state", codes = "states" }
[codes.states]
sent = "1"
`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	r := Of(connecttest.Sample(connect.Refer, nil), true)
	b, err := r.JSON(table)
	if err != nil || string(b) != `{"ref":"AB12-CD34-EF56","who":"Quillfeather","state":"1"}` {
		t.Errorf("%s, %v", b, err)
	}
	c, err := r.CSV(table)
	if err != nil || string(c) != "ref,who,state\r\nAB12-CD34-EF56,Quillfeather,1\r\n" {
		t.Errorf("%q, %v", c, err)
	}
	if b, err := Of(connecttest.Sample(connect.Refer, nil), false).JSON(table); err != nil || strings.Contains(string(b), "Quill") {
		t.Errorf("%s, %v", b, err)
	}
	_, err = Of(connecttest.Sample(connect.Status, nil), true).JSON(table)
	if err == nil || !strings.Contains(err.Error(), "state") || strings.Contains(err.Error(), "allocated") {
		t.Errorf("a code that is not in the list: %v", err)
	}
}

func TestJSONIsTheSameAgain(t *testing.T) {
	for _, k := range kinds {
		a, _ := Of(connecttest.Sample(k, forms(t)), true).JSON(nil)
		b, _ := Of(connecttest.Sample(k, forms(t)), true).JSON(nil)
		if string(a) != string(b) || !json.Valid(a) {
			t.Errorf("%s: %s and %s", k, a, b)
		}
	}
}
