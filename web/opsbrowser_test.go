package web

import (
	"context"
	"testing"

	"homeward/care"
	"homeward/internal/browser"
)

func TestOperationsAuditAndIdentityInABrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.keep(adt("1", "M1"), adt("2", "M2"), adt("3", ""), adt("4", "M4"))
	s.hold(1, 2, 3)
	s.stoppedImport(12)
	s.twins(care.DoubtSame)
	s.as("ae-nurse").post("/lookup", append(find("barbara")[:8], "reason", "other", "words", "Her neighbour rang us")...)
	s.as("ae-nurse").get("/ops")
	for login, pages := range map[string][][2]string{
		"integration": {{"ops", "/ops"}, {"messages", "/ops/messages"}, {"messages-none", "/ops/messages?feed=qmc"}, {"messages-refused", "/ops/messages?control=1"},
			{"replay", "/ops/messages/replay?id=1&id=2&id=3"}, {"message", "/ops/messages/1"}, {"imports", "/ops/imports"}, {"import", "/ops/imports/1"}},
		"ig-lead":      {{"audit", "/audit"}, {"rules", "/audit/rules"}},
		"team-manager": {{"identity", "/identity"}, {"settle", "/identity/settle?case=barbara-case"}, {"settle-one", "/identity/settle?case=fred-case"}, {"join", "/identity/join?survivor=barbara-case"}, {"joined", "/identity/joined?survivor=a&retired=b"}, {"separate", "/identity/separate?survivor=a&retired=b"}},
	} {
		tab := browser.New(t)
		s.signIn(tab, login)
		for _, p := range pages {
			tab.Goto(s.url + p[1])
			look(t, tab, axeSource(t), p[0])
		}
	}
	s.tamper()
	s.hub.CheckAudit(context.Background())
	tab := browser.New(t)
	s.signIn(tab, "ig-lead")
	tab.Goto(s.url + "/audit")
	look(t, tab, axeSource(t), "audit-broken")
	rawInABrowser(t, s)
}

// rawInABrowser replays and reads a message as an engineer does.
func rawInABrowser(t *testing.T, s *site) {
	tab := browser.New(t)
	s.signIn(tab, "integration")
	tab.Goto(s.url + "/ops/messages/2")
	if status := tab.Follow("main form button[type=submit]"); status != 422 {
		t.Errorf("status %d without a reason", status)
	}
	look(t, tab, axeSource(t), "message-refused")
	tab.Type("#why", "The ward rang")
	tab.Follow("main form button[type=submit]")
	look(t, tab, axeSource(t), "message-raw")
	tab.Goto(s.url + "/ops/messages?state=held")
	tab.Click("#id-2")
	tab.Click("#id-3")
	tab.Follow("main form[action='/ops/messages/replay'] button[type=submit]")
	if h := tab.Text("h1"); h != "Replay 2 messages" {
		t.Fatalf("h1 says %q", h)
	}
	tab.Follow("main form button[type=submit]")
	look(t, tab, axeSource(t), "replayed")
}
