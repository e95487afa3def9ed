package web

import (
	"homeward/hub"
	"homeward/web/ui"
)

// collecting shows how extracts are brought from councils' systems; nothing where
// none are.
func (s *Server) collecting(v *visit) (ui.Node, error) {
	list, err := s.Hub.Collecting(v.ctx(), v.by)
	if err != nil || len(list) == 0 {
		return ui.Nodes{}, err
	}
	t := ui.Table{Caption: "How extracts are brought here", Columns: []ui.Column{{Label: "Council"}, {Label: "From"}, {Label: "State"}, {Label: "Last went well"}, {Label: "Newest extract"}}}
	for _, c := range list {
		good := ui.Node(ui.Missing("Never"))
		if !c.Good.IsZero() {
			good = ui.AgoTime(c.Good, v.now)
		}
		newest := ui.Node(ui.Missing("None yet"))
		if c.Brought != "" {
			newest = ui.Text(c.Brought)
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Text(c.Council.Name), ui.Text(wayWords[c.Way]), collectedState(c, v), good, newest}})
	}
	return t, nil
}

var wayWords = map[string]string{"SFTP": "SFTP server", "MESH": "MESH mailbox", "API": "The council’s API"}

func collectedState(c hub.CollectedView, v *visit) ui.Node {
	if c.Trouble != "" {
		return ui.Nodes{ui.Tag(ui.TagRed, "Trouble"), ui.Sub(c.Trouble + "."), ui.Sub("Since " + ui.ClockOn(c.Since, v.now))}
	}
	out := ui.Nodes{ui.Tag(ui.TagGreen, "Working")}
	for _, n := range c.Notes {
		out = append(out, ui.Sub(n+"."))
	}
	return out
}
