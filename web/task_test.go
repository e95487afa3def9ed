package web

import (
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/hub"
)

// notify follows history, as the server's own loop does.
func (s *site) notify() {
	s.t.Helper()
	for {
		n, err := s.hub.NotifyNews(s.t.Context())
		s.must(err)
		if n == 0 {
			return
		}
	}
}

func TestTasksNotesAndNudges(t *testing.T) {
	s := newSite(t)
	s.notify()
	c, w := s.as("coordinator"), s.as("social-worker")
	ref := string(c.refer(s.barbara))
	path, due := at(s.barbara, "/tasks"), []string{"due-day", "31", "due-month", "12", "due-year", "2099", "due-time", "16:00"}

	// A task says what is missing, keeps what was typed, and is set once.
	form := w.get(at(s.barbara, "?tab=tasks"))
	form.says("Who can see this task?", "What must be done?", "Who does it?", "There are no open tasks that you can see.")
	wrong := w.submit(form, path, "text", "Ring the daughter", "due-time", "teatime")
	wellMade(t, wrong)
	wrong.says("Select who can see the task", "Enter a time like 16:00")
	if in := wrong.inputs(path); wrong.status != 422 || in.Get("text") != "Ring the daughter" || in.Get("key") != form.inputs(path).Get("key") {
		t.Errorf("status %d, kept %v", wrong.status, in)
	}
	w.submit(form, path, append([]string{"audience", "both", "text", "Too far ahead"}, due...)...).says("Enter a day within the next two years")
	for range 2 {
		w.follow(w.submit(form, path, "audience", "council", "text", "Ask about the key safe")).says("The task was set.", "Ask about the key safe", "Council only")
	}
	if n := len(s.caseOf(s.barbara).Tasks); n != 1 {
		t.Fatalf("%d tasks", n)
	}
	task := s.caseOf(s.barbara).Tasks[0]
	for _, page := range []string{at(s.barbara, "?tab=tasks"), at(s.barbara, "?tab=timeline"), "/tasks?show=team", at(s.barbara, "/tasks/"+task.ID)} {
		if got := c.get(page); strings.Contains(got.body, "key safe") {
			t.Errorf("the hospital reads a council's task at %s", page)
		}
	}
	if got := c.post(at(s.barbara, "/tasks/"+task.ID), "do", "done"); got.status != 404 {
		t.Errorf("the hospital does a council's task: %d", got.status)
	}

	// The list tells what is overdue, and does it with one click.
	mine := w.get("/tasks")
	mine.says("Ask about the key safe", "1 open task")
	s.later(48 * time.Hour)
	w = s.as("social-worker")
	mine = w.get("/tasks?show=overdue")
	wellMade(t, mine)
	mine.says("Overdue", "1 overdue")
	page := w.get(at(s.barbara, "/tasks/"+task.ID))
	wellMade(t, page)
	if got := w.post(at(s.barbara, "/tasks/"+task.ID), "do", "drop", "why", ""); got.status != 422 {
		t.Errorf("dropped without a reason: %d", got.status)
	} else {
		wellMade(t, got)
		got.says("Enter why it is not needed")
	}
	w.follow(w.submit(mine, at(s.barbara, "/tasks/"+task.ID))).says("The task is done.", "Nothing is overdue")

	// Asking the other side: once, then not again for half an hour.
	c = s.as("coordinator")
	m := s.as("team-manager")
	s.notify()
	nudge := at(s.barbara, "/referrals/"+ref+"/nudge")
	c.follow(c.submit(c.get(at(s.barbara, "")), nudge)).says("They were asked to act.", "Asked to act 1 time", "You can ask again from")
	wellMade(t, c.get(nudge))
	if got := c.post(nudge, "key", "another"); got.status != 429 && got.status != 422 {
		t.Errorf("asked again at once: %d", got.status)
	}
	if got := m.post(nudge, "key", "k"); got.status < 400 {
		t.Errorf("the holder asks itself: %d", got.status)
	}

	// A note with a kind, that names a colleague.
	notes := w.get(at(s.barbara, "?tab=notes"))
	w.follow(w.submit(notes, at(s.barbara, "/notes"), "audience", "council", "kind", "visit", "text", "Visited. @P Team-manager please look.")).says("Visit", "Mentioned: P Team-manager")
	s.notify()
	inbox := m.get("/notifications")
	wellMade(t, inbox)
	inbox.says("You were asked to act on a referral", "A note mentions you or your team", "Notifications (")
	for _, a := range inbox.all("a") {
		if words(a) == "A note mentions you or your team" {
			m.follow(m.get(attr(a, "href"))).says("Visited. @P Team-manager please look.")
		}
	}
	m.follow(m.submit(m.get("/notifications"), "/notifications")).says("All are marked as read.", "0 unread")
	if strings.Contains(c.get("/notifications").body, "mentions") {
		t.Error("the hospital is told of a council's note")
	}
}

func TestNotificationSettings(t *testing.T) {
	s := newSite(t)
	w := s.as("social-worker")
	const path = "/notifications/settings"
	form := w.get(path)
	wellMade(t, form)
	wrong := w.submit(form, path, "address", "nowhere", "from", "22")
	wellMade(t, wrong)
	wrong.says("Enter an e-mail address")
	if wrong.status != 422 || wrong.inputs(path).Get("address") != "nowhere" || wrong.inputs(path).Get("from") != "22" {
		t.Errorf("status %d, kept %v", wrong.status, wrong.inputs(path))
	}
	w.follow(w.submit(form, path, "address", "s.reed@county.example", "hour", "9")).says("Your choices were saved.", "not set up here")
	if got := w.get(path).inputs(path); got.Get("hour") != "9" || got.Get("address") != "s.reed@county.example" {
		t.Errorf("kept %v", got)
	}
	wellMade(t, w.get("/notifications/confirm/abc"))
	if got := w.post("/notifications/confirm/abc"); got.status != 404 {
		t.Errorf("a token that was never made: %d", got.status)
	}
	if got := s.as("ig-lead").get("/notifications"); got.status != 403 {
		t.Errorf("a role without cases: %d", got.status)
	}
	if !hub.HasNotifications(care.Broker) || hub.HasNotifications(care.AENurse) {
		t.Error("who is notified")
	}
}
