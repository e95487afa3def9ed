package form

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// ErrSum is why a released file that is not as it was released is refused.
var ErrSum = errors.New("does not match SUMS: a released form never changes; add a new version instead")

// A Library is the released pathways, every version of each.
type Library struct{ byID map[string][]*Pathway }

// Load reads every */N.toml and SUMS, which lists their SHA-256 as sha256sum
// writes it. A file whose sum differs or is missing, a sum without a file, and
// a gap in the versions are errors.
func Load(files fs.FS) (*Library, error) {
	sums, err := readSums(files)
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(files, "*/*.toml")
	if err != nil {
		return nil, fmt.Errorf("listing forms: %w", err)
	}
	l := &Library{byID: map[string][]*Pathway{}}
	for _, name := range names {
		p, err := loadOne(files, name, sums[name])
		if err != nil {
			return nil, err
		}
		delete(sums, name)
		l.byID[p.ID] = append(l.byID[p.ID], p)
	}
	for name := range sums {
		return nil, fmt.Errorf("form %s: %w", name, fs.ErrNotExist)
	}
	for id, vs := range l.byID {
		slices.SortFunc(vs, func(x, y *Pathway) int { return x.Version - y.Version })
		if vs[len(vs)-1].Version != len(vs) {
			return nil, fmt.Errorf("form %s: versions 1 to %d are not all there", id, vs[len(vs)-1].Version)
		}
	}
	return l, nil
}

// loadOne reads one file, whose path must agree with the id and version in it.
func loadOne(files fs.FS, name, sum string) (*Pathway, error) {
	b, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, fmt.Errorf("form %s: %w", name, err)
	}
	if Sum(b) != sum {
		return nil, fmt.Errorf("form %s: %w", name, ErrSum)
	}
	p, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("form %s: %w", name, err)
	}
	if want := path.Join(p.ID, strconv.Itoa(p.Version)+".toml"); name != want {
		return nil, fmt.Errorf("form %s: its id and version belong to %s", name, want)
	}
	return p, nil
}

// Sum is the SHA-256 of a file in small hexadecimal letters.
func Sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// readSums reads SUMS: a sum, two spaces and a path on each line.
func readSums(files fs.FS) (map[string]string, error) {
	b, err := fs.ReadFile(files, "SUMS")
	if err != nil {
		return nil, fmt.Errorf("reading the sums of forms: %w", err)
	}
	out := map[string]string{}
	for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
		sum, name, ok := strings.Cut(s.Text(), "  ")
		if _, twice := out[name]; !ok || twice || len(sum) != 2*sha256.Size {
			return nil, fmt.Errorf("reading the sums of forms: line for %q is not as sha256sum writes it", name)
		}
		out[name] = sum
	}
	return out, nil
}

// Get is one version of a pathway.
func (l *Library) Get(id string, version int) (*Pathway, bool) {
	if vs := l.byID[id]; version >= 1 && version <= len(vs) {
		return vs[version-1], true
	}
	return nil, false
}

// Latest is the newest version of a pathway.
func (l *Library) Latest(id string) (*Pathway, bool) { return l.Get(id, len(l.byID[id])) }

// All is every version of every pathway, by id and then version.
func (l *Library) All() []*Pathway {
	var out []*Pathway
	for _, vs := range l.byID {
		out = append(out, vs...)
	}
	slices.SortFunc(out, func(x, y *Pathway) int {
		if c := strings.Compare(x.ID, y.ID); c != 0 {
			return c
		}
		return x.Version - y.Version
	})
	return out
}
