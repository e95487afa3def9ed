//go:build unix

package stories

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestInterfaceDocuments runs what the pages of docs/interfaces tell a supplier
// to type, in order, against the built program: each ```sh block is run by bash,
// with curl, and the lines of the ```text block after it must be in what it
// printed. "..." in such a line stands for anything.
func TestInterfaceDocuments(t *testing.T) {
	if testing.Short() {
		t.Skip("the documents run the built program")
	}
	for _, program := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("HOMEWARD_CI") == "1" {
				t.Fatalf("%s is missing", program)
			}
			t.Skipf("%s is missing: the examples of docs/interfaces are not run", program)
		}
	}
	files, err := filepath.Glob("../docs/interfaces/*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no documents: %v", err)
	}
	bin := build(t)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		blocks, err := examples(string(text))
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
			continue
		}
		if len(blocks) == 0 {
			continue
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".md"), func(t *testing.T) { tryExamples(t, bin, blocks) })
	}
}

// An example is one block of commands, and the lines that it must print.
type example struct {
	line  int // where it begins in the document
	shell string
	want  []string
}

// examples reads the blocks of a document.
func examples(text string) (out []example, err error) {
	kind, start := "", 0
	var body []string
	for i, line := range strings.Split(text, "\n") {
		fence := strings.HasPrefix(line, "```")
		switch {
		case fence && kind == "":
			kind, start, body = strings.TrimPrefix(line, "```")+" ", i+1, nil
		case fence:
			switch strings.TrimSpace(kind) {
			case "sh":
				out = append(out, example{line: start, shell: strings.Join(body, "\n")})
			case "text":
				if len(out) > 0 && out[len(out)-1].want == nil {
					out[len(out)-1].want = body
				}
			}
			kind = ""
		case kind != "":
			body = append(body, line)
		}
	}
	if kind != "" {
		return nil, fmt.Errorf("line %d: the block does not end", start)
	}
	for _, e := range out {
		if len(e.want) == 0 {
			return nil, fmt.Errorf("line %d: no ```text block says what these commands print", e.line)
		}
	}
	return out, nil
}

// exampleMark parts the output of one block from that of the next.
const exampleMark = "-=- block "

// tryExamples runs the blocks of one document in one shell, against a program of
// its own.
func tryExamples(t *testing.T, bin string, blocks []example) {
	dir := t.TempDir()
	s := &site{bin: bin, dir: dir}
	t.Cleanup(s.gone)
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	script := "set -u\n"
	for i, b := range blocks {
		script += fmt.Sprintf("echo '%s%d'\n%s\necho\n", exampleMark, i, b.shell)
	}
	work := t.TempDir()
	out, err := shell(t.Context(), s, work, script)
	parts := strings.Split(out, exampleMark)
	for i, b := range blocks {
		if i+1 >= len(parts) {
			t.Fatalf("line %d: the commands were not reached (%v)\n%s\n%s", b.line, err, parts[len(parts)-1], s.log.String())
		}
		if missing := notPrinted(parts[i+1], b.want); missing != "" {
			t.Errorf("line %d: the commands did not print %q, but:\n%s\n%s", b.line, missing, parts[i+1], s.log.String())
		}
	}
}

func shell(ctx context.Context, s *site, work, script string) (string, error) {
	ctx, stop := context.WithTimeout(ctx, 2*time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	cmd.Dir = work
	cmd.Env = append(os.Environ(), "BASE="+s.pages, "DEMO="+s.dir, "PATH="+filepath.Dir(s.bin)+string(os.PathListSeparator)+os.Getenv("PATH"))
	for name, client := range map[string]string{"TOKEN": "kings-mill-epr", "COUNCIL_TOKEN": "county-mosaic"} {
		token, err := exec.CommandContext(ctx, s.bin, "system", "token", "--url", s.pages, "--client", client, "--key", filepath.Join(s.dir, client+".key.pem")).Output()
		if err != nil {
			var ended *exec.ExitError
			if errors.As(err, &ended) {
				err = fmt.Errorf("%w: %s", err, ended.Stderr)
			}
			return "", fmt.Errorf("a token for %s: %w", client, err)
		}
		var answer struct {
			Token string `json:"access_token"`
		}
		if err := json.Unmarshal(token, &answer); err != nil {
			return "", fmt.Errorf("a token for %s: %w", client, err)
		}
		cmd.Env = append(cmd.Env, name+"="+answer.Token)
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// notPrinted is the first line that is not in the output after those before it;
// "" when all are.
func notPrinted(out string, want []string) string {
	for _, w := range want {
		w = strings.TrimSpace(w)
		if w == "" {
			continue
		}
		var words []string
		for part := range strings.SplitSeq(w, "...") {
			words = append(words, regexp.QuoteMeta(strings.TrimSpace(part)))
		}
		at := regexp.MustCompile(strings.Join(words, ".*")).FindStringIndex(out)
		if at == nil {
			return w
		}
		out = out[at[1]:]
	}
	return ""
}

// TestExamplesCanFail tries the reading of documents itself.
func TestExamplesCanFail(t *testing.T) {
	doc := "# A\n```sh\necho one\necho two\n```\nWords.\n```text\none\n...wo\n```\n```json\n{}\n```\n"
	blocks, err := examples(doc)
	if err != nil || len(blocks) != 1 || blocks[0].shell != "echo one\necho two" {
		t.Fatalf("read %+v, %v", blocks, err)
	}
	for out, missing := range map[string]string{"one\ntwo\n": "", "one\n": "...wo", "two\none\n": "...wo", "": "one"} {
		if got := notPrinted(out, blocks[0].want); got != missing {
			t.Errorf("of %q %q is missed, not %q", out, got, missing)
		}
	}
	for _, broken := range []string{"```sh\necho\n```\n", "```sh\necho\n"} {
		if _, err := examples(broken); err == nil {
			t.Errorf("%q is taken", broken)
		}
	}
}
