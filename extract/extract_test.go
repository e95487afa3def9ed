package extract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/care"
	"homeward/nhs"
)

var feed = care.Source{Feed: "county", Name: "County Council", Org: "511"}

// loadedAll is everything that an extract yields.
type loadedAll struct {
	People    []Entry
	Providers []care.Provider
	Teams     []care.Team
	Problems  []*Problem
}

func (l *loadedAll) entry(t *testing.T, id string) Entry {
	t.Helper()
	for _, e := range l.People {
		if e.PersonID == id {
			return e
		}
	}
	t.Fatalf("person %s did not load", id)
	return Entry{}
}

func drain(t testing.TB, r *Reader) *loadedAll {
	t.Helper()
	l := &loadedAll{}
	note := func(p *Problem) bool {
		if p != nil {
			l.Problems = append(l.Problems, p)
		}
		return p == nil
	}
	for v, p := range r.Providers() {
		if note(p) {
			l.Providers = append(l.Providers, v)
		}
	}
	for v, p := range r.Teams() {
		if note(p) {
			l.Teams = append(l.Teams, v)
		}
	}
	for v, p := range r.People() {
		if note(p) {
			l.People = append(l.People, v)
		}
	}
	for p := range r.Problems() {
		note(p)
	}
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	for _, table := range Tables() {
		if c := r.Counts(table); c.Rows != c.Good+c.Quarantined+c.Skipped {
			t.Errorf("%s: counts do not add up: %+v", table, c)
		}
	}
	return l
}

func openSample(t *testing.T, name string) (*Reader, *loadedAll) {
	t.Helper()
	layout, err := Builtin(name)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open(os.DirFS("testdata/"+name), layout, feed)
	if err != nil {
		t.Fatal(err)
	}
	return r, drain(t, r)
}

func day(s string) nhs.Date {
	d, err := nhs.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

var asAt = time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)

func TestHomewardSample(t *testing.T) {
	r, l := openSample(t, "homeward")
	for _, p := range l.Problems {
		t.Errorf("problem: %v", p)
	}
	if len(l.People) != 6 || len(l.Providers) != 4 || len(l.Teams) != 3 || len(r.Notes()) != 0 {
		t.Fatalf("%d people, %d providers, %d teams, notes %v", len(l.People), len(l.Providers), len(l.Teams), r.Notes())
	}
	number, _ := nhs.ParseNumber("9990000077")
	want := care.Observation{At: asAt, Said: asAt, Source: feed, Event: "extract",
		About: care.About{NHS: number, IDs: []care.Identifier{{System: "council:511", Value: "10001"}},
			Family: care.Tell("Holloway"), Given: care.Tell("Barbara Anne"), Title: care.Tell("Mrs"),
			Preferred: care.Tell("Barbie"), Born: care.Tell(day("1941-03-14")), Sex: care.Tell("Female"),
			Address:  care.Tell(care.Address{Lines: []string{"14 Linden Row", "Testington"}, Postcode: "ZZ99 3AA", UPRN: "10000000101"}),
			Phone:    care.Tell("01632 960 101"),
			Language: care.Tell("English")},
		Holds: &care.Holding{Council: "511", AsAt: asAt, Team: "T1", Worker: "Sam Okafor",
			Packages: []care.Package{
				{Ref: "P-501", Kind: "HS", Title: "Home care, 4 calls a day, 2 carers", Status: care.PackageActive, Start: day("2025-06-01"), Provider: "V1", Funding: "Council"},
				{Ref: "P-502", Kind: "M", Title: "Hot meal at midday", Status: care.PackageActive, Start: day("2025-06-01"), Provider: "V3", Funding: "Council"}},
			Equipment:    []care.Equipment{{Ref: "D-1", Title: "Hospital bed, profiling", Status: "delivered", Delivered: day("2025-05-28")}},
			Safeguarding: care.Safeguarding{Answer: care.AnswerNo, AsAt: asAt}}}
	if d := cmp.Diff(want, l.entry(t, "10001").Observation, cmp.Comparer(func(a, b nhs.Number) bool { return a == b })); d != "" {
		t.Error(d)
	}
	zofia := l.entry(t, "10003").Observation.Holds
	if !zofia.Restricted || zofia.Safeguarding.Answer != care.AnswerYes {
		t.Errorf("restricted and open: %+v", zofia)
	}
	child := l.entry(t, "10006")
	if !child.Child || child.Observation.Holds != nil || child.Observation.About.Family.Told {
		t.Error("a child must come with an id and nothing else")
	}
	died := l.entry(t, "10005").Observation.About.Died
	if d := cmp.Diff(care.Tell(care.Death{At: day("2026-02-20").Time(), DayOnly: true, Source: "County Council"}), died); d != "" {
		t.Error(d)
	}
	if got := l.Providers[0]; got.OutOfHours != "01632 960 202" || got.Verified != day("2026-01-12") || got.Council != "511" {
		t.Errorf("provider: %+v", got)
	}
}

