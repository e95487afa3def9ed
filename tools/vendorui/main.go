// Command vendorui copies the few files that Homeward ships out of an npm
// tarball, and refuses the tarball when its integrity is not the one given.
// From nhsuk-frontend it removes what must not be shipped (third-party font
// URLs, source map comments) and rewrites the image URLs; from axe-core it takes
// the script that browser tests inject, and its licence. It is run by hand at
// upgrades and its output is committed, so that the build needs neither Node nor
// the network. It downloads nothing itself.
//
//	npm pack nhsuk-frontend@10.6.1 axe-core@4.14.1
//	go run ./tools/vendorui -set nhsuk -tgz nhsuk-frontend-10.6.1.tgz \
//	  -integrity sha512-PZorqQZjZx/A26yJoskCL9z0ib6AtkAyF0o4K/RHr8zRrJyXrUOCnMbjy0VNXsGO4tfTNMwqlkwATKs4a0xayw==
//	go run ./tools/vendorui -set axe -tgz axe-core-4.14.1.tgz \
//	  -integrity sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==
//	go run ./tools/vendorui -set fixtures -tgz nhsuk-frontend-10.6.1.tgz -integrity …
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

var (
	fontFace  = regexp.MustCompile(`@font-face\{[^}]*\}`)
	frutiger  = regexp.MustCompile(`font-family:Frutiger W01,\s*arial,\s*sans-serif`)
	sourceMap = regexp.MustCompile(`(?m)(/\*|//)# sourceMappingURL=.*$\n?`)
	spaces    = regexp.MustCompile(`\n\s*`)
)

// A set is what is taken from one tarball: where it goes, and which file of the
// tarball becomes which file of ours.
type set struct {
	out  string
	keep map[string]string
}

var sets = map[string]set{
	"nhsuk": {"web/static/vendor/nhsuk", map[string]string{
		"package/dist/nhsuk/nhsuk-frontend.min.css":                     "nhsuk.css",
		"package/dist/nhsuk/nhsuk-frontend.min.js":                      "nhsuk.js",
		"package/dist/nhsuk/assets/images/nhsuk-icon-arrow-down.svg":    "arrow-down.svg",
		"package/dist/nhsuk/assets/images/nhsuk-icon-arrow-up.svg":      "arrow-up.svg",
		"package/dist/nhsuk/assets/images/nhsuk-icon-arrow-up-down.svg": "arrow-up-down.svg",
		"package/dist/nhsuk/assets/images/nhsuk-icon-cross.svg":         "cross.svg",
	}},
	"axe": {"web/testdata", map[string]string{
		"package/axe.min.js":            "axe.min.js",
		"package/LICENSE":               "axe.LICENSE.txt",
		"package/LICENSE-3RD-PARTY.txt": "axe.LICENSE-3RD-PARTY.txt",
	}},
	"fixtures": {"web/ui/testdata", map[string]string{}},
}

// wanted lists the upstream examples that the golden tests of web/ui compare
// with, as component/name or component/name#n for the n-th example of that name.
var wanted = []string{
	"back-link/default",
	"button/as a link", "button/secondary, small", "button/warning", "button/with double click prevented",
	"card/basic with custom HTML", "card/warning",
	"character-count/with error message and hint, without heading",
	"checkboxes/with error message and hint, without heading", "checkboxes/with \"none\" option", "checkboxes/with hints on items",
	"code/with scroll overflow",
	"date-input/with error message and hint", "date-input/with error on day input",
	"details/default", "details/expander", "details/open",
	"error-summary/with description", "error-summary/with multiple errors",
	"file-upload/with error message and hint, without heading",
	"input/with code input styling", "input/with error message and hint, without heading", "input/with prefix and suffix and error message",
	"inset-text/default",
	"notification-banner/default", "notification-banner/with success variant",
	"pagination/default", "pagination/numbered", "pagination/with only next",
	"panel/default", "panel/interruption",
	"password-input/with error message and hint, without heading",
	"radios/inline#1", "radios/with conditional content", "radios/with divider", "radios/with error message and hint, without heading", "radios/with hints on items",
	"select/with error message and hint, without heading", "select/with selected value",
	"skip-link/default",
	"summary-list/default", "summary-list/with actions",
	"tables/sortable server-side", "tables/with numeric format",
	"tag/default", "tag/default#3",
	"task-list/default",
	"textarea/with error message and hint, without heading",
}

