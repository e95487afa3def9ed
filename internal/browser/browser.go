// Package browser drives a real Chromium in tests: pages as people see them,
// with and without JavaScript, with the page's own errors and breaches of the
// content security policy failing the test. It downloads nothing, reaches no
// host but this machine, and is no part of the product.
package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// ErrMissing is the error of Find when there is no Chromium on this machine.
var ErrMissing = errors.New("Chromium is missing: install the package chromium, or run ./test")

// patience is how long one step may take before the test fails: long, because
// the machine may be running other tests.
const patience = 30 * time.Second

// A Tab is one page of one person's browser. Its methods fail the test instead
// of returning errors, and name the step that went wrong. A message of the
// page's console that tells of an error, and that the test did not take by
// ConsoleErrors, fails the test at its end.
type Tab struct {
	t    testing.TB
	root context.Context // the browser
	ctx  context.Context // this page

	mu       sync.Mutex
	problems []Message
	pages    map[string]bool // addresses of documents, good or not
	marks    map[string]chan struct{}
	nmarks   int
}

// New starts a browser and gives its first page, 1366 by 768 pixels. The
// browser ends with the test. Without Chromium the test is skipped, or fails
// under HOMEWARD_CI=1. Under -short, which is how the race detector's step runs, no
// browser is started: what one asks of the server is asked there by tests without one.
func New(t testing.TB) *Tab {
	t.Helper()
	if testing.Short() {
		t.Skip("under -short no browser is started")
	}
	path, err := Find()
	switch {
	case err == nil:
	case os.Getenv("HOMEWARD_CI") != "1":
		t.Skipf("not run without a browser: %v", err)
	default:
		t.Fatal(err)
	}
	alloc, cancel := chromedp.NewExecAllocator(context.Background(), flags(path)...)
	root, _ := chromedp.NewContext(alloc, chromedp.WithErrorf(func(string, ...any) {}))
	t.Cleanup(func() {
		ctx, done := context.WithTimeout(root, 10*time.Second)
		defer done()
		// An error here is the browser's, on its way out; the test is over.
		_ = chromedp.Cancel(ctx)
		cancel()
	})
	if err := chromedp.Do(root); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	return open(t, root, root)
}

// flags are Chromium's: no sandbox only for root, who cannot have one; no host
// but this machine; the same pixels and the same zone on every machine.
func flags(path string) []chromedp.ExecAllocatorOption {
	o := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(path),
		chromedp.DisableGPU,
		chromedp.Env("TZ=Europe/London"),
		chromedp.Flag("lang", "en-GB"),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("force-device-scale-factor", "1"),
		chromedp.Flag("font-render-hinting", "none"),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-domain-reliability", true),
		chromedp.Flag("no-pings", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost"),
	)
	if os.Geteuid() == 0 {
		o = append(o, chromedp.NoSandbox)
	}
	return o
}

// NewTab gives a page of another person: the same browser process, but no
// cookie or storage in common.
func (b *Tab) NewTab() *Tab {
	b.t.Helper()
	return open(b.t, b.root, b.root, chromedp.WithNewBrowserContext())
}

// Sibling gives another page of the same person: the cookies are shared.
func (b *Tab) Sibling() *Tab {
	b.t.Helper()
	return open(b.t, b.root, b.ctx)
}

// open makes a page in the browser of root, as a child of parent, and starts to
// collect its console.
func open(t testing.TB, root, parent context.Context, options ...chromedp.ContextOption) *Tab {
	t.Helper()
	b := &Tab{t: t, root: root, pages: map[string]bool{}, marks: map[string]chan struct{}{}}
	ctx, cancel := chromedp.NewContext(parent, append(options, chromedp.WithListener(b.noteDocument))...)
	b.ctx = ctx
	messages := chromedp.Console(ctx)
	collected := make(chan struct{})
	go func() {
		defer close(collected)
		for m, err := range messages {
			if err != nil {
				return
			}
			b.note(m)
		}
	}()
	t.Cleanup(func() {
		b.failOnProblems()
		cancel()
		<-collected
	})
	b.Viewport(1366, 768)
	return b
}

// do runs steps, and fails the test after patience or an error.
func (b *Tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}

// get runs a step that gives a value, and fails the test as do does.
func get[T any](b *Tab, what string, step chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, step)
	if err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
	return v
}

// Goto opens an address, waits for the page to load, and gives the HTTP status.
func (b *Tab) Goto(url string) (status int) {
	b.t.Helper()
	return b.load("going to "+url, chromedp.Navigate(url))
}

// Follow clicks what sel names, waits for the page it leads to, and gives that
// page's HTTP status. It is Click for links and buttons that load a page.
func (b *Tab) Follow(sel string) (status int) {
	b.t.Helper()
	return b.load("following "+sel, chromedp.Click(chromedp.CSS(sel)))
}

func (b *Tab) load(what string, step chromedp.Action[chromedp.Void]) (status int) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	resp, err := chromedp.RunResponse(ctx, step)
	if err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
	if resp == nil { // such as about:blank
		return 0
	}
	return int(resp.Status)
}

// Location is the address of the page now.
func (b *Tab) Location() string {
	b.t.Helper()
	return get(b, "reading the address", chromedp.Location())
}

// Text is the visible text of the first element that sel, a CSS selector,
// names, once it is visible.
func (b *Tab) Text(sel string) string {
	b.t.Helper()
	return strings.TrimSpace(get(b, "reading "+sel, chromedp.Text(chromedp.CSS(sel))))
}

// Click clicks the first element that sel names, once it is visible. When the
// click loads a page, use Follow, which waits for it.
func (b *Tab) Click(sel string) {
	b.t.Helper()
	b.do("clicking "+sel, chromedp.Click(chromedp.CSS(sel)))
}