func TestMosaicSampleLoadsAsItIs(t *testing.T) {
	r, l := openSample(t, "mosaic")
	for _, p := range l.Problems {
		t.Errorf("problem: %v", p)
	}
	if c := r.Counts(People); c != (Counts{Rows: 5, Good: 4, Skipped: 1}) {
		t.Errorf("people: %+v", c)
	}
	if c := r.Counts(Packages); c != (Counts{Rows: 4, Good: 3, Skipped: 1}) {
		t.Errorf("the child's package must be left out: %+v", c)
	}
	barbara := l.entry(t, "700101").Observation
	if d := cmp.Diff(care.Tell(care.Address{Lines: []string{"14 Linden Row", "Testington"}, Postcode: "ZZ99 3BA", UPRN: "10000000201"}), barbara.About.Address); d != "" {
		t.Error(d)
	}
	if barbara.About.Phone.Value != "01632 960 411" || barbara.Holds.Packages[0].Kind != "HS" || barbara.Holds.Packages[0].Status != care.PackageActive {
		t.Errorf("%+v", barbara)
	}
	cyril := l.entry(t, "700102").Observation.About
	if cyril.Phone != (care.Opt[string]{Told: true}) {
		t.Error("an ex-directory number was shown under another type")
	}
	if d := cmp.Diff([]string{"Flat 2", "9 Quarry Bank", "Testington"}, cyril.Address.Value.Lines); d != "" || cyril.Address.Value.Postcode != "ZZ99 3BC" {
		t.Error(d, cyril.Address.Value.Postcode)
	}
	nadia := l.entry(t, "700103").Observation
	if nadia.Holds.Safeguarding.Answer != care.AnswerYes || nadia.About.Phone.Value != "07700 900 413" || nadia.About.Address.Value.UPRN != "" {
		t.Errorf("%+v", nadia)
	}
	if tom := l.entry(t, "700104").Observation; tom.Holds.Safeguarding.Answer != care.AnswerNo || tom.About.Sex.Told || !tom.About.NHS.IsZero() {
		t.Errorf("%+v", tom)
	}
	notes := strings.Join(r.Notes(), "\n")
	if !strings.Contains(notes, `DM_ADDRESSES.csv: column "ACCESS_NOTES" is not read`) || strings.Contains(notes, "END_DATE") {
		t.Errorf("notes: %s", notes)
	}
	everything, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	for _, hidden := range []string{"960412", "960 412", "Invented note", "Poppy", "Fax"} {
		if bytes.Contains(everything, []byte(hidden)) {
			t.Errorf("%q left the reader", hidden)
		}
	}
}

// small is a folder that tests change: its rows by file.
type small map[string][]string

func base() small {
	return small{
		"people.csv":    {"person_id,nhs_number,family,born,restricted,phone,phone_type,sex,died,team_id,address1,postcode,uprn", personRow("1", nhs.Test(1)), personRow("2", nhs.Test(20))},
		"packages.csv":  {"package_id,person_id,kind,status,start,end,provider_id", "a,1,HS,active,2025-01-01,,V1", "b,2,M,active,2025-01-01,,V1"},
		"providers.csv": {"provider_id,name,phone,out_of_hours_phone,email,cqc_location_id,verified", "V1,Linden,01632 960201,,,,"},
	}
}

func personRow(id string, n nhs.Number) string {
	return id + "," + n.Digits() + ",Holloway,1941-03-14,no,,,,,,,,"
}

func (s small) with(file string, lines ...string) small {
	s[file] = append(s[file], lines...)
	return s
}

func (s small) replace(file string, line int, text string) small {
	s[file][line-1] = text
	return s
}

