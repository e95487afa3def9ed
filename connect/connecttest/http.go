package connecttest

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

const honestHTTP = "http: honest"

// HTTPFars are the far sides of a connector over HTTP. honest answers as the real
// far side would, to whatever of the connector's requests; the body is still to be
// read. lied is what a 200 with a body that is none of the format comes to: Took
// for those who do not read the answer, Again for others.
func HTTPFars(honest http.Handler, lied Want) []Far {
	refuse := func(status int) Far {
		return Far{Name: fmt.Sprintf("http: %d", status), Wants: []Want{Refused}, Status: status, Start: httpFar(answer(status, nil))}
	}
	again := func(status int) Far {
		return Far{Name: fmt.Sprintf("http: %d", status), Wants: []Want{Again}, Start: httpFar(answer(status, nil))}
	}
	return []Far{
		{Name: honestHTTP, Wants: []Want{Took, Took}, Start: httpFar(honest)},
		{Name: "http: 500, then well", Wants: []Want{Again, Took}, Start: httpFar(first(answer(500, nil), honest))},
		{Name: "http: drops before the answer", Wants: []Want{Again, Took}, Start: httpFar(first(dropped(""), honest))},
		{Name: "http: drops in the middle of the answer", Wants: []Want{Any, Took},
			Start: httpFar(first(dropped("HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nContent-Length: 4000\r\n\r\n{\"resou"), honest))},
		{Name: "http: hangs", Wants: []Want{Again}, Within: 300 * time.Millisecond, Start: httpFar(http.HandlerFunc(hang))},
		{Name: "http: dawdles", Wants: []Want{Took}, Start: httpFar(dawdling(honest))},
		{Name: "http: 429 with Retry-After in seconds", Wants: []Want{Again, Took}, Wait: 7 * time.Second,
			Start: httpFar(first(answer(429, map[string]string{"Retry-After": "7"}), honest))},
		{Name: "http: 503 with Retry-After as a date", Wants: []Want{Again}, Wait: 40 * time.Second, Start: httpFar(http.HandlerFunc(
			func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Retry-After", time.Now().Add(40*time.Second).UTC().Format(http.TimeFormat))
				answer(503, nil).ServeHTTP(w, r)
			}))},
		{Name: "http: 429 without Retry-After", Wants: []Want{Again}, Start: httpFar(answer(429, nil))},
		refuse(400), refuse(401), refuse(403), refuse(404), refuse(413), refuse(422),
		again(408), again(425), again(502),
		{Name: "http: sends it elsewhere", Wants: []Want{NotDone}, Start: elsewhere(http.StatusTemporaryRedirect)},
		{Name: "http: sends it elsewhere with a GET", Wants: []Want{NotDone}, Start: elsewhere(http.StatusFound)},
		{Name: "http: lies", Wants: []Want{lied}, Start: httpFar(answer(200, map[string]string{"Content-Type": "text/html"}))},
		{Name: "http: answers without end", Wants: []Want{Any}, Within: 20 * time.Second, Start: httpFar(http.HandlerFunc(endless))},
	}
}

// httpFar starts a server, and keeps the bodies of the requests that could tell
// something.
func httpFar(h http.Handler) func(*testing.T) Side {
	return func(t *testing.T) Side {
		var got tape
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
			if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodOptions {
				got.add(append([]byte(r.Method+" "+r.URL.RequestURI()+"\n"), body...))
			}
			h.ServeHTTP(w, r)
		}))
		t.Cleanup(func() {
			srv.CloseClientConnections()
			srv.Close()
		})
		return Side{Address: srv.URL, Got: got.all, Quoted: []string{marker}}
	}
}

// answer answers everything with a status, and quotes what was sent.
func answer(status int, head map[string]string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "text/plain")
		for k, v := range head {
			w.Header().Set(k, v)
		}
		w.WriteHeader(status)
		io.WriteString(w, quoting(body))
	})
}

// first answers the first request that tells something in one way, and all others
// in another.
func first(one, then http.Handler) http.Handler {
	var n atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && n.Add(1) == 1 {
			one.ServeHTTP(w, r)
			return
		}
		then.ServeHTTP(w, r)
	})
}

// dropped writes the beginning of an answer and closes the connection.
func dropped(begin string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		io.WriteString(conn, begin)
		conn.Close()
	})
}

// hang answers nothing until whoever asks has gone.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// dawdling answers as it should, after a while and a byte at a time.
func dawdling(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		for k, vs := range rec.Header() {
			w.Header()[k] = vs
		}
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		<-tick.C
		w.WriteHeader(rec.Code)
		for i, b := range rec.Body.Bytes() {
			w.Write([]byte{b})
			if i < 50 {
				http.NewResponseController(w).Flush()
				<-tick.C
			}
		}
	})
}

// elsewhere sends every request to another server, which fails the test when
// anything reaches it: what was meant for one must not be told to another.
func elsewhere(status int) func(*testing.T) Side {
	return func(t *testing.T) Side {
		other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			t.Error("a redirect was followed")
		}))
		t.Cleanup(other.Close)
		return httpFar(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL+"/there", status)
		}))(t)
	}
}

// endless never stops answering.
func endless(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/fhir+json")
	chunk := bytes.Repeat([]byte(" "), 64<<10)
	for {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// deadAddress is an address where nobody listens.
func deadAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
