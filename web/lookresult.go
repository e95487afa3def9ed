package web

import (
	"strings"

	"homeward/care"
	"homeward/hub"
	"homeward/policy"
	"homeward/web/ui"
)

// lookResultRoutes is recording what a look-up led to, on its result.
func (s *Server) lookResultRoutes() []route {
	return []route{
		{pattern: "POST /lookup/result/{handle}/ended", nav: "find", asks: deciding(policy.RecordLookResult), do: s.endLook},
	}
}

// lookEnd is what somebody typed of what a look-up led to.
type lookEnd struct{ result, text string }

// lookAfter asks what a look-up led to, once it is known. It is asked only where care
// was found, and nobody must answer.
func lookAfter(l hub.LookView, f *lookEnd, errs []ui.FieldError) ui.Node {
	if !l.MayEnd {
		return nil
	}
	var said ui.Node
	if l.Ended != nil {
		said = ui.Para(ui.Strong("Recorded: "), ui.Text(care.SayCoded(care.LookEnds, string(l.Ended.Result))))
	}
	if f == nil {
		f = &lookEnd{}
		if l.Ended != nil {
			f.result, f.text = string(l.Ended.Result), l.Ended.Text
		}
	}
	form := ui.PostForm("/lookup/result/"+l.Handle+"/ended",
		ui.Radios{ID: "result", Legend: "What happened to the person?", Value: f.result, Items: coded(care.LookEnds), Small: true, Error: ui.ErrorFor(errs, "result")},
		ui.Input{ID: "ended-text", Label: "In your words (optional)", Hint: "Needed for something else. Do not enter names or numbers of people", Value: f.text, Error: ui.ErrorFor(errs, "ended-text")},
		ui.Button{Text: "Save", About: "what happened after this look-up", Kind: ui.Secondary})
	why := ui.Small("You do not have to answer. It shows whether looking people up helps them to go home. Your hospital sees it on the timeline.")
	fold := ui.Details
	if len(errs) > 0 {
		fold = ui.OpenDetails
	}
	summary := "Record what happened"
	if l.Ended != nil {
		summary = "Change what happened"
	}
	return ui.Part("ended", ui.Card(2, "What happened?", said, fold(summary, form, why)))
}

// endLook records what a look-up led to.
func (s *Server) endLook(v *visit) (response, error) {
	f := &lookEnd{v.form("result"), strings.TrimSpace(v.form("ended-text"))}
	handle := v.path("handle")
	err := s.Hub.RecordLookResult(v.ctx(), v.by, handle, care.LookEnd(f.result), f.text)
	if err == nil {
		return goTo("/lookup/result/" + handle).saying("What happened was recorded."), nil
	}
	errs, ok := fieldErrors(err, map[string]string{"text": "ended-text"})
	if !ok {
		return nil, err
	}
	l, err := s.Hub.Looked(v.ctx(), v.by, handle)
	if err != nil {
		return nil, err
	}
	return refuse(s.lookPageOf(v, l, f, errs)), nil
}
