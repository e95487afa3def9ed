//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"homeward/care"
	"homeward/form"
	"homeward/internal/pgtest"
	"homeward/mllp"
	"homeward/nhs"
	"homeward/store"
)

// killing is a receiver of webhooks that outlives the processes which tell it, and
// kills them: with what it was sent in its hands, or just after its answer.
type killing struct {
	*httptest.Server
	mu    sync.Mutex
	heard map[string][]heardNews // by correlation, in order of coming
	left  int                    // kills to come
	kill  func()
}

type heardNews struct {
	key, body string
	at        time.Time
}

func newKilling(t *testing.T) *killing {
	t.Helper()
	k := &killing{heard: map[string][]heardNews{}}
	k.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var said struct {
			Timestamp time.Time `json:"timestamp"`
		}
		if err != nil || json.Unmarshal(body, &said) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		k.mu.Lock()
		about := r.Header.Get("X-Correlation-Id")
		k.heard[about] = append(k.heard[about], heardNews{r.Header.Get("webhook-id"), string(body), said.Timestamp})
		kill := k.left > 0 && rand.N(6) == 0
		if kill {
			k.left--
		}
		k.mu.Unlock()
		switch {
		case kill && rand.N(2) == 0:
			k.kill()
		case kill:
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush() // the connection is lost by what comes
			time.Sleep(rand.N(5 * time.Millisecond))
			k.kill()
		}
	}))
	t.Cleanup(k.Close)
	return k
}

// killsToCome says how many are left; n > 0 sets them.
func (k *killing) killsToCome(n int) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	if n > 0 {
		k.left = n
	}
	return k.left
}

// keys counts the news of all referrals.
func (k *killing) keys() (n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, all := range k.heard {
		seen := map[string]bool{}
		for _, x := range all {
			seen[x.key] = true
		}
		n += len(seen)
	}
	return n
}

// once wants of each referral that each of its news came, that none came again after
// another of the same, that what came again is the same, and that they came in the
// order in which they happened.
func (k *killing) once(t *testing.T, referrals, each int) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.heard) != referrals {
		t.Errorf("of %d referrals was heard, want %d", len(k.heard), referrals)
	}
	again := 0
	for about, all := range k.heard {
		var order []heardNews
		for _, x := range all {
			i := slices.IndexFunc(order, func(o heardNews) bool { return o.key == x.key })
			switch {
			case i < 0:
				order = append(order, x)
			case i != len(order)-1:
				t.Errorf("%s: news %d came again after others", about, i)
			case order[i].body != x.body:
				t.Errorf("%s: the same news came with other words", about)
			default:
				again++
			}
		}
		if len(order) != each {
			t.Errorf("%s: %d news, want %d", about, len(order), each)
		}
		if len(order) > 1 && !slices.IsSortedFunc(order[1:], func(a, b heardNews) int { return a.at.Compare(b.at) }) {
			t.Errorf("%s: the news are not in order", about)
		}
	}
	t.Logf("%d news of %d referrals came, %d of them more than once", referrals*each, referrals, again)
}

const (
	killPeople = 12
	killMoves  = 12
)

// killPlaces are the organisations, and the feed of one.
const killPlaces = `[[organisation]]
ods = "RK5"
name = "Sherwood Forest Hospitals"
kind = "trust"
phone = "01632 960 100"
[[organisation]]
ods = "511"
name = "Nottinghamshire County Council"
kind = "council"
phone = "01632 960 300"
out_of_hours = "01632 960 399"
[[feed]]
name = "kings-mill"
title = "King's Mill EPR"
org = "RK5"
listen = "127.0.0.1:0"
`

const killSite = `http = "127.0.0.1:0"
database = %q
gazetteer = "gazetteer.csv"
%s
` + killPlaces + `[[destination]]
name = "hook"
title = "the council's intake"
org = "511"
kind = "webhook"
url = %q
secret_files = [%q]
timeout = "1s"
workers = 8
[[destination]]
name = "folder"
title = "the council's folder"
org = "511"
kind = "files"
dir = %q
format = "json"
personal = true
timeout = "1s"
`

// killSaying is a message about the i-th person.
func killSaying(event string, i, n int, at time.Time) []byte {
	stamp := at.Format("20060102150405-0700")
	return fmt.Appendf(nil, "MSH|^~\\&|EPR|RK5|HW|511|%s||ADT^%s|K%d-%d|P|2.4\rEVN|%s|%s||||%s\rPID|1||%s^^^NHS^NH~MK%d^^^RK5^MR||KILLTEST%s^EDNA^^^MRS^^L||19380402|2|||"+
		"4 Mill Lane^Testington^^^ZZ99 3AA^GBR^H\rPD1|||MEADOW SURGERY^^C89999\rPV1|1|I|W%d^B1^1^RK5||||||||||||||||VK%d\r",
		stamp, event, i, n, event, stamp, stamp, nhs.Test(7000+i).Digits(), i, strings.Repeat("A", i+1), n, i)
}

