package hub

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"homeward/care"
	"homeward/extract"
	"homeward/form"
	"homeward/hl7"
	"homeward/internal/pgtest"
	"homeward/nhs"
	"homeward/pathways"
	"homeward/policies"
	"homeward/policy"
	"homeward/sharing"
	"homeward/store"
	"homeward/translate"
)

// The organisations of every test.
const (
	kings  nhs.ODS = "RK5"
	other  nhs.ODS = "RX1"
	notts  nhs.ODS = "511"
	city   nhs.ODS = "512"
	system nhs.ODS = "HW1"
)

// morning is when tests begin: a Tuesday, 9:00 in London.
var morning = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

// site is a hub on a real store, with a clock that tests set.
type site struct {
	testing.TB
	*Hub
	url     string
	now     atomic.Int64
	control atomic.Int64
}

// onBoth runs a test on SQLite and on PostgreSQL.
func onBoth(t *testing.T, f func(t *testing.T, s *site)) {
	for _, engine := range pgtest.Engines() {
		t.Run(engine, func(t *testing.T) { f(t, newSite(t, engine)) })
	}
}

func newSite(t testing.TB, engine string, change ...func(*Config, *store.Config)) *site {
	t.Helper()
	s := bare(t, engine, change...)
	s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error { return tx.PutAgreement(everything()) }))
	return s
}

// bare is a site at which nothing is agreed.
func bare(t testing.TB, engine string, change ...func(*Config, *store.Config)) *site {
	t.Helper()
	s := &site{TB: t, url: filepath.Join(t.TempDir(), "homeward.db")}
	if engine == "postgres" {
		s.url = pgtest.Start(t)
	}
	s.set(morning)
	s.Hub = s.another(change...)
	return s
}

// onBothBare is onBoth for a site at which nothing is agreed.
func onBothBare(t *testing.T, f func(t *testing.T, s *site)) {
	for _, engine := range pgtest.Engines() {
		t.Run(engine, func(t *testing.T) { f(t, bare(t, engine)) })
	}
}

// everything is an agreement by which every hospital and every council of the
// tests share all that they hold.
func everything() sharing.Agreement {
	day := func(y int) nhs.Date { return nhs.DateOf(time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC)) }
	a := sharing.Agreement{ID: "everything", Version: 1, Title: "Everything", Purpose: "Tests", Basis: "Tests", DPIA: "T-1", Owner: "Tests", Contact: "01632 960000",
		From: day(2020), To: day(2040), Status: sharing.Agreed, Changes: []sharing.Change{{At: morning.AddDate(-1, 0, 0), By: "operator", Who: "Tests", Did: "imported"}}}
	for _, trust := range []nhs.ODS{kings, other} {
		for _, council := range []nhs.ODS{notts, city} {
			a.Flows = append(a.Flows, sharing.Flow{From: trust, To: council, Sections: sharing.Sections()}, sharing.Flow{From: council, To: trust, Sections: sharing.Sections()})
		}
	}
	for _, o := range []nhs.ODS{kings, other, notts, city} {
		a.Parties = append(a.Parties, sharing.Party{ODS: o, Name: string(o)})
		a.Signatories = append(a.Signatories, sharing.Signatory{Name: "Ola Invented", Role: "Caldicott Guardian", ODS: o, On: day(2020)})
	}
	return a
}

// keyOfTests is what encrypts the databases of all tests of this process.
var keyOfTests = sync.OnceValues(func() ([]store.MasterKey, error) { return []store.MasterKey{store.NewMasterKey()}, nil })

// agreedNow is what flows at the time of the test.
func (s *site) agreedNow() (g *accord) {
	s.Helper()
	s.view(func(tx *store.Tx) (err error) { g, err = s.terms(tx, s.clock()); return err })
	return g
}

// another is a hub of another process on the same database.
func (s *site) another(change ...func(*Config, *store.Config)) *Hub {
	s.Helper()
	sc := store.Config{URL: s.url, Clock: s.clock, Row: care.RowOf, Keys: keyOfTests}
	hc := s.config()
	for _, f := range change {
		f(&hc, &sc)
	}
	db, err := store.Open(context.Background(), sc)
	s.must(err)
	s.Cleanup(func() { db.Close() })
	_, err = db.Migrate(context.Background())
	s.must(err)
	hc.Store = db
	h, err := New(hc)
	s.must(err)
	return h
}

