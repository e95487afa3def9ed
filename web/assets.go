// Package web is Homeward's screens: routes, typed views and live updates. It
// asks hub for everything that it shows and never reads a store or decides who
// may see what. Components and class names live in web/ui.
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"

	"homeward/web/ui"
)

//go:embed static
var static embed.FS

// An asset is one embedded file, ready to send.
type asset struct {
	raw, gz     []byte
	contentType string
	etag        string
}

// Assets serves the embedded files under content-hashed URLs, so that a reader
// may keep them for ever and an upgrade is seen at once.
type Assets struct {
	urls  ui.Assets        // file name to URL
	files map[string]asset // URL to file
}

// contentTypes are the kinds of file that may be embedded; the machine's own
// table of types is not asked, because it differs from machine to machine.
var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
	".txt": "text/plain; charset=utf-8",
}

// LoadAssets hashes and compresses the embedded files once. It fails only when
// the program was built wrongly.
func LoadAssets() (*Assets, error) {
	files, err := readStatic()
	if err != nil {
		return nil, err
	}
	a := &Assets{urls: ui.Assets{}, files: map[string]asset{}}
	// a file that names others comes after them, so that it holds their hashes
	for _, linking := range []bool{false, true} {
		for _, name := range slices.Sorted(maps.Keys(files)) {
			if linksOthers(name) != linking {
				continue
			}
			if err := a.add(name, files[name]); err != nil {
				return nil, fmt.Errorf("preparing the asset %s: %w", name, err)
			}
		}
	}
	return a, nil
}

func readStatic() (map[string][]byte, error) {
	files := map[string][]byte{}
	err := fs.WalkDir(static, "static", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := static.ReadFile(p)
		files[strings.TrimPrefix(p, "static/")] = b
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the embedded assets: %w", err)
	}
	return files, nil
}

func linksOthers(name string) bool { return path.Ext(name) == ".css" || name == "app.js" }

// add rewrites the names of other assets in a file to their URLs, and keeps it.
func (a *Assets) add(name string, b []byte) error {
	ext := path.Ext(name)
	kind, ok := contentTypes[ext]
	if !ok {
		return fmt.Errorf("no content type is known for %s", ext)
	}
	if linksOthers(name) {
		s := string(b)
		for other, u := range a.urls {
			s = strings.ReplaceAll(s, "url(./"+strings.TrimPrefix(other, path.Dir(name)+"/")+")", "url("+u+")")
			s = strings.ReplaceAll(s, "'./"+other+"'", "'"+u+"'")
		}
		b = []byte(s)
	}
	var z bytes.Buffer
	w, err := gzip.NewWriterLevel(&z, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(b); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	sum := sha256.Sum256(b)
	hash := hex.EncodeToString(sum[:5])
	u := "/static/" + strings.TrimSuffix(name, ext) + "." + hash + ext
	a.urls[name] = u
	a.files[u] = asset{raw: b, gz: z.Bytes(), contentType: kind, etag: `"` + hash + `"`}
	return nil
}

// URLs is the table that ui.Page needs.
func (a *Assets) URLs() ui.Assets { return a.urls }

// styles are the texts of style sheets, for a page that stands by itself.
func (a *Assets) styles(names ...string) (out []string) {
	for _, n := range names {
		out = append(out, string(a.files[a.urls[n]].raw))
	}
	return out
}

// ServeHTTP serves GET /static/. An old or wrong URL is not found.
func (a *Assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := a.files[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	h.Set("ETag", f.etag)
	h.Set("X-Content-Type-Options", "nosniff")
	if r.Header.Get("If-None-Match") == f.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	b := f.raw
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") && len(f.gz) < len(f.raw) {
		h.Set("Content-Encoding", "gzip")
		b = f.gz
	}
	// a reader who has gone away is not an error of ours
	_, _ = w.Write(b)
}

// CSP is the Content Security Policy of every page: our own files only, no
// inline style, one inline script by its hash, and Trusted Types with the one
// policy that app.js makes. form-action also stops redirects from a form to
// another host, so sign-in with an identity provider must begin with a link.
func CSP() string {
	sum := sha256.Sum256([]byte(ui.BootScript))
	return "default-src 'none'; script-src 'self' 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; " +
		"style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; " +
		"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types app"
}
