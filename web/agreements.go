package web

// agreementRoutes is the sharing agreements: list, page, edit, approve. ui.md 7.14.
func (s *Server) agreementRoutes() []route { return nil }
