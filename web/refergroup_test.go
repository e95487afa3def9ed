package web

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// TestGroupsWithoutScript adds, fills and removes items of a repeating group with
// nothing but buttons, and loses nothing that was typed.
func TestGroupsWithoutScript(t *testing.T) {
	s := newSite(t)
	r := s.as("coordinator")
	tasks := r.get(at(s.barbara, "/refer"))
	tasks.says("Add more, if you know it", "Other contacts")
	path := at(s.barbara, "/refer/people_more")
	page := r.follow(r.submit(r.get(path), path, "add", "contacts"))
	page.says("Contact 1", "Remove contact", "Add another contact")
	page = r.follow(r.submit(page, path, "contacts.1.other_name", "Jane Sample", "contacts.1.other_details", "01632 960002", "add", "contacts"))
	page = r.follow(r.submit(page, path, "contacts.2.other_name", "Sam Sample", "add", "professionals"))
	if got := page.inputs(path); got.Get("contacts.1.other_name") != "Jane Sample" || got.Get("contacts.2.other_name") != "Sam Sample" {
		t.Fatalf("typed answers are lost: %v", got)
	}
	// What is wrong is said of the item it is about.
	page = r.submit(page, path)
	if page.status != 422 {
		t.Fatalf("an unfinished contact: %d", page.status)
	}
	page.says("Contact 2: enter how to reach them")
	if !slices.ContainsFunc(page.all("a"), func(n *html.Node) bool { return attr(n, "href") == "#contacts.2.other_details" }) {
		t.Error("the error does not lead to its field")
	}
	page = r.follow(r.submit(page, path, "drop", "contacts.1"))
	if got := page.inputs(path); got.Get("contacts.1.other_name") != "Sam Sample" || got.Has("contacts.2.other_name") {
		t.Fatalf("after removing the first: %v", got)
	}
	if done := r.submit(page, path, "contacts.1.other_details", "01632 960003"); done.status != 303 || !strings.HasSuffix(done.to, "/refer") {
		t.Errorf("a full contact: %d %s", done.status, done.to)
	}
	check := r.get(at(s.barbara, "/refer/check"))
	check.says("Contact 1: name", "Sam Sample")
	if strings.Contains(check.text(), "Jane Sample") {
		t.Error("a removed contact is read back")
	}
	// The last one can go too.
	r.submit(r.get(path), path, "drop", "contacts.1")
	if got := r.get(path).inputs(path); got.Has("contacts.1.other_name") {
		t.Errorf("the last contact came back: %v", got)
	}
}
