//go:build unix

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite"

	"homeward/hl7"
	"homeward/internal/freeport"
	"homeward/internal/pgtest"
	"homeward/mllp"
	"homeward/nhs"
	"homeward/policies"
)

// TestMain makes this binary, when it is called by the name of the program, the
// program itself.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"homeward": func() { os.Exit(run(os.Args[1:])) }})
}

// TestScripts runs testdata/script: the program as an operator runs it.
func TestScripts(t *testing.T) {
	scripts(t, func(name string) bool { return !strings.HasPrefix(name, "pg-") }, nil)
}

// TestScriptsOnPostgres runs those that need PostgreSQL; $PG is an empty database.
func TestScriptsOnPostgres(t *testing.T) {
	pgtest.Start(t) // skips here, and not in a script, where there is no PostgreSQL
	scripts(t, func(name string) bool { return strings.HasPrefix(name, "pg-") }, func() string { return pgtest.Start(t) })
}

func scripts(t *testing.T, which func(string) bool, database func() string) {
	all, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, f := range all {
		if which(filepath.Base(f)) {
			files = append(files, f)
		}
	}
	samples, err := filepath.Abs("../../extract/testdata")
	if err != nil {
		t.Fatal(err)
	}
	sentence, err := firstSentence()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{Files: files, RequireExplicitExec: true, RequireUniqueNames: true, Cmds: commandsOfScripts(),
		Setup: func(e *testscript.Env) error {
			w := newWorld(e.WorkDir, e.Vars)
			e.Values["world"] = w
			e.Defer(w.close)
			e.Setenv("SAMPLES", samples)
			e.Setenv("SENTENCE", sentence)
			if database != nil {
				e.Setenv("PG", database())
			}
			return os.WriteFile(filepath.Join(e.WorkDir, "site.toml"), []byte(siteTOML), 0o600)
		}})
}

// firstSentence is the number of the first line of cases.txt that says what an
// A&E nurse may do.
func firstSentence() (string, error) {
	b, err := policies.Files.ReadFile("cases.txt")
	for i, l := range strings.Split(string(b), "\n") {
		if strings.HasPrefix(l, "A&E nurse of RK5 MAY look people up") {
			return strconv.Itoa(i + 1), err
		}
	}
	return "", errors.Join(errors.New("cases.txt has no such sentence"), err)
}

// siteTOML is a small site, for scripts that have nothing special to say.
const siteTOML = `http = "127.0.0.1:0"
database = "data"

[[organisation]]
ods = "RK5"
name = "Sherwood Forest Hospitals"
kind = "trust"

[[organisation]]
ods = "511"
name = "Nottinghamshire County Council"
kind = "council"

[[feed]]
name = "kings-mill"
title = "King's Mill EPR"
org = "RK5"
listen = "127.0.0.1:0"

[[council]]
name = "mosaic"
title = "Mosaic (Nottinghamshire)"
ods = "511"
folder = "extracts"
`

// commandsOfScripts are what a script can do beside running the program.
func commandsOfScripts() map[string]func(*testscript.TestScript, bool, []string) {
	simple := func(f func(*testscript.TestScript, *world, []string) error) func(*testscript.TestScript, bool, []string) {
		return func(ts *testscript.TestScript, neg bool, args []string) {
			err := f(ts, ts.Value("world").(*world), args)
			if neg && err == nil {
				ts.Fatalf("it worked, and should not")
			}
			if !neg {
				ts.Check(err)
			}
		}
	}
	return map[string]func(*testscript.TestScript, bool, []string){
		"exits":   simple(cmdExits),   // exits CODE ARGS...: the program, which ends with that code
		"start":   simple(cmdStart),   // start NAME ARGS...: the program in the background; sets NAME_HTTP and NAME_MLLP
		"stop":    simple(cmdStop),    // stop NAME: SIGTERM; it must exit 0
		"logs":    simple(cmdLogs),    // logs NAME: what it wrote, as stdout and stderr
		"message": simple(cmdMessage), // message FILE EVENT CONTROL PERSON SEGMENT...: an HL7 message
		"send":    simple(cmdSend),    // send ADDR FILE [CA CERT KEY]: over MLLP; prints the answer
		"get":     simple(cmdGet),     // get URL: prints the status and the page
		"post":    simple(cmdPost),    // post URL KEY=VALUE...
		"signin":  simple(cmdSignin),  // signin URL LOGIN PASSWORD
		"await":   simple(cmdAwait),   // await DURATION PATTERN URL: until the page has it
		"appears": simple(cmdAppears), // appears DURATION FILE
		"sqlite":  simple(cmdSQLite),  // sqlite FILE SQL: prints the rows
		"authority": simple(func(_ *testscript.TestScript, w *world, _ []string) error { // ca, server, client and stranger
			return makeCertificates(w.dir)
		}),
		"secure":  simple(cmdSecure),  // secure URL CA: get, over TLS
		"foreign": simple(cmdForeign), // foreign URL KEY=VALUE: post, as another site's page would
		"extract": simple(cmdExtract), // extract DIR HOURS-AGO ROWS...: a council's extract with those package rows
		"ports":   simple(cmdPorts),   // ports NAME...: free ports
	}
}

