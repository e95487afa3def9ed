package web

func (s *Server) callRoutes() []route { return nil }
