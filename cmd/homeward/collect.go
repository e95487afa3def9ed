package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"homeward/collect"
	"homeward/connect/httpsend"
	"homeward/nhs"
)

// SFTPConfig is an SFTP server from which a council's extracts are fetched.
type SFTPConfig struct {
	Address      string   `toml:"address" doc:"host:port of an SFTP server from which extracts are fetched into folder. Empty: none."`
	User         string   `toml:"user" doc:"Our name there."`
	KeyFile      string   `toml:"key_file" doc:"File with our private key, without a passphrase. Empty: password_file."`
	PasswordFile string   `toml:"password_file" doc:"File with our password. Empty: key_file."`
	HostKeyFile  string   `toml:"host_key_file" doc:"File with the server's public keys, a line each as in known_hosts. A server with another key is not talked to."`
	Dir          string   `toml:"dir" doc:"Folder on the server in which each extract is a folder or a ZIP file."`
	Every        Duration `toml:"every" doc:"How often it is looked into."`
	Delete       bool     `toml:"delete" doc:"Delete an extract there after it is on the disk here. False: nothing is ever deleted."`
}

// PollConfig is a council's API that is asked.
type PollConfig struct {
	URL       string   `toml:"url" doc:"Base address of the council's API, which is asked into folder. Empty: none."`
	Plan      string   `toml:"plan" doc:"File that says what is asked and what the answers mean; or homegrown, liquidlogic or mosaic, which are examples."`
	Every     Duration `toml:"every" doc:"How often it is asked for changes."`
	FullEvery Duration `toml:"full_every" doc:"How often it is asked for everybody. 0: each time."`
	PerSecond float64  `toml:"per_second" doc:"Requests in a second, at most."`
	MaxPageKB int      `toml:"max_page_kb" doc:"Largest page that is taken, in kilobytes."`
	Auth      string   `toml:"auth" doc:"How we sign in: none, basic, bearer, header, client_secret or private_key_jwt."`
	User      string   `toml:"user" doc:"basic: our name there."`
	Header    string   `toml:"header" doc:"header: its name, such as apikey."`
	Secret    string   `toml:"secret_file" doc:"File with the password, token, secret or private key (PEM)."`
	TokenURL  string   `toml:"token_url" doc:"client_secret and private_key_jwt: where tokens are to be had."`
	ClientID  string   `toml:"client_id" doc:"client_secret and private_key_jwt: our name there."`
	KeyID     string   `toml:"key_id" doc:"private_key_jwt: the key's name there (kid)."`
	Scope     string   `toml:"scope" doc:"client_secret and private_key_jwt: what is asked for. Empty: nothing is named."`
	CAFile    string   `toml:"ca_file" doc:"File with the authorities of its certificate, PEM. Empty: those of this machine."`
	CertFile  string   `toml:"cert_file" doc:"File with our client certificate, PEM. Empty: none."`
	CertKey   string   `toml:"cert_key_file" doc:"File with its private key, PEM."`
	Allow     []string `toml:"allow" doc:"Private networks that its name may lead to, like 10.20.0.0/16."`
	Plain     bool     `toml:"plain" doc:"http is meant: the network is protected otherwise."`
}

func sftpDefaults() SFTPConfig {
	return SFTPConfig{Dir: ".", Every: Duration{5 * time.Minute}}
}

func pollDefaults() PollConfig {
	return PollConfig{Every: Duration{15 * time.Minute}, FullEvery: Duration{24 * time.Hour}, PerSecond: 5, MaxPageKB: 10 << 10, Auth: "none", Allow: []string{}}
}

// files are the paths in the configuration that are relative to it.
func (c *CouncilConfig) collectFiles() (out []*string) {
	s, p := &c.SFTP, &c.Poll
	out = []*string{&s.KeyFile, &s.PasswordFile, &s.HostKeyFile, &p.Secret, &p.CAFile, &p.CertFile, &p.CertKey}
	if strings.ContainsAny(p.Plan, "./") {
		out = append(out, &p.Plan)
	}
	return append(out, c.Mesh.files()...)
}

