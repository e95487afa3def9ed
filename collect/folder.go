package collect

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Folder is a council's folder. Extracts appear in it whole: they are made under a
// name that begins with a dot, written through to the disk, and then renamed.
type Folder struct{ Dir string }

const (
	making   = ".collecting-"
	memory   = ".collected"
	readMark = ".homeward" // what whoever reads the folder leaves in an extract
)

// open makes the folder and removes what a crash left half made.
func (f Folder) open() error {
	if err := os.MkdirAll(filepath.Join(f.Dir, memory), 0o700); err != nil {
		return fmt.Errorf("making the council's folder: %w", err)
	}
	left, err := filepath.Glob(filepath.Join(f.Dir, making+"*"))
	if err != nil {
		return fmt.Errorf("looking for what is half made: %w", err)
	}
	for _, l := range left {
		if err := os.RemoveAll(l); err != nil {
			return fmt.Errorf("removing what is half made: %w", err)
		}
	}
	return nil
}

// has reports whether an extract of that name is there.
func (f Folder) has(name string) bool {
	_, err := os.Stat(filepath.Join(f.Dir, name))
	return err == nil
}

// state is what whoever reads the folder says became of an extract: done, stopped
// or refused; "" nothing yet.
func (f Folder) state(name string) string {
	b, err := os.ReadFile(filepath.Join(f.Dir, name, readMark))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// put makes an extract by write, which is given the folder to fill. It is on the
// disk when put returns. One that is there already stays as it is.
func (f Folder) put(name string, write func(dir string) error) error {
	stage := filepath.Join(f.Dir, making+name)
	if err := os.Mkdir(stage, 0o700); err != nil {
		return fmt.Errorf("making a folder for an extract: %w", err)
	}
	defer os.RemoveAll(stage) // nothing is left there when all went well
	if err := write(stage); err != nil {
		return err
	}
	if err := syncTree(stage); err != nil {
		return err
	}
	if f.has(name) {
		return nil
	}
	if err := os.Rename(stage, filepath.Join(f.Dir, name)); err != nil {
		return fmt.Errorf("putting an extract into the council's folder: %w", err)
	}
	return syncPath(f.Dir)
}

// syncTree writes all files of a folder, and the folder, through to the disk.
func syncTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("reading back an extract: %w", err)
	}
	for _, e := range entries {
		if err := syncPath(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return syncPath(dir)
}

func syncPath(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("writing through to the disk: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("writing through to the disk: %w", err)
	}
	return nil
}

// remember keeps what a way in must know after a restart, replacing what it kept
// before, or not at all.
func (f Folder) remember(way string, v any) error {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return fmt.Errorf("keeping what was collected: %w", err)
	}
	path := filepath.Join(f.Dir, memory, way+".json")
	if err := os.WriteFile(path+".tmp", b, 0o600); err != nil {
		return fmt.Errorf("keeping what was collected: %w", err)
	}
	if err := syncPath(path + ".tmp"); err != nil {
		return err
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return fmt.Errorf("keeping what was collected: %w", err)
	}
	return syncPath(filepath.Dir(path))
}

// recall reads what remember kept; v stays as it is where there is nothing.
func (f Folder) recall(way string, v any) error {
	b, err := os.ReadFile(filepath.Join(f.Dir, memory, way+".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		return fmt.Errorf("reading what was collected: %w", err)
	}
	return nil
}

// prune removes the oldest extracts of a name's beginning that were read, but the
// newest keep of them.
func (f Folder) prune(begins string, keep int) error {
	entries, err := os.ReadDir(f.Dir)
	if err != nil {
		return fmt.Errorf("looking for old extracts: %w", err)
	}
	var read []string
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), begins) {
			continue
		}
		if f.state(e.Name()) == "done" {
			read = append(read, e.Name())
		}
	}
	slices.Sort(read)
	for _, name := range read[:max(0, len(read)-keep)] {
		if err := os.RemoveAll(filepath.Join(f.Dir, name)); err != nil {
			return fmt.Errorf("removing an old extract: %w", err)
		}
	}
	return nil
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// localName is the far side's name of an extract where it can be a folder's, else
// one that is made of it and is the same every time.
func localName(theirs string) string {
	if plainName.MatchString(theirs) && !strings.HasSuffix(theirs, ".") {
		return theirs
	}
	sum := sha256.Sum256([]byte(theirs))
	return "extract-" + hex.EncodeToString(sum[:8])
}
