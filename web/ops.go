package web

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"homeward/care"
	"homeward/hub"
	"homeward/policy"
	"homeward/web/ui"
)

// opsRoutes is operations and imports. ui.md 7.15.
func (s *Server) opsRoutes() []route {
	return []route{
		{pattern: "GET /ops", nav: "operations", asks: deciding(policy.SeeOperations), do: s.operations},
		{pattern: "GET /ops/events", nav: "operations", asks: deciding(policy.SeeOperations), do: s.operationsLive},
		{pattern: "GET /ops/messages", nav: "operations", asks: deciding(policy.SeeOperations), do: s.messages},
		{pattern: "GET /ops/messages/replay", nav: "operations", asks: deciding(policy.Replay), do: s.askReplay},
		{pattern: "POST /ops/messages/replay", nav: "operations", step: true, asks: deciding(policy.Replay), do: s.replay},
		{pattern: "GET /ops/messages/{id}", nav: "operations", asks: deciding(policy.Explain), do: s.message},
		{pattern: "POST /ops/messages/{id}", nav: "operations", asks: deciding(policy.SeeRawMessage), do: s.rawMessage},
		{pattern: "GET /ops/imports", nav: "imports", asks: deciding(policy.SeeImports), do: s.imports},
		{pattern: "GET /ops/imports/{id}", nav: "imports", asks: deciding(policy.SeeImports), do: s.oneImport},
		{pattern: "POST /ops/imports/{id}/release", nav: "imports", asks: deciding(policy.SeeImports), do: s.releaseImport},
		{pattern: "GET /ops/imports/{id}/rows/{n}", nav: "imports", asks: deciding(policy.SeeImports), do: s.quarantinedRow},
		{pattern: "POST /ops/imports/{id}/rows/{n}", nav: "imports", asks: deciding(policy.SeeImports), do: s.openQuarantined},
	}
}

// operations is how each connection is doing. ui.md 7.15.
func (s *Server) operations(v *visit) (response, error) {
	feeds, err := s.Hub.Feeds(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	messages, extracts := s.byKind(feeds)
	return show(ui.Page{Title: "Operations", Width: ui.WorkPage, Main: []ui.Node{
		ui.WorkHead("Operations", ""),
		ui.Strip(ui.LiveStrip{Events: "/ops/events", Last: figuresOf(feeds), Stale: 3 * opsBeat, At: v.now}),
		feedTiles(feeds),
		ui.H2("Hospital systems"), feedTable(messages, v.now),
		ui.H2("Council extracts"), extractTable(extracts, v.now),
		ui.H2("Look further"),
		ui.List(
			ui.Link("/ops/messages", "All messages"),
			ui.Link("/ops/messages?state=held", "Messages that are held"),
			ui.Link("/ops/imports", "Imports of council extracts"),
			ui.Link("/ops/mappings", "Mappings")),
		ui.Small("Nothing here names a person. A message’s content is shown only for a reason, which is recorded with your name."),
	}}), nil
}

// byKind parts the connections that send messages from the extracts.
func (s *Server) byKind(feeds []hub.FeedView) (messages, extracts []hub.FeedView) {
	for _, f := range feeds {
		if s.Hub.Org(f.Source.Org).Kind == care.Council {
			extracts = append(extracts, f)
		} else {
			messages = append(messages, f)
		}
	}
	return messages, extracts
}

// feedTiles is the sums over all connections.
func feedTiles(feeds []hub.FeedView) ui.Node {
	var sum hub.FeedView
	silent := 0
	for _, f := range feeds {
		sum.PerHour += f.PerHour
		sum.Waiting += f.Waiting
		sum.Held += f.Held
		sum.Unreadable += f.Unreadable
		if f.Source.Stale {
			silent++
		}
	}
	return ui.Part("app-ops", ui.StatTiles(
		ui.StatTile{Label: "Quiet or never heard", Value: strconv.Itoa(silent), Bad: silent > 0, Note: "Of " + ui.Plural(len(feeds), "connection", "connections")},
		ui.StatTile{Label: "Messages held", Value: figure(sum.Held), Bad: sum.Held > 0, Note: "A person must look", Href: "/ops/messages?state=held"},
		ui.StatTile{Label: "Waiting to be read", Value: figure(sum.Waiting), Note: "Read in the order they came", Href: "/ops/messages?state=new"},
		ui.StatTile{Label: "Unreadable", Value: figure(sum.Unreadable), Note: "Kept, and refused to the sender", Href: "/ops/messages?state=unreadable"},
		ui.StatTile{Label: "Received in the last hour", Value: figure(int64(sum.PerHour)), Note: "From all hospital systems"}))
}

// figure is a whole number with its thousands apart.
func figure(n int64) string {
	d := strconv.FormatInt(n, 10)
	for i := len(d) - 3; i > 0 && d[i-1] != '-'; i -= 3 {
		d = d[:i] + "," + d[i:]
	}
	return d
}

var feedColumns = ui.Table{ID: "connections", Caption: "Hospital systems that send messages", Live: true, Columns: []ui.Column{{Label: "Connection"}, {Label: "State"},
	{Label: "Last heard"}, {Label: "Last minute", Numeric: true}, {Label: "Last hour", Numeric: true}, {Label: "Waiting", Numeric: true}, {Label: "Held", Numeric: true},
	{Label: "Unreadable", Numeric: true}, {Label: "Repeats", Numeric: true}, {Label: "Reused ids", Numeric: true}}}

func feedTable(feeds []hub.FeedView, now time.Time) ui.Node {
	t := feedColumns
	t.Empty = ui.Empty("No hospital system is connected", ui.P("Connections are set up in the configuration file."))
	for _, f := range feeds {
		t.Rows = append(t.Rows, feedRow(f, now))
	}
	return ui.Nodes{t, ui.Details("What these mean", ui.Bullets(
		ui.Text("Working: heard from within the time agreed for this hour of the day. Quiet: not heard from within it."),
		ui.Text("Held: what the message means is not certain, so nothing was changed and a person must look."),
		ui.Text("Unreadable: not even its first line could be read, or it was too long and only its beginning is kept. The sender was told."),
		ui.Text("Repeats: the same message came again and changed nothing."),
		ui.Text("Reused ids: a control id came with another content. Both are kept. Ask the sender whether its counter was set back.")))}
}

func feedRow(f hub.FeedView, now time.Time) ui.TableRow {
	to := func(n int64, state string) ui.Node {
		if n == 0 {
			return ui.Text("0")
		}
		return ui.LinkAbout(messagesPath(hub.MessageQuery{Feed: f.Source.Feed, State: state}), figure(n), strings.ToLower(messageWord(state))+", "+f.Source.Title)
	}
	return ui.TableRow{ID: f.Source.Feed, Cells: []ui.Node{
		ui.Link(messagesPath(hub.MessageQuery{Feed: f.Source.Feed}), f.Source.Title), feedState(f.Source), lastHeard(f.Source, now),
		ui.Text(figure(int64(f.PerMinute))), ui.Text(figure(int64(f.PerHour))), to(f.Waiting, "new"), to(f.Held, "held"), to(f.Unreadable, "unreadable"),
		ui.Text(figure(f.Again)), ui.Text(figure(f.Reused))}}
}

func extractTable(feeds []hub.FeedView, now time.Time) ui.Node {
	t := ui.Table{Caption: "Councils that send extracts", Columns: []ui.Column{{Label: "Connection"}, {Label: "State"}, {Label: "Last extract as at"}},
		Empty: ui.Empty("No council sends an extract", ui.P("Extracts are set up in the configuration file."))}
	for _, f := range feeds {
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Link("/ops/imports", f.Source.Title), feedState(f.Source), lastHeard(f.Source, now)}})
	}
	return t
}

