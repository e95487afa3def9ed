package hub

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"homeward/care"
	"homeward/form"
	"homeward/internal/pgtest"
	"homeward/pathways"
	"homeward/policy"
	"homeward/store"
)

// testForms are small assessments of our own kinds, so that these tests do not
// depend on what the released ones ask. What a council's conversation with a carer
// says is shared with nobody.
var testForms = map[string]string{
	"hospital-assessment": `owner = "trust"
shares = "assessments"
steps = ["worker", "manager"]`,
	"care-act-assessment": `owner = "council"
shares = "assessments"
steps = ["worker", "manager", "panel"]
panel_when = "costly is Y"
attachments = true`,
	"carer-conversation": `owner = "council"`,
	"trusted-assessment": `shares = "assessments"
steps = ["worker"]`,
}

const assessPages = `
[[pages]]
id = "about"
title = "About the person"
[[pages.fields]]
id = "needs"
label = "What does the person need?"
name = "what the person needs"
kind = "paragraph"
required = true
[[pages.fields]]
id = "costly"
label = "Is it costly?"
name = "whether it is costly"
kind = "yesno"
[[pages.fields]]
id = "postcode"
label = "Postcode"
name = "the postcode"
kind = "postcode"
prefill = "person.postcode"
[[pages.groups]]
id = "goals"
title = "Goals"
item = "goal"
max = 3
[[pages.groups.fields]]
id = "text"
label = "What is the goal?"
name = "the goal"
kind = "text"
`

// assessLibrary is the referral's forms with those of testForms.
func assessLibrary(t testing.TB) *form.Library {
	t.Helper()
	files, sums := fstest.MapFS{}, ""
	add := func(name string, b []byte) {
		files[name] = &fstest.MapFile{Data: b}
		sums += form.Sum(b) + "  " + name + "\n"
	}
	for _, id := range []string{"d2a", "d2a-return", "d2a-withdraw"} {
		names, err := fs.Glob(pathways.Files, id+"/*.toml")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			b, err := pathways.Files.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			add(name, b)
		}
	}
	for id, head := range testForms {
		add(id+"/1.toml", []byte(fmt.Sprintf("id = %q\nversion = 1\ntitle = \"Assessment\"\ndescription = \"Of tests.\"\nstandard = \"None\"\n%s\n%s", id, head, assessPages)))
	}
	files["SUMS"] = &fstest.MapFile{Data: []byte(sums)}
	l, err := form.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// assessed is a site with somebody who was referred to the county.
func assessed(t *testing.T, engine string, change ...func(*Config, *store.Config)) (*site, care.CaseID, care.ReferralID) {
	t.Helper()
	l := assessLibrary(t)
	s := newSite(t, engine, append(change, func(c *Config, _ *store.Config) { c.Forms = l })...)
	p := nobody(1)
	id := s.admit(p)
	now := s.clock()
	s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
		c, err := tx.Case(id)
		if err != nil {
			return err
		}
		_, err = tx.Record(c, care.Cause{Kind: "system"}, now, care.ReferralSent{At: now, Referral: care.Referral{ID: "REF1", From: kings, To: notts, Form: "d2a", FormVersion: 1,
			State: care.RefAccepted, Sent: now, Holder: care.Holder{Org: notts, Since: now}}})
		return err
	}))
	return s, id, "REF1"
}

// colleague is another of the same role and organisation.
func colleague(role care.Role, a care.Actor) care.Actor {
	a.ID, a.Name, a.Role = a.ID+"-2-"+care.ActorID(role), "Q "+role.Say(), role
	return a
}

func only(field string, values ...string) form.Answers { return form.Answers{field: values} }

