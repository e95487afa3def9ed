package web

import (
	"strings"
	"testing"

	"homeward/policies"
	"homeward/policy"
)

// Roles by sections, roles by actions, and what is different from the rules that
// this site ran before.
func TestTheRulesSayWhatIsDifferent(t *testing.T) {
	s := newSite(t)
	ig := s.as("ig-lead")
	first := ig.get("/audit/rules")
	wellMade(t, first)
	first.says("This site has run no other version", "This site has run them since", "22-Nov-2026 21:40", "Who may see what")
	var money string
	for _, tr := range first.all("tr") {
		if row := words(tr); strings.HasPrefix(row, "Money") {
			money = row
		}
	}
	if !strings.Contains(money, "Social worker Yes") || !strings.Contains(money, "Coordinator No") {
		t.Errorf("who sees money: %q", money)
	}
	s.hub.Policies = withRule(t, `@id("no-broker-lists")
@says("Brokers list nothing.")
forbid (principal, action == Action::"listTracker", resource is Service)
when { principal.role == Role::"broker" };`)
	got := ig.get("/audit/rules")
	wellMade(t, got)
	got.says("What is different from the version before", "no-broker-lists", "Brokers list nothing.")
	if row := tableRow(t, got, "list the tracker"); !strings.Contains(row, "Broker No Changed: was Yes") || strings.Count(row, "Changed") != 1 {
		t.Errorf("the cell that changed: %s", row)
	}
}

// withRule is the released rules and one more.
func withRule(t *testing.T, rule string) *policy.Set {
	t.Helper()
	rules, err := policies.Files.ReadFile("sharing.cedar")
	if err != nil {
		t.Fatal(err)
	}
	schema, err := policies.Files.ReadFile("sharing.cedarschema")
	if err != nil {
		t.Fatal(err)
	}
	set, err := policy.Load([]byte(string(rules)+"\n"+rule+"\n"), schema)
	if err != nil {
		t.Fatal(err)
	}
	return set
}