// feedState is a connection's state in a word.
func feedState(s hub.SourceView) ui.Node {
	switch {
	case s.Last.IsZero():
		return ui.Tag(ui.TagGrey, "Never heard")
	case s.Stale:
		return ui.Tag(ui.TagRed, "Quiet")
	}
	return ui.Tag(ui.TagGreen, "Working")
}

func lastHeard(s hub.SourceView, now time.Time) ui.Node {
	if s.Last.IsZero() {
		return ui.Missing("Never")
	}
	return ui.Nodes{ui.Text(ui.ClockOn(s.Last, now) + ", "), ui.AgoTime(s.Last, now)}
}

// opsBeat is how often the figures are read again while a page is open, and
// opsStream how long before the browser must ask for access again.
const (
	opsBeat   = 10 * time.Second
	opsStream = 5 * time.Minute
)

// figuresOf is a sum over all figures: equal when nothing changed. It is the
// id of live events, so that a page is told only what it does not show already.
func figuresOf(feeds []hub.FeedView) uint64 {
	h := fnv.New64a()
	for _, f := range feeds {
		fmt.Fprintf(h, "%s %d %v %d %d %d %d %d %d %d\n", f.Source.Feed, f.Source.Last.UnixMicro(), f.Source.Stale,
			f.PerMinute, f.PerHour, f.Waiting, f.Held, f.Unreadable, f.Again, f.Reused)
	}
	return h.Sum64()
}

// operationsLive tells an open page the figures that changed. Access is decided
// and recorded once for each stream; the figures name nobody.
func (s *Server) operationsLive(v *visit) (response, error) {
	if _, err := s.Hub.Feeds(v.ctx(), v.by); err != nil {
		return nil, err
	}
	last := cmp.Or(v.r.Header.Get("Last-Event-ID"), v.query("last"))
	return stream(func(ctx context.Context, w http.ResponseWriter) error {
		head := w.Header()
		head.Set("Content-Type", "text/event-stream")
		head.Set("Cache-Control", "no-store, no-transform")
		head.Set("X-Accel-Buffering", "no")
		ctx, cancel := context.WithTimeout(ctx, opsStream)
		defer cancel()
		tick := time.NewTicker(opsBeat)
		defer tick.Stop()
		told := map[string]uint64{}
		for {
			if err := s.tellFeeds(ctx, w, last, told); err != nil || ctx.Err() != nil {
				return err
			}
			last = ""
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
		}
	}), nil
}