func (s small) fs(edit func(string) string) fstest.MapFS {
	m := fstest.MapFS{}
	var man strings.Builder
	fmt.Fprintf(&man, "format = 1\ncouncil = \"511\"\nas_at = 2026-03-01T02:00:00Z\nkind = \"full\"\n")
	for _, t := range Tables() {
		name := string(t) + ".csv"
		if lines, ok := s[name]; ok {
			m[name] = &fstest.MapFile{Data: []byte(strings.Join(lines, "\n") + "\n")}
			fmt.Fprintf(&man, "[[files]]\nname = %q\nrows = %d\n", name, countRows(m[name].Data))
		}
	}
	text := man.String()
	if edit != nil {
		text = edit(text)
	}
	m[ManifestName] = &fstest.MapFile{Data: []byte(text)}
	return m
}

func countRows(b []byte) int {
	sc, n := newScanner(bytes.NewReader(b)), -1
	for {
		if _, ok := sc.next(); !ok {
			return max(n, 0)
		}
		n++
	}
}

func (s small) load(t testing.TB) (*Reader, *loadedAll) {
	t.Helper()
	layout, _ := Builtin("homeward")
	r, err := Open(s.fs(nil), layout, feed)
	if err != nil {
		t.Fatal(err)
	}
	return r, drain(t, r)
}

