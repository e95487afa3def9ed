package main

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// scanner is a clamd on this machine, which answers as told: it is nothing but the
// protocol. It is gone when the test ends.
func scanner(t *testing.T, answer func(net.Conn, []byte)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.SetDeadline(time.Now().Add(5 * time.Second))
			if heard, ok := hearStream(conn); ok {
				answer(conn, heard)
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return "tcp://" + l.Addr().String()
}

// hearStream reads one INSTREAM to its end.
func hearStream(conn net.Conn) ([]byte, bool) {
	command := make([]byte, len("zINSTREAM\x00"))
	if _, err := io.ReadFull(conn, command); err != nil || string(command) != "zINSTREAM\x00" {
		return nil, false
	}
	var all bytes.Buffer
	for {
		var size [4]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return nil, false
		}
		n := binary.BigEndian.Uint32(size[:])
		if n == 0 {
			return all.Bytes(), true
		}
		if _, err := io.CopyN(&all, conn, int64(n)); err != nil {
			return nil, false
		}
	}
}

func TestScannersAreAskedAndNotBelievedWhenTheyFail(t *testing.T) {
	// in two parts, so that no scanner finds it in our own files
	eicar := []byte(`X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-` + `ANTIVIRUS-TEST-FILE!$H+H*`)
	large := bytes.Repeat([]byte("A letter. "), 50_000)
	honest := scanner(t, func(c net.Conn, heard []byte) {
		answer := "stream: OK\x00"
		if bytes.Contains(heard, eicar) {
			answer = "stream: Eicar-Test-Signature FOUND\x00"
		} else if len(heard) != len(large) && len(heard) != 0 {
			answer = "stream: not all was heard ERROR\x00"
		}
		io.WriteString(c, answer)
	})
	clean := filepath.Join(t.TempDir(), "scan.sh")
	if err := os.WriteFile(clean, []byte("#!/bin/sh\ngrep -q EICAR && exit 1\nexit ${1:-0}\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for name, c := range map[string]struct {
		scan     string
		content  []byte
		infected bool
		fails    bool
	}{
		"clean":                {honest, large, false, false},
		"empty":                {honest, nil, false, false},
		"infected":             {honest, eicar, true, false},
		"that drops":           {scanner(t, func(net.Conn, []byte) {}), large, false, true},
		"that drops midway":    {scanner(t, func(c net.Conn, _ []byte) { io.WriteString(c, "stream: O") }), large, false, true},
		"that hangs":           {scanner(t, func(c net.Conn, _ []byte) { io.Copy(io.Discard, c) }), large, false, true},
		"that refuses":         {scanner(t, func(c net.Conn, _ []byte) { io.WriteString(c, "INSTREAM size limit exceeded. ERROR\x00") }), large, false, true},
		"that talks nonsense":  {scanner(t, func(c net.Conn, _ []byte) { io.WriteString(c, "stream: OK, more or less\x00") }), large, false, true},
		"that is not there":    {"tcp://" + closed.Addr().String(), large, false, true},
		"program: clean":       {clean, []byte("A letter"), false, false},
		"program: infected":    {clean, eicar, true, false},
		"program: in trouble":  {clean + " 2", []byte("A letter"), false, true},
		"program: not there":   {"/nowhere/scan", []byte("A letter"), false, true},
		"socket: is not there": {"unix:///nowhere/clamd.ctl", []byte("A letter"), false, true},
	} {
		t.Run(name, func(t *testing.T) {
			conf := AttachmentsConfig{Scan: c.scan, ScanTimeout: Duration{300 * time.Millisecond}}
			if !c.fails {
				conf.ScanTimeout = Duration{5 * time.Second}
			}
			a, err := conf.attachments()
			if err != nil {
				t.Fatal(err)
			}
			infected, err := a.Scan(t.Context(), c.content)
			if infected != c.infected || (err != nil) != c.fails {
				t.Errorf("infected %v, %v", infected, err)
			}
			if err != nil && strings.Contains(err.Error(), "letter") {
				t.Errorf("the error repeats the file: %v", err)
			}
		})
	}
	for _, bad := range []string{"clamscan", "tcp://", "http://127.0.0.1:3310", "unix://"} {
		if _, err := (AttachmentsConfig{Scan: bad}).attachments(); err == nil {
			t.Errorf("%q is taken as a scanner", bad)
		}
	}
}
