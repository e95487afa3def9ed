package main

import (
	"strings"
	"testing"

	"homeward/care"
)

func TestLimitsOfMoneyAreRead(t *testing.T) {
	c := defaults()
	c.Orgs = []OrgConfig{{ODS: "511", Kind: "council"}, {ODS: "RK5", Kind: "trust"}}
	c.Money.Councils, c.Money.Panel = []string{"511 broker £1,250.50"}, []string{"511 A.Patel"}
	got, err := c.moneyLimits()
	if err != nil || got.Roles[care.Broker] != 500_00 || got.Roles[care.TeamManager] != 2_000_00 || got.Roles[care.SocialWorker] != 0 ||
		got.Councils["511"][care.Broker] != 1_250_50 || got.Panel["511"][0] != "a.patel" {
		t.Errorf("%+v, %v", got, err)
	}
	for want, change := range map[string]func(*MoneyConfig){
		"money.broker":   func(m *MoneyConfig) { m.Broker = "500 pounds" },
		"money.councils": func(m *MoneyConfig) { m.Councils = []string{"RK5 broker £600"} },
		"one of social":  func(m *MoneyConfig) { m.Councils = []string{"511 nurse £600"} },
		"like £500":      func(m *MoneyConfig) { m.Councils = []string{"511 broker -£600"} },
		"money.panel":    func(m *MoneyConfig) { m.Panel = []string{"a.patel"} },
	} {
		bad := c
		change(&bad.Money)
		if _, err := bad.moneyLimits(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("wanted an error with %q, got %v", want, err)
		}
	}
}
