//go:build unix

package stories

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/html"
)

// A reader is somebody at a screen: a browser without scripts, that finds links,
// fields and buttons by the words that stand on them. Scripts only add to the
// pages, so what can be done here can be done by everybody.
type reader struct {
	name   string
	client *http.Client
	path   string // of the page they look at
	page   *html.Node
	status int
	got    bool // the page was asked for, not the answer to a form
	gen    int  // of the world, when the page was loaded
	live   *stream
}

func newReader(name string) (*reader, error) {
	jar, err := cookiejar.New(nil)
	return &reader{name: name, client: &http.Client{Jar: jar, Timeout: 20 * time.Second}}, err
}

// open asks for a page.
func (r *reader) open(base, path string) error {
	res, err := r.client.Get(base + path)
	if err != nil {
		return err
	}
	r.got = true
	return r.take(res)
}

func (r *reader) take(res *http.Response) error {
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	page, err := html.Parse(strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	r.page, r.status, r.path = page, res.StatusCode, res.Request.URL.RequestURI()
	r.got = r.got || res.Request.Method == http.MethodGet
	if res.StatusCode >= 500 {
		return fmt.Errorf("the page answered %d:\n%s", res.StatusCode, r.short())
	}
	return nil
}

// text is what the page says, in one line.
func (r *reader) text() string { return textOf(find(r.page, tag("body"))) }

// short is the text for a message of what went wrong.
func (r *reader) short() string {
	const most = 4000
	t := r.text()
	if len(t) > most {
		t = t[:most] + " ..."
	}
	return fmt.Sprintf("%s (%d): %s", r.name, r.status, t)
}

func tag(names ...string) func(*html.Node) bool {
	return func(n *html.Node) bool { return n.Type == html.ElementNode && slices.Contains(names, n.Data) }
}

// all gives the elements below n for which is holds, in the order of the page.
func all(n *html.Node, is func(*html.Node) bool) []*html.Node {
	var out []*html.Node
	if n == nil {
		return nil
	}
	for d := range n.Descendants() {
		if is(d) {
			out = append(out, d)
		}
	}
	return out
}

func find(n *html.Node, is func(*html.Node) bool) *html.Node {
	if found := all(n, is); len(found) > 0 {
		return found[0]
	}
	return nil
}

// above is the nearest element around n for which is holds.
func above(n *html.Node, is func(*html.Node) bool) *html.Node {
	for p := n.Parent; p != nil; p = p.Parent {
		if is(p) {
			return p
		}
	}
	return nil
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, key string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
}

func set(n *html.Node, key, value string) {
	unset(n, key)
	n.Attr = append(n.Attr, html.Attribute{Key: key, Val: value})
}

func unset(n *html.Node, key string) {
	n.Attr = slices.DeleteFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
}

var inline = []string{"a", "b", "strong", "em", "i", "code", "time", "wbr", "abbr", "sup"}

// textOf is the words of an element, as a reader sees them.
func textOf(n *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		switch {
		case n == nil || n.Type == html.ElementNode && slices.Contains([]string{"script", "style", "noscript", "template"}, n.Data):
			return
		case n.Type == html.TextNode:
			b.WriteString(n.Data)
		}
		block := n.Type == html.ElementNode && !slices.Contains(inline, n.Data)
		if block {
			b.WriteByte(' ')
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
		if block {
			b.WriteByte(' ')
		}
	}
	walk(n)
	return plain(b.String())
}

// plain writes quotation marks, dashes and spaces as a keyboard does.
func plain(s string) string {
	s = strings.NewReplacer("’", "'", "‘", "'", "“", "'", "”", "'", "\u00a0", " ", "\u202f", " ", "\u2060", "").Replace(s)
	return strings.Join(strings.Fields(s), " ")
}

// follow opens the link with these words, of the part of the page given.
func (r *reader) follow(base, words string, within *html.Node) error {
	var begins *html.Node
	for _, a := range all(within, tag("a")) {
		switch t := textOf(a); {
		case t == plain(words):
			return r.open(base, r.resolve(attr(a, "href")))
		case begins == nil && strings.HasPrefix(t, plain(words)):
			begins = a
		}
	}
	if begins != nil {
		return r.open(base, r.resolve(attr(begins, "href")))
	}
	return fmt.Errorf("there is no link %q on the page of %s", words, r.short())
}

// resolve is an address on the page as a path.
func (r *reader) resolve(href string) string {
	here, err := url.Parse(r.path)
	if err != nil {
		return href
	}
	to, err := here.Parse(href)
	if err != nil {
		return href
	}
	return to.RequestURI()
}

// press sends the form of the button with these words.
func (r *reader) press(base, words string, within *html.Node) error {
	for _, b := range all(within, tag("button")) {
		if t := textOf(b); t != plain(words) && !strings.HasPrefix(t, plain(words)+" ") {
			continue
		}
		f := above(b, tag("form"))
		if f == nil {
			continue
		}
		return r.send(base, f, b)
	}
	return fmt.Errorf("there is no button %q on the page of %s", words, r.short())
}

func (r *reader) send(base string, f, button *html.Node) error {
	values := filled(f)
	if n := attr(button, "name"); n != "" {
		values.Add(n, attr(button, "value"))
	}
	action := attr(f, "action")
	if a := attr(button, "formaction"); a != "" {
		action = a
	}
	to := base + r.resolve(action)
	if !strings.EqualFold(attr(f, "method"), "post") {
		to, _, _ = strings.Cut(to, "?")
		return r.open("", to+"?"+values.Encode())
	}
	res, err := r.client.PostForm(to, values)
	if err != nil {
		return err
	}
	r.got = false
	return r.take(res)
}

// filled is what a form would send. WHATWG HTML 4.10.21.4.
func filled(f *html.Node) url.Values {
	v := url.Values{}
	for _, n := range all(f, tag("input", "select", "textarea")) {
		name := attr(n, "name")
		if name == "" || has(n, "disabled") {
			continue
		}
		switch kind := attr(n, "type"); {
		case n.Data == "textarea":
			v.Add(name, strings.TrimPrefix(raw(n), "\n"))
		case n.Data == "select":
			if o := chosen(n); o != nil {
				v.Add(name, attr(o, "value"))
			}
		case kind == "radio" || kind == "checkbox":
			if has(n, "checked") {
				v.Add(name, attr(n, "value"))
			}
		default:
			v.Add(name, attr(n, "value"))
		}
	}
	return v
}

func raw(n *html.Node) string {
	var b strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		b.WriteString(c.Data)
	}
	return b.String()
}

