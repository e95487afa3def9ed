package hub

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/measure"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// QualityQuery chooses records to put right. Empty fields choose all.
type QualityQuery struct {
	Finding  string
	Hospital nhs.ODS
	Ward     string
	Council  nhs.ODS
}

// QualityRow is one thing to put right in the record of somebody.
type QualityRow struct {
	Case     care.CaseID
	Person   care.Person // only the name and the date of birth
	NHS      nhs.Number
	Finding  measure.Finding
	Since    time.Time
	Place    string // the ward, or the council
	Mender   string
	Names    []string // of those who can, where they are of the reader's organisation
	MaySteer bool     // the reader may settle who is who
}

// QualityList is whose records are to be put right, of those whom the reader may see.
type QualityList struct {
	Query  QualityQuery
	Words  string // what was asked for
	Rows   []QualityRow
	Others bool // there may be more: people whom the reader may not see, or more than are shown
	At     time.Time
}

// A page of it shows so many rows; so many are decided about at most.
const (
	qualityRows  = 100
	qualityTried = 400
)

// QualityPeople lists whose records are to be put right, the newest finding first. Each
// person is decided about by themselves, and that the list was seen is audited before it
// is given.
func (h *Hub) QualityPeople(ctx context.Context, by care.Actor, q QualityQuery) (QualityList, error) {
	if _, known := measure.FindFinding(q.Finding); q.Finding != "" && !known {
		return QualityList{}, &care.Error{Kind: care.NotFound, Text: "There is no such finding"}
	}
	now := h.now()
	v := QualityList{Query: q, At: now}
	var shown []*asking
	if h.mayListQuality(by) { // else nothing is read, and the refusal is audited
		err := h.Store.View(ctx, func(tx *store.Tx) (err error) { v, shown, err = h.qualityPeople(tx, by, q, now); return err })
		if err != nil {
			return QualityList{}, h.unavailable(err)
		}
	}
	err := h.update(ctx, func(tx *store.Tx) error {
		a := h.ask(by, policy.SeeQuality, nil, policy.Governance, "", now)
		a.decide(policy.SeeQuality, policy.DrillFigures, policy.ListWard)
		if !a.may[policy.SeeQuality] || !a.may[policy.DrillFigures] && !a.may[policy.ListWard] {
			return a.refuse(tx)
		}
		for _, one := range shown {
			if err := one.audit(tx, true, "listed as to be put right"); err != nil {
				return err
			}
		}
		return a.audit(tx, true, "listed whose records are to be put right")
	})
	if err != nil {
		return QualityList{}, err
	}
	return v, nil
}

func (h *Hub) qualityPeople(tx *store.Tx, by care.Actor, q QualityQuery, now time.Time) (v QualityList, shown []*asking, err error) {
	v = QualityList{Query: q, At: now, Words: h.qualityWords(q)}
	pq := store.PointQuery{Source: measure.Quality.ID, Open: true, Where: map[measure.Dim]string{}}
	for d, value := range map[measure.Dim]string{measure.ByReason: q.Finding, measure.ByHospital: string(q.Hospital), measure.ByWard: q.Ward, measure.ByCouncil: string(q.Council)} {
		if value != "" {
			pq.Where[d] = value
		}
	}
	var points []measure.Point
	err = tx.EachPoint(pq, func(k store.KnownPoint) error {
		if !k.From.After(now) && (by.OrgKind != care.Trust || k.Hospital == by.Org) {
			points = append(points, k.Point)
		}
		return nil
	})
	if err != nil {
		return v, nil, err
	}
	slices.SortFunc(points, func(a, b measure.Point) int {
		return cmp.Or(b.From.Compare(a.From), strings.Compare(string(a.Case), string(b.Case)), strings.Compare(a.Subject, b.Subject))
	})
	accounts, err := tx.Users()
	if err != nil {
		return v, nil, err
	}
	v.Others = len(points) > qualityTried
	for i, p := range points {
		if i == qualityTried || len(v.Rows) == qualityRows {
			v.Others = true
			break
		}
		r, a, err := h.qualityRow(tx, by, p, now)
		if err != nil {
			return v, nil, err
		}
		if a == nil {
			v.Others = true
			continue
		}
		if !slices.ContainsFunc(shown, func(b *asking) bool { return b.record.Case == r.Case }) {
			shown = append(shown, a)
		}
		r.Names = menderNames(by, accounts, r.Finding.Who, p)
		v.Rows = append(v.Rows, r)
	}
	return v, shown, nil
}

