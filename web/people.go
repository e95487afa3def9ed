package web

import (
	"cmp"
	"net/url"
	"strings"
	"time"

	"homeward/care"
	"homeward/hub"
	"homeward/policy"
	"homeward/web/ui"
)

// peopleRoutes is questions of identity: who is who. Each change has a page
// that says in plain words what it does, before it is done.
func (s *Server) peopleRoutes() []route {
	return []route{
		{pattern: "GET /identity", nav: "identity", asks: deciding(policy.Steward), do: s.identity},
		{pattern: "GET /identity/join", nav: "identity", asks: deciding(policy.Steward), do: s.askJoin},
		{pattern: "GET /identity/near", nav: "identity", asks: deciding(policy.Steward), do: s.askNear},
		{pattern: "POST /identity/near", nav: "identity", asks: deciding(policy.Steward), do: s.settleNear},
		{pattern: "POST /identity/join", nav: "identity", asks: deciding(policy.Steward), do: s.join},
		{pattern: "GET /identity/joined", nav: "identity", asks: deciding(policy.Steward), do: s.joined},
		{pattern: "GET /identity/settle", nav: "identity", asks: deciding(policy.Steward), do: s.askSettle},
		{pattern: "POST /identity/settle", nav: "identity", asks: deciding(policy.Steward), do: s.settle},
		{pattern: "GET /identity/separate", nav: "identity", asks: deciding(policy.Steward), do: s.askSeparate},
		{pattern: "POST /identity/separate", nav: "identity", asks: deciding(policy.Steward), do: s.separate},
	}
}

// pairPath is the address of an action on two records, by their handles.
func pairPath(what string, survivor, retired care.CaseID) string {
	return "/identity/" + what + "?" + url.Values{"survivor": {string(survivor)}, "retired": {string(retired)}}.Encode()
}

func settlePath(id care.CaseID) string {
	return "/identity/settle?" + url.Values{"case": {string(id)}}.Encode()
}

