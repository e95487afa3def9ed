package conformance

import (
	"encoding/xml"
	"fmt"
	"html/template"
	"io"
	"time"
)

// WriteHTML writes the report as one page that needs nothing else.
func (r Report) WriteHTML(w io.Writer) error {
	if err := page.Execute(w, r); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// Groups is the results under their headings, in order.
func (r Report) Groups() (out []Group) {
	for _, x := range r.Results {
		if len(out) == 0 || out[len(out)-1].Title != x.Group {
			out = append(out, Group{Title: x.Group})
		}
		g := &out[len(out)-1]
		g.Results = append(g.Results, x)
	}
	return out
}

// Unmet is the results that somebody must look at, the failed ones first.
func (r Report) Unmet() (out []Result) {
	for _, v := range []Verdict{Fail, Warn, NotTried} {
		for _, x := range r.Results {
			if x.Verdict == v {
				out = append(out, x)
			}
		}
	}
	return out
}

// Group is the results under one heading.
type Group struct {
	Title   string
	Results []Result
}

// Slug is an id for a heading or a check in the page.
func Slug(s string) string {
	out := []byte(s)
	for i, c := range out {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9') {
			if c >= 'A' && c <= 'Z' {
				out[i] = c + 'a' - 'A'
				continue
			}
			out[i] = '-'
		}
	}
	return string(out)
}

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"slug": Slug,
	"ms": func(d time.Duration) string {
		if d >= 10*time.Second {
			return fmt.Sprintf("%.0f s", d.Seconds())
		}
		return fmt.Sprintf("%d ms", d.Milliseconds())
	},
	"day": func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") },
	"mark": func(v Verdict) string {
		return map[Verdict]string{Pass: "Met", Fail: "Not met", Warn: "Met in part", NotTried: "Not tried"}[v]
	},
}).Parse(`<!doctype html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Conformance report: {{.Role}}</title>
<style>
body{font-family:Arial,sans-serif;color:#212b32;background:#fff;max-width:64rem;margin:0 auto;padding:1rem;line-height:1.5}
h1,h2,h3{line-height:1.25}h3{font-size:1rem;margin:0}
p,li{overflow-wrap:anywhere}caption{text-align:left;font-weight:bold;white-space:nowrap}a{color:#005eb8}a:focus,summary:focus{outline:3px solid #212b32;background:#ffeb3b;color:#212b32}
table{border-collapse:collapse;margin:1rem 0}th,td{text-align:left;padding:.25rem 1.5rem .25rem 0;border-bottom:1px solid #d8dde0}
article{border-left:.5rem solid #768692;padding:.25rem 1rem;margin:1rem 0}
article.pass{border-color:#007f3b}article.fail{border-color:#d5281b}article.warn{border-color:#ffb81c}
.verdict{font-weight:bold}pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f0f4f5;padding:.5rem;font-size:.85rem}
summary{cursor:pointer;text-decoration:underline}p{margin:.25rem 0}
</style>
</head>
<body>
<main>
<h1>Conformance report</h1>
<p>Tried as a <b>{{.Role}}</b>: {{.Target}}</p>
<p>{{day .Began}}, in {{ms .Took}}. Kit: Homeward {{.Build}}. Everybody in it is invented.</p>
<table><caption>What was found</caption><tbody>
<tr><th scope="row">Met</th><td>{{.Count "pass"}}</td></tr>
<tr><th scope="row">Met in part</th><td>{{.Count "warn"}}</td></tr>
<tr><th scope="row">Not met</th><td>{{.Count "fail"}}</td></tr>
<tr><th scope="row">Not tried</th><td>{{.Count "not tried"}}</td></tr>
</tbody></table>
{{with .Unmet}}<nav aria-labelledby="unmet"><h2 id="unmet">What to look at</h2>
<ul>{{range .}}<li><span class="verdict">{{mark .Verdict}}</span>: <a href="#{{.ID}}">{{.Requirement}}</a>{{with .Why}} {{.}}{{end}}</li>
{{end}}</ul></nav>
{{end}}{{range .Groups}}<section aria-labelledby="{{slug .Title}}">
<h2 id="{{slug .Title}}">{{.Title}}</h2>
{{range .Results}}<article class="{{slug (print .Verdict)}}" id="{{.ID}}">
<h3>{{.Requirement}}</h3>
<p><span class="verdict">{{mark .Verdict}}</span>{{with .Why}}: {{.}}{{end}}</p>
<p><small>{{.ID}}; {{.Source}}; {{ms .Took}}</small></p>
{{if .Evidence}}<details><summary>What was sent and what came</summary>{{range .Evidence}}<pre>{{.}}</pre>{{end}}</details>{{end}}
</article>
{{end}}</section>
{{end}}</main>
</body>
</html>
`))

// The elements of JUnit's format that CI servers read.
type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Time     string      `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string   `xml:"name,attr"`
		Class   string   `xml:"classname,attr"`
		Time    string   `xml:"time,attr"`
		Failure *junitNo `xml:"failure,omitempty"`
		Skipped *junitNo `xml:"skipped,omitempty"`
		Out     string   `xml:"system-out,omitempty"`
	}
	junitNo struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes the report as JUnit XML, which CI servers read.
func (r Report) WriteJUnit(w io.Writer) error {
	s := junitSuite{Name: "homeward conformance " + string(r.Role), Tests: len(r.Results), Failures: r.Count(Fail), Skipped: r.Count(NotTried),
		Time: fmt.Sprintf("%.3f", r.Took.Seconds())}
	for _, x := range r.Results {
		c := junitCase{Name: x.ID + " " + x.Requirement, Class: Slug(x.Group), Time: fmt.Sprintf("%.3f", x.Took.Seconds())}
		evidence := ""
		for _, e := range x.Evidence {
			evidence += e + "\n\n"
		}
		switch x.Verdict {
		case Fail:
			c.Failure = &junitNo{Message: x.Why, Text: evidence}
		case NotTried:
			c.Skipped = &junitNo{Message: x.Why}
		case Warn:
			c.Out = "Met in part: " + x.Why
		}
		s.Cases = append(s.Cases, c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	e := xml.NewEncoder(w)
	e.Indent("", " ")
	if err := e.Encode(junitSuites{Suites: []junitSuite{s}}); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}
