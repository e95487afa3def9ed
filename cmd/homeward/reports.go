package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"homeward/connect"
	"homeward/connect/files"
	"homeward/connect/sftp"
	"homeward/hub"
	"homeward/nhs"
)

// ReportsConfig is where scheduled reports may be delivered to, e-mail aside.
type ReportsConfig struct {
	Print  []string            `toml:"print" doc:"The command that prints the summary of figures to PDF, with {in} and {out}, such as chromium --headless --no-pdf-header-footer --print-to-pdf={out} {in}, each word by itself. Empty: readers print it in their browser."`
	Places []ReportPlaceConfig `toml:"place" doc:"Each folder, here or on an SFTP server, into which an organisation's staff may have reports delivered. They choose it by its title; nobody types a path."`
}

// printTime is how long printing a page may take.
const printTime = 30 * time.Second

// printing is how a page is printed.
func (c ReportsConfig) printing() files.Writing {
	return files.Writing{Format: files.PDF, PDF: c.Print, Timeout: printTime}
}

// printer makes a PDF of a page; nil where no command is set.
func (c ReportsConfig) printer() func(context.Context, []byte) ([]byte, error) {
	if len(c.Print) == 0 {
		return nil
	}
	return func(ctx context.Context, page []byte) ([]byte, error) {
		return c.printing().Content(ctx, connect.Message{Head: map[string]string{"name": "page.pdf"}, Body: page})
	}
}

// ReportPlaceConfig is one folder.
type ReportPlaceConfig struct {
	Name     string   `toml:"name" doc:"Short name, which reports keep: another name is another place."`
	Title    string   `toml:"title" doc:"What staff choose: The board's folder."`
	Org      string   `toml:"org" doc:"ODS code of the organisation whose staff may choose it."`
	Kind     string   `toml:"kind" doc:"files, for a folder here, or sftp."`
	Dir      string   `toml:"dir" doc:"The folder. It must be there."`
	Address  string   `toml:"address" doc:"sftp: host:port."`
	User     string   `toml:"user" doc:"sftp: our name there."`
	HostKeys string   `toml:"host_key_file" doc:"sftp: file with the server's public keys."`
	Key      string   `toml:"key_file" doc:"sftp: file with our private key. Empty: the password in secret_file."`
	Secret   string   `toml:"secret_file" doc:"sftp: file with the password."`
	Print    []string `toml:"print" doc:"The command that prints a page to PDF, with {in} and {out}. Empty: pages stay HTML."`
	Timeout  Duration `toml:"timeout" doc:"How long one try may take. 0: 30s."`
}

func (c ReportsConfig) check(all Config) error {
	if err := c.printing().Check(); err != nil {
		return fmt.Errorf("[reports] print: %w", err)
	}
	seen := map[string]bool{}
	for _, p := range c.Places {
		switch {
		case p.Name == "" || p.Title == "" || p.Dir == "":
			return fmt.Errorf("[[reports.place]] %q: name, title and dir must be set", p.Name)
		case p.Name == hub.ToMail || seen[p.Name]:
			return fmt.Errorf("[[reports.place]] %q: name stands twice, or is mail", p.Name)
		case !all.hasOrg(nhs.ODS(p.Org)):
			return fmt.Errorf("[[reports.place]] %q: org %q is not an [[organisation]]", p.Name, p.Org)
		case p.Kind != "files" && p.Kind != "sftp":
			return fmt.Errorf("[[reports.place]] %q: kind must be files or sftp", p.Name)
		case p.Kind == "sftp" && (p.Address == "" || p.User == "" || p.HostKeys == ""):
			return fmt.Errorf("[[reports.place]] %q: sftp needs address, user and host_key_file", p.Name)
		}
		seen[p.Name] = true
	}
	return nil
}

// files are the paths that the configuration names.
func (c *ReportsConfig) files() (out []*string) {
	for i := range c.Places {
		p := &c.Places[i]
		out = append(out, &p.HostKeys, &p.Key, &p.Secret)
		if p.Kind == "files" {
			out = append(out, &p.Dir)
		}
	}
	return out
}

// putter puts a file where it belongs.
type putter interface {
	Send(context.Context, connect.Message) (connect.Receipt, error)
}

// places makes what delivers reports.
func (c ReportsConfig) places(clock func() time.Time) (out []hub.ReportPlace, err error) {
	for _, p := range c.Places {
		// What is written is the report's; the connector only prints it, where it can.
		w := files.Writing{Format: files.PDF, PDF: p.Print, Timeout: p.Timeout.Duration}
		var to putter
		if p.Kind == "sftp" {
			to, err = sftp.New(sftp.Config{Address: p.Address, User: p.User, KeyFile: p.Key, PasswordFile: p.Secret, HostKeyFile: p.HostKeys, Dir: p.Dir, Timeout: p.Timeout.Duration, Writing: w})
		} else {
			to, err = files.New(files.Config{Dir: p.Dir, Writing: w})
		}
		if err != nil {
			return nil, fmt.Errorf("[[reports.place]] %q: %w", p.Name, err)
		}
		out = append(out, hub.ReportPlace{Name: p.Name, Title: p.Title, Org: nhs.ODS(p.Org), Send: func(ctx context.Context, key, name, kind string, body []byte) error {
			if base, page := strings.CutSuffix(name, ".html"); page && len(p.Print) > 0 {
				name = base + ".pdf"
			}
			_, err := to.Send(ctx, connect.Message{Key: key, Correlation: key, Type: kind, Head: map[string]string{"name": name}, Body: body, At: clock()})
			return err
		}})
	}
	return out, nil
}
