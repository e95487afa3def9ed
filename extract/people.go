package extract

import (
	"cmp"
	"slices"
	"strings"

	"homeward/care"
	"homeward/nhs"
)

// oldest is the age in years beyond which a date of birth is a placeholder,
// such as 1900-01-01.
const oldest = 120

// known is a row of people as it was read.
type known struct {
	about      care.About
	restricted bool
	child      bool
	rank       uint8 // of the phone
}

// readPerson reads a row of people, whoever else has its id or number.
func (r *Reader) readPerson(w *row) (known, *Problem) {
	var k known
	if p := w.unreadable(); p != nil {
		return k, p
	}
	id := w.ref(pID)
	if id == "" {
		return k, w.problem(pID, "Give the council's id for this person")
	}
	k.about.IDs = []care.Identifier{{System: "council:" + string(r.from.Org), Value: id}}
	if p := r.readLife(w, &k); p != nil || k.child {
		return k, p
	}
	if v := w.get(pNHS); v != "" {
		n, err := nhs.ParseNumber(v)
		if err != nil {
			return k, w.problem(pNHS, numberMend(v))
		}
		k.about.NHS = n
	}
	if w.get(pFamily) == "" {
		return k, w.problem(pFamily, "Give the family name")
	}
	if v := w.get(pRestricted); v != "" {
		yes, ok := answers[strings.ToLower(v)]
		if !ok {
			return k, w.problem(pRestricted, "Say yes or no. Until then it is not known whether this record is restricted")
		}
		k.restricted = yes
	}
	r.readRest(w, &k)
	return k, nil
}

// numberMend says what is wrong with an NHS number without repeating it.
func numberMend(v string) string {
	digits := 0
	for _, c := range v {
		if c >= '0' && c <= '9' {
			digits++
		}
	}
	if digits != 10 {
		return "Give the 10 digits of the NHS number, or leave it empty"
	}
	return "Check the number: one or more digits are wrong"
}

// readLife reads birth and death. Without a believable date of birth nobody can
// say that the person is an adult.
func (r *Reader) readLife(w *row, k *known) *Problem {
	today := nhs.DateOf(r.manifest.AsAt)
	born, mend := w.date(pBorn)
	if mend == "" && born.IsZero() {
		mend = "Give the date of birth. Only adults may be shown"
	}
	if mend == "" && today.Before(born) {
		mend = "Check the date of birth. It is after the extract was made"
	}
	if mend != "" {
		return w.problem(pBorn, mend)
	}
	died, mend := w.date(pDied)
	if mend == "" && !died.IsZero() && (died.Before(born) || today.Before(died)) {
		mend = "Check the date of death. It is before the date of birth, or after the extract was made"
	}
	if mend != "" {
		return w.problem(pDied, mend)
	}
	last := today
	if !died.IsZero() {
		last = died
		k.about.Died = care.Tell(care.Death{At: died.Time(), DayOnly: true, Source: cmp.Or(r.from.Name, r.from.Feed)})
	}
	if born.AgeOn(last) > oldest {
		return w.problem(pBorn, "Check the year of birth. It makes the person more than 120 years old")
	}
	k.about.Born = care.Tell(born)
	k.child = born.AgeOn(last) < 18
	return nil
}

// readRest reads what a person can be loaded without. An empty field says
// nothing.
func (r *Reader) readRest(w *row, k *known) {
	a := &k.about
	a.Family, a.Given = tell(w.ref(pFamily)), tell(w.ref(pGiven))
	a.Title, a.Preferred = tell(w.ref(pTitle)), tell(w.ref(pPreferred))
	a.Language = tell(w.ref(pLanguage))
	if v := w.get(pSex); v != "" {
		if s, ok := sexes[strings.ToLower(v)]; ok {
			a.Sex = care.Tell(s)
		} else {
			w.warn(pSex, "Use female, male, not specified or not known")
		}
	}
	if at := w.address(addressColumns{[4]int{pAddress1, pAddress2, pAddress3, pAddress4}, pPostcode, pUPRN}); !at.IsZero() {
		a.Address = care.Tell(at)
	}
	if v := w.get(pPhone); v != "" {
		a.Phone.Value, k.rank = w.number(pPhone, pPhoneType)
	}
}

