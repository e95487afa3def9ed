package collect

import (
	"crypto/sha256"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

// walking is where a Bring is in the pages of one ask.
type walking struct {
	ask   *Ask
	path  string
	query url.Values
	at    int             // number of the page, or offset
	came  int             // things of all pages so far
	total int             // as the first page told; -1: not told
	seen  map[string]bool // pages by their content, and where next led
}

func (w *walking) begin() {
	switch w.ask.Pages {
	case "number":
		w.at = w.ask.First
		w.query.Set(w.ask.Param, strconv.Itoa(w.at))
	case "offset":
		w.query.Set(w.ask.Param, "0")
	}
}

// on goes to the next page. last is that this was the last, and that as many came
// as the far side said there were.
func (w *walking) on(t told, body []byte, n int, base *url.URL) (last bool, err error) {
	if w.ask.Pages == "" || w.ask.Pages == "none" {
		return true, w.enough(t)
	}
	sum := sha256.Sum256(body)
	if key := "page " + string(sum[:]); t.items > 0 && w.seen[key] {
		return false, trouble("%s, page %d: the same page came twice. Check the plan's paging. Nothing of this time is taken", w.ask.Name, n)
	} else {
		w.seen[key] = true
	}
	w.came += t.items
	if t.total >= 0 && w.total >= 0 && t.total != w.total {
		return false, trouble("%s, page %d: what the council's system holds changed while it was read. It is read again", w.ask.Name, n)
	}
	if t.total >= 0 {
		w.total = t.total
	}
	switch {
	case t.more != nil && !*t.more, t.more == nil && w.ask.Next == "" && t.items == 0:
		return true, w.enough(t)
	case w.ask.Next == "" && w.total >= 0 && w.came >= w.total:
		return true, w.enough(t)
	case w.ask.Next != "" && t.next == "":
		return true, w.enough(t)
	}
	return false, w.step(t, n, base)
}

// enough compares what came with what was said to be there.
func (w *walking) enough(t told) error {
	if w.ask.Pages == "" || w.ask.Pages == "none" {
		w.came, w.total = t.items, t.total
	}
	if w.total >= 0 && w.came != w.total && w.ask.Items != "" {
		return trouble("%s: the council's system says that there are %d, and %d came. Nothing of this time is taken", w.ask.Name, w.total, w.came)
	}
	return nil
}

func (w *walking) step(t told, n int, base *url.URL) error {
	switch w.ask.Pages {
	case "number":
		w.at++
		w.query.Set(w.ask.Param, strconv.Itoa(w.at))
	case "offset":
		w.at += t.items
		w.query.Set(w.ask.Param, strconv.Itoa(w.at))
	case "cursor":
		if w.seen["next "+t.next] {
			return w.loops(n)
		}
		w.seen["next "+t.next] = true
		w.query.Set(w.ask.Param, t.next)
	case "next":
		return w.follow(t.next, n, base)
	}
	return nil
}

func (w *walking) loops(n int) error {
	return trouble("%s, page %d: the next page is one that was read already. Nothing of this time is taken", w.ask.Name, n)
}

// follow goes where the far side says that the next page is, as long as that is
// under the base: our sign-in goes with the request.
func (w *walking) follow(next string, n int, base *url.URL) error {
	here := *base
	here.Path = path.Join(base.Path, "/", w.path)
	u, err := here.Parse(next)
	under := strings.TrimSuffix(base.Path, "/") + "/"
	if err != nil || u.User != nil || u.Scheme != base.Scheme || u.Host != base.Host || !strings.HasPrefix(u.Path, under) || slices.Contains(strings.Split(u.Path, "/"), "..") {
		return trouble("%s, page %d: the next page is said to be at another address than the council's system. It was not asked for", w.ask.Name, n)
	}
	u.Fragment = ""
	if w.seen["next "+u.String()] {
		return w.loops(n)
	}
	w.seen["next "+u.String()] = true
	w.path, w.query = strings.TrimPrefix(u.EscapedPath(), strings.TrimSuffix(base.EscapedPath(), "/")), u.Query()
	return nil
}