var released = sync.OnceValues(func() (*policy.Set, error) {
	rules, err := policies.Files.ReadFile("sharing.cedar")
	schema, err2 := policies.Files.ReadFile("sharing.cedarschema")
	if err := errors.Join(err, err2); err != nil {
		return nil, err
	}
	return policy.Load(rules, schema)
})

func (s *site) config() Config {
	set, err := released()
	s.must(err)
	forms, err := form.Load(pathways.Files)
	s.must(err)
	zone, err := time.LoadLocation("Europe/London")
	s.must(err)
	g, err := ReadGazetteer(strings.NewReader("uprn,postcode,council\n" +
		"10000000101,ZZ99 3AA,511\n,ZZ99 3AB,512\n,ZZ99 3CC,511\n,ZZ99 3CC,512\n,ZZ99 3DD,599\n"))
	s.must(err)
	feed := func(name, title string, org nhs.ODS) Feed {
		return Feed{Quiet: Quiet{Day: 20 * time.Minute, Night: 2 * time.Hour}, Profile: translate.Profile{Feed: name, Title: title, Org: org, Zone: zone,
			Wards: map[string]string{"W12": "Ward 12", "W31": "Ward 31"}}}
	}
	return Config{Policies: set, Forms: forms, Clock: s.clock, Zone: zone, Gazetteer: g,
		Orgs: []care.Org{
			{ODS: kings, Name: "King's Mill", Kind: care.Trust, Phone: "01632 960300"},
			{ODS: other, Name: "Queen's", Kind: care.Trust, Phone: "01632 960310"},
			{ODS: notts, Name: "Nottinghamshire", Kind: care.Council, Phone: "01632 960100", OutOfHours: "01632 960101"},
			{ODS: city, Name: "Testington", Kind: care.Council, Phone: "01632 960200"},
			{ODS: system, Name: "Homeward", Kind: care.System},
		},
		Feeds: []Feed{feed("kmh", "King's Mill EPR", kings), feed("qmc", "Queen's PAS", other)},
		Councils: []CouncilFeed{
			{Name: "mosaic", Title: "Mosaic", Council: notts, Quiet: Quiet{Day: 2 * time.Hour, Night: 26 * time.Hour}},
			{Name: "liquid", Title: "Liquidlogic", Council: city, Quiet: Quiet{Day: 2 * time.Hour, Night: 26 * time.Hour}},
		}}
}

func (s *site) clock() time.Time             { return time.UnixMicro(s.now.Load()).UTC() }
func (s *site) set(t time.Time)              { s.now.Store(t.UnixMicro()) }
func (s *site) pass(d time.Duration)         { s.now.Add(d.Microseconds()) }
func (s *site) ctx() context.Context         { return context.Background() }
func (s *site) view(f func(*store.Tx) error) { s.Helper(); s.must(s.Store.View(s.ctx(), f)) }

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// refused wants an error of a kind, and of a field when one is named.
func (s *site) refused(err error, kind care.Kind, field string) {
	s.Helper()
	var e *care.Error
	if !errors.As(err, &e) {
		s.Fatalf("wanted a refusal of kind %s, got %v", kind, err)
	}
	if e.Kind != kind || field != "" && e.Field != field {
		s.Fatalf("wanted a refusal of kind %s field %q, got %s %q: %s", kind, field, e.Kind, e.Field, e.Text)
	}
}

// as is somebody of an organisation in a role.
func as(role care.Role, org nhs.ODS) care.Actor {
	a := care.Actor{ID: care.ActorID(string(role) + "-" + string(org)), Name: "P " + role.Say(), Role: role, Org: org, OrgKind: care.Council, Address: "192.0.2.1"}
	switch org {
	case kings, other:
		a.OrgKind = care.Trust
	case system:
		a.OrgKind = care.System
	}
	return a
}

// somebody is an invented person.
type somebody struct {
	nhs                            nhs.Number
	mrn, family, given, born, post string
	trace                          string
	sensitive, noNumber            bool
}

