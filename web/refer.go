package web

// referRoutes is the referral form.
func (s *Server) referRoutes() []route { return nil }
