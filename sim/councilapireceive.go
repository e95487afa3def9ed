package sim

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"homeward/fhir"
)

// receiveRoutes take referrals, as the council's own supplier would have built it:
// it reads what it needs of FHIR R4 and of SHD's STU3 and keeps the rest as it came.
func (s *CouncilSystem) receiveRoutes(mux *http.ServeMux) {
	for base, v := range map[string]fhir.Version{"/fhir/R4": fhir.R4, "/ReferralService/v3": fhir.STU3} {
		take := func(w http.ResponseWriter, r *http.Request) { s.receive(w, r, v) }
		for _, method := range []string{"POST ", "PUT "} {
			mux.HandleFunc(method+base+"/{type}", take)
			mux.HandleFunc(method+base+"/{type}/{id}", take)
		}
		mux.HandleFunc("POST "+base, take)
		mux.HandleFunc("POST "+base+"/{$}", take)
		mux.HandleFunc("GET "+base+"/metadata", func(w http.ResponseWriter, r *http.Request) {
			say(w, r, v, http.StatusOK, fhir.Obj("resourceType", "CapabilityStatement", "status", "active", "kind", "instance"))
		})
	}
}

// formatOf is the format of a media type; JSON where it is not XML.
func formatOf(media string) fhir.Format {
	if strings.Contains(media, "xml") {
		return fhir.XML
	}
	return fhir.JSON
}

func say(w http.ResponseWriter, r *http.Request, v fhir.Version, status int, n *fhir.Node) {
	f := formatOf(r.Header.Get("Accept"))
	b, err := fhir.Write(n, f, v)
	if err != nil {
		http.Error(w, "the answer cannot be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", map[fhir.Format]string{fhir.JSON: "application/fhir+json", fhir.XML: "application/fhir+xml"}[f])
	w.WriteHeader(status)
	_, _ = w.Write(b) // a sender who has gone sends again
}

// arrived is what a message says, as far as the council's system reads it.
type arrived struct {
	key      string // of the message
	kind     string // type of the first resource
	referral string // system|value by which its sender knows the referral; "" of none
	opens    bool   // it holds the referral itself
	ended    bool   // and says that it is taken back
	nhs      string
	family   string
	given    string
	born     string
	what     string
}

func (s *CouncilSystem) receive(w http.ResponseWriter, r *http.Request, v fhir.Version) {
	if want := "Bearer " + s.config.Token; s.config.Token != "" && subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte(want)) != 1 {
		say(w, r, v, http.StatusUnauthorized, fhir.Outcome(fhir.Issue{Code: "login"}))
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 10<<20))
	if err != nil {
		say(w, r, v, http.StatusRequestEntityTooLarge, fhir.Outcome(fhir.Issue{Code: "too-long"}))
		return
	}
	tree, err := fhir.Parse(body, formatOf(r.Header.Get("Content-Type")), v, fhir.Limits{})
	if err != nil {
		say(w, r, v, http.StatusBadRequest, fhir.Outcome(fhir.Issue{Code: "structure"}))
		return
	}
	a := readArrived(tree)
	if a.key = r.Header.Get("X-Request-Id"); a.key == "" {
		a.key = tree.ID()
	}
	id, again, err := s.keep(r.Context(), a, v, body)
	var conflict *conflictError
	switch {
	case errors.As(err, &conflict):
		say(w, r, v, http.StatusConflict, fhir.Outcome(fhir.Issue{Code: "conflict"}))
	case err != nil:
		say(w, r, v, http.StatusServiceUnavailable, fhir.Outcome(fhir.Issue{Code: "transient"}))
	default:
		s.taken(w, r, v, tree, id, again)
	}
}

// taken answers what was kept: a transaction entry by entry, else the resource.
func (s *CouncilSystem) taken(w http.ResponseWriter, r *http.Request, v fhir.Version, tree *fhir.Node, id string, again bool) {
	status := http.StatusCreated
	if again || r.Method == http.MethodPut {
		status = http.StatusOK
	}
	base := strings.TrimSuffix(r.URL.Path, "/")
	if tree.Type() != "Bundle" {
		base = base[:strings.LastIndexByte(strings.TrimSuffix(base, "/"+r.PathValue("id")), '/')]
		w.Header().Set("Location", base+"/"+tree.Type()+"/"+id)
		say(w, r, v, status, tree)
		return
	}
	var entries []*fhir.Node
	for _, e := range tree.All("entry.resource") {
		entries = append(entries, fhir.Obj("response", fhir.Obj("status", fmt.Sprint(status), "location", e.Type()+"/"+id)))
	}
	say(w, r, v, http.StatusOK, fhir.Obj("resourceType", "Bundle", "type", "transaction-response", "entry", entries))
}

// readArrived finds the referral and the person in whatever came.
func readArrived(tree *fhir.Node) arrived {
	all := []*fhir.Node{tree}
	if tree.Type() == "Bundle" {
		all = tree.All("entry.resource")
	}
	for _, n := range all {
		all = append(all, n.All("contained")...)
	}
	a := arrived{kind: tree.Type()}
	for _, n := range all {
		switch n.Type() {
		case "ServiceRequest", "ReferralRequest":
			a.opens, a.referral = true, placed(n.All("identifier"))
			a.ended = n.Str("status") == "revoked" || n.Str("status") == "cancelled" || n.Str("status") == "entered-in-error"
			if a.what = n.Str("code.text"); a.what == "" {
				a.what = n.Str("description")
			}
		case "Patient":
			a.person(n)
		}
	}
	for _, n := range all {
		for _, path := range []string{"focus.identifier", "basedOn.identifier", "context.identifier", "incomingReferral.identifier"} {
			if a.referral == "" {
				a.referral = placed(n.All(path))
			}
		}
		if n.Type() == "Task" && a.referral == "" {
			a.referral = placed(n.All("identifier"))
		}
	}
	return a
}

