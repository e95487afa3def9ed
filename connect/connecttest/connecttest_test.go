package connecttest_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"homeward/connect"
	"homeward/connect/connecttest"
)

// plain is the least connector over HTTP there can be. Each fault breaks one
// thing that the suite must notice.
type plain struct {
	url   string
	fault string
}

func (p plain) Make(n connect.News) (connect.Message, error) {
	body, err := json.Marshal(map[string]any{"key": n.Key, "family": n.Shown.Case.Person.Family, "number": n.Shown.Case.NHS.Digits()})
	if p.fault == "impure" {
		body = append(body, []byte(rand.Text())...)
	}
	return connect.Message{Key: n.Key, Correlation: n.Correlation, Kind: n.Kind, Type: "application/json", Body: body, Head: map[string]string{"a": "b"}, At: n.Shown.Now}, err
}

func (p plain) Send(ctx context.Context, m connect.Message) (connect.Receipt, error) {
	switch p.fault {
	case "deaf":
		ctx = context.Background()
	case "changes":
		m.Head["a"] = rand.Text()
	case "other bytes":
		m.Body = append(bytes.Clone(m.Body), []byte(rand.Text())...)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(m.Body))
	if err != nil {
		return connect.Receipt{}, connect.ErrDown
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if p.fault == "redirects" {
		client.CheckRedirect = nil
	}
	res, err := client.Do(req)
	if err != nil {
		if p.fault == "tells" {
			return connect.Receipt{}, fmt.Errorf("sending %s: %w", m.Body, err)
		}
		return connect.Receipt{}, connect.ErrDown
	}
	defer res.Body.Close()
	said, err := io.ReadAll(io.LimitReader(res.Body, 1<<16))
	return p.read(res, said, err)
}

func (p plain) read(res *http.Response, said []byte, err error) (connect.Receipt, error) {
	text := "The other system answered " + strconv.Itoa(res.StatusCode)
	if p.fault == "quotes" {
		text += ": " + string(said)
	}
	switch s := res.StatusCode; {
	case err != nil && p.fault != "careless":
		return connect.Receipt{}, connect.ErrDown
	case s < 300 && (json.Valid(said) || p.fault == "believes"):
		return connect.Receipt{Received: true}, nil
	case s == 429 || s == 503:
		wait := time.Duration(0)
		if v := res.Header.Get("Retry-After"); v != "" {
			n, _ := strconv.Atoi(v)
			wait = time.Duration(n) * time.Second
			if at, err := http.ParseTime(v); err == nil {
				wait = time.Until(at)
			}
		}
		if p.fault == "impatient" {
			wait = 0
		}
		return connect.Receipt{}, &connect.Later{Text: text, Wait: wait}
	case s >= 400 && s < 500 && s != 408 && s != 425 && p.fault != "stubborn":
		return connect.Receipt{}, &connect.Refused{Text: text, Status: s}
	}
	if p.fault == "gives up" {
		return connect.Receipt{}, &connect.Refused{Text: text, Status: res.StatusCode}
	}
	return connect.Receipt{}, errors.New(text)
}

func (p plain) Check(context.Context) error {
	if p.fault == "always well" {
		return nil
	}
	return connect.ErrDown
}

func suite(fault string) connecttest.Suite {
	honest := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"ok":true}`) })
	return connecttest.Suite{
		New: func(_ *testing.T, address string) connect.Connector {
			return plain{address, fault}
		},
		News: connecttest.Sample(connect.Refer, nil), Fars: connecttest.HTTPFars(honest, connecttest.Again),
	}
}

func TestAPlainConnectorPasses(t *testing.T) {
	connecttest.Run(t, suite(os.Getenv("CONNECTTEST_FAULT")))
}

// TestEveryFaultIsNoticed runs the suite in a process of its own against each
// fault, and wants it to fail.
func TestEveryFaultIsNoticed(t *testing.T) {
	for _, fault := range []string{"impure", "changes", "other bytes", "redirects", "tells", "quotes", "believes", "impatient", "stubborn", "gives up", "always well", "deaf"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run", "^TestAPlainConnectorPasses$", "-test.timeout", "30s")
			cmd.Env = append(os.Environ(), "CONNECTTEST_FAULT="+fault)
			if out, err := cmd.CombinedOutput(); err == nil {
				t.Errorf("the suite lets it pass:\n%s", out)
			}
		})
	}
}
