//go:build unix

package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/form"
	"homeward/hub"
	"homeward/internal/freeport"
	"homeward/internal/pgtest"
	"homeward/nhs"
	"homeward/sharing"
	"homeward/sim"
	"homeward/store"
	"homeward/translate/r4"
)

const roundTOML = `http = "127.0.0.1:%[1]s"
public_url = "http://127.0.0.1:%[1]s"
database = "%[2]s"
gazetteer = "gazetteer.csv"

[encryption]
key_file = "master.key"

[[organisation]]
ods = "RK5"
name = "Sherwood Forest Hospitals"
kind = "trust"

[[organisation]]
ods = "511"
name = "Nottinghamshire County Council"
kind = "council"

[[feed]]
name = "kings-mill"
title = "King's Mill EPR"
org = "RK5"
listen = "127.0.0.1:0"

[[council]]
name = "mosaic"
title = "Case management"
ods = "511"
folder = "extracts"
[council.poll]
url = "http://127.0.0.1:%[3]s/homegrown"
plan = "homegrown"
every = "1s"
per_second = 1000.0

[[system]]
client = "pretend-council"
title = "The council's system"
org = "511"
scopes = ["fhir.write", "fhir.read"]
keys = "council.jwks.json"

[[destination]]
name = "council"
title = "the council's system"
org = "511"
kind = "%[4]s"
url = "http://127.0.0.1:%[3]s%[5]s"
timeout = "2s"
`

// round is Homeward and the pretend council, each a process with a database of its
// own, and what they are about.
type round struct {
	*testing.T
	*world
	http, council string // ports
	referral      care.ReferralID
	of            care.CaseID
}

func freePort(t *testing.T) string {
	t.Helper()
	addr, err := freeport.Find()
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func (r *round) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *round) run(in string, args ...string) {
	r.Helper()
	c := exec.Command(os.Args[0], args...)
	c.Args[0], c.Dir, c.Stdin = "homeward", r.dir, strings.NewReader(in)
	if out, err := c.CombinedOutput(); err != nil {
		r.Fatalf("%v: %v: %s", args, err, out)
	}
}

// newRound prepares both: an agreement, an account, and somebody in a bed who is
// referred and of whom nobody has been told yet.
func newRound(t *testing.T, database, kind, base string) *round {
	r := &round{T: t, world: newWorld(t.TempDir(), os.Environ()), http: freePort(t), council: freePort(t)}
	t.Cleanup(r.close)
	config := filepath.Join(r.dir, "site.toml")
	r.must(os.WriteFile(config, fmt.Appendf(nil, roundTOML, r.http, database, r.council, kind, base), 0o600))
	r.must(os.WriteFile(filepath.Join(r.dir, "gazetteer.csv"), []byte("uprn,postcode,council\n999,NG18 1AA,511\n"), 0o600))
	r.run("", "keys", "new", "master.key")
	r.run("", "migrate", "--config", "site.toml")
	r.run("", "system", "key", "--private", "council.pem", "--jwks", "council.jwks.json", "--alg", "ES384")
	r.run(demoPassword, "user", "add", "nina", "--config", "site.toml", "--name", "Nina Brandt", "--role", "ae-nurse@RK5")
	cfg, err := readConfig(config)
	r.must(err)
	ctx := context.Background()
	st, err := newSite(ctx, cfg, slog.New(slog.DiscardHandler), nil)
	r.must(err)
	r.must(st.hub.SeedAgreements(ctx, []sharing.Agreement{demoAgreement(cfg.orgs(), nhs.DateOf(time.Now()))}))
	r.begin(st) // a destination hears what happens after it was first there
	raw := bytes.ReplaceAll(adt("A01", "C1", 7, []string{"PD1|||MEADOW SURGERY^^C89999", "PV1|1|I|12^1^4^RK5||||||||||||||||V7|||||||||||||||||||||||||{at}"}), []byte("\n"), []byte("\r"))
	if ack := st.hub.Receive(ctx, "kings-mill", "test", raw); !bytes.Contains(ack, []byte("MSA|AA")) {
		t.Fatalf("%q", ack)
	}
	_, err = st.hub.Read(ctx, "kings-mill")
	r.must(err)
	by := care.Actor{ID: "cora", Name: "Cora Lee", Role: care.Coordinator, Org: "RK5", OrgKind: care.Trust, Address: "test"}
	ward, err := st.hub.List(ctx, by, hub.ListQuery{Scope: hub.ScopeWard, Hospital: "RK5", Ward: "12"})
	r.must(err)
	if len(ward.Rows) != 1 {
		t.Fatalf("%d people on the ward", len(ward.Rows))
	}
	r.of = ward.Rows[0].Row.Case
	d, err := st.hub.StartReferral(ctx, by, r.of)
	r.must(err)
	_, err = st.hub.SaveDraft(ctx, by, r.of, hub.ReferralForm, form.Answers{"edd": {nhs.DateOf(time.Now().AddDate(0, 0, 3)).String()}, "person_told": {"Y"}, "carer_told": {"N"},
		"care_needs": {"Needs 1 person to help with washing"}, "allergy_status": {"NK"}, "safeguarding": {"N"}, "consent": {"Y"}, "pathway": {"P1"}, "council_contact": {"Duty team"},
		"council_contact_details": {"01632 960100"}, "council_name": {"Nottinghamshire"}, "referrer_contact": {"01632 960101"}})
	r.must(err)
	v, err := st.hub.Refer(ctx, by, r.of, d.Key, false)
	r.must(err)
	r.referral = v.Referral.ID
	r.must(st.close())
	return r
}