func main() {
	name := flag.String("set", "nhsuk", "what to take: nhsuk, axe or fixtures")
	tgz := flag.String("tgz", "", "the file that npm pack wrote")
	want := flag.String("integrity", "", "sha512-… as npm view PACKAGE dist.integrity prints it")
	root := flag.String("root", ".", "the directory that holds go.mod")
	flag.Parse()
	if err := vendor(*name, *tgz, *want, *root); err != nil {
		fmt.Fprintln(os.Stderr, "vendorui:", err)
		os.Exit(1)
	}
}

// vendor checks the tarball and writes one set below root.
func vendor(name, tgz, integrity, root string) error {
	s, ok := sets[name]
	if !ok {
		return fmt.Errorf("no set is called %q", name)
	}
	b, err := os.ReadFile(tgz)
	if err != nil {
		return fmt.Errorf("reading the tarball: %w", err)
	}
	sum := sha512.Sum512(b)
	if got := "sha512-" + base64.StdEncoding.EncodeToString(sum[:]); got != integrity {
		return fmt.Errorf("integrity of %s is %s, not the one given", tgz, got)
	}
	files, err := untar(b)
	if err != nil {
		return fmt.Errorf("unpacking %s: %w", tgz, err)
	}
	out := filepath.Join(root, s.out)
	if name == "fixtures" {
		return writeFixtures(files, out)
	}
	for from, to := range s.keep {
		body, ok := files[from]
		if !ok {
			return fmt.Errorf("%s is not in the tarball", from)
		}
		if body, err = clean(to, body); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(out, to), body, 0o644); err != nil {
			return fmt.Errorf("writing %s: %w", to, err)
		}
	}
	fmt.Println("wrote", len(s.keep), "files to", out)
	return nil
}

// untar returns the regular files of a gzipped tar archive by name.
func untar(b []byte) (map[string][]byte, error) {
	gz, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	tr := tar.NewReader(gz)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		if files[h.Name], err = io.ReadAll(tr); err != nil {
			return nil, err
		}
	}
}

// clean removes what must not be shipped: the font that needs a licence and is
// fetched from another host, and pointers to source maps that we do not serve.
func clean(name string, body []byte) ([]byte, error) {
	if ext := path.Ext(name); ext != ".css" && name != "nhsuk.js" {
		return body, nil
	}
	s := sourceMap.ReplaceAllString(string(body), "")
	if strings.HasSuffix(name, ".css") {
		s = fontFace.ReplaceAllString(s, "")
		s = frutiger.ReplaceAllString(s, "font-family:arial,sans-serif")
		s = strings.ReplaceAll(s, "/assets/images/nhsuk-icon-", "./")
	}
	if strings.Contains(s, "assets.nhs.uk") || strings.Contains(s, "Frutiger") {
		return nil, fmt.Errorf("%s still mentions a font of another host", name)
	}
	return []byte(s), nil
}

// writeFixtures gathers the wanted upstream examples into one file.
func writeFixtures(files map[string][]byte, out string) error {
	all := map[string]string{}
	for _, w := range wanted {
		comp, name, _ := strings.Cut(w, "/")
		html, err := fixture(files["package/dist/nhsuk/components/"+comp+"/fixtures.json"], name)
		if err != nil {
			return fmt.Errorf("example %s: %w", w, err)
		}
		all[w] = spaces.ReplaceAllString(html, "\n")
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	fmt.Println("wrote", len(all), "examples to", out)
	return os.WriteFile(filepath.Join(out, "fixtures.json"), b.Bytes(), 0o644)
}

// fixture finds an example by name; "name#2" is the third of that name.
func fixture(b []byte, name string) (string, error) {
	var f struct {
		Fixtures []struct{ Name, HTML string }
	}
	if err := json.Unmarshal(b, &f); err != nil {
		return "", fmt.Errorf("reading its fixtures: %w", err)
	}
	n := 0
	if i := strings.LastIndex(name, "#"); i > 0 {
		if _, err := fmt.Sscanf(name[i:], "#%d", &n); err != nil {
			return "", err
		}
		name = name[:i]
	}
	for _, x := range f.Fixtures {
		if x.Name != name {
			continue
		}
		if n == 0 {
			return x.HTML, nil
		}
		n--
	}
	return "", errors.New("not in the tarball")
}
