package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// The store on which a start is measured.
const (
	startPeople   = 20_000
	startMessages = 100_000
)

// start measures from exec to ready on a store with a history, and the memory
// of the demo after half a minute.
func (b *bench) start(ctx context.Context) error {
	data, err := os.MkdirTemp(b.dir, "data-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	database := ""
	if b.postgres != nil {
		if database, err = b.postgres.Database(ctx); err != nil {
			return err
		}
	}
	p, err := b.startProduct(ctx, data, database, "--no-sim")
	if err != nil {
		return err
	}
	if err := fill(ctx, p); err != nil {
		return err
	}
	if err := p.stop(); err != nil {
		return err
	}
	fmt.Printf("\n| start, %s | ready after | memory MB |\n|---|--:|--:|\n", b.engine)
	var took []time.Duration
	for range b.rounds {
		if p, err = b.startProduct(ctx, data, database, "--no-sim"); err != nil {
			return err
		}
		took = append(took, time.Since(p.began))
		if err := p.stop(); err != nil {
			return err
		}
	}
	fmt.Printf("| %d messages, %d people | %.0f ms | |\n", startMessages, startPeople, ms(median(took)))
	return b.demoMemory(ctx)
}

// fill sends an admission and then updates for each person, so that the store
// has a history, and waits until all is read.
func fill(ctx context.Context, p *product) error {
	const conns = 32
	l := load{addr: p.mllp, conns: conns, run: "S", each: startMessages / conns, folk: startPeople / conns}
	if _, err := l.drive(ctx); err != nil {
		return err
	}
	for begun := time.Now(); time.Since(begun) < 5*time.Minute; time.Sleep(200 * time.Millisecond) {
		left, err := p.metric("homeward_messages_waiting")
		if err != nil || left == 0 {
			return err
		}
	}
	return fmt.Errorf("the store was not read in five minutes")
}

func (b *bench) demoMemory(ctx context.Context) error {
	p, end, err := b.fresh(ctx)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(30*time.Second - time.Since(p.began)):
	}
	mb, err := p.resident()
	if err != nil {
		return err
	}
	fmt.Printf("| demo after 30 s | | %.0f |\n", mb)
	return end()
}
