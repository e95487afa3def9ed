package hub

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"homeward/care"
	"homeward/connect"
	"homeward/measure"
	"homeward/nhs"
	"homeward/store"
)

// A report is due once on each day that its schedule names, whatever the clocks do, and
// what is next is later than what was latest.
func TestReportSchedule(t *testing.T) {
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		s := ReportSchedule{Every: rapid.SampledFrom([]ReportEvery{EachDay, EachWeek, EachMonth}).Draw(t, "every"), Hour: rapid.IntRange(0, 23).Draw(t, "hour"),
			Weekday: time.Weekday(rapid.IntRange(0, 6).Draw(t, "weekday")), Day: rapid.IntRange(1, 28).Draw(t, "day")}
		from := time.Date(2026, time.Month(rapid.IntRange(1, 12).Draw(t, "month")), rapid.IntRange(1, 28).Draw(t, "on"), rapid.IntRange(0, 23).Draw(t, "at"), 30, 0, 0, time.UTC)
		if l := s.latest(from, zone); l.After(from) || !s.next(l, zone).After(from) {
			t.Fatalf("the latest before %v is %v, and then %v", from, l, s.next(l, zone))
		}
		days := map[nhs.Date]bool{}
		at := from
		for range 40 {
			next := s.next(at, zone)
			if !next.After(at) || s.latest(next, zone) != next || !s.latest(next.Add(-time.Second), zone).Before(next) {
				t.Fatalf("after %v is %v", at, next)
			}
			day := nhs.DateOf(next.In(zone))
			if days[day] {
				t.Fatalf("twice on %v", day)
			}
			if h := next.In(zone).Hour(); h != s.Hour && s.Hour != 1 { // at 1 the clocks go forward
				t.Fatalf("at %v", next.In(zone))
			}
			days[day], at = true, next
		}
		if s.Every == EachDay && len(days) != 40 {
			t.Fatalf("%d days", len(days))
		}
	})
}

func TestReportPeriods(t *testing.T) {
	for p, want := range map[ReportPeriod]string{"yesterday": "2026-03-31 2026-03-31", "last-week": "2026-03-23 2026-03-29", "this-month": "2026-04-01 2026-04-01",
		"last-month": "2026-03-01 2026-03-31", "13w": "2026-01-01 2026-04-01", "this-year": "2026-01-01 2026-04-01", "last-year": "2025-01-01 2025-12-31", "financial-year": "2026-04-01 2026-04-01"} {
		from, to := p.Days(on("2026-04-01"))
		if got := from.String() + " " + to.String(); got != want || !p.Valid() {
			t.Errorf("%s is %s, want %s", p, got, want)
		}
	}
	if from, _ := ReportPeriod("financial-year").Days(on("2026-03-31")); from != on("2025-04-01") {
		t.Errorf("the financial year began on %v", from)
	}
}

// outbox is a place that keeps what comes, or fails.
type outbox struct {
	sync.Mutex
	got  map[string][]string // by name
	fail error
}

func (o *outbox) place(name string, org nhs.ODS) ReportPlace {
	return ReportPlace{Name: name, Title: "The board's folder", Org: org, Send: func(_ context.Context, key, file, kind string, body []byte) error {
		o.Lock()
		defer o.Unlock()
		if o.got == nil {
			o.got = map[string][]string{}
		}
		o.got[file] = append(o.got[file], string(body))
		return o.fail
	}}
}

func (o *outbox) sent() (n int, last string) {
	o.Lock()
	defer o.Unlock()
	for _, bodies := range o.got {
		n += len(bodies)
		last = bodies[len(bodies)-1]
	}
	return n, last
}

func (s *site) delivers(h *Hub) {
	s.Helper()
	for {
		did, _, err := h.DeliverReports(s.ctx())
		s.must(err)
		if !did {
			return
		}
	}
}

