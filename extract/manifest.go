package extract

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"homeward/nhs"
)

// ManifestName is the file that says that an extract is complete. It is
// written last, as ManifestName + ".tmp", and then renamed.
const ManifestName = "manifest.toml"

// Kind says whether an extract holds everybody or only who changed.
type Kind string

// The kinds of extract.
const (
	Full    Kind = "full"    // everybody: who is not in it is no longer held
	Changes Kind = "changes" // who changed, each with everything that is held about them
)

// Manifest says what an extract is and what must be in it.
type Manifest struct {
	Format    int
	Council   nhs.ODS
	AsAt      time.Time
	Kind      Kind
	Files     []File
	NotShared []Table // what the council chose not to share
}

// File is one file of an extract.
type File struct {
	Name   string
	Table  Table  // "" when the layout knows it by its name
	Rows   int    // records, without the header
	SHA256 string // hexadecimal, "" when not told
}

// ErrIncomplete is that there is no manifest yet: whoever writes the extract
// has not finished.
var ErrIncomplete = errors.New("the extract is not complete yet: there is no " + ManifestName)

// Stopped is why nothing of an extract may be applied until a person has
// looked. Mend is for that person and holds no personal data.
type Stopped struct {
	File  string
	Field string
	Mend  string
}

func (s *Stopped) Error() string {
	var parts []string
	for _, p := range []string{s.File, s.Field} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(append(parts, s.Mend), ": ")
}

// written is the manifest as it stands in TOML.
type written struct {
	Format    int     `toml:"format"`
	Council   string  `toml:"council"`
	AsAt      instant `toml:"as_at"`
	Kind      Kind    `toml:"kind"`
	NotShared []Table `toml:"not_shared"`
	Files     []struct {
		Name   string `toml:"name"`
		Table  Table  `toml:"table"`
		Rows   *int   `toml:"rows"`
		SHA256 string `toml:"sha256"`
	} `toml:"files"`
}

// instant is a time with its offset. TOML also has times without one, which
// would mean a different moment on another machine.
type instant struct{ time.Time }

// UnmarshalTOML takes a TOML date-time with an offset, or RFC 3339 in a string.
func (i *instant) UnmarshalTOML(v any) error {
	var err error
	switch v := v.(type) {
	case time.Time:
		if z := v.Location().String(); strings.HasSuffix(z, "-local") {
			return errors.New("has no offset")
		}
		i.Time = v
	case string:
		i.Time, err = time.Parse(time.RFC3339, v)
	default:
		err = errors.New("is not a time")
	}
	return err
}

// ReadManifest reads and checks the manifest of the extract in fsys. The error
// is ErrIncomplete, or a *Stopped naming the key and its mend, or says that the
// file could not be read.
func ReadManifest(fsys fs.FS) (Manifest, error) {
	b, err := fs.ReadFile(fsys, ManifestName)
	if errors.Is(err, fs.ErrNotExist) {
		return Manifest{}, ErrIncomplete
	}
	if err != nil {
		return Manifest{}, fmt.Errorf("reading %s: %w", ManifestName, err)
	}
	return parseManifest(strings.TrimPrefix(string(b), "\ufeff"))
}

func parseManifest(text string) (Manifest, error) {
	stop := func(field, mend string) (Manifest, error) {
		return Manifest{}, &Stopped{ManifestName, field, mend}
	}
	var w written
	md, err := toml.Decode(text, &w)
	if err != nil {
		if strings.Contains(err.Error(), "as_at") {
			return stop("as_at", "Use a time with its offset, like 2026-03-01T02:00:00Z")
		}
		return stop("", "Mend the TOML: "+err.Error())
	}
	if u := md.Undecoded(); len(u) > 0 {
		return stop(u[0].String(), "Take this key out or check its spelling")
	}
	m := Manifest{Format: w.Format, AsAt: w.AsAt.Time, Kind: w.Kind, NotShared: w.NotShared}
	if m.Format != 1 {
		return stop("format", "Use format = 1")
	}
	if m.Council, err = nhs.ParseODS(w.Council); err != nil {
		return stop("council", "Give the council's ODS code, like \"511\"")
	}
	if m.AsAt.IsZero() {
		return stop("as_at", "Say as at when, like 2026-03-01T02:00:00Z")
	}
	if m.Kind != Full && m.Kind != Changes {
		return stop("kind", `Use kind = "full" or kind = "changes"`)
	}
	for _, t := range m.NotShared {
		if columns[t] == nil {
			return stop("not_shared", "Use names of tables: "+tableNames())
		}
	}
	return m, m.addFiles(w)
}

func (m *Manifest) addFiles(w written) error {
	seen := map[string]bool{}
	for i, f := range w.Files {
		stop := func(field, mend string) error {
			return &Stopped{ManifestName, fmt.Sprintf("files[%d].%s", i+1, field), mend}
		}
		switch {
		case f.Name == "" || !fs.ValidPath(f.Name) || strings.ContainsAny(f.Name, `/\`) || f.Name == ManifestName:
			return stop("name", "Give the name of a file in the same folder")
		case seen[strings.ToLower(f.Name)]:
			return stop("name", "Name each file once")
		case f.Table != "" && columns[f.Table] == nil:
			return stop("table", "Use one of "+tableNames())
		case f.Rows == nil || *f.Rows < 0:
			return stop("rows", "Say how many rows the file has, without its header")
		case f.SHA256 != "" && len(f.SHA256) != 64:
			return stop("sha256", "Give the 64 hexadecimal digits of the file's SHA-256, or leave the key out")
		}
		seen[strings.ToLower(f.Name)] = true
		m.Files = append(m.Files, File{f.Name, f.Table, *f.Rows, strings.ToLower(f.SHA256)})
	}
	if len(m.Files) == 0 {
		return &Stopped{ManifestName, "files", "Name the files of the extract, each in a [[files]] table"}
	}
	return nil
}

// shares reports whether the council shares a table.
func (m Manifest) shares(t Table) bool {
	for _, n := range m.NotShared {
		if n == t {
			return false
		}
	}
	return true
}
