package web

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"homeward/care"
	"homeward/internal/browser"
	"homeward/store"
)

// shortly is how long a page that is open may take to show what another did. The
// promise of a second is measured where nothing else runs (live_test.go); here a
// loaded machine only makes the story late, and no story ends by waiting.
const shortly = 10 * time.Second

// A play is a story of several people, each at a browser of their own over one
// site: they click what people click and read what stands on the screen.
type play struct {
	*site
	first *browser.Tab
	taken bool
}

// newPlay begins a story: a Chromium and a whole site.
func newPlay(t *testing.T) *play {
	t.Helper()
	t.Parallel()
	p := &play{}
	t.Cleanup(func() {
		if t.Failed() {
			l := strings.Split(p.log.String(), "\n")
			t.Log(strings.Join(l[max(0, len(l)-12):], "\n"))
		}
	})
	p.first, p.site = browser.New(t), newSite(t) // first whether there is a browser
	return p
}

// A player is one person at a browser.
type player struct {
	*browser.Tab
	p    *play
	name string
}

// enter signs somebody in at a browser of their own.
func (p *play) enter(login string) *player {
	p.t.Helper()
	tab := p.first
	if p.taken {
		tab = p.first.NewTab()
	}
	p.taken = true
	a := &player{tab, p, login}
	a.again()
	return a
}

// again signs in anew, after a session has ended.
func (a *player) again() {
	a.p.t.Helper()
	a.p.signIn(a.Tab, a.name)
	if strings.Contains(a.Location(), "/signin") {
		a.p.t.Fatalf("%s was not let in: %s", a.name, a.Text("main"))
	}
}

// open opens an address of the site.
func (a *player) open(path string) {
	a.p.t.Helper()
	if status := a.Goto(a.p.url + path); status != 200 {
		a.p.t.Fatalf("%s opens %s: %d %s", a.name, path, status, a.Text("body"))
	}
}

// found marks the first element that can be seen among those that sel names, whose
// words are text, or begin with it, so that [data-played] names it.
func (a *player) found(sel, text string) {
	a.p.t.Helper()
	a.foundIn("main", sel, text)
}

func (a *player) foundIn(within, sel, text string) {
	a.p.t.Helper()
	others := browser.Eval[string](a.Tab, fmt.Sprintf(`(() => {
		const want = %s, say = e => (e.innerText || '').replace(/\s+/g, ' ').trim();
		const all = [...document.querySelectorAll(%s)].filter(e => e.closest(%s) && e.checkVisibility() && e.getBoundingClientRect().width > 2);
		const it = all.find(e => say(e) === want) || all.find(e => say(e).startsWith(want));
		document.querySelectorAll('[data-played]').forEach(e => e.removeAttribute('data-played'));
		if (!it) return all.map(say).join(' | ') || 'nothing';
		const to = it.control || it;
		to.setAttribute('data-played', '');
		to.scrollIntoView({block: 'center', behavior: 'instant'});
		return '';
	})()`, strconv.Quote(text), strconv.Quote(sel), strconv.Quote(within)))
	if others != "" {
		a.shot("lost")
		a.p.t.Fatalf("%s finds no %q at %s, but: %s\n%s", a.name, text, a.path(), others, a.Text("main"))
	}
}

func (a *player) path() string { return strings.TrimPrefix(a.Location(), a.p.url) }

// press clicks a link or a button by its words, and waits for the page it leads to.
func (a *player) press(text string) {
	a.p.t.Helper()
	if status := a.try(text); status >= 400 {
		a.shot("refused")
		a.p.t.Fatalf("%s presses %q: %d at %s: %s", a.name, text, status, a.path(), a.Text("main"))
	}
}

// try is press where the answer may be a refusal.
func (a *player) try(text string) int {
	a.p.t.Helper()
	a.found("a[href], button", text)
	return a.Follow("[data-played]")
}

// unfold opens what is folded.
func (a *player) unfold(text string) {
	a.p.t.Helper()
	a.found("summary", text)
	a.Click("[data-played]")
}

// fill types into the field of that label.
func (a *player) fill(label, text string) {
	a.p.t.Helper()
	a.found("label", label)
	a.Type("[data-played]", text)
}

// choose clicks a radio or a box by its label.
func (a *player) choose(label string) {
	a.p.t.Helper()
	a.found("label", label)
	a.Click("[data-played]")
}

// of is choose within the question of that legend.
func (a *player) of(legend, label string) {
	a.p.t.Helper()
	a.found("legend", legend)
	a.Eval(`document.querySelector('[data-played]').closest('fieldset').setAttribute('data-asked', '')`)
	a.foundIn("[data-asked]", "label", label)
	a.Eval(`document.querySelector('[data-asked]').removeAttribute('data-asked')`)
	a.Click("[data-played]")
}

