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
	Config string `help:"Configuration file." required:"" type:"existingfile" placeholder:"FILE"`
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
		return fmt.Errorf("opening the address of the pages: %w", err)
	}
	for _, l := range st.feeds {
		st.log.Info("listening", "feed", l.feed.Name, "address", l.at.Addr().String(), "tls", l.feed.TLSCert != "")
	}
	st.log.Info("serving", "http", pages.Addr().String(), "database", st.store.Engine())
	if cfg.TLSCert == "" && !cfg.Behind && !loopback(pages.Addr().String()) {
		st.log.Warn("the pages are served without TLS: passwords can be read on the way. Set tls_cert and tls_key, or behind_proxy")
	}
	for _, k := range cfg.Councils {
		if _, err := os.Stat(k.Folder); k.Folder != "" && err != nil {
			st.log.Warn("the folder of a council's extracts is not there", "council", k.Name, "err", err)
		}
	}
	return st.run(ctx, pages)
}

// loopback says whether an address can be reached from this machine only.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// watchFolders looks into each council's folder every few seconds for
// extracts. An extract is a folder with a manifest; when it has been read it is
// marked by a file beside it, and never read again.
func (st *site) watchFolders(ctx context.Context) {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	said := map[string]string{} // what is wrong is said once, not every two seconds
	for {
		for _, c := range st.config.Councils {
			if c.Folder == "" {
				continue
			}
			err := st.readFolder(ctx, c)
			if err == nil {
				said[c.Name] = ""
			} else if ctx.Err() == nil && said[c.Name] != err.Error() {
				said[c.Name] = err.Error()
				st.log.Error("reading the folder of a council's extracts; trying again", "council", c.Name, "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// readFolder reads the extracts that are new, oldest name first. One that cannot
// be read keeps those behind it waiting: changes make sense in their order only.
func (st *site) readFolder(ctx context.Context, c CouncilConfig) error {
	entries, err := os.ReadDir(c.Folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	var waiting []string
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if err := st.readExtract(ctx, c, e.Name()); errors.Is(err, hub.ErrNotYet) {
			if at, err := e.Info(); err == nil && time.Since(at.ModTime()) > waitsLong {
				waiting = append(waiting, e.Name())
			}
		} else if err != nil {
			return err
		}
	}
	changed, err := st.hub.SayWaiting(ctx, nhs.ODS(c.ODS), waiting)
	if changed && len(waiting) > 0 {
		st.log.Warn("extracts wait for their manifest.toml", "council", c.Name, "extracts", waiting)
	}
	return err
}

// waitsLong is after how long a folder without a manifest is mentioned: writing
// an extract takes less.
const waitsLong = 10 * time.Minute

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