// begin lets the destination be known.
func (r *round) begin(st *site) {
	r.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = st.hub.Run(ctx) }()
	r.await("the destination", 20*time.Second, func() bool {
		cursor := ""
		r.must(st.store.View(ctx, func(tx *store.Tx) (err error) { cursor, err = tx.Setting("told-to"); return err }))
		return cursor != ""
	})
	stop()
	<-done
}

func (r *round) startCouncil() {
	r.Helper()
	_, err := r.start("council", "sim", "council", "--listen", "127.0.0.1:"+r.council, "--database", "council.db", "--homeward", "http://127.0.0.1:"+r.http, "--key-file", "council.pem", "--alg", "ES384")
	r.must(err)
	r.await("the council's pages", 20*time.Second, func() bool {
		res, err := http.Get("http://127.0.0.1:" + r.council + "/")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

func (r *round) startHomeward() {
	r.Helper()
	_, err := r.start("homeward", "serve", "--config", "site.toml")
	r.must(err)
}

func (r *round) kill(name string) {
	r.Helper()
	r.must(r.procs[name].cmd.Process.Kill()) // kill -9
	<-r.procs[name].ended
}

func (r *round) await(what string, within time.Duration, f func() bool) {
	r.Helper()
	if err := until(within, f); err != nil {
		for name, p := range r.procs {
			r.Logf("%s:\n%s%s", name, p.out.String(), p.err.String())
		}
		r.Fatalf("%s: %v", what, err)
	}
}

// inCouncil asks the council's own database.
func (r *round) inCouncil(query string, into ...any) error {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(r.dir, "council.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		return err
	}
	defer db.Close()
	return db.QueryRow(query).Scan(into...)
}

// state is the referral's, as Homeward tells the council's system by FHIR.
func (r *round) state() string {
	b, err := os.ReadFile(filepath.Join(r.dir, "council.pem"))
	if err != nil {
		return err.Error()
	}
	side, err := farSide(b, "ES384", "")
	if err != nil {
		return err.Error()
	}
	side.url, side.client, side.clock, side.web = "http://127.0.0.1:"+r.http, "pretend-council", time.Now, http.DefaultClient
	answer, err := side.token(context.Background(), "fhir.read")
	if err != nil {
		return err.Error()
	}
	var token struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(answer, &token); err != nil {
		return err.Error()
	}
	req, err := http.NewRequest(http.MethodGet, "http://127.0.0.1:"+r.http+"/fhir/R4/Task/"+r4.TaskResource(r.of, r.referral), nil)
	if err != nil {
		return err.Error()
	}
	req.Header.Set("Authorization", "Bearer "+token.Token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	var task struct {
		Business struct {
			Coding []struct{ Code string }
		} `json:"businessStatus"`
	}
	if err := json.Unmarshal(body, &task); err != nil || len(task.Business.Coding) == 0 {
		return fmt.Sprintf("%d %s", res.StatusCode, body)
	}
	return task.Business.Coding[0].Code
}

// look looks Barbara up as the nurse and gives the page.
func (r *round) look() string {
	b := sim.Barbara(nhs.DateOf(time.Now()))
	born := strings.Split(b.Born.String(), "-")
	base := "http://127.0.0.1:" + r.http
	in, err := r.post(base+"/signin", "login=nina", "password="+demoPassword)
	if err != nil {
		return err.Error()
	}
	in.Body.Close()
	res, err := r.post(base+"/lookup", "nhs="+b.NHS.Digits(), "dob-day="+born[2], "dob-month="+born[1], "dob-year="+born[0], "reason=care")
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	return string(page)
}

// pause pauses Barbara's first package in the council's system, as a worker does.
func (r *round) pause() {
	r.Helper()
	b := sim.Barbara(nhs.DateOf(time.Now()))
	res, err := r.post("http://127.0.0.1:"+r.council+"/people/"+b.Held.ID+"/packages/"+b.Held.Packages[0].ID, "status=onhold")
	r.must(err)
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		r.Fatalf("pausing a package: %d", res.StatusCode)
	}
}

// A referral goes to the council's own system, is accepted there and seen here; a
// package changed there is seen in the look-up. Each of the two is killed in the
// middle of it: nothing is lost, and everything has its effect once.
func TestRoundTripWithTwoProcesses(t *testing.T) {
	for engine, database := range map[string]func() string{"sqlite": func() string { return "data" }, "postgres": func() string { return pgtest.Start(t) }} {
		for _, way := range []struct{ kind, base string }{{"fhir", "/fhir/R4"}, {"shd", "/ReferralService/v3"}} {
			t.Run(engine+" "+way.kind, func(t *testing.T) {
				if engine == "postgres" {
					pgtest.Start(t)
				}
				r := newRound(t, database(), way.kind, way.base)
				r.startHomeward() // the council is not there yet: it is told when it is
				r.kill("homeward")
				r.startCouncil()
				r.startHomeward()
				var id, status string
				r.await("the referral in the council's database", 60*time.Second, func() bool {
					return r.inCouncil(`SELECT id, status FROM referrals WHERE family = 'Testerbyh'`, &id, &status) == nil
				})
				r.kill("council") // whether it had answered or not
				r.startCouncil()
				r.await("received", 60*time.Second, func() bool { return r.state() == "received" })
				res, err := r.post("http://127.0.0.1:"+r.council+"/referrals/"+id, "status=accepted")
				r.must(err)
				res.Body.Close()
				r.kill("homeward") // whether it had heard or not
				r.startHomeward()
				r.await("accepted", 60*time.Second, func() bool { return r.state() == "accepted" })
				var n, sent, refused int
				r.await("the council noting that its answers were taken", 60*time.Second, func() bool { // which it does after we have them
					return r.inCouncil(`SELECT count(*) FROM answers WHERE sent > 0`, &sent) == nil && sent >= 2
				})
				r.must(r.inCouncil(`SELECT (SELECT count(*) FROM referrals), (SELECT count(*) FROM answers WHERE sent > 0), (SELECT count(*) FROM answers WHERE said >= '4')`, &n, &sent, &refused))
				if n != 1 || sent != 2 || refused != 0 {
					t.Errorf("%d referrals, %d answers sent, %d refused", n, sent, refused)
				}

				r.await("the council's packages in the look-up", 60*time.Second, func() bool { return strings.Contains(r.look(), "Bluebell Homecare") })
				if strings.Contains(r.look(), ">Paused<") {
					t.Fatal("paused before it was")
				}
				r.pause()
				r.kill("council")
				r.startCouncil()
				r.await("the paused package in the look-up", 60*time.Second, func() bool { return strings.Contains(r.look(), ">Paused<") })
			})
		}
	}
}
