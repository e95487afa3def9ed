package store

import (
	"time"

	"homeward/care"
	"homeward/nhs"
)

// Override is what an administrator set in place of the numbers that the
// configuration has of an organisation or a council's directory of a team.
type Override struct {
	Org  nhs.ODS  `json:"org"`
	Team string   `json:"team,omitempty"` // of a council; "": the organisation itself
	N    int      `json:"n"`              // counts the changes of this organisation or team from 1
	From nhs.Date `json:"from"`           // the first day on which it holds
	// Base is that the numbers are again those of the configuration or directory.
	Base       bool   `json:"base,omitempty"`
	Phone      string `json:"phone,omitempty"`
	OutOfHours string `json:"outOfHours,omitempty"`
	Retired    bool   `json:"retired,omitempty"` // of a team: it is offered no more

	At  time.Time    `json:"at"`
	By  care.ActorID `json:"by"`
	Who string       `json:"who"`
	Why string       `json:"why"`
}

// AddOverride keeps a change. Its number is the next one of its organisation or
// team: a writer who had not seen the newest change gets a care.Conflict.
func (t *Tx) AddOverride(o Override) error {
	var last, seq int64
	err := t.one(`SELECT (SELECT coalesce(max(n), 0) FROM overrides WHERE org = $1 AND team = $2), (SELECT coalesce(max(seq), 0) FROM overrides)`,
		[]any{o.Org, o.Team}, &last, &seq)
	if err != nil {
		return err
	}
	if int64(o.N) != last+1 {
		return conflict("Somebody else changed these numbers while you had them open. Look at what they did, and make your change again")
	}
	doc, err := toJSON(o)
	if err != nil {
		return err
	}
	return t.exec(`INSERT INTO overrides (org, team, n, seq, doc) VALUES ($1, $2, $3, $4, $5)`, o.Org, o.Team, o.N, seq+1, doc)
}

// Overrides lists all changes, in the order in which they were made.
func (t *Tx) Overrides() ([]Override, error) {
	return docs[Override](t, `SELECT doc FROM overrides ORDER BY seq`)
}

// OverridesSeq is a number that grows with each change; 0 when there is none.
func (t *Tx) OverridesSeq() (seq int64, err error) {
	err = t.one(`SELECT coalesce(max(seq), 0) FROM overrides`, nil, &seq)
	return seq, err
}

// LastAudited is when somebody last did something; zero: never.
func (t *Tx) LastAudited(actor care.ActorID, action string) (at time.Time, err error) {
	err = t.one(`SELECT at FROM audit WHERE actor = $1 AND action = $2 ORDER BY n DESC LIMIT 1`, []any{string(actor), action}, &at)
	if err == errNone {
		err = nil
	}
	return at, err
}

// Awaited is until when a challenge of a kind waits for an account's answer;
// zero: there is none.
func (t *Tx) Awaited(account care.ActorID, kind string) (until time.Time, err error) {
	err = t.one(`SELECT expires FROM challenges WHERE user_id = $1 AND kind = $2 AND expires > $3 ORDER BY expires DESC LIMIT 1`,
		[]any{string(account), kind, t.Now()}, &until)
	if err == errNone {
		err = nil
	}
	return until, err
}

// DropChallenges forgets all challenges of a kind that wait for an account.
func (t *Tx) DropChallenges(account care.ActorID, kind string) error {
	return t.exec(`DELETE FROM challenges WHERE user_id = $1 AND kind = $2`, string(account), kind)
}

// overrides finds changes of numbers that are missing, or that are not what
// their row says.
func (v *verifying) overrides() error {
	next := map[[2]string]int{}
	return v.t.query(`SELECT org, team, n, doc FROM overrides ORDER BY org, team, n`, nil, func(row []any) error {
		var org, team, doc string
		var n int
		if err := scan(row, &org, &team, &n, &doc); err != nil {
			return err
		}
		of := [2]string{org, team}
		if next[of]++; next[of] != n {
			v.wrong("numbers of %s %s: change %d stands where change %d should", org, team, n, next[of])
			next[of] = n
		}
		if o, err := fromJSON[Override](doc); err != nil || string(o.Org) != org || o.Team != team || o.N != n {
			v.wrong("numbers of %s %s, change %d: it is not what its row says", org, team, n)
		}
		return nil
	})
}
