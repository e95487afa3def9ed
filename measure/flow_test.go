package measure

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"homeward/care"
)

// A referral that was sent, returned, sent again, accepted and withdrawn took four steps.
func TestFlowPoints(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 3, n, 10, 0, 0, 0, time.UTC) }
	who := care.Who{ID: "u1", Name: "P", Org: "RK5"}
	tr := &Trail{Zone: time.UTC}
	add := func(e care.Event) {
		tr.Add(care.Entry{Seq: int64(len(tr.Entries) + 1), Recorded: e.When(), Event: e})
	}
	add(care.Started{At: day(1), ID: "one"})
	add(care.ReferralSent{At: day(2), Referral: care.Referral{ID: "r1", Key: "k", From: "RK5", To: "511", Pathway: "1", Form: "d2a", FormVersion: 1, State: care.RefSent, Sent: day(2), SentBy: who, Holder: care.Holder{Org: "511", Since: day(2)}}})
	add(care.ReferralReturned{At: day(3), ID: "r1", Return: care.Return{At: day(3), By: who}, Holder: care.Holder{Org: "RK5", Since: day(3)}})
	steps := func() []string {
		var out []string
		for _, p := range tr.Points() {
			if p.Source == "flow" {
				out = append(out, fmt.Sprintf("%s %s>%s %s", p.Subject, p.Stage, FlowPlaces[p.Value].State, p.To.Format("02")))
			}
		}
		return out
	}
	if got, want := steps(), []string{"r1/0 sent>returned 03"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	add(care.ReferralAnswered{At: day(4), ID: "r1", By: who, Holder: care.Holder{Org: "511", Since: day(4)}})
	add(care.ReferralAccepted{At: day(5), ID: "r1", By: who, Holder: care.Holder{Org: "511", Since: day(5)}})
	add(care.ReferralEnded{At: day(6), ID: "r1", State: care.RefWithdrawn, By: who, Why: "01"})
	if got, want := steps(), []string{"r1/0 sent>returned 03", "r1/1 returned>sent 04", "r1/2 sent>accepted 05", "r1/3 accepted>withdrawn 06"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for _, p := range tr.Points() {
		if p.Source == "flow" && (p.Hospital != "RK5" || p.Council != "511" || p.Pathway != "1") {
			t.Errorf("%+v", p)
		}
	}
	if FlowWords("received") != "To be accepted" || FlowWords("") != "Not known" {
		t.Error("words")
	}
}