func TestAnAssessmentIsWrittenApprovedRevisedSignedAndDisputed(t *testing.T) {
	for _, engine := range pgtest.Engines() {
		t.Run(engine, func(t *testing.T) {
			s, id, ref := assessed(t, engine)
			worker, manager := as(care.SocialWorker, notts), as(care.TeamManager, notts)
			panel := colleague(care.TeamManager, manager)
			coord := as(care.Coordinator, kings)
			for _, x := range []care.Actor{worker, manager, panel} {
				s.must(s.PutAccount(s.ctx(), care.Account{ID: x.ID, Login: string(x.ID), Name: x.Name, Grants: []care.Grant{{Role: x.Role, Org: x.Org}}}))
			}
			ctx := s.ctx()
			open := func(by care.Actor, name string) AssessmentView {
				t.Helper()
				v, err := s.Assessment(ctx, by, id, name)
				s.must(err)
				return v
			}
			s.must(s.Allocate(ctx, manager, id, ref, worker.ID, ""))
			name, err := s.StartAssessment(ctx, worker, id, ref, "care-act-assessment", false)
			s.must(err)
			if r := s.read(id).Referrals[0]; r.State != care.RefAssessing || r.Holder.Next == "Begin the assessment" {
				t.Errorf("with an assessment begun the referral is %s, next %q", r.State, r.Holder.Next)
			}
			again, err := s.StartAssessment(ctx, worker, id, ref, "care-act-assessment", false)
			s.refused(err, care.Duplicate, "")
			if again != name {
				t.Errorf("the one that is open is %q, told %q", name, again)
			}
			_, err = s.StartAssessment(ctx, worker, id, ref, "hospital-assessment", false)
			s.refused(err, care.Invalid, "form")
			_, err = s.Assessment(ctx, coord, id, name)
			s.refused(err, care.NotFound, "") // what another organisation writes is not there
			v := open(worker, name)
			if v.Answers.Get("postcode") != "ZZ99 3AA" || v.Known["person.postcode"].From == "" {
				t.Errorf("filled with %v, from %v", v.Answers, v.Known["person.postcode"])
			}
			s.refused(s.SubmitAssessment(ctx, worker, id, name, v.Seat.Version), care.Required, "needs")
			keep := func(by care.Actor, seat Seat, a form.Answers) []EditConflict {
				t.Helper()
				cs, err := s.SaveAssessment(ctx, by, id, name, seat, a)
				s.must(err)
				return cs
			}
			keep(worker, v.Seat, only("needs", "Help to wash"))
			keep(worker, v.Seat, only("costly", "Y"))
			keep(worker, v.Seat, form.Answers{"goals": {}, "goals.1.text": {"To walk to the shop"}})
			v = open(worker, name)
			s.must(s.SubmitAssessment(ctx, worker, id, name, v.Seat.Version))
			s.must(s.SubmitAssessment(ctx, worker, id, name, v.Seat.Version)) // a second click
			s.wants(manager, "sent for approval", "An assessment waits for your approval")
			s.wants(worker, "their own doing")
			_, err = s.SaveAssessment(ctx, worker, id, name, v.Seat, only("needs", "More"))
			s.refused(err, care.BusinessRule, "")
			s.refused(s.ApproveAssessment(ctx, worker, id, name, 1, form.ByManager, ""), care.Forbidden, "")
			s.must(s.CommentAssessment(ctx, manager, id, name, "needs", "How often?"))
			s.must(s.ReturnAssessment(ctx, manager, id, name, 1, "Nearly there"))
			v = open(worker, name)
			if v.State != AssessReturned || len(v.Comments) != 2 || v.Comments[0].Field != "needs" || len(v.Approvals) != 0 {
				t.Fatalf("returned as %s with %+v", v.State, v.Comments)
			}
			s.wants(worker, "returned", "An assessment that you wrote was returned with comments")
			keep(worker, v.Seat, only("needs", "Help to wash, twice a day"))
			s.must(s.SubmitAssessment(ctx, worker, id, name, v.Seat.Version))
			s.refused(s.ApproveAssessment(ctx, manager, id, name, 1, form.ByManager, ""), care.Conflict, "") // read before it was returned
			s.must(s.ApproveAssessment(ctx, manager, id, name, 2, form.ByManager, "Good"))
			s.refused(s.ApproveAssessment(ctx, manager, id, name, 2, form.ByPanel, ""), care.Forbidden, "")
			if len(s.read(id).Papers) != 0 {
				t.Fatal("it was shared before the panel agreed")
			}
			s.must(s.ApproveAssessment(ctx, panel, id, name, 2, form.ByPanel, ""))
			s.must(s.ApproveAssessment(ctx, panel, id, name, 2, form.ByPanel, "")) // a second click
			s.wants(worker, "approved", "An assessment that you wrote was approved x2")
			p := s.read(id).Papers[0]
			if p.Revision != 1 || p.By.Org != notts || len(p.Approvals) != 3 || p.Answers.Get("goals.1.text") == "" || p.Answers.Get("postcode") == "" {
				t.Fatalf("shared as %+v", p)
			}
			s.revise(t, id, p.ID, worker, manager, coord)
			s.trusted(t, id, ref, worker)
			s.conversation(t, id, ref, worker, coord)
		})
	}
}