// tellFeeds writes a beat, and what is no longer as it was told. last is the
// sum of what the page shows when that is not known in full.
func (s *Server) tellFeeds(ctx context.Context, w http.ResponseWriter, last string, told map[string]uint64) error {
	feeds, err := s.Hub.Health(ctx)
	if err != nil {
		return err
	}
	sum := strconv.FormatUint(figuresOf(feeds), 10)
	out := bytes.NewBufferString("retry: 3000\nid: " + sum + "\nevent: beat\ndata: \n\n")
	tell := func(event, key string, figures uint64, n ui.Node) error {
		if told[key] == figures {
			return nil
		}
		told[key] = figures
		if last == sum {
			return nil
		}
		text, err := ui.HTML(n)
		fmt.Fprintf(out, "event: %s\ndata: %s\n\n", event, strings.ReplaceAll(text, "\n", "\ndata: "))
		return err
	}
	if err := tell("part", "", figuresOf(feeds), feedTiles(feeds)); err != nil {
		return err
	}
	messages, _ := s.byKind(feeds)
	for i, f := range messages {
		if err := tell("row", f.Source.Feed, figuresOf(messages[i:i+1]), feedColumns.Row(feedRow(f, s.Clock()))); err != nil {
			return err
		}
	}
	control := http.NewResponseController(w)
	if err := control.SetWriteDeadline(time.Now().Add(opsBeat)); err != nil { // a slow reader is let go, and comes back
		return err
	}
	if _, err := w.Write(out.Bytes()); err != nil {
		return err
	}
	return control.Flush()
}

// messageStates are the states of a message: the word and the colour.
var messageStates = []struct {
	state, word string
	colour      ui.Colour
}{
	{"new", "Waiting", ui.TagBlue}, {"done", "Read", ui.TagGreen}, {"held", "Held", ui.TagYellow}, {"ignored", "Not needed", ui.TagGrey}, {"unreadable", "Unreadable", ui.TagRed},
}

func messageWord(state string) string {
	for _, x := range messageStates {
		if x.state == state {
			return x.word
		}
	}
	return state
}

// messageState is a message's state, with the reason in words.
func messageState(m hub.MessageView) ui.Node {
	out := ui.Nodes{}
	for _, x := range messageStates {
		if x.state == m.State {
			out = append(out, ui.Tag(x.colour, x.word))
		}
	}
	if m.Reason != "" {
		out = append(out, ui.Sub(m.Reason))
	}
	return out
}

// messagesPath is the address of a list of messages.
func messagesPath(q hub.MessageQuery) string {
	x := url.Values{}
	for name, value := range map[string]string{"feed": q.Feed, "state": q.State, "control": q.Control} {
		if value != "" {
			x.Set(name, value)
		}
	}
	if q.Before > 0 {
		x.Set("before", strconv.FormatInt(q.Before, 10))
	}
	if len(x) == 0 {
		return "/ops/messages"
	}
	return "/ops/messages?" + x.Encode()
}

func messagePath(id int64) string { return "/ops/messages/" + strconv.FormatInt(id, 10) }

func readMessageQuery(v *visit) hub.MessageQuery {
	before, _ := strconv.ParseInt(v.query("before"), 10, 64)
	return hub.MessageQuery{Feed: v.query("feed"), State: v.query("state"), Control: v.query("control"), Before: before}
}

func (s *Server) messages(v *visit) (response, error) {
	q := readMessageQuery(v)
	if q.Control != "" && q.Feed == "" { // control ids are only unique within one sender
		return s.messageList(v, q, wrongs{{ID: "feed", Text: "Select the connection that the control id came on"}})
	}
	return s.messageList(v, q, nil)
}

// pageOf is how many rows the hub gives at a time.
const pageOf = 100

func (s *Server) messageList(v *visit, q hub.MessageQuery, errs []ui.FieldError) (response, error) {
	list, err := s.Hub.Messages(v.ctx(), v.by, q)
	if err != nil {
		return nil, err
	}
	var older, newest *ui.NavItem
	if len(list) >= pageOf {
		next := q
		next.Before = list[len(list)-1].ID
		older = &ui.NavItem{Href: messagesPath(next), Text: "Older"}
	}
	if q.Before > 0 {
		first := q
		first.Before = 0
		newest = &ui.NavItem{Href: messagesPath(first), Text: "Newest"}
	}
	p := ui.Page{Title: "Messages", Width: ui.WorkPage, Back: &ui.NavItem{Href: "/ops", Text: "Operations"}, Main: []ui.Node{
		ui.ErrorSummary(errs), ui.WorkHead("Messages", "Newest first"),
		s.messageFilter(q, errs), s.messageChips(q),
		s.messageTable(q, list), ui.PrevNext(newest, older)}}
	if len(errs) > 0 {
		return refuse(p), nil
	}
	return show(p), nil
}

