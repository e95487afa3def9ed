package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"homeward/collect"
	"homeward/mapping"
)

// collectCmd brings what is new from councils' systems once, for whoever sets one up.
type collectCmd struct {
	Config  string `help:"Configuration file." required:"" type:"existingfile" placeholder:"FILE"`
	Council string `help:"ODS code of the council. Empty: all that are configured."`
}

// Run brings extracts into the councils' folders; serve, or import, reads them.
func (c *collectCmd) Run(ctx context.Context) error {
	cfg, err := readConfig(c.Config)
	if err != nil {
		return err
	}
	ways, err := cfg.ways(nil)
	if err != nil {
		return err
	}
	found := false
	for _, w := range ways {
		if c.Council != "" && string(w.council) != c.Council {
			continue
		}
		found = true
		got, err := w.way.Bring(ctx)
		for _, e := range got.Extracts {
			say(os.Stdout, "%s %s: brought %s", w.council, w.name, e)
		}
		for _, n := range got.Notes {
			say(os.Stdout, "%s %s: %s", w.council, w.name, n)
		}
		if err != nil {
			text, wait := collect.Say(err)
			if wait > 0 {
				text += fmt.Sprintf(" (%s)", wait.Round(time.Second))
			}
			return fmt.Errorf("%s %s: %s", w.council, w.name, text)
		}
		if len(got.Extracts) == 0 {
			say(os.Stdout, "%s %s: nothing new", w.council, w.name)
		}
	}
	if !found {
		return errors.New("no such council has [council.sftp], [council.mesh] or [council.poll]")
	}
	return nil
}

// mappingCmd tries a mapping without a site.
type mappingCmd struct {
	Table string `arg:"" help:"The mapping: a TOML file, or NAME/FILE of one that comes with Homeward, such as homegrown/adults.toml."`
	Input string `help:"File with a sample, JSON. Empty: the sample beside a mapping that comes with Homeward." placeholder:"FILE"`
}

// Run prints each row as a line of JSON, and what is wrong.
func (c *mappingCmd) Run() error {
	text, sample, err := c.read()
	if err != nil {
		return err
	}
	t, problems := mapping.Parse(text)
	if len(problems) > 0 {
		return tellProblems(problems)
	}
	v, err := mapping.Decode(sample)
	if err != nil {
		return err
	}
	for _, table := range tablesOf(t) {
		rows, wrong := table.ApplyAt(v, time.Now())
		problems = append(problems, wrong...)
		for _, r := range rows {
			b, err := json.Marshal(r)
			if err != nil {
				return fmt.Errorf("writing a row: %w", err)
			}
			say(os.Stdout, "%s %s", table.Name, b)
		}
	}
	return tellProblems(problems)
}

func tellProblems(problems []mapping.Problem) error {
	if len(problems) == 0 {
		return nil
	}
	var all []string
	for _, p := range problems {
		all = append(all, p.Error())
	}
	return errors.New(strings.Join(all, "\n"))
}

func (c *mappingCmd) read() (text, sample []byte, err error) {
	name, file, _ := strings.Cut(c.Table, "/")
	if plan, err := collect.Ready(name); err == nil && plan.Table(file) != nil {
		files, err := collect.ReadyFiles(name)
		if err != nil {
			return nil, nil, err
		}
		read := func(name string) ([]byte, error) {
			f, err := files.Open(name)
			if err != nil {
				return nil, err
			}
			defer f.Close()
			return io.ReadAll(f)
		}
		if text, err = read(file); err != nil {
			return nil, nil, fmt.Errorf("reading the mapping: %w", err)
		}
		if c.Input == "" {
			sample, err = read(strings.TrimSuffix(file, ".toml") + ".sample.json")
			return text, sample, err
		}
	} else if text, err = os.ReadFile(c.Table); err != nil {
		return nil, nil, fmt.Errorf("reading the mapping: %w", err)
	}
	if c.Input == "" {
		return nil, nil, errors.New("--input must name a file with a sample")
	}
	sample, err = os.ReadFile(c.Input)
	return text, sample, err
}
