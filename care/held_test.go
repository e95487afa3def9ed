package care

import (
	"slices"
	"testing"
	"time"
)

// TestAnOpenEnquiryIsAYes whatever could be read of the council's extract, until it is
// closed here; and a yes of the extract stays one.
func TestAnOpenEnquiryIsAYes(t *testing.T) {
	at := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	for _, answer := range []Answer{AnswerYes, AnswerNo, AnswerUnknown, ""} {
		for _, unread := range [][]Part{nil, {PartPerson}, {PartSafeguarding}, {PartPackages, PartSafeguarding}} {
			for _, state := range []ConcernState{ConcernRaised, ConcernReceived, ConcernEnquiry, ConcernClosed} {
				was := Holding{Council: "511", AsAt: at, Safeguarding: Safeguarding{Answer: answer, AsAt: at}, Unread: unread}
				c := Case{Holdings: []Holding{was}, Concerns: []Concern{{ID: "c", To: "511", State: state, Moved: at.Add(time.Hour)}}}
				h := c.Held()[0]
				switch {
				case state == ConcernEnquiry && (h.Safeguarding.Answer != AnswerYes || h.Missed(PartSafeguarding)):
					t.Errorf("%q, unread %v: an enquiry is open here, and it is said to be %q, missed %v", answer, unread, h.Safeguarding.Answer, h.Missed(PartSafeguarding))
				case state != ConcernEnquiry && (h.Safeguarding != was.Safeguarding || !slices.Equal(h.Unread, unread)):
					t.Errorf("%q, unread %v, %s: became %+v", answer, unread, state, h)
				}
				if h.Missed(PartPackages) != was.Missed(PartPackages) || !slices.Equal(c.Holdings[0].Unread, unread) {
					t.Errorf("unread %v became %v, in the record %v", unread, h.Unread, c.Holdings[0].Unread)
				}
			}
		}
	}
}
