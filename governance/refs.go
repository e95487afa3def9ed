package governance

import (
	"fmt"
	"regexp"
	"strings"
)

// A Ref names what makes a statement true: rule:NAME, test:FOLDER.NAME,
// story:NAME, setting:KEY, doc:PATH, agreements (the agreements in the store), or
// local (something that the organisation must do or say itself).
type Ref string

var refForm = regexp.MustCompile(`^(rule:[a-z0-9-]+|test:[a-z0-9/]+\.(Test|Fuzz|Benchmark)[A-Za-z0-9_]+|story:[a-z0-9-]+|setting:[a-z_.]+|doc:[A-Za-z0-9/._-]+|agreements|local)$`)

func (r Ref) check() error {
	if !refForm.MatchString(string(r)) {
		return fmt.Errorf("%q is no reference; write rule:, test:, story:, setting:, doc:, agreements or local", string(r))
	}
	return nil
}

// Split is the kind and the name of a reference.
func (r Ref) Split() (kind, name string) {
	kind, name, _ = strings.Cut(string(r), ":")
	return kind, name
}

// mark writes references as they stand in a document.
func mark(refs []Ref) string {
	words := make([]string, len(refs))
	for i, r := range refs {
		words[i] = string(r)
	}
	return "{" + strings.Join(words, " ") + "}"
}

var markForm = regexp.MustCompile(` ?\{([a-z][^{}]*)\}`)

// shown puts the references of a text into words.
func shown(text string) string {
	return markForm.ReplaceAllStringFunc(text, func(m string) string {
		var words []string
		for _, f := range strings.Fields(strings.Trim(m, " {}")) {
			kind, name := Ref(f).Split()
			switch kind {
			case "local":
				words = append(words, "for the organisation itself")
			case "agreements":
				words = append(words, "sharing agreements")
			default:
				words = append(words, kind+" `"+name+"`")
			}
		}
		return " *(" + strings.Join(words, "; ") + ")*"
	})
}

var actionForm = regexp.MustCompile(`\{\{[^}]*\}\}`)

// A Claim is one statement of a document, and what makes it true.
type Claim struct {
	Document string
	Line     int
	Text     string
	By       []Ref
}

// Claims lists every statement of the documents: each line that is not a
// heading, a table, a quotation or a template's. A statement without a reference
// has none in By, which a test does not let pass.
func Claims() ([]Claim, error) {
	var out []Claim
	for _, d := range pack {
		text, err := documents.ReadFile("documents/" + d.name + ".md")
		if err != nil {
			return nil, err
		}
		for i, line := range strings.Split(string(text), "\n") {
			if strings.TrimSpace(line) == "" || strings.ContainsRune("#|>", rune(line[0])) || strings.HasPrefix(line, "{{") {
				continue
			}
			c := Claim{Document: d.name, Line: i + 1, Text: line}
			for _, m := range markForm.FindAllStringSubmatch(actionForm.ReplaceAllString(line, ""), -1) {
				for _, f := range strings.Fields(m[1]) {
					c.By = append(c.By, Ref(f))
				}
			}
			out = append(out, c)
		}
	}
	return out, nil
}
