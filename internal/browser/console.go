package browser

import (
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/chromedp"
)

// A Message is something that went wrong in a page, as its console tells it.
type Message struct {
	Kind string // "error", "exception", "assert" or "policy"
	Text string
	URL  string // of the script or resource; may be empty
}

// String is the message on one line.
func (m Message) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s: %s %s", m.Kind, m.Text, m.URL))
}

// ConsoleErrors takes what went wrong in the page so far: errors, uncaught
// exceptions, failed resources, breaches of the content security policy and of
// Trusted Types. What a test takes no longer fails it. A document's own status
// of 400 or more is not among them.
func (b *Tab) ConsoleErrors() []Message {
	b.t.Helper()
	b.sync()
	b.mu.Lock()
	defer b.mu.Unlock()
	got := b.problems
	b.problems = nil
	return got
}

// sync waits until all that the page has said so far was collected: it has the
// console say a mark, and waits to hear it.
func (b *Tab) sync() {
	b.t.Helper()
	b.mu.Lock()
	b.nmarks++
	mark, heard := fmt.Sprintf("homeward-mark-%d", b.nmarks), make(chan struct{})
	b.marks[mark] = heard
	b.mu.Unlock()
	b.Eval(fmt.Sprintf("console.debug(%q)", mark))
	select {
	case <-heard:
	case <-time.After(patience):
		b.t.Fatal("the page's console is silent")
	}
}

// note keeps a message that tells of something wrong.
func (b *Tab) note(m chromedp.ConsoleMessage) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if heard, ok := b.marks[m.Text]; ok {
		close(heard)
		delete(b.marks, m.Text)
		return
	}
	if p, bad := problem(m); bad && !(m.Source == "network" && b.pages[m.URL]) {
		b.problems = append(b.problems, p)
	}
}

// problem tells errors from talk. A policy that only reports is as bad as one
// that blocks, so the words decide and not the level.
func problem(m chromedp.ConsoleMessage) (Message, bool) {
	p := Message{Kind: string(m.Type), Text: m.Text, URL: m.URL}
	for _, words := range []string{"Content Security Policy", "Content-Security-Policy", "Trusted Type", "TrustedHTML", "TrustedScript"} {
		if strings.Contains(m.Text, words) {
			p.Kind = "policy"
			return p, true
		}
	}
	switch m.Type {
	case chromedp.ConsoleError, chromedp.ConsoleException, "assert":
		return p, true
	}
	return p, false
}

// failOnProblems fails a test whose page had errors that the test did not take.
// A page that is gone by then cannot be asked; what was heard still counts.
func (b *Tab) failOnProblems() {
	b.t.Helper()
	if b.ctx.Err() == nil && !b.t.Failed() {
		b.sync()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.problems {
		b.t.Errorf("the page's console: %s", m)
	}
}

// A Violation is one rule of accessibility that the page breaks.
type Violation struct {
	ID     string // axe's rule, such as color-contrast
	Impact string // minor, moderate, serious or critical
	Help   string
	Where  []string // CSS selectors of the elements
}

// String is the violation on one line.
func (v Violation) String() string {
	return fmt.Sprintf("%s (%s): %s: %s", v.ID, v.Impact, v.Help, strings.Join(v.Where, ", "))
}

// axeRun runs the rules of WCAG 2.2 at A and AA, and axe's best practice.
// A colour that is on its way to another has no contrast worth measuring, and one
// sets out when the page is laid out anew: so that is waited for first.
const axeRun = `new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r))).then(() => {
	document.getAnimations().forEach((a) => { try { a.finish() } catch { a.cancel() } })
	return axe.run(document, {runOnly: ["wcag2a","wcag2aa","wcag21a","wcag21aa","wcag22aa","best-practice"]})
}).then(r => r.violations.map(v => ({ID: v.id, Impact: v.impact || "", Help: v.help, Where: v.nodes.map(n => n.target.flat().join(" "))})))`

// Axe checks the page as it stands with axe-core, whose script the caller
// gives. WCAG 2.2, levels A and AA.
func (b *Tab) Axe(axeSource string) []Violation {
	b.t.Helper()
	b.Eval("if (!window.axe) { " + axeSource + "\n}")
	return Eval[[]Violation](b, axeRun)
}