// placed is the name that the sender gave: the placer's, else the first.
func placed(ids []*fhir.Node) (out string) {
	for _, id := range ids {
		if name := id.Str("system") + "|" + id.Str("value"); id.Str("type.coding.code") == "PLAC" {
			return name
		} else if out == "" && name != "|" {
			out = name
		}
	}
	return out
}

func (a *arrived) person(p *fhir.Node) {
	for _, id := range p.All("identifier") {
		if strings.HasSuffix(id.Str("system"), "/nhs-number") {
			a.nhs = strings.ReplaceAll(id.Str("value"), " ", "")
		}
	}
	a.family, a.given, a.born = p.Str("name.family"), p.Str("name.given"), p.Str("birthDate")
}

// conflictError is that the same key came with another message.
type conflictError struct{}

func (*conflictError) Error() string { return "the same key came with another message" }

// keep writes what came into the database, once: the same message again changes
// nothing. A new referral gets a number of the council's, and an answer that it
// was received.
func (s *CouncilSystem) keep(ctx context.Context, a arrived, v fhir.Version, body []byte) (id string, again bool, err error) {
	digest := sha256.Sum256(body)
	sum := hex.EncodeToString(digest[:])
	err = s.change(ctx, func(tx *sql.Tx) error {
		var was string
		err := tx.QueryRowContext(ctx, `SELECT sum, referral FROM heard WHERE key = $1 AND key <> ''`, a.key).Scan(&was, &id)
		switch {
		case err == nil && was != sum:
			return &conflictError{}
		case err == nil:
			again = true
			return nil
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
		if id, err = s.file(ctx, tx, a, v, body); err != nil {
			return err
		}
		key := a.key
		if key == "" {
			key = sum
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO heard (key, referral, at, kind, sum) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (key) DO NOTHING`, key, id, s.now().UnixMicro(), a.kind, sum)
		return err
	})
	return id, again, err
}

func (s *CouncilSystem) file(ctx context.Context, tx *sql.Tx, a arrived, v fhir.Version, body []byte) (id string, err error) {
	now := s.now().UnixMicro()
	err = tx.QueryRowContext(ctx, `SELECT id FROM referrals WHERE sender = $1`, a.referral).Scan(&id)
	switch {
	case err == nil && a.ended:
		_, err = tx.ExecContext(ctx, `UPDATE referrals SET status = 'withdrawn', changed = $1 WHERE id = $2`, now, id)
		return id, err
	case err == nil && a.opens:
		_, err = tx.ExecContext(ctx, `UPDATE referrals SET body = $1, changed = $2 WHERE id = $3`, body, now, id)
		return id, err
	case err == nil:
		_, err = tx.ExecContext(ctx, `UPDATE referrals SET changed = $1 WHERE id = $2`, now, id)
		return id, err
	case !errors.Is(err, sql.ErrNoRows):
		return "", err
	case !a.opens || a.referral == "":
		return "none", nil // news of nothing that we know: heard, and no more
	}
	var n int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM referrals`).Scan(&n); err != nil {
		return "", err
	}
	id = fmt.Sprint(4471001 + n)
	_, err = tx.ExecContext(ctx, `INSERT INTO referrals (id, received, changed, manner, sender, nhs, family, given, born, what, status, body) VALUES ($1, $2, $2, $3, $4, $5, $6, $7, $8, $9, 'received', $10)`,
		id, now, map[fhir.Version]string{fhir.R4: "R4", fhir.STU3: "SHD"}[v], a.referral, a.nhs, a.family, a.given, a.born, a.what, body)
	if err != nil {
		return "", err
	}
	return id, s.toAnswer(ctx, tx, id, "received")
}

func (s *CouncilSystem) toAnswer(ctx context.Context, tx *sql.Tx, id, status string) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO answers (referral, status, at, sent, tries, said) VALUES ($1, $2, $3, 0, 0, '')`, id, status, s.now().UnixMicro())
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return err
}

// CouncilReferral is a referral on the council's worklist.
type CouncilReferral struct {
	ID, Manner, Sender, NHS, Family, Given, Born, What, Status string
	Messages                                                   int // that told of it
}

// Referrals lists the worklist, newest first.
func (s *CouncilSystem) Referrals(ctx context.Context) (out []CouncilReferral, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT id, manner, sender, nhs, family, given, born, what, status, (SELECT count(*) FROM heard h WHERE h.referral = r.id) FROM referrals r ORDER BY received DESC, id DESC`)
	if err != nil {
		return nil, fmt.Errorf("reading the council's worklist: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var r CouncilReferral
		if err := rows.Scan(&r.ID, &r.Manner, &r.Sender, &r.NHS, &r.Family, &r.Given, &r.Born, &r.What, &r.Status, &r.Messages); err != nil {
			return nil, fmt.Errorf("reading the council's worklist: %w", err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// Decide sets the status of a referral, as a worker would, and answers it:
// accepted, in-progress, rejected or completed.
func (s *CouncilSystem) Decide(ctx context.Context, id, status string) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE referrals SET status = $1, changed = $2 WHERE id = $3 AND status <> 'withdrawn'`, status, s.now().UnixMicro(), id)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, errors.New("there is no such referral, or it was withdrawn"))
		}
		return s.toAnswer(ctx, tx, id, status)
	})
}
