package care

import (
	"slices"
	"time"
)

// Join merges retired into survivor. It is idempotent, and gives nothing for
// a case that is its own survivor or was joined elsewhere already.
func Join(survivor, retired Case, now time.Time) (forSurvivor, forRetired []Event) {
	if survivor.ID == retired.ID || survivor.JoinedTo != "" || retired.JoinedTo != "" ||
		slices.Contains(survivor.Absorbed, retired.ID) {
		return nil, nil
	}
	return []Event{Absorbed{At: now, Other: retired}}, []Event{JoinedInto{At: now, Into: survivor.ID}}
}

// Separate reverses Join. What was in each case, and what happened to it since,
// goes back to its own; what was recorded anew stays with the survivor. It gives
// nothing when retired was not joined into survivor.
func Separate(survivor, retired Case, by Who, why string, now time.Time) (forSurvivor, forRetired []Event) {
	i := slices.IndexFunc(survivor.Merges, func(m Merge) bool { return m.Cases[0] == retired.ID })
	if i < 0 || retired.JoinedTo != survivor.ID {
		return nil, nil
	}
	m := survivor.Merges[i]
	return []Event{Separated{At: now, By: by, Other: retired.ID, IDs: m.IDs, Why: why}},
		[]Event{Restored{At: now, From: survivor.ID, Parts: partsOf(survivor, m)}}
}

// partsOf is what a merge brought, as it is now. A stay that had not ended is
// the present one again.
func partsOf(c Case, m Merge) Case {
	of := func(mark CaseID) (CaseID, bool) {
		if mark == m.Cases[0] {
			return "", true
		}
		return mark, slices.Contains(m.Cases, mark)
	}
	var p Case
	for _, s := range c.Stays() {
		mine := false
		if s.Of, mine = of(s.Of); !mine {
			continue
		}
		p.Past = append(p.Past, s.clone())
	}
	// The newest that has not ended is the present one, if it was in a bed then or
	// is in one now; earlier ones came from cases that had been absorbed before.
	inBed := m.InBed
	if c.Stay != nil {
		_, mine := of(c.Stay.Of)
		inBed = inBed || mine
	}
	for i := len(p.Past) - 1; i >= 0 && inBed; i-- {
		if p.Past[i].Left == nil {
			s := p.Past[i]
			p.Stay, p.Past = &s, slices.Delete(p.Past, i, i+1)
			break
		}
	}
	p.Referrals = partsFrom(c.Referrals, func(r *Referral) *CaseID { return &r.Of }, of)
	p.Holdings = partsFrom(c.Holdings, func(h *Holding) *CaseID { return &h.Of }, of)
	p.Notes = partsFrom(c.Notes, func(n *Note) *CaseID { return &n.Of }, of)
	p.Calls = partsFrom(c.Calls, func(k *Call) *CaseID { return &k.Of }, of)
	p.Papers = partsFrom(c.Papers, func(p *Paper) *CaseID { return &p.Of }, of)
	workFrom(&p, c, of)
	return p
}

func partsFrom[T any](all []T, mark func(*T) *CaseID, of func(CaseID) (CaseID, bool)) []T {
	var mine []T
	for _, x := range all {
		if to, ok := of(*mark(&x)); ok {
			*mark(&x) = to
			mine = append(mine, x)
		}
	}
	return mine
}