// messageFilter narrows the list. A control id is the sender's counter and names nobody.
func (s *Server) messageFilter(q hub.MessageQuery, errs []ui.FieldError) ui.Node {
	feeds := []ui.Choice{{Value: "", Label: "All"}}
	for _, f := range s.Hub.Config.Feeds {
		feeds = append(feeds, ui.Choice{Value: f.Profile.Feed, Label: s.feedTitle(f.Profile.Feed)})
	}
	states := []ui.Choice{{Value: "", Label: "All"}}
	for _, x := range messageStates {
		states = append(states, ui.Choice{Value: x.state, Label: x.word})
	}
	return ui.Filter{Action: "/ops/messages", Fields: []ui.Node{
		ui.Select{ID: "feed", Label: "Connection", Value: q.Feed, Items: feeds, Error: ui.ErrorFor(errs, "feed")},
		ui.Select{ID: "state", Label: "State", Value: q.State, Items: states},
		ui.Input{ID: "control", Label: "Control id", Value: q.Control, Width: 10, Code: true}}}
}

func (s *Server) messageChips(q hub.MessageQuery) ui.Node {
	var chips []ui.Chip
	add := func(value, text string, without hub.MessageQuery) {
		if value != "" {
			without.Before = 0
			chips = append(chips, ui.Chip{Text: text, RemoveHref: messagesPath(without)})
		}
	}
	feed, state, control := q, q, q
	feed.Feed, feed.Control, state.State, control.Control = "", "", "", ""
	add(q.Feed, s.feedTitle(q.Feed), feed)
	add(q.State, messageWord(q.State), state)
	add(q.Control, "Control id "+q.Control, control)
	return ui.Chips("/ops/messages", chips...)
}

// feedTitle is a connection's name for people.
func (s *Server) feedTitle(feed string) string {
	for _, f := range s.Hub.Config.Feeds {
		if f.Profile.Feed == feed && f.Profile.Title != "" {
			return f.Profile.Title
		}
	}
	return feed
}

func (s *Server) messageTable(q hub.MessageQuery, list []hub.MessageView) ui.Node {
	held := slices.ContainsFunc(list, func(m hub.MessageView) bool { return m.State == "held" })
	t := ui.Table{Caption: "Messages, newest first", NoHeadCell: held, Columns: []ui.Column{{Label: "Message"}, {Label: "Received"}, {Label: "Connection"}, {Label: "Type"},
		{Label: "Control id"}, {Label: "State"}, {Label: "Bytes", Numeric: true}},
		Empty: ui.Empty("No messages", ui.Para(ui.Text("None are here, or none match the filters. "), ui.Link("/ops/messages", "Show all messages")))}
	if held {
		t.Columns = slices.Insert(t.Columns, 0, ui.Column{Label: "Select"})
	}
	for _, m := range list {
		n := strconv.FormatInt(m.ID, 10)
		cells := []ui.Node{ui.Link(messagePath(m.ID), "Message "+n), ui.TimeAt(m.Received), ui.Text(s.feedTitle(m.Feed)), ui.Or(m.Type, ui.NotKnown),
			ui.Or(m.Control, ui.NotKnown), messageState(m), ui.Text(figure(int64(m.Bytes)))}
		if held {
			tick := ui.Missing("Not held")
			if m.State == "held" {
				tick = ui.Tick("id-"+n, "id", n, "Message "+n)
			}
			cells = slices.Insert(cells, 0, tick)
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: cells})
	}
	if !held {
		return t
	}
	return ui.Form{Get: true, Action: "/ops/messages/replay", Body: []ui.Node{ui.Hidden("feed", q.Feed), ui.Hidden("state", q.State), ui.Hidden("control", q.Control), t,
		ui.Button{Text: "Replay the selected", Kind: ui.Secondary}}}
}

