package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"homeward/fhir"
	"homeward/form"
	"homeward/translate/r4"
)

type pathwayCmd struct {
	Check   pathwayCheckCmd   `cmd:"" help:"Check the released forms and their sums, or forms being written."`
	Preview pathwayPreviewCmd `cmd:"" help:"Print a form's pages, fields and conditions, or write it as a page to look at."`
	Diff    pathwayDiffCmd    `cmd:"" help:"Say in plain words what is different between two versions of a form."`
	Export  pathwayExportCmd  `cmd:"" help:"Write a form as a FHIR R4 Questionnaire."`
	Import  pathwayImportCmd  `cmd:"" help:"Read a Questionnaire that was exported, or a QuestionnaireResponse, against the forms here."`
}

type pathwayCheckCmd struct {
	Files []string `arg:"" optional:"" help:"TOML files of forms being written; none: the released forms."`
}

// Run lists the released forms, or says all that is wrong with files.
func (c pathwayCheckCmd) Run() error {
	if len(c.Files) > 0 {
		return checkForms(os.Stdout, c.Files)
	}
	_, forms, err := released()
	if err != nil {
		return err
	}
	for _, p := range forms.All() {
		say(os.Stdout, "%s", formLine(p))
	}
	return nil
}

// checkForms reads every file, and says of each what is wrong.
func checkForms(w io.Writer, files []string) error {
	bad := 0
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		p, err := form.Parse(b)
		if err != nil {
			bad++
			say(w, "%s: %v", name, err)
			continue
		}
		say(w, "%s: %s", name, formLine(p))
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d forms cannot be released as they are", bad, len(files))
	}
	return nil
}

func formLine(p *form.Pathway) string {
	fields, groups := 0, 0
	for _, g := range p.Pages {
		fields += len(g.Fields)
		groups += len(g.Groups)
		for _, r := range g.Groups {
			fields += len(r.Fields)
		}
	}
	return fmt.Sprintf("%s version %d: %d pages, %d fields, %d groups: %s", p.ID, p.Version, len(p.Pages), fields, groups, p.Title)
}

// formNamed finds a form by ID/VERSION, or the newest by ID, or reads a TOML file.
func formNamed(name string) (*form.Pathway, error) {
	if strings.HasSuffix(name, ".toml") {
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		return form.Parse(b)
	}
	_, forms, err := released()
	if err != nil {
		return nil, err
	}
	id, number, versioned := strings.Cut(name, "/")
	p, ok := forms.Latest(id)
	if versioned {
		version, err := strconv.Atoi(number)
		if err != nil {
			return nil, fmt.Errorf("the version of form %q is not a number", id)
		}
		p, ok = forms.Get(id, version)
	}
	if !ok {
		return nil, fmt.Errorf("there is no form %q here. homeward pathway check lists them", name)
	}
	return p, nil
}

type pathwayPreviewCmd struct {
	Form string `arg:"" help:"ID, ID/VERSION, or a TOML file."`
	HTML bool   `name:"html" help:"Write a web page that opens without a server."`
}

// Run writes the preview to standard output.
func (c pathwayPreviewCmd) Run() error {
	p, err := formNamed(c.Form)
	if err != nil {
		return err
	}
	if c.HTML {
		return previewHTML(os.Stdout, previewOf(p))
	}
	previewText(os.Stdout, previewOf(p))
	return nil
}

// The preview of a form: what is asked, how, and when.
type (
	previewForm struct {
		*form.Pathway
		Pages []previewPart
	}
	previewPart struct {
		ID, Title, Hint string
		Notes           []string
		Fields          []previewField
		Groups          []previewPart
	}
	previewField struct {
		form.Field
		Choices []form.Choice
		Notes   []string
	}
)

func previewOf(p *form.Pathway) previewForm {
	out := previewForm{Pathway: p}
	for _, g := range p.Pages {
		part := previewPart{ID: g.ID, Title: g.Title, Hint: g.Hint, Fields: previewFields(p, g.Fields)}
		part.Notes = notes("can be started when", g.StartWhen.String(), "optional", yes(g.Optional))
		for _, r := range g.Groups {
			part.Groups = append(part.Groups, previewPart{ID: r.ID, Title: r.Title, Hint: r.Hint, Fields: previewFields(p, r.Fields),
				Notes: notes("repeats", fmt.Sprintf("%d to %d times", r.Min, r.Max), "shown when", r.ShowWhen.String())})
		}
		out.Pages = append(out.Pages, part)
	}
	return out
}