// identity lists the questions that wait for a person.
func (s *Server) identity(v *visit) (response, error) {
	questions, err := s.Hub.Questions(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	main := []ui.Node{ui.WorkHead("Who is who", ui.Plural(len(questions), "question waits", "questions wait")+", oldest first"),
		ui.P("A hospital or a council said something that does not fit who we thought a person was. The records are frozen until somebody has checked, so that nobody reads the wrong person’s record.")}
	if len(questions) == 0 {
		main = append(main, ui.Empty("Nothing is in question", ui.P("When the numbers of two people get mixed up, the records are shown here: those of people whom your organisation treats, supports or was sent, or to whom it gave a number.")))
	}
	for _, q := range questions {
		main = append(main, questionPart(q, v.now))
	}
	without, err := s.Hub.WithoutNumber(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	unsure, more, err := s.Hub.NotVerified(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	main = append(main, withoutNumber(without, v.now), notVerified(unsure, more, v.now))
	return show(ui.Page{Title: "Who is who", Width: ui.PersonPage, Main: main}), nil
}

func questionPart(q hub.Question, now time.Time) ui.Node {
	since := ui.Para(ui.Text("Frozen since "+ui.ClockOn(q.Since, now)+", "), ui.AgoTime(q.Since, now), ui.Text("."))
	if q.Theirs {
		return theirsPart(q, since, now)
	}
	if q.B.ID == "" {
		return ui.Section("q-"+string(q.A.ID), q.Kind.Say(), since, personCard(3, "The record", q.A, now),
			ui.Button{Text: "Settle which number is right", Kind: ui.Secondary, Href: settlePath(q.A.ID), About: "for record " + handle(q.A.ID)})
	}
	survivor, retired := survivorOf(q)
	return ui.Section("q-"+string(q.A.ID), q.Kind.Say(), since, cards(3, q, now), ui.ButtonGroup(
		ui.Button{Text: "Same person: join these records", Kind: ui.Secondary, Href: pairPath("join", survivor.ID, retired.ID)},
		ui.Button{Text: "Different people: say whose the number is", Kind: ui.Secondary, Href: settlePath(q.A.ID)}))
}

// theirsPart is a question of two records, one of which is another
// organisation's: of that one it says only whom to ask.
func theirsPart(q hub.Question, since ui.Node, now time.Time) ui.Node {
	buttons := []ui.Node{ui.Button{Text: "Same person: agree to join the records", Kind: ui.Secondary, Href: pairPath("join", q.A.ID, q.Other), About: "for record " + handle(q.A.ID)}}
	if q.A.Frozen {
		buttons = append(buttons, ui.Button{Text: "Different people: settle our record", Kind: ui.Secondary, Href: settlePath(q.A.ID), About: handle(q.A.ID)})
	}
	return ui.Section("q-"+string(q.A.ID), q.Kind.Say(), since, personCard(3, "Our record", q.A, now), theirsWords(q), ui.ButtonGroup(buttons...))
}

// theirsWords says whose the other record is and what is still wanted.
func theirsWords(q hub.Question) ui.Node {
	who := make([]string, len(q.Owners))
	whom := "coordinator"
	for i, o := range q.Owners {
		who[i] = o.Name
		if o.Kind == care.Council {
			whom = "team manager"
		}
	}
	them := listed(who)
	words := "The other record belongs to " + them + ", and is not shown to you. Compare the two by telephone: ask its " + whom + " about record " + handle(q.Other) + ". The records are joined when both of you say here that it is one person."
	switch {
	case q.Agreed:
		words = "Your side has said that it is one person. The other record belongs to " + them + ": ask its " + whom + " to say so too, about record " + handle(q.Other) + "."
	case q.TheyAgreed:
		words = them + " has said that its record " + handle(q.Other) + " is of this person, and is not shown to you. When you say so too, the two are joined."
	}
	return ui.P(words)
}

func cards(level int, q hub.Question, now time.Time) ui.Node {
	return ui.Halves(personCard(level, "First record", q.A, now), personCard(level, "Second record", q.B, now))
}

// personCard is what tells people apart, under a heading of the level.
func personCard(level int, title string, c hub.PersonCard, now time.Time) ui.Node {
	born := ui.Or("", ui.NotKnown)
	if !c.Person.Born.IsZero() {
		born = ui.Text(ui.Day(c.Person.Born) + " (" + ui.Age(c.Person.Born, now) + ")")
	}
	rows := []ui.Row{
		{Key: "Name", Value: ui.Strong(ui.Name(c.Person.Family, c.Person.Given, c.Person.Title))},
		{Key: "Born", Value: born},
		{Key: "Gender", Value: ui.Or(c.Person.Sex, ui.NotKnown)},
		{Key: "NHS No.", Value: numberOr(c.NHS)}}
	if c.Said != "" && c.Said != c.NHS {
		rows = append(rows, ui.Row{Key: "NHS No. given, not believed", Value: numberOr(c.Said)})
	}
	home, where := ui.Or(address(c.Person.Address), ui.NotKnown), ui.Or(c.Where, "Not in hospital")
	if c.Sensitive {
		home = ui.Missing("Not shown: sensitive record")
	}
	if !c.WhereShown {
		where = ui.Missing("Not shown to your role")
	}
	rows = append(rows, ui.Row{Key: "Address", Value: home}, ui.Row{Key: "Our own numbers", Value: numbers(c.IDs)}, ui.Row{Key: "Where now", Value: where})
	return ui.Card(level, title, ui.SummaryList(rows...))
}

func numberOr(spaced string) ui.Node {
	if spaced == "" {
		return ui.Missing(ui.NotKnown)
	}
	return ui.NoWrap(spaced)
}

// numbers are what the reader's own organisation calls the person.
func numbers(ids []care.Identifier) ui.Node {
	if len(ids) == 0 {
		return ui.Missing("None")
	}
	var out ui.Nodes
	for i, id := range ids {
		if i > 0 {
			out = append(out, ui.Break())
		}
		kind, org, _ := strings.Cut(id.System, ":")
		out = append(out, ui.Text(id.Value+" ("+cmp.Or(map[string]string{"mrn": "hospital", "council": "council"}[kind], kind)+" "+org+")"))
	}
	return out
}

// inQuestion reports whether a record is frozen for this question, rather than
// for another or not at all.
func inQuestion(q hub.Question, c hub.PersonCard) bool {
	return c.ID != "" && (c.ID == q.A.ID || c.Said != "" && c.Said == q.A.Said)
}

// survivorOf is which record goes on when two are joined: the one that has the
// NHS number, else the first.
func survivorOf(q hub.Question) (survivor, retired hub.PersonCard) {
	if q.A.NHS == "" && q.B.NHS != "" {
		return q.B, q.A
	}
	return q.A, q.B
}

// whyField asks how somebody knows. It is kept with the case.
func whyField(v *visit, errs []ui.FieldError) ui.Node {
	return ui.Textarea{ID: "why", Label: "How do you know?", Hint: "For example: compared both with the Personal Demographics Service, or rang the ward. This is kept with the record, with your name",
		Rows: 3, Max: 500, Value: v.form("why"), Error: ui.ErrorFor(errs, "why")}
}

// tooLong checks the reason. The hub says when there is none.
func tooLong(why string) []ui.FieldError {
	if len([]rune(why)) > 500 {
		return wrongs{{ID: "why", Text: "How you know must be 500 characters or fewer"}}
	}
	return nil
}

func identityBack() *ui.NavItem { return &ui.NavItem{Href: "/identity", Text: "Who is who"} }

func (s *Server) askJoin(v *visit) (response, error) {
	p, err := s.joinPage(v, care.CaseID(v.query("survivor")), care.CaseID(v.query("retired")), nil)
	return show(p), err
}

// confirmField asks to tick what speaks against joining, in words that say it.
func confirmField(v *visit, q hub.Question, errs []ui.FieldError) ui.Node {
	if len(q.Differs) == 0 {
		return nil
	}
	f := ui.Checkboxes{ID: "confirm", Legend: "These may be two people", Hint: "Tick only what you have checked. If in doubt, do not join them",
		Error: ui.ErrorFor(errs, "confirm"), Values: v.r.PostForm["confirm"]}
	for _, d := range q.Differs {
		f.Items = append(f.Items, ui.Choice{Value: string(d), Label: d.Say() + ". I have checked that it is one person all the same"})
	}
	return f
}

// confirmed are the differences that were ticked.
func confirmed(v *visit) []hub.Difference {
	var out []hub.Difference
	for _, c := range v.r.PostForm["confirm"] {
		out = append(out, hub.Difference(c))
	}
	return out
}

func (s *Server) joinPage(v *visit, id, other care.CaseID, errs []ui.FieldError) (ui.Page, error) {
	q, err := s.Hub.Question(v.ctx(), v.by, id, other)
	if err == nil && q.B.ID == "" && !q.Theirs {
		err = &care.Error{Kind: care.NotFound, Text: "There is only one record in this question"}
	}
	if err != nil {
		return ui.Page{}, err
	}
	survivor, retired := survivorOf(q)
	p := ui.Page{Title: "Join two records", Width: ui.PersonPage, Back: identityBack()}
	title, shown, goes, button := "Join these two records into one", cards(2, q, v.now), recordWord(q, survivor), "Same person: join the records"
	if q.Theirs {
		// The record of whoever says so last goes on.
		survivor.ID, retired.ID = q.A.ID, q.Other
		title, shown, goes = "Agree to join your record with another", ui.Nodes{personCard(2, "Our record", q.A, v.now), theirsWords(q)}, "the other record"
		if q.TheyAgreed {
			goes = "our record"
		}
		button = "Same person: agree to join the records"
	}
	p.Main = []ui.Node{
		ui.ErrorSummary(errs), ui.H1(title), shown,
		ui.H2("What this does"),
		ui.Bullets(
			ui.Text("One record is left. It has the hospital stays, referrals, notes, packages and numbers of both."),
			ui.Text("Name, date of birth and address are those of "+goes+", until a hospital or council says otherwise."),
			ui.Text("Everybody who may see either of the two sees both."),
			ui.Text("You can separate them again. What was recorded in between stays with the record that is left.")),
		ui.TwoThirds(ui.PostForm("/identity/join", ui.Hidden("survivor", string(survivor.ID)), ui.Hidden("retired", string(retired.ID)),
			confirmField(v, q, errs), whyField(v, errs),
			ui.ButtonGroup(ui.Button{Text: button}, ui.Link("/identity", "Cancel"))))}
	return p, nil
}

func recordWord(q hub.Question, c hub.PersonCard) string {
	if q.A.ID == c.ID {
		return "the first record"
	}
	return "the second record"
}

func (s *Server) join(v *visit) (response, error) {
	survivor, retired := care.CaseID(v.form("survivor")), care.CaseID(v.form("retired"))
	again := func(errs []ui.FieldError) (response, error) {
		p, err := s.joinPage(v, survivor, retired, errs)
		return refuse(p), err
	}
	if errs := tooLong(v.form("why")); errs != nil {
		return again(errs)
	}
	done, err := s.Hub.Join(v.ctx(), v.by, survivor, retired, v.form("why"), confirmed(v)...)
	if errs, ok := fieldErrors(err, nil); ok {
		return again(errs)
	}
	if err != nil {
		return nil, err
	}
	if !done {
		return goTo("/identity").saying("Kept. The records are joined when the other organisation says so too."), nil
	}
	return goTo(pairPath("joined", survivor, retired)), nil
}

// joined confirms a join, and offers the way back while it is fresh in mind.
func (s *Server) joined(v *visit) (response, error) {
	if err := s.Hub.Steward(v.ctx(), v.by); err != nil {
		return nil, err
	}
	survivor, retired := care.CaseID(v.query("survivor")), care.CaseID(v.query("retired"))
	if survivor == "" || retired == "" {
		return goTo("/identity"), nil
	}
	return show(ui.Page{Title: "Records joined", Width: ui.FormPage, Main: []ui.Node{ui.TwoThirds(
		ui.Panel("Records joined", ui.Text("There is one record of this person now.")),
		ui.P("What hospitals and councils say about either of the two goes to this record from now on."),
		ui.Para(ui.Text("If this was a mistake, "), ui.Link(pairPath("separate", survivor, retired), "separate the records again"), ui.Text(".")),
		ui.Para(ui.Link("/identity", "Go on with who is who")))}}), nil
}

// holderOf is which record of a question has the number that is in question.
// With two records it is the one that has the number that was given for the
// other.
func holderOf(q hub.Question) (holder, other hub.PersonCard) {
	if q.B.ID != "" && q.B.NHS != "" && (q.A.NHS != q.A.Said || q.A.NHS == "") {
		return q.B, q.A
	}
	return q.A, q.B
}

func (s *Server) askSettle(v *visit) (response, error) {
	p, err := s.settlePage(v, care.CaseID(v.query("case")), nil)
	return show(p), err
}

func (s *Server) settlePage(v *visit, id care.CaseID, errs []ui.FieldError) (ui.Page, error) {
	q, err := s.Hub.Question(v.ctx(), v.by, id, "")
	if err != nil {
		return ui.Page{}, err
	}
	holder, _ := holderOf(q)
	title, shown, whose := "Settle which number is right", personCard(2, "The record", q.A, v.now), "this person"
	if q.B.ID != "" {
		title, shown = "Say whose the NHS number is", cards(2, q, v.now)
		whose = "the person of " + recordWord(q, holder)
	}
	var choice ui.Node = ui.Hidden("number", "keep")
	if q.B.ID == "" && q.A.Said != "" && q.A.Said != q.A.NHS {
		choice = ui.Radios{ID: "number", Legend: "Which NHS number is this person's?", Value: v.form("number"), Error: ui.ErrorFor(errs, "number"), Items: []ui.Choice{
			{Value: "keep", Label: ownNumber(q.A), Hint: "The record stays as it is, and the other number is not believed when it is given again"},
			{Value: "take", Label: q.A.Said, Hint: "The record gets this number, and keeps the old one as a former number"}}}
	} else if holder.NHS != "" && inQuestion(q, holder) {
		choice = ui.Radios{ID: "number", Legend: "Whose is NHS number " + holder.NHS + "?", Value: v.form("number"), Error: ui.ErrorFor(errs, "number"), Items: []ui.Choice{
			{Value: "keep", Label: "It is the number of " + whose, Hint: "It stays on that record"},
			{Value: "drop", Label: "It is not the number of " + whose, Hint: "It is taken off that record, and is not believed for it when it is given again"}}}
	}
	return ui.Page{Title: title, Width: ui.PersonPage, Back: identityBack(), Main: []ui.Node{
		ui.ErrorSummary(errs), ui.H1(title), shown,
		ui.H2("What this does"),
		settleWords(q),
		ui.TwoThirds(ui.PostForm("/identity/settle", ui.Hidden("case", string(q.A.ID)),
			choice,
			whyField(v, errs),
			ui.ButtonGroup(ui.Button{Text: settleButton(q)}, ui.Link("/identity", "Cancel"))))}}, nil
}

// ownNumber is the number that a record has, in words.
func ownNumber(c hub.PersonCard) string {
	if c.NHS == "" {
		return "Neither: the record stays without a number"
	}
	return c.NHS
}

func settleButton(q hub.Question) string {
	if q.B.ID == "" {
		return "Settle this"
	}
	return "Different people: settle this"
}

// settleWords says what settling does.
func settleWords(q hub.Question) ui.Node {
	words := []ui.Node{}
	if q.B.ID != "" {
		words = append(words, ui.Text("The two stay two people, with a record each."))
		if !inQuestion(q, q.B) {
			words = append(words, ui.Text("The second record is not frozen, or for another question. It stays as it is."))
		}
	}
	if _, other := holderOf(q); other.Said != "" && other.Said != other.NHS {
		words = append(words, ui.Text("NHS number "+other.Said+" is not believed for "+recordWord(q, other)+" when it is given again."))
	}
	words = append(words, ui.Text("What was frozen can be used again. What is settled cannot be taken back here."))
	return ui.Bullets(words...)
}

// settle answers a question: the holder's number is right or not, and the other
// record keeps what it has. Each record is settled by itself; should the second
// not be, its question is still asked.
func (s *Server) settle(v *visit) (response, error) {
	id, number := care.CaseID(v.form("case")), v.form("number")
	again := func(errs []ui.FieldError) (response, error) {
		p, err := s.settlePage(v, id, errs)
		return refuse(p), err
	}
	q, err := s.Hub.Question(v.ctx(), v.by, id, "")
	if err != nil {
		return nil, err
	}
	var wrong wrongs
	if number != "keep" && number != "drop" && number != "take" {
		wrong.add("number", "Select whose the NHS number is")
	}
	wrong.need("why", v.form("why"), "Enter how you know")
	if wrong = append(wrong, tooLong(v.form("why"))...); len(wrong) > 0 {
		return again(wrong)
	}
	holder, other := holderOf(q)
	for _, c := range []hub.PersonCard{holder, other} {
		if !inQuestion(q, c) {
			continue
		}
		if c.ID != holder.ID {
			number = "keep" // of its own; the one that was said of it is denied
		}
		err := s.Hub.Settle(v.ctx(), v.by, c.ID, number, v.form("why"))
		if errs, ok := fieldErrors(err, nil); ok {
			return again(errs)
		}
		if err != nil {
			return nil, err
		}
	}
	return goTo("/identity").saying("Settled. The records can be used again."), nil
}

func (s *Server) askSeparate(v *visit) (response, error) {
	p, err := s.separatePage(v, care.CaseID(v.query("survivor")), care.CaseID(v.query("retired")), nil)
	return show(p), err
}

func (s *Server) separatePage(v *visit, survivor, retired care.CaseID, errs []ui.FieldError) (ui.Page, error) {
	if err := s.Hub.Steward(v.ctx(), v.by); err != nil { // whether this reader may settle who is who
		return ui.Page{}, err
	}
	if survivor == "" || retired == "" {
		return ui.Page{}, &care.Error{Kind: care.NotFound, Text: "It was not said which records to separate. Open the case that they were joined into, and start there"}
	}
	return ui.Page{Title: "Separate two records", Width: ui.FormPage, Back: identityBack(), Main: []ui.Node{ui.TwoThirds(
		ui.ErrorSummary(errs), ui.H1("Separate these records again"),
		ui.P("Two records were joined into one: "+handle(retired)+" into "+handle(survivor)+". This makes them two again."),
		ui.Bullets(
			ui.Text("Each gets back the hospital stays, referrals, notes, packages and numbers that came from it, as they are now."),
			ui.Text("What was recorded since they were joined stays with record "+handle(survivor)+". Look at both afterwards."),
			ui.Text("Messages about either go to their own record again.")),
		ui.PostForm("/identity/separate", ui.Hidden("survivor", string(survivor)), ui.Hidden("retired", string(retired)), whyField(v, errs),
			ui.ButtonGroup(ui.Button{Text: "Separate the records"}, ui.Link("/identity", "Cancel"))))}}, nil
}

func (s *Server) separate(v *visit) (response, error) {
	survivor, retired := care.CaseID(v.form("survivor")), care.CaseID(v.form("retired"))
	again := func(errs []ui.FieldError) (response, error) {
		p, err := s.separatePage(v, survivor, retired, errs)
		return refuse(p), err
	}
	if errs := tooLong(v.form("why")); errs != nil {
		return again(errs)
	}
	err := s.Hub.Separate(v.ctx(), v.by, survivor, retired, v.form("why"))
	if errs, ok := fieldErrors(err, nil); ok {
		return again(errs)
	}
	if err != nil {
		return nil, err
	}
	return goTo("/identity").saying("The records are separate again. Look at both."), nil
}
