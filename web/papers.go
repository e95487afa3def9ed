package web

import (
	"cmp"
	"slices"

	"homeward/care"
	"homeward/hub"
	"homeward/web/ui"
)

// papersPart is the documents of a referral that the reader may read, as their
// sender wrote them, newest first. What was withdrawn stays, and says so.
func (s *Server) papersPart(id care.ReferralID, c hub.CaseView) ui.Node {
	var out ui.Nodes
	for _, p := range slices.Backward(c.Papers) {
		if p.Referral == id {
			out = append(out, s.paperPart(p, c))
		}
	}
	if len(out) == 0 {
		return nil
	}
	return ui.Nodes{ui.H3("Documents"), out}
}

func (s *Server) paperPart(p care.Paper, c hub.CaseView) ui.Node {
	title := p.Kind.Say() + ", " + ui.ClockOn(p.At, c.At)
	rows := []ui.Row{{Key: "From", Value: ui.Text(cmp.Or(p.By.Name, "Not said") + ", " + s.Hub.Org(p.By.Org).Name)}}
	if !p.Withdrawn.IsZero() {
		title += ": withdrawn"
		rows = append(rows, ui.Row{Key: "Withdrawn", Value: ui.Nodes{ui.Text(ui.ClockOn(p.Withdrawn, c.At)), ui.Sub(s.withdrawnWords(p))}})
	}
	for _, a := range p.Items {
		rows = append(rows, ui.Row{Key: cmp.Or(a.Text, a.Link), Value: ui.Lines(cmp.Or(a.Answer, a.Code, "No answer"))})
	}
	return ui.Expander(title, ui.SummaryList(rows...))
}

// withdrawnWords is why a document was withdrawn, in the words of its reason code.
func (s *Server) withdrawnWords(p care.Paper) string {
	words := cmp.Or(p.WhyText, p.Why)
	if f, ok := s.Hub.Forms.Latest("d2a-withdraw"); ok && p.WhyText == "" {
		words = cmp.Or(choiceLabel(f, "reason", p.Why), words)
	}
	if p.Ended {
		return "With its referral: " + words
	}
	return words
}

// toldNode is what other systems have of a referral: the newest that each said,
// in words. nil where none was told.
func toldNode(id care.ReferralID, c hub.CaseView) ui.Node {
	var lines []ui.Node
	seen := map[string]bool{}
	for _, t := range c.Timeline { // newest first
		if t.Kind != "told" || t.Referral != id || seen[t.System] {
			continue
		}
		seen[t.System] = true
		lines = append(lines, ui.Text(ui.ClockOn(t.At, c.At)+": "+t.Title))
	}
	if len(lines) == 0 {
		return nil
	}
	return ui.Bullets(lines...)
}
