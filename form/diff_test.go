package form

import (
	"strings"
	"testing"

	"homeward/pathways"
)

func TestDiff(t *testing.T) {
	p := parse(t, grouped)
	if d := Diff(p, p); len(d) > 0 {
		t.Errorf("a form differs from itself: %v", d)
	}
	for _, c := range []struct{ old, new, want string }{
		{`steps = ["worker", "manager", "panel"]`, `steps = ["worker", "panel"]`, "Steps of approval: was “[worker manager panel]”, is “[worker panel]”."},
		{`max = 3`, `max = 5`, "Group people (“Other people”): was 0 to 3, is 0 to 5."},
		{`id = "words"`, `id = "remark"`, "Field people.words (“In 3 words”) is gone. Answers to it are not read any more.|Field people.remark (“In 3 words”) is new on page one."},
		{"label = \"Lives alone\"\nkind = \"yesno\"", "label = \"Lives alone\"\nkind = \"yesno\"\nrequired = true", "Field alone (“Lives alone”): need was nothing, is “required”."},
		{`label = "Who comes first"`, `label = "Who is first"`, "Field who (“Who is first”): label was “Who comes first”, is “Who is first”; name in errors was “the who comes first”, is “the who is first”; error when empty was “Enter the who comes first”, is “Enter the who is first”."},
		{`on or before today`, `before today`, "Rule past asks something else: “Holds it since must be today or in the past”."},
		{`title = "Two"`, `title = "Next"`, "Page two (“Next”) has another title, hint or condition."},
	} {
		if got := strings.Join(Diff(p, parse(t, strings.Replace(grouped, c.old, c.new, 1))), "|"); got != c.want {
			t.Errorf("%s:\n %s\nwant\n %s", c.new, got, c.want)
		}
	}
}

// TestReferralVersionsKeepIDs: who reads answers of version 1 by the ids of its
// fields reads those of version 2 too, and what must be answered is the same.
func TestReferralVersionsKeepIDs(t *testing.T) {
	l, err := Load(pathways.Files)
	if err != nil {
		t.Fatal(err)
	}
	one, _ := l.Get("d2a", 1)
	two, _ := l.Get("d2a", 2)
	added := 0
	for _, s := range Diff(one, two) {
		if strings.Contains(s, "is gone") || strings.Contains(s, "need was") || strings.Contains(s, "kind was") {
			t.Error(s)
		}
		if strings.HasPrefix(s, "Field ") && strings.Contains(s, " is new on page ") {
			added++
			if id := strings.Fields(s)[1]; strings.Contains(s, ", required") && !strings.Contains(id, ".") {
				t.Error("a new field outside groups is required:", s)
			}
		}
	}
	if added < 100 {
		t.Errorf("%d fields are new", added)
	}
}