func TestRowsThatAreWrong(t *testing.T) {
	long := strings.Repeat("x", maxRowBytes)
	tests := []struct {
		name    string
		extract small
		where   string // file, line, field
		mend    string
		warning bool
		people  int
	}{
		{"wrong check digit", base().with("people.csv", "3,9990000078,A,1950-01-01,no,,,,,,,,"), "people.csv, line 4, nhs_number", "Check the number: one or more digits are wrong", false, 2},
		{"nine digits", base().with("people.csv", "3,999000007,A,1950-01-01,no,,,,,,,,"), "people.csv, line 4, nhs_number", "Give the 10 digits", false, 2},
		{"spreadsheet number", base().with("people.csv", "3,9.99E+09,A,1950-01-01,no,,,,,,,,"), "people.csv, line 4, nhs_number", "Give the 10 digits", false, 2},
		{"no date of birth", base().with("people.csv", "3,,A,,no,,,,,,,,"), "people.csv, line 4, born", "Give the date of birth", false, 2},
		{"placeholder birth", base().with("people.csv", "3,,A,1900-01-01,no,,,,,,,,"), "people.csv, line 4, born", "Check the year", false, 2},
		{"birth to come", base().with("people.csv", "3,,A,2031-01-01,no,,,,,,,,"), "people.csv, line 4, born", "after the extract", false, 2},
		{"local date", base().with("people.csv", "3,,A,14/03/1941,no,,,,,,,,"), "people.csv, line 4, born", "like 1941-03-14", false, 2},
		{"no such day", base().with("people.csv", "3,,A,1941-02-30,no,,,,,,,,"), "people.csv, line 4, born", "Use a real date", false, 2},
		{"died first", base().with("people.csv", "3,,A,1941-03-14,no,,,,1940-01-01,,,,"), "people.csv, line 4, died", "before the date of birth", false, 2},
		{"no family name", base().with("people.csv", "3,,-,1941-03-14,no,,,,,,,,"), "people.csv, line 4, family", "Give the family name", false, 2},
		{"restricted unclear", base().with("people.csv", "3,,A,1941-03-14,maybe,,,,,,,,"), "people.csv, line 4, restricted", "Say yes or no", false, 2},
		{"same id", base().with("people.csv", personRow("1", nhs.Test(60))), "people.csv, line 4, person_id", "earlier row", false, 2},
		{"no id", base().with("people.csv", personRow("", nhs.Test(60))), "people.csv, line 4, person_id", "Give the council's id", false, 2},
		{"not UTF-8", base().with("people.csv", "3,,O\x92Neil,1941-03-14,no,,,,,,,,"), "people.csv, line 4, family", "Save the file as UTF-8", false, 2},
		{"too few fields", base().with("people.csv", "3,,A,1941-03-14,no"), "people.csv, line 4", "Give the row 13 fields", false, 2},
		{"a comma too many", base().with("people.csv", "3,,A,B,1941-03-14,no,,,,,,,,"), "people.csv, line 4", "It has 14", false, 2},
		{"mark never closed", base().with("people.csv", `3,,"A,1941-03-14,no,,,,,,,,`, personRow("4", nhs.Test(60))), "people.csv, line 4", "Close the quotation mark", false, 3},
		{"mark in the wrong place", base().with("people.csv", `3,,"A"x,1941-03-14,no,,,,,,,,`), "people.csv, line 4", "Put a comma after", false, 2},
		{"very long", base().with("people.csv", "3,,"+long+",1941-03-14,no,,,,,,,,", personRow("4", nhs.Test(60))), "people.csv, line 4", "Shorten the row", false, 3},
		{"sex", base().with("people.csv", "3,,A,1941-03-14,no,,,7,,,,,"), "people.csv, line 4, sex", "Use female", true, 3},
		{"phone", base().with("people.csv", "3,,A,1941-03-14,no,0900 1234567,,,,,,,"), "people.csv, line 4, phone", "costs the caller nothing", true, 3},
		{"phone type", base().with("people.csv", "3,,A,1941-03-14,no,01632960777,Ex directory,,,,,,"), "people.csv, line 4, phone_type", "not shown until then", true, 3},
		{"postcode", base().with("people.csv", "3,,A,1941-03-14,no,,,,,,1 Row,NOTTS,"), "people.csv, line 4, postcode", "full UK postcode", true, 3},
		{"uprn", base().with("people.csv", "3,,A,1941-03-14,no,,,,,,1 Row,,1.0E+11"), "people.csv, line 4, uprn", "UPRN", true, 3},
		{"status", base().with("packages.csv", "c,1,HS,slow,,,"), "packages.csv, line 4, status", "Use planned", false, 2},
		{"ends first", base().with("packages.csv", "c,1,HS,active,2026-01-02,2026-01-01,"), "packages.csv, line 4, end", "ends before it starts", false, 2},
		{"ended and active", base().with("packages.csv", "c,1,HS,active,2025-01-02,2026-01-01,"), "packages.csv, line 4, end", "Check the status", true, 2},
		{"same reference", base().with("packages.csv", "a,2,HS,active,,,"), "packages.csv, line 4, package_id", "earlier row", false, 2},
		{"nobody's", base().with("packages.csv", "c,9,HS,active,,,"), "packages.csv, line 4, person_id", "No row of people", false, 2},
		{"unknown kind", base().with("packages.csv", "c,1,XYZ,active,,,"), "packages.csv, line 4, kind", "shown as Other", true, 2},
		{"unknown provider", base().with("packages.csv", "c,1,HS,active,,,V9"), "packages.csv, line 4, provider_id", "No row of providers", true, 2},
		{"provider's phone", base().with("providers.csv", "V2,Bright,0845 123 4567,,,,"), "providers.csv, line 3, phone", "costs the caller nothing", true, 2},
		{"provider's name", base().with("providers.csv", "V2,,01632960203,,,,"), "providers.csv, line 3, name", "Give the name", false, 2},
		{"provider twice", base().with("providers.csv", "V1,Bright,,,,,"), "providers.csv, line 3, provider_id", "earlier row", false, 2},
		{"email", base().with("providers.csv", "V2,Bright,,,nobody,,"), "providers.csv, line 3, email", "like office@example.org", true, 2},
		{"cqc", base().with("providers.csv", "V2,Bright,,,,RK5,"), "providers.csv, line 3, cqc_location_id", "1-1234567890", true, 2},
		{"concern unclear", base().with("safeguarding.csv", "person_id,open,opened,ended", "1,perhaps,,"), "safeguarding.csv, line 2, open", "Say yes or no", false, 2},
		{"open and ended", base().with("safeguarding.csv", "person_id,open,opened,ended", "1,yes,2025-01-01,2025-02-01"), "safeguarding.csv, line 2, open", "Check whether it is open", false, 2},
		{"equipment", base().with("equipment.csv", "delivery_id,person_id,title,status", "d,1,Bed,lost"), "equipment.csv, line 2, status", "Use ordered", false, 2},
		{"team", base().with("teams.csv", "team_id,name", "T1,North").with("people.csv", "3,,A,1941-03-14,no,,,,,T9,,,"), "people.csv, line 4, team_id", "No row of teams", true, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, l := tt.extract.load(t)
			if len(l.Problems) != 1 {
				t.Fatalf("want one problem, got %v", l.Problems)
			}
			p := l.Problems[0]
			where, _, _ := strings.Cut(p.String(), ": ")
			if where != tt.where || !strings.Contains(p.Mend, tt.mend) || p.Warning != tt.warning {
				t.Errorf("got %v (warning %v)\nwant %s: %s (warning %v)", p, p.Warning, tt.where, tt.mend, tt.warning)
			}
			if len(l.People) != tt.people {
				t.Errorf("%d people loaded, want %d", len(l.People), tt.people)
			}
		})
	}
}

