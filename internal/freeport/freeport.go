// Package freeport finds ports for tests whose programs must know their address
// before they listen at it, and again after they were killed. It gives none that the
// system gives away by itself meanwhile, to a listener at port 0 or to a connection
// that goes out: those ports come from the ephemeral range, and these from below
// it. It reserves nothing.
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// Ports below the ephemeral range of Linux (32768 to 60999, ip(7)) and of others
// (49152 to 65535, RFC 6335 6).
const from, to = 15000, 32000

// Find gives a free address of this machine, "127.0.0.1:21033".
func Find() (string, error) {
	var err error
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", from+rand.IntN(to-from))
		var l net.Listener
		if l, err = net.Listen("tcp", addr); err == nil {
			return addr, l.Close()
		}
	}
	return "", fmt.Errorf("looking for a free port: %w", err)
}
