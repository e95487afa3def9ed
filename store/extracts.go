package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"

	"homeward/care"
	"homeward/nhs"
)

// AnalystView is a view that analysts read (migration 0016). It holds pseudonyms, and
// neither the names of cases nor what in them is counted.
type AnalystView struct {
	Name    string
	Words   string   // what a row of it is
	Columns []string // AnalystColumns says what each is
}

var (
	analystWhere = []string{"person", "hospital", "ward", "council", "team", "pathway", "provider", "age"}
	analystWhy   = []string{"stage", "holder", "reason", "feed"}
)

// AnalystViews lists the views, the widest last.
var AnalystViews = []AnalystView{
	{"analyst_stays", "A hospital stay, one that still runs included.", slices.Concat(analystWhere, []string{"began", "ended", "day", "day_text", "delay_days", "left_out", "assumed", "known"})},
	{"analyst_census", "A period in which somebody in a bed did not meet the criteria to reside. It counts once for each midnight in it.",
		slices.Concat(analystWhere, []string{"began", "ended", "minutes", "day", "day_text", "known"})},
	{"analyst_waits", "A wait: from a referral, or from being ready, to a step on the way home. `source` says which.",
		slices.Concat([]string{"source"}, analystWhere, []string{"stage", "holder", "reason", "began", "ended", "minutes", "day", "day_text", "left_out", "assumed", "known"})},
	{"analyst_points", "Anything that is counted, as it is known now.",
		slices.Concat([]string{"source"}, analystWhere, analystWhy, []string{"began", "ended", "minutes", "day", "day_text", "value", "left_out", "assumed", "known"})},
	{"analyst_known", "Anything that is counted, as it was ever known: for what was known at a time.",
		slices.Concat([]string{"source"}, analystWhere, analystWhy, []string{"began", "ended", "day", "value", "left_out", "assumed", "known", "until"})},
}

// AnalystColumn says what a column of the views is, and its type: TEXT or BIGINT.
type AnalystColumn struct{ Type, Words string }

// AnalystColumns are all columns of the views.
var AnalystColumns = map[string]AnalystColumn{
	"source":     {"TEXT", "What is counted: a code, as the page Extracts lists them"},
	"person":     {"TEXT", "Pseudonym of the person's record, made by a keyed hash: the same in every row of your organisation, and another in others'"},
	"hospital":   {"TEXT", "ODS code of the trust"},
	"ward":       {"TEXT", "Code of the ward, as the hospital has it"},
	"council":    {"TEXT", "ODS code of the council"},
	"team":       {"TEXT", "Team of the council"},
	"pathway":    {"TEXT", "Discharge pathway, 0 to 3"},
	"provider":   {"TEXT", "Care provider"},
	"age":        {"TEXT", "Band of age in years, such as 75-84"},
	"stage":      {"TEXT", "What was waited for: a code"},
	"holder":     {"TEXT", "ODS code of the organisation that was waited for"},
	"reason":     {"TEXT", "Code of a reason, or of a finding"},
	"feed":       {"TEXT", "The hospital system that told of it"},
	"began":      {"BIGINT", "When its clock began, in microseconds since 1970 (UTC)"},
	"ended":      {"BIGINT", "When it stopped, in microseconds since 1970 (UTC); NULL: it runs"},
	"minutes":    {"BIGINT", "Whole minutes from began to ended; NULL: it runs"},
	"day":        {"BIGINT", "The local day (Europe/London) on which it stopped and counts, as days since 1970; NULL: it runs"},
	"day_text":   {"TEXT", "The same as 2026-03-31 (ISO 8601); NULL: it runs"},
	"value":      {"BIGINT", "What is counted of it: days, minutes or another unit of its source"},
	"delay_days": {"BIGINT", "Whole days from the discharge-ready date to the day of leaving"},
	"left_out":   {"TEXT", "Code of why measures leave it out; empty: it counts"},
	"assumed":    {"TEXT", "Code of what was assumed to count it; empty: nothing"},
	"known":      {"BIGINT", "Since when this is known, in microseconds since 1970 (UTC)"},
	"until":      {"BIGINT", "Until when this was known, in microseconds since 1970 (UTC); NULL: it still is"},
}

