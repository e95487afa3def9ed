package web

import (
	"cmp"
	"slices"
	"strings"

	"homeward/care"
	"homeward/hub"
	"homeward/web/ui"
)

// A noteForm is what somebody typed on a tab of a case, and what is wrong with it:
// a note, or in task a task. key makes saving it twice the same as once.
type noteForm struct {
	key, audience, kind, text string
	mentions                  []string
	task                      taskForm
	outcome                   outcomeForm
	ball                      ballForm
	errs                      []ui.FieldError
}

// notesTab lists the notes and takes a new one. Who reads it is chosen before
// it is typed.
func (s *Server) notesTab(v *visit, c hub.CaseView, n noteForm) ui.Node {
	var events []ui.Event
	for _, note := range slices.Backward(c.Notes) {
		body := ui.Nodes{ui.Para(ui.Lines(note.Text))}
		if who := s.mentionWords(note.Mentions); who != "" {
			body = append(body, ui.Small("Mentioned: "+who))
		}
		events = append(events, ui.Event{Title: care.NoteKindSay(note.Kind), At: note.At, Who: note.By.Name, Org: s.Hub.Org(note.By.Org).Name,
			Audience: cmp.Or(audienceTag(note.Audience), "Hospital and council"), Body: body})
	}
	var form ui.Node
	if len(c.Audiences) > 0 {
		form = ui.Section("add-note", "Add a note", s.noteForm(v, c, n))
	}
	list := ui.Node(ui.P("There are no notes that you can read."))
	if len(events) > 0 {
		list = ui.Timeline(3, events...)
	}
	return ui.Nodes{form, ui.Section("notes", "Notes", list)}
}

// mentionWords are the people whom a note mentions; teams are told without a name here.
func (s *Server) mentionWords(mentions []care.Owner) string {
	var out []string
	for _, o := range mentions {
		switch {
		case o.Who.Name != "":
			out = append(out, o.Who.Name)
		case o.Team != "":
			out = append(out, "a team of "+s.Hub.Org(o.Org).Name)
		default:
			out = append(out, s.Hub.Org(o.Org).Name)
		}
	}
	if len(out) == 0 {
		return ""
	}
	return listed(out)
}

func (s *Server) noteForm(v *visit, c hub.CaseView, n noteForm) ui.Node {
	var audiences, kinds []ui.Choice
	for _, a := range c.Audiences {
		audiences = append(audiences, ui.Choice{Value: string(a), Label: audienceWords[a]})
	}
	for _, k := range care.NoteKinds() {
		kinds = append(kinds, ui.Choice{Value: k.Code, Label: k.Say})
	}
	people := peopleChoices(s.people(v, c), true)
	mention := ui.If(len(people) > 0, func() ui.Node {
		open := ui.Details
		if len(n.mentions) > 0 || ui.ErrorFor(n.errs, "mentions") != "" {
			open = ui.OpenDetails
		}
		return open("Tell somebody of this note", ui.Checkboxes{ID: "mentions", Legend: "Who is told of this note?", Small: true, Values: n.mentions, Items: people,
			Hint: "Staff of the other side can be told of a note only if they can read it. You can also write @ and a name in the note.", Error: ui.ErrorFor(n.errs, "mentions")})
	})
	return ui.PostForm(casePath(c.ID, "/notes"),
		ui.Hidden("key", cmp.Or(n.key, hub.NewKey())),
		ui.Radios{ID: "audience", Legend: "Who can read this note?", Value: n.audience, Items: audiences, Small: true, Error: ui.ErrorFor(n.errs, "audience")},
		ui.Select{ID: "kind", Label: "Kind of note", Value: n.kind, Items: kinds, Error: ui.ErrorFor(n.errs, "kind")},
		ui.Textarea{ID: "text", Label: "Note", Hint: "It cannot be changed once it is saved.", Value: n.text, Max: 4000, Error: ui.ErrorFor(n.errs, "text")},
		mention,
		ui.Submit("Save note"))
}

// people are those whom a task can be given to and a note can mention. A page is
// whole without them.
func (s *Server) people(v *visit, c hub.CaseView) []hub.PersonView {
	people, err := s.Hub.TaskPeople(v.ctx(), v.by, c.ID)
	if err != nil {
		s.Log.Error("who can be told is missing", "request", v.requestID(), "error", err)
	}
	return people
}

// peopleChoices offers people; near leaves out those who do not work on this case.
func peopleChoices(people []hub.PersonView, near bool) []ui.Choice {
	var out []ui.Choice
	for _, p := range people {
		if !near || p.Near {
			out = append(out, ui.Choice{Value: p.Code, Label: p.Name + ", " + p.Org.Name})
		}
	}
	return out
}

func (s *Server) addNote(v *visit) (response, error) {
	n := noteForm{key: v.form("key"), audience: v.form("audience"), kind: v.form("kind"), text: strings.ReplaceAll(v.form("text"), "\r\n", "\n"), mentions: v.r.PostForm["mentions"]}
	if audienceWords[care.Audience(n.audience)] == "" {
		n.errs = append(n.errs, ui.FieldError{ID: "audience", Text: "Select who can read the note"})
	}
	if n.text == "" {
		n.errs = append(n.errs, ui.FieldError{ID: "text", Text: "Enter the note"})
	}
	if len(n.errs) == 0 {
		err := s.Hub.WriteNote(v.ctx(), v.by, v.id(), hub.NewNote{Key: n.key, Audience: care.Audience(n.audience), Kind: n.kind, Text: n.text, Mentions: n.mentions})
		if err == nil {
			return goTo(casePath(v.id(), "?tab=notes")).saying("The note was saved."), nil
		}
		var ok bool
		if n.errs, ok = fieldErrors(err, nil); !ok {
			return nil, err
		}
	}
	c, err := s.Hub.Case(v.ctx(), v.by, v.id())
	if err != nil {
		return nil, err
	}
	return refuse(s.casePage(v, c, "notes", n)), nil
}
