// Command sbom writes what Homeward is made of as a CycloneDX 1.6 document: the
// modules that are linked into the program, those that only help to build and
// test it, what was copied into the repository, and the Go standard library.
//
//	go run ./tools/sbom > homeward.cdx.json
//
// It asks the go command and reads THIRD_PARTY.md, and needs no network. The
// same tree and toolchain give the same bytes: no time and no serial number is
// in it. It does not look for vulnerabilities.
package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	dir := flag.String("dir", ".", "root of the module")
	version := flag.String("version", "", "version of Homeward that is described; empty: none is told")
	flag.Parse()
	facts, err := gather(*dir)
	if err == nil {
		err = write(os.Stdout, facts, *version)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

// module is one Go module of the build.
type module struct {
	path, version string
	sum           string // h1: of go.sum
	linked        bool   // into the program
}

// facts is all that the document is made of.
type facts struct {
	name, toolchain string
	modules         []module
	edges           map[string][]string // module path to the module paths that it requires
	licences        map[string]string   // SPDX ids, by module path
	copied          []copied
}

// copied is a work that was copied into the repository.
type copied struct {
	name, version, licence string
	tests                  bool // only
}

// gather asks the go command and reads go.sum and THIRD_PARTY.md.
func gather(dir string) (f facts, err error) {
	mod, err := ask(dir, "mod", "edit", "-json")
	if err != nil {
		return f, err
	}
	var file struct {
		Module  struct{ Path string }
		Require []struct{ Path, Version string }
	}
	if err := json.Unmarshal(mod, &file); err != nil {
		return f, fmt.Errorf("reading go.mod: %w", err)
	}
	linked, err := ask(dir, "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./cmd/...")
	if err != nil {
		return f, err
	}
	toolchain, err := ask(dir, "env", "GOVERSION")
	if err != nil {
		return f, err
	}
	sums, err := readSums(filepath.Join(dir, "go.sum"))
	if err != nil {
		return f, err
	}
	f.name, f.toolchain = file.Module.Path, strings.TrimPrefix(strings.Fields(string(toolchain))[0], "go")
	in := strings.Fields(string(linked))
	for _, r := range file.Require {
		f.modules = append(f.modules, module{r.Path, r.Version, sums[r.Path+" "+r.Version], slices.Contains(in, r.Path)})
	}
	if f.edges, err = graph(dir, f); err != nil {
		return f, err
	}
	text, err := os.ReadFile(filepath.Join(dir, "THIRD_PARTY.md"))
	if err != nil {
		return f, err
	}
	f.licences, f.copied = thirdParty(string(text))
	return f, nil
}

// ask runs the go command without the network, for one platform whatever the
// machine: which modules are linked differs between platforms.
func ask(dir string, args ...string) ([]byte, error) {
	c := exec.Command("go", args...)
	c.Dir, c.Env = dir, append(os.Environ(), "GOFLAGS=-mod=readonly", "GOPROXY=off", "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	var wrong bytes.Buffer
	c.Stderr = &wrong
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(wrong.String()))
	}
	return out, nil
}

// readSums reads go.sum: the sums of modules' content, by path and version.
func readSums(path string) (map[string]string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	sums := map[string]string{}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && !strings.HasSuffix(f[1], "/go.mod") {
			sums[f[0]+" "+f[1]] = f[2]
		}
	}
	return sums, nil
}

// graph is which of the modules require which of the others.
func graph(dir string, f facts) (map[string][]string, error) {
	out, err := ask(dir, "mod", "graph")
	if err != nil {
		return nil, err
	}
	versions := map[string]string{}
	for _, m := range f.modules {
		versions[m.path] = m.version
	}
	edges := map[string][]string{}
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		from, to, _ := strings.Cut(lines.Text(), " ")
		path, version, _ := strings.Cut(from, "@")
		to, _, _ = strings.Cut(to, "@")
		if versions[to] == "" || versions[path] != version || slices.Contains(edges[path], to) {
			continue // another version of it was chosen, or it is not built
		}
		edges[path] = append(edges[path], to)
	}
	return edges, lines.Err()
}

var (
	spdx     = regexp.MustCompile(`^[A-Za-z0-9.-]+`)
	workName = regexp.MustCompile(`^(\S+) (\d[0-9.]*): (.*)`)
)

// thirdParty reads the tables of THIRD_PARTY.md.
func thirdParty(text string) (licences map[string]string, works []copied) {
	licences = map[string]string{}
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch len(cells) {
		case 4:
			if strings.Contains(cells[0], ".") && strings.Contains(cells[0], "/") {
				licences[cells[0]] = spdx.FindString(cells[2])
			}
		case 3:
			m := workName.FindStringSubmatch(cells[0])
			if m == nil || slices.ContainsFunc(works, func(c copied) bool { return c.name == m[1] && c.version == m[2] }) {
				continue
			}
			works = append(works, copied{m[1], m[2], spdx.FindString(cells[2]), strings.Contains(m[3], "tests")})
		}
	}
	return licences, works
}

