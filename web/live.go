package web

// liveRoutes is live updates of lists, as server-sent events.
func (s *Server) liveRoutes() []route { return nil }