// ExtractQuery chooses the points of an organisation, as they are known now: those whose
// hospital or council it is.
type ExtractQuery struct {
	Source   string
	Org      nhs.ODS
	From, To nhs.Date // that stopped on a day from From to To; and those that run
	After    care.CaseID
	Limit    int // rows at least; those of one case stay together. 0: all
}

func (q ExtractQuery) where() *where {
	w := &where{}
	w.and("source = ? AND until = 0 AND (hospital = ? OR council = ?)", q.Source, q.Org, q.Org)
	w.and("(ended = 0 OR day >= ? AND day <= ?)", dayNumber(q.From), dayNumber(q.To))
	if q.After != "" {
		w.and("case_id > ?", q.After)
	}
	return w
}

// CountExtract counts them.
func (t *Tx) CountExtract(q ExtractQuery) (n int64, err error) {
	w := q.where()
	err = t.one(`SELECT count(*) FROM points WHERE `+w.b.String(), w.vs, &n)
	return n, err
}

// errEnough ends a query early.
var errEnough = errors.New("that is enough")

// EachExtract gives them, by case.
func (t *Tx) EachExtract(q ExtractQuery, each func(KnownPoint) error) error {
	w := q.where()
	n, last := 0, care.CaseID("")
	err := t.query(`SELECT `+pointColumns+` FROM points WHERE `+w.b.String()+` ORDER BY case_id, subject`, w.vs, func(row []any) error {
		k, err := scanPoint(row)
		if err != nil {
			return err
		}
		if n++; q.Limit > 0 && n > q.Limit && k.Case != last {
			return errEnough
		}
		last = k.Case
		k.Person = pseudonymFor(k.Person, q.Org)
		return each(k)
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// pseudonymFor is a pseudonym as one organisation gets it: rows of two organisations cannot be
// put together by it. SQL has the same in personColumn.
func pseudonymFor(pseudonym string, org nhs.ODS) string {
	if pseudonym == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(pseudonym + "/" + string(org)))
	return hex.EncodeToString(sum[:])[:26]
}

// personColumn is pseudonymFor in PostgreSQL.
func personColumn(org nhs.ODS) string {
	return "CASE WHEN person = '' THEN '' ELSE substr(encode(sha256(convert_to(person || " + quoted("/"+string(org)) + ", 'UTF8')), 'hex'), 1, 26) END AS person"
}

// roleName is what the role of an analyst may be called: its schema has the same name.
var roleName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// GrantAnalyst lets a role of PostgreSQL read what one organisation may read: the views,
// with its own rows alone, in a schema of the role's own name, which is what the role
// finds first. The role must be there, and able to read nothing else; it is refused when
// it could.
func (s *Store) GrantAnalyst(ctx context.Context, role string, org nhs.ODS) error {
	switch {
	case s.Engine() != "postgres":
		return errors.New("SQLite has no roles: write a file for analysts instead")
	case !roleName.MatchString(role) || strings.HasPrefix(role, "pg_") || role == "public" || role == "information_schema":
		return fmt.Errorf("%q cannot be an analyst's role: its name must be small letters, digits and _, and not begin with pg_", role)
	}
	c, err := s.engine.open(ctx, roleLong)
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.begin(ctx, true); err != nil {
		return fmt.Errorf("preparing what an analyst reads: %w", err)
	}
	err = grant(ctx, c, role, org)
	if err == nil {
		err = c.commit(ctx)
	} else {
		c.rollback(ctx)
	}
	if err != nil {
		return fmt.Errorf("preparing what the role %s reads: %w", role, err)
	}
	return nil
}

// grant makes the views anew. The role's own view of a table begins with what the
// organisation may see, whatever the role asks (security_barrier).
func grant(ctx context.Context, c conn, role string, org nhs.ODS) error {
	var found, home string
	err := c.query(ctx, `SELECT rolname::text, current_schema()::text FROM pg_roles WHERE rolname = $1`, []any{role}, func(row []any) error { return scan(row, &found, &home) })
	if err != nil {
		return err
	}
	if found == "" {
		return fmt.Errorf("there is no such role. Make it first: CREATE ROLE %s LOGIN", role)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE SCHEMA IF NOT EXISTS %q; REVOKE ALL ON SCHEMA %q FROM PUBLIC; GRANT USAGE ON SCHEMA %q TO %q;\n", role, role, role, role)
	for _, v := range AnalystViews {
		columns := slices.Clone(v.Columns)
		columns[slices.Index(columns, "person")] = personColumn(org)
		fmt.Fprintf(&b, "DROP VIEW IF EXISTS %q.%s; CREATE VIEW %q.%s WITH (security_barrier) AS SELECT %s FROM %q.%s WHERE hospital = %s OR council = %s; GRANT SELECT ON %q.%s TO %q;\n",
			role, v.Name, role, v.Name, strings.Join(columns, ", "), home, v.Name, quoted(string(org)), quoted(string(org)), role, v.Name, role)
	}
	if err := c.script(ctx, b.String()); err != nil {
		return err
	}
	var more []string
	err = c.query(ctx, `SELECT relname::text FROM pg_class WHERE relnamespace = $2::regnamespace AND relkind IN ('r', 'v', 'm', 'p')
		AND has_table_privilege($1, oid, 'SELECT, INSERT, UPDATE, DELETE') ORDER BY relname LIMIT 3`, []any{role, home}, func(row []any) error {
		var name string
		err := scan(row, &name)
		more = append(more, name)
		return err
	})
	if err == nil && len(more) > 0 {
		err = fmt.Errorf("the role can also reach %s: take that from it first, or use another", strings.Join(more, ", "))
	}
	return err
}

// quoted is a text of SQL.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// WriteAnalystFile writes an SQLite file with the views of one organisation as tables,
// for its analysts: nothing else is in it. A file of that name is not written over. It
// says how many rows each table has.
func (s *Store) WriteAnalystFile(ctx context.Context, path string, org nhs.ODS) (rows map[string]int64, err error) {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is there already: give another name", path)
	}
	c, err := (&sqliteEngine{path: path}).open(ctx, roleLong)
	if err != nil {
		return nil, err
	}
	if err = c.begin(ctx, true); err == nil {
		rows, err = s.analystTables(ctx, c, org)
		if err == nil {
			err = c.commit(ctx)
		} else {
			c.rollback(ctx)
		}
	}
	if err == nil { // one file, that can be copied
		err = c.query(ctx, "PRAGMA journal_mode = DELETE", nil, func([]any) error { return nil })
	}
	if err = errors.Join(err, c.close()); err != nil {
		return nil, errors.Join(fmt.Errorf("writing the file for analysts: %w", err), os.Remove(path))
	}
	return rows, nil
}

func (s *Store) analystTables(ctx context.Context, c conn, org nhs.ODS) (map[string]int64, error) {
	out := map[string]int64{}
	err := s.View(ctx, func(t *Tx) error {
		clear(out)
		for _, v := range AnalystViews {
			columns := make([]string, len(v.Columns))
			for i, name := range v.Columns {
				columns[i] = name + " " + AnalystColumns[name].Type
			}
			if err := c.script(ctx, "CREATE TABLE IF NOT EXISTS "+v.Name+" ("+strings.Join(columns, ", ")+")"); err != nil {
				return err
			}
			list, who := strings.Join(v.Columns, ", "), slices.Index(v.Columns, "person")
			err := t.query("SELECT "+list+" FROM "+v.Name+" WHERE hospital = $1 OR council = $1", []any{string(org)}, func(row []any) error {
				out[v.Name]++
				row = slices.Clone(row)
				person, _ := row[who].(string)
				row[who] = pseudonymFor(person, org)
				return c.insert(ctx, "INSERT INTO "+v.Name+" ("+list+")", [][]any{row}, "")
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}
