package web

import (
	"strings"
	"testing"
)

// A manager writes rules, sees why those that cannot be are refused with what was
// typed kept, and publishes; the ward sees what is missing as it types, and sends
// anyway with a reason.
func TestGatePages(t *testing.T) {
	s := newSite(t)
	manager, ward := s.as("team-manager"), s.as("coordinator")
	manager.get("/gate").says("No rules are published")
	never := "[[items]]\nid = \"never\"\nsay = \"Say it\"\nneed = \"consent is Y and consent is N\"\n"
	got := manager.post("/gate/edit", "version", "0", "title", "What our team needs", "want_wishes", "should", "want_chc_considered", "must", "other", never)
	if got.status != 422 {
		t.Fatalf("rules that nobody could meet: %d", got.status)
	}
	got.says("no answers could ever meet it", "The draft is saved as it is")
	if got := manager.get("/gate/edit"); !strings.Contains(got.body, `value="What our team needs"`) || !strings.Contains(got.body, `value="must" selected`) || strings.Contains(got.body, "form = ") || !strings.Contains(got.text(), "Say it") {
		t.Error("a wrong draft is not shown again as it was made")
	}
	if got := manager.get("/gate/publish"); got.to != "/gate/edit" {
		t.Errorf("a wrong draft can be published: %d to %q", got.status, got.to)
	}
	// Somebody else's change is not written over.
	if got := manager.post("/gate/edit", "version", "0", "title", "Mine", "want_wishes", "must"); got.status != 409 || !strings.Contains(got.text(), "P Team-manager changed the draft at") || !strings.Contains(got.body, "Mine") {
		t.Errorf("saved over another's draft: %d", got.status)
	}
	if got := manager.post("/gate/edit", "version", "1", "title", "What our team needs", "want_wishes", "should", "want_chc_considered", "must"); got.to != "/gate/publish" {
		t.Fatalf("%d to %q: %s", got.status, got.to, got.text())
	}
	manager.get("/gate/publish").says("Publish version 1 of the rules?", "It is sent back")
	if got := manager.post("/gate/publish", "version", "2"); got.to != "/gate" {
		t.Fatalf("%d: %s", got.status, got.text())
	}

	ward.get("/gate").says("What our team needs", "Version 1")
	ward.post("/gate/try", "council", string(county), "asked", "chc_considered", "chc_considered", "N").says("75% of what is wanted would be there")
	here := "/cases/barbara-case/refer"
	ward.get(here).says("0% of what Nottinghamshire County Council wants is there", "They send it back without:")
	if got := ward.get(here + "/needed"); !strings.Contains(got.body, `name="chc_considered"`) || strings.Contains(got.body, `name="wishes"`) {
		t.Error("what is needed is asked without what the council would send it back for, or with more")
	}
	part := ward.post(here+"/needs/draft", "asked", "wishes", "wishes", "To go home")
	if part.status != 200 || !strings.Contains(part.text(), "25% of what Nottinghamshire County Council wants is there") || strings.Contains(part.body, "<html><head></head><body><main") {
		t.Errorf("as one types: %d %s", part.status, part.text())
	}
	ward.get("/gate/returned").says("Bounce rate")
	if got := ward.post("/gate/edit", "version", "0", "title", "x"); got.status != 403 {
		t.Errorf("a ward writes the rules: %d", got.status)
	}
}
