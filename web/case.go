package web

// caseRoutes is the case page and what is done there.
func (s *Server) caseRoutes() []route { return nil }
