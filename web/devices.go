package web

import (
	"net/http"

	"homeward/care"
	"homeward/hub"
	"homeward/nhs"
	"homeward/policy"
	"homeward/signin"
	"homeward/web/ui"
)

// deviceRoutes is wallboards: registered by an administrator, paired by a code
// that is typed in the wallboard's own browser.
func (s *Server) deviceRoutes() []route {
	asks := deciding(policy.ManageUsers)
	return []route{
		{pattern: "GET /admin/devices", nav: "devices", asks: asks, do: s.devices},
		{pattern: "GET /admin/devices/new", nav: "devices", asks: asks, do: s.askDevice},
		{pattern: "POST /admin/devices/new", nav: "devices", asks: asks, step: true, do: s.putDevice},
		{pattern: "GET /admin/devices/{id}/code", nav: "devices", asks: asks, do: func(v *visit) (response, error) { return s.askDeviceStep(v, false, nil) }},
		{pattern: "POST /admin/devices/{id}/code", nav: "devices", asks: asks, step: true, do: s.newCode},
		{pattern: "GET /admin/devices/{id}/revoke", nav: "devices", asks: asks, do: func(v *visit) (response, error) { return s.askDeviceStep(v, true, nil) }},
		{pattern: "POST /admin/devices/{id}/revoke", nav: "devices", asks: asks, step: true, do: s.revokeDevice},
		{pattern: "GET /device", public: true, do: s.askPair},
		{pattern: "POST /device", public: true, do: s.pair},
	}
}

func devicesBack() ui.NavItem { return ui.NavItem{Href: "/admin/devices", Text: "Wallboards"} }

func (s *Server) devices(v *visit) (response, error) {
	ds, err := s.Hub.Devices(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	t := ui.Table{Caption: "Wallboards", Columns: []ui.Column{{Label: "Wallboard"}, {Label: "Shows"}, {Label: "State"}, {Label: "Last seen"}, {Label: "Do", HideLabel: true}},
		Empty: ui.Empty("No wallboard is registered", ui.P("Register one, and type its pairing code in its browser."))}
	for _, d := range ds {
		last := ui.Node(ui.Missing("Not let in"))
		if !d.LastSeen.IsZero() {
			last = ui.Nodes{ui.AgoTime(d.LastSeen, v.now), ui.Sub("Pair it again by " + ui.Date(d.Ends.In(s.Zone)))}
		}
		var do ui.Node = ui.Missing("Not applicable")
		if d.State != hub.DeviceRevoked {
			path := "/admin/devices/" + string(d.ID)
			do = ui.Nodes{ui.LinkAbout(path+"/code", "New code", "for "+d.Name), ui.Break(), ui.LinkAbout(path+"/revoke", "Revoke", d.Name)}
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Text(d.Name), ui.Text(d.Words), s.deviceTag(d, v), last, do}})
	}
	return show(ui.Page{Title: "Wallboards", Width: ui.WorkPage, Main: []ui.Node{
		ui.WorkHead("Wallboards", ui.Plural(len(ds), "wallboard", "wallboards")),
		ui.P("A wallboard shows initials, places and waits to everybody in the room, and nothing else. It has no password: its browser is let in once, by a code."),
		ui.ButtonGroup(ui.Button{Text: "Register a wallboard", Href: "/admin/devices/new"}), t, ui.PrintMeta(v.now, v.by.Name)}}), nil
}

func (s *Server) deviceTag(d hub.Device, v *visit) ui.Node {
	switch d.State {
	case hub.DeviceWorks:
		return ui.Tag(ui.TagGreen, "Let in")
	case hub.DeviceWaits:
		return ui.Nodes{ui.Tag(ui.TagBlue, "Waits for its code"), ui.Sub("until " + ui.ClockOn(d.CodeEnds.In(s.Zone), v.now))}
	case hub.DeviceRevoked:
		return ui.Tag(ui.TagGrey, "Revoked")
	}
	return ui.Tag(ui.TagOrange, "Not let in")
}

func (s *Server) askDevice(v *visit) (response, error) { return s.deviceFormPage(v, nil) }

