package web

import (
	"net/http"

	"homeward/care"
	"homeward/hub"
	"homeward/nhs"
	"homeward/policy"
	"homeward/web/ui"
)

// lookupRoutes is finding a person at any hour. Who is sought is only ever
// posted; the result stands under an opaque handle for a short time.
func (s *Server) lookupRoutes() []route {
	form := func(byName bool) handler {
		return func(v *visit) (response, error) {
			if !s.Hub.MayLookUp(v.by) {
				return nil, &care.Error{Kind: care.Forbidden, Text: "Your role cannot look people up"}
			}
			return show(s.lookPage(lookForm{byName: byName}, nil, false)), nil
		}
	}
	ask := func(byName bool) handler {
		return func(v *visit) (response, error) { return s.look(v, readLook(v, byName)) }
	}
	return []route{
		{pattern: "GET /lookup", nav: "find", asks: deciding(policy.Lookup), do: form(false)},
		{pattern: "POST /lookup", nav: "find", asks: deciding(policy.Lookup), do: ask(false)},
		{pattern: "GET /lookup/name", nav: "find", asks: deciding(policy.Lookup), do: form(true)},
		{pattern: "POST /lookup/name", nav: "find", asks: deciding(policy.Lookup), do: ask(true)},
		{pattern: "GET /lookup/result/{handle}", nav: "find", asks: deciding(policy.Lookup), do: s.lookResult},
	}
}

const lookRecorded = "This look-up is recorded with your name."

// lookForm is what somebody typed, kept when the form comes back with an error.
type lookForm struct {
	byName                  bool
	nhs                     string
	family, given, postcode string
	born                    typedDate
	reason, words           string
}

func readLook(v *visit, byName bool) lookForm {
	return lookForm{byName: byName, nhs: v.form("nhs"), family: v.form("family"), given: v.form("given"), postcode: v.form("postcode"),
		born: v.date("dob"), reason: v.form("reason"), words: v.form("words")}
}

// request reads what was typed. All that is wrong is said at once.
func (f lookForm) request() (hub.LookRequest, wrongs) {
	q := hub.LookRequest{Reason: hub.Reason(f.reason)}
	var w wrongs
	if f.byName {
		q.Family, q.Given, q.Postcode = f.family, f.given, f.postcode
		w.need("family", f.family, "Enter the family name")
		w.need("given", f.given, "Enter the first name")
	} else {
		number, err := nhs.ParseNumber(f.nhs)
		if err != nil {
			w.add("nhs", err.Error())
		}
		q.Number = number
	}
	born, wrong := f.born.parse("Date of birth")
	if f.born.empty() {
		wrong = "Enter a date of birth"
	}
	w.add("dob-day", wrong)
	q.Born = born
	if f.byName {
		w.need("postcode", f.postcode, "Enter the postcode")
	}
	switch q.Reason {
	case hub.ReasonCare, hub.ReasonDischarge:
	case hub.ReasonOther:
		q.Words = f.words
		w.need("words", f.words, "Enter why you need to look at this record")
	default:
		w.add("reason", "Select why you need to look at this record")
	}
	return q, w
}

// need notes that a field is empty.
func (w *wrongs) need(id, value, text string) {
	if value == "" {
		w.add(id, text)
	}
}

func (s *Server) look(v *visit, f lookForm) (response, error) {
	q, wrong := f.request()
	if len(wrong) > 0 {
		return refuse(s.lookPage(f, wrong, false)), nil
	}
	result, err := s.Hub.Look(v.ctx(), v.by, q)
	if res, err := s.lookFailed(v, f, result, err); res != nil || err != nil {
		return res, err
	}
	return goTo("/lookup/result/" + result.Handle), nil
}

// lookFailed is the answer to a look-up that found out nothing: its form again
// where that can mend it. Both are nil when the result can be shown.
func (s *Server) lookFailed(v *visit, f lookForm, result hub.LookView, err error) (response, error) {
	ids := map[string]string{"dob": "dob-day"}
	if f.byName {
		ids["nhs"] = "family"
	}
	if errs, ok := fieldErrors(err, ids); ok {
		p := s.lookPage(f, errs, false)
		if care.KindOf(err) == care.Throttled {
			p.Error = true
			v.retryLater()
			return page{p, http.StatusTooManyRequests}, nil
		}
		return refuse(p), nil
	}
	if err != nil {
		return nil, err
	}
	if result.Outcome == hub.LookMismatch {
		wrong := wrongs{{ID: "nhs", Text: "The date of birth does not match this NHS number. Check both"}}
		if f.byName {
			wrong = wrongs{{ID: "family", Text: "These details do not match. Check all of them"}}
		}
		return refuse(s.lookPage(f, wrong, result.Slow)), nil
	}
	return nil, nil
}

