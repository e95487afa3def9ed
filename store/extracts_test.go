package store

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"homeward/care"
	"homeward/measure"
	"homeward/nhs"
)

var updateAnalysts = flag.Bool("update-analysts", false, "write the columns into docs/analysts.md")

// counted writes points of two hospitals.
func counted(t *testing.T, s *Store, points map[care.CaseID]measure.Point) {
	t.Helper()
	update(t, s, func(tx *Tx) error {
		for id, p := range points {
			p.Case = id
			if err := putPoints(tx, id, []Snapshot{{Known: p.From, Points: []measure.Point{p}}}, time.UTC); err != nil {
				return err
			}
		}
		return nil
	})
}

// putPoints works out and writes at once how the points of a case changed.
func putPoints(t *Tx, id care.CaseID, snapshots []Snapshot, zone *time.Location) error {
	g, err := t.Generation()
	if err != nil {
		return err
	}
	w, err := t.NewWork(g, zone)
	if err != nil {
		return err
	}
	if err := t.WorkPoints(w, id, snapshots); err != nil {
		return err
	}
	return t.PutWork(w)
}

// The views are what the page says, on both databases, and what the page says of each
// column is what store/extracts.go says.
func TestAnalystViews(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		view(t, s, func(tx *Tx) error {
			for _, v := range AnalystViews {
				got, err := tx.columns(v.Name)
				if err != nil {
					return err
				}
				if d := cmp.Diff(v.Columns, got); d != "" {
					t.Errorf("%s (-said +is): %s", v.Name, d)
				}
				for _, c := range got {
					if AnalystColumns[c].Words == "" || slices.Contains([]string{"case_id", "subject"}, c) {
						t.Errorf("%s.%s has no words, or must not be shown", v.Name, c)
					}
				}
			}
			return nil
		})
		days := []time.Time{time.Date(1970, 1, 2, 12, 0, 0, 0, time.UTC), time.Date(2000, 2, 29, 12, 0, 0, 0, time.UTC), time.Date(2023, 12, 31, 23, 59, 0, 0, time.UTC),
			time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC), time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(2100, 2, 28, 1, 0, 0, 0, time.UTC), time.Date(2100, 3, 1, 1, 0, 0, 0, time.UTC)}
		for d := time.Date(2025, 1, 1, 8, 0, 0, 0, time.UTC); d.Year() < 2027; d = d.AddDate(0, 0, 9) {
			days = append(days, d)
		}
		points := map[care.CaseID]measure.Point{"runs": {Source: "stay", Subject: "v", From: days[0]}}
		want := []string{"<nil>"}
		for i, d := range days {
			points[care.CaseID(fmt.Sprint("c", i))] = measure.Point{Source: "stay", Subject: "v", From: d.Add(-time.Hour), To: d}
			want = append(want, d.Format(time.DateOnly))
		}
		counted(t, s, points)
		var got []string
		view(t, s, func(tx *Tx) error {
			return tx.query(`SELECT day_text, minutes FROM analyst_points`, nil, func(row []any) error {
				got = append(got, fmt.Sprint(row[0]))
				if row[0] != nil && fmt.Sprint(row[1]) != "60" {
					t.Errorf("on %v it took %v minutes", row[0], row[1])
				}
				return nil
			})
		})
		slices.Sort(want)
		slices.Sort(got)
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	})
}