// revise changes an approved assessment, with a panel no more, and compares the two.
func (s *site) revise(t *testing.T, id care.CaseID, paper string, worker, manager, coord care.Actor) {
	ctx := s.ctx()
	name, err := s.ReviseAssessment(ctx, worker, id, paper)
	s.must(err)
	if again, err := s.ReviseAssessment(ctx, manager, id, paper); err != nil || again != name {
		t.Errorf("a second revision at once: %q, %v", again, err)
	}
	v, err := s.Assessment(ctx, worker, id, name)
	s.must(err)
	_, err = s.SaveAssessment(ctx, worker, id, name, v.Seat, form.Answers{"costly": {"N"}, "goals": {}})
	s.must(err)
	s.must(s.SubmitAssessment(ctx, worker, id, name, v.Seat.Version))
	s.must(s.ApproveAssessment(ctx, manager, id, name, 1, form.ByManager, ""))
	r, err := s.PaperRevisions(ctx, coord, id, paper)
	s.must(err)
	if len(r.Revisions) != 2 || r.Paper.Revision != 2 || r.MayWrite || len(r.Paper.Items) == 0 {
		t.Fatalf("the hospital reads %+v", r.Revisions)
	}
	got := fmt.Sprint(CompareAnswers(r.Form, r.Revisions[0].Answers, r.Form, r.Revisions[1].Answers))
	if want := "[{Is it costly? Yes No} {Goal 1: what is the goal? To walk to the shop }]"; got != want {
		t.Errorf("changed %s, want %s", got, want)
	}
}

// trusted is a trusted assessment that a provider disputes, and then signs.
func (s *site) trusted(t *testing.T, id care.CaseID, ref care.ReferralID, worker care.Actor) {
	ctx := s.ctx()
	name := s.written(t, id, ref, "trusted-assessment", worker)
	code := care.ProviderCode(notts, "p1")
	provider := care.Actor{ID: "pro", Name: "Jo", Role: care.CareProvider, Org: code, OrgName: "Bluebell", OrgKind: care.ProviderOrg}
	dispute := care.Sign{Provider: "p1", Who: "Jo", Disputed: true, Text: "She cannot stand"}
	s.refused(s.SignAssessment(ctx, provider, id, name, 1, dispute), care.Forbidden, "") // nobody told them of her
	now := s.clock()
	s.must(s.Store.Update(ctx, func(tx *store.Tx) error {
		c, err := tx.Case(id)
		if err != nil {
			return err
		}
		_, err = tx.Record(c, care.Cause{Kind: "system"}, now, care.ClientChanged{At: now, Did: care.ClientTold, Client: care.Client{ID: "cl", Council: notts, Provider: "p1",
			ProviderName: "Bluebell", Hospital: kings, Told: now}})
		return err
	}))
	other := dispute
	other.Provider = "p2"
	s.refused(s.SignAssessment(ctx, provider, id, name, 1, other), care.Forbidden, "") // in another's name
	s.must(s.SignAssessment(ctx, provider, id, name, 1, dispute))
	tasks := s.read(id).Tasks
	if len(tasks) != 1 || tasks[0].Owner.Who.ID != worker.ID {
		t.Errorf("a dispute made the tasks %+v", tasks)
	}
	s.must(s.SettleSign(ctx, worker, id, name, "p1", "Two carers"))
	s.must(s.RecordSign(ctx, worker, id, name, 1, care.Sign{Provider: "p1", Who: "Jo"}))
	s.refused(s.RecordSign(ctx, worker, id, name, 1, care.Sign{Provider: "p9", Who: "Jo"}), care.Invalid, "provider")
	for _, p := range s.read(id).Papers {
		if p.ID == name && (len(p.Signs) != 1 || p.Signs[0].Disputed || p.Signs[0].Name != "Bluebell") {
			t.Errorf("signed as %+v", p.Signs)
		}
	}
}

// written is a form that is written and sent by one worker, and gives its name.
func (s *site) written(t *testing.T, id care.CaseID, ref care.ReferralID, formID string, worker care.Actor) string {
	t.Helper()
	name, err := s.StartAssessment(s.ctx(), worker, id, ref, formID, false)
	s.must(err)
	v, err := s.Assessment(s.ctx(), worker, id, name)
	s.must(err)
	_, err = s.SaveAssessment(s.ctx(), worker, id, name, v.Seat, only("needs", "Help"))
	s.must(err)
	s.must(s.SubmitAssessment(s.ctx(), worker, id, name, v.Seat.Version))
	return name
}

