package governance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// A Log is the hazard log: what can go wrong, why, and what stands against it.
// DCB0129, clinical risk management.
type Log struct {
	Matrix  Matrix   `toml:"matrix"`
	Hazards []Hazard `toml:"hazard"`
}

// A Matrix rates a risk by severity (column) and likelihood (row).
type Matrix struct {
	Severities  []string `toml:"severities"`
	Likelihoods []string `toml:"likelihoods"`
	Ratings     [][]int  `toml:"ratings"`
	Acceptable  int      `toml:"acceptable"` // a rating above it must be accepted by name
}

// A Hazard is one thing that can go wrong.
type Hazard struct {
	ID       string    `toml:"id"`
	Title    string    `toml:"title"`
	Harm     string    `toml:"harm"`
	Causes   []string  `toml:"causes"`
	Severity string    `toml:"severity"`
	Before   string    `toml:"before"` // likelihood without the controls
	After    string    `toml:"after"`  // and with them
	Controls []Control `toml:"controls"`
	Accepted string    `toml:"accepted"` // why a rating above the acceptable one is accepted
}

// A Control is what stands against a hazard, and what shows that it does.
type Control struct {
	Says string `toml:"says"`
	By   []Ref  `toml:"by"`
}

// ReadLog reads a hazard log and refuses what does not hold together, naming
// the hazard and the mend.
func ReadLog(text []byte) (Log, error) {
	var l Log
	meta, err := toml.Decode(string(text), &l)
	if err != nil {
		return l, fmt.Errorf("reading the hazard log: %w", err)
	}
	if un := meta.Undecoded(); len(un) > 0 {
		return l, fmt.Errorf("reading the hazard log: %q is not known", un[0].String())
	}
	if err := l.Matrix.check(); err != nil {
		return l, fmt.Errorf("reading the hazard log: %w", err)
	}
	seen := map[string]bool{}
	for _, h := range l.Hazards {
		if seen[h.ID] {
			return l, fmt.Errorf("hazard %s stands twice", h.ID)
		}
		seen[h.ID] = true
		if err := l.check(h); err != nil {
			return l, fmt.Errorf("hazard %s: %w", h.ID, err)
		}
	}
	return l, nil
}

func (m Matrix) check() error {
	if len(m.Ratings) != len(m.Likelihoods) {
		return fmt.Errorf("the matrix needs a row of ratings for each likelihood")
	}
	for _, row := range m.Ratings {
		if len(row) != len(m.Severities) {
			return fmt.Errorf("the matrix needs a rating for each severity in each row")
		}
	}
	return nil
}

func (l Log) check(h Hazard) error {
	switch {
	case h.ID == "" || h.Title == "" || h.Harm == "":
		return fmt.Errorf("give it an id, a title and a harm")
	case len(h.Causes) == 0:
		return fmt.Errorf("name at least one cause")
	case len(h.Controls) == 0:
		return fmt.Errorf("name at least one control")
	case l.Rating(h.Severity, h.Before) == 0 || l.Rating(h.Severity, h.After) == 0:
		return fmt.Errorf("severity and likelihoods must be words of the matrix")
	case l.Rating(h.Severity, h.After) > l.Rating(h.Severity, h.Before):
		return fmt.Errorf("the controls cannot make it likelier")
	case l.Rating(h.Severity, h.After) > l.Matrix.Acceptable && h.Accepted == "":
		return fmt.Errorf("its rating is above %d: say in accepted why that is accepted", l.Matrix.Acceptable)
	}
	for _, c := range h.Controls {
		if c.Says == "" || len(c.By) == 0 {
			return fmt.Errorf("a control must say what it does, and by what")
		}
		for _, r := range c.By {
			if err := r.check(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Rating is the risk of a severity and a likelihood, from 1; 0 where a word is
// not in the matrix.
func (l Log) Rating(severity, likelihood string) int {
	col, row := slices.Index(l.Matrix.Severities, severity), slices.Index(l.Matrix.Likelihoods, likelihood)
	if col < 0 || row < 0 {
		return 0
	}
	return l.Matrix.Ratings[row][col]
}

// Summary counts the hazards by their rating with the controls in place.
func (l Log) Summary() string {
	rows := [][]string{{"Rating", "Without the controls", "With them"}}
	for r := 1; r <= 5; r++ {
		before, after := 0, 0
		for _, h := range l.Hazards {
			if l.Rating(h.Severity, h.Before) == r {
				before++
			}
			if l.Rating(h.Severity, h.After) == r {
				after++
			}
		}
		rows = append(rows, []string{fmt.Sprint(r), fmt.Sprint(before), fmt.Sprint(after)})
	}
	return table(rows)
}

// hazards is the log as text.
func (s Site) hazards() string {
	var b strings.Builder
	for _, h := range s.Hazards.Hazards {
		fmt.Fprintf(&b, "### %s %s\n\n", h.ID, h.Title)
		b.WriteString(table([][]string{{"Harm", "Causes", "Severity", "Risk without controls", "Risk with controls"},
			{h.Harm, strings.Join(h.Causes, "; "), h.Severity,
				fmt.Sprintf("%d (likelihood %s)", s.Hazards.Rating(h.Severity, h.Before), h.Before),
				fmt.Sprintf("%d (likelihood %s)", s.Hazards.Rating(h.Severity, h.After), h.After)}}))
		b.WriteString("\n")
		for _, c := range h.Controls {
			fmt.Fprintf(&b, "- %s %s\n", c.Says, mark(c.By))
		}
		if h.Accepted != "" {
			fmt.Fprintf(&b, "\n> Accepted: %s\n", h.Accepted)
		}
		b.WriteString("\n")
	}
	return b.String()
}
