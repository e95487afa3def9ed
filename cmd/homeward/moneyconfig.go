package main

import (
	"fmt"
	"slices"
	"strings"

	"homeward/care"
	"homeward/hub"
	"homeward/money"
	"homeward/nhs"
)

// MoneyConfig is what people may approve of what arranged care costs.
type MoneyConfig struct {
	SocialWorker string   `toml:"social_worker" doc:"What a social worker may settle without a second person, for one person in all a week, or once. The default is ours: nothing."`
	Broker       string   `toml:"broker" doc:"The same for a broker. The default is ours: £500."`
	TeamManager  string   `toml:"team_manager" doc:"The same for a team manager, who may also approve as much of what others set. The default is ours: £2,000."`
	Councils     []string `toml:"councils" doc:"What a council sets otherwise, like \"511 broker £600\"."`
	Panel        []string `toml:"panel" doc:"Team managers who may approve any sum that somebody else set: council and account, like \"511 a.patel\"."`
}

func moneyDefaults() MoneyConfig {
	roles := hub.DefaultMoney().Roles
	return MoneyConfig{SocialWorker: roles[care.SocialWorker].String(), Broker: roles[care.Broker].String(), TeamManager: roles[care.TeamManager].String(), Councils: []string{}, Panel: []string{}}
}

// moneyRoles are the roles that have a limit, by their names in the configuration.
var moneyRoles = map[string]care.Role{"social_worker": care.SocialWorker, "broker": care.Broker, "team_manager": care.TeamManager}

// moneyLimits reads the limits.
func (c Config) moneyLimits() (hub.MoneyLimits, error) {
	out := hub.MoneyLimits{Roles: hub.DefaultMoney().Roles, Councils: map[nhs.ODS]map[care.Role]money.Amount{}, Panel: map[nhs.ODS][]string{}}
	read := func(key, s string) (money.Amount, error) {
		a, err := money.Parse(s)
		if err != nil || a < 0 {
			return 0, fmt.Errorf("money.%s: %q is not a sum like £500 or £500.00", key, s)
		}
		return a, nil
	}
	var err error
	for key, s := range map[string]string{"social_worker": c.Money.SocialWorker, "broker": c.Money.Broker, "team_manager": c.Money.TeamManager} {
		if s == "" {
			continue // as by default
		}
		if out.Roles[moneyRoles[key]], err = read(key, s); err != nil {
			return out, err
		}
	}
	for _, line := range c.Money.Councils {
		parts := strings.Fields(line)
		if len(parts) != 3 || moneyRoles[parts[1]] == "" || !c.isCouncil(parts[0]) {
			return out, fmt.Errorf("money.councils: %q is not a council of the configuration, one of social_worker, broker and team_manager, and a sum, like 511 broker £600", line)
		}
		a, err := read("councils", parts[2])
		if err != nil {
			return out, err
		}
		ods := nhs.ODS(parts[0])
		if out.Councils[ods] == nil {
			out.Councils[ods] = map[care.Role]money.Amount{}
		}
		out.Councils[ods][moneyRoles[parts[1]]] = a
	}
	for _, line := range c.Money.Panel {
		parts := strings.Fields(line)
		if len(parts) != 2 || !c.isCouncil(parts[0]) {
			return out, fmt.Errorf("money.panel: %q is not a council of the configuration and an account, like 511 a.patel", line)
		}
		ods := nhs.ODS(parts[0])
		out.Panel[ods] = append(out.Panel[ods], strings.ToLower(parts[1]))
	}
	return out, nil
}

func (c Config) checkMoney() error {
	_, err := c.moneyLimits()
	return err
}

// isCouncil reports whether a code is that of a council of the configuration.
func (c Config) isCouncil(code string) bool {
	return slices.ContainsFunc(c.Orgs, func(o OrgConfig) bool { return o.ODS == code && o.Kind == string(care.Council) })
}
