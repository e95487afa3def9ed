package web

import (
	"strings"
	"testing"
)

// TestReturnsOfACouncil walks through the pages of returns: what is wrong is said and
// kept, a return is made, compared and downloaded, and nobody else comes near it.
func TestReturnsOfACouncil(t *testing.T) {
	s := newSite(t)
	manager, coordinator, worker := s.as("team-manager"), s.as("coordinator"), s.as("social-worker")
	const path = "/returns/client-level-data"
	list := manager.get("/returns")
	wellMade(t, list)
	list.says("Client Level Data", "ASCOF 2D", "Better Care Fund", "Never", "July to September 2026", "confirm it with whoever collects")
	wrong := manager.get(path + "?period=lately")
	if wrong.status != 422 || !strings.Contains(wrong.body, `value="lately"`) {
		t.Fatalf("%d %s", wrong.status, wrong.text())
	}
	wellMade(t, wrong)
	wrong.says("Enter a day such as 2026-03-09")
	if got := manager.post(path, "period", "2026-Q4"); got.status != 422 || !strings.Contains(got.text(), "This period is not over") {
		t.Errorf("a quarter that is not over: %d", got.status)
	}
	page := manager.get(path + "?period=2026-Q3")
	wellMade(t, page)
	page.says("The file is about people", "How complete it is", "What to put right", "It was never made here", "Lists of values")
	made := manager.post(path, "period", "2026-Q3")
	if made.status != 303 {
		t.Fatalf("%d %s", made.status, made.text())
	}
	page = manager.get(path + "?period=2026-Q3")
	wellMade(t, page)
	page.says("Compared with the one that was made last: of July to September 2026", "The same")
	i := strings.Index(page.body, path+"/made/")
	if i < 0 {
		t.Fatal("there is no file")
	}
	file := page.body[i : i+strings.IndexByte(page.body[i:], '"')]
	got := manager.get(file)
	if got.status != 200 || got.header.Get("Content-Disposition") != `attachment; filename="client-level-data-2026-Q3-confidential.csv"` || !strings.HasPrefix(got.body, "LA_Code,") {
		t.Errorf("%d %v", got.status, got.header)
	}
	for who, r := range map[string]*reader{"coordinator": coordinator, "social worker": worker} {
		for _, p := range []string{path, file} {
			if got := r.get(p); got.status != 403 && got.status != 404 || strings.Contains(got.body, "LA_Code") {
				t.Errorf("%s: %d", who, got.status)
			}
		}
	}
	own := coordinator.get("/returns/acute-sitrep?period=20%2F11%2F2026")
	wellMade(t, own)
	own.says("20 November 2026: ", "Small numbers are not hidden", "Region and ICB")
}