// killReferred makes the site's records: people who are in hospital and referred.
func killReferred(t *testing.T, file string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := readConfig(file)
	must(err)
	ctx, stop := context.WithCancel(t.Context())
	s, err := newSite(ctx, cfg, slog.New(slog.DiscardHandler), time.Now)
	must(err)
	must(s.listen())
	pages, err := listenOr("127.0.0.1:0", "")
	must(err)
	must(s.hub.SeedAgreements(ctx, demoAgreements(demoAgreement(cfg.orgs(), nhs.DateOf(time.Now())), nhs.DateOf(time.Now()))))
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx, pages) }()
	now := time.Now().Truncate(time.Second)
	conn, err := mllp.Dial(ctx, s.feeds[0].at.Addr().String(), mllp.Config{})
	must(err)
	for i := range killPeople {
		_, err := conn.Send(ctx, killSaying("A01", i, 0, now.Add(-5*time.Hour)))
		must(err)
	}
	must(conn.Close())
	by := care.Actor{ID: "killer", Name: "Priya Nair", Role: care.Coordinator, Org: "RK5", OrgName: "Sherwood Forest Hospitals", OrgKind: care.Trust, Address: "192.0.2.1"}
	var ids []care.CaseID
	must(until(20*time.Second, func() bool {
		ids = nil
		err = s.hub.Store.View(ctx, func(tx *store.Tx) error {
			es, err := tx.HistorySince(0, 1000)
			for _, e := range es {
				if _, ok := e.Event.(care.Admitted); ok {
					ids = append(ids, e.Case)
				}
			}
			return err
		})
		return err != nil || len(ids) == killPeople
	}))
	must(err)
	for _, id := range ids {
		d, err := s.hub.StartReferral(ctx, by, id)
		must(err)
		_, err = s.hub.SaveDraft(ctx, by, id, "d2a", form.Answers{"edd": {nhs.DateOf(now.AddDate(0, 0, 3)).String()}, "person_told": {"Y"}, "carer_told": {"N"}, "care_needs": {"Needs 1 person to help with washing"},
			"allergy_status": {"NK"}, "safeguarding": {"N"}, "consent": {"Y"}, "pathway": {"P1"}, "council_contact": {"Duty team"}, "council_contact_details": {"01632 960100"}, "council_name": {"Nottinghamshire County Council"}})
		must(err)
		_, err = s.hub.Refer(ctx, by, id, d.Key, false)
		must(err)
	}
	stop()
	must(<-ended)
	must(s.close())
}

// TestToldOnceThoughKilled kills the processes that tell a far side, again and again,
// while it has what they sent in its hands: everything reaches it under one key, in
// the order of each case. On PostgreSQL two processes tell.
func TestToldOnceThoughKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("leases must run out")
	}
	// Both mostly wait for leases to run out: they wait together.
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		toldThoughKilled(t, filepath.Join(t.TempDir(), "data"), 1)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		toldThoughKilled(t, pgtest.Start(t), 2)
	})
}

func toldThoughKilled(t *testing.T, database string, processes int) {
	dir := t.TempDir()
	folder, secret, key := filepath.Join(dir, "out"), filepath.Join(dir, "hook.secret"), filepath.Join(dir, "site.key")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(secret, []byte("whsec_aW52ZW50ZWQgc2VjcmV0IG9mIHRoZSBraXQncyB0ZXN0cyE=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeKeyFile(key, []store.MasterKey{store.NewMasterKey()}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "gazetteer.csv"), []byte("uprn,postcode,council\n,ZZ99 3AA,511\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	far := newKilling(t)
	file := filepath.Join(dir, "homeward.toml")
	if err := os.WriteFile(file, fmt.Appendf(nil, killSite, database, fmt.Sprintf("[encryption]\nkey_file = %q", key), far.URL, secret, folder), 0o600); err != nil {
		t.Fatal(err)
	}
	killReferred(t, file)

	w := newWorld(dir, os.Environ())
	t.Cleanup(w.close)
	var feed atomic.Value
	running := make([]*process, processes)
	start := func(i int) {
		t.Helper()
		p, err := w.start(fmt.Sprintf("p%d", i), "serve", "--config", file)
		if err != nil {
			t.Fatal(err)
		}
		running[i] = p
		feed.Store(p.feed)
	}
	for i := range running {
		start(i)
	}
	dead := make(chan int, 1000)
	var mu sync.Mutex
	far.kill = func() {
		mu.Lock()
		defer mu.Unlock()
		i := rand.N(processes)
		_ = running[i].cmd.Process.Kill() // it may be dead already
		<-running[i].ended
		dead <- i
	}
	kills := 10
	far.killsToCome(kills)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { killMoving(ctx, &feed) })
	defer wg.Wait()
	defer stop()
	want := killPeople * (killMoves + 1)
	for end := time.Now().Add(4 * time.Minute); far.keys() < want; {
		if time.Now().After(end) {
			t.Fatalf("%d of %d news came, %d kills were left", far.keys(), want, far.killsToCome(0))
		}
		select {
		case i := <-dead:
			mu.Lock()
			start(i)
			mu.Unlock()
		case <-time.After(50 * time.Millisecond):
		}
	}
	if n := far.killsToCome(0); n > kills/2 {
		t.Errorf("only %d kills: this tests little", kills-n)
	}
	var files []string
	if err := until(90*time.Second, func() bool {
		files, _ = filepath.Glob(filepath.Join(folder, "*.json"))
		return len(files) >= want
	}); err != nil || len(files) != want {
		t.Errorf("%d files, want %d (%v)", len(files), want, err)
	}
	far.once(t, killPeople, killMoves+1)
}

// killMoving moves everybody from ward to ward, and tells each move until it is
// acknowledged.
func killMoving(ctx context.Context, feed *atomic.Value) {
	now := time.Now().Truncate(time.Second)
	for n := 1; n <= killMoves; n++ {
		for i := range killPeople {
			at := now.Add(time.Duration(n) * time.Second)
			for ctx.Err() == nil {
				if killSent(ctx, feed.Load().(string), killSaying("A02", i, n, at.Add(-time.Minute))) {
					break
				}
				time.Sleep(20 * time.Millisecond)
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func killSent(ctx context.Context, addr string, msg []byte) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	c, err := mllp.Dial(ctx, addr, mllp.Config{})
	if err != nil {
		return false
	}
	defer c.Close()
	reply, err := c.Send(ctx, msg)
	return err == nil && strings.Contains(string(reply), "MSA|AA")
}
