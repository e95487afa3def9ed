//go:build unix

package pgtest

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func query(t testing.TB, dsn, sql string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), sql).Scan(&n); err != nil && !errors.Is(err, pgx.ErrNoRows) {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}

func TestStartGivesEachItsOwnDatabase(t *testing.T) {
	a, b := Start(t), Start(t)
	query(t, a, "CREATE TABLE mine (x int)")
	const tables = "SELECT count(*) FROM pg_tables WHERE tablename = 'mine'"
	if here, there := query(t, a, tables), query(t, b, tables); here != 1 || there != 0 {
		t.Errorf("tables here %d, there %d; want 1 and 0", here, there)
	}
}

// TestSyncs tries that what is killed or timed waits for the disk, and only that.
func TestSyncs(t *testing.T) {
	syncs := func(t testing.TB, dsn string) bool {
		return query(t, dsn, "SELECT CASE current_setting('fsync') WHEN 'on' THEN 1 ELSE 0 END") == 1
	}
	if syncs(t, Start(t)) || !syncs(t, Private(t).DSN()) {
		t.Error("a test's shared server waits for the disk, or its own does not")
	}
	timed := false
	testing.Benchmark(func(b *testing.B) { timed = syncs(b, Start(b)); b.SkipNow() })
	if !timed {
		t.Error("a benchmark's server does not wait for the disk")
	}
}

func TestStartDropsTheDatabase(t *testing.T) {
	var name string
	t.Run("inner", func(t *testing.T) {
		dsn := Start(t)
		name = dsn[strings.LastIndex(dsn, "/")+1 : strings.Index(dsn, "?")]
	})
	if name == "" {
		t.Skip("the inner test was skipped")
	}
	if query(t, Start(t), "SELECT count(*) FROM pg_database WHERE datname = '"+name+"'") != 0 {
		t.Errorf("database %s outlived its test", name)
	}
}

func TestKillKeepsWhatWasCommitted(t *testing.T) {
	s := Private(t, "max_connections=20")
	dsn := s.Fresh(t)
	query(t, dsn, "CREATE TABLE kept AS SELECT 7 AS x")
	if got := query(t, dsn, "SELECT current_setting('max_connections')::int"); got != 20 {
		t.Errorf("max_connections is %d, want the setting 20", got)
	}
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if conn, err := pgx.Connect(t.Context(), dsn); err == nil {
		conn.Close(t.Context())
		t.Fatal("a killed server took a connection")
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	if got := query(t, dsn, "SELECT x FROM kept"); got != 7 {
		t.Errorf("after a kill and a restart: %d, want 7", got)
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	s, err := New("")
	must(t, err)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(s.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory stands after Close: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
}

// TestNoOrphan kills a process that holds a server, and waits for the server's
// port to close and its files to go. The process is this test binary again.
func TestNoOrphan(t *testing.T) {
	if os.Getenv("PGTEST_HOLD") == "1" {
		hold(t)
		return
	}
	_, err := programs()
	must(t, err)
	child := exec.Command(os.Args[0], "-test.run=^TestNoOrphan$")
	child.Env = append(os.Environ(), "PGTEST_HOLD=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var port int
	var dir string
	lines := bufio.NewScanner(out)
	for port == 0 && lines.Scan() {
		fmt.Sscanf(lines.Text(), "holding %d %s", &port, &dir)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err == nil || port == 0 {
		t.Fatalf("the child did not hold a server: port %d, %v", port, err)
	}
	eventually(t, "the port closes", func() bool {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	eventually(t, "the files go", func() bool {
		_, err := os.Stat(dir)
		return errors.Is(err, fs.ErrNotExist)
	})
}

// hold starts a server, says where, and waits to be killed.
func hold(t *testing.T) {
	s, err := New("")
	must(t, err)
	fmt.Printf("holding %d %s\n", s.port, s.dir)
	<-t.Context().Done()
}

func eventually(t *testing.T, what string, true func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if true() {
			return
		}
	}
	t.Errorf("waited 30 s in vain until %s", what)
}

func TestVersion(t *testing.T) {
	for dir, want := range map[string]int{
		"/usr/lib/postgresql/15/bin": 15, "/opt/homebrew/opt/postgresql@18/bin": 18, "/opt/postgresql/bin": 0,
	} {
		if got := version(dir); got != want {
			t.Errorf("version(%q) = %d, want %d", dir, got, want)
		}
	}
}
