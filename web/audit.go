package web

// auditRoutes is the audit viewer and the sharing rules.
func (s *Server) auditRoutes() []route { return nil }
