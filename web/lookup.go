package web

func (s *Server) lookupRoutes() []route { return nil }