// chosen reads the ids of messages. They must be numbers, each once.
func chosen(values []string) ([]int64, error) {
	var ids []int64
	for _, x := range values {
		id, err := strconv.ParseInt(x, 10, 64)
		if err != nil || id < 1 {
			return nil, &care.Error{Kind: care.Invalid, Text: "One of the messages does not exist. Go back and select them again"}
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// askReplay says what reading messages again does, before it is done.
func (s *Server) askReplay(v *visit) (response, error) {
	ids, err := chosen(v.r.URL.Query()["id"])
	if err != nil {
		return nil, err
	}
	q := readMessageQuery(v)
	if len(ids) == 0 {
		list, err := s.Hub.Messages(v.ctx(), v.by, q) // where the list is asks for access
		if err != nil {
			return nil, err
		}
		for _, m := range list {
			if m.State == "held" {
				return s.messageList(v, q, wrongs{{ID: "id-" + strconv.FormatInt(m.ID, 10), Text: "Select the messages to read again"}})
			}
		}
		return goTo(messagesPath(q)), nil
	}
	if _, err := s.Hub.ExplainMessage(v.ctx(), v.by, ids[0]); err != nil {
		return nil, err
	}
	fields := ui.Nodes{}
	var names []ui.Node
	for _, id := range ids {
		n := strconv.FormatInt(id, 10)
		fields = append(fields, ui.Hidden("id", n))
		names = append(names, ui.Link(messagePath(id), "Message "+n))
	}
	return show(ui.Page{Title: "Replay messages", Width: ui.FormPage, Back: &ui.NavItem{Href: messagesPath(q), Text: "Messages"}, Main: []ui.Node{ui.TwoThirds(
		ui.H1("Replay "+ui.Plural(len(ids), "message", "messages")),
		ui.P("This reads "+ui.Plural(len(ids), "message", "messages")+" again, in the order they came. What they say may change records."),
		ui.Bullets(
			ui.Text("A message that is older than what is known does not overwrite it."),
			ui.Text("A message that is still not understood is held again."),
			ui.Text("This is recorded with your name.")),
		ui.Details("Which messages", ui.List(names...)),
		ui.PostForm("/ops/messages/replay", fields, ui.ButtonGroup(ui.Button{Text: "Replay " + ui.Plural(len(ids), "message", "messages")}, ui.Link(messagesPath(q), "Cancel"))),
	)}}), nil
}

// replay reads messages again. To the hub no ids at all mean every held
// message, so an empty form must never reach it.
func (s *Server) replay(v *visit) (response, error) {
	ids, err := chosen(v.r.PostForm["id"])
	if err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		return nil, &care.Error{Kind: care.Required, Text: "Select the messages to read again"}
	}
	res, err := s.Hub.Replay(v.ctx(), v.by, ids)
	if err != nil {
		return nil, err
	}
	to := "/ops/messages?state=held"
	if len(ids) == 1 {
		to = messagePath(ids[0])
	}
	return goTo(to).saying(fmt.Sprintf("%d read, %d still held.", res.Done, res.StillHeld)), nil
}

// messageNumber is the message that the path names.
func messageNumber(v *visit) (int64, error) {
	id, err := strconv.ParseInt(v.path("id"), 10, 64)
	if err != nil || id < 1 {
		return 0, &care.Error{Kind: care.NotFound, Text: "This message was not found"}
	}
	return id, nil
}

// message shows one message's header and what it would do now; never its content.
func (s *Server) message(v *visit) (response, error) {
	p, err := s.messagePage(v, nil)
	return show(p), err
}

func (s *Server) messagePage(v *visit, errs []ui.FieldError) (ui.Page, error) {
	id, err := messageNumber(v)
	if err != nil {
		return ui.Page{}, err
	}
	list, err := s.Hub.Messages(v.ctx(), v.by, hub.MessageQuery{Before: id + 1})
	if err != nil {
		return ui.Page{}, err
	}
	if len(list) == 0 || list[0].ID != id {
		return ui.Page{}, &care.Error{Kind: care.NotFound, Text: "This message was not found"}
	}
	x, err := s.Hub.ExplainMessage(v.ctx(), v.by, id)
	if err != nil {
		return ui.Page{}, err
	}
	return s.onMessage(list[0], x, errs, ui.TwoThirds(ui.PostForm(messagePath(id),
		ui.Input{ID: "why", Label: "Why do you need to see this message?", Hint: "It may name a person and what is wrong with them. Your reason is recorded with your name. Do not enter names or numbers of people",
			Error: ui.ErrorFor(errs, "why")},
		ui.Button{Text: "Show the message", Kind: ui.Secondary}))), nil
}

// rawMessage shows the content, for a reason that is recorded.
func (s *Server) rawMessage(v *visit) (response, error) {
	id, err := messageNumber(v)
	if err != nil {
		return nil, err
	}
	raw, err := s.Hub.Raw(v.ctx(), v.by, id, v.form("why"))
	if errs, ok := fieldErrors(err, nil); ok {
		p, err := s.messagePage(v, errs)
		return refuse(p), err
	}
	if err != nil {
		return nil, err
	}
	return show(s.onMessage(raw.Message, raw.Explain, nil, ui.Nodes{
		ui.P("It may name a person. That you looked, and why, is recorded."), ui.CodeBlock(raw.Text), ui.Para(ui.Link(messagePath(id), "Hide the message"))})), nil
}

// onMessage is the page of a message; content is its last part.
func (s *Server) onMessage(m hub.MessageView, x hub.Explanation, errs []ui.FieldError, content ui.Node) ui.Page {
	n := strconv.FormatInt(m.ID, 10)
	rows := []ui.Row{{Key: "Received", Value: ui.TimeAt(m.Received)}, {Key: "Connection", Value: ui.Text(s.feedTitle(m.Feed))}, {Key: "Type", Value: ui.Or(m.Type, ui.NotKnown)},
		{Key: "Control id", Value: ui.Or(m.Control, ui.NotKnown)}, {Key: "Size", Value: ui.Text(figure(int64(m.Bytes)) + " bytes")}, {Key: "State", Value: messageState(m)}}
	if m.Case != "" {
		rows = append(rows, ui.Row{Key: "About", Value: ui.Text("A person known here"), Source: "Handle " + handle(m.Case)})
	}
	var again ui.Node
	if m.State == "held" {
		again = ui.Button{Text: "Replay this message", Href: "/ops/messages/replay?id=" + n}
	}
	return ui.Page{Title: "Message", Width: ui.PersonPage, Back: &ui.NavItem{Href: "/ops/messages", Text: "Messages"}, Main: []ui.Node{
		ui.ErrorSummary(errs), ui.H1("Message " + n),
		ui.Halves(ui.SummaryList(rows...), ui.Nodes{ui.Card(2, "What it would do now", explained(x)...), again}),
		ui.H2("Content"), content}}
}

// explained is what a message would do if it were read now.
func explained(x hub.Explanation) []ui.Node {
	var rows []ui.Row
	add := func(key, text string) {
		if text != "" {
			rows = append(rows, ui.Row{Key: key, Value: ui.Text(text)})
		}
	}
	add("Event", x.Event)
	add("About", upper(x.Known))
	add("It would be held", x.Hold)
	add("Not needed", x.Ignore)
	if len(rows) == 0 {
		add("Event", ui.NotKnown)
	}
	if x.Hold == "" && x.Ignore == "" {
		var what ui.Node = ui.Text("Nothing: all of it is known already")
		if len(x.Events) > 0 {
			what = ui.Bullets(ui.Map(x.Events, func(e string) ui.Node { return ui.Text(e) })...)
		}
		rows = append(rows, ui.Row{Key: "It would record", Value: what})
	}
	if len(x.Notes) > 0 {
		rows = append(rows, ui.Row{Key: "Notes", Value: ui.Bullets(ui.Map(x.Notes, func(e string) ui.Node { return ui.Text(e) })...)})
	}
	return []ui.Node{ui.SummaryList(rows...), ui.Small("Looking at this changes nothing.")}
}

// handle is the beginning of a case's opaque name: enough to tell cases apart
// by eye.
func handle(id care.CaseID) string {
	if len(id) > 8 {
		return string(id[:8])
	}
	return string(id)
}

// importState is the state of an import in a word.
func importState(state string) ui.Node {
	switch state {
	case "done":
		return ui.Tag(ui.TagGreen, "Loaded")
	case "stopped":
		return ui.Tag(ui.TagRed, "Stopped")
	case "refused":
		return ui.Tag(ui.TagOrange, "Refused")
	case hub.ImportWaiting:
		return ui.Tag(ui.TagYellow, "Waiting for manifest.toml")
	}
	return ui.Tag(ui.TagBlue, "Running")
}

// importKind says what an extract holds.
func importKind(kind string) string {
	switch kind {
	case "full":
		return "Everybody"
	case "changes":
		return "Changes only"
	}
	return ui.NotKnown
}

func importPath(id int64) string { return "/ops/imports/" + strconv.FormatInt(id, 10) }

func (s *Server) imports(v *visit) (response, error) {
	list, err := s.Hub.Imports(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	collecting, err := s.collecting(v)
	if err != nil {
		return nil, err
	}
	t := ui.Table{Caption: "Imports, newest first", Columns: []ui.Column{{Label: "Extract"}, {Label: "Council"}, {Label: "As at"}, {Label: "Holds"}, {Label: "State"},
		{Label: "People", Numeric: true}, {Label: "Changed", Numeric: true}, {Label: "In quarantine", Numeric: true}, {Label: "Started"}, {Label: "Took"}},
		Empty: ui.Empty("No extract has been read yet", ui.P("Extracts are read when a council puts one into its folder, or when one is brought from its system."))}
	for _, m := range list {
		state := ui.Nodes{importState(m.State)}
		if m.State == hub.ImportWaiting {
			t.Rows = append(t.Rows, waitingRow(m, state))
			continue
		}
		if m.Why != "" {
			state = append(state, ui.Sub(m.Why))
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.LinkAbout(importPath(m.ID), m.Name, "import "+strconv.FormatInt(m.ID, 10)), ui.Text(m.Council.Name), importAsAt(m),
			ui.Text(importKind(m.Kind)), state, ui.Text(figure(int64(m.Counts["people"]))), ui.Text(figure(int64(m.Counts["changed"]))),
			ui.Text(figure(int64(m.Quarantined))), ui.TimeAt(m.Started), took(m)}})
	}
	return show(ui.Page{Title: "Imports", Width: ui.WorkPage, Back: &ui.NavItem{Href: "/ops", Text: "Operations"}, Main: []ui.Node{
		ui.WorkHead("Imports of council extracts", "Newest first"), collecting, t}}), nil
}

// waitingRow is a folder that is not read for want of its manifest.
func waitingRow(m hub.ImportView, state ui.Node) ui.TableRow {
	none := ui.Missing(ui.NotKnown)
	return ui.TableRow{Cells: []ui.Node{ui.Text(m.Name), ui.Text(m.Council.Name), none, none, state, none, none, none, none, none}}
}

func importAsAt(m hub.ImportView) ui.Node {
	if m.AsAt.IsZero() {
		return ui.Missing(ui.NotKnown)
	}
	return ui.TimeAt(m.AsAt)
}

// took is how long an import ran.
func took(m hub.ImportView) ui.Node {
	if m.Ended.IsZero() {
		return ui.Missing("Not ended")
	}
	d := m.Ended.Sub(m.Started)
	if d < time.Minute {
		return ui.Text(ui.Plural(int(d.Round(time.Second).Seconds()), "second", "seconds"))
	}
	return ui.Text(ui.Duration(d))
}

func (s *Server) oneImport(v *visit) (response, error) {
	p, err := s.importPage(v, nil)
	return show(p), err
}

// findImport is the import that the path names.
func (s *Server) findImport(v *visit) (hub.ImportView, error) {
	list, err := s.Hub.Imports(v.ctx(), v.by)
	if err != nil {
		return hub.ImportView{}, err
	}
	for _, m := range list {
		if m.ID > 0 && strconv.FormatInt(m.ID, 10) == v.path("id") {
			return m, nil
		}
	}
	return hub.ImportView{}, &care.Error{Kind: care.NotFound, Text: "This import was not found"}
}

func (s *Server) importPage(v *visit, errs []ui.FieldError) (ui.Page, error) {
	m, err := s.findImport(v)
	if err != nil {
		return ui.Page{}, err
	}
	after, _ := strconv.Atoi(v.query("after"))
	bad, err := s.Hub.Quarantine(v.ctx(), v.by, m.ID, max(after, 0))
	if err != nil {
		return ui.Page{}, err
	}
	rows := []ui.Row{{Key: "State", Value: importState(m.State)}, {Key: "Council", Value: ui.Text(m.Council.Name)}, {Key: "Holds", Value: ui.Text(importKind(m.Kind))},
		{Key: "As at", Value: importAsAt(m)}, {Key: "Started", Value: ui.TimeAt(m.Started)}, {Key: "Took", Value: took(m)}}
	return ui.Page{Title: "Import", Width: ui.PersonPage, Back: &ui.NavItem{Href: "/ops/imports", Text: "Imports"}, Main: []ui.Node{
		ui.ErrorSummary(errs), ui.H1("Import " + strconv.FormatInt(m.ID, 10) + ": " + m.Name),
		importWhy(m, v.form("why"), errs),
		ui.Halves(ui.SummaryList(rows...), ui.SummaryList(importCounts(m)...)),
		ui.Section("quarantine", "Rows in quarantine", quarantined(m, after, bad))}}, nil
}

// importWords are the counts of an import, in their order, in words.
var importWords = [][2]string{{"people", "People read"}, {"children", "People under 18, of whom nothing is kept"}, {"changed", "People whose record changed"},
	{"packages", "Packages in place after it"}, {"ending", "Packages in place that it ends"}, {"ended", "People who are no longer in it"}}

func importCounts(m hub.ImportView) []ui.Row {
	var rows []ui.Row
	rest := maps.Clone(m.Counts)
	for _, w := range importWords {
		if n, ok := rest[w[0]]; ok {
			rows = append(rows, ui.Row{Key: w[1], Value: ui.Text(figure(int64(n)))})
			delete(rest, w[0])
		}
	}
	for _, k := range slices.Sorted(maps.Keys(rest)) {
		rows = append(rows, ui.Row{Key: upper(k), Value: ui.Text(figure(int64(rest[k])))})
	}
	return append(rows, ui.Row{Key: "Rows in quarantine", Value: ui.Text(figure(int64(m.Quarantined)))})
}

// importWhy is why an extract was not loaded, and how to let it go on.
func importWhy(m hub.ImportView, typed string, errs []ui.FieldError) ui.Node {
	switch {
	case m.State == "stopped" && m.Superseded:
		return ui.WarningCard(2, "This extract stopped, and a newer one has been read",
			ui.P(sentence(m.Why)), ui.P("It can no longer go on."))
	case m.State == "stopped":
		return ui.WarningCard(2, "This extract stopped, and nothing of it counts as current",
			ui.P(sentence(m.Why)),
			ui.P("Ask the council whether the extract is right. If it is wrong, ask for another one. If it is right, say how you know and let it go on."),
			ui.PostForm(importPath(m.ID)+"/release",
				ui.Input{ID: "why", Label: "How do you know that this extract is right?", Hint: "Recorded with your name. Do not enter names or numbers of people", Value: typed, Error: ui.ErrorFor(errs, "why")},
				ui.Button{Text: "Let the extract go on"}))
	case m.State == "refused":
		return ui.WarningCard(2, "Nothing was taken from this extract", ui.P(sentence(m.Why)))
	case m.Why != "":
		return ui.Inset(ui.P(sentence(m.Why)))
	}
	return nil
}

func (s *Server) releaseImport(v *visit) (response, error) {
	m, err := s.findImport(v)
	if err != nil {
		return nil, err
	}
	err = s.Hub.ReleaseImport(v.ctx(), v.by, m.ID, v.form("why"))
	if errs, ok := fieldErrors(err, nil); ok {
		p, err := s.importPage(v, errs)
		return refuse(p), err
	}
	if err != nil {
		return nil, err
	}
	return goTo(importPath(m.ID)).saying("The extract may go on. It is read again within a minute, as a new import."), nil
}

// quarantined is a page of the rows that were not loaded. What a row holds
// names a person: it is shown on a page of its own, for a reason.
func quarantined(m hub.ImportView, after int, bad []hub.QuarantinedRow) ui.Node {
	t := ui.Table{Caption: "Rows in quarantine", NoHeadCell: true, Spacious: true, Columns: []ui.Column{{Label: "File"}, {Label: "Line", Numeric: true}, {Label: "Field"}, {Label: "What to mend"}, {Label: "Content"}},
		Empty: ui.Empty("No rows are in quarantine")}
	if after > 0 {
		t.Empty = ui.Empty("There are no more rows")
	}
	for _, r := range bad {
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Text(r.File), ui.Text(strconv.Itoa(r.Line)), ui.Or(r.Field, "The whole row"), ui.Text(r.Mend),
			ui.LinkAbout(rowPath(m.ID, r.N), "Show", "line "+strconv.Itoa(r.Line)+" of "+r.File)}})
	}
	var first, next *ui.NavItem
	if after > 0 {
		first = &ui.NavItem{Href: importPath(m.ID) + "#quarantine", Text: "First rows"}
	}
	if len(bad) >= pageOf {
		next = &ui.NavItem{Href: importPath(m.ID) + "?after=" + strconv.Itoa(bad[len(bad)-1].N) + "#quarantine", Text: "More rows"}
	}
	return ui.Nodes{
		ui.If(len(bad) > 0 && m.State == "done", func() ui.Node {
			return ui.P("The rest of the extract was loaded without these. They are mended by the council, in its own system, and come with its next extract.")
		}),
		t, ui.PrevNext(first, next)}
}

