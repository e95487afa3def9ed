//go:build unix

package stories

import (
	"errors"
	"io/fs"
	"path"
	"strings"
	"testing"
	"time"

	"homeward/internal/pgtest"
)

// TestStories runs every story on both databases.
func TestStories(t *testing.T) {
	if testing.Short() {
		t.Skip("stories run the built program")
	}
	files, err := fs.Glob(Files, "*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no stories: %v", err)
	}
	bin := build(t)
	for _, file := range files {
		text, err := fs.ReadFile(Files, file)
		if err != nil {
			t.Fatal(err)
		}
		_, steps, errs := parse(file, string(text), sentences())
		if len(errs) > 0 {
			t.Errorf("%v", errors.Join(errs...))
			continue
		}
		name := strings.TrimSuffix(path.Base(file), ".txt")
		t.Run(name+"/sqlite", func(t *testing.T) {
			t.Parallel()
			play(t, bin, steps, "")
		})
		t.Run(name+"/postgres", func(t *testing.T) {
			t.Parallel()
			play(t, bin, steps, pgtest.Start(t))
		})
	}
}

// play runs a story from its first line to a graceful stop.
func play(t *testing.T, bin string, steps []step, dsn string) {
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	s := &run{t: t, ctx: t.Context(), zone: zone, site: &site{bin: bin, dir: t.TempDir(), dsn: dsn}, sends: hospitals(), cases: map[*person]string{}, readers: map[string]*reader{}}
	t.Cleanup(s.site.gone)
	if err := s.site.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, r := range s.readers {
			r.unwatch()
		}
		for _, h := range s.sends {
			h.hangUp()
		}
	})
	for _, st := range steps {
		if err := st.form.do(s, st); err != nil {
			t.Fatalf("%s:%d: %s\n\t%v\n%s", st.file, st.n, st.text, err, s.site.log.String())
		}
	}
	if err := s.ended(); err != nil {
		t.Fatalf("after the story: %v", err)
	}
}
