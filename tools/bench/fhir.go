package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"homeward/nhs"
)

// asker is a closed loop over HTTP: each of clients sends one request and waits
// for its answer before the next.
type asker struct {
	clients int
	warm    time.Duration
	count   time.Duration
	request func(client, n int) (method, at, body string)
	token   string
	good    []int // statuses
}

func (l asker) drive(ctx context.Context) (result, error) {
	web := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: l.clients, MaxConnsPerHost: l.clients}}
	defer web.CloseIdleConnections()
	from := time.Now().Add(l.warm)
	to := from.Add(l.count)
	waits, errs := make([]times, l.clients), make([]error, l.clients)
	var wg sync.WaitGroup
	for i := range l.clients {
		wg.Go(func() { waits[i], errs[i] = l.ask(ctx, web, i, from, to) })
	}
	wg.Wait()
	var r result
	for _, w := range waits {
		r.waits = append(r.waits, w...)
	}
	r.perSecond = float64(len(r.waits)) / l.count.Seconds()
	for _, err := range errs { // they are alike
		if err != nil {
			return r, err
		}
	}
	return r, nil
}

func (l asker) ask(ctx context.Context, web *http.Client, client int, from, to time.Time) (waits times, err error) {
	for n := 0; ; n++ {
		begun := time.Now()
		if !begun.Before(to) {
			return waits, nil
		}
		method, at, body := l.request(client, n)
		status, said, err := once(ctx, web, method, at, l.token, "application/fhir+json", body)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(l.good, status) {
			return nil, fmt.Errorf("%s was answered %d: %.300s", method, status, said)
		}
		if ended := time.Now(); begun.After(from) && ended.Before(to) {
			waits = append(waits, ended.Sub(begun))
		}
	}
}

