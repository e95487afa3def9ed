package web

// accessRoutes is signing in by an identity provider, passkeys, one-time codes, and one's own sessions. ui.md 7.1.
func (s *Server) accessRoutes() []route { return nil }
