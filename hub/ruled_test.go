package hub

import (
	"slices"
	"testing"
	"time"

	"homeward/care"
	"homeward/policies"
	"homeward/policy"
	"homeward/store"
)

// A site that begins to run other rules says since when, and what is different.
func TestRulesSayWhatChanged(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		ig := lead("ann", kings)
		s.must(s.NoteRules(s.ctx()))
		s.pass(time.Hour)
		first, err := s.Rules(s.ctx(), ig)
		s.must(err)
		if first.Before != nil || !first.Since.Equal(morning) {
			t.Errorf("the first rules: since %v, before %+v", first.Since, first.Before)
		}
		rules, err := policies.Files.ReadFile("sharing.cedar")
		s.must(err)
		schema, err := policies.Files.ReadFile("sharing.cedarschema")
		s.must(err)
		set, err := policy.Load(append(rules, `
@id("no-broker-lists")
@says("Brokers list nothing.")
forbid (principal, action == Action::"listTracker", resource is Service)
when { principal.role == Role::"broker" };
`...), schema)
		s.must(err)
		s.pass(24 * time.Hour)
		next := s.another(func(hc *Config, _ *store.Config) { hc.Policies = set })
		got, err := next.Rules(s.ctx(), ig)
		s.must(err)
		if got.Before == nil || got.Before.Version != first.Version || !got.Since.Equal(s.clock()) {
			t.Fatalf("since %v, before %+v", got.Since, got.Before)
		}
		if want := (RuleChange{"no-broker-lists", "New", "", "Brokers list nothing."}); !slices.Equal(got.Before.Changes, []RuleChange{want}) {
			t.Errorf("%+v", got.Before.Changes)
		}
		if !got.Before.Allowed(policy.Broker, policy.ListTracker) || got.Before.Allowed(policy.AENurse, policy.ListTracker) {
			t.Error("what brokers and nurses could list before")
		}
		s.pass(time.Hour)
		again, err := next.Rules(s.ctx(), ig)
		s.must(err)
		if !again.Since.Equal(got.Since) || again.Before == nil {
			t.Errorf("asked again: since %v", again.Since)
		}
		back, err := s.Rules(s.ctx(), ig)
		s.must(err)
		if len(back.Before.Changes) != 1 || back.Before.Changes[0].What != "Taken out" {
			t.Errorf("back again: %+v", back.Before.Changes)
		}
		_, err = s.Rules(s.ctx(), as(care.Coordinator, kings))
		s.refused(err, care.Forbidden, "")
	})
}
