package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// side is one server's results with so many connections.
type side struct{ perSecond, p50, p99 []float64 }

func (s *side) add(r result) {
	s.perSecond = append(s.perSecond, r.perSecond)
	s.p50 = append(s.p50, ms(r.waits.at(.5)))
	s.p99 = append(s.p99, ms(r.waits.at(.99)))
}

// receive measures the product, which reads what it receives at the same time,
// and the bare listener in turn.
func (b *bench) receive(ctx context.Context) error {
	synced, err := syncTime(filepath.Join(b.dir, "sync"), 2*time.Second)
	if err != nil {
		return err
	}
	fmt.Printf("\nwrite 1 KB and fdatasync: p50 %.2f ms, p99 %.2f ms\n", ms(synced.at(.5)), ms(synced.at(.99)))
	fmt.Printf("\n| receive over MLLP | connections | messages a second | p50 ms | p99 ms | ratio to bare | left to read | CPU us a message |\n|---|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, conns := range []int{1, 8, 32} {
		var ours, bare side
		var left, cpu []float64
		for round := range b.rounds {
			l := load{conns: conns, run: fmt.Sprintf("R%d-%d", conns, round), warm: time.Second, count: time.Duration(b.seconds) * time.Second, one: b.one}
			r, err := b.receiveBare(ctx, l)
			if err != nil {
				return err
			}
			bare.add(r)
			r, waiting, used, err := b.receiveOurs(ctx, l)
			if err != nil {
				return err
			}
			ours.add(r)
			left, cpu = append(left, waiting), append(cpu, float64(used.Microseconds())/float64(r.sent))
		}
		o, c := median(ours.perSecond), median(bare.perSecond)
		fmt.Printf("| bare Go, group commit | %d | %.0f | %.2f | %.2f | | | |\n", conns, c, median(bare.p50), median(bare.p99))
		fmt.Printf("| Homeward, %s | %d | %.0f | %.2f | %.2f | %.2f | %.0f | %.0f |\n", b.engine, conns, o, median(ours.p50), median(ours.p99), o/c, median(left), median(cpu))
	}
	return nil
}

func (b *bench) receiveBare(ctx context.Context, l load) (r result, err error) {
	file := filepath.Join(b.dir, "bare.log")
	defer os.Remove(file)
	addr, stop, err := startBare(ctx, file)
	if err != nil {
		return r, err
	}
	l.addr = addr
	r, err = l.drive(ctx)
	if serr := stop(); err == nil {
		err = serr
	}
	return r, err
}

// fresh starts the product on an empty database; end stops it and removes the
// data.
func (b *bench) fresh(ctx context.Context, extra ...string) (p *product, end func() error, err error) {
	data, err := os.MkdirTemp(b.dir, "data-")
	if err != nil {
		return nil, nil, err
	}
	return b.freshIn(ctx, data, extra...)
}

// freshIn is fresh in a folder that is known.
func (b *bench) freshIn(ctx context.Context, data string, extra ...string) (p *product, end func() error, err error) {
	database := ""
	if b.postgres != nil {
		if database, err = b.postgres.Database(ctx); err != nil {
			return nil, nil, err
		}
	}
	if b.profile != "" {
		extra = append(extra, "--pprof")
	}
	p, err = b.startProduct(ctx, data, database, extra...)
	if err != nil {
		return nil, nil, err
	}
	return p, func() error {
		if err := p.stop(); err != nil {
			return fmt.Errorf("stopping homeward: %w", err)
		}
		return os.RemoveAll(data)
	}, nil
}

func (b *bench) receiveOurs(ctx context.Context, l load) (r result, waiting float64, used time.Duration, err error) {
	p, end, err := b.fresh(ctx, "--no-sim")
	if err != nil {
		return r, 0, 0, err
	}
	l.addr = p.mllp
	before := p.processorTime()
	profiled := make(chan error, 1)
	go func() {
		if b.profile == "" {
			profiled <- nil
			return
		}
		profiled <- p.saveProfile(b.profile, b.seconds)
	}()
	r, err = l.drive(ctx)
	used = p.processorTime() - before
	if err == nil {
		waiting, err = p.metric("homeward_messages_waiting")
	}
	if perr := <-profiled; err == nil {
		err = perr
	}
	if eerr := end(); err == nil {
		err = eerr
	}
	return r, waiting, used, err
}