func tell(s string) care.Opt[string] {
	if s == "" {
		return care.Opt[string]{}
	}
	return care.Tell(s)
}

// number reads a person's telephone number and how willingly it is shown. A
// secret one comes back as its bare digits, to be known under other types.
func (w *row) number(c, kind int) (text string, rank uint8) {
	rank, known := phoneRank(w.get(kind), w.f.table)
	switch {
	case !known:
		w.warn(kind, "Use primary, home, mobile, mobile-secondary, work, fax, pager or ex-directory. The number is not shown until then")
		return "", hidden
	case rank == secret:
		return bare(w.get(c)), secret
	case rank == hidden:
		return "", hidden
	}
	show, err := Phone(w.get(c))
	if err != nil {
		w.warn(c, err.Error())
		return "", hidden
	}
	return show, rank
}

// phoneRank is how willingly a number of a type is shown; known is false when
// the type says nothing that is known, and then the number may be secret.
func phoneRank(kind string, t Table) (rank uint8, known bool) {
	if kind == "" && t == People {
		return phoneRanks["primary"], true
	}
	rank, known = phoneRanks[strings.ToLower(kind)]
	return rank, known
}

// bare is a number's national digits, however it is written.
func bare(s string) string {
	main, _ := extension(s)
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, main)
	if strings.HasPrefix(strings.TrimSpace(s), "+") {
		digits = "00" + digits
	}
	return national(digits)
}

// entry reads a row of people as a person with what is held about them.
func (r *Reader) entry(w *row) (Entry, verdict, *Problem) {
	if w.leftOut() {
		return Entry{}, skipped, nil
	}
	k, p := r.readPerson(w)
	if p != nil {
		return Entry{}, bad, p
	}
	id := k.about.IDs[0].Value
	who := r.ix.ids[id]
	at := r.ix.people[who]
	switch {
	case at.row != w.n:
		return Entry{}, bad, w.problem(pID, "Use each id once. An earlier row has the same one")
	case at.state == shared:
		return Entry{}, bad, w.problem(pNHS, "Check which person has this number. Another person in the extract has the same one")
	}
	e := Entry{PersonID: id, Child: k.child, Observation: care.Observation{
		At: r.manifest.AsAt, Said: r.manifest.AsAt, Source: r.from, Event: "extract"}}
	if k.child {
		e.Observation.About.IDs = k.about.IDs
		return e, good, nil
	}
	r.reach(at, &k)
	e.Observation.About = k.about
	e.Observation.Holds = r.holding(w, at, k)
	e.Partial = r.ix.lostPackage || at.flags&partial != 0
	if at.flags&partial != 0 {
		e.Unread = append(e.Unread, care.PartPackages)
	}
	if r.concernMissed(at) {
		e.Unread = append(e.Unread, care.PartSafeguarding)
	}
	return e, good, nil
}

// absent reports whether nothing is loaded of the person with an id: their row
// of people is in quarantine, or there is none.
func (r *Reader) absent(id string) bool {
	who, ok := r.ix.ids[id]
	return !ok || r.ix.people[who].state == held || r.ix.people[who].state == shared
}

// reach settles address and phone from all rows about the person.
func (r *Reader) reach(at person, k *known) {
	if !k.about.Address.Told && at.address > 0 {
		k.about.Address = care.Tell(unpackAddress(r.ix.addresses[at.address-1].text))
	}
	all := []phone{}
	if k.rank != 0 {
		all = append(all, phone{rank: k.rank, text: k.about.Phone.Value})
	}
	for i := at.phones; i > 0; i = r.ix.phones[i-1].next {
		all = append(all, r.ix.phones[i-1])
	}
	k.about.Phone = choose(all)
}

// choose is the number to show. One that is ex-directory is not shown under
// another type either, and takes away a number that was told before.
func choose(all []phone) care.Opt[string] {
	slices.SortFunc(all, func(a, b phone) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.text, b.text))
	})
	undisclosed := func(text string) bool {
		return slices.ContainsFunc(all, func(p phone) bool { return p.rank == secret && p.text == bare(text) })
	}
	told := false
	for _, p := range all {
		if p.rank < hidden && !undisclosed(p.text) {
			return care.Tell(p.text)
		}
		told = told || p.rank == secret
	}
	return care.Opt[string]{Told: told}
}
