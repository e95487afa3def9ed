package hub

import (
	"bytes"
	"encoding/csv"
	"io"
	"strings"
	"testing"

	"homeward/care"
	"homeward/nhs"
	"homeward/store"
	"homeward/tabular"
)

func igOf(org nhs.ODS) care.Actor { return as(care.IGLead, org) }

// extractedRows takes an extract as CSV, by its heads.
func (s *site) extractedRows(by care.Actor, q ExtractQuery) (rows []map[string]string) {
	s.Helper()
	q.Format = tabular.CSV
	var b bytes.Buffer
	s.must(s.Extract(s.ctx(), by, q, &b))
	lines, err := csv.NewReader(&b).ReadAll()
	s.must(err)
	for _, l := range lines[1:] {
		row := map[string]string{}
		for i, head := range lines[0] {
			row[head] = l[i]
		}
		rows = append(rows, row)
	}
	return rows
}

// An analyst takes rows of their own organisation under pseudonyms; a lead takes NHS
// numbers for a reason, each of whom stands in the audit, but not those of restricted
// records.
func TestExtracts(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		one, two := s.wentHome(1), s.wentHome(2)
		s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
			c, err := tx.Case(two)
			if err != nil {
				return err
			}
			_, err = tx.Record(c, care.Cause{Kind: "system"}, s.clock(), care.SensitivityTold{At: s.clock(), Sensitive: true})
			return err
		}))
		s.measured()
		q := ExtractQuery{Source: "stay", From: s.today(s.clock()).Add(-5), To: s.today(s.clock()), Format: tabular.CSV}
		analyst := as(care.Analyst, kings)

		t.Run("under pseudonyms", func(t *testing.T) {
			rows := s.extractedRows(analyst, q)
			if len(rows) != 2 || rows[0]["person"] == rows[1]["person"] || len(rows[0]["person"]) != 26 || rows[0]["hospital"] != string(kings) || rows[0]["day"] != s.today(s.clock()).String() {
				t.Errorf("%v", rows)
			}
			if _, there := rows[0]["nhs_number"]; there {
				t.Error("an analyst got NHS numbers")
			}
			for _, r := range rows {
				if r["person"] == string(one) || r["person"] == string(two) {
					t.Error("the name of a record is in an extract")
				}
			}
			if a := s.lastAudit("extractFigures"); !a.Allowed || !strings.HasPrefix(a.Outcome, "2 rows of stay, ") || a.Case != "" {
				t.Errorf("the audit says %+v", a)
			}
			if rows := s.extractedRows(as(care.Analyst, other), q); len(rows) != 0 {
				t.Errorf("another hospital's analyst got %d rows", len(rows))
			}
		})
		t.Run("with NHS numbers", func(t *testing.T) {
			named := q
			named.Named, named.Reason = true, "Linking to mortality for the quality board"
			rows := s.extractedRows(igOf(kings), named)
			numbers := map[string]int{}
			for _, r := range rows {
				numbers[r["nhs_number"]]++
			}
			if len(rows) != 2 || numbers[nobody(1).nhs.Digits()] != 1 || numbers[""] != 1 {
				t.Errorf("NHS numbers: %v", numbers)
			}
			audits := s.auditsOf("extractNamed")
			whom := map[care.CaseID]int{}
			for _, a := range audits {
				whom[a.Case]++
				if !a.Allowed || a.Reason != named.Reason {
					t.Errorf("the audit says %+v", a)
				}
			}
			if len(audits) != 2 || whom[one] != 1 || whom[""] != 1 {
				t.Errorf("the audit names %v", whom)
			}
		})
		t.Run("refused", func(t *testing.T) {
			named := q
			named.Named = true
			s.refused(s.Extract(s.ctx(), igOf(kings), named, io.Discard), care.Invalid, "reason")
			named.Reason = "Linking to mortality for the quality board"
			s.refused(s.Extract(s.ctx(), analyst, named, io.Discard), care.Forbidden, "")
			s.refused(s.Extract(s.ctx(), igOf(kings), q, io.Discard), care.Forbidden, "")
			s.refused(s.Extract(s.ctx(), as(care.Coordinator, kings), q, io.Discard), care.Forbidden, "")
			late, odd := q, q
			late.To = q.From.Add(-1)
			odd.Source = "no such"
			s.refused(s.Extract(s.ctx(), analyst, late, io.Discard), care.Invalid, "to")
			s.refused(s.Extract(s.ctx(), analyst, odd, io.Discard), care.Invalid, "source")
			if _, err := s.Extracts(s.ctx(), as(care.Coordinator, kings)); care.KindOf(err) != care.Forbidden {
				t.Errorf("a coordinator: %v", err)
			}
		})
		for _, f := range tabular.Formats {
			q.Format = f
			var b bytes.Buffer
			if err := s.Extract(s.ctx(), analyst, q, &b); err != nil || b.Len() < 100 {
				t.Errorf("%s: %d bytes, %v", f, b.Len(), err)
			}
		}
	})
}
