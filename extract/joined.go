package extract

import (
	"cmp"
	"slices"
	"strings"

	"homeward/care"
	"homeward/nhs"
)

// nothing is what the rows yield that are joined to people.
type nothing struct{}

// indexer is what Open does with a row of the table.
func (r *Reader) indexer(t Table) func(*row) {
	switch t {
	case Providers:
		return func(w *row) { r.provider(w) }
	case Teams:
		return func(w *row) { r.team(w) }
	case People:
		return r.indexPerson
	}
	return func(w *row) {
		who, what, p := r.owner(w)
		if what == skipped {
			return
		}
		if what == good {
			p = r.read(w, &r.ix.people[who], true)
		}
		if p != nil {
			r.mark(w, p)
		}
	}
}

// joined is what Problems does with a row of the table: the same again, and
// nothing is kept.
func (r *Reader) joined(Table) func(*row) (nothing, verdict, *Problem) {
	return func(w *row) (nothing, verdict, *Problem) {
		who, what, p := r.owner(w)
		if what == good {
			if p = r.read(w, &r.ix.people[who], false); p != nil {
				what = bad
			}
		}
		return nothing{}, what, p
	}
}

// indexPerson makes the person that other rows are joined to.
func (r *Reader) indexPerson(w *row) {
	id := w.person()
	if id == "" {
		return
	}
	who, isNew := r.ix.add(id, w.n)
	if !isNew {
		return
	}
	at := &r.ix.people[who]
	if w.leftOut() {
		at.state = child
		return
	}
	k, p := r.readPerson(w)
	switch {
	case p != nil:
		at.state = held
	case k.child:
		at.state = child
	default:
		r.ix.remember(k.about.NHS, who)
	}
}

// owner is whose row this is. A child's rows are left out before anything in
// them is looked at.
func (r *Reader) owner(w *row) (who int32, what verdict, p *Problem) {
	if w.leftOut() {
		return 0, skipped, nil
	}
	c := personColumn[w.f.table]
	id := w.person()
	if id == "" {
		if p = w.unreadable(); p == nil {
			p = w.problem(c, "Give the council's id of the person")
		}
		return 0, bad, p
	}
	who, ok := r.ix.ids[id]
	if !ok {
		return 0, bad, w.problem(c, "Check the id. No row of people has it")
	}
	switch r.ix.people[who].state {
	case child:
		return 0, skipped, nil
	case held, shared:
		return 0, bad, w.problem(c, "Mend this person's row of people first. It is in quarantine")
	}
	if p := w.unreadable(); p != nil {
		return who, bad, p
	}
	return who, good, nil
}

// mark remembers that a row was not read, so that its absence proves nothing.
func (r *Reader) mark(w *row, p *Problem) {
	who, known := r.ix.ids[p.Person]
	switch {
	case w.f.table == Safeguarding && p.Person == "":
		r.ix.lostConcerns = true
	case w.f.table == Safeguarding && known:
		r.ix.people[who].flags |= concernUnread
	case w.f.table != Packages && w.f.table != Equipment:
	case p.Person == "":
		r.ix.lostPackage = true
	case known:
		r.ix.people[who].flags |= partial
	}
}

// read reads a row that is joined to a person, and keeps it when keep is set.
func (r *Reader) read(w *row, at *person, keep bool) *Problem {
	switch w.f.table {
	case Packages:
		return r.readPackage(w, at, keep)
	case Equipment:
		return r.readDelivery(w, at, keep)
	case Safeguarding:
		return r.readConcern(w, at, keep)
	case Addresses:
		return r.readAddress(w, at, keep)
	}
	return r.readPhone(w, at, keep)
}

