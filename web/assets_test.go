package web

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestAssetsStayWithinTheirBudget(t *testing.T) {
	a, err := LoadAssets()
	if err != nil {
		t.Fatal(err)
	}
	total := map[string]int{}
	for u, f := range a.files {
		total[filepath.Ext(u)] += len(f.gz)
	}
	for ext, limit := range map[string]int{".css": 36 << 10, ".js": 20 << 10} {
		if total[ext] == 0 || total[ext] > limit {
			t.Errorf("%s: %d bytes compressed, the budget is %d", ext, total[ext], limit)
		}
	}
	if own := len(a.files[a.URLs().URL("app.js")].gz); own > 7<<10 {
		t.Errorf("app.js is %d bytes compressed, the budget is 7 KB", own)
	}
}

func TestAssetsAreServedForEver(t *testing.T) {
	a, err := LoadAssets()
	if err != nil {
		t.Fatal(err)
	}
	u := a.URLs().URL("app.js")
	if !regexp.MustCompile(`^/static/app\.[0-9a-f]{10}\.js$`).MatchString(u) {
		t.Fatal(u)
	}
	r := httptest.NewRequest("GET", u, nil)
	plain := httptest.NewRecorder()
	a.ServeHTTP(plain, r)
	h := plain.Header()
	if plain.Code != 200 || h.Get("Cache-Control") != "public, max-age=31536000, immutable" || h.Get("Content-Type") != "text/javascript; charset=utf-8" {
		t.Error(plain.Code, h)
	}
	if !strings.Contains(plain.Body.String(), a.URLs().URL("vendor/nhsuk/nhsuk.js")) {
		t.Error("app.js does not import the hashed module")
	}
	r.Header.Set("Accept-Encoding", "gzip")
	packed := httptest.NewRecorder()
	a.ServeHTTP(packed, r)
	z, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(z); err != nil || b.String() != plain.Body.String() {
		t.Error("the compressed asset differs", err)
	}
	missing := httptest.NewRecorder()
	a.ServeHTTP(missing, httptest.NewRequest("GET", "/static/app.js", nil))
	if missing.Code != 404 {
		t.Error("an address without a hash is served:", missing.Code)
	}
}

// Nothing that is sent may lead a browser to another host or to an asset that
// is not there.
func TestStylesheetsLeadOnlyToOurAssets(t *testing.T) {
	a, err := LoadAssets()
	if err != nil {
		t.Fatal(err)
	}
	target := regexp.MustCompile(`url\(([^)]*)\)`)
	for u, f := range a.files {
		if filepath.Ext(u) != ".css" {
			continue
		}
		for _, m := range target.FindAllSubmatch(f.raw, -1) {
			to := strings.Trim(string(m[1]), `"'`)
			if _, ok := a.files[to]; !ok {
				t.Errorf("%s leads to %.80s", u, to)
			}
		}
		for _, word := range []string{"Frutiger", "assets.nhs.uk", "@import", "sourceMappingURL"} {
			if bytes.Contains(f.raw, []byte(word)) {
				t.Errorf("%s holds %s", u, word)
			}
		}
	}
}

func TestCSPAllowsTheBootScriptOnly(t *testing.T) {
	const known = "'sha256-tDOvXJi1PXbg0CWjLCCYSNHRXtps26K4JXkE3M6u/c0='" // nhsuk-frontend's own line
	csp := CSP()
	if !strings.Contains(csp, "script-src 'self' "+known+";") || strings.Contains(csp, "unsafe") || !strings.Contains(csp, "trusted-types app") {
		t.Error(csp)
	}
}

// Class names, raw HTML and styles belong to web/ui alone; no style attribute
// and no event attribute belongs anywhere; a style element only in a page that stands by
// itself to be printed (ui.Paper), which no browser gets from us. Lines of tests are not looked at.
func TestOnlyUIWritesMarkup(t *testing.T) {
	everywhere := regexp.MustCompile(`style="|"style"|\bh\.Style(Attr|El)?\(|html\.Style|["' ]on(click|load|error|submit|change)=`)
	outsideUI := regexp.MustCompile(`\bg\.Rawf?\(|\.Class\(|"class"|class="|nhsuk-|"app-[a-z]+__`)
	dotImport := regexp.MustCompile(`\. "maragu\.dev/gomponents`)
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(p) != ".go" || strings.HasSuffix(p, "_test.go") {
			return err
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		rules := []*regexp.Regexp{everywhere, dotImport}
		if dir := filepath.Dir(p); dir != "ui" && dir != "chart" {
			rules = append(rules, outsideUI)
		}
		for i, line := range strings.Split(string(b), "\n") {
			line, _, _ = strings.Cut(line, "//")
			if p == filepath.Join("ui", "paper.go") {
				line = strings.Replace(line, "h.StyleEl(g.Raw(css))", "", 1)
			}
			if slices.ContainsFunc(rules, func(r *regexp.Regexp) bool { return r.MatchString(line) }) {
				t.Errorf("%s:%d: markup outside web/ui, or a style: %s", p, i+1, strings.TrimSpace(line))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Examples on screens use only numbers that ring nobody: 01632 960000 to 960999.
func TestExamplePhoneNumbersRingNobody(t *testing.T) {
	phone := regexp.MustCompile(`\b0(?:\d[ ]?){9,10}\b`)
	drama := regexp.MustCompile(`^01632960\d{3}$`)
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(p) != ".go" {
			return err
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		for _, n := range phone.FindAllString(string(b), -1) {
			if !drama.MatchString(strings.ReplaceAll(n, " ", "")) {
				t.Errorf("%s has a phone number outside the range for drama", p)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