func TestReports(t *testing.T) {
	var box outbox
	var mails []string
	onBoth(t, func(t *testing.T, s *site) {
		box, mails = outbox{}, nil
		change := func(c *Config, _ *store.Config) {
			c.Reporting = []ReportPlace{box.place("board", kings), box.place("board", notts)}
			c.PublicURL = "https://homeward.example"
			c.Notices.Mail = func(_ context.Context, to, _, subject, text string) error {
				mails = append(mails, to+"\n"+subject+"\n"+text)
				return nil
			}
		}
		h, twin := s.another(change), s.another(change)
		ana, bob := as(care.Analyst, kings), as(care.Coordinator, kings)
		for _, u := range []care.Actor{ana, bob} {
			s.must(s.PutAccount(s.ctx(), care.Account{ID: u.ID, Login: string(u.ID), Name: u.Name, Grants: []care.Grant{{Role: u.Role, Org: u.Org}}}))
		}
		s.wentHome(1)
		s.wentHome(2)
		s.measured()
		s.set(time.Date(2026, 11, 25, 9, 30, 0, 0, time.UTC)) // a Wednesday
		r := Report{Name: "For the board", Period: "13w", Format: "csv", To: "board", Schedule: ReportSchedule{Every: EachDay, Hour: 7},
			Items: []ReportItem{{Measure: "delay", By: measure.ByWard, Where: map[measure.Dim]string{measure.ByHospital: string(kings)}}}}
		id, err := h.SaveReport(s.ctx(), ana, "", 0, r)
		s.must(err)
		page := func() SavedReport {
			s.Helper()
			v, err := h.Report(s.ctx(), ana, id)
			s.must(err)
			return v
		}

		t.Run("who may", func(t *testing.T) {
			for field, bad := range map[string]func(*Report){"name": func(r *Report) { r.Name = " " }, "items": func(r *Report) { r.Items = nil }, "period": func(r *Report) { r.Period = "ever" },
				"format": func(r *Report) { r.Format = "doc" }, "to": func(r *Report) { r.To = "/etc/passwd" }, "every": func(r *Report) { r.Schedule.Hour = 24 }} {
				x := r
				bad(&x)
				_, err := h.SaveReport(s.ctx(), ana, "", 0, x)
				s.refused(err, care.Invalid, field)
			}
			_, err := h.Report(s.ctx(), bob, id)
			s.refused(err, care.NotFound, "")
			v := page()
			shared := v.Report
			shared.Shared = true
			_, err = h.SaveReport(s.ctx(), ana, id, v.Version, shared)
			s.must(err)
			_, err = h.SaveReport(s.ctx(), ana, id, v.Version, shared)
			s.refused(err, care.Conflict, "")
			if v, err := h.Report(s.ctx(), bob, id); err != nil || v.Mine {
				t.Errorf("a colleague sees %+v, %v", v, err)
			}
			_, err = h.SaveReport(s.ctx(), bob, id, v.Version+1, shared)
			s.refused(err, care.Forbidden, "")
			s.refused(h.DropReport(s.ctx(), bob, id), care.Forbidden, "")
			_, err = h.Report(s.ctx(), as(care.Analyst, other), id)
			s.refused(err, care.NotFound, "")
			_, err = h.Reports(s.ctx(), as(care.SocialWorker, notts))
			s.refused(err, care.Forbidden, "")
			if list, err := h.Reports(s.ctx(), bob); err != nil || len(list) != 1 || list[0].Lines[0].Words == "" {
				t.Errorf("the list is %+v, %v", list, err)
			}
		})
		t.Run("few people", func(t *testing.T) {
			var b bytes.Buffer
			s.must(h.MakeReport(s.ctx(), bob, id, "", &b))
			if text := b.String(); !strings.Contains(text, "fewer than 5") || strings.Contains(text, ",days,0,2,") {
				t.Errorf("2 people are in the file: %s", text)
			}
			b.Reset()
			s.must(h.MakeReport(s.ctx(), bob, id, ReportPage, &b))
			if text := b.String(); !strings.Contains(text, "fewer than 5") || strings.Contains(text, "<script") {
				t.Errorf("the page is %s", text)
			}
		})
		t.Run("once", func(t *testing.T) {
			s.delivers(h)
			if n, _ := box.sent(); n != 0 {
				t.Errorf("%d were delivered before the time", n)
			}
			if due := page().Next; !due.Equal(time.Date(2026, 11, 26, 7, 0, 0, 0, time.UTC)) {
				t.Errorf("it is due at %v", due)
			}
			s.set(time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)) // after three days without service
			var wg sync.WaitGroup
			for _, x := range []*Hub{h, twin, h, twin} {
				wg.Go(func() { s.delivers(x) })
			}
			wg.Wait()
			v := page()
			if n, body := box.sent(); n != 1 || !strings.HasPrefix(body, "measure,title,") {
				t.Errorf("%d were delivered, %.40q", n, body)
			}
			if len(v.Runs) != 1 || v.Runs[0].Problem != "" || !v.Runs[0].Due.Equal(time.Date(2026, 11, 29, 7, 0, 0, 0, time.UTC)) || !v.Next.Equal(time.Date(2026, 11, 30, 7, 0, 0, 0, time.UTC)) {
				t.Errorf("the page says %+v, next %v", v.Runs, v.Next)
			}
		})
		t.Run("again, the same", func(t *testing.T) {
			box.got, box.fail = nil, errors.New("the disk is full")
			s.set(time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC))
			s.delivers(h)
			if v := page(); v.Retry == "" || len(v.Runs) != 1 {
				t.Errorf("the page says %q, %+v", v.Retry, v.Runs)
			}
			s.wentHome(3)
			s.measured()
			s.set(s.clock().Add(time.Hour))
			box.fail = nil
			s.delivers(twin)
			if len(box.got) != 1 {
				t.Errorf("there are files of %d names", len(box.got))
			}
			for _, bodies := range box.got {
				if len(bodies) != 2 || bodies[0] != bodies[1] {
					t.Errorf("the second try sent something else, of %d", len(bodies))
				}
			}
			if v := page(); v.Retry != "" || v.Runs[0].Tries != 2 || v.Runs[0].Problem != "" {
				t.Errorf("the page says %q, %+v", v.Retry, v.Runs[0])
			}
			box.fail = &connect.Refused{Text: "Another file has this file's name."}
			s.set(time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC))
			s.delivers(h)
			if v := page(); v.Runs[0].Problem != "Another file has this file's name." {
				t.Errorf("the page says %+v", v.Runs[0])
			}
		})
		t.Run("by e-mail", func(t *testing.T) {
			v := page()
			x := v.Report
			x.To = ToMail
			_, err := h.SaveReport(s.ctx(), ana, id, v.Version, x)
			s.must(err)
			s.set(time.Date(2026, 12, 2, 8, 0, 0, 0, time.UTC))
			s.delivers(h)
			if v := page(); len(mails) != 0 || !strings.Contains(v.Runs[0].Problem, "not confirmed") {
				t.Errorf("%d mails, %+v", len(mails), v.Runs[0])
			}
			s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
				rec, p, err := h.preferenceOf(tx, ana.ID)
				if err != nil {
					return err
				}
				p.Address, p.Confirmed = "ana@hospital.example", true
				return h.putPreference(tx, rec, p)
			}))
			s.set(time.Date(2026, 12, 3, 8, 0, 0, 0, time.UTC))
			s.delivers(h)
			if len(mails) != 1 || !strings.HasPrefix(mails[0], "ana@hospital.example\n") || !strings.Contains(mails[0], "https://homeward.example/reports/"+id) || strings.Contains(mails[0], "board") {
				t.Errorf("the mails are %q", mails)
			}
			s.must(s.PutAccount(s.ctx(), care.Account{ID: ana.ID, Login: string(ana.ID), Name: ana.Name, Disabled: true, Grants: []care.Grant{{Role: ana.Role, Org: ana.Org}}}))
			s.set(time.Date(2026, 12, 4, 8, 0, 0, 0, time.UTC))
			s.delivers(h)
			if v := page(); len(mails) != 1 || !strings.Contains(v.Runs[0].Problem, "does not work here") {
				t.Errorf("%d mails, %+v", len(mails), v.Runs[0])
			}
			s.must(h.DropReport(s.ctx(), ana, id))
			_, err = h.Report(s.ctx(), ana, id)
			s.refused(err, care.NotFound, "")
			s.set(time.Date(2026, 12, 9, 8, 0, 0, 0, time.UTC))
			s.delivers(h)
		})
	})
}
