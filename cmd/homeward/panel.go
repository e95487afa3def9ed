package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/pprof"
	"time"

	"homeward/nhs"
	"homeward/sim"
	"homeward/web"
	"homeward/web/ui"
)

// panel is the page of the demo that makes things happen: what a hospital's own
// system or the passing of time would do. It is there in the demo only.
type panel struct {
	demo   *demo
	mux    *http.ServeMux
	assets ui.Assets
}

// act is one thing that can be made to happen.
type act struct {
	id, text string
	do       func(context.Context) (string, error)
}

func (d *demo) panel() http.Handler {
	p := &panel{demo: d, mux: http.NewServeMux()}
	if a, err := web.LoadAssets(); err == nil {
		p.assets = a.URLs()
	}
	p.mux.HandleFunc("GET /demo", func(w http.ResponseWriter, r *http.Request) { p.show(w, r, http.StatusOK, "", nil) })
	p.mux.HandleFunc("POST /demo/do/{act}", p.do)
	p.mux.HandleFunc("POST /demo/clock", p.setClock)
	p.mux.HandleFunc("POST /demo/epr", p.fromEPR)
	if d.cmd.Pprof {
		p.mux.HandleFunc("GET /demo/pprof/profile", pprof.Profile)
	}
	return p
}

func (p *panel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", web.CSP())
	http.NewCrossOriginProtection().Handler(p.mux).ServeHTTP(w, r)
}

func (p *panel) today() nhs.Date { return nhs.DateOf(p.demo.clock.now()) }

// groups are the stories of the README, in the order in which they are played.
func (p *panel) groups() []struct {
	title, about string
	acts         []act
} {
	km, bas := p.demo.county.Hospital(sim.KingsMill), p.demo.county.Hospital(sim.Bassetlaw)
	today := p.today()
	b, ready, dying := sim.Barbara(today), sim.Ready(today), sim.Dying(today)
	now := p.demo.clock.now
	on := func(days int) nhs.Date { return nhs.DateOf(now().AddDate(0, 0, days)) }
	one := func(id, text string, f func(context.Context) (string, error)) act { return act{id, text, f} }
	return []struct {
		title, about string
		acts         []act
	}{
		{"Barbara, in A&E at night", fmt.Sprintf("Sign in as nina. Find NHS number %s, born %s.", b.NHS.Spaced(), ui.LongDate(b.Born.Time())), []act{
			one("barbara", "She arrives in A&E at King's Mill", func(ctx context.Context) (string, error) { return km.AttendED(ctx, b, time.Time{}) }),
		}},
		{"Ready to go home", "Sign in as priya and refer " + ui.Name(ready.Family, ready.Given, ready.Title) + " from ward 12. Sign in as rose in another browser and watch the worklist.", []act{
			one("fit", "Becomes fit to leave", func(ctx context.Context) (string, error) { return km.Fit(ctx, ready, time.Time{}, now()) }),
			one("expect", "Predicted date: the day after tomorrow", func(ctx context.Context) (string, error) { return km.Expect(ctx, ready, time.Time{}, on(2)) }),
			one("late", "An older prediction arrives late: tomorrow, said an hour ago", func(ctx context.Context) (string, error) {
				return km.Expect(ctx, ready, now().Add(-time.Hour), on(1))
			}),
			one("move", "Moves to ward 31", func(ctx context.Context) (string, error) {
				return km.Transfer(ctx, ready, time.Time{}, sim.Place{Ward: "31", Bay: "4", Bed: "6"})
			}),
			one("home", "Goes home", func(ctx context.Context) (string, error) { return km.Discharge(ctx, ready, time.Time{}, "1", "19") }),
			one("home-cancel", "The discharge is cancelled", func(ctx context.Context) (string, error) { return km.CancelDischarge(ctx, ready, time.Time{}) }),
		}},
		{"A case, worked by both sides", "Make " + ready.Given + " fit to leave first. Then sign in as rose, anil or bob, and as priya, and open the case from the tracker.", []act{
			one("case", "Referred, accepted, allocated; a note, tasks, an assessment begun, care asked for", func(ctx context.Context) (string, error) { return p.demo.workCase(ctx) }),
		}},
		{"Dies after referral", "Refer " + ui.Name(dying.Family, dying.Given, dying.Title) + " from ward 31 first.", []act{
			one("die", "Dies", func(ctx context.Context) (string, error) { return km.Die(ctx, dying, time.Time{}) }),
		}},
		{"The feed dies", "Let it fall silent, then let 20 minutes pass.", []act{
			one("silence", "Bassetlaw falls silent", func(context.Context) (string, error) { bas.FallSilent(); return "", nil }),
			one("pass", "20 minutes pass", func(ctx context.Context) (string, error) { return p.pass(ctx, 20*time.Minute) }),
			one("resume", "Bassetlaw speaks again", func(ctx context.Context) (string, error) { return "", bas.Resume(ctx) }),
		}},
		{"The council", "Its extract comes every ten minutes by itself.", []act{
			one("extract", "The council delivers an extract now", func(context.Context) (string, error) {
				_, err := p.demo.county.Council.Deliver(now().Add(-2 * time.Minute))
				return "", err
			}),
		}},
	}
}