// checkCollect refuses what cannot work, without reading files of secrets or
// asking anybody.
func (c CouncilConfig) checkCollect() error {
	ways := 0
	for key, on := range map[string]bool{"sftp": c.SFTP.Address != "", "mesh": c.Mesh.URL != "", "poll": c.Poll.URL != ""} {
		if !on {
			continue
		}
		if ways++; c.Folder == "" {
			return fmt.Errorf("%s needs folder, where extracts are put", key)
		}
	}
	switch {
	case ways > 1:
		return errors.New("only one of sftp, mesh and poll may be set: an extract of one would end what another brought")
	case c.SFTP.Address != "":
		return c.SFTP.check()
	case c.Mesh.URL != "":
		return c.Mesh.check()
	case c.Poll.URL != "":
		return c.Poll.check(c.Layout)
	}
	return nil
}

func (c SFTPConfig) check() error {
	if _, _, err := net.SplitHostPort(c.Address); err != nil {
		return errors.New("sftp address must be host:port, like sftp.example:22")
	}
	switch {
	case c.User == "" || c.HostKeyFile == "" || c.Dir == "":
		return errors.New("sftp needs user, host_key_file and dir")
	case (c.KeyFile == "") == (c.PasswordFile == ""):
		return errors.New("sftp needs key_file or password_file, and not both")
	case c.Every.Duration < time.Second:
		return errors.New("sftp every must be at least 1s")
	}
	return nil
}

func (c PollConfig) check(layout string) error {
	switch {
	case layout != "":
		return errors.New("poll needs no layout: its plan makes Homeward's own columns")
	case c.Plan == "":
		return errors.New("poll needs a plan")
	case c.Every.Duration < time.Second || c.FullEvery.Duration < 0:
		return errors.New("poll every must be at least 1s, and full_every not less than 0")
	case c.PerSecond <= 0 || c.MaxPageKB <= 0:
		return errors.New("poll per_second and max_page_kb must be more than 0")
	}
	if _, err := prefixes(c.Allow); err != nil {
		return fmt.Errorf("poll %w", err)
	}
	return nil
}

// planOf is the plan of a poll: one that comes with Homeward, or a file.
func planOf(name string) (*collect.Plan, error) {
	if !strings.ContainsAny(name, "./") {
		return collect.Ready(name)
	}
	return collect.ReadPlan(os.DirFS(filepath.Dir(name)), filepath.Base(name))
}

// planFiles are the files beside a plan, its samples among them.
func planFiles(name string) (fs.FS, error) {
	if !strings.ContainsAny(name, "./") {
		return collect.ReadyFiles(name)
	}
	return os.DirFS(filepath.Dir(name)), nil
}

// way is one way of bringing a council's extracts.
type way struct {
	council nhs.ODS
	name    string // SFTP, MESH or API
	folder  string
	every   time.Duration
	way     collect.Way
}

// ways are those of the configuration. What is wrong with their files is said here.
func (c Config) ways(now func() time.Time) (out []way, err error) {
	for _, k := range c.Councils {
		w := way{council: nhs.ODS(k.ODS), folder: k.Folder}
		switch folder := (collect.Folder{Dir: k.Folder}); {
		case k.SFTP.Address != "":
			s := &collect.SFTP{Folder: folder, Address: k.SFTP.Address, User: k.SFTP.User, KeyFile: k.SFTP.KeyFile, PasswordFile: k.SFTP.PasswordFile,
				HostKeyFile: k.SFTP.HostKeyFile, Dir: k.SFTP.Dir, Delete: k.SFTP.Delete}
			w.name, w.every, w.way = "SFTP", k.SFTP.Every.Duration, s
			err = s.Check()
		case k.Mesh.URL != "":
			w.name, w.every = "MESH", k.Mesh.Every.Duration
			w.way, err = k.Mesh.way(folder, w.council, now)
		case k.Poll.URL != "":
			w.name, w.every = "API", k.Poll.Every.Duration
			w.way, err = k.Poll.way(folder, w.council, now)
		default:
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("[[council]] %q: %w", k.Name, err)
		}
		out = append(out, w)
	}
	return out, nil
}

