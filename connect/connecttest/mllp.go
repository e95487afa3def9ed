package connecttest

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"homeward/hl7"
	"homeward/mllp"
)

const honestMLLP = "mllp: honest"

// MLLPFars are the far sides of a connector over MLLP. honest answers as the real
// far side would; nil acknowledges with AA.
func MLLPFars(honest func(msg []byte) []byte) []Far {
	if honest == nil {
		honest = acked(hl7.AA)
	}
	say := func(f func([]byte) []byte) reply {
		return func(w net.Conn, msg []byte) bool { return mllp.WriteFrame(w, f(msg)) == nil }
	}
	well := say(honest)
	return []Far{
		{Name: honestMLLP, Wants: []Want{Took, Took}, Start: mllpFar(well)},
		{Name: "mllp: AE, then well", Wants: []Want{Again, Took}, Start: mllpFar(after(say(acked(hl7.AE)), well))},
		{Name: "mllp: AR", Wants: []Want{Refused}, Start: mllpFar(say(acked(hl7.AR)))},
		{Name: "mllp: drops before the answer", Wants: []Want{Again, Took}, Start: mllpFar(after(func(net.Conn, []byte) bool { return false }, well))},
		{Name: "mllp: drops in the middle of the answer", Wants: []Want{Again, Took}, Start: mllpFar(after(cutOff(honest), well))},
		{Name: "mllp: hangs", Wants: []Want{Again}, Within: 300 * time.Millisecond, Start: mllpFar(func(net.Conn, []byte) bool { return true })},
		{Name: "mllp: dawdles", Wants: []Want{Took}, Start: mllpFar(slowly(honest))},
		{Name: "mllp: answers another message first", Wants: []Want{Took}, Start: mllpFar(func(w net.Conn, msg []byte) bool {
			return mllp.WriteFrame(w, strange(msg)) == nil && well(w, msg)
		})},
		{Name: "mllp: answers only another message", Wants: []Want{Again}, Within: 300 * time.Millisecond, Start: mllpFar(say(strange))},
		{Name: "mllp: answers what is no HL7", Wants: []Want{Again}, Within: 300 * time.Millisecond, Start: mllpFar(say(func(msg []byte) []byte { return []byte(quoting(msg)) }))},
		{Name: "mllp: speaks something else", Wants: []Want{Again}, Within: time.Second, Start: mllpFar(func(w net.Conn, msg []byte) bool {
			io.WriteString(w, "HTTP/1.1 400 Bad Request\r\n\r\n"+quoting(msg))
			return false
		})},
	}
}

// reply answers one message on a connection, and says whether it stays open.
type reply func(w net.Conn, msg []byte) bool

// after answers the first message in one way, and all others in another.
func after(one, then reply) reply {
	var n atomic.Int64
	return func(w net.Conn, msg []byte) bool {
		if n.Add(1) == 1 {
			return one(w, msg)
		}
		return then(w, msg)
	}
}

// acked acknowledges with a code, and quotes the message in the text.
func acked(code hl7.AckCode) func([]byte) []byte {
	return func(msg []byte) []byte {
		m, err := hl7.Parse(msg)
		if err != nil {
			return hl7.AckUnreadable(msg, "1", time.Unix(0, 0).UTC(), "")
		}
		text := ""
		if code != hl7.AA {
			text = quoting(m.Get("PID", 5).Raw())
		}
		return hl7.Ack(m, code, "A1", time.Unix(0, 0).UTC(), text)
	}
}

// strange acknowledges another message than the one sent.
func strange(msg []byte) []byte {
	m, err := hl7.Parse(msg)
	if err != nil {
		return nil
	}
	id := m.Get("MSH", 10).Raw()
	return bytes.Replace(hl7.Ack(m, hl7.AA, "A1", time.Unix(0, 0).UTC(), ""), append([]byte("MSA|AA|"), id...), []byte("MSA|AA|ANOTHER1"), 1)
}

func cutOff(honest func([]byte) []byte) reply {
	return func(w net.Conn, msg []byte) bool {
		b := honest(msg)
		w.Write(append([]byte{0x0b}, b[:len(b)/2]...))
		return false
	}
}

func slowly(honest func([]byte) []byte) reply {
	return func(w net.Conn, msg []byte) bool {
		var b bytes.Buffer
		mllp.WriteFrame(&b, honest(msg))
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for _, c := range b.Bytes() {
			if _, err := w.Write([]byte{c}); err != nil {
				return false
			}
			<-tick.C
		}
		return true
	}
}

// mllpFar listens, and keeps the messages that come.
func mllpFar(r reply) func(*testing.T) Side {
	return func(t *testing.T) Side {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		var got tape
		var open sync.Map
		var wg sync.WaitGroup
		wg.Go(func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				open.Store(conn, true)
				wg.Go(func() { converse(conn, &got, r) })
			}
		})
		t.Cleanup(func() {
			l.Close()
			open.Range(func(c, _ any) bool {
				c.(net.Conn).Close()
				return true
			})
			wg.Wait()
		})
		return Side{Address: l.Addr().String(), Got: got.all, Quoted: []string{marker}}
	}
}

// converse reads frames and answers each.
func converse(conn net.Conn, got *tape, r reply) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		if _, err := in.ReadBytes(0x0b); err != nil {
			return
		}
		msg, err := in.ReadBytes(0x1c)
		if err != nil {
			return
		}
		in.ReadByte() // 0x0D
		msg = msg[:len(msg)-1]
		got.add(msg)
		if !r(conn, msg) {
			return
		}
	}
}
