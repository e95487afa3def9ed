package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"time"

	"homeward/mllp"
)

// The load behind the measured changes: on a large hospital's busiest day a
// few messages come each second.
const (
	screenChanges = 200
	behindConns   = 5
	behindPace    = 100 * time.Millisecond // so about 50 a second
)

// screen measures from a message's first byte on the wire to the changed row on
// another person's screen, with other messages coming all the while.
func (b *bench) screen(ctx context.Context) error {
	p, end, err := b.fresh(ctx, "--no-sim")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", p.mllp)
	if err != nil {
		return err
	}
	defer nc.Close()
	in := bufio.NewReader(nc)
	if err := place(nc, in, 0, "A01"); err != nil {
		return err
	}
	rows, body, err := p.follow(ctx)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	behind, halt := context.WithCancel(ctx)
	wg.Go(func() {
		l := load{addr: p.mllp, conns: behindConns, run: "B", count: time.Hour, pace: behindPace}
		_, _ = l.drive(behind) // it ends when the measuring has
	})
	seen, answered, err := changes(nc, in, rows)
	halt()
	body.Body.Close()
	for range rows { // the stream ends with its body
	}
	wg.Wait()
	if err != nil {
		return err
	}
	fmt.Printf("\n| wire to screen, %s, %d changes, %d messages a second behind | p50 ms | p95 ms | p99 ms |\n|---|--:|--:|--:|\n",
		b.engine, len(seen), int(behindConns*time.Second/behindPace))
	fmt.Printf("| answered AA | %.1f | %.1f | %.1f |\n", ms(answered.at(.5)), ms(answered.at(.95)), ms(answered.at(.99)))
	fmt.Printf("| on the other screen | %.1f | %.1f | %.1f |\n", ms(seen.at(.5)), ms(seen.at(.95)), ms(seen.at(.99)))
	return end()
}

// changes moves one person from bed to bed, and waits each time for the row.
func changes(nc net.Conn, in *bufio.Reader, rows <-chan row) (seen, answered times, err error) {
	for n := 1; n <= screenChanges; n++ {
		begun := time.Now()
		if err := place(nc, in, n, "A02"); err != nil {
			return nil, nil, err
		}
		answered = append(answered, time.Since(begun))
		mark := bed(n)
		for limit := time.After(10 * time.Second); ; {
			var r row
			var ok bool
			select {
			case r, ok = <-rows:
			case <-limit:
				return nil, nil, fmt.Errorf("change %d was not on the screen after 10 s", n)
			}
			if !ok {
				return nil, nil, errors.New("the live stream ended")
			}
			if strings.Contains(r.html, mark) {
				seen = append(seen, r.at.Sub(begun))
				break
			}
		}
	}
	return seen, answered, nil
}

func bed(n int) string { return fmt.Sprintf("MARK%d", 1000+n) }

// place says in which bed the watched person is now.
func place(nc net.Conn, in *bufio.Reader, n int, event string) error {
	id := fmt.Sprintf("W-%d", n)
	now := time.Now().Format("20060102150405-0700")
	msg := fmt.Sprintf("MSH|^~\\&|PAS|RK5|HOMEWARD|511|%s||ADT^%s|%s|P|2.4\rEVN|%s|%s||||%s\r"+
		"PID|1||MWATCHED^^^RK5^MR||WATCHED^Wanda^^^Mrs^^L||19420314|F|||14 Orchard Lane^Mapperley^Nottingham^^NG3 5ZZ\r"+
		"PV1|1|I|12^BAY2^%s^RK5||||||||||||||||VWATCHED|||||||||||||||||||||||||20261122093000\r", now, event, id, event, now, now, bed(n))
	if err := mllp.WriteFrame(nc, []byte(msg)); err != nil {
		return err
	}
	reply, err := mllp.ReadFrame(in, 1<<20)
	if err != nil {
		return err
	}
	if !bytes.Contains(reply, []byte("MSA|AA|"+id)) {
		return fmt.Errorf("the move was answered %.200q", reply)
	}
	return nil
}

// row is one event of a live stream.
type row struct {
	at   time.Time
	html string
}

// follow signs in and follows a list live, as a browser does.
func (p *product) follow(ctx context.Context) (<-chan row, *http.Response, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, nil, err
	}
	browser := &http.Client{Jar: jar}
	r, err := browser.PostForm(p.http+"/signin", url.Values{"login": {"ward12"}, "password": {"home before dark"}})
	if err != nil {
		return nil, nil, err
	}
	r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("signing in was answered %s", r.Status)
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, p.http+"/events?list=ward", nil)
	if err != nil {
		return nil, nil, err
	}
	if r, err = browser.Do(q); err != nil {
		return nil, nil, err
	}
	if r.StatusCode != http.StatusOK || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/event-stream") {
		r.Body.Close()
		return nil, nil, fmt.Errorf("the live stream was answered %s", r.Status)
	}
	rows := make(chan row, 1000)
	go func() {
		defer close(rows)
		for lines := bufio.NewScanner(r.Body); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "data:") {
				rows <- row{time.Now(), lines.Text()}
			}
		}
	}()
	return rows, r, nil
}