// conversation is what is shared with nobody: it is not in what the hospital sees.
func (s *site) conversation(t *testing.T, id care.CaseID, ref care.ReferralID, worker, coord care.Actor) {
	kinds := func(by care.Actor) (out []string) {
		v := s.open(by, id)
		for _, p := range v.Papers {
			out = append(out, string(p.Kind))
		}
		for _, x := range v.Timeline {
			if x.Kind == "paper" {
				out = append(out, x.Title)
			}
		}
		return out
	}
	before := kinds(coord)
	name := s.written(t, id, ref, "carer-conversation", worker)
	if after := kinds(coord); !slices.Equal(before, after) {
		t.Errorf("the hospital saw %v, and after a carer's conversation %v", before, after)
	}
	if own := kinds(worker); !slices.Contains(own, "carer-conversation") || !slices.Contains(own, "Carer's conversation approved") {
		t.Errorf("the council sees %v", own)
	}
	_, err := s.PaperRevisions(s.ctx(), coord, id, name)
	s.refused(err, care.Forbidden, "")
}

func TestTwoWhoWriteOneAssessmentSeeEachOther(t *testing.T) {
	for _, engine := range pgtest.Engines() {
		t.Run(engine, func(t *testing.T) {
			s, id, ref := assessed(t, engine)
			ctx := s.ctx()
			a, b := as(care.SocialWorker, notts), colleague(care.SocialWorker, as(care.SocialWorker, notts))
			name, err := s.StartAssessment(ctx, a, id, ref, "care-act-assessment", false)
			s.must(err)
			view := func(by care.Actor) AssessmentView {
				t.Helper()
				v, err := s.Assessment(ctx, by, id, name)
				s.must(err)
				return v
			}
			save := func(by care.Actor, seat Seat, answers form.Answers) []EditConflict {
				t.Helper()
				cs, err := s.SaveAssessment(ctx, by, id, name, seat, answers)
				s.must(err)
				return cs
			}
			va, vb := view(a), view(b)
			if len(vb.Others) != 1 || vb.Others[0].Who.ID != a.ID {
				t.Errorf("the second sees that %v have it open", vb.Others)
			}
			for _, text := range []string{"H", "He", "Help"} { // autosaved as it is typed: no conflict with oneself
				if cs := save(a, va.Seat, form.Answers{"needs": {text}, "costly": nil}); len(cs) != 0 {
					t.Fatalf("%q conflicts with itself: %+v", text, cs)
				}
			}
			// The other changed another field: both stand.
			if cs := save(b, vb.Seat, form.Answers{"needs": nil, "costly": {"Y"}}); len(cs) != 0 {
				t.Fatalf("conflicts %+v", cs)
			}
			if v := view(a); v.Answers.Get("needs") != "Help" || v.Answers.Get("costly") != "Y" {
				t.Fatalf("kept %v", v.Answers)
			}
			// The same field: the second sees the first one's, and nothing is lost.
			s.pass(time.Minute)
			cs := save(b, vb.Seat, form.Answers{"needs": {"Mine"}, "costly": {"N"}})
			if len(cs) != 1 || cs[0].Field != "needs" || cs[0].By.ID != a.ID || cs[0].Theirs.Get("needs") != "Help" || cs[0].Mine.Get("needs") != "Mine" {
				t.Fatalf("conflicts %+v", cs)
			}
			v := view(b)
			if v.Answers.Get("needs") != "Help" || v.Answers.Get("costly") != "N" {
				t.Errorf("kept %v", v.Answers)
			}
			if len(v.Aside) != 1 || v.Aside[0].Answers.Get("needs") != "Mine" || len(view(a).Aside) != 0 {
				t.Errorf("put aside %+v", v.Aside)
			}
			// Now it is said knowingly; and the first one's page is the old one.
			if cs := save(b, v.Seat, only("needs", "Mine")); len(cs) != 0 || len(view(b).Aside) != 0 {
				t.Errorf("conflicts %+v, aside %+v", cs, view(b).Aside)
			}
			if cs := save(a, va.Seat, only("needs", "Help")); len(cs) != 0 || view(a).Answers.Get("needs") != "Mine" {
				t.Errorf("a page that changed nothing took the other's change back: %+v", cs)
			}
			s.groupsMeet(t, id, name, a, b)
			// Another of the team goes on with it; another organisation's cannot.
			s.must(s.TakeOverAssessment(ctx, b, id, name))
			if v := view(a); v.Writer.ID != b.ID || len(v.Handed) != 1 {
				t.Errorf("written by %v after %v", v.Writer, v.Handed)
			}
			list := func(by care.Actor, which string) int {
				items, err := s.Assessments(ctx, by, which)
				s.must(err)
				return len(items)
			}
			if list(a, "mine") != 0 || list(b, "mine") != 1 || list(a, "team") != 1 || list(as(care.Coordinator, kings), "team") != 0 {
				t.Error("the lists are wrong")
			}
			s.refused(s.TakeOverAssessment(ctx, as(care.SocialWorker, city), id, name), care.Forbidden, "")
			s.must(s.DropAssessment(ctx, b, id, name))
			if list(b, "mine") != 0 {
				t.Error("a dropped assessment is still listed")
			}
		})
	}
}

