package main

import (
	"context"
	"fmt"
	"time"
)

// read measures how fast a backlog drains once nothing more comes.
func (b *bench) read(ctx context.Context) error {
	p, end, err := b.fresh(ctx, "--no-sim")
	if err != nil {
		return err
	}
	l := load{addr: p.mllp, conns: 32, run: "D", count: time.Duration(b.seconds) * time.Second, one: b.one}
	r, err := l.drive(ctx)
	if err != nil {
		return err
	}
	begun := time.Now()
	first, err := p.metric("homeward_messages_waiting")
	if err != nil {
		return err
	}
	left := first
	for left > 0 && time.Since(begun) < 2*time.Minute {
		time.Sleep(50 * time.Millisecond)
		if left, err = p.metric("homeward_messages_waiting"); err != nil {
			return err
		}
	}
	took := time.Since(begun)
	rate := (first - left) / took.Seconds()
	fmt.Printf("\n| read, %s | received | read meanwhile | backlog | drained in | messages a second |\n|---|--:|--:|--:|--:|--:|\n", b.engine)
	fmt.Printf("| Homeward | %d | %.0f | %.0f | %.1f s | %.0f |\n", r.sent, float64(r.sent)-first, first, took.Seconds(), rate)
	if left > 0 {
		fmt.Printf("\n%.0f were not read after two minutes.\n", left)
	}
	hold, err := p.metric("homeward_writer_longest_hold_seconds")
	if err != nil {
		return err
	}
	fmt.Printf("\nThe longest that one transaction held the writer: %.0f ms.\n", hold*1000)
	return end()
}
