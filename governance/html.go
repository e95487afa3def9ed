package governance

import (
	"fmt"
	"html"
	"regexp"
	"strings"
)

// style is all that the documents need, on a screen and on paper.
const style = `body{font:16px/1.5 Arial,sans-serif;color:#212b32;max-width:70rem;margin:2rem auto;padding:0 1rem}
h1{font-size:2rem}h2{font-size:1.5rem;margin-top:2rem}h3{font-size:1.1rem;margin-top:1.5rem}
table{border-collapse:collapse;font-size:.875rem;display:block;overflow-x:auto}th,td{border:1px solid #aeb7bd;padding:.3rem .5rem;text-align:left;vertical-align:top}
blockquote{border-left:4px solid #005eb8;margin:1rem 0;padding:.5rem 1rem;background:#f0f4f5}em{color:#4c6272;font-style:normal;font-size:.875rem}code{font-size:.85rem;overflow-wrap:anywhere}
@media print{body{margin:0;max-width:none}table{display:table}tr{break-inside:avoid}}`

// toHTML writes a document as a page of its own. It knows the Markdown that the
// documents use: headings, paragraphs, lists, tables, quotations, code, emphasis
// and links to files beside it.
func toHTML(title, md string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "<!doctype html>\n<html lang=\"en-GB\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>%s</title><style>%s</style></head>\n<body><main>\n",
		html.EscapeString(title), style)
	for _, block := range blocks(shown(md)) {
		block.write(&b)
	}
	b.WriteString("</main></body></html>\n")
	return []byte(b.String())
}

// A block is lines that belong together, of one kind: "#", "-", "|", ">" or "".
type block struct {
	kind  string
	lines []string
}

func blocks(md string) []block {
	var out []block
	kind := "none"
	for _, line := range strings.Split(md, "\n") {
		is := ""
		switch {
		case strings.TrimSpace(line) == "":
			kind = "none"
			continue
		case strings.ContainsRune("#|>", rune(line[0])):
			is = line[:1]
		case strings.HasPrefix(line, "- "):
			is = "-"
		}
		if is != kind || is == "#" {
			out = append(out, block{kind: is})
			kind = is
		}
		last := &out[len(out)-1]
		last.lines = append(last.lines, line)
	}
	return out
}

func (k block) write(b *strings.Builder) {
	switch k.kind {
	case "#":
		words := strings.TrimLeft(k.lines[0], "#")
		level := len(k.lines[0]) - len(words)
		fmt.Fprintf(b, "<h%d>%s</h%d>\n", level, inline(strings.TrimSpace(words)), level)
	case "-":
		b.WriteString("<ul>\n")
		for _, l := range k.lines {
			fmt.Fprintf(b, "<li>%s</li>\n", inline(l[2:]))
		}
		b.WriteString("</ul>\n")
	case "|":
		k.writeTable(b)
	case ">":
		b.WriteString("<blockquote><p>")
		for _, l := range k.lines {
			b.WriteString(inline(strings.TrimSpace(l[1:])) + " ")
		}
		b.WriteString("</p></blockquote>\n")
	default:
		fmt.Fprintf(b, "<p>%s</p>\n", inline(strings.Join(k.lines, " ")))
	}
}

func (k block) writeTable(b *strings.Builder) {
	b.WriteString("<table>\n")
	for i, l := range k.lines {
		if i == 1 { // the line under the head
			continue
		}
		cell := "td"
		if i == 0 {
			cell = `th scope="col"`
		}
		b.WriteString("<tr>")
		for _, c := range strings.Split(strings.Trim(l, "|"), "|") {
			fmt.Fprintf(b, "<%s>%s</%s>", cell, inline(strings.TrimSpace(c)), cell[:2])
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</table>\n")
}

var (
	codeForm   = regexp.MustCompile("`([^`]+)`")
	strongForm = regexp.MustCompile(`\*\*([^*]+)\*\*`)
	emForm     = regexp.MustCompile(`\*([^*]+)\*`)
	linkForm   = regexp.MustCompile(`\[([^\]]+)\]\(([a-z-]+\.html)\)`)
)

func inline(s string) string {
	s = html.EscapeString(s)
	s = codeForm.ReplaceAllString(s, "<code>$1</code>")
	s = linkForm.ReplaceAllString(s, `<a href="$2">$1</a>`)
	s = strongForm.ReplaceAllString(s, "<strong>$1</strong>")
	return emForm.ReplaceAllString(s, "<em>$1</em>")
}