// pick chooses in a list by the beginning of what it says.
func (a *player) pick(label, option string) {
	a.p.t.Helper()
	a.found("label", label)
	if !browser.Eval[bool](a.Tab, fmt.Sprintf(`(() => { const s = document.querySelector('[data-played]'),
		o = [...s.options].find(o => o.text.startsWith(%s)); if (!o) return false;
		s.value = o.value; s.dispatchEvent(new Event('change', {bubbles: true})); return true })()`, strconv.Quote(option))) {
		a.p.t.Fatalf("%s finds no %q in the list %q of %s: %s", a.name, option, label, a.path(), a.Text("[data-played]"))
	}
}

// day types a date.
func (a *player) day(id, day, month, year string) {
	a.p.t.Helper()
	a.Type("#"+id+"-day", day)
	a.Type("#"+id+"-month", month)
	a.Type("#"+id+"-year", year)
}

// sees waits until the page says something; a page that is watched must not have been
// loaded again for it.
func (a *player) sees(sel string, texts ...string) {
	a.p.t.Helper()
	for _, text := range texts {
		if !a.waits(sel, text) {
			a.shot("unseen")
			a.p.t.Fatalf("%s does not see %q in %s of %s:\n%s", a.name, text, sel, a.path(), a.Text(sel))
		}
	}
}

func (a *player) waits(sel, text string) bool {
	for end := time.Now().Add(shortly); ; time.Sleep(20 * time.Millisecond) {
		if browser.Eval[bool](a.Tab, fmt.Sprintf(`[...document.querySelectorAll(%s)].some(e => e.innerText.replace(/\s+/g, ' ').includes(%s))`, strconv.Quote(sel), strconv.Quote(text))) {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

// lacks fails the test if the page as it is sent says something.
func (a *player) lacks(texts ...string) {
	a.p.t.Helper()
	page := browser.Eval[string](a.Tab, `document.body.textContent`)
	for _, text := range texts {
		if strings.Contains(strings.ToLower(page), strings.ToLower(text)) {
			a.p.t.Errorf("%s is told %q at %s", a.name, text, a.path())
		}
	}
}

// watches begins to look at a live page, which must not be loaded again.
func (a *player) watches() {
	a.p.t.Helper()
	a.sees("[data-live-status]", "Last checked")
	a.Eval("window.same = true; document.activeElement.blur()")
}

// still ends watches: it is the page that was opened.
func (a *player) still() {
	a.p.t.Helper()
	if !browser.Eval[bool](a.Tab, "window.same === true") {
		a.p.t.Errorf("the page of %s was loaded again", a.name)
	}
}

// key goes with the tab key alone to what has these words, and presses Enter.
func (a *player) key(text string) {
	a.p.t.Helper()
	tabTo(a.p.t.(*testing.T), a.Tab, "(el.innerText || '').replace(/\\s+/g, ' ').trim().startsWith("+strconv.Quote(text)+")")
	a.Eval("window.left = true")
	a.Press(kb.Enter)
	a.Wait("window.left !== true && document.readyState === 'complete'", shortly)
}

// until waits for something that no page tells.
func (p *play) until(what string, so func() bool) {
	p.t.Helper()
	for end := time.Now().Add(shortly); !so(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("%s: not within %v", what, shortly)
		}
	}
}

// unfolds is unfold with the keyboard alone.
func (a *player) unfolds(text string) {
	a.p.t.Helper()
	tabTo(a.p.t.(*testing.T), a.Tab, "el.tagName === 'SUMMARY' && el.innerText.trim() === "+strconv.Quote(text))
	a.Press(kb.Enter)
}

// hears is what a hospital's system tells of a stay, as its feed brings it.
func (p *play) hears(id care.CaseID, visit string, seen care.Seen) {
	p.t.Helper()
	p.must(p.store.Update(context.Background(), func(tx *store.Tx) error {
		c, err := tx.Case(id)
		if err != nil {
			return err
		}
		o := care.Observation{At: p.clock(), Said: p.clock(), Source: care.Source{Feed: "kmh", Org: kingsMill}, Event: "A08", Visit: visit, Seen: &seen}
		_, err = tx.Record(c, care.Cause{Kind: "message"}, p.clock(), care.Notice(c, o)...)
		return err
	}))
}

// at goes with the tab key alone to what has this id, and presses keys.
func (a *player) at(id, keys string) {
	a.p.t.Helper()
	tabTo(a.p.t.(*testing.T), a.Tab, "el.id === "+strconv.Quote(id))
	a.Press(keys)
}

// fine wants the page without a violation of WCAG 2.2 AA on both kinds of screen.
func (a *player) fine(name string) {
	a.p.t.Helper()
	look(a.p.t.(*testing.T), a.Tab, axeSource(a.p.t), "story-"+name)
}

// shot keeps a picture where HOMEWARD_SHOTS says.
func (a *player) shot(name string) {
	if dir := os.Getenv("HOMEWARD_SHOTS"); dir != "" {
		a.Screenshot(filepath.Join(dir, "story-"+name+"-"+a.name+"-"+strings.ReplaceAll(a.p.t.Name(), "/", "-")+".png"), 1366, 0)
	}
}
