package web

import (
	"strings"

	"homeward/care"
	"homeward/web/ui"
)

// A door is a page that a menu offers. Its key is the nav of its routes.
type door struct{ key, path, text string }

// doors are all pages that a menu may offer.
var doors = []door{
	{"find", "/lookup", "Find a person"},
	{"ward", "/ward", "Ward list"},
	{"worklist", "/worklist", "Worklist"},
	{"money", "/money/waiting", "Costs to approve"},
	{"tracker", "/tracker", "Live tracker"},
	{"huddle", "/huddle", "Huddle"},
	{"concerns", "/concerns", "Concerns"},
	{"assessments", "/assessments", "Assessments"},
	{"tasks", "/tasks", "Tasks"},
	{"arranging", "/arranging", "Requests for care"},
	{"capacity", "/capacity", "Capacity"},
	{"provider-requests", "/provider/requests", "Requests for care"},
	{"provider-capacity", "/provider/capacity", "Capacity"},
	{"inbox", "/notifications", "Notifications"},
	{"team", "/team", "My team"},
	{"gate", "/gate", "What referrals need"},
	{"providers", "/providers", "Care providers"},
	{"clients", "/provider", "Your clients"},
	{"wall", "/wall", "Wallboard"},
	{"figures", "/figures", "Figures"},
	{"returns", "/returns", "Returns"},
	{"quality", "/quality", "Data quality"},
	{"operations", "/ops", "Operations"},
	{"imports", "/ops/imports", "Imports"},
	{"destinations", "/ops/destinations", "Destinations"},
	{"reports", "/reports", "Reports"},
	{"extracts", "/reports/extracts", "Extracts"},
	{"audit", "/audit", "Audit"},
	{"alerts", "/alerts", "Alerts"},
	{"patterns", "/audit/patterns", "Patterns"},
	{"report", "/audit/person", "Who looked"},
	{"agreements", "/agreements", "Sharing agreements"},
	{"rules", "/audit/rules", "Sharing rules"},
	{"retention", "/retention", "Due to be erased"},
	{"identity", "/identity", "Who is who"},
	{"users", "/admin/users", "Users"},
	{"organisations", "/admin/organisations", "Organisations"},
	{"teams", "/admin/teams", "Teams"},
	{"devices", "/admin/devices", "Wallboards"},
}

// menus is what each role is offered, first what it begins with, then by how often
// it is used: a phone shows the first three, the rest opens. It is a comfort: what
// may be seen is the policy's to say, each time.
var menus = map[care.Role][]string{
	care.AENurse:       {"find"},
	care.WardNurse:     {"ward", "tasks", "inbox", "find", "assessments", "figures", "quality"},
	care.Coordinator:   {"tracker", "tasks", "inbox", "ward", "figures", "huddle", "find", "assessments", "providers", "gate", "reports", "returns", "identity", "quality"},
	care.SocialWorker:  {"worklist", "tasks", "inbox", "assessments", "tracker", "huddle", "find", "providers", "concerns", "figures"},
	care.TeamManager:   {"worklist", "tasks", "inbox", "tracker", "figures", "huddle", "assessments", "concerns", "money", "find", "team", "arranging", "providers", "gate", "reports", "returns", "identity", "quality"},
	care.Broker:        {"worklist", "arranging", "tasks", "inbox", "capacity", "providers", "money", "tracker", "huddle", "figures"},
	care.CareProvider:  {"clients", "provider-requests", "provider-capacity"},
	care.IGLead:        {"audit", "alerts", "patterns", "report", "agreements", "rules", "retention", "identity", "quality", "extracts"},
	care.Integration:   {"operations", "imports", "destinations", "quality"},
	care.Analyst:       {"figures", "reports", "returns", "quality", "extracts"},
	care.WallboardRole: {"wall"},
	care.Admin:         {"users", "organisations", "teams", "devices"},
}

// open lists the doors of a role whose pages exist.
func (s *Server) open(r care.Role) []door {
	var out []door
	for _, key := range menus[r] {
		for _, d := range doors {
			if _, there := s.pages[d.path]; d.key == key && there {
				out = append(out, d)
			}
		}
	}
	return out
}

// nav is the menu of a page.
func (s *Server) nav(v *visit) []ui.NavItem {
	var items []ui.NavItem
	for _, d := range s.open(v.by.Role) {
		if d.key == "alerts" {
			items = append(items, s.bell(v))
			continue
		}
		if d.key == "inbox" {
			items = append(items, s.inboxBell(v))
			continue
		}
		items = append(items, ui.NavItem{Href: d.path, Text: d.text, Current: d.key == v.route.nav})
	}
	return items
}

// home is where a role begins.
func (s *Server) home(r care.Role) string {
	if open := s.open(r); len(open) > 0 {
		return open[0].path
	}
	return "/help"
}

// kindOfPage is the page without any name in its address that is nearest to
// path: "/lookup" for a result of a look-up, "/" when there is none. After a
// switch of users it says where to go on, which must not be the same person.
func (s *Server) kindOfPage(path string) string {
	for strings.HasPrefix(path, "/") && path != "/" {
		if r, ok := s.pages[path]; ok && !r.public {
			return path
		}
		path = path[:strings.LastIndexByte(path, '/')]
	}
	return "/"
}
