package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"homeward/hub"
	"homeward/nhs"
	"homeward/tabular"
)

// measuresExtracts are the commands by which analysts come to rows: docs/analysts.md.
type measuresExtracts struct {
	Extract measuresExtractCmd `cmd:"" help:"Write rows of one organisation under pseudonyms as a file, for its analysts."`
	Role    analystRoleCmd     `cmd:"" name:"analyst-role" help:"Let a role of PostgreSQL read the rows of one organisation under pseudonyms, and nothing else."`
	File    analystFileCmd     `cmd:"" name:"analyst-file" help:"Write an SQLite file with the rows of one organisation under pseudonyms, and nothing else."`
}

type measuresExtractCmd struct {
	Config string `help:"Configuration file." required:"" type:"existingfile" placeholder:"FILE"`
	Org    string `name:"organisation" help:"ODS code: rows whose hospital or council it is." required:"" placeholder:"ODS"`
	Source string `help:"What the rows are of, as homeward measures list and the page Extracts name it." default:"stay"`
	From   string `help:"First day, as 2026-03-01." required:"" placeholder:"DAY"`
	To     string `help:"Last day." required:"" placeholder:"DAY"`
	Format string `help:"csv, xlsx or parquet." enum:"csv,xlsx,parquet" default:"csv"`
	Out    string `help:"The file; it must not be there yet." required:"" placeholder:"FILE"`
}

// Run writes the file.
func (c *measuresExtractCmd) Run(ctx context.Context) error {
	q := hub.ExtractQuery{Source: c.Source, Format: tabular.Format(c.Format)}
	var err, err2 error
	q.From, err = nhs.ParseDate(c.From)
	q.To, err2 = nhs.ParseDate(c.To)
	if err = errors.Join(err, err2); err != nil {
		return err
	}
	st, err := toolSite(ctx, c.Config)
	if err != nil {
		return err
	}
	return errors.Join(c.write(ctx, st, q), st.close())
}

func (c *measuresExtractCmd) write(ctx context.Context, st *site, q hub.ExtractQuery) error {
	if !st.config.hasOrg(nhs.ODS(c.Org)) {
		return fmt.Errorf("organisation %q is not in the configuration", c.Org)
	}
	f, err := os.OpenFile(c.Out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("making the file: %w", err)
	}
	if err := errors.Join(st.hub.OperatorExtract(ctx, operator(), nhs.ODS(c.Org), q, f), f.Close()); err != nil {
		return errors.Join(err, os.Remove(c.Out))
	}
	say(os.Stdout, "The rows are in %s.", c.Out)
	return nil
}

type analystRoleCmd struct {
	where
	Name string `arg:"" help:"The role, which must be there: small letters, digits and _."`
	Org  string `name:"organisation" help:"ODS code of the organisation whose rows it reads." required:"" placeholder:"ODS"`
}

// Run grants.
func (c *analystRoleCmd) Run(ctx context.Context) error {
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	if err := errors.Join(s.GrantAnalyst(ctx, c.Name, nhs.ODS(c.Org)), s.Close()); err != nil {
		return err
	}
	say(os.Stdout, "The role %s reads the views of docs/analysts.md with the rows of %s, and nothing else.", c.Name, c.Org)
	return nil
}

type analystFileCmd struct {
	where
	Out string `arg:"" help:"The file; it must not be there yet."`
	Org string `name:"organisation" help:"ODS code of the organisation whose rows it has." required:"" placeholder:"ODS"`
}

// Run writes the file.
func (c *analystFileCmd) Run(ctx context.Context) error {
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	rows, err := s.WriteAnalystFile(ctx, c.Out, nhs.ODS(c.Org))
	if err = errors.Join(err, s.Close()); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		say(os.Stdout, "%s: %d rows", name, rows[name])
	}
	return nil
}
