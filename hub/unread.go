package hub

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/extract"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// missed is what a row that could not be read means for the person it names.
type missed struct {
	absent     bool // nothing of the person was loaded
	restricted bool // the row may say that the record is restricted
}

// heed remembers whom a row in quarantine is about.
func (im *importing) heed(p *extract.Problem) {
	switch {
	case p.Person == "":
		im.lost = im.lost || p.Table == extract.People && !p.Warning
	case p.Warning:
		im.kept[p.Person] = true
	default:
		im.kept[p.Person] = true
		was := im.unread[p.Person]
		im.unread[p.Person] = missed{was.absent || p.Absent, was.restricted || p.Restricted}
	}
}

// markUnread says in the cases of people whose rows are in quarantine that what
// is known of them is from before this extract.
func (im *importing) markUnread(ctx context.Context) error {
	ids := slices.Sorted(maps.Keys(im.unread))
	ids = slices.DeleteFunc(ids, func(id string) bool { return im.unread[id] == missed{} })
	for len(ids) > 0 {
		page, n := ids[:min(len(ids), importBatch)], 0
		err := im.update(ctx, func(tx *store.Tx) error {
			n = 0
			began := time.Now()
			for _, id := range page {
				if err := im.markOne(tx, id); err != nil {
					return err
				}
				if n++; time.Since(began) > importHold {
					break
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

func (im *importing) markOne(tx *store.Tx, id string) error {
	found, err := tx.FindID(care.Identifier{System: im.system(), Value: id})
	if err != nil || found == "" {
		return err
	}
	c, err := im.h.living(tx, found)
	if err != nil {
		return err
	}
	m := im.unread[id]
	m.absent = m.absent && !im.several[c.ID] // under another of their numbers they were read
	return im.doubt(tx, c, m)
}

// doubt records that the extract spoke of a person and could not be read. What
// was known stands as at the time before; but that no enquiry is open is not
// known any more, and a restriction that may have been set is kept until a row
// says otherwise.
func (im *importing) doubt(tx *store.Tx, c care.Case, m missed) error {
	was := holdingOf(c, im.row.Council)
	if was.AsAt.IsZero() {
		return nil
	}
	d := was
	d.Restricted = was.Restricted || m.restricted
	if m.absent && !was.Ended {
		d.AsAt, d.Safeguarding, d.Unread = im.lastRead(was), im.lastConcern(was), []care.Part{care.PartPerson}
	}
	if d.Restricted == was.Restricted && d.Safeguarding.Answer == was.Safeguarding.Answer && slices.Equal(d.Unread, was.Unread) {
		return nil
	}
	cause := care.Cause{Kind: importCause, ID: fmt.Sprint(im.row.ID), Source: im.feed.Title}
	_, err := tx.Record(c, cause, im.h.now(), care.HoldingTold{At: im.row.AsAt, Holding: d})
	return err
}

// lastRead is as at when what was held of somebody was last known to be so: the
// newest extract before this one, unless that could not be read either.
func (im *importing) lastRead(was care.Holding) time.Time {
	switch {
	case was.AsAt.IsZero():
		return im.row.AsAt
	case was.Missed(care.PartPackages) || was.AsAt.After(im.before):
		return was.AsAt
	}
	return im.before
}

// lastConcern is the answer while a row about safeguarding cannot be read: an
// open enquiry stays open, as at when it was last told, and otherwise it cannot
// be said.
func (im *importing) lastConcern(was care.Holding) care.Safeguarding {
	s := was.Safeguarding
	switch {
	case s.Answer == care.AnswerNotShared:
		return s
	case s.Answer != care.AnswerYes:
		return care.Safeguarding{}
	case !was.Missed(care.PartSafeguarding):
		if s.AsAt = im.before; was.AsAt.After(s.AsAt) {
			s.AsAt = was.AsAt
		}
	}
	return s
}

// quarantinedRaw is a row in quarantine as the store keeps it.
type quarantinedRaw struct {
	Person string // the council's number, "" when it could not be read
	Row    []extract.Cell
}

func readQuarantined(raw string) (q quarantinedRaw, err error) {
	if strings.HasPrefix(raw, "{") {
		err = json.Unmarshal([]byte(raw), &q)
	} else { // as it was kept before it said whose it is
		err = json.Unmarshal([]byte(raw), &q.Row)
	}
	if err != nil {
		return q, fmt.Errorf("reading a quarantined row: %w", err)
	}
	return q, nil
}

// QuarantinedRow shows what is in one row of an import that was not loaded, for
// a reason that is recorded, with the person whom the row is about.
func (h *Hub) QuarantinedRow(ctx context.Context, by care.Actor, id int64, n int, why string) (QuarantinedRow, error) {
	if strings.TrimSpace(why) == "" {
		return QuarantinedRow{}, &care.Error{Kind: care.Required, Field: "why", Text: "Enter why you need to see this row"}
	}
	var out QuarantinedRow
	err := h.update(ctx, func(tx *store.Tx) error {
		out = QuarantinedRow{}
		if err := h.ownImport(tx, by, id); err != nil {
			return err
		}
		rows, err := tx.QuarantinedRows(store.ImportID(id), n-1, 1)
		if err != nil {
			return err
		}
		if len(rows) == 0 || rows[0].N != n {
			return &care.Error{Kind: care.NotFound, Text: "This row was not found"}
		}
		q := rows[0]
		raw, err := readQuarantined(q.Raw)
		if err != nil {
			return err
		}
		a := h.ask(by, policy.SeeRawMessage, nil, policy.Operations, why, h.now())
		if err := h.aboutRow(tx, a, q.Import, raw); err != nil {
			return err
		}
		if !a.allowed(policy.SeeRawMessage) {
			return a.refuse(tx)
		}
		out = QuarantinedRow{N: q.N, File: q.File, Line: q.Line, Field: q.Field, Mend: q.Mend, Row: raw.Row}
		return a.audit(tx, true, fmt.Sprintf("row %d in quarantine of import %d", n, id))
	})
	return out, err
}

// aboutRow finds whom a row is about, if it is somebody who is known.
func (h *Hub) aboutRow(tx *store.Tx, a *asking, id store.ImportID, raw quarantinedRaw) error {
	r, err := tx.Import(id)
	if err != nil || raw.Person == "" {
		return err
	}
	found, err := tx.FindID(care.Identifier{System: "council:" + string(r.Council), Value: raw.Person})
	if err != nil || found == "" {
		return err
	}
	c, err := h.living(tx, found)
	if err != nil {
		return err
	}
	a.about(c, a.record.At)
	return nil
}

// ImportWaiting is the state of a folder that a council has begun to fill: without
// its manifest it is not read, and is no import yet.
const ImportWaiting = "waiting"

func waitingKey(council nhs.ODS) string { return "waiting:" + string(council) }

// SayWaiting notes which folders of a council have waited long for their
// manifest, for the page of imports. changed is that they are others than before.
func (h *Hub) SayWaiting(ctx context.Context, council nhs.ODS, names []string) (changed bool, err error) {
	doc := ""
	if len(names) > 0 {
		b, err := json.Marshal(names)
		if err != nil {
			return false, err
		}
		doc = string(b)
	}
	was, err := view(ctx, h, func(tx *store.Tx) (string, error) { return tx.Setting(waitingKey(council)) })
	if err != nil || was == doc {
		return false, err
	}
	return true, h.Store.Update(ctx, func(tx *store.Tx) error { return tx.PutSetting(waitingKey(council), doc) })
}

// waitingExtracts are those folders, for the page of imports.
func (h *Hub) waitingExtracts(tx *store.Tx, by care.Actor) ([]ImportView, error) {
	var out []ImportView
	for _, cf := range h.Councils {
		if by.OrgKind == care.Council && cf.Council != by.Org {
			continue
		}
		doc, err := tx.Setting(waitingKey(cf.Council))
		if err != nil {
			return nil, err
		}
		var names []string
		if err := json.Unmarshal([]byte(cmp.Or(doc, "[]")), &names); err != nil {
			return nil, fmt.Errorf("reading which extracts wait: %w", err)
		}
		for _, n := range names {
			out = append(out, ImportView{Council: h.Org(cf.Council), Name: n, State: ImportWaiting})
		}
	}
	return out, nil
}
