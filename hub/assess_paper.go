package hub

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"homeward/care"
	"homeward/form"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// seenPapers are the papers that the reader may read, as far as they may. The
// answers of one that was written here stand as items too, in words, for those who
// do not know its form.
func (a *asking) seenPapers(c care.Case) (out []care.Paper) {
	for _, p := range c.Papers {
		if a.seesPaper(c, p) {
			out = append(out, a.shownPaper(p))
		}
	}
	return out
}

// seesPaper reports whether a paper is the reader's to see: with its referral, and
// what was assessed with assessments besides. One that was written here goes to the
// other side as its form says (form.Pathway.Shares); one that came from a hospital's
// system, where nobody can say which of its answers tells of risks or where a
// restricted person is, with those too.
func (a *asking) seesPaper(c care.Case, p care.Paper) bool {
	i := slices.IndexFunc(c.Referrals, func(r care.Referral) bool { return r.ID == p.Referral })
	if i < 0 || !a.seesReferral(c.Referrals[i]) {
		return false
	}
	from := c.Referrals[i].From
	if p.Form != "" {
		from = p.By.Org
	}
	may := a.from(from)
	switch {
	case from == a.by.Org:
		return p.Form == "" || may[policy.SeeAssessments] // not every role sees what its own side assessed
	case p.Kind == care.PaperAssessmentNotice || p.Kind == care.PaperDischargeNotice:
		return true
	}
	placed := !a.facts.Restricted || may[policy.SeeWhereabouts]
	if p.Form != "" {
		f, ok := a.h.Forms.Get(p.Form, p.FormVersion)
		return ok && f.Shares == string(policy.Assessments) && may[policy.SeeAssessments] && placed
	}
	return may[policy.SeeAssessments] && may[policy.SeeRisk] && placed
}

// shownPaper is a paper as far as the reader may see it. Whoever wrote it reads
// their own words; what an approver wrote to the writer stays with their organisation.
func (a *asking) shownPaper(p care.Paper) care.Paper {
	if p.Form == "" {
		return p
	}
	f, ok := a.h.Forms.Get(p.Form, p.FormVersion)
	if p.By.Org != a.by.Org {
		may := a.from(p.By.Org)
		p.Answers = seenAnswers(f, p.Answers, may, a.facts.Restricted)
		p.Approvals = slices.Clone(p.Approvals)
		for i := range p.Approvals {
			p.Approvals[i].Text = ""
		}
		if !may[policy.SeeRisk] || !may[policy.SeeWhereabouts] {
			p.Files = nil // nobody can say which part of a file tells of risks, or where somebody is
		}
		if !a.seesSigns(p) {
			p.Signs = nil
		}
	}
	if p.Items = nil; ok {
		for _, l := range f.Summary(p.Answers) {
			if len(l.Answers) > 0 {
				p.Items = append(p.Items, care.Said{Link: l.Field, Text: l.Question, Answer: l.Text()})
			}
		}
	}
	return p
}

// seesSigns reports whether the reader sees which providers answered a paper: a hospital
// where the council that wrote it shares who provides care.
func (a *asking) seesSigns(p care.Paper) bool {
	return a.by.OrgKind != care.Trust || p.By.Org == a.by.Org || a.from(p.By.Org)[policy.SeeProvider]
}

// paperOf is the paper that an event is about, as it was or is; zero when it is
// about none.
func paperOf(c care.Case, e care.Event) care.Paper {
	id := ""
	switch x := e.(type) {
	case care.PaperShared:
		return x.Paper
	case care.PaperWithdrawn:
		id = x.ID
	case care.PaperSigned:
		id = x.ID
	}
	i := slices.IndexFunc(c.Papers, func(p care.Paper) bool { return id != "" && p.ID == id })
	if i < 0 {
		return care.Paper{}
	}
	return c.Papers[i]
}

// PaperView is an approved assessment with its revisions.
type PaperView struct {
	Case      CaseView
	Paper     care.Paper // as it stands
	Form      *form.Pathway
	Revisions []care.Paper // oldest first; the last is as it stands
	Files     []FileView
	Mine      bool       // the reader's organisation wrote it
	MayWrite  bool       // a new revision, or what a provider said
	Providers []SignedBy // who may be asked to sign, for a trusted assessment
}

