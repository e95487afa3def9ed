package web

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"homeward/store"
)

// adt is an admission of an invented person to King's Mill. Without a hospital
// number it names nobody.
func adt(control, mrn string) []byte {
	pid := "PID|1||" + mrn + "^^^KMH^MR||FIRTREE^GEORGE||19400105|1|||2 HIGH ST^MANSFIELD^^^NG18 1AA"
	if mrn == "" {
		pid = "PID|1||||FIRTREE^GEORGE||19400105|1"
	}
	return []byte(strings.Join([]string{
		`MSH|^~\&|PAS|KMH|HOMEWARD|COUNCIL|202611222100||ADT^A01|` + control + "|P|2.4", "EVN|A01|202611222100",
		pid, "PV1|1|I|W31^2^7^KMH||||||||||||||||V" + control}, "\r") + "\r")
}

// keep receives messages on King's Mill's feed and reads none of them.
func (s *site) keep(messages ...[]byte) {
	s.t.Helper()
	for _, m := range messages {
		if ack := s.hub.Receive(context.Background(), "kmh", "127.0.0.1", m); !strings.Contains(string(ack), "|AA|") && !strings.Contains(string(m[:3]), "???") {
			s.t.Fatalf("not accepted: %s", ack)
		}
	}
}

// hold marks kept messages as held, as if the code map had lacked a code.
func (s *site) hold(ids ...int64) {
	s.t.Helper()
	s.must(s.store.Update(context.Background(), func(tx *store.Tx) error {
		for _, id := range ids {
			m, err := tx.Message(store.MessageID(id))
			if err != nil {
				return err
			}
			if err := tx.Settle(m, store.MessageHeld, "The ward code was not in the code map", ""); err != nil {
				return err
			}
		}
		return nil
	}))
}

func (s *site) messageState(id int64) string {
	s.t.Helper()
	var state string
	s.must(s.store.View(context.Background(), func(tx *store.Tx) error {
		m, err := tx.Message(store.MessageID(id))
		state = string(m.State)
		return err
	}))
	return state
}

// audited lists what was audited of an action, newest first.
func (s *site) audited(action string) []store.Audited {
	s.t.Helper()
	var out []store.Audited
	s.must(s.store.View(context.Background(), func(tx *store.Tx) (err error) {
		out, err = tx.Audits(store.AuditFilter{Action: action})
		return err
	}))
	return out
}

func TestOnlyThoseMeantSeeOperationsAuditAndIdentity(t *testing.T) {
	s := newSite(t)
	s.keep(adt("1", "M1"))
	may := map[string][]string{
		"/ops": {"integration"}, "/ops/events": {"integration"}, "/ops/messages": {"integration"}, "/ops/messages/1": {"integration"},
		"/ops/messages/replay?id=1": {"integration"}, "/ops/imports": {"integration"},
		"/audit": {"ig-lead"}, "/audit/rules": {"ig-lead"},
		"/identity": {"coordinator", "team-manager", "ig-lead"}, "/identity/settle?case=fred-case": {"coordinator", "team-manager", "ig-lead"},
		"/identity/separate?survivor=a&retired=b": {"coordinator", "team-manager", "ig-lead"},
		"/identity/joined?survivor=a&retired=b":   {"coordinator", "team-manager", "ig-lead"},
	}
	for _, login := range everybody {
		r := s.as(login)
		for path, who := range may {
			want := 403
			if strings.Contains(" "+strings.Join(who, " ")+" ", " "+login+" ") {
				want = 200
			}
			req, err := http.NewRequest("GET", s.url+path, nil)
			s.must(err)
			res, err := r.c.Do(req) // a stream does not end: only its head is read
			s.must(err)
			s.must(res.Body.Close())
			if res.StatusCode != want {
				t.Errorf("%s at %s: %d, want %d", login, path, res.StatusCode, want)
			}
		}
	}
	for path, fields := range map[string][]string{"/ops/messages/replay": {"id", "1"}, "/ops/messages/1": {"why", "to see"}, "/identity/settle": {"case", "fred-case", "number", "keep", "why", "asked"},
		"/identity/join": {"survivor", "a", "retired", "b", "why", "asked"}, "/identity/separate": {"survivor", "a", "retired", "b", "why", "asked"}, "/audit": {"who", "u-admin"}} {
		if got := s.as("ae-nurse").post(path, fields...); got.status != 403 && got.status != 404 && got.to != "/audit?who=u-admin" {
			t.Errorf("a nurse at POST %s: %d", path, got.status)
		}
	}
	if len(s.audited("replay"))+len(s.audited("seeRawMessage")) == 0 {
		t.Error("refusals were not audited")
	}
}

