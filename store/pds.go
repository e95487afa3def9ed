package store

import (
	"time"

	"homeward/care"
)

// PDSAnswer is what PDS last said of a person. Doc is the hub's, and sealed.
type PDSAnswer struct {
	Case  care.CaseID
	Asked time.Time
	Doc   []byte
}

// PutPDSAnswer keeps an answer, in place of the one before.
func (t *Tx) PutPDSAnswer(a PDSAnswer) error {
	return t.exec(`INSERT INTO pds_answers (case_id, asked, doc) VALUES ($1, $2, $3)
		ON CONFLICT (case_id) DO UPDATE SET asked = excluded.asked, doc = excluded.doc`, a.Case, a.Asked, t.seal(pdsDoc, string(a.Doc), a.Case))
}

// PDSAnswer reads the answer about a person; IsNone of the error when there is none.
func (t *Tx) PDSAnswer(id care.CaseID) (PDSAnswer, error) {
	a := PDSAnswer{Case: id}
	var doc string
	if err := t.one(`SELECT asked, doc FROM pds_answers WHERE case_id = $1`, []any{id}, &a.Asked, &doc); err != nil {
		return a, err
	}
	doc, err := t.openText(pdsDoc, doc, id)
	a.Doc = []byte(doc)
	return a, err
}

// PDSDue lists people with an open referral of whom PDS was not asked since a time,
// those never asked first, and at most n.
func (t *Tx) PDSDue(before time.Time, n int) (ids []care.CaseID, err error) {
	err = t.query(`SELECT t.case_id FROM tracker t LEFT JOIN pds_answers p ON p.case_id = t.case_id
		WHERE t.open = 1 AND t.frozen = 0 AND (p.asked IS NULL OR p.asked < $1) ORDER BY coalesce(p.asked, 0), t.case_id LIMIT $2`,
		[]any{before, n}, func(row []any) error {
			var id care.CaseID
			err := scan(row, &id)
			ids = append(ids, id)
			return err
		})
	return ids, err
}