// numbers are invented NHS numbers, each of which is another: nhs.Test gives
// some twice.
var numbers = sync.OnceValue(func() (out []nhs.Number) {
	seen := map[nhs.Number]bool{}
	for i := 0; len(out) < 30_000; i++ {
		if n := nhs.Test(i); !seen[n] {
			seen[n] = true
			out = append(out, n)
		}
	}
	return out
})

// nobody makes the n-th invented person, an adult in the area of council 511.
func nobody(n int) somebody {
	letters := string([]rune{rune('a' + n/676%26), rune('a' + n/26%26), rune('a' + n%26)})
	return somebody{nhs: numbers()[n], mrn: fmt.Sprintf("M%06d", n), family: "Quill" + letters, given: "Edna", born: "19380402", post: "ZZ99 3AA", trace: "NSTS01"}
}

func (p somebody) birth() nhs.Date {
	d, err := nhs.ParseDate(p.born[:4] + "-" + p.born[4:6] + "-" + p.born[6:])
	if err != nil {
		panic(err)
	}
	return d
}

// says is one message of a hospital. at is when it happened; zero: now.
type says struct {
	event   string
	p       somebody
	at      time.Time
	control string // "": the next
	class   string // "": I
	ward    string // "" tells no place; a bed may follow a slash
	visit   string
	more    map[string]string // such as PV2-9, ZU1-22
}

func (s *site) bytes(org nhs.ODS, m says) []byte {
	at := m.at
	if at.IsZero() {
		at = s.clock()
	}
	if m.control == "" {
		m.control = fmt.Sprintf("C%d", s.control.Add(1))
	}
	stamp := at.In(s.Zone).Format("20060102150405")
	segs := map[string]map[int]string{"PID": {1: "1"}, "PV1": {1: "1", 2: "I"}}
	put := func(seg string, n int, v string) {
		if v == "" {
			return
		}
		if segs[seg] == nil {
			segs[seg] = map[int]string{}
		}
		segs[seg][n] = v
	}
	var ids []string
	if !m.p.nhs.IsZero() && !m.p.noNumber {
		ids = append(ids, m.p.nhs.Digits()+"^^^NHS^NH")
	}
	if m.p.mrn != "" {
		ids = append(ids, m.p.mrn+"^^^"+string(org)+"^MR")
	}
	put("PID", 3, strings.Join(ids, "~"))
	put("PID", 5, m.p.family+"^"+m.p.given+"^^^Mrs^^L")
	put("PID", 7, m.p.born)
	put("PID", 8, "2")
	put("PID", 11, "4 Mill Lane^Testington^^^"+m.p.post+"^GBR^H")
	put("PID", 32, m.p.trace)
	put("PD1", 3, "MEADOW SURGERY^^C89999")
	put("PV1", 2, m.class)
	if m.ward != "" {
		ward, bed, _ := strings.Cut(m.ward, "/")
		put("PV1", 3, ward+"^B1^"+bed+"^"+string(org))
	}
	if m.p.sensitive {
		put("PV1", 16, "Y")
	}
	put("PV1", 19, m.visit)
	for k, v := range m.more {
		seg, n, _ := strings.Cut(k, "-")
		var i int
		fmt.Sscan(n, &i)
		put(seg, i, v)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "MSH|^~\\&|EPR|%s|HW|511|%s||ADT^%s|%s|P|2.4\rEVN|%s|%s||||%s\r", org, stamp, m.event, m.control, m.event, stamp, stamp)
	for _, seg := range []string{"PID", "PD1", "MRG", "PV1", "PV2", "ZU1"} {
		if f := segs[seg]; f != nil {
			b.WriteString(seg)
			last := 0
			for n := range f {
				last = max(last, n)
			}
			for n := 1; n <= last; n++ {
				b.WriteString("|" + f[n])
			}
			b.WriteString("\r")
		}
	}
	return []byte(b.String())
}

func orgOf(feed string) nhs.ODS {
	if feed == "qmc" {
		return other
	}
	return kings
}