func (r *Reader) readPackage(w *row, at *person, keep bool) *Problem {
	ref := w.get(kID)
	if ref == "" {
		return w.problem(kID, "Give the council's reference for this package")
	}
	if !firstOf(r.ix.packageRefs, ref, w.n) {
		return w.problem(kID, "Use each reference once. An earlier row has the same one")
	}
	status, ok := statuses[strings.ToLower(w.get(kStatus))]
	if !ok {
		return w.problem(kStatus, "Use planned, active, onhold or finished, or add this word to the layout")
	}
	start, mend := w.date(kStart)
	if mend != "" {
		return w.problem(kStart, mend)
	}
	end, mend := w.date(kEnd)
	if mend == "" && !end.IsZero() && end.Before(start) {
		mend = "Check the dates. The package ends before it starts"
	}
	if mend != "" {
		return w.problem(kEnd, mend)
	}
	kind, ok := kinds[strings.ToLower(w.get(kKind))]
	if !ok {
		kind = "OTH"
		w.warn(kKind, "Use a service type code, such as HS, or add this one to the layout. It is shown as Other")
	}
	r.checkPackage(w, status, end)
	if !keep {
		return nil
	}
	ws := &r.ix.words
	r.ix.packages = append(r.ix.packages, pack{ref: w.ref(kID), kind: ws.keep(kind), title: ws.keep(w.get(kTitle)),
		status: ws.keep(status), provider: ws.keep(w.get(kProvider)), funding: ws.keep(w.get(kFunding)),
		start: packDay(start), end: packDay(end), next: at.packages})
	at.packages = int32(len(r.ix.packages))
	return nil
}

// checkPackage warns of what is odd and loads all the same.
func (r *Reader) checkPackage(w *row, status string, end nhs.Date) {
	id := w.get(kProvider)
	if _, ok := r.ix.providers[id]; id != "" && !ok && r.manifest.Kind == Full && r.has(Providers) {
		w.warn(kProvider, "Check the id. No row of providers has it, so there is no number to ring")
	}
	if status != string(care.PackageFinished) && !end.IsZero() && end.Before(nhs.DateOf(r.manifest.AsAt)) {
		w.warn(kEnd, "Check the status. The end has passed and the package is not finished")
	}
}

func (r *Reader) readDelivery(w *row, at *person, keep bool) *Problem {
	ref := w.get(eID)
	if ref == "" {
		return w.problem(eID, "Give the reference of this delivery")
	}
	if !firstOf(r.ix.equipRefs, ref, w.n) {
		return w.problem(eID, "Use each reference once. An earlier row has the same one")
	}
	if w.get(eTitle) == "" {
		return w.problem(eTitle, "Say what the equipment is")
	}
	status, ok := deliveries[strings.ToLower(w.get(eStatus))]
	if !ok {
		return w.problem(eStatus, "Use ordered, delivered or collected, or add this word to the layout")
	}
	day, mend := w.date(eDelivered)
	if mend != "" {
		return w.problem(eDelivered, mend)
	}
	if !keep {
		return nil
	}
	ws := &r.ix.words
	r.ix.equipment = append(r.ix.equipment, delivery{ref: w.ref(eID), title: ws.keep(w.get(eTitle)),
		status: ws.keep(status), day: packDay(day), next: at.equipment})
	at.equipment = int32(len(r.ix.equipment))
	return nil
}

// readConcern reads a safeguarding row. Without a word in open, a concern is
// open while it has no end. PRSB Local authority information 1.1.
func (r *Reader) readConcern(w *row, at *person, keep bool) *Problem {
	opened, mend := w.date(sOpened)
	if mend != "" {
		return w.problem(sOpened, mend)
	}
	ended, mend := w.date(sEnded)
	if mend == "" && !ended.IsZero() && ended.Before(opened) {
		mend = "Check the dates. The concern ends before it opens"
	}
	if mend != "" {
		return w.problem(sEnded, mend)
	}
	over := !ended.IsZero() && !nhs.DateOf(r.manifest.AsAt).Before(ended)
	word := w.get(sOpen)
	yes, ok := answers[strings.ToLower(word)]
	switch {
	case word == "" && opened.IsZero() && ended.IsZero():
		return w.problem(sOpen, "Say yes or no, or give the dates")
	case word == "":
		yes = !over
	case !ok:
		return w.problem(sOpen, "Say yes or no")
	case yes && over:
		return w.problem(sOpen, "Check whether it is open. The row says yes and has an end that has passed")
	}
	if keep && yes {
		at.flags |= concernOpen
	}
	return nil
}

