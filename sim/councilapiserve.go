package sim

import "net/http"

// Handler is all that the council's system answers.
func (s *CouncilSystem) Handler() http.Handler {
	mux := http.NewServeMux()
	s.restRoutes(mux)
	return mux
}