func TestOperationsSaysHowEachConnectionIs(t *testing.T) {
	s := newSite(t)
	s.keep(adt("1", "M1"), adt("1", "M1"), adt("1", "M2"))
	s.hold(1)
	got := s.as("integration").get("/ops")
	got.says("King’s Mill EPR", "Working", "Queen’s PAS", "Never heard", "Mosaic (Nottinghamshire)", "Of 3 connections")
	row := tableRow(t, got, "King’s Mill EPR")
	for _, want := range []string{"Waiting 1", "Held 1", "Unreadable 0", "Repeats 1", "Reused ids 1", "21:40"} {
		if !strings.Contains(row, want) {
			t.Errorf("%q is not in %q", want, row)
		}
	}
	s.later(3 * time.Hour)
	if row := tableRow(t, s.as("integration").get("/ops"), "King’s Mill EPR"); !strings.Contains(row, "Quiet") {
		t.Errorf("3 hours later: %s", row)
	}
}

// tableRow is the words of the row that has some text.
func tableRow(t *testing.T, p shown, text string) string {
	t.Helper()
	for _, tr := range p.all("tr") {
		if w := words(tr); strings.Contains(w, text) {
			return w
		}
	}
	t.Fatalf("no row has %q:\n%s", text, p.text())
	return ""
}

func TestOperationsAreTold(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := s.as("integration")
	shown := liveLast(t, r.get("/ops"))
	if first := s.told(r, shown, "beat"); strings.Contains(first, "event: row") || !strings.Contains(first, "id: "+shown+"\n") {
		t.Errorf("told what is shown already:\n%s", first)
	}
	s.keep(adt("1", "M1"))
	seen := s.told(r, shown, "row-qmc")
	for _, want := range []string{"event: beat\n", "event: part\ndata: <div id=\"app-ops\"", "event: row\ndata: <tr", "row-kmh"} {
		if !strings.Contains(seen, want) {
			t.Errorf("the stream lacks %q:\n%s", want, seen)
		}
	}
}

// liveLast is the last event that a page already shows.
func liveLast(t *testing.T, p shown) string {
	t.Helper()
	for _, n := range p.all("div") {
		if attr(n, "id") == "app-live" {
			return attr(n, "data-last")
		}
	}
	t.Fatal("the page is not live")
	return ""
}

// told is what the live stream of operations says until it says some words.
func (s *site) told(r *reader, last, until string) string {
	s.t.Helper()
	req, err := http.NewRequest("GET", s.url+"/ops/events?last="+last, nil)
	s.must(err)
	res, err := r.c.Do(req)
	s.must(err)
	defer res.Body.Close()
	if got := res.Header.Get("Content-Type"); got != "text/event-stream" {
		s.t.Fatal(got)
	}
	seen := ""
	for lines := bufio.NewScanner(res.Body); lines.Scan() && !(strings.Contains(seen, until) && strings.HasSuffix(seen, "\n\n")); {
		seen += lines.Text() + "\n"
	}
	return seen
}

func TestMessagesArePagedByKey(t *testing.T) {
	s := newSite(t)
	for i := range 130 {
		s.keep(adt(fmt.Sprint(1000+i), fmt.Sprint("M", i)))
	}
	r := s.as("integration")
	first := r.get("/ops/messages")
	if n := len(first.all("tr")) - 1; n != 100 {
		t.Errorf("%d messages on the first page", n)
	}
	first.says("Message 130", "Older")
	second := r.get(link(t, first, "Older"))
	if n := len(second.all("tr")) - 1; n != 30 {
		t.Errorf("%d messages on the second page", n)
	}
	second.says("Message 30", "Message 1 ", "Newest")
	if strings.Contains(second.text(), "Older") {
		t.Error("the last page leads on")
	}
	one := r.get("/ops/messages?feed=kmh&control=1007")
	one.says("Message 8", "Control id 1007")
	if n := len(one.all("tr")) - 1; n != 1 {
		t.Errorf("%d messages have the control id", n)
	}
	all := r.get("/ops/messages?control=1007")
	if all.status != 422 {
		t.Errorf("status %d", all.status)
	}
	all.says("Select the connection that the control id came on")
}

// link is where the link with some words leads.
func link(t *testing.T, p shown, text string) string {
	t.Helper()
	for _, a := range p.all("a") {
		if strings.Contains(words(a), text) {
			return attr(a, "href")
		}
	}
	t.Fatalf("no link says %q:\n%s", text, p.text())
	return ""
}

// fields are the hidden fields of a page's main part.
func fields(p shown) []string {
	var out []string
	for _, n := range p.all("input") {
		if attr(n, "type") == "hidden" && inMain(n) {
			out = append(out, attr(n, "name"), attr(n, "value"))
		}
	}
	return out
}

func inMain(n *html.Node) bool {
	for ; n != nil; n = n.Parent {
		if n.Data == "main" {
			return true
		}
	}
	return false
}