// lookPage is the form. slow says that too many tries did not match.
func (s *Server) lookPage(f lookForm, errs []ui.FieldError, slow bool) ui.Page {
	action, other := "/lookup", ui.Link("/lookup/name", "I don’t have the NHS number")
	if f.byName {
		action, other = "/lookup/name", ui.Link("/lookup", "I have the NHS number")
	}
	return ui.Page{Title: "Find a person", Width: ui.FormPage, Main: []ui.Node{ui.TwoThirds(
		ui.ErrorSummary(errs),
		ui.If(slow, func() ui.Node {
			return ui.Inset(ui.P("Too many look-ups did not match. You can try again in 30 seconds. Your information governance lead has been told."))
		}),
		ui.H1("Find a person"),
		ui.PostForm(action,
			ui.If(!f.byName, func() ui.Node { return f.numberField(errs) }),
			ui.If(f.byName, func() ui.Node { return f.nameFields(errs) }),
			f.bornField(errs),
			ui.If(f.byName, func() ui.Node {
				return ui.Input{ID: "postcode", Label: "Postcode", Hint: "Of their usual address", Value: f.postcode, Width: 10, Error: ui.ErrorFor(errs, "postcode")}
			}),
			f.reasonField(errs),
			ui.Submit("Find person")),
		ui.Para(other),
		ui.Para(ui.Link("/concerns/mine", "Safeguarding concerns that you raised")),
		ui.Small(lookRecorded),
	)}}
}

func (f lookForm) numberField(errs []ui.FieldError) ui.Node {
	return ui.Input{ID: "nhs", Label: "NHS number", Hint: "10 digits, for example 999 123 4567. Spaces do not matter", Value: f.nhs, Width: 10, Code: true, Mode: "numeric",
		Error: ui.ErrorFor(errs, "nhs")}
}

func (f lookForm) bornField(errs []ui.FieldError) ui.Node {
	return ui.DateInput{ID: "dob", Legend: "Date of birth", Hint: "For example, 14 3 1941", Day: f.born.Day, Month: f.born.Month, Year: f.born.Year,
		Error: ui.ErrorFor(errs, "dob-day")}
}

func (f lookForm) nameFields(errs []ui.FieldError) ui.Node {
	return ui.Nodes{
		ui.P("Name, date of birth and postcode must all be exactly as the council holds them."),
		ui.Input{ID: "family", Label: "Family name", Value: f.family, Width: 20, Error: ui.ErrorFor(errs, "family")},
		ui.Input{ID: "given", Label: "First name", Value: f.given, Width: 20, Error: ui.ErrorFor(errs, "given")}}
}

func (f lookForm) reasonField(errs []ui.FieldError) ui.Node {
	words := ui.Input{ID: "words", Label: "Why do you need it?", Hint: "Do not enter names or numbers of people", Value: f.words, Error: ui.ErrorFor(errs, "words")}
	r := ui.Radios{ID: "reason", Legend: "Why do you need to look at this record?", Value: f.reason, Error: ui.ErrorFor(errs, "reason")}
	for _, reason := range []hub.Reason{hub.ReasonCare, hub.ReasonDischarge, hub.ReasonOther} {
		c := ui.Choice{Value: string(reason), Label: reason.Say()}
		if reason == hub.ReasonOther {
			c.More = words
		}
		r.Items = append(r.Items, c)
	}
	return r
}

// lookResult shows a result again, to whoever looked and for a short time.
func (s *Server) lookResult(v *visit) (response, error) {
	result, err := s.Hub.Looked(v.ctx(), v.by, v.path("handle"))
	if err != nil {
		return nil, err
	}
	return show(s.lookPageOf(v, result, nil, nil)), nil
}

// lookPageOf is the page of a result. f and errs are what somebody typed of what it led
// to, and what is wrong with that; nil: nothing yet.
func (s *Server) lookPageOf(v *visit, result hub.LookView, f *lookEnd, errs []ui.FieldError) ui.Page {
	p := ui.Page{Title: "Social care for this person", Width: ui.PersonPage, Back: &ui.NavItem{Href: "/lookup", Text: "Find another person"}}
	switch result.Outcome {
	case hub.LookFound:
		p.Banner = s.lookBanner(result, v.now)
		p.Main = s.foundParts(result, f, errs)
	case hub.LookNothing:
		p.Main = nothingParts(result)
	case hub.LookCannot:
		p.Main = cannotParts(result)
	case hub.LookPaused:
		p.Title, p.Main = "Access is paused", s.pausedParts(result)
	default:
		p.Main = []ui.Node{ui.H1("Details do not match"), ui.P("These details do not match. Check all of them."), ui.Small(lookRecorded)}
	}
	if note := s.pausedNote(result.Paused); note != nil && result.Outcome != hub.LookPaused {
		p.Main = append([]ui.Node{note}, p.Main...)
	}
	if line := glassLine(result.Glass, v); line != nil {
		p.Main = append([]ui.Node{line}, p.Main...)
	}
	p.Main = append(p.Main, s.glassOffer(result, v))
	return p
}
