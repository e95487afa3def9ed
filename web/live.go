package web

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"homeward/care"
	"homeward/hub"
	"homeward/nhs"
	"homeward/policy"
	"homeward/web/ui"
)

// liveRoutes is live updates of lists, as server-sent events. WHATWG HTML 9.2.
func (s *Server) liveRoutes() []route {
	return []route{{pattern: "GET /events", asks: deciding(policy.ListTracker, policy.ListWard, policy.ListWorklist, policy.Wall), do: s.events}}
}

// events follows one list for one reader, from the event that the page holds.
// What the reader may see is the hub's to say, for every row.
func (s *Server) events(v *visit) (response, error) {
	l, err := s.listOf(v, v.query("list"))
	if err != nil {
		return nil, err
	}
	all := l.query
	all.Everything, all.Page = true, 1
	known, err := s.Hub.List(v.ctx(), v.by, all)
	if err != nil {
		return nil, err
	}
	since := lastSeen(v)
	watch, err := s.Hub.Watch(v.ctx(), v.by, l.query, since)
	if err != nil {
		return nil, err
	}
	f := &follower{s: s, v: v, list: l, watch: watch, rows: byID(known.Rows), hospitals: known.Hospitals,
		whole: known.Pages == 1, day: s.today(v), ahead: since > known.Seq, checked: time.Now()}
	return stream(f.run), nil
}

// A follower tells one page what changes on its list.
type follower struct {
	s         *Server
	v         *visit
	list      list
	watch     *hub.Watch
	out       *eventStream
	rows      map[care.CaseID]hub.ListRow // of the whole list, for what is counted
	hospitals []care.Org
	whole     bool     // rows is the whole list
	day       nhs.Date // for which waits were counted
	ahead     bool     // the page knows of events that we do not: another database
	checked   time.Time
}

// sessionEvery is how often a stream asks whether its reader is still signed in.
const sessionEvery = 9 * time.Second

func (f *follower) run(ctx context.Context, w http.ResponseWriter) error {
	f.out = newEventStream(w)
	if f.v.r.Method == http.MethodHead {
		return nil
	}
	if f.ahead {
		return f.out.send(0, "resync", "")
	}
	if err := f.out.send(lastSeen(f.v), "beat", ""); err != nil {
		return nil // gone already
	}
	for {
		u, err := f.watch.Next(ctx)
		if err != nil {
			return err
		}
		if time.Since(f.checked) >= sessionEvery {
			f.checked = time.Now()
			if in, err := f.s.stillIn(ctx, f.v); !in || err != nil {
				return err
			}
		}
		if err := f.tell(u); err != nil {
			// A reader who does not read is let go, and comes back with the
			// last event it has.
			return nil
		}
		if u.Resync || f.day != nhs.DateOf(f.s.Clock().In(f.s.Zone)) {
			// a new day: every wait is a day longer
			return f.resync(u)
		}
	}
}

func (f *follower) resync(u hub.Update) error {
	if err := f.out.send(u.Seq, "resync", ""); err != nil {
		return nil
	}
	return nil
}

// tell sends an update: rows first, then the numbers that follow from them.
func (f *follower) tell(u hub.Update) error {
	now := f.s.Clock()
	if u.Resync {
		return nil
	}
	changed := len(u.Changes) > 0
	for _, c := range u.Changes {
		if err := f.change(c, now); err != nil {
			return err
		}
	}
	left, err := f.longMoved(now, u.Seq)
	if err != nil {
		return err
	}
	if changed || left || u.Counts != nil {
		for _, part := range f.parts(u, now) {
			if err := f.out.node(u.Seq, "part", part); err != nil {
				return err
			}
		}
	}
	if u.Sources != nil {
		if err := f.out.node(u.Seq, "part", f.list.freshness(u.Sources, now)); err != nil {
			return err
		}
	}
	if !changed {
		return f.out.send(u.Seq, "beat", "")
	}
	return nil
}

