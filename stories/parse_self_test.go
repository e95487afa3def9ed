//go:build unix

package stories

import (
	"strings"
	"testing"
)

// TestGrammar checks that a story that is not understood says where and what
// was expected, and that no sentence has two meanings.
func TestGrammar(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"no title", "it is 21:40", "x.txt:1: a story begins with its title"},
		{"verb", "# T\nnina looks 999", "x.txt:2: not understood: nina looks 999"},
		{"verb offers", "# T\nnina looks 999", "{who} looks up {person} because {text}"},
		{"indent", "# T\nit is 21:40\n  nina", "x.txt:3: this line is indented"},
		{"empty block", "# T\nthe council delivers an extract:\n", "x.txt:2: nothing stands below"},
		{"hospital", "# T\nKing's Mill says: Walter Pemberton flies away", "{hospital} says: {person} is fit to leave"},
	} {
		_, _, errs := parse("x.txt", c.text, sentences())
		var all []string
		for _, e := range errs {
			all = append(all, e.Error())
		}
		if said := strings.Join(all, "\n"); !strings.Contains(said, c.want) {
			t.Errorf("%s: said %q, want %q", c.name, said, c.want)
		}
	}
	if _, steps, errs := parse("x.txt", "# T\n# remark\nit is 21:40 on 22 November 2026\nnina signs in\n", sentences()); len(errs) > 0 || len(steps) != 2 {
		t.Errorf("a right story gives %d steps and %v", len(steps), errs)
	}
}
