package api

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/connect"
	"homeward/connect/httpsend"
	outward "homeward/connect/shd"
	"homeward/hub"
)

// TestWhatIsToldBySHDIsTheSameThere sends a day at one site, as its news happen, by
// the connector to the same face of another: both then know the same.
func TestWhatIsToldBySHDIsTheSameThere(t *testing.T) {
	for _, xml := range []bool{false, true} {
		here, there := newFaceSite(t, "sqlite"), newFaceSite(t, "sqlite")
		there.call("GET", shd+"/metadata", "") // gets a token
		secret := filepath.Join(t.TempDir(), "token")
		here.must(os.WriteFile(secret, []byte(there.tokens["kmh-epr"]), 0o600))
		to, err := outward.New(outward.Config{HTTP: httpsend.Config{URL: there.at + shd, Auth: httpsend.Auth{Kind: httpsend.Bearer, SecretFile: secret}}, XML: xml})
		here.must(err)
		council := care.Actor{ID: "system-county-mosaic", Name: "Mosaic", Role: care.Machine, Org: county, OrgKind: care.Council}
		known := ""
		tell := func(kind connect.Kind, at string, of func(care.Case, *connect.News)) {
			t.Helper()
			c := here.stored(edith)
			s, err := here.hub.Show(t.Context(), council, c.ID, hub.ShowRequest{Action: "tell"})
			here.must(err)
			when, err := time.Parse(time.RFC3339, at)
			here.must(err)
			n := connect.News{Key: "5b0ad5b6-3c1c-5f3a-9a2e-0d4f6f1e7a01", Correlation: "c2c0c7b4-7d6e-5d0b-8f55-6f4f0f7e2b02", Kind: kind, At: when, From: kmh, To: county,
				Referral: c.Referrals[0].ID, Shown: s}
			n.Shown.Case.Referrals[0].Reference = known
			if of != nil {
				of(c, &n)
			}
			n.Key = n.Key[:24] + strings.ReplaceAll(when.Format("0102T150405"), "T", "")[:10] + "01"
			for range 2 { // once more, as after an answer that was lost
				m, err := to.Make(n)
				here.must(err)
				r, err := to.Send(t.Context(), m)
				if err != nil {
					t.Fatalf("%s: %v\n%s\n%s", kind, err, m.Body, there.log)
				}
				if kind == connect.Refer {
					known = r.Reference
				}
			}
		}
		newest := func(c care.Case, n *connect.News) { n.Paper = c.Papers[len(c.Papers)-1].ID }
		id := here.refer("json")
		tell(connect.Refer, "2026-11-23T08:30:00Z", nil)
		for _, step := range []struct {
			name string
			kind connect.Kind
			at   string
			of   func(care.Case, *connect.News)
		}{
			{"assessment-notice", connect.Paper, "2026-11-23T08:31:00Z", newest},
			{"preliminary-needs", connect.Paper, "2026-11-23T10:00:00Z", newest},
			{"chc-checklist", connect.Paper, "2026-11-23T10:10:00Z", newest},
			{"safe-for-discharge", connect.Update, "2026-11-24T09:15:00Z", nil},
			{"predicted-discharge-date", connect.Update, "2026-11-24T11:00:00Z", nil},
			{"location", connect.Update, "2026-11-24T13:00:00Z", nil},
			{"case-note", connect.Note, "2026-11-24T14:00:00Z", func(c care.Case, n *connect.News) { n.NoteID = c.Notes[0].ID }},
			{"several-at-once", connect.Update, "2026-11-24T15:00:00Z", nil},
			{"discharge-notice", connect.Paper, "2026-11-24T16:00:00Z", newest},
			{"withdraw-discharge-notice", connect.Withdraw, "2026-11-24T17:00:00Z", newest},
			{"confirm-discharge", connect.Discharge, "2026-11-26T10:45:00Z", nil},
		} {
			if a := here.send(step.name, "json", id); a.status > 299 {
				t.Fatalf("%s: %d %s", step.name, a.status, a.raw)
			}
			tell(step.kind, step.at, step.of)
		}
		got, want := there.stored(edith), here.stored(edith)
		if endOf(got) != endOf(want) {
			t.Errorf("there:\n%s\nhere:\n%s", endOf(got), endOf(want))
		}
		p, q := got.Person, want.Person
		p.AsAt, q.AsAt = time.Time{}, time.Time{}
		if p.Family != q.Family || p.Given != q.Given || p.Preferred != q.Preferred || p.Born != q.Born || p.Sex != q.Sex || p.Phone != q.Phone || p.Language != q.Language ||
			!slices.Equal(p.Address.Lines, q.Address.Lines) || p.Address.Postcode != q.Address.Postcode || !slices.Equal(p.Kin, q.Kin) || got.NHS != want.NHS || got.Trace != want.Trace {
			t.Errorf("there %+v\nhere %+v", p, q)
		}
		a, b := got.Referrals[0], want.Referrals[0]
		if a.To != b.To || a.Answers.Get("reason") != b.Answers.Get("reason") || a.Answers.Get("description") != b.Answers.Get("description") || a.Answers.Get("note") != b.Answers.Get("note") ||
			a.Answers.Get("service") != b.Answers.Get("service") || a.Answers.Get("referrer") != b.Answers.Get("referrer") {
			t.Errorf("there %+v\nhere %+v", a.Answers, b.Answers)
		}
	}
}

