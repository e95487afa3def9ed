package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"homeward/mllp"
)

// bareWord as first argument makes this program the bare listener.
const bareWord = "bare-listener"

// bareBatch is how many messages one fdatasync of the bare listener holds.
const bareBatch = 256

// bare is the ceiling: it appends each message to a file, syncs once for all
// that wait, answers, and knows nothing more. It prints its address, and ends
// when its standard input does.
func bare(file string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(ln.Addr())
	waiting := make(chan keeping, 1024)
	srv := mllp.NewServer(mllp.Config{}, func(_ context.Context, _ mllp.ConnInfo, msg []byte) []byte {
		k := keeping{msg, make(chan error, 1)}
		waiting <- k
		if err := <-k.done; err != nil {
			return nil
		}
		return bareAck(msg)
	})
	ended := make(chan struct{})
	go func() { defer close(ended); keepAll(f, waiting) }()
	ctx, cancel := context.WithCancel(context.Background())
	go func() { io.Copy(io.Discard, os.Stdin); cancel() }()
	err = srv.Serve(ctx, ln)
	close(waiting)
	<-ended
	return err
}

type keeping struct {
	msg  []byte
	done chan error
}

func keepAll(f *os.File, waiting <-chan keeping) {
	var batch []keeping
	var buf []byte
	for k := range waiting {
		batch, buf = append(batch[:0], k), append(buf[:0], k.msg...)
	more:
		for len(batch) < bareBatch {
			select {
			case k, ok := <-waiting:
				if !ok {
					break more
				}
				batch, buf = append(batch, k), append(buf, k.msg...)
			default:
				break more
			}
		}
		_, err := f.Write(buf)
		if err == nil {
			err = syscall.Fdatasync(int(f.Fd()))
		}
		for _, k := range batch {
			k.done <- err
		}
	}
}

// bareAck takes MSH-10 by counting bars.
func bareAck(msg []byte) []byte {
	bars, from := 0, 0
	for i, c := range msg {
		if c != '|' {
			continue
		}
		if bars++; bars == 9 {
			from = i + 1
		}
		if bars == 10 {
			return fmt.Appendf(nil, "MSH|^~\\&|HOMEWARD|511|PAS|RK5|%s||ACK^A01^ACK|B1|P|2.5.1\rMSA|AA|%s\r", time.Now().Format("20060102150405"), msg[from:i])
		}
	}
	return nil
}

// startBare runs the bare listener as a process of its own, as the product is.
func startBare(ctx context.Context, file string) (addr string, stop func() error, err error) {
	me, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	c := exec.CommandContext(ctx, me, bareWord, file)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := c.Start(); err != nil {
		return "", nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return "", nil, fmt.Errorf("starting the bare listener: %w", err)
	}
	stop = func() error {
		in.Close()
		return c.Wait()
	}
	return line[:len(line)-1], stop, nil
}

// syncTime is how long one write of 1 KB and one fdatasync take.
func syncTime(file string, d time.Duration) (times, error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var waits times
	block := make([]byte, 1024)
	for end := time.Now().Add(d); time.Now().Before(end); {
		begun := time.Now()
		if _, err := f.Write(block); err != nil {
			return nil, err
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			return nil, err
		}
		waits = append(waits, time.Since(begun))
	}
	return waits, nil
}