func cmdExits(ts *testscript.TestScript, _ *world, args []string) error {
	var ended *exec.ExitError
	code := 0
	if err := ts.Exec("homeward", args[1:]...); errors.As(err, &ended) {
		code = ended.ExitCode()
	} else if err != nil {
		return err
	}
	if strconv.Itoa(code) != args[0] {
		return fmt.Errorf("it exited with %d, want %s", code, args[0])
	}
	return nil
}

func cmdStart(ts *testscript.TestScript, w *world, args []string) error {
	p, err := w.start(args[0], args[1:]...)
	if err != nil {
		return err
	}
	ts.Setenv(args[0]+"_HTTP", p.pages)
	ts.Setenv(args[0]+"_MLLP", strings.TrimSpace(p.feed))
	return nil
}

func cmdStop(_ *testscript.TestScript, w *world, args []string) error { return w.stop(args[0]) }

func cmdLogs(ts *testscript.TestScript, w *world, args []string) error {
	p := w.procs[args[0]]
	fmt.Fprint(ts.Stdout(), p.out.String())
	fmt.Fprint(ts.Stderr(), p.err.String())
	return nil
}

func cmdMessage(ts *testscript.TestScript, _ *world, args []string) error {
	n, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	return os.WriteFile(ts.MkAbs(args[0]), adt(args[1], args[2], n, args[4:]), 0o600)
}

// adt writes a message about the n-th invented person, as a file with lines.
func adt(event, control string, n int, more []string) []byte {
	at := time.Now().Add(-time.Hour).Format("20060102150405")
	lines := []string{
		`MSH|^~\&|CAREFLOW|RK5|ROUTE|ROUTE|` + at + `||ADT^` + event + `|` + control + `|P|2.4`,
		"EVN|" + event + "|" + at + "||||" + at,
		fmt.Sprintf("PID|1||KM%05d^^^RK5^MR~%s^^^NHS^NH||Testerby%c^Wilma^^^Mrs^^L||19410314|2|||%d Invented Way^Mansfield^^^NG18 1AA^^H%sNSTS01",
			n, nhs.Test(n).Digits(), 'a'+n%26, n, strings.Repeat("|", 21)),
	}
	for _, s := range more {
		lines = append(lines, strings.ReplaceAll(s, "{at}", at))
	}
	return []byte(strings.Join(lines, "\n") + "\n")
}

func cmdSend(ts *testscript.TestScript, _ *world, args []string) error {
	raw, err := os.ReadFile(ts.MkAbs(args[1]))
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	var c mllp.Config
	if len(args) > 2 {
		if c.TLS, err = clientTLS(ts.MkAbs(args[2]), args[3:], ts.MkAbs); err != nil {
			return err
		}
	}
	conn, err := mllp.Dial(ctx, args[0], c)
	if err != nil {
		return err
	}
	defer conn.Close()
	reply, err := conn.Send(ctx, []byte(strings.ReplaceAll(string(raw), "\n", "\r")))
	if err != nil {
		return err
	}
	m, err := hl7.Parse(reply)
	if err != nil {
		return err
	}
	fmt.Fprintln(ts.Stdout(), strings.ReplaceAll(string(m.Raw()), "\r", "\n"))
	return nil
}

// sendRaw sends bytes and waits for any answer.
func sendRaw(addr, raw string) error {
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	conn, err := mllp.Dial(ctx, addr, mllp.Config{})
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Send(ctx, []byte(raw))
	return err
}

func clientTLS(ca string, own []string, abs func(string) string) (*tls.Config, error) {
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{RootCAs: x509.NewCertPool()}
	c.RootCAs.AppendCertsFromPEM(pem)
	if len(own) == 2 {
		cert, err := tls.LoadX509KeyPair(abs(own[0]), abs(own[1]))
		c.Certificates = []tls.Certificate{cert}
		return c, err
	}
	return c, nil
}

