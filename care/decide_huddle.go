package care

import (
	"slices"
	"strings"
)

// decide decides something in a huddle and sets the task for it, which both sides see.
// Who disagrees says so afterwards: a decision is not taken back, another follows it.
func (x DecideNext) decide(d deciding) ([]Event, error) {
	n := x.Decision
	switch {
	case n.ID == "":
		return nil, missing("key", "The decision has no key. Open the huddle again")
	case slices.ContainsFunc(d.c.Decisions, func(y Decision) bool { return y.ID == n.ID }):
		return nil, nil
	case n.Huddle == "":
		return nil, missing("huddle", "Start the huddle first")
	}
	if n.Referral != "" {
		r, ok := d.c.referral(n.Referral)
		if !ok || r.From != d.by.Org && r.To != d.by.Org {
			return nil, &Error{Kind: NotFound, Field: "referral", Text: "There is no such referral"}
		}
		n.Of = r.Of
	} else {
		n.Of = ""
	}
	n.Text = strings.TrimSpace(n.Text)
	if err := firstError(words("text", n.Text, "what was decided", true, shortLimit), d.knows("owner", n.Owner, AudienceBoth), d.dueAt(n.Due)); err != nil {
		return nil, err
	}
	n.At, n.By, n.Task, n.Disagreed = d.now, d.by.Who(), followed("decided", n.ID), nil
	n.Today = ukDay(n.Due) == ukDay(d.now)
	task := Task{Of: n.Of, ID: n.Task, Referral: n.Referral, Kind: TaskDecided, Audience: AudienceBoth, Text: n.Text, Owner: n.Owner, Due: n.Due, At: d.now, By: n.By, About: n.ID}
	return []Event{Decided{At: d.now, By: n.By, Decision: n}, TaskChanged{At: d.now, Did: TaskSet, By: n.By, Task: task}}, nil
}

// decide records that somebody of either side did not agree. It changes nothing else.
func (x RecordDisagreement) decide(d deciding) ([]Event, error) {
	i := slices.IndexFunc(d.c.Decisions, func(y Decision) bool { return y.ID == x.ID })
	if i < 0 || !d.c.Shares(d.by.Org, d.c.Decisions[i].By.Org) {
		return nil, &Error{Kind: NotFound, Text: "There is no such decision"}
	}
	n := d.c.Decisions[i]
	text := strings.TrimSpace(x.Text)
	if err := words("text", text, "why you disagree", true, shortLimit); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(n.Disagreed, func(y Disagree) bool { return y.By.ID == d.by.ID && y.Text == text }) {
		return nil, nil
	}
	n.Disagreed = append(slices.Clone(n.Disagreed), Disagree{At: d.now, By: d.by.Who(), Text: text})
	return []Event{Decided{At: d.now, Disagree: true, By: d.by.Who(), Decision: n}}, nil
}

// HuddleTexts are what a huddle decides most often, offered before own words. The list
// is ours.
var HuddleTexts = []Coded{
	{"assess", "Finish the assessment"}, {"therapy", "Therapy visit on the ward"}, {"family", "Speak with the person and their family"},
	{"medicines", "Have medicines to take home ready"}, {"transport", "Book transport"}, {"provider", "Confirm the start with the provider"},
	{"request", "Send the request for care"}, {"equipment", "Order equipment"}, {"fund", "Get the cost approved"}, {"fit", "Look again whether the person is ready"},
}

// decisionThreads are the rows of decisions, each of its huddle.
func decisionThreads(c Case) (out []Thread) {
	for _, n := range c.Decisions {
		out = append(out, Thread{Kind: DecisionThread, ID: n.ID, Org: n.By.Org, Owner: n.Huddle, At: n.At})
	}
	return out
}