func TestReplay(t *testing.T) {
	s := newSite(t)
	s.keep(adt("1", "M1"), adt("2", "M2"), adt("3", ""), adt("4", "M4"))
	s.hold(1, 2, 3)
	r := s.as("integration")
	list := r.get("/ops/messages?state=held")
	list.says("Message 1", "Message 3", "The ward code was not in the code map")
	if n := len(list.all("input")); n < 3 {
		t.Errorf("%d fields", n)
	}
	none := r.get("/ops/messages/replay?state=held")
	if none.status != 422 {
		t.Errorf("status %d without a choice", none.status)
	}
	none.says("Select the messages to read again")
	check := r.get("/ops/messages/replay?id=3&id=1&id=2&id=1")
	check.says("Replay 3 messages", "This reads 3 messages again", "What they say may change records.")
	if s.messageState(1) != "held" {
		t.Fatal("asking replayed")
	}
	if got := r.post("/ops/messages/replay"); got.status != 422 || s.messageState(1) != "held" {
		t.Fatalf("an empty form replayed: %d", got.status)
	}
	done := r.post("/ops/messages/replay", fields(check)...)
	if done.status != 303 || done.to != "/ops/messages?state=held" {
		t.Fatalf("%d to %q: %s", done.status, done.to, done.text())
	}
	r.get(done.to).says("2 read, 1 still held.", "Message 3")
	for id, want := range map[int64]string{1: "done", 2: "done", 3: "held"} {
		if got := s.messageState(id); got != want {
			t.Errorf("message %d is %s, want %s", id, got, want)
		}
	}
	if got := r.post("/ops/messages/replay", "id", "1"); got.status != 422 {
		t.Errorf("a message that is not held: %d", got.status)
	} else {
		got.says("Message 1 is not held")
	}
	if got := r.post("/ops/messages/replay", "id", "x"); got.status != 422 {
		t.Errorf("no number: %d", got.status)
	}
}

func TestRawNeedsAReasonAndIsAudited(t *testing.T) {
	s := newSite(t)
	s.keep(adt("1", "M1"))
	s.hold(1)
	r := s.as("integration")
	page := r.get("/ops/messages/1")
	page.says("ADT^A01", "King’s Mill EPR", "A01 (", "A new person", "Admitted", "Replay this message", "Why do you need to see this message?")
	if strings.Contains(page.body, "FIRTREE") {
		t.Error("the content is there without a reason")
	}
	bare := r.post("/ops/messages/1", "why", "  ")
	if bare.status != 422 || strings.Contains(bare.body, "FIRTREE") {
		t.Errorf("without a reason: %d", bare.status)
	}
	bare.says("Enter why you need to see this message")
	if n := len(s.audited("seeRawMessage")); n != 0 {
		t.Errorf("%d rows before it was shown", n)
	}
	raw := r.post("/ops/messages/1", "why", "The ward rang: bed is wrong")
	raw.says("PID|1||M1^^^KMH^MR||FIRTREE^GEORGE", "Hide the message")
	rows := s.audited("seeRawMessage")
	if len(rows) != 1 || !rows[0].Allowed || rows[0].Reason != "The ward rang: bed is wrong" || rows[0].Actor != "u-integration" {
		t.Errorf("audited: %+v", rows)
	}
	for _, path := range []string{"/ops/messages/99", "/ops/messages/x", "/ops/messages/0"} {
		if got := r.get(path); got.status != 404 {
			t.Errorf("%s: %d", path, got.status)
		}
	}
}

// stoppedImport is an extract that stopped, with rows in quarantine.
func (s *site) stoppedImport(rows int) {
	s.t.Helper()
	s.must(s.store.Update(context.Background(), func(tx *store.Tx) error {
		m, err := tx.BeginImport(store.Import{Council: county, File: "2026-11-22", Kind: store.ImportFull, AsAt: evening, Started: evening})
		if err != nil {
			return err
		}
		for n := 1; n <= rows; n++ {
			if err := tx.Quarantine(store.Quarantined{Import: m.ID, N: n, File: "people.csv", Line: n + 1, Field: "dob", Mend: "Give the date of birth as YYYY-MM-DD",
				Raw: fmt.Sprintf(`[{"Name":"person_id","Value":"P%d"},{"Name":"dob","Value":""}]`, n)}); err != nil {
				return err
			}
		}
		m.State, m.Reason, m.Ended, m.Quarantined = store.ImportStopped, "It would end 40 of 100 packages in place", evening.Add(3*time.Second), rows
		m.Counts = map[string]int{"people": 100, "ending": 40}
		return tx.SaveImport(m)
	}))
}

