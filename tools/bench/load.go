package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"homeward/mllp"
	"homeward/nhs"
)

// load is a closed loop: each connection sends one message and waits for its
// own AA before the next.
type load struct {
	addr  string
	conns int
	run   string        // begins each control id
	warm  time.Duration // not counted
	count time.Duration // counted
	pace  time.Duration // between messages of a connection; 0: none
	one   bool          // all about one NHS number
	each  int           // messages of each connection, instead of a time
	folk  int           // people of each connection, one after the other and again; 0: each message another
}

// result is what a load saw.
type result struct {
	perSecond float64
	waits     times
	sent      int // all, with those of the warm-up
}

func (l load) drive(ctx context.Context) (result, error) {
	began := time.Now()
	from, to := began.Add(l.warm), began.Add(l.warm+l.count)
	if l.each > 0 {
		to = began.Add(time.Hour)
	}
	waits, sent, errs := make([]times, l.conns), make([]int, l.conns), make([]error, l.conns)
	var wg sync.WaitGroup
	for i := range l.conns {
		wg.Go(func() { waits[i], sent[i], errs[i] = l.talk(ctx, i, from, to) })
	}
	wg.Wait()
	var r result
	for i := range l.conns {
		if errs[i] != nil {
			return r, fmt.Errorf("connection %d: %w", i, errs[i])
		}
		r.waits, r.sent = append(r.waits, waits[i]...), r.sent+sent[i]
	}
	r.perSecond = float64(len(r.waits)) / max(l.count, time.Millisecond).Seconds()
	return r, nil
}

func (l load) talk(ctx context.Context, conn int, from, to time.Time) (waits times, n int, err error) {
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", l.addr)
	if err != nil {
		return nil, 0, err
	}
	defer nc.Close()
	in := bufio.NewReader(nc)
	var frame []byte
	for ; ctx.Err() == nil; n++ {
		begun := time.Now()
		if !begun.Before(to) || l.each > 0 && n == l.each {
			return waits, n, nil
		}
		id, who := l.run+"-"+strconv.Itoa(conn)+"-"+strconv.Itoa(n), n
		if l.folk > 0 {
			who = n % l.folk
		}
		frame = append(append(append(frame[:0], 0x0b), admission(id, conn, who, l.one)...), 0x1c, 0x0d)
		if err := nc.SetDeadline(begun.Add(30 * time.Second)); err != nil {
			return nil, n, err
		}
		if _, err := nc.Write(frame); err != nil {
			return nil, n, err
		}
		reply, err := mllp.ReadFrame(in, 1<<20)
		if err != nil {
			return nil, n, err
		}
		if !bytes.Contains(reply, []byte("\rMSA|AA|"+id+"\r")) {
			return nil, n, fmt.Errorf("the answer is not its own AA: %.200q", reply)
		}
		if ended := time.Now(); begun.After(from) && ended.Before(to) {
			waits = append(waits, ended.Sub(begun))
		}
		if l.pace > 0 {
			time.Sleep(l.pace)
		}
	}
	return nil, n, ctx.Err()
}

// admission is an ADT^A01 of about 950 bytes about an invented person: each
// message another, by hospital number and, unless one, by NHS number.
func admission(id string, conn, n int, one bool) []byte {
	number, key := conn*20_000+n, strconv.Itoa(conn+1)+fmt.Sprintf("%07d", n)
	if one {
		number = 1
	}
	b := make([]byte, 0, 1100)
	b = append(append(append(b, "MSH|^~\\&|PAS|RK5|HOMEWARD|511|20261122093000||ADT^A01^ADT_A01|"...), id...),
		"|P|2.5.1|||AL|NE|GBR|UNICODE UTF-8\r"+
			"EVN|A01|20261122093000|||JSMITH^Smith^Jane|20261122092500|RK5\r"+
			"PID|1||"...)
	b = append(append(append(append(b, nhs.Test(number%800_000).Digits()...), "^^^NHS^NH~M"...), key...),
		"^^^RK5^MR||TESTPATIENT^Barbara^Ann^^Mrs^^L||19420314|F|||14 Orchard Lane^Mapperley^Nottingham^^NG3 5ZZ^GBR^H||01632960123^PRN^PH~01632960124^PRN^CP||ENG|W|C22|||||||||||||N\r"+
			"PD1|||WOODLANDS SURGERY^^C84001|G8412345^Example^Adam^^^Dr\r"+
			"NK1|1|TESTPATIENT^Margaret^^^Miss|SIS|14 Orchard Lane^Mapperley^Nottingham^^NG3 5ZZ|01632960125||NOK\r"+
			"PV1|1|I|23^BAY2^BED4^RK5||||C1234567^Consultant^Priya^^^Dr|||300|||N|19|||C1234567^Consultant^Priya^^^Dr|NA|V"...)
	return append(append(b, key...),
		"^^^RK5^VN|||||||||||||||||||||RK5|||||20261122093000\r"+
			"PV2|||S72.0^Fracture of neck of femur^I10||||||20261124|2\r"+
			"AL1|1|DA|373270004^Penicillin^SCT|MO|Rash|20100101\r"+
			"DG1|1||S72.0^Fracture of neck of femur^I10||20261122|A\r"...)
}