// pass moves the clock and lets those who are not silent speak, as they would
// have in that time.
func (p *panel) pass(ctx context.Context, d time.Duration) (string, error) {
	p.demo.clock.pass(d)
	for _, h := range p.demo.county.Hospitals {
		if h.Silent() {
			continue
		}
		for _, part := range sim.Cast(p.today()) {
			if part.Person.Home == h.Config().ODS {
				if _, err := h.UpdateBlank(ctx, part.Person, time.Time{}); err == nil || !errors.Is(err, sim.ErrNoVisit) {
					break
				}
			}
		}
	}
	return "", nil
}

func (p *panel) do(w http.ResponseWriter, r *http.Request) {
	ctx, stop := context.WithTimeout(r.Context(), 20*time.Second)
	defer stop()
	for _, g := range p.groups() {
		for _, a := range g.acts {
			if a.id != r.PathValue("act") {
				continue
			}
			id, err := a.do(ctx)
			said := a.text + ": done."
			if id != "" {
				said = a.text + ": sent as message " + id + "."
			}
			p.show(w, r, http.StatusOK, said, err)
			return
		}
	}
	http.NotFound(w, r)
}

// setClock sets the demo's time, or moves it: at is RFC 3339, by a duration.
func (p *panel) setClock(w http.ResponseWriter, r *http.Request) {
	if at := r.PostFormValue("at"); at != "" {
		t, err := time.Parse(time.RFC3339, at)
		if err != nil {
			http.Error(w, "at must be like 2026-11-22T21:40:00Z", http.StatusUnprocessableEntity)
			return
		}
		p.demo.clock.set(t)
	} else {
		d, err := time.ParseDuration(r.PostFormValue("by"))
		if err != nil {
			http.Error(w, "by must be like 20m", http.StatusUnprocessableEntity)
			return
		}
		p.demo.clock.pass(d)
	}
	p.show(w, r, http.StatusOK, "The clock is set.", nil)
}

func (p *panel) show(w http.ResponseWriter, r *http.Request, status int, said string, err error) {
	var body ui.Nodes
	switch {
	case err != nil:
		status = http.StatusConflict
		body = append(body, ui.WarningCard(2, "That did not work", ui.P(err.Error())))
	case said != "":
		body = append(body, ui.Success(said))
	}
	body = append(body, ui.H1("Make things happen"), ui.Lede("The hospitals and the council here are pretended. What you start here comes over the same sockets as in real life."),
		ui.P("The time in this demonstration is "+ui.DateTime(p.demo.clock.now())+"."))
	for _, g := range p.groups() {
		if p.demo.cmd.NoSim {
			break
		}
		var acts ui.Nodes
		for _, a := range g.acts {
			acts = append(acts, ui.PostForm("/demo/do/"+a.id, ui.Button{Text: a.text, Kind: ui.Secondary, Small: true}))
		}
		body = append(body, ui.Section(g.title, g.title, ui.P(g.about), acts))
	}
	body = append(body, ui.Section("epr", "From the hospital’s own record system",
		ui.P("King’s Mill’s record system signs in with its key, and opens Homeward with Barbara in context: nothing to type, and the reason is still asked. Sign in as nina."),
		ui.PostForm("/demo/epr", ui.Button{Text: "Open Homeward from the EPR for Barbara", Kind: ui.Secondary, Small: true})))
	body = append(body, p.demo.heard())
	page := ui.Page{Title: "Make things happen", Assets: p.assets, Phase: "Demonstration: everybody here is invented", Width: ui.ReadingPage, Main: body}
	if err := ui.Write(w, r, status, page); err != nil {
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
	}
}