func TestAnalystsPage(t *testing.T) {
	const page, heading = "../docs/analysts.md", "## The views and their columns\n"
	var b strings.Builder
	for _, v := range AnalystViews {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n| column | type | what it is |\n|---|---|---|\n", v.Name, v.Words)
		for _, c := range v.Columns {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", c, AnalystColumns[c].Type, AnalystColumns[c].Words)
		}
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, after, _ := strings.Cut(string(text), heading)
	if *updateAnalysts {
		if err := os.WriteFile(page, []byte(before+heading+b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(b.String(), after); d != "" {
		t.Errorf("docs/analysts.md is not what the views are; run with -update-analysts: %s", d)
	}
}

// theirs are points of a hospital and of another.
func theirs() map[care.CaseID]measure.Point {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	return map[care.CaseID]measure.Point{
		"here":  {Source: "stay", Subject: "v", Group: measure.Group{Hospital: "RK5"}, From: at, To: at.Add(48 * time.Hour), Value: 2},
		"there": {Source: "stay", Subject: "v", Group: measure.Group{Hospital: "RX1"}, From: at, To: at.Add(24 * time.Hour), Value: 1},
		"ours":  {Source: "to-accepted", Subject: "r", Group: measure.Group{Hospital: "RX1", Council: "511"}, From: at, To: at.Add(time.Hour), Value: 60},
	}
}

// An extract has the rows of one organisation, as hospital or as council, and keeps
// those of one person together.
func TestExtract(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		counted(t, s, theirs())
		day := func(n int) nhs.Date { return nhs.DateOf(time.Date(2026, 3, n, 0, 0, 0, 0, time.UTC)) }
		for _, x := range []struct {
			source   string
			org      nhs.ODS
			from, to int
			after    care.CaseID
			want     string
		}{{"stay", "RK5", 1, 31, "", "here"}, {"stay", "RX1", 1, 31, "", "there"}, {"stay", "RK5", 5, 31, "", ""}, {"stay", "511", 1, 31, "", ""},
			{"to-accepted", "511", 2, 2, "", "ours"}, {"to-accepted", "511", 2, 2, "ours", ""}} {
			q := ExtractQuery{Source: x.source, Org: x.org, From: day(x.from), To: day(x.to), After: x.after, Limit: 1}
			var got []string
			var n int64
			view(t, s, func(tx *Tx) (err error) {
				if n, err = tx.CountExtract(q); err != nil {
					return err
				}
				return tx.EachExtract(q, func(k KnownPoint) error { got = append(got, string(k.Case)); return nil })
			})
			if strings.Join(got, " ") != x.want || int(n) != len(got) {
				t.Errorf("%+v gives %q of %d, want %q", x, got, n, x.want)
			}
		}
		// The same person has another pseudonym in each organisation's rows.
		if a, b := extracted(t, s, "to-accepted", "511"), extracted(t, s, "to-accepted", "RX1"); len(a) != 26 || len(b) != 26 || a == b || a != extracted(t, s, "to-accepted", "511") {
			t.Errorf("pseudonyms of one person in two organisations: %q, %q", a, b)
		}
	})
}

// extracted is the pseudonym of the one person in an organisation's rows.
func extracted(t *testing.T, s *Store, source string, org nhs.ODS) (person string) {
	t.Helper()
	q := ExtractQuery{Source: source, Org: org, From: nhs.DateOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), To: nhs.DateOf(time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC))}
	view(t, s, func(tx *Tx) error {
		return tx.EachExtract(q, func(k KnownPoint) error { person += k.Person; return nil })
	})
	return person
}