func TestTwoPeopleWithOneNumberAreBothHeld(t *testing.T) {
	_, l := base().with("people.csv", personRow("3", nhs.Test(1))).load(t)
	if len(l.People) != 1 || l.People[0].PersonID != "2" {
		t.Fatalf("loaded %d", len(l.People))
	}
	fields := map[string]int{}
	for _, p := range l.Problems {
		fields[p.File+" "+p.Field]++
	}
	want := map[string]int{"people.csv nhs_number": 2, "packages.csv person_id": 1}
	if d := cmp.Diff(want, fields); d != "" {
		t.Error(d)
	}
}

func TestAbsenceProvesNothingWhileRowsAreHeld(t *testing.T) {
	_, l := base().with("packages.csv", "c,1,HS,slow,,,").load(t)
	if !l.entry(t, "1").Partial || l.entry(t, "2").Partial {
		t.Error("only the person of the held row is partial")
	}
	_, l = base().with("packages.csv", "c,,HS,active,,,").load(t)
	if !l.entry(t, "1").Partial || !l.entry(t, "2").Partial {
		t.Error("a row that is nobody's may be anybody's")
	}
}

func TestSafeguardingIsOneOfFour(t *testing.T) {
	const header = "person_id,open,opened,ended"
	answer := func(rows ...string) care.Answer {
		_, l := base().with("safeguarding.csv", append([]string{header}, rows...)...).load(t)
		return l.entry(t, "1").Observation.Holds.Safeguarding.Answer
	}
	for _, tt := range []struct {
		name string
		want care.Answer
		rows []string
	}{
		{"no row", care.AnswerNo, nil},
		{"open", care.AnswerYes, []string{"1,yes,,"}},
		{"without an end", care.AnswerYes, []string{"1,,2026-01-01,"}},
		{"an end to come", care.AnswerYes, []string{"1,,2026-01-01,2026-04-01"}},
		{"ended", care.AnswerNo, []string{"1,,2026-01-01,2026-02-01"}},
		{"one of two", care.AnswerYes, []string{"1,no,,", "1,Y,,"}},
		{"unreadable", care.AnswerUnknown, []string{"1,eh,,"}},
		{"unreadable and open", care.AnswerYes, []string{"1,eh,,", "1,yes,,"}},
		{"nobody's row", care.AnswerUnknown, []string{",yes,,"}},
		{"another's row", care.AnswerNo, []string{"99,yes,,"}},
	} {
		if got := answer(tt.rows...); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	_, l := base().load(t)
	if s := l.entry(t, "1").Observation.Holds.Safeguarding; s != (care.Safeguarding{}) {
		t.Errorf("no file: %+v", s)
	}
	layout, _ := Builtin("homeward")
	r, err := Open(base().fs(func(m string) string { return "not_shared = [\"safeguarding\"]\n" + m }), layout, feed)
	if err != nil {
		t.Fatal(err)
	}
	if s := drain(t, r).entry(t, "1").Observation.Holds.Safeguarding.Answer; s != care.AnswerNotShared {
		t.Errorf("not shared: %q", s)
	}
}

func TestExtractsThatStop(t *testing.T) {
	swap := func(old, new string) func(string) string {
		return func(m string) string { return strings.Replace(m, old, new, 1) }
	}
	without := func(name string) small { s := base(); delete(s, name); return s }
	tests := []struct {
		name    string
		extract small
		edit    func(string) string
		want    string
	}{
		{"rows", base(), swap("rows = 2", "rows = 3"), "the manifest says 3 rows and the file has 2"},
		{"another council", base(), swap(`"511"`, `"512"`), "another council"},
		{"no zone", base(), swap("02:00:00Z", "02:00:00"), "as_at"},
		{"kind", base(), swap(`"full"`, `"all"`), "kind"},
		{"format", base(), swap("format = 1", "format = 2"), "format = 1"},
		{"key", base(), swap("format = 1", "format = 1\nforce = true"), "force"},
		{"folder", base(), swap(`"people.csv"`, `"../people.csv"`), "files[2].name"},
		{"missing file", base(), swap(`"people.csv"`, "\"more.csv\"\ntable = \"people\""), "more.csv"},
		{"unknown file", base(), swap(`"people.csv"`, `"more.csv"`), "Name the table"},
		{"checksum", base(), swap("rows = 2", "rows = 2\nsha256 = \""+strings.Repeat("a", 64)+"\""), "sha256"},
		{"no people", without("people.csv"), nil, "Add people"},
		{"no packages", without("packages.csv"), nil, "Add packages"},
		{"shared and not", base(), func(m string) string { return "not_shared = [\"packages\"]\n" + m }, "not_shared"},
		{"column", base().replace("packages.csv", 1, "package_id,person_id,kind,state,start,end,provider_id"), nil, "packages.csv: status: Add this column"},
		{"column twice", base().replace("packages.csv", 1, "package_id,person_id,kind,status,start,status,provider_id"), nil, "Name this column once"},
		{"semicolons", base().replace("packages.csv", 1, "package_id;person_id;kind;status"), nil, "separated by commas"},
		{"UTF-16", base().replace("packages.csv", 1, "\xff\xfep\x00a\x00"), nil, "UTF-16"},
	}
	layout, _ := Builtin("homeward")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Open(tt.extract.fs(tt.edit), layout, feed)
			var stopped *Stopped
			if !errors.As(err, &stopped) {
				t.Fatalf("got %v, want it stopped", err)
			}
			if !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(tt.want)) {
				t.Errorf("got %q, want %q", err, tt.want)
			}
		})
	}
}

