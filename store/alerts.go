package store

import (
	"time"

	"homeward/care"
	"homeward/nhs"
)

// AlertKind is what an alert is about.
type AlertKind string

// The kinds of alert.
const (
	AlertGlass  AlertKind = "glass"  // somebody broke the glass
	AlertMisses AlertKind = "misses" // too many look-ups that did not match
	AlertCrowd  AlertKind = "crowd"  // very many people found the same person
	AlertAudit  AlertKind = "audit"  // the audit log does not prove itself
)

// Finding is what somebody found who looked into an alert.
type Finding string

// The findings.
const (
	FoundRight  Finding = "appropriate"
	FoundWrong  Finding = "not-appropriate"
	FoundAction Finding = "needs-action"
)

// Alert is something that an information governance lead must look into.
type Alert struct {
	ID     string       `json:"id"`
	Kind   AlertKind    `json:"kind"`
	At     time.Time    `json:"at"`
	Actor  care.ActorID `json:"actor,omitempty"` // who caused it; "" for nobody
	Name   string       `json:"name,omitempty"`
	Role   care.Role    `json:"role,omitempty"`
	Org    nhs.ODS      `json:"org,omitempty"`
	Case   care.CaseID  `json:"case,omitempty"`
	Words  string       `json:"words,omitempty"`  // their reason, or what was found
	About  string       `json:"about,omitempty"`  // what else it is about, such as the id of an agreement
	Until  time.Time    `json:"until,omitzero"`   // until when the glass is open
	Orgs   []nhs.ODS    `json:"orgs,omitzero"`    // whose leads see it, besides those of the system's
	Closed *AlertClosed `json:"closed,omitempty"` // nil while it is open
}

// AlertClosed is what became of an alert.
type AlertClosed struct {
	At      time.Time    `json:"at"`
	By      care.ActorID `json:"by"`
	Name    string       `json:"name"`
	Org     nhs.ODS      `json:"org"`
	Finding Finding      `json:"finding"`
	Words   string       `json:"words"`
}

// PutAlert adds an alert, unless there is one with its ID; added is whether it
// did.
func (t *Tx) PutAlert(a Alert) (added bool, err error) {
	seq, err := t.AlertsSeq()
	if err != nil {
		return false, err
	}
	doc, err := toJSON(a)
	if err != nil {
		return false, err
	}
	err = t.change(`INSERT INTO alerts (id, seq, kind, at, actor, case_id, open, doc) VALUES ($1, $2, $3, $4, $5, $6, 1, $7)
		ON CONFLICT (id) DO NOTHING RETURNING id`, []any{a.ID, seq + 1, string(a.Kind), a.At, string(a.Actor), string(a.Case), t.seal(alertDoc, doc, a.ID)},
		func([]any) error { added = true; return nil })
	if err != nil || !added {
		return false, err
	}
	var rows [][]any
	seen := map[nhs.ODS]bool{}
	for _, o := range a.Orgs {
		if o != "" && !seen[o] {
			seen[o] = true
			rows = append(rows, []any{string(o), a.ID})
		}
	}
	return true, t.insert(`INSERT INTO alert_orgs (org, alert)`, rows, "")
}

// CloseAlert keeps what became of an alert. One that is closed already is a
// care.Conflict.
func (t *Tx) CloseAlert(id string, end AlertClosed) error {
	a, err := t.Alert(id)
	if err != nil {
		return err
	}
	if a.Closed != nil {
		return conflict("Somebody else closed this alert first. Look at what they found")
	}
	a.Closed = &end
	doc, err := toJSON(a)
	if err != nil {
		return err
	}
	seq, err := t.AlertsSeq()
	if err != nil {
		return err
	}
	return t.exec(`UPDATE alerts SET open = 0, seq = $1, doc = $2 WHERE id = $3`, seq+1, t.seal(alertDoc, doc, id), id)
}

// Alert reads an alert; care.NotFound when there is none.
func (t *Tx) Alert(id string) (Alert, error) {
	var doc string
	if err := t.one(`SELECT doc FROM alerts WHERE id = $1`, []any{id}, &doc); err != nil {
		return Alert{}, orNotFound(err, "The alert")
	}
	return t.alert(id, doc)
}

// alert reads a stored alert.
func (t *Tx) alert(id, doc string) (Alert, error) {
	doc, err := t.openText(alertDoc, doc, id)
	if err != nil {
		return Alert{}, err
	}
	return fromJSON[Alert](doc)
}

// AlertsSeq is a number that grows with each write of an alert.
func (t *Tx) AlertsSeq() (seq int64, err error) {
	err = t.one(`SELECT coalesce(max(seq), 0) FROM alerts`, nil, &seq)
	return seq, err
}

// AlertFilter chooses alerts, the oldest that are open first, and of the closed
// the newest.
type AlertFilter struct {
	Org    nhs.ODS // whose leads see them; "": all
	Closed bool
	Skip   int
	Limit  int // 0 is 100
}