func (c PollConfig) way(folder collect.Folder, council nhs.ODS, now func() time.Time) (collect.Way, error) {
	plan, err := planOf(c.Plan)
	if err != nil {
		return nil, err
	}
	hc := httpsend.Config{URL: c.URL, Timeout: time.Minute, Plain: c.Plain, CAFile: c.CAFile, CertFile: c.CertFile, KeyFile: c.CertKey, MaxAnswer: int64(c.MaxPageKB) << 10, Now: now,
		Auth: httpsend.Auth{Kind: httpsend.AuthKind(c.Auth), User: c.User, Name: c.Header, SecretFile: c.Secret, TokenURL: c.TokenURL, ClientID: c.ClientID, KeyID: c.KeyID, Scope: c.Scope}}
	if hc.Allow, err = prefixes(c.Allow); err != nil {
		return nil, fmt.Errorf("poll %w", err)
	}
	client, err := httpsend.New(hc)
	if err != nil {
		return nil, fmt.Errorf("poll: %w", err)
	}
	return &collect.Poll{Plan: plan, Client: client, Base: c.URL, Folder: folder, Council: council, FullEvery: c.FullEvery.Duration, PerSecond: c.PerSecond, Now: now}, nil
}

// collect brings councils' extracts until ctx ends. Each way goes on by itself: one
// that fails does not stop another.
func (st *site) collect(ctx context.Context, ways []way) {
	var wg sync.WaitGroup
	for _, w := range ways {
		wg.Go(func() { st.bring(ctx, w) })
	}
	wg.Wait()
}

// again is after how long a way is tried again that failed; it doubles up to the
// way's own time.
const again = 2 * time.Second

// Of the right to bring a council's extracts: how long it is had, and how often it
// is asked for again.
const (
	collectFor   = 10 * time.Minute
	collectAgain = 2 * time.Minute
)

// bring brings while this process is the one that may.
func (st *site) bring(ctx context.Context, w way) {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	owner := host + " " + w.folder // the same after a restart, so that nobody waits then
	for ctx.Err() == nil {
		mine, err := st.hub.Collect(ctx, w.council, owner, collectFor)
		switch {
		case err != nil && ctx.Err() == nil:
			st.log.Warn("asking whether to bring a council's extracts", "council", w.council, "err", err)
		case mine:
			st.bringWhile(ctx, w, owner)
			continue
		}
		if sleep(ctx, 10*time.Second) != nil {
			return
		}
	}
}

// bringWhile brings until the right is lost, which happens when the database
// cannot be reached for long.
func (st *site) bringWhile(ctx context.Context, w way, owner string) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		defer stop()
		for had := time.Now(); time.Since(had) < collectFor && sleep(ctx, collectAgain) == nil; {
			mine, err := st.hub.Collect(ctx, w.council, owner, collectFor)
			switch {
			case err == nil && !mine:
				return
			case err == nil:
				had = time.Now()
			}
		}
	})
	st.bringOn(ctx, w)
	stop()
}

func (st *site) bringOn(ctx context.Context, w way) {
	said, failed := "", 0
	for ctx.Err() == nil {
		got, err := w.way.Bring(ctx)
		if ctx.Err() != nil {
			return
		}
		wait, text := w.every, ""
		if err != nil {
			var leave time.Duration
			text, leave = collect.Say(err)
			text = strings.TrimSuffix(text, ".")
			wait = max(leave, min(w.every, again<<min(failed, 16)))
			failed++
		} else {
			failed = 0
		}
		if text != said && text != "" { // what is wrong is said once
			st.log.Error("bringing a council's extracts; trying again", "council", w.council, "from", w.name, "err", text)
		}
		said = text
		newest := ""
		for _, newest = range got.Extracts {
			st.log.Info("extract brought", "council", w.council, "from", w.name, "extract", newest, "rows", got.Rows, "notes", len(got.Notes))
		}
		if err := st.hub.SayCollected(ctx, w.council, w.name, newest, text, got.Notes); err != nil && ctx.Err() == nil {
			st.log.Warn("noting how extracts are brought", "council", w.council, "err", err)
		}
		if sleep(ctx, wait) != nil {
			return
		}
	}
}