func TestIncompleteUntilTheManifestIsThere(t *testing.T) {
	m := base().fs(nil)
	m[ManifestName+".tmp"] = m[ManifestName]
	delete(m, ManifestName)
	layout, _ := Builtin("homeward")
	if _, err := Open(m, layout, feed); !errors.Is(err, ErrIncomplete) {
		t.Fatalf("got %v", err)
	}
}

func TestChangeUnderTheReaderIsNoticed(t *testing.T) {
	m := base().fs(nil)
	layout, _ := Builtin("homeward")
	r, err := Open(m, layout, feed)
	if err != nil {
		t.Fatal(err)
	}
	m["people.csv"].Data = append(m["people.csv"].Data, personRow("3", nhs.Test(60))...)
	for range r.People() {
	}
	if r.Err() == nil {
		t.Error("the file changed and nobody said so")
	}
	delete(m, "people.csv")
	for range r.People() {
	}
	if !errors.Is(r.Err(), fs.ErrNotExist) {
		t.Errorf("got %v", r.Err())
	}
}

func TestChangesNeedNoDirectory(t *testing.T) {
	s := base()
	delete(s, "providers.csv")
	layout, _ := Builtin("homeward")
	r, err := Open(s.fs(func(m string) string { return strings.Replace(m, `"full"`, `"changes"`, 1) }), layout, feed)
	if err != nil {
		t.Fatal(err)
	}
	if l := drain(t, r); len(l.Problems) != 0 || len(l.People) != 2 || r.Manifest().Kind != Changes {
		t.Errorf("problems %v", l.Problems)
	}
}

func TestNothingPersonalIsLogged(t *testing.T) {
	_, l := base().with("people.csv", "3,,Ziegler,,no,01632960777,ex-directory,,,,,,").load(t)
	var b bytes.Buffer
	log := slog.New(slog.NewTextHandler(&b, nil))
	for _, e := range l.People {
		log.Info("entry", "entry", e)
	}
	for _, p := range l.Problems {
		log.Info("problem", "problem", p, "text", p.String())
		if !strings.Contains(fmt.Sprint(p.Row), "Ziegler") || strings.Contains(fmt.Sprint(p.Row), "960777") {
			t.Errorf("the quarantine must have the row and not the undisclosed number: %v", p.Row)
		}
	}
	for _, personal := range []string{"Holloway", "Ziegler", "960777", nhs.Test(1).Digits(), "1941"} {
		if strings.Contains(b.String(), personal) {
			t.Errorf("%s was logged:\n%s", personal, b.String())
		}
	}
}

func TestStop(t *testing.T) {
	for _, tt := range []struct {
		ending, active, limit int
		want                  bool
	}{
		{0, 100, 10, false}, {10, 100, 10, false}, {11, 100, 10, true}, {1, 100, 0, true},
		{5, 0, 10, false}, {1, 100, -4, true}, {100, 100, 100, false}, {2_000_000_000, 2_000_000_001, 99, true},
	} {
		got, why := Stop(tt.ending, tt.active, tt.limit)
		if got != tt.want || got != (why != "") {
			t.Errorf("Stop(%d, %d, %d) = %v, %q", tt.ending, tt.active, tt.limit, got, why)
		}
	}
}