func (f AlertFilter) where() *where {
	w := &where{}
	open := 1
	if f.Closed {
		open = 0
	}
	w.and("open = ?", open)
	if f.Org != "" {
		w.and("id IN (SELECT alert FROM alert_orgs WHERE org = ?)", string(f.Org))
	}
	return w
}

// Alerts lists alerts.
func (t *Tx) Alerts(f AlertFilter) (as []Alert, err error) {
	w := f.where()
	order := "at, id"
	if f.Closed {
		order = "at DESC, id"
	}
	if f.Limit <= 0 {
		f.Limit = 100
	}
	sql := `SELECT id, doc FROM alerts WHERE ` + w.b.String() + ` ORDER BY ` + order + w.bind(" LIMIT ?", f.Limit) + w.bind(" OFFSET ?", f.Skip)
	err = t.query(sql, w.vs, func(row []any) error {
		var id, doc string
		if err := scan(row, &id, &doc); err != nil {
			return err
		}
		a, err := t.alert(id, doc)
		as = append(as, a)
		return err
	})
	return as, err
}

// CountAlerts counts the alerts that a filter chooses.
func (t *Tx) CountAlerts(f AlertFilter) (n int64, err error) {
	w := f.where()
	err = t.one(`SELECT count(*) FROM alerts WHERE `+w.b.String(), w.vs, &n)
	return n, err
}

// Glass is one breaking of the glass: what it opened, to whom, in which role.
type Glass struct {
	ID             string // of its alert
	Actor          care.ActorID
	Role           care.Role
	Org            nhs.ODS
	Case           care.CaseID // "": of nobody who is known
	Broken, Closes time.Time
}

// PutGlass keeps a breaking of the glass.
func (t *Tx) PutGlass(g Glass) error {
	return t.exec(`INSERT INTO glasses (id, actor, role, org, case_id, broken, closes) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		g.ID, string(g.Actor), string(g.Role), string(g.Org), string(g.Case), g.Broken, g.Closes)
}

// Glasses is what somebody broke since a time, oldest first.
func (t *Tx) Glasses(actor care.ActorID, since time.Time) (gs []Glass, err error) {
	err = t.query(`SELECT id, actor, role, org, case_id, broken, closes FROM glasses WHERE actor = $1 AND broken > $2 ORDER BY broken, id`,
		[]any{string(actor), since}, func(row []any) error {
			var g Glass
			err := scan(row, &g.ID, &g.Actor, &g.Role, &g.Org, &g.Case, &g.Broken, &g.Closes)
			gs = append(gs, g)
			return err
		})
	return gs, err
}

// ShutGlass closes a glass before its time.
func (t *Tx) ShutGlass(id string, at time.Time) error {
	return t.exec(`UPDATE glasses SET closes = $1 WHERE id = $2 AND closes > $1`, at, id)
}

// Glass reads a breaking of the glass; care.NotFound when there is none.
func (t *Tx) Glass(id string) (Glass, error) {
	g := Glass{ID: id}
	err := t.one(`SELECT actor, role, org, case_id, broken, closes FROM glasses WHERE id = $1`, []any{id}, &g.Actor, &g.Role, &g.Org, &g.Case, &g.Broken, &g.Closes)
	return g, orNotFound(err, "The breaking of the glass")
}

// DropHandle forgets a handle.
func (t *Tx) DropHandle(id string) error {
	return t.exec(`DELETE FROM handles WHERE id = $1`, id)
}

// AuditSince gives the audit's records since a time, newest first, of the staff
// of an organisation ("": of all), and at most most of them; more is that there
// are older ones in that time.
func (t *Tx) AuditSince(org nhs.ODS, from time.Time, most int, each func(Audited) error) (more bool, err error) {
	first, err := t.auditFrom(from)
	if err != nil {
		return false, err
	}
	w := &where{}
	w.and("n >= ?", first)
	if org != "" {
		w.and("org = ? AND org <> ''", string(org))
	}
	left := most
	err = t.query(auditText+` WHERE `+w.b.String()+` ORDER BY n DESC`+w.bind(" LIMIT ?", most+1), w.vs, func(row []any) error {
		if left--; left < 0 {
			more = true
			return nil
		}
		l, err := t.scanAudit(row)
		if err != nil || l.At.Before(from) {
			return err
		}
		return each(l.Audited)
	})
	return more, err
}

// auditFrom is about the first record since a time. The log is in the order in
// which records were written, which is nearly that of their times: it begins a
// little early.
func (t *Tx) auditFrom(from time.Time) (int64, error) {
	var low, high int64
	if err := t.one(`SELECT audit FROM tally WHERE id = 1`, nil, &high); err != nil {
		return 0, err
	}
	from = from.Add(-time.Minute)
	for low < high {
		mid := low + (high-low)/2
		var at time.Time
		if err := t.one(`SELECT at FROM audit WHERE n = $1`, []any{mid}, &at); err != nil {
			return 0, err
		}
		if at.Before(from) {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low, nil
}
