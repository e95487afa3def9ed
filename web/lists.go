package web

// listRoutes is tracker, ward list, worklist, board and wall.
func (s *Server) listRoutes() []route { return nil }