func TestLayoutsThatAreRefused(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"key":    {"[tables.people]\nfile='a'\nencoding='x'", "tables.people.encoding"},
		"table":  {"[tables.persons]\nfile='a'", "tables.persons is not a table"},
		"column": {"[tables.teams]\nfile='a'\ncolumns={id='A'}", "id is not a column"},
		"needed": {"[tables.teams]\nfile='a'\ncolumns={team_id='A'}", "say which column is name"},
		"file":   {"[tables.teams]", "name the file"},
		"date":   {"dates=['MM/DD/YYYY']\n[tables.teams]\nfile='a'", "MM/DD/YYYY"},
		"none":   {"name='x'", "at least one table"},
	} {
		if _, err := ParseLayout([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
	if _, err := Builtin("nothing"); err == nil {
		t.Error("a layout that is not there was found")
	}
}

func TestAChildWhoDiedStaysAChild(t *testing.T) {
	_, l := base().with("people.csv", "3,,A,1970-03-14,no,,,,1980-01-01,,,,").load(t)
	if !l.entry(t, "3").Child {
		t.Error("born in 1970 and died in 1980 must not be shown as an adult")
	}
	_, l = base().with("people.csv", "3,,A,2008-03-01,no,,,,,,,,", "4,,A,2008-03-02,no,,,,,,,,").load(t)
	if l.entry(t, "3").Child || !l.entry(t, "4").Child {
		t.Error("a person is an adult from the 18th birthday")
	}
}

func TestLatestAddressCounts(t *testing.T) {
	_, l := base().with("addresses.csv", "person_id,address1,start", "1,A Row,2001-01-01", "1,B Row,2020-01-01", "1,C Row,2010-01-01").load(t)
	if got := l.entry(t, "1").Observation.About.Address.Value.Lines; len(got) != 1 || got[0] != "B Row" {
		t.Errorf("got %q", got)
	}
}

func TestScanner(t *testing.T) {
	text := "\xef\xbb\xbfa,b\r\n" + // 1
		"\"x, \"\"y\"\"\",5\" pipe\r\n" + // 2
		"\r\n" + // 3: not a row
		"\"two\r\nlines\",z\n" + // 4, 5
		"\"open,1\n" + // 6
		"c,d\n" + // 7
		"\"e\"f,g\n" + // 8
		"h," // 9
	type row struct {
		Line  int
		Cells []string
		Bad   bool
	}
	want := []row{{1, []string{"a", "b"}, false}, {2, []string{`x, "y"`, `5" pipe`}, false}, {4, []string{"two\nlines", "z"}, false},
		{6, nil, true}, {7, []string{"c", "d"}, false}, {8, nil, true}, {9, []string{"h", ""}, false}}
	var got []row
	sc := newScanner(strings.NewReader(text))
	for {
		rec, ok := sc.next()
		if !ok {
			break
		}
		got = append(got, row{rec.line, append([]string(nil), rec.cells...), rec.fault != ""})
	}
	if d := cmp.Diff(want, got); d != "" || sc.err != nil {
		t.Error(d, sc.err)
	}
}

func TestWhatCouldNotBeReadIsSaid(t *testing.T) {
	_, l := base().with("packages.csv", "c,1,HS,slow,,,").with("safeguarding.csv", "person_id,open,opened,ended", "2,perhaps,,").load(t)
	if d := cmp.Diff([]care.Part{care.PartPackages}, l.entry(t, "1").Unread); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]care.Part{care.PartSafeguarding}, l.entry(t, "2").Unread); d != "" {
		t.Error(d)
	}
	// Another row says yes: nothing that could not be read would say more.
	_, l = base().with("safeguarding.csv", "person_id,open,opened,ended", "2,perhaps,,", "2,yes,,").load(t)
	if u := l.entry(t, "2").Unread; u != nil {
		t.Errorf("unread %v", u)
	}
	for _, p := range l.Problems {
		if p.Absent {
			t.Errorf("the person of %v is loaded", p)
		}
	}
	_, l = base().with("packages.csv", "c,77,HS,active,,,").load(t)
	if len(l.Problems) != 1 || !l.Problems[0].Absent {
		t.Errorf("a row of nobody in people: %v", l.Problems)
	}
}