func previewFields(p *form.Pathway, fields []form.Field) []previewField {
	var out []previewField
	for _, f := range fields {
		v := previewField{Field: f, Choices: p.Choices(f)}
		limit := ""
		if f.MaxWords > 0 {
			limit = fmt.Sprintf("%d words", f.MaxWords)
		} else if slices.Contains([]form.Kind{form.Text, form.Paragraph, form.PersonName}, f.Kind) {
			limit = fmt.Sprintf("%d characters", f.Limit())
		}
		v.Notes = notes("required", yes(f.Required), "required when", f.RequiredWhen.String(), "wanted", yes(f.Wanted), "shown when", f.ShowWhen.String(),
			"filled from", f.Prefill, "default", f.Default, "at most", limit, "audience", string(f.Audience), "tells", string(f.Tells), "standard", f.Standard)
		out = append(out, v)
	}
	return out
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

// notes are those pairs of a name and a value that have a value.
func notes(pairs ...string) []string {
	var out []string
	for i := 0; i < len(pairs); i += 2 {
		switch v := pairs[i+1]; v {
		case "":
		case "yes":
			out = append(out, pairs[i])
		default:
			out = append(out, pairs[i]+" "+v)
		}
	}
	return out
}

func previewText(w io.Writer, p previewForm) {
	say(w, "%s version %d: %s\n%s", p.ID, p.Version, p.Title, p.Description)
	for _, g := range p.Pages {
		say(w, "\n== %s [%s]%s", g.Title, g.ID, inBrackets(g.Notes))
		previewFieldsText(w, "", g.Fields)
		for _, r := range g.Groups {
			say(w, "  * %s [%s]%s", r.Title, r.ID, inBrackets(r.Notes))
			previewFieldsText(w, "  ", r.Fields)
		}
	}
	if len(p.Rules) > 0 {
		say(w, "\n== Rules")
	}
	for _, r := range p.Rules {
		when := ""
		if !r.When.IsZero() {
			when = "when " + r.When.String() + ": "
		}
		say(w, "  %s%s\n    else at %s: %s", when, r.Require.String(), strings.TrimPrefix(r.Group+"."+r.Field, "."), r.Message)
	}
}

func previewFieldsText(w io.Writer, indent string, fields []previewField) {
	section := ""
	for _, f := range fields {
		if f.Section != section {
			section = f.Section
			say(w, "%s  -- %s", indent, section)
		}
		say(w, "%s  %s [%s, %s]%s", indent, f.Label, f.ID, f.Kind, inBrackets(f.Notes))
		for _, c := range f.Choices {
			say(w, "%s    ( ) %s = %s", indent, c.Code, c.Label)
		}
	}
}

func inBrackets(notes []string) string {
	if len(notes) == 0 {
		return ""
	}
	return " (" + strings.Join(notes, "; ") + ")"
}

// previewHTML writes the preview as a page.
func previewHTML(w io.Writer, p previewForm) error {
	t, err := template.New("form").Funcs(template.FuncMap{"has": func(k form.Kind, of string) bool { return string(k) == of }}).Parse(previewPage)
	if err != nil {
		return err
	}
	return t.Execute(w, p)
}

// previewPage needs nothing but a browser: no script, no style sheet, no server.
const previewPage = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}} – preview</title>
<style>
body{font:1rem/1.5 Arial,sans-serif;color:#212b32;max-width:44rem;margin:1rem auto;padding:0 1rem}
fieldset{border:0;margin:0 0 1.5rem;padding:0}legend,label.q{font-weight:bold;display:block}
section{border-top:1px solid #d8dde0;padding-top:1rem}section section{border:0;border-left:4px solid #d8dde0;padding:0 0 0 1rem}
small,.hint{color:#4c6272;display:block}input[type=text],input[type=date],input[type=datetime-local],textarea{font:inherit;width:100%;border:2px solid #4c6272;box-sizing:border-box}
</style></head><body>
<p>Preview of form {{.ID}} version {{.Version}}. Nothing typed here is kept or sent.</p>
<h1>{{.Title}}</h1><p>{{.Description}}</p>
{{define "fields"}}{{range .}}{{if .Section}}<h3>{{.Section}}</h3>{{end}}
{{$f := .}}{{if .Choices}}<fieldset><legend>{{.Label}}</legend>{{with .Hint}}<span class="hint">{{.}}</span>{{end}}
{{range .Choices}}<label><input type="{{if has $f.Kind "choices"}}checkbox{{else}}radio{{end}}" name="{{$f.ID}}" value="{{.Code}}"> {{.Label}}</label>{{with .Hint}}<span class="hint">{{.}}</span>{{end}}<br>{{end}}
{{else}}<fieldset>{{if has .Kind "info"}}<p>{{.Label}}</p>{{else}}<label class="q" for="{{.ID}}">{{.Label}}</label>{{with .Hint}}<span class="hint">{{.}}</span>{{end}}
{{if has .Kind "paragraph"}}<textarea id="{{.ID}}" rows="4" maxlength="{{.Limit}}"></textarea>{{else}}<input id="{{.ID}}" type="{{if has .Kind "date"}}date{{else if has .Kind "datetime"}}datetime-local{{else}}text{{end}}" maxlength="{{.Limit}}">{{end}}{{end}}
{{end}}<small>{{.ID}}{{range .Notes}} · {{.}}{{end}}</small></fieldset>{{end}}{{end}}
{{range .Pages}}<section><h2>{{.Title}}</h2>{{with .Hint}}<p>{{.}}</p>{{end}}<small>{{range .Notes}}{{.}} {{end}}</small>
{{template "fields" .Fields}}{{range .Groups}}<section><h3>{{.Title}}</h3>{{with .Hint}}<p>{{.}}</p>{{end}}<small>{{.ID}}{{range .Notes}} · {{.}}{{end}}</small>{{template "fields" .Fields}}</section>{{end}}</section>
{{end}}</body></html>
`

type pathwayDiffCmd struct {
	Was string `arg:"" help:"ID/VERSION, or a TOML file."`
	Is  string `arg:"" help:"ID/VERSION, or a TOML file."`
}

// Run prints the differences. Finding some is not an error.
func (c pathwayDiffCmd) Run() error {
	was, err := formNamed(c.Was)
	if err != nil {
		return err
	}
	is, err := formNamed(c.Is)
	if err != nil {
		return err
	}
	lines := form.Diff(was, is)
	if len(lines) == 0 {
		lines = []string{"Nothing that is asked, shown or checked is different."}
	}
	say(os.Stdout, "%s", strings.Join(lines, "\n"))
	return nil
}

type pathwayExportCmd struct {
	Form string `arg:"" help:"ID, ID/VERSION, or a TOML file."`
}

// Run writes the Questionnaire to standard output as JSON.
func (c pathwayExportCmd) Run() error {
	p, err := formNamed(c.Form)
	if err != nil {
		return err
	}
	raw, err := fhir.Write(r4.Questionnaire(p), fhir.JSON, fhir.R4)
	if err != nil {
		return err
	}
	say(os.Stdout, "%s", raw)
	return nil
}

type pathwayImportCmd struct {
	File string `arg:"" help:"JSON of a Questionnaire or a QuestionnaireResponse."`
	JSON bool   `name:"json" help:"Print the answers that were read. They may be personal data."`
}

// Run reads the file and says what it holds. Differences from the form, and answers
// that cannot be used, are an error.
func (c pathwayImportCmd) Run() error {
	_, forms, err := released()
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	return importForm(os.Stdout, forms, raw, c.JSON)
}

// importForm is Run for bytes. It prints answers only where they are asked for.
func importForm(w io.Writer, forms *form.Library, raw []byte, answers bool) error {
	n, err := fhir.Parse(raw, fhir.JSON, fhir.R4, fhir.Limits{})
	if err != nil {
		return err
	}
	p, found, err := r4.ReadQuestionnaire(n, forms.Get)
	if !errors.Is(err, r4.ErrNotForm) {
		if err != nil {
			return err
		}
		if len(found) == 0 {
			say(w, "This is form %s version %d, as it is installed here.", p.ID, p.Version)
		}
		return findings(w, found, fmt.Sprintf("the file is not form %s version %d as it is installed here", p.ID, p.Version))
	}
	p, a, found, err := r4.ReadResponse(n, forms.Get)
	if err != nil {
		return err
	}
	say(w, "%d answers to form %s version %d: %s.", len(a), p.ID, p.Version, p.Title)
	for _, q := range p.Check(a, nil) {
		found = append(found, r4.Finding{Link: q.Field, Text: q.Text})
	}
	if answers {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		if err := enc.Encode(p.Clean(a)); err != nil {
			return err
		}
	}
	return findings(w, found, "the answers cannot be used as they are")
}

// findings prints what was found; some are an error.
func findings(w io.Writer, found []r4.Finding, what string) error {
	for _, f := range found {
		say(w, "%s: %s", f.Link, f.Text)
	}
	if len(found) > 0 {
		return errors.New(what)
	}
	return nil
}
