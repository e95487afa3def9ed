package hub

import (
	"time"

	"homeward/care"
	"homeward/store"
)

// workOf fills what both sides work on into a case's view, each part by what this
// reader may see of it. Each part stands in its own file.
func (h *Hub) workOf(tx *store.Tx, a *asking, c care.Case, v *CaseView, now time.Time) error {
	for _, part := range []func(*store.Tx, *asking, care.Case, *CaseView, time.Time) error{h.clientPart, h.taskPart, h.assessmentPart, h.moneyPart, h.arrangePart, h.lifecyclePart, h.outcomePart, h.huddlePart, h.concernPart} {
		if err := part(tx, a, c, v, now); err != nil {
			return err
		}
	}
	return nil
}

// workItem says whether a reader sees a timeline entry of what is worked on; and
// fills the words that belong to it.
func (h *Hub) workItem(a *asking, c care.Case, e care.Entry, t TimelineItem) (TimelineItem, bool) {
	switch t.Kind {
	case "outcome":
		ok := a.outcomeItem(c, e.Event, &t)
		return t, ok
	case "clock":
		ok := a.clockItem(c, e.Event, &t)
		return t, ok
	case "look":
		return t, a.lookItem(e.Event, &t)
	case "huddle":
		ok := a.huddleItem(c, e.Event, &t)
		return t, ok
	case "concern":
		ok := a.concernItem(e.Event, &t)
		return t, ok
	case "client":
		return t, h.clientItem(a, e.Event, &t)
	case "money":
		ok := a.moneyItem(e.Event, &t)
		return t, ok
	case "arranging":
		ok := a.arrangeItem(c, e.Event, &t)
		return t, ok
	case "task":
		ok := h.taskItem(a, c, e.Event, &t)
		return t, ok
	}
	return t, false
}
