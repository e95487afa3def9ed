package faults

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// missing skips what this machine cannot do, and says so; CI must be able to.
func missing(t *testing.T, what string, err error) {
	t.Helper()
	if os.Getenv("HOMEWARD_CI") == "1" {
		t.Fatalf("NOT TESTED: "+what, err)
	}
	t.Skipf("NOT TESTED: "+what, err)
}

// smallDisk mounts a disk of 48 MB for the test.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	err := errors.New("the test is not run by root")
	if runtime.GOOS == "linux" && os.Geteuid() == 0 {
		err = syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=48m")
	}
	if err != nil {
		missing(t, "a full disk, because none can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmounting the small disk: %v", err)
		}
	})
	return dir
}

// fillUp takes all that is left of a disk.
func fillUp(t *testing.T, dir string) (free func()) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.Copy(f, endless{}); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("filling the disk ended with %v", err)
	}
	return func() {
		if err := os.Remove(f.Name()); err != nil {
			t.Fatal(err)
		}
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

// A full disk is told to senders by AE; with room again, they are answered AA,
// without a restart.
func TestFullDisk(t *testing.T) {
	t.Run("disk", func(t *testing.T) {
		disk := smallDisk(t)
		noRoom(t, filepath.Join(disk, "data"), func(*site) (free func()) { return fillUp(t, disk) })
	})
	t.Run("file size limit", func(t *testing.T) {
		prlimit, err := exec.LookPath("prlimit")
		if err != nil {
			missing(t, "files that may not grow: %v", err)
		}
		noRoom(t, t.TempDir(), func(s *site) (free func()) {
			s.limit(prlimit, "1:unlimited")
			return func() { s.limit(prlimit, "unlimited:unlimited") }
		})
	})
}

// limit sets how large the files may be that the process writes.
func (s *site) limit(prlimit, size string) {
	s.t.Helper()
	if out, err := exec.Command(prlimit, "--pid", strconv.Itoa(s.cmd.Process.Pid), "--fsize="+size).CombinedOutput(); err != nil {
		s.t.Fatalf("prlimit: %v: %s", err, out)
	}
}

// noRoom takes all room for data away, three times over.
func noRoom(t *testing.T, data string, take func(*site) (free func())) {
	s, said := newSite(t, data), newLedger()
	s.start()
	all := senders(s.mllp, 4, said)
	for _, one := range all {
		one.pace = time.Millisecond
	}
	stop := drive(all)
	defer func() { stop() }()
	for round := range 3 {
		before, _ := said.counts()
		s.eventually("messages are accepted", func() bool { now, _ := said.counts(); return now > before+100 })
		free := take(s)
		_, refused := said.counts()
		s.eventually("senders are answered AE", func() bool { _, now := said.counts(); return now > refused+20 })
		if !s.lives() || s.get("/healthz") != 200 {
			t.Fatalf("round %d: the process does not live without room", round)
		}
		free()
		before, _ = said.counts()
		s.eventually("messages are accepted again", func() bool { now, _ := said.counts(); return now > before+100 })
	}
	stop()
	stop = func() {}
	s.read()
	s.verify()
	s.checkOnce(said)
	s.checkEffects(data)
	if code := s.stop(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}
