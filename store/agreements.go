package store

import (
	"homeward/care"
	"homeward/sharing"
)

// Agreements lists every version of every agreement, by id and version.
func (t *Tx) Agreements() ([]sharing.Agreement, error) {
	return t.agreements(`ORDER BY id, version`)
}

// Agreement reads the versions of one agreement, oldest first; care.NotFound
// when there are none.
func (t *Tx) Agreement(id string) ([]sharing.Agreement, error) {
	as, err := t.agreements(`WHERE id = $1 ORDER BY version`, id)
	if err == nil && len(as) == 0 {
		return nil, notFound("The agreement")
	}
	return as, err
}

func (t *Tx) agreements(where string, vs ...any) (as []sharing.Agreement, err error) {
	err = t.query(`SELECT doc FROM agreements `+where, vs, func(row []any) error {
		var doc string
		if err := scan(row, &doc); err != nil {
			return err
		}
		a, err := fromJSON[sharing.Agreement](doc)
		as = append(as, a)
		return err
	})
	return as, err
}

// AgreementsSeq is a number that grows with each write of an agreement, and is
// the same while nothing was written; 0 when there are none.
func (t *Tx) AgreementsSeq() (seq int64, err error) {
	err = t.one(`SELECT coalesce(max(seq), 0) FROM agreements`, nil, &seq)
	return seq, err
}

var putAgreement = upsert("agreements", []string{"id", "version"}, "status", "seq", "doc")

// PutAgreement adds a version, or keeps what became of one. Versions count from
// 1 without gaps. What was recorded of a version stays and is only added to: a
// writer who had not seen the newest change gets a care.Conflict. The content
// of a version that is not a draft is fixed; that it should change is a
// programmer's mistake, and refused.
func (t *Tx) PutAgreement(a sharing.Agreement) error {
	if a.ID == "" {
		return &care.Error{Kind: care.Required, Field: "id", Text: "An agreement has no id"}
	}
	was, err := t.Agreement(a.ID)
	if err != nil && !IsNone(err) {
		return err
	}
	switch {
	case a.Version < 1 || a.Version > len(was)+1:
		return &care.Error{Kind: care.Invalid, Field: "version", Text: "The versions of an agreement count from 1 without gaps"}
	case a.Version <= len(was):
		if err := follows(was[a.Version-1], a); err != nil {
			return err
		}
	}
	doc, err := toJSON(a)
	if err != nil {
		return err
	}
	seq, err := t.AgreementsSeq()
	if err != nil {
		return err
	}
	return t.exec(putAgreement, a.ID, a.Version, string(a.Status), seq+1, doc)
}

// follows reports what keeps is from being kept over was.
func follows(was, is sharing.Agreement) error {
	if len(is.Changes) <= len(was.Changes) || !sameChanges(was.Changes, is.Changes[:len(was.Changes)]) {
		return conflict("Somebody else changed this agreement while you had it open. Open it again, and look at what they did")
	}
	if was.Status != sharing.Draft && !sameTerms(was, is) {
		return &care.Error{Kind: care.BusinessRule, Text: "What was proposed is not changed. Draft a new version"}
	}
	return nil
}

// sameChanges compares by instant: the location of a time is lost in the store.
func sameChanges(a, b []sharing.Change) bool {
	for i := range a {
		x, y := a[i], b[i]
		if micros(x.At) != micros(y.At) || x.By != y.By || x.Who != y.Who || x.Org != y.Org || x.Did != y.Did || x.Why != y.Why {
			return false
		}
	}
	return true
}

// sameTerms compares what two versions say, as it is stored: none and empty are
// the same. Everything but Status and Changes are terms, whatever is added later.
func sameTerms(a, b sharing.Agreement) bool {
	a.Status, a.Changes, b.Status, b.Changes = "", nil, "", nil
	x, err := toJSON(a)
	y, err2 := toJSON(b)
	return err == nil && err2 == nil && x == y
}

// agreements finds versions that are missing, or that are not what their row says.
func (v *verifying) agreements() error {
	next := map[string]int{}
	return v.t.query(`SELECT id, version, status, doc FROM agreements ORDER BY id, version`, nil, func(row []any) error {
		var id, status, doc string
		var n int
		if err := scan(row, &id, &n, &status, &doc); err != nil {
			return err
		}
		if next[id]++; next[id] != n {
			v.wrong("agreement %s: version %d stands where version %d should", id, n, next[id])
			next[id] = n
		}
		a, err := fromJSON[sharing.Agreement](doc)
		switch {
		case err != nil:
			v.wrong("agreement %s version %d: it cannot be read", id, n)
		case a.ID != id || a.Version != n || string(a.Status) != status:
			v.wrong("agreement %s version %d: it is not what its row says", id, n)
		}
		return nil
	})
}
