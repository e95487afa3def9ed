package measure

import (
	"testing"
	"time"

	"homeward/care"
	"homeward/nhs"
)

// Who counts, and as what, by the definition (SALT STS004).
func TestHome(t *testing.T) {
	type story struct {
		born     nhs.Date
		kind     string // of the care that was booked
		place    string // as people recorded it
		code     string // as the hospital's system told it
		answer   string // "" none yet
		out      string
		assumed  string
		value    int64
		runs     bool
		packaged int // days after leaving on which a reablement package began; 0 none
	}
	old, young := nhs.Date{Year: 1941, Month: 3, Day: 14}, nhs.Date{Year: 1961, Month: 3, Day: 4} // 65 on the day after leaving
	for name, x := range map[string]story{
		"at home":                {born: old, kind: "R", place: "home-care", answer: "home", value: 1},
		"in extra care":          {born: old, kind: "R", place: "home-care", answer: "extra-care", value: 1},
		"on respite":             {born: old, kind: "R", place: "home-care", answer: "respite", value: 1},
		"in hospital":            {born: old, kind: "R", place: "home-care", answer: "hospital"},
		"in a care home":         {born: old, kind: "R", place: "home-care", answer: "care-home"},
		"died":                   {born: old, kind: "R", place: "home-care", answer: "died"},
		"not reached":            {born: old, kind: "R", place: "home-care", answer: "unreachable"},
		"not answered":           {born: old, kind: "R", place: "home-care", runs: true},
		"64":                     {born: young, kind: "R", place: "home-care", answer: "home", out: "under-65"},
		"no date of birth":       {kind: "R", place: "home-care", answer: "home", out: "age-unknown"},
		"home care for good":     {born: old, kind: "HS", place: "home-care", answer: "home", out: "no-short-term"},
		"to a care home to stay": {born: old, kind: "R", place: "care-home", answer: "home", out: "not-home"},
		"to a bed":               {born: old, kind: "HS", place: "bed", answer: "home", value: 1},
		"nobody said where":      {born: old, kind: "R", answer: "home", value: 1, assumed: "no-destination"},
		"the feed said home":     {born: old, kind: "R", code: "19", answer: "home", value: 1},
		"the feed said elsewhere, people knew better": {born: old, kind: "R", code: "85", place: "respite", answer: "home", value: 1},
		"the feed said hospital":                      {born: old, kind: "R", code: "51", answer: "home", out: "not-home"},
		"reablement within 7 days":                    {born: old, place: "home", packaged: 7, answer: "home", value: 1},
		"reablement after 8 days":                     {born: old, place: "home", packaged: 8, answer: "home", out: "no-short-term"},
	} {
		t.Run(name, func(t *testing.T) {
			left := after(24 * 60) // 3 March
			w := newWalk(t, "one").tell(care.PersonTold{At: after(0), Person: care.Person{Born: x.born}}, walkStay(),
				care.ReferralSent{At: after(0), Referral: walkReferral("r1")},
				care.ReferralAccepted{At: after(5), ID: "r1", Holder: walkHeld("hub")})
			if x.kind != "" {
				w.tell(care.RequestChanged{At: after(9), Did: care.RequestBooked, Request: care.Request{ID: "q", Referral: "r1", Council: walkCouncil, Kind: x.kind, Booked: "P", BookedAt: after(9)}})
			}
			if x.packaged > 0 {
				w.tell(care.HoldingTold{At: after(9), Holding: care.Holding{Council: walkCouncil, Packages: []care.Package{{Ref: "1", Kind: "R", Start: nhs.DateOf(left).Add(x.packaged)}}}})
			}
			w.tell(care.Discharged{At: left, Visit: "V1", Org: walkHospital, Leaving: care.Leaving{At: left, Destination: x.code}},
				care.WatchEnded{At: left, ID: "r1", Holder: walkHeld("hub")})
			o := care.Outcome{Referral: "r1", Destination: x.place, At: left}
			w.tell(care.OutcomeChanged{At: left, What: care.OutcomeDestination, Outcome: o})
			if x.answer != "" {
				o.Day91 = &care.AtHome{On: nhs.DateOf(left).Add(91), Answer: x.answer, At: left.AddDate(0, 0, 92)}
				w.tell(care.OutcomeChanged{At: o.Day91.At, What: care.OutcomeDay91, Outcome: o})
			}
			p := w.point(AtHome91)
			switch {
			case p == nil:
				t.Fatal("no point")
			case p.Open() != x.runs || p.Out != x.out || p.Assumed != x.assumed || p.Value != x.value:
				t.Errorf("%+v, want %+v", p, x)
			case !x.runs && !p.To.Equal(left):
				t.Errorf("counts at %v, want on the day of leaving", p.To.Format(time.DateOnly))
			}
		})
	}
}
