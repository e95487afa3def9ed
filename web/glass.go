package web

// glassRoutes is breaking the glass, objections, and what the information governance lead must look into.
func (s *Server) glassRoutes() []route { return nil }
