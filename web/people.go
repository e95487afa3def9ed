package web

// peopleRoutes is questions of identity.
func (s *Server) peopleRoutes() []route { return nil }