func chosen(sel *html.Node) *html.Node {
	options := all(sel, tag("option"))
	for _, o := range options {
		if has(o, "selected") {
			return o
		}
	}
	if len(options) > 0 {
		return options[0]
	}
	return nil
}

// group is the part of the page with the question: a fieldset with the legend,
// else the form group of the label; the whole page for "".
func (r *reader) group(question string) (*html.Node, error) {
	if question == "" {
		return r.page, nil
	}
	for _, n := range all(r.page, tag("legend", "label")) {
		if t := textOf(n); t != plain(question) && t != plain(question)+" (optional)" {
			continue
		}
		if n.Data == "legend" {
			return n.Parent, nil
		}
		if c := r.control(attr(n, "for")); c != nil && attr(c, "type") != "radio" && attr(c, "type") != "checkbox" {
			return c, nil
		}
	}
	return nil, fmt.Errorf("there is no question %q on the page of %s", question, r.short())
}

func (r *reader) control(id string) *html.Node {
	return find(r.page, func(n *html.Node) bool { return n.Type == html.ElementNode && attr(n, "id") == id })
}

// choose marks a choice: a radio button, a tick box or an entry of a list.
func (r *reader) choose(choice, question string) error {
	in, err := r.group(question)
	if err != nil {
		return err
	}
	for _, l := range all(in, tag("label")) {
		c := r.control(attr(l, "for"))
		if c == nil || textOf(l) != plain(choice) {
			continue
		}
		switch attr(c, "type") {
		case "radio":
			for _, other := range all(above(c, tag("form")), func(n *html.Node) bool { return attr(n, "type") == "radio" && attr(n, "name") == attr(c, "name") }) {
				unset(other, "checked")
			}
			set(c, "checked", "")
			return nil
		case "checkbox":
			set(c, "checked", "")
			return nil
		}
	}
	lists := all(in, tag("select"))
	if in.Data == "select" {
		lists = append(lists, in)
	}
	for _, s := range lists {
		for _, o := range all(s, tag("option")) {
			if t := textOf(o); t == plain(choice) || strings.HasPrefix(t, plain(choice)+",") {
				if old := chosen(s); old != nil {
					unset(old, "selected")
				}
				set(o, "selected", "")
				return nil
			}
		}
	}
	return fmt.Errorf("there is no choice %q on the page of %s", choice, r.short())
}

// enter types into the field of a question.
func (r *reader) enter(text, question string) error {
	in, err := r.group(question)
	if err != nil {
		return err
	}
	switch {
	case in.Data == "textarea":
		for c := in.FirstChild; c != nil; c = in.FirstChild {
			in.RemoveChild(c)
		}
		in.AppendChild(&html.Node{Type: html.TextNode, Data: text})
	case in.Data == "input":
		set(in, "value", text)
	default:
		return fmt.Errorf("%q is not a field to type in", question)
	}
	return nil
}