// groupsMeet has two change the items of one group.
func (s *site) groupsMeet(t *testing.T, id care.CaseID, name string, a, b care.Actor) {
	t.Helper()
	va, err := s.Assessment(s.ctx(), a, id, name)
	s.must(err)
	vb, err := s.Assessment(s.ctx(), b, id, name)
	s.must(err)
	cs, err := s.SaveAssessment(s.ctx(), a, id, name, va.Seat, form.Answers{"goals": {}, "goals.1.text": {"Shop"}, "goals.2.text": {}})
	s.must(err)
	if v, _ := s.Assessment(s.ctx(), a, id, name); len(cs) != 0 || v.Form.Items(v.Answers, "goals") != 2 {
		t.Errorf("an item that was added is lost: %v", v.Answers)
	}
	cs, err = s.SaveAssessment(s.ctx(), b, id, name, vb.Seat, form.Answers{"goals": {}, "goals.1.text": {"Church"}})
	s.must(err)
	if len(cs) != 1 || cs[0].Field != "goals" || cs[0].Theirs.Get("goals.1.text") != "Shop" {
		t.Errorf("two changed a group: %+v", cs)
	}
}

// eicar is the file that every virus scanner finds, in two parts, so that none
// finds it here (https://www.eicar.org/download-anti-malware-testfile/).
var eicar = []byte(`X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-` + `ANTIVIRUS-TEST-FILE!$H+H*`)

