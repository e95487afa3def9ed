package collect

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"homeward/connect"
	"homeward/connect/httpsend"
	"homeward/extract"
	"homeward/mapping"
	"homeward/nhs"
)

// Poll brings what a council's system holds by asking its API.
type Poll struct {
	Plan    *Plan
	Client  *httpsend.Client
	Folder  Folder
	Council nhs.ODS

	Base      string        // the Client's address: next links must lead under it
	FullEvery time.Duration // a full extract this often, changes between; 0: every one is full
	Overlap   time.Duration // changes are asked from so long before the last; 0 is 5 min
	PerSecond float64       // requests; 0 is 5
	MaxPages  int           // of one ask; 0 is 10,000
	MaxItems  int           // of one Bring; 0 is 2,000,000
	Keep      int           // extracts that were read are removed but for these; 0 is 20

	Now   func() time.Time                           // nil: time.Now
	Sleep func(context.Context, time.Duration) error // nil: waits
}

// polled is what a Poll must know after a restart.
type polled struct {
	AsAt   time.Time `json:"as_at"`  // of the last extract
	Full   time.Time `json:"full"`   // of the last full one
	Cursor string    `json:"cursor"` // what the far side gave for the next time

	Unread []brought `json:"unread,omitempty"` // extracts of which it was not seen yet what became of them
}

// brought is an extract that was put into the folder.
type brought struct {
	Name string    `json:"name"`
	AsAt time.Time `json:"as_at"`
}

// polling is one Bring.
type polling struct {
	*Poll
	was    polled
	full   bool
	asAt   time.Time
	since  string // "" of a full one
	cursor string // for the next time
	files  *files
	people []string // ids, each once, in the order they came
	known  map[string]bool
	items  int
	asked  int
	gone   int
	next   time.Time // before which nothing is asked
	notes  notes
}

