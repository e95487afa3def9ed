package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"homeward/hub"
	"homeward/measure"
	"homeward/nhs"
)

// measuresCmd is for operators: what is measured, and whether it is right.
type measuresCmd struct {
	List    measuresListCmd    `cmd:"" help:"List the measures, each with how it is made and where that is laid down."`
	Verify  measuresVerifyCmd  `cmd:"" help:"Compare what is counted with the history of cases, without writing; exit 0 only when all is the same."`
	Rebuild measuresRebuildCmd `cmd:"" help:"Count everything anew from the history of cases, while the program runs; figures stay as they are until it is done."`
	Figure  measuresFigureCmd  `cmd:"" help:"Print a measure as CSV, with small numbers left out."`

	measuresExtracts
}

type measuresListCmd struct{}

// Run lists them.
func (c *measuresListCmd) Run() error {
	for _, m := range measure.All {
		say(os.Stdout, "%s\n  %s (%s)\n  From %s to %s. %s\n  %s\n", m.ID, m.Title, m.Unit, m.Start, m.Stop, m.Method, m.Cite)
	}
	return nil
}

type measuresVerifyCmd struct {
	Config string `help:"Configuration file." required:"" type:"existingfile" placeholder:"FILE"`
}

// Run names what is not the same.
func (c *measuresVerifyCmd) Run(ctx context.Context) error {
	st, err := toolSite(ctx, c.Config)
	if err != nil {
		return err
	}
	n, err := st.hub.VerifyMeasures(ctx, func(text string) { say(os.Stdout, "%s", text) })
	if err = errors.Join(err, st.close()); err != nil {
		return err
	}
	if n > 0 {
		return fmt.Errorf("%d things are counted that history does not say, or are not counted. To mend it, run homeward measures rebuild", n)
	}
	say(os.Stdout, "What is counted is what history says.")
	return nil
}

type measuresRebuildCmd struct {
	Config string `help:"Configuration file." required:"" type:"existingfile" placeholder:"FILE"`
}

// Run counts anew.
func (c *measuresRebuildCmd) Run(ctx context.Context) error {
	st, err := toolSite(ctx, c.Config)
	if err != nil {
		return err
	}
	began := time.Now()
	err = st.hub.Remeasure(ctx)
	if err = errors.Join(err, st.close()); err != nil {
		return err
	}
	say(os.Stdout, "Everything was counted anew in %s.", time.Since(began).Round(time.Millisecond))
	return nil
}

type measuresFigureCmd struct {
	Config  string            `help:"Configuration file." required:"" type:"existingfile" placeholder:"FILE"`
	Measure string            `arg:"" help:"Which measure; homeward measures list names them."`
	From    string            `help:"First day." required:"" placeholder:"YYYY-MM-DD"`
	To      string            `help:"Last day." required:"" placeholder:"YYYY-MM-DD"`
	By      string            `help:"Split by this, such as hospital or council."`
	Every   string            `help:"A figure for each day, week or month." enum:",day,week,month" default:""`
	Where   map[string]string `help:"Only these, such as hospital=RK5."`
	KnownAt string            `help:"As was known at this time." placeholder:"YYYY-MM-DDTHH:MM:SSZ"`
}

// Run prints it.
func (c *measuresFigureCmd) Run(ctx context.Context) error {
	q, err := c.query()
	if err != nil {
		return err
	}
	st, err := toolSite(ctx, c.Config)
	if err != nil {
		return err
	}
	v, err := st.hub.OperatorFigure(ctx, q)
	if err == nil {
		err = writeFigure(v)
	}
	return errors.Join(err, st.close())
}

func (c *measuresFigureCmd) query() (hub.FigureQuery, error) {
	q := hub.FigureQuery{Measure: measure.ID(c.Measure), By: measure.Dim(c.By), Every: measure.Every(c.Every), Where: map[measure.Dim]string{}}
	for d, v := range c.Where {
		q.Where[measure.Dim(d)] = v
	}
	for _, d := range []struct {
		text string
		into *nhs.Date
	}{{c.From, &q.From}, {c.To, &q.To}} {
		t, err := time.Parse(time.DateOnly, d.text)
		if err != nil {
			return q, fmt.Errorf("the day %q is not written as 2026-03-31", d.text)
		}
		*d.into = nhs.DateOf(t)
	}
	if c.KnownAt == "" {
		return q, nil
	}
	t, err := time.Parse(time.RFC3339, c.KnownAt)
	if err != nil {
		return q, fmt.Errorf("the time %q is not written as 2026-03-31T12:00:00Z", c.KnownAt)
	}
	q.KnownAt = t
	return q, nil
}

func writeFigure(v hub.FigureView) error {
	w := csv.NewWriter(os.Stdout)
	line := func(group, step string, f measure.Figure) error {
		if strings.IndexAny(group, "=+-@") == 0 { // a spreadsheet would run it
			group = "'" + group
		}
		value, over := "", strconv.FormatInt(f.Over, 10)
		switch {
		case f.Few:
			value, over = "fewer than "+strconv.Itoa(measure.Few)+", or hidden with one that is", ""
		case f.Known:
			value = strconv.FormatFloat(f.Value, 'f', -1, 64)
		}
		return w.Write([]string{string(v.Measure), group, step, value, string(v.Def.Unit), over})
	}
	errs := []error{w.Write([]string{"measure", strings.TrimSpace("group " + string(v.By)), "from", "value", "unit", "over"}), line("all", "", v.Total)}
	for _, s := range v.Steps {
		errs = append(errs, line("all", s.Start.String(), s.Figure))
	}
	for _, g := range v.Groups {
		errs = append(errs, line(g.Name, "", g.Figure))
		for _, s := range g.Steps {
			errs = append(errs, line(g.Name, s.Start.String(), s.Figure))
		}
	}
	w.Flush()
	return errors.Join(append(errs, w.Error())...)
}