// Type replaces what is in a field by keys pressed one by one.
func (b *Tab) Type(sel, text string) {
	b.t.Helper()
	b.do("reaching "+sel, chromedp.Focus(chromedp.CSS(sel)))
	b.Eval("document.activeElement.value = ''") // chromedp's Clear knows no empty textarea
	b.do("typing into "+sel, chromedp.SendKeys(chromedp.CSS(sel), text))
}

// Press presses keys where the focus is: text, or the constants of
// github.com/chromedp/chromedp/kb such as kb.Tab.
func (b *Tab) Press(keys string) {
	b.t.Helper()
	b.do("pressing keys", chromedp.KeyEvent(keys))
}

// Eval gives the value of a JavaScript expression; a promise is awaited. It
// works on pages whose own JavaScript is off or forbidden.
func Eval[T any](b *Tab, js string) T {
	b.t.Helper()
	return get(b, "evaluating "+short(js), chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
}

// Eval runs JavaScript for what it does, not for its value.
func (b *Tab) Eval(js string) {
	b.t.Helper()
	Eval[chromedp.Void](b, js)
}

// WaitText waits until the text of sel contains what is given, at most timeout.
// It looks through page loads.
func (b *Tab) WaitText(sel, contains string, timeout time.Duration) {
	b.t.Helper()
	last := "nothing"
	js := fmt.Sprintf(`(document.querySelector(%q)||{textContent:""}).textContent`, sel)
	ok := b.until(timeout, func(ctx context.Context) bool {
		text, err := chromedp.Run(ctx, chromedp.Evaluate[string](js))
		if err == nil {
			last = text
		}
		return err == nil && strings.Contains(text, contains)
	})
	if !ok {
		b.t.Fatalf("waited %v for %s to say %q; it says %q", timeout, sel, contains, strings.TrimSpace(last))
	}
}

// Wait waits until a JavaScript expression is true, at most timeout. It looks
// through page loads.
func (b *Tab) Wait(js string, timeout time.Duration) {
	b.t.Helper()
	ok := b.until(timeout, func(ctx context.Context) bool {
		is, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+js+")"))
		return err == nil && is
	})
	if !ok {
		b.t.Fatalf("waited %v in vain for %s", timeout, short(js))
	}
}

// until asks every 20 ms whether something is so. An error counts as not yet:
// between two pages there is nothing to ask.
func (b *Tab) until(timeout time.Duration, so func(context.Context) bool) bool {
	ctx, cancel := context.WithTimeout(b.ctx, timeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if so(ctx) {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
}

// Viewport sets the size of the page, in CSS pixels.
func (b *Tab) Viewport(width, height int) {
	b.t.Helper()
	b.do("setting the size", chromedp.EmulateViewport(int64(width), int64(height)))
}

// Screenshot writes a PNG of the page at a size; height 0 takes the whole page.
// The directories of path are made.
func (b *Tab) Screenshot(path string, width, height int) {
	b.t.Helper()
	take := chromedp.CaptureScreenshot()
	if height == 0 {
		height, take = 768, chromedp.FullScreenshot(100)
	}
	b.Viewport(width, height)
	png := get(b, "taking a picture", take)
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, png, 0o644)
	}
	if err != nil {
		b.t.Fatalf("keeping a picture: %v", err)
	}
}

// DisableJS stops the scripts of pages opened from now on in this tab, as for a
// person whose browser runs none.
func (b *Tab) DisableJS() {
	b.t.Helper()
	b.do("switching JavaScript off", func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return chromedp.Void{}, err
	})
}

// short cuts a script for a message.
func short(js string) string {
	if len(js) > 120 {
		return js[:120] + "..."
	}
	return js
}

// noteDocument remembers the address of every document that came, so that the
// console's line about a page's own status 4xx is told from a broken page.
func (b *Tab) noteDocument(ev any) {
	if r, ok := ev.(*network.EventResponseReceived); ok && r.Type == network.ResourceTypeDocument {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.pages[r.Response.URL] = true
	}
}

// names are Chromium's names on PATH.
var names = []string{"chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome", "headless_shell"}

// places are where Playwright and macOS put Chromium; ~ is the home directory.
var places = []string{
	"$PLAYWRIGHT_BROWSERS_PATH/chromium-*/chrome-linux*/chrome",
	"$PLAYWRIGHT_BROWSERS_PATH/chromium_headless_shell-*/chrome-*/*headless[-_]shell",
	"~/.cache/ms-playwright/chromium-*/chrome-linux*/chrome",
	"~/.cache/ms-playwright/chromium_headless_shell-*/chrome-*/*headless[-_]shell",
	"/ms-playwright/chromium-*/chrome-linux*/chrome",
	"~/Library/Caches/ms-playwright/chromium-*/chrome-mac*/Chromium.app/Contents/MacOS/Chromium",
	"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
	"/Applications/Chromium.app/Contents/MacOS/Chromium",
}

// Find gives the path of a Chromium: from PATH, from Playwright's places or
// from macOS's. The error is ErrMissing.
func Find() (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	home := os.Getenv("HOME")
	for _, place := range places {
		place = os.ExpandEnv(strings.Replace(place, "~", home, 1))
		found, err := filepath.Glob(place)
		if err != nil {
			return "", fmt.Errorf("looking for Chromium at %s: %w", place, err)
		}
		for _, path := range slices.Backward(found) { // the newest build last
			if _, err := exec.LookPath(path); err == nil {
				return path, nil
			}
		}
	}
	return "", ErrMissing
}