func once(ctx context.Context, web *http.Client, method, at, token, kind, body string) (int, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, at, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if body != "" {
		r.Header.Set("Content-Type", kind)
	}
	r.Header.Set("Accept", "application/fhir+json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := web.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, b, err
}

// fhirPeople is how many people are read and changed.
const fhirPeople = 2000

// fhirClients is as many as the issue asks for.
const fhirClients = 16

// fhir measures reads of a Patient and conditional updates of an Encounter over
// HTTP, beside two that do less: a handler that gives the same bytes from memory,
// and a public FHIR router with its repository in memory (peer/peer.mjs, when Node
// is here). Rounds of all alternate, and the medians count.
func (b *bench) fhir(ctx context.Context) error {
	data, err := os.MkdirTemp(b.dir, "fhir-")
	if err != nil {
		return err
	}
	p, end, err := b.freshIn(ctx, data, "--no-sim")
	if err != nil {
		return err
	}
	home, err := b.homewardPeople(ctx, p, data)
	if err != nil {
		return errors.Join(err, end())
	}
	home.profiled = p
	sides := []fhirSide{home, bareFHIR(ctx, home)}
	peer, stop, err := b.peer(ctx)
	if err != nil {
		fmt.Printf("no public peer: %v\n", err)
	} else {
		defer stop()
		sides = append(sides, peer)
	}
	return errors.Join(b.fhirRounds(ctx, sides), end())
}

// fhirSide is one server under load.
type fhirSide struct {
	name, base, token string
	patients, visits  []string // ids of Patients, and values of Encounters' identifiers
	sample            []byte   // one Patient as it is given
	profiled          *product // whose CPU profile may be taken; nil: nobody's
}

// used is the processors' time that the binary has had.
func (s fhirSide) used() time.Duration {
	if s.profiled == nil {
		return 0
	}
	return s.profiled.processorTime()
}

func (s fhirSide) read(client, n int) (string, string, string) {
	return http.MethodGet, s.base + "/Patient/" + s.patients[(client*131+n)%len(s.patients)], ""
}

// put changes the predicted date, so that every update has an effect.
func (s fhirSide) put(client, n int) (string, string, string) {
	i := (client*len(s.visits)/fhirClients + n) % len(s.visits)
	day := time.Date(2026, 12, 1+n%28, 0, 0, 0, 0, time.UTC).Format("2006-01-02")
	return http.MethodPut, s.base + "/Encounter?identifier=" + url.QueryEscape(visitSystem+"|"+s.visits[i]), fmt.Sprintf(`{"resourceType":"Encounter",`+
		`"identifier":[{"system":%q,"value":%q}],"status":"in-progress","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"IMP"},`+
		`"extension":[{"url":"https://homeward.example/fhir/StructureDefinition/discharge-readiness","extension":[{"url":"predicted","valueDate":%q}]}],`+
		`"period":{"start":"2026-11-20T09:30:00Z"}}`, visitSystem, s.visits[i], day)
}

// visitSystem is under which King's Mill's visit numbers are known.
const visitSystem = "https://homeward.example/fhir/Id/visit/RK5"

func (b *bench) fhirRounds(ctx context.Context, sides []fhirSide) error {
	for _, what := range []struct {
		name string
		make func(fhirSide) func(int, int) (string, string, string)
	}{{"Patient read", func(s fhirSide) func(int, int) (string, string, string) { return s.read }},
		{"Encounter conditional update", func(s fhirSide) func(int, int) (string, string, string) { return s.put }}} {
		all, cpu := make([][]result, len(sides)), []float64{}
		for range b.rounds {
			for i, s := range sides {
				profile, before := b.profiling(s, what.name), s.used()
				r, err := asker{clients: fhirClients, warm: time.Second, count: time.Duration(b.seconds) * time.Second, request: what.make(s), token: s.token, good: []int{200, 201}}.drive(ctx)
				if err := errors.Join(err, profile()); err != nil {
					return fmt.Errorf("%s, %s: %w", what.name, s.name, err)
				}
				all[i] = append(all[i], r)
				if s.profiled != nil { // what was asked to warm up is about as fast
					cpu = append(cpu, float64((s.used()-before).Microseconds())/(r.perSecond*float64(b.seconds+1)))
				}
			}
		}
		fmt.Printf("\n| %s, %d clients, median of %d | a second | p50 ms | p99 ms | ratio | CPU us each |\n|---|--:|--:|--:|--:|--:|\n", what.name, fhirClients, b.rounds)
		var first float64
		for i, s := range sides {
			slices.SortFunc(all[i], func(x, y result) int { return int(x.perSecond - y.perSecond) })
			m := all[i][len(all[i])/2]
			if i == 0 {
				first = m.perSecond
			}
			each := ""
			if s.profiled != nil {
				each = fmt.Sprintf("%.0f", median(cpu))
			}
			fmt.Printf("| %s | %.0f | %.2f | %.2f | %.2f | %s |\n", s.name, m.perSecond, ms(m.waits.at(0.5)), ms(m.waits.at(0.99)), first/m.perSecond, each)
		}
	}
	return nil
}

// profiling takes a CPU profile of the binary for as long as a round, when one is
// asked for; done waits for it.
func (b *bench) profiling(s fhirSide, what string) (done func() error) {
	if b.profile == "" || s.profiled == nil {
		return func() error { return nil }
	}
	saved := make(chan error, 1)
	go func() {
		saved <- s.profiled.saveProfile(b.profile+"."+strings.ReplaceAll(strings.ToLower(what), " ", "-"), b.seconds)
	}()
	return func() error { return <-saved }
}

// homewardPeople admits people over MLLP and finds their ids.
func (b *bench) homewardPeople(ctx context.Context, p *product, data string) (s fhirSide, err error) {
	s = fhirSide{name: "**Homeward**, " + b.engine, base: p.http + "/fhir/R4"}
	out, err := exec.CommandContext(ctx, b.homeward, "system", "token", "--url", p.http, "--client", "kings-mill-epr", "--key", filepath.Join(data, "kings-mill-epr.key.pem")).Output()
	if err != nil {
		return s, fmt.Errorf("asking for a token: %w", err)
	}
	var token struct {
		Text string `json:"access_token"`
	}
	if err := json.Unmarshal(out, &token); err != nil {
		return s, err
	}
	s.token = token.Text
	if _, err := (load{addr: p.mllp, conns: 1, run: "F", each: fhirPeople}).drive(ctx); err != nil {
		return s, err
	}
	web := &http.Client{Timeout: 10 * time.Second}
	for n := range fhirPeople {
		form := url.Values{"identifier": {"https://fhir.nhs.uk/Id/nhs-number|" + nhs.Test(n%800_000).Digits()}}.Encode()
		id, err := searched(ctx, web, s, form)
		if err != nil {
			return s, err
		}
		if id != "" { // some invented numbers are two people's
			s.patients, s.visits = append(s.patients, id), append(s.visits, fmt.Sprintf("V1%07d", n))
		}
	}
	if len(s.patients) < fhirPeople/2 {
		return s, fmt.Errorf("only %d of %d people were found", len(s.patients), fhirPeople)
	}
	_, s.sample, err = once(ctx, web, http.MethodGet, s.base+"/Patient/"+s.patients[0], s.token, "", "")
	return s, err
}

// searched is the id of the one Patient that is found; "" for none or several.
func searched(ctx context.Context, web *http.Client, s fhirSide, form string) (string, error) {
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		status, body, err := once(ctx, web, http.MethodPost, s.base+"/Patient/_search", s.token, "application/x-www-form-urlencoded", form)
		if err != nil {
			return "", err
		}
		if status != http.StatusOK {
			return "", fmt.Errorf("a search was answered %d: %.300s", status, body)
		}
		var found struct {
			Entry []struct {
				Resource struct{ ResourceType, ID string }
			}
		}
		if err := json.Unmarshal(body, &found); err != nil {
			return "", err
		}
		var ids []string
		for _, e := range found.Entry {
			if e.Resource.ResourceType == "Patient" {
				ids = append(ids, e.Resource.ID)
			}
		}
		switch {
		case len(ids) == 1:
			return ids[0], nil
		case len(ids) > 1, time.Now().After(end):
			return "", nil
		}
	}
}

