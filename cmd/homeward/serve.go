package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"homeward/extract"
	"homeward/hub"
	"homeward/nhs"
)

type serveCmd struct {
	Config string `help:"Configuration file." required:"" type:"existingfile"`
}

// Run serves a site until it is told to stop.
func (c *serveCmd) Run(ctx context.Context) error {
	cfg, err := readConfig(c.Config)
	if err != nil {
		return err
	}
	st, err := newSite(ctx, cfg, logger(false), nil)
	if err != nil {
		return err
	}
	defer st.close()
	if err := st.listen(); err != nil {
		return err
	}
	pages, err := net.Listen("tcp", cfg.HTTP)
	if err != nil {
		return err
	}
	for _, l := range st.feeds {
		st.log.Info("listening", "feed", l.feed.Name, "address", l.at.Addr().String(), "tls", l.feed.TLSCert != "")
	}
	st.log.Info("serving", "http", pages.Addr().String(), "database", st.store.Engine())
	return st.run(ctx, pages)
}

// watchFolders looks into each council's folder every few seconds for
// extracts. An extract is a folder with a manifest; when it has been read it is
// marked by a file beside it, and never read again.
func (st *site) watchFolders(ctx context.Context) {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		for _, c := range st.config.Councils {
			if c.Folder == "" {
				continue
			}
			if err := st.readFolder(ctx, c); err != nil && ctx.Err() == nil {
				st.log.Error("reading the folder of a council's extracts", "council", c.Name, "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// readFolder reads the extracts that are new, oldest name first.
func (st *site) readFolder(ctx context.Context, c CouncilConfig) error {
	entries, err := os.ReadDir(c.Folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if err := st.readExtract(ctx, c, e.Name()); err != nil {
			return err
		}
	}
	return nil
}

// readMark is the file beside an extract's manifest that says what became of it.
const readMark = ".homeward"

func (st *site) readExtract(ctx context.Context, c CouncilConfig, name string) error {
	dir := filepath.Join(c.Folder, name)
	mark := filepath.Join(dir, readMark)
	state, err := os.ReadFile(mark)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	resume := false
	switch strings.TrimSpace(string(state)) {
	case "":
	case "stopped":
		if resume, err = st.hub.Released(ctx, nhs.ODS(c.ODS), name); err != nil || !resume {
			return err
		}
	default:
		return nil
	}
	layout, err := layoutOf(c)
	if err != nil {
		return err
	}
	read := st.hub.Import
	if resume {
		read = st.hub.Resume
	}
	res, err := read(ctx, nhs.ODS(c.ODS), name, os.DirFS(dir), layout)
	if errors.Is(err, hub.ErrNotYet) {
		return nil
	}
	if err != nil {
		return err
	}
	st.log.Info("extract read", "council", c.Name, "extract", name, "state", res.State, "people", res.People, "changed", res.Changed, "quarantined", res.Quarantined)
	return os.WriteFile(mark, []byte(res.State+"\n"), 0o600)
}

// layoutOf is the column map of a council's extract.
func layoutOf(c CouncilConfig) (extract.Layout, error) {
	switch c.Layout {
	case "":
		return extract.Builtin("homeward")
	case "mosaic":
		return extract.Builtin("mosaic")
	}
	b, err := os.ReadFile(c.Layout)
	if err != nil {
		return extract.Layout{}, fmt.Errorf("reading the column map: %w", err)
	}
	return extract.ParseLayout(b)
}