func show(ts *testscript.TestScript, res *http.Response, err error) error {
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	fmt.Fprintf(ts.Stdout(), "%d %s\n%s\n", res.StatusCode, res.Request.URL.Path, body)
	return err
}

func cmdGet(ts *testscript.TestScript, w *world, args []string) error {
	res, err := w.client.Get(args[0])
	return show(ts, res, err)
}

func cmdPost(ts *testscript.TestScript, w *world, args []string) error {
	res, err := w.post(args[0], args[1:]...)
	return show(ts, res, err)
}

func cmdSecure(ts *testscript.TestScript, _ *world, args []string) error {
	c, err := clientTLS(ts.MkAbs(args[1]), nil, nil)
	if err != nil {
		return err
	}
	res, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: c, DisableKeepAlives: true}}).Get(strings.Replace(args[0], "http:", "https:", 1))
	return show(ts, res, err)
}

func cmdForeign(ts *testscript.TestScript, w *world, args []string) error {
	req, err := http.NewRequest(http.MethodPost, args[0], strings.NewReader(args[1]))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	req.Header.Set("Origin", "https://elsewhere.invalid")
	res, err := w.client.Do(req)
	return show(ts, res, err)
}

func cmdSignin(ts *testscript.TestScript, w *world, args []string) error {
	res, err := w.post(args[0]+"/signin", "login="+args[1], "password="+args[2])
	if err == nil && res.Request.URL.Path == "/signin" {
		return errors.Join(errors.New("not signed in"), show(ts, res, nil))
	}
	return show(ts, res, err)
}

func cmdAwait(ts *testscript.TestScript, w *world, args []string) error {
	within, err := time.ParseDuration(args[0])
	if err != nil {
		return err
	}
	want, err := regexp.Compile(args[1])
	if err != nil {
		return err
	}
	body := ""
	err = until(within, func() bool {
		res, err := w.client.Get(args[2])
		if err != nil {
			body = err.Error()
			return false
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		body = string(b)
		return want.MatchString(body)
	})
	if err != nil {
		return fmt.Errorf("%s has no %q within %s:\n%s", args[2], want, within, body)
	}
	return nil
}

// until asks again every 20 ms.
func until(within time.Duration, f func() bool) error {
	for end := time.Now().Add(within); !f(); {
		if time.Now().After(end) {
			return errors.New("too late")
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

func cmdAppears(ts *testscript.TestScript, _ *world, args []string) error {
	within, err := time.ParseDuration(args[0])
	if err != nil {
		return err
	}
	return until(within, func() bool { _, err := os.Stat(ts.MkAbs(args[1])); return err == nil })
}

func cmdSQLite(ts *testscript.TestScript, _ *world, args []string) error {
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	if err != nil {
		return err
	}
	defer db.Close()
	rows, err := db.Query(args[1])
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			return err
		}
		fmt.Fprintln(ts.Stdout(), v)
	}
	return rows.Err()
}

// cmdExtract writes a full extract of 20 people with a package each; given rows
// stand for the packages.
func cmdExtract(ts *testscript.TestScript, _ *world, args []string) error {
	dir := ts.MkAbs(args[0])
	hours, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	people, packages := []string{"person_id,nhs_number,family,given,born,restricted"}, []string{"package_id,person_id,kind,title,status"}
	for i := range 20 {
		people = append(people, fmt.Sprintf("P%d,%s,Extractby,Norma,1940-05-%02d,no", i, nhs.Test(500+7*i).Digits(), i+1))
		if len(args) == 2 {
			packages = append(packages, fmt.Sprintf("K%d,P%d,HS,Home care,active", i, i))
		}
	}
	packages = append(packages, args[2:]...)
	manifest := fmt.Sprintf("format = 1\ncouncil = \"511\"\nas_at = %s\nkind = \"full\"\n", time.Now().Add(-time.Duration(hours)*time.Hour).Format(time.RFC3339))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for name, rows := range map[string][]string{"people": people, "packages": packages} {
		manifest += fmt.Sprintf("[[files]]\nname = %q\nrows = %d\n", name+".csv", len(rows)-1)
		if err := os.WriteFile(filepath.Join(dir, name+".csv"), []byte(strings.Join(rows, "\n")+"\n"), 0o600); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "manifest.toml"), []byte(manifest), 0o600)
}

func cmdPorts(ts *testscript.TestScript, _ *world, args []string) error {
	for _, name := range args {
		addr, err := freeport.Find()
		if err != nil {
			return err
		}
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			return err
		}
		ts.Setenv(name, port)
	}
	return nil
}
