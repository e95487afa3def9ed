package web

// adminRoutes is users, organisations, teams and devices. ui.md 7.16.
func (s *Server) adminRoutes() []route { return nil }
