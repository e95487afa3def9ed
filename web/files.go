package web

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"

	"homeward/care"
	"homeward/hub"
	"homeward/policy"
	"homeward/web/ui"
)

// fileRoutes is where files are put to assessments, and read.
func (s *Server) fileRoutes() []route {
	const at = "/cases/{id}/assessments/{assessment}/files"
	return []route{
		{pattern: "POST " + at, nav: "assessments", asks: deciding(policy.WriteAssessment), body: s.Hub.FileLimit() + maxBody, do: s.attachFile},
		{pattern: "POST " + at + "/{file}/remove", asks: deciding(policy.WriteAssessment), do: s.removeFile},
		{pattern: "GET /cases/{id}/files/{file}", asks: deciding(policy.SeeAssessments), do: s.downloadFile},
	}
}

// fileStates say what is known of a file in words.
var fileStates = map[string]string{
	hub.FileClean: "Scanned for viruses", hub.FileUnscanned: "Not scanned for viruses", hub.FileWaiting: "Waits for the virus scan: it can be opened after that",
	hub.FileRemoved: "Removed: the virus scan found something in it",
}

// fileRow is one file in a list.
func fileRow(id care.CaseID, f hub.FileView) ui.Row {
	name := ui.Node(ui.Text(f.Name))
	if f.Opens() {
		name = ui.Link(casePath(id, "/files/"+url.PathEscape(f.ID)), f.Name)
	}
	return ui.Row{Key: bytesWords(f.Bytes), Value: ui.Nodes{name, ui.Sub(f.By.Name + ", " + ui.DateTime(f.At))}, Source: fileStates[f.State]}
}

// bytesWords is a size for people.
func bytesWords(n int64) string {
	switch {
	case n < 1000:
		return ui.Plural(int(n), "byte", "bytes")
	case n < 1_000_000:
		return strconv.FormatInt((n+500)/1000, 10) + " KB"
	}
	return strconv.FormatFloat(float64(n)/1_000_000, 'f', 1, 64) + " MB"
}

// filesPart is the files of an assessment, and the form that attaches one.
func (s *Server) filesPart(v *visit, a hub.AssessmentView, errs []ui.FieldError) ui.Node {
	if !a.Form.Attachments && len(a.Files) == 0 {
		return nil
	}
	here := assessPath(a.Case.ID, a.ID, "/files")
	var out ui.Nodes
	for _, f := range a.Files {
		out = append(out, ui.SummaryList(fileRow(a.Case.ID, f)))
		if a.Editable() {
			out = append(out, ui.PostForm(here+"/"+f.ID+"/remove", ui.Button{Text: "Remove", About: f.Name, Kind: ui.Secondary, Small: true}))
		}
	}
	if len(a.Files) == 0 {
		out = append(out, ui.P("No file is attached."))
	}
	if a.Editable() && a.Form.Attachments {
		out = append(out, ui.Form{Action: here, Upload: true, Body: []ui.Node{
			ui.FileInput{ID: "file", Label: "Attach a file", Hint: "A " + hub.FileTypes + ", smaller than " + strconv.FormatInt(s.Hub.FileLimit()>>20, 10) + " MB", Error: ui.ErrorFor(errs, "file"),
				Accept: ".pdf,.png,.jpg,.jpeg,.docx,.odt,.txt"},
			ui.Button{Text: "Attach", Kind: ui.Secondary}}})
	}
	return ui.Section("files", "Files", out)
}

// paperFiles is the files of an approved assessment.
func (s *Server) paperFiles(p hub.PaperView) ui.Node {
	if len(p.Files) == 0 {
		return nil
	}
	var rows []ui.Row
	for _, f := range p.Files {
		rows = append(rows, fileRow(p.Case.ID, f))
	}
	return ui.Section("files", "Files", ui.SummaryList(rows...))
}

// attachFile takes one file. Nothing of it is ever written but to the records.
func (s *Server) attachFile(v *visit) (response, error) {
	name, filename := v.path("assessment"), ""
	var content []byte
	f, head, err := v.r.FormFile("file")
	switch {
	case errors.Is(err, http.ErrMissingFile), errors.Is(err, http.ErrNotMultipart):
		err = &care.Error{Kind: care.Required, Field: "file", Text: "Choose a file"}
	case err == nil:
		defer f.Close()
		filename = head.Filename
		if content, err = io.ReadAll(f); err == nil {
			err = s.Hub.AttachFile(v.ctx(), v.by, v.id(), name, filename, content)
		}
	}
	if err == nil {
		return goTo(assessPath(v.id(), name, "") + "#files").saying("The file was attached"), nil
	}
	errs, ok := fieldErrors(err, nil)
	if !ok {
		return nil, err
	}
	a, err := s.assessment(v)
	if err != nil {
		return nil, err
	}
	return refuse(s.assessScreen(v, a, "Attach a file", ui.TwoThirds(ui.ErrorSummary(errs), ui.H1("Attach a file"), s.filesPart(v, a, errs)))), nil
}

func (s *Server) removeFile(v *visit) (response, error) {
	name := v.path("assessment")
	if err := s.Hub.RemoveFile(v.ctx(), v.by, v.id(), name, v.path("file")); err != nil {
		return nil, err
	}
	return goTo(assessPath(v.id(), name, "") + "#files").saying("The file was removed"), nil
}

// handedFile is a file for the reader to keep, whoever made it: it is saved, never
// shown by the browser as a page of ours. OWASP ASVS 5.0 3.2.1, 5.4.1.
type handedFile struct {
	name, kind string
	content    []byte
}

func (a handedFile) answer(_ *Server, v *visit) error {
	h := v.w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": a.name}))
	h.Set("Content-Length", strconv.Itoa(len(a.content)))
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	_, err := v.w.Write(a.content)
	return err
}

func (s *Server) downloadFile(v *visit) (response, error) {
	f, content, err := s.Hub.DownloadFile(v.ctx(), v.by, v.id(), v.path("file"))
	if err != nil {
		return nil, err
	}
	return handedFile{f.Name, f.Type, content}, nil
}