// The parts of a CycloneDX 1.6 document that are written.
// https://cyclonedx.org/docs/1.6/json/
type (
	bom struct {
		Schema       string       `json:"$schema"`
		Format       string       `json:"bomFormat"`
		Spec         string       `json:"specVersion"`
		Version      int          `json:"version"`
		Metadata     metadata     `json:"metadata"`
		Components   []component  `json:"components"`
		Dependencies []dependency `json:"dependencies"`
	}
	metadata struct {
		Component component `json:"component"`
	}
	component struct {
		Type     string        `json:"type"`
		Ref      string        `json:"bom-ref"`
		Name     string        `json:"name"`
		Version  string        `json:"version,omitempty"`
		Scope    string        `json:"scope,omitempty"`
		Hashes   []hash        `json:"hashes,omitempty"`
		Licences []licenceItem `json:"licenses,omitempty"`
		PURL     string        `json:"purl,omitempty"`
	}
	hash struct {
		Alg     string `json:"alg"`
		Content string `json:"content"`
	}
	licenceItem struct {
		Licence licence `json:"license"`
	}
	licence struct {
		ID string `json:"id"`
	}
	dependency struct {
		Ref string   `json:"ref"`
		On  []string `json:"dependsOn,omitempty"`
	}
)

// scope: what is not linked is not reachable when the program runs.
func scope(shipped bool) string {
	if shipped {
		return "required"
	}
	return "excluded"
}

func licensed(id string) []licenceItem { return []licenceItem{{licence{id}}} }

// made is the component of a module.
func made(m module, licence string) (c component, err error) {
	purl := "pkg:golang/" + m.path + "@" + m.version
	c = component{Type: "library", Ref: purl, Name: m.path, Version: m.version, Scope: scope(m.linked), PURL: purl, Licences: licensed(licence)}
	if licence == "" {
		return c, fmt.Errorf("THIRD_PARTY.md names no licence of %s", m.path)
	}
	// As cyclonedx-gomod has it: the h1 sum is the SHA-256 of the module's files
	// (golang.org/x/mod/sumdb/dirhash), not of an archive.
	sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.sum, "h1:"))
	if err != nil || len(sum) != 32 {
		return c, fmt.Errorf("go.sum has no sum of %s %s", m.path, m.version)
	}
	c.Hashes = []hash{{"SHA-256", hex.EncodeToString(sum)}}
	return c, nil
}

// document makes the document; its errors name everything that is missing.
func document(f facts, version string) (bom, error) {
	own := "pkg:golang/" + f.name
	if version != "" {
		own += "@" + version
	}
	b := bom{Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", Spec: "1.6", Version: 1,
		Metadata: metadata{component{Type: "application", Ref: own, Name: f.name, Version: version, PURL: own, Licences: licensed("Apache-2.0")}}}
	var errs []error
	refs := map[string]string{f.name: own}
	for _, m := range f.modules {
		c, err := made(m, f.licences[m.path])
		errs = append(errs, err)
		b.Components = append(b.Components, c)
		refs[m.path] = c.Ref
	}
	std := "pkg:golang/std@" + f.toolchain
	b.Components = append(b.Components, component{Type: "library", Ref: std, Name: "std", Version: f.toolchain, Scope: "required", PURL: std, Licences: licensed("BSD-3-Clause")})
	also := []string{std}
	for _, w := range f.copied {
		purl := "pkg:npm/" + w.name + "@" + w.version
		b.Components = append(b.Components, component{Type: "library", Ref: purl, Name: w.name, Version: w.version, Scope: scope(!w.tests), PURL: purl, Licences: licensed(w.licence)})
		also = append(also, purl)
	}
	slices.SortFunc(b.Components, func(x, y component) int { return cmp.Compare(x.Ref, y.Ref) })
	for path, ref := range refs {
		d := dependency{Ref: ref}
		for _, to := range f.edges[path] {
			d.On = append(d.On, refs[to])
		}
		if path == f.name {
			d.On = append(d.On, also...)
		}
		slices.Sort(d.On)
		b.Dependencies = append(b.Dependencies, d)
	}
	slices.SortFunc(b.Dependencies, func(x, y dependency) int { return cmp.Compare(x.Ref, y.Ref) })
	return b, errors.Join(errs...)
}

func write(w io.Writer, f facts, version string) error {
	b, err := document(f, version)
	if err != nil {
		return err
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(b)
}
