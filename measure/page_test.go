package measure

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// docs/measures.md is made of the measures. To write it: go test ./measure -run TestPage -update
func TestPage(t *testing.T) {
	const file = "../docs/measures.md"
	want := page()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/measures.md is not what the measures say: go test ./measure -run TestPage -update")
	}
}

func page() string {
	var b strings.Builder
	b.WriteString(`# What the figures say

This page is made of the measures themselves (` + "`go test ./measure -run TestPage -update`" + `). How history becomes figures is told in [design/measures.md](design/measures.md);
how to read them in [using.md](using.md#figures). What is "ours" nobody has laid down nationally.

`)
	for _, m := range All {
		fmt.Fprintf(&b, "## %s\n\n%s\n\n", m.Title, m.Sentence)
		row := func(what, says string) {
			if says != "" {
				fmt.Fprintf(&b, "- **%s**: %s\n", what, says)
			}
		}
		row("Starts", m.Start)
		row("Stops", m.Stop)
		row("How", m.Method)
		row("In", string(m.Unit))
		var by, out []string
		for _, d := range m.By {
			by = append(by, string(d))
		}
		for _, code := range m.Leaves {
			out = append(out, Excluded[code])
		}
		row("By", strings.Join(by, ", "))
		row("Left out, and counted beside", strings.Join(out, "; "))
		row("Better", string(m.Better))
		if m.Matures > 0 {
			row("Complete", fmt.Sprintf("%d days after", m.Matures))
		}
		row("Laid down", m.Cite)
		fmt.Fprintf(&b, "- **Name**: `%s`\n\n", m.ID)
	}
	b.WriteString("## What is looked for in records\n\n| what | kind | what mends it | who can |\n|---|---|---|---|\n")
	for _, f := range Findings {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", f.Words, f.Kind, f.Do, f.Who)
	}
	return b.String()
}
