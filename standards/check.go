// Command standards checks that code cites only standards that index.txt
// lists, and prints where each one is cited. It does not know whether the code
// obeys what it cites; that is what the tests beside the citation are for.
//
//	go run ./standards          the whole list, with citations
//	go run ./standards RFC      only the standards whose name contains RFC
package main

import (
	_ "embed"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
)

//go:embed index.txt
var indexText string

func main() {
	filter := strings.Join(os.Args[1:], " ")
	if err := run(os.Stdout, os.DirFS("."), filter); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run prints the standards whose name contains filter, each with its
// citations, and gives an error when a citation is wrong.
func run(w io.Writer, root fs.FS, filter string) error {
	x, err := readIndex(indexText)
	if err != nil {
		return err
	}
	cites, err := x.citations(root)
	if err != nil {
		return err
	}
	for _, s := range x.standards {
		if !strings.Contains(strings.ToLower(s.name), strings.ToLower(filter)) {
			continue
		}
		fmt.Fprintf(w, "%-8s %s: %s\n", s.status, s.name, s.title)
		for _, c := range cites {
			if c.name == s.name {
				fmt.Fprintf(w, "         %s: %s\n", c.at, c.text)
			}
		}
	}
	return errors.Join(x.wrong(cites)...)
}

// A standard is one line of index.txt.
type standard struct {
	name   string // family, separator and version, such as "HL7 v2.4"
	status string // one of statuses
	title  string
	from   string
}

var statuses = []string{"Yes", "Partial", "Roadmap", "No"}

// An index is the list, and the pattern that finds citations of what it lists.
type index struct {
	standards []standard
	pattern   *regexp.Regexp // family, then a version in group 1
}

// version is what ends a short name: 2.4, v2.4, R4, STU3, A.3, 800-63B. After a
// family in a comment it makes a citation, right or wrong.
const version = `(?:v|R|STU|DSTU|[A-Z]\.)?[0-9]+(?:[.-][0-9]+)*[A-Z]?`

var ending = regexp.MustCompile(`^(.*?[A-Za-z])( ?)(` + version + `)$`)

// readIndex reads index.txt, and refuses lines that are not as its head says.
func readIndex(text string) (*index, error) {
	x := &index{}
	var alternatives []string
	for i, line := range strings.Split(text, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		cells := strings.Split(line, "|")
		if len(cells) != 4 {
			return nil, fmt.Errorf("index.txt:%d: %d cells, not 4", i+1, len(cells))
		}
		for j := range cells {
			if cells[j] = strings.TrimSpace(cells[j]); cells[j] == "" {
				return nil, fmt.Errorf("index.txt:%d: cell %d is empty", i+1, j+1)
			}
		}
		s := standard{cells[0], cells[1], cells[2], cells[3]}
		if !slices.Contains(statuses, s.status) {
			return nil, fmt.Errorf("index.txt:%d: status %q is none of %v", i+1, s.status, statuses)
		}
		if x.find(s.name) {
			return nil, fmt.Errorf("index.txt:%d: %s is listed twice", i+1, s.name)
		}
		x.standards = append(x.standards, s)
		if a := alternative(s.name); !slices.Contains(alternatives, a) {
			alternatives = append(alternatives, a)
		}
	}
	// The longest first, so that "BaRS API 1.4" is not taken for "BaRS".
	slices.SortFunc(alternatives, func(a, b string) int { return len(b) - len(a) })
	x.pattern = regexp.MustCompile(`\b(?:` + strings.Join(alternatives, "|") + `)(?:\b|$)`)
	return x, nil
}

// alternative is the pattern of a standard's family with any version, or of the
// plain name when it has none.
func alternative(name string) string {
	if m := ending.FindStringSubmatch(name); m != nil {
		return regexp.QuoteMeta(m[1]+m[2]) + version
	}
	return regexp.QuoteMeta(name)
}

func (x *index) find(name string) bool {
	return slices.ContainsFunc(x.standards, func(s standard) bool { return s.name == name })
}

// general reports whether a name says no more than a family in prose: "HL7 v2"
// is the beginning of "HL7 v2.4", and cites nothing.
func (x *index) general(name string) bool {
	return slices.ContainsFunc(x.standards, func(s standard) bool { return strings.HasPrefix(s.name, name+".") })
}

// A citation is a place in a comment that names a standard.
type citation struct {
	name string // as cited; not always in the index
	at   string // file:line
	text string // the line of the comment
}

// citations reads all Go comments under root, in the order of files and lines.
func (x *index) citations(root fs.FS) (out []citation, err error) {
	err = fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == ".git" || d.Name() == "node_modules"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(p, ".go"):
			return nil
		}
		src, err := fs.ReadFile(root, p)
		if err != nil {
			return fmt.Errorf("reading %s: %w", p, err)
		}
		found, err := x.inFile(p, src)
		out = append(out, found...)
		return err
	})
	return out, err
}

func (x *index) inFile(p string, src []byte) (out []citation, err error) {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, p, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("reading comments: %w", err)
	}
	for _, group := range f.Comments {
		for _, c := range group.List {
			first := set.Position(c.Pos()).Line
			for i, line := range strings.Split(c.Text, "\n") {
				for _, name := range x.pattern.FindAllString(line, -1) {
					at := fmt.Sprintf("%s:%d", p, first+i)
					out = append(out, citation{name, at, strings.Trim(line, "/* \t")})
				}
			}
		}
	}
	return out, nil
}

// wrong gives an error for each citation of what is not in the index, and for
// each standard that we say we obey but never cite.
func (x *index) wrong(cites []citation) (errs []error) {
	cited := map[string]bool{}
	for _, c := range cites {
		cited[c.name] = true
		if !x.find(c.name) && !x.general(c.name) {
			errs = append(errs, fmt.Errorf("%s: %s is cited, but is not in standards/index.txt", c.at, c.name))
		}
	}
	for _, s := range x.standards {
		if s.status == "Yes" && !cited[s.name] {
			errs = append(errs, fmt.Errorf("standards/index.txt says Yes to %s, which no comment cites", s.name))
		}
	}
	return errs
}
