package mesh

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"homeward/connect"
	"homeward/connect/connecttest"
	"homeward/connect/files"
	"homeward/connect/httpsend"
	"homeward/nhs"
	"homeward/sim/meshd"
)

func environment(now func() time.Time) *meshd.Service {
	return meshd.New(meshd.Config{SharedKey: "BackBone", Now: now, Mailboxes: []meshd.Mailbox{
		{ID: "X26HOSP", Password: "p4ssw0rd", ODS: "RK5"},
		{ID: "X26COUN", Password: "other", ODS: "E10000024", Workflows: []string{"HOMEWARD_D2A"}},
		{ID: "X26TWO1", Password: "other", ODS: "E10000018", Workflows: []string{"HOMEWARD_D2A"}},
		{ID: "X26TWO2", Password: "other", ODS: "E10000018", Workflows: []string{"HOMEWARD_D2A"}},
	}})
}

func secretFile(t *testing.T, s string) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(p, []byte(s+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func connector(t *testing.T, address string, c Config) *MESH {
	t.Helper()
	c.HTTP.URL, c.HTTP.Timeout = "http://"+strings.TrimPrefix(address, "http://"), 3*time.Second
	c.Mailbox, c.PasswordFile, c.SharedKeyFile, c.Workflow = "X26HOSP", secretFile(t, "p4ssw0rd"), secretFile(t, "BackBone"), "HOMEWARD_D2A"
	c.Make = files.Writing{Format: files.JSON, Personal: true}.Make
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestConnector(t *testing.T) {
	// All far sides share one honest one: each request finds it new.
	forgetful := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { environment(nil).ServeHTTP(w, r) })
	connecttest.Run(t, connecttest.Suite{
		New: func(t *testing.T, address string) connect.Connector {
			return connector(t, address, Config{To: "X26COUN"})
		},
		News:   connecttest.Sample(connect.Refer, nil),
		Fars:   connecttest.HTTPFars(forgetful, connecttest.Again),
		Secret: []string{"p4ssw0rd", "BackBone"},
	})
}

type world struct {
	far *meshd.Service
	url string
	now time.Time
}

func begin(t *testing.T) *world {
	w := &world{now: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)}
	w.far = environment(func() time.Time { return w.now })
	srv := httptest.NewServer(w.far)
	t.Cleanup(srv.Close)
	w.url = srv.URL
	return w
}

func (w *world) connector(t *testing.T, c Config) (*MESH, connect.Message) {
	t.Helper()
	c.HTTP = httpsend.Config{Now: func() time.Time { return w.now }}
	m := connector(t, w.url, c)
	msg, err := m.Make(connecttest.Sample(connect.Refer, nil))
	if err != nil {
		t.Fatal(err)
	}
	return m, msg
}

func TestOnceThoughTheAnswerIsLost(t *testing.T) {
	w := begin(t)
	m, msg := w.connector(t, Config{ODS: "E10000024"})
	w.far.Break(meshd.Fault{Path: "X26HOSP/outbox/tracking", Status: 503, Times: 1})
	if _, err := m.Send(t.Context(), msg); !errors.Is(err, connect.ErrDown) {
		t.Fatalf("not sure whether it is there: %v", err)
	}
	if len(w.far.Messages()) != 0 {
		t.Fatal("sent without knowing whether it was there")
	}
	r, err := m.Send(t.Context(), msg)
	if err != nil || r.Again || r.Track == "" || r.Received {
		t.Fatalf("%+v, %v", r, err)
	}
	again, err := m.Send(t.Context(), msg)
	if err != nil || !again.Again || again.Track != r.Track {
		t.Fatalf("%+v, %v", again, err)
	}
	got := w.far.Messages()
	if len(got) != 1 || got[0].To != "X26COUN" || got[0].LocalID != msg.Key || got[0].Encoding != "gzip" {
		t.Fatalf("%d messages", len(got))
	}
	for _, p := range connecttest.Personal {
		if strings.Contains(got[0].Subject+got[0].FileName, p) {
			t.Errorf("a header tells %q", p)
		}
	}
}

func TestChunksAreCarriedOn(t *testing.T) {
	w := begin(t)
	m, msg := w.connector(t, Config{To: "X26COUN", ChunkSize: 100})
	w.far.Break(meshd.Fault{Path: "/3", Status: 503, Wait: 9, Times: 1})
	var later *connect.Later
	if _, err := m.Send(t.Context(), msg); !errors.As(err, &later) || later.Wait != 9*time.Second {
		t.Fatal(err)
	}
	r, err := m.Send(t.Context(), msg)
	if err != nil || r.Track == "" {
		t.Fatalf("%+v, %v", r, err)
	}
	if got := w.far.Messages(); len(got) != 1 || got[0].Status != "accepted" || got[0].Total != (len(msg.Body)+99)/100 {
		t.Errorf("%d messages, %s", len(got), got[0].Status)
	}
}

func TestTracked(t *testing.T) {
	w := begin(t)
	m, msg := w.connector(t, Config{To: "X26COUN"})
	r, err := m.Send(t.Context(), msg)
	if err != nil {
		t.Fatal(err)
	}
	if got, done, err := m.Track(t.Context(), r.Track); err != nil || done || got.Received {
		t.Errorf("%+v, %t, %v", got, done, err)
	}
	w.now = w.now.Add(6 * 24 * time.Hour)
	w.far.Expire()
	var refused *connect.Refused
	if _, done, err := m.Track(t.Context(), r.Track); !done || !errors.As(err, &refused) {
		t.Errorf("nobody fetched it: %t, %v", done, err)
	}
	if _, err := m.Send(t.Context(), msg); err != nil || len(w.far.Messages()) != 3 {
		t.Errorf("sent again: %v, %d messages", err, len(w.far.Messages()))
	}
	if _, done, err := m.Track(t.Context(), "nothing"); !done || err != nil {
		t.Errorf("one that is not known: %t, %v", done, err)
	}
}

func TestFetched(t *testing.T) {
	w := begin(t)
	m, msg := w.connector(t, Config{To: "X26HOSP"}) // to ourselves, so that we can fetch it
	r, err := m.Send(t.Context(), msg)
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.client.Get(t.Context(), r.Track)
	if err != nil || !bytes.Equal(got.Body, msg.Body) {
		t.Fatal(err)
	}
	if err := m.client.Acknowledge(t.Context(), r.Track); err != nil {
		t.Fatal(err)
	}
	if got, done, err := m.Track(t.Context(), r.Track); err != nil || !done || !got.Received {
		t.Errorf("%+v, %t, %v", got, done, err)
	}
}

func TestRefused(t *testing.T) {
	w := begin(t)
	for name, c := range map[string]Config{"no such mailbox": {To: "X26NONE"}, "nobody to look up": {ODS: "E09999999"}, "two to look up": {ODS: nhs.ODS("E10000018")}} {
		m, msg := w.connector(t, c)
		var refused *connect.Refused
		if _, err := m.Send(t.Context(), msg); !errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	m, _ := w.connector(t, Config{To: "X26COUN"})
	if err := m.Check(t.Context()); err != nil {
		t.Error(err)
	}
}
