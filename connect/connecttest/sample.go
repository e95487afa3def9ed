package connecttest

import (
	"time"

	"homeward/care"
	"homeward/connect"
	"homeward/nhs"
	"homeward/translate"
)

// Personal are words of Sample's person that must stand in no error, receipt,
// address or log. All are invented.
var Personal = []string{"Quillfeather", "Barbarina", "Lime Kiln", "NG99 7ZZ", "1938-02-11", "19380211", nhs.Test(4711).Digits(), nhs.Test(4711).Spaced(), "Penhallow", "01632 960113", "frightened of stairs"}

// The organisations of Sample.
const (
	Hospital nhs.ODS = "RK5"
	Council  nhs.ODS = "E10000024"
	Ref              = care.ReferralID("AB12-CD34-EF56")
)

// Now is when Sample is made.
var Now = time.Date(2026, 11, 24, 10, 42, 0, 0, time.UTC)

// Sample is news of a kind about an invented person in King's Mill Hospital who
// was referred to Nottinghamshire. Status goes to the hospital, all else to the
// council. forms reads the referral's form; nil: none is known.
func Sample(k connect.Kind, forms translate.Forms) connect.News {
	n := connect.News{
		Key: "5b0ad5b6-3c1c-5f3a-9a2e-0d4f6f1e7a01", Correlation: "c2c0c7b4-7d6e-5d0b-8f55-6f4f0f7e2b02",
		Kind: k, What: "the referral", At: Now.Add(-time.Minute), From: Hospital, To: Council, Referral: Ref, PublicURL: "https://homeward.example/",
		Shown: sampleShown(forms),
	}
	c := &n.Shown.Case
	switch k {
	case connect.Status:
		n.From, n.To, n.What = Council, Hospital, "that a worker has the referral"
		n.Shown.By = care.Actor{ID: "system:epr", Name: "EPR", Role: care.Machine, Org: Hospital, OrgKind: care.Trust}
		c.Referrals[0].State, c.Referrals[0].Worker = care.RefAllocated, care.Who{ID: "w1", Name: "Sunita Rao", Org: Council}
		c.Referrals[0].Holder = care.Holder{Org: Council, Team: "north", Who: c.Referrals[0].Worker, Since: Now, Next: "Begin the assessment"}
	case connect.Paper:
		n.What, n.Paper = "a document", "paper1"
	case connect.Note:
		n.What, n.NoteID = "a note", "note1"
	case connect.Withdraw:
		n.What = "that the referral was withdrawn"
		c.Referrals[0].State, c.Referrals[0].Ended, c.Referrals[0].Why = care.RefWithdrawn, Now.Add(-time.Minute), "02"
	case connect.Discharge:
		n.What = "that the person left hospital"
		s := *c.Stay
		s.Left = &care.Leaving{At: Now.Add(-time.Hour), Method: "1", Destination: "19"}
		c.Past, c.Stay = append(c.Past, s), nil
		c.Referrals[0].State, c.Referrals[0].Watching = care.RefDischarged, false
	case connect.Died:
		n.What = "that the person died"
		c.Died = &care.Death{At: Now.Add(-time.Hour), Source: "epr"}
		c.Referrals[0].State, c.Referrals[0].Ended = care.RefDied, Now.Add(-time.Hour)
	case connect.Update:
		n.What = "another place in hospital"
	}
	return n
}

func sampleShown(forms translate.Forms) translate.Shown {
	if forms == nil {
		forms = translate.NoForms
	}
	sent := Now.Add(-2 * time.Hour)
	sender := care.Who{ID: "u1", Name: "Orla Byrne", Org: Hospital}
	return translate.Shown{
		By:   care.Actor{ID: "system:council", Name: "Council", Role: care.Machine, Org: Council, OrgKind: care.Council},
		Sees: translate.Sees{Person: true, Whereabouts: true, Referral: true, Notes: true, Timeline: true, Assessments: true},
		Orgs: map[nhs.ODS]care.Org{
			Hospital: {ODS: Hospital, Name: "Sherwood Forest Hospitals", Kind: care.Trust, Phone: "01632 960001"},
			Council:  {ODS: Council, Name: "Nottinghamshire County Council", Kind: care.Council, Phone: "01632 960002", OutOfHours: "01632 960003"},
		},
		Forms: forms, Now: Now,
		Case: care.Case{
			ID: "c4se0000000000000000000001", Version: 9, NHS: nhs.Test(4711), Trace: "01", Updated: sent, News: sent,
			IDs: []care.Identifier{{System: "mrn:" + string(Hospital), Value: "T4711"}},
			Person: care.Person{Family: "Quillfeather", Given: "Barbarina", Title: "Mrs", Born: nhs.Date{Year: 1938, Month: 2, Day: 11}, Sex: "Female",
				Address: care.Address{Lines: []string{"7 Lime Kiln Yard", "Mansfield"}, Postcode: "NG99 7ZZ"}, Phone: "01632 960112", GP: "C89999",
				GPName: "Meadow Surgery", Kin: []care.Kin{{Name: "Sean Penhallow", Relation: "Son", Phone: "01632 960113"}}, Source: "epr", AsAt: sent},
			Stay: &care.Stay{Visit: "V4711", Org: Hospital, Class: "I", Where: care.Location{Site: "RK5BC", Ward: "W31", Name: "Ward 31", Bed: "Bed 4"},
				Admitted: sent.Add(-72 * time.Hour), Consultant: "Dr Amara Cole", Reason: "Fall", Fit: "Y", Source: "epr",
				Ready:    []care.Period{{From: sent.Add(-time.Hour)}},
				Expected: []care.Expected{{Date: nhs.Date{Year: 2026, Month: 11, Day: 27}, Said: sent}}},
			Referrals: []care.Referral{{ID: Ref, Key: "key1", Stay: "V4711", From: Hospital, To: Council, Pathway: "1", Form: "d2a", FormVersion: 1,
				Answers: map[string][]string{"pathway": {"P1"}}, State: care.RefSent, Sent: sent, SentBy: sender, Watching: true,
				Holder: care.Holder{Org: Council, Since: sent, Next: "Accept or return"}}},
			Notes: []care.Note{{ID: "note1", At: Now.Add(-time.Minute), By: sender, Audience: care.AudienceBoth, Text: "She is frightened of stairs.", Referral: Ref}},
			Papers: []care.Paper{{ID: "paper1", Kind: care.PaperAssessmentNotice, Referral: Ref, At: Now.Add(-time.Minute), By: sender,
				Items: []care.Said{{Link: "1.1", Text: "Consent given", Answer: "Yes"}}}},
		},
	}
}
