// Package files tells by files: one for each piece of news, put into a folder whole
// or not at all, and never over another. Who takes them away, and when, is not its
// concern; it deletes nothing but its own unfinished files.
package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"homeward/connect"
)

// Config is one folder.
type Config struct {
	Dir     string // it must be there: one that is not mounted is not made
	Writing Writing
}

// Files is a connect.Connector.
type Files struct{ config Config }

// New makes it. The folder is looked for by Check and Send, not here.
func New(c Config) (*Files, error) {
	if c.Dir == "" {
		return nil, errors.New("files need a folder")
	}
	return &Files{c}, c.Writing.Check()
}

// Make writes the file's content.
func (f *Files) Make(n connect.News) (connect.Message, error) { return f.config.Writing.Make(n) }

// Send puts the file into the folder. A file of that name with that content is one
// that was put there before; with another content it is refused.
func (f *Files) Send(ctx context.Context, m connect.Message) (connect.Receipt, error) {
	if err := f.Check(ctx); err != nil {
		return connect.Receipt{}, err
	}
	name := Name(m)
	final := filepath.Join(f.config.Dir, name)
	if r, err, there := f.had(final, m); there {
		return r, err
	}
	content, err := f.config.Writing.Content(ctx, m)
	if err != nil {
		return connect.Receipt{}, err
	}
	unfinished, err := f.write(content)
	if err != nil {
		return connect.Receipt{}, fmt.Errorf("writing a file into the folder: %w", reason(err))
	}
	defer os.Remove(unfinished) // gone already where it was renamed
	err = place(unfinished, final)
	if errors.Is(err, fs.ErrExist) {
		r, err, _ := f.had(final, m)
		return r, err
	}
	if err == nil {
		err = syncDir(f.config.Dir)
	}
	if err != nil {
		return connect.Receipt{}, fmt.Errorf("putting a file into the folder: %w", reason(err))
	}
	return connect.Receipt{}, nil
}

// had looks whether the file is there already.
func (f *Files) had(final string, m connect.Message) (connect.Receipt, error, bool) {
	was, err := os.ReadFile(final)
	if errors.Is(err, fs.ErrNotExist) {
		return connect.Receipt{}, nil, false
	}
	if err != nil {
		return connect.Receipt{}, fmt.Errorf("looking for the file in the folder: %w", reason(err)), true
	}
	if bytes.Equal(was, m.Body) || strings.HasSuffix(final, ".pdf") {
		return connect.Receipt{Again: true}, nil, true
	}
	return connect.Receipt{}, &connect.Refused{Text: "Another file has this file's name in the folder."}, true
}

// write writes under a name that says that it is not finished, and makes sure that
// it is on the disk.
func (f *Files) write(content []byte) (string, error) {
	t, err := os.CreateTemp(f.config.Dir, ".homeward-*.part")
	if err != nil {
		return "", err
	}
	_, err = t.Write(content)
	if err == nil {
		err = t.Chmod(0o640)
	}
	if err == nil {
		err = t.Sync()
	}
	if err = errors.Join(err, t.Close()); err != nil {
		os.Remove(t.Name())
		return "", err
	}
	return t.Name(), nil
}

// place gives the file its name. A link fails where the name is taken, which a
// rename does not; where a file system has no links, the name is looked for first.
func place(unfinished, final string) error {
	err := os.Link(unfinished, final)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := os.Lstat(final); err == nil {
		return fs.ErrExist
	}
	return os.Rename(unfinished, final)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// reason is an error of the file system without the path, which holds the key.
func reason(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}

// Check looks whether the folder is there and can be written to.
func (f *Files) Check(context.Context) error {
	t, err := os.CreateTemp(f.config.Dir, ".homeward-*.part")
	if err != nil {
		return fmt.Errorf("%w: its folder is not there, or cannot be written to (%w)", connect.ErrDown, reason(err))
	}
	t.Close()
	return os.Remove(t.Name())
}