// change sends one row as what it is to this page. A new row whose person the
// page has already replaces what is there.
func (f *follower) change(c hub.Change, now time.Time) error {
	id := c.Row.Row.Case
	old, was := f.rows[id]
	on := !c.Gone && f.list.shows(c.Row)
	if c.Gone {
		delete(f.rows, id)
	} else {
		f.rows[id] = c.Row
	}
	if f.list.kind == kindWall {
		return nil
	}
	if !on {
		if c.Gone || c.New || was && f.list.shows(old) { // new to the hub can still be old to the page
			return f.out.send(c.Seq, "gone", string(id))
		}
		return nil
	}
	name := "row"
	if c.New || was && !f.list.shows(old) {
		name = "new"
	}
	if name == "new" && f.list.query.Page > 1 {
		name = "row" // it stands at the top of page 1
	}
	return f.out.node(c.Seq, name, f.list.row(c.Row, now))
}

// longMoved takes people off a ward's list who moved away some hours ago.
func (f *follower) longMoved(now time.Time, seq int64) (left bool, err error) {
	for id, r := range f.rows {
		if r.MovedAway && now.Sub(r.Row.MovedAt) > movedShown {
			delete(f.rows, id)
			left = true
			if err := f.out.send(seq, "gone", string(id)); err != nil {
				return left, err
			}
		}
	}
	return left, nil
}

// movedShown is how long a ward's list shows somebody who moved away. ui.md 7.4.
const movedShown = 2 * time.Hour

// parts are what follows from the rows: counts, headings of a board, a wall.
func (f *follower) parts(u hub.Update, now time.Time) []ui.Node {
	l := f.list
	if l.kind == kindWall {
		return l.wallParts(f.rows, f.hospitals, now)
	}
	var out []ui.Node
	switch {
	case f.whole || l.narrower():
		out = append(out, ui.Counts(l.countsText(l.rowCounts(f.rows))))
	case u.Counts != nil:
		out = append(out, ui.Counts(l.countsText(viewCounts(*u.Counts))))
	}
	if l.kind == kindBoard {
		out = append(out, besideRows(f.rows)...)
	}
	return out
}

// stillIn asks whether the reader is still signed in, in the same role. To
// watch is not to be active: it does not keep a session from being idle.
func (s *Server) stillIn(ctx context.Context, v *visit) (bool, error) {
	_, _, err := s.SignIn.Glance(ctx, v.token)
	if care.KindOf(err) == care.Login {
		return false, nil
	}
	return err == nil, err
}

// An eventStream writes server-sent events, each sent off at once.
type eventStream struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

// slowReader is how long a reader may take for one event.
const slowReader = 10 * time.Second

func newEventStream(w http.ResponseWriter) *eventStream {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	return &eventStream{w: w, rc: http.NewResponseController(w)}
}

// node sends a piece of HTML.
func (o *eventStream) node(id int64, name string, n ui.Node) error {
	html, err := ui.HTML(n)
	if err != nil {
		return err
	}
	return o.send(id, name, html)
}

// send writes one event. The server's own write timeout would cut the stream,
// so every event has a deadline of its own.
func (o *eventStream) send(id int64, name, data string) error {
	if err := o.rc.SetWriteDeadline(time.Now().Add(slowReader)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	var b strings.Builder
	b.Grow(len(data) + 64)
	if name == "beat" {
		b.WriteString("retry: 3000\n")
	}
	b.WriteString("id: " + strconv.FormatInt(id, 10) + "\nevent: " + name + "\n")
	for line := range strings.Lines(cmp.Or(data, "\n")) {
		b.WriteString("data: " + strings.TrimRight(line, "\r\n") + "\n")
	}
	b.WriteByte('\n')
	if _, err := o.w.Write([]byte(b.String())); err != nil {
		return err
	}
	return o.rc.Flush()
}
