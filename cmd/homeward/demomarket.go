package main

import (
	"context"
	"time"

	"homeward/care"
	"homeward/hub"
)

// demoMarket is what the council's broker knows of the providers of its extract: what
// they give, where, and what they said last that they can take on. One is full, one has
// said nothing lately, and one nothing at all.
var demoMarket = map[string]struct {
	services, areas []string
	basis           string
	free            []hub.CapacityLine
}{
	"P001": {[]string{"HS", "C-SS"}, []string{"NG17", "NG18", "NG19"}, "framework", []hub.CapacityLine{{Kind: "HS", Area: "NG17", Free: "14"}, {Kind: "HS", Area: "NG18", Free: "21"}, {Kind: "HS", Area: "NG19", Free: "0"}}},
	"P002": {[]string{"EQ"}, nil, "framework", nil},
	"P003": {[]string{"HS"}, []string{"NG17", "NG18", "NG21"}, "framework", []hub.CapacityLine{{Kind: "HS", Area: "NG18", Free: "0"}, {Kind: "HS", Area: "NG17", Free: "0"}}},
	"P004": {[]string{"HS", "EOL"}, []string{"NG18", "NG19", "S80"}, "spot", nil},
	"P005": {[]string{"HS"}, []string{"NG17", "NG18", "S80"}, "spot", []hub.CapacityLine{{Kind: "HS", Area: "S80", Free: "7"}}},
	"P006": {[]string{"R"}, []string{"NG17", "NG18", "NG19", "NG21"}, "framework", []hub.CapacityLine{{Kind: "R", Area: "NG17", Free: "2"}, {Kind: "R", Area: "NG18", Free: "1"}}},
	"P007": {[]string{"M"}, []string{"NG17", "NG18"}, "spot", nil},
	"P008": {[]string{"DS"}, []string{"NG17", "NG18"}, "framework", []hub.CapacityLine{{Kind: "DS", Free: "5"}}},
	"P009": {[]string{"LTRC", "STRC"}, []string{"NG17"}, "framework", []hub.CapacityLine{{Kind: "LTRC", Area: "NG17", Free: "1"}, {Kind: "STRC", Area: "NG17", Free: "2"}}},
	"P010": {[]string{"LTRC", "LTNC"}, []string{"NG18"}, "spot", []hub.CapacityLine{{Kind: "LTNC", Area: "NG18", Free: "0"}}},
}

// market writes what the broker knows to the directory, where nobody has written
// anything yet. known is how many providers there are: none before the first extract.
func (d *demo) market(ctx context.Context) (known int, err error) {
	bob, err := d.actor("bob")
	if err != nil {
		return 0, err
	}
	all, err := d.site.hub.CareProviders(ctx, bob, hub.DirectoryQuery{})
	if err != nil {
		return 0, err
	}
	for _, e := range all {
		m, ok := demoMarket[e.ID]
		if e.Council != bob.Org || !ok || e.Seen > 0 {
			continue
		}
		change := hub.ProviderChange{Phone: e.Phone, OutOfHours: e.OutOfHours, Hours: e.Hours, Email: e.Email, CQC: e.CQC, Services: m.services, Areas: m.areas, Basis: m.basis, Seen: e.Seen}
		if _, err := d.site.hub.CorrectProvider(ctx, bob, e.Code, change); err != nil && care.KindOf(err) != care.Conflict {
			return 0, err
		}
		if len(m.free) > 0 {
			if err := d.site.hub.ReportCapacity(ctx, bob, e.Code, m.free); err != nil {
				return 0, err
			}
		}
	}
	return len(all), nil
}

// marketOnce waits for the first extract and sets the directory up, or until ctx ends.
func (d *demo) marketOnce(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for range 120 { // an extract comes within seconds, or the council is not played
		if n, err := d.market(ctx); n > 0 || ctx.Err() != nil {
			if err != nil && ctx.Err() == nil {
				d.site.hub.Log.Warn("the demonstration's care providers have no services yet", "err", err)
			}
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
