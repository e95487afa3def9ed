package web

import (
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/internal/browser"
)

// papers gives Walter's referral two documents, of which one is withdrawn, and two
// receipts.
func (s *site) papers() {
	s.t.Helper()
	by := care.Who{ID: "system-kmh-epr", Name: "King’s Mill EPR", Org: kingsMill}
	notice := care.Paper{ID: "p1", Kind: care.PaperDischargeNotice, Referral: "ref-walter", At: evening.Add(-time.Hour), By: by,
		Items: []care.Said{{Link: "1", Text: "Was the patient consulted about the date?", Answer: "Yes", Code: "Y"}, {Link: "2", Answer: "Not asked"}}}
	needs := care.Paper{ID: "p2", Kind: care.PaperNeeds, Referral: "ref-walter", At: evening.Add(-2 * time.Hour), By: by,
		Items: []care.Said{{Link: "1", Text: "Help to wash", Answer: "One person, morning and evening"}}}
	told := care.Told{At: evening.Add(-50 * time.Minute), Destination: "mosaic-fhir", Title: "the council’s system", Referral: "ref-walter", What: "the referral", Reference: "4471902", State: care.ToldReceived}
	failed := care.Told{At: evening.Add(-40 * time.Minute), Destination: "mesh-box", Title: "the council’s mailbox", Referral: "ref-walter", What: "the discharge notice", State: care.ToldNot}
	s.record(s.walter, care.PaperShared{At: evening.Add(-2 * time.Hour), Paper: needs}, care.PaperShared{At: evening.Add(-time.Hour), Paper: notice},
		care.PaperWithdrawn{At: evening.Add(-30 * time.Minute), ID: "p1", Kind: care.PaperDischargeNotice, Why: "07"}, told, failed)
}

func TestPapersOnTheCase(t *testing.T) {
	s := newSite(t)
	s.papers()
	for _, login := range []string{"coordinator", "social-worker"} {
		r := s.as(login)
		page := r.get(at(s.walter, "?tab=referral"))
		wellMade(t, page)
		page.says("Documents", "Preliminary needs assessment", "Help to wash", "One person, morning and evening", "Discharge notice", ": withdrawn", "Not asked",
			"Received by the council’s system: the referral, reference 4471902", "Not delivered to the council’s mailbox: the discharge notice", "Other systems")
		line := r.get(at(s.walter, "?tab=timeline"))
		wellMade(t, line)
		line.says("Discharge notice withdrawn", "Discharge notice received", "Received by the council’s system", "Homeward does not try this again by itself")
		told := r.get(at(s.walter, "?tab=timeline&kind=told")).text()
		if !strings.Contains(told, "reference 4471902") || strings.Contains(told, "Discharge notice received") {
			t.Errorf("narrowed to other systems it says:\n%s", told)
		}
		if docs := r.get(at(s.walter, "?tab=timeline&kind=paper")).text(); strings.Contains(docs, "reference 4471902") || !strings.Contains(docs, "Discharge notice received") {
			t.Errorf("narrowed to documents it says:\n%s", docs)
		}
	}
}

func TestPapersAreLegible(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.papers()
	tab := browser.New(t)
	s.signIn(tab, "social-worker")
	tab.Goto(s.url + at(s.walter, "?tab=referral"))
	seen(t, tab, "case-papers")
	tab.Goto(s.url + at(s.walter, "?tab=timeline"))
	seen(t, tab, "case-receipts")
}
