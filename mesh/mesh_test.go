package mesh_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"homeward/mesh"
	"homeward/sim/meshd"
)

const (
	hospital = "X26ABC1"
	council  = "X26ABC2"
	workflow = "HOMEWARD_D2A"
)

type world struct {
	far *meshd.Service
	url string
	now time.Time
}

func begin(t *testing.T) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
	w.far = meshd.New(meshd.Config{SharedKey: "BackBone", Now: func() time.Time { return w.now }, Mailboxes: []meshd.Mailbox{
		{ID: hospital, Name: "Hospital", Password: "p1", ODS: "RK5"},
		{ID: council, Name: "Council", Password: "p2", ODS: "E10000024", Workflows: []string{workflow}},
	}})
	srv := httptest.NewServer(w.far)
	t.Cleanup(srv.Close)
	w.url = srv.URL
	return w
}

func (w *world) client(t *testing.T, box, password string, chunk int) *mesh.Client {
	t.Helper()
	c, err := mesh.New(mesh.Config{URL: w.url, Mailbox: box, Password: password, SharedKey: "BackBone", HTTP: new(http.Client), ChunkSize: chunk,
		MaxSize: 1 << 20, Now: func() time.Time { return w.now }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func out(body []byte) mesh.Outgoing {
	return mesh.Outgoing{To: council, Workflow: workflow, LocalID: "key-1", Subject: "Homeward", FileName: "key-1.json", Type: "application/json", Body: body}
}

// The header as the service's documentation computes it.
func TestAuthorization(t *testing.T) {
	got := mesh.Authorization("X26ABC1", "password", "BackBone", "f2e6ed6a-dba7-4d27-8fcd-3ddcca7ab5e6", 0, time.Date(2026, 11, 22, 2, 5, 59, 0, time.UTC))
	if want := "NHSMESH X26ABC1:f2e6ed6a-dba7-4d27-8fcd-3ddcca7ab5e6:0:202611220205:ac05cd9774dbbe577e49c41ccf834a9832c15cfd44063f0ee09d88abac4d9f5e"; got != want {
		t.Error(got)
	}
}

func TestThereAndBack(t *testing.T) {
	big := make([]byte, 3500)
	for i := range big {
		big[i] = byte(rand.IntN(256))
	}
	for _, body := range [][]byte{[]byte("{}"), big[:1000], big[:1001], big} {
		for _, compress := range []bool{false, true} {
			w := begin(t)
			from, to := w.client(t, hospital, "p1", 1000), w.client(t, council, "p2", 1000)
			o := out(body)
			o.Compress = compress
			id, err := from.Send(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			ids, about, err := to.Inbox(t.Context())
			if err != nil || len(ids) != 1 || ids[0] != id || about != 1 {
				t.Fatalf("%v, %d, %v", ids, about, err)
			}
			m, err := to.Get(t.Context(), id)
			if err != nil || !bytes.Equal(m.Body, body) || m.From != hospital || m.LocalID != "key-1" || m.Workflow != workflow || m.Type != "application/json" || m.Report != nil {
				t.Fatalf("%d octets (%t): %d came back, %v", len(body), compress, len(m.Body), err)
			}
			follow(t, from, id, mesh.Accepted)
			for range 2 {
				if err := to.Acknowledge(t.Context(), id); err != nil {
					t.Fatal(err)
				}
			}
			follow(t, from, id, mesh.Acknowledged)
			if ids, _, _ := to.Inbox(t.Context()); len(ids) != 0 {
				t.Error("what was acknowledged is still listed")
			}
			if got := w.far.Messages()[0]; got.Total != from.Chunks(len(body)) || compress != (got.Encoding == "gzip") {
				t.Errorf("%d octets in %d chunks, %q", len(body), got.Total, got.Encoding)
			}
		}
	}
}

func follow(t *testing.T, c *mesh.Client, id string, want mesh.Status) {
	t.Helper()
	got, err := c.Track(t.Context(), id)
	if err != nil || got.Status != want || got.ID != id {
		t.Errorf("%+v, %v, want %s", got, err, want)
	}
	if got, err = c.Find(t.Context(), "key-1"); err != nil || got.Status != want || got.ID != id {
		t.Errorf("by local id: %+v, %v, want %s", got, err, want)
	}
}

func TestErrors(t *testing.T) {
	w := begin(t)
	c := w.client(t, hospital, "p1", 0)
	code := func(err error) (int, string) {
		var e *mesh.Error
		if !errors.As(err, &e) {
			t.Fatalf("%v is no *mesh.Error", err)
		}
		return e.Status, e.Code
	}
	o := out([]byte("x"))
	o.To = "X26NONE"
	_, err := c.Send(t.Context(), o)
	if s, e := code(err); s != 417 || e != mesh.CodeNoRecipient || strings.Contains(err.Error(), "X26NONE") {
		t.Errorf("no such mailbox: %v", err)
	}
	o = out([]byte("x"))
	o.Workflow = "OTHER"
	_, err = c.Send(t.Context(), o)
	if s, e := code(err); s != 417 || e != mesh.CodeWorkflow {
		t.Errorf("another workflow: %v", err)
	}
	if s, _ := code(w.client(t, hospital, "wrong", 0).Handshake(t.Context())); s != 403 {
		t.Error("a wrong password is taken")
	}
	if err := c.Handshake(t.Context()); err != nil {
		t.Error(err)
	}
	w.far.Break(meshd.Fault{Status: 429, Wait: 7, Times: 1})
	var e *mesh.Error
	if err := c.Handshake(t.Context()); !errors.As(err, &e) || e.Status != 429 || e.Wait != 7*time.Second {
		t.Errorf("429: %v", err)
	}
	w.far.Break(meshd.Fault{Times: 1})
	if err := c.Handshake(t.Context()); err == nil || errors.As(err, &e) && e.Status != 429 || strings.Contains(err.Error(), hospital) {
		t.Errorf("a connection that closes: %v", err)
	}
	if _, err := c.Find(t.Context(), "nothing"); !errors.Is(err, mesh.ErrUnknown) {
		t.Errorf("a message that is not there: %v", err)
	}
	if _, err := c.Get(t.Context(), "nothing"); err == nil {
		t.Error("got what is not there")
	}
	if _, err := c.Send(t.Context(), mesh.Outgoing{To: council, Workflow: workflow}); err == nil {
		t.Error("an empty file is sent")
	}
	o = out([]byte("x"))
	o.Subject = "a\r\nMex-To: X26EVIL"
	if _, err := c.Send(t.Context(), o); err == nil {
		t.Error("a header with a line's end is sent")
	}
}

func TestLookup(t *testing.T) {
	w := begin(t)
	got, err := w.client(t, hospital, "p1", 0).Lookup(t.Context(), "E10000024", workflow)
	if err != nil || len(got) != 1 || got[0] != (mesh.Mailbox{ID: council, Name: "Council"}) {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := w.client(t, hospital, "p1", 0).Lookup(t.Context(), "E10000024", "OTHER"); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestUploadIsResumed(t *testing.T) {
	w := begin(t)
	from, to := w.client(t, hospital, "p1", 10), w.client(t, council, "p2", 10)
	o := out([]byte(strings.Repeat("abc", 10)))
	w.far.Break(meshd.Fault{Path: "/2", Status: 503, Times: 1})
	id, err := from.Send(t.Context(), o)
	if err == nil || id == "" {
		t.Fatalf("%q, %v", id, err)
	}
	follow(t, from, id, mesh.Uploading)
	if ids, _, _ := to.Inbox(t.Context()); len(ids) != 0 {
		t.Fatal("half a message is in the inbox")
	}
	if err := from.Resume(t.Context(), id, o); err != nil {
		t.Fatal(err)
	}
	m, err := to.Get(t.Context(), id)
	if err != nil || !bytes.Equal(m.Body, o.Body) {
		t.Errorf("%q, %v", m.Body, err)
	}
}

func TestUncollectedIsReported(t *testing.T) {
	w := begin(t)
	c := w.client(t, hospital, "p1", 0)
	id, err := c.Send(t.Context(), out([]byte("x")))
	if err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(5*24*time.Hour + time.Minute)
	w.far.Expire()
	if got, err := c.Track(t.Context(), id); err != nil || got.Status != mesh.Undeliverable || got.Code != mesh.CodeUncollected {
		t.Errorf("%+v, %v", got, err)
	}
	ids, _, err := c.Inbox(t.Context())
	if err != nil || len(ids) != 1 {
		t.Fatalf("%v, %v", ids, err)
	}
	m, err := c.Get(t.Context(), ids[0])
	if err != nil || m.Report == nil || m.Report.Message != id || m.Report.LocalID != "key-1" || m.Report.Code != mesh.CodeUncollected {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestWhatIsTooLargeIsNotTaken(t *testing.T) {
	w := begin(t)
	to := w.client(t, council, "p2", 0)
	half := make([]byte, 700_000)
	one := w.far.Put(meshd.Message{From: hospital, To: council, Chunks: [][]byte{half, half}})
	if _, err := to.Get(t.Context(), one); err == nil {
		t.Error("1.4 MB is taken where 1 MB is the most")
	}
	bomb := w.far.Put(meshd.Message{From: hospital, To: council, Chunks: [][]byte{make([]byte, 5<<20)}}) // compressed on the way
	if _, err := to.Get(t.Context(), bomb); err == nil {
		t.Error("a file that is large when it is read is taken")
	}
}

func TestNewSaysWhatIsWrong(t *testing.T) {
	for want, c := range map[string]mesh.Config{
		"an address": {}, "id of our mailbox": {URL: "https://m.example", Mailbox: "a/b"}, "password": {URL: "https://m.example", Mailbox: "A"},
		"HTTP client": {URL: "https://m.example", Mailbox: "A", Password: "x", SharedKey: "y"},
	} {
		if _, err := mesh.New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
