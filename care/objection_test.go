package care

import (
	"strings"
	"testing"
)

func TestObjection(t *testing.T) {
	by := Actor{ID: "n1", Name: "P Invented", Org: "RK5"}
	said := Object{RaisedBy: ObjectedPerson, How: ObjectedSpoken, Words: "Not the council"}
	for _, tt := range []struct {
		name  string
		cmd   Command
		field string
	}{
		{"nobody said it", Object{How: ObjectedPhone, Words: "x"}, "raisedby"},
		{"somebody unheard of", Object{RaisedBy: "neighbour", How: ObjectedPhone, Words: "x"}, "raisedby"},
		{"no way", Object{RaisedBy: ObjectedPerson, Words: "x"}, "how"},
		{"no words", Object{RaisedBy: ObjectedPerson, How: ObjectedPhone, Words: " "}, "words"},
		{"too many", Object{RaisedBy: ObjectedPerson, How: ObjectedPhone, Words: strings.Repeat("x", 501)}, "words"},
	} {
		if _, err := Decide(Case{ID: "c1"}, by, tt.cmd, hour(1)); err == nil || err.(*Error).Field != tt.field {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if es, err := Decide(Case{ID: "c1"}, by, TakeBackObjection{}, hour(1)); err != nil || len(es) != 0 {
		t.Errorf("took back what does not stand: %v %v", es, err)
	}
	c := act(t, Case{ID: "c1"}, by, said)
	if c.Objection == nil || c.Objection.Words != said.Words || c.Objection.RecordedBy != by.Who() {
		t.Fatalf("recorded as %+v", c.Objection)
	}
	if es, err := Decide(c, by, said, hour(2)); err != nil || len(es) != 0 {
		t.Errorf("the same again: %v %v", es, err)
	}
	said.Words = "Nobody but my daughter"
	if c = act(t, c, by, said); c.Objection.Words != said.Words {
		t.Error("other words did not replace the first")
	}
	if _, err := Decide(c, by, TakeBackObjection{RaisedBy: ObjectedPerson, How: ObjectedLetter}, hour(3)); err == nil {
		t.Error("taken back without words")
	}
	if c = act(t, c, by, TakeBackObjection{RaisedBy: ObjectedPerson, How: ObjectedLetter, Words: "It is all right now"}); c.Objection != nil {
		t.Error("taken back, and it stands")
	}
	frozen := Apply(Case{ID: "c1"}, Doubted{At: hour(1), Doubt: Doubt{Kind: DoubtSame}})
	if c = act(t, frozen, by, said); c.Objection == nil {
		t.Error("an objection must be heard whoever this is")
	}
	if _, err := Decide(c, by, TakeBackObjection{RaisedBy: ObjectedPerson, How: ObjectedPhone, Words: "x"}, hour(2)); err == nil {
		t.Error("taken back on a frozen record")
	}
}

// TestObjectionsOfJoinedRecords is that a join takes an objection on where there
// was none, and that it goes back with the record that brought it.
func TestObjectionsOfJoinedRecords(t *testing.T) {
	objects := func(id CaseID, who ActorID) Case {
		c := Case{ID: id}
		if who != "" {
			c = Apply(c, Objected{Objection{At: hour(1), Words: "No", RecordedBy: Who{ID: who}}})
		}
		return c
	}
	whose := func(c Case) ActorID {
		if c.Objection == nil {
			return ""
		}
		return c.Objection.RecordedBy.ID
	}
	for _, tt := range []struct{ survivor, retired, joined, then, after, back ActorID }{
		{"", "b", "b", "", "", "b"},
		{"a", "b", "a", "", "a", "b"},
		{"a", "", "a", "", "a", ""},
		{"", "b", "b", "c", "c", "b"}, // said anew while joined: it stays with the survivor
	} {
		a, b := objects("a", tt.survivor), objects("b", tt.retired)
		es, fs := Join(a, b, hour(2))
		a, b = Apply(a, es...), Apply(b, fs...)
		if whose(a) != tt.joined {
			t.Errorf("%+v: joined, it is %q", tt, whose(a))
		}
		if tt.then != "" {
			a = Apply(a, Objected{Objection{At: hour(3), Words: "No", RecordedBy: Who{ID: tt.then}}})
		}
		es, fs = Separate(a, b, Who{ID: "s"}, "two people", hour(4))
		if a, b = Apply(a, es...), Apply(b, fs...); whose(a) != tt.after || whose(b) != tt.back {
			t.Errorf("%+v: separated, it is %q and %q", tt, whose(a), whose(b))
		}
	}
}
