package collect

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"homeward/extract"
)

// maxFiles is how many files a ZIP of an extract may have.
const maxFiles = 100

// unzip puts the files of an extract into dir. They may be in one folder inside
// the ZIP; names that lead elsewhere, and more than most octets, are refused.
func unzip(file, dir string, most int64) error {
	z, err := zip.OpenReader(file)
	if err != nil {
		return trouble("The ZIP file of an extract is not complete, or is not a ZIP file")
	}
	defer z.Close()
	if len(z.File) > maxFiles {
		return trouble("The ZIP file of an extract has more than %d files", maxFiles)
	}
	manifest, seen := false, map[string]bool{}
	for _, f := range z.File {
		if f.FileInfo().IsDir() {
			continue
		}
		name := path.Base(f.Name)
		switch {
		case !plainName.MatchString(name), strings.Count(f.Name, "/") > 1, strings.ContainsAny(f.Name, `\:`), !f.Mode().IsRegular():
			return trouble("The ZIP file of an extract has a file with a name or place that is not taken")
		case seen[strings.ToLower(name)]:
			return trouble("The ZIP file of an extract has two files with the same name")
		}
		seen[strings.ToLower(name)] = true
		manifest = manifest || name == extract.ManifestName
		n, err := unzipOne(f, filepath.Join(dir, name), most)
		if err != nil {
			return err
		}
		most -= n
	}
	if !manifest {
		return trouble("The ZIP file of an extract has no %s", extract.ManifestName)
	}
	return nil
}

func unzipOne(f *zip.File, to string, most int64) (int64, error) {
	in, err := f.Open()
	if err != nil {
		return 0, trouble("The ZIP file of an extract cannot be read")
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, fmt.Errorf("writing a file of an extract: %w", err)
	}
	defer out.Close()
	n, err := io.Copy(out, io.LimitReader(in, most+1))
	switch {
	case err != nil:
		return 0, trouble("The ZIP file of an extract is damaged")
	case n > most:
		return 0, trouble("The ZIP file of an extract holds more than is taken")
	}
	return n, nil
}
