package care

import (
	"testing"
	"time"

	"homeward/nhs"
)

var clientNow = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

// clientCase is somebody in hospital whose council has two packages of one provider
// and one of another in place.
func clientCase() Case {
	return Case{ID: "c1", Stay: &Stay{Visit: "V1", Org: "RK5", Class: "I", Admitted: clientNow.Add(-time.Hour)},
		Holdings: []Holding{{Council: "511", Packages: []Package{
			{Ref: "P1", Kind: "HS", Status: PackageActive, Provider: "V1"}, {Ref: "P2", Kind: "TC", Status: PackageActive, Provider: "V1"},
			{Ref: "P3", Kind: "HS", Status: PackageActive, Provider: "V2"}, {Ref: "P4", Kind: "HS", Status: PackageFinished, Provider: "V3"},
			{Ref: "P5", Kind: DirectPayment, Status: PackageActive, Provider: "V4"}, {Ref: "P6", Kind: "HS", Status: PackageOnHold, Provider: "V5"}}}}}
}

// clientRule lets every council tell, and reaches V1 only.
func clientRule() ClientRule {
	return ClientRule{May: func(nhs.ODS) bool { return true }, Reach: func(_ nhs.ODS, id string) (Provider, bool) {
		return Provider{ID: id, Name: "Bluebell " + id, Phone: "01632 960411"}, id == "V1"
	}}
}

func applied(c Case, es []Event) Case {
	for _, e := range es {
		c = Apply(c, e)
	}
	return c
}

// dids are what happened to notices, by provider.
func dids(es []Event) (out []string) {
	for _, e := range es {
		switch x := e.(type) {
		case ClientChanged:
			out = append(out, x.Client.Provider+" "+string(x.Did)+" "+string(x.Client.EndedWhy))
		case TaskChanged:
			out = append(out, string(x.Task.Kind)+" "+string(x.Did))
		}
	}
	return out
}

