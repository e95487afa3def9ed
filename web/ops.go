package web

// opsRoutes is operations and imports.
func (s *Server) opsRoutes() []route { return nil }
