package web

import (
	"bytes"
	"io"
	"net/http"

	"homeward/care"
	"homeward/policy"
	"homeward/web/ui"
)

// boardPDFRoutes is the summary for a meeting as a file.
func (s *Server) boardPDFRoutes() []route {
	return []route{{pattern: "GET /figures/summary/pdf", asks: deciding(policy.ExportFigures), do: s.summaryPDF}}
}

// summaryPDF is the summary as a PDF, where a command that prints is configured. One is
// made at a time: a browser that prints takes more than a page does.
func (s *Server) summaryPDF(v *visit) (response, error) {
	sheet, f, err := s.summarySheet(v)
	if err != nil {
		return nil, err
	}
	if s.Print == nil {
		return nil, &care.Error{Kind: care.NotFound, Text: "No PDF is made here. Print the summary and choose “Save as PDF”"}
	}
	var paper bytes.Buffer
	if err := (ui.Paper{Title: "Getting people home: summary", Styles: s.assets.styles("vendor/nhsuk/nhsuk.css", "app.css"), Body: sheet}).Render(&paper); err != nil {
		return nil, err
	}
	select {
	case s.printing <- struct{}{}:
		defer func() { <-s.printing }()
	case <-v.ctx().Done():
		return nil, v.ctx().Err()
	}
	pdf, err := s.Print(v.ctx(), paper.Bytes())
	if err != nil {
		s.Log.Error("printing the summary of figures", "error", err)
		return page{s.summaryPage(f, ui.Note(ui.Strong("The PDF could not be made. "), ui.Text("Print this page instead, and choose “Save as PDF”.")), sheet), http.StatusServiceUnavailable}, nil
	}
	return written{"summary-" + v.now.In(s.Zone).Format("2006-01-02") + ".pdf", "application/pdf", func(w io.Writer) error {
		_, err := w.Write(pdf)
		return err
	}}, nil
}