// qualityRow is one row, and who asked of whom; nil: the reader may not know of it.
func (h *Hub) qualityRow(tx *store.Tx, by care.Actor, p measure.Point, now time.Time) (QualityRow, *asking, error) {
	f, known := measure.FindFinding(p.Reason)
	c, err := tx.Case(p.Case)
	if err != nil || !known || c.JoinedTo != "" {
		return QualityRow{}, nil, ignoreMissing(err)
	}
	a := h.ask(by, policy.SeeQuality, &c, policy.DischargePlanning, "", now)
	if err := a.onto(tx, now); err != nil {
		return QualityRow{}, nil, err
	}
	a.decide(caseActions...)
	if !a.opens() || !a.seesFinding(c, f, p) {
		return QualityRow{}, nil, nil
	}
	r := QualityRow{Case: c.ID, Person: care.Person{Family: c.Person.Family, Given: c.Person.Given, Title: c.Person.Title, Born: c.Person.Born}, NHS: c.NHS,
		Finding: f, Since: p.From, Mender: menders[f.Who], MaySteer: a.may[policy.Steward]}
	switch {
	case f.OfReferral():
		r.Place = cmp.Or(h.Org(p.Council).Name, "Council not settled")
	default:
		r.Place = cmp.Or(h.wardName(p.Hospital, p.Ward), "No ward told")
		if by.Org != p.Hospital {
			r.Place += ", " + h.Org(p.Hospital).Name
		}
	}
	return r, a, nil
}

// seesFinding reports whether a reader who may open a case may know of a finding in it:
// one of a stay goes with where the person is, one of a referral with the referral.
func (a *asking) seesFinding(c care.Case, f measure.Finding, p measure.Point) bool {
	if !f.OfReferral() {
		if f.Code == "two-stays" && a.by.OrgKind == care.Trust && (c.Stay == nil || c.Stay.Org != a.by.Org) {
			return false // it would tell of another hospital's stay
		}
		return a.may[policy.SeeWhereabouts] && a.seesStay(p.Hospital) && (a.by.OrgKind != care.Trust || p.Hospital == a.by.Org)
	}
	id := care.ReferralID(measure.FindingOf(p.Subject))
	i := slices.IndexFunc(c.Referrals, func(r care.Referral) bool { return r.ID == id })
	if i < 0 || !a.may[policy.SeeReferral] || !a.seesReferral(c.Referrals[i]) {
		return false
	}
	return f.Code != "home-overdue" || a.may[policy.SeeOutcome]
}

// menderNames are up to three people of the reader's own organisation who can mend it.
func menderNames(by care.Actor, accounts []care.Account, who measure.Mender, p measure.Point) []string {
	var out []string
	for _, acc := range accounts {
		for _, g := range acc.Grants {
			if g.Org == by.Org && !acc.Disabled && mends(g, who, p) && len(out) < 3 && !slices.Contains(out, acc.Name) {
				out = append(out, acc.Name)
			}
		}
	}
	return out
}

// mends reports whether somebody with a role can mend it.
func mends(g care.Grant, who measure.Mender, p measure.Point) bool {
	switch who {
	case measure.WardMends:
		return g.Role == care.WardNurse && g.Org == p.Hospital && g.Ward == p.Ward
	case measure.CoordinatorMends, measure.StewardMends:
		return g.Role == care.Coordinator && g.Org == p.Hospital
	case measure.CouncilMends:
		return g.Role == care.TeamManager && g.Org == p.Council && (p.Team == "" || g.Team == "" || g.Team == p.Team)
	}
	return g.Role == care.Integration
}

// qualityWords says what was asked for.
func (h *Hub) qualityWords(q QualityQuery) string {
	out := "Everything to put right"
	if f, ok := measure.FindFinding(q.Finding); ok {
		out = f.Words
	}
	if q.Ward != "" {
		out += ", " + h.wardName(q.Hospital, q.Ward)
	}
	if q.Hospital != "" {
		out += ", " + h.Org(q.Hospital).Name
	}
	if q.Council != "" {
		out += ", " + h.Org(q.Council).Name
	}
	return out
}
