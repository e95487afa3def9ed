package retention

import (
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/policies"
)

func schedule(t testing.TB) Schedule {
	t.Helper()
	b, err := policies.Files.ReadFile("retention.toml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Load(b)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheScheduleKeepsPeopleForEightYears(t *testing.T) {
	s := schedule(t)
	r := s.Rule(Case)
	if r.Keep.String() != "8 years" || r.Goes != ByReview || !r.Local {
		t.Errorf("%+v", r)
	}
	for _, r := range s {
		if r.Goes == ByItself && (r.Type == Case || r.Type == Messages || r.Type == Drafts) {
			t.Errorf("%s goes by itself", r.Type)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	b, err := policies.Files.ReadFile("retention.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{`type  = "case"`, `type = "cases"`, "no type"},
		{`type  = "drafts"`, `type = "alerts"`, "twice"},
		{`goes  = "review"`, `goes = "itself"`, "may go by"},
		{`keep  = "8 years"`, `keep = "8 winters"`, "years, months"},
		{`keep  = "8 years"`, `keep = "eight years"`, "must be like"},
		{`keep  = "8 years"`, `keep = "11 months"`, "a year at least"},
		{`keep  = "8 years"`, `keep = "9 years"`, "goes with the person"},
		{`basis = "Records`, `bases = "Records`, "not known"},
		{`from  = "the import"`, `from = ""`, "must have"},
	} {
		text := strings.Replace(string(b), c.old, c.new, 1)
		if text == string(b) {
			t.Fatalf("%s is not in the file", c.old)
		}
		if _, err := Load([]byte(text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.new, err, c.want)
		}
	}
	if _, err := Load(b[:strings.LastIndex(string(b), "[[record]]")]); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("without the last rule: %v", err)
	}
}

func TestNobodyWithAnythingOpenIsDue(t *testing.T) {
	s := schedule(t)
	then := time.Date(2010, 5, 1, 9, 0, 0, 0, time.UTC)
	now := time.Date(2018, 5, 1, 9, 0, 0, 0, time.UTC)
	left := &care.Leaving{At: then}
	plain := care.Case{ID: "c", Updated: then, Stay: &care.Stay{Left: left}, Past: []care.Stay{{Left: left}},
		Referrals: []care.Referral{{State: care.RefClosed, Ended: then}},
		Holdings:  []care.Holding{{Ended: true, Packages: []care.Package{{Status: care.PackageFinished}}}}}
	if due, why := s.Due(plain, then, now); !due {
		t.Errorf("not due: %s", why)
	}
	if due, why := s.Due(plain, then, now.Add(-time.Second)); due {
		t.Errorf("due a second too early: %s", why)
	}
	if due, _ := s.Due(plain, then.Add(time.Second), now); due {
		t.Error("due although something was recorded since")
	}
	for name, change := range map[string]func(*care.Case){
		"doubt":    func(c *care.Case) { c.Doubt = &care.Doubt{} },
		"joined":   func(c *care.Case) { c.JoinedTo = "d" },
		"absorbed": func(c *care.Case) { c.Absorbed = []care.CaseID{"d"} },
		"stay":     func(c *care.Case) { c.Stay = &care.Stay{} },
		"past":     func(c *care.Case) { c.Past = []care.Stay{{}} },
		"plan":     func(c *care.Case) { c.Plans = []care.Plan{{}} },
		"referral": func(c *care.Case) { c.Referrals = []care.Referral{{State: care.RefSent}} },
		"watched": func(c *care.Case) {
			c.Referrals = []care.Referral{{State: care.RefClosed, Ended: then, Watching: true}}
		},
		"package": func(c *care.Case) {
			c.Holdings = []care.Holding{{Packages: []care.Package{{Status: care.PackageActive}}}}
		},
		"held": func(c *care.Case) { c.Holdings = []care.Holding{{}} },
	} {
		c := plain
		change(&c)
		if due, why := s.Due(c, then, now.AddDate(50, 0, 0)); due || why == "" {
			t.Errorf("%s: due %v, %q", name, due, why)
		}
	}
}

func TestPeriodsAreOfTheCalendar(t *testing.T) {
	var p Period
	for text, want := range map[string]string{"8 years": "2034-02-28", "1 month": "2026-03-28", "30 days": "2026-03-30", "15 minutes": "2026-02-28"} {
		if err := p.UnmarshalText([]byte(text)); err != nil || p.String() != text {
			t.Fatalf("%s: %v, %v", text, p, err)
		}
		at := time.Date(2026, 2, 28, 9, 0, 0, 0, time.UTC)
		if got := p.After(at).Format("2006-01-02"); got != want {
			t.Errorf("%s after: %s", text, got)
		}
		if !p.Before(p.After(at)).Equal(at) && p.Unit != "month" {
			t.Errorf("%s: there and back", text)
		}
	}
}
