package freeport

import (
	"net"
	"strconv"
	"testing"
)

// What was found can be listened at, and is none that the system gives away.
func TestFind(t *testing.T) {
	for range 20 {
		addr, err := Find()
		if err != nil {
			t.Fatal(err)
		}
		_, p, err := net.SplitHostPort(addr)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := strconv.Atoi(p); err != nil || n < from || n >= to {
			t.Errorf("port %q: %v", p, err)
		}
		l, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
	}
}
