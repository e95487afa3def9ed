package hub

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/care"
)

// A provider's client is whoever it was told of, or asked about, while that
// stands: not one who ended, whom it declined, or for whom another was booked.
func TestFactsOfProvidersAndConcerns(t *testing.T) {
	h, past := &Hub{Config: Config{Zone: time.UTC}}, time.Date(2026, 3, 9, 8, 0, 0, 0, time.UTC)
	code := func(id string) string { return string(care.ProviderCode("511", id)) }
	for name, c := range map[string]struct {
		of   care.Case
		want []string
	}{
		"nobody was told": {},
		"told":            {care.Case{Clients: []care.Client{{Council: "511", Provider: "P1"}, {Council: "511", Provider: "P1"}}}, []string{code("P1")}},
		"of two councils": {care.Case{Clients: []care.Client{{Council: "511", Provider: "P1"}, {Council: "512", Provider: "P1"}}},
			[]string{code("P1"), string(care.ProviderCode("512", "P1"))}},
		"told, and ended": {care.Case{Clients: []care.Client{{Council: "511", Provider: "P1", Ended: past}}}, nil},
		"asked": {care.Case{Requests: []care.Request{{Council: "511", Invited: []care.Invite{{Provider: "P1"}, {Provider: "P2", Reply: care.ReplyDecline},
			{Provider: "P3", Reply: care.ReplyMore}, {Provider: "P4", Reply: care.ReplyReleased}, {Provider: "P5", Reply: care.ReplyAccept}}}}},
			[]string{code("P1"), code("P3"), code("P5")}},
		"asked, and ended": {care.Case{Requests: []care.Request{{Council: "511", Ended: past, Invited: []care.Invite{{Provider: "P1"}}}}}, nil},
	} {
		if d := cmp.Diff(c.want, h.facts(c.of, past).ClientOf); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
	}
	raised := care.Case{Concerns: []care.Concern{{To: "511"}, {To: "512", State: care.ConcernClosed}, {To: "511"}}}
	if d := cmp.Diff([]string{"511", "512"}, h.facts(raised, past).ConcernTo); d != "" {
		t.Errorf("concerns:\n%s", d)
	}
}
