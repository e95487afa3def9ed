package web

// proofRoutes is whether the records are intact, who looked at a person, and what is due to be erased. ui.md 7.13.
func (s *Server) proofRoutes() []route { return nil }