// SignedBy is a provider that can sign, as a council's directory has it.
type SignedBy struct{ Council, ID, Name string }

// PaperRevisions opens an approved assessment with all its revisions.
func (h *Hub) PaperRevisions(ctx context.Context, by care.Actor, id care.CaseID, paper string) (PaperView, error) {
	var v PaperView
	err := h.update(ctx, func(tx *store.Tx) error {
		v = PaperView{}
		a, c, err := h.named(tx, by, policy.SeeAssessments, id, h.now())
		if err != nil {
			return err
		}
		a.decide(caseActions...)
		i := slices.IndexFunc(c.Papers, func(p care.Paper) bool { return p.ID == paper && p.Form != "" })
		if i < 0 || !a.opens() || !a.may[policy.SeeReferral] || !a.seesPaper(c, c.Papers[i]) {
			return a.refuse(tx)
		}
		v.Paper = a.shownPaper(c.Papers[i])
		v.Mine = v.Paper.By.Org == by.Org
		v.MayWrite = v.Mine && a.may[policy.WriteAssessment]
		v.Form, _ = h.Forms.Get(v.Paper.Form, v.Paper.FormVersion)
		if v.Case, err = h.caseView(tx, a, c, a.record.At); err != nil {
			return err
		}
		if v.Revisions, err = a.revisions(tx, c, paper); err != nil {
			return err
		}
		if v.Files, err = h.fileViews(tx, c, v.Paper.Files); err != nil {
			return err
		}
		if v.MayWrite && v.Paper.Kind == care.PaperTrusted {
			if v.Providers, err = h.signers(tx, a, c); err != nil {
				return err
			}
		}
		return a.audit(tx, true, "read an assessment")
	})
	return v, err
}

// revisions are what a paper said each time that it was approved.
func (a *asking) revisions(tx *store.Tx, c care.Case, paper string) ([]care.Paper, error) {
	var out []care.Paper
	for _, id := range append(slices.Clone(c.Absorbed), c.ID) {
		entries, err := tx.History(id)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			x, ok := e.Event.(care.PaperShared)
			if ok && x.Paper.ID == paper && a.seesPaper(c, x.Paper) && !slices.ContainsFunc(out, func(p care.Paper) bool { return p.Revision == x.Paper.Revision }) {
				out = append(out, a.shownPaper(x.Paper))
			}
		}
	}
	slices.SortFunc(out, func(x, y care.Paper) int { return cmp.Compare(x.Revision, y.Revision) })
	return out, nil
}

// signers are the providers that care for the person, as far as the reader sees
// them: those that were told, and those of packages.
func (h *Hub) signers(tx *store.Tx, a *asking, c care.Case) ([]SignedBy, error) {
	var out []SignedBy
	add := func(council nhs.ODS, id, name string) {
		s := SignedBy{string(council), id, name}
		if id != "" && name != "" && a.from(council)[policy.SeeProvider] && !slices.ContainsFunc(out, func(x SignedBy) bool { return x.Council == s.Council && x.ID == s.ID }) {
			out = append(out, s)
		}
	}
	for _, x := range c.Clients {
		add(x.Council, x.Provider, x.ProviderName)
	}
	for _, hold := range c.Holdings {
		for _, k := range hold.Packages {
			p, err := tx.Provider(hold.Council, k.Provider)
			if err != nil && care.KindOf(err) != care.NotFound {
				return nil, err
			}
			add(hold.Council, k.Provider, p.Name)
		}
	}
	return out, nil
}

// Changed is one question whose answer differs between two revisions, in words.
type Changed struct {
	Question string
	Was, Now string // "" where it was not answered, or not asked
}

