package store

import (
	"time"

	"homeward/care"
	"homeward/nhs"
)

// AuditsFrom reads the log forwards: the records from n on that a filter chooses (Case,
// Actor, Org, Action, Denied, From and To of it), oldest first, at most limit of them; and
// from where to go on.
func (t *Tx) AuditsFrom(n int64, f AuditFilter, limit int) (as []Audited, next int64, err error) {
	if t.write {
		next = t.b.tally.audit
	} else if err := t.one(`SELECT audit FROM tally WHERE id = 1`, nil, &next); err != nil {
		return nil, n, err
	}
	if next <= n {
		return nil, n, nil
	}
	f.Before = next
	w := f.where()
	w.and("n >= ?", n)
	sql := auditText + " WHERE " + w.b.String() + " ORDER BY n" + w.bind(" LIMIT ?", limit)
	err = t.query(sql, w.vs, func(row []any) error {
		l, err := t.scanAudit(row)
		as = append(as, l.Audited)
		return err
	})
	if len(as) == limit {
		next = as[limit-1].N + 1
	}
	return as, next, err
}

// CountByOwner counts the records of a kind whose time is from one time up to another,
// by organisation and owner.
func (t *Tx) CountByOwner(kind string, from, to time.Time, each func(org nhs.ODS, owner string, n int64) error) error {
	return t.query(`SELECT org, owner, count(*) FROM records WHERE kind = $1 AND at >= $2 AND at < $3 GROUP BY org, owner ORDER BY org, owner`, []any{kind, from, to}, func(row []any) error {
		var org nhs.ODS
		var owner string
		var n int64
		if err := scan(row, &org, &owner, &n); err != nil {
			return err
		}
		return each(org, owner, n)
	})
}

// CountByWorker counts the people on lists whose open referral has a named worker, by
// council and worker.
func (t *Tx) CountByWorker(each func(council nhs.ODS, worker care.ActorID, n int64) error) error {
	return t.query(`SELECT council, worker, count(*) FROM tracker WHERE listed = 1 AND open = 1 AND worker <> '' GROUP BY council, worker ORDER BY council, worker`, nil, func(row []any) error {
		var council nhs.ODS
		var worker care.ActorID
		var n int64
		if err := scan(row, &council, &worker, &n); err != nil {
			return err
		}
		return each(council, worker, n)
	})
}