// TestSHDEndsAreToldToo is the same of the other ways in which a referral ends.
func TestSHDEndsAreToldToo(t *testing.T) {
	for name, kind := range map[string]connect.Kind{"cancel-referral": connect.Withdraw, "self-discharged": connect.Discharge, "died": connect.Died} {
		here, there := newFaceSite(t, "sqlite"), newFaceSite(t, "sqlite")
		there.call("GET", shd+"/metadata", "")
		secret := filepath.Join(t.TempDir(), "token")
		here.must(os.WriteFile(secret, []byte(there.tokens["kmh-epr"]), 0o600))
		to, err := outward.New(outward.Config{HTTP: httpsend.Config{URL: there.at + shd, Auth: httpsend.Auth{Kind: httpsend.Bearer, SecretFile: secret}}})
		here.must(err)
		council := care.Actor{ID: "system-county-mosaic", Name: "Mosaic", Role: care.Machine, Org: county, OrgKind: care.Council}
		id := here.refer("json")
		for i, k := range []connect.Kind{connect.Refer, kind} {
			if i == 1 {
				if a := here.send(name, "json", id); a.status != http.StatusOK {
					t.Fatalf("%d %s", a.status, a.raw)
				}
			}
			c := here.stored(edith)
			s, err := here.hub.Show(t.Context(), council, c.ID, hub.ShowRequest{Action: "tell"})
			here.must(err)
			m, err := to.Make(connect.News{Key: "5b0ad5b6-3c1c-5f3a-9a2e-0d4f6f1e7a0" + string(rune('1'+i)), Correlation: "c2c0c7b4-7d6e-5d0b-8f55-6f4f0f7e2b02", Kind: k,
				At: here.clock().Add(time.Duration(i-2) * time.Minute), From: kmh, To: county, Referral: c.Referrals[0].ID, Shown: s})
			here.must(err)
			if _, err := to.Send(t.Context(), m); err != nil {
				t.Fatalf("%s: %v\n%s", k, err, m.Body)
			}
		}
		a, b := there.stored(edith), here.stored(edith)
		if a.Referrals[0].State != b.Referrals[0].State || a.Referrals[0].Why != b.Referrals[0].Why || a.Referrals[0].WhyText != b.Referrals[0].WhyText || (a.Died == nil) != (b.Died == nil) || (a.Stay == nil) != (b.Stay == nil) {
			t.Errorf("%s: there %+v, here %+v", name, a.Referrals[0], b.Referrals[0])
		}
	}
}