func (p *Poll) defaults() {
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Sleep == nil {
		p.Sleep = sleep
	}
	for v, d := range map[*int]int{&p.MaxPages: 10_000, &p.MaxItems: 2_000_000, &p.Keep: 20} {
		if *v <= 0 {
			*v = d
		}
	}
	if p.Overlap <= 0 {
		p.Overlap = 5 * time.Minute
	}
	if p.PerSecond <= 0 {
		p.PerSecond = 5
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Bring asks for everything, or for what changed, and puts one extract into the
// folder. When any page cannot be had or read, there is none, and the next Bring
// asks from the same moment again.
func (p *Poll) Bring(ctx context.Context) (Brought, error) {
	p.defaults()
	if err := p.Folder.open(); err != nil {
		return Brought{}, err
	}
	r := &polling{Poll: p, known: map[string]bool{}}
	if err := p.Folder.recall("poll", &r.was); err != nil {
		return Brought{}, err
	}
	r.asAt = p.Now().UTC().Truncate(time.Second)
	if !r.asAt.After(r.was.AsAt) { // two in one second, or a clock that was set back
		r.asAt = r.was.AsAt.Add(time.Second)
	}
	if err := r.look(); err != nil {
		return Brought{}, err
	}
	r.full = r.was.Full.IsZero() || p.FullEvery <= 0 || r.asAt.Sub(r.was.Full) >= p.FullEvery
	kind := extract.Full
	if !r.full {
		kind, r.since = extract.Changes, r.was.Cursor
		if r.since == "" {
			r.since = p.Plan.write(r.was.AsAt.Add(-p.Overlap))
		}
	}
	name := fmt.Sprintf("%s-%s-%s", strings.ToLower(string(p.Council)), r.asAt.Format("20060102T150405Z"), kind)
	err := p.Folder.put(name, func(dir string) error {
		r.files = newFiles(dir)
		defer r.files.close()
		for i := range p.Plan.Asks {
			if err := r.ask(ctx, &p.Plan.Asks[i]); err != nil {
				return err
			}
		}
		return r.files.finish(extract.Manifest{Format: 1, Council: p.Council, AsAt: r.asAt, Kind: kind, NotShared: p.Plan.NotShared})
	})
	if err != nil {
		return Brought{}, err
	}
	r.was.AsAt, r.was.Cursor = r.asAt, r.cursor
	r.was.Unread = append(r.was.Unread, brought{name, r.asAt})
	if r.full {
		r.was.Full = r.asAt
	}
	if err := p.Folder.remember("poll", r.was); err != nil {
		return Brought{}, err
	}
	r.count()
	return Brought{Extracts: []string{name}, Rows: r.files.rows, Notes: r.notes.list()},
		p.Folder.prune(strings.ToLower(string(p.Council))+"-", p.Keep)
}

// heldUp is for how long nothing newer is brought while an extract waits for a
// person: one that is read over it could not be let go on any more.
const heldUp = 24 * time.Hour

// look sees what became of the extracts that were brought. What was refused, or
// waited too long, was not taken: then everything is asked for again.
func (r *polling) look() error {
	var left []brought
	for _, b := range r.was.Unread {
		switch state := r.Folder.state(b.Name); {
		case state == "stopped" && r.asAt.Sub(b.AsAt) < heldUp:
			return trouble("The extract %s waits for a person on this page. Nothing newer is brought until it was let go on, or until a day is over", b.Name)
		case state == "" && r.Folder.has(b.Name):
			left = append(left, b)
		case state == "refused", state == "stopped":
			r.was.Full = time.Time{}
		}
	}
	r.was.Unread = left
	return nil
}

// count notes what the engineer should know of what came.
func (r *polling) count() {
	if r.files.again > 0 {
		r.notes.add(fmt.Sprintf("%d rows came twice, the same both times, and are in the extract once", r.files.again))
	}
	if r.gone > 0 {
		r.notes.add(fmt.Sprintf("%d people were not there any more when they were asked for", r.gone))
	}
}

// write is a time as the plan says.
func (p *Plan) write(t time.Time) string {
	switch p.Since {
	case "date":
		return t.Format("2006-01-02")
	case "unix":
		return strconv.FormatInt(t.Unix(), 10)
	case "millis":
		return strconv.FormatInt(t.UnixMilli(), 10)
	}
	return t.Format(time.RFC3339)
}

// ask does one ask of the plan.
func (r *polling) ask(ctx context.Context, a *Ask) error {
	if a.In == string(extract.Full) && !r.full || a.In == string(extract.Changes) && r.full {
		return nil
	}
	if a.rows != nil { // a table without rows says that there are none
		if err := r.files.begin(a); err != nil {
			return err
		}
	}
	if !a.Each {
		return r.pages(ctx, a, a.Path)
	}
	gone := 0
	for _, id := range r.people {
		err := r.pages(ctx, a, strings.ReplaceAll(a.Path, "{person_id}", url.PathEscape(id)))
		var refused *connect.Refused
		if errors.As(err, &refused) && refused.Status == http.StatusNotFound {
			gone++
			continue
		}
		if err != nil {
			return err
		}
	}
	if gone > 0 && gone == len(r.people) {
		return trouble("%s: the council's system has none of the people of whom it told. Check the path of the plan", a.Name)
	}
	r.gone += gone
	return nil
}

// told is what a page says of itself.
type told struct {
	items, total int // total is -1 where it is not told
	next, cursor string
	more         *bool
}

// pages goes through the pages of an ask.
func (r *polling) pages(ctx context.Context, a *Ask, path string) error {
	w := &walking{ask: a, path: path, query: url.Values{}, seen: map[string]bool{}, total: -1}
	for k, v := range a.Query {
		w.query.Set(k, v)
	}
	if a.SizeParam != "" {
		w.query.Set(a.SizeParam, strconv.Itoa(a.Size))
	}
	if !r.full && a.SinceName != "" {
		w.query.Set(a.SinceName, r.since)
	}
	w.begin()
	for n := 1; ; n++ {
		if n > r.MaxPages {
			return trouble("%s: there are more than %d pages. Ask for larger ones, or mend how the plan sees the last", a.Name, r.MaxPages)
		}
		body, err := r.fetch(ctx, w)
		if err != nil {
			return err
		}
		page, err := mapping.Decode(body)
		if err != nil {
			return trouble("%s, page %d: %s. Nothing of this time is taken", a.Name, n, err)
		}
		t, err := r.page(a, page, n)
		if err != nil {
			return err
		}
		last, err := w.on(t, body, n, r.base())
		if err != nil || last {
			return err
		}
	}
}

// page reads what a page says of itself, and its rows.
func (r *polling) page(a *Ask, page any, n int) (told, error) {
	t := told{total: -1}
	if a.page != nil {
		rows, problems := a.page.ApplyAt(page, r.asAt)
		if len(problems) > 0 {
			return t, trouble("%s, page %d: %s: %s", a.Name, n, problems[0].Field, problems[0].Mend)
		}
		if err := r.say(a, rows[0], &t); err != nil {
			return t, err
		}
	}
	if r.items += t.items; r.items > r.MaxItems {
		return t, trouble("%s: more than %d things came", a.Name, r.MaxItems)
	}
	if a.rows == nil {
		return t, nil
	}
	for _, name := range a.rows.Tables() {
		rows, problems := a.rows.Sub(name).ApplyAt(page, r.asAt)
		for _, p := range problems {
			if p.Field == "each" || p.Field == "where" { // rows may be missing, or be there wrongly
				return t, trouble("%s, page %d: %s", a.Name, n, p.Error())
			}
			r.notes.problem(p)
		}
		if name == string(extract.People) {
			for _, row := range rows {
				r.person(row.Text("person_id"))
			}
		}
		if err := r.files.write(a, extract.Table(name), rows); err != nil {
			return t, err
		}
	}
	return t, nil
}

// say takes what the expressions about a page came to.
func (r *polling) say(a *Ask, row mapping.Row, t *told) error {
	whole := func(name string) (int, error) {
		n, err := strconv.Atoi(row.Text(name))
		if err != nil || n < 0 {
			return 0, trouble("%s: %s must be a whole number in the answer", a.Name, name)
		}
		return n, nil
	}
	var err error
	if a.Items != "" {
		if t.items, err = whole("items"); err != nil {
			return err
		}
	}
	if a.Total != "" && row.Get("total") != nil {
		if t.total, err = whole("total"); err != nil {
			return err
		}
	}
	t.next, t.cursor = row.Text("next"), row.Text("cursor")
	if a.More != "" {
		more, isBool := row.Get("more").(bool)
		if !isBool {
			return trouble("%s: more must be true or false in the answer", a.Name)
		}
		t.more = &more
	}
	if t.cursor != "" && r.cursor == "" { // the first: what changes while later pages are read comes next time
		r.cursor = t.cursor
	}
	ids, _ := row.Get("ids").([]any)
	for _, id := range ids {
		switch id := id.(type) {
		case string:
			r.person(id)
		case int64:
			r.person(strconv.FormatInt(id, 10))
		}
	}
	return nil
}

func (r *polling) person(id string) {
	if id != "" && !r.known[id] {
		r.known[id] = true
		r.people = append(r.people, id)
	}
}

func (r *polling) base() *url.URL {
	u, err := url.Parse(r.Base)
	if err != nil {
		return &url.URL{}
	}
	return u
}

// tries is how often a request is made before the whole Bring is given up, and
// patience how long one waits at most when it is asked to.
const (
	tries    = 4
	patience = 2 * time.Minute
)

// fetch gets one page, no faster than allowed, and again after what passes.
func (r *polling) fetch(ctx context.Context, w *walking) ([]byte, error) {
	for try := 1; ; try++ {
		if d := r.next.Sub(r.Now()); d > 0 {
			if err := r.Sleep(ctx, d); err != nil {
				return nil, err
			}
		}
		r.next = r.Now().Add(time.Duration(float64(time.Second) / r.PerSecond))
		r.asked++
		a, err := r.Client.Do(ctx, http.MethodGet, w.path, w.query, http.Header{"Accept": {"application/json"}}, nil, "")
		if err == nil {
			return whole(w.ask, a)
		}
		wait := time.Duration(1<<try) * time.Second / 2
		var later *connect.Later
		switch {
		case errors.As(err, &later) && later.Wait > patience:
			return nil, err
		case later != nil:
			wait = later.Wait
		case !errors.Is(err, connect.ErrDown):
			return nil, err
		}
		if try == tries {
			return nil, err
		}
		if err := r.Sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// whole refuses an answer that cannot be all there.
func whole(a *Ask, got httpsend.Answer) ([]byte, error) {
	switch {
	case got.Cut:
		return nil, trouble("%s: a page is larger than is taken. Ask for smaller pages", a.Name)
	case got.Status != http.StatusOK:
		return nil, trouble("%s: the council's system answered %d where a page should be", a.Name, got.Status)
	case len(got.Body) == 0:
		return nil, trouble("%s: the council's system gave an empty answer", a.Name)
	}
	return got.Body, nil
}
