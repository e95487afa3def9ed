package sim

import (
	"html/template"
	"net/http"

	"homeward/nhs"
)

// Handler is all that the council's system answers: its API, what it receives, and
// the pages of its workers.
func (s *CouncilSystem) Handler() http.Handler {
	mux := http.NewServeMux()
	s.restRoutes(mux)
	s.receiveRoutes(mux)
	mux.HandleFunc("GET /{$}", s.worklistPage)
	mux.HandleFunc("POST /referrals/{id}", s.decidePage)
	mux.HandleFunc("GET /people", s.peoplePage)
	mux.HandleFunc("POST /people/{person}/packages/{package}", s.packagePage)
	return mux
}

var councilPages = template.Must(template.New("").Parse(`{{define "head"}}<!doctype html><html lang="en"><meta charset="utf-8"><title>Pretend council</title>
<h1>Pretend council: {{.Name}}</h1><p><a href="/">Referrals</a> <a href="/people">People</a>. Everybody here is invented.</p>{{end}}
{{define "work"}}{{template "head" .}}<table><caption>Referrals</caption><tr><th>Number<th>Came as<th>Name<th>Born<th>NHS number<th>Status<th>Messages<th>Decide</tr>
{{range .List}}<tr><td>{{.ID}}<td>{{.Manner}}<td>{{.Family}}, {{.Given}}<td>{{.Born}}<td>{{.NHS}}<td>{{.Status}}<td>{{.Messages}}
<td><form method="post" action="/referrals/{{.ID}}"><button name="status" value="accepted">Accept</button><button name="status" value="in-progress">Assess</button><button name="status" value="rejected">Return</button></form></tr>{{end}}</table>{{end}}
{{define "people"}}{{template "head" .}}<table><caption>People</caption><tr><th>Number<th>Name<th>Package<th>Status<th>Change</tr>
{{range .List}}{{$p := .}}{{range .Held.Packages}}<tr><td>{{$p.Held.ID}}<td>{{$p.Family}}, {{$p.Given}}<td>{{.Title}}<td>{{.Status}}
<td><form method="post" action="/people/{{$p.Held.ID}}/packages/{{.ID}}"><button name="status" value="active">In place</button><button name="status" value="onhold">Pause</button><button name="status" value="finished">End</button></form></tr>{{end}}{{end}}</table>{{end}}`))

func (s *CouncilSystem) page(w http.ResponseWriter, name string, list any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := councilPages.ExecuteTemplate(w, name, struct {
		Name string
		List any
	}{s.config.Name, list}); err != nil {
		return // the reader has gone
	}
}

func (s *CouncilSystem) worklistPage(w http.ResponseWriter, r *http.Request) {
	list, err := s.Referrals(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	s.page(w, "work", list)
}

func (s *CouncilSystem) decidePage(w http.ResponseWriter, r *http.Request) {
	switch status := r.FormValue("status"); status {
	case "accepted", "in-progress", "rejected", "completed":
		if err := s.Decide(r.Context(), r.PathValue("id"), status); err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	default:
		http.Error(w, "no such status", http.StatusBadRequest)
	}
}

func (s *CouncilSystem) peoplePage(w http.ResponseWriter, r *http.Request) {
	list, status := s.listed(r, "since")
	if status != http.StatusOK {
		http.Error(w, "the list cannot be read", status)
		return
	}
	s.page(w, "people", list)
}

func (s *CouncilSystem) packagePage(w http.ResponseWriter, r *http.Request) {
	status := r.FormValue("status")
	p := s.one(r)
	if p == nil || status != "active" && status != "onhold" && status != "finished" {
		http.Error(w, "no such person or status", http.StatusBadRequest)
		return
	}
	_, err := s.Change(r.Context(), p.NHS, func(p *Person) {
		for i := range p.Held.Packages {
			if k := &p.Held.Packages[i]; k.ID == r.PathValue("package") {
				if k.Status = status; status == "finished" {
					k.End = nhs.DateOf(s.now())
				}
			}
		}
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	http.Redirect(w, r, "/people", http.StatusSeeOther)
}