func rowPath(id int64, n int) string { return importPath(id) + "/rows/" + strconv.Itoa(n) }

// quarantinedRow is one row that was not loaded, before it is opened.
func (s *Server) quarantinedRow(v *visit) (response, error) {
	p, err := s.rowPage(v, nil)
	return show(p), err
}

func (s *Server) rowPage(v *visit, errs []ui.FieldError) (ui.Page, error) {
	m, err := s.findImport(v)
	if err != nil {
		return ui.Page{}, err
	}
	n, err := rowNumber(v)
	if err != nil {
		return ui.Page{}, err
	}
	list, err := s.Hub.Quarantine(v.ctx(), v.by, m.ID, n-1)
	if err != nil {
		return ui.Page{}, err
	}
	if len(list) == 0 || list[0].N != n {
		return ui.Page{}, &care.Error{Kind: care.NotFound, Text: "This row was not found"}
	}
	return onRow(m.ID, list[0], errs, ui.TwoThirds(ui.PostForm(rowPath(m.ID, n),
		ui.Input{ID: "why", Label: "Why do you need to see this row?", Hint: "It may name a person. Your reason is recorded with your name. Do not enter names or numbers of people",
			Value: v.form("why"), Error: ui.ErrorFor(errs, "why")},
		ui.Button{Text: "Show the row", Kind: ui.Secondary}))), nil
}