// bareFHIR gives the same bytes from memory to whoever shows the token, and takes
// an update by reading it: what plain HTTP and JSON cost here.
func bareFHIR(ctx context.Context, like fhirSide) fhirSide {
	var changed atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+like.token {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if r.Method == http.MethodPut {
			var v any
			if json.NewDecoder(r.Body).Decode(&v) != nil {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			changed.Add(1)
		}
		w.Header().Set("Content-Type", "application/fhir+json")
		_, _ = w.Write(like.sample)
	}))
	context.AfterFunc(ctx, srv.Close)
	return fhirSide{name: "bare Go, nothing kept, same bytes", base: srv.URL, token: like.token, patients: like.patients, visits: like.visits}
}

// peer starts a public FHIR router in memory, and puts as many people into it.
func (b *bench) peer(ctx context.Context) (s fhirSide, stop func(), err error) {
	dir := filepath.Join(b.dir, "peer")
	if err := os.CopyFS(dir, os.DirFS("tools/bench/peer")); err != nil {
		return s, nil, fmt.Errorf("this must be run at the root of the repository: %w", err)
	}
	install := exec.CommandContext(ctx, "npm", "install", "--no-audit", "--no-fund", "--silent")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		return s, nil, fmt.Errorf("npm: %w: %.300s", err, out)
	}
	c := exec.CommandContext(ctx, "node", "peer.mjs")
	c.Dir = dir
	out, err := c.StdoutPipe()
	if err != nil {
		return s, nil, err
	}
	if err := c.Start(); err != nil {
		return s, nil, err
	}
	stop = func() { _ = c.Process.Kill(); _ = c.Wait() }
	port, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		stop()
		return s, nil, err
	}
	s = fhirSide{name: "Medplum's router, nothing kept (Node, in memory)", base: "http://127.0.0.1:" + strings.TrimSpace(port)}
	return s, stop, s.fill(ctx)
}

// fill makes as many Patients and Encounters.
func (s *fhirSide) fill(ctx context.Context) error {
	web := &http.Client{Timeout: 10 * time.Second}
	for n := range 100 { // its search walks through all that it has
		patient := fmt.Sprintf(`{"resourceType":"Patient","identifier":[{"system":"https://fhir.nhs.uk/Id/nhs-number","value":%q}],"name":[{"family":"TESTPATIENT","given":["Barbara"]}],`+
			`"birthDate":"1942-03-14","address":[{"line":["14 Orchard Lane","Mapperley"],"city":"Nottingham","postalCode":"NG3 5ZZ"}]}`, nhs.Test(n).Digits())
		status, body, err := once(ctx, web, http.MethodPost, s.base+"/Patient", "", "application/fhir+json", patient)
		if err != nil || status != http.StatusCreated {
			return fmt.Errorf("the peer answered %d: %w", status, err)
		}
		var made struct{ ID string }
		if err := json.NewDecoder(bytes.NewReader(body)).Decode(&made); err != nil {
			return err
		}
		s.patients, s.visits = append(s.patients, made.ID), append(s.visits, fmt.Sprint(n))
	}
	return nil
}