func (s *Server) deviceFormPage(v *visit, errs []ui.FieldError) (response, error) {
	places, err := s.Hub.Places(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	wards := []ui.Choice{{Value: "", Label: "The whole organisation"}}
	for _, p := range places {
		if p.Ward != "" {
			wards = append(wards, ui.Choice{Value: p.Key(), Label: s.Hub.Org(p.Org).Name + ": " + p.Name})
		}
	}
	orgs := []ui.Choice{{Value: "", Label: "Select an organisation"}}
	for _, o := range s.Hub.Orgs {
		if o.Kind == care.Trust || o.Kind == care.Council {
			orgs = append(orgs, ui.Choice{Value: string(o.ODS), Label: o.Name})
		}
	}
	back := devicesBack()
	p := ui.Page{Title: "Register a wallboard", Width: ui.FormPage, Back: &back, Main: []ui.Node{ui.TwoThirds(ui.ErrorSummary(errs), ui.H1("Register a wallboard"),
		ui.PostForm("/admin/devices/new",
			ui.Input{ID: "name", Label: "Name", Hint: "Where it hangs, such as Ward 31, nurses’ station", Width: 30, Value: v.form("name"), Error: ui.ErrorFor(errs, "name")},
			ui.Select{ID: "org", Label: "Organisation", Value: v.form("org"), Items: orgs, Error: ui.ErrorFor(errs, "org")},
			ui.Select{ID: "ward", Label: "Ward", Value: v.form("ward"), Items: wards, Error: ui.ErrorFor(errs, "ward")},
			ui.ButtonGroup(ui.Submit("Continue"), ui.Link(back.Href, "Cancel"))))}}
	if len(errs) > 0 {
		return refuse(p), nil
	}
	return show(p), nil
}

// deviceForm is the wallboard that was typed.
func (v *visit) deviceForm() (hub.DeviceChange, wrongs) {
	f := grantForm{role: string(care.WallboardRole), org: v.form("org"), place: v.form("ward")}
	c, wrong := userForm{grants: []grantForm{f}}.change()
	if len(wrong) > 0 {
		wrong = wrongs{{ID: "ward", Text: "Select a ward of the organisation that you selected, or none"}}
	}
	return hub.DeviceChange{Name: v.form("name"), Org: nhs.ODS(f.org), Ward: c.Grants[0].Ward}, wrong
}

// putDevice is the form, the check page and the change, by the button.
func (s *Server) putDevice(v *visit) (response, error) {
	c, wrong := v.deviceForm()
	if v.form("step") == "edit" {
		return s.deviceFormPage(v, nil)
	}
	lines, faults, err := s.Hub.CheckDevice(v.ctx(), v.by, c)
	if err != nil {
		return nil, err
	}
	if wrong = append(wrong, faultErrors(faults)...); len(wrong) > 0 {
		return s.deviceFormPage(v, wrong)
	}
	check := adminCheck{title: "You are about to register a wallboard", action: "/admin/devices/new", back: devicesBack(), lines: lines, button: "Register the wallboard", typed: true,
		does: []string{"You are shown a pairing code, for 10 minutes. Type it in the wallboard’s browser.", "Everybody who stands before the wallboard reads initials, places and waits."}}
	if v.form("step") != "do" {
		return s.adminCheckPage(v, check, nil), nil
	}
	_, code, err := s.Hub.AddDevice(v.ctx(), v.by, c, v.form("why"))
	if errs, ok := fieldErrors(err, nil); ok {
		return s.adminCheckPage(v, check, errs), nil
	}
	if err != nil {
		return nil, err
	}
	return s.codePage(v, "The wallboard is registered", code), nil
}

// codePage shows a pairing code, once.
func (s *Server) codePage(v *visit, title string, code hub.Code) response {
	return show(ui.Page{Title: title, Width: ui.FormPage, Main: []ui.Node{ui.TwoThirds(
		ui.H1(title), ui.P("In the wallboard’s browser, open this site’s address with /device at its end, and type:"),
		ui.Big(code.Text),
		ui.Bullets(ui.Text("It opens once, until "+ui.ClockOn(code.Until.In(s.Zone), v.now)+"."), ui.Text("It is shown only now. If it is late or lost, make a new one.")),
		ui.Button{Text: "Back to the wallboards", Href: "/admin/devices"})}})
}

// askDeviceStep is the page before a new code, or before a wallboard is revoked.
func (s *Server) askDeviceStep(v *visit, revoke bool, errs []ui.FieldError) (response, error) {
	d, err := s.Hub.Device(v.ctx(), v.by, care.ActorID(v.path("id")))
	if err != nil {
		return nil, err
	}
	if d.State == hub.DeviceRevoked {
		return nil, &care.Error{Kind: care.BusinessRule, Text: "This wallboard is revoked. Register it anew"}
	}
	if v.form("seen") == "" {
		v.keep("seen", d.Seen)
	}
	check := adminCheck{title: "You are about to make a new pairing code", action: "/admin/devices/" + string(d.ID) + "/code", back: devicesBack(), button: "Make the code",
		does:  []string{"You are shown a pairing code, for 10 minutes.", "Where the wallboard is let in now, it works on until the code is typed. Then only the new browser is let in."},
		about: []ui.Node{ui.SummaryList(ui.Row{Key: "Wallboard", Value: ui.Strong(d.Name)}, ui.Row{Key: "Shows", Value: ui.Text(d.Words)}, ui.Row{Key: "State", Value: s.deviceTag(d, v)})}}
	if revoke {
		check.title, check.action, check.button, check.warn = "You are about to revoke this wallboard", "/admin/devices/"+string(d.ID)+"/revoke", "Revoke the wallboard", true
		check.does = []string{"It shows nothing any more, at once.", "It cannot be let in again. It stays in the list as revoked; register it anew to use it again."}
	}
	return s.adminCheckPage(v, check, errs), nil
}

func (s *Server) newCode(v *visit) (response, error) {
	code, err := s.Hub.PairDevice(v.ctx(), v.by, care.ActorID(v.path("id")), v.form("seen"), v.form("why"))
	if errs, ok := fieldErrors(err, nil); ok {
		return s.askDeviceStep(v, false, errs)
	}
	if err != nil {
		return nil, err
	}
	return s.codePage(v, "The new code is made", code), nil
}

func (s *Server) revokeDevice(v *visit) (response, error) {
	err := s.Hub.RevokeDevice(v.ctx(), v.by, care.ActorID(v.path("id")), v.form("seen"), v.form("why"))
	if errs, ok := fieldErrors(err, nil); ok {
		return s.askDeviceStep(v, true, errs)
	}
	if err != nil {
		return nil, err
	}
	return goTo("/admin/devices").saying("The wallboard is revoked."), nil
}

// askPair is the page that is opened in a wallboard's browser.
func (s *Server) askPair(v *visit) (response, error) { return pairPage(v, nil, http.StatusOK), nil }

func pairPage(v *visit, errs []ui.FieldError, status int) response {
	return page{ui.Page{Title: "Pair this wallboard", Width: ui.FormPage, Error: len(errs) > 0, Main: []ui.Node{ui.TwoThirds(
		ui.ErrorSummary(errs), ui.H1("Pair this wallboard"),
		ui.P("This browser becomes a wallboard, and stays one. Do not do this at a computer that people work at."),
		ui.PostForm("/device",
			ui.Input{ID: "code", Label: "Pairing code", Hint: "10 letters and digits, such as 7KQ2M-X04TB. An administrator gives it to you", Width: 20, Code: true, Value: v.form("code"), Error: ui.ErrorFor(errs, "code")},
			ui.Submit("Pair")))}}, status}
}

// pair lets a wallboard in. Its cookie stays in the browser for as long as its
// session may last, so that it comes back after the power was off.
func (s *Server) pair(v *visit) (response, error) {
	address := s.Address(v.r)
	a, err := s.Hub.Pair(v.ctx(), v.form("code"), address, network(address))
	if errs, ok := fieldErrors(err, nil); ok {
		status := http.StatusUnprocessableEntity
		if care.KindOf(err) == care.Throttled {
			status = http.StatusTooManyRequests
			v.retryLater()
		}
		return pairPage(v, errs, status), nil
	}
	if err != nil {
		return nil, err
	}
	e, err := s.SignIn.Enter(v.ctx(), a, signin.How{Method: care.ByPairing}, address)
	if err != nil {
		return nil, err
	}
	if v.token != "" {
		if err := s.SignIn.SignOut(v.ctx(), v.token, care.SwitchedUser); err != nil {
			return nil, err
		}
	}
	http.SetCookie(v.w, &http.Cookie{Name: s.cookieName(), Value: e.Token, Path: "/", HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteLaxMode,
		MaxAge: int(e.Session.Ends.Sub(v.now).Seconds())})
	return goTo(s.home(e.Session.Grant.Role)), nil
}
