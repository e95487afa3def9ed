// Package door is what pretend servers stand behind: a listener that gives each
// connection a place, and when it is closed ends them all and waits for them. It
// knows no protocol.
package door

import (
	"net"
	"sync"
)

// Door is an open listener. Close it when done.
type Door struct {
	listener net.Listener
	wg       sync.WaitGroup
	mu       sync.Mutex
	conns    map[net.Conn]bool
	over     bool
}

// Open listens on an address and serves each connection in a goroutine of its own.
// A connection is closed when serve returns, and when the door is closed.
func Open(address string, serve func(net.Conn)) (*Door, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	d := &Door{listener: l, conns: map[net.Conn]bool{}}
	d.wg.Go(func() { d.accept(serve) })
	return d, nil
}

// Address is where it listens.
func (d *Door) Address() string { return d.listener.Addr().String() }

// Close ends the listener and its connections, and waits for them.
func (d *Door) Close() error {
	d.mu.Lock()
	d.over = true
	err := d.listener.Close()
	for c := range d.conns {
		c.Close()
	}
	d.mu.Unlock()
	d.wg.Wait()
	return err
}

func (d *Door) accept(serve func(net.Conn)) {
	for {
		c, err := d.listener.Accept()
		if err != nil {
			return
		}
		d.mu.Lock()
		if d.over {
			c.Close()
		} else {
			d.conns[c] = true
			d.wg.Go(func() {
				defer d.leave(c)
				serve(c)
			})
		}
		d.mu.Unlock()
	}
}

func (d *Door) leave(c net.Conn) {
	c.Close()
	d.mu.Lock()
	delete(d.conns, c)
	d.mu.Unlock()
}