func (r *Reader) readAddress(w *row, at *person, keep bool) *Problem {
	a := w.address(addressColumns{[4]int{aLine1, aLine2, aLine3, aLine4}, aPostcode, aUPRN})
	if a.IsZero() {
		return w.problem(aLine1, "Give the address")
	}
	start, mend := w.date(aStart)
	if mend != "" {
		w.warn(aStart, mend)
	}
	if !keep {
		return nil
	}
	has := address{packDay(start), packAddress(a)}
	if at.address == 0 {
		r.ix.addresses = append(r.ix.addresses, has)
		at.address = int32(len(r.ix.addresses))
		return nil
	}
	was := &r.ix.addresses[at.address-1]
	if has.start > was.start || has.start == was.start && has.text < was.text {
		*was = has
	}
	return nil
}

func (r *Reader) readPhone(w *row, at *person, keep bool) *Problem {
	if w.get(nPhone) == "" {
		return w.problem(nPhone, "Give the number")
	}
	text, rank := w.number(nPhone, nType)
	if len(w.warnings) > 0 {
		// The row is nothing but its number, so it does not load.
		p := w.warnings[0]
		p.Warning, w.warnings = false, nil
		return p
	}
	if !keep || rank == hidden {
		return nil
	}
	r.ix.phones = append(r.ix.phones, phone{rank, text, at.phones})
	at.phones = int32(len(r.ix.phones))
	return nil
}

// holding is what the council holds about a person, in the order of their
// references.
func (r *Reader) holding(w *row, at person, k known) *care.Holding {
	h := &care.Holding{Council: r.from.Org, AsAt: r.manifest.AsAt, Restricted: k.restricted,
		Team: w.ref(pTeam), Worker: w.ref(pWorker), Safeguarding: r.concern(at)}
	if _, ok := r.ix.teams[h.Team]; h.Team != "" && !ok && r.manifest.Kind == Full && r.has(Teams) {
		w.warn(pTeam, "Check the id. No row of teams has it, so there is no number to ring")
	}
	say := r.ix.words.say
	for i := at.packages; i > 0; i = r.ix.packages[i-1].next {
		p := r.ix.packages[i-1]
		h.Packages = append(h.Packages, care.Package{Ref: p.ref, Kind: say(p.kind), Title: say(p.title),
			Status: care.PackageStatus(say(p.status)), Start: unpackDay(p.start), End: unpackDay(p.end),
			Provider: say(p.provider), Funding: say(p.funding)})
	}
	for i := at.equipment; i > 0; i = r.ix.equipment[i-1].next {
		e := r.ix.equipment[i-1]
		h.Equipment = append(h.Equipment, care.Equipment{Ref: e.ref, Title: say(e.title), Status: say(e.status),
			Delivered: unpackDay(e.day)})
	}
	slices.SortFunc(h.Packages, func(a, b care.Package) int { return cmp.Compare(a.Ref, b.Ref) })
	slices.SortFunc(h.Equipment, func(a, b care.Equipment) int { return cmp.Compare(a.Ref, b.Ref) })
	return h
}

// concern answers whether a safeguarding enquiry is open. "No" is only said
// when every row that might say otherwise could be read.
func (r *Reader) concern(at person) care.Safeguarding {
	s := care.Safeguarding{AsAt: r.manifest.AsAt}
	switch {
	case !r.manifest.shares(Safeguarding):
		s.Answer = care.AnswerNotShared
	case at.flags&concernOpen != 0:
		s.Answer = care.AnswerYes
	case !r.has(Safeguarding) || r.concernMissed(at):
		return care.Safeguarding{}
	default:
		s.Answer = care.AnswerNo
	}
	return s
}

// concernMissed reports whether a row that could not be read might say that an
// enquiry is open, and no other row says it.
func (r *Reader) concernMissed(at person) bool {
	return at.flags&concernOpen == 0 && (r.ix.lostConcerns || at.flags&concernUnread != 0)
}
