package web

// factorRoutes is one's own sign-in: passkeys, an app for codes, recovery codes,
// sessions, and the step-up.
func (s *Server) factorRoutes() []route {
	return []route{
		{pattern: "GET /me/confirm", own: true, do: s.askConfirm},
		{pattern: "POST /me/confirm", own: true, do: s.confirmed},
	}
}