func wantDids(t *testing.T, es []Event, want ...string) {
	t.Helper()
	got := dids(es)
	if len(got) != len(want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
}

func TestProvidersAreToldOnce(t *testing.T) {
	r := clientRule()
	c := clientCase()
	es := r.Due(c, clientNow)
	wantDids(t, es, "V1 told ", "V2 told ", "provider set")
	c = applied(c, es)
	if k := c.Clients[0]; len(k.Packages) != 2 || k.ProviderName != "Bluebell V1" || k.Hospital != "RK5" || k.State() != ClientIsTold {
		t.Fatalf("told: %+v", k)
	}
	wantDids(t, r.Due(c, clientNow.Add(time.Hour)))
	if ts := ThreadsOf(c); len(ts) < 2 {
		t.Fatalf("threads: %+v", ts)
	}
	for what, change := range map[string]func(*Case){
		"restricted": func(c *Case) { c.Sensitive = true }, "objects": func(c *Case) { c.Objection = &Objection{} }, "in question": func(c *Case) { c.Doubt = &Doubt{} },
		"outpatient": func(c *Case) { c.Stay.Class = "O" }, "dead": func(c *Case) { c.Died = &Death{} }, "restricted by the council": func(c *Case) { c.Holdings[0].Restricted = true },
		"left": func(c *Case) { c.Stay.Left = &Leaving{} }, "not in hospital": func(c *Case) { c.Stay = nil }, "joined": func(c *Case) { c.JoinedTo = "x" },
	} {
		c := clientCase()
		change(&c)
		if es := r.Due(c, clientNow); len(es) != 0 {
			t.Errorf("%s: %q", what, dids(es))
		}
	}
	// In hospital again: what was to be rung about the first stay is not rung any more.
	again := c.clone()
	again.Stay.Visit, again.Stay.Admitted = "another", clientNow.Add(time.Hour)
	es = r.Due(again, clientNow.Add(2*time.Hour))
	rings := 0
	for _, x := range applied(again, es).Tasks {
		if x.Kind == TaskProvider && x.Open() {
			rings++
		}
	}
	if rings != 1 {
		t.Errorf("%d tasks to ring are open: %q", rings, dids(es))
	}
	r.May = func(nhs.ODS) bool { return false }
	wantDids(t, r.Due(clientCase(), clientNow))
}

func TestProvidersAreToldOfTheEnd(t *testing.T) {
	r := clientRule()
	r.Reach = func(_ nhs.ODS, id string) (Provider, bool) { return Provider{Name: id}, true }
	told := clientCase()
	told = applied(told, r.Due(told, clientNow))
	provider := Actor{ID: "p", OrgKind: ProviderOrg, Org: ProviderCode("511", "V1")}
	do := func(c Case, by Actor, cmd Command) Case {
		t.Helper()
		es, err := Decide(c, by, cmd, clientNow.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		return applied(c, es)
	}
	id := told.Clients[0].ID
	acked := do(told, provider, Acknowledge{ID: id, Who: "Dawn"})

	undone := acked
	undone.Stay = nil
	es := r.Due(undone, clientNow)
	wantDids(t, es, "V1 over undone", "V2 ended undone") // V2 never saw it
	undone = applied(undone, es)
	wantDids(t, r.Due(undone, clientNow))
	if undone = do(undone, provider, Acknowledge{ID: id, Who: "Dawn"}); undone.Clients[0].Ended.IsZero() {
		t.Error("a confirmed end has not ended")
	}
	undone.Stay = told.Stay
	wantDids(t, r.Due(undone, clientNow), "V1 told ", "V2 told ") // admitted after all

	dead := acked
	dead.Died = &Death{At: clientNow}
	es = r.Due(dead, clientNow)
	wantDids(t, es, "V1 died died", "V2 died died")
	dead = applied(dead, es)
	wantDids(t, r.Due(dead, clientNow))
	if _, err := Decide(dead, provider, SuspendCare{ID: id, From: clientNow}, clientNow); KindOf(err) != BusinessRule {
		t.Errorf("suspending care of the dead: %v", err)
	}
	dead = do(dead, provider, Acknowledge{ID: id, Who: "Dawn"})
	if dead.Clients[0].Ended.IsZero() {
		t.Error("a confirmed death has not ended")
	}

	left := acked
	s := *told.Stay
	s.Left = &Leaving{At: clientNow}
	left.Stay, left.Past = nil, []Stay{s}
	wantDids(t, r.Due(left, clientNow), "V1 over home", "V2 ended home")
	suspended := do(acked, provider, SuspendCare{ID: id, From: clientNow.Add(8 * time.Hour)})
	suspended.Stay, suspended.Past = nil, []Stay{s}
	es = r.Due(suspended, clientNow)
	wantDids(t, es, "provider set", "V2 ended home")
	suspended = applied(suspended, es)
	wantDids(t, r.Due(suspended, clientNow))
	broker := Actor{ID: "b", OrgKind: Council, Org: "511"}
	suspended = do(suspended, broker, AskRestart{ID: id, From: clientNow.Add(48 * time.Hour)})
	if suspended.Tasks[0].Open() || suspended.Clients[0].Restart.Pathway != "0" {
		t.Errorf("asked: %+v", suspended.Clients[0].Restart)
	}
	suspended = do(suspended, provider, AnswerRestart{ID: id, Answer: RestartYes, Who: "Dawn"})
	if k := suspended.Clients[0]; k.EndedWhy != EndRestarted || !k.Restart.Earliest.Equal(k.Restart.From) {
		t.Errorf("answered: %+v", k)
	}
	spans := SuspendedSpans(suspended, "511", "V1", time.UTC)
	if len(spans) != 1 || spans[0].From != (nhs.Date{Year: 2026, Month: 11, Day: 25}) || spans[0].To != (nhs.Date{Year: 2026, Month: 11, Day: 25}) {
		t.Errorf("spans: %+v", spans)
	}

	moved := do(acked, provider, SuspendCare{ID: id, From: clientNow})
	s.Left = &Leaving{At: clientNow, Moved: true}
	moved.Past, moved.Stay = []Stay{s}, &Stay{Visit: "Q1", Org: "RX1", Class: "I", Admitted: clientNow}
	es = r.Due(moved, clientNow)
	wantDids(t, es, "V1 ended moved", "V2 ended moved", "V1 told ", "V2 told ")
	if k := applied(moved, es).Clients[2]; !k.Suspended.Equal(clientNow) {
		t.Errorf("after a move care does not stand still: %+v", k)
	}
}

func TestAProviderIsRefused(t *testing.T) {
	r := clientRule()
	c := clientCase()
	c = applied(c, r.Due(c, clientNow))
	id := c.Clients[0].ID
	mine, other := Actor{OrgKind: ProviderOrg, Org: ProviderCode("511", "V1")}, Actor{OrgKind: ProviderOrg, Org: ProviderCode("511", "V2")}
	council, trust := Actor{OrgKind: Council, Org: "511"}, Actor{OrgKind: Trust, Org: "RX1"}
	for _, x := range []struct {
		by   Actor
		cmd  Command
		want Kind
	}{
		{other, Acknowledge{ID: id, Who: "Eve"}, NotFound},
		{trust, SuspendCare{ID: id, From: clientNow}, NotFound},
		{mine, Acknowledge{ID: id}, Required},
		{mine, SuspendCare{ID: id}, Required},
		{mine, SuspendCare{ID: id, From: clientNow.AddDate(1, 0, 0)}, Invalid},
		{mine, AskRestart{ID: id, From: clientNow}, Forbidden},
		{mine, AnswerRestart{ID: id, Answer: RestartYes, Who: "Dawn"}, BusinessRule},
		{council, AnswerRestart{ID: id, Answer: RestartYes, Who: "Dawn"}, Required},
		{council, AnswerRestart{ID: id, Answer: RestartNotice, Who: "Dawn"}, Required},
		{council, AnswerRestart{ID: id, Answer: RestartNo, Who: "Dawn"}, Required},
		{council, AskRestart{ID: id, From: clientNow.Add(-2 * time.Hour)}, Invalid},
		{council, EndClient{ID: id, Why: EndDied}, Required},
		{trust, TellProvider{Council: "511", Provider: "V1"}, Forbidden},
	} {
		if _, err := Decide(c, x.by, x.cmd, clientNow); KindOf(err) != x.want {
			t.Errorf("%T by %s: %v, want %s", x.cmd, x.by.Org, err, x.want)
		}
	}
	if es, err := Decide(c, council, TellProvider{Council: "511", Provider: "V1"}, clientNow); err != nil || len(es) != 0 {
		t.Errorf("told again by hand: %v %v", dids(es), err)
	}
	es, err := Decide(c, council, AnswerRestart{ID: id, Answer: RestartNo, Text: "No staff", Who: "Dawn"}, clientNow)
	if err != nil {
		t.Fatal(err)
	}
	wantDids(t, es, "V1 answered ", "provider set")
}

func TestARestartIsOfAPathway(t *testing.T) {
	k := Client{Council: "511", Packages: []string{"P1"}}
	for status, want := range map[PackageStatus]string{PackageActive: "0", PackageOnHold: "0", PackageFinished: "1", PackagePlanned: "1"} {
		c := Case{Holdings: []Holding{{Council: "511", Packages: []Package{{Ref: "P1", Status: status}}}}}
		if got := RestartPathway(c, k); got != want {
			t.Errorf("%s: pathway %s, want %s", status, got, want)
		}
	}
}