// send has a feed send messages; every one is acknowledged as kept.
func (s *site) send(feed string, ms ...says) {
	s.Helper()
	for _, m := range ms {
		s.acked(s.Receive(s.ctx(), feed, "test", s.bytes(orgOf(feed), m)), "AA")
	}
}

func (s *site) acked(ack []byte, want string) {
	s.Helper()
	m, err := hl7.Parse(ack)
	s.must(err)
	for seg := range m.All() {
		if string(seg.Raw()[:3]) == "MSA" {
			if got := seg.Field(1).String(); got != want {
				s.Fatalf("answered %s, want %s: %q", got, want, ack)
			}
			return
		}
	}
	s.Fatalf("an answer without MSA: %q", ack)
}

// hear sends and reads until nothing waits.
func (s *site) hear(feed string, ms ...says) {
	s.Helper()
	s.send(feed, ms...)
	s.readAll(feed)
}

func (s *site) readAll(feed string) {
	s.Helper()
	for {
		n, err := s.Read(s.ctx(), feed)
		s.must(err)
		if n == 0 {
			return
		}
	}
}

// admit is an A01 of somebody in a bed of ward 12 at King's Mill, half an hour ago.
func (s *site) admit(p somebody) care.CaseID {
	s.Helper()
	s.hear("kmh", says{event: "A01", p: p, ward: "W12/4", visit: "V" + p.mrn, at: s.clock().Add(-30 * time.Minute)})
	return s.find(kings, p.mrn).ID
}

// find reads the case that a hospital knows by a number.
func (s *site) find(org nhs.ODS, mrn string) (c care.Case) {
	s.Helper()
	s.view(func(tx *store.Tx) error {
		id, err := tx.FindID(care.Identifier{System: "mrn:" + string(org), Value: mrn})
		if err != nil || id == "" {
			return err
		}
		c, err = tx.Case(id)
		return err
	})
	if c.ID == "" {
		s.Fatal("nobody has this hospital number")
	}
	return c
}

func (s *site) read(id care.CaseID) (c care.Case) {
	s.Helper()
	s.view(func(tx *store.Tx) (err error) { c, err = tx.Case(id); return err })
	return c
}

// history is the names of what happened to a case.
func (s *site) history(id care.CaseID) (names []string) {
	s.Helper()
	s.view(func(tx *store.Tx) error {
		es, err := tx.History(id)
		for _, e := range es {
			names = append(names, strings.TrimPrefix(fmt.Sprintf("%T", e.Event), "care."))
		}
		return err
	})
	return names
}

func (s *site) seq() (n int64) {
	s.view(func(tx *store.Tx) (err error) { n, err = tx.Seq(); return err })
	return n
}

// audits is the audit rows that f adds, oldest first.
func (s *site) audits(f func()) []store.Audited {
	s.Helper()
	var before, all []store.Audited
	s.view(func(tx *store.Tx) (err error) { before, err = tx.Audits(store.AuditFilter{Limit: 10000}); return err })
	f()
	s.view(func(tx *store.Tx) (err error) { all, err = tx.Audits(store.AuditFilter{Limit: 10000}); return err })
	var added []store.Audited
	for i := len(all) - len(before) - 1; i >= 0; i-- {
		added = append(added, all[i])
	}
	return added
}

func (s *site) messages(feed string) (ms []store.Message) {
	s.Helper()
	s.view(func(tx *store.Tx) (err error) {
		ms, err = tx.Messages(store.MessageFilter{Feed: feed, Limit: 1000})
		return err
	})
	return ms
}

// held is a person of a council's extract.
type held struct {
	id         string
	p          somebody
	restricted string // yes, no
	concern    string // yes: an open enquiry
	packages   []string
	equipment  []string
}

// packs writes a package as a row wants it: reference, kind, status.
func pack(ref, kind, status string) string {
	return ref + ",%s," + kind + ",\"Home care, 4 calls a day\"," + status + ",2025-06-01,,V1,Council"
}