// On PostgreSQL a role reads its own organisation's rows, and neither another's nor any
// table; a role that could is refused.
func TestAnalystRole(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		if s.Engine() != "postgres" {
			if err := s.GrantAnalyst(t.Context(), "bi", "RK5"); err == nil {
				t.Error("SQLite granted something")
			}
			return
		}
		counted(t, s, theirs())
		admin, err := pgx.Connect(t.Context(), s.cfg.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer admin.Close(t.Context())
		do := func(sql string) error {
			_, err := admin.PgConn().Exec(t.Context(), sql).ReadAll()
			return err
		}
		role := strings.ToLower(strings.ReplaceAll(t.Name(), "/", "_")) // roles are the whole server's
		if err := s.GrantAnalyst(t.Context(), role, "RK5"); err == nil || !strings.Contains(err.Error(), "CREATE ROLE") {
			t.Errorf("a role that is not there: %v", err)
		}
		for _, bad := range []string{`x"; DROP TABLE points; --`, "pg_x", "public", "Bi", ""} {
			if err := s.GrantAnalyst(t.Context(), bad, "RK5"); err == nil {
				t.Errorf("%q was granted", bad)
			}
		}
		if err := do(`DROP ROLE IF EXISTS ` + role + `; CREATE ROLE ` + role + ` LOGIN; GRANT SELECT ON cases TO ` + role); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			ctx := context.Background()
			c, err := pgx.Connect(ctx, s.cfg.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close(ctx)
			if _, err := c.PgConn().Exec(ctx, "DROP OWNED BY "+role+"; DROP ROLE "+role).ReadAll(); err != nil {
				t.Error(err)
			}
		})
		if err := s.GrantAnalyst(t.Context(), role, "RK5"); err == nil || !strings.Contains(err.Error(), "cases") {
			t.Errorf("a role that reads cases: %v", err)
		}
		if err := do("REVOKE SELECT ON cases FROM " + role); err != nil {
			t.Fatal(err)
		}
		for range 2 { // again after a new version
			if err := s.GrantAnalyst(t.Context(), role, "RK5"); err != nil {
				t.Fatal(err)
			}
		}
		if err := do("SET SESSION AUTHORIZATION " + role); err != nil {
			t.Fatal(err)
		}
		var hospitals, person string
		want := extracted(t, s, "stay", "RK5")
		if err := admin.QueryRow(t.Context(), "SELECT string_agg(hospital, ' ') FROM analyst_points").Scan(&hospitals); err != nil || hospitals != "RK5" {
			t.Errorf("the role reads %q, %v", hospitals, err)
		}
		if err := admin.QueryRow(t.Context(), "SELECT person FROM analyst_stays").Scan(&person); err != nil || person != want || want == "" {
			t.Errorf("the role reads the pseudonym %q, a file has %q, %v", person, want, err)
		}
		for _, table := range []string{"points", "counted", "cases", "history", "audit", "settings", "public.analyst_points"} {
			if err := do("SELECT * FROM " + table); err == nil || !strings.Contains(err.Error(), "permission denied") {
				t.Errorf("the role reads %s: %v", table, err)
			}
		}
		if err := do("CREATE TABLE " + role + ".mine (a int)"); err == nil {
			t.Error("the role made a table")
		}
	})
}

// A file for analysts has the rows of one organisation, and nothing else.
func TestAnalystFile(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		counted(t, s, theirs())
		path := filepath.Join(t.TempDir(), "rows.db")
		rows, err := s.WriteAnalystFile(t.Context(), path, "RX1")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(map[string]int64{"analyst_points": 2, "analyst_known": 2, "analyst_stays": 1, "analyst_waits": 1}, rows); d != "" {
			t.Error(d)
		}
		if _, err := s.WriteAnalystFile(t.Context(), path, "RX1"); err == nil {
			t.Error("a file was written over")
		}
		if list, _ := os.ReadDir(filepath.Dir(path)); len(list) != 1 {
			t.Errorf("there are other files beside it: %v", list)
		}
		c, err := (&sqliteEngine{path: path}).open(t.Context(), roleReader)
		if err != nil {
			t.Fatal(err)
		}
		defer c.close()
		var tables []string
		err = c.query(t.Context(), "SELECT name FROM sqlite_master ORDER BY name", nil, func(row []any) error { tables = append(tables, fmt.Sprint(row[0])); return nil })
		if d := cmp.Diff([]string{"analyst_census", "analyst_known", "analyst_points", "analyst_stays", "analyst_waits"}, tables); err != nil || d != "" {
			t.Error(d, err)
		}
		if b, _ := os.ReadFile(path); strings.Contains(string(b), "there") {
			t.Error("the name of a case is in the file")
		}
	})
}