func TestImportsAndTheirQuarantine(t *testing.T) {
	s := newSite(t)
	s.stoppedImport(130)
	r := s.as("integration")
	r.get("/ops/imports").says("2026-11-22", "Nottinghamshire County Council", "Everybody", "Stopped", "It would end 40 of 100 packages in place", "130", "3 seconds")
	one := r.get("/ops/imports/1")
	one.says("Packages in place that it ends 40", "people.csv", "Give the date of birth as YYYY-MM-DD", "Show line 2 of people.csv")
	if strings.Contains(one.body, "P1<") {
		t.Error("a row's content is shown without a reason")
	}
	if n := len(one.all("tr")) - 1; n != 100 {
		t.Errorf("%d rows on the first page", n)
	}
	more := r.get(strings.Split(link(t, one, "More rows"), "#")[0])
	if n := len(more.all("tr")) - 1; n != 30 {
		t.Errorf("%d rows on the second page", n)
	}
	more.says("Show line 131 of people.csv", "First rows")
	for _, path := range []string{"/ops/imports/7", "/ops/imports/x"} {
		if got := r.get(path); got.status != 404 {
			t.Errorf("%s: %d", path, got.status)
		}
	}
}

func TestARowInQuarantineNeedsAReason(t *testing.T) {
	s := newSite(t)
	s.stoppedImport(3)
	r := s.as("integration")
	path := strings.Split(link(t, r.get("/ops/imports/1"), "Show line 3 of people.csv"), "#")[0]
	page := r.get(path)
	page.says("Line 3 of people.csv", "Give the date of birth as YYYY-MM-DD", "Why do you need to see this row?")
	wellMade(t, page)
	bare := r.post(path, "why", " ")
	if bare.status != 422 || strings.Contains(bare.body, "P2") || len(s.audited("seeRawMessage")) != 0 {
		t.Errorf("without a reason: %d", bare.status)
	}
	bare.says("Enter why you need to see this row")
	wellMade(t, bare)
	got := r.post(path, "why", "The council asked which row it is")
	got.says("P2", "Empty", "Hide the row")
	wellMade(t, got)
	if rows := s.audited("seeRawMessage"); len(rows) != 1 || rows[0].Reason != "The council asked which row it is" || !rows[0].Allowed {
		t.Errorf("audited: %+v", rows)
	}
	for _, path := range []string{"/ops/imports/1/rows/9", "/ops/imports/1/rows/x", "/ops/imports/7/rows/1"} {
		if got := r.get(path); got.status != 404 {
			t.Errorf("%s: %d", path, got.status)
		}
	}
}

func TestImportsSayOnlyWhatIsKnown(t *testing.T) {
	s := newSite(t)
	ctx := context.Background()
	s.must(s.store.Update(ctx, func(tx *store.Tx) error {
		m, err := tx.BeginImport(store.Import{Council: county, File: "2026-11-21", Started: evening})
		m.State, m.Reason = store.ImportRefused, "manifest.toml: kind. Say full or changes"
		if err != nil {
			return err
		}
		return tx.SaveImport(m)
	}))
	s.stoppedImport(0)
	_, err := s.hub.SayWaiting(ctx, county, []string{"2026-11-23"})
	s.must(err)
	r := s.as("integration")
	list := r.get("/ops/imports")
	list.says("2026-11-23", "Waiting for manifest.toml")
	if strings.Contains(list.text(), "Changes only") {
		t.Error("what a refused extract holds is made up")
	}
	wellMade(t, list)
	if got := r.get("/ops/imports/0"); got.status != 404 {
		t.Errorf("a folder that waits has a page: %d", got.status)
	}
	s.must(s.store.Update(ctx, func(tx *store.Tx) error {
		return tx.PutCouncilState(store.CouncilState{Council: county, AsAt: evening.Add(time.Minute)})
	}))
	r.get("/ops/imports/2").says("a newer one has been read")
	got := r.post("/ops/imports/2/release", "why", "The council closed a service")
	if got.status != 422 {
		t.Errorf("released all the same: %d", got.status)
	}
	got.says("A newer extract has been read")
}

func TestReleasingAnImportNeedsAReason(t *testing.T) {
	s := newSite(t)
	s.stoppedImport(0)
	r := s.as("integration")
	bare := r.post("/ops/imports/1/release")
	if bare.status != 422 {
		t.Errorf("status %d", bare.status)
	}
	bare.says("Enter why this extract is right", "How do you know that this extract is right?")
	if got := r.post("/ops/imports/1/release", "why", "The council closed a service"); got.status != 303 || got.to != "/ops/imports/1" {
		t.Fatalf("%d to %q", got.status, got.to)
	}
	r.get("/ops/imports/1").says("The extract may go on.")
	yes, err := s.hub.Released(context.Background(), county, "2026-11-22")
	s.must(err)
	if !yes {
		t.Error("nobody may go on")
	}
	rows := s.audited("releaseImport")
	if len(rows) != 1 || rows[0].Reason != "The council closed a service" {
		t.Errorf("audited: %+v", rows)
	}
}