// folder is an extract.
func folder(council nhs.ODS, kind string, asAt time.Time, people ...held) fstest.MapFS {
	files := map[string]*strings.Builder{}
	rows := map[string]int{}
	row := func(table, text string) {
		files[table].WriteString(text + "\n")
		rows[table]++
	}
	for table, head := range map[string]string{
		"people":       "person_id,nhs_number,title,given,family,preferred,born,sex,address1,address2,address3,address4,postcode,uprn,phone,phone_type,died,restricted,team_id,worker,language",
		"packages":     "package_id,person_id,kind,title,status,start,end,provider_id,funding",
		"providers":    "provider_id,name,phone,out_of_hours_phone,out_of_hours_hours,email,cqc_location_id,verified",
		"teams":        "team_id,name,phone,out_of_hours_phone",
		"safeguarding": "person_id,open,opened,ended",
		"equipment":    "delivery_id,person_id,title,status,delivered",
	} {
		files[table] = &strings.Builder{}
		files[table].WriteString(head + "\n")
	}
	row("providers", "V1,Linden Home Care,01632 960201,01632 960202,18:00 to 08:00,,,2026-01-12")
	row("teams", "T1,North Locality,01632 960301,01632 960399")
	for _, h := range people {
		number := h.p.nhs.Digits()
		if h.p.noNumber {
			number = ""
		}
		if h.restricted == "" {
			h.restricted = "no"
		}
		row("people", fmt.Sprintf("%s,%s,Mrs,%s,%s,,%s,female,4 Mill Lane,Testington,,,%s,,,,,%s,T1,Sam Okafor,", h.id, number, h.p.given, h.p.family, h.p.birth(), h.p.post, h.restricted))
		for _, k := range h.packages {
			row("packages", strings.Replace(k, "%s", h.id, 1))
		}
		for _, k := range h.equipment {
			row("equipment", k+","+h.id+",Commode,delivered,2025-06-01")
		}
		if h.concern != "" {
			row("safeguarding", h.id+","+h.concern+",2026-01-20,")
		}
	}
	fsys := fstest.MapFS{}
	var m strings.Builder
	fmt.Fprintf(&m, "format = 1\ncouncil = %q\nas_at = %s\nkind = %q\n", council, asAt.Format(time.RFC3339), kind)
	for _, table := range []string{"people", "packages", "providers", "teams", "safeguarding", "equipment"} {
		fmt.Fprintf(&m, "[[files]]\nname = \"%s.csv\"\ntable = %q\nrows = %d\n", table, table, rows[table])
		fsys[table+".csv"] = &fstest.MapFile{Data: []byte(files[table].String())}
	}
	fsys[extract.ManifestName] = &fstest.MapFile{Data: []byte(m.String())}
	return fsys
}

// imported reads an extract as at now and wants it done.
func (s *site) imported(council nhs.ODS, kind string, people ...held) ImportResult {
	s.Helper()
	res := s.extracted(council, kind, people...)
	if res.State != "done" {
		s.Fatalf("the import is %s: %s", res.State, res.Why)
	}
	return res
}

func (s *site) extracted(council nhs.ODS, kind string, people ...held) ImportResult {
	s.Helper()
	layout, err := extract.Builtin("homeward")
	s.must(err)
	res, err := s.Import(s.ctx(), council, s.clock().Format("20060102-150405"), folder(council, kind, s.clock(), people...), layout)
	s.must(err)
	return res
}

// answers are what nobody but a person can say, for a referral that may be sent.
func answers() form.Answers {
	return form.Answers{"edd": {"2026-11-27"}, "person_told": {"Y"}, "carer_told": {"N"}, "care_needs": {"Needs 1 person to help with washing"}, "allergy_status": {"NK"},
		"safeguarding": {"N"}, "consent": {"Y"}, "pathway": {"P1"}, "council_contact": {"Duty team"}, "council_contact_details": {"01632 960100"},
		"council_name": {"Nottinghamshire"}}
}

// refer fills and sends a referral.
func (s *site) refer(by care.Actor, id care.CaseID) ReferralView {
	s.Helper()
	d, err := s.StartReferral(s.ctx(), by, id)
	s.must(err)
	_, err = s.SaveDraft(s.ctx(), by, id, ReferralForm, answers())
	s.must(err)
	r, err := s.Refer(s.ctx(), by, id, d.Key, false)
	s.must(err)
	return r
}