func rowNumber(v *visit) (int, error) {
	n, err := strconv.Atoi(v.path("n"))
	if err != nil || n < 1 {
		return 0, &care.Error{Kind: care.NotFound, Text: "This row was not found"}
	}
	return n, nil
}

// openQuarantined shows what a row holds, for a reason that is recorded.
func (s *Server) openQuarantined(v *visit) (response, error) {
	m, err := s.findImport(v)
	if err != nil {
		return nil, err
	}
	n, err := rowNumber(v)
	if err != nil {
		return nil, err
	}
	r, err := s.Hub.QuarantinedRow(v.ctx(), v.by, m.ID, n, v.form("why"))
	if errs, ok := fieldErrors(err, nil); ok {
		p, err := s.rowPage(v, errs)
		return refuse(p), err
	}
	if err != nil {
		return nil, err
	}
	var cells []ui.Row
	for _, c := range r.Row {
		cells = append(cells, ui.Row{Key: c.Name, Value: ui.Or(c.Value, "Empty")})
	}
	content := ui.Node(ui.P("The row could not be split into fields, so nothing of it was kept."))
	if len(cells) > 0 {
		content = ui.Nodes{ui.P("It may name a person. That you looked, and why, is recorded."), ui.SummaryList(cells...)}
	}
	return show(onRow(m.ID, r, nil, ui.Nodes{content, ui.Para(ui.Link(rowPath(m.ID, n), "Hide the row"))})), nil
}

// onRow is the page of a row in quarantine; content is its last part.
func onRow(id int64, r hub.QuarantinedRow, errs []ui.FieldError, content ui.Node) ui.Page {
	return ui.Page{Title: "Row in quarantine", Width: ui.PersonPage, Back: &ui.NavItem{Href: importPath(id) + "#quarantine", Text: "Import " + strconv.FormatInt(id, 10)}, Main: []ui.Node{
		ui.ErrorSummary(errs), ui.H1("Line " + strconv.Itoa(r.Line) + " of " + r.File),
		ui.SummaryList(ui.Row{Key: "Field", Value: ui.Or(r.Field, "The whole row")}, ui.Row{Key: "What to mend", Value: ui.Text(r.Mend)}),
		ui.H2("Content"), content}}
}
