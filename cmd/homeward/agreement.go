package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"homeward/hub"
	"homeward/sharing"
)

type agreementCmd struct {
	List   agreementListCmd   `cmd:"" help:"List every version of every sharing agreement."`
	Export agreementExportCmd `cmd:"" help:"Write sharing agreements to files, one a version."`
	Import agreementImportCmd `cmd:"" help:"Take a file as a draft, which information governance leads propose and approve."`
}

type agreementListCmd struct {
	Config string `help:"Configuration file." required:"" type:"existingfile" placeholder:"FILE"`
}

// Run lists versions, one a line.
func (c *agreementListCmd) Run(ctx context.Context) error {
	return withAgreements(ctx, c.Config, func(as []sharing.Agreement) error {
		for _, a := range as {
			say(os.Stdout, "%s version %d  %-9s  %s to %s  %s", a.ID, a.Version, a.Status, orNone(a.From.String()), orNone(a.To.String()), a.Title)
		}
		return nil
	})
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

// withAgreements reads all agreements of a site, which is audited.
func withAgreements(ctx context.Context, config string, f func([]sharing.Agreement) error) error {
	st, err := toolSite(ctx, config)
	if err != nil {
		return err
	}
	as, err := st.hub.OperatorAgreements(ctx)
	if err == nil {
		err = f(as)
	}
	return errors.Join(err, st.close())
}

type agreementExportCmd struct {
	Config string `help:"Configuration file." required:"" type:"existingfile" placeholder:"FILE"`
	To     string `help:"Folder for the files. A file that is there already is not written over." required:"" type:"existingdir" placeholder:"DIR"`
	ID     string `arg:"" optional:"" help:"Id of one agreement; none: all."`
}

// Run writes each version to a file of its own.
func (c *agreementExportCmd) Run(ctx context.Context) error {
	return withAgreements(ctx, c.Config, func(as []sharing.Agreement) error {
		n := 0
		for _, a := range as {
			if c.ID != "" && a.ID != c.ID {
				continue
			}
			path := filepath.Join(c.To, hub.AgreementFile(a))
			if err := writeNew(path, string(sharing.Write(a))); err != nil {
				return fmt.Errorf("writing the agreement: %w", err)
			}
			say(os.Stdout, "written: %s", path)
			n++
		}
		if n == 0 && c.ID != "" {
			return fmt.Errorf("there is no agreement %q. See: homeward agreement list", c.ID)
		}
		return nil
	})
}

type agreementImportCmd struct {
	Config string `help:"Configuration file." required:"" type:"existingfile" placeholder:"FILE"`
	File   string `arg:"" help:"The file." type:"existingfile"`
}

// Run takes a file as a draft: of a new version where the agreement is known.
// Whatever is wrong in the file is listed, and nothing of it is kept then.
func (c *agreementImportCmd) Run(ctx context.Context) error {
	b, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	content, wrongs := sharing.Read(b)
	for _, w := range wrongs {
		say(os.Stderr, "%s: %s", filepath.Base(c.File), w)
	}
	if len(wrongs) > 0 {
		return fmt.Errorf("nothing was imported. Things to mend in the file: %d", len(wrongs))
	}
	st, err := toolSite(ctx, c.Config)
	if err != nil {
		return err
	}
	ref, err := st.hub.OperatorImport(ctx, operator(), content)
	if err == nil {
		say(os.Stdout, "imported as a draft: %s version %d. It opens nothing until it was proposed and approved on the pages", ref.ID, ref.Version)
		for _, p := range content.Check() {
			say(os.Stdout, "missing before it can be proposed: %s", p.Text)
		}
	}
	return errors.Join(err, st.close())
}