// CompareAnswers says in words what differs between two sets of answers, each in its
// own version of a form (nil: then nothing of it can be said), in the order of the
// later form.
func CompareAnswers(was *form.Pathway, before form.Answers, is *form.Pathway, after form.Answers) []Changed {
	words := func(p *form.Pathway, a form.Answers) (lines []form.Line, by map[string]string) {
		by = map[string]string{}
		if p != nil {
			for _, l := range p.Summary(a) {
				if len(l.Answers) > 0 {
					lines, by[l.Field] = append(lines, l), strings.Join(l.Answers, "\n")
				}
			}
		}
		return lines, by
	}
	old, then := words(was, before)
	lines, now := words(is, after)
	var out []Changed
	for _, l := range lines {
		if then[l.Field] != now[l.Field] {
			out = append(out, Changed{Question: l.Question, Was: then[l.Field], Now: now[l.Field]})
		}
	}
	for _, l := range old {
		if _, still := now[l.Field]; !still {
			out = append(out, Changed{Question: l.Question, Was: then[l.Field]})
		}
	}
	return out
}

// SignAssessment is a provider's own answer to one revision of a trusted assessment:
// sign.Provider is its number in the directory of a council, and must be the
// provider that asks.
func (h *Hub) SignAssessment(ctx context.Context, by care.Actor, id care.CaseID, paper string, revision int, sign care.Sign) error {
	return h.update(ctx, func(tx *store.Tx) error {
		a, c, err := h.named(tx, by, policy.SignAssessment, id, h.now())
		if err != nil {
			return err
		}
		own := slices.ContainsFunc(h.Orgs, func(o care.Org) bool {
			return o.Kind == care.Council && care.ProviderCode(o.ODS, sign.Provider) == by.Org
		})
		if !own {
			return a.refuse(tx)
		}
		sign.Name = cmp.Or(by.OrgName, sign.Name)
		_, err = h.carry(tx, a, c, policy.SignAssessment, care.SignPaper{ID: paper, Revision: revision, Sign: sign})
		return err
	})
}

// RecordSign records what a provider said of a trusted assessment by telephone or on
// paper, by the organisation that wrote it. A provider that is in no directory has no
// number, only a name.
func (h *Hub) RecordSign(ctx context.Context, by care.Actor, id care.CaseID, paper string, revision int, sign care.Sign) error {
	return h.onPaper(ctx, by, id, paper, func(tx *store.Tx, a *asking, c care.Case) (care.Command, error) {
		known, err := h.signers(tx, a, c)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(known, func(s SignedBy) bool { return s.ID == sign.Provider })
		switch name := strings.TrimSpace(sign.Name); {
		case sign.Provider != "" && i < 0:
			return nil, &care.Error{Kind: care.Invalid, Field: "provider", Text: "Choose the provider"}
		case sign.Provider != "":
			sign.Name = known[i].Name
		case name == "" || len([]rune(name)) > 200:
			return nil, &care.Error{Kind: care.Required, Field: "name", Text: "Choose the provider, or enter its name in 200 characters or fewer"}
		default:
			sign.Name, sign.Provider = name, "name:"+strings.ToLower(name)
		}
		return care.SignPaper{ID: paper, Revision: revision, Sign: sign}, nil
	})
}

// SettleSign ends a provider's dispute, with how, by the organisation that wrote the
// assessment.
func (h *Hub) SettleSign(ctx context.Context, by care.Actor, id care.CaseID, paper, provider, outcome string) error {
	return h.onPaper(ctx, by, id, paper, func(*store.Tx, *asking, care.Case) (care.Command, error) {
		return care.SettlePaper{ID: paper, Provider: provider, Outcome: outcome}, nil
	})
}

// onPaper carries out a command about an approved paper that the reader's own
// organisation wrote, by one who may write it.
func (h *Hub) onPaper(ctx context.Context, by care.Actor, id care.CaseID, paper string, f func(*store.Tx, *asking, care.Case) (care.Command, error)) error {
	return h.update(ctx, func(tx *store.Tx) error {
		a, c, err := h.named(tx, by, policy.WriteAssessment, id, h.now())
		if err != nil {
			return err
		}
		a.decide(caseActions...)
		mine := slices.ContainsFunc(c.Papers, func(p care.Paper) bool { return p.ID == paper && p.By.Org == by.Org })
		if !a.may[policy.WriteAssessment] || !mine {
			return a.refuse(tx)
		}
		cmd, err := f(tx, a, c)
		if err != nil {
			return err
		}
		_, err = h.carry(tx, a, c, policy.WriteAssessment, cmd)
		return err
	})
}