// enterDate fills the three boxes of a date.
func (r *reader) enterDate(d time.Time, question string) error {
	in, err := r.group(question)
	if err != nil {
		return err
	}
	n := 0
	for _, c := range all(in, tag("input")) {
		for end, layout := range map[string]string{"-day": "2", "-month": "1", "-year": "2006"} {
			if strings.HasSuffix(attr(c, "id"), end) {
				set(c, "value", d.Format(layout))
				n++
			}
		}
	}
	if n != 3 {
		return fmt.Errorf("%q does not ask for a date", question)
	}
	return nil
}

// rows are the parts of the page that name somebody: rows of tables, cards,
// entries of lists; the smallest around each name.
func (r *reader) rows(name string) []*html.Node {
	var out []*html.Node
	row := func(n *html.Node) bool { return tag("tr", "li")(n) || has(n, "data-case") }
	for _, n := range all(r.page, row) {
		if strings.Contains(textOf(n), plain(name)) && find(n, func(d *html.Node) bool { return row(d) && strings.Contains(textOf(d), plain(name)) }) == nil {
			out = append(out, n)
		}
	}
	return out
}

// A stream is a page's live updates, as its script would read them.
type stream struct {
	cancel context.CancelFunc
	done   chan struct{}
	mu     sync.Mutex
	events []liveEvent
	err    error
}

// liveEvent is one update and when it came.
type liveEvent struct {
	at         time.Time
	name, text string
}

// watch opens the live updates of the page, from where the page stands, and
// returns once the stream is open.
func (r *reader) watch(base string) error {
	r.unwatch()
	box := find(r.page, func(n *html.Node) bool { return has(n, "data-sse") })
	if box == nil {
		return fmt.Errorf("the page has no live updates: %s", r.short())
	}
	to := attr(box, "data-sse")
	sep := "?"
	if strings.Contains(to, "?") {
		sep = "&"
	}
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+to+sep+"last="+attr(box, "data-last"), nil)
	if err != nil {
		cancel()
		return err
	}
	req.Header.Set("Accept", "text/event-stream")
	res, err := (&http.Client{Jar: r.client.Jar}).Do(req)
	if err == nil && res.StatusCode != http.StatusOK {
		_ = res.Body.Close()
		err = fmt.Errorf("live updates answered %d", res.StatusCode)
	}
	if err != nil {
		cancel()
		return err
	}
	s := &stream{cancel: cancel, done: make(chan struct{})}
	r.live = s
	go s.read(res.Body)
	return s.wait(time.Now().Add(5*time.Second), func(liveEvent) bool { return true }) // the first beat
}

// read takes events as they come. WHATWG HTML 9.2.6.
func (s *stream) read(body io.ReadCloser) {
	defer close(s.done)
	defer body.Close()
	in := bufio.NewScanner(body)
	in.Buffer(nil, 1<<20)
	var e liveEvent
	var data strings.Builder
	for in.Scan() {
		field, value, _ := strings.Cut(in.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case in.Text() == "":
			e.at, e.text = time.Now(), words(data.String())
			s.mu.Lock()
			s.events = append(s.events, e)
			s.mu.Unlock()
			e = liveEvent{}
			data.Reset()
		case field == "event":
			e.name = value
		case field == "data":
			data.WriteString(value + "\n")
		}
	}
	s.mu.Lock()
	s.err = errors.Join(errors.New("the live updates ended"), in.Err())
	s.mu.Unlock()
}

// words is the text of a piece of HTML, which need not be a page: a row alone
// would not be parsed as one.
func words(piece string) string {
	var b strings.Builder
	for t := html.NewTokenizer(strings.NewReader(piece)); ; {
		switch t.Next() {
		case html.ErrorToken:
			return plain(b.String())
		case html.TextToken:
			b.Write(t.Text())
		case html.StartTagToken, html.EndTagToken:
			if n, _ := t.TagName(); !slices.Contains(inline, string(n)) {
				b.WriteByte(' ')
			}
		}
	}
}

// wait waits until there is an event that is right.
func (s *stream) wait(until time.Time, is func(liveEvent) bool) error {
	for {
		s.mu.Lock()
		found, err := slices.ContainsFunc(s.events, is), s.err
		s.mu.Unlock()
		switch {
		case found:
			return nil
		case err != nil:
			return err
		case time.Now().After(until):
			return errors.New("nothing of the kind came")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// said is what came since a time, for a message of what went wrong.
func (s *stream) said(since time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, e := range s.events {
		if !e.at.Before(since) {
			out = append(out, fmt.Sprintf("%s after %v: %s", e.name, e.at.Sub(since).Round(time.Millisecond), e.text))
		}
	}
	return strings.Join(out, "\n\t")
}

func (r *reader) unwatch() {
	if r.live != nil {
		r.live.cancel()
		<-r.live.done
		r.live = nil
	}
}