func TestFilesAreScannedKeptAndGiven(t *testing.T) {
	for _, engine := range pgtest.Engines() {
		t.Run(engine, func(t *testing.T) {
			down := false
			s, id, ref := assessed(t, engine, func(c *Config, _ *store.Config) {
				c.Attachments = Attachments{MaxBytes: 1000, MaxFiles: 3, Scan: func(_ context.Context, b []byte) (bool, error) {
					if down {
						return false, fmt.Errorf("the scanner is down")
					}
					return strings.Contains(string(b), "EICAR"), nil
				}}
			})
			ctx, by := s.ctx(), as(care.SocialWorker, notts)
			name, err := s.StartAssessment(ctx, by, id, ref, "care-act-assessment", false)
			s.must(err)
			attach := func(filename string, b []byte) error { return s.AttachFile(ctx, by, id, name, filename, b) }
			s.refused(attach("a.html", []byte("<script>alert(1)</script>")), care.Invalid, "file")
			s.refused(attach("a.txt", nil), care.Invalid, "file")
			s.refused(attach("a.txt", []byte(strings.Repeat("x", 1001))), care.Invalid, "file")
			s.refused(attach("a.txt", eicar), care.Invalid, "file")
			s.refused(s.AttachFile(ctx, as(care.SocialWorker, city), id, name, "a.txt", []byte("a")), care.Forbidden, "")
			s.must(attach(`..\..\letter "x".txt`, []byte("A letter")))
			s.must(attach("twice.txt", []byte("A letter")))
			down = true
			s.must(attach("late.txt", []byte("Another letter")))
			s.must(attach("bad.txt", append([]byte("Late "), eicar...)))
			s.refused(attach("fourth.txt", []byte("One more")), care.Invalid, "file")
			files := func() []FileView {
				t.Helper()
				v, err := s.Assessment(ctx, by, id, name)
				s.must(err)
				return v.Files
			}
			fs := files()
			if len(fs) != 3 || fs[0].State != FileClean || fs[0].Name != "letter x.txt" || fs[1].State != FileWaiting || fs[0].Type != "text/plain" {
				t.Fatalf("kept %+v", fs)
			}
			_, _, err = s.DownloadFile(ctx, by, id, fs[1].ID)
			s.refused(err, care.BusinessRule, "")
			if s.ScanWaiting(ctx) == nil {
				t.Error("a scanner that is down scanned")
			}
			down = false
			s.must(s.ScanWaiting(ctx))
			if fs = files(); fs[1].State != FileClean || fs[2].State != FileRemoved {
				t.Errorf("after the scan %+v", fs)
			}
			rows := s.audits(func() {
				f, b, err := s.DownloadFile(ctx, by, id, fs[1].ID)
				s.must(err)
				if string(b) != "Another letter" || f.Name != "late.txt" {
					t.Errorf("gave %q as %q", b, f.Name)
				}
			})
			if len(rows) != 1 || rows[0].Action != string(policy.SeeAssessments) || !rows[0].Allowed {
				t.Errorf("a download was audited as %+v", rows)
			}
			coord := as(care.Coordinator, kings)
			_, _, err = s.DownloadFile(ctx, coord, id, fs[1].ID)
			s.refused(err, care.Forbidden, "") // it is not shared yet
			s.must(s.RemoveFile(ctx, by, id, name, fs[2].ID))
			v, err := s.Assessment(ctx, by, id, name)
			s.must(err)
			_, err = s.SaveAssessment(ctx, by, id, name, v.Seat, only("needs", "Help"))
			s.must(err)
			s.must(s.SubmitAssessment(ctx, by, id, name, v.Seat.Version))
			s.must(s.ApproveAssessment(ctx, as(care.TeamManager, notts), id, name, 1, form.ByManager, ""))
			_, b, err := s.DownloadFile(ctx, coord, id, fs[1].ID)
			if s.must(err); string(b) != "Another letter" {
				t.Errorf("the hospital got %q", b)
			}
			// A revision without the file leaves it to the one before.
			next, err := s.ReviseAssessment(ctx, by, id, name)
			s.must(err)
			s.must(s.RemoveFile(ctx, by, id, next, fs[1].ID))
			_, _, err = s.DownloadFile(ctx, coord, id, fs[1].ID)
			s.must(err)
		})
	}
}

func TestFilesAreWhatTheirBytesSay(t *testing.T) {
	for want, samples := range map[string][]string{
		"application/pdf": {"%PDF-1.7\n"}, "image/png": {"\x89PNG\r\n\x1a\nx"}, "image/jpeg": {"\xff\xd8\xff\xe0x"}, "text/plain": {"Hello\r\n", "Zoë", "a < b"},
		"": {"<!DOCTYPE html>", "  <svg>", "MZ\x90\x00", "GIF89a\x01", "PK\x03\x04 not a package", "\x00", "a\xff"},
	} {
		for _, b := range samples {
			if got := fileType([]byte(b)); got != want {
				t.Errorf("%q is %q, want %q", b, got, want)
			}
		}
	}
	docx := zipped(t, "[Content_Types].xml", "", "word/document.xml", "")
	odt := zipped(t, "mimetype", "application/vnd.oasis.opendocument.text", "content.xml", "")
	for got, want := range map[string]string{
		fileType(docx): "application/vnd.openxmlformats-officedocument.wordprocessingml.document", fileType(odt): "application/vnd.oasis.opendocument.text",
		"macros:" + fileType(zipped(t, "[Content_Types].xml", "", "word/document.xml", "", "word/vbaProject.bin", "x")): "macros:",
		"sheet:" + fileType(zipped(t, "mimetype", "application/vnd.oasis.opendocument.spreadsheet", "content.xml", "")): "sheet:",
		"zip:" + fileType(zipped(t, "a.txt", "x")): "zip:",
	} {
		if got != want {
			t.Errorf("found %q, want %q", got, want)
		}
	}
	for in, want := range map[string]string{`C:\a\b.pdf`: "b.pdf", "../../etc/x": "x", "": "File", "a\u202efdp.exe": "afdp.exe", "a\r\nb": "ab"} {
		if got := fileName(in); got != want {
			t.Errorf("%q is called %q, want %q", in, got, want)
		}
	}
}

// zipped is a package of files: names and contents, one after another.
func zipped(t *testing.T, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i+1 < len(files); i += 2 {
		w, err := z.Create(files[i])
		if err == nil {
			_, err = w.Write([]byte(files[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
